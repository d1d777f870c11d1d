"""Encoding settings, and what each quality means for each codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, get_args

from renderer.budget import EncoderNeeds
from renderer.cores import core_count
from renderer.encoder.writer import PixelLayout
from renderer.formats import DEFAULT_TOLERANCE, OutputFormat
from renderer.settings import Codec, FileSettings, FormatName, Hardware, Profile, Quality


@dataclass(frozen=True)
class RatePoint:
    """An operating point of an encoder (speed against size and fidelity), measured by benchmarks/encoder.py."""

    preset: str  # or speed; for ProRes the profile
    crf: float  # for WebP and ProRes their own quality scale, for GIF the tolerance
    seconds_per_megapixel: float  # processor time, one core of a 2024 server
    bytes_per_megapixel: float  # for moving mosaics


def _same_point(seconds: float, size: float) -> dict[Quality, RatePoint]:
    """Return the same point for every quality, for formats without quality levels."""
    return {quality: RatePoint("", 0, seconds, size) for quality in get_args(Quality)}


RATE_POINTS: Final[dict[Codec | FormatName, dict[Quality, RatePoint]]] = {
    "h264": {
        "draft": RatePoint("ultrafast", 26, 0.0048, 21_500),
        "standard": RatePoint("veryfast", 18, 0.016, 27_500),
        "high": RatePoint("medium", 17, 0.046, 33_000),
        "max": RatePoint("medium", 12, 0.055, 62_500),
    },
    "hevc": {
        "draft": RatePoint("ultrafast", 26, 0.03, 12_000),
        "standard": RatePoint("veryfast", 20, 0.067, 27_000),
        "high": RatePoint("medium", 19, 0.115, 30_500),
        "max": RatePoint("medium", 14, 0.14, 57_000),
    },
    "av1": {
        "draft": RatePoint("10", 36, 0.019, 20_500),
        "standard": RatePoint("8", 26, 0.036, 33_500),
        "high": RatePoint("6", 24, 0.06, 37_000),
        "max": RatePoint("6", 14, 0.07, 75_000),
    },
    "vp9": {
        "draft": RatePoint("5", 36, 0.085, 11_500),
        "standard": RatePoint("4", 26, 0.11, 24_000),
        "high": RatePoint("3", 22, 0.11, 32_000),
        "max": RatePoint("3", 12, 0.13, 57_000),
    },
    "prores": {
        "draft": RatePoint("4", 16, 0.05, 150_000),
        "standard": RatePoint("4", 9, 0.06, 250_000),
        "high": RatePoint("4", 6, 0.06, 330_000),
        "max": RatePoint("4", 3, 0.06, 500_000),
    },
    "webp": {
        "draft": RatePoint("2", 60, 0.05, 60_000),
        "standard": RatePoint("4", 80, 0.1, 110_000),
        "high": RatePoint("4", 90, 0.12, 160_000),
        "max": RatePoint("4", 98, 0.15, 300_000),
    },
    "gif": {
        "draft": RatePoint("", 6, 0.15, 300_000),
        "standard": RatePoint("", DEFAULT_TOLERANCE, 0.15, 380_000),
        "high": RatePoint("", 1, 0.15, 450_000),
        "max": RatePoint("", 0, 0.15, 470_000),
    },
    "apng": _same_point(0.3, 1_300_000),
    "png": _same_point(0.1, 1_500_000),
    "jpeg": _same_point(0.02, 450_000),
    "y4m": _same_point(0.001, 1_500_000),
}
"""By codec, or by format where a format has no codecs."""

_MOST_THREADS: Final = 16
"""No encoder keeps more busy at 1080p: in x264 and x265, a frame waits for the one that it refers to, and in libvpx for
rows above and 4 columns of tiles."""

SEGMENT_THREADS: Final = 4
"""Threads of the encoder of a segment: the same on every machine, so that the file is the same."""

_NEEDS: Final[dict[Codec, EncoderNeeds]] = {
    "h264": EncoderNeeds(205, 11, 3, _MOST_THREADS),  # with two, x264 rounds a few frames' quantisers differently
    "hevc": EncoderNeeds(225, 8, 2, _MOST_THREADS),
    "av1": EncoderNeeds(140, 97, 1, 6),  # SVT-AV1's levels of parallelism, the highest is 6
    "vp9": EncoderNeeds(165, 4, 2, _MOST_THREADS),
    "prores": EncoderNeeds(60, 9, 1, _MOST_THREADS),
}
"""Without the 30 MB that ffmpeg takes without frames."""

_QUICK_H264: Final = EncoderNeeds(105, 11, 3, _MOST_THREADS)  # `veryfast` looks 10 frames ahead, `medium` 40


MIN_RATE: Final = 16_000.0
"""Bits per second; encoders reject much lower rates."""


@dataclass(frozen=True)
class Encoding:
    """Everything that decides how frames are encoded."""

    target: OutputFormat
    quality: Quality = "standard"
    point: RatePoint | None = None  # overrides the quality's point
    profile: Profile | None = None  # H.264 only
    b_frames: int = 2  # consecutive B-frames, H.264 and HEVC only
    gop_seconds: float = 2.0
    max_rate: float | None = None  # Mbit/s, for a decoder whose buffer holds one second (VBV)
    bit_rate: float | None = None  # average bits per second, instead of the quality's CRF
    colours: int = 256  # maximum palette size, GIF only
    hardware: Hardware | None = None  # instead of software
    segment_frames: int | None = None  # of a segment that is joined with others; 0: with none; None: a whole file
    pass_number: int = 0  # 1 or 2 in two-pass encoding, with both files in one folder; 0 for one pass
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, target: OutputFormat, settings: FileSettings, metadata: Mapping[str, str]) -> Encoding:
        """Return the encoding for a file's settings; bytes that are not Unicode become ? in the metadata."""
        plain = {key: value.encode("utf-8", "replace").decode("utf-8") for key, value in metadata.items()}
        return cls(
            target, settings.quality, profile=settings.profile, b_frames=settings.b_frames,
            gop_seconds=settings.gop_seconds, max_rate=settings.max_rate, metadata=plain,
        )  # fmt: skip

    @property
    def layout(self) -> PixelLayout:
        """The pixel layout that the writer takes."""
        return "yuv420p" if self.target.format.even and not self.target.transparent else "rgba"

    def for_segments(self) -> Encoding | None:
        """Return the encoding of the segments of a video; None if it can't be joined from segments.

        Hardware encoders need not write the same file twice; pictures that move, raw video and sequences have no GOPs.
        """
        if self.target.codec is None or self.hardware:
            return None
        return replace(self, segment_frames=0, metadata={})

    def gop_frames(self, fps: Fraction) -> int:
        """Return the number of frames from one key frame to the next."""
        return max(1, round(fps * Fraction(self.gop_seconds)))

    def needs(self) -> EncoderNeeds:
        """Return the memory and the threads of the encoder."""
        codec = self.target.codec
        if codec is None or self.hardware:
            return EncoderNeeds(40, 0, 1, 1)
        if self.segment_frames is not None:  # as the file depends on the threads
            # With a maximum rate, x264 and x265 plan by how far their threads are, which differs each time.
            threads = 1 if codec in ("h264", "hevc") and self.max_rate is not None else SEGMENT_THREADS
            return replace(_NEEDS[codec], least=threads, most=threads)
        needs = _QUICK_H264 if codec == "h264" and self.rate_point().preset != "medium" else _NEEDS[codec]
        # Where the file depends on the number of threads, that follows from the cores alone, so that memory does not
        # change a file: x264 plans the bytes of the frames that its threads are encoding, and x265's look-ahead uses
        # what its threads have computed. With a maximum rate, x264's plan also depends on how far they are; a single
        # thread, which writes the same file each time, takes 1.5 times the time on two cores.
        if codec == "hevc" or (codec == "h264" and (self.bit_rate or self.max_rate)):
            return replace(needs, least=max(needs.least, min(core_count(), needs.most)))
        return needs

    def rate_point(self) -> RatePoint:
        """Return the operating point in effect."""
        return self.point or RATE_POINTS[self.target.codec or self.target.format.name][self.quality]
