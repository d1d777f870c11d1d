"""Measuring the memory of a render, including ffmpeg."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Final, Self

import psutil

_INTERVAL: Final = 0.1  # seconds; shorter peaks may be missed


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
        process = psutil.Process()
        total = int(process.memory_info().rss)
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it may have ended
                total += int(child.memory_info().rss)
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def _watch(self) -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                self.measure()
            if self._stop.wait(_INTERVAL):
                return
