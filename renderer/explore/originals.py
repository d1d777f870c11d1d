"""The photos in full size, in a folder beside a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from renderer.errors import RenderError
from renderer.explore.pictures import picture_of
from renderer.library import Library
from renderer.output_files import new_files
from renderer.threads import run_blocks

if TYPE_CHECKING:
    from renderer.progress import Progress

_QUALITY: Final = 90  # of JPEG
_LONGEST: Final = 65_500  # pixels, the limit of JPEG


def folder_of(page: Path) -> Path:
    """Return the folder for the photos of a page: `photos`, or for a page of another name one that tells it."""
    return page.with_name("photos" if page.stem == "index" else f"{page.stem}-photos")


def write_originals(folder: Path, library: Library, progress: Progress, *, overwrite: bool) -> None:
    """Write the photos of a library as 0.jpg, 1.jpg, …; they appear when all are complete.

    They have no metadata: neither EXIF, nor a location or a name. Memory: a photo for each thread. Raises what
    `new_files` raises.
    """
    numbers = range(len(library.photos))
    with (
        new_files(folder / "%d.jpg", overwrite=overwrite) as temporary,
        progress.stage("writing photos", len(numbers), "photos") as advance,
    ):
        run_blocks(partial(_write, library, temporary), numbers, lambda _number: advance(1))


def _write(library: Library, folder: Path, number: int) -> int:
    photo = library.photos[number]
    width, height = photo.own_size
    try:
        pixels = library.whole(photo, width, height)
    except RenderError:  # its file is missing
        pixels = picture_of(library, number, max(width, height))
    Image.fromarray(pixels).save(folder / f"{number}.jpg", "JPEG", quality=_QUALITY, optimize=True)
    return number
