"""The report, as a browser shows it."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from renderer.job import MatchSettings, render_mosaic
from renderer.placement import PlacementMap, load_map

COLUMNS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cover: Path, photos: Path) -> Path:
    """it.html and it.mosaic: china.jpg with a magenta corner, which no photo has, of photos with names of all kinds."""
    folder = tmp_path_factory.mktemp("report")
    tiles = folder / "tiles"
    shutil.copytree(photos, tiles)
    (tiles / "photo00.jpg").rename(tiles / "it's 100 % mine.jpg")
    (tiles / "broken.jpg").write_bytes(b"no picture")
    if os.name == "posix":  # elsewhere no file can be named so
        (tiles / "photo03.jpg").rename(tiles / "<img src=x onerror=alert(1)>.jpg")
    with Image.open(cover) as picture:
        picture.paste((255, 0, 255), (0, 0, 150, 110))
        picture.save(folder / "china.png")
    settings = MatchSettings(tiles=(str(tiles),), columns=COLUMNS, max_uses=0, save_map=folder / "it.mosaic")
    render_mosaic(folder / "china.png", folder / "it.png", match=settings, report=folder / "it.html")
    return folder


def opened(browser: webdriver.Chrome, path: Path) -> webdriver.Chrome:
    browser.set_window_size(1280, 1400)  # the whole mosaic is in view: places are counted from what is seen of it
    browser.get(path.as_uri())
    return browser


@pytest.fixture
def page(browser: webdriver.Chrome, folder: Path) -> webdriver.Chrome:
    return opened(browser, folder / "it.html")


@pytest.fixture(scope="module")
def placement(folder: Path) -> PlacementMap:
    return load_map(folder / "it.mosaic")


def point(page: webdriver.Chrome, column: float, row: float, rows: int) -> ActionChains:
    """The mouse on its way to a place of the mosaic, in cells."""
    cells = page.find_element(By.ID, "cells")
    x, y = column / COLUMNS - 0.5, row / rows - 0.5
    return ActionChains(page).move_to_element_with_offset(
        cells, round(x * cells.size["width"]), round(y * cells.size["height"])
    )


def text(page: webdriver.Chrome, found: str) -> str:
    return page.find_element(By.CSS_SELECTOR, found).text


def section(page: webdriver.Chrome, heading: str) -> list[WebElement]:
    """What follows a heading, up to the next one."""
    return page.find_elements(By.XPATH, f"//main/*[preceding-sibling::h2[1][.='{heading}'] and not(self::h2)]")


def test_the_slider_follows_mouse_and_keys(page: webdriver.Chrome) -> None:
    slider, mosaic = page.find_element(By.ID, "slider"), page.find_element(By.ID, "mosaic")
    left_of_it = "return getComputedStyle(arguments[0]).clipPath"
    assert page.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 50%)"
    ActionChains(page).drag_and_drop_by_offset(slider, mosaic.size["width"] // 4, 0).perform()
    assert slider.get_attribute("value") == "75"
    slider.send_keys(Keys.ARROW_RIGHT)
    assert page.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 76%)"
    slider.send_keys(Keys.HOME)
    assert page.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 0%)"


def test_pointing_at_a_cell_tells_its_photo(page: webdriver.Chrome, placement: PlacementMap) -> None:
    rows = round(placement.size[1])
    number = 11 * COLUMNS + 4
    name = placement.photos[placement.photo[number]].path.name
    point(page, 4.5, 11.5, rows).perform()
    assert text(page, "#tip") == f"4,11 {name}"
    ActionChains(page).click().perform()
    assert text(page, "#chosen").startswith(f"Cell 4,11: {name}, used ")
    assert text(page, "#swap") == "render edit it.mosaic --swap 4,11=PHOTO"
    assert re.fullmatch(r"render edit it.mosaic --ban .+", text(page, "#ban"))
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "dock").is_displayed()


def test_keys_go_from_cell_to_cell(page: webdriver.Chrome, placement: PlacementMap) -> None:
    page.execute_script("arguments[0].focus()", page.find_element(By.ID, "cells"))
    ActionChains(page).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ENTER).perform()
    column, row = COLUMNS // 2 + 1, round(placement.size[1]) // 2 - 1
    assert text(page, "#chosen").startswith(f"Cell {column},{row}: ")
    ActionChains(page).send_keys(Keys.ARROW_LEFT).perform()
    assert text(page, "#swap").endswith(f"--swap {column - 1},{row}=PHOTO")


def test_a_photo_tells_its_cells(page: webdriver.Chrome, placement: PlacementMap) -> None:
    uses = placement.uses()
    most = int(uses.argmax())
    first = page.find_element(By.CSS_SELECTOR, "[data-photo]")
    assert first.text.split("\n") == [f"{uses[most]} times", placement.photos[most].path.name]
    first.send_keys(Keys.ENTER)
    number = int((placement.photo == most).argmax())
    assert text(page, "#cells-said").startswith(f"Cells {number % COLUMNS},{number // COLUMNS} ")
    assert first.get_attribute("aria-pressed") == "true"


def test_a_name_is_only_a_name(page: webdriver.Chrome, folder: Path) -> None:
    shown = {name.get_attribute("textContent") for name in page.find_elements(By.CSS_SELECTOR, ".photos li span")}
    assert shown == {path.name for path in (folder / "tiles").rglob("photo*.jpg")} | {
        path.name for path in (folder / "tiles").glob("[i<]*.jpg")
    }
    assert len(shown) == 60
    source = (folder / "it.html").read_text("utf-8")
    assert "<img src=x" not in source
    assert str(folder) not in source


def test_it_tells_what_the_library_lacks(page: webdriver.Chrome) -> None:
    colour = page.find_element(By.CSS_SELECTOR, "[data-colour]")
    assert re.search(r"pink|violet", colour.text)
    assert "mostly top left" in colour.text
    colour.click()
    assert text(page, "#cells-said").startswith("Cells 0,0 1,0 2,0 3,0 ")
    worst = page.find_elements(By.CSS_SELECTOR, "[data-cell]")
    off = [float(re.search(r"off by ([\d.]+)", cell.text)[1]) for cell in worst]  # type: ignore[index]
    assert off == sorted(off, reverse=True)
    assert off[0] > 3


def test_figures_have_words_and_units(page: webdriver.Chrome, placement: PlacementMap) -> None:
    said = text(page, ".figures")
    for line in (
        f"Cells {len(placement)} ", f"Photos placed {len(placement.photos)} ", "Photos offered 60 ", " ΔE ", " SSIM ",
        "Contrast of the photos ",
    ):  # fmt: skip
        assert line in said
    assert "_" not in said


def test_unused_photos_and_skipped_files_are_counted(page: webdriver.Chrome, placement: PlacementMap) -> None:
    unused, skipped = section(page, "Unused photos")
    assert len(placement.photos) < 60
    assert unused.text.startswith(f"{60 - len(placement.photos)} photo")
    assert skipped.text == "1 file could not be used"
    skipped.click()
    assert "broken.jpg" in skipped.text


def test_the_settings_are_told(page: webdriver.Chrome) -> None:
    settings = section(page, "Settings")[0]
    settings.find_element(By.TAG_NAME, "summary").click()
    assert "--max-uses 0" in settings.text
    assert "--repeat-distance default" in settings.text


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_it_fits_a_screen(browser: webdriver.Chrome, folder: Path, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 740, "deviceScaleFactor": 2, "mobile": width < 500},
    )
    browser.get((folder / "it.html").as_uri())
    for details in browser.find_elements(By.CSS_SELECTOR, "details:not([hidden])"):
        browser.execute_script("arguments[0].open = true", details)
    browser.find_element(By.CSS_SELECTOR, "[data-cell]").send_keys(Keys.ENTER)
    assert browser.find_element(By.ID, "swap").is_displayed()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    for picture in browser.find_elements(By.TAG_NAME, "img"):
        assert browser.execute_script("return arguments[0].complete && arguments[0].naturalWidth", picture) > 30
        assert 0 < picture.size["width"] <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_tall_cover_is_seen_as_a_whole(browser: webdriver.Chrome, tmp_path: Path, cover: Path) -> None:
    with Image.open(cover) as picture:
        picture.crop((200, 0, 400, 400)).save(tmp_path / "tall.png")
    settings = MatchSettings(tiles=("pieces",), columns=10)
    render_mosaic(tmp_path / "tall.png", tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    opened(browser, tmp_path / "it.html")
    seen = "const box = arguments[0].getBoundingClientRect(); return [box.height, innerHeight, box.width]"
    height, room, width = browser.execute_script(seen, browser.find_element(By.CLASS_NAME, "pair"))
    assert 0.8 * room < height < 0.9 * room
    assert width == pytest.approx(height / 2, rel=0.01)
    point(browser, 0, 0, 20).click().perform()
    assert text(browser, "#chosen").startswith("Cell 0,0: tall.png at ")
    assert not browser.find_element(By.ID, "ban").is_displayed()  # a piece of the cover has no name of its own


def test_of_too_many_cells_none_is_pointed_at(
    browser: webdriver.Chrome, tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderer.report.MOST_CELLS", 20)
    settings = MatchSettings(tiles=("pieces",), columns=10)
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    browser.get_log("browser")  # what other pages left
    opened(browser, tmp_path / "it.html")
    buttons = browser.find_elements(By.CSS_SELECTOR, "[data-photo], [data-colour], [data-cell]")
    assert buttons
    for button in buttons:
        assert not button.is_enabled()
        browser.execute_script("arguments[0].dispatchEvent(new MouseEvent('mouseenter'))", button)
    assert browser.get_log("browser") == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are Unicode")
def test_a_name_that_is_not_unicode_is_shown_as_far_as_it_can_be(tmp_path: Path, cover: Path, photos: Path) -> None:
    (tmp_path / "tiles").mkdir()
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(photos / "photo00.jpg", tmp_path / "tiles" / name)
    settings = MatchSettings(tiles=(str(tmp_path / "tiles"),), columns=4)
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    assert "<span>caf\\udce9.jpg</span>" in (tmp_path / "it.html").read_text("utf-8")


def test_it_asks_for_nothing_and_complains_of_nothing(browser: webdriver.Chrome, folder: Path) -> None:
    report = folder / "it.html"
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what other pages left
    browser.get(report.as_uri())
    browser.find_element(By.CSS_SELECTOR, "[data-photo]").click()
    assert browser.get_log("browser") == []
    said = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in said if each["method"] == "Network.requestWillBeSent"}
    assert report.as_uri() in asked
    assert all(address.startswith(("file:", "data:")) for address in asked)


def test_it_could_not_ask_for_anything(page: webdriver.Chrome) -> None:
    """Not even if something else were written into it: its policy allows its own script and style alone."""
    page.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        "document.body.append(script); const image = new Image(); image.onerror = () => { window.refused = true };"
        "image.src = 'http://127.0.0.1:9/x.png'; document.body.append(image)"
    )
    assert page.execute_async_script("setTimeout(() => arguments[0]([window.ran, window.refused]), 200)") == [
        None,
        True,
    ]
    assert len(page.get_log("browser")) >= 2  # two refusals


def test_cells_of_several_sizes_are_told_by_the_square_pointed_at(
    browser: webdriver.Chrome, cover: Path, photos: Path, tmp_path: Path
) -> None:
    settings = MatchSettings(tiles=(str(photos),), columns=COLUMNS, adaptive=True, save_map=tmp_path / "it.mosaic")
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    placement = load_map(tmp_path / "it.mosaic")
    opened(browser, tmp_path / "it.html")
    large = placement.cell[placement.cell[:, 2] == 2][0]
    column, row = (int(at) + 1 for at in large[:2])  # the lower right quarter of a cell of 2 × 2
    number = int((placement.cell == large).all(axis=1).argmax())
    point(browser, column + 0.5, row + 0.5, round(placement.size[1])).click().perform()
    name = placement.photos[placement.photo[number]].path.name
    assert text(browser, "#chosen").startswith(f"Cell {column},{row}: {name}")
