"""Rows of a table, a video each: from a CSV or a JSON file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from renderer.batch.problems import Place, Problems
from renderer.data_files import MAX_ROWS_BYTES, parse_json
from renderer.errors import InputError
from renderer.input_files import read_text
from renderer.messages import named
from renderer.paths import expanded

_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True)
class DataRow:
    """A row of a table: its values by their fields' names, and where it stands, such as "products.csv, row 3".

    Rows are counted from 1, without the line of a CSV file that names the fields. A job without a table has one row
    without fields, which stands nowhere.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


def read_rows(path: Path, problems: Problems) -> list[DataRow]:
    """The rows of a file that can be used; what is wrong with the others, or with the file, is noted."""
    try:
        text = read_text(expanded(path), named("rows", path), max_bytes=MAX_ROWS_BYTES)
    except InputError as error:
        problems.add(error.text)
        return []
    rows, count = [], 0
    with problems.at(str(path)):
        for values in (_from_json if path.suffix.lower() == ".json" else _from_csv)(text):
            count += 1
            place = f"{path}, row {count}"
            if isinstance(values, str):
                problems.add(values, Place(place, place))
            elif any("\ud800" <= sign <= "\udfff" for word in (*values, *values.values()) for sign in word):
                problems.add("it holds one half of a surrogate pair, which is no character", Place(place, place))
            else:
                rows.append(DataRow(values, place))
        if not count:
            raise InputError("it holds no rows")
    return rows


def _from_csv(text: str) -> Iterator[dict[str, str] | str]:
    """The values of each row, or what is wrong with it. Raises InputError where no row can be read any more."""
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        for row in reader:
            values = [value for value in row.values() if isinstance(value, str)]
            extra = row.get(None, [])
            if extra or len(values) < len(row):
                names = ", ".join(map(str, reader.fieldnames or ()))
                count = len(values) + len(extra)
                yield f"it has {count} value{'' if count == 1 else 's'}, and the fields are {names}: give one for each"
            else:
                yield {str(name).strip(): value.strip() for name, value in row.items()}
    except csv.Error as error:
        raise InputError(f"line {reader.reader.line_num} can't be read ({error})") from None


def _from_json(text: str) -> Iterator[dict[str, str] | str]:
    """As `_from_csv`."""
    try:
        found = parse_json(text)
    except ValueError as error:
        raise InputError(f"it is not JSON: {error}") from None
    if not isinstance(found, list):
        raise InputError('it is no list of rows: write [{"name": "Ada"}]')
    for row in found:
        if not isinstance(row, dict):
            yield 'it is no object: write {"name": "Ada"}'
        elif wrong := [name for name, value in row.items() if not isinstance(value, str | int | float)]:
            yield f"{wrong[0]} is neither a text nor a number"
        else:
            yield {name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()}
