"""Measure speed, size and fidelity of encoder presets on the zoom of a photo mosaic: the basis of `RATE_POINTS`.

Frames of a 1920 × 1080 zoom are drawn once and stored as raw 4:2:0. The program measures the processor time (user and
system, over all threads) that ffmpeg takes to read and encode them with the renderer's own arguments, the size of the
file, and its SSIM (all planes) and VMAF against the raw frames. It then prints the same at equal sizes, interpolated
over the logarithm of the size. Run `python benchmarks/encoder.py --tiles FOLDER`; without `--tiles` the mosaic is made
of pieces of the sample cover. It needs about 3 MB of temporary space per frame, half a minute per encoding, and a
system with `resource` (not Windows). Sizes, SSIM and VMAF are reproducible with the same photos, ffmpeg and number of
cores. Processor times vary by about 5 %, more if other processes use the cores and their caches, so the minimum of
`--repeats` is used. VMAF is measured on every third frame; differences below 0.3 are not significant.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from animations.zoom import Zoom
from renderer.budget import render_budget
from renderer.encoder import Encoding, RatePoint, choose, ffmpeg_path, run_ffmpeg, video_arguments
from renderer.frame_times import frame_count
from renderer.job import MatchSettings, open_frames, open_mosaic
from renderer.progress import Silent
from renderer.settings import Codec, FileSettings, OutputSettings, Quality

SIZE: Final = (1920, 1080)
FPS: Final = Fraction(30)
MEGAPIXELS: Final = SIZE[0] * SIZE[1] / 1e6
COLOURS: Final = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]


@dataclass(frozen=True)
class Measured:
    """The cost and fidelity of one encoding."""

    preset: str
    crf: float
    milliseconds: float  # of processor time per frame
    megabits: float  # per second
    ssim: float
    vmaf: float

    @property
    def bytes_per_megapixel(self) -> float:
        """The size of the file relative to its pixels."""
        return self.megabits * 1e6 / 8 / float(FPS) / MEGAPIXELS


def spread(frames: int, count: int) -> list[int]:
    """Return the numbers of `frames` frames out of `count`: all of them, or evenly spaced parts."""
    if frames >= count:
        return list(range(count))
    # Each part is as long as a GOP, so that a cut falls on a key frame and takes no more bytes than in a video without
    # cuts.
    part = min(frames, round(FPS * 2))
    lengths = [min(part, frames - start) for start in range(0, frames, part)]
    starts = np.linspace(0, count - lengths[-1], len(lengths)) if len(lengths) > 1 else [(count - part) // 2]
    return [int(start) + i for start, length in zip(starts, lengths, strict=True) for i in range(length)]


def draw(raw: Path, cover: Path | None, tiles: str | None, frames: int, seconds: float) -> int:
    """Write frames of a zoom to a raw yuv420p file, and return their number."""
    width, height = SIZE
    output = OutputSettings(size=SIZE, fps=FPS, duration=seconds)
    match = MatchSettings(tiles=(tiles,) if tiles else ())
    count = frame_count(seconds, FPS)
    numbers = spread(frames, count)
    luma = np.empty((height, width), np.uint8)
    blue, red = np.empty((2, height // 2, width // 2), np.uint8)
    with (
        open_mosaic(cover, match, Silent()) as mosaic,
        open_frames(mosaic, Zoom(), SIZE, output) as frame_source,
        raw.open("wb") as file,
    ):
        for shot, _ in frame_source.shots(numbers, planar=True):
            frame_source.draw_planes(shot, (luma, blue, red))
            for plane in (luma, blue, red):
                file.write(plane.data)
    return len(numbers)


def ffmpeg(*arguments: str) -> str:
    """Run ffmpeg, and return its log."""
    done = run_ffmpeg(*arguments)
    log = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise SystemExit(f"ffmpeg failed:\n{log}")
    return log


def encode(raw: Path, video: Path, codec: Codec, preset: str, crf: int) -> float:
    """Encode the raw file as the renderer does, and return the processor seconds."""
    encoding = Encoding(choose(video, FileSettings(codec=codec)), point=RatePoint(preset, crf, 0, 0))
    threads = render_budget(SIZE, encoding.needs()).encoder_threads
    arguments = video_arguments(*SIZE, FPS, encoding, threads)
    arguments[arguments.index("pipe:0")] = str(raw)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ffmpeg("-y", *arguments, str(video))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure_threads(raw: Path, codec: Codec, quality: Quality, threads: Sequence[int]) -> None:
    """Print ffmpeg's peak memory and a digest of the decoded frames, by number of encoder threads."""
    video = raw.with_name({"prores": "encoded.mov", "vp9": "encoded.webm"}.get(codec, "encoded.mp4"))
    encoding = Encoding(choose(video, FileSettings(codec=codec)), quality)
    print(f"\n| {codec}, {quality}: threads | MiB | bytes | decoded frames |\n|--:|--:|--:|---|")
    for count in threads:
        arguments = video_arguments(*SIZE, FPS, encoding, count)
        arguments[arguments.index("pipe:0")] = str(raw)
        process = subprocess.Popen([ffmpeg_path(), "-y", "-nostdin", *arguments, str(video)])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        digest = run_ffmpeg("-i", str(video), "-f", "md5", "-").stdout.decode("ascii").strip()
        print(f"| {count} | {used.ru_maxrss / 1024:.0f} | {video.stat().st_size:,} | {digest} |", flush=True)


