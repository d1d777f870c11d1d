"""Start-up: a command imports only the packages that it uses."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]

OURS = {"renderer", "animations", "presets"}

TABLES = {"rich", "pygments", "markdown_it"}
"""What draws tables: rich, and what it imports."""


@cache
def distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions of each package; finding them takes half a second."""
    return packages_distributions()


def imported(*words: str) -> set[str]:
    """Return the installed packages that a `render` command imports, without those of this project."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "renderer", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert done.returncode in (0, 2), done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 50
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    return {name for name in names & set(distributions()) - OURS if name[0] != "_"}  # those of the site


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["zoom", "--help"], set()),
        (["show", "-h"], set()),
        (["still", "reveal", "--help"], set()),
        (["library"], set()),
        (["batch", "--help"], set()),
        (["explain", "knn", "--help"], set()),
        (["zoom", "--colums", "3"], set()),
        (["zoom", "--columns", "ten"], set()),
        (["zoom", "--direction", "up"], set()),
        (["mosaic", "--duration", "3"], set()),
        (["library", "show", "--no-such-option"], set()),
        (["zom"], set()),
        (["cover.jpg"], set()),
        (["completion"], set()),
        (["completion", "bash"], {"platformdirs"}),
        (["completion", "fish"], {"platformdirs"}),
        (["animations"], TABLES),
        (["animations", "zoom"], TABLES),
        (["presets"], TABLES | {"platformdirs"}),
        (["presets", "tiktok"], {"platformdirs", "tomli_w"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_draws_nothing_imports_almost_nothing(words: list[str], allowed: set[str]) -> None:
    assert imported(*words) <= allowed


ANALYSIS = {"scipy", "sklearn", "skimage", "matplotlib"}


def test_a_campaign_that_is_up_to_date_loads_nothing_that_reads_or_draws_pictures(
    render: Run, cover: Path, photos: Path
) -> None:
    words = ("--animation", "zoom", "--columns", "8", "--size", "48x32", "--duration", "0.2")
    command = ("batch", "--covers", str(cover), "--tiles", str(photos), *words)
    assert "1 rendered" in render(*command)[1]
    assert not imported(*command) & {*ANALYSIS, "PIL", "cv2", "imageio_ffmpeg", "pi_heif", "psutil", "rich"}
    assert "0 rendered, 1 up to date" in render(*command)[1]


def test_a_still_of_a_saved_map_loads_only_what_draws_it(render: Run, cover: Path, photos: Path) -> None:
    made = render("mosaic", cover, "--tiles", photos, "--columns", "8", "--save-map", "it.mosaic", "-o", "it.png")
    assert made[0] == 0
    found = imported("still", "zoom", "it.mosaic", "--size", "48x32", "--at", "0", "-o", "still.png")
    assert {"cv2", "numpy", "PIL"} <= found
    assert not found & {*ANALYSIS, "rich", "tifffile", "fontTools", "pi_heif", "imageio_ffmpeg"}
    assert sys.platform != "linux" or "psutil" not in found  # where the system reports memory in files
    assert Path("still.png").exists()


def test_a_package_that_is_imported_late_is_loaded_once_by_whichever_thread_uses_it() -> None:
    code = """
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from renderer.late_imports import import_later

import_later("colorsys")
import colorsys
assert not vars(colorsys).get("rgb_to_hsv")
with ThreadPoolExecutor(8) as pool:
    assert set(pool.map(lambda _: colorsys.rgb_to_hsv(0, 0, 1)[2], range(64))) == {1}
assert sys.modules["colorsys"].rgb_to_hsv is colorsys.rgb_to_hsv
import_later("colorsys")  # has no effect
assert "rgb_to_hsv" in vars(sys.modules["colorsys"])
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_package_is_reported_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')")
    command = [sys.executable, "-m", "renderer"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
        )
        return done.returncode, done.stderr

    assert run("zoom", "--help") == (0, "")
    assert run("zoom") == (1, "render: A package can't be loaded (numpy is broken): run `render doctor`\n")


def test_a_package_is_loaded_in_a_thread_before_it_is_used() -> None:
    code = """
        import sys, threading
        from renderer.late_imports import import_later, load_ahead
        import_later("cv2")
        import cv2
        assert "resize" not in vars(cv2)
        load_ahead("cv2")
        (thread,) = set(threading.enumerate()) - {threading.main_thread()}
        thread.join()
        assert "resize" in vars(cv2) and vars(sys.modules["cv2"])["resize"] is cv2.resize
        load_ahead("no_such_package")  # its first use would report it
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
