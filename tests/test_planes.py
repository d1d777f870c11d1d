"""Frames that are drawn as planes show what the compositor draws, whatever was drawn before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, heart

from animations.disperse import Disperse, Gather
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.canvas import BLOCK, Canvas, Key
from renderer.compositor import FULL_TONE, NO_TONE, Compositor, Group
from renderer.frame_times import progress_of
from renderer.job import MatchSettings, open_frames, open_mosaic
from renderer.job.writing import feed
from renderer.overlay import with_overlay
from renderer.pictures import Pixels
from renderer.planes import FramePlanes, PlaneRenderer
from renderer.progress import Silent
from renderer.scene import Animation, Camera, Fit, Motion, Rest, Scene, Stage, make_sprites
from renderer.settings import OutputSettings, OverlaySettings
from renderer.shapes import SQUARE, TileShape
from renderer.textures import Packed, unpack
from renderer.timeline import Show

SIZES = {"16:9": (320, 180), "1:1": (240, 240), "9:16": (180, 320)}
ANIMATIONS: dict[str, Animation] = {
    "zoom": Zoom(),
    "zoom to a whole photo and back": Zoom(direction="inout", landing="whole", focus=("0.3,0.4", "0.7,0.6")),
    "reveal": Reveal(),
    "reveal from the cover": Reveal(start="cover", enter="flip", order="random"),
    "disperse": Disperse(),
    "gather": Gather(style="wind"),
    "show": Show(),
}


def empty(size: tuple[int, int]) -> FramePlanes:
    width, height = size
    blue, red = np.empty((2, height // 2, width // 2), np.uint8)
    return np.empty((height, width), np.uint8), blue, red


def by_compositor(stage: Stage, scene: Scene) -> FramePlanes:
    planes = empty(stage.frame)
    with closing(Compositor(*stage.frame, stage.textures, threads=1)) as compositor:
        frame = compositor.new_frame()
        compositor.draw(scene, frame)
        compositor.to_yuv420(frame, planes)
    return planes


def differences(some: FramePlanes, others: FramePlanes) -> list[float]:
    """Return the mean absolute difference of each plane, 0…255."""
    return [float(np.abs(a.astype(int) - b).mean()) for a, b in zip(some, others, strict=True)]


def equal(some: FramePlanes, others: FramePlanes) -> bool:
    return all((a == b).all() for a, b in zip(some, others, strict=True))


class Frames:
    """Draws frames of a motion as planes."""

    def __init__(self, stage: Stage, motion: Motion, budget: int = 10**8, threads: int = 2) -> None:
        self.stage, self.motion = stage, motion
        self.compositor = Compositor(*stage.frame, stage.textures, threads=threads)
        self.renderer = PlaneRenderer(self.compositor, budget)

    def close(self) -> None:
        self.compositor.close()

    def draw(self, progress: float) -> FramePlanes:
        return self.draw_scene(self.motion(progress))

    def draw_scene(self, scene: Scene) -> FramePlanes:
        planes = empty(self.stage.frame)
        for plane in planes:
            plane[:] = 99
        self.renderer.draw(scene, planes)
        return planes


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage(SIZES["16:9"])
    yield made
    made.textures.close()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("name", ANIMATIONS)
def test_frames_differ_by_less_than_one_step_from_those_of_the_compositor(
    stage_factory: StageFactory, name: str, shape: str
) -> None:
    stage = stage_factory.stage(SIZES[shape])
    motion = with_overlay(ANIMATIONS[name].play(stage), stage, OverlaySettings(title="Anna & Ben"))
    with closing(stage.textures), closing(Frames(stage, motion)) as frames:
        for progress in (0.0, 0.13, 0.31, 0.45, 0.58, 0.77, 0.9, 1.0):
            scene = motion(progress)
            found = differences(frames.draw_scene(scene), by_compositor(stage, scene))
            assert max(found) < 1.6, (progress, found)  # small frames consist mostly of edges between tiles
            assert found[0] < 1.2, (progress, found)


@pytest.mark.parametrize("fit", ["contain", "blur", "crop"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_cells_of_several_sizes_and_backgrounds_around_the_mosaic(
    stage_factory: StageFactory, fit: Fit, adaptive: bool
) -> None:
    stage = stage_factory.stage(SIZES["1:1"], fit, adaptive=adaptive)
    picture = stage.textures.add_picture(np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8))
    stage = replace(stage, background=picture if fit == "blur" else (0.9, 0.2, 0.1))
    with closing(stage.textures), closing(Frames(stage, Zoom().play(stage))) as frames:
        for scale in (0.6, 1.0, 1.9, 4.3, 7.1, 11.0, 33.0):  # the tone of large cells fades first
            whole = stage.whole_camera()
            scene = stage.scene(replace(whole, scale=whole.scale * scale), stage.resting_sprites())
            assert max(differences(frames.draw_scene(scene), by_compositor(stage, scene))) < 1.6


@pytest.mark.parametrize("name", ["zoom", "reveal from the cover", "disperse"])
def test_a_mosaic_with_a_mask(stage_factory: StageFactory, name: str) -> None:
    stage = replace(heart(stage_factory.stage(SIZES["16:9"])), background=(0.2, 0.7, 0.3))
    motion = ANIMATIONS[name].play(stage)
    with closing(stage.textures), closing(Frames(stage, motion)) as frames:
        for progress in (0.0, 0.31, 0.45, 0.58, 1.0):
            scene = motion(progress)
            assert max(differences(frames.draw_scene(scene), by_compositor(stage, scene))) < 1.6, progress


@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_of_every_shape(stage_factory: StageFactory, shape: str) -> None:
    """Gaps and borders, of about one pixel in the first of these views, are blurred where blocks are sampled again."""
    stage = stage_factory.shaped(shape, SIZES["16:9"])
    tiles, whole = stage.resting_sprites(), stage.whole_camera()
    wanted = 5.5 if tiles.outline.border else 2.8
    with closing(stage.textures), closing(Frames(stage, lambda _progress: stage.scene(whole, tiles))) as frames:
        for scale, most in ((1.0, wanted), (2.6, wanted), (8.0, 2.0)):
            scene = stage.scene(replace(whole, scale=whole.scale * scale), tiles)
            drawn, expected = frames.draw_scene(scene), by_compositor(stage, scene)
            assert max(differences(drawn, expected)) < most
            assert abs(float(drawn[0].mean()) - float(expected[0].mean())) < 1.2
        part = stage.partly_resting(tiles)
        for camera in (whole, replace(whole, scale=whole.scale * 1.7)):
            scene = stage.scene(camera, part(tiles.centre[:, 0] % 5 < 3.1))
            assert max(differences(frames.draw_scene(scene), by_compositor(stage, scene))) < wanted


def test_what_is_opaque_of_a_canvas_with_alpha_has_the_same_pixels(
    stage_factory: StageFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_factory.shaped("hexagons", SIZES["16:9"])
    picture = stage.textures.add_picture(np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8))
    stage = replace(stage, background=picture)  # a colour would be part of the canvas
    tiles, whole = stage.resting_sprites(), stage.whole_camera()
    scenes = [
        stage.scene(replace(whole, scale=whole.scale * scale, centre=(x, 7.1)), tiles)
        for scale, x in ((3.1, 4.0), (6.0, 5.0), (5.3, 9.0))
    ]
    with closing(stage.textures), closing(Frames(stage, lambda _progress: scenes[0])) as frames:
        drawn = [frames.draw_scene(scene) for scene in scenes]
        monkeypatch.setattr("renderer.planes.split", lambda clip, _solid: [(clip, False)])
        assert all(equal(frames.draw_scene(scene), each) for scene, each in zip(scenes, drawn, strict=True))
        views = frames.renderer.canvases.values()
        areas = [
            view.picture((scene.camera.scale, 0.0, 160 - scene.camera.centre[0] * scene.camera.scale,
                          0.0, scene.camera.scale, 90 - 7.1 * scene.camera.scale), 1).solid
            for view in views for scene in scenes
        ]  # fmt: skip
    assert any(0 < right - left < 320 and bottom > top for left, top, right, bottom in areas)


def test_a_frame_of_hexagons_depends_neither_on_earlier_frames_nor_on_threads(stage_factory: StageFactory) -> None:
    moments = [progress_of(number, 40) for number in range(0, 40, 4)]
    for animation in (Zoom(), Disperse()):
        stage = stage_factory.shaped("hexagons", SIZES["16:9"])
        motion = animation.play(stage)
        with (
            closing(stage.textures),
            closing(Frames(stage, motion, threads=1)) as in_order,
            closing(Frames(stage, motion, budget=1, threads=5)) as in_any_order,
        ):
            wanted = {moment: in_order.draw(moment) for moment in moments}
            for moment in reversed(moments):
                assert equal(in_any_order.draw(moment), wanted[moment]), moment


@pytest.mark.parametrize("shape", ["hexagons", "hexagons-apart"])
def test_resting_hexagons_among_others_at_rest_are_not_drawn_as_sprites(
    stage_factory: StageFactory, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    stage = stage_factory.shaped(shape, SIZES["16:9"])
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    resting = np.arange(len(tiles)) % 29 != 7
    pairs = stage.mosaic.neighbours()
    around = np.bincount(pairs.ravel(), resting[pairs[:, ::-1]].ravel(), len(tiles))  # neighbours at rest
    drawn: list[int] = []
    original = Compositor.listed

    def listed(self: Compositor, groups: Sequence[Group]) -> list[Callable[[Packed, int, int], None]]:
        drawn.extend(len(sprites) for sprites, _, _ in groups if self.width == SIZES["16:9"][0])
        return original(self, groups)

    monkeypatch.setattr(Compositor, "listed", listed)
    with closing(stage.textures), closing(Frames(stage, lambda _progress: stage.scene(camera, tiles))) as frames:
        scene = stage.scene(camera, stage.partly_resting(tiles)(resting))
        found = frames.draw_scene(scene)
        assert drawn == [(resting & (around < 6)).sum()]
        assert drawn[0] < resting.sum() / 2
        assert max(differences(found, by_compositor(stage, scene))) < (1.5 if shape == "hexagons" else 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_shows_between_tiles_is_in_the_canvas_if_it_is_one_colour(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, SIZES["16:9"])
    picture = stage.textures.add_picture(np.full((30, 30, 3), (51, 178, 77), np.uint8))
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    scene = stage.scene(replace(camera, scale=0.8 * camera.scale), tiles)  # with the edges of the mosaic
    with closing(stage.textures), closing(Frames(stage, lambda _progress: scene)) as frames:
        found = [frames.draw_scene(each) for each in (scene, replace(scene, background=picture))]
        covers = [
            [planes.cover is None for planes in view.canvas.planes.values()]
            for view in frames.renderer.canvases.values()
        ]
    assert all(covers[0])
    assert not any(covers[1])
    assert max(differences(*found)) < 0.7  # blended before or after sampling


def test_a_frame_depends_neither_on_earlier_frames_nor_on_the_budget_nor_on_threads(
    stage_factory: StageFactory,
) -> None:
    moments = [progress_of(number, 40) for number in range(0, 40, 3)]
    for animation in (Zoom(), Reveal(start="cover"), Disperse()):
        stage = stage_factory.stage(SIZES["16:9"])
        with (
            closing(stage.textures),
            closing(Frames(stage, animation.play(stage), threads=1)) as in_order,
            closing(Frames(stage, animation.play(stage), budget=1, threads=5)) as in_any_order,
        ):
            wanted = {}
            for moment in moments:
                in_order.renderer.prefetch(in_order.motion(min(moment + 0.2, 1.0)))
                wanted[moment] = in_order.draw(moment)
            for moment in np.random.default_rng(1).permutation(moments):
                assert equal(in_any_order.draw(moment), wanted[moment]), moment


def test_the_landed_photo_has_the_pixels_of_the_compositor(stage: Stage) -> None:
    scene = Zoom().play(stage)(1.0)
    with closing(Frames(stage, Zoom().play(stage))) as frames:
        assert equal(frames.draw_scene(scene), by_compositor(stage, scene))


def test_a_tile_does_not_change_when_others_begin_to_move(stage: Stage) -> None:
    camera, tiles = stage.whole_camera(), stage.resting_sprites()
    part = stage.partly_resting(tiles)
    left = tiles.centre[:, 0] < camera.centre[0]
    with closing(Frames(stage, lambda _progress: stage.scene(camera, tiles))) as frames:
        whole = frames.draw(0.0)
        half = frames.draw_scene(stage.scene(camera, part(left)))
    middle = stage.frame[0] // 2
    edge = int(camera.scale) + 2  # the last column of tiles that rest ends within one tile of the middle
    for plane, (all_tiles, some) in enumerate(zip(whole, half, strict=True)):
        size = 1 if plane == 0 else 2
        rest = slice((middle - edge) // size)
        assert (some[:, rest] == all_tiles[:, rest]).all(), np.argwhere(some[:, rest] != all_tiles[:, rest])[:9]
        assert (some[:, (middle + edge) // size :] == (16 if plane == 0 else 128)).all()  # black


def test_memory_is_bounded_and_what_later_frames_need_is_drawn_before(stage: Stage) -> None:
    motion, budget = Zoom().play(stage), 6_000_000
    with closing(Frames(stage, motion, budget)) as frames:
        levels = set()
        for number in range(60):
            frames.renderer.prefetch(motion(progress_of(min(number + 24, 59), 60)))
            frames.draw(progress_of(number, 60))
            levels.add(round(np.log2(motion(progress_of(number, 60)).camera.scale)))
            held = [*frames.renderer.photos.planes.values()]
            for view in frames.renderer.canvases.values():
                held += view.blocks()
            assert sum(each.nbytes for each in held) == frames.renderer.nbytes
            needed = sum(each.nbytes for each in held if each.used > number)
            assert frames.renderer.nbytes <= max(budget, needed)
        assert len(levels) > 3


def test_blocks_that_were_prefetched_are_not_drawn_by_the_frame_that_needs_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, tiles = stage.whole_camera(), stage.resting_sprites()
    near = stage.scene(replace(camera, scale=3 * camera.scale), tiles)
    with closing(Frames(stage, lambda _progress: stage.scene(camera, tiles))) as frames:
        frames.draw(0.0)
        for _ in range(24):
            frames.renderer.prefetch(near)
            frames.draw(0.0)
        built: list[Key] = []
        original = Canvas.build
        monkeypatch.setattr(
            Canvas, "build", lambda self, keys: [built.extend(k for k in keys if k not in self.planes), original(self, keys)][1]
        )  # fmt: skip
        frames.draw_scene(near)
    assert not built


# -- Blocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [2, 4, 6])
@pytest.mark.parametrize("toned", [True, False])
def test_blocks_together_are_the_mosaic_at_their_scale(stage: Stage, level: int, toned: bool) -> None:
    tiles = stage.resting_sprites()
    width, height = (round(side * 2**level) for side in stage.mosaic.size)
    tone = FULL_TONE if toned else NO_TONE
    with (
        closing(Compositor(64, 64, stage.textures)) as small,
        closing(Compositor(width, height, stage.textures, tone_sizes=tone)) as large,
    ):
        canvas = Canvas(tiles, {}, small)
        camera = Camera((stage.mosaic.size[0] / 2, stage.mosaic.size[1] / 2), 2.0**level)
        wanted = large.still(stage.scene(camera, tiles))
        drawn = np.zeros((canvas.rows(level) * BLOCK, canvas.columns(level) * BLOCK, 4), np.uint8)
        for row in range(canvas.rows(level)):
            for column in range(canvas.columns(level)):
                block = unpack(canvas.block(level, column, row, toned=toned))
                drawn[row * BLOCK :, column * BLOCK :][:BLOCK, :BLOCK] = block
    assert (drawn[:height, :width, :3] == wanted).all()
    assert (drawn[:height, :width, 3] == 255).all()
    assert not drawn[height:].any()
    assert not drawn[:, width:].any()


@pytest.mark.parametrize("shape", ["square", *SHAPES, "rounded"])
def test_a_block_is_the_same_in_whatever_run_it_is_drawn(
    stage_factory: StageFactory, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    shapes = {"square": SQUARE, "rounded": TileShape(ratio=Fraction(4, 3), corner_radius=0.1), **SHAPES}
    stage = stage_factory.stage(SIZES["16:9"], shape=shapes[shape])
    tiles = stage.resting_sprites()
    with closing(stage.textures), closing(Compositor(64, 64, stage.textures, threads=1)) as compositor:
        for level, row in ((5, 1), (6, 2), (8, 3)):
            together, alone = Canvas(tiles, {}, compositor), Canvas(tiles, {}, compositor)
            keys = [Key(level, row, column, True) for column in range(min(together.columns(level), 11))]
            together.build(keys)
            alone.build(keys[1::3])
            with monkeypatch.context() as patch:
                patch.setattr("renderer.canvas._LONGEST_RUN", 1)
                alone.build(keys)
            for key in keys:
                one, other = (canvas.planes[key] for canvas in (together, alone))
                assert (one.colour == other.colour).all(), key
                covers = [BLOCK**2 if each.cover is None else each.cover[: 5 * BLOCK**2 // 4] for each in (one, other)]
                assert np.array_equal(*covers), key


@pytest.mark.parametrize("level", [6, 7])
def test_views_that_start_near_a_block_need_no_other_blocks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    scale, tiles = 90.0, stage.resting_sprites()  # sampled from levels 7 and 6
    planes, everything = empty(stage.frame), empty(stage.frame)
    with closing(Compositor(*stage.frame, stage.textures, threads=1)) as compositor:
        for texels in np.arange(-2.0, 10.0, 0.7):
            corner = (3 * BLOCK + texels) / 2**level, (2 * BLOCK + texels) / 2**level
            centre = corner[0] + stage.frame[0] / 2 / scale, corner[1] + stage.frame[1] / 2 / scale
            scene = stage.scene(Camera(centre, scale), tiles)
            PlaneRenderer(compositor, 10**8).draw(scene, planes)
            with monkeypatch.context() as patch:
                patch.setattr("renderer.planes.canvas_view._AROUND", 4 * BLOCK)
                PlaneRenderer(compositor, 10**8).draw(scene, everything)
            assert differences(planes, everything) == [0, 0, 0]


def test_what_a_mosaic_leaves_empty_shows_the_background(stage: Stage) -> None:
    """A map with holes and a partly transparent photo."""
    alpha = np.dstack([np.full((64, 64, 3), 200, np.uint8), np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))])
    tiles = stage.resting_sprites()
    texture = tiles.texture.copy()
    texture[::7] = stage.textures.add_picture(alpha)
    some = replace(tiles, texture=texture).take(np.arange(len(tiles)) % 5 > 0)
    some = replace(some, joined=np.zeros(len(some), np.uint8))
    resting = some.resting(Rest(some))
    whole = stage.whole_camera()
    stage = replace(stage, background=(0.1, 0.6, 0.9))
    with closing(Frames(stage, lambda _progress: stage.scene(whole, resting))) as frames:
        for scale in (1.0, 1.7, 5.2):
            scene = stage.scene(replace(whole, scale=whole.scale * scale), resting)
            assert max(differences(frames.draw_scene(scene), by_compositor(stage, scene))) < 2.0


def test_a_large_photo_whose_window_exceeds_it_is_drawn_as_a_sprite(stage: Stage) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (40, 40, 3), np.uint8)
    wide = make_sprites(stage.textures.add_picture(picture), (0.1, 0.2), (150.3, 0.0), (0.0, 80.4))
    scene = Scene((replace(wide, window=np.array([[-0.5, 0.0, 1.5, 1.2]])),), Camera((0.0, 0.0), 1.0))
    with closing(Frames(stage, lambda _progress: scene)) as frames:
        assert max(differences(frames.draw(0.0), by_compositor(stage, scene))) < 0.1  # edges are laid over


def test_a_fading_photo_is_laid_over_what_is_below(stage: Stage) -> None:
    below, above = (
        make_sprites(stage.textures.add_picture(picture.astype(np.uint8)), (0.3, 0.2), (150.3, 0.0), (0.0, 80.4))
        for picture in np.random.default_rng(5).integers(0, 256, (2, 1, 1, 3)) * np.linspace(1, 0.2, 40)[:, np.newaxis]
    )
    scene = Scene((below, above.faded(0.37)), Camera((0.0, 0.0), 1.0))
    with closing(Frames(stage, lambda _progress: scene)) as frames:
        drawn = frames.draw(0.0)
        groups = frames.renderer.compositor.groups(scene)
        assert all(frames.renderer.photos.visible(group) is not None for group in groups)  # without RGBA
    assert max(differences(drawn, by_compositor(stage, scene))) < 0.5


# -- Videos --------------------------------------------------------------------------------------------------------


class Recorded:
    """A writer that keeps its frames."""

    layout = "yuv420p"

    def __init__(self, size: tuple[int, int]) -> None:
        self.size, self.frames, self.repeated = size, list[FramePlanes](), 0
        self.waiting: FramePlanes | None = None

    def next_buffer(self) -> Pixels:
        self.waiting = empty(self.size)
        return self.waiting[0]

    def planes(self, _buffer: Pixels) -> FramePlanes:
        assert self.waiting is not None
        return self.waiting

    def submit(self, _buffer: Pixels) -> None:
        assert self.waiting is not None
        self.frames.append(self.waiting)

    def repeat(self) -> None:
        self.repeated += 1
        self.frames.append(self.frames[-1])


@pytest.mark.parametrize("motion_blur", [0.0, 0.5])
def test_equal_frames_are_drawn_once(cover: Path, motion_blur: float) -> None:
    output = OutputSettings(size=(160, 90), duration=3.0, motion_blur=motion_blur)
    animation = Zoom(hold_start=0.5, hold_end=1.0, drift=0.0)
    with (
        open_mosaic(cover, MatchSettings(columns=16), Silent()) as mosaic,
        open_frames(mosaic, animation, (160, 90), output) as source,
    ):
        writer = Recorded((160, 90))
        feed(writer, source, range(90), lambda _steps: None)  # type: ignore[arg-type]
        planes = empty((160, 90))
        for number in (0, 10, 14, 15, 40, 62, 75, 89):
            source.draw_planes(source.shot(number), planes)
            assert equal(planes, writer.frames[number]), number
    assert len(writer.frames) == 90
    assert 42 <= writer.repeated <= 46  # 15 and 30 frames of pauses


def test_frames_with_motion_blur_prepare_no_canvas(cover: Path) -> None:
    output = OutputSettings(size=(160, 90), duration=3.0, motion_blur=1.0)
    with (
        open_mosaic(cover, MatchSettings(columns=16), Silent()) as mosaic,
        open_frames(mosaic, Zoom(), (160, 90), output) as source,
    ):
        blurred = [number for number in range(90) if not isinstance(source.shot(number), Scene)]
        assert len(blurred) > 20
        assert len(list(source.shots(blurred, planar=True))) == len(blurred)
        assert not source.planes.canvases
