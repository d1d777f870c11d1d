"""The photos of a mosaic on which a flight may end, best first: people, then what is sharp, bright and colourful.

The choice depends on the map and its photos alone, so that previews and videos of any size land on the same photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from renderer.faces import Face, eye_contrast
from renderer.framing import face_colour, filled_share, frame_photo, shape_for_heads, smaller_faces
from renderer.placement import PlacementMap
from renderer.subject import subject_position

if TYPE_CHECKING:
    from renderer.arrays import Float64Array, Pixels
    from renderer.library import Library, Photo

LANDINGS_VERSION: Final = 3
"""Increased whenever the same map would give other landings, so that cached ones are not used."""

MOST_LANDINGS: Final = 12

_COMPARED: Final = 96  # photos whose known faces are looked at, 2 ms each; the others are judged by their tile pictures

_EXAMINED: Final = 24  # of them, the photos whose thumbnails are examined, 50 ms each

_FULL: Final = 1080  # shorter side of a photo in pixels, from which it is sharp in most videos

_RECOGNISED: Final = 300  # the same, below which it shows hardly anything in a frame

_SHARPNESS_PIXELS: Final = 720  # shorter side of the copy of a large photo that is checked for blur

_COPY: Final = 12.0
"""Mean difference of two descriptors, of 255, below which photos count as nearly the same: photos of one pose differ by
4 to 12, and others of the same person in one room by 14 and more."""

_PEOPLE: Final = {"people": 20.0, "places": -10.0}
_BY_DEFAULT: Final = 10.0
"""Weight of people by the preference in a map's recipe, and without one; all else is worth at most 20."""

_FAULT: Final = 15.0  # what a photo loses that is blurred, grey, drawn, or has a border: more than people are worth

_FRAMES: Final = ((9, 16), (16, 9))
_FIT: Final = 16.0
"""What a photo loses that does not fill a frame of one of these shapes, in proportion to the share that it leaves."""

_BLOCK: Final = 256  # photos whose colours are counted at once, in 8 MB


def find_landings(placement: PlacementMap, library: Library) -> list[int]:
    """Return the best cells to land on, the best first: at least one and at most 12, each with another photo.

    Pieces of a cover are among them only if there are no photos. `library`: the photos of the map, in the same order.
    Raises RenderError if a photo can't be read.
    """
    photos = placement.photos
    people = _PEOPLE.get(str(placement.recipe.get("prefer")), _BY_DEFAULT)
    faces = [placement.faces_of(photo) for photo in photos]
    size = np.array([min(photo.own_size) for photo in photos], np.float64)
    basis = 5.0 * np.minimum(size / _FULL, 1.0) + _FAULT * np.minimum(size / _RECOGNISED, 1.0)
    fit = np.array([_FIT * _fit(found, photo) for found, photo in zip(faces, photos, strict=True)])
    portraits = np.array([_portrait(found, photo) for found, photo in zip(faces, photos, strict=True)])
    appeal, position = _appeal(library.tiles), _position_scores(placement)
    cells = _best_cells(placement, basis + fit + appeal + people * portraits, position)
    cells = ([cell for cell in cells if not photos[placement.photo[cell]].is_part] or cells)[:_COMPARED]
    indices = placement.photo[cells].tolist()
    overviews = {index: library.overview(photos[index]) for index in indices}
    seen = [_portrait(faces[index], photos[index], overviews[index]) for index in indices]
    first = (basis + fit + appeal)[indices] + people * np.array(seen) + position[cells]
    cells = [cells[number] for number in np.argsort(-first, kind="stable")[:_EXAMINED]]
    scores = []
    for cell in cells:
        index = int(placement.photo[cell])
        photo, known, pixels = photos[index], faces[index], overviews[index]
        found = smaller_faces(pixels)
        # A face that is found in one of two sizes only may be none.
        sure = [face for face in known if any(_overlap(face, other) for other in found)]
        portrait = max(_portrait(sure, photo, pixels), 0.5 * _portrait(found, photo, pixels))
        score = basis[index] + float(_appeal(pixels[np.newaxis])[0]) + people * portrait
        score += _FIT * _fit([*known, *found], photo, library, pixels) - _FAULT * _faults(pixels)
        scores.append(score + position[cell])
    ranked = [cells[number] for number in np.argsort(-np.array(scores), kind="stable")]
    return _distinct(placement, library, ranked)


