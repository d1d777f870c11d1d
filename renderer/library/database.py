"""The SQLite file of an index: its schema, locks shared with other processes, and recovery from damage."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import cv2

from renderer.errors import RenderError
from renderer.messages import named
from renderer.private_files import make_private, make_private_folder

T = TypeVar("T")

_MIGRATIONS: Final = (
    """
    CREATE TABLE photo (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, so that a number in use keeps its meaning
        path BLOB NOT NULL,          -- bytes of the file system: not every name is text
        frames INTEGER NOT NULL,     -- 0: a picture, else the number of frames taken from the clip
        clip_ms INTEGER NOT NULL,    -- time of the frame in its clip, -1: a picture
        bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        digest BLOB NOT NULL,        -- BLAKE2b-128 of the file
        width INTEGER NOT NULL, height INTEGER NOT NULL,  -- upright
        orientation INTEGER NOT NULL,                     -- EXIF, 1 to 8
        captured TEXT,                                    -- ISO 8601, local time of the camera
        crop_left INTEGER NOT NULL, crop_top INTEGER NOT NULL, crop_side INTEGER NOT NULL,
        gone_ns INTEGER NOT NULL DEFAULT 0,  -- when the file was found missing or changed, 0: current
        UNIQUE (path, frames, clip_ms, gone_ns)
    );
    CREATE VIEW known AS SELECT * FROM photo WHERE gone_ns = 0;
    CREATE INDEX photo_gone ON photo (gone_ns) WHERE gone_ns > 0;
    CREATE INDEX photo_bytes ON photo (bytes);
    CREATE INDEX photo_digest ON photo (digest);
    CREATE TABLE thumbnail (number INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);  -- of the whole picture
    CREATE TABLE tile (number INTEGER PRIMARY KEY, pixels BLOB NOT NULL);     -- 32 x 32 RGB
    CREATE TABLE block (
        number INTEGER PRIMARY KEY,  -- photos 1024 * number to 1024 * number + 1023
        signature BLOB NOT NULL,     -- 1024 x 8 x 8 x 3 bytes, of the square
        look BLOB NOT NULL,          -- the same of the whole picture, to find near-duplicates
        mean BLOB NOT NULL           -- 1024 x 3 float32, little-endian
    );
    CREATE TABLE skipped (
        path BLOB NOT NULL, frames INTEGER NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (path, frames)
    ) WITHOUT ROWID;
    """,
    # Version 1 stored transient failures as damage, stretched anamorphic clips, and read some TIFF files in the wrong
    # shape and some HEIC, AVIF and PNG files in the wrong colours: an impossible size makes the next scan reread them.
    """
    DELETE FROM skipped;
    UPDATE photo SET bytes = -1 WHERE frames > 0
        OR lower(substr(CAST(path AS TEXT), -4)) IN ('.tif', '.png', '.hif')
        OR lower(substr(CAST(path AS TEXT), -5)) IN ('.tiff', '.avif', '.heic', '.heif');
    """,
    # Crops of any ratio, and faces, which the next scan finds in the thumbnails.
    """
    ALTER TABLE photo RENAME COLUMN crop_side TO crop_width;
    ALTER TABLE photo ADD COLUMN crop_height INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE photo ADD COLUMN faces BLOB;  -- N x 4 float64, little-endian, fractions of the picture, NULL: unknown
    UPDATE photo SET crop_height = crop_width;
    CREATE TABLE ratio (name TEXT PRIMARY KEY, used_ns INTEGER NOT NULL);  -- those with tables, as 3x2, see crop_tables
    """,
)
"""Statements that turn a database of version n into version n + 1; a new file runs all of them."""

_NOTICE_SECONDS: Final = 1.5
"""Time to wait for a lock before a notice is shown."""

_LIBRARY_LOCK_SECONDS: Final = 60.0
"""Time to wait for a lock of a named library: another process writes for a quarter of a second at a time."""

_CACHE_LOCK_SECONDS: Final = 10.0
"""Time to wait for a lock of the cache, which is optional."""


class Database:
    """A SQLite file shared by concurrent processes, and by the threads of each.

    Committed data survives the end of a process, however it ends. The file is readable by its owner only. The context
    manager closes it. Methods may raise sqlite3.Error, after which `recover` makes the database usable again.
    """

    def __init__(
        self, path: Path, *, memory_fallback: bool = False, notice: Callable[[str], None] = lambda _message: None
    ) -> None:
        """Open or create the file; with `memory_fallback`, use memory for this run if that fails.

        `notice` receives messages for the user, from any thread. Raises RenderError.
        """
        self.path = path
        self._notice = notice
        self._memory_fallback = memory_fallback
        self._lock_seconds = _CACHE_LOCK_SECONDS if memory_fallback else _LIBRARY_LOCK_SECONDS
        self._lock = threading.RLock()
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._connection.close()

    # -- Opening ---------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_file()
        except (OSError, sqlite3.OperationalError) as error:
            return self._open_memory(error)
        except sqlite3.DatabaseError:
            self._rename_damaged()
            return self._open_file()

    def _open_file(self) -> sqlite3.Connection:
        make_private_folder(self.path.parent)
        if not self.path.exists():
            self.path.touch(mode=0o600)  # SQLite gives its other files the permissions of this one
        for file in self._files():
            make_private(file)
        return self._retry_while_locked(lambda: _connect(str(self.path)))

    def _files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]

    def _open_memory(self, error: Exception) -> sqlite3.Connection:
        if not self._memory_fallback:
            fix = f"make it writable, or choose another {named('library_dir')}"
            raise RenderError(f"{self.path} can't be used ({error}): {fix}")
        self._notice(
            f"{self.path} can't be used ({error}): the index of the photos is not saved. Set MOSAIC_RENDERER_CACHE to "
            "another folder"
        )
        return _connect(":memory:")

    def _rename_damaged(self) -> None:
        renamed = self.path.with_name(f"{self.path.name}.damaged")
        for file in self._files():
            if file.exists():
                file.replace(file.with_name(file.name.replace(self.path.name, renamed.name)))
        self._notice(f"{self.path} is damaged: it was renamed to {renamed.name}, and a new one is made")

    def _retry_while_locked(self, action: Callable[[], T]) -> T:
        """Return the result of an action, which is retried for some seconds while other programs lock the file.

        SQLite's own timeout shows no notice, and does not apply to the switch to a write-ahead log. Raises what the
        action raises.
        """
        start = time.monotonic()
        is_notified = False
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - start
                if not _is_locked(error) or waited > self._lock_seconds:
                    raise
            if waited > _NOTICE_SECONDS and not is_notified:
                is_notified = True
                folder = "MOSAIC_RENDERER_CACHE" if self._memory_fallback else "MOSAIC_RENDERER_LIBRARIES"
                self._notice(
                    f"Waiting for {self.path} (up to {self._lock_seconds:.0f} seconds): another program has locked it, "
                    f"or its file system does not support locks. {folder} sets another folder"
                )
            time.sleep(random.uniform(0.01, 0.05))  # random, so that none of several waiting processes starves

    def recover(self, error: sqlite3.Error) -> None:
        """Make the database usable again after an error: replace a damaged file, or use memory if it is not writable.

        The database is empty afterwards. Raises RenderError if the file is not writable and there is no memory
        fallback.
        """
        with self._lock:
            self._connection.close()
            if not _is_damage(error):
                self._connection = self._open_memory(error)
            else:
                self._rename_damaged()
                self._connection = self._open()

    # -- Queries ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._retry_while_locked(lambda: self._connection.execute("BEGIN IMMEDIATE"))
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Make all reads in the context see the same state, whatever other processes write."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._retry_while_locked(lambda: self._connection.execute(query, values).fetchall())

    @contextmanager
    def final_read(self) -> Iterator[None]:
        """Turn database errors into RenderErrors when it is too late to rebuild the index in this run."""
        try:
            with as_damage():
                yield
        except sqlite3.Error as error:
            raise self._read_failure(error) from error

    def _read_failure(self, error: sqlite3.Error) -> RenderError:
        """Return the error that ends a run; a damaged file is replaced for the next run."""
        if not _is_damage(error):
            return RenderError(f"{self.path} can't be read ({error}): render again")
        notice, self._notice = self._notice, lambda _message: None  # the error reports the same
        try:
            self.recover(error)
        finally:
            self._notice = notice
        return RenderError(f"{self.path} is damaged and was renamed: run the same command again to rebuild it")


@contextmanager
def as_damage() -> Iterator[None]:
    """Turn errors caused by values of the wrong type or size into SQLite's error for a damaged file."""
    try:
        yield
    except (TypeError, ValueError, OverflowError, LookupError, AttributeError, cv2.error) as error:
        raise sqlite3.DatabaseError(f"a value is damaged ({error})") from error


def _connect(name: str) -> sqlite3.Connection:
    """Open a database and update its schema. Raises sqlite3.Error, or RenderError for a file of a later version."""
    connection = sqlite3.connect(name, timeout=_NOTICE_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        with as_damage():  # Python decodes messages of SQLite, which may quote bytes of the file
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise RenderError(
                    f"{name} was made by a later version of this program: use that version, or delete the file"
                )
            while version < len(_MIGRATIONS):
                connection.execute("BEGIN IMMEDIATE")
                (version,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have updated it
                if version < len(_MIGRATIONS):
                    for statement in _MIGRATIONS[version].split(";"):
                        connection.execute(statement)
                    version += 1
                    connection.execute(f"PRAGMA user_version = {version}")
                connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _error_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code of an error; 0 if it did not come from SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_locked(error: sqlite3.Error) -> bool:
    return _error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged, rather than unavailable or closed."""
    if isinstance(error, sqlite3.OperationalError):
        return _error_code(error) in (sqlite3.SQLITE_ERROR, 0)  # a table is missing, or text is not UTF-8
    return not isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError)
