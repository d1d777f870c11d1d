"""Tile shapes: layouts of their cells, masks, and matching and saving of mosaics with them."""

import itertools
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import StageFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.adaptive_grid import adapt_grid
from renderer.choices import Metric
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.errors import InputError
from renderer.fidelity import likeness, turned
from renderer.grid import Grid, cell_at, cell_position, find_cell, make_grid, make_grid_of_shape
from renderer.library import Library, Photo
from renderer.masked_grid import masked
from renderer.matching import MatchStyle, match_photos, perceptual_search, portrait_share
from renderer.matching.cell_raster import rasterize_cells
from renderer.matching.editing import edit_map
from renderer.matching.repetition import Limits, RepetitionRules
from renderer.matching.tiles import in_cells
from renderer.parameters import CellPosition
from renderer.pictures import Pixels, read_picture, to_linear
from renderer.placement import load_map, save_map
from renderer.progress import Silent
from renderer.shapes import HEXAGON_HEIGHT, TileShape

SHAPES = ("square", "3:2", "2:3", "16:9", "1:5", "circle", "hexagon", "mixed")


def shape(name: str) -> TileShape:
    return TileShape.parse(name)


# -- Shapes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_written_as_it_is_read(name: str) -> None:
    read = TileShape.parse(f" {name.upper()} ")
    assert read.name == name
    assert TileShape.parse(read.name) == read
    assert TileShape.from_json(json.loads(json.dumps(read.as_json()))) == read


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("3x2", {}, "not a shape"),
        ("", {}, "not a shape"),
        ("3:0", {}, "a side of 0"),
        ("1:50", {}, "too narrow"),
        ("51:10", {}, "too narrow"),
        ("square", {"gap": 1.0}, "leaves nothing of the tiles"),
        ("hexagon", {"gap": -0.1}, "out of range"),
        ("3:2", {"corner_radius": 0.6}, "0 to 0.5"),
        ("hexagon", {"corner_radius": 0.1}, "rounds rectangles"),
        ("circle", {"corner_radius": 0.1}, "one of them"),
        ("mixed", {"border": 0.5}, "leaves nothing of the photos"),
        ("mixed", {"border": float("nan")}, "out of range"),
        ("square", {"gap": 0.9, "border": 0.45}, "leave 1 % of a cell's side for its photo.*at least 5 %"),
    ],
)
def test_invalid_shapes_are_rejected_in_one_sentence(text: str, values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        TileShape.parse(text, **values)  # type: ignore[arg-type]  # numbers only
    assert ". " not in str(raised.value)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0, 0.9))
def test_tiles_have_exactly_their_ratio_and_equal_gaps_across_and_along(width: int, height: int, gap: float) -> None:
    if not 0.2 <= width / height <= 5:
        return
    tile = TileShape.parse(f"{width}:{height}", gap=gap)
    grid = make_grid(900, 600, columns=4, tile_shape=tile)
    boxes = tile.tile_boxes(grid.boxes)
    assert boxes[:, 2] / boxes[:, 3] == pytest.approx(width / height)
    assert tile.tile_ratio == Fraction(width, height)
    assert boxes[1, 0] - boxes[0, 0] - boxes[0, 2] == pytest.approx(gap)
    if grid.rows > 1:
        assert boxes[4, 1] - boxes[0, 1] - boxes[0, 3] == pytest.approx(gap)
    assert min(tile.unit) == 1


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_hexagons_touch_each_other_with_the_same_gap_in_all_directions(gap: float) -> None:
    tile = TileShape.parse("hexagon", gap=gap)
    grid = make_grid(600, 500, columns=5, tile_shape=tile)
    boxes = tile.tile_boxes(grid.boxes)
    centre = boxes[:, :2] + 0.5 * boxes[:, 2:]
    width = tile.unit[0]
    assert boxes[:, 2] == pytest.approx(width * (1 - gap))
    assert boxes[:, 3] == pytest.approx(width * (1 - gap) * 2 / np.sqrt(3))
    assert float(tile.tile_ratio) == pytest.approx(np.sqrt(3) / 2, abs=1e-6)
    # Centres of neighbours are a width apart in all six directions: opposite sides of a hexagon are so too.
    apart = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    pairs = set(map(tuple, np.argwhere(np.abs(apart - width) < 1e-9).tolist()))
    maps = {tuple(pair) for pair in placed(grid).neighbours().tolist()}
    assert {(a, b) for a, b in pairs if a < b} == maps


