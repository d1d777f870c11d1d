"""Points drawn as antialiased discs: thousands in a few milliseconds."""

from __future__ import annotations

from renderer.arrays import Float32Array, Pixels
from renderer.kernels.library import kernels


def draw_discs(
    picture: Pixels, centre: Float32Array, radius: Float32Array, colour: Float32Array, opacity: Float32Array
) -> None:
    """Draw discs into a picture (H, W, 3) uint8, later ones over earlier ones.

    centre (N, 2): x and y in pixels, with pixel centres at 0.5; radius (N,) in pixels; colour (N, 3) 0…255; opacity
    (N,) 0…1; all float32. Edges are antialiased over one pixel.
    """
    height, width = picture.shape[:2]
    kernels().draw_discs(picture, height, width, centre, radius, colour, opacity, len(centre))
