"""Compare quality and size of our GIFs with ffmpeg's (one pass, and palettegen with paletteuse) and gifsicle's.

Frames of animations of a photo mosaic are drawn once and passed to every encoder. The files are decoded by Pillow and
compared with the frames: SSIM (Gaussian window of 1.5 pixels, mean of R, G and B) at full size and at half size, which
is closer to how dithered pixels look. The last columns show ours at equal bytes, interpolated between tolerances
over the logarithm of the size. Another column is the size of each file after `gifsicle -O3`, relative to before;
without gifsicle (`apt-get install gifsicle`) it is empty.

Run `python benchmarks/gif.py --tiles FOLDER`; without `--tiles` the mosaic is made of pieces of the sample cover. Sizes
and SSIM are reproducible with the same photos and versions. Times are wall time of one run each.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence

from animations.disperse import Disperse
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.encoder import run_ffmpeg
from renderer.encoder.gif import GifFile
from renderer.formats import DEFAULT_TOLERANCE
from renderer.job import MatchSettings, open_frames, open_mosaic
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import OutputSettings

ANIMATIONS: Final[dict[str, Animation]] = {"zoom": Zoom(), "reveal": Reveal(), "disperse": Disperse()}
OURS: Final = (
    (256, 0.0),
    (256, 1.5),
    (256, DEFAULT_TOLERANCE),
    (256, 4.5),
    (256, 6.0),
    (128, 6.0),
    (64, 6.0),
)
DITHERS: Final = ("bayer:bayer_scale=3", "bayer:bayer_scale=5", "sierra2_4a", "none")
EVERY: Final = 3  # every third frame is compared


@dataclass(frozen=True)
class Measured:
    """The cost and fidelity of one GIF."""

    name: str
    size: int  # bytes per frame
    ssim: float
    half_ssim: float
    milliseconds: float  # per frame
    optimised: float | None  # size after gifsicle -O3, relative to before


def draw(
    animation: Animation, cover: Path | None, tiles: str | None, side: int, fps: Fraction, seconds: float
) -> Pixels:
    """Return all frames of an animation, (N, H, W, 3), with a still third of a second at the end."""
    output = OutputSettings(long_side=side, fps=fps, duration=seconds)
    with open_mosaic(cover, MatchSettings(tiles=(tiles,) if tiles else ()), Silent()) as mosaic:
        size = output.frame_size(mosaic.placement.cover_size, even=False)
        with open_frames(mosaic, animation, size, output) as frame_source:
            frames = np.stack([frame_source.picture(number) for number in range(frame_source.stage.frames)])
    return np.concatenate([frames, np.repeat(frames[-1:], round(fps / 3), axis=0)])


def _blur(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.5), np.float32)


def ssim(a: Pixels, b: Pixels) -> float:
    """Return the mean SSIM over pixels and channels (Wang et al., "Image quality assessment", 2004)."""
    x, y = a.astype(np.float32), b.astype(np.float32)
    mean_x, mean_y = _blur(x), _blur(y)
    variance = _blur(x * x) - mean_x**2 + _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    shape = (2 * covariance + second) / (variance + second)
    return float(((2 * mean_x * mean_y + first) / (mean_x**2 + mean_y**2 + first) * shape).mean())


def half(picture: Pixels) -> Pixels:
    """Return a picture at half its size, averaged."""
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def decoded(path: Path) -> Iterator[Pixels]:
    """Yield the frames of a GIF."""
    with Image.open(path) as picture:
        for frame in ImageSequence.Iterator(picture):
            yield np.asarray(frame.convert("RGB"))


def optimised(path: Path) -> float | None:
    """Return a file's size after gifsicle -O3, relative to before; None without gifsicle."""
    if shutil.which("gifsicle") is None:
        return None
    smaller = path.with_name("optimised.gif")
    # It warns about many colours, but keeps them.
    subprocess.run(["gifsicle", "-O3", path, "-o", smaller], check=True, capture_output=True)
    return smaller.stat().st_size / path.stat().st_size


def measure(name: str, path: Path, frames: Pixels, seconds: float) -> Measured:
    """Decode a GIF and compare it with its frames."""
    full, halves, count = [], [], 0
    for number, frame in enumerate(decoded(path)):
        count += 1
        if number % EVERY == 0 and number < len(frames):
            full.append(ssim(frames[number], frame))
            halves.append(ssim(half(frames[number]), half(frame)))
    if count != len(frames):
        raise SystemExit(f"{name} wrote {count} frames of {len(frames)}")
    size = path.stat().st_size // count
    return Measured(name, size, float(np.mean(full)), float(np.mean(halves)), 1000 * seconds / count, optimised(path))


