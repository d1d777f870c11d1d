"""Similarity of a mosaic to its cover at viewing distance: the figures of the summary.

Cover and mosaic are compared at 8 pixels per cell, blurred with a standard deviation of 2 pixels: about what a viewer
sees from the distance at which tiles stop being distinct. Colours are compared by the mean CIEDE2000 (1 is just
visible side by side, 5 clearly visible), shapes by the SSIM of the grey pictures (1 means identical).

Only cells count: what is outside a mask is the same in both pictures. Cells are compared as if their tiles filled them,
which is the same as a comparison with the cover in the same tiles, over the same background: gaps, borders and rounded
corners would be equal in both pictures. So a gap hardly changes the figures, although the mosaic with white gaps is
lighter than the cover. The report compares drawn pictures: the mosaic with one of the same tiles,
gaps and background that show the cover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import SIGNATURE_PIXELS, blocks, to_lab
from renderer.kernels.matching import count_near
from renderer.pictures import Pixels
from renderer.placement import JsonValue
from renderer.threads import run_blocks

BLUR_PIXELS: Final = 2.0
"""Standard deviation of the blur, at 8 pixels per cell."""

_ROWS: Final = 64  # of a picture that are compared at once

Blur = tuple[float, float]
"""Factors of the blur across and along, for pictures whose pixels are not square or not 8 per cell: `Grid.scale`."""


@dataclass(frozen=True)
class Likeness:
    """Similarity of two pictures at viewing distance."""

    colour: float  # mean CIEDE2000
    colour_worst: float  # its 95th percentile
    structure: float  # mean SSIM of grey, at most 1


@dataclass(frozen=True)
class Figures:
    """Quality figures of a mosaic, as a summary reports them."""

    likeness: Likeness
    mean_gain: float  # of all tiles; 1 is the original contrast
    clipped: float  # share of the tiles' pixels that tone clips in any channel
    advice: str = ""  # a sentence or several, with marked parameters, or ""

    def as_json(self) -> dict[str, JsonValue]:
        """Return the figures as a recipe stores them and a summary prints them."""
        return {
            "delta_e": round(self.likeness.colour, 3),
            "delta_e_95": round(self.likeness.colour_worst, 3),
            "ssim": round(self.likeness.structure, 4),
            "mean_gain": round(self.mean_gain, 3),
            "clipped": round(self.clipped, 4),
            "advice": self.advice,
        }


def measure(
    cover: Pixels | Float32Array, mosaic: Float32Array, gain: Float32Array, clipped: float, blur: Blur = (1.0, 1.0),
    inside: npt.NDArray[np.bool_] | None = None,
) -> Figures:  # fmt: skip
    """Return the figures of a mosaic. gain: (N, 3) of its tiles; for the other parameters see `likeness`."""
    return Figures(likeness(cover, mosaic, blur, inside), float(gain.mean()), clipped)


FIGURES: Final = ("delta_e", "delta_e_95", "ssim", "mean_gain", "clipped", "advice")
"""Keys of the figures in a recipe and a summary."""


MAX_COLOUR_DISTANCE: Final = 12.0
"""CIELAB distance up to which a photo counts as having a cell's colour; beyond it, tone changes a photo too visibly."""

_CELLS: Final = 1024  # whose colours are compared with those of photos at once

_MIN_PHOTOS: Final = 5  # of a colour that is not reported as missing


def missing_colours(photos: Float32Array, cells: Float32Array) -> dict[str, npt.NDArray[np.int64]]:
    """Return the numbers of the cells with a colour that few photos have, by colour name, the commonest colour first.

    photos (P, 3), cells (N, 3): CIELAB means. "Few" are fewer than 5 photos within `MAX_COLOUR_DISTANCE`.
    """
    rare = np.flatnonzero(_near(cells, photos, enough := min(_MIN_PHOTOS, len(photos))) < enough)
    names = colour_names(cells[rare])
    found, counts = np.unique(names, return_counts=True)
    return {str(name): rare[names == name] for name in found[np.argsort(-counts, kind="stable")]}


