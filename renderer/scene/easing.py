"""Easing: how a movement speeds up and slows down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from renderer.arrays import Float64Array

Easing = Literal["linear", "sine", "smooth", "cubic", "cruise"]

_RAMP: Final = 0.35  # share of a cruise that each of its ends takes


def _cruise(x: Float64Array) -> Float64Array:
    """Constant speed in the middle; at both ends the speed itself rises and falls as a cosine, without a jerk."""
    near_end = np.minimum(x, 1 - x)
    start = 0.5 * near_end - 0.5 * _RAMP / np.pi * np.sin(np.pi * np.minimum(near_end, _RAMP) / _RAMP)
    way = np.where(near_end < _RAMP, start, near_end - 0.5 * _RAMP) / (1 - _RAMP)
    return np.where(x < 0.5, way, 1 - way)


EASINGS: Final[dict[str, Callable[[Float64Array], Float64Array]]] = {
    "linear": lambda x: x,
    "sine": lambda x: 0.5 - 0.5 * np.cos(np.pi * x),
    "smooth": lambda x: x * x * (3 - 2 * x),
    "cubic": lambda x: np.where(x < 0.5, 4 * x**3, 1 - 4 * (1 - x) ** 3),
    "cruise": _cruise,
}
"""Eased progress by name: 0…1 → 0…1, monotone; all but `linear` start and end at rest."""


def ease(progress: float | Float64Array, easing: Easing = "sine", start: float = 0.0, end: float = 1.0) -> Float64Array:
    """Eased progress of a movement that fills start…end of the whole: 0 before, 1 after. Any shape."""
    x = np.clip((np.asarray(progress, np.float64) - start) / max(end - start, 1e-9), 0.0, 1.0)
    return np.clip(EASINGS[easing](x), 0.0, 1.0)  # rounding may leave it by 1e-28
