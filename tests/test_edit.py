"""Edits: bans and swaps, in saved maps and in mosaics that other commands open."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import renderer
from animations.flip import Flip
from animations.morph import Morph
from renderer.encoder import run_ffmpeg
from renderer.errors import InputError
from renderer.grid import cell_position
from renderer.job import (
    EditSettings,
    MatchSettings,
    OpenMosaic,
    TileSettings,
    edit_mosaic,
    open_mosaic,
    sample_pictures,
)
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Silent

pytestmark = pytest.mark.usefixtures("shared_cache")

Run = Callable[..., tuple[int, str, str]]
Open = Callable[..., OpenMosaic]


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


# -- Changes to the photos of a mosaic that another command opens --------------------------------------------------


@pytest.fixture
def magenta(tmp_path: Path) -> Path:
    """A photo that no library has."""
    (tmp_path / "own").mkdir()
    Image.new("RGB", (64, 64), (255, 0, 255)).save(tmp_path / "own" / "magenta.png")
    return tmp_path / "own" / "magenta.png"


def cached_maps() -> set[str]:
    return {path.name for path in (Path(os.environ["MOSAIC_RENDERER_CACHE"]) / "maps").glob("*.mosaic")}


@pytest.fixture
def opened() -> Iterator[Callable[..., OpenMosaic]]:
    """A function that opens a mosaic until the test ends."""
    with ExitStack() as stack:
        yield lambda cover, settings, **more: stack.enter_context(open_mosaic(cover, settings, Silent(), **more))


@pytest.mark.parametrize("is_saved", [False, True], ids=["picture", "map"])
def test_a_still_shows_a_swapped_photo_in_its_cell_only(
    render: Run, cover: Path, photos: Path, magenta: Path, is_saved: bool
) -> None:
    words = [cover, "--tiles", photos, "--columns", "12", "--tone", "0"]
    if is_saved:
        assert render("mosaic", *words, "--save-map", "it.mosaic", "-o", "it.png")[0] == 0
        words = ["it.mosaic"]
        shutil.copy(cover, "china.jpg")
    for name, more in (("before", []), ("after", ["--swap", f"3,2={magenta}"])):
        code, _, err = render("still", "zoom", *words, *more, "--size", "192x128", "-o", f"{name}.png")
        assert (code, "is a placement map" in err) == (0, False), err
    before, after = (np.asarray(Image.open(f"{name}.png").convert("RGB")).astype(int) for name in ("before", "after"))
    y, x = slice(2 * 16, 3 * 16), slice(3 * 16, 4 * 16)
    assert (abs(after[y, x][2:-2, 2:-2] - (255, 0, 255)) <= 2).all()
    changed = abs(after - before).max(axis=2) > 2
    changed[y.start - 1 : y.stop + 1, x.start - 1 : x.stop + 1] = False
    assert not changed.any()


@pytest.mark.parametrize("options", [{}, {"adapt_palette": True}, {"tile_shape": "mixed"}, {"mask": "heart"}], ids=str)
def test_opening_with_a_swap_places_what_an_edit_places(
    render: Run, cover: Path, photos: Path, magenta: Path, options: dict[str, object]
) -> None:
    shutil.copy(cover, "china.jpg")
    more = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value) if word != True]  # noqa: E712 (a flag has no value)
    words = ("mosaic", "china.jpg", "--tiles", photos, "--columns", "12", *more, "--tile-pixels", "2", "-o", "it.png")
    swaps = ("--swap", f"6,2={magenta}", "--swap", "5,3=photo07")
    assert render(*words, "--save-map", "a.mosaic")[0] == 0
    maps = cached_maps()
    assert render("edit", "a.mosaic", *swaps, "--tiles", photos, "-o", "b.mosaic")[0] == 0
    assert render(*words, *swaps, "--save-map", "c.mosaic", "-y")[0] == 0
    assert render("mosaic", "a.mosaic", *swaps, "--tiles", photos, "--save-map", "d.mosaic", "-o", "d.png")[0] == 0
    assert cached_maps() == maps
    before, edited, *others = (load_map(Path(f"{name}.mosaic")) for name in "abcd")
    assert (~same(before, edited)).sum() == 2
    for other in others:
        assert names(other) == names(edited)
        assert (other.symmetry == edited.symmetry).all()
        assert other.recipe["banned"] == edited.recipe["banned"] == []
        if "adapt_palette" not in options:  # to the colours of all photos; an edit knows those of the map
            assert np.allclose(other.gain, edited.gain, atol=1e-3)
            assert np.allclose(other.offset, edited.offset, atol=1e-3)


def test_a_ban_changes_only_the_cells_of_the_photo_and_matches_nothing_again(
    opened: Open, cover: Path, photos: Path
) -> None:
    settings = MatchSettings(tiles=(str(photos),), columns=12)
    before = opened(cover, settings)
    maps, (unused, *_) = cached_maps(), sorted(set(all_names(before)) - set(names(before.placement)))
    banned = names(before.placement)[0]
    after = opened(cover, replace(settings, ban=(banned, unused)))
    assert cached_maps() == maps
    placed = names(after.placement)
    touched = np.array([name == banned for name in names(before.placement)])
    assert banned not in placed
    assert same(before.placement, after.placement)[~touched].all()
    assert tuple(after.library.photos) == after.placement.photos
    assert set(all_names(before)) - set(all_names(after)) == {banned, unused}
    assert set(placed) <= set(all_names(after))
    assert 0 <= min(after.landings) <= max(after.landings) < len(after.placement)
    assert banned not in [placed[cell] for cell in after.landings]
    assert len(after.placement.recipe["banned"]) == 2  # type: ignore[arg-type]  # a list
    # Nothing changes in the map, but the photo stays out in later edits.
    unchanged = opened(cover, replace(settings, ban=(unused,)))
    assert same(before.placement, unchanged.placement).all()
    assert unchanged.placement.recipe["figures"] == before.placement.recipe["figures"]


def all_names(mosaic: OpenMosaic) -> list[str]:
    """Return the file name of each photo that could have been placed."""
    return [photo.path.name for photo in mosaic.offered.photos]


def test_unused_photos_replace_banned_ones_within_the_limits(opened: Open, cover: Path, photos: Path) -> None:
    settings = MatchSettings(tiles=(str(photos),), columns=6, unique=True)
    before = opened(cover, settings).placement
    after = opened(cover, replace(settings, ban=tuple(names(before)[:5]))).placement
    assert len(set(names(after)) - set(names(before))) == 5
    assert after.uses().max() == 1
    with pytest.raises(InputError, match=r"Too few photos are left to fill \d+ cells of this map"):
        opened(cover, replace(settings, ban=("photo[0-4]*",)))


def test_a_map_gets_photos_of_the_specified_tiles(opened: Open, mosaic: Path, photos: Path) -> None:
    map_names = set(names(load_map(mosaic)))
    settings = MatchSettings(ban=("more/*",))
    own = opened(mosaic, settings)
    assert own.is_saved
    assert set(names(own.placement)) < map_names
    others = opened(mosaic, replace(settings, tiles=(str(photos),), exclude=("photo00*",)))
    assert others.is_saved
    assert not set(names(others.placement)) <= map_names
    assert "photo00.jpg" not in set(names(others.placement)) - map_names
    assert {photo.path.parent.name for photo in others.placement.photos} == {photos.name}


def test_a_ban_applies_to_all_covers_and_a_swap_to_the_first(
    opened: Open, cover: Path, photos: Path, magenta: Path
) -> None:
    settings = MatchSettings(tiles=(str(photos),), columns=12)
    flip = Flip(to=(str(sample_pictures()[1]),))
    first = opened(cover, settings, animation=flip)
    banned = names(first.others[0].placement)[0]
    in_cell = f"3,2={next(photos.rglob(names(first.placement)[7]))}"
    changed = opened(cover, replace(settings, ban=(banned,), swap=(in_cell,)), animation=flip)
    for each in (changed, *changed.others):
        assert banned not in names(each.placement)
    assert names(changed.placement)[2 * 12 + 3] == names(first.placement)[7]
    swapped = opened(cover, replace(settings, swap=(f"3,2={magenta}",)), animation=Morph(to=flip.to))
    assert [names(each.placement).count("magenta.png") for each in (swapped, *swapped.others)] == [1, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ban", "phot00.jpg"], "--ban phot00.jpg is not a photo of this mosaic: did you mean"),
        (["--swap", "12,9=photo00.jpg"], "--swap 12,9 is outside the grid: columns are 0 to 11, rows 0 to 7"),
        (["--swap", "1=photo00.jpg"], "--swap 1=photo00.jpg is not COLUMN,ROW=PHOTO"),
        (["--swap", "1,1=nothing.jpg"], "--swap nothing.jpg is not a photo of this mosaic"),
        (["--swap", "1,1=photo00", "--ban", "photo0*"], "photo00.jpg is both in --swap and in --ban"),
        (["--ban", "photo00", "--focus", "photo00"], "--focus photo00 is neither a point X,Y nor a photo of this mosaic"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_invalid_changes_fail_in_a_dry_run_and_in_a_render(
    render: Run, cover: Path, photos: Path, words: list[str], message: str
) -> None:
    every = ("zoom", cover, "--tiles", photos, "--columns", "12", "-o", "it.mp4", *words)
    for more in (["--dry-run"], [], ["--dry-run"]):  # before the cover is matched, and after it
        code, _, err = render(*every, *more)
        assert (code, message in err) == (2, True), err


def test_a_video_in_segments_shows_the_changes_and_names_no_folders(
    render: Run, cover: Path, photos: Path, magenta: Path
) -> None:
    words = ("reveal", cover, "--tiles", photos, "--columns", "12", "--tone", "0", "--fps", "5", "--duration", "24")
    changes = ("--swap", f"3,2={magenta}", "--ban", photos / "photo00.jpg", "--ban", "more/*1.jpg")
    code, _, err = render(
        *words, *changes, "--size", "96x64", "--segment-seconds", "8", "--workers", "2", "-o", "it.mp4"
    )
    assert code == 0, err
    raw = Path("it.mp4").read_bytes()
    assert b"--ban photo00.jpg --ban '*1.jpg' --swap 3,2=magenta.png" in raw
    assert not any(str(path).encode() in raw for path in (magenta.parent, photos, "more/"))
    run_ffmpeg("-sseof", "-0.5", "-i", "it.mp4", "-frames:v", "1", "last.png")
    shown = np.asarray(Image.open("last.png").convert("RGB")).astype(int)
    assert (abs(shown[2 * 8 + 3 : 2 * 8 + 5, 3 * 8 + 3 : 3 * 8 + 5] - (255, 0, 255)) < 30).all()


@pytest.mark.usefixtures("own_cache")
def test_rows_and_presets_swap_photos_in_one_mosaic(render: Run, cover: Path, photos: Path) -> None:
    Path("faces").mkdir()
    for name, colour in (("ada", (255, 0, 0)), ("bo", (0, 0, 255)), ("cy", (0, 255, 0))):
        Image.new("RGB", (40, 40), colour).save(f"faces/{name}.png")
    Path("people.csv").write_text("name\nada\nbo\n")
    Path("mine.toml").write_text('swap = "3,2=faces/cy.png"\ntone = 0.0\n')
    campaign = f"""
