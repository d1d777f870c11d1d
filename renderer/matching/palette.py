"""Colour transfer from a library to a cover, such as blue tones for a library of seascapes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from renderer.arrays import Float32Array
from renderer.descriptors import blocks, to_lab
from renderer.pictures import Pixels

MAX_STRETCH: Final = 2.0
"""Maximum factor for the standard deviation of a channel, so that noise does not become colour."""


def adapt_palette(cover: Pixels, photos: Float32Array) -> Pixels:
    """Return the cover (H, W, 3) with each CIELAB channel adapted to the photos' mean and standard deviation.

    photos: (P, 3) CIELAB, mean colours of the library's photos. Memory: the result, and 30 bytes per pixel of 64 rows.

    Source: Reinhard, Ashikhmin, Gooch and Shirley, "Color transfer between images", 2001; here in CIELAB, and bounded.
    """
    small = cv2.resize(cover, (256, 256), interpolation=cv2.INTER_AREA)
    colours = to_lab(small / np.float32(255)).reshape(-1, 3)
    source, target = colours.mean(axis=0), photos.mean(axis=0)
    stretch = np.minimum(photos.std(axis=0) / np.maximum(colours.std(axis=0), 1e-3), MAX_STRETCH)
    # Mean colours hide how lightness varies within photos, so the cover's variation is never reduced.
    stretch[0] = max(stretch[0], 1.0)
    adapted = np.empty_like(cover)
    for rows in blocks(len(cover), 64):
        lab = (to_lab(cover[rows] / np.float32(255)) - source) * stretch + target
        lab[..., 0] = np.clip(lab[..., 0], 0, 100)
        srgb = np.asarray(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB))
        adapted[rows] = np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)
    return adapted
