"""A file that fits into a number of bytes: encoded as often as it takes, and what that costs is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.encoder import STATISTICS, Encoding, gif_rate
from renderer.errors import InputError
from renderer.settings import Codec, OutputSettings

FULL: Final = 0.97
"""Share of the allowed bytes from which on a file is large enough."""

_AIM: Final = 0.985
_TRIES: Final = 6
_TWO_PASSES: Final[tuple[Codec, ...]] = ("h264", "hevc")  # their first pass is a whole file, and tells the second
_RATED: Final[tuple[Codec, ...]] = ("h264", "hevc", "av1", "vp9")
_QUALITY_RANGE: Final = (1.0, 100.0)  # of WebP
_MIN_RATE: Final = 16_000.0  # bits a second; encoders refuse much less
_SHRINKS: Final = 4  # of a GIF at most
_TOLERABLE: Final = 0.8  # share of a GIF's bytes that a higher tolerance reaches before it is seen
_MAX_TOLERANCE: Final = 12.0
_SLOWEST: Final = Fraction(10)  # frames a second
_COARSE: Final = 0.5  # share of the bytes that the quality takes, from which down a viewer sees the difference


@dataclass(frozen=True)
class RateControl:
    """The number that decides how large a file is: bits a second, or a quality."""

    first: float
    low: float
    high: float
    turn: Callable[[Encoding, float], Encoding]


Encode = Callable[[Path, Encoding, OutputSettings], int]
"""Writes a path in an encoding, as a picture of some settings, and gives its bytes."""


def encode_to_fit(
    encode: Encode,
    encoding: Encoding,
    output: OutputSettings,
    path: Path,
    seconds: float,
    cap: int,
    notice: Callable[[str], None],
) -> OutputSettings:
    """Write a file of at most `cap` bytes, and at least 97 % of them if its quality alone would take more.

    Gives the settings that the file has: of a GIF, size and rate are lowered where they must. Raises InputError where
    nothing makes it fit.
    """
    if encoding.target.format.name == "gif":
        return _fit_gif(encode, encoding, output, path, cap, notice)
    with_log = encoding.target.codec in _TWO_PASSES and encoding.hardware is None
    try:
        first = replace(encoding, pass_number=1) if with_log else encoding
        plain = encode(path, first, output)
        if plain <= cap:
            return output
        knob = _knob(encoding, plain, seconds, cap)
        if cap / plain < _COARSE:
            notice(
                f"--max-size: {_megabytes(cap)} are {100 * cap / plain:.0f} % of what this quality takes, so the "
                "picture will be coarser: a smaller --size, a lower --fps or a shorter --duration would help"
            )
        second = replace(encoding, pass_number=2) if with_log else encoding
        _search(lambda one: encode(path, one, output), second, path, knob, cap)
    finally:
        for left in path.parent.glob(f"{STATISTICS}*"):
            left.unlink(missing_ok=True)
    return output


def _fit_gif(
    encode: Encode, encoding: Encoding, output: OutputSettings, path: Path, cap: int, notice: Callable[[str], None]
) -> OutputSettings:
    """Lower rate, size and colours of a GIF until its tolerance can do the rest."""
    assert output.size is not None
    asked = output
    for _ in range(_SHRINKS):
        size = encode(path, encoding, output)
        if size * _TOLERABLE <= cap:
            break
        # A third of what is to be saved by the rate, as far as it still moves; by the palette; the rest by the size.
        aim = cap / size / _TOLERABLE**0.5
        rate = gif_rate(max(output.fps * Fraction(aim**0.35), min(output.fps, _SLOWEST)))
        colours = max(encoding.colours // 2, 64) if aim < 0.6 else encoding.colours
        left = aim / float(rate / output.fps) / (0.9 if colours < encoding.colours else 1.0)
        shrink = min(left, 1.0) ** 0.5
        width, height = (max(round(side * shrink), 16) for side in output.size)
        output = replace(output, size=(width, height), fps=rate)
        encoding = replace(encoding, colours=colours)
    if output is asked and size <= cap:
        return output
    if output is not asked:
        width, height = output.size or (0, 0)
        notice(
            f"--max-size: the GIF is {width}x{height}, of {float(output.fps):.3g} frames a second and "
            f"{encoding.colours} colours, to fit: a shorter --duration, or MP4, would show more"
        )
    if not FULL * cap <= size <= cap:
        _search(lambda one: encode(path, one, output), encoding, path, _tolerance_knob(encoding), cap)
    return output


def _tolerance_knob(encoding: Encoding) -> RateControl:
    """How true a GIF is, 1 / (1 + tolerance)."""
    point = encoding.rate_point()
    most = 1 / (1 + _MAX_TOLERANCE)
    return RateControl(
        0.6 / (1 + point.crf), most, 1.0, lambda one, value: replace(one, point=replace(point, crf=1 / value - 1))
    )


def _knob(encoding: Encoding, plain: int, seconds: float, cap: int) -> RateControl:
    target = encoding.target
    if target.codec in _RATED:
        rate = _AIM * cap * 8 / seconds
        return RateControl(rate, _MIN_RATE, rate * 4, lambda one, value: replace(one, bit_rate=value))
    if target.format.name == "webp":
        point = encoding.rate_point()
        start = max(point.crf * (cap / plain), _QUALITY_RANGE[0])
        return RateControl(start, *_QUALITY_RANGE, lambda one, value: replace(one, point=replace(point, crf=value)))
    what = target.codec or target.format.name
    raise InputError(
        f"--max-size: {what} has no rate to be lowered, and takes {_megabytes(plain)}: give a smaller --size, a lower "
        "--fps or a shorter --duration, or another format"
    )


def _search(encode: Callable[[Encoding], int], encoding: Encoding, path: Path, knob: RateControl, cap: int) -> None:
    """Turn the knob until the file fits closely; of several that fit the largest is kept."""
    best = path.with_name(f"{path.name}.best")
    kept = 0
    seen: list[tuple[float, int]] = []  # knob and bytes
    value = min(max(knob.first, knob.low), knob.high)
    try:
        for _ in range(_TRIES):
            size = encode(knob.turn(encoding, value))
            seen.append((value, size))
            if kept < size <= cap:
                path.replace(best)
                kept = size
            if FULL * cap <= size <= cap:
                break
            following = min(max(_next(seen, _AIM * cap), knob.low), knob.high)
            if any(math.isclose(following, tried, rel_tol=1e-3) for tried, _ in seen):
                break
            value = following
        if not kept:
            least = min(size for _, size in seen)
            raise InputError(
                f"--max-size: {_megabytes(cap)} are too few, {_megabytes(least)} is the least that was reached: give a "
                "smaller --size, a lower --fps or a shorter --duration"
            )
        best.replace(path)
    finally:
        best.unlink(missing_ok=True)


def _next(seen: list[tuple[float, int]], aim: float) -> float:
    """Where the bytes should be as wished: on a line through the nearest two points, both in logarithms."""
    near = sorted(seen, key=lambda point: abs(math.log(point[1] / aim)))[:2]
    (value, size), slope = near[0], 1.0
    if len(near) == 2 and near[0][0] != near[1][0] and near[0][1] != near[1][1]:
        slope = math.log(near[1][1] / near[0][1]) / math.log(near[1][0] / near[0][0])
    return float(value * (aim / size) ** (1 / min(max(slope, 0.2), 5.0)))


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.3g} MB"
