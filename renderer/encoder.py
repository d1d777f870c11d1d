"""Frames → an H.264 file in MP4 by ffmpeg, and a probe of what was written."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import imageio_ffmpeg
import numpy as np

from renderer.errors import EncoderError
from renderer.pictures import Pixels
from renderer.preset import Quality

Planes = tuple[Pixels, Pixels, Pixels]
"""Y (H, W), Cb and Cr (H/2, W/2) of limited-range BT.709 4:2:0."""


@dataclass(frozen=True)
class RatePoint:
    """A point of x264's trade of time against size and likeness; benchmarks/encoder.py measures them."""

    preset: str
    crf: int
    seconds_a_megapixel: float  # processor time, on one core of a server of 2024
    bytes_a_megapixel: float  # on moving mosaics


RATE_POINTS: Final[dict[Quality, RatePoint]] = {
    "draft": RatePoint("ultrafast", 26, 0.0048, 21_500),
    "standard": RatePoint("veryfast", 18, 0.016, 27_500),
    "high": RatePoint("medium", 17, 0.046, 33_000),
    "max": RatePoint("medium", 12, 0.055, 62_500),
}

MAX_THREADS: Final = 4
"""Encoder threads: each keeps frames of its own, 3 take 600 MiB at 1080p and 24 take 1.1 GiB."""

GOP_SECONDS: Final = 2
"""Length of a closed GOP: seeking is quick enough, and cuts fall where platforms ask for them (2 to 5 s)."""

_BUFFERS: Final = 3  # frames between renderer and encoder: one drawn, one waiting, one written
_LINES: Final = 4  # of ffmpeg's complaints that a message shows: as many first ones (the cause) as last ones

if sys.platform == "win32":
    _FLAGS: Final = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _FLAGS: Final = 0


def ffmpeg_path() -> str:
    """The ffmpeg that imageio-ffmpeg carries (or that IMAGEIO_FFMPEG_EXE names). Raises EncoderError without one."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise EncoderError("there is no ffmpeg: reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to one") from None


def run_ffmpeg(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg to its end, without input; standard error and output are kept. Raises EncoderError on a time-out."""
    try:
        return subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-nostdin", *arguments],
            capture_output=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL, creationflags=_FLAGS,
        )  # fmt: skip
    except OSError as error:
        raise EncoderError(f"{ffmpeg_path()} can't be run ({error.strerror}): `render doctor` tells more") from error
    except subprocess.TimeoutExpired:
        raise EncoderError(f"ffmpeg {arguments[-1]} took more than {timeout:g} seconds") from None


def x264_arguments(
    width: int, height: int, fps: Fraction, point: RatePoint, threads: int, metadata: dict[str, str]
) -> list[str]:
    """Ffmpeg's arguments that turn raw BT.709 4:2:0 frames on standard input into a file that players agree on."""
    gop = max(1, round(fps * GOP_SECONDS))
    # Said of the input as well as of the output: a filter between the two keeps what it is told.
    colour = [
        "-color_range",
        "tv",
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
    ]
    return [
        "-loglevel", "error",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{width}x{height}", "-framerate", str(fps),
        *colour, "-i", "pipe:0",
        "-map", "0:v:0", "-c:v", "libx264", "-preset", point.preset, "-crf", str(point.crf), "-profile:v", "high",
        "-threads", str(threads), "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", "2",
        "-x264-params", "8x8dct=1",  # without it `ultrafast` is of the Main profile
        "-flags", "+cgop", "-pix_fmt", "yuv420p", *colour,
        "-vf", "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
        "-fps_mode", "passthrough", "-map_metadata", "-1",
        *(f for key, value in metadata.items() for f in ("-metadata", f"{key}={value}")),
        "-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets", "-f", "mp4",
    ]  # fmt: skip


