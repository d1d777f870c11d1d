"""Motion blur of sprites: how far each moves while the shutter is open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from renderer.scene.space import flat

if TYPE_CHECKING:
    from renderer.arrays import Float64Array
    from renderer.scene.sprites import Scene, Sprites


def has_flying(scene: Scene) -> bool:
    """Return whether a scene has tiles that don't rest."""
    return any(_flies(group) for group in scene.sprites)


def with_trails(scene: Scene, before: Scene, after: Scene, share: float = 1.0) -> Scene:
    """Return a scene whose flying tiles are blurred along a share of their way between two other scenes."""
    count = 1 + max(int(group.tile.max(initial=-1)) for group in scene.sprites)
    way = share * (_centres(after, count) - _centres(before, count))
    way[~np.isfinite(way).all(axis=1)] = 0.0  # tiles that are not in both
    groups = []
    for group in scene.sprites:
        if _flies(group):
            trail = np.where(group.tile[:, np.newaxis] >= 0, way[group.tile], 0.0)
            group = replace(group, space=replace(group.space or flat(len(group)), trail=trail))
        groups.append(group)
    return replace(scene, sprites=tuple(groups))


def _flies(group: Sprites) -> bool:
    return group.rest is None and bool((group.tile >= 0).any())


def _centres(scene: Scene, count: int) -> Float64Array:
    """Return the centre of each of the tiles 0 … count − 1, (count, 3); NaN for those that are not in the scene."""
    centres = np.full((count, 3), np.nan)
    for group in sorted(scene.sprites, key=_flies):  # a piece of the cover may rest in the cell of a flying tile
        some = (group.tile >= 0) & (group.tile < count)
        centres[group.tile[some], :2] = group.centre[some]
        centres[group.tile[some], 2] = group.height()[some]
    return centres
