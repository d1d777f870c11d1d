"""The photos of an index with crops of another ratio than its squares."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from renderer.choices import Crop
from renderer.descriptors import blocks, tile_size
from renderer.library.crop_tables import BLOCK, CropBlock
from renderer.library.crops import Box, Tile, crop_box, cut, tile_of
from renderer.library.photos import Numbers, Photo, PhotoColumns, PhotoStore, keys_of
from renderer.pixels import Pixels
from renderer.progress import Progress
from renderer.threads import run_blocks

if TYPE_CHECKING:
    from renderer.library.index import Index, Thumbnail

_THREAD_PHOTOS: Final = 32  # that a thread crops at a time


def cropped_photos(
    index: Index, ratio: Fraction, numbers: Numbers, progress: Progress
) -> tuple[CroppedPhotos, PhotoColumns]:
    """Return photos with crops of a ratio, and their columns in the order of `numbers`.

    Crops that are not stored are computed.
    """
    ascending = np.unique(numbers)
    crops = _read_crops(index, ratio, ascending, progress)
    key = np.empty(len(ascending), np.uint64)
    for some in blocks(len(ascending), BLOCK):
        digest, _, clip_ms = index.contents(ascending[some])
        key[some] = keys_of(digest, crops.box[some].astype(np.int64), clip_ms)
    rows = np.searchsorted(ascending, numbers)
    columns = PhotoColumns(numbers.astype(np.int32), crops.signature[rows], crops.mean[rows], key[rows])
    return CroppedPhotos(index, ratio, ascending, crops.box), columns


def _read_crops(index: Index, ratio: Fraction, numbers: Numbers, progress: Progress) -> CropBlock:
    """Return the crops of photos, `numbers` in ascending order; those that are not stored are computed and stored."""
    with suppress(sqlite3.Error):  # without its tables, crops are computed for this run only
        index.use_ratio(ratio)
    crops = CropBlock.empty(len(numbers))
    block = numbers // BLOCK
    for each in np.unique(block).tolist():
        rows = np.flatnonzero(block == each)
        crops.put(rows, index.stored_block(ratio, each).take(numbers[rows] % BLOCK))
    missing = np.flatnonzero(crops.box[:, 2] <= 0)
    if len(missing):
        with progress.stage("cropping", len(missing), "photos") as advance:
            for some in blocks(len(missing), BLOCK):
                found = _compute(index, ratio, numbers[missing[some]])
                crops.put(missing[some], CropBlock.of(found))
                with suppress(sqlite3.Error):
                    index.store_crops(ratio, numbers[missing[some]], found)
                advance(len(found))
    return crops


def _compute(index: Index, ratio: Fraction, numbers: Numbers) -> list[tuple[Box, Tile]]:
    """Return the crops of at most 1,024 photos, computed on all cores."""
    thumbnails, rule = index.thumbnails(numbers), index.rule

    def crops(part: slice) -> list[tuple[Box, Tile]]:
        return [_crop(each, rule.crop, ratio) for each in thumbnails[part]]

    return [crop for part in run_blocks(crops, blocks(len(numbers), _THREAD_PHOTOS)) for crop in part]


def _crop(thumbnail: Thumbnail, crop: Crop, ratio: Fraction) -> tuple[Box, Tile]:
    pixels = thumbnail.pixels
    box = crop_box(pixels, thumbnail.size, crop, thumbnail.faces, ratio)
    return box, tile_of(cut(pixels, box, thumbnail.size), ratio)


class CroppedPhotos:
    """Photos of an index with crops of a ratio. Methods raise RenderError, as those of `Index` do.

    Crops are held in memory, 16 bytes each, so that they stay the same if another process changes the index. `numbers`:
    those of the photos, in ascending order; `boxes`: (N, 4) their crops.
    """

    def __init__(self, index: Index, ratio: Fraction, numbers: Numbers, boxes: npt.NDArray[np.int32]) -> None:
        self.index, self.ratio, self._numbers, self._boxes = index, ratio, numbers, boxes

    def _box(self, number: int) -> Box:
        left, top, width, height = self._boxes[np.searchsorted(self._numbers, number)].tolist()
        return left, top, width, height

    def boxes(self, numbers: Numbers) -> npt.NDArray[np.int32]:
        """Return the crops of photos, (N, 4): left, top, width and height in pixels."""
        return self._boxes[np.searchsorted(self._numbers, numbers)]

    # -- As PhotoStore ---------------------------------------------------------------------------------------------

    def photo(self, number: int, mean: tuple[float, float, float]) -> Photo:
        """Return a photo; `mean` is its mean colour, which the caller has."""
        return self.index.photo(number, mean, self._box(number))

    def tiles(self, numbers: Numbers) -> Pixels:
        """Return the tile pictures of photos, (N, H, W, 3)."""
        width, height = tile_size(self.ratio)
        tiles = np.empty((len(numbers), height, width, 3), np.uint8)
        with self.index.final_read():
            for batch in blocks(len(numbers), BLOCK):
                distinct, back = np.unique(numbers[batch], return_inverse=True)
                stored = self.index.stored_tiles(self.ratio, distinct.tolist())
                missing = np.setdiff1d(distinct, np.array(list(stored), np.int64))
                for number, thumbnail in zip(missing.tolist(), self.index.thumbnails(missing), strict=True):
                    shown = cut(thumbnail.pixels, self._box(number), thumbnail.size)
                    stored[number] = tile_of(shown, self.ratio).pixels
                tiles[batch] = np.stack([stored[number] for number in distinct.tolist()])[back]
        return tiles

    def are_upright(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether photos are higher than wide, (N,)."""
        return self.index.are_upright(numbers)

    def cropped(
        self, numbers: Numbers, ratio: Fraction, progress: Progress, source: Callable[[Photo], Pixels] | None
    ) -> tuple[PhotoStore, PhotoColumns]:
        """Return these photos with crops of another ratio."""
        return self.index.cropped(numbers, ratio, progress, source)

    def descriptors(self, numbers: Numbers) -> Pixels:
        """Return the descriptors of photos, (N, 8, 8, 3): their whole pictures, scaled down."""
        return self.index.descriptors(numbers)

    def dates(self, numbers: Numbers) -> list[tuple[Path, str]]:
        """Return each photo's path and its capture time, or else its file's modification time: ISO 8601."""
        return self.index.dates(numbers)

    def with_digests(self, digests: Sequence[str]) -> list[int]:
        """Return the numbers of the photos whose files have these digests."""
        return self.index.with_digests(digests)

    def find_by_name(self, name: str) -> list[int]:
        """Return the numbers of photos with a path, or a file name with or without suffix, the best match first."""
        return self.index.find_by_name(name)
