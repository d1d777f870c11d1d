"""The index: one SQLite file with everything that was computed for a set of photos.

The metadata, the thumbnail and the 32 × 32 square of a photo are one row each. The signatures and the mean colours,
which the matcher needs for all photos, are stored as arrays in blocks of 1,024 photos: opening a library reads some
hundred blobs, not a hundred thousand rows. A photo's number gives its position in the blocks. Crops of other ratios are
computed from the thumbnails when a ratio is first used, and stored in the same way.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS, blocks
from renderer.errors import RenderError
from renderer.faces import Face
from renderer.library.crop_tables import BLOCK, CropTables
from renderer.library.cropped import cropped_photos
from renderer.library.crops import SQUARE, Box, CropRule, Tile
from renderer.library.database import as_damage
from renderer.library.photos import (
    Numbers,
    Photo,
    PhotoColumns,
    Photos,
    PhotoStore,
    Skipped,
    keys_of,
    match_name,
    modification_time,
)
from renderer.names import normalized
from renderer.paths import expanded
from renderer.pixels import Pixels
from renderer.progress import Progress

_SCANNED: Final = """
CREATE TEMP TABLE IF NOT EXISTS scanned (
    position INTEGER PRIMARY KEY, path BLOB NOT NULL, frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, UNIQUE (path, frames)
)
"""

# The unary plus stops SQLite from using the index of sizes, which many photos may share.
_AS_SCANNED: Final = (
    "found.path = scanned.path AND found.frames = scanned.frames"
    " AND +found.bytes = scanned.bytes AND +found.modified_ns = scanned.modified_ns"
)

_RETENTION_SECONDS: Final = 3600
"""How long the data of missing files is retained: another process may be about to draw these photos."""

_SIGNATURE_BYTES: Final = SIGNATURE_PIXELS * SIGNATURE_PIXELS * 3
_MEAN_BYTES: Final = 12

_MAX_NUMBER: Final = 2**31 - 1  # of a photo: opened libraries have them as int32

_ROWS: Final = 60
"""Maximum rows that one statement writes: few enough for the limit of SQLite, 999 values in old versions."""

_VALUES: Final = 900
"""Maximum values that one statement searches, for the same reason."""


@dataclass(frozen=True)
class File:
    """A file as it was when it was scanned; `frames`: number of frames to take from a clip, 0 for a picture."""

    path: Path
    bytes: int
    modified_ns: int  # within 64 bits, SQLite's limit: the years 1677 to 2262
    frames: int = 0

    @classmethod
    def at(cls, path: Path, frames: int = 0) -> Self:
        """Return a file as it is now, its modification time clamped to 64 bits. Raises OSError."""
        status = path.stat()
        return cls(path, status.st_size, min(max(status.st_mtime_ns, -(2**63)), 2**63 - 1), frames)


@dataclass(frozen=True)
class IndexEntry:
    """Everything that the index stores about one photo."""

    photo: Photo
    orientation: int
    captured: str | None
    signature: Pixels  # (8, 8, 3)
    descriptor: Pixels  # (8, 8, 3): of the whole picture; the signature is of its square
    tile: Pixels  # (32, 32, 3)
    thumbnail: bytes  # JPEG
    damaged: bool = False  # only a part of the file can be read; reported when it is read, not stored


@dataclass(frozen=True)
class Copy:
    """The hash of a file whose content the index has: it was moved or copied, and is not decoded again."""

    digest: str


@dataclass(frozen=True)
class Thumbnail:
    """A photo's whole picture as the index stores it, and what is known about it."""

    number: int
    size: tuple[int, int]  # width and height of the photo, pixels
    crop: Box  # the photo's square
    faces: tuple[Face, ...]
    jpeg: bytes

    @property
    def pixels(self) -> Pixels:
        """The picture, (H, W, 3), decoded. Raises sqlite3.DatabaseError if it is damaged."""
        with as_damage():
            pixels = decoded(self.jpeg)
            if pixels is None:
                raise ValueError(f"the thumbnail of photo {self.number} is no picture")
            return pixels


FoundFaces = tuple[Thumbnail, tuple[Face, ...], tuple[Box, Tile] | None]
"""The faces of a stored photo, and its new crop if it changes."""

Found = list[IndexEntry] | Skipped | Copy
"""What was found in a file: its photos, why it can't be used, or content that is stored already."""