def _position_scores(placement: PlacementMap) -> Float64Array:
    """Return how well a flight to each cell looks, (N,), 0 for the best: near the middle, and matching what it shows.

    The middle is that of the area with which both portrait and landscape frames start, so that no flight has to leave
    the subject.
    """
    size = np.array(placement.size)
    visible = np.minimum(size, size[::-1] * 9 / 16)
    middle = [
        side * subject_position(placement.attention, axis, part / side)
        for axis, side, part in zip((1, 0), size, visible, strict=True)
    ]
    away = (placement.cell[:, :2] + 0.5 * placement.cell[:, 2:] - middle) / visible
    worst = max(float(np.quantile(placement.cost, 0.95)), 1e-9)
    score = -3.0 * np.hypot(away[:, 0], away[:, 1]) - np.minimum(1.0, placement.cost / worst)
    score -= 6.0 * np.maximum(np.abs(away).max(axis=1) - 0.5, 0)  # outside the view: the start would move
    score -= placement.symmetry != 0  # shown upright, it matches its cell less well
    if placement.is_masked:  # what is beside the photo until it fills the frame: tiles rather than background
        score -= np.array([9.0, 0.5, 0.0])[placement.depth()]
    return np.asarray(score, np.float64)


def _best_cells(placement: PlacementMap, photos: Float64Array, cells: Float64Array) -> list[int]:
    """Return for each photo the best cell that shows it, the best first; scores of photos (P,) and of cells (N,)."""
    score = photos[placement.photo] + cells
    order = np.argsort(-score, kind="stable")
    first = np.unique(placement.photo[order], return_index=True)[1]
    return [int(cell) for cell in order[np.sort(first)]]


def _distinct(placement: PlacementMap, library: Library, ranked: Sequence[int]) -> list[int]:
    """Return the first cells of those ranked, without near-copies of earlier ones; blurred photos come last."""
    indices = placement.photo[ranked].astype(np.int64)
    descriptors = library.photos.descriptors_of(indices).reshape(len(indices), -1).astype(np.float32)
    chosen: list[int] = []
    blurred: list[int] = []
    for number, index in enumerate(indices.tolist()):
        if len(chosen) == MOST_LANDINGS:
            break
        distance = np.abs(descriptors[[*chosen, *blurred]] - descriptors[number]).mean(axis=1)
        if (distance < _COPY).any():
            continue
        photo = placement.photos[index]
        (blurred if _is_blurred_in_full(library, photo) else chosen).append(number)
    return [ranked[number] for number in [*chosen, *blurred][:MOST_LANDINGS]]


def _is_blurred_in_full(library: Library, photo: Photo) -> bool:
    """Return whether a photo whose thumbnail is sharp is blurred when it fills a frame."""
    width, height = photo.own_size
    shrink = _SHARPNESS_PIXELS / min(width, height)
    if photo.is_part or shrink > 1:
        return False
    pixels = library.whole(photo, round(width * shrink), round(height * shrink), sharp=False)
    return bool(_blur(pixels) > 0.5)


# -- What a photo shows --------------------------------------------------------------------------------------------


def _ramp(values: Float64Array | float, low: float, high: float) -> Float64Array:
    """Return 0 up to `low`, 1 from `high` on, and linear between."""
    return np.clip((np.asarray(values, np.float64) - low) / (high - low), 0.0, 1.0)


def _appeal(pixels: Pixels) -> Float64Array:
    """Return how much pictures (N, H, W, 3) look like good photos, (N,): many colours, colourful, well exposed."""
    score = np.empty(len(pixels))
    for start in range(0, len(pixels), _BLOCK):
        some = pixels[start : start + _BLOCK]
        count = len(some)
        code = ((some >> 4).astype(np.int64) @ np.array([256, 16, 1])).reshape(count, -1)
        code += 4096 * np.arange(count)[:, np.newaxis]
        share = np.bincount(code.ravel(), minlength=4096 * count).reshape(count, 4096) / code.shape[1]
        entropy = -(share * np.log2(np.maximum(share, 1e-12))).sum(axis=1)
        top = some.max(axis=3).reshape(count, -1)
        colour = (top - some.min(axis=3).reshape(count, -1)).mean(axis=1)
        light = some.reshape(count, -1, 3).mean(axis=2)
        mean = light.mean(axis=1)
        exposed = _ramp(mean, 25, 70) * (1 - _ramp(mean, 180, 220)) * (1 - _ramp((light > 247).mean(axis=1), 0.2, 0.4))
        score[start : start + count] = (
            6.0 * _ramp(entropy, 2.5, 5.0) + 3.0 * _ramp(colour, 5, 18) + 4.0 * _ramp(colour, 18, 80) + 4.0 * exposed
        )
    return score


def _faults(pixels: Pixels) -> float:
    """Return 0 for a photo (H, W, 3), up to 1 for each fault: blurred, grey, drawn, or with a border of its own."""
    chroma = float((pixels.max(axis=2) - pixels.min(axis=2)).mean())
    return float(_blur(pixels) + 1 - _ramp(chroma, 4, 8) + _is_drawn(pixels) + _has_border(pixels))


