"""Encoders in hardware: faster, and a little coarser than software at the same size."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from renderer.errors import EncoderError
from renderer.ffmpeg import run_ffmpeg
from renderer.output_files import temporary_folder
from renderer.settings import Codec, Hardware, HardwareWish

KINDS: Final[tuple[Hardware, ...]] = ("nvenc", "qsv", "videotoolbox", "vaapi", "amf")
"""NVIDIA's, Intel's Quick Sync, Apple's, Linux's general one, AMD's: in this order they are tried."""

CODECS: Final[tuple[Codec, ...]] = ("h264", "hevc", "av1")

_VAAPI_DEVICE: Final = "/dev/dri/renderD128"
_TRIAL: Final = (320, 240)  # pixels; some refuse smaller frames


def input_arguments(kind: Hardware) -> list[str]:
    """What stands before the input."""
    return ["-vaapi_device", _VAAPI_DEVICE] if kind == "vaapi" else []


def filters(kind: Hardware) -> list[str]:
    """What a frame goes through on its way to the encoder."""
    return ["format=nv12", "hwupload"] if kind == "vaapi" else []


def codec_arguments(
    kind: Hardware, codec: Codec, fps: Fraction, gop_seconds: float, b_frames: int, crf: float, bit_rate: float | None
) -> list[str]:
    """The encoder with a rate like that of `crf` in software (or bits a second), and closed GOPs.

    Each has a scale of its own; on all of them 6 steps halve the bits, and the points are a little finer than x264's,
    since hardware searches less.
    """
    gop = str(max(1, round(fps * Fraction(gop_seconds))))
    level = str(max(1, round(crf)))
    rate: list[str]
    if bit_rate is not None:
        rate = ["-b:v", f"{bit_rate:.0f}"]
    else:
        rate = {
            "nvenc": ["-rc", "vbr", "-cq", level, "-b:v", "0"],
            "qsv": ["-global_quality", level],
            "videotoolbox": ["-q:v", str(round(100 - 2 * crf))],
            "vaapi": ["-rc_mode", "CQP", "-qp", level],
            "amf": ["-rc", "cqp", "-qp_i", level, "-qp_p", level, "-qp_b", level],
        }[kind]
    speed = {"nvenc": ["-preset", "p5"], "qsv": ["-preset", "medium"]}.get(kind, [])
    tag = ["-tag:v", "hvc1"] if codec == "hevc" else []
    profile = ["-profile:v", "high"] if codec == "h264" else []
    between = ["-bf", str(b_frames)] if codec != "av1" else []
    return ["-c:v", f"{codec}_{kind}", *speed, *rate, *profile, *tag, "-g", gop, *between, "-flags", "+cgop"]


def works(kind: Hardware, codec: Codec) -> bool:
    """Whether one frame can be encoded here."""
    if kind == "vaapi" and not os.path.exists(_VAAPI_DEVICE):  # noqa: PTH110 (a device, not a file of ours)
        return False
    width, height = _TRIAL
    with temporary_folder() as folder:
        try:
            done = run_ffmpeg(
                "-loglevel", "error", *input_arguments(kind),
                "-f", "lavfi", "-i", f"color=gray:size={width}x{height}:rate=30", "-frames:v", "1",
                "-vf", ",".join([*filters(kind), *([] if kind == "vaapi" else ["format=yuv420p"])]),
                *codec_arguments(kind, codec, Fraction(30), 1.0, 0, 20, None), "-y", str(folder / "trial.mp4"),
                timeout=20,
            )  # fmt: skip
        except EncoderError:  # it hangs, or can't be run
            return False
    return done.returncode == 0


def find_hardware(
    wish: HardwareWish, codec: Codec | None, notice: Callable[[str], None], tried: Callable[[Hardware, Codec], bool]
) -> Hardware | None:
    """The hardware that encodes, or None for software; where a wish can't be met that is said.

    `tried` tells whether one works, as `works` does.
    """
    if wish == "software":
        return None
    if codec not in CODECS:
        notice(f"--encoder {wish}: hardware encodes {', '.join(CODECS)} alone: software it is")
        return None
    for kind in KINDS if wish == "auto" else (wish,):
        if tried(kind, codec):
            notice(f"encoded by {codec}_{kind}, in hardware")
            return kind
    if wish != "auto":
        notice(f"--encoder {wish} could not encode a frame of {codec} here: software does it")
    return None
