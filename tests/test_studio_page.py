"""The studio's page in a browser: what a user sees and does there."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import difference, wait_until
from firefox import Firefox
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.select import Select
from test_studio import Page, opened

Render = Callable[..., tuple[int, str, str]]


class Tab:
    """A page of a studio in a browser."""

    def __init__(self, browser: webdriver.Chrome | Firefox, page: Page, *, wait: bool = True) -> None:
        self._browser, self._page = browser, page
        browser.set_window_size(1280, 900)
        browser.get(f"http://127.0.0.1:{page.port}/#{page.token}")
        if wait:
            self.rest()

    def run(self, script: str) -> Any:
        return self._browser.execute_script(script)

    def find(self, name: str) -> Any:
        return self._browser.find_element(By.ID, name)

    def rest(self) -> None:
        """Wait until the exact frame of the look is shown."""
        wait_until(lambda: self.run("return document.getElementById('frame').dataset.exact ?? ''"), 30)

    def type(self, control: str, value: object) -> None:
        """Type a value into a control."""
        script = f"const c = document.getElementById('control-{control}'); c.value = {json.dumps(value)};"
        self.run(f"{script} c.closest('details').open = true; c.dispatchEvent(new Event('change'))")

    def set(self, control: str, value: object) -> None:
        """Type a value into a control, and wait for the frame."""
        self.type(control, value)
        self.rest()

    def seek(self, frame: int) -> None:
        """Drag the time line to a frame, and wait for it."""
        script = (
            "const t = document.getElementById('time'); t.value = arguments[0]; t.dispatchEvent(new Event('input'))"
        )
        self._browser.execute_script(script, frame)
        self.rest()

    def entries(self) -> list[str]:
        """The entries of the timeline."""
        parts = self._browser.find_elements(By.CSS_SELECTOR, "#entries button")
        return [" ".join(each.text.split()) for each in parts]

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


def test_entries_are_added_stretched_moved_and_removed(
    tab: Tab, browser: webdriver.Chrome, render: Render, tmp_path: Path
) -> None:
    """By pointer and by keys; what is needed between them is added, and the copied command makes the same frames."""
    Select(tab.find("add")).select_by_value("disperse")
    tab.rest()
    assert tab.entries() == ["zoom 10 s", "zoom 2 s", "disperse 4 s"]
    browser.find_element(By.CSS_SELECTOR, "#entries button").click()
    tab.find("remove").click()
    tab.rest()
    assert tab.entries() == ["zoom 2 s", "disperse 4 s"]
    Select(tab.find("add")).select_by_value("hold")
    tab.rest()
    assert tab.entries() == ["zoom 2 s", "hold 1 s", "disperse 4 s"]
    first, _, last = browser.find_elements(By.CSS_SELECTOR, "#entries button")
    width = tab.find("entries").size["width"]
    edge = first.find_element(By.CLASS_NAME, "edge")
    ActionChains(browser).move_to_element(edge).click_and_hold().move_by_offset(width // 7, 0).release().perform()
    tab.rest()
    assert tab.entries() == ["zoom 3 s", "hold 1 s", "disperse 4 s"]
    ActionChains(browser).drag_and_drop_by_offset(last, -width // 2 - 20, 0).perform()
    tab.rest()
    assert [each.split()[0] for each in tab.entries()] == ["zoom", "disperse", "hold"]
    ActionChains(browser).key_down(Keys.ALT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.ALT).perform()
    tab.rest()
    assert tab.entries() == ["zoom 3 s", "hold 1 s", "disperse 4 s"]
    ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    tab.rest()
    assert tab.entries() == ["zoom 3 s", "hold 1 s", "disperse 3.9 s"]
    assert tab.find("animation").get_attribute("value") == "disperse"
    tab.set("spin", 2)
    tab.seek(200)
    words = shlex.split(tab.find("command").text)
    assert words[1] == "show"
    picture = tab.picture()
    size = f"{picture.shape[1]}x{picture.shape[0]}"
    assert render("still", *words[1:], "--size", size, "--at", 200 / 30, "-o", tmp_path / "it.png")[0] == 0
    assert (cv2.imread(str(tmp_path / "it.png")) == picture).all()
    for expected in (["zoom 3 s", "hold 1 s", "disperse 3.9 s"], ["zoom 3 s", "hold 1 s", "disperse 4 s"]):
        tab.find("undo").click()
        tab.rest()
        assert tab.entries() == expected
    assert not tab.console()


def test_a_photo_is_clicked_and_landed_on(tab: Tab, browser: webdriver.Chrome, photos: Path) -> None:
    tab.set("tiles", str(photos))
    across, along = (tab.find("frame").size[side] for side in ("width", "height"))
    ActionChains(browser).move_to_element_with_offset(tab.find("frame"), across // 4, along // 4).click().perform()
    wait_until(lambda: tab.find("chosen").is_displayed())
    place = tab.find("chosen").text
    tab.find("land").click()
    tab.rest()
    assert "--focus 0.7083" in tab.find("command").text
    assert tab.run("return document.getElementById('frame').dataset.frame") == tab.find("time").get_attribute("max")
    ActionChains(browser).move_to_element(tab.find("frame")).click().perform()
    wait_until(lambda: tab.find("chosen").is_displayed())
    assert tab.find("chosen").text == place
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#landings button")) > 0)
    browser.find_elements(By.CSS_SELECTOR, "#landings button")[0].click()
    assert tab.find("chosen").text != place
    assert not tab.console()


def test_photos_are_swapped_banned_and_found(tab: Tab, browser: webdriver.Chrome, photos: Path, tmp_path: Path) -> None:
    for number, photo in enumerate(sorted(photos.glob("photo*.jpg"))[:20]):
        shutil.copy(photo, tmp_path / f"photo{number:02}.jpg")
    tab.set("tiles", str(tmp_path))

    def click(share: float) -> str:
        """Click the upper row at a share of the width; return the photo's name."""
        across, along = (tab.find("frame").size[side] for side in ("width", "height"))
        tab.run("document.getElementById('chosen').hidden = true")
        away = ActionChains(browser).move_to_element_with_offset(
            tab.find("frame"), across * (share - 0.5), 10 - along // 2
        )
        away.click().perform()
        wait_until(lambda: tab.find("chosen").is_displayed())
        return str(tab.find("chosen").text.splitlines()[0])

    before, others = click(0.1), [click(share) for share in (0.3, 0.5)]
    click(0.1)
    tab.find("swap").click()
    tab.find("text").send_keys("photo 7")
    wait_until(lambda: tab.find("found").text == "2 photos", 60)
    browser.find_elements(By.CSS_SELECTOR, "#shelf button")[1].click()
    tab.rest()
    assert tab.find("command").text.endswith("--swap 1,0=photo17.jpg")
    assert click(0.1) == "photo17.jpg" != before
    assert [click(share) for share in (0.3, 0.5)] == others
    tab.find("ban").click()
    tab.rest()
    assert tab.find("command").text.endswith(f"--ban {others[1]}")
    assert click(0.5) != others[1]
    assert click(0.1) == "photo17.jpg"
    tab.find("undo").click()
    tab.find("undo").click()
    tab.rest()
    assert click(0.1) == before
    Select(tab.find("used")).select_by_value("0")
    wait_until(lambda: "photo" in tab.find("found").text)
    assert not tab.console()


