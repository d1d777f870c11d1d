"""A report on one mosaic: cover and mosaic under a slider, where they differ, which photos are used, what they lack.

One HTML file that holds its pictures itself: it can be sent and kept. Of photos it holds thumbnails and names, no
paths and no other data; it asks no other machine for anything, which its content security policy holds it to.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.fidelity import colour_name, lacks
from renderer.library import Library, Photo, Skipped
from renderer.output_files import new_file
from renderer.pictures import Pixels, to_srgb
from renderer.placement import JsonValue, PlacementMap
from renderer.report.cell_errors import SHOWN_ERROR, CellErrors
from renderer.report.tables import figure_rows, rows, settings_rows
from renderer.report.thumbnails import ThumbnailSheet, data_address, fit

LONGEST: Final = 2400
"""Pixels of a picture's longer side."""

MAX_PHOTOS: Final = 1000
"""Photos shown, those of most uses; of the others there are the names."""

MAX_UNUSED: Final = 200
"""Photos shown of those that were not placed, the first ones."""

MAX_CELLS: Final = 100_000
"""Cells that can be pointed at: they take 2 MB of the page. Of more, each is under 8 pixels wide in it."""

_POINTING: Final = "Point at a cell to see which photo it shows; tap it, or press Enter, to change it."

_AT_ONCE: Final = 120  # photos shown without asking for more
_WORST: Final = 12  # cells shown of those that fit worst
_COLOURS: Final = 12  # shown of those that are lacking


@dataclass(frozen=True)
class Compared:
    """A mosaic and what it was made from: what a report is about."""

    cover: Pixels  # the part that the cells cover, any size
    mosaic: Pixels  # its still, of the same shape
    placement: PlacementMap
    library: Library  # the map's photos, in its order
    offered: Library  # the photos that could have been placed
    skipped: Sequence[Skipped]  # files that could not be used
    figures: Mapping[str, JsonValue]  # by the names that a summary has
    map_name: str  # of the `.mosaic` file, which `render edit` takes
    map_saved: bool  # there is one


