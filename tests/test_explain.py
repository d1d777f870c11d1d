"""Explanatory figures: their facts are true, and pictures and clips have the requested size."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from videos import decode

from renderer.adaptive_grid import adapt_grid
from renderer.choices import Metric
from renderer.cover_names import MadeCover
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.descriptors import mean_lab
from renderer.errors import InputError
from renderer.explain import (
    ClipSettings,
    FigureSettings,
    explain_channels,
    explain_grid,
    explain_knn,
    explain_match,
)
from renderer.explain.cells import Matched, cut_cell, open_matched, plane_means
from renderer.explain.channels import plane
from renderer.explain.figures import Drawing
from renderer.explain.knn import Projection
from renderer.explain.space import points_of
from renderer.grid import cell_position, find_cell, make_grid
from renderer.job import GridSettings, MatchSettings
from renderer.kernels.discs import draw_discs
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, read_picture
from renderer.progress import Silent
from renderer.settings import CoverSettings
from renderer.shapes import TileShape

pytestmark = pytest.mark.usefixtures("shared_cache")

SMALL = FigureSettings(size=(320, 180))
METRICS: list[Metric] = ["mean", "lab", "pixels", "structure"]


@pytest.fixture(scope="module")
def match_cell(cover: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Matched]]:
    """Match the cover with the photos without limits on repetition, and select a cell."""
    figure, opened = tmp_path_factory.mktemp("figures") / "it.png", ExitStack()

    def open_cell(metric: Metric, cell: CellPosition | None = None, columns: int = 12) -> Matched:
        match = MatchSettings(tiles=(str(photos),), columns=columns, match=metric, max_uses=0, repeat_distance=0)
        return opened.enter_context(open_matched(cover, cell, figure, match, Silent(), overwrite=False))

    with opened:
        yield open_cell


@settings(max_examples=25)
@given(picture=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_channels_add_up_to_the_picture_and_have_its_means(picture: Pixels) -> None:
    planes = [plane(picture, channel) for channel in range(3)]
    assert (np.sum(planes, axis=0) == picture).all()
    assert plane_means(picture) == pytest.approx([each[..., n].mean() for n, each in enumerate(planes)])


def test_a_cells_pixels_have_the_mean_that_the_matcher_uses(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=20)
    means = cell_means(pixels, grid)
    for cell in (0, 31, len(grid) - 1):
        assert plane_means(cut_cell(pixels, grid, cell)) == pytest.approx(means[cell], abs=1)


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_cell_is_found_by_its_position(cover: Path, adaptive: bool) -> None:
    grid = make_grid(640, 427, columns=24)
    if adaptive:
        grid = adapt_grid(grid, read_picture(cover).pixels, [])
    for cell in range(0, len(grid), 7):
        found = find_cell(grid, cell_position(grid, cell))
        assert (np.abs(grid.cells[found] - grid.cells[cell])[:2] < 1).all()
    with pytest.raises(InputError, match="columns are 0 to 23, rows 0 to 15"):
        find_cell(grid, CellPosition(24, 0))


@pytest.mark.parametrize("metric", METRICS)
def test_near_photos_are_ordered_by_the_metrics_distance(match_cell: Callable[..., Matched], metric: Metric) -> None:
    matched = match_cell(metric, CellPosition(5, 3))
    near, costs = matched.near.photo[0], matched.near.cost[0]
    assert (len(near), len(set(near.tolist()))) == (60, 60)
    assert (np.diff(costs) >= 0).all()
    if metric == "structure":  # its search also considers neighbouring cells
        assert matched.rank is not None
        return
    assert matched.rank == 0
    library, grid = matched.mosaic.offered, matched.grid
    if metric == "mean":
        distance = np.linalg.norm(library.means * 255 - cell_means(matched.cover, grid)[matched.cell], axis=1)
    elif metric == "lab":
        signature = cell_signatures(cover_signature(matched.cover, grid), grid)[matched.cell : matched.cell + 1]
        distance = np.linalg.norm(mean_lab(library.signatures) - mean_lab(signature), axis=1)
    else:
        target = cut_cells(matched.cover, grid)[matched.cell].astype(float)
        both = np.stack([library.tiles, library.tiles[:, :, ::-1]]).astype(float)
        distance = np.sqrt(((both - target) ** 2).sum(axis=(2, 3, 4))).min(axis=0)
    assert near[0] == distance.argmin()
    assert costs == pytest.approx(np.sort(distance), rel=1e-3)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_of_points_follow_the_metric(match_cell: Callable[..., Matched], metric: Metric) -> None:
    matched = match_cell(metric)
    others = np.setdiff1d(np.arange(60), matched.near.photo[0, :5])
    space = points_of(matched, others, 5)
    assert (space.photos.shape, space.near.shape, space.cell.shape) == ((55, 3), (5, 3), (3,))
    distance = np.linalg.norm(space.near - space.cell, axis=1)
    if metric in ("mean", "lab"):  # three axes show all of the variance
        assert distance * (matched.near.cost[0, 1] / distance[1]) == pytest.approx(matched.near.cost[0, :5], rel=1e-3)
        assert (np.linalg.norm(space.photos - space.cell, axis=1) >= distance.max() * 0.999).all()
        assert space.variance_share == 1
    else:
        assert 0 < space.variance_share < 1
        assert "projected to three axes" in space.caption
    if metric == "lab":
        ratio = mean_lab(matched.mosaic.offered.signatures[others])[:, 1] / space.photos[:, 0]
        assert ratio == pytest.approx(ratio[0], rel=1e-3)


def test_the_default_cell_is_colourful_and_shows_its_nearest_photo(match_cell: Callable[..., Matched]) -> None:
    matched = match_cell("mean", columns=24)
    assert matched.rank == 0
    assert 0 < matched.position.column < 23
    assert 0 < matched.position.row < 15
    chosen = np.ptp(plane_means(matched.picture))
    assert chosen > np.median(np.ptp(cell_means(matched.cover, matched.grid).astype(float), axis=1))


@pytest.mark.parametrize("figure", [SMALL, FigureSettings("dark", (180, 320))], ids=["light", "dark and upright"])
def test_stills_have_the_requested_size_and_theme(
    cover: Path, photos: Path, tmp_path: Path, figure: FigureSettings
) -> None:
    tiles = MatchSettings(tiles=(str(photos),), columns=12, match="mean")
    made = [
        explain_grid(cover, tmp_path / "grid.png", grid=GridSettings(columns=12), figure=figure),
        explain_channels(cover, tmp_path / "channels.jpg", figure=figure),
        explain_match(cover, tmp_path / "match.webp", match=tiles, figure=figure),
    ]
    for explained in made:
        pixels = read_picture(explained.output).pixels
        assert (pixels.shape[1], pixels.shape[0]) == figure.size == explained.size
        assert (pixels[:4].mean() > 250) == (figure.theme == "light")
        assert pixels.std() > 20
    assert made[0].facts == {"columns": 12, "rows": 8, "cells": 96}
    assert made[1].facts["means"] == pytest.approx(read_picture(cover).pixels.mean(axis=(0, 1)), abs=0.01)
    facts = made[2].facts
    assert facts["rank"] == 0
    cell = facts["cell"]
    assert isinstance(cell, list)
    grid, pixels = make_grid(640, 427, columns=12), read_picture(cover).pixels
    number = find_cell(grid, CellPosition(*(int(str(part)) for part in cell)))
    assert facts["cell_means"] == pytest.approx(cell_means(pixels, grid)[number], abs=1.5)
    photo = read_picture(Path(str(facts["photo"]))).pixels
    assert facts["photo_means"] == pytest.approx(photo.mean(axis=(0, 1)), abs=40)  # of its square crop


def test_grid_lines_are_white_and_evenly_spaced(cover: Path, tmp_path: Path) -> None:
    figure = FigureSettings(size=(1200, 800))
    explain_grid(cover, tmp_path / "it.png", grid=GridSettings(columns=8), figure=figure)
    pixels = read_picture(tmp_path / "it.png").pixels.astype(int)
    dark = pixels[:, :, :].min(axis=2)
    row = dark[520]  # across the trees and the house
    inside = np.flatnonzero(row < 200)
    line = row[inside[0] : inside[-1]] > 240
    starts = np.flatnonzero(np.diff(line.astype(int)) == 1)
    steps = np.diff(starts)
    assert len(starts) >= 6
    assert (np.abs(steps / np.median(steps) - np.round(steps / np.median(steps))) < 0.06).all()


@pytest.mark.parametrize("name", ["3:2", "2:3", "hexagon", "mixed", "circle"])
def test_cells_of_every_shape_are_named_by_their_position(name: str) -> None:
    grid = make_grid(640, 427, 17, tile_shape=TileShape.parse(name))
    positions = [cell_position(grid, number) for number in range(len(grid))]
    assert len(set(positions)) == len(grid)
    assert [find_cell(grid, position) for position in positions] == list(range(len(grid)))


@pytest.mark.parametrize(("name", "ratio"), [("3:2", 3 / 2), ("2:3", 2 / 3), ("hexagon", 3**0.5 / 2), ("circle", 1)])
def test_a_cell_and_its_photo_are_shown_in_the_ratio_of_the_tile(
    cover: Path, photos: Path, tmp_path: Path, name: str, ratio: float
) -> None:
    match = MatchSettings(tiles=(str(photos),), columns=9, tile_shape=name, match="mean")
    with open_matched(cover, None, tmp_path / "it.png", match, Silent(), overwrite=False) as matched:
        for picture in (matched.tile_picture, matched.photo(matched.chosen, 0, 300)):
            assert picture.shape[1] / picture.shape[0] == pytest.approx(ratio, abs=0.04)
        photo = matched.photo(matched.chosen, 0, 300).astype(float)
        crop = matched.mosaic.offered.photos.cropped(matched.ratio)[matched.chosen].crop
        assert crop[2] / crop[3] == pytest.approx(ratio, rel=0.02)
        original = read_picture(matched.mosaic.offered.photos[matched.chosen].path).pixels
        cut = original[crop[1] : crop[1] + crop[3], crop[0] : crop[0] + crop[2]]
        assert photo.mean(axis=(0, 1)) == pytest.approx(cut.mean(axis=(0, 1)), abs=6)
        assert matched.tile_picture.mean() == pytest.approx(matched.picture.mean(), abs=30)
        assert matched.outline.min() >= -1e-9
        assert matched.outline.max() <= 1 + 1e-9


def test_the_grid_of_hexagons_is_drawn_as_hexagons(tmp_path: Path) -> None:
    Image.new("RGB", (600, 400)).save(tmp_path / "black.png")
    grid = GridSettings(columns=6, tile_shape="hexagon")
    made = explain_grid(
        tmp_path / "black.png", tmp_path / "it.png", grid=grid, figure=FigureSettings("dark", (1200, 900))
    )
    assert made.facts["columns"] == 6
    drawn = read_picture(tmp_path / "it.png").pixels
    black = (drawn == 0).all(axis=2)
    rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
    picture = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0].astype(float)
    unit = picture.shape[1] / 6  # width of a hexagon
    height = unit * 2 / 3**0.5
    for x, y, white in ((1, 0.5, True), (1.25, 0.875, True), (1.5, 1, True), (1.5, 0.75, False), (0.5, 0.5, False)):
        # From the top of the first row, in widths and heights of hexagons; the mosaic starts at a quarter.
        row, column = round((y - 0.25) * height), round(x * unit)
        assert (picture[row - 2 : row + 3, column - 2 : column + 3].max() > 120) == white, (x, y)


def test_cells_outside_a_mask_are_neither_counted_nor_drawn(tmp_path: Path) -> None:
    Image.new("RGB", (600, 400)).save(tmp_path / "black.png")
    made = explain_grid(
        tmp_path / "black.png", tmp_path / "it.png", grid=GridSettings(columns=6),
        cover_settings=CoverSettings(mask="circle"), figure=FigureSettings("dark", (1200, 900)),
    )  # fmt: skip
    count = made.facts["cells"]
    assert isinstance(count, int)
    assert 0 < count < 24
    assert made.caption.startswith(f"{count} cells")
    drawn = read_picture(tmp_path / "it.png").pixels
    assert (drawn == 0).all(axis=2).sum() < 0.9 * np.pi / 4 * 400**2 * (1200 / 600) ** 2
    whole = explain_grid(tmp_path / "black.png", tmp_path / "all.png", grid=GridSettings(columns=6))
    assert whole.facts["cells"] == 24


def test_the_enlarged_part_of_letters_shows_cells(tmp_path: Path) -> None:
    explain_grid(MadeCover("text", "40"), tmp_path / "it.png", figure=FigureSettings(size=(1200, 700)))
    drawn = read_picture(tmp_path / "it.png").pixels[:, 800:].astype(int)  # the enlarged part, at the right
    assert (np.abs(drawn - 34).max(axis=2) < 12).mean() > 0.2  # the fill, #222222


def test_thin_lines_that_lie_on_each_other_are_not_darker() -> None:
    line = np.array([[[10.0, 5.0], [10.0, 30.0]]])
    once, twice = Drawing(FigureSettings("dark", (64, 64))), Drawing(FigureSettings("dark", (64, 64)))
    once.lines(line, "#ffffff", 0.4)
    twice.lines(line.repeat(2, axis=0), "#ffffff", 0.4)
    assert (once.pixels() == twice.pixels()).all()
    assert once.pixels()[10, 10, 0] == pytest.approx(0.6 * 16 + 0.4 * 255, abs=2)


@pytest.mark.parametrize(("name", "size"), [("it.mp4", (160, 90)), ("it.gif", (160, 91)), ("it.webm", (90, 160))])
def test_the_clip_rotates_and_ends_with_the_nearest_photo_marked(
    cover: Path, photos: Path, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    tiles = MatchSettings(tiles=(str(photos),), columns=12, match="lab")
    made = explain_knn(
        cover, tmp_path / name, match=tiles, figure=FigureSettings(size=size), clip=ClipSettings(duration=0.8)
    )
    frames = decode(made.output, *size)
    assert len(frames) == made.frames
    assert made.facts["drawn"] == 51
    near, costs = made.facts["near"], made.facts["near_costs"]
    assert isinstance(near, list)
    assert isinstance(costs, list)
    assert len(near) == 9
    assert costs == sorted(costs, key=lambda cost: float(str(cost)))
    assert near[0] == made.facts["photo"]

    def yellow(frame: Pixels) -> int:
        red, green, blue = (frame[..., channel].astype(int) for channel in range(3))
        return int(((red > 190) & (green > 150) & (blue < 110) & (red - green < 70)).sum())

    assert yellow(frames[-1]) > yellow(frames[0]) + 10
    assert np.abs(frames[0].astype(int) - frames[len(frames) // 4]).mean() > 0.5


def test_a_projection_rotates_around_its_target() -> None:
    target = np.array([0.2, -0.1, 0.4], np.float32)
    for angle in (0.0, 1.0, 4.0):
        projection = Projection(angle, target, 3.0, (50.0, 40.0), 30.0)
        points, magnification = projection.project(np.stack([target, target + np.array([0, 0, 0.1], np.float32)]))
        assert points[0] == pytest.approx((50, 40))
        assert magnification[0] == pytest.approx(1)
        assert points[1, 0] == pytest.approx(50)
        assert points[1, 1] < 40  # z is upwards


def test_discs_have_their_area_and_are_clipped() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    one = np.ones(1, np.float32)
    white = np.full((1, 3), 255, np.float32)
    draw_discs(picture, np.array([[20.3, 19.8]], np.float32), one * 8, white, one)
    assert picture[..., 0].sum() / 255 == pytest.approx(np.pi * 64, rel=0.02)
    assert (picture[20, 20] == 255).all()
    draw_discs(
        picture,
        np.array([[-30.0, 5.0], [90.0, 90.0]], np.float32),
        one.repeat(2) * 8,
        white.repeat(2, 0),
        one.repeat(2),
    )
    assert picture[..., 0].sum() / 255 == pytest.approx(np.pi * 64, rel=0.02)


def test_figure_sizes_out_of_range_are_rejected() -> None:
    with pytest.raises(InputError, match="size=10 is out of range"):
        FigureSettings(size=(10, 200))
