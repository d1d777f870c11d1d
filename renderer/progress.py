"""How work that takes time tells how far it is, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
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
