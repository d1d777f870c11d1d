"""Wave: the surface that the tiles follow, its loop, and what its parameters change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, difference, heart

from animations.wave import Wave
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import Float64Array, Scene, Sprites, Stage
from renderer.scene.views import corners_of, view_of

FRAMES = {"16:9": (160, 90), "9:16": (90, 160)}


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage((160, 90), seconds=6.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def waving(wave: Wave, stage: Stage, progress: float) -> Sprites:
    """Return the tiles in their order in the mosaic."""
    (group,) = wave.play(stage)(progress).sprites
    return group.take(np.argsort(group.tile))


def corners(tiles: Sprites) -> tuple[Float64Array, Float64Array]:
    """Return the corners of tiles, (4, N, 2), from the upper left clockwise in the mosaic, and their heights (4, N)."""
    right, down = tiles.half_axes()
    centre = np.concatenate([tiles.centre, tiles.height()[:, np.newaxis]], 1)
    points = np.stack([centre + a * right + b * down for a in (-1, 1) for b in (-1, 1)])
    order = np.lexsort(np.round(points[..., :2], 6).transpose(2, 1, 0), axis=1)  # by y, then by x
    points = np.take_along_axis(points, order.T[..., np.newaxis], axis=0)
    return points[..., :2], points[..., 2]


@pytest.mark.parametrize("percent", [0, 30, 60])
@pytest.mark.parametrize("frame", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], frame: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[frame], seconds=6.0)
    with closing(stage.textures):
        golden(f"wave-{frame.replace(':', 'x')}-{percent:03d}", draw(stage, Wave().play(stage)(percent / 100)))


@pytest.mark.parametrize("percent", [25, 50, 85])
def test_golden_frames_of_ripples_that_come_and_go(
    stage: Stage, golden: Callable[[str, Pixels], None], percent: int
) -> None:
    wave = Wave(origin=(0.4, 0.4), wavelength=0.2, loop=False)
    golden(f"wave-origin-{percent:03d}", draw(stage, wave.play(stage)(percent / 100)))


@pytest.mark.parametrize("origin", [None, (0.2, 0.7)])
def test_a_loop_has_no_seam_and_no_standstill(stage: Stage, origin: tuple[float, float] | None) -> None:
    """Frame k of n shows progress k / n, and frame 0 follows the last one."""
    motion, count = Wave(origin=origin).play(stage), 180
    picked = [*range(-3, 4), *range(40, 44), *range(120, 124)]
    frames = {number: draw(stage, motion(number % count / count)).astype(int) for number in picked}
    steps = {number: np.abs(frames[number + 1] - frames[number]).mean() for number in picked if number + 1 in frames}
    others = [step for number, step in steps.items() if number != -1]
    assert min(steps.values()) > 0.2
    assert 0.5 * min(others) < steps[-1] < 1.5 * max(others)
    assert difference(draw(stage, motion(0.0)), draw(stage, motion(1.0))).max() <= 1


def test_waves_that_come_and_go_start_and_end_with_the_flat_mosaic(stage: Stage) -> None:
    motion = Wave(loop=False).play(stage)
    whole = stage.scene(stage.whole_camera(), stage.resting_sprites())
    assert motion(0.0).same(whole)
    assert motion(1.0).same(whole)
    for near, at in ((1e-4, 0.0), (1 - 1e-4, 1.0)):
        assert difference(draw(stage, motion(near)), draw(stage, motion(at))).mean() < 1
    assert difference(draw(stage, motion(0.5)), draw(stage, whole)).mean() > 10
    assert Wave().shown_endings() == ("other", "other")
    assert Wave(loop=False).shown_endings() == ("mosaic", "mosaic")


def test_neighbouring_tiles_meet_at_their_edges(stage: Stage) -> None:
    """At corners they nearly do: what is left is bridged by a small overlap."""
    for progress in (0.0, 0.4):
        tiles = waving(Wave(amplitude=1.0), stage, progress)
        flat = np.abs(stage.resting_sprites().right + stage.resting_sprites().down)
        larger = np.abs(tiles.right + tiles.down) / flat
        assert larger == pytest.approx(float(larger[0, 0]))
        assert 1 < larger[0, 0] < 1.05
        space = tiles.space
        assert space is not None
        shrunk = replace(
            tiles, right=tiles.right / larger, down=tiles.down / larger,
            space=replace(space, z=space.z / np.array([1, larger[0, 0], larger[0, 0]])),
        )  # fmt: skip
        points, heights = corners(shrunk)
        by_place: dict[tuple[float, float], list[float]] = {}
        for point, height in zip(points.reshape(-1, 2).round(6).tolist(), heights.reshape(-1).tolist(), strict=True):
            by_place.setdefault((point[0], point[1]), []).append(height)
        gaps = [max(each) - min(each) for each in by_place.values()]
        assert max(len(each) for each in by_place.values()) == 4
        assert max(gaps) < 0.1 * np.ptp(heights)
        assert (tiles.joined == stage.resting_sprites().joined).all()


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("wave", [Wave(), Wave(tilt=12.0), Wave(origin=(0.9, 0.1)), Wave(loop=False)])
def test_no_background_is_visible(stage_factory: StageFactory, frame: str, wave: Wave) -> None:
    made = stage_factory.stage(FRAMES[frame], seconds=6.0)
    stage = replace(made, background=(0.0, 1.0, 0.0))
    with closing(stage.textures):
        motion, other = wave.play(stage), replace(stage, background=(1.0, 0.0, 1.0))
        for progress in np.linspace(0, 1, 12):
            scene = motion(float(progress))
            on_green, on_pink = draw(stage, scene), draw(stage, replace(scene, background=other.background))
            assert difference(on_green, on_pink).max() <= 24  # at corners that don't quite meet


@pytest.mark.parametrize("shape", SHAPES)
def test_a_masked_mosaic_stays_in_the_frame(stage_factory: StageFactory, shape: str) -> None:
    stage = heart(stage_factory.shaped(shape, (160, 90), seconds=6.0))
    with closing(stage.textures):
        motion = Wave().play(stage)
        for progress in (0.0, 0.3, 0.7):
            scene = motion(progress)
            corners_seen = corners_of(scene.sprites[0], view_of(scene.camera, *stage.frame))
            pixels = corners_seen[..., :2] / corners_seen[..., 2:]
            assert (pixels > -1).all()
            assert (pixels < np.array(stage.frame) + 1).all()


def test_amplitude_wavelength_and_light_change_the_surface(stage: Stage) -> None:
    heights = {amplitude: waving(Wave(amplitude=amplitude), stage, 0.3).height() for amplitude in (0.0, 0.5, 1.0)}
    assert not heights[0.0].any()
    assert heights[1.0] == pytest.approx(2 * heights[0.5])
    assert heights[1.0].min() >= 0  # towards the viewer, so that nothing beside the mosaic appears
    assert np.ptp(waving(Wave(wavelength=1.0), stage, 0.3).height()) > np.ptp(heights[1.0])
    lit, dark = (waving(Wave(light=light), stage, 0.3).space for light in (1.0, 0.0))
    assert lit is not None
    assert dark is not None
    assert (dark.light == (1, 0)).all()
    assert lit.light[:, 0].min() < 0.85
    assert lit.light[:, 0].max() < 1.16  # bright photos don't become white


def test_the_period_is_the_time_from_crest_to_crest(stage: Stage) -> None:
    slow, fast = (
        np.array([waving(Wave(origin=(0.5, 0.5), period=period), stage, p).height()[0] for p in np.linspace(0, 1, 240)])
        for period in (3.0, 1.0)
    )
    crests = [int(((wave[1:-1] > wave[:-2]) & (wave[1:-1] >= wave[2:])).sum()) for wave in (slow, fast)]
    assert crests[0] == pytest.approx(2, abs=1)
    assert crests[1] == pytest.approx(6, abs=1)


def test_ripples_spread_from_their_origin(stage: Stage) -> None:
    """Tiles at the same distance from it have the same height."""
    tiles = waving(Wave(origin=(0.5, 0.5), loop=True), stage, 0.3)
    away = np.hypot(*(tiles.centre - 0.5 * np.array(stage.mosaic.size)).T).round(6)
    for distance in np.unique(away):
        assert np.ptp(tiles.height()[away == distance]) < 0.05 * np.ptp(tiles.height())


def test_without_tilt_the_camera_does_not_move(stage: Stage) -> None:
    motion = Wave(tilt=0.0).play(stage)
    whole = stage.whole_camera()
    assert {motion(progress).camera for progress in (0.0, 0.3, 0.6)} == {replace(whole, scale=1.01 * whole.scale)}
    tilted = Wave().play(stage)(0.3).camera
    assert tilted.pitch > 0.05
    assert 1 < tilted.scale / stage.whole_camera().scale < 1.12
