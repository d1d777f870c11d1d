"""Hardware encoders: faster than software, with slightly lower quality at the same size."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from renderer.errors import EncoderError
from renderer.ffmpeg import run_ffmpeg
from renderer.messages import named
from renderer.output_files import temporary_folder
from renderer.settings import Codec, Hardware, HardwareWish

KINDS: Final[tuple[Hardware, ...]] = ("nvenc", "qsv", "videotoolbox", "vaapi", "amf")
"""Kinds of hardware encoders in the order in which they are tried: NVIDIA, Intel, Apple, VA-API on Linux, AMD."""

CODECS: Final[tuple[Codec, ...]] = ("h264", "hevc", "av1")

_VAAPI_DEVICE: Final = "/dev/dri/renderD128"
_TRIAL: Final = (320, 240)  # pixels; some encoders refuse smaller frames


def input_arguments(kind: Hardware) -> list[str]:
    """Return the ffmpeg arguments that precede the input."""
    return ["-vaapi_device", _VAAPI_DEVICE] if kind == "vaapi" else []


def filters(kind: Hardware) -> list[str]:
    """Return the filters between the frames and the encoder."""
    return ["format=nv12", "hwupload"] if kind == "vaapi" else []


def codec_arguments(
    kind: Hardware, codec: Codec, fps: Fraction, gop_seconds: float, b_frames: int, crf: float, bit_rate: float | None
) -> list[str]:
    """Return the codec arguments for a rate comparable to `crf` in software (or for `bit_rate`), with closed GOPs.

    Each encoder has its own scale; on all of them 6 steps halve the bits. The quality is set slightly above x264's,
    because hardware encoders search less.
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
    """Return whether the encoder works on this machine, by encoding one frame."""
    if kind == "vaapi" and not os.path.exists(_VAAPI_DEVICE):  # noqa: PTH110 (a device, not a file)
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
        except EncoderError:  # ffmpeg hung, or could not be run
            return False
    return done.returncode == 0


def find_hardware(
    wish: HardwareWish,
    codec: Codec | None,
    notice: Callable[[str], None],
    is_working: Callable[[Hardware, Codec], bool],
) -> Hardware | None:
    """Return the hardware encoder to use, or None for software; a notice reports the choice.

    `is_working` returns whether an encoder works here, as `works` does.
    """
    if wish == "software":
        return None
    if codec not in CODECS:
        notice(f"{named('encoder', wish)}: hardware encoders support only {', '.join(CODECS)}; encoding in software")
        return None
    for kind in KINDS if wish == "auto" else (wish,):
        if is_working(kind, codec):
            notice(f"Encoding in hardware with {codec}_{kind}")
            return kind
    if wish != "auto":
        notice(f"{named('encoder', wish)} could not encode {codec} on this machine; encoding in software")
    return None