def compare(raw: Path, video: Path) -> tuple[float, float]:
    """Return SSIM and VMAF of a video against the raw file."""
    # Frames are paired by number, because containers round time stamps. The raw file is tagged with the same colours,
    # otherwise ffmpeg inserts a conversion.
    count = f"settb={1 / FPS},setpts=N"
    graph = (
        f"[0:v]{count},split[a][b];[1:v]{count},split[c][d];[a][c]ssim,nullsink;[b][d]libvmaf=n_threads=2:n_subsample=3"
    )
    log = ffmpeg(
        "-i", str(video),
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{SIZE[0]}x{SIZE[1]}", "-framerate", str(FPS),
        *COLOURS, "-i", str(raw), "-filter_complex", graph, "-f", "null", "-",
    )  # fmt: skip
    ssim, vmaf = re.search(r"SSIM .*All:([\d.]+)", log), re.search(r"VMAF score: ([\d.]+)", log)
    if ssim is None or vmaf is None:
        raise SystemExit(f"ffmpeg reported no SSIM or VMAF:\n{log}")
    return float(ssim[1]), float(vmaf[1])


def measure(raw: Path, frames: int, codec: Codec, preset: str, crf: int, repeats: int) -> Measured:
    """Encode the raw file `repeats` times and compare the result with it."""
    video = raw.with_name({"prores": "encoded.mov", "vp9": "encoded.webm"}.get(codec, "encoded.mp4"))
    seconds = min(encode(raw, video, codec, preset, crf) for _ in range(repeats))
    megabits = video.stat().st_size * 8 / 1e6 * float(FPS) / frames
    return Measured(preset, crf, seconds * 1000 / frames, megabits, *compare(raw, video))


def at_size(points: Sequence[Measured], megabits: float) -> Measured | None:
    """Return a preset's values at a size, interpolated between the nearest points; None outside the measured range."""
    points = sorted(points, key=lambda point: point.megabits)
    if not points[0].megabits <= megabits <= points[-1].megabits:
        return None
    logarithms = [math.log(point.megabits) for point in points]

    def interpolated(values: Sequence[float]) -> float:
        return float(np.interp(math.log(megabits), logarithms, values))

    return Measured(
        points[0].preset,
        interpolated([point.crf for point in points]),
        interpolated([point.milliseconds for point in points]),
        megabits,
        interpolated([point.ssim for point in points]),
        interpolated([point.vmaf for point in points]),
    )


def common_sizes(groups: Sequence[Sequence[Measured]]) -> list[float]:
    """Return three sizes that all presets reach, in Mbit/s; empty if there are none."""
    low = max(min(point.megabits for point in points) for points in groups)
    high = min(max(point.megabits for point in points) for points in groups)
    return [float(size) for size in np.geomspace(low, high, 5)[1:4]] if low < high else []


def row(point: Measured) -> str:
    """Return a line of a Markdown table."""
    return (
        f"| {point.preset} | {point.crf:.3g} | {point.milliseconds:.1f} | {point.megabits:.1f} "
        f"| {point.bytes_per_megapixel:,.0f} | {point.ssim:.4f} | {point.vmaf:.2f} |"
    )


HEADER: Final = (
    "| preset | crf | processor ms per frame | Mbit/s | bytes per megapixel | SSIM | VMAF |\n"
    "|---|--:|--:|--:|--:|--:|--:|"
)


def main() -> None:
    """Run the measurements and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cover", type=Path, help="cover of the mosaic; default: the sample cover")
    parser.add_argument("--tiles", metavar="FOLDER", help="photos; default: pieces of the cover")
    parser.add_argument("--frames", type=int, default=150, help="frames to encode; default: %(default)s")
    parser.add_argument(
        "--seconds", type=float, default=5.0,
        help="length of the zoom at 30 frames per second; if it has more than --frames, parts of it are used; "
        "default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--codec", default="h264", help="h264, hevc, av1, vp9 or prores; default: %(default)s")
    parser.add_argument(
        "--presets", nargs="+", default=["ultrafast", "veryfast", "faster", "medium", "slow"], metavar="PRESET"
    )
    parser.add_argument("--crf", nargs="+", type=int, default=[17, 20, 23, 26])
    parser.add_argument("--repeats", type=int, default=2, help="encodings per preset and crf; default: %(default)s")
    parser.add_argument(
        "--sizes", nargs="+", type=float, metavar="MBIT",
        help="Mbit/s at which presets are compared; default: three that all of them reach",
    )  # fmt: skip
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N",
        help="measure only ffmpeg's memory with these numbers of encoder threads, at the qualities standard and high",
    )  # fmt: skip
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="encoder-benchmark-") as folder:
        raw = Path(folder, "frames.yuv")
        frames = draw(raw, options.cover, options.tiles, options.frames, options.seconds)
        if options.threads:
            for quality in ("standard", "high"):
                measure_threads(raw, options.codec, quality, options.threads)
            return
        print(f"{frames} frames of a zoom of {options.seconds:g} s at {SIZE[0]}x{SIZE[1]}, {FPS} per second\n")
        print(HEADER)
        groups: list[list[Measured]] = []
        for preset in options.presets:
            groups.append([])
            for crf in options.crf:
                groups[-1].append(measure(raw, frames, options.codec, preset, crf, options.repeats))
                print(row(groups[-1][-1]), flush=True)

    print(f"\nAt equal sizes, interpolated:\n\n{HEADER}")
    for size in options.sizes or common_sizes(groups):
        for points in groups:
            point = at_size(points, size)
            print(row(point) if point else f"| {points[0].preset} | — | — | {size:.1f} | — | — | — |")


if __name__ == "__main__":
    main()