class Encoder:
    """Writes frames to a video file. Opened, fed, closed; on an exception it is aborted and leaves no process behind.

    Owns the ffmpeg process, a thread that writes to it and one that reads its complaints. Memory: three frames of
    4:2:0, and ffmpeg's own. The file is complete when the `with` block ends without an exception.
    """

    def __init__(
        self, path: Path, width: int, height: int, fps: Fraction, point: RatePoint, metadata: dict[str, str]
    ) -> None:
        threads = min(os.cpu_count() or 1, MAX_THREADS)
        self._command = [
            ffmpeg_path(), "-hide_banner", "-y",
            *x264_arguments(width, height, fps, point, threads, metadata), str(path.absolute()),
        ]  # fmt: skip
        self._first_lines: list[str] = []
        self._last_lines: deque[str] = deque(maxlen=_LINES)
        self._free: queue.SimpleQueue[Pixels] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Pixels | None] = queue.SimpleQueue()
        self._broken = threading.Event()
        self._shape = (width, height)
        for _ in range(_BUFFERS):
            self._free.put(np.empty(width * height * 3 // 2, np.uint8))
        self._threads = [
            threading.Thread(target=self._listen, name="encoder-complaints", daemon=True),
            threading.Thread(target=self._write, name="encoder-writer", daemon=True),
        ]

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(
                # A session of its own: Ctrl-C in the terminal reaches us alone, and we end it.
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True, creationflags=_FLAGS,
            )  # fmt: skip
        except OSError as error:
            raise EncoderError(
                f"{self._command[0]} can't be run ({error.strerror}): `render doctor` tells more"
            ) from error
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def next_buffer(self) -> Pixels:
        """A buffer for one frame, when one is free. Raises EncoderError if ffmpeg has ended."""
        while not self._broken.is_set():
            try:
                return self._free.get(timeout=0.1)
            except queue.Empty:
                continue
        raise self._failure()

    def planes(self, buffer: Pixels) -> Planes:
        """The three planes of a buffer, to be filled."""
        width, height = self._shape
        luma, chroma = width * height, width * height // 4
        half = (height // 2, width // 2)
        return (
            buffer[:luma].reshape(height, width),
            buffer[luma : luma + chroma].reshape(half),
            buffer[luma + chroma :].reshape(half),
        )

    def submit(self, buffer: Pixels) -> None:
        """Hand over a filled buffer; it may not be touched any more."""
        self._full.put(buffer)

    def close(self) -> None:
        """Write what is left and wait until the file is whole. Raises EncoderError."""
        self._full.put(None)
        for thread in reversed(self._threads):
            thread.join()
        if self._process.wait() != 0 or self._broken.is_set():
            raise self._failure()

    def abort(self) -> None:
        """End ffmpeg at once."""
        self._broken.set()
        self._process.kill()
        self._full.put(None)
        for thread in reversed(self._threads):
            thread.join()
        self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:  # an interruption while waiting included
            self.abort()
            raise

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        whole = False
        try:
            while (buffer := self._full.get()) is not None:
                pipe.write(buffer.data)
                self._free.put(buffer)
            whole = True
        except OSError:  # the real error stands in what ffmpeg says
            pass
        finally:
            if not whole:
                self._broken.set()
            with contextlib.suppress(OSError):
                pipe.close()

    def _listen(self) -> None:
        # Read to the end always: a full pipe would stop ffmpeg.
        stream = self._process.stderr
        assert stream is not None
        with stream:
            for line in stream:
                said = line.decode("utf-8", "replace").rstrip()
                (self._first_lines if len(self._first_lines) < _LINES else self._last_lines).append(said)

    def _failure(self) -> EncoderError:
        self._process.kill()
        code = self._process.wait()
        self._threads[0].join()
        lines = [*self._first_lines, *self._last_lines]
        said = "\n  ".join(lines) or f"it ended with code {code} and said nothing"
        if any("No space left on device" in line for line in lines):
            return EncoderError(f"the disk is full: free some space, or give another -o. ffmpeg said:\n  {said}")
        return EncoderError(f"ffmpeg failed:\n  {said}")


# -- Probing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """What a file's own headers and packets say."""

    codec: str  # as ffmpeg names it, with profile: "h264 (High)"
    pixel_format: str  # "yuv420p"
    colours: str  # "tv, bt709, progressive"
    width: int
    height: int
    fps: str  # as ffmpeg prints it
    frames: int


def probe(path: Path) -> Probe:
    """Read a video's headers and count its packets without decoding them. Raises EncoderError if it is no video."""
    done = run_ffmpeg("-i", str(path.absolute()), "-map", "0:v:0", "-c", "copy", "-f", "null", "-")
    said = done.stderr.decode("utf-8", "replace")
    stream = re.search(r"Stream #0:0.*?: Video: (.*)", said)
    frames = re.findall(r"frame=\s*(\d+)", said)
    if done.returncode != 0 or stream is None or not frames:
        raise EncoderError(f"{path.name} is not a whole video: {said.strip().splitlines()[-1]}")
    line = stream[1]
    codec = re.match(r"\w+(?: \([^)]*\))?", line)
    layout = re.search(r"(\w+)\(([^)]*)\), (\d+)x(\d+)", line)
    rate = re.search(r"([\d.]+k?) fps", line)
    if codec is None or layout is None or rate is None:
        raise EncoderError(f"{path.name} has no readable video stream: {line}")
    return Probe(codec[0], layout[1], layout[2], int(layout[3]), int(layout[4]), rate[1], int(frames[-1]))
