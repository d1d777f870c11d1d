"""Disperse: the tiles of the mosaic fly apart; gather is the reverse."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple

import numpy as np

from renderer.scene import (
    Camera,
    Easing,
    Ending,
    Motion,
    Scene,
    SpatialAnimation,
    Sprites,
    Stage,
    ease,
    in_view,
    parameter,
    smooth_noise,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.scene import Float64Array

    Indices = npt.NDArray[np.intp]
    Trajectory = Callable[[Float64Array, Indices], Float64Array]

Style = Literal["burst", "wind", "gravity", "vortex"]


@dataclass(frozen=True)
class Disperse(SpatialAnimation):
    """Scatter the tiles of the mosaic."""

    seconds: ClassVar[float] = 6.0
    styles: ClassVar[str] = "style"

    style: Style = parameter(
        "burst", "How the tiles scatter: burst apart, blown away by wind, falling, or drawn into a vortex"
    )
    reveals: str | None = parameter(
        None,
        "What is below the tiles: cover (the plain cover), empty, or the path of a picture; default: the cover, in a "
        "timeline what comes next, and empty if the background is transparent",
        metavar="cover|empty|PICTURE",
    )
    origin: tuple[float, float] | None = parameter(
        None,
        "Where the scattering starts, in fractions of the cover; default: the middle of the visible part, with wind "
        "its left edge, with gravity its lower edge",
        low=0,
        high=1,
    )
    stagger: Literal["distance", "noise"] = parameter(
        "distance", "Which tiles leave first: those nearest to the origin, or random ones"
    )
    spread: float = parameter(0.55, "Share of the duration over which the tiles depart", low=0, high=0.9)
    easing: Easing = parameter("sine", "How each tile speeds up along its path, and slows down")
    spin: float = parameter(1.5, "Maximum rotation of a tile along its path", unit="turns", low=0, high=5)
    depth: float = parameter(1.0, "How far tiles move towards or away from the viewer", low=0, high=2)
    fade: float = parameter(0.25, "Share of its path, at the end, over which a tile fades out", low=0.01, high=1)
    hold_start: float | None = parameter(0.8, "Pause before the tiles leave", unit="seconds", low=0, high=60)
    hold_end: float | None = parameter(
        None,
        "Pause after the last tile has left; default: 0.8, or 0 if nothing is below the tiles",
        unit="seconds",
        low=0,
        high=60,
    )

    def endings(self) -> tuple[Ending, Ending]:
        """Return the mosaic and what is below it."""
        below: dict[str | None, Ending] = {None: "any", "cover": "cover", "empty": "empty"}
        return "mosaic", below.get(self.reveals, "picture")

    def prepare(self, stage: Stage) -> Motion:
        """Choose each tile's path at random; a frame then only evaluates the paths."""
        camera = stage.whole_camera()
        below = self._below(stage, camera)
        tiles = stage.resting_sprites()
        resting_part = stage.partly_resting(tiles)
        in_space = self.in_space(stage)
        flights = _Flights(self, stage, camera, tiles)
        pauses = zip((self.hold_start, self.hold_end), (0.8, 0.8 if below else 0.0), strict=True)
        before, after = stage.pause_shares([default if pause is None else pause for pause, default in pauses])

        def motion(progress: float) -> Scene:
            time = min(max((progress - before) / (1 - before - after), 0.0), 1.0)
            flying, rests = flights.at(time * flights.end)
            # Through gaps between tiles, what is below them would appear in one frame.
            visible = float(ease(time, "smooth", 0.0, _APPEARS))
            under = below if visible == 1 else [_fainter(each, visible) for each in below if visible > 0]
            # In a timeline, the camera comes back for what is adjacent.
            share = progress if stage.adjacent is None else 4 * progress * (1 - progress)
            return stage.scene(self.drifted(camera, share), *under, *in_space(flying, resting_part(rests)))

        return motion

    def _below(self, stage: Stage, camera: Camera) -> tuple[Sprites, ...]:
        """Return what the tiles reveal, at its full opacity."""
        if self.reveals is None and stage.adjacent is not None:
            return stage.adjacent.through(camera)
        if self.reveals == "empty" or (self.reveals is None and stage.background is None):
            return ()
        if self.reveals not in (None, "cover"):
            return (stage.fitted_picture(Path(self.reveals), "reveals"),)
        if stage.read_cover is None:
            stage.notice("The cover of this mosaic was not found, so nothing is below the tiles")
            return ()
        return (stage.cover_pieces(),)


