"""Pieces of a picture as tiles, if there are no photos."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import TILE_PIXELS, MixedRatio, Ratio, ratio_of, tile_size
from renderer.library.crops import SQUARE, Box, crop_box, cut, tile_of
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.photos import Photo
from renderer.library.reading import file_digest, thumbnail_of
from renderer.pixels import Picture, Pixels, resize
from renderer.progress import Progress, track

_PART_SCALES: Final = (2, 3, 4.5, 6.5, 9.5, 14)
"""Ratios of the picture's shorter side to a part's shorter side. Smaller parts look blurred when the camera is near."""

_PART_STEP: Final = 10  # of a part's 32 pixels: squares overlap by two thirds, and a 3:2 picture has 4,500 of them

_SMALLEST_PART: Final = 16  # pixels; smaller parts show no detail, and sides are multiples of it


def cut_parts(
    cover: Path,
    picture: Picture,
    digest: str,
    others: Sequence[Path],
    progress: Progress,
    *,
    smallest: float = 0.0,
    ratio: Ratio = SQUARE,
) -> Library:
    """Return a library of the whole cover, which comes first, and pieces of it and of other pictures.

    Used if there are no photos: the pieces of a cover always have its colours. `picture` and `digest` are those of the
    cover. `ratio`: width / height of the tiles. Pieces have a shorter side of more than `smallest` pixels of the cover
    if possible: pieces as large as the cells would be placed where they were cut, which makes no mosaic. Raises
    PictureError.
    """
    # The whole cover is the tile on which the camera lands: its centre is shown.
    from renderer.pictures import read_picture

    thumbnail, first = thumbnail_of(picture.pixels), ratio_of(ratio, is_upright=picture.size[1] > picture.size[0])
    box = crop_box(thumbnail, picture.size, "centre", (), first)
    whole = tile_of(cut(thumbnail, box, picture.size), first)
    ratios = [first, 1 / first] if isinstance(ratio, MixedRatio) else [first]
    photos: list[list[Photo]] = [[] for _ in ratios]
    photos[0].append(Photo(cover, digest, picture.size, box, whole.mean))
    tiles = [[np.empty((0, *reversed(tile_size(each)), 3), np.uint8)] for each in ratios]
    tiles[0].append(whole.pixels[np.newaxis])
    pictures = {cover: picture.pixels}
    with progress.stage("cutting tiles", 1 + len(others), "pictures") as advance:
        for path in track([cover, *others], advance):
            if path != cover:
                picture, digest = read_picture(path, shorter_side=SHORTER_SIDE), file_digest(path)
            for number, each in enumerate(ratios):
                parts, their_tiles = parts_of(path, picture, digest, smallest=smallest, ratio=each)
                photos[number] += parts
                tiles[number].append(their_tiles)
    libraries = [
        Library(some, np.concatenate(pixels), pictures=pictures, ratio=each)
        for some, pixels, each in zip(photos, tiles, ratios, strict=True)
    ]
    if len(libraries) == 1:
        return libraries[0]
    if first >= 1:
        return libraries[0].mixed(libraries[1])
    order = np.roll(np.arange(len(photos[0]) + len(photos[1])), len(photos[0]))  # the cover comes first
    return libraries[1].mixed(libraries[0]).take(order)


def parts_of(
    path: Path, picture: Picture, digest: str, *, smallest: float = 0.0, ratio: Fraction = SQUARE
) -> tuple[list[Photo], Pixels]:
    """Return the pieces of a picture above `smallest` pixels, or the largest, and their tiles, (N, H, W, 3)."""
    photos: list[Photo] = []
    tiles: list[Pixels] = [np.empty((0, *reversed(tile_size(ratio)), 3), np.uint8)]
    for scale in _PART_SCALES:
        if scale > _PART_SCALES[0] and min(picture.size) / scale < smallest:
            break
        crops, their_tiles, means = _parts_at(picture, scale, ratio)
        tiles.append(their_tiles)
        photos += [
            Photo(path, digest, picture.size, crop, (r, g, b), is_part=True)
            for crop, (r, g, b) in zip(crops, means.tolist(), strict=True)
        ]
    return photos, np.concatenate(tiles)


def _parts_at(picture: Picture, scale: float, ratio: Fraction) -> tuple[list[Box], Pixels, npt.NDArray[np.float64]]:
    """Return crop boxes, tiles (N, H, W, 3) and mean colours (N, 3), 0…1, of all parts at one scale.

    The picture is scaled once, so that tiles are windows of it, and a box filter computes all means.
    """
    width, height = picture.size
    tile_width, tile_height = tile_size(ratio)
    # A multiple of 16, so that parts start on whole pixels: small mip levels, cut here, and large ones, cut from the
    # file, then show exactly the same.
    side = round(min(width, height) / scale / _SMALLEST_PART) * _SMALLEST_PART
    columns, rows = (length * TILE_PIXELS // max(side, 1) // 2 * 2 for length in (width, height))
    if min(width, height) / scale < _SMALLEST_PART or columns < tile_width or rows < tile_height:
        return [], np.empty((0, tile_height, tile_width, 3), np.uint8), np.empty((0, 3))
    decoded_scale = picture.pixels.shape[1] / width
    decoded_size = [round(count * side / TILE_PIXELS * decoded_scale) for count in (rows, columns)]
    scaled = resize(np.ascontiguousarray(picture.pixels[: decoded_size[0], : decoded_size[1]]), columns, rows)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (tile_height, tile_width), axis=(0, 1))
    windows = windows[::_PART_STEP, ::_PART_STEP]
    step = _PART_STEP * side // TILE_PIXELS
    boxes = [(x * step, y * step) for y in range(windows.shape[0]) for x in range(windows.shape[1])]
    tiles = np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(-1, tile_height, tile_width, 3)
    averaged = cv2.boxFilter(scaled, cv2.CV_64F, (tile_width, tile_height), anchor=(0, 0)) / 255
    means = averaged[: scaled.shape[0] - tile_height + 1 : _PART_STEP, : scaled.shape[1] - tile_width + 1 : _PART_STEP]
    size = tile_width * side // TILE_PIXELS, tile_height * side // TILE_PIXELS
    return [(left, top, *size) for left, top in boxes], tiles, means.reshape(-1, 3)
