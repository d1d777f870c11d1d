"""Renamed public names work for one version, with a warning at the line that uses them."""

from fractions import Fraction
from importlib import import_module
from pathlib import Path

import pytest

from animations.zoom import Zoom
from renderer.job import MatchSettings, VideoJob
from renderer.rules import PlatformRules


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("renderer.job.Edited", "renderer.job.EditResult"),
        ("renderer.job.Film", "renderer.job.FrameSource"),
        ("renderer.job.Mosaic", "renderer.job.OpenMosaic"),
        ("renderer.job.open_film", "renderer.job.open_frames"),
        ("renderer.job.telling_frame", "renderer.job.poster_frame"),
        ("renderer.matching.Look", "renderer.matching.MatchStyle"),
        ("renderer.matching.Rules", "renderer.matching.RepetitionRules"),
        ("renderer.encoder.Target", "renderer.encoder.OutputFormat"),
        ("renderer.explain.Explained", "renderer.explain.FigureResult"),
        ("renderer.batch.MEMORY_A_WORKER", "renderer.batch.WORKER_MEMORY"),
        ("renderer.library.no_photo", "renderer.library.unknown_photo"),
        ("renderer.scene.RESTS", "renderer.scene.PAUSE_PARAMETERS"),
        ("renderer.batch.Order", "renderer.batch.RenderJob"),
        ("renderer.batch.Watch", "renderer.batch.BatchObserver"),
        ("renderer.rules.Rules", "renderer.rules.PlatformRules"),
        ("renderer.rules.Check", "renderer.rules.RuleCheck"),
        ("renderer.rules.check", "renderer.rules.check_rules"),
        ("renderer.scene.Floats", "renderer.scene.Float64Array"),
        ("renderer.timeline.frame_at", "renderer.frame_times.frame_at"),
        ("renderer.timeline.frame_count", "renderer.frame_times.frame_count"),
        ("renderer.timeline.parse_frames", "renderer.frame_times.parse_frames"),
        ("renderer.timeline.progress_of", "renderer.frame_times.progress_of"),
    ],
)
def test_an_old_name_is_the_new_one_with_a_warning(old: str, new: str) -> None:
    (module, name), (home, own) = old.rsplit(".", 1), new.rsplit(".", 1)
    message = f"^{old} is now {new}; the old name will be removed in the next version$"
    with pytest.warns(DeprecationWarning, match=message) as caught:
        found = getattr(import_module(module), name)
    assert found is getattr(import_module(home), own)
    assert caught[0].filename == __file__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'renderer\.job' has no attribute 'Films'"):
        _ = import_module("renderer.job").Films


def test_old_methods_call_the_new_ones_with_a_warning() -> None:
    job = VideoJob(Path("cover.jpg"), Zoom(), Path("it.gif"))
    with pytest.warns(DeprecationWarning, match=r"^VideoJob\.settled is now VideoJob\.resolved") as caught:
        assert job.settled().output.fps == job.resolved().output.fps != Fraction(30)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=r"^VideoJob\.wanted is now VideoJob\.selected_frames"):
        assert job.wanted() == job.selected_frames()
    with pytest.warns(DeprecationWarning, match=r"^MatchSettings\.look is now MatchSettings\.style"):
        assert MatchSettings().look() == MatchSettings().style()
    with pytest.warns(DeprecationWarning, match=r"^PlatformRules\.asked is now PlatformRules\.required"):
        assert PlatformRules(loops=True).asked() == ["loops"]
