"""The index: one SQLite file with all that was once learnt of some photos.

A photo's facts are a row, and so are its thumbnail and its 32 × 32 square. What the matcher wants of all photos, the
signature and the mean colour, lies in blocks of 1024 photos, each an array: a library is opened by reading some
hundred blobs, not a hundred thousand rows of them. A photo's number says where in the blocks it is.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS, blocks
from renderer.errors import RenderError
from renderer.library.photos import Numbers, Photo, PhotoColumns, Photos, Skipped, best_named, changed_at, keys_of
from renderer.names import normal
from renderer.paths import expanded
from renderer.pictures import Pixels
from renderer.private_files import make_private, make_private_folder

T = TypeVar("T")

_MIGRATIONS: Final = (
    """
    CREATE TABLE photo (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: a number that is in use stays what it is
        path BLOB NOT NULL,          -- as the file system has it: not every name is text
        frames INTEGER NOT NULL,     -- 0: a picture, else of how many frames of a clip this is one
        clip_ms INTEGER NOT NULL,    -- the frame's time in its clip, -1: a picture
        bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        digest BLOB NOT NULL,        -- BLAKE2b-128 of the file
        width INTEGER NOT NULL, height INTEGER NOT NULL,  -- upright
        orientation INTEGER NOT NULL,                     -- EXIF, 1 to 8
        captured TEXT,                                    -- ISO 8601, by the camera's clock
        crop_left INTEGER NOT NULL, crop_top INTEGER NOT NULL, crop_side INTEGER NOT NULL,
        gone_ns INTEGER NOT NULL DEFAULT 0,  -- when it was found gone or changed, 0: it is there
        UNIQUE (path, frames, clip_ms, gone_ns)
    );
    CREATE VIEW known AS SELECT * FROM photo WHERE gone_ns = 0;
    CREATE INDEX photo_gone ON photo (gone_ns) WHERE gone_ns > 0;
    CREATE INDEX photo_bytes ON photo (bytes);
    CREATE INDEX photo_digest ON photo (digest);
    CREATE TABLE thumbnail (number INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);  -- of the whole picture
    CREATE TABLE tile (number INTEGER PRIMARY KEY, pixels BLOB NOT NULL);     -- 32 x 32 RGB
    CREATE TABLE block (
        number INTEGER PRIMARY KEY,  -- photos 1024 * number and on
        signature BLOB NOT NULL,     -- 1024 x 8 x 8 x 3 bytes, of the square
        look BLOB NOT NULL,          -- the same of the whole picture: near-duplicates are found by it
        mean BLOB NOT NULL           -- 1024 x 3 float32, little-endian
    );
    CREATE TABLE skipped (
        path BLOB NOT NULL, frames INTEGER NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (path, frames)
    ) WITHOUT ROWID;
    """,
    # Passing failures were stored as damage, anamorphic clips were stretched, some TIFFs had the wrong shape, and some
    # HEIC, AVIF and PNG pictures the wrong colours: a size that no file has makes the next look read them again.
    """
    DELETE FROM skipped;
    UPDATE photo SET bytes = -1 WHERE frames > 0
        OR lower(substr(CAST(path AS TEXT), -4)) IN ('.tif', '.png', '.hif')
        OR lower(substr(CAST(path AS TEXT), -5)) IN ('.tiff', '.avif', '.heic', '.heif');
    """,
)
"""What makes an index of version n into one of version n + 1; a new one goes through all of them."""

_SEEN: Final = """
CREATE TEMP TABLE IF NOT EXISTS seen (
    position INTEGER PRIMARY KEY, path BLOB NOT NULL, frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, UNIQUE (path, frames)
)
"""

# The unary plus keeps SQLite from looking photos up by their size, of which many may be the same.
_AS_SEEN: Final = (
    "found.path = seen.path AND found.frames = seen.frames"
    " AND +found.bytes = seen.bytes AND +found.modified_ns = seen.modified_ns"
)

_SILENT_SECONDS: Final = 1.5
"""How long a lock is waited for before it is said."""

_LOCKED_SECONDS: Final = 60.0
"""How long a lock of a named library's index is waited for: another process stores a quarter of a second at once."""

