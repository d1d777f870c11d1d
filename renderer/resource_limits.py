"""Calling a function in a process of its own, within limits of time and memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, cast

from renderer.child_processes import ChildError, answers, ask, end_child, end_with_parent, start_child

T = TypeVar("T")

interrupted: Final = threading.Event()
"""Set while this program is ending: calls under way have been ended, and no other one begins."""

_running: Final[set[subprocess.Popen[bytes]]] = set()


def call_limited(call: Callable[[], T], *, seconds: float, memory: int) -> T:
    """The result of a function of a module (or a `functools.partial` of one), called in a process of its own.

    The process is killed after `seconds`, and gets `memory` bytes of address space on Linux. Costs its start: half a
    second. Raises what the function raises, which must be picklable; MemoryError; ChildError if the process ended.
    """
    try:
        process = start_child("renderer.resource_limits")
    except OSError as error:
        raise ChildError(f"was not read, since no process could be started ({error.strerror})") from error
    _running.add(process)
    try:
        if interrupted.is_set():
            raise ChildError("was not read, since the program was interrupted")
        done, result = cast("tuple[bool, object]", ask(process, (call, memory), seconds))
    finally:
        end_child(process)
        _running.discard(process)
    if not done:
        raise cast("Exception", result)
    return cast("T", result)


def interrupt() -> None:
    """End all calls that are under way, in whatever thread; may be called by a signal handler."""
    interrupted.set()
    for process in list(_running):
        process.kill()


def serve() -> None:
    """What the process does."""
    results = answers()
    end_with_parent()
    outcome: tuple[bool, object]
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        try:
            call, memory = pickle.load(sys.stdin.buffer)
            _limit_memory(memory)
            outcome = (True, call())
        except Exception as error:
            outcome = (False, error)
        pickle.dump(outcome, results, protocol=5)
        results.flush()


def _limit_memory(memory: int) -> None:
    """Limit the address space of this process to so many bytes more than it has."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most, hard = pages * resource.getpagesize() + memory, resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
