"""Finding the files that a user means: folders, single files, globs; and the names that they may have meant."""

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
from renderer.library.photos import Photo, Photos, Skipped, best_named
from renderer.names import expand_glob, on_disk
from renderer.paths import expanded
from renderer.pictures import PICTURE_SUFFIXES

CLIP_SUFFIXES: Final = frozenset([".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".3gp"])
"""File name endings of videos, in lower case."""

_NOT_THE_USERS: Final = frozenset(["@eaDir", "__MACOSX"])
"""Folders that storage boxes and archives make beside the photos, with copies of them."""


_Waiting = tuple[Path, frozenset[tuple[int, int]]]  # a folder, and the folders that it is in, by device and inode


def find_files(sources: Sequence[str], *, clips: bool = False) -> tuple[list[Path], list[Skipped]]:
    """The files that folders (walked, hidden ones left out), single files and globs name, each once, sorted by source.

    From a folder come files with a picture's ending, and with `clips` a video's; a file that is named itself is taken
    whatever its ending. Returns those to read and those that can't be. Raises InputError for a source that names
    nothing.
    """
    found: dict[Path, None] = {}
    skipped: list[Skipped] = []
    for source in sources:
        if not source:
            raise InputError("--tiles names nothing: give a folder, a file, a glob or a library")
        path = absolute(source)
        if os.path.isdir(path):  # noqa: PTH112 (that of Path raises for a name that is too long)
            found.update(dict.fromkeys(walk(path, skipped, clips=clips)))
        elif os.path.lexists(path):
            found[path] = None
        elif glob.has_magic(source):
            matches = expand_glob(path)
            if not matches:
                raise InputError(f"--tiles {source} matches no file: check the pattern")
            for match in matches:
                there = walk(match, skipped, clips=clips) if match.is_dir() else [match.absolute()]
                found.update(dict.fromkeys(there))
        else:
            raise InputError(missing_file(path))
    return list(found), skipped


def absolute(source: str | Path) -> Path:
    """A path as it is kept: absolute, without its "..", named as on the disk, links left alone."""
    return on_disk(Path(os.path.abspath(expanded(source))))  # noqa: PTH100


def walk(folder: Path, skipped: list[Skipped], *, clips: bool = False) -> Iterator[Path]:
    """The pictures in a folder and all below it, in the order of their names; adds to `skipped` what can't be one.

    Links to folders are followed, each folder once. A clip that belongs to a Live Photo is left to its picture.
    """
    seen: set[tuple[int, int]] = set()
    waiting: list[_Waiting] = [(folder.absolute(), frozenset())]
    while waiting:
        parent, above = waiting.pop()
        try:
            status = parent.stat()
            here = (status.st_dev, status.st_ino)
            if here in above:
                skipped.append(Skipped(parent, "is a link back to a folder that it is in"))
            if here in seen:
                continue
            seen.add(here)
            with os.scandir(parent) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(parent, f"may not be read ({error.strerror})"))
            continue
        stills = {Path(entry.name).stem for entry in entries if _suffix(entry.name) in PICTURE_SUFFIXES}
        folders: list[_Waiting] = []
        for entry in entries:
            path, suffix = parent / entry.name, _suffix(entry.name)
            if entry.name.startswith(".") or entry.name in _NOT_THE_USERS:
                continue
            if _is_folder(entry):
                if suffix in PICTURE_SUFFIXES:
                    skipped.append(Skipped(path, "is not a file but a folder"))
                # Of a Photos library on a Mac only what the user put in: the rest is smaller copies.
                elif parent.suffix != ".photoslibrary" or entry.name in ("originals", "Masters"):
                    folders.append((path, above | {here}))
            elif suffix in PICTURE_SUFFIXES or (
                clips and suffix in CLIP_SUFFIXES and Path(entry.name).stem not in stills
            ):
                yield path
        waiting += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a hundred thousand Path objects take a second)


def find_photo(name: str, photos: Sequence[Photo]) -> int | None:
    """The first photo, not a piece of one, that a path or a file's name (with or without its ending) means."""
    if isinstance(photos, Photos):
        return photos.named(name)
    found = best_named(name, ((number, photo.path) for number, photo in enumerate(photos) if not photo.is_part))
    return found[0][0] if found else None


_NAMES_COMPARED: Final = 5000  # with a name that means nothing: to read a million would take a minute


def no_photo(name: str, photos: Sequence[Photo], option: str = "--focus") -> str:
    """The sentence for a name that means none of the photos."""
    names = [photo.path.name for photo in islice(photos, _NAMES_COMPARED) if not photo.is_part]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    point, given = ("a point X,Y nor ", "X,Y, or ") if option == "--focus" else ("", "")
    fix = f"did you mean {' or '.join(near)}?" if near else f"give {given}the path or name of a photo"
    return f"{option} {name} is {'neither' if point else 'not'} {point}a photo of this mosaic: {fix}"
