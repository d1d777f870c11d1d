"""Converting colours that a file states as numbers (CICP, gAMA, cHRM), not as an ICC profile, to linear sRGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from renderer.kernels import arithmetic

Light = npt.NDArray[np.float32]
"""(height, width, 3) linear light with sRGB primaries, white is 1; colours outside the gamut are outside 0…1."""

Primaries = tuple[float, float, float, float, float, float, float, float]
"""CIE 1931 x and y of red, green, blue and white."""

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)

_SRGB: Final[Primaries] = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65)

_PRIMARIES: Final[dict[int, Primaries]] = {
    1: _SRGB,
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
"""ColourPrimaries of ITU-T H.273, table 2."""

Curve = float | Literal["sRGB", "PQ", "HLG"]
"""Transfer function from a value to light: an exponent, or the function of a standard."""

_CURVES: Final[dict[int, Curve]] = {4: 2.2, 5: 2.8, 8: 1.0, 16: "PQ", 17: 2.6, 18: "HLG"}
"""TransferCharacteristics of ITU-T H.273, table 3. All others are treated as sRGB, as in browsers: 1, 6, 14 and 15
describe cameras, whose pictures are graded on displays that sRGB describes."""

_REFERENCE_WHITE: Final = 203.0  # cd/m²: diffuse white in PQ and HLG, ITU-R BT.2408-7, 2.2

_HIGHLIGHTS: Final = 0.001
"""Share of an HDR picture's values that may exceed its peak, so that a few stray pixels do not darken it."""

_GAMMA_OF_SRGB: Final = 0.05
"""Tolerance within which a gAMA counts as 1/2.2, and so as sRGB: encoders write it for decoders without an sRGB curve
(PNG, third edition, 11.3.2.5). libpng has the same tolerance."""


@dataclass(frozen=True)
class Colours:
    """The colour space of a picture."""

    primaries: Primaries = _SRGB
    curve: Curve = "sRGB"


def from_cicp(primaries: int, transfer: int) -> Colours | None:
    """Return the colours of ITU-T H.273 code points; None for sRGB, and for unspecified and unknown ones."""
    return _unless_srgb(Colours(_PRIMARIES.get(primaries, _SRGB), _CURVES.get(transfer, "sRGB")))


