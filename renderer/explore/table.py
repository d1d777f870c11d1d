"""The cells of a mosaic as the page needs them: numbers in one buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from renderer.placement import PlacementMap
    from renderer.scene import Sprites


def cell_table(placement: PlacementMap, tiles: Sprites) -> tuple[dict[str, Any], bytes]:
    """Return what each cell shows, as arrays one after another, little-endian, and their description as JSON.

    `tiles`: the cells at rest. Each array has an entry for each cell: `box` x, y, width and height of the tile in
    units; `photo` its index; `symmetry` as in the map; `gain` and `offset`; and `window`, if a tile shows less than the
    crop of its photo. The description has offset, type and number of columns of each. 41 bytes a cell.
    """
    half = np.abs(tiles.right) + np.abs(tiles.down)
    arrays: dict[str, tuple[np.ndarray[Any, Any], str]] = {
        "box": (np.concatenate([tiles.centre - half, 2 * half], 1), "<f4"),
        "photo": (placement.photo, "<u4"),
        "gain": (placement.gain, "<f2"),
        "offset": (placement.offset, "<f2"),
        "symmetry": (placement.symmetry, "<u1"),
    }
    if (tiles.window != (0, 0, 1, 1)).any():
        arrays["window"] = (tiles.window, "<f4")
    described: dict[str, Any] = {}
    parts: list[bytes] = []
    start = 0
    # The largest numbers first, so that all of them are aligned.
    for name, (array, kind) in sorted(arrays.items(), key=lambda item: -np.dtype(item[1][1]).itemsize):
        content = np.ascontiguousarray(array, kind).tobytes()
        described[name] = {"at": start, "type": kind[1:], "columns": array.size // len(array)}
        parts.append(content)
        start += len(content)
    return described, b"".join(parts)
