"""Views: how cameras map sprites to pixels of the frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from renderer.kernels import arithmetic

if TYPE_CHECKING:
    from renderer.arrays import Float64Array
    from renderer.scene.sprites import Camera, Sprites

Viewport = tuple[float, ...]
"""The map from scene units to pixels of the frame: v0 … v12 of `renderer.kernels.drawing.list_visible`.

The first six are the affine map of the plane z = 0, row by row, if the camera looks straight at it."""


def view_of(camera: Camera, width: int, height: int) -> Viewport:
    """Return the map from scene units to frame pixels."""
    cosine = arithmetic.cos(camera.angle) * camera.scale
    sine = arithmetic.sin(camera.angle) * camera.scale
    x, y = camera.centre
    nearer = 2 * arithmetic.tan(camera.field_of_view / 2) * camera.scale / height  # 1 / distance of the camera
    if camera.faces_plane:
        return (
            cosine, -sine, width / 2 - cosine * x + sine * y,
            sine, cosine, height / 2 - sine * x - cosine * y,
            -nearer * width / 2, -nearer * height / 2, 0.0, 0.0, -nearer, 1.0, camera.scale,
        )  # fmt: skip
    axes = camera.axes()
    rows = np.stack([axes[0] * camera.scale, axes[1] * camera.scale, axes[2] * -nearer])
    rows[:2] += rows[2] * np.array([[width / 2], [height / 2]])
    constant = np.array([width / 2, height / 2, 1.0]) - rows[:, 0] * x - rows[:, 1] * y
    (xx, xy, xz), (yx, yy, yz), (wx, wy, wz) = rows.tolist()
    return (xx, xy, constant[0], yx, yy, constant[1], xz, yz, wx, wy, wz, constant[2], camera.scale)


def is_flat(view: Viewport) -> bool:
    """Return whether a view shows the plane z = 0 without perspective."""
    return view[8:10] == (0.0, 0.0) and view[11] == 1.0


def project(view: Viewport, points: Float64Array, z: Float64Array, one: float) -> Float64Array:
    """Return points (one = 1) or vectors (one = 0), (N, 2), at heights (N,), in homogeneous coordinates (N, 3)."""
    matrix = np.array([view[:2], view[3:5], view[8:10]]).T
    third, constant = np.array([view[6], view[7], view[10]]), np.array([view[2], view[5], view[11]])
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is not drawn
        return np.asarray(arithmetic.product(points, matrix) + z[:, np.newaxis] * third + one * constant, np.float64)


def projected(sprites: Sprites, view: Viewport) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return `centre`, `right` and `down` of sprites in homogeneous coordinates of the frame, (N, 3) each."""
    centre, right, down = sprites.heights().T
    return (
        project(view, sprites.centre, centre, 1.0),
        project(view, sprites.right, right, 0.0),
        project(view, sprites.down, down, 0.0),
    )


def corners_of(sprites: Sprites, view: Viewport) -> Float64Array:
    """Return the corners of sprites, around each of them, in homogeneous coordinates of the frame: (4, N, 3)."""
    centre, right, down = projected(sprites, view)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.stack([centre - right - down, centre + right - down, centre + right + down, centre - right + down])


def bounds_of(sprites: Sprites, view: Viewport) -> tuple[Float64Array, Float64Array]:
    """Return the least and the largest x and y of sprites in pixels, (N, 2) each; not finite behind the camera."""
    centre, right, down = (np.ascontiguousarray(each.T) for each in projected(sprites, view))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left, middle = centre - right, centre + right
        # As `corners_of`, but (3, 4, N), which is three times as fast.
        x, y, w = np.stack([left - down, middle - down, middle + down, left + down], axis=1)
        across, along = (np.where(w > 0, each / w, np.nan) for each in (x, y))
        low = np.stack([across.min(axis=0), along.min(axis=0)], 1)
        high = np.stack([across.max(axis=0), along.max(axis=0)], 1)
        if sprites.space is not None:
            scale = (view[12] / w.mean(axis=0))[:, np.newaxis]  # at the centre
            blur = np.maximum(sprites.space.softness, 0)[:, np.newaxis] * scale
            trail = np.abs(sprites.space.trail).sum(axis=1, keepdims=True) * scale
            low, high = low - 2 * blur - trail, high + 2 * blur + trail
    return low, high


def plane_in_view(view: Viewport, frame: tuple[int, int], box: tuple[float, float, float, float]) -> Float64Array:
    """Return the corners (K, 2) of the part of a box of the plane z = 0 that a frame shows, a convex polygon.

    `frame`: width and height in pixels. `box`: left, top, right, bottom in units. K is 0 if nothing is visible.
    """
    left, top, right, bottom = box
    corners = np.array([[left, top, 1.0], [right, top, 1.0], [right, bottom, 1.0], [left, bottom, 1.0]])
    x, y, w = np.array([view[0:3], view[3:6], [view[8], view[9], view[11]]])
    # Positive in front of the camera, and up to a pixel outside each side of the frame, which smooth edges may touch.
    for side in (w, x + w, (frame[0] + 1) * w - x, y + w, (frame[1] + 1) * w - y):
        inside = arithmetic.product(corners, side)  # the polygon is clipped at 0 (Sutherland and Hodgman, 1974)
        following, its = np.roll(corners, -1, axis=0), np.roll(inside, -1)
        cut = (inside > 0) != (its > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = corners + (inside / (inside - its))[:, np.newaxis] * (following - corners)
        corners = np.stack([corners, crossing], 1)[np.stack([inside > 0, cut], 1)]
    return corners[:, :2]


def footprint(camera: Camera, frame: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the box around what a camera shows of the plane z = 0: left, top, right, bottom from its centre.

    `frame`: width and height in pixels. The box is in pixels at the camera's scale, so that it depends on its angles
    and its field of view alone. It is infinite if the frame shows what is beyond the horizon.
    """
    across, along, towards = camera.axes()
    half = arithmetic.tan(0.5 * camera.field_of_view)
    sides = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * frame
    # Per unit of distance from the camera, so that there may be no perspective.
    slope = 2 * half / frame[1]
    rays = arithmetic.product(sides, np.stack([across, along]))
    with np.errstate(divide="ignore"):
        share = towards[2] - slope * rays[:, 2]
        share = np.where(share > 0, rays[:, 2] / np.maximum(share, 1e-12), np.inf)
    # The ray through a corner starts in the plane through the centre that faces the viewer, and goes down to z = 0.
    with np.errstate(invalid="ignore"):
        points = rays[:, :2] + share[:, np.newaxis] * (slope * rays[:, :2] - towards[:2])
    if not np.isfinite(points).all():
        return -math.inf, -math.inf, math.inf, math.inf
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def points_of(sprites: Sprites, view: Viewport) -> Float64Array:
    """Return centres and the middles of the right and the lower edges of sprites in pixels, (N, 3, 2)."""
    centre, right, down = projected(sprites, view)
    points = np.stack([centre, centre + right, centre + down], 1)
    return points[..., :2] / points[..., 2:]
