"""The walls of the house: who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS = [
    "errors", "parameters", "where", "progress", "files", "cores", "children", "memory", "compiled", "pictures",
    "subject", "descriptors", "library", "grid", "placement", "fidelity", "matching", "textures", "scene", "lines", "overlay",
    "compositor", "plugins", "timeline",
    "settings", "encoder", "sound", "stills", "rules", "credits", "report", "job", "preset", "batch", "explain", "clip", "doctor",
    "cli", "__main__",
]  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files_of(room: str) -> list[Path]:
    folder = ROOT / "renderer" / room
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def test_every_room_is_in_the_plan() -> None:
    found = {
        path.stem for path in (ROOT / "renderer").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found == {*ROOMS, "__init__"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_above_it(room: str) -> None:
    above = set(ROOMS[: ROOMS.index(room) + 1])
    for path in files_of(room):
        for name in imported(path):
            if name.startswith("renderer."):
                assert name.split(".")[1] in above, f"{path.name} imports {name}"
            assert not name.startswith("animations"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "animations").glob("*.py")), ids=lambda path: path.stem)
def test_an_animation_imports_the_scene_alone(path: Path) -> None:
    ours = {name for name in imported(path) if name.startswith(("renderer", "animations", "presets"))}
    assert all(name.startswith("renderer.scene.") for name in ours)


@pytest.mark.parametrize(
    ("imports", "dear"),
    [
        ("renderer.job, renderer.cli", {"sklearn", "scipy.stats", "moviepy", "tkinter", "matplotlib", "tifffile"}),
        ("renderer.cli", {"numba", "skimage", "scipy"}),  # as --help and the lists do
    ],
)
def test_what_is_dear_to_import_waits_until_it_is_needed(imports: str, dear: set[str]) -> None:
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not dear & set(done.stdout.split())
