"""The report, as a browser shows it."""

import json
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from renderer.job import MatchSettings, render_mosaic


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, cover: Path, photos: Path) -> Path:
    folder = tmp_path_factory.mktemp("report")
    settings = MatchSettings(tiles=(str(photos),), columns=24)
    render_mosaic(cover, folder / "it.png", match=settings, report=folder / "it.html")
    return folder / "it.html"


def test_the_slider_follows_mouse_and_keys(browser: webdriver.Chrome, report: Path) -> None:
    browser.get(report.as_uri())
    slider = browser.find_element(By.CSS_SELECTOR, ".pair input")
    mosaic = browser.find_element(By.CSS_SELECTOR, "img[alt=mosaic]")
    left_of_it = "return getComputedStyle(arguments[0]).clipPath"
    assert browser.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 50%)"
    ActionChains(browser).drag_and_drop_by_offset(slider, slider.size["width"] // 4, 0).perform()
    assert slider.get_attribute("value") == "75"
    slider.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 76%)"
    slider.send_keys(Keys.HOME)
    assert browser.execute_script(left_of_it, mosaic) == "inset(0px 0px 0px 0%)"


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_a_screen(browser: webdriver.Chrome, report: Path, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 740, "deviceScaleFactor": 2, "mobile": width < 500},
    )
    browser.get(report.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    pictures = browser.find_elements(By.TAG_NAME, "img")
    assert len(pictures) > 20
    for picture in pictures:
        assert browser.execute_script("return arguments[0].complete && arguments[0].naturalWidth", picture) > 30
        assert 0 < picture.size["width"] <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_asks_for_nothing_and_complains_of_nothing(browser: webdriver.Chrome, report: Path) -> None:
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what other pages left
    browser.get(report.as_uri())
    assert browser.get_log("browser") == []
    said = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in said if each["method"] == "Network.requestWillBeSent"}
    assert report.as_uri() in asked
    assert all(address.startswith(("file:", "data:")) for address in asked)
