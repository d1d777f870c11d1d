"""Sprites in space: perspective, order of depth, light, shadows and blur."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.pixels import resize
from renderer.scene import RECTANGLE, Camera, Outline, Scene, Sprites, make_sprites
from renderer.textures import Textures, unpack

WIDTH, HEIGHT, STEPS = 96, 72, 8

Floats = NDArray[np.float64]


@pytest.fixture
def textures() -> Iterator[Textures]:
    store = Textures(budget=50_000_000, threads=1)
    yield store
    store.close()


def draw(scene: Scene, textures: Textures, threads: int = 1, columns: tuple[int, int] = (0, WIDTH)) -> Pixels:
    with closing(Compositor(WIDTH, HEIGHT, textures, threads=threads)) as compositor:
        compositor.columns = columns
        frame = compositor.new_frame()
        frame[:] = 0xDEADBEEF  # must be overwritten
        compositor.draw(scene, frame)
        return unpack(frame)[..., :3].copy()


def rays(camera: Camera) -> tuple[Floats, Floats]:
    """Return the camera's position (3,) and the directions to 8 × 8 points of each pixel, (H, W, 3)."""
    axes = camera.axes()
    distance = HEIGHT / 2 / camera.scale / math.tan(camera.field_of_view / 2)
    y, x = (np.mgrid[: HEIGHT * STEPS, : WIDTH * STEPS] + 0.5) / STEPS
    in_view = np.stack([x - WIDTH / 2, y - HEIGHT / 2, np.full_like(x, -distance * camera.scale)], -1) / camera.scale
    return np.array([*camera.centre, 0.0]) + axes[2] * distance, in_view @ axes


def supersampled(scene: Scene, pictures: list[Pixels]) -> Floats:
    """Return a scene of opaque sprites by ray casting, 8 × 8 rays a pixel, the nearest on top: (H, W, 3)."""
    eye, directions = rays(scene.camera)
    colour = np.broadcast_to(np.array(scene.background) * 255, directions.shape).copy()
    nearest = np.full(directions.shape[:2], np.inf)
    for sprites in scene.sprites:
        right, down = sprites.half_axes()
        centre = np.concatenate([sprites.centre, sprites.height()[:, np.newaxis]], 1)
        for i in range(len(sprites)):
            basis = np.linalg.inv(np.stack([right[i], down[i], np.cross(right[i], down[i])], 1))
            start, way = basis @ (eye - centre[i]), directions @ basis.T
            far = -start[2] / way[..., 2]
            s, t = (start[axis] + far * way[..., axis] for axis in (0, 1))
            inside = (np.abs(s) < 1) & (np.abs(t) < 1) & (far > 0) & (far < nearest)
            picture = pictures[int(sprites.texture[i])]
            u = ((s + 1) / 2 * picture.shape[1]).clip(0, picture.shape[1] - 1).astype(int)
            v = ((t + 1) / 2 * picture.shape[0]).clip(0, picture.shape[0] - 1).astype(int)
            colour[inside] = picture[v, u][inside]
            nearest = np.where(inside, far, nearest)
    return colour.reshape(HEIGHT, STEPS, WIDTH, STEPS, 3).mean(axis=(1, 3))


def psnr(drawn: Pixels, expected: Floats) -> float:
    return float(10 * np.log10(255**2 / np.square(drawn - expected).mean()))


PHOTO = resize(skimage.data.astronaut(), 128, 128)


def tile(texture: int) -> Sprites:
    return make_sprites(texture, (0.0, 0.0), (0.5, 0.0), (0.0, 0.5))


CASES = [(0.0, 0.6, 0.8), (0.5, 0.0, 0.0), (0.5, 1.3, 0.4), (1.2, 0.0, 0.0), (1.2, 0.6, -0.5), (0.0, 2.8, 0.9)]


@pytest.mark.parametrize(("pitch", "tumble", "height"), CASES)
def test_a_turned_photo_is_in_perspective(textures: Textures, pitch: float, tumble: float, height: float) -> None:
    texture = textures.add_picture(PHOTO)
    one = tile(texture).moved(np.array([[0.15, -0.1, height]]), tumble=tumble, axis=0.9, angle=0.3)
    scene = Scene((one,), Camera((0.0, 0.0), 55.0, pitch=pitch, yaw=0.2), (0.2, 0.3, 0.4))
    assert psnr(draw(scene, textures), supersampled(scene, [PHOTO])) > 30


