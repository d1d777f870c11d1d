"""What third-party animations need from stage, scene and compositor: small morph, flip, parade and infinite zoom."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from conftest import StageFactory, difference

from renderer.compositor import Compositor
from renderer.pictures import Pixels, resize
from renderer.scene import Camera, Scene, Stage, make_sprites

SIZE = (192, 128)  # 8 pixels a cell


@pytest.fixture
def stage(stage_factory: StageFactory) -> Iterator[Stage]:
    made = stage_factory.stage(SIZE)
    yield made
    made.textures.close()


def draw(stage: Stage, scene: Scene) -> Pixels:
    with closing(Compositor(*stage.frame, stage.textures, threads=2)) as compositor:
        return compositor.still(scene)


def test_tiles_move_from_one_map_to_another(stage: Stage) -> None:
    """Morph: two maps on the stage; the tiles of the first travel to cells of the second and fade into its photos."""
    upside_down = replace(stage.mosaic, photo=stage.mosaic.photo[::-1].copy())
    both = replace(
        stage,
        maps=[stage.mosaic, upside_down],
        libraries=[stage.libraries[0]] * 2,
        first_texture=[stage.first_texture[0], stage.textures.add_tiles(stage.libraries[0])],
    )
    camera = both.whole_camera()
    first, second = both.resting_sprites(0), both.resting_sprites(1)
    assert difference(draw(both, both.scene(camera, first)), draw(both, both.scene(camera, second))).mean() > 20

    def morph(progress: float) -> Scene:
        way = first.centre + progress * (second.centre[::-1] - first.centre)
        return both.scene(
            camera, first.moved(way), second.take(np.arange(len(second))[::-1]).moved(way, opacity=progress)
        )

    assert difference(draw(both, morph(0.0)), draw(both, both.scene(camera, first))).mean() < 1.5
    assert difference(draw(both, morph(1.0)), draw(both, both.scene(camera, second))).mean() < 1.5
    assert difference(draw(both, morph(0.5)), draw(both, morph(0.0))).mean() > 10


def test_tiles_show_another_texture_from_behind(stage: Stage) -> None:
    """Flip: seen from behind, each tile shows another texture."""
    red = stage.textures.add_picture(np.full((4, 4, 3), (200, 10, 20), np.uint8))
    tiles, camera = stage.resting_sprites(), replace(stage.whole_camera(), field_of_view=0.0)
    tiles = replace(tiles, gain=np.ones_like(tiles.gain), offset=np.zeros_like(tiles.offset))

    def flip(progress: float) -> Scene:
        tumble = np.full(len(tiles), math.pi * progress)
        turned = tiles.moved(tiles.centre, tumble=tumble, axis=math.pi / 2)
        behind = np.cos(tumble) < 0
        return stage.scene(camera, replace(turned, texture=np.where(behind, red, turned.texture).astype(np.int32)))

    assert difference(draw(stage, flip(0.0)), draw(stage, stage.scene(camera, tiles))).mean() < 1.5
    assert (draw(stage, flip(0.5)) == 0).all()  # a tile seen edge-on is invisible
    assert difference(draw(stage, flip(1.0)), np.full((128, 192, 3), (200, 10, 20), np.uint8)).mean() < 1.5


def test_whole_photos_are_drawn_in_an_overlay(stage: Stage) -> None:
    """Parade: photos in their own shape, not square, over the mosaic and in frame units."""
    index = next(i for i, photo in enumerate(stage.mosaic.photos) if not photo.is_part)
    photo = stage.photo(index)
    width, height = photo.size[0] / photo.size[1] * 96, 96.0
    texture = stage.add_whole(index, width, height)
    half = (0.5 * width / SIZE[1], 0.5 * height / SIZE[1])
    across = make_sprites(texture, (0.0, 0.0), (half[0], 0.0), (0.0, half[1]))
    drawn = draw(stage, stage.scene(stage.whole_camera(), stage.resting_sprites(), overlay=across))
    left = round(SIZE[0] / 2 - width / 2)
    shown = drawn[16:112, left : left + round(width)]
    expected = stage.libraries[0].whole(photo, round(width), 96)
    assert difference(shown, expected).mean() < 3
    plain = draw(stage, stage.scene(stage.whole_camera(), stage.resting_sprites()))
    assert (drawn[:15] == plain[:15]).all()


def test_a_nested_map_is_drawn_as_tiles_when_near(stage: Stage) -> None:
    """Infinite zoom: a tile that is a mosaic, drawn as a picture when far and as its own tiles when near."""
    tiles = stage.resting_sprites()
    texture = stage.add_map(0)
    inner = make_sprites(texture, (12.0, 8.0), (0.75, 0.0), (0.0, 0.5))
    cell = Camera((12.0, 8.0), 128.0)  # the inner mosaic fills the frame as the outer one does below
    near = draw(stage, stage.scene(cell, tiles, inner))
    far = draw(stage, stage.scene(Camera((12.0, 8.0), 8.0), tiles))
    assert difference(near, far).max() <= 1
    # At 2 pixels per tile the change from picture to tiles is hardly visible.
    opened = stage.scene(Camera((12.0, 8.0), 32.1), tiles, inner)
    step = difference(draw(stage, opened), draw(stage, replace(opened, nested={})))
    inside = step[48:80, 72:120]
    assert 0 < inside.mean() < 12
    assert inside.sum() > 0.95 * step.sum()
    # The picture resembles the tiles, and the drawing of a map that shows itself terminates.
    picture = draw(stage, stage.scene(Camera((12.0, 8.0), 20.0), tiles, inner))
    assert difference(resize(picture[54:74, 81:111], 24, 16), resize(far, 24, 16)).mean() < 12
    stage.nested[texture] = replace(
        stage.nested[texture], tiles=replace(tiles, texture=np.full_like(tiles.texture, texture))
    )
    assert draw(stage, stage.scene(Camera((12.0, 8.0), 5000.0), tiles, inner)).std() > 0


def test_what_is_below_a_nested_map_is_visible_where_a_mask_leaves_out_cells(stage: Stage) -> None:
    inside = stage.mosaic.cell[:, 0] >= 12
    some = {
        name: getattr(stage.mosaic, name)[inside] for name in ("cell", "photo", "symmetry", "gain", "offset", "cost")
    }
    part = replace(stage, maps=[replace(stage.mosaic, **some)])
    inner = make_sprites(part.add_map(0), (12.0, 8.0), (12.0, 0.0), (0.0, 8.0))
    for scale in (1.5, 2.5):  # as a picture, and as tiles
        camera = Camera((12.0, 8.0), scale)
        drawn = draw(part, replace(part.scene(camera, inner), background=(1.0, 0.0, 0.0)))
        left, right = round(96 - 12 * scale), round(96 + 12 * scale)
        rows = drawn[round(64 - 8 * scale) : round(64 + 8 * scale)]
        assert (rows[:, left : 96 - 2] == (255, 0, 0)).all()
        assert (rows[:, 96 + 2 : right] != (255, 0, 0)).any(axis=2).all()
