"""Parade: single photos that fly to their cells, and the mosaic that spreads from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import StageFactory, difference, heart

from animations.parade import Parade
from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import Float64Array, Motion, OpeningPhoto, Scene, Stage, landings_in_view
from renderer.timeline import Show

FRAMES = {"16x9": (240, 135), "9x16": (135, 240)}


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = with_landings(stage_factory.stage((240, 135), seconds=14.0))
    yield made
    made.textures.close()


def with_landings(stage: Stage) -> Stage:
    """Return a stage with twelve photos to land on: pieces of the cover around its middle, each another."""
    tiles, middle = stage.resting_sprites(), 0.5 * np.array(stage.mosaic.size)
    by_distance = np.argsort(np.linalg.norm(tiles.centre - middle - (0.0, 0.6), axis=1), kind="stable")
    first = np.sort(np.unique(stage.mosaic.photo[by_distance], return_index=True)[1])
    cells = by_distance[first][::5][:12].tolist()
    return replace(stage, landing_finders=[lambda: cells] * len(stage.maps))


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


@pytest.mark.parametrize("percent", [0, 15, 50, 70, 100])
@pytest.mark.parametrize("shape", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], shape: str, percent: int
) -> None:
    stage = with_landings(stage_factory.stage(FRAMES[shape], seconds=9.0))
    with closing(stage.textures):
        golden(f"parade-{shape}-{percent:03d}", draw(stage, Parade(photos=4).play(stage)(percent / 100)))


def alone(motion: Motion, count: int = 400) -> list[tuple[float, float]]:
    """Return when each photo alone fills the frame: first and last progress."""
    spans: list[list[float]] = []
    for progress in np.linspace(0, 1, count):
        scene = motion(float(progress))
        is_alone = all(group.rest is None and (group.tile < 0).all() for group in scene.sprites)
        if is_alone and spans and progress - spans[-1][1] < 1.5 / count:
            spans[-1][1] = float(progress)
        elif is_alone:
            spans.append([float(progress)] * 2)
    return [(first, last) for first, last in spans]


def landed(motion: Motion, progress: float) -> int:
    """Return the number of tiles at rest."""
    return sum(len(group) for group in motion(progress).sprites if group.rest is not None)


def test_it_begins_on_a_photo_as_a_zoom_ends_and_ends_on_the_mosaic(stage: Stage) -> None:
    motion, zoom = Parade().play(stage), Zoom().play(stage)
    assert motion(0.0).camera == zoom(1.0).camera
    assert difference(draw(stage, motion(0.0)), draw(stage, zoom(1.0))).max() <= 2
    whole = draw(stage, stage.scene(stage.whole_camera(), stage.resting_sprites()))
    assert np.array_equal(draw(stage, motion(1.0)), whole)
    assert Parade().shown_endings() == ("photo", "mosaic")


def test_each_photo_is_shown_alone_and_faster_and_faster(stage: Stage) -> None:
    seconds = Parade(photos=5).default_duration()
    stage = replace(stage, seconds=seconds)
    spans = alone(Parade(photos=5).play(stage))
    assert len(spans) == 5
    lengths = np.array([last - first for first, last in spans]) * seconds
    assert (np.diff(lengths) < 0).all()
    assert lengths[0] > 1.2
    assert lengths[-1] > 0.25  # and it is visible before, as it slides in
    even = [last - first for first, last in alone(Parade(photos=5, accelerate=0).play(stage))]
    assert np.ptp(even[1:]) < 0.02
    assert len(alone(Parade(photos=2).play(stage))) == 2


def test_the_next_photo_slides_in_and_hides_what_is_below(stage: Stage) -> None:
    """Photos that fade in over others look like panes of glass."""
    motion = Parade(photos=3, shadow=0, drift=0).play(stage)
    (_, leaves), (fills, _) = alone(motion)[:2]
    before, after = (draw(stage, motion(fills + offset)).astype(int) for offset in (-0.003, 0.003))
    assert np.abs(before - after).mean() < 25  # nearly in place
    coming = [motion(progress).sprites[-1] for progress in np.linspace(leaves, fills, 40)[-12:-1]]
    centres = np.array([each.centre[0] for each in coming])
    assert all((each.opacity == 1).all() for each in coming)
    assert np.ptp(centres, axis=0).min() < 0.01  # along one axis
    assert (np.diff(np.abs(centres - centres[-1]).max(axis=1)) < 0).all()


def test_no_frame_is_dark(stage: Stage) -> None:
    """The next photo appears while the former one flies, and below them is the mosaic, blurred."""
    motion = Parade().play(stage)
    light = [draw(stage, motion(progress)).mean() for progress in np.linspace(0, 1, 60)]
    assert min(light) > 40


def test_the_mosaic_spreads_from_the_photos_that_have_landed(stage: Stage) -> None:
    motion = Parade(photos=4, hold_end=0).play(stage)
    spans = alone(motion)
    tiles, cells = stage.resting_sprites(), landings_in_view(stage, 4)
    between = [0.5 * (before[1] + after[0]) for before, after in pairwise(spans)]
    counts = [landed(motion, progress) for progress in [*between, 0.9, 1.0]]
    assert counts[0] == 0  # until the first photo has landed
    assert counts[1:] == sorted(counts[1:])
    assert 0 < counts[1] < 0.3 * len(tiles)
    assert 0.3 * len(tiles) < counts[-2] < len(tiles) == counts[-1]
    (resting,) = (group for group in motion(between[1]).sprites if group.rest is not None)
    assert np.linalg.norm(resting.centre - tiles.centre[cells[0]], axis=1).max() < 8


def test_photos_differ_and_land_inside_the_frame(stage_factory: StageFactory) -> None:
    for size in FRAMES.values():
        made = with_landings(stage_factory.stage(size))
        for stage in (made, with_landings(heart(made))):
            cells = landings_in_view(stage, 12)
            photos = stage.mosaic.photo[cells]
            assert len(cells) == len(set(photos.tolist())) > 3
            assert cells[0] == stage.landings()[0]
            camera = stage.whole_camera()
            away = np.abs(stage.resting_sprites().centre[cells[1:]] - camera.centre) / stage.view(camera)
            assert away.max() < 0.5
            assert landings_in_view(replace(stage, from_cell=17), 3)[0] == 17
        made.textures.close()


def test_a_flying_photo_keeps_its_path_to_its_cell(stage: Stage) -> None:
    motion, camera = Parade(photos=1, drift=0).play(stage), stage.whole_camera()
    (span,) = alone(motion)
    (cell,) = landings_in_view(stage, 1)
    end = stage.resting_sprites().centre[cell]

    def photo(progress: float) -> tuple[Float64Array, float] | None:
        for group in motion(progress).sprites:
            if group.space is not None and len(group) == 1 and group.tile[0] < 0 and group.window[0, 2] < 1.01:
                found = np.array([*group.centre[0], group.height()[0]]), float(np.linalg.norm(group.right[0]))
        return found

    times = np.linspace(span[1] + 0.005, span[1] + 1.05 / Parade(photos=1).default_duration(), 20)
    steps = [photo(progress) for progress in times]
    sizes = [each[1] for each in steps if each is not None]
    assert (np.diff(sizes) < 0).all()
    assert sizes[0] > 0.3 * stage.view(camera)[0]
    assert sizes[-1] < 2
    last = steps[-1]
    assert last is not None
    assert np.linalg.norm(last[0][:2] - end) < 1


def test_mirrored_photos_are_shown_as_they_are_and_turn_as_they_land(stage: Stage) -> None:
    cell = stage.landings()[0]
    symmetry = stage.mosaic.symmetry.copy()
    symmetry[cell] = 1
    mirrored = replace(stage, maps=[replace(stage.mosaic, symmetry=symmetry)], _made={})
    cell = landings_in_view(mirrored, 1)[0]
    assert mirrored.mosaic.symmetry[cell] == 1
    motion = Parade(photos=1).play(mirrored)
    assert difference(draw(mirrored, motion(0.0)), draw(mirrored, Zoom().play(mirrored)(1.0))).max() <= 2
    whole = draw(mirrored, mirrored.scene(mirrored.whole_camera(), mirrored.resting_sprites()))
    assert np.array_equal(draw(mirrored, motion(1.0)), whole)
    (span,) = alone(motion)
    flight = 1.1 / Parade(photos=1).default_duration()
    for after, turns in ((0.2, False), (0.7, True)):
        progress = span[1] + after * flight
        frames = [draw(mirrored, Parade(photos=1, light=light).play(mirrored)(progress)) for light in (0, 1)]
        assert (difference(*frames).max() > 8) == turns  # light changes what turns out of the plane


def test_it_continues_a_zoom_and_can_lead_to_a_photo(stage: Stage) -> None:
    cell = stage.landings()[3]
    assert Parade().landings(replace(stage, from_cell=cell))[0] == cell
    assert Parade().last_photo(stage) is None
    back = Parade(reverse=True)
    assert back.last_photo(stage) == stage.landings()[0] == list(back.landings(stage))[-1]
    show = Show(timeline="zoom 3s, parade 8s photos=3, hold 1s, disperse 2s")
    motion = show.play(replace(stage, seconds=14.0, frames=420))
    before, after = (draw(stage, motion(frame / 419)) for frame in (89, 91))
    assert difference(before, after).mean() < 2


@pytest.mark.parametrize(
    ("changed", "progress"),
    [
        (Parade(photos=3), 0.5),
        (Parade(accelerate=0.0), 0.12),
        (Parade(hold_end=0.0), 0.4),
        (Parade(shadow=0.0), 0.8),
        (Parade(depth_blur=1.0), 0.8),
        (Parade(drift=0.1), 0.1),
    ],
    ids=lambda value: str(value) if isinstance(value, float) else "",
)
def test_each_parameter_has_an_effect(stage: Stage, changed: Parade, progress: float) -> None:
    frames = [draw(stage, each.play(stage)(progress)) for each in (Parade(), changed)]
    assert difference(*frames).mean() > 0.05


@pytest.mark.parametrize("count", [1, 10])
def test_one_photo_and_ten_cells(stage: Stage, count: int) -> None:
    some = np.arange(count)
    arrays = {name: getattr(stage.mosaic, name)[some] for name in ("photo", "symmetry", "gain", "offset", "cost")}
    few = replace(
        stage.mosaic, cell=np.array([[float(each), 0.0, 1.0, 1.0] for each in some]), size=(count, 1.0), **arrays
    )
    small = with_landings(replace(stage, maps=[few], _made={}))
    motion = Parade().play(small)
    whole = draw(small, small.scene(small.whole_camera(), small.resting_sprites()))
    for progress in np.linspace(0, 1, 12):
        scene = motion(float(progress))
        for group in scene.sprites:
            assert np.isfinite(group.centre).all()
            assert group.height().max(initial=0.0) < 0.5 * small.whole_camera().distance(135)
        assert draw(small, scene).std() > 5
    assert np.array_equal(draw(small, motion(1.0)), whole)


def test_gaps_between_tiles_show_the_background_at_the_end(stage_factory: StageFactory) -> None:
    stage = with_landings(stage_factory.shaped("circles", (240, 135), seconds=9.0))
    with closing(stage.textures):
        motion = Parade(photos=3, hold_end=1, drift=0).play(stage)
        frames = [draw(stage, motion(1 - seconds / 9)).astype(int) for seconds in (1.05, 0.9, 0.0)]
        assert np.abs(frames[0] - frames[1]).mean() < 4
        assert np.abs(frames[1] - frames[2]).mean() < 0.01


def test_a_loop_closes(stage: Stage) -> None:
    count = 300
    motion = Parade(photos=3, loop=True).play(replace(stage, seconds=18.0, frames=count))
    frames = [draw(stage, motion(number / count)).astype(int) for number in (count - 1, 0, 1)]
    assert np.abs(frames[0] - frames[1]).mean() < 2
    assert np.abs(frames[0] - frames[2]).mean() < 2


def test_an_opened_photo_counts_as_no_tile(stage: Stage) -> None:
    cell = stage.landings()[0]
    photo = OpeningPhoto(stage, stage.resting_sprites(upright=[cell]), cell, "whole", 0.0)
    ground, picture = photo.sprites(1.0)
    assert ground.tile.tolist() == picture.tile.tolist() == [-1]
