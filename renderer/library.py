"""The tile library: which photos there are, and an on-disk index of what was once learnt of each.

The index is one SQLite file in the user's cache folder. A photo is looked up by its path, size and modification
time, so a second look at an unchanged folder decodes nothing. Photos are only ever read.
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import cv2
import numpy as np
import numpy.typing as npt
import platformdirs
from PIL import Image

from renderer.descriptors import TILE_PIXELS, signatures
from renderer.errors import InputError, PictureError, RenderError
from renderer.pictures import PICTURE_SUFFIXES, Picture, Pixels, centre_square, read_picture, resize
from renderer.progress import Progress, track

THUMBNAIL_PIXELS: Final = 256
"""Side of the square thumbnails in the index, where the photo has that many pixels."""

PICTURE_CACHE_PIXELS: Final = 40_000_000
"""Decoded pictures that tiles are cut from are kept up to this many pixels: 120 MB."""


@dataclass(frozen=True)
class Photo:
    """One tile's picture: a square crop of a picture file."""

    path: Path
    digest: str  # BLAKE2b-128 of the file's bytes, hexadecimal
    size: tuple[int, int]  # width and height of the upright picture, pixels
    crop: tuple[int, int, int]  # left, top and side of the square shown as a tile, pixels of `size`
    mean: tuple[float, float, float]  # mean sRGB colour of the square, 0…1
    is_part: bool = False  # cut from a larger picture, of which nothing else belongs to this photo


@dataclass(frozen=True)
class Skipped:
    """A file that was to be a tile and could not be."""

    path: Path
    reason: str


@dataclass
class Library:
    """Photos ready to be matched and drawn, for as long as its index is open."""

    photos: list[Photo]
    tiles: Pixels  # (N, 32, 32, 3): each photo's square
    skipped: list[Skipped] = field(default_factory=list)
    index: PhotoIndex | None = None  # where thumbnails are; without one, all is made from the files

    def __post_init__(self) -> None:
        self._pictures: dict[Path, Pixels] = {}
        self._lock = threading.Lock()

    @cached_property
    def signatures(self) -> Pixels:
        """What the matcher compares first, (N, 8, 8, 3) in sRGB: 192 bytes a photo."""
        return signatures(self.tiles)

    def square(self, photo: Photo, side: int) -> Pixels:
        """A photo's square, scaled to (side, side, 3). From the thumbnail if that is large enough, else the file.

        May be called from several threads. A photo whose file is gone or spoilt since it was indexed is scaled up
        from its thumbnail. Raises RenderError if there is none.
        """
        if not photo.is_part and side <= THUMBNAIL_PIXELS and (thumbnail := self._thumbnail(photo)) is not None:
            return resize(thumbnail, side, side)
        try:
            picture = self._picture(photo, shorter_side=None if photo.is_part else side)
        except PictureError as error:
            if (thumbnail := self._thumbnail(photo)) is not None:
                return resize(thumbnail, side, side)
            raise RenderError(f"{error} (it was read a moment ago)") from None
        left, top, edge = (round(v * picture.shape[1] / photo.size[0]) for v in photo.crop)
        return resize(picture[top : top + edge, left : left + edge], side, side)

    def whole(self, photo: Photo, width: int, height: int, *, sharp: bool = True) -> Pixels:
        """All of a photo (of a part, its square), scaled to (height, width, 3).

        `sharp`: by Lanczos from all of its pixels, as it is looked at when it stands still; otherwise by averages of
        light, as a mip level. A photo whose file is gone since it was indexed is shown from its thumbnail, stretched
        over all of it if it was not a square one. Raises RenderError if there is none.
        """
        if photo.is_part:
            pixels = self.square(photo, photo.crop[2])
        else:
            try:
                pixels = self._picture(photo, shorter_side=None if sharp else min(width, height))
            except PictureError:
                pixels = self.square(photo, THUMBNAIL_PIXELS)
        if sharp:
            return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        return resize(pixels, width, height)

    def _thumbnail(self, photo: Photo) -> Pixels | None:
        centred = photo.crop == centre_square(*photo.size)
        return self.index.thumbnail(photo.path) if self.index and centred else None

    def _picture(self, photo: Photo, shorter_side: int | None) -> Pixels:
        """Decode a photo's file; pictures that many tiles are cut from are kept."""
        if not photo.is_part:
            return read_picture(photo.path, shorter_side=shorter_side).pixels
        with self._lock:
            if photo.path not in self._pictures:
                pixels = read_picture(photo.path, shorter_side=SHORTER_SIDE).pixels
                kept = sum(kept.shape[0] * kept.shape[1] for kept in self._pictures.values())
                if kept + pixels.shape[0] * pixels.shape[1] > PICTURE_CACHE_PIXELS:
                    self._pictures.clear()
                self._pictures[photo.path] = pixels
            return self._pictures[photo.path]


