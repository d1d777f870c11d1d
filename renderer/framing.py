"""How a photo is shown in a frame of any shape: the part of it that has its heads, or most of its subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.descriptors import to_lab
from renderer.faces import SEARCH_PIXELS, Face, find_faces
from renderer.kernels import arithmetic
from renderer.subject import HEAD_ROOM, heads, span, subject_share

if TYPE_CHECKING:
    from renderer.arrays import Float64Array, Pixels
    from renderer.library import Library, Photo

MOST_OF_SUBJECT: Final = 0.57
"""Share of a photo's salient areas that a frame must show, if there are no faces: less cuts the subject.

Measured with the best part of 9:16 of wide photos: an otter (0.55), a motorcycle (0.56), a pagoda (0.52) and Saturn's
rings (0.54) are cut; a bird (0.58), a dune (0.69), a cat's face (0.71), a building (0.75) and a flower (0.87) are
not."""

_NO_SUBJECT: Final = 0.78
"""Spread of the salient areas from which any part shows enough: there is no single subject.

Measured: a skyline (0.83), mountains by a lake (0.88), spices and a bed of flowers (0.80); the cut ones above have 0.54
to 0.76."""

_SHAPES: Final = 8
"""Shapes of a photo's part that are tried without faces, from that of the frame towards that of the photo."""

_SKIN: Final = 3.0
"""Value of a* (CIELAB) below which an area is no skin: 214 of 217 faces have 4 or more, nine of ten false ones not."""

_GREY: Final = 1.0  # mean distance of the channels of a photo that is grey, so that colours tell nothing


@dataclass(frozen=True)
class Framing:
    """The part of a photo that the frame shows: as large as the frame allows, with its subject whole."""

    middle: tuple[float, float]  # in fractions of the photo
    size: tuple[float, float]  # width and height in fractions of the photo
    fills: bool  # whether the part has the shape of the frame; otherwise something must surround it


def smaller_faces(pixels: Pixels) -> list[Face]:
    """Return the faces of a photo (H, W, 3), also smaller ones than an index has, that have the colour of skin."""
    is_grey = float(np.ptp(pixels[::8, ::8], axis=2).mean()) < _GREY
    found = find_faces(pixels, SEARCH_PIXELS)
    return [face for face in found if is_grey or face_colour(face, pixels)[1] >= _SKIN]


def face_colour(face: Face, pixels: Pixels) -> tuple[float, float, float]:
    """Return the mean colour of a face of a photo (H, W, 3) as L*, a* and b* (CIELAB)."""
    left, top, width, height = face
    area = pixels[span(top, top + height, pixels.shape[0]), span(left, left + width, pixels.shape[1])]
    mean = (area.mean(axis=(0, 1)) / 255).astype(np.float32)
    lightness, red, yellow = to_lab(mean[np.newaxis])[0].tolist()
    return lightness, red, yellow


def frame_photo(
    library: Library, photo: Photo, faces: Sequence[Face], pixels: Pixels, frame: tuple[int, int]
) -> Framing:
    """Return the part of a photo to show in a frame (width, height): all heads with some room above, or the subject.

    `faces`: those of its index, and `smaller_faces`; `pixels`: the photo in any size, (H, W, 3). If the heads don't
    fit, or without faces most of the subject, the part is nearer to the shape of the photo, at last all of it. For a
    piece of a cover, fractions are of its crop. Raises RenderError if the photo can't be read.
    """
    own, shape = Fraction(*photo.own_size), Fraction(*frame)
    if faces:
        ratios = [shape_for_heads(faces, photo.own_size, frame)]
    else:
        steps = (float(shape) * arithmetic.power(float(own / shape), step / _SHAPES) for step in range(1, _SHAPES))
        ratios = [shape, *(Fraction(step).limit_denominator(1000) for step in steps)]
    for ratio in ratios:
        box = library.framed(photo, ratio, faces)
        starts, lengths = (np.divide(sides, photo.own_size) for sides in (box[:2], box[2:]))
        if faces:
            starts = _with_heads(starts, lengths, faces)
        else:
            share, spread = subject_share(pixels, (*starts.tolist(), *lengths.tolist()))
            if share < MOST_OF_SUBJECT and spread < _NO_SUBJECT:
                continue
        x, y = (
            0.5 if abs(start + 0.5 * length - 0.5) * side < 1 else start + 0.5 * length  # of whole pixels
            for start, length, side in zip(starts.tolist(), lengths.tolist(), photo.own_size, strict=True)
        )
        return Framing((x, y), (float(lengths[0]), float(lengths[1])), fills=ratio == shape)
    return Framing((0.5, 0.5), (1.0, 1.0), fills=False)


def shape_for_heads(faces: Sequence[Face], size: tuple[int, int], frame: tuple[int, int]) -> Fraction:
    """Return the shape, width / height, nearest to that of a frame, whose largest part of a photo has all heads.

    That is the frame's own shape if it cuts only hair and necks: narrow strips beside a photo look like an error.
    """
    shape = needed = Fraction(*frame)
    own = Fraction(*size)
    for tight in (True, False):
        left, top, right, bottom = heads(faces, tight=tight)
        needed = max(shape, own * Fraction(right - left)) if shape < own else min(shape, own / Fraction(bottom - top))
        if needed == shape:
            break
    return needed


def filled_share(shape: float, frame: tuple[int, int]) -> float:
    """Return the share of a frame, 0…1, that a part of a photo with a shape, width / height, fills."""
    ratio = shape * frame[1] / frame[0]
    return min(ratio, 1 / ratio)


def _with_heads(starts: Float64Array, lengths: Float64Array, faces: Sequence[Face]) -> Float64Array:
    """Return where a part of a photo starts, (2,), so that it shows all heads; all in fractions of the photo.

    `starts`, `lengths`: (2,) of the part. Of heads that are larger, both sides are cut, or what is below the face.
    """
    area = heads(faces)
    low, high = np.array(area[:2]), np.array(area[2:])
    if high[0] - low[0] > lengths[0]:
        left, _, right, _ = heads(faces, tight=True)
        low[0] = 0.5 * (left + right - lengths[0])
    room = np.array([0.0, HEAD_ROOM * (high[1] - low[1])])
    first = np.maximum(high - lengths, 0.0)
    inside = np.minimum(np.maximum(np.minimum(starts, low - room), first), low)
    return np.asarray(np.clip(inside, 0.0, 1.0 - lengths), np.float64)