def _blur(pixels: Pixels) -> float:
    """Return 0 for a picture whose most detailed areas are sharp, 1 for one that is blurred or has no detail.

    Detail is compared with coarser detail, in the twenty-fifth of the areas that has the most: a background may be out
    of focus, and skies, deserts and water have none.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (0.8, 1.6))
    side = 16
    details = []
    for difference in (grey - fine, fine - coarse):
        areas = cv2.resize(np.abs(difference), (side, side), interpolation=cv2.INTER_AREA).ravel()
        details.append(float(np.sort(areas)[-side * side // 25 :].mean()))
    return float(1 - _ramp(details[0] / (details[1] + 0.3), 0.45, 0.6) * _ramp(details[0], 1.0, 2.3))


def _is_drawn(pixels: Pixels) -> float:
    """Return 1 if most of a picture has no grain at all, as in logos, screenshots and charts; 0 for photos."""
    kernel = np.ones((3, 3), np.uint8)
    contrast = (cv2.dilate(pixels, kernel) - cv2.erode(pixels, kernel)).max(axis=2)
    return float(_ramp(float((contrast <= 1).mean()), 0.45, 0.6))


def _has_border(pixels: Pixels) -> float:
    """Return 1 if two opposite edges of a picture have strips of one colour, which end abruptly."""
    for turned in (pixels, pixels.transpose(1, 0, 2)):
        rows = turned.astype(np.float32)
        plain = (np.abs(rows - rows[:1, :1]).mean(axis=(1, 2)) < 4) & (rows.std(axis=1).max(axis=1) < 6)
        strips = [int(np.argmin(side)) if not side.all() else 0 for side in (plain, plain[::-1])]
        if min(strips) >= max(len(rows) // 100, 2):
            return 1.0
    return 0.0


def _straight_lines(pixels: Pixels) -> float:
    """Return the share of a picture (H, W, 3) that is on long upright or level edges.

    Behind people, those are of posters, documents, screens and shelves: walls and gardens have less than 0.03, and the
    former 0.05 to 0.2.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    length = max(min(grey.shape) // 10, 3)
    on_line = np.zeros(grey.shape, bool)
    for across in (True, False):
        step = cv2.Sobel(grey, cv2.CV_32F, int(not across), int(across), scale=0.25)
        along = np.ones((1, length) if across else (length, 1), np.uint8)
        for side in (step, -step):
            on_line |= cv2.morphologyEx((side > 24).astype(np.uint8), cv2.MORPH_OPEN, along) > 0
    return float(on_line.mean())


def _portrait(faces: Sequence[Face], photo: Photo, pixels: Pixels | None = None) -> float:
    """Return 0…1: how large the largest face of a photo is; less if the edge of the photo is near.

    `pixels`: the photo in any size, if it also counts whether the face is too dark or bright, and the eyes are closed.
    """
    width, height = photo.own_size
    best = 0.0
    for face in faces:
        left, top, across, along = face
        size = along * height / min(width, height)
        value = float(0.8 * _ramp(size, 0.06, 0.16) + 0.2 * _ramp(size, 0.16, 0.45))
        room = (top / along, (1 - top - along) / along + 0.25, left / across + 0.3, (1 - left - across) / across + 0.3)
        value *= 0.3 + 0.7 * float(_ramp(min(room), 0.2, 0.5))  # hair ends 0.3 to 0.4 above a face
        if pixels is not None:
            lightness, *hue = face_colour(face, pixels)
            value *= float(_ramp(lightness, 25, 45) * (1 - _ramp(lightness, 80, 93)))
            value *= 0.5 + 0.5 * float(_ramp(min(hue), -4, 4))  # skin is neither bluish nor greenish
            eyes = eye_contrast(pixels, face)
            value *= 1.0 if eyes is None else 0.2 + 0.8 * float(_ramp(eyes, 0.26, 0.42))
        best = max(best, value)
    if pixels is not None and best > 0:
        best *= 1 - 0.6 * float(_ramp(_straight_lines(pixels), 0.025, 0.09))
    return best * float(_ramp(min(width, height), 100, 300))  # small ones can't be recognised in a frame


def _overlap(face: Face, other: Face) -> bool:
    """Return whether the middle of each box is in the other."""
    return all(
        abs(face[axis] + face[axis + 2] / 2 - other[axis] - other[axis + 2] / 2)
        < min(face[axis + 2], other[axis + 2]) / 2
        for axis in range(2)
    )


def _fit(faces: Sequence[Face], photo: Photo, library: Library | None = None, pixels: Pixels | None = None) -> float:
    """Return the share, 0…1, that a photo fills of the one of `_FRAMES` that suits it less.

    Without `library` and `pixels` (H, W, 3), photos without faces suit both.
    """
    if faces:
        return min(filled_share(float(shape_for_heads(faces, photo.own_size, frame)), frame) for frame in _FRAMES)
    if library is None or pixels is None:
        return 1.0
    width, height = photo.own_size
    parts = [frame_photo(library, photo, (), pixels, frame).size for frame in _FRAMES]
    return min(filled_share(x * width / (y * height), frame) for (x, y), frame in zip(parts, _FRAMES, strict=True))
