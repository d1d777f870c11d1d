"""The page of a mosaic: its size, how quickly it is made, seen and drawn, and how near it is to the program's stills.

    python benchmarks/explore.py COVER --tiles FOLDER [--columns 84] [--page-size 16] [--flat]

Each photo of the folder is used. In headless Chromium (with its driver), which draws WebGL in software. `--flat`: on a
2-D canvas instead. First sight is the first contentful paint of the page from a file. Frames a second are counted while
the view flies in and out for some seconds, and beside them those of a page that only clears a canvas of the same size:
what the browser itself needs. Differences are CIEDE2000 for each pixel, mean and 95th percentile, between the page's
canvas and a still with tiles of that side; then their mean at viewing distance, and that of the values, 0 to 255.
"""

from __future__ import annotations

import argparse
import base64
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from PIL import Image
from selenium import webdriver

from renderer.descriptors import to_lab
from renderer.fidelity import ciede2000, error_map
from renderer.job import OpenMosaic, draw_strips, open_mosaic
from renderer.progress import Silent
from renderer.settings import MatchSettings

SIZE = 1280, 720
SIDES = 8, 16, 32, 64, 128
SECONDS = 6

BARE = """<!doctype html><body style="margin:0"><canvas id="view" width="1280" height="720"></canvas><script>
const gl = document.getElementById("view").getContext("webgl2", { alpha: false, antialias: false });
const draw = () => { gl.clearColor(Math.random(), 0, 0, 1); gl.clear(gl.COLOR_BUFFER_BIT); };
</script>"""

COUNT = """const [seconds, done] = arguments; let frames = 0; const start = performance.now();
function step(now) { draw(); frames += 1;
  if (now - start < 1000 * seconds) requestAnimationFrame(step); else done(1000 * frames / (now - start)); }
requestAnimationFrame(step);"""

FLY = """const [seconds, done] = arguments; const { view, fly, mosaic } = explore;
let frames = 0, run = true; const start = performance.now(), drawing = explore.drawing, draw = drawing.draw;
drawing.draw = (...all) => { frames += 1; return draw.apply(drawing, all); };
(async () => { while (performance.now() - start < 1000 * seconds) {
    await fly(view.of(Math.floor(mosaic.cells.count * 0.37), 0.5), 2); await fly(view.wholeView, 2); }
  drawing.draw = draw; done(1000 * frames / (performance.now() - start)); })();"""

CAPTURE = """const [x, y, scale] = arguments, { drawing } = explore, canvas = document.getElementById("view");
Object.assign(canvas, { width: 1280, height: 720 });
drawing.draw({ x, y, scale, size: [1280, 720] }, 1, { tone: [1e9, 2e9] });
return canvas.toDataURL("image/png");"""


def main() -> None:
    """Make a page, and print what is measured."""
    arguments = read_arguments()
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        command = [
            sys.executable, "-m", "renderer", "explore", str(arguments.cover), "--tiles", arguments.tiles,
            "--columns", str(arguments.columns), "--use-all", "--page-size", str(arguments.page_size), "-o", str(page),
            "-y",
        ]  # fmt: skip
        for times in ("first run", "known library"):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"made, {times}: {time.perf_counter() - start:.1f} s, {page.stat().st_size / 1e6:.2f} MB", flush=True)
        with chromium() as driver:
            bare = Path(folder) / "bare.html"
            bare.write_text(BARE, "utf-8")
            driver.get(bare.as_uri())
            print(f"empty canvas: {driver.execute_async_script(COUNT, SECONDS):.1f} frames a second", flush=True)
            driver.get(page.as_uri() + ("?flat" if arguments.flat else ""))
            measure(driver)
            driver.execute_async_script(FLY, SECONDS)  # the page finds out how fast it can draw
            print(f"page: {driver.execute_async_script(FLY, SECONDS):.1f} frames a second", flush=True)
            print(f"memory: {memory(driver)}", flush=True)
            match = MatchSettings(tiles=(arguments.tiles,), columns=arguments.columns, use_all=True)
            with open_mosaic(arguments.cover, match, Silent()) as mosaic:
                print(f"{len(mosaic.placement):,} cells, {len(mosaic.placement.photos):,} photos")
                for side in arguments.sides:
                    compare(driver, mosaic, side)