def _near(colours: Float32Array, others: Float32Array, enough: int) -> npt.NDArray[np.int64]:
    """Return the number (N,), at most `enough`, of `others` (M, 3) within `MAX_COLOUR_DISTANCE` of colours (N, 3)."""
    cubes = [np.floor(each.astype(np.float64) / MAX_COLOUR_DISTANCE).astype(np.int64) for each in (colours, others)]
    low = np.minimum(*(each.min(axis=0) for each in cubes)) - 1
    size = np.maximum(*(each.max(axis=0) for each in cubes)) + 2 - low
    cube, other_cube = (np.ravel_multi_index(tuple((each - low).T), tuple(size)) for each in cubes)
    order = np.argsort(other_cube, kind="stable")
    start = np.searchsorted(other_cube[order], np.arange(size.prod() + 1))
    near, ordered, sides = np.zeros(len(colours), np.int64), others[order], (int(size[1]), int(size[2]))

    def count(part: slice) -> None:
        count_near(colours, cube, part, ordered, start, sides, MAX_COLOUR_DISTANCE, enough, near)

    run_blocks(count, blocks(len(colours), _CELLS))
    return near


_HUES: Final = ("pink", "red", "orange", "yellow", "green", "turquoise", "blue", "violet", "pink")
_HUE_ENDS: Final = (25, 50, 80, 108, 165, 225, 312, 335)  # degrees
_GREYS: Final = ("black", "dark grey", "grey", "white")
_GREY_ENDS: Final = (20, 45, 80)  # of lightness


def colour_names(lab: Float32Array) -> npt.NDArray[np.str_]:
    """Return plain names (N,) for CIELAB colours (N, 3), such as "dark blue"."""
    lightness, hue = lab[:, 0], np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    names = np.array(_HUES)[np.searchsorted(_HUE_ENDS, hue, side="right")]
    names[np.isin(names, ("orange", "red")) & (lightness < 45)] = "brown"
    names = np.char.add(np.select([lightness < 35, lightness > 75], ["dark ", "light "], ""), names)
    greys = np.array(_GREYS)[np.searchsorted(_GREY_ENDS, lightness, side="right")]
    return np.where(np.hypot(lab[:, 1], lab[:, 2]) < 8, greys, names)


def likeness(
    cover: Pixels | Float32Array,
    mosaic: Pixels | Float32Array,
    blur: Blur = (1.0, 1.0),
    inside: npt.NDArray[np.bool_] | None = None,
) -> Likeness:
    """Compare two pictures (H, W, 3) at 8 pixels per cell: sRGB uint8, or sRGB 0…1 float32.

    inside: (H, W) the pixels that count, by default all; the others should be equal in both pictures, since the blur
    reaches them. The windows of SSIM are not stretched by `blur`: they have 7 × 7 pixels of any shape.
    """
    error, grey = _compare(cover, mosaic, blur)
    counted = error if inside is None else error[inside]
    return Likeness(float(counted.mean()), float(np.percentile(counted, 95)), ssim(grey[0], grey[1], inside))


def error_map(cover: Pixels | Float32Array, mosaic: Pixels | Float32Array, blur: Blur = (1.0, 1.0)) -> Float32Array:
    """Return the CIEDE2000 of each pixel, (H, W), of two pictures (H, W, 3) at 8 pixels per cell, both blurred."""
    return _compare(cover, mosaic, blur)[0]


