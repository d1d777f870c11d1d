"""The colour channels of the cover, apart and together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from renderer.explain.cells import check_figure, plane_means, read_cover
from renderer.explain.figures import Drawing, Rectangle
from renderer.explain.settings import FigureResult, FigureSettings
from renderer.job.outputs import check_suffix
from renderer.pictures import Pixels
from renderer.stills import STILL_SUFFIXES, check_size, write_picture

NAMES = ("Red", "Green", "Blue")


def plane(picture: Pixels, channel: int) -> Pixels:
    """One channel of a picture (H, W, 3) alone, in its own colour: the three add up to the picture."""
    alone = np.zeros_like(picture)
    alone[..., channel] = picture[..., channel]
    return alone


def explain_channels(
    cover: Path | None, path: Path, *, figure: FigureSettings | None = None, overwrite: bool = False
) -> FigureResult:
    """Draw the red, the green and the blue plane of the cover with their means, and the cover. Raises InputError."""
    figure = figure or FigureSettings()
    source, pixels = read_cover(cover)
    check_suffix(path, STILL_SUFFIXES)
    check_figure(path, source, overwrite=overwrite)
    sheet = Drawing(figure)
    check_size(path, sheet.size)
    means = plane_means(pixels)
    says = "Red, green and blue, and their means from 0 to 255: together, the picture."
    room = sheet.caption(sheet.title("One picture, three channels"), [says])
    unit = sheet.unit
    together, apart, beside = _arranged(room, pixels.shape[1] / pixels.shape[0], 28 * unit, (170 * unit, 62 * unit))
    sheet.picture(pixels, together)
    for channel, (box, name, mean) in enumerate(zip(apart, NAMES, means, strict=True)):
        drawn = sheet.picture(plane(pixels, channel), box)
        colour = sheet.theme.channels[channel]
        if beside:
            x, middle = drawn.right + 24 * unit, drawn.y + drawn.height / 2
            sheet.text(x, middle - 6 * unit, name, 42, colour=colour, weight="bold", along="bottom")
            sheet.text(x, middle + 6 * unit, f"{mean:.0f}", 42)
        else:
            words = f"{name} {mean:.0f}"
            sheet.text(drawn.x, drawn.bottom + 12 * unit, words, 42, colour=colour, weight="bold", most=drawn.width)
    write_picture(path, sheet.pixels(), overwrite=overwrite)
    return FigureResult(path, sheet.size, says, {"means": [round(mean, 2) for mean in means]})


Arranged = tuple[Rectangle, list[Rectangle], bool]
"""Boxes for the picture and its planes, and whether words stand right of these (or below)."""


def _arranged(room: Rectangle, aspect: float, gap: float, label: tuple[float, float]) -> Arranged:
    """Planes in a column beside the picture, in a row below it or in a column below it: as most is seen of all.

    label: width of the words right of a plane, or their height below one.
    """
    beside, column = (way(room, aspect, gap, label[0]) for way in (_beside, _column))
    below = _row(room, aspect, gap, label[1])
    return max((beside, below, column), key=lambda way: sum(box.width for box in (way[0], *way[1])))


def _beside(room: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """Three planes and two gaps are as high as the picture."""
    high = min(room.height, (room.width - 2 * gap - label + gap * aspect * 2 / 3) / (aspect * 4 / 3))
    each, width = (high - 2 * gap) / 3, high * aspect
    left = room.x + (room.width - width - 2 * gap - each * aspect - label) / 2
    top = room.y + (room.height - high) / 2
    column = left + width + 2 * gap
    planes = [Rectangle(column, top + number * (each + gap), each * aspect, each) for number in range(3)]
    return Rectangle(left, top, width, high), planes, True


def _row(room: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """Three planes and two gaps are as wide as the picture."""
    wide = min(room.width, ((room.height - gap - label) * aspect + gap * 2 / 3) * 3 / 4)
    each = (wide - 2 * gap) / 3
    left = room.x + (room.width - wide) / 2
    top = room.y + (room.height - wide / aspect - gap - each / aspect - label) / 2
    row = top + wide / aspect + gap
    planes = [Rectangle(left + number * (each + gap), row, each, each / aspect) for number in range(3)]
    return Rectangle(left, top, wide, wide / aspect), planes, False


def _column(room: Rectangle, aspect: float, gap: float, label: float) -> Arranged:
    """The picture is as wide as the room, and three planes with three gaps as high as what it leaves."""
    high = min(room.width / aspect, room.height)
    each = max(min((room.height - high) / 3 - gap, (room.width - gap - label) / aspect), 0.0)
    wide = high * aspect
    left = room.x + (room.width - wide) / 2
    top = room.y + (room.height - high - 3 * (each + gap)) / 2
    planes = [Rectangle(left, top + high + gap + number * (each + gap), each * aspect, each) for number in range(3)]
    return Rectangle(left, top, wide, high), planes, True
