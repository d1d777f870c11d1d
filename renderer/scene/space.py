"""Sprites in space: their third coordinate, light, and what is out of focus or blurred by movement."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from renderer.kernels import arithmetic

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array

LIGHT: Final = (-0.42, -0.56, 1.0)
"""Direction to the light, x, y, z: from the upper left, in front of the mosaic. NumPy is not loaded to define it."""

Scalar = TypeVar("Scalar", bound="np.generic")

_DARKEST: Final = 0.45  # factor of a tile that the light doesn't reach

_BRIGHTEST: Final = 1.25  # and of one that faces it

_HIGHLIGHT: Final = 0.3  # sRGB that a highlight adds at most

_SHARPNESS: Final = 24  # exponent of the highlight


@dataclass(frozen=True)
class Space:
    """What N sprites have in space. Sprites without it lie in the plane z = 0; z points to the viewer."""

    z: Float64Array  # (N, 3) of `centre`, `right` and `down`, in the same units
    softness: npt.NDArray[np.float32]  # (N,) half the width of the blurred edges in units; 0: sharp
    light: npt.NDArray[np.float32]  # (N, 2) factor of all channels, then added, sRGB 0…1; at any size of a sprite
    trail: Float64Array  # (N, 3) movement in units while the shutter is open, centred on the sprite

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Space:
        """Return that of some of the sprites, as `Sprites.take` does."""
        return Space(*(rows_of(getattr(self, each.name), which) for each in fields(self)))

    def same(self, other: Space) -> bool:
        """Return whether another is equal."""
        return all(np.array_equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self))


def rows_of(
    array: npt.NDArray[Scalar], which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice
) -> npt.NDArray[Scalar]:
    """Return some rows of an array, by a mask (N,), indices (M,) or a slice (a view).

    `take` copies short rows 15 times as fast as an index does.
    """
    if isinstance(which, slice):
        return array[which]
    return array.take(np.flatnonzero(which) if which.dtype == bool else which, axis=0)


def flat(count: int) -> Space:
    """Return the space of `count` sprites in the plane z = 0, sharp and evenly lit."""
    light = np.zeros((count, 2), np.float32)
    light[:, 0] = 1
    return Space(np.zeros((count, 3)), np.zeros(count, np.float32), light, np.zeros((count, 3)))


def rotated(vectors: Float64Array, axis: Float64Array, angle: Float64Array) -> Float64Array:
    """Return vectors (N, 3) rotated about axes of length 1, (N, 3) or (1, 3), by radians (N, 1) or (1, 1).

    Rodrigues' rotation formula.
    """
    cosine, sine = arithmetic.cos(angle[:, 0]), arithmetic.sin(angle[:, 0])
    # By components: sums and cross products over rows of three take four times as long.
    (x, y, z), (u, v, w) = vectors.T, axis.T
    length = x * u + y * v + z * w
    found = np.empty_like(vectors)
    for number, (part, unit, across) in enumerate(
        ((x, u, v * z - w * y), (y, v, w * x - u * z), (z, w, u * y - v * x))
    ):
        along = unit * length
        found[:, number] = along + (part - along) * cosine + across * sine
    return found


def light_of(right: Float64Array, down: Float64Array, amount: float) -> npt.NDArray[np.float32]:
    """Return the light (N, 2) of sprites with these half axes, (N, 3): 1 and 0 if they face the viewer.

    Diffuse light and a soft highlight (Blinn, "Models of Light Reflection for Computer Synthesized Pictures", 1977),
    both relative to those of the plane z = 0. `amount`: 0 (none) to 1. Both sides of a sprite are equal.
    """
    normal = np.cross(right, down)
    normal /= np.maximum(arithmetic.lengths(normal), 1e-12)[:, np.newaxis]
    normal *= np.where(normal[:, 2:] < 0, -1.0, 1.0)
    diffuse = np.clip(arithmetic.product(normal, LIGHT) / LIGHT[2], _DARKEST, _BRIGHTEST)
    light = np.array(LIGHT)
    half = light / arithmetic.lengths(light) + (0.0, 0.0, 1.0)  # between the light and the viewer
    half /= arithmetic.lengths(half)
    base = arithmetic.power(float(half[2]), _SHARPNESS)
    towards = np.maximum(arithmetic.product(normal, half), 0)
    shine = np.maximum((arithmetic.power(towards, _SHARPNESS) - base) / (1 - base), 0)
    return np.stack([1 + amount * (diffuse - 1), amount * _HIGHLIGHT * shine], 1).astype(np.float32)
