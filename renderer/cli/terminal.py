"""Text for the terminal: every line and table is made safe to print here, and parameters are spelled as options."""

from __future__ import annotations

import re
import sys
from typing import Any, Final, TextIO

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from renderer.messages import spelled

MIN_COLUMNS: Final = 40
"""Of help and tables; narrower ones are no longer words."""

_OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, marks that turn the direction of writing, and bytes that are no UTF-8."""


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text safe to print: parameters as options, control characters as \x1b; characters of `keep` stay."""
    return _OBEYED.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), spelled(text, as_option))


_OPTIONS: Final = {"output": "-o", "overwrite": "-y", "paper": "--print"}
"""Parameters whose option is not `--` and their name."""


def as_option(parameter: str, value: str | None) -> str:
    """Spell a parameter as an option: `--max-size`, `--max-size 3y`, `--transparent`, `--no-mirror`."""
    option = _OPTIONS.get(parameter, f"--{parameter.replace('_', '-')}")
    if value in ("True", None):
        return option
    return option.replace("--", "--no-") if value == "False" else f"{option} {value}"


def _escaped(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte of a name that is not UTF-8 (PEP 383)
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def say(*lines: str, to: TextIO | None = None) -> None:
    """Write lines to standard output, or to another stream."""
    (to or sys.stdout).write("".join(f"{printable(line)}\n" for line in lines))


class Terminal(Console):
    """A console that takes no text for markup or an emoji's name, and is at least 40 columns wide."""

    def __init__(self, *, stderr: bool = False) -> None:
        """`stderr`: lines there are left to the terminal to wrap."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=stderr)

    @property  # type: ignore[misc]  # it is set nowhere
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        columns, lines = super().size
        return ConsoleDimensions(max(columns, MIN_COLUMNS), lines)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text, as `print` and tables show it."""
        return super().render_str(printable(text, keep="\n"), **options)
