"""The map of photos that were chosen for the cells of a cover: their tone, and the figures of the mosaic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from renderer.arrays import Float32Array
from renderer.matching.advice import Placed, advise
from renderer.matching.candidates import Indices
from renderer.matching.description import apply_tone, figures_of
from renderer.placement import JsonValue, PlacementMap


def placed_map(
    placed: Placed,
    cost: Float32Array,
    recipe: dict[str, JsonValue],
    *,
    shown: Indices | None = None,
    advised: Float32Array | None = None,
) -> PlacementMap:
    """Return the map of placed photos with their tone; its figures are added to the recipe.

    cost: (N,) of each cell's photo; shown: numbers in the library of the map's photos, ascending, by default of those
    that are placed; advised: (P, 3) mean colours in CIELAB of all photos that could have been placed, for advice on
    them; None: no advice.
    """
    toned = apply_tone(placed.description, placed.library, placed.chosen, placed.symmetry, placed.tiles, placed.style)
    figures = figures_of(placed.description, toned)
    if advised is not None:
        figures = replace(figures, advice=advise(placed, advised, figures))
    used = np.unique(placed.chosen) if shown is None else shown
    grid = placed.description.grid
    return PlacementMap(
        cell=grid.boxes,
        photo=np.searchsorted(used, placed.chosen).astype(np.int32),
        symmetry=placed.symmetry,
        gain=toned.gain,
        offset=toned.offset,
        cost=cost,
        photos=tuple(placed.library.photos[number] for number in used.tolist()),
        size=grid.size,
        recipe={**recipe, "figures": figures.as_json()},
        shape=grid.shape,
    )
