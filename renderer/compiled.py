"""Compiling loops that NumPy can't express, with Numba."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from numba import config, njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

from renderer.paths import home_is_known

Kernel = TypeVar("Kernel", bound=Callable[..., object])


_CACHED_KERNELS: Final[list[Any]] = []  # Numba's dispatchers have no type

_DIGEST_BYTES: Final = 16

if not home_is_known():  # Numba would create a folder named ~ in the working folder
    cache = os.environ.get("MOSAIC_RENDERER_CACHE")
    config.CACHE_DIR = str(Path(cache, "compiled").absolute()) if cache else ""  # type: ignore[attr-defined]  # created when Numba is imported
    config.CACHE_LOCATOR_CLASSES = "UserProvidedCacheLocator,InTreeCacheLocator"  # type: ignore[attr-defined]


class _CheckedFiles(IndexDataCacheFile):
    """Numba's cache files of one function, each followed by a digest of its content.

    A damaged file counts as missing, so that the function is compiled again and the file replaced. Loading a damaged
    file, which contains machine code, could raise any error or crash the process.
    """

    def save(self, key: object, data: object) -> None:
        """Write a compiled function; if that fails, it is compiled again in the next run."""
        with contextlib.suppress(OSError):
            super().save(key, data)

    def _load_index(self) -> object:
        return super()._load_index() if _is_intact(Path(self._index_path)) else {}

    def _load_data(self, name: str) -> object:
        path = Path(self._data_path(name))
        if not _is_intact(path):
            raise FileNotFoundError(path)  # `load` treats it as a deleted file
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BinaryIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(content.getvalue() + _digest(content.getvalue()))


class _CheckedCache(FunctionCache):
    """Numba's cache of one function, with checked files."""

    def __init__(self, function: Callable[..., object]) -> None:
        """Raises RuntimeError if there is no writable folder."""
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = _CheckedFiles(self.cache_path, self._impl.filename_base, plain._source_stamp)

    def save_overload(self, sig: object, data: object) -> None:
        """Save as `_CheckedFiles.save` does; Numba creates the folder first, which may fail."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _is_intact(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return _digest(content[:-_DIGEST_BYTES]) == content[-_DIGEST_BYTES:]


def kernel(function: Kernel) -> Kernel:
    """Compile a function to machine code, without the GIL and without fastmath; cached if possible."""
    compiled = njit(nogil=True, error_model="numpy")(function)
    with contextlib.suppress(RuntimeError):
        vars(compiled)["_cache"] = _CheckedCache(function)
        _CACHED_KERNELS.append(compiled)
    return cast("Kernel", compiled)


def is_first_run(kernels: Sequence[Any] = _CACHED_KERNELS) -> bool:
    """Return whether none of the kernels (default: all) was compiled on this machine before; compiling takes 15 s."""
    return bool(kernels) and not any(
        any(Path(each.stats.cache_path).glob(f"*.{each.py_func.__name__}-*.nbi")) for each in kernels
    )


def inlined(function: Kernel) -> Kernel:
    """Compile a function so that it is inlined into its callers."""
    return cast("Kernel", njit(inline="always", error_model="numpy")(function))
