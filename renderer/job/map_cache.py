"""Maps that were made before: the same cover, photos and settings give the same map, so none is matched twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from renderer.errors import InputError, RenderError
from renderer.library import Library, cache_folder
from renderer.matching import MATCHER_VERSION, Pin
from renderer.placement import MAP_SUFFIX, JsonValue, PlacementMap, load_map, save_map
from renderer.private_files import make_private, make_private_folder

MAX_CACHED_MAPS: Final = 20


def cached_map(recipe: dict[str, JsonValue], library: Library, pins: Sequence[Pin]) -> Path:
    """Where the map of these inputs is kept, if it was made before."""
    photos = hashlib.blake2b(library.photos.columns.key.tobytes(), digest_size=16).hexdigest()
    inputs = json.dumps([MATCHER_VERSION, recipe, photos, pins])
    return cache_folder() / "maps" / f"{hashlib.blake2b(inputs.encode(), digest_size=16).hexdigest()}{MAP_SUFFIX}"


def reuse_map(kept: Path, library: Library) -> PlacementMap | None:
    """A kept map with the library's own photos, which may have moved since; None if there is none that serves."""
    try:
        placement = load_map(kept)
        os.utime(kept)
    except (InputError, OSError):
        return None
    numbers = library.photos.find(placement.photos)
    return replace(placement, photos=tuple(library.photos.take(numbers))) if (numbers >= 0).all() else None


def cache_map(placement: PlacementMap, kept: Path) -> None:
    """Keep a map for the next render, and only the 20 used last; where that can't be done, nothing is lost."""
    with contextlib.suppress(RenderError, OSError):
        make_private_folder(kept.parent)
        make_private(kept.parent)  # an older version left it open to everyone
        save_map(placement, kept, overwrite=True)
        make_private(kept)
        by_age = sorted(kept.parent.glob(f"*{MAP_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[MAX_CACHED_MAPS:]:
            old.unlink(missing_ok=True)
