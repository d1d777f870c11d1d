"""What is drawn: sprites, the camera, and the scene that holds everything in one frame."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.kernels import arithmetic
from renderer.parameters import Colour
from renderer.scene.space import LIGHT, Space, flat, light_of, rotated, rows_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array
    from renderer.pictures import Pixels

JOINED_RIGHT: Final = 1
JOINED_BELOW: Final = 2  # of a hexagon: below left
JOINED_BELOW_RIGHT: Final = 4  # of a hexagon only

TONE_FULL_BELOW: Final = 48.0
"""Output pixels: tiles up to this size are drawn with their full tone."""

TONE_NONE_ABOVE: Final = 240.0
"""Output pixels: tiles from this size on are drawn without tone; between the two sizes, tone fades smoothly."""


@dataclass(frozen=True)
class Outline:
    """The outline of sprites, and a border inside it, in which no photo is visible.

    A hexagon fills the box of its sprite: its corners are the middles of the upper and the lower edge, and two points
    on each other edge. It is regular if the box is 2/√3 times as high as it is wide. Lengths are shares of the sprite's
    shorter side. They, and the arcs of corners, are foreshortened with the sprite, whose ratio is that of the part of
    the texture that it shows inside its border.
    """

    kind: Literal["rectangle", "hexagon"] = "rectangle"
    radius: float = 0.0  # of a rectangle's corners, 0…0.5; a square with 0.5 is a circle
    border: float = 0.0  # width of the border, 0…0.5
    border_colour: Colour = (1.0, 1.0, 1.0)  # without tone
    opened: float = 0.0  # 0…1: how far a hexagon has become the rectangle of its box

    @property
    def is_plain(self) -> bool:
        """Whether it is a rectangle without border, with sharp corners."""
        return self.kind == "rectangle" and self.radius == self.border == 0

    def opening(self, share: float) -> Outline:
        """Return the outline at 0…1 of the way from this one to a plain rectangle."""
        if share >= 1:
            return RECTANGLE
        left = 1 - share
        opened = 1 - (1 - self.opened) * left if self.kind == "hexagon" else 0.0
        return replace(self, radius=self.radius * left, border=self.border * left, opened=opened)

    def photo_half(self, half: Float64Array) -> Float64Array:
        """Return half the width and height (2,) of the photo inside the border of a sprite of half width and height."""
        if self.kind == "hexagon":
            return half * (1 - 2 * self.border)
        return half - 2 * self.border * float(half.min())

    def sprite_half(self, half: Float64Array) -> Float64Array:
        """Return half the width and height (2,) of the sprite inside whose border a photo has these."""
        inside = 1 - 2 * self.border
        return half / inside if self.kind == "hexagon" else half + 2 * self.border / inside * float(half.min())


RECTANGLE: Final = Outline()


@dataclass(frozen=True)
class Sprites:
    """N textured parallelograms in painter's order: a structure of arrays.

    Positions are in mosaic units: 1 is the shorter side of a regular cell, the origin is the mosaic's top left, x
    points right and y down. In an overlay they are in frame units: 1 is the frame's height, the origin is its centre.
    Sprites with a `space` have a third coordinate, towards the viewer.
    """

    texture: npt.NDArray[np.int32]  # (N,) index into the stage's textures
    centre: Float64Array  # (N, 2) x, y
    right: Float64Array  # (N, 2) from the centre to the middle of the texture's right edge
    down: Float64Array  # (N, 2) from the centre to the middle of its bottom edge
    window: Float64Array  # (N, 4) left, top, right, bottom of the visible part of the texture, 0…1
    opacity: npt.NDArray[np.float32]  # (N,) 0…1
    gain: npt.NDArray[np.float32]  # (N, 3) factor of each sRGB channel; 1: unchanged
    offset: npt.NDArray[np.float32]  # (N, 3) then added, sRGB 0…1; gain and offset fade as a sprite grows
    joined: npt.NDArray[np.uint8]  # (N,) JOINED_RIGHT | JOINED_BELOW | …: adjoins a later sprite, without a seam
    tile: npt.NDArray[np.int32]  # (N,) index of the tile in the first map, the same in all frames; −1: not a tile
    outline: Outline = field(default=RECTANGLE, kw_only=True)  # of all sprites
    space: Space | None = field(default=None, kw_only=True)  # None: all lie in the plane z = 0
    # Drawn at half the frame's size and enlarged, in 0.6 of the time: for what is soft, like shadows.
    without_detail: bool = field(default=False, kw_only=True)
    rest: Rest | None = field(default=None, init=False)  # set by `resting`, kept by `take`, lost in changed copies

    def __len__(self) -> int:
        return len(self.texture)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Sprites:
        """Return some of the sprites, by a mask (N,), indices (M,) or a slice (which copies nothing)."""
        if not isinstance(which, slice) and which.dtype == bool:
            which = np.flatnonzero(which)
        space = None if self.space is None else self.space.take(which)
        arrays = (rows_of(getattr(self, name), which) for name in SPRITE_ARRAYS)
        some = Sprites(*arrays, outline=self.outline, space=space, without_detail=self.without_detail)
        return some if self.rest is None else some.resting(self.rest.take(which))

    def same(self, other: Sprites) -> bool:
        """Return whether others are the same sprites, all unchanged."""
        if self.rest is not None and other.rest is not None:
            return self.rest.same(other.rest)
        if (self.outline, self.without_detail) != (other.outline, other.without_detail):
            return False
        if (self.space is None) != (other.space is None):
            return False
        if self.space is not None and other.space is not None and not self.space.same(other.space):
            return False
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in SPRITE_ARRAYS)

    def resting(self, rest: Rest | None) -> Sprites:
        """Return the sprites, marked as at rest, so that what is drawn once can be used for all scenes."""
        marked = replace(self)
        object.__setattr__(marked, "rest", rest)
        return marked

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
        """Return the sprites moved to other centres, scaled and turned; not joined to any neighbours.

        `centre`: (N, 2), or (N, 3) with the height above the plane, towards the viewer. `size`: factor, 1 leaves a
        sprite as it is. `angle`: radians clockwise in the plane. `tumble`: radians out of the plane, around an axis in
        the plane at `axis` radians (0: along x), before `angle`; a tile seen from behind is mirrored. `opacity`:
        factor, 0…1. Each is one number or an array (N,).
        """
        turn, out, along = (
            np.atleast_1d(np.asarray(value, np.float64))[:, np.newaxis] for value in (angle, tumble, axis)
        )
        direction = np.concatenate([arithmetic.cos(along), arithmetic.sin(along), np.zeros_like(along)], axis=1)
        upwards = np.array([[0.0, 0.0, 1.0]])  # as y points down, a positive angle is clockwise
        factor = np.atleast_1d(np.asarray(size, np.float64))[:, np.newaxis]
        axes = list(self.half_axes())
        if tumbles := bool(out.any()):
            axes = [rotated(each, direction, out) for each in axes]
        if turn.any():
            axes = [rotated(each, upwards, turn) for each in axes]
        right, down = (each * factor for each in axes)
        space = self.space
        if space is not None or centre.shape[1] == 3 or tumbles:
            height = centre[:, 2] if centre.shape[1] == 3 else np.zeros(len(self))
            space = replace(space or flat(len(self)), z=np.stack([height, right[:, 2], down[:, 2]], 1))
        return replace(
            self,
            centre=np.ascontiguousarray(centre[:, :2]),
            right=np.ascontiguousarray(right[:, :2]),
            down=np.ascontiguousarray(down[:, :2]),
            opacity=(self.opacity * np.asarray(opacity)).astype(np.float32),
            joined=np.zeros(len(self), np.uint8),
            space=space,
        )

    def faded(self, opacity: npt.ArrayLike) -> Sprites:
        """Return the sprites with their opacity multiplied by a factor 0…1, one or (N,)."""
        return replace(self, opacity=(self.opacity * np.asarray(opacity)).astype(np.float32))

    def lifted(self, z: Float64Array) -> Sprites:
        """Return the sprites at other heights, while x and y stay, so that neighbours remain joined as on a surface.

        `z`: (N, 3) of `centre`, `right` and `down`, as in `Space`.
        """
        return replace(self, space=replace(self.space or flat(len(self)), z=z))

    def half_axes(self) -> tuple[Float64Array, Float64Array]:
        """Return `right` and `down` in space, each (N, 3)."""
        z = self.heights()
        return np.concatenate([self.right, z[:, 1:2]], 1), np.concatenate([self.down, z[:, 2:]], 1)

    def heights(self) -> Float64Array:
        """Return z of `centre`, `right` and `down`, (N, 3)."""
        return np.zeros((len(self), 3)) if self.space is None else self.space.z

    def height(self) -> Float64Array:
        """Return the heights of the centres above the plane, (N,)."""
        return self.heights()[:, 0]

    def lit(self, amount: float) -> Sprites:
        """Return the sprites brighter or darker by their angle to the light; those parallel to the plane don't change.

        `amount`: 0…1.
        """
        if amount <= 0 or self.space is None:
            return self
        return replace(self, space=replace(self.space, light=light_of(*self.half_axes(), amount)))

    def brightened(self, factor: npt.ArrayLike, added: npt.ArrayLike = 0.0) -> Sprites:
        """Return the sprites with all channels multiplied by a factor, then raised, each one or (N,); instead of light.

        `added`: sRGB, 0…1. Unlike `gain` and `offset`, both are the same at any size of a sprite.
        """
        light = np.stack([np.broadcast_to(np.asarray(each, np.float32), len(self)) for each in (factor, added)], 1)
        return replace(self, space=replace(self.space or flat(len(self)), light=light))

    def blurred(self, softness: npt.ArrayLike) -> Sprites:
        """Return the sprites with blurred edges and photos.

        `softness`: half the width of the edges in units, (N,) or one number.
        """
        soft = np.array(np.broadcast_to(np.asarray(softness, np.float32), len(self)))
        return replace(self, space=replace(self.space or flat(len(self)), softness=soft))

    def shadows(self, texture: int, amount: float) -> Sprites:
        """Return the shadows that the sprites cast on the plane z = 0, as black sprites with soft edges.

        `texture`: index of a black one. `amount`: 0…1. With its height, a shadow becomes wider and fainter; sprites
        that cast none that is visible are left out.
        """
        height = np.maximum(self.height(), 0.0)
        fading = np.minimum(height / _CONTACT, 1) * np.square(np.maximum(1 - height / _HIGHEST, 0))
        opacity = amount * _SHADOW * self.opacity * fading
        some = self.take(opacity > _INVISIBLE)
        assert some.space is not None or not len(some)
        if some.space is None:
            return some
        count, fall = len(some), np.array(LIGHT[:2]) / -LIGHT[2]
        z = some.space.z
        softness = (_SOFTER * z[:, 0]).astype(np.float32)
        return Sprites(
            texture=np.full(count, texture, np.int32),
            centre=some.centre + z[:, :1] * fall,
            right=some.right + z[:, 1:2] * fall,
            down=some.down + z[:, 2:] * fall,
            window=np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (count, 1)),
            opacity=opacity[opacity > _INVISIBLE].astype(np.float32),
            gain=np.ones((count, 3), np.float32),
            offset=np.zeros((count, 3), np.float32),
            joined=np.zeros(count, np.uint8),
            tile=np.full(count, -1, np.int32),
            outline=replace(some.outline, border=0.0),
            space=replace(flat(count), softness=softness),
            without_detail=True,
        )


_SHADOW: Final = 0.75  # opacity of the shadow of a sprite just above the plane
_CONTACT: Final = 0.1  # height in units from which it is full: it appears without a jump
_HIGHEST: Final = 8.0  # height from which there is none
_SOFTER: Final = 0.12  # half the width of its edges, relative to the height
_INVISIBLE: Final = 1 / 128

SPRITE_ARRAYS: Final = tuple(each.name for each in fields(Sprites) if each.init and not each.kw_only)
"""Names of the arrays of sprites, in the order of the constructor."""


@dataclass(frozen=True)
class Rest:
    """What resting sprites are: some tiles of a picture, unchanged apart from `joined`."""

    whole: Sprites  # all tiles of the picture: the same object in all scenes
    which: npt.NDArray[np.intp] | slice = field(default_factory=lambda: slice(None))  # indices in `whole`
    picture: Sprites | None = None  # one sprite that shows the same as the whole
    # (N, 4) x, y, width, height around each tile, in which no other is; None: its box.
    areas: Float64Array | None = None

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Rest | None:
        """Return some of the sprites, as `Sprites.take` does; None if these are already a part."""
        if not isinstance(self.which, slice) or self.which != slice(None):
            return None
        indices = which if isinstance(which, slice) else np.arange(len(self.whole))[which]
        return Rest(self.whole, indices, self.picture, self.areas)

    def same(self, other: Rest) -> bool:
        """Return whether another is the same part of the same picture."""
        if self.whole is not other.whole:
            return False
        mine, its = self.which, other.which
        if isinstance(mine, slice) or isinstance(its, slice):
            return isinstance(mine, slice) and isinstance(its, slice) and mine == its
        return np.array_equal(mine, its)


def make_sprites(texture: npt.ArrayLike, centre: npt.ArrayLike, right: npt.ArrayLike, down: npt.ArrayLike) -> Sprites:
    """Return opaque sprites without tone that show whole textures and adjoin no neighbours.

    `texture`: (N,) or one index; `centre`, `right`, `down`: (N, 2), or (2,) for all. See `Sprites` for the units.
    """
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


FIELD_OF_VIEW: Final = 0.7
"""Vertical angle of view of a camera in radians, 40°: that of a lens of 50 mm on 35 mm film, in landscape format."""


@dataclass(frozen=True)
class Camera:
    """A view of the mosaic, from in front of a point of its plane z = 0.

    The plane is turned by `angle`, then by `yaw` and `pitch` about that point, and seen in perspective. Upright points
    of the plane, z = 0 without yaw and pitch, are drawn at R(angle) · (p − centre) · scale pixels from the middle of
    the frame, whatever the field of view.
    """

    centre: tuple[float, float]  # the point in the middle of the frame, mosaic units
    scale: float  # output pixels per unit at that point, above 0
    angle: float = 0.0  # radians by which the mosaic appears turned clockwise
    pitch: float = 0.0  # radians by which its upper edge is turned away from the viewer
    yaw: float = 0.0  # radians by which its right edge is turned away from the viewer
    field_of_view: float = FIELD_OF_VIEW  # vertical angle in radians, 0 (parallel projection) to below π

    @property
    def faces_plane(self) -> bool:
        """Whether it looks straight at the plane, so that this appears without perspective."""
        return self.pitch == self.yaw == 0

    def distance(self, frame_height: int) -> float:
        """Return the distance of the camera from the point in the middle; infinite without perspective.

        In mosaic units; `frame_height` in pixels.
        """
        half = arithmetic.tan(0.5 * self.field_of_view)
        return 0.5 * frame_height / self.scale / half if half > 0 else math.inf

    def position(self, frame_height: int) -> Float64Array:
        """Return the position of the camera in mosaic units, (3,); not finite without perspective."""
        middle = np.array([*self.centre, 0.0])
        return np.asarray(middle + self.distance(frame_height) * self.axes()[2], np.float64)

    def axes(self) -> Float64Array:
        """Return the frame's x (right), y (down) and z axis (to the viewer) as rows, in mosaic units: (3, 3)."""
        (sin_a, cos_a), (sin_p, cos_p), (sin_y, cos_y) = (
            (arithmetic.sin(each), arithmetic.cos(each)) for each in (self.angle, self.pitch, self.yaw)
        )
        # Turned in the plane, then by yaw, then by pitch.
        down = np.array([sin_a, cos_a, 0.0])
        across, towards = np.array([[cos_y * cos_a, -cos_y * sin_a, sin_y], [-sin_y * cos_a, sin_y * sin_a, cos_y]])
        return np.stack([across, cos_p * down - sin_p * towards, sin_p * down + cos_p * towards])

    def sees_front(self, sprites: Sprites, frame_height: int) -> npt.NDArray[np.bool_]:
        """Return which sprites turn their front to the camera, as a mask (N,); others are seen from behind.

        In front of the photo of a tile in its cell, also if it is mirrored there, is the side that this shows to the
        same camera: compare both. `frame_height`: pixels.
        """
        normal = np.cross(*sprites.half_axes())
        position = np.concatenate([sprites.centre, sprites.height()[:, np.newaxis]], 1)
        if math.isinf(self.distance(frame_height)):
            return np.asarray(arithmetic.product(normal, self.axes()[2]) > 0, np.bool_)
        return np.asarray((normal * (self.position(frame_height) - position)).sum(axis=1) > 0, np.bool_)

    def far_to_near(self, sprites: Sprites) -> Sprites:
        """Return sprites in the order of their distance, the farthest first; those at the same keep their order."""
        if self.faces_plane and not sprites.height().any():
            return sprites
        axis = self.axes()[2]
        distance = arithmetic.product(sprites.centre, -axis[:2]) - sprites.height() * axis[2]
        order = np.argsort(-distance, kind="stable")
        return sprites.take(order)