# -- Layouts -----------------------------------------------------------------------------------------------------------


def coverage(grid: Grid) -> np.ndarray:
    """Return how often cells cover each quarter of a lattice unit."""
    counts = np.zeros((4 * grid.rows, 4 * grid.columns), int)
    edges = np.rint(np.c_[grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]] * 4).astype(int)
    for left, top, right, bottom in edges:
        counts[top:bottom, left:right] += 1
    return counts


def shown(grid: Grid, counts: np.ndarray) -> np.ndarray:
    """Return the part of a picture of the lattice that the mosaic shows."""
    x, y, width, height = grid.frame
    return counts[int(4 * y) : int(np.ceil(4 * (y + height))), int(4 * x) : int(4 * (x + width))]


def assert_ordered(grid: Grid) -> None:
    """Check that each cell follows those left of and above it."""
    number = np.full((grid.rows * 4 + 1, grid.columns * 4 + 1), -1)
    edges = np.rint(np.c_[grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]] * 4).astype(int)
    for cell, (left, top, right, bottom) in enumerate(edges):
        number[top + 1 : bottom + 1, left + 1 : right + 1] = cell
    present = number[1:, 1:] >= 0
    assert (number[1:, 1:] >= number[1:, :-1])[present].all()
    assert (number[1:, 1:] >= number[:-1, 1:])[present].all()


@given(
    st.sampled_from(SHAPES), st.sampled_from([0.0, 0.06, 0.9]), st.sampled_from([0.0, 0.1]), st.integers(20, 3000),
    st.integers(20, 3000), st.integers(1, 25), st.floats(0, 1), st.booleans(),
)  # fmt: skip
def test_the_cells_of_every_layout_cover_what_the_mosaic_shows_exactly_once(
    name: str, gap: float, border: float, width: int, height: int, columns: int, portrait: float, of_shape: bool
) -> None:
    tile = TileShape.parse(name, gap=gap, border=border)
    if of_shape:
        grid = make_grid_of_shape(width, height, 1.5, columns, tile_shape=tile, portrait=portrait)
    else:
        grid = make_grid(width, height, columns, tile_shape=tile, portrait=portrait)
    counts = coverage(grid)
    assert counts.max() == 1
    assert (shown(grid, counts) == 1).all()
    assert_ordered(grid)
    x, y, w, h = grid.crop
    assert min(x, y) >= -1e-9
    assert max(x + w, y + h) <= 1 + 1e-9
    # The pixels of a unit are as wide as high, up to the rounding of the crop.
    across, along = w * width / grid.columns / grid.unit[0], h * height / grid.rows / grid.unit[1]
    assert abs(across - along) * min(grid.columns, grid.rows) <= 1.1
    if name == "hexagon" and not gap:
        assert (coverage_by_hexagons(grid) >= 1).all()


def coverage_by_hexagons(grid: Grid) -> np.ndarray:
    """Return how many hexagons contain each of some random points of what the mosaic shows."""
    random = np.random.default_rng(0)
    points = random.random((200, 2)) * grid.size
    boxes = grid.shape.tile_boxes(grid.boxes)
    x, y = np.moveaxis(np.abs(points[:, None] - (boxes[:, :2] + 0.5 * boxes[:, 2:])), 2, 0)
    half, top = 0.5 * boxes[:, 2] + 1e-9, 0.5 * boxes[:, 3] + 1e-9
    return ((x <= half) & (y <= top - x / half * 0.5 * top)).sum(axis=1)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 427)])
def test_the_default_grid_has_about_5000_cells_of_every_shape(name: str, size: tuple[int, int]) -> None:
    grid = make_grid(*size, tile_shape=shape(name))
    assert 4500 <= len(grid) <= 5500
    assert grid.frame_crop[2] * grid.frame_crop[3] > 0.94
    sized = make_grid(*size, cell_size=20, tile_shape=shape(name))
    short = sized.boxes[:, 2:].min(axis=1) * sized.frame_crop[2] * size[0] / sized.size[0]
    assert short == pytest.approx(20, rel=0.02)


def test_a_cell_too_large_for_the_cover_is_rejected() -> None:
    with pytest.raises(InputError, match="mixed"):
        make_grid(100, 100, cell_size=40, tile_shape=shape("mixed"))  # a band is 3 cells high
    with pytest.raises(InputError, match="hexagon"):
        make_grid(100, 100, cell_size=90, tile_shape=shape("hexagon"))


