"""Line numbers of the keys of a TOML file, for messages: TOML parsers do not report them."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_WORDS: Final = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_WORDS})\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*({_WORDS})\s*=")

Key = str | int
"""The name of a table or key, or the index of a table in an array of tables, from 0."""


class TomlPositions:
    """The lines of a file's tables and keys, found without a complete parser."""

    def __init__(self, file: object, text: str) -> None:
        """`file`: the name of the file in messages. `text`: its content."""
        self.file = str(file)
        self._lines: dict[tuple[Key, ...], int] = {}
        counts: dict[tuple[Key, ...], int] = {}
        table: tuple[Key, ...] = ()
        open_quotes = ""  # of a multi-line string
        for number, line in enumerate(text.splitlines(), 1):
            if not open_quotes and (header := _HEADER.fullmatch(line)):
                table = ()
                for word in _words(header[2]):
                    table = (*table, word)
                    if table in counts:
                        table = (*table, counts[table])
                if header[1] == "[[":
                    array = table[:-1] if isinstance(table[-1], int) else table
                    counts[array] = counts.get(array, -1) + 1
                    table = (*array, counts[array])
                self._lines.setdefault(table, number)
            elif not open_quotes and (key := _KEY.match(line)):
                self._lines.setdefault((*table, *_words(key[1])), number)
            for quotes in ('"""', "'''"):
                if line.count(quotes) % 2 and open_quotes in ("", quotes):
                    open_quotes = "" if open_quotes else quotes

    def of(self, *keys: Key) -> str:
        """Return the file and line of a key inside its tables, or of the innermost table that was found."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self._lines:
                return f"{self.file}, line {self._lines[keys[:length]]}"
        return self.file


def _words(text: str) -> list[str]:
    return [word.strip("\"'") for word in re.findall(_WORD, text)]
