"""Probe a written file: everything is read from the file itself, nothing from the settings that made it."""

from __future__ import annotations

import io
import math
import re
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from renderer.arrays import Int64Array
from renderer.errors import EncoderError
from renderer.ffmpeg import UNLISTED, run_ffmpeg, user_file
from renderer.image_file import open_image
from renderer.parameters import NTSC_RATES

_MILLISECOND: Final = Fraction(1, 1000)  # the time base of WebM
_PICTURE_SUFFIXES: Final = (".gif", ".webp", ".apng", ".png")


@dataclass(frozen=True)
class Sound:
    """A file's audio stream."""

    codec: str  # "aac"
    profile: str  # "LC", or empty
    rate: int  # samples per second
    channels: str  # "stereo"
    seconds: float


@dataclass(frozen=True)
class Probe:
    """Properties of a file from its headers and packets; None or empty if its format does not have the property."""

    format: str  # "mp4", "gif"
    codec: str  # "h264"
    profile: str  # "High"
    tag: str  # "avc1"
    pixel_format: str  # "yuv420p"
    colours: str  # "tv, bt709, progressive"
    width: int  # display size: after rotation, with square pixels
    height: int
    fps: Fraction | None  # None: variable frame rate
    frames: int
    seconds: float
    bytes: int
    b_frames: int = 0  # maximum consecutive B-frames
    gop: int = 1  # maximum frames from one key frame to the next
    fast_start: bool | None = None  # the index (moov) precedes the frames
    edit_list: bool | None = None
    loops: bool | None = None
    sound: Sound | None = None

    @property
    def bit_rate(self) -> float:
        """Average bits per second of the whole file."""
        return self.bytes * 8 / self.seconds if self.seconds else 0.0


def probe(path: Path) -> Probe:
    """Read a video's headers and packets without decoding. Raises EncoderError if the file is not a video."""
    if path.suffix.lower() in _PICTURE_SUFFIXES:
        return _probe_picture(path)
    copied = ("-map", "0:v:0", "-map", "0:a?", "-c", "copy", "-f", "framecrc", "-")
    done = run_ffmpeg(*user_file(path), *copied)
    log = done.stderr.decode("utf-8", "replace")
    stream = re.search(r"Stream #0:\d+.*?: Video: (.*)", log)
    packets, time_bases = _packets(done.stdout)
    if done.returncode != 0 or stream is None or not len(packets[0].shown):
        raise EncoderError(f"{path.name} {_fault(path, log, known=stream is not None)}")
    line = stream[1]
    codec = re.match(r"(\w+)((?: \([^)]*\))*)", line)
    layout = re.search(r"(\w+)(?:\(([^)]*)\))?, (\d+)x(\d+)", line)
    if codec is None or layout is None:
        raise EncoderError(f"{path.name} has no readable video stream: {line}")
    words = re.findall(r"\(([^)]*)\)", codec[2])
    tag = next((word.split(" / ")[0] for word in words if " / " in word), "")
    # Names of decoders start in lower case, names of profiles do not.
    profile = next((word for word in words if " / " not in word and not word[:1].islower()), "")
    width, height = _shown(int(layout[3]), int(layout[4]), line, log[stream.end() :].split("Stream #")[0])
    video, base = packets[0], time_bases[0]
    container = re.search(r"Input #0, (\S+), from", log)
    boxes = list(_boxes(path)) if container and "mp4" in container[1] else None
    # Durations in a coarse time base (WebM: milliseconds) are rounded, so their sum would be wrong.
    seconds = float(int((video.shown + video.duration).max() - video.shown.min()) * base)
    return Probe(
        format=(path.suffix.lower().lstrip(".") or (container[1] if container else "")),
        codec=codec[1], profile=profile, tag=tag,
        pixel_format=layout[1], colours=layout[2] or "", width=width, height=height,
        fps=_rate(video, base, line), frames=len(video.shown), seconds=seconds, bytes=path.stat().st_size,
        b_frames=_max_b_frames(video), gop=_longest_gop(video),
        fast_start=boxes.index("moov") < boxes.index("mdat") if boxes and {"moov", "mdat"} <= set(boxes) else None,
        edit_list="edts" in boxes if boxes else None,
        sound=_sound(log, packets, time_bases),
    )  # fmt: skip


def _fault(path: Path, log: str, *, known: bool) -> str:
    """Return what is wrong with a file, from ffmpeg's log; `known`: ffmpeg found a video stream."""
    if not path.stat().st_size:
        return "is empty"
    if UNLISTED in log:
        return "is not a video but a text file, a picture or a playlist"
    if known or "moov atom not found" in log:
        return "is not a complete video: it is truncated, damaged, or not a video"
    return "has no video stream" if "matches no streams" in log else "is not a video"


def _shown(width: int, height: int, line: str, details: str) -> tuple[int, int]:
    """Return a stream's display width and height, after its pixel aspect ratio and rotation.

    `line`: ffmpeg's description of the stream; `details`: the lines that follow it.
    """
    if aspects := re.findall(r"SAR (\d+):(\d+) ", line):  # the codec's, then the container's, which takes precedence
        width = round(width * int(aspects[-1][0]) / (int(aspects[-1][1]) or 1)) or width
    rotation = re.search(r"(?i)display ?matrix: rotation of (-?[\d.]+)", details)
    return (height, width) if rotation and round(float(rotation[1]) / 90) % 2 else (width, height)