def _compare(
    cover: Pixels | Float32Array, mosaic: Pixels | Float32Array, blur: Blur
) -> tuple[Float32Array, Float32Array]:
    """Return the CIEDE2000 of each pixel, (H, W), of two blurred pictures (H, W, 3), and their grey values, (2, H, W).

    Works in bands: all rows at once would take 130 bytes per pixel.
    """
    error, grey = np.empty(cover.shape[:2], np.float32), np.empty((2, *cover.shape[:2]), np.float32)
    radius = math.ceil(4 * BLUR_PIXELS * blur[1])  # OpenCV truncates the kernel there

    def compare(rows: slice) -> None:
        first = max(rows.start - radius, 0)
        band, inner = slice(first, rows.stop + radius), slice(rows.start - first, rows.stop - first)
        blurred = [_blurred(picture[band], blur)[inner] for picture in (cover, mosaic)]
        error[rows] = ciede2000(to_lab(blurred[0]), to_lab(blurred[1]))
        grey[:, rows] = [_grey(picture) for picture in blurred]

    run_blocks(compare, blocks(len(error), _ROWS))
    return error, grey


def _blurred(picture: Pixels | Float32Array, blur: Blur) -> Float32Array:
    colours = picture.astype(np.float32) / 255 if picture.dtype == np.uint8 else picture.astype(np.float32, copy=False)
    across, along = blur
    return np.asarray(cv2.GaussianBlur(colours, (0, 0), BLUR_PIXELS * across, sigmaY=BLUR_PIXELS * along), np.float32)


def _grey(colours: Float32Array) -> Float32Array:
    return colours @ np.array([0.2125, 0.7154, 0.0721], np.float32)  # BT.709, rounded as in scikit-image


def ssim(a: Float32Array, b: Float32Array, inside: npt.NDArray[np.bool_] | None = None) -> float:
    """Return the mean structural similarity of two grey pictures (H, W) 0…1, at most 1.

    Windows are 7 × 7 pixels, smaller for smaller pictures; only windows inside the pictures count, and if `inside`
    (H, W) is specified, only those whose centres are inside. The result equals that of scikit-image's
    `structural_similarity`.

    Source: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", 2004, with the sample variance.
    """
    side = min(7, *a.shape)
    side -= 1 - side % 2
    edge = side // 2
    similar = np.empty((a.shape[0] - 2 * edge, a.shape[1] - 2 * edge))

    def compare(rows: slice) -> None:
        band = slice(rows.start, rows.stop + 2 * edge)
        similar[rows] = _similarity(a[band].astype(np.float64), b[band].astype(np.float64), side)

    run_blocks(compare, blocks(len(similar), _ROWS))
    if inside is not None:
        counted = similar[inside[edge : edge + similar.shape[0], edge : edge + similar.shape[1]]]
        return float(counted.mean()) if len(counted) else float(similar.mean())
    return float(similar.mean())


def _similarity(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    """Return the similarity of each window of `side` × `side` pixels inside two grey pictures (H, W)."""
    edge = side // 2
    inner = slice(edge, x.shape[0] - edge), slice(edge, x.shape[1] - edge)

    def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.boxFilter(values, cv2.CV_64F, (side, side)), np.float64)[inner]

    mean_x, mean_y = mean(x), mean(y)
    sample = side * side / max(side * side - 1, 1)
    variance_x, variance_y = sample * (mean(x * x) - mean_x**2), sample * (mean(y * y) - mean_y**2)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    light, contrast = 0.01**2, 0.03**2
    similar = (2 * mean_x * mean_y + light) * (2 * covariance + contrast)
    similar /= (mean_x**2 + mean_y**2 + light) * (variance_x + variance_y + contrast)
    return similar


