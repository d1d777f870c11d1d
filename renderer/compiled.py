"""Compiling the loops that NumPy can't say: how, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile a function to machine code, without the GIL and without fastmath; cached where that can be written."""
    try:
        return cast("Kernel", njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:
        return cast("Kernel", njit(nogil=True, error_model="numpy")(function))


def inlined(function: Kernel) -> Kernel:
    """Compile a function into each of its callers."""
    return cast("Kernel", njit(inline="always", error_model="numpy")(function))
