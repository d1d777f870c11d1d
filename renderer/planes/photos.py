"""Large photos as planes: their mip levels are converted once, and sampled in each frame."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Final

import numpy as np

from renderer.arrays import Float64Array, Int32Array, Int64Array
from renderer.canvas import Planes, make_planes
from renderer.compositor import Group
from renderer.kernels import arithmetic
from renderer.kernels.drawing import SHARPER
from renderer.kernels.planar import PICTURE, PlanarPictures
from renderer.planes.parts import edges_of, split_detail, styles_of
from renderer.scene import TONE_NONE_ABOVE, Sprites
from renderer.scene.views import Viewport
from renderer.textures import Textures

_LARGE: Final = 128  # pixels; smaller photos are drawn as sprites, which start with less work

_MOST: Final = 256  # photos in a frame; at 4K it shows 170 tiles of 240 pixels

_Key = tuple[int, int, bool]  # a texture, its mip level, and whether rows and columns are exchanged


class PhotoPlanes:
    """The mip levels of photos as planes, of which the owner bounds the memory with `drop`.

    `size`: width and height of the frames.
    """

    def __init__(self, textures: Textures, size: tuple[int, int]) -> None:
        self.textures, self.size = textures, size
        self.nbytes = 0
        self.planes: dict[_Key, Planes] = {}
        self._loading: dict[_Key, Future[Planes]] = {}

    def visible(self, group: Group) -> Sprites | None:
        """Return the sprites of a group that a frame shows if all of them can be drawn from planes, else None."""
        sprites, view, _ = group
        if sprites.rest is not None and sprites.rest.picture is not None:
            sprites = sprites.rest.picture
        if not len(sprites) or not sprites.outline.is_plain:
            return None
        edges = edges_of(sprites, view)
        seen = (edges[:, :2] < self.size).all(axis=1) & (edges[:, 2:] > 0).all(axis=1) & (sprites.opacity > 0)
        if not 0 < seen.sum() <= _MOST:
            return None
        some, edges, textures = sprites.take(seen), edges[seen], self.textures
        if (some.texture < 0).any() or (some.texture >= len(textures)).any():
            return None
        right, down, sides = np.abs(some.right), np.abs(some.down), edges[:, 2:] - edges[:, :2]
        upright = (right * down == 0).all() and (right.min(axis=1) == 0).all() and (down.min(axis=1) == 0).all()
        inside = (some.window >= 0).all() and (some.window <= 1).all()
        toneless = (some.gain == 1).all() and (some.offset == 0).all()
        # Texels of a landed photo coincide with pixels, also those of chroma if it is drawn as a sprite.
        detail = arithmetic.log2(self._texels(some, view))
        aligned = _are_whole(edges) and _are_whole(detail) and (detail >= 0).all()
        suits = (
            upright and inside and sides.min() >= _LARGE and textures.table.opaque[some.texture].all()
            and (toneless or np.sqrt(sides.prod(axis=1)).min() >= TONE_NONE_ABOVE) and not aligned
        )  # fmt: skip
        return some if suits else None

    def prefetch(self, photos: Sprites, view: Viewport) -> None:
        """Start to load the mip levels that a later frame needs."""
        for key in self._needed(photos, view):
            self._load(key)

    def needed(self, photos: Sprites, view: Viewport) -> Int32Array:
        """Return the texture levels that a frame needs: (M, 2) rows of texture, level."""
        return np.array([key[:2] for key in self._needed(photos, view)], np.int32)

    def pictures(self, photos: Sprites, view: Viewport, number: int) -> PlanarPictures:
        """Return photos as pictures, each of one part, for the frame of a number; missing mip levels are loaded.

        Raises RenderError if a photo can't be read.
        """
        table = self.textures.table
        fine, blend = self._levels(photos, view)
        records = np.zeros(len(photos), PICTURE)
        records["blend"], records["opaque"] = blend, 1
        records["opacity"] = np.clip(np.rint(photos.opacity * 256), 1, 256)
        records["first"] = np.arange(len(photos))
        records["end"] = records["first"] + 1
        kept: list[Planes] = []
        turned = photos.right[:, 0] == 0
        middle = photos.centre * view[0] + (view[2], view[5])
        swap = turned[:, np.newaxis]
        axes = photos.right + photos.down  # each has one component, as photos are upright
        window = np.where(swap, photos.window[:, [1, 0, 3, 2]], photos.window)
        for name, level in (("fine", fine), ("coarse", fine + (blend > 0))):
            texels = np.stack([table.width[photos.texture], table.height[photos.texture]], 1)
            sizes = np.maximum(np.where(swap, texels[:, ::-1], texels) >> level[:, np.newaxis], 1)
            planes = [self._level(key, number) for key in _keys(photos, level)]
            into = records[name]
            into["toned"] = into["plain"] = len(kept) + np.arange(len(photos))
            kept += planes
            into["columns"], into["cell_bits"] = 1, -1
            into["block_width"], into["block_height"] = (sizes + sizes % 2).T
            # The texel at a pixel: the window's middle, and half of its size on each half axis of the sprite.
            scale = 0.5 * (window[:, 2:] - window[:, :2]) * sizes / (axes * view[0])
            start = 0.5 * (window[:, 2:] + window[:, :2]) * sizes - scale * middle
            into["x_scale"], into["y_scale"] = scale.T
            into["x_start"], into["y_start"] = start.T
        addresses = np.array([each.address for each in kept], np.int64)
        return PlanarPictures(records, addresses, edges_of(photos, view), styles_of(photos), kept)

    def _needed(self, photos: Sprites, view: Viewport) -> list[_Key]:
        level, blend = self._levels(photos, view)
        return [*_keys(photos, level), *_keys(photos, level + (blend > 0))]

    def drop(self, used: int) -> None:
        """Forget the planes that were last used for a frame or earlier."""
        self.planes = {key: planes for key, planes in self.planes.items() if planes.used > used}
        self.nbytes = sum(planes.nbytes for planes in self.planes.values())

    def _levels(self, photos: Sprites, view: Viewport) -> tuple[Int64Array, Int64Array]:
        """Return each photo's finer mip level and the weight 0…256 of the coarser one, as visibility.c does."""
        levels = self.textures.table.levels[photos.texture]
        detail = arithmetic.log2(np.maximum(self._texels(photos, view), 1.0)) - SHARPER
        return split_detail(np.clip(detail, 0.0, levels - 1.0))

    def _texels(self, photos: Sprites, view: Viewport) -> Float64Array:
        """Return the texels of each photo's largest mip level per pixel."""
        table, window = self.textures.table, photos.window
        across = np.abs(window[:, 2] - window[:, 0]) * table.width[photos.texture] / np.abs(photos.right).max(axis=1)
        along = np.abs(window[:, 3] - window[:, 1]) * table.height[photos.texture] / np.abs(photos.down).max(axis=1)
        return np.asarray(np.maximum(across, along) / (2 * view[0]), np.float64)

    def _load(self, key: _Key) -> None:
        if key not in self.planes and key not in self._loading:
            self._loading[key] = self.textures.submit(partial(_make, self.textures, key))

    def _level(self, key: _Key, number: int) -> Planes:
        if key not in self.planes:
            self._load(key)
            self.planes[key] = self._loading.pop(key).result()
            self.nbytes += self.planes[key].nbytes
        self.planes[key].used = number
        return self.planes[key]


def _keys(photos: Sprites, level: Int64Array) -> list[_Key]:
    turned = photos.right[:, 0] == 0
    return list(zip(photos.texture.tolist(), level.tolist(), turned.tolist(), strict=True))


def _are_whole(values: Float64Array) -> bool:
    return bool((np.abs(values - np.rint(values)) < 1e-6).all())


def _make(textures: Textures, key: _Key) -> Planes:
    """Return a mip level as planes, with its last column and row repeated where its sides are odd."""
    texture, level, turned = key
    picture = textures.pixels(texture, level)
    if turned:
        picture = picture.T
    height, width = picture.shape
    padded = np.ascontiguousarray(np.pad(picture, ((0, height % 2), (0, width % 2)), "edge"))
    return make_planes(padded, 0, padded.shape[::-1], padded.shape[::-1])
