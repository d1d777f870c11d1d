"""Animations from other packages."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import StageFactory

from renderer.compositor import Compositor
from renderer.encoder import probe
from renderer.plugins import BUILT_IN, installed, load_animation
from renderer.timeline import Show

Run = Callable[..., tuple[int, str, str]]

CONFLICTING = """
from dataclasses import dataclass
from renderer.scene import Animation, parameter

@dataclass(frozen=True)
class Conflicting(Animation):
    columns: int = parameter(3, "Number of columns")

    def prepare(self, stage):
        return lambda progress: stage.scene(stage.whole_camera(), stage.resting_sprites())
"""

EXAMPLE = Path(__file__).parent.parent / "examples" / "plugin"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example plugin, installed with pip."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        folder,
        EXAMPLE,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_the_built_in_animations_are_those_of_the_package() -> None:
    own = {name: point for name, point in installed().items() if point.dist and point.dist.name == "mosaic-renderer"}
    assert {name: point.value for name, point in own.items()} == {name: each.value for name, each in BUILT_IN.items()}
    assert all(point.load() is BUILT_IN[name].load() for name, point in own.items())


def test_no_other_package_can_replace_a_built_in_animation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other-1.dist-info").mkdir()
    (tmp_path / "other-1.dist-info" / "METADATA").write_text("Name: other\nVersion: 1\n")
    points = "[renderer.animations]\nzoom = other:Zoom\nripples = other:Ripples\n"
    (tmp_path / "other-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed()["ripples"].value == "other:Ripples"
    assert installed()["zoom"].value == "animations.zoom:Zoom"


def test_the_example_is_a_complete_package_with_perspective_in_under_forty_lines(
    render: Run, site: Path, stage_factory: StageFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sum(len(path.read_text().splitlines()) for path in EXAMPLE.glob("*.py")) < 40
    monkeypatch.syspath_prepend(str(site))
    assert "mosaic-relief 1.0" in render("animations")[1]
    assert "0 to 20 cells" in render("animations", "relief")[1]
    assert render("animations", "relief", "--sample", "sample.mp4")[0] == 0
    assert probe(Path("sample.mp4")).frames == 180
    code, out, err = render(
        "relief", "--size", "96x64", "--columns", "12", "--duration", "0.5", "--swing", "9", "-o", "r.mp4"
    )
    assert (code, "15 frames" in out) == (0, True), err
    assert render("relief", "--height", "99")[0] == 2
    stage = stage_factory.stage((96, 64))
    motion = load_animation("relief")().play(stage)
    with closing(Compositor(96, 64, stage.textures)) as compositor:
        still, moving = (compositor.still(motion(progress)).astype(int) for progress in (0.0, 0.5))
        assert np.abs(still - moving).mean() > 3
    assert [segment.name for segment in Show(timeline="relief 2s height=5, disperse 1s").segments] == [
        "relief",
        "disperse",
    ]
    stage.textures.close()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("crash = nowhere_at_all:Crash", "The animation crash (nowhere_at_all:Crash) can't be loaded"),
        ("leaving = leaving:Leaving", "The animation leaving (leaving:Leaving) can't be loaded: 3"),
        ("odd = pathlib:Path", "The animation odd (pathlib:Path) is not a renderer.scene.Animation"),
        ("mosaic = animations.zoom:Zoom", "The animation mosaic was left out: a command has the same name"),
        (
            "conflicting = conflicting:Conflicting",
            "The animation conflicting was left out: its parameter columns has the name of a common option. Rename it",
        ),
    ],
)
def test_a_broken_plugin_is_named_and_skipped(
    render: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, message: str
) -> None:
    info = tmp_path / "site" / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[renderer.animations]\n{entry}\n")
    (info.parent / "conflicting.py").write_text(CONFLICTING)
    (info.parent / "leaving.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(str(info.parent))
    code, out, err = render("--help")
    assert (code, "zoom" in out, message in err) == (0, True, True), err
    code, out, err = render("zoom", "--size", "96x64", "--columns", "12", "--duration", "0.2", "-o", "it.mp4")
    assert (code, err.count("render:"), "6 frames" in out) == (0, 0, True), err  # it does not import the plugin
    assert "broken 1.0" in render("animations")[1]
