"""Textures of sprites, as mip pyramids in a cache bounded in bytes.

Level 0 of a texture is its largest; each next level has half the width and height (rounded down, at least 1). The
small levels of tiles, up to 32 pixels, are always in memory. Larger levels are created when a scene first needs them;
when the cache is full, the least recently used are dropped. Which level a sprite shows depends on the scene alone,
never on what is loaded.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Packed as Packed
from renderer.cores import core_count
from renderer.descriptors import blocks, ratio_of, tile_size
from renderer.kernels.drawing import TextureTable as TextureTable
from renderer.library import Library, Photo
from renderer.pictures import Pixels, reduced, resize, to_linear, to_srgb

Made = TypeVar("Made")

_Key = tuple[int, int]
"""A texture and its level."""

MAX_LEVELS: Final = 15
MAX_SIDE: Final = 2 ** (MAX_LEVELS - 1)
"""Maximum side of a texture in texels, 16,384: kernels address texels in 32-bit fixed point with 16 fractional bits."""

MAX_PENDING: Final = 4096
"""Maximum number of levels created ahead of their scene; one or two scenes need fewer, mostly small ones."""

_AT_ONCE: Final = 16
"""Maximum number of levels that one call creates: their thumbnails are read by one query, up to 60 being possible."""


def pack(pixels: npt.NDArray[np.uint8]) -> Packed:
    """Return pixels (H, W, 3) RGB, or (H, W, 4) RGBA with straight alpha, packed and premultiplied: (H, W) uint32."""
    if pixels.shape[2] == 4:
        packed = np.empty_like(pixels)
        alpha = pixels[..., 3:].astype(np.uint16)
        packed[..., :3] = (pixels[..., :3] * alpha + 127) // 255
        packed[..., 3] = pixels[..., 3]
    else:
        packed = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), np.uint8)  # 25 times as fast as assigning
    return packed.view(np.uint32)[..., 0]


def unpack(packed: Packed) -> npt.NDArray[np.uint8]:
    """Return packed pixels (H, W) as a view of their bytes: (H, W, 4) premultiplied RGBA."""
    return packed[..., np.newaxis].view(np.uint8)


class Textures:
    """The textures of one render and their memory.

    `budget`: bytes for levels above 32 texels; exceeded only if a single scene needs more, about 12 bytes for each
    pixel of the frame where sprites don't overlap. In addition, 5.5 KiB per photo for the small levels, if tiles are
    squares, and 0.5 KiB per texture. `threads`: number of its own loading threads; `close` ends them. `longest_square`:
    maximum shorter side of the photos' crops in texels.
    """

    def __init__(self, budget: int, threads: int | None = None, longest_square: int = 1024) -> None:
        self.table = _empty_table(0)
        self.longest_square = longest_square  # larger tiles are visible only briefly
        self._scenes = 0
        self.budget = budget
        self.mean: list[tuple[float, float, float]] = []  # of each texture, sRGB 0…1
        self._create: list[Callable[[int], Packed]] = []
        self.base_levels: list[Packed] = []  # never dropped
        self._loaded: dict[_Key, Packed] = {}
        self.loaded_bytes = 0
        self.picture_bytes = 0  # of pictures that were added, which stay
        self._pending: dict[_Key, Future[Packed]] = {}
        self._threads = threads or min(core_count(), 8)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="textures")

    def __len__(self) -> int:
        return len(self._create)

    def close(self) -> None:
        """Stop the loading threads."""
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
        """Add a texture whose level 0 is `width` × `height` texels. Returns its index.

        `make(level)` returns a level's pixels, packed (H, W): the same at each call, from any thread. `mean`: sRGB 0…1.
        Raises ValueError for a side outside 1…16,384.
        """
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"a texture can't have {width} × {height} texels: each side must be 1 to {MAX_SIDE}")
        index = len(self)
        self._reserve(index + 1)
        self._describe(slice(index, index + 1), width, height, opaque)
        self._create.append(make)
        self.mean.append(mean)
        return index

    def add_picture(self, pixels: npt.NDArray[np.uint8]) -> int:
        """Add a picture, (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha, uint8. Returns its index."""
        levels = [pack(pixels)]
        self.picture_bytes += levels[0].nbytes * 4 // 3
        while min(levels[-1].shape) > 1 or max(levels[-1].shape) > 1:
            levels.append(_halve(levels[-1]))
        r, g, b = (float(value) for value in unpack(levels[0])[..., :3].mean(axis=(0, 1)) / 255)
        opaque = pixels.shape[2] == 3 or bool((pixels[..., 3] == 255).all())
        return self.add(pixels.shape[1], pixels.shape[0], levels.__getitem__, mean=(r, g, b), opaque=opaque)

    def add_tiles(self, library: Library) -> int:
        """Add the crops of a library's photos, in order. Returns the index of the first."""
        first, count = len(self), len(library.photos)
        self._reserve(first + count)
        for i, photo in enumerate(library.photos):
            ratio = ratio_of(library.photos.ratio, is_upright=photo.is_upright)
            width, height = _top_size(photo, ratio, self.longest_square)
            self._describe(slice(first + i, first + i + 1), width, height, opaque=True)
            self._create.append(_TileLevels(library, photo, width, height))
            self.mean.append(photo.mean)
        for indices, tiles in library.tiles_by_size():
            levels, base = self.table.levels[first + indices], _base_levels(tiles)
            for small, pixels in enumerate(base):  # 32, 16, … 1 texels, or for 3:2 48 × 32, 24 × 16, … 1 × 1
                self.base_levels.append(pixels)
                address = pixels.ctypes.data + np.arange(len(indices)) * pixels.strides[0]
                self.table.address[first + indices, levels - len(base) + small] = address
        return first

    def add_whole(self, library: Library, photo: Photo, width: int, height: int) -> int:
        """Add a whole photo, not only its crop, with exactly `width` × `height` texels. Returns its index."""
        return self.add(width, height, _WholeLevels(library, photo, width, height), mean=photo.mean)

    def _reserve(self, count: int) -> None:
        """Grow the table to hold `count` textures; by doubling, since textures may be added one by one."""
        old = self.table
        if count > len(old.width):
            new = _empty_table(max(count, 2 * len(old.width)))
            for name in TextureTable._fields:
                getattr(new, name)[: len(old.width)] = getattr(old, name)
            self.table = new

    def _describe(self, rows: slice, width: int, height: int, opaque: bool) -> None:
        self.table.width[rows] = width
        self.table.height[rows] = height
        self.table.levels[rows] = max(width, height).bit_length()
        self.table.opaque[rows] = opaque

    def pixels(self, texture: int, level: int) -> Packed:
        """Return a level's pixels, newly created: (H, W). Raises RenderError if its photo can't be read."""
        return self._create[texture](level)

    def next_scene(self) -> int:
        """Return the number of the next scene drawn with these textures, by any compositor."""
        self._scenes += 1
        return self._scenes

    def unloaded(self) -> Textures:
        """Return the same textures with only the small levels loaded, to find out what scenes need; not to draw."""
        others = copy.copy(self)
        address = self.table.address.copy()
        for key in self._loaded:
            address[key] = 0
        others.table = self.table._replace(address=address)
        return others

    def read_from_files(self, levels: Mapping[int, int]) -> list[Photo]:
        """Return the photos whose files are read, not only their thumbnails: one for each file, in their order.

        `levels`: the largest level that is needed of each texture.
        """
        read: dict[tuple[Path, str], Photo] = {}
        for some in blocks(len(levels), _AT_ONCE):
            textures = list(levels)[some]
            jpegs = self._jpegs(textures)
            for texture in textures:
                make = self._create[texture]
                if isinstance(make, _TileLevels | _WholeLevels):
                    size = make.size(levels[texture])
                    if make.library.is_read_from_file(make.photo, *size, jpegs.get(texture)):
                        read.setdefault((make.photo.path, make.photo.digest), make.photo)
        return list(read.values())

    # -- Loading ---------------------------------------------------------------------------------------------------

    def prefetch(self, missing: npt.NDArray[np.int32]) -> None:
        """Start creating levels that a later scene needs; does not wait. `missing`: (M, 2) rows of texture, level."""
        keys = [(texture, level) for texture, level in missing.tolist() if (texture, level) not in self._pending]
        self._pending.update(self._start(keys))
        while len(self._pending) > MAX_PENDING:  # the oldest, requested but never used
            self._pending.pop(next(iter(self._pending))).cancel()

    def load(self, missing: npt.NDArray[np.int32], scene_number: int) -> None:
        """Load levels and wait for them. `missing`: (M, 2) rows of texture, level.

        Levels that scene `scene_number` uses are not dropped. Raises RenderError if a photo can't be read.
        """
        keys = [(texture, level) for texture, level in missing.tolist()]
        futures = {key: self._pending.pop(key) for key in keys if key in self._pending}
        futures.update(self._start([key for key in keys if key not in futures]))
        for key in keys:
            pixels = _padded(futures[key].result())
            self._loaded[key] = pixels
            self.loaded_bytes += pixels.nbytes
            self.table.address[key] = pixels.ctypes.data
        if self.loaded_bytes > self.budget:
            self._drop(scene_number)

    def _start(self, keys: Sequence[_Key]) -> dict[_Key, Future[Packed]]:
        """Create levels in loading threads: several by one call, so that their thumbnails are read at once."""
        futures: dict[_Key, Future[Packed]] = {key: Future() for key in keys}
        size = min(max(len(keys) // (2 * self._threads), 1), _AT_ONCE)
        for start in range(0, len(keys), size):
            self._pool.submit(self._create_some, {key: futures[key] for key in keys[start : start + size]})
        return futures

    def _create_some(self, futures: Mapping[_Key, Future[Packed]]) -> None:
        """Create levels, and set the results of their futures."""
        jpegs: Mapping[int, bytes | None] | None = None
        for (texture, level), future in futures.items():
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if jpegs is None:
                    jpegs = self._jpegs({texture for texture, _ in futures})
                make = self._create[texture]
                future.set_result(make(level, jpegs[texture]) if isinstance(make, _TileLevels) else make(level))
            except BaseException as error:  # raised where the level is needed
                future.set_exception(error)

    def _jpegs(self, textures: Iterable[int]) -> Mapping[int, bytes | None]:
        """Return the thumbnails of those textures that are crops of photos."""
        tiles = {texture: make for texture in textures if isinstance(make := self._create[texture], _TileLevels)}
        found: dict[int, bytes | None] = {}
        for library in {make.library for make in tiles.values()}:
            its = [texture for texture, make in tiles.items() if make.library is library]
            found.update(zip(its, library.jpegs([tiles[texture].photo for texture in its]), strict=True))
        return found

    def submit(self, work: Callable[[], Made]) -> Future[Made]:
        """Do work in a loading thread."""
        return self._pool.submit(work)

    def _drop(self, scene_number: int) -> None:
        by_age = sorted(self._loaded, key=lambda key: int(self.table.used[key]))
        for key in by_age:
            if self.loaded_bytes <= self.budget or self.table.used[key] == scene_number:
                break
            self.table.address[key] = 0
            self.loaded_bytes -= self._loaded.pop(key).nbytes


class _PhotoLevels:
    """Creates the levels of a photo, of which level 0 is `width` × `height` texels."""

    def __init__(self, library: Library, photo: Photo, width: int, height: int) -> None:
        self.library, self.photo, self.width, self.height = library, photo, width, height

    def size(self, level: int) -> tuple[int, int]:
        """Return the width and height of a level."""
        return max(self.width >> level, 1), max(self.height >> level, 1)


class _TileLevels(_PhotoLevels):
    """Creates the levels above 32 texels of a photo's crop."""

    def __call__(self, level: int, jpeg: bytes | None = None) -> Packed:
        """`jpeg`: the photo's thumbnail if it was read before."""
        return pack(self.library.tile(self.photo, *self.size(level), jpeg))


class _WholeLevels(_PhotoLevels):
    """Creates the levels of a whole photo. Once created, level 1 stays in memory: all coarser ones are made from it."""

    def __init__(self, library: Library, photo: Photo, width: int, height: int) -> None:
        super().__init__(library, photo, width, height)
        self._half: Pixels | None = None
        self._lock = threading.Lock()

    def __call__(self, level: int) -> Packed:
        if level == 0:
            return pack(self.library.whole(self.photo, self.width, self.height))
        with self._lock:  # decoded once: a large photo takes 50 ms at any size
            if self._half is None:
                self._half = self.library.whole(self.photo, *self.size(1), sharp=False)
        return pack(resize(self._half, *self.size(level)))


def _empty_table(count: int) -> TextureTable:
    return TextureTable(
        width=np.zeros(count, np.int32),
        height=np.zeros(count, np.int32),
        levels=np.zeros(count, np.int32),
        opaque=np.zeros(count, np.bool_),
        address=np.zeros((count, MAX_LEVELS), np.int64),
        used=np.zeros((count, MAX_LEVELS), np.int64),
    )


def _padded(level: Packed) -> Packed:
    """Return a level with memory for one more texel after its last if it has a single column.

    Kernels read two neighbouring texels at once. In wider levels no pair starts in the last column.
    """
    if level.shape[1] > 1:
        return level
    padded = np.empty((len(level) + 1, 1), np.uint32)[:-1]
    padded[:] = level
    return padded


def _top_size(photo: Photo, ratio: Fraction, longest: int) -> tuple[int, int]:
    """Return the size of a tile's largest level: that of its tile picture, doubled until it holds all of its pixels.

    longest: maximum of the shorter side. The longer one has at most 16,384 texels.
    """
    width, height = tile_size(ratio)
    enough = -(-photo.crop[2] // width), -(-photo.crop[3] // height)
    times = (max(enough) - 1).bit_length()
    while times and (min(width, height) << times > longest or max(width, height) << times > MAX_SIDE):
        times -= 1
    return width << times, height << times


def _base_levels(tiles: Pixels) -> Sequence[Packed]:
    """Return the levels of tiles (N, H, W, 3), down to 1 × 1: each (N, height, width), averaged in linear light."""
    count, height, width = tiles.shape[:3]
    sizes = [(max(width >> level, 1), max(height >> level, 1)) for level in range(max(width, height).bit_length())]
    levels = [np.empty((count + 1, along, across), np.uint32)[:count] for across, along in sizes]  # see `_padded`
    block = 1024  # tiles at a time: 12 MB of floats
    for start in range(0, count, block):
        part = slice(start, min(start + block, count))
        light = to_linear(tiles[part])
        for number, (level, (across, along)) in enumerate(zip(levels, sizes, strict=True)):
            if number:
                light = reduced(light, across, along)
            rows = (to_srgb(light) if number else tiles[part]).reshape(-1, across, 3)
            level[part] = pack(rows).reshape(-1, along, across)
    return levels


def _halve(packed: Packed) -> Packed:
    """Return the next mip level, packed: linear light averaged with alpha as the weight, and the mean alpha."""
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
