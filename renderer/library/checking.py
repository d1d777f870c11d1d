"""What is wrong with a library, and what it lacks: near-duplicates, small photos, colours without a tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from renderer.library.library import Library
from renderer.library.photos import Photo
from renderer.pictures import Pixels
from renderer.progress import Progress

ALIKE: Final = 6.0
"""Two photos are nearly alike if their looks differ by less than this, root mean square, of 255: a photo and its
smaller, compressed or slightly cropped copy do, and the shots of a burst mostly; other photos hardly ever."""

_HUES: Final = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
_HUE_ENDS: Final = (15, 45, 70, 160, 200, 260, 300, 345)  # degrees; from the last one on it is red again
_TONES: Final = ("dark", "medium", "light")
_GREY: Final = 0.12  # saturation times lightness range (chroma, 0…1) below which a photo has no hue


# -- Near-duplicates -----------------------------------------------------------------------------------------------


def near_duplicates(library: Library) -> list[list[int]]:
    """Groups of photos that are nearly alike, by their numbers, the best of each first: most pixels, then sharpest.

    The whole picture in 8 × 8 colours is the perceptual hash, whatever square of it is the tile. Every photo of a
    group is like its best one.
    """
    from scipy.spatial import cKDTree  # takes a quarter of a second to import

    _, first, copy_of = np.unique(library.photos.columns.key, return_index=True, return_inverse=True)
    signature = library.photos.descriptors_of(first).astype(np.float32)
    # Averages of 4 × 4 differ by no more than what they are averages of: what is alike is near in these 12 numbers.
    coarse = signature.reshape(-1, 2, 4, 2, 4, 3).mean(axis=(2, 4)).reshape(-1, 12)
    pairs = cKDTree(coarse).query_pairs(ALIKE * 12**0.5, output_type="ndarray")
    apart = [
        ((signature[some[:, 0]] - signature[some[:, 1]]) ** 2).mean(axis=(1, 2, 3))
        for some in np.array_split(pairs, len(pairs) // 100_000 + 1)
    ]
    # Of a nearly plain picture, such as a sky, the structure must be alike too, not only the colour.
    contrast = signature.reshape(-1, 64, 3).std(axis=1).mean(axis=1)
    allowed = np.clip(contrast[pairs].min(axis=1) / 3, 1.0, ALIKE)
    pairs = pairs[np.concatenate(apart) < allowed**2]
    near: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    members: dict[int, list[int]] = {}
    wanted = np.isin(copy_of, np.array(list(near), np.int64)) | (np.bincount(copy_of)[copy_of] > 1)
    for number in np.flatnonzero(wanted).tolist():
        members.setdefault(int(copy_of[number]), []).append(number)
    quality = {content: _quality(library, numbers[0]) for content, numbers in members.items()}
    groups, taken = [], set()
    for content in sorted(members, key=lambda content: (quality[content], -content), reverse=True):
        if content not in taken:
            alike = [content, *(other for other in sorted(near.get(content, ())) if other not in taken)]
            taken.update(alike)
            numbers = [number for other in alike for number in members[other]]
            if len(numbers) > 1:
                groups.append(numbers)
    return sorted(groups)


def _quality(library: Library, number: int) -> tuple[int, float]:
    width, height = library.photos[number].size
    tile = library.tiles_of(np.array([number]))[0]
    return width * height, float(cv2.Laplacian(cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std())


def without_duplicates(library: Library) -> tuple[Library, int]:
    """A library with only the best of each group of near-duplicates, and how many were left out."""
    spare = [number for group in near_duplicates(library) for number in group[1:]]
    kept = np.setdiff1d(np.arange(len(library.photos)), np.array(spare, np.int64))
    return library.take(kept), len(spare)


# -- Colours -------------------------------------------------------------------------------------------------------


def _hue_and_lightness(
    means: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Hue in degrees 0…360, lightness 0…1 (both as HSL has them) and whether there is a hue at all, (N,) each."""
    top, low = means.max(axis=1), means.min(axis=1)
    hls = cv2.cvtColor(means.reshape(-1, 1, 3), cv2.COLOR_RGB2HLS).reshape(-1, 3).astype(np.float64)
    return hls[:, 0], hls[:, 1], (top - low) >= _GREY


