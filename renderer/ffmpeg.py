"""Running ffmpeg, and making it read a file of the user's and no other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from renderer.child_processes import CREATION_FLAGS
from renderer.errors import EncoderError

_DEMUXERS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,m4v,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mpegvideo,"
    "mxf,ogg,tak,tta,voc,w64,wav,wtv,wv,yuv4mpegpipe"
)
"""Formats that hold what they play: none of a playlist's kind (hls, concat, dash, sdp), which open other files."""

UNLISTED: Final = "Format not on whitelist"
"""What ffmpeg says of a file of another format."""


def user_file(path: Path) -> list[str]:
    """Arguments by which ffmpeg reads a file of a user's: that file alone, whatever it holds."""
    return ["-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-i", str(path.absolute())]


def ffmpeg_path() -> str:
    """The ffmpeg that imageio-ffmpeg carries (or that IMAGEIO_FFMPEG_EXE names). Raises EncoderError without one."""
    try:
        path = str(imageio_ffmpeg.get_ffmpeg_exe())
        return os.path.abspath(path) if os.path.dirname(path) else path  # noqa: PTH100, PTH120 (it runs in other folders)
    except RuntimeError:
        raise EncoderError("there is no ffmpeg: reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to one") from None


def run_ffmpeg(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg to its end, without input; standard error and output are kept. Raises EncoderError on a time-out."""
    try:
        return subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-nostdin", *arguments],
            capture_output=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL, creationflags=CREATION_FLAGS,
        )  # fmt: skip
    except OSError as error:
        raise EncoderError(f"{ffmpeg_path()} can't be run ({error.strerror}): `render doctor` tells more") from error
    except subprocess.TimeoutExpired:
        raise EncoderError(f"ffmpeg took more than {timeout:g} seconds") from None
