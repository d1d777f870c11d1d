"""Disperse: the tiles leave the mosaic and scatter. Gather: photos fly in until they are the cover."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.scene import Animation, Ending, Float64Array, Motion, Scene, Sprites, Stage, ease, parameter

Style = Literal["burst", "wind", "gravity", "vortex"]


@dataclass(frozen=True)
class Disperse(Animation):
    """Tiles leave the mosaic and scatter."""

    last: ClassVar[Ending] = "empty"
    seconds: ClassVar[float] = 6.0

    style: Style = parameter("burst", "Blown apart, carried off by wind, falling, or drawn into a whirl")
    origin: tuple[float, float] | None = parameter(
        None, "Where it begins, in fractions of the cover; default: in the middle of what is seen", low=0, high=1
    )
    stagger: Literal["distance", "noise"] = parameter("distance", "Which tiles go first: the nearest, or any")
    spread: float = parameter(0.62, "Share of the time over which tiles set off", low=0, high=0.9)
    spin: float = parameter(0.6, "How often a tile turns on its way, at most", unit="turns", low=0, high=5)
    depth: float = parameter(0.8, "How much nearer or farther tiles come", low=0, high=2)
    fade: float = parameter(0.35, "Share of its way on which a tile fades", low=0.01, high=1)
    hold_start: float = parameter(1.0, "Rest before it", unit="seconds", low=0, high=60)
    hold_end: float = parameter(0.2, "Nothing after it", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """Draw each tile's course by lot; all that is left for a frame is to place them."""
        camera = stage.whole_camera()
        rng = stage.rng()
        all_tiles = stage.resting_sprites()
        nearness = rng.random(len(all_tiles)) ** 3  # a few come close to the eye
        order = np.argsort(nearness, kind="stable")  # and are drawn over the others
        tiles, growth = all_tiles.take(order), self.depth * (2.5 * nearness[order] - 0.3)
        resting_part = stage.partly_resting(all_tiles)
        place = np.argsort(order)

        view = np.array(stage.view(camera))
        reach = float(np.hypot(*view))  # whoever goes that far is out of sight
        origin = np.array(camera.centre if self.origin is None else stage.place(self.origin))
        away = tiles.centre - origin
        courses = _COURSES[self.style](away, reach, rng)
        if self.style == "wind":
            near = 0.5 - (tiles.centre[:, 0] - camera.centre[0]) / view[0]
        else:
            near = np.linalg.norm(away, axis=1) / np.linalg.norm(0.5 * view + np.abs(origin - camera.centre))
        near = np.clip(near, 0.0, 1.0)  # of what is not seen it does not matter when it goes
        lot = rng.random(len(tiles))
        begin = self.spread * (0.75 * near + 0.25 * lot if self.stagger == "distance" else lot)
        turned = 2 * math.pi * self.spin * rng.uniform(-1, 1, (2, len(tiles)))
        axis = rng.uniform(0, math.pi, len(tiles))
        rest_before, rest_after = stage.rest_shares([self.hold_start, self.hold_end])
        room = 0.5 * view + 0.5 * _reach(tiles, growth)
        seen_until = _last_seen(tiles.centre - camera.centre, courses, room)
        # Most are out of sight before their way ends: the last of them is when the time is over.
        over = max(float((begin + (1 - self.spread) * seen_until).max()), 0.3)

        def motion(progress: float) -> Scene:
            time = over * min(max((progress - rest_before) / (1 - rest_before - rest_after), 0.0), 1.0)
            way = np.clip((time - begin) / (1 - self.spread), 0.0, 1.0)
            gone = np.flatnonzero((way > 0) & (way < 1))
            some, q = tiles.take(gone), way[gone]
            shift, shrink = courses(q, gone)
            leaving = ease(q, "sine")
            flying = some.moved(
                some.centre + shift,
                size=shrink * (1 + growth[gone] * leaving),
                angle=turned[0, gone] * leaving,
                tumble=turned[1, gone] * leaving,
                axis=axis[gone],
                opacity=1 - ease(q, "smooth", 1 - self.fade, 1.0),
            )
            return stage.scene(camera, resting_part((way <= 0)[place]), flying)

        return motion


