"""Letters as large as a canvas allows, as a mask."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from renderer.errors import InputError
from renderer.fonts import BOLD_FONT, CAPITAL, REGULAR_FONT, checked_font, missing_letters
from renderer.input_files import require_file
from renderer.lines import even_lines, unbreakable_pieces
from renderer.messages import named

_MEASURED: Final = 128  # font size in pixels at which lines are compared
_LINE_GAP: Final = 0.1  # between the letters of two lines, in font sizes
_MAX_LINES: Final = 12  # that a text without line breaks is broken into
_HALVINGS: Final = 24  # of the search for a line's width: to 0.01 pixels of 200 letters
_FONT_SIZES: Final = 40  # that are tried, each slightly smaller, as hinting makes letters up to 2 pixels wider
_MAX_FONT_SIZE: Final = 8000  # pixels

_STRIKES: Final = (109, 136, 160, 128, 96, 64, 48, 40, 32, 20)
"""Sizes in pixels of fonts that contain pictures instead of outlines: Noto Color Emoji has the first, Apple's others.
"""


@dataclass(frozen=True)
class _Line:
    """A line of text with the position of its baseline, in pixels from the top left of all letters' box."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class _Face:
    """A font file, and the only size that it has, if it contains pictures."""

    path: Path
    only_size: int | None

    @classmethod
    def of(cls, path: Path) -> _Face:
        """Open a font. Raises OSError if it is none."""
        try:
            ImageFont.truetype(str(path), _MEASURED)
        except OSError as error:
            if "pixel size" not in str(error):
                raise
            for size in _STRIKES:
                try:
                    ImageFont.truetype(str(path), size)
                except OSError:
                    continue
                return cls(path, size)
            raise
        return cls(path, None)

    def sized(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size in pixels, or in its only size."""
        return ImageFont.truetype(str(self.path), self.only_size or size)

    @cached_property
    def measured(self) -> ImageFont.FreeTypeFont:
        """The font in the size in which lines are compared."""
        return self.sized(_MEASURED)


def letters_mask(
    lines: Sequence[str], font: Path | None, width: int, height: int, margin: float
) -> tuple[npt.NDArray[np.uint8], float]:
    """Return the mask (height, width) of a text, centred and as large as fits, and the height of a capital in pixels.

    Several `lines` stay as they are; a single one is broken where this makes its letters larger. `margin`: in pixels,
    on each side. Raises InputError for a font that can't be read or that lacks letters, and a text that does not fit.
    """
    text = "\n".join(lines)
    face = _font_for(text, [BOLD_FONT, REGULAR_FONT] if font is None else [font])
    with checked_font(face.path, "cover_font"):
        if face.only_size is None:  # their boxes would count as letters
            lines = [re.sub("[\ufe00-\ufe0f]", "", line) for line in lines]
        space = max(width - 2 * margin, 1.0), max(height - 2 * margin, 1.0)
        broken = list(lines) if len(lines) > 1 else _broken(lines[0], face.measured, space)
        drawn, size = _drawn(broken, face, space)
    if drawn is None or not np.asarray(drawn).any():
        fix = "" if drawn is not None else f", which do not fit into {width}x{height} pixels"
        raise InputError(f"The text {text!r} has no visible letters{fix}: choose other words")
    mask = np.zeros((height, width), np.uint8)
    left, top = (width - drawn.width) // 2, (height - drawn.height) // 2
    mask[top : top + drawn.height, left : left + drawn.width] = np.asarray(drawn)
    return mask, size * CAPITAL


def _font_for(text: str, paths: Sequence[Path]) -> _Face:
    """Return the first font that has all letters of a text. Raises InputError if there is none."""
    for path in paths:
        require_file(path, named("cover_font", path))
        with checked_font(path, "cover_font"):
            face = _Face.of(path)
            missing = missing_letters(text, path, face.only_size or _MEASURED)
        if not missing:
            return face
    name = paths[0].name
    raise InputError(f"{name} has no letters for {missing}: set {named('cover_font')} to a font that has them")


def _placed(lines: Sequence[str], font: ImageFont.FreeTypeFont) -> tuple[list[_Line], float, float]:
    """Return the lines, centred below each other, and the width and height of their letters in pixels."""
    boxes = [(line, _ink(line, font)) for line in lines]
    visible = [(line, box) for line, box in boxes if box is not None]
    if not visible:
        return [], 0.0, 0.0
    # All baselines have the same distance: the smallest that keeps the letters of adjacent lines apart.
    gap = _LINE_GAP * font.size
    apart = max((upper[3] - lower[1] for (_, upper), (_, lower) in pairwise(visible)), default=0)
    width = max(box[2] - box[0] for _, box in visible)
    first = -visible[0][1][1]
    placed = [
        _Line(line, (width - (box[2] - box[0])) / 2 - box[0], first + number * (apart + gap))
        for number, (line, box) in enumerate(visible)
    ]
    return placed, width, placed[-1].y + visible[-1][1][3]


def _ink(line: str, font: ImageFont.FreeTypeFont) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom of a line's visible pixels, from the start of its baseline; None if none.

    Pillow's own box includes the space on both sides of letters.
    """
    mask, (x, y) = font.getmask2(line, "RGBA" if font.size in _STRIKES else "L", anchor="ls")
    box = mask.getbbox()
    return None if box is None else (x + box[0], y + box[1], x + box[2], y + box[3])


def _broken(text: str, font: ImageFont.FreeTypeFont, space: tuple[float, float]) -> list[str]:
    """Return a text in the number of lines that gives the largest letters."""
    pieces = unbreakable_pieces(text)
    widths = [font.getlength(piece) for piece in pieces]
    best, best_scale = [text], 0.0
    for count in range(1, min(len(pieces), _MAX_LINES) + 1):
        lines = even_lines(pieces, _narrowest(widths, count), font.getlength)
        _, width, height = _placed(lines, font)
        scale = min(space[0] / max(width, 1e-9), space[1] / max(height, 1e-9))
        if scale > best_scale:
            best, best_scale = lines, scale
    return best


def _narrowest(widths: Sequence[float], count: int) -> float:
    """Return the smallest width of lines in which pieces of these widths take at most `count` lines."""
    low, high = max(widths), sum(widths)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        used, length = 1, 0.0
        for width in widths:
            if length + width > middle and length:
                used, length = used + 1, 0.0
            length += width
        low, high = (low, middle) if used <= count else (middle, high)
    return high * (1 + 1e-9)


def _drawn(lines: Sequence[str], face: _Face, space: tuple[float, float]) -> tuple[Image.Image | None, float]:
    """Return lines in the largest size that fits, cropped to the letters, and the font size; None if none fits."""
    placed, width, height = _placed(lines, face.measured)
    if not placed:
        return Image.new("L", (1, 1)), 1.0
    scale = min(space[0] / width, space[1] / height)
    if face.only_size is not None:
        whole = Image.new("RGBA", (math.ceil(width), math.ceil(height)))
        _draw(whole, placed, face.measured)
        across, along = (max(int(side * scale), 1) for side in (width, height))
        return whole.getchannel("A").resize((across, along), Image.Resampling.BICUBIC), face.only_size * scale
    size = min(_MEASURED * scale, _MAX_FONT_SIZE)
    for _ in range(_FONT_SIZES):
        font = face.sized(max(int(size), 1))
        placed, width, height = _placed(lines, font)
        if width <= space[0] and height <= space[1]:
            mask = Image.new("L", (math.ceil(width), math.ceil(height)))
            _draw(mask, placed, font)
            return mask, font.size
        if font.size <= 1:
            break
        size = min(size * 0.99, font.size - 1)
    return None, 0.0


def _draw(image: Image.Image, lines: Sequence[_Line], font: ImageFont.FreeTypeFont) -> None:
    """Draw lines in white; in an RGBA image, letters that are pictures in their own colours."""
    pen = ImageDraw.Draw(image)
    white = 255 if image.mode == "L" else (255, 255, 255, 255)
    for line in lines:
        pen.text((line.x, line.y), line.text, fill=white, font=font, anchor="ls", embedded_color=image.mode == "RGBA")
