"""The cells of a mosaic as the page draws them: numbers that its shader reads as they are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from renderer.placement import PlacementMap
from renderer.scene.tiles import tiles_at_rest

CELL: Final = np.dtype([("box", "<f4", 4), ("gain", "<f2", 3), ("offset", "<f2", 3), ("shown", "<u4")])
"""A cell in the table, 32 bytes.

`box`: x, y, width and height of its tile in units. `gain` and `offset`: as in the map. `shown`: the index of its photo
in the lower 24 bits; then its symmetry, 3 bits, as in the map; the sides on which it adjoins later tiles, 3 bits, as in
`Sprites`; and whether it shows only the middle of its photo, across or along, a bit each.
"""


def cell_table(placement: PlacementMap) -> bytes:
    """Return the table of a map's cells, in their order. See `CELL`."""
    tiles = tiles_at_rest(placement)
    half = np.abs(tiles.right) + np.abs(tiles.down)
    table = np.zeros(len(placement), CELL)
    table["box"] = np.concatenate([tiles.centre - half, 2 * half], 1)
    table["gain"], table["offset"] = placement.gain, placement.offset
    cut = tiles.window[:, :2] > 0
    flags = placement.symmetry.astype(np.uint32) | tiles.joined.astype(np.uint32) << 3
    flags |= cut[:, 0].astype(np.uint32) << 6 | cut[:, 1].astype(np.uint32) << 7
    table["shown"] = placement.photo.astype(np.uint32) | flags << 24
    return table.tobytes()


def cell_places(placement: PlacementMap) -> bytes:
    """Return the column and row of each cell, as commands name it: (N, 2) little-endian uint16."""
    return placement.grid.cells[:, :2].astype("<u2").tobytes()


def outline(placement: PlacementMap) -> dict[str, Any]:
    """Return the outline of all tiles, lengths as shares of their shorter side, and what they show of a photo.

    `ratio`: width / height of the photo inside the border (of `mixed`, of landscape tiles). `margin`: the share of a
    photo that is cut off at each end if a tile shows only its middle.
    """
    shape = placement.shape
    tiles = tiles_at_rest(placement)
    cut = tiles.window[:, :2].max(initial=0.0)
    return {
        "kind": shape.kind, "radius": tiles.outline.radius, "border": tiles.outline.border,
        "colour": list(tiles.outline.border_colour), "ratio": float(shape.tile_ratio), "margin": float(cut),
    }  # fmt: skip
