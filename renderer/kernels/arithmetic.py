"""Elementary functions, products of matrices and random numbers that are the same to the last bit on every processor.

NumPy, `math`, BLAS and C libraries have variants of these for several processors, which round differently; and those
for ARM may round a product and a sum in one step. Whatever decides about pixels therefore uses this module, so that
parts of one video can be drawn on different machines. Sums, differences, products, quotients, square roots, rounding
and `sum` of NumPy are exact or the same everywhere, and are not here; powers with whole exponents are products.

A number gives a float, an array a float64 array of its shape. Relative errors are below 1e-15, those of `sin` and
`cos` absolute ones, for angles up to 1e6.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.arrays import Float64Array
    from renderer.kernels.library import Kernels

    Floats = npt.NDArray[np.floating]

Number = TypeVar("Number", float, "Float64Array")

_LN_2: Final = 0.6931471805599453

_STEPS: Final = 1 << 30  # to which random numbers are rounded, for each of 1


@cache
def _library() -> Kernels:
    from renderer.kernels.library import kernels  # needs NumPy, which a command that draws nothing does not load

    return kernels()


def _values(name: str, *arrays: npt.ArrayLike) -> Float64Array:
    """Return the values of a function of arrays, which are broadcast."""
    shaped = np.broadcast_arrays(*arrays) if len(arrays) > 1 else [np.asarray(each) for each in arrays]
    values = np.empty(shaped[0].shape)
    getattr(_library(), name)(*(np.ascontiguousarray(each, np.float64) for each in shaped), values.size, values)
    return values


@overload
def exp(x: float) -> float: ...
@overload
def exp(x: Floats) -> Float64Array: ...
def exp(x: float | Floats) -> float | Float64Array:
    """Return e to a power: 0 below −708, infinity above 709."""
    return _values("exponentials", x) if isinstance(x, np.ndarray) else float(_library().exponential(x))


@overload
def log(x: float) -> float: ...
@overload
def log(x: Floats) -> Float64Array: ...
def log(x: float | Floats) -> float | Float64Array:
    """Return the natural logarithm: −infinity for 0, NaN for negative numbers."""
    return log2(x) * _LN_2


@overload
def log2(x: float) -> float: ...
@overload
def log2(x: Floats) -> Float64Array: ...
def log2(x: float | Floats) -> float | Float64Array:
    """Return the logarithm to base 2, exact for powers of two: −infinity for 0, NaN for negative numbers."""
    return _values("binary_logarithms", x) if isinstance(x, np.ndarray) else float(_library().binary_logarithm(x))


@overload
def power(x: float, exponent: float) -> float: ...
@overload
def power(x: Floats, exponent: float | Floats) -> Float64Array: ...
@overload
def power(x: float, exponent: Floats) -> Float64Array: ...
def power(x: float | Floats, exponent: float | Floats) -> float | Float64Array:
    """Return a number to a power: a product if the exponent is an int, otherwise of numbers of 0 or more.

    The relative error is larger in proportion to the logarithm of the result.
    """
    if isinstance(exponent, int) and exponent > 0:
        return _power(np.asarray(x, np.float64), exponent) if isinstance(x, np.ndarray) else _power(float(x), exponent)
    if isinstance(x, np.ndarray) or isinstance(exponent, np.ndarray):
        return _values("raised_all", x, exponent)
    return float(_library().raised(x, exponent))


@overload
def sin(angle: float) -> float: ...
@overload
def sin(angle: Floats) -> Float64Array: ...
def sin(angle: float | Floats) -> float | Float64Array:
    """Return the sine of an angle in radians."""
    return _values("sines", angle) if isinstance(angle, np.ndarray) else float(_library().sine(angle))


@overload
def cos(angle: float) -> float: ...
@overload
def cos(angle: Floats) -> Float64Array: ...
def cos(angle: float | Floats) -> float | Float64Array:
    """Return the cosine of an angle in radians."""
    return _values("cosines", angle) if isinstance(angle, np.ndarray) else float(_library().cosine(angle))


def _power(x: Number, exponent: int) -> Number:
    """Return a number to a power of 1 or more."""
    if exponent == 1:
        return x
    root = _power(x, exponent // 2)
    return root * root * x if exponent % 2 else root * root


@lru_cache(64)  # fields of view hardly ever change
def tan(angle: float) -> float:
    """Return the tangent of an angle in radians."""
    return sin(angle) / cos(angle)


@overload
def arctan2(y: float, x: float) -> float: ...
@overload
def arctan2(y: Floats, x: float | Floats) -> Float64Array: ...
@overload
def arctan2(y: float, x: Floats) -> Float64Array: ...
def arctan2(y: float | Floats, x: float | Floats) -> float | Float64Array:
    """Return the angle of a vector in radians, −π…π: 0 along x, π/2 along y, 0 of the vector (0, 0)."""
    if isinstance(x, np.ndarray) or isinstance(y, np.ndarray):
        return _values("angles_of", y, x)
    return float(_library().angle_of(y, x))


def arcsin(x: float) -> float:
    """Return the angle in radians, −π/2…π/2, whose sine is a number from −1 to 1."""
    return arctan2(x, math.sqrt((1 - x) * (1 + x)))


def arccos(x: float) -> float:
    """Return the angle in radians, 0…π, whose cosine is a number from −1 to 1."""
    return arctan2(math.sqrt((1 - x) * (1 + x)), x)


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two points."""
    x, y = other[0] - one[0], other[1] - one[1]
    return math.sqrt(x * x + y * y)


