"""What a cell or a photo looks like to the matcher: one row of numbers each, compared by Euclidean distance."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.pictures import Pixels

TILE_PIXELS: Final = 32
"""Side in pixels of the small square picture of a photo (or a cell) that descriptors are made of."""

Metric = Literal["mean", "pixels"]
"""`mean`: the mean RGB of a cell. `pixels`: every one of its 32 × 32 RGB values."""


def describe(tiles: Pixels, metric: Metric) -> npt.NDArray[np.float32]:
    """Descriptors (N, D) of pictures (N, 32, 32, 3): D is 3 for `mean` and 3072 for `pixels`, in 8-bit steps 0…255."""
    if metric == "mean":
        return np.asarray(tiles.mean(axis=(1, 2), dtype=np.float64), np.float32)
    return tiles.reshape(len(tiles), -1).astype(np.float32)
