"""Encode frames into video files with ffmpeg."""

from __future__ import annotations

import contextlib
import errno
import signal
import subprocess
import sys
import threading
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import IO, Final

from renderer.budget import render_budget
from renderer.child_processes import CREATION_FLAGS
from renderer.encoder import hardware
from renderer.encoder.encoding import Encoding
from renderer.encoder.writer import FrameWriter
from renderer.errors import DiskError, EncoderError
from renderer.ffmpeg import ffmpeg_path
from renderer.output_files import DISK_ERRORS
from renderer.pictures import Pixels

if sys.platform == "linux":
    import fcntl

_PIPE_BYTES: Final = 2**20

_LINES: Final = 4  # an error message quotes this many first lines (the cause) and last lines of ffmpeg's log

_COLOUR: Final = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_TAGGED: Final = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
STATISTICS: Final = "passes"
"""Name prefix of the first pass's statistics files. ffmpeg runs in the output's folder and gets this bare name, because
x265 interprets colons, quotes and backslashes in a path."""

_HALF_FULL: Final = ":vbv-init=0.5"
"""A segment follows another one, of whose end its encoder does not know how full a decoder's buffer is."""

_START: Final = (1.45, *[1.02] * 8)

_ENDS: Final = {
    "veryfast": (_START, (1.7, 1.4, 1.3, 1.2, 1.1, 1.1, 1.05, 1.05)),
    "medium": (
        _START, (2.05, 1.75, 1.55, 1.42, 1.34, 1.28, *[1.22] * 3, *[1.14] * 4, *[1.08] * 8, *[1.03] * 10),
    ),
}  # fmt: skip
"""Factors of the bits of the first frames of a segment, and of the last ones from its end on, by x264's preset.

With them, frames of a segment are at most 0.5 dB of PSNR worse than in a whole file, for up to 1.7 % more bytes;
without, up to 2.7 dB (`medium`: 4): zoom, disperse, gather, sort and reveal, compared frame by frame with whole files.
`ultrafast` does not look ahead."""

_MUXERS: Final = {
    "mp4": ("-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets", "-f", "mp4"),
    "mov": ("-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets", "-f", "mov"),
    "webm": ("-cues_to_front", "1", "-f", "webm"),
    "webp": ("-loop", "0", "-f", "webp"),
    "apng": ("-plays", "0", "-f", "apng"),
}


def video_arguments(
    width: int, height: int, fps: Fraction, encoding: Encoding, threads: int, sound: Path | None = None
) -> list[str]:
    """Return ffmpeg's arguments to encode raw frames from standard input into a widely playable file.

    Frames are BT.709 4:2:0, or RGBA if that is the encoding's layout. `threads`: from a budget for the encoding's
    needs. `sound`: a file of encoded sound, as long as the video, whose packets are copied.
    """
    colour = _COLOUR if encoding.target.codec else ()
    if encoding.layout == "yuv420p":
        # The tags are set on the input as well as the output, because a filter between the two keeps the input's tags.
        source, filters = ["-pix_fmt", "yuv420p", *_COLOUR], [_TAGGED]
    else:
        source = ["-pix_fmt", "rgba"]
        exact = "out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
        filters = [f"scale={exact}", f"format={_pixel_format(encoding)}", _TAGGED] if encoding.target.codec else []
    kind, device = ["-pix_fmt", _pixel_format(encoding)], []
    if encoding.hardware:
        filters += hardware.filters(encoding.hardware)
        device = hardware.input_arguments(encoding.hardware)
        kind = [] if encoding.hardware == "vaapi" else kind  # frames are in the hardware's own format here
    return [
        "-loglevel", "error", *device,
        "-f", "rawvideo", *source, "-video_size", f"{width}x{height}", "-framerate", str(fps), "-i", "pipe:0",
        *(["-i", str(sound.absolute())] if sound else []),
        "-map", "0:v:0", *(["-map", "1:a:0", "-c:a", "copy"] if sound else []),
        *_codec_arguments(encoding, height, fps, threads),
        *kind, *colour, *(["-vf", ",".join(filters)] if filters else []),
        "-fps_mode", "passthrough", *container_arguments(encoding),
    ]  # fmt: skip


