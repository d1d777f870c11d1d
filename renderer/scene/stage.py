"""The stage: what an animation is given, and what it can ask of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array
from renderer.errors import InputError
from renderer.library import Library, Photo, find_photo, unknown_photo
from renderer.parameters import Colour
from renderer.pictures import read_picture, resize
from renderer.placement import PlacementMap
from renderer.scene.preview import preview
from renderer.scene.sprites import (
    JOINED_BELOW,
    JOINED_RIGHT,
    Camera,
    NestedMap,
    Scene,
    Sprites,
    make_sprites,
)
from renderer.subject import attention, subject_position
from renderer.textures import MAX_SIDE, Textures

Fit = Literal["crop", "pad", "blur"]
"""How a mosaic meets a frame of another shape: `crop` fills the frame, `pad` shows all of the mosaic over the
background colour, `blur` all of it over its own blurred picture."""

Target = tuple[float, float] | str
"""A place of a mosaic: a point (x, y) in fractions of its cover, or a photo by its path or name."""

FAR_PIXELS: Final = 4.0
"""Pixels a unit below which a map at rest is drawn as its picture."""


def _spot(shape: tuple[int, ...], place: tuple[float, float], size: tuple[float, float]) -> Float64Array:
    """Weights (H, W) that fall off around a place of a map of a size."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot((x + 0.5) / shape[1] - place[0] / size[0], (y + 0.5) / shape[0] - place[1] / size[1])
    return np.asarray(np.exp(-away / 0.08), np.float64)


def _unheard(_message: str) -> None:
    """Say nothing."""


