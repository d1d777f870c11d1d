"""The wheel, installed elsewhere."""

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import hatch_build
from hatch_build import KERNELS
from renderer.kernels.library import read_header, variants

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of all platforms, by the platform's tag."""
    folder = tmp_path_factory.mktemp("dist")
    hatch_build.build_wheels(folder)
    return {path.stem.split("-", 4)[4]: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def wheel(wheels: dict[str, Path]) -> Path:
    """The wheel for this machine."""
    return wheels[hatch_build.target().tag]


FORMATS = {  # by the first bytes: ELF with its machine, Mach-O with its processor, PE
    "linux-x86_64": (b"\x7fELF\x02\x01\x01", 18, b"\x3e\x00"),
    "linux-aarch64": (b"\x7fELF\x02\x01\x01", 18, b"\xb7\x00"),
    "macosx-x86_64": (b"\xcf\xfa\xed\xfe", 4, b"\x07\x00\x00\x01"),
    "macosx-arm64": (b"\xcf\xfa\xed\xfe", 4, b"\x0c\x00\x00\x01"),
    "win-amd64": (b"MZ", 0, b"MZ"),
}


@pytest.mark.parametrize("platform", hatch_build.TARGETS, ids="-".join)
def test_a_wheel_holds_the_libraries_of_its_platform(wheels: dict[str, Path], platform: tuple[str, str]) -> None:
    target = hatch_build.TARGETS[platform]
    magic, at, machine = FORMATS["-".join(platform)]
    with zipfile.ZipFile(wheels[target.tag]) as file:
        libraries = [name for name in file.namelist() if name.endswith((".so", ".dylib", ".dll"))]
        assert libraries == [f"renderer/kernels/{variant}{target.suffix}" for variant in target.variants]
        assert not [name for name in file.namelist() if name.endswith(".c")]
        assert "renderer/kernels/kernels.h" in file.namelist()
        (tags,) = (name for name in file.namelist() if name.endswith("/WHEEL"))
        assert {f"Tag: py3-none-{tag}" for tag in target.tag.split(".")} <= set(file.read(tags).decode().splitlines())
        for name in libraries:
            content = file.read(name)
            assert content.startswith(magic)
            assert content[at : at + len(machine)] == machine
            # Symbols are stripped, except for the names of exported functions.
            for function in read_header((KERNELS / "kernels.h").read_text(encoding="utf-8")).functions:
                assert re.search(rb"\0_?" + function.encode() + rb"\0", content), (name, function)
            assert b"draw_sprite" not in content  # not exported
            assert b"GLIBC" not in content  # so that any version will do


def test_a_source_distribution_builds_from_itself(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)  # the wheel is built from the archive
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as file:
        assert f"renderer/kernels/{variants()[0].name}" in file.namelist()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"CC": "no-such-compiler"}, "The compiler no-such-compiler can't be run"),
        ({"CC": "false"}, "false -std=c11 .* failed"),
        ({"_PYTHON_HOST_PLATFORM": "linux-riscv64"}, "No compiler is provided for linux_riscv64: name one"),
    ],
)
def test_a_build_without_a_working_compiler_says_so(environment: dict[str, str], message: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert re.search(message, done.stderr)
    assert not list(tmp_path.glob("*.whl"))


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
        "renderer/bundled/DejaVuSans.ttf",
        "renderer/bundled/DejaVuSans-Bold.ttf",
        "renderer/bundled/LICENSE_DEJAVU",
        "renderer/bundled/lbpcascade_frontalface_opencv.xml",
        "renderer/report/page.js",
        "renderer/studio/page/studio.html",
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
    # All but drawing: CI renders with an installed wheel itself.
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
