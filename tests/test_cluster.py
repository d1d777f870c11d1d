"""Segments on a cluster of real processes: a scheduler and workers, as on several machines that share folders."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from conftest import wait_until
from PIL import Image
from test_segments import SHORT, digest, kept, running
from videos import changed_ffmpeg, decode, slow_ffmpeg

import renderer
from renderer.cached_files import clear, copies_folder
from renderer.cluster.store import Store
from renderer.encoder import probe
from renderer.job import sample_pictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by signals")

Render = Callable[..., tuple[int, str, str]]

SETTINGS = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
}
"""Settings of Dask for schedulers and workers: they take less time, and give up after two workers instead of four."""


class Cluster:
    """A scheduler and its workers, as processes."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.file, self._folder, self._stack = folder / "scheduler.json", folder, stack
        self.scheduler = self.start_scheduler(0)

    def start_scheduler(self, port: int) -> subprocess.Popen[bytes]:
        self.file.unlink(missing_ok=True)
        process = self._start("scheduler", "--scheduler-file", self.file, "--port", port)
        wait_until(lambda: self.file.exists() and self.file.stat().st_size)
        return process

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def worker(
        self, resource: str = "render=1", *, restarts: bool = False, **environment: str
    ) -> subprocess.Popen[bytes]:
        words = ["--scheduler-file", self.file, "--nthreads", 1, "--resources", resource]
        words += [] if restarts else ["--no-nanny"]
        return self._start("worker", *words, **environment)

    def _start(self, *words: object, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"], cwd=self._folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, **SETTINGS, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
        )  # fmt: skip

        def stop() -> None:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for each in (process, *children):
                with suppress(psutil.Error):
                    each.kill()
            process.wait()

        self._stack.callback(stop)
        return process


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory.mktemp("cluster"), stack)


def encoders(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The encoders that a worker has started; another ffmpeg only tells its version."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            found += [child] if len(child.cmdline()) > 4 else []
    return found


def test_the_file_is_that_of_one_process(render: Render, tmp_path: Path, cover: Path) -> None:
    assert render("zoom", cover, *SHORT, "-o", "it.mp4")[0] == 0
    expected = digest(tmp_path / "it.mp4")
    clear("segments")
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "local:2", "-y", "-o", "it.mp4")
    assert code == 0, log
    assert "rendering with 2 workers" in log
    assert digest(tmp_path / "it.mp4") == expected


def test_a_killed_worker_costs_only_its_segment(render: Render, tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    slow = slow_ffmpeg(tmp_path / "ffmpeg")
    first, _ = (cluster.worker(IMAGEIO_FFMPEG_EXE=slow) for _ in range(2))
    store = tmp_path / "store"
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "--store", store, "-o", "it.mp4")
    with running(tmp_path, *words) as process:
        wait_until(lambda: encoders(first))
        first.kill()
        assert process.wait(120) == 0
    assert probe(tmp_path / "it.mp4").frames == 240
    assert len(kept()) == 6
    assert not list(store.glob("segments/*"))  # they were copied
    resumed = digest(tmp_path / "it.mp4")
    assert render("zoom", cover, *SHORT, "-y", "-o", "it.mp4")[0] == 0
    assert digest(tmp_path / "it.mp4") == resumed


