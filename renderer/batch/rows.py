"""Rows of a CSV or JSON file, one video each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from renderer.batch.problems import Origin, Problems
from renderer.data_files import MAX_ROWS_BYTES, parse_json
from renderer.errors import InputError
from renderer.input_files import read_text
from renderer.messages import counted, named
from renderer.paths import expanded

_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True)
class DataRow:
    """A row of a table: its values by field name, and its location, such as "products.csv, row 3".

    Rows are counted from 1, without a CSV file's header. A job without a table has one row without fields or location.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    location: str = ""


def read_rows(path: Path, problems: Problems, origin: Origin) -> list[DataRow]:
    """Return the usable rows of a file, and add the problems of the others, or of the file, to `problems`.

    `origin`: where the file is named.
    """
    try:
        text = read_text(expanded(path), named("rows", path), max_bytes=MAX_ROWS_BYTES)
    except InputError as error:
        problems.add(error.text, origin)
        return []
    rows, count = [], 0
    with problems.at(Origin(str(path))):
        for values in (_from_json if path.suffix.lower() == ".json" else _from_csv)(text):
            count += 1
            row = f"{path}, row {count}"
            if isinstance(values, str):
                problems.add(values, Origin(row, row))
            elif any("\ud800" <= char <= "\udfff" for word in (*values, *values.values()) for char in word):
                problems.add("it contains half of a surrogate pair, which is not a character", Origin(row, row))
            else:
                rows.append(DataRow(values, row))
        if not count:
            raise InputError("it has no rows")
    return rows


def _from_csv(text: str) -> Iterator[dict[str, str] | str]:
    """Yield the values of each row, or what is wrong with it. Raises InputError if the rest can't be read."""
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        for row in reader:
            values = [value for value in row.values() if isinstance(value, str)]
            extra = row.get(None, [])
            if extra or len(values) < len(row):
                names = ", ".join(map(str, reader.fieldnames or ()))
                count = len(values) + len(extra)
                yield f"it has {counted(count, 'value')}, but the fields are {names}: enter one for each"
            else:
                yield {str(name).strip(): value.strip() for name, value in row.items()}
    except csv.Error as error:
        raise InputError(f"line {reader.reader.line_num} can't be read ({error})") from None


def _from_json(text: str) -> Iterator[dict[str, str] | str]:
    """Do the same as `_from_csv` for JSON."""
    try:
        found = parse_json(text)
    except ValueError as error:
        raise InputError(f"it is not JSON: {error}") from None
    if not isinstance(found, list):
        raise InputError('it is not a list of rows: write [{"name": "Ada"}]')
    for row in found:
        if not isinstance(row, dict):
            yield 'it is not an object: write {"name": "Ada"}'
        elif wrong := [name for name, value in row.items() if not isinstance(value, str | int | float)]:
            yield f"{wrong[0]} is neither text nor a number"
        else:
            yield {name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()}
