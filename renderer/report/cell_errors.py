"""Colour differences between a mosaic and its cover, per pixel and per cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import SIGNATURE_PIXELS, light_to_lab
from renderer.fidelity import error_map
from renderer.pictures import Pixels, resize, to_linear
from renderer.placement import PlacementMap

MAX_DRAWN_ERROR: Final = 10.0
"""CIEDE2000 difference from which the error map is white."""


@dataclass(frozen=True)
class CellErrors:
    """Differences between cover and mosaic, at 8 pixels per unit."""

    error: Float32Array  # (H, W) CIEDE2000 at viewing distance
    mean_error: Float32Array  # (N,) mean of `error` over each cell
    light: Float32Array  # (N, 3) the cover's mean linear light in each cell

    @classmethod
    def of(cls, ideal: Pixels, mosaic: Pixels, colours: Pixels, placement: PlacementMap) -> CellErrors:
        """Compare a still of a mosaic with the cover.

        All are (H, W, 3), of any size. ideal: the cover in the mosaic's tiles, with the same gaps, borders and ground
        as the mosaic, so that these do not count as differences; colours: the part of the cover under the grid.
        """
        width, height = (max(8, round(side * SIGNATURE_PIXELS)) for side in placement.size)
        # Cells of 8 × 8 pixels and more, with a blur relative to their area.
        blur = math.sqrt(placement.shape.cell_area)
        ideal, mosaic, cover = (resize(picture, width, height) for picture in (ideal, mosaic, colours))
        error = error_map(ideal, mosaic, (blur, blur))
        corners = placement.cell.copy()
        corners[:, 2:] += corners[:, :2]
        boxes = np.rint(corners * SIGNATURE_PIXELS).astype(np.int64)
        boxes = np.clip(boxes, 0, [width, height, width, height])  # those of hexagons extend beyond the edge
        return cls(error, _means(error[..., np.newaxis], boxes)[:, 0], _means(to_linear(cover), boxes))

    @property
    def lab(self) -> Float32Array:
        """The cover's mean colour in each cell, (N, 3) CIELAB."""
        return light_to_lab(self.light)

    def drawn_error(self) -> Pixels:
        """Return the error map (H, W, 3): black for no error, through red, to white for `MAX_DRAWN_ERROR`."""
        shade = np.clip(self.error * (255 / MAX_DRAWN_ERROR), 0, 255).astype(np.uint8)
        coloured = np.asarray(cv2.applyColorMap(shade, cv2.COLORMAP_HOT), np.uint8)[..., ::-1]
        return np.ascontiguousarray(coloured)


def _means(values: Float32Array, boxes: npt.NDArray[np.int64]) -> Float32Array:
    """Return means (N, C) of values (H, W, C) over boxes (N, 4) left, top, right, bottom. Memory: 8 bytes per pixel."""
    left, top, right, bottom = boxes.T
    area = np.maximum((right - left) * (bottom - top), 1)
    means = np.empty((len(boxes), values.shape[2]), np.float32)
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    inner = sums[1:, 1:]
    for channel in range(values.shape[2]):
        np.cumsum(values[..., channel], axis=0, dtype=np.float64, out=inner)
        np.cumsum(inner, axis=1, out=inner)
        means[:, channel] = (sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]) / area
    return means
