"""The tiles of a map at rest: their outlines, which of them adjoin each other, and parts of a mosaic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from renderer.kernels import arithmetic
from renderer.scene.sprites import JOINED_BELOW, JOINED_BELOW_RIGHT, JOINED_RIGHT, Outline, Rest, Sprites
from renderer.shapes import TileShape

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array, Int64Array
    from renderer.placement import PlacementMap

Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom in mosaic units."""


def outline_of(shape: TileShape) -> Outline:
    """Return the outline of the tiles of a shape."""
    if shape.kind == "hexagon":
        return Outline("hexagon", border=shape.border, border_colour=shape.border_colour)
    return Outline(radius=shape.corner_radius, border=shape.border, border_colour=shape.border_colour)


def shares_of(shape: TileShape, cell: Float64Array) -> tuple[float, float]:
    """Return the share of a cell (4,) that its tile covers, and that of its border in the tile, 0…1."""
    half = 0.5 * shape.tile_boxes(cell[np.newaxis])[0, 2:]
    area = 4 * float(half.prod())
    cut = (4 - np.pi) * arithmetic.power(shape.corner_radius * 2 * float(half.min()), 2)  # at the corners
    framed = 1 - float(outline_of(shape).photo_half(half).prod() / half.prod())
    return min((area - cut) / float(cell[2:].prod()), 1.0), framed


def joined_sides(cells: Float64Array, pairs: Int64Array, shape: TileShape) -> npt.NDArray[np.uint8]:
    """Return for pairs (M, 2) of neighbouring cells the side on which the first tile adjoins the second, or 0."""
    if shape.gap > 0:
        return np.zeros(len(pairs), np.uint8)
    x, y, width, height = cells[pairs].transpose(2, 0, 1)
    level = np.abs(x[:, 0] + width[:, 0] - x[:, 1]) < 1e-6
    below: npt.NDArray[np.int64] | int = JOINED_BELOW
    if shape.kind == "hexagon":
        level &= np.abs(y[:, 0] - y[:, 1]) < 1e-6 * height[:, 0]
        below = np.where(x[:, 1] + width[:, 1] / 2 < x[:, 0] + width[:, 0] / 2, JOINED_BELOW, JOINED_BELOW_RIGHT)
    return np.where(level, JOINED_RIGHT, below).astype(np.uint8)


def sides_joined(placement: PlacementMap, shape: TileShape) -> npt.NDArray[np.uint8]:
    """Return the sides on which each tile of a map adjoins later ones, (N,), with tiles of a shape."""
    x, y, width, height = placement.cell.T
    if not placement.is_masked and shape.kind != "hexagon" and shape.gap == 0:  # each cell has all neighbours
        joined = np.where(x + width < placement.size[0] - 1e-6, JOINED_RIGHT, 0)
        joined |= np.where(y + height < placement.size[1] - 1e-6, JOINED_BELOW, 0)
        return joined.astype(np.uint8)
    bits = np.zeros(len(placement), np.uint8)
    pairs = placement.neighbours()
    np.bitwise_or.at(bits, pairs[:, 0], joined_sides(placement.cell, pairs, shape))
    return bits


def _windows(placement: PlacementMap) -> Float64Array:
    """Return the part of each photo's crop that its tile shows, (N, 4).

    That is all of it, or the middle of a photo that is in a cell of the other orientation, which is rare.
    """
    window = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(placement), 1))
    if placement.shape.kind == "mixed":
        portrait = np.array([photo.is_upright for photo in placement.photos], bool)[placement.photo]
        upright = placement.cell[:, 3] > placement.cell[:, 2]
        edge = 0.5 - 0.5 / float(placement.shape.tile_ratio * placement.shape.tile_ratio)
        for axis, cells in ((0, upright & ~portrait), (1, portrait & ~upright)):
            window[cells, axis], window[cells, axis + 2] = edge, 1 - edge
    return window


