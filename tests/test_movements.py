"""What animations share: orders of tiles, staggered starts, tiles that turn over, curved paths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from conftest import StageFactory

from renderer.scene import (
    Camera,
    Order,
    Stage,
    curved,
    in_perspective,
    in_view,
    smooth_noise,
    sort_keys,
    spread,
    staggered,
    turned,
    turned_height,
    turned_over,
)
from renderer.scene.views import bounds_of, view_of


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage((320, 180))
    yield made
    made.textures.close()


# -- Orders --------------------------------------------------------------------------------------------------------


def first_and_last(stage: Stage, order: Order) -> tuple[list[float], list[float]]:
    tiles = stage.resting_sprites()
    found = np.argsort(sort_keys(stage, tiles, stage.whole_camera(), order), kind="stable")
    return tiles.centre[found[0]].tolist(), tiles.centre[found[-1]].tolist()


def test_orders_start_and_end_where_they_say(stage: Stage) -> None:
    (width, height), camera = stage.mosaic.size, stage.whole_camera()
    assert first_and_last(stage, "scan") == ([0.5, 0.5], [width - 0.5, height - 0.5])
    assert first_and_last(stage, "diagonal") == ([0.5, 0.5], [width - 0.5, height - 0.5])
    for order in ("centre", "spiral"):
        first, last = first_and_last(stage, order)  # type: ignore[arg-type]  # mypy does not narrow the tuple
        assert math.dist(first, camera.centre) < 1.5
        assert math.dist(last, camera.centre) > 0.4 * width
    assert first_and_last(stage, "wave")[0][0] < 1 < width - 1 < first_and_last(stage, "wave")[1][0]


def test_clusters_grow_at_several_points(stage: Stage) -> None:
    """Early tiles are near each other, but not all of them."""
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    for seed in range(3):
        keys = sort_keys(stage, tiles, camera, "clusters", np.random.default_rng(seed))
        early = tiles.centre[np.argsort(keys)[: len(tiles) // 5]]
        apart = np.linalg.norm(early[:, np.newaxis] - early, axis=2)
        np.fill_diagonal(apart, np.inf)
        assert np.median(apart.min(axis=1)) <= 1.5
        assert np.ptp(early, axis=0).max() > 0.4 * max(stage.mosaic.size)


def test_an_order_by_brightness_ends_with_what_is_bright(stage: Stage) -> None:
    tiles = stage.resting_sprites()
    keys = sort_keys(stage, tiles, stage.whole_camera(), "brightness")
    colours = stage.mosaic.colours(max(round(side) for side in stage.mosaic.size))  # a pixel for each cell
    brightness = colours.reshape(-1, 3) @ (0.2126, 0.7152, 0.0722)
    assert np.corrcoef(keys, brightness)[0, 1] > 0.97


def test_orders_of_chance_depend_on_random_numbers(stage: Stage) -> None:
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    for order in get_args(Order):
        keys = [sort_keys(stage, tiles, camera, order, np.random.default_rng(seed)) for seed in (1, 2)]
        assert np.array_equal(*keys) == (order not in ("random", "clusters"))
        assert np.isfinite(keys[0]).all()
        assert keys[0].shape == (len(tiles),)


def test_the_first_of_several_fronts_arrives() -> None:
    points, visible = np.array([[0.0, 0], [1, 0], [2, 0], [9, 0], [10, 0], [30, 0]]), np.arange(6) < 5
    one = spread(points, points[:1], np.array([0.2]), 0.7, visible)
    assert one == pytest.approx([0.2, 0.25, 0.3, 0.65, 0.7, 0.7])
    two = spread(points, points[[0, 4]], np.array([0.0, 0.5]), 1.0, visible)
    assert two[4] >= 0.5  # not before its time
    assert two[2] < two[4] < two[3] == two[visible].max() == 1
    assert (spread(points, points[:1], np.array([0.2]), 0.7, visible, late=0.5) >= one).all()
    assert spread(points[:1], points[:1], np.array([0.2]), 0.7, visible[:1]) == pytest.approx([0.2])


def test_tiles_start_one_after_another_and_hidden_ones_take_no_time() -> None:
    keys = np.array([30.0, 10.0, 20.0, 25.0, 40.0])
    visible = np.array([True, True, True, False, True])
    starts = staggered(keys, visible, 0.25)
    assert starts == pytest.approx([0.5, 0.0, 0.25, 0.25, 0.75])
    assert staggered(keys, visible, 1.0).max() == 0
    many = staggered(np.arange(1001.0), np.ones(1001, bool), 0.2, "sine")
    rate = 1 / np.diff(many)
    assert rate.max() > 2 * rate.min() > 0
    assert rate[500] == pytest.approx(rate.max(), rel=0.01)


def test_tiles_in_view_are_those_with_their_centres_in_the_frame(stage: Stage) -> None:
    tiles = stage.resting_sprites()
    inside = in_view(stage, tiles, Camera((12.0, 8.0), 40.0))  # 8 × 4.5 units
    x, y = tiles.centre.T
    assert np.array_equal(inside, (x > 8) & (x < 16) & (y > 5.75) & (y < 10.25))
    assert in_view(stage, tiles, Camera((12.0, 8.0), 4000.0)).all()  # between the centres of four tiles


def test_noise_is_smooth() -> None:
    points = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 101), np.linspace(-0.5, 0.5, 101)), -1)
    noise = smooth_noise(points.reshape(-1, 2), np.random.default_rng(3)).reshape(101, 101)
    assert np.abs(noise).max() <= 1
    assert np.ptp(noise) > 0.8
    assert max(np.abs(np.diff(noise, axis=axis)).max() for axis in (0, 1)) < 0.2


# -- Turning over --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0.0, 0.5 * math.pi, 0.25 * math.pi])
def test_turned_tiles_stand_on_the_plane(stage: Stage, axis: float) -> None:
    tiles = stage.resting_sprites()
    angle = np.linspace(-math.pi, math.pi, len(tiles))
    up = turned(tiles, angle, axis)
    right, down = up.half_axes()
    centre = np.concatenate([up.centre, up.height()[:, np.newaxis]], 1)
    lowest = np.stack([centre + i * right + j * down for i in (-1, 1) for j in (-1, 1)])[..., 2].min(axis=0)
    assert np.abs(lowest).max() < 1e-12
    assert np.array_equal(up.centre, tiles.centre)
    assert turned_height(tiles, 0.5 * math.pi, axis).max() == pytest.approx(0.5 if axis != 0.25 * math.pi else 0.5**0.5)


@pytest.mark.parametrize("axis", [0.0, 0.5 * math.pi, 2.2])
def test_tiles_that_turn_over_show_one_side_each(stage: Stage, axis: float) -> None:
    """First all show their fronts, at last all their backs, and between, what the camera sees of a turned tile."""
    tiles, pieces, camera = stage.resting_sprites(), stage.cover_pieces(), stage.whole_camera()
    viewer, count = camera.position(stage.frame[1]), len(tiles)
    before, none = turned_over(pieces, tiles, np.zeros(count), viewer, axis)
    assert (len(before), len(none)) == (count, 0)
    assert np.allclose(before.right, pieces.right)
    none, after = turned_over(pieces, tiles, np.ones(count), viewer, axis)
    assert (len(none), len(after)) == (0, count)
    assert np.allclose(after.right, tiles.right)
    back, front = turned_over(pieces, tiles, np.full(count, 0.5), viewer, axis)
    assert min(len(back), len(front)) > 0.3 * count  # half of them are on either side of the viewer
    assert sorted([*back.tile, *front.tile]) == list(range(count))
    for part, whole in ((back, pieces), (front, tiles)):
        at_rest = whole.take(part.tile.astype(np.intp))
        assert np.array_equal(camera.sees_front(part, stage.frame[1]), camera.sees_front(at_rest, stage.frame[1]))


# -- Paths ---------------------------------------------------------------------------------------------------------


def test_curved_paths_start_and_end_exactly_in_their_cells() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.uniform(0, 100, (2, 500, 2))
    for way, at in ((0.0, start), (1.0, end)):
        path = curved(start, end, np.full(500, way), 0.3, 7.0)
        assert np.array_equal(path, np.concatenate([at, np.zeros((500, 1))], 1))


def test_tiles_that_change_places_circulate_clockwise() -> None:
    left, right = np.array([[0.0, 0.0]]), np.array([[10.0, 0.0]])
    half = np.array([0.5])
    there, back = curved(left, right, half, 0.2, 3.0)[0], curved(right, left, half, 0.2, np.array([4.0]))[0]
    assert there == pytest.approx([5.0, -2.0, 3.0])  # y points down: above
    assert back == pytest.approx([5.0, 2.0, 4.0])
    assert curved(left, right, half, -0.2)[0] == pytest.approx([5.0, 2.0, 0.0])


def test_positions_in_perspective_appear_where_and_as_large_as_specified(stage: Stage) -> None:
    camera, tiles = stage.whole_camera(), stage.resting_sprites().take(slice(0, 40))
    points = np.random.default_rng(1).uniform((6.0, 5.0), (18.0, 11.0), (40, 2))
    larger = np.linspace(0.2, 5.0, 40)
    flying = tiles.moved(in_perspective(camera, stage.frame[1], points, larger))
    low, high = bounds_of(flying, view_of(camera, *stage.frame))
    middle = (points - camera.centre) * camera.scale + 0.5 * np.array(stage.frame)
    assert np.allclose(0.5 * (low + high), middle)
    assert np.allclose(high - low, camera.scale * larger[:, np.newaxis])
    behind = tiles.moved(np.full((40, 3), (12.0, 8.0, 2 * camera.distance(stage.frame[1]))))
    assert (stage.shares_of_frame(behind, camera) == 0).all()
    nearest = flying.take(slice(39, 40))
    assert stage.shares_of_frame(nearest, camera)[0] == pytest.approx((5 * camera.scale) ** 2 / (320 * 180), rel=0.01)
    half = nearest.moved(np.array([[*nearest.centre[0], nearest.height()[0]]]), opacity=0.5)
    assert stage.shares_of_frame(half, camera)[0] == pytest.approx(0.5 * stage.shares_of_frame(nearest, camera)[0])


def test_what_is_important_is_among_the_first_clusters(stage: Stage) -> None:
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    weights = np.ones((20, 30))
    weights[4:8, 3:8] = 10  # such as a face in the upper left
    stage.mosaic.__dict__["attention"] = weights
    near = np.linalg.norm(tiles.centre / stage.mosaic.size - (0.18, 0.3), axis=1) < 0.1
    ranks = [
        np.argsort(np.argsort(sort_keys(stage, tiles, camera, "clusters", np.random.default_rng(seed))))[near].mean()
        for seed in range(8)
    ]
    assert np.mean(ranks) / len(tiles) < 0.3
