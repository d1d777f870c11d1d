"""Drawing resting pictures into the planes of a 4:2:0 frame, from mip levels that are stored as such planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array, Int64Array, Pixels
from renderer.kernels.library import kernels

FORWARD_RIGHT: Final = 1
FORWARD_BELOW: Final = 2
BEYOND: Final = 4
FULL: Final = 8
"""Styles of parts. On a forward side a part extends over every pixel that it touches, since a later part is drawn over
its edge; with `FULL` on all sides. `BEYOND`: texels beyond the edges may be read, as in a finished frame from which
parts are copied."""

_NOTHING: Final = np.zeros(0, np.uint8)

_LEVEL: Final = np.dtype(
    [
        # Indices of the first block, in the list of blocks: with tone, without, and its alpha. The others follow row by
        # row.
        ("toned", np.int64), ("plain", np.int64), ("cover", np.int64),
        ("columns", np.int64),  # in a row
        ("left", np.int64), ("top", np.int64),  # column and row of the first block
        # Texels, even numbers. A block holds the planes Y, Cb and Cr, one after another; its alpha that of Y, of Cb.
        ("block_width", np.int64), ("block_height", np.int64),
        # Cells are 2^cell_bits texels wide and high, and sampled as pictures of their own; −1: the picture has none.
        ("cell_bits", np.int64),
        ("x_scale", np.float64), ("x_start", np.float64),  # texel = scale · pixel + start, from the upper left corners
        ("y_scale", np.float64), ("y_start", np.float64),
    ]
)  # fmt: skip

PICTURE: Final = np.dtype(
    [
        ("fine", _LEVEL), ("coarse", _LEVEL),
        ("blend", np.int64),  # weight of the coarse level, 0…256
        ("opaque", np.int64),  # 1: no block has alpha
        ("opacity", np.int64),  # of the whole picture, 0…256
        ("first", np.int64), ("end", np.int64),  # range of the picture's parts
    ]
)  # fmt: skip
"""A picture, two mip levels of it and how they lie in the frame, in C's layout (renderer/kernels/planar.c)."""


@dataclass(frozen=True)
class PlanarPictures:
    """Pictures that are stored as planes, ready to draw, one over another."""

    records: npt.NDArray[np.void]  # (N,) PICTURE
    blocks: Int64Array  # memory addresses
    edges: Float64Array  # (M, 4) left, top, right and bottom of each part, in pixels
    styles: npt.NDArray[np.int32]  # (M, 2) share of its tone, 0…256; FORWARD_RIGHT | …
    kept: Sequence[object]  # what the addresses point to
    prepared: Pixels | None = None  # what bands as wide as the frame share, if there is only one part
    solid: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, top, right, bottom of a box in which all blocks are opaque

    def as_opaque(self) -> PlanarPictures:
        """Return the pictures without alpha, for what lies in `solid`."""
        if self.records["opaque"].all():
            return self
        records = self.records.copy()
        records["opaque"] = 1
        return replace(self, records=records)

    def cut(self, edges: Float64Array, styles: npt.NDArray[np.int32]) -> PlanarPictures:
        """Return parts of the only picture."""
        records = self.records.copy()
        records["first"], records["end"] = 0, len(edges)
        return replace(self, records=records, edges=edges, styles=styles)

    def prepare(self, width: int) -> PlanarPictures:
        """Return the pictures for frames of `width` pixels, with what all bands share."""
        if len(self.records) != 1 or len(self.edges) != 1:
            return self
        memory = np.zeros(kernels().prepared_bytes(width), np.uint8)
        kernels().prepare_planes(width, self.records.view(np.uint8), self.edges, self.styles, memory)
        return replace(self, prepared=memory)


def planar_memory(width: int) -> Pixels:
    """Return the memory that `draw_planes` needs for frames of `width` pixels, one for each thread."""
    return np.empty(kernels().planar_bytes(width), np.uint8)


def draw_planes(
    planes: tuple[Pixels, Pixels, Pixels], clip: tuple[int, int, int, int], pictures: PlanarPictures, memory: Pixels
) -> None:
    """Draw pictures into the part left, top, right, bottom (even numbers) of the planes of a frame."""
    luma, blue, red = planes
    prepared = pictures.prepared if (clip[0], clip[2]) == (0, luma.shape[1]) else None
    kernels().draw_planes(
        luma, blue, red, luma.shape[1], np.array(clip), pictures.blocks, pictures.records.view(np.uint8),
        len(pictures.records), pictures.edges, pictures.styles, memory,
        _NOTHING if prepared is None else prepared, prepared is not None,
    )  # fmt: skip
