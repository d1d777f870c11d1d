"""A cell and the photo that was chosen for it, plane by plane."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from renderer.descriptors import Metric
from renderer.explain.cells import Matched, open_matched
from renderer.explain.channels import NAMES, plane
from renderer.explain.figures import CELL, Drawing, Rectangle
from renderer.explain.settings import FigureResult, FigureSettings
from renderer.grid import covered_part
from renderer.job import MatchSettings
from renderer.job.outputs import check_suffix
from renderer.parameters import CellPosition
from renderer.pictures import Pixels
from renderer.placement import JsonValue
from renderer.progress import Progress, Silent
from renderer.stills import STILL_SUFFIXES, check_size, write_picture

COMPARED: Final[dict[Metric, str]] = {
    "structure": "in shape and colour",
    "mean": "in mean colour",
    "lab": "in CIELAB",
    "pixels": "pixel by pixel",
}
"""By what the nearest is the nearest."""

_PHOTO_PIXELS: Final = 512


def explain_match(
    cover: Path | None,
    path: Path,
    *,
    cell: CellPosition | None = None,
    match: MatchSettings | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FigureResult:
    """Draw a cell of the cover and its photo, each with its three planes and their means. Raises InputError.

    `cell`: which one; by default a telling one.
    """
    figure, match = figure or FigureSettings(), match or MatchSettings()
    check_suffix(path, STILL_SUFFIXES)
    with open_matched(cover, cell, path, match, progress or Silent(), overwrite=overwrite) as matched:
        sheet = Drawing(figure)
        check_size(path, sheet.size)
        says = sentences(matched)
        _draw(sheet, matched, says)
        write_picture(path, sheet.pixels(), overwrite=overwrite)
        return FigureResult(path, sheet.size, " ".join(says), facts(matched))


def facts(matched: Matched) -> dict[str, JsonValue]:
    """The numbers of a cell and its photo."""
    offered = matched.mosaic.offered
    wanted, found = matched.colours()
    return {
        "cell": list(matched.place),
        "match": matched.settings.match,
        "photos": len(offered.photos),
        "photo": str(offered.photos[matched.chosen].path),
        "rank": matched.rank,
        "cell_means": [round(mean, 2) for mean in wanted],
        "photo_means": [round(mean, 2) for mean in found],
    }


def sentences(matched: Matched) -> list[str]:
    """What the figure shows."""
    wanted, found = (tuple(round(mean) for mean in means) for means in matched.colours())
    count, how = len(matched.mosaic.offered.photos), COMPARED[matched.settings.match]
    first = f"No photo of {count:,} has just this colour" if wanted != found else f"Of {count:,} photos"
    joined = ":" if wanted != found else ","
    tone = ["Seen from afar, tone takes it the rest of the way."] if matched.settings.style().tone else []
    rank = matched.rank
    if rank == 0:
        return [f"{first}{joined} this one is the nearest {how}.", *tone]
    nearer = "those nearer to it" if rank is None else "the one nearer to it" if rank == 1 else f"{rank} nearer ones"
    serve = "serves" if rank == 1 else "serve"
    return [f"{first}{joined} this one is near {how}; {nearer} {serve} other cells better.", *tone]


def _draw(sheet: Drawing, matched: Matched, says: list[str]) -> None:
    room = sheet.caption(sheet.title(f"Cell {matched.place.column}, {matched.place.row} and its photo"), says)
    unit = sheet.unit
    gap, label = 26 * unit, 66 * unit
    part = covered_part(matched.cover, matched.grid.crop)
    across = 4
    if sheet.upright:
        side = (room.width - 3 * gap) / across
        high = min(2 * (side + label) + gap, room.height * 0.6)
        rows = Rectangle(room.x, room.bottom - high, room.width, high)
        aside = Rectangle(room.x, room.y, room.width, rows.y - room.y - 2 * gap)
    else:
        wide = min(room.width * 0.25, ((room.height - gap) / 2 - label) * part.shape[1] / part.shape[0])
        aside = Rectangle(room.x, room.y, wide, room.height)
        rows = Rectangle(aside.right + 2 * gap, room.y, room.width - aside.width - 2 * gap, room.height)
    side = min((rows.width - 3 * gap) / across, (rows.height - gap) / 2 - label)
    left = rows.x + (rows.width - across * side - 3 * gap) / 2
    top = rows.y + (rows.height - 2 * (side + label) - gap) / 2
    colours = matched.colours()
    pictures = matched.picture, matched.photo(matched.chosen, matched.symmetry, _PHOTO_PIXELS)
    for number, (name, picture, mean) in enumerate(zip(("Cell", "Photo"), pictures, colours, strict=True)):
        for place in range(across):
            box = Rectangle(left + place * (side + gap), top + number * (side + label + gap), side, side)
            shown = _squared(picture if place == 0 else plane(picture, place - 1))
            drawn = sheet.picture(shown, box, squares=True)
            words = name if place == 0 else f"{NAMES[place - 1][0]} {mean[place - 1]:.0f}"
            ink = sheet.theme.ink if place == 0 else sheet.theme.channels[place - 1]
            below = drawn.bottom + label / 2
            sheet.text(drawn.x, below, words, 42, colour=ink, weight="bold", along="center", most=drawn.width)
            if place == number == 0:
                sheet.frame(drawn, CELL, 5)
    aspect = part.shape[1] / part.shape[0]
    if sheet.upright:
        small = Rectangle(aside.x, aside.y, aside.width, aside.height * 0.66 - gap).fitted(aspect)
        means = Rectangle(small.x, small.bottom + 2 * gap, small.width, aside.bottom - small.bottom - 2 * gap)
    else:
        small = Rectangle(aside.x, top, aside.width, side).fitted(aspect, across=0.0, along=0.0)
        means = Rectangle(aside.x, top + side + label + gap, small.width, side + label)
    _locate(sheet, matched, part, small)
    _compare(sheet, colours, means)


def _compare(
    sheet: Drawing, colours: tuple[tuple[float, float, float], tuple[float, float, float]], box: Rectangle
) -> None:
    """The mean colours of cell and photo, edge to edge."""
    label = 66 * sheet.unit
    for number, (name, means) in enumerate(zip(("Cell", "Photo"), colours, strict=True)):
        flat = np.rint(np.array(means)).astype(np.uint8).reshape(1, 1, 3)
        half = Rectangle(box.x + number * box.width / 2, box.y, box.width / 2, box.height - label)
        drawn = sheet.picture(flat, half, squares=True)
        middle = drawn.x + drawn.width / 2
        sheet.text(middle, box.bottom - label / 2, name, 36, across="center", along="center", most=half.width * 0.9)
    sheet.frame(Rectangle(box.x, box.y, box.width, box.height - label), sheet.theme.line, 1.5)


def _locate(sheet: Drawing, matched: Matched, part: Pixels, box: Rectangle) -> None:
    """The cover, small, with the cell marked."""
    drawn = sheet.picture(part, box)
    scale = drawn.width / matched.grid.columns, drawn.height / matched.grid.rows
    x, y, width, height = matched.grid.cells[matched.cell].tolist()
    cell = Rectangle(drawn.x + x * scale[0], drawn.y + y * scale[1], width * scale[0], height * scale[1])
    least = 16 * sheet.unit  # that it be seen on a phone
    marked = cell.wider(max(least - cell.width, 0) / 2)
    sheet.frame(marked.wider(4 * sheet.unit), "#ffffff", 4)
    sheet.frame(marked, CELL, 5)


def _squared(picture: Pixels) -> Pixels:
    """A picture whose sides may differ by a pixel, cut to a square."""
    side = min(picture.shape[:2])
    return np.ascontiguousarray(picture[:side, :side])