@pytest.mark.parametrize("outline", [RECTANGLE, Outline(radius=0.3, border=0.1), Outline("hexagon", border=0.1)])
def test_every_shape_is_in_perspective(textures: Textures, outline: Outline) -> None:
    """A tilted camera shows a tile that lies flat as it shows a picture of that tile."""
    texture = textures.add_picture(PHOTO)
    one = replace(tile(texture), outline=outline)
    upright = Camera((0.0, 0.0), 55.0)
    with closing(Compositor(256, 256, textures, threads=1)) as compositor:
        picture = compositor.still(Scene((one,), Camera((0.0, 0.0), 256.0), (0.2, 0.3, 0.4)))
    tilted = replace(upright, pitch=0.7, yaw=-0.3)
    expected = supersampled(Scene((tile(0),), tilted, (0.2, 0.3, 0.4)), [picture])
    assert psnr(draw(Scene((one,), tilted, (0.2, 0.3, 0.4)), textures), expected) > 30


def test_the_plane_looks_the_same_with_any_field_of_view(textures: Textures) -> None:
    one = tile(textures.add_picture(PHOTO))
    drawn = [
        draw(Scene((one,), Camera((0.1, 0.2), 60.0, 0.3, field_of_view=angle), (0.2, 0.3, 0.4)), textures)
        for angle in (0.0, 0.7, 2.0)
    ]
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])


def test_nearer_tiles_are_larger(textures: Textures) -> None:
    camera = Camera((0.0, 0.0), 20.0)
    eye = camera.distance(HEIGHT)
    white = textures.add_picture(np.full((1, 1, 3), 255, np.uint8))
    for height, size in ((0.0, 20.0), (eye / 2, 40.0), (-eye, 10.0)):
        drawn = draw(Scene((tile(white).moved(np.array([[0.0, 0.0, height]])),), camera), textures)
        assert math.sqrt(drawn[..., 0].sum() / 255) == pytest.approx(size, rel=0.01)
    behind_the_camera = tile(white).moved(np.array([[0.0, 0.0, 1.5 * eye]]))
    assert not draw(Scene((behind_the_camera,), camera), textures).any()


@pytest.mark.parametrize("seed", range(3))
def test_no_tile_is_in_front_of_a_nearer_one(textures: Textures, seed: int) -> None:
    """Tiles whose paths cross, compared with ray casting, which needs no order."""
    rng = np.random.default_rng(seed)
    count, camera = 60, Camera((0.0, 0.0), 6.0)
    textures_of = [textures.add_picture(np.full((1, 1, 3), 4 * number, np.uint8)) for number in range(count)]
    pictures = [np.full((1, 1, 3), 4 * number, np.uint8) for number in range(count)]
    tiles = make_sprites(textures_of, (0.0, 0.0), (2.0, 0.0), (0.0, 2.0))
    start, end = rng.uniform(-6, 6, (2, count, 3))
    for way in (0.0, 0.5, 1.0):
        flying = tiles.moved(start + way * (end - start))
        expected = supersampled(Scene((flying,), camera, (0.0, 0.0, 0.0)), pictures)

        in_order, unsorted = (
            draw(Scene((sprites,), camera, (0.0, 0.0, 0.0)), textures)
            for sprites in (camera.far_to_near(flying), flying)
        )
        assert (np.abs(in_order - expected) > 24).mean() < 0.003  # where edges meet
        assert (np.abs(unsorted - expected) > 24).mean() > 0.05


def test_tiles_of_the_same_depth_keep_their_order() -> None:
    tiles = make_sprites(np.arange(9), np.zeros((9, 2)), (1.0, 0.0), (0.0, 1.0)).moved(np.zeros((9, 3)))
    assert Camera((0.0, 0.0), 1.0, pitch=0.5).far_to_near(tiles).texture.tolist() == list(range(9))


