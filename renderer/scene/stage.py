"""The stage: what an animation receives, can query and can create."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

import numpy as np

from renderer.choices import Fit
from renderer.deprecation import old_method
from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.parameters import Colour
from renderer.scene.sprites import (
    Camera,
    NestedMap,
    Rest,
    Scene,
    Sprites,
    make_sprites,
)
from renderer.scene.tiles import joined_sides, masked_box, outline_of, shares_of, sides_joined, tiles_at_rest
from renderer.scene.views import bounds_of, plane_in_view, view_of
from renderer.shapes import TileShape

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from renderer.arrays import Float64Array, Pixels
    from renderer.framing import Framing
    from renderer.library import Library, Photo
    from renderer.placement import PlacementMap
    from renderer.scene.tiles import Bounds
    from renderer.textures import Textures

T = TypeVar("T")

Target = tuple[float, float] | str
"""A target in a mosaic: a point (x, y) in fractions of its cover, or a photo by its path or name."""

MASK_MARGIN: Final = 0.04
"""Margin around the tiles that a mask leaves, as a share of the shorter side of the frame."""

GROUND_LIGHT: Final = 0.75
"""Brightness of the blurred copy of a photo around it, relative to the photo, which then stands out."""

FAR_PIXELS: Final = 4.0
"""Pixels per unit below which a map whose tiles are all at rest is drawn as one picture."""


def _spot(shape: tuple[int, ...], position: tuple[float, float], size: tuple[float, float]) -> Float64Array:
    """Return weights (H, W), 0…1, that fall off around a position in a map; position and size in mosaic units."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.stack(
        [(x + 0.5) / shape[1] - position[0] / size[0], (y + 0.5) / shape[0] - position[1] / size[1]], axis=-1
    )
    return arithmetic.exp(-arithmetic.lengths(away) / 0.08)


def _ignore(_message: str) -> None:
    """Discard a notice."""