_CACHE_SECONDS: Final = 10.0
"""The same for the cache, which can be done without."""

_KEPT_SECONDS: Final = 3600
"""How long what is gone is kept all the same: another process may be about to draw it."""

BLOCK: Final = 1024
_SIGNATURE_BYTES: Final = SIGNATURE_PIXELS * SIGNATURE_PIXELS * 3
_MEAN_BYTES: Final = 12


@dataclass(frozen=True)
class File:
    """A file as it was when it was looked at; `frames` of a clip, 0 for a picture."""

    path: Path
    bytes: int
    modified_ns: int  # within 64 bits, as SQLite has them: the years 1677 to 2262
    frames: int = 0

    @classmethod
    def at(cls, path: Path, frames: int = 0) -> Self:
        """A file as it is now; a time of change beyond 64 bits is the nearest within them. Raises OSError."""
        status = path.stat()
        return cls(path, status.st_size, min(max(status.st_mtime_ns, -(2**63)), 2**63 - 1), frames)


@dataclass(frozen=True)
class IndexEntry:
    """All that the index keeps of one photo."""

    photo: Photo
    orientation: int
    captured: str | None
    signature: Pixels  # (8, 8, 3)
    look: Pixels  # (8, 8, 3): the whole picture, not its square alone
    tile: Pixels  # (32, 32, 3)
    thumbnail: bytes  # JPEG
    damaged: bool = False  # the file can be read in part only; told when it is read, not kept


