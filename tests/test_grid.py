import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from renderer.adaptive_grid import adapt_grid
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.errors import InputError
from renderer.grid import Grid, cell_at, cell_position, find_cell, make_grid, make_grid_of_shape
from renderer.parameters import CellPosition
from renderer.shapes import TileShape

sides = st.integers(1, 12_000)


@given(sides, sides)
@example(69, 6047)
def test_the_default_grid_has_about_5000_square_cells(width: int, height: int) -> None:
    grid = make_grid(width, height)
    if max(width, height) < 100 * min(width, height) and min(width, height) > 50:
        # The number of columns, 7.07 or more, is rounded: at most 5000 × (7.57 / 7.07)² cells. The last row is cut off.
        assert 4300 <= grid.columns * grid.rows <= 5735
        assert (grid.crop[2] * width / grid.columns) == pytest.approx(grid.crop[3] * height / grid.rows, rel=0.08)
    assert grid.columns >= 1
    assert grid.rows >= 1


@given(sides, sides, st.integers(1, 300))
def test_a_grid_covers_a_centred_part_of_the_cover(width: int, height: int, columns: int) -> None:
    try:
        grid = make_grid(width, height, columns=columns)
    except InputError:  # more than a million cells
        return
    assert grid.columns == columns
    x, y, w, h = grid.crop
    assert 0 <= x <= 1
    assert 0 <= y <= 1
    assert x + w <= 1 + 1e-9
    assert y + h <= 1 + 1e-9
    assert abs((2 * x + w - 1) * width) < 1.001
    assert abs((2 * y + h - 1) * height) < 1.001


@pytest.mark.parametrize("kind", ["square", "3:2", "2:3", "5:1", "hexagon", "circle", "mixed"])
@pytest.mark.parametrize("cells", [1000, 2000, 20_000])
def test_a_grid_of_any_shape_has_about_as_many_cells_as_asked(kind: str, cells: int) -> None:
    shape = TileShape.parse(kind)
    for grid in (
        make_grid(640, 427, tile_shape=shape, cells=cells),
        make_grid_of_shape(640, 427, 0.7, tile_shape=shape, cells=cells),
    ):
        assert len(grid) == pytest.approx(cells, rel=0.12)


def test_cell_size_counts_cover_pixels() -> None:
    grid = make_grid(640, 427, cell_size=16)
    assert (grid.columns, grid.rows, len(grid)) == (40, 26, 1040)
    assert grid.crop == (0, 5 / 427, 1, 416 / 427)


def test_invalid_grids_are_rejected() -> None:
    with pytest.raises(InputError, match="one of them"):
        make_grid(100, 100, columns=10, cell_size=10)
    with pytest.raises(InputError, match="100 pixels"):
        make_grid(100, 200, cell_size=101)
    with pytest.raises(InputError, match="more than a million"):
        make_grid(4000, 4000, cell_size=2)


def test_cells_are_blocks_of_the_cover() -> None:
    cover = np.random.default_rng(0).integers(0, 256, (96 + 5, 128, 3), np.uint8)
    grid = make_grid(128, 101, cell_size=32)
    cells = cut_cells(cover, grid)
    assert cells.shape == (12, 32, 32, 3)
    assert (cells[5] == cover[2 + 32 : 2 + 64, 32:64]).all()
    exact = cells.reshape(12, -1, 3).mean(axis=1)
    assert np.abs(cell_means(cover, grid) - exact).max() <= 0.51


def picture_with_detail(columns: int, rows: int, seed: int) -> np.ndarray:
    """Return flat grey with three blocks of noise, 8 pixels per unit."""
    random = np.random.default_rng(seed)
    picture = np.full((rows * 8, columns * 8, 3), 128, np.uint8)
    for _ in range(3):
        y, x = random.integers(0, rows * 8), random.integers(0, columns * 8)
        part = picture[y : y + 24, x : x + 24]
        part[:] = np.repeat(np.repeat(random.integers(0, 256, (24, 24, 3)), 4, 0), 4, 1)[
            : part.shape[0], : part.shape[1]
        ]
    return picture


