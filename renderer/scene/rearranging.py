"""Rearranging: the tiles of one map travel to the cells of another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.kernels import arithmetic
from renderer.scene.easing import Easing, ease
from renderer.scene.movements import curved, turns
from renderer.scene.orders import in_view, smooth_noise, staggered
from renderer.scene.space import rows_of
from renderer.scene.sprites import SPRITE_ARRAYS, Camera, Scene, Sprites
from renderer.scene.stage import Stage

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array, Int64Array
    from renderer.placement import PlacementMap

_TILTED: Final = 0.5  # radians by which tiles are tilted halfway, at most
_LOWEST: Final = 1.5  # units, height of the shortest paths
_LIFT: Final = 0.35  # height of paths, relative to their lengths
_HIGHEST: Final = 0.3  # the same, relative to the distance of the viewer: no tile comes nearer

_EMERGED: Final = 0.06  # share of its way after which a tile is opaque that starts below another one

_GROUND_LIGHT: Final = 0.92  # of the second map: darker gaps among tiles that have landed look like missing ones

_VIVID: Final = 1.5  # by how much more a photo's mean differs from grey in the order, relative to how much it does so
_MOST_VIVID: Final = 0.1  # and sRGB that is added at most: saturated colours change little

_GROUND_FADES: Final = 0.15  # share of the time in which the ground becomes visible, and in which it vanishes


def without_tone(stage: Stage, cells: Int64Array) -> Stage:
    """Return a stage of two maps: the tiles of the first map in other cells, in their own colours, then that map.

    Where it is pale, the mean colour of a photo is more vivid, so that an order of many photos of people is visible.
    `cells`: (N,) for each cell of the first map, the cell to which its tile goes: a permutation. There, photos are
    neither mirrored nor turned.
    """
    maps = stage.once("without tone", stage.mosaic, lambda: _maps_without_tone(stage.mosaic, cells), cells.tobytes())
    both = stage.from_map(0)
    return replace(
        both,
        maps=maps,
        libraries=[*both.libraries] * 2,
        first_texture=[*both.first_texture] * 2,
        far_pictures=[None, *both.far_pictures] if both.far_pictures else (),
        read_covers=[*both.read_covers] * 2,
        landing_finders=[*both.landing_finders] * 2,
    )


def _maps_without_tone(mosaic: PlacementMap, cells: Int64Array) -> list[PlacementMap]:
    count = len(mosaic)
    photo = np.empty_like(mosaic.photo)
    photo[cells] = mosaic.photo
    mean = np.array([each.mean for each in mosaic.photos])
    vivid = np.clip(_VIVID * (mean - mean.mean(axis=1, keepdims=True)), -_MOST_VIVID, _MOST_VIVID)
    other = replace(
        mosaic, photo=photo, symmetry=np.zeros(count, np.uint8), gain=np.ones((count, 3), np.float32),
        offset=vivid[photo].astype(np.float32), came_from=None,
    )  # fmt: skip
    return [other, replace(mosaic, came_from=cells.astype(np.int32))]


class Rearrangement:
    """The tiles of a stage's first map as they travel to the cells of its second, on curved paths above the mosaic.

    `stage`: with two maps of the same photos; `came_from` of the second says which tile travels to each of its cells.
    Tiles without a partner leave or enter. `camera`: determines which tiles take time, and how high paths may be.
    `swirl`: how far they bow to one side, relative to their lengths. `overlap`: share of the time that each tile takes
    for its way. `keys`: returns sort keys (N,), about 0…1, from where tiles start (N, 2), in units; the smallest start
    first. By default, neighbouring tiles start at about the same time.
    """

    def __init__(
        self, stage: Stage, camera: Camera, *, swirl: float, overlap: float, easing: Easing,
        keys: Callable[[Float64Array], Float64Array] | None = None,
    ) -> None:  # fmt: skip
        first, then = stage.resting_sprites(0), stage.resting_sprites(1)
        self.stage, self.easing, self.swirl, self.overlap = stage, easing, swirl, overlap
        self.counts = len(first), len(then)
        self.parts = stage.partly_resting(first, 0), stage.partly_resting(then, 1)
        self.grounds = stage.backdrop(0), stage.backdrop(1, _GROUND_LIGHT)
        self.has_gaps = stage.has_gaps(0) or stage.has_gaps(1)
        came_from = stage.maps[1].came_from
        assert came_from is not None  # as the maps have the same photos
        leaving = np.setdiff1d(np.arange(len(first)), came_from)
        self.source = np.concatenate([came_from, leaving]).astype(np.intp)  # (N,) cell of the first map, or −1
        self.target = np.concatenate([np.arange(len(then)), np.full(len(leaving), -1)])  # the same of the second
        self.enters, self.leaves = self.source < 0, self.target < 0
        old, new = first.take(np.maximum(self.source, 0)), then.take(np.maximum(self.target, 0))
        self.start, self.end = _either(old, new, self.enters), _either(new, old, self.leaves)
        rng = stage.rng()
        length = arithmetic.lengths(self.end.centre - self.start.centre)
        self.height = np.minimum(_LOWEST + _LIFT * length, _HIGHEST * camera.distance(stage.frame[1]))
        self.mirrored, axis, self.angle = turns(self.start, self.end)
        self.axis = np.where(self.mirrored, axis, arithmetic.uniform(rng, 0, math.pi, len(self.start)))
        self.tilt = _TILTED * arithmetic.uniform(rng, -1, 1, len(self.start))
        self.growth = arithmetic.lengths(self.end.right) / arithmetic.lengths(self.start.right) - 1
        visible = in_view(stage, self.start, camera) | in_view(stage, self.end, camera)
        order = smooth_noise(self.start.centre / stage.mosaic.size, rng) if keys is None else keys(self.start.centre)
        self.starts = staggered(order + 0.2 * rng.random(len(self.start)), visible, overlap)
        # Tiles in whose cells another one has landed before they start.
        self.covered = np.zeros(len(self.start), bool)
        if np.array_equal(stage.maps[0].cell, stage.maps[1].cell):
            landing = np.full(len(first), np.inf)
            landing[self.target[~self.leaves]] = self.starts[~self.leaves] + overlap
            self.covered = ~self.enters & (landing[self.source] < self.starts)

    def groups(self, way: float) -> tuple[Sprites, tuple[Sprites, ...]]:
        """Return the flying tiles, and what is below them in painter's order, at 0…1 of the way."""
        way_of = np.clip((way - self.starts) / self.overlap, 0.0, 1.0)
        gone, arrived = np.zeros(self.counts[0], bool), np.zeros(self.counts[1], bool)
        gone[self.source[(way_of > 0) & (self.source >= 0)]] = True
        arrived[self.target[(way_of >= 1) & (self.target >= 0)]] = True
        resting = self.parts[0](~gone), self.parts[1](arrived)
        flying = self._flying(np.flatnonzero((way_of > 0) & (way_of < 1)), way_of)
        return flying, (*self._grounds(way), *resting)

    def _grounds(self, way: float) -> tuple[Sprites, ...]:
        """Return what is below all tiles; where there are gaps between these, nothing at the start and at the end."""
        share = float(ease(way, "smooth", 0.2, 0.75))
        visible = min(1.0, way / _GROUND_FADES, (1 - way) / _GROUND_FADES) if self.has_gaps else 1.0
        if share == 0 or share == 1:
            return (self.grounds[round(share)].faded(visible),)
        return self.grounds[0], self.grounds[1].faded(share)

    def scene(self, way: float, camera: Camera, in_space: Callable[..., tuple[Sprites, ...]]) -> Scene:
        """Return the scene at 0…1 of the way; `in_space` as `SpatialAnimation.in_space` returns it."""
        flying, below = self.groups(way)
        return self.stage.scene(camera, *in_space(flying, *below))

    def _flying(self, which: npt.NDArray[np.intp], progress: Float64Array) -> Sprites:
        """Return some of the tiles, (M,), on their ways; `progress`: (N,) of each tile, 0…1."""
        way = np.asarray(ease(progress[which], self.easing))
        start, arch = self.start.take(which), 4 * way * (1 - way)
        enters, leaves = self.enters[which], self.leaves[which]
        mirrored = np.where(self.mirrored[which], math.pi * way, self.tilt[which] * arch)
        shown = np.where(enters, way, np.where(leaves, 1 - way, 1.0))
        opacity = np.where(self.covered[which], np.minimum(way / _EMERGED, shown), shown)
        # Without tone in the middle of the way.
        tone = np.maximum(ease(1 - 2 * way), ease(2 * way - 1)).astype(np.float32)[:, np.newaxis]
        late = (way >= 0.5)[:, np.newaxis]
        gain = np.where(late, rows_of(self.end.gain, which), start.gain)
        offset = np.where(late, rows_of(self.end.offset, which), start.offset)
        return replace(start, gain=1 + tone * (gain - 1), offset=tone * offset).moved(
            curved(start.centre, rows_of(self.end.centre, which), way, self.swirl, self.height[which]),
            size=(1 + self.growth[which] * way) * (0.3 + 0.7 * shown),
            angle=self.angle[which] * way,
            tumble=mirrored,
            axis=self.axis[which],
            opacity=opacity,
        )


def _either(first: Sprites, second: Sprites, which: npt.NDArray[np.bool_]) -> Sprites:
    """Return N sprites: of the second where the mask (N,) says so, otherwise of the first."""
    arrays = ((getattr(first, name), getattr(second, name)) for name in SPRITE_ARRAYS)
    return Sprites(*(np.where(which.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in arrays), outline=first.outline)
