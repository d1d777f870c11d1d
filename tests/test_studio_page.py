"""The studio's page in a browser: what a user sees and does there."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import difference, wait_until
from firefox import Firefox
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from test_studio import Page, opened

Render = Callable[..., tuple[int, str, str]]


class Tab:
    """A page of a studio in a browser."""

    def __init__(self, browser: webdriver.Chrome | Firefox, page: Page) -> None:
        self._browser, self._page = browser, page
        browser.set_window_size(1280, 900)
        browser.get(f"http://127.0.0.1:{page.port}/#{page.token}")
        self.rest()

    def run(self, script: str) -> Any:
        return self._browser.execute_script(script)

    def find(self, name: str) -> Any:
        return self._browser.find_element(By.ID, name)

    def rest(self) -> None:
        """Wait until the exact frame of the look is shown."""
        wait_until(lambda: self.run("return document.getElementById('frame').dataset.exact ?? ''"), 30)
        before = None
        while before != (
            before := self.run("const d = document.getElementById('frame').dataset; return d.exact + d.frame")
        ):
            wait_until(lambda: self.run("return document.getElementById('matching').hidden"), 30)
            self.run("return new Promise((done) => setTimeout(done, 600))")

    def set(self, control: str, value: object) -> None:
        """Type a value into a control, and wait for the frame."""
        script = f"const c = document.getElementById('control-{control}'); c.value = {json.dumps(value)};"
        self.run(f"{script} c.closest('details').open = true; c.dispatchEvent(new Event('change'))")
        self.rest()

    def picture(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The pixels of the frame, (H, W, 3) BGR."""
        url = self.run("return document.getElementById('frame').toDataURL()")
        content = base64.b64decode(url.partition(",")[2])
        return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)

    def console(self) -> list[Any]:
        return [line for line in self._browser.get_log("browser") if line["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """The addresses that were requested."""
        events = [json.loads(line["message"])["message"] for line in self._browser.get_log("performance")]
        return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def page(cover: Path) -> Iterator[Page]:
    with opened(cover) as each:
        yield each


@pytest.fixture
def tab(browser: webdriver.Chrome, page: Page) -> Iterator[Tab]:
    browser.get_log("performance")
    yield Tab(browser, page)
    browser.get("about:blank")
    browser.get_log("browser")  # that it may not ask whether to leave without saving


def test_a_look_is_changed_undone_and_rendered_by_the_command_that_is_copied(
    tab: Tab, render: Render, tmp_path: Path
) -> None:
    Select(tab.find("animation")).select_by_value("disperse")
    tab.rest()
    first = tab.picture()
    tab.set("title", "Anna & Ben")
    titled = tab.picture()
    assert difference(first, titled).max() > 50
    tab.find("undo").click()
    tab.rest()
    assert (tab.picture() == first).all()
    tab.find("redo").click()
    tab.rest()
    assert (tab.picture() == titled).all()
    words = shlex.split(tab.find("command").text)
    assert words[:2] == ["render", "disperse"]
    size = f"{titled.shape[1]}x{titled.shape[0]}"
    assert render("still", *words[1:], "--size", size, "-o", tmp_path / "it.png")[0] == 0
    assert (cv2.imread(str(tmp_path / "it.png")) == titled).all()
    assert not tab.console()


def test_the_time_line_is_dragged_and_played_by_keys(tab: Tab, browser: webdriver.Chrome) -> None:
    tab.run("const t = document.getElementById('time'); t.value = 100; t.dispatchEvent(new Event('input'))")
    tab.rest()
    assert tab.run("return document.getElementById('frame').dataset.frame") == "100"
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.ARROW_RIGHT)
    tab.rest()
    assert tab.run("return document.getElementById('frame').dataset.frame") == "101"
    body.send_keys(" ")
    wait_until(lambda: int(tab.run("return document.getElementById('frame').dataset.frame")) > 104, 30)
    assert tab.find("play").text == "Pause"
    body.send_keys("k")
    assert tab.find("play").text == "Play"
    assert not tab.console()


def test_a_wrong_value_is_said_and_the_page_goes_on(tab: Tab) -> None:
    script = "const c = document.getElementById('control-hold_end'); c.value = -4; c.dispatchEvent(new Event('change'))"
    tab.run(script)
    wait_until(lambda: "out of range" in tab.find("error").text, 30)
    tab.set("hold_end", 2)
    wait_until(lambda: not tab.find("error").is_displayed(), 30)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_every_control_has_a_label(tab: Tab, browser: webdriver.Chrome, width: int) -> None:
    browser.set_window_size(width, 900)
    tab.rest()
    tab.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert tab.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert tab.find("frame").size["width"] > 100
    unnamed = tab.run(
        "return [...document.querySelectorAll('input, select, button, progress')].filter((each) => "
        "!each.ariaHidden && !each.labels?.length && !each.textContent.trim() && !each.ariaLabel).map((each) => each.outerHTML)"
    )
    assert unnamed == []


def test_nothing_is_requested_from_anywhere_else(tab: Tab, page: Page) -> None:
    found = [url for url in tab.requests() if not url.startswith(("data:", "blob:", "about:"))]
    assert found
    assert all(url.startswith(f"http://127.0.0.1:{page.port}/") for url in found)
    assert tab.run("return location.hash").startswith("#%7B")  # no token in the address
