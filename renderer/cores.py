"""How many threads work is spread over: decided here for every room."""

from __future__ import annotations

import os
from typing import Final

SHARE: Final = "MOSAIC_RENDERER_CORES"
"""The environment's word for a process that shares the machine with others of ours: how many cores are its own."""


def core_count() -> int:
    """The cores that this process may keep busy: its share, or all that the system gives it."""
    share = os.environ.get(SHARE, "")
    if share.isdecimal() and int(share) > 0:
        return int(share)
    if hasattr(os, "sched_getaffinity"):  # fewer than the machine has, in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
