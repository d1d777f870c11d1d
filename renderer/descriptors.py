"""What a cell or a photo looks like to the matcher: one row of numbers each, compared by Euclidean distance."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.pictures import Pixels, resize

TILE_PIXELS: Final = 32
"""Side in pixels of the small square picture of a photo (or a cell) that descriptors are made of."""

SIGNATURE_PIXELS: Final = 8
"""Side of the signature: as much of a photo as an eye sees of a tile in a mosaic; it is held in memory for all."""

Metric = Literal["mean", "pixels"]
"""`mean`: the mean RGB of a cell. `pixels`: every one of its 32 × 32 RGB values."""


def describe(tiles: Pixels, metric: Metric) -> npt.NDArray[np.float32]:
    """Descriptors (N, D) of pictures (N, 32, 32, 3): D is 3 for `mean` and 3072 for `pixels`, in 8-bit steps 0…255."""
    if metric == "mean":
        return np.asarray(tiles.mean(axis=(1, 2), dtype=np.float64), np.float32)
    return tiles.reshape(len(tiles), -1).astype(np.float32)


def signatures(tiles: Pixels) -> Pixels:
    """Signatures (N, 8, 8, 3) of pictures (N, 32, 32, 3): averages of light over 4 × 4 pixels, in sRGB."""
    small = [resize(tile, SIGNATURE_PIXELS, SIGNATURE_PIXELS) for tile in tiles]
    return np.stack(small) if small else np.empty((0, SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
