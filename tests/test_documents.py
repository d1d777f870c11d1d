"""Run the examples of the site's pages; build the site and open it in a browser."""

import functools
import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import gallery
import make_site
import pytest

from examples import PAGES, README, ROOT, blocks, fenced, help_examples, run_example, small
from renderer.cli.examples import examples
from renderer.preset import load_preset

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Run = Callable[..., tuple[int, str, str]]

WITH_PYTHON = {name: page for name, page in {"README.md": README, **PAGES}.items() if "```python" in page}


@pytest.mark.parametrize(
    "example",
    sorted({line for page in PAGES.values() for line in fenced(page)} - {*fenced(README), *help_examples()}),
)
def test_every_example_of_a_page_runs(
    example: str, render: Run, photos: Path, cover: Path, request: pytest.FixtureRequest
) -> None:
    if "s3://" in example:
        request.getfixturevalue("s3_server")
    run_example(example, render, cover, photos)


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_the_python_blocks_of_a_page_run(
    name: str, photos: Path, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its blocks run as one program, on a small scale."""
    monkeypatch.chdir(tmp_path)
    Path("cover.jpg").write_bytes(cover.read_bytes())
    Path("photos").symlink_to(photos)
    code = "\n".join(blocks(WITH_PYTHON[name], "python"))
    for pattern, value in (
        (r"columns=\d+", "columns=10"),
        (r"duration=[\d.]+", "duration=0.3"),
        (r"size=\((\d+), (\d+)\)", r"size=(\1 // 16 * 2, \2 // 16 * 2)"),
        (r"== \((\d+), (\d+), 3\)", r"== (\1 // 16 * 2, \2 // 16 * 2, 3)"),
    ):
        code = re.sub(pattern, value, code)
    (tmp_path / "page.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "page", raising=False)
    __import__("page")
    for name in re.findall(r'"([\w-]+\.(?:mp4|gif|png|mosaic))"', code):
        assert Path(name).exists() == (name not in ("wrong.mp4", "stopped.mp4"))


@pytest.mark.parametrize("text", blocks(PAGES["writing-presets.md"], "toml"))
def test_the_documented_presets_render_videos(
    text: str, render: Run, photos: Path, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(folder))
    (folder / "own.toml").write_text(text, "utf-8")
    assert load_preset("own").description == tomllib.loads(text)["description"]
    assert render("library", "add", photos, "--name", "wedding")[0] == 0
    words = small([load_preset("own").animation or "zoom", str(cover), "--preset", "own", "-o", "own.mp4"])
    code, _, err = render(*words)
    assert code == 0, err


# -- Gallery -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def covers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    gallery.prepare_folder(folder, pieces=6)
    return folder


@pytest.mark.parametrize("file", gallery.PICTURES)
def test_every_picture_is_rendered_by_its_command(
    file: str, render: Run, covers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(covers / "cache"))
    for path in covers.iterdir():
        Path(path.name).symlink_to(path)
    code, _, err = render(*small(gallery.PICTURES[file].words))
    assert code == 0, err
    assert Path(file).exists()


def test_every_picture_exists_and_the_gallery_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in gallery.IMAGES.iterdir()}
    assert set(sizes) == set(gallery.PICTURES)
    in_gallery = {picture.file for chapter in gallery.GALLERY.values() for picture in chapter}
    assert sum(sizes[file] for file in in_gallery) < 5_000_000


# -- The site ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "docs"
    command = [sys.executable, str(ROOT / "docs" / "make_site.py"), str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "site"


@pytest.fixture
def site_address(site: Path) -> Iterator[str]:
    """Serve the site on this machine and return its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_command_has_a_page_with_its_options_and_examples(site: Path) -> None:
    page = (site / "commands" / "explain.html").read_text("utf-8")
    assert "--theme" in page
    assert examples("explain knn")[0].about in page
    assert "(0.01 to 1)" in (site / "commands" / "reveal.html").read_text("utf-8")
    assert "Number of columns of cells" in (site / "python.html").read_text("utf-8")


def test_a_broken_link_is_found(site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path / "site")
    (tmp_path / "site" / "images" / "match.jpg").unlink()
    page = tmp_path / "site" / "index.html"
    page.write_text(page.read_text("utf-8").replace("</article>", '<a href="gallery.html#missing">x</a></article>'))
    broken = make_site.broken_links(tmp_path / "site")
    assert "index.html: broken link gallery.html#missing" in broken
    assert "matching.html: broken link images/match.jpg" in broken


@pytest.mark.parametrize("width", [390, 1280])
def test_the_site_makes_no_external_requests_and_fits_the_window(
    browser: "Chrome", site_address: str, width: int
) -> None:
    shape = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # drop entries of earlier pages
    for name in ("index", "gallery", "how-to/animations", "output"):
        browser.get(f"{site_address}/{name}.html")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        for picture in browser.find_elements("css selector", "article img"):
            assert browser.execute_script("return arguments[0].naturalWidth", picture) > 30
    assert browser.get_log("browser") == []
    messages = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    requested = {each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"}
    assert f"{site_address}/gallery.html" in requested
    assert all(address.startswith((site_address, "data:", "blob:")) for address in requested)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_the_links_of_a_file_work(name: str) -> None:
    for target, anchor in re.findall(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)", (ROOT / name).read_text("utf-8")):
        assert (ROOT / (target or name)).exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", (ROOT / (target or name)).read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, anchor
