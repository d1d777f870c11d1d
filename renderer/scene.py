"""What an animation is given, what it gives back, and the contract between the two. Animations import this alone.

An animation is a frozen dataclass of parameters with a `prepare` method, registered under the entry-point group
`renderer.animations`::

    @dataclass(frozen=True)
    class Spin(Animation):
        \"\"\"Turn the whole mosaic once.\"\"\"

        turns: float = parameter(1.0, "How often it turns", unit="turns", low=-10, high=10)

        def prepare(self, stage: Stage) -> Motion:
            sprites, camera = stage.resting_sprites(), stage.whole_camera()
            return lambda progress: stage.scene(replace(camera, angle=2 * pi * self.turns * progress), sprites)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt

from renderer.errors import InputError
from renderer.library import Library, Photo, find_photo, no_photo
from renderer.pictures import read_picture, resize
from renderer.placement import PlacementMap
from renderer.subject import attention, subject_place
from renderer.textures import MAX_SIDE, Textures

Colour = tuple[float, float, float]
"""Red, green, blue in sRGB, 0…1."""

Fit = Literal["crop", "pad", "blur"]
"""How a mosaic meets a frame of another shape: `crop` fills the frame, `pad` shows all of the mosaic over the
background colour, `blur` all of it over its own blurred picture."""

Target = tuple[float, float] | str
"""A place of a mosaic: a point (x, y) in fractions of its cover, or a photo by its path or name."""

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

FAR_PIXELS: Final = 4.0
"""Pixels a unit below which a map at rest is drawn as its picture."""

JOINED_RIGHT: Final = 1
JOINED_BELOW: Final = 2


# -- Sprites, camera, scene ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sprites:
    """N textured parallelograms in painter's order, in mosaic units (or, as an overlay, in frame units).

    Frame units: 1 is the frame's height, the origin its centre, x right, y down.
    """

    texture: npt.NDArray[np.int32]  # (N,) index into the stage's textures
    centre: Floats  # (N, 2) x, y
    right: Floats  # (N, 2) from the centre to the middle of the texture's right edge
    down: Floats  # (N, 2) from the centre to the middle of its bottom edge
    window: Floats  # (N, 4) u0, v0, u1, v1: the part of the texture that is shown, in fractions of it
    opacity: npt.NDArray[np.float32]  # (N,) 0…1
    gain: npt.NDArray[np.float32]  # (N, 3) and
    offset: npt.NDArray[np.float32]  # (N, 3): drawn as gain · colour + offset, sRGB 0…1, fading as a sprite grows
    joined: npt.NDArray[np.uint8]  # (N,) at rest beside neighbours that come later: JOINED_RIGHT | JOINED_BELOW

    def __len__(self) -> int:
        return len(self.texture)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Sprites:
        """Some of the sprites, by a mask, indices or a slice (which copies nothing)."""
        return Sprites(*(values[which] for values in vars(self).values()))

    def moved(
        self,
        centre: Floats,
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

        def placed(vector: Floats) -> Floats:
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

    def pairs(values: npt.ArrayLike) -> Floats:
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
    )


@dataclass(frozen=True)
class Camera:
    """Where one looks from. A point p of the mosaic is seen at R(angle) · (p − centre) · scale from the middle."""

    centre: tuple[float, float]  # the point in the middle of the frame, mosaic units
    scale: float  # output pixels a unit, above 0
    angle: float = 0.0  # radians by which the mosaic appears turned clockwise


@dataclass(frozen=True)
class Scene:
    """Everything in one frame."""

    sprites: tuple[Sprites, ...]  # groups, each painted over those before it; one at rest can serve many scenes
    camera: Camera
    background: Colour | int = (0.0, 0.0, 0.0)  # a colour, or a texture that fills the frame, centre-cropped
    overlay: Sprites | None = None  # in frame units, over all else


Motion = Callable[[float], Scene]
"""A scene for any progress 0…1, each asked for alone: pure, and vectorised over the sprites."""

Ending = Literal["mosaic", "photo", "cover", "empty"]
"""What stands still at an animation's end: the whole mosaic as the fit says, one photo, the plain cover as the fit
says, or only the background."""


def parse_target(text: str) -> Target:
    """A point from "X,Y", each 0…1, or else the name of a photo. Raises InputError for a point outside."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        return text
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"--focus {text} is outside the cover: X and Y are fractions of it, from 0 to 1")
    return x, y


