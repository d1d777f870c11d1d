"""The page to explore a mosaic, in a browser."""

import base64
import csv
import io
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import wait_until
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from test_studio_accessibility import AXE, RUN_AXE

from renderer.cover_names import cover_name
from renderer.descriptors import to_lab
from renderer.errors import InputError, RenderError
from renderer.explore import explore, page_path
from renderer.explore.captions import captions_of, read_captions
from renderer.explore.pictures import encode_photos
from renderer.explore.table import CELL, cell_table
from renderer.fidelity import ciede2000
from renderer.job import OpenMosaic, draw_strips, drawing, open_mosaic, sample_pictures
from renderer.placement import load_map
from renderer.progress import Silent
from renderer.scene import Camera, ease
from renderer.scene.flights import ArchedFlight, straight_flight
from renderer.settings import ExploreSettings, MatchSettings, OutputSettings

COLUMNS = 20
HOSTILE = "</script><img src=x onerror=alert(1)>"
HEBREW = "החתונה שלנו"

Driver = webdriver.Chrome

STALL = "GPU stall due to ReadPixels"  # Chromium's own, as it shows WebGL in software


def logged(browser: Driver) -> list[str]:
    """Return what the console shows."""
    return [each["message"] for each in browser.get_log("browser") if STALL not in each["message"]]


class Notices(Silent):
    """Keeps notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)


def command(words: Any, values: Any) -> str:
    return " ".join(["render", *words, *(f"--{name} {value}" for name, value in values.items())])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cover: Path, photos: Path) -> Path:
    """wedding.html of a mosaic with names, captions and unused photos, its map, and full photos."""
    folder = tmp_path_factory.mktemp("explore")
    tiles = folder / "tiles"
    shutil.copytree(photos, tiles)
    if (first := tiles / "more" / "photo01.jpg").exists():
        first.rename(tiles / "more" / "it's 100 % mine.jpg")
    if os.name == "posix":  # not a valid file name on Windows
        (tiles / "photo06.jpg").rename(tiles / f"{HOSTILE.replace('/', '|')}.jpg")
    with (folder / "captions.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows([
            ["Photo", "Caption"], ["photo00.jpg", HOSTILE], ["photo02", HEBREW], ["photo03.jpg", ""], ["gone.jpg", "x"],
        ])  # fmt: skip
    match = MatchSettings(tiles=(str(tiles),), columns=COLUMNS, max_uses=0, save_map=folder / "it.mosaic")
    settings = ExploreSettings(
        title="Anna & Ben <3", names=True, captions=folder / "captions.csv", originals="folder", page_size=2
    )
    (folder / "site").mkdir()
    explore(cover, folder / "site" / "index.html", settings, match=match, command=command)
    return folder


@pytest.fixture(scope="module")
def mosaic(folder: Path) -> Iterator[OpenMosaic]:
    with open_mosaic(folder / "it.mosaic", MatchSettings(), Silent()) as opened:
        yield opened


def opened(browser: Driver, address: str, width: int = 1000, height: int = 700) -> Driver:
    """Open a page in a window of a size, and wait until all its photos are decoded."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get("about:blank")  # otherwise, an address that differs only after # is not loaded anew
    browser.get_log("browser")
    browser.get(address)
    wait_until(lambda: browser.execute_script("return document.documentElement.dataset.loaded"), 60)
    return browser


@pytest.fixture
def page(browser: Driver, folder: Path) -> Iterator[Driver]:
    yield opened(browser, (folder / "site" / "index.html").as_uri())
    assert logged(browser) == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def view(page: Driver) -> tuple[float, float, float]:
    x, y, scale = page.execute_script("const { x, y, scale } = explore.view; return [x, y, scale]")
    return x, y, scale


def settled(page: Driver) -> tuple[float, float, float]:
    """Wait until the view no longer changes, and return it."""
    before = view(page)
    while True:
        time.sleep(0.15)
        if (now := view(page)) == before:
            return now
        before = now


def text(page: Driver, selector: str) -> str:
    return page.find_element(By.CSS_SELECTOR, selector).text


FULL_TONE = (1e9, 2e9)


def captured(
    page: Driver, x: float, y: float, scale: float, size: tuple[int, int], tone: tuple[float, float] | None = FULL_TONE
) -> np.ndarray[Any, Any]:
    """Return what the page draws with a point in the middle, (H, W, 3); with its own tone if `tone` is None."""
    address = page.execute_script(
        """const [x, y, scale, size, tone] = arguments, { drawing } = explore, canvas = document.getElementById("view");
        Object.assign(canvas, { width: size[0], height: size[1] });
        drawing.draw({ x, y, scale, size }, 1, tone ? { tone } : {});
        return canvas.toDataURL("image/png");""",
        x, y, scale, size, tone,
    )  # fmt: skip
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"))


def difference_from_still(page: Driver, mosaic: OpenMosaic, side: int) -> float:
    """Return the mean colour difference between the page's drawing and a still with tiles of a side."""
    size = mosaic.placement.size
    width, height = (round(units * side) for units in size)
    still = np.concatenate(list(draw_strips(mosaic, (width, height), 256)))
    scale = max(width / size[0], height / size[1])
    shown = captured(page, size[0] / 2, size[1] / 2, scale, (width, height))
    return float(ciede2000(to_lab(still / np.float32(255)), to_lab(shown / np.float32(255))).mean())


