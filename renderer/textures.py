"""What sprites show, as mip pyramids in a cache bounded in bytes.

A texture's level 0 is its largest; each next level has half the width and height (rounded down, at least 1). The
small levels of tiles, up to 32 pixels, are always in memory; larger ones are made when a scene first needs them and
dropped when the cache is full, the longest unused first. Which level a sprite shows follows from the scene alone,
never from what happens to be loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from renderer.cores import core_count
from renderer.descriptors import TILE_PIXELS
from renderer.library import Library, Photo
from renderer.pictures import Pixels, reduced, resize, to_linear, to_srgb

Packed = npt.NDArray[np.uint32]
"""(height, width) pixels of one uint32: R in the lowest byte, then G, B and alpha, colours premultiplied."""

MAX_LEVELS: Final = 15
MAX_SIDE: Final = 2 ** (MAX_LEVELS - 1)
"""Longest side of a texture in texels, 16,384: the kernels count them in 32 bits with 16 after the point."""

MAX_COMING: Final = 4096
"""Levels that are made ahead of their scene at most; they are of one scene or two, mostly small."""

_BASE_LEVELS: Final = TILE_PIXELS.bit_length()  # 32, 16, 8, 4, 2, 1


class TextureTable(NamedTuple):
    """Where the compositor finds texels. T textures, L mip levels; level 0 is the largest, each next one half of it."""

    width: npt.NDArray[np.int32]  # (T,) texels of level 0
    height: npt.NDArray[np.int32]  # (T,)
    levels: npt.NDArray[np.int32]  # (T,) levels that exist, 1…L
    opaque: npt.NDArray[np.bool_]  # (T,) no texel is transparent
    address: npt.NDArray[np.int64]  # (T, L) of the level's first pixel in memory; 0: not loaded; see `_with_room`
    used: npt.NDArray[np.int64]  # (T, L) the last scene that needed the level, counted from 1


def pack(pixels: npt.NDArray[np.uint8]) -> Packed:
    """Pack (H, W, 3) RGB, or (H, W, 4) RGB with straight alpha, into premultiplied uint32 (H, W)."""
    packed = np.empty((*pixels.shape[:2], 4), np.uint8)
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.uint16)
        packed[..., :3] = (pixels[..., :3] * alpha + 127) // 255
        packed[..., 3] = pixels[..., 3]
    else:
        packed[..., :3] = pixels
        packed[..., 3] = 255
    return packed.view(np.uint32)[..., 0]


def unpack(packed: Packed) -> npt.NDArray[np.uint8]:
    """The four bytes of packed pixels: (H, W) uint32 → (H, W, 4) premultiplied RGBA, the same memory."""
    return packed[..., np.newaxis].view(np.uint8)


class Textures:
    """The textures of one render and their memory.

    Memory: 5.5 KiB a photo for the small levels, 0.5 KiB a texture, and `budget` bytes of larger levels; more only
    if one scene alone needs more, which a frame's own pixels bound (about 12 bytes each for sprites that don't
    overlap). Loads are done by threads of its own; close it to end them.
    """

    def __init__(self, budget: int, threads: int | None = None, longest_square: int = 1024) -> None:
        self.table = _empty_table(0)
        self.longest_square = longest_square  # texels; larger tiles are seen only in passing
        self._scenes = 0
        self.budget = budget
        self.mean: list[tuple[float, float, float]] = []  # sRGB 0…1, of each texture
        self._make: list[Callable[[int], Packed]] = []
        self.base_levels: list[Packed] = []  # base levels: never dropped
        self._loaded: dict[tuple[int, int], Packed] = {}
        self.loaded_bytes = 0
        self._coming: dict[tuple[int, int], Future[Packed]] = {}
        self._pool = ThreadPoolExecutor(threads or min(core_count(), 8), thread_name_prefix="textures")

    def __len__(self) -> int:
        return len(self._make)

    def close(self) -> None:
        """End the loading threads."""
        self._pool.shutdown(cancel_futures=True)

    # -- Adding ----------------------------------------------------------------------------------------------------

    def add(
        self,
        width: int,
        height: int,
        make: Callable[[int], Packed],
        *,
        mean: tuple[float, float, float],
        opaque: bool = True,
    ) -> int:
        """Add a texture whose level 0 is `width` × `height` texels; `make(level)` gives a level's pixels.

        It may be called from any thread and must give the same pixels every time. Returns the texture's index.
        Raises ValueError if a side is not 1…16,384.
        """
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"a texture of {width} × {height} texels: a side is 1 to {MAX_SIDE}")
        index = len(self)
        self._reserve(index + 1)
        self._describe(slice(index, index + 1), width, height, opaque)
        self._make.append(make)
        self.mean.append(mean)
        return index

    def add_picture(self, pixels: npt.NDArray[np.uint8]) -> int:
        """Add a picture that is in memory: (H, W, 3) RGB, or (H, W, 4) with straight alpha."""
        levels = [pack(pixels)]
        while min(levels[-1].shape) > 1 or max(levels[-1].shape) > 1:
            levels.append(_halve(levels[-1]))
        r, g, b = (float(value) for value in unpack(levels[0])[..., :3].mean(axis=(0, 1)) / 255)
        opaque = pixels.shape[2] == 3 or bool((pixels[..., 3] == 255).all())
        return self.add(pixels.shape[1], pixels.shape[0], levels.__getitem__, mean=(r, g, b), opaque=opaque)

    def add_squares(self, library: Library) -> int:
        """Add the square crops of all of a library's photos; returns the index of the first, the rest follow."""
        first, count = len(self), len(library.photos)
        self._reserve(first + count)
        base = _base_levels(library.tiles)
        for i, photo in enumerate(library.photos):
            side = min(_top_side(photo), self.longest_square)
            self._describe(slice(first + i, first + i + 1), side, side, opaque=True)
            self._make.append(_SquareLevels(library, photo, side))
            self.mean.append(photo.mean)
        levels = self.table.levels[first : first + count]
        each = np.arange(count)
        for small, pixels in enumerate(base):  # 32, 16, … 1 texels
            self.base_levels.append(pixels)
            address = pixels.ctypes.data + each * pixels[0].nbytes
            self.table.address[first + each, levels - _BASE_LEVELS + small] = address
        return first

    def add_whole(self, library: Library, photo: Photo, width: int, height: int) -> int:
        """Add all of a photo, not only its square, so that level 0 is exactly `width` × `height` texels."""
        return self.add(width, height, _WholeLevels(library, photo, width, height), mean=photo.mean)

    def _reserve(self, count: int) -> None:
        """Make room in the table, doubling it, since textures may be added one by one."""
        old = self.table
        if count > len(old.width):
            new = _empty_table(max(count, 2 * len(old.width)))
            for name in TextureTable._fields:
                getattr(new, name)[: len(old.width)] = getattr(old, name)
            self.table = new

    def _describe(self, where: slice, width: int, height: int, opaque: bool) -> None:
        self.table.width[where] = width
        self.table.height[where] = height
        self.table.levels[where] = max(width, height).bit_length()
        self.table.opaque[where] = opaque

    def pixels(self, texture: int, level: int) -> Packed:
        """The pixels of one level, made for the caller: (height, width)."""
        return self._make[texture](level)

    def next_scene(self) -> int:
        """A number for the next scene that is drawn with these textures, by whichever compositor."""
        self._scenes += 1
        return self._scenes

    # -- Loading ---------------------------------------------------------------------------------------------------

    def prefetch(self, missing: npt.NDArray[np.int32]) -> None:
        """Begin to make levels that a coming scene will ask for, (M, 2) rows (texture, level); does not wait."""
        for texture, level in missing.tolist():
            if (texture, level) not in self._coming:
                self._coming[texture, level] = self._begin(texture, level)
        while len(self._coming) > MAX_COMING:  # what was asked for first and never used
            self._coming.pop(next(iter(self._coming))).cancel()

    def load(self, missing: npt.NDArray[np.int32], scene_number: int) -> None:
        """Bring levels into memory, (M, 2) rows (texture, level). What the scene of this number uses is not dropped."""
        wanted = [(texture, level) for texture, level in missing.tolist()]
        coming = [self._coming.pop(key, None) for key in wanted]
        futures = [future or self._begin(*key) for key, future in zip(wanted, coming, strict=True)]
        for key, future in zip(wanted, futures, strict=True):
            pixels = _with_room(future.result())
            self._loaded[key] = pixels
            self.loaded_bytes += pixels.nbytes
            self.table.address[key] = pixels.ctypes.data
        if self.loaded_bytes > self.budget:
            self._drop(scene_number)

    def _begin(self, texture: int, level: int) -> Future[Packed]:
        return self._pool.submit(self._make[texture], level)

    def _drop(self, scene_number: int) -> None:
        by_age = sorted(self._loaded, key=lambda key: int(self.table.used[key]))
        for key in by_age:
            if self.loaded_bytes <= self.budget or self.table.used[key] == scene_number:
                break
            self.table.address[key] = 0
            self.loaded_bytes -= self._loaded.pop(key).nbytes


