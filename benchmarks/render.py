"""Measure the cost of a render: drawing, encoding, both together, start-up, and memory.

    python benchmarks/render.py [--tiles FOLDER] [--seconds 10]

One zoom at 1920 × 1080 and 30 frames per second. Drawing is measured in processor time per frame, including texture
loading and the conversion to 4:2:0. The whole render is compared with ffmpeg alone encoding the same frames, with the
same options, from a raw file: alternating in one run, as the median of the ratios of wall time. Start-up is the wall
time of processes that write one frame, with everything cached. Memory is the sum of the resident memory of this program
and ffmpeg, sampled ten times per second. Processor time varies by a few per cent between runs, wall time by more on a
shared machine, so compare ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.encoder import MAX_THREADS, Encoder, Encoding, RatePoint, choose, ffmpeg_path, video_arguments
from renderer.frame_times import progress_of
from renderer.job import MatchSettings, OpenMosaic, drawing, open_mosaic
from renderer.progress import Silent
from renderer.scene import Motion
from renderer.settings import FileSettings, OutputSettings

SIZE = (1920, 1080)
FPS = Fraction(30)


@contextmanager
def zoom_of(mosaic: OpenMosaic, seconds: float) -> Iterator[tuple[Compositor, Motion]]:
    """Yield a compositor and the motion of a zoom, with nothing loaded yet."""
    with drawing(mosaic, SIZE, OutputSettings(size=SIZE, duration=seconds)) as (stage, compositor):
        yield compositor, Zoom().prepare(stage)


def draw_all(mosaic: OpenMosaic, seconds: float, consume: Callable[[Compositor, np.ndarray], None]) -> list[float]:
    """Draw each frame and pass it to `consume`; return the processor time of each in milliseconds."""
    count = round(seconds * FPS)
    costs = []
    with zoom_of(mosaic, seconds) as (compositor, motion):
        frame = compositor.new_frame()
        for number in range(count):
            start = time.process_time()
            compositor.draw(motion(progress_of(number, count)), frame)
            consume(compositor, frame)
            costs.append((time.process_time() - start) * 1e3)
    return costs


def measure_drawing(mosaic: OpenMosaic, seconds: float) -> None:
    """Print the processor time per frame of drawing and converting."""
    encoder_planes = planes()
    costs = draw_all(mosaic, seconds, lambda compositor, frame: compositor.to_yuv420(frame, encoder_planes))
    print(f"drawing: {statistics.mean(costs):.1f} ms of processor time per frame on average, "
          f"median {statistics.median(costs):.1f}, worst {max(costs):.0f}")  # fmt: skip


def planes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return empty planes of one frame."""
    width, height = SIZE
    half = (height // 2, width // 2)
    return np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)