@given(
    st.integers(1, 15),
    st.integers(1, 15),
    st.integers(0, 99),
    st.sampled_from([(0.5, 2.0), (0.25, 4.0), (1.0, 4.0), (0.5, 1.0)]),
)
def test_adaptive_cells_cover_the_grid_exactly_once(
    columns: int, rows: int, seed: int, sides: tuple[float, float]
) -> None:
    regular = make_grid(columns * 8, rows * 8, cell_size=8)
    grid = adapt_grid(regular, picture_with_detail(columns, rows, seed), [], *sides)
    assert len(grid) <= len(regular)
    assert set(grid.cells[:, 2]) <= {sides[0] * 2**level for level in range(5)} & set(
        np.arange(0, sides[1] + 0.1, 0.25)
    )
    assert (grid.cells[:, 2] == grid.cells[:, 3]).all()
    coverage = np.zeros((rows * 4, columns * 4), int)
    number = np.full((rows * 4 + 2, columns * 4 + 2), -1)
    for cell, (left, top, right, bottom) in enumerate(
        np.rint(np.c_[grid.cells[:, :2], grid.cells[:, :2] + grid.cells[:, 2:]] * 4).astype(int)
    ):
        coverage[top:bottom, left:right] += 1
        number[top + 1 : bottom + 1, left + 1 : right + 1] = cell
    assert (coverage == 1).all()
    assert (number[1:-1, 1:-1] >= number[1:-1, :-2]).all()  # each follows those left of and above it
    assert (number[1:-1, 1:-1] >= number[:-2, 1:-1]).all()


def test_adaptive_cells_are_small_over_detail_and_faces_and_large_over_flat_areas() -> None:
    cover = np.full((160, 240, 3), 90, np.uint8)
    cover[40:80, 40:80] = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    cover[100:120, 160:180, 0] = np.linspace(80, 100, 20).astype(np.uint8)  # a pale face
    regular = make_grid(240, 160, cell_size=8)

    def sides_at(grid: Grid, left: float, top: float, right: float, bottom: float) -> list[float]:
        x, y = (grid.cells[:, :2] + 0.5 * grid.cells[:, 2:]).T * 8
        return grid.cells[(x > left) & (x < right) & (y > top) & (y < bottom), 2].tolist()

    grid = adapt_grid(regular, cover, [(160 / 240, 100 / 160, 20 / 240, 20 / 160)])
    assert np.mean(sides_at(grid, 44, 44, 76, 76)) < 0.7
    assert np.mean(sides_at(grid, 160, 100, 180, 120)) < 1
    assert set(sides_at(grid, 100, 0, 240, 80)) == {2.0}
    assert set(adapt_grid(regular, np.zeros_like(cover), []).cells[:, 2]) == {2.0}  # a single colour
    with pytest.raises(InputError, match="smallest_cell"):
        adapt_grid(make_grid(4000, 4000, cell_size=5), cover, [], 0.5, 2.0)


def test_cells_of_every_size_show_their_part_of_the_cover() -> None:
    cover = picture_with_detail(9, 7, 3)
    grid = adapt_grid(make_grid(72, 56, cell_size=8), cover, [])
    assert len(set(grid.cells[:, 2])) == 3
    picture = cover_signature(cover, grid, grid.step)
    means, pictures, signatures = cell_means(cover, grid), cut_cells(cover, grid), cell_signatures(picture, grid)
    for (x, y, side, _), mean, tile, signature in zip(grid.cells * 8, means, pictures, signatures, strict=True):
        exact = cover[int(y) : int(y + side), int(x) : int(x + side)].mean(axis=(0, 1))
        assert np.abs(mean - exact).max() < 6  # the smallest cells are interpolated
        assert np.abs(tile.mean(axis=(0, 1)) - exact).max() < 12
        assert np.abs(signature.mean(axis=(0, 1)) - exact).max() < 40  # averages in linear light are lighter


@given(st.sampled_from([None, (0.5, 2.0), (0.25, 4.0)]), st.floats(-2, 11), st.floats(-2, 9))
def test_the_cell_at_a_point_contains_it_or_is_the_nearest(
    sides: tuple[float, float] | None, x: float, y: float
) -> None:
    grid = make_grid(72, 56, cell_size=8)
    grid = adapt_grid(grid, picture_with_detail(9, 7, 3), [], *sides) if sides else grid
    left, top, width, height = grid.cells[cell_at(grid, (x, y))]
    inside = min(max(x, 0), 9), min(max(y, 0), 7)
    assert left <= inside[0] <= left + width
    assert top <= inside[1] <= top + height


@pytest.mark.parametrize("sides", [None, (0.5, 2.0), (0.25, 4.0)])
def test_every_unit_square_has_a_cell_at_its_centre(sides: tuple[float, float] | None) -> None:
    grid = make_grid(72, 56, cell_size=8)
    grid = adapt_grid(grid, picture_with_detail(9, 7, 3), [], *sides) if sides else grid
    for column in range(9):
        for row in range(7):
            cell = find_cell(grid, CellPosition(column, row))
            left, top, width, height = grid.cells[cell]
            assert left <= column + 0.5 < left + width
            assert top <= row + 0.5 < top + height
            if width >= 1:
                start = cell_position(grid, cell)
                assert find_cell(grid, start) == cell
    with pytest.raises(InputError, match="swap=9,0 is outside the grid: columns are 0 to 8, rows 0 to 6"):
        find_cell(grid, CellPosition(9, 0), "swap")
