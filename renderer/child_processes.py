"""Processes of our own that work for this one: plain children, which end when their input does.

They are started anew, never forked, and talk by pickled messages on standard input and output.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, BinaryIO, Final, cast

from renderer.errors import RenderError

if sys.platform == "win32":
    CREATION_FLAGS: Final = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    CREATION_FLAGS: Final = 0

_CRASHES: Final = frozenset(
    -number for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT") if (number := getattr(signal, name, None))
)
"""Exit codes of a process that its own code ended; all other signals come from outside, such as a lack of memory."""

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class ChildError(RenderError):
    """A process of ours ended, or was ended, before it answered; the message says why.

    ``crashed``: its own code made it end, and would again; otherwise the same work may succeed later.
    """

    def __init__(self, message: str, *, crashed: bool = False) -> None:
        super().__init__(message)
        self.crashed = crashed


def start_child(module: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process that calls a module's `serve()`; Ctrl-C is not passed on to it. Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", f"from {module} import serve; serve()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        start_new_session=True, creationflags=CREATION_FLAGS,
    )  # fmt: skip


def ask(process: subprocess.Popen[bytes], message: object, seconds: float) -> object:
    """Send a message to a child and return its answer.

    A child that has not answered after some seconds is killed. Raises ChildError if it ended without an answer.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        pickle.dump(message, cast("IO[bytes]", process.stdin), protocol=5)
        cast("IO[bytes]", process.stdin).flush()
        return pickle.load(cast("IO[bytes]", process.stdout))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        process.kill()
        code = process.wait()
        if late.is_set():
            raise ChildError(f"takes longer than {seconds:.0f} seconds to decode") from None
        if code in _CRASHES:
            raise ChildError("makes its decoder crash", crashed=True) from None
        raise ChildError("was not read, since the process that decodes it was ended (out of memory?)") from None
    finally:
        timer.cancel()


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Kill a child, wait for its end and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # of what it was still to be sent
            cast("IO[bytes]", pipe).close()


def answers() -> BinaryIO:
    """In such a process: what its messages are written to; what a library prints does not get between."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def end_with_parent() -> None:
    """In such a process: be killed when the thread that started it ends, in the middle of work too.

    The kernel does it, on Linux alone, and takes that thread for the parent (prctl(2)): a decoder may hold Python's
    lock, so that no thread of ours would run. Elsewhere the process ends when it next reads its input. For processes
    that have nothing to clean up.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
