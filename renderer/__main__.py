"""Entry point of the `render` command. `render doctor` runs even if nothing else can be imported."""

from __future__ import annotations

import mmap
import os
import sys
import warnings

from renderer.cores import core_count
from renderer.errors import RenderError
from renderer.late_imports import import_later
from renderer.streams import close_streams, open_streams

_NEEDED_BYTES = 800_000_000
"""Address space that the libraries need. Each core needs _CORE_BYTES more, for a thread and its buffers."""

_CORE_BYTES = 300_000_000

_MAX_CORES = 8  # counted at most, and used by OpenBLAS if address space is limited


def needed_memory() -> int:
    """Return the bytes of address space that are required to start.

    Measured: a small video uses 1,000 MB with one core; with two it uses 1,600 MB, but 1,400 MB are enough.
    """
    return _NEEDED_BYTES + _CORE_BYTES * min(core_count(), _MAX_CORES)


def _has_memory() -> bool:
    """Whether the limit on address space allows `needed_memory`; below it, OpenBLAS retries forever."""
    if sys.platform == "win32":
        return True
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return True
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(_MAX_CORES))  # by default it starts a thread for each core
    try:
        mmap.mmap(-1, needed_memory(), flags=mmap.MAP_PRIVATE).close()
    except (OSError, MemoryError):
        return False
    return True


def main() -> int:
    """Run the command line. Returns the exit code."""
    open_streams()
    return close_streams(_run())


def _run() -> int:
    if sys.argv[1:] == ["doctor"]:
        from renderer.doctor import main as doctor

        try:
            return doctor()
        except (RenderError, BrokenPipeError) as error:
            sys.stderr.write(f"render: {error}\n" if isinstance(error, RenderError) else "")
            return 1
    if not _has_memory():
        sys.stderr.write(
            f"render: Out of memory: {needed_memory() / 1e6:,.0f} MB of address space are needed to start, and the "
            "limit is lower. Raise the limit (ulimit -v)\n"
        )
        return 1
    if not sys.warnoptions:  # library warnings quote source lines, which do not help users
        warnings.simplefilter("ignore")
    for package in ("cv2", "numpy", "pi_heif", "psutil"):
        import_later(package)
    try:
        from renderer.cli import main as command

        return command()
    except ImportError as error:
        sys.stderr.write(f"render: A package can't be loaded ({error}): run `render doctor`\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
