"""Opening pictures: upright, 8-bit RGB, converted to sRGB, decoded no larger than needed."""

from __future__ import annotations

import contextlib
import errno
import io
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Final

import numpy as np
import pi_heif
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from renderer.child_processes import ChildError
from renderer.colour import ADOBE_RGB, Colours, from_cicp, from_gamma, light_of
from renderer.errors import FileError, LargePictureError, PictureError
from renderer.image_file import (
    UnreasonableImageError,
    check_image,
    is_demanding,
    is_transient,
    load_upper,
    open_image,
)
from renderer.input_files import open_input
from renderer.names import RAW_SUFFIXES
from renderer.pixels import BAND_PIXELS, MAX_PIXELS, Picture, reduced_by_factor
from renderer.pixels import BYTE_OF_LIGHT_16 as BYTE_OF_LIGHT_16
from renderer.pixels import LIGHT_16 as LIGHT_16
from renderer.pixels import Pixels as Pixels
from renderer.pixels import reduced as reduced
from renderer.pixels import resize as resize
from renderer.pixels import to_linear as to_linear
from renderer.pixels import to_srgb as to_srgb
from renderer.resource_limits import call_limited
from renderer.tiffs import RAW_FILE, TiffError, is_raw, to_bytes

DECODING_SECONDS: Final = 60
"""Time limit for decoding a demanding picture in a separate process."""

DECODING_BYTES: Final = 4_000_000_000
"""Memory limit for decoding a demanding picture; 100 million pixels of a TIFF take 1.4 GB."""

_demanding_lock = threading.Lock()

# Warnings about damaged EXIF blocks and the like do not concern the pixels.
warnings.filterwarnings("ignore", module=r"PIL\.")


@contextlib.contextmanager
def _open(path: Path, data: bytes | None = None) -> Iterator[ImageFile.ImageFile]:
    """Open a picture file and read its header; every failure becomes a PictureError.

    `data`: the file's bytes, if they were read before.
    """
    try:
        with open_image(path if data is None else data) as image:
            check_image(image, path.stat().st_size if data is None else len(data))
            yield image
    except PictureError:
        raise
    except FileError as error:
        raise PictureError(path, error.reason, transient=error.transient) from None
    except UnreasonableImageError as error:
        raise PictureError(path, str(error)) from None
    except TiffError as error:  # often only the thumbnail of a raw file can be read
        raise PictureError(path, RAW_FILE if _is_named_raw(path) else str(error)) from None
    except UnidentifiedImageError:
        start = _first_bytes(path) if data is None else data[:16]
        raw = is_raw(start) or _is_named_raw(path)
        unknown = RAW_FILE if raw else "is not a picture in a supported format"
        raise PictureError(path, unknown if start else "is empty") from None
    except Image.DecompressionBombError:
        raise PictureError(path, f"has more than {MAX_PIXELS // 1_000_000} million pixels: scale it down") from None
    except Exception as error:  # decoders report damage with any exception
        if not is_transient(error):
            raise PictureError(path, f"is damaged ({str(error).rstrip('.') or type(error).__name__})") from error
        memory = not isinstance(error, OSError) or error.errno in (None, errno.ENOMEM)
        reason = "is too large for this machine's memory" if memory else f"can't be read ({error})"
        raise PictureError(path, reason, transient=True) from error


def _is_named_raw(path: Path) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def _first_bytes(path: Path) -> bytes:
    with open_input(path) as file:
        return file.read(16)


def has_alpha(path: Path) -> bool:
    """Return whether a picture may be transparent, according to its header. Raises PictureError."""
    with _open(path) as image:
        return image.has_transparency_data


def read_picture(
    path: Path,
    *,
    shorter_side: int | None = None,
    background: tuple[int, int, int] | None = (255, 255, 255),
    data: bytes | None = None,
    large: bool = True,
) -> Picture:
    """Decode a picture: upright, in sRGB, alpha blended over `background`; of an animation, the first frame.

    If `background` is None, alpha is kept, and the pixels are (height, width, 4).

    With `shorter_side`, a JPEG is decoded at the smallest of its eight scales with at least this shorter side, or at
    full size if it is smaller; other formats are decoded at full size. `data`: the file's bytes, if they were read
    before. The upper part of a damaged file is decoded if it is at least half of the picture: see `Picture.share`.

    A demanding picture, which may take much time or memory according to its header, is decoded in a separate process
    with a limit of 60 seconds and 4 GB, one at a time; with `shorter_side`, it is reduced to at least four times that
    size. Other pictures have at most 24 million pixels, or are JPEGs with one scan: they take 1 to 2 seconds and 0.3
    GB.

    Raises PictureError, which names the path; LargePictureError for a demanding picture if `large` is false, as it is
    when several processes decode.
    """
    with _open(path, data) as image:
        if not is_demanding(image):
            return _decode(image, shorter_side, background)
    if not large:
        raise LargePictureError(path, "is large")
    with _demanding_lock:
        call = partial(_decode_demanding, path, shorter_side, background, data)
        try:
            return call_limited(call, seconds=DECODING_SECONDS, memory=DECODING_BYTES)
        except ChildError as error:
            raise PictureError(path, str(error), transient=not error.crashed) from None
        except MemoryError:
            raise PictureError(path, "is too large for this machine's memory", transient=True) from None


