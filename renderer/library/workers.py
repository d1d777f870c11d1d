"""Reading files in processes of their own.

Small photos keep Python's lock busy, so threads read few more of them than one thread does; and a decoder that crashes
on a damaged file takes only its process with it. A process of ours is a plain child that gets files on its standard
input and gives back what it read; it ends with its parent, however that ended, and is ended if it takes too long.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

from renderer.child_processes import ChildError, answers, ask, end_child, end_with_parent, start_child
from renderer.library.index import File, IndexEntry
from renderer.library.photos import Skipped
from renderer.library.reading import Crop, read_file
from renderer.pictures import LargePictureError

Read = list[IndexEntry] | Skipped
"""What a file holds, or why it can't be used."""


PICTURE_SECONDS: Final = 60
"""What a request may take, and each frame of a clip in it. A picture that is read here takes a second or two."""

SLOWEST_DISK: Final = 5_000_000
"""Bytes a second that are waited for beyond that: of a long video all are read, for its hash."""


class Worker:
    """One such process, for one thread. Close it in the end."""

    def __init__(self, crop: Crop) -> None:
        """Start it; it is ready about half a second later. Raises ChildError."""
        self._crop = crop
        try:
            self._process = start_child("renderer.library.workers")
        except OSError as error:
            raise ChildError(f"{sys.executable} can't be started ({error.strerror})") from error
        try:
            self.read([])  # answered when it is ready
        except BaseException:
            self.close()
            raise

    def read(self, files: Sequence[File]) -> list[Read | None]:
        """What some files hold; None for one that is too large to be read by several processes at once.

        Raises ChildError if the process ended over them, or took so long that it was ended.
        """
        frames, size = sum(file.frames for file in files), sum(file.bytes for file in files)
        seconds = PICTURE_SECONDS * (1 + frames) + size / SLOWEST_DISK
        return cast("list[Read | None]", ask(self._process, (list(files), self._crop), seconds))

    def close(self) -> None:
        """End the process and wait for its end."""
        end_child(self._process)


def serve() -> None:
    """What the process does."""
    results = answers()
    end_with_parent()
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            files, crop = pickle.load(sys.stdin.buffer)
            pickle.dump([_read_small(file, crop) for file in files], results)
            results.flush()


def _read_small(file: File, crop: Crop) -> Read | None:
    try:
        return read_file(file, crop, large=False)
    except LargePictureError:
        return None


class Reader:
    """Reads files for one thread: by a worker, which is started anew if a file made it crash, or here without one."""

    def __init__(self, crop: Crop, *, process: bool) -> None:
        self._crop = crop
        self._worker = self._start() if process else None

    def _start(self) -> Worker | None:
        try:
            return Worker(self._crop)
        except ChildError:  # a frozen program, say, whose executable is no Python
            return None

    def read(self, files: Sequence[File]) -> list[Read]:
        """What each of some files holds, or why it can't be used."""
        try:
            return self._read(files)
        except ChildError:
            self._restart()
        found: list[Read] = []
        for file in files:  # each alone, to find the one that it was
            try:
                found += self._read([file])
            except ChildError as error:
                self._restart()
                found.append(Skipped(file.path, str(error), transient=not error.crashed))
        return found

    def _read(self, files: Sequence[File]) -> list[Read]:
        read = self._worker.read(files) if self._worker else [None] * len(files)
        return [
            read_file(file, self._crop) if found is None else found for file, found in zip(files, read, strict=True)
        ]

    def _restart(self) -> None:
        self.close()
        self._worker = self._start()

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