# -- Drawing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        {}, {"tile_shape": "hexagon"}, {"tile_shape": "hexagon", "gap": 0.1, "border": 0.08},
        {"tile_shape": "circle", "gap": 0.05}, {"tile_shape": "2:3", "corner_radius": 0.2, "border": 0.06, "gap": 0.08},
        {"tile_shape": "mixed"},
        {"adaptive": True},
        {"cover": "text:ANNA"},  # with cells that its mask leaves out
    ],
    ids=str,
)  # fmt: skip
def test_tiles_are_drawn_as_in_a_still(
    browser: Driver, tmp_path: Path, cover: Path, photos: Path, shape: dict[str, Any]
) -> None:
    settings = {"columns": 12, **shape}
    shown = cover_name(settings.pop("cover", cover))
    match = MatchSettings(tiles=(str(photos),), save_map=tmp_path / "it.mosaic", **settings)
    explore(shown, tmp_path / "it.html", match=match)
    page = opened(browser, (tmp_path / "it.html").as_uri())
    with open_mosaic(tmp_path / "it.mosaic", MatchSettings(), Silent()) as mosaic:
        assert difference_from_still(page, mosaic, 16) < 1.2  # compressed photos without detail differ by less
        assert difference_from_still(page, mosaic, 40) < 1.2
    assert logged(browser) == []


def test_a_canvas_without_webgl_shows_nearly_the_same(browser: Driver, folder: Path, mosaic: OpenMosaic) -> None:
    page = opened(browser, (folder / "site" / "index.html").as_uri() + "?flat")
    assert page.execute_script("return explore.drawing.constructor.name") == "FlatDrawing"
    assert difference_from_still(page, mosaic, 24) < 2


@pytest.mark.parametrize(("scale", "most"), [(30.0, 1.2), (100.0, 1.5), (200.0, 2.2)])
def test_the_page_looks_as_a_frame_of_a_video(page: Driver, mosaic: OpenMosaic, scale: float, most: float) -> None:
    """Tone is full, partly faded, and nearly gone."""
    camera, size = Camera((9.3, 6.2), scale), (400, 300)
    with drawing(mosaic, size, OutputSettings()) as (stage, compositor):
        frame = compositor.still(stage.scene(camera, stage.visible_tiles(stage.resting_sprites(), camera)))
    page.execute_async_script(
        "const [x, y, scale, done] = arguments; explore.drawing.loadLarge({ x, y, scale, size: [400, 300] }, 1).then(done)",
        *camera.centre, scale,
    )  # fmt: skip
    shown = captured(page, *camera.centre, scale, size, tone=None)
    away = ciede2000(to_lab(frame[..., :3] / np.float32(255)), to_lab(shown / np.float32(255)))
    assert away.mean() < most  # where photos are enlarged, so is what their compression changes


def test_tone_fades_as_in_a_video(page: Driver, mosaic: OpenMosaic) -> None:
    """A tile as large as the sizes between which tone fades, and one of the mean of both."""
    shades = []
    for side in (48, 144, 240):
        address = page.execute_script(
            """const [scale] = arguments, { drawing, view } = explore, canvas = document.getElementById("view");
            Object.assign(canvas, { width: 240, height: 240 });
            drawing.draw({ x: 3.5, y: 3.5, scale, size: [240, 240] }, 1);
            return canvas.toDataURL("image/png");""",
            side,
        )
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
            half = side // 2 - 2
            shades.append(
                np.asarray(picture.convert("RGB"))[120 - half : 120 + half, 120 - half : 120 + half].mean((0, 1))
            )
    cell = next(n for n, (x, y, _, _) in enumerate(mosaic.placement.cell.tolist()) if (x, y) == (3, 3))
    photo = int(mosaic.placement.photo[cell])
    plain = mosaic.library.tiles_of(np.array([photo]))[0].mean((0, 1))
    toned = plain * mosaic.placement.gain[cell] + 255 * mosaic.placement.offset[cell]
    assert np.abs(shades[0] - toned).max() < 7
    assert np.abs(shades[1] - (shades[0] + shades[2]) / 2).max() < 2
    assert np.abs(shades[2] - plain).max() < 7
    assert np.abs(toned - plain).max() > 15


def test_the_table_of_cells_is_that_of_the_map(mosaic: OpenMosaic) -> None:
    table = np.frombuffer(cell_table(mosaic.placement), CELL)
    assert np.allclose(table["box"], mosaic.placement.cell)
    assert np.allclose(table["gain"], mosaic.placement.gain, atol=2e-3)
    assert (table["shown"] & 0xFFFFFF == mosaic.placement.photo).all()
    assert (table["shown"] >> 24 & 7 == mosaic.placement.symmetry).all()


# -- Movements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_flights_have_the_path_and_the_speed_of_videos(page: Driver, way: float) -> None:
    start, end = Camera((3.0, 9.0), 20.0), Camera((14.0, 2.0), 300.0)
    for straight, camera in (
        (True, straight_flight(start, end, way)), (False, ArchedFlight(start, end, 1000).camera(way)),
    ):  # fmt: skip
        found = page.execute_script(
            "const [from, to, way, straight] = arguments; return explore.flight(from, to, 1000, straight).at(way)",
            *({"x": each.centre[0], "y": each.centre[1], "scale": each.scale} for each in (start, end)), way, straight,
        )  # fmt: skip
        assert [found["x"], found["y"], found["scale"]] == pytest.approx([*camera.centre, camera.scale], rel=1e-6)
    assert page.execute_script("return explore.cruise(arguments[0])", way) == pytest.approx(float(ease(way, "cruise")))


