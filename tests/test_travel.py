"""A mosaic of the same photos as another one: assignments at the least cost, and how tiles travel."""

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from test_matching import arrays_of, library_of, tiles_from

import renderer.matching.travel
from renderer.adaptive_grid import adapt_grid
from renderer.grid import Grid, make_grid
from renderer.library import Library
from renderer.masked_grid import masked
from renderer.matching import MatchStyle, RepetitionRules, match_photos
from renderer.matching.cell_raster import rasterize_cells
from renderer.matching.same_photos import match_same_photos, pair_tiles
from renderer.matching.separation import separate_repeats
from renderer.matching.travel import assign_exactly, assign_tiles
from renderer.pictures import Pixels, read_picture
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.shapes import TileShape


def points(count: int, seed: int) -> np.ndarray:
    """Return points in the plane with two further coordinates, as tiles have a place and a colour."""
    return np.random.default_rng(seed).random((count, 4)).astype(np.float32)


def distances(cells: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(cells[:, np.newaxis] - tiles, axis=2), np.float32)


def total(cells: np.ndarray, tiles: np.ndarray, assigned: np.ndarray) -> float:
    return float(np.linalg.norm(cells - tiles[assigned], axis=1).sum())


# -- Assignment --------------------------------------------------------------------------------------------------------


@given(cells=st.integers(1, 6), more=st.integers(0, 2), seed=st.integers(0, 1000))
def test_small_assignments_are_the_best_of_all(cells: int, more: int, seed: int) -> None:
    costs = np.random.default_rng(seed).integers(0, 20, (cells, cells + more)).astype(np.float32)
    found = assign_exactly(costs)
    every = itertools.permutations(range(cells + more), cells)
    assert costs[np.arange(cells), found].sum() == min(costs[np.arange(cells), list(one)].sum() for one in every)


@given(
    cells=st.integers(1, 80), more=st.integers(0, 20), values=st.sampled_from([3, 50, 10**6]), seed=st.integers(0, 1000)
)
def test_large_assignments_cost_as_much_as_those_of_scipy(cells: int, more: int, values: int, seed: int) -> None:
    costs = np.random.default_rng(seed).integers(0, values, (cells, cells + more)).astype(np.float32)
    found, expected = assign_exactly(costs), linear_sum_assignment(costs)[1]
    assert len(set(found.tolist())) == cells
    assert costs[np.arange(cells), found].sum() == costs[np.arange(cells), expected].sum()


@settings(max_examples=10)
@given(cells=st.integers(2, 700), more=st.integers(0, 500), seed=st.integers(0, 1000))
def test_each_cell_gets_a_tile_of_its_own_in_groups_too(cells: int, more: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer.matching.travel, "EXACT", 1)
        some, others = points(cells, seed), points(cells + more, seed + 1)
        found = assign_tiles(lambda rows, columns: distances(some[rows], others[columns]), cells, cells + more, seed)
    assert len(set(found.tolist())) == cells
    assert 0 <= found.min() <= found.max() < cells + more


@pytest.mark.parametrize("more", [0, 300])
def test_the_approximation_is_within_2_percent_of_the_exact_cost(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    cells, tiles = points(1500, 1), points(1500 + more, 2)
    exact = total(cells, tiles, assign_exactly(distances(cells, tiles)))
    monkeypatch.setattr(renderer.matching.travel, "EXACT", 1)
    done: list[int] = []
    found = assign_tiles(
        lambda rows, columns: distances(cells[rows], tiles[columns]), len(cells), len(tiles), advance=done.append
    )
    assert exact <= total(cells, tiles, found) + 1e-3
    assert total(cells, tiles, found) <= 1.02 * exact
    assert sum(done) == len(cells)


def test_rounds_never_increase_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, tiles = points(1000, 3), points(1000, 4)
    monkeypatch.setattr(renderer.matching.travel, "EXACT", 1)
    totals = []
    for rounds in (1, 2, 4, 8):
        monkeypatch.setattr(renderer.matching.travel, "_ROUNDS", rounds)
        found = assign_tiles(lambda rows, columns: distances(cells[rows], tiles[columns]), 1000, 1000)
        totals.append(total(cells, tiles, found))
    assert totals == sorted(totals, reverse=True)


def test_equal_costs_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer.matching.travel, "EXACT", 1)
    found = assign_tiles(lambda rows, columns: np.ones((len(rows), len(columns)), np.float32), 500, 500)
    assert sorted(found.tolist()) == list(range(500))