@dataclass(frozen=True)
class Gather(Disperse):
    """Fly photos in from all sides until they form the mosaic."""

    reverse: bool = parameter(True, "Gather the tiles: the scattering in reverse")
    hold_start: float | None = parameter(
        None,
        "Pause before the first tile appears; default: 0.8, or 0 if nothing is below the tiles",
        unit="seconds",
        low=0,
        high=60,
    )
    hold_end: float | None = parameter(1.5, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """Prepare the scattering with its two pauses swapped, since it is played in reverse."""
        return super(Gather, replace(self, hold_start=self.hold_end, hold_end=self.hold_start)).prepare(stage)


_APPEARS: Final = 0.05
"""Share of the movement over which what is below the tiles appears."""


def _fainter(sprites: Sprites, opacity: float) -> Sprites:
    """Return sprites with an opacity; of those that are drawn as one picture, that picture."""
    if sprites.rest is not None and sprites.rest.picture is not None:
        sprites = sprites.rest.picture
    return replace(sprites, opacity=(sprites.opacity * opacity).astype(np.float32))


# -- Flights -------------------------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """How the tiles of a style fly."""

    growth: tuple[float, float]  # range of the logarithm of how much larger they become by the perspective
    axis: tuple[float, float]  # direction of the axis about which they turn, and its deviation, in radians
    hinge: tuple[float, float]  # from the centre to the edge about which they turn, in half sizes; 0: about the centre
    front: tuple[float, float] | None  # direction in which the departure spreads; None: away from the origin
    passing: tuple[float, float]  # range of `near` from which some pass close to the viewer; equal: none


_KINDS: Final[dict[Style, _Kind]] = {
    "burst": _Kind((-0.5, 1.2), (0.0, math.pi), (0.0, 0.0), None, (0.0, 0.5)),
    "wind": _Kind((-0.4, 0.7), (0.5 * math.pi, 0.35), (1.0, 0.0), (1.0, 0.0), (0.0, 0.5)),
    "gravity": _Kind((-0.2, 1.4), (0.0, 0.35), (0.0, 1.0), (0.0, -1.0), (0.4, 0.9)),
    "vortex": _Kind((-1.7, -0.9), (0.0, math.pi), (0.0, 0.0), None, (0.0, 0.0)),
}

_READABLE: Final = 24
"""Number of tiles that pass so close to the viewer that their photos are readable; of few tiles, the share `_NEAR`."""

_READABLE_SIZES: Final = (0.22, 0.44)
"""Their size at the end of their paths, relative to the shorter side of the frame."""

_SLOWER: Final = 0.5
"""How far these move on the screen, relative to others: their photos can be recognised meanwhile."""

_NEAR: Final = 0.05
"""Share of the other tiles that pass near the viewer, at a fifth to a half of that size."""

_FEW: Final = 0.004
"""Share of the frame that the last tiles cover at the end: waiting for single ones would take up to a second longer."""

_LAST: Final = 0.03
"""Share of the movement over which all fades out at the end: the last tiles, and shadows of those that have left."""


class _Flights:
    """The paths of all tiles."""

    def __init__(self, disperse: Disperse, stage: Stage, camera: Camera, tiles: Sprites) -> None:
        self.disperse, self.tiles = disperse, tiles
        self.kind = kind = _KINDS[disperse.style]
        self.camera, self.eye = camera, camera.distance(stage.frame[1])
        rng, count = stage.rng(), len(tiles)
        view = np.array(stage.view(camera))
        reach = float(np.hypot(*view))  # a tile that has moved this far is outside the frame
        middle, part = (np.array(pair) for pair in stage.visible_part(camera))
        origin = middle if disperse.origin is None else np.array(stage.position(disperse.origin))
        away = tiles.centre - origin
        if kind.front is None or disperse.origin is not None:
            near = np.linalg.norm(away, axis=1) / np.linalg.norm(0.5 * part + np.abs(origin - middle))
        else:
            near = 0.5 + (tiles.centre - middle) / part @ kind.front
        noise = rng.random(count)
        if disperse.stagger == "distance":
            noise = 0.7 * near + 0.22 * smooth_noise((tiles.centre - middle) / part, rng) + 0.08 * noise
        inside = in_view(stage, tiles, camera)
        # Halfway between an even spread in space and as many tiles in each second. It does not matter when an invisible
        # tile leaves.
        first, last = float(noise[inside].min()), float(noise[inside].max())
        rank = np.searchsorted(np.sort(noise[inside]), noise) / inside.sum()
        even = np.clip((noise - first) / max(last - first, 1e-9), 0.0, 1.0)
        self.start = disperse.spread * 0.5 * (even + rank)
        growth, steady = self._growth(near, inside, np.minimum(*view), rng)
        self.growth = disperse.depth * growth
        self.trajectory = _TRAJECTORIES[disperse.style](away, np.where(steady, _SLOWER * reach, reach), rng)
        # Those that pass close end upright and facing the viewer, nearly, so that they are readable.
        turned = rng.uniform(-1, 1, (2, count)) * np.where(steady, 0.08, 1.0)
        turned[1] += np.where(steady, np.rint(disperse.spin) / max(disperse.spin, 1e-9) * rng.choice([-1, 1], count), 0)
        if kind.front is not None:  # all turn in the direction in which they are blown or fall
            turned[0] *= 0.35
            turned[1] = np.abs(turned[1]) * (kind.front[0] + kind.front[1])
        self.turned = 2 * math.pi * disperse.spin * turned
        self.axis = kind.axis[0] + kind.axis[1] * rng.uniform(-1, 1, count)
        half = np.abs(tiles.right) + np.abs(tiles.down)
        self.hinge = half * kind.hinge
        self.end = math.inf
        self.end = self._last_visible(0.5 * view)

    def _last_visible(self, edges: Float64Array) -> float:
        """Return the moment from which at most a few tiles are in the frame, at least 0.3.

        `edges`: (2,), of the frame, from its middle. Most tiles leave it before the end of their paths.
        """
        end = float(self.start.max()) + 1 - self.disperse.spread
        for step in (1 / 16, 1 / 256):
            while end > 0.3 and not self._is_visible(end - step, edges):
                end -= step
        return max(end, 0.3)

    def _is_visible(self, moment: float, edges: Float64Array) -> bool:
        """Return whether more than a few flying tiles are in the frame. `edges`: (2,), as above."""
        flying, _ = self.at(moment)
        right, down = flying.half_axes()
        centre = np.concatenate([flying.centre - self.camera.centre, flying.height()[:, np.newaxis]], 1)
        corners = np.stack([centre + x * right + y * down for x in (-1, 1) for y in (-1, 1)])
        pixels = corners[..., :2] * self.eye / np.maximum(self.eye - corners[..., 2:], 1e-9)
        sides = np.minimum(pixels.max(axis=0), edges) - np.maximum(pixels.min(axis=0), -edges)
        area = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0) @ flying.opacity
        return bool(area > _FEW * 4 * edges.prod())

    def _nearer(self, way: Float64Array, which: Indices) -> Float64Array:
        """Return by which factor the perspective makes tiles larger, (M,)."""
        return np.asarray(np.exp(self.growth[which] * way**1.2), np.float64)

    def _growth(
        self, near: Float64Array, inside: npt.NDArray[np.bool_], side: float, rng: np.random.Generator
    ) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
        """Return the logarithm of how much each tile grows, (N,), and which are readable as they pass, (N,).

        `near`: (N,) where they are in the order of departure; `side`: the shorter side of the frame, in units.
        """
        low, high = self.kind.growth
        count = len(near)
        growth = low + (high - low) * rng.random(count) ** 2
        passing = np.zeros(count, bool)
        earliest, latest = self.kind.passing
        if earliest < latest:
            size = np.linalg.norm(self.tiles.right, axis=1) * 2
            sizes = rng.uniform(*_READABLE_SIZES, count) * side / size
            closer = inside & (rng.random(count) < _NEAR)
            growth = np.where(closer, np.log(np.maximum(sizes * rng.uniform(0.2, 0.5, count), 1)), growth)
            candidates = np.flatnonzero(inside & (near >= earliest) & (near < latest))
            passing[rng.permutation(candidates)[: min(_READABLE, round(_NEAR * inside.sum()))]] = True
            growth = np.where(passing, np.log(np.maximum(sizes, 1)), growth)
        return growth, passing

    def at(self, moment: float) -> tuple[Sprites, npt.NDArray[np.bool_]]:
        """Return the tiles that fly at a moment, 0…`end`, and which still rest, (N,)."""
        spread, easing = self.disperse.spread, self.disperse.easing
        progress = (moment - self.start) / (1 - spread)
        moving = np.flatnonzero((progress > 0) & (progress < 1))
        some, way = self.tiles.take(moving), ease(progress[moving], easing)
        shift = self.trajectory(way, moving)
        # Trajectories are those on the screen: the perspective makes a tile larger by the factor `nearer`.
        nearer = self._nearer(way, moving)
        across = (some.centre + shift - self.camera.centre) / nearer[:, np.newaxis] + self.camera.centre
        angle, tumble = self.turned[:, moving] * way
        hinge = self.hinge[moving] * ((1 - way) ** 2)[:, np.newaxis]  # no longer once it has left
        lifted = np.linalg.norm(hinge, axis=1) * np.abs(np.sin(tumble))
        across += hinge * (1 - np.cos(tumble))[:, np.newaxis]
        height = self.eye * (1 - 1 / nearer) + lifted
        left = 1 - ease(moment / self.end, "smooth", 1 - _LAST, 1.0)
        flying = some.moved(
            np.concatenate([across, height[:, np.newaxis]], 1),
            angle=angle,
            tumble=tumble,
            axis=self.axis[moving],
            opacity=(1 - ease(progress[moving], "smooth", 1 - self.disperse.fade, 1.0)) * left,
        )
        return flying, progress <= 0


