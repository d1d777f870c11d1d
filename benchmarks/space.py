"""Time of frames in which tiles fly in space, with light and shadows, and with blur by their movement.

    python benchmarks/space.py [--rounds 5] [--tiles 5046]

At 1920 × 1080, on one core. The tiles of a grid that fills the frame have left it and fly at random heights and
attitudes, in perspective. Prints the processor time of a frame, and the ratio to that of a frame of the same sprites,
turned in the plane of the mosaic, without light and shadows; with the shutter open for half a frame, the ratio to the
frame without. All kinds of frames take turns.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from renderer.compositor import Compositor
from renderer.scene import Camera, Scene, Sprites, make_sprites
from renderer.textures import Textures

SIZE = (1920, 1080)
TEXTURES = 200


def grid(count: int) -> tuple[Sprites, Camera]:
    """Return about `count` tiles that fill the frame, and the camera that shows them."""
    columns = round(math.sqrt(count * SIZE[0] / SIZE[1]))
    rows = round(count / columns)
    index = np.arange(columns * rows)
    centre = np.stack([index % columns + 0.5, index // columns + 0.5], 1)
    tiles = make_sprites(index % TEXTURES, centre, (0.5, 0.0), (0.0, 0.5))
    rng = np.random.default_rng(0)
    tiles = replace(
        tiles, tile=index.astype(np.int32), gain=rng.uniform(0.7, 1.0, (len(index), 3)).astype(np.float32),
        offset=rng.uniform(0, 0.2, (len(index), 3)).astype(np.float32),
    )  # fmt: skip
    return tiles, Camera((columns / 2, rows / 2), SIZE[0] / columns)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiles", type=int, default=5046)
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    tiles, camera = grid(arguments.tiles)
    count = len(tiles)
    height = rng.uniform(0, 0.6 * camera.distance(SIZE[1]), count)
    angle, tumble, axis = rng.uniform(0, 2 * math.pi, (3, count))
    way = rng.normal(0, 1, (count, 3))
    with closing(Textures(budget=500_000_000, threads=1)) as textures:
        for _ in range(TEXTURES):
            textures.add_picture(rng.integers(0, 256, (64, 64, 3), np.uint8))
        black = textures.add_picture(np.zeros((1, 1, 3), np.uint8))

        def in_plane(progress: float) -> Scene:
            return Scene((tiles.moved(tiles.centre, angle=angle + progress),), camera)

        def in_space(progress: float) -> Scene:
            centre = np.concatenate([tiles.centre, height[:, np.newaxis]], 1) + progress * way
            flying = tiles.moved(centre, angle=angle, tumble=tumble + progress, axis=axis)
            return Scene((flying.shadows(black, 0.7), camera.far_to_near(flying.lit(0.8))), camera)

        with closing(Compositor(*SIZE, textures, threads=1)) as compositor:
            frame = compositor.new_frame()

            def draw(motion: Callable[[float], Scene], shutter: float, progress: float) -> None:
                shot = compositor.exposure(motion, progress, shutter)
                assert isinstance(shot, Scene)
                compositor.draw(shot, frame)

            kinds = {
                "in the plane": partial(draw, in_plane, 0.0),
                "in space": partial(draw, in_space, 0.0),
                "in space, with motion blur": partial(draw, in_space, 0.5),
            }
            times: dict[str, list[float]] = {name: [] for name in kinds}
            for number in range(arguments.rounds + 1):
                for name, work in kinds.items():
                    start = time.process_time()
                    work(0.1 * number)
                    times[name].append(time.process_time() - start)
    base = statistics.median(times["in the plane"][1:])
    print(f"{count} tiles at {SIZE[0]} × {SIZE[1]}")
    for name, values in times.items():
        middle = statistics.median(values[1:])
        print(f"{name:28s} {1000 * middle:6.1f} ms, {middle / base:.2f} times that in the plane")


if __name__ == "__main__":
    main()
