"""Opening and resizing one picture: upright (EXIF), sRGB (ICC), 8-bit RGB, decoded no larger than asked."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from renderer.errors import PictureError

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) sRGB, 8 bits a channel."""

_READABLE: Final = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .gif .avif .ppm .pgm .jp2"
_NOT_YET: Final = ".heic .heif .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf"  # listed as skipped, not passed over in silence

PICTURE_SUFFIXES: Final = frozenset([*_READABLE.split(), *_NOT_YET.split()])
"""File name endings that a folder is searched for, in lower case. A file that is named itself may have any."""

MAX_PIXELS: Final = 400_000_000
"""A picture with more pixels than this is refused before it is decoded: 1.2 GB of RGB, twice the largest camera's."""

# Pillow refuses what has twice this; its own limit is lower than what phones and film scanners give.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# About damaged EXIF blocks and the like: the pixels are what counts.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """A decoded picture."""

    pixels: Pixels
    size: tuple[int, int]  # width, height of the upright original; `pixels` may hold fewer


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Open a picture file for reading its header; every way in which that fails becomes a PictureError."""
    if not path.is_file():
        raise PictureError(path, "is not a file" if path.exists() else "does not exist")
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                limit = MAX_PIXELS // 1_000_000
                raise PictureError(path, f"has {width} × {height} pixels, more than {limit} million: scale it down")
            yield image
    except PictureError:
        raise
    except UnidentifiedImageError:
        reason = "is empty" if path.stat().st_size == 0 else "is not a picture that can be read"
        raise PictureError(path, reason) from None
    except PermissionError:
        raise PictureError(path, "may not be read (permission denied)") from None
    except Image.DecompressionBombError:
        raise PictureError(path, f"has more than {MAX_PIXELS // 1_000_000} million pixels: scale it down") from None
    except Exception as error:  # decoders report damage by whatever they like
        raise PictureError(path, f"is damaged ({str(error).rstrip('.') or type(error).__name__})") from error


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is seen upright, from its header alone. Raises PictureError."""
    with _open(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        return (image.height, image.width) if turned else image.size


def read_picture(
    path: Path, *, shorter_side: int | None = None, background: tuple[int, int, int] = (255, 255, 255)
) -> Picture:
    """Decode a picture: upright, in sRGB, alpha over `background`.

    With `shorter_side`, a JPEG is decoded at the smallest of its eight scales that still has that many pixels on the
    shorter side, if it has them; other formats come whole. Raises PictureError, which names the path.
    """
    with _open(path) as image:
        size = image.size
        if shorter_side is not None and min(size) > shorter_side:
            # `draft` promises at least the asked size; it does nothing where the decoder can't scale.
            scale = shorter_side / min(size)
            image.draft("RGB", (int(size[0] * scale) + 1, int(size[1] * scale) + 1))
        ImageOps.exif_transpose(image, in_place=True)  # each copy of a large photo is 100 MB
        if (image.width >= image.height) != (size[0] >= size[1]):
            size = (size[1], size[0])
        return Picture(np.asarray(_to_srgb(image, background)), size)


def _to_srgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Eight-bit sRGB of an image in any mode, through its embedded profile if it has a usable one."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        # Laid over the background in the picture's own colours; for the photos that carry both alpha and a wide
        # gamut profile the difference is not seen.
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image.convert("RGBA"))
        image = image.convert("RGB")
    elif image.mode not in ("RGB", "CMYK", "L", "LAB"):
        image = image.convert("RGB")
    if profile and not (image.mode == "RGB" and _is_srgb(profile)):
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a damaged profile, or one of another mode
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                image = converted
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile leaves sRGB colours as they are, to one step of 255 at 6 × 6 × 6 places.

    Most photos with a profile carry one of the many sRGB's, and converting 8 megapixels takes 0.17 s.
    """
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(Image.fromarray(colours), source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return False
    return converted is not None and int(np.abs(np.asarray(converted).astype(int) - colours).max()) <= 1


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit and float images as 8-bit grey: the upper byte; values that fit in a byte stay as they are."""
    values = np.asarray(image, np.float32)
    peak = float(values.max(initial=0.0))
    scale = 1 / 257 if peak > 255 else (255.0 if peak <= 1.0 and image.mode == "F" else 1.0)
    return Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))


# -- Light ---------------------------------------------------------------------------------------------------------


def _srgb_to_linear_table() -> npt.NDArray[np.float32]:
    value = np.arange(256) / 255  # IEC 61966-2-1
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _linear_to_srgb_table() -> npt.NDArray[np.uint8]:
    # 16 bits of linear light: the darkest 8-bit step of sRGB is 20 of these, so rounding is exact to the byte.
    value = np.arange(65536) / 65535
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


_TO_LINEAR: Final = _srgb_to_linear_table()
BYTE_OF_LIGHT_16: Final = _linear_to_srgb_table()
"""The 8-bit sRGB value of linear light 0…65535, (65536,)."""
LIGHT_16: Final = np.rint(_TO_LINEAR.astype(np.float64) * 65535).astype(np.uint32)
"""Linear light 0…65535 of the 8-bit sRGB values, (256,)."""


def to_linear(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Linear light 0…1 of 8-bit sRGB, same shape."""
    # Five times as fast as indexing, and it wants two dimensions.
    light = cv2.LUT(np.ascontiguousarray(pixels).reshape(len(pixels), -1), _TO_LINEAR)
    return light.reshape(pixels.shape).astype(np.float32, copy=False)


def to_srgb(linear: npt.NDArray[np.float32]) -> Pixels:
    """8-bit sRGB of linear light 0…1 (values outside are clipped), same shape."""
    return BYTE_OF_LIGHT_16[(np.clip(linear, 0, 1) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize to (height, width, 3): smaller by area averages of linear light, larger by Lanczos (radius 3) in sRGB."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    if width <= pixels.shape[1] and height <= pixels.shape[0]:
        light = cv2.resize(to_linear(pixels), (width, height), interpolation=cv2.INTER_AREA)
        return to_srgb(light.astype(np.float32, copy=False))
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def centre_square(width: int, height: int) -> tuple[int, int, int]:
    """The largest centred square of a picture: left, top and side in pixels."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side
