"""Morph: the photos of one cover's mosaic travel to where they form the next cover."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.scene import (
    SPRITE_ARRAYS,
    Camera,
    CoverSequence,
    Easing,
    Scene,
    Sprites,
    Stage,
    Transition,
    curved,
    ease,
    in_view,
    parameter,
    smooth_noise,
    staggered,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.scene import Float64Array

_TILTED: Final = 0.5  # radians by which tiles are tilted halfway, at most
_LOWEST: Final = 1.5  # units, height of the shortest paths
_LIFT: Final = 0.35  # height of paths, relative to their lengths
_HIGHEST: Final = 0.3  # the same, relative to the distance of the viewer: no tile comes nearer


@dataclass(frozen=True)
class Morph(CoverSequence):
    """Let the photos of one cover's mosaic travel until they form the next cover."""

    travel: float = parameter(
        0.5,
        "How much short ways count when the photos of the next mosaic are chosen; 0: only how well they match",
        low=0,
        high=1,
    )
    swirl: float = parameter(
        0.25, "How far paths bow to one side, relative to their lengths; negative: to the other", low=-1, high=1
    )
    overlap: float = parameter(0.6, "Share of the movement that each tile takes for its way", low=0.05, high=1)
    easing: Easing = parameter("cubic", "How each tile speeds up along its path, and slows down")

    def nearness(self) -> float:
        """Return `travel`."""
        return self.travel

    def between(self, stage: Stage) -> Transition:
        """Compute the path of each tile."""
        first, then = stage.resting_sprites(0), stage.resting_sprites(1)
        first_part, then_part = stage.partly_resting(first, 0), stage.partly_resting(then, 1)
        grounds = [stage.backdrop(which) for which in (0, 1)]
        in_space, paths = self.in_space(stage), _Paths(self, stage, first, then)

        def scene(way: float, camera: Camera) -> Scene:
            way_of = np.clip((way - paths.starts) / self.overlap, 0.0, 1.0)
            gone, arrived = np.zeros(len(first), bool), np.zeros(len(then), bool)
            gone[paths.source[(way_of > 0) & (paths.source >= 0)]] = True
            arrived[paths.target[(way_of >= 1) & (paths.target >= 0)]] = True
            below = [grounds[0], grounds[1].faded(way), first_part(~gone), then_part(arrived)]
            flying = paths.at(np.flatnonzero((way_of > 0) & (way_of < 1)), way_of)
            return stage.scene(camera, *in_space(flying, *below))

        return scene


class _Paths:
    """The paths of N tiles, from their cells in the first map to those in the second; some only leave or enter."""

    def __init__(self, morph: Morph, stage: Stage, first: Sprites, then: Sprites) -> None:
        came_from = stage.maps[1].came_from
        assert came_from is not None  # as the maps have the same photos
        leaving = np.setdiff1d(np.arange(len(first)), came_from)
        self.source = np.concatenate([came_from, leaving]).astype(np.intp)  # (N,) cell of the first map, or −1
        self.target = np.concatenate([np.arange(len(then)), np.full(len(leaving), -1)])  # the same of the second
        self.enters, self.leaves = self.source < 0, self.target < 0
        old, new = first.take(np.maximum(self.source, 0)), then.take(np.maximum(self.target, 0))
        self.start, self.end = _either(old, new, self.enters), _either(new, old, self.leaves)
        self.easing, self.swirl = morph.easing, morph.swirl
        camera, rng = stage.whole_camera(), stage.rng()
        length = np.linalg.norm(self.end.centre - self.start.centre, axis=1)
        self.height = np.minimum(_LOWEST + _LIFT * length, _HIGHEST * camera.distance(stage.frame[1]))
        # A photo that is mirrored in one of the maps is turned over on its way: from behind it is mirrored.
        self.mirrored = _area(self.start) * _area(self.end) < 0
        self.axis = np.where(self.mirrored, _direction(self.start.down), rng.uniform(0, math.pi, len(self.start)))
        turned = _direction(self.end.right) - _direction(
            np.where(self.mirrored, -1, 1)[:, np.newaxis] * self.start.right
        )
        self.angle = (turned + math.pi) % (2 * math.pi) - math.pi
        self.tilt = _TILTED * rng.uniform(-1, 1, len(self.start))
        self.growth = np.linalg.norm(self.end.right, axis=1) / np.linalg.norm(self.start.right, axis=1) - 1
        visible = in_view(stage, self.start, camera) | in_view(stage, self.end, camera)
        keys = smooth_noise(self.start.centre / stage.mosaic.size, rng) + 0.2 * rng.random(len(self.start))
        self.starts = staggered(keys, visible, morph.overlap)

    def at(self, which: npt.NDArray[np.intp], progress: Float64Array) -> Sprites:
        """Return some of the tiles, (M,), on their ways; `progress`: (N,) of each tile, 0…1."""
        way = np.asarray(ease(progress[which], self.easing))
        start, arch = self.start.take(which), 4 * way * (1 - way)
        enters, leaves = self.enters[which], self.leaves[which]
        mirrored = np.where(self.mirrored[which], math.pi * way, self.tilt[which] * arch)
        shown = np.where(enters, way, np.where(leaves, 1 - way, 1.0))
        # Without tone in the middle of the way.
        tone = np.maximum(ease(1 - 2 * way), ease(2 * way - 1)).astype(np.float32)[:, np.newaxis]
        late = (way >= 0.5)[:, np.newaxis]
        gain = np.where(late, self.end.gain[which], start.gain)
        offset = np.where(late, self.end.offset[which], start.offset)
        return replace(start, gain=1 + tone * (gain - 1), offset=tone * offset).moved(
            curved(start.centre, self.end.centre[which], way, self.swirl, self.height[which]),
            size=(1 + self.growth[which] * way) * (0.3 + 0.7 * shown),
            angle=self.angle[which] * way,
            tumble=mirrored,
            axis=self.axis[which],
            opacity=shown,
        )


def _either(first: Sprites, second: Sprites, which: npt.NDArray[np.bool_]) -> Sprites:
    """Return N sprites: of the second where the mask (N,) says so, otherwise of the first."""
    arrays = ((getattr(first, name), getattr(second, name)) for name in SPRITE_ARRAYS)
    return Sprites(*(np.where(which.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in arrays), outline=first.outline)


def _area(sprites: Sprites) -> Float64Array:
    """Return the signed area of the half axes, (N,): negative for mirrored sprites."""
    return np.asarray(sprites.right[:, 0] * sprites.down[:, 1] - sprites.right[:, 1] * sprites.down[:, 0], np.float64)


def _direction(vectors: Float64Array) -> Float64Array:
    """Return the angles of vectors (N, 2) in radians, (N,)."""
    return np.asarray(np.arctan2(vectors[:, 1], vectors[:, 0]), np.float64)