def parse_target(text: str) -> Target:
    """Return a point from "X,Y", or any other text as the name of a photo. Raises InputError for X or Y outside 0…1."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        return text
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"{named('focus', text)} is outside the cover: X and Y are fractions of it, from 0 to 1")
    return x, y


@dataclass(frozen=True)
class Stage:
    """Everything that an animation receives: the maps, their photos and textures, and the frame."""

    maps: Sequence[PlacementMap]  # at least one; the first is the mosaic
    libraries: Sequence[Library]  # the photos of each map, in the order of its `photos`
    textures: Textures
    first_texture: Sequence[int]  # index of the texture of each map's photo 0; those of its other photos follow
    frame: tuple[int, int]  # width and height in pixels
    seconds: float  # duration of the animation
    seed: int = 0  # for `rng`
    fit: Fit = "crop"
    background: Colour | int | None = (0.0, 0.0, 0.0)  # None: transparent
    covered: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # top, right, bottom, left, 0…1 of the frame
    subject: tuple[float, float] | None = None  # point to keep visible, in fractions of the first map's cover
    far_pictures: Sequence[int | None] = ()  # texture of each map drawn at 4 pixels per unit, where needed
    # For each map, reads its cover, (H, W, 3 or 4), with at least this shorter side if it has it; None: it is unknown.
    read_covers: Sequence[Callable[[int], Pixels] | None] = ()
    frames: int = 2  # frames of the animation: progress advances by 1 / (frames − 1), in a loop by 1 / frames
    adjacent: Scene | None = None  # in a timeline, for an animation whose ending is "any": what follows or precedes it
    from_cell: int | None = None  # index of the cell whose photo is visible at the start, or None
    # For each map, returns the cells that are best to land on, the best first; none: they are found when asked for.
    landing_finders: Sequence[Callable[[], Sequence[int]]] = ()
    notice: Callable[[str], None] = _ignore  # shows one line to the user
    nested: dict[int, NestedMap] = field(default_factory=dict)  # maps used as textures, by index of the texture
    # The results of `once`, which stages that are derived from this one share.
    _made: dict[object, tuple[object, object]] = field(default_factory=dict, repr=False)

    @property
    def mosaic(self) -> PlacementMap:
        """The first map."""
        return self.maps[0]

    @property
    def read_cover(self) -> Callable[[int], Pixels] | None:
        """The function that reads the first map's cover; None if the cover is unknown."""
        return self.read_covers[0] if self.read_covers else None

    def from_map(self, which: int, count: int = 1) -> Stage:
        """Return a stage whose maps are `count` of this stage's, from one on, which becomes the first."""
        some = slice(which, which + count)
        return replace(
            self, maps=self.maps[some], libraries=self.libraries[some], first_texture=self.first_texture[some],
            far_pictures=self.far_pictures[some], read_covers=self.read_covers[some],
            landing_finders=self.landing_finders[some], subject=None if which else self.subject,
        )  # fmt: skip

    def once(self, what: str, placement: PlacementMap, make: Callable[[], T], *details: object) -> T:
        """Return what `make` returns for a map, made only once for the same map and details.

        The same holds for stages that are derived from this one, with other settings.
        """
        key = (what, id(placement), *details)
        # In the order of their use; the map is kept, as its address identifies it.
        self._made[key] = self._made.pop(key) if key in self._made else (placement, make())
        return cast("T", self._made[key][1])

    def resting_sprites(self, which: int = 0, upright: Sequence[int] = ()) -> Sprites:
        """Return the tiles of a map, each in its cell.

        `upright`: indices of cells whose photos are shown as they are, neither mirrored nor turned.
        """
        placement, first = self.maps[which], self.first_texture[which]
        return self.once(  # the same object for the same tiles, so that they are drawn once
            "tiles", placement, lambda: tiles_at_rest(placement, first, upright), first, tuple(upright)
        )

    def visible_tiles(self, tiles: Sprites, camera: Camera, which: int = 0) -> Sprites:
        """Return the resting tiles of a map that may be visible, or one picture of the map if they are under 4 pixels.

        The cost of a frame therefore depends on its size, not on the number of cells. The tiles are those from the
        first to the last row in view: a slice of `tiles`, without copying. The picture is only for cameras that look
        straight at the plane, as it is sampled at one size.
        """
        placement = self.maps[which]
        picture = self.far_pictures[which] if self.far_pictures else None
        width, height = placement.size
        if picture is not None and camera.faces_plane and camera.scale < FAR_PIXELS * (1 - 1e-9):
            return make_sprites(picture, (width / 2, height / 2), (width / 2, 0), (0, height / 2))
        across, along = placement.shape.overhang
        box = (-across, -along, width + across, height + along)
        y = plane_in_view(view_of(camera, *self.frame), self.frame, box)[:, 1]
        if not len(y):
            return tiles.take(slice(0, 0))
        first = int(np.searchsorted(placement.bottoms, y.min() - along))
        last = int(np.searchsorted(placement.tops, y.max() + along, side="right"))
        return tiles.take(slice(first, last))

    def partly_resting(self, tiles: Sprites, which: int = 0) -> Callable[[npt.NDArray[np.bool_]], Sprites]:
        """Return a function that selects the tiles of a map that are at rest, by a mask (N,), while others move.

        The selected tiles adjoin each other without seams.
        """
        pairs, bits = np.empty((0, 2), np.int64), np.empty(0, np.uint8)
        if tiles.joined.any():
            pairs = self.maps[which].neighbours()
            bits = joined_sides(self.maps[which].cell, pairs, replace(self.maps[which].shape, gap=0.0))

        def part(resting: npt.NDArray[np.bool_]) -> Sprites:
            if resting.all():
                return tiles
            some, kept, joined = tiles.take(resting), resting[pairs[:, 1]], np.zeros_like(tiles.joined)
            np.bitwise_or.at(joined, pairs[kept, 0], bits[kept])
            return replace(some, joined=joined[resting]).resting(some.rest)

        return part

    def cover_pieces(self) -> Sprites:
        """Return the first map's cover as sprites, one piece per cell. Raises InputError if the cover is missing."""
        if self.read_cover is None:
            name = self.mosaic.recipe.get("cover", "of this mosaic")
            raise InputError(f"The cover {name} was not found: put it next to the .mosaic file")
        read = self.read_cover
        return self.once("cover", self.mosaic, lambda: self._make_cover_pieces(read), self.first_texture[0], self.frame)

    def _make_cover_pieces(self, read_cover: Callable[[int], Pixels]) -> Sprites:
        from renderer.pixels import resize
        from renderer.textures import MAX_SIDE

        picture = read_cover(2 * min(self.frame))[..., :3]  # below transparency, the colours continue
        left, top, width, height = self.mosaic.crop
        rows, columns = picture.shape[:2]
        cut = picture[
            round(top * rows) : max(round((top + height) * rows), 1),
            round(left * columns) : max(round((left + width) * columns), 1),
        ]
        shrink = min(1.0, MAX_SIDE / max(cut.shape[:2]))
        cut = resize(cut, max(round(cut.shape[1] * shrink), 1), max(round(cut.shape[0] * shrink), 1))
        # Without gaps, since the cover has none, and rectangles wherever the cells are rectangles.
        shape = TileShape("hexagon" if self.mosaic.shape.kind == "hexagon" else "rectangle")
        boxes = shape.tile_boxes(self.mosaic.cell)
        corner, size = boxes[:, :2], boxes[:, 2:]
        tiles = self.resting_sprites()
        half, middle = 0.5 * size, 0.5 * np.array(self.mosaic.size)
        zero = np.zeros(len(tiles))
        texture = self.textures.add_picture(cut)
        pieces = replace(
            make_sprites(
                np.full(len(tiles), texture), corner + half,
                np.stack([half[:, 0], zero], 1), np.stack([zero, half[:, 1]], 1),
            ),
            window=np.concatenate([corner, corner + size], 1) / np.tile(self.mosaic.size, 2),
            joined=sides_joined(self.mosaic, shape),
            tile=tiles.tile,
            outline=outline_of(shape),
        )  # fmt: skip
        is_whole = shape.kind != "hexagon" and masked_box(self.mosaic) is None
        whole = make_sprites(texture, middle, (middle[0], 0.0), (0.0, middle[1])) if is_whole else None
        return pieces.resting(Rest(pieces, picture=whole, areas=self.mosaic.cell))

    def has_gaps(self, which: int = 0) -> bool:
        """Return whether what is below a whole map is visible between its tiles, or at the ragged edge of a mask."""
        shape = self.maps[which].shape
        return shape.gap > 0 or not outline_of(shape).is_plain

    def backdrop(self, which: int = 0, light: float = GROUND_LIGHT) -> Sprites:
        """Return a blurred copy of a map as one sprite, to lie below tiles that leave their cells.

        `light`: its brightness, relative to the map. Where a mask leaves out cells, what is below it is visible.
        """
        return self.once("backdrop", self.maps[which], lambda: self._make_backdrop(self.maps[which], light), light)

    def _make_backdrop(self, placement: PlacementMap, light: float) -> Sprites:
        from renderer.pixels import BLURRED_PIXELS, blurred

        colours = placement.colours(BLURRED_PIXELS, alpha=True)
        picture = np.dstack([blurred(colours[..., :3], light), np.rint(255 * colours[..., 3:]).astype(np.uint8)])
        texture = self.textures.add_picture(picture if placement.is_masked else picture[..., :3])
        x, y = 0.5 * placement.size[0], 0.5 * placement.size[1]
        return make_sprites(texture, (x, y), (x, 0.0), (0.0, y))

    def fitted_picture(self, path: Path, parameter: str) -> Sprites:
        """Return a picture file as one sprite that is fitted to the frame of `whole_camera` as `fit` says.

        With "crop", its most important part is visible. `parameter`: its name, for the message if there is no such
        file. Raises InputError for a file that is missing or can't be read.
        """
        from renderer.input_files import require_file
        from renderer.pictures import read_picture
        from renderer.pixels import resize
        from renderer.subject import attention, subject_position

        require_file(path, named(parameter, path))
        pixels = read_picture(path, shorter_side=min(self.frame)).pixels
        sides = np.array(pixels.shape[1::-1])
        scale = float((np.array(self.frame) / sides).min() if self.fit != "crop" else (self.frame / sides).max())
        size = np.maximum(np.rint(sides * scale), 1).astype(int)
        camera, middle = self.whole_camera(), np.array([0.5, 0.5])
        if self.fit == "crop":
            small = resize(pixels, *np.maximum(size * 64 // size.max(), 1).tolist())
            weights = attention(small.astype(np.float32) / np.float32(255), [])
            middle = np.array([subject_position(weights, 1 - axis, self.frame[axis] / size[axis]) for axis in (0, 1)])
        half = 0.5 * size / camera.scale
        return make_sprites(
            self.textures.add_picture(resize(pixels, *size.tolist())), camera.centre + (0.5 - middle) * 2 * half,
            (half[0], 0.0), (0.0, half[1]),
        )  # fmt: skip

    def rng(self) -> np.random.Generator:
        """Return a new random number generator that starts from the stage's seed."""
        return np.random.default_rng(self.seed)

    def pause_shares(self, seconds: Sequence[float]) -> Float64Array:
        """Return pauses in seconds as shares of the duration, shortened so that at least half of it is movement."""
        fitting = min(1.0, 0.5 * self.seconds / max(sum(seconds), 1e-9))
        return np.array(seconds, np.float64) * fitting / self.seconds

    def view(self, camera: Camera) -> tuple[float, float]:
        """Return the width and height of the area that a camera shows, in mosaic units."""
        return self.frame[0] / camera.scale, self.frame[1] / camera.scale

    def whole_camera(self, which: int = 0) -> Camera:
        """Return the camera for a whole map: with `fit` "crop" the map fills the frame, otherwise all of it is visible.

        A map that fills the frame shows its most important part (the subject, faces, salient areas), if possible in
        the uncovered part of the frame. If a mask leaves out cells, the others are all visible there, with a margin.
        """
        box = masked_box(self.maps[which])
        return self.filling_camera(which) if box is None else self._around(box)

    def _around(self, box: Bounds) -> Camera:
        """Return the camera that shows a box in the middle of the uncovered part of the frame, with a margin."""
        top, right, bottom, left = self.covered
        margin = MASK_MARGIN * min(self.frame)
        middle, scales = [], []
        for axis, (before, after) in enumerate(((left, right), (top, bottom))):
            side, units = self.frame[axis], box[2 + axis] - box[axis]
            # Where nearly all is covered, a narrow part is used nevertheless.
            scales.append(max(side * (1 - before - after) - 2 * margin, 0.1 * side) / units)
            middle.append(side * 0.5 * (before - after))  # pixels from the middle of the frame
        scale = min(scales)
        x, y = (0.5 * (box[axis] + box[2 + axis]) - middle[axis] / scale for axis in range(2))
        return Camera((x, y), scale)

    def shares_of_frame(self, sprites: Sprites, camera: Camera) -> Float64Array:
        """Return the share of the frame, 0…1, that the box of each sprite covers as a camera sees it, (N,).

        It is multiplied by the sprite's opacity, and 0 for those that are behind the camera.
        """
        low, high = bounds_of(sprites, view_of(camera, *self.frame))
        sides = np.minimum(high, self.frame) - np.maximum(low, 0.0)
        shares = np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0) / np.prod(self.frame)
        return np.asarray(shares * sprites.opacity, np.float64)

    def visible_part(self, camera: Camera, which: int = 0) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the middle and the size, in mosaic units, of the area that a camera shows of a whole map.

        That is the view, or what a mask leaves of the map.
        """
        box = masked_box(self.maps[which])
        if box is None:
            return camera.centre, self.view(camera)
        left, top, right, bottom = box
        return (0.5 * (left + right), 0.5 * (top + bottom)), (right - left, bottom - top)

    def visible_box(self) -> tuple[Float64Array, Float64Array]:
        """Return the upper left and lower right corner, (2,), of what `whole_camera` shows of the first map's area."""
        camera = self.whole_camera()
        reach = 0.5 * np.array(self.view(camera))
        return np.maximum(camera.centre - reach, 0.0), np.minimum(camera.centre + reach, self.mosaic.size)

    def subject_middle(self, sides: tuple[float, float]) -> Float64Array:
        """Return the middle, (2,), of the most important part of the first map of a shape, width and height."""
        frame = max(round(1000 * sides[0] / max(sides)), 1), max(round(1000 * sides[1] / max(sides)), 1)
        cropping = replace(self, frame=frame, fit="crop", covered=(0.0, 0.0, 0.0, 0.0))
        return np.array(cropping.filling_camera().centre)

    def fills_frame(self, which: int = 0) -> bool:
        """Return whether the tiles of a map fill the frame of `whole_camera`, so that nothing below is visible."""
        shape, camera = self.maps[which].shape, self.whole_camera(which)
        whole = np.array(self.view(camera)) <= np.array(self.maps[which].size) * (1 + 1e-9)
        has_gaps = shape.gap > 0 or shape.corner_radius > 0 or shape.kind == "hexagon"
        return bool(whole.all()) and not self.maps[which].is_masked and not has_gaps

    def edges(self, which: int = 0) -> Bounds:
        """Return the left, top, right and bottom edge of a map, or of what a mask leaves of it, in mosaic units."""
        return masked_box(self.maps[which]) or (0.0, 0.0, *self.maps[which].size)

    def bounds(self, camera: Camera | None = None) -> Bounds:
        """Return the box around the first map and what a camera shows, in mosaic units; by default the whole camera."""
        camera, (left, top, right, bottom) = camera or self.whole_camera(), self.edges()
        (x, y), (width, height) = camera.centre, self.view(camera)
        return (
            min(left, x - 0.5 * width), min(top, y - 0.5 * height),
            max(right, x + 0.5 * width), max(bottom, y + 0.5 * height),
        )  # fmt: skip

    def filling_camera(self, which: int = 0) -> Camera:
        """Return the camera for the whole rectangle of a map, as `whole_camera` does without a mask."""
        from renderer.subject import subject_position

        width, height = self.maps[which].size
        across, along = self.frame[0] / width, self.frame[1] / height
        if self.fit != "crop":
            return Camera((width / 2, height / 2), min(across, along))
        scale = max(across, along)
        weights = self.maps[which].attention
        if self.subject is not None and which == 0:
            weights = _spot(weights.shape, self.position(self.subject), self.maps[which].size)
        top, right, bottom, left = self.covered
        x, y = (
            side * subject_position(weights, axis, self.frame[1 - axis] / scale / side, before, after)
            for axis, side, before, after in ((1, width, left, right), (0, height, top, bottom))
        )
        return Camera((x, y), scale)

    def position(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return the position of a point of the cover (x, y in fractions of it) in units of the first map."""
        left, top, width, height = self.mosaic.crop
        return (
            (point[0] - left) / width * self.mosaic.size[0],
            (point[1] - top) / height * self.mosaic.size[1],
        )

    def cell_at(self, target: Target) -> int:
        """Return the first map's cell (an index) at a point or with a photo.

        Raises InputError if the photo is not in the mosaic.
        """
        from renderer.grid import cell_at
        from renderer.library import find_photo, unknown_photo

        if not isinstance(target, str):
            grid = self.mosaic.grid
            return cell_at(grid, grid.lattice_point(self.position(target)))
        number = find_photo(target, self.mosaic.photos)
        if number is None:
            raise InputError(unknown_photo(target, self.mosaic.photos))
        cells = np.flatnonzero(self.mosaic.photo == number)
        centres = self.mosaic.cell[:, :2] + 0.5 * self.mosaic.cell[:, 2:]
        distance = np.abs(centres - 0.5 * np.array(self.mosaic.size)).max(axis=1)
        return int(cells[distance[cells].argmin()])

    def shadows(self, amount: float) -> Callable[[Sprites], Sprites]:
        """Return a function that returns the shadows of tiles on the mosaic, as `Sprites.shadows` does."""
        texture = self.textures.add_picture(np.zeros((1, 1, 3), np.uint8))
        return lambda tiles: tiles.shadows(texture, amount)

    def add_map(self, which: int) -> int:
        """Add a texture of a whole map, drawn tile by tile where tiles are wider than 2 pixels. Returns its index.

        If `visible_tiles` returns a picture of the map, the texture is the same, and tiles are drawn from the same size
        on. Where a mask leaves out cells, and between tiles with gaps, what is below it is visible.
        """
        from renderer.textures import MAX_SIDE

        far = self.far_pictures[which] if self.far_pictures else None
        if far is not None:
            self.nested[far] = NestedMap(self.resting_sprites(which), self.maps[which].size, FAR_PIXELS)
            return far
        placement = self.maps[which]
        longest = min(round(2 * max(placement.size)), MAX_SIDE)
        colours = placement.colours(longest, alpha=True)
        drawn, framed = shares_of(placement.shape, placement.cell[0])
        colours[..., :3] += framed * (np.array(placement.shape.border_colour, np.float32) - colours[..., :3])
        colours[..., 3] *= drawn
        if not placement.is_masked and drawn >= 1:
            colours = colours[..., :3]
        picture = np.clip(colours * 255 + 0.5, 0, 255).astype(np.uint8)
        texture = self.textures.add_picture(picture)
        self.nested[texture] = NestedMap(self.resting_sprites(which), placement.size)
        return texture

    def add_colour(self, colour: Colour) -> int:
        """Add a texture of one colour, sRGB 0…1. Returns its index."""
        return self.textures.add_picture((np.array([[colour]]) * 255 + 0.5).astype(np.uint8))

    def filling_window(self, texture: int) -> Float64Array:
        """Return the window of a texture, (4,), with which it fills the frame as a background does."""
        table = self.textures.table
        sides = np.array([table.width[texture], table.height[texture]], np.float64)
        shown = np.array(self.frame) * float((sides / self.frame).min()) / sides
        return np.concatenate([0.5 - 0.5 * shown, 0.5 + 0.5 * shown])

    def scene(self, camera: Camera, *sprites: Sprites, overlay: Sprites | None = None) -> Scene:
        """Return a scene of groups of sprites, in painter's order, on the stage's background.

        The sprites of a group in space are put in the order of their distance.
        """
        from renderer.scene.preview import preview

        small = partial(preview, textures=self.textures, frame=self.frame)
        groups = tuple(group if group.space is None else camera.far_to_near(group) for group in sprites)
        return Scene(groups, camera, self.background, overlay, self.nested, small)

    def photo(self, index: int, which: int = 0) -> Photo:
        """Return a photo of a map."""
        return self.maps[which].photos[index]

    def dates(self, which: int = 0) -> list[str]:
        """Return when each photo of a map was taken, or else its file's modification time: ISO 8601, local time.

        "" for pieces of a cover, and for photos in memory whose files are gone.
        """
        dates = self.libraries[which].photos.dates()
        photos = self.maps[which].photos
        return ["" if photo.is_part else date for photo, (_, date) in zip(photos, dates, strict=True)]

    def landings(self) -> Sequence[int]:
        """Return the first map's cells (indices) with the best photos to land on, the best first; at least one.

        They depend on the map alone, not on the frame. Raises RenderError if a photo can't be read.
        """
        from renderer.landings import find_landings

        if self.landing_finders:
            return self.landing_finders[0]()
        return find_landings(self.mosaic, self.libraries[0])

    def framing(self, index: int, which: int = 0) -> Framing:
        """Return the part of a photo that the frame shows: around the subject, with all heads and some room above them.

        If they don't fit, or without faces most of the subject, the part is nearer to the shape of the photo, at last
        all of it. For a piece, fractions are of its crop, and its faces are those of the cover. Raises RenderError if
        the photo can't be read.
        """
        from renderer.framing import frame_photo, smaller_faces

        photo, library = self.photo(index, which), self.libraries[which]

        def frame() -> Framing:
            pixels = library.overview(photo)
            faces = [*self.maps[which].faces_of(photo), *smaller_faces(pixels)]
            return frame_photo(library, photo, faces, pixels, self.frame)

        return self.once("framing", self.maps[which], frame, index, self.frame)

    def filling_middle(self, index: int, which: int = 0) -> tuple[float, float]:
        """Return the middle of the part of a photo that fills the frame, as `framing` does."""
        return self.framing(index, which).middle

    def add_ground(self, index: int, which: int = 0) -> int:
        """Add a texture of a photo, blurred and darkened, to fill the frame around it. Returns its index.

        It shows the photo's middle in the shape of the frame. Raises RenderError if the photo can't be read.
        """
        return self.once("ground", self.maps[which], lambda: self._make_ground(index, which), index, self.frame)

    def _make_ground(self, index: int, which: int) -> int:
        from renderer.pixels import BLURRED_PIXELS, blurred, filling

        pixels = self.libraries[which].overview(self.photo(index, which))
        shrink = BLURRED_PIXELS / max(self.frame)
        size = (max(round(self.frame[0] * shrink), 2), max(round(self.frame[1] * shrink), 2))
        return self.textures.add_picture(
            blurred(filling(pixels, size).astype(np.float32) / np.float32(255), GROUND_LIGHT)
        )

    def add_whole(self, index: int, width: float, height: float, which: int = 0) -> int:
        """Add a texture of a whole photo, `width` × `height` pixels but at most 16,384 per side. Returns its index."""
        from renderer.textures import MAX_SIDE

        longest = max(width, height)
        shrink = min(1.0, MAX_SIDE / longest)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        return self.once(
            "whole", self.maps[which],
            lambda: self.textures.add_whole(self.libraries[which], self.photo(index, which), *size), index, size,
        )  # fmt: skip

    chance = old_method("Stage.chance", rng)
    place = old_method("Stage.place", position)
    rest_shares = old_method("Stage.rest_shares", pause_shares)
    seen_tiles = old_method("Stage.seen_tiles", visible_tiles)
