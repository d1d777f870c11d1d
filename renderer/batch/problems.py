"""Problems of a campaign: collected, so that all of them are reported at once, each with its origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from renderer.errors import InputError
from renderer.messages import as_key, named, spelled

T = TypeVar("T")

MAX_LINES: Final = 40
"""Maximum number of problems listed in one message."""

MAX_ORIGINS: Final = 5
"""Maximum number of origins listed for one problem."""

RUN_PARAMETERS: Final = frozenset({"overwrite", "skip_bad_rows", "timeout", "verbose", "workers"})
"""Parameters of a run that messages name: a campaign file can't contain them, so they are never spelled as keys."""


@dataclass(frozen=True)
class Origin:
    """Where the value that causes a problem is written, which decides how the problem names parameters.

    A parameter of the request or of the run stays marked (`renderer.messages.named`): whoever made the request spells
    it. Any other parameter comes from the campaign file or a preset, and is spelled as a key.
    """

    text: str = ""  # starts the line, such as "shop.toml, line 7"; empty for the request
    row: str = ""  # such as "products.csv, row 3"; empty if the problem does not belong to one row
    requested: frozenset[str] = frozenset()  # parameters whose values the request specifies

    def with_row(self, row: str) -> Origin:
        """Return the origin of a value that also uses a row; the same if the row is empty."""
        if not row:
            return self
        return replace(self, text=f"{row} ({self.text})" if self.text else row, row=row)

    def spelled(self, message: str) -> str:
        """Return a message in which only parameters of the request and of the run are still marked."""
        marked = self.requested | RUN_PARAMETERS
        return spelled(message, lambda name, value: (named if name in marked else as_key)(name, value))


@dataclass
class Problems:
    """Problems in the order in which they were found: each message once, with all its origins.

    `skip_rows`: problems of rows do not raise; the rows are left out instead.
    """

    skip_rows: bool = False
    _found: dict[str, dict[Origin, None]] = field(default_factory=dict)

    def add(self, message: str, origin: Origin) -> None:
        """Add a problem; a message that starts with its origin is not prefixed again."""
        message = origin.spelled(message).removeprefix(f"{origin.text}: ")
        self._found.setdefault(message, {})[origin] = None

    @contextmanager
    def at(self, origin: Origin) -> Iterator[None]:
        """Add an InputError raised in the context as a problem, and continue after the context."""
        try:
            yield
        except InputError as error:
            self.add(error.text, origin)

    def check(self) -> None:
        """Raise InputError if there are any problems, except those of skipped rows."""
        if self._found and not (self.skip_rows and self._are_of_rows()):
            raise self._error()

    def without_bad_rows(self, items: Iterable[T], row_of: Callable[[T], str]) -> list[T]:
        """Return the items whose rows have no problem. Raises InputError for other problems, or if none are left."""
        bad = set(self.bad_rows())
        good = [item for item in items if row_of(item) not in bad]
        if self._found and not (good and self._are_of_rows()):
            raise self._error()
        return good

    def bad_rows(self) -> list[str]:
        """Return the rows that have problems, each once."""
        return [row for row in dict.fromkeys(origin.row for origin in self._origins()) if row]

    def lines(self) -> list[str]:
        """Return one line per message; after the first `MAX_LINES`, only their number."""
        lines = []
        for message, origins in self._found.items():
            texts = [origin.text for origin in origins if origin.text]
            more = f" and {len(texts) - MAX_ORIGINS} more" if len(texts) > MAX_ORIGINS else ""
            lines.append(f"{' and '.join(texts[:MAX_ORIGINS])}{more}: {message}" if texts else message)
        return lines[:MAX_LINES] + ([f"and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else [])

    def _origins(self) -> Iterator[Origin]:
        for origins in self._found.values():
            yield from origins

    def _are_of_rows(self) -> bool:
        return all(origin.row for origin in self._origins())

    def _error(self) -> InputError:
        heading = [f"{len(self._found)} problems; nothing was rendered:"] if len(self._found) > 1 else []
        can_skip = self._are_of_rows() and not self.skip_rows
        fix = [f"use {named('skip_bad_rows', True)} to render the other rows"] if can_skip else []
        return InputError("\n  ".join([*heading, *self.lines(), *fix]))
