"""Sorting: the photos of a mosaic by colour, date or name, and the cells in which they then lie."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import cv2
import numpy as np

from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.scene.orders import in_view
from renderer.scene.sprites import Camera
from renderer.scene.stage import Stage

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array, Int64Array

SortBy = Literal["hue", "brightness", "date", "name"]
"""What photos are sorted by."""

_GREY: Final = 0.06
"""Difference of the largest and the smallest channel of a photo's mean colour, below which it has almost no hue."""

_BINS: Final = 36  # of hues, among which the rarest is searched

_GOLDEN: Final = 0.618  # multiples of the golden ratio, modulo 1, are spread evenly


class SortKeys(NamedTuple):
    """Sort keys of P photos, the smallest first."""

    along: Float64Array  # (P,) along one axis
    across: Float64Array | None = None  # (P,) across it; None: in reading order
    colour: Float64Array | None = None  # (P, 3) so that photos of similar colours become neighbours


def photo_keys(stage: Stage, by: SortBy) -> SortKeys:
    """Return sort keys of the first map's photos. Raises InputError if they are to be sorted by dates that are unknown.

    Photos without a date are last.
    """
    mean = np.array([photo.mean for photo in stage.mosaic.photos])
    lab = _to_lab(mean)
    if by == "brightness":
        return SortKeys(lab[:, 0], -lab[:, 2], lab * (1.0, 0.4, 0.4))  # across: from warm to cool
    if by == "hue":
        red, green, blue = mean.T
        hue = arithmetic.arctan2(math.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * math.pi) % 1
        grey = np.ptp(mean, axis=1) < _GREY
        last = 2 + np.arange(len(mean)) * _GOLDEN % 1  # in no order along the axis, as across it they are
        return SortKeys(np.where(grey, last, (hue - _rarest(hue[~grey])) % 1), -lab[:, 0], lab)
    dates = stage.dates() if by == "date" else [""] * len(mean)
    if by == "date" and np.count_nonzero(dates) < min(2, len(dates)):
        has = "only one photo has a date" if any(dates) else "no photo has a date"
        raise InputError(f"{named('by', by)} is not possible, as {has}: sort by hue, brightness or name")
    keys = [
        (not date, date, photo.path.name.casefold(), str(photo.path), photo.clip_ms, index)
        for index, (date, photo) in enumerate(zip(dates, stage.mosaic.photos, strict=True))
    ]
    rank = np.empty(len(keys))
    rank[[key[-1] for key in sorted(keys)]] = np.arange(len(keys))
    return SortKeys(rank)


