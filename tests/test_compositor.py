"""The compositor, compared with a slow and simple reference."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from renderer.compositor import Compositor
from renderer.pictures import Pixels, to_linear
from renderer.scene import JOINED_BELOW, JOINED_RIGHT, SPRITE_ARRAYS, Camera, Scene, Sprites, make_sprites
from renderer.textures import Textures, pack, unpack


@pytest.fixture
def textures() -> Iterator[Textures]:
    store = Textures(budget=10_000_000, threads=1)
    yield store
    store.close()


def smooth_picture(side: int, seed: int = 0) -> Pixels:
    """A picture without detail on which two samplers could differ."""
    noise = np.random.default_rng(seed).random((5, 5, 3)).astype(np.float32)
    return (cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255).astype(np.uint8)


def draw(scene: Scene, textures: Textures, width: int = 90, height: int = 60, **options: int) -> Pixels:
    compositor = Compositor(width, height, textures, **options)
    try:
        frame = compositor.new_frame()
        frame[:] = 0xDEADBEEF  # must be overwritten
        compositor.draw(scene, frame)
        return unpack(frame).copy()
    finally:
        compositor.close()


def reference(
    picture: NDArray[np.uint8], scene: Scene, width: int = 90, height: int = 60, steps: int = 8
) -> NDArray[np.float64]:
    """Each pixel as the mean of 8 × 8 points, each the nearest texel of the topmost sprite (texture 0 only)."""
    total = np.zeros((height, width, 3))
    (sprites,), camera = scene.sprites, scene.camera
    cosine, sine = math.cos(camera.angle) * camera.scale, math.sin(camera.angle) * camera.scale
    turn = np.array([[cosine, -sine], [sine, cosine]])
    for sub_y in range(steps):
        for sub_x in range(steps):
            y, x = np.mgrid[:height, :width]
            position = np.stack([x + (sub_x + 0.5) / steps, y + (sub_y + 0.5) / steps], -1)
            point = (position - (width / 2, height / 2)) @ np.linalg.inv(turn).T + camera.centre
            colour = np.tile(np.array(scene.background) * 255, (height, width, 1)).astype(float)
            for i in range(len(sprites)):
                basis = np.stack([sprites.right[i], sprites.down[i]], 1)
                s, t = np.moveaxis((point - sprites.centre[i]) @ np.linalg.inv(basis).T, -1, 0)
                inside = (np.abs(s) < 1) & (np.abs(t) < 1)
                u0, v0, u1, v1 = sprites.window[i]
                u = ((u0 + (s + 1) / 2 * (u1 - u0)) * picture.shape[1]).astype(int).clip(0, picture.shape[1] - 1)
                v = ((v0 + (t + 1) / 2 * (v1 - v0)) * picture.shape[0]).astype(int).clip(0, picture.shape[0] - 1)
                texel = picture[v, u] * sprites.gain[i] + sprites.offset[i] * 255
                share = sprites.opacity[i] * inside[..., np.newaxis]
                colour = colour * (1 - share) + texel.clip(0, 255) * share
            total += colour
    return total / steps**2


def assert_close(
    drawn: NDArray[np.uint8], expected: NDArray[np.float64], mean: float = 0.8, maximum: float = 12
) -> None:
    off = np.abs(drawn[..., :3] - expected)
    assert off.mean() < mean
    assert off.max() < maximum


CAMERA = Camera((0.0, 0.0), 30.0)


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, 2.5])
@pytest.mark.parametrize(
    ("right", "down"),
    [((0.9, 0.0), (0.0, 0.7)), ((-0.9, 0.0), (0.0, 0.7)), ((0.0, 0.9), (0.9, 0.0)), ((0.8, 0.3), (-0.4, 0.7)), ((0.15, 0.0), (0.0, 0.8))],
    ids=["upright", "mirrored", "transposed", "sheared", "squeezed"],
)  # fmt: skip
def test_any_affine_sprite_is_drawn(
    textures: Textures, right: tuple[float, float], down: tuple[float, float], angle: float
) -> None:
    picture = smooth_picture(64)
    sprite = make_sprites(textures.add_picture(picture), (0.13, -0.21), right, down)
    scene = Scene((sprite,), replace(CAMERA, angle=angle), (0.2, 0.3, 0.4))
    squeezed = right == (0.15, 0.0)  # one level is used for both axes, which blurs the longer one
    assert_close(draw(scene, textures), reference(picture, scene), *((1.2, 60) if squeezed else (0.8, 14)))


@pytest.mark.parametrize("scale", [2.3, 7.9, 15.7, 31.3, 44.9])
def test_mirrored_tiles_cover_the_same_pixels(textures: Textures, scale: float) -> None:
    picture = smooth_picture(32)
    picture[:, 16:] = picture[:, 15::-1]  # so that it is its own mirror image
    first = textures.add_picture(picture)
    y, x = (axis.ravel() for axis in np.mgrid[-2:3, -3:2])
    tiles = make_sprites([first] * len(x), np.stack([x, y], 1), (0.5, 0.0), (0.0, 0.5))
    tiles = replace(tiles, joined=np.full(len(x), JOINED_RIGHT | JOINED_BELOW, np.uint8))
    camera = Camera((0.13, 0.08), scale)
    as_is = draw(Scene((tiles,), camera), textures).astype(int)
    mirrored = draw(Scene((replace(tiles, right=-tiles.right),), camera), textures)
    assert np.abs(as_is - mirrored).max() <= 2


@pytest.mark.parametrize("level", ["largest", "smaller"])
def test_a_texture_of_one_column_is_drawn_like_a_wider_one(textures: Textures, level: str) -> None:
    column = smooth_picture(64)[:, :1]
    high = 2.0 if level == "largest" else 0.5
    frames = [
        draw(Scene((make_sprites(textures.add_picture(picture), (0, 0), (0.1, 0), (0, high)),), CAMERA), textures)
        for picture in (column, np.repeat(column, 8, axis=1))
    ]
    assert np.abs(frames[0].astype(int) - frames[1]).max() <= 1


def test_opacity_tone_and_windows_are_applied(textures: Textures) -> None:
    picture = smooth_picture(64)
    plain = make_sprites(textures.add_picture(picture), (0.0, 0.0), (0.6, 0.1), (-0.1, 0.6))
    sprite = replace(
        plain,
        opacity=np.array([0.6], np.float32),
        gain=np.array([[0.5, 1.2, 0.8]], np.float32),
        offset=np.array([[0.1, -0.05, 0.0]], np.float32),
        window=np.array([[0.25, 0.125, 0.75, 1.0]]),
    )
    scene = Scene((sprite,), CAMERA, (1.0, 1.0, 0.0))
    assert_close(draw(scene, textures), reference(picture, scene), maximum=14)


def test_tone_fades_as_a_tile_grows(textures: Textures) -> None:
    grey = make_sprites(textures.add_picture(np.full((32, 32, 3), 128, np.uint8)), (0, 0), (0.5, 0), (0, 0.5))
    toned = replace(grey, gain=np.full((1, 3), 0.5, np.float32))
    middles = [
        int(draw(Scene((toned,), Camera((0, 0), scale)), textures, 300, 300)[150, 150, 0])
        for scale in (20, 47, 144, 241, 290)
    ]
    assert middles[0] == middles[1] == 64
    assert 64 < middles[2] < 128
    assert middles[3] == middles[4] == 128


def grid_of_tiles(textures: Textures, columns: int, rows: int, pictures: list[Pixels]) -> Sprites:
    first = [textures.add_picture(picture) for picture in pictures]
    y, x = np.divmod(np.arange(columns * rows), columns)
    sprites = make_sprites(
        [first[i % len(first)] for i in range(columns * rows)], np.stack([x + 0.5, y + 0.5], 1), (0.5, 0), (0, 0.5)
    )
    joined = np.where(x < columns - 1, JOINED_RIGHT, 0) | np.where(y < rows - 1, JOINED_BELOW, 0)
    return replace(sprites, joined=joined.astype(np.uint8))


def test_at_one_texel_per_pixel_tiles_are_copied_exactly(textures: Textures) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(12)]
    sprites = grid_of_tiles(textures, 4, 3, pictures)
    drawn = draw(Scene((sprites,), Camera((2, 1.5), 16)), textures, 64, 48)
    stitched = np.stack(pictures).reshape(3, 4, 16, 16, 3).swapaxes(1, 2).reshape(48, 64, 3)
    assert (drawn[..., :3] == stitched).all()
    assert (drawn[..., 3] == 255).all()


@pytest.mark.parametrize("scale", [7.31, 12.5, 33.3])
@pytest.mark.parametrize("angle", [0.0, 0.02, 0.7, -2.0])
def test_tiles_at_rest_have_no_seams(textures: Textures, scale: float, angle: float) -> None:
    sprites = grid_of_tiles(textures, 20, 16, [np.full((32, 32, 3), 200, np.uint8)])
    drawn = draw(Scene((sprites,), Camera((10.123, 8.077), scale, angle), (0, 0, 0)), textures)
    y, x = np.mgrid[:60, :90]
    cosine, sine = math.cos(angle), math.sin(angle)
    dx, dy = (x + 0.5 - 45) / scale, (y + 0.5 - 30) / scale
    px, py = cosine * dx + sine * dy + 10.123, -sine * dx + cosine * dy + 8.077
    margin = 2 / scale
    inside = (px > margin) & (px < 20 - margin) & (py > margin) & (py < 16 - margin)
    assert inside.any()
    assert (drawn[inside] == (200, 200, 200, 255)).all()


def test_edges_between_tiles_are_blended_by_coverage(textures: Textures) -> None:
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    sprites = grid_of_tiles(textures, 2, 1, [black, white])
    drawn = draw(Scene((sprites,), Camera((1.0, 0.5), 20.0)), textures, 21, 8)  # the edge is in the middle of pixel 10
    assert drawn[4, [9, 10, 11], 0].tolist() == [0, 128, 255]


def test_alpha_is_composited_and_preserved(textures: Textures) -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[..., 0] = 255
    picture[..., 3] = 128
    sprite = make_sprites(textures.add_picture(picture), (0, 0), (0.5, 0), (0, 0.5))
    over_blue = draw(Scene((sprite,), CAMERA, (0.0, 0.0, 1.0)), textures)
    assert np.abs(over_blue[30, 45].astype(int) - (128, 0, 127, 255)).max() <= 1
    assert (over_blue[..., 3] == 255).all()


def test_an_overlay_is_in_frame_units(textures: Textures) -> None:
    white = textures.add_picture(np.full((8, 8, 3), 255, np.uint8))
    mosaic = make_sprites(white, (50.0, 50.0), (0.5, 0), (0, 0.5))  # far away
    overlay = make_sprites(white, (0.25, 0.0), (0.25, 0), (0, 0.25))
    drawn = draw(Scene((mosaic,), CAMERA, (0.0, 0.0, 0.0), overlay), textures, 80, 40)
    assert (drawn[10:30, 40:60, 0] == 255).all()
    assert drawn[..., 0].sum() == 255 * 20 * 20


def test_a_background_picture_fills_the_frame(textures: Textures) -> None:
    ramp = np.repeat(np.linspace(0, 255, 90, dtype=np.uint8)[np.newaxis, :, np.newaxis], 60, 0).repeat(3, 2)
    nothing = make_sprites(np.empty(0, np.int32), np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2)))
    drawn = draw(Scene((nothing,), CAMERA, textures.add_picture(ramp)), textures)
    assert (drawn[..., :3] == ramp).all()


def scattered(textures: Textures, count: int = 60) -> Scene:
    random = np.random.default_rng(3)
    first = textures.add_picture(random.integers(0, 256, (64, 64, 3), np.uint8))
    turn = random.uniform(0, 7, count)
    size = random.uniform(0.02, 0.6, count)[:, np.newaxis]
    right = np.stack([np.cos(turn), np.sin(turn)], 1) * size
    sprites = make_sprites(
        np.full(count, first), random.uniform(-1.6, 1.6, (count, 2)), right, right[:, ::-1] * (-1, 1)
    )
    return Scene((replace(sprites, opacity=random.uniform(0, 1, count).astype(np.float32)),), CAMERA)


def test_pixels_do_not_depend_on_threads_or_earlier_scenes(textures: Textures) -> None:
    scene = scattered(textures)
    alone = draw(scene, textures, threads=1)
    assert (draw(scene, textures, threads=7) == alone).all()
    compositor = Compositor(90, 60, textures, threads=2)
    frame = compositor.new_frame()
    for other in (scene, replace(scene, camera=replace(CAMERA, scale=90)), scene):
        compositor.draw(other, frame)
    compositor.close()
    assert (unpack(frame) == alone).all()


def test_two_compositors_share_textures(textures: Textures) -> None:
    textures.budget = 0
    sprite = make_sprites(textures.add_picture(smooth_picture(256)), (0, 0), (0.5, 0), (0, 0.5))
    other = make_sprites(textures.add_picture(smooth_picture(256, 1)), (0, 0), (0.5, 0), (0, 0.5))
    scenes = [Scene((sprites,), Camera((0, 0), scale)) for sprites in (sprite, other) for scale in (60.0, 200.0)]
    expected = [draw(scene, textures) for scene in scenes]
    pair = [Compositor(90, 60, textures) for _ in range(2)]
    for turn, (scene, reference_frame) in enumerate(zip(scenes * 2, expected * 2, strict=True)):
        frame = pair[turn % 2].new_frame()
        pair[turn % 2].draw(scene, frame)
        assert (unpack(frame) == reference_frame).all()
    for compositor in pair:
        compositor.close()


@pytest.mark.parametrize("field", ["centre", "right", "down", "window", "opacity", "gain", "offset"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_no_value_in_a_sprite_breaks_drawing(textures: Textures, field: str, value: float) -> None:
    sprite = make_sprites(textures.add_picture(smooth_picture(64)), (0, 0), (0.5, 0), (0, 0.5))
    draw(Scene((replace(sprite, **{field: np.full_like(getattr(sprite, field), value)}),), CAMERA), textures)


def test_translucent_tiles_have_no_lines_between_them(textures: Textures) -> None:
    sprites = grid_of_tiles(textures, 8, 6, [np.full((32, 32, 3), 255, np.uint8)])
    half = replace(sprites, opacity=np.full(48, 0.5, np.float32))
    drawn = draw(Scene((half,), Camera((4.03, 3.01), 13.3), (0.0, 0.0, 0.0)), textures)[..., 0]
    assert drawn[10:50, 10:80].min() > 90


def test_levels_of_a_picture_with_alpha_have_no_halo() -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[..., :3] = 60
    picture[::2, ::2, 3] = 255  # a quarter is opaque
    store = Textures(0, 1)
    smaller = unpack(store.pixels(store.add_picture(picture), 1))
    store.close()
    assert np.abs(smaller.astype(int) - (15, 15, 15, 64)).max() <= 1


def test_levels_are_dropped_when_the_cache_is_full_and_recreated(textures: Textures) -> None:
    textures.budget = 20_000
    pictures = [smooth_picture(64, seed) for seed in range(8)]
    sprites = grid_of_tiles(textures, 8, 1, pictures)
    compositor = Compositor(64, 64, textures, threads=1)
    frame, again = compositor.new_frame(), compositor.new_frame()
    compositor.draw(Scene((sprites,), Camera((0.5, 0.5), 64)), frame)
    for x in range(1, 8):
        compositor.draw(Scene((sprites,), Camera((x + 0.5, 0.5), 64)), again)
        assert textures.loaded_bytes <= 20_000 + 2 * 64 * 64 * 4
    compositor.draw(Scene((sprites,), Camera((0.5, 0.5), 64)), again)
    compositor.close()
    assert (frame == again).all()


def test_yuv_is_bt709_with_left_sited_chroma(textures: Textures) -> None:
    picture = smooth_picture(64)
    compositor = Compositor(64, 64, textures, threads=3)
    planes = (np.empty((64, 64), np.uint8), np.empty((32, 32), np.uint8), np.empty((32, 32), np.uint8))
    compositor.to_yuv420(pack(picture), planes)
    compositor.close()
    rgb = picture / 255
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    assert np.abs(planes[0] - (16 + 219 * luma)).max() <= 0.51
    for plane, channel, scale in ((planes[1], 2, 1.8556), (planes[2], 0, 1.5748)):
        chroma = (rgb[..., channel] - luma) / scale
        rows = chroma.reshape(32, 2, 64).mean(axis=1)
        padded = np.concatenate([rows[:, :1], rows], 1)
        sited = 0.25 * padded[:, 0:64:2] + 0.5 * padded[:, 1:65:2] + 0.25 * rows[:, 1::2]
        assert np.abs(plane - (128 + 224 * sited)).max() <= 0.6


def test_sprites_outside_the_frame_or_edge_on_are_not_drawn(textures: Textures) -> None:
    white = textures.add_picture(np.full((8, 8, 3), 255, np.uint8))
    centres = [(1e9, 0), (-1e9, 1e9), (0, 0), (0, 0), (1e5, 1e5)]
    rights = [(0.5, 0), (0.5, 0), (0, 0), (0.5, 0), (1.2e5, 0)]
    downs = [(0, 0.5), (0, 0.5), (0, 0.5), (1, 0), (0, 1.2e5)]
    drawn = draw(Scene((make_sprites([white] * 5, centres, rights, downs),), CAMERA), textures)
    assert (drawn[..., :3] == 255).all()  # the last one, a hundred thousand units large, covers the frame


@pytest.mark.parametrize("angle", [0.0, math.pi / 2, 0.2])
def test_skipping_what_a_photo_hides_changes_no_pixel(textures: Textures, angle: float) -> None:
    rng = np.random.default_rng(3)
    first = [textures.add_picture(smooth_picture(32, seed)) for seed in range(6)]
    y, x = (axis.ravel() for axis in np.mgrid[-3:4, -4:5])
    tiles = make_sprites(rng.choice(first, len(x)), np.stack([x, y], 1), (0.5, 0.0), (0.0, 0.5))
    tiles = replace(tiles, joined=np.full(len(x), JOINED_RIGHT | JOINED_BELOW, np.uint8))
    photo = make_sprites(textures.add_picture(smooth_picture(64, 9)), (0.21, -0.13), (1.37, 0.0), (0.0, 0.94))
    camera = Camera((0.1, 0.2), 19.3, angle)
    both = Sprites(*(np.concatenate([getattr(tiles, name), getattr(photo, name)]) for name in SPRITE_ARRAYS))
    separate, combined = draw(Scene((tiles, photo), camera), textures), draw(Scene((both,), camera), textures)
    assert (separate == combined).all()


@pytest.mark.parametrize("half", [(2.0, 2.0), (1.5, 1.0)], ids=["larger than the frame", "exactly the frame"])
def test_hidden_textures_are_not_loaded(textures: Textures, half: tuple[float, float]) -> None:
    def refuse(level: int) -> NDArray[np.uint32]:
        raise AssertionError(f"level {level} was created")

    hidden = make_sprites(textures.add(64, 64, refuse, mean=(0, 0, 0)), (0, 0), (0.5, 0), (0, 0.5))
    photo = make_sprites(textures.add_picture(smooth_picture(64)), (0, 0), (half[0], 0), (0, half[1]))
    draw(Scene((hidden, photo), CAMERA), textures)
    with pytest.raises(AssertionError, match="was created"):
        draw(Scene((photo, hidden), CAMERA), textures)


@pytest.mark.parametrize("change", [32 / 2**0.5, 16 / 2**0.5], ids=["32 to 16 texels", "16 to 8"])
def test_a_change_of_mip_level_is_smooth(textures: Textures, change: float) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)  # the maximum of detail
    tile = make_sprites(textures.add_picture(picture), (0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    scales = change * 1.002 ** np.arange(-5, 7)
    frames = [draw(Scene((tile,), Camera((0, 0), scale)), textures, 20, 20)[..., :3].astype(float) for scale in scales]
    moved = np.array([np.abs(after - before).mean() for before, after in pairwise(frames)])
    assert moved[5] < 1.25 * max(moved[3], moved[7])  # from the last frame of one level to the first of the next
    brightness = np.array([frame.mean() for frame in frames])
    assert np.abs(np.diff(brightness, n=2)).max() < 0.3


def exposed(textures: Textures, motion: Callable[[float], Scene], shutter: float) -> tuple[Pixels, list[float]]:
    """A frame around progress 0.5, and the progress values at which its motion was called."""
    calls: list[float] = []

    def watched(progress: float) -> Scene:
        calls.append(progress)
        return motion(progress)

    with closing(Compositor(90, 60, textures)) as compositor:
        frame = compositor.new_frame()
        shot = compositor.exposure(watched, 0.5, shutter)
        if isinstance(shot, Scene):
            compositor.draw(shot, frame)
        else:
            compositor.expose(map(watched, shot), frame)
        return unpack(frame).copy(), calls


def test_motion_blur_averages_light(textures: Textures) -> None:
    white = make_sprites(textures.add_picture(np.full((8, 8, 3), 255, np.uint8)), (0, 0), (10, 0), (0, 10))

    def motion(progress: float) -> Scene:
        return Scene((replace(white, centre=np.array([[200 * (progress - 0.5), 0.0]])),), Camera((0, 0), 1.0))

    sharp, calls = exposed(textures, motion, 0.0)
    assert (len(calls), (sharp == draw(motion(0.5), textures)).all()) == (1, True)
    blurred, calls = exposed(textures, motion, 0.1)  # 20 pixels, the width of the square
    assert len(calls) == 3 + 11
    light = to_linear(np.ascontiguousarray(blurred[30:31, :, :3]))[0, :, 0]
    ramp = np.clip(1 - np.abs(np.arange(90) + 0.5 - 45) / 20, 0, 1)  # the convolution of two boxes of equal width
    assert np.abs(light - ramp).max() < 0.06
    assert light.sum() == pytest.approx(20, rel=0.03)  # no light is lost
    _, calls = exposed(textures, motion, 0.4)
    assert len(calls) == 3 + 16


def test_a_still_scene_is_drawn_once_at_any_shutter(textures: Textures) -> None:
    scene = Scene((make_sprites(textures.add_picture(smooth_picture(64)), (0, 0), (0.9, 0), (0, 0.9)),), CAMERA)
    frame, calls = exposed(textures, lambda _progress: scene, 0.9)
    assert len(calls) == 3
    assert (frame == draw(scene, textures)).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_window_beyond_a_texture_repeats_its_edge_where_texels_are_pixels(textures: Textures, mirrored: bool) -> None:
    picture = smooth_picture(64)
    wide = make_sprites(textures.add_picture(picture), (0, 0), (-64 if mirrored else 64, 0), (0, 32))
    wide = replace(wide, window=np.array([[-0.5, 0.0, 1.5, 1.0]]))
    with closing(Compositor(128, 64, textures)) as compositor:
        drawn = compositor.still(Scene((wide,), Camera((0.0, 0.0), 1.0)))
    expected = np.pad(picture, ((0, 0), (32, 32), (0, 0)), "edge")
    assert (drawn == (expected[:, ::-1] if mirrored else expected)).all()


@pytest.mark.parametrize("thickness", [0.3, 0.03, 0.003])
@pytest.mark.parametrize("angle", [0.0, 0.6, math.pi / 2])
def test_an_almost_edge_on_sprite_stays_within_its_bounds(textures: Textures, thickness: float, angle: float) -> None:
    """Its axes are nearly parallel, as are its four edges, which then do not bound its ends."""
    number = textures.add_picture(np.full((32, 32, 3), 255, np.uint8))
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    sprite = make_sprites(number, (0, 0), 4 * along, 6 * along + thickness * across)
    drawn = draw(Scene((sprite,), Camera((0, 0), 1.0)), textures)[..., 0]
    reach = np.abs(4 * along) + np.abs(6 * along) + thickness + 1
    rows, columns = np.nonzero(drawn)
    assert (np.abs(columns + 0.5 - 45) <= reach[0] + 0.5).all()
    assert (np.abs(rows + 0.5 - 30) <= reach[1] + 0.5).all()
