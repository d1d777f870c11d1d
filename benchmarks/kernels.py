"""Processor time of every compiled function in each variant that this processor runs, on inputs as in a render.

    python benchmarks/kernels.py [--rounds 7] [--work blur gif]

The variants take turns in one process. A number is the time that the calls of one function take while one piece of work
is done, in milliseconds: the minimum over the rounds, of the calling thread alone. The last column is the fastest
variant's time relative to that of the slowest. Functions that take less than 0.02 ms are not listed.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from renderer.canvas import Canvas, Key
from renderer.compositor import Compositor
from renderer.encoder.gif import GifFile
from renderer.faces import find_faces
from renderer.grid import make_grid
from renderer.job import sample_pictures
from renderer.kernels.library import VARIABLE, kernels, variants
from renderer.library import Library, Photo
from renderer.matching import match_photos
from renderer.pictures import Pixels, read_picture, resize
from renderer.planes import PlaneRenderer
from renderer.progress import Silent
from renderer.scene import JOINED_BELOW, JOINED_RIGHT, Camera, Rest, Scene, Sprites, make_sprites
from renderer.textures import Textures

WIDTH, HEIGHT = 1920, 1080
GIF_SIZE = (480, 270)
FRAMES = 8  # of motion blur and of the GIF
TEXTURES = 200
BLOCKS = 7  # neighbours of a canvas, at a level with two pixels per unit

Work = Callable[[], object]


# -- Inputs ----------------------------------------------------------------------------------------------------------


def crops(count: int, side: int, edges: tuple[int, int]) -> Pixels:
    """Return random squares of the sample photos, (count, side, side, 3), which have `edges` pixels in the photo."""
    rng = np.random.default_rng(1)
    pictures = [read_picture(path).pixels for path in sample_pictures()]
    found = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        edge = int(rng.integers(*edges))
        top, left = (int(rng.integers(0, length - edge)) for length in picture.shape[:2])
        found.append(resize(picture[top : top + edge, left : left + edge], side, side))
    return np.stack(found)


def tiled(count: int, turn: float) -> Sprites:
    """Return sprites that cover the frame once; `turn` is the difference in angle of each to the next, in radians."""
    side = math.sqrt(WIDTH * HEIGHT / count)
    columns = math.ceil(WIDTH / side)
    index = np.arange(count)
    centre = np.stack([index % columns + 0.5, index // columns + 0.5], 1) * side + 0.3
    angle = index * turn
    sprites = make_sprites(
        index % TEXTURES, centre,
        side / 2 * np.stack([np.cos(angle), np.sin(angle)], 1), side / 2 * np.stack([-np.sin(angle), np.cos(angle)], 1),
    )  # fmt: skip
    return replace(sprites, gain=np.full((count, 3), 0.9, np.float32), offset=np.full((count, 3), 0.05, np.float32))


def resting(count: int) -> Sprites:
    """Return sprites at rest that cover the frame once, without seams."""
    sprites = tiled(count, 0.0)
    joined = np.full(count, JOINED_RIGHT | JOINED_BELOW, np.uint8)
    # Their corner is at 0, so that no block of a canvas is transparent along an edge.
    whole = replace(sprites, centre=sprites.centre - 0.3, joined=joined)
    return whole.resting(Rest(whole))


def library_of(tiles: Pixels) -> Library:
    """Return a library of photos without files."""
    photos = [
        Photo(Path(f"{number}.jpg"), f"{number:016x}", (32, 32), (0, 0, 32, 32), tuple(tile.mean(axis=(0, 1)) / 255))
        for number, tile in enumerate(tiles)
    ]
    return Library(photos, tiles)


# -- Work ------------------------------------------------------------------------------------------------------------


@contextmanager
def all_work() -> Iterator[dict[str, tuple[str, Work]]]:
    """Yield each piece of work with its name and description."""
    cover = read_picture(sample_pictures()[0]).pixels
    small = resize(cover, 2 * GIF_SIZE[0], 2 * GIF_SIZE[1])
    with (
        closing(Textures(500_000_000)) as textures,
        closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor,
        tempfile.TemporaryDirectory(prefix="kernels-benchmark-") as folder,
    ):
        for tile in crops(TEXTURES, 128, (100, 300)):
            textures.add_picture(tile)
        frame, motion = compositor.new_frame(), compositor.new_frame()
        luma, blue, red = np.empty((HEIGHT, WIDTH), np.uint8), *np.empty((2, HEIGHT // 2, WIDTH // 2), np.uint8)
        pixels = np.empty((HEIGHT, WIDTH, 4), np.uint8)
        camera = Camera((WIDTH / 2, HEIGHT / 2), 1.0)

        def draw(sprites: Sprites) -> None:
            compositor.draw(Scene((sprites,), camera), frame)

        def planar(scale: float, *others: Sprites) -> Work:
            scene = Scene((canvas_tiles, *others), replace(camera, scale=scale))
            return partial(planes.draw, scene, (luma, blue, red))

        def blocks() -> None:
            canvas.planes.clear()
            canvas.build([Key(1, 2, column, toned=True) for column in range(BLOCKS)])

        def blur() -> None:
            def moved(progress: float) -> Scene:
                return Scene((few,), Camera((WIDTH / 2 + 200 * progress, HEIGHT / 2), 1.0))

            moments = compositor.exposure(moved, 0.5, (2 * FRAMES - 2) / 200)
            assert not isinstance(moments, Scene)
            compositor.expose(map(moved, moments), motion)

        def convert() -> None:
            compositor.to_yuv420(frame, (luma, blue, red))
            compositor.to_rgba(frame, pixels)

        def gif() -> None:
            with GifFile(Path(folder, "it.gif"), *GIF_SIZE, Fraction(20)) as file:
                for number in range(FRAMES):
                    file.add(small[5 * number : 5 * number + GIF_SIZE[1], 9 * number : 9 * number + GIF_SIZE[0]])

        def match() -> None:
            match_photos(cover, grid, photos, Silent())

        def load() -> None:
            for side in (128, 64):
                for square in squares:
                    resize(square, side, side)

        few, many, canvas_tiles = tiled(600, 0.0), tiled(20_000, 0.37), resting(2_400)
        planes, canvas = PlaneRenderer(compositor, 500_000_000), Canvas(canvas_tiles, {}, compositor)
        squares = crops(TEXTURES, 120, (120, 300))
        photos = library_of(crops(5_000, 32, (32, 200)))
        grid = make_grid(
            cover.shape[1], cover.shape[0], columns=round(math.sqrt(2_000 * cover.shape[1] / cover.shape[0]))
        )
        yield {
            "upright": ("a frame of 600 tiles", partial(draw, few)),
            "rotated": ("a frame of 20,000 rotated tiles", partial(draw, many)),
            # Tiles of 35 pixels, with their full tone, and of 144, with half of it.
            "canvas": ("a frame of a canvas, two levels", planar(1.2)),
            "fading": ("the same while tone fades", planar(4.9)),
            "over": (
                "the same as the first, with 2,000 rotated tiles over it",
                planar(1.2, many.take(slice(None, None, 10))),
            ),
            "load": (f"{TEXTURES} squares of 120 pixels resized to 128, and to 64", load),
            "blocks": (f"{BLOCKS} blocks of a canvas", blocks),
            "blur": (f"{FRAMES} frames of motion blur", blur),
            "convert": ("a frame for the encoder", convert),
            "gif": (f"a GIF of {FRAMES} frames, {GIF_SIZE[0]} × {GIF_SIZE[1]}", gif),
            "faces": ("a search for faces", partial(find_faces, cover)),
            "match": ("2,000 cells, 5,000 photos", match),
        }


# -- Measuring -------------------------------------------------------------------------------------------------------


def milliseconds(variant: str, work: Work) -> dict[str, float]:
    """Do a piece of work with a variant, and return the time that each function took."""
    os.environ[VARIABLE] = variant
    kernels.cache_clear()
    library = kernels()
    took: dict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            started = time.thread_time_ns()
            result = function(*arguments)
            took[name] += (time.thread_time_ns() - started) / 1e6
            return result

        return call

    for name, function in list(vars(library).items()):
        if callable(function):
            setattr(library, name, timed(name, function))
    work()
    return took


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Processor time of the compiled functions in each variant.")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--work", nargs="+", metavar="NAME", help="only this work; default: all")
    options = parser.parse_args()
    names: Final = [path.stem for path in variants()]
    print(f"| work | function | {' | '.join(f'{name}, ms' for name in names)} | ratio |")
    print(f"|---|---|{'--:|' * (len(names) + 1)}")
    with all_work() as listed:
        for key, (description, work) in listed.items():
            if options.work and key not in options.work:
                continue
            work()  # fills caches
            rounds = [[milliseconds(name, work) for name in names] for _ in range(options.rounds)]
            for function in rounds[0][0]:
                best = [min(each[at].get(function, 0.0) for each in rounds) for at in range(len(names))]
                if max(best) >= 0.02:
                    columns = " | ".join(f"{took:.2f}" for took in best)
                    print(f"| {description} | `{function}` | {columns} | {best[0] / best[-1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
