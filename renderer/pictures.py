"""Opening and resizing one picture: upright (EXIF), sRGB (ICC), 8-bit RGB, decoded no larger than asked."""

from __future__ import annotations

import contextlib
import errno
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from renderer.children import ChildError
from renderer.errors import FileError, PictureError
from renderer.files import check_input
from renderer.image_file import (
    MAX_PIXELS,
    UnreasonableImageError,
    check_image,
    is_demanding,
    is_transient,
    load_upper,
    open_image,
)
from renderer.limited import call_limited

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) sRGB, 8 bits a channel."""

_READABLE: Final = (
    ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .gif .avif .heic .heif .hif .ppm .pgm .jp2 .jpf .jpx .j2k"
)
_RAW: Final = ".dng .cr2 .cr3 .nef .arw .orf .rw2 .raf"  # listed as skipped, not passed over in silence

PICTURE_SUFFIXES: Final = frozenset([*_READABLE.split(), *_RAW.split()])
"""File name endings that a folder is searched for, in lower case. A file that is named itself may have any."""

DECODING_SECONDS: Final = 60
"""What a demanding picture may take to be decoded, in a process of its own."""

DECODING_BYTES: Final = 4_000_000_000
"""Memory that a demanding picture may take to be decoded; 100 million pixels of a TIFF take 1.4 GB."""

_one_demanding_picture = threading.Lock()

# About damaged EXIF blocks and the like: the pixels are what counts.
warnings.filterwarnings("ignore", module=r"PIL\.")


class LargePictureError(PictureError):
    """A picture demands so much that it should be decoded while no other such one is."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture."""

    pixels: Pixels
    size: tuple[int, int]  # width, height of the upright original; `pixels` may hold fewer
    orientation: int = 1  # how the file has it: the EXIF tag, 1…8
    captured: str | None = None  # when it was taken, as the camera's clock had it: YYYY-MM-DDTHH:MM:SS
    share: float = 1.0  # of the file's rows that could be read; below 1 of a damaged file, from which `size` is cut

    @property
    def damage(self) -> str | None:
        """What a user should know of the file, after its name; None if it is whole."""
        return f"is damaged: only its upper {int(self.share * 100)} % is used" if self.share < 1 else None


@contextlib.contextmanager
def _open(path: Path, data: bytes | None = None) -> Iterator[ImageFile.ImageFile]:
    """Open a picture file for reading its header; every way in which that fails becomes a PictureError.

    `data`: the file's bytes, if they have been read already.
    """
    if data is None:
        check_file(path)
    try:
        with open_image(path if data is None else data) as image:
            check_image(image, path.stat().st_size if data is None else len(data))
            yield image
    except PictureError:
        raise
    except UnreasonableImageError as error:
        raise PictureError(path, str(error)) from None
    except PermissionError:
        raise PictureError(path, "may not be read (permission denied)", transient=True) from None
    except UnidentifiedImageError:
        empty = len(data) == 0 if data is not None else path.stat().st_size == 0
        raw = path.suffix.lower() in _RAW.split()
        unknown = "is a camera's raw file: export it as JPEG" if raw else "is not a picture that can be read"
        raise PictureError(path, "is empty" if empty else unknown) from None
    except Image.DecompressionBombError:
        raise PictureError(path, f"has more than {MAX_PIXELS // 1_000_000} million pixels: scale it down") from None
    except Exception as error:  # decoders report damage by whatever they like
        if not is_transient(error):
            raise PictureError(path, f"is damaged ({str(error).rstrip('.') or type(error).__name__})") from error
        memory = not isinstance(error, OSError) or error.errno in (None, errno.ENOMEM)
        reason = "is too large for this machine's memory" if memory else f"may not be read ({error})"
        raise PictureError(path, reason, transient=True) from error


