"""Names of files as they are compared, and the files that a pattern of names means.

Systems and keyboards write é as one character or as two (Unicode's NFC and NFD), and most file systems keep what they
are given: every comparison of names is of their composed form.
"""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path


def normal(name: str) -> str:
    """A name or path in the one form in which names are compared: Unicode's NFC."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def is_like(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, or is that very name, as a[1].jpg may be."""
    name, pattern = normal(name), normal(pattern)
    return name == pattern or fnmatch(name, pattern)


def first_names(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, as a message lists them, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def on_disk(path: Path) -> Path:
    """A path as its file is named on the disk, where that differs in the form of its characters only."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[len(found.parts) :]:
        found = _child(found, part)
    return found if os.path.lexists(found) else path


def expand_glob(pattern: Path) -> list[Path]:
    """The existing files and folders that a pattern of a path means, sorted.

    A part of the pattern that is there by that very name means just that one; otherwise *, ? and [ in it fit names,
    hidden ones only if it begins with a dot. ** means a folder and all folders below it, each once.
    """
    found = [Path(pattern.anchor)]
    parts = pattern.parts[len(found[0].parts) :]
    for part in parts:
        found = [child for folder in found for child in _children(folder, part)]
    if parts[-1:] == ("**",):  # all that is in them too
        found += [child for folder in found for child in _children(folder, "*")]
    return sorted(dict.fromkeys(found), key=str)


def _children(folder: Path, part: str) -> Iterator[Path]:
    """What one part of a pattern means in a folder."""
    named = _child(folder, part)
    if part == "**":
        yield from _folders_below(folder)
    elif os.path.lexists(named):
        yield named
    elif glob.has_magic(part):
        names = (entry.name for entry in _entries(folder))
        yield from (folder / name for name in names if is_like(name, part) and (name[0] != "." or part[0] == "."))


def _child(folder: Path, name: str) -> Path:
    """A file in a folder by its name, in whichever form the disk has it."""
    child = folder / name
    if name.isascii() or os.path.lexists(child):
        return child
    return next((folder / entry.name for entry in _entries(folder) if normal(entry.name) == normal(name)), child)


def _folders_below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    waiting = [folder] if folder.is_dir() else []
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(here)
        if real not in seen:
            seen.add(real)
            yield here
            waiting += [here / entry.name for entry in _entries(here) if entry.name[0] != "." and _is_folder(entry)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:  # no folder, or one that may not be read
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
