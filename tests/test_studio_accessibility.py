"""Accessibility of the studio's page: the rules of axe-core, and its use by keyboard.

All parts are tested, also those that are shown only at times, and whatever controls there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from conftest import wait_until
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from test_studio import opened
from test_studio_page import Tab

AXE = files("selenium_axe_python") / "axe-core" / "axe.min.js"

# Changes a parameter, and shows what is shown only at times.
SHOW_ALL = """
const title = document.getElementById("control-title");
title.value = "Anna";
title.dispatchEvent(new Event("change"));
for (const each of document.querySelectorAll("details, dialog")) each.open = true;
for (const each of document.querySelectorAll("[hidden]")) each.hidden = false;
for (const each of document.querySelectorAll("[popover]")) each.popover = null;
for (const each of document.querySelectorAll(":disabled")) each.disabled = false;
for (const each of document.querySelectorAll("p, label, figcaption, output, ul")) {
  if (!each.childNodes.length) each.append(each.matches("ul") ? document.createElement("li") : "text");
}
for (const each of document.querySelectorAll("li:empty")) each.append("text");
"""

# WCAG 2.2 AA has a rule for sizes, which axe-core leaves out unless it is named.
RUN_AXE = "axe.run({ rules: { 'target-size': { enabled: true } } }).then(arguments[0], (e) => arguments[0](String(e)))"

# The element with the focus: what it is, the contrast of its outline, and whether it is in sight.
FOCUSED = """
const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect();
each.dataset.reached = "";
const [x, y] = [Math.min(box.x + box.width / 2, innerWidth - 1), Math.min(box.y + box.height / 2, innerHeight - 1)];
return {
  name: each.outerHTML.slice(0, 80), top: each === document.body,
  outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
  colours: [style.outlineColor, getComputedStyle(document.body).backgroundColor],
  seen: each.contains(document.elementFromPoint(x, y)),
};
"""

# Controls that Tab has not reached. A group of radio buttons, or of tabs, is reached once.
MISSED = """
const kinds = "a[href], button, input:not([type=hidden], [type=radio]), select, textarea, summary, [tabindex='0']";
return [...document.querySelectorAll(kinds)].filter((each) => !("reached" in each.dataset) && each.checkVisibility()
  && !each.matches("[role=tab][aria-selected=false]")
  && !each.closest("[aria-hidden=true]")).map((each) => each.outerHTML.slice(0, 80));
"""


@pytest.fixture(scope="module")
def tab(browser: webdriver.Chrome, cover: Path) -> Iterator[Tab]:
    """A page of a studio; its size and colours are restored afterwards."""
    with opened(cover) as page:
        yield Tab(browser, page)
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.get("about:blank")
        browser.get_log("browser")  # that it may not ask whether to leave without saving


def show(browser: webdriver.Chrome, width: int, height: int, scheme: str) -> None:
    """Show all parts of the page in a window of this size, in light or dark colours."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    wait_until(lambda: browser.execute_script("return innerWidth") == width, 30)
    browser.execute_script(SHOW_ALL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_rule_of_axe_is_violated(tab: Tab, browser: webdriver.Chrome, width: int, scheme: str) -> None:
    show(browser, width, 20_000, scheme)  # high enough for the page: the contrast of what is scrolled out is not known
    if not tab.run("return 'axe' in window"):
        tab.run(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(RUN_AXE)
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert "color-contrast" in [each["id"] for each in found["passes"]]
    assert {each["id"] for each in found["incomplete"]} <= {"video-caption"}  # of a video that is an animation


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_tab_reaches_every_control_and_shows_where_it_is(
    tab: Tab, browser: webdriver.Chrome, width: int, scheme: str
) -> None:
    show(browser, width, 900, scheme)
    tab.run("document.activeElement.blur(); for (const e of document.querySelectorAll('*')) delete e.dataset.reached")
    for _ in range(1000):
        ActionChains(browser, duration=0).send_keys(Keys.TAB).perform()
        focused = tab.run(FOCUSED)
        if focused["top"]:
            break
        assert focused["outline"] >= 2, focused
        assert contrast(*focused["colours"]) >= 3, focused  # WCAG 2, 1.4.11
        assert focused["seen"], focused
    assert tab.run(MISSED) == []


@pytest.mark.usefixtures("tab")
def test_every_control_has_a_name(browser: webdriver.Chrome) -> None:
    """As the browser tells it to screen readers."""
    show(browser, 1280, 900, "light")
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    focusable = [each for each in nodes if any(of["name"] == "focusable" for of in each.get("properties", []))]
    assert len(focusable) > 50
    unnamed = [each["backendDOMNodeId"] for each in focusable if not each.get("name", {}).get("value", "").strip()]
    shown = [browser.execute_cdp_cmd("DOM.getOuterHTML", {"backendNodeId": each})["outerHTML"] for each in unnamed]
    assert shown == []


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as `rgb(0, 0, 0)`: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
