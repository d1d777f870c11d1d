"""Locks between processes: a file has one writer at a time, and leftovers can be distinguished from files in use.

A lock is the operating system's lock on an open file: it is released when its process ends, for whatever reason. Child
processes do not inherit it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from renderer.errors import BusyError

RETRY_SECONDS: Final = 0.5
"""Seconds for which a lock is retried: a check holds a lock for a few milliseconds."""

_BUSY: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_MAX_COMMAND: Final = 120  # characters
_MAX_HOLDER: Final = 1000  # bytes of the text in a lock file

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the text: locked bytes can't be read on Windows.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, label: object, retry_seconds: float = RETRY_SECONDS) -> Iterator[bool]:
    """Hold the lock file `path`, which is created, names the holder, and is deleted when the context exits.

    `label`: what is locked, for messages. `retry_seconds`: how long to retry. Yields whether the file is locked: False
    on a file system without locks, where the work continues without one. Raises BusyError if another process, or
    another thread of this one, holds the lock; OSError if the file can't be created.
    """
    descriptor, is_locked = _acquire(path, label, retry_seconds)
    try:
        if is_locked:
            with contextlib.suppress(OSError):  # the disk is full: the file stays empty
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _describe_holder().encode("utf-8", "replace"))
        yield is_locked
    finally:
        if sys.platform == "win32":  # which can't delete open files
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
        else:  # while it is still locked, so that no other process holds it
            with contextlib.suppress(OSError):
                if is_locked:
                    path.unlink()
            os.close(descriptor)


def _acquire(path: Path, label: object, retry_seconds: float) -> tuple[int, bool]:
    """Return an open descriptor of a lock file, and whether it is locked."""
    end = time.monotonic() + retry_seconds
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _lock(descriptor)
            if _is_open(path, descriptor):
                return descriptor, True
        except OSError as error:
            if error.errno not in _BUSY:
                return descriptor, False
            if time.monotonic() > end:
                holder = _read_holder(descriptor)
                os.close(descriptor)
                raise BusyError(
                    f"{label} is being written by {holder}: wait until it finishes, or write elsewhere"
                ) from None
            time.sleep(0.02)
        os.close(descriptor)  # another process holds it, or deleted it after it was opened here


def is_held(path: Path) -> bool:
    """Return whether a lock file is held, if that can be determined; nothing is created or changed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # not blocked by a pipe of this name
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_open(path: Path, descriptor: int) -> bool:
    """Return whether a path still refers to the file that was opened."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _describe_holder() -> str:
    """Return the text of a lock file, which names its holder."""
    program, *words = sys.argv or [""]
    name = {"__main__": "render"}.get(Path(program).stem, Path(program).stem)
    command = shlex.join([name, *words])
    if len(command) > _MAX_COMMAND:
        command = f"{command[:_MAX_COMMAND]}…"
    quoted = f" (`{command}`)" if program not in ("", "-c") else ""  # the user did not start workers
    return f"process {os.getpid()} on {socket.gethostname()}{quoted}, since {time.strftime('%H:%M:%S')}"


def _read_holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, _MAX_HOLDER).decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable()) or "another process"
