"""The threads and the memory of a render, from the cores, the free memory and the size of the frames.

No number here changes a pixel or a file: a render with less memory is only slower.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from renderer.cores import core_count

LEAST_MEMORY: Final = 700 * 2**20
"""Bytes of the smallest budget: that of a render at 1080p and `standard` quality, with everything at its minimum."""

FREE_SHARE: Final = 3
"""By default, a render may use one part in three of the free memory."""

WORKERS_VARIABLE: Final = "MOSAIC_RENDERER_WORKERS"
"""Environment variable with the number of worker processes that share the memory."""

_PROCESS_BYTES: Final = 220_000_000  # Python and its packages, a mosaic, and ffmpeg without frames
_FRAME_BYTES: Final = 20  # for each pixel: a drawn frame, planes of what rests, and up to eight buffers of the writer
_LOADER_BYTES: Final = 60_000_000  # of a thread that decodes photos of 8 megapixels

_TEXTURES: Final = (32_000_000, 24)
"""Bytes, and bytes for each pixel: 12 hold two mip levels of everything that a frame can show; with twice that, most of
the next frames' textures are already loaded."""

_LEAST_CANVAS: Final = 16  # bytes per pixel of a frame: the two mip levels that it shows
_MOST_CANVAS: Final = 64
"""Bytes per pixel of a frame: those with tone and without, and the next ones."""


@dataclass(frozen=True)
class EncoderNeeds:
    """What an encoder takes: bytes for each pixel of a frame (measured by benchmarks/encoder.py), and its threads."""

    base: float = 0.0  # without its threads: mostly its look-ahead
    per_thread: float = 0.0
    least: int = 0  # threads; with fewer, some encoders write another file
    most: int = 0


@dataclass(frozen=True)
class Budget:
    """The threads and the memory of a render."""

    memory_bytes: int  # what it may take, ffmpeg included
    expected_bytes: int  # about what it takes at most; above `memory_bytes` if even the minimum does not fit
    encoder_threads: int
    drawing_threads: int
    loading_threads: int  # that decode photos
    texture_bytes: int
    canvas_bytes: int  # of drawn blocks that are kept


def plan_budget(cores: int, memory: int, size: tuple[int, int], needs: EncoderNeeds) -> Budget:
    """Return the budget of a render that may use `memory` bytes, for frames of a width and height in pixels.

    Encoder threads come first, since encoding takes longer than drawing, then threads that load photos, and the canvas
    gets what remains. All have a minimum, which may exceed `memory`.
    """
    pixels = size[0] * size[1]
    textures = _TEXTURES[0] + _TEXTURES[1] * pixels
    least_canvas = _LEAST_CANVAS * pixels
    most_canvas = _MOST_CANVAS * pixels
    fixed = _PROCESS_BYTES + textures + _FRAME_BYTES * pixels + int(needs.base * pixels)
    left = memory - fixed - least_canvas - _LOADER_BYTES
    encoder = _fitting(left, needs.per_thread * pixels, needs.least, max(needs.least, min(cores, needs.most)))
    left -= int(encoder * needs.per_thread * pixels)
    loading = 1 + _fitting(left, _LOADER_BYTES, 0, cores - 1)
    left -= (loading - 1) * _LOADER_BYTES
    canvas = min(least_canvas + max(left, 0), most_canvas)
    expected = fixed + canvas + loading * _LOADER_BYTES + int(encoder * needs.per_thread * pixels)
    return Budget(memory, expected, encoder, cores, loading, textures, canvas)


def described(budget: Budget) -> str:
    """Return a budget as a sentence."""
    encoding = f"{budget.encoder_threads} encoder and " if budget.encoder_threads else ""
    return (
        f"{encoding}{budget.drawing_threads} drawing threads, about {budget.expected_bytes / 2**20:.0f} MiB of memory; "
        f"the budget is {budget.memory_bytes / 2**20:.0f} MiB"
    )


def _fitting(left: int, each: float, least: int, most: int) -> int:
    """Return how many things of `each` bytes fit, within limits."""
    return max(least, min(most, int(left / each) if each else most))


def render_budget(size: tuple[int, int], needs: EncoderNeeds | None = None, memory: int | None = None) -> Budget:
    """Return the budget of a render by this process.

    `needs`: None if nothing is encoded. `memory`: bytes; by default a third of what is free. Workers share them.
    """
    total = (free_memory() // FREE_SHARE if memory is None else memory) // _worker_count()
    return plan_budget(core_count(), max(total, LEAST_MEMORY), size, needs or EncoderNeeds())


def _worker_count() -> int:
    count = os.environ.get(WORKERS_VARIABLE, "")
    return int(count) if count.isdecimal() and int(count) > 0 else 1


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes that the machine and the container of this process have free.

    `root`: the folder that contains `proc` and `sys`.
    """
    return min([_available(root), *_free_in_groups(root)])


def _available(root: Path) -> int:
    """Return the bytes that the machine has free, without loading psutil where the system reports them (Linux)."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", _read(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else int(psutil.virtual_memory().available)


def _free_in_groups(root: Path) -> Iterator[int]:
    """Yield the free bytes of each control group with a limit that this process is in (Linux).

    Pages of files that were not used lately count as free, as in MemAvailable. Sources: Linux, cgroup-v2.rst and
    cgroup-v1/memory.rst.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            top, names = root / "sys/fs/cgroup/memory", ("limit_in_bytes", "usage_in_bytes", "total_inactive_file")
        elif number == "0":
            top, names = root / "sys/fs/cgroup", ("max", "current", "inactive_file")
        else:
            continue
        # A limit of a parent holds too. In a container, the path may be that of the host, and only the top exists.
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top) and (free := _free_in(folder, *names)) is not None:
                yield free


def _free_in(folder: Path, limit: str, usage: str, inactive: str) -> int | None:
    """Return the free bytes of a control group; None without a limit. The names are those of its files and counter."""
    most, used, counters = (_read(folder / f"memory.{name}").split() for name in (limit, usage, "stat"))
    try:
        spare = int(counters[counters.index(inactive) + 1]) if inactive in counters else 0
        return max(0, int(most[0]) - int(used[0]) + spare)
    except (IndexError, ValueError):  # no such group, or its limit is "max"
        return None


def _read(path: Path) -> str:
    """Return the text of a file of the system; empty if it can't be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
