"""Flight: low over the photos, inside the mosaic, and back to the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, difference, heart

from animations.flight import Flight
from renderer.compositor import Compositor
from renderer.job import MatchSettings, drawing, open_mosaic
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.scene import Float64Array, Scene, Stage, footprint
from renderer.scene.views import project, view_of
from renderer.settings import OutputSettings
from renderer.timeline import Show

FRAMES = {"16:9": (160, 90), "1:1": (120, 120), "9:16": (90, 160)}


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage((160, 90), seconds=10.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def shown(stage: Stage, scene: Scene) -> Float64Array:
    """Return the box around the visible part of the plane: left, top, right, bottom in mosaic units."""
    camera = scene.camera
    return np.array(footprint(camera, stage.frame)) / camera.scale + np.tile(camera.centre, 2)


@pytest.mark.parametrize("percent", [0, 45, 65, 100])
@pytest.mark.parametrize("frame", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], frame: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[frame], seconds=10.0)
    with closing(stage.textures):
        golden(f"flight-{frame.replace(':', 'x')}-{percent:03d}", draw(stage, Flight().play(stage)(percent / 100)))


@pytest.mark.parametrize("start", ["photos", "mosaic"])
def test_it_ends_exactly_on_the_whole_mosaic(stage: Stage, start: str) -> None:
    flight = Flight(start=start)  # type: ignore[arg-type]  # mypy does not narrow the table
    motion, whole = flight.play(stage), stage.scene(stage.whole_camera(), stage.resting_sprites())
    assert motion(1.0).camera == whole.camera
    assert (draw(stage, motion(1.0)) == draw(stage, whole)).all()
    if start == "mosaic":
        assert motion(0.0).camera == whole.camera
    assert flight.shown_endings() == ("other" if start == "photos" else "mosaic", "mosaic")


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    "flight",
    [Flight(), Flight(loop=True), Flight(heading=-45.0, pitch=60.0, height=1.2), Flight(height=30.0, pitch=0.0)],
    ids=["default", "loop", "extreme", "high"],
)
def test_nothing_beside_the_mosaic_is_visible(stage_factory: StageFactory, frame: str, flight: Flight) -> None:
    stage = stage_factory.stage(FRAMES[frame], seconds=10.0)
    with closing(stage.textures):
        motion, (left, top, right, bottom) = flight.play(stage), stage.bounds()
        for progress in np.linspace(0, 1, 60):
            box = shown(stage, motion(float(progress)))
            assert (box[:2] > np.array([left, top]) - 1e-6).all()
            assert (box[2:] < np.array([right, bottom]) + 1e-6).all()
        for progress in (0.0, 0.3, 0.6, 0.8):
            scene = motion(progress)
            pair = [draw(stage, replace(scene, background=colour)) for colour in ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))]
            assert difference(*pair).max() <= 12  # a small sprite in perspective is drawn as a parallelogram


@pytest.mark.parametrize("columns", [1, 2, 4, 9])
def test_few_large_tiles_are_all_drawn(cover: Path, columns: int) -> None:
    """A tile that reaches behind the camera would be missing."""
    with (
        open_mosaic(cover, MatchSettings(columns=columns), Silent()) as mosaic,
        drawing(mosaic, (160, 90), OutputSettings(duration=10.0)) as (stage, compositor),
    ):
        motion = Flight(height=1.2).play(stage)
        for progress in (0.0, 0.2, 0.5, 0.8):
            scene = motion(progress)
            pair = [
                compositor.still(replace(scene, background=colour)) for colour in ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
            ]
            assert difference(*pair).max() <= 12  # a small sprite in perspective is drawn as a parallelogram


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masked", [False, True], ids=["all-cells", "heart"])
def test_every_shape_and_masks_fill_the_first_frame_with_photos(
    stage_factory: StageFactory, shape: str, *, masked: bool
) -> None:
    made = stage_factory.shaped(shape, (160, 90), seconds=10.0)
    stage = heart(made) if masked else made
    with closing(stage.textures):
        frame = draw(stage, Flight().play(stage)(0.1))
        ground = (np.abs(frame.astype(int) - (51, 179, 77)) < 3).all(axis=2).mean()
        assert ground < (0.45 if masked else 0.3)  # gaps, or circles' corners


@pytest.mark.parametrize("flight", [Flight(), Flight(loop=True, hold_end=0.0), Flight(start="mosaic", heading=-20.0)])
def test_the_camera_moves_without_jumps(stage_factory: StageFactory, flight: Flight) -> None:
    """Between frames of 30 per second, no point of the plane changes its speed by over 0.8 % of the frame's height."""
    stage = stage_factory.stage((160, 90), seconds=flight.default_duration())
    with closing(stage.textures):
        motion = flight.play(stage)
        count = round(30 * stage.seconds)
        cameras = [motion(number / (count - 1)).camera for number in range(count)]
        grid = np.stack(np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)), -1).reshape(-1, 2) * stage.frame
        speeds = []
        for before, after in pairwise(cameras):
            old, new = view_of(before, *stage.frame), view_of(after, *stage.frame)
            to_frame = np.array([old[0:3], old[3:6], [old[8], old[9], old[11]]])
            plane = np.linalg.solve(to_frame, np.c_[grid, np.ones(len(grid))].T)
            moved = project(new, (plane[:2] / plane[2]).T, np.zeros(len(grid)), 1.0)
            speeds.append((moved[:, :2] / moved[:, 2:] - grid) / stage.frame[1])
        change = np.abs(np.diff(speeds, axis=0)).max(axis=(1, 2))
        assert change.max() < 0.008
        assert np.abs(speeds).max() < 0.08
        moving = np.abs(speeds).max(axis=(1, 2))
        assert (moving[: round(0.7 * count)] > 1e-5).mean() > 0.97  # no standstill before the end


