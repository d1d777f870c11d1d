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


class CroppedPhotos:
    """Photos of an index with crops of a ratio. Methods raise RenderError, as those of `Index` do.

    Crops are held in memory, 16 bytes each, so that they stay the same if another process changes the index.
    """

    def __init__(self, index: Index, ratio: Fraction, numbers: Numbers, progress: Progress) -> None:
        """Read the crops of photos, `numbers` in ascending order, and compute those that are not stored."""
        self._index, self._ratio, self._numbers = index, ratio, numbers
        with suppress(sqlite3.Error):  # without its tables, crops are computed for this run only
            index.use_ratio(ratio)
        self._crops = CropBlock.empty(len(numbers))
        block = numbers // BLOCK
        for each in np.unique(block).tolist():
            rows = np.flatnonzero(block == each)
            self._crops.put(rows, index.stored_block(ratio, each).take(numbers[rows] % BLOCK))
        missing = np.flatnonzero(self._crops.box[:, 2] <= 0)
        if len(missing):
            with progress.stage("cropping", len(missing), "photos") as advance:
                for some in blocks(len(missing), BLOCK):
                    self._compute(missing[some])
                    advance(len(missing[some]))

    def _compute(self, rows: Numbers) -> None:
        """Compute and store the crops of photos, by their rows here."""
        numbers, rule = self._numbers[rows], self._index.rule
        thumbnails = self._index.thumbnails(numbers)

        def crops(part: slice) -> list[tuple[Box, Tile]]:
            return [self._crop(each, rule.crop) for each in thumbnails[part]]

        found = [crop for part in run_blocks(crops, blocks(len(rows), _THREAD_PHOTOS)) for crop in part]
        self._crops.put(rows, CropBlock.of(found))
        with suppress(sqlite3.Error):
            self._index.store_crops(self._ratio, numbers, found)

    def _crop(self, thumbnail: Thumbnail, crop: Crop) -> tuple[Box, Tile]:
        pixels = thumbnail.pixels
        box = crop_box(pixels, thumbnail.size, crop, thumbnail.faces, self._ratio)
        return box, tile_of(cut(pixels, box, thumbnail.size), self._ratio)

    def columns(self, numbers: Numbers) -> PhotoColumns:
        """Return the columns of photos, in the order of `numbers`."""
        key = np.empty(len(self._numbers), np.uint64)
        for some in blocks(len(self._numbers), BLOCK):
            digest, _, clip_ms = self._index.contents(self._numbers[some])
            key[some] = keys_of(digest, self._crops.box[some].astype(np.int64), clip_ms)
        rows = np.searchsorted(self._numbers, numbers)
        crops = self._crops.take(rows)
        return PhotoColumns(numbers.astype(np.int32), crops.signature, crops.mean, key[rows])

    def _box(self, number: int) -> Box:
        left, top, width, height = self._crops.box[np.searchsorted(self._numbers, number)].tolist()
        return left, top, width, height

    # -- As PhotoStore ---------------------------------------------------------------------------------------------

    def photo(self, number: int, mean: tuple[float, float, float]) -> Photo:
        """Return a photo; `mean` is its mean colour, which the caller has."""
        return self._index.photo(number, mean, self._box(number))

    def tiles(self, numbers: Numbers) -> Pixels:
        """Return the tile pictures of photos, (N, H, W, 3)."""
        width, height = tile_size(self._ratio)
        tiles = np.empty((len(numbers), height, width, 3), np.uint8)
        with self._index.final_read():
            for batch in blocks(len(numbers), BLOCK):
                distinct, back = np.unique(numbers[batch], return_inverse=True)
                stored = self._index.stored_tiles(self._ratio, distinct.tolist())
                missing = np.setdiff1d(distinct, np.array(list(stored), np.int64))
                for number, thumbnail in zip(missing.tolist(), self._index.thumbnails(missing), strict=True):
                    shown = cut(thumbnail.pixels, self._box(number), thumbnail.size)
                    stored[number] = tile_of(shown, self._ratio).pixels
                tiles[batch] = np.stack([stored[number] for number in distinct.tolist()])[back]
        return tiles

    def are_upright(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether photos are higher than wide, (N,)."""
        return self._index.are_upright(numbers)

    def cropped(
        self, numbers: Numbers, ratio: Fraction, progress: Progress, source: Callable[[Photo], Pixels] | None
    ) -> tuple[PhotoStore, PhotoColumns]:
        """Return these photos with crops of another ratio."""
        return self._index.cropped(numbers, ratio, progress, source)

    def descriptors(self, numbers: Numbers) -> Pixels:
        """Return the descriptors of photos, (N, 8, 8, 3): their whole pictures, scaled down."""
        return self._index.descriptors(numbers)

    def dates(self, numbers: Numbers) -> list[tuple[Path, str]]:
        """Return each photo's path and its capture time, or else its file's modification time: ISO 8601."""
        return self._index.dates(numbers)

    def with_digests(self, digests: Sequence[str]) -> list[int]:
        """Return the numbers of the photos whose files have these digests."""
        return self._index.with_digests(digests)

    def find_by_name(self, name: str) -> list[int]:
        """Return the numbers of photos with a path, or a file name with or without suffix, the best match first."""
        return self._index.find_by_name(name)