@dataclass(frozen=True)
class Gather(Disperse):
    """Photos fly in from all sides until they are the cover."""

    reverse: bool = parameter(True, "Play it as it is: what scattered comes back")
    hold_start: float = parameter(0.2, "Nothing before it", unit="seconds", low=0, high=60)
    hold_end: float = parameter(1.5, "Rest at the whole cover", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """As tiles scatter, whose rest before it comes after it, as it is played backwards."""
        return super(Gather, replace(self, hold_start=self.hold_end, hold_end=self.hold_start)).prepare(stage)


_LOOKS: Final = 16
"""How often a tile's way is looked at to find where it leaves the frame."""


def _reach(tiles: Sprites, growth: Float64Array) -> Float64Array:
    """How far tiles may reach from their centres at their largest, however turned; twice that, (N, 1)."""
    half = np.linalg.norm(tiles.right, axis=1) + np.linalg.norm(tiles.down, axis=1)
    return np.asarray(2 * half * np.maximum(1 + growth, 1), np.float64)[:, np.newaxis]


def _last_seen(centre: Float64Array, course: Course, room: Float64Array) -> Float64Array:
    """The share of its way after which each tile is out of sight, 0…1: (N,); `centre` from the frame's middle."""
    until = np.zeros(len(centre))
    everyone = np.arange(len(centre))
    for look in range(_LOOKS):
        way = np.full(len(centre), look / _LOOKS)
        inside = (np.abs(centre + course(way, everyone)[0]) < room).all(axis=1)
        until[inside] = (look + 1) / _LOOKS
    return until


# -- Courses -------------------------------------------------------------------------------------------------------
# Each gives, for tiles by their number at 0…1 of their way, how far they have come (M, 2) and their size.

Numbers = npt.NDArray[np.intp]
Course = Callable[[Float64Array, Numbers], tuple[Float64Array, Float64Array]]


def _burst(away: Float64Array, reach: float, rng: np.random.Generator) -> Course:
    """Outwards, faster and faster."""
    angle = np.arctan2(away[:, 1], away[:, 0]) + rng.normal(0, 0.35, len(away))
    far = reach * rng.uniform(0.3, 0.8, len(away))
    direction = np.stack([np.cos(angle), np.sin(angle)], 1) * far[:, np.newaxis]

    def course(way: Float64Array, which: Numbers) -> tuple[Float64Array, Float64Array]:
        return direction[which] * (way**2)[:, np.newaxis], np.ones(len(way))

    return course


def _wind(away: Float64Array, reach: float, rng: np.random.Generator) -> Course:
    """To the right and a little up, in gusts."""
    far = reach * rng.uniform(0.8, 1.3, len(away))
    lift = -reach * rng.normal(0.12, 0.12, len(away))
    phase, rate = rng.uniform(0, 2 * math.pi, len(away)), rng.uniform(0.8, 1.8, len(away))

    def course(way: Float64Array, which: Numbers) -> tuple[Float64Array, Float64Array]:
        wave = 0.05 * reach * way * np.sin(phase[which] + 2 * math.pi * rate[which] * way)
        return np.stack([far[which] * way**2.2, lift[which] * way**1.5 + wave * way], 1), np.ones(len(way))

    return course


def _gravity(away: Float64Array, reach: float, rng: np.random.Generator) -> Course:
    """A small hop, then down, ever faster."""
    hop = reach * rng.uniform(0.0, 0.08, len(away))
    aside = reach * rng.normal(0, 0.06, len(away))
    fall = reach * rng.uniform(1.0, 1.3, len(away))

    def course(way: Float64Array, which: Numbers) -> tuple[Float64Array, Float64Array]:
        down = fall[which] * way**2.4 - hop[which] * np.sin(math.pi * np.minimum(way * 2, 1.0)) ** 2
        return np.stack([aside[which] * way**1.5, down], 1), np.ones(len(way))

    return course


def _vortex(away: Float64Array, _reach: float, rng: np.random.Generator) -> Course:
    """Around the origin and into it, smaller and smaller."""
    rounds = 2 * math.pi * rng.uniform(0.7, 1.1, len(away))

    def course(way: Float64Array, which: Numbers) -> tuple[Float64Array, Float64Array]:
        drawn = (1 - ease(way, "sine")) ** 1.2
        angle = rounds[which] * way**2
        cosine, sine = np.cos(angle) * drawn, np.sin(angle) * drawn
        x, y = away[which].T
        return np.stack([x * cosine - y * sine - x, x * sine + y * cosine - y], 1), 0.15 + 0.85 * drawn

    return course


_COURSES: Final[dict[Style, Callable[[Float64Array, float, np.random.Generator], Course]]] = {
    "burst": _burst,
    "wind": _wind,
    "gravity": _gravity,
    "vortex": _vortex,
}
