"""The page: data, pictures, styles and scripts in one HTML file, which requests nothing."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from renderer.explore.captions import captions_of
from renderer.explore.originals import check_originals, folder_of, write_originals
from renderer.explore.pictures import Pictures, encode_photos
from renderer.explore.table import cell_places, cell_table, outline
from renderer.job import draw_strips
from renderer.library.photos import modification_time
from renderer.messages import FormatCommand, counted, named
from renderer.output_files import new_file, new_file_and_folder
from renderer.pages import COMMANDS, make_page, page_commands, page_title, part, photo_names, webp
from renderer.settings import ExploreSettings

if TYPE_CHECKING:
    from renderer.job import OpenMosaic
    from renderer.library import Library
    from renderer.pictures import Pixels
    from renderer.progress import Progress

_SCRIPTS: Final = (
    "data.js", "pixels.js", "view.js", "photos.js", "drawing.js", "canvas2d.js", "gestures.js", "similar.js",
    "panel.js", "explore.js",
)  # fmt: skip
_FIRST: Final = 1600  # longer side in pixels of the picture that is seen first
_FIRST_QUALITY: Final = 85
_ROWS: Final = 256  # of it that are drawn at once
_TEXT: Final = 150_000  # bytes of styles, scripts and the description of the photos, apart from these
_UNUSED_SIDE: Final = 96  # shorter side in pixels of photos that the mosaic does not show
_UNUSED_SHARE: Final = 0.2  # of the page that is theirs
_UNUSED_BYTES: Final = 900  # of the smallest picture of one


@dataclass(frozen=True)
class SavedMap:
    """The file of a map, which the page's commands name."""

    name: str
    exists: bool
    command: FormatCommand | None  # formats them; None: the page offers none


def write_page(
    path: Path,
    mosaic: OpenMosaic,
    settings: ExploreSettings,
    captions: dict[str, str],
    saved: SavedMap,
    progress: Progress,
    *,
    overwrite: bool,
) -> None:
    """Write the page of a mosaic and the photos beside it, which appear under their names when both are complete.

    `captions`: as `read_captions` returns them. The page's size is about that of the settings, unless already the
    smallest pictures are larger. Raises RenderError.
    """
    placement, library = mosaic.placement, mosaic.library
    count = len(library.photos)
    first, cells = webp(_whole(mosaic), _FIRST_QUALITY), cell_table(placement)
    places = cell_places(placement) if settings.names and saved.command is not None else b""
    # Base64 has 4 characters for 3 bytes.
    budget = int((settings.page_size * 1e6 - _TEXT) * 3 / 4) - len(first) - len(cells) - len(places)
    unused, pictures, every = _unused(mosaic), [], library
    pictures.append(encode_photos(library, max(int((1 - _UNUSED_SHARE if len(unused) else 1) * budget), 1), progress))
    if len(unused):
        progress.notice(
            f"{len(unused):,} of {count + len(unused):,} photos are not in the mosaic, only in the list of the page: "
            f"{named('use_all', True)} puts each into it"
        )
    most = max(budget - len(pictures[0].data), 0) // _UNUSED_BYTES
    if len(unused) > most:
        progress.notice(
            f"{len(unused) - most:,} of {len(unused):,} unused photos are left out: use a larger {named('page_size')}"
        )
        unused = unused[np.linspace(0, len(unused) - 1, most).astype(int)]  # as photos of one event follow one another
    if len(unused):
        some = mosaic.offered.take(unused)
        pictures.append(encode_photos(some, budget - len(pictures[0].data), progress, most=_UNUSED_SIDE))
        every = library.combined(some)
    told = every.photos.dates()
    folder = folder_of(path) if settings.originals == "folder" else None
    unnamed = f"A mosaic of {counted(count, 'photo')}"  # the name of the cover is a name, too
    title = settings.title or (page_title(placement, path.stem) if settings.names else unnamed)
    data: dict[str, Any] = {
        "size": placement.size, "used": count, "outline": outline(placement),
        "photos": _photos(every, count, pictures),
        "names": photo_names(every.photos) if settings.names else [],
        "dates": [_date(file, date) for file, date in told] if settings.names else [],
        "captions": captions_of([file for file, _ in told], captions, settings.captions, progress)
        if settings.captions is not None else [],
        "originals": f"{folder.name}/" if folder is not None else "",
        "intro": settings.intro, "best": mosaic.landings[0] if settings.intro != "none" else 0,
        **({"map": saved.name, "saved": saved.exists} if settings.names else {}),
        "commands": page_commands(saved.name, saved.command) if settings.names else {},
    }  # fmt: skip
    body = Template(part("renderer.explore", "page/explore.html")).substitute(
        title=html.escape(title), commands=COMMANDS, first=_base64(first),
        cells=_base64(cells), places=_base64(places), pictures=_base64(b"".join(each.data for each in pictures)),
    )  # fmt: skip
    style = part("renderer.explore", "page/explore.css")
    script = part("renderer.explore", *(f"page/{name}" for name in _SCRIPTS))
    # `self` is no address for a file that is opened without a server.
    images = "data: blob:" if folder is None else "data: blob: 'self' file:"
    page = make_page(title, body, style, script, data, images=images)
    with ExitStack() as opened:
        if folder is None:
            file = opened.enter_context(new_file(path, overwrite=overwrite))
        else:
            inputs = [*mosaic.inputs, *(photo for photo, _ in told)]
            check = partial(check_originals, path, inputs, overwrite=overwrite)
            check()
            file, photos = opened.enter_context(new_file_and_folder(path, folder, check))
            write_originals(photos, every, progress)
        file.write_text(page, "utf-8", errors="backslashreplace")
    if folder is None and folder_of(path).exists():
        progress.notice(f"{folder_of(path)} may have the photos of an earlier page: delete it unless you need it")
    progress.notice(
        _warning(path, len(every.photos), settings, any(data["captions"]), max(map(min, pictures[0].sizes)), folder)
    )


