"""A small picture of a scene for notebooks, drawn without the compositor's mip levels and exact edges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array
from renderer.pictures import Pixels
from renderer.scene.easing import ease
from renderer.scene.sprites import TONE_FULL_BELOW, TONE_NONE_ABOVE, Camera, Outline, Scene, Sprites
from renderer.scene.views import bounds_of, projected, view_of
from renderer.textures import Textures, unpack

PREVIEW_PIXELS: Final = 640
"""Maximum length in pixels of a preview's longer side."""

_ARC_EDGES: Final = 8  # of the polygon that is drawn for a rounded corner

_CHECKS: Final = (200, 230)  # greys of the checkerboard behind transparent pixels


@np.errstate(invalid="ignore", over="ignore")  # of sprites whose numbers are not finite
def preview(scene: Scene, textures: Textures, frame: tuple[int, int]) -> Pixels:
    """Return a scene as drawn in a `frame` (width, height), scaled to at most 640 pixels: (H, W, 3) RGB.

    Each sprite is one warped picture with its tone, cut out by its outline, without blur. A nested map is drawn as its
    picture.
    """
    shrink = min(1.0, PREVIEW_PIXELS / max(frame))
    width, height = max(round(frame[0] * shrink), 1), max(round(frame[1] * shrink), 1)
    canvas = np.zeros((height, width, 3), np.float32)
    if isinstance(scene.background, int):
        picture = unpack(textures.pixels(scene.background, 0))[..., :3]
        canvas[:] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    elif scene.background is not None:
        canvas[:] = np.array(scene.background, np.float32) * 255
    else:
        square = np.add.outer(np.arange(height) // 12, np.arange(width) // 12) % 2
        canvas[:] = np.array(_CHECKS, np.float32)[square][..., np.newaxis]
    camera = scene.camera
    for sprites in scene.sprites:
        _draw(canvas, sprites, textures, replace(camera, scale=camera.scale * shrink), shrink)
    if scene.overlay is not None:
        _draw(canvas, scene.overlay, textures, Camera((0.0, 0.0), float(height)), shrink)
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)


def _draw(canvas: npt.NDArray[np.float32], sprites: Sprites, textures: Textures, camera: Camera, shrink: float) -> None:
    """Draw sprites on a canvas (H, W, 3), 0…255, that is `shrink` times as large as the frame."""
    height, width = canvas.shape[:2]
    outline = sprites.outline
    view = view_of(camera, width, height)
    edges = np.stack(bounds_of(sprites, view))
    shown = (sprites.opacity > 0) & np.isfinite(edges).all(axis=(0, 2))
    sprites, edges = sprites.take(shown), edges[:, shown]
    reach = (edges[1] - edges[0]).max(axis=1)
    low = np.clip(np.floor(edges[0]), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(edges[1]), 0, (width, height)).astype(int)
    centre, right, down = projected(sprites, view)
    maps = np.stack([right, down, centre], axis=2)  # from positions on a sprite, -1…1, to the canvas
    lengths = [np.linalg.norm(axis, axis=1) for axis in sprites.half_axes()]
    sides = 2 * np.sqrt(lengths[0] * lengths[1]) * camera.scale / centre[:, 2] / shrink
    faded = 1 - ease(sides, "smooth", TONE_FULL_BELOW, TONE_NONE_ABOVE)
    for i in np.flatnonzero((high > low).all(axis=1)).tolist():
        texture = int(sprites.texture[i])
        levels = int(textures.table.levels[texture])
        window = np.abs(sprites.window[i, 2:] - sprites.window[i, :2])
        longest = float((window * (textures.table.width[texture], textures.table.height[texture])).max())
        level = min(max(int(math.log2(max(longest / max(reach[i], 1.0), 1.0))), 0), levels - 1)
        pixels = unpack(textures.pixels(texture, level))
        texels = np.array(pixels.shape[1::-1])
        u0, v0, u1, v1 = sprites.window[i]
        x0, y0 = low[i]
        x1, y1 = high[i]
        # The outline of the sprite, and that of the photo inside its border, whose axes are a part of the sprite's.
        sizes = np.abs([(u1 - u0) * texels[0], (v1 - v0) * texels[1]])
        half = outline.sprite_half(0.5 * sizes / sizes.min())
        within = outline.photo_half(half)
        whole = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]]) @ maps[i]
        photo = whole * [*(within / half), 1]
        # The corners of the window in texels, and their positions within the sprite's bounds.
        source = np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]]) * texels
        target = _mapped(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), photo)
        matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
        size = (int(x1 - x0), int(y1 - y0))
        warped = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        part, opacity = canvas[y0:y1, x0:x1], float(sprites.opacity[i])
        radius = 2 * outline.radius * float(half.min())
        if outline.border > 0:
            share = _inside(_mapped(_corners(outline, half, radius), whole), size) * opacity
            part[:] = part * (1 - share) + np.array(outline.border_colour, np.float32) * 255 * share
            radius = max(radius - float((half - within).min()), 0.0)
        share = _inside(_mapped(_corners(outline, within, radius), photo), size) * opacity
        alpha = warped[..., 3:].astype(np.float32) / 255
        tone = float(faded[i])
        factor, added = (1.0, 0.0) if sprites.space is None else sprites.space.light[i].tolist()
        gain = (1 + (sprites.gain[i] - 1) * tone) * factor
        offset = 255 * (sprites.offset[i] * (tone * factor) + added)
        toned = np.clip(warped[..., :3] * gain + offset * alpha, 0, 255 * alpha)
        part[:] = part * (1 - share * alpha) + toned * share


def _mapped(points: Float64Array, matrix: Float64Array) -> Float64Array:
    """Return points (K, 2) mapped by a matrix (3, 3) of homogeneous coordinates."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)


def _inside(corners: Float64Array, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the share of each pixel of a picture (width, height) inside a polygon of corners (K, 2): (H, W, 1)."""
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(inside, np.rint((corners - 0.5) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return inside[..., np.newaxis].astype(np.float32) / np.float32(255)


def _corners(outline: Outline, half: Float64Array, radius: float) -> Float64Array:
    """Return the corners (K, 2) of an outline as shares of half the width and height; arcs have 8 edges each.

    `half`: (2,) and `radius`, in the same unit.
    """
    if outline.kind == "hexagon":
        end = 0.5 * (1 + outline.opened)  # of the left and right edges
        return np.array([[0, -1], [1, -end], [1, end], [0, 1], [-1, end], [-1, -end]], np.float64)
    quarter = np.linspace(0, math.pi / 2, _ARC_EDGES + 1) if radius > 0 else np.array([math.pi / 4])
    angles = np.add.outer(np.arange(4) * (math.pi / 2), quarter).reshape(-1)
    sides = np.repeat([[1, 1], [-1, 1], [-1, -1], [1, -1]], len(quarter), axis=0)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    return np.asarray((sides * (half - radius) + arc) / half, np.float64)
