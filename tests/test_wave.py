"""Wave: the surface that the tiles follow, its loop, and what its parameters change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, difference, heart

from animations.wave import Wave
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import Float64Array, Scene, Sprites, Stage, in_view
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


@pytest.mark.parametrize("percent", [0, 20, 50, 85])
@pytest.mark.parametrize("frame", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], frame: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[frame], seconds=6.0)
    with closing(stage.textures):
        golden(f"wave-{frame.replace(':', 'x')}-{percent:03d}", draw(stage, Wave().play(stage)(percent / 100)))


@pytest.mark.parametrize("percent", [0, 30])
def test_golden_frames_of_ripples_in_a_loop(stage: Stage, golden: Callable[[str, Pixels], None], percent: int) -> None:
    wave = Wave(origin=(0.4, 0.4), wavelength=0.2, loop=True)
    golden(f"wave-origin-{percent:03d}", draw(stage, wave.play(stage)(percent / 100)))


@pytest.mark.parametrize("origin", [None, (0.2, 0.7)])
def test_a_loop_has_no_seam_and_no_standstill(stage: Stage, origin: tuple[float, float] | None) -> None:
    """Frame k of n shows progress k / n, and frame 0 follows the last one."""
    motion, count = Wave(origin=origin, loop=True).play(stage), 180
    picked = [*range(-3, 4), *range(40, 44), *range(120, 124)]
    frames = {number: draw(stage, motion(number % count / count)).astype(int) for number in picked}
    steps = {number: np.abs(frames[number + 1] - frames[number]).mean() for number in picked if number + 1 in frames}
    others = [step for number, step in steps.items() if number != -1]
    assert min(steps.values()) > 0.2
    assert 0.5 * min(others) < steps[-1] < 1.5 * max(others)
    assert difference(draw(stage, motion(0.0)), draw(stage, motion(1.0))).max() <= 1


def test_waves_come_from_the_flat_mosaic_and_return_to_it(stage: Stage) -> None:
    motion = Wave().play(stage)
    whole = stage.scene(stage.whole_camera(), stage.resting_sprites())
    assert motion(0.0).same(whole)
    assert motion(1.0).same(whole)
    for near, at in ((1e-4, 0.0), (1 - 1e-4, 1.0)):
        assert difference(draw(stage, motion(near)), draw(stage, motion(at))).mean() < 1.5  # at seams
    assert Wave(loop=True).shown_endings() == ("other", "other")
    assert Wave().shown_endings() == ("mosaic", "mosaic")


def test_in_the_first_second_the_mosaic_leans_back_and_waves_rise(stage: Stage) -> None:
    motion, whole = Wave().play(stage), draw(stage, stage.scene(stage.whole_camera(), stage.resting_sprites()))
    assert difference(draw(stage, motion(0.5 / stage.seconds)), whole).mean() > 10
    assert motion(1 / stage.seconds).camera.pitch > math.radians(15)
    assert np.ptp(waving(Wave(), stage, 1 / stage.seconds).height()) > 0.4 * np.ptp(waving(Wave(), stage, 0.5).height())


def test_neighbouring_tiles_meet_at_their_edges(stage: Stage) -> None:
    """At corners they nearly do: what is left is bridged by a small overlap."""
    for progress in (0.0, 0.4):
        tiles = waving(Wave(loop=True), stage, progress)
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


def test_a_blurred_copy_is_beside_a_mosaic_that_fills_the_frame(stage_factory: StageFactory, stage: Stage) -> None:
    """Unless another background than black is specified, which is the default."""
    frame, empty = draw(stage, Wave().play(stage)(0.5)), draw(stage, stage.scene(stage.whole_camera()))
    assert frame[0].mean() > 20  # above the mosaic
    assert not empty.any()
    for background in (None, (0.0, 1.0, 0.0)):
        assert Wave().play(replace(stage, background=background))(0.5).background == background
    black = replace(stage.mosaic, gain=0.2 * stage.mosaic.gain, offset=np.zeros_like(stage.mosaic.offset))
    bright = draw(stage, Wave().play(replace(stage, maps=[black]))(0.5))
    assert bright[0].mean() > 1.3 * bright[40:50, 60:100].mean()  # around a dark mosaic it is brighter
    masked = heart(stage_factory.stage((160, 90), seconds=6.0))
    with closing(masked.textures):
        assert Wave().play(masked)(0.5).background == masked.background


@pytest.mark.parametrize("wave", [Wave(), Wave(loop=True), Wave(amplitude=2.0, tilt=60.0)])
def test_nothing_shines_through_the_mosaic(stage: Stage, wave: Wave) -> None:
    scene = wave.play(stage)(0.4)
    (tiles,) = scene.sprites
    inside = in_view(stage, tiles, replace(stage.whole_camera(), scale=1.3 * stage.whole_camera().scale))
    corners_seen = corners_of(tiles.take(inside), view_of(scene.camera, *stage.frame))
    middle = (corners_seen[..., :2] / corners_seen[..., 2:]).mean(axis=0)
    on_green, on_pink = (draw(stage, replace(scene, background=each)) for each in ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0)))
    x, y = middle.astype(int).T
    assert difference(on_green[y, x], on_pink[y, x]).max() <= 24  # at corners that don't quite meet


@pytest.mark.parametrize("wave", [Wave(), Wave(loop=True), Wave(amplitude=2.0, tilt=50.0)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_masked_mosaic_stays_in_the_frame(stage_factory: StageFactory, shape: str, wave: Wave) -> None:
    stage = heart(stage_factory.shaped(shape, (160, 90), seconds=6.0))
    with closing(stage.textures):
        motion = wave.play(stage)
        for progress in np.linspace(0.01, 0.99, 15):
            scene = motion(float(progress))
            corners_seen = corners_of(scene.sprites[0], view_of(scene.camera, *stage.frame))
            pixels = corners_seen[..., :2] / corners_seen[..., 2:]
            assert (pixels > -1).all()
            assert (pixels < np.array(stage.frame) + 1).all()


def test_amplitude_wavelength_and_light_change_the_surface(stage: Stage) -> None:
    heights = {amplitude: waving(Wave(amplitude=amplitude), stage, 0.3).height() for amplitude in (0.0, 0.5, 1.0)}
    assert not heights[0.0].any()
    assert heights[1.0] == pytest.approx(2 * heights[0.5])
    assert np.ptp(waving(Wave(wavelength=1.0), stage, 0.3).height()) > np.ptp(heights[1.0])
    lit, dark = (waving(Wave(light=light), stage, 0.3).space for light in (1.0, 0.0))
    assert lit is not None
    assert dark is not None
    assert (dark.light == (1, 0)).all()
    assert 0.6 < lit.light[:, 0].min() < 0.9  # slopes are not black
    assert lit.light[:, 0].max() > 1.1


def test_the_period_is_the_time_from_crest_to_crest(stage: Stage) -> None:
    slow, fast = (
        np.array(
            [
                waving(Wave(origin=(0.5, 0.5), period=period, loop=True), stage, p).height()[0]
                for p in np.linspace(0, 1, 240)
            ]
        )
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


def test_without_tilt_the_mosaic_faces_the_viewer(stage: Stage) -> None:
    assert Wave(tilt=0.0).play(stage)(0.5).camera.faces_plane
    pitches = [Wave(tilt=tilt).play(stage)(0.5).camera.pitch for tilt in (20.0, 60.0)]
    assert pitches[1] == pytest.approx(3 * pitches[0])
    assert math.degrees(pitches[1]) == pytest.approx(60, rel=0.15)
