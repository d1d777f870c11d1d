"""Properties of every installed animation, and golden frames of the built-in ones."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, difference, heart
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from animations.disperse import Disperse, Gather, Style
from animations.reveal import Enter, Order, Reveal
from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.errors import InputError
from renderer.pictures import Pixels
from renderer.plugins import installed, load_animation
from renderer.scene import (
    EASINGS,
    RECTANGLE,
    SPRITE_ARRAYS,
    Animation,
    CoverSequence,
    Motion,
    Scene,
    Stage,
    make_sprites,
)

SIZE = (160, 90)

PARAMETERS: dict[str, dict[str, Any]] = {
    **{name: {"to": ("next.jpg",)} for name in ("flip", "morph")},
    "endless": {"loop": False},  # in a loop, the next mosaic is visible in its tile at the start
}

ANIMATIONS: dict[str, Animation] = {
    **{name: load_animation(name)(**PARAMETERS.get(name, {})) for name in installed()},
    **{f"disperse {style}": Disperse(style=style) for style in ("wind", "gravity", "vortex")},
    "disperse empty": Disperse(reveals="empty"),
    "disperse noise": Disperse(stagger="noise", origin=(0.1, 0.9), spin=3, depth=2),
    **{f"reveal {order}": Reveal(order=order) for order in ("scan", "random", "centre", "brightness", "hue", "wave", "diagonal")},
    **{f"reveal {enter}": Reveal(enter=enter) for enter in ("fade", "drop", "flip", "slide")},
    **{f"reveal from cover, {enter}": Reveal(start="cover", enter=enter) for enter in ("fade", "pop", "flip")},
}  # fmt: skip


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage(SIZE, seconds=6.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene, threads: int = 2) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=threads)) as compositor:
        return compositor.still(scene)


@pytest.fixture(params=ANIMATIONS, ids=lambda name: name.replace(" ", "-"))
def animation(request: pytest.FixtureRequest) -> Animation:
    return ANIMATIONS[request.param]


def whole(stage: Stage, which: int = 0) -> Scene:
    return stage.scene(stage.whole_camera(which), stage.resting_sprites(which))


def shown(animation: Animation, end: int) -> int:
    """The map that is visible at the start (0) or the end (1) of an animation that begins and ends on a mosaic."""
    return end if isinstance(animation, CoverSequence) else 0


def test_scenes_are_finite_and_pure(animation: Animation, stage: Stage) -> None:
    motion, again = animation.play(stage), animation.play(stage)
    for progress in (0.0, 1e-9, 0.123, 0.5, 0.77, 1 - 1e-9, 1.0):
        scene, same = motion(progress), again(progress)
        assert scene.camera == same.camera
        assert np.isfinite([*scene.camera.centre, scene.camera.scale, scene.camera.angle]).all()
        for sprites, others in zip(scene.sprites, same.sprites, strict=True):
            for name in SPRITE_ARRAYS:
                values = getattr(sprites, name)
                assert np.isfinite(values).all()
                assert (values == getattr(others, name)).all() or name == "texture"


def test_the_first_and_last_frames_match_the_endings(animation: Animation, stage: Stage) -> None:
    stage = replace(stage, background=(0.1, 0.2, 0.3))
    motion = animation.play(stage)
    for ending, progress in zip(animation.shown_endings(), (0.0, 1.0), strict=True):
        frame = draw(stage, motion(progress))
        if ending == "mosaic":
            # A zoom may have moved its first view to include the photo where it lands.
            camera = motion(progress).camera
            assert camera.scale == pytest.approx(stage.whole_camera().scale)
            expected = replace(whole(stage, shown(animation, round(progress))), camera=camera)
            assert difference(frame, draw(stage, expected)).mean() < 0.1
        elif ending == "any" and isinstance(animation, Reveal):
            camera = motion(progress).camera
            assert (frame == draw(stage, stage.scene(camera, stage.backdrop()))).all()
        elif ending in ("cover", "any"):
            camera = motion(progress).camera
            assert (frame == draw(stage, stage.scene(camera, stage.cover_pieces()))).all()
        elif ending == "empty":
            assert (frame == (26, 51, 77)).all()
        else:
            assert frame.std() > 10


def test_reverse_plays_the_same_frames_backwards(animation: Animation, stage: Stage) -> None:
    forwards = replace(animation, reverse=False).play(stage)
    backwards = replace(animation, reverse=True).play(stage)
    for progress in (0.0, 0.25, 0.6, 1.0):
        assert (draw(stage, forwards(progress)) == draw(stage, backwards(1 - progress))).all()
    assert replace(animation, reverse=True).shown_endings() == replace(animation, reverse=False).shown_endings()[::-1]


def test_the_end_of_a_loop_leads_into_its_start(animation: Animation, stage: Stage) -> None:
    """The step from the last frame to the first is one as any other, at 30 frames per second."""
    looped = replace(animation, loop=True)
    if isinstance(animation, CoverSequence):  # which then ends on the first map
        stage = replace(stage, maps=[*stage.maps, replace(stage.maps[0], came_from=stage.maps[1].came_from)])
        stage = replace(stage, libraries=[stage.libraries[0]] * 3, first_texture=[stage.first_texture[0]] * 3)
    assert len(set(looped.shown_endings())) == 1
    motion, count = looped.play(stage), 180
    around = [draw(stage, motion((number % count) / count)) for number in range(-3, 4)]
    steps = [float(difference(a, b).mean()) for a, b in pairwise(around)]
    assert steps[2] <= 1.6 * max(*steps[:2], *steps[3:]) + 0.3


def test_tiles_move_without_jumps(animation: Animation, stage: Stage) -> None:
    """At 240 frames per second no visible tile moves more than a fifteenth of the frame's width between two frames."""
    motion = animation.play(stage)
    count = round(stage.seconds * 240)
    compared = 0
    for frame in range(0, count, 23):
        now, then = (visible_positions(motion(progress)) for progress in (frame / count, (frame + 1) / count))
        both = list(now.keys() & then.keys())
        if both:
            before, after = (np.array([found[tile] for tile in both]) for found in (now, then))
            assert np.abs(after - before)[:, :2].max() < SIZE[0] / 15, frame
            larger = np.maximum(before, after)[:, 2]
            assert (np.abs(after - before)[:, 2] < 0.25 * larger + 1).all(), frame
            compared += len(both)
    assert compared > 1000


