"""Problems of a library: near-duplicates, small photos, and missing colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.library.library import Library
from renderer.library.photos import Photo
from renderer.pixels import Pixels
from renderer.progress import Progress

MAX_DISTANCE: Final = 6.0
"""Maximum RMS difference (0…255) between the descriptors of near-duplicates: smaller, compressed or slightly cropped
copies of a photo are below it, as are most shots of a burst; other photos almost never are."""

_HUES: Final = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
_HUE_ENDS: Final = (15, 45, 70, 160, 200, 260, 300, 345)  # degrees; above the last one, the hue is red again
_TONES: Final = ("dark", "medium", "light")
_GREY: Final = 0.12  # chroma (0…1) below which a photo counts as grey


# -- Near-duplicates -----------------------------------------------------------------------------------------------


def near_duplicates(library: Library) -> list[list[int]]:
    """Return groups of near-duplicates as indices, the best photo of each first: most pixels, then sharpest.

    The perceptual hash is the descriptor, the whole picture in 8 × 8 colours, so the crop of a tile does not matter.
    Every photo of a group is similar to the best photo of the group.
    """
    from scipy.spatial import cKDTree  # takes a quarter of a second to import

    _, first, copy_of = np.unique(library.photos.columns.key, return_index=True, return_inverse=True)
    descriptors = library.photos.descriptors_of(first).astype(np.float32)
    # Averages of 4 × 4 differ by no more than their inputs: near-duplicates are close in these 12 dimensions.
    coarse = descriptors.reshape(-1, 2, 4, 2, 4, 3).mean(axis=(2, 4)).reshape(-1, 12)
    pairs = cKDTree(coarse).query_pairs(MAX_DISTANCE * 12**0.5, output_type="ndarray")
    distances = [
        ((descriptors[batch[:, 0]] - descriptors[batch[:, 1]]) ** 2).mean(axis=(1, 2, 3))
        for batch in np.array_split(pairs, len(pairs) // 100_000 + 1)
    ]
    # Nearly plain pictures, such as a sky, must have a similar structure as well, not only a similar colour.
    contrast = descriptors.reshape(-1, 64, 3).std(axis=1).mean(axis=1)
    allowed = np.clip(contrast[pairs].min(axis=1) / 3, 1.0, MAX_DISTANCE)
    pairs = pairs[np.concatenate(distances) < allowed**2]
    neighbours: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    members: dict[int, list[int]] = {}
    has_duplicate = np.isin(copy_of, np.array(list(neighbours), np.int64)) | (np.bincount(copy_of)[copy_of] > 1)
    for index in np.flatnonzero(has_duplicate).tolist():
        members.setdefault(int(copy_of[index]), []).append(index)
    quality = {content: _quality(library, indices[0]) for content, indices in members.items()}
    groups, grouped = [], set()
    for content in sorted(members, key=lambda content: (quality[content], -content), reverse=True):
        if content not in grouped:
            similar = [content, *(other for other in sorted(neighbours.get(content, ())) if other not in grouped)]
            grouped.update(similar)
            indices = [index for other in similar for index in members[other]]
            if len(indices) > 1:
                groups.append(indices)
    return sorted(groups)


def _quality(library: Library, index: int) -> tuple[int, float]:
    width, height = library.photos[index].size
    tile = library.tiles_of(np.array([index]))[0]
    return width * height, float(cv2.Laplacian(cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std())


def without_duplicates(library: Library) -> tuple[Library, int]:
    """Return a library with only the best of each group of near-duplicates, and the number of photos left out."""
    duplicates = [index for group in near_duplicates(library) for index in group[1:]]
    remaining = np.setdiff1d(np.arange(len(library.photos)), np.array(duplicates, np.int64))
    return library.take(remaining), len(duplicates)


# -- Colours -------------------------------------------------------------------------------------------------------


def _hue_and_lightness(
    means: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return HSL hue in degrees 0…360, HSL lightness 0…1 and whether a colour has a hue, (N,) each."""
    top, low = means.max(axis=1), means.min(axis=1)
    hls = cv2.cvtColor(means.reshape(-1, 1, 3), cv2.COLOR_RGB2HLS).reshape(-1, 3).astype(np.float64)
    return hls[:, 0], hls[:, 1], (top - low) >= _GREY


