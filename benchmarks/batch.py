"""Compare a campaign with a shell loop: ten videos of two covers, with `render batch` and one after another.

    python benchmarks/batch.py [--tiles FOLDER] [--rounds 3]

Videos of 6 seconds, 1280 × 720, 30 frames per second: five animations of each cover. Both start with an empty cache, so
that each indexes and matches; the renders of the shell loop share the cache, as they do for a user. They alternate in
one run. The program prints wall times, the ratio of each round, the median ratio, and the maximum memory of a worker.
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

OPTIONS = ("--size", "1280x720", "--duration", "6")
ANIMATIONS = {"zoom": (), "disperse": (), "gather": (), "reveal": (), "show": ("--timeline", "reveal 3s, zoom 3s")}


def render(folder: Path, *words: str) -> str:
    """Run a `render` command with a folder's cache; return its standard output."""
    environment = {**os.environ, "MOSAIC_RENDERER_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "renderer", *words, "-q", "--json"]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder).stdout


def loop(folder: Path, covers: list[Path], tiles: list[str]) -> float:
    """Render one video after another; return wall seconds."""
    start = time.perf_counter()
    for cover in covers:
        for name, own in ANIMATIONS.items():
            render(folder, name, str(cover), *tiles, *OPTIONS, *own)
    return time.perf_counter() - start


def batch(folder: Path, covers: list[Path], tiles: list[str]) -> tuple[float, int]:
    """Render the same videos with one command; return wall seconds, and the maximum memory of a worker."""
    lines = ["[defaults]", f"cover = {json.dumps([str(cover) for cover in covers])}"]
    for name, own in ANIMATIONS.items():
        lines += ["[[job]]", f'animation = "{name}"', *([f'timeline = "{own[1]}"'] if own else [])]
    (folder / "campaign.toml").write_text("\n".join(lines))
    start = time.perf_counter()
    result = json.loads(render(folder, "batch", "campaign.toml", *tiles, *OPTIONS))
    return time.perf_counter() - start, max(video["peak_memory_bytes"] for video in result["videos"])


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description="Compare a campaign with a shell loop.")
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