def ciede2000(a: Float32Array, b: Float32Array) -> Float32Array:
    """Return the colour difference CIEDE2000, (…), of CIELAB colours (…, 3).

    Source: Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes", 2005.
    """
    light_a, light_b = a[..., 0], b[..., 0]
    chroma = 0.5 * (np.hypot(a[..., 1], a[..., 2]) + np.hypot(b[..., 1], b[..., 2]))
    seventh = chroma**7
    stretch = 1.5 - 0.5 * np.sqrt(seventh / (seventh + np.float32(25.0**7)))
    a1, a2 = a[..., 1] * stretch, b[..., 1] * stretch
    c1, c2 = np.hypot(a1, a[..., 2]), np.hypot(a2, b[..., 2])
    h1, h2 = np.arctan2(a[..., 2], a1), np.arctan2(b[..., 2], a2)
    turn = np.float32(2 * np.pi)
    grey = c1 * c2 == 0
    apart = h2 - h1
    apart = np.where(apart > np.pi, apart - turn, np.where(apart < -np.pi, apart + turn, apart))
    apart[grey] = 0
    total = h1 + h2
    middle = 0.5 * np.where(np.abs(h1 - h2) > np.pi, np.where(total < 0, total + turn, total - turn), total)
    middle = np.where(grey, total, middle) % turn
    hue = 2 * np.sqrt(c1 * c2) * np.sin(0.5 * apart)
    mean_light, mean_chroma = 0.5 * (light_a + light_b), 0.5 * (c1 + c2)
    tint = (
        1
        - 0.17 * np.cos(middle - np.float32(np.pi / 6))
        + 0.24 * np.cos(2 * middle)
        + 0.32 * np.cos(3 * middle + np.float32(np.pi / 30))
        - 0.20 * np.cos(4 * middle - np.float32(np.radians(63)))
    )
    squared_light = (mean_light - 50) ** 2
    light_term = (light_b - light_a) / (1 + 0.015 * squared_light / np.sqrt(20 + squared_light))
    chroma_term = (c2 - c1) / (1 + 0.045 * mean_chroma)
    hue_term = hue / (1 + 0.015 * mean_chroma * tint)
    power = mean_chroma**7
    spread = np.exp(-(((np.degrees(middle) - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(power / (power + np.float32(25.0**7))) * np.sin(np.radians(60 * spread))
    squared = light_term**2 + chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


# -- The mosaic at low resolution ----------------------------------------------------------------------------------


def turned(signatures: Pixels, symmetry: npt.NDArray[np.uint8]) -> Pixels:
    """Return pictures (N, H, W, 3), each under its symmetry 0…7 (bits as in PlacementMap).

    Only squares can be transposed.
    """
    tiles = signatures.copy()
    for bit, flip in ((1, np.s_[:, :, ::-1]), (2, np.s_[:, ::-1])):
        flipped = (symmetry & bit) > 0
        tiles[flipped] = tiles[flipped][flip]
    transposed = (symmetry & 4) > 0
    if transposed.any():
        tiles[transposed] = tiles[transposed].swapaxes(1, 2)
    return tiles


def far_view(
    cell: npt.NDArray[np.float64],
    size: tuple[float, float],
    tiles: Pixels,
    gain: Float32Array,
    offset: Float32Array,
    step: float = 1.0,
) -> Float32Array:
    """Draw a mosaic from signatures with their tone at 8 pixels per step: (H, W, 3) sRGB 0…1 float32.

    cell (N, 4) and size in lattice units; tiles (N, 8, 8, 3) uint8 with their symmetry applied; gain, offset (N, 3);
    step: length in units of which all sides and positions are multiples. Where there is no cell, it is black. 5,000
    cells take 20 ms and 4 MB.
    """
    scale = SIGNATURE_PIXELS / step
    picture = np.zeros((round(size[1] * scale), round(size[0] * scale), 3), np.float32)
    corner = np.rint(cell[:, :2] * scale).astype(np.int64)
    widths, heights = np.rint(cell[:, 2:].T * scale).astype(np.int64)
    for width, height in dict.fromkeys(zip(widths.tolist(), heights.tolist(), strict=True)):
        cells = np.flatnonzero((widths == width) & (heights == height))
        colours = tiles[cells].astype(np.float32) / 255 * gain[cells, None, None] + offset[cells, None, None]
        colours = np.clip(colours, 0, 1, out=colours)
        for axis, side in ((1, height), (2, width)):
            if side > SIGNATURE_PIXELS:
                colours = colours.repeat(side // SIGNATURE_PIXELS, axis=axis)
        rows = corner[cells, 1, None] + np.arange(height)
        columns = corner[cells, 0, None] + np.arange(width)
        picture[rows[:, :, None], columns[:, None, :]] = colours
    return picture
