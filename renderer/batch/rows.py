"""Rows of a table, a video each: from a CSV or a JSON file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Final

from renderer.errors import InputError
from renderer.files import expanded

_DELIMITERS: Final = ",;\t"

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, each a text by its field's name. Raises InputError, which names the row."""
    try:
        text = expanded(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8: save it so"
        raise InputError(f"--rows {path} can't be read ({reason})") from None
    rows = _from_json(text, path) if path.suffix.lower() == ".json" else _from_csv(text, path)
    if not rows:
        raise InputError(f"--rows {path} holds no rows")
    return rows


def _from_csv(text: str, path: Path) -> list[Row]:
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    rows = []
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise InputError(f"--rows {path}, row {number}: it has not as many values as there are fields")
            rows.append({str(name).strip(): value.strip() for name, value in row.items()})
    except csv.Error as error:
        raise InputError(f"--rows {path}, row {len(rows) + 1} can't be read ({error})") from None
    return rows


def _from_json(text: str, path: Path) -> list[Row]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"--rows {path} is not JSON: {error}") from None
    if not isinstance(found, list):
        raise InputError(f'--rows {path} is no list of rows: write [{{"name": "Ada"}}]')
    rows = []
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict) or not all(isinstance(value, str | int | float) for value in row.values()):
            raise InputError(f"--rows {path}, row {number}: a row is texts and numbers by their fields' names")
        rows.append({name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()})
    return rows
