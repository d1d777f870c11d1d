"""Sprites in space: perspective, order of depth, light, shadows and blur."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from conftest import StageFactory
from numpy.typing import NDArray

from animations.disperse import Disperse
from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.pixels import resize
from renderer.planes import PlaneRenderer
from renderer.scene import (
    RECTANGLE,
    TONE_FULL_BELOW,
    TONE_NONE_ABOVE,
    Camera,
    NestedMap,
    Outline,
    Rest,
    Scene,
    Sprites,
    make_sprites,
)  # fmt: skip
from renderer.scene.preview import preview
from renderer.scene.tiles import part_of
from renderer.scene.views import points_of, view_of
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


def supersampled(scene: Scene, pictures: list[Pixels]) -> Floats:
    """Return a scene of opaque sprites by ray casting, 8 × 8 rays a pixel, the nearest on top: (H, W, 3)."""
    camera = scene.camera
    axes, unit = camera.axes(), camera.scale * STEPS  # rays per unit in the middle
    distance = HEIGHT / 2 / camera.scale / math.tan(camera.field_of_view / 2)
    eye = np.array([*camera.centre, 0.0]) + axes[2] * distance
    size, middle = np.array([WIDTH, HEIGHT]) * STEPS, np.array([WIDTH, HEIGHT]) * STEPS / 2
    colour = np.tile(np.array(scene.background) * 255, (size[1], size[0], 1))
    nearest = np.full((size[1], size[0]), np.inf)
    for sprites in scene.sprites:
        right, down = sprites.half_axes()
        centre = np.concatenate([sprites.centre, sprites.height()[:, np.newaxis]], 1)
        for i in range(len(sprites)):
            corners = (centre[i] + np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) @ [right[i], down[i]] - eye) @ axes.T
            if (corners[:, 2] >= 0).any():  # behind the camera
                continue
            shown = middle + corners[:, :2] / -corners[:, 2:] * distance * unit
            x0, y0 = np.clip(np.floor(shown.min(axis=0)), 0, size).astype(int)
            x1, y1 = np.clip(np.ceil(shown.max(axis=0)), 0, size).astype(int)
            y, x = np.mgrid[y0:y1, x0:x1] + 0.5
            rays = np.stack([(x - middle[0]) / unit, (y - middle[1]) / unit, np.full_like(x, -distance)], -1) @ axes
            basis = np.linalg.inv(np.stack([right[i], down[i], np.cross(right[i], down[i])], 1))
            start, way = basis @ (eye - centre[i]), rays @ basis.T
            far = -start[2] / way[..., 2]
            s, t = (start[axis] + far * way[..., axis] for axis in (0, 1))
            inside = (np.abs(s) < 1) & (np.abs(t) < 1) & (far > 0) & (far < nearest[y0:y1, x0:x1])
            picture = pictures[int(sprites.texture[i])]
            u = ((s + 1) / 2 * picture.shape[1]).clip(0, picture.shape[1] - 1).astype(int)
            v = ((t + 1) / 2 * picture.shape[0]).clip(0, picture.shape[0] - 1).astype(int)
            colour[y0:y1, x0:x1][inside] = picture[v, u][inside]
            nearest[y0:y1, x0:x1][inside] = far[inside]
    return np.asarray(colour.reshape(HEIGHT, STEPS, WIDTH, STEPS, 3).mean(axis=(1, 3)), np.float64)


def psnr(drawn: Pixels, expected: Floats) -> float:
    return float(10 * np.log10(255**2 / np.square(drawn - expected).mean()))


PHOTO = resize(skimage.data.astronaut(), 128, 128)


def tile(texture: int) -> Sprites:
    return make_sprites(texture, (0.0, 0.0), (0.5, 0.0), (0.0, 0.5))


CASES = [
    (0.0, 0.6, 0.8), (0.5, 0.0, 0.0), (0.5, 1.3, 0.4), (1.2, 0.0, 0.0), (1.2, 0.6, -0.5), (0.0, 2.8, 0.9),
    (1.45, 0.0, 0.0), (2.2, 0.3, 0.2), (-2.6, 0.0, 0.0),
]  # fmt: skip


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
    partly_behind = tile(white).moved(np.array([[0.0, 0.0, eye]]), tumble=1.0)
    assert not draw(Scene((partly_behind,), camera), textures).any()


def test_nothing_is_visible_of_a_plane_seen_edge_on(textures: Textures) -> None:
    y, x = np.mgrid[-9:10, -9:10].reshape(2, -1)
    tiles = make_sprites(np.full(len(x), textures.add_picture(PHOTO)), np.stack([x, y], 1), (0.5, 0.0), (0.0, 0.5))
    for pitch in (math.pi / 2 - 1e-9, math.pi / 2, math.pi / 2 + 1e-9):
        assert not draw(Scene((tiles,), Camera((0.0, 0.0), 10.0, pitch=pitch)), textures).any()


@pytest.mark.parametrize("field", ["z", "softness", "light", "trail"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("view", [(0.0, 0.7), (0.5, 0.7), (0.0, 0.0), (0.5, 3.1)])
def test_no_value_in_space_breaks_drawing(
    textures: Textures, field: str, value: float, view: tuple[float, float]
) -> None:
    one = tile(textures.add_picture(PHOTO)).moved(np.zeros((1, 3)), tumble=0.4)
    assert one.space is not None
    changed = np.full_like(getattr(one.space, field), value)
    broken = replace(one, space=replace(one.space, **{field: changed}))
    scene = Scene((broken,), Camera((0.0, 0.0), 60.0, pitch=view[0], field_of_view=view[1]), (0.1, 0.2, 0.3))
    drawn = draw(scene, textures)
    assert difference_of_planes(scene, textures) < 1
    assert preview(scene, textures, (WIDTH, HEIGHT)).shape == (HEIGHT, WIDTH, 3)
    if field != "light" and not math.isfinite(value) and value != -np.inf:
        assert np.ptp(drawn, axis=(0, 1)).max() == 0  # nothing but the background


def difference_of_planes(scene: Scene, textures: Textures) -> float:
    """Return the mean difference, 0…255, of a frame drawn as planes to the compositor's, of the worst plane."""
    found: list[tuple[Pixels, Pixels, Pixels]] = []
    with closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor:
        for way in ("planes", "compositor"):
            blue, red = np.zeros((2, HEIGHT // 2, WIDTH // 2), np.uint8)
            found.append((np.zeros((HEIGHT, WIDTH), np.uint8), blue, red))
            if way == "planes":
                PlaneRenderer(compositor, 10**7).draw(scene, found[-1])
            else:
                frame = compositor.new_frame()
                compositor.draw(scene, frame)
                compositor.to_yuv420(frame, found[-1])
    return max(float(np.abs(a.astype(int) - b).mean()) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("shape", ["squares", "hexagons-apart"])
def test_frames_as_planes_show_the_same(stage_factory: StageFactory, shape: str) -> None:
    """Flying tiles over a canvas, and a mosaic that a tilted camera shows."""
    size = (WIDTH, HEIGHT)
    stage = stage_factory.stage(size) if shape == "squares" else stage_factory.shaped(shape, size)
    tiles, camera = stage.resting_sprites(), stage.whole_camera()
    part, rng = stage.partly_resting(tiles), np.random.default_rng(2)
    flies = rng.random(len(tiles)) < 0.2
    some = tiles.take(flies)
    centre = np.concatenate([some.centre, rng.uniform(-1, 3, (len(some), 1))], 1)
    flying = some.moved(centre, tumble=rng.uniform(0, 6, len(some)), axis=0.4)
    with closing(stage.textures):
        groups = Disperse(depth_blur=1.0).in_space(stage)(flying, part(~flies))
        for pitch in (0.0, 0.9):
            scene = stage.scene(replace(camera, pitch=pitch), *groups)
            assert difference_of_planes(scene, stage.textures) < 1.5


def test_transparent_frames_have_straight_alpha(textures: Textures) -> None:
    """Laid over a colour, they show what is drawn on it: soft edges, shadows and translucent tiles."""
    photo, black = textures.add_picture(PHOTO), textures.add_picture(np.zeros((1, 1, 3), np.uint8))
    one = tile(photo).moved(np.array([[0.1, 0.1, 0.5]]), tumble=0.7).lit(1.0)
    groups = (one.shadows(black, 1.0), one.blurred(0.1), one.moved(np.array([[-0.7, 0.0, 0.2]]), opacity=0.5))
    scene = Scene(groups, Camera((0.0, 0.0), 40.0, pitch=0.4), None)
    with closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor:
        drawn = compositor.still(scene).astype(float)
        expected = compositor.still(replace(scene, background=(0.9, 0.5, 0.2))).astype(float)
    alpha = drawn[..., 3:] / 255
    over = drawn[..., :3] * alpha + np.array([229.5, 127.5, 51.0]) * (1 - alpha)
    assert np.abs(over - expected).max() < 3
    assert ((alpha > 0.1) & (alpha < 0.9)).mean() > 0.1


def test_an_overlay_does_not_depend_on_the_tilt(textures: Textures) -> None:
    title = make_sprites(textures.add_picture(PHOTO), (0.2, 0.1), (0.2, 0.0), (0.0, 0.2))
    one = tile(textures.add_picture(PHOTO[::-1].copy()))
    flat, tilted = (
        draw(Scene((one,), Camera((0.0, 0.0), 20.0, pitch=pitch), overlay=title), textures) for pitch in (0.0, 1.0)
    )
    middle = slice(int(HEIGHT * 0.41), int(HEIGHT * 0.79)), slice(WIDTH // 2 + 2, WIDTH // 2 + 28)
    assert np.array_equal(flat[middle], tilted[middle])
    assert not np.array_equal(flat, tilted)


# -- Nested maps ---------------------------------------------------------------------------------------------------


def nested_map(textures: Textures, count: int, texels: int) -> tuple[Sprites, dict[int, NestedMap], Pixels]:
    """Return a sprite 1 × 1 that shows a map of `count` × `count` tiles, the map, and a sharp picture of it.

    `texels`: of the texture for each tile.
    """
    colours = np.random.default_rng(3).integers(40, 220, (count, count, 3)).astype(np.uint8)
    y, x = np.mgrid[:count, :count].reshape(2, -1) + 0.5
    textures_of = [textures.add_picture(colour.reshape(1, 1, 3)) for colour in colours.reshape(-1, 3)]
    tiles = make_sprites(textures_of, np.stack([x, y], 1), (0.5, 0.0), (0.0, 0.5))
    picture = np.repeat(np.repeat(colours, texels, 0), texels, 1)
    texture = textures.add_picture(np.full((2 * count, 2 * count, 3), 255, np.uint8))  # white where it is not opened
    return tile(texture), {texture: NestedMap(tiles, (count, count))}, picture


@pytest.mark.parametrize(("tumble", "pitch"), [(0.9, 0.0), (0.0, 0.9), (0.6, 0.5)])
def test_a_turned_nested_map_is_drawn_as_its_tiles(textures: Textures, tumble: float, pitch: float) -> None:
    one, nested, picture = nested_map(textures, 6, 8)
    turned = one.moved(np.array([[0.1, 0.0, 0.2]]), tumble=tumble, axis=0.7)
    scene = Scene((turned,), Camera((0.0, 0.0), 60.0, pitch=pitch), (0.2, 0.3, 0.4), nested=nested)
    expected = supersampled(replace(scene, sprites=(replace(turned, texture=np.zeros(1, np.int32)),)), [picture])
    assert psnr(draw(scene, textures), expected) > 30


@pytest.mark.parametrize("window", [(0.2, 0.1, 0.7, 0.9), (0.0, 0.25, 1.0, 0.75), (0.0, 0.0, 0.05, 0.1)])
def test_a_part_of_a_nested_map_is_drawn_as_its_tiles(
    textures: Textures, window: tuple[float, float, float, float]
) -> None:
    one, nested, picture = nested_map(textures, 6, 40)
    part = replace(one, window=np.array([window]))
    scene = Scene((part,), Camera((0.0, 0.0), 60.0), (0.2, 0.3, 0.4), nested=nested)
    left, top, right, bottom = (round(240 * edge) for edge in window)
    expected = supersampled(
        replace(scene, sprites=(replace(part, texture=np.zeros(1, np.int32)),)), [picture[top:bottom, left:right]]
    )
    assert psnr(draw(scene, textures), expected) > 30


def test_parts_of_tiles_keep_their_photos_tone_and_rest(textures: Textures) -> None:
    """Mirrored and turned tiles, of which the right half is left."""
    half = (
        np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]]),
        np.array([[0.0, 0.5], [0.0, 0.5], [0.5, 0.0], [-0.5, 0.0]]),
    )
    y = np.arange(4) + 0.5
    texture = np.full(4, textures.add_picture(PHOTO))
    tiles = make_sprites(texture, np.stack([np.full(4, 0.5), y], 1), *half)
    tiles = replace(tiles, gain=np.full((4, 3), 0.5, np.float32))
    tiles = tiles.resting(Rest(tiles))
    (whole,) = part_of(tiles, (0.0, 0.0, 1.0, 4.0), np.ones_like)
    assert whole.rest is not None
    (cut,) = part_of(tiles, (0.5, 0.0, 1.0, 4.0), np.ones_like)
    assert cut.rest is None
    shares = [(0.5, 0, 1, 1), (0, 0, 0.5, 1), (0, 0.5, 1, 1), (0, 0, 1, 0.5)]
    assert cut.window == pytest.approx(np.array(shares, float))
    (faint,) = part_of(tiles, (0.5, 0.0, 1.0, 4.0), lambda side: 1 / side)  # halves are drawn with √2 of the tone
    assert 1 - faint.gain == pytest.approx(np.full((4, 3), 0.5 / 2**0.5))
    both = part_of(tiles, (0.0, 0.0, 1.0, 1.5), np.ones_like)
    assert [len(group) for group in both] == [1, 1]
    round_tiles = replace(tiles, outline=Outline(radius=0.5))
    resting, growing = part_of(round_tiles, (0.0, 0.0, 1.0, 1.5), np.ones_like)
    assert (len(resting), len(growing)) == (2, 1)
    assert growing.right[0] == pytest.approx(0.5 * tiles.right[2])


def test_a_nested_map_keeps_its_light(textures: Textures) -> None:
    one, nested, _ = nested_map(textures, 3, 1)
    turned = one.moved(np.zeros((1, 3)), tumble=-0.5)
    plain, dark = (
        draw(Scene((each,), Camera((0.0, 0.0), 60.0), nested=nested), textures).astype(float)
        for each in (turned, turned.lit(1.0))
    )
    assert turned.lit(1.0).space is not None
    assert 0 < plain.max() < 230
    assert dark.sum() / plain.sum() == pytest.approx(float(turned.lit(1.0).space.light[0, 0]), abs=0.02)


def test_a_nested_map_that_reaches_behind_the_camera_is_drawn_as_its_tiles(textures: Textures) -> None:
    one, nested, _ = nested_map(textures, 40, 1)
    wide = replace(one, right=one.right * 80, down=one.down * 80)
    drawn = draw(Scene((wide,), Camera((0.0, 0.0), 20.0, pitch=1.2), nested=nested), textures)
    below_the_horizon = drawn[HEIGHT // 2 :]
    assert (below_the_horizon.max(axis=2) > 30).all()
    assert (below_the_horizon.min(axis=2) < 230).all()


# -- Order, light, blur --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_no_tile_is_in_front_of_a_nearer_one(textures: Textures, seed: int) -> None:
    """Tiles whose paths cross, compared with ray casting, which needs no order."""
    rng = np.random.default_rng(seed)
    count, camera = 40, Camera((0.0, 0.0), 6.0)
    textures_of = [textures.add_picture(np.full((1, 1, 3), 4 * number, np.uint8)) for number in range(count)]
    pictures = [np.full((1, 1, 3), 4 * number, np.uint8) for number in range(count)]
    tiles = make_sprites(textures_of, (0.0, 0.0), (2.0, 0.0), (0.0, 2.0))
    start, end = rng.uniform(-6, 6, (2, count, 3))
    for way in (0.0, 0.6):
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


def test_a_sprite_is_brightened_without_light(textures: Textures) -> None:
    camera, grey = Camera((0.0, 0.0), 60.0), textures.add_picture(np.full((1, 1, 3), 100, np.uint8))
    one = tile(grey)
    for sprites, value in (
        (one.brightened(1.5), 150),
        (one.brightened(0.5, 0.2), 101),
        (one.lit(1.0).brightened(1), 100),
    ):
        assert draw(Scene((sprites,), camera), textures)[HEIGHT // 2, WIDTH // 2, 0] == value


def test_tone_depends_on_the_distance_and_not_on_the_angle(textures: Textures) -> None:
    one = tile(textures.add_picture(np.full((1, 1, 3), 100, np.uint8)))
    toned = replace(one, gain=np.full((1, 3), 2, np.float32))
    camera = Camera((0.0, 0.0), 1.0, field_of_view=0.1)
    for tumble, pitch in ((0.0, 0.0), (1.3, 0.0), (0.0, 1.3)):
        near, far = (
            draw(
                Scene((toned.moved(np.zeros((1, 3)), tumble=tumble),), replace(camera, scale=scale, pitch=pitch)),
                textures,
            )
            for scale in (TONE_NONE_ABOVE, TONE_FULL_BELOW)
        )
        assert near.max() == 100
        assert far.max() == 200


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


def test_what_has_no_detail_is_drawn_at_half_the_size(textures: Textures) -> None:
    white, black = (textures.add_picture(np.full((1, 1, 3), value, np.uint8)) for value in (255, 0))
    camera = Camera((0.3, -0.2), 16.0, 0.4)
    shadows = tile(white).moved(np.array([[0.0, 0.0, 1.0]])).shadows(black, 1.0)
    half, whole = (
        draw(Scene((replace(shadows, without_detail=flag),), camera, (1.0, 1.0, 1.0)), textures).astype(int)
        for flag in (True, False)
    )
    assert whole.min() < 230
    assert 0 < np.abs(half - whole).max() < 30
    assert half.sum() == pytest.approx(whole.sum(), rel=1e-3)


def test_what_is_out_of_focus_is_blurred(textures: Textures) -> None:
    one, camera = tile(textures.add_picture(PHOTO)).moved(np.zeros((1, 3))), Camera((0.0, 0.0), 60.0)

    def detail(softness: float) -> float:
        drawn = draw(Scene((one.blurred(softness),), camera), textures).astype(float)
        return float(np.abs(np.diff(drawn, axis=1)).mean())

    levels = [detail(softness) for softness in (0.0, 0.03, 0.1)]
    assert levels == sorted(levels, reverse=True)
    assert levels[2] < levels[0] / 2


@pytest.mark.parametrize("tumble", [0.0, 1.2, 1.35])
def test_blurred_edges_end_smoothly_near_the_camera(textures: Textures, tumble: float) -> None:
    camera = Camera((0.0, 0.0), 35.0)
    white = tile(textures.add_picture(np.full((1, 1, 3), 255, np.uint8)))
    near = white.moved(np.array([[0.3, 0.0, 0.5 * camera.distance(HEIGHT)]]), tumble=tumble, axis=0.5, size=0.9)
    drawn = draw(Scene((near.blurred(0.08),), camera), textures)[..., 0].astype(int)
    assert drawn.max() > 200
    assert np.abs(np.diff(drawn, axis=0)).max() < 45  # of 255: the edges are 11 pixels wide or more
    assert np.abs(np.diff(drawn, axis=1)).max() < 45


def test_a_piece_of_the_cover_in_its_cell_does_not_stop_the_blur_of_a_flying_tile(textures: Textures) -> None:
    texture, number = textures.add_picture(PHOTO), np.zeros(1, np.int32)
    one, piece = replace(tile(texture), tile=number), replace(tile(texture), tile=number)
    piece = piece.resting(Rest(piece))

    def motion(progress: float) -> Scene:
        return Scene((one.moved(np.array([[progress, 0.0, 0.5]])), piece), Camera((0.0, 0.0), 40.0))

    with closing(Compositor(WIDTH, HEIGHT, textures, threads=1)) as compositor:
        shot = compositor.exposure(motion, 0.5, 0.4)
    assert isinstance(shot, Scene)
    assert shot.sprites[0].space is not None
    assert shot.sprites[0].space.trail == pytest.approx(np.array([[0.4, 0.0, 0.0]]))


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


# -- Tilted cameras ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["squares", "hexagons"])
def test_what_a_tilted_camera_does_not_show_is_left_out(stage_factory: StageFactory, shape: str) -> None:
    size = (WIDTH, HEIGHT)
    stage = stage_factory.stage(size) if shape == "squares" else stage_factory.shaped(shape, size)
    tiles, rng = stage.resting_sprites(), np.random.default_rng(4)
    width, height = stage.mosaic.size
    shares = []
    with closing(stage.textures):
        for angle, pitch, yaw in rng.uniform(-1.4, 1.4, (12, 3)) * [[2.0, 1.0, 0.5]]:
            centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
            camera = Camera(centre, float(rng.uniform(8, 60)), float(angle), float(pitch), float(yaw))
            some = stage.visible_tiles(tiles, camera)
            drawn, expected = (draw(stage.scene(camera, each), stage.textures) for each in (some, tiles))
            assert np.array_equal(drawn, expected)
            shares.append(len(some) / len(tiles))
        assert min(shares) < 0.3
        away = Camera((width / 2, -50.0), 40.0, pitch=1.3)  # the mosaic is behind it
        assert not len(stage.visible_tiles(tiles, away))


def test_the_front_of_a_tile_is_seen_where_its_picture_is_not_mirrored() -> None:
    rng, count = np.random.default_rng(5), 200
    centre = np.concatenate([rng.uniform(-3, 3, (count, 2)), rng.uniform(-2, 2, (count, 1))], 1)
    tiles = make_sprites(np.zeros(count, np.int32), centre[:, :2], (0.5, 0.0), (0.0, 0.5))
    tiles = tiles.moved(centre, tumble=rng.uniform(0, 6, count), axis=rng.uniform(0, 3, count))
    for angle in (0.0, 0.7):
        camera = Camera((0.0, 0.0), 12.0, pitch=0.8, yaw=0.3, field_of_view=angle)
        centres, right, down = points_of(tiles, view_of(camera, WIDTH, HEIGHT)).transpose(1, 0, 2)
        areas = np.linalg.det(np.stack([right - centres, down - centres], 1))
        seen = camera.sees_front(tiles, HEIGHT)
        assert 0.2 < seen.mean() < 0.8
        assert np.array_equal(seen, areas > 0)
    flat = replace(camera, pitch=0.0, yaw=0.0)
    beside = tile(0).moved(np.array([[3.0, 0.0, 0.0]]), tumble=math.pi / 2 - 0.1, axis=math.pi / 2)
    assert flat.sees_front(tile(0), HEIGHT).all()
    assert not flat.sees_front(beside, HEIGHT).any()  # from the middle, one looks at its back
    assert replace(flat, field_of_view=0.0).sees_front(beside, HEIGHT).all()
