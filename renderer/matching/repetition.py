"""Repetition rules: requested limits, defaults from the sizes of library and grid, and whether they can be met."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from renderer.errors import InputError
from renderer.matching.cell_raster import CellRaster
from renderer.matching.spacing import arrange, in_steps
from renderer.messages import named

DEFAULT_USES: Final = 3
"""Default maximum uses of a photo, as a multiple of the mean uses: enough to choose photos by appearance."""

MAX_DEFAULT_DISTANCE: Final = 5
"""Default distance in cells between repeats, if the library is large enough."""


@dataclass(frozen=True)
class RepetitionRules:
    """Requested limits on repetition. None: a default from the sizes of library and grid."""

    max_uses: int | None = None  # of each photo; 0: no limit
    repeat_distance: int | None = None  # cells within which no photo is repeated; 0: no limit
    unique: bool = False  # each photo at most once
    use_all: bool = False  # each photo at least once
    merge_duplicates: bool = False  # near-duplicates count as one photo


@dataclass(frozen=True)
class Limits:
    """Limits on repetition that can be met."""

    uses: int  # maximum uses of each photo; the number of cells if there is no limit
    distance: int  # cells within which no photo is repeated; 0: no limit
    use_all: bool  # each photo at least once


def resolve_limits(rules: RepetitionRules, raster: CellRaster, photos: int, pinned: int = 0) -> Limits:
    """Return limits with defaults filled in.

    photos: number of photos that can be placed; pinned: number of cells with a pinned photo. Raises InputError if the
    photos can't fill the other cells under these rules.
    """
    cells = len(raster) - pinned
    if rules.unique and rules.max_uses not in (None, 1):
        raise InputError(
            f"{named('unique', True)} limits each photo to one use, but {named('max_uses', rules.max_uses)} does not: "
            "use only one of them"
        )
    if rules.use_all and photos > cells:
        raise InputError(
            f"{named('use_all', True)} needs at least {photos} cells for {photos} photos, not {cells}: use a larger "
            f"{named('columns')}"
        )
    requested = 1 if rules.unique else rules.max_uses
    uses = math.ceil(DEFAULT_USES * cells / photos) if requested is None else requested or cells
    if uses * photos < cells:
        rule = named("unique", True) if rules.unique else named("max_uses", uses)
        fix = f"use a smaller {named('columns')}, more photos, or {named('max_uses', math.ceil(cells / photos))}"
        raise InputError(
            f"{rule} needs at least {math.ceil(cells / uses)} photos for {cells} cells, not {photos}: {fix}"
        )
    uses = max(min(uses, cells), 1)
    distance = default_distance(photos) if rules.repeat_distance is None else rules.repeat_distance
    if uses == 1:
        return Limits(1, 0, rules.use_all)
    while distance and not _can_be_met(raster, photos, cells, uses, distance, use_all=rules.use_all):
        if rules.repeat_distance is not None:
            raise InputError(_distance_message(raster, photos, cells, uses, distance, requested))
        distance -= 1
    return Limits(uses, distance, rules.use_all)


def default_distance(photos: int) -> int:
    """Return the default distance in cells between repeats: neighbours show at most an eighth of the photos."""
    if photos < 9:
        return 0
    return min(max(int((math.sqrt(photos / 8) - 1) / 2), 1), MAX_DEFAULT_DISTANCE)


def _max_neighbours(raster: CellRaster, distance: int) -> float:
    """Return an upper bound for the number of cells within a distance of a cell, including that cell.

    It is the number of cells if the smallest ones surround the largest.
    """
    sides = raster.box[:, 2:]
    across, along = (2 * in_steps(raster, distance) + sides.max(axis=0)) / sides.min(axis=0)
    return float(across * along)


def _can_be_met(raster: CellRaster, photos: int, cells: int, uses: int, distance: int, *, use_all: bool) -> bool:
    # With this many photos, each cell has one that is neither a neighbour nor used up.
    if photos >= _max_neighbours(raster, distance) + cells // uses:
        return True
    empty = np.full(len(raster), -1, np.int32)
    return arrange(raster, empty, np.full(photos, uses, np.int32), distance, evenly=use_all) is not None


def _distance_message(
    raster: CellRaster, photos: int, cells: int, uses: int, distance: int, requested_uses: int | None
) -> str:
    empty = np.full(len(raster), -1, np.int32)
    enough = int(min(len(raster), _max_neighbours(raster, distance) + cells // uses + 1))
    placed = arrange(raster, empty, np.full(enough, uses, np.int32), distance)
    needed = int(placed.max()) + 1 if placed is not None else enough
    limit = f" with {named('max_uses', uses)}" if requested_uses else ""
    possible = min(default_distance(photos), distance - 1)
    return (
        f"{named('repeat_distance', distance)}{limit} needs about {needed} photos, not {photos}: use more photos, or "
        f"{named('repeat_distance', possible)}"
    )
