"""Files and folders that are for their owner alone: what is kept of photos shows what may lie in private folders."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Make a folder and those above it that do not exist, with mode 0700; others stay as they are. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def make_private(path: Path) -> None:
    """Remove the permissions of group and others from a file or a folder, if it exists and is ours to change."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & ~0o077)
