"""What a video looks like, and what its file is like, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from renderer.errors import InputError
from renderer.parameters import ByteSize, Colour, check_ranges, parameter
from renderer.scene import Fit

Quality = Literal["draft", "standard", "high", "max"]
FormatName = Literal["mp4", "mov", "webm", "gif", "webp", "apng", "png", "jpeg", "y4m"]
Codec = Literal["h264", "hevc", "av1", "vp9", "prores"]
Hardware = Literal["nvenc", "qsv", "videotoolbox", "vaapi", "amf"]
HardwareWish = Literal["software", "auto", "nvenc", "qsv", "videotoolbox", "vaapi", "amf"]
Profile = Literal["baseline", "main", "high"]

MAX_SIDE: Final = 8192  # pixels; what H.264's highest level and every player stop at

LONG_SIDE: Final = 1920


@dataclass(frozen=True)
class OutputSettings:
    """What a video looks like."""

    size: tuple[int, int] | None = parameter(
        None, "WIDTHxHEIGHT in pixels; default: the cover's shape", low=16, high=MAX_SIDE
    )
    long_side: int | None = parameter(
        None,
        f"The longer side, where --size is not given; default: {LONG_SIDE}, of GIF, WebP and APNG 640",
        unit="pixels", low=16, high=MAX_SIDE,
    )  # fmt: skip
    fps: Fraction = parameter(Fraction(30), "Frames a second; 23.976, 29.97 and 59.94 are exact NTSC fractions")
    duration: float | None = parameter(
        None, "How long the video lasts; default: as the animation likes", unit="seconds", low=0.05, high=3600.0
    )
    fit: Fit = parameter(
        "crop", "A cover of another shape fills the frame, or is shown whole over a plain or blurred ground"
    )
    covered: tuple[float, float, float, float] = parameter(
        (0.0, 0.0, 0.0, 0.0),
        "What an app lays over it, as shares of the frame: title, logo and the cover's subject stay clear of it",
        low=0.0, high=0.6,
    )  # fmt: skip
    subject: tuple[float, float] | None = parameter(
        None, "What of the cover must stay in view, in fractions of it; default: faces, and what draws the eye",
        low=0.0, high=1.0,
    )  # fmt: skip
    background: Colour = parameter((0.0, 0.0, 0.0), "What is seen beside the mosaic: a name or #rrggbb")
    transparent: bool = parameter(False, "No background, for formats that carry transparency")
    motion_blur: float = parameter(
        0.0, "How long the shutter is open, as a share of a frame; film has 0.5", low=0.0, high=1.0
    )
    seed: int = parameter(0, "Of the motion's chance", low=0, high=2**63 - 1)

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)
        top, right, bottom, left = self.covered
        if max(top + bottom, right + left) > 0.9:
            raise InputError(f"--covered {top:g},{right:g},{bottom:g},{left:g} leaves nothing free: give less")
        if self.transparent and self.fit == "blur":
            raise InputError("--transparent and --fit blur exclude each other: one of them is the background")

    def frame_size(self, cover: tuple[float, float], *, even: bool = True) -> tuple[int, int]:
        """Width and height in pixels for a cover of a shape, both even, as 4:2:0 needs them, if not told otherwise."""
        if self.size is not None:
            width, height = self.size
            if even and (width % 2 or height % 2):
                raise InputError(
                    f"--size {width}x{height} is odd: videos need even sides, such as {width & ~1}x{height & ~1}"
                )
            return width, height
        scale = (self.long_side or LONG_SIDE) / max(cover)
        # An extreme panorama still gets a frame that players accept.
        width, height = (min(max(16, 2 * round(side * scale / 2)), MAX_SIDE) for side in cover)
        return width, height


@dataclass(frozen=True)
class FileSettings:
    """What a video's file is like."""

    format: FormatName | None = parameter(None, "The kind of file; default: as its name ends")
    codec: Codec | None = parameter(
        None, "Of MP4 and MOV h264, hevc or av1, of MOV also prores, of WebM vp9 or av1; default: the first"
    )
    encoder: HardwareWish = parameter(
        "software", "What encodes: auto takes hardware that works here, a name that one; software is the finest"
    )
    quality: Quality = parameter("standard", "How much of the picture the encoder keeps, and how long it may take")
    profile: Profile | None = parameter(None, "Of H.264; default: high")
    b_frames: int = parameter(2, "Frames between two others that refer to both, in H.264 and HEVC", low=0, high=8)
    gop_seconds: float = parameter(
        2.0, "From one key frame to the next; cuts and seeks fall there", unit="seconds", low=0.1, high=60.0
    )
    max_rate: float | None = parameter(None, "Over any second at most", unit="Mbit/s", low=0.05, high=1000.0)
    max_size: ByteSize | None = parameter(
        None, "The file is made to fit, such as 20MB (20,000,000 bytes); two passes if need be", low=1000, high=1e15
    )
    poster: bool = parameter(False, "Also write the most telling frame as a picture beside the video")

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    def for_name(self, path: Path, *, keep_codec: bool) -> FileSettings:
        """The settings for a file whose name's ending says more than their own format and codec, as a preset's do."""
        ending = path.suffix.lower().removeprefix(".")
        if not ending or self.format is None or ending == self.format:
            return self
        return replace(self, format=None, codec=self.codec if keep_codec else None)