def _decode_demanding(
    path: Path, shorter_side: int | None, background: tuple[int, int, int] | None, data: bytes | None
) -> Picture:
    """Decode a picture in the separate process of `read_picture`. Raises PictureError."""
    with _open(path, data) as image:
        picture = _decode(image, shorter_side, background)
    if shorter_side is None or min(picture.size) <= shorter_side or background is None:
        return picture
    scale = shorter_side / min(picture.size)
    width, height = (max(round(side * scale), 1) for side in picture.size)
    # The first step of `resize`, so that later resizing gives the same result.
    return replace(picture, pixels=reduced_by_factor(picture.pixels, width, height))


def _decode(image: ImageFile.ImageFile, shorter_side: int | None, background: tuple[int, int, int] | None) -> Picture:
    """Decode an opened picture in this process, as documented in `read_picture`. Raises what decoders raise."""
    size, draft = image.size, None
    colours = _colours(image)  # before decoding, since it reads the file
    # Pillow rotates a TIFF while decoding and drops its orientation; it decodes a PNG to find EXIF after the pixels.
    metadata = _metadata(image) if isinstance(image, TiffImageFile) else None
    if shorter_side is not None and min(size) > shorter_side:
        # `draft` guarantees at least this size; it has no effect if the decoder can't scale.
        scale = shorter_side / min(size)
        draft = (int(size[0] * scale) + 1, int(size[1] * scale) + 1)
    with np.errstate(all="ignore"):  # for NaN and infinity
        image, share = load_upper(image, draft)
        if _needs_rotation(image):
            size = (size[1], size[0])
        orientation, captured = metadata or _metadata(image)
        ImageOps.exif_transpose(image, in_place=True)  # in place: a copy of a large photo takes 100 MB
        if share < 1:
            scale = max(image.width / size[0], image.height / size[1])  # of the side that was not cropped
            size = (round(image.width / scale), round(image.height / scale))
        return Picture(_to_srgb(image, colours, background), size, orientation, captured, share)


_ORIENTATION, _EXIF_BLOCK, _CAPTURED, _COLOUR_SPACE, _INTEROPERABILITY = 0x0112, 0x8769, 0x9003, 0xA001, 0xA005
"""Tags of EXIF 2.32."""
_BITS_PER_SAMPLE: Final = 258  # TIFF 6.0


def _needs_rotation(image: Image.Image) -> bool:
    """Return whether width and height of an opened picture must be swapped to make it upright. Decodes a PNG."""
    # Pillow returns a TIFF upright, and libheif a HEIC, with the upright size.
    return not isinstance(image, TiffImageFile) and image.getexif().get(_ORIENTATION, 1) in range(5, 9)


def _metadata(image: Image.Image) -> tuple[int, str | None]:
    """Return the EXIF orientation and capture time of a picture. Damaged EXIF counts as missing."""
    try:
        exif = image.getexif()
        # libheif rotates the picture itself.
        orientation = image.info.get("original_orientation") or exif.get(_ORIENTATION, 1)
        day, _, clock = str(exif.get_ifd(_EXIF_BLOCK).get(_CAPTURED, "")).strip("\0 ").partition(" ")
        captured = f"{day.replace(':', '-')}T{clock}" if len(day) == 10 and day[:4] > "0000" else None
        return (orientation if orientation in range(1, 9) else 1), captured
    except Exception:  # parsers of damaged bytes raise anything
        return 1, None


