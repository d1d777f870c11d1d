"""Colour transfer from a library to a cover, such as blue tones for a library of seascapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from renderer.arrays import Float32Array
from renderer.descriptors import blocks, to_lab
from renderer.faces import find_faces
from renderer.pictures import Pixels

MAX_STRETCH: Final = 2.0
"""Maximum factor for the standard deviation of lightness and of colour, so that noise does not become colour."""

MIN_STRETCH: Final = 0.7
"""Minimum of the factor for colour: mean colours of photos differ less than their pixels, and with the mean colours of
indoor portraits, a portrait became grey."""

MAX_SKIN_CHANGE: Final = 0.2
"""Maximum change of the colour of faces, relative to its chroma: their hue turns by at most 12 degrees, and they keep
at least 80 % of their chroma."""

MAX_SKIN_LIGHTENING: Final = 10.0
"""Maximum change of the lightness of faces, 0…100: well-lit ones became white."""

_SKIN_CHROMA: Final = 6.0  # minimum: faces in grey pictures have no colour to keep
_INNER: Final = 0.2  # share of a face's box on each side that may be hair or background


@dataclass(frozen=True)
class Palette:
    """A change of colours in CIELAB: each channel is multiplied by `stretch`, then `shift` is added."""

    stretch: Float32Array  # (3,)
    shift: Float32Array  # (3,)
    share: float  # 0…1, of the change to the photos' colours, as far as the cover's faces allow it

    def apply(self, cover: Pixels) -> Pixels:
        """Return the changed cover (H, W, 3). Memory: the result, and 30 bytes per pixel of 64 rows."""
        changed = np.empty_like(cover)
        for rows in blocks(len(cover), 64):
            lab = to_lab(cover[rows] / np.float32(255)) * self.stretch + self.shift
            lab[..., 0] = np.clip(lab[..., 0], 0, 100)
            srgb = np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB))
            changed[rows] = np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)
        return changed


def adapted_palette(cover: Pixels, photos: Float32Array) -> Palette:
    """Return the change of a cover (H, W, 3) to the photos' mean, and within limits to their standard deviation.

    The two channels of colour are stretched by the same factor, so that hues stay apart. If faces are found, the
    cover changes only so far that they keep the colour of skin. photos: (P, 3) CIELAB, the photos' mean colours.

    Source: Reinhard, Ashikhmin, Gooch and Shirley, "Color transfer between images", 2001; here in CIELAB, and bounded.
    """
    small = to_lab(cv2.resize(cover, (256, 256), interpolation=cv2.INTER_AREA) / np.float32(255))
    colours = small.reshape(-1, 3)
    source, target = colours.mean(axis=0), photos.mean(axis=0)
    spread, own = (np.sqrt([each[0], each[1:].sum()]) for each in (photos.var(axis=0), colours.var(axis=0)))
    # Mean colours hide how lightness varies within photos, so the cover's variation is never reduced.
    light, colour = np.clip(spread / np.maximum(own, 1e-3), (1.0, MIN_STRETCH), MAX_STRETCH)
    stretch = np.array([light, colour, colour], np.float32)
    shift = target - source * stretch
    share = 1.0
    for skin in _skin_colours(cover, small):
        change = stretch * skin + shift - skin
        lightening = abs(float(change[0])) / MAX_SKIN_LIGHTENING
        recolouring = float(np.hypot(*change[1:]) / np.hypot(*skin[1:])) / MAX_SKIN_CHANGE
        share = min(share, 1 / max(lightening, recolouring, 1.0))
    return Palette(1 + np.float32(share) * (stretch - 1), np.float32(share) * shift, share)


def _skin_colours(cover: Pixels, small: Float32Array) -> list[Float32Array]:
    """Return the colour (3,) of the skin of each face in a cover (H, W, 3); small: (h, w, 3) the cover in CIELAB."""
    found = []
    height, width = small.shape[:2]
    for left, top, across, along in find_faces(cover):
        rows, columns = (
            slice(round((start + _INNER * side) * length), round((start + (1 - _INNER) * side) * length) + 1)
            for start, side, length in ((top, along, height), (left, across, width))
        )
        skin = np.median(small[rows, columns].reshape(-1, 3), axis=0)
        if np.hypot(*skin[1:]) >= _SKIN_CHROMA:
            found.append(skin)
    return found
