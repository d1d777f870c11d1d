"""The rules of a platform for video files, and the check of a file against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING

from renderer.deprecation import old_method, old_names
from renderer.parameters import ByteSize, Validated, parameter

if TYPE_CHECKING:
    from renderer.encoder import Probe


@dataclass(frozen=True)
class PlatformRules(Validated):
    """The requirements of a platform. Those that are empty, None or False do not apply."""

    formats: tuple[str, ...] = parameter((), "Allowed file name extensions, without the dot")
    codecs: tuple[str, ...] = parameter((), "Allowed video codecs, by ffmpeg's names")
    tags: tuple[str, ...] = parameter((), "Allowed codec tags in MP4 and MOV, such as hvc1")
    profiles: tuple[str, ...] = parameter((), "Allowed codec profiles")
    pixel_formats: tuple[str, ...] = parameter((), "Allowed pixel formats, by ffmpeg's names")
    size: tuple[int, int] | None = parameter(None, "Exact size in pixels, WIDTHxHEIGHT", low=1, high=100_000)
    shapes: tuple[str, ...] = parameter((), "Allowed aspect ratios, such as 9:16, with a tolerance of 1 %")
    min_side: int | None = parameter(None, "Minimum length of the shorter side", unit="pixels", low=1, high=100_000)
    max_side: int | None = parameter(None, "Maximum length of the longer side", unit="pixels", low=1, high=100_000)
    min_fps: float | None = parameter(None, "Minimum frames per second", low=0.1, high=1000)
    max_fps: float | None = parameter(None, "Maximum frames per second", low=0.1, high=1000)
    min_seconds: float | None = parameter(None, "Minimum length", unit="seconds", low=0, high=1e6)
    max_seconds: float | None = parameter(None, "Maximum length", unit="seconds", low=0, high=1e6)
    max_bytes: ByteSize | None = parameter(None, "Maximum file size, such as 20MB", low=1, high=1e15)
    max_bit_rate: float | None = parameter(None, "Maximum bitrate of the whole file", unit="Mbit/s", low=0, high=10_000)
    max_b_frames: int | None = parameter(None, "Maximum number of consecutive B-frames", low=0, high=16)
    max_gop_seconds: float | None = parameter(None, "Maximum time between key frames", unit="seconds", low=0, high=3600)
    fast_start: bool = parameter(False, "The index must precede the frames")
    no_edit_list: bool = parameter(False, "No edit list (which shifts timestamps)")
    loops: bool = parameter(False, "The file must loop")
    sound_codecs: tuple[str, ...] = parameter((), "Allowed audio codecs, if there is audio")
    max_sound_rate: int | None = parameter(None, "Maximum audio sample rate", unit="Hz", low=1, high=1_000_000)

    def required(self) -> list[str]:
        """Return the names of the rules that apply."""
        return [field.name for field in fields(self) if getattr(self, field.name) not in (None, False, ())]

    asked = old_method("PlatformRules.asked", required)


@dataclass(frozen=True)
class RuleCheck:
    """The result of checking one rule. The field names are keys of JSON output and manifests."""

    rule: str  # "max_fps"
    found: str
    asked: str  # the required value
    kept: bool  # whether the file passed


def check_rules(found: Probe, rules: PlatformRules) -> list[RuleCheck]:
    """Check a file against each rule that applies, in the order of the rules."""
    checks = {rule: (value, required, passed) for rule, value, required, passed in _all_checks(found, rules)}
    return [RuleCheck(rule, *checks[rule]) for rule in rules.required() if rule in checks]


def _all_checks(found: Probe, rules: PlatformRules) -> Iterator[tuple[str, str, str, bool]]:
    """Yield rule, found value, required value and whether it passed; meaningless for rules that do not apply."""
    for rule, value in (
        ("formats", found.format),
        ("codecs", found.codec),
        ("tags", found.tag),
        ("profiles", found.profile),
        ("pixel_formats", found.pixel_format),
        ("sound_codecs", found.sound.codec if found.sound else ""),
    ):
        allowed: tuple[str, ...] = getattr(rules, rule)
        silent = rule == "sound_codecs" and found.sound is None
        yield rule, value or "none", " or ".join(allowed), silent or value in allowed
    size = (found.width, found.height)
    fps = float(found.fps) if found.fps is not None else 0.0
    if rules.size is not None:
        yield "size", _by(size), _by(rules.size), size == rules.size
    shapes = [Fraction(*map(int, shape.split(":"))) for shape in rules.shapes]
    near = any(abs(size[0] / size[1] / float(shape) - 1) <= 0.01 for shape in shapes)
    yield "shapes", _by(size), " or ".join(rules.shapes), near
    seconds = f"{found.seconds:.2f} s"
    gop = found.gop / fps if fps else 0.0
    sound_rate = found.sound.rate if found.sound else 0
    for rule, number, shown, unit in (
        ("min_side", min(size), _by(size), " pixels"),
        ("max_side", max(size), _by(size), " pixels"),
        ("min_fps", fps, f"{fps:g} frames/s" if fps else "variable", " frames/s"),
        ("max_fps", fps, f"{fps:g} frames/s" if fps else "variable", " frames/s"),
        ("min_seconds", found.seconds, seconds, " s"),
        ("max_seconds", found.seconds, seconds, " s"),
        ("max_bytes", found.bytes, f"{found.bytes / 1e6:.2f} MB", ""),
        ("max_bit_rate", found.bit_rate / 1e6, f"{found.bit_rate / 1e6:.1f} Mbit/s", " Mbit/s"),
        ("max_b_frames", found.b_frames, str(found.b_frames), ""),
        ("max_gop_seconds", gop, f"{gop:.2f} s", " s"),
        ("max_sound_rate", sound_rate, f"{sound_rate} Hz", " Hz"),
    ):
        limit: float | None = getattr(rules, rule)
        if limit is None:
            continue
        is_minimum = rule.startswith("min")
        limit_shown = f"{limit / 1e6:g} MB" if rule == "max_bytes" else f"{limit:g}{unit}"
        # Times are whole numbers of frames: half a frame is tolerated.
        slack = 0.5 / fps if rule.endswith("seconds") and fps else 1e-6
        passed = number >= limit - slack if is_minimum else number <= limit + slack
        known = number > 0 or not rule.endswith("fps")
        yield rule, shown, f"at {'least' if is_minimum else 'most'} {limit_shown}", passed and known
    plain = None if found.edit_list is None else not found.edit_list
    for rule, fact in (("fast_start", found.fast_start), ("no_edit_list", plain), ("loops", found.loops)):
        yield rule, "unknown" if fact is None else "yes" if fact else "no", "yes", fact is True


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


__getattr__ = old_names(__name__, {"Rules": "PlatformRules", "Check": "RuleCheck", "check": "check_rules"})