def read_arguments() -> argparse.Namespace:
    """Return the command line's values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cover", type=Path)
    parser.add_argument("--tiles", required=True)
    parser.add_argument("--columns", type=int, default=84)
    parser.add_argument("--page-size", type=float, default=16)
    parser.add_argument("--sides", type=int, nargs="*", default=SIDES)
    parser.add_argument("--flat", action="store_true")
    return parser.parse_args()


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Yield headless Chromium, which is closed when the context exits."""
    options = webdriver.ChromeOptions()
    for each in ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"):
        options.add_argument(each)
    driver = webdriver.Chrome(options=options)
    metrics = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        yield driver
    finally:
        driver.quit()


def measure(driver: webdriver.Chrome) -> None:
    """Wait until all photos are decoded, and print how long the parts of the page took."""
    while not driver.execute_script("return document.documentElement.dataset.loaded"):
        time.sleep(0.2)
    paint, seen, loaded = driver.execute_script(
        """const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
        const { seen, loaded } = document.documentElement.dataset; return [paint, +seen, +loaded];"""
    )
    print(f"first sight {paint / 1000:.2f} s, drawn {seen / 1000:.2f} s, all photos {loaded / 1000:.2f} s", flush=True)


def memory(driver: webdriver.Chrome) -> str:
    """Return the proportional set size of the page's process, and of the one that draws."""
    sizes: dict[str, int] = {}
    for each in psutil.Process(driver.service.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            kind = next((word.removeprefix("--type=") for word in each.cmdline() if word.startswith("--type=")), "")
            if kind in ("renderer", "gpu-process"):
                sizes[kind] = sizes.get(kind, 0) + each.memory_full_info().pss
    return ", ".join(f"{kind} {size / 2**20:.0f} MiB" for kind, size in sizes.items())


def compare(driver: webdriver.Chrome, mosaic: OpenMosaic, side: int) -> None:
    """Print the differences between the page's canvas and a still with tiles of a side."""
    across, along = (max(round(units * side), 1) for units in mosaic.placement.size)
    size = across, along
    corner = [max((whole - part) // 2, 0) for whole, part in zip(size, SIZE, strict=True)]
    still = np.concatenate(list(draw_strips(mosaic, size, 256)))
    part = [min(whole, length) for whole, length in zip(size, SIZE, strict=True)]
    wanted = still[corner[1] : corner[1] + part[1], corner[0] : corner[0] + part[0]]
    scale = max(whole / units for whole, units in zip(size, mosaic.placement.size, strict=True))
    x, y = (
        units / 2 + (at + length // 2 - whole / 2) / scale  # in the middle of the page, between two pixels
        for units, at, length, whole in zip(mosaic.placement.size, corner, part, size, strict=True)
    )
    shown = captured(driver, x, y, scale)
    left, top = (length // 2 - inner // 2 for length, inner in zip(SIZE, part, strict=True))
    shown = shown[top : top + part[1], left : left + part[0]]
    each = ciede2000(to_lab(wanted / np.float32(255)), to_lab(shown / np.float32(255)))
    seen = error_map(wanted, shown, (side / 8, side / 8))
    apart = np.abs(wanted.astype(int) - shown).mean()
    print(
        f"tiles of {side} pixels: difference {each.mean():.2f}, 95 % {np.percentile(each, 95):.2f}; "
        f"from a distance {seen.mean():.2f}; of values {apart:.2f}",
        flush=True,
    )  # fmt: skip


def captured(driver: webdriver.Chrome, x: float, y: float, scale: float) -> np.ndarray[Any, Any]:
    """Return what the page draws with a point of the mosaic in the middle and full tone, (H, W, 3)."""
    address = driver.execute_script(CAPTURE, x, y, scale)
    content = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


if __name__ == "__main__":
    main()
