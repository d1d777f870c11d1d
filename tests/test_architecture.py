"""The layering rules: which module may import which.

Direct imports count, wherever they stand in a module, those under `TYPE_CHECKING` included. An import of a name that a
package re-exports counts as one of the module that defines it. What an imported module imports does not count.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = [
    "messages", "errors", "deprecation", "late_imports", "arrays", "parameters", "choices", "cover_names", "toml_positions", "streams", "version", "progress", "locks", "paths", "cached_files",
    "input_files", "output_files", "data_files", "names", "private_files", "cores", "threads", "child_processes", "ffmpeg", "resource_limits", "memory", "budget", "worker_pool", "kernels",
    "colour", "tiffs", "pixels", "image_file", "pictures", "faces", "subject", "descriptors", "library", "shapes", "grid", "cover_pixels", "masked_grid", "adaptive_grid", "placement", "fidelity",
    "framing", "landings", "matching", "textures", "scene", "settings", "fonts", "lines", "covers", "overlay", "compositor", "canvas", "planes", "plugins", "frame_times", "timeline",
    "formats", "encoder", "identity", "sound", "stills", "deep_zoom_files", "rules", "video_job", "credits", "pages", "report", "job", "preset", "batch", "cluster", "explore", "studio", "explain", "clip", "api", "doctor",
    "cli", "__main__",
]  # fmt: skip


_DRAWING = (
    "scene",
    "timeline",
    "textures",
    "overlay",
    "compositor",
    "canvas",
    "planes",
    "formats",
    "encoder",
    "sound",
    "stills",
    "deep_zoom_files",
    "video_job",
    "job",
)
"""Modules right of the placement map: they draw, or write what was drawn."""

_GRIDS = ("grid", "cover_pixels", "masked_grid", "adaptive_grid")

_INDEX = ("library.index", "library.indexing", "library.database")

FORBIDDEN = {
    "kernels": tuple(each for each in LAYERS[: LAYERS.index("kernels")] if each not in ("arrays", "errors")),
    "scene": ("matching", *_INDEX, "job"),
    "textures": ("matching", *_INDEX, "job"),
    "overlay": ("matching", "library", "placement", "job"),
    "compositor": ("matching", "library", *_GRIDS, "placement", "job"),
    "canvas": ("matching", "library", *_GRIDS, "placement", "job"),
    "planes": ("matching", "library", *_GRIDS, "placement", "job"),
    "timeline": ("matching", "library", *_GRIDS, "placement", "compositor", "job"),
    "encoder": ("matching", "library", *_GRIDS, "placement", "scene", "textures", "overlay", "compositor", "job"),
    **dict.fromkeys(
        ("descriptors", "library", "shapes", *_GRIDS, "placement", "fidelity", "framing", "matching"), _DRAWING
    ),
    "credits": ("matching", *_DRAWING),
    "report": ("matching", *_DRAWING),
    "explain": ("scene", "timeline", "preset", "batch"),
    "batch": ("matching", "textures", "overlay", "compositor", "explain", "report"),
}
"""Modules that may not import each other, even though the order of the layers would allow it."""


def imported(source: str) -> Iterator[str]:
    """The full names that a module imports; names that a package re-exports also by their own module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                if own := RE_EXPORTS.get(node.module, {}).get(alias.name):
                    yield own
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def re_exports(package: Path) -> dict[str, str]:
    """The full names of what a package imports from its own modules, by name."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.parse((package / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"renderer.{package.name}.")
        for alias in node.names
    }


RE_EXPORTS = {
    f"renderer.{path.parent.name}": re_exports(path.parent) for path in (ROOT / "renderer").glob("*/__init__.py")
}


def violations(module: str, source: str) -> list[str]:
    """The imports in the source of a module that its layer or the forbidden pairs do not allow."""
    lower = set(LAYERS[: LAYERS.index(module) + 1])
    found = []
    for name in imported(source):
        own = name.removeprefix("renderer.")
        sideways = any(own == each or own.startswith(f"{each}.") for each in FORBIDDEN.get(module, ()))
        if name.startswith("animations") or (own != name and (own.split(".")[0] not in lower or sideways)):
            found.append(name)
    return found


def files_of(module: str) -> list[Path]:
    folder = ROOT / "renderer" / module
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def test_every_module_has_a_layer() -> None:
    found = {
        path.stem for path in (ROOT / "renderer").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found == {*LAYERS, "__init__"}


@pytest.mark.parametrize("module", LAYERS)
def test_a_module_imports_only_what_its_layer_allows(module: str) -> None:
    for path in files_of(module):
        assert not violations(module, path.read_text("utf-8")), path.name


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("compositor", "from renderer.matching import match_photos", "renderer.matching.match_photos"),
        ("compositor", "def late():\n    import renderer.matching.tone", "renderer.matching.tone"),
        ("scene", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from renderer.library.index import Index", "renderer.library.index.Index"),
        ("scene", "from renderer.library import Index", "renderer.library.index.Index"),
        ("textures", "from renderer.library.index import Index", "renderer.library.index.Index"),
        ("overlay", "import renderer.matching", "renderer.matching"),
        ("library", "from renderer.scene import Stage", "renderer.scene.Stage"),
        ("grid", "from renderer.compositor import Compositor", "renderer.compositor.Compositor"),
        ("matching", "from renderer.textures import Textures", "renderer.textures.Textures"),
        ("placement", "from renderer.job import MatchSettings", "renderer.job.MatchSettings"),
        ("encoder", "from renderer.compositor import Compositor", "renderer.compositor.Compositor"),
        ("batch", "from renderer.report import write_report", "renderer.report.write_report"),
        ("settings", "from animations.zoom import Zoom", "animations.zoom.Zoom"),
    ],
)  # fmt: skip
def test_a_planted_import_is_found(module: str, source: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RE_EXPORTS, "renderer.library", {"Index": "renderer.library.index.Index"})
    assert found in violations(module, source)


def test_every_forbidden_pair_names_modules() -> None:
    named = {*FORBIDDEN, *(each for others in FORBIDDEN.values() for each in others)}
    assert all(files_of(name.replace(".", "/"))[0].exists() for name in named)


OPTION = re.compile(r"(?<![\w{-])(?<!\{ )--[a-z]")  # after a brace, a CSS property

OTHER_PROGRAMS = {"doctor.py": "pip's options", "messages.py": "an example in the description"}
"""Modules outside the command line that may contain options, and why."""


def spelled_options(source: str) -> list[str]:
    """The texts of a module, docstrings included, that contain an option of a command line."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [text for text in constants if isinstance(text, str) and OPTION.search(text)]


