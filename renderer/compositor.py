"""The compositor: draws scenes into frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array
from renderer.cores import core_count
from renderer.kernels import arithmetic
from renderer.kernels.drawing import (
    SHARPER,
    Box,
    DrawList,
    OutlineNumbers,
    SpriteArrays,
    develop,
    draw_band,
    empty_draw_list,
    fill_band,
    gather_light,
    lay_doubled,
    list_visible,
    to_rgba,
    to_yuv420,
)
from renderer.pictures import BYTE_OF_LIGHT_16, LIGHT_16, Pixels
from renderer.pixels import filling
from renderer.scene import TONE_FULL_BELOW, TONE_NONE_ABOVE, Camera, Colour, Motion, NestedMap, Scene, Sprites, ease
from renderer.scene.space import flat
from renderer.scene.tiles import part_of
from renderer.scene.trails import has_flying, with_trails
from renderer.scene.views import Viewport, bounds_of, corners_of, is_flat, points_of, projected, view_of
from renderer.textures import Packed, Textures, TextureTable, pack, unpack

Item = TypeVar("Item")

Group = tuple[Sprites, Viewport, Box]
"""Sprites, their view, and the box of pixels that later groups hide."""

_NO_BOX: Final[Box] = (0, 0, 0, 0)

FULL_TONE: Final = (1e12, 2e12)
"""Sizes of tiles, for `tone_sizes`, with which tiles of any size are drawn with their full tone."""

NO_TONE: Final = (-2.0, -1.0)
"""Sizes of tiles, for `tone_sizes`, with which tiles of any size are drawn without tone."""

Moments = Sequence[float]
"""Shares of a motion, 0…1, whose scenes are averaged."""

MAX_EXPOSURES: Final = 16
"""Maximum number of scenes averaged for one frame with motion blur."""

_MAX_DEPTH: Final = 4  # levels of nested maps drawn as tiles; deeper ones are under 2 pixels at any practical size

_BANDS_PER_THREAD: Final = 4  # so that threads stay busy when some bands take longer than others


class Compositor:
    """Draws scenes at one size, in bands of rows, on its own threads; `close` ends them.

    `width`, `height`: pixels of the frame. `threads`: by default one per core. `pool`: threads to use instead of its
    own. `tone_sizes`: sizes of tiles in pixels up to which tone is full and from which there is none. `sharper`: mip
    levels by which sampling is finer than one texel per pixel. `columns`, an attribute: the first column of the frame
    that is drawn, and the one after the last; by default all. Their pixels do not depend on which others are drawn.

    Memory: about 400 bytes per sprite of the largest scene, one frame if the background is a picture, four more with
    motion blur, a quarter for each group without detail, and the textures. Drawing a frame allocates nothing, except
    for texture levels not yet loaded.
    A pixel depends on the scene alone, not on threads, bands or earlier scenes.
    """

    def __init__(
        self,
        width: int,
        height: int,
        textures: Textures,
        *,
        threads: int | None = None,
        pool: ThreadPoolExecutor | None = None,
        tone_sizes: tuple[float, float] = (TONE_FULL_BELOW, TONE_NONE_ABOVE),
        sharper: float = SHARPER,
    ) -> None:
        self.width, self.height = width, height
        self.columns = (0, width)
        self.textures = textures
        self._tone_sizes = tone_sizes
        self._sharper = sharper
        threads = threads or core_count()
        self.threads = threads
        self._owns_pool = pool is None
        self.pool: ThreadPoolExecutor = pool or ThreadPoolExecutor(threads, thread_name_prefix="compositor")
        # Bands consist of row pairs, as 4:2:0 chroma requires.
        pairs = (height + 1) // 2
        count = max(1, min(pairs, threads * _BANDS_PER_THREAD))
        edges = [2 * (pairs * i // count) for i in range(count)] + [height]
        self._bands = list(pairwise(edges))
        self._lists: list[DrawList] = []  # one per group of sprites
        self._missing = np.empty((0, 2), np.int32)
        self._no_draws = empty_draw_list(0)
        self._prefetched = np.zeros((0, 0), np.int64)  # like the table's `used`, for prefetched scenes
        self._prefetches = 0
        self._ahead = np.empty((256, 2), np.int32)
        self._no_picture: Packed = np.empty((0, 0), np.uint32)
        self._background: tuple[int, Packed] | None = None
        self._light: npt.NDArray[np.uint32] | None = None  # sums of light for motion blur
        self._half_size: list[Packed] = []  # pictures of groups without detail

    def close(self) -> None:
        """Stop the compositor's own threads."""
        if self._owns_pool:
            self.pool.shutdown(cancel_futures=True)

    def new_frame(self) -> Packed:
        """Return an uninitialised frame to draw into, (height, columns) uint32."""
        return np.empty((self.height, self.columns[1] - self.columns[0]), np.uint32)

    def draw(self, scene: Scene, frame: Packed) -> None:
        """Draw a scene into `frame`, (height, columns) uint32, packed.

        Raises RenderError if a photo can't be read, ValueError for a frame of another shape or type.
        """
        shape = self.height, self.columns[1] - self.columns[0]
        if frame.shape != shape or frame.dtype != np.uint32 or not frame.flags.c_contiguous:
            raise ValueError(f"a frame must be a contiguous uint32 array {shape}: use `new_frame`")
        colour, picture = self.prepare_background(scene.background)
        listed = self.listed(self.groups(scene))

        def band(top: int, end: int) -> None:
            fill_band(frame, top, end, colour, picture)
            for draw in listed:
                draw(frame, top, end)

        self.in_bands(band)

    def exposure(self, motion: Motion, progress: float, shutter: float, *, loop: bool = False) -> Scene | Moments:
        """Return what a frame with motion blur shows: a scene, or the moments of a motion that are averaged.

        The shutter is open for `shutter`, centred on `progress`; both are shares of the motion, 0…1. Flying tiles are
        blurred along their way, in one scene, if the camera rests. Otherwise there are as many moments as needed for
        the fastest visible sprite to move at most 2 pixels from one to the next, up to 16; if nothing moves more than 1
        pixel, the scene at `progress`. In a loop, the motion is also called before 0.
        """
        scene = motion(progress)
        if shutter <= 0:
            return scene
        first, last = progress - shutter / 2, progress + shutter / 2
        if not loop:
            first, last = max(first, 0.0), min(last, 1.0)
        before, after = motion(first), motion(last)
        if has_flying(scene) and before.camera == after.camera:
            return with_trails(scene, before, after)
        if (moved := self._travel(before, after)) <= 1.0:
            return scene
        count = min(math.ceil(moved / 2 - 1e-6) + 1, MAX_EXPOSURES)
        return [first + (last - first) * (number + 0.5) / count for number in range(count)]

    def expose(self, scenes: Iterable[Scene], frame: Packed) -> None:
        """Draw the mean of scenes, in linear light, into `frame`. Raises as `draw` does."""
        if self._light is None:
            self._light = np.empty((self.height, self.width, 4), np.uint32)
        total, count = self._light, 0
        for count, scene in enumerate(scenes, 1):
            self.draw(scene, frame)
            self.in_bands(partial(gather_light, frame, LIGHT_16, total, count == 1))
        self.in_bands(partial(develop, total, count, BYTE_OF_LIGHT_16, frame))

    def _travel(self, before: Scene, after: Scene) -> float:
        """Return the distance in pixels of the fastest sprite that is visible in both scenes."""
        old, new = (self._visible_points(scene) for scene in (before, after))
        _, here, there = np.intersect1d(old[0], new[0], return_indices=True)
        if not len(here):
            return 0.0
        return float(np.abs(new[1][there] - old[1][here]).max())

    def _visible_points(self, scene: Scene) -> tuple[npt.NDArray[np.int64], Float64Array]:
        """Return the visible sprites' identifiers, (M,), and centres and two edge midpoints in pixels, (M, 3, 2)."""
        identifiers, points = [np.empty(0, np.int64)], [np.empty((0, 3, 2))]
        for sprites, view, _ in self.groups(scene):
            low, high = bounds_of(sprites, view)
            visible = (sprites.opacity > 0) & ((high > 0) & (low < (self.width, self.height))).all(axis=1)
            # One photo may be in many cells, so tiles are identified by their index, other sprites by their texture.
            identifier = np.where(
                sprites.tile >= 0, sprites.tile.astype(np.int64), -1 - sprites.texture.astype(np.int64)
            )
            identifiers.append(identifier[visible])
            points.append(points_of(sprites.take(visible), view))
        return np.concatenate(identifiers), np.concatenate(points)

    def in_bands(self, work: Callable[[int, int], None]) -> None:
        """Call `work(first_row, end_row)` for each band, as `in_parallel` does."""
        self.in_parallel(lambda band: work(*band), self._bands)

    def in_parallel(self, work: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Call `work(item)` for each item, on the compositor's threads and this one, and wait."""
        waiting = iter(items)  # gives each item to one thread

        def work_on() -> None:
            for item in waiting:
                work(item)

        others = [self.pool.submit(work_on) for _ in range(min(self.threads, len(items)) - 1)]
        try:
            work_on()
        finally:
            wait(others)
        for other in others:
            other.result()

    def prefetch(self, scene: Scene) -> None:
        """Start loading the textures of a later scene, so that drawing it does not wait. Does not affect any pixels."""
        self.prefetch_groups(self.groups(scene))

    def prefetch_groups(self, groups: Sequence[Group]) -> None:
        """Start loading the textures of groups of sprites."""
        for levels in self._lacking(groups):
            self.textures.prefetch(levels)

    def needed(self, groups: Sequence[Group]) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the texture levels that groups of sprites need and that are not loaded: rows of texture, level."""
        most = 2 * max((len(sprites) for sprites, _, _ in groups), default=0)  # two levels a sprite
        if len(self._ahead) < most:
            self._ahead = np.empty((most, 2), np.int32)
        for levels in self._lacking(groups):
            yield levels.copy()

    def _lacking(self, groups: Sequence[Group]) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the levels that each group needs and that are not loaded; valid until the next ones."""
        table = self.textures.table
        if self._prefetched.shape != table.used.shape:
            self._prefetched = np.zeros_like(table.used)
            self._prefetches = 0
        self._prefetches += 1
        table = table._replace(used=self._prefetched)
        for sprites, view, hidden in groups:
            levels = self._ahead
            _, missing_count = self._list_group(sprites, view, hidden, table, self._prefetches, self._no_draws, levels)
            if missing_count > len(levels):  # levels that did not fit are loaded when needed
                self._ahead = np.empty((2 * missing_count, 2), np.int32)
            yield levels[:missing_count]

    def still(self, scene: Scene) -> Pixels:
        """Return a scene as (height, width, 3) RGB, uint8, or with straight alpha, (height, width, 4), if transparent.

        Raises as `draw` does.
        """
        frame = self.new_frame()
        self.draw(scene, frame)
        if scene.background is None:
            pixels = np.empty((*frame.shape, 4), np.uint8)
            self.to_rgba(frame, pixels)
            return pixels
        return np.asarray(cv2.cvtColor(unpack(frame), cv2.COLOR_RGBA2RGB), np.uint8)  # 10 times as fast as slicing

    def groups(self, scene: Scene) -> list[Group]:
        """Return a scene's groups of sprites in painter's order, without empty ones."""
        view = view_of(scene.camera, self.width, self.height)
        groups = [(sprites, view) for sprites in scene.sprites if len(sprites)]
        if scene.nested:
            groups = [part for sprites, view in groups for part in self._expanded(sprites, view, scene.nested)]
        if scene.overlay is not None:
            groups.append((scene.overlay, view_of(Camera((0.0, 0.0), float(self.height)), self.width, self.height)))
        hidden = _NO_BOX
        listed: list[Group] = []
        for sprites, view in reversed(groups):
            listed.append((sprites, view, _NO_BOX if sprites.without_detail else hidden))
            hidden = max(hidden, self._covered(sprites, view), key=_area)
        return listed[::-1]

    def _expanded(
        self, sprites: Sprites, view: Viewport, nested: Mapping[int, NestedMap], depth: int = 0
    ) -> list[tuple[Sprites, Viewport]]:
        """Return a group with its nested maps replaced by their own tiles, where these are wider than 2 pixels.

        These tiles are not changed but get their own view, so that nothing is copied and no precision is lost.
        """
        groups: list[tuple[Sprites, Viewport]] = []
        done = 0
        opened = np.flatnonzero(np.isin(sprites.texture, list(nested)))
        if not len(opened) or not sprites.outline.is_plain or depth == _MAX_DEPTH:
            return [(sprites, view)]
        for at in opened[self._in_frame(sprites.take(opened), view)].tolist():
            one, inner = sprites.take(slice(at, at + 1)), nested[int(sprites.texture[at])]
            space = one.space
            window, size = one.window[0], np.array(inner.size)
            shown = (window[2:] - window[:2]) * size  # in units of the map
            if one.opacity[0] < 1 or (shown <= 0).any() or (space is not None and space.softness[0] > 0):
                continue
            # A unit of the map in homogeneous pixels, and its corner.
            middle, right, down = (each[0] for each in projected(one, view))
            across, along = right * 2 / shown[0], down * 2 / shown[1]
            if _largest_unit(corners_of(one, view)[:, 0], across, along) <= inner.opened:
                continue
            corner = middle - right - down - across * window[0] * size[0] - along * window[1] * size[1]
            (a, d, g), (b, e, h), (c, f, i) = across.tolist(), along.tolist(), corner.tolist()
            unit = 2 * float(arithmetic.lengths(one.half_axes()[0])[0]) / float(shown[0])
            inside = (a, b, c, d, e, f, 0.0, 0.0, g, h, 0.0, i, unit * view[12])
            tiles = inner.tiles
            if space is not None and (space.light != (1, 0)).any():
                lit = np.repeat(space.light, len(tiles), axis=0)
                tiles = replace(tiles, space=replace(flat(len(tiles)), light=lit))
            groups.append((sprites.take(slice(done, at)), view))
            whole = (window == (0, 0, 1, 1)).all()
            left, top, far, bottom = (window * np.tile(size, 2)).tolist()
            tone = partial(self._tone, unit * view[12])
            for part in [tiles] if whole else part_of(tiles, (left, top, far, bottom), tone):
                groups += self._expanded(part, inside, nested, depth + 1)
            done = at + 1
        groups.append((sprites.take(slice(done, None)), view))
        return [(some, its_view) for some, its_view in groups if len(some)]

    def _tone(self, unit: float, sides: Float64Array) -> Float64Array:
        """Return the share of the tone, 0…1, of flat tiles, from their sides in units of so many pixels."""
        return np.asarray(1 - ease(sides * unit, "smooth", *self._tone_sizes), np.float64)

    def _in_frame(self, sprites: Sprites, view: Viewport) -> npt.NDArray[np.bool_]:
        """Return which sprites may be visible in the columns that are drawn, also if a part is behind the camera."""
        corners = corners_of(sprites, view)
        low, high = bounds_of(sprites, view)
        first, end = self.columns
        outside = ((high <= (first, 0)) | (low >= (end, self.height))).any(axis=1)  # not if a part is behind
        finite = np.isfinite(corners).all(axis=(0, 2))
        return np.asarray(finite & (corners[..., 2] > 0).any(axis=0) & ~outside, np.bool_)

    def _covered(self, sprites: Sprites, view: Viewport) -> Box:
        """Return the pixels that a group fully covers if it is one opaque, upright rectangle (a landed photo)."""
        if (
            len(sprites) != 1
            or sprites.space is not None
            or not is_flat(view)
            or not sprites.outline.is_plain
            or sprites.opacity[0] < 1
            or not 0 <= sprites.texture[0] < len(self.textures)
        ):
            return _NO_BOX
        if not self.textures.table.opaque[sprites.texture[0]]:
            return _NO_BOX
        if not np.isfinite([sprites.centre[0], sprites.right[0], sprites.down[0]]).all():
            return _NO_BOX
        to_pixels = np.array([view[:2], view[3:5]])
        right, down, middle = (
            arithmetic.product(to_pixels, each[0]) for each in (sprites.right, sprites.down, sprites.centre)
        )
        right, down, middle = np.abs(right), np.abs(down), middle + np.array([view[2], view[5]])
        if min(right) + min(down) > 1e-9:
            return _NO_BOX
        left, top = np.ceil(np.clip(middle - right - down - 1e-6, 0, (self.width, self.height)))
        far, bottom = np.floor(np.clip(middle + right + down + 1e-6, 0, (self.width, self.height)))
        return int(left), int(top), max(int(far), int(left)), max(int(bottom), int(top))

    def listed(self, groups: Sequence[Group]) -> list[Callable[[Packed, int, int], None]]:
        """List the visible sprites of groups, load their textures, and draw what is without detail at half the size.

        Returns a function for each group, which draws it onto the rows first … end − 1 of a frame. They are valid until
        the next call.
        """
        visible = self._list_visible(groups)
        table, pictures = self.textures.table, iter(self._half_size)

        def drawing(sprites: Sprites, draw: DrawList, count: int, hidden: Box) -> Callable[[Packed, int, int], None]:
            column = self.columns[0]
            if not sprites.without_detail or not count:
                return lambda frame, top, end: draw_band(frame, column, top, end, table, draw, count, hidden)
            if (picture := next(pictures, None)) is None:
                picture = np.empty(((self.height + 1) // 2, (self.width + 1) // 2), np.uint32)
                self._half_size.append(picture)

            def band(top: int, end: int) -> None:
                top, end = top // 2, (end + 1) // 2
                fill_band(picture, top, end, 0, self._no_picture)
                draw_band(picture, 0, top, end, table, draw, count, hidden)

            self.in_bands(band)
            return lambda frame, top, end: lay_doubled(frame, column, top, end, picture)

        return [
            drawing(sprites, draw, count, hidden)
            for (sprites, _, hidden), draw, count in zip(groups, self._lists, visible, strict=False)
        ]

    def _list_visible(self, groups: Sequence[Group]) -> list[int]:
        """Fill the groups' draw lists and load the texture levels they need. Returns each group's number of sprites."""
        while len(self._lists) < len(groups):
            self._lists.append(empty_draw_list(0))
        while True:
            scene_number = self.textures.next_scene()
            counts: list[int] = []
            missing_count = 0
            for (sprites, view, hidden), draw in zip(groups, self._lists, strict=False):
                count, more = self._list_group(
                    sprites, view, hidden, self.textures.table, scene_number, draw, self._missing[missing_count:]
                )
                counts.append(count)
                missing_count += more
            if missing_count <= len(self._missing) and all(
                count <= draw.capacity for count, draw in zip(counts, self._lists, strict=False)
            ):
                break
            # The lists are too small: make them 1.5 times as long as needed, and repeat.
            self._missing = np.empty((missing_count + missing_count // 2 + 64, 2), np.int32)
            for number, count in enumerate(counts):
                if count > self._lists[number].capacity:
                    self._lists[number] = empty_draw_list(count + count // 2 + 64)
        if missing_count:
            self.textures.load(self._missing[:missing_count], scene_number)
        return counts

    def _list_group(
        self,
        sprites: Sprites,
        view: Viewport,
        hidden: Box,
        table: TextureTable,
        scene_number: int,
        draw: DrawList,
        missing: npt.NDArray[np.int32],
    ) -> tuple[int, int]:
        arrays = SpriteArrays(
            sprites.texture, sprites.centre, sprites.right, sprites.down, sprites.window, sprites.opacity,
            sprites.gain, sprites.offset, sprites.joined,
        )  # fmt: skip
        if (space := sprites.space) is not None:
            arrays = arrays._replace(
                in_space=True, z=space.z, softness=space.softness, light=space.light, trail=space.trail
            )
        outline = sprites.outline
        numbers = OutlineNumbers(
            outline.kind == "hexagon", outline.radius, outline.border, outline.opened,
            _packed(outline.border_colour),
        )  # fmt: skip
        size, columns = (self.width, self.height), self.columns
        if sprites.without_detail:
            size = (self.width + 1) // 2, (self.height + 1) // 2
            columns = 0, size[0]
            view = (*(0.5 * value for value in view[:8]), *view[8:12], 0.5 * view[12])
        return list_visible(
            arrays, numbers, view, size, columns, hidden, self._tone_sizes, table, scene_number, draw, missing,
            self._sharper,
        )  # fmt: skip

    def to_yuv420(self, frame: Packed, planes: tuple[Pixels, Pixels, Pixels]) -> None:
        """Convert a frame of even size to limited-range BT.709 4:2:0: planes Y (H, W), Cb and Cr (H/2, W/2), uint8."""
        luma, blue, red = planes
        self.in_bands(lambda top, end: to_yuv420(frame, luma, blue, red, top // 2, end // 2))

    def to_rgba(self, frame: Packed, pixels: Pixels) -> None:
        """Convert a frame to `pixels`, (height, width, 4) RGBA with straight alpha, uint8."""
        self.in_bands(lambda top, end: to_rgba(frame, pixels, top, end))

    def prepare_background(self, background: Colour | int | None) -> tuple[int, Packed]:
        """Return a background as a packed colour and, if it is a picture, the picture that fills the frame."""
        if background is None:
            return 0, self._no_picture
        if not isinstance(background, int):
            return _packed(background), self._no_picture
        if self._background is None or self._background[0] != background:
            largest = unpack(self.textures.pixels(background, 0))[..., :3]
            self._background = (background, pack(filling(largest, (self.width, self.height))))
        return 0, self._background[1]


def _packed(colour: Colour) -> int:
    r, g, b = (int(min(max(value, 0.0), 1.0) * 255 + 0.5) for value in colour)
    return r | g << 8 | b << 16 | 255 << 24


def _largest_unit(corners: Float64Array, across: Float64Array, along: Float64Array) -> float:
    """Return the shorter side of a nested map's unit in pixels, where it is largest.

    `corners`: (4, 3) of the map; `across` and `along`: (3,) the sides of a unit; all in homogeneous coordinates.
    """
    ahead = corners[corners[:, 2] > 0]
    if len(ahead) < len(corners):  # some are infinitely large
        return math.inf
    positions = ahead[:, :2] / ahead[:, 2:]
    across, along = ((unit[:2] - positions * unit[2]) / ahead[:, 2:] for unit in (across, along))
    return float(np.minimum(arithmetic.lengths(across), arithmetic.lengths(along)).max())


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)
