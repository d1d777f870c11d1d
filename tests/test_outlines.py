"""Outlines of sprites, compared with their geometry, point by point."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from renderer.compositor import Compositor
from renderer.pictures import Pixels
from renderer.scene import (
    JOINED_BELOW,
    JOINED_BELOW_RIGHT,
    JOINED_RIGHT,
    RECTANGLE,
    Camera,
    Outline,
    Scene,
    Sprites,
    make_sprites,
)
from renderer.textures import Textures, unpack

WIDTH, HEIGHT = 120, 90

HEXAGON = Outline("hexagon")
CIRCLE = Outline(radius=0.5)
SHAPES = {
    "hexagon": HEXAGON,
    "bordered hexagon": Outline("hexagon", border=0.12),
    "opened hexagon": Outline("hexagon", border=0.1).opening(0.4),
    "circle": CIRCLE,
    "ring": Outline(radius=0.5, border=0.1),
    "card": Outline(radius=0.2),
    "bordered card": Outline(radius=0.25, border=0.1),
    "thick border": Outline(radius=0.05, border=0.15),
    "frame": Outline(border=0.08),
}


@pytest.fixture
def textures() -> Iterator[Textures]:
    store = Textures(budget=10_000_000, threads=1)
    yield store
    store.close()


def draw(
    scene: Scene, textures: Textures, width: int = WIDTH, height: int = HEIGHT, threads: int = 1
) -> NDArray[np.int16]:
    with closing(Compositor(width, height, textures, threads=threads)) as compositor:
        frame = compositor.new_frame()
        frame[:] = 0xDEADBEEF  # must be overwritten
        compositor.draw(scene, frame)
        return unpack(frame).astype(np.int16)


def flat(textures: Textures, colour: tuple[int, int, int], ratio: float = 1.0) -> int:
    """Add a picture of one colour, of a ratio of width to height. Returns its texture."""
    return textures.add_picture(np.full((120, round(120 * ratio), 3), colour, np.uint8))


def sprite(texture: int, outline: Outline, half: tuple[float, float]) -> Sprites:
    return replace(make_sprites(texture, (0.0, 0.0), (half[0], 0.0), (0.0, half[1])), outline=outline)


def inside(
    outline: Outline, points: NDArray[np.float64], half: tuple[float, float], border: float
) -> NDArray[np.bool_]:
    """Return whether points (…, 2), in units from a sprite's centre, lie inside an outline, and `border` units within."""
    x, y = np.abs(np.moveaxis(points, -1, 0))
    if outline.kind == "hexagon":
        slope = 0.5 * (1 - outline.opened)
        share = 1 - border / half[0]
        return (x / half[0] <= share) & (y / half[1] + slope * x / half[0] <= share)
    radius = max(outline.radius * 2 * min(half) - border, 0.0)
    wide, high = half[0] - border, half[1] - border
    away = np.hypot(np.maximum(x - (wide - radius), 0), np.maximum(y - (high - radius), 0))
    return (x <= wide) & (y <= high) & (away <= radius + 1e-12)


def reference(
    outline: Outline,
    half: tuple[float, float],
    matrix: NDArray[np.float64],
    middle: tuple[float, float],
    steps: int = 8,
) -> NDArray[np.float64]:
    """Return the shares of each pixel inside the outline and inside its border, (2, H, W); `matrix`: unit → pixel."""
    # Only pixels that the sprite's box reaches can be covered.
    reach = np.abs(matrix) @ half
    first = np.maximum(np.floor(middle - reach), 0).astype(int)
    last = np.minimum(np.ceil(middle + reach), (WIDTH, HEIGHT)).astype(int)
    columns, rows = last - first
    y, x = np.mgrid[: rows * steps, : columns * steps]
    points = (np.stack([x, y], -1) + 0.5) / steps + first - middle
    points = points @ np.linalg.inv(matrix).T
    border = outline.border * 2 * min(half)
    shares = np.zeros((2, HEIGHT, WIDTH))
    for share, depth in zip(shares, (0.0, border), strict=True):
        within = inside(outline, points, half, depth).reshape(rows, steps, columns, steps)
        share[first[1] : last[1], first[0] : last[0]] = within.mean(axis=(1, 3))
    return shares


def box_of(name: str) -> tuple[float, float]:
    """Return half the width and height of a sprite for an outline."""
    if "hexagon" in name:
        return 0.5, 1 / math.sqrt(3)
    return (0.75, 0.5) if "card" in name or name == "frame" else (0.5, 0.5)