# -- The stage -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """What an animation is given."""

    maps: Sequence[PlacementMap]  # at least one; the first is the animation's mosaic
    libraries: Sequence[Library]  # the photos of each map, in the order of its `photos`
    textures: Textures
    first_texture: Sequence[int]  # texture of each map's photo 0; its other photos follow in order
    frame: tuple[int, int]  # width and height in pixels
    seconds: float  # how long the animation lasts
    seed: int = 0  # of the motion
    fit: Fit = "crop"
    background: Colour | int = (0.0, 0.0, 0.0)
    far_pictures: Sequence[int | None] = ()  # texture of each map's picture at 4 pixels a unit, where it is needed
    cover: Path | None = None  # the first map's cover, where there is one
    frames: int = 2  # how many the animation is shown in: progress moves by 1 / (frames − 1)
    from_cell: int | None = None  # the cell of the photo that stands still when the animation begins, if one does

    @property
    def mosaic(self) -> PlacementMap:
        """The first map."""
        return self.maps[0]

    def resting_sprites(self, which: int = 0) -> Sprites:
        """The tiles of a map, each in its cell."""
        placement = self.maps[which]
        x, y, width, height = placement.cell.T
        flip_x = np.where(placement.symmetry & 1, -0.5, 0.5)
        flip_y = np.where(placement.symmetry & 2, -0.5, 0.5)
        turned = (placement.symmetry & 4) > 0
        zero = np.zeros(len(placement))
        right = np.where(turned[:, np.newaxis], np.stack([zero, flip_x], 1), np.stack([flip_x, zero], 1))
        down = np.where(turned[:, np.newaxis], np.stack([flip_y, zero], 1), np.stack([zero, flip_y], 1))
        sides = np.stack([width, height], 1)
        joined = np.where(x + width < placement.size[0] - 1e-6, JOINED_RIGHT, 0)
        joined |= np.where(y + height < placement.size[1] - 1e-6, JOINED_BELOW, 0)
        return Sprites(
            texture=(placement.photo + self.first_texture[which]).astype(np.int32),
            centre=placement.cell[:, :2] + 0.5 * sides,
            right=right * sides,
            down=down * sides,
            window=np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(placement), 1)),
            opacity=np.ones(len(placement), np.float32),
            gain=placement.gain,
            offset=placement.offset,
            joined=joined.astype(np.uint8),
        )

    def seen_tiles(self, tiles: Sprites, camera: Camera, which: int = 0) -> Sprites:
        """Those of a map's resting tiles that a camera can see, or, where they are under 4 pixels, its picture.

        What a frame costs is so bounded by the frame, not by the cells. The tiles are a slice of `tiles`, nothing is
        copied: all of the rows between the first and the last that is seen, as far as the cells are in row order.
        """
        picture = self.far_pictures[which] if self.far_pictures else None
        width, height = self.maps[which].size
        if picture is not None and camera.scale < FAR_PIXELS * (1 - 1e-9):
            return make_sprites(picture, (width / 2, height / 2), (width / 2, 0), (0, height / 2))
        tops = self.maps[which].tops
        if tops is None:
            return tiles
        reach = 0.5 * math.hypot(*self.frame) / camera.scale if camera.angle else 0.5 * self.frame[1] / camera.scale
        tallest = self.maps[which].tallest
        first = int(np.searchsorted(tops, camera.centre[1] - reach - tallest))
        last = int(np.searchsorted(tops, camera.centre[1] + reach, side="right"))
        return tiles.take(slice(first, last))

    def partly_resting(self, tiles: Sprites, which: int = 0) -> Callable[[npt.NDArray[np.bool_]], Sprites]:
        """A function that gives those of a map's resting tiles (a mask) that still rest while others move.

        They join only those neighbours that rest as well.
        """
        cell = self.maps[which].cell
        pairs = self.maps[which].neighbours()
        beside = np.abs(cell[pairs[:, 0], 0] + cell[pairs[:, 0], 2] - cell[pairs[:, 1], 0]) < 1e-6
        bits = np.where(beside, JOINED_RIGHT, JOINED_BELOW).astype(np.uint8)

        def part(resting: npt.NDArray[np.bool_]) -> Sprites:
            if resting.all():
                return tiles
            joined = tiles.joined.copy()
            left = ~resting[pairs[:, 1]]
            np.bitwise_and.at(joined, pairs[left, 0], ~bits[left])
            return replace(tiles, joined=joined).take(resting)

        return part

    def cover_pieces(self) -> Sprites:
        """The first map's cover in place of its tiles: each cell shows its own piece. Raises InputError without one."""
        if self.cover is None:
            name = self.mosaic.recipe.get("cover", "of this map")
            raise InputError(f"the cover {name} is needed and was not found: put it beside the .mosaic file")
        picture = read_picture(self.cover, shorter_side=2 * min(self.frame)).pixels
        left, top, width, height = self.mosaic.crop
        rows, columns = picture.shape[:2]
        cut = picture[
            round(top * rows) : max(round((top + height) * rows), 1),
            round(left * columns) : max(round((left + width) * columns), 1),
        ]
        shrink = min(1.0, MAX_SIDE / max(cut.shape[:2]))
        cut = resize(cut, max(round(cut.shape[1] * shrink), 1), max(round(cut.shape[0] * shrink), 1))
        corner, size = self.mosaic.cell[:, :2], self.mosaic.cell[:, 2:]
        tiles = self.resting_sprites()
        half = 0.5 * size
        zero = np.zeros(len(tiles))
        return replace(
            make_sprites(
                np.full(len(tiles), self.textures.add_picture(cut)), corner + half,
                np.stack([half[:, 0], zero], 1), np.stack([zero, half[:, 1]], 1),
            ),
            window=np.concatenate([corner, corner + size], 1) / np.tile(self.mosaic.size, 2),
            joined=tiles.joined,
        )  # fmt: skip

    def chance(self) -> np.random.Generator:
        """Random numbers that follow from the motion's seed."""
        return np.random.default_rng(self.seed)

    def view(self, camera: Camera) -> tuple[float, float]:
        """Width and height of what a camera sees, in mosaic units."""
        return self.frame[0] / camera.scale, self.frame[1] / camera.scale

    def whole_camera(self, which: int = 0) -> Camera:
        """The camera that sees a map as the fit says: filling the frame, or all of it.

        A frame that is filled shows the part of the map that matters most: its faces, and what draws the eye.
        """
        width, height = self.maps[which].size
        across, along = self.frame[0] / width, self.frame[1] / height
        if self.fit != "crop":
            return Camera((width / 2, height / 2), min(across, along))
        scale = max(across, along)
        weights = attention(self.maps[which].colours(), self.maps[which].faces)
        x, y = (
            side * subject_place(weights, axis, self.frame[1 - axis] / scale / side)
            for axis, side in ((1, width), (0, height))
        )
        return Camera((x, y), scale)

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the first map, in its units, from fractions of its cover."""
        left, top, width, height = self.mosaic.crop
        return (
            (point[0] - left) / width * self.mosaic.size[0],
            (point[1] - top) / height * self.mosaic.size[1],
        )

    def cell_at(self, target: Target) -> int:
        """The first map's cell that a target names. Raises InputError if it names a photo that is not placed."""
        corner, size = self.mosaic.cell[:, :2], self.mosaic.cell[:, 2:]
        if isinstance(target, str):
            number = find_photo(target, self.mosaic.photos)
            if number is None:
                raise InputError(no_photo(target, self.mosaic.photos))
            cells = np.flatnonzero(self.mosaic.photo == number)
            off = np.abs(corner + 0.5 * size - 0.5 * np.array(self.mosaic.size)).max(axis=1)
            return int(cells[off[cells].argmin()])
        place = np.array(self.place(target))
        away = np.maximum(np.maximum(corner - place, place - corner - size), 0).sum(axis=1)
        return int(np.flatnonzero(away == away.min())[-1])  # on an edge, the cell that begins there

    def add_background(self) -> int:
        """A texture of the background alone."""
        if isinstance(self.background, int):
            return self.background
        colour = np.array(self.background) * 255 + 0.5
        return self.textures.add_picture(np.full((1, 1, 3), colour.astype(np.uint8)))

    def scene(self, camera: Camera, *sprites: Sprites, overlay: Sprites | None = None) -> Scene:
        """A scene of groups of sprites over the stage's background."""
        return Scene(sprites, camera, self.background, overlay)

    def photo(self, index: int, which: int = 0) -> Photo:
        """A photo of a map."""
        return self.maps[which].photos[index]

    def add_whole(self, index: int, width: float, height: float, which: int = 0) -> int:
        """A texture of all of a photo, whose sharpest level is `width` × `height` pixels; 16,384 at most."""
        longest = max(width, height)
        shrink = min(1.0, MAX_SIDE / longest)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        return self.textures.add_whole(self.libraries[which], self.photo(index, which), *size)


