"""Processor time of frames whose tiles have another shape than squares.

    python benchmarks/shapes.py [--rounds 9] [--sides 10 20 60] [--only frames animations]

Frames of 1920 × 1080, with tiles of the area of a square of each side, in pixels: at rest by sprites, turning and
tumbling, and at rest as planes from a canvas. Shapes take turns. Each cell shows milliseconds of one thread, the median
over the rounds, and the median of the ratios to squares in the same round.

*Animations* are drawn as a render does, at 8 frames per second: milliseconds of all threads per frame, with what is
prepared for later frames.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
from kernels import HEIGHT, TEXTURES, WIDTH, crops
from render import budget_of

from animations.disperse import Disperse
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.job import MatchSettings, OpenMosaic, open_frames, open_mosaic, sample_pictures
from renderer.planes import PlaneRenderer
from renderer.progress import Silent
from renderer.scene import Animation, Camera, Rest, Scene, Sprites, make_sprites
from renderer.scene.tiles import outline_of
from renderer.settings import OutputSettings
from renderer.shapes import TileShape
from renderer.textures import Textures

CAMERA = Camera((WIDTH / 2, HEIGHT / 2), 1.0173)  # edges lie between pixels

SHAPES = {
    "squares": TileShape(),
    "hexagons": TileShape("hexagon"),
    "hexagons with a border": TileShape("hexagon", border=0.05),
    "circles": TileShape(corner_radius=0.5),
    "rounded corners": TileShape(corner_radius=0.1),
}


PARTS = ("frames", "animations")

ANIMATIONS = {
    "zoom": Zoom(),
    "reveal": Reveal(),
    "reveal, in random order": Reveal(order="random"),
    "reveal from the cover": Reveal(start="cover"),
    "disperse": Disperse(),
    "disperse, at random": Disperse(stagger="noise"),
}


def resting(shape: TileShape, side: float) -> Sprites:
    """Return tiles of the area of a square of `side` pixels that cover the frame."""
    hexagons = shape.kind == "hexagon"
    width, height = (
        (side * math.sqrt(2 / math.sqrt(3)), side * math.sqrt(math.sqrt(3) / 2)) if hexagons else (side, side)
    )
    columns, rows = math.ceil(WIDTH / width) + 2, math.ceil(HEIGHT / height) + 2
    y, x = np.divmod(np.arange(columns * rows), columns)
    shift = 0.5 * (y % 2) if hexagons else 0.0
    cells = np.stack(
        [(x + shift - 0.7) * width, (y - 0.7) * height, np.full(len(x), width), np.full(len(x), height)], 1
    )
    boxes = shape.tile_boxes(cells)
    tiles = make_sprites(
        np.arange(len(x)) % TEXTURES, boxes[:, :2] + boxes[:, 2:] / 2, (boxes[0, 2] / 2, 0.0), (0.0, boxes[0, 3] / 2)
    )
    joined = np.full(len(x), 7 if hexagons else 3, np.uint8)  # with all later neighbours
    gain = np.full((len(x), 3), 0.9, np.float32)
    tiles = replace(tiles, joined=joined, gain=gain, outline=outline_of(shape))
    return tiles.resting(Rest(tiles, areas=cells))


def turning(tiles: Sprites) -> Sprites:
    """Return tiles as while they disperse."""
    rng = np.random.default_rng(0)
    angle, tumble, axis = rng.uniform([[-3], [-1], [0]], [[3], [1], [3]], (3, len(tiles)))
    return tiles.moved(tiles.centre, angle=angle, tumble=tumble, axis=axis)


def measure(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, str]:
    """Return the time of each piece of work, and its ratio to the first."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            started = time.thread_time_ns()
            work()
            took[name].append((time.thread_time_ns() - started) / 1e6)
    found = {}
    first = next(iter(took.values()))
    for name, times in took.items():
        ratio = statistics.median(one / other for one, other in zip(times[1:], first[1:], strict=True))
        found[name] = f"{statistics.median(times[1:]):.1f} ({ratio:.2f})"
    return found


def draw_animation(mosaic: OpenMosaic, animation: Animation) -> float:
    """Draw an animation as planes. Returns the mean processor milliseconds of a frame, without the first."""
    size = WIDTH, HEIGHT
    planes = np.empty((HEIGHT, WIDTH), np.uint8), *np.empty((2, HEIGHT // 2, WIDTH // 2), np.uint8)
    output = OutputSettings(size=size, fps=Fraction(8))
    with open_frames(mosaic, animation, size, output, budget=budget_of(size, "standard")) as source:
        started = 0.0
        for number, (shot, same) in enumerate(source.shots(range(source.stage.frames), planar=True)):
            if not same:
                source.draw_planes(shot, planes)
            if number == 0:
                started = time.process_time()
        return (time.process_time() - started) * 1e3 / (source.stage.frames - 1)


def measure_animations(rounds: int) -> None:
    """Measure and print the table of animations."""
    print("\n| animation | squares | hexagons |\n|---|--:|--:|")
    with (
        open_mosaic(sample_pictures()[0], MatchSettings(), Silent()) as squares,
        open_mosaic(sample_pictures()[0], MatchSettings(tile_shape="hexagon"), Silent()) as hexagons,
    ):
        for name, animation in ANIMATIONS.items():
            took = [[draw_animation(mosaic, animation) for mosaic in (squares, hexagons)] for _ in range(rounds)]
            one, other = (statistics.median(times) for times in zip(*took, strict=True))
            ratio = statistics.median(other / one for one, other in took)
            print(f"| {name} | {one:.1f} | {other:.1f} ({ratio:.2f}) |", flush=True)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Processor time of frames of other shapes than squares.")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--sides", type=float, nargs="+", default=[10.0, 20.0, 60.0], help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    options = parser.parse_args()
    if "frames" in options.only:
        measure_frames(options.sides, options.rounds)
    if "animations" in options.only:
        measure_animations(options.rounds)


def measure_frames(sides: Sequence[float], rounds: int) -> None:
    """Measure and print the table of frames."""
    with (
        closing(Textures(500_000_000)) as textures,
        closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor,
    ):
        for tile in crops(TEXTURES, 128, (100, 300)):
            textures.add_picture(tile)
        frame, planes = compositor.new_frame(), PlaneRenderer(compositor, 500_000_000)
        luma, blue, red = np.empty((HEIGHT, WIDTH), np.uint8), *np.empty((2, HEIGHT // 2, WIDTH // 2), np.uint8)
        print(f"| shape, side | at rest, sprites | turning | at rest, planes |\n|---|{'--:|' * 3}")
        for side in sides:
            tiles = {name: resting(shape, side) for name, shape in SHAPES.items()}
            columns = [
                {name: partial(compositor.draw, Scene((each,), CAMERA), frame) for name, each in tiles.items()},
                {
                    name: partial(compositor.draw, Scene((turning(each),), CAMERA), frame)
                    for name, each in tiles.items()
                },
                {name: partial(planes.draw, Scene((each,), CAMERA), (luma, blue, red)) for name, each in tiles.items()},
            ]
            results = [measure(column, rounds) for column in columns]
            for name in SHAPES:
                cells = " | ".join(result[name] for result in results)
                print(f"| {name}, {side:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
