"""Measuring the memory of a render, including ffmpeg."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

_INTERVALS: Final = (0.1, 1.0)
"""Seconds between measurements, at first and at most: they grow to a fiftieth of the time so far, and shorter peaks may
be missed. A measurement takes 1 ms while ffmpeg encodes with 30 threads, and several where psutil must search all
processes of the machine for children."""


class MemoryMeter:
    """Measures the peak resident memory of this process and its children, in a thread, until the context exits."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-meter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def measure(self) -> int:
        """Return the current memory in bytes, and update `peak_bytes`."""
        total = family_memory()
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def _watch(self) -> None:
        first, longest = _INTERVALS
        start = time.monotonic()
        while True:
            try:  # noqa: SIM105 (this does not load psutil where it is not needed)
                self.measure()
            except psutil.Error:
                pass
            if self._stop.wait(min(max(first, (time.monotonic() - start) / 50), longest)):
                return


def family_memory() -> int:
    """Return the resident memory in bytes of this process and of its descendants. Raises psutil.Error."""
    if sys.platform == "linux" and Path("/proc/thread-self/children").exists():  # an option of the kernel
        return _pages_of("self") * os.sysconf("SC_PAGE_SIZE")
    process = psutil.Process()
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended
            total += int(child.memory_info().rss)
    return total


def _pages_of(process: str) -> int:
    """Return the resident pages of a process and its descendants (Linux); 0 if it has ended.

    Takes as long however many processes there are: each thread has a list of the children that it started.
    """
    pages = int((_read(f"/proc/{process}/statm") or "0 0").split()[1])
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 (a path object takes as long as the rest)
            pages += sum(map(_pages_of, _read(f"/proc/{process}/task/{thread}/children").split()))
    return pages


def _read(path: str) -> str:
    """Return the text of a file of the system; empty if its process has ended."""
    try:
        with open(path) as file:  # noqa: PTH123 (as above)
            return file.read()
    except OSError:
        return ""
