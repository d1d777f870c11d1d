"""Flip: each tile turns over, and on its back is the tile of the next cover's mosaic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from renderer.scene import (
    Camera,
    CoverSequence,
    Easing,
    Order,
    Scene,
    Stage,
    Transition,
    ease,
    in_view,
    parameter,
    sort_keys,
    staggered,
    turned_over,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array

_AXES = {"vertical": 0.5 * math.pi, "horizontal": 0.0}


@dataclass(frozen=True)
class Flip(CoverSequence):
    """Turn over the tiles of one cover's mosaic into those of the next."""

    same: ClassVar[Literal["cells", "photos"]] = "cells"

    order: Order = parameter("wave", "Order in which the tiles turn over")
    axis: Literal["vertical", "horizontal"] = parameter("vertical", "Axis about which each tile turns")
    overlap: float = parameter(0.3, "Share of the movement that each tile takes to turn over", low=0.01, high=1)
    easing: Easing = parameter("sine", "How the number of tiles that start per second rises and falls")

    def between(self, stage: Stage) -> Transition:
        """Sort the tiles by `order`, which determines when each turns over."""
        first, then = stage.resting_sprites(0), stage.resting_sprites(1)
        first_part, then_part = stage.partly_resting(first, 0), stage.partly_resting(then, 1)
        grounds = [stage.backdrop(which) for which in (0, 1)]
        whole, in_space = stage.whole_camera(), self.in_space(stage)
        keys = sort_keys(stage, first, whole, self.order)
        starts = staggered(keys, in_view(stage, first, whole), self.overlap, self.easing)
        axis = _AXES[self.axis]

        def scene(way: float, camera: Camera) -> Scene:
            turned: Float64Array = np.clip((way - starts) / self.overlap, 0.0, 1.0)
            some = np.flatnonzero((turned > 0) & (turned < 1))
            viewer = camera.position(stage.frame[1])
            front, back = turned_over(first.take(some), then.take(some), ease(turned[some]), viewer, axis)
            below = [grounds[0], grounds[1].faded(way), first_part(turned <= 0), then_part(turned >= 1)]
            return stage.scene(camera, *in_space(front, *in_space(back, *below)))

        return scene