def visible_positions(scene: Scene) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Positions of visible sprites in pixels from the frame's middle, and half their widths, by tile and texture."""
    found = {}
    eye = scene.camera.distance(SIZE[1])
    for sprites in scene.sprites:
        nearer = scene.camera.scale * eye / (eye - sprites.height())
        centre = (sprites.centre - scene.camera.centre) * nearer[:, np.newaxis]
        size = np.linalg.norm(sprites.half_axes()[0], axis=1) * nearer
        visible = (sprites.opacity > 0.02) & (np.abs(centre) < SIZE).all(axis=1)
        for at in np.flatnonzero(visible & (sprites.tile >= 0)).tolist():
            found[int(sprites.tile[at]), int(sprites.texture[at])] = (*centre[at].tolist(), float(size[at]))
    return found


@settings(max_examples=6)
@given(st.integers(0, 2**32))
def test_different_seeds_give_different_motions(stage_factory: StageFactory, seed: int) -> None:
    with closing(stage_factory.stage(SIZE).textures) as textures:
        stage = replace(stage_factory.stage(SIZE), textures=textures, seed=seed)
        one, other = (Disperse().play(replace(stage, seed=number)) for number in (seed, seed + 1))
        assert not np.array_equal(one(0.5).sprites[1].centre, other(0.5).sprites[1].centre)


def test_pixels_do_not_depend_on_order_or_threads(animation: Animation, stage: Stage) -> None:
    motion = animation.play(stage)
    times = (0.0, 0.3, 0.55, 0.8, 1.0)
    forwards = [draw(stage, motion(p), threads=1) for p in times]
    backwards = [draw(stage, motion(p), threads=3) for p in times[::-1]][::-1]
    for one, same in zip(forwards, backwards, strict=True):
        assert difference(one, same).max() == 0