def test_an_interruption_stops_the_workers(tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    worker = cluster.worker(IMAGEIO_FFMPEG_EXE=slow_ffmpeg(tmp_path / "ffmpeg"))
    with running(tmp_path, "zoom", cover, *SHORT, "--cluster", cluster.address, "-o", "it.mp4") as process:
        wait_until(lambda: encoders(worker))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    before = len(kept())
    wait_until(lambda: not encoders(worker), 10)
    time.sleep(2)  # no further segment starts
    assert not encoders(worker)
    assert len(kept()) <= before + 1
    assert not (tmp_path / "it.mp4").exists()


def test_a_cluster_without_workers_is_said(
    render: Render, tmp_path: Path, cover: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderer.cluster.workers.PATIENCE", 1.0)
    threading.Timer(4, cluster.worker).start()
    code, _, log = render("zoom", cover, *SHORT, "--cluster", cluster.address, "-o", "it.mp4")
    assert code == 0, log
    assert "The cluster has no workers that answer: waiting for one" in log
    assert probe(tmp_path / "it.mp4").frames == 240


@pytest.mark.usefixtures("s3_server")
def test_a_store_in_the_cloud_and_photos_that_workers_can_t_see(
    render: Render, tmp_path: Path, photos: Path, cluster: Cluster
) -> None:
    """The workers get photos by the store alone, also those that are shown larger than their thumbnails."""
    large = tmp_path / "large"
    large.mkdir()
    for number, path in enumerate(sample_pictures()):
        with Image.open(path) as picture:
            picture.resize((1280, 854)).save(large / f"large{number}.jpg")
    words = ("zoom", sample_pictures()[1], *SHORT, "--size", "400x266", "--tiles", photos, "--tiles", large)
    words = (*words, "--focus", large / "large0.jpg", "-y", "-o", "it.mp4")
    assert render(*words)[0] == 0
    expected = digest(tmp_path / "it.mp4")
    clear("segments")
    clear("copies")
    cluster.worker()
    code, out, log = render(*words, "--cluster", cluster.address, "--store", "s3://jobs/here", "--json")
    assert code == 0, log
    assert digest(tmp_path / "it.mp4") == expected
    assert {path.name for path in copies_folder().glob("*/*")} == {
        "photos.sqlite",
        "plan.pickle",
        "flower.jpg",
        "large0.jpg",
    }
    segments = json.loads(out)["segments"]
    assert [segment["frames"] for segment in segments] == [40] * 6
    assert len({segment["worker"] for segment in segments}) == 1
    assert all(segment["seconds"] > 0 for segment in segments)


def test_a_campaign_is_matched_and_rendered_by_workers(
    render: Render, tmp_path: Path, photos: Path, cluster: Cluster
) -> None:
    workers = [cluster.worker(), cluster.worker()]
    (tmp_path / "campaign.toml").write_text(
        f'[defaults]\ntiles = ["{photos}"]\nsize = "96x64"\nfps = 10\ncolumns = 12\ngop_seconds = 1\n'
        f'segment_seconds = 4\ncover = "{sample_pictures()[0]}"\noutput = "out/{{duration}}-{{match_seed}}"\n'
        "[[job]]\n[job.sweep]\nmatch_seed = [1, 2]\nduration = [0.5, 1]\n[[job]]\nduration = 24\n"
    )
    clear("maps")
    clear("segments")
    words = ("batch", "campaign.toml", "--cluster", cluster.address, "--store", tmp_path / "store")
    code, out, log = render(*words, "--json")
    assert code == 0, log
    entries = {video["output"]: video for video in json.loads(out)["videos"]}
    assert sorted(entries) == ["0.5-1.mp4", "0.5-2.mp4", "1-1.mp4", "1-2.mp4", "24-0.mp4"]
    assert all(probe(tmp_path / "out" / name).frames == float(name.split("-")[0]) * 10 for name in entries)
    made_by = {segment["worker"].split()[-1] for video in entries.values() for segment in video["segments"]}
    assert made_by == {str(worker.pid) for worker in workers}
    assert len(entries["24-0.mp4"]["segments"]) == 6
    assert "matched in" in log
    first = decode(tmp_path / "out" / "24-0.mp4", 96, 64)
    clear("maps")
    clear("segments")
    assert render("batch", "campaign.toml", "--only", "24*", "--no-resume")[0] == 0
    assert (decode(tmp_path / "out" / "24-0.mp4", 96, 64) == first).all()


def test_two_passes_and_sound_on_a_cluster(
    render: Render, tmp_path: Path, cover: Path, cluster: Cluster, music: Path
) -> None:
    """What the first pass has learned is sent to whichever worker makes a segment in the second."""
    words = ("zoom", cover, *SHORT, "--size", "160x106", "--max-size", "850KB", "--title", "Anna", "--music", music)
    words = (*words, "--segment-seconds", 12, "-y", "-o", "it.mp4")
    assert render(*words)[0] == 0
    expected = digest(tmp_path / "it.mp4")
    assert 800_000 < (tmp_path / "it.mp4").stat().st_size <= 850_000
    clear("segments")
    cluster.worker()
    cluster.worker()
    store = tmp_path / "store"
    assert render(*words, "--cluster", cluster.address, "--store", store)[0] == 0
    assert digest(tmp_path / "it.mp4") == expected
    assert not [path for path in store.rglob("*") if path.is_file() and not path.is_relative_to(store / "files")]


def test_from_python_with_a_short_video_of_two_covers(tmp_path: Path, photos: Path) -> None:
    """A short video is one segment. Its logo, its covers and all photos are sent."""
    first, second = sample_pictures()
    logo = tmp_path / "logo.png"
    Image.new("RGBA", (40, 20), "red").save(logo)
    options = {"tiles": photos, "size": (96, 64), "columns": 12, "duration": 1, "fps": 10, "logo": logo}
    morph = {**options, "to": (second,)}
    alone = renderer.render(first, "morph", tmp_path / "alone.mp4", **morph)
    made = renderer.render(
        first, "morph", tmp_path / "it.mp4", cluster="local:1", store=str(tmp_path / "store"), **morph
    )
    assert not alone.segments
    assert [(segment.number, segment.frames) for segment in made.segments] == [(0, 10)]
    assert (decode(tmp_path / "it.mp4", 96, 64) == decode(tmp_path / "alone.mp4", 96, 64)).all()
    gif = renderer.render(first, "zoom", tmp_path / "it.gif", cluster="local:1", **{**options, "duration": 0.3})
    assert gif.frames == 3  # made here: it is no task
    assert not gif.segments


def test_two_programs_and_two_videos_at_once(tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    """Two renders in threads of one program; both make the same segments for files that differ in their names only."""
    cluster.worker()
    cluster.worker()

    def render(name: str) -> renderer.Summary:
        return renderer.render(
            cover, "zoom", tmp_path / f"{name}.mp4", cluster=cluster.address, store=str(tmp_path / "store"),
            size=(96, 64), columns=12, duration=24, fps=10, gop_seconds=1, segment_seconds=4,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        summaries = list(pool.map(render, ("one", "other")))
    assert [summary.frames for summary in summaries] == [240, 240]
    assert (decode(tmp_path / "one.mp4", 96, 64) == decode(tmp_path / "other.mp4", 96, 64)).all()


# -- What goes wrong -----------------------------------------------------------------------------------------------


def test_a_slow_worker_does_not_hold_up_the_others(tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    """One stands still: another makes its segment too."""
    ffmpeg = slow_ffmpeg(tmp_path / "ffmpeg")
    slow, _ = (cluster.worker(IMAGEIO_FFMPEG_EXE=ffmpeg) for _ in range(2))
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "--store", tmp_path / "store", "-o", "it.mp4")
    with running(tmp_path, *words) as process:
        wait_until(lambda: encoders(slow))
        slow.send_signal(signal.SIGSTOP)
        assert process.wait(60) == 0
    slow.send_signal(signal.SIGCONT)
    assert not list((tmp_path / "store").glob("runs/*"))
    assert probe(tmp_path / "it.mp4").frames == 240


def test_another_worker_tries_what_failed_on_a_full_disk(
    render: Render, tmp_path: Path, cover: Path, cluster: Cluster
) -> None:
    full = changed_ffmpeg(tmp_path / "ffmpeg", "*rawvideo*", "echo No space left on device >&2; exit 1")
    cluster.worker(IMAGEIO_FFMPEG_EXE=full)
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "--store", tmp_path / "store", "-o", "it.mp4")
    code, _, log = render(*words)
    assert (code, "process" in log, "the disk is full" in log) == (1, True, True), log
    cluster.worker()
    deadline = time.monotonic() + 60
    while code and time.monotonic() < deadline:
        code, _, log = render(*words)
    assert code == 0, log
    assert probe(tmp_path / "it.mp4").frames == 240


def test_a_segment_that_kills_workers_does_not_take_the_others_with_it(
    render: Render, tmp_path: Path, cover: Path, cluster: Cluster
) -> None:
    deadly = changed_ffmpeg(tmp_path / "ffmpeg", "*00002.mp4.part*", "kill -9 $PPID")
    nannies = [cluster.worker(restarts=True, IMAGEIO_FFMPEG_EXE=deadly) for _ in range(2)]
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "--store", tmp_path / "store", "-o", "it.mp4")
    code, _, log = render(*words)
    assert code == 1
    assert "several workers were killed by one task" in log
    assert [path.stem for path in kept()] == ["00000", "00001", "00003", "00004", "00005"]
    assert not (tmp_path / "it.mp4").exists()
    for nanny in nannies:
        nanny.terminate()
        nanny.wait()
    cluster.worker()
    assert render(*words)[0] == 0


def test_a_scheduler_may_go_away_and_come_back(tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    slow = slow_ffmpeg(tmp_path / "ffmpeg")
    cluster.worker(IMAGEIO_FFMPEG_EXE=slow)
    port = int(cluster.address.rpartition(":")[2])
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "--store", tmp_path / "store", "-o", "it.mp4")
    with running(tmp_path, *words) as process:
        wait_until(lambda: kept())
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        cluster.start_scheduler(port)
        cluster.worker(IMAGEIO_FFMPEG_EXE=slow)
        assert process.wait(120) == 0
    assert probe(tmp_path / "it.mp4").frames == 240


def test_workers_that_can_t_be_used_are_refused(render: Render, cover: Path, cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker(resource="other=1")
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "-o", "it.mp4")
    code, _, log = render(*words)
    assert code == 2
    assert "No worker of the cluster offers the resource render" in log
    other = changed_ffmpeg(tmp_path / "ffmpeg", "*-version*", "echo ffmpeg version 1.2; exit")
    cluster.worker(IMAGEIO_FFMPEG_EXE=other)
    deadline = time.monotonic() + 60
    while "ffmpeg version 1.2" not in log and time.monotonic() < deadline:
        code, _, log = render(*words)
    assert code == 2
    assert "is not used: it has ffmpeg version 1.2, and this machine ffmpeg version " in log
    assert "No worker of the cluster has the same version as this machine" in log
    cluster.worker()
    while code and time.monotonic() < deadline:
        code, _, log = render(*words)
    assert code == 0, log
    assert "rendering with 1 worker\n" in log
    assert "is not used" in log


def test_an_address_that_can_t_be_reached_is_one_sentence(
    render: Render, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderer.cluster.client.PATIENCE", 0.5)
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "tcp://127.0.0.1:9", "-o", "it.mp4")
    assert code == 2
    assert "no scheduler of Dask answers at --cluster tcp://127.0.0.1:9" in log
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "local:2", "-o", "it.mp4")
    assert code == 2
    assert "install mosaic-renderer with the extra cluster" in log


@pytest.mark.parametrize("address", ["local", "local:0", "local:x", "local:500", "first", "http://first:8786"])
def test_what_is_no_address_is_said_at_once(render: Render, cover: Path, address: str) -> None:
    code, _, log = render("zoom", cover, *SHORT, "--cluster", address)
    assert code == 2
    assert f"--cluster {address} is not an address: give tcp://HOST:PORT, or local:N" in log


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, b""], ids=["text", "nothing"])
def test_another_program_at_the_address_is_said(
    render: Render, cover: Path, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server, such as the scheduler's dashboard, whose answer Dask takes for a length, or waits for."""
    monkeypatch.setattr("renderer.cluster.client.PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connection.sendall(answer)
                    connections.append(connection)

        connections: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        code, _, log = render("zoom", cover, *SHORT, "--cluster", f"127.0.0.1:{server.getsockname()[1]}")
        for each in connections:
            each.close()
    assert code == 2
    assert "no scheduler of Dask answers" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--store", "store"), "--store store is for a cluster: add --cluster"),
        (("--cluster", "local:1", "--workers", 2), "--workers 2 is for this machine alone"),
        (("--cluster", "local:1", "--store", "/proc/store"), "--store /proc/store can't be used"),
        (("--cluster", "local:1", "--store", __file__), "can't be used (Not a directory)"),
        (("--cluster", "local:1", "--store", "none://a"), "--store none://a can't be used"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(
    render: Render, cover: Path, words: tuple[object, ...], said: str
) -> None:
    code, _, log = render("zoom", cover, *SHORT, *words)
    assert (code, said in log) == (2, True), log


def test_what_runs_have_left_in_a_store_is_deleted_after_a_week(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "a").touch()
    old, new = (store.put(tmp_path / "a", f"runs/{name}") for name in ("old", "new"))
    kept = store.put(tmp_path / "a")
    for name in (old, kept):
        os.utime(tmp_path / name, (time.time() - 8 * 86400,) * 2)
    store.check()
    assert [(tmp_path / name).exists() for name in (old, new, kept)] == [False, True, True]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["new"]
