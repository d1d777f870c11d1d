"""From the mosaic of one cover to the next: flip and morph."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from conftest import StageFactory, difference, heart

from animations.flip import Flip
from animations.morph import Morph
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import CoverSequence, Scene, Stage

SIZE = (160, 90)

FRAMES = {"16:9": (160, 90), "9:16": (90, 160)}

BOTH: dict[str, CoverSequence] = {"flip": Flip(to=("next.jpg",)), "morph": Morph(to=("next.jpg",))}


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage(SIZE, seconds=6.0)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=1)) as compositor:
        return compositor.still(scene)


def whole(stage: Stage, which: int) -> Pixels:
    return draw(stage, stage.scene(stage.whole_camera(which), stage.resting_sprites(which)))


@pytest.mark.parametrize("percent", [0, 35, 50, 65, 100])
@pytest.mark.parametrize("shape", FRAMES)
@pytest.mark.parametrize("name", BOTH)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], name: str, shape: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[shape], seconds=6.0)
    with closing(stage.textures):
        frame = draw(stage, BOTH[name].play(stage)(percent / 100))
        golden(f"{name}-{shape.replace(':', 'x')}-{percent:03d}", frame)


@pytest.mark.parametrize("name", BOTH)
def test_each_end_is_a_whole_mosaic(stage: Stage, name: str) -> None:
    motion = BOTH[name].play(stage)
    for which in (0, 1):
        assert (draw(stage, motion(float(which))) == whole(stage, which)).all()
    assert difference(whole(stage, 0), whole(stage, 1)).mean() > 5


def changed(stage: Stage, one: CoverSequence, other: CoverSequence, progress: float = 0.5) -> float:
    """How much a frame of two animations differs."""
    frames = [draw(stage, each.play(stage)(progress)) for each in (one, other)]
    return float(difference(*frames).mean())


def test_every_parameter_has_an_effect(stage: Stage) -> None:
    flip, morph = Flip(to=("next.jpg",)), Morph(to=("next.jpg",))
    assert changed(stage, flip, replace(flip, order="random")) > 2
    assert changed(stage, flip, replace(flip, axis="horizontal")) > 2
    assert changed(stage, flip, replace(flip, overlap=0.9)) > 2
    assert changed(stage, flip, replace(flip, easing="linear"), 0.3) > 0.1
    assert changed(stage, morph, replace(morph, swirl=-0.8)) > 2
    assert changed(stage, morph, replace(morph, overlap=1.0)) > 2
    assert changed(stage, morph, replace(morph, easing="linear")) > 1
    assert morph.next_covers()[0].travel == 0.3
    assert replace(morph, travel=1.0).next_covers()[0].travel == 1.0
    for each in (flip, morph):
        assert changed(stage, each, replace(each, light=0.0)) > 0.1
        assert changed(stage, each, replace(each, shadow=0.0)) > 0.1
        late, early = replace(each, hold_start=3.0, drift=0.0), replace(each, hold_start=0.0, drift=0.0)
        assert (draw(stage, late.play(stage)(0.3)) == whole(stage, 0)).all()
        assert (draw(stage, early.play(stage)(0.3)) != whole(stage, 0)).any()
        assert (draw(stage, replace(each, hold_end=3.0, drift=0.0).play(stage)(0.7)) == whole(stage, 1)).all()


@pytest.mark.parametrize("name", BOTH)
def test_tiles_enter_and_leave_if_the_cells_differ(stage_factory: StageFactory, name: str) -> None:
    """Morph only: flip has the same cells in all maps. From a heart to all cells and back."""
    if name == "flip":
        pytest.skip("the cells of all maps are the same")
    made = stage_factory.stage(SIZE, seconds=6.0)
    few, many = heart(made).maps[0], made.maps[0]
    known = np.full(len(many), -1, np.int32)
    known[: len(few)] = np.arange(len(few))
    fewer, more = replace(few, came_from=np.arange(len(few), dtype=np.int32)), replace(many, came_from=known)
    for maps in ([few, more], [many, fewer]):
        stage = replace(made, maps=maps, _made={})
        motion = BOTH[name].play(stage)
        for which in (0, 1):
            assert (draw(stage, motion(float(which))) == whole(stage, which)).all()
        middle = motion(0.5)
        flying = [sprites for sprites in middle.sprites if sprites.space is not None]
        assert all(np.isfinite(sprites.centre).all() for sprites in flying)
        assert any(((sprites.opacity > 0) & (sprites.opacity < 1)).any() for sprites in flying)
    made.textures.close()


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("count", [1, 10])
def test_a_map_of_few_cells(stage_factory: StageFactory, name: str, count: int) -> None:
    made = stage_factory.stage(SIZE, seconds=6.0)
    arrays = {
        each: getattr(made.mosaic, each)[:count] for each in ("cell", "photo", "symmetry", "gain", "offset", "cost")
    }
    first = replace(made.mosaic, **arrays)
    second = replace(first, came_from=np.arange(count, dtype=np.int32)[::-1], photo=first.photo[::-1])
    stage = replace(made, maps=[first, second], _made={})
    with closing(stage.textures):
        motion = BOTH[name].play(stage)
        frames = [draw(stage, motion(progress)) for progress in (0.0, 0.3, 0.5, 0.7, 1.0)]
        assert (frames[0] == whole(stage, 0)).all()
        assert (frames[-1] == whole(stage, 1)).all()


def test_three_covers_follow_each_other(stage: Stage) -> None:
    three = replace(stage, maps=[*stage.maps, stage.maps[0]], libraries=[stage.libraries[0]] * 3,
                    first_texture=[stage.first_texture[0]] * 3)  # fmt: skip
    for each in (Flip(to=("a.jpg", "b.jpg"), drift=0), Flip(to=("a.jpg",), loop=True)):
        motion = each.play(three)
        assert (draw(three, motion(0.0)) == whole(three, 0)).all()
        assert (draw(three, motion(0.52 if each.loop else 0.5)) == whole(three, 1)).all()
        assert (draw(three, motion(1.0)) == whole(three, 0)).all()
    assert Flip(to=("a.jpg", "b.jpg")).default_duration() == pytest.approx(2 * 4 + 0.5 + 2 * 1.2)
    assert Flip(to=("a.jpg",), loop=True).default_duration() == pytest.approx(2 * 4 + 0.5 + 1.2)
