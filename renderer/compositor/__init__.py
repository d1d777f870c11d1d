"""Scene → frame: the only place where anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array
from renderer.compositor.kernels import (
    DrawList,
    develop,
    draw_band,
    empty_draw_list,
    fill_band,
    gather_light,
    list_visible,
    to_rgba,
    to_yuv420,
)
from renderer.cores import core_count
from renderer.pictures import BYTE_OF_LIGHT_16, LIGHT_16, Pixels
from renderer.scene import TONE_FULL_BELOW, TONE_NONE_ABOVE, Camera, Colour, Motion, NestedMap, Scene, Sprites
from renderer.textures import Packed, Textures, TextureTable, pack, unpack

Viewport = tuple[float, float, float, float, float, float]
"""The affine map from scene units to pixels of the frame, row by row."""

PixelBox = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the frame."""

_NO_BOX: Final[PixelBox] = (0, 0, 0, 0)

OPENED_PIXELS: Final = 2.0
"""Width of a tile from which on a map within a map is drawn as its own tiles."""

MAX_EXPOSURES: Final = 16
"""Scenes that one frame with motion blur is averaged of, at most."""

_DEEPEST: Final = 4  # maps within maps that are opened at once; deeper ones are under 2 pixels at any real size

_BANDS_PER_THREAD: Final = 4  # so that a band with much to draw does not keep the others waiting


