"""The canvas: a picture of resting tiles, drawn once, as a pyramid of blocks.

At level k a unit of the mosaic is 2^k pixels wide, so that most tiles are drawn without resampling. A block is
256 × 256 of these pixels. Blocks are drawn when they are needed, from the tiles alone; those that were not used for
longest are dropped.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array, Packed, Pixels
from renderer.compositor import FULL_TONE, NO_TONE, Compositor
from renderer.kernels import arithmetic
from renderer.kernels.drawing import SHARPER, to_planes
from renderer.scene import Camera, Colour, NestedMap, Scene, Sprites
from renderer.scene.views import Viewport

BLOCK: Final = 256
"""Side of a block in pixels."""

_LONGEST_RUN: Final = 8  # neighbouring blocks that are drawn at once

_BLOCKS_AT_ONCE: Final = 64  # whose memory, 6.3 MB, is allocated at once

_BEFORE: Final = 2  # columns that are drawn to the left of a run: chroma is a mean that includes one of them


class Key(NamedTuple):
    """What identifies a block of a canvas."""

    level: int  # a unit is 2^level pixels
    row: int
    column: int
    toned: bool  # with the tiles' full tone, or without any


@dataclass
class Planes:
    """A picture as planes of 4:2:0, BT.709 in limited range, one after another: Y, Cb, Cr."""

    colour: Pixels  # bytes; premultiplied, so that the values of a transparent pixel are 0
    cover: Pixels | None = None  # alpha of Y, then of Cb and Cr; None: opaque
    used: int = 0  # number of the last frame that needed it

    def __post_init__(self) -> None:
        self.address = self.colour.ctypes.data
        self.cover_address = 0 if self.cover is None else self.cover.ctypes.data
        self.nbytes = self.colour.nbytes + (0 if self.cover is None else self.cover.nbytes)


def make_planes(
    picture: Packed, left: int, size: tuple[int, int], inside: tuple[int, int],
    colour: Pixels | None = None, cover: Pixels | None = None,
) -> Planes:  # fmt: skip
    """Return a part of a picture as planes; the parameters are those of `renderer.kernels.drawing.to_planes`.

    `colour`: memory for the planes, by default newly allocated; `cover`: memory that the alpha is copied from.
    """
    colour = np.empty(size[0] * size[1] * 3 // 2, np.uint8) if colour is None else colour
    alpha = np.empty_like(colour) if cover is None else cover
    if to_planes(picture, left, size, inside, colour, alpha):
        return Planes(colour)
    return Planes(colour, alpha if cover is None else alpha.copy())


class BlockMemory:
    """Memory for the planes of blocks. What is no longer in use is used again, and never given back.

    It is allocated for many blocks at once, since that takes a fifth of the time: huge pages need 4 MB.
    """

    def __init__(self) -> None:
        self._free: list[Pixels] = []  # appending and popping are atomic

    def planes(self, make: Callable[[Pixels], Planes]) -> Planes:
        """Return planes that `make` makes in the memory it is given; from any thread."""
        try:
            memory = self._free.pop()
        except IndexError:
            first, *others = np.empty((_BLOCKS_AT_ONCE, BLOCK * BLOCK * 3 // 2), np.uint8)
            self._free += others
            memory = first
        made = make(memory)
        weakref.finalize(made, self._free.append, memory).atexit = False
        return made


class Canvas:
    """The blocks of one picture of resting tiles.

    `tiles`: all of them, at rest. `areas`: those of `Rest`. `memory`: for the blocks, shared with other canvases.
    `ground`: the colour around the tiles and between them; None: transparent.
    Memory: the planes that `planes` holds, which the owner bounds with `drop`; drawing takes 5.5 MB more.
    """

    def __init__(
        self,
        tiles: Sprites,
        nested: Mapping[int, NestedMap],
        compositor: Compositor,
        areas: Float64Array | None = None,
        memory: BlockMemory | None = None,
        ground: Colour | None = None,
    ) -> None:
        self.tiles = tiles
        self._ground = ground
        half = np.abs(tiles.right) + np.abs(tiles.down)
        low, high = tiles.centre - half, tiles.centre + half
        self.left, self.top = (float(value) for value in low.min(axis=0))
        self.right, self.bottom = (float(value) for value in high.max(axis=0))
        self.boxes = np.concatenate([low, high], 1)
        self.areas = self.boxes if areas is None else np.concatenate([areas[:, :2], areas[:, :2] + areas[:, 2:]], 1)
        if tiles.outline.kind == "hexagon" and areas is not None:
            self.areas[:, [1, 3]] += np.outer(self.areas[:, 3] - self.areas[:, 1], (-1 / 6, 1 / 6))  # to their corners
        self.has_gaps = not tiles.outline.is_plain or not np.array_equal(self.areas, self.boxes)
        # The corner of the first block, in units: hexagons reach beyond the corner of their map.
        self.origin = min(math.floor(self.left), 0), min(math.floor(self.top), 0)
        # Sizes of tiles: few, since cells have few sizes.
        self.sizes, self.size_of = np.unique(np.round(2 * np.sqrt(half[:, 0] * half[:, 1]), 9), return_inverse=True)
        left, top, _, bottom = self.areas.T
        self._order = np.lexsort((left, bottom, top))  # row by row, from left to right
        self._seen: tuple[object, npt.NDArray[np.intp]] = ((), self._order)
        # Smallest cells are 2^_cell units wide and high, and all edges are multiples of that.
        size = float(self.sizes[0]) if len(self.sizes) else 0.0
        share, power = math.frexp(size)
        on_grid = share == 0.5 and not (self.boxes % size).any()
        self._cell = power - 1 if on_grid and tiles.outline.is_plain else None
        self._lowest_before = np.maximum.accumulate(high[:, 1])
        self._highest_after = np.minimum.accumulate(low[::-1, 1])[::-1]
        self.has_tone = bool((tiles.gain != 1).any() or (tiles.offset != 0).any())
        self.planes: dict[Key, Planes] = {}
        self.nbytes = 0  # of the planes
        self._nested = nested
        self._compositor = compositor
        self._blocks = memory or BlockMemory()
        self._drawers: dict[tuple[int, bool], Compositor] = {}  # by level, with tone or without
        self._memory = np.empty((_LONGEST_RUN * BLOCK + _BEFORE) * BLOCK, np.uint32)
        self._cover = np.empty((_LONGEST_RUN, BLOCK * BLOCK * 3 // 2), np.uint8)  # alpha of a run's blocks

    def includes(self, which: npt.NDArray[np.intp] | slice, top: float, bottom: float) -> bool:
        """Return whether a slice of the tiles includes all between two rows, in units."""
        if not isinstance(which, slice):
            return False
        first, end, _ = which.indices(len(self.boxes))
        return (first == 0 or float(self._lowest_before[first - 1]) <= top) and (
            end == len(self.boxes) or float(self._highest_after[end]) >= bottom
        )

    @cached_property
    def neighbours(self) -> npt.NDArray[np.intp]:
        """The six neighbours of each hexagon, (N, 6): in its row, then above and below; N where there is none."""
        low, high = self.areas[:, :2], self.areas[:, 2:]
        step = (high[0] - low[0]) * (0.5, 0.75)  # from one hexagon to that below right
        column, row = np.rint((low - low.min(axis=0)) / step).astype(np.int64).T
        width = int(column.max()) + 4  # a row ends with columns that are not used
        number = (row + 1) * width + column + 2
        order = np.argsort(number, kind="stable")
        wanted = number[:, np.newaxis] + (-2, 2, -width - 1, -width + 1, width - 1, width + 1)
        found = np.minimum(np.searchsorted(number, wanted, sorter=order), len(order) - 1)
        return np.where(number[order[found]] == wanted, order[found], len(order))

    def seen(self, view: Viewport, size: tuple[int, int]) -> npt.NDArray[np.intp]:
        """Return the indices of the tiles that an upright view shows in a frame of a size, row by row."""
        if self._seen[0] != (view, size):
            low, high = (self.boxes[:, part] * view[0] + (view[2], view[5]) for part in (slice(2), slice(2, 4)))
            inside = np.logical_and((high > 0).all(axis=1), (low < size).all(axis=1))
            self._seen = ((view, size), self._order[inside[self._order]])
        return self._seen[1]

    def columns(self, level: int) -> int:
        """Return the number of columns of blocks at a level."""
        return max(math.ceil((self.right - self.origin[0]) * math.ldexp(1.0, level) / BLOCK - 1e-9), 1)

    def cell_bits(self, level: int) -> int:
        """Return the logarithm to base 2 of the smallest cells' side in pixels; −1 if cells lie on no such grid."""
        return -1 if self._cell is None else level + self._cell

    def rows(self, level: int) -> int:
        """Return the number of rows of blocks at a level."""
        return max(math.ceil((self.bottom - self.origin[1]) * math.ldexp(1.0, level) / BLOCK - 1e-9), 1)

    def block(self, level: int, column: int, row: int, *, toned: bool = True) -> Packed:
        """Return a block as a picture (256, 256), newly drawn; transparent where no tile is.

        The pixels depend on the tiles alone. Raises RenderError if a photo can't be read.
        """
        picture, left = self._draw(level, row, column, 1, toned=toned)
        return picture[:, left : left + BLOCK].copy()

    def build(self, keys: Iterable[Key]) -> Sequence[Planes]:
        """Draw the planes of blocks that are missing, and return them. Raises RenderError if a photo can't be read."""
        made: list[Planes] = []
        for run in runs(key for key in keys if key not in self.planes):
            made += self._build_run(run)
        return made

    def _build_run(self, run: Sequence[Key]) -> Sequence[Planes]:
        level, row, column, toned = run[0]
        picture, left = self._draw(level, row, column, len(run), toned=toned)
        sides = self.right - self.origin[0], self.bottom - self.origin[1]
        width, height = (max(round(side * math.ldexp(1.0, level)), 1) for side in sides)

        def convert(number: int) -> None:
            inside = min(BLOCK, width - (column + number) * BLOCK), min(BLOCK, height - row * BLOCK)
            first, size = left + number * BLOCK, (BLOCK, BLOCK)
            self.planes[run[number]] = self._blocks.planes(
                lambda colour: make_planes(picture, first, size, inside, colour, self._cover[number])
            )

        self._compositor.in_parallel(convert, range(len(run)))
        made = [self.planes[key] for key in run]
        self.nbytes += sum(each.nbytes for each in made)
        return made

    def photos(self, run: Sequence[Key]) -> list[tuple[int, int]]:
        """Return which photos a run of blocks shows that are not loaded: textures and their levels."""
        level, row, column, _ = run[0]
        scale, textures = math.ldexp(1.0, level), self._compositor.textures
        left, right = (column * BLOCK - (_BEFORE if column else 0)) / scale, (column + len(run)) * BLOCK / scale
        left, right, top = left + self.origin[0], right + self.origin[0], row * BLOCK / scale + self.origin[1]
        bottom = top + BLOCK / scale
        x0, y0, x1, y1 = self.boxes.T
        inside = np.flatnonzero((y1 > top) & (y0 < bottom) & (x1 > left) & (x0 < right))
        texture = self.tiles.texture[inside]
        window, pixels = self.tiles.window[inside], np.maximum(x1[inside] - x0[inside], 1e-9) * scale
        # Up to rounding, texels coincide with pixels, so that one mip level suffices.
        texels = (window[:, 2] - window[:, 0]) * textures.table.width[texture] / pixels
        levels = np.clip(arithmetic.log2(np.maximum(texels, 1)).astype(np.int64), 0, textures.table.levels[texture] - 1)
        missing = textures.table.address[texture, levels] == 0
        return list(dict.fromkeys(zip(texture[missing].tolist(), levels[missing].tolist(), strict=True)))

    def load(self, photos: Sequence[tuple[int, int]]) -> None:
        """Start loading levels of textures."""
        textures = self._compositor.textures
        missing = np.array(photos, np.int32).reshape(-1, 2)
        textures.prefetch(missing[textures.table.address[missing[:, 0], missing[:, 1]] == 0])

    def drop(self, used: int) -> None:
        """Forget the planes that were last used for a frame or earlier."""
        self.planes = {key: planes for key, planes in self.planes.items() if planes.used > used}
        self.nbytes = sum(planes.nbytes for planes in self.planes.values())

    def _draw(self, level: int, row: int, column: int, count: int, *, toned: bool) -> tuple[Packed, int]:
        """Return a run of blocks as a picture, valid until the next call, and the first block's column in it."""
        if (level, toned) not in self._drawers:
            self._drawers[level, toned] = Compositor(
                self.columns(level) * BLOCK, BLOCK, self._compositor.textures, threads=self._compositor.threads,
                pool=self._compositor.pool, tone_sizes=FULL_TONE if toned else NO_TONE,
                sharper=0.0 if self.has_gaps else SHARPER,  # once, when the blocks are sampled, as in sprites
            )  # fmt: skip
        drawer, left = self._drawers[level, toned], _BEFORE if column else 0
        # The frame is the whole row of blocks, so that pixels do not depend on where the run begins.
        drawer.columns = column * BLOCK - left, (column + count) * BLOCK
        width = count * BLOCK + left
        picture = self._memory[: width * BLOCK].reshape(BLOCK, width)
        drawer.draw(self._scene(level, row), picture)
        return picture, left

    def _scene(self, level: int, row: int) -> Scene:
        """Return the scene of all blocks in a row."""
        scale = math.ldexp(1.0, level)
        x, y = (position / scale for position in (self.columns(level) * BLOCK / 2, row * BLOCK))
        low, high = y + self.origin[1], y + BLOCK / scale + self.origin[1]
        camera = Camera((x + self.origin[0], (low + high) / 2), scale)
        inside = np.flatnonzero((self.boxes[:, 3] > low) & (self.boxes[:, 1] < high))
        tiles = self.tiles.take(slice(inside[0], inside[-1] + 1) if len(inside) else slice(0))
        return Scene((tiles,), camera, self._ground, nested=self._nested)


def runs(keys: Iterable[Key]) -> Iterator[Sequence[Key]]:
    """Yield keys in runs of at most 8 neighbouring blocks in one row."""
    run: list[Key] = []
    for key in sorted(keys, key=lambda key: (key.level, key.toned, key.row, key.column)):
        if run and (len(run) == _LONGEST_RUN or key != run[-1]._replace(column=run[-1].column + 1)):
            yield run
            run = []
        run.append(key)
    if run:
        yield run
