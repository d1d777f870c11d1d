"""Speed of drawing sprites, compared with one `cv2.warpAffine` per sprite that does the same work.

    python benchmarks/compositor.py [--rounds 5]

At 1920 × 1080, rotated sprites with a tone cover the frame once in total. Both sides sample two mip levels bilinearly,
blend them, apply gain and offset, and blend the result over the frame by the coverage of the edges; the OpenCV side
does so for each sprite within the sprite's bounds, with OpenCV's default threads. Both run alternately in one process;
the program prints the ratio of their median wall times. It then prints the frames per second with many small sprites,
and how the time grows with the number of sprites of one size and with the pixels of a fixed number of sprites
(`--picture FILE` plots the growth).
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
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from renderer.compositor import Compositor
from renderer.scene import Camera, Scene, Sprites, make_sprites
from renderer.textures import Textures, unpack

SIZE = (1920, 1080)
TEXTURES = 200


def rotated(count: int, side: float, textures: int, angle: float) -> Sprites:
    """Return sprites of one size, in pixels, on a regular grid over the frame, each at a different angle."""
    columns = math.ceil(math.sqrt(count * SIZE[0] / SIZE[1]))
    rows = math.ceil(count / columns)
    index = np.arange(count)
    x = (index % columns + 0.5) * SIZE[0] / columns
    y = (index // columns + 0.5) * SIZE[1] / rows
    turn = angle + index * 0.37
    half = side / 2
    sprites = make_sprites(
        index % textures, np.stack([x, y], 1),
        half * np.stack([np.cos(turn), np.sin(turn)], 1), half * np.stack([-np.sin(turn), np.cos(turn)], 1),
    )  # fmt: skip
    return replace(sprites, gain=np.full((count, 3), 0.9, np.float32), offset=np.full((count, 3), 0.05, np.float32))


def by_warping(sprites: Sprites, levels: list[list[npt.NDArray[np.uint8]]], frame: npt.NDArray[np.uint8]) -> None:
    """Draw sprites one by one with OpenCV, onto `frame` (H, W, 3)."""
    frame[:] = 0
    height, width = frame.shape[:2]
    for i in range(len(sprites)):
        centre, right, down = sprites.centre[i], sprites.right[i], sprites.down[i]
        reach = np.abs(right) + np.abs(down) + 1
        x0, y0 = np.maximum(np.floor(centre - reach).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(centre + reach).astype(int), (width, height))
        if x0 >= x1 or y0 >= y1:
            continue
        pyramid = levels[sprites.texture[i]]
        detail = min(max(math.log2(pyramid[0].shape[0] / (2 * math.hypot(*right))), 0.0), len(pyramid) - 1.001)
        warped = []
        for level in (int(detail), int(detail) + 1):
            texels = pyramid[level].shape[0]
            # From texels to pixels within the sprite's bounds; alpha is 0 outside, so the edge is soft.
            to_pixels = np.stack([right * 2 / texels, down * 2 / texels], 1)
            origin = centre - right - down - (x0, y0) - 0.5 + to_pixels @ (0.5, 0.5)
            matrix = np.concatenate([to_pixels, origin[:, np.newaxis]], 1)
            warped.append(cv2.warpAffine(pyramid[level], matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR))
        blend = detail - int(detail)
        pixels = cv2.addWeighted(warped[0], 1 - blend, warped[1], blend, 0)
        alpha = pixels[..., 3:]
        toned = cv2.convertScaleAbs(pixels[..., :3], alpha=float(sprites.gain[i, 0]), beta=12.75)
        target = frame[y0:y1, x0:x1]
        share = cv2.merge([alpha, alpha, alpha])
        target[:] = cv2.add(cv2.multiply(target, 255 - share, scale=1 / 255), cv2.multiply(toned, share, scale=1 / 255))


def fill(textures: Textures, side: int) -> list[list[npt.NDArray[np.uint8]]]:
    """Add textures of noise, and return their levels as OpenCV expects them."""
    rng = np.random.default_rng(0)
    levels = []
    for _ in range(TEXTURES):
        small = rng.integers(0, 256, (8, 8, 3), np.uint8)
        picture = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
        number = textures.add_picture(picture)
        pyramid = [unpack(textures.pixels(number, level)).copy() for level in range(int(math.log2(side)) + 1)]
        levels.append(pyramid)
    return levels


def seconds_of(work: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description="Speed of drawing sprites.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--picture", type=Path, help="also plot how the time grows")
    options = parser.parse_args()
    camera = Camera((SIZE[0] / 2, SIZE[1] / 2), 1.0)
    with closing(Textures(500_000_000)) as textures, closing(Compositor(*SIZE, textures)) as compositor:
        levels = fill(textures, 128)
        frame = compositor.new_frame()
        canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)

        def ours(sprites: Sprites) -> float:
            return seconds_of(lambda: compositor.draw(Scene((sprites,), camera), frame))

        for count, target in ((3600, 3.0), (20_000, 6.0)):
            side = math.sqrt(SIZE[0] * SIZE[1] / count)
            sprites = rotated(count, side, TEXTURES, 0.2)
            ours(sprites)
            pairs = [
                (ours(sprites), seconds_of(partial(by_warping, sprites, levels, canvas))) for _ in range(options.rounds)
            ]
            mine, other = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
            deviation = np.abs(unpack(frame)[..., :3].astype(int) - canvas).mean()
            print(
                f"{count} rotated sprites: {mine:.0f} ms, one warpAffine each {other:.0f} ms: {other / mine:.1f} times "
                f"as fast (target: {target:g}); the two pictures differ by {deviation:.1f} of 255 on average"
            )
        small = rotated(100_000, 4.0, TEXTURES, 0.2)
        ours(small)
        took = statistics.median(ours(small) for _ in range(options.rounds))
        print(f"100000 sprites of 4 pixels: {1 / took:.1f} frames per second (target: 10)")
        by_count = {}
        for count in (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000):
            sprites = rotated(count, 8.0, TEXTURES, 0.2)
            ours(sprites)
            by_count[count] = statistics.median(ours(sprites) for _ in range(options.rounds)) * 1e3
            print(f"{count} sprites of 8 pixels: {by_count[count]:.1f} ms, {by_count[count] / count * 1e3:.2f} µs each")
        by_side = {}
        for side in (8, 16, 32, 64, 128, 256):
            sprites = rotated(1000, float(side), TEXTURES, 0.2)
            ours(sprites)
            by_side[side] = statistics.median(ours(sprites) for _ in range(options.rounds)) * 1e3
            per_pixel = by_side[side] / side**2 * 1e3
            print(f"1000 sprites of {side} pixels: {by_side[side]:.1f} ms, {per_pixel:.1f} ns per pixel")
    if options.picture:
        draw_growth(by_count, by_side, options.picture)


def draw_growth(by_count: dict[int, float], by_side: dict[int, float], path: Path) -> None:
    """Plot milliseconds by number of sprites and by pixels of a sprite, both logarithmic, next to a line of slope 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    pixels = {side**2: took for side, took in by_side.items()}
    titles = ("sprites of 8 pixels", "pixels per sprite, 1000 sprites")
    for axes, points, what in zip(figure.subplots(1, 2), (by_count, pixels), titles, strict=True):
        axes.loglog(list(points), list(points.values()), "o-", label="measured")
        last = max(points)
        axes.loglog(list(points), [points[last] * x / last for x in points], "--", color="grey", label="linear")
        axes.set(xlabel=what, ylabel="milliseconds per frame")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
