"""Pieces of a picture as tiles, if there are no photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import TILE_PIXELS
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.photos import Photo
from renderer.library.reading import entry_of, file_digest
from renderer.pixels import Picture, Pixels, resize
from renderer.progress import Progress, track

_PART_SCALES: Final = (2, 3, 4.5, 6.5, 9.5, 14)
"""Ratios of the picture's shorter side to a part's side. Smaller parts look blurred when the camera is near."""

_PART_STEP: Final = 10  # of a part's 32 pixels: parts overlap by two thirds, and a 3:2 picture has 4,500 of them

_SMALLEST_PART: Final = 16  # pixels; smaller parts show no detail, and sides are multiples of it


def cut_parts(
    cover: Path, picture: Picture, digest: str, others: Sequence[Path], progress: Progress, *, smallest: float = 0.0
) -> Library:
    """Return a library of the whole cover, which comes first, and square pieces of it and of other pictures.

    Used if there are no photos: the pieces of a cover always have its colours. `picture` and `digest` are those of the
    cover. Pieces are larger than `smallest` pixels of the cover if possible: pieces as large as the cells would be
    placed where they were cut, which makes no mosaic. Raises PictureError.
    """
    # The whole cover is the tile on which the camera lands: its centre square is shown.
    from renderer.pictures import read_picture

    whole = entry_of(cover, digest, picture, "centre")
    photos, tiles = [whole.photo], [whole.tile[np.newaxis]]
    pictures = {cover: picture.pixels}
    with progress.stage("cutting tiles", 1 + len(others), "pictures") as advance:
        for path in track([cover, *others], advance):
            if path != cover:
                picture, digest = read_picture(path, shorter_side=SHORTER_SIDE), file_digest(path)
            parts, cut = parts_of(path, picture, digest, smallest=smallest)
            photos += parts
            tiles.append(cut)
    return Library(photos, np.concatenate(tiles), pictures=pictures)


def parts_of(path: Path, picture: Picture, digest: str, *, smallest: float = 0.0) -> tuple[list[Photo], Pixels]:
    """Return the pieces of a picture above `smallest` pixels, or the largest, and their tiles, (N, 32, 32, 3)."""
    photos: list[Photo] = []
    tiles = [np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8)]
    for scale in _PART_SCALES:
        if scale > _PART_SCALES[0] and min(picture.size) / scale < smallest:
            break
        crops, cut, means = _parts_at(picture, scale)
        tiles.append(cut)
        photos += [
            Photo(path, digest, picture.size, crop, (r, g, b), is_part=True)
            for crop, (r, g, b) in zip(crops, means.tolist(), strict=True)
        ]
    return photos, np.concatenate(tiles)


def _parts_at(picture: Picture, scale: float) -> tuple[list[tuple[int, int, int]], Pixels, npt.NDArray[np.float64]]:
    """Return crop boxes, tiles (N, 32, 32, 3) and mean colours (N, 3), 0…1, of all parts at one scale.

    The picture is scaled once, so that tiles are windows of it, and a box filter computes all means.
    """
    width, height = picture.size
    # A multiple of 16, so that parts start on whole pixels: small mip levels, cut here, and large ones, cut from the
    # file, then show exactly the same.
    side = round(min(width, height) / scale / _SMALLEST_PART) * _SMALLEST_PART
    if min(width, height) / scale < _SMALLEST_PART:
        return [], np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8), np.empty((0, 3))
    columns, rows = (length * TILE_PIXELS // side // 2 * 2 for length in (width, height))
    decoded_scale = picture.pixels.shape[1] / width
    decoded_size = [round(count * side / TILE_PIXELS * decoded_scale) for count in (rows, columns)]
    scaled = resize(np.ascontiguousarray(picture.pixels[: decoded_size[0], : decoded_size[1]]), columns, rows)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (TILE_PIXELS, TILE_PIXELS), axis=(0, 1))
    windows = windows[::_PART_STEP, ::_PART_STEP]
    step = _PART_STEP * side // TILE_PIXELS
    boxes = [(x * step, y * step) for y in range(windows.shape[0]) for x in range(windows.shape[1])]
    tiles = np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(-1, TILE_PIXELS, TILE_PIXELS, 3)
    averaged = cv2.boxFilter(scaled, cv2.CV_64F, (TILE_PIXELS, TILE_PIXELS), anchor=(0, 0)) / 255
    means = averaged[: scaled.shape[0] - TILE_PIXELS + 1 : _PART_STEP, : scaled.shape[1] - TILE_PIXELS + 1 : _PART_STEP]
    return [(left, top, side) for left, top in boxes], tiles, means.reshape(-1, 3)
