"""Encoding a file to a maximum size, in as many passes as necessary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.encoder import MIN_RATE, STATISTICS, Encoding, gif_rate
from renderer.errors import InputError
from renderer.messages import named
from renderer.settings import Codec, OutputSettings

FULL: Final = 0.97
"""Minimum share of the allowed bytes that a file should use."""

_AIM: Final = 0.985
_TRIES: Final = 6
_TWO_PASSES: Final[tuple[Codec, ...]] = ("h264", "hevc")  # the first pass writes a whole file, and statistics
_RATED: Final[tuple[Codec, ...]] = ("h264", "hevc", "av1", "vp9")
_QUALITY_RANGE: Final = (1.0, 100.0)  # of WebP
_MAX_SHRINKS: Final = 4  # of a GIF
_TOLERABLE: Final = 0.8  # share to which a higher tolerance can reduce a GIF's bytes before it is visible
_MAX_TOLERANCE: Final = 12.0
_SLOWEST: Final = Fraction(10)  # frames per second
_COARSE: Final = 0.5  # share of the bytes that the quality needs; below it a viewer sees the difference


_SMALLER: Final = f"a smaller {named('size')}, a lower {named('fps')} or a shorter {named('duration')}"


@dataclass(frozen=True)
class RateControl:
    """The number that controls the size of a file: bits per second, or a quality."""

    first: float
    low: float
    high: float
    apply: Callable[[Encoding, float], Encoding]


Encode = Callable[[Path, Encoding, OutputSettings], int]
"""Writes a video to a path, with an encoding and settings, and returns its size in bytes."""


def encode_to_fit(
    encode: Encode,
    encoding: Encoding,
    output: OutputSettings,
    path: Path,
    seconds: float,
    cap: int,
    notice: Callable[[str], None],
) -> OutputSettings:
    """Write a file of at most `cap` bytes, and at least 97 % of that if its quality alone would need more.

    Returns the settings of the file: for a GIF, size and frame rate are reduced if necessary. Raises InputError if the
    file can't be made to fit.
    """
    if encoding.target.format.name == "gif":
        return _fit_gif(encode, encoding, output, path, cap, notice)
    with_log = encoding.target.codec in _TWO_PASSES and encoding.hardware is None
    try:
        first = replace(encoding, pass_number=1) if with_log else encoding
        plain = encode(path, first, output)
        if plain <= cap:
            return output
        rate_control = _rate_control(encoding, plain, seconds, cap)
        if cap / plain < _COARSE:
            notice(
                f"{named('max_size')} ({_megabytes(cap)}) is {100 * cap / plain:.0f} % of what this quality needs, so "
                f"the picture will be coarser: {_SMALLER} would help"
            )
        second = replace(encoding, pass_number=2) if with_log else encoding
        _search(lambda one: encode(path, one, output), second, path, rate_control, cap)
    finally:
        for left in path.parent.glob(f"{STATISTICS}*"):
            left.unlink(missing_ok=True)
    return output


def _fit_gif(
    encode: Encode, encoding: Encoding, output: OutputSettings, path: Path, cap: int, notice: Callable[[str], None]
) -> OutputSettings:
    """Reduce frame rate, size and colours of a GIF until a higher tolerance is enough."""
    assert output.size is not None
    requested = output
    for _ in range(_MAX_SHRINKS):
        size = encode(path, encoding, output)
        if size * _TOLERABLE <= cap:
            break
        # The frame rate contributes a third of the reduction, while motion remains smooth enough; then a smaller
        # palette is used; the size contributes the rest.
        aim = cap / size / _TOLERABLE**0.5
        rate = gif_rate(max(output.fps * Fraction(aim**0.35), min(output.fps, _SLOWEST)))
        colours = max(encoding.colours // 2, 64) if aim < 0.6 else encoding.colours
        left = aim / float(rate / output.fps) / (0.9 if colours < encoding.colours else 1.0)
        shrink = min(left, 1.0) ** 0.5
        width, height = (max(round(side * shrink), 16) for side in output.size)
        output = replace(output, size=(width, height), fps=rate)
        encoding = replace(encoding, colours=colours)
    if output is requested and size <= cap:
        return output
    if output is not requested:
        width, height = output.size or (0, 0)
        notice(
            f"To fit {named('max_size')}, the GIF is {width}x{height} with {float(output.fps):.3g} frames per second "
            f"and {encoding.colours} colours: a shorter {named('duration')} or MP4 allows more"
        )
    if not FULL * cap <= size <= cap:
        _search(lambda one: encode(path, one, output), encoding, path, _tolerance_control(encoding), cap)
    return output


def _tolerance_control(encoding: Encoding) -> RateControl:
    """Return the rate control of a GIF: its accuracy, 1 / (1 + tolerance)."""
    point = encoding.rate_point()
    least = 1 / (1 + _MAX_TOLERANCE)
    return RateControl(
        0.6 / (1 + point.crf), least, 1.0, lambda one, value: replace(one, point=replace(point, crf=1 / value - 1))
    )


def _rate_control(encoding: Encoding, plain: int, seconds: float, cap: int) -> RateControl:
    target = encoding.target
    if target.codec in _RATED:
        rate = _AIM * cap * 8 / seconds
        return RateControl(rate, MIN_RATE, rate * 4, lambda one, value: replace(one, bit_rate=value))
    if target.format.name == "webp":
        point = encoding.rate_point()
        start = max(point.crf * (cap / plain), _QUALITY_RANGE[0])
        return RateControl(start, *_QUALITY_RANGE, lambda one, value: replace(one, point=replace(point, crf=value)))
    name = target.codec or target.format.name
    raise InputError(
        f"{named('max_size')} is not possible with {name}, which has a fixed quality and needs {_megabytes(plain)}: "
        f"use {_SMALLER}, or another format"
    )


def _search(encode: Callable[[Encoding], int], encoding: Encoding, path: Path, control: RateControl, cap: int) -> None:
    """Vary the rate control until the file fits closely; of several that fit, keep the largest."""
    best = path.with_name(f"{path.name}.best")
    best_size = 0
    tried: list[tuple[float, int]] = []  # value and bytes
    value = min(max(control.first, control.low), control.high)
    try:
        for _ in range(_TRIES):
            size = encode(control.apply(encoding, value))
            tried.append((value, size))
            if best_size < size <= cap:
                path.replace(best)
                best_size = size
            if FULL * cap <= size <= cap:
                break
            following = min(max(_next(tried, _AIM * cap), control.low), control.high)
            if any(math.isclose(following, earlier, rel_tol=1e-3) for earlier, _ in tried):
                break
            value = following
        if not best_size:
            least = min(size for _, size in tried)
            raise InputError(
                f"{named('max_size', _megabytes(cap))} is too small: the smallest file was {_megabytes(least)}. Use "
                f"{_SMALLER}"
            )
        best.replace(path)
    finally:
        best.unlink(missing_ok=True)


def _next(tried: list[tuple[float, int]], aim: float) -> float:
    """Return the value that should give `aim` bytes, from the line through the nearest two points in logarithms."""
    near = sorted(tried, key=lambda point: abs(math.log(point[1] / aim)))[:2]
    (value, size), slope = near[0], 1.0
    if len(near) == 2 and near[0][0] != near[1][0] and near[0][1] != near[1][1]:
        slope = math.log(near[1][1] / near[0][1]) / math.log(near[1][0] / near[0][0])
    return float(value * (aim / size) ** (1 / min(max(slope, 0.2), 5.0)))


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.3g} MB"
