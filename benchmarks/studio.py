"""How quickly the studio shows a change, and how fast it plays, over HTTP as its page asks for it.

    python benchmarks/studio.py COVER --tiles FOLDER [--size 960x540] [--changes 40]
    python benchmarks/studio.py COVER --tiles FOLDER --minutes 60

For each animation, a parameter takes other values, as while a slider is dragged: milliseconds from a change to
the frame in its new look, median and 95th percentile. Then frames a second of playing, with three requests at a time.

With `--minutes`, the memory of the studio and of its processes in so many minutes of use: sliders are dragged, parts
of animations are played, mosaics matched, frames of other sizes drawn, photos searched, landed on, swapped and banned,
music heard, and videos rendered, at random, with the pauses of a user.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil

CHANGES: dict[str, tuple[str, float, float]] = {
    "zoom": ("hold_end", 0.5, 3.0), "disperse": ("spread", 0.2, 0.8), "gather": ("spin", 0.0, 4.0),
    "reveal": ("hold_end", 0.5, 3.0), "flight": ("drift", 0.0, 0.09), "wave": ("light", 0.0, 1.0),
    "sort": ("swirl", -0.9, 0.9), "parade": ("light", 0.0, 1.0), "endless": ("drift", 0.0, 0.09),
}  # fmt: skip
"""A parameter of each animation, and the range of its values."""


class Client:
    """What the page does, over one connection."""

    def __init__(self, address: str) -> None:
        server, _, token = address.partition("/#")
        self._connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
        self._connection.request("POST", "/open", token)
        response = self._connection.getresponse()
        response.read()
        self._cookie = (response.getheader("set-cookie") or "").partition(";")[0]

    def rest(self) -> None:
        """Close the connection, as a server does after some seconds without requests, until the next one."""
        self._connection.close()

    def ask(self, method: str, path: str, value: object = None) -> bytes:
        """Send a request, and return the content of the answer."""
        body = None if value is None else json.dumps(value)
        self._connection.request(method, f"/api/{path}", body, {"Cookie": self._cookie})
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {content!r}")
        return content

    def look(self, animation: str, values: dict[str, object]) -> Any:
        """Tell the server of a look; its mosaic is matched if necessary."""
        told = json.loads(self.ask("POST", "look", {"animation": animation, "values": values}))
        if not told["matched"]:
            self.ask("POST", f"match/{told['look']}", {})
            while json.loads(self.ask("GET", "matching"))["running"]:
                time.sleep(0.05)
            return self.look(animation, values)
        return told


def changes(client: Client, values: dict[str, object], size: str, count: int) -> None:
    """Print how long changes take."""
    print(f"milliseconds from a change to its frame ({size}, {count} changes): median, 95th percentile")
    for animation, (parameter, low, high) in CHANGES.items():
        taken = []
        for number in range(count + 1):
            value = low + (high - low) * number / count
            started = time.perf_counter()
            told = client.look(animation, {**values, parameter: round(value, 4)})
            client.ask("GET", f"frame/{told['look']}/{told['frames'] // 3}?{size}&page=a")
            taken.append(1000 * (time.perf_counter() - started))
        taken = sorted(taken[1:])  # the first one opens the animation
        print(f"  {animation:9} {parameter:9} {statistics.median(taken):5.0f} {taken[int(0.95 * len(taken))]:5.0f}")


def playing(address: str, client: Client, values: dict[str, object], size: str) -> None:
    """Print how many frames a second are drawn."""
    print(f"frames a second of playing ({size})")
    clients = [Client(address) for _ in range(3)]
    for animation in CHANGES:
        told = client.look(animation, values)
        numbers = range(told["frames"] // 4, told["frames"] * 3 // 4)
        client.ask("GET", f"frame/{told['look']}/{numbers[0]}?{size}")
        started = time.perf_counter()

        def run(which: int, look: str = told["look"], numbers: range = numbers) -> None:
            for number in numbers[which::3]:
                clients[which].ask("GET", f"frame/{look}/{number}?{size}")

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(run, range(3)))
        print(f"  {animation:9} {len(numbers) / (time.perf_counter() - started):5.0f}")


def use(client: Client, values: dict[str, object], random: Random, music: str) -> None:
    """Do what a user does within some seconds."""
    animation = random.choice([*CHANGES])
    parameter, low, high = CHANGES[animation]
    extra: dict[str, object] = {}
    if random.random() < 0.2:
        extra["columns"] = random.randrange(30, 90)
    if random.random() < 0.3:
        extra |= {
            "size": random.choice(["1080x1080", "1080x1920", "1920x1080"]),
            "fit": random.choice(["crop", "blur"]),
        }
    if random.random() < 0.3:
        extra["title"] = f"Number {random.random()}"
    if music and random.random() < 0.2:
        extra["music"] = music
    size = "w={}&h={}".format(*random.choice([(960, 540), (540, 960), (1280, 720), (720, 720)]))
    told = client.look(animation, {**values, **extra})
    start = random.randrange(told["frames"])
    for number in range(12):
        told = client.look(animation, {**values, **extra, parameter: round(random.uniform(low, high), 4)})
        client.ask("GET", f"frame/{told['look']}/{start}?{size}&page=a" + ("&exact" if number == 11 else ""))
    for number in range(start, min(start + 40, told["frames"])):
        client.ask("GET", f"frame/{told['look']}/{number}?{size}")
    photos = json.loads(client.ask("GET", f"photos/{told['look']}?text={random.randrange(10)}"))
    for photo in photos["photos"][:20]:
        client.ask("GET", f"photo/{photos['mosaic']}/{photo['number']}")
    if "music" in extra:
        client.ask("GET", f"waveform/{told['look']}")
        client.ask("GET", f"sound/{told['look']}")
    places = json.loads(client.ask("GET", f"landings/{told['look']}"))["places"]
    place, other = random.choice(places), random.choice(places)
    edit = random.choice(
        [{"focus": [place["point"]]}, {"ban": [place["key"]]}, {"swap": [f"{place['cell']}={other['key']}"]}]
    )
    told = client.look("zoom", {**values, **extra, **edit})
    client.ask("GET", f"frame/{told['look']}/{told['frames'] - 1}?{size}&exact")
    if random.random() < 0.05:
        told = client.look(animation, {**values, **extra, "size": "640x360", "duration": 2.0})
        client.ask("POST", f"render/{told['look']}", {})
        while json.loads(client.ask("GET", "rendering"))["running"]:
            time.sleep(0.2)


def memory(client: Client, process: psutil.Process, values: dict[str, object], minutes: float, music: str) -> None:
    """Print the largest memory in each tenth of the time."""
    print(f"MiB of memory in ten parts of {minutes:g} minutes of use")
    random, started = Random(1), time.monotonic()
    parts = [0.0] * 10
    while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
        use(client, values, random, music)
        used = sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20
        parts[int(10 * share)] = max(parts[int(10 * share)], used)
        time.sleep(random.uniform(1, 6))
        client.rest()
    print(" ".join(f"{part:.0f}" for part in parts))


def main() -> None:
    """Start a studio and measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cover")
    parser.add_argument("--tiles", required=True)
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--changes", type=int, default=40)
    parser.add_argument("--minutes", type=float, help="measure the memory of this many minutes of use instead")
    parser.add_argument("--music", default="", help="that is used meanwhile")
    options = parser.parse_args()
    options.cover, options.tiles = (str(Path(each).absolute()) for each in (options.cover, options.tiles))
    values: dict[str, object] = {"tiles": [options.tiles]}
    size = "w={}&h={}".format(*options.size.split("x"))
    command = [sys.executable, "-m", "renderer", "studio", options.cover, "--tiles", options.tiles, "--no-open"]
    started = time.perf_counter()
    with (
        TemporaryDirectory() as folder,  # where videos are rendered
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            client = Client(address)
            told = client.look("zoom", values)
            client.ask("GET", f"frame/{told['look']}/0?{size}")
            print(f"{time.perf_counter() - started:.2f} s from the command to the first frame")
            if options.minutes:
                memory(client, psutil.Process(process.pid), values, options.minutes, options.music)
            else:
                changes(client, values, size, options.changes)
                playing(address, client, values, size)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
