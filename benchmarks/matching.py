"""Measure the time and memory of matching by number of photos and cells, and compare with a plain loop.

    python benchmarks/matching.py [--most 1000000] [--plot growth.png]
    python benchmarks/matching.py --threads 5

Libraries are synthetic: mixtures of pieces of scikit-learn's two photos with changed contrast and colour. Each size is
matched in a separate process with the default rules; memory is that process's peak. The metric `pixels` is measured on
40,000 photos and 4,800 cells, and compared with a plain loop over `numpy.linalg.norm` on two processes, of which a part
is timed and extrapolated; both in processor time, on two cores.

With `--threads`, 10,000 photos and cells are matched by one, two and 16 threads, in alternation. Compare wall time
only while nothing else uses the cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, overload
from unittest import mock

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from renderer import matching
from renderer.cores import CORES_VARIABLE
from renderer.descriptors import signatures
from renderer.grid import make_grid
from renderer.job import sample_pictures
from renderer.library import Library, Photo
from renderer.library.photos import Numbers
from renderer.matching import match_photos
from renderer.matching.pixels import PixelCosts
from renderer.memory import MemoryMeter
from renderer.pictures import Pixels, read_picture, resize
from renderer.progress import Silent

PHOTOS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CELLS = (600, 1_500, 2_400, 5_000, 10_000, 20_000)
AT_CELLS, AT_PHOTOS = 10_000, 10_000


@dataclass(frozen=True)
class Photos(Sequence[Photo]):
    """A sequence of `length` photos without files."""

    length: int
    path: Path = Path("photo.jpg")  # the same for all, since making one takes longer than the photo

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Photo: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Photo]: ...
    def __getitem__(self, index: int | slice) -> Photo | Sequence[Photo]:
        if isinstance(index, slice):
            return [self[i] for i in range(self.length)[index]]
        if not 0 <= index < self.length:
            raise IndexError(index)
        return Photo(self.path, str(index), (32, 32), (0, 0, 32, 32), (0.5, 0.5, 0.5))


def pieces(count: int, side: int, seed: int) -> Pixels:
    """Return random square pieces of the two sample photos, (count, side, side, 3)."""
    random = np.random.default_rng(seed)
    pictures = [read_picture(path).pixels for path in sample_pictures()]
    crops = []
    for number in range(count):
        picture = pictures[number % 2]
        edge = int(random.integers(side, 200))
        top, left = (int(random.integers(0, length - edge)) for length in picture.shape[:2])
        crops.append(resize(picture[top : top + edge, left : left + edge], side, side))
    return np.stack(crops)


def mixed(count: int, kinds: npt.NDArray[np.uint8], seed: int) -> Pixels:
    """Return mixtures of two random pictures of `kinds`, with changed contrast and colour."""
    random = np.random.default_rng(seed)
    mixtures = np.empty((count, *kinds.shape[1:]), np.uint8)
    for start in range(0, count, 10_000):
        number = min(10_000, count - start)
        a, b = (kinds[random.integers(0, len(kinds), number)].astype(np.float32) for _ in range(2))
        share, contrast = random.random((number, 1, 1, 1)), random.uniform(0.7, 1.2, (number, 1, 1, 1))
        shift = random.uniform(-30, 30, (number, 1, 1, 3))
        mixtures[start : start + number] = np.clip((share * a + (1 - share) * b) * contrast + shift, 0, 255)
    return mixtures


class Mixtures(Library):
    """A library of photos without files, whose signatures are mixtures."""

    def __init__(self, count: int) -> None:
        super().__init__([], np.empty((0, 32, 32, 3), np.uint8))
        self.photos = Photos(count)  # type: ignore[assignment]  # a list of a million photos would take a gigabyte
        self.mixtures = mixed(count, signatures(pieces(2_000, 32, 1)), 2)

    @property
    def signatures(self) -> Pixels:
        """The mixtures, (N, 8, 8, 3)."""
        return self.mixtures

    def tiles_of(self, indices: Numbers) -> Pixels:
        """Return the mixtures at these indices, enlarged to (N, 32, 32, 3)."""
        return self.mixtures[indices].repeat(4, axis=1).repeat(4, axis=2)


class Run(NamedTuple):
    """One matching. Seconds are of wall time, of the processor, and of the processor in the calling thread."""

    photos: int
    cells: int
    seconds: float
    used: float
    used_alone: float
    peak: int


def run(sizes: tuple[int, int]) -> Run:
    """Match (photos, cells) once."""
    photos, cells = sizes
    library = Mixtures(photos)
    cover = read_picture(sample_pictures()[0]).pixels
    grid = make_grid(cover.shape[1], cover.shape[0], columns=round((cells * cover.shape[1] / cover.shape[0]) ** 0.5))
    clocks = (time.perf_counter, time.process_time, time.thread_time)
    started = [clock() for clock in clocks]
    no_copies = mock.patch.object(matching, "first_copies", return_value=np.arange(photos))
    with MemoryMeter() as meter, no_copies:
        placed = match_photos(cover, grid, library, Silent())
    seconds, used, alone = (clock() - start for clock, start in zip(clocks, started, strict=True))
    return Run(photos, len(placed), seconds, used, alone, meter.peak_bytes)


def run_apart(sizes: tuple[int, int]) -> Run:
    """Match once in a separate process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (sizes,))


