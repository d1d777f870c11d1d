"""Processor time of the frames of every animation, or of some, and of what is prepared before the first one.

    python benchmarks/animation_frames.py --tiles FOLDER [--columns 87] [--every 4] [NAME ...]

At 1920 × 1080, drawn as the planes of a video, in all threads together: the preparation, without matching the first
cover, and the mean, the median, the 95th percentile and the largest of the frames, of which every fourth is drawn.
Animations of several covers lead from scikit-learn's china.jpg to flower.jpg; matching flower.jpg is part of their
preparation.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from renderer.budget import render_budget
from renderer.job import MatchSettings, open_frames, open_mosaic, sample_pictures
from renderer.parameters import parameters
from renderer.plugins import BUILT_IN, load_animation
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import OutputSettings

SIZE = (1920, 1080)


def made(name: str) -> Animation:
    """Return an animation; one of several covers leads to flower.jpg."""
    kind = load_animation(name)
    values: dict[str, Any] = (
        {"to": (str(sample_pictures()[1]),)} if "to" in parameters(kind) and name != "endless" else {}
    )
    return kind(**values)


def times(animation: Animation, settings: MatchSettings, every: int) -> tuple[int, float, Sequence[float]]:
    """Return the number of cells, the processor seconds of the preparation, and the milliseconds of frames."""
    cover, took = sample_pictures()[0], []
    with open_mosaic(cover, settings, Silent()):
        pass
    started = time.process_time()
    with open_mosaic(cover, settings, Silent(), animation) as mosaic:
        output = OutputSettings(size=SIZE)
        planes = np.empty(SIZE[::-1], np.uint8), *np.empty((2, SIZE[1] // 2, SIZE[0] // 2), np.uint8)
        with open_frames(mosaic, animation, SIZE, output, budget=render_budget(SIZE)) as source:
            prepared = last = time.process_time()
            for shot, same in source.shots(range(0, source.stage.frames, every), planar=True):
                if not same:
                    source.draw_planes(shot, planes)
                now = time.process_time()
                took.append((now - last) * 1e3)
                last = now
        return len(mosaic.placement), prepared - started, took[1:]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tiles", required=True)
    parser.add_argument("--columns", type=int, default=87)
    parser.add_argument("--every", type=int, default=4)
    options = parser.parse_args()
    settings = MatchSettings((options.tiles,), columns=options.columns)
    print("| animation | cells | preparation | mean | median | 95 % | largest |\n|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MOSAIC_RENDERER_CACHE"] = cache
        for name in options.names or BUILT_IN:
            cells, prepared, took = times(made(name), settings, options.every)
            figures = np.mean(took), *np.quantile(took, (0.5, 0.95, 1.0))
            row = " | ".join(f"{figure:.1f} ms" for figure in figures)
            print(f"| {name} | {cells:,} | {prepared:.1f} s | {row} |", flush=True)


if __name__ == "__main__":
    main()
