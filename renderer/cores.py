"""The number of cores, which determines the number of threads of all modules."""

from __future__ import annotations

import os
from typing import Final

CORES_VARIABLE: Final = "MOSAIC_RENDERER_CORES"
"""Environment variable with the number of cores that each of several worker processes may use."""


def core_count() -> int:
    """Return the number of cores that this process may use: its share, or all that are available to it."""
    share = os.environ.get(CORES_VARIABLE, "")
    if share.isdecimal() and int(share) > 0:
        return int(share)
    if hasattr(os, "sched_getaffinity"):  # in a container, fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
