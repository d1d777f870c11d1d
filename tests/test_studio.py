"""The studio's server: what its page gets, and what others do not."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from conftest import wait_until

from renderer.batch import BatchRequest, read_campaign
from renderer.cli.options import format_command
from renderer.encoder import probe
from renderer.errors import InputError
from renderer.job import open_frames, open_mosaic
from renderer.messages import as_key
from renderer.parameters import parameters
from renderer.plugins import installed, load_animation
from renderer.preset import load_preset
from renderer.progress import Silent
from renderer.studio import Look, Studio, Texts, load_look, serve

Answer = tuple[int, bytes, Mapping[str, str]]


class Page(NamedTuple):
    """A page of a studio: where its server is, and its cookie."""

    port: int
    token: str
    cookie: str
    once: str = ""  # another token, which opens one page

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request as the page does, except for the headers that are given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            own = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie}
            connection.request(method, path, body, {**own, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, body, _ = self.send("GET", f"/api/{path}")
        assert status == 200, body
        return json.loads(body)

    def post(self, path: str, value: object = None) -> Any:
        return json.loads(self.send("POST", f"/api/{path}", json.dumps(value).encode())[1])

    def look(self, animation: str = "zoom", **values: object) -> Any:
        """Tell the server of a look, and match its mosaic."""
        told = self.post("look", _look(animation, **values))
        if not told.get("matched", True):
            self.post(f"match/{told['look']}")
            wait_until(lambda: not self.get("matching")["running"])
            return self.look(animation, **values)
        return told


@contextmanager
def opened(cover: Path, port: int = 0) -> Iterator[Page]:
    """A studio that runs in a thread."""
    addresses: list[str] = []
    texts = Texts(
        lambda name, values: format_command([name, str(cover)], values), lambda name, _values: f"render {name}", as_key
    )
    studio = Studio(cover, Look(cover, "zoom", {"columns": 12}), texts)
    thread = threading.Thread(
        target=serve, args=(studio, port, lambda address, once: addresses.extend([address, once]))
    )
    thread.start()
    try:
        wait_until(lambda: addresses)
        address, _, token = addresses[0].partition("/#")
        page = Page(int(address.rpartition(":")[2]), token, "")
        status, _, headers = page.send("POST", "/open", token.encode())
        assert status == 204
        yield page._replace(cookie=headers["set-cookie"].partition(";")[0], once=addresses[1].partition("/#")[2])
    finally:
        studio.quit()
        thread.join()
        studio.close()


@pytest.fixture(scope="module")
def page(cover: Path) -> Iterator[Page]:
    with opened(cover) as each:
        wait_until(lambda: not each.get("matching")["running"])
        yield each


# -- What the page gets --------------------------------------------------------------------------------------------


def test_the_frame_that_is_seen_is_the_frame_of_the_file(page: Page, cover: Path) -> None:
    """The same pixels, before they are encoded, also after other looks."""
    looks = [("zoom", {"title": "Anna"}), ("disperse", {"fit": "blur", "spin": 2.0}), ("zoom", {"duration": 4.0})]
    for name, values in looks:
        told = page.look(name, **values)
        number = told["frames"] // 2
        status, content, headers = page.send("GET", f"/api/frame/{told['look']}/{number}?w=240&h=160&exact")
        assert (status, headers["content-type"]) == (200, "image/png")
        seen = cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        job = Look.read(cover, {"animation": name, "values": {"columns": 12, **values}}).job
        with (
            open_mosaic(cover, job.match, Silent(), job.animation) as mosaic,
            open_frames(mosaic, job.animation, (240, 160), job.output, job.overlay) as source,
        ):
            assert (seen == source.picture(number)).all()


def test_every_parameter_is_a_control(page: Page) -> None:
    """Of all animations and settings, with the defaults of their declarations; an animation's own come first."""
    told = page.get("start")
    assert set(told["animations"]) == set(installed())
    for name, table in told["animations"].items():
        controls = {each["name"]: each for each in table["controls"]}
        assert set(controls) == set(parameters(load_animation(name)))
        assert controls["drift"]["default"] == 0.02
        for each in controls.values():
            assert each["help"]
            assert "\x1f" not in each["help"]
    disperse = told["animations"]["disperse"]["controls"]
    assert disperse[0]["name"] == "style"
    assert disperse[0]["choices"] == ["burst", "wind", "gravity", "vortex"]
    spread = next(each for each in disperse if each["name"] == "spread")
    assert (spread["kind"], spread["low"], spread["high"], spread["default"]) == ("number", 0, 0.9, 0.55)
    settings = {each["name"]: each for group in told["settings"] for each in group["controls"]}
    kinds = {
        name: settings[name]["kind"] for name in ("tiles", "title_colour", "size", "fps", "music", "unique", "fit")
    }
    assert kinds == {
        "tiles": "texts", "title_colour": "colour", "size": "text", "fps": "rate", "music": "path", "unique": "flag",
        "fit": "choice",
    }  # fmt: skip
    tiktok = next(each for each in told["presets"] if each["name"] == "tiktok")
    assert tiktok["values"]["size"] == "1080x1920"