def compare_threads(repeats: int) -> None:
    """Compare one thread with two, in alternation, and find the share of the work that only one thread does.

    With 16 threads, the calling thread does hardly any of the divided work.
    """
    runs: dict[int, list[Run]] = {1: [], 2: [], 16: []}
    for _ in range(repeats):
        for cores, found in runs.items():
            os.environ[CORES_VARIABLE] = str(cores)
            found.append(run_apart((AT_PHOTOS, AT_CELLS)))
    del os.environ[CORES_VARIABLE]
    print("\n| threads | seconds | processor seconds | in the calling thread |\n|--:|--:|--:|--:|")
    for cores, found in runs.items():
        seconds, used, alone = (np.median([each[i] for each in found]) for i in (2, 3, 4))
        print(f"| {cores} | {seconds:.1f} | {used:.1f} | {alone:.2f} |")
    ratio = np.median([one.seconds / two.seconds for one, two in zip(runs[1], runs[2], strict=True)])
    alone = np.median([many.used_alone / one.used for one, many in zip(runs[1], runs[16], strict=True)])
    print(f"one thread / two threads: {ratio:.2f}; in one thread only: {100 * alone:.0f} % of the processor time")


def compare_with_loop() -> None:
    """Compare the metric `pixels` with a plain loop."""
    photos, cells = mixed(40_000, pieces(500, 32, 1), 2), mixed(4_800, pieces(500, 32, 3), 4)
    few = [tile.astype(np.float64) for tile in photos[:3_000]]
    started = time.process_time()
    for cell in cells[:3].astype(np.float64):
        plain = [float(np.linalg.norm(cell - tile)) for tile in few]
    loop = (time.process_time() - started) / 9_000 * 40_000 * 4_800 / 2
    started = time.process_time()
    found = PixelCosts([cells], photos, (0,), lambda _cells: None).nearest(np.arange(4_800), 1)
    ours = (time.process_time() - started) / 2
    first = PixelCosts([cells[2:3]], photos[:3_000], (0,), lambda _cells: None).nearest(np.arange(1), 1)
    assert first.cost[0, 0] == np.float32(min(plain))
    assert found.cost.min() >= 0
    print(f"\npixels: {ours:.1f} s, plain loop {loop:.0f} s: {loop / ours:.0f} times as fast")


def plot(lines: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Plot processor seconds against photos and against cells, both axes logarithmic."""
    picture = Image.new("RGB", (900, 420), "white")
    pen = ImageDraw.Draw(picture)
    for number, (name, points) in enumerate(lines.items()):
        left = 70 + 430 * number
        x, y = (np.log10([point[axis] for point in points]) for axis in (0, 1))
        low, high = np.floor(y.min()), np.ceil(y.max())
        across = left + (x - x.min()) / max(float(np.ptp(x)), 1e-9) * 340
        along = 350 - (y - low) / max(high - low, 1e-9) * 300
        for power in range(int(low), int(high) + 1):
            level = 350 - (power - low) / max(high - low, 1e-9) * 300
            pen.line([(left, level), (left + 340, level)], "#e0e0e0")
            pen.text((left - 40, level - 6), f"{10.0**power:g} s", "black")
        positions = list(zip(across.tolist(), along.tolist(), strict=True))
        pen.line(positions, "#2471a3", 2)
        for (u, v), (size, seconds) in zip(positions, points, strict=True):
            pen.ellipse([u - 4, v - 4, u + 4, v + 4], "#2471a3")
            pen.text((u - 14, 358), f"{size:,.0f}", "black")
            pen.text((u - 10, v - 20), f"{seconds:.1f}", "#2471a3")
        pen.text((left + 80, 385), name, "black")
    picture.save(path)


def main() -> None:
    """Print and plot the results."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--most", type=int, default=PHOTOS[-1], help="number of photos of the largest library")
    options.add_argument("--plot", type=Path, help="file for a plot")
    options.add_argument("--threads", type=int, metavar="REPEATS", help="only compare one thread with two")
    arguments = options.parse_args()
    if arguments.threads:
        compare_threads(arguments.threads)
        return
    compare_with_loop()
    sizes_to_run = [(photos, AT_CELLS) for photos in PHOTOS if photos <= arguments.most]
    sizes_to_run += [(AT_PHOTOS, cells) for cells in CELLS]
    lines: dict[str, list[tuple[float, float]]] = {
        f"photos, at {AT_CELLS:,} cells": [],
        f"cells, at {AT_PHOTOS:,} photos": [],
    }
    by_photos, by_cells = lines.values()
    print("\n| photos | cells | seconds | processor seconds | peak memory |\n|--:|--:|--:|--:|--:|")
    for number, sizes in enumerate(sizes_to_run):
        photos, cells, seconds, used, _, peak = run_apart(sizes)
        print(f"| {photos:,} | {cells:,} | {seconds:.1f} | {used:.1f} | {peak / 2**20:.0f} MiB |", flush=True)
        (by_photos if number < len(sizes_to_run) - len(CELLS) else by_cells).append(
            (photos if number < len(sizes_to_run) - len(CELLS) else cells, used)
        )
    if arguments.plot:
        plot(lines, arguments.plot)


if __name__ == "__main__":
    main()
