"""Where renders go: names, and checks before the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import Formatter
from typing import Final

from renderer.credits import check_credits
from renderer.encoder import FORMATS, STREAM, is_sequence, is_stream, numbered, without_number
from renderer.errors import InputError
from renderer.job.inputs import OpenMosaic, check_cover
from renderer.job.settings import MatchSettings
from renderer.output_files import check_free, check_writable, new_file, new_files, shortened
from renderer.placement import MAP_SUFFIX
from renderer.stills import STILL_SUFFIXES

_LONGEST_STEM: Final = 200
"""Bytes of a cover's name in that of an output; file systems take 255, and the animation's and the preset's follow."""


def named_output(
    output: Path | None, cover: Path | None, animation: str, preset: str, suffix: str, *, in_folder: bool = False
) -> Path:
    """Where a render goes: `output` as it is, a name made of its fields, or a name of its own in the folder it names.

    Fields are {cover} (the file's stem, at most 200 bytes of it, and nothing in it that stands for a frame's number),
    {animation} and {preset}. `in_folder`: a plain `output` means a folder, as several files go there. Raises
    InputError for a field that is none.
    """
    stem = shortened(without_number(check_cover(cover).stem), _LONGEST_STEM)
    own = "-".join(part for part in (stem, animation, preset) if part) + suffix
    if output is None:
        return Path(own)
    if output == STREAM and not in_folder:
        return output
    path = output
    if "{" in str(output):
        try:
            if any(spec or conversion for _, _, spec, conversion in Formatter().parse(str(output))):
                raise ValueError(output)  # a width may make a text of any length
            path = Path(str(output).format(cover=stem, animation=animation, preset=preset))
        except (KeyError, IndexError, ValueError):
            raise InputError(f"-o {output}: the fields are {{cover}}, {{animation}} and {{preset}}") from None
        if path.suffix.lower() not in (ending for one in FORMATS for ending in one.suffixes):
            path = path.with_name(path.name + suffix)
    elif in_folder and output.suffix.lower() in (ending for one in FORMATS for ending in one.suffixes):
        raise InputError(f"-o {output} is one name for several files: give a folder, or a name with {{preset}} in it")
    elif in_folder or os.path.isdir(output):  # noqa: PTH112 (a Path may raise OSError for what can be no name)
        path = output / own
    else:
        return output
    return path


def picture_output(output: Path | None, kind: str) -> Path | None:
    """Where a picture of a video goes whose own output is given: beside it, as NAME-`kind`.png.

    An output that is no video's is returned as it is.
    """
    if output is None or output.suffix.lower() in STILL_SUFFIXES:
        return output
    if output.suffix.lower() not in (ending for one in FORMATS for ending in one.suffixes):
        return output
    return output.with_name(f"{output.stem}-{kind}.png")


def check_suffix(path: Path, suffixes: Sequence[str], option: str = "-o") -> None:
    """Raise InputError for a name with another ending."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} {path}: a name that ends in {' or '.join(suffixes)} is needed")


def check_not_input(mosaic: OpenMosaic, path: Path) -> None:
    """Raise InputError for an output that is the cover or a photo, which -y would overwrite."""
    if path.exists() and (path.resolve() in {file.resolve() for file in mosaic.inputs} or mosaic.archive.holds(path)):
        raise InputError(f"-o {path} is the cover or one of the photos: give another name")


def check_still(path: Path, match: MatchSettings, *, overwrite: bool) -> None:
    """Raise InputError if a still, or the map beside it, can't be written: before the work that makes it."""
    check_suffix(path, STILL_SUFFIXES)
    check_writable(path, overwrite=overwrite)
    check_beside(match, overwrite=overwrite)


def check_beside(match: MatchSettings, *, overwrite: bool) -> None:
    """Raise InputError if the map or the credits that a render also writes can't be written."""
    if match.save_map is not None:
        check_suffix(match.save_map, (MAP_SUFFIX,), "--save-map")
        check_writable(match.save_map, overwrite=overwrite, parameter="save_map")
    if match.credits is not None:
        check_credits(match.credits, overwrite=overwrite)


def check_video(path: Path, numbers: Sequence[int], *, overwrite: bool) -> None:
    """Raise InputError if a video, a sequence of the frames `numbers` included, can't be written to `path`."""
    if is_stream(path):
        if path == STREAM and sys.stdout.isatty():
            raise InputError("-o - writes raw video, which a terminal can't show: send it to a program or a file")
    elif is_sequence(path):
        check_writable(path, overwrite=True)
        for number in (numbers[0], numbers[-1]):
            check_free(numbered(path, number), overwrite=overwrite)
    else:
        check_writable(path, overwrite=overwrite)


@contextmanager
def new_video(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Where to write a video to; it takes its place in the end, and leaves nothing behind if anything goes wrong.

    A sequence is written to a folder beside its place first. Raises InputError and RenderError as `new_file` does.
    """
    if is_stream(path):
        yield path
    elif not is_sequence(path):
        with new_file(path, overwrite=overwrite) as temporary:
            yield temporary
    else:
        with new_files(path, overwrite=overwrite) as folder:
            yield folder / path.name
