"""Easing: how a movement accelerates and slows down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.kernels import arithmetic

if TYPE_CHECKING:
    from renderer.arrays import Float64Array

Easing = Literal["linear", "sine", "smooth", "cubic", "cruise"]

_RAMP: Final = 0.35  # share of a cruise over which it accelerates, and over which it slows down


def _cruise(x: Float64Array) -> Float64Array:
    """Constant speed in the middle; at both ends the speed rises and falls as a cosine, without a jolt."""
    distance = np.minimum(x, 1 - x)
    start = 0.5 * distance - 0.5 * _RAMP / np.pi * arithmetic.sin(np.pi * np.minimum(distance, _RAMP) / _RAMP)
    eased = np.where(distance < _RAMP, start, distance - 0.5 * _RAMP) / (1 - _RAMP)
    return np.where(x < 0.5, eased, 1 - eased)


EASINGS: Final[dict[str, Callable[[Float64Array], Float64Array]]] = {
    "linear": lambda x: x,
    "sine": lambda x: 0.5 - 0.5 * arithmetic.cos(np.pi * x),
    "smooth": lambda x: x * x * (3 - 2 * x),
    "cubic": lambda x: np.where(x < 0.5, 4 * arithmetic.power(x, 3), 1 - 4 * arithmetic.power(1 - x, 3)),
    "cruise": _cruise,
}
"""Easing functions by name: 0…1 → 0…1, monotonic; all except `linear` start and end at speed 0."""


def ease(progress: float | Float64Array, easing: Easing = "sine", start: float = 0.0, end: float = 1.0) -> Float64Array:
    """Return the eased progress, 0…1, of a movement from `start` to `end`: 0 before, 1 after.

    `progress`: a number or an array of any shape; the result is a float64 array of that shape.
    """
    x = np.clip((np.asarray(progress, np.float64) - start) / max(end - start, 1e-9), 0.0, 1.0)
    return np.clip(EASINGS[easing](x), 0.0, 1.0)  # rounding errors are up to 1e-28
