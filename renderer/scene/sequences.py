"""The base of animations that lead from the mosaic of one cover to those of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

import numpy as np

from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.parameters import parameter
from renderer.scene.animation import NextCover, SpatialAnimation
from renderer.scene.easing import ease
from renderer.scene.sprites import Camera, Motion, Scene
from renderer.scene.stage import Stage

_LEG_SECONDS: Final = 4.0
"""Default duration of the way from one cover to the next."""

Transition = Callable[[float, Camera], Scene]
"""Returns the scene between two mosaics from the way, above 0 and below 1, and the camera."""


@dataclass(frozen=True)
class CoverSequence(SpatialAnimation):
    """Base of animations that show the mosaics of several covers one after another; they start and end on a mosaic.

    With `loop`, the first mosaic follows the last one.
    """

    closes: ClassVar[bool] = True

    same: ClassVar[Literal["cells", "photos"]] = "photos"
    """What the maps have in common."""

    to: tuple[str, ...] = parameter(
        (), "The next covers, in order: pictures, text:WORDS or shape:NAME; repeatable", metavar="COVER"
    )
    hold_start: float = parameter(0.5, "Pause on the first mosaic", unit="seconds", low=0, high=60)
    hold_end: float = parameter(1.2, "Pause on each of the others", unit="seconds", low=0, high=60)

    @abstractmethod
    def between(self, stage: Stage) -> Transition:
        """Prepare the way from the first map of a stage to its second."""

    def nearness(self) -> float:
        """Return how much short ways count when the next mosaics are matched, 0…1."""
        return 0.0

    def next_covers(self) -> tuple[NextCover, ...]:
        """Return the next covers and, in a loop, the first one again. Raises InputError if there are none."""
        if not self.to:
            name = type(self).__name__.lower()
            raise InputError(
                f"{name} needs at least two covers: name the next one after the first, or in {named('to')}"
            )
        covers: tuple[str | int, ...] = (*self.to, 0) if self.loop else self.to
        return tuple(NextCover(cover, self.same, self.nearness()) for cover in covers)

    def default_duration(self) -> float:
        """Return 4 seconds for the way to each next cover, and the pauses."""
        legs = max(len(self.to), 1) + self.loop
        return legs * _LEG_SECONDS + sum(self._pauses(legs))

    def _pauses(self, legs: int) -> list[float]:
        """Return the pause before each leg and, unless the animation is a loop, after the last one."""
        pauses = [self.hold_start, *[self.hold_end] * legs]
        return pauses[:-1] if self.loop else pauses

    def prepare(self, stage: Stage) -> Motion:
        """Prepare the ways from each map to the next, which take equally long."""
        legs = len(stage.maps) - 1
        shares = stage.pause_shares(self._pauses(legs))
        moving = (1 - shares.sum()) / legs
        starts = np.cumsum(shares[:legs]) + moving * np.arange(legs)
        stages = [
            replace(stage.from_map(number, 2), seconds=stage.seconds * moving, seed=stage.seed + number)
            for number in range(legs)
        ]
        ways = [self.between(each) for each in stages]
        cameras = [(each.whole_camera(0), each.whole_camera(1)) for each in stages]
        resting = [stage.resting_sprites(number) for number in range(legs + 1)]

        def motion(progress: float) -> Scene:
            number = max(int(np.searchsorted(starts, progress, side="right")) - 1, 0)
            way = min(max(round((progress - starts[number]) / moving, 9), 0.0), 1.0)  # the last way ends at 1 exactly
            # The camera comes back, so that another animation can join at both ends.
            camera = self.drifted(_between(*cameras[number], float(ease(way))), 4 * progress * (1 - progress))
            if 0 < way < 1:
                return ways[number](way, camera)
            shown = number + round(way)
            return stage.scene(camera, stage.visible_tiles(resting[shown], camera, shown))

        return motion


def _between(first: Camera, second: Camera, way: float) -> Camera:
    """Return a camera between two, 0…1."""
    x, y = (a + way * (b - a) for a, b in zip(first.centre, second.centre, strict=True))
    return replace(first, centre=(x, y), scale=first.scale * arithmetic.power(second.scale / first.scale, way))
