"""Mapping a cover's colours to what a library has: a cover in blues for a library of sunsets."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from renderer.arrays import Float32Array
from renderer.descriptors import blocks, to_lab
from renderer.pictures import Pixels

MAX_STRETCH: Final = 2.0
"""By how much at most the spread of a channel is widened: noise is not to become colour."""


def adapt_palette(cover: Pixels, photos: Float32Array) -> Pixels:
    """The cover (H, W, 3) with the means and spreads, channel by channel in CIELAB, of photos' mean colours (P, 3).

    Reinhard, Ashikhmin, Gooch and Shirley, "Color transfer between images", 2001; in CIELAB, and with bounds.
    Memory: 30 bytes for a pixel of 64 rows, beside the result.
    """
    small = cv2.resize(cover, (256, 256), interpolation=cv2.INTER_AREA)
    seen = to_lab(small / np.float32(255)).reshape(-1, 3)
    middle, wanted = seen.mean(axis=0), photos.mean(axis=0)
    stretch = np.minimum(photos.std(axis=0) / np.maximum(seen.std(axis=0), 1e-3), MAX_STRETCH)
    # What an average of a photo hides: lightness varies more inside photos than between them, so none is lost.
    stretch[0] = max(stretch[0], 1.0)
    found = np.empty_like(cover)
    for rows in blocks(len(cover), 64):
        lab = (to_lab(cover[rows] / np.float32(255)) - middle) * stretch + wanted
        lab[..., 0] = np.clip(lab[..., 0], 0, 100)
        srgb = np.asarray(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB))
        found[rows] = np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)
    return found
