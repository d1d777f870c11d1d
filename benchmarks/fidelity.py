"""Measure the similarity of mosaics to their cover under several rules, and the trade-offs with repeats and tone.

    python benchmarks/fidelity.py --tiles FOLDER [--cover PICTURE]... [--front front.png]

The default cover is scikit-learn's china.jpg at 1920 × 1280 with 60 × 40 cells. Stills of 32 pixels per cell are drawn,
reduced by an area filter to 8 pixels per cell, and compared with the cover, reduced likewise: mean CIEDE2000 and grey
SSIM after a Gaussian blur of 2 pixels, in sRGB; `light` is the same, averaged in linear light. `clipped` is the share
of pixels that tone clips in any channel. `--front` plots the Pareto front of colour and structure for several weights
of texture and strengths of tone, with the defaults ringed, and colour against the maximum uses.

A second table has the defaults with tiles of other shapes, of the same area as the squares: "per cell" is per side of a
square of that area. Where there is no tile, the mosaic is white, and it is compared with the cover over white at the
same share of every pixel. `ideal` compares the same with the cover itself in the same tiles over white: what no choice
of photos improves. `against the ideal` compares the mosaic with the ideal one. Asked for: 3:2 at most 2.2 and at least
0.94, hexagons at most 2.2.

Rejected after tests on china, astronaut and flower with 2,000 and 61 photos:

- Error diffusion (Floyd and Steinberg) of mean light, by `lab` at tone 0, in serpentine order. At this distance it
  improves deltaE by at most 0.1 and loses 0.01 to 0.05 of SSIM (china, 2,000 photos: 5.88 / 0.605 without, 5.91 / 0.594
  with half of the error diffused, 6.45 / 0.550 with all; the search of `structure` 4.94 / 0.911). It gains 0.1 to 0.5
  only at four times the distance.
- More swaps with at most 2 uses (13.26 / 0.684 now): four times the candidates 13.35 / 0.688, swaps in each round
  13.25 / 0.694, both and 16 rounds 13.34 / 0.694; a quarter of the texture's weight and twice the colour's
  12.99 / 0.651.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.cover_pixels import covered_part
from renderer.covers import WHITE
from renderer.fidelity import Likeness, likeness
from renderer.job import MatchSettings, OpenMosaic, draw_strips, open_mosaic, sample_pictures
from renderer.matching import perceptual_search
from renderer.pictures import Pixels, read_picture, resize
from renderer.pixels import over_colour
from renderer.placement import PlacementMap
from renderer.progress import Advance, Silent

COLUMNS = 60

RULES = {
    "any repetition, no tone": MatchSettings(max_uses=0, repeat_distance=0, tone=0.0),
    "no photo twice within 5 cells, no tone": MatchSettings(max_uses=0, repeat_distance=5, tone=0.0),
    "at most 38 uses, no tone": MatchSettings(max_uses=38, repeat_distance=0, tone=0.0),
    "at most 2 uses, no tone": MatchSettings(max_uses=2, repeat_distance=0, tone=0.0),
    "at most 4 uses, no equal neighbours, no tone": MatchSettings(max_uses=4, repeat_distance=1, tone=0.0),
    "the same, half the tone": MatchSettings(max_uses=4, repeat_distance=1, tone=0.5),
    "the same, tone auto": MatchSettings(max_uses=4, repeat_distance=1),
    "defaults": MatchSettings(),
    "defaults, adaptive cells": MatchSettings(adaptive=True),
    "mean colours (KNN), any repetition, no tone": MatchSettings(match="mean", max_uses=0, repeat_distance=0, tone=0.0),
    "pixels, any repetition, no tone": MatchSettings(match="pixels", max_uses=0, repeat_distance=0, tone=0.0),
}


SHAPES = {
    "square": MatchSettings(),
    "3:2": MatchSettings(tile_shape="3:2"),
    "2:3": MatchSettings(tile_shape="2:3"),
    "16:9": MatchSettings(tile_shape="16:9"),
    "5:1": MatchSettings(tile_shape="5:1"),
    "hexagon": MatchSettings(tile_shape="hexagon"),
    "mixed": MatchSettings(tile_shape="mixed"),
    "3:2, gap of 6 %, on white": MatchSettings(tile_shape="3:2", gap=0.06),
    "hexagon, gap of 6 %, on white": MatchSettings(tile_shape="hexagon", gap=0.06),
    "circle, on white": MatchSettings(tile_shape="circle"),
}

_DRAWN_PIXELS = 32  # per cell

_COMPARED_PIXELS = 8  # per cell


@dataclass(frozen=True)
class Result:
    """Measurements of one mosaic."""

    srgb: Likeness
    light: Likeness
    most_uses: int
    distinct: int
    equal: int
    gain: float
    clipped: float
    seconds: float


@dataclass(frozen=True)
class Drawn:
    """A mosaic as the program draws it, and what it is compared with."""

    placement: PlacementMap
    cover: Pixels  # the part under the mosaic
    pixels: Pixels  # of the mosaic, (H, W, 4): transparent where there is no tile
    small: tuple[int, int]  # width and height at which pictures are compared
    clipped: float
    seconds: float  # of choosing the photos, without tone and figures: processor time


class MatchingTime(Silent):
    """Progress that measures the processor time of the stage that chooses photos."""

    seconds = 0.0

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Measure the stage `matching`; tone and figures are not part of it."""
        started = time.process_time()
        with super().stage(name, total, unit) as advance:
            yield advance
        if name == "matching":
            self.seconds += time.process_time() - started


