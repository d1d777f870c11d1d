"""A map changed by hand: photos taken out, photos put where someone wants them. All other cells stay as they are."""

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
    TonedTiles,
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
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

_ALTERNATIVES = 64
"""Photos among which a cell's new one is looked for."""


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
    """A map without some photos, and with others where they are wanted; only the cells that this concerns change.

    library: the map's photos, in its order, and others that may take their places. banned: numbers of photos that may
    not be shown; swaps: of some cells the numbers of the photos that they show. A cell that loses its photo gets, of
    what `limits` allow, the one that looks best there; of several limits the first that the photos suffice for counts,
    and swaps are not bound by them. cover: without it, cells are compared with what the map has shown there, and there
    are no figures. Memory: as of matching. Raises InputError if there are too few photos.
    """
    seen = _view(placement, library, cover, style)
    # Candidates go by their place among `numbers`: copies of a photo are one.
    numbers = first_copies(library)
    place = np.searchsorted(numbers, np.unique(library.groups, return_index=True)[1][library.groups])
    placed = Candidates(
        place[placement.photo, np.newaxis].astype(np.int32),
        placement.symmetry[:, np.newaxis].copy(),
        placement.cost[:, np.newaxis].copy(),
    )
    lost = np.isin(placement.photo, banned)
    lost[list(swaps)] = False
    empty = np.flatnonzero(lost)
    with progress.stage("matching", 1, "maps") as advance:
        costs, photos = costs_of(seen, library, numbers, style, lambda _rows: None)
        for cell, number in swaps.items():
            cost, symmetry = (values[0, place[number]] for values in costs.block(np.array([cell])))
            placed.photo[cell], placed.symmetry[cell], placed.cost[cell] = place[number], symmetry, cost
        placed.photo[empty] = -1
        left, kept = _fill(costs, seen.layout, placed, empty, place[banned], limits)
        known = _choices(costs, empty, left, placed)
        if photos is not None and len(empty):
            improve(
                placed, known, seen.cells, photos, seen.picture, seen.layout, left, lost,
                symmetries=style.symmetries, strength=style.tone, distance=kept.distance, least_uses=0, seed=seed,
            )  # fmt: skip
        advance(1)
    chosen, symmetry = numbers[placed.photo[:, 0]], placed.symmetry[:, 0]
    structure = (describe_structure(library.signatures[numbers]) if photos is None else photos)[placed.photo[:, 0]]
    dressed = apply_tone(seen, library, chosen, symmetry, structure.turned(symmetry), style)
    changed = lost
    changed[list(swaps)] = True
    gain = np.where(changed[:, np.newaxis], dressed.gain, placement.gain)
    offset = np.where(changed[:, np.newaxis], dressed.offset, placement.offset)
    recipe: dict[str, JsonValue] = {**placement.recipe, "limits": {"uses": kept.uses, "distance": kept.distance}}
    before = recipe.pop("figures", None)
    if cover is not None:
        advice = str(before.get("advice") or "") if isinstance(before, dict) else ""
        recipe["figures"] = figures_of(seen, TonedTiles(dressed.tiles, gain, offset), advice).as_json()
    used, photo = np.unique(chosen, return_inverse=True)
    return replace(
        placement, photo=photo.reshape(-1).astype(np.int32), symmetry=symmetry, gain=gain, offset=offset,
        cost=placed.cost[:, 0], photos=tuple(library.photos[i] for i in used), recipe=recipe,
    )  # fmt: skip


def _view(placement: PlacementMap, library: Library, cover: Pixels | None, style: MatchStyle) -> CoverDescription:
    """The cover in the map's cells; without one, the mosaic as it has been so far, seen from afar."""
    grid = placement.grid
    if cover is not None:
        return describe_cover(adapted_cover(cover, library, style), grid)
    tiles = turned(library.signatures[placement.photo], placement.symmetry)
    drawn = far_view(grid.cells, placement.size, tiles, placement.gain, placement.offset, grid.step)
    return describe_cover((drawn * 255 + 0.5).astype(np.uint8), replace(grid, crop=(0.0, 0.0, 1.0, 1.0)))


def _fill(
    costs: Costs, layout: CellRaster, placed: Candidates, empty: Indices, banned: Indices, limits: Sequence[Limits]
) -> tuple[npt.NDArray[np.int32], Limits]:
    """Fill empty cells by the first of some limits that allows it; returns the uses left of each photo, and which."""
    uses = np.bincount(placed.photo[placed.photo >= 0], minlength=costs.photos).astype(np.int32)
    for kept in limits:
        left = np.maximum(kept.uses - uses, 0, dtype=np.int32)
        left[banned] = 0
        filled = Candidates(*(values.copy() for values in vars(placed).values()))
        if refill(costs, layout, filled, empty, left, kept.distance):
            for values, found in zip(vars(placed).values(), vars(filled).values(), strict=True):
                values[:] = found
            return left, kept
    rules = f"a photo at most {kept.uses} times, not twice within {kept.distance} cells"
    few = "no photo is" if len(np.unique(banned)) == costs.photos else f"by its rules ({rules}) too few photos are"
    raise InputError(f"{few} left to fill {len(empty)} cells of this map: ban fewer, or --tiles FOLDER offers others")


def _choices(costs: Costs, cells: Indices, left: npt.NDArray[np.int32], placed: Candidates) -> Candidates:
    """What each cell may show instead: of some `cells` the best photos that have uses left, of others nothing."""
    usable = int((left > 0).sum())
    shape = (len(placed.photo), min(_ALTERNATIVES, usable))
    known = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))
    if len(cells) and usable:
        prices = np.where(left > 0, np.float32(0), np.float32(np.inf))
        best = costs.nearest(cells, shape[1], prices)
        known.photo[cells], known.symmetry[cells], known.cost[cells] = best.photo, best.symmetry, best.cost
    return known
