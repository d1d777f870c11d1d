"""The report, in a browser."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from renderer.cover_pixels import covered_part
from renderer.grid import find_cell, make_grid
from renderer.job import MatchSettings, TileSettings, render_mosaic
from renderer.job.inputs import open_tiles
from renderer.matching import match_photos
from renderer.pages import page_commands
from renderer.parameters import CellPosition
from renderer.pictures import read_picture
from renderer.placement import PlacementMap, load_map
from renderer.progress import Silent
from renderer.report import Compared, write_report
from renderer.report.cell_errors import CellErrors
from renderer.settings import Background
from renderer.shapes import TileShape

pytestmark = pytest.mark.usefixtures("shared_cache")

COLUMNS = 24


def command(words: Sequence[str], values: Mapping[str, object]) -> str:
    """Format a command as `render` accepts it."""
    options = [text for name, value in values.items() for text in (f"--{name}", str(value))]
    return shlex.join(["render", *words, *options])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cover: Path, photos: Path) -> Path:
    """it.html and it.mosaic: china.jpg with a magenta corner, which no photo matches; photos with unusual names."""
    folder = tmp_path_factory.mktemp("report")
    tiles = folder / "tiles"
    shutil.copytree(photos, tiles)
    (tiles / "photo00.jpg").rename(tiles / "it's 100 % mine.jpg")
    (tiles / "broken.jpg").write_bytes(b"no picture")
    if os.name == "posix":  # not a valid file name on Windows
        (tiles / "photo03.jpg").rename(tiles / "<img src=x onerror=alert(1)>.jpg")
    with Image.open(cover) as picture:
        picture.paste((255, 0, 255), (0, 0, 150, 110))
        picture.save(folder / "china.png")
    settings = MatchSettings(tiles=(str(tiles),), columns=COLUMNS, max_uses=0, save_map=folder / "it.mosaic")
    render_mosaic(folder / "china.png", folder / "it.png", match=settings, report=folder / "it.html", command=command)
    return folder


def opened(browser: webdriver.Chrome, path: Path) -> webdriver.Chrome:
    browser.set_window_size(1280, 1400)  # the whole mosaic is visible, as offsets from its centre need
    browser.get(path.as_uri())
    return browser


@pytest.fixture
def page(browser: webdriver.Chrome, folder: Path) -> webdriver.Chrome:
    return opened(browser, folder / "it.html")


@pytest.fixture(scope="module")
def placement(folder: Path) -> PlacementMap:
    return load_map(folder / "it.mosaic")


def point(page: webdriver.Chrome, column: float, row: float, rows: int) -> ActionChains:
    """Return a mouse movement to a position in the mosaic, in cells."""
    cells = page.find_element(By.ID, "cells")
    x, y = column / COLUMNS - 0.5, row / rows - 0.5
    return ActionChains(page).move_to_element_with_offset(
        cells, round(x * cells.size["width"]), round(y * cells.size["height"])
    )


def text(page: webdriver.Chrome, selector: str) -> str:
    return page.find_element(By.CSS_SELECTOR, selector).text


def section(page: webdriver.Chrome, heading: str) -> list[WebElement]:
    """Return the elements between a heading and the next one."""
    return page.find_elements(By.XPATH, f"//main/*[preceding-sibling::h2[1][.='{heading}'] and not(self::h2)]")


def test_the_slider_follows_mouse_and_keys(page: webdriver.Chrome) -> None:
    slider, mosaic = page.find_element(By.ID, "slider"), page.find_element(By.ID, "mosaic")
    clip_path = "return getComputedStyle(arguments[0]).clipPath"
    assert page.execute_script(clip_path, mosaic) == "inset(0px 0px 0px 50%)"
    ActionChains(page).drag_and_drop_by_offset(slider, mosaic.size["width"] // 4, 0).perform()
    assert slider.get_attribute("value") == "75"
    slider.send_keys(Keys.ARROW_RIGHT)
    assert page.execute_script(clip_path, mosaic) == "inset(0px 0px 0px 76%)"
    slider.send_keys(Keys.HOME)
    assert page.execute_script(clip_path, mosaic) == "inset(0px 0px 0px 0%)"


def test_pointing_at_a_cell_shows_its_photo(page: webdriver.Chrome, placement: PlacementMap) -> None:
    rows = round(placement.size[1])
    number = 11 * COLUMNS + 4
    name = placement.photos[placement.photo[number]].path.name
    point(page, 4.5, 11.5, rows).perform()
    assert text(page, "#tip") == f"4,11 {name}"
    ActionChains(page).click().perform()
    assert text(page, "#selected").startswith(f"Cell 4,11: {name}, used ")
    assert text(page, "#swap") == "render edit it.mosaic --swap 4,11=PHOTO"
    assert re.fullmatch(r"render edit it.mosaic --ban .+", text(page, "#ban"))
    assert text(page, "#map-hint") == "Replace PHOTO with the path or name of another photo."
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "details").is_displayed()


def test_arrow_keys_move_between_cells(page: webdriver.Chrome, placement: PlacementMap) -> None:
    page.execute_script("arguments[0].focus()", page.find_element(By.ID, "cells"))
    ActionChains(page).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ENTER).perform()
    column, row = COLUMNS // 2 + 1, round(placement.size[1]) // 2 - 1
    assert text(page, "#selected").startswith(f"Cell {column},{row}: ")
    ActionChains(page).send_keys(Keys.ARROW_LEFT).perform()
    assert text(page, "#swap").endswith(f"--swap {column - 1},{row}=PHOTO")


def test_selecting_a_photo_lists_its_cells(page: webdriver.Chrome, placement: PlacementMap) -> None:
    uses = placement.uses()
    most_used = int(uses.argmax())
    first = page.find_element(By.CSS_SELECTOR, "[data-photo]")
    assert first.text.split("\n") == [f"{uses[most_used]} times", placement.photos[most_used].path.name]
    first.send_keys(Keys.ENTER)
    number = int((placement.photo == most_used).argmax())
    assert text(page, "#cell-list").startswith(f"Cells {number % COLUMNS},{number // COLUMNS} ")
    assert first.get_attribute("aria-pressed") == "true"


def test_file_names_are_escaped_and_paths_are_absent(page: webdriver.Chrome, folder: Path) -> None:
    file_names = {name.get_attribute("textContent") for name in page.find_elements(By.CSS_SELECTOR, ".photos li span")}
    assert file_names == {path.name for path in (folder / "tiles").rglob("photo*.jpg")} | {
        path.name for path in (folder / "tiles").glob("[i<]*.jpg")
    }
    assert len(file_names) == 60
    source = (folder / "it.html").read_text("utf-8")
    assert "<img src=x" not in source
    assert str(folder) not in source


def test_missing_colours_and_largest_differences_are_listed(page: webdriver.Chrome) -> None:
    colour = page.find_element(By.CSS_SELECTOR, "[data-colour]")
    assert re.search(r"pink|violet", colour.text)
    assert "mostly top left" in colour.text
    colour.click()
    assert text(page, "#cell-list").startswith("Cells 0,0 1,0 2,0 3,0 ")
    worst = page.find_elements(By.CSS_SELECTOR, "[data-cell]")
    errors = [float(re.search(r"difference ([\d.]+)", cell.text)[1]) for cell in worst]  # type: ignore[index]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 3


def test_figures_have_labels_and_units(page: webdriver.Chrome, placement: PlacementMap) -> None:
    figures = text(page, ".figures")
    for part in (
        f"Cells {len(placement)} ", f"Photos used {len(placement.photos)} ", "Photos available 60 ", " ΔE ", " SSIM ",
        "Contrast of the photos ", "the maximum is set by max_uses",
    ):  # fmt: skip
        assert part in figures
    assert "_" not in figures.replace("max_uses", "")


def test_unused_photos_and_skipped_files_are_counted(page: webdriver.Chrome, placement: PlacementMap) -> None:
    unused, skipped = section(page, "Unused photos")
    assert len(placement.photos) < 60
    count = 60 - len(placement.photos)
    assert unused.text == ("1 photo is not used" if count == 1 else f"{count} photos are not used")
    assert skipped.text == "1 file could not be used"
    skipped.click()
    assert "broken.jpg" in skipped.text


def test_settings_are_listed_by_parameter(page: webdriver.Chrome) -> None:
    settings = section(page, "Settings")[0]
    settings.find_element(By.TAG_NAME, "summary").click()
    assert "max_uses 0" in settings.text
    assert "repeat_distance default" in settings.text


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_page_fits_the_screen(browser: webdriver.Chrome, folder: Path, width: int) -> None:
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


def test_a_tall_cover_fits_into_the_window(browser: webdriver.Chrome, tmp_path: Path, cover: Path) -> None:
    with Image.open(cover) as picture:
        picture.crop((200, 0, 400, 400)).save(tmp_path / "tall.png")
    settings = MatchSettings(tiles=("pieces",), columns=10)
    render_mosaic(
        tmp_path / "tall.png", tmp_path / "it.png", match=settings, report=tmp_path / "it.html", command=command
    )
    opened(browser, tmp_path / "it.html")
    sizes = "const box = arguments[0].getBoundingClientRect(); return [box.height, innerHeight, box.width]"
    height, window_height, width = browser.execute_script(sizes, browser.find_element(By.CLASS_NAME, "pair"))
    assert 0.8 * window_height < height < 0.9 * window_height
    assert width == pytest.approx(height / 2, rel=0.01)
    point(browser, 0, 0, 20).click().perform()
    assert text(browser, "#selected").startswith("Cell 0,0: tall.png at ")
    assert text(browser, "#map-hint").endswith("Save the mosaic as tall.mosaic first.")
    assert not browser.find_element(By.ID, "ban").is_displayed()  # a piece of the cover has no file of its own


def test_a_report_without_a_command_format_offers_no_commands(
    browser: webdriver.Chrome, tmp_path: Path, cover: Path
) -> None:
    settings = MatchSettings(tiles=("pieces",), columns=10)
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    opened(browser, tmp_path / "it.html")
    point(browser, 0, 0, 6).click().perform()
    assert text(browser, "#selected").startswith("Cell 0,0: ")
    assert not browser.find_element(By.ID, "swap").is_displayed()
    assert text(browser, "#map-hint") == ""


@pytest.mark.parametrize(
    ("map_name", "start"),
    [
        ("it.mosaic", "render edit it.mosaic --swap "),
        ("my map.mosaic", "render edit 'my map.mosaic' --swap "),
        ("-x.mosaic", "render edit ./-x.mosaic --swap "),
        ("COLUMN,ROW=PHOTO.mosaic", "render edit COLUMN,ROW=PHOTO.mosaic --swap "),
    ],
)
def test_commands_are_split_where_the_page_inserts_cells_and_photos(map_name: str, start: str) -> None:
    commands = page_commands(map_name, command)
    assert commands == {"swap": [start, "=PHOTO"], "ban": [start.replace("--swap", "--ban"), ""]}


def test_too_many_cells_cannot_be_selected(
    browser: webdriver.Chrome, tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderer.report.MAX_CELLS", 20)
    settings = MatchSettings(tiles=("pieces",), columns=10)
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    browser.get_log("browser")  # of other pages
    opened(browser, tmp_path / "it.html")
    buttons = browser.find_elements(By.CSS_SELECTOR, "[data-photo], [data-colour], [data-cell]")
    assert buttons
    for button in buttons:
        assert not button.is_enabled()
        browser.execute_script("arguments[0].dispatchEvent(new MouseEvent('mouseenter'))", button)
    assert browser.get_log("browser") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow only Unicode names")
def test_names_that_are_not_unicode_are_shown_with_escapes(tmp_path: Path, cover: Path, photos: Path) -> None:
    (tmp_path / "tiles").mkdir()
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(photos / "photo00.jpg", tmp_path / "tiles" / name)
    settings = MatchSettings(tiles=(str(tmp_path / "tiles"),), columns=4)
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    assert "<span>caf\\udce9.jpg</span>" in (tmp_path / "it.html").read_text("utf-8")


def test_the_page_makes_no_requests_and_logs_no_errors(browser: webdriver.Chrome, folder: Path) -> None:
    report = folder / "it.html"
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # of other pages
    browser.get(report.as_uri())
    browser.find_element(By.CSS_SELECTOR, "[data-photo]").click()
    assert browser.get_log("browser") == []
    events = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    urls = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert report.as_uri() in urls
    assert all(url.startswith(("file:", "data:")) for url in urls)


def test_the_content_security_policy_blocks_other_scripts_and_requests(page: webdriver.Chrome) -> None:
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


def test_in_an_adaptive_grid_a_cell_is_named_by_the_selected_unit_square(
    browser: webdriver.Chrome, cover: Path, photos: Path, tmp_path: Path
) -> None:
    settings = MatchSettings(tiles=(str(photos),), columns=COLUMNS, adaptive=True, save_map=tmp_path / "it.mosaic")
    render_mosaic(cover, tmp_path / "it.png", match=settings, report=tmp_path / "it.html")
    placement = load_map(tmp_path / "it.mosaic")
    opened(browser, tmp_path / "it.html")
    large = placement.cell[placement.cell[:, 2] == 2][0]
    column, row = (int(start) + 1 for start in large[:2])  # the lower right quarter of a cell of 2 × 2
    number = int((placement.cell == large).all(axis=1).argmax())
    point(browser, column + 0.5, row + 0.5, round(placement.size[1])).click().perform()
    name = placement.photos[placement.photo[number]].path.name
    assert text(browser, "#selected").startswith(f"Cell {column},{row}: {name}")


def compared(
    monkeypatch: pytest.MonkeyPatch, cover: Path, folder: Path, background: Background = (1.0, 1.0, 1.0), **match: Any
) -> Compared:
    """Return what the report on a mosaic compares."""
    made: list[Compared] = []
    monkeypatch.setattr("renderer.report.write_report", lambda _path, each, **_options: made.append(each))
    render_mosaic(
        cover, folder / "it.png", match=MatchSettings(columns=COLUMNS, **match), report=folder / "it.html",
        background=background, overwrite=True,
    )  # fmt: skip
    return made[0]


@pytest.mark.parametrize(
    "options",
    [
        {"tile_shape": "3:2", "gap": 0.06},
        {"tile_shape": "circle", "background": (1.0, 0.0, 0.0)},
        {"tile_shape": "hexagon", "border": 0.1, "border_colour": (0.2, 0.9, 0.4), "background": "transparent"},
        {"mask": "heart", "gap": 0.1, "border": 0.1},
        {"tile_shape": "2:3", "mask": "circle", "background": "blur"},
    ],
    ids=str,
)
def test_gaps_borders_and_the_background_are_no_differences(
    monkeypatch: pytest.MonkeyPatch, cover: Path, photos: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    plain = compared(monkeypatch, cover, tmp_path, tiles=(str(photos),), tile_shape=options.get("tile_shape", "square"))
    shaped = compared(monkeypatch, cover, tmp_path, tiles=(str(photos),), **options)
    assert (plain.ideal is plain.colours) == (options.get("tile_shape") not in ("circle", "hexagon"))
    assert shaped.ideal.shape == shaped.mosaic.shape
    before, after = (
        CellErrors.of(each.ideal, each.mosaic, each.colours, each.placement).mean_error.mean()
        for each in (plain, shaped)
    )
    assert 0.4 * before < after < 1.15 * before
    assert (shaped.ideal != shaped.mosaic).any()
    assert (shaped.cover is shaped.ideal) == ("mask" in options)
    if "mask" in options:  # nothing at the corner
        assert (shaped.ideal[:4, :4] == 255).all()
        assert (shaped.mosaic[:4, :4] == 255).all()
    if options.get("background") == (1.0, 0.0, 0.0):  # beside the first circle
        assert (shaped.mosaic[0, 0] == (255, 0, 0)).all()
        assert (shaped.ideal[0, 0] == (255, 0, 0)).all()


def test_the_colours_of_a_logo_are_those_that_were_matched(
    monkeypatch: pytest.MonkeyPatch, photos: Path, tmp_path: Path
) -> None:
    logo = Image.new("RGBA", (320, 200))
    logo.paste((20, 90, 60, 255), (53, 27, 230, 180))  # the edges are inside cells
    logo.save(tmp_path / "logo.png")
    made = compared(monkeypatch, tmp_path / "logo.png", tmp_path, tiles=(str(photos),))
    errors = CellErrors.of(made.ideal, made.mosaic, made.colours, made.placement)
    assert np.abs(errors.lab - errors.lab[0]).max() < 2
    assert (made.cover[0, 0] == 255).all()


def test_cells_of_other_shapes_are_selected_where_the_mosaic_shows_them(
    browser: webdriver.Chrome, cover: Path, photos: Path, tmp_path: Path
) -> None:
    pixels = read_picture(cover).pixels
    for name in ("3:2", "hexagon", "mixed"):
        grid = make_grid(640, 427, COLUMNS, tile_shape=TileShape.parse(name))
        with open_tiles(TileSettings(tiles=(str(photos),)), Silent()) as source:
            assert source.library is not None
            placement = match_photos(pixels, grid, source.library, Silent())
            library = source.library.take(source.library.photos.find(placement.photos))
            part = covered_part(pixels, grid.frame_crop)
            figures = placement.recipe["figures"]
            assert isinstance(figures, dict)
            pictures = Compared(
                part, part, part, part, placement, library, library, [], figures, "it.mosaic", map_saved=True
            )  # fmt: skip
            write_report(tmp_path / f"{len(name)}.html", pictures)
        opened(browser, tmp_path / f"{len(name)}.html")
        for number in (2 * COLUMNS + 3, len(placement) // 3):
            x, y, width, height = placement.cell[number].tolist()
            across, along = (x + 0.5 * width) / placement.size[0], (y + 0.5 * height) / placement.size[1]
            cells = browser.find_element(By.ID, "cells")
            ActionChains(browser).move_to_element_with_offset(
                cells, round((across - 0.5) * cells.size["width"]), round((along - 0.5) * cells.size["height"])
            ).click().perform()
            selected = text(browser, "#selected")
            assert f": {placement.photos[placement.photo[number]].path.name}, used " in selected
            column, row = (int(part) for part in selected.removeprefix("Cell ").split(":")[0].split(","))
            assert find_cell(grid, CellPosition(column, row)) == number
