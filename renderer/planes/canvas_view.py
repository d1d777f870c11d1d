"""What frames show of a canvas: its blocks, drawn before they are needed, as pictures that are ready to draw."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from renderer.arrays import Int32Array, Int64Array, Pixels
from renderer.canvas import BLOCK, Canvas, Key, Planes, runs
from renderer.kernels import arithmetic
from renderer.kernels.drawing import SHARPER, Box
from renderer.kernels.planar import PICTURE, PlanarPictures
from renderer.planes.parts import NO_PARTS, split_detail, tone_shares
from renderer.scene.views import Viewport

LOOK_AHEAD: Final = 24
"""Number of frames by which textures and blocks are prepared in advance.

A camera that comes nearer needs a whole level of a canvas at once. What is prepared earlier occupies memory for
longer."""

_LOADED_AHEAD: Final = 1  # runs of blocks whose photos are loaded before the one before them is drawn

_BLOCK_COST: Final = 3.0
"""Time to draw a block relative to loading a photo: 0.7 ms, and 0.2 ms at 64 or 0.3 ms at 128 pixels."""

_AROUND: Final = 16
"""Texels around a view whose blocks are drawn too: `columns_of` in planar.c reads up to four texels of chroma, eight of
luma, beyond those at the first and last pixel."""

_OPAQUE: Final = Planes(np.full(BLOCK * BLOCK * 3 // 2, 255, np.uint8))  # the alpha of opaque blocks among others

_Blocks = tuple[int, int, int, int]  # a range of blocks: left, top, right and bottom of their columns and rows


@dataclass
class _Table:
    """The blocks of a level that a view shows, row by row, with tone and then without, or in one of these variants."""

    blocks: _Blocks
    variants: tuple[bool, ...]
    planes: Sequence[Planes]
    colour: Int64Array  # their addresses
    cover: Int64Array  # the addresses of their alpha
    opaque: _Blocks  # those of a range in which all are opaque
    used: int = 0  # number of the last frame that needed it


@dataclass
class _Run:
    """Neighbouring blocks that a later frame needs."""

    keys: Sequence[Key]
    due: int  # how often `advance` is called before
    photos: list[tuple[int, int]]  # textures and levels of the photos whose loading was not started

    @property
    def cost(self) -> float:
        """Time to load the photos and to draw the blocks, relative to that of a photo."""
        return len(self.photos) + _BLOCK_COST * len(self.keys)


class CanvasView:
    """A canvas as frames of a size show it. Views are upright."""

    def __init__(self, canvas: Canvas, size: tuple[int, int]) -> None:
        self.canvas, self.size = canvas, size
        self._tables: dict[int, _Table] = {}  # by level
        self._prefetched: dict[int, tuple[_Blocks, tuple[bool, ...]]] = {}  # by level
        self._waiting: deque[_Run] = deque()  # in the order in which they are needed
        self._advanced = 0  # number of calls of `advance`
        self._requested: set[tuple[int, int]] = set()  # photos of the runs that wait
        self._named: set[Key] = set()  # blocks whose photos were named by `needed`
        self._whole: tuple[Viewport | tuple[()], Pixels] = ((), np.empty(0, np.uint8))

    def prefetch(self, view: Viewport) -> None:
        """Note which blocks a view needs that is drawn after `LOOK_AHEAD` more calls of `advance`."""
        variants = self._variants(view)
        for level in self._levels(view)[0]:
            blocks = self._blocks(level, view)
            before = self._prefetched.get(level)
            if before is None or before[1] != variants or not _suffices(before[0], blocks):
                self._prefetched[level] = blocks, variants
                waiting = {key for run in self._waiting for key in run.keys}
                keys = _keys(level, blocks, variants)
                new = (key for key in keys if key not in self.canvas.planes and key not in waiting)
                for run in runs(new):
                    photos = [photo for photo in self.canvas.photos(run) if photo not in self._requested]
                    self._requested.update(photos)
                    self._waiting.append(_Run(run, self._advanced + LOOK_AHEAD, photos))

    def needed(self, view: Viewport) -> Int32Array:
        """Return the texture levels of the photos in the blocks that a view needs, except blocks of earlier calls.

        They are (M, 2) rows of texture, level, of those that are not loaded.
        """
        needed: list[tuple[int, int]] = []
        variants = self._variants(view)
        for level in self._levels(view)[0]:
            new = [key for key in _keys(level, self._blocks(level, view), variants) if key not in self._named]
            self._named.update(new)
            for run in runs(new):
                needed += self.canvas.photos(run)
        return np.array(needed, np.int32).reshape(-1, 2)

    def advance(self, number: int) -> None:
        """Do some of the work on blocks that are needed later: about as much in each call, all in time.

        Called once per frame, also for those that show the same as the one before and are not drawn. `number`: of the
        last frame that was drawn. The photos of a run begin to be loaded before the run before it is drawn.
        """
        self._advanced += 1
        work, total = 0.0, 0.0
        for run in self._waiting:
            total += run.cost
            work = max(work, total / max(run.due - self._advanced + 1, 1))
        while self._waiting and (work > 0 or self._waiting[0].due <= self._advanced):
            run = next((run for run in islice(self._waiting, 1 + _LOADED_AHEAD) if run.photos), self._waiting[0])
            if run.photos and work > 0:
                some = run.photos[: math.ceil(work)]
                self.canvas.load(some)
                run.photos = run.photos[len(some) :]
                work -= len(some)
            else:
                run = self._waiting.popleft()
                self._build(run.keys, number + LOOK_AHEAD + 1)
                work -= run.cost
        if not self._waiting:
            self._requested.clear()

    def picture(self, view: Viewport, number: int) -> PlanarPictures:
        """Return what a view shows as a picture without parts, for the frame of a number; missing blocks are drawn.

        Raises RenderError if a photo can't be read.
        """
        record = np.zeros(1, PICTURE)
        levels, record["blend"] = self._levels(view)
        tables = [self._table(level, view, number) for level in levels]
        record["opacity"] = 256
        record["opaque"] = all(table.opaque == table.blocks for table in tables)
        addresses: list[Int64Array] = []
        first = 0
        solid: Box = (0, 0, self.size[0], self.size[1])
        for name, level, table in zip(("fine", "coarse"), levels, tables, strict=False):
            left, top, right, bottom = table.blocks
            scale, count = math.ldexp(1.0, level) / view[0], len(table.colour)
            starts = (-(view[2 + 3 * axis] + self.canvas.origin[axis] * view[0]) * scale for axis in (0, 1))
            x_start, y_start = starts
            plain = first + count - (right - left) * (bottom - top)
            record[name][0] = (
                first, plain, first + count, right - left, left, top, BLOCK, BLOCK, self.canvas.cell_bits(level),
                scale, x_start, scale, y_start,
            )  # fmt: skip
            addresses += [table.colour, table.cover]
            first += 2 * count
            solid = self._solid(table, scale, x_start, y_start, solid)
        return PlanarPictures(record, np.concatenate(addresses), *NO_PARTS, tables, solid=solid)

    def _solid(self, table: _Table, scale: float, x_start: float, y_start: float, box: Box) -> Box:
        """Return the part of a box, at even pixels, in which all blocks of a level are opaque."""
        left, top, right, bottom = table.opaque
        # A pixel is sampled from texels up to two pixels away, and chroma is a mean of pixels.
        edges = []
        for block, start, way in ((left, x_start, 1), (top, y_start, 1), (right, x_start, -1), (bottom, y_start, -1)):
            edges.append(way * 2 * math.ceil(way * (block * BLOCK - start) / scale / 2 + 2))
        return max(box[0], edges[0]), max(box[1], edges[1]), min(box[2], edges[2]), min(box[3], edges[3])

    def whole(self, view: Viewport, draw: Callable[[Pixels], None]) -> PlanarPictures:
        """Return a frame with all tiles as a picture in which texels are pixels.

        `draw` draws the frame, and is called only if the last one had another view: planes, one after another.
        """
        width, height = self.size
        drawn, colour = self._whole
        if drawn != view:
            colour = colour if len(colour) else np.empty(width * height * 3 // 2, np.uint8)
            self._whole = ((), colour)
            draw(colour)
            self._whole = (view, colour)
        record = np.zeros(1, PICTURE)
        record["opaque"], record["opacity"] = 1, 256
        record["fine"][0] = (0, 0, 0, 1, 0, 0, width, height, -1, 1.0, 0.0, 1.0, 0.0)
        return PlanarPictures(record, np.array([colour.ctypes.data]), *NO_PARTS, [colour])

    def blocks(self) -> Iterator[Planes]:
        """Yield the planes of all blocks, with the numbers of the frames that needed them."""
        for table in self._tables.values():
            for each in table.planes:
                each.used = max(each.used, table.used)
        yield from self.canvas.planes.values()

    def drop(self, used: int) -> None:
        """Forget the blocks that were last used for a frame or earlier; `blocks` must have been called before."""
        self.canvas.drop(used)
        self._tables.clear()
        self._prefetched.clear()

    def _levels(self, view: Viewport) -> tuple[tuple[int, ...], int]:
        """Return the finer and the coarser level for a view, if both are needed, and the weight 0…256 of the second."""
        detail, canvas = arithmetic.log2(view[0]), self.canvas
        corners = np.array([[canvas.left, canvas.top], [canvas.right, canvas.bottom]]) * view[0] + (view[2], view[5])
        if abs(detail - round(detail)) > 1e-6 or (np.abs(corners - np.rint(corners)) > 1e-6).any():
            detail += SHARPER  # otherwise texels coincide with pixels and are drawn unchanged
        coarser, blend = split_detail(np.array(-detail))
        level = -int(coarser)
        return ((level, level - 1) if blend else (level,)), int(blend)

    def _variants(self, view: Viewport) -> tuple[bool, ...]:
        """Return which blocks a view needs: with tone (True), without, or both."""
        shares = tone_shares(self.canvas, view)
        return tuple(toned for toned, needed in ((True, shares.max() > 0), (False, shares.min() < 256)) if needed)

    def _blocks(self, level: int, view: Viewport) -> _Blocks:
        """Return the range of blocks that a view shows."""
        ranges = []
        origin = self.canvas.origin
        for side, start, count in (
            (self.size[0], view[2] + origin[0] * view[0], self.canvas.columns(level)),
            (self.size[1], view[5] + origin[1] * view[0], self.canvas.rows(level)),
        ):
            low, high = ((x - start) * math.ldexp(1.0, level) / view[0] for x in (0, side))
            first = min(max(math.floor((low - _AROUND) / BLOCK), 0), count - 1)
            ranges.append((first, max(min(math.floor((high + _AROUND) / BLOCK) + 1, count), first + 1)))
        (left, right), (top, bottom) = ranges
        return left, top, right, bottom

    def _table(self, level: int, view: Viewport, number: int) -> _Table:
        """Return the addresses of the blocks that a view shows, and perhaps of more; missing ones are drawn."""
        blocks, variants = self._blocks(level, view), self._variants(view)
        table = self._tables.get(level)
        if table is None or table.variants != variants or not _suffices(table.blocks, blocks):
            keys = _keys(level, blocks, variants)
            self._build(keys, number)
            planes = [self.canvas.planes[key] for key in keys]
            table = _Table(
                blocks, variants, planes,
                colour=np.array([each.address for each in planes], np.int64),
                cover=np.array([each.cover_address or _OPAQUE.address for each in planes], np.int64),
                opaque=_opaque_blocks(blocks, planes),
            )  # fmt: skip
            self._tables[level] = table
        table.used = number
        return table

    def _build(self, keys: Sequence[Key], until: int) -> None:
        """Draw the blocks that are missing; they are kept at least until the frame of a number."""
        for planes in self.canvas.build(keys):
            planes.used = until


def _keys(level: int, blocks: _Blocks, variants: Sequence[bool]) -> list[Key]:
    """Return the keys of the blocks in a range, row by row, for each variant."""
    left, top, right, bottom = blocks
    columns = range(left, right)
    return [Key(level, row, column, toned) for toned in variants for row in range(top, bottom) for column in columns]


def _opaque_blocks(blocks: _Blocks, planes: Sequence[Planes]) -> _Blocks:
    """Return a large range of blocks that are opaque in all variants; `planes`: as in a table of `blocks`."""
    left, top, right, bottom = blocks
    opaque = np.array([each.cover is None for each in planes])
    seen = opaque.reshape(-1, bottom - top, right - left).min(axis=0)
    x0, y0, (y1, x1) = 0, 0, seen.shape
    while x0 < x1 and y0 < y1 and not seen[y0:y1, x0:x1].all():
        part = seen[y0:y1, x0:x1]
        # Without the side that has the smallest share of opaque blocks.
        worst = int(np.argmin([part[0].mean(), part[-1].mean(), part[:, 0].mean(), part[:, -1].mean()]))
        y0, y1, x0, x1 = y0 + (worst == 0), y1 - (worst == 1), x0 + (worst == 2), x1 - (worst == 3)
    return left + x0, top + y0, left + x1, top + y1


def _suffices(range_: _Blocks, blocks: _Blocks) -> bool:
    """Return whether a range of blocks includes another, and is not much larger."""
    left, top, right, bottom = range_
    inside = left <= blocks[0] and top <= blocks[1] and right >= blocks[2] and bottom >= blocks[3]
    return inside and (right - left) * (bottom - top) <= 2 * (blocks[2] - blocks[0]) * (blocks[3] - blocks[1])
