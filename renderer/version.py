"""The version of this package."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """Return the version of the installed package; "0" in a bare checkout."""
    from importlib import metadata  # takes 30 ms to import

    try:
        return metadata.version("mosaic-renderer")
    except metadata.PackageNotFoundError:
        return "0"