def parse_target(text: str) -> Target:
    """A point from "X,Y", each 0…1, or else the name of a photo. Raises InputError for a point outside."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        return text
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"--focus {text} is outside the cover: X and Y are fractions of it, from 0 to 1")
    return x, y


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
    background: Colour | int | None = (0.0, 0.0, 0.0)  # None: transparent
    covered: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # top, right, bottom, left, shares of the frame
    subject: tuple[float, float] | None = None  # what must stay in view, in fractions of the first map's cover
    far_pictures: Sequence[int | None] = ()  # texture of each map's picture at 4 pixels a unit, where it is needed
    cover: Path | None = None  # the first map's cover, where there is one
    frames: int = 2  # how many the animation is shown in: progress moves by 1 / (frames − 1)
    from_cell: int | None = None  # the cell of the photo that stands still when the animation begins, if one does
    notice: Callable[[str], None] = _unheard  # says one line that a user should know
    nested: dict[int, NestedMap] = field(default_factory=dict)  # maps that are textures too, by texture

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
            tile=np.arange(len(placement), dtype=np.int32),
        )

    def seen_tiles(self, tiles: Sprites, camera: Camera, which: int = 0) -> Sprites:
        """Those of a map's resting tiles that a camera can see, or, where they are under 4 pixels, its picture.

        What a frame costs is so bounded by the frame, not by the cells. The tiles are a slice of `tiles`, nothing is
        copied: from the first to the last that may be seen by its height, which serves as far as cells go by rows.
        """
        picture = self.far_pictures[which] if self.far_pictures else None
        width, height = self.maps[which].size
        if picture is not None and camera.scale < FAR_PIXELS * (1 - 1e-9):
            return make_sprites(picture, (width / 2, height / 2), (width / 2, 0), (0, height / 2))
        reach = 0.5 * math.hypot(*self.frame) / camera.scale if camera.angle else 0.5 * self.frame[1] / camera.scale
        first = int(np.searchsorted(self.maps[which].bottoms, camera.centre[1] - reach))
        last = int(np.searchsorted(self.maps[which].tops, camera.centre[1] + reach, side="right"))
        return tiles.take(slice(first, last))

    def partly_resting(self, tiles: Sprites, which: int = 0) -> Callable[[npt.NDArray[np.bool_]], Sprites]:
        """A function that gives those of a map's resting tiles (a mask) that still rest while others move.

        A side is joined if any neighbour there rests as well.
        """
        cell = self.maps[which].cell
        pairs = self.maps[which].neighbours()
        beside = np.abs(cell[pairs[:, 0], 0] + cell[pairs[:, 0], 2] - cell[pairs[:, 1], 0]) < 1e-6
        bits = np.where(beside, JOINED_RIGHT, JOINED_BELOW).astype(np.uint8)

        def part(resting: npt.NDArray[np.bool_]) -> Sprites:
            if resting.all():
                return tiles
            stay = resting[pairs[:, 1]]
            joined = np.zeros_like(tiles.joined)
            np.bitwise_or.at(joined, pairs[stay, 0], bits[stay])
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
            tile=tiles.tile,
        )  # fmt: skip

    def rng(self) -> np.random.Generator:
        """Random numbers that follow from the motion's seed."""
        return np.random.default_rng(self.seed)

    def rest_shares(self, seconds: Sequence[float]) -> Float64Array:
        """Shares of the time for rests of some seconds, cut so that at least half of it is left to movement."""
        fitting = min(1.0, 0.5 * self.seconds / max(sum(seconds), 1e-9))
        return np.array(seconds, np.float64) * fitting / self.seconds

    def view(self, camera: Camera) -> tuple[float, float]:
        """Width and height of what a camera sees, in mosaic units."""
        return self.frame[0] / camera.scale, self.frame[1] / camera.scale

    def whole_camera(self, which: int = 0) -> Camera:
        """The camera that sees a map as the fit says: filling the frame, or all of it.

        A frame that is filled shows the part of the map that matters most, its faces and what draws the eye, and shows
        it where nothing covers the frame, as far as that can be.
        """
        width, height = self.maps[which].size
        across, along = self.frame[0] / width, self.frame[1] / height
        if self.fit != "crop":
            return Camera((width / 2, height / 2), min(across, along))
        scale = max(across, along)
        weights = attention(self.maps[which].colours(), self.maps[which].faces)
        if self.subject is not None and which == 0:
            weights = _spot(weights.shape, self.place(self.subject), self.maps[which].size)
        top, right, bottom, left = self.covered
        x, y = (
            side * subject_position(weights, axis, self.frame[1 - axis] / scale / side, before, after)
            for axis, side, before, after in ((1, width, left, right), (0, height, top, bottom))
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
                raise InputError(unknown_photo(target, self.mosaic.photos))
            cells = np.flatnonzero(self.mosaic.photo == number)
            off = np.abs(corner + 0.5 * size - 0.5 * np.array(self.mosaic.size)).max(axis=1)
            return int(cells[off[cells].argmin()])
        place = np.array(self.place(target))
        away = np.maximum(np.maximum(corner - place, place - corner - size), 0).sum(axis=1)
        return int(np.flatnonzero(away == away.min())[-1])  # on an edge, the cell that begins there

    def add_background(self) -> int:
        """A texture of the background alone. Raises InputError where there is none."""
        if self.background is None:
            raise InputError("--transparent leaves nothing to hide the tiles with: give another --landing")
        if isinstance(self.background, int):
            return self.background
        colour = np.array(self.background) * 255 + 0.5
        return self.textures.add_picture(np.full((1, 1, 3), colour.astype(np.uint8)))

    def add_map(self, which: int) -> int:
        """A texture that is a whole map: its picture, and from 2 pixels a tile on its own tiles."""
        placement = self.maps[which]
        longest = min(round(2 * max(placement.size)), MAX_SIDE)
        picture = np.clip(placement.colours(longest) * 255 + 0.5, 0, 255).astype(np.uint8)
        texture = self.textures.add_picture(picture)
        self.nested[texture] = NestedMap(self.resting_sprites(which), placement.size)
        return texture

    def scene(self, camera: Camera, *sprites: Sprites, overlay: Sprites | None = None) -> Scene:
        """A scene of groups of sprites over the stage's background."""
        shown = partial(preview, textures=self.textures, frame=self.frame)
        return Scene(sprites, camera, self.background, overlay, self.nested, shown)

    def photo(self, index: int, which: int = 0) -> Photo:
        """A photo of a map."""
        return self.maps[which].photos[index]

    def add_whole(self, index: int, width: float, height: float, which: int = 0) -> int:
        """A texture of all of a photo, whose sharpest level is `width` × `height` pixels; 16,384 at most."""
        longest = max(width, height)
        shrink = min(1.0, MAX_SIDE / longest)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        return self.textures.add_whole(self.libraries[which], self.photo(index, which), *size)
