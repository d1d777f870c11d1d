"""Opening a cover: its pixels, and the mask of what is there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from renderer.arrays import Float32Array
from renderer.cover_names import SHAPES, CoverName, MadeCover
from renderer.covers.fills import Fill, box_of, parse_fill
from renderer.covers.letters import letters_mask
from renderer.covers.outlines import Mask, shape_mask
from renderer.errors import InputError, PictureError
from renderer.input_files import require_file
from renderer.library import SHORTER_SIDE, file_digest
from renderer.messages import named
from renderer.names import on_disk
from renderer.parameters import Colour, suggestion
from renderer.paths import expanded
from renderer.pictures import has_alpha, read_picture
from renderer.pixels import Picture, Pixels, over_colour
from renderer.settings import CoverSettings

if TYPE_CHECKING:
    from renderer.placement import JsonValue

LONGEST: Final = 4000
"""Maximum side of a mask, and of a cover that is transparent or made, in pixels."""

WHITE: Final[Colour] = (1.0, 1.0, 1.0)

_MARGIN: Final = 0.04  # around letters and shapes, as a share of the canvas's shorter side
_SPREAD: Final = 256  # longer side in pixels of the copy in which colours are spread below transparency


_DARK: Final = 48  # sRGB of what is drawn without a colour


@dataclass(frozen=True)
class Cover:
    """A cover: a picture file, letters or a shape."""

    name: str  # as messages and recipes name it: "cover.jpg", "text:ANNA"
    picture: Picture  # (H, W, 3) pixels; where the mask is 0, they continue the colours beside it
    mask: Mask | None  # 255 inside; of the pixels' shape, or smaller; None: all of the cover is inside
    digest: str  # of the file, or of what was drawn
    path: Path | None = None  # None: the cover is made
    files: frozenset[Path] = frozenset()  # all files that it is made from
    as_they_are: bool = False  # the photos keep their own colours, and the pixels mean nothing
    letter_height: float | None = None  # of a capital letter in a text, as a fraction of the cover's height
    settings: dict[str, JsonValue] = field(default_factory=dict)  # what made it, for the recipe: mask, fill and font

    @property
    def pixels(self) -> Pixels:
        """The pixels, (H, W, 3)."""
        return self.picture.pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the original; the pixels may be fewer."""
        return self.picture.size

    @property
    def recipe(self) -> dict[str, JsonValue]:
        """What a map's recipe says of its cover; all that determines the cover is part of it."""
        return {
            "cover": self.name, "cover_digest": self.digest, "cover_size": list(self.size), **self.settings,
        }  # fmt: skip

    def extended(self, shape: float) -> Cover:
        """Return a cover with a mask, in the middle of a canvas of width / height `shape`; the mask is 0 around it."""
        if self.mask is None:
            return self
        width, height = self.size
        canvas = max(width, round(height * shape)), max(height, round(width / shape))
        picture = replace(self.picture, pixels=extended(self.pixels, self.size, canvas), size=canvas)
        return replace(self, picture=picture, mask=_extended(self.mask, self.size, canvas, cv2.BORDER_CONSTANT))

    def over(self, colour: Colour) -> Pixels:
        """Return the cover over a colour: (H, W, 3)."""
        return self.pixels if self.mask is None else over_colour(self.rgba(), colour)

    def opaque(self) -> Cover:
        """Return the cover on white, without a mask; what photos in their own colours fill is dark."""
        if self.mask is None:
            return self
        dark = replace(self.picture, pixels=np.full_like(self.pixels, _DARK))
        drawn = replace(self, picture=dark) if self.as_they_are else self
        return replace(
            self, picture=replace(self.picture, pixels=drawn.over((1.0, 1.0, 1.0))), mask=None, as_they_are=False,
            letter_height=None, settings={**self.settings, "ground": "white"},
        )  # fmt: skip

    def rgba(self) -> Pixels:
        """Return the cover with its mask as straight alpha: (H, W, 4)."""
        height, width = self.pixels.shape[:2]
        alpha = np.full((height, width), 255, np.uint8) if self.mask is None else _scaled(self.mask, width, height)
        return np.concatenate([self.pixels, alpha[..., np.newaxis]], axis=2)


def open_cover(name: CoverName, settings: CoverSettings | None = None) -> Cover:
    """Read a picture file, or draw letters or a shape, and apply the mask of the settings.

    Raises InputError, of which PictureError is a kind, for what can't be read or drawn, and if the mask leaves nothing.
    """
    settings = settings or CoverSettings()
    cover = _made(name, settings) if isinstance(name, MadeCover) else _read(name)
    if settings.mask is not None:
        cover = _masked(cover, settings.mask)
    if cover.mask is None:
        return cover
    return replace(cover, settings={**cover.settings, "mask_threshold": settings.mask_threshold})


