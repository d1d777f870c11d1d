"""Photos: one as a value, many as arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, Self, overload

import numpy as np
import numpy.typing as npt

from renderer.descriptors import (
    SIGNATURE_PIXELS,
    MixedRatio,
    Ratio,
    blocks,
    ratio_of,
    signatures,
    squashed,
    tile_size,
)
from renderer.faces import Face
from renderer.library.crops import SQUARE, Box, crop_box, cut, largest_part, tile_of
from renderer.names import absolute, normalized
from renderer.pixels import Pixels
from renderer.progress import Progress, Silent

Numbers = npt.NDArray[np.int64]
"""(N,) photos: by their index in `Photos`, or by their number in a store."""


@dataclass(frozen=True)
class Photo:
    """The picture of a tile: a crop of a picture file, or of a video frame."""

    path: Path
    digest: str  # BLAKE2b-128 of the file's bytes, hexadecimal
    size: tuple[int, int]  # width and height of the upright picture, pixels
    crop: Box  # left, top, width and height of the part shown as a tile, pixels of `size`
    mean: tuple[float, float, float]  # mean sRGB colour of the crop, 0…1
    is_part: bool = False  # a piece of a larger picture: only the crop belongs to this photo
    time: float | None = None  # of a video frame, seconds from the start; None: the file is a picture
    faces: tuple[Face, ...] = field(default=(), compare=False)  # of the whole picture; not stored in maps

    @property
    def clip_ms(self) -> int:
        """The time of a video frame in milliseconds; −1 for a picture."""
        return -1 if self.time is None else round(self.time * 1000)

    @property
    def own_size(self) -> tuple[int, int]:
        """Width and height of the picture, or of a piece its crop, in pixels."""
        return self.crop[2:] if self.is_part else self.size

    @property
    def is_upright(self) -> bool:
        """Whether the picture, or of a piece its crop, is higher than wide."""
        width, height = self.own_size
        return height > width


@dataclass(frozen=True)
class Skipped:
    """A file that can't be used as a tile."""

    path: Path
    reason: str
    transient: bool = False  # the same file may be readable later, as in `PictureError`


