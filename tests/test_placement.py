import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from renderer.errors import InputError
from renderer.grid import make_grid
from renderer.library import Photo
from renderer.placement import PlacementMap, load_map, save_map
from renderer.shapes import TileShape


def small_map(folder: Path, columns: int = 4, rows: int = 3) -> PlacementMap:
    y, x = np.divmod(np.arange(columns * rows), columns)
    count = columns * rows
    random = np.random.default_rng(0)
    return PlacementMap(
        cell=np.stack([x, y, np.ones(count), np.ones(count)], 1).astype(np.float64),
        photo=random.integers(0, 3, count).astype(np.int32),
        symmetry=random.integers(0, 8, count).astype(np.uint8),
        gain=random.random((count, 3)).astype(np.float32),
        offset=random.random((count, 3)).astype(np.float32),
        cost=random.random(count).astype(np.float32),
        photos=tuple(Photo(folder / n, "ab", (40, 30), (5, 0, 30, 30), (0.1, 0.2, 0.3), n == "c.jpg") for n in ("a.jpg", "b.jpg", "c.jpg")),
        size=(columns, rows),
        recipe={"cover": "x.jpg", "cover_size": [400, 310]},
    )  # fmt: skip


def test_a_map_is_the_same_after_saving_and_loading(tmp_path: Path) -> None:
    saved = small_map(tmp_path)
    save_map(saved, tmp_path / "it.mosaic")
    loaded = load_map(tmp_path / "it.mosaic")
    for name in ("cell", "photo", "symmetry", "gain", "offset", "cost"):
        assert (getattr(loaded, name) == getattr(saved, name)).all()
        assert getattr(loaded, name).dtype == getattr(saved, name).dtype
    assert (loaded.photos, loaded.size, loaded.recipe) == (saved.photos, saved.size, saved.recipe)
    assert loaded.cover_size == (400, 310)
    assert loaded.came_from is None


def test_the_paths_of_tiles_are_saved_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "it.mosaic"
    came_from = np.array([5, -1, 0, 7, -1, 2, 11, 40, 3, 1, 4, 6], np.int32)
    save_map(replace(small_map(tmp_path), came_from=came_from), path)
    loaded = load_map(path).came_from
    assert loaded is not None
    assert loaded.tolist() == came_from.tolist()
    assert loaded.dtype == np.int32
    for wrong in (
        came_from[:-1],
        came_from.astype(np.int64),
        np.where(came_from == 5, -2, came_from).astype(np.int32),
        np.where(came_from == 5, 4, came_from).astype(np.int32),  # two tiles from one cell
        np.where(came_from == 5, 2_000_000, came_from).astype(np.int32),
    ):
        save_map(replace(small_map(tmp_path), came_from=wrong), path, overwrite=True)
        with pytest.raises(InputError, match="not a valid placement map"):
            load_map(path)


