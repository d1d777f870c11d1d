"""File formats: their extensions and capabilities, and the choice of format and codec for an output."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.errors import InputError
from renderer.messages import named
from renderer.settings import Codec, FileSettings, FormatName

STREAM: Final = Path("-")
"""The path that stands for standard output."""


@dataclass(frozen=True)
class Format:
    """A file format and its capabilities."""

    name: FormatName
    suffixes: tuple[str, ...]
    codecs: tuple[Codec, ...] = ()  # the default first; empty if the format has no choice of codec
    sound: bool = False
    loops: bool = False  # players loop it
    sequence: bool = False  # one file per frame
    even: bool = False  # width and height must be even


FORMATS: Final = (
    Format("mp4", (".mp4", ".m4v"), ("h264", "hevc", "av1"), sound=True, even=True),
    Format("mov", (".mov",), ("h264", "hevc", "prores"), sound=True, even=True),
    Format("webm", (".webm",), ("vp9", "av1"), sound=True, even=True),
    Format("gif", (".gif",), loops=True),
    Format("webp", (".webp",), loops=True),
    Format("apng", (".apng",), loops=True),
    Format("png", (".png",), sequence=True),
    Format("jpeg", (".jpg", ".jpeg"), sequence=True),
    Format("y4m", (".y4m",), even=True),
)

TRANSPARENT_CODECS: Final[tuple[Codec, ...]] = ("vp9", "prores")
TRANSPARENT_FORMATS: Final[tuple[FormatName, ...]] = ("gif", "webp", "apng", "png")

SHORTEST_DELAY: Final = 2
"""Shortest frame delay of a GIF, in hundredths of a second; browsers play anything shorter at 10 frames per second."""
DEFAULT_TOLERANCE: Final = 3.0
"""Default error that a GIF's pixels may have, in levels of 255."""

_NUMBER: Final = re.compile(r"%0?\d*d")


@dataclass(frozen=True)
class OutputFormat:
    """The format of an output, with its codec if it has one."""

    format: Format
    codec: Codec | None
    transparent: bool


def is_stream(path: Path) -> bool:
    """Return whether a path is a stream that another program reads: standard output or a named pipe."""
    try:
        return path == STREAM or path.is_fifo()
    except OSError:  # not a valid file name
        return False


def is_sequence(path: Path) -> bool:
    """Return whether a path is a pattern for one file per frame, such as frames/%05d.png."""
    return _NUMBER.search(path.name) is not None


def without_number(text: str) -> str:
    """Return a text without frame-number patterns: 100%d becomes 100_d."""
    return _NUMBER.sub(lambda found: found[0].replace("%", "_"), text)


def numbered(path: Path, number: int) -> Path:
    """Return the path of one frame of a sequence."""
    return path.with_name(_NUMBER.sub(lambda found: found[0] % number, path.name, count=1))


def choose(path: Path, settings: FileSettings, *, transparent: bool = False) -> OutputFormat:
    """Return the format and codec for a path and its settings. Raises InputError if they do not fit together."""
    found = _format(path, settings.format)
    if found.sequence != is_sequence(path):
        if found.sequence:
            fix = f"use a frame-number pattern, such as frames/%05d{found.suffixes[0]}"
            raise InputError(f"{named('output', path)}: {found.name} stores one frame per file: {fix}")
        raise InputError(
            f"{named('output', path)}: {found.name} stores all frames in one file: remove the frame number"
        )
    if is_stream(path) and found.name != "y4m":
        raise InputError(
            f"{named('output', path)} is a stream of raw video and can't be {found.name}: write to a file instead"
        )
    if len(_NUMBER.findall(path.name)) > 1:
        raise InputError(f"{named('output', path)}: a sequence has one frame number: remove the others")
    codec = settings.codec
    if codec is not None and codec not in found.codecs:
        containers = ", ".join(f".{one.name}" for one in FORMATS if codec in one.codecs)
        supported = (
            f"{found.name} supports {' or '.join(found.codecs)}" if found.codecs else f"{found.name} has no codecs"
        )
        raise InputError(f"{named('codec', codec)} does not fit {path.name}: {supported}; {codec} fits {containers}")
    if transparent:
        transparent_codec = next((one for one in found.codecs if one in TRANSPARENT_CODECS), None)
        codec = codec or transparent_codec
        if found.name not in TRANSPARENT_FORMATS and codec not in TRANSPARENT_CODECS:
            kind = f"{found.name} with {codec}" if codec else found.name
            raise InputError(
                f"A transparent background is not possible in {kind}: use .webm (VP9), .mov (ProRes), .gif, .webp or "
                ".apng, or frames/%05d.png"
            )
    return OutputFormat(found, codec or (found.codecs[0] if found.codecs else None), transparent)


def _format(path: Path, requested: FormatName | None) -> Format:
    if requested is not None:
        return next(one for one in FORMATS if one.name == requested)
    suffix = path.suffix.lower()
    for one in FORMATS:
        if suffix in one.suffixes:
            return one
    if is_stream(path):
        return next(one for one in FORMATS if one.name == "y4m")
    known = ", ".join(ending for one in FORMATS for ending in one.suffixes if not one.sequence)
    raise InputError(
        f"{named('output', path)} has no known extension: use one of {known}, a pattern such as frames/%05d.png, or "
        f"specify {named('format')}"
    )


def gif_rate(fps: Fraction) -> Fraction:
    """Return the rate nearest to `fps` with a frame delay in whole hundredths of a second: 50, 33⅓, 25, …, 1/655."""
    hundredths = 100 / fps
    delays = (max(math.floor(hundredths), SHORTEST_DELAY), max(math.ceil(hundredths), SHORTEST_DELAY))
    return min((Fraction(100, min(delay, 65_535)) for delay in delays), key=lambda rate: abs(rate - fps))