def _masked(cover: Cover, text: str) -> Cover:
    """Return a cover with the mask that a text names; what was outside remains outside."""
    height, width = cover.pixels.shape[:2]
    scale = min(1.0, LONGEST / max(width, height))
    width, height = max(round(width * scale), 1), max(round(height * scale), 1)
    mask, file = _chosen_mask(text, width, height)
    if cover.mask is not None:
        mask = np.minimum(mask, cover.mask)
    if not mask.any():
        raise InputError(
            f"{named('mask', text)} and what is opaque in the cover {cover.name} have no part in common: use another "
            "mask"
        )
    extra: dict[str, JsonValue] = {"mask": text.lower() if file is None else file.name, "mask_digest": _digest(mask)}
    files = cover.files | ({file} if file else set())
    return replace(cover, mask=mask, files=files, settings={**cover.settings, **extra})


def extended(pixels: Pixels, size: tuple[float, float], canvas: tuple[float, float]) -> Pixels:
    """Return a picture, (H, W, 3 or 4) with straight alpha, in the middle of a canvas.

    Around it, colours are those of its edges, and alpha is 0. size: the picture's width and height in the unit of
    `canvas`; only the ratios of both matter.
    """
    wide = _extended(pixels[..., :3], size, canvas, cv2.BORDER_REPLICATE)
    if pixels.shape[2] == 3:
        return wide
    alpha = _extended(pixels[..., 3], size, canvas, cv2.BORDER_CONSTANT)
    return np.concatenate([wide, alpha[..., np.newaxis]], axis=2)


def _extended(pixels: Pixels, size: tuple[float, float], canvas: tuple[float, float], border: int) -> Pixels:
    """Return pixels (H, W, …) in the middle of a canvas, with a border of OpenCV's kind around them."""
    scales = [side / own for side, own in zip(canvas, size, strict=True)]
    columns, rows = (round(own * scale / min(scales)) for own, scale in zip(pixels.shape[1::-1], scales, strict=True))
    left, top = (columns - pixels.shape[1]) // 2, (rows - pixels.shape[0]) // 2
    right, bottom = columns - pixels.shape[1] - left, rows - pixels.shape[0] - top
    if not any((left, top, right, bottom)):
        return pixels
    return np.asarray(cv2.copyMakeBorder(pixels, top, bottom, left, right, border, value=0), np.uint8)


# -- Files ---------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Cover:
    """Read a picture file; if it is transparent, its alpha is the mask."""
    picture, mask = _with_alpha(path)
    if mask is not None and not mask.any():
        raise InputError(f"{path} is completely transparent, so no cell would be left: use another cover")
    return Cover(path.name, picture, mask, file_digest(path), path, frozenset([path]))


def _with_alpha(path: Path) -> tuple[Picture, Mask | None]:
    """Return a picture file in RGB, and its alpha, (H, W), if it is not opaque; at most 4,000 pixels a side then."""
    if not has_alpha(path):
        return read_picture(path, shorter_side=SHORTER_SIDE), None
    picture = read_picture(path, background=None)
    if (picture.pixels[..., 3] == 255).all():
        return replace(picture, pixels=np.ascontiguousarray(picture.pixels[..., :3])), None
    pixels = _reduced(picture.pixels, LONGEST)
    mask = np.ascontiguousarray(pixels[..., 3])
    return replace(picture, pixels=_spread(pixels) if mask.any() else pixels[..., :3]), mask


