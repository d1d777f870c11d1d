"""Disperse: the tiles of the mosaic scatter. Gather: photos fly in until they form the mosaic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from renderer.scene import Ending, Motion, Scene, SpatialAnimation, Sprites, Stage, ease, parameter

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.scene import Float64Array

    Indices = npt.NDArray[np.intp]
    Trajectory = Callable[[Float64Array, Indices], tuple[Float64Array, Float64Array]]

Style = Literal["burst", "wind", "gravity", "vortex"]


@dataclass(frozen=True)
class Disperse(SpatialAnimation):
    """Scatter the tiles of the mosaic."""

    last: ClassVar[Ending] = "empty"
    seconds: ClassVar[float] = 6.0

    style: Style = parameter(
        "burst", "How the tiles scatter: burst apart, blown away by wind, falling, or drawn into a vortex"
    )
    origin: tuple[float, float] | None = parameter(
        None,
        "Where the scattering starts, in fractions of the cover; default: the middle of the visible part",
        low=0,
        high=1,
    )
    stagger: Literal["distance", "noise"] = parameter(
        "distance", "Which tiles leave first: those nearest to the origin, or random ones"
    )
    spread: float = parameter(0.62, "Share of the duration over which the tiles depart", low=0, high=0.9)
    spin: float = parameter(1.0, "Maximum rotation of a tile along its path", unit="turns", low=0, high=5)
    depth: float = parameter(1.0, "How far tiles move towards or away from the viewer", low=0, high=2)
    fade: float = parameter(0.35, "Share of its path, at the end, over which a tile fades out", low=0.01, high=1)
    hold_start: float = parameter(1.0, "Pause before the tiles leave", unit="seconds", low=0, high=60)
    hold_end: float = parameter(0.2, "Pause after the last tile has left", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """Choose each tile's path at random; a frame then only evaluates the paths."""
        camera = stage.whole_camera()
        rng = stage.rng()
        tiles = stage.resting_sprites()
        resting_part = stage.partly_resting(tiles)
        in_space = self.in_space(stage)
        view = np.array(stage.view(camera))
        reach = float(np.hypot(*view))  # a tile that has moved this far is outside the frame
        middle, part = (np.array(pair) for pair in stage.visible_part(camera))
        origin = middle if self.origin is None else np.array(stage.position(self.origin))
        away = tiles.centre - origin
        trajectories = _TRAJECTORIES[self.style](away, reach, rng)
        # How much larger a tile becomes by the perspective: half as large to three times, a few much larger.
        passing = rng.random(len(tiles)) < _PASSING / len(tiles)
        growth = self.depth * np.where(
            passing, rng.uniform(1.7, 2.4, len(tiles)), 2.2 * rng.random(len(tiles)) ** 2 - 0.7
        )
        if self.style == "wind":
            near = 0.5 - (tiles.centre[:, 0] - middle[0]) / part[0]
        else:
            near = np.linalg.norm(away, axis=1) / np.linalg.norm(0.5 * part + np.abs(origin - middle))
        near = np.clip(near, 0.0, 1.0)  # it does not matter when an invisible tile leaves
        noise = rng.random(len(tiles))
        start = self.spread * (0.75 * near + 0.25 * noise if self.stagger == "distance" else noise)
        turned = 2 * math.pi * self.spin * rng.uniform(-1, 1, (2, len(tiles)))
        axis = rng.uniform(0, math.pi, len(tiles))
        hold_before, hold_after = stage.pause_shares([self.hold_start, self.hold_end])
        eye = camera.distance(stage.frame[1])
        bounds = 0.5 * view + 0.5 * _reach(tiles, np.exp(growth))
        visible_until = _visible_until(tiles.centre - camera.centre, trajectories, bounds)
        # Most tiles leave the frame before the end of their paths: the animation ends when the last one has left.
        end = max(float((start + (1 - self.spread) * visible_until).max()), 0.3)

        def motion(progress: float) -> Scene:
            time = end * min(max((progress - hold_before) / (1 - hold_before - hold_after), 0.0), 1.0)
            way = np.clip((time - start) / (1 - self.spread), 0.0, 1.0)
            moving = np.flatnonzero((way > 0) & (way < 1))
            some, q = tiles.take(moving), way[moving]
            shift, shrink = trajectories(q, moving)
            leaving = ease(q, "sine")
            # Trajectories are those on the screen: the perspective makes a tile larger by the factor `nearer`.
            nearer = shrink * np.exp(growth[moving] * q**1.5)
            across = (some.centre + shift - camera.centre) / nearer[:, np.newaxis] + camera.centre
            flying = some.moved(
                np.concatenate([across, (eye * (1 - 1 / nearer))[:, np.newaxis]], 1),
                angle=turned[0, moving] * leaving,
                tumble=turned[1, moving] * leaving,
                axis=axis[moving],
                opacity=1 - ease(q, "smooth", 1 - self.fade, 1.0),
            )
            return stage.scene(self.drifted(camera, progress), *in_space(flying, resting_part(way <= 0)))

        return motion


