import ctypes
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_matching import library_of

from renderer.descriptors import tile_size
from renderer.errors import RenderError
from renderer.library import Archive, Library, cut_parts
from renderer.pictures import read_picture, to_linear
from renderer.progress import Silent
from renderer.textures import Packed, Textures, pack, unpack


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
    assert store.add_tiles(library) == 1
    smallest = np.array([[level[i, 0, 0] for level in store.base_levels[-1:]] for i in range(5)])
    light = to_linear(unpack(smallest)[..., :3]).reshape(5, 3)
    assert np.abs(light - to_linear(library.tiles).mean(axis=(1, 2))).max() < 0.01
    assert (store.table.address[1:6, :6] != 0).all()
    store.close()


@pytest.mark.parametrize("ratio", [Fraction(3, 2), Fraction(2, 3), Fraction(16, 9), Fraction(2), Fraction(5)], ids=str)
def test_tiles_of_any_ratio_have_levels_of_half_the_size(cover: Path, ratio: Fraction) -> None:
    pieces = cut_parts(cover, read_picture(cover), "00", [], Silent(), ratio=ratio)
    few = pieces.take(np.array([0, 1, len(pieces.photos) - 1]))
    store = Textures(budget=0, threads=1, longest_square=256)
    first = store.add_tiles(few)
    width, height = tile_size(ratio)
    for number, photo in enumerate(few.photos):
        texture = first + number
        top = int(store.table.width[texture]), int(store.table.height[texture])
        times = top[0] // width
        assert top == (width * times, height * times)
        assert times in (1, 2, 4, 8)
        assert times == 8 or (top[0] >= photo.crop[2] and top[1] >= photo.crop[3])  # all of its pixels
        levels = int(store.table.levels[texture])
        in_memory = max(width, height).bit_length()
        assert (1 << levels - in_memory, (store.table.address[texture] != 0).sum()) == (times, in_memory)
        for level in range(levels):
            size = max(top[1] >> level, 1), max(top[0] >> level, 1)
            small = level - (levels - in_memory)
            shown = store.base_levels[small][number] if small >= 0 else store.pixels(texture, level)
            assert shown.shape == size
            # All levels show the same: as the smallest, which has a few texels.
            light = to_linear(np.ascontiguousarray(unpack(shown)[..., :3])).mean(axis=(0, 1))
            assert np.abs(light - to_linear(few.tiles[number : number + 1]).mean(axis=(0, 1, 2))).max() < 0.02
    assert [each.shape[1:] for each in store.base_levels[:2]] == [(height, width), (height // 2, width // 2)]
    store.close()


def test_the_table_grows_and_preserves_its_entries(library: Library) -> None:
    store = Textures(budget=0, threads=1)
    first = store.add_tiles(library)
    addresses = store.table.address[first : first + 5].copy()
    for _ in range(40):
        store.add_picture(np.zeros((2, 9, 3), np.uint8))
    assert (store.table.address[first : first + 5] == addresses).all()
    assert (store.table.width[44], store.table.height[44], store.table.levels[44]) == (9, 2, 4)
    store.close()


def colours_and_copies(folder: Path) -> list[Path]:
    """Write photos of 60 and 90 pixels, and two files with the same content."""
    rng = np.random.default_rng(3)
    paths = [folder / f"{number:02}.png" for number in range(40)]
    for number, path in enumerate(paths[:-1]):
        side = 60 if number % 2 else 90
        noise = rng.integers(0, 256, (6, 6, 3), np.uint8)
        Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).save(path)
    paths[-1].write_bytes(paths[0].read_bytes())
    return paths


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("prefetched", [0, 25, 40])
def test_levels_loaded_at_once_equal_those_created_one_by_one(tmp_path: Path, threads: int, prefetched: int) -> None:
    with Archive(Silent()) as archive:
        library = archive.open_files(colours_and_copies(tmp_path))
        store = Textures(budget=10**9, threads=threads)
        picture = store.add_picture(np.full((5, 7, 3), 9, np.uint8))
        first = store.add_tiles(library)
        keys = [(picture, 1)] + [(first + number, 0) for number in range(40)]
        missing = np.array(keys, np.int32)
        store.prefetch(missing[:prefetched])
        store.load(missing, store.next_scene())
        for key in keys:
            expected = store.pixels(*key)
            loaded = (ctypes.c_uint32 * expected.size).from_address(int(store.table.address[key]))
            assert (np.frombuffer(loaded, np.uint32).reshape(expected.shape) == expected).all()
        store.close()


def test_only_the_scene_that_needs_a_level_fails_if_it_cannot_be_created() -> None:
    def fail(_level: int) -> Packed:
        raise RenderError("unreadable")

    store = Textures(budget=10**9, threads=1)
    textures = [store.add_picture(np.zeros((2, 2, 3), np.uint8)) for _ in range(30)]
    textures.insert(11, store.add(2, 2, fail, mean=(0, 0, 0)))
    missing = np.array([(texture, 0) for texture in textures], np.int32)
    store.prefetch(missing)
    store.load(missing[missing[:, 0] != textures[11]], store.next_scene())
    with pytest.raises(RenderError, match="unreadable"):
        store.load(missing[11:12], store.next_scene())
    store.close()
