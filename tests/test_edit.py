"""Edits of maps: bans and swaps."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer.errors import InputError
from renderer.grid import cell_position
from renderer.job import EditSettings, MatchSettings, TileSettings, edit_mosaic, open_mosaic
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Silent

Run = Callable[..., tuple[int, str, str]]


def names(placement: PlacementMap) -> list[str]:
    """Return the file name of each cell's photo."""
    return [placement.photos[number].path.name for number in placement.photo.tolist()]


def same(one: PlacementMap, other: PlacementMap) -> np.ndarray:
    """Return which cells are drawn the same."""
    same_photo = [a == b for a, b in zip(names(one), names(other), strict=True)]
    drawn = [
        (getattr(one, part) == getattr(other, part)).reshape(len(one), -1).all(axis=1)
        for part in ("gain", "offset", "symmetry")
    ]
    return np.logical_and.reduce([same_photo, *drawn])


@pytest.fixture
def mosaic(tmp_path: Path, cover: Path, photos: Path) -> Path:
    """A map next to its cover."""
    (tmp_path / "china.jpg").write_bytes(cover.read_bytes())
    path = tmp_path / "it.mosaic"
    with open_mosaic(tmp_path / "china.jpg", MatchSettings(tiles=(str(photos),), columns=9, save_map=path), Silent()):
        pass
    return path


@pytest.mark.parametrize("with_cover", [True, False], ids=["with cover", "without cover"])
def test_only_banned_and_swapped_cells_change(mosaic: Path, with_cover: bool) -> None:
    if not with_cover:
        (mosaic.parent / "china.jpg").unlink()
    before = load_map(mosaic)
    banned, swapped_in = names(before)[0], names(before)[-1]
    edited = edit_mosaic(mosaic, mosaic.parent / "new.mosaic", EditSettings(ban=(banned,), swap=(f"3,2={swapped_in}",)))
    after = load_map(mosaic.parent / "new.mosaic")
    assert banned not in names(after)
    assert names(after)[2 * 9 + 3] == swapped_in
    touched = np.array([name == banned for name in names(before)])
    touched[2 * 9 + 3] = True
    assert same(before, after)[~touched].all()
    assert (edited.changed, edited.banned) == (touched.sum(), 1)
    assert ("figures" in after.recipe) == with_cover
    limits = before.recipe["limits"]
    assert isinstance(limits, dict)
    assert after.uses().max() <= limits["uses"] + 1  # swaps are exempt from the limits


def test_photos_that_edits_place_travel_from_nowhere(mosaic: Path) -> None:
    before = load_map(mosaic)
    came_from = np.arange(len(before), dtype=np.int32)[::-1].copy()
    save_map(replace(before, came_from=came_from), mosaic, overwrite=True)
    banned = names(before)[0]
    edit_mosaic(mosaic, mosaic, EditSettings(ban=(banned,)), overwrite=True)
    after = load_map(mosaic).came_from
    assert after is not None
    touched = np.array([name == banned for name in names(before)])
    assert (after == np.where(touched, -1, came_from)).all()


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system normalizes names itself")
def test_photos_are_found_by_names_in_any_unicode_normalization(tmp_path: Path, cover: Path, photos: Path) -> None:
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(sorted((photos / "more").iterdir())):
        (tmp_path / "photos" / f"{decomposed} {number}.jpg").write_bytes(photo.read_bytes())
    path = tmp_path / f"{decomposed}.mosaic"
    with open_mosaic(
        cover, MatchSettings(tiles=(str(tmp_path / "photos"),), columns=9, save_map=path), Silent()
    ) as made:
        first, second = names(made.placement)[0], made.placement.photos[-1].path.name
    composed_names = {name: name.replace(decomposed, composed) for name in (first, second)}
    for edit in (EditSettings(ban=(composed_names[first],)), EditSettings(swap=(f"0,0={composed_names[second]}",))):
        edit_mosaic(
            tmp_path / f"{composed}.mosaic", tmp_path / "new.mosaic", replace(edit, cover=cover), overwrite=True
        )
        after = names(load_map(tmp_path / "new.mosaic"))
        if edit.ban:
            assert first not in after
        else:
            assert after[0] == second
    with pytest.raises(InputError, match="is both in swap= and in ban=: remove it from one"):
        every = EditSettings(ban=(f"{composed}*",), swap=(f"0,0={composed_names[second]}",))
        edit_mosaic(path, tmp_path / "new.mosaic", every, overwrite=True)


