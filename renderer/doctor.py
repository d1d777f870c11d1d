"""`render doctor`: check what rendering needs on this machine. Imports nothing that may be missing."""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

_MODULES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
}
_NEEDED_ENCODERS = ("libx264",)
_OTHER_ENCODERS = (
    "libx265",
    "libsvtav1",
    "libvpx-vp9",
    "prores_ks",
    "h264_nvenc",
    "h264_qsv",
    "h264_videotoolbox",
)


@dataclass(frozen=True)
class Finding:
    """The result of one check; `fix` is empty if there is no problem."""

    name: str
    value: str
    fix: str = ""


def examine(folder: Path) -> list[Finding]:
    """Check Python, packages, compiled code, ffmpeg and encoders, cores, memory, caches and the disk of `folder`."""
    return [
        _python(),
        *_packages(),
        _kernels(),
        *_ffmpeg(),
        *_machine(folder),
        _budget(),
        _cache(),
        _libraries(),
        *_leftovers(folder),
    ]


def _python() -> Finding:
    value = f"{platform.python_version()} on {platform.platform(terse=True)}"
    return Finding("Python", value, "" if sys.version_info >= (3, 11) else "install Python 3.11 or later")


def _packages() -> list[Finding]:
    try:
        findings = [Finding("mosaic-renderer", version("mosaic-renderer"))]
    except PackageNotFoundError:
        return [Finding("mosaic-renderer", "not installed", "run: pip install .")]
    for requirement in requires("mosaic-renderer") or []:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        if match is None or "extra ==" in requirement:
            continue
        name = match[0]
        try:
            importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
            findings.append(Finding(name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "missing", f"run: pip install '{requirement}'"))
        except Exception as error:  # a broken package may fail in any way
            fix = f"run: pip install --force-reinstall '{requirement}'"
            findings.append(Finding(name, f"can't be loaded: {error}", fix))
    try:
        distribution("opencv-python")
        distribution("opencv-python-headless")
    except PackageNotFoundError:
        return findings
    fix = "opencv-python and opencv-python-headless share a folder: uninstall both, then install only the headless one"
    return [*findings, Finding("OpenCV", "installed twice", fix)]


def _kernels() -> Finding:
    try:
        from renderer.kernels.library import kernels, variants

        return Finding("compiled code", f"{kernels().variant} (usable: {', '.join(path.stem for path in variants())})")
    except Exception as error:  # broken imports, or no library
        return Finding("compiled code", "can't be used", str(error))


def _ffmpeg() -> list[Finding]:
    try:
        from renderer.encoder import ffmpeg_path, run_ffmpeg

        path = ffmpeg_path()
        listing = run_ffmpeg("-encoders", timeout=30).stdout.decode("utf-8", "replace")
        about = run_ffmpeg("-version", timeout=30).stdout.decode("utf-8", "replace")
    except Exception as error:  # including failed imports of the encoder
        return [Finding("ffmpeg", "missing", f"{error}. Run: pip install --force-reinstall imageio-ffmpeg")]
    found = {line.split()[1] for line in listing.splitlines() if len(line.split()) > 1}
    label = about.split(" Copyright")[0].removeprefix("ffmpeg version ").splitlines()[0] if about else "?"
    missing = [name for name in _NEEDED_ENCODERS if name not in found]
    fix = f"this ffmpeg lacks {', '.join(missing)}: unset IMAGEIO_FFMPEG_EXE" if missing else ""
    present = [name for name in (*_NEEDED_ENCODERS, *_OTHER_ENCODERS) if name in found]
    return [Finding("ffmpeg", f"{label} ({path})"), Finding("encoders", ", ".join(present) or "none", fix)]


def _cores() -> Finding:
    from renderer.cores import core_count

    every, ours = os.cpu_count() or 1, core_count()
    return Finding("cores", str(every) if ours == every else f"{every}, {ours} of them for this process")


def _machine(folder: Path) -> list[Finding]:
    disk = shutil.disk_usage(folder)
    free = disk.free / 1e9
    try:
        import psutil

        from renderer.budget import free_memory

        total, available = psutil.virtual_memory().total / 1e9, free_memory() / 1e9
        memory_found = Finding(
            "memory", f"{total:.1f} GB, {available:.1f} GB free",
            "" if available >= 1.5 else "a render at 1080p needs 1 GB: close other programs",
        )  # fmt: skip
    except ImportError:
        memory_found = Finding("memory", "unknown: psutil is missing")
    return [
        _cores(),
        memory_found,
        Finding(
            "disk", f"{free:.1f} GB free in {folder}",
            "" if free >= 0.5 else "free some space: a video needs 10 to 100 MB",
        ),
    ]  # fmt: skip


def _budget() -> Finding:
    try:
        from renderer.budget import described, render_budget
        from renderer.encoder import Encoding, choose
        from renderer.settings import FileSettings

        needs = Encoding(choose(Path("it.mp4"), FileSettings())).needs()
        return Finding("1080p render", described(render_budget((1920, 1080), needs)))
    except Exception as error:  # broken imports
        return Finding("1080p render", "unknown", str(error))


def _cache() -> Finding:
    try:
        from renderer.library import cache_folder

        folder = cache_folder()
    except Exception as error:  # broken imports, or no home folder
        return Finding("cache", "unknown", str(error))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding("cache", str(folder), f"not writable ({error.strerror}): photos are read again every time")
    from renderer.cached_files import sizes

    taken = ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in sizes().items())
    return Finding("cache", f"{folder} ({taken}; `render cache clear` deletes them)")


def _libraries() -> Finding:
    try:
        from renderer.library.definitions import library_names
        from renderer.paths import library_folder

        folder = library_folder()
        return Finding(
            "libraries",
            f"{folder} ({', '.join(library_names(folder)) or 'none: create one with render library add FOLDER'})",
        )
    except Exception as error:  # broken imports, or no home folder
        return Finding("libraries", "unknown", str(error))


def _leftovers(folder: Path) -> list[Finding]:
    from renderer.output_files import leftovers

    try:
        found = ", ".join(str(path) for path in leftovers(folder))
    except Exception as error:  # there may be no temporary folder
        return [Finding("leftovers", f"unknown ({error})")]
    about = f"{found} (from renders that were killed; the next render to the same file deletes them)"
    return [Finding("leftovers", about)] if found else []


def main() -> int:
    """Print the findings. Returns the exit code: 1 if something needs fixing."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # the current folder was deleted
        folder = Path(tempfile.gettempdir())
    findings = examine(folder)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        sys.stdout.write(f"{finding.name:{width}}  {finding.value}\n")
        if finding.fix:
            sys.stdout.write(f"{'':{width}}  → {finding.fix}\n")
    return 1 if any(finding.fix for finding in findings) else 0
