"""What a campaign gains over a shell loop: ten videos of two covers, by `render batch` and one after another.

    python benchmarks/batch.py [--tiles FOLDER] [--rounds 3]

Videos of 6 seconds, 1280 × 720, 30 frames a second: five animations of each cover. Both begin with an empty cache, so
that each indexes and matches; the shell loop's renders share it too, as they do for a user. In turns within one run;
what is printed is wall time, the ratios of each round and their median, and the most memory that a worker took.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from renderer.job import sample_pictures

LOOK = ("--size", "1280x720", "--duration", "6")
ANIMATIONS = {"zoom": (), "disperse": (), "gather": (), "reveal": (), "show": ("--timeline", "reveal 3s, zoom 3s")}


def render(folder: Path, *words: str) -> str:
    """Run a `render` command with the cache of a folder; gives its standard output."""
    environment = {**os.environ, "MOSAIC_RENDERER_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "renderer", *words, "-q", "--json"]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder).stdout


def loop(folder: Path, covers: list[Path], tiles: list[str]) -> float:
    """One render after another; wall seconds."""
    begun = time.perf_counter()
    for cover in covers:
        for name, more in ANIMATIONS.items():
            render(folder, name, str(cover), *tiles, *LOOK, *more)
    return time.perf_counter() - begun


def batch(folder: Path, covers: list[Path], tiles: list[str]) -> tuple[float, int]:
    """The same by one command; wall seconds, and the most memory of a worker."""
    lines = ["[defaults]", f"cover = {json.dumps([str(cover) for cover in covers])}"]
    for name, more in ANIMATIONS.items():
        lines += ["[[job]]", f'animation = "{name}"', *([f'timeline = "{more[1]}"'] if more else [])]
    (folder / "campaign.toml").write_text("\n".join(lines))
    begun = time.perf_counter()
    result = json.loads(render(folder, "batch", "campaign.toml", *tiles, *LOOK))
    return time.perf_counter() - begun, max(video["peak_memory_bytes"] for video in result["videos"])


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description="What a campaign gains over a shell loop.")
    parser.add_argument("--tiles", help="a folder of photos; default: pieces of the covers")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    tiles = ["--tiles", str(Path(options.tiles).absolute())] if options.tiles else ["--tiles", "pieces"]
    covers = sample_pictures()
    ratios = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            one, other = Path(name, "loop"), Path(name, "batch")
            one.mkdir()
            other.mkdir()
            if number % 2:
                batched, memory = batch(other, covers, tiles)
                looped = loop(one, covers, tiles)
            else:
                looped = loop(one, covers, tiles)
                batched, memory = batch(other, covers, tiles)
            ratios.append(looped / batched)
            print(
                f"shell loop {looped:.1f} s, batch {batched:.1f} s: {ratios[-1]:.2f} times the throughput; "
                f"a worker takes {memory / 2**20:.0f} MiB",
                flush=True,
            )
    print(f"median: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
