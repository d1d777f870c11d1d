"""The quality of an endless zoom in figures, next to those of a zoom: steadiness and flicker.

    python benchmarks/endless.py --tiles FOLDER

*Steadiness*: as in benchmarks/flight.py, of 60 frames of 1920 × 1080, at the centre and 300 pixels from it. *Flicker*:
the root mean square of the change, from frame to frame, of the error against the same frames drawn four times as large
and averaged in linear light, in steps of luma, of 480 × 270; without tone, which depends on the size of tiles. Of both,
frames are measured in which tiles are equally large; of an endless zoom, also those around the seam.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from flight import empty_planes, unsteadiness

from animations.endless import Endless
from animations.zoom import Zoom
from renderer.job import MatchSettings, OpenMosaic, open_frames, open_mosaic
from renderer.pictures import Pixels, to_linear, to_srgb
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import OutputSettings

LARGE, SMALL, TIMES = (1920, 1080), (480, 270), 4


def steadiness(mosaic: OpenMosaic, animation: Animation, numbers: Sequence[int]) -> tuple[float, float]:
    """Return the figures of `unsteadiness` for some frames."""
    frames = []
    with open_frames(mosaic, animation, LARGE, OutputSettings(size=LARGE)) as source:
        for number in numbers:
            planes = empty_planes(LARGE)
            source.draw_planes(source.shot(number % source.stage.frames), planes)
            frames.append(planes[0])
    return unsteadiness(frames)


def grey(picture: Pixels) -> np.ndarray:
    """Return the luma of a picture, as floats."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)


def flicker(mosaic: OpenMosaic, animation: Animation, numbers: Sequence[int]) -> float:
    """Return the change of the error from frame to frame."""
    size = SMALL[0] * TIMES, SMALL[1] * TIMES
    with (
        open_frames(mosaic, animation, SMALL, OutputSettings(size=SMALL)) as small,
        open_frames(mosaic, animation, size, OutputSettings(size=size)) as large,
    ):
        errors = []
        for number in numbers:
            number %= small.stage.frames
            light = to_linear(large.picture(number)).reshape(SMALL[1], TIMES, SMALL[0], TIMES, 3).mean(axis=(1, 3))
            errors.append(grey(small.picture(number)) - grey(to_srgb(light.astype(np.float32))))
    return float(np.mean([np.sqrt(((after - before) ** 2).mean()) for before, after in pairwise(errors)]))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", required=True)
    options = parser.parse_args()
    print("| what | steadiness | flicker |\n|---|--:|--:|")
    for name, animation, first in (
        ("zoom", Zoom(), 110), ("endless", Endless(), 80), ("endless, around the seam", Endless(), -20),
        ("endless, after the seam", Endless(), 2)
    ):  # fmt: skip
        with open_mosaic(None, MatchSettings((options.tiles,), tone=0.0), Silent(), animation) as mosaic:
            centre, out = steadiness(mosaic, animation, range(first, first + 60))
            change = flicker(mosaic, animation, range(first, first + 40))
        print(f"| {name} | {centre:.4f} and {out:.4f} px | {change:.3f} |", flush=True)


if __name__ == "__main__":
    main()