def colour_counts(means: npt.NDArray[np.float32]) -> dict[str, int]:
    """How many photos there are of each of 27 colours, by names such as "dark blue"; means (N, 3), sRGB 0…1."""
    hue, lightness, has_hue = _hue_and_lightness(means)
    which = np.where(has_hue, np.digitize(hue, _HUE_ENDS) % len(_HUES), len(_HUES))
    tone = np.minimum((lightness * len(_TONES)).astype(int), len(_TONES) - 1)
    counts = np.bincount(which * len(_TONES) + tone, minlength=(len(_HUES) + 1) * len(_TONES))
    names = [f"{tone} {hue}" for hue in (*_HUES, "grey") for tone in _TONES]
    return dict(zip(names, counts.tolist(), strict=True))


_FIELD: Final = 64  # pixels
_COLUMNS, _ROWS = 24, 10  # hues, and one column of greys beside them; lightness, the light ones above


def colour_picture(library: Library) -> Pixels:
    """The library's squares laid out by hue (left to right, greys last) and lightness (light above), (H, W, 3).

    A field shows the most colourful of its photos and how many they are; where there is none, the colour that is
    missing as a dot.
    """
    hue, lightness, has_hue = _hue_and_lightness(library.means)
    column = np.where(has_hue, (hue / 360 * _COLUMNS).astype(int) % _COLUMNS, _COLUMNS)
    row = _ROWS - 1 - np.minimum((lightness * _ROWS).astype(int), _ROWS - 1)
    chroma = library.means.max(axis=1) - library.means.min(axis=1)
    picture = Image.new("RGB", ((_COLUMNS + 1) * _FIELD, _ROWS * _FIELD), (40, 40, 40))
    draw = ImageDraw.Draw(picture)
    for y in range(_ROWS):
        for x in range(_COLUMNS + 1):
            corner = (x * _FIELD, y * _FIELD)
            here = np.flatnonzero((column == x) & (row == y))
            if len(here):
                shown = library.photos[int(here[chroma[here].argmax() if x < _COLUMNS else chroma[here].argmin()])]
                picture.paste(Image.fromarray(library.square(shown, _FIELD - 2)), (corner[0] + 1, corner[1] + 1))
                label = str(len(here))
                width = draw.textlength(label)
                draw.rectangle((corner[0] + 1, corner[1] + 1, corner[0] + 5 + width, corner[1] + 13), (0, 0, 0))
                draw.text((corner[0] + 3, corner[1] + 1), label, (255, 255, 255))
            else:
                centre = (corner[0] + _FIELD // 2, corner[1] + _FIELD // 2)
                light = (_ROWS - y - 0.5) / _ROWS
                hls = np.array([[[(x + 0.5) / _COLUMNS * 360, light, 0.6 if x < _COLUMNS else 0.0]]], np.float32)
                r, g, b = (cv2.cvtColor(hls, cv2.COLOR_HLS2RGB)[0, 0] * 255).astype(int).tolist()
                box = (centre[0] - 7, centre[1] - 7, centre[0] + 7, centre[1] + 7)
                draw.ellipse(box, (r, g, b), outline=(110, 110, 110))
    return np.asarray(picture)


# -- All of it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LibraryReport:
    """What was found."""

    photos: int
    duplicates: list[list[Photo]]  # each group's best photo first
    small: list[Photo]  # squares of fewer pixels than asked
    colours: dict[str, int]

    @property
    def missing_colours(self) -> list[str]:
        """Colours of which fewer than a thousandth of the photos are."""
        return [name for name, count in self.colours.items() if count <= self.photos / 1000]


def check_library(library: Library, progress: Progress, *, tile_pixels: int) -> LibraryReport:
    """Look at all photos of a library."""
    small = []
    with progress.stage("checking", len(library.photos), "photos") as advance:
        for photo in library.photos:
            if photo.crop[2] < tile_pixels:
                small.append(photo)
            advance(1)
    groups: Sequence[Sequence[int]] = near_duplicates(library)
    duplicates = [[library.photos[number] for number in group] for group in groups]
    return LibraryReport(len(library.photos), duplicates, small, colour_counts(library.means))