def with_ours(frames: Pixels, path: Path, fps: Fraction, colours: int, tolerance: float) -> float:
    """Write frames with our writer, and return the seconds."""
    start = time.perf_counter()
    with GifFile(path, frames.shape[2], frames.shape[1], fps, colours=colours, tolerance=tolerance) as gif:
        for frame in frames:
            gif.add(frame)
    return time.perf_counter() - start


def with_ffmpeg(raw: Path, frames: Pixels, path: Path, fps: Fraction, graph: str | None) -> float:
    """Write frames with ffmpeg, and return the seconds."""
    start = time.perf_counter()
    done = run_ffmpeg(
        "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{frames.shape[2]}x{frames.shape[1]}",
        "-framerate", str(fps), "-i", str(raw), *(("-lavfi", graph) if graph else ()), str(path),
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"ffmpeg failed:\n{done.stderr.decode('utf-8', 'replace')}")
    return time.perf_counter() - start


def graphs() -> Iterator[tuple[str, str | None]]:
    """Yield ways to make a GIF with ffmpeg: a name and a filter graph."""
    yield "ffmpeg", None
    for mode, new in (("diff", 0), ("single", 1)):
        for dither in DITHERS:
            use = f"paletteuse=dither={dither}:diff_mode=rectangle:new={new}"
            yield f"{mode}, {dither}", f"split[a][b];[a]palettegen=stats_mode={mode}[p];[b][p]{use}"


def at_size(points: Sequence[Measured], size: int) -> tuple[float, float, float]:
    """Return our SSIM and half SSIM at a size, and the fraction of it used: below 1 if all our files are smaller."""
    points = sorted(points, key=lambda point: point.size)
    logarithms = [math.log(point.size) for point in points]
    logarithm = math.log(size)
    return (
        float(np.interp(logarithm, logarithms, [point.ssim for point in points])),
        float(np.interp(logarithm, logarithms, [point.half_ssim for point in points])),
        min(1.0, points[-1].size / size),
    )


def row(point: Measured) -> str:
    """Return the first columns of a line of a Markdown table."""
    left = "—" if point.optimised is None else f"{point.optimised:.0%}"
    return (
        f"| {point.name} | {point.size / 1000:.1f} | {point.ssim:.4f} | {point.half_ssim:.4f} "
        f"| {point.milliseconds:.0f} | {left} |"
    )


HEADER: Final = "| GIF | KB per frame | SSIM | at half size | ms per frame | size after gifsicle -O3 |"


def main() -> None:
    """Run the measurements and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cover", type=Path, help="cover of the mosaic; default: the sample cover")
    parser.add_argument("--tiles", metavar="FOLDER", help="photos; default: pieces of the cover")
    parser.add_argument("--side", type=int, default=480, help="pixels of the longer side; default: %(default)s")
    parser.add_argument("--fps", type=Fraction, default=Fraction(20), help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each animation; default: %(default)s")
    parser.add_argument("--animations", nargs="+", default=list(ANIMATIONS), choices=list(ANIMATIONS))
    options = parser.parse_args()
    if shutil.which("gifsicle") is None:
        print("gifsicle is not installed (apt-get install gifsicle): its column stays empty\n")

    for name in options.animations:
        frames = draw(ANIMATIONS[name], options.cover, options.tiles, options.side, options.fps, options.seconds)
        print(f"{name}: {len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}, {options.fps} per second\n")
        print(f"{HEADER} ours at that size: SSIM | at half size |\n|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
        with tempfile.TemporaryDirectory(prefix="gif-benchmark-") as folder:
            path, raw = Path(folder, "it.gif"), Path(folder, "frames.rgb")
            ours = []
            for colours, tolerance in OURS:
                seconds = with_ours(frames, path, options.fps, colours, tolerance)
                ours.append(measure(f"ours, {colours} colours, tolerance {tolerance:g}", path, frames, seconds))
                print(f"{row(ours[-1])} | |", flush=True)
            frames.tofile(raw)
            for way, graph in graphs():
                point = measure(way, path, frames, with_ffmpeg(raw, frames, path, options.fps, graph))
                full, halves, part = at_size(ours, point.size)
                less = f" (with {part:.0%} of the bytes)" if part < 1 else ""
                print(f"{row(point)} {full:.4f}{less} | {halves:.4f} |", flush=True)
        print()


if __name__ == "__main__":
    main()