def colour_counts(means: npt.NDArray[np.float32]) -> dict[str, int]:
    """Return the number of photos of each of 27 colours, by names such as "dark blue"; means (N, 3), sRGB 0…1."""
    hue, lightness, has_hue = _hue_and_lightness(means)
    which = np.where(has_hue, np.digitize(hue, _HUE_ENDS) % len(_HUES), len(_HUES))
    tone = np.minimum((lightness * len(_TONES)).astype(int), len(_TONES) - 1)
    counts = np.bincount(which * len(_TONES) + tone, minlength=(len(_HUES) + 1) * len(_TONES))
    names = [f"{tone} {hue}" for hue in (*_HUES, "grey") for tone in _TONES]
    return dict(zip(names, counts.tolist(), strict=True))


_FIELD: Final = 64  # pixels
_COLUMNS, _ROWS = 24, 10  # columns: hues, and one more for greys; rows: lightness, light at the top


def colour_picture(library: Library) -> Pixels:
    """Return the library's squares arranged by hue (left to right, greys last) and lightness (light at the top).

    Each field shows its most colourful photo and its number of photos; an empty field shows its colour as a dot.
    Returns (H, W, 3).
    """
    from PIL import Image, ImageDraw

    hue, lightness, has_hue = _hue_and_lightness(library.means)
    column = np.where(has_hue, (hue / 360 * _COLUMNS).astype(int) % _COLUMNS, _COLUMNS)
    row = _ROWS - 1 - np.minimum((lightness * _ROWS).astype(int), _ROWS - 1)
    chroma = library.means.max(axis=1) - library.means.min(axis=1)
    picture = Image.new("RGB", ((_COLUMNS + 1) * _FIELD, _ROWS * _FIELD), (40, 40, 40))
    draw = ImageDraw.Draw(picture)
    for y in range(_ROWS):
        for x in range(_COLUMNS + 1):
            corner = (x * _FIELD, y * _FIELD)
            inside = np.flatnonzero((column == x) & (row == y))
            if len(inside):
                best = chroma[inside].argmax() if x < _COLUMNS else chroma[inside].argmin()
                photo = library.photos[int(inside[best])]
                tile = Image.fromarray(library.tile(photo, _FIELD - 2, _FIELD - 2))
                picture.paste(tile, (corner[0] + 1, corner[1] + 1))
                label = str(len(inside))
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


# -- The report ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LibraryReport:
    """Problems of a library."""

    photos: int
    with_faces: int
    unsearched: int  # photos in which no faces were searched
    duplicates: list[list[Photo]]  # each group's best photo first
    small: list[Photo]  # with crops smaller than requested
    colours: dict[str, int]

    @property
    def missing_colours(self) -> list[str]:
        """Colours that at most a thousandth of the photos have."""
        return [name for name, count in self.colours.items() if count <= self.photos / 1000]


def check_library(library: Library, progress: Progress, *, tile_pixels: int) -> LibraryReport:
    """Return the problems of a library. `tile_pixels`: side below which a photo's crop counts as small."""
    small = []
    with_faces = 0
    with progress.stage("checking", len(library.photos), "photos") as advance:
        for photo in library.photos:
            if min(photo.crop[2:]) < tile_pixels:
                small.append(photo)
            with_faces += bool(photo.faces)
            advance(1)
    groups: Sequence[Sequence[int]] = near_duplicates(library)
    duplicates = [[library.photos[index] for index in group] for group in groups]
    unsearched = sum(len(index.unsearched()) for index in library.indexes)
    colours = colour_counts(library.means)
    return LibraryReport(len(library.photos), with_faces, unsearched, duplicates, small, colours)
