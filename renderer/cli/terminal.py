"""Output to the terminal: every line is made safe to print, and parameters are spelled as options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from renderer.messages import spelled

MIN_COLUMNS: Final = 40
"""Minimum width of help and tables: narrower columns would break words into letters."""

_DEFAULT_COLUMNS: Final = 80

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, marks that change the direction of writing, and bytes that are not UTF-8."""


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text made safe to print: parameters as options; control characters, except `keep`, escaped (\x1b)."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), spelled(text, as_option))


_OPTIONS: Final = {"output": "-o", "overwrite": "-y", "paper": "--print"}
"""Options that are not spelled `--` and the parameter's name. The library's name for `--print` is `paper`."""


def long_option(parameter: str) -> str:
    """Return the long option of a parameter: `--max-size`."""
    return f"--{parameter.replace('_', '-')}"


def as_option(parameter: str, value: str | None = None) -> str:
    """Spell a parameter as an option: `--max-size`, `--max-size 3y`, `--transparent`, `--no-mirror`."""
    option = _OPTIONS.get(parameter, long_option(parameter))
    if value in ("True", None):
        return option
    return option.replace("--", "--no-", 1) if value == "False" else f"{option} {value}"


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is not UTF-8 (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def say(*lines: str, to: TextIO | None = None) -> None:
    """Write lines to standard output, or to another stream."""
    (to or sys.stdout).write("".join(f"{printable(line)}\n" for line in lines))


def print_json(result: object, to: TextIO | None = None) -> None:
    """Write a result as one line of JSON, with the parameters in its texts spelled as options."""
    import json

    say(json.dumps(_spelled(result)), to=to)


def _spelled(value: object) -> object:
    match value:
        case str():
            return spelled(value, as_option)
        case Mapping():
            return {key: _spelled(each) for key, each in value.items()}
        case list() | tuple():
            return [_spelled(each) for each in value]
    return value


def columns() -> int:
    """Return the width of the terminal, at least `MIN_COLUMNS`: COLUMNS, or that of standard output; default: 80."""
    text = os.environ.get("COLUMNS", "")
    if text.isdecimal():
        return max(int(text), MIN_COLUMNS)
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, MIN_COLUMNS)
    except (OSError, ValueError):  # not a terminal, or no file
        return _DEFAULT_COLUMNS
