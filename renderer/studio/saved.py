"""A look in a file beside its cover: `cover.studio.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from renderer.cover_names import CoverName
from renderer.data_files import parse_json
from renderer.errors import InputError
from renderer.input_files import is_file, read_text
from renderer.output_files import new_file
from renderer.studio.looks import Look

_SUFFIX: Final = ".studio.json"
_FORMAT: Final = "mosaic-renderer studio 1"
_LARGEST: Final = 1_000_000  # bytes


def saved_path(cover: CoverName | None) -> Path:
    """Return where the look of a cover is saved: beside the file, or in the current folder."""
    if isinstance(cover, Path):
        return cover.absolute().with_name(f"{cover.stem}{_SUFFIX}")
    return Path(f"{cover.stem if cover else 'cover'}{_SUFFIX}")


def load_look(cover: CoverName | None) -> Look | None:
    """Return the saved look of a cover; None if there is none. Raises InputError if the file is not a saved look."""
    path = saved_path(cover)
    table = _table(path)
    if table is None:
        return None
    try:
        return Look.read(cover, table)
    except InputError as error:
        raise InputError(f"{path}: {error.text}: correct it, or delete the file") from error


def _table(path: Path) -> dict[str, object] | None:
    """Return the content of a saved look without its format; None if there is no file. Raises InputError."""
    if not is_file(path):
        return None
    try:
        table = parse_json(read_text(path, str(path), max_bytes=_LARGEST))
    except ValueError:
        table = None
    if not isinstance(table, dict) or table.pop("format", None) != _FORMAT:
        raise InputError(f"{path} is not a look that the studio has saved: rename it")
    return table


def save_look(look: Look) -> Path:
    """Save a look, instead of an earlier one. Raises InputError for another file of that name, which is left alone."""
    path = saved_path(look.cover)
    _table(path)
    table = {"format": _FORMAT, **look.as_table()}
    with new_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path
