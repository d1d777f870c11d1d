"""What is drawn: sprites, the camera that sees them, and the scene that is all of one frame."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.arrays import Float64Array
from renderer.parameters import Colour
from renderer.pictures import Pixels

JOINED_RIGHT: Final = 1
JOINED_BELOW: Final = 2

TONE_FULL_BELOW: Final = 48.0
"""Pixels of the output: smaller tiles are drawn with their full tone."""
TONE_NONE_ABOVE: Final = 240.0
"""Larger ones without any; smooth between."""


@dataclass(frozen=True)
class Sprites:
    """N textured parallelograms in painter's order, in mosaic units (or, as an overlay, in frame units).

    Frame units: 1 is the frame's height, the origin its centre, x right, y down.
    """

    texture: npt.NDArray[np.int32]  # (N,) index into the stage's textures
    centre: Float64Array  # (N, 2) x, y
    right: Float64Array  # (N, 2) from the centre to the middle of the texture's right edge
    down: Float64Array  # (N, 2) from the centre to the middle of its bottom edge
    window: Float64Array  # (N, 4) u0, v0, u1, v1: the part of the texture that is shown, in fractions of it
    opacity: npt.NDArray[np.float32]  # (N,) 0…1
    gain: npt.NDArray[np.float32]  # (N, 3) and
    offset: npt.NDArray[np.float32]  # (N, 3): drawn as gain · colour + offset, sRGB 0…1, fading as a sprite grows
    joined: npt.NDArray[np.uint8]  # (N,) at rest beside neighbours that come later: JOINED_RIGHT | JOINED_BELOW
    tile: npt.NDArray[np.int32]  # (N,) which tile of the first map it is, the same in all frames; −1: none

    def __len__(self) -> int:
        return len(self.texture)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Sprites:
        """Some of the sprites, by a mask, indices or a slice (which copies nothing)."""
        return Sprites(*(values[which] for values in vars(self).values()))

    def moved(
        self,
        centre: Float64Array,
        *,
        size: npt.ArrayLike = 1.0,
        angle: npt.ArrayLike = 0.0,
        tumble: npt.ArrayLike = 0.0,
        axis: npt.ArrayLike = 0.0,
        opacity: npt.ArrayLike = 1.0,
    ) -> Sprites:
        """The sprites elsewhere: (N, 2) centres, and for each, or for all, its size (1: as it is) and attitude.

        `angle`: radians clockwise in the plane; `tumble`: radians out of it, around an axis in the plane that lies at
        `axis` radians (0: along x). Seen from its back a tile shows its picture mirrored. `opacity` multiplies.
        Nothing that moved joins its neighbours.
        """
        turn, out, along = (np.asarray(value, np.float64)[..., np.newaxis] for value in (angle, tumble, axis))
        direction = np.concatenate([np.cos(along), np.sin(along)], axis=-1)
        cosine, sine = np.cos(turn), np.sin(turn)

        def placed(vector: Float64Array) -> Float64Array:
            # What lies along the axis stays, what lies across it is foreshortened.
            kept = direction * (vector * direction).sum(axis=-1, keepdims=True)
            flat = kept + (vector - kept) * np.cos(out)
            x, y = flat[:, :1], flat[:, 1:]
            turned = np.concatenate([x * cosine - y * sine, x * sine + y * cosine], axis=1)
            return turned * np.asarray(size, np.float64)[..., np.newaxis]

        return replace(
            self,
            centre=centre,
            right=placed(self.right),
            down=placed(self.down),
            opacity=(self.opacity * np.asarray(opacity)).astype(np.float32),
            joined=np.zeros(len(self), np.uint8),
        )


def make_sprites(texture: npt.ArrayLike, centre: npt.ArrayLike, right: npt.ArrayLike, down: npt.ArrayLike) -> Sprites:
    """Opaque, untoned sprites (see `Sprites` for the shapes) that show whole textures and join no neighbours."""
    indices = np.atleast_1d(np.asarray(texture, np.int32))
    count = len(indices)

    def pairs(values: npt.ArrayLike) -> Float64Array:
        return np.array(np.broadcast_to(np.asarray(values, np.float64), (count, 2)))

    return Sprites(
        texture=indices,
        centre=pairs(centre),
        right=pairs(right),
        down=pairs(down),
        window=np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (count, 1)),
        opacity=np.ones(count, np.float32),
        gain=np.ones((count, 3), np.float32),
        offset=np.zeros((count, 3), np.float32),
        joined=np.zeros(count, np.uint8),
        tile=np.full(count, -1, np.int32),
    )


@dataclass(frozen=True)
class Camera:
    """Where one looks from. A point p of the mosaic is seen at R(angle) · (p − centre) · scale from the middle."""

    centre: tuple[float, float]  # the point in the middle of the frame, mosaic units
    scale: float  # output pixels a unit, above 0
    angle: float = 0.0  # radians by which the mosaic appears turned clockwise


@dataclass(frozen=True)
class NestedMap:
    """A placement map that a sprite shows: drawn as its own tiles where one of them is wider than 2 pixels."""

    tiles: Sprites  # at rest, in the map's own units
    size: tuple[float, float]  # width and height of the map, units


@dataclass(frozen=True)
class Scene:
    """Everything in one frame."""

    sprites: tuple[Sprites, ...]  # groups, each painted over those before it; one at rest can serve many scenes
    camera: Camera
    background: Colour | int | None = (0.0, 0.0, 0.0)  # or a texture that fills the frame, centre-cropped; None: clear
    overlay: Sprites | None = None  # in frame units, over all else
    nested: Mapping[int, NestedMap] = field(default_factory=dict)  # textures that are maps themselves
    preview: Callable[[Scene], Pixels] | None = None  # how a notebook shows it

    def _repr_png_(self) -> bytes | None:
        """The scene, small, as a notebook shows it."""
        if self.preview is None:
            return None
        shown = io.BytesIO()
        Image.fromarray(self.preview(self)).save(shown, "PNG")
        return shown.getvalue()


Motion = Callable[[float], Scene]
"""A scene for any progress 0…1, each asked for alone: pure, and vectorised over the sprites."""