def _colours(image: Image.Image) -> Colours | bytes | None:
    """Return the colours that a picture states (numbers or an ICC profile), None for sRGB; pixels are not decoded."""
    profile: bytes | None = image.info.get("icc_profile")
    if image.format == "PNG" and image.fp is not None:
        # cICP, iCCP, sRGB, gAMA and cHRM, in this order (PNG, third edition, 4.3).
        if (code_points := _png_code_points(image.fp)) is not None:
            return from_cicp(*code_points)
        if profile or "srgb" in image.info:
            return profile
        return from_gamma(image.info.get("gamma"), image.info.get("chromaticity"))
    if profile:  # in HEIC and AVIF too: ISO/IEC 23000-22, 7.3.6.4
        return profile
    try:
        if image.format in ("HEIF", "AVIF"):
            # Pillow does not return an AVIF's colours. libheif reads them, although it can't decode the picture.
            info = image.info if image.format == "HEIF" else pi_heif.open_heif(image.fp).info
            nclx = info.get("nclx_profile") or {}
            return from_cicp(nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
        if image.format in ("JPEG", "MPO"):
            exif = image.getexif()
            # Cameras mark Adobe RGB by a colour space other than sRGB and the interoperability index: DCF 2.0, 3.2.4.
            if exif.get_ifd(_EXIF_BLOCK).get(_COLOUR_SPACE, 1) != 1 and exif.get_ifd(_INTEROPERABILITY).get(1) == "R03":
                return ADOBE_RGB
    except Exception:  # parsers of damaged bytes raise anything
        return None
    return None


def _png_code_points(file: IO[bytes]) -> tuple[int, int] | None:
    """Return colour primaries and transfer characteristics of a PNG's cICP chunk, if it precedes the pixels."""
    position = file.tell()
    file.seek(8)
    try:
        for _ in range(1000):
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"cICP":
                primaries, transfer, _, _ = file.read(4)
                return primaries, transfer
            if kind in (b"IDAT", b"IEND"):
                break
            file.seek(length + 4, io.SEEK_CUR)
    except (struct.error, ValueError):  # the file ends
        pass
    finally:
        file.seek(position)
    return None


def _to_srgb(image: Image.Image, colours: Colours | bytes | None, background: tuple[int, int, int] | None) -> Pixels:
    """Convert an image in any mode to 8-bit sRGB, from the colours that its file states; a bad profile is ignored.

    Works in bands, since each copy of a large picture takes 600 MB; sRGB images are not converted.
    """
    if image.mode.startswith(("I", "F")):
        image = _to_eight_bits(image)
    has_alpha = image.has_transparency_data
    mode = "L" if image.mode == "LA" else image.mode if image.mode in ("CMYK", "L", "LAB") else "RGB"
    convert: Callable[[Image.Image], Image.Image] | None = None
    if isinstance(colours, Colours):
        light = light_of(colours, lambda: (image if image.mode == "RGB" else image.convert("RGB")).histogram())
        mode, convert = "RGB", lambda band: Image.fromarray(to_srgb(light(np.asarray(band))))
    elif colours:
        convert = _from_profile(colours, mode)
    if convert is None and not has_alpha and background is not None:
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    pixels = np.empty((image.height, image.width, 3 if background is not None else 4), np.uint8)
    rows = max(BAND_PIXELS // image.width, 1)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        band = band.convert("RGBA") if has_alpha else band
        alpha = band.getchannel("A") if has_alpha else None
        band = band.convert(mode)
        if convert is not None:
            with contextlib.suppress(ImageCms.PyCMSError, ValueError, OSError):
                band = convert(band)
        band = band.convert("RGB")
        if alpha is not None or background is None:
            band.putalpha(alpha if alpha is not None else 255)
        if alpha is not None and background is not None:
            band = Image.alpha_composite(Image.new("RGBA", band.size, (*background, 255)), band).convert("RGB")
        pixels[top : top + rows] = np.asarray(band)
    return pixels


@lru_cache(maxsize=32)
def _from_profile(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """Return a conversion from an ICC profile to sRGB; None if the profile is damaged or is sRGB itself.

    Cached, since building it takes longer than using it, and most photos of a folder share one profile.
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
        if mode == "RGB":
            steps = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(18, -1, 3)
            converted = ImageCms.applyTransform(Image.fromarray(steps), transform)
            if converted is None or np.abs(np.asarray(converted, np.int16) - steps).max() <= 1:
                return None
    except (ImageCms.PyCMSError, OSError):
        return None

    def convert(image: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(image, transform) or image

    return convert


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert a 16-bit or float image to 8-bit grey."""
    if image.mode == "F":
        return Image.fromarray(to_bytes(np.asarray(image)))
    # Pillow scales images of mode I to 16 bits. Among those of mode I;16, only TIFFs may have 12 bits.
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0] if isinstance(image, TiffImageFile) else 16
    return Image.fromarray(to_bytes(np.asarray(image), (1 << bits) - 1))


# -- Light ---------------------------------------------------------------------------------------------------------