class Index:
    """One SQLite file of photos, shared by processes that run at once, and by the threads of each.

    What was stored is there whenever a process ends, and however. Its files are readable by their owner alone. Use it
    in a `with` block, which closes it. Most methods may raise sqlite3.Error, after which `recover` makes it usable
    again; `thumbnail` gives None instead, and what is asked of opened photos (`photo`, `tile`, `tiles`, `looks`,
    `taken`, `holding`, `is_current`, `digest_at`, `places_of`, `named`) raises RenderError.
    """

    def __init__(
        self, path: Path, *, may_be_memory: bool = False, notice: Callable[[str], None] = lambda _message: None
    ) -> None:
        """Open or make the index at a path; `may_be_memory`: where that can't be done, one in memory, for this run.

        `notice` gets what a user should know, from any thread. Raises RenderError.
        """
        self.path = path
        self._notice = notice
        self._may_be_memory = may_be_memory
        self._patience = _CACHE_SECONDS if may_be_memory else _LOCKED_SECONDS
        self._lock = threading.RLock()
        self._database = self._open()

    # -- Opening ---------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_file()
        except (OSError, sqlite3.OperationalError) as error:
            return self._in_memory(error)
        except sqlite3.DatabaseError:
            self._set_aside()
            return self._open_file()

    def _open_file(self) -> sqlite3.Connection:
        make_private_folder(self.path.parent)
        if not self.path.exists():
            self.path.touch(mode=0o600)  # SQLite gives its other files the permissions of this one
        for file in self._files():
            make_private(file)
        return self._patiently(lambda: _connect(str(self.path)))

    def _files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        if not self._may_be_memory:
            raise RenderError(f"{self.path} can't be used ({error}): free it, or choose another --library-dir")
        self._notice(
            f"{self.path} can't be used ({error}): what is learnt of the photos is not kept; MOSAIC_RENDERER_CACHE "
            "names another folder for it"
        )
        return _connect(":memory:")

    def _set_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        for damaged in self._files():
            if damaged.exists():
                damaged.replace(damaged.with_name(damaged.name.replace(self.path.name, aside.name)))
        self._notice(f"{self.path} is damaged: it was set aside as {aside.name} and is made anew")

    def _patiently(self, action: Callable[[], T]) -> T:
        """The result of an action, tried again for some seconds while other programs lock the file.

        SQLite's own time limit says nothing meanwhile, and does not hold for the switch to a write-ahead log. Raises
        what the action does.
        """
        begun = time.monotonic()
        is_said = False
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - begun
                if not _is_locked(error) or waited > self._patience:
                    raise
            if waited > _SILENT_SECONDS and not is_said:
                is_said = True
                folder = "MOSAIC_RENDERER_CACHE" if self._may_be_memory else "MOSAIC_RENDERER_LIBRARIES"
                self._notice(
                    f"Waiting for {self.path} (up to {self._patience:.0f} seconds): another program holds its lock, or "
                    f"its file system has none; {folder} names another folder"
                )
            time.sleep(random.uniform(0.01, 0.05))  # of several that wait none is always late

    def recover(self, error: sqlite3.Error) -> None:
        """Make the index usable again after a failure: a new file for a damaged one, memory where none can be written.

        It is empty then. Raises RenderError for one that must be kept and can't be written to.
        """
        with self._lock:
            self._database.close()
            if not _is_damage(error):
                self._database = self._in_memory(error)
            else:
                self._set_aside()
                self._database = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._patiently(lambda: self._database.execute("BEGIN IMMEDIATE"))
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """What is read within is of one moment, whatever other processes do."""
        with self._lock:
            self._database.execute("BEGIN")
            try:
                yield
            finally:
                if self._database.in_transaction:
                    self._database.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._patiently(lambda: self._database.execute(query, values).fetchall())

    @contextmanager
    def _late(self) -> Iterator[None]:
        """Reading when it is too late to make a damaged index anew: raises RenderError then."""
        try:
            with _read_values():
                yield
        except sqlite3.Error as error:
            raise self._fail_late(error) from error

    def _fail_late(self, error: sqlite3.Error) -> RenderError:
        """What a run ends with when an index fails that is in use; a damaged one is set aside for the next run."""
        if not _is_damage(error):
            return RenderError(f"{self.path} can't be read ({error}): render again")
        notice, self._notice = self._notice, lambda _message: None  # the error says the same
        try:
            self.recover(error)
        finally:
            self._notice = notice
        return RenderError(f"{self.path} is damaged: it was set aside; the same command makes it anew")

    def _check_there(self, numbers: Numbers) -> None:
        """Raise RenderError if some of these photos were taken out meanwhile."""
        ((count,),) = self._rows(f"SELECT count(*) FROM photo {_among(np.unique(numbers))}")
        if count < len(np.unique(numbers)):
            raise RenderError(f"a photo was taken out of {self.path} while it was in use: render again")

    # -- Looking for changes ---------------------------------------------------------------------------------------

    def look(self, files: Iterator[File]) -> None:
        """Take note of files as they are now; what follows compares with these. Deletes what is gone for an hour."""
        with self._lock:
            self._database.execute("DROP TABLE IF EXISTS seen")
            self._database.execute(_SEEN)
            self._database.execute("BEGIN")
            try:
                while some := list(islice(files, 10_000)):
                    self._database.executemany(
                        "INSERT OR IGNORE INTO seen (path, frames, bytes, modified_ns) VALUES (?, ?, ?, ?)",
                        [(os.fsencode(file.path), file.frames, file.bytes, file.modified_ns) for file in some],
                    )
            finally:
                self._database.execute("COMMIT")
        with self._transaction() as database:
            old = time.time_ns() - _KEPT_SECONDS * 1_000_000_000
            numbers = database.execute(
                "DELETE FROM photo WHERE gone_ns > 0 AND gone_ns < ? RETURNING number", (old,)
            ).fetchall()
            database.executemany("DELETE FROM thumbnail WHERE number = ?", numbers)
            database.executemany("DELETE FROM tile WHERE number = ?", numbers)

    def unknown(self) -> list[File]:
        """The files that are not here as they are now."""
        rows = self._rows(
            "SELECT path, bytes, modified_ns, frames FROM seen"
            f" WHERE NOT EXISTS (SELECT 1 FROM known AS found WHERE {_AS_SEEN})"
            f" AND NOT EXISTS (SELECT 1 FROM skipped AS found WHERE {_AS_SEEN}) ORDER BY position"
        )
        return [File(Path(os.fsdecode(path)), *seen) for path, *seen in rows]

    def seen(self) -> tuple[Photos, list[Skipped]]:
        """The photos of the files that were looked at, in their order, and those that could not be used."""
        with self._snapshot():
            numbers = self._rows(
                f"SELECT number FROM seen CROSS JOIN known AS found ON {_AS_SEEN} ORDER BY position, clip_ms"
            )
            skipped = self._rows(
                f"SELECT found.path, reason FROM seen CROSS JOIN skipped AS found ON {_AS_SEEN} ORDER BY position"
            )
            return self._photos(numbers), _skipped(skipped)

    def forget_gone(self, away: Sequence[Path] = ()) -> int:
        """Forget what was not looked at and is not there any more; returns the number of photos.

        What lies in folders that are `away`, on a drive that is not plugged in, is kept.
        """
        rows = self._rows(
            "SELECT DISTINCT path FROM (SELECT path, frames FROM known UNION SELECT path, frames FROM skipped) AS known"
            " WHERE NOT EXISTS (SELECT 1 FROM seen WHERE seen.path = known.path AND seen.frames = known.frames)"
        )
        kept = tuple(os.fsencode(folder) + os.sep.encode() for folder in away)
        with _read_values():
            gone = [path for (path,) in rows if not path.startswith(kept) and _is_gone(path)]
        count = 0
        for start in range(0, len(gone), 500):
            with self._transaction() as database:
                for path in gone[start : start + 500]:
                    update = "UPDATE photo SET gone_ns = ? WHERE path = ? AND gone_ns = 0"
                    count += database.execute(update, (time.time_ns(), path)).rowcount
                    database.execute("DELETE FROM skipped WHERE path = ?", (path,))
        return count

    # -- Storing ---------------------------------------------------------------------------------------------------

    def knows(self, file: File) -> bool:
        """Whether a file is here as it is now: another process may have been quicker."""
        seen = (os.fsencode(file.path), file.frames, file.bytes, file.modified_ns)
        as_seen = "path = ? AND frames = ? AND +bytes = ? AND +modified_ns = ?"
        return any(
            self._rows(f"SELECT 1 FROM {table} WHERE {as_seen} LIMIT 1", *seen) for table in ("known", "skipped")
        )

    def has_size(self, file: File) -> bool:
        """Whether some file of this size is known, so that this one may be it at another place."""
        return bool(self._rows("SELECT 1 FROM known WHERE bytes = ? AND frames = ? LIMIT 1", file.bytes, file.frames))

    def adopt(self, file: File, digest: str) -> bool:
        """Take over what is known of a file of the same content: moved here if that one is gone, else copied."""
        with self._transaction() as database:
            found = database.execute(
                "SELECT path, number, clip_ms FROM known WHERE digest = ? AND frames = ? AND path <> ?"
                " ORDER BY path, clip_ms",
                (bytes.fromhex(digest), file.frames, os.fsencode(file.path)),
            ).fetchall()
            rows = [row for row in found if row[0] == found[0][0]]
            if not rows:
                return False
            self._drop(database, file)
            here = (os.fsencode(file.path), file.bytes, file.modified_ns)
            with _read_values():
                moved = _is_gone(rows[0][0])
            if moved:
                database.executemany(
                    "UPDATE photo SET path = ?, bytes = ?, modified_ns = ? WHERE number = ?",
                    [(*here, number) for _, number, _ in rows],
                )
                return True
            for _, number, _ in rows:
                (copy,) = database.execute(
                    "INSERT INTO photo SELECT NULL, ?, frames, clip_ms, ?, ?, digest, width, height, orientation,"
                    " captured, crop_left, crop_top, crop_side, 0 FROM photo WHERE number = ? RETURNING number",
                    (*here, number),
                ).fetchone()
                database.execute(
                    "INSERT OR REPLACE INTO thumbnail SELECT ?, jpeg FROM thumbnail WHERE number = ?", (copy, number)
                )
                database.execute(
                    "INSERT OR REPLACE INTO tile SELECT ?, pixels FROM tile WHERE number = ?", (copy, number)
                )
                for name, size in (("signature", _SIGNATURE_BYTES), ("look", _SIGNATURE_BYTES), ("mean", _MEAN_BYTES)):
                    _write_slot(database, name, copy, _read_slot(database, name, number, size))
            return True

    def store(self, read: Sequence[tuple[File, list[IndexEntry] | Skipped]]) -> None:
        """Add or renew what was read of some files, all in one transaction."""
        with self._transaction() as database:
            for file, found in read:
                if self.knows(file):
                    continue
                self._drop(database, file)
                path, seen = os.fsencode(file.path), (file.bytes, file.modified_ns)
                if isinstance(found, Skipped):
                    database.execute(
                        "INSERT INTO skipped VALUES (?, ?, ?, ?, ?)", (path, file.frames, *seen, found.reason)
                    )
                    continue
                for entry in found:
                    photo = entry.photo
                    clip_ms = -1 if photo.time is None else round(photo.time * 1000)
                    (number,) = database.execute(
                        f"INSERT INTO photo VALUES (NULL{', ?' * 13}, 0) RETURNING number",
                        (
                            path, file.frames, clip_ms, *seen, bytes.fromhex(photo.digest), *photo.size,
                            entry.orientation, entry.captured, *photo.crop,
                        ),
                    ).fetchone()  # fmt: skip
                    database.execute("INSERT OR REPLACE INTO thumbnail VALUES (?, ?)", (number, entry.thumbnail))
                    database.execute("INSERT OR REPLACE INTO tile VALUES (?, ?)", (number, entry.tile.tobytes()))
                    _write_slot(database, "signature", number, entry.signature.tobytes())
                    _write_slot(database, "look", number, entry.look.tobytes())
                    _write_slot(database, "mean", number, np.array(photo.mean, "<f4").tobytes())

    def note(self, skipped: Sequence[Skipped]) -> None:
        """Note what could not be looked at, in place of what was noted before: it is tried again the next time."""
        with self._transaction() as database:
            database.execute("DELETE FROM skipped WHERE modified_ns = -1")
            database.executemany(
                "INSERT OR IGNORE INTO skipped VALUES (?, 0, 0, -1, ?)",
                [(os.fsencode(item.path), item.reason) for item in skipped],
            )

    @staticmethod
    def _drop(database: sqlite3.Connection, file: File) -> None:
        """Forget what is known of the file at a path."""
        known = (os.fsencode(file.path), file.frames)
        database.execute(
            "UPDATE photo SET gone_ns = ? WHERE path = ? AND frames = ? AND gone_ns = 0", (time.time_ns(), *known)
        )
        database.execute("DELETE FROM skipped WHERE path = ? AND frames = ?", known)

    # -- Reading ---------------------------------------------------------------------------------------------------

    def all(self) -> tuple[Photos, list[Skipped]]:
        """Every photo, in the order of their paths, and the files that could not be used."""
        with self._snapshot():
            numbers = self._rows("SELECT number FROM known ORDER BY path, frames, clip_ms")
            return self._photos(numbers), self.skipped()

    def skipped(self) -> list[Skipped]:
        """The files that could not be used."""
        return _skipped(self._rows("SELECT path, reason FROM skipped ORDER BY path"))

    def count(self) -> int:
        """How many photos there are."""
        return int(self._rows("SELECT count(*) FROM known")[0][0])

    def span(self) -> tuple[str | None, str | None]:
        """When the oldest and the newest photo were taken, as far as cameras noted it."""
        oldest, newest = self._rows("SELECT CAST(min(captured) AS TEXT), CAST(max(captured) AS TEXT) FROM known")[0]
        return oldest, newest

    def _photos(self, numbers: Sequence[tuple[int]]) -> Photos:
        for table in ("thumbnail", "tile"):
            if numbers and not self._rows(f"SELECT 1 FROM {table} LIMIT 1"):
                raise sqlite3.DatabaseError(f"table {table} is empty")
        return Photos([(self, self._columns(np.array(numbers, np.int64).reshape(-1)))])

    def _columns(self, numbers: Numbers) -> PhotoColumns:
        """What is in memory of some photos, read by blocks."""
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
            wanted, places = ascending[rows], order[rows]
            with _read_values():
                blobs = self._rows("SELECT signature, mean FROM block WHERE number = ?", block)
                facts = self._rows(
                    "SELECT substr(digest, 1, 8), crop_left, crop_top, crop_side, clip_ms FROM photo"
                    f" {_among(wanted)} ORDER BY number"
                )
                if len(blobs) != 1 or len(facts) != len(wanted):
                    raise sqlite3.DatabaseError(f"block {block} is not whole")
                signatures, means = (np.frombuffer(blob, np.uint8) for blob in blobs[0])
                slots = wanted - block * BLOCK
                signature[places] = signatures.reshape(BLOCK, *signature.shape[1:])[slots]
                mean[places] = means.view("<f4").reshape(BLOCK, 3)[slots]
                digests, *numeric = zip(*facts, strict=True)
                crop_and_time = np.array(numeric, np.int64).T
                digest = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)
                key[places] = keys_of(digest, crop_and_time[:, :3], crop_and_time[:, 3])
        return PhotoColumns(numbers.astype(np.int32), signature, mean, key)

    def photo(self, place: int, mean: tuple[float, float, float]) -> Photo:
        """The photo of a number; its mean colour is known already. Raises RenderError if it is here no more."""
        with self._late():
            rows = self._rows(f"SELECT {_PHOTO} FROM photo WHERE number = ?", place)
            if not rows:
                self._check_there(np.array([place]))
            path, digest, width, height, left, top, side, clip_ms = rows[0]
            if not (0 <= left <= width - side < width and 0 <= top <= height - side < height):
                raise sqlite3.DatabaseError(f"photo {place} has a square of {side} in {width} × {height} pixels")
            seconds = None if clip_ms < 0 else clip_ms / 1000
            return Photo(Path(os.fsdecode(path)), digest.hex(), (width, height), (left, top, side), mean, time=seconds)

    def tiles(self, places: Numbers) -> Pixels:
        """The squares (N, 32, 32, 3) of the photos of some numbers."""
        tiles = np.empty((len(places), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
        order = np.argsort(places)
        for start in range(0, len(order), BLOCK):
            some = order[start : start + BLOCK]
            distinct, back = np.unique(places[some], return_inverse=True)
            with self._late():
                rows = self._rows(f"SELECT pixels FROM tile {_among(distinct)} ORDER BY number")
                if len(rows) != len(distinct):
                    self._check_there(distinct)
                    raise sqlite3.DatabaseError("tiles are missing")
                pixels = np.stack([np.frombuffer(row[0], np.uint8) for row in rows])
                tiles[some] = pixels.reshape(-1, *tiles.shape[1:])[back]
        return tiles

    def descriptors(self, places: Numbers) -> Pixels:
        """The looks (N, 8, 8, 3) of the photos of some numbers: their whole pictures, small."""
        descriptors = np.empty((len(places), SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
        for block in np.unique(places // BLOCK).tolist():
            here = np.flatnonzero(places // BLOCK == block)
            with self._late():
                ((blob,),) = self._rows("SELECT look FROM block WHERE number = ?", block)
                block_looks = np.frombuffer(blob, np.uint8).reshape(BLOCK, *descriptors.shape[1:])
                descriptors[here] = block_looks[places[here] - block * BLOCK]
        return descriptors

    def taken(self, places: Numbers) -> list[tuple[Path, str]]:
        """The paths of the photos of some numbers, and when each was taken, or else its file changed: ISO 8601."""
        facts: dict[int, tuple[Path, str]] = {}
        with self._late():
            for some in blocks(len(places), BLOCK):
                for number, path, captured, modified_ns in self._rows(
                    "SELECT number, path, CAST(captured AS TEXT), modified_ns FROM photo"
                    f" {_among(np.unique(places[some]))}"
                ):
                    facts[number] = Path(os.fsdecode(path)), captured or changed_at(modified_ns)
            if len(facts) < len(np.unique(places)):
                self._check_there(places)
            return [facts[number] for number in places.tolist()]

    def thumbnail(self, photo: Photo) -> Pixels | None:
        """The whole of a photo, (H, W, 3) of at least 256 pixels on the shorter side if it has them; None: not here."""
        clip_ms = -1 if photo.time is None else round(photo.time * 1000)
        try:
            with _read_values():
                rows = self._rows(
                    "SELECT jpeg FROM photo JOIN thumbnail USING (number) WHERE digest = ? AND +clip_ms = ? LIMIT 1",
                    bytes.fromhex(photo.digest), clip_ms,
                )  # fmt: skip
                decoded = cv2.imdecode(np.frombuffer(rows[0][0], np.uint8), cv2.IMREAD_COLOR_RGB) if rows else None
        except sqlite3.Error:
            return None
        return None if decoded is None else decoded.astype(np.uint8, copy=False)

    def tile(self, photo: Photo) -> Pixels | None:
        """The square (32, 32, 3) of a photo; None: it is not here, or with another crop."""
        clip_ms = -1 if photo.time is None else round(photo.time * 1000)
        with self._late():
            rows = self._rows(
                "SELECT pixels FROM photo JOIN tile USING (number) WHERE digest = ? AND +clip_ms = ?"
                " AND crop_left = ? AND crop_top = ? AND crop_side = ? LIMIT 1",
                bytes.fromhex(photo.digest), clip_ms, *photo.crop,
            )  # fmt: skip
            return np.frombuffer(rows[0][0], np.uint8).reshape(TILE_PIXELS, TILE_PIXELS, 3) if rows else None

    def digest_at(self, path: Path) -> str | None:
        """The digest of a file, if it is known as it is now."""
        try:
            file = File.at(path)
        except OSError:
            return None
        with self._late():
            rows = self._rows(
                "SELECT digest FROM known WHERE path = ? AND +bytes = ? AND +modified_ns = ? LIMIT 1",
                os.fsencode(path), file.bytes, file.modified_ns,
            )  # fmt: skip
            return rows[0][0].hex() if rows else None

    def is_current(self, photo: Photo) -> bool | None:
        """Whether a photo's file has the size and time that it had when it was read.

        None for one that was not read from there, or is not there any more. What was read of a file before it changed
        counts too: another process may have refreshed the index meanwhile.
        """
        with self._late():
            rows = self._rows(
                "SELECT bytes, modified_ns FROM photo WHERE path = ? AND +digest = ?",
                os.fsencode(photo.path), bytes.fromhex(photo.digest),
            )  # fmt: skip
        try:
            file = File.at(photo.path)
        except OSError:
            return None
        return (file.bytes, file.modified_ns) in rows if rows else None

    def holding(self, digests: Sequence[str]) -> list[int]:
        """The numbers of the photos whose files have some digests."""
        with self._late():
            rows = [
                self._rows("SELECT number FROM known WHERE digest = ?", bytes.fromhex(digest)) for digest in digests
            ]
        return [number for found in rows for (number,) in found]

    def places_of(self, photo: Photo) -> list[Path]:
        """Where the content of a photo was last seen."""
        with self._late():
            rows = self._rows("SELECT DISTINCT path FROM known WHERE digest = ?", bytes.fromhex(photo.digest))
            return [Path(os.fsdecode(path)) for (path,) in rows]

    def has(self, path: Path, digest: str) -> bool:
        """Whether a file is one of the photos here, by its path or its content."""
        return bool(
            self._rows(
                "SELECT 1 FROM known WHERE path = ? OR digest = ? LIMIT 1", os.fsencode(path), bytes.fromhex(digest)
            )
        )

    def named(self, name: str) -> list[int]:
        """The numbers of photos that a path, or a file's name with or without its ending, means; likeliest first."""
        # Of what is not ASCII the disk may have another form, which `best_named` compares.
        last = normal(expanded(name).name).translate({ord(sign): f"!{sign}" for sign in "!%_"})
        like = "".join(["%", *(sign if sign.isascii() else "%" for sign in last), "%"])
        with self._late():
            rows = self._rows("SELECT number, path FROM known WHERE CAST(path AS TEXT) LIKE ? ESCAPE '!'", like)
            found = best_named(name, ((number, Path(os.fsdecode(path))) for number, path in rows))
            return [number for number, _ in found]


_PHOTO: Final = "path, digest, width, height, crop_left, crop_top, crop_side, clip_ms"


def _connect(name: str) -> sqlite3.Connection:
    """Open a database and bring it up to this version. Raises sqlite3.Error; RenderError for one of a later version."""
    database = sqlite3.connect(name, timeout=_SILENT_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            raise RenderError(f"{name} was made by a later version of this program: use that one, or delete the file")
        while version < len(_MIGRATIONS):
            database.execute("BEGIN IMMEDIATE")
            (version,) = database.execute("PRAGMA user_version").fetchone()  # another process may have been quicker
            if version < len(_MIGRATIONS):
                for statement in _MIGRATIONS[version].split(";"):
                    database.execute(statement)
                version += 1
                database.execute(f"PRAGMA user_version = {version}")
            database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _error_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; 0 for one that did not come from SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_locked(error: sqlite3.Error) -> bool:
    return _error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _read_values() -> Iterator[None]:
    """Turn what values of another type or size lead to into SQLite's error for a damaged file."""
    try:
        yield
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError, cv2.error) as error:
        raise sqlite3.DatabaseError(f"a value is damaged ({error})") from error


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that a file is damaged, and not that it can't be used now or that it was closed."""
    if isinstance(error, sqlite3.OperationalError):
        return _error_code(error) in (sqlite3.SQLITE_ERROR, 0)  # a table is missing; a text is none
    return not isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError)


def _among(numbers: npt.NDArray[np.integer[Any]]) -> str:
    return f"WHERE number IN ({','.join(map(str, numbers.tolist()))})"


def _skipped(rows: Sequence[tuple[Any, ...]]) -> list[Skipped]:
    with _read_values():
        return [Skipped(Path(os.fsdecode(path)), reason) for path, reason in rows]


def _is_gone(path: bytes) -> bool:
    """Whether a file is not there; one that can't be looked for is not gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _write_slot(database: sqlite3.Connection, column: str, number: int, value: bytes) -> None:
    """Write a photo's place in a block, making the block with its first photo."""
    block, slot = divmod(number, BLOCK)
    database.execute(
        "INSERT OR IGNORE INTO block VALUES (?, zeroblob(?), zeroblob(?), zeroblob(?))",
        (block, BLOCK * _SIGNATURE_BYTES, BLOCK * _SIGNATURE_BYTES, BLOCK * _MEAN_BYTES),
    )
    with _read_values(), database.blobopen("block", column, block) as blob:
        blob.seek(slot * len(value))
        blob.write(value)


def _read_slot(database: sqlite3.Connection, column: str, number: int, size: int) -> bytes:
    block, slot = divmod(number, BLOCK)
    with _read_values(), database.blobopen("block", column, block, readonly=True) as blob:
        blob.seek(slot * size)
        return blob.read(size)