# -- Repeats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["square", "adaptive"])
def test_cells_exchange_tiles_until_no_photo_is_repeated_nearby(cover: Path, kind: str) -> None:
    grid = make_grid(640, 427, columns=24)
    if kind == "adaptive":
        grid = adapt_grid(grid, read_picture(cover).pixels, [])
    raster, rng = rasterize_cells(grid), np.random.default_rng(1)
    photo_of = np.resize(np.arange(60), len(grid))
    colours = rng.random(len(grid)).astype(np.float32)
    assigned = rng.permutation(len(grid))

    def cost(cells: np.ndarray, tiles: np.ndarray) -> np.ndarray:
        return np.abs(colours[cells, np.newaxis] - colours[tiles])

    assert separate_repeats(assigned, photo_of, cost, raster, 2, np.inf) == 2
    assert sorted(assigned.tolist()) == list(range(len(grid)))
    edges = grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]
    gaps = np.maximum(edges[0][:, np.newaxis] - edges[1], edges[0] - edges[1][:, np.newaxis]).max(axis=2)
    photo = photo_of[assigned]
    assert gaps[(photo[:, np.newaxis] == photo) & ~np.eye(len(grid), dtype=bool)].min() >= 2
    assert separate_repeats(assigned, photo_of, cost, raster, 0, np.inf) == 0


def test_exchanges_that_cost_too_much_are_made_only_between_cells_that_touch() -> None:
    raster = rasterize_cells(make_grid(90, 10, columns=9))
    photo_of = np.array([0, 1, 2, 0, 4, 5, 6, 6, 8])

    def cost(cells: np.ndarray, tiles: np.ndarray) -> np.ndarray:
        return np.abs(cells[:, np.newaxis] - tiles).astype(np.float32)

    cheap, costly = np.arange(9), np.arange(9)
    assert separate_repeats(cheap, photo_of, cost, raster, 3, 0.5) == 1
    assert photo_of[cheap].tolist() == [0, 1, 2, 0, 4, 5, 6, 8, 6]
    assert separate_repeats(costly, photo_of, cost, raster, 3, 9) == 3
    assert sorted(costly.tolist()) == list(range(9))


# -- The second mosaic -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(cover: Path) -> tuple[Pixels, Pixels]:
    """Two covers: a photo, and the photo upside down in other colours."""
    pixels = read_picture(cover).pixels
    return pixels, np.ascontiguousarray(pixels[::-1, ::-1, ::-1])


def matched(pixels: Pixels, grid: Grid, tiles: Pixels, style: MatchStyle | None = None) -> tuple[PlacementMap, Library]:
    """Return a map and the library of its photos."""
    library = library_of(tiles)
    before = match_photos(pixels, grid, library, Silent(), style=style)
    return before, library.take(library.photos.find(before.photos))


def check_paths(before: PlacementMap, after: PlacementMap) -> None:
    """Check that each tile comes from one cell, which shows the same photo, and that no two copies should swap."""
    assert after.came_from is not None
    old = after.came_from >= 0
    sources = after.came_from[old]
    assert len(set(sources.tolist())) == len(sources)
    assert [before.photos[k] for k in before.photo[sources]] == [after.photos[k] for k in after.photo[old]]
    places = [(each.cell[:, :2] + each.cell[:, 2:] / 2) / each.size * after.size for each in (before, after)]
    for photo in range(len(after.photos)):
        cells = np.flatnonzero(old & (after.photo == photo))
        path = np.linalg.norm(places[0][after.came_from[cells], np.newaxis] - places[1][cells], axis=2)
        kept = np.diagonal(path)
        assert (kept[:, np.newaxis] + kept <= path + path.T + 1e-3).all()


def mean_path(before: PlacementMap, after: PlacementMap) -> float:
    """Return the mean length of paths, in widths of the mosaic."""
    assert after.came_from is not None
    old = after.came_from >= 0
    places = [(each.cell[:, :2] + each.cell[:, 2:] / 2) / each.size for each in (before, after)]
    return float(np.linalg.norm(places[0][after.came_from[old]] - places[1][old], axis=1).mean())


def test_the_same_photos_show_another_picture_and_travel_along_short_paths(pictures: tuple[Pixels, Pixels]) -> None:
    grid = make_grid(640, 427, columns=30)
    tiles = np.concatenate([tiles_from_pixels(each, 200) for each in pictures])
    before, library = matched(pictures[0], grid, tiles)
    free = match_photos(pictures[1], grid, library, Silent()).recipe["figures"]
    assert isinstance(free, dict)
    paths = []
    for travel in (0.0, 0.3, 1.0):
        after = match_same_photos(pictures[1], grid, before, library, Silent(), travel=travel)
        assert after.photos == before.photos
        assert (after.uses() == before.uses()).all()
        check_paths(before, after)
        paths.append(mean_path(before, after))
        figures = after.recipe["figures"]
        assert isinstance(figures, dict)
        assert float(str(figures["delta_e"])) < float(str(free["delta_e"])) + (3 if travel == 1 else 1)
        assert after.equal_neighbours() == 0
    assert paths[0] > 1.5 * paths[1] > 3 * paths[2]


def tiles_from_pixels(pixels: Pixels, count: int) -> Pixels:
    """Return 32 × 32 pieces of a picture."""
    random = np.random.default_rng(5)
    corners = zip(random.integers(0, 427 - 32, count), random.integers(0, 640 - 32, count), strict=True)
    return np.stack([pixels[y : y + 32, x : x + 32] for y, x in corners])


