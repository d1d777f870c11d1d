"""Measure a very large still: peak memory, time, and bytes, by format.

    python benchmarks/stills.py --tiles FOLDER [--tiles FOLDER …] [--cover FILE] [--megapixels 1000]

One mosaic of 150 columns is written to each format by a separate process, with the map already cached. Memory is the
resident memory that the summary reports, sampled ten times per second. Processor time is that of the whole process,
including its start; for comparison, the same run measures the processor time of drawing the same strips without writing
them.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from renderer.job import MatchSettings, open_mosaic
from renderer.job.drawing import draw_strips
from renderer.progress import Silent
from renderer.stills import strip_rows

COLUMNS = 150


def processor_seconds() -> float:
    """Return the processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the measurements and print a line per format."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiles", action="append", default=[])
    parser.add_argument("--cover", type=Path)
    parser.add_argument("--megapixels", type=float, default=1000)
    parser.add_argument("--formats", nargs="*", default=["png", "tif", "jpg"])
    options = parser.parse_args()
    with open_mosaic(options.cover, MatchSettings(tuple(options.tiles), columns=COLUMNS), Silent()) as mosaic:
        width, height = mosaic.placement.size
        tile = round(math.sqrt(options.megapixels * 1e6 / (width * height)))
        size = round(width * tile), round(height * tile)
        start = time.process_time()
        for _ in draw_strips(mosaic, size, strip_rows(size[0])):
            pass
        drawn = time.process_time() - start
    megapixels = size[0] * size[1] / 1e6
    print(f"{size[0]} x {size[1]}, {len(mosaic.placement)} cells of {tile} pixels")
    print(f"drawing alone: {drawn:.0f} s of processor time")
    for suffix in options.formats:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"it.{suffix}"
            command = [sys.executable, "-m", "renderer", "mosaic", *([str(options.cover)] if options.cover else [])]
            command += [word for folder in options.tiles for word in ("--tiles", folder)]
            command += ["--columns", str(COLUMNS), "--tile-pixels", str(tile), "-q", "--json", "-o", str(path)]
            before = processor_seconds()
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            seconds = result["seconds"]["rendering"]
            print(
                f"{suffix}: peak memory {result['peak_memory_bytes'] / 2**20:.0f} MiB, {seconds:.0f} s, "
                f"{megapixels / seconds:.0f} megapixels per second, "
                f"{processor_seconds() - before:.0f} s of processor time, {path.stat().st_size / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()
