"""Matching the covers after the first of an animation of several covers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from renderer.cover_names import CANVAS, MAP_SUFFIX, cover_name, on_canvas
from renderer.covers import WHITE, Cover, open_cover
from renderer.errors import InputError
from renderer.faces import find_faces
from renderer.grid import Grid, over_cover
from renderer.job.cover_grids import as_made, cells_of, over_subject
from renderer.job.inputs import check_cover_name
from renderer.job.map_cache import cache_map, cached_map, reuse_map
from renderer.job.mosaics import Matcher, OpenMosaic
from renderer.library import Library
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress
from renderer.scene import NextCover
from renderer.settings import MatchSettings
from renderer.version import version

_WHOLE: Final = 0.97  # share of a cover from which its crop needs no notice


def match_next(
    first: OpenMosaic,
    covers: Sequence[NextCover],
    settings: MatchSettings,
    progress: Progress,
    matcher: Matcher | None = None,
) -> list[OpenMosaic]:
    """Return a mosaic for each next cover, fitted to the shape of the first one, from the same photos.

    `first.matched`: if False, photos are placed without comparing them. `matcher`: compares them instead, except for
    covers of the same photos. Raises InputError.
    """
    mosaics = [first]
    for cover in covers:
        if isinstance(cover.name, int):
            mosaics.append(_once_more(mosaics[cover.name], mosaics[-1], cover))
        else:
            mosaics.append(_match(first, mosaics[-1], cover, settings, progress, matcher))
    return mosaics[1:]


def _once_more(mosaic: OpenMosaic, before: OpenMosaic, cover: NextCover) -> OpenMosaic:
    """Return a mosaic as the one after another."""
    if cover.same == "cells":
        return mosaic
    from renderer.matching.same_photos import pair_tiles

    came_from = pair_tiles(before.placement, mosaic.placement)
    return replace(mosaic, placement=replace(mosaic.placement, came_from=came_from))


def _match(
    first: OpenMosaic,
    before: OpenMosaic,
    next_cover: NextCover,
    settings: MatchSettings,
    progress: Progress,
    matcher: Matcher | None,
) -> OpenMosaic:
    name = cover_name(str(next_cover.name))
    if name.suffix.lower() == MAP_SUFFIX:
        raise InputError(f"{name} is a placement map, which can only be the first cover: use its picture instead")
    width, height = first.placement.size
    scale = max(CANVAS) / max(width, height)
    name = check_cover_name(on_canvas(name, (max(round(width * scale), 1), max(round(height * scale), 1))))
    cover = open_cover(name, settings.cover_settings()).extended(width / height)
    if next_cover.same == "cells" and settings.mask is None:
        cover = cover.opaque()
    if cover.picture.damage is not None:
        progress.notice(f"{cover.name} {cover.picture.damage}")
    grid = _grid(first, cover, next_cover, progress)
    library = first.offered if next_cover.same == "cells" else before.library
    cover, settings = as_made(cover, library, settings)
    faces = find_faces(cover.pixels)
    if next_cover.same == "photos":
        grid = cells_of(cover, grid, settings, faces, settings.mask_threshold)
    recipe: dict[str, JsonValue] = {
        **cover.recipe,
        "grid": [grid.columns, grid.rows],
        "crop": list(grid.frame_crop),
        **settings.recipe(),
        "version": version(),
        "faces": [list(face) for face in faces],
    }
    placement = _cached(first, before, next_cover, cover, grid, library, recipe, settings, progress, matcher)
    if cover.path is None:
        placement = replace(placement, made_cover=cover.rgba())
    placed = library.take(library.photos.find(placement.photos)) if next_cover.same == "cells" else library
    return replace(first, placement=placement, library=placed, inputs=cover.files, cover=cover.path, others=())


def _grid(first: OpenMosaic, cover: Cover, next_cover: NextCover, progress: Progress) -> Grid:
    """Return the first mosaic's grid over the most important part of a cover; with the same photos, a regular one."""
    grid = over_cover(first.placement.grid, *cover.size, regular=next_cover.same == "photos")
    shown = grid.crop[2] * grid.crop[3]
    if shown < _WHOLE and cover.mask is None:
        progress.notice(f"{cover.name} is cropped to the shape of the first cover: {shown:.0%} of it is visible")
    return over_subject(grid, cover.over(WHITE))


def _cached(
    first: OpenMosaic,
    before: OpenMosaic,
    next_cover: NextCover,
    cover: Cover,
    grid: Grid,
    library: Library,
    recipe: dict[str, JsonValue],
    settings: MatchSettings,
    progress: Progress,
    matcher: Matcher | None,
) -> PlacementMap:
    """Return the map of a cover: from the cache, newly matched, or unmatched if the first one is."""
    cells = hashlib.blake2b(grid.cells.tobytes(), digest_size=16).hexdigest()
    key: dict[str, JsonValue] = {**recipe, "same": next_cover.same, "cells": cells}
    if next_cover.same == "photos":
        key |= {"before": _digest(before.placement), "travel": next_cover.travel}
    cached = cached_map(key, library, [])
    if first.matched and (found := reuse_map(cached, library)) is not None:
        return found
    if not first.matched:
        return _unmatched(before.placement, grid, recipe)
    style, seed = settings.style(), settings.match_seed
    if next_cover.same == "photos":
        from renderer.matching.same_photos import match_same_photos

        # Letters and shapes have one colour, in which tiles that stay near would show the mosaic before.
        travel = 0.0 if cover.path is None else next_cover.travel
        placement = match_same_photos(
            cover.pixels, grid, before.placement, library, progress,
            style=style, travel=travel, seed=seed, recipe=recipe,
        )  # fmt: skip
    else:
        from renderer.matching import match_photos

        placement = (matcher or match_photos)(
            cover.pixels, grid, library, progress, style=style, rules=settings.rules(), seed=seed, recipe=recipe
        )
    cache_map(placement, cached)
    return placement


def _digest(placement: PlacementMap) -> str:
    """Return a digest of where the photos of a map are."""
    arrays = (placement.cell, placement.photo, placement.symmetry, np.array(placement.size))
    return hashlib.blake2b(b"".join(values.tobytes() for values in arrays), digest_size=16).hexdigest()


def _unmatched(before: PlacementMap, grid: Grid, recipe: dict[str, JsonValue]) -> PlacementMap:
    """Return a map of a grid that shows the photos of the map before in their order, without comparing them."""
    cells = np.arange(len(grid), dtype=np.int32)
    count = len(cells)
    return replace(
        before,
        cell=grid.boxes,
        photo=np.resize(before.photo, count),
        symmetry=np.resize(before.symmetry, count),
        gain=np.ones((count, 3), np.float32),
        offset=np.zeros((count, 3), np.float32),
        cost=np.zeros(count, np.float32),
        size=grid.size,
        recipe=recipe,
        made_cover=None,
        came_from=np.where(cells < len(before), cells, -1).astype(np.int32),
    )
