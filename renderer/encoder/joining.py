"""Joining of segments: files of the same encoding become one, without encoding again."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from renderer.encoder.encoding import Encoding
from renderer.encoder.video import container_arguments
from renderer.errors import DiskError, EncoderError
from renderer.ffmpeg import run_ffmpeg
from renderer.output_files import DISK_ERRORS

_LONGEST: Final = 7200.0  # seconds that copying may take


def join(segments: Sequence[tuple[Path, float]], path: Path, encoding: Encoding, sound: Path | None = None) -> None:
    """Join segments, in order, to a file that looks as if it had been encoded at once.

    `segments`: files and their durations in seconds. `encoding`: of the whole file. `sound`: a file of
    encoded sound, whose packets are copied. Next to `path`, a list of the segments is created. Raises EncoderError.
    """
    listing = path.with_name("segments.txt")
    lines = [f"file '{_quoted(each)}'\nduration {seconds:.6f}\n" for each, seconds in segments]
    listing.write_text("".join(lines), "utf-8")
    done = run_ffmpeg(
        "-loglevel", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing.absolute()),
        *(["-i", str(sound.absolute())] if sound else []),
        "-map", "0:v:0", *(["-map", "1:a:0"] if sound else []), "-c", "copy", *container_arguments(encoding),
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


def _quoted(path: Path) -> str:
    """Return a path for ffmpeg's list, between single quotes (ffmpeg-utils(1), "Quoting and escaping")."""
    return str(path.absolute()).replace("'", r"'\''")
