"""Array types, by dtype."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]

Float64Array = npt.NDArray[np.float64]
