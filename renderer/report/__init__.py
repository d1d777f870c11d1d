"""The report on a mosaic: cover and mosaic under a slider, their differences, the photos used, and missing colours.

A report is a self-contained HTML file. It contains thumbnails and file names of photos, but no paths and no other data
about them. It makes no network requests, which its content security policy enforces.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.fidelity import colour_names, missing_colours
from renderer.grid import cell_position
from renderer.library import Library, Skipped
from renderer.messages import FormatCommand, as_key, named, spelled
from renderer.output_files import new_file
from renderer.pages import COMMANDS, data_url, make_page, page_commands, page_title, part, photo_name, photo_names
from renderer.pictures import Pixels, to_srgb
from renderer.placement import JsonValue, PlacementMap
from renderer.report.cell_errors import MAX_DRAWN_ERROR, CellErrors
from renderer.report.tables import figure_rows, rows, settings_rows
from renderer.report.thumbnails import ThumbnailSheet, fit

LONGEST: Final = 2400
"""Maximum longer side of a picture, in pixels."""

MAX_PHOTOS: Final = 1000
"""Maximum number of used photos with a thumbnail, the most used first."""

MAX_UNUSED: Final = 200
"""Maximum number of unused photos in the page."""

MAX_CELLS: Final = 100_000
"""Maximum number of cells that can be selected: this many take 2 MB, and smaller ones are hard to click."""

_POINTING: Final = "Point at a cell to see its photo. Click it, or press Enter, for details."

_EXPANDED: Final = 120  # used photos shown before "more" is opened
_WORST: Final = 12  # cells in the list of largest errors
_COLOURS: Final = 12  # in the list of missing colours


@dataclass(frozen=True)
class Compared:
    """A mosaic and its inputs: the content of a report."""

    cover: Pixels  # (H, W, 3) the part under the grid, without what a mask leaves out, of any size
    mosaic: Pixels  # (H, W, 3) a still of the mosaic, with the same aspect ratio
    colours: Pixels  # (H, W, 3) the cover as it was matched: it has colours also where it is transparent
    ideal: Pixels  # (H, W, 3) the mosaic if each photo were the part of the cover in its cell
    placement: PlacementMap
    library: Library  # the map's photos, in its order
    offered: Library  # the photos that could be placed
    skipped: Sequence[Skipped]  # files that could not be used
    figures: Mapping[str, JsonValue]  # by the keys of a summary
    map_name: str  # of the `.mosaic` file, for `render edit`
    map_saved: bool  # whether that file exists


def write_report(
    path: Path, compared: Compared, *, command: FormatCommand | None = None, overwrite: bool = False
) -> None:
    """Write the report on a mosaic to an HTML file, which appears under its name when it is complete.

    command: formats the commands that the page offers to copy; without it, the page offers none. The file takes a few
    MB: two pictures of 2,400 pixels, 1.2 KB per photo shown and 20 bytes per cell. Raises InputError.
    """
    placement = compared.placement
    height, width = compared.mosaic.shape[:2]
    scale = min(1.0, LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    errors = CellErrors.of(compared.ideal, compared.mosaic, compared.colours, placement)
    uses = placement.uses()
    by_use = np.argsort(-uses, kind="stable")
    by_use = by_use[uses[by_use] > 0]
    used = compared.offered.photos.find(placement.photos)
    unused = np.setdiff1d(np.arange(len(compared.offered.photos)), used)
    sheet = ThumbnailSheet()
    photos = [_used(number, int(uses[number]), compared.library, sheet) for number in by_use[:MAX_PHOTOS].tolist()]
    unused_items = "\n".join(_unused(compared.offered, number, sheet) for number in unused[:MAX_UNUSED].tolist())
    worst = "\n".join(_worst_cells(compared, errors, sheet))
    missing = missing_colours(mean_lab(compared.offered.signatures), errors.lab)
    advice = spelled(str(compared.figures.get("advice") or ""), as_key)
    style = f"{part(__name__, 'page.css')}{sheet.style()}:root {{ --shape: {size[0] / size[1]:.4f} }}\n"
    title = page_title(placement, path.stem)
    body = Template(part(__name__, "page.html")).substitute(
        title=html.escape(title),
        lead=html.escape(_lead(compared)),
        width=size[0],
        height=size[1],
        cover=data_url(fit(compared.cover, size)),
        mosaic=data_url(fit(compared.mosaic, size)),
        error=data_url(fit(errors.drawn_error(), (max(1, size[0] // 2), max(1, size[1] // 2)))),
        pointing=_POINTING if len(placement) <= MAX_CELLS else "",
        brightest=f"{MAX_DRAWN_ERROR:g}",
        figures=rows(figure_rows(compared.figures)),
        worst=worst,
        advice=f"<p><strong>{html.escape(advice[0].upper() + advice[1:])}.</strong></p>" if advice else "",
        missing="\n".join(_missing(missing, errors, placement)),
        none_missing="hidden" if missing else "",
        some_missing="" if missing else "hidden",
        photos="\n".join(photos[:_EXPANDED]),
        more_photos="\n".join(photos[_EXPANDED:]),
        more_count=f"{len(photos) - _EXPANDED:,} more",
        no_more="" if len(photos) > _EXPANDED else "hidden",
        photo_count=_count(len(by_use), "photo is", "photos are") + " used" + _limited(len(by_use), MAX_PHOTOS),
        unused=unused_items,
        unused_count=_count(len(unused), "photo is", "photos are") + " not used" + _limited(len(unused), MAX_UNUSED),
        skipped="\n".join(
            f"<li>{html.escape(item.path.name)} {html.escape(item.reason)}</li>" for item in compared.skipped
        ),
        skipped_count=_count(len(compared.skipped), "file", "files") + " could not be used",
        no_skipped="" if compared.skipped else "hidden",
        settings=rows(settings_rows(placement.recipe)),
        commands=COMMANDS,
    )
    data = _data(compared, errors, list(missing.values())[:_COLOURS], command)
    page = make_page(title, body, style, part(__name__, "page.js"), data)
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8", errors="backslashreplace")


def check_report(path: Path) -> None:
    """Raise InputError if a file name does not end in .html or .htm."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{named('report', path)} must end in .html")


