"""Child processes that work for this one, and end when their standard input ends.

They are new processes, never forked, and exchange pickled messages on standard input and output.
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
"""Exit codes of a crash; other signals come from outside, for example when memory runs out."""

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class ChildError(RenderError):
    """A child process ended or was killed before it answered; the message says why.

    `crashed`: its own code crashed, and would crash again; otherwise the same work may succeed later.
    """

    def __init__(self, message: str, *, crashed: bool = False) -> None:
        super().__init__(message)
        self.crashed = crashed


def start_child(module: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process that calls a module's `serve()`; Ctrl-C does not reach it. Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", f"from {module} import serve; serve()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        start_new_session=True, creationflags=CREATION_FLAGS,
    )  # fmt: skip


def request(process: subprocess.Popen[bytes], message: object, seconds: float) -> object:
    """Send a message to a child process and return its answer.

    The process is killed after `seconds`. Raises ChildError if it ended without an answer.
    """
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        pickle.dump(message, cast("IO[bytes]", process.stdin), protocol=5)
        cast("IO[bytes]", process.stdin).flush()
        return pickle.load(cast("IO[bytes]", process.stdout))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        process.kill()
        code = process.wait()
        if timed_out.is_set():
            raise ChildError(f"takes longer than {seconds:.0f} seconds to decode") from None
        if code in _CRASHES:
            raise ChildError("makes its decoder crash", crashed=True) from None
        raise ChildError("was not read: the process that decodes it was killed (out of memory?)") from None
    finally:
        timer.cancel()


def stop_child(process: subprocess.Popen[bytes]) -> None:
    """Kill a child process, wait until it has ended, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # there was unsent data
            cast("IO[bytes]", pipe).close()


def result_stream() -> BinaryIO:
    """In a child process: return the stream for its answers; output of libraries is redirected away from it."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def exit_with_parent() -> None:
    """In a child process: ensure that it is killed when the thread that started it ends, even while it works.

    On Linux, the kernel does this, for the parent thread (prctl(2)): a decoder may hold Python's global lock, so that
    no thread of this process could do it. On other systems, the process ends when it next reads its input. Only for
    processes that have nothing to clean up.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