@pytest.mark.parametrize("scale", [7.3, 20.0, 61.7])
@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 2])
@pytest.mark.parametrize("tumble", [0.0, 0.9])
@pytest.mark.parametrize("name", SHAPES)
def test_each_pixel_is_covered_by_the_share_inside(
    textures: Textures, name: str, tumble: float, angle: float, scale: float
) -> None:
    outline, half = SHAPES[name], box_of(name)
    outline = replace(outline, border_colour=(1.0, 0.0, 0.0))
    texels = half if not outline.border or "hexagon" in name else (half[0] - outline.border, half[1] - outline.border)
    still = sprite(flat(textures, (0, 255, 0), texels[0] / texels[1]), outline, half)
    moved = still.moved(still.centre, angle=angle, tumble=tumble, axis=0.7)
    drawn = draw(Scene((moved,), Camera((0.1, -0.05), scale, field_of_view=0.0), (0.0, 0.0, 1.0)), textures)
    matrix = np.stack([moved.right[0] / half[0], moved.down[0] / half[1]], 1) * scale
    whole, photo = reference(outline, half, matrix, (WIDTH / 2 - 0.1 * scale, HEIGHT / 2 + 0.05 * scale))
    expected = np.stack([whole - photo, photo, 1 - whole], -1) * 255
    off = np.abs(drawn[..., :3] - expected)
    touched = (whole > 0) & (whole < 1) | (photo > 0) & (photo < 1)
    assert off[~touched].max() <= 40  # the corner of a pixel at most
    assert off[touched].mean() < 14
    assert off[touched].max() < 100
    assert (drawn[..., 3] == 255).all()
    assert drawn[..., 0].sum() / 255 == pytest.approx((whole - photo).sum(), rel=0.02, abs=1.5)
    assert drawn[..., 1].sum() / 255 == pytest.approx(photo.sum(), rel=0.02, abs=1.5)


@pytest.mark.parametrize("angle", [0.0, 0.1, math.pi / 6, 1.3])
@pytest.mark.parametrize("scale", [7.0, 20.3, 66.0])
def test_a_hexagon_has_its_area(textures: Textures, scale: float, angle: float) -> None:
    white = sprite(flat(textures, (255, 255, 255)), HEXAGON, box_of("hexagon"))
    total = 0.0
    positions = [(0.0, 0.0), (0.3, 0.1), (0.5, 0.5), (0.1, 0.7)]  # the mean over positions between pixels
    for x, y in positions:
        camera = Camera((x / scale, y / scale), scale, angle)
        total += draw(Scene((white,), camera), textures)[..., 0].sum() / 255 / len(positions)
    assert total == pytest.approx(math.sqrt(3) / 2 * scale**2, rel=0.01)


@pytest.mark.parametrize("scale", [5.0, 20.7, 81.3])
def test_a_circle_is_round(textures: Textures, scale: float) -> None:
    """Along each ray from its centre, it ends within half a pixel of its radius."""
    drawn = draw(Scene((sprite(flat(textures, (255, 255, 255)), CIRCLE, (0.5, 0.5)),), Camera((0, 0), scale)), textures)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(x + 0.5 - WIDTH / 2, y + 0.5 - HEIGHT / 2)
    share = drawn[..., 0] / 255
    assert np.abs(share - np.clip(scale / 2 - away + 0.5, 0, 1)).max() < 0.01
    assert share.sum() == pytest.approx(math.pi * (scale / 2) ** 2, rel=0.01)


def honeycomb(columns: int, rows: int, number: int) -> Sprites:
    """Return hexagons of width 1, each second row shifted to the right, joined to their later neighbours."""
    y, x = np.divmod(np.arange(columns * rows), columns)
    shifted = y % 2 == 1
    centre = np.stack([x + 0.5 + 0.5 * shifted, 0.5 + y * math.sqrt(3) / 2], 1)
    joined = np.where(x < columns - 1, JOINED_RIGHT, 0)
    joined |= np.where((y < rows - 1) & (shifted | (x > 0)), JOINED_BELOW, 0)
    joined |= np.where((y < rows - 1) & (~shifted | (x < columns - 1)), JOINED_BELOW_RIGHT, 0)
    tiles = make_sprites(np.full(len(x), number), centre, (0.5, 0.0), (0.0, 1 / math.sqrt(3)))
    return replace(tiles, joined=joined.astype(np.uint8), outline=HEXAGON)


MIRRORED = [(1, 1), (-1, 1), (1, -1), (-1, -1)]


