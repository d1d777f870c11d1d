import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import InputError
from renderer.grid import cell_means, cut_cells, make_grid

sides = st.integers(1, 12_000)


@given(sides, sides)
def test_the_default_is_about_five_thousand_square_cells(width: int, height: int) -> None:
    grid = make_grid(width, height)
    if max(width, height) < 100 * min(width, height) and min(width, height) > 50:
        assert 4000 <= grid.columns * grid.rows <= 5600
        assert (grid.crop[2] * width / grid.columns) == pytest.approx(grid.crop[3] * height / grid.rows, rel=0.08)
    assert grid.columns >= 1
    assert grid.rows >= 1


@given(sides, sides, st.integers(1, 300))
def test_a_grid_covers_a_centred_part_of_the_cover(width: int, height: int, columns: int) -> None:
    try:
        grid = make_grid(width, height, columns=columns)
    except InputError:  # a tower of more than a million cells
        return
    assert grid.columns == columns
    x, y, w, h = grid.crop
    assert 0 <= x <= 1
    assert 0 <= y <= 1
    assert x + w <= 1 + 1e-9
    assert y + h <= 1 + 1e-9
    assert abs((2 * x + w - 1) * width) < 1.001
    assert abs((2 * y + h - 1) * height) < 1.001


def test_cell_size_counts_cover_pixels() -> None:
    grid = make_grid(640, 427, cell_size=16)
    assert (grid.columns, grid.rows) == (40, 26)
    assert grid.crop == (0, 5 / 427, 1, 416 / 427)


def test_bad_grids_are_refused() -> None:
    with pytest.raises(InputError, match="one of them"):
        make_grid(100, 100, columns=10, cell_size=10)
    with pytest.raises(InputError, match="100 pixels"):
        make_grid(100, 200, cell_size=101)
    with pytest.raises(InputError, match="more than a million"):
        make_grid(4000, 4000, cell_size=2)


def test_cells_are_the_blocks_of_the_cover() -> None:
    cover = np.random.default_rng(0).integers(0, 256, (96 + 5, 128, 3), np.uint8)
    grid = make_grid(128, 101, cell_size=32)
    cells = cut_cells(cover, grid)
    assert cells.shape == (12, 32, 32, 3)
    assert (cells[5] == cover[2 + 32 : 2 + 64, 32:64]).all()
    exact = cells.reshape(12, -1, 3).mean(axis=1)
    assert np.abs(cell_means(cover, grid) - exact).max() <= 0.51