def test_wheel_drag_keys_and_double_click_move_the_view(page: Driver) -> None:
    canvas = page.find_element(By.ID, "view")
    whole = view(page)
    ActionChains(page).scroll_from_origin(
        webdriver.common.actions.wheel_input.ScrollOrigin.from_element(canvas, 100, 50), 0, -800
    ).perform()
    x, y, scale = view(page)
    assert scale == pytest.approx(whole[2] * np.exp(1.6))
    assert (x, y) == pytest.approx(
        (whole[0] + 100 / whole[2] - 100 / scale, whole[1] + 50 / whole[2] - 50 / scale), abs=0.1
    )
    ActionChains(page).move_to_element(canvas).click_and_hold().move_by_offset(-60, 30).release().perform()
    assert view(page)[:2] == pytest.approx((x + 60 / scale, y - 30 / scale), abs=0.05)
    canvas.send_keys(Keys.ARROW_LEFT)
    assert view(page)[0] < x + 60 / scale
    canvas.send_keys("+")
    assert view(page)[2] == pytest.approx(scale * 1.4)
    canvas.send_keys(Keys.HOME)
    assert settled(page) == pytest.approx(whole)
    ActionChains(page).move_to_element_with_offset(canvas, 80, 40).double_click().perform()
    assert settled(page)[2] > 3 * whole[2]
    assert page.find_element(By.ID, "panel").is_displayed() is False  # a double click opens nothing
    assert page.find_element(By.ID, "map").is_displayed()


def test_two_fingers_zoom_so_that_the_points_below_them_stay(page: Driver) -> None:
    def touch(kind: str, *points: tuple[int, int]) -> None:
        page.execute_cdp_cmd(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]},
        )

    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    settled(page)  # buttons are larger for fingers
    at = "return explore.view.at(arguments[0], arguments[1] - document.getElementById('view').getBoundingClientRect().top)"
    before = view(page)[2], page.execute_script(at, 400, 350), page.execute_script(at, 600, 350)
    touch("touchStart", (400, 350), (600, 350))
    for step in range(1, 6):
        touch("touchMove", (400 - 30 * step, 350), (600 + 30 * step, 350))
    touch("touchEnd")
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert view(page)[2] == pytest.approx(before[0] * 500 / 200)
    assert page.execute_script(at, 250, 350) == pytest.approx(before[1], abs=0.05)
    assert page.execute_script(at, 750, 350) == pytest.approx(before[2], abs=0.05)


def test_the_small_map_moves_the_view(page: Driver) -> None:
    page.find_element(By.CSS_SELECTOR, "[data-zoom]").click()
    settled(page)
    page.find_element(By.CSS_SELECTOR, "[data-zoom]").click()
    _, _, scale = settled(page)
    ActionChains(page).move_to_element_with_offset(page.find_element(By.ID, "map"), 30, 15).click().perform()
    x, y, same = view(page)
    assert same == scale
    assert (x, y) == pytest.approx((COLUMNS * (0.5 + 30 / 150), 13.3 * 0.5 + 15 * COLUMNS / 150), abs=0.6)


def test_a_slow_browser_draws_less_while_the_view_moves_and_all_when_it_rests(page: Driver) -> None:
    page.execute_script(
        """const { drawing } = explore, draw = drawing.draw;
        globalThis.drawn = [];
        drawing.draw = (view, ratio, how) => {
          drawn.push([ratio, how.isFast]);
          for (const end = performance.now() + 40; performance.now() < end;);
          draw.call(drawing, view, ratio, how);
        };
        explore.fly(explore.view.of(50), 1.5);"""
    )
    settled(page)
    wait_until(lambda: not page.execute_script("return drawn.at(-1)[1]"), 10)
    drawn = page.execute_script("return drawn")
    assert min(ratio for ratio, _ in drawn) < 0.8
    assert drawn[-1] == [1, False]


# -- Photos --------------------------------------------------------------------------------------------------------


def click_cell(page: Driver, mosaic: OpenMosaic, cell: int) -> None:
    x, y, width, height = mosaic.placement.cell[cell].tolist()
    centre_x, centre_y, scale = view(page)
    canvas = page.find_element(By.ID, "view")
    across, along = round((x + width / 2 - centre_x) * scale), round((y + height / 2 - centre_y) * scale)
    ActionChains(page).move_to_element_with_offset(canvas, across, along).click().perform()
    wait_until(lambda: page.find_element(By.ID, "photo").is_displayed(), 10)


def test_a_click_opens_a_photo_and_its_other_places_light_up(page: Driver, mosaic: OpenMosaic) -> None:
    uses = mosaic.placement.uses()
    photo = int(np.argmax(uses))
    cell = int(np.flatnonzero(mosaic.placement.photo == photo)[1])
    click_cell(page, mosaic, cell)
    assert page.execute_script("return location.hash") == f"#photo={photo + 1}"
    assert text(page, "#uses") == f"In the mosaic {uses[photo]} times; this is place 2 of {uses[photo]}."
    assert page.execute_script("return explore.drawing.lit") == photo
    picture = page.find_element(By.ID, "picture")
    wait_until(lambda: "photos/" in (picture.get_attribute("src") or ""), 10)  # the full one, beside the page
    assert (
        page.execute_script("return arguments[0].naturalWidth", picture) == mosaic.placement.photos[photo].own_size[0]
    )
    page.back()
    wait_until(lambda: not page.find_element(By.ID, "panel").is_displayed(), 10)
    assert page.execute_script("return explore.drawing.lit") == -1


