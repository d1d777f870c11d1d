"""Settings of a video: its appearance, its title and logo, its sound and its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, Protocol

from renderer.budget import LEAST_MEMORY
from renderer.choices import Fit
from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import ByteSize, Colour, Validated, parameter

Quality = Literal["draft", "standard", "high", "max"]
FormatName = Literal["mp4", "mov", "webm", "gif", "webp", "apng", "png", "jpeg", "y4m"]
Codec = Literal["h264", "hevc", "av1", "vp9", "prores"]
Hardware = Literal["nvenc", "qsv", "videotoolbox", "vaapi", "amf"]
HardwareWish = Literal["software", "auto", "nvenc", "qsv", "videotoolbox", "vaapi", "amf"]
Profile = Literal["baseline", "main", "high"]

MAX_SIDE: Final = 8192
"""Pixels: the limit of H.264's highest level and of every player."""

LONGEST_VIDEO: Final = 14_400.0
"""Seconds: four hours. A million frames, the other limit, are four and a half at 60 frames per second."""

LONGEST_TITLE: Final = 1000
"""Maximum number of characters of a title; 1,200 of the smallest legible size fill a frame of 1920 × 1080."""

LONG_SIDE: Final = 1920
"""Default length of a frame's longer side, in pixels."""


Background = Literal["blur", "transparent"] | Colour
"""A colour, the blurred cover, or nothing."""

BACKGROUND_HELP: Final = "Background: a colour name, #rrggbb, blur (the blurred cover) or transparent"
TRANSPARENT_HELP: Final = "Transparent background, for formats that support it"


class _Backed(Protocol):
    """Settings with a background."""

    @property
    def background(self) -> Background | None: ...
    @property
    def transparent(self) -> bool: ...


def check_background(settings: _Backed) -> None:
    """Set `transparent` of settings whose background is "transparent". Raises InputError if both contradict."""
    if settings.background == "transparent":
        object.__setattr__(settings, "transparent", True)
    elif settings.transparent and settings.background == "blur":
        both = f"{named('transparent', True)} cannot be combined with {named('background', 'blur')}"
        raise InputError(f"{both}: choose one")


@dataclass(frozen=True)
class OutputSettings(Validated):
    """Settings of a video's appearance, and the memory that it is rendered in."""

    size: tuple[int, int] | None = parameter(
        None,
        f"Frame size in pixels; default: the cover's aspect ratio, with {named('long_side')}",
        low=16,
        high=MAX_SIDE,
    )
    long_side: int | None = parameter(
        None,
        f"Longer side of the frame, without {named('size')}; default: {LONG_SIDE}, or 640 for GIF, WebP and APNG",
        unit="pixels", low=16, high=MAX_SIDE,
    )  # fmt: skip
    fps: Fraction = parameter(Fraction(30), "Frames per second; 23.976, 29.97 and 59.94 mean the exact NTSC fractions")
    duration: float | None = parameter(
        None, "Length of the video; default: the animation's own", unit="seconds", low=0.05, high=LONGEST_VIDEO
    )
    fit: Fit = parameter(
        "crop",
        "How to fit a cover of another shape: crop it, or show it whole on the background colour (pad) or a blurred "
        "copy (blur)",
    )
    covered: tuple[float, float, float, float] = parameter(
        (0.0, 0.0, 0.0, 0.0),
        "Strip that an app's controls hide at each edge, as a fraction of the frame's height or width: the title, the "
        "logo and the subject are kept out of these strips",
        low=0.0, high=0.6,
    )  # fmt: skip
    subject: tuple[float, float] | None = parameter(
        None,
        f"Point of the cover that {named('fit', 'crop')} keeps in view, as fractions of the cover's width and "
        "height; default: faces and other salient areas",
        low=0.0, high=1.0,
    )  # fmt: skip
    background: Background | None = parameter(
        None, f"{BACKGROUND_HELP}; default: black, or white around letters, shapes and masks"
    )
    transparent: bool = parameter(False, TRANSPARENT_HELP)
    motion_blur: float | None = parameter(
        None,
        "Time the shutter is open, as a fraction of a frame; default: 0.5, as in film, for flying tiles, 0 for the "
        "camera",
        low=0.0,
        high=1.0,
    )
    seed: int = parameter(0, "Random seed for the animation", low=0, high=2**63 - 1)
    memory: ByteSize | None = parameter(
        None,
        "Memory to use, ffmpeg included, such as 2GB; decides how many threads there are, never the result; default: a "
        "third of the free memory",
        low=LEAST_MEMORY,
    )

    def __post_init__(self) -> None:
        """Check the values, and combinations that exclude each other."""
        super().__post_init__()
        top, right, bottom, left = self.covered
        if max(top + bottom, right + left) > 0.9:
            raise InputError(
                f"{named('covered', self.covered)} leaves too little of the frame free: use smaller fractions"
            )
        check_background(self)
        if self.transparent and self.fit == "blur":
            raise InputError(
                f"A transparent background cannot be combined with {named('fit', 'blur')}: choose one of them"
            )

    def background_colour(self, *, masked: bool = False) -> Colour:
        """Return the colour of the background; black if it has none. `masked`: whether cells are left out."""
        if self.background is None:
            return (1.0, 1.0, 1.0) if masked else (0.0, 0.0, 0.0)
        return (0.0, 0.0, 0.0) if isinstance(self.background, str) else self.background

    def frame_size(self, cover: tuple[float, float], *, even: bool = True) -> tuple[int, int]:
        """Return the frame's width and height in pixels, for a cover's width and height.

        `even`: both must be even, as 4:2:0 subsampling needs. Raises InputError if the specified size is odd.
        """
        if self.size is not None:
            width, height = self.size
            if even and (width % 2 or height % 2):
                raise InputError(
                    f"{named('size', f'{width}x{height}')} is odd: videos need even sides, such as "
                    f"{width & ~1}x{height & ~1}"
                )
            return width, height
        scale = (self.long_side or LONG_SIDE) / max(cover)
        # An extreme panorama still gets a frame that players accept.
        width, height = (min(max(16, 2 * round(side * scale / 2)), MAX_SIDE) for side in cover)
        return width, height


