"""The quality of a zoom in figures: steadiness, likeness to a supersampled reference, flicker, landing, cost.

    python benchmarks/flight.py [--cover PICTURE] [--tiles FOLDER] [--zoompan]

Measured on frames before encoding. *Steadiness*: a similarity transform is fitted to points tracked from frame to frame
in the uniform middle of the flight; the result is the root mean square of the second difference of the displacement, at
the centre and 300 pixels from it. *Likeness*: PSNR against a reference whose pixels are the mean light of 8 × 8 points,
each interpolated between the photo's own pixels. *Flicker*: the change of the error against that reference from frame
to frame, relative to sampling the nearest mip level. *Landing*: the last frame compared with a Lanczos resize of the
photo, before and after encoding. *Cost*: processor time per frame. With `--zoompan` the same flight is also rendered by
ffmpeg's zoompan filter from a stitched picture of 46 megapixels, for comparison.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.encoder import Encoder, Encoding, choose, run_ffmpeg
from renderer.frame_times import progress_of
from renderer.job import LOOK_AHEAD, MatchSettings, OpenMosaic, drawing, open_mosaic
from renderer.pictures import Pixels, read_picture, to_linear, to_srgb
from renderer.progress import Silent
from renderer.scene import Camera, Motion, Stage
from renderer.settings import FileSettings, OutputSettings
from renderer.textures import unpack

POINTS = ((0.471, 0.533), (0.412, 0.457), (0.544, 0.418), (0.555, 0.563), (0.437, 0.581))
"""Points where likeness is measured, in fractions of the cover; flicker is measured at the first."""

SECONDS, FPS = 10.0, Fraction(30)


def decibels(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """Return the PSNR of two 8-bit pictures in dB; infinite if they are equal."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def unsteadiness(frames: Sequence[Pixels]) -> tuple[float, float]:
    """Return the RMS second difference of the motion in pixels, at the centre and 300 pixels from it."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    height, width = grey[0].shape
    middle = np.array([[width / 2, height / 2], [width / 2 + 300, height / 2]])
    moved = []
    for before, after in pairwise(grey):
        points = cv2.goodFeaturesToTrack(before, 1200, 0.01, 8)
        found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=(21, 21), maxLevel=4)
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
    total = np.zeros((height, width, 3))
    squares: dict[int, Pixels] = {}
    for sub_y in range(steps):
        for sub_x in range(steps):
            x = (np.arange(width) + (sub_x + 0.5) / steps - width / 2) / camera.scale + camera.centre[0]
            y = (np.arange(height) + (sub_y + 0.5) / steps - height / 2) / camera.scale + camera.centre[1]
            cells = np.floor(y).astype(int)[:, np.newaxis] * columns + np.floor(x).astype(int)
            for cell in np.unique(cells):
                number = int(stage.mosaic.photo[cell])
                if number not in squares:
                    photo = stage.photo(number)
                    squares[number] = stage.libraries[0].square(photo, photo.crop[2])
                rows, cols = np.flatnonzero((cells == cell).any(1)), np.flatnonzero((cells == cell).any(0))
                total[np.ix_(rows, cols)] += to_linear(bilinear(squares[number], x[cols] % 1, y[rows] % 1))
    return to_srgb((total / steps**2).astype(np.float32))


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
    x = (np.arange(width) + 0.5 - width / 2) / camera.scale + camera.centre[0]
    y = (np.arange(height) + 0.5 - height / 2) / camera.scale + camera.centre[1]
    cells = np.floor(y).astype(int)[:, np.newaxis] * columns + np.floor(x).astype(int)
    frame = np.zeros((height, width, 3), np.uint8)
    for cell in np.unique(cells):
        texture = stage.first_texture[0] + int(stage.mosaic.photo[cell])
        side = int(stage.textures.table.width[texture])
        level = min(max(round(math.log2(side / camera.scale)), 0), int(stage.textures.table.levels[texture]) - 1)
        tile = level_pixels(stage, texture, level)
        rows, cols = np.flatnonzero((cells == cell).any(1)), np.flatnonzero((cells == cell).any(0))
        frame[np.ix_(rows, cols)] = bilinear(tile, x[cols] % 1, y[rows] % 1)
    return frame


def level_pixels(stage: Stage, texture: int, level: int) -> Pixels:
    """Return a level of a tile, from the base levels if it is a small one."""
    side = int(stage.textures.table.width[texture]) >> level
    if side > 32:
        return np.ascontiguousarray(unpack(stage.textures.pixels(texture, level))[..., :3])
    base = stage.textures.base_levels[5 - (side.bit_length() - 1)][texture - stage.first_texture[0]]
    return np.ascontiguousarray(unpack(base)[..., :3])


def measure_likeness(mosaic: OpenMosaic) -> None:
    """Print the PSNR by tile size, and the flicker of a slow zoom."""
    size = (240, 160)
    # The tiles are as sharp as in a video of full size; a small part of its frame is compared.
    with (
        drawing(mosaic, (1920, 1080), OutputSettings(size=(1920, 1080))) as (full, _),
        closing(Compositor(*size, full.textures)) as compositor,
    ):
        stage = replace(full, frame=size)
        tiles = stage.resting_sprites()
        for pixels in (4.3, 8.3, 33.0, 64.7, 127.0, 250.0, 720.0):
            found = []
            for point in POINTS:
                photo = stage.photo(int(stage.mosaic.photo[stage.cell_at(point)]))
                camera = Camera((stage.mosaic.size[0] * point[0], stage.mosaic.size[1] * point[1]), pixels)
                if pixels <= photo.crop[2]:  # a magnified photo has no reference
                    found.append(decibels(compositor.still(stage.scene(camera, tiles)), reference(stage, camera)))
            if found:
                lowest, median = min(found), statistics.median(found)
                print(f"likeness at {pixels:g} pixels per tile: median {median:.1f} dB, lowest {lowest:.1f}")
        centre = (stage.mosaic.size[0] * POINTS[0][0], stage.mosaic.size[1] * POINTS[0][1])
        ours, others = [], []
        before: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
        for step in range(24):
            camera = Camera(centre, 14.0 * 2 ** (step / 12))
            expected = reference(stage, camera).astype(np.float64)
            errors = (compositor.still(stage.scene(camera, tiles)) - expected, nearest_mip(stage, camera) - expected)
            if before is not None:
                ours.append(float(np.sqrt(((errors[0] - before[0]) ** 2).mean())))
                others.append(float(np.sqrt(((errors[1] - before[1]) ** 2).mean())))
            before = errors
        print(f"flicker: {statistics.mean(ours) / statistics.mean(others):.2f} times that of nearest-mip sampling")


def frames_of(compositor: Compositor, motion: Motion, numbers: Sequence[int], count: int) -> list[Pixels]:
    """Return frames of a motion by their numbers."""
    return [compositor.still(motion(progress_of(number, count))) for number in numbers]


def measure_flight(mosaic: OpenMosaic, size: tuple[int, int]) -> None:
    """Print steadiness, landing, cost, and the largest step in brightness."""
    count = round(SECONDS * FPS)
    with drawing(mosaic, size, OutputSettings(size=size, duration=SECONDS)) as (stage, compositor):
        zoom = Zoom()
        motion = zoom.prepare(stage)
        frame = compositor.new_frame()
        compositor.draw(motion(0.0), frame)
        costs, bright = [], []
        for number in range(count):
            start = time.process_time()
            if number + LOOK_AHEAD < count:
                compositor.prefetch(motion(progress_of(number + LOOK_AHEAD, count)))
            compositor.draw(motion(progress_of(number, count)), frame)
            costs.append((time.process_time() - start) * 1e3)
            bright.append(float(unpack(frame)[..., :3].mean()))
        name = f"{size[0]}x{size[1]}"
        print(f"cost at {name}: {statistics.mean(costs):.1f} ms per frame, median {statistics.median(costs):.1f}")
        print(f"brightness at {name}: second difference at most {np.abs(np.diff(bright, n=2)).max():.2f} of 255")
        if size[0] > 2000:
            return
        centre, out = unsteadiness(frames_of(compositor, motion, range(count // 3, count // 3 + 60), count))
        print(f"steadiness: {centre:.3f} px at the centre, {out:.3f} px 300 px from it")
        last = compositor.still(motion(1.0))
        photo = stage.photo(int(stage.mosaic.photo[landing_cell(stage, motion)]))
        print(f"landing: {decibels(last, lanczos(photo.path, size)):.1f} dB against a Lanczos resize")


def measure_encoded(mosaic: OpenMosaic, size: tuple[int, int]) -> None:
    """Print the PSNR of a video's last frame, after encoding and decoding, against the photo."""
    for quality in ("draft", "standard", "high"):
        output = OutputSettings(size=size, duration=4.0)
        with tempfile.TemporaryDirectory() as name, drawing(mosaic, size, output) as (stage, compositor):
            motion, path = Zoom().prepare(stage), Path(name, "flight.mp4")
            encoding = Encoding(choose(path, FileSettings()), quality)
            with Encoder(path, *size, output.fps, encoding) as encoder:
                frame = compositor.new_frame()
                for number in range(120):
                    compositor.draw(motion(progress_of(number, 120)), frame)
                    buffer = encoder.next_buffer()
                    compositor.to_yuv420(frame, encoder.planes(buffer))
                    encoder.submit(buffer)
            raw = Path(name, "raw")
            done = run_ffmpeg(
                "-sseof", "-0.2", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", str(raw), timeout=600
            )
            if done.returncode:
                raise SystemExit(done.stderr.decode())
            last = np.fromfile(raw, np.uint8)[-size[0] * size[1] * 3 :].reshape(size[1], size[0], 3)
            photo = stage.photo(int(stage.mosaic.photo[landing_cell(stage, motion)]))
            print(f"landing after encoding at {quality}: {decibels(last, lanczos(photo.path, size)):.1f} dB")


