"""How frames become a file, as data, and what each quality means for each codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from renderer.encoder.formats import DEFAULT_TOLERANCE, OutputFormat
from renderer.encoder.writer import PixelLayout
from renderer.settings import Codec, FileSettings, FormatName, Hardware, Profile, Quality


@dataclass(frozen=True)
class RatePoint:
    """A point of an encoder's trade of time against size and likeness; benchmarks/encoder.py measures them."""

    preset: str  # or speed; of ProRes the profile
    crf: float  # of WebP and ProRes their own scale of quality, of GIF the tolerance
    seconds_a_megapixel: float  # processor time, on one core of a server of 2024
    bytes_a_megapixel: float  # on moving mosaics


def _alike(seconds: float, size: float) -> dict[Quality, RatePoint]:
    """Points of a format that has no qualities."""
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
    "apng": _alike(0.3, 1_300_000),
    "png": _alike(0.1, 1_500_000),
    "jpeg": _alike(0.02, 450_000),
    "y4m": _alike(0.001, 1_500_000),
}
"""By codec, or by the format that is its own."""


@dataclass(frozen=True)
class Encoding:
    """How frames become a file."""

    target: OutputFormat
    quality: Quality = "standard"
    point: RatePoint | None = None  # in place of the quality's
    profile: Profile | None = None  # of H.264
    b_frames: int = 2  # of H.264 and HEVC, between two others
    gop_seconds: float = 2.0
    max_rate: float | None = None  # Mbit/s, over any second
    bit_rate: float | None = None  # bits a second on average, in place of the quality's crf
    colours: int = 256  # of GIF, at most
    hardware: Hardware | None = None  # what encodes, in place of software
    pass_number: int = 0  # 1 and 2 of two passes, whose files lie in one folder
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, target: OutputFormat, settings: FileSettings, metadata: Mapping[str, str]) -> Encoding:
        """The encoding that a file's settings ask for; what of a name is no Unicode is a ? in the metadata."""
        plain = {key: value.encode("utf-8", "replace").decode("utf-8") for key, value in metadata.items()}
        return cls(
            target, settings.quality, profile=settings.profile, b_frames=settings.b_frames,
            gop_seconds=settings.gop_seconds, max_rate=settings.max_rate, metadata=plain,
        )  # fmt: skip

    @property
    def layout(self) -> PixelLayout:
        """What the writer is fed."""
        return "yuv420p" if self.target.format.even and not self.target.transparent else "rgba"

    def rate_point(self) -> RatePoint:
        """The point that its quality means."""
        return self.point or RATE_POINTS[self.target.codec or self.target.format.name][self.quality]
