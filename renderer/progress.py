"""How long-running work reports its progress, and how it is stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, TypeVar, runtime_checkable

from renderer.errors import InputError
from renderer.messages import as_argument, named, spelled

T = TypeVar("T")

Advance = Callable[[int], None]
"""Called with the number of units done since the last call; may raise (KeyboardInterrupt, for example) to stop."""

ProgressFunction = Callable[[str, int, int], object]
"""Called with the name of a stage, the units done and the units in total; may raise `Cancelled` to stop."""

_LOG: Final = logging.getLogger("renderer")


@runtime_checkable
class Progress(Protocol):
    """Receives progress and notices. The command line draws bars; a Python program may pass its own.

    All methods are called in the thread that started the work.
    """

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Start a stage of `total` units; it ends when the context exits."""
        ...

    def notice(self, message: str) -> None:
        """Show one line that the user should know; the work goes on."""
        ...


class Silent:
    """Progress that is not shown."""

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG002 (the protocol's names)
        """Start a stage that is not shown."""
        return nullcontext(lambda _units: None)

    def notice(self, message: str) -> None:
        """Drop the line."""


class Reported:
    """Progress that is passed to a function, if there is one; notices go to the logger `renderer` at level INFO."""

    def __init__(self, report: ProgressFunction | None = None) -> None:
        self._report: ProgressFunction = report or (lambda _stage, _done, _total: None)

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:  # noqa: ARG002 (the protocol's names)
        """Report 0 units at the start of a stage, and the sum after each advance."""
        done = 0

        def advance(units: int) -> None:
            nonlocal done
            done += units
            self._report(name, done, total)

        advance(0)
        yield advance

    def notice(self, message: str) -> None:
        """Log the line."""
        _LOG.info("%s", spelled(message, as_argument))


def as_progress(progress: Progress | ProgressFunction | None) -> Progress:
    """Return the object to report progress to: a `Progress` unchanged, or a function wrapped. Raises InputError."""
    if isinstance(progress, Progress):
        return progress
    if progress is None or callable(progress):
        return Reported(progress)
    raise InputError(f"{named('progress')} must be a function of (stage, done, total): {progress!r} is not")


def track(items: Iterable[T], advance: Advance) -> Iterator[T]:
    """Yield items, advancing by one after each."""
    for item in items:
        yield item
        advance(1)


class Timed:
    """Progress that also measures how long each stage takes."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Start a stage, and add its time when it ends."""
        started = time.perf_counter()
        try:
            with self._inner.stage(name, total, unit) as advance:
                yield advance
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def notice(self, message: str) -> None:
        """Pass the line on."""
        self._inner.notice(message)

    def finished(self) -> dict[str, float]:
        """Return the seconds of each stage, and in total."""
        return {**self.seconds, "total": time.perf_counter() - self._started}
