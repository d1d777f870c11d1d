"""What is drawn: sprites, the camera, and the scene that holds everything in one frame."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.parameters import Colour

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
    rest: Rest | None = field(default=None, init=False)  # set by `resting`, kept by `take`, lost in changed copies

    def __len__(self) -> int:
        return len(self.texture)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Sprites:
        """Return some of the sprites, by a mask (N,), indices (M,) or a slice (which copies nothing)."""
        some = Sprites(*(getattr(self, name)[which] for name in SPRITE_ARRAYS), outline=self.outline)
        return some if self.rest is None else some.resting(self.rest.take(which))

    def same(self, other: Sprites) -> bool:
        """Return whether others are the same sprites, all unchanged."""
        if self.rest is not None and other.rest is not None:
            return self.rest.same(other.rest)
        return self.outline == other.outline and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in SPRITE_ARRAYS
        )

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
        """Return the sprites moved to other centres, (N, 2), scaled and turned; not joined to any neighbours.

        `size`: factor, 1 leaves a sprite as it is. `angle`: radians clockwise in the plane. `tumble`: radians out of
        the plane, around an axis in the plane at `axis` radians (0: along x); a tile seen from behind is mirrored.
        `opacity`: factor, 0…1. Each is one number or an array (N,).
        """
        turn, out, along = (np.asarray(value, np.float64)[..., np.newaxis] for value in (angle, tumble, axis))
        direction = np.concatenate([np.cos(along), np.sin(along)], axis=-1)
        cosine, sine = np.cos(turn), np.sin(turn)

        def turned(vector: Float64Array) -> Float64Array:
            # The component along the axis stays, the component across it is foreshortened.
            parallel = direction * (vector * direction).sum(axis=-1, keepdims=True)
            flat = parallel + (vector - parallel) * np.cos(out)
            x, y = flat[:, :1], flat[:, 1:]
            rotated = np.concatenate([x * cosine - y * sine, x * sine + y * cosine], axis=1)
            return rotated * np.asarray(size, np.float64)[..., np.newaxis]

        return replace(
            self,
            centre=centre,
            right=turned(self.right),
            down=turned(self.down),
            opacity=(self.opacity * np.asarray(opacity)).astype(np.float32),
            joined=np.zeros(len(self), np.uint8),
        )


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


@dataclass(frozen=True)
class Camera:
    """A view of the plane: point p is drawn R(angle) · (p − centre) · scale pixels from the middle of the frame."""

    centre: tuple[float, float]  # the point in the middle of the frame, mosaic units
    scale: float  # output pixels per unit, above 0
    angle: float = 0.0  # radians by which the mosaic appears turned clockwise


@dataclass(frozen=True)
class NestedMap:
    """A placement map used as a texture: drawn as its own tiles where these are wider than 2 pixels."""

    tiles: Sprites  # at rest, in units of the nested map
    size: tuple[float, float]  # width and height of the map in its units


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
