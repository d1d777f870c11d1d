"""Figure: the colour channels of the cover, separate and combined."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from renderer.cover_names import CoverName
from renderer.covers import WHITE
from renderer.explain.cells import check_figure, plane_means, read_cover
from renderer.explain.figures import Drawing, Rectangle
from renderer.explain.results import FigureResult
from renderer.job.outputs import check_suffix
from renderer.pictures import Pixels
from renderer.settings import CoverSettings, FigureSettings
from renderer.stills import STILL_SUFFIXES, check_size, write_picture

NAMES = ("Red", "Green", "Blue")


def plane(picture: Pixels, channel: int) -> Pixels:
    """Return one channel of a picture (H, W, 3) in its own colour: (H, W, 3). All channels add up to the picture."""
    single = np.zeros_like(picture)
    single[..., channel] = picture[..., channel]
    return single


def explain_channels(
    cover: CoverName | None,
    path: Path,
    *,
    cover_settings: CoverSettings | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
) -> FigureResult:
    """Draw the cover and its red, green and blue channels with their means; what is outside a mask is white.

    `cover_settings`: mask of the cover, and how letters and shapes are drawn. Raises InputError.
    """
    figure = figure or FigureSettings()
    opened = read_cover(cover, cover_settings)
    pixels = opened.over(WHITE)
    check_suffix(path, STILL_SUFFIXES)
    check_figure(path, opened, overwrite=overwrite)
    drawing = Drawing(figure)
    check_size(path, drawing.size)
    means = plane_means(pixels)
    caption = "Red, green and blue with their means (0 to 255). Together they form the picture."
    area = drawing.caption(drawing.title("One picture, three channels"), [caption])
    unit = drawing.unit
    whole, channels, text_right = _arranged(area, pixels.shape[1] / pixels.shape[0], 28 * unit, (170 * unit, 62 * unit))
    drawing.picture(pixels, whole)
    for channel, (box, name, mean) in enumerate(zip(channels, NAMES, means, strict=True)):
        drawn = drawing.picture(plane(pixels, channel), box)
        colour = drawing.theme.channels[channel]
        if text_right:
            x, middle = drawn.right + 24 * unit, drawn.y + drawn.height / 2
            drawing.text(x, middle - 6 * unit, name, 42, colour=colour, weight="bold", vertical="bottom")
            drawing.text(x, middle + 6 * unit, f"{mean:.0f}", 42)
        else:
            label, y = f"{name} {mean:.0f}", drawn.bottom + 12 * unit
            drawing.text(drawn.x, y, label, 42, colour=colour, weight="bold", max_width=drawn.width)
    write_picture(path, drawing.pixels(), overwrite=overwrite)
    return FigureResult(path, drawing.size, caption, {"means": [round(mean, 2) for mean in means]})


Arranged = tuple[Rectangle, list[Rectangle], bool]
"""Boxes for the picture and its channels, and whether the labels are to the right of the channels, not below them."""


def _arranged(area: Rectangle, aspect: float, gap: float, label: tuple[float, float]) -> Arranged:
    """Return the largest arrangement: channels in a column to the right of the picture, or in a row or column below it.

    label: width of a label to the right of a channel, and height of a label below a channel.
    """
    right, column = (arrange(area, aspect, gap, label[0]) for arrange in (_column_right, _column_below))
    row = _row_below(area, aspect, gap, label[1])
    return max((right, row, column), key=lambda arranged: sum(box.width for box in (arranged[0], *arranged[1])))


def _column_right(area: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """Place the channels right of the picture: three channels and two gaps are as high as the picture."""
    high = min(area.height, (area.width - 2 * gap - label + gap * aspect * 2 / 3) / (aspect * 4 / 3))
    each, width = (high - 2 * gap) / 3, high * aspect
    left = area.x + (area.width - width - 2 * gap - each * aspect - label) / 2
    top = area.y + (area.height - high) / 2
    column = left + width + 2 * gap
    channels = [Rectangle(column, top + number * (each + gap), each * aspect, each) for number in range(3)]
    return Rectangle(left, top, width, high), channels, True


def _row_below(area: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """Place the channels in a row below the picture: three channels and two gaps are as wide as the picture."""
    wide = min(area.width, ((area.height - gap - label) * aspect + gap * 2 / 3) * 3 / 4)
    each = (wide - 2 * gap) / 3
    left = area.x + (area.width - wide) / 2
    top = area.y + (area.height - wide / aspect - gap - each / aspect - label) / 2
    row = top + wide / aspect + gap
    channels = [Rectangle(left + number * (each + gap), row, each, each / aspect) for number in range(3)]
    return Rectangle(left, top, wide, wide / aspect), channels, False


def _column_below(area: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """Place the channels in a column below the picture, in the height that the picture leaves."""
    high = min(area.width / aspect, area.height)
    each = max(min((area.height - high) / 3 - gap, (area.width - gap - label) / aspect), 0.0)
    wide = high * aspect
    left = area.x + (area.width - wide) / 2
    top = area.y + (area.height - high - 3 * (each + gap)) / 2
    channels = [Rectangle(left, top + high + gap + number * (each + gap), each * aspect, each) for number in range(3)]
    return Rectangle(left, top, wide, high), channels, True