class _SquareLevels:
    """Makes the levels above 32 texels of a photo's square."""

    def __init__(self, library: Library, photo: Photo, side: int) -> None:
        self.library, self.photo, self.side = library, photo, side

    def __call__(self, level: int) -> Packed:
        return pack(self.library.square(self.photo, max(self.side >> level, 1)))


class _WholeLevels:
    """Makes the levels of a whole photo. Memory: level 1, of which all coarser ones are made, from the first on."""

    def __init__(self, library: Library, photo: Photo, width: int, height: int) -> None:
        self.library, self.photo, self.width, self.height = library, photo, width, height
        self._half: Pixels | None = None
        self._lock = threading.Lock()

    def __call__(self, level: int) -> Packed:
        if level == 0:
            return pack(self.library.whole(self.photo, self.width, self.height))
        with self._lock:  # decoded once: a large photo takes its 50 ms at any size
            if self._half is None:
                half = max(self.width >> 1, 1), max(self.height >> 1, 1)
                self._half = self.library.whole(self.photo, *half, sharp=False)
        return pack(resize(self._half, max(self.width >> level, 1), max(self.height >> level, 1)))


def _empty_table(count: int) -> TextureTable:
    return TextureTable(
        width=np.zeros(count, np.int32),
        height=np.zeros(count, np.int32),
        levels=np.zeros(count, np.int32),
        opaque=np.zeros(count, np.bool_),
        address=np.zeros((count, MAX_LEVELS), np.int64),
        used=np.zeros((count, MAX_LEVELS), np.int64),
    )


