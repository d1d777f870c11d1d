"""What is wrong with a campaign: all of it, told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from renderer.errors import InputError

LISTED: Final = 40
"""Problems that one message lists."""


class Problems:
    """Problems, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, message: str) -> None:
        """Note one."""
        self._found[message] = None

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Note an InputError of what is done within, with its place, and go on after it."""
        try:
            yield
        except InputError as error:
            self.add(str(error) if str(error).startswith(place) else f"{place}: {error}")

    def check(self) -> None:
        """Raise InputError if there are any."""
        lines = list(self._found)
        if len(lines) == 1:
            raise InputError(lines[0])
        if lines:
            more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
            head = f"{len(lines)} problems, and nothing was rendered:"
            raise InputError("\n  ".join([head, *lines[:LISTED], *more]))
