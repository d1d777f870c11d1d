"""Videos in segments: what cutting costs, how workers scale, and whether kills do any harm.

    python benchmarks/segments.py cost --tiles FOLDER [--quality standard] [NAME ...]
    python benchmarks/segments.py workers --tiles FOLDER [--most 4]
    python benchmarks/segments.py cluster --tiles FOLDER
    python benchmarks/segments.py kills --tiles FOLDER [--count 100]
    python benchmarks/segments.py memory --tiles FOLDER [--minutes 120]
    python benchmarks/segments.py campaign --tiles FOLDER [--count 2000]

`cost`: bytes, SSIM and PSNR of videos of 24 seconds at 1280 × 720, in segments and in one piece, each against what was
drawn: of all frames, and the largest loss of PSNR in a frame within 12 of a joint.

`workers`: wall and processor time of a disperse of 24 seconds, in one piece and in segments by 1, 2, … workers.

`cluster`: wall and processor time of a disperse of 144 seconds by two workers, and by two processes of Dask, in turn.

`kills`: a video of 60 seconds is rendered again and again, and killed (SIGKILL) at random moments, so many times; shows
whether all complete files are equal, and how many finished segments were made anew.

`memory`: the resident memory of a render and its processes, of a video with 60 frames a second at 640 × 360.

`campaign`: videos of one second by two workers: memory in ten parts of the time, and the time outside of the videos.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
from skimage.metrics import structural_similarity

from renderer.cached_files import clear, segments_folder
from renderer.encoder import run_ffmpeg
from renderer.job import VideoJob, open_frames, open_mosaic, render_videos, sample_pictures
from renderer.plugins import load_animation
from renderer.progress import Silent

SIZE = (1280, 720)
JOINTS = (240, 480)  # of a video of 24 seconds with 30 frames a second, in segments of 8 seconds
NEAR = 12


def job(name: str, path: Path, tiles: str, quality: str, seconds: float) -> VideoJob:
    """Return a video of 24 seconds; `seconds`: of its segments."""
    values = {
        "size": SIZE, "fps": Fraction(30), "duration": 24.0, "tiles": (tiles,), "quality": quality,
        "segment_seconds": seconds,
    }  # fmt: skip
    return VideoJob.of(sample_pictures()[0], load_animation(name), path, values)


def luma(path: Path) -> np.ndarray:
    """Return the decoded luma of a video, (N, H, W)."""
    raw = run_ffmpeg("-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray", "-").stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0])


def cost(names: list[str], tiles: str, quality: str) -> None:
    """Print a table of what cutting costs."""
    print("| animation | bytes | SSIM | PSNR | largest loss near a joint |\n|---|--:|--:|--:|--:|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            jobs = [job(name, Path(folder, f"{seconds}.mp4"), tiles, quality, seconds) for seconds in (0, 8)]
            render_videos(jobs)
            sizes = [each.path.stat().st_size for each in jobs]
            decoded = [luma(each.path) for each in jobs]
        psnr, ssim = np.zeros((2, len(decoded[0]))), np.zeros((2, len(decoded[0])))
        planes = np.empty(SIZE[::-1], np.uint8), *np.empty((2, SIZE[1] // 2, SIZE[0] // 2), np.uint8)
        with (
            open_mosaic(jobs[0].cover, jobs[0].match, Silent()) as mosaic,
            open_frames(mosaic, jobs[0].animation, SIZE, jobs[0].output) as source,
        ):
            for number, (shot, same) in enumerate(source.shots(range(len(decoded[0])), planar=True)):
                if not same:
                    source.draw_planes(shot, planes)
                for which in range(2):
                    off = (decoded[which][number].astype(float) - planes[0] * 1.0) ** 2
                    psnr[which, number] = 10 * np.log10(255**2 / max(off.mean(), 1e-3))
                    if number % 10 == 0 or any(abs(number - joint) < NEAR for joint in JOINTS):
                        ssim[which, number] = structural_similarity(  # type: ignore[no-untyped-call] # not typed
                            decoded[which][number], planes[0]
                        )
        near = [number for joint in JOINTS for number in range(joint - NEAR, joint + NEAR)]
        loss = (psnr[0] - psnr[1])[near].max()
        some = ssim[0] > 0
        print(
            f"| {name} | {100 * (sizes[1] / sizes[0] - 1):+.2f} % | {ssim[1, some].mean() - ssim[0, some].mean():+.5f} "
            f"| {psnr[1].mean() - psnr[0].mean():+.3f} dB | {loss:.2f} dB |",
            flush=True,
        )


def command(path: Path, tiles: str, *words: object) -> list[str]:
    """Return a `render` command."""
    return [sys.executable, "-m", "renderer", *map(str, words), "--tiles", tiles, "-y", "-q", "-o", str(path)]


def workers(tiles: str, most: int) -> None:
    """Print the time of a video in one piece and by several workers."""
    print("| | wall time | processor time |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        words = ("disperse", sample_pictures()[0], "--size", "1280x720", "--duration", 24)
        ways = {"one piece": ("--segment-seconds", 0), **{f"{n} workers": ("--workers", n) for n in range(1, most + 1)}}
        subprocess.run(command(Path(folder, "it.mp4"), tiles, *words, "--frames", "0-1"), check=True)
        for name, way in ways.items():
            clear("segments")
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command(Path(folder, "it.mp4"), tiles, *words, *way), check=True)
            after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"| {name} | {wall:.1f} s | {used:.1f} s |", flush=True)


def measured(words: list[str], interval: float = 1.0) -> tuple[float, float, list[tuple[float, int]]]:
    """Run a command; return its wall and processor time, and its memory at some times, with all its processes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(words)
    memory = []
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            memory.append((time.perf_counter() - started, sum(each.memory_info().rss for each in tree)))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(interval)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory


