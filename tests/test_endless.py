"""The endless flight: into a tile that is the next mosaic, with a loop without a seam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import SHAPES, StageFactory, difference, heart

from animations.endless import Endless
from renderer.choices import Fit
from renderer.compositor import Compositor
from renderer.errors import InputError
from renderer.pictures import Pixels
from renderer.placement import PlacementMap
from renderer.scene import Motion, NextCover, Scene, Stage
from renderer.timeline import Show

SIZES = {"16x9": (192, 108), "9x16": (108, 192)}

NEARLY_ONE = 1 - 1e-9


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    return SIZES[request.param]


@pytest.fixture
def stage(stage_factory: StageFactory, size: tuple[int, int]) -> Iterator[Stage]:
    made = stage_factory.stage(size, seconds=8.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def frames(stage: Stage, motion: Motion, count: int) -> list[Pixels]:
    """All frames of a loop."""
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return [compositor.still(motion(number / count)) for number in range(count)]


def whole(stage: Stage, which: int = 0) -> Pixels:
    return draw(stage, stage.scene(stage.whole_camera(which), stage.resting_sprites(which)))


def changed(stage: Stage, one: Scene, other: Scene) -> float:
    return float(difference(draw(stage, one), draw(stage, other)).mean())


def returning(stage: Stage) -> Stage:
    """Return a stage with the maps of a loop of two covers: the first is also the third."""
    some = [0, 1, 0]
    return replace(
        stage,
        maps=[stage.maps[which] for which in some],
        libraries=[stage.libraries[which] for which in some],
        first_texture=[stage.first_texture[which] for which in some],
    )


def of_cells(placement: PlacementMap, columns: int, rows: int) -> PlacementMap:
    """Return a map of few cells of the size 1 × 1."""
    y, x = np.divmod(np.arange(columns * rows), columns)
    some = slice(0, columns * rows)
    arrays = {name: getattr(placement, name)[some] for name in ("photo", "symmetry", "gain", "offset", "cost")}
    cells = np.stack([x, y, np.ones_like(x), np.ones_like(y)], 1).astype(np.float64)
    return replace(placement, cell=cells, size=(columns, rows), came_from=None, **arrays)


@pytest.mark.parametrize("percent", [0, 40, 60, 80, 95])
@pytest.mark.parametrize("name", SIZES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], name: str, percent: int
) -> None:
    stage = stage_factory.stage(SIZES[name], seconds=8.0)
    with closing(stage.textures):
        golden(f"endless-{name}-{percent:03d}", draw(stage, Endless().play(stage)(percent / 100)))


def test_the_end_of_the_loop_is_its_start(stage: Stage) -> None:
    motion = Endless().play(stage)
    assert difference(draw(stage, motion(1.0)), draw(stage, motion(0.0))).max() == 0
    assert difference(draw(stage, motion(NEARLY_ONE)), draw(stage, motion(0.0))).mean() < 0.01
    # The mosaic, apart from the tile that is the next one.
    apart = difference(draw(stage, motion(0.0)), whole(stage)).max(axis=2) > 0
    assert 0 < apart.sum() <= 1.5 * stage.whole_camera().scale ** 2


@pytest.mark.parametrize("shape", [*SHAPES, "heart"])
def test_the_loop_has_no_seam_with_any_shape(stage_factory: StageFactory, shape: str) -> None:
    size = (160, 90)
    stage = heart(stage_factory.stage(size)) if shape == "heart" else stage_factory.shaped(shape, size)
    with closing(stage.textures):
        motion = Endless().play(stage)
        assert changed(stage, motion(NEARLY_ONE), motion(0.0)) < 0.05


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_the_loop_has_no_seam_with_any_fit(stage_factory: StageFactory, fit: Fit) -> None:
    stage = stage_factory.stage((90, 160), fit=fit)
    with closing(stage.textures):
        motion = Endless().play(stage)
        assert changed(stage, motion(NEARLY_ONE), motion(0.0)) < 0.05


def test_the_last_frame_leads_into_the_first_as_any_frame_into_the_next(stage: Stage) -> None:
    count = 200
    drawn = frames(stage, Endless().play(stage), count)
    apart = [float(difference(drawn[number - 1], drawn[number]).mean()) for number in range(count)]
    neighbours = [*apart[-4:], *apart[1:4]]
    assert min(neighbours) * 0.6 < apart[0] < max(neighbours) * 1.2
    assert max(apart) < 2 * np.median(apart)  # and no tile appears suddenly


def test_the_speed_of_the_logarithm_of_the_scale_is_constant(stage: Stage) -> None:
    motion = Endless().play(stage)
    scales = [motion(progress).camera.scale for progress in np.linspace(0, 0.999, 40)]
    steps = [math.log(after / before) for before, after in pairwise(scales)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-6)


def test_a_mosaic_in_its_tile_opens_from_the_tile_to_the_frame(stage: Stage) -> None:
    motion = Endless().play(stage)
    boxes = []
    for progress in np.linspace(0, NEARLY_ONE, 50):
        scene = motion(progress)
        picture = scene.sprites[1]  # the next mosaic, above the tiles
        middle = (picture.centre[0] - scene.camera.centre) * scene.camera.scale
        half = np.abs(picture.right[0] + picture.down[0]) * scene.camera.scale
        boxes.append((middle, half))
    assert boxes[0][1] == pytest.approx(np.full(2, 0.5 * stage.whole_camera().scale))  # one cell
    assert boxes[-1][0] == pytest.approx(np.zeros(2), abs=0.01)
    assert 2 * boxes[-1][1] == pytest.approx(np.array(stage.frame), abs=0.01)
    assert all((after[1] > before[1]).all() for before, after in pairwise(boxes))


def test_nothing_outside_the_mosaic_becomes_visible(stage: Stage) -> None:
    ground = replace(stage, background=(1.0, 0.0, 1.0))
    for drawn in frames(ground, Endless().play(ground), 30):
        red, green, blue = np.moveaxis(drawn.astype(int), 2, 0)
        assert not ((red > 200) & (green < 60) & (blue > 200)).any()


def test_the_tile_has_the_colour_of_its_cell(stage: Stage) -> None:
    motion = Endless().play(stage)
    apart = difference(draw(stage, motion(0.0)), whole(stage)).max(axis=2) > 0
    y, x = np.nonzero(apart)
    part = (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
    nested, tile = (picture[part].mean(axis=(0, 1)) for picture in (draw(stage, motion(0.0)), whole(stage)))
    assert np.abs(nested - tile).max() < 25


def test_focus_selects_the_tile(stage: Stage) -> None:
    for point, side in (("0.35,0.5", -1), ("0.65,0.5", 1)):
        scene = Endless(focus=(point,)).play(stage)(0.0)
        assert side * (scene.sprites[1].centre[0, 0] - 0.5 * stage.mosaic.size[0]) > 0
        assert stage.cell_at((float(point.split(",")[0]), 0.5)) == int(
            np.abs(stage.resting_sprites().centre - scene.sprites[1].centre[0]).sum(axis=1).argmin()
        )


def test_each_cover_leads_to_the_next_one_and_the_last_to_the_first(stage: Stage) -> None:
    motion = Endless(to=("next.jpg",)).play(returning(stage))
    scenes = [motion(progress) for progress in np.linspace(0, 1, 801)]
    expected = whole(stage, 1)
    second = min(scenes, key=lambda scene: float(difference(draw(stage, scene), expected).mean()))
    assert difference(draw(stage, second), expected).mean() < 1.5
    assert changed(stage, motion(NEARLY_ONE), motion(0.0)) < 0.05
    assert changed(stage, motion(1.0), motion(0.0)) == 0
    scales = [scene.camera.scale for scene in scenes]
    steps = np.log(scales[1:]) - np.log(scales[:-1])
    assert (steps > 0).sum() >= len(steps) - 2  # but where units change, at each mosaic


def test_without_a_loop_it_starts_on_the_first_mosaic_and_ends_on_the_last(stage: Stage) -> None:
    for animation, last in ((Endless(loop=False), 0), (Endless(loop=False, to=("next.jpg",)), 1)):
        motion = animation.play(stage)
        assert (draw(stage, motion(0.0)) == whole(stage)).all()
        assert (draw(stage, motion(1.0)) == whole(stage, last)).all()
        moved = [motion(at + 0.01).camera.scale / motion(at).camera.scale for at in (0.0, 0.3)]
        assert moved[0] < moved[1]  # it starts slowly
        assert changed(stage, motion(NEARLY_ONE), motion(1.0)) < 0.05


def test_reversed_it_flies_out(stage: Stage) -> None:
    motion, backwards = Endless().play(stage), Endless(reverse=True).play(stage)
    assert changed(stage, backwards(0.25), motion(0.75)) == 0


def test_covers_and_durations() -> None:
    assert Endless().next_covers() == ()
    assert Endless().default_duration() == 8
    several = Endless(to=("b.jpg", "c.jpg"))
    assert several.next_covers() == (NextCover("b.jpg", "cells"), NextCover("c.jpg", "cells"), NextCover(0, "cells"))
    assert several.default_duration() == 24
    once = replace(several, loop=False)
    assert once.next_covers() == (NextCover("b.jpg", "cells"), NextCover("c.jpg", "cells"))
    assert once.default_duration() == 16
    assert Endless(focus=("me.jpg",)).targets() == ("me.jpg",)


def test_in_a_timeline_it_ends_on_the_last_mosaic(stage: Stage) -> None:
    show = Show(timeline="hold 1s, endless 6s to=next.jpg, hold 1s", drift=0)
    assert show.next_covers() == (NextCover("next.jpg", "cells"),)
    motion = show.play(stage)
    assert (draw(stage, motion(0.0)) == whole(stage)).all()
    assert (draw(stage, motion(1.0)) == whole(stage, 1)).all()
    again = Show(timeline="endless 6s to=next.jpg loop=true, hold 1s", drift=0)
    assert again.next_covers() == (NextCover("next.jpg", "cells"), NextCover(0, "cells"))


def test_ten_cells_and_one_photo(stage: Stage) -> None:
    few = of_cells(stage.mosaic, *((5, 2) if stage.frame[0] > stage.frame[1] else (2, 5)))
    small = replace(stage, maps=[replace(few, photo=np.zeros(10, np.int32))], _made={})
    motion = Endless().play(small)
    assert changed(small, motion(NEARLY_ONE), motion(0.0)) < 0.05
    drawn = frames(small, motion, 60)
    apart = [float(difference(drawn[number - 1], drawn[number]).mean()) for number in range(60)]
    assert max(apart) < 3 * np.median(apart)


def test_messages(stage: Stage, stage_factory: StageFactory) -> None:
    with pytest.raises(InputError, match="only 1 mosaic"):
        Endless(focus=("0.5,0.5", "0.1,0.1"))
    with pytest.raises(InputError, match="outside the cover"):
        Endless(focus=("1.5,0.5",))
    one = replace(stage, maps=[of_cells(stage.mosaic, 1, 1)], _made={})
    with pytest.raises(InputError, match="larger number"):
        Endless().play(one)
    apart = replace(stage_factory.shaped("circles", (160, 90)), background=None)
    with closing(apart.textures), pytest.raises(InputError, match="without a background"):
        Endless().play(apart)
