"""How the tiles of `disperse` fly: when each departs, where it goes, and how it turns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from animations.trajectories import TRAJECTORIES, Style
from renderer.scene import Camera, Sprites, Stage, arithmetic, ease, in_perspective, in_view, smooth_noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from animations.disperse import Disperse
    from renderer.scene import Float64Array

    Mask = npt.NDArray[np.bool_]
    Indices = npt.NDArray[np.intp]


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

_READABLE_SIZES: Final = (0.22, 0.42)
"""Their size at the end of their paths, relative to the shorter side of the frame."""

_LONGER: Final = 1.6  # how much longer these fly than others

_GONE: Final = 0.95
"""Share of their paths at which they have left the frame: large tiles that fade out in it look like panes of glass."""

_FACING: Final = 0.5
"""Share of their paths after which they have turned over and face the viewer."""

_TILTED: Final = 0.3
"""How far, in radians, they lean at most at the end."""

_NEAR: Final = 0.05
"""Share of the other tiles that pass near the viewer, at 0.15 to 0.35 of that size."""

_FEW: Final = 0.008
"""Share of the frame that the last tiles cover at the end: waiting for single ones would take up to a second longer."""

_LAST: Final = 0.03
"""Share of the movement over which all fades out at the end: the last tiles, and shadows of those that have left."""


class Scattering:
    """The paths of all tiles."""

    def __init__(self, disperse: Disperse, stage: Stage, camera: Camera, tiles: Sprites) -> None:
        self.disperse, self.stage, self.camera, self.tiles = disperse, stage, camera, tiles
        self.kind = kind = _KINDS[disperse.style]
        rng, count = stage.rng(), len(tiles)
        view = np.array(stage.view(camera))
        inside = in_view(stage, tiles, camera)
        origin, near = self._origin()
        self.start = self._starts(near, inside, rng)
        growth, self.passing = self._growth(near, inside, float(view.min()), rng)
        self.growth = disperse.depth * growth
        usual = 1 - disperse.spread
        self.duration = np.where(self.passing, np.minimum(_LONGER * usual, 1 - self.start), usual)
        reach = float(arithmetic.lengths(view))  # a tile that has moved this far is outside the frame
        self.trajectory = TRAJECTORIES[disperse.style](tiles.centre - origin, reach, rng)
        self.far = self._far(view)
        self.angle, self.tumble = self._turns(rng)
        self.axis = kind.axis[0] + kind.axis[1] * arithmetic.uniform(rng, -1, 1, count)
        self.hinge = (np.abs(tiles.right) + np.abs(tiles.down)) * kind.hinge
        self.end = math.inf
        self.end = self._last_visible()

    def _origin(self) -> tuple[Float64Array, Float64Array]:
        """Return where the scattering starts, (2,), and how far from there each tile is, about 0…1, (N,)."""
        middle, part = (np.array(pair) for pair in self.stage.visible_part(self.camera))
        chosen, front = self.disperse.origin, self.kind.front
        origin = middle if chosen is None else np.array(self.stage.position(chosen))
        if front is not None and chosen is None:
            return origin, 0.5 + arithmetic.product((self.tiles.centre - middle) / part, front)
        away = arithmetic.lengths(self.tiles.centre - origin)
        return origin, away / arithmetic.lengths(0.5 * part + np.abs(origin - middle))

    def _starts(self, near: Float64Array, inside: Mask, rng: np.random.Generator) -> Float64Array:
        """Return when the tiles depart, (N,), 0 to `spread` for those `inside` the frame."""
        noise = rng.random(len(near))
        if self.disperse.stagger == "distance":
            middle, part = self.stage.visible_part(self.camera)
            noise = 0.7 * near + 0.22 * smooth_noise((self.tiles.centre - middle) / part, rng) + 0.08 * noise
        # Halfway between an even spread in space and as many tiles in each second. It does not matter when an invisible
        # tile leaves.
        first, last = float(noise[inside].min()), float(noise[inside].max())
        rank = np.searchsorted(np.sort(noise[inside]), noise) / inside.sum()
        even = np.clip((noise - first) / max(last - first, 1e-9), 0.0, 1.0)
        return np.asarray(self.disperse.spread * 0.5 * (even + rank), np.float64)

    def _growth(
        self, near: Float64Array, inside: Mask, side: float, rng: np.random.Generator
    ) -> tuple[Float64Array, Mask]:
        """Return the logarithm of how much each tile grows, (N,), and which are readable as they pass, (N,).

        `side`: the shorter side of the frame, in units.
        """
        low, high = self.kind.growth
        count = len(near)
        growth = low + (high - low) * np.square(rng.random(count))
        passing = np.zeros(count, bool)
        earliest, latest = self.kind.passing
        if earliest < latest:
            size = arithmetic.lengths(self.tiles.right) * 2
            sizes = arithmetic.uniform(rng, *_READABLE_SIZES, count) * side / size
            closer = inside & (rng.random(count) < _NEAR)
            near_sizes = sizes * arithmetic.uniform(rng, 0.15, 0.35, count)
            growth = np.where(closer, arithmetic.log(np.maximum(near_sizes, 1)), growth)
            candidates = np.flatnonzero(inside & (near >= earliest) & (near < latest))
            passing[rng.permutation(candidates)[: min(_READABLE, round(_NEAR * inside.sum()))]] = True
            growth = np.where(passing, arithmetic.log(np.maximum(sizes, 1)), growth)
        return growth, passing

    def _far(self, view: Float64Array) -> Float64Array:
        """Return by which factors displacements are multiplied, (N,): passing tiles just leave the frame."""
        which = np.flatnonzero(self.passing)
        shift = self.trajectory(np.full(len(which), _GONE), which)
        some = self.tiles.take(which)
        radius = arithmetic.lengths(np.abs(some.right) + np.abs(some.down)) * self._nearer(np.ones(len(which)), which)
        edges = 0.5 * view + radius[:, np.newaxis]
        room = edges - np.sign(shift) * (some.centre - self.camera.centre)
        far = np.ones(len(self.tiles))
        far[which] = (room / np.maximum(np.abs(shift), 1e-9)).min(axis=1)
        return far

    def _turns(self, rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
        """Return by how much the tiles have turned at the end, in radians: in the plane and out of it, (N,) each."""
        angle, tumble = 2 * math.pi * self.disperse.spin * arithmetic.uniform(rng, -1, 1, (2, len(self.tiles)))
        if self.kind.front is not None:  # all turn in the direction in which they are blown or fall
            angle *= 0.35
            tumble = np.abs(tumble) * sum(self.kind.front)
        # Those that pass close turn over once and then face the viewer, upright, so that they are readable.
        most = min(self.disperse.spin, 1.0)
        angle = np.where(self.passing, _TILTED * most * arithmetic.sin(angle), angle)
        tumble = np.where(self.passing, 2 * math.pi * math.ceil(most) * np.sign(tumble), tumble)
        return angle, tumble

    def _last_visible(self) -> float:
        """Return the moment from which at most a few tiles are in the frame, at least 0.3.

        Most tiles leave it before the end of their paths.
        """
        end, step = float((self.start + self.duration).max()), 1 / 16
        while end > 0.3 and self._few_visible(end - step):
            end -= step
        for _ in range(4):  # that they leave one after another is certain only for so short a time
            step /= 2
            if end > 0.3 and self._few_visible(end - step):
                end -= step
        return max(end, 0.3)

    def _few_visible(self, moment: float) -> bool:
        return bool(self.stage.shares_of_frame(self.at(moment)[0], self.camera).sum() <= _FEW)

    def _nearer(self, way: Float64Array, which: Indices) -> Float64Array:
        """Return by which factor the perspective makes tiles larger, (M,)."""
        return arithmetic.exp(self.growth[which] * arithmetic.power(way, np.where(self.passing[which], 0.9, 1.2)))

    def at(self, moment: float) -> tuple[Sprites, Mask]:
        """Return the tiles that fly at a moment, 0…`end`, and which still rest, (N,)."""
        progress = (moment - self.start) / self.duration
        moving = np.flatnonzero((progress > 0) & (progress < 1))
        some, passing = self.tiles.take(moving), self.passing[moving]
        way = ease(progress[moving], self.disperse.easing)
        way = np.where(passing, 1 - (1 - way) * np.sqrt(1 - way), way)  # they come near soon
        # Trajectories are those on the screen.
        shift = self.far[moving, np.newaxis] * self.trajectory(way, moving)
        nearer = self._nearer(way, moving)
        centre = in_perspective(self.camera, self.stage.frame[1], some.centre + shift, nearer)
        tumble = self.tumble[moving] * np.where(passing, ease(way, "smooth", 0.0, _FACING), way)
        hinge = self.hinge[moving] * np.square(1 - way)[:, np.newaxis]  # no longer once it has left
        centre[:, :2] += hinge * (1 - arithmetic.cos(tumble))[:, np.newaxis]
        centre[:, 2] += arithmetic.lengths(hinge) * np.abs(arithmetic.sin(tumble))
        faded = np.where(passing, 0.0, ease(progress[moving], "smooth", 1 - self.disperse.fade, 1.0))
        flying = some.moved(
            centre,
            angle=self.angle[moving] * way,
            tumble=tumble,
            axis=self.axis[moving],
            opacity=(1 - faded) * (1 - ease(moment / self.end, "smooth", 1 - _LAST, 1.0)),
        )
        return flying, progress <= 0
