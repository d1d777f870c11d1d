"""Formats of files: their endings, what they can hold, and what is chosen for a name and a wish."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.errors import InputError
from renderer.settings import Codec, FileSettings, FormatName

STREAM: Final = Path("-")
"""The name that means standard output."""


@dataclass(frozen=True)
class Format:
    """What a file is, seen from outside."""

    name: FormatName
    suffixes: tuple[str, ...]
    codecs: tuple[Codec, ...] = ()  # the default first; none where the format is its own codec
    sound: bool = False
    loops: bool = False  # players show it again and again
    sequence: bool = False  # one file a frame
    even: bool = False  # sides must be even


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
"""Of a GIF's frame, in hundredths of a second; browsers show anything shorter at 10 frames a second."""
DEFAULT_TOLERANCE: Final = 3.0
"""Of a GIF: how far a pixel may be off, in levels of 255."""

_NUMBER: Final = re.compile(r"%0?\d*d")


@dataclass(frozen=True)
class OutputFormat:
    """What is to be written: a format, with a codec where it has one."""

    format: Format
    codec: Codec | None
    transparent: bool


def is_stream(path: Path) -> bool:
    """Whether a name stands for no file, but for what another program reads: standard output or a named pipe."""
    try:
        return path == STREAM or path.is_fifo()
    except OSError:  # no file can have this name
        return False


def is_sequence(path: Path) -> bool:
    """Whether a name stands for one file a frame, such as frames/%05d.png."""
    return _NUMBER.search(path.name) is not None


def without_number(text: str) -> str:
    """A text in which nothing stands for the number of a frame: 100%d is 100_d."""
    return _NUMBER.sub(lambda found: found[0].replace("%", "_"), text)


def numbered(path: Path, number: int) -> Path:
    """The file of one frame of a sequence."""
    return path.with_name(_NUMBER.sub(lambda found: found[0] % number, path.name, count=1))


def choose(path: Path, settings: FileSettings, *, transparent: bool = False) -> OutputFormat:
    """Format and codec for a name, as far as they are not given. Raises InputError for what does not go together."""
    found = _format(path, settings.format)
    if found.sequence != is_sequence(path):
        if found.sequence:
            fix = f"give a name with a number, such as frames/%05d{found.suffixes[0]}"
            raise InputError(f"-o {path}: {found.name} holds one frame a file: {fix}")
        raise InputError(f"-o {path}: {found.name} holds all frames in one file: leave the number out")
    if is_stream(path) and found.name != "y4m":
        raise InputError(
            f"-o {path} is raw video for the next program: it can't be {found.name}, give the name of a file"
        )
    if len(_NUMBER.findall(path.name)) > 1:
        raise InputError(f"-o {path}: a sequence has one number: leave the others out")
    codec = settings.codec
    if codec is not None and codec not in found.codecs:
        homes = ", ".join(f".{one.name}" for one in FORMATS if codec in one.codecs)
        holds = f"{found.name} holds {' or '.join(found.codecs)}" if found.codecs else f"{found.name} has no codecs"
        raise InputError(f"--codec {codec} does not go into {path.name}: {holds}; {codec} goes into {homes}")
    if transparent:
        able = next((one for one in found.codecs if one in TRANSPARENT_CODECS), None)
        codec = codec or able
        if found.name not in TRANSPARENT_FORMATS and codec not in TRANSPARENT_CODECS:
            what = f"{found.name} of {codec}" if codec else found.name
            raise InputError(
                f"--transparent: {what} has no transparency: give a name that ends in .webm (VP9), .mov (ProRes), "
                ".gif, .webp or .apng, or frames/%05d.png"
            )
    return OutputFormat(found, codec or (found.codecs[0] if found.codecs else None), transparent)


def _format(path: Path, wish: FormatName | None) -> Format:
    if wish is not None:
        return next(one for one in FORMATS if one.name == wish)
    suffix = path.suffix.lower()
    for one in FORMATS:
        if suffix in one.suffixes:
            return one
    if is_stream(path):
        return next(one for one in FORMATS if one.name == "y4m")
    known = ", ".join(ending for one in FORMATS for ending in one.suffixes if not one.sequence)
    raise InputError(f"-o {path}: a name that ends in one of {known} is needed, or frames/%05d.png, or --format")


def gif_rate(fps: Fraction) -> Fraction:
    """The rate nearest to `fps` whose frames last whole hundredths of a second: 50, 33⅓, 25, 20, …, 1/655."""
    hundredths = 100 / fps
    delays = (max(math.floor(hundredths), SHORTEST_DELAY), max(math.ceil(hundredths), SHORTEST_DELAY))
    return min((Fraction(100, min(delay, 65_535)) for delay in delays), key=lambda rate: abs(rate - fps))
