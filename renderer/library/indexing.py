"""Bringing an index up to date with the files that there are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from renderer.cores import core_count
from renderer.errors import FileError
from renderer.library.index import File, Index
from renderer.library.photos import Skipped
from renderer.library.reading import Crop, file_digest
from renderer.library.walking import CLIP_SUFFIXES
from renderer.library.workers import Read, Reader
from renderer.names import first_names
from renderer.progress import Progress

_STORE_SECONDS: Final = 0.25
"""How often what was read is stored: what an interruption can cost."""

_AT_ONCE: Final = 16  # small files that a thread reads before it hands them over; some portions are in memory
_WORTH_PROCESSES: Final = 2000  # files: two processes start in the time that a thread reads a thousand small ones
_BYTES_AT_ONCE: Final = 1_000_000  # of files, if they are not that small


@dataclass
class Changes:
    """What a look at some files found."""

    known: int = 0
    read: int = 0
    moved: int = 0  # found again by their content: moved, or copied
    gone: int = 0
    damaged: list[Path] = field(default_factory=list)  # of what was read: files of which only a part can be read
    skipped: list[Skipped] = field(default_factory=list)  # what could not be looked at; the index knows of others


def refresh(index: Index, paths: Sequence[Path], crop: Crop, progress: Progress, *, video_frames: int = 0) -> Changes:
    """Read those of some files that the index does not know as they are now; the others are only looked at.

    Memory: a path each, and 48 thumbnails a thread. Interrupted, it has kept what it had read. Raises sqlite3.Error.
    """
    changes = Changes()
    index.look(_looked_at(paths, video_frames, changes.skipped))
    unknown = index.unknown()
    changes.known = len(paths) - len(unknown) - len(changes.skipped)
    if not unknown:
        return changes
    with progress.stage("indexing", len(unknown), "photos") as advance:
        waiting: list[tuple[File, Read]] = []
        stored = time.monotonic()
        try:
            for file, found in _read_all(index, unknown, crop):
                if isinstance(found, bool):
                    changes.moved += found
                else:
                    waiting.append((file, found))
                if waiting and time.monotonic() - stored > _STORE_SECONDS:
                    _store(index, waiting, changes)
                    stored = time.monotonic()
                advance(1)
        finally:
            _store(index, waiting, changes)
    if changes.damaged:
        files = "1 file is" if len(changes.damaged) == 1 else f"{len(changes.damaged)} files are"
        names = first_names([path.name for path in changes.damaged])
        progress.notice(f"{files} damaged, and the part that can be read is used: {names}")
    return changes


def _store(index: Index, waiting: list[tuple[File, Read]], changes: Changes) -> None:
    """Store what was read. What may be readable the next time, though it does not change, is not noted."""
    transient = [found for _, found in waiting if isinstance(found, Skipped) and found.transient]
    index.store([(file, found) for file, found in waiting if not isinstance(found, Skipped) or not found.transient])
    changes.skipped += transient
    changes.read += sum(not isinstance(found, Skipped) for _, found in waiting)
    changes.damaged += [file.path for file, found in waiting if not isinstance(found, Skipped) and found[0].damaged]
    waiting.clear()


def _looked_at(paths: Iterable[Path], video_frames: int, skipped: list[Skipped]) -> Iterator[File]:
    for path in paths:
        try:
            yield File.at(path, video_frames if path.suffix.lower() in CLIP_SUFFIXES else 0)
        except OSError as error:
            reason = "is a link that leads to no file" if path.is_symlink() else f"may not be read ({error.strerror})"
            skipped.append(Skipped(path, reason))


def _read_all(index: Index, files: Sequence[File], crop: Crop) -> Iterator[tuple[File, Read | bool]]:
    """Read files in their order; True for one whose content the index knew from another place.

    False for one that another process has read meanwhile. Every thread has a worker process, if there are so many
    files that its start does not matter.
    """
    many = len(files) >= _WORTH_PROCESSES
    mine = threading.local()
    readers: list[Reader] = []

    def begin() -> None:
        mine.reader = Reader(crop, process=many)
        readers.append(mine.reader)

    def read(some: Sequence[File]) -> list[tuple[File, Read | bool]]:
        here = {file: _found_again(index, file) for file in some}
        new = [file for file in some if here[file] is None]
        read: dict[File, Read | bool] = dict(zip(new, mine.reader.read(new), strict=True)) if new else {}
        return [(file, read[file] if found is None else found) for file, found in here.items()]

    workers = min(core_count(), 8)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="index", initializer=begin)
    running: deque[Future[list[tuple[File, Read | bool]]]] = deque()
    try:
        for some in _portions(files):
            running.append(pool.submit(read, some))
            if len(running) > 2 * workers:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        for reader in readers:
            reader.close()


def _found_again(index: Index, file: File) -> Skipped | bool | None:
    """Whether a file's content is known from another place (True) or is here by now (False); None if it is new."""
    if index.knows(file):
        return False
    # Only a file of a size that is known already can be one that was moved, and is hashed before it is read.
    if index.has_size(file):
        try:
            if index.adopt(file, file_digest(file.path)):
                return True
        except FileError as error:
            return Skipped(file.path, error.reason, error.transient)
    return None


def _portions(files: Sequence[File]) -> Iterator[list[File]]:
    """Files in their order, by a few small ones or one large one."""
    some: list[File] = []
    for file in files:
        some.append(file)
        if len(some) == _AT_ONCE or sum(each.bytes for each in some) >= _BYTES_AT_ONCE:
            yield some
            some = []
    if some:
        yield some