class Compositor:
    """Draws scenes at one size, in bands of rows over threads of its own; close it to end them.

    Memory: about 300 bytes for each sprite of the largest scene, one frame if the background is a picture, three more
    with motion blur, and what the textures take. Nothing is allocated for a frame, except that scenes may need texture
    levels not yet loaded.
    A pixel depends on the scene alone, not on threads, bands or earlier scenes.
    """

    def __init__(
        self,
        width: int,
        height: int,
        textures: Textures,
        *,
        threads: int | None = None,
        full_tone: bool = False,  # at any size, as stills of a map are drawn
    ) -> None:
        self.width, self.height = width, height
        self.textures = textures
        self._tone_sizes = (1e12, 2e12) if full_tone else (TONE_FULL_BELOW, TONE_NONE_ABOVE)
        threads = threads or min(core_count(), 8)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compositor")
        # Bands are of whole row pairs, as 4:2:0 chroma needs them.
        pairs = (height + 1) // 2
        count = max(1, min(pairs, threads * _BANDS_PER_THREAD))
        edges = [2 * (pairs * i // count) for i in range(count)] + [height]
        self._bands = list(pairwise(edges))
        self._lists: list[DrawList] = []  # one for each group of sprites
        self._missing = np.empty((0, 2), np.int32)
        self._nothing = empty_draw_list(0)
        self._asked = np.zeros((0, 0), np.int64)  # as the table's `used`, for scenes that are only looked ahead to
        self._prefetches = 0
        self._ahead = np.empty((256, 2), np.int32)
        self._no_picture: Packed = np.empty((0, 0), np.uint32)
        self._background: tuple[int, Packed] | None = None
        self._light: npt.NDArray[np.uint32] | None = None  # sums of light, where there is motion blur

    def close(self) -> None:
        """End the drawing threads."""
        self._pool.shutdown(cancel_futures=True)

    def new_frame(self) -> Packed:
        """A frame to draw into, (height, width) uint32."""
        return np.empty((self.height, self.width), np.uint32)

    def draw(self, scene: Scene, frame: Packed) -> None:
        """Draw a scene into `frame`, (height, width) packed. Raises RenderError if a photo is lost."""
        if frame.shape != (self.height, self.width) or frame.dtype != np.uint32 or not frame.flags.c_contiguous:
            raise ValueError(f"a frame is {(self.height, self.width)} uint32 in one piece: `new_frame` makes one")
        colour, picture = self._prepare_background(scene.background)
        groups = self._groups(scene)
        seen = self._list_visible(groups)
        table = self.textures.table

        def band(top: int, end: int) -> None:
            fill_band(frame, top, end, colour, picture)
            for (_, _, hidden), draw, count in zip(groups, self._lists, seen, strict=False):
                draw_band(frame, top, end, table, draw, count, hidden)

        self._in_bands(band)

    def expose(self, motion: Motion, progress: float, shutter: float, frame: Packed) -> None:
        """Draw what is seen of a motion while the shutter is open, `shutter` of progress around a moment.

        As many scenes are averaged in linear light as it takes for the fastest sprite in sight to move no further
        than 2 pixels from one to the next, at most 16; a picture that hardly moves is drawn once.
        """
        first, last = max(progress - shutter / 2, 0.0), min(progress + shutter / 2, 1.0)
        if shutter <= 0 or (moved := self._travel(motion(first), motion(last))) <= 1.0:
            self.draw(motion(progress), frame)
            return
        count = min(math.ceil(moved / 2 - 1e-6) + 1, MAX_EXPOSURES)
        if self._light is None:
            self._light = np.empty((self.height, self.width, 4), np.uint32)
        total = self._light
        for number in range(count):
            self.draw(motion(first + (last - first) * (number + 0.5) / count), frame)
            begin = number == 0
            self._in_bands(partial(gather_light, frame, LIGHT_16, total, begin))
        self._in_bands(partial(develop, total, count, BYTE_OF_LIGHT_16, frame))

    def _travel(self, before: Scene, after: Scene) -> float:
        """How many pixels the fastest sprite that is in sight in both scenes moves between them."""
        places = [self._places(scene) for scene in (before, after)]
        _, here, there = np.intersect1d(places[0][0], places[1][0], return_indices=True)
        if not len(here):
            return 0.0
        return float(np.abs(places[1][1][there] - places[0][1][here]).max())

    def _places(self, scene: Scene) -> tuple[npt.NDArray[np.int64], Float64Array]:
        """Who is in sight (M,), and where in pixels: centre and the middles of two edges, (M, 3, 2)."""
        names, points = [np.empty(0, np.int64)], [np.empty((0, 3, 2))]
        for sprites, view, _ in self._groups(scene):
            to_pixels = np.array([view[:2], view[3:5]]).T
            centre = sprites.centre @ to_pixels + (view[2], view[5])
            right, down = sprites.right @ to_pixels, sprites.down @ to_pixels
            reach = np.abs(right) + np.abs(down)
            seen = (sprites.opacity > 0) & ((centre + reach > 0) & (centre - reach < (self.width, self.height))).all(
                axis=1
            )
            # The same photo may lie in many cells; only what is no tile goes by its texture.
            name = np.where(sprites.tile >= 0, sprites.tile.astype(np.int64), -1 - sprites.texture.astype(np.int64))
            names.append(name[seen])
            points.append(np.stack([centre, centre + right, centre + down], 1)[seen])
        return np.concatenate(names), np.concatenate(points)

    def _in_bands(self, work: Callable[[int, int], None]) -> None:
        for _ in self._pool.map(lambda rows: work(*rows), self._bands):
            pass

    def prefetch(self, scene: Scene) -> None:
        """Begin to load what a coming scene needs, so that drawing it need not wait. Changes nothing of the pixels."""
        table = self.textures.table
        if self._asked.shape != table.used.shape:
            self._asked = np.zeros_like(table.used)
            self._prefetches = 0
        self._prefetches += 1
        table = table._replace(used=self._asked)
        for sprites, view, hidden in self._groups(scene):
            found = self._ahead
            _, lacking = self._list_group(sprites, view, hidden, table, self._prefetches, self._nothing, found)
            if lacking > len(found):  # what did not fit is loaded when it is needed
                self._ahead = np.empty((2 * lacking, 2), np.int32)
            self.textures.prefetch(found[:lacking])

    def still(self, scene: Scene) -> Pixels:
        """Draw a scene as (height, width, 3) RGB."""
        frame = self.new_frame()
        self.draw(scene, frame)
        return np.ascontiguousarray(unpack(frame)[..., :3])

    def _groups(self, scene: Scene) -> list[tuple[Sprites, Viewport, PixelBox]]:
        """A scene's groups of sprites in painter's order, each with the view it is seen by and what hides it later."""
        view = _view(scene.camera, self.width, self.height)
        groups = [(sprites, view) for sprites in scene.sprites]
        if scene.nested:
            groups = [part for sprites, view in groups for part in self._opened(sprites, view, scene.nested)]
        if scene.overlay is not None:
            groups.append((scene.overlay, _view(Camera((0.0, 0.0), float(self.height)), self.width, self.height)))
        hidden = _NO_BOX
        listed: list[tuple[Sprites, Viewport, PixelBox]] = []
        for sprites, view in reversed(groups):
            listed.append((sprites, view, hidden))
            hidden = max(hidden, self._covered(sprites, view), key=_area)
        return listed[::-1]

    def _opened(
        self, sprites: Sprites, view: Viewport, nested: Mapping[int, NestedMap], depth: int = 0
    ) -> list[tuple[Sprites, Viewport]]:
        """A group with the maps among its textures opened into their own tiles, where these are wider than 2 pixels.

        Their tiles stay as they are and get a view of their own, so that nothing is copied and no precision is lost.
        """
        to_pixels = np.array([view[:2], view[3:5]])
        groups: list[tuple[Sprites, Viewport]] = []
        done = 0
        for at in np.flatnonzero(np.isin(sprites.texture, list(nested))).tolist():
            inner = nested[int(sprites.texture[at])]
            wide, high = inner.size
            across, along = to_pixels @ sprites.right[at] * 2 / wide, to_pixels @ sprites.down[at] * 2 / high
            whole = sprites.opacity[at] >= 1 and (sprites.window[at] == (0, 0, 1, 1)).all()
            if not whole or depth == _DEEPEST or min(np.hypot(*across), np.hypot(*along)) <= OPENED_PIXELS:
                continue
            corner = to_pixels @ (sprites.centre[at] - sprites.right[at] - sprites.down[at]) + (view[2], view[5])
            if not self._in_sight(corner, across * wide, along * high):
                continue
            groups.append((sprites.take(slice(done, at)), view))
            (a, d), (b, e), (c, f) = across.tolist(), along.tolist(), corner.tolist()
            groups += self._opened(inner.tiles, (a, b, c, d, e, f), nested, depth + 1)
            done = at + 1
        groups.append((sprites.take(slice(done, None)), view))
        return [(some, its_view) for some, its_view in groups if len(some)]

    def _in_sight(self, corner: Float64Array, across: Float64Array, along: Float64Array) -> bool:
        """Whether any of a parallelogram's bounds lies in the frame, all in pixels."""
        corners = corner + np.array([[0, 0], across, along, across + along])
        low, high = corners.min(axis=0), corners.max(axis=0)
        return bool((high > 0).all() and (low < (self.width, self.height)).all())

    def _covered(self, sprites: Sprites, view: Viewport) -> PixelBox:
        """The pixels that a group wholly covers if it is one opaque, upright sprite: a photo that fills the frame."""
        if len(sprites) != 1 or sprites.opacity[0] < 1 or not 0 <= sprites.texture[0] < len(self.textures):
            return _NO_BOX
        if not self.textures.table.opaque[sprites.texture[0]]:
            return _NO_BOX
        if not np.isfinite([sprites.centre[0], sprites.right[0], sprites.down[0]]).all():
            return _NO_BOX
        to_pixels = np.array([view[:2], view[3:5]])
        right, down = np.abs(to_pixels @ sprites.right[0]), np.abs(to_pixels @ sprites.down[0])
        if min(right) + min(down) > 1e-9:
            return _NO_BOX
        middle = to_pixels @ sprites.centre[0] + (view[2], view[5])
        left, top = np.ceil(np.clip(middle - right - down - 1e-6, 0, (self.width, self.height)))
        far, bottom = np.floor(np.clip(middle + right + down + 1e-6, 0, (self.width, self.height)))
        return int(left), int(top), max(int(far), int(left)), max(int(bottom), int(top))

    def _list_visible(self, groups: Sequence[tuple[Sprites, Viewport, PixelBox]]) -> list[int]:
        """Fill the groups' draw lists and load the texture levels they need; gives how many sprites each shows."""
        while len(self._lists) < len(groups):
            self._lists.append(empty_draw_list(0))
        while True:
            scene_number = self.textures.next_scene()
            counts: list[int] = []
            lacking = 0
            for (sprites, view, hidden), draw in zip(groups, self._lists, strict=False):
                seen, more = self._list_group(
                    sprites, view, hidden, self.textures.table, scene_number, draw, self._missing[lacking:]
                )
                counts.append(seen)
                lacking += more
            if lacking <= len(self._missing) and all(
                seen <= len(draw.texture) for seen, draw in zip(counts, self._lists, strict=False)
            ):
                break
            # Too little room: half as much again as is needed, and once more from the start.
            self._missing = np.empty((lacking + lacking // 2 + 64, 2), np.int32)
            for number, seen in enumerate(counts):
                if seen > len(self._lists[number].texture):
                    self._lists[number] = empty_draw_list(seen + seen // 2 + 64)
        if lacking:
            self.textures.load(self._missing[:lacking], scene_number)
        return counts

    def _list_group(
        self,
        sprites: Sprites,
        view: Viewport,
        hidden: PixelBox,
        table: TextureTable,
        scene_number: int,
        draw: DrawList,
        missing: npt.NDArray[np.int32],
    ) -> tuple[int, int]:
        return list_visible(
            sprites.texture, sprites.centre, sprites.right, sprites.down, sprites.window, sprites.opacity,
            sprites.gain, sprites.offset, sprites.joined,
            view, (self.width, self.height), hidden, self._tone_sizes, table, scene_number, draw, missing,
        )  # fmt: skip

    def to_yuv420(self, frame: Packed, planes: tuple[Pixels, Pixels, Pixels]) -> None:
        """Convert a frame of even size to the planes Y, Cb, Cr of limited-range BT.709 4:2:0."""
        luma, blue, red = planes
        self._in_bands(lambda top, end: to_yuv420(frame, luma, blue, red, top // 2, end // 2))

    def to_rgba(self, frame: Packed, pixels: Pixels) -> None:
        """Convert a frame to (height, width, 4) with straight alpha."""
        self._in_bands(lambda top, end: to_rgba(frame, pixels, top, end))

    def _prepare_background(self, background: Colour | int | None) -> tuple[np.uint32, Packed]:
        if background is None:
            return np.uint32(0), self._no_picture
        if not isinstance(background, int):
            r, g, b = (int(min(max(value, 0.0), 1.0) * 255 + 0.5) for value in background)
            return np.uint32(r | g << 8 | b << 16 | 255 << 24), self._no_picture
        if self._background is None or self._background[0] != background:
            self._background = (background, self._filling_picture(background))
        return np.uint32(0), self._background[1]

    def _filling_picture(self, texture: int) -> Packed:
        """A texture's largest level scaled to fill the frame, centre-cropped, smoothly."""
        rgb = np.ascontiguousarray(unpack(self.textures.pixels(texture, 0))[..., :3])
        height, width = rgb.shape[:2]
        ratio = min(width / self.width, height / self.height)  # texels a pixel
        left, top = (width - ratio * self.width) / 2, (height - ratio * self.height) / 2
        transform = np.array([[ratio, 0, left + ratio / 2 - 0.5], [0, ratio, top + ratio / 2 - 0.5]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        size = (self.width, self.height)
        filled = cv2.warpAffine(rgb, transform, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return pack(filled.astype(np.uint8, copy=False))


def _view(camera: Camera, width: int, height: int) -> Viewport:
    """The affine map from scene units to frame pixels, row by row."""
    cosine = math.cos(camera.angle) * camera.scale
    sine = math.sin(camera.angle) * camera.scale
    x, y = camera.centre
    return (
        cosine, -sine, width / 2 - cosine * x + sine * y,
        sine, cosine, height / 2 - sine * x - cosine * y,
    )  # fmt: skip


def _area(box: PixelBox) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)