class Index(CropTables):
    """The photos of one library, or of the cache.

    Most methods may raise sqlite3.Error, as those of `Database` do. `thumbnail` returns None instead, and methods that
    read photos after a library was opened raise RenderError: `photo`, `tiles_of`, `tiles`, `cropped`, `descriptors`,
    `dates`, `faces_of`, `with_digests`, `is_unchanged`, `digests_at`, `paths_of` and `find_by_name`.
    """

    _scanned_version: int | None = None  # of the data, before `scan`

    def __init__(
        self,
        path: Path,
        rule: CropRule | None = None,
        *,
        memory_fallback: bool = False,
        notice: Callable[[str], None] = lambda _message: None,
    ) -> None:
        """Open or create the file, as `Database` does. `rule`: how its photos are cropped, the same at all times."""
        self.rule = rule or CropRule()
        super().__init__(path, memory_fallback=memory_fallback, notice=notice)

    # -- Scanning --------------------------------------------------------------------------------------------------

    def scan(self, files: Iterator[File]) -> None:
        """Record the current state of files, for the methods below. Deletes the data of files missing for an hour."""
        with self._lock:
            self._scanned_version = self._data_version()
            self._connection.execute("DROP TABLE IF EXISTS scanned")
            self._connection.execute(_SCANNED)
            self._connection.execute("BEGIN")
            try:
                while batch := list(islice(files, 10_000)):
                    self._connection.executemany(
                        "INSERT OR IGNORE INTO scanned (path, frames, bytes, modified_ns) VALUES (?, ?, ?, ?)",
                        [(os.fsencode(file.path), file.frames, file.bytes, file.modified_ns) for file in batch],
                    )
            finally:
                self._connection.execute("COMMIT")
        with self._transaction() as database:
            old = time.time_ns() - _RETENTION_SECONDS * 1_000_000_000
            numbers = database.execute(
                "DELETE FROM photo WHERE gone_ns > 0 AND gone_ns < ? RETURNING number", (old,)
            ).fetchall()
            database.executemany("DELETE FROM thumbnail WHERE number = ?", numbers)
            database.executemany("DELETE FROM tile WHERE number = ?", numbers)
            self._delete_crops(database, numbers)

    def unread(self) -> list[File]:
        """Return the scanned files that are new, or have changed since they were stored."""
        rows = self._rows(
            "SELECT path, bytes, modified_ns, frames FROM scanned"
            f" WHERE NOT EXISTS (SELECT 1 FROM known AS found WHERE {_AS_SCANNED})"
            f" AND NOT EXISTS (SELECT 1 FROM skipped AS found WHERE {_AS_SCANNED}) ORDER BY position"
        )
        return [File(Path(os.fsdecode(path)), *state) for path, *state in rows]

    def scanned(self) -> tuple[Photos, list[Skipped]]:
        """Return the photos of the scanned files, in their order, and the files that could not be used."""
        with self._snapshot():
            numbers = self._rows(
                f"SELECT number FROM scanned CROSS JOIN known AS found ON {_AS_SCANNED} ORDER BY position, clip_ms"
            )
            skipped = self._rows(
                f"SELECT found.path, reason FROM scanned CROSS JOIN skipped AS found ON {_AS_SCANNED} ORDER BY position"
            )
            return self._photos(numbers), _skipped(skipped)

    def forget_missing(self, unavailable: Sequence[Path] = ()) -> int:
        """Forget files that were not scanned and no longer exist; return the number of their photos.

        Photos in `unavailable` folders, such as those on a disconnected drive, remain.
        """
        rows = self._rows(
            "SELECT DISTINCT path FROM (SELECT path, frames FROM known UNION SELECT path, frames FROM skipped) AS known"
            " WHERE NOT EXISTS"
            " (SELECT 1 FROM scanned WHERE scanned.path = known.path AND scanned.frames = known.frames)"
        )
        unavailable_prefixes = tuple(os.fsencode(folder) + os.sep.encode() for folder in unavailable)
        with as_damage():
            missing = [path for (path,) in rows if not path.startswith(unavailable_prefixes) and _is_missing(path)]
        count = 0
        for start in range(0, len(missing), 500):
            with self._transaction() as database:
                for path in missing[start : start + 500]:
                    update = "UPDATE photo SET gone_ns = ? WHERE path = ? AND gone_ns = 0"
                    count += database.execute(update, (time.time_ns(), path)).rowcount
                    database.execute("DELETE FROM skipped WHERE path = ?", (path,))
        return count

    # -- Storing ---------------------------------------------------------------------------------------------------

    def _data_version(self) -> int:
        """Return a number that changes when another connection writes."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def stored_since_scan(self, files: Sequence[File]) -> list[bool]:
        """Return whether another process has stored each of some unread files since they were scanned."""
        if self._data_version() == self._scanned_version:
            return [False] * len(files)
        query = "SELECT 1 FROM {} WHERE path = ? AND frames = ? AND +bytes = ? AND +modified_ns = ? LIMIT 1"
        states = [(os.fsencode(file.path), file.frames, file.bytes, file.modified_ns) for file in files]
        return [any(self._rows(query.format(table), *state) for table in ("known", "skipped")) for state in states]

    def digests_of_sizes(self, files: Sequence[File]) -> list[list[str]]:
        """Return, for each file, the hashes of photos whose files have its size, in total at most 1,000.

        The file may be a copy of one of them, or may have been moved. If more photos have one size, they are
        uncompressed, and take little longer to decode than to hash.
        """
        sizes = list({file.bytes for file in files})
        query = f"SELECT bytes, frames, digest FROM known WHERE bytes IN ({','.join('?' * len(sizes))}) LIMIT 1000"
        digests: dict[tuple[int, int], list[str]] = {}
        with as_damage():
            for size, frames, digest in self._rows(query, *sizes):
                digests.setdefault((size, frames), []).append(digest.hex())
        return [digests.get((file.bytes, file.frames), []) for file in files]

    def store(self, read: Sequence[tuple[File, Found]]) -> int:
        """Add or replace the data of files, in their order and in one transaction; return for how many it was done.

        It ends before a copy of content that is no longer stored: the caller must read this file.
        """
        with self._transaction() as database:
            stored = self.stored_since_scan([file for file, _ in read])
            new: list[tuple[File, list[IndexEntry] | Skipped]] = []
            for done, (file, found) in enumerate(read):
                if stored[done]:
                    continue
                if not isinstance(found, Copy):
                    new.append((file, found))
                    continue
                self._write(database, new)  # the original may be among them
                new = []
                if not self._reuse(database, file, found.digest):
                    return done
            self._write(database, new)
        return len(read)

    def _write(self, database: sqlite3.Connection, read: Sequence[tuple[File, list[IndexEntry] | Skipped]]) -> None:
        """Write the data of files, in statements for many rows: each one releases Python's lock and waits for it."""
        self._forget(database, [file for file, _ in read])
        _insert(
            database,
            "skipped",
            [
                (os.fsencode(file.path), file.frames, file.bytes, file.modified_ns, found.reason)
                for file, found in read
                if isinstance(found, Skipped)
            ],
        )
        ((last,),) = database.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'photo'")
        entries = [(file, entry) for file, found in read if isinstance(found, list) for entry in found]
        if not isinstance(last, int) or not 0 <= last < _MAX_NUMBER - len(entries):
            raise sqlite3.DatabaseError(f"the last number is {last}")
        numbers = range(last + 1, last + 1 + len(entries))
        _insert(
            database,
            "photo",
            [
                (
                    number, os.fsencode(file.path), file.frames,
                    entry.photo.clip_ms, file.bytes, file.modified_ns,
                    bytes.fromhex(entry.photo.digest), *entry.photo.size, entry.orientation, entry.captured,
                    *entry.photo.crop[:3], 0, entry.photo.crop[3],
                    faces_to_bytes(entry.photo.faces) if self.rule.faces else None,
                )
                for number, (file, entry) in zip(numbers, entries, strict=True)
            ],
        )  # fmt: skip
        for table, pixels in (
            ("thumbnail", [entry.thumbnail for _, entry in entries]),
            ("tile", [entry.tile.tobytes() for _, entry in entries]),
        ):
            _insert(database, table, list(zip(numbers, pixels, strict=True)))
        start = 0
        while start < len(entries):
            end = min(start + BLOCK - numbers[start] % BLOCK, len(entries))
            _write_slots(database, numbers[start], [entry for _, entry in entries[start:end]])
            start = end

    def _reuse(self, database: sqlite3.Connection, file: File, digest: str) -> bool:
        """Reuse the data of a file with the same content, if any: move it if that file is missing, else copy it."""
        found = database.execute(
            "SELECT path, number, clip_ms FROM known WHERE digest = ? AND frames = ? AND path <> ?"
            " ORDER BY path, clip_ms",
            (bytes.fromhex(digest), file.frames, os.fsencode(file.path)),
        ).fetchall()
        rows = [row for row in found if row[0] == found[0][0]]
        if not rows:
            return False
        self._forget(database, [file])
        now = (os.fsencode(file.path), file.bytes, file.modified_ns)
        with as_damage():
            moved = _is_missing(rows[0][0])
        if moved:
            database.executemany(
                "UPDATE photo SET path = ?, bytes = ?, modified_ns = ? WHERE number = ?",
                [(*now, number) for _, number, _ in rows],
            )
            return True
        for _, number, _ in rows:
            (copy,) = database.execute(
                "INSERT INTO photo SELECT NULL, ?, frames, clip_ms, ?, ?, digest, width, height, orientation,"
                " captured, crop_left, crop_top, crop_width, 0, crop_height, faces FROM photo WHERE number = ?"
                " RETURNING number",
                (*now, number),
            ).fetchone()
            _copy_pixels(database, number, copy)
        return True

    # -- Faces -----------------------------------------------------------------------------------------------------

    def unsearched(self, *, scanned: bool = False) -> Numbers:
        """Return the numbers of the photos in which no faces were searched; with `scanned`, only of scanned files."""
        among = f"scanned CROSS JOIN known AS found ON {_AS_SCANNED}" if scanned else "known"
        rows = self._rows(f"SELECT number FROM {among} WHERE faces IS NULL ORDER BY number")
        return np.array(rows, np.int64).reshape(-1)

    def store_faces(self, found: Sequence[FoundFaces]) -> None:
        """Store the faces of photos, and the new crop of those whose crop changes.

        A photo with another crop gets a new number: the old one keeps its meaning while another process uses it.
        """
        with self._transaction() as database:
            for thumbnail, faces, moved in found:
                updated = database.execute(
                    "UPDATE photo SET faces = ? WHERE number = ? AND gone_ns = 0 AND faces IS NULL",
                    (faces_to_bytes(faces), thumbnail.number),
                )
                if moved is None or not updated.rowcount:
                    continue
                (left, top, width, height), tile = moved
                database.execute("UPDATE photo SET gone_ns = ? WHERE number = ?", (time.time_ns(), thumbnail.number))
                (number,) = database.execute(
                    "INSERT INTO photo SELECT NULL, path, frames, clip_ms, bytes, modified_ns, digest, width, height,"
                    " orientation, captured, ?, ?, ?, 0, ?, faces FROM photo WHERE number = ? RETURNING number",
                    (left, top, width, height, thumbnail.number),
                ).fetchone()
                _copy_pixels(database, thumbnail.number, number)
                database.execute("INSERT OR REPLACE INTO tile VALUES (?, ?)", (number, tile.pixels.tobytes()))
                _write_slot(database, "signature", number, tile.signature.tobytes(), _SIGNATURE_BYTES)
                _write_slot(database, "mean", number, np.array(tile.mean, "<f4").tobytes(), _MEAN_BYTES)
            if any(faces for _, faces, _ in found):  # crops of other ratios were chosen without faces
                self._delete_ratios(database, self._ratios(database))

    def store_unscannable(self, skipped: Sequence[Skipped]) -> None:
        """Replace the list of files that could not be scanned; the next scan tries them again."""
        with self._transaction() as database:
            database.execute("DELETE FROM skipped WHERE modified_ns = -1")
            database.executemany(
                "INSERT OR IGNORE INTO skipped VALUES (?, 0, 0, -1, ?)",
                [(os.fsencode(item.path), item.reason) for item in skipped],
            )

    @staticmethod
    def _forget(database: sqlite3.Connection, files: Sequence[File]) -> None:
        """Forget the data of the files at some paths."""
        for frames in {file.frames for file in files}:
            paths = [os.fsencode(file.path) for file in files if file.frames == frames]
            for some in blocks(len(paths), _ROWS):
                among = f"frames = ? AND path IN ({', '.join('?' * len(paths[some]))})"
                database.execute(
                    f"UPDATE photo SET gone_ns = ? WHERE gone_ns = 0 AND {among}",
                    (time.time_ns(), frames, *paths[some]),
                )
                database.execute(f"DELETE FROM skipped WHERE {among}", (frames, *paths[some]))

    # -- Reading ---------------------------------------------------------------------------------------------------

    def all(self) -> tuple[Photos, list[Skipped]]:
        """Return all photos, sorted by path, and the files that could not be used."""
        with self._snapshot():
            numbers = self._rows("SELECT number FROM known ORDER BY path, frames, clip_ms")
            return self._photos(numbers), self.skipped()

    def skipped(self) -> list[Skipped]:
        """Return the files that could not be used."""
        return _skipped(self._rows("SELECT path, reason FROM skipped ORDER BY path"))

    def count(self) -> int:
        """Return the number of photos."""
        return int(self._rows("SELECT count(*) FROM known")[0][0])

    def date_range(self) -> tuple[str | None, str | None]:
        """Return the earliest and the latest capture time, ISO 8601; None if no photo has one."""
        oldest, newest = self._rows("SELECT CAST(min(captured) AS TEXT), CAST(max(captured) AS TEXT) FROM known")[0]
        return oldest, newest

    def _photos(self, numbers: Sequence[tuple[int]]) -> Photos:
        for table in ("thumbnail", "tile"):
            if numbers and not self._rows(f"SELECT 1 FROM {table} LIMIT 1"):
                raise sqlite3.DatabaseError(f"table {table} is empty")
        return Photos([(self, self._columns(np.array(numbers, np.int64).reshape(-1)))])

    def _columns(self, numbers: Numbers) -> PhotoColumns:
        """Read the columns of photos, block by block."""
        count = len(numbers)
        order = np.argsort(numbers, kind="stable")
        ascending = numbers[order]
        signature = np.empty((count, SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
        mean = np.empty((count, 3), np.float32)
        key = np.empty(count, np.uint64)
        last = int(ascending[-1]) if count else 0
        ends = np.searchsorted(ascending, np.arange(0, last + 2 * BLOCK, BLOCK))
        for block in np.flatnonzero(np.diff(ends)).tolist():
            rows = slice(int(ends[block]), int(ends[block + 1]))
            in_block, targets = ascending[rows], order[rows]
            with as_damage():
                blobs = self._rows("SELECT signature, mean FROM block WHERE number = ?", block)
                if len(blobs) != 1:
                    raise sqlite3.DatabaseError(f"block {block} is incomplete")
                signatures, means = (np.frombuffer(blob, np.uint8) for blob in blobs[0])
                slots = in_block - block * BLOCK
                signature[targets] = signatures.reshape(BLOCK, *signature.shape[1:])[slots]
                mean[targets] = means.view("<f4").reshape(BLOCK, 3)[slots]
                key[targets] = keys_of(*self.contents(in_block))
        return PhotoColumns(numbers.astype(np.int32), signature, mean, key)

    def contents(self, numbers: Numbers) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return what identifies photos, in ascending order of at most a block: what `keys_of` expects."""
        rows = self._rows(
            "SELECT substr(digest, 1, 8), crop_left, crop_top, crop_width, crop_height, clip_ms FROM photo"
            f" {_among(numbers)} ORDER BY number"
        )
        if len(rows) != len(numbers):
            raise sqlite3.DatabaseError(f"{len(numbers) - len(rows)} photos are missing")
        digests, *numeric = zip(*rows, strict=True)
        crop_and_time = np.array(numeric, np.int64).T
        digest = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)
        return digest, crop_and_time[:, :4], crop_and_time[:, 4]

    def cropped(
        self,
        numbers: Numbers,
        ratio: Fraction,
        progress: Progress,
        source: object = None,  # noqa: ARG002 (thumbnails are stored here)
    ) -> tuple[PhotoStore, PhotoColumns]:
        """Return photos with crops of a ratio, in the order of their numbers; what is not stored is computed."""
        with self.final_read():
            if ratio == SQUARE:
                distinct, back = np.unique(numbers, return_inverse=True)
                return self, self._columns(distinct).take(back)
            self._check_stored(numbers)
            return cropped_photos(self, ratio, numbers, progress)

    def thumbnails(self, numbers: Numbers) -> list[Thumbnail]:
        """Return the thumbnails of photos, in ascending order of their numbers, of which there are at most 1,024."""
        rows = self._rows(
            "SELECT number, width, height, crop_left, crop_top, crop_width, crop_height, faces, jpeg FROM photo"
            f" JOIN thumbnail USING (number) {_among(numbers)} ORDER BY number"
        )
        if len(rows) != len(numbers):
            self._check_stored(numbers)
            raise sqlite3.DatabaseError("thumbnails are missing")
        return [
            Thumbnail(number, (width, height), (left, top, across, along), _faces_of(faces), jpeg)
            for number, width, height, left, top, across, along, faces, jpeg in rows
        ]

    def _check_stored(self, numbers: Numbers) -> None:
        """Raise RenderError if some of these photos were deleted since the library was opened."""
        ((count,),) = self._rows(f"SELECT count(*) FROM photo {_among(np.unique(numbers))}")
        if count < len(np.unique(numbers)):
            raise RenderError(f"A photo was removed from {self.path} during this run: render again")

    def photo(self, number: int, mean: tuple[float, float, float], crop: Box | None = None) -> Photo:
        """Return a photo; `mean` and `crop`, if it is not the square, are what the caller has.

        Raises RenderError if it was deleted.
        """
        with self.final_read():
            rows = self._rows(f"SELECT {_PHOTO} FROM photo WHERE number = ?", number)
            if not rows:
                self._check_stored(np.array([number]))
            path, digest, width, height, clip_ms, faces, *square = rows[0]
            left, top, across, along = crop or square
            if not (0 <= left <= width - across < width and 0 <= top <= height - along < height):
                raise sqlite3.DatabaseError(f"photo {number} has a crop {crop or square} in {width} × {height} pixels")
            return Photo(
                Path(os.fsdecode(path)), digest.hex(), (width, height), (left, top, across, along), mean,
                time=None if clip_ms < 0 else clip_ms / 1000, faces=_faces_of(faces),
            )  # fmt: skip

    def tiles(self, numbers: Numbers) -> Pixels:
        """Return the squares of photos, (N, 32, 32, 3)."""
        tiles = np.empty((len(numbers), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
        order = np.argsort(numbers)
        for start in range(0, len(order), BLOCK):
            batch = order[start : start + BLOCK]
            distinct, back = np.unique(numbers[batch], return_inverse=True)
            with self.final_read():
                rows = self._rows(f"SELECT pixels FROM tile {_among(distinct)} ORDER BY number")
                if len(rows) != len(distinct):
                    self._check_stored(distinct)
                    raise sqlite3.DatabaseError("tiles are missing")
                pixels = np.stack([np.frombuffer(row[0], np.uint8) for row in rows])
                tiles[batch] = pixels.reshape(-1, *tiles.shape[1:])[back]
        return tiles

    def are_upright(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether photos are higher than wide, (N,)."""
        upright = np.empty(len(numbers), bool)
        for batch in blocks(len(numbers), BLOCK):
            distinct, back = np.unique(numbers[batch], return_inverse=True)
            with self.final_read():
                rows = self._rows(f"SELECT height > width FROM photo {_among(distinct)} ORDER BY number")
                if len(rows) != len(distinct):
                    self._check_stored(distinct)
                    raise sqlite3.DatabaseError("photos are missing")
                upright[batch] = np.array(rows, bool)[back, 0]
        return upright

    def descriptors(self, numbers: Numbers) -> Pixels:
        """Return the descriptors of photos, (N, 8, 8, 3): their whole pictures, scaled down."""
        descriptors = np.empty((len(numbers), SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
        for block in np.unique(numbers // BLOCK).tolist():
            in_block = np.flatnonzero(numbers // BLOCK == block)
            with self.final_read():
                ((blob,),) = self._rows("SELECT look FROM block WHERE number = ?", block)
                all_of_block = np.frombuffer(blob, np.uint8).reshape(BLOCK, *descriptors.shape[1:])
                descriptors[in_block] = all_of_block[numbers[in_block] - block * BLOCK]
        return descriptors

    def dates(self, numbers: Numbers) -> list[tuple[Path, str]]:
        """Return each photo's path and its capture time, or else its file's modification time: ISO 8601."""
        facts: dict[int, tuple[Path, str]] = {}
        with self.final_read():
            for batch in blocks(len(numbers), BLOCK):
                for number, path, captured, modified_ns in self._rows(
                    "SELECT number, path, CAST(captured AS TEXT), modified_ns FROM photo"
                    f" {_among(np.unique(numbers[batch]))}"
                ):
                    facts[number] = Path(os.fsdecode(path)), captured or modification_time(modified_ns)
            if len(facts) < len(np.unique(numbers)):
                self._check_stored(numbers)
            return [facts[number] for number in numbers.tolist()]

    def thumbnail(self, photo: Photo) -> Pixels | None:
        """Return a photo's whole picture, (H, W, 3), up to 256 pixels on the shorter side; None if not stored."""
        (jpeg,) = self.jpegs([photo])
        return None if jpeg is None else decoded(jpeg)

    def jpegs(self, photos: Sequence[Photo]) -> list[bytes | None]:
        """Return the JPEGs of the thumbnails of up to 60 photos; None for those that are not stored.

        One query for several photos takes less time than one for each, and threads wait for each other's queries.
        """
        try:
            return self._stored_jpegs(photos)
        except sqlite3.Error:
            return [None] * len(photos)

    def _stored_jpegs(self, photos: Sequence[Photo]) -> list[bytes | None]:
        keys = [(bytes.fromhex(photo.digest), photo.clip_ms) for photo in photos]
        marks = ", ".join("?" * len(keys))
        rows = self._rows(
            "SELECT digest, clip_ms, jpeg FROM photo JOIN thumbnail USING (number)"
            f" WHERE digest IN ({marks}) AND +clip_ms IN ({marks})",
            *(digest for digest, _ in keys), *(clip_ms for _, clip_ms in keys),
        )  # fmt: skip
        # Files with the same content have several rows, of which the first counts.
        found = {(digest, clip_ms): jpeg for digest, clip_ms, jpeg in reversed(rows) if isinstance(jpeg, bytes)}
        return [found.get(key) for key in keys]

    def tiles_of(self, photos: Sequence[Photo], ratio: Fraction = SQUARE) -> list[Pixels | None]:
        """Return the tile picture of each photo, (H, W, 3); None for those of which none is stored with this crop."""
        contents = [(bytes.fromhex(photo.digest), photo.clip_ms) for photo in photos]
        digests = list(dict.fromkeys(digest for digest, _ in contents))
        with self.final_read():
            if ratio == SQUARE:
                stored = {
                    (digest, clip_ms, tuple(crop)): np.frombuffer(pixels, np.uint8).reshape(TILE_PIXELS, TILE_PIXELS, 3)
                    for digest, clip_ms, *crop, pixels in self._rows_among(
                        "SELECT digest, clip_ms, crop_left, crop_top, crop_width, crop_height, pixels FROM photo"
                        " JOIN tile USING (number) WHERE digest IN",
                        digests,
                    )
                }
                return [stored.get((*content, photo.crop)) for content, photo in zip(contents, photos, strict=True)]
            numbers: dict[tuple[bytes, int], list[int]] = {}
            for number, *content in self._rows_among(
                "SELECT number, digest, clip_ms FROM photo WHERE digest IN", digests
            ):
                numbers.setdefault((content[0], content[1]), []).append(number)
            same = [
                next((n for n in numbers.get(content, ()) if self.stored_box(ratio, n) == photo.crop), None)
                for content, photo in zip(contents, photos, strict=True)
            ]
            tiles = self.stored_tiles(ratio, [number for number in same if number is not None])
            return [None if number is None else tiles.get(number) for number in same]

    def faces_of(self, photos: Sequence[Photo]) -> list[tuple[Face, ...]]:
        """Return the faces of each photo, by its content; none if they are unknown."""
        contents = [(bytes.fromhex(photo.digest), photo.clip_ms) for photo in photos]
        with self.final_read():
            found = {
                (digest, clip_ms): _faces_of(faces)
                for digest, clip_ms, faces in self._rows_among(
                    "SELECT digest, clip_ms, faces FROM photo WHERE faces IS NOT NULL AND digest IN",
                    list(dict.fromkeys(digest for digest, _ in contents)),
                )
            }
        return [found.get(content, ()) for content in contents]

    def digests_at(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Return the stored digests of files, without files that have changed, do not exist or are not stored."""
        files: dict[bytes, File] = {}
        for path in paths:
            with contextlib.suppress(OSError, ValueError):
                files[os.fsencode(path)] = File.at(path)
        with self.final_read():
            return {
                file.path: digest.hex()
                for path, size, modified_ns, digest in self._rows_among(
                    "SELECT path, bytes, modified_ns, digest FROM known WHERE path IN", list(files)
                )
                if (size, modified_ns) == ((file := files[path]).bytes, file.modified_ns)
            }

    def _rows_among(self, query: str, values: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query that ends with IN, for any number of values."""
        for some in blocks(len(values), _VALUES):
            yield from self._rows(f"{query} ({','.join('?' * len(values[some]))})", *values[some])

    def is_unchanged(self, photo: Photo) -> bool | None:
        """Return whether a photo's file has the size and modification time that it had when it was read.

        None if the photo was not read from this path, or the file no longer exists. Data of earlier states of the file
        counts as well: another process may have refreshed the index in the meantime.
        """
        with self.final_read():
            rows = self._rows(
                "SELECT bytes, modified_ns FROM photo WHERE path = ? AND +digest = ?",
                os.fsencode(photo.path), bytes.fromhex(photo.digest),
            )  # fmt: skip
        try:
            file = File.at(photo.path)
        except OSError:
            return None
        return (file.bytes, file.modified_ns) in rows if rows else None

    def with_digests(self, digests: Sequence[str]) -> list[int]:
        """Return the numbers of the photos whose files have these digests."""
        with self.final_read():
            rows = [
                self._rows("SELECT number FROM known WHERE digest = ?", bytes.fromhex(digest)) for digest in digests
            ]
        return [number for found in rows for (number,) in found]

    def paths_of(self, photo: Photo) -> list[Path]:
        """Return the files that had a photo's content when they were scanned."""
        with self.final_read():
            rows = self._rows("SELECT DISTINCT path FROM known WHERE digest = ?", bytes.fromhex(photo.digest))
            return [Path(os.fsdecode(path)) for (path,) in rows]

    def contains(self, path: Path, digest: str) -> bool:
        """Return whether a file is one of the photos, by its path or its content."""
        return bool(
            self._rows(
                "SELECT 1 FROM known WHERE path = ? OR digest = ? LIMIT 1", os.fsencode(path), bytes.fromhex(digest)
            )
        )

    def find_by_name(self, name: str) -> list[int]:
        """Return the numbers of photos with a path, or a file name with or without suffix, the best match first."""
        # Characters beyond ASCII may be stored in another Unicode form: `match_name` compares those.
        last = normalized(expanded(name).name).translate({ord(letter): f"!{letter}" for letter in "!%_"})
        pattern = "".join(["%", *(letter if letter.isascii() else "%" for letter in last), "%"])
        with self.final_read():
            rows = self._rows("SELECT number, path FROM known WHERE CAST(path AS TEXT) LIKE ? ESCAPE '!'", pattern)
            found = match_name(name, ((number, Path(os.fsdecode(path))) for number, path in rows))
            return [number for number, _ in found]


_PHOTO: Final = "path, digest, width, height, clip_ms, faces, crop_left, crop_top, crop_width, crop_height"


def faces_to_bytes(faces: Sequence[Face]) -> bytes:
    """Return faces as they are stored."""
    return np.array(faces, "<f8").tobytes()


def _faces_of(stored: bytes | None) -> tuple[Face, ...]:
    """Return stored faces; none if they are unknown."""
    if not stored:
        return ()
    with as_damage():
        boxes = np.frombuffer(stored, "<f8").reshape(-1, 4)
        if not ((boxes >= 0) & (boxes <= 1)).all():
            raise ValueError("a face is outside the picture")
        return tuple((left, top, width, height) for left, top, width, height in boxes.tolist())


def _among(numbers: npt.NDArray[np.integer[Any]]) -> str:
    return f"WHERE number IN ({','.join(map(str, numbers.tolist()))})"


def _skipped(rows: Sequence[tuple[Any, ...]]) -> list[Skipped]:
    with as_damage():
        return [Skipped(Path(os.fsdecode(path)), reason) for path, reason in rows]


def _is_missing(path: bytes) -> bool:
    """Return whether a file does not exist; False if that can't be determined."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def decoded(jpeg: bytes) -> Pixels | None:
    """Return a stored thumbnail, (H, W, 3); None if it is damaged."""
    try:
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if pixels is None else pixels.astype(np.uint8, copy=False)


def _insert(database: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows into a table; a damaged index may already have pixels of a new photo."""
    for some in blocks(len(rows), _ROWS):
        row = f"({', '.join('?' * len(rows[0]))})"
        statement = "INSERT" if table in ("photo", "skipped") else "INSERT OR REPLACE"
        database.execute(
            f"{statement} INTO {table} VALUES {', '.join([row] * len(rows[some]))}",
            list(chain.from_iterable(rows[some])),
        )


def _write_slots(database: sqlite3.Connection, number: int, entries: Sequence[IndexEntry]) -> None:
    """Write what blocks contain of photos from a number on, which are in one block."""
    for column, values, size in (
        ("signature", [entry.signature.tobytes() for entry in entries], _SIGNATURE_BYTES),
        ("look", [entry.descriptor.tobytes() for entry in entries], _SIGNATURE_BYTES),
        ("mean", [np.array(entry.photo.mean, "<f4").tobytes() for entry in entries], _MEAN_BYTES),
    ):
        _write_slot(database, column, number, b"".join(values), size)


def _copy_pixels(database: sqlite3.Connection, number: int, copy: int) -> None:
    """Copy what is stored of a photo's pixels to another number."""
    database.execute("INSERT OR REPLACE INTO thumbnail SELECT ?, jpeg FROM thumbnail WHERE number = ?", (copy, number))
    database.execute("INSERT OR REPLACE INTO tile SELECT ?, pixels FROM tile WHERE number = ?", (copy, number))
    for name, size in (("signature", _SIGNATURE_BYTES), ("look", _SIGNATURE_BYTES), ("mean", _MEAN_BYTES)):
        _write_slot(database, name, copy, _read_slot(database, name, number, size), size)


def _write_slot(database: sqlite3.Connection, column: str, number: int, values: bytes, size: int) -> None:
    """Write values of `size` bytes of the photos from a number on; the first photo of a block creates it."""
    block, slot = divmod(number, BLOCK)
    database.execute(
        "INSERT OR IGNORE INTO block VALUES (?, zeroblob(?), zeroblob(?), zeroblob(?))",
        (block, BLOCK * _SIGNATURE_BYTES, BLOCK * _SIGNATURE_BYTES, BLOCK * _MEAN_BYTES),
    )
    with as_damage(), database.blobopen("block", column, block) as blob:
        blob.seek(slot * size)
        blob.write(values)


def _read_slot(database: sqlite3.Connection, column: str, number: int, size: int) -> bytes:
    """Read a value of a photo, of `size` bytes, from its block."""
    block, slot = divmod(number, BLOCK)
    with as_damage(), database.blobopen("block", column, block, readonly=True) as blob:
        blob.seek(slot * size)
        return blob.read(size)