def test_a_parameter_is_reset_by_a_double_click(tab: Tab, browser: webdriver.Chrome) -> None:
    tab.set("hold_end", 3)
    assert "--hold-end 3" in tab.find("command").text
    label = browser.find_element(By.CSS_SELECTOR, "label[for=control-hold_end]")
    ActionChains(browser).double_click(label).perform()
    tab.rest()
    assert "--hold-end" not in tab.find("command").text
    assert tab.find("control-hold_end").get_attribute("value") == "1"


def test_a_change_that_is_taken_back_stops_its_matching(tab: Tab, photos: Path) -> None:
    tab.set("tiles", str(photos))
    first = tab.picture()
    tab.type("columns", "300")
    wait_until(lambda: tab.find("matching").is_displayed())
    tab.find("undo").click()
    tab.rest()
    assert not tab.find("matching").is_displayed()
    assert (tab.picture() == first).all()
    tab.type("columns", "300")
    wait_until(lambda: tab.find("matching").is_displayed())
    tab.find("matching").find_element(By.TAG_NAME, "button").click()
    wait_until(lambda: "cancelled" in tab.find("status").text)
    tab.run("dispatchEvent(new Event('focus'))")  # as the user comes back to the page
    tab.rest()
    assert not tab.find("matching").is_displayed()
    assert "--columns 12 " in tab.find("command").text
    assert (tab.picture() == first).all()