def test_lit_places_stay_bright_while_all_else_is_dimmed(page: Driver, mosaic: OpenMosaic) -> None:
    width, height = (round(side * 30) for side in mosaic.placement.size)
    centre = [side / 2 for side in mosaic.placement.size]
    before = captured(page, *centre, 30, (width, height)).astype(float)
    photo = int(mosaic.placement.photo[0])
    page.execute_script("Object.assign(explore.drawing, { lit: arguments[0], dim: 1 })", photo)
    after = captured(page, *centre, 30, (width, height)).astype(float)
    for cell, (x, y, _, _) in enumerate(mosaic.placement.cell.tolist()):
        inside = np.s_[round(30 * y) + 5 : round(30 * y) + 25, round(30 * x) + 5 : round(30 * x) + 25]
        share = after[inside].mean() / before[inside].mean()
        assert share == pytest.approx(1.0 if mosaic.placement.photo[cell] == photo else 0.38, abs=0.06)


def test_a_shared_address_opens_its_photo(browser: Driver, folder: Path, mosaic: OpenMosaic) -> None:
    page = opened(browser, (folder / "site" / "index.html").as_uri() + "#photo=3")
    assert text(page, "#photo-title") == mosaic.placement.photos[2].path.name or text(page, "#photo-title") in (
        HEBREW,
        HOSTILE,
    )
    settled(page)
    cell = int(np.flatnonzero(mosaic.placement.photo == 2)[0])
    x, y, width, height = mosaic.placement.cell[cell].tolist()
    left, top = page.execute_script("return explore.view.at(0, 0)")
    right, bottom = page.execute_script("return explore.view.at(...explore.view.size)")
    assert left <= x < x + width <= right
    assert top <= y < y + height <= bottom
    page.find_element(By.ID, "next").click()
    wait_until(lambda: page.execute_script("return location.hash") == "#photo=4", 10)
    page.find_element(By.ID, "close").click()
    wait_until(lambda: not page.find_element(By.ID, "panel").is_displayed(), 10)


def names_found(page: Driver) -> list[str]:
    return [each.text for each in page.find_elements(By.CSS_SELECTOR, "#results li")]


def test_photos_are_found_by_name_caption_and_use(page: Driver, mosaic: OpenMosaic) -> None:
    page.find_element(By.ID, "find").click()
    field = page.find_element(By.ID, "text")
    every = len(names_found(page))
    field.send_keys("MINE 100")
    assert names_found(page) == ["it's 100 % mine.jpg"]
    field.clear()
    field.send_keys("חתונה")
    (found,) = page.find_elements(By.CSS_SELECTOR, "#results li span")
    assert found.text == HEBREW
    assert page.execute_script("return getComputedStyle(arguments[0]).direction", found) == "rtl"
    field.clear()
    field.send_keys("onerror")
    expected = {HOSTILE, *([f"{HOSTILE.replace('/', '|')}.jpg"] if os.name == "posix" else [])}
    assert set(names_found(page)) == expected  # a caption and a name, as text: nothing is run
    for button in page.find_elements(By.CSS_SELECTOR, "#results button"):
        button.click()
        wait_until(lambda: page.find_element(By.ID, "photo").is_displayed(), 10)
        assert text(page, "#photo-title") in expected
        page.find_element(By.ID, "close").click()
        wait_until(lambda: page.find_element(By.ID, "results").is_displayed(), 10)
    assert page.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    field.clear()
    field.send_keys(Keys.SPACE)
    page.find_element(By.ID, "unused").click()
    assert len(names_found(page)) == every - len(mosaic.placement.photos)


def test_photos_are_found_by_colour(page: Driver, mosaic: OpenMosaic) -> None:
    page.find_element(By.ID, "find").click()
    page.execute_script(
        """const field = document.getElementById("colour");
        field.value = "#2040c0";
        field.dispatchEvent(new Event("input"));"""
    )
    numbers = page.execute_script("return explore.panel.found.filter((number) => number < explore.mosaic.used)")
    means = mosaic.library.means[numbers]
    away = np.linalg.norm(to_lab(means[np.newaxis])[0] - to_lab(np.array([[[0x20, 0x40, 0xC0]]]) / 255)[0], axis=1)
    assert away[:5].mean() < away.mean() - 5
    page.find_element(By.ID, "any").click()
    assert page.execute_script("return explore.panel.found[0]") == 0


