"""The loops of the GIF writer: changed pixels, palettes, dithering and LZW.

A frame is (H, W) uint32: R in the lowest byte, then G, B and alpha, which is 0 or 255; colours are straight. Palettes
and errors are opponent colours: luma, blue minus luma and red minus luma, as floats in the levels of an 8-bit channel.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array, Float64Array, Packed, Pixels
from renderer.kernels.library import kernels

_BLOCK: Final = 8  # gif.h
_CELLS: Final = 64 * 32 * 32  # colours.h


class Canvas(NamedTuple):
    """The state of each pixel of a GIF; (H, W) arrays."""

    target: Float32Array  # (H, W, 3) target colours of the pixels to be written, with diffused errors
    shown: Float32Array  # (H, W, 3) colours displayed so far
    filled: Pixels  # 1 where a pixel is displayed
    task: Pixels  # what is to be done with the pixel (gif.h)
    calm: Float32Array  # (H / 8, W / 8) 1 in flat squares, approaching 0 with more texture


class Palette(NamedTuple):
    """K ≤ 256 colours, and a cache of the nearest colour of each cell."""

    colours: Float32Array  # (K, 3)
    nearest: npt.NDArray[np.int16]  # (cells,) index of a colour; −1 where it is not known yet


class Census(NamedTuple):
    """The colours of a frame's changed pixels."""

    histogram: Float64Array  # (cells, 4) weight and weighted R, G, B; zero between frames
    used: npt.NDArray[np.uint32]  # (cells / 32,) a bit for each cell that has pixels; zero between frames
    points: Float32Array  # (cells, 4) of cells in use: weight and mean opponent colour
    cells: npt.NDArray[np.int32]  # (cells,) indices of the cells in use


def empty_canvas(width: int, height: int) -> Canvas:
    """Return a canvas on which nothing is displayed."""
    shape = (height, width)
    return Canvas(
        target=np.zeros((*shape, 3), np.float32),
        shown=np.zeros((*shape, 3), np.float32),
        filled=np.zeros(shape, np.uint8),
        task=np.zeros(shape, np.uint8),
        calm=np.zeros((-(-height // _BLOCK), -(-width // _BLOCK)), np.float32),
    )


def empty_census() -> Census:
    """Return a census without pixels, 3.4 MB."""
    return Census(
        histogram=np.zeros((_CELLS, 4)),
        used=np.zeros(_CELLS // 32, np.uint32),
        points=np.zeros((_CELLS, 4), np.float32),
        cells=np.zeros(_CELLS, np.int32),
    )


# -- Changed pixels ------------------------------------------------------------------------------------------------


def measure_calm(frame: Packed, canvas: Canvas) -> None:
    """Fill `calm` from the variance of luma in each square of a frame."""
    kernels().measure_calm(frame, *frame.shape[::-1], canvas.calm)


def compare_frames(
    frame: Packed, before: Packed, after: Packed, canvas: Canvas, census: Census
) -> tuple[int, int, int, int, int]:
    """Fill `target` and `task`, and add the pixels to be written to the histogram.

    Returns the box of the pixels to be written (left, top, right, bottom), and the number of pixels that must become
    transparent after this frame.
    """
    box = np.empty(5, np.int64)
    kernels().compare_frames(frame, before, after, *frame.shape[::-1], canvas, census, box)
    left, top, right, bottom, vanishing = box.tolist()
    return left, top, right, bottom, vanishing


# -- Palettes ------------------------------------------------------------------------------------------------------


def to_opponent(rgb: Pixels) -> Float32Array:
    """Convert (K, 3) uint8 RGB to (K, 3) opponent colours."""
    colours = np.empty(rgb.shape, np.float32)
    kernels().to_opponent(rgb, len(rgb), colours)
    return colours


def to_rgb(colours: Float32Array) -> Pixels:
    """Convert (K, 3) opponent colours to (K, 3) uint8 RGB."""
    rgb = np.empty(colours.shape, np.uint8)
    kernels().to_rgb(colours, len(colours), rgb)
    return rgb


def collect_points(census: Census) -> int:
    """Collect the cells in use into `points`, clear the histogram and return their number."""
    count: int = kernels().collect_points(census)
    return count


def divide_points(census: Census, count: int, size: int) -> Palette:
    """Return a palette of the means of at most `size` boxes, into which the first `count` points are divided."""
    colours = np.zeros((size, 3), np.float32)
    used = 1
    if count:
        order, boxes = np.empty(count, np.int32), np.empty(size * kernels().box_bytes(), np.uint8)
        used = kernels().divide_points(census.points, count, colours, size, order, boxes)
    return Palette(colours[:used], np.full(_CELLS, -1, np.int16))


def assign_points(census: Census, count: int, palette: Palette, move: bool) -> float:
    """Assign each point to its nearest colour, cache the assignment and return the mean squared error.

    With `move`, each colour then becomes the mean of its points (Lloyd, "Least squares quantization in PCM", 1982).
    """
    size = len(palette.colours)
    error: float = kernels().assign_points(census, count, palette, size, np.empty((size, 4)), move)
    return error


# -- Dithering and LZW ---------------------------------------------------------------------------------------------


def lzw_scratch() -> Pixels:
    """Return the memory that `write_image` needs, 120 KB."""
    return np.zeros(kernels().lzw_bytes(), np.uint8)


def write_image(
    canvas: Canvas,
    palette: Palette,
    box: tuple[int, int, int, int],
    symbol_bits: int,
    tolerance: float,
    scratch: Pixels,
    out: Pixels,
) -> int:
    """Dither the pixels to be written in a box (left, top, right, bottom) and encode them into `out`, in blocks.

    The symbol after the last colour is the transparent one. tolerance: levels by which a pixel of a flat square that
    changes again in the next frame may be further off than its nearest colour. `out` has 1.6 bytes for each pixel, and
    1,024 bytes. Updates `shown` and `filled`; returns the number of bytes.
    """
    count: int = kernels().write_image(
        canvas, canvas.task.shape[1], palette, len(palette.colours), np.array(box), symbol_bits, tolerance,
        scratch, out,
    )  # fmt: skip
    return count
