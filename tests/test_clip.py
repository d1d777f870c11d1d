"""Animations as MoviePy clips."""

import io
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import difference
from PIL import Image

import renderer
from animations.disperse import Disperse
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.job import MatchSettings, open_frames, open_mosaic, render_frame
from renderer.pictures import read_picture
from renderer.progress import Silent
from renderer.scene import Animation, Scene
from renderer.settings import OutputSettings

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")

OUTPUT = OutputSettings(size=(96, 64), fps=Fraction(10), duration=1.0)
MATCH = MatchSettings(columns=12)


def test_a_clip_has_the_frames_of_a_render(cover: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    with renderer.as_clip(cover, "reveal", columns=12, size=(96, 64), fps=10, duration=1.0) as clip:
        assert (clip.size, clip.fps, clip.duration) == ((96, 64), 10, 1)
        frames = list(clip.iter_frames())
        assert len(frames) == 10
        assert clip.get_frame(0.35).dtype == np.uint8
        for number in (0, 4, 9):
            path = tmp_path / f"{number}.png"
            render_frame(cover, Reveal(), path, (number + 0.5) / 10, match=MATCH, output=OUTPUT)
            assert (read_picture(path).pixels == frames[number]).all()
        half = clip.subclipped(0.2, 0.6).with_effects([])
        assert (half.get_frame(0.0) == frames[2]).all()
        with Image.open(io.BytesIO(clip._repr_png_())) as shown:
            assert shown.size == (96, 64)
    assert threading.active_count() == before


def test_settings_objects_are_still_accepted(cover: Path) -> None:
    with (
        pytest.warns(DeprecationWarning, match="takes options as keywords") as warned,
        renderer.as_clip(cover, Reveal(), match=MATCH, output=OUTPUT) as clip,
    ):
        old = clip.get_frame(0.5)
    assert [warning.filename for warning in warned if "as_clip" in str(warning.message)] == [__file__]
    with renderer.as_clip(cover, Reveal(), columns=12, size=(96, 64), fps=10, duration=1.0) as clip:
        assert (clip.get_frame(0.5) == old).all()


def test_a_map_becomes_a_clip_and_shows_itself(cover: Path, photos: Path) -> None:
    match = MatchSettings(columns=12, tiles=(str(photos),))
    with open_mosaic(cover, match, Silent()) as mosaic:
        placement = mosaic.placement
    with renderer.as_clip(placement, Reveal(), size=(96, 64), fps=10, duration=1.0) as clip:
        last = clip.get_frame(0.99)
    with Image.open(io.BytesIO(placement._repr_png_())) as shown:
        small = np.asarray(shown.resize((12, 8), Image.Resampling.BOX))
    assert difference(small, np.asarray(Image.fromarray(last).resize((12, 8), Image.Resampling.BOX))).mean() < 12


@pytest.mark.parametrize("animation", [Zoom(), Disperse()], ids=["zoom", "disperse"])
def test_a_scene_shows_itself_in_a_notebook(cover: Path, animation: Animation) -> None:
    output = OutputSettings(size=(480, 320), duration=4)
    with (
        open_mosaic(cover, MatchSettings(columns=12), Silent()) as mosaic,
        open_frames(mosaic, animation, (480, 320), output) as frame_source,
    ):
        for number in (0, 70, 119):
            scene = frame_source.shot(number)
            assert isinstance(scene, Scene)
            shown = scene._repr_png_()
            assert shown is not None
            with Image.open(io.BytesIO(shown)) as seen:
                off = np.asarray(seen.convert("RGB")).astype(int) - frame_source.picture(number)
            assert np.abs(off).mean() < 6  # plainly drawn, but the same picture
