"""Captions of photos, from a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.errors import InputError
from renderer.input_files import read_text
from renderer.messages import counted, named
from renderer.names import normalized

if TYPE_CHECKING:
    from renderer.progress import Progress

_MAX_BYTES: Final = 16_000_000
_SHOWN: Final = 3  # names in a notice
_HEADINGS: Final = ("photo", "file", "name", "filename", "file name")
_SEPARATORS: Final = ",;\t"


def read_captions(path: Path) -> dict[str, str]:
    """Return captions by the name of the photo, as `_key` writes it.

    The file has a photo's name, with or without its suffix and its folders, and its caption in each line, separated by
    commas, semicolons or tabs; captions with the separator are quoted. A line of headings before them is left out, as
    are photos without a caption. UTF-8. Raises InputError, which names the line.
    """
    text = read_text(path, named("captions", path), max_bytes=_MAX_BYTES)
    failed: InputError | None = None
    for separator in sorted(_SEPARATORS, key=text.count, reverse=True):
        try:
            return _parsed(text, separator, named("captions", path))
        except InputError as error:
            failed = failed or error
    assert failed is not None
    raise failed


def _parsed(text: str, separator: str, subject: str) -> dict[str, str]:
    captions: dict[str, str] = {}
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        for row in reader:
            words, line = [each.strip() for each in row], f"{subject}, line {reader.line_num}"
            if not any(words) or (reader.line_num == 1 and words[0].casefold() in _HEADINGS):
                continue
            if len(words) < 2 or not words[0]:
                raise InputError(f"{line} is not the name of a photo and its caption, separated by a comma: correct it")
            if any(words[2:]):
                raise InputError(
                    f'{line} has {len(words)} columns instead of 2: write a caption with separators in "quotes"'
                )
            if (key := _key(words[0])) in captions:
                raise InputError(
                    f"{line} has {words[0]} for the second time: remove one of them, or write its folder too"
                )
            if words[1]:
                captions[key] = words[1]
    except csv.Error as error:
        raise InputError(f"{subject}, line {reader.line_num} is not CSV ({error}): correct it") from None
    return captions


def _key(name: str) -> str:
    return normalized(name.replace("\\", "/").strip("/")).casefold()


def captions_of(files: Sequence[Path], captions: dict[str, str], path: Path, progress: Progress) -> list[str]:
    """Return the caption of each file, "" for those without; a notice names captions of photos that are not there."""
    found, used = [], set()
    for file in files:
        names = [_key(name) for name in _names_of(file)]
        name = next((each for each in names if each in captions), None)
        found.append("" if name is None else captions[name])
        used.add(name)
    unknown = [each for each in captions if each not in used]
    if unknown:
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        progress.notice(
            f"{path.name} has {counted(len(unknown), 'caption')} of photos that the page does not show: "
            f"{', '.join(unknown[:_SHOWN])}{more}"
        )
    return found


def _names_of(file: Path) -> list[str]:
    """Return the names by which a file may be known, with most of its folders first."""
    parts = file.as_posix().strip("/").split("/")
    names = []
    for start in range(len(parts)):
        folders = parts[start:-1]
        names += ["/".join([*folders, file.name]), "/".join([*folders, file.stem])]
    return names
