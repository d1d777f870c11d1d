"""Where the tiles of `disperse` fly, as seen on the screen.

Each function returns a trajectory: the displacement (M, 2) of tiles from their progress, 0…1 (M,), and indices (M,).
`away`: (N, 2) position of each tile relative to the origin. `reach`: how far a tile must move to leave the frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.scene import arithmetic

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.scene import Float64Array

    Indices = npt.NDArray[np.intp]
    Trajectory = Callable[[Float64Array, Indices], Float64Array]

Style = Literal["burst", "wind", "gravity", "vortex"]


def _burst(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """Outwards, accelerating."""
    angle = arithmetic.arctan2(away[:, 1], away[:, 0]) + arithmetic.normal(rng, 0, 0.35, len(away))
    far = reach * arithmetic.uniform(rng, 0.4, 0.9, len(away))
    direction = np.stack([arithmetic.cos(angle), arithmetic.sin(angle)], 1) * far[:, np.newaxis]

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        return direction[which] * (way * way)[:, np.newaxis]

    return trajectory


def _wind(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """To the right and a little up, in gusts."""
    far = reach * arithmetic.uniform(rng, 0.8, 1.3, len(away))
    lift = -reach * arithmetic.normal(rng, 0.12, 0.12, len(away))
    phase = arithmetic.uniform(rng, 0, 2 * math.pi, len(away))
    rate = arithmetic.uniform(rng, 0.8, 1.8, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        wave = 0.05 * reach * way * arithmetic.sin(phase[which] + 2 * math.pi * rate[which] * way)
        rise = lift[which] * way * np.sqrt(way) + wave * way
        return np.stack([far[which] * arithmetic.power(way, 2.2), rise], 1)

    return trajectory


def _gravity(away: Float64Array, reach: float, rng: np.random.Generator) -> Trajectory:
    """A small hop, then down, accelerating."""
    hop = reach * arithmetic.uniform(rng, 0.0, 0.08, len(away))
    aside = arithmetic.normal(rng, 0, 0.06 * reach, len(away))
    fall = reach * arithmetic.uniform(rng, 1.0, 1.3, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        hopped = hop[which] * np.square(arithmetic.sin(math.pi * np.minimum(way * 2, 1.0)))
        down = fall[which] * arithmetic.power(way, 2.4) - hopped
        return np.stack([aside[which] * way * np.sqrt(way), down], 1)

    return trajectory


def _vortex(away: Float64Array, _reach: float, rng: np.random.Generator) -> Trajectory:
    """Around the origin and into it."""
    rounds = 2 * math.pi * arithmetic.uniform(rng, 0.6, 0.9, len(away))

    def trajectory(way: Float64Array, which: Indices) -> Float64Array:
        angle = rounds[which] * way * np.sqrt(way)
        cosine, sine = arithmetic.cos(angle) * (1 - way), arithmetic.sin(angle) * (1 - way)
        x, y = away[which].T
        return np.stack([x * cosine - y * sine - x, x * sine + y * cosine - y], 1)

    return trajectory


TRAJECTORIES: Final[dict[Style, Callable[[Float64Array, float, np.random.Generator], Trajectory]]] = {
    "burst": _burst,
    "wind": _wind,
    "gravity": _gravity,
    "vortex": _vortex,
}