GOLDEN: dict[str, Animation] = {
    name: ANIMATIONS[name]
    for name in ("disperse", "gather", "reveal", "reveal fade", "disperse vortex", "reveal from cover, flip")
}


@pytest.mark.parametrize("percent", [0, 25, 50, 75, 100])
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_frames(stage: Stage, golden: Callable[[str, Pixels], None], name: str, percent: int) -> None:
    file = name.replace(",", "").replace(" ", "-")
    golden(f"{file}-{percent:03d}", draw(stage, GOLDEN[name].play(stage)(percent / 100)))


@pytest.mark.parametrize("shape", SHAPES)
def test_golden_frames_of_each_shape(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], shape: str
) -> None:
    """At rest, turning, and while a photo opens on landing."""
    stage = stage_factory.shaped(shape, (240, 135), seconds=6.0)
    with closing(stage.textures):
        golden(f"{shape}-rest", draw(stage, whole(stage)))
        golden(f"{shape}-turning", draw(stage, Disperse().play(stage)(0.55)))
        golden(f"{shape}-landing", draw(stage, Zoom().play(stage)(0.62)))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_landing_starts_with_its_tile_and_ends_with_the_photo(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, SIZE, seconds=6.0)
    with closing(stage.textures):
        motion = Zoom().play(stage)
        outlines = [motion(progress).sprites[-1].outline for progress in np.linspace(0, 1, 60)]
        tile = stage.resting_sprites().outline
        assert outlines[0] == tile
        assert outlines[-1].is_plain
        opened = [outline for outline in outlines if outline != tile and not outline.is_plain]
        assert len(opened) > 5
        for before, after in pairwise(opened):
            assert (before.radius, before.border) >= (after.radius, after.border)
            assert before.opened <= after.opened


@pytest.mark.parametrize("shape", SHAPES)
def test_a_landing_on_a_tile_keeps_its_shape_and_shows_all_of_it(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, SIZE, seconds=6.0)
    with closing(stage.textures):
        scene = Zoom(landing="tile").play(stage)(1.0)
        landed = scene.sprites[-1]
        assert landed.outline == stage.resting_sprites().outline
        half = np.abs(landed.right[0, :2] + landed.down[0, :2])
        shares = 2 * half * scene.camera.scale / SIZE
        assert shares.max() == pytest.approx(1, abs=0.02)
        off = (landed.centre[0, :2] - scene.camera.centre) * scene.camera.scale
        assert np.abs(off).max() < 1


