"""Photos as values, and any number of them as packed columns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, Self, overload

import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS, signatures
from renderer.names import normal
from renderer.paths import expanded
from renderer.pictures import Pixels

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Photo:
    """One tile's picture: a square crop of a picture file, or of one frame of a clip."""

    path: Path
    digest: str  # BLAKE2b-128 of the file's bytes, hexadecimal
    size: tuple[int, int]  # width and height of the upright picture, pixels
    crop: tuple[int, int, int]  # left, top and side of the square shown as a tile, pixels of `size`
    mean: tuple[float, float, float]  # mean sRGB colour of the square, 0…1
    is_part: bool = False  # cut from a larger picture, of which nothing else belongs to this photo
    time: float | None = None  # of a frame in its clip, seconds; None: the file is a picture


@dataclass(frozen=True)
class Skipped:
    """A file that was to be a tile and could not be."""

    path: Path
    reason: str
    transient: bool = False  # whether the same file may be readable later, as in `PictureError`


class PhotoStore(Protocol):
    """Where photos are kept; each has a place there."""

    def photo(self, place: int, mean: tuple[float, float, float]) -> Photo:
        """The photo at a place; its mean colour is known already."""
        ...

    def tiles(self, places: Numbers) -> Pixels:
        """The squares (N, 32, 32, 3) of the photos at some places."""
        ...

    def descriptors(self, places: Numbers) -> Pixels:
        """The looks (N, 8, 8, 3) of the photos at some places: their whole pictures, small."""
        ...

    def taken(self, places: Numbers) -> list[tuple[Path, str]]:
        """The paths of the photos at some places, and when each was taken: ISO 8601, by the camera's clock."""
        ...

    def holding(self, digests: Sequence[str]) -> list[int]:
        """The places of the photos whose files have some digests."""
        ...

    def named(self, name: str) -> list[int]:
        """The places of photos that a path, or a file's name with or without its ending, means; likeliest first."""
        ...