def container_arguments(encoding: Encoding) -> list[str]:
    """Return ffmpeg's arguments for the container of a file and its metadata."""
    metadata = (word for key, value in encoding.metadata.items() for word in ("-metadata", f"{key}={value}"))
    tag = ["-tag:v", "hvc1"] if encoding.target.codec == "hevc" else []  # which players of Apple require
    return [*tag, "-map_metadata", "-1", *metadata, *_MUXERS[encoding.target.format.name]]


def _pixel_format(encoding: Encoding) -> str:
    target = encoding.target
    if target.codec is None:
        return {"webp": "bgra", "apng": "rgba" if target.transparent else "rgb24"}[target.format.name]
    if target.codec == "prores":
        return "yuva444p10le" if target.transparent else "yuv444p10le"
    return "yuva420p" if target.transparent else "yuv420p"


def _codec_arguments(encoding: Encoding, height: int, fps: Fraction, threads: int) -> list[str]:
    """Return the arguments for the encoder, its speed and rate, and closed GOPs of fixed length.

    Whatever else x264 and x265 derive from the number of threads is fixed, so that the same pixels are decoded.
    """
    point, target = encoding.rate_point(), encoding.target
    if encoding.hardware and target.codec:
        return hardware.codec_arguments(
            encoding.hardware, target.codec, fps, encoding.gop_seconds, encoding.b_frames, point.crf, encoding.bit_rate
        )
    gop = encoding.gop_frames(fps)
    rate = ["-crf", f"{point.crf:g}"] if encoding.bit_rate is None else ["-b:v", f"{encoding.bit_rate:.0f}"]
    if encoding.max_rate is not None:
        limit = f"{encoding.max_rate * 1e6:.0f}"
        rate += ["-maxrate", limit, "-bufsize", limit]
    if encoding.pass_number and target.codec == "h264":
        # The first pass writes a complete file at full quality, which may already be small enough.
        log = ["-passlogfile", STATISTICS, "-fastfirstpass", "0"]
        rate += ["-pass", str(encoding.pass_number), *log]
    common = ["-threads", str(threads), "-g", str(gop)]
    match target.codec:
        case "h264":
            profile = encoding.profile or "high"
            # Each thread encodes a frame, which may refer to the part of another frame that is finished. A twentieth of
            # the height keeps 13 threads busy at 1080p; with 16 threads x264 would choose a fiftieth, and take 7 % more
            # bytes. One look-ahead thread takes 15 ms of a core per frame at 1080p.
            parameters = f"mvrange-thread={max(height // 20, 1)}:lookahead-threads={min(max(height // 256, 1), 8)}"
            if encoding.segment_frames:
                parameters += _zones(point.preset, encoding.segment_frames)
                parameters += _HALF_FULL if encoding.max_rate is not None else ""
            # `ultrafast` would produce the Main profile without 8x8dct, which only High supports.
            blocks = ":8x8dct=1" if profile == "high" else ""
            return [
                "-c:v", "libx264", "-preset", point.preset, *rate, "-profile:v", profile, *common,
                "-keyint_min", str(gop), "-sc_threshold", "0",
                "-bf", "0" if profile == "baseline" else str(encoding.b_frames),
                "-x264-params", f"{parameters}{blocks}", "-flags", "+cgop",
            ]  # fmt: skip
        case "hevc":
            vbv = _HALF_FULL if encoding.segment_frames and encoding.max_rate is not None else ""
            passes = f":pass={encoding.pass_number}:stats={STATISTICS}:slow-firstpass=1" if encoding.pass_number else ""
            frames = 1 if vbv else 2  # as many as threads: with a limit, the file would depend on how far each is
            return [
                "-c:v", "libx265", "-preset", point.preset, *rate, "-bf", str(encoding.b_frames),
                "-x265-params",
                f"log-level=error:keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:pools={threads}:frame-threads={frames}"
                f"{vbv}{passes}",
            ]  # fmt: skip
        case "av1":
            return [
                "-c:v", "libsvtav1", "-preset", point.preset, *rate, "-g", str(gop),
                "-svtav1-params", f"scd=0:lp={threads}",
            ]  # fmt: skip
        case "vp9":
            # libvpx refuses alpha together with alternate reference frames.
            no_alt_ref = ["-auto-alt-ref", "0"] if target.transparent else []
            unconstrained = ["-b:v", "0"] if encoding.bit_rate is None else []
            return [
                "-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", point.preset, *rate, *unconstrained, *common,
                "-row-mt", "1", "-tile-columns", "2", *no_alt_ref,
            ]  # fmt: skip
        case "prores":
            alpha = ["-alpha_bits", "16" if target.transparent else "0"]
            return [
                "-c:v", "prores_ks", "-profile:v", point.preset, "-qscale:v", f"{point.crf:g}", "-vendor", "apl0",
                "-threads", str(threads), *alpha,
            ]  # fmt: skip
    if target.format.name == "webp":
        return ["-c:v", "libwebp_anim", "-compression_level", point.preset, "-quality", f"{point.crf:g}"]
    return ["-c:v", "apng", "-pred", "mixed"]


