"""The rules of repetition: what the user asked for, what follows from the sizes, and whether it can be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from renderer.errors import InputError
from renderer.matching.cell_raster import CellRaster
from renderer.matching.spacing import reach_of, spread

SLACK: Final = 3
"""By default a photo may be used this many times as often as it must on average: enough to choose by look."""

FARTHEST: Final = 5
"""Cells that repeats are kept apart by default, in a library that affords it."""


@dataclass(frozen=True)
class RepetitionRules:
    """What a user asks for; None: as the sizes of library and grid allow."""

    max_uses: int | None = None  # of one photo; 0: any number
    repeat_distance: int | None = None  # no photo twice within so many cells; 0: anywhere
    unique: bool = False  # every photo at most once
    use_all: bool = False  # every photo at least once
    merge_duplicates: bool = False  # photos that look almost the same count as one


@dataclass(frozen=True)
class Limits:
    """Rules in numbers, which can be kept."""

    uses: int  # of one photo at most; as many as there are cells if there is no limit
    distance: int  # cells within which no photo is shown twice; 0: none
    use_all: bool


def resolve_limits(rules: RepetitionRules, layout: CellRaster, photos: int, pinned: int = 0) -> Limits:
    """Fill in what was left open, and make sure that `photos` can fill the cells (all but `pinned`) by the rules.

    Raises InputError with the numbers and the mend if they can't.
    """
    cells = len(layout) - pinned
    if rules.unique and rules.max_uses not in (None, 1):
        raise InputError(f"--unique uses every photo at most once, --max-uses {rules.max_uses} more: give one of them")
    if rules.use_all and photos > cells:
        raise InputError(
            f"--use-all needs a cell for each of {photos} photos, and there are {cells}: give more --columns"
        )
    asked_uses = 1 if rules.unique else rules.max_uses
    uses = math.ceil(SLACK * cells / photos) if asked_uses is None else asked_uses or cells
    if uses * photos < cells:
        rule = "--unique" if rules.unique else f"--max-uses {uses}"
        fix = f"give fewer --columns, more photos, or --max-uses {math.ceil(cells / photos)}"
        raise InputError(
            f"{rule} needs at least {math.ceil(cells / uses)} photos for {cells} cells, and there are {photos}: {fix}"
        )
    uses = max(min(uses, cells), 1)
    distance = default_distance(photos) if rules.repeat_distance is None else rules.repeat_distance
    if uses == 1:
        return Limits(1, 0, rules.use_all)
    while distance and not _can_be_kept(layout, photos, cells, uses, distance, use_all=rules.use_all):
        if rules.repeat_distance is not None:
            raise InputError(_too_near(layout, photos, cells, uses, distance, asked_uses))
        distance -= 1
    return Limits(uses, distance, rules.use_all)


def default_distance(photos: int) -> int:
    """How far apart repeats are kept: a cell's neighbourhood needs an eighth of the photos at the most."""
    if photos < 9:
        return 0
    return min(max(int((math.sqrt(photos / 8) - 1) / 2), 1), FARTHEST)


def _most_near(layout: CellRaster, distance: int) -> float:
    """No more cells than this lie within a distance of one, or are it: so many of the smallest, around the largest."""
    return float(((2 * reach_of(layout, distance) + int(layout.box[:, 2].max())) / layout.box[:, 2].min()) ** 2)


def _can_be_kept(layout: CellRaster, photos: int, cells: int, uses: int, distance: int, *, use_all: bool) -> bool:
    # Where so many photos are left over, a cell always finds one that is neither near nor used up.
    if photos >= _most_near(layout, distance) + cells // uses:
        return True
    nothing = np.full(len(layout), -1, np.int32)
    return spread(layout, nothing, np.full(photos, uses, np.int32), distance, evenly=use_all) is not None


def _too_near(layout: CellRaster, photos: int, cells: int, uses: int, distance: int, asked_uses: int | None) -> str:
    nothing = np.full(len(layout), -1, np.int32)
    many = min(len(layout), _most_near(layout, distance) + cells // uses + 1)
    placed = spread(layout, nothing, np.full(int(many), uses, np.int32), distance)
    needed = int(placed.max()) + 1 if placed is not None else int(many)
    limit = f" with --max-uses {uses}" if asked_uses else ""
    return (
        f"--repeat-distance {distance}{limit} needs about {needed} photos, and there are {photos}: "
        f"give more photos, or --repeat-distance {min(default_distance(photos), distance - 1)}"
    )