def test_a_moving_frame_is_nearly_the_same(page: Page) -> None:
    told = page.look()
    pictures = []
    for exact in ("", "&exact"):
        status, content, _ = page.send("GET", f"/api/frame/{told['look']}/9?w=240&h=160{exact}")
        assert status == 200
        pictures.append(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).astype(int))
    assert 0 < np.abs(pictures[0] - pictures[1]).mean() < 3


def test_a_wrong_value_is_one_sentence(page: Page) -> None:
    values = {"animation": "zoom", "values": {"hold_end": -1}}
    status, body, _ = page.send("POST", "/api/look", json.dumps(values).encode())
    assert status == 400
    assert "hold_end" in json.loads(body)["error"]
    for wrong in (
        b'{"animation": "zoom", "values": {"save_map": "it.mosaic"}}',
        b"",
        b"[]",
        b"{",
        b'{"animation": "none", "values": {}}',
        b'{"animation": "zoom", "values": {"a": 1}}',
    ):
        status, body, _ = page.send("POST", "/api/look", wrong)
        assert (status, list(json.loads(body))) == (400, ["error", "names"])
    look = page.look()["look"]
    for path in (f"{look}/100000?w=96&h=64", f"{look}/0?w=9&h=64", f"{look}/0", f"{look}/0?w=99999&h=64"):
        assert page.send("GET", f"/api/frame/{path}")[0] == 400
    assert page.send("GET", f"/api/frame/{look}/0?w={'9' * 5000}&h=64")[0] == 400
    assert page.send("GET", "/api/frame/unknown/0?w=96&h=64")[0] == 410


