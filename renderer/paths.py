"""Paths: the home folder, folders that the user can configure, and which texts can be paths."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from renderer.errors import InputError


def expanded(path: str | Path) -> Path:
    """Return a path with ~ or ~name replaced by the home folder; as in a shell, an unknown ~name stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises RuntimeError for an unknown user)


def configured_folder(variable: str, default: Callable[[], Path]) -> Path:
    """Return the folder that an environment variable names, or the default. Raises InputError without a home folder."""
    configured = os.environ.get(variable)
    if configured:
        return Path(configured)
    try:
        return default()
    except RuntimeError:  # platformdirs could not determine the home folder
        raise InputError(
            "The home folder is unknown: set HOME, or MOSAIC_RENDERER_CACHE and MOSAIC_RENDERER_LIBRARIES, to folders"
        ) from None


CACHE_SIZE: Final = 4_000_000_000
"""Bytes of finished segments of videos that are kept by default."""


def cache_folder() -> Path:
    """Return the folder of files that may be deleted at any time: MOSAIC_RENDERER_CACHE, or the platform's cache.

    Raises InputError if neither is known, as `library_folder` does.
    """
    import platformdirs

    return configured_folder(
        "MOSAIC_RENDERER_CACHE", lambda: platformdirs.user_cache_path("mosaic-renderer", appauthor=False)
    )


def library_folder(chosen: Path | None = None) -> Path:
    """Return the folder of named libraries: `chosen`, MOSAIC_RENDERER_LIBRARIES, or one in the user's data folder."""
    if chosen is not None:
        return expanded(chosen).absolute()
    import platformdirs

    return configured_folder(
        "MOSAIC_RENDERER_LIBRARIES",
        lambda: platformdirs.user_data_path("mosaic-renderer", appauthor=False) / "libraries",
    ).absolute()


def existing_folder(path: Path) -> Path:
    """Return the nearest existing folder above a path."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def can_be_path(text: str) -> bool:
    """Return whether a text can be a path: it contains no NUL and can be encoded."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
