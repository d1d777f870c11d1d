"""Frames of videos as pictures, by the ffmpeg that comes along."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import imageio_ffmpeg
import numpy as np

from renderer.errors import PictureError
from renderer.image_file import MAX_PIXELS
from renderer.pictures import Picture, check_file

_SECONDS: Final = 60
"""What one frame may take: a damaged file must not keep ffmpeg busy for ever."""


def _run(path: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    check_file(path)
    # Only the file itself: a playlist that calls itself a video must not make ffmpeg open other places.
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-nostdin",
        "-protocol_whitelist",
        "file,pipe",
        *options,
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PictureError(path, f"took ffmpeg more than {_SECONDS} seconds") from None
    except (OSError, RuntimeError) as error:
        raise PictureError(path, f"can't be decoded ({error})") from None


def clip_times(path: Path, frames: int) -> list[float]:
    """The times in seconds of `frames` frames of a clip, evenly spread. Raises PictureError."""
    said = _run(path, "-i", f"file:{path}").stderr.decode("utf-8", "replace")
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", said)
    if found is None or "Video:" not in said:
        raise PictureError(path, "is not a video that can be read")
    hours, minutes, seconds = (float(part) for part in found.groups())
    length = hours * 3600 + minutes * 60 + seconds
    return sorted({round((number + 0.5) / frames * length, 3) for number in range(frames)})


def read_frame(path: Path, time: float) -> Picture:
    """Decode the frame of a clip at a time in seconds: upright, in sRGB. Raises PictureError."""
    # Netpbm carries its own size, and frames are turned by ffmpeg as the phone was held.
    asked = ("-ss", f"{time:.3f}", "-i", f"file:{path}", "-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "-")
    full = _run(path, *asked)
    header = re.match(rb"P6\s(\d+) (\d+)\s255\s", full.stdout)
    if header is None:
        raise PictureError(path, f"has no frame at {time:g} seconds that can be read")
    width, height = int(header[1]), int(header[2])
    if width * height > MAX_PIXELS or len(full.stdout) - header.end() < width * height * 3:
        raise PictureError(path, f"has no whole frame at {time:g} seconds")
    pixels = np.frombuffer(full.stdout, np.uint8, width * height * 3, header.end()).reshape(height, width, 3)
    return Picture(pixels, (width, height))
