"""Paper and pen: pictures, words and boxes at places in pixels, drawn by matplotlib."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np

from renderer.explain.settings import FigureSettings, ThemeName
from renderer.pictures import Pixels, resize

if TYPE_CHECKING:
    from matplotlib.text import Text

SIZE: Final = (1920, 1080)

SMALL_SIZE: Final = (640, 360)
"""Of what is animated in a format that is large for what it shows."""

_DPI: Final = 64  # a power of two: pixels to inches and back without rounding

_FONT: Final = "DejaVu Sans"  # comes with matplotlib

_LETTER: Final = 0.53  # width of a letter of a sentence, of the font's size; words that are wider are written smaller

_MIN_TEXT: Final = 5.0  # pixels; nobody reads less

_BLOCKS: Final = 3  # times larger, from where on pixels are shown as squares

CELL: Final = "#e5383b"
NEAR: Final = "#ff8c1a"
NEAREST: Final = "#ffd500"
CHANNELS: Final = ("#d62828", "#1f8f3a", "#2f5fe0")
"""Of words on the red, green and blue planes."""


@dataclass(frozen=True)
class Theme:
    """Colours of paper and ink."""

    paper: str
    ink: str
    soft: str  # of what matters less
    line: str
    channels: tuple[str, str, str]


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
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    def fitted(self, aspect: float, across: float = 0.5, along: float = 0.5) -> Rectangle:
        """The largest box of a shape (width / height) in it, at shares 0…1 of the room that is left."""
        width = min(self.width, self.height * aspect)
        height = width / aspect
        return Rectangle(self.x + across * (self.width - width), self.y + along * (self.height - height), width, height)

    def wider(self, by: float) -> Rectangle:
        """It, wider by so much on every side."""
        return Rectangle(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the pixels in it."""
        return slice(round(self.y), round(self.bottom)), slice(round(self.x), round(self.right))


class Drawing:
    """A sheet of paper of a figure's size. `unit`: pixels that are one on a sheet of 1920 × 1080."""

    def __init__(self, settings: FigureSettings, size: tuple[int, int] = SIZE) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, that only figures need
        from matplotlib.figure import Figure

        self.width, self.height = self.size = settings.size or size
        self.theme = THEMES[settings.theme]
        self.upright = self.height > self.width
        long, short = max(self.size), min(self.size)
        self.unit = min(short / 1080, long / (1350 if self.upright else 1920))
        figure = Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, facecolor=self.theme.paper)
        self._canvas = FigureCanvasAgg(figure)
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, self.width)
        self._axes.set_ylim(self.height, 0)
        self._axes.axis("off")

    @property
    def body(self) -> Rectangle:
        """The sheet without its margins."""
        margin = 56 * self.unit
        return Rectangle(margin, margin, self.width - 2 * margin, self.height - 2 * margin)

    def title(self, words: str) -> Rectangle:
        """Write the title; gives what is left below it."""
        body = self.body
        self.text(body.x, body.y, words, 60, weight="bold", most=body.width)
        used = 104 * self.unit
        return Rectangle(body.x, body.y + used, body.width, body.height - used)

    def caption(self, room: Rectangle, lines: list[str]) -> Rectangle:
        """Write lines below everything, long ones in several, the first in full ink; gives what is left above them."""
        step = 62 * self.unit
        most = max(
            int(1.08 * room.width / (_LETTER * 42 * self.unit)), 8
        )  # letters; a little too many are written smaller
        written = [
            (part, self.theme.ink if number == 0 else self.theme.soft)
            for number, line in enumerate(lines)
            for part in textwrap.wrap(line, most)
        ]
        top = room.bottom - step * len(written)
        for number, (line, ink) in enumerate(written):
            self.text(room.x, top + (number + 0.5) * step, line, 42, colour=ink, along="center", most=room.width)
        return Rectangle(room.x, room.y, room.width, top - room.y - 20 * self.unit)

    def text(
        self, x: float, y: float, words: str, size: float, *, colour: str = "", weight: str = "normal",
        across: Literal["left", "center", "right"] = "left",
        along: Literal["top", "center", "baseline", "bottom"] = "top", most: float | None = None,
    ) -> Rectangle:  # fmt: skip
        """Write words at a place; `size` in units, smaller if they are wider than `most` pixels. Gives where they are.

        `across`, `along`: what of the words is at that place.
        """
        pixels = max(size * self.unit, _MIN_TEXT)
        text = self._axes.text(
            x, y, words, fontsize=pixels * 72 / _DPI, color=colour or self.theme.ink, weight=weight, family=_FONT,
            ha=across, va=along, usetex=False, parse_math=False, linespacing=1.3,
        )  # fmt: skip
        place = self._extent(text)
        if most is not None and place.width > most:
            text.set_fontsize(max(pixels * most / place.width, _MIN_TEXT) * 72 / _DPI * 0.995)
            place = self._extent(text)
        return place

    def _extent(self, text: Text) -> Rectangle:
        found = text.get_window_extent()
        return Rectangle(found.x0, self.height - found.y1, found.width, found.height)

    def picture(self, pixels: Pixels, box: Rectangle, *, squares: bool = False) -> Rectangle:
        """Draw a picture (H, W, 3) into a box, moved to whole pixels, which it gives.

        `squares`: where it is much enlarged, each of its pixels is seen as one.
        """
        rows, columns = box.slices
        whole = Rectangle(
            columns.start, rows.start, max(columns.stop - columns.start, 1), max(rows.stop - rows.start, 1)
        )
        size = int(whole.width), int(whole.height)
        if squares and size[0] >= _BLOCKS * pixels.shape[1]:
            shown = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        else:
            shown = resize(pixels, *size)
        extent = (whole.x, whole.right, whole.bottom, whole.y)
        self._axes.imshow(shown, extent=extent, interpolation="nearest", aspect="auto", zorder=1)
        self._axes.set_xlim(0, self.width)
        self._axes.set_ylim(self.height, 0)
        return whole

    def frame(self, box: Rectangle, colour: str, width: float, *, fill: str = "none", round_: float = 0.0) -> None:
        """Draw a box: `width` of its line in units, outside of it; its corners are round by `round_` units."""
        from matplotlib.patches import FancyBboxPatch

        line = width * self.unit
        outer = box.wider(line / 2)
        style = f"round,pad=0,rounding_size={round_ * self.unit}" if round_ else "square,pad=0"
        self._axes.add_patch(
            FancyBboxPatch(
                (outer.x, outer.y), outer.width, outer.height, boxstyle=style, edgecolor=colour, facecolor=fill,
                linewidth=line * 72 / _DPI, joinstyle="miter", zorder=2,
            )
        )  # fmt: skip

    def lines(self, ends: np.ndarray[tuple[int, ...], np.dtype[np.float64]], colour: str, pixels: float) -> None:
        """Draw lines (N, 2, 2), each from x, y to x, y in pixels; `pixels` wide."""
        from matplotlib.collections import LineCollection

        width = [pixels * 72 / _DPI]
        self._axes.add_collection(
            LineCollection(list(ends), colors=colour, linewidths=width, zorder=2, capstyle="butt")
        )

    def pixels(self) -> Pixels:
        """What is drawn, (H, W, 3)."""
        self._canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib types half of itself
        drawn = np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return np.ascontiguousarray(drawn[..., :3])
