"""What is wrong with a campaign: all of it, told at once, and which rows of its tables it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from renderer.errors import InputError

T = TypeVar("T")

LISTED: Final = 40
"""Problems that one message lists."""

PLACES: Final = 5
"""Places that are listed of one problem."""


@dataclass(frozen=True)
class Place:
    """Where a problem stands: a line of the campaign's file, or a row of a table."""

    text: str = ""  # empty: the message says it itself
    row: str = ""  # the row, such as "products.csv, row 3"; empty if it is no row's problem


@dataclass
class Problems:
    """Problems, each message once with all of its places, in the order in which they were found.

    `skip_rows`: problems of rows don't raise; their rows are left out instead.
    """

    skip_rows: bool = False
    _found: dict[str, dict[Place, None]] = field(default_factory=dict)

    def add(self, message: str, place: Place | str = "") -> None:
        """Note one; a place that is a text is no row's."""
        place = place if isinstance(place, Place) else Place(place)
        self._found.setdefault(message.removeprefix(f"{place.text}: "), {})[place] = None

    @contextmanager
    def at(self, place: Place | str) -> Iterator[None]:
        """Note an InputError of what is done within, with its place, and go on after it."""
        try:
            yield
        except InputError as error:
            self.add(error.text, place)

    def check(self) -> None:
        """Raise InputError if there are any, beside those of rows that are skipped."""
        if self._found and not (self.skip_rows and self._are_of_rows()):
            raise self._error()

    def without_bad_rows(self, items: Iterable[T], row_of: Callable[[T], str]) -> list[T]:
        """Those of some items whose row has no problem. Raises InputError for other problems, or if none are left."""
        bad = set(self.bad_rows())
        kept = [item for item in items if row_of(item) not in bad]
        if self._found and not (kept and self._are_of_rows()):
            raise self._error()
        return kept

    def bad_rows(self) -> list[str]:
        """The rows that have problems, each once."""
        return [row for row in dict.fromkeys(place.row for places in self._found.values() for place in places) if row]

    def lines(self) -> list[str]:
        """A line for each message; of many the first `LISTED`, and how many more."""
        lines = []
        for message, places in self._found.items():
            texts = [place.text for place in places if place.text]
            more = f" and {len(texts) - PLACES} more" if len(texts) > PLACES else ""
            lines.append(f"{' and '.join(texts[:PLACES])}{more}: {message}" if texts else message)
        return lines[:LISTED] + ([f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else [])

    def _are_of_rows(self) -> bool:
        return all(place.row for places in self._found.values() for place in places)

    def _error(self) -> InputError:
        head = [f"{len(self._found)} problems, and nothing was rendered:"] if len(self._found) > 1 else []
        fix = ["--skip-bad-rows renders the other rows"] if self._are_of_rows() and not self.skip_rows else []
        return InputError("\n  ".join([*head, *self.lines(), *fix]))