def _with_room(level: Packed) -> Packed:
    """A level behind whose last texel another could be read: kernels read two at once, also where there is one column.

    Wider levels need none, since no pair begins in the last column.
    """
    if level.shape[1] > 1:
        return level
    roomy = np.empty((len(level) + 1, 1), np.uint32)[:-1]
    roomy[:] = level
    return roomy


def _top_side(photo: Photo) -> int:
    """Texels of a square's largest level: the power of two that holds the photo's own pixels, 32…16,384."""
    return min(max(TILE_PIXELS, 1 << (photo.crop[2] - 1).bit_length()), MAX_SIDE)


def _base_levels(tiles: Pixels) -> Sequence[Packed]:
    """The levels of 32, 16, … 1 texels of tiles (N, 32, 32, 3): each (N, side, side), averaged in linear light."""
    count = len(tiles)
    levels = [np.empty((count + 1, side, side), np.uint32)[:count] for side in (32, 16, 8, 4, 2, 1)]  # `_with_room`
    block = 1024  # tiles at once: 12 MB of floats
    for start in range(0, count, block):
        part = slice(start, min(start + block, count))
        light = to_linear(tiles[part])
        for level in levels:
            side = level.shape[1]
            if side < TILE_PIXELS:
                light = reduced(light, 2)
            rows = (tiles[part] if side == TILE_PIXELS else to_srgb(light)).reshape(-1, side, 3)
            level[part] = pack(rows).reshape(-1, side, side)
    return levels


def _halve(packed: Packed) -> Packed:
    """The next mip level: light averaged by its alpha, alpha as it is; packed and premultiplied as before."""
    width, height = max(packed.shape[1] // 2, 1), max(packed.shape[0] // 2, 1)
    channels = unpack(packed)
    alpha = channels[..., 3:]
    if (alpha == 255).all():
        return pack(resize(np.ascontiguousarray(channels[..., :3]), width, height))
    straight = np.minimum(channels[..., :3].astype(np.uint16) * 255 // np.maximum(alpha, 1), 255).astype(np.uint8)
    share = alpha.astype(np.float32) / 255
    area = cv2.INTER_AREA
    light = cv2.resize(to_linear(straight) * share, (width, height), interpolation=area).reshape(height, width, 3)
    opacity = cv2.resize(share, (width, height), interpolation=area).reshape(height, width, 1)
    colours = to_srgb((light / np.maximum(opacity, 1e-6)).astype(np.float32))
    return pack(np.concatenate([colours, (opacity * 255 + 0.5).astype(np.uint8)], axis=2))
