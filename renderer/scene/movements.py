"""Movements that animations share: tiles that turn over, curved paths, and cameras that are tilted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.kernels import arithmetic

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array
    from renderer.scene.sprites import Camera, Sprites

VERTICAL: Final = 0.5 * math.pi
"""Direction of a vertical axis in the plane, in radians."""


def turned(sprites: Sprites, angle: npt.ArrayLike, axis: float = VERTICAL) -> Sprites:
    """Return flat sprites turned out of the plane about axes through their centres, raised to stand on it.

    `angle`: radians, one or (N,). `axis`: direction of the axes in the plane, in radians, 0 along x.
    """
    height = np.broadcast_to(turned_height(sprites, angle, axis), len(sprites))
    return sprites.moved(np.concatenate([sprites.centre, height[:, np.newaxis]], 1), tumble=angle, axis=axis)


def turned_height(sprites: Sprites, angle: npt.ArrayLike, axis: float = VERTICAL) -> Float64Array:
    """Return the heights (N,) of the centres of sprites that `turned` turns: half their extent across the axis at 90°.

    Of hexagons and rounded tiles, whose corners are not filled, it is that of the box.
    """
    across = np.array([-arithmetic.sin(axis), arithmetic.cos(axis)])
    half = np.abs(arithmetic.product(sprites.right, across)) + np.abs(arithmetic.product(sprites.down, across))
    return np.asarray(half * np.abs(arithmetic.sin(np.asarray(angle))), np.float64)


def turned_over(
    first: Sprites, then: Sprites, way: Float64Array, viewer: Float64Array, axis: float = VERTICAL
) -> tuple[Sprites, Sprites]:
    """Return tiles as they turn over: those of `first` and those of `then` that are visible.

    `first`, `then`: N flat sprites in the same cells, the second on the backs of the first. `way`: (N,) how far each
    has turned, 0 (`first`) to 1 (`then`). `viewer`: position (3,), as `Camera.position` returns, since away from the
    middle of the frame the visible side depends on the perspective. `axis`: direction of the axes, as for `turned`.
    """
    angle = math.pi * (1 - way)
    height = turned_height(then, angle, axis)
    to_viewer = viewer - np.concatenate([then.centre, height[:, np.newaxis]], 1)
    sideways = to_viewer[:, 0] * arithmetic.sin(axis) - to_viewer[:, 1] * arithmetic.cos(axis)
    shown = sideways * arithmetic.sin(angle) + to_viewer[:, 2] * arithmetic.cos(angle) > 0
    return turned(first, angle - math.pi, axis).take(~shown), turned(then, angle, axis).take(shown)


def turns(start: Sprites, end: Sprites) -> tuple[npt.NDArray[np.bool_], Float64Array, Float64Array]:
    """Return how N flat tiles turn to lie as others do that show the same photos.

    Those that are mirrored (N,) turn over, as from behind a photo is mirrored: by π out of the plane, about axes at
    these radians in it (N,). Then all turn in the plane by radians (N,), −π…π.
    """
    mirrored = _area(start) * _area(end) < 0
    turned = _direction(end.right) - _direction(np.where(mirrored, -1, 1)[:, np.newaxis] * start.right)
    return mirrored, _direction(start.down), (turned + math.pi) % (2 * math.pi) - math.pi


def _area(sprites: Sprites) -> Float64Array:
    """Return the signed area of the half axes, (N,): negative for mirrored sprites."""
    return np.asarray(sprites.right[:, 0] * sprites.down[:, 1] - sprites.right[:, 1] * sprites.down[:, 0], np.float64)


def _direction(vectors: Float64Array) -> Float64Array:
    """Return the angles of vectors (N, 2) in radians, (N,)."""
    return arithmetic.arctan2(vectors[:, 1], vectors[:, 0])


def curved(
    start: Float64Array, end: Float64Array, way: Float64Array, bow: float = 0.2, height: npt.ArrayLike = 0.0
) -> Float64Array:
    """Return positions (N, 3) on curved paths over the plane, from `start` (N, 2) to `end` (N, 2), exact at both.

    `way`: (N,) how far along each is, 0…1. `bow`: how far the paths bow to the left of their direction, relative to
    their lengths, so that tiles that change places circulate clockwise; negative: anticlockwise. `height`: of the
    middles of the paths in units, one or (N,).
    """
    arch = 4 * way * (1 - way)
    left = (end - start)[:, ::-1] * (1.0, -1.0)
    flat = start * (1 - way)[:, np.newaxis] + end * way[:, np.newaxis] + left * (bow * arch)[:, np.newaxis]
    return np.concatenate([flat, (np.asarray(height) * arch)[:, np.newaxis]], 1)


def in_perspective(camera: Camera, frame_height: int, points: Float64Array, larger: Float64Array) -> Float64Array:
    """Return the positions (N, 3) in space that a camera sees at points (N, 2) of the plane.

    `larger`: (N,) above 0, by which factor things there appear larger than in the plane. `camera`: without angle, pitch
    and yaw. So a path can be specified as it appears on the screen.
    """
    middle, nearer = np.array(camera.centre), larger[:, np.newaxis]
    height = camera.distance(frame_height) * (1 - 1 / nearer)
    return np.concatenate([(points - middle) / nearer + middle, height], 1)