def test_what_is_being_typed_stays_while_the_page_is_told_of_changes(tab: Tab) -> None:
    tab.type("columns", "20")
    tab.run("document.getElementById('control-title').closest('details').open = true")
    tab.find("control-title").send_keys("Anna and")
    tab.rest()
    assert tab.find("control-title").get_attribute("value") == "Anna and"
    tab.find("control-title").send_keys(" Ben", Keys.ENTER)
    tab.rest()
    assert "--title 'Anna and Ben'" in tab.find("command").text


def test_a_page_that_is_loaded_again_keeps_what_is_not_saved(tab: Tab, browser: webdriver.Chrome) -> None:
    tab.set("title", "Anna")
    assert tab.find("save").is_enabled()
    tab.run("onbeforeunload = null; addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)")
    browser.refresh()
    if alert := expected_conditions.alert_is_present()(browser):
        alert.accept()
    tab.rest()
    assert tab.find("control-title").get_attribute("value") == "Anna"
    assert tab.find("save").is_enabled()


def test_it_plays_only_when_there_is_something_to_play(browser: webdriver.Chrome, cover: Path, photos: Path) -> None:
    with opened(cover) as page:
        look = {"animation": "zoom", "values": {"columns": 90, "tiles": [str(photos)]}}
        tab = Tab(browser, page, wait=False)
        tab.run(f"location.hash = '#' + encodeURIComponent({json.dumps(json.dumps(look))})")
        tab.run("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }))")
        tab.run("document.getElementById('frame').click()")
        tab.rest()
        assert tab.find("play").text == "Play"
        browser.get("about:blank")
    assert not [line for line in tab.console() if "Uncaught" in line["message"]]


def test_a_preset_is_applied_and_its_values_are_overridden(tab: Tab) -> None:
    Select(tab.find("preset")).select_by_value("tiktok")
    tab.rest()
    assert tab.find("command").text.endswith("--preset tiktok --columns 12")
    assert tab.find("control-size").get_attribute("value") == "1080x1920"
    assert tab.find("shape").get_attribute("value") == "1080x1920"
    assert tab.find("covered").is_displayed()
    Select(tab.find("shape")).select_by_value("1080x1080")
    tab.rest()
    assert tab.find("command").text.endswith("--preset tiktok --columns 12 --size 1080x1080")
    Select(tab.find("form")).select_by_value("campaign")
    assert 'preset = "tiktok"' in tab.find("command").text
    assert tab.find("copy").text == "Copy campaign"


def test_two_pages_show_different_mosaics(tab: Tab, browser: webdriver.Chrome, page: Page) -> None:
    """The one that is not used waits, and goes on when it is used again."""
    tab.set("columns", 10)
    first = tab.picture()
    browser.switch_to.new_window("tab")
    other = Tab(browser, page)
    other.set("columns", 14)
    assert not other.find("error").is_displayed()
    browser.close()
    browser.switch_to.window(browser.window_handles[0])
    wait_until(lambda: tab.run("return document.hasFocus()"))  # as a user has clicked it
    tab.seek(1)
    tab.seek(0)
    assert (tab.picture() == first).all()


def test_a_page_says_that_the_studio_has_ended_and_goes_on_with_another(browser: webdriver.Chrome, cover: Path) -> None:
    with opened(cover) as page:
        tab = Tab(browser, page)
    tab.run("const t = document.getElementById('time'); t.value = 9; t.dispatchEvent(new Event('input'))")
    wait_until(lambda: "does not answer" in tab.find("error").text)
    with opened(cover, page.port) as again:
        wait_until(lambda: "started anew" in tab.find("error").text)
        tab.run(f"location.hash = '#{again.token}'")
        wait_until(lambda: not tab.find("error").is_displayed())
        tab.rest()
        assert again.token not in tab.run("return location.hash")
    browser.get("about:blank")
    tab.console()  # has the requests that failed


def test_the_time_line_is_dragged_and_played_by_keys(tab: Tab, browser: webdriver.Chrome) -> None:
    tab.seek(100)
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
