"""Drawing of points as antialiased discs: thousands in a few milliseconds."""

from __future__ import annotations

import numpy as np

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.pictures import Pixels


@kernel
def draw_discs(
    picture: Pixels, centre: Float32Array, radius: Float32Array, colour: Float32Array, opacity: Float32Array
) -> None:
    """Draw discs into a picture (H, W, 3) uint8, later ones over earlier ones.

    centre (N, 2): x and y in pixels, with pixel centres at 0.5; radius (N,) in pixels; colour (N, 3) 0…255; opacity
    (N,) 0…1; all float32. Edges are antialiased over one pixel.
    """
    height, width = picture.shape[:2]
    half = np.float32(0.5)
    for i in range(len(centre)):
        x, y, r = centre[i, 0], centre[i, 1], radius[i]
        for row in range(max(int(y - r - 1), 0), min(int(y + r + 2), height)):
            dy = (row + half) - y
            for column in range(max(int(x - r - 1), 0), min(int(x + r + 2), width)):
                dx = (column + half) - x
                coverage = r + half - np.sqrt(dy * dy + dx * dx)
                if coverage <= 0:
                    continue
                share = min(coverage, np.float32(1)) * opacity[i]
                for channel in range(3):
                    below = picture[row, column, channel]
                    picture[row, column, channel] = np.uint8(below + share * (colour[i, channel] - below) + half)