@pytest.mark.parametrize("mirrored", MIRRORED)
@pytest.mark.parametrize("angle", [0.0, 0.02, 0.7, -2.0])
@pytest.mark.parametrize("scale", [7.31, 12.5, 33.3])
def test_joined_hexagons_have_no_seams(
    textures: Textures, scale: float, angle: float, mirrored: tuple[int, int]
) -> None:
    tiles = honeycomb(22, 22, flat(textures, (200, 200, 200)))
    tiles = replace(tiles, right=tiles.right * mirrored[0], down=tiles.down * mirrored[1])
    drawn = draw(Scene((tiles,), Camera((11.123, 9.077), scale, angle), (1.0, 0.0, 0.0)), textures)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    cosine, sine = math.cos(angle), math.sin(angle)
    dx, dy = (x + 0.5 - WIDTH / 2) / scale, (y + 0.5 - HEIGHT / 2) / scale
    at_x, at_y = cosine * dx + sine * dy + 11.123, -sine * dx + cosine * dy + 9.077
    within = (at_x > 1) & (at_x < 21.5) & (at_y > 0.6) & (at_y < 18)
    assert within.mean() > 0.3
    assert (drawn[within] == (200, 200, 200, 255)).all()


@pytest.mark.parametrize("mirrored", MIRRORED)
def test_joined_hexagons_do_not_extend_beyond_their_neighbours(textures: Textures, mirrored: tuple[int, int]) -> None:
    tiles = honeycomb(3, 4, flat(textures, (255, 255, 255)))
    tiles = replace(tiles, right=tiles.right * mirrored[0], down=tiles.down * mirrored[1])
    scale, centre = 19.7, (1.77, 1.61)
    drawn = draw(Scene((tiles,), Camera(centre, scale)), textures)[..., 0] / 255
    union = np.zeros((8 * HEIGHT, 8 * WIDTH), bool)
    y, x = (np.mgrid[: 8 * HEIGHT, : 8 * WIDTH] + 0.5) / 8
    points = (np.stack([x, y], -1) - (WIDTH / 2, HEIGHT / 2)) / scale + centre
    for middle in tiles.centre:
        union |= inside(HEXAGON, points - middle, box_of("hexagon"), 0.0)
    expected = union.reshape(HEIGHT, 8, WIDTH, 8).mean(axis=(1, 3))
    assert np.abs(drawn - expected).max() < 0.2
    assert drawn.sum() == pytest.approx(expected.sum(), rel=0.003)


@pytest.mark.parametrize("scale", [11.3, 40.0])
def test_joined_cards_have_no_seams_along_their_edges(textures: Textures, scale: float) -> None:
    number = flat(textures, (200, 200, 200))
    y, x = np.divmod(np.arange(144), 12)
    tiles = make_sprites([number] * 144, np.stack([x + 0.5, y + 0.5], 1), (0.5, 0.0), (0.0, 0.5))
    tiles = replace(
        tiles, outline=Outline(radius=0.15), joined=np.full(144, JOINED_RIGHT | JOINED_BELOW, np.uint8),
        right=tiles.right * np.where(x % 2, -1, 1)[:, np.newaxis],
    )  # fmt: skip
    drawn = draw(Scene((tiles,), Camera((6.03, 6.01), scale), (1.0, 0.0, 0.0)), textures)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    from_edge = [
        np.abs((value + 0.5 - side / 2) / scale + at - np.rint((value + 0.5 - side / 2) / scale + at))
        for value, side, at in ((columns, WIDTH, 6.03), (rows, HEIGHT, 6.01))
    ]
    corner = np.hypot(*from_edge) < 0.22 + 1 / scale
    assert corner.any()
    assert (drawn[~corner] == (200, 200, 200, 255)).all()
    holes = np.hypot(*from_edge) < 0.2 / scale
    assert (drawn[holes][:, 0] > 230).all()


