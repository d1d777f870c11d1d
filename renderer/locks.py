"""Locks between processes: a thing is written by one at a time, and leftovers can be told from what is in use.

A lock is the operating system's lock on an open file: it ends with its process, whatever ends that. Processes started
by the holder don't inherit it.
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
"""Seconds in which a lock is tried again: a check holds one for some milliseconds."""

_BUSY: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_LONGEST_COMMAND: Final = 120  # characters
_LONGEST_NOTE: Final = 1000  # bytes of what a lock file says

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the text: what is locked can't be read on Windows.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, what: object, patience: float = RETRY_SECONDS) -> Iterator[bool]:
    """Hold the lock file `path`, which is made, says who holds it, and is deleted in the end.

    `what`: the thing that is locked, for messages. `patience`: seconds until it counts as held. Yields whether it is
    locked: False on a file system that has no locks, where the work goes on without. Raises BusyError if another
    process, or another thread of this one, holds it; OSError if the file can't be made.
    """
    descriptor, alone = _take(path, what, patience)
    try:
        if alone:
            with contextlib.suppress(OSError):  # the disk is full: it says nothing then
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _note().encode("utf-8", "replace"))
        yield alone
    finally:
        if sys.platform == "win32":  # an open file can't be deleted there, one that another has opened neither
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
        else:  # while it is still locked: so nobody else can have taken it
            with contextlib.suppress(OSError):
                if alone:
                    path.unlink()
            os.close(descriptor)


def _take(path: Path, what: object, patience: float) -> tuple[int, bool]:
    """An open descriptor of a lock file, and whether it is locked."""
    end = time.monotonic() + patience
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
                holder = _read_note(descriptor)
                os.close(descriptor)
                raise BusyError(
                    f"{what} is being written by {holder}: wait until that has ended, or write elsewhere"
                ) from None
            time.sleep(0.02)
        os.close(descriptor)  # it was held, or deleted by its last holder after it had been opened here


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock file, as far as that can be told; nothing is made or changed."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        )  # or a pipe of this name would be waited for
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
    """Whether a path still names the file that was opened."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _note() -> str:
    """What a lock file says of its holder."""
    program, *words = sys.argv or [""]
    name = {"__main__": "render"}.get(Path(program).stem, Path(program).stem)
    command = shlex.join([name, *words])
    if len(command) > _LONGEST_COMMAND:
        command = f"{command[:_LONGEST_COMMAND]}…"
    said = f" (`{command}`)" if program not in ("", "-c") else ""  # a worker of ours is no command of the user's
    return f"process {os.getpid()} on {socket.gethostname()}{said}, since {time.strftime('%H:%M:%S')}"


def _read_note(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    said = os.read(descriptor, _LONGEST_NOTE).decode("utf-8", "replace")
    return "".join(letter for letter in said if letter.isprintable()) or "another process"