class PhotoStore(Protocol):
    """A source of numbered photos."""

    def photo(self, number: int, mean: tuple[float, float, float]) -> Photo:
        """Return a photo; `mean` is its mean colour, which the caller has."""
        ...

    def tiles(self, numbers: Numbers) -> Pixels:
        """Return the tile pictures of photos, (N, H, W, 3), shorter side 32."""
        ...

    def are_upright(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether photos are higher than wide, (N,), as `Photo.is_upright`."""
        ...

    def cropped(
        self, numbers: Numbers, ratio: Fraction, progress: Progress, source: Callable[[Photo], Pixels] | None
    ) -> tuple[PhotoStore, PhotoColumns]:
        """Return these photos with crops of a ratio, under the same numbers. `source`: as in `Photos.cropped`."""
        ...

    def descriptors(self, numbers: Numbers) -> Pixels:
        """Return the descriptors of photos, (N, 8, 8, 3): their whole pictures, scaled down."""
        ...

    def dates(self, numbers: Numbers) -> list[tuple[Path, str]]:
        """Return the path and the capture time of each photo: ISO 8601, local time of the camera."""
        ...

    def with_digests(self, digests: Sequence[str]) -> list[int]:
        """Return the numbers of the photos whose files have these digests."""
        ...

    def find_by_name(self, name: str) -> list[int]:
        """Return the numbers of photos with a path, or a file name with or without suffix, the best match first."""
        ...


class _MemoryStore:
    """Photos in memory, numbered from 0. `dates`: of each, or None for those of the files."""

    def __init__(self, photos: Sequence[Photo], tiles: Pixels, dates: Sequence[str] | None) -> None:
        self._photos, self._tiles, self._dates = photos, tiles, dates

    def cropped(
        self, numbers: Numbers, ratio: Fraction, progress: Progress, source: Callable[[Photo], Pixels] | None
    ) -> tuple[PhotoStore, PhotoColumns]:
        if source is None:
            raise ValueError("photos in memory are cropped by their library, which has their pictures")
        width, height = tile_size(ratio)
        photos, tiles = list(self._photos), np.zeros((len(self._photos), height, width, 3), np.uint8)
        with progress.stage("cropping", len(numbers), "photos") as advance:
            for number in numbers.tolist():
                photo, pixels = photos[number], source(photos[number])
                if photo.is_part:  # the middle: other pieces show what is beside it
                    part = largest_part(photo.crop[2:], ratio)
                    left, top = (
                        start + (length - kept) // 2
                        for start, length, kept in zip(photo.crop[:2], photo.crop[2:], part, strict=True)
                    )
                    box = (left, top, *part)
                else:
                    box = crop_box(pixels, photo.size, "smart", photo.faces, ratio)
                tile = tile_of(cut(pixels, box, photo.size), ratio)
                photos[number], tiles[number] = replace(photo, crop=box, mean=tile.mean), tile.pixels
                advance(1)
        columns = _columns([photos[each] for each in numbers.tolist()], tiles[numbers])
        return _MemoryStore(photos, tiles, self._dates), replace(columns, number=numbers.astype(np.int32))

    def photo(self, number: int, mean: tuple[float, float, float]) -> Photo:  # noqa: ARG002 (the photo has its own)
        return self._photos[number]

    def tiles(self, numbers: Numbers) -> Pixels:
        return self._tiles[numbers]

    def are_upright(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        return np.array([self._photos[number].is_upright for number in numbers.tolist()], bool)

    def descriptors(self, numbers: Numbers) -> Pixels:
        return signatures(self._tiles[numbers])

    def dates(self, numbers: Numbers) -> list[tuple[Path, str]]:
        paths = [self._photos[number].path for number in numbers.tolist()]
        if self._dates is not None:
            return [(path, self._dates[number]) for path, number in zip(paths, numbers.tolist(), strict=True)]
        return [(path, modification_time(path.stat().st_mtime_ns) if path.exists() else "") for path in paths]

    def with_digests(self, digests: Sequence[str]) -> list[int]:
        return [number for number, photo in enumerate(self._photos) if photo.digest in digests]

    def find_by_name(self, name: str) -> list[int]:
        paths = ((number, photo.path) for number, photo in enumerate(self._photos) if not photo.is_part)
        return [number for number, _ in match_name(name, paths)]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def modification_time(modified_ns: int) -> str:
    """Return a file's modification time in the form of capture times: ISO 8601, local time."""
    moment = _EPOCH + timedelta(microseconds=min(max(modified_ns // 1000, -(10**16)), 10**17))  # the years 1653 to 5138
    with contextlib.suppress(OverflowError, ValueError, OSError):  # beyond the range of local time
        moment = moment.astimezone()
    return moment.replace(tzinfo=None).isoformat()


def match_name(name: str, files: Iterable[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """Return the numbered files with a path, or a file name with or without suffix, the best match first."""
    name, path = normalized(name), normalized(str(absolute(name)))
    ranked = [
        (0 if normalized(str(file)) == path else 1 if normalized(file.name) == name else 2, number, file)
        for number, file in files
        if normalized(str(file)) == path or name in (normalized(file.name), normalized(file.stem))
    ]
    return [(number, file) for _, number, file in sorted(ranked)]


@dataclass(frozen=True)
class PhotoColumns:
    """The data that is held in memory for every photo: 216 bytes each."""

    number: npt.NDArray[np.int32]  # (N,) in its store
    signature: Pixels  # (N, 8, 8, 3) sRGB: what the matcher compares first
    mean: npt.NDArray[np.float32]  # (N, 3) sRGB 0…1
    key: npt.NDArray[np.uint64]  # (N,) equal only for the same crop of the same content

    def take(self, indices: Numbers) -> PhotoColumns:
        """Return the rows at these indices, in their order."""
        return PhotoColumns(*(values[indices] for values in vars(self).values()))


class Photos(Sequence[Photo]):
    """A sequence of photos from one or several stores; `Photo` objects are created on access.

    `ratio`: width / height of the crops. Each store has those of one ratio.
    """

    def __init__(self, stores: Sequence[tuple[PhotoStore, PhotoColumns]], ratio: Ratio = SQUARE) -> None:
        self.ratio = ratio
        self._stores = [store for store, _ in stores]
        columns = [column for _, column in stores] or [_columns([], _no_tiles())]
        counts = [len(column.number) for column in columns]
        self._store = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)  # (N,) index in `_stores`
        # The columns of a single store are not copied: a million signatures take 200 MB.
        self.columns = (
            columns[0]
            if len(columns) == 1
            else PhotoColumns(
                *(np.concatenate(values) for values in zip(*(vars(c).values() for c in columns), strict=True))
            )
        )

    @classmethod
    def of(cls, photos: Sequence[Photo], tiles: Pixels, ratio: Fraction = SQUARE) -> Self:
        """Return photos in memory, with their tile pictures (N, H, W, 3), shorter side 32."""
        return cls([in_memory(photos, tiles)], ratio)

    @classmethod
    def mixed(cls, landscape: Self, portrait: Self) -> Self:
        """Return landscape photos followed by portrait ones; crops of the latter have the inverse ratio."""
        ratio = landscape.ratio
        if not isinstance(ratio, Fraction) or portrait.ratio != 1 / ratio:
            raise ValueError(f"photos of ratio {portrait.ratio} can't be mixed with those of {ratio}")
        return cls([], MixedRatio(ratio))._with(landscape, portrait)

    def __len__(self) -> int:
        return len(self._store)

    @overload
    def __getitem__(self, index: int) -> Photo: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Photo | Self:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        r, g, b = self.columns.mean[index].tolist()
        store = self._stores[int(self._store[index])]
        return store.photo(int(self.columns.number[index]), (r, g, b))

    def __iter__(self) -> Iterator[Photo]:
        for some in blocks(len(self), 1024):
            columns = self._store[some], self.columns.number[some], self.columns.mean[some]
            for store, number, (r, g, b) in zip(*(column.tolist() for column in columns), strict=True):
                yield self._stores[store].photo(number, (r, g, b))

    def __add__(self, others: Self) -> Self:
        """Return these photos followed by others. Raises ValueError if their tiles have different ratios."""
        if self.ratio != others.ratio and len(self) and len(others):
            raise ValueError(f"photos with tiles of {self.ratio} can't be followed by others of {others.ratio}")
        return type(self)([], self.ratio if len(self) else others.ratio)._with(self, others)

    def _with(self, first: Self, second: Self) -> Self:
        """Make these the photos of two others, and return them."""
        self._stores = [*first._stores, *second._stores]
        self._store = np.concatenate([first._store, second._store + len(first._stores)])
        pairs = zip(vars(first.columns).values(), vars(second.columns).values(), strict=True)
        self.columns = PhotoColumns(*(np.concatenate(pair) for pair in pairs))
        return self

    def take(self, indices: Numbers) -> Self:
        """Return the photos at these indices, in their order."""
        photos = type(self)([], self.ratio)
        photos._stores, photos._store = self._stores, self._store[indices]
        photos.columns = self.columns.take(indices)
        return photos

    def cropped(
        self, ratio: Ratio, progress: Progress | None = None, source: Callable[[Photo], Pixels] | None = None
    ) -> Self:
        """Return the same photos with crops of a ratio, width / height; for the present ratio, these photos.

        Crops of indexed photos are computed from their thumbnails, on all cores, and stored in their index. `source`
        returns the whole picture of a photo that is not indexed, in any size. Raises RenderError.
        """
        if ratio == self.ratio:
            return self
        if isinstance(ratio, MixedRatio):
            kinds = self._by_orientation()
            landscape, portrait = (
                self.take(indices).cropped(ratio_of(ratio, is_upright=is_upright), progress, source)
                for indices, is_upright in zip(kinds, (False, True), strict=True)
            )
            return type(self).mixed(landscape, portrait).take(np.argsort(np.concatenate(kinds)))
        photos = type(self)([], ratio)
        photos._stores, photos._store = list(self._stores), self._store
        columns = PhotoColumns(*map(np.empty_like, vars(self.columns).values()))
        for which in np.unique(self._store).tolist():
            selected = np.flatnonzero(self._store == which)
            numbers = self.columns.number[selected].astype(np.int64)
            store, found = self._stores[which].cropped(numbers, ratio, progress or Silent(), source)
            photos._stores[which] = store
            for name, values in vars(columns).items():
                values[selected] = getattr(found, name)
        photos.columns = columns
        return photos

    def are_upright(self, indices: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether the photos at these indices are higher than wide, (N,), as `Photo.is_upright`."""
        upright = np.empty(len(indices), bool)
        for store, selected, numbers in self.by_store(indices):
            upright[selected] = store.are_upright(numbers)
        return upright

    def _by_orientation(self) -> tuple[Numbers, Numbers]:
        """Return the indices of the photos that are not higher than wide, and those of the others."""
        upright = self.are_upright(np.arange(len(self)))
        return np.flatnonzero(~upright), np.flatnonzero(upright)

    def tiles_of(self, indices: Numbers) -> Pixels:
        """Return the tile pictures of the photos at these indices, (N, H, W, 3), read from their stores.

        Those of crops of different ratios are scaled to 32 × 32.
        """
        is_mixed = isinstance(self.ratio, MixedRatio)
        width, height = tile_size(self.ratio if isinstance(self.ratio, Fraction) else SQUARE)
        tiles = np.empty((len(indices), height, width, 3), np.uint8)
        for store, selected, numbers in self.by_store(indices):
            found = store.tiles(numbers)
            tiles[selected] = squashed(found) if is_mixed else found
        return tiles

    def tiles_by_size(self) -> Iterator[tuple[Numbers, Pixels]]:
        """Yield the indices of landscape photos, then of portrait ones, and their tiles (N, H, W, 3), not scaled."""
        for indices in self._by_orientation():
            found = [(selected, store.tiles(numbers)) for store, selected, numbers in self.by_store(indices)]
            if found:
                tiles = np.empty((len(indices), *found[0][1].shape[1:]), np.uint8)
                for selected, pictures in found:
                    tiles[selected] = pictures
                yield indices, tiles

    def descriptors_of(self, indices: Numbers) -> Pixels:
        """Return the descriptors of the photos at these indices, (N, 8, 8, 3): their whole pictures, scaled down."""
        descriptors = np.empty((len(indices), SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
        for store, selected, numbers in self.by_store(indices):
            descriptors[selected] = store.descriptors(numbers)
        return descriptors

    def dates(self) -> list[tuple[Path, str]]:
        """Return each photo's path and its capture time, or the file's modification time if it has none: ISO 8601."""
        dates: list[tuple[Path, str]] = [(Path(), "")] * len(self)
        for store, selected, numbers in self.by_store(np.arange(len(self))):
            for index, date in zip(selected.tolist(), store.dates(numbers), strict=True):
                dates[index] = date
        return dates

    def by_store(self, indices: Numbers) -> Iterator[tuple[PhotoStore, Numbers, Numbers]]:
        """Yield each store of these photos, with their positions in `indices` and their numbers in the store."""
        indices = np.asarray(indices, np.int64)
        for which, store in enumerate(self._stores):
            selected = np.flatnonzero(self._store[indices] == which)
            if len(selected):
                yield store, selected, self.columns.number[indices[selected]].astype(np.int64)

    def find_by_name(self, name: str) -> int | None:
        """Return the index of the first photo, except pieces, with a path, or a file name with or without suffix."""
        found = [
            index
            for which, store in enumerate(self._stores)
            for number in store.find_by_name(name)
            for index in np.flatnonzero((self._store == which) & (self.columns.number == number)).tolist()
        ]
        # Stores know only which of their own photos matches best.
        ranked = match_name(name, ((index, self[index].path) for index in found))
        return ranked[0][0] if ranked else None

    def with_digests(self, digests: Sequence[str]) -> Numbers:
        """Return the indices of the photos whose files have these digests, whatever part of the picture they show."""
        selected = np.zeros(len(self), bool)
        for which, store in enumerate(self._stores):
            numbers = np.array(store.with_digests(digests), np.int64)
            selected |= (self._store == which) & np.isin(self.columns.number, numbers)
        return np.flatnonzero(selected)

    @cached_property
    def _by_key(self) -> Numbers:
        return np.argsort(self.columns.key, kind="stable")

    def find(self, photos: Iterable[Photo]) -> Numbers:
        """Return for each photo the index of the first one here with the same crop of the same content, or -1."""
        keys = keys_of_photos(list(photos))
        if not len(self):
            return np.full(len(keys), -1)
        position = np.minimum(np.searchsorted(self.columns.key, keys, sorter=self._by_key), len(self) - 1)
        index = self._by_key[position]
        return np.where(self.columns.key[index] == keys, index, -1)


_MIX: Final = tuple(
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
)


def keys_of(
    digest: npt.NDArray[np.uint64], crop: npt.NDArray[np.int64], time_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Return keys of photos, (N,), from the first 8 bytes of their digests, their crops (N, 4) and clip times (or -1).

    64 bits: the probability that any two of a million different photos share a key is 3e-8. The height counts only if
    it differs from the width, so that squares have the keys that caches of earlier versions contain.
    """
    left, top, width, height = crop.astype(np.uint64).T
    more = np.where(height == width, np.uint64(0), height * _MIX[0] ^ _MIX[1])
    key = digest ^ more
    for value, odd in zip((left, top, width, (time_ms + 1).astype(np.uint64)), _MIX, strict=True):
        key ^= value * odd
        key = (key << np.uint64(13)) | (key >> np.uint64(51))
    return key


def keys_of_photos(photos: Sequence[Photo]) -> npt.NDArray[np.uint64]:
    """Return the keys of photos, (N,)."""
    digest = np.array([int(photo.digest[:16] or "0", 16) for photo in photos], np.uint64)
    crop = np.array([photo.crop for photo in photos], np.int64).reshape(len(photos), 4)
    return keys_of(digest, crop, np.array([photo.clip_ms for photo in photos], np.int64))


def in_memory(
    photos: Sequence[Photo], tiles: Pixels, dates: Sequence[str] | None = None
) -> tuple[PhotoStore, PhotoColumns]:
    """Return photos in memory, numbered from 0, with their tile pictures, (N, H, W, 3), as `Photos` takes them.

    `dates`: the capture time of each, ISO 8601; by default, when its file was modified.
    """
    return _MemoryStore(photos, tiles, dates), _columns(photos, tiles)


def _columns(photos: Sequence[Photo], tiles: Pixels) -> PhotoColumns:
    count = len(photos)
    return PhotoColumns(
        np.arange(count, dtype=np.int32),
        signatures(tiles) if count else np.empty((0, SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8),
        np.array([photo.mean for photo in photos], np.float32).reshape(count, 3),
        keys_of_photos(photos),
    )


def _no_tiles() -> Pixels:
    return np.empty((0, *tile_size(SQUARE), 3), np.uint8)
