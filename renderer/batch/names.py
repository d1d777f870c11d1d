"""Names of inputs and outputs, made of fields whose values may be anybody's: none leads out of its folder."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from renderer.encoder import FORMATS
from renderer.errors import InputError
from renderer.parameters import suggestion
from renderer.paths import expanded

MAX_BYTES: Final = 160
"""Of a part of a path: systems take 255, and a poster's and a temporary file's name are longer than the video's."""

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_SEPARATOR: Final = re.compile(r"[/\\]")  # of every system: a table is the same on each
_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z]:)?[/\\]")
_UNSAFE: Final = frozenset('<>:"/\\|?*%{}')  # % would number frames
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # names of devices on Windows


def fill(text: str, fields: Mapping[str, str]) -> str:
    """A text with its {fields} replaced. Raises InputError for a field that is none."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in fields:
            fix = suggestion(found[1], fields) or f": there are {', '.join(map(_braced, fields)) or 'none'}"
            raise InputError(f"there is no field {_braced(found[1])}{fix}")
        return fields[found[1]]

    return _FIELD.sub(value, text)


def field_names(value: object) -> set[str]:
    """The {fields} that a text, a path or a list of texts names."""
    texts = value if isinstance(value, list | tuple) else [value]
    return {name for text in texts if isinstance(text, str | Path) for name in _FIELD.findall(str(text))}


def check_inside(template: str, fields: Mapping[str, str]) -> None:
    """Raise InputError if a value leads an input out of the folder that its template names in front of the first field.

    A template that begins with a field names no folder: the table says the whole path there, and is trusted. Texts that
    are no paths pass, unless a part of them between slashes is "..". For a field that is none see `fill`.
    """
    values = {name: fields[name] for name in _FIELD.findall(template) if name in fields}
    if _FIELD.match(template) or not values:
        return
    filled = _SEPARATOR.split(fill(template, fields))
    up = filled.count("..") > _SEPARATOR.split(template).count("..")
    if up or any(map(_ABSOLUTE.match, values.values())):
        folder = _SEPARATOR.split(_FIELD.split(template)[0])[:-1]
        said = ", ".join(f"{name} = {value}" for name, value in values.items())
        raise InputError(f"{said} leads out of {'/'.join(folder) or 'the current folder'}: give a path inside it")


def output_folder(template: str) -> Path:
    """The folder that everything made of a template is in: its parts before the first that has a field."""
    parts = expanded(template).parts
    fixed = next((number for number, part in enumerate(parts) if _FIELD.search(part)), len(parts))
    return Path(*parts[: min(fixed, len(parts) - 1)])


def output_path(template: str, fields: Mapping[str, str], suffix: str) -> Path:
    """The file that a template means; an ending that it does not have itself is `suffix`.

    A field's value fills a part of a path and no more. Raises InputError for a field that is none.
    """
    folder = output_folder(template)
    parts = expanded(template).parts[len(folder.parts) :]
    safe = {name: _harmless(value) for name, value in fields.items()}
    filled = [_part(fill(part, safe)) for part in parts]
    endings = [ending for each in FORMATS for ending in each.suffixes]
    if not parts[-1].lower().endswith((*endings, ".{format}")):
        filled[-1] = _part(filled[-1], suffix)
    return folder.joinpath(*filled)


def _braced(name: str) -> str:
    return f"{{{name}}}"


def _harmless(value: str) -> str:
    """A value as it may stand in a name: no control signs, and of blanks only the plain one."""

    def safe(sign: str) -> str:
        kind = unicodedata.category(sign)[0]
        return " " if kind == "Z" else "_" if kind == "C" or sign in _UNSAFE else sign

    return "".join(map(safe, unicodedata.normalize("NFC", value))).strip()


def _part(text: str, suffix: str = "") -> str:
    """One part of a path: not empty, neither hidden nor an option, no device, and short enough."""
    name = text.strip(" ").rstrip(". ") or "_"
    if name[0] in ".-" or _RESERVED.fullmatch(name):
        name = f"_{name.lstrip('.')}"
    if len(os.fsencode(name)) > MAX_BYTES:
        ending = Path(name).suffix if len(Path(name).suffix) <= 6 else ""
        digest = hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
        name = os.fsencode(name)[: MAX_BYTES - 20].decode("utf-8", "ignore") + f"-{digest}{ending}"
    return name + suffix