class _Memory:
    """A shelf of photos that are no more than objects in memory."""

    def __init__(self, photos: Sequence[Photo], tiles: Pixels) -> None:
        self._photos, self._tiles = photos, tiles

    def photo(self, place: int, mean: tuple[float, float, float]) -> Photo:  # noqa: ARG002 (it has its own)
        return self._photos[place]

    def tiles(self, places: Numbers) -> Pixels:
        return self._tiles[places]

    def descriptors(self, places: Numbers) -> Pixels:
        return signatures(self._tiles[places])

    def taken(self, places: Numbers) -> list[tuple[Path, str]]:
        paths = [self._photos[place].path for place in places.tolist()]
        return [(path, changed_at(path.stat().st_mtime_ns) if path.exists() else "") for path in paths]

    def holding(self, digests: Sequence[str]) -> list[int]:
        return [place for place, photo in enumerate(self._photos) if photo.digest in digests]

    def named(self, name: str) -> list[int]:
        known = ((place, photo.path) for place, photo in enumerate(self._photos) if not photo.is_part)
        return [place for place, _ in best_named(name, known)]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def changed_at(modified_ns: int) -> str:
    """A file's time of change as the text that a camera's would be: ISO 8601, by the clock here."""
    moment = _EPOCH + timedelta(microseconds=min(max(modified_ns // 1000, -(10**16)), 10**17))  # the years 1653 to 5138
    with contextlib.suppress(OverflowError, ValueError, OSError):  # beyond what the clock here can tell
        moment = moment.astimezone()
    return moment.replace(tzinfo=None).isoformat()


def best_named(name: str, known: Iterable[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """Those files that a path, or a name with or without its ending, means; likeliest first."""
    name, path = normal(name), normal(str(expanded(name).absolute()))
    ranked = [
        (0 if normal(str(file)) == path else 1 if normal(file.name) == name else 2, place, file)
        for place, file in known
        if normal(str(file)) == path or name in (normal(file.name), normal(file.stem))
    ]
    return [(place, file) for _, place, file in sorted(ranked)]


@dataclass(frozen=True)
class PhotoColumns:
    """What is in memory of every photo: 216 bytes each."""

    place: npt.NDArray[np.int32]  # (N,) on its shelf
    signature: Pixels  # (N, 8, 8, 3) sRGB: what the matcher compares first
    mean: npt.NDArray[np.float32]  # (N, 3) sRGB 0…1
    key: npt.NDArray[np.uint64]  # (N,) equal for the same square of the same content, and for nothing else

    def take(self, numbers: Numbers) -> PhotoColumns:
        """The rows of some numbers, in their order."""
        return PhotoColumns(*(values[numbers] for values in vars(self).values()))


class Photos(Sequence[Photo]):
    """Any number of photos in an order, from one shelf or several; a `Photo` is made when it is asked for."""

    def __init__(self, shelves: Sequence[tuple[PhotoStore, PhotoColumns]]) -> None:
        self._shelves = [shelf for shelf, _ in shelves]
        columns = [column for _, column in shelves] or [_columns([], _no_tiles())]
        counts = [len(column.place) for column in columns]
        self._shelf = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
        # One shelf's columns are taken as they are: a copy of a million signatures would be another 200 MB.
        self.columns = (
            columns[0]
            if len(columns) == 1
            else PhotoColumns(
                *(np.concatenate(values) for values in zip(*(vars(c).values() for c in columns), strict=True))
            )
        )

    @classmethod
    def of(cls, photos: Sequence[Photo], tiles: Pixels) -> Self:
        """Photos that are in memory, with their squares (N, 32, 32, 3)."""
        return cls([(_Memory(photos, tiles), _columns(photos, tiles))])

    def __len__(self) -> int:
        return len(self._shelf)

    @overload
    def __getitem__(self, number: int) -> Photo: ...
    @overload
    def __getitem__(self, number: slice) -> Self: ...
    def __getitem__(self, number: int | slice) -> Photo | Self:
        if isinstance(number, slice):
            return self.take(np.arange(len(self))[number])
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        r, g, b = self.columns.mean[number].tolist()
        shelf = self._shelves[int(self._shelf[number])]
        return shelf.photo(int(self.columns.place[number]), (r, g, b))

    def __iter__(self) -> Iterator[Photo]:
        return (self[number] for number in range(len(self)))

    def __add__(self, others: Self) -> Self:
        """These photos, then others."""
        joined = type(self)([])
        joined._shelves = [*self._shelves, *others._shelves]
        joined._shelf = np.concatenate([self._shelf, others._shelf + len(self._shelves)])
        pairs = zip(vars(self.columns).values(), vars(others.columns).values(), strict=True)
        joined.columns = PhotoColumns(*(np.concatenate(pair) for pair in pairs))
        return joined

    def take(self, numbers: Numbers) -> Self:
        """The photos of some numbers, in their order."""
        taken = type(self)([])
        taken._shelves, taken._shelf = self._shelves, self._shelf[numbers]
        taken.columns = self.columns.take(numbers)
        return taken

    def tiles_of(self, numbers: Numbers) -> Pixels:
        """The squares (N, 32, 32, 3) of the photos of some numbers, read from where they are kept."""
        tiles = np.empty((len(numbers), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
        for shelf, here, places in self._places(numbers):
            tiles[here] = shelf.tiles(places)
        return tiles

    def descriptors_of(self, numbers: Numbers) -> Pixels:
        """The looks (N, 8, 8, 3) of the photos of some numbers: their whole pictures, small."""
        descriptors = np.empty((len(numbers), SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
        for shelf, here, places in self._places(numbers):
            descriptors[here] = shelf.descriptors(places)
        return descriptors

    def taken(self) -> list[tuple[Path, str]]:
        """The path of each photo, and when it was taken, or where no camera noted that, when its file was changed."""
        facts: list[tuple[Path, str]] = [(Path(), "")] * len(self)
        for shelf, here, places in self._places(np.arange(len(self))):
            for number, fact in zip(here.tolist(), shelf.taken(places), strict=True):
                facts[number] = fact
        return facts

    def _places(self, numbers: Numbers) -> Iterator[tuple[PhotoStore, Numbers, Numbers]]:
        """Of each shelf that holds some of these: which of them, and at which places."""
        numbers = np.asarray(numbers, np.int64)
        for which, shelf in enumerate(self._shelves):
            here = np.flatnonzero(self._shelf[numbers] == which)
            if len(here):
                yield shelf, here, self.columns.place[numbers[here]].astype(np.int64)

    def named(self, name: str) -> int | None:
        """The first photo, not a piece of one, that a path or a file's name (with or without its ending) means."""
        for which, shelf in enumerate(self._shelves):
            for place in shelf.named(name):
                here = np.flatnonzero((self._shelf == which) & (self.columns.place == place))
                if len(here):
                    return int(here[0])
        return None

    def holding(self, digests: Sequence[str]) -> Numbers:
        """The numbers of the photos, whatever part of the picture they show, of files with some digests."""
        kept = np.zeros(len(self), bool)
        for which, shelf in enumerate(self._shelves):
            places = np.array(shelf.holding(digests), np.int64)
            kept |= (self._shelf == which) & np.isin(self.columns.place, places)
        return np.flatnonzero(kept)

    @cached_property
    def _by_key(self) -> Numbers:
        return np.argsort(self.columns.key, kind="stable")

    def find(self, photos: Iterable[Photo]) -> Numbers:
        """The number of the first photo here that shows the same square of the same content; -1 where none does."""
        wanted = keys_of_photos(list(photos))
        if not len(self):
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(self.columns.key, wanted, sorter=self._by_key), len(self) - 1)
        number = self._by_key[place]
        return np.where(self.columns.key[number] == wanted, number, -1)


_MIX: Final = tuple(
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
)


def keys_of(
    digest: npt.NDArray[np.uint64], crop: npt.NDArray[np.int64], time_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Keys (N,) of photos, from the first 8 bytes of their digests, their crops (N, 3) and times in a clip (or -1).

    64 bits: among a million photos two that differ share one with a probability of 3e-8.
    """
    rest = [*crop.astype(np.uint64).T, (time_ms + 1).astype(np.uint64)]
    key = digest.copy()
    for value, odd in zip(rest, _MIX, strict=True):
        key ^= value * odd
        key = (key << np.uint64(13)) | (key >> np.uint64(51))
    return key


def keys_of_photos(photos: Sequence[Photo]) -> npt.NDArray[np.uint64]:
    """The keys of some photos, (N,)."""
    digest = np.array([int(photo.digest[:16] or "0", 16) for photo in photos], np.uint64)
    crop = np.array([photo.crop for photo in photos], np.int64).reshape(len(photos), 3)
    times = [-1 if photo.time is None else round(photo.time * 1000) for photo in photos]
    return keys_of(digest, crop, np.array(times, np.int64))


def _columns(photos: Sequence[Photo], tiles: Pixels) -> PhotoColumns:
    count = len(photos)
    return PhotoColumns(
        np.arange(count, dtype=np.int32),
        signatures(tiles) if count else np.empty((0, SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8),
        np.array([photo.mean for photo in photos], np.float32).reshape(count, 3),
        keys_of_photos(photos),
    )


def _no_tiles() -> Pixels:
    return np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
