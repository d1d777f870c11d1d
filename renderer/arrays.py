"""Array types, by dtype."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]

Float64Array = npt.NDArray[np.float64]

Int32Array = npt.NDArray[np.int32]

Int64Array = npt.NDArray[np.int64]

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) sRGB, 8 bits per channel."""

Packed = npt.NDArray[np.uint32]
"""Pixels (H, W) as uint32: R in the lowest byte, then G, B and alpha; colours premultiplied."""
