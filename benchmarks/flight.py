"""The quality of a zoom in figures: steadiness, likeness to a supersampled reference, flicker, landing, brightness.

    python benchmarks/flight.py [--cover PICTURE] [--tiles FOLDER] [--only planes|sprites] [--zoompan]

Every figure is printed for frames drawn as planes, as in a video, and for frames drawn by sprites and then converted to
4:2:0. They are measured before encoding unless stated otherwise, on luma (Y of 4:2:0); references are converted in the
same way.

*Likeness*: PSNR (peak 255) against a reference whose pixels are the mean light of 8 × 8 points, each interpolated
between the photo's own pixels: the median and the lowest of several points of the mosaic, and the median of chroma (Cb
and Cr). *Flicker*: the change of the error against that reference from frame to frame, relative to sampling the nearest
mip level. *Brightness*: the largest second difference of a frame's mean. *Steadiness*: a similarity transform is fitted
to points tracked from frame to frame in the uniform middle of the flight; the result is the root mean square of the
second difference of the displacement, at the centre and 300 pixels from it. *Landing*: the last frame compared with a
Lanczos resize of the photo; also in RGB, decoded from videos, which are always drawn as planes. With `--zoompan` the
same flight is also rendered by ffmpeg's zoompan filter from a stitched picture of 46 megapixels, for comparison.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from animations.zoom import Zoom
from renderer.budget import render_budget
from renderer.compositor import FULL_TONE, Compositor
from renderer.encoder import Encoder, Encoding, choose, run_ffmpeg
from renderer.job import MatchSettings, OpenMosaic, drawing, feed, open_frames, open_mosaic
from renderer.pictures import Pixels, read_picture, to_linear, to_srgb
from renderer.planes import FramePlanes, PlaneRenderer
from renderer.progress import Silent
from renderer.scene import Camera, Stage
from renderer.settings import FileSettings, OutputSettings
from renderer.textures import pack, unpack

Way = Literal["planes", "sprites"]

WAYS: Final[tuple[Way, ...]] = ("planes", "sprites")

POINTS = ((0.471, 0.533), (0.412, 0.457), (0.544, 0.418), (0.555, 0.563), (0.437, 0.581))
"""Points where likeness is measured, in fractions of the cover; flicker is measured at the first."""

SECONDS, FPS = 10.0, Fraction(30)


def decibels(a: Pixels, b: Pixels) -> float:
    """Return the PSNR of two 8-bit pictures in dB; infinite if they are equal."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def empty_planes(size: tuple[int, int]) -> FramePlanes:
    """Return the planes of a frame, not initialised."""
    blue, red = np.empty((2, size[1] // 2, size[0] // 2), np.uint8)
    return np.empty((size[1], size[0]), np.uint8), blue, red


def converted(compositor: Compositor, picture: Pixels) -> FramePlanes:
    """Return a picture of the frame's size, RGB, as planes."""
    planes = empty_planes((compositor.width, compositor.height))
    compositor.to_yuv420(pack(picture), planes)
    return planes


def grey(picture: Pixels) -> Pixels:
    """Return a picture (H, W, 3) in grey, (H, W)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def unsteadiness(frames: Sequence[Pixels]) -> tuple[float, float]:
    """Return the RMS second difference of the motion in pixels, at the centre and 300 pixels from it.

    `frames`: grey, (H, W).
    """
    height, width = frames[0].shape
    middle = np.array([[width / 2, height / 2], [width / 2 + 300, height / 2]])
    moved = []
    for before, after in pairwise(frames):
        points = cv2.goodFeaturesToTrack(before, 1200, 0.01, 8)
        start = np.empty_like(points)  # not read without the flag for an initial estimate
        found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, points, start, winSize=(21, 21), maxLevel=4)
        good = status.ravel() == 1
        fit, _ = cv2.estimateAffinePartial2D(points[good], found[good], ransacReprojThreshold=0.5, maxIters=5000)
        moved.append(middle @ fit[:, :2].T + fit[:, 2] - middle)
    second = np.diff(np.array(moved), n=2, axis=0)
    centre, out = np.sqrt((second**2).sum(axis=2).mean(axis=0))
    return float(centre), float(out)


def reference(stage: Stage, camera: Camera, steps: int = 8) -> Pixels:
    """Return a frame whose pixels are the mean light of 8 × 8 points, interpolated between the photo's pixels."""
    width, height = stage.frame
    columns = round(stage.mosaic.size[0])
    x = ((np.arange(width * steps, dtype=np.float64) + 0.5) / steps - width / 2) / camera.scale + camera.centre[0]
    y = ((np.arange(height * steps, dtype=np.float64) + 0.5) / steps - height / 2) / camera.scale + camera.centre[1]
    points = np.empty((len(y), len(x), 3), np.uint8)
    squares: dict[int, Pixels] = {}
    for cell, rows, cols in cells_at(x, y, columns):
        number = int(stage.mosaic.photo[cell])
        if number not in squares:
            photo = stage.photo(number)
            squares[number] = stage.libraries[0].tile(photo, *photo.crop[2:])
        points[np.ix_(rows, cols)] = bilinear(squares[number], x[cols] % 1, y[rows] % 1)
    light = to_linear(points).reshape(height, steps, width, steps, 3).mean(axis=(1, 3), dtype=np.float64)
    return to_srgb(light.astype(np.float32))


def cells_at(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], columns: int
) -> Iterator[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield the cells of a regular grid at columns x and rows y, each with the indices of its rows and columns."""
    for row in np.unique(np.floor(y)):
        for column in np.unique(np.floor(x)):
            yield (
                int(row) * columns + int(column),
                np.flatnonzero(np.floor(y) == row),
                np.flatnonzero(np.floor(x) == column),
            )


def bilinear(tile: Pixels, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Pixels:
    """Return a tile (S, S, 3) sampled at columns x and rows y, in fractions of its side: (len(y), len(x), 3)."""
    u, v = np.meshgrid(x * tile.shape[1] - 0.5, y * tile.shape[0] - 0.5)
    edge = cv2.BORDER_REPLICATE
    sampled = cv2.remap(tile, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=edge)
    return sampled.astype(np.uint8, copy=False).reshape(len(y), len(x), 3)


def nearest_mip(stage: Stage, camera: Camera) -> Pixels:
    """Return the frame sampled bilinearly from the mip level of the nearest size, tile by tile."""
    width, height = stage.frame
    columns = round(stage.mosaic.size[0])
    x = (np.arange(width, dtype=np.float64) + 0.5 - width / 2) / camera.scale + camera.centre[0]
    y = (np.arange(height, dtype=np.float64) + 0.5 - height / 2) / camera.scale + camera.centre[1]
    frame = np.zeros((height, width, 3), np.uint8)
    for cell, rows, cols in cells_at(x, y, columns):
        texture = stage.first_texture[0] + int(stage.mosaic.photo[cell])
        side = int(stage.textures.table.width[texture])
        level = min(max(round(math.log2(side / camera.scale)), 0), int(stage.textures.table.levels[texture]) - 1)
        tile = level_pixels(stage, texture, level)
        frame[np.ix_(rows, cols)] = bilinear(tile, x[cols] % 1, y[rows] % 1)
    return frame


def level_pixels(stage: Stage, texture: int, level: int) -> Pixels:
    """Return a level of a tile, from the base levels if it is a small one."""
    side = int(stage.textures.table.width[texture]) >> level
    if side > 32:
        return np.ascontiguousarray(unpack(stage.textures.pixels(texture, level))[..., :3])
    base = stage.textures.base_levels[5 - (side.bit_length() - 1)][texture - stage.first_texture[0]]
    return np.ascontiguousarray(unpack(base)[..., :3])


Row = tuple[str, Sequence[str]]
"""What is measured, and the figure for each way."""


def likeness(mosaic: OpenMosaic, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield the PSNR by tile size, and the flicker of a slow zoom."""
    whole, size = (1920, 1080), (240, 160)
    # The tiles are as sharp as in a video of full size; a small part of its frame is compared.
    with (
        drawing(mosaic, whole, OutputSettings(size=whole)) as (full, _),
        closing(Compositor(*size, full.textures)) as compositor,
    ):
        stage = replace(full, frame=size)
        tiles = stage.resting_sprites()
        renderer = PlaneRenderer(compositor, render_budget(whole).canvas_bytes)

        def draw(camera: Camera, way: Way) -> FramePlanes:
            scene, planes = stage.scene(camera, tiles), empty_planes(size)
            if way == "planes":
                renderer.draw(scene, planes)
            else:
                renderer.convert(partial(compositor.draw, scene), planes)
            return planes

        for pixels in (4.3, 8.3, 33.0, 64.7, 127.0, 250.0, 720.0):
            found: dict[Way, list[list[float]]] = {way: [] for way in ways}  # for each point that of Y, Cb and Cr
            for point in POINTS:
                photo = stage.photo(int(stage.mosaic.photo[stage.cell_at(point)]))
                camera = Camera((stage.mosaic.size[0] * point[0], stage.mosaic.size[1] * point[1]), pixels)
                if pixels <= min(photo.crop[2:]):  # a magnified photo has no reference
                    expected = converted(compositor, reference(stage, camera))
                    for way in ways:
                        found[way].append([decibels(*pair) for pair in zip(draw(camera, way), expected, strict=True)])
            if found[ways[0]]:
                luma = {way: [each[0] for each in found[way]] for way in ways}
                chroma = {way: statistics.median(value for each in found[way] for value in each[1:]) for way in ways}
                yield (
                    f"likeness at {pixels:g} pixels per tile: median, lowest; chroma, dB",
                    [f"{statistics.median(luma[way]):.2f}, {min(luma[way]):.2f}; {chroma[way]:.2f}" for way in ways],
                )
        centre = (stage.mosaic.size[0] * POINTS[0][0], stage.mosaic.size[1] * POINTS[0][1])
        errors: dict[str, list[npt.NDArray[np.float64]]] = {each: [] for each in (*ways, "nearest")}
        for step in range(24):
            camera = Camera(centre, 14.0 * 2 ** (step / 12))
            expected = converted(compositor, reference(stage, camera))
            for way in ways:
                errors[way].append(draw(camera, way)[0].astype(np.float64) - expected[0])
            errors["nearest"].append(
                converted(compositor, nearest_mip(stage, camera))[0].astype(np.float64) - expected[0]
            )
        flicker = {way: np.mean([np.sqrt((step**2).mean()) for step in np.diff(errors[way], axis=0)]) for way in errors}
        yield (
            "flicker, relative to nearest-mip sampling",
            [f"{flicker[way] / flicker['nearest']:.3f}" for way in ways],
        )


def flight(mosaic: OpenMosaic, size: tuple[int, int], way: Way) -> Iterator[tuple[str, str]]:
    """Yield the largest step in brightness, and at 1080p steadiness and landing, with their names."""
    output = OutputSettings(size=size, fps=FPS, duration=SECONDS)
    with open_frames(mosaic, Zoom(), size, output) as source:
        count, planes = source.stage.frames, empty_planes(size)
        bright, kept = [], []
        for number, (shot, same) in enumerate(source.shots(range(count), planar=way == "planes")):
            if way == "sprites":
                source.planes.convert(partial(source.draw, shot), planes)
            elif not same:
                source.draw_planes(shot, planes)
            bright.append(float(planes[0].mean()))
            if count // 3 <= number < count // 3 + 60:
                kept.append(planes[0].copy())
        step = np.abs(np.diff(bright, n=2)).max()
        yield f"brightness at {size[0]} × {size[1]}: largest second difference, of 255", f"{step:.3f}"
        if size[0] > 2000:
            return
        centre, out = unsteadiness(kept)
        yield "steadiness: at the centre, 300 px from it, px", f"{centre:.4f}, {out:.4f}"
        expected = converted(source.compositor, landed_photo(source.stage, size))
        landed = [decibels(*pair) for pair in zip(planes, expected, strict=True)]
        yield "landing: Y, Cb, Cr against a Lanczos resize, dB", ", ".join(f"{value:.1f}" for value in landed)


def flights(mosaic: OpenMosaic, size: tuple[int, int], ways: Sequence[Way]) -> Iterator[Row]:
    """Yield the figures of a flight for each way."""
    for figures in zip(*(flight(mosaic, size, way) for way in ways), strict=True):
        yield figures[0][0], [figure for _, figure in figures]


def measure_encoded(mosaic: OpenMosaic, size: tuple[int, int]) -> None:
    """Print the PSNR of a video's last frame, after encoding and decoding, against the photo."""
    for quality in ("draft", "standard", "high"):
        output = OutputSettings(size=size, duration=4.0)
        with tempfile.TemporaryDirectory() as name, open_frames(mosaic, Zoom(), size, output) as source:
            path, raw = Path(name, "flight.mp4"), Path(name, "raw")
            with Encoder(path, *size, source.fps, Encoding(choose(path, FileSettings()), quality)) as encoder:
                feed(encoder, source, range(source.stage.frames), lambda _: None)
            done = run_ffmpeg(
                "-sseof", "-0.2", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", str(raw), timeout=600
            )
            if done.returncode:
                raise SystemExit(done.stderr.decode())
            last = np.fromfile(raw, np.uint8)[-size[0] * size[1] * 3 :].reshape(size[1], size[0], 3)
            photo = landed_photo(source.stage, size)
            print(f"landing after encoding at {quality}: {decibels(last, photo):.1f} dB in RGB")


def landed_photo(stage: Stage, size: tuple[int, int]) -> Pixels:
    """Return the photo that the camera lands on, resized with Pillow's Lanczos filter to fill a frame, and cropped."""
    cell = Zoom().last_photo(stage)
    assert cell is not None
    number = int(stage.mosaic.photo[cell])
    picture = Image.fromarray(read_picture(stage.photo(number).path).pixels)
    scale = max(size[0] / picture.width, size[1] / picture.height)
    width, height = round(picture.width * scale), round(picture.height * scale)
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    x, y = stage.filling_middle(number)
    # The frame starts at a whole pixel.
    left = min(max(math.floor(x * width - size[0] / 2 + 1e-6), 0), width - size[0])
    top = min(max(math.floor(y * height - size[1] / 2 + 1e-6), 0), height - size[1])
    return np.asarray(resized.crop((left, top, left + size[0], top + size[1])))


def measure_zoompan(mosaic: OpenMosaic, size: tuple[int, int]) -> None:
    """Render the same flight with ffmpeg's zoompan from a stitched picture, and print the same figures."""
    count = round(SECONDS * FPS)
    tile = 96
    width, height = (round(units * tile) for units in mosaic.placement.size)
    with (
        tempfile.TemporaryDirectory() as name,
        drawing(mosaic, (width, height), OutputSettings(size=size)) as (whole, _),
        closing(Compositor(width, height, whole.textures, tone_sizes=FULL_TONE)) as stitcher,
    ):
        middle = (mosaic.placement.size[0] / 2, mosaic.placement.size[1] / 2)
        start = time.perf_counter()
        stitched = stitcher.still(whole.scene(Camera(middle, float(tile)), whole.resting_sprites()))
        Image.fromarray(stitched).save(Path(name, "stitched.png"), compress_level=1)
        with drawing(mosaic, size, OutputSettings(size=size, duration=SECONDS)) as (stage, _):
            motion = Zoom().prepare(stage)
            end = motion(1.0).camera
            whole_view = stage.whole_camera()
        magnification = end.scale / whole_view.scale
        x, y = end.centre[0] / mosaic.placement.size[0], end.centre[1] / mosaic.placement.size[1]
        move = f"zoompan=z='pow({magnification:.4f},on/{count - 1})':x='(iw-iw/zoom)*{x:.5f}':y='(ih-ih/zoom)*{y:.5f}'"
        raw = Path(name, "frames.rgb")
        filters = f"{move}:d={count}:s={size[0]}x{size[1]}:fps=30"
        done = run_ffmpeg(
            "-i", str(Path(name, "stitched.png")), "-vf", filters, "-frames:v", str(count),
            "-f", "rawvideo", "-pix_fmt", "rgb24", str(raw), timeout=3000,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        took = time.perf_counter() - start
        frames = np.memmap(raw, np.uint8, "r", shape=(count, size[1], size[0], 3))
        centre, out = unsteadiness([grey(frame) for frame in frames[count // 3 : count // 3 + 60]])
        print(f"zoompan: {took:.0f} s for {count} frames")
        print(f"zoompan: steadiness {centre:.3f} px at the centre, {out:.3f} px 300 px from it")
        photo = landed_photo(stage, size)
        sharp = [float(cv2.Laplacian(grey(end), cv2.CV_64F).var()) for end in (frames[-1], photo)]
        print(f"zoompan: its last frame has {100 * sharp[0] / sharp[1]:.1f} % of the photo's Laplacian variance")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description="The quality of a zoom in figures.")
    parser.add_argument("--cover", type=Path, help="default: the sample cover")
    parser.add_argument("--tiles", nargs="+", default=[], help="folders of photos; default: pieces of the cover")
    parser.add_argument("--only", choices=WAYS, help="only frames that are drawn in this way, before encoding")
    parser.add_argument("--zoompan", action="store_true", help="also render the flight with ffmpeg's zoompan")
    options = parser.parse_args()
    ways = (options.only,) if options.only else WAYS
    print(f"| what | {' | '.join(ways)} |\n|---|{'---|' * len(ways)}", flush=True)

    def show(rows: Iterator[Row]) -> None:
        for name, figures in rows:
            print(f"| {name} | {' | '.join(figures)} |", flush=True)

    plain = MatchSettings(tiles=tuple(options.tiles), tone=0.0, mirror=False)  # the reference has neither
    with open_mosaic(options.cover, plain, Silent()) as mosaic:
        show(likeness(mosaic, ways))
    with open_mosaic(options.cover, MatchSettings(tiles=tuple(options.tiles)), Silent()) as mosaic:
        show(flights(mosaic, (1920, 1080), ways))
        show(flights(mosaic, (3840, 2160), ways))
        if not options.only:
            measure_encoded(mosaic, (1920, 1080))
        if options.zoompan:
            measure_zoompan(mosaic, (1920, 1080))


if __name__ == "__main__":
    main()