@pytest.mark.parametrize("path", sorted((ROOT / "renderer").rglob("*.py")), ids=lambda path: path.name)
def test_only_the_command_line_spells_options(path: Path) -> None:
    if path.parent.name != "cli" and path.name not in OTHER_PROGRAMS:
        assert not spelled_options(path.read_text("utf-8")), f"{path.name}: use renderer.messages.named"


def test_a_spelled_option_is_found() -> None:
    assert spelled_options('raise InputError(f"--size {text} is odd")') == ["--size "]
    assert not spelled_options('CSS = f".x{{--x:{column}}}"; DASHES = "a -- b"')


@pytest.mark.parametrize("path", sorted((ROOT / "animations").glob("*.py")), ids=lambda path: path.stem)
def test_an_animation_imports_only_the_scene(path: Path) -> None:
    ours = {
        name for name in imported(path.read_text("utf-8")) if name.startswith(("renderer", "animations", "presets"))
    }
    assert all(name.startswith(("renderer.scene.", "animations.")) for name in ours)  # or a module beside it


@pytest.mark.parametrize(
    ("imports", "expensive"),
    [
        ("renderer.job, renderer.cli", {"sklearn", "scipy.stats", "moviepy", "tkinter", "matplotlib", "tifffile"}),
        ("renderer.cli", {"numba", "scipy"}),  # as --help and the lists do
    ],
)
def test_expensive_imports_wait_until_they_are_needed(imports: str, expensive: set[str]) -> None:
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not expensive & set(done.stdout.split())


OPENED = {
    "budget.py": {"path.read_text": "a file of the system, in /proc or /sys"},
    "memory.py": {"open": "a file of the system, in /proc"},
    "input_files.py": {"open": "open_input itself", "os.open": "the opener of open_input"},
    "locks.py": {"os.open": "a lock file, which is created"},
    "streams.py": {"os.open": "os.devnull", "open": "a standard stream's descriptor"},
    "image_file.py": {"Image.open": "on a file from open_input, or on bytes"},
    "tiffs.py": {"TiffFile": "on an open file"},
    "fonts.py": {"ImageFont.truetype": "on a file from open_input"},
    "overlay.py": {"ImageFont.truetype": "after require_file"},
    "covers/letters.py": {"ImageFont.truetype": "after require_file"},
    "placement.py": {"Image.open": "on bytes", "zipfile.ZipFile": "on a file from open_input, or for writing", "file.open": "a member of the archive"},
    "library/database.py": {"sqlite3.connect": "an index, opened by SQLite"},
    "library/library.py": {"Image.open": "on bytes"},
    "library/exported.py": {"sqlite3.connect": "after check_input, or for writing"},
    "encoder/probe.py": {"path.open": "a video that was written or is checked"},
    "explain/figures.py": {"ImageFont.truetype": "a part of the package"},
    "explain/knn.py": {"ImageFont.truetype": "a part of the package"},
    "cluster/tasks.py": {"_store(url).fetch(name).read_bytes": "a plan of our own"},
    "identity.py": {"path.read_bytes": "a part of the package"},
    "kernels/library.py": {"(FOLDER / 'kernels.h').read_text": "a part of the package"},
    "kernels/sources.py": {"path.read_bytes": "a part of the checkout"},
    "pages/__init__.py": {"resources.files(package).joinpath(name).read_text": "a part of the package"},
    "studio/server.py": {"each.read_bytes": "a part of the package"},
    "cli/completion.py": {"Path(__file__).with_suffix(f'.{shell}').read_text": "a part of the package"},
}  # fmt: skip
"""Calls that open files for reading without `input_files.open_input`, with the reason."""

OPENS = {
    "open", "io.open", "io.FileIO", "os.open", "np.load", "np.fromfile", "np.memmap", "np.loadtxt", "cv2.imread", "cv2.VideoCapture",
    "Image.open", "ImageFont.truetype", "TTFont", "zipfile.ZipFile", "sqlite3.connect", "TiffFile", "imread",
}  # fmt: skip

NO_FILES = {"archive.open", "self._open", "webbrowser.open"}
"""Methods with such names that do not open a path."""


def openings(path: Path) -> Iterator[str]:
    """Yield the calls of a module that open files for reading."""
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
def test_all_user_files_are_opened_by_one_function(path: Path) -> None:
    module = path.relative_to(ROOT / "renderer").as_posix()
    assert set(openings(path)) == set(OPENED.get(module, ())), (
        f"{module}: use input_files.open_input, which rejects pipes and devices"
    )