@pytest.fixture(scope="module")
def distinct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """it.html with 24 photos of which none has a part of another, and the photos in `tiles`."""
    folder = tmp_path_factory.mktemp("distinct")
    (folder / "tiles").mkdir()
    for which, path in enumerate(sample_pictures()[:2]):
        with Image.open(path) as picture:
            for number in range(12):
                left, top = 160 * (number % 4), 142 * (number // 4)
                picture.crop((left, top, left + 160, top + 142)).save(folder / "tiles" / f"{which}-{number:02d}.png")
    match = MatchSettings(tiles=(str(folder / "tiles"),), columns=12)
    explore(sample_pictures()[0], folder / "it.html", ExploreSettings(names=True), match=match)
    return folder


@pytest.mark.parametrize("name", ["0-01.png", "0-07.png", "1-04.png"])
@pytest.mark.parametrize("crop", [(0.0, 0.0, 1.0, 1.0), (0.12, 0.05, 0.8, 0.85), (0.3, 0.3, 0.65, 0.6)], ids=str)
def test_a_cropped_and_resized_copy_is_found(
    browser: Driver, distinct: Path, tmp_path: Path, name: str, crop: tuple[float, float, float, float]
) -> None:
    page = opened(browser, (distinct / "it.html").as_uri())
    with Image.open(distinct / "tiles" / name) as picture:
        left, top, across, along = (share * side for share, side in zip(crop, [*picture.size] * 2, strict=True))
        copy = picture.crop((round(left), round(top), round(left + across), round(top + along)))
        copy = copy.resize((max(round(copy.width * 0.7), 1), max(round(copy.height * 0.7), 1)))
        copy.save(tmp_path / "copy.jpg", quality=80)
    encoded = base64.b64encode((tmp_path / "copy.jpg").read_bytes()).decode()
    page.execute_script(
        """const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "copy.jpg", { type: "image/jpeg" }));
        dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));""",
        encoded,
    )
    wait_until(lambda: page.execute_script("return explore.panel.open") is not None, 20)
    assert text(page, "#photo-title") == name
    page.back()  # to what was found
    wait_until(lambda: text(page, "#found") == "Found; similar photos follow.", 10)


def test_a_picture_of_something_else_is_not_taken_for_a_photo(page: Driver, tmp_path: Path) -> None:
    squares = np.indices((200, 200)).sum(axis=0) // 25 % 2 * 255
    Image.fromarray(np.stack([squares.astype(np.uint8)] * 3, axis=-1)).save(tmp_path / "other.png")
    page.find_element(By.ID, "find").click()
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "other.png"))
    wait_until(lambda: text(page, "#found").startswith("No photo is a copy of it"), 20)
    (tmp_path / "none.png").write_bytes(b"no picture")
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "none.png"))
    wait_until(lambda: text(page, "#found").startswith("This browser can't read none.png"), 20)


def test_commands_can_be_copied(page: Driver, mosaic: OpenMosaic) -> None:
    number = next(n for n, each in enumerate(mosaic.placement.photos) if each.path.name.startswith("it's"))
    page.execute_script("location.hash = `photo=${arguments[0] + 1}`", number)
    wait_until(lambda: page.find_element(By.ID, "photo").is_displayed(), 10)
    page.find_element(By.CSS_SELECTOR, "#change summary").click()
    assert text(page, "#ban") == "render edit it.mosaic --ban 'it'\\''s 100 % mine.jpg'"
    x, y = mosaic.placement.grid.cells[np.flatnonzero(mosaic.placement.photo == number)[0], :2].astype(int)
    assert text(page, "#swap") == f"render edit it.mosaic --swap {x},{y}=PHOTO"


# -- The page as a whole -------------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_in_the_page(folder: Path, cover: Path, tmp_path: Path) -> None:
    progress = Notices()
    path = tmp_path / "it.html"
    explore(cover, path, match=MatchSettings(tiles=(str(folder / "tiles"),), columns=12), progress=progress)
    content = path.read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', content)[1])  # type: ignore[index]
    assert (data["names"], data["dates"], data["captions"], data["commands"]) == ([], [], [], {})
    assert "photo0" not in content
    assert cover.name not in content
    assert "<title>A mosaic of " in content
    assert str(tmp_path) not in content
    assert "whoever receives it can save them" in progress.notices[-1]
    pictures = base64.b64decode(re.search(r'id="pictures">(.*?)</script>', content)[1])  # type: ignore[index]
    assert b"EXIF" not in pictures


def test_full_photos_lose_their_metadata_but_not_their_orientation(tmp_path: Path, cover: Path) -> None:
    (tmp_path / "tiles").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "a secret"
    exif.get_ifd(0x8825)[1] = "N"
    with Image.open(cover) as picture:
        for number in range(4):
            picture.crop((90 * number, 0, 90 * number + 300, 200)).save(tmp_path / "tiles" / f"{number}.jpg", exif=exif)
    settings = ExploreSettings(originals="folder", names=True)
    made = explore(
        cover, tmp_path / "it.html", settings, match=MatchSettings(tiles=(str(tmp_path / "tiles"),), columns=6)
    )
    assert made.photos == tmp_path / "it-photos"
    for path in sorted(made.photos.iterdir()):
        with Image.open(path) as picture:
            assert picture.size == (200, 300)
            assert not picture.getexif()
        assert b"secret" not in path.read_bytes()
    assert "a secret" not in (tmp_path / "it.html").read_text("utf-8")


def test_captions_of_unknown_photos_are_told(folder: Path, cover: Path, tmp_path: Path) -> None:
    progress = Notices()
    settings = ExploreSettings(captions=folder / "captions.csv")
    match = MatchSettings(tiles=(str(folder / "tiles"),), columns=12)
    explore(cover, tmp_path / "it.html", settings, match=match, progress=progress)
    assert "captions.csv has 1 caption of photos that the page does not show: gone.jpg" in progress.notices