@pytest.mark.parametrize("options", [{"match": "mean"}, {"match": "lab"}, {"match": "pixels", "turns": True}, {"adaptive": True}, {"blend": 0.3, "tone": 0.5}, {"tile_shape": "3:2", "gap": 0.06}, {"tile_shape": "hexagon", "mask": "heart"}, {"tile_shape": "circle", "mask": "circle", "adaptive": True}], ids=str)  # fmt: skip
def test_every_kind_of_map_can_be_edited(tmp_path: Path, cover: Path, photos: Path, options: dict[str, object]) -> None:
    path = tmp_path / "it.mosaic"
    settings = MatchSettings(tiles=(str(photos),), columns=9, save_map=path, **options)  # type: ignore[arg-type] # options of mixed types
    with open_mosaic(cover, settings, Silent()) as made:
        before = made.placement
    banned = {names(before)[0], names(before)[5]}
    edit_mosaic(path, path, EditSettings(ban=tuple(banned), cover=cover), overwrite=True)
    after = load_map(path)
    kept = np.array([name not in banned for name in names(before)])
    assert not banned & set(names(after))
    assert same(before, after)[kept].all()


@pytest.mark.parametrize(("name", "ratio"), [("3:2", 3 / 2), ("2:3", 2 / 3), ("hexagon", 3**0.5 / 2)])
def test_a_photo_that_is_swapped_in_is_cropped_to_the_tiles(
    tmp_path: Path, cover: Path, photos: Path, name: str, ratio: float
) -> None:
    path = tmp_path / "it.mosaic"
    settings = MatchSettings(tiles=(str(photos),), columns=9, tile_shape=name, mask="circle", save_map=path)
    with open_mosaic(cover, settings, Silent()) as made:
        before, cell = made.placement, len(made.placement) // 2
    column, row = cell_position(before.grid, cell)
    edit_mosaic(path, path, EditSettings(swap=(f"{column},{row}={cover}",), cover=cover), overwrite=True)
    after = load_map(path)
    assert (after.shape, after.size) == (before.shape, before.size)
    assert names(after)[cell] == cover.name
    assert [number for number, name in enumerate(names(after)) if name == cover.name] == [cell]
    for photo in after.photos:
        assert photo.crop[2] / photo.crop[3] == pytest.approx(ratio, rel=0.02)
    with pytest.raises(InputError, match="swap=0,0 is outside the mask: choose a cell that shows a photo"):
        edit_mosaic(path, path, EditSettings(swap=(f"0,0={cover}",), cover=cover), overwrite=True)


def test_a_file_name_with_pattern_characters_matches_only_its_photo(tmp_path: Path, cover: Path, photos: Path) -> None:
    (tmp_path / "tiles").mkdir()
    for name, photo in zip(["a[1].jpg", "a1.jpg", "a2.jpg", "b.jpg"], sorted(photos.rglob("*.jpg")), strict=False):
        shutil.copy(photo, tmp_path / "tiles" / name)
    path = tmp_path / "it.mosaic"
    tiles = (str(tmp_path / "tiles"),)
    with open_mosaic(cover, MatchSettings(tiles=tiles, columns=9, use_all=True, save_map=path), Silent()):
        pass
    edit_mosaic(path, path, EditSettings(ban=("a[1].jpg",)), overwrite=True)
    assert set(names(load_map(path))) == {"a1.jpg", "a2.jpg", "b.jpg"}
    edit_mosaic(path, path, EditSettings(ban=("a[12].jpg",)), overwrite=True)
    assert set(names(load_map(path))) == {"b.jpg"}


@pytest.mark.parametrize(
    "recipe",
    [
        {"banned": ["no digest", 3]},
        {"limits": {"uses": 10**15, "distance": 10**9}},
        {"limits": "none", "figures": 1, "banned": {}},
    ],
    ids=str,
)
def test_invalid_values_in_a_recipe_are_ignored(mosaic: Path, photos: Path, recipe: dict[str, JsonValue]) -> None:
    before = load_map(mosaic)
    save_map(replace(before, recipe={**before.recipe, **recipe}), mosaic, overwrite=True)
    banned, tiles = names(before)[0], TileSettings(tiles=(str(photos),))
    edit_mosaic(mosaic, mosaic, EditSettings(ban=(banned,)), tiles, overwrite=True)
    assert banned not in names(load_map(mosaic))


def test_a_ban_persists_until_the_photo_is_swapped_in(mosaic: Path, photos: Path) -> None:
    first, tiles = names(load_map(mosaic))[0], TileSettings(tiles=(str(photos),))
    edit_mosaic(mosaic, mosaic, EditSettings(ban=(first,)), overwrite=True)
    for name in names(load_map(mosaic))[:8]:
        if name in names(load_map(mosaic)):
            edit_mosaic(mosaic, mosaic, EditSettings(ban=(name,)), tiles, overwrite=True)
        assert first not in names(load_map(mosaic))
    edit_mosaic(mosaic, mosaic, EditSettings(swap=(f"0,0={next(photos.rglob(first))}",)), tiles, overwrite=True)
    assert names(load_map(mosaic))[0] == first


