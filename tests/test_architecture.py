"""The layering rules: which module may import which."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = [
    "messages", "errors", "deprecation", "arrays", "parameters", "toml_positions", "streams", "progress", "locks", "paths",
    "input_files", "output_files", "data_files", "names", "private_files", "cores", "child_processes", "ffmpeg", "resource_limits", "memory", "compiled",
    "colour", "tiffs", "image_file", "pictures", "subject", "descriptors", "library", "grid", "placement", "fidelity",
    "matching", "textures", "scene", "lines", "overlay", "compositor", "plugins", "frame_times", "timeline", "settings",
    "encoder", "sound", "stills", "rules", "credits", "report", "job", "preset", "batch", "explain", "clip", "api", "doctor",
    "cli", "__main__",
]  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files_of(module: str) -> list[Path]:
    folder = ROOT / "renderer" / module
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def test_every_module_has_a_layer() -> None:
    found = {
        path.stem for path in (ROOT / "renderer").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found == {*LAYERS, "__init__"}


@pytest.mark.parametrize("module", LAYERS)
def test_a_module_imports_only_lower_layers(module: str) -> None:
    lower = set(LAYERS[: LAYERS.index(module) + 1])
    for path in files_of(module):
        for name in imported(path):
            if name.startswith("renderer."):
                assert name.split(".")[1] in lower, f"{path.name} imports {name}"
            assert not name.startswith("animations"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "animations").glob("*.py")), ids=lambda path: path.stem)
def test_an_animation_imports_the_scene_alone(path: Path) -> None:
    ours = {name for name in imported(path) if name.startswith(("renderer", "animations", "presets"))}
    assert all(name.startswith("renderer.scene.") for name in ours)


@pytest.mark.parametrize(
    ("imports", "expensive"),
    [
        ("renderer.job, renderer.cli", {"sklearn", "scipy.stats", "moviepy", "tkinter", "matplotlib", "tifffile"}),
        ("renderer.cli", {"numba", "skimage", "scipy"}),  # as --help and the lists do
    ],
)
def test_expensive_imports_wait_until_they_are_needed(imports: str, expensive: set[str]) -> None:
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not expensive & set(done.stdout.split())


OPENED = {
    "input_files.py": {"open": "open_input itself", "os.open": "how open_input opens"},
    "locks.py": {"os.open": "a lock file, which is made"},
    "compiled.py": {"path.read_bytes": "machine code that was cached"},
    "streams.py": {"os.open": "os.devnull", "open": "a standard stream's descriptor"},
    "image_file.py": {"Image.open": "of what open_input opened, or of bytes"},
    "tiffs.py": {"TiffFile": "of a file that was opened"},
    "overlay.py": {"ImageFont.truetype": "after require_file", "TTFont": "of what open_input opened"},
    "placement.py": {"zipfile.ZipFile": "of what open_input opened, or for writing", "file.open": "a member of it"},
    "library/index.py": {"sqlite3.connect": "an index, which SQLite opens"},
    "encoder/probe.py": {"path.open": "a video that was written, or is checked"},
    "explain/knn.py": {"ImageFont.truetype": "the font that comes along"},
    "report/__init__.py": {"resources.files(__name__).joinpath(name).read_text": "a part of the program"},
    "cli/completion.py": {"Path(__file__).with_suffix(f'.{shell}').read_text": "a part of the program"},
}  # fmt: skip
"""What opens files for reading without `input_files.open_input`, and why it may."""

OPENS = {
    "open", "io.open", "io.FileIO", "os.open", "np.load", "np.fromfile", "np.memmap", "np.loadtxt", "cv2.imread", "cv2.VideoCapture",
    "Image.open", "ImageFont.truetype", "TTFont", "zipfile.ZipFile", "sqlite3.connect", "TiffFile", "imread",
}  # fmt: skip

NO_FILES = {"archive.open", "self._open", "webbrowser.open"}
"""Methods of that name that open no path."""


def openings(path: Path) -> Iterator[str]:
    """What a module calls to open files for reading."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        modes = [
            each.value
            for each in [*node.args[:1], *(k.value for k in node.keywords if k.arg == "mode")]
            if isinstance(each, ast.Constant)
        ]
        a_method = isinstance(node.func, ast.Attribute) and node.func.attr in ("open", "read_text", "read_bytes")
        if name in OPENS or (a_method and name not in NO_FILES and not any(set("wxa") & set(str(m)) for m in modes)):
            yield name


@pytest.mark.parametrize("path", sorted((ROOT / "renderer").rglob("*.py")), ids=lambda path: path.name)
def test_every_file_of_the_users_is_opened_by_one_function(path: Path) -> None:
    module = path.relative_to(ROOT / "renderer").as_posix()
    others = set(openings(path)) - set(OPENED.get(module, ()))
    assert not others, (
        f"{module} opens files by {', '.join(others)}: input_files.open_input refuses what is no regular file"
    )
