"""The cache of placement maps: the same cover, photos and settings give the same map, so none is matched twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.cover_names import MAP_SUFFIX
from renderer.errors import InputError, RenderError
from renderer.library import Library, cache_folder
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.private_files import make_private, make_private_folder

if TYPE_CHECKING:
    from renderer.matching import Pin

MAX_CACHED_MAPS: Final = 20


def cached_map(recipe: dict[str, JsonValue], library: Library, pins: Sequence[Pin]) -> Path:
    """Return the path of the map of these inputs in the cache; the file exists if the map was made before.

    Everything that determines a map must be in its recipe, photos or pins: the file name is a hash of these.
    """
    from renderer.matching import MATCHER_VERSION

    photos = hashlib.blake2b(library.photos.columns.key.tobytes(), digest_size=16).hexdigest()
    inputs = json.dumps([MATCHER_VERSION, recipe, photos, pins])
    return cache_folder() / "maps" / f"{hashlib.blake2b(inputs.encode(), digest_size=16).hexdigest()}{MAP_SUFFIX}"


def reuse_map(path: Path, library: Library) -> PlacementMap | None:
    """Return a cached map with the library's own photos, which may have moved since; None if there is no usable one."""
    try:
        placement = load_map(path)
        os.utime(path)
    except (InputError, OSError):
        return None
    numbers = library.photos.find(placement.photos)
    return replace(placement, photos=tuple(library.photos.take(numbers))) if (numbers >= 0).all() else None


def cache_map(placement: PlacementMap, path: Path) -> None:
    """Store a map for later renders, and keep only the 20 maps that were used last. Failures are ignored."""
    with contextlib.suppress(RenderError, OSError):
        make_private_folder(path.parent)
        make_private(path.parent)  # older versions made it readable by everyone
        save_map(placement, path, overwrite=True)
        make_private(path)
        by_age = sorted(path.parent.glob(f"*{MAP_SUFFIX}"), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in by_age[MAX_CACHED_MAPS:]:
            old.unlink(missing_ok=True)