@dataclass(frozen=True)
class NestedMap:
    """A placement map used as a texture: drawn as its own tiles where these are large enough.

    It may have a window, and tiles on its edge are then cut.
    """

    tiles: Sprites  # at rest, in units of the nested map
    size: tuple[float, float]  # width and height of the map in its units
    opened: float = 2.0  # pixels per unit above which it is drawn as its tiles


@dataclass(frozen=True)
class Scene:
    """Everything in one frame."""

    sprites: tuple[Sprites, ...]  # groups, each painted over those before it; scenes may share them
    camera: Camera
    background: Colour | int | None = (0.0, 0.0, 0.0)  # or a texture that fills the frame, or None: transparent
    overlay: Sprites | None = None  # in frame units, over everything else; plain rectangles
    nested: Mapping[int, NestedMap] = field(default_factory=dict)  # by index of the texture that shows the map
    preview: Callable[[Scene], Pixels] | None = None  # draws it small, for notebooks

    def same(self, other: Scene) -> bool:
        """Return whether another scene shows the same."""
        groups = [(*scene.sprites, *([scene.overlay] if scene.overlay is not None else [])) for scene in (self, other)]
        return (
            self.camera == other.camera
            and self.background == other.background
            and self.nested is other.nested
            and len(self.sprites) == len(other.sprites)
            and len(groups[0]) == len(groups[1])
            and all(mine.same(its) for mine, its in zip(*groups, strict=True))
        )

    def through(self, camera: Camera) -> tuple[Sprites, ...]:
        """Return the sprites as another camera must see them to show the same; both without angle, pitch and yaw."""
        if camera == self.camera:
            return self.sprites
        larger, middle = self.camera.scale / camera.scale, np.array(camera.centre)
        return tuple(
            replace(
                group,
                centre=middle + (group.centre - self.camera.centre) * larger,
                right=group.right * larger,
                down=group.down * larger,
                space=None if group.space is None else replace(group.space, z=group.space.z * larger),
            )
            for group in self.sprites
        )

    def _repr_png_(self) -> bytes | None:
        """Return a small picture of the scene, which notebooks display."""
        if self.preview is None:
            return None
        from PIL import Image

        encoded = io.BytesIO()
        Image.fromarray(self.preview(self)).save(encoded, "PNG")
        return encoded.getvalue()


Motion = Callable[[float], Scene]
"""A pure function from a progress, 0…1, to its scene; called in any order, from any thread and process."""
