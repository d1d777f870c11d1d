"""Explanatory figures: their facts are true, and pictures and clips have the requested size."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from videos import decode

from renderer.choices import Metric
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
from renderer.explain.knn import Projection
from renderer.explain.space import points_of
from renderer.grid import (
    adapt_grid,
    cell_means,
    cell_position,
    cell_signatures,
    cover_signature,
    cut_cells,
    find_cell,
    make_grid,
)
from renderer.job import GridSettings, MatchSettings
from renderer.kernels.discs import draw_discs
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, read_picture
from renderer.progress import Silent

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
