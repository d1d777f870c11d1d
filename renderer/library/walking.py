"""Finding the files of folders, single files and globs, and suggesting names for those that do not exist."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from renderer.errors import InputError
from renderer.input_files import missing_file
from renderer.library.photos import Photo, Photos, Skipped, match_name
from renderer.messages import named
from renderer.names import PICTURE_SUFFIXES, absolute, expand_glob

CLIP_SUFFIXES: Final = frozenset([".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".3gp"])
"""File name suffixes of videos, in lower case."""

_GENERATED_FOLDERS: Final = frozenset(["@eaDir", "__MACOSX"])
"""Folders that network storage devices and archives add next to the photos, with copies of them."""


_Pending = tuple[Path, frozenset[tuple[int, int]]]  # a folder, and its parents by device and inode


def find_files(sources: Sequence[str], *, clips: bool = False) -> tuple[list[Path], list[Skipped]]:
    """Return the files in folders (recursively, except hidden ones), single files and glob matches, each once.

    Of folders, only files with the suffix of a picture or, with `clips`, of a video are used; single files may have any
    suffix. Returns the files to read, in the order of the sources, and those that can't be used. Raises InputError for
    a source that does not exist.
    """
    found: dict[Path, None] = {}
    skipped: list[Skipped] = []
    for source in sources:
        if not source:
            raise InputError(f"{named('tiles')} is empty: specify a folder, a file, a glob or a library")
        path = absolute(source)
        if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
            found.update(dict.fromkeys(walk(path, skipped, clips=clips)))
        elif os.path.lexists(path):
            found[path] = None
        elif glob.has_magic(source):
            matches = expand_glob(path)
            if not matches:
                raise InputError(f"{named('tiles', source)} matches no file: check the pattern")
            for match in matches:
                files = walk(match, skipped, clips=clips) if match.is_dir() else [match.absolute()]
                found.update(dict.fromkeys(files))
        else:
            raise InputError(missing_file(path))
    return list(found), skipped


def walk(folder: Path, skipped: list[Skipped], *, clips: bool = False) -> Iterator[Path]:
    """Yield the pictures in a folder and its subfolders, by name; add what can't be used to `skipped`.

    Links to folders are followed; each folder is visited once. The clip of a Live Photo is skipped, as its picture is
    used.
    """
    visited: set[tuple[int, int]] = set()
    pending: list[_Pending] = [(folder.absolute(), frozenset())]
    while pending:
        parent, above = pending.pop()
        try:
            status = parent.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                skipped.append(Skipped(parent, "is a link to one of its parent folders"))
            if identity in visited:
                continue
            visited.add(identity)
            with os.scandir(parent) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(parent, f"can't be read ({error.strerror})"))
            continue
        stills = {_stem(entry.name) for entry in entries if _suffix(entry.name) in PICTURE_SUFFIXES} if clips else ()
        folders: list[_Pending] = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _GENERATED_FOLDERS:
                continue
            path, suffix = parent / entry.name, _suffix(entry.name)
            if _is_folder(entry):
                if suffix in PICTURE_SUFFIXES:
                    skipped.append(Skipped(path, "is not a file but a folder"))
                # In a Photos library of macOS, only the originals are used: the rest are smaller copies.
                elif parent.suffix != ".photoslibrary" or entry.name in ("originals", "Masters"):
                    folders.append((path, above | {identity}))
            elif suffix in PICTURE_SUFFIXES or (clips and suffix in CLIP_SUFFIXES and _stem(entry.name) not in stills):
                yield path
        pending += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 (see below)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (100,000 Path objects take a second)


def find_photo(name: str, photos: Sequence[Photo]) -> int | None:
    """Return the index of the first photo, except pieces, with a path, or a file name with or without suffix."""
    if isinstance(photos, Photos):
        return photos.find_by_name(name)
    found = match_name(name, ((index, photo.path) for index, photo in enumerate(photos) if not photo.is_part))
    return found[0][0] if found else None


_MAX_COMPARED_NAMES: Final = 5000  # for suggestions: reading a million names would take a minute


def unknown_photo(name: str, photos: Sequence[Photo], parameter: str = "focus") -> str:
    """Return the message for a name that matches no photo. `parameter`: the parameter that names the photo."""
    names = [photo.path.name for photo in islice(photos, _MAX_COMPARED_NAMES) if not photo.is_part]
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    kinds, point = ("neither a point X,Y nor", "X,Y, or ") if parameter == "focus" else ("not", "")
    fix = f"did you mean {' or '.join(similar)}?" if similar else f"specify {point}the path or name of a photo"
    return f"{named(parameter, name)} is {kinds} a photo of this mosaic: {fix}"