def test_a_video_is_rendered_beside_earlier_ones(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    look = page.look(size="96x64", duration=0.4, fps=10)["look"]
    for name in ("china-zoom.mp4", "china-zoom-2.mp4", "china-zoom-3.mp4"):
        page.post(f"render/{look}")
        wait_until(lambda: not page.get("rendering")["running"])
        (made,) = page.get("rendering")["result"]
        assert (made["name"], made["folder"]) == (name, str(tmp_path))
        content = page.send("GET", f"/api/file/{made['file']}")[1]
        assert content == (tmp_path / name).read_bytes()
        assert probe(tmp_path / name).frames == 4
    assert page.send("GET", "/api/file/99")[0] == 400
    assert b"render zoom" in content  # the command, without local paths


def test_a_look_is_saved_beside_its_cover(cover: Path, tmp_path: Path) -> None:
    own = tmp_path / "cover.jpg"
    own.write_bytes(cover.read_bytes())
    look = Look.read(own, {"animation": "disperse", "values": {"title": "Ä", "tiles": ["a", "b"], "size": "96x64"}})
    assert load_look(own) is None
    with opened(own) as page:
        table = {"animation": look.animation, "values": {"title": "Ä", "tiles": ["a", "b"], "size": "96x64"}}
        assert page.post("save", {"animation": "zoom", "values": {}}) == {"name": "cover.studio.json"}
        assert page.post("save", table) == {"name": "cover.studio.json"}
        assert load_look(own) == look
        (tmp_path / "cover.studio.json").write_text("{}")  # of another program
        assert "is not a look that the studio has saved" in page.post("save", table)["error"]
    assert (tmp_path / "cover.studio.json").read_text() == "{}"
    with pytest.raises(InputError, match="is not a look"):
        load_look(own)


def test_a_render_is_cancelled(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    look = page.look(size="640x426", duration=19)["look"]
    page.post(f"render/{look}")
    wait_until(lambda: page.get("rendering")["stage"] == "rendering")
    page.post("rendering/cancel")
    wait_until(lambda: not page.get("rendering")["running"])
    state = page.get("rendering")
    assert (state["cancelled"], state["error"], state["result"]) == (True, "", None)
    assert not list(tmp_path.iterdir())


def test_matching_is_cancelled_for_another_look(page: Page) -> None:
    """The newest look is shown."""
    for columns in (60, 61, 14):
        told = page.post("look", {"animation": "zoom", "values": {"columns": columns}})
        page.post(f"match/{told['look']}")
    wait_until(lambda: not page.get("matching")["running"])
    assert page.post("look", {"animation": "zoom", "values": {"columns": 14}})["matched"]
    assert not page.post("look", {"animation": "zoom", "values": {"columns": 60}})["matched"]


def _look(animation: str, **values: object) -> dict[str, object]:
    return {"animation": animation, "values": {"columns": 12, **values}}


def test_newer_requests_replace_older_ones(page: Page) -> None:
    look = page.look()["look"]
    with ThreadPoolExecutor(12) as pool:
        paths = [f"/api/frame/{look}/{number}?w=960&h=640&page=a" for number in range(12)]
        found = [answer[0] for answer in pool.map(lambda path: page.send("GET", path), paths)]
    assert set(found) == {200, 204}
    assert page.send("GET", paths[0])[0] == 200


# -- Timeline, photos and music ------------------------------------------------------------------------------------


def test_an_animation_is_an_entry_of_a_timeline(page: Page) -> None:
    """What is added after it is joined, and parameters with spaces survive."""
    (zoom,) = page.look("zoom", focus=["0.2,0.3"], duration=6)["entries"]
    assert zoom == {"animation": "zoom", "seconds": 6.0, "values": {"focus": ["0.2,0.3"]}}
    told = page.look("show", timeline=[zoom, {"animation": "disperse", "seconds": 2, "values": {"spin": 1.5}}])
    assert [(each["animation"], each["seconds"]) for each in told["entries"]] == [
        ("zoom", 6.0), ("zoom", 2.0), ("disperse", 2.0),
    ]  # fmt: skip
    assert told["entries"][0] == zoom
    assert told["entries"][2]["values"] == {"spin": 1.5}
    assert told["frames"] == 300
    assert "--timeline 'zoom 6s focus=0.2,0.3, zoom 2s direction=out, disperse 2s spin=1.5'" in told["command"]
    hold = {"animation": "hold", "seconds": 1, "values": {}}
    assert "contains no animation" in page.post("look", _look("show", timeline=[hold]))["error"]
    for wrong in ([], [{}], [{**hold, "seconds": -1}], [{**hold, "seconds": "a"}], [{**zoom, "values": {"a": 1}}], [7]):
        assert list(page.post("look", _look("show", timeline=wrong))) == ["error", "names"]


def test_the_photo_that_is_clicked_is_landed_on(page: Page) -> None:
    """At several moments and in several animations, and through the landings that are told."""
    for animation, number, x, y in (("zoom", 0, 0.3, 0.4), ("disperse", 40, 0.4, 0.7), ("wave", 50, 0.8, 0.5)):
        look = page.look(animation)["look"]
        place = page.get(f"place/{look}/{number}?w=300&h=200&x={x}&y={y}")["place"]
        landed = page.look("zoom", focus=[place["point"]])
        last = landed["frames"] - 1
        assert page.get(f"place/{landed['look']}/{last}?w=300&h=200&x=0.5&y=0.5")["place"]["cell"] == place["cell"]
    column, row = map(
        int, page.get(f"place/{page.look()['look']}/0?w=300&h=200&x=0.51&y=0.3")["place"]["cell"].split(",")
    )
    assert (column, row) == (6, 2)
    first = page.get(f"landings/{page.look()['look']}")["places"][0]
    told = page.look("zoom")
    assert (
        page.get(f"place/{told['look']}/{told['frames'] - 1}?w=300&h=200&x=0.5&y=0.5")["place"]["cell"] == first["cell"]
    )
    assert page.get(f"cell/{told['look']}?cell=6,2")["place"]["cell"] == "6,2"
    for wrong in ("99,0", "a", ""):
        assert page.send("GET", f"/api/cell/{told['look']}?cell={wrong}")[0] == 400
    outside = page.look("zoom", size="96x300", fit="pad")["look"]
    assert page.get(f"place/{outside}/0?w=96&h=300&x=0.5&y=0.01") == {"place": None}
    for wrong in ("x=a&y=0", "x=0", ""):
        assert page.send("GET", f"/api/place/{outside}/0?w=96&h=300&{wrong}")[0] == 400


def test_the_library_is_searched(page: Page, photos: Path) -> None:
    """By name, date and colour, and by whether the mosaic shows a photo."""
    look = page.look(tiles=[str(photos)], columns=4, unique=True)["look"]

    def search(query: str) -> list[Any]:
        found = page.get(f"photos/{look}?{query}")
        assert len(found["photos"]) == min(found["total"], 60)
        return list(found["photos"])

    every = search("")
    names = [each["name"] for each in every]
    assert len(every) == len(list(photos.rglob("*.jpg"))) == len(search("used=1")) + len(search("used=0"))
    assert all(each["uses"] == 1 for each in search("used=1"))
    assert {each["name"] for each in search("text=1.j")} == {name for name in names if "1.j" in name}
    assert len(search(f"text={every[0]['date'][:4]}")) == len(every)
    assert search("text=nothing") == []
    mosaic = page.get(f"photos/{look}")["mosaic"]

    def mean(photo: Any) -> Any:
        status, content, headers = page.send("GET", f"/api/photo/{mosaic}/{photo['number']}")
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).mean(axis=(0, 1))

    reds = search("colour=%23ff0000")
    assert mean(reds[0])[2] - mean(reds[0])[0] > mean(reds[-1])[2] - mean(reds[-1])[0] + 10
    assert page.get(f"photos/{look}?start=50")["photos"] == every[50:]
    for path in (f"{mosaic}/9999", f"{mosaic + 1}/0", f"{mosaic - 1}/0"):
        assert page.send("GET", f"/api/photo/{path}")[0] == 400


def test_music_is_played_and_drawn_as_it_sounds(page: Page, music: Path) -> None:
    look = page.look(music=str(music), music_fade=2.0, duration=8)["look"]
    peaks = page.get(f"waveform/{look}")["peaks"]
    assert len(peaks) == 600
    assert max(peaks[:3]) < 0.1 < 0.2 < min(peaks[200:400])
    assert max(peaks[-3:]) < 0.1
    status, content, headers = page.send("GET", f"/api/sound/{look}")
    assert (status, headers["content-type"], content[:4]) == (200, "audio/ogg", b"OggS")
    silent = page.look(music=str(music.with_name("none.mp3")))["look"]
    assert "none.mp3" in json.loads(page.send("GET", f"/api/waveform/{silent}")[1])["error"]


def test_several_presets_are_rendered_at_once(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    look = page.look(size="96x64", duration=0.4, title="Anna")["look"]
    page.post(f"render/{look}", {"presets": ["gif-480", "instagram-square"]})
    wait_until(lambda: not page.get("rendering")["running"], 60)
    state = page.get("rendering")
    assert [each["name"] for each in state["result"]] == [
        "china-zoom-gif-480.gif",
        "china-zoom-instagram-square.mp4",
    ], state
    assert probe(tmp_path / "china-zoom-instagram-square.mp4").width == 1080
    assert "there is no preset" in page.post(f"render/{look}", {"presets": ["none"]})["error"]


def test_a_preset_that_writes_files_writes_none_in_the_studio(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(tmp_path))
    (tmp_path / "own.toml").write_text(f'save_map = "{tmp_path / "it.mosaic"}"\ncolumns = 9')
    told = page.post("look", {"animation": "zoom", "values": {}, "preset": "own"})
    page.post(f"match/{told['look']}")
    wait_until(lambda: not page.get("matching")["running"])
    assert page.post("look", {"animation": "zoom", "values": {}, "preset": "own"})["matched"]
    assert [each.name for each in tmp_path.iterdir()] == ["own.toml"]


def test_one_video_is_rendered_at_a_time(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    look = page.look(size="640x426", duration=19)["look"]
    page.post(f"render/{look}")
    assert "wait for it" in page.post(f"render/{look}")["error"]
    page.post("rendering/cancel")
    wait_until(lambda: not page.get("rendering")["running"])


def test_a_duration_stretches_the_entries_of_a_timeline(page: Page) -> None:
    entries = page.look("show", timeline="zoom 5s, hold 3s", duration=4.0)["entries"]
    assert [each["seconds"] for each in entries] == [2.5, 1.5]


def test_a_look_is_told_as_campaign_and_preset(
    page: Page, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which make the same video."""
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(tmp_path))
    values = {
        "title": 'A "b"',
        "focus": ["0.2,0.3"],
        "spin": 1.5,
        "size": "96x64",
        "covered": "0.1,0,0,0.2",
        "fps": "25",
    }
    values = {**values, "background": "#102030", "unique": True, "tone": 0.3, "max_size": "20MB"}
    for animation in ("zoom", "disperse"):
        own = {
            key: value for key, value in values.items() if key not in {"zoom": "spin", "disperse": "focus"}[animation]
        }
        told = page.post("look", {"animation": animation, "values": own, "preset": "instagram-reel"})
        job = Look.read(cover, {"animation": animation, "values": own, "preset": "instagram-reel"}).job
        assert "--preset instagram-reel" in told["command"]
        (tmp_path / "it.toml").write_text(told["campaign"], "utf-8")
        (task,) = read_campaign(tmp_path / "it.toml", BatchRequest()).tasks
        assert replace(task.job, path=job.path, command="") == job
        (tmp_path / "own.toml").write_text(told["preset"], "utf-8")
        assert load_preset("own").animation == animation
        again = Look.read(cover, {"animation": animation, "values": {}, "preset": "own"}).job
        assert replace(again, preset="instagram-reel") == job


# -- What goes wrong -----------------------------------------------------------------------------------------------


def test_a_cover_that_is_replaced_is_matched_again(cover: Path, tmp_path: Path) -> None:
    own = tmp_path / "cover.jpg"
    own.write_bytes(cover.read_bytes())
    with opened(own) as page:
        told = page.look()
        path = f"/api/frame/{told['look']}/0?w=96&h=64&exact"
        before = page.send("GET", path)[1]
        cv2.imwrite(str(own), 255 - cv2.imread(str(cover)))
        status, body, _ = page.send("GET", path)
        assert (status, json.loads(body)["matching"]) == (409, True)
        assert page.look()["look"] == told["look"]
        assert page.send("GET", path)[1] != before
        own.unlink()
        page.post(f"match/{page.post('look', _look('zoom'))['look']}")
        wait_until(lambda: not page.get("matching")["running"])
        assert "cover.jpg" in page.get("matching")["error"]
        own.write_bytes(cover.read_bytes())
        assert page.look()["matched"]
        assert page.send("GET", path)[1] == before


def test_photos_that_vanish_are_drawn_from_their_thumbnails(cover: Path, photos: Path, tmp_path: Path) -> None:
    own = shutil.copytree(photos, tmp_path / "own")
    with opened(cover) as page:
        told = page.look(tiles=[str(own)], landing="tile")
        shutil.rmtree(own)
        for number in (0, told["frames"] - 1):
            assert page.send("GET", f"/api/frame/{told['look']}/{number}?w=960&h=640")[0] == 200
        mosaic = page.get(f"photos/{told['look']}")["mosaic"]
        assert page.send("GET", f"/api/photo/{mosaic}/0")[0] == 200


def test_an_animation_that_raises_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    look = page.look(easing="linear")["look"]
    with monkeypatch.context() as changed:
        changed.setattr("animations.zoom.Zoom.prepare", lambda *_: 1 // 0)
        status, body, _ = page.send("GET", f"/api/frame/{look}/0?w=96&h=64")
        assert (status, json.loads(body)) == (500, {"error": "ZeroDivisionError: integer division or modulo by zero"})
    assert page.send("GET", f"/api/frame/{look}/0?w=96&h=64")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_with_a_signal(cover: Path, number: int) -> None:
    """Also while it matches; the address is on a line of its own, and flushed."""
    command = [sys.executable, "-m", "renderer", "studio", str(cover), "--no-open", "--columns", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#[\w-]{43}\n", process.stdout.readline())
        process.send_signal(number)
        assert process.wait(30) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


# -- What others do not --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/studio.js", "/api/start", "/open"])
def test_other_hosts_and_sites_are_refused(page: Page, path: str) -> None:
    """Whatever name leads to this machine, and whatever page of this browser asks."""
    method = "POST" if path == "/open" else "GET"
    for host in ("localhost", f"localhost:{page.port}", f"evil.example:{page.port}", "127.0.0.1", f"127.1:{page.port}"):
        assert page.send(method, path, headers={"Host": host})[0] == 421
    for origin in ("https://evil.example", "null", f"http://localhost:{page.port}", "http://127.0.0.1:1"):
        assert page.send(method, path, headers={"Origin": origin})[0] == 403
    for site in ("cross-site", "same-site", "strange"):
        assert page.send(method, path, headers={"Sec-Fetch-Site": site})[0] == 403
    typed = page.send(method, path, headers={"Sec-Fetch-Site": "none"})[0]  # into the address bar
    assert typed == (200 if path == "/" else 403)


def test_the_interface_needs_the_token(page: Page) -> None:
    for cookie in (
        "",
        "studio=a",
        f"studio-{page.port}=",
        f"studio-{page.port}=wrong",
        "\xff",
        page.cookie.replace("-", ""),
    ):
        assert page.send("GET", "/api/start", headers={"Cookie": cookie})[0] == 401
        assert page.send("POST", "/api/quit", headers={"Cookie": cookie})[0] == 401
    for token in (b"", b"wrong", page.token.encode() + b"a"):
        status, _, headers = page.send("POST", "/open", token)
        assert (status, "set-cookie" in headers) == (401, False)
    assert page.send("GET", "/open")[0] == 405


def test_the_token_that_is_given_to_a_browser_opens_one_page(page: Page) -> None:
    status, _, headers = page.send("POST", "/open", page.once.encode())
    assert status == 204
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
    assert page.send("GET", "/api/start", headers=cookie)[0] == 200
    assert page.send("POST", "/open", page.once.encode())[0] == 401
    assert page.send("POST", "/open", b"")[0] == 401


def test_answers_forbid_what_a_page_could_be_made_to_do(page: Page) -> None:
    for path in ("/", "/studio.js", "/api/start", "/nothing", "/open"):
        _, _, headers = page.send("GET", path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    cookie = page.send("POST", "/open", page.token.encode())[2]["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize(
    "path",
    [
        "/../looks.py",
        "/..%2flooks.py",
        "//etc/passwd",
        "/page/../server.py",
        "/api/../studio.html",
        "/api/frame/%00/0",
        "/%",
    ],
)
def test_paths_lead_to_no_other_files(page: Page, path: str) -> None:
    status, body, _ = page.send("GET", path)
    assert status in (400, 404, 410)
    assert b"import" not in body


def test_large_bodies_are_refused(page: Page) -> None:
    assert page.send("POST", "/api/look", b"1" * 1_000_001)[0] == 413
    assert page.send("POST", "/api/look", headers={"Content-Length": "-1"})[0] in (400, 413)
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as connection:  # of unknown length
        head = f"POST /api/look HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError):  # noqa: PT011 (the connection ends in one of several ways)
            for _ in range(1000):
                connection.sendall(b"ffff\r\n" + b"1" * 0xFFFF + b"\r\n")
    assert page.look()["frames"] > 0


def test_a_thousand_requests_at_once_are_survived(page: Page) -> None:
    with ThreadPoolExecutor(200) as pool:
        found = {answer[0] for answer in pool.map(lambda _: page.send("GET", "/api/matching"), range(1000))}
    assert found <= {200, 503}
    assert page.send("GET", "/api/matching")[0] == 200


def test_slow_clients_are_dropped(cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends nothing, one that stops within the headers, and one that stops within the body."""
    monkeypatch.setattr("renderer.studio.server._HEADER_SECONDS", 0.5)
    monkeypatch.setattr("renderer.studio.guard._BODY_SECONDS", 0.5)
    with opened(cover) as page:
        head = f"POST /api/look HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n"
        body = f"{head}Cookie: {page.cookie}\r\nContent-Length: 10\r\n\r\n1"
        for sent in ("", head, body):
            with socket.create_connection(("127.0.0.1", page.port), timeout=10) as connection:
                connection.sendall(sent.encode())
                started = time.monotonic()
                while connection.recv(1000):
                    pass
                assert time.monotonic() - started < 8
