"""Animations of several covers, from the command line, in timelines, presets and campaigns, and from Python."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import difference
from PIL import Image

import renderer
from animations.flip import Flip
from animations.morph import Morph
from renderer.cover_names import cover_name
from renderer.errors import InputError
from renderer.job import MatchSettings, open_frames, open_mosaic
from renderer.job.next_covers import match_next
from renderer.progress import Silent
from renderer.scene import NextCover
from renderer.settings import OutputSettings
from renderer.timeline import Show

pytestmark = pytest.mark.usefixtures("shared_cache")

SMALL = ("--columns", "12", "--size", "96x64", "--duration", "1", "--fps", "12", "--no-faces", "-q")


class Notices(Silent):
    """Collects notices."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture(scope="module")
def covers(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of one shape and two others: a red and green one, a blue one, an upright and a wide one."""
    folder = tmp_path_factory.mktemp("covers")
    across = np.linspace(0, 255, 300)[np.newaxis, :]
    down = np.linspace(255, 0, 200)[:, np.newaxis]
    first = np.dstack([across + 0 * down, 0 * across + down, np.full((200, 300), 60.0)]).astype(np.uint8)
    second = np.dstack([np.full((200, 300), 40.0), across + 0 * down, 255 + 0 * across - 0.5 * down]).astype(np.uint8)
    pictures = {
        "first": first,
        "second": second,
        "upright": first.transpose(1, 0, 2),
        "wide": np.tile(second, (1, 3, 1)),
    }
    for name, pixels in pictures.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in pictures]


def frame(name: str, path: Path) -> np.ndarray:
    with Image.open(path / name) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("animation", ["flip", "morph"])
def test_a_video_starts_with_one_cover_and_ends_with_the_next(
    render: Callable[..., tuple[int, str, str]], covers: list[Path], photos: Path, tmp_path: Path, animation: str
) -> None:
    first, second = covers[:2]
    words = (animation, first, second, "--tiles", photos, *SMALL, "--hold-start", "0", "--hold-end", "0")
    for at, cover in (("0", first), ("1", second)):
        assert render("still", *words, "--at", at, "-o", "it.png", "-y")[0] == 0
        shown = frame("it.png", tmp_path)
        with Image.open(cover) as picture:
            expected = np.asarray(picture.resize((96, 64)))
        assert difference(shown, expected).mean() < 40
    assert render(*words, "-o", "it.mp4")[0] == 0
    code, _, err = render(animation, first, "--tiles", photos, *SMALL)
    assert code == 2
    assert f"{animation} needs at least two covers: name the next one after the first, or in --to" in err


def test_further_covers_share_the_photos(covers: list[Path], photos: Path) -> None:
    settings = MatchSettings((str(photos),), columns=12, faces=False)
    with open_mosaic(covers[0], settings, Silent()) as first:
        others = match_next(
            first, [NextCover(str(covers[1]), "photos", 0.5), NextCover(0, "photos")], settings, Silent()
        )
    count = np.bincount(first.placement.photo)
    for other in others:
        assert other.library is first.library
        assert (np.bincount(other.placement.photo) == count).all()
        came_from = other.placement.came_from
        assert came_from is not None
        assert sorted(came_from) == list(range(len(first.placement)))
    back = others[1].placement
    assert (others[0].placement.photo[back.came_from] == back.photo).all()
    assert (back.photo == first.placement.photo).all()


def test_letters_among_covers_that_share_cells_are_on_white(photos: Path) -> None:
    settings = MatchSettings((str(photos),), columns=24)
    with open_mosaic(cover_name("text:8"), settings, Silent(), Flip(to=("text:1",))) as first:
        assert not first.is_masked
        assert len(first.placement) == len(first.others[0].placement)
        light = [each.placement.cell_colours().mean(axis=1) for each in (first, *first.others)]
    assert all(each.min() < 0.5 < np.median(each) for each in light)
    assert (np.abs(light[0] - light[1]) > 0.2).mean() > 0.05  # the letters differ
    with open_mosaic(cover_name("text:8"), replace(settings, mask="heart"), Silent(), Flip(to=("text:1",))) as first:
        assert first.is_masked


def test_a_shape_does_not_show_the_letters_before_it(tmp_path: Path, cover: Path) -> None:
    rng = np.random.default_rng(2)
    for number in range(80):  # dark and bright photos
        pixels = rng.integers(0, 60, (32, 32, 3)) + (0 if number < 20 else 180)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    settings = MatchSettings((str(tmp_path),), columns=60)
    with open_mosaic(cover, settings, Silent(), Morph(to=("text:HELLO", "shape:heart"))) as first:
        letters, heart = (other.placement for other in first.others)
    middle = [placement.cell[:, :2] + placement.cell[:, 2:] / 2 for placement in (letters, heart)]
    distance = np.linalg.norm(middle[1][:, np.newaxis] - middle[0], axis=2).min(axis=1)
    shown = np.array([photo.mean for photo in heart.photos])[heart.photo].mean(axis=1)  # without tone
    inside, outside = shown[distance < 0.6], shown[distance > 1.5]
    assert min(len(inside), len(outside)) > 30
    assert abs(inside.mean() - outside.mean()) < 0.3 * shown.std()


def test_the_background_is_white_if_any_cover_has_a_mask(covers: list[Path], photos: Path) -> None:
    settings, size = MatchSettings((str(photos),), columns=12), (96, 64)
    with (
        open_mosaic(covers[0], settings, Silent(), Morph(to=("shape:heart",))) as mosaic,
        open_frames(mosaic, Morph(to=("shape:heart",)), size, OutputSettings(size=size)) as source,
    ):
        last = source.picture(source.stage.frames - 1)
    assert (last[0, 0] == 255).all()


def test_covers_of_other_shapes_are_cropped_to_that_of_the_first(covers: list[Path], photos: Path) -> None:
    notices, settings = Notices(), MatchSettings((str(photos),), columns=12, faces=False)
    with open_mosaic(covers[0], settings, Silent()) as first:
        names = [NextCover(str(cover), "cells") for cover in covers[1:]] + [NextCover("shape:heart", "photos")]
        others = match_next(first, names, settings, notices)
    assert [other.placement.size for other in others] == [first.placement.size] * 4
    assert notices.lines == [
        "upright.png is cropped to the shape of the first cover: 44% of it is visible",
        "wide.png is cropped to the shape of the first cover: 33% of it is visible",
    ]
    assert [other.placement.is_masked for other in others] == [False, False, False, True]
    assert len(others[-1].placement) < len(first.placement)


@pytest.mark.parametrize("name", ["missing.png", "first.mosaic", "text:"])
def test_a_further_cover_that_cannot_be_one_is_refused(
    render: Callable[..., tuple[int, str, str]], covers: list[Path], photos: Path, name: str, tmp_path: Path
) -> None:
    (tmp_path / "first.mosaic").write_bytes(b"")
    code, _, err = render("flip", covers[0], name, "--tiles", photos, *SMALL)
    assert code == 2
    assert name in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("*.mp4"))


def test_a_timeline_continues_with_the_last_cover(covers: list[Path], photos: Path) -> None:
    first, second, third = map(str, covers[:3])
    show = Show(timeline=f"flip 2s to={second}, hold 1s, flip 2s to={third} to={first}, zoom 3s")
    assert [cover.name for cover in show.next_covers()] == [second, third, first]
    common = {"tiles": photos, "columns": 12, "size": (96, 64), "faces": False}
    frames = [renderer.frame(first, show, at=at, **common) for at in (0.0, 2.5, 5.0)]
    with Image.open(second) as picture:
        assert difference(frames[1], np.asarray(picture.resize((96, 64)))).mean() < 40
    with Image.open(first) as picture:
        assert difference(frames[0], np.asarray(picture.resize((96, 64)))).mean() < 40
        assert difference(frames[2], np.asarray(picture.resize((96, 64)))).mean() < 40
    with pytest.raises(InputError, match="name them in the other order"):
        Show(timeline=f"flip 2s to={second} reverse=true")
    with pytest.raises(InputError, match="needs at least two covers"):
        Show(timeline="flip 2s")


def test_presets_and_campaigns_name_several_covers(
    render: Callable[..., tuple[int, str, str]], covers: list[Path], photos: Path, tmp_path: Path
) -> None:
    for cover in covers[:2]:
        (tmp_path / cover.name).write_bytes(cover.read_bytes())
    (tmp_path / "mine.toml").write_text(f'animation = "flip"\n[flip]\nto = ["{covers[1]}"]\n')
    code, _, err = render("still", "flip", covers[0], "--tiles", photos, "--for", "mine.toml", *SMALL, "--at", "1")
    assert code == 0, err
    campaign = """
        [defaults]
        tiles = "{photos}"
        columns = 12
        size = "96x64"
        duration = 0.5
        faces = false
        [[job]]
        covers = ["first.png", "{cover}"]
        animation = "flip"
        output = "out/{{cover}}"
        """.replace("{photos}", str(photos)).replace("{{cover}}", "CAMPAIGN")
    (tmp_path / "it.toml").write_text(campaign.replace("{cover}", "second.png").replace("CAMPAIGN", "{cover}"))
    code, _, err = render("batch", "it.toml")
    assert code == 0, err
    assert (tmp_path / "out" / "first.mp4").exists()
    assert "1 " in render("batch", "it.toml")[1]
    (tmp_path / "second.png").write_bytes(covers[0].read_bytes())  # another picture: the video is rendered again
    assert "rendered" in render("batch", "it.toml")[1]
    (tmp_path / "it.toml").write_text(campaign.replace("{cover}", "gone.png").replace("CAMPAIGN", "{cover}"))
    code, _, err = render("batch", "it.toml")
    assert code == 2
    assert "gone.png" in err
    assert "line 9" in err


@pytest.mark.parametrize("animation", ["flip", "morph"])
def test_a_loop_returns_to_the_first_cover(covers: list[Path], photos: Path, animation: str) -> None:
    frames = list(
        renderer.frames(
            covers[0], animation, to=covers[1], loop=True, tiles=photos, columns=12, size=(96, 64), fps=20, duration=3,
            faces=False, hold_start=0.0, hold_end=0.0,
        )
    )  # fmt: skip
    steps = [float(difference(a, b).mean()) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert 0 < steps[-1] <= np.quantile(steps, 0.9)
    assert max(steps) < 40


def test_the_plan_names_all_covers_without_matching(
    render: Callable[..., tuple[int, str, str]], covers: list[Path], photos: Path
) -> None:
    words = ("morph", covers[0], covers[1], "--tiles", photos, *SMALL[:-1], "--dry-run", "--json")
    code, out, err = render(*words)
    assert code == 0, err
    assert json.loads(out)["frames"] == 12


def test_a_timeline_joins_all_animations(covers: list[Path], photos: Path) -> None:
    first, second = map(str, covers[:2])
    text = (
        f"parade 3s photos=2, morph 2s to={second}, flip 2s to={first}, endless 2s to={second}, wave 2s, "
        "sort 2s into=sorted, sort 2s, flight 2s from=mosaic, gather 2s reverse=true, reveal 2s, zoom 2s, "
        "zoom 1s direction=out, disperse 2s"
    )
    show = Show(timeline=text)
    assert [cover.name for cover in show.next_covers()] == [second, first, second]
    frames = list(renderer.frames(first, show, tiles=photos, columns=12, size=(96, 64), fps=10, faces=False, seed=1))
    assert len(frames) == 260
    steps = [float(difference(a, b).mean()) for a, b in pairwise(frames)]
    joints = [30, 50, 70, 90, 110, 130, 150, 170, 190, 210, 230, 240]
    assert max(steps[at - 1] for at in joints) < 25
    assert all(step > 0 or at in joints for at, step in enumerate(steps, 1) if at % 7 == 0)


def test_a_sheet_of_each_style_of_every_animation(
    render: Callable[..., tuple[int, str, str]], covers: list[Path], photos: Path, tmp_path: Path
) -> None:
    few = ("--tiles", photos, "--columns", "10", "--size", "48x32", "--cells", "2x1", "--no-faces")
    code, out, err = render("sheet", "--all", covers[0], *few)
    assert code == 0, err
    made = {path.name for path in (tmp_path / "first-sheets").iterdir()}
    assert {"first-zoom-sheet.png", "first-disperse-vortex-sheet.png", "first-reveal-fade-sheet.png"} <= made
    assert not made & {"first-morph-sheet.png", "first-flip-sheet.png"}
    assert "flip, morph left out, as they need several covers: specify further ones" in err
    assert len(made) == out.count("-sheet.png: ")
    code, _, err = render("sheet", "all", *covers[:2], *few, "-o", "all")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "all").iterdir()} == made | {
        "first-morph-sheet.png",
        "first-flip-sheet.png",
    }
