"""Firefox, which tests drive by WebDriver BiDi: it understands it without a driver, which Debian does not have."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from conftest import find_program, wait_until
from websocket import WebSocket, create_connection


class Firefox:
    """A session of WebDriver BiDi (https://w3c.github.io/webdriver-bidi/) with one tab.

    `get`, `execute_script` and `set_window_size` do what selenium's do.
    """

    def __init__(self, socket: WebSocket) -> None:
        self._socket, self._sent = socket, 0
        self._events: list[dict[str, Any]] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: object) -> Any:
        """Send a command and return its result."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._sent:
            self._events.append(answer)
        assert answer["type"] == "success", answer
        return answer["result"]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what was told of an event so far: `log.entryAdded` or `network.beforeRequestSent`."""
        return [each["params"] for each in self._events if each["method"] == event]

    def get(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def set_window_size(self, width: int, height: int) -> None:
        self.send("browsingContext.setViewport", context=self._context, viewport={"width": width, "height": height})

    def execute_script(self, script: str) -> Any:
        expression = f"(async () => {{ {script} }})().then(JSON.stringify)"
        target = {"context": self._context}
        told = self.send("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert told["type"] == "success", told["exceptionDetails"]["text"]
        return json.loads(told["result"].get("value", "null"))

    def press(self, *keys: str) -> None:
        """Press keys together, as in Ctrl+Z."""
        down, up = ([{"type": kind, "value": key} for key in keys] for kind in ("keyDown", "keyUp"))
        self._act("key", [*down, *reversed(up)])

    def drag(self, selector: str, *shares: float) -> None:
        """Press the mouse button at a share of an element's width, move the mouse to others, and release the button."""
        element = f"const element = document.querySelector({json.dumps(selector)}); element.scrollIntoView()"
        box = self.execute_script(f"{element}; return element.getBoundingClientRect()")
        y = round(box["y"] + box["height"] / 2)
        first, *more = ({"type": "pointerMove", "x": round(box["x"] + s * box["width"]), "y": y} for s in shares)
        self._act("pointer", [first, {"type": "pointerDown", "button": 0}, *more, {"type": "pointerUp", "button": 0}])

    def click(self, selector: str) -> None:
        self.drag(selector, 0.5)

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        source = {"type": kind, "id": kind, "actions": actions}
        self.send("input.performActions", context=self._context, actions=[source])


@contextmanager
def run_firefox() -> Iterator[Firefox]:
    """Run this machine's Firefox without a window, with an empty profile."""
    program = find_program("firefox-esr", "firefox")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile]
        own = {**os.environ, "HOME": profile}  # where it makes folders of the user
        running = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            file = Path(profile, "WebDriverBiDiServer.json")
            wait_until(lambda: file.exists() and file.read_text().rstrip().endswith("}"), 60)
            server = json.loads(file.read_text())
            address = f"ws://{server['ws_host']}:{server['ws_port']}/session"
            # Firefox refuses connections that have an origin, as those of pages.
            with closing(create_connection(address, timeout=60, suppress_origin=True)) as socket:
                yield Firefox(socket)
        finally:
            processes = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
            for each in processes:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(processes, timeout=10)
            running.wait()
