"""Outputs: their names, and the checks before a render starts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import Formatter
from typing import Final

from renderer.cover_names import MAP_SUFFIX, CoverName
from renderer.credits import check_credits
from renderer.encoder import FORMATS, STREAM, is_sequence, is_stream, numbered, without_number
from renderer.errors import InputError
from renderer.job.inputs import check_cover_name
from renderer.job.mosaics import OpenMosaic
from renderer.messages import named
from renderer.output_files import check_free, check_writable, new_file, new_files, shortened
from renderer.settings import MatchSettings
from renderer.stills import STILL_SUFFIXES, check_transparency

VIDEO_SUFFIXES: Final = tuple(suffix for one in FORMATS for suffix in one.suffixes)
"""Extensions of videos and animated pictures."""

_LONGEST_STEM: Final = 200
"""Maximum bytes of a cover's name in an output's name; file systems allow 255, including animation and preset."""


def named_output(
    output: Path | None, cover: CoverName | None, animation: str, preset: str, suffix: str, *, in_folder: bool = False
) -> Path:
    """Return the path of a render: `output` as it is or with its fields filled in, or a default name in that folder.

    Fields are {cover} (at most 200 bytes of the file's stem, without placeholders of frame numbers), {animation} and
    {preset}. `in_folder`: a plain `output` means a folder, as several files are written. Raises InputError for an
    unknown field.
    """
    stem = shortened(without_number(check_cover_name(cover).stem), _LONGEST_STEM)
    own = "-".join(part for part in (stem, animation, preset) if part) + suffix
    if output is None:
        return Path(own)
    if output == STREAM and not in_folder:
        return output
    path = output
    if "{" in str(output):
        try:
            if any(spec or conversion for _, _, spec, conversion in Formatter().parse(str(output))):
                raise ValueError(output)  # a width would make a text of any length
            path = Path(str(output).format(cover=stem, animation=animation, preset=preset))
        except (KeyError, IndexError, ValueError):
            message = f"{named('output', output)} has an unknown field: use {{cover}}, {{animation}} and {{preset}}"
            raise InputError(message) from None
        if path.suffix.lower() not in (*VIDEO_SUFFIXES, *STILL_SUFFIXES):
            path = path.with_name(path.name + suffix)
    elif in_folder and output.suffix.lower() in VIDEO_SUFFIXES:
        raise InputError(
            f"{named('output', output)} is one name for several files: use a folder, or a name with {{preset}} in it"
        )
    elif in_folder or os.path.isdir(output):  # noqa: PTH112 (a Path may raise OSError for an invalid name)
        path = output / own
    else:
        return output
    return path


def picture_output(output: Path | None, kind: str) -> Path | None:
    """Return the path of a picture for the output path of a video: next to it, as NAME-`kind`.png.

    Paths with other extensions are returned unchanged.
    """
    if output is None or output.suffix.lower() in STILL_SUFFIXES:
        return output
    if output.suffix.lower() not in VIDEO_SUFFIXES:
        return output
    return output.with_name(f"{output.stem}-{kind}.png")


def check_suffix(path: Path, suffixes: Sequence[str], parameter: str | None = "output") -> None:
    """Raise InputError for a name with another extension. `parameter`: the parameter that sets the path, if any."""
    if path.suffix.lower() not in suffixes:
        subject = named(parameter, path) if parameter else str(path)
        raise InputError(f"{subject} must end in {' or '.join(suffixes)}")


def check_not_input(mosaic: OpenMosaic, path: Path) -> None:
    """Raise InputError for an output that is a photo or another file that the mosaic is made from."""
    if mosaic.archive.contains(path):
        raise _input_error(path)
    check_not_among(mosaic.inputs, path)


def check_not_among(files: Iterable[Path], path: Path) -> None:
    """Raise InputError for an output that is one of some input files, which overwriting would destroy."""
    if path.exists() and _is_among(path, files):
        raise _input_error(path)


def _input_error(path: Path) -> InputError:
    return InputError(
        f"{named('output', path)} is the cover or one of the photos, or another input: choose another name"
    )


def _is_among(path: Path, files: Iterable[Path]) -> bool:
    """Return whether an existing file is one of some files, by their paths without symbolic links."""
    status, resolved = path.stat(), path.resolve()
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            # Resolving a path takes 0.1 ms, and a map may have thousands of photos.
            if os.path.samestat(file.stat(), status) and file.resolve() == resolved:
                return True
    return False


def check_still(path: Path, match: MatchSettings, *, transparent: bool, overwrite: bool) -> None:
    """Raise InputError if a still, or the map or credits written with it, can't be written."""
    check_suffix(path, STILL_SUFFIXES)
    if transparent:
        check_transparency(path)
    check_writable(path, overwrite=overwrite)
    check_beside(match, overwrite=overwrite)


def check_beside(match: MatchSettings, *, overwrite: bool) -> None:
    """Raise InputError if the map or the credits written with a render can't be written."""
    if match.save_map is not None:
        check_suffix(match.save_map, (MAP_SUFFIX,), "save_map")
        check_writable(match.save_map, overwrite=overwrite, parameter="save_map")
    if match.credits is not None:
        check_credits(match.credits, overwrite=overwrite)


def check_video(path: Path, numbers: Sequence[int], *, overwrite: bool) -> None:
    """Raise InputError if a video, or a sequence of the frames `numbers`, can't be written to `path`."""
    if is_stream(path):
        if path == STREAM and sys.stdout.isatty():
            raise InputError(
                f"{named('output', STREAM)} writes raw video, which a terminal can't show: use a pipe or a file"
            )
    elif is_sequence(path):
        check_writable(path, overwrite=True)
        for number in (numbers[0], numbers[-1]):
            check_free(numbered(path, number), overwrite=overwrite)
    else:
        check_writable(path, overwrite=overwrite)


@contextmanager
def new_video(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path to write a video to; it is renamed on exit, or deleted if anything goes wrong.

    A sequence is first written to a temporary folder. Raises InputError and RenderError as `new_file` does.
    """
    if is_stream(path):
        yield path
    elif not is_sequence(path):
        with new_file(path, overwrite=overwrite) as temporary:
            yield temporary
    else:
        with new_files(path, overwrite=overwrite) as folder:
            yield folder / path.name