def _warning(
    path: Path, count: int, settings: ExploreSettings, has_captions: bool, side: int, folder: Path | None
) -> str:
    """Return what the page reveals."""
    words = [f"{counted(count, 'photo')}, up to {side} pixels on the shorter side"]
    words += [f"their names and dates ({named('names')})"] if settings.names else []
    words += [f"their captions ({named('captions')})"] if has_captions else []
    beside = f", and {folder.name} has them in full size" if folder is not None else ""
    return f"{path.name} contains {' and '.join(words)}{beside}: whoever receives it can save them"


def _date(file: Path, date: str) -> str:
    """Return when a photo was taken, as the page shows it; "" if that is only when its file was written."""
    with suppress(OSError):
        if date == modification_time(file.stat().st_mtime_ns):
            return ""
    return date[:16].replace("T", " ")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unused(mosaic: OpenMosaic) -> npt.NDArray[np.intp]:
    """Return the indices of the offered photos that the mosaic does not show; none of a saved map or of pieces."""
    if not mosaic.has_choice:
        return np.empty(0, np.intp)
    return np.flatnonzero(mosaic.library.photos.find(mosaic.offered.photos) < 0)


def _photos(library: Library, used: int, pictures: Sequence[Pictures]) -> list[list[float]]:
    """Return for each photo where its picture ends in the data, and the part of it that tiles show, if any do."""
    described, start = [], 0
    sizes = [size for each in pictures for size in each.sizes]
    ends = []
    for each in pictures:
        ends += [start + end for end in each.ends]
        start += len(each.data)
    for number, ((width, height), end) in enumerate(zip(sizes, ends, strict=True)):
        entry: list[float] = [end]
        if number < used:
            photo = library.photos[number]
            left, top, across, along = (0, 0, *photo.own_size) if photo.is_part else photo.crop
            x, y = width / photo.own_size[0], height / photo.own_size[1]
            entry += [round(value, 3) for value in (left * x, top * y, across * x, along * y)]
        described.append(entry)
    return described


def _whole(mosaic: OpenMosaic) -> Pixels:
    """Return the whole mosaic, (H, W, 3), or (H, W, 4) with straight alpha where something else shows through."""
    scale = _FIRST / max(mosaic.placement.size)
    width, height = (max(round(side * scale), 1) for side in mosaic.placement.size)
    picture = np.concatenate(list(draw_strips(mosaic, (width, height), _ROWS, "transparent")))
    return picture if (picture[..., 3] < 255).any() else np.ascontiguousarray(picture[..., :3])
