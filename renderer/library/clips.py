"""Video frames as pictures, decoded by ffmpeg."""

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
from renderer.input_files import check_input
from renderer.pixels import MAX_PIXELS, Picture

_MAX_SECONDS: Final = 60
"""Time limit for one frame: ffmpeg might never finish reading a damaged file."""

_TRANSIENT_CODES: Final = (errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ENOSPC)

_SQUARE_PIXELS: Final = "scale=w='iw*if(between(sar,0.1,10),max(sar,1),1)':h='ih/if(between(sar,0.1,10),min(sar,1),1)'"
"""Filter that stretches an anamorphic frame as players do; a pixel aspect ratio beyond 10 counts as damage."""


def _run(path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg on a clip. Raises PictureError, which is transient unless the clip's content is the cause."""
    try:
        check_input(path)
        done = run_ffmpeg(*arguments, timeout=_MAX_SECONDS)
    except FileError as error:
        raise PictureError(path, error.reason, transient=error.transient) from None
    except EncoderError as error:
        raise PictureError(path, f"can't be decoded ({error})", transient=True) from None
    if (reason := _transient_failure(done)) is not None:
        raise PictureError(path, f"could not be decoded ({reason})", transient=True)
    return done


def _transient_failure(done: subprocess.CompletedProcess[bytes]) -> str | None:
    """Return why ffmpeg failed if the clip is not the cause: a signal, lack of memory, a disk error; else None."""
    # A negative code is a signal; a shell that runs ffmpeg returns 128 + the number of the signal, and ffmpeg itself
    # exits with 255.
    if done.returncode < 0 or 128 < done.returncode < 160 or done.returncode == 255:
        return "ffmpeg was killed"
    for code in _TRANSIENT_CODES:  # as ffmpeg's exit code, or in the messages of one of its components
        is_reported = os.strerror(code).encode() in done.stderr and (done.returncode != 0 or not done.stdout)
        if is_reported or done.returncode == 256 - code:
            return f"ffmpeg: {os.strerror(code)}"
    return None


def clip_times(path: Path, frames: int) -> list[float]:
    """Return the times in seconds of `frames` evenly spaced frames of a clip. Raises PictureError."""
    output = _run(path, *user_file(path)).stderr.decode("utf-8", "replace")
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", output)
    if found is None or "Video:" not in output:
        raise PictureError(path, "is not a readable video")
    hours, minutes, seconds = (float(part) for part in found.groups())
    length = hours * 3600 + minutes * 60 + seconds
    return sorted({round((number + 0.5) / frames * length, 3) for number in range(frames)})


def read_frame(path: Path, time: float) -> Picture:
    """Decode the frame of a clip at a time in seconds: upright, in square pixels, sRGB. Raises PictureError."""
    # Netpbm output states its size. ffmpeg rotates frames upright.
    full = _run(
        path, "-ss", f"{time:.3f}", *user_file(path), "-frames:v", "1", "-vf", _SQUARE_PIXELS,
        "-f", "image2pipe", "-c:v", "ppm", "-",
    )  # fmt: skip
    header = re.match(rb"P6\s(\d+) (\d+)\s255\s", full.stdout)
    if header is None:
        raise PictureError(path, f"has no readable frame at {time:g} seconds")
    width, height = int(header[1]), int(header[2])
    if width * height > MAX_PIXELS or len(full.stdout) - header.end() < width * height * 3:
        raise PictureError(path, f"has no complete frame at {time:g} seconds")
    pixels = np.frombuffer(full.stdout, np.uint8, width * height * 3, header.end()).reshape(height, width, 3)
    return Picture(pixels, (width, height))
