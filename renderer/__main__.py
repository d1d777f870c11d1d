"""The start of the `render` command: `doctor` must run where nothing else can be imported."""

from __future__ import annotations

import mmap
import sys

from renderer.cores import core_count

_NEEDED_BYTES = 800_000_000
"""Address space that the libraries take; a core takes _CORE_BYTES more, for a thread and its buffers."""

_CORE_BYTES = 300_000_000

_MOST_CORES = 8  # that are counted: it can do with less, if slowly


def needed_memory() -> int:
    """Bytes of address space without which nothing is begun.

    Measured: a small video takes 1,000 MB with one core and 1,600 MB with two, and is made in 1,400 MB.
    """
    return _NEEDED_BYTES + _CORE_BYTES * min(core_count(), _MOST_CORES)


def _has_memory() -> bool:
    """Whether so much can be had: where a limit is lower, OpenBLAS tries for ever, and no signal ends it."""
    if sys.platform == "win32":
        return True
    try:
        mmap.mmap(-1, needed_memory(), flags=mmap.MAP_PRIVATE).close()
    except (OSError, MemoryError):
        return False
    return True


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] == ["doctor"]:
        from renderer.doctor import main as doctor

        return doctor()
    if not _has_memory():
        sys.stderr.write(
            f"render: out of memory: {needed_memory() / 1e6:,.0f} MB of address space are needed to begin, and fewer "
            "are allowed: raise the limit (ulimit -v)\n"
        )
        return 1
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
