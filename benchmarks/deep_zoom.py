"""Measure a Deep Zoom image, relative to a still of the same size: time, peak memory, and bytes.

    python benchmarks/deep_zoom.py --tiles FOLDER [--tiles FOLDER …] [--cover FILE] [--megapixels 60 1000] [--rounds 3]

A mosaic of 150 columns, matched once, is written as a JPEG and as a Deep Zoom image whose largest level has the same
size, in turn, each by a separate process. Time and processor time are those of drawing and writing; memory is resident
memory, sampled. The last line of each size is the median over the rounds of the ratios in the same round.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from renderer.job import MatchSettings, open_mosaic
from renderer.job.deep_zoom import write_deep_zoom
from renderer.job.drawing import draw_strips
from renderer.memory import MemoryMeter
from renderer.progress import Silent
from renderer.stills import strip_rows, write_still

COLUMNS = 150


def write(kind: str, saved: Path, side: int, folder: Path) -> None:
    """Write a saved map, with cells of `side` pixels, as a "still" or a "deep zoom"; print what it took as JSON."""
    with open_mosaic(saved, MatchSettings(), Silent()) as mosaic, MemoryMeter() as meter:
        width, height = (round(units * side) for units in mosaic.placement.size)
        start, used = time.perf_counter(), time.process_time()
        if kind == "still":
            path = folder / "it.jpg"
            write_still(path, (width, height), draw_strips(mosaic, (width, height), strip_rows(width)))
            files, size = 1, path.stat().st_size
        else:
            made = write_deep_zoom(folder, "it", mosaic, (width, height), Silent())
            files, size = made.files, made.bytes
        taken = time.perf_counter() - start, time.process_time() - used
    print(json.dumps({"taken": taken, "memory": meter.peak_bytes, "files": files, "bytes": size}))


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiles", action="append", default=[])
    parser.add_argument("--cover", type=Path)
    parser.add_argument("--megapixels", nargs="*", type=float, default=[60, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        kind, saved, side, folder = options.write
        write(kind, Path(saved), int(side), Path(folder))
        return
    with tempfile.TemporaryDirectory() as working:
        saved = Path(working) / "it.mosaic"
        settings = MatchSettings(tuple(options.tiles), columns=COLUMNS, save_map=saved)
        with open_mosaic(options.cover, settings, Silent()) as mosaic:
            units, cells = mosaic.placement.size, len(mosaic.placement)
        for megapixels in options.megapixels:
            side = round(math.sqrt(megapixels * 1e6 / (units[0] * units[1])))
            print(f"{round(units[0] * side)} x {round(units[1] * side)}, {cells} cells of {side} pixels", flush=True)
            ratios: list[tuple[float, float]] = []
            for _ in range(options.rounds):
                seconds = {}
                for kind in ("still", "deep zoom"):
                    with tempfile.TemporaryDirectory() as folder:
                        command = [sys.executable, __file__, "--write", kind, str(saved), str(side), folder]
                        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                    seconds[kind] = wall, processor = found["taken"]
                    print(
                        f"{kind}: {wall:.1f} s, {processor:.1f} s of processor time, "
                        f"peak memory {found['memory'] / 2**20:.0f} MiB, {found['files']} files, "
                        f"{found['bytes'] / 1e6:.1f} MB",
                        flush=True,
                    )
                ratios.append(
                    (seconds["deep zoom"][0] / seconds["still"][0], seconds["deep zoom"][1] / seconds["still"][1])
                )
            wall, processor = map(statistics.median, zip(*ratios, strict=True))
            print(f"deep zoom to still: {wall:.2f} in time, {processor:.2f} in processor time (median)", flush=True)


if __name__ == "__main__":
    main()