# -- Easing --------------------------------------------------------------------------------------------------------

Easing = Literal["linear", "sine", "smooth", "cubic", "cruise"]

_RAMP: Final = 0.35  # share of a cruise that each of its ends takes


def _cruise(x: Floats) -> Floats:
    """Constant speed in the middle; at both ends the speed itself rises and falls as a cosine, without a jerk."""
    near_end = np.minimum(x, 1 - x)
    start = 0.5 * near_end - 0.5 * _RAMP / np.pi * np.sin(np.pi * np.minimum(near_end, _RAMP) / _RAMP)
    way = np.where(near_end < _RAMP, start, near_end - 0.5 * _RAMP) / (1 - _RAMP)
    return np.where(x < 0.5, way, 1 - way)


EASINGS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "linear": lambda x: x,
    "sine": lambda x: 0.5 - 0.5 * np.cos(np.pi * x),
    "smooth": lambda x: x * x * (3 - 2 * x),
    "cubic": lambda x: np.where(x < 0.5, 4 * x**3, 1 - 4 * (1 - x) ** 3),
    "cruise": _cruise,
}
"""Eased progress by name: 0…1 → 0…1, monotone; all but `linear` start and end at rest."""


def ease(progress: float | Floats, easing: Easing = "sine", start: float = 0.0, end: float = 1.0) -> Floats:
    """Eased progress of a movement that fills start…end of the whole: 0 before, 1 after. Any shape."""
    x = np.clip((np.asarray(progress, np.float64) - start) / max(end - start, 1e-9), 0.0, 1.0)
    return np.clip(EASINGS[easing](x), 0.0, 1.0)  # rounding may leave it by 1e-28


