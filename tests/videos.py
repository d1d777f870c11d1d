"""Read videos back for tests: decoded frames, tags, boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from renderer.encoder import ffmpeg_path, run_ffmpeg
from renderer.pictures import Pixels


def decode(path: Path, width: int, height: int) -> Pixels:
    """Return all frames as (N, height, width, 3) RGB, converted according to the file's tags."""
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
    """Return ffmpeg's description of the video stream."""
    log = run_ffmpeg("-i", str(path)).stderr.decode()
    return next(line.strip() for line in log.splitlines() if "Video:" in line)


def frame_flags(path: Path) -> str:
    """Return I, P or B for each frame, in display order."""
    log = run_ffmpeg("-i", str(path), "-vf", "showinfo", "-f", "null", "-").stderr.decode()
    return "".join(part.split()[0] for part in log.split(" type:")[1:])


def packet_sizes(path: Path) -> list[int]:
    """Return the bytes of each packet of the video, in decoding order."""
    lines = run_ffmpeg("-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framecrc", "-").stdout.decode().splitlines()
    return [int(line.split(",")[4]) for line in lines if not line.startswith("#")]


def changed_ffmpeg(path: Path, when: str, action: str) -> str:
    """Write an ffmpeg of the same version, which first does something else when it is called with certain words."""
    path.write_text(f'#!/bin/sh\ncase "$*" in {when}) {action};; esac\nexec "{ffmpeg_path()}" "$@"\n')
    path.chmod(0o755)
    return str(path)


def slow_ffmpeg(path: Path) -> str:
    """Write an ffmpeg with which a segment takes a second more."""
    return changed_ffmpeg(path, "*rawvideo*", "sleep 1")


def boxes(data: bytes, inside: tuple[str, ...] = ("moov", "trak")) -> Iterator[str]:
    """Yield the names of an MP4's boxes in order, and of the boxes `inside` some of them (ISO/IEC 14496-12)."""
    offset = 0
    while offset + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, offset)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, offset + 8)
        yield name.decode("latin-1")
        if name.decode("latin-1") in inside:
            yield from boxes(data[offset + 8 : offset + size], inside)
        offset += size or len(data)
