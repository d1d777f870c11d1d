"""The cache: its kinds of files, how much they take, and what is deleted when. All can be made again."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args

from renderer.errors import InputError
from renderer.locks import is_held
from renderer.paths import cache_folder

CacheKind = Literal["maps", "indexes", "segments", "copies"]
"""Matched mosaics with their landings; what is known of photos that are in no library; finished parts of videos; copies
of files for and from a cluster."""

_PATTERNS: Final[dict[CacheKind, tuple[str, ...]]] = {
    "maps": ("maps/*", "landings/*"),
    "indexes": ("photos-*.sqlite*",),
    "segments": ("segments/*",),
    "copies": ("copies/*", "store/*"),
}

DAYS_KEPT: Final = 7  # of segments and copies

_LOCK: Final = ".lock"  # suffix of a file next to a folder of segments that is in use


def segments_folder() -> Path:
    """Return the folder that contains a folder of segments for each video."""
    return cache_folder() / "segments"


def copies_folder() -> Path:
    """Return the folder of copies of a cluster's files, each in a folder that is named by its digest."""
    return cache_folder() / "copies"


def lock_of(folder: Path) -> Path:
    """Return the lock file of a folder of segments."""
    return folder.with_name(folder.name + _LOCK)


def sizes() -> dict[CacheKind, int]:
    """Return the bytes that each kind takes."""
    return {kind: sum(map(_size, _found(kind))) for kind in get_args(CacheKind)}


def clear(kind: CacheKind) -> int:
    """Delete the files of a kind, except segments that are in use. Returns their bytes. Raises InputError."""
    freed = 0
    for path in _found(kind):
        if path.is_dir() and is_held(lock_of(path)):
            continue
        size = _size(path)
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"{path} can't be deleted ({error.strerror}): close what uses it, and try again"
            ) from error
        freed += size
    return freed


def sweep(most: int, parent: Path | None = None) -> None:
    """Delete segments that were not used for a week, and then the ones used least recently beyond `most` bytes.

    Those in use stay. `parent`: `copies_folder()` for copies instead. Failures are ignored.
    """
    with contextlib.suppress(OSError):
        folders = [each for each in (parent or segments_folder()).iterdir() if each.is_dir()]
        oldest = time.time() - DAYS_KEPT * 86400
        kept = 0
        for folder in sorted(folders, key=lambda each: each.stat().st_mtime, reverse=True):
            kept += (size := _size(folder))
            expired = kept > most or folder.stat().st_mtime < oldest
            if expired and not is_held(lock_of(folder)):
                shutil.rmtree(folder, ignore_errors=True)
                kept -= size


def _found(kind: CacheKind) -> Iterator[Path]:
    folder = cache_folder()
    for pattern in _PATTERNS[kind]:
        yield from (path for path in folder.glob(pattern) if path.suffix != _LOCK)


def _size(path: Path) -> int:
    """Return the bytes of a file, or of the files in a folder."""
    with contextlib.suppress(OSError):  # it may be deleted meanwhile
        return sum(map(_size, path.iterdir())) if path.is_dir() else path.stat().st_size
    return 0
