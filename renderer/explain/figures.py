"""Drawing of pictures, text and boxes at pixel positions, with matplotlib."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np

from renderer.pictures import Pixels, resize
from renderer.settings import FigureSettings, ThemeName

if TYPE_CHECKING:
    from matplotlib.text import Text

SIZE: Final = (1920, 1080)
"""Default width and height in pixels."""

SMALL_SIZE: Final = (640, 360)
"""Default width and height of GIF, WebP and APNG, whose files are large."""

_DPI: Final = 64  # a power of two: pixels to inches and back without rounding

_FONT: Final = "DejaVu Sans"  # part of matplotlib

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


class Drawing:
    """The canvas of a figure. `unit`: pixels for each pixel of a figure of 1920 × 1080."""

    def __init__(self, settings: FigureSettings, size: tuple[int, int] = SIZE) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes 0.5 s to import
        from matplotlib.figure import Figure

        self.width, self.height = self.size = settings.size or size
        self.theme = THEMES[settings.theme]
        self.upright = self.height > self.width
        long, short = max(self.size), min(self.size)
        self.unit = min(short / 1080, long / (1350 if self.upright else 1920))
        figure = Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, facecolor=self.theme.background)
        self._canvas = FigureCanvasAgg(figure)
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, self.width)
        self._axes.set_ylim(self.height, 0)
        self._axes.axis("off")

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
        self, x: float, y: float, content: str, size: float, *, colour: str = "", weight: str = "normal",
        horizontal: Literal["left", "center", "right"] = "left",
        vertical: Literal["top", "center", "baseline", "bottom"] = "top", max_width: float | None = None,
    ) -> Rectangle:  # fmt: skip
        """Draw text aligned at a position in pixels, and return its extent.

        size: font size in units; it is reduced if the text would be wider than `max_width` pixels. `horizontal`,
        `vertical`: which part of the text is at the position.
        """
        pixels = max(size * self.unit, _MIN_TEXT)
        text = self._axes.text(
            x, y, content, fontsize=pixels * 72 / _DPI, color=colour or self.theme.text, weight=weight, family=_FONT,
            ha=horizontal, va=vertical, usetex=False, parse_math=False, linespacing=1.3,
        )  # fmt: skip
        extent = self._extent(text)
        if max_width is not None and extent.width > max_width:
            text.set_fontsize(max(pixels * max_width / extent.width, _MIN_TEXT) * 72 / _DPI * 0.995)
            extent = self._extent(text)
        return extent

    def _extent(self, text: Text) -> Rectangle:
        box = text.get_window_extent()
        return Rectangle(box.x0, self.height - box.y1, box.width, box.height)

    def picture(self, pixels: Pixels, box: Rectangle, *, squares: bool = False) -> Rectangle:
        """Draw a picture (H, W, 3) into a box rounded to whole pixels, and return that box.

        squares: draw its pixels as squares if it is enlarged 3 times or more.
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
        extent = (rounded.x, rounded.right, rounded.bottom, rounded.y)
        self._axes.imshow(scaled, extent=extent, interpolation="nearest", aspect="auto", zorder=1)
        self._axes.set_xlim(0, self.width)
        self._axes.set_ylim(self.height, 0)
        return rounded

    def frame(self, box: Rectangle, colour: str, width: float, *, fill: str = "none", radius: float = 0.0) -> None:
        """Draw a line around a box, outside it. width: of the line, in units; radius: of its corners, in units."""
        from matplotlib.patches import FancyBboxPatch

        line = width * self.unit
        outer = box.expanded(line / 2)
        style = f"round,pad=0,rounding_size={radius * self.unit}" if radius else "square,pad=0"
        self._axes.add_patch(
            FancyBboxPatch(
                (outer.x, outer.y), outer.width, outer.height, boxstyle=style, edgecolor=colour, facecolor=fill,
                linewidth=line * 72 / _DPI, joinstyle="miter", zorder=2,
            )
        )  # fmt: skip

    def lines(self, ends: np.ndarray[tuple[int, ...], np.dtype[np.float64]], colour: str, pixels: float) -> None:
        """Draw lines (N, 2, 2), each from x, y to x, y in pixels, with a width of `pixels`."""
        from matplotlib.collections import LineCollection

        width = [pixels * 72 / _DPI]
        self._axes.add_collection(
            LineCollection(list(ends), colors=colour, linewidths=width, zorder=2, capstyle="butt")
        )

    def pixels(self) -> Pixels:
        """Return the drawing, (H, W, 3) uint8."""
        self._canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib is only partly typed
        drawn = np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return np.ascontiguousarray(drawn[..., :3])