def write_report(path: Path, compared: Compared, *, overwrite: bool = False) -> None:
    """Write the report of a mosaic to an HTML file, which appears when it is whole.

    A few MB: two pictures of 2,400 pixels, 1.2 KB for each photo shown and 20 bytes a cell. Raises InputError.
    """
    placement = compared.placement
    height, width = compared.mosaic.shape[:2]
    scale = min(1.0, LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    seen = CellErrors.of(compared.cover, compared.mosaic, placement)
    uses = placement.uses()
    by_use = np.argsort(-uses, kind="stable")
    by_use = by_use[uses[by_use] > 0]
    shown = by_use[:MAX_PHOTOS]
    placed = compared.offered.photos.find(placement.photos)
    unused = np.setdiff1d(np.arange(len(compared.offered.photos)), placed)
    sheet = ThumbnailSheet()
    photos = [_placed(number, int(uses[number]), compared.library, sheet) for number in shown.tolist()]
    others = "\n".join(_unused(compared.offered, number, sheet) for number in unused[:MAX_UNUSED].tolist())
    worst = "\n".join(_worst_cells(compared, seen, sheet))
    lacking = lacks(mean_lab(compared.offered.signatures), seen.lab)
    advice = compared.figures.get("advice")
    style = f"{_part('page.css')}{sheet.style()}:root {{ --shape: {size[0] / size[1]:.4f} }}\n"
    script = _part("page.js")
    page = Template(_part("page.html")).substitute(
        style_hash=_digest(style),
        script_hash=_digest(script),
        style=style,
        script=script,
        title=html.escape(f"Mosaic of {placement.recipe.get('cover', path.stem)}"),
        lead=html.escape(_lead(compared)),
        width=size[0],
        height=size[1],
        cover=data_address(fit(compared.cover, size)),
        mosaic=data_address(fit(compared.mosaic, size)),
        error=data_address(fit(seen.drawn_error(), (max(1, size[0] // 2), max(1, size[1] // 2)))),
        pointing=_POINTING if len(placement) <= MAX_CELLS else "",
        brightest=f"{SHOWN_ERROR:g}",
        figures=rows(figure_rows(compared.figures)),
        worst=worst,
        advice=f"<p><strong>{html.escape(str(advice))}.</strong></p>" if advice else "",
        lacking="\n".join(_lacking(lacking, seen, placement)),
        lacks_nothing="hidden" if lacking else "",
        lacks_some="" if lacking else "hidden",
        photos="\n".join(photos[:_AT_ONCE]),
        more_photos="\n".join(photos[_AT_ONCE:]),
        more_said=f"{len(photos) - _AT_ONCE:,} more",
        no_more="" if len(photos) > _AT_ONCE else "hidden",
        photos_said=_count(len(by_use), "photo", "photos") + _first_of(len(by_use), MAX_PHOTOS),
        unused=others,
        unused_said=_count(len(unused), "photo was", "photos were") + " offered and not placed",
        unused_first=_first_of(len(unused), MAX_UNUSED).removeprefix(", "),
        skipped="\n".join(
            f"<li>{html.escape(item.path.name)} {html.escape(item.reason)}</li>" for item in compared.skipped
        ),
        skipped_said=_count(len(compared.skipped), "file", "files") + " could not be used",
        no_skipped="" if compared.skipped else "hidden",
        settings=rows(settings_rows(placement.recipe)),
        data=_data(compared, seen, list(lacking.values())[:_COLOURS]),
    )
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8", errors="backslashreplace")


def check_report(path: Path) -> None:
    """Raise InputError for a name that does not end in .html."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--report {path}: a name that ends in .html is needed")


# -- Parts of the page ---------------------------------------------------------------------------------------------


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """What a content security policy knows a style or a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()).decode()


def _lead(compared: Compared) -> str:
    uses = compared.placement.uses()
    said = (
        f"{len(compared.placement):,} cells show {int((uses > 0).sum()):,} of {len(compared.offered.photos):,} photos"
    )
    off = compared.figures.get("delta_e")
    if not isinstance(off, float):
        return f"{said}."
    how = "hardly visible" if off < 2 else "visible side by side" if off < 5 else "clearly visible"
    return f"{said}. Seen from afar, its colours are off by {off:.1f}, which is {how}."


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _first_of(count: int, most: int) -> str:
    return f", of which the first {most} are shown" if count > most else ""


def _say_photo(photo: Photo) -> str:
    """A photo's name, and where in its file it is."""
    if photo.is_part:
        return f"{photo.path.name} at {photo.crop[0]},{photo.crop[1]}"
    return photo.path.name if photo.time is None else f"{photo.path.name} at {photo.time:.1f} s"


def _told(photo: Photo) -> list[str]:
    """What the script tells of a photo, and the file that a command would name."""
    return [_say_photo(photo), "" if photo.is_part else photo.path.name]


def _placed(number: int, uses: int, library: Library, sheet: ThumbnailSheet) -> str:
    name = html.escape(_say_photo(library.photos[number]))
    times = "once" if uses == 1 else f"{uses} times"
    tile = sheet.add(library, number)
    return f'<li><button data-photo="{number}">{tile}<b>{times}</b> <span>{name}</span></button></li>'


def _unused(offered: Library, number: int, sheet: ThumbnailSheet) -> str:
    return f"<li>{sheet.add(offered, number)} <span>{html.escape(_say_photo(offered.photos[number]))}</span></li>"


def _swatch(light: Float32Array) -> str:
    r, g, b = to_srgb(light[np.newaxis])[0].tolist()
    square = f'<rect width="1" height="1" fill="#{r:02x}{g:02x}{b:02x}"/>'
    return f'<svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">{square}</svg>'


def _worst_cells(compared: Compared, seen: CellErrors, sheet: ThumbnailSheet) -> Iterator[str]:
    for number in np.argsort(-seen.off, kind="stable")[:_WORST].tolist():
        x, y = compared.placement.cell[number, :2]
        photo = int(compared.placement.photo[number])
        asked, shown = colour_name(seen.lab[number]), html.escape(_say_photo(compared.library.photos[photo]))
        yield (
            f'<li><button data-cell="{number}"><span class="pictures">{_swatch(seen.light[number])}'
            f"{sheet.add(compared.library, photo)}</span><b>{int(x)},{int(y)}</b> off by {seen.off[number]:.1f}: "
            f"{asked} asked, <span>{shown}</span> shown</button></li>"
        )


_PARTS: Final = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)


def _lacking(lacking: Mapping[str, npt.NDArray[np.int64]], seen: CellErrors, placement: PlacementMap) -> Iterator[str]:
    for number, (name, cells) in enumerate(list(lacking.items())[:_COLOURS]):
        third = (placement.cell[cells, :2] + placement.cell[cells, 2:] / 2) * 3 / placement.size
        parts = Counter(_PARTS[min(int(y), 2)][min(int(x), 2)] for x, y in third.tolist())
        where = " and ".join(part for part, count in parts.most_common(2) if count >= len(cells) / 4) or "all over"
        mostly = "mostly " if len(cells) > 1 and where != "all over" else ""
        share = f" ({len(cells) / len(placement):.1%})" if len(cells) >= 0.001 * len(placement) else ""
        yield (
            f'<li><button data-colour="{number}">{_swatch(seen.light[cells].mean(axis=0))}<b>{name}</b> '
            f"{_count(len(cells), 'cell', 'cells')}{share}, {mostly}{where}"
            f"</button></li>"
        )


def _data(compared: Compared, seen: CellErrors, lacking: Sequence[npt.NDArray[np.int64]]) -> str:
    """What the script knows, as JSON that can't end its element: cells in steps, of which all sides are multiples."""
    placement = compared.placement
    step = placement.grid.step
    cells = np.empty((len(placement), 5), np.int64)  # column, row, side, photo, error in tenths
    cells[:, :3] = np.rint(placement.cell[:, :3] / step)
    cells[:, 3], cells[:, 4] = placement.photo, np.rint(seen.off * 10)
    known = len(placement) <= MAX_CELLS
    data = {
        "size": [round(side / step) for side in placement.size],
        "step": step,
        "cells": cells.reshape(-1).tolist() if known else [],
        "photos": [_told(photo) for photo in compared.library.photos] if known else [],
        "colours": [numbers.tolist() for numbers in lacking] if known else [],
        "map": compared.map_name,
        "saved": compared.map_saved,
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