@settings(max_examples=30)
@given(st.floats(0, 1))
def test_mixed_cells_have_the_share_of_portrait_cells_and_few_common_seams(portrait: float) -> None:
    grid = make_grid(1600, 1200, columns=40, tile_shape=shape("mixed"), portrait=portrait)
    upright = grid.cells[:, 3] > grid.cells[:, 2]
    assert upright.mean() == pytest.approx(portrait, abs=0.005)
    if 0.2 < portrait < 0.8:
        seams = [set(grid.cells[grid.cells[:, 1] == top, 0].tolist()) - {0} for top in range(0, grid.rows, 3)]
        common = [len(a & b) / len(a) for a, b in itertools.pairwise(seams)]
        assert np.mean(common) < 0.45


@given(st.sampled_from(SHAPES), st.integers(5, 20), st.data())
def test_cells_are_found_by_their_positions(name: str, columns: int, data: st.DataObject) -> None:
    grid = make_grid(640, 427, columns, tile_shape=shape(name))
    cell = data.draw(st.integers(0, len(grid) - 1))
    assert find_cell(grid, cell_position(grid, cell)) == cell
    x, y, width, height = grid.boxes[cell].tolist()
    assert cell_at(grid, grid.lattice_point((x + 0.5 * width, y + 0.5 * height))) == cell


@pytest.mark.parametrize("name", ["hexagon", "mixed"])
def test_hexagons_and_mixed_cells_can_not_be_adaptive(name: str) -> None:
    grid = make_grid(64, 64, columns=8, tile_shape=shape(name))
    with pytest.raises(InputError, match=name):
        adapt_grid(grid, np.zeros((64, 64, 3), np.uint8), [])


@pytest.mark.parametrize("name", SHAPES)
def test_pictures_of_cells_are_the_cover_under_them(cover: Path, name: str) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=12, tile_shape=shape(name))
    cells = cut_cells(pixels, grid)
    small = cell_signatures(cover_signature(pixels, grid, grid.step), grid)
    means = cell_means(pixels, grid).astype(float)
    left, top, wide, high = (value * side for value, side in zip(grid.crop, (640, 427) * 2, strict=True))
    for number in range(0, len(grid), 7):
        x, y, width, height = grid.cells[number].tolist()
        rows = slice(round(top + y * high / grid.rows), round(top + (y + height) * high / grid.rows))
        columns = slice(round(left + x * wide / grid.columns), round(left + (x + width) * wide / grid.columns))
        part = pixels[rows, columns].astype(float)
        for axis in (0, 1):  # halves, in both directions
            halves = [half.mean(axis=(0, 1)) for half in np.array_split(part, 2, axis=axis)]
            own = [half.mean(axis=(0, 1)) for half in np.array_split(cells[number].astype(float), 2, axis=axis)]
            np.testing.assert_allclose(own, halves, atol=9)
        np.testing.assert_allclose(means[number], part.mean(axis=(0, 1)), atol=7)
        light = to_linear(small[number]).mean(axis=(0, 1))
        np.testing.assert_allclose(light, to_linear(pixels[rows, columns]).mean(axis=(0, 1)), atol=0.02)


# -- Masks -------------------------------------------------------------------------------------------------------------