class _Packets(NamedTuple):
    """The packets of a stream in decoding order; times in units of its time base, (N,) int64."""

    decoded: Int64Array
    shown: Int64Array
    duration: Int64Array
    key: Int64Array  # 1 for a key frame


def _packets(text: bytes) -> tuple[list[_Packets], list[Fraction]]:
    """Return the packets and the time base of each stream, from ffmpeg's `framecrc` output: 32 bytes for each packet.

    The stream 0 may have no packets.
    """
    numbers = [array("q")]  # four for each packet
    bases = [Fraction(1)]
    for line in io.BytesIO(text):
        if found := re.match(rb"#tb (\d+): (\d+)/(\d+)", line):
            number = int(found[1])
            numbers += [array("q") for _ in range(number + 1 - len(numbers))]
            bases += [Fraction(1) for _ in range(number + 1 - len(bases))]
            bases[number] = Fraction(int(found[2]), int(found[3]))
        elif line.strip() and line[:1] != b"#":
            words = [word.strip() for word in line.split(b",")]
            # A key frame has no flags field; other packets have F=0x0.
            key = not any(word.startswith(b"F=") and not int(word[2:], 16) & 1 for word in words[6:])
            numbers[int(words[0])].extend((int(words[1]), int(words[2]), int(words[3]), key))
    return [_Packets(*np.frombuffer(each, np.int64).reshape(-1, 4).T) for each in numbers], bases


def _rate(video: _Packets, base: Fraction, line: str) -> Fraction | None:
    lengths = np.unique(video.duration)
    if base != _MILLISECOND and len(lengths) == 1 and lengths[0]:
        return 1 / (int(lengths[0]) * base)
    stated = re.search(r"([\d.]+)(k?) fps", line)
    if stated is None:
        return None
    # Times are rounded: use ffmpeg's estimate of the rate if all times agree with it within one step.
    rate = Fraction(stated[1]) * (1000 if stated[2] else 1)
    nearest = NTSC_RATES.get(rate, rate)
    ideal = np.arange(len(video.shown)) * float(1 / nearest / base)
    return nearest if (abs(np.sort(video.shown) - video.shown.min() - ideal) < 1.5).all() else None


def _max_b_frames(video: _Packets) -> int:
    """Return the longest run of frames that are shown before a frame decoded earlier."""
    others = np.flatnonzero(video.shown >= np.maximum.accumulate(video.shown))
    return int(np.diff(others, append=len(video.shown)).max()) - 1


def _longest_gop(video: _Packets) -> int:
    keys = np.flatnonzero(video.key)
    return int(np.diff(keys, append=len(video.key)).max(initial=0)) if len(keys) else len(video.key)


def _sound(log: str, packets: list[_Packets], bases: list[Fraction]) -> Sound | None:
    line = re.search(r"Stream #0:\d+.*?: Audio: (\w+)(?: \(([A-Z]+)\))?.*?, (\d+) Hz, ([\w.]+)", log)
    if line is None or len(packets) < 2 or not len(packets[1].shown):
        return None
    end = int(packets[1].shown[-1] + packets[1].duration[-1])
    return Sound(line[1], line[2] or "", int(line[3]), line[4], float(end * bases[1]))


def _boxes(path: Path) -> Iterator[str]:
    """Yield the names of a file's boxes in order, and of those in `moov` and `trak` (ISO/IEC 14496-12).

    Damaged boxes are yielded as far as they can be read.
    """
    with path.open("rb") as file:
        yield from _boxes_within(file, 0, path.stat().st_size, (b"moov", b"trak"))


def _boxes_within(file: BinaryIO, offset: int, end: int, opened: Sequence[bytes]) -> Iterator[str]:
    """`opened`: the boxes to descend into, one per level, which bounds the depth if a file nests them endlessly."""
    while offset + 8 <= end:
        file.seek(offset)
        header = file.read(16)
        size, name = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
        yield name.decode("latin-1")
        if opened and name == opened[0]:
            yield from _boxes_within(file, offset + 8, min(offset + size, end), opened[1:])
        offset += size if size >= 8 else end


def _probe_picture(path: Path) -> Probe:
    """Probe an animated picture with Pillow, whose durations are in milliseconds."""
    try:
        with open_image(path, max_reads=math.inf) as picture:
            duration = []
            frames = int(getattr(picture, "n_frames", 1))
            for number in range(frames):
                picture.seek(number)
                picture.load()
                duration.append(Fraction(picture.info.get("duration", 0)).limit_denominator(1000))
            loop = picture.info.get("loop")
            kind, mode, (width, height) = picture.format or "", picture.mode, picture.size
    except UnidentifiedImageError:
        raise EncoderError(f"{path.name} {'is not a picture' if path.stat().st_size else 'is empty'}") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise EncoderError(f"{path.name} is not a complete picture: {error}") from None
    total = sum(duration, Fraction(0))
    even = total > 0 and max(duration) - min(duration) <= 1
    return Probe(
        format=path.suffix.lower().lstrip("."), codec=kind.lower(), profile="", tag="", pixel_format=mode.lower(),
        colours="", width=width, height=height, fps=frames * 1000 / total if even else None, frames=frames,
        seconds=float(total / 1000), bytes=path.stat().st_size, loops=None if loop is None else loop == 0,
    )  # fmt: skip