def _to_lab(srgb: Float64Array) -> Float64Array:
    """Convert sRGB (N, 3), 0…1, to CIELAB (D65), (N, 3), as `descriptors.to_lab` does, on all processors alike."""
    from renderer.colour import srgb_to_linear
    from renderer.descriptors import TO_XYZ

    xyz = arithmetic.product(srgb_to_linear(srgb), TO_XYZ.T)
    x, y, z = np.where(xyz > 0.008856, arithmetic.power(xyz, 1 / 3), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _rarest(hues: Float64Array) -> float:
    """Return the hue, 0…1, that fewest photos have: where the circle of hues is best cut."""
    count = np.bincount((hues * _BINS).astype(int) % _BINS, minlength=_BINS)
    near = np.sum([np.roll(count, shift) for shift in range(-2, 3)], axis=0)
    return (int(np.argmin(near)) + 0.5) / _BINS


def sorted_cells(stage: Stage, camera: Camera, keys: SortKeys) -> tuple[Int64Array, int]:
    """Return for each cell of the first map the cell to which its tile goes so that they are sorted, (N,).

    The tiles that a camera shows, without angle, pitch and yaw, contain all of the order, evenly, and so do the others.
    Landscape and portrait tiles change places among themselves. Also returns the axis along which the order advances:
    the longer one of what is visible, or down in reading order.
    """
    placement, tiles = stage.mosaic, stage.resting_sprites()
    size = stage.visible_part(camera)[1]
    along = int(keys.across is None or size[1] > size[0])
    edge = 1 + 2 / min(stage.view(camera))  # with the tiles at the edges of the frame
    visible = in_view(stage, tiles, replace(camera, scale=camera.scale / edge))
    upright = placement.cell[:, 3] > placement.cell[:, 2] * (1 + 1e-6)
    # Strips across the axis, as wide as most cells.
    strip = np.floor(tiles.centre[:, along] / float(np.median(placement.cell[:, 2 + along])) + 1e-6)
    first = keys.along[placement.photo]
    second = np.zeros(len(tiles)) if keys.across is None else keys.across[placement.photo]
    colour = None if keys.colour is None else keys.colour[placement.photo]
    rng = stage.rng()
    if colour is None:  # copies of one photo in a row would look like stripes
        repeated = placement.uses()[placement.photo] > 1
        first = first + repeated * arithmetic.normal(rng, 0, _SPREAD_ORDER * np.ptp(first), len(first))
    else:
        first, second = (
            values + arithmetic.normal(rng, 0, _SPREAD * np.ptp(values), len(values)) for values in (first, second)
        )
        colour = colour + arithmetic.normal(rng, 0, _SPREAD_COLOUR, colour.shape)
    cells = np.empty(len(tiles), np.int64)
    for orientation in (False, True):
        own = np.flatnonzero(upright == orientation)
        ranked = own[np.lexsort((second[own], first[own]))]
        reached = np.arange(len(own) + 1) * visible[own].sum() // max(len(own), 1)
        for part, its in ((visible, ranked[np.diff(reached) > 0]), (~visible, ranked[np.diff(reached) == 0])):
            where = own[part[own]]
            where = where[np.lexsort((tiles.centre[where, 1 - along], strip[where]))]
            if keys.across is not None:
                its = its[np.lexsort((second[its], strip[where]))]
            cells[its] = where
    if colour is not None:
        inside, shown = np.flatnonzero(visible), np.flatnonzero(visible[cells])
        features = np.column_stack([first, second, colour])[shown]
        centre = tiles.centre[inside][:, [along, 1 - along]]
        cells[shown] = inside[_smoothed(np.searchsorted(inside, cells[shown]), features, centre, upright[inside])]
    return cells, along


_SPREAD: Final = 0.01
"""Standard deviation of what is added to a tile's sort keys, relative to the range of these: copies of one photo, which
would look like stripes side by side, are then spread among photos of similar colours."""

_SPREAD_COLOUR: Final = 2.0  # the same for its colour, in CIELAB

_SPREAD_ORDER: Final = 0.03  # the same in reading order

_ROUNDS: Final = 300  # in which pairs of tiles may change places

_WORK: Final = 2_000_000  # tiles in all rounds at most, for mosaics of many tiles, but at least a tenth of the rounds

_FARTHEST: Final = 8.0  # units, half of the size of the areas in which they do so, at first
_NEAREST: Final = 1.0  # and at last

_ALONG: Final = 150.0  # weight of the order along the axis, compared with a colour difference in CIELAB
_ACROSS: Final = 100.0


def _smoothed(
    cells: Int64Array, features: Float64Array, centre: Float64Array, kind: npt.NDArray[np.bool_]
) -> Int64Array:
    """Return other cells (N,) for tiles, so that neighbours have similar colours and the order is nearly kept.

    Pairs of near tiles change places if both then are more like the mean of what is around them, which covers smaller
    areas in each round. After Barthel et al., "Improved Evaluation and Generation of Grid Layouts using Distance
    Preservation Quality and Linear Assignment Sorting", 2023, with pairs instead of larger groups.

    `cells`: (N,) of each tile. `features`: (N, 5) keys along and across the axis, and colours. `centre`: (N, 2) of
    cells along and across it. `kind`: (N,) of cells; only tiles in cells of one kind change places.
    """
    rng, count = np.random.default_rng(0), len(cells)
    tile = np.empty(count, np.int64)
    tile[cells] = np.arange(count)  # in each cell
    row, column = np.floor(centre - centre.min(axis=0)).astype(int).T
    height, width = int(row.max()) + 1, int(column.max()) + 1
    pixel = row * width + column
    number = np.bincount(pixel, minlength=height * width).reshape(height, width)
    wanted, keys = np.empty((count, 2)), np.empty((count, 2))
    for axis, weight in enumerate((_ALONG, _ACROSS)):
        for some in (np.flatnonzero(kind), np.flatnonzero(~kind)):
            share = weight * np.arange(len(some)) / max(len(some), 1)
            wanted[some[np.argsort(centre[some, axis], kind="stable")], axis] = share
            its = tile[some]
            keys[its[np.argsort(features[its, axis], kind="stable")], axis] = share
    colour = features[:, 2:]
    rounds = min(_ROUNDS, max(_WORK // count, _ROUNDS // 10))
    for turn in range(rounds):
        reach = _FARTHEST * arithmetic.power(_NEAREST / _FARTHEST, turn / rounds)
        now, order = colour[tile], keys[tile]
        sums = [np.bincount(pixel, values, height * width).reshape(height, width) for values in now.T]
        side = 2 * round(reach) + 1
        around = cv2.blur(np.dstack([*sums, number]).astype(np.float32), (side, side), borderType=cv2.BORDER_CONSTANT)
        target = (around[..., :3] / np.maximum(around[..., 3:], 1e-6)).reshape(-1, 3)[pixel]
        area = np.floor(centre / (2 * reach) + rng.random(2))
        shuffled = np.lexsort((rng.random(count), area[:, 0], area[:, 1], kind))[turn % 2 :]
        one, other = shuffled[: len(shuffled) // 2 * 2].reshape(-1, 2).T
        gain = ((now[one] - now[other]) * (target[other] - target[one])).sum(axis=1)
        gain += ((order[one] - order[other]) * (wanted[other] - wanted[one])).sum(axis=1)
        better = (gain > 0) & (kind[one] == kind[other])
        one, other = one[better], other[better]
        tile[one], tile[other] = tile[other], tile[one]
    cells = np.empty(count, np.int64)
    cells[tile] = np.arange(count)
    return cells
