"""Running ffmpeg, and restricting it to one user file."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from renderer.child_processes import CREATION_FLAGS
from renderer.errors import EncoderError

_DEMUXERS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,m4v,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mpegvideo,"
    "mxf,ogg,tak,tta,voc,w64,wav,wtv,wv,yuv4mpegpipe"
)
"""Self-contained formats: no playlists (hls, concat, dash, sdp), which open other files."""

UNLISTED: Final = "Format not on whitelist"
"""ffmpeg's message about a file in any other format."""


def user_file(path: Path) -> list[str]:
    """Return the arguments that let ffmpeg read a user file and no other file, whatever the file contains."""
    return ["-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, "-i", str(path.absolute())]


def ffmpeg_path() -> str:
    """Return the path of the bundled ffmpeg, or of IMAGEIO_FFMPEG_EXE. Raises EncoderError if there is none."""
    path = os.environ.get("IMAGEIO_FFMPEG_EXE") or _installed_ffmpeg()
    return os.path.abspath(path) if os.path.dirname(path) else path  # noqa: PTH100, PTH120 (it runs in other folders)


@cache
def _installed_ffmpeg() -> str:
    """Return the path of the ffmpeg in imageio-ffmpeg, else of the system's. Raises EncoderError if there is none."""
    package = find_spec("imageio_ffmpeg")  # not imported: it would run ffmpeg once
    folders = (package.submodule_search_locations if package else None) or ()
    found = [path for folder in folders for path in Path(folder, "binaries").glob("ffmpeg-*")]
    if len(found) == 1 and os.access(found[0], os.X_OK):
        return str(found[0])
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise EncoderError(
            "ffmpeg was not found: reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to its path"
        ) from None


def run_ffmpeg(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg without input, capturing its output. Raises EncoderError on a timeout."""
    try:
        return subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-nostdin", *arguments],
            capture_output=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL, creationflags=CREATION_FLAGS,
        )  # fmt: skip
    except OSError as error:
        raise EncoderError(
            f"{ffmpeg_path()} can't be run ({error.strerror}): run `render doctor` for details"
        ) from error
    except subprocess.TimeoutExpired:
        raise EncoderError(f"ffmpeg took more than {timeout:g} seconds") from None
