"""Resizing of pictures: Lanczos, or averages of light."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from renderer.arrays import Float32Array, Float64Array, Int32Array, Int64Array, Pixels
from renderer.kernels import arithmetic
from renderer.kernels.library import converted, kernels

_CACHED: Final = 64  # pairs of lengths, each up to 0.2 MB; a render needs a few

_STRIP: Final = 64
"""Rows whose columns are combined at once: 192 bytes, a multiple of what fits into registers."""


class Scale(NamedTuple):
    """How each of N pixels along an axis is combined from T neighbours."""

    first: Int32Array  # (N,) the first of the neighbours
    weights: Float32Array  # (N, T) add up to 1
    taps: int  # T
    size: int  # N


def resize_values(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize (H, W, 3) to (height, width, 3) with Lanczos of radius 3, as Pillow does up to the rounding of floats."""
    return _combined(pixels, _lanczos(pixels.shape[1], width), _lanczos(pixels.shape[0], height))


def _combined(pixels: Pixels, columns: Scale, rows: Scale) -> Pixels:
    height, width = pixels.shape[:2]
    memory = np.empty(3 * (_STRIP * (width + columns.size) + height * columns.size), np.uint8)
    resized = np.empty((rows.size, columns.size, 3), np.uint8)
    kernels().resize_values(pixels, width, height, columns, rows, _STRIP, memory, resized)
    return resized


def sample_values(pixels: Pixels, size: tuple[int, int], start: tuple[float, float], step: float) -> Pixels:
    """Return the pixels (height, width, 3) at equal distances in (H, W, 3), bicubically; at its edges, it continues.

    `size`: width and height. `start`: x and y of the first one, 0 in the middle of the first pixel. The coefficients
    are OpenCV's.
    """
    scales = [_cubic(*each, step, new) for *each, new in zip(pixels.shape[1::-1], start, size, strict=True)]
    return _combined(pixels, *scales)


def resize_light(pixels: Pixels, width: int, height: int, light: Float32Array, bytes_of: Pixels) -> Pixels:
    """Reduce (H, W, 3) to (height, width, 3): the averages of light over the area of each pixel.

    `light` (256,): of each byte, 0…1. `bytes_of` (65536,): bytes by light in 1/65535.
    """
    old_height, old_width = pixels.shape[:2]
    memory = np.empty(3 * (2 * old_width + width) + 2, np.float32)  # for three rows, two with one number more
    resized = np.empty((height, width, 3), np.uint8)
    columns, rows = _areas(old_width, width), _areas(old_height, height)
    kernels().resize_light(pixels, old_width, columns, rows, light, bytes_of, memory, resized)
    return resized


@lru_cache(_CACHED)
def _lanczos(old: int, new: int) -> Scale:
    """Return how to resize an axis with Lanczos of radius 3, which is widened if the axis is reduced."""
    ratio = old / new
    wide = max(ratio, 1.0)
    centre = (np.arange(new) + 0.5) * ratio
    first = np.maximum((centre - 3 * wide + 0.5).astype(np.int64), 0)  # the same pixels as in Pillow
    end = np.minimum((centre + 3 * wide + 0.5).astype(np.int64), old)
    position = _neighbours(first, end, old)
    distance = (position + 0.5 - centre[:, np.newaxis]) / wide
    used = (position >= first[:, np.newaxis]) & (position < end[:, np.newaxis])
    return _scale(position, np.where(used, _sinc(distance) * _sinc(distance / 3), 0.0))


@lru_cache(_CACHED)
def _cubic(old: int, start: float, step: float, new: int) -> Scale:
    """Return how to sample an axis at `start`, `start` + `step`, …, in pixels from the middle of the first one."""
    centre = start + step * np.arange(new)
    position = np.floor(centre)[:, np.newaxis] + np.arange(-1, 3)
    away, a = np.abs(position - centre[:, np.newaxis]), -0.75
    near, far = ((a + 2) * away - (a + 3)) * away * away + 1, ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    position = np.clip(position, 0, old - 1).astype(np.int64)  # those beyond an edge are the pixel at it
    first = np.minimum(position[:, :1], max(old - 4, 0))
    weights = np.zeros((new, min(old, 4)))
    np.add.at(weights, (np.arange(new)[:, np.newaxis], position - first), np.where(away < 1, near, far))
    return _scale(first, weights)


def _sinc(x: Float64Array) -> Float64Array:
    angle = math.pi * np.where(x == 0, 1e-20, x)
    return arithmetic.sin(angle) / angle


@lru_cache(_CACHED)
def _areas(old: int, new: int) -> Scale:
    """Return how to reduce an axis to averages."""
    edges = np.arange(new + 1) * (old / new)
    low, high = edges[:-1], edges[1:]
    position = _neighbours(np.floor(low).astype(np.int64), np.minimum(np.ceil(high), old).astype(np.int64), old)
    overlap = np.minimum(position + 1, high[:, np.newaxis]) - np.maximum(position, low[:, np.newaxis])
    return _scale(position, np.where(overlap > 1e-6, overlap, 0.0))  # less is a rounding error


def _neighbours(first: Int64Array, end: Int64Array, old: int) -> Int64Array:
    """Return equally many neighbours for each pixel, (N, T), which include those from `first` to `end`."""
    taps = int((end - first).max())
    return np.minimum(first, old - taps)[:, np.newaxis] + np.arange(taps)


def _scale(position: Int64Array, weights: Float64Array) -> Scale:
    weights /= weights.sum(axis=1, keepdims=True)
    return converted(Scale(position[:, 0].astype(np.int32), weights.astype(np.float32), weights.shape[1], len(weights)))
