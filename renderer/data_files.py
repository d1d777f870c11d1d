"""Reading TOML and JSON, with limits on size and nesting; every failure is one error that names the file."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final, cast

from renderer.errors import InputError
from renderer.input_files import read_text
from renderer.toml_positions import TomlPositions

MAX_TOML_BYTES: Final = 4_000_000
"""Maximum size of a TOML file; a campaign of 10,000 jobs takes about 1 MB."""

MAX_ROWS_BYTES: Final = 64_000_000
"""Maximum size of a CSV or JSON file: parsed, it takes up to 30 times as much memory."""

MAX_DEPTH: Final = 50
"""Maximum nesting of tables and lists; files of this program have at most 5 levels."""

# tomllib's time grows with the square of a dotted key's length: 400 KB of "a.a.a" take six minutes.
_LONG_KEY: Final = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++\s*+\.\s*+){{{MAX_DEPTH}}}""")

_TOO_DEEP: Final = f"its values are nested more than {MAX_DEPTH} levels deep"


def read_toml(path: Path, subject: str) -> tuple[dict[str, Any], TomlPositions]:
    """Return the table of a TOML file, and the lines of its keys. Raises InputError.

    `subject` starts the message, as in `input_files.read_text`.
    """
    text = read_text(path, subject, max_bytes=MAX_TOML_BYTES)
    try:
        if _LONG_KEY.search(text):
            raise ValueError(_TOO_DEEP)
        table = tomllib.loads(text)
        _check_values(table)
    except (ValueError, RecursionError) as error:
        reason = _TOO_DEEP if isinstance(error, RecursionError) else error
        raise InputError(f"{subject} is not TOML: {reason}") from None
    return table, TomlPositions(path, text)


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text. Raises ValueError if it is not JSON or nested too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_values(value)
    return value


def _check_values(value: object) -> None:
    """Raise ValueError for values nested so deeply that recursion would fail, and for integers beyond 64 bits."""
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[object] = []
        for outer in level:
            for inner in outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else (outer,):
                kind = type(inner)
                if kind is dict or kind is list:
                    deeper.append(inner)
                elif kind is int and not -(2**63) <= cast("int", inner) < 2**63:
                    raise ValueError("it contains an integer beyond 64 bits")
        if not deeper:
            return
        level = deeper
    raise ValueError(_TOO_DEEP)