def tiles_at_rest(placement: PlacementMap, first_texture: int = 0, upright: Sequence[int] = ()) -> Sprites:
    """Return the tiles of a map, each in its cell, with the tone that the map gives them.

    `first_texture`: index of the texture of the map's photo 0. `upright`: indices of cells whose photos are shown as
    they are, neither mirrored nor turned.
    """
    boxes = placement.shape.tile_boxes(placement.cell)
    symmetry = placement.symmetry.copy()
    symmetry[list(upright)] = 0
    flip_x = np.where(symmetry & 1, -0.5, 0.5)
    flip_y = np.where(symmetry & 2, -0.5, 0.5)
    turned = (symmetry & 4) > 0
    zero = np.zeros(len(placement))
    right = np.where(turned[:, np.newaxis], np.stack([zero, flip_x], 1), np.stack([flip_x, zero], 1))
    down = np.where(turned[:, np.newaxis], np.stack([flip_y, zero], 1), np.stack([zero, flip_y], 1))
    sides = boxes[:, 2:]
    tiles = Sprites(
        texture=(placement.photo + first_texture).astype(np.int32),
        centre=boxes[:, :2] + 0.5 * sides,
        right=right * sides,
        down=down * sides,
        window=_windows(placement),
        opacity=np.ones(len(placement), np.float32),
        gain=placement.gain,
        offset=placement.offset,
        joined=sides_joined(placement, placement.shape),
        tile=np.arange(len(placement), dtype=np.int32),
        outline=outline_of(placement.shape),
    )
    return tiles.resting(Rest(tiles, areas=placement.cell))


def masked_box(placement: PlacementMap) -> Bounds | None:
    """Return the box around the tiles of a map whose mask leaves out cells; None for a map with all cells."""
    if not placement.is_masked:
        return None
    boxes = placement.shape.tile_boxes(placement.cell)
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0).tolist()
    return left, top, right, bottom


def part_of(tiles: Sprites, box: Bounds, tone: Callable[[Float64Array], Float64Array]) -> list[Sprites]:
    """Return the part of resting tiles inside a box, as groups in painter's order; most of them still rest.

    Plain rectangles are cut at its edges. Tiles of other shapes are not cut, but grow before an edge reaches them.
    `tone`: returns the share of their tone, 0…1, from the sides of tiles in units, (N,): that of a cut tile stays as it
    is.
    """
    half = np.abs(tiles.right) + np.abs(tiles.down)
    low, high = tiles.centre - half, tiles.centre + half
    if not tiles.outline.is_plain:
        near = np.minimum(box[2:] - low, high - box[:2]) / (2 * half) + 1
        size = np.clip(near, 0.0, 1.0).min(axis=1)
        growing = np.flatnonzero((size > 0) & (size < 1))
        grown = tiles.take(growing)
        groups = [tiles.take(size >= 1), grown.moved(grown.centre, size=size[growing])]
        return [group for group in groups if len(group)]
    start, end = np.maximum(low, box[:2]), np.minimum(high, box[2:])
    visible = (end - start > 1e-9).all(axis=1)
    before, after = (low < start - 1e-9).any(axis=1), (high > end + 1e-9).any(axis=1)
    joined = tiles.joined.copy()  # but to nothing outside
    joined[high[:, 0] >= box[2] - 1e-9] &= np.uint8(~JOINED_RIGHT & 0xFF)
    joined[high[:, 1] >= box[3] - 1e-9] &= np.uint8(~JOINED_BELOW & 0xFF)

    def cut(which: npt.NDArray[np.bool_]) -> Sprites:
        some = tiles.take(which)
        lows, sides = low[which], 2 * half[which]
        shares = np.stack([start[which] - lows, end[which] - lows], 2) / sides[..., np.newaxis]  # (M, 2 axes, 2 ends)
        turned = np.abs(some.right[:, :1]) < np.abs(some.right[:, 1:])
        along = np.where(turned[..., np.newaxis], shares[:, ::-1], shares)  # along the tiles' own axes
        backwards = np.stack([some.right.sum(axis=1), some.down.sum(axis=1)], 1) < 0
        along = np.where(backwards[..., np.newaxis], 1 - along[..., ::-1], along)
        corner, size = some.window[:, :2], some.window[:, 2:] - some.window[:, :2]
        left = along[..., 1] - along[..., 0]
        side = np.sqrt(sides.prod(axis=1))
        kept = tone(side) / np.maximum(tone(side * np.sqrt(left.prod(axis=1))), 1e-9)
        return replace(
            some,
            centre=0.5 * (start + end)[which],
            right=some.right * left[:, :1],
            down=some.down * left[:, 1:],
            window=np.concatenate([corner + size * along[..., 0], corner + size * along[..., 1]], 1),
            gain=(1 + (some.gain - 1) * kept[:, np.newaxis]).astype(np.float32),
            offset=(some.offset * kept[:, np.newaxis]).astype(np.float32),
            joined=joined[which],
        )

    inside = visible & ~before & ~after
    resting = replace(tiles, joined=joined).take(inside)
    if tiles.rest is not None:
        resting = resting.resting(tiles.rest.take(inside))
    # So that no seams are visible between them, tiles are drawn before those on their right and below.
    return [part for part in (cut(visible & before), resting, cut(visible & ~before & after)) if len(part)]