def disc(width: int, height: int) -> Pixels:
    y, x = np.ogrid[:height, :width]
    inside = ((x - width / 2) / (0.42 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2 < 1
    return np.asarray(inside * 255, np.uint8)


@settings(max_examples=40)
@given(
    st.sampled_from(SHAPES), st.sampled_from([0.0, 0.06]), st.integers(6, 30), st.sampled_from([0.05, 0.5, 1.0]),
    st.integers(0, 99), st.booleans(),
)  # fmt: skip
def test_cells_cover_a_mask_without_overlap_where_enough_of_their_area_is_inside(
    name: str, gap: float, columns: int, threshold: float, seed: int, adaptive: bool
) -> None:
    width, height = 320, 200
    random = np.random.default_rng(seed)
    mask = np.repeat(np.repeat(random.integers(0, 2, (5, 8)), 40, 0), 40, 1).astype(np.uint8) * 255
    tile = TileShape.parse(name, gap=gap)
    grid = make_grid(width, height, columns, tile_shape=tile)
    left, top, wide, high = (value * side for value, side in zip(grid.crop, (width, height) * 2, strict=True))
    part = mask[round(top) : round(top) + round(high), round(left) : round(left) + round(wide)]
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[:, :160:9] = random.integers(0, 256, (height, 18, 3))  # so that adaptive cells have all sizes
    boxes = grid.cells
    try:
        if adaptive and tile.can_adapt:
            kept = adapt_grid(grid, pixels, [], 0.5, 2.0, mask, threshold)
            across, along = np.meshgrid(np.arange(0, grid.columns, 0.5), np.arange(0, grid.rows, 0.5))
            boxes = np.stack([across.ravel(), along.ravel(), *np.full((2, across.size), 0.5)], axis=1)
        else:
            kept = masked(grid, mask, threshold)
    except InputError:
        kept = replace(grid, cells=grid.cells[:0])
    counts = coverage(kept)
    assert counts.max() <= 1
    assert_ordered(kept)
    scale = part.shape[1] / grid.columns, part.shape[0] / grid.rows
    for x, y, w, h in boxes.tolist():
        edges = x * scale[0], y * scale[1], (x + w) * scale[0], (y + h) * scale[1]
        inside = share(part, *edges)
        covered = counts[int(4 * y) : int(4 * (y + h)), int(4 * x) : int(4 * (x + w))]
        if abs(inside - threshold) > 0.01 or inside > 1 - 1e-9:
            assert (covered == (inside > threshold - 1e-9)).all()


def share(mask: Pixels, left: float, top: float, right: float, bottom: float) -> float:
    """Return the share of a box that is inside a mask, 0…1; its pixels count by their area."""
    across, along = (
        np.clip(np.minimum(last, np.arange(size) + 1) - np.maximum(first, np.arange(size)), 0, 1)
        for first, last, size in ((left, right, mask.shape[1]), (top, bottom, mask.shape[0]))
    )
    return float(along @ mask @ across / 255 / (right - left) / (bottom - top))


def test_a_mask_keeps_the_order_and_everything_if_it_is_full() -> None:
    for name in SHAPES:
        grid = make_grid(320, 200, 20, tile_shape=shape(name))
        assert masked(grid, np.full((50, 80), 255, np.uint8)) is grid
        part = masked(grid, disc(320, 200))
        assert 0.3 * len(grid) < len(part) < 0.71 * len(grid)
        assert_ordered(part)
        with pytest.raises(InputError, match="mask_threshold"):
            masked(grid, np.zeros((50, 80), np.uint8))


def test_adaptive_cells_follow_the_outline_of_a_mask_with_the_smallest_cells(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    mask = disc(640, 427)
    for name in ("square", "3:2"):
        regular = make_grid(640, 427, 32, tile_shape=shape(name))
        grid = adapt_grid(regular, pixels, [], 0.5, 2.0, mask)
        assert_ordered(grid)
        assert coverage(grid).max() == 1
        assert set(grid.cells[:, 2].tolist()) == {0.5, 1.0, 2.0}
        inside = masked(grid, mask, 0.999).cells.tolist()
        across = [cell for cell in grid.cells.tolist() if cell not in inside]
        assert len(across) > 20
        assert {cell[2] for cell in across} == {0.5}
        wide, high = grid.crop[2:]
        expected = np.pi * 0.42**2 / wide / high * grid.columns * grid.rows
        assert (grid.cells[:, 2] * grid.cells[:, 3]).sum() == pytest.approx(expected, rel=0.01)


def test_adaptive_cells_in_a_soft_mask_are_about_as_many_as_regular_ones() -> None:
    """Only the outline, where half is inside, is divided, and not all that is partly transparent."""
    grid = make_grid(320, 200, cell_size=10)
    soft = np.asarray(cv2.GaussianBlur(disc(320, 200), (0, 0), 40), np.uint8)
    cells = adapt_grid(grid, np.full((200, 320, 3), 90, np.uint8), [], mask=soft).cells
    assert len(cells) < 1.3 * len(masked(grid, soft))
    assert (cells[:, 2] == 2).any()


def test_a_position_outside_the_mask_is_rejected() -> None:
    grid = masked(make_grid(320, 200, 20), disc(320, 200))
    with pytest.raises(InputError, match="outside the mask"):
        find_cell(grid, CellPosition(0, 0))
    assert find_cell(grid, CellPosition(10, 6)) == cell_at(grid, (10.5, 6.5))


# -- Matching ----------------------------------------------------------------------------------------------------------


def tiles_from(cover: Path, count: int, seed: int = 1) -> Pixels:
    pixels = read_picture(cover).pixels
    random = np.random.default_rng(seed)
    corners = zip(random.integers(0, 427 - 32, count), random.integers(0, 640 - 32, count), strict=True)
    return np.stack([pixels[y : y + 32, x : x + 32] for y, x in corners])


def library_of(tiles: Pixels, sizes: Sequence[tuple[int, int]] = ((32, 32),)) -> Library:
    means = tiles.mean(axis=(1, 2)) / 255
    photos = [
        Photo(
            Path(f"{i}.jpg"),
            f"{i:016x}",
            sizes[i % len(sizes)],
            (0, 0, 32, 32),
            (float(m[0]), float(m[1]), float(m[2])),
        )
        for i, m in enumerate(means)
    ]
    return Library(photos, tiles)


def placed(grid: Grid, count: int = 200):  # type: ignore[no-untyped-def]
    """Return a map of a grid without a cover."""
    from renderer.matching import unmatched_map

    return unmatched_map(grid, library_of(np.zeros((count, 32, 32, 3), np.uint8)))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("metric", ["structure", "mean", "lab", "pixels"])
def test_photos_are_found_in_cells_of_every_shape(cover: Path, name: str, metric: Metric) -> None:
    """A cover made of tiles in cells gives back these tiles."""
    tile = shape(name)
    tiles = tiles_from(cover, 30)
    grid = make_grid(480, 360, columns=4, tile_shape=tile)
    library = library_of(tiles)
    chosen = np.resize(np.random.default_rng(0).permutation(30), len(grid))
    parts = in_cells(library, tile).tiles_of(chosen)
    per_unit = 48
    drawn = np.zeros((grid.rows * per_unit, grid.columns * per_unit, 3), np.uint8)
    for (x, y, width, height), part in zip((grid.cells * per_unit).astype(int).tolist(), parts, strict=True):
        rows, columns = np.arange(height) * 32 // height, np.arange(width) * 32 // width
        drawn[y : y + height, x : x + width] = part[rows[:, None], columns]
    style = MatchStyle(metric, mirror=False, tone=0.0)
    any_use = RepetitionRules(max_uses=0, repeat_distance=0)
    found = match_photos(drawn, replace(grid, crop=(0, 0, 1, 1)), library, Silent(), style=style, rules=any_use)
    digests = [int(found.photos[number].digest, 16) for number in found.photo.tolist()]
    assert np.mean(np.array(digests) == chosen) > (0.9 if metric != "structure" else 0.8)
    assert found.shape == tile
    assert found.size == grid.size


@pytest.mark.parametrize(
    ("name", "mirror", "expected"),
    [
        ("square", True, set(range(8))),
        ("3:2", True, {0, 1, 2, 3}),
        ("3:2", False, {0, 3}),
        ("hexagon", True, {0, 1, 2, 3}),
    ],
)
def test_photos_are_turned_only_as_the_shape_allows(cover: Path, name: str, mirror: bool, expected: set[int]) -> None:
    style = MatchStyle(mirror=mirror, turns=True)
    assert set(style.symmetries(shape(name))) == expected
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=20, tile_shape=shape(name))
    found = match_photos(pixels, grid, library_of(tiles_from(cover, 60)), Silent(), style=style)
    assert set(found.symmetry.tolist()) == expected


@pytest.mark.parametrize(
    ("rules", "metric"),
    [
        (RepetitionRules(), "structure"),
        (RepetitionRules(max_uses=3, repeat_distance=1), "structure"),
        (RepetitionRules(use_all=True), "structure"),
        (RepetitionRules(), "lab"),
        (RepetitionRules(), "pixels"),
    ],
)
def test_mixed_cells_show_photos_of_their_own_orientation(cover: Path, rules: RepetitionRules, metric: Metric) -> None:
    pixels = read_picture(cover).pixels
    library = library_of(tiles_from(cover, 210), sizes=((48, 32), (32, 48), (32, 32), (32, 33)))
    grid = make_grid(640, 427, columns=20, tile_shape=shape("mixed"))
    for tone in (0.0, 1.0):
        found = match_photos(pixels, grid, library, Silent(), style=MatchStyle(metric, tone=tone), rules=rules)
        kind = np.array([int(photo.digest, 16) % 4 for photo in found.photos])[found.photo]
        upright = grid.cells[:, 3] > grid.cells[:, 2]
        assert set(kind[upright].tolist()) == {1, 3}
        assert set(kind[~upright].tolist()) == {0, 2}  # squares as well
        if rules.use_all:
            assert len(found.photos) == 210
    # With photos of one orientation only, the others' cells are filled all the same.
    landscape = library_of(tiles_from(cover, 40), sizes=((48, 32),))
    assert len(match_photos(pixels, grid, landscape, Silent(), style=MatchStyle(metric)).photo) == len(grid)


def test_a_mixed_mosaic_shows_photos_in_cells_of_their_kind_and_reopens(
    render: Callable[..., tuple[int, str, str]], cover: Path, photos: Path, tmp_path: Path
) -> None:
    code, _, error = render(
        "mosaic", cover, "--tiles", photos, "--tile-shape", "mixed", "--columns", 12, "--gap", 0.06,
        "-o", "it.png", "--save-map", "it.mosaic",
    )  # fmt: skip
    assert code == 0, error
    placement = load_map(tmp_path / "it.mosaic")
    ratio = float(placement.shape.tile_ratio)
    upright = placement.cell[:, 3] > placement.cell[:, 2]
    assert 0.2 < upright.mean() < 0.8
    for cell, number in enumerate(placement.photo.tolist()):
        width, height = placement.photos[number].crop[2:]
        assert (height > width) == upright[cell]
        wanted = 1 / ratio if upright[cell] else ratio
        is_exact = min(abs(width - height * wanted), abs(height - width / wanted)) <= 1
        assert is_exact or abs(width / height / wanted - 1) <= 0.01  # a photo of that ratio is shown whole
    assert render("mosaic", "it.mosaic", "-o", "again.png")[0] == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "it.png").read_bytes()
    # An edit keeps the crops of the others and adds photos with crops of their orientation.
    sizes = {path: read_picture(path).size for path in sorted(photos.rglob("*.jpg"))}
    landscape = next(path for path, (width, height) in sizes.items() if width > height)
    swaps = [f"{column},1={landscape}" for column in (1, 2)]
    assert render("edit", "it.mosaic", "--swap", swaps[0], "--swap", swaps[1], "-o", "edited.mosaic")[0] == 0
    edited = load_map(tmp_path / "edited.mosaic")
    known = {(photo.path, photo.crop) for photo in placement.photos}
    new = [photo for photo in edited.photos if (photo.path, photo.crop) not in known]
    assert all(photo.path.name == landscape.name and photo.crop[2] > photo.crop[3] for photo in new)
    code, _, error = render("still", "zoom", "edited.mosaic", "--at", 5, "--size", "96x64", "-o", "still.png")
    assert code == 0, error


def test_a_photo_in_a_cell_of_the_other_orientation_shows_its_middle(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((120, 80), seconds=1.0)
    grid = make_grid(640, 427, columns=12, tile_shape=shape("mixed"))
    photos = (replace(stage.mosaic.photos[0], size=(60, 40)), replace(stage.mosaic.photos[0], size=(40, 60)))
    base = placed(grid)
    placement = replace(base, photos=photos, photo=np.arange(len(base), dtype=np.int32) % 2)
    tiles = replace(stage, maps=[placement]).resting_sprites()
    upright, portrait = placement.cell[:, 3] > placement.cell[:, 2], placement.photo == 1
    own = tiles.window[upright == portrait]
    assert (own == (0, 0, 1, 1)).all()
    assert 0 < len(own) < len(base)
    side = 1 / 1.5**2
    shown = tiles.window[:, 2:] - tiles.window[:, :2]
    np.testing.assert_allclose(shown[upright & ~portrait], np.tile((side, 1), ((upright & ~portrait).sum(), 1)))
    np.testing.assert_allclose(shown[portrait & ~upright], np.tile((1, side), ((portrait & ~upright).sum(), 1)))
    np.testing.assert_allclose(tiles.window[:, :2] + tiles.window[:, 2:], 1)


def test_square_photos_count_as_landscape() -> None:
    tiles = np.zeros((8, 32, 32, 3), np.uint8)
    assert portrait_share(library_of(tiles, sizes=((48, 32), (32, 48), (32, 32), (20, 48))).photos) == 1 / 2
    assert portrait_share(library_of(tiles).photos) == 0
    assert portrait_share(library_of(tiles[:0]).photos) == 0.5


@pytest.mark.parametrize("name", SHAPES)
def test_no_photo_is_repeated_within_the_distance(cover: Path, name: str) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=16, tile_shape=shape(name))
    library = library_of(tiles_from(cover, 120))
    for distance in (1, 2):
        found = match_photos(pixels, grid, library, Silent(), rules=RepetitionRules(repeat_distance=distance))
        assert found.equal_neighbours() == 0
        side = np.sqrt(grid.scale[0] * grid.scale[1])
        low, high = grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]
        apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
        same = found.photo[:, None] == found.photo[None]
        np.fill_diagonal(same, False)
        assert same.any() or name == "1:5"
        assert apart[same].min(initial=9) >= np.floor(distance * side / grid.step + 0.5) * grid.step - 1e-9