# -- Parameters and the contract -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ParameterInfo:
    """What is said of a parameter where it is declared; its option, preset key and documentation come from it."""

    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    option: str = ""  # another spelling on the command line, such as "-o"


def parameter(
    default: T,
    help: str,  # noqa: A002 (as the field of ParameterInfo, which no builtin can shadow)
    *,
    unit: str = "",
    low: float = -math.inf,
    high: float = math.inf,
    option: str = "",
) -> T:
    """Declare a parameter of a dataclass: its default, one line of help, its unit and the range it may take."""
    info = ParameterInfo(help, unit, low, high, option)
    return field(default=default, metadata={"parameter": info})


def parameters(owner: object) -> dict[str, ParameterInfo]:
    """What is declared of the parameters of a dataclass (or an instance of one), by field name."""
    declared: dict[str, ParameterInfo] = {}
    for f in fields(cast("Any", owner)):
        if isinstance(info := f.metadata.get("parameter"), ParameterInfo):
            declared[f.name] = info
    return declared


def check_ranges(owner: object) -> None:
    """Raise InputError if a number among a dataclass's parameters is not in its range (or is no number)."""
    for name, info in parameters(owner).items():
        value = getattr(owner, name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not info.low <= number <= info.high:
                bounds = f"from {info.low:g} to {info.high:g}" if math.isfinite(info.high) else f"at least {info.low:g}"
                raise InputError(
                    f"--{name.replace('_', '-')} {number:g} is out of range: it is {bounds} {info.unit}".rstrip()
                )


@dataclass(frozen=True)
class Animation(ABC):
    """Base of all animations: a frozen dataclass whose fields are made by `parameter`, with a docstring of one line.

    `first` and `last` say what stands still at its two ends; `endings` may be overridden where that depends on
    parameters.
    """

    first: ClassVar[Ending] = "mosaic"
    last: ClassVar[Ending] = "mosaic"
    seconds: ClassVar[float] = 10.0
    """How long it lasts if nobody says."""

    reverse: bool = parameter(False, "Play it backwards")

    def __post_init__(self) -> None:
        """Refuse parameters out of their ranges with InputError."""
        check_ranges(self)

    @abstractmethod
    def prepare(self, stage: Stage) -> Motion:
        """Do once what serves all frames (orders, paths, textures) and return the motion.

        Called before the first frame, in each process that draws. The motion must be a pure function of progress
        and may raise nothing; `prepare` may raise InputError for parameters that don't suit the stage.
        """

    def play(self, stage: Stage) -> Motion:
        """The motion as it is shown: prepared, and turned round if it is to be played backwards."""
        motion = self.prepare(stage)
        return (lambda progress: motion(1.0 - progress)) if self.reverse else motion

    def endings(self) -> tuple[Ending, Ending]:
        """What stands still at progress 0 and at progress 1 of the prepared motion."""
        return self.first, self.last

    def shown_endings(self) -> tuple[Ending, Ending]:
        """What stands still at the beginning and at the end of what is shown."""
        first, last = self.endings()
        return (last, first) if self.reverse else (first, last)

    def lasts(self) -> float:
        """Seconds it lasts if nobody says."""
        return self.seconds

    def targets(self) -> tuple[Target, ...]:
        """What of the mosaic the animation is about, if the user chose something.

        The matcher places a photo that is named, and, where the tiles are cut from the cover, the whole cover at the
        first point.
        """
        return ()
