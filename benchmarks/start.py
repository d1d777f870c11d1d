"""Measure how long commands take from start to exit: processor time, wall time and memory, of an old and a new version.

    python benchmarks/start.py --new PYTHON [--old PYTHON] [--rounds 9] [--cold]

PYTHON: the interpreter of an environment in which a version is installed; default for the new one: this interpreter.
Each command runs in its own process; the versions alternate, and the program prints the median of each. Processor time
is that of the process and those it started, by `wait4`; memory is the largest resident set of one of them.

Warm runs follow one that is not counted. With `--cold`, each run has an empty folder for Python's bytecode and for
Numba's machine code, as the first run after an installation that compiled nothing has. Files stay in the page cache of
the system.

`first render`: what the first `render zoom` takes beyond a second one after an installation by pip, which compiles
bytecode: only the folder of Numba's machine code is empty. Photos are indexed, and the map is in the cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SMALL = ("--size", "640x426", "--duration", "1")

CAMPAIGN = """\
[defaults]
cover = "cover.jpg"
tiles = "photos"
columns = 40
size = "320x212"
duration = 0.5

[[job]]
animation = "zoom"
output = "out/{seed}.mp4"
[job.sweep]
seed = "0..7"
"""


class Cost(NamedTuple):
    """What a command took."""

    processor: float  # seconds
    wall: float  # seconds
    memory: float  # MB


class Version:
    """An installed version, and the folders in which its commands run."""

    def __init__(self, python: str, folder: Path) -> None:
        """Prepare a library of photos, a saved map and a finished campaign."""
        self.python, self.folder, self.caches = python, folder, 0
        make = "from renderer.job import sample_pictures as s; print(s()[0])"
        cover = subprocess.run([python, "-c", make], check=True, capture_output=True, text=True, cwd=folder).stdout
        (folder / "cover.jpg").write_bytes(Path(cover.strip()).read_bytes())
        (folder / "photos").mkdir()
        cut = (
            "from PIL import Image; c = Image.open('cover.jpg'); r = range(0, 520, 20);"
            "[c.crop((x, y, x + 120, y + 120)).save(f'photos/{x}-{y}.jpg') for x in r for y in (0, 200)]"
        )
        subprocess.run([python, "-c", cut], check=True, cwd=folder)
        (folder / "campaign.toml").write_text(CAMPAIGN)
        tiles = ("--tiles", "photos", "--columns", "60")
        self.run("mosaic", "cover.jpg", *tiles, "--save-map", "cover.mosaic", "-o", "mosaic.png")
        self.run("zoom", "cover.jpg", *tiles, *SMALL, "-o", "zoom.mp4")
        self.run("batch", "campaign.toml")

    def run(self, *words: str, cold: Path | None = None, bytecode: bool = True) -> Cost:
        """Run a `render` command. `cold`: an empty folder for machine code and, unless disabled, bytecode."""
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "MOSAIC_RENDERER_CACHE": str(self.folder / "cache"),
            "MOSAIC_RENDERER_LIBRARIES": str(self.folder / "libraries"),
        }
        if cold is not None:
            environment["NUMBA_CACHE_DIR"] = str(cold / "machine code")
            if bytecode:
                environment["PYTHONPYCACHEPREFIX"] = str(cold / "bytecode")
        start = time.perf_counter()
        process = subprocess.Popen(
            [self.python, "-m", "renderer", *words], cwd=self.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 2):
            raise SystemExit(f"{self.python} -m renderer {' '.join(words)} failed in {self.folder}")
        unit = 1024 if sys.platform == "darwin" else 1
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / unit / 1e6)


COMMANDS: dict[str, Sequence[str]] = {
    "--version": ("--version",),
    "zoom --colums 3 (a usage error)": ("zoom", "--colums", "3"),
    "--help": ("--help",),
    "zoom --help": ("zoom", "--help"),
    "animations": ("animations",),
    "presets": ("presets",),
    "completion bash": ("completion", "bash"),
    "still zoom cover.mosaic --at 0": ("still", "zoom", "cover.mosaic", "--at", "0", "-o", "still.png", "-y"),
    "batch, 8 videos up to date": ("batch", "campaign.toml"),
}


def first_render(version: Version) -> Cost:
    """Return what the first render takes beyond a second one."""
    words = ("zoom", "cover.jpg", "--tiles", "photos", "--columns", "60", *SMALL, "-o", "zoom.mp4", "-y")
    with tempfile.TemporaryDirectory() as name:
        first, second = (version.run(*words, cold=Path(name), bytecode=False) for _ in range(2))
    return Cost(first.processor - second.processor, first.wall - second.wall, first.memory)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(each) for each in zip(*costs, strict=True)))


def print_row(name: str, costs: Sequence[Cost]) -> None:
    """Print a row of the table: the figures of each version, and the ratio of processor times."""
    cells = [f"{cost.processor:.2f} s, {cost.wall:.2f} s, {cost.memory:.0f} MB" for cost in costs]
    ratio = f"{costs[0].processor / costs[1].processor:.1f} ×" if len(costs) > 1 else ""
    print(f"| `render {name}` | {' | '.join(cells)} | {ratio} |", flush=True)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description="Measure how long commands take from start to exit.")
    parser.add_argument("--old", help="the interpreter of an environment with the old version")
    parser.add_argument("--new", default=sys.executable, help="the interpreter of an environment with the new version")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cold", action="store_true", help="with empty folders for bytecode and machine code")
    parser.add_argument("--only", default="", help="only commands that contain this text")
    options = parser.parse_args()
    pythons = [python for python in (options.old, options.new) if python]
    with tempfile.TemporaryDirectory() as name:
        versions = []
        for number, python in enumerate(pythons):
            folder = Path(name, str(number))
            folder.mkdir()
            versions.append(Version(python, folder))
        titles = ["old", "new"][-len(pythons) :]
        print(f"| processor time, wall time, memory | {' | '.join(titles)} | old / new, processor time |")
        print("|---|" + "--:|" * (len(pythons) + 1))
        for title, words in COMMANDS.items():
            if options.only not in title:
                continue
            costs: list[list[Cost]] = [[] for _ in versions]
            for index in range(options.rounds + 1):
                for version, found in zip(versions, costs, strict=True):
                    if options.cold:
                        with tempfile.TemporaryDirectory() as cold:
                            cost = version.run(*words, cold=Path(cold))
                    else:
                        cost = version.run(*words)
                    if index:
                        found.append(cost)
            print_row(title, [median(found) for found in costs])
        if options.only in "first render":
            print_row("zoom, the first one beyond a second", [first_render(version) for version in versions])


if __name__ == "__main__":
    main()