# -- Finding files -------------------------------------------------------------------------------------------------


def find_files(sources: Sequence[str]) -> tuple[list[Path], list[Skipped]]:
    """The files that folders (walked, hidden ones left out), single files and globs name, each once, sorted by source.

    From a folder come files with a picture's ending; a file that is named itself is taken whatever its ending.
    Returns those to read and those that can't be. Raises InputError for a source that names nothing.
    """
    found: dict[Path, None] = {}
    skipped: list[Skipped] = []
    for source in sources:
        if not source:
            raise InputError("--tiles names nothing: give a folder, a file or a glob")
        path = Path(os.path.abspath(Path(source).expanduser()))  # noqa: PTH100 (without its "..", links left alone)
        if path.is_dir():
            found.update(dict.fromkeys(_walk(path, skipped)))
        elif path.exists():
            found[path] = None
        elif glob.has_magic(source):
            matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if not matches:
                raise InputError(f"--tiles {source} matches no file: check the pattern")
            for match in matches:
                found.update(dict.fromkeys(_walk(match, skipped) if match.is_dir() else [match.absolute()]))
        else:
            raise InputError(missing_file(path))
    return list(found), skipped


def _walk(folder: Path, skipped: list[Skipped]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        skipped.append(Skipped(Path(error.filename), f"may not be read ({error.strerror})"))

    for parent, folders, names in os.walk(folder.absolute(), onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix.lower() in PICTURE_SUFFIXES:
                yield path


def missing_file(path: Path) -> str:
    """The sentence for a path that does not exist: with the nearest names beside it, if any are near."""
    try:
        names = [found.name for found in path.parent.iterdir()]
    except OSError:
        return f"{path}: there is no such file, nor a folder {path.parent} for it: check the path"
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    mend = f"did you mean {' or '.join(near)}?" if near else "check the path"
    return f"{path}: there is no such file or folder: {mend}"


def find_photo(name: str, photos: Sequence[Photo]) -> int | None:
    """The first photo, not a piece of one, that a path or a file's name (with or without its ending) means."""
    path = Path(name).expanduser().absolute()
    known = [(number, photo.path) for number, photo in enumerate(photos) if not photo.is_part]
    meant = [
        *(number for number, file in known if file == path),
        *(number for number, file in known if file.name == name),
        *(number for number, file in known if file.stem == name),
    ]
    return meant[0] if meant else None


def no_photo(name: str, photos: Sequence[Photo]) -> str:
    """The sentence for a name that means none of the photos."""
    names = [photo.path.name for photo in photos if not photo.is_part]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    mend = f"did you mean {' or '.join(near)}?" if near else "give X,Y, or the path or name of a photo"
    return f"--focus {name} is neither a point X,Y nor a photo of this mosaic: {mend}"


# -- The index -----------------------------------------------------------------------------------------------------

_SCHEMA_VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE photo (
    path BLOB PRIMARY KEY,  -- as the file system has it: not every name is text
    bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, digest TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL,
    crop_left INTEGER NOT NULL, crop_top INTEGER NOT NULL, crop_side INTEGER NOT NULL,
    tile BLOB NOT NULL,      -- 32 x 32 RGB values
    thumbnail BLOB NOT NULL  -- JPEG
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class _Entry:
    photo: Photo
    modified_ns: int
    file_bytes: int
    tile: Pixels
    thumbnail: bytes


def cache_folder() -> Path:
    """The folder of the index: what MOSAIC_RENDERER_CACHE names, or the user's cache folder as the platform has it."""
    chosen = os.environ.get("MOSAIC_RENDERER_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("mosaic-renderer", appauthor=False))


class PhotoIndex:
    """What is known of photos, by path. One file, shared by all libraries and by processes that run at once.

    A damaged file is set aside under another name and a new one begun; a folder that can't be written to means an
    index in memory, for this run only. May be used from several threads, within a `with` block that closes it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or cache_folder() / "photos.sqlite"
        self._lock = threading.Lock()
        self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self._connect(str(self.path))
        except (OSError, sqlite3.OperationalError):
            return self._connect(":memory:")
        except sqlite3.DatabaseError:
            self._set_aside()
            return self._connect(str(self.path))

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            damaged = self.path.with_name(self.path.name + suffix)
            if damaged.exists():
                damaged.replace(damaged.with_name(f"{self.path.name}.damaged{suffix}"))

    def _recover(self, error: sqlite3.Error) -> None:
        """Go on after a failure: with a new file if this one is damaged, in memory if it can't be written to."""
        self._database.close()
        if isinstance(error, sqlite3.OperationalError):
            self._database = self._connect(":memory:")
        else:
            self._set_aside()
            self._database = self._open()

    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            try:
                with closing(self._database.execute(query, values)) as cursor:
                    row: tuple[Any, ...] | None = cursor.fetchone()
                    return row
            except sqlite3.Error as error:
                self._recover(error)
                return None

    @staticmethod
    def _connect(name: str) -> sqlite3.Connection:
        database = sqlite3.connect(name, timeout=30, check_same_thread=False, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("BEGIN IMMEDIATE")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != _SCHEMA_VERSION:  # of another version of the program: a cache is simply made anew
                database.execute("DROP TABLE IF EXISTS photo")
                database.execute(_SCHEMA)
                database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        return database

    def find(self, path: Path) -> tuple[Photo, Pixels] | None:
        """A photo and its tile, if the file is as it was when it was indexed."""
        try:
            status = path.stat()
        except OSError:
            return None
        row = self._row(
            "SELECT digest, width, height, crop_left, crop_top, crop_side, tile FROM photo"
            " WHERE path = ? AND bytes = ? AND modified_ns = ?",
            os.fsencode(path), status.st_size, status.st_mtime_ns,
        )  # fmt: skip
        if row is None:
            return None
        tile = np.frombuffer(row[6], np.uint8).reshape(TILE_PIXELS, TILE_PIXELS, 3)
        return Photo(path, row[0], (row[1], row[2]), (row[3], row[4], row[5]), _mean(tile)), tile

    def thumbnail(self, path: Path) -> Pixels | None:
        """The thumbnail (S, S, 3) of a photo, S at most 256."""
        row = self._row("SELECT thumbnail FROM photo WHERE path = ?", os.fsencode(path))
        if row is None:
            return None
        decoded = cv2.imdecode(np.frombuffer(row[0], np.uint8), cv2.IMREAD_COLOR_RGB)
        return None if decoded is None else decoded.astype(np.uint8, copy=False)

    def store(self, entries: Iterable[_Entry]) -> None:
        """Add or renew entries, all in one transaction."""
        rows = [
            (
                os.fsencode(entry.photo.path), entry.file_bytes, entry.modified_ns, entry.photo.digest,
                *entry.photo.size, *entry.photo.crop, entry.tile.tobytes(), entry.thumbnail,
            )
            for entry in entries
        ]  # fmt: skip
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("REPLACE INTO photo VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            except sqlite3.Error as error:  # what is not stored is read again the next time
                self._recover(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._database.close()


def _mean(tile: Pixels) -> tuple[float, float, float]:
    r, g, b = (float(value) for value in tile.mean(axis=(0, 1), dtype=np.float64) / 255)
    return r, g, b


def file_digest(path: Path) -> str:
    """BLAKE2b-128 of a file's bytes, hexadecimal. Raises PictureError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise PictureError(path, f"may not be read ({error.strerror})") from None


def _read_entry(path: Path) -> _Entry | Skipped:
    """Decode one photo as far as the index needs it."""
    try:
        status = path.stat()  # before it is read: what changes meanwhile is read again the next time
        picture = read_picture(path, shorter_side=THUMBNAIL_PIXELS)
        left, top, side = centre_square(*picture.size)
        shown = picture.pixels
        x, y, edge = centre_square(shown.shape[1], shown.shape[0])
        square = np.ascontiguousarray(shown[y : y + edge, x : x + edge])
        small = resize(square, *(2 * (min(THUMBNAIL_PIXELS, edge),)))
        tile = resize(small, TILE_PIXELS, TILE_PIXELS)
        done, encoded = cv2.imencode(
            ".jpg",
            small[..., ::-1],
            [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111],
        )
        if not done:
            return Skipped(path, "could not be scaled")
        photo = Photo(path, file_digest(path), picture.size, (left, top, side), _mean(tile))
        return _Entry(photo, status.st_mtime_ns, status.st_size, tile, encoded.tobytes())
    except PictureError as error:
        return Skipped(path, error.reason)
    except OSError as error:
        return Skipped(path, f"may not be read ({error.strerror})")


_BATCH: Final = 64  # photos a transaction: what an interruption can cost


def index_photos(paths: Sequence[Path], index: PhotoIndex, progress: Progress) -> Library:
    """A library of photo files, each decoded only if the index does not know it as it is now.

    Memory: 3 KiB a photo, and a batch of 64 thumbnails.
    """
    photos: list[Photo] = []
    tiles: list[Pixels] = []
    skipped: list[Skipped] = []
    with (
        progress.stage("indexing", len(paths), "photos") as advance,
        ThreadPoolExecutor(min(os.cpu_count() or 1, 8), thread_name_prefix="index") as pool,
    ):
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            known = {path: index.find(path) for path in batch}
            new = [path for path in batch if known[path] is None]
            read = dict(zip(new, track(pool.map(_read_entry, new), advance), strict=True))
            index.store(entry for entry in read.values() if isinstance(entry, _Entry))
            for path in batch:
                entry = read.get(path)
                if isinstance(entry, Skipped):
                    skipped.append(entry)
                    continue
                photo, tile = (entry.photo, entry.tile) if entry else known[path] or (None, None)
                if photo is not None and tile is not None:
                    photos.append(photo)
                    tiles.append(tile)
            advance(len(batch) - len(new))
    return Library(photos, _stacked(tiles), skipped, index)


def _stacked(tiles: Sequence[Pixels]) -> Pixels:
    return np.stack(tiles) if tiles else np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8)


# -- Parts of a picture as photos ----------------------------------------------------------------------------------

_PART_SCALES: Final = (2, 3, 4.5, 6.5, 9.5, 14)
"""How often a part's side goes into the picture's shorter side. Smaller parts are a blur when the camera is near."""

_PART_STEP: Final = 10  # of a part's 32 pixels: parts overlap by two thirds, which makes 4,500 of a picture of 3 : 2

_SMALLEST_PART: Final = 16  # pixels; smaller ones show nothing

SHORTER_SIDE: Final = 4096
"""A cover, and a picture that parts are cut from, is decoded to at least this height where its decoder can scale."""


def cut_parts(cover: Path, others: Sequence[Path], index: PhotoIndex, progress: Progress) -> Library:
    """A library of the whole cover, which comes first, and of square pieces of it and of other pictures.

    It serves when there are no photos: the pieces of a cover always have the cover's colours. Raises PictureError.
    """
    whole = index_photos([cover], index, progress)
    if whole.skipped:
        raise PictureError(cover, whole.skipped[0].reason)
    photos, tiles = list(whole.photos), [whole.tiles]
    paths = [cover, *others]
    with progress.stage("cutting tiles", len(paths), "pictures") as advance:
        for path in track(paths, advance):
            parts, cut = _parts_of(path)
            photos += parts
            tiles.append(cut)
    return Library(photos, np.concatenate(tiles), index=index)


def _parts_of(path: Path) -> tuple[list[Photo], Pixels]:
    """All the pieces of a picture, and their tiles (N, 32, 32, 3). Raises PictureError."""
    picture = read_picture(path, shorter_side=SHORTER_SIDE)
    digest = file_digest(path)
    photos: list[Photo] = []
    tiles = [np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8)]
    for scale in _PART_SCALES:
        crops, cut, means = _parts_at(picture, scale)
        tiles.append(cut)
        photos += [
            Photo(path, digest, picture.size, crop, (r, g, b), is_part=True)
            for crop, (r, g, b) in zip(crops, means.tolist(), strict=True)
        ]
    return photos, np.concatenate(tiles)


def _parts_at(picture: Picture, scale: float) -> tuple[list[tuple[int, int, int]], Pixels, npt.NDArray[np.float64]]:
    """Crop boxes, tiles (N, 32, 32, 3) and their mean colours (N, 3), 0…1, of all parts of one scale.

    The picture is scaled once, so that a part becomes a tile where it lies, and a box filter gives all the means.
    """
    width, height = picture.size
    side = min(width, height) / scale
    if side < _SMALLEST_PART:
        return [], np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8), np.empty((0, 3))
    ratio = TILE_PIXELS / side
    scaled = resize(picture.pixels, round(width * ratio), round(height * ratio))
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (TILE_PIXELS, TILE_PIXELS), axis=(0, 1))
    windows = windows[::_PART_STEP, ::_PART_STEP]
    boxes = [
        (min(round(x * _PART_STEP / ratio), width - int(side)), min(round(y * _PART_STEP / ratio), height - int(side)))
        for y in range(windows.shape[0])
        for x in range(windows.shape[1])
    ]
    tiles = np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(-1, TILE_PIXELS, TILE_PIXELS, 3)
    averaged = cv2.boxFilter(scaled, cv2.CV_64F, (TILE_PIXELS, TILE_PIXELS), anchor=(0, 0)) / 255
    means = averaged[: scaled.shape[0] - TILE_PIXELS + 1 : _PART_STEP, : scaled.shape[1] - TILE_PIXELS + 1 : _PART_STEP]
    return [(left, top, int(side)) for left, top in boxes], tiles, means.reshape(-1, 3)


# -- Photos of a saved map -----------------------------------------------------------------------------------------


def reopen(photos: Sequence[Photo], index: PhotoIndex, progress: Progress) -> Library:
    """A library of just these photos, in this order.

    Raises InputError that names photos which are gone, cannot be read or are no longer what they were.
    """
    files = list(dict.fromkeys(photo.path for photo in photos if not photo.is_part))
    sources = list(dict.fromkeys(photo.path for photo in photos if photo.is_part))
    gone = [path for path in files + sources if not path.is_file()]
    if gone:
        raise InputError(
            f"{_some(gone)} of this map {'is' if len(gone) == 1 else 'are'} gone: put the photos back, or match anew"
        )
    fresh = index_photos(files, index, progress)
    tiles = dict(zip((photo.path for photo in fresh.photos), fresh.tiles, strict=True))
    digests = {photo.path: photo.digest for photo in fresh.photos}
    parts = {}
    for path in sources:
        cut, squares_cut = _parts_of(path)
        parts[path] = {photo.crop: tile for photo, tile in zip(cut, squares_cut, strict=True)}
    digests.update((path, file_digest(path)) for path in sources)
    changed = {photo.path: None for photo in photos if digests.get(photo.path) != photo.digest}
    if changed:
        raise InputError(f"{_some(list(changed))} changed since this map was saved: match anew")
    library = Library(list(photos), _stacked([]), fresh.skipped, index)
    squares = {photo.path: photo.crop for photo in fresh.photos}
    found = [
        parts[photo.path].get(photo.crop) if photo.is_part
        else tiles[photo.path] if squares[photo.path] == photo.crop
        else None
        for photo in photos
    ]  # fmt: skip
    library.tiles = _stacked(
        [
            library.square(photo, TILE_PIXELS) if tile is None else tile
            for photo, tile in zip(photos, found, strict=True)
        ]
    )
    return library


def _some(paths: Sequence[Path]) -> str:
    """The first three of some paths, and how many more there are."""
    named = ", ".join(str(path) for path in paths[:3])
    return named if len(paths) <= 3 else f"{named} and {len(paths) - 3} more"
