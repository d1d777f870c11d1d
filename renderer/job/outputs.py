"""Where renders go: names, checks before the work, and stills as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from renderer.errors import InputError
from renderer.files import check_writable, new_file
from renderer.job.inputs import Mosaic, check_cover
from renderer.job.settings import MatchSettings
from renderer.pictures import Pixels
from renderer.placement import MAP_SUFFIX

STILL_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES: Final = (".mp4", ".m4v")


def default_output(cover: Path | None, kind: str, suffix: str) -> Path:
    """Where a render goes without `-o`: the cover's name and the kind of picture, in the current folder."""
    return Path(f"{check_cover(cover).stem}-{kind}{suffix}")


def check_suffix(path: Path, suffixes: Sequence[str], option: str = "-o") -> None:
    """Raise InputError for a name with another ending."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} {path}: a name that ends in {' or '.join(suffixes)} is needed")


def check_not_input(mosaic: Mosaic, path: Path) -> None:
    """Raise InputError for an output that is the cover or a photo, which -y would overwrite."""
    if path.exists() and (path.resolve() in {file.resolve() for file in mosaic.inputs} or mosaic.archive.holds(path)):
        raise InputError(f"-o {path} is the cover or one of the photos: give another name")


def check_outputs(path: Path, suffixes: Sequence[str], match: MatchSettings, *, overwrite: bool) -> None:
    """Raise InputError if what a render writes can't be written: before the work that makes it."""
    check_suffix(path, suffixes)
    check_writable(path, overwrite=overwrite)
    if match.save_map is not None:
        check_suffix(match.save_map, (MAP_SUFFIX,), "--save-map")
        check_writable(match.save_map, overwrite=overwrite, option="--save-map")


def save_still(pixels: Pixels, path: Path, overwrite: bool) -> None:
    """Write a still in the format of its name's ending. Raises InputError for a picture that the format can't hold."""
    options: dict[str, dict[str, int]] = {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".jpeg": {"quality": 95, "subsampling": 0},
        ".webp": {"quality": 95},
        ".png": {"compress_level": 4},
    }
    with new_file(path, overwrite=overwrite) as temporary:
        try:
            Image.fromarray(pixels).save(temporary, format=None, **options.get(path.suffix.lower(), {}))
        except ValueError as error:  # WebP, for one, holds 16,383 pixels a side
            raise InputError(f"{path} can't hold this picture ({error}): give another format, such as .png") from error