@pytest.mark.parametrize(("first", "second"), [(10, 24), (24, 10)], ids=["more cells", "fewer cells"])
def test_tiles_enter_or_leave_if_the_grids_differ(
    cover: Path, pictures: tuple[Pixels, Pixels], first: int, second: int
) -> None:
    before, library = matched(pictures[0], make_grid(640, 427, columns=first), tiles_from(cover, 50))
    after = match_same_photos(pictures[1], make_grid(640, 427, columns=second), before, library, Silent())
    check_paths(before, after)
    assert after.photos == before.photos
    assert after.came_from is not None
    added = after.uses() - before.uses()
    if second > first:
        assert (after.came_from >= 0).sum() == len(before)
        assert added.min() >= (len(after) - len(before)) // len(before.photos)
        assert added.max() <= added.min() + 1
    else:
        assert (after.came_from >= 0).all()
        assert added.max() <= 0


@pytest.mark.parametrize("columns", [9, 80])
def test_copies_of_one_photo_keep_their_cells(pictures: tuple[Pixels, Pixels], columns: int) -> None:
    grid = make_grid(640, 427, columns=columns)
    before, library = matched(pictures[0], grid, tiles_from_pixels(pictures[0], 1))
    after = match_same_photos(pictures[1], grid, before, library, Silent())
    assert after.came_from is not None
    assert after.came_from.tolist() == list(range(len(grid)))


@pytest.mark.parametrize(
    "style",
    [MatchStyle("mean"), MatchStyle("lab", tone=0.4), MatchStyle("pixels", turns=True), MatchStyle(prefer="people", blend=0.3)],
    ids=lambda style: style.metric,
)  # fmt: skip
def test_every_style_can_be_matched(pictures: tuple[Pixels, Pixels], style: MatchStyle) -> None:
    before, library = matched(pictures[0], make_grid(640, 427, columns=8), tiles_from_pixels(pictures[0], 20), style)
    after = match_same_photos(pictures[1], make_grid(640, 427, columns=8), before, library, Silent(), style=style)
    assert (after.uses() == before.uses()).all()
    check_paths(before, after)
    free = match_photos(
        pictures[1], make_grid(640, 427, columns=8), library, Silent(), style=style, rules=RepetitionRules(0, 0)
    )
    assert after.cost.mean() >= free.cost.mean() * (1 - 1e-4)
    assert after.cost.mean() < 5 * free.cost.mean() + 1


@pytest.mark.parametrize("kind", ["masked", "adaptive", "hexagon", "3:2", "ten cells"])
def test_every_grid_can_be_matched(pictures: tuple[Pixels, Pixels], kind: str) -> None:
    shape = {"hexagon": TileShape("hexagon"), "3:2": TileShape(ratio=Fraction(3, 2))}.get(kind, TileShape())
    grid = make_grid(640, 427, columns=4 if kind == "ten cells" else 16, tile_shape=shape)
    if kind == "adaptive":
        grid = adapt_grid(grid, pictures[1], [])
    if kind == "masked":
        grid = masked(grid, np.pad(np.full((200, 400), 255, np.uint8), ((0, 227), (0, 240))))
    first = make_grid(640, 427, columns=12, tile_shape=shape)
    before, library = matched(pictures[0], first, tiles_from_pixels(pictures[0], 30))
    after = match_same_photos(pictures[1], grid, before, library, Silent())
    assert (after.cell == grid.boxes).all()
    assert after.shape == shape
    check_paths(before, after)


def test_maps_do_not_depend_on_the_number_of_threads(
    pictures: tuple[Pixels, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = make_grid(640, 427, columns=30)
    before, library = matched(pictures[0], grid, tiles_from_pixels(pictures[0], 150))
    monkeypatch.setattr(renderer.matching.travel, "EXACT", 1)
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setenv("MOSAIC_RENDERER_CORES", str(cores))
        found.append(match_same_photos(pictures[1], grid, before, library, Silent(), seed=2))
    for other in found[1:]:
        assert arrays_of(other) == arrays_of(found[0])
        assert other.recipe == found[0].recipe
    monkeypatch.undo()
    exact = match_same_photos(pictures[1], grid, before, library, Silent())
    assert exact.cost.mean() == pytest.approx(found[0].cost.mean(), rel=0.1)


def test_two_maps_are_paired_whatever_the_numbers_of_their_photos(pictures: tuple[Pixels, Pixels]) -> None:
    grid = make_grid(640, 427, columns=20)
    before, library = matched(pictures[0], grid, tiles_from_pixels(pictures[0], 40))
    after = match_same_photos(pictures[1], grid, before, library, Silent())
    back = pair_tiles(after, before)
    assert sorted(back.tolist()) == list(range(len(grid)))
    reversed_photos = replace(
        before, photos=before.photos[::-1], photo=(len(before.photos) - 1 - before.photo).astype(np.int32)
    )
    assert (pair_tiles(after, reversed_photos) == back).all()
    strangers = library_of(tiles_from_pixels(pictures[1], 40)).photos
    unknown = replace(
        before, photos=tuple(replace(photo, digest="ff" * 8) for photo in strangers)[: len(before.photos)]
    )
    assert (pair_tiles(after, unknown) == -1).all()