# -- Parts of the page ---------------------------------------------------------------------------------------------


def _lead(compared: Compared) -> str:
    uses = compared.placement.uses()
    cells = _count(len(compared.placement), "cell shows", "cells show")
    counts = f"{cells} {int((uses > 0).sum()):,} of {_count(len(compared.offered.photos), 'photo', 'photos')}."
    difference = compared.figures.get("delta_e")
    if not isinstance(difference, float):
        return counts
    visible = "hardly visible" if difference < 2 else "visible side by side" if difference < 5 else "clearly visible"
    return f"{counts} At viewing distance, the mean colour difference is {difference:.1f} ({visible})."


def _count(count: int, singular: str, plural: str) -> str:
    return f"{count:,} {singular if count == 1 else plural}"


def _limited(count: int, maximum: int) -> str:
    return f"; the first {maximum:,} are shown" if count > maximum else ""


def _used(number: int, uses: int, library: Library, sheet: ThumbnailSheet) -> str:
    name = html.escape(photo_name(library.photos[number]))
    times = "once" if uses == 1 else f"{uses} times"
    tile = sheet.add(library, number)
    return f'<li><button data-photo="{number}">{tile}<b>{times}</b> <span>{name}</span></button></li>'


def _unused(offered: Library, number: int, sheet: ThumbnailSheet) -> str:
    return f"<li>{sheet.add(offered, number)} <span>{html.escape(photo_name(offered.photos[number]))}</span></li>"


def _swatch(light: Float32Array) -> str:
    r, g, b = to_srgb(light[np.newaxis])[0].tolist()
    square = f'<rect width="1" height="1" fill="#{r:02x}{g:02x}{b:02x}"/>'
    return f'<svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">{square}</svg>'


def _worst_cells(compared: Compared, errors: CellErrors, sheet: ThumbnailSheet) -> Iterator[str]:
    for number in np.argsort(-errors.mean_error, kind="stable")[:_WORST].tolist():
        column, row = cell_position(compared.placement.grid, number)
        photo = int(compared.placement.photo[number])
        colour = colour_names(errors.lab[[number]])[0]
        name = html.escape(photo_name(compared.library.photos[photo]))
        yield (
            f'<li><button data-cell="{number}"><span class="pictures">{_swatch(errors.light[number])}'
            f"{sheet.add(compared.library, photo)}</span><b>{column},{row}</b> "
            f"difference {errors.mean_error[number]:.1f}: cover {colour}, photo <span>{name}</span></button></li>"
        )


_PARTS: Final = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)


def _missing(
    missing: Mapping[str, npt.NDArray[np.int64]], errors: CellErrors, placement: PlacementMap
) -> Iterator[str]:
    for number, (name, cells) in enumerate(list(missing.items())[:_COLOURS]):
        third = (placement.cell[cells, :2] + placement.cell[cells, 2:] / 2) * 3 / placement.size
        parts = Counter(_PARTS[min(int(y), 2)][min(int(x), 2)] for x, y in third.tolist())
        location = " and ".join(part for part, count in parts.most_common(2) if count >= len(cells) / 4) or "everywhere"
        mostly = "mostly " if len(cells) > 1 and location != "everywhere" else ""
        share = f" ({len(cells) / len(placement):.1%})" if len(cells) >= 0.001 * len(placement) else ""
        yield (
            f'<li><button data-colour="{number}">{_swatch(errors.light[cells].mean(axis=0))}<b>{name}</b> '
            f"{_count(len(cells), 'cell', 'cells')}{share}, {mostly}{location}"
            f"</button></li>"
        )


def _data(
    compared: Compared,
    errors: CellErrors,
    missing: Sequence[npt.NDArray[np.int64]],
    command: FormatCommand | None,
) -> dict[str, Any]:
    """Return the script's data. Cells are in steps of the lattice."""
    placement = compared.placement
    grid = placement.grid
    step = grid.step
    cells = np.empty((len(placement), 6), np.int64)  # left, top, width, height, photo, error in tenths
    cells[:, :4] = np.rint(grid.cells / step)
    cells[:, 4], cells[:, 5] = placement.photo, np.rint(errors.mean_error * 10)
    selectable = len(placement) <= MAX_CELLS
    return {
        "size": [round(side / step) for side in (grid.columns, grid.rows)],
        "shown": [round(side / step, 6) for side in grid.frame],
        "step": step,
        "cells": cells.reshape(-1).tolist() if selectable else [],
        "photos": photo_names(compared.library.photos) if selectable else [],
        "colours": [numbers.tolist() for numbers in missing] if selectable else [],
        "map": compared.map_name,
        "saved": compared.map_saved,
        "commands": page_commands(compared.map_name, command),
    }
