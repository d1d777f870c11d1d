"""Measure the similarity of mosaics to their cover under several rules, and the trade-offs with repeats and tone.

    python benchmarks/fidelity.py --tiles FOLDER [--cover PICTURE]... [--front front.png]

The default cover is scikit-learn's china.jpg at 1920 × 1280 with 60 × 40 cells. Stills of 32 pixels per cell are drawn,
reduced by an area filter to 8 pixels per cell, and compared with the cover, reduced likewise: mean CIEDE2000 and grey
SSIM after a Gaussian blur of 2 pixels, in sRGB; `light` is the same, averaged in linear light. `clipped` is the share
of pixels that tone clips in any channel. `--front` plots the Pareto front of colour and structure for several weights
of texture and strengths of tone, with the defaults ringed, and colour against the maximum uses.

A second table has the defaults with tiles of other shapes, of the same area as the squares. Their mosaics are drawn
here, tile by tile from the photos' pictures of 32 × 32 pixels, and compared at 8 pixels per side of a square of that
area. A mosaic with white gaps is compared with the cover over white at the share of the gaps. Asked for: 3:2 at most
2.2 and at least 0.94, hexagons at most 2.2.

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
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.cover_pixels import covered_part
from renderer.fidelity import Likeness, likeness, turned
from renderer.grid import make_grid
from renderer.job import MatchSettings, OpenMosaic, TileSettings, render_mosaic, sample_pictures
from renderer.job.inputs import open_tiles
from renderer.library import Library
from renderer.matching import match_photos, perceptual_search
from renderer.pictures import Pixels, read_picture, resize
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.shapes import TileShape

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
    "square": TileShape.parse("square"),
    "3:2": TileShape.parse("3:2"),
    "2:3": TileShape.parse("2:3"),
    "3:2, gap of 6 % white": TileShape.parse("3:2", gap=0.06),
    "16:9": TileShape.parse("16:9"),
    "5:1": TileShape.parse("5:1"),
    "hexagon": TileShape.parse("hexagon"),
    "hexagon, gap of 6 % white": TileShape.parse("hexagon", gap=0.06),
    "circle on white": TileShape.parse("circle"),
    "mixed": TileShape.parse("mixed"),
}


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


def reduced(picture: Pixels, columns: int, rows: int) -> npt.NDArray[np.float32]:
    """Return a picture at 8 pixels per cell by an area filter in sRGB, 0…1."""
    small = cv2.resize(picture.astype(np.float32) / 255, (8 * columns, 8 * rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def clipped(mosaic: OpenMosaic) -> float:
    """Return the share of tile pixels that tone clips, except pixels that were at the end of the range before."""
    placement = mosaic.placement
    count = 0.0
    for cell in range(len(placement)):
        tile = mosaic.library.tiles[placement.photo[cell]].astype(np.float32)
        toned = tile * placement.gain[cell] + 255 * placement.offset[cell]
        count += float((((toned > 255.5) & (tile < 255)) | ((toned < -0.5) & (tile > 0))).any(axis=-1).mean())
    return count / len(placement)


def measure(cover: Path, settings: MatchSettings, tiles: str, folder: Path) -> Result:
    """Render a mosaic and measure its picture."""
    started = time.perf_counter()
    summary = render_mosaic(
        cover, folder / "mosaic.png", match=replace(settings, tiles=(tiles,), columns=COLUMNS), overwrite=True
    )
    seconds = summary.seconds.get("matching", time.perf_counter() - started)
    placement = summary.mosaic.placement
    columns, rows = (round(side) for side in placement.size)
    part = covered_part(read_picture(cover).pixels, placement.crop)
    drawn = read_picture(folder / "mosaic.png").pixels
    light = likeness(resize(part, 8 * columns, 8 * rows), resize(drawn, 8 * columns, 8 * rows))
    uses = placement.uses()
    return Result(
        likeness(reduced(part, columns, rows), reduced(drawn, columns, rows)), light, int(uses.max()),
        len(uses), placement.equal_neighbours(), float(placement.gain.mean()), clipped(summary.mosaic), seconds,
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

_DRAWN_PIXELS = 32  # per side of a square with the area of a cell


def measure_shape(cover: Pixels, shape: TileShape, library: Library) -> tuple[Likeness, PlacementMap, float]:
    """Match a cover with tiles of a shape, and return its likeness, its map, and the seconds that matching took."""
    height, width = cover.shape[:2]
    columns = round(COLUMNS * math.sqrt(shape.cell_area) / shape.unit[0] - shape.overhang[0])
    grid = make_grid(width, height, COLUMNS if shape.kind == "mixed" else columns, tile_shape=shape)
    started = time.process_time()
    placement = match_photos(cover, grid, library, Silent())
    seconds = time.process_time() - started
    scale = _DRAWN_PIXELS / math.sqrt(shape.cell_area)
    drawn, share = draw_shape(placement, library, scale)
    small = tuple(max(1, round(side / 4)) for side in drawn.shape[1::-1])
    part = covered_part(cover, grid.frame_crop)
    expected, found = (
        np.asarray(cv2.resize(each, small, interpolation=cv2.INTER_AREA), np.float32)
        for each in (part / np.float32(255), drawn)
    )
    return likeness(expected * np.float32(1 - share) + np.float32(share), found), placement, seconds


def draw_shape(placement: PlacementMap, library: Library, scale: float) -> tuple[npt.NDArray[np.float32], float]:
    """Draw a mosaic over white at `scale` pixels per unit: (H, W, 3) sRGB 0…1, and the share of what stays white."""
    width, height = (round(side * scale) for side in placement.size)
    picture, covered = np.ones((height, width, 3), np.float32), np.zeros((height, width), bool)
    tiles = turned(library.tiles[library.photos.find(placement.photos)[placement.photo]], placement.symmetry)
    for number, (x, y, w, h) in enumerate((placement.shape.tile_boxes(placement.cell) * scale).tolist()):
        left, top, right, bottom = (round(edge) for edge in (x, y, x + w, y + h))
        tone = placement.gain[number], placement.offset[number]
        tile = np.clip(tiles[number] / np.float32(255) * tone[0] + tone[1], 0, 1)
        tile = cv2.resize(tile, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        across = np.abs(np.arange(left, right) + 0.5 - x - w / 2) / (w / 2)
        along = np.abs(np.arange(top, bottom) + 0.5 - y - h / 2)[:, np.newaxis] / (h / 2)
        if placement.shape.kind == "hexagon":
            inside = along <= 1 - across / 2 + 0.02
        elif placement.shape.corner_radius:
            inside = across**2 + along**2 <= 1
        else:
            inside = np.ones(tile.shape[:2], bool)
        rows, columns = (slice(max(first, 0), last) for first, last in ((top, bottom), (left, right)))
        shown = picture[rows, columns]
        part = np.s_[rows.start - top :, columns.start - left :]
        inside, tile = (each[part][: shown.shape[0], : shown.shape[1]] for each in (inside, tile))
        shown[inside] = tile[inside]
        covered[rows, columns] |= inside
    return picture, 1 - float(covered.mean())


def print_shapes(cover: Path, tiles: str) -> None:
    """Print the table of shapes."""
    pixels = read_picture(cover).pixels
    print("\n| shape | cells | deltaE | 95 % | SSIM | summary | equal neighbours | seconds |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    with open_tiles(TileSettings(tiles=(tiles,)), Silent()) as source:
        assert source.library is not None
        for name, shape in SHAPES.items():
            found, placement, seconds = measure_shape(pixels, shape, source.library)
            figures = placement.recipe["figures"]
            assert isinstance(figures, dict)
            print(
                f"| {name} | {len(placement)} | {found.colour:.2f} | {found.colour_worst:.1f} | {found.structure:.3f} "
                f"| {figures['delta_e']:.2f} / {figures['ssim']:.3f} | {placement.equal_neighbours()} "
                f"| {seconds:.1f} |",
                flush=True,
            )


# -- The plots -----------------------------------------------------------------------------------------------------

Curve = list[tuple[float, float, bool]]  # x, y, whether this is the default


def front(cover: Path, tiles: str, folder: Path) -> dict[str, Curve]:
    """Return colour and structure for several weights of texture under five rules, and several strengths of tone."""
    curves: dict[str, Curve] = {}
    default = perceptual_search.TEXTURE
    for name in list(RULES)[:5]:
        curves[name] = []
        for weight in (0.0, 50.0, 150.0, 300.0, default, 1200.0, 3000.0):
            perceptual_search.TEXTURE = weight  # type: ignore[misc]  # a constant without an option
            # A different seed per weight, since maps are cached by their settings.
            found = measure(cover, replace(RULES[name], match_seed=1 + int(weight)), tiles, folder).srgb
            curves[name].append((found.colour, found.structure, weight == default))
    perceptual_search.TEXTURE = default  # type: ignore[misc]  # restored
    curves["tone from 0 to 1, at most 4 uses"] = []
    for strength in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0):
        found = measure(cover, replace(RULES["the same, tone auto"], tone=strength), tiles, folder).srgb
        curves["tone from 0 to 1, at most 4 uses"].append((found.colour, found.structure, strength == 1.0))
    return curves


def front_of_uses(cover: Path, tiles: str, folder: Path) -> dict[str, Curve]:
    """Return maximum uses of a photo and colour, without and with full tone."""
    curves: dict[str, Curve] = {}
    for name, tone in (("without tone", 0.0), ("with full tone", 1.0)):
        default = measure(cover, MatchSettings(tone=tone), tiles, folder)
        curves[name] = [(float(default.most_uses), default.srgb.colour, True)]
        for uses in (2, 3, 6, 8, 16, 38, 0):
            settings = MatchSettings(max_uses=uses, repeat_distance=0, tone=tone)
            found = measure(cover, settings, tiles, folder)
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
                    print(line(rule, measure(cover, settings, arguments.tiles, folder)), flush=True)
            print_shapes(cover, arguments.tiles)
        if arguments.front:
            draw(
                front(covers[0], arguments.tiles, folder),
                front_of_uses(covers[0], arguments.tiles, folder),
                arguments.front,
            )


if __name__ == "__main__":
    main()