def test_a_loop_starts_and_ends_with_the_whole_mosaic(stage: Stage) -> None:
    flight = Flight(loop=True)
    motion, whole = flight.play(stage), stage.whole_camera()
    assert motion(0.0).camera == motion(1.0).camera == whole
    assert motion(1 / 300).camera.scale == pytest.approx(whole.scale, rel=1e-3)
    assert max(motion(float(p)).camera.scale for p in np.linspace(0, 1, 20)) > 2 * whole.scale
    assert flight.shown_endings() == ("mosaic", "mosaic")
    assert flight.whole_duration() == 14
    ahead = [np.array(motion(p).camera.centre) for p in (0.35, 0.45)]
    assert (ahead[1] - ahead[0])[1] < 0  # it flies forward, never backward


def test_parameters_change_the_low_flight(stage: Stage) -> None:
    def low(**parameters: float) -> Scene:
        return Flight(**parameters).play(stage)(0.05)  # type: ignore[arg-type]  # all of these are numbers

    plain = low()
    assert low(height=1.5).camera.scale > 1.3 * plain.camera.scale
    assert low(pitch=20.0).camera.pitch < plain.camera.pitch - 0.3
    assert low(heading=0.0, pitch=30.0).camera.angle == pytest.approx(0, abs=0.1)
    left, right = low(heading=-30.0).camera, low(heading=30.0).camera
    assert left.angle == pytest.approx(-right.angle, abs=0.1)
    assert abs(left.angle) > 0.3
    linear, cubic = (Flight(easing=easing).play(stage)(0.5).camera.scale for easing in ("linear", "cubic"))  # type: ignore[arg-type]  # mypy does not narrow the tuple
    assert linear < cubic
    at_rest = [Flight(hold_end=pause, drift=0.0).play(stage)(0.85).camera for pause in (0.0, 2.0)]
    assert at_rest[1] == stage.whole_camera() != at_rest[0]


def test_near_photos_are_drawn_from_enough_pixels(stage_factory: StageFactory) -> None:
    """The nearest tile is wider than a seventh of the frame, and what is drawn is not blurred."""
    stage = stage_factory.stage((320, 180), seconds=10.0)
    with closing(stage.textures):
        scene = Flight().play(stage)(0.1)
        camera = scene.camera
        view = view_of(camera, *stage.frame)
        tiles = scene.sprites[0]
        points = project(view, tiles.centre, np.zeros(len(tiles)), 1.0)
        widths = camera.scale / points[:, 2]
        inside = (np.abs(points[:, :2] / points[:, 2:] - np.array(stage.frame) / 2) < np.array(stage.frame) / 2).all(1)
        assert widths[inside].max() > 320 / 7
        assert draw(stage, scene).std() > 20


def test_a_show_joins_it_to_the_mosaic(stage: Stage) -> None:
    motion = Show(timeline="reveal 2s, flight 5s from=mosaic, wave 2s, zoom 1s").play(stage)
    frames = [motion(frame / 299) for frame in range(300)]
    whole = stage.whole_camera()
    joints = [round(300 * second / 10) for second in (2, 7, 9)]
    for joint in joints:
        assert frames[joint].camera.scale == pytest.approx(whole.scale, rel=0.03)
        step = difference(draw(stage, frames[joint - 1]), draw(stage, frames[joint])).mean()
        assert step < 4