def landing_cell(stage: Stage, motion: Motion) -> int:
    """Return the index of the cell that the camera lands on."""
    x, y = motion(1.0).camera.centre
    return stage.cell_at((x / stage.mosaic.size[0], y / stage.mosaic.size[1]))


def lanczos(path: Path, size: tuple[int, int]) -> Pixels:
    """Return a photo resized with Pillow's Lanczos filter to fill a frame, centre-cropped."""
    picture = Image.fromarray(read_picture(path).pixels)
    scale = max(size[0] / picture.width, size[1] / picture.height)
    resized = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    left, top = (resized.width - size[0]) // 2, (resized.height - size[1]) // 2
    return np.asarray(resized.crop((left, top, left + size[0], top + size[1])))


def measure_zoompan(mosaic: OpenMosaic, size: tuple[int, int]) -> None:
    """Render the same flight with ffmpeg's zoompan from a stitched picture, and print the same figures."""
    count = round(SECONDS * FPS)
    tile = 96
    width, height = (round(units * tile) for units in mosaic.placement.size)
    with (
        tempfile.TemporaryDirectory() as name,
        drawing(mosaic, (width, height), OutputSettings(size=size), full_tone=True) as (whole, stitcher),
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
        centre, out = unsteadiness([np.array(frames[n]) for n in range(count // 3, count // 3 + 60)])
        print(f"zoompan: {took:.0f} s for {count} frames")
        print(f"zoompan: steadiness {centre:.3f} px at the centre, {out:.3f} px 300 px from it")
        photo = lanczos(stage.photo(int(stage.mosaic.photo[landing_cell(stage, motion)])).path, size)
        ends = [cv2.cvtColor(np.array(frame), cv2.COLOR_RGB2GRAY) for frame in (frames[-1], photo)]
        sharp = [float(cv2.Laplacian(end, cv2.CV_64F).var()) for end in ends]
        print(f"zoompan: its last frame has {100 * sharp[0] / sharp[1]:.1f} % of the photo's Laplacian variance")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description="The quality of a zoom in figures.")
    parser.add_argument("--cover", type=Path, help="default: the sample cover")
    parser.add_argument("--tiles", nargs="+", default=[], help="folders of photos; default: pieces of the cover")
    parser.add_argument("--zoompan", action="store_true", help="also render the flight with ffmpeg's zoompan")
    options = parser.parse_args()
    plain = MatchSettings(tiles=tuple(options.tiles), tone=0.0, mirror=False)  # the reference has neither
    with open_mosaic(options.cover, plain, Silent()) as mosaic:
        measure_likeness(mosaic)
    with open_mosaic(options.cover, MatchSettings(tiles=tuple(options.tiles)), Silent()) as mosaic:
        measure_flight(mosaic, (1920, 1080))
        measure_flight(mosaic, (3840, 2160))
        measure_encoded(mosaic, (1920, 1080))
        if options.zoompan:
            measure_zoompan(mosaic, (1920, 1080))


if __name__ == "__main__":
    main()