@pytest.mark.parametrize(
    ("content", "captions"),
    [
        ("a.jpg,One\nb.jpg,Two\n", {"a.jpg": "One", "b.jpg": "Two"}),
        ("file;caption\nA.JPG;Eins, zwei\n", {"a.jpg": "Eins, zwei"}),
        ("dir/a.jpg\t One \n\n", {"dir/a.jpg": "One"}),
        ("l0.jpg;Anna, Ben, and Carl\n", {"l0.jpg": "Anna, Ben, and Carl"}),
        ('a.jpg,"Two\nlines"\n', {"a.jpg": "Two\nlines"}),
    ],
)
def test_captions_are_read_with_any_separator(tmp_path: Path, content: str, captions: dict[str, str]) -> None:
    (tmp_path / "c.csv").write_text(content, "utf-8")
    assert read_captions(tmp_path / "c.csv") == captions


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a.jpg\n", "line 1 is not the name of a photo and its caption"),
        (b"a.jpg,One\n,Two\n", "line 2 is not the name of a photo and its caption"),
        (b'a.jpg,"One\n', "is not CSV"),
        (b"a.jpg,Anna, Ben and Carl\n", "line 1 has 3 columns instead of 2"),
        (b"a.jpg,One\nA.JPG,Two\n", "line 2 has A.JPG for the second time"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_wrong_caption_file_is_refused_with_its_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_captions(tmp_path / "c.csv")


def test_pictures_fill_the_budget(mosaic: OpenMosaic) -> None:
    sides = []
    for budget in (60_000, 150_000, 10_000_000):
        pictures = encode_photos(mosaic.library, budget, Silent())
        assert len(pictures.data) <= budget
        assert len(pictures.sizes) == len(mosaic.library.photos)
        sides.append(np.mean([min(size) for size in pictures.sizes]))
    assert sides[0] < sides[1] < sides[2]
    assert sides[2] == np.mean([min(photo.own_size) for photo in mosaic.placement.photos])  # not enlarged


def test_the_page_prints_to_one_sheet_with_the_mosaic(page: Driver) -> None:
    page.find_element(By.ID, "find").click()
    printed = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.find_element(By.ID, "first").is_displayed()
    assert not page.find_element(By.ID, "panel").is_displayed()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
@pytest.mark.parametrize("source", ["file", "server"])
def test_nothing_is_requested_and_no_error_logged(
    browser: Driver, folder: Path, source: str, width: int, height: int
) -> None:
    site = folder / "site"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}/" if source == "server" else f"{site.as_uri()}/index.html"
        browser.get_log("performance")
        page = opened(browser, base, width, height)
        page.execute_script("location.hash = 'photo=2'")
        wait_until(lambda: page.execute_script("return document.getElementById('picture').naturalWidth"), 10)
        settled(page)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        events = [json.loads(line["message"])["message"] for line in page.get_log("performance")]
        asked = {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and not event["params"]["request"]["url"].startswith(("data:", "blob:", "about:"))
        }
        photo = base.rpartition("/")[0] + "/photos/1.jpg"
        assert {each.partition("#")[0] for each in asked} == {base, photo}  # the page, and what it has beside it
        assert logged(page) == []
    finally:
        server.shutdown()
        server.server_close()
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and prints nothing."""

    def log_message(self, *_arguments: object) -> None:
        pass


def test_the_intro_flies_into_the_best_photo_and_back(browser: Driver, folder: Path, tmp_path: Path) -> None:
    explore(folder / "it.mosaic", tmp_path / "it.html", ExploreSettings(intro="zoom"))
    page = opened(browser, (tmp_path / "it.html").as_uri())
    whole = page.execute_script("return explore.view.whole")
    wait_until(lambda: view(page)[2] > 3 * whole, 15)
    wait_until(lambda: view(page)[2] == pytest.approx(whole), 20)
    page = opened(browser, (tmp_path / "it.html").as_uri())
    page.find_element(By.ID, "view").send_keys("+")  # who does something else is not moved away
    before = settled(page)
    time.sleep(1)
    assert view(page) == before


def test_a_map_without_its_photos_is_explored_by_thumbnails(
    browser: Driver, tmp_path: Path, cover: Path, photos: Path
) -> None:
    shutil.copytree(photos, tmp_path / "tiles")
    shutil.copy(cover, tmp_path / "cover.jpg")
    match = MatchSettings(tiles=(str(tmp_path / "tiles"),), columns=12, save_map=tmp_path / "it.mosaic")
    explore(tmp_path / "cover.jpg", tmp_path / "first.html", match=match)
    shutil.rmtree(tmp_path / "tiles")
    explore(tmp_path / "it.mosaic", tmp_path / "it.html", ExploreSettings(originals="folder"))
    page = opened(browser, (tmp_path / "it.html").as_uri())
    assert page.execute_script("return explore.mosaic.used") == len(load_map(tmp_path / "it.mosaic").photos)
    assert len(list((tmp_path / "it-photos").iterdir())) == page.execute_script("return explore.mosaic.photos.length")
    assert logged(page) == []


def test_a_page_that_exists_is_kept(folder: Path, cover: Path) -> None:
    page, before = folder / "site" / "index.html", (folder / "site" / "index.html").read_bytes()
    with pytest.raises(InputError, match="exists"):
        explore(cover, page, match=MatchSettings(tiles=(str(folder / "tiles"),), columns=8))
    assert page.read_bytes() == before


def test_the_output_is_a_page_or_a_folder(tmp_path: Path) -> None:
    assert page_path(Path("site")) == Path("site/index.html")
    assert page_path(Path("it.HTML")) == Path("it.HTML")
    (tmp_path / "my.site").mkdir()
    assert page_path(tmp_path / "my.site") == tmp_path / "my.site" / "index.html"
    with pytest.raises(InputError, match=r"must end in \.html"):
        page_path(Path("it.jpg"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_all_parts_keep_the_rules_of_axe(browser: Driver, folder: Path, width: int, height: int, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page = opened(browser, (folder / "site" / "index.html").as_uri(), width, height)
    page.execute_script(AXE.read_text("utf-8"))
    try:
        for step in ("document.body", "document.getElementById('find').click()", "location.hash = 'photo=2'"):
            page.execute_script(step)
            settled(page)
            page.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
            result = page.execute_async_script(RUN_AXE)
            assert [(each["id"], each["nodes"][0]["html"][:100]) for each in result["violations"]] == [], step
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_is_reached_by_keys(page: Driver, mosaic: OpenMosaic) -> None:
    canvas = page.find_element(By.ID, "view")
    canvas.send_keys("+" * 6)
    canvas.send_keys(Keys.ENTER)  # the photo in the middle
    wait_until(lambda: page.find_element(By.ID, "photo").is_displayed(), 10)
    first = page.execute_script("return explore.panel.open")
    x, y, _ = view(page)
    assert (
        page.execute_script("return explore.mosaic.cells.photo[explore.mosaic.cells.at(...arguments)]", x, y) == first
    )
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    wait_until(lambda: page.execute_script("return explore.panel.open") == (first + 1) % len(mosaic.offered.photos), 10)
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    wait_until(lambda: not page.find_element(By.ID, "panel").is_displayed(), 10)
    assert page.execute_script("return document.activeElement.id") == "view"


def test_the_command_tells_what_it_wrote(
    render: Callable[..., tuple[int, str, str]], cover: Path, photos: Path, tmp_path: Path
) -> None:
    options = ("--tiles", photos, "--columns", "10", "--deep-zoom", tmp_path / "deep", "--tile-pixels", "30", "--json")
    code, out, _ = render("explore", cover, *options)
    assert code == 0
    told = json.loads(out)
    documented = (Path(__file__).parent.parent / "docs" / "output.md").read_text("utf-8")
    keys = re.findall(r"`(\w+)`", documented.partition("`render explore`:")[2].partition("`render explain`")[0])
    assert set(told) == set(keys)
    assert told["output"] is None  # without -o, no page
    assert told["width"] == 300
    assert Path(told["deep_zoom"]).read_text("utf-8").startswith("<?xml")
    assert not list(tmp_path.glob("*.html"))
    code, out, err = render("explore", cover, *options[:4], "-o", tmp_path / "it.html")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'it.html'}: ")
    assert "whoever receives it can save them" in err


def test_options_of_a_deep_zoom_image_need_one(render: Callable[..., tuple[int, str, str]], cover: Path) -> None:
    code, _, err = render("explore", cover, "--tile-pixels", "30")
    assert code == 2
    assert "--tile-pixels is the size of --deep-zoom: use both or neither" in err


def test_captions_with_folders_tell_photos_of_the_same_name_apart() -> None:
    files = [Path("/home/me/a/IMG_1.jpg"), Path("/home/me/b/IMG_1.jpg"), Path("/home/me/b/IMG_2.jpg")]
    captions = {"a/img_1": "Anna", "b/img_1.jpg": "Ben", "img_2": "Carl", "b": "x"}
    progress = Notices()
    assert captions_of(files, captions, Path("c.csv"), progress) == ["Anna", "Ben", "Carl"]
    assert progress.notices == ["c.csv has 1 caption of photos that the page does not show: b"]


def small_photos(folder: Path, count: int = 6) -> Path:
    """Save photos into `folder`/photos, with the names that a page gives to its own."""
    (folder / "photos").mkdir()
    with Image.open(sample_pictures()[0]) as picture:
        for number in range(count):
            picture.crop((90 * number, 0, 90 * number + 90, 90)).save(folder / "photos" / f"{number}.jpg")
    return folder / "photos"


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_the_folder_of_the_users_photos_is_never_replaced(tmp_path: Path, cover: Path) -> None:
    tiles = small_photos(tmp_path)
    before, match = contents(tiles), MatchSettings(tiles=(str(tiles),), columns=8)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="photos exists"):
            explore(cover, tmp_path / "index.html", ORIGINALS, match=match, overwrite=overwrite)
    assert contents(tiles) == before
    assert not (tmp_path / "index.html").exists()


def test_the_photos_of_an_earlier_page_are_replaced_with_it(
    tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    tiles = small_photos(tmp_path / "in")
    page, match = (
        tmp_path / "index.html",
        MatchSettings(tiles=(str(tiles),), columns=8, save_map=tmp_path / "it.mosaic"),
    )
    explore(cover, page, ORIGINALS, match=match)
    assert len(contents(tmp_path / "photos")) == 6
    before = {**contents(tmp_path / "photos"), "page": page.read_bytes()}
    for number in range(3):
        (tiles / f"{number}.jpg").unlink()
    match = MatchSettings(tiles=(str(tiles),), columns=8)
    with monkeypatch.context() as patch:  # the last step fails
        patch.setattr(Path, "write_text", raising(OSError(28, "No space left on device")))
        with pytest.raises(RenderError, match="the disk is full"):
            explore(cover, page, ORIGINALS, match=match, overwrite=True)
    assert {**contents(tmp_path / "photos"), "page": page.read_bytes()} == before
    explore(cover, page, ORIGINALS, match=match, overwrite=True)
    assert sorted(contents(tmp_path / "photos")) == ["0.jpg", "1.jpg", "2.jpg"]
    (tmp_path / "photos" / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="other files than the photos of a page"):
        explore(cover, page, ORIGINALS, match=match, overwrite=True)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_values: object, **_named: object) -> None:
        raise error

    return fail


ORIGINALS = ExploreSettings(originals="folder")


def test_long_panoramas_are_limited_to_what_webp_can_store(tmp_path: Path) -> None:
    (tmp_path / "tiles").mkdir()
    Image.new("RGB", (20_000, 400), (200, 90, 20)).save(tmp_path / "tiles" / "wide.png")
    with open_mosaic(
        sample_pictures()[0], MatchSettings(tiles=(str(tmp_path / "tiles"),), columns=4), Silent()
    ) as mosaic:
        (size,) = encode_photos(mosaic.library, 10_000_000, Silent()).sizes
    assert size == (16_383, 328)


def test_pieces_of_the_cover_have_no_unused_ones(tmp_path: Path, cover: Path) -> None:
    explore(cover, tmp_path / "it.html", match=MatchSettings(tiles=("pieces",), columns=8))
    data = json.loads(re.search(r'id="data">(.*?)</script>', (tmp_path / "it.html").read_text("utf-8"))[1])  # type: ignore[index]
    assert data["used"] == len(data["photos"])


def test_a_damaged_picture_has_the_colours_of_its_cells(
    browser: Driver, folder: Path, mosaic: OpenMosaic, tmp_path: Path
) -> None:
    explore(folder / "it.mosaic", tmp_path / "it.html")
    content = (tmp_path / "it.html").read_text("utf-8")
    start = content.index('id="pictures">') + len('id="pictures">')
    (tmp_path / "it.html").write_text(content[:start] + "A" * 1000 + content[start + 1000 :], "utf-8")
    page = opened(browser, (tmp_path / "it.html").as_uri())
    assert page.execute_script("return explore.photos.small[0] === undefined && explore.photos.small[30] !== undefined")
    x, y = mosaic.placement.cell[mosaic.placement.photo == 0][0, :2] + 0.5
    shown = captured(page, x, y, 40, (36, 36)).mean((0, 1))
    cell = np.flatnonzero(mosaic.placement.photo == 0)[0]
    grey = 128 * mosaic.placement.gain[cell] + 255 * mosaic.placement.offset[cell]
    assert np.abs(shown - grey).max() < 2
    page.execute_script("location.hash = 'photo=1'")
    page.find_element(By.ID, "next").click()
    wait_until(lambda: page.execute_script("return explore.panel.open") == 1, 10)


def test_one_step_back_closes_whatever_was_clicked_before(page: Driver, mosaic: OpenMosaic) -> None:
    for cell in (0, 45, 90):
        page.execute_script("explore.view.show(explore.view.wholeView)")
        click_cell(page, mosaic, cell)
        number = int(mosaic.placement.photo[cell])
        wait_until(lambda number=number: page.execute_script("return explore.panel.open") == number, 10)
        settled(page)
    page.find_element(By.ID, "close").click()
    wait_until(lambda: not page.find_element(By.ID, "panel").is_displayed(), 10)
    assert page.execute_script("return location.hash") == ""


def test_a_click_that_becomes_a_movement_opens_nothing(page: Driver) -> None:
    canvas = page.find_element(By.ID, "view")
    ActionChains(page).move_to_element(canvas).click().click_and_hold().move_by_offset(40, 0).release().perform()
    time.sleep(0.5)
    assert not page.find_element(By.ID, "panel").is_displayed()


def test_options_of_the_page_need_one(tmp_path: Path, cover: Path) -> None:
    settings = ExploreSettings(deep_zoom=tmp_path / "deep", names=True)
    with pytest.raises(InputError, match="names= is for the page, which is not made"):
        explore(cover, None, settings)


def test_a_lit_photo_is_neither_mirrored_nor_turned(page: Driver, mosaic: OpenMosaic) -> None:
    symmetry = mosaic.placement.symmetry
    for bits, undone in ((1, np.s_[:, ::-1]), (2, np.s_[::-1]), (4, None)):
        cells = np.flatnonzero(symmetry == bits)
        if not len(cells):
            continue
        cell = int(cells[0])
        x, y = (mosaic.placement.cell[cell, :2] + 0.5).tolist()
        before = captured(page, x, y, 40, (36, 36)).astype(float)
        page.execute_script(
            "Object.assign(explore.drawing, { lit: arguments[0], dim: 1 })", int(mosaic.placement.photo[cell])
        )
        after = captured(page, x, y, 40, (36, 36)).astype(float)
        page.execute_script("explore.drawing.lit = -1")
        expected = before.swapaxes(0, 1) if undone is None else before[undone]
        assert np.abs(after - expected).mean() < 3
    assert (symmetry > 0).any()


def test_a_photo_lights_up_gradually(page: Driver) -> None:
    page.execute_script("location.hash = 'photo=2'")
    wait_until(lambda: page.execute_script("return explore.drawing.lit") == 1, 10)
    wait_until(lambda: page.execute_script("return explore.drawing.dim") == 1, 10)
    page.execute_script("history.back()")
    wait_until(lambda: page.execute_script("return explore.drawing.lit") == -1, 10)


def test_a_swipe_shows_the_next_photo_also_alone(page: Driver) -> None:
    page.execute_script("location.hash = 'photo=2'")
    picture = page.find_element(By.ID, "picture")
    wait_until(lambda: picture.is_displayed(), 10)
    ActionChains(page).move_to_element(picture).click_and_hold().move_by_offset(-120, 0).release().perform()
    wait_until(lambda: page.execute_script("return explore.panel.open") == 2, 10)
    picture.click()
    alone = page.find_element(By.CSS_SELECTOR, "#alone img")
    wait_until(lambda: alone.is_displayed(), 10)
    ActionChains(page).move_to_element(alone).click_and_hold().move_by_offset(120, 0).release().perform()
    wait_until(lambda: page.execute_script("return explore.panel.open") == 1, 10)
    assert alone.is_displayed()
    assert alone.get_attribute("alt") == text(page, "#photo-title")
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    wait_until(lambda: page.execute_script("return explore.panel.open") == 2, 10)
    alone.click()
    wait_until(lambda: not alone.is_displayed(), 10)
