"""The cache of placement maps and their landings: the same inputs give the same results, so nothing is done twice."""

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
from renderer.data_files import parse_json
from renderer.errors import InputError, RenderError
from renderer.input_files import read_bytes
from renderer.library import Library, cache_folder
from renderer.output_files import new_file
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.private_files import make_private, make_private_folder

if TYPE_CHECKING:
    from renderer.matching import Pin

MAX_CACHED_MAPS: Final = 20

_MAX_BYTES: Final = 1000  # of a file of landings, which are at most 12 numbers


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
        _keep_newest(path)


def _keep_newest(path: Path) -> None:
    """Make a new file of the cache private, and delete all but the last used ones of its kind."""
    make_private(path)
    by_age = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in by_age[MAX_CACHED_MAPS:]:
        old.unlink(missing_ok=True)


def landings_of(placement: PlacementMap, library: Library) -> list[int]:
    """Return the cells of a map that are best to land on, as `find_landings` does, from the cache if possible.

    Raises RenderError if a photo can't be read.
    """
    from renderer.landings import LANDINGS_VERSION, MOST_LANDINGS, find_landings

    inputs = hashlib.blake2b(digest_size=16)
    recipe = {name: placement.recipe.get(name) for name in ("prefer", "crop", "faces", "cover_digest")}
    faces = [photo.faces for photo in placement.photos]
    inputs.update(json.dumps([LANDINGS_VERSION, recipe, faces, placement.size, placement.shape.as_json()]).encode())
    arrays = (placement.cell, placement.photo, placement.symmetry, placement.gain, placement.offset, placement.cost)
    for values in (*arrays, library.photos.columns.key):
        inputs.update(values.tobytes())
    path = cache_folder() / "landings" / f"{inputs.hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError, RenderError):
        cells = parse_json(read_bytes(path, _MAX_BYTES))
        os.utime(path)
        known = isinstance(cells, list) and len(cells) <= MOST_LANDINGS and all(type(cell) is int for cell in cells)
        if known and cells and min(cells) >= 0 and max(cells) < len(placement):
            return list(cells)
    cells = find_landings(placement, library)
    with contextlib.suppress(RenderError, OSError):
        make_private_folder(path.parent)
        with new_file(path, overwrite=True) as temporary:
            temporary.write_text(json.dumps(cells))
        _keep_newest(path)
    return cells
