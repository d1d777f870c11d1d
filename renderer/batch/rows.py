"""Rows of a table, a video each: from a CSV or a JSON file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Final

from renderer.data_files import MOST_ROWS_BYTES, read_json
from renderer.errors import InputError
from renderer.files import expanded, read_text

_DELIMITERS: Final = ",;\t"

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, each a text by its field's name. Raises InputError, which names the row."""
    rows = _from_json(path) if path.suffix.lower() == ".json" else _from_csv(path)
    if not rows:
        raise InputError(f"--rows {path} holds no rows")
    return rows


def _from_csv(path: Path) -> list[Row]:
    text = read_text(expanded(path), "--rows", most=MOST_ROWS_BYTES)
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


def _from_json(path: Path) -> list[Row]:
    found = read_json(expanded(path), "--rows", most=MOST_ROWS_BYTES)
    if not isinstance(found, list):
        raise InputError(f'--rows {path} is no list of rows: write [{{"name": "Ada"}}]')
    rows = []
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict) or not all(isinstance(value, str | int | float) for value in row.values()):
            raise InputError(f"--rows {path}, row {number}: a row is texts and numbers by their fields' names")
        rows.append({name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()})
    return rows
