"""Figure: a cell and the photo that was chosen for it, channel by channel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from renderer.choices import Metric
from renderer.cover_names import CoverName
from renderer.cover_pixels import covered_part
from renderer.explain.cells import Matched, open_matched
from renderer.explain.channels import NAMES, plane
from renderer.explain.figures import CELL, Drawing, Rectangle
from renderer.explain.results import FigureResult
from renderer.job import MatchSettings
from renderer.job.outputs import check_suffix
from renderer.parameters import CellPosition
from renderer.pictures import Pixels
from renderer.placement import JsonValue
from renderer.progress import Progress, Silent
from renderer.settings import FigureSettings
from renderer.stills import STILL_SUFFIXES, check_size, write_picture

COMPARED: Final[dict[Metric, str]] = {
    "structure": "in shape and colour",
    "mean": "in mean colour",
    "lab": "in CIELAB",
    "pixels": "pixel by pixel",
}
"""How a metric compares, for captions."""

_PHOTO_PIXELS: Final = 512


def explain_match(
    cover: CoverName | None,
    path: Path,
    *,
    cell: CellPosition | None = None,
    match: MatchSettings | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FigureResult:
    """Draw a cell of the cover and its photo, each with its three channels and their means. Raises InputError.

    cell: its position; by default that of a colourful, well matched cell.
    """
    figure, match = figure or FigureSettings(), match or MatchSettings()
    check_suffix(path, STILL_SUFFIXES)
    with open_matched(cover, cell, path, match, progress or Silent(), overwrite=overwrite) as matched:
        drawing = Drawing(figure)
        check_size(path, drawing.size)
        sentences = _sentences(matched)
        _draw(drawing, matched, sentences)
        write_picture(path, drawing.pixels(), overwrite=overwrite)
        return FigureResult(path, drawing.size, " ".join(sentences), facts(matched))


def facts(matched: Matched) -> dict[str, JsonValue]:
    """Return the figures of a cell and its photo, for JSON."""
    offered = matched.mosaic.offered
    cell_means, photo_means = matched.colours()
    return {
        "cell": list(matched.position),
        "match": matched.settings.match,
        "photos": len(offered.photos),
        "photo": str(offered.photos[matched.chosen].path),
        "rank": matched.rank,
        "cell_means": [round(mean, 2) for mean in cell_means],
        "photo_means": [round(mean, 2) for mean in photo_means],
    }


def _sentences(matched: Matched) -> list[str]:
    """Return the sentences of the caption."""
    cell_means, photo_means = (tuple(round(mean) for mean in means) for means in matched.colours())
    count, how = len(matched.mosaic.offered.photos), COMPARED[matched.settings.match]
    photos = f"Of {count:,} {'photo' if count == 1 else 'photos'}, this one is"
    differs = cell_means != photo_means
    tone = ["Tone corrects the remaining difference."] if differs and matched.settings.style().tone else []
    rank = matched.rank
    if rank == 0:
        return [f"{photos} the nearest {how}.", *tone]
    nearer = (
        "The nearer ones suit"
        if rank is None
        else "1 nearer photo suits"
        if rank == 1
        else f"{rank} nearer photos suit"
    )
    return [f"{photos} near {how}. {nearer} other cells better.", *tone]


def _draw(drawing: Drawing, matched: Matched, sentences: list[str]) -> None:
    column, row = matched.position
    area = drawing.caption(drawing.title(f"Cell {column}, {row} and its photo"), sentences)
    unit = drawing.unit
    gap, label = 26 * unit, 66 * unit
    part = covered_part(matched.shown, matched.grid.frame_crop)
    count = 4  # pictures in a row
    ratio, outline = float(matched.ratio), matched.outline
    if drawing.upright:
        side = (area.width - 3 * gap) / count
        high = min(2 * (side / ratio + label) + gap, area.height * 0.6)
        rows = Rectangle(area.x, area.bottom - high, area.width, high)
        side_area = Rectangle(area.x, area.y, area.width, rows.y - area.y - 2 * gap)
    else:
        wide = min(area.width * 0.25, ((area.height - gap) / 2 - label) * part.shape[1] / part.shape[0])
        side_area = Rectangle(area.x, area.y, wide, area.height)
        rows = Rectangle(side_area.right + 2 * gap, area.y, area.width - side_area.width - 2 * gap, area.height)
    side = min((rows.width - 3 * gap) / count / ratio, (rows.height - gap) / 2 - label)  # height of a picture
    wide = side * ratio
    left = rows.x + (rows.width - count * wide - 3 * gap) / 2
    top = rows.y + (rows.height - 2 * (side + label) - gap) / 2
    colours = matched.colours()
    pictures = matched.tile_picture, matched.photo(matched.chosen, matched.symmetry, _PHOTO_PIXELS)
    for number, (name, picture, mean) in enumerate(zip(("Cell", "Photo"), pictures, colours, strict=True)):
        for index in range(count):
            box = Rectangle(left + index * (wide + gap), top + number * (side + label + gap), wide, side)
            shown = picture if index == 0 else plane(picture, index - 1)
            drawn = drawing.picture(shown, box, squares=True, outline=outline)
            text = name if index == 0 else f"{NAMES[index - 1][0]} {mean[index - 1]:.0f}"
            colour = drawing.theme.text if index == 0 else drawing.theme.channels[index - 1]
            y = drawn.bottom + label / 2
            drawing.text(drawn.x, y, text, 42, colour=colour, weight="bold", vertical="center", max_width=drawn.width)
            if index == number == 0:
                drawing.outline(drawn, outline, CELL, 5)
    aspect = part.shape[1] / part.shape[0]
    if drawing.upright:
        small = Rectangle(side_area.x, side_area.y, side_area.width, side_area.height * 0.66 - gap).fitted(aspect)
        means = Rectangle(small.x, small.bottom + 2 * gap, small.width, side_area.bottom - small.bottom - 2 * gap)
    else:
        small = Rectangle(side_area.x, top, side_area.width, side).fitted(aspect, horizontal=0.0, vertical=0.0)
        means = Rectangle(side_area.x, top + side + label + gap, small.width, side + label)
    _locate(drawing, matched, part, small)
    _compare(drawing, colours, means)


def _compare(
    drawing: Drawing, colours: tuple[tuple[float, float, float], tuple[float, float, float]], box: Rectangle
) -> None:
    """Draw the mean colours of cell and photo next to each other."""
    label = 66 * drawing.unit
    for number, (name, means) in enumerate(zip(("Cell", "Photo"), colours, strict=True)):
        flat = np.rint(np.array(means)).astype(np.uint8).reshape(1, 1, 3)
        half = Rectangle(box.x + number * box.width / 2, box.y, box.width / 2, box.height - label)
        drawn = drawing.picture(flat, half, squares=True)
        middle = drawn.x + drawn.width / 2
        y, max_width = box.bottom - label / 2, half.width * 0.9
        drawing.text(middle, y, name, 36, horizontal="center", vertical="center", max_width=max_width)
    drawing.frame(Rectangle(box.x, box.y, box.width, box.height - label), drawing.theme.line, 1.5)


def _locate(drawing: Drawing, matched: Matched, part: Pixels, box: Rectangle) -> None:
    """Draw the cover with the cell marked."""
    drawn = drawing.picture(part, box)
    units = matched.grid.size
    scale = drawn.width / units[0], drawn.height / units[1]
    x, y, width, height = matched.grid.boxes[matched.cell].tolist()
    cell = Rectangle(drawn.x + x * scale[0], drawn.y + y * scale[1], width * scale[0], height * scale[1])
    min_width = 16 * drawing.unit  # visible on a phone
    marked = cell.expanded(max(min_width - cell.width, 0) / 2)
    drawing.frame(marked.expanded(4 * drawing.unit), "#ffffff", 4)
    drawing.frame(marked, CELL, 5)