@dataclass(frozen=True)
class OverlaySettings(Validated):
    """A title and a logo on all frames."""

    title: str | None = parameter(None, "Title text; \\n starts a new line")
    title_at: Literal["top", "middle", "bottom"] = parameter("bottom", "Position of the title")
    title_size: float = parameter(
        0.075, "Height of the title's letters, as a fraction of the frame's shorter side", low=0.01, high=0.5
    )
    title_time: tuple[float, float] | None = parameter(
        None,
        "When the title is visible; default: always",
        unit="seconds",
        low=0,
        high=LONGEST_VIDEO,
        metavar="START,END",
    )
    title_colour: Colour = parameter((1.0, 1.0, 1.0), "Colour of the title: a name or #rrggbb")
    font: Path | None = parameter(
        None, "Font file for the title; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew)"
    )
    logo: Path | None = parameter(None, "Logo: a picture file, preferably a PNG with a transparent background")
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = parameter(
        "top-right", "Position of the logo"
    )
    logo_size: float = parameter(
        0.14, "Height of the logo, as a fraction of the frame's shorter side", low=0.01, high=1
    )
    logo_opacity: float = parameter(0.9, "Opacity of the logo", low=0.01, high=1)
    margin: float = parameter(
        0.06, "Distance of title and logo from the frame's edges, as a fraction of its shorter side", low=0, high=0.4
    )

    def __post_init__(self) -> None:
        """Check the values, the title's times and its length."""
        super().__post_init__()
        if self.title_time is not None and self.title_time[0] >= self.title_time[1]:
            time = named("title_time", self.title_time)
            raise InputError(f"{time} ends before it starts: give START,END in seconds")
        if self.title is not None and len(self.title) > LONGEST_TITLE:
            raise InputError(f"{named('title')} has {len(self.title):,} characters: the maximum is {LONGEST_TITLE:,}")


@dataclass(frozen=True)
class SoundSettings(Validated):
    """The music of a video."""

    music: Path | None = parameter(None, "Soundtrack, trimmed or looped to the video's length")
    music_start: float = parameter(0.0, "Position in the track to start from", unit="seconds", low=0.0, high=86_400.0)
    music_fade: float = parameter(
        1.0, "Length of the fade-in and of the fade-out, each at most half the video", unit="seconds", low=0.0,
        high=60.0,
    )  # fmt: skip
    loudness: float = parameter(
        -14.0, "Integrated loudness of the normalized track, as in EBU R 128", unit="LUFS", low=-40.0, high=-5.0
    )
    music_bitrate: Literal[192, 384] = parameter(192, "Audio bitrate in kbit/s")


@dataclass(frozen=True)
class FileSettings(Validated):
    """Settings of a video's file."""

    format: FormatName | None = parameter(None, "File format; default: from the name's extension")
    codec: Codec | None = parameter(
        None,
        "Video codec: h264, hevc (MP4, MOV), av1 (MP4, WebM), vp9 (WebM), prores (MOV); default: h264, or vp9 in WebM",
    )
    encoder: HardwareWish = parameter(
        "software",
        "Video encoder: software (best quality), auto (first working hardware encoder), or a specific one",
    )
    quality: Quality = parameter("standard", "Encoding quality; a higher quality takes longer and makes a larger file")
    profile: Profile | None = parameter(None, "H.264 profile; default: high")
    b_frames: int = parameter(2, "Maximum number of consecutive B-frames, in H.264 and HEVC", low=0, high=8)
    gop_seconds: float = parameter(
        2.0, "Time between key frames, where players seek and editors cut", unit="seconds", low=0.1, high=60.0
    )
    max_rate: float | None = parameter(
        None, "Maximum bitrate, for a decoder with a buffer of one second (VBV)", unit="Mbit/s", low=0.05, high=1000.0
    )
    max_size: ByteSize | None = parameter(
        None, "Maximum file size, such as 20MB (20,000,000 bytes); uses two passes if necessary", low=1000, high=1e15
    )
    segment_seconds: float = parameter(
        8.0,
        "Length of the segments of which an MP4, MOV or WebM of more than 20 seconds is made, to be resumable; 0: one",
        unit="seconds",
        low=0.0,
        high=3600.0,
    )
    poster: bool = parameter(False, "Also write a representative frame as a picture next to the video")

    def for_name(self, path: Path, *, keep_codec: bool) -> FileSettings:
        """Return the settings for a file whose extension overrides a different format and its codec (from a preset)."""
        ending = path.suffix.lower().removeprefix(".")
        if not ending or self.format is None or ending == self.format:
            return self
        return replace(self, format=None, codec=self.codec if keep_codec else None)
