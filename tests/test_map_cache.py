"""The cache of placement maps: its key follows from the declared parameters."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from renderer.job import GridSettings, MatchSettings, TileSettings, inputs, open_mosaic
from renderer.parameters import parameter, parameters
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.settings import ChangeSettings

PHOTOS = 54
"""As many as cells with 9 columns: so each photo can be used exactly once, or left out."""

BASE = MatchSettings(tiles="tiles", columns=9)  # type: ignore[arg-type]  # one text stands for a tuple

NOT_DERIVED: dict[str, dict[str, object]] = {
    "tiles": {"tiles": "fewer"},
    "crop": {"crop": "centre"},  # smart is what None means
    "since": {"since": "2000"},
    "until": {"until": "2100"},
    "exclude": {"exclude": "photo00.jpg"},
    "ban": {"ban": "photo1*"},
    "swap": {"swap": "3,2=photo59.jpg"},
    "library_dir": {"library_dir": "libraries"},
    "save_map": {"save_map": "it.mosaic"},
    "credits": {"credits": "it.txt"},
    "cell_size": {"cell_size": 80, "columns": None},
    "mask": {"mask": "star"},
    "cover_font": {"cover_font": "font.ttf"},
    "fill": {"fill": "red"},
    "tile_shape": {"tile_shape": "3:2"},
    "border_colour": {"border_colour": (1.0, 0.0, 0.0)},
}
"""Other values of parameters that are names, paths, dates and colours."""

UNCHANGED = {
    "faces", "since", "until", "library_dir", "save_map", "credits", "video_frames", "skip_duplicates",
    "mask_threshold", "cover_font", "fill",
}  # fmt: skip
"""Parameters that choose the same photos from this folder, change no map, or have no effect on an opaque picture."""


def other_value(name: str, default: object) -> dict[str, object]:
    """Another valid value of a parameter of MatchSettings, from its type, choices and range."""
    if name in NOT_DERIVED:
        return NOT_DERIVED[name]
    hint, info = get_type_hints(MatchSettings)[name], parameters(MatchSettings)[name]
    kinds = [hint, *get_args(hint)]
    if isinstance(default, bool):
        return {name: not default}
    choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())
    if left := [choice for choice in choices if choice != default]:
        return {name: left[0]}
    for number in (info.low, info.low + 1, (info.low + min(info.high, 100)) / 2):
        value: object = number if float in kinds else int(number)
        if value not in (default, 0) and number <= info.high:  # 0 may mean the default
            return {name: value}
    raise AssertionError(f"give another value of {name} in NOT_DERIVED")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A working folder with two folders of photos, and a cache in which they are indexed."""
    made = tmp_path_factory.mktemp("maps")
    for name, count in (("tiles", PHOTOS), ("fewer", PHOTOS + 2)):
        (made / name).mkdir()
        for path in sorted(photos.rglob("*.jpg"))[-count:]:
            shutil.copy2(path, made / name)
    (made / "libraries").mkdir()
    return made


@pytest.fixture(scope="module")
def base_map(folder: Path, cover: Path) -> Iterator[PlacementMap]:
    """The map of the base settings, matched without a cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MOSAIC_RENDERER_CACHE", str(folder / "cache-base"))
        yield placement(cover, BASE, matched=True)


@pytest.fixture
def keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The cache keys of the maps that a test asks for, in order."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(folder / "cache"))
    found: list[str] = []
    original = inputs.cached_map

    def record(*values: Any) -> Path:
        found.append((path := original(*values)).name)
        return path

    monkeypatch.setattr(inputs, "cached_map", record)
    return found


def placement(cover: Path, settings: MatchSettings, *, matched: bool) -> PlacementMap:
    with open_mosaic(cover, settings, Silent(), matched=matched) as mosaic:
        return mosaic.placement


def same(one: PlacementMap, other: PlacementMap) -> bool:
    arrays = ("cell", "photo", "symmetry", "gain", "offset", "cost")
    return one.photos == other.photos and all(np.array_equal(getattr(one, a), getattr(other, a)) for a in arrays)


@pytest.mark.parametrize("name", parameters(MatchSettings))
def test_a_changed_parameter_gives_another_key_or_the_same_map(
    folder: Path, cover: Path, base_map: PlacementMap, keys: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(BASE, **other_value(name, getattr(BASE, name)))  # type: ignore[arg-type]  # of any parameter
    assert getattr(changed, name) != getattr(BASE, name)
    for settings in (BASE, changed):
        placement(cover, settings, matched=False)
    if parameters(MatchSettings)[name].in_recipe or name not in UNCHANGED | parameters(ChangeSettings).keys():
        assert keys[0] != keys[1]
        return
    assert keys[0] == keys[1]
    if name in parameters(ChangeSettings):  # which change the map that is cached
        assert not same(base_map, placement(cover, changed, matched=True))
        return
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(folder / f"cache-{name}"))  # it finds no map
    assert same(base_map, placement(cover, changed, matched=True))


@dataclass(frozen=True)
class MoreSettings(MatchSettings):
    """Settings with a parameter that is declared without `in_recipe`, and one declared with it."""

    warmth: float = parameter(0.0, "Warmth")
    preview: bool = parameter(False, "Open the map", in_recipe=False)


def test_a_new_parameter_is_part_of_the_key_unless_declared_otherwise() -> None:
    assert list(MoreSettings().recipe()) == [*MatchSettings().recipe(), "warmth"]


def test_the_order_of_a_recipe_is_fixed() -> None:
    assert json.dumps(MatchSettings(unique=True, tone=0.5).recipe()) == (  # the order is part of the key
        '{"match": "structure", "adaptive": false, "smallest_cell": "1/2", "largest_cell": "2", '
        '"tile_shape": "square", "corner_radius": 0.0, "gap": 0.0, "border": 0.0, "border_colour": [1.0, 1.0, 1.0], '
        '"max_uses": null, "repeat_distance": null, "unique": true, "use_all": false, "prefer": null, '
        '"merge_duplicates": false, "mirror": true, "turns": false, "tone": 0.5, "contrast": 0.5, '
        '"adapt_palette": false, "blend": 0.0, "match_seed": 0}'
    )


def test_tile_and_grid_settings_are_in_the_key_by_their_results() -> None:
    sides = {"adaptive", "smallest_cell", "largest_cell"}
    shape = {"tile_shape", "corner_radius", "gap", "border", "border_colour"}
    declared = {**parameters(TileSettings), **parameters(GridSettings)}
    assert {name for name, info in declared.items() if info.in_recipe} == sides | shape