def encode_raw(raw: Path, target: Path, point: RatePoint, threads: int) -> tuple[float, float]:
    """Encode a raw file with ffmpeg alone; return wall and processor seconds."""
    arguments = video_arguments(*SIZE, FPS, Encoding(choose(target, FileSettings()), point=point), threads)
    arguments[arguments.index("pipe:0")] = str(raw)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([ffmpeg_path(), "-y", "-nostdin", *arguments, str(target)], check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def render(mosaic: OpenMosaic, seconds: float, target: Path, point: RatePoint) -> float:
    """Draw and encode as `render zoom` does; return wall seconds."""
    start = time.perf_counter()
    with Encoder(target, *SIZE, FPS, Encoding(choose(target, FileSettings()), point=point)) as encoder:

        def feed(compositor: Compositor, frame: np.ndarray) -> None:
            buffer = encoder.next_buffer()
            compositor.to_yuv420(frame, encoder.planes(buffer))
            encoder.submit(buffer)

        draw_all(mosaic, seconds, feed)
    return time.perf_counter() - start


def compare_with_encoding(mosaic: OpenMosaic, seconds: float, rounds: int, folder: Path) -> None:
    """Print how much longer the whole render takes than encoding the same frames with ffmpeg."""
    raw = folder / "frames.yuv"
    with raw.open("wb") as file:

        def store(compositor: Compositor, frame: np.ndarray) -> None:
            parts = planes()
            compositor.to_yuv420(frame, parts)
            for part in parts:
                file.write(part.data)

        draw_all(mosaic, seconds, store)
    threads = min(os.cpu_count() or 1, MAX_THREADS)
    for preset, crf in (("medium", 18), ("veryfast", 20)):
        point = RatePoint(preset, crf, 0, 0)
        pairs = []
        for _ in range(rounds):
            alone, processor = encode_raw(raw, folder / "alone.mp4", point, threads)
            pairs.append((render(mosaic, seconds, folder / "whole.mp4", point), alone, processor))
        frames = round(seconds * FPS)
        ratio = statistics.median(whole / alone for whole, alone, _ in pairs)
        print(
            f"{preset}: the whole render takes {ratio:.2f} times the encoding alone "
            f"({pairs[-1][0]:.1f} s and {pairs[-1][1]:.1f} s; ffmpeg {pairs[-1][2] / frames * 1e3:.0f} ms per frame)"
        )


def run_command(*words: str) -> tuple[float, dict[str, float]]:
    """Run a `render` command in a separate process; return wall seconds and its JSON."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "renderer", *words, "--json", "-q", "-y"], check=True, capture_output=True
    )
    return time.perf_counter() - start, json.loads(done.stdout)


def measure_start(tiles: list[str], folder: Path) -> None:
    """Print how long a command that writes one frame takes, with everything cached."""
    one = ("--frames", "0-0", "--size", "1920x1080", "-o", str(folder / "one.mp4"))
    mosaic = str(folder / "it.mosaic")
    run_command("zoom", *tiles, "--save-map", mosaic, *one)
    for name, words in (("from a cover", ("zoom", *tiles)), ("from a saved map", ("zoom", mosaic))):
        seconds = statistics.median(run_command(*words, *one)[0] for _ in range(5))
        print(f"start {name}, to one frame in a probed file: {seconds:.2f} s")


def measure_memory(tiles: list[str], folder: Path) -> None:
    """Print the peak memory of a short and a long video."""
    for quality in ("standard", "high"):
        peaks = []
        for seconds in ("4", "24"):
            words = ("zoom", *tiles, "--size", "1920x1080", "--duration", seconds, "--quality", quality)
            peaks.append(run_command(*words, "-o", str(folder / "m.mp4"))[1]["peak_memory_bytes"] / 2**20)
        short, long = peaks
        print(f"peak memory at {quality} quality, with ffmpeg: {short:.0f} MiB for 4 s, {long:.0f} MiB for 24 s")


def measure_cells(tiles: list[str], folder: Path) -> None:
    """Print the peak memory of mosaics with many cells, including matching."""
    for columns in (225, 1061):
        words = (
            "zoom",
            *tiles,
            "--columns",
            str(columns),
            "--match",
            "mean",
            "--repeat-distance",
            "0",
            "--size",
            "1920x1080",
            "--duration",
            "4",
        )
        seconds, summary = run_command(*words, "-o", str(folder / "cells.mp4"))
        cells, peak = summary["cells"], summary["peak_memory_bytes"] / 2**20
        pixels = cells * 512**2 / 1e9
        print(
            f"{cells} cells, {pixels:.1f} gigapixels at 512 per tile side: peak memory {peak:.0f} MiB, {seconds:.0f} s"
        )


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description="Measure the cost of a render.")
    parser.add_argument("--tiles", help="a folder of photos; default: pieces of the sample cover")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the video; default: %(default)s")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of the comparison with ffmpeg; default: %(default)s"
    )
    options = parser.parse_args()
    tiles = ["--tiles", options.tiles] if options.tiles else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_mosaic(None, MatchSettings(tiles=tuple(tiles[1:])), Silent()) as mosaic:
            measure_drawing(mosaic, options.seconds)
            compare_with_encoding(mosaic, options.seconds, options.rounds, folder)
        measure_start(tiles, folder)
        measure_memory(tiles, folder)
        measure_cells(tiles, folder)


if __name__ == "__main__":
    main()