@pytest.mark.parametrize("masked", [False, True], ids=["all-cells", "heart"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", installed())
def test_animations_work_with_every_shape(stage_factory: StageFactory, name: str, shape: str, *, masked: bool) -> None:
    stage = stage_factory.shaped(shape, SIZE, seconds=6.0)
    stage = heart(stage) if masked else stage
    with closing(stage.textures):
        animation = ANIMATIONS[name]
        motion = animation.play(stage)
        frames = [draw(stage, motion(progress)) for progress in (0.0, 0.5, 1.0)]
        assert difference(frames[0], frames[1]).mean() > 1
        for frame, ending, at in zip(frames[::2], animation.shown_endings(), (0, 1), strict=True):
            if ending == "mosaic":
                assert difference(frame, draw(stage, whole(stage, shown(animation, at)))).mean() < 0.1


def test_the_cover_is_visible_only_where_a_mask_leaves_cells(stage_factory: StageFactory) -> None:
    for shape in (None, "hexagons"):
        made = stage_factory.stage((240, 135)) if shape is None else stage_factory.shaped(shape, (240, 135))
        stage = replace(heart(made), background=(0.0, 1.0, 0.0))
        with closing(stage.textures):
            at_start = draw(stage, Reveal(start="cover", enter="flip", drift=0).play(stage)(0.0))
            tiles = draw(stage, whole(stage))
        ground = (tiles == (0, 255, 0)).all(axis=2)
        assert 0.3 < ground.mean() < 0.8
        assert (at_start[ground] == (0, 255, 0)).all()
        assert not (at_start[~ground] == (0, 255, 0)).all(axis=1).any()


@pytest.mark.parametrize("shape", ["hexagons-apart", "circles", "cards"])
def test_the_preview_of_a_scene_has_outlines(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, (480, 270), seconds=6.0)
    camera = replace(stage.whole_camera(), scale=110.0)
    texture = stage.textures.add_picture(np.full((4, 4, 3), (200, 40, 20), np.uint8))
    tiles = stage.visible_tiles(stage.resting_sprites(), camera)
    one = make_sprites(np.full(len(tiles), texture), tiles.centre, tiles.right, tiles.down)
    ratio = float(stage.mosaic.shape.tile_ratio)
    one = replace(one, window=one.window * (1, 1 / ratio, 1, 1 / ratio), outline=tiles.outline)
    with closing(stage.textures):
        scene = stage.scene(camera, one)
        plain = stage.scene(camera, replace(one, outline=RECTANGLE))
        drawn = draw(stage, scene)
        assert scene.preview is not None
        off, without = (difference(scene.preview(each), drawn).mean() for each in (scene, plain))
        assert off < 7  # edges alone, which are drawn up to half a pixel further out
        assert without > 2 * off


def test_hexagons_at_rest_have_no_seams_while_others_move(stage_factory: StageFactory) -> None:
    stage = stage_factory.shaped("hexagons", SIZE)
    white = stage.textures.add_picture(np.full((32, 28, 3), 255, np.uint8))
    tiles = stage.resting_sprites()
    plain = replace(
        tiles, texture=np.full(len(tiles), white, np.int32), gain=np.ones_like(tiles.gain),
        offset=np.zeros_like(tiles.offset),
    )  # fmt: skip
    camera = replace(stage.whole_camera(), centre=(12.3, 6.9))
    middle = np.hypot(*(tiles.centre - camera.centre).T)
    with closing(stage.textures):
        for scale in (7.0, 20.0, 200.0):
            near = replace(camera, scale=scale)
            drawn = draw(stage, stage.scene(near, stage.visible_tiles(plain, near)))
            inside = drawn[2:-2, 2:-2] if scale > 13 else drawn[45:85, 60:100]
            assert (inside == 255).all()
        some = (middle < 2.4) | (middle > 4.6)
        drawn = draw(stage, stage.scene(replace(camera, scale=20.0), stage.partly_resting(plain)(some)))
        y, x = np.mgrid[: SIZE[1], : SIZE[0]]
        away = np.hypot(x + 0.5 - SIZE[0] / 2, y + 0.5 - SIZE[1] / 2) / 20
        assert (drawn[away < 1.6] == 255).all()
        assert (drawn[(away > 3.2) & (away < 3.8)] == (51, 179, 77)).all()  # the ground


def test_a_reveal_from_a_missing_cover_is_refused(stage: Stage) -> None:
    with pytest.raises(Exception, match=r"The cover .* was not found: put it next to the \.mosaic file"):
        Reveal(start="cover").play(replace(stage, read_covers=()))


def test_an_animation_of_a_single_frame_can_be_drawn(stage_factory: StageFactory, animation: Animation) -> None:
    stage = replace(stage_factory.stage(SIZE, seconds=0.1), frames=1)
    motion: Motion = animation.play(stage)
    assert np.isfinite(draw(stage, motion(0.4)).astype(float)).all()
    stage.textures.close()


def test_resting_cells_of_different_sizes_have_no_seams(stage_factory: StageFactory) -> None:
    stage = replace(stage_factory.stage(SIZE, adaptive=True), background=(1.0, 0.0, 0.0))
    white = stage.textures.add_picture(np.full((32, 32, 3), 255, np.uint8))
    tiles = stage.resting_sprites()
    plain = replace(
        tiles,
        texture=np.full(len(tiles), white, np.int32),
        gain=np.ones_like(tiles.gain),
        offset=np.zeros_like(tiles.offset),
    )
    assert len(set(stage.mosaic.cell[:, 2])) == 3
    whole = stage.whole_camera()
    for scale in (1.0, 1.37, 3.1):  # edges at arbitrary positions between pixels
        camera = replace(whole, scale=scale * whole.scale)
        assert (draw(stage, stage.scene(camera, stage.visible_tiles(plain, camera))) == 255).all()
        some = np.random.default_rng(1).random(len(tiles)) < 0.7
        drawn = draw(stage, stage.scene(camera, stage.partly_resting(plain)(some)))
        # Where a pixel and its neighbours belong to resting tiles, the background does not show through.
        y, x = np.mgrid[: SIZE[1], : SIZE[0]]
        x_units, y_units = (
            (v - half) / camera.scale + at
            for v, half, at in zip((x + 0.5, y + 0.5), (80, 45), camera.centre, strict=True)
        )
        rests = np.zeros(x.shape, bool)
        for left, top, side, _ in stage.mosaic.cell[some]:
            rests |= (x_units >= left) & (x_units < left + side) & (y_units >= top) & (y_units < top + side)
        inner = rests[1:-1, 1:-1] & rests[:-2, 1:-1] & rests[2:, 1:-1] & rests[1:-1, :-2] & rests[1:-1, 2:]
        inner &= rests[:-2, :-2] & rests[:-2, 2:] & rests[2:, :-2] & rests[2:, 2:]
        assert inner.mean() > 0.1
        assert (drawn[1:-1, 1:-1][inner] == 255).all()
    stage.textures.close()


@pytest.mark.parametrize("name", installed())
def test_animations_work_with_cells_of_different_sizes(stage_factory: StageFactory, name: str) -> None:
    stage = stage_factory.stage(SIZE, seconds=6.0, adaptive=True)
    animation = ANIMATIONS[name]
    motion = animation.play(stage)
    frames = [draw(stage, motion(progress)) for progress in (0.0, 0.5, 1.0)]
    assert difference(frames[0], frames[1]).mean() > 1
    for frame, ending, at in zip(frames[::2], animation.shown_endings(), (0, 1), strict=True):
        if ending == "mosaic":
            assert difference(frame, draw(stage, whole(stage, shown(animation, at)))).mean() < 0.1
    stage.textures.close()


def test_gather_pauses_at_the_start_and_end_as_played(stage_factory: StageFactory) -> None:
    made = stage_factory.stage(SIZE, seconds=8.0)
    motion = Gather(hold_start=1.0, hold_end=2.0, reveals="empty", drift=0.0).play(made)
    shares = {progress: np.mean(draw(made, motion(progress)) > 0) for progress in (0.0, 0.12, 0.3)}
    still = draw(made, whole(made))
    assert shares[0.0] == shares[0.12] == 0 < shares[0.3]
    assert np.array_equal(draw(made, motion(0.76)), still)
    assert np.array_equal(draw(made, motion(0.9)), still)
    made.textures.close()


STYLES: tuple[Style, ...] = ("burst", "wind", "gravity", "vortex")


@pytest.mark.parametrize("style", STYLES)
def test_tiles_whose_centres_are_all_outside_the_frame_fly_too(stage: Stage, style: Style) -> None:
    high = replace(
        stage.mosaic, cell=np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]]), size=(1.0, 2.0),
        **{name: getattr(stage.mosaic, name)[:2] for name in ("photo", "symmetry", "gain", "offset", "cost")},
    )  # fmt: skip
    motion = Disperse(style=style, reveals="empty").play(replace(stage, maps=[high]))
    assert draw(stage, motion(0.0)).any()
    assert not draw(stage, motion(1.0)).any()


