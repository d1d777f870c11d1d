"""Measure the cost of a render: drawing, drawing and encoding together, start-up, and memory.

    python benchmarks/render.py [--tiles FOLDER] [--rounds 3] [--only drawing encoding start memory cells]

The animations zoom, reveal and disperse have their default durations, at 1920 × 1080 and 30 frames per second. The
sample cover is matched once and saved as a map, from which everything is rendered.

*Drawing* is measured in processor time of all threads: what is prepared for later frames, loading, and the blocks of
the canvas count for the frame during which they are done. For comparison, the same frames are drawn by sprites: each
one by the compositor alone, even if it shows the same as the one before, and converted to 4:2:0. *Encoding* is the
processor time of a whole process, with its start and its ffmpeg, relative to that of ffmpeg alone encoding the same
frames, with the same options, from a raw file. What is compared takes turns; results are medians over the rounds, for
ratios medians of the ratios. *Start* is the processor time of a process that writes one frame, with everything cached.
*Memory* is the resident memory of a process and its ffmpeg, sampled ten times per second. Processor time varies by a
few per cent between runs, and by more while other programs use the cores.
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
from collections.abc import Callable
from dataclasses import astuple, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from animations.disperse import Disperse
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.budget import Budget, render_budget
from renderer.encoder import Encoding, FrameWriter, choose, ffmpeg_path, video_arguments
from renderer.job import MatchSettings, OpenMosaic, feed, open_frames, open_mosaic
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import FileSettings, OutputSettings, Quality

Size = tuple[int, int]

SIZE: Final = (1920, 1080)
FPS: Final = Fraction(30)
ANIMATIONS: Final[dict[str, Animation]] = {"zoom": Zoom(), "reveal": Reveal(), "disperse": Disperse()}
DRAWN: Final = (*((name, SIZE) for name in ANIMATIONS), ("zoom", (3840, 2160)))
PARTS: Final = ("drawing", "encoding", "start", "memory", "cells")


def encoding_of(path: Path, quality: Quality) -> Encoding:
    """Return the encoding of a render to a file."""
    return Encoding(choose(path, FileSettings(quality=quality)), quality)


def budget_of(size: Size, quality: Quality) -> Budget:
    """Return the budget of a render to an MP4."""
    return render_budget(size, encoding_of(Path("it.mp4"), quality).needs())


def costs(
    mosaic: OpenMosaic, name: str, size: Size, *, planar: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Draw an animation as planes as a render does, or by sprites.

    Returns the processor milliseconds of each frame, and whether it shows the same as the one before.
    """
    output, (width, height) = OutputSettings(size=size, fps=FPS), size
    planes = np.empty((height, width), np.uint8), *np.empty((2, height // 2, width // 2), np.uint8)
    with open_frames(mosaic, ANIMATIONS[name], size, output, budget=budget_of(size, "standard")) as source:
        took, repeated = [], []
        last = time.process_time()
        for shot, same in source.shots(range(source.stage.frames), planar=planar):
            if not planar:
                source.planes.convert(partial(source.draw, shot), planes)
            elif not same:
                source.draw_planes(shot, planes)
            now = time.process_time()
            took.append((now - last) * 1e3)
            repeated.append(same)
            last = now
    return np.array(took), np.array(repeated)


@dataclass(frozen=True)
class Cost:
    """Processor milliseconds per frame of one animation, and ratios."""

    mean: float  # of all frames
    median: float  # of the drawn ones: those that do not show the same as the frame before
    worst: float  # after the first
    hold: float  # of a frame that is not drawn, on average
    sprites: float  # by sprites, on average
    sprites_worst: float
    ratio: float  # of all frames, relative to sprites
    drawn_ratio: float  # of the drawn ones


def cost(mosaic: OpenMosaic, name: str, size: Size) -> Cost:
    """Draw an animation in both ways, and return what it took."""
    planes, repeated = costs(mosaic, name, size, planar=True)
    sprites, _ = costs(mosaic, name, size, planar=False)
    drawn = ~repeated
    return Cost(
        planes.mean(), float(np.median(planes[drawn])), planes[1:].max(),
        planes[repeated].mean() if repeated.any() else 0.0, sprites.mean(), sprites[1:].max(),
        planes.mean() / sprites.mean(), planes[drawn].mean() / sprites[drawn].mean(),
    )  # fmt: skip


def measure_drawing(mosaic: OpenMosaic, rounds: int) -> None:
    """Print the processor time per frame of drawing."""
    found: dict[tuple[str, Size], list[Cost]] = {each: [] for each in DRAWN}
    for _ in range(rounds):
        for each, results in found.items():
            results.append(cost(mosaic, *each))
    print(
        "| drawing, processor ms per frame | mean | median of drawn frames | worst after the first | × the median "
        "| in a hold | by sprites: mean | worst | mean relative to sprites | of drawn frames |\n"
        f"|---|{'--:|' * 9}"
    )
    for (name, size), results in found.items():
        typical = Cost(*np.median([astuple(result) for result in results], axis=0))
        above = statistics.median(result.worst / result.median for result in results)
        print(
            f"| {name}, {size[0]} × {size[1]} | {typical.mean:.2f} | {typical.median:.2f} | {typical.worst:.0f} "
            f"| {above:.1f} | {typical.hold:.2f} | {typical.sprites:.1f} | {typical.sprites_worst:.0f} "
            f"| {typical.ratio:.2f} | {typical.drawn_ratio:.2f} |"
        )


def run(*command: str) -> tuple[float, bytes]:
    """Run a process; return its processor seconds, with those of its own child processes, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def render(target: Path, *words: str) -> tuple[float, dict[str, float]]:
    """Run a `render` command that writes a file of 1080p; return its processor seconds and its summary."""
    size = ("--size", f"{SIZE[0]}x{SIZE[1]}")
    seconds, output = run(sys.executable, "-m", "renderer", *words, *size, "-o", str(target), "--json", "-q", "-y")
    return seconds, json.loads(output)


class RawFile(FrameWriter):
    """Writes frames as they are."""

    def __init__(self, file: BinaryIO, size: Size) -> None:
        super().__init__(*size, "yuv420p")
        self._file = file

    def _consume(self, buffer: Pixels) -> None:
        self._file.write(buffer.data)


def encode_raw(raw: Path, target: Path, quality: Quality) -> float:
    """Encode a raw file with ffmpeg alone, as a render does; return processor seconds."""
    threads = budget_of(SIZE, quality).encoder_threads
    arguments = video_arguments(*SIZE, FPS, encoding_of(target, quality), threads)
    arguments[arguments.index("pipe:0")] = str(raw)
    return run(ffmpeg_path(), "-y", "-nostdin", *arguments, str(target))[0]


def measure_encoding(mosaic: OpenMosaic, map_file: Path, rounds: int) -> None:
    """Print the processor time of a whole render, relative to that of encoding the same frames."""
    print(
        "| whole render | relative to ffmpeg alone | whole, processor ms per frame | ffmpeg alone |\n|---|--:|--:|--:|"
    )
    raw = map_file.with_name("frames.yuv")
    for name, animation in ANIMATIONS.items():
        with (
            open_frames(mosaic, animation, SIZE, OutputSettings(size=SIZE, fps=FPS)) as source,
            raw.open("wb") as file,
            RawFile(file, SIZE) as writer,
        ):
            count = source.stage.frames
            feed(writer, source, range(count), lambda _: None)
        pairs: dict[Quality, list[tuple[float, float]]] = {"standard": [], "high": []}
        for _ in range(rounds):
            for quality, found in pairs.items():
                whole, _ = render(raw.with_name("whole.mp4"), name, str(map_file), "--quality", quality)
                found.append((whole, encode_raw(raw, raw.with_name("alone.mp4"), quality)))
        for quality, found in pairs.items():
            ratio = statistics.median(whole / alone for whole, alone in found)
            each, encoding = (statistics.median(times) / count * 1e3 for times in zip(*found, strict=True))
            print(f"| {name}, {quality} | {ratio:.2f} | {each:.1f} | {encoding:.1f} |", flush=True)
    raw.unlink()


def measure_start(map_file: Path, tiles: list[str]) -> None:
    """Print what a command that writes one frame takes, with everything cached."""
    for name, words in (("a cover", ("zoom", *tiles)), ("a saved map", ("zoom", str(map_file)))):
        target = map_file.with_name("one.mp4")
        seconds = statistics.median(render(target, *words, "--frames", "0-0")[0] for _ in range(5))
        print(f"start from {name}, to one frame in a probed file: {seconds:.2f} s of processor time")


def measure_memory(map_file: Path) -> None:
    """Print the peak memory of a short and a long video."""
    for quality in ("standard", "high"):
        peaks = []
        for duration in ("4", "24"):
            words = ("zoom", str(map_file), "--quality", quality, "--duration", duration)
            peaks.append(render(map_file.with_name("memory.mp4"), *words)[1]["peak_memory_bytes"] / 2**20)
        print(f"peak memory at {quality} quality, with ffmpeg: {peaks[0]:.0f} MiB for 4 s, {peaks[1]:.0f} MiB for 24 s")


def measure_cells(map_file: Path, tiles: list[str]) -> None:
    """Print the peak memory of mosaics with many cells, including matching."""
    for columns in ("225", "1061"):
        words = ("zoom", *tiles, "--columns", columns, "--match", "mean", "--repeat-distance", "0", "--duration", "4")
        seconds, summary = render(map_file.with_name("cells.mp4"), *words)
        cells, peak = summary["cells"], summary["peak_memory_bytes"] / 2**20
        print(
            f"{cells} cells, {cells * 512**2 / 1e9:.1f} gigapixels at 512 per tile side: peak memory {peak:.0f} MiB, "
            f"{seconds:.0f} s of processor time"
        )


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description="Measure the cost of a render.")
    parser.add_argument("--tiles", help="a folder of photos; default: pieces of the sample cover")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    options = parser.parse_args()
    tiles = ["--tiles", options.tiles] if options.tiles else []
    with tempfile.TemporaryDirectory(prefix="render-benchmark-") as folder:
        map_file = Path(folder, "it.mosaic")
        with open_mosaic(None, MatchSettings(tiles=tuple(tiles[1:]), save_map=map_file), Silent()):
            pass
        with open_mosaic(map_file, MatchSettings(), Silent()) as mosaic:
            parts: dict[str, Callable[[], None]] = {
                "drawing": lambda: measure_drawing(mosaic, options.rounds),
                "encoding": lambda: measure_encoding(mosaic, map_file, options.rounds),
                "start": lambda: measure_start(map_file, tiles),
                "memory": lambda: measure_memory(map_file),
                "cells": lambda: measure_cells(map_file, tiles),
            }
            for name, measure in parts.items():
                if name in options.only:
                    measure()


if __name__ == "__main__":
    main()
