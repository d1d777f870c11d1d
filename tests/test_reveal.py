"""How tiles enter in a reveal: when, from where, and what is visible of them in space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from conftest import StageFactory
from PIL import Image

from animations.reveal import Enter, Order, Reveal
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import Float64Array, Motion, Scene, Sprites, Stage
from renderer.scene.views import points_of, view_of

SIZE = (320, 180)


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage(SIZE, seconds=8.0)
    yield made
    made.textures.close()


def resting(scene: Scene) -> int:
    """Return the number of tiles at rest."""
    return sum(len(group) for group in scene.sprites if group.rest is not None)


def flying(scene: Scene) -> Sprites:
    """Return the tiles that enter: the last group."""
    return scene.sprites[-1]


def shadows(scene: Scene) -> Sprites:
    return scene.sprites[-2]


def followed(motion: Motion, tile: int) -> list[tuple[float, Float64Array, Sprites]]:
    """Return a tile as it enters: each progress, its centre (3,), and the tile."""
    found = []
    for progress in np.linspace(0, 1, 400):
        group = flying(motion(progress))
        for at in np.flatnonzero(group.tile == tile) if group.rest is None else ():
            one = group.take(slice(at, at + 1))
            found.append((float(progress), np.array([*one.centre[0], one.height()[0]]), one))
    return found


def test_easing_shapes_the_number_of_tiles_that_appear(stage: Stage) -> None:
    early, late = {}, {}
    for easing in ("linear", "sine", "cubic"):
        motion = Reveal(easing=easing, overlap=0.05, hold_end=0.0).play(stage)
        early[easing], late[easing] = resting(motion(0.25)), resting(motion(0.75))
    tiles = len(stage.mosaic)
    assert early["linear"] > early["sine"] > early["cubic"] > 0
    assert late["linear"] < late["sine"] < late["cubic"] < tiles
    assert late["linear"] / early["linear"] == pytest.approx(0.7 / 0.2, rel=0.15)


@pytest.mark.parametrize("enter", get_args(Enter))
@pytest.mark.parametrize("start", ["empty", "cover"])
def test_it_ends_exactly_on_the_whole_mosaic(stage: Stage, enter: Enter, start: str) -> None:
    motion = Reveal(enter=enter, start=start).play(stage)  # type: ignore[arg-type]  # mypy does not narrow the table
    camera = stage.whole_camera()
    assert motion(1.0).camera == camera
    scales = [motion(progress).camera.scale for progress in np.linspace(0, 1, 9)]
    assert (np.diff(scales) < 0).all()  # no moment is still
    assert scales[0] == pytest.approx(1.02 * camera.scale)
    still = Reveal(enter=enter, drift=0).play(stage)
    assert still(0.0).camera == still(0.5).camera == camera


def test_dropping_tiles_fall_from_near_the_viewer_and_settle(stage: Stage) -> None:
    tile = int(stage.resting_sprites().tile[len(stage.mosaic) // 2 + 5])
    way = followed(Reveal(enter="drop", drift=0).play(stage), tile)
    heights = np.array([centre[2] for _, centre, _ in way])
    eye = stage.whole_camera().distance(SIZE[1])
    assert 0.4 * eye < heights[0] < 0.7 * eye
    landed = int(heights[: len(heights) * 4 // 5].argmin())
    assert heights[landed] < 0.6
    fall = np.diff(heights[: landed + 1])
    assert (fall < 0).all()
    assert -fall[-2] > 3 * -fall[1]  # accelerating
    hop = heights[landed:].max()
    assert 0.5 < hop < 2.5
    assert heights[-1] < 0.25 * hop
    turned = [float(np.abs(one.heights()[0, 1:]).max()) for _, _, one in way]
    assert turned[-1] < 0.02 < max(turned)


def white(stage: Stage) -> Stage:
    """Return a stage whose tiles are white, by their tone."""
    none = np.zeros_like(stage.mosaic.gain)
    return replace(stage, maps=[replace(stage.mosaic, gain=none, offset=none + 1)])


def drawn(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*SIZE, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def test_through_gaps_between_tiles_that_hop_the_background_is_not_visible(stage: Stage) -> None:
    motion = Reveal(enter="drop", hold_end=0.0, light=0.0, shadow=0.0).play(white(stage))
    hopping = motion(0.975)  # all have landed once
    assert len(flying(hopping)) > 5
    assert flying(hopping).height().max() > 0.3
    assert (drawn(stage, hopping) == 255).all()


def test_tiles_that_fade_in_grow_and_glow_at_first(stage: Stage) -> None:
    seen = followed(Reveal(enter="fade", start="empty", drift=0).play(stage), 40)
    sizes, lights, opacities = [], [], []
    for _, _, one in seen:
        assert one.space is not None
        sizes.append(np.linalg.norm(one.right[0]) / np.linalg.norm(stage.resting_sprites().right[40]))
        lights.append(one.space.light[0])
        opacities.append(one.opacity[0])
    assert 0.5 < sizes[0] < 0.6
    assert sizes[-1] == pytest.approx(1, abs=0.01)
    assert (np.diff(sizes) >= 0).all()
    assert lights[0] == pytest.approx([1.35, 0.05], abs=0.02)
    assert lights[-1] == pytest.approx([1, 0], abs=0.02)
    assert opacities[0] < 0.2
    assert opacities[len(seen) // 2] == 1


@pytest.mark.parametrize(("enter", "order"), [("fade", "clusters"), ("slide", "clusters"), ("drop", "spiral")])
def test_the_order_suits_how_tiles_enter(stage: Stage, enter: Enter, order: Order) -> None:
    entering, same, other = (
        flying(each.play(stage)(0.4)).tile.tolist()
        for each in (Reveal(enter=enter), Reveal(enter=enter, order=order), Reveal(enter=enter, order="scan"))
    )
    assert entering == same != other


def test_shadows_tighten_as_tiles_land(stage: Stage) -> None:
    """In one scene, the lower a tile, the nearer to it is its shadow, and the sharper and darker."""
    scene = Reveal(enter="drop", order="wave", drift=0).play(stage)(0.35)
    dark = shadows(scene)
    assert dark.space is not None
    assert len(dark) > 10
    assert (dark.height() == 0).all()
    softness, opacity = dark.space.softness, dark.opacity
    assert np.ptp(softness) > 0.2
    low = softness > 0.1 * 0.12  # above the height at which it appears
    assert np.corrcoef(softness[low], opacity[low])[0, 1] < -0.9
    without = Reveal(enter="drop", order="wave", drift=0, shadow=0).play(stage)(0.35)
    assert len(shadows(without)) == 0


@pytest.mark.parametrize("enter", ["pop", "slide"])
def test_tiles_are_above_those_at_rest_until_they_settle(stage: Stage, enter: Enter) -> None:
    tile = int(stage.resting_sprites().tile[len(stage.mosaic) // 2 + 5])
    way = followed(Reveal(enter=enter, drift=0).play(stage), tile)
    heights = np.array([centre[2] for _, centre, _ in way])
    assert (heights >= 0).all()
    assert 0.5 < heights.max() < 3
    assert heights[-1] < 0.3 * heights.max()
    x = [centre[0] for _, centre, _ in way]
    box = stage.resting_sprites().centre[tile]
    assert (abs(x[0] - box[0]) > 3) == (enter == "slide")
    assert x[-1] == pytest.approx(box[0], abs=0.05)


def sides(sprites: Sprites, scene: Scene, still: Sprites) -> Float64Array:
    """Return the area in pixels of each sprite as the viewer sees it, negative from behind, (N,).

    `still`: the same at rest, all of them, by tile.
    """
    view = view_of(scene.camera, *SIZE)
    drawn, rest = (points_of(some, view) for some in (sprites, still.take(sprites.tile)))

    def area(points: Float64Array) -> Float64Array:
        right, down = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
        return right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]

    return area(drawn) * np.sign(area(rest))


@pytest.mark.parametrize("start", ["empty", "cover"])
def test_of_turning_tiles_the_front_is_visible(stage: Stage, start: str) -> None:
    """Also away from the middle, where the viewer sees the front of a tile that is turned by more than 90°."""
    motion = Reveal(enter="flip", order="random", start=start, drift=0).play(stage)  # type: ignore[arg-type]  # as above
    tiles = stage.resting_sprites()
    beyond = compared = 0
    for progress in (0.2, 0.4, 0.6):
        scene = motion(progress)
        for group in scene.sprites:
            if group.rest is None and len(group) and (group.tile >= 0).all():
                is_cover = start == "cover" and (group.texture == group.texture[0]).all()
                at_rest = scene.sprites[0].rest.whole if is_cover and scene.sprites[0].rest else tiles
                assert (sides(group, scene, at_rest) > -0.5).all()
                normal = np.cross(*group.half_axes())[:, 2] * np.sign(
                    np.cross(*at_rest.take(group.tile).half_axes())[:, 2]
                )
                beyond += int((normal < -0.02).sum())
                compared += len(group)
    assert compared > 30
    assert beyond > 0


def test_a_tile_that_flips_starts_where_its_edge_alone_is_visible(stage: Stage) -> None:
    motion = Reveal(enter="flip", order="diagonal", drift=0, overlap=0.5).play(stage)
    tiles = stage.resting_sprites()
    for tile in (0, len(tiles) // 2 + 3, len(tiles) - 1):
        way = followed(motion, tile)
        if way:
            progress, _, one = way[0]
            area = sides(one, motion(progress), tiles)
            whole = 4 * stage.whole_camera().scale ** 2 / 4
            assert -0.5 < area[0] < 0.05 * whole


def test_light_falls_on_tiles_that_turn(stage: Stage) -> None:
    for enter in ("drop", "flip", "pop", "slide"):
        lit = flying(Reveal(enter=enter).play(stage)(0.4))  # type: ignore[arg-type]  # mypy does not narrow the tuple
        even = flying(Reveal(enter=enter, light=0).play(stage)(0.4))  # type: ignore[arg-type]  # as above
        assert lit.space is not None
        assert even.space is not None
        assert np.ptp(lit.space.light[:, 0]) > 0.05
        assert (even.space.light == (1, 0)).all()


@pytest.mark.parametrize("order", get_args(Order))
def test_the_first_tiles_are_visible_at_once(stage: Stage, order: Order) -> None:
    for enter in get_args(Enter):
        assert len(flying(Reveal(order=order, enter=enter).play(stage)(1e-3))) >= 1


@pytest.mark.parametrize("name", ["it.gif", "it.webp", "it.apng"])
def test_a_loop_starts_with_the_mosaic_and_not_with_an_empty_frame(
    render: Callable[..., tuple[int, str, str]], cover: Path, name: str
) -> None:
    options = ("--from", "empty", "--columns", "12", "--size", "96x64", "--fps", "10", "--duration", "2", "-o", name)
    assert render("reveal", cover, *options)[0] == 0
    with Image.open(name) as made:
        count = getattr(made, "n_frames", 1)
        frames = []
        for number in (0, 1, count - 1):
            made.seek(number)
            frames.append(np.asarray(made.convert("RGB")).astype(int))
    assert frames[0].mean() > 60
    assert frames[1].mean() < 10
    assert np.abs(frames[0] - frames[2]).mean() < 6  # the loop goes on with the same picture, but for the drift
    if name == "it.gif":
        assert render("reveal", cover, *options[:-1], "part.gif", "--frames", "0-3")[0] == 0
        with Image.open("part.gif") as made:
            assert np.asarray(made.convert("RGB")).mean() < 10


def test_a_reveal_starts_over_a_dark_blurred_copy_or_over_what_comes_before(stage: Stage) -> None:
    def first(animation: Reveal, stage: Stage) -> Pixels:
        return drawn(stage, animation.play(stage)(0.0))

    mosaic = drawn(stage, stage.scene(stage.whole_camera(), stage.resting_sprites()))
    blurred = first(Reveal(), stage)
    assert (blurred == first(Reveal(start="blur"), stage)).all()
    assert 0.6 * mosaic.mean() < blurred.mean() < 0.9 * mosaic.mean()
    assert np.abs(np.diff(blurred.astype(int), axis=1)).max() < 12 < np.abs(np.diff(mosaic.astype(int), axis=1)).max()
    assert first(Reveal(start="empty"), stage).max() == 0
    assert first(Reveal(), replace(stage, background=None)).max() == 0
    adjacent = stage.scene(Reveal().drifted(stage.whole_camera(), 1.0), stage.cover_pieces())
    assert (first(Reveal(), replace(stage, adjacent=adjacent)) == drawn(stage, adjacent)).all()
    assert [Reveal(start=start).shown_endings()[0] for start in (None, "blur", "empty", "cover")] == [
        "any", "other", "empty", "cover",
    ]  # fmt: skip


def test_the_seed_changes_how_tiles_turn(stage: Stage) -> None:
    one, other = (flying(Reveal(enter="drop").play(replace(stage, seed=seed))(0.4)) for seed in (1, 2))
    assert np.array_equal(one.tile, other.tile) or len(one) == len(other)
    assert not np.array_equal(one.heights()[:, 1], other.heights()[:, 1])
