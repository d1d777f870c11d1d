"""The wheel, installed elsewhere."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation: the build backend is one of the test dependencies, so nothing is fetched.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "renderer",
        "animations",
        "presets",
        "mosaic_renderer",
    }
    assert {
        "presets/draft.toml",
        "renderer/__init__.pyi",
        "renderer/py.typed",
        "renderer/compositor/kernels.py",
        "renderer/bundled/DejaVuSans.ttf",
        "renderer/bundled/DejaVuSans-Bold.ttf",
        "renderer/bundled/LICENSE_DEJAVU",
        "renderer/bundled/lbpcascade_frontalface_opencv.xml",
        "renderer/report/page.js",
    } <= set(names)


def test_the_wheel_works_elsewhere(wheel: Path, cover: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # The wheel itself is installed there; its dependencies are borrowed from here.
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel], check=True)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    Path(site, "borrowed.pth").write_text("\n".join(borrowed))
    # All but drawing, for which the loops would be compiled once more: CI renders with an installed wheel itself.
    command = [
        python,
        "-m",
        "renderer",
        "zoom",
        cover,
        "--for",
        "instagram-reel",
        "--columns",
        "10",
        "--dry-run",
        "--json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["height"] == 1920
    where = subprocess.run(
        [python, "-c", "import renderer; print(renderer.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(site)
