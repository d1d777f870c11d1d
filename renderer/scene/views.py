"""Views: how cameras map sprites to pixels of the frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from renderer.arrays import Float64Array
    from renderer.scene.sprites import Camera, Sprites

Viewport = tuple[float, ...]
"""The map from scene units to pixels of the frame: v0 … v12 of `renderer.kernels.drawing.list_visible`.

The first six are the affine map of the plane z = 0, row by row, if the camera looks straight at it."""


def view_of(camera: Camera, width: int, height: int) -> Viewport:
    """Return the map from scene units to frame pixels."""
    cosine = math.cos(camera.angle) * camera.scale
    sine = math.sin(camera.angle) * camera.scale
    x, y = camera.centre
    nearer = 2 * math.tan(camera.field_of_view / 2) * camera.scale / height  # 1 / distance of the camera
    if camera.faces_plane:
        return (
            cosine, -sine, width / 2 - cosine * x + sine * y,
            sine, cosine, height / 2 - sine * x - cosine * y,
            -nearer * width / 2, -nearer * height / 2, 0.0, 0.0, -nearer, 1.0, camera.scale,
        )  # fmt: skip
    axes = camera.axes()
    rows = np.stack([axes[0] * camera.scale, axes[1] * camera.scale, axes[2] * -nearer])
    rows[:2] += rows[2] * np.array([[width / 2], [height / 2]])
    constant = np.array([width / 2, height / 2, 1.0]) - rows[:, :2] @ (x, y)
    (xx, xy, xz), (yx, yy, yz), (wx, wy, wz) = rows.tolist()
    return (xx, xy, constant[0], yx, yy, constant[1], xz, yz, wx, wy, wz, constant[2], camera.scale)


def is_flat(view: Viewport) -> bool:
    """Return whether a view shows the plane z = 0 without perspective."""
    return view[8:10] == (0.0, 0.0) and view[11] == 1.0


def project(view: Viewport, points: Float64Array, z: Float64Array, one: float) -> Float64Array:
    """Return points (one = 1) or vectors (one = 0), (N, 2), at heights (N,), in homogeneous coordinates (N, 3)."""
    matrix = np.array([view[:2], view[3:5], view[8:10]]).T
    third, constant = np.array([view[6], view[7], view[10]]), np.array([view[2], view[5], view[11]])
    return np.asarray(points @ matrix + z[:, np.newaxis] * third + one * constant, np.float64)


def bounds_of(sprites: Sprites, view: Viewport) -> tuple[Float64Array, Float64Array]:
    """Return the least and the largest x and y of sprites in pixels, (N, 2) each; not finite behind the camera."""
    heights = sprites.heights()
    centre = project(view, sprites.centre, heights[:, 0], 1.0)
    right, down = project(view, sprites.right, heights[:, 1], 0.0), project(view, sprites.down, heights[:, 2], 0.0)
    corners = np.stack([centre - right - down, centre + right - down, centre + right + down, centre - right + down])
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = np.where(corners[..., 2:] > 0, corners[..., :2] / corners[..., 2:], np.nan)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        if sprites.space is not None:
            blur = sprites.space.softness[:, np.newaxis] * view[12] / centre[:, 2:]
            trail = np.abs(sprites.space.trail).sum(axis=1, keepdims=True) * view[12] / centre[:, 2:]
            low, high = low - 2 * blur - trail, high + 2 * blur + trail
    return low, high


def points_of(sprites: Sprites, view: Viewport) -> Float64Array:
    """Return centres and the middles of the right and the lower edges of sprites in pixels, (N, 3, 2)."""
    heights = sprites.heights()
    centre = project(view, sprites.centre, heights[:, 0], 1.0)
    right, down = project(view, sprites.right, heights[:, 1], 0.0), project(view, sprites.down, heights[:, 2], 0.0)
    points = np.stack([centre, centre + right, centre + down], 1)
    return points[..., :2] / points[..., 2:]