# -- Trajectories --------------------------------------------------------------------------------------------------
# Each returns the displacement (M, 2) of tiles on the screen, from their progress 0…1 (M,) and indices (M,). `reach`:
# (N,) how far a tile must move to leave the frame.


def _burst(away: Float64Array, reach: Float64Array, rng: np.random.Generator) -> Trajectory:
    """Outwards, accelerating."""
    angle = np.arctan2(away[:, 1], away[:, 0]) + rng.normal(0, 0.35, len(away))
    far = reach * rng.uniform(0.4, 0.9, len(away))
    direction = np.stack([np.cos(angle), np.sin(angle)], 1) * far[:, np.newaxis]

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        return direction[which] * (way**2)[:, np.newaxis]

    return trajectory


def _wind(away: Float64Array, reach: Float64Array, rng: np.random.Generator) -> Trajectory:
    """To the right and a little up, in gusts."""
    far = reach * rng.uniform(0.8, 1.3, len(away))
    lift = -reach * rng.normal(0.12, 0.12, len(away))
    phase, rate = rng.uniform(0, 2 * math.pi, len(away)), rng.uniform(0.8, 1.8, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        wave = 0.05 * reach[which] * way * np.sin(phase[which] + 2 * math.pi * rate[which] * way)
        return np.stack([far[which] * way**2.2, lift[which] * way**1.5 + wave * way], 1)

    return trajectory


def _gravity(away: Float64Array, reach: Float64Array, rng: np.random.Generator) -> Trajectory:
    """A small hop, then down, accelerating."""
    hop = reach * rng.uniform(0.0, 0.08, len(away))
    aside = reach * rng.normal(0, 0.06, len(away))
    fall = reach * rng.uniform(1.0, 1.3, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        down = fall[which] * way**2.4 - hop[which] * np.sin(math.pi * np.minimum(way * 2, 1.0)) ** 2
        return np.stack([aside[which] * way**1.5, down], 1)

    return trajectory


def _vortex(away: Float64Array, _reach: Float64Array, rng: np.random.Generator) -> Trajectory:
    """Around the origin and into it."""
    rounds = 2 * math.pi * rng.uniform(0.6, 0.9, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        angle = rounds[which] * way**1.5
        cosine, sine = np.cos(angle) * (1 - way), np.sin(angle) * (1 - way)
        x, y = away[which].T
        return np.stack([x * cosine - y * sine - x, x * sine + y * cosine - y], 1)

    return trajectory


_TRAJECTORIES: Final[dict[Style, Callable[[Float64Array, Float64Array, np.random.Generator], Trajectory]]] = {
    "burst": _burst,
    "wind": _wind,
    "gravity": _gravity,
    "vortex": _vortex,
}