def _reduced(pixels: Pixels, longest: int) -> Pixels:
    """Reduce (H, W, 4) pixels to a longer side; colours are weighted by their alpha."""
    scale = longest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    return np.asarray(Image.fromarray(pixels).convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA"))


def _spread(pixels: Pixels) -> Pixels:
    """Return the colours of (H, W, 4) pixels; those of (nearly) transparent ones continue the colours beside them.

    Pull and push, as in Gortler et al., "The lumigraph", 1996: averages that are weighted by alpha, level by level,
    fill the gaps of the next finer level.
    """
    premultiplied = Image.fromarray(_reduced(pixels, _SPREAD)).convert("RGBa")
    # Pillow shows RGBa only as bytes.
    packed = np.frombuffer(premultiplied.tobytes(), np.uint8).reshape(*premultiplied.size[::-1], 4)
    levels: list[Float32Array] = [packed.astype(np.float32) / np.float32(255)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        halved = cv2.resize(levels[-1], ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(halved, np.float32))
    colour = levels[-1][..., :3] / levels[-1][..., 3:]
    for level in levels[-2::-1]:
        colour = level[..., :3] + _enlarged(colour, level.shape[:2]) * (1 - level[..., 3:])
    around = np.asarray(np.clip(colour * 255 + 0.5, 0, 255), np.uint8)
    around = np.asarray(cv2.resize(around, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    # Below half opacity, stored colours are increasingly those of rounding.
    share = np.minimum(pixels[..., 3:], 128).astype(np.uint16)
    return np.asarray((pixels[..., :3] * share + around * (128 - share) + 64) // 128, np.uint8)


def _enlarged(values: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Return values (H, W, …) interpolated linearly to a shape; OpenCV rounds floats differently on some processors."""
    for axis, count in enumerate(shape):
        old = values.shape[axis]
        at = np.clip((np.arange(count) + 0.5) * (old / count) - 0.5, 0, old - 1)
        low = at.astype(np.int64)
        share = (at - low).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1 - axis))
        values = values.take(low, axis) * (1 - share) + values.take(np.minimum(low + 1, old - 1), axis) * share
    return values


# -- Made covers ---------------------------------------------------------------------------------------------------


def _made(name: MadeCover, settings: CoverSettings) -> Cover:
    """Draw letters or a shape on its canvas."""
    name.check()
    fill = parse_fill(settings.fill)
    scale = min(1.0, LONGEST / max(name.canvas))
    width, height = (max(round(side * scale), 1) for side in name.canvas)
    margin = _MARGIN * min(width, height)
    letter_height = None
    font = None if settings.cover_font is None else on_disk(expanded(settings.cover_font))
    if name.kind == "text":
        mask, capital = letters_mask(name.lines, font, width, height, margin)
        letter_height = capital / height
    else:
        mask = shape_mask(next(shape for shape in SHAPES if shape == name.words), width, height, margin)
    pixels = fill.pixels(width, height, box_of(mask))
    used = fill.picture, font if name.kind == "text" else None
    files = frozenset(path.absolute() for path in used if path is not None)
    return Cover(
        name.name, Picture(pixels, name.canvas), mask, _digest(pixels, mask), files=files,
        as_they_are=fill.as_they_are, letter_height=letter_height, settings=_made_by(settings, fill, font, name.kind),
    )  # fmt: skip


def _made_by(settings: CoverSettings, fill: Fill, font: Path | None, kind: str) -> dict[str, JsonValue]:
    """Return the settings that drew a cover, as far as they are not defaults; files without their folders."""
    made: dict[str, JsonValue] = {}
    if settings.fill != CoverSettings().fill:
        made["fill"] = fill.picture.name if fill.picture else settings.fill
    if font is not None and kind == "text":
        made["cover_font"] = font.name
    return made


def _digest(*arrays: Pixels) -> str:
    """Return a hash of arrays and their shapes, hexadecimal."""
    made = hashlib.blake2b(digest_size=16)
    for array in arrays:
        made.update(repr(array.shape).encode())
        made.update(np.ascontiguousarray(array).data)
    return made.hexdigest()


# -- Masks ---------------------------------------------------------------------------------------------------------


def _chosen_mask(text: str, width: int, height: int) -> tuple[Mask, Path | None]:
    """Return the mask (height, width) that a text names, a shape or a file, and that file. Raises InputError."""
    for shape in SHAPES:
        if text.lower() == shape:
            # Videos have a margin anyway; in a picture, a shape that touches the edges looks cut off.
            margin = 0.0 if shape == "rounded" else _MARGIN * min(width, height)
            return shape_mask(shape, width, height, margin), None
    path = on_disk(expanded(text))
    if not path.suffix and not path.exists():
        fix = suggestion(text, SHAPES) or f": give {', '.join(SHAPES)} or a picture file"
        raise InputError(f"{named('mask', text)} is neither a shape nor a file{fix}")
    require_file(path, named("mask", text))
    try:
        picture, alpha = _with_alpha(path)
    except PictureError as error:
        raise InputError(f"{named('mask', text)} can't be used because it {error.reason}") from None
    own = alpha if alpha is not None else np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    if not own.any():
        reason = "is completely transparent" if alpha is not None else "is black"
        raise InputError(f"{named('mask', text)} {reason}, so nothing of the cover would be left: use another picture")
    # The whole mask is visible, in its own shape; outside of it is nothing.
    scale = min(width / own.shape[1], height / own.shape[0])
    across, along = max(round(own.shape[1] * scale), 1), max(round(own.shape[0] * scale), 1)
    mask = np.zeros((height, width), np.uint8)
    left, top = (width - across) // 2, (height - along) // 2
    mask[top : top + along, left : left + across] = _scaled(own, across, along)
    return mask, path.absolute()


def _scaled(mask: Mask, width: int, height: int) -> Mask:
    """Return a mask in another size."""
    if mask.shape == (height, width):
        return mask
    smaller = width <= mask.shape[1] and height <= mask.shape[0]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (width, height), interpolation=method), np.uint8)
