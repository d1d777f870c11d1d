"""Sort: photos in order become the mosaic, and back; and the order in which they lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from conftest import StageFactory, difference, heart
from PIL import Image

import renderer
from animations.morph import Morph
from animations.sort import Sort
from renderer.compositor import Compositor
from renderer.errors import InputError
from renderer.job import MatchSettings, open_mosaic
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.scene import (
    Rearrangement,
    Scene,
    SortBy,
    SortKeys,
    Sprites,
    Stage,
    in_view,
    photo_keys,
    sorted_cells,
    turns,
    without_tone,
)
from renderer.timeline import Show

FRAMES = {"16x9": (240, 135), "9x16": (135, 240)}


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage((240, 135), seconds=6.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def flying(scene: Scene) -> Sprites:
    return scene.sprites[-1]


@pytest.mark.parametrize("percent", [0, 30, 50, 60, 100])
@pytest.mark.parametrize("shape", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], shape: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[shape], seconds=6.0)
    with closing(stage.textures):
        golden(f"sort-{shape}-{percent:03d}", draw(stage, Sort().play(stage)(percent / 100)))


def colours(stage: Stage, by: SortBy) -> np.ndarray:
    """Return the mean colours of the photos in the frame, (rows, columns, 3), before they leave."""
    shown = draw(stage, Sort(by=by, drift=0).play(stage)(0.0))
    width, height = stage.frame
    return (
        shown[: height // 15 * 15, : width // 15 * 15].reshape(height // 15, 15, width // 15, 15, 3).mean(axis=(1, 3))
    )


def test_photos_are_sorted_by_brightness_along_the_longer_side(stage_factory: StageFactory) -> None:
    for size in FRAMES.values():
        stage = stage_factory.stage(size)
        with closing(stage.textures):
            light = colours(stage, "brightness").mean(axis=2)
        along = light.mean(axis=0 if size[0] > size[1] else 1)
        assert np.corrcoef(along, np.arange(len(along)))[0, 1] > 0.95
        assert along[-1] > along[0] + 80


def test_photos_are_sorted_by_hue_and_across_it_by_brightness(stage: Stage) -> None:
    sorted_by_hue = colours(stage, "hue")
    light = sorted_by_hue.mean(axis=(1, 2))
    assert light[0] > light[-1] + 30
    warm = sorted_by_hue[..., 0] - sorted_by_hue[..., 2]
    assert np.ptp(warm.mean(axis=0)) > 30


def neighbours_differ(stage: Stage, cells: np.ndarray) -> float:
    """Return the mean colour difference of tiles beside each other in a view, 0…255."""
    placement, count = stage.mosaic, len(stage.mosaic)
    mean = np.array([photo.mean for photo in placement.photos])[placement.photo] * 255
    at = np.empty(count, int)
    at[cells] = np.arange(count)
    pairs = placement.neighbours()
    visible = in_view(stage, stage.resting_sprites(), stage.whole_camera())
    pairs = pairs[visible[pairs].all(axis=1)]
    return float(np.abs(mean[at[pairs[:, 0]]] - mean[at[pairs[:, 1]]]).mean())


@pytest.mark.parametrize("by", ["hue", "brightness"])
def test_photos_of_similar_colours_are_neighbours(stage: Stage, by: SortBy) -> None:
    keys, camera = photo_keys(stage, by), stage.whole_camera()
    smooth, _ = sorted_cells(stage, camera, keys)
    plain, _ = sorted_cells(stage, camera, keys._replace(colour=None))
    in_order, _ = sorted_cells(stage, camera, SortKeys(keys.along))
    differs = [neighbours_differ(stage, cells) for cells in (smooth, plain, in_order)]
    # Brightness alone makes strips of similar colours.
    assert differs[0] < (0.8 if by == "hue" else 1.3) * differs[1] < differs[2]


@pytest.mark.parametrize("kind", ["square", "adaptive", "mixed", "hexagons", "heart"])
def test_each_cell_gets_one_tile_of_its_orientation(stage_factory: StageFactory, kind: str) -> None:
    if kind in ("mixed", "hexagons"):
        stage = stage_factory.shaped(kind, (240, 135))
    else:
        stage = stage_factory.stage((135, 240), adaptive=kind == "adaptive")
        stage = heart(stage) if kind == "heart" else stage
    with closing(stage.textures):
        for by in ("hue", "name"):
            cells, _ = sorted_cells(stage, stage.whole_camera(), photo_keys(stage, by))  # type: ignore[arg-type]
            assert sorted(cells.tolist()) == list(range(len(stage.mosaic)))
            upright = stage.mosaic.cell[:, 3] > stage.mosaic.cell[:, 2] + 1e-6
            assert (upright[cells] == upright).all()


def test_the_whole_order_is_in_view(stage_factory: StageFactory) -> None:
    """Of a landscape mosaic in a portrait frame, a third is visible: the brightest and the darkest photos are in it."""
    stage = stage_factory.stage((90, 240))
    with closing(stage.textures):
        camera, keys = stage.whole_camera(), photo_keys(stage, "brightness")
        cells, along = sorted_cells(stage, camera, keys)
        assert along == 1
        visible = in_view(stage, stage.resting_sprites(), camera)
        light = keys.along[stage.mosaic.photo]
        inside = light[visible[cells]]
        assert visible.mean() < 0.5
        quantiles = [0.05, 0.5, 0.95]
        assert np.abs(np.quantile(inside, quantiles) - np.quantile(light, quantiles)).max() < 4


def test_photos_are_sorted_by_name_and_date(photos: Path, cover: Path) -> None:
    """In reading order; files without a capture time count with their modification time."""
    pictures = sorted(photos.rglob("*.jpg"), key=lambda path: path.name)
    for number, path in enumerate(pictures):
        seconds = datetime(2020, 1, 1).timestamp() + 86_400 * ((number * 7) % 60)
        os.utime(path, (seconds, seconds))
    for by in ("name", "date"):
        with open_mosaic(cover, MatchSettings((str(photos),), columns=12), Silent()) as mosaic:
            stage = renderer_stage(mosaic)
            with closing(stage.textures):
                keys = photo_keys(stage, by)  # type: ignore[arg-type]  # mypy does not narrow the tuple
                paths = [photo.path for photo in stage.mosaic.photos]
                ordered = sorted(range(len(paths)), key=keys.along.__getitem__)
                facts = [paths[each].name if by == "name" else paths[each].stat().st_mtime for each in ordered]
                assert facts == sorted(facts)  # type: ignore[type-var]  # all of one type
                cells, along = sorted_cells(stage, stage.whole_camera(), keys)
                assert (along, keys.across) == (1, None)
                rank = keys.along[stage.mosaic.photo]
                row = np.empty(len(cells))
                row[:] = np.floor(stage.resting_sprites().centre[cells, 1])
                means = [rank[row == each].mean() for each in np.unique(row)]
                assert (np.diff(means) > 0).all()


def renderer_stage(mosaic: renderer.job.OpenMosaic) -> Stage:
    """Return a stage that shows all of a mosaic."""
    from renderer.textures import Textures

    textures = Textures(10_000_000, 1)
    placement = mosaic.placement
    return Stage(
        [placement], [mosaic.library], textures, [textures.add_tiles(mosaic.library)], (120, 80), 4.0, fit="pad"
    )


def test_photos_without_dates_cannot_be_sorted_by_them(stage: Stage) -> None:
    with pytest.raises(InputError, match="by=date is not possible, as only one photo has a date: sort by hue"):
        Sort(by="date").play(stage)  # the cover itself, among its pieces
    pieces = [replace(photo, is_part=True) for photo in stage.mosaic.photos]
    stage = replace(stage, maps=[replace(stage.mosaic, photos=tuple(pieces))])
    with pytest.raises(InputError, match="as no photo has a date: sort by hue, brightness or name"):
        photo_keys(stage, "date")


def test_photos_without_a_date_are_last(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = [f"20{20 - number % 10}-01-01" if number % 3 else "" for number in range(len(stage.mosaic.photos))]
    monkeypatch.setattr(Stage, "dates", lambda _self: dates)
    keys = photo_keys(stage, "date")
    ordered = [dates[each] for each in np.argsort(keys.along)]
    known = [date for date in ordered if date]
    assert ordered == sorted(known) + [""] * (len(dates) - len(known))


# -- The way -------------------------------------------------------------------------------------------------------


def test_it_ends_on_the_mosaic_and_starts_on_photos_in_their_own_colours(stage: Stage) -> None:
    motion = Sort().play(stage)
    camera = stage.whole_camera()
    whole = draw(stage, stage.scene(camera, stage.resting_sprites()))
    assert np.array_equal(draw(stage, motion(1.0)), whole)
    (tiles,) = motion(0.0).sprites
    assert (tiles.gain == 1).all()
    mean = np.array([photo.mean for photo in stage.mosaic.photos])[tiles.texture - stage.first_texture[0]]
    colour = mean - mean.mean(axis=1, keepdims=True)
    assert (tiles.offset * colour >= -1e-6).all()  # a little more vivid
    assert 0 < np.abs(tiles.offset).max() <= 0.1001
    assert (tiles.right[:, 0] > 0).all()  # neither mirrored nor turned
    assert len(tiles) > 0.9 * len(stage.mosaic) * 135 / 160  # all rows in view
    assert difference(draw(stage, motion(0.0)), whole).mean() > 20


def test_into_sorted_is_the_way_back(stage: Stage) -> None:
    there, back = Sort().play(stage), Sort(into="sorted", hold_start=1.0, hold_end=0.8).play(stage)
    for progress in (0.0, 0.4, 0.7, 1.0):
        assert difference(draw(stage, there(progress)), draw(stage, back(1 - progress))).max() <= 1
    assert Sort().shown_endings() == ("sorted", "mosaic")
    assert Sort(into="sorted").shown_endings() == ("mosaic", "sorted")
    assert Sort(reverse=True).shown_endings() == ("mosaic", "sorted")
    Show(timeline="sort 3s into=sorted, hold 1s, sort 3s, zoom 3s")
    with pytest.raises(
        InputError, match='ends with sorted photos, but zoom starts with the whole mosaic: put "sort 4s"'
    ):
        Show(timeline="sort 3s into=sorted, zoom 3s")


def test_each_photo_travels_to_its_cell(stage: Stage) -> None:
    motion = Sort(overlap=1, swirl=0, shadow=0, light=0, drift=0).play(stage)
    tiles = stage.resting_sprites()
    early, late = flying(motion(0.3)), flying(motion(0.7))
    first, last = (group.take(np.argsort(group.tile)) for group in (early, late))
    end = tiles.centre[np.flatnonzero(np.isin(tiles.tile, last.tile))]
    assert len(first) == len(last) == len(tiles)
    assert np.isfinite(end).all()
    assert np.abs(np.sort(last.texture) - np.sort(tiles.texture)).max() == 0


@pytest.mark.parametrize(
    ("changed", "progress"),
    [
        (Sort(by="brightness"), 0.0),
        (Sort(swirl=-0.8), 0.45),
        (Sort(overlap=0.8), 0.4),
        (Sort(easing="linear"), 0.45),
        (Sort(hold_start=0), 0.15),
        (Sort(hold_end=0), 0.7),
        (Sort(light=0), 0.45),
        (Sort(shadow=0), 0.45),
        (Sort(depth_blur=1), 0.45),
        (Sort(drift=0.1), 0.5),
    ],
    ids=lambda value: str(value) if isinstance(value, float) else "",
)
def test_each_parameter_has_an_effect(stage: Stage, changed: Sort, progress: float) -> None:
    frames = [draw(stage, each.play(stage)(progress)) for each in (Sort(), changed)]
    assert difference(*frames).mean() > 0.1


def test_tiles_leave_in_their_order(stage: Stage) -> None:
    """From the left to the right, so that those with the first hues arrive first."""
    motion = Sort(drift=0, hold_start=0, hold_end=0).play(stage)
    left = motion(0.2).sprites[1].centre[:, 0]  # still at rest
    assert np.quantile(left, 0.1) > np.quantile(stage.resting_sprites().centre[:, 0], 0.2)


def test_a_tile_that_starts_below_another_one_fades_in(stage: Stage) -> None:
    for overlap, some in ((0.2, True), (0.6, False)):
        cells, _ = sorted_cells(stage, stage.whole_camera(), photo_keys(stage, "hue"))
        tiles = Rearrangement(
            without_tone(stage, cells), stage.whole_camera(), swirl=0.2, overlap=overlap, easing="sine"
        )
        assert tiles.covered.any() == some
        opacity = np.concatenate([tiles.groups(way)[0].opacity for way in np.linspace(0.05, 0.95, 30)])
        assert (opacity < 1).any() == some


def test_mirrored_photos_turn_over(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((240, 135))
    with closing(stage.textures):
        mosaic = stage.mosaic
        symmetry = (np.arange(len(mosaic)) % 8).astype(np.uint8)
        stage = replace(stage, maps=[replace(mosaic, symmetry=symmetry)], _made={})
        start, end = stage.resting_sprites(upright=range(len(mosaic))), stage.resting_sprites()
        mirrored, axis, angle = turns(start, end)
        assert 0.4 < mirrored.mean() < 0.6
        turned = start.moved(end.centre, tumble=np.pi * mirrored, axis=axis, angle=angle)
        assert np.abs(turned.right - end.right).max() < 1e-9
        assert np.abs(turned.down - end.down).max() < 1e-9


@pytest.mark.parametrize("count", [1, 10])
def test_one_photo_and_ten_cells(stage: Stage, count: int) -> None:
    some = np.arange(count)
    arrays = {name: getattr(stage.mosaic, name)[some] for name in ("photo", "symmetry", "gain", "offset", "cost")}
    few = replace(
        stage.mosaic, cell=np.array([[float(each), 0.0, 1.0, 1.0] for each in some]), size=(count, 1.0), **arrays
    )
    small = replace(stage, maps=[few], _made={})
    for by in ("hue", "brightness", "name"):
        motion = Sort(by=by).play(small)  # type: ignore[arg-type]  # mypy does not narrow the tuple
        for progress in (0.0, 0.3, 0.5, 1.0):
            assert np.isfinite(flying(motion(progress)).centre).all()
        assert draw(small, motion(1.0)).any()


def test_a_loop_closes(stage: Stage) -> None:
    motion, count = Sort(loop=True).play(replace(stage, seconds=12.0, frames=240)), 240
    frames = [draw(stage, motion(number / count)).astype(int) for number in (count - 1, 0, 1)]
    assert np.abs(frames[0] - frames[1]).mean() < 1
    assert np.abs(frames[0] - frames[2]).mean() < 1


def test_morph_keeps_the_ground_out_of_gaps_at_its_ends(stage_factory: StageFactory) -> None:
    stage = stage_factory.shaped("circles", (240, 135), seconds=6.0)
    with closing(stage.textures):
        motion = Morph(to=("next.jpg",), hold_start=0, hold_end=0, drift=0).play(stage)
        for end, near in ((0.0, 0.002), (1.0, 0.998)):
            assert difference(draw(stage, motion(end)), draw(stage, motion(near))).mean() < 3


def test_the_command_of_the_readme(
    render: Callable[..., tuple[int, str, str]], cover: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("--tiles", photos, "--columns", "12", "--size", "96x64", "-q")
    assert render("still", "sort", cover, "--by", "hue", "--into", "cover", "--at", "8", *words, "-o", "it.png")[0] == 0
    with Image.open(cover) as picture, Image.open(tmp_path / "it.png") as still:
        expected = np.asarray(picture.convert("RGB").resize((96, 64)))
        assert difference(np.asarray(still.convert("RGB")), expected).mean() < 40
