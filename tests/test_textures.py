import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_matching import library_of

from renderer.library import Library
from renderer.pictures import to_linear
from renderer.textures import Textures, pack, unpack


def test_packing_preserves_bytes_and_premultiplies() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    packed = unpack(pack(pixels))
    assert (packed[..., 3] == pixels[..., 3]).all()
    assert np.abs(packed[..., :3] - pixels[..., :3].astype(float) * pixels[..., 3:] / 255).max() <= 0.5
    assert (unpack(pack(pixels[..., :3]))[..., :3] == pixels[..., :3]).all()


@given(st.integers(1, 70), st.integers(1, 70))
def test_every_level_of_a_picture_has_the_size_that_kernels_expect(width: int, height: int) -> None:
    store = Textures(budget=0, threads=1)
    texture = store.add_picture(np.zeros((height, width, 3), np.uint8))
    for level in range(store.table.levels[texture]):
        assert store.pixels(texture, level).shape == (max(height >> level, 1), max(width >> level, 1))
    assert store.pixels(texture, level).shape == (1, 1)
    store.close()


@pytest.fixture
def library() -> Library:
    return library_of(np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8))


def test_small_levels_of_tiles_preserve_the_mean_light(library: Library) -> None:
    store = Textures(budget=0, threads=1)
    store.add_picture(np.zeros((3, 3, 3), np.uint8))
    assert store.add_squares(library) == 1
    smallest = np.array([[level[i, 0, 0] for level in store.base_levels[-1:]] for i in range(5)])
    light = to_linear(unpack(smallest)[..., :3]).reshape(5, 3)
    assert np.abs(light - to_linear(library.tiles).mean(axis=(1, 2))).max() < 0.01
    assert (store.table.address[1:6, :6] != 0).all()
    store.close()


def test_the_table_grows_and_preserves_its_entries(library: Library) -> None:
    store = Textures(budget=0, threads=1)
    first = store.add_squares(library)
    addresses = store.table.address[first : first + 5].copy()
    for _ in range(40):
        store.add_picture(np.zeros((2, 9, 3), np.uint8))
    assert (store.table.address[first : first + 5] == addresses).all()
    assert (store.table.width[44], store.table.height[44], store.table.levels[44]) == (9, 2, 4)
    store.close()
