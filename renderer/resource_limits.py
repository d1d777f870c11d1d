"""Calling a function in a separate process, with limits on time and memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, cast

from renderer.child_processes import ChildError, exit_with_parent, request, result_stream, start_child, stop_child

T = TypeVar("T")

interrupted: Final = threading.Event()
"""Set when the program is interrupted: running calls were killed, and no new ones start."""

_running: Final[set[subprocess.Popen[bytes]]] = set()


def call_limited(call: Callable[[], T], *, seconds: float, memory: int) -> T:
    """Call a module-level function (or a `functools.partial` of one) in a separate process, and return its result.

    The process is killed after `seconds`; on Linux, its address space may grow by `memory` bytes. Starting the process
    takes half a second. Raises what the function raises, which must be picklable; MemoryError; ChildError if the
    process ended without a result.
    """
    try:
        process = start_child("renderer.resource_limits")
    except OSError as error:
        raise ChildError(f"was not read: no process could be started ({error.strerror})") from error
    _running.add(process)
    try:
        if interrupted.is_set():
            raise ChildError("was not read: the program was interrupted")
        succeeded, result = cast("tuple[bool, object]", request(process, (call, memory), seconds))
    finally:
        stop_child(process)
        _running.discard(process)
    if not succeeded:
        raise cast("Exception", result)
    return cast("T", result)


def interrupt() -> None:
    """Kill all running calls, in any thread; may be called from a signal handler."""
    interrupted.set()
    for process in list(_running):
        process.kill()


def serve() -> None:
    """Run the child process, which makes one call."""
    results = result_stream()
    exit_with_parent()
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
    """Limit the address space of this process to its current size plus `memory` bytes."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        soft, hard = pages * resource.getpagesize() + memory, resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