def cluster(tiles: str) -> None:
    """Print the time of a video by two workers, and by two processes of Dask."""
    print("| | wall time | processor time |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        words = ("disperse", sample_pictures()[0], "--size", "1280x720", "--duration", 144)
        subprocess.run(command(Path(folder, "it.mp4"), tiles, *words, "--frames", "0-1"), check=True)
        for name, way in 2 * [("workers", ("--workers", 2)), ("Dask", ("--cluster", "local:2"))]:
            clear("segments")
            wall, used, _ = measured(command(Path(folder, "it.mp4"), tiles, *words, *way))
            print(f"| {name} | {wall:.1f} s | {used:.1f} s |", flush=True)


def in_parts(memory: list[tuple[float, int]], parts: int = 10) -> str:
    """Return the largest memory in each part of the time."""
    end = memory[-1][0]
    peaks = [
        max((used for at, used in memory if part <= at / end * parts <= part + 1), default=0) for part in range(parts)
    ]
    return ", ".join(f"{peak / 2**20:.0f}" for peak in peaks) + " MiB"


def memory(tiles: str, minutes: float) -> None:
    """Print the memory of a long render."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("zoom", sample_pictures()[0], "--size", "640x360", "--fps", 60, "--duration", 60 * minutes)
        wall, used, found = measured(command(Path(folder, "it.mp4"), tiles, *words, "--cache-size", "50GB"), 5)
        print(f"{minutes:g} minutes: {wall:.0f} s of wall time, {used:.0f} s of processor time")
        print(f"memory in ten parts of the time: {in_parts(found)}")


def campaign(tiles: str, count: int) -> None:
    """Print the memory and the time outside of the videos of a campaign."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "campaign.toml")
        path.write_text(
            f'[defaults]\ntiles = ["{tiles}"]\nsize = "640x360"\nduration = 1\n'
            f'output = "{Path(folder, "out")}/{{seed}}"\n'
            f'[[job]]\ncover = "{sample_pictures()[0]}"\n[job.sweep]\nseed = [{", ".join(map(str, range(count)))}]\n'
        )
        words = [sys.executable, "-m", "renderer", "batch", str(path), "--workers", "2", "-q"]
        wall, used, found = measured(words)
        (manifest,) = Path(folder).rglob("manifest.json")
        videos = json.loads(manifest.read_text())["videos"]
        inside = sum(video["seconds"] for video in videos)
        print(f"{len(videos)} videos: {wall:.0f} s of wall time, {used:.0f} s of processor time")
        print(f"outside of the videos: {1 - inside / (2 * wall):.1%} of the workers' time")
        print(f"memory in ten parts of the time: {in_parts(found)}")


def made() -> dict[Path, int]:
    """Return the segments that exist, and when they were made."""
    return {path: path.stat().st_mtime_ns for path in segments_folder().glob("*/*.mp4")}


def kills(tiles: str, count: int) -> None:
    """Kill renders at random moments, and compare their files."""
    chance, digests, killed, kept, videos = random.Random(0), set(), 0, 0, 0
    frames = 600
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it.mp4")
        words = ("zoom", sample_pictures()[0], "--size", "320x180", "--fps", 10, "--duration", 60, "--workers", 2)
        clear("segments")
        while killed < count:
            before = made()
            process = subprocess.Popen(command(path, tiles, *words), start_new_session=True)
            try:
                process.wait(chance.uniform(0.3, 4))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
            if made() | before != made():
                raise SystemExit("a finished segment was made anew")
            if process.returncode not in (0, -9):
                raise SystemExit(f"exit code {process.returncode} after {killed} kills")
            if path.exists():  # also if it was killed after that
                digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
                videos += 1
                path.unlink()
                clear("segments")
            kept += len(before)
    print(f"{killed} kills, {videos} complete videos of {frames} frames, {len(digests)} different files")
    print(f"renders found {kept} segments of those before them, and made none of these anew")


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cost", "workers", "cluster", "kills", "memory", "campaign"))
    parser.add_argument("names", nargs="*", default=["zoom", "disperse", "reveal", "gather", "sort"])
    parser.add_argument("--tiles", required=True)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float, default=120)
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MOSAIC_RENDERER_CACHE"] = cache
        match options.what:
            case "cost":
                cost(options.names, options.tiles, options.quality)
            case "workers":
                workers(options.tiles, options.most)
            case "cluster":
                cluster(options.tiles)
            case "memory":
                memory(options.tiles, options.minutes)
            case "campaign":
                campaign(options.tiles, options.count or 2000)
            case _:
                kills(options.tiles, options.count or 100)


if __name__ == "__main__":
    main()