def check_file(path: Path) -> None:
    """Raise PictureError if a path is no ordinary file: a pipe or a device could be read for ever."""
    try:
        check_input(path)
    except FileError as error:
        raise PictureError(path, error.reason, transient=error.transient) from None


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is seen upright, from its header alone. Raises PictureError."""
    with _open(path) as image:
        if not is_demanding(image):  # Pillow decodes a PNG when it is asked for EXIF
            return (image.height, image.width) if _is_to_be_turned(image) else image.size
    return read_picture(path, shorter_side=1).size


def read_picture(
    path: Path,
    *,
    shorter_side: int | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    data: bytes | None = None,
    large: bool = True,
) -> Picture:
    """Decode a picture: upright, in sRGB, alpha over `background`; of an animation the first frame.

    With `shorter_side`, a JPEG is decoded at the smallest of its eight scales that still has that many pixels on the
    shorter side, if it has them; other formats come whole. `data`: the file's bytes, if they have been read already.
    Of a file that is damaged further down the upper part is read, if that is half of it or more: see `Picture.share`.

    A picture that may take long or much memory, as far as its header tells, is decoded in a process of its own, which
    gets 60 seconds and 4 GB, one such at a time; with `shorter_side`, such a picture comes reduced, to four times that
    or more. Others have at most 24 million pixels, or are JPEGs of one scan: they take a second or two, and 0.3 GB.

    Raises PictureError, which names the path; LargePictureError unless `large`, where other processes may decode too.
    """
    with _open(path, data) as image:
        if not is_demanding(image):
            return _decode(image, shorter_side, background)
    if not large:
        raise LargePictureError(path, "is large")
    with _one_demanding_picture:
        call = partial(_decode_demanding, path, shorter_side, background, data)
        try:
            return call_limited(call, seconds=DECODING_SECONDS, memory=DECODING_BYTES)
        except ChildError as error:
            raise PictureError(path, str(error), transient=not error.crashed) from None
        except MemoryError:
            raise PictureError(path, "is too large for this machine's memory", transient=True) from None


def _decode_demanding(
    path: Path, shorter_side: int | None, background: tuple[int, int, int], data: bytes | None
) -> Picture:
    """What `read_picture` calls in a process of its own. Raises PictureError."""
    with _open(path, data) as image:
        picture = _decode(image, shorter_side, background)
    if shorter_side is None or min(picture.size) <= shorter_side:
        return picture
    scale = shorter_side / min(picture.size)
    width, height = (max(round(side * scale), 1) for side in picture.size)
    # The first step of `resize`, so that a picture that is made smaller by it is the same in the end.
    return replace(picture, pixels=_reduced(picture.pixels, width, height))


def _decode(image: ImageFile.ImageFile, shorter_side: int | None, background: tuple[int, int, int]) -> Picture:
    """Decode an opened picture as `read_picture` says, in this process. Raises what decoders do."""
    size, draft = image.size, None
    if shorter_side is not None and min(size) > shorter_side:
        # `draft` promises at least the asked size; it does nothing where the decoder can't scale.
        scale = shorter_side / min(size)
        draft = (int(size[0] * scale) + 1, int(size[1] * scale) + 1)
    with np.errstate(all="ignore"):  # values that no picture has: NaN, infinity
        image, share = load_upper(image, draft)
        if _is_to_be_turned(image):
            size = (size[1], size[0])
        orientation, captured = _noted(image)
        ImageOps.exif_transpose(image, in_place=True)  # each copy of a large photo is 100 MB
        if share < 1:
            scale = max(image.width / size[0], image.height / size[1])  # of the side that was not cut
            size = (round(image.width / scale), round(image.height / scale))
        return Picture(np.asarray(_to_srgb(image, background)), size, orientation, captured, share)


_ORIENTATION, _EXIF_BLOCK, _CAPTURED = 0x0112, 0x8769, 0x9003  # EXIF 2.32


def _is_to_be_turned(image: Image.Image) -> bool:
    """Whether width and height of an opened picture are still to be exchanged. Decodes a PNG."""
    # Pillow gives a TIFF upright, libheif a HEIC, each with that size.
    return not isinstance(image, TiffImageFile) and image.getexif().get(_ORIENTATION, 1) in range(5, 9)


def _noted(image: Image.Image) -> tuple[int, str | None]:
    """What the camera noted of a picture, as far as anybody needs it: orientation and time. Damage is no matter."""
    try:
        exif = image.getexif()
        orientation = image.info.get("original_orientation") or exif.get(_ORIENTATION, 1)  # libheif turns by itself
        day, _, clock = str(exif.get_ifd(_EXIF_BLOCK).get(_CAPTURED, "")).strip("\0 ").partition(" ")
        captured = f"{day.replace(':', '-')}T{clock}" if len(day) == 10 and day[:4] > "0000" else None
        return (orientation if orientation in range(1, 9) else 1), captured
    except Exception:  # whatever a parser of damaged bytes raises
        return 1, None


def _to_srgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Eight-bit sRGB of an image in any mode, through its embedded profile if it has a usable one."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        # Laid over the background in the picture's own colours; for the photos that carry both alpha and a wide
        # gamut profile the difference is not seen.
        image = _over(background, image)
    elif image.mode not in ("RGB", "CMYK", "L", "LAB"):
        image = image.convert("RGB")
    if profile and (convert := _from_profile(profile, image.mode)) is not None:
        with contextlib.suppress(ImageCms.PyCMSError, ValueError, OSError):
            image = convert(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _over(background: tuple[int, int, int], image: Image.Image) -> Image.Image:
    """A picture with transparent pixels, over a colour; done in bands, each copy of a large picture being 600 MB."""
    laid = Image.new("RGB", image.size)
    rows = max(_BAND_PIXELS // image.width, 1)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        laid.paste(Image.alpha_composite(Image.new("RGBA", band.size, (*background, 255)), band), (0, top))
    return laid


@lru_cache(maxsize=32)
def _from_profile(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """What turns pictures of a profile into sRGB; None if nothing does (a damaged profile) or need be (sRGB itself).

    To build it takes longer than to use it, and a folder's photos mostly share one profile.
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
        if mode == "RGB":
            steps = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(18, -1, 3)
            shown = ImageCms.applyTransform(Image.fromarray(steps), transform)
            if shown is None or np.abs(np.asarray(shown, np.int16) - steps).max() <= 1:
                return None
    except (ImageCms.PyCMSError, OSError):
        return None

    def convert(image: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(image, transform) or image

    return convert


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
        pixels = _reduced(pixels, width, height)
        light = cv2.resize(to_linear(pixels), (width, height), interpolation=cv2.INTER_AREA)
        return to_srgb(light.astype(np.float32, copy=False))
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


_BAND_PIXELS: Final = 4_000_000  # of a picture that are worked on at once: 48 MB of light


def _reduced(pixels: Pixels, width: int, height: int) -> Pixels:
    """A large picture at a whole fraction of its size, four times what is asked or more; made in bands, for memory."""
    times = min(pixels.shape[1] // width, pixels.shape[0] // height) // 4
    if times < 2 or pixels.shape[0] * pixels.shape[1] <= _BAND_PIXELS:
        return pixels
    small = np.empty((pixels.shape[0] // times, pixels.shape[1] // times, 3), np.uint8)
    rows = max(_BAND_PIXELS // (pixels.shape[1] * times), 1)
    for top in range(0, len(small), rows):
        part = small[top : top + rows]
        end = (top + len(part)) * times if top + len(part) < len(small) else len(pixels)  # the rest, if there is any
        light = cv2.resize(to_linear(pixels[top * times : end]), part.shape[1::-1], interpolation=cv2.INTER_AREA)
        part[:] = to_srgb(light.astype(np.float32, copy=False))
    return small


def centre_square(width: int, height: int) -> tuple[int, int, int]:
    """The largest centred square of a picture: left, top and side in pixels."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side


def reduced(light: npt.NDArray[np.float32], times: int) -> npt.NDArray[np.float32]:
    """Means over squares of `times` × `times` pixels of pictures (N, S, S, 3), S a multiple of it: (N, S/t, S/t, 3)."""
    count, side = light.shape[:2]
    small = side // times
    # One tall picture: no mean reaches over two of them, and OpenCV is ten times as fast as NumPy's over two axes.
    tall = cv2.resize(light.reshape(count * side, side, 3), (small, count * small), interpolation=cv2.INTER_AREA)
    return np.asarray(tall, np.float32).reshape(count, small, small, 3)
