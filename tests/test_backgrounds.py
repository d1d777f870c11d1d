"""Backgrounds of stills and videos: colours, the blurred cover, and none."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renderer.errors import InputError
from renderer.job import MatchSettings, OpenMosaic, open_mosaic, open_placement
from renderer.job.drawing import draw_strips, drawing
from renderer.pictures import read_picture
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.settings import Background, OutputSettings
from renderer.stills import write_picture

pytestmark = pytest.mark.usefixtures("shared_cache")

SIZE = (240, 160)
Render = Callable[..., tuple[int, str, str]]


@contextmanager
def right_half(cover: Path, photos: Path, *, known: bool = True) -> Iterator[OpenMosaic]:
    """A mosaic without the cells of its left half."""
    match = MatchSettings(tiles=(str(photos),), columns=12)
    with open_mosaic(cover, match, Silent()) as mosaic:
        whole = mosaic.placement
    kept = whole.cell[:, 0] >= 6
    arrays = {name: getattr(whole, name)[kept] for name in ("cell", "photo", "symmetry", "gain", "offset", "cost")}
    placement: PlacementMap = replace(whole, **arrays)
    with open_placement(placement, cover if known else None, match, Silent()) as mosaic:
        yield mosaic


def drawn(mosaic: OpenMosaic, background: Background, rows: int = 64) -> np.ndarray:
    with closing(draw_strips(mosaic, SIZE, rows, background)) as strips:
        return np.concatenate(list(strips))


def test_the_background_shows_where_there_is_no_cell(cover: Path, photos: Path) -> None:
    with right_half(cover, photos) as mosaic:
        red, white = drawn(mosaic, (1.0, 0.0, 0.0)), drawn(mosaic, (1.0, 1.0, 1.0))
        clear, soft = drawn(mosaic, "transparent"), drawn(mosaic, "blur")
    assert (red[:, :119] == (255, 0, 0)).all()
    assert (white[:, :119] == 255).all()
    assert clear.shape == (160, 240, 4)
    assert not clear[:, :119].any()
    assert (clear[:, 121:, 3] == 255).all()
    for other in (white, clear[..., :3], soft):
        assert (other[:, 121:] == red[:, 121:]).all()
    # The cover's left half: its sky is blue above dark trees; blurred, and darkened to 60 %.
    expected = read_picture(cover).pixels[:, :320].astype(float)
    top, bottom = (expected[rows].mean(axis=(0, 1)) * 0.6 for rows in (slice(0, 100), slice(327, 427)))
    assert np.abs(soft[:37, :119].mean(axis=(0, 1)) - top).max() < 25
    assert np.abs(soft[123:, :119].mean(axis=(0, 1)) - bottom).max() < 25
    assert np.abs(np.diff(soft[:, :119].astype(int), axis=1)).max() <= 6


def test_strips_make_the_same_blurred_background(cover: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with right_half(cover, photos) as mosaic:
        whole = drawn(mosaic, "blur", 192)
        monkeypatch.setattr(import_module("renderer.job.drawing"), "_BLOCK_PIXELS", 64 * 64)
        assert np.abs(drawn(mosaic, "blur", 64).astype(int) - whole).max() <= 2


def test_without_its_cover_a_mosaic_blurs_its_tiles(cover: Path, photos: Path) -> None:
    with right_half(cover, photos, known=False) as mosaic:
        assert mosaic.cover_reader is None
        soft = drawn(mosaic, "blur")
    assert soft[:, 110:119].mean() > 10 > soft[:, :20].mean()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_kept_in_every_format_that_has_it(cover: Path, photos: Path, tmp_path: Path, suffix: str) -> None:
    with right_half(cover, photos) as mosaic:
        pixels = drawn(mosaic, "transparent")
    path = tmp_path / f"it{suffix}"
    write_picture(path, pixels)
    with Image.open(path) as written:
        assert written.mode == "RGBA"
        found = np.asarray(written)
    assert (found[..., 3] == pixels[..., 3]).all()
    inside = pixels[..., 3] == 255
    assert np.abs(found.astype(int) - pixels)[inside].max() <= (60 if suffix == ".webp" else 0)
    assert np.abs(found.astype(int) - pixels)[inside].mean() < 6


@pytest.mark.parametrize("words", [("--transparent",), ("--background", "transparent")])
@pytest.mark.parametrize(
    ("command", "name"), [("mosaic", "china-mosaic.png"), ("still gather", "china-gather.png"), ("sheet gather", "china-gather-sheet.png")]
)  # fmt: skip
def test_stills_can_be_transparent(
    render: Render, cover: Path, photos: Path, command: str, name: str, words: Any
) -> None:
    small = ("--size", "96x64") if " " in command else ("--tile-pixels", "4")
    small = (*small, "--at", "2") if command.startswith("still") else small
    code, _, err = render(*command.split(), cover, "--tiles", photos, "--columns", "12", *small, *words)
    assert code == 0, err
    with Image.open(name) as written:
        assert written.mode == "RGBA"
        alpha = np.asarray(written)[..., 3]
    assert alpha.max() == 255
    assert (alpha.min() == 0) == (command != "mosaic")  # whose cells are all there


@pytest.mark.parametrize("command", ["mosaic", "still gather", "sheet gather"])
def test_a_jpeg_that_should_be_transparent_is_refused_before_matching(
    render: Render, cover: Path, command: str
) -> None:
    words = (*command.split(), cover, "--background", "transparent", "-o", "it.jpg")
    message = "render: A transparent background is not possible in it.jpg: use .png or .webp\n"
    assert render(*words) == (2, "", message)


@pytest.mark.parametrize("command", ["mosaic", "still gather", "sheet gather", "gather"])
def test_a_background_may_be_a_blurred_cover(render: Render, cover: Path, photos: Path, command: str) -> None:
    small = ("--tile-pixels", "4") if command == "mosaic" else ("--size", "96x64")
    small = (*small, "--duration", "0.2") if command == "gather" else small
    code, _, err = render(*command.split(), cover, "--tiles", photos, "--columns", "12", *small, "--background", "blur")
    assert code == 0, err


def test_the_first_frame_of_gather_is_its_background_if_it_reveals_nothing(
    render: Render, cover: Path, photos: Path
) -> None:
    words = (
        "still",
        "gather",
        cover,
        "--tiles",
        photos,
        "--columns",
        "12",
        "--size",
        "96x64",
        "--at",
        "0",
        "--reveals",
        "empty",
    )
    pictures = []
    for background in ("blur", "#ff8000"):
        assert render(*words, "--background", background, "-y", "-o", "it.png")[0] == 0
        with Image.open("it.png") as written:
            pictures.append(np.asarray(written).astype(int))
    assert (pictures[1] == (255, 128, 0)).all()
    expected = np.asarray(Image.fromarray(read_picture(cover).pixels).resize((96, 64), Image.Resampling.BOX)) * 0.6
    assert np.abs(pictures[0] - expected).mean() < 25
    assert np.abs(np.diff(pictures[0], axis=1)).max() < 12


@pytest.mark.parametrize("command", ["mosaic", "zoom"])
def test_wrong_backgrounds_are_named(render: Render, cover: Path, command: str) -> None:
    code, _, err = render(command, cover, "--background", "blurr")
    assert (code, err) == (2, "render: --background blurr is not a colour: give a name such as navy, #rrggbb or rgb(r, g, b)\n")  # fmt: skip
    code, _, err = render(command, cover, "--background", "blur", "--transparent")
    assert (code, err) == (2, "render: --transparent cannot be combined with --background blur: choose one\n")


def test_a_transparent_background_is_the_same_as_transparent() -> None:
    output = OutputSettings(background="transparent")
    assert output.transparent
    assert output.background_colour() == (0.0, 0.0, 0.0)
    assert (
        OutputSettings(background="navy").background_colour(masked=True) == OutputSettings(background="navy").background
    )
    with pytest.raises(InputError, match="A transparent background cannot be combined with fit=blur"):
        OutputSettings(background="transparent", fit="blur")


def test_the_default_background_is_white_around_letters_and_shapes() -> None:
    assert OutputSettings().background_colour() == (0.0, 0.0, 0.0)
    assert OutputSettings().background_colour(masked=True) == (1.0, 1.0, 1.0)


def test_a_distant_mosaic_shows_the_background_where_there_is_no_cell(cover: Path, photos: Path) -> None:
    """Tiles of less than 4 pixels are drawn as one picture."""
    with (
        right_half(cover, photos) as mosaic,
        drawing(mosaic, (40, 26), OutputSettings(background=(1.0, 0.0, 0.0))) as (stage, compositor),
    ):
        camera = replace(stage.whole_camera(), centre=(6.0, 4.0))  # the map's middle
        assert camera.scale < 4
        tiles = stage.visible_tiles(stage.resting_sprites(), camera)
        assert len(tiles) == 1
        frame = compositor.still(stage.scene(camera, tiles))
    assert (frame[:, :19] == (255, 0, 0)).all()
    assert not (frame[4:-4, 21:30] == (255, 0, 0)).all(axis=2).any()
