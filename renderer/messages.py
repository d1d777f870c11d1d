"""Parameters in messages: marked by name where a message is made, spelled where it is shown.

The library does not know how an option is written. It marks a parameter with `named`; the command line then shows
`--max-size 3y`, Python `max_size=3y`, and a report on a preset or campaign file `max_size = 3y`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

Spelling = Callable[[str, str | None], str]
"""How a parameter is written: from its name and, where the message quotes one, its value as text."""

FormatCommand = Callable[[Sequence[str], Mapping[str, object]], str]
"""Formats a command to copy: from its words and its values by parameter name, to a shell line."""

_START: Final = "\x1f"  # ASCII unit separator; removed from values, and no name contains it
_VALUE: Final = "\x1e"  # ASCII record separator
_MARKED: Final = re.compile(f"{_START}([^{_START}{_VALUE}]+)(?:{_VALUE}([^{_START}]*))?{_START}")
_MARKS: Final = re.compile(f"[{_START}{_VALUE}]")


def named(parameter: str, value: object = None) -> str:
    """Mark a parameter in a message, by the name of its field or argument, with or without a value.

    True and False are the values of flags; any other value is quoted as its text.
    """
    if value is None:
        return f"{_START}{parameter}{_START}"
    return f"{_START}{parameter}{_VALUE}{_MARKS.sub('', _text(value))}{_START}"


def _text(value: object) -> str:
    """Return a value as text: floats as short as possible, tuples with commas."""
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 photo", "2 photos"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spelled(message: str, spelling: Spelling) -> str:
    """Replace each marked parameter of a message."""
    return _MARKED.sub(lambda found: spelling(found[1], found[2]), message)


def names_in(message: str) -> list[str]:
    """Return the names of the marked parameters of a message."""
    return [found[1] for found in _MARKED.finditer(message)]


def as_argument(parameter: str, value: str | None) -> str:
    """Spell a parameter as a keyword argument of Python: `size=`, `size=3y`."""
    return f"{parameter}={value or ''}"


def as_key(parameter: str, value: str | None) -> str:
    """Spell a parameter as a key of a TOML file: `size`, `size = 3y`, `transparent = true`."""
    return parameter if value is None else f"{parameter} = {value.lower() if value in ('True', 'False') else value}"
