"""Fixtures that the tests share: real photos, isolated caches, golden pictures, a browser."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from renderer.adaptive_grid import adapt_grid
from renderer.cli import main
from renderer.grid import make_grid
from renderer.job import MatchSettings, open_mosaic, sample_pictures
from renderer.library import Library, cut_parts
from renderer.matching import match_photos
from renderer.pictures import Pixels, read_picture
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.scene import Fit, Stage
from renderer.shapes import SQUARE, TileShape
from renderer.textures import Textures

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# A busy machine is not a failure. On a server, property tests use the same examples each time, so that a failure is one
# of the change that is tested.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden pictures; check them by eye afterwards"
    )


@pytest.fixture(autouse=True, scope="session")
def _isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give fixtures with a wider scope than one test a cache and libraries of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MOSAIC_RENDERER_LIBRARIES", str(tmp_path_factory.mktemp("libraries")))
        yield


@pytest.fixture(autouse=True)
def _isolated_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own cache and libraries, instead of the user's."""
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("MOSAIC_RENDERER_LIBRARIES", str(tmp_path_factory.mktemp("libraries")))


@pytest.fixture(scope="session")
def _cache_of_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def shared_cache(_cache_of_session: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Give all tests that use this fixture the same cache, as a user's commands have.

    For tests of something other than indexing and matching: only the first of them indexes the same photos, and matches
    the same mosaic. In a module whose tests share a cache, those that use `own_cache` do not.
    """
    if "own_cache" not in request.fixturenames:
        monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(_cache_of_session))


@pytest.fixture
def own_cache() -> None:
    """Keep the empty cache of this test alone; see `shared_cache`."""


@pytest.fixture(scope="session")
def cover() -> Path:
    """A real photo, 640 × 427."""
    return sample_pictures()[0]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 real photos in two folders: crops of scikit-learn's two sample pictures, in several shapes."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    random = np.random.default_rng(7)
    for number in range(60):
        with Image.open(sample_pictures()[number % 2]) as picture:
            width, height = (int(v) for v in random.integers(40, 220, 2))
            left, top = int(random.integers(0, 640 - width)), int(random.integers(0, 427 - height))
            crop = picture.crop((left, top, left + width, top + height))
            crop.save(folder / ("more" if number % 3 else ".") / f"photo{number:02d}.jpg", quality=92)
    return folder


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone of 30 seconds."""
    import wave

    path = tmp_path_factory.mktemp("music") / "tone.wav"
    tone = (8000 * np.sin(np.arange(48_000 * 30) * 2 * np.pi * 220 / 48_000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(tone.tobytes())
    return path


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """The address of an S3 server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_server(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An S3 server with the bucket `jobs`, which this process and its children use."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.session.Session().client("s3").create_bucket(Bucket="jobs")


@pytest.fixture
def render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a `render` command in an empty folder. Returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # --help and --version
            code = int(end.code or 0)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


SHAPES = {
    "hexagons": TileShape("hexagon"),
    "hexagons-apart": TileShape("hexagon", gap=0.08, border=0.05),
    "circles": TileShape(corner_radius=0.5),
    "cards": TileShape(ratio=Fraction(3, 2), gap=0.08, corner_radius=0.12, border=0.05),
    "mixed": TileShape("mixed", gap=0.1, corner_radius=0.1),
}
"""Shapes of tiles; cards are 3:2."""


class StageFactory:
    """Makes stages of any shape from a cover and its tiles."""

    def __init__(self, library: Library, path: Path) -> None:
        self.library, self.path, self.cover = library, path, read_picture(path).pixels
        self._matched: dict[tuple[TileShape, bool], tuple[PlacementMap, Library]] = {}

    def stage(
        self, size: tuple[int, int], fit: Fit = "crop", seconds: float = 5.0, *, adaptive: bool = False,
        shape: TileShape = SQUARE,
    ) -> Stage:  # fmt: skip
        if (shape, adaptive) not in self._matched:
            self._matched[shape, adaptive] = self._match(shape, adaptive=adaptive)
        placement, placed = self._matched[shape, adaptive]
        textures = Textures(50_000_000, 1)
        stage = Stage(
            [placement], [placed], textures, [textures.add_tiles(placed)], size, seconds,
            fit=fit, read_covers=[lambda side: read_picture(self.path, shorter_side=side).pixels], frames=round(seconds * 30),
        )  # fmt: skip
        return with_next_map(stage)

    def _match(self, shape: TileShape, *, adaptive: bool) -> tuple[PlacementMap, Library]:
        grid = make_grid(self.cover.shape[1], self.cover.shape[0], columns=24, tile_shape=shape)
        if adaptive:
            grid = adapt_grid(grid, self.cover, [])
        if shape.kind == "mixed":  # the pieces of the library are squares, of which none would be portrait
            library = cut_parts(self.path, read_picture(self.path), "", [], Silent(), ratio=shape.crop_ratio)
        else:
            library = self.library.cropped(shape.crop_ratio)
        placement = match_photos(self.cover, grid, library, Silent(), pins=[(0, None)])
        return placement, library.take(library.photos.find(placement.photos))

    def shaped(self, name: str, size: tuple[int, int], seconds: float = 5.0) -> Stage:
        """Return a stage whose tiles have one of `SHAPES`, on green ground."""
        return replace(self.stage(size, seconds=seconds, shape=SHAPES[name]), background=(0.2, 0.7, 0.3))


def with_next_map(stage: Stage) -> Stage:
    """Return a stage with a second map, for animations of two covers: the photos of the first in the opposite order."""
    first = stage.maps[0]
    backwards = np.arange(len(first), dtype=np.int32)[::-1]
    arrays = {name: getattr(first, name)[backwards] for name in ("photo", "symmetry", "gain", "offset")}
    second = replace(first, **arrays, came_from=backwards)
    return replace(
        stage, maps=[first, second], libraries=[stage.libraries[0]] * 2, first_texture=[stage.first_texture[0]] * 2,
        _made={},
    )  # fmt: skip


def heart(stage: Stage) -> Stage:
    """Return a stage whose mosaic has only the cells inside a heart, in the left part of the cover."""
    whole = stage.mosaic
    centre = (whole.cell[:, :2] + 0.5 * whole.cell[:, 2:]) / whole.size
    x, y = (centre[:, 0] - 0.4) / 0.3, (0.5 - centre[:, 1]) / 0.4
    kept = (x**2 + y**2 - 1) ** 3 < x**2 * y**3  # https://mathworld.wolfram.com/HeartCurve.html
    arrays = {name: getattr(whole, name)[kept] for name in ("cell", "photo", "symmetry", "gain", "offset", "cost")}
    return with_next_map(replace(stage, maps=[replace(whole, **arrays)]))


@pytest.fixture(scope="module")
def stage_factory(cover: Path) -> Iterator[StageFactory]:
    with open_mosaic(cover, MatchSettings(columns=24), Silent()) as mosaic:
        yield StageFactory(mosaic.library, cover)


def find_program(*names: str) -> str:
    """Return the path of the first program that is installed.

    Without one the test is skipped. In CI on Linux, where all are installed, it fails.
    """
    return next(filter(None, map(shutil.which, names)), None) or missing(names[0])


def missing(name: str) -> NoReturn:
    """Skip a test that needs a program which is not installed, or in CI on Linux let it fail."""
    end = pytest.fail if "CI" in os.environ and sys.platform == "linux" else pytest.skip
    end(f"{name} is not installed")


@pytest.fixture(scope="session")
def openseadragon() -> Path:
    """OpenSeadragon as one file, from a folder of npm packages in NODE_PATH; if missing, as in `find_program`."""
    folders = [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    files = [each / "openseadragon" / "build" / "openseadragon" / "openseadragon.min.js" for each in folders]
    found = next(filter(Path.exists, files), None)
    return found or missing("openseadragon")


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """A headless Chromium of this machine, for local pages: `browser.get(path.as_uri())`.

    `browser.get_log("browser")` contains the console, `browser.get_log("performance")` the requests.
    """
    from selenium import webdriver

    program, driver = find_program("chromium", "chromium-browser", "google-chrome"), find_program("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # Root in a container has no sandbox and little shared memory; the pages are our own.
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "mute-audio", "disable-background-networking"):
        options.add_argument(f"--{word}")
    options.add_argument("--enable-unsafe-swiftshader")  # WebGL in software
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield running
    running.quit()


def wait_until(met: Callable[[], object], seconds: float = 180) -> None:
    """Wait until a condition is met. Fails after `seconds`, so that the test does not hang."""
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, f"not met after {seconds:g} seconds"
        time.sleep(0.02)


def difference(a: Pixels, b: Pixels) -> Pixels:
    """Return the absolute difference of two pictures."""
    return np.abs(a.astype(np.int16) - b.astype(np.int16)).astype(np.uint8)


@pytest.fixture
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, Pixels], None]:
    """Compare a picture with the one stored under a name: it may differ by 1 of 255 on average, and by 24 in a pixel.

    The kernels are exact on all platforms, but photos may be decoded slightly differently.
    """

    def compare(name: str, pixels: Pixels) -> None:
        path = GOLDEN / f"{name}.png"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path, optimize=True)
        with Image.open(path) as stored:
            expected = np.asarray(stored.convert("RGB"))
        assert pixels.shape == expected.shape
        off = difference(pixels, expected)
        if off.mean() > 1 or off.max() > 24:
            enlarged = np.minimum(off.astype(np.uint16) * 8, 255).astype(np.uint8)
            Image.fromarray(np.concatenate([expected, pixels, enlarged], 1)).save(tmp_path / f"{name}-difference.png")
            pytest.fail(
                f"{name} differs by {off.mean():.2f} on average and at most {off.max()}: {tmp_path}/{name}-difference.png"
            )

    return compare
