"""Frames of videos as pictures, by the ffmpeg that comes along."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from pathlib import Path
from typing import Final

import numpy as np

from renderer.errors import EncoderError, FileError, PictureError
from renderer.ffmpeg import run_ffmpeg, user_file
from renderer.image_file import MAX_PIXELS
from renderer.input_files import check_input
from renderer.pictures import Picture

_SECONDS: Final = 60
"""What one frame may take: a damaged file must not keep ffmpeg busy for ever."""

_TRANSIENT_CODES: Final = (errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ENOSPC)

_SQUARE_PIXELS: Final = "scale=w='iw*if(between(sar,0.1,10),max(sar,1),1)':h='ih/if(between(sar,0.1,10),min(sar,1),1)'"
"""An anamorphic frame made wider or higher, as it is shown; a ratio of its pixels' sides beyond 10 is damage."""


def _run(path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What ffmpeg says of a clip. Raises PictureError, transient for what the clip's bytes do not prove."""
    try:
        check_input(path)
        done = run_ffmpeg(*arguments, timeout=_SECONDS)
    except FileError as error:
        raise PictureError(path, error.reason, transient=error.transient) from None
    except EncoderError as error:
        raise PictureError(path, f"can't be decoded ({error})", transient=True) from None
    if (reason := _transient_failure(done)) is not None:
        raise PictureError(path, f"could not be decoded ({reason})", transient=True)
    return done


def _transient_failure(done: subprocess.CompletedProcess[bytes]) -> str | None:
    """Why ffmpeg failed, if that says nothing of the clip: a signal, no memory, a disk that can't be read."""
    # A negative code is a signal; a shell around ffmpeg gives 128 and its number, and ffmpeg itself ends with 255.
    if done.returncode < 0 or 128 < done.returncode < 160 or done.returncode == 255:
        return "ffmpeg was ended"
    for code in _TRANSIENT_CODES:  # as ffmpeg's own exit code, or in what it says of one of its parts
        said = os.strerror(code).encode() in done.stderr and (done.returncode != 0 or not done.stdout)
        if said or done.returncode == 256 - code:
            return f"ffmpeg: {os.strerror(code)}"
    return None


def clip_times(path: Path, frames: int) -> list[float]:
    """The times in seconds of `frames` frames of a clip, evenly spread. Raises PictureError."""
    said = _run(path, *user_file(path)).stderr.decode("utf-8", "replace")
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", said)
    if found is None or "Video:" not in said:
        raise PictureError(path, "is not a video that can be read")
    hours, minutes, seconds = (float(part) for part in found.groups())
    length = hours * 3600 + minutes * 60 + seconds
    return sorted({round((number + 0.5) / frames * length, 3) for number in range(frames)})


def read_frame(path: Path, time: float) -> Picture:
    """Decode the frame of a clip at a time in seconds: upright, in square pixels, sRGB. Raises PictureError."""
    # Netpbm carries its own size, and frames are turned by ffmpeg as the phone was held.
    full = _run(
        path, "-ss", f"{time:.3f}", *user_file(path), "-frames:v", "1", "-vf", _SQUARE_PIXELS,
        "-f", "image2pipe", "-c:v", "ppm", "-",
    )  # fmt: skip
    header = re.match(rb"P6\s(\d+) (\d+)\s255\s", full.stdout)
    if header is None:
        raise PictureError(path, f"has no frame at {time:g} seconds that can be read")
    width, height = int(header[1]), int(header[2])
    if width * height > MAX_PIXELS or len(full.stdout) - header.end() < width * height * 3:
        raise PictureError(path, f"has no whole frame at {time:g} seconds")
    pixels = np.frombuffer(full.stdout, np.uint8, width * height * 3, header.end()).reshape(height, width, 3)
    return Picture(pixels, (width, height))
