"""The studio's page in Firefox, used by mouse and keyboard alone."""

from __future__ import annotations

from pathlib import Path

from conftest import difference, wait_until
from firefox import run_firefox
from test_studio import opened
from test_studio_page import Tab

CONTROL, ENTER = "\ue009", "\ue007"
FRAME = "return Number(document.getElementById('frame').dataset.frame)"


def text_of(tab: Tab, name: str) -> str:
    return str(tab.run(f"return document.getElementById('{name}').textContent"))


def test_a_look_is_changed_played_undone_and_its_command_copied(cover: Path) -> None:
    with opened(cover) as page, run_firefox() as firefox:
        tab = Tab(firefox, page)
        first = tab.picture()
        assert first.std() > 20

        firefox.drag("#time", 0.1, 0.3, 0.5)
        tab.rest()
        middle, command = tab.picture(), text_of(tab, "command")
        assert tab.run(FRAME) > 10
        assert difference(first, middle).max() > 50

        firefox.drag(".control:has(#control-drift) input[type=range]", 0.5, 0.8, 0.95)
        wait_until(lambda: "--drift" in text_of(tab, "command"), 30)
        wait_until(lambda: difference(middle, tab.picture()).max() > 50, 30)
        firefox.press(CONTROL, "z")
        tab.rest()
        assert (tab.picture() == middle).all()
        assert text_of(tab, "command") == command

        firefox.click("details:has(#control-title) summary")
        firefox.click("#control-title")
        for key in ("A", "n", "n", "a", ENTER):
            firefox.press(key)
        wait_until(lambda: "--title Anna" in text_of(tab, "command"), 30)

        before = tab.run(FRAME)
        firefox.click("#play")
        wait_until(lambda: tab.run(FRAME) > before + 4, 30)
        firefox.click("#play")
        assert text_of(tab, "play") == "Play"

        firefox.click("#copy")
        wait_until(lambda: "copied" in text_of(tab, "status"), 30)
        firefox.click("#control-title")
        firefox.press(CONTROL, "a")
        firefox.press(CONTROL, "v")
        assert tab.run("return document.getElementById('control-title').value") == text_of(tab, "command")

        errors = [each for each in firefox.told("log.entryAdded") if each["level"] == "error"]
        assert errors == []
        requested = [each["request"]["url"] for each in firefox.told("network.beforeRequestSent")]
        addresses = [url for url in requested if not url.startswith(("data:", "blob:"))]
        assert addresses
        assert all(url.startswith(f"http://127.0.0.1:{page.port}/") for url in addresses)