@pytest.mark.parametrize("name", SHAPES)
def test_the_perceptual_search_and_tone_work_for_every_shape(cover: Path, name: str) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=20, tile_shape=shape(name))
    library = library_of(tiles_from(cover, 300))
    figures = {
        (metric, tone): match_photos(
            pixels, grid, library, Silent(), style=MatchStyle(metric, tone=tone), rules=RepetitionRules(max_uses=0)
        ).recipe["figures"]
        for metric, tone in (("lab", 0.0), ("structure", 0.0), ("structure", 1.0))  # type: ignore[arg-type]
    }
    lab, plain, toned = (figures[key] for key in (("lab", 0.0), ("structure", 0.0), ("structure", 1.0)))
    assert plain["ssim"] > lab["ssim"] + 0.08  # type: ignore[index, operator]
    assert plain["delta_e"] < lab["delta_e"]  # type: ignore[index, operator]
    assert toned["delta_e"] < 0.75 * plain["delta_e"]  # type: ignore[index, operator]


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_no_cell_does_not_count(cover: Path, name: str) -> None:
    """A cover that differs only outside its mask gives the same mosaic and the same figures."""
    pixels = read_picture(cover).pixels
    mask = np.zeros((427, 640), np.uint8)
    mask[100:327, 130:510] = 255
    everything = make_grid(640, 427, columns=24, tile_shape=shape(name))
    grid = masked(everything, mask, 0.99)
    assert rasterize_cells(grid).missing is not None
    library = library_of(tiles_from(cover, 150))
    found = match_photos(pixels, grid, library, Silent())
    assert len(found) == len(grid)
    assert found.size == grid.size
    figures = found.recipe["figures"]
    assert figures["delta_e"] < 6  # type: ignore[index, operator]
    # The mean of the error over the cells alone is what the figures say, not diluted by the empty two thirds.
    whole = match_photos(pixels, everything, library, Silent())
    assert figures["delta_e"] > 0.4 * whole.recipe["figures"]["delta_e"]  # type: ignore[index, operator, call-overload]
    flat = pixels.copy()
    flat[mask == 0] = (255, 0, 255)
    other = match_photos(flat, grid, library, Silent())
    inner = masked(grid, np.pad(mask[140:287, 180:460], ((140, 140), (180, 180))), 0.99).cells.tolist()
    is_inner = [box in inner for box in grid.cells.tolist()]
    same = [found.photos[a].digest == other.photos[b].digest for a, b in zip(found.photo, other.photo, strict=True)]
    assert np.mean(np.array(same)[is_inner]) > (0.8 if sum(is_inner) > 20 else 0.5)


