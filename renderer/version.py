"""The version of this package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("mosaic-renderer")
except PackageNotFoundError:  # a bare checkout
    VERSION = "0"
