"""Files and folders that only their owner can read: indexes and maps show photos from private folders."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Make a folder and its missing parents with mode 0700; existing ones stay unchanged. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def make_private(path: Path) -> None:
    """Remove the permissions of group and others from a file or a folder, if it exists and this user may change it."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & ~0o077)
