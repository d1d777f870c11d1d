"""How work that takes time tells how far it is, and learns that it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")

Advance = Callable[[int], None]
"""Called with the number of units done since the last call; raises (KeyboardInterrupt, say) to stop the work."""


class Progress(Protocol):
    """Where work reports to. The command line draws bars; a Python caller may pass its own."""

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Begin a stage of `total` units; it ends with the context."""
        ...

    def notice(self, message: str) -> None:
        """Say one line that a user should know, though the work goes on."""
        ...


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG002 (the protocol's names)
        """Begin a stage that is not shown."""
        return nullcontext(lambda _units: None)

    def notice(self, message: str) -> None:
        """Drop the line."""


def track(items: Iterable[T], advance: Advance) -> Iterator[T]:
    """Yield items, advancing by one after each."""
    for item in items:
        yield item
        advance(1)


class Timed:
    """Progress that also notes how long each stage took."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self.seconds: dict[str, float] = {}
        self._begun = time.perf_counter()

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Begin a stage, and note its time at its end."""
        begun = time.perf_counter()
        try:
            with self._inner.stage(name, total, unit) as advance:
                yield advance
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun

    def notice(self, message: str) -> None:
        """Pass the line on."""
        self._inner.notice(message)

    def finished(self) -> dict[str, float]:
        """Seconds by stage, and in total."""
        return {**self.seconds, "total": time.perf_counter() - self._begun}