def from_gamma(gamma: float | None, chromaticities: Sequence[float] | None) -> Colours | None:
    """Return the colours of a PNG's gAMA and cHRM chunks, each None if missing; None for sRGB.

    `chromaticities`: x and y of white, red, green and blue, in the order of the chunk. Implausible values, as in a
    damaged file, count as missing.
    """
    curve: Curve = "sRGB"
    if gamma is not None and 0.1 <= gamma <= 10 and abs(gamma * 2.2 - 1) > _GAMMA_OF_SRGB:
        curve = 1 / gamma
    primaries = _SRGB
    if chromaticities is not None and len(chromaticities) == 8:
        white_x, white_y, *(red_x, red_y, green_x, green_y, blue_x, blue_y) = chromaticities
        area = (green_x - red_x) * (blue_y - red_y) - (blue_x - red_x) * (green_y - red_y)  # sRGB: 0.22
        if all(0 <= value <= 1 for value in chromaticities) and white_y > 0.1 and area > 0.05:
            primaries = (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
    return _unless_srgb(Colours(primaries, curve))


def _unless_srgb(colours: Colours) -> Colours | None:
    is_srgb = max(abs(one - other) for one, other in zip(colours.primaries, _SRGB, strict=True)) < 0.002
    return None if is_srgb and colours.curve == "sRGB" else colours


ADOBE_RGB: Final = Colours((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *_D65), 563 / 256)
"""Adobe RGB (1998), section 4.3."""


def light_of(colours: Colours, histogram: Callable[[], Sequence[int]]) -> Callable[[npt.NDArray[np.uint8]], Light]:
    """Return a function that converts the 8-bit pixels (height, width, 3) of a picture to light.

    `histogram` returns how often each value occurs in the picture, for red, then green, then blue, (768,). It is called
    for HDR pictures only, whose highlights are compressed according to their peak.
    """
    values = np.arange(256) / 255
    matrix = _to_srgb_primaries(colours.primaries)
    if colours.curve not in ("PQ", "HLG"):
        curve = srgb_to_linear(values) if colours.curve == "sRGB" else arithmetic.power(values, float(colours.curve))
        # What each channel adds, for each of its values, (256, 3).
        red, green, blue = ((curve[:, np.newaxis] * row).astype(np.float32) for row in matrix)
        return lambda pixels: red[pixels[..., 0]] + green[pixels[..., 1]] + blue[pixels[..., 2]]
    is_hlg = colours.curve == "HLG"
    display = arithmetic.power(_hlg(values), 1.2) * (1000 / _REFERENCE_WHITE) if is_hlg else _pq(values)
    table = (_hlg(values) if is_hlg else display).astype(np.float32)
    tone = _tone_curve(_peak(display, histogram()))
    # Luminance weights, and the system gamma of a display of 1,000 cd/m²: ITU-R BT.2100-2, table 5.
    weights = np.array([0.2627, 0.6780, 0.0593], np.float32)

    def light(pixels: npt.NDArray[np.uint8]) -> Light:
        linear = table[pixels]
        if is_hlg:
            luminance = _mixed(linear, weights)[..., np.newaxis]
            linear *= (arithmetic.power(luminance, 0.2) * (1000 / _REFERENCE_WHITE)).astype(np.float32)
        # All channels are compressed by the factor of the brightest one, which preserves the hue.
        brightest = np.maximum(linear.max(axis=-1, keepdims=True), np.float32(1e-6))
        linear *= (tone(brightest) / brightest).astype(np.float32)
        return np.stack([_mixed(linear, column) for column in matrix.T], axis=-1)

    return light


def _mixed(light: Light, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sums (H, W) of the channels with weights (3,), which a product of matrices rounds differently."""
    return np.asarray(light[..., 0] * weights[0] + light[..., 1] * weights[1] + light[..., 2] * weights[2], np.float32)


def srgb_to_linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert sRGB values 0…1 to linear light 0…1, same shape: IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, arithmetic.power((values + 0.055) / 1.055, 2.4))


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert PQ values to light, reference white is 1: ITU-R BT.2100-2, table 4."""
    root = arithmetic.power(values, 1 / _M2)
    light = arithmetic.power(np.maximum(root - _C1, 0) / (_C2 - _C3 * root), 1 / _M1)
    return light * (10_000 / _REFERENCE_WHITE)


def _pq_value(light: float) -> float:
    power = arithmetic.power(light * _REFERENCE_WHITE / 10_000, _M1)
    return arithmetic.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)


def _hlg(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert HLG values to scene light 0…1: ITU-R BT.2100-2, table 5."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * arithmetic.log(4 * a)
    return np.where(values <= 0.5, values * values / 3, (arithmetic.exp((values - c) / a) + b) / 12)


def _peak(display: npt.NDArray[np.float64], histogram: Sequence[int]) -> float:
    """Return the light that a picture almost never exceeds in any channel. `display`: the light of each value."""
    counts = np.asarray(histogram, np.int64).reshape(3, 256)
    above = counts.sum(axis=1, keepdims=True) - counts.cumsum(axis=1)
    return float(display[(above > counts.sum(axis=1, keepdims=True) * _HIGHLIGHTS).sum(axis=1).max()])


def _tone_curve(peak: float) -> Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]]:
    """Return a function that compresses light up to a peak to at most 1: ITU-R BT.2390 (EETF; also BT.2408, annex 5).

    It leaves shadows and midtones unchanged and compresses highlights, so that those above white keep their detail.
    """
    if peak <= 1:
        return lambda light: light
    white, top = _pq_value(1.0), _pq_value(peak)
    maximum = white / top
    knee = max(1.5 * maximum - 0.5, 0.0)
    nodes = np.linspace(0, 1, 1024)
    t = np.clip((nodes - knee) / (1 - knee), 0, 1)
    rising = t * t * (3 - 2 * t)
    spline = (1 - rising) * knee + t * (1 - t) * (1 - t) * (1 - knee) + rising * maximum
    before = _pq(nodes * top)
    after = _pq(np.where(nodes < knee, nodes, spline) * top)
    return lambda light: arithmetic.interpolated(light, before, after)


def _to_srgb_primaries(primaries: Primaries) -> npt.NDArray[np.float32]:
    """Return the matrix from linear light with these primaries to that of sRGB, for row vectors: light @ matrix."""
    # Bradford chromatic adaptation (ICC.1:2022, annex E): white stays white.
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    of_xyz, white, new_white = (
        arithmetic.product(cones, each) for each in (_to_xyz(primaries), _xyz(*primaries[6:]), _xyz(*_D65))
    )
    adapted = arithmetic.product(_inverse(cones), (new_white / white)[:, np.newaxis] * of_xyz)
    return arithmetic.product(_inverse(_to_xyz(_SRGB)), adapted).T.astype(np.float32)


def _inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the inverse of a matrix (3, 3)."""
    first, second, third = matrix
    columns = np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=1)
    return np.asarray(columns / (first * columns[:, 0]).sum(), np.float64)


def _to_xyz(primaries: Primaries) -> npt.NDArray[np.float64]:
    """Return the matrix from linear light with these primaries to CIE XYZ, for column vectors: SMPTE RP 177."""
    columns = np.array([(x, y, 1 - x - y) for x, y in (primaries[start : start + 2] for start in (0, 2, 4))]).T
    return columns * arithmetic.product(_inverse(columns), _xyz(*primaries[6:]))


def _xyz(x: float, y: float) -> npt.NDArray[np.float64]:
    """Return the CIE XYZ of a chromaticity, with Y = 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y])