@pytest.mark.parametrize("name", ["16:9", "hexagon", "mixed"])
def test_the_map_does_not_depend_on_threads_batches_or_bands(
    cover: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pixels = read_picture(cover).pixels
    grid = masked(make_grid(640, 427, columns=18, tile_shape=shape(name)), disc(640, 427))
    library = library_of(tiles_from(cover, 200), sizes=((48, 32), (32, 48), (32, 32)))
    rules = RepetitionRules(max_uses=4, repeat_distance=1)
    maps = []
    for cores, cells, steps in ((1, 1, 10**6), (2, 20, 300), (3, 1000, 60)):
        monkeypatch.setenv("MOSAIC_RENDERER_CORES", str(cores))
        monkeypatch.setattr(perceptual_search, "_MIN_BATCH", cells)
        monkeypatch.setattr(perceptual_search, "_CELLS_PER_THREAD", cells)
        monkeypatch.setattr(perceptual_search, "_BAND", 64 * steps)
        monkeypatch.setattr("renderer.matching.tone._BAND_STEPS", steps)
        maps.append(
            [
                match_photos(pixels, grid, library, Silent(), rules=rules, style=MatchStyle(tone=tone))
                for tone in (0.0, 1.0)
            ]
        )
    for other in maps[1:]:
        for first, second in zip(maps[0], other, strict=True):
            assert (first.photo == second.photo).all()
            assert (first.symmetry == second.symmetry).all()
            np.testing.assert_allclose(first.offset, second.offset, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_a_map_of_every_shape_can_be_edited_with_and_without_its_cover(cover: Path, name: str) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=16, tile_shape=shape(name))
    library = library_of(tiles_from(cover, 120))
    found = match_photos(pixels, grid, library, Silent(), recipe={"crop": list(grid.frame_crop)})
    own = library.take(library.photos.find(found.photos))
    for original in (pixels, None):
        edited = edit_map(
            found, own, original, Silent(), banned=np.array([int(found.photo[0])]), swaps={}, style=MatchStyle(),
            limits=[Limits(len(grid), 1, False)],
        )  # fmt: skip
        assert found.photos[found.photo[0]] not in edited.photos
        kept = found.photo != found.photo[0]
        assert (edited.gain[kept] == found.gain[kept]).all()
        assert edited.shape == found.shape
        assert np.abs(edited.gain - found.gain).max() < 1


def test_the_tile_of_a_hexagon_is_the_middle_of_its_photo(cover: Path) -> None:
    tiles = tiles_from(cover, 20)
    tiles[:, :4], tiles[:, -4:] = 0, 255  # above and below the brick
    library = in_cells(library_of(tiles), shape("hexagon"))
    middle = tiles[:, 4:28].astype(float).mean(axis=(1, 2))
    assert 24 * HEXAGON_HEIGHT == 32
    np.testing.assert_allclose(library.tiles.mean(axis=(1, 2)), middle, atol=0.5)
    np.testing.assert_allclose(library.means * 255, middle, atol=0.5)
    assert likeness(library.signatures[3], turned(library.signatures[3:4], np.zeros(1, np.uint8))[0]).colour == 0


# -- The file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_a_map_of_every_shape_is_the_same_after_saving_and_loading(tmp_path: Path, name: str) -> None:
    tile = replace(shape(name), gap=0.07, border=0.03, border_colour=(0.2, 0.4, 1.0))
    grid = masked(make_grid(640, 427, columns=15, tile_shape=tile), disc(640, 427))
    saved = replace(placed(grid), recipe={"crop": list(grid.frame_crop), "cover_size": [640, 427]})
    save_map(saved, tmp_path / "it.mosaic")
    loaded = load_map(tmp_path / "it.mosaic")
    assert loaded.shape == tile
    assert (loaded.cell == saved.cell).all()
    assert (loaded.grid.columns, loaded.grid.rows) == (grid.columns, grid.rows)
    np.testing.assert_allclose(loaded.grid.cells, grid.cells, atol=1e-12)
    np.testing.assert_allclose(loaded.grid.crop, grid.crop, atol=1e-12)
    assert loaded.grid.step == grid.step
    assert loaded.colours(40).shape[2] == 3


def test_a_map_without_a_shape_has_squares(tmp_path: Path) -> None:
    save_map(placed(make_grid(64, 48, columns=8)), tmp_path / "new.mosaic")
    rewrite(tmp_path / "new.mosaic", lambda header: header.pop("shape"))
    assert load_map(tmp_path / "new.mosaic").shape == TileShape()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("3:2", {"ratio": [1.0, 50.0]}),
        ("3:2", {"ratio": [3.0, 0.0]}),
        ("3:2", {"ratio": [1.5, 1.0]}),
        ("3:2", {"ratio": [4.0, 3.0]}),
        ("square", {"gap": float("nan")}),
        ("square", {"gap": 1.0}),
        ("square", {"border_colour": [2, 0, 0]}),
        ("square", {"corner_radius": "0.5"}),
        ("square", {"kind": "star"}),
        ("square", {"kind": "hexagon"}),
        ("square", {"kind": "mixed"}),
        ("hexagon", {"kind": "rectangle"}),
        ("mixed", {"kind": "hexagon"}),
        ("hexagon", {"kind": ["hexagon"]}),
    ],
)
def test_maps_with_an_invalid_shape_are_rejected(tmp_path: Path, name: str, values: dict[str, object]) -> None:
    path = tmp_path / "it.mosaic"
    save_map(placed(make_grid(640, 427, columns=12, tile_shape=shape(name))), path)
    rewrite(path, lambda header: header["shape"].update(values))
    with pytest.raises(InputError):
        load_map(path)


def rewrite(path: Path, change) -> None:  # type: ignore[no-untyped-def]
    """Change the header of a map's file."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    header = json.loads(members["map.json"])
    change(header)
    members["map.json"] = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
