"""A mosaic as a Deep Zoom image, which viewers such as OpenSeadragon show at any size."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from renderer.covers import WHITE
from renderer.deep_zoom_files import (
    OVERLAP,
    TILE_SIDE,
    check_deep_zoom,
    check_existing,
    descriptor,
    level_sizes,
    paths_of,
    tile_counts,
    write_tiles,
)
from renderer.job.drawing import WholeMosaic
from renderer.job.mosaics import OpenMosaic
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.output_files import new_file_and_folder
from renderer.parameters import Colour
from renderer.pictures import Pixels, resize
from renderer.progress import Progress
from renderer.scene import FAR_PIXELS, TONE_FULL_BELOW, TONE_NONE_ABOVE
from renderer.stills import check_free_space
from renderer.threads import in_order

_MIN_BYTES: Final = 0.1
"""Bytes per pixel of all levels, with small photos on very large tiles; others take 0.2 to 0.6."""


FULL_CHROMA_BELOW: Final = 48.0
"""Pixels of a cell below which colours are stored for each pixel.

In smaller cells, colours change every few pixels. Larger ones show photos, whose own files rarely have more: there half
the chroma saves 17 % of the bytes, and 22 % of the time for encoding.
"""


@dataclass(frozen=True)
class DeepZoom:
    """A Deep Zoom image that was written."""

    path: Path  # of the descriptor
    size: tuple[int, int]  # width and height of the largest level in pixels
    levels: int
    files: int  # tiles, and the descriptor
    bytes: int  # of all files


@dataclass(frozen=True)
class _Part:
    """A part of a level, whose tiles are written together, as in `write_tiles`."""

    level: int
    box: tuple[int, int, int, int]
    pixels: Pixels
    full_chroma: bool = True


def write_deep_zoom(
    folder: Path,
    name: str,
    mosaic: OpenMosaic,
    size: tuple[int, int],
    progress: Progress,
    *,
    background: Literal["blur"] | Colour = WHITE,
    overwrite: bool = False,
) -> DeepZoom:
    """Write a whole mosaic as a Deep Zoom image: NAME.dzi and the tiles in NAME_files.

    `folder`: is created if it is missing. `size`: width and height of the largest level in pixels; if it has another
    shape than the mosaic, the mosaic is cropped or padded as in a still. `background`: what shows where there is no
    tile.

    Each level is drawn from the map at its own size, with the tone of a video's frame at this scale: full for small
    tiles, none for large ones. Levels whose cells are below 4 pixels are averages of the level above them.

    Both appear under their names only when all is complete, the descriptor last; what they replace stays until then.
    Memory, whatever the size: 240 MB for textures (or those of one tile) and blocks of a megapixel, 60 MB for each of
    at most 4 large photos that are decoded at a time, and, for the averages, 100 bytes per square unit of the map.

    Raises InputError as `check_deep_zoom` does, and if the disk is too small; BusyError and RenderError as `new_file`
    does.
    """
    path, tiles = paths_of(folder, name)
    sizes = level_sizes(size)
    check_deep_zoom(folder, name, overwrite=overwrite)
    check_free_space(
        path, size, _MIN_BYTES * sum(width * height for width, height in sizes), f"a smaller {named('tile_pixels')}"
    )
    count = sum(math.prod(tile_counts(each)) for each in sizes)
    with (
        new_file_and_folder(path, tiles, lambda: check_existing(folder, name, overwrite=overwrite)) as (file, new),
        closing(_parts(mosaic, sizes, background)) as parts,
        progress.stage("rendering", count, "tiles") as advance,
    ):

        def write(part: _Part) -> tuple[int, int]:
            return write_tiles(
                new / str(part.level), sizes[part.level], part.box, part.pixels, full_chroma=part.full_chroma
            )  # fmt: skip

        for level in range(len(sizes)):
            (new / str(level)).mkdir()
        text = descriptor(size)
        total = len(text)
        with closing(in_order(write, parts)) as done:
            for files, written in done:
                advance(files)
                total += written
        file.write_text(text, "utf-8", newline="\n")
    return DeepZoom(path, size, len(sizes), count + 1, total)


def _parts(
    mosaic: OpenMosaic, sizes: Sequence[tuple[int, int]], background: Literal["blur"] | Colour
) -> Generator[_Part, None, None]:
    """Yield the parts of all levels, the largest level first. `sizes`: those of the levels, the smallest first."""
    top, size = len(sizes) - 1, sizes[-1]
    with closing(WholeMosaic(mosaic, size, background)) as whole:
        # How often the last level that is drawn is halved; negative if it has to be larger than the picture.
        last = min(math.floor(arithmetic.log2(whole.scale / FAR_PIXELS)), top)
        width, height = (math.ceil(side * math.ldexp(1.0, -(last + 1))) for side in size)
        average = np.empty((height, width, 3), np.uint8)
        for halvings in range(min(last, 0), last + 1):
            for block in whole.blocks(
                (TILE_SIDE, TILE_SIDE), halvings=halvings, margin=OVERLAP, tone_sizes=(TONE_FULL_BELOW, TONE_NONE_ABOVE)
            ):
                if halvings >= 0:
                    rows, columns = block.pixels.shape[:2]
                    box = block.left, block.top, columns, rows
                    is_small = math.ldexp(whole.scale, -halvings) < FULL_CHROMA_BELOW
                    yield _Part(top - halvings, box, block.surrounded, full_chroma=is_small)
                if halvings == last:
                    half = _halved(block.pixels)
                    left, upper = block.left // 2, block.top // 2
                    average[upper : upper + len(half), left : left + half.shape[1]] = half
    for level in range(top - max(last + 1, 0), -1, -1):
        average = resize(average, *sizes[level])
        yield _Part(level, (0, 0, *sizes[level]), average)


def _halved(pixels: Pixels) -> Pixels:
    """Return a picture (H, W, 3) of half the width and height, rounded up, where the last pixels count twice."""
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    return resize(even, (width + 1) // 2, (height + 1) // 2)
