"""Orders: in which order the tiles of a mosaic start to move, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.kernels import arithmetic
from renderer.scene.easing import Easing, ease

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array
    from renderer.scene.sprites import Camera, Sprites
    from renderer.scene.stage import Stage

Order = Literal["scan", "spiral", "random", "centre", "brightness", "hue", "wave", "diagonal", "clusters"]
"""An order of tiles: row by row, in a spiral from the middle, at random, by distance from the middle, from dark to
bright, by hue, in a curved front from the left, from the upper left, or in clusters that grow and meet."""

_SPIRAL_TURNS: Final = 5

_CLUSTERS: Final = 0.6  # how many there are, about: the rate of the noise per shorter side of what is visible
_IMPORTANT: Final = 0.7  # by how much the most important tiles precede others
_SMALLEST: Final = 0.1  # spread of what is important, as a share of a side
_LOOSE: Final = 0.15  # by how much single tiles precede their clusters and follow them


def sort_keys(
    stage: Stage, tiles: Sprites, camera: Camera, order: Order, rng: np.random.Generator | None = None
) -> Float64Array:
    """Return a sort key for each tile of the first map, (N,), the smallest first.

    `tiles`: all of them, at rest. `camera`: shows the part in whose middle a spiral starts. `rng`: for the orders
    "random" and "clusters"; by default a new one of the stage.
    """
    middle, part = stage.visible_part(camera)
    across, along = (tiles.centre - middle).T
    x, y = across / part[0], along / part[1]
    colour = np.array([photo.mean for photo in stage.mosaic.photos])[stage.mosaic.photo]
    colour = np.clip(colour * tiles.gain + tiles.offset, 0, 1)
    match order:
        case "scan":
            key = tiles.centre[:, 1] * (stage.mosaic.size[0] + 1) + tiles.centre[:, 0]
        case "spiral":
            turned = arithmetic.arctan2(along, across) / (2 * math.pi) + 0.5
            away = arithmetic.lengths(tiles.centre - middle)
            key = np.ceil(_SPIRAL_TURNS * away / away.max() - turned) + turned
        case "random":
            key = (stage.rng() if rng is None else rng).random(len(tiles))
        case "centre":
            key = arithmetic.lengths(tiles.centre - middle)
        case "brightness":
            key = arithmetic.product(colour, (0.2126, 0.7152, 0.0722))
        case "hue":
            red, green, blue = colour.T
            hue = arithmetic.arctan2(math.sqrt(3) * (green - blue), 2 * red - green - blue) % (2 * math.pi)
            grey = np.ptp(colour, axis=1) < 0.06  # almost no hue: last, by brightness
            key = np.where(grey, 10 + colour.mean(axis=1), hue)
        case "wave":
            key = x + 0.12 * arithmetic.sin(2 * math.pi * 1.5 * y)
        case "diagonal":
            key = across + along
        case "clusters":  # with loose edges, those in the middle a little earlier
            rng = stage.rng() if rng is None else rng
            key = smooth_noise(np.stack([across, along], 1) * (_CLUSTERS / min(part)), rng)
            key += arithmetic.normal(rng, 0, _LOOSE, len(tiles)) + 0.3 * arithmetic.lengths(np.stack([x, y], 1))
            key -= _IMPORTANT * _nearness(tiles.centre / stage.mosaic.size, stage.mosaic.attention)
    return np.asarray(key, np.float64)


def _nearness(points: Float64Array, weights: Float64Array) -> Float64Array:
    """Return how near points (N, 2), 0…1 in both axes, are to what is important, (N,): at most 1, and smooth.

    `weights`: of a picture's parts, (H, W). A face is important, and should not be missing for long.
    """
    share = np.square(weights) / np.square(weights).sum()
    total = np.zeros(len(points))
    for axis, side in enumerate(weights.shape[::-1]):
        at, marginal = (np.arange(side) + 0.5) / side, share.sum(axis=axis)
        # Rounded, as OpenCV and the Fourier transform of `saliency` differ between processors by much less.
        middle = round(float((marginal * at).sum()), 4)
        variance = round(float((marginal * np.square(at - middle)).sum()), 4)
        total += np.square(points[:, axis] - middle) / max(variance, _SMALLEST * _SMALLEST)
    return arithmetic.exp(-0.5 * total)


def in_view(stage: Stage, tiles: Sprites, camera: Camera) -> npt.NDArray[np.bool_]:
    """Return which tiles have their centres in the frame of a camera without angle, pitch and yaw: a mask (N,).

    If none has, as with a few large tiles, the mask is True for all.
    """
    away = np.abs((tiles.centre - camera.centre) / stage.view(camera))
    inside = np.asarray((away < 0.5).all(axis=1), np.bool_)
    return inside | (not inside.any())


def staggered(
    keys: Float64Array, visible: npt.NDArray[np.bool_], overlap: float, easing: Easing = "linear"
) -> Float64Array:
    """Return when each tile starts to move, (N,), 0 for the first to 1 − `overlap` for the last.

    `keys`: (N,), tiles with the smallest start first. `visible`: (N,), only these take time; others start together with
    those before them. `overlap`: above 0 to 1, the share of the time for which each tile moves; its progress at a time
    0…1 is `np.clip((time - starts) / overlap, 0, 1)`. `easing`: how the number of tiles that start per second rises and
    falls; half of it is constant, so that there is no time at the start and the end in which only few tiles start.
    """
    order = np.argsort(keys, kind="stable")
    rank = np.empty(len(keys))
    rank[order] = np.cumsum(visible[order]) - 1
    share = np.maximum(rank, 0) / max(rank.max(), 1)
    times = np.linspace(0, 1, 1025)
    return arithmetic.interpolated(share, 0.5 * times + 0.5 * ease(times, easing), times) * (1 - overlap)


def spread(
    points: Float64Array, sources: Float64Array, times: Float64Array, end: float, visible: npt.NDArray[np.bool_],
    late: float = 1.0,
) -> Float64Array:  # fmt: skip
    """Return when the first of some fronts comes to each point, (N,).

    `points`: (N, 2). `sources`: (K, 2), from which fronts spread at `times` (K,), before `end`, at which the last point
    that is `visible` (N,) is reached; others are not later. `late`: 1 if fronts advance at a constant speed; less,
    above 0, if slowly at first. No front starts before its time.
    """
    first = float(times.min())
    distance = arithmetic.lengths(points - sources[:, np.newaxis])
    speed = max(float(distance[:, visible].max()), 1e-9) / (end - first)
    comes = (times[:, np.newaxis] - first + distance / speed).min(axis=0)
    share = np.minimum(comes / max(float(comes[visible].max()), 1e-9), 1.0)
    return np.asarray(first + (end - first) * arithmetic.power(share, late), np.float64)


def smooth_noise(points: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Return smooth noise at points (N, 2): the weighted mean of seven waves, −1…1, (N,).

    The waves repeat 1 to 5 times in a unit of the points; divide by the size of the frame for noise over the frame.
    """
    directions, phases = arithmetic.uniform(rng, 0, 2 * math.pi, (2, 7))
    rates = arithmetic.uniform(rng, 1, 5, 7)
    waves = 2 * math.pi * rates * np.stack([arithmetic.cos(directions), arithmetic.sin(directions)])
    heights = arithmetic.sin(arithmetic.product(points, waves) + phases)
    return np.asarray(arithmetic.product(heights, 1 / rates) / (1 / rates).sum(), np.float64)