@pytest.mark.parametrize("style", STYLES)
def test_an_empty_end_is_at_most_a_tenth_of_a_second_long(stage: Stage, style: Style) -> None:
    motion = Disperse(style=style, reveals="empty").play(stage)
    assert draw(stage, motion(1 - 0.2 / stage.seconds)).any()
    assert not draw(stage, motion(1.0)).any()
    moving = Disperse(style=style, reveals="empty", hold_start=0.0, drift=0.0).play(stage)
    assert (draw(stage, moving(0.2 / stage.seconds)) != draw(stage, moving(0.0))).any()


def test_disperse_reveals_a_cover_a_picture_or_nothing(stage: Stage, tmp_path: Path) -> None:
    rows = np.zeros((90, 320, 3), np.uint8)
    rows[:, :80], rows[:, 80:240], rows[:, 240:] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    Image.fromarray(rows).save(tmp_path / "next.png")
    cover = stage.scene(stage.whole_camera(), stage.cover_pieces())
    ends = {
        reveals: draw(stage, Disperse(reveals=reveals, drift=0.0).play(stage)(1.0))
        for reveals in (None, "cover", "empty", str(tmp_path / "next.png"))
    }
    assert np.array_equal(ends["cover"], draw(stage, cover))
    assert np.array_equal(ends[None], ends["cover"])
    assert not ends["empty"].any()
    picture = ends[str(tmp_path / "next.png")]
    assert picture.shape == (90, 160, 3)
    assert np.mean((picture == (0, 200, 0)).all(axis=2)) > 0.5  # twice as wide as the frame: cropped
    padded = replace(stage, fit="pad")
    picture = draw(padded, Disperse(reveals=str(tmp_path / "next.png"), drift=0.0).play(padded)(1.0))
    assert [tuple(picture[y, x].tolist()) for y, x in ((5, 80), (45, 10), (45, 80), (45, 150))] == [
        (0, 0, 0), (200, 0, 0), (0, 200, 0), (0, 0, 200),
    ]  # fmt: skip


