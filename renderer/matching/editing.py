"""Edits of a map: removing photos, and placing photos in specified cells. All other cells stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from renderer.descriptors import describe_structure
from renderer.errors import InputError
from renderer.fidelity import far_view, turned
from renderer.library import Library
from renderer.matching.candidates import Candidates, Costs, Indices
from renderer.matching.cell_raster import CellRaster
from renderer.matching.description import (
    CoverDescription,
    MatchStyle,
    adapted_cover,
    apply_tone,
    costs_of,
    describe_cover,
    figures_of,
)
from renderer.matching.duplicates import first_copies
from renderer.matching.perceptual_search import improve
from renderer.matching.repetition import Limits
from renderer.matching.spacing import refill
from renderer.matching.tiles import in_cells
from renderer.messages import counted, named
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

_ALTERNATIVES = 64
"""Number of candidates for a cell's new photo."""


def edit_map(
    placement: PlacementMap,
    library: Library,
    cover: Pixels | None,
    progress: Progress,
    *,
    banned: Indices,
    swaps: Mapping[int, int],
    style: MatchStyle,
    limits: Sequence[Limits],
    seed: int = 0,
) -> PlacementMap:
    """Return a map without banned photos and with specified photos in some cells; only these cells change.

    library: the map's photos, in its order, then additional ones; banned: numbers of photos to remove; swaps: number of
    the new photo for each cell to change; limits: alternatives in order; the first that the photos can meet applies to
    cells that lose their photo, but not to swaps; cover: (H, W, 3), or None to fit new photos to what the map showed,
    in which case the result has no figures. Memory: as for matching. Raises InputError if there are too few photos.
    """
    shown = in_cells(library, placement.shape)
    description = _describe(placement, shown, cover, style)
    # Candidates are indices into `numbers`, which contains only one of several copies of a photo.
    numbers = first_copies(library)
    index = np.searchsorted(numbers, np.unique(library.groups, return_index=True)[1][library.groups])
    placed = Candidates(
        index[placement.photo, np.newaxis].astype(np.int32),
        placement.symmetry[:, np.newaxis].copy(),
        placement.cost[:, np.newaxis].copy(),
    )
    lost = np.isin(placement.photo, banned)
    lost[list(swaps)] = False
    empty = np.flatnonzero(lost)
    with progress.stage("matching", 1, "maps") as advance:
        costs, photos = costs_of(description, shown, numbers, style, lambda _rows: None)
        for cell, number in swaps.items():
            cost, symmetry = (values[0, index[number]] for values in costs.block(np.array([cell])))
            placed.photo[cell], placed.symmetry[cell], placed.cost[cell] = index[number], symmetry, cost
        placed.photo[empty] = -1
        remaining, used_limits = _fill(costs, description.raster, placed, empty, index[banned], limits)
        candidates = _candidates(costs, empty, remaining, placed)
        if photos is not None and len(empty):
            improve(
                placed, candidates, description.cells, photos, description.picture, description.raster, remaining,
                lost, symmetries=style.symmetries(placement.shape), strength=style.tone,
                distance=used_limits.distance, min_uses=0, seed=seed,
            )  # fmt: skip
        advance(1)
    chosen, symmetry = numbers[placed.photo[:, 0]], placed.symmetry[:, 0]
    structure = (describe_structure(shown.signatures[numbers]) if photos is None else photos)[placed.photo[:, 0]]
    toned = apply_tone(description, shown, chosen, symmetry, structure.turned(symmetry), style)
    changed = lost
    changed[list(swaps)] = True
    gain = np.where(changed[:, np.newaxis], toned.gain, placement.gain)
    offset = np.where(changed[:, np.newaxis], toned.offset, placement.offset)
    recipe: dict[str, JsonValue] = {
        **placement.recipe,
        "limits": {"uses": used_limits.uses, "distance": used_limits.distance},
    }
    before = recipe.pop("figures", None)
    if cover is not None:
        advice = str(before.get("advice") or "") if isinstance(before, dict) else ""
        figures = figures_of(description, replace(toned, gain=gain, offset=offset))
        recipe["figures"] = replace(figures, advice=advice).as_json()
    used, photo = np.unique(chosen, return_inverse=True)
    came_from = placement.came_from
    if came_from is not None:  # other photos enter
        came_from = np.where(changed, -1, came_from).astype(np.int32)
    return replace(
        placement, photo=photo.reshape(-1).astype(np.int32), symmetry=symmetry, gain=gain, offset=offset,
        cost=placed.cost[:, 0], photos=tuple(library.photos[i] for i in used), recipe=recipe, came_from=came_from,
    )  # fmt: skip


def _describe(placement: PlacementMap, library: Library, cover: Pixels | None, style: MatchStyle) -> CoverDescription:
    """Describe the cover in the map's cells or, if there is none, the unedited mosaic at low resolution."""
    grid = placement.grid
    if cover is not None:
        return describe_cover(adapted_cover(cover, library, style), grid)
    tiles = turned(library.signatures[placement.photo], placement.symmetry)
    drawn = far_view(grid.cells, (grid.columns, grid.rows), tiles, placement.gain, placement.offset, grid.step)
    return describe_cover((drawn * 255 + 0.5).astype(np.uint8), replace(grid, crop=(0.0, 0.0, 1.0, 1.0)))


def _fill(
    costs: Costs, raster: CellRaster, placed: Candidates, empty: Indices, banned: Indices, limits: Sequence[Limits]
) -> tuple[npt.NDArray[np.int32], Limits]:
    """Fill empty cells within the first limits that can be met; return each photo's remaining uses and these limits."""
    uses = np.bincount(placed.photo[placed.photo >= 0], minlength=costs.photos).astype(np.int32)
    for current in limits:
        remaining = np.maximum(current.uses - uses, 0, dtype=np.int32)
        remaining[banned] = 0
        filled = Candidates(*(values.copy() for values in vars(placed).values()))
        if refill(costs, raster, filled, empty, remaining, current.distance):
            for values, new in zip(vars(placed).values(), vars(filled).values(), strict=True):
                values[:] = new
            return remaining, current
    cells = counted(len(empty), "cell")
    fix = f"ban fewer photos, or add photos with {named('tiles')}"
    if len(np.unique(banned)) == costs.photos:
        raise InputError(f"No photo is left to fill {cells} of this map: {fix}")
    times = "once" if current.uses == 1 else f"{current.uses} times"
    raise InputError(
        f"Too few photos are left to fill {cells} of this map, which uses each photo at most {times} and repeats none "
        f"within {current.distance} cells: {fix}"
    )


def _candidates(costs: Costs, cells: Indices, remaining: npt.NDArray[np.int32], placed: Candidates) -> Candidates:
    """Return the best photos with remaining uses for `cells`, and none (−1) for all other cells."""
    usable = int((remaining > 0).sum())
    shape = (len(placed.photo), min(_ALTERNATIVES, usable))
    candidates = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))
    if len(cells) and usable:
        prices = np.where(remaining > 0, np.float32(0), np.float32(np.inf))
        best = costs.nearest(cells, shape[1], prices)
        candidates.photo[cells], candidates.symmetry[cells], candidates.cost[cells] = (
            best.photo,
            best.symmetry,
            best.cost,
        )
    return candidates
