"""What a place asks of a file, and whether a file keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

from renderer.deprecation import old_names
from renderer.encoder import Probe
from renderer.parameters import ByteSize, Validated, parameter


@dataclass(frozen=True)
class PlatformRules(Validated):
    """What a place asks of a file. What is empty, none or false is not asked."""

    formats: tuple[str, ...] = parameter((), "Endings of the name, without the dot")
    codecs: tuple[str, ...] = parameter((), "As ffmpeg names them")
    tags: tuple[str, ...] = parameter((), "The codec's tag in MP4 and MOV, such as hvc1")
    profiles: tuple[str, ...] = parameter((), "The codec's profile")
    pixel_formats: tuple[str, ...] = parameter((), "As ffmpeg names them")
    size: tuple[int, int] | None = parameter(None, "WIDTHxHEIGHT exactly", low=1, high=100_000)
    shapes: tuple[str, ...] = parameter((), "Width by height, such as 9:16, to a hundredth")
    min_side: int | None = parameter(None, "Of the shorter side", unit="pixels", low=1, high=100_000)
    max_side: int | None = parameter(None, "Of the longer side", unit="pixels", low=1, high=100_000)
    min_fps: float | None = parameter(None, "Frames a second", low=0.1, high=1000)
    max_fps: float | None = parameter(None, "Frames a second", low=0.1, high=1000)
    min_seconds: float | None = parameter(None, "How long it lasts", unit="seconds", low=0, high=1e6)
    max_seconds: float | None = parameter(None, "How long it lasts", unit="seconds", low=0, high=1e6)
    max_bytes: ByteSize | None = parameter(None, "How large the file is, such as 20MB", low=1, high=1e15)
    max_bit_rate: float | None = parameter(None, "All in all", unit="Mbit/s", low=0, high=10_000)
    max_b_frames: int | None = parameter(None, "Between two other frames", low=0, high=16)
    max_gop_seconds: float | None = parameter(None, "From one key frame to the next", unit="seconds", low=0, high=3600)
    fast_start: bool = parameter(False, "The index stands before the frames")
    no_edit_list: bool = parameter(False, "No box that shifts times")
    loops: bool = parameter(False, "It is shown again and again")
    sound_codecs: tuple[str, ...] = parameter((), "Of the sound, where there is any")
    max_sound_rate: int | None = parameter(None, "Of the sound", unit="samples a second", low=1, high=1_000_000)

    def asked(self) -> list[str]:
        """The names of what is asked."""
        return [field.name for field in fields(self) if getattr(self, field.name) not in (None, False, ())]


@dataclass(frozen=True)
class RuleCheck:
    """One rule, and what was found."""

    rule: str  # "max_fps"
    found: str
    asked: str
    kept: bool


def check_rules(found: Probe, rules: PlatformRules) -> list[RuleCheck]:
    """What a file has for each thing that is asked of it, in the rules' order."""
    checks = {rule: (shown, asked, kept) for rule, shown, asked, kept in _all_checks(found, rules)}
    return [RuleCheck(rule, *checks[rule]) for rule in rules.asked() if rule in checks]


def _all_checks(found: Probe, rules: PlatformRules) -> Iterator[tuple[str, str, str, bool]]:
    """Rule, what was found, what is asked, and whether it is kept; for rules that are not asked anything at all."""
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
        ("min_fps", fps, f"{fps:g} frames/s" if fps else "uneven", " frames/s"),
        ("max_fps", fps, f"{fps:g} frames/s" if fps else "uneven", " frames/s"),
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
        least = rule.startswith("min")
        said = f"{limit / 1e6:g} MB" if rule == "max_bytes" else f"{limit:g}{unit}"
        # Times are counted in whole frames: half a one is no fault.
        slack = 0.5 / fps if rule.endswith("seconds") and fps else 1e-6
        kept = number >= limit - slack if least else number <= limit + slack
        known = number > 0 or not rule.endswith("fps")
        yield rule, shown, f"at {'least' if least else 'most'} {said}", kept and known
    plain = None if found.edit_list is None else not found.edit_list
    for rule, fact in (("fast_start", found.fast_start), ("no_edit_list", plain), ("loops", found.loops)):
        yield rule, "not known" if fact is None else "yes" if fact else "no", "yes", fact is True


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


__getattr__ = old_names(__name__, {"Rules": "PlatformRules"})
