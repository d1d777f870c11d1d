"""Pictures in memory: resizing them, in linear light. Importing this does not import Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Pixels as Pixels
from renderer.colour import srgb_to_linear
from renderer.kernels import arithmetic
from renderer.kernels.drawing import encode_light
from renderer.kernels.resizing import resize_light, sample_values
from renderer.kernels.resizing import resize_values as resize_values
from renderer.parameters import Colour

Values = TypeVar("Values", npt.NDArray[np.float32], npt.NDArray[np.float64])

MAX_PIXELS: Final = 400_000_000
"""Pictures with more pixels are rejected before decoding: 1.2 GB of RGB, twice the largest camera's."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture."""

    pixels: Pixels
    size: tuple[int, int]  # width, height of the upright original; `pixels` may be smaller
    orientation: int = 1  # of the file: the EXIF tag, 1…8
    captured: str | None = None  # capture time, local time of the camera: YYYY-MM-DDTHH:MM:SS
    share: float = 1.0  # share of the rows that could be read; below 1, the file is damaged and `size` is cropped

    @property
    def damage(self) -> str | None:
        """The rest of a notice that starts with the file's name; None if the file is intact."""
        return f"is damaged: only its upper {int(self.share * 100)} % is used" if self.share < 1 else None


def _linear_to_srgb_table() -> npt.NDArray[np.uint8]:
    # 16 bits of linear light: the darkest 8-bit step of sRGB is 20 of these steps, so that rounding is exact.
    value = np.arange(65536) / 65535
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * arithmetic.power(value, 1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


_TO_LINEAR: Final = srgb_to_linear(np.arange(256) / 255).astype(np.float32)
BYTE_OF_LIGHT_16: Final = _linear_to_srgb_table()
"""(65536,) 8-bit sRGB value of each linear light 0…65535."""
LIGHT_16: Final = np.rint(_TO_LINEAR.astype(np.float64) * 65535).astype(np.uint32)
"""(256,) linear light 0…65535 of each 8-bit sRGB value."""


def to_linear(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Convert 8-bit sRGB to linear light 0…1, same shape."""
    # LUT is five times as fast as indexing, but requires two dimensions.
    light = cv2.LUT(np.ascontiguousarray(pixels).reshape(len(pixels), -1), _TO_LINEAR)
    return light.reshape(pixels.shape).astype(np.float32, copy=False)


def to_srgb(linear: npt.NDArray[np.float32]) -> Pixels:
    """Convert linear light to 8-bit sRGB, same shape; values outside 0…1 are clipped."""
    return encode_light(linear, BYTE_OF_LIGHT_16)


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize to (height, width, 3): down with area averages of linear light, up with Lanczos (radius 3) in sRGB."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    if width <= pixels.shape[1] and height <= pixels.shape[0]:
        return _reduce(reduced_by_factor(pixels, width, height), width, height)
    return resize_values(pixels, width, height)


def filling(picture: Pixels, size: tuple[int, int], part: tuple[int, int, int, int] | None = None) -> Pixels:
    """Return a picture (H, W, 3), scaled bicubically to fill `size` (width, height), its edges cropped.

    `part`: left, top, width and height of the part of the result to return, by default all of it; all in pixels.
    """
    left, top, *sides = part or (0, 0, *size)
    ratio = min(picture.shape[1] / size[0], picture.shape[0] / size[1])
    x = (picture.shape[1] - ratio * size[0]) / 2 + ratio * (left + 0.5) - 0.5
    y = (picture.shape[0] - ratio * size[1]) / 2 + ratio * (top + 0.5) - 0.5
    return sample_values(picture, (sides[0], sides[1]), (x, y), ratio)


BLURRED_PIXELS: Final = 160
"""Longer side of a picture that is blurred for a background, which is then enlarged to the frame."""


def blurred(small: npt.NDArray[np.float32], light: float = 0.6) -> Pixels:
    """Return a picture (H, W, 3), 0…1, of 160 pixels on its longer side, blurred; `light`: factor of its values."""
    return np.asarray(np.clip(smoothed(small, 8) * np.float32(light), 0, 1) * 255 + 0.5, np.uint8)


def smoothed(picture: Values, deviation: float) -> Values:
    """Return a picture (H, W, …) of floats, blurred by a Gaussian and mirrored at its edges.

    `deviation`: in pixels. OpenCV's is faster, and rounds differently from processor to processor.
    """
    reach = round(4 * deviation)
    weights = arithmetic.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation))
    weights = (weights / weights.sum()).astype(picture.dtype)
    for axis in (0, 1):
        count, sides = picture.shape[axis], [(0, 0)] * picture.ndim
        sides[axis] = (reach, reach)
        moved = np.moveaxis(np.pad(picture, sides, "reflect"), axis, 0)
        total = weights[0] * moved[:count]
        for number in range(1, len(weights)):
            total += weights[number] * moved[number : number + count]
        picture = np.moveaxis(total, 0, axis)
    return picture


BAND_PIXELS: Final = 4_000_000
"""Pixels that are converted at a time; larger pictures may be reduced in two steps."""


def reduced_by_factor(pixels: Pixels, width: int, height: int) -> Pixels:
    """Reduce a large picture by an integer factor, to at least four times the target size."""
    factor = min(pixels.shape[1] // width, pixels.shape[0] // height) // 4
    if factor < 2 or pixels.shape[0] * pixels.shape[1] <= BAND_PIXELS:
        return pixels
    return _reduce(pixels, pixels.shape[1] // factor, pixels.shape[0] // factor)


def _reduce(pixels: Pixels, width: int, height: int) -> Pixels:
    return resize_light(pixels, width, height, _TO_LINEAR, BYTE_OF_LIGHT_16)


def over_colour(pixels: Pixels, colour: Colour) -> Pixels:
    """Return pixels (H, W, 3), or (H, W, 4) with straight alpha, over a colour, as (H, W, 3)."""
    if pixels.shape[2] == 3:
        return pixels
    return laid_over(pixels, np.array(colour, np.float32) * 255)


def laid_over(pixels: Pixels, ground: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> Pixels:
    """Return pixels (H, W, 4) with straight alpha over a ground, (H, W, 3) or (3,), 0…255, as (H, W, 3)."""
    share = pixels[..., 3:].astype(np.float32) / 255
    return np.asarray(pixels[..., :3] * share + ground * (1 - share) + 0.5, np.uint8)


def reduced(light: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    """Return pictures (N, H, W, 3) reduced to (N, height, width, 3): averages over areas."""
    count, rows, columns = light.shape[:3]
    # As one tall picture: no mean crosses a border, and OpenCV is ten times as fast as NumPy over two axes.
    tall = light.reshape(count * rows, columns, 3)
    small = cv2.resize(tall, (width, count * height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(count, height, width, 3)
