"""The tile library: speed of indexing and opening, memory, and whether indexing keeps all cores busy.

    python benchmarks/library.py [--photos FOLDER] [--only indexing scaling opening]

Indexing is compared with a minimal loop on the same files in the same run: two processes that only call Pillow's
`draft`, `thumbnail` and JPEG encoding. Without --photos, files are generated: photos of 12 and 0.3 megapixels, cut from
scikit-learn's. Scaling is measured with two workers and one, in alternation, and with 16 workers that sleep instead of
decoding, which shows whether the process that stores keeps up with them. Opening is measured on libraries of 100,000
and 1,000,000 photos with generated rows.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from subprocess import Popen
from unittest import mock

import numpy as np
import psutil
from PIL import Image
from simulated_worker import SECONDS_VARIABLE

from renderer.child_processes import start_child
from renderer.choices import Crop
from renderer.cores import CORES_VARIABLE
from renderer.job import sample_pictures
from renderer.library.crop_tables import BLOCK
from renderer.library.crops import CropRule
from renderer.library.index import Index
from renderer.library.indexing import refresh
from renderer.library.walking import find_files
from renderer.library.workers import Reader
from renderer.progress import Advance, Silent

ROUNDS = 3


# -- Indexing ------------------------------------------------------------------------------------------------------


def bare(path: Path) -> int:
    """Make a thumbnail with minimal work."""
    with Image.open(path) as image:
        image.draft("RGB", (256, 256))
        image.thumbnail((256, 256))
        encoded = io.BytesIO()
        image.convert("RGB").save(encoded, "JPEG")
        return len(encoded.getvalue())


def make_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Make photos of a size: parts of the sample pictures, scaled up, with sensor noise.

    Forty are generated; the others are copies with a few more bytes at the end, which decoders ignore.
    """
    random = np.random.default_rng(3)
    made = []
    for number in range(min(count, 40)):
        with Image.open(sample_pictures()[number % 2]) as picture:
            left, top = int(random.integers(0, 300)), int(random.integers(0, 200))
            part = picture.crop((left, top, left + 320, top + 240)).resize(size, Image.Resampling.BICUBIC)
        noisy = np.asarray(part, np.int16) + random.integers(-6, 7, (size[1], size[0], 1), np.int16)
        encoded = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(encoded, "JPEG", quality=90)
        made.append(encoded.getvalue())
    for number in range(count):
        more = bytes(number // len(made)) + number.to_bytes(4, "big")
        (folder / f"{number:05}.jpg").write_bytes(made[number % len(made)] + more)


def processor_seconds() -> float:
    """Return the processor time of this process and its children, including ended ones."""
    process = psutil.Process()
    times = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
    return sum(each.user + each.system for each in times) + times[0].children_user + times[0].children_system


def compare_indexing(name: str, files: list[Path]) -> None:
    """Compare the minimal loop with indexing with centred and smart crops: medians of interleaved rounds."""
    wall: dict[str, list[float]] = {"bare": [], "centre": [], "smart": []}
    processor: dict[str, list[float]] = {"bare": [], "centre": [], "smart": []}
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(2, get_context("spawn")) as pool:

        def index(crop: Crop) -> None:
            with Index(Path(temporary, f"{time.monotonic_ns()}.sqlite"), CropRule(crop)) as new:
                refresh(new, files, Silent())

        work: dict[str, Callable[[], object]] = {
            "bare": lambda: list(pool.map(bare, files, chunksize=4)),
            "centre": lambda: index("centre"),
            "smart": lambda: index("smart"),
        }
        work["bare"]()  # starts the processes and caches the files
        for _ in range(ROUNDS):
            for kind, run in work.items():
                start, processor_start = time.perf_counter(), processor_seconds()
                run()
                wall[kind].append(time.perf_counter() - start)
                processor[kind].append(processor_seconds() - processor_start)
    rate = {kind: len(files) / statistics.median(seconds) for kind, seconds in wall.items()}
    each = {kind: statistics.median(seconds) / len(files) * 1000 for kind, seconds in processor.items()}
    print(
        f"{len(files)} of {name}: minimal loop {rate['bare']:.0f} photos/s, indexing {rate['centre']:.0f} "
        f"({rate['centre'] / rate['bare']:.2f} of it), with smart crops {rate['smart']:.0f}; processor ms per photo "
        f"{each['bare']:.2f}, {each['centre']:.2f} ({each['bare'] / each['centre']:.2f}), {each['smart']:.2f}",
        flush=True,
    )


# -- Scaling -------------------------------------------------------------------------------------------------------


class Clock(Silent):
    """Progress that records when photos are stored."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG002 (those of Progress)
        """Start a stage."""
        return nullcontext(lambda _units: self.times.append(time.perf_counter()))


def waiting_share(process: psutil.Process) -> float:
    """Return the share of its life in which a process neither ran nor waited for a processor. Only on Linux."""
    lifetime = time.time() - process.create_time()
    running, queued, _ = map(int, Path(f"/proc/{process.pid}/schedstat").read_text().split())
    return 1 - (running + queued) / 1e9 / lifetime


def index_with(workers: int, files: list[Path]) -> tuple[float, float, float]:
    """Index files in worker processes.

    Returns the photos per second after the first third, so without the start; the mean share of their lives in which
    workers waited; and the processor seconds of this process per photo.
    """
    clock, waiting, close = Clock(), [0.0], Reader.close

    def measured_close(reader: Reader) -> None:
        if reader._worker is not None and sys.platform == "linux":
            waiting.append(waiting_share(psutil.Process(reader._worker._process.pid)))
        close(reader)

    start = time.process_time()
    with (
        tempfile.TemporaryDirectory() as temporary,
        Index(Path(temporary, "it.sqlite")) as index,
        mock.patch.dict(os.environ, {CORES_VARIABLE: str(workers)}),
        mock.patch.object(Reader, "close", measured_close),
        mock.patch("renderer.library.indexing._MIN_FILES_FOR_PROCESSES", 0),
    ):
        refresh(index, files, clock)
        end = time.perf_counter()
    first = len(files) // 3
    rate = (len(files) - first) / (end - clock.times[first])
    return rate, statistics.mean(waiting[1:] or waiting), (time.process_time() - start) / len(files)


def compare_workers(name: str, files: list[Path]) -> None:
    """Compare two workers with one: medians of interleaved rounds."""
    rounds = [(index_with(1, files), index_with(2, files)) for _ in range(ROUNDS)]
    ratio = statistics.median(two[0] / one[0] for one, two in rounds)
    waiting = [statistics.median(each[count][1] for each in rounds) for count in (0, 1)]
    print(
        f"{len(files)} of {name}: two workers {ratio:.2f} times as fast as one; one waits for {waiting[0]:.0%} of the "
        f"time, each of two for {waiting[1]:.0%}",
        flush=True,
    )


def compare_simulated(name: str, seconds: float, size: int) -> None:
    """Compare 16 workers with one; they sleep instead of decoding. `size`: bytes per file."""

    def start(_module: str) -> Popen[bytes]:
        return start_child("simulated_worker", {SECONDS_VARIABLE: str(seconds)})

    with tempfile.TemporaryDirectory() as folder, mock.patch("renderer.library.workers.start_child", start):
        files = [Path(folder, f"{number:05}.jpg") for number in range(round(48 / seconds))]
        for number, path in enumerate(files):
            with path.open("wb") as file:
                file.truncate(size + number)
        ratios, processor = [], []
        for _ in range(ROUNDS):
            one = index_with(1, files[: len(files) // 16])
            many = index_with(16, files)
            ratios.append(many[0] / one[0])
            processor.append(many[2])
    print(
        f"simulated {name}, {seconds * 1000:g} ms each: 16 workers {statistics.median(ratios):.1f} times as fast as "
        f"one; processor time of the process that stores: {statistics.median(processor) * 1000:.2f} ms per photo",
        flush=True,
    )


# -- Opening -------------------------------------------------------------------------------------------------------


def make_rows(path: Path, count: int) -> None:
    """Make an index of photos that do not exist: random signatures, thumbnails of a few bytes."""
    with Index(path) as index:
        database, random = index._connection, np.random.default_rng(5)
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        for block in range(count // BLOCK + 1):
            signature = random.integers(0, 256, (BLOCK, 8, 8, 3), np.uint8)
            mean = (signature.mean(axis=(1, 2)) / 255).astype("<f4")
            database.execute(
                "INSERT INTO block VALUES (?, ?, ?, ?)", (block, *[signature.tobytes()] * 2, mean.tobytes())
            )
            numbers = range(max(block * BLOCK, 1), min((block + 1) * BLOCK, count + 1))
            database.executemany(
                "INSERT INTO photo VALUES"
                " (?, ?, 0, -1, 3000000, ?, ?, 4000, 3000, 1, '2024-05-01', 500, 0, 3000, 0, 3000, x'')",
                [
                    (number, f"/photos/{number % 997:03}/IMG_{number:07}.JPG".encode(), number, random.bytes(16))
                    for number in numbers
                ],
            )
            database.executemany("INSERT INTO tile VALUES (?, zeroblob(3072))", [(number,) for number in numbers])
            database.executemany("INSERT INTO thumbnail VALUES (?, zeroblob(1000))", [(number,) for number in numbers])
        database.execute("COMMIT")


OPEN = """
import sys, time
from renderer.memory import MemoryMeter
from renderer.library import Archive, Library
from renderer.library.crops import CropRule
from renderer.library.index import Index
from pathlib import Path
with MemoryMeter() as meter, Index(Path(sys.argv[1])) as index:
    start = time.perf_counter()
    photos, _ = index.all()
    library = Library(photos, indexes=[index])
    library.signatures, library.means, library.groups
    opened = time.perf_counter() - start
    start = time.perf_counter()
    some = library.take(photos.find([photos[number] for number in range(0, len(photos), len(photos) // 5000)]))
    some.tiles
    placed = time.perf_counter() - start
print(len(photos), opened, placed, meter.peak_bytes)
"""


def compare_opening(count: int) -> None:
    """Measure the seconds to open a library for matching in a new process, and its memory."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "library.sqlite")
        make_rows(path, count)
        results = [
            [float(word) for word in subprocess.check_output([sys.executable, "-c", OPEN, path], text=True).split()]
            for _ in range(3)
        ]
        _, opened, placed, memory = (statistics.median(values) for values in zip(*results, strict=True))
        print(
            f"{count} photos: opened in {opened:.2f} s, 5,000 of them selected with their squares in {placed:.2f} s; "
            f"{memory / 2**20:.0f} MiB including Python and all modules; the index {path.stat().st_size / 1e6:.0f} MB"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="a folder of photos to index instead of generated ones")
    kinds = ["indexing", "scaling", "opening"]
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    options = parser.parse_args()
    work = {"indexing": (compare_indexing, (80, 4000)), "scaling": (compare_workers, (160, 1600))}
    for kind in [kind for kind in work if kind in options.only]:
        compare, counts = work[kind]
        if options.photos:
            compare(options.photos, find_files([options.photos])[0])
            continue
        for name, count, size in zip(
            ("12 megapixels", "0.3 megapixels"), counts, ((4032, 3024), (640, 480)), strict=True
        ):
            with tempfile.TemporaryDirectory() as folder:
                make_photos(Path(folder), count, size)
                compare(name, find_files([folder])[0])
    if "scaling" in options.only:
        compare_simulated("photos of 12 megapixels", 0.031, 4_000_000)
        compare_simulated("photos of 0.3 megapixels", 0.0065, 70_000)
    if "opening" in options.only:
        for count in (100_000, 1_000_000):
            compare_opening(count)


if __name__ == "__main__":
    main()
