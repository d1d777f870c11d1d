"""The photos in full size, in a folder beside a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from renderer.errors import RenderError
from renderer.explore.pictures import picture_of
from renderer.library import Library
from renderer.output_files import check_file_and_folder
from renderer.threads import run_blocks

if TYPE_CHECKING:
    from renderer.progress import Progress

_QUALITY: Final = 90  # of JPEG
_LONGEST: Final = 65_500  # pixels, the limit of JPEG
_NAME: Final = re.compile(r"\d+\.jpg")


def folder_of(page: Path) -> Path:
    """Return the folder for the photos of a page: `photos`, or for a page of another name one that tells it."""
    return page.with_name("photos" if page.stem == "index" else f"{page.stem}-photos")


def check_originals(page: Path, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Raise InputError if the folder of a page's photos exists and may not be replaced.

    Only a folder that such photos, and nothing else, are in is replaced, and none with a file that is read (`inputs`).
    """
    read = [each.resolve() for each in inputs]

    def is_ours(folder: Path) -> bool:
        kept = folder.resolve()
        return all(_NAME.fullmatch(each.name) for each in folder.iterdir()) and not any(
            each.is_relative_to(kept) for each in read
        )

    check_file_and_folder(page, folder_of(page), is_ours, "the photos of a page", overwrite=overwrite)


def write_originals(folder: Path, library: Library, progress: Progress) -> None:
    """Write the photos of a library into an existing folder, as 0.jpg, 1.jpg and so on.

    They have no metadata: neither EXIF, nor a location or a name. Memory: a photo for each thread.
    """
    numbers = range(len(library.photos))
    with progress.stage("writing photos", len(numbers), "photos") as advance:
        run_blocks(partial(_write, library, folder), numbers, lambda _number: advance(1))


def _write(library: Library, folder: Path, number: int) -> int:
    photo = library.photos[number]
    shrink = min(_LONGEST / max(photo.own_size), 1.0)
    width, height = (max(round(side * shrink), 1) for side in photo.own_size)
    try:
        pixels = library.whole(photo, width, height)
    except RenderError:  # its file is missing
        pixels = picture_of(library, number, max(width, height))
    Image.fromarray(pixels).save(folder / f"{number}.jpg", "JPEG", quality=_QUALITY, optimize=True)
    return number
