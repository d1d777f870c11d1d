"""Drawing points: thousands of smooth discs in a few milliseconds."""

from __future__ import annotations

import numpy as np

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.pictures import Pixels


@kernel
def draw_discs(
    picture: Pixels, place: Float32Array, radius: Float32Array, colour: Float32Array, opacity: Float32Array
) -> None:
    """Draw discs over a picture (H, W, 3) uint8, the first one below the others.

    place (N, 2): x and y of their middles in pixels, pixel centres being at halves; radius (N,) pixels; colour (N, 3)
    0…255 and opacity (N,) 0…1: all float32. Edges are smooth over one pixel.
    """
    height, width = picture.shape[:2]
    half = np.float32(0.5)
    for i in range(len(place)):
        x, y, r = place[i, 0], place[i, 1], radius[i]
        for row in range(max(int(y - r - 1), 0), min(int(y + r + 2), height)):
            off = (row + half) - y
            for column in range(max(int(x - r - 1), 0), min(int(x + r + 2), width)):
                away = (column + half) - x
                cover = r + half - np.sqrt(off * off + away * away)
                if cover <= 0:
                    continue
                share = min(cover, np.float32(1)) * opacity[i]
                for channel in range(3):
                    below = picture[row, column, channel]
                    picture[row, column, channel] = np.uint8(below + share * (colour[i, channel] - below) + half)
