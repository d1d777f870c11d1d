"""File names: comparing them in one Unicode form, and finding the files that a glob matches.

Systems and keyboards write é as one character or as two (Unicode's NFC and NFD), and most file systems store what they
receive: names are always compared in NFC.
"""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from renderer.paths import expanded

_READABLE: Final = (
    ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .gif .avif .heic .heif .hif .ppm .pgm .jp2 .jpf .jpx .j2k"
)
# These are listed as skipped, not ignored silently.
_RAW: Final = ".dng .cr2 .cr3 .crw .nef .nrw .arw .sr2 .orf .rw2 .rwl .raf .pef .srw .x3f .3fr .iiq .gpr"

RAW_SUFFIXES: Final = frozenset(_RAW.split())
"""File name suffixes of cameras' raw files, in lower case."""

PICTURE_SUFFIXES: Final = frozenset([*_READABLE.split(), *RAW_SUFFIXES])
"""File name suffixes that a folder is searched for, in lower case. A single file may have any suffix."""


def normalized(name: str) -> str:
    """Return a name or path in the Unicode form in which names are compared, NFC."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def matches(name: str, pattern: str) -> bool:
    """Return whether a name matches a glob pattern, or equals it: a[1].jpg may be an actual name."""
    name, pattern = normalized(name), normalized(pattern)
    return name == pattern or fnmatch(name, pattern)


def list_names(names: Sequence[str], maximum: int = 3) -> str:
    """Return names as a list for a message: the first ones, and how many more there are."""
    more = f" and {len(names) - maximum} more" if len(names) > maximum else ""
    return ", ".join(names[:maximum]) + more


def on_disk(path: Path) -> Path:
    """Return a path in the Unicode form that the disk has, if the file exists there in another form."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[len(found.parts) :]:
        found = _child(found, part)
    return found if os.path.lexists(found) else path


def absolute(source: str | Path) -> Path:
    """Return a path as it is stored: absolute, without "..", in the Unicode form of the disk, links not resolved."""
    return on_disk(Path(os.path.abspath(expanded(source))))  # noqa: PTH100


def expand_glob(pattern: Path) -> list[Path]:
    """Return the existing files and folders that a path pattern matches, sorted.

    A part of the pattern that is the name of an existing file matches only that file. In other parts, *, ? and [ are
    wildcards; they match hidden names only if the part starts with a dot. ** matches a folder and all folders below it,
    each once.
    """
    found = [Path(pattern.anchor)]
    parts = pattern.parts[len(found[0].parts) :]
    for part in parts:
        found = [child for folder in found for child in _children(folder, part)]
    if parts[-1:] == ("**",):  # and everything in those folders
        found += [child for folder in found for child in _children(folder, "*")]
    return sorted(dict.fromkeys(found), key=str)


def _children(folder: Path, part: str) -> Iterator[Path]:
    """Yield what one part of a pattern matches in a folder."""
    exact = _child(folder, part)
    if part == "**":
        yield from _folders_below(folder)
    elif os.path.lexists(exact):
        yield exact
    elif glob.has_magic(part):
        names = (entry.name for entry in _entries(folder))
        yield from (folder / name for name in names if matches(name, part) and (name[0] != "." or part[0] == "."))


def _child(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, in the Unicode form that the disk has."""
    child = folder / name
    if name.isascii() or os.path.lexists(child):
        return child
    return next(
        (folder / entry.name for entry in _entries(folder) if normalized(entry.name) == normalized(name)), child
    )


def _folders_below(folder: Path) -> Iterator[Path]:
    visited: set[str] = set()
    pending = [folder] if folder.is_dir() else []
    while pending:
        current = pending.pop()
        real = os.path.realpath(current)
        if real not in visited:
            visited.add(real)
            yield current
            pending += [
                current / entry.name for entry in _entries(current) if entry.name[0] != "." and _is_folder(entry)
            ]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:  # not a folder, or not readable
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
