"""Compiling the loops that NumPy can't say: how, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., object])


_CACHED: Final[list[Any]] = []  # Numba's dispatchers have no type


def kernel(function: Kernel) -> Kernel:
    """Compile a function to machine code, without the GIL and without fastmath; cached where that can be written."""
    try:
        compiled = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return cast("Kernel", njit(nogil=True, error_model="numpy")(function))
    _CACHED.append(compiled)
    return cast("Kernel", compiled)


def is_first_run(kernels: Sequence[Any] = _CACHED) -> bool:
    """Whether none of the kernels (by default all that are cached) was ever compiled here: it takes 15 s then."""
    return bool(kernels) and not any(
        any(Path(each.stats.cache_path).glob(f"*.{each.py_func.__name__}-*.nbi")) for each in kernels
    )


def inlined(function: Kernel) -> Kernel:
    """Compile a function into each of its callers."""
    return cast("Kernel", njit(inline="always", error_model="numpy")(function))
