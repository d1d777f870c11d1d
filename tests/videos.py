"""Reading videos back, for tests: frames as decoded, tags, boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from renderer.encoder import run_ffmpeg
from renderer.pictures import Pixels


def decode(path: Path, width: int, height: int) -> Pixels:
    """All frames as (N, height, width, 3) RGB, converted as the file's own tags say."""
    done = run_ffmpeg(
        "-i",
        str(path),
        "-vf",
        "scale=in_color_matrix=auto:flags=accurate_rnd+full_chroma_int",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    )
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def stream_line(path: Path) -> str:
    """What ffmpeg says of the video stream."""
    said = run_ffmpeg("-i", str(path)).stderr.decode()
    return next(line.strip() for line in said.splitlines() if "Video:" in line)


def frame_flags(path: Path) -> str:
    """I, P or B for every frame, in the order of showing."""
    said = run_ffmpeg("-i", str(path), "-vf", "showinfo", "-f", "null", "-").stderr.decode()
    return "".join(part.split()[0] for part in said.split(" type:")[1:])


def boxes(data: bytes, inside: tuple[str, ...] = ("moov", "trak")) -> Iterator[str]:
    """The names of an MP4's boxes in order, those in some of them included (ISO/IEC 14496-12)."""
    place = 0
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, place + 8)
        yield name.decode("latin-1")
        if name.decode("latin-1") in inside:
            yield from boxes(data[place + 8 : place + size], inside)
        place += size or len(data)
