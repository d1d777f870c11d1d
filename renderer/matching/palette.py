"""Colour transfer from a library to a cover, such as blue tones for a library of seascapes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from renderer.arrays import Float32Array
from renderer.descriptors import blocks, to_lab
from renderer.pictures import Pixels

MAX_STRETCH: Final = 2.0
"""Maximum factor for the standard deviation of lightness and of colour, so that noise does not become colour."""

MIN_STRETCH: Final = 0.7
"""Minimum of the factor for colour: mean colours of photos differ less than their pixels, and with the mean colours of
indoor portraits, a portrait became grey."""


def adapt_palette(cover: Pixels, photos: Float32Array) -> Pixels:
    """Return the cover (H, W, 3), adapted in CIELAB to the photos' mean, and within limits to their standard deviation.

    The two channels of colour are stretched by the same factor, so that hues stay apart. photos: (P, 3) CIELAB, mean
    colours of the library's photos. Memory: the result, and 30 bytes per pixel of 64 rows.

    Source: Reinhard, Ashikhmin, Gooch and Shirley, "Color transfer between images", 2001; here in CIELAB, and bounded.
    """
    small = cv2.resize(cover, (256, 256), interpolation=cv2.INTER_AREA)
    colours = to_lab(small / np.float32(255)).reshape(-1, 3)
    source, target = colours.mean(axis=0), photos.mean(axis=0)
    spread, own = (np.sqrt([each[0], each[1:].sum()]) for each in (photos.var(axis=0), colours.var(axis=0)))
    # Mean colours hide how lightness varies within photos, so the cover's variation is never reduced.
    light, colour = np.clip(spread / np.maximum(own, 1e-3), (1.0, MIN_STRETCH), MAX_STRETCH)
    stretch = np.array([light, colour, colour], np.float32)
    adapted = np.empty_like(cover)
    for rows in blocks(len(cover), 64):
        lab = (to_lab(cover[rows] / np.float32(255)) - source) * stretch + target
        lab[..., 0] = np.clip(lab[..., 0], 0, 100)
        srgb = np.asarray(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB))
        adapted[rows] = np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)
    return adapted