def lengths(vectors: Floats) -> Float64Array:
    """Return the lengths (…,) of vectors (…, K)."""
    squares = vectors[..., 0] * vectors[..., 0]
    for axis in range(1, vectors.shape[-1]):  # K is small: three times as fast as `sum`
        squares = squares + vectors[..., axis] * vectors[..., axis]
    return np.asarray(np.sqrt(squares), np.float64)


def product(rows: Floats, columns: npt.ArrayLike) -> Float64Array:
    """Return the product of matrices (…, K) and (K, N), or of (…, K) and a vector (K,), added up in order."""
    right = np.asarray(columns, np.float64)
    shape = (*rows.shape[:-1], *right.shape[1:])
    values, depth = np.empty(shape), rows.shape[-1]
    if depth != len(right):
        raise ValueError(f"the matrices {rows.shape} and {right.shape} can't be multiplied")
    if values.size:
        _library().multiply_matrices(
            np.ascontiguousarray(rows, np.float64), np.ascontiguousarray(right), rows.size // depth, depth,
            right.size // depth, values,
        )  # fmt: skip
    return values


def interpolated(x: Floats, positions: Floats, heights: Floats) -> Float64Array:
    """Return heights (N,) at x, linearly between increasing positions (N,); beyond them, the first or the last one."""
    after = np.clip(np.searchsorted(positions, x, side="right"), 1, len(positions) - 1)
    low, high = positions[after - 1], positions[after]
    share = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(heights[after - 1] * (1 - share) + heights[after] * share, np.float64)


def uniform(rng: np.random.Generator, low: float, high: float, shape: int | tuple[int, ...]) -> Float64Array:
    """Return random numbers from `low` to `high`: those of `rng.uniform`."""
    return np.asarray(low + (high - low) * rng.random(shape), np.float64)


def normal(rng: np.random.Generator, mean: float, deviation: float, shape: int | tuple[int, ...]) -> Float64Array:
    """Return normally distributed random numbers: those of `rng.normal`, rounded to 1e-9 of the deviation.

    NumPy computes one in 4,000 with a logarithm.
    """
    steps = np.rint(rng.standard_normal(shape) * _STEPS) / _STEPS
    return np.asarray(mean + deviation * steps, np.float64)