@dataclass(frozen=True)
class Gather(Disperse):
    """Fly photos in from all sides until they form the mosaic."""

    reverse: bool = parameter(True, "Gather the tiles: the scattering in reverse")
    hold_start: float = parameter(0.2, "Pause before the first tile appears", unit="seconds", low=0, high=60)
    hold_end: float = parameter(1.5, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """Prepare the scattering with its two pauses swapped, since it is played in reverse."""
        return super(Gather, replace(self, hold_start=self.hold_end, hold_end=self.hold_start)).prepare(stage)


_PASSING: Final = 40
"""Number of tiles that pass close to the viewer."""

_SAMPLES: Final = 16
"""Points of each tile's path that are checked to find where it leaves the frame."""


def _reach(tiles: Sprites, larger: Float64Array) -> Float64Array:
    """Return twice the largest distance of a tile's corner from its centre, at any rotation: (N, 1)."""
    half = np.linalg.norm(tiles.right, axis=1) + np.linalg.norm(tiles.down, axis=1)
    return np.asarray(2 * half * np.maximum(larger, 1), np.float64)[:, np.newaxis]


def _visible_until(centre: Float64Array, trajectory: Trajectory, bounds: Float64Array) -> Float64Array:
    """Return the share of its path after which each tile is outside the frame, 0…1, (N,).

    `centre`: (N, 2), relative to the middle of the frame. `bounds`: (N, 2), at which a tile is outside the frame.
    """
    until = np.zeros(len(centre))
    every = np.arange(len(centre))
    for sample in range(_SAMPLES):
        way = np.full(len(centre), sample / _SAMPLES)
        inside = (np.abs(centre + trajectory(way, every)[0]) < bounds).all(axis=1)
        until[inside] = (sample + 1) / _SAMPLES
    return until


# -- Trajectories --------------------------------------------------------------------------------------------------
# Each returns the displacement (M, 2) and the size (M,) of tiles, from their progress 0…1 (M,) and indices (M,).


def _burst(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """Outwards, accelerating."""
    angle = np.arctan2(away[:, 1], away[:, 0]) + rng.normal(0, 0.35, len(away))
    far = reach * rng.uniform(0.3, 0.8, len(away))
    direction = np.stack([np.cos(angle), np.sin(angle)], 1) * far[:, np.newaxis]

    def trajectory(way: Float64Array, which: Indices) -> tuple[Float64Array, Float64Array]:
        return direction[which] * (way**2)[:, np.newaxis], np.ones(len(way))

    return trajectory


def _wind(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """To the right and a little up, in gusts."""
    far = reach * rng.uniform(0.8, 1.3, len(away))
    lift = -reach * rng.normal(0.12, 0.12, len(away))
    phase, rate = rng.uniform(0, 2 * math.pi, len(away)), rng.uniform(0.8, 1.8, len(away))

    def trajectory(way: Float64Array, which: Indices) -> tuple[Float64Array, Float64Array]:
        wave = 0.05 * reach * way * np.sin(phase[which] + 2 * math.pi * rate[which] * way)
        return np.stack([far[which] * way**2.2, lift[which] * way**1.5 + wave * way], 1), np.ones(len(way))

    return trajectory


def _gravity(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """A small hop, then down, accelerating."""
    hop = reach * rng.uniform(0.0, 0.08, len(away))
    aside = reach * rng.normal(0, 0.06, len(away))
    fall = reach * rng.uniform(1.0, 1.3, len(away))

    def trajectory(way: Float64Array, which: Indices) -> tuple[Float64Array, Float64Array]:
        down = fall[which] * way**2.4 - hop[which] * np.sin(math.pi * np.minimum(way * 2, 1.0)) ** 2
        return np.stack([aside[which] * way**1.5, down], 1), np.ones(len(way))

    return trajectory


def _vortex(away: Float64Array, _reach: float, rng: np.random.Generator) -> Trajectory:
    """Around the origin and into it, shrinking."""
    rounds = 2 * math.pi * rng.uniform(0.7, 1.1, len(away))

    def trajectory(way: Float64Array, which: Indices) -> tuple[Float64Array, Float64Array]:
        drawn = (1 - ease(way, "sine")) ** 1.2
        angle = rounds[which] * way**2
        cosine, sine = np.cos(angle) * drawn, np.sin(angle) * drawn
        x, y = away[which].T
        return np.stack([x * cosine - y * sine - x, x * sine + y * cosine - y], 1), 0.15 + 0.85 * drawn

    return trajectory


_TRAJECTORIES: Final[dict[Style, Callable[[Float64Array, float, np.random.Generator], Trajectory]]] = {
    "burst": _burst,
    "wind": _wind,
    "gravity": _gravity,
    "vortex": _vortex,
}
