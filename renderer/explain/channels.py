"""The colour channels of the cover, apart and together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from renderer.explain.cells import check_figure, plane_means, read_cover
from renderer.explain.figures import Box, Sheet
from renderer.explain.settings import Explained, FigureSettings
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
) -> Explained:
    """Draw the red, the green and the blue plane of the cover with their means, and the cover. Raises InputError."""
    figure = figure or FigureSettings()
    source, pixels = read_cover(cover)
    check_suffix(path, STILL_SUFFIXES)
    check_figure(path, source, overwrite=overwrite)
    sheet = Sheet(figure)
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
    return Explained(path, sheet.size, says, {"means": [round(mean, 2) for mean in means]})


def _arranged(room: Box, aspect: float, gap: float, label: tuple[float, float]) -> tuple[Box, list[Box], bool]:
    """Boxes for the picture and its planes, beside it (True) or below it: as it is larger.

    label: width of the words right of a plane, or their height below one.
    """
    # Beside: three planes and two gaps are as high as the picture.
    high = min(room.height, (room.width - 2 * gap - label[0] + gap * aspect * 2 / 3) / (aspect * 4 / 3))
    # Below: three planes and two gaps are as wide as the picture.
    wide = min(room.width, ((room.height - gap - label[1]) * aspect + gap * 2 / 3) * 3 / 4)
    if high * aspect >= wide:
        each = (high - 2 * gap) / 3
        width = high * aspect
        left = room.x + (room.width - width - 2 * gap - each * aspect - label[0]) / 2
        top = room.y + (room.height - high) / 2
        column = left + width + 2 * gap
        return (
            Box(left, top, width, high),
            [Box(column, top + number * (each + gap), each * aspect, each) for number in range(3)],
            True,
        )
    each = (wide - 2 * gap) / 3
    left = room.x + (room.width - wide) / 2
    top = room.y + (room.height - wide / aspect - gap - each / aspect - label[1]) / 2
    row = top + wide / aspect + gap
    return (
        Box(left, top, wide, wide / aspect),
        [Box(left + number * (each + gap), row, each, each / aspect) for number in range(3)],
        False,
    )
