"""Deep Zoom images: a descriptor, NAME.dzi, and a folder of JPEG tiles, NAME_files/LEVEL/COLUMN_ROW.jpg.

Level n is the picture with at most 2ⁿ pixels per side: level 0 has 1 × 1, and the sides of each level are half of those
of the next one, rounded up. A tile shows 254 × 254 pixels, and one more of each neighbour. Source:
https://learn.microsoft.com/previous-versions/windows/silverlight/dotnet-windows-silverlight/cc645077(v=vs.95)
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2

from renderer.errors import InputError
from renderer.messages import named
from renderer.output_files import check_file_and_folder, check_writable
from renderer.pictures import Pixels
from renderer.stills import JPEG_QUALITY

TILE_SIDE: Final = 254
"""Pixels of a tile without its overlaps, so that it has 256 with them."""

OVERLAP: Final = 1
"""Pixels of each neighbour that a tile also shows, so that no seam is visible where tiles are scaled."""

SUFFIX: Final = ".dzi"
"""Extension of the descriptor."""

_TILE_NAME: Final = re.compile(r"\d+_\d+\.(jpe?g|png)")

_NAMESPACE: Final = "http://schemas.microsoft.com/deepzoom/2008"


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the width and height of each level of a picture, from 1 × 1 up to its own."""
    count = (max(size) - 1).bit_length() + 1
    return [(-(-size[0] >> down), -(-size[1] >> down)) for down in reversed(range(count))]


def tile_counts(size: tuple[int, int]) -> tuple[int, int]:
    """Return the columns and rows of tiles of a level."""
    return math.ceil(size[0] / TILE_SIDE), math.ceil(size[1] / TILE_SIDE)


def descriptor(size: tuple[int, int]) -> str:
    """Return the XML that describes a picture and its tiles."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Image xmlns="{_NAMESPACE}" Format="jpg" Overlap="{OVERLAP}" TileSize="{TILE_SIDE}">\n'
        f'  <Size Width="{size[0]}" Height="{size[1]}"/>\n'
        "</Image>\n"
    )


def write_tiles(
    folder: Path, size: tuple[int, int], box: tuple[int, int, int, int], pixels: Pixels, *, full_chroma: bool
) -> tuple[int, int]:
    """Write the tiles of a part of a level into its folder. Returns the number of files and their bytes.

    `size`: of the level. `box`: left, top, width and height of the part; left and top are multiples of `TILE_SIDE`.
    `pixels`: the part, (H, W, 3) sRGB, with its overlaps inside the level. `full_chroma`: store colours for each pixel
    (4:4:4), and not for 2 × 2 pixels (4:2:0). Files have neither metadata nor a profile: browsers show pictures without
    one as sRGB.
    """
    chroma = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    # As fast as Pillow, or up to 1.25 times.
    options = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma)
    left, top, width, height = box
    reversed_pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    files = written = 0
    for row, rows in _spans(top, height, size[1]):
        for column, columns in _spans(left, width, size[0]):
            encoded = cv2.imencode(".jpg", reversed_pixels[rows, columns], options)[1]
            (folder / f"{column}_{row}.jpg").write_bytes(encoded.data)
            files, written = files + 1, written + encoded.size
    return files, written


def _spans(first: int, length: int, side: int) -> Iterator[tuple[int, slice]]:
    """Yield the number of each tile of a part along one axis, and its pixels in those of the part.

    `first`, `length`: the part without overlaps. `side`: of the level.
    """
    origin = max(first - OVERLAP, 0)
    for number in range(first // TILE_SIDE, math.ceil((first + length) / TILE_SIDE)):
        low = max(number * TILE_SIDE - OVERLAP, 0)
        high = min((number + 1) * TILE_SIDE + OVERLAP, side)
        yield number, slice(low - origin, high - origin)


def paths_of(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the paths of the descriptor and of the folder of tiles. Raises InputError if NAME can't be a file name."""
    if not name or name != Path(name).name:
        raise InputError(f"{named('name', name)} can't be a file name: choose a name without slashes")
    return folder / f"{name}{SUFFIX}", folder / f"{name}_files"


def check_deep_zoom(folder: Path, name: str, *, overwrite: bool) -> None:
    """Raise InputError if a Deep Zoom image can't be written, BusyError if another process is writing it."""
    path, tiles = paths_of(folder, name)
    check_writable(path, overwrite=overwrite, parameter="deep_zoom")
    if not os.path.lexists(tiles):  # a Path may raise OSError for a name that is too long
        check_writable(tiles, overwrite=overwrite, parameter="deep_zoom")
    check_existing(folder, name, overwrite=overwrite)


def check_existing(folder: Path, name: str, *, overwrite: bool) -> None:
    """Raise InputError if there is already a file or folder of a Deep Zoom image that may not be replaced.

    With `overwrite`, only a folder of tiles is replaced: browsers also save the files of a page as NAME_files.
    """
    path, tiles = paths_of(folder, name)
    check_file_and_folder(path, tiles, _is_tiles, "tiles", overwrite=overwrite, parameter="deep_zoom")


def _is_tiles(folder: Path) -> bool:
    """Return whether a folder contains only tiles, in folders of levels. Raises OSError."""
    return all(
        level.is_dir() and level.name.isdecimal() and all(_TILE_NAME.fullmatch(tile.name) for tile in level.iterdir())
        for level in folder.iterdir()
    )