@pytest.mark.parametrize("name", SHAPES)
def test_pixels_depend_neither_on_bands_nor_on_what_is_hidden(
    textures: Textures, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    pictures = [textures.add_picture(rng.integers(0, 256, (60, 90, 3), np.uint8)) for _ in range(3)]
    see_through = np.dstack([np.full((60, 60, 3), 90, np.uint8), rng.integers(0, 256, (60, 60), np.uint8)])
    pictures.append(textures.add_picture(see_through))
    count = 40
    tiles = make_sprites(rng.choice(pictures, count), rng.uniform(-1.5, 1.5, (count, 2)), (0.4, 0), (0, 0.35))
    tiles = replace(tiles, outline=SHAPES[name]).moved(
        tiles.centre, size=rng.choice([0.2, 1.0, 8.0], count, p=[0.4, 0.5, 0.1]), angle=rng.uniform(0, 6, count),
        tumble=rng.uniform(-1.5, 1.5, count), opacity=rng.choice([1.0, 0.5], count),
    )  # fmt: skip
    scene = Scene((tiles,), Camera((0, 0), 30.0), None)
    drawn = draw(scene, textures)
    assert (draw(scene, textures, threads=7) == drawn).all()
    photo = make_sprites(pictures[0], (0.21, -0.13), (1.37, 0.0), (0.0, 0.94))
    over = draw(replace(scene, sprites=(tiles, photo)), textures)  # hides the tiles behind it
    monkeypatch.setattr(Compositor, "_covered", lambda *_arguments: (0, 0, 0, 0))
    # Positions in a texture are rounded at the start of a span: after what is hidden, by other amounts.
    assert np.abs(over - draw(replace(scene, sprites=(tiles, photo)), textures)).max() <= 4


def test_opacity_and_alpha_are_applied(textures: Textures) -> None:
    half = box_of("hexagon")
    see_through = textures.add_picture(np.full((32, 32, 4), (255, 255, 255, 102), np.uint8))
    bordered = Outline("hexagon", border=0.1, border_colour=(1.0, 0.0, 0.0))
    scene = Scene(
        (sprite(see_through, bordered, half).moved(np.zeros((1, 2)), opacity=0.5),), Camera((0, 0), 60.0), None
    )
    drawn = draw(scene, textures)
    assert np.abs(drawn[45, 60] - (51, 51, 51, 51)).max() <= 1  # the middle
    assert np.abs(drawn[45, 32] - (128, 0, 0, 128)).max() <= 1  # the border on the left
    assert not drawn[45, 29].any()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("field", ["centre", "right", "down", "window", "opacity", "gain", "offset"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 0.0])
def test_no_value_in_a_sprite_breaks_drawing(textures: Textures, name: str, field: str, value: float) -> None:
    one = sprite(flat(textures, (9, 9, 9)), SHAPES[name], (0.5, 0.5))
    draw(Scene((replace(one, **{field: np.full_like(getattr(one, field), value)}),), Camera((0, 0), 30.0)), textures)


@pytest.mark.parametrize("value", [np.nan, -1.0, 0.5, 7.0])
def test_no_value_of_an_outline_breaks_drawing(textures: Textures, value: float) -> None:
    number = flat(textures, (9, 9, 9))
    for outline in (Outline(radius=value, border=value), Outline("hexagon", border=value, opened=value)):
        draw(Scene((sprite(number, outline, (0.5, 0.5)),), Camera((0, 0), 30.0)), textures)


def test_the_photo_is_whole_inside_the_border(textures: Textures) -> None:
    """Its edge texels, of another colour, are visible all around."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:4] = picture[-4:] = picture[:, :4] = picture[:, -4:] = (0, 255, 0)
    framed = sprite(textures.add_picture(picture), Outline(border=0.1), (0.5, 0.5))
    drawn = draw(Scene((framed,), Camera((0, 0), 80.0)), textures)[..., :3]
    middle = drawn[HEIGHT // 2, 20:100].tolist()  # 8 pixels of border, 64 of photo, 8 of border
    assert middle[:8] == middle[-8:] == [[255, 255, 255]] * 8
    assert middle[8:11] == middle[-11:-8] == [[0, 255, 0]] * 3
    assert middle[14:-14] == [[0, 0, 0]] * 52
    assert drawn[5 + 9 : 5 + 11, 60].tolist() == [[0, 255, 0]] * 2


def test_an_outline_is_kept_and_compared(textures: Textures) -> None:
    tiles = honeycomb(4, 3, flat(textures, (9, 9, 9)))
    assert tiles.take(slice(2, 5)).outline == tiles.moved(tiles.centre, angle=1.0).outline == HEXAGON
    assert replace(tiles, outline=RECTANGLE).same(tiles) is False
    assert tiles.same(replace(tiles)) is True


def test_an_outline_opens_to_a_plain_rectangle() -> None:
    for outline in SHAPES.values():
        assert outline.opening(0.0) == outline
        assert outline.opening(1.0) == RECTANGLE
        assert not outline.opening(0.99).is_plain
    assert RECTANGLE.is_plain
    assert RECTANGLE.opening(0.3).is_plain


def checker(side: int) -> Pixels:
    y, x = np.mgrid[:side, :side]
    return np.repeat(((x // 4 + y // 4) % 2 * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


@pytest.mark.parametrize("name", ["hexagon", "circle", "card"])
def test_inside_an_outline_pixels_are_those_of_a_rectangle(textures: Textures, name: str) -> None:
    one = sprite(textures.add_picture(checker(128)), SHAPES[name], (0.5, 0.5))
    for scale, angle in ((40.3, 0.0), (75.0, 0.6), (300.0, 0.2)):
        camera = Camera((0.02, 0.01), scale, angle)
        shaped = draw(Scene((one,), camera), textures)
        plain = draw(Scene((replace(one, outline=RECTANGLE),), camera), textures)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        near = np.hypot(x - WIDTH / 2 + 0.02 * scale, y - HEIGHT / 2 + 0.01 * scale) < 0.4 * scale
        assert np.abs(shaped - plain)[near].max() <= 4  # positions are rounded at the start of a span
