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


def read_captions(path: Path) -> dict[str, str]:
    """Return captions by the name of the photo, as `normalized` does.

    The file has a photo's name, with or without its suffix or folders, and its caption in each line, separated by
    commas, semicolons or tabs; a line of headings before them is left out, as are photos without a caption. UTF-8.
    Raises InputError, which names the line.
    """
    text = read_text(path, named("captions", path), max_bytes=_MAX_BYTES)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    captions: dict[str, str] = {}
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        for row in reader:
            words = [each.strip() for each in row]
            if not any(words) or (reader.line_num == 1 and words[0].casefold() in _HEADINGS):
                continue
            if len(words) < 2 or not words[0]:
                raise InputError(
                    f"{named('captions', path)}, line {reader.line_num} is not the name of a photo and its caption, "
                    "separated by a comma: correct it"
                )
            if words[1]:
                captions[_key(words[0])] = words[1]
    except csv.Error as error:
        raise InputError(
            f"{named('captions', path)}, line {reader.line_num} is not CSV ({error}): correct it"
        ) from None
    return captions


def _key(name: str) -> str:
    return normalized(name.replace("\\", "/").rpartition("/")[2]).casefold()


def captions_of(files: Sequence[Path], captions: dict[str, str], path: Path, progress: Progress) -> list[str]:
    """Return the caption of each file, "" for those without; a notice tells captions of photos that are not there."""
    keys = [(_key(file.name), _key(file.stem)) for file in files]
    found = [captions.get(name) or captions.get(stem) or "" for name, stem in keys]
    unknown = [each for each in captions if each not in {key for both in keys for key in both}]
    if unknown:
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        progress.notice(
            f"{path.name} has {counted(len(unknown), 'caption')} of photos that the page does not show: "
            f"{', '.join(unknown[:_SHOWN])}{more}"
        )
    return found