@lru_cache(maxsize=8)  # the defaults are in both tables
def draw_mosaic(cover: Path, settings: MatchSettings, tiles: str) -> Drawn:
    """Match a cover, and draw its mosaic."""
    shape, progress = settings.shape(), MatchingTime()
    side = math.sqrt(shape.cell_area)
    # The columns of `mixed` are squares with the area of a cell.
    columns = COLUMNS if shape.kind == "mixed" else round(COLUMNS * side / shape.unit[0] - shape.overhang[0])
    with open_mosaic(cover, replace(settings, tiles=(tiles,), columns=columns), progress) as mosaic:
        across, along = (units / side for units in mosaic.placement.size)
        size = round(_DRAWN_PIXELS * across), round(_DRAWN_PIXELS * along)
        pixels = np.concatenate(list(draw_strips(mosaic, size, 256, "transparent")))
        return Drawn(
            mosaic.placement, covered_part(read_picture(cover).pixels, mosaic.placement.crop), pixels,
            (round(_COMPARED_PIXELS * across), round(_COMPARED_PIXELS * along)), clipped(mosaic), progress.seconds,
        )  # fmt: skip


def reduced(picture: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return a picture of a smaller size by an area filter in sRGB, 0…1."""
    return np.asarray(cv2.resize(picture.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA), np.float32)


def clipped(mosaic: OpenMosaic) -> float:
    """Return the share of tile pixels that tone clips, except pixels that were at the end of the range before."""
    placement = mosaic.placement
    count = 0.0
    for cell in range(len(placement)):
        tile = mosaic.library.tiles[placement.photo[cell]].astype(np.float32)
        toned = tile * placement.gain[cell] + 255 * placement.offset[cell]
        count += float((((toned > 255.5) & (tile < 255)) | ((toned < -0.5) & (tile > 0))).any(axis=-1).mean())
    return count / len(placement)


def measure(cover: Path, settings: MatchSettings, tiles: str) -> Result:
    """Measure a mosaic whose tiles leave no gaps."""
    drawn = draw_mosaic(cover, settings, tiles)
    original, mosaic = drawn.cover, drawn.pixels[..., :3]
    uses = drawn.placement.uses()
    return Result(
        likeness(reduced(original, drawn.small), reduced(mosaic, drawn.small)),
        likeness(resize(original, *drawn.small), resize(mosaic, *drawn.small)),
        int(uses.max()), len(uses), drawn.placement.equal_neighbours(), float(drawn.placement.gain.mean()),
        drawn.clipped, drawn.seconds,
    )  # fmt: skip


def line(name: str, result: Result) -> str:
    """Return a row of the table."""
    return (
        f"| {name} | {result.srgb.colour:.2f} | {result.srgb.colour_worst:.1f} | {result.srgb.structure:.3f} "
        f"| {result.light.colour:.2f} / {result.light.structure:.3f} | {result.most_uses} | {result.distinct} "
        f"| {result.equal} | {result.gain:.2f} | {100 * result.clipped:.1f} % | {result.seconds:.1f} |"
    )


HEADER = """| rule | deltaE | 95 % | SSIM | light | most uses | photos | equal neighbours | gain | clipped | seconds |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


# -- Shapes --------------------------------------------------------------------------------------------------------


def measure_shape(drawn: Drawn) -> tuple[Likeness, Likeness, Likeness]:
    """Compare a mosaic, and the ideal one, with the cover over white, and the mosaic with the ideal one."""
    height, width = drawn.pixels.shape[:2]
    filled = np.concatenate([resize(drawn.cover, width, height), drawn.pixels[..., 3:]], axis=2)
    mosaic, ideal = (reduced(over_colour(each, WHITE), drawn.small) for each in (drawn.pixels, filled))
    share = np.float32(drawn.pixels[..., 3].mean() / 255)
    expected = reduced(drawn.cover, drawn.small) * share + (1 - share)
    return likeness(expected, mosaic), likeness(expected, ideal), likeness(ideal, mosaic)


def print_shapes(cover: Path, tiles: str) -> None:
    """Print the table of shapes."""
    print(
        "\n| shape | cells | deltaE | 95 % | SSIM | ideal | against the ideal | summary | equal neighbours | seconds |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, settings in SHAPES.items():
        drawn = draw_mosaic(cover, settings, tiles)
        found, ideal, against = measure_shape(drawn)
        figures = drawn.placement.recipe["figures"]
        assert isinstance(figures, dict)
        print(
            f"| {name} | {len(drawn.placement)} | {found.colour:.2f} | {found.colour_worst:.1f} "
            f"| {found.structure:.3f} | {ideal.colour:.2f} / {ideal.structure:.3f} "
            f"| {against.colour:.2f} / {against.structure:.3f} | {figures['delta_e']:.2f} / {figures['ssim']:.3f} "
            f"| {drawn.placement.equal_neighbours()} | {drawn.seconds:.1f} |",
            flush=True,
        )


# -- The plots -----------------------------------------------------------------------------------------------------

Curve = list[tuple[float, float, bool]]  # x, y, whether this is the default


def front(cover: Path, tiles: str) -> dict[str, Curve]:
    """Return colour and structure for several weights of texture under five rules, and several strengths of tone."""
    curves: dict[str, Curve] = {}
    default = perceptual_search.TEXTURE
    for name in list(RULES)[:5]:
        curves[name] = []
        for weight in (0.0, 50.0, 150.0, 300.0, default, 1200.0, 3000.0):
            perceptual_search.TEXTURE = weight  # type: ignore[misc]  # a constant without an option
            # A different seed per weight, since maps are cached by their settings.
            found = measure(cover, replace(RULES[name], match_seed=1 + int(weight)), tiles).srgb
            curves[name].append((found.colour, found.structure, weight == default))
    perceptual_search.TEXTURE = default  # type: ignore[misc]  # restored
    curves["tone from 0 to 1, at most 4 uses"] = []
    for strength in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0):
        found = measure(cover, replace(RULES["the same, tone auto"], tone=strength), tiles).srgb
        curves["tone from 0 to 1, at most 4 uses"].append((found.colour, found.structure, strength == 1.0))
    return curves


def front_of_uses(cover: Path, tiles: str) -> dict[str, Curve]:
    """Return maximum uses of a photo and colour, without and with full tone."""
    curves: dict[str, Curve] = {}
    for name, tone in (("without tone", 0.0), ("with full tone", 1.0)):
        default = measure(cover, MatchSettings(tone=tone), tiles)
        curves[name] = [(float(default.most_uses), default.srgb.colour, True)]
        for uses in (2, 3, 6, 8, 16, 38, 0):
            settings = MatchSettings(max_uses=uses, repeat_distance=0, tone=tone)
            found = measure(cover, settings, tiles)
            curves[name].append((float(found.most_uses), found.srgb.colour, False))
        curves[name].sort()
    return curves


def draw(by_structure: dict[str, Curve], by_uses: dict[str, Curve], path: Path) -> None:
    """Plot the curves, with the defaults ringed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6), layout="constrained")
    likeness, repeats = figure.subplots(1, 2, width_ratios=(3, 2))
    for axes, curves in ((likeness, by_structure), (repeats, by_uses)):
        for name, curve in curves.items():
            x, y = [point[0] for point in curve], [point[1] for point in curve]
            (line,) = axes.plot(x, y, "o-", markersize=4, label=name)
            axes.scatter(
                *zip(*[point[:2] for point in curve if point[2]], strict=True), 150, facecolors="none",
                edgecolors=line.get_color(),
            )  # fmt: skip
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    likeness.set(xlabel="deltaE (CIEDE2000, mean)", ylabel="SSIM", xlim=(0, None))
    repeats.set(xlabel="most uses of a photo", ylabel="deltaE", xscale="log", ylim=(0, None))
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the table of each cover, and plot the front."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tiles", required=True, help="a folder of photos")
    options.add_argument("--cover", action="append", default=[], type=Path, help="a picture; may be repeated")
    options.add_argument("--only-shapes", action="store_true", help="print only the table of shapes")
    options.add_argument("--front", type=Path, help="file for a plot")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MOSAIC_RENDERER_CACHE"] = name  # without maps cached by other versions
        covers: list[Path] = arguments.cover
        if not covers:
            covers = [folder / "china.png"]
            with Image.open(sample_pictures()[0]) as picture:
                part = (0, 0.167, 640, 426.833)
                picture.resize((1920, 1280), Image.Resampling.LANCZOS, box=part).save(covers[0])
        for cover in covers:
            if not arguments.only_shapes:
                print(f"\n{cover.name}\n\n{HEADER}")
                for rule, settings in RULES.items():
                    print(line(rule, measure(cover, settings, arguments.tiles)), flush=True)
            print_shapes(cover, arguments.tiles)
        if arguments.front:
            draw(
                front(covers[0], arguments.tiles),
                front_of_uses(covers[0], arguments.tiles),
                arguments.front,
            )


if __name__ == "__main__":
    main()