[defaults]
tiles = "{photos.as_posix()}"
cover = "{cover.as_posix()}"
columns = 12
tone = 0.0
size = "96x64"
duration = 0.4
fps = 5
format = "webm"
[[job]]
rows = "people.csv"
swap = "3,2=faces/{{name}}.png"
output = "out/{{name}}"
[[job]]
preset = "mine.toml"
output = "out/cy"
"""
    Path("campaign.toml").write_text(campaign)
    assert render("batch", "campaign.toml")[0] == 0
    for name, colour in (("ada", (255, 0, 0)), ("bo", (0, 0, 255)), ("cy", (0, 255, 0))):
        run_ffmpeg("-i", f"out/{name}.webm", "-frames:v", "1", f"{name}.png")
        shown = np.asarray(Image.open(f"{name}.png").convert("RGB")).astype(int)
        assert (abs(shown[2 * 8 + 3 : 2 * 8 + 5, 3 * 8 + 3 : 3 * 8 + 5] - colour) < 40).all()
    assert len(cached_maps()) == 1
    Image.new("RGB", (40, 40), (255, 255, 0)).save("faces/bo.png")
    planned = json.loads(render("batch", "campaign.toml", "--dry-run", "--json")[1])["videos"]
    assert [video["output"] for video in planned if not video["up_to_date"]] == ["out/bo.webm"]
    Path("people.csv").write_text("name\nada\nnobody\nbo\n")  # videos of one mosaic fail one by one
    out = render("batch", "campaign.toml", "--json")[1]
    assert {Path(each["output"]).stem: bool(each.get("error")) for each in json.loads(out)["videos"]} == {
        "ada": False, "nobody": True, "bo": False, "cy": False,
    }  # fmt: skip
    Path("people.csv").write_text("name\nada\n../ada\n")
    assert "name = ../ada leads out of faces" in render("batch", "campaign.toml", "--dry-run")[2]


def test_python_changes_photos_of_covers_and_of_mosaics(cover: Path, photos: Path, magenta: Path) -> None:
    swap = f"3,2={magenta}"
    plain = renderer.match(cover, tiles=photos, columns=12, tone=0)
    swapped = renderer.match(cover, tiles=photos, columns=12, tone=0, swap=swap)
    assert names(swapped.placement)[2 * 12 + 3] == "magenta.png"
    drawn = [
        renderer.frame(source, "zoom", at=0, size=(192, 128), **more)
        for source, more in ((swapped, {}), (plain, {"swap": swap}))
    ]
    assert np.array_equal(*drawn)
    assert "magenta.png" not in names(plain.placement)
