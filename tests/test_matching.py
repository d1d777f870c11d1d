from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.errors import InputError
from renderer.grid import cell_means, cut_cells, make_grid
from renderer.library import Library, Photo
from renderer.matching import match_photos
from renderer.pictures import Pixels, read_picture
from renderer.progress import Silent


def library_of(tiles: Pixels) -> Library:
    means = tiles.mean(axis=(1, 2)) / 255
    photos = [
        Photo(Path(f"{i}.jpg"), str(i), (32, 32), (0, 0, 32), (float(m[0]), float(m[1]), float(m[2])))
        for i, m in enumerate(means)
    ]
    return Library(photos, tiles)


def tiles_from(cover: Path, count: int, seed: int = 1) -> Pixels:
    """Real 32 × 32 pieces of a photo."""
    pixels = read_picture(cover).pixels
    random = np.random.default_rng(seed)
    corners = zip(random.integers(0, 427 - 32, count), random.integers(0, 640 - 32, count), strict=True)
    return np.stack([pixels[y : y + 32, x : x + 32] for y, x in corners])


def test_pixels_answers_as_the_plain_loop(cover: Path) -> None:
    tiles = tiles_from(cover, 80)
    tiles[50] = tiles[10]  # the first of two equal photos is the answer
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, cell_size=32)
    found = match_photos(pixels, grid, library_of(tiles), Silent(), metric="pixels")
    for cell, picture in enumerate(cut_cells(pixels, grid)):
        distances = [np.linalg.norm(picture.astype(float) - tile.astype(float)) for tile in tiles]
        assert found.photos[found.photo[cell]].digest == str(int(np.argmin(distances)))
        assert found.cost[cell] == pytest.approx(min(distances), rel=1e-6)


def test_mean_with_one_neighbour_is_the_nearest_mean(cover: Path) -> None:
    tiles = tiles_from(cover, 200)
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=40)
    found = match_photos(pixels, grid, library_of(tiles), Silent(), neighbours=1)
    means = tiles.reshape(200, -1, 3).mean(axis=1)
    for cell, mean in enumerate(cell_means(pixels, grid)):
        best = np.linalg.norm(means - mean, axis=1).min()
        assert found.cost[cell] == pytest.approx(best, abs=1e-4)


def test_copies_of_a_photo_are_one_and_ties_go_by_order(cover: Path) -> None:
    tiles = tiles_from(cover, 40)
    photos = list(library_of(tiles).photos)
    copies = [replace(photo, path=Path(f"copy{i}.jpg")) for i, photo in enumerate(photos)]
    library = Library([*photos, *copies], np.concatenate([tiles, tiles]))
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    for metric in ("mean", "pixels"):
        found = match_photos(pixels, grid, library, Silent(), metric=metric, neighbours=6)  # type: ignore[arg-type]  # a literal of the loop
        assert not [photo for photo in found.photos if photo.path.name.startswith("copy")]
        assert found.equal_neighbours() < 10


def test_neighbours_differ_where_the_library_allows_it(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=40)
    library = library_of(tiles_from(cover, 200))
    assert match_photos(pixels, grid, library, Silent()).equal_neighbours() == 0
    assert match_photos(pixels, grid, library, Silent(), neighbours=1).equal_neighbours() > 0


def test_a_seed_decides(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    library = library_of(tiles_from(cover, 100))
    one, same, other = (match_photos(pixels, grid, library, Silent(), seed=seed) for seed in (1, 1, 2))
    assert (one.photo == same.photo).all()
    digests = [[m.photos[i].digest for i in m.photo] for m in (one, other)]
    assert digests[0] != digests[1]


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_pinned_photo_is_placed_once_where_it_should_be(x: float, y: float) -> None:
    random = np.random.default_rng(0)
    cover = random.integers(0, 256, (60, 90, 3), np.uint8)
    library = library_of(random.integers(0, 256, (20, 32, 32, 3), np.uint8))
    grid = make_grid(90, 60, columns=9)
    found = match_photos(cover, grid, library, Silent(), pins=[(3, (x, y))])
    cells = [i for i in range(len(found)) if found.photos[found.photo[i]].digest == "3"]
    assert cells == [min(int(y * 6), 5) * 9 + min(int(x * 9), 8)]


def test_without_a_place_the_pinned_photo_is_near_the_middle(cover: Path) -> None:
    pixels = read_picture(cover).pixels
    grid = make_grid(640, 427, columns=30)
    found = match_photos(pixels, grid, library_of(tiles_from(cover, 50)), Silent(), pins=[(0, None)])
    (cell,) = [i for i in range(len(found)) if found.photos[found.photo[i]].digest == "0"]
    y, x = divmod(cell, 30)
    assert 9 <= x <= 20
    assert 6 <= y <= 13


def test_small_libraries_and_covers_are_matched() -> None:
    one = library_of(np.full((1, 32, 32, 3), 9, np.uint8))
    for height, width in ((1, 1), (2, 500), (500, 2)):
        cover = np.zeros((height, width, 3), np.uint8)
        found = match_photos(cover, make_grid(width, height), one, Silent(), pins=[(0, None)])
        assert (found.photo == 0).all()
    with pytest.raises(InputError, match="no photo"):
        match_photos(cover, make_grid(2, 2), library_of(np.empty((0, 32, 32, 3), np.uint8)), Silent())
