"""Updating an index: scanning files, and reading those that are new or changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, compress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from renderer.cores import core_count
from renderer.descriptors import blocks
from renderer.library.crops import CropRule
from renderer.library.index import Copy, File, Found, FoundFaces, Index, Thumbnail
from renderer.library.photos import Skipped
from renderer.library.reading import faces_in, read_file
from renderer.library.walking import CLIP_SUFFIXES
from renderer.library.workers import Reader, Request
from renderer.names import list_names
from renderer.progress import Progress
from renderer.threads import run_blocks

Requests = dict[int, Request]
"""Files to read, by their positions."""

_STORE_SECONDS: Final = 0.25
"""Interval at which data is stored. If the program is killed, the work since then is lost, and what was read while an
earlier file was being read."""

_STORE_FILES: Final = 256
"""Maximum files that are stored at once: in the meantime, no further ones are passed to the threads."""

_FACES_STORED: Final = 512  # thumbnails in which faces are found before they are stored
_THREAD_PHOTOS: Final = 16  # of these, the number that a thread searches at a time

_BATCH_FILES: Final = 32  # small files that a thread reads in one batch
_BATCH_BYTES: Final = 12_000_000  # of larger files: three photos of 12 megapixels
_MIN_FILES_FOR_PROCESSES: Final = 2000  # two processes start in the time in which a thread reads 1,000 small files
_MIN_BYTES_FOR_PROCESSES: Final = 2_000_000_000  # of larger ones, whose decoders hold Python's lock for less time
_MAX_WORKERS: Final = 16  # a worker process takes 60 MB, and up to 0.3 GB while it decodes

_MAX_AHEAD: Final = 2048
"""Photos that may be read while an earlier file is being read, since files are stored in their order: 25 KB each."""

_SLOW_BYTES: Final = 8_000_000
"""Size from which a file may take seconds: such files are read first among the last ones, so that no core waits."""


@dataclass
class Changes:
    """What an update of an index found: numbers of files."""

    unchanged: int = 0
    read: int = 0
    moved: int = 0  # recognized by their content: moved or copied
    missing: int = 0
    searched: int = 0  # photos that were indexed without faces, in whose thumbnails they were searched now
    damaged: list[Path] = field(default_factory=list)  # files that were read in part
    skipped: list[Skipped] = field(default_factory=list)  # files to scan or read again later; the index has the others


def refresh(index: Index, paths: Sequence[Path], progress: Progress, *, video_frames: int = 0) -> Changes:
    """Scan files, and read those that are new or have changed.

    Faces are found in the thumbnails of photos that were indexed without them. The index is the same for any number of
    cores. Memory: one path per file, at most 2,048 thumbnails, and one picture per thread. On interruption, the files
    read so far are stored. Raises sqlite3.Error.
    """
    changes = Changes()
    index.scan(_scanned(paths, video_frames, changes.skipped))
    unread = index.unread()
    changes.unchanged = len(paths) - len(unread) - len(changes.skipped)
    if unread:
        _read_unread(index, unread, changes, progress)
    if index.rule.faces:
        changes.searched = _find_faces(index, progress)
    return changes


def _read_unread(index: Index, unread: Sequence[File], changes: Changes, progress: Progress) -> None:
    """Read and store files, and report damaged ones."""
    with progress.stage("indexing", len(unread), "photos") as advance:
        pending: list[tuple[File, Found]] = []
        ahead: dict[int, Found | None] = {}
        last_stored = time.monotonic()
        try:
            for file, found in _read_all(index, unread, ahead):
                if found is not None:
                    pending.append((file, found))
                if len(pending) == _STORE_FILES or (pending and time.monotonic() - last_stored > _STORE_SECONDS):
                    _store(index, pending, changes)
                    last_stored = time.monotonic()
                advance(1)
        finally:
            pending += [(unread[number], found) for number, found in sorted(ahead.items()) if found is not None]
            _store(index, pending, changes)
    if changes.damaged:
        files = "1 file is" if len(changes.damaged) == 1 else f"{len(changes.damaged)} files are"
        names = list_names([path.name for path in changes.damaged])
        progress.notice(f"{files} damaged; the readable part is used: {names}")


def _find_faces(index: Index, progress: Progress) -> int:
    """Find faces in the thumbnails of scanned photos that were indexed without, and move their crops.

    Returns the number of these photos.
    """
    numbers = index.unsearched(scanned=True)
    if not len(numbers):
        return 0
    with progress.stage("finding faces", len(numbers), "photos") as advance:
        for some in blocks(len(numbers), _FACES_STORED):
            thumbnails = index.thumbnails(numbers[some])
            parts = [thumbnails[part] for part in blocks(len(thumbnails), _THREAD_PHOTOS)]

            def search(part: Sequence[Thumbnail]) -> list[FoundFaces]:
                return [faces_in(thumbnail, index.rule) for thumbnail in part]

            index.store_faces([found for part in run_blocks(search, parts) for found in part])
            advance(len(thumbnails))
    return len(numbers)


def _store(index: Index, pending: list[tuple[File, Found]], changes: Changes) -> None:
    """Store the data of files, except transient failures, which the next run tries again; clear the list."""
    read, pending[:] = pending[:], []
    while read:
        changes.skipped += [found for _, found in read if isinstance(found, Skipped) and found.transient]
        read = [(file, found) for file, found in read if not isinstance(found, Skipped) or not found.transient]
        done = index.store(read)
        for file, found in read[:done]:
            changes.moved += isinstance(found, Copy)
            changes.read += isinstance(found, list)
            changes.damaged += [file.path] if isinstance(found, list) and found[0].damaged else []
        read = read[done:]
        if read:  # its original has changed, or was deleted, since its hash was compared
            file = read[0][0]
            read[0] = file, read_file(file, index.rule)


def _scanned(paths: Iterable[Path], video_frames: int, skipped: list[Skipped]) -> Iterator[File]:
    for path in paths:
        try:
            yield File.at(path, video_frames if path.suffix.lower() in CLIP_SUFFIXES else 0)
        except OSError as error:
            reason = "is a broken link" if path.is_symlink() else f"can't be read ({error.strerror})"
            skipped.append(Skipped(path, reason))


def _read_all(
    index: Index, files: Sequence[File], ahead: dict[int, Found | None]
) -> Iterator[tuple[File, Found | None]]:
    """Yield files in their order, each with what was found; None if another process has stored it in the meantime.

    Only the calling thread uses the index. `ahead` holds what was found in files, by their positions, until the files
    before them have been read as well.
    """
    workers = min(core_count(), _MAX_WORKERS)
    is_long = len(files) >= _MIN_FILES_FOR_PROCESSES or sum(file.bytes for file in files) >= _MIN_BYTES_FOR_PROCESSES
    batches = _batches(files, workers)
    position = photos = 0  # photos: started, but not yet yielded
    threads = _Threads(index.rule, workers, processes=is_long)
    try:
        while position < len(files):
            # Enough for the time in which this thread stores what was read.
            while threads.batches < 4 * workers and (photos < _MAX_AHEAD or threads.batches < workers):
                batch = next(batches, None)
                if batch is None:
                    break
                photos += sum(max(files[each].frames, 1) for each in batch)
                stored = index.stored_since_scan([files[each] for each in batch])
                ahead.update((each, None) for each in compress(batch, stored))
                new = [each for each, is_stored in zip(batch, stored, strict=True) if not is_stored]
                digests = index.digests_of_sizes([files[each] for each in new])
                if new:
                    threads.start({each: (files[each], known) for each, known in zip(new, digests, strict=True)})
            if position not in ahead or threads.have_finished:
                ahead.update(threads.next_finished())
            else:
                yield files[position], ahead.pop(position)
                photos -= max(files[position].frames, 1)
                position += 1
    finally:
        threads.close()


class _Threads:
    """Threads that read files in batches, each with a worker process or without, and one that reads demanding pictures.

    `read_picture` decodes one demanding picture at a time; the other threads do not wait for it.
    """

    def __init__(self, rule: CropRule, count: int, *, processes: bool) -> None:
        self._rule, self._processes = rule, processes
        self._local = threading.local()
        self._readers: list[Reader] = []
        self._pool = ThreadPoolExecutor(count, "index", self._start_reader)
        self._demanding_pool = ThreadPoolExecutor(1, "index-demanding")
        self._batches: dict[Future[list[Found | None]], Requests] = {}
        self._demanding: dict[Future[list[Found | None]], Requests] = {}
        self._finished: SimpleQueue[Future[list[Found | None]]] = SimpleQueue()

    def _start_reader(self) -> None:
        self._local.reader = Reader(self._rule, process=self._processes)
        self._readers.append(self._local.reader)

    @property
    def batches(self) -> int:
        """The number of batches that are waiting or being read."""
        return len(self._batches)

    @property
    def have_finished(self) -> bool:
        """Whether `next_finished` returns at once."""
        return not self._finished.empty()

    def start(self, batch: Requests) -> None:
        """Read a batch as soon as a thread is free."""
        future = self._pool.submit(lambda: self._local.reader.read(list(batch.values())))
        self._batches[future] = batch
        future.add_done_callback(self._finished.put)

    def _start_demanding(self, position: int, request: Request) -> None:
        file, known = request

        def read() -> list[Found | None]:
            return [read_file(file, self._rule, known=known)]

        future = self._demanding_pool.submit(read)
        self._demanding[future] = {position: request}
        future.add_done_callback(self._finished.put)

    def next_finished(self) -> dict[int, Found]:
        """Wait for a batch or a demanding picture, and return what was found in files, by their positions."""
        future = self._finished.get()
        requests = self._batches.pop(future, None) or self._demanding.pop(future)
        result: dict[int, Found] = {}
        for (position, request), found in zip(requests.items(), future.result(), strict=True):
            if found is None:
                self._start_demanding(position, request)
            else:
                result[position] = found
        return result

    def close(self) -> None:
        """Cancel what has not started, wait for the rest, and end the worker processes."""
        for pool in (self._pool, self._demanding_pool):
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in (self._pool, self._demanding_pool):
            pool.shutdown()
        for reader in self._readers:
            reader.close()


def _batches(files: Sequence[File], workers: int) -> Iterator[list[int]]:
    """Yield the positions of files, in batches of a few small files or one large one.

    So that all threads end at about the same time, the last batches are smaller, and slow files come first among the
    last files.
    """
    tail = max(len(files) - _MAX_AHEAD // 2, 0)
    last = sorted(range(tail, len(files)), key=lambda position: files[position].bytes < _SLOW_BYTES)
    batch: list[int] = []
    size = 0
    for done, position in enumerate(chain(range(tail), last), start=1):
        batch.append(position)
        size += files[position].bytes
        most = min((len(files) - done) // (2 * workers) + 1, _BATCH_FILES)
        if len(batch) >= most or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
