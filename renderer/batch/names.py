"""Build names of inputs and outputs from fields. Values are not trusted: no value may lead out of the folder."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from renderer.errors import InputError
from renderer.formats import FORMATS
from renderer.parameters import suggestion
from renderer.paths import expanded

MAX_BYTES: Final = 160
"""Maximum bytes of a path component: systems allow 255, and posters and temporary files have longer names."""

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_SEPARATOR: Final = re.compile(r"[/\\]")  # of all systems, so that a table means the same on each
_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z]:)?[/\\]")
_UNSAFE: Final = frozenset('<>:"/\\|?*%{}')  # % would start a frame-number pattern
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # device names on Windows


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Return a text with its {fields} replaced. Raises InputError for an unknown field."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in fields:
            fix = suggestion(found[1], fields) or (
                f": the fields are {', '.join(map(_braced, fields))}" if fields else ""
            )
            raise InputError(f"there is no field {_braced(found[1])}{fix}")
        return fields[found[1]]

    return _FIELD.sub(value, text)


def field_names(value: object) -> set[str]:
    """Return the names of the {fields} in a text, a path or a list of texts."""
    texts = value if isinstance(value, list | tuple) else [value]
    return {name for text in texts if isinstance(text, str | Path) for name in _FIELD.findall(str(text))}


def check_inside(template: str, fields: Mapping[str, str]) -> None:
    """Raise InputError if a value leads an input out of the folder that its template names before the first field.

    A template that starts with a field names no folder: the table then contains the whole path, and is trusted. Texts
    that are not paths pass, unless they have a ".." between slashes. Unknown fields are ignored here; see `fill`.
    """
    values = {name: fields[name] for name in _FIELD.findall(template) if name in fields}
    if _FIELD.match(template) or not values:
        return
    filled = _SEPARATOR.split(fill(template, fields))
    up = filled.count("..") > _SEPARATOR.split(template).count("..")
    if up or any(map(_ABSOLUTE.match, values.values())):
        folder = _SEPARATOR.split(_FIELD.split(template)[0])[:-1]
        listed = ", ".join(f"{name} = {value}" for name, value in values.items())
        raise InputError(f"{listed} leads out of {'/'.join(folder) or 'the current folder'}: use a path inside it")


def output_folder(template: str) -> Path:
    """Return the folder of all files of a template: its components before the first one with a field."""
    parts = expanded(template).parts
    fixed = next((number for number, part in enumerate(parts) if _FIELD.search(part)), len(parts))
    return Path(*parts[: min(fixed, len(parts) - 1)])


def output_path(template: str, fields: Mapping[str, str], suffix: str) -> Path:
    """Return the path that a template gives with these fields; `suffix` is added unless the template has an extension.

    The value of a field never adds a path component. Raises InputError for an unknown field.
    """
    folder = output_folder(template)
    parts = expanded(template).parts[len(folder.parts) :]
    safe = {name: _safe_value(value) for name, value in fields.items()}
    filled = [_component(fill(part, safe)) for part in parts]
    extensions = [extension for each in FORMATS for extension in each.suffixes]
    if not parts[-1].lower().endswith((*extensions, ".{format}")):
        filled[-1] = _component(filled[-1], suffix)
    return folder.joinpath(*filled)


def _braced(name: str) -> str:
    return f"{{{name}}}"


def _safe_value(value: str) -> str:
    """Return a value that is safe in a file name: no control characters, and no spaces but U+0020."""

    def safe(char: str) -> str:
        kind = unicodedata.category(char)[0]
        return " " if kind == "Z" else "_" if kind == "C" or char in _UNSAFE else char

    return "".join(map(safe, unicodedata.normalize("NFC", value))).strip()


def _component(text: str, suffix: str = "") -> str:
    """Return a path component that is safe: not empty, hidden, too long, a device name or like an option."""
    name = text.strip(" ").rstrip(". ") or "_"
    if name[0] in ".-" or _RESERVED.fullmatch(name):
        name = f"_{name.lstrip('.')}"
    if len(os.fsencode(name)) > MAX_BYTES:
        extension = Path(name).suffix if len(Path(name).suffix) <= 6 else ""
        digest = hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
        name = os.fsencode(name)[: MAX_BYTES - 20].decode("utf-8", "ignore") + f"-{digest}{extension}"
    return name + suffix
