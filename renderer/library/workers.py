"""Reading files in worker processes.

Decoding small photos holds Python's global lock, so several threads are hardly faster than one. A decoder that crashes
on a damaged file ends only its own process. A worker receives files on standard input and returns what it read on
standard output. It ends with its parent, and is killed after a time limit.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

import cv2

from renderer.child_processes import ChildError, exit_with_parent, request, result_stream, start_child, stop_child
from renderer.errors import LargePictureError
from renderer.library.crops import CropRule
from renderer.library.index import File, Found
from renderer.library.photos import Skipped
from renderer.library.reading import read_file

Request = tuple[File, Sequence[str]]
"""A file to read, and the hashes of stored files of its size, which need not be decoded again."""

PICTURE_SECONDS: Final = 60
"""Time limit per request, plus the same for each video frame in it. A picture takes 1 to 2 seconds."""

MIN_DISK_SPEED: Final = 5_000_000
"""Minimum bytes per second that the time limit allows for: a long video is read completely, for its hash."""


class Worker:
    """One worker process, for one thread. It must be closed."""

    def __init__(self, rule: CropRule) -> None:
        """Start the process, which takes about half a second. Raises ChildError."""
        self._rule = rule
        try:
            self._process = start_child("renderer.library.workers")
        except OSError as error:
            raise ChildError(f"{sys.executable} can't be started ({error.strerror})") from error
        try:
            self.read([])  # returns when the process is ready
        except BaseException:
            self.close()
            raise

    def read(self, requests: Sequence[Request]) -> list[Found | None]:
        """Return what is in files; None for one that is too large for several processes to read at once.

        Raises ChildError if the process crashed or exceeded the time limit.
        """
        frames, size = sum(file.frames for file, _ in requests), sum(file.bytes for file, _ in requests)
        seconds = PICTURE_SECONDS * (1 + frames) + size / MIN_DISK_SPEED
        return cast("list[Found | None]", request(self._process, (requests, self._rule), seconds))

    def close(self) -> None:
        """Kill the process and wait until it has ended."""
        stop_child(self._process)


def serve() -> None:
    """Run a worker process: read files until the input ends."""
    results = result_stream()
    exit_with_parent()
    cv2.setNumThreads(1)  # there is a process for each core
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            requests, rule = pickle.load(sys.stdin.buffer)
            pickle.dump(_read_small(requests, rule), results, protocol=5)
            results.flush()


def _read_small(requests: Sequence[Request], rule: CropRule) -> list[Found | None]:
    read: list[Found | None] = []
    for file, known in requests:
        try:
            read.append(read_file(file, rule, large=False, known=known))
        except LargePictureError:
            read.append(None)
    return read


class Reader:
    """Reads files for one thread: with a worker, which is restarted after a crash, or in this process."""

    def __init__(self, rule: CropRule, *, process: bool) -> None:
        self._rule = rule
        self._worker = self._start() if process else None

    def _start(self) -> Worker | None:
        try:
            return Worker(self._rule)
        except ChildError:  # such as a frozen program, whose executable is not Python
            return None

    def read(self, requests: Sequence[Request]) -> list[Found | None]:
        """Return what is in each file; None for one that is too large for several threads to read at once."""
        try:
            return self._read(requests)
        except ChildError:
            self._restart()
        results: list[Found | None] = []
        for each in requests:  # one by one, to identify the file that caused the failure
            try:
                results += self._read([each])
            except ChildError as error:
                self._restart()
                results.append(Skipped(each[0].path, str(error), transient=not error.crashed))
        return results

    def _read(self, requests: Sequence[Request]) -> list[Found | None]:
        return self._worker.read(requests) if self._worker else _read_small(requests, self._rule)

    def _restart(self) -> None:
        self.close()
        self._worker = self._start()

    def close(self) -> None:
        """Stop the worker, if there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