def _zones(preset: str, frames: int) -> str:
    """Return x264's zones with more bits at both ends of a segment of so many frames; empty if it needs none.

    The first frames are coarser, since x264 estimates the quantiser of a key frame from the frames before it, and the
    last ones, since it does not know how much later frames refer to them.
    """
    first, last = _ENDS.get(preset, ((), ()))
    if len(first) + len(last) > frames:
        return ""
    factors = [*enumerate(first), *((frames - 1 - number, factor) for number, factor in reversed([*enumerate(last)]))]
    return ":zones=" + "/".join(f"{frame},{frame},b={factor:g}" for frame, factor in factors) if factors else ""


class Encoder(FrameWriter):
    """Writes frames to a video file with ffmpeg.

    Owns the ffmpeg process, a thread that writes to it and one that reads its log. `threads`: of ffmpeg's encoder; by
    default those of a budget of its own. Memory: that of a writer, plus ffmpeg's own, see `Encoding.needs`. The file is
    complete when the `with` block ends without an exception.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        encoding: Encoding,
        sound: Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(width, height, encoding.layout)
        threads = threads or render_budget((width, height), encoding.needs()).encoder_threads
        self._command = [
            ffmpeg_path(), "-hide_banner", "-y",
            *video_arguments(width, height, fps, encoding, threads, sound), str(path.absolute()),
        ]  # fmt: skip
        self._folder = path.absolute().parent
        self._first_lines: list[str] = []
        self._last_lines: deque[str] = deque(maxlen=_LINES)
        self._log_reader = threading.Thread(target=self._read_log, name="encoder-log", daemon=True)

    def _begin(self) -> None:
        try:
            self._process = subprocess.Popen(
                # In its own session, so that Ctrl-C in the terminal reaches only this process, which then ends ffmpeg.
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True, creationflags=CREATION_FLAGS, cwd=self._folder,
            )  # fmt: skip
        except OSError as error:
            raise EncoderError(f"{self._command[0]} can't be run ({error.strerror}): see `render doctor`") from error
        _enlarge(self._process.stdin)
        try:
            self._log_reader.start()
        except BaseException:
            self._abandon()
            raise

    def _consume(self, buffer: Pixels) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(buffer.data)

    def _end_of_frames(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.close()
        except OSError:  # the actual error is in ffmpeg's log
            self._break()

    def _finish(self) -> None:
        self._log_reader.join()
        if self._process.wait() != 0:
            raise self._failure()

    def _abandon(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._log_reader.ident is not None:
            self._log_reader.join()

    def _read_log(self) -> None:
        # Always read to the end: a full pipe would block ffmpeg.
        stream = self._process.stderr
        assert stream is not None
        with stream:
            for line in stream:
                kept = self._first_lines if len(self._first_lines) < _LINES else self._last_lines
                kept.append(line.decode("utf-8", "replace").rstrip())

    def _failure(self) -> EncoderError:
        with contextlib.suppress(OSError):
            self._process.kill()
        code = self._process.wait()
        self._log_reader.join()
        lines = [*self._first_lines, *self._last_lines]
        if any("No space left on device" in line for line in lines):
            return DiskError(DISK_ERRORS[errno.ENOSPC])
        if sys.platform != "win32" and code == -signal.SIGXFSZ:
            return DiskError(DISK_ERRORS[errno.EFBIG])
        log = "\n  ".join(lines) or f"exit code {code}, no output"
        return EncoderError(f"ffmpeg failed:\n  {log}")


def _enlarge(pipe: IO[bytes] | None) -> None:
    """Enlarge a pipe to the 1 MiB that Linux allows by default, so that a frame takes fewer turns of both processes."""
    if sys.platform == "linux" and pipe is not None:
        with contextlib.suppress(OSError):  # the limit is lower, or this user's pipes are already too large
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