def test_a_map_and_its_photos_can_be_moved_together(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    save_map(small_map(tmp_path / "here"), tmp_path / "here" / "it.mosaic")
    (tmp_path / "here").rename(tmp_path / "there")
    assert load_map(tmp_path / "there" / "it.mosaic").photos[0].path == tmp_path / "there" / "a.jpg"


def test_a_map_is_overwritten_only_on_request(tmp_path: Path) -> None:
    save_map(small_map(tmp_path), tmp_path / "it.mosaic")
    with pytest.raises(InputError, match="exists"):
        save_map(small_map(tmp_path), tmp_path / "it.mosaic")
    save_map(small_map(tmp_path), tmp_path / "it.mosaic", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["it.mosaic"]


def test_damaged_maps_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "it.mosaic"
    with pytest.raises(InputError, match="does not exist"):
        load_map(path)
    path.write_bytes(b"PK nonsense")
    with pytest.raises(InputError, match="not a valid placement map"):
        load_map(path)
    valid = small_map(tmp_path)
    wrong = (
        replace(valid, photo=valid.photo + 5),
        replace(valid, cost=valid.cost[:-1]),
        replace(valid, cell=np.full_like(valid.cell, np.nan)),
        replace(valid, symmetry=valid.symmetry + np.uint8(8)),
        replace(valid, gain=valid.gain.astype(np.float64)),
    )
    for broken in wrong:
        save_map(broken, path, overwrite=True)
        with pytest.raises(InputError, match="not a valid placement map"):
            load_map(path)


@pytest.mark.parametrize(
    ("shape", "size"),
    [({"kind": "hexagon"}, [0.1, 1]), ({"ratio": [3, 2]}, [0.3, 0.3]), ({"ratio": [9, 1]}, [4, 3]), ({"border": 0.6}, [4, 3])],
)  # fmt: skip
def test_impossible_shapes_and_sizes_are_rejected(tmp_path: Path, shape: dict[str, object], size: list[float]) -> None:
    save_map(small_map(tmp_path), tmp_path / "it.mosaic")
    with zipfile.ZipFile(tmp_path / "it.mosaic") as good, zipfile.ZipFile(tmp_path / "bad.mosaic", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "map.json":
                header = json.loads(data)
                header["shape"].update(shape)
                data = json.dumps({**header, "size": size}).encode()
            bad.writestr(name, data)
    with pytest.raises(InputError, match=r"bad\.mosaic is not a valid placement map"):
        load_map(tmp_path / "bad.mosaic")


def test_a_map_knows_whether_cells_are_left_out(tmp_path: Path) -> None:
    for shape in (TileShape(), TileShape("hexagon"), TileShape("mixed"), TileShape.parse("3:2", gap=0.1)):
        for width, height in ((640, 427), (300, 500), (64, 64)):
            grid = make_grid(width, height, columns=21, tile_shape=shape)
            whole = replace(small_map(tmp_path), cell=grid.boxes, size=grid.size, shape=shape)
            assert not whole.is_masked
            assert replace(whole, cell=grid.boxes[:-1]).is_masked


def test_loading_a_map_executes_no_code(tmp_path: Path) -> None:
    save_map(small_map(tmp_path), tmp_path / "it.mosaic")
    with zipfile.ZipFile(tmp_path / "it.mosaic") as good, zipfile.ZipFile(tmp_path / "bad.mosaic", "w") as bad:
        for name in good.namelist():
            if name != "cost.npy":
                bad.writestr(name, good.read(name))
        with bad.open("cost.npy", "w") as member:
            np.lib.format.write_array(member, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a valid placement map"):
        load_map(tmp_path / "bad.mosaic")


def test_neighbours_share_an_edge_in_any_grid(tmp_path: Path) -> None:
    assert len(small_map(tmp_path).neighbours()) == 3 * 3 + 4 * 2
    # One cell of 2 × 2 units next to two of 1 × 1, as in a quadtree.
    cell = np.array([[0, 0, 2, 2], [2, 0, 1, 1], [2, 1, 1, 1]], np.float64)
    tree = replace(small_map(tmp_path, 3, 1), cell=cell, photo=np.array([1, 1, 0], np.int32), size=(3.0, 2.0))
    assert tree.neighbours().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert tree.equal_neighbours() == 1


def test_the_depth_of_a_cell_counts_the_cells_to_the_edge(tmp_path: Path) -> None:
    whole = small_map(tmp_path, 6, 5)
    assert whole.depth().reshape(5, 6)[2].tolist() == [0, 1, 2, 2, 1, 0]
    kept = np.flatnonzero(np.arange(30) != 14)  # without the third cell of the third row
    arrays = {name: getattr(whole, name)[kept] for name in ("cell", "photo", "symmetry", "gain", "offset", "cost")}
    depth = np.full(30, -1)
    depth[kept] = replace(whole, **arrays).depth()
    assert depth.reshape(5, 6)[1:4].tolist() == [[0, 1, 0, 1, 1, 0], [0, 0, -1, 0, 1, 0], [0, 1, 0, 1, 1, 0]]
    large = np.array([[2, 2, 2, 2], [0, 0, 6, 2], [0, 2, 2, 2], [4, 2, 2, 1], [4, 3, 2, 1], [0, 4, 6, 1]], np.float64)
    tree = replace(small_map(tmp_path, 6, 1), cell=large, size=(6.0, 5.0))
    assert tree.depth().tolist() == [1, 0, 0, 0, 0, 0]
