"""Where in a TOML file a key stands, for messages: TOML's reader does not tell."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_WORDS: Final = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_WORDS})\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*({_WORDS})\s*=")

Key = str | int
"""The name of a table or of a key, or the number of a table among those of one name, from 0."""


class TomlPositions:
    """The lines of a file's tables and keys, as far as they can be found without parsing it as a whole."""

    def __init__(self, name: object, text: str) -> None:
        """`name`: what messages call the file."""
        self.name = str(name)
        self._lines: dict[tuple[Key, ...], int] = {}
        counts: dict[tuple[Key, ...], int] = {}
        table: tuple[Key, ...] = ()
        within = ""  # the quotes of a text of several lines
        for number, line in enumerate(text.splitlines(), 1):
            if not within and (header := _HEADER.fullmatch(line)):
                table = ()
                for word in _words(header[2]):
                    table = (*table, word)
                    if table in counts:
                        table = (*table, counts[table])
                if header[1] == "[[":
                    name_of_all = table[:-1] if isinstance(table[-1], int) else table
                    counts[name_of_all] = counts.get(name_of_all, -1) + 1
                    table = (*name_of_all, counts[name_of_all])
                self._lines.setdefault(table, number)
            elif not within and (key := _KEY.match(line)):
                self._lines.setdefault((*table, *_words(key[1])), number)
            for quotes in ('"""', "'''"):
                if line.count(quotes) % 2 and within in ("", quotes):
                    within = "" if within else quotes

    def of(self, *keys: Key) -> str:
        """File and line of a key in its tables, or of the innermost table that is found."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self._lines:
                return f"{self.name}, line {self._lines[keys[:length]]}"
        return self.name


def _words(written: str) -> list[str]:
    return [word.strip("\"'") for word in re.findall(_WORD, written)]
