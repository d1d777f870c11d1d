"""Updating an index: scanning files, and reading those that are new or changed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from renderer.choices import Crop
from renderer.cores import core_count
from renderer.errors import FileError
from renderer.library.index import File, Index
from renderer.library.photos import Skipped
from renderer.library.reading import file_digest
from renderer.library.walking import CLIP_SUFFIXES
from renderer.library.workers import Read, Reader
from renderer.names import list_names
from renderer.progress import Progress

_STORE_SECONDS: Final = 0.25
"""Interval at which data is stored: at most this much work is lost on interruption."""

_BATCH_FILES: Final = 16  # small files that a thread reads in one batch; several batches are in memory
_MIN_FILES_FOR_PROCESSES: Final = 2000  # two processes start in the time in which a thread reads 1,000 small files
_BATCH_BYTES: Final = 1_000_000  # of larger files


@dataclass
class Changes:
    """What an update of an index found: numbers of files."""

    unchanged: int = 0
    read: int = 0
    moved: int = 0  # recognized by their content: moved or copied
    missing: int = 0
    damaged: list[Path] = field(default_factory=list)  # files that were read in part
    skipped: list[Skipped] = field(default_factory=list)  # files to scan or read again later; the index has the others


def refresh(index: Index, paths: Sequence[Path], crop: Crop, progress: Progress, *, video_frames: int = 0) -> Changes:
    """Scan files, and read those that are new or have changed.

    Memory: one path per file, and 48 thumbnails per thread. On interruption, the files read so far remain stored.
    Raises sqlite3.Error.
    """
    changes = Changes()
    index.scan(_scanned(paths, video_frames, changes.skipped))
    unread = index.unread()
    changes.unchanged = len(paths) - len(unread) - len(changes.skipped)
    if not unread:
        return changes
    with progress.stage("indexing", len(unread), "photos") as advance:
        pending: list[tuple[File, Read]] = []
        last_stored = time.monotonic()
        try:
            for file, found in _read_all(index, unread, crop):
                if isinstance(found, bool):
                    changes.moved += found
                else:
                    pending.append((file, found))
                if pending and time.monotonic() - last_stored > _STORE_SECONDS:
                    _store(index, pending, changes)
                    last_stored = time.monotonic()
                advance(1)
        finally:
            _store(index, pending, changes)
    if changes.damaged:
        files = "1 file is" if len(changes.damaged) == 1 else f"{len(changes.damaged)} files are"
        names = list_names([path.name for path in changes.damaged])
        progress.notice(f"{files} damaged; the readable part is used: {names}")
    return changes


def _store(index: Index, pending: list[tuple[File, Read]], changes: Changes) -> None:
    """Store the data of files, except transient failures, which the next run tries again."""
    transient = [found for _, found in pending if isinstance(found, Skipped) and found.transient]
    index.store([(file, found) for file, found in pending if not isinstance(found, Skipped) or not found.transient])
    changes.skipped += transient
    changes.read += sum(not isinstance(found, Skipped) for _, found in pending)
    changes.damaged += [file.path for file, found in pending if not isinstance(found, Skipped) and found[0].damaged]
    pending.clear()


def _scanned(paths: Iterable[Path], video_frames: int, skipped: list[Skipped]) -> Iterator[File]:
    for path in paths:
        try:
            yield File.at(path, video_frames if path.suffix.lower() in CLIP_SUFFIXES else 0)
        except OSError as error:
            reason = "is a broken link" if path.is_symlink() else f"can't be read ({error.strerror})"
            skipped.append(Skipped(path, reason))


def _read_all(index: Index, files: Sequence[File], crop: Crop) -> Iterator[tuple[File, Read | bool]]:
    """Yield files in their order, each with its data, or whether data of the same content was reused.

    True: the data of another path was reused. False: another process has stored the file in the meantime. With many
    files, each thread has a worker process.
    """
    use_processes = len(files) >= _MIN_FILES_FOR_PROCESSES
    local = threading.local()
    readers: list[Reader] = []

    def start() -> None:
        local.reader = Reader(crop, process=use_processes)
        readers.append(local.reader)

    def read(batch: Sequence[File]) -> list[tuple[File, Read | bool]]:
        stored = {file: _find_stored(index, file) for file in batch}
        new = [file for file in batch if stored[file] is None]
        read: dict[File, Read | bool] = dict(zip(new, local.reader.read(new), strict=True)) if new else {}
        return [(file, read[file] if found is None else found) for file, found in stored.items()]

    workers = min(core_count(), 8)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="index", initializer=start)
    running: deque[Future[list[tuple[File, Read | bool]]]] = deque()
    try:
        for batch in _batches(files):
            running.append(pool.submit(read, batch))
            if len(running) > 2 * workers:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        for reader in readers:
            reader.close()


def _find_stored(index: Index, file: File) -> Skipped | bool | None:
    """Return True if the data of another path was reused, False if the file is already stored, None if it is new."""
    if index.is_stored(file):
        return False
    # A moved or copied file has the size of a stored one: only such files are hashed before they are read.
    if index.has_size(file):
        try:
            if index.reuse(file, file_digest(file.path)):
                return True
        except FileError as error:
            return Skipped(file.path, error.reason, error.transient)
    return None


def _batches(files: Sequence[File]) -> Iterator[list[File]]:
    """Yield files in their order, in batches of a few small ones or one large one."""
    batch: list[File] = []
    for file in files:
        batch.append(file)
        if len(batch) == _BATCH_FILES or sum(each.bytes for each in batch) >= _BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch
