"""How like its cover a mosaic is, from afar: the figures of the summary.

Cover and mosaic are taken at 8 pixels a cell and blurred by 2 of those pixels, about what is seen of a mosaic from
where its tiles begin to vanish. There the mean CIEDE2000 says how near the colours are (1 is just visible side by
side, 5 clearly so) and SSIM of the lightness how near the shapes are (1 is equal).
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
from renderer.pictures import Pixels
from renderer.placement import JsonValue

BLUR_PIXELS: Final = 2.0
"""Standard deviation of the blur, at 8 pixels a cell."""

_BLUR_REACH: Final = math.ceil(4 * BLUR_PIXELS)  # pixels, as OpenCV cuts it off


@dataclass(frozen=True)
class Likeness:
    """How like two pictures are from afar."""

    colour: float  # mean CIEDE2000
    colour_worst: float  # its 95th percentile
    structure: float  # mean SSIM of grey, at most 1


@dataclass(frozen=True)
class Figures:
    """What a summary says of how good a mosaic is."""

    likeness: Likeness
    mean_gain: float  # of all tiles: 1 is their own contrast
    advice: str  # a sentence, or nothing

    def as_json(self) -> dict[str, JsonValue]:
        """As a placement map's recipe keeps it, and a summary prints it."""
        return {
            "delta_e": round(self.likeness.colour, 3),
            "delta_e_95": round(self.likeness.colour_worst, 3),
            "ssim": round(self.likeness.structure, 4),
            "mean_gain": round(self.mean_gain, 3),
            "advice": self.advice,
        }


def measure(cover: Pixels | Float32Array, mosaic: Float32Array, gain: Float32Array, advice: str) -> Figures:
    """The figures of a mosaic. cover, mosaic: at 8 pixels a cell; gain (N, 3) of its tiles."""
    return Figures(likeness(cover, mosaic), float(gain.mean()), advice)


FIGURES: Final = ("delta_e", "delta_e_95", "ssim", "mean_gain", "advice")
"""Their names in a recipe and a summary."""


LACKING: Final = 12.0
"""Distance in CIELAB beyond which a photo has not a cell's colour: tone would have to paint it."""

MANY: Final = 0.15
"""Share of the cells that makes it worth a word."""

FEW: Final = 20
"""Cells a photo beyond which a library is called small."""

_CHOICE: Final = 5  # so many photos of a colour are some; one is none


def advise(photos: Float32Array, cells: Float32Array) -> str:
    """A sentence on what a library lacks for a cover; "" if nothing much. CIELAB means (P, 3) and (N, 3) of both."""
    if len(cells) > FEW * len(photos):
        needed = math.ceil(len(cells) / FEW)
        return f"{len(photos)} photos for {len(cells)} cells repeat often: {needed} or more would look better"
    lacking = lacks(photos, cells)
    count = sum(len(numbers) for numbers in lacking.values())
    if count < MANY * len(cells):
        return ""
    common = next(iter(lacking))
    return (
        f"few photos have the colours of {round(100 * count / len(cells))} % of the cells, most of which are "
        f"{common}: more photos with {common} would help"
    )


def lacks(photos: Float32Array, cells: Float32Array) -> dict[str, npt.NDArray[np.int64]]:
    """The numbers of the cells whose colour few photos have, by that colour's name, the colour of most cells first.

    CIELAB means (P, 3) and (N, 3) of both; few: less than 5 photos are nearer than `LACKING`.
    """
    from scipy.spatial import cKDTree  # a fifth of a second to import, and a saved map needs none of it

    away = np.asarray(cKDTree(photos).query(cells, k=[min(_CHOICE, len(photos))])[0])
    found: dict[str, list[int]] = {}
    for number in np.flatnonzero(away[:, 0] > LACKING).tolist():
        found.setdefault(colour_name(cells[number]), []).append(number)
    return {name: np.array(found[name]) for name in sorted(found, key=lambda name: (-len(found[name]), name))}


_HUES: Final = (
    (25, "pink"), (50, "red"), (80, "orange"), (108, "yellow"), (165, "green"), (225, "turquoise"), (312, "blue"),
    (335, "violet"), (361, "pink"),
)  # fmt: skip


def colour_name(lab: Float32Array) -> str:
    """A plain name of a CIELAB colour (3,): such as "dark blue"."""
    light, hue = float(lab[0]), float(np.degrees(np.arctan2(lab[2], lab[1])) % 360)
    if np.hypot(lab[1], lab[2]) < 8:
        return "black" if light < 20 else "dark grey" if light < 45 else "grey" if light < 80 else "white"
    name = next(name for end, name in _HUES if hue < end)
    if name in ("orange", "red") and light < 45:
        name = "brown"
    return f"dark {name}" if light < 35 else f"light {name}" if light > 75 else name


def likeness(cover: Pixels | Float32Array, mosaic: Pixels | Float32Array) -> Likeness:
    """Compare two pictures (H, W, 3) of 8 pixels a cell: 8-bit sRGB, or sRGB 0…1."""
    seen = [_from_afar(picture) for picture in (cover, mosaic)]
    error = ciede2000(to_lab(seen[0]), to_lab(seen[1]))
    return Likeness(float(error.mean()), float(np.percentile(error, 95)), ssim(_grey(seen[0]), _grey(seen[1])))


def error_map(cover: Pixels | Float32Array, mosaic: Pixels | Float32Array) -> Float32Array:
    """(H, W) CIEDE2000 at each pixel of two pictures of 8 pixels a cell, as seen from afar.

    Rows are compared 512 at a time: all at once would take 130 bytes a pixel.
    """
    error = np.empty(cover.shape[:2], np.float32)
    for rows in blocks(len(error), 512):
        first = max(rows.start - _BLUR_REACH, 0)
        seen = slice(first, rows.stop + _BLUR_REACH)
        found = ciede2000(to_lab(_from_afar(cover[seen])), to_lab(_from_afar(mosaic[seen])))
        error[rows] = found[rows.start - first :][: rows.stop - rows.start]
    return error


def _from_afar(picture: Pixels | Float32Array) -> Float32Array:
    colours = picture.astype(np.float32) / 255 if picture.dtype == np.uint8 else picture.astype(np.float32, copy=False)
    return np.asarray(cv2.GaussianBlur(colours, (0, 0), BLUR_PIXELS), np.float32)


def _grey(colours: Float32Array) -> Float32Array:
    return colours @ np.array([0.2125, 0.7154, 0.0721], np.float32)  # BT.709, as scikit-image has it


def ssim(a: Float32Array, b: Float32Array) -> float:
    """Mean structural similarity of two grey pictures 0…1, in windows of 7 × 7 (smaller for smaller pictures).

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", 2004, with the sample variance, over all windows
    that lie inside the pictures: what scikit-image's `structural_similarity` gives.
    """
    side = min(7, *a.shape)
    side -= 1 - side % 2
    edge = side // 2
    inner = slice(edge, a.shape[0] - edge), slice(edge, a.shape[1] - edge)

    def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.boxFilter(values, cv2.CV_64F, (side, side)), np.float64)[inner]

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    sample = side * side / max(side * side - 1, 1)
    variance_x, variance_y = sample * (mean(x * x) - mean_x**2), sample * (mean(y * y) - mean_y**2)
    covariance = sample * (mean(x * y) - mean_x * mean_y)
    light, contrast = 0.01**2, 0.03**2
    similar = (2 * mean_x * mean_y + light) * (2 * covariance + contrast)
    similar /= (mean_x**2 + mean_y**2 + light) * (variance_x + variance_y + contrast)
    return float(similar.mean())


def ciede2000(a: Float32Array, b: Float32Array) -> Float32Array:
    """The colour difference CIEDE2000 of CIELAB colours (…, 3), shape (…).

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes", 2005.
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
    off = (mean_light - 50) ** 2
    light_term = (light_b - light_a) / (1 + 0.015 * off / np.sqrt(20 + off))
    chroma_term = (c2 - c1) / (1 + 0.045 * mean_chroma)
    hue_term = hue / (1 + 0.015 * mean_chroma * tint)
    power = mean_chroma**7
    spread = np.exp(-(((np.degrees(middle) - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(power / (power + np.float32(25.0**7))) * np.sin(np.radians(60 * spread))
    squared = light_term**2 + chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


# -- The mosaic from afar ------------------------------------------------------------------------------------------


def turned(signatures: Pixels, symmetry: npt.NDArray[np.uint8]) -> Pixels:
    """Signatures (N, 8, 8, 3), each under its symmetry 0…7 (bits as in PlacementMap)."""
    tiles = signatures.copy()
    for bit, flip in ((1, np.s_[:, :, ::-1]), (2, np.s_[:, ::-1])):
        some = (symmetry & bit) > 0
        tiles[some] = tiles[some][flip]
    some = (symmetry & 4) > 0
    tiles[some] = tiles[some].swapaxes(1, 2)
    return tiles


def far_view(
    cell: npt.NDArray[np.float64],
    size: tuple[float, float],
    tiles: Pixels,
    gain: Float32Array,
    offset: Float32Array,
    step: float = 1.0,
) -> Float32Array:
    """A mosaic at 8 pixels a step, (H, W, 3) sRGB 0…1, drawn from signatures with their tone.

    cell (N, 4) and size in mosaic units; tiles (N, 8, 8, 3) as they are turned; gain, offset (N, 3); step: units, of
    which all sides are multiples. 5,000 cells take 20 ms and 4 MB.
    """
    scale = SIGNATURE_PIXELS / step
    picture = np.zeros((round(size[1] * scale), round(size[0] * scale), 3), np.float32)
    corner = np.rint(cell[:, :2] * scale).astype(np.int64)
    sides = np.rint(cell[:, 2] * scale).astype(np.int64)
    for side in np.unique(sides):
        some = np.flatnonzero(sides == side)
        times = side // SIGNATURE_PIXELS
        colours = tiles[some].astype(np.float32) / 255 * gain[some, None, None] + offset[some, None, None]
        colours = np.clip(colours, 0, 1, out=colours)
        if times > 1:
            colours = colours.repeat(times, axis=1).repeat(times, axis=2)
        inside = np.arange(side)
        rows = corner[some, 1, None] + inside
        columns = corner[some, 0, None] + inside
        picture[rows[:, :, None], columns[:, None, :]] = colours
    return picture