def test_what_is_revealed_by_default(stage: Stage) -> None:
    assert Disperse().shown_endings() == ("mosaic", "any")
    assert Gather().shown_endings() == ("any", "mosaic")
    assert Gather(reveals="cover").shown_endings() == ("cover", "mosaic")
    assert Disperse(reveals="next.jpg").endings() == ("mosaic", "picture")
    see_through = replace(stage, background=None)
    assert not draw(see_through, Disperse().play(see_through)(1.0)).any()
    notices: list[str] = []
    without = replace(stage, read_covers=(), notice=notices.append)
    assert not draw(without, Disperse().play(without)(1.0)).any()
    assert notices == ["The cover of this mosaic was not found, so nothing is below the tiles"]


def test_a_missing_picture_to_reveal_is_refused(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reveals=.*nxt\.png"):
        Disperse(reveals=str(tmp_path / "nxt.png")).play(stage)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png"):
        Disperse(reveals=str(tmp_path / "text.png")).play(stage)


@pytest.mark.parametrize("style", ["burst", "wind", "gravity"])
def test_some_tiles_pass_readably_and_facing_the_viewer(stage: Stage, style: Style) -> None:
    """Tiles wider than 15 % of the frame's shorter side, which are 3.7 pixels wide at rest, in any of 60 frames."""
    motion = Disperse(style=style, spread=0.4).play(stage)
    readable = set()
    for progress in np.linspace(0, 1, 60):
        for (tile, _), (x, y, half) in visible_positions(motion(progress)).items():
            if 2 * half > 0.15 * SIZE[1] and abs(x) < SIZE[0] / 2 and abs(y) < SIZE[1] / 2:
                readable.add(tile)
    assert 10 <= len(readable) <= 60


@pytest.mark.parametrize("style", ["burst", "wind", "gravity"])
def test_tiles_that_pass_close_are_upright_and_leave_the_frame(stage: Stage, style: Style) -> None:
    """They are opaque until then: large photos that fade look like panes of glass."""
    motion, tiles = Disperse(style=style, hold_start=0.0, hold_end=0.0, drift=0.0).play(stage), stage.resting_sprites()
    eye, last, large = stage.whole_camera().distance(SIZE[1]), {}, 0
    for progress in np.linspace(0, 0.96, 49):
        flying = motion(progress).sprites[-1]
        if flying.rest is not None:
            continue
        close = flying.take(flying.height() > 0.76 * eye)  # over four times as large as at rest, as no others are
        large += len(close)
        assert (close.opacity == 1).all()
        right, down = (
            np.stack(axes, 1) for axes in zip(close.half_axes(), tiles.take(close.tile).half_axes(), strict=True)
        )
        for now, before in right.transpose(1, 0, 2), down.transpose(1, 0, 2):
            assert ((now * before).sum(axis=1) > 0.85 * np.linalg.norm(before, axis=1) ** 2).all()
        last.update(
            zip(close.tile.tolist(), stage.shares_of_frame(close, motion(progress).camera).tolist(), strict=True)
        )
    assert large > 5
    assert max(last.values()) < 0.03  # at 0.96


def test_in_a_vortex_what_is_below_is_dark_until_the_end(stage: Stage) -> None:
    pictures = {
        style: [draw(stage, Disperse(style=style, drift=0.0).play(stage)(progress)).mean() for progress in (0.6, 1.0)]
        for style in ("burst", "vortex")
    }  # type: dict[str, list[float]]
    assert pictures["vortex"][0] < 0.7 * pictures["burst"][0]
    assert pictures["vortex"][1] == pictures["burst"][1]


def test_the_vortex_leads_away_from_the_viewer(stage: Stage) -> None:
    heights = np.concatenate([group.height() for group in Disperse(style="vortex").play(stage)(0.6).sprites])
    assert heights.max() < 1
    assert heights.min() < -10


def test_the_easing_of_flights_changes_their_speed(stage: Stage) -> None:
    centres = {}
    for easing in EASINGS:
        groups = Disperse(easing=easing).play(stage)(0.4).sprites  # type: ignore[arg-type]  # a key of EASINGS
        flying = np.concatenate([group.height() for group in groups])
        centres[easing] = np.abs(flying).max()
    assert len(set(centres.values())) == len(EASINGS)


@pytest.mark.parametrize("kind", [Disperse, Gather])
def test_a_drift_starts_or_ends_on_the_whole_mosaic(stage: Stage, kind: type[Disperse]) -> None:
    motion, whole_camera = kind(drift=0.05).play(stage), stage.whole_camera()
    scales = np.array([motion(progress).camera.scale for progress in np.linspace(0, 1, 20)]) / whole_camera.scale
    if kind is Gather:
        scales = scales[::-1]
    assert scales[0] == 1
    assert scales[-1] == pytest.approx(1.05)
    assert (np.diff(scales) > 0).all()
    assert {kind(drift=0.0).play(stage)(progress).camera for progress in (0.0, 0.5, 1.0)} == {whole_camera}


REVEALS: dict[str, Animation] = {
    **ANIMATIONS,
    **{
        f"reveal {order} {enter}": Reveal(order=order, enter=enter)
        for order in get_args(Order)
        for enter in get_args(Enter)
    },
}
"""Every order of a reveal with every entrance."""


@pytest.mark.parametrize("name", REVEALS)
def test_no_more_than_a_tenth_of_a_second_is_bare(stage_factory: StageFactory, name: str) -> None:
    """At its default duration and 30 frames per second, in the middle of which nothing is bare either."""
    animation = REVEALS[name]
    seconds = animation.default_duration()
    made = stage_factory.stage(SIZE, seconds=seconds)
    stage = replace(made, background=(0.0, 1.0, 0.0))
    motion = animation.play(stage)
    last = round(30 * seconds) - 1
    for ends in (range(4), range(last, last - 4, -1)):
        frames = [draw(stage, motion(number / last)).astype(int) for number in ends]
        seen = [(np.abs(frame - (0, 255, 0)).max(axis=2) > 32).mean() for frame in frames]
        assert max(seen) > 1e-4, seen  # a pixel and a half: a tenth of a second is over with the fourth frame
    made.textures.close()
