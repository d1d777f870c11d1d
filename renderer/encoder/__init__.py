"""Encode frames into files of every format, and probe the files."""

from renderer.deprecation import old_names
from renderer.encoder.encoding import MIN_RATE, RATE_POINTS, Encoding, RatePoint
from renderer.encoder.hardware import find_hardware, works
from renderer.encoder.joining import join
from renderer.encoder.opening import open_writer
from renderer.encoder.probe import Probe, Sound, probe
from renderer.encoder.video import STATISTICS, Encoder, video_arguments
from renderer.encoder.writer import FrameWriter
from renderer.ffmpeg import UNLISTED, ffmpeg_path, run_ffmpeg, user_file
from renderer.formats import (
    FORMATS,
    STREAM,
    Format,
    OutputFormat,
    choose,
    gif_rate,
    is_sequence,
    is_stream,
    numbered,
    without_number,
)

__all__ = [
    "FORMATS",
    "MIN_RATE",
    "RATE_POINTS",
    "STATISTICS",
    "STREAM",
    "UNLISTED",
    "Encoder",
    "Encoding",
    "Format",
    "FrameWriter",
    "OutputFormat",
    "Probe",
    "RatePoint",
    "Sound",
    "choose",
    "ffmpeg_path",
    "find_hardware",
    "gif_rate",
    "is_sequence",
    "is_stream",
    "join",
    "numbered",
    "open_writer",
    "probe",
    "run_ffmpeg",
    "user_file",
    "video_arguments",
    "without_number",
    "works",
]

__getattr__ = old_names(__name__, {"Target": "OutputFormat"})
