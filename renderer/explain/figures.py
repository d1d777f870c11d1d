"""Drawing of pictures, text, boxes and lines at pixel positions."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFont

from renderer.fonts import BOLD_FONT, REGULAR_FONT
from renderer.pictures import Pixels, resize
from renderer.settings import FigureSettings, ThemeName

SIZE: Final = (1920, 1080)
"""Default width and height in pixels."""

SMALL_SIZE: Final = (640, 360)
"""Default width and height of GIF, WebP and APNG, whose files are large."""

_FONTS: Final[dict[str, Path]] = {"normal": REGULAR_FONT, "bold": BOLD_FONT}

_LETTER: Final = 0.53  # mean width of a letter relative to the font size; wider lines are drawn smaller

_MIN_TEXT: Final = 5.0  # minimum font size in pixels

_BLOCKS: Final = 3  # minimum enlargement at which pixels are drawn as squares

CELL: Final = "#e5383b"
NEAR: Final = "#ff8c1a"
NEAREST: Final = "#ffd500"
CHANNELS: Final = ("#d62828", "#1f8f3a", "#2f5fe0")
"""Text colours for the red, green and blue channels."""


@dataclass(frozen=True)
class Theme:
    """Colours as "#rrggbb"."""

    background: str
    text: str
    muted: str  # of secondary text
    line: str
    channels: tuple[str, str, str]  # text for red, green and blue


THEMES: Final[dict[ThemeName, Theme]] = {
    "light": Theme("#ffffff", "#16181d", "#5b6472", "#c9ced6", CHANNELS),
    "dark": Theme("#101318", "#f3f5f8", "#a4adba", "#3b434f", ("#ff6b6b", "#5fd07a", "#7da2ff")),
}


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in pixels from the top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the bottom edge."""
        return self.y + self.height

    def fitted(self, aspect: float, horizontal: float = 0.5, vertical: float = 0.5) -> Rectangle:
        """Return the largest rectangle of an aspect ratio (width / height) that fits inside.

        horizontal, vertical: its position, as a fraction 0…1 of the remaining space.
        """
        width = min(self.width, self.height * aspect)
        height = width / aspect
        left, top = self.x + horizontal * (self.width - width), self.y + vertical * (self.height - height)
        return Rectangle(left, top, width, height)

    def expanded(self, margin: float) -> Rectangle:
        """Return the rectangle with a margin added on every side."""
        return Rectangle(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and columns of its pixels."""
        return slice(round(self.y), round(self.bottom)), slice(round(self.x), round(self.right))


_SUBPIXEL_BITS: Final = 4


def _fixed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Return points (…, 2) in pixels, where whole numbers are edges of pixels, as OpenCV draws them."""
    return np.rint((points - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


class Drawing:
    """The canvas of a figure. `unit`: pixels for each pixel of a figure of 1920 × 1080."""

    def __init__(self, settings: FigureSettings, size: tuple[int, int] = SIZE) -> None:
        self.width, self.height = self.size = settings.size or size
        self.theme = THEMES[settings.theme]
        self.upright = self.height > self.width
        long, short = max(self.size), min(self.size)
        self.unit = min(short / 1080, long / (1350 if self.upright else 1920))
        self._image = Image.new("RGB", self.size, self.theme.background)
        self._pen = ImageDraw.Draw(self._image, "RGBA")  # the mode in which it blends transparent colours

    @property
    def body(self) -> Rectangle:
        """The canvas without its margins."""
        margin = 56 * self.unit
        return Rectangle(margin, margin, self.width - 2 * margin, self.height - 2 * margin)

    def title(self, text: str) -> Rectangle:
        """Draw the title, and return the area below it."""
        body = self.body
        self.text(body.x, body.y, text, 60, weight="bold", max_width=body.width)
        height = 104 * self.unit
        return Rectangle(body.x, body.y + height, body.width, body.height - height)

    def caption(self, area: Rectangle, lines: list[str]) -> Rectangle:
        """Draw lines at the bottom, wrapped, the first in the main text colour, and return the area above them."""
        step = 62 * self.unit
        # A line may have up to 8 % more letters than fit, and is then drawn smaller.
        max_letters = max(int(1.08 * area.width / (_LETTER * 42 * self.unit)), 8)
        wrapped = [
            (part, self.theme.text if number == 0 else self.theme.muted)
            for number, line in enumerate(lines)
            for part in textwrap.wrap(line, max_letters)
        ]
        top = area.bottom - step * len(wrapped)
        for number, (line, colour) in enumerate(wrapped):
            y = top + (number + 0.5) * step
            self.text(area.x, y, line, 42, colour=colour, vertical="center", max_width=area.width)
        return Rectangle(area.x, area.y, area.width, top - area.y - 20 * self.unit)

    def text(
        self, x: float, y: float, content: str, size: float, *, colour: str = "",
        weight: Literal["normal", "bold"] = "normal", horizontal: Literal["left", "center"] = "left",
        vertical: Literal["top", "center", "bottom"] = "top", max_width: float = math.inf,
    ) -> None:  # fmt: skip
        """Draw a line of text aligned at a position in pixels.

        size: font size in units; it is reduced if the text would be wider than `max_width` pixels. `horizontal`,
        `vertical`: which part of the text is at the position.
        """
        font = ImageFont.truetype(_FONTS[weight], max(size * self.unit, _MIN_TEXT))
        if (width := font.getlength(content)) > max_width:
            font = font.font_variant(size=max(font.size * max_width / width, _MIN_TEXT))
        anchor = {"left": "l", "center": "m"}[horizontal] + {"top": "a", "center": "m", "bottom": "d"}[vertical]
        self._pen.text((x, y), content, colour or self.theme.text, font, anchor)

    def picture(
        self, pixels: Pixels, box: Rectangle, *, squares: bool = False,
        outline: npt.NDArray[np.float64] | None = None,
    ) -> Rectangle:  # fmt: skip
        """Draw a picture (H, W, 3) into a box rounded to whole pixels, and return that box.

        squares: draw its pixels as squares if it is enlarged 3 times or more. outline: (K, 2) corners, as fractions of
        the box; the picture is drawn only inside.
        """
        rows, columns = box.slices
        rounded = Rectangle(
            columns.start, rows.start, max(columns.stop - columns.start, 1), max(rows.stop - rows.start, 1)
        )
        size = int(rounded.width), int(rounded.height)
        if squares and size[0] >= _BLOCKS * pixels.shape[1]:
            scaled = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        else:
            scaled = resize(pixels, *size)
        inside = None
        if outline is not None:
            mask = np.zeros((size[1], size[0]), np.uint8)
            cv2.fillPoly(mask, [_fixed(outline * size)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
            inside = Image.fromarray(mask)
        self._image.paste(Image.fromarray(scaled), (columns.start, rows.start), inside)
        return rounded

    def frame(self, box: Rectangle, colour: str, width: float) -> None:
        """Draw a line around a box, outside it, at whole pixels. width: of the line, in units."""
        line = max(round(width * self.unit), 1)
        rows, columns = box.expanded(line).slices
        corners = columns.start, rows.start, columns.stop - 1, rows.stop - 1
        self._pen.rectangle(corners, outline=colour, width=line)

    def outline(self, box: Rectangle, corners: npt.NDArray[np.float64], colour: str, width: float) -> None:
        """Draw a line around what is inside corners (K, 2), fractions of a box; that of a rectangle is as `frame`."""
        if len(corners) == 4:
            self.frame(box, colour, width)
            return
        points = corners * (box.width, box.height) + (box.x, box.y)
        self.outlines(points[np.newaxis], colour, max(width * self.unit, 1), box.expanded(width * self.unit))

    def lines(self, ends: npt.NDArray[np.float64], colour: str, pixels: float) -> None:
        """Draw horizontal and vertical lines (N, 2, 2), each from x, y to x, y in pixels, with a width of `pixels`.

        They are drawn at whole pixels, so that all are equally sharp. Thinner lines than a pixel are transparent, also
        where several lie on each other.
        """
        width = max(round(pixels), 1)
        mask = Image.new("L", self.size)
        pen = ImageDraw.Draw(mask)
        across = ends[:, 0] == ends[:, 1]  # (N, 2) True for the direction in which a line is as thick as its width
        first = np.rint(ends[:, 0] - across * width / 2)
        last = np.maximum(np.where(across, first + width, np.rint(ends[:, 1])) - 1, first)
        for corners in np.concatenate([first, last], axis=1).tolist():
            pen.rectangle(corners, round(255 * min(pixels, 1)))
        self._image.paste(ImageColor.getrgb(colour), mask=mask)

    def outlines(self, corners: npt.NDArray[np.float64], colour: str, pixels: float, box: Rectangle) -> None:
        """Draw closed lines through corners (N, K, 2) in pixels, with a width of `pixels`, only inside a box."""
        rows, columns = box.slices
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        shade = round(255 * min(pixels, 1))
        points = _fixed(corners - (columns.start, rows.start))
        cv2.polylines(mask, list(points), True, shade, max(round(pixels), 1), cv2.LINE_AA, _SUBPIXEL_BITS)
        left, top = columns.start, rows.start
        self._image.paste(
            ImageColor.getrgb(colour), (left, top, left + mask.shape[1], top + mask.shape[0]), Image.fromarray(mask)
        )

    def pixels(self) -> Pixels:
        """Return the drawing, (H, W, 3) uint8."""
        return np.array(self._image)
