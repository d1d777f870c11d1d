"""Joining of segments: files of the same encoding become one, without encoding again."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.encoder.encoding import Encoding
from renderer.encoder.video import container_arguments
from renderer.errors import DiskError, EncoderError
from renderer.ffmpeg import run_ffmpeg
from renderer.output_files import DISK_ERRORS

_MAX_REORDERED: Final = 2
"""Maximum number of frames that precede a frame in decoding order and follow it when shown, with B-frames that are
references of others, in x264 and x265."""

_LONGEST: Final = 7200.0  # seconds that copying may take


def join(
    segments: Sequence[tuple[Path, int]], fps: Fraction, path: Path, encoding: Encoding, sound: Path | None = None
) -> None:
    """Join segments, in order, to a file that looks as if it had been encoded at once.

    `segments`: files and their numbers of frames. `encoding`: of the whole file. `sound`: a file of
    encoded sound, whose packets are copied. Next to `path`, a list of the segments is created. Raises EncoderError.
    """
    listing = path.with_name("segments.txt")
    lines = [f"file '{_quoted(each)}'\nduration {float(frames / fps):.6f}\n" for each, frames in segments]
    listing.write_text("".join(lines), "utf-8")
    done = run_ffmpeg(
        "-loglevel", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing.absolute()),
        *(["-i", str(sound.absolute())] if sound else []),
        "-map", "0:v:0", *(["-map", "1:a:0"] if sound else []), "-c", "copy", *_decoding_times(encoding, fps),
        *container_arguments(encoding),
        str(path.absolute()),
        timeout=_LONGEST,
    )  # fmt: skip
    listing.unlink()
    if done.returncode == 0:
        return
    log = done.stderr.decode("utf-8", "replace").strip()
    if "No space left on device" in log:
        raise DiskError(DISK_ERRORS[errno.ENOSPC])
    raise EncoderError(f"ffmpeg could not join the segments:\n  {log[-1000:]}")


def _decoding_times(encoding: Encoding, fps: Fraction) -> list[str]:
    """Return ffmpeg's arguments for decoding times at a constant rate, as the encoder writes them for a whole file.

    The frames of MP4 and MOV last from one decoding time to the next. In a segment in which no frame is reordered, they
    start at 0 instead of before it: without this, the last frame of the segment before would last twice as long.
    """
    if encoding.target.codec not in ("h264", "hevc"):
        return []
    delay = min(encoding.b_frames, _MAX_REORDERED)
    return ["-bsf:v", f"setts=pts=PTS:dts=round((N-{delay})*{fps.denominator}/({fps.numerator}*TB))"]


def _quoted(path: Path) -> str:
    """Return a path for ffmpeg's list, between single quotes (ffmpeg-utils(1), "Quoting and escaping")."""
    return str(path.absolute()).replace("'", r"'\''")