def test_light_depends_on_the_angle(textures: Textures) -> None:
    camera, grey = Camera((0.0, 0.0), 60.0), textures.add_picture(np.full((1, 1, 3), 128, np.uint8))

    def brightness(tumble: float, axis: float, light: float) -> int:
        turned = tile(grey).moved(np.zeros((1, 3)), tumble=tumble, axis=axis).lit(light)
        return int(draw(Scene((turned,), camera), textures)[HEIGHT // 2, WIDTH // 2, 0])

    assert brightness(0.0, 0.0, 1.0) == 128  # at rest, nothing changes
    towards, away = brightness(0.5, 0.0, 1.0), brightness(-0.5, 0.0, 1.0)  # the light comes from above
    assert towards > 128 > away
    assert brightness(math.pi - 0.5, 0.0, 1.0) == away  # seen from behind
    assert away < brightness(-0.5, 0.0, 0.5) < brightness(-0.5, 0.0, 0.0) == 128


def test_a_shadow_becomes_wider_and_fainter_with_height(textures: Textures) -> None:
    white, black = (textures.add_picture(np.full((1, 1, 3), value, np.uint8)) for value in (255, 0))
    camera = Camera((0.0, 0.0), 16.0)
    darkest, widths = [], []
    for height in (0.2, 0.8, 2.0):
        lifted = tile(white).moved(np.array([[0.0, 0.0, height]]))
        dark = 255 - draw(Scene((lifted.shadows(black, 1.0),), camera, (1.0, 1.0, 1.0)), textures)[..., 0].astype(int)
        y, x = np.nonzero(dark)
        darkest.append(dark.max())
        widths.append(np.ptp(x))
        assert x.mean() > WIDTH / 2  # the light comes from the upper left
        assert y.mean() > HEIGHT / 2
    assert darkest == sorted(darkest, reverse=True)
    assert widths == sorted(widths)
    assert not len(tile(white).shadows(black, 1.0))  # on the mosaic
    assert not len(lifted.shadows(black, 0.0))


def test_what_is_out_of_focus_is_blurred(textures: Textures) -> None:
    one, camera = tile(textures.add_picture(PHOTO)).moved(np.zeros((1, 3))), Camera((0.0, 0.0), 60.0)

    def detail(softness: float) -> float:
        drawn = draw(Scene((one.blurred(softness),), camera), textures).astype(float)
        return float(np.abs(np.diff(drawn, axis=1)).mean())

    levels = [detail(softness) for softness in (0.0, 0.03, 0.1)]
    assert levels == sorted(levels, reverse=True)
    assert levels[2] < levels[0] / 2


def test_blur_by_movement_lies_along_the_way(textures: Textures) -> None:
    """One scene with the way of a tile is near the mean of sixteen scenes."""
    texture, camera = textures.add_picture(PHOTO), Camera((0.0, 0.0), 40.0)
    one = replace(tile(texture), tile=np.zeros(1, np.int32))

    def motion(progress: float) -> Scene:
        return Scene((one.moved(np.array([[progress, 0.0, 0.0]])),), camera, (0.0, 0.0, 0.0))

    with closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor:
        shot = compositor.exposure(motion, 0.0, 0.5)
        assert isinstance(shot, Scene)
        shot = compositor.exposure(motion, 0.3, 0.4)
        assert isinstance(shot, Scene)
        drawn = compositor.still(shot).astype(float)
        exact = np.mean([compositor.still(motion(0.1 + 0.4 * (n + 0.5) / 32)) for n in range(32)], axis=0)
        sharp = compositor.still(motion(0.3)).astype(float)
    assert np.abs(drawn - exact).mean() < 0.4 * np.abs(sharp - exact).mean()


def test_a_frame_does_not_depend_on_bands_and_columns(textures: Textures) -> None:
    rng = np.random.default_rng(1)
    texture, camera = textures.add_picture(PHOTO), Camera((0.0, 0.0), 10.0)
    tiles = make_sprites(np.full(80, texture), rng.uniform(-5, 5, (80, 2)), (0.5, 0.0), (0.0, 0.7))
    tiles = tiles.moved(
        np.concatenate([tiles.centre, rng.uniform(-4, 6, (80, 1))], 1), tumble=rng.uniform(0, 6, 80),
        axis=rng.uniform(0, 3, 80), angle=rng.uniform(0, 6, 80),
    ).lit(1.0).blurred(rng.uniform(0, 0.2, 80) * (rng.random(80) > 0.5))  # fmt: skip
    scene = Scene((tiles,), camera, (0.1, 0.2, 0.3))
    whole = draw(scene, textures)
    assert np.array_equal(whole, draw(scene, textures, threads=3))
    assert np.array_equal(whole[:, 30:70], draw(scene, textures, columns=(30, 70)))