@settings(max_examples=10)
@given(st.sets(st.integers(0, 53), min_size=1, max_size=6))
def test_edits_respect_the_repeat_distance(
    tmp_path_factory: pytest.TempPathFactory, cover: Path, photos: Path, cells: set[int]
) -> None:
    path = tmp_path_factory.mktemp("maps") / "it.mosaic"
    with open_mosaic(cover, MatchSettings(tiles=(str(photos),), columns=9, repeat_distance=1, save_map=path), Silent()):
        pass
    banned = {names(load_map(path))[cell] for cell in cells}
    edit_mosaic(path, path, EditSettings(ban=tuple(banned)), TileSettings(tiles=(str(photos),)), overwrite=True)
    after = load_map(path)
    assert not banned & set(names(after))
    photo = after.photo.reshape(6, 9)
    for y, x in ((0, 1), (1, 0), (1, 1)):
        assert (photo[y:, x:] != photo[: 6 - y, : 9 - x]).all()
    assert (photo[1:, :-1] != photo[:-1, 1:]).all()


def test_the_command_reports_its_changes(render: Run, mosaic: Path, photos: Path) -> None:
    name = names(load_map(mosaic))[0]
    code, out, err = render(
        "edit", "it.mosaic", "--ban", name, "--tiles", photos, "--swap", f"8,5={photos / 'photo00.jpg'}"
    )
    assert (code, "it-edited.mosaic: " in out, "cells changed, 1 photo removed" in out, err) == (0, True, True, "")
    assert render("edit", "it-edited.mosaic", "--ban", "photo1*", "--tiles", photos)[0] == 2  # it exists
    code, out, _ = render("edit", "it-edited.mosaic", "--ban", "more/*", "--tiles", photos, "-y", "--json")
    assert (code, '"output": "it-edited.mosaic"' in out) == (0, True)
    assert "more" not in {photo.path.parent.name for photo in load_map(Path("it-edited.mosaic")).photos}
    assert render("mosaic", "it-edited.mosaic", "-o", "it.png", "--report", "it.html")[0] == 0
    assert '["render edit it-edited.mosaic --swap ","=PHOTO"]' in Path("it.html").read_text("utf-8")
    Path("china.jpg").unlink()
    code, _, err = render("mosaic", "it-edited.mosaic", "-o", "again.png", "--report", "again.html")
    assert (code, "--report requires the cover next to it-edited.mosaic" in err, Path("again.png").exists()) == (
        2,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No change is specified: use --ban PHOTO or --swap COLUMN,ROW=PHOTO"),
        (["--ban", "phot00.jpg"], "--ban phot00.jpg is not a photo of this mosaic: did you mean"),
        (["--swap", "9,9=photo00.jpg"], "--swap 9,9 is outside the grid: columns are 0 to 8, rows 0 to 5"),
        (["--swap", "1=photo00.jpg"], "--swap 1=photo00.jpg is not COLUMN,ROW=PHOTO"),
        (["--swap", "1,1="], "--swap 1,1= is not COLUMN,ROW=PHOTO"),
        (["--swap", "1,1=photo00", "--swap", "1,1=photo01"], "--swap 1,1=photo01 is for the same cell as another --swap"),
        (["--ban", "c0000[0-8].jpg"], "--ban c0000[0-8].jpg matches no photo of this mosaic: check the pattern"),
        (["--swap", "1,1=nothing.jpg"], "--swap nothing.jpg is not a photo of this mosaic"),
        (["--swap", "1,1=it.mosaic"], "it.mosaic is not a picture in a supported format: choose another photo"),
        (["--ban", "*"], "No photo is left to fill 54 cells of this map: ban fewer"),
        (["--ban", "photo*", "--cover", "it.mosaic"], "it.mosaic is not the cover of it.mosaic, or has changed"),
        (["--ban", "photo*", "--since", "2024"], "--since 2024 requires --tiles"),
        (["--ban", "photo*", "-o", "it.png"], "-o it.png must end in .mosaic"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_invalid_edits_fail_with_one_line_and_change_nothing(
    render: Run, mosaic: Path, words: list[str], message: str
) -> None:
    before = mosaic.read_bytes()
    code, _, err = render("edit", "it.mosaic", "-o", "new.mosaic", *words)
    assert (code, message in err, err.count("\n")) == (2, True, 1), err
    assert (mosaic.read_bytes(), Path("new.mosaic").exists()) == (before, False)


def test_photos_with_the_same_name_are_distinguished_by_path(render: Run, mosaic: Path, tmp_path: Path) -> None:
    for folder, colour in (("one", (200, 0, 0)), ("two", (0, 0, 200))):
        (tmp_path / "twice" / folder).mkdir(parents=True)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "twice" / folder / "same.png")
    words = ("edit", mosaic.name, "--tiles", "twice", "-o", "new.mosaic")
    code, _, err = render(*words, "--swap", "0,0=same.png")
    assert (code, "--swap 0,0=same.png matches more than one photo" in err, "specify more of the path" in err) == (
        2,
        True,
        True,
    ), err
    assert render(*words, "--swap", "0,0=two/same.png")[0] == 0
    assert load_map(Path("new.mosaic")).photos[load_map(Path("new.mosaic")).photo[0]].path.parent.name == "two"
