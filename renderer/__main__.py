"""The start of the `render` command: `doctor` must run where nothing else can be imported."""

from __future__ import annotations

import mmap
import os
import sys
import warnings

from renderer.cores import core_count
from renderer.errors import RenderError
from renderer.streams import close_streams, open_streams

_NEEDED_BYTES = 800_000_000
"""Address space that the libraries take; a core takes _CORE_BYTES more, for a thread and its buffers."""

_CORE_BYTES = 300_000_000

_MAX_CORES = 8  # that are counted, and that OpenBLAS may use where address space is limited


def needed_memory() -> int:
    """Bytes of address space without which nothing is begun.

    Measured: a small video takes 1,000 MB with one core and 1,600 MB with two, and is made in 1,400 MB.
    """
    return _NEEDED_BYTES + _CORE_BYTES * min(core_count(), _MAX_CORES)


def _has_memory() -> bool:
    """Whether a limit on address space allows so much: where it is lower, OpenBLAS tries for ever, deaf to signals."""
    if sys.platform == "win32":
        return True
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return True
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(_MAX_CORES))  # it starts a thread for each core otherwise
    try:
        mmap.mmap(-1, needed_memory(), flags=mmap.MAP_PRIVATE).close()
    except (OSError, MemoryError):
        return False
    return True


def main() -> int:
    """Run the command line; returns the exit code."""
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
            f"render: out of memory: {needed_memory() / 1e6:,.0f} MB of address space are needed to begin, and fewer "
            "are allowed: raise the limit (ulimit -v)\n"
        )
        return 1
    if not sys.warnoptions:  # what libraries warn of, with lines of their sources, is nothing that a user can mend
        warnings.simplefilter("ignore")
    try:
        from renderer.cli import main as command
    except ImportError as error:
        sys.stderr.write(f"render: a package can't be loaded ({error}): `render doctor` tells more\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
