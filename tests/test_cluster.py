"""Segments on a cluster of real processes: a scheduler and workers, as on several machines that share folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from conftest import wait_until
from test_segments import SHORT, digest, kept, running

from renderer.cached_files import clear
from renderer.encoder import ffmpeg_path, probe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by signals")

Render = Callable[..., tuple[int, str, str]]

LONGER = (*SHORT[:-1], 6, "--size", "640x426", "--fps", 30)
"""The same video in 4 segments, which take a second each."""


class Cluster:
    """A scheduler and its workers, as processes."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.file, self._folder, self._stack = folder / "scheduler.json", folder, stack
        self._start("scheduler", "--scheduler-file", self.file, "--port", 0)
        wait_until(lambda: self.file.exists() and self.file.stat().st_size)

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def worker(self, resource: str = "render=1", **environment: str) -> subprocess.Popen[bytes]:
        words = ("--scheduler-file", self.file, "--nthreads", 1, "--no-nanny", "--resources", resource)
        return self._start("worker", *words, **environment)

    def _start(self, *words: object, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"], cwd=self._folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
        )  # fmt: skip

        def stop() -> None:
            process.kill()
            process.wait()

        self._stack.callback(stop)
        return process


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory.mktemp("cluster"), stack)


def encoders(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that a worker has started."""
    return psutil.Process(process.pid).children(recursive=True)


def test_the_file_is_that_of_one_process(render: Render, tmp_path: Path, cover: Path) -> None:
    assert render("zoom", cover, *SHORT, "-o", "it.mp4")[0] == 0
    expected = digest(tmp_path / "it.mp4")
    clear("segments")
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "local:2", "-y", "-o", "it.mp4")
    assert code == 0, log
    assert "rendering with 2 workers" in log
    assert digest(tmp_path / "it.mp4") == expected


def test_a_killed_worker_costs_only_its_segment(render: Render, tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    first, _ = cluster.worker(), cluster.worker()
    store = tmp_path / "store"
    words = ("zoom", cover, *LONGER, "--cluster", cluster.address, "--store", store, "-o", "it.mp4")
    with running(tmp_path, *words) as process:
        wait_until(lambda: encoders(first) and list(store.glob("*/.*part*")))
        first.kill()
        assert process.wait(120) == 0
    assert probe(tmp_path / "it.mp4").frames == 720
    assert len(list(store.glob("*/*.mp4"))) == 4
    resumed = digest(tmp_path / "it.mp4")
    assert render("zoom", cover, *LONGER, "-y", "-o", "it.mp4")[0] == 0
    assert digest(tmp_path / "it.mp4") == resumed


def test_an_interruption_stops_the_workers(tmp_path: Path, cover: Path, cluster: Cluster) -> None:
    worker = cluster.worker()
    with running(tmp_path, "zoom", cover, *LONGER, "--cluster", cluster.address, "-o", "it.mp4") as process:
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
    monkeypatch.setattr("renderer.cluster._PATIENCE", 1.0)
    threading.Timer(4, cluster.worker).start()
    code, _, log = render("zoom", cover, *SHORT, "--cluster", cluster.address, "-o", "it.mp4")
    assert code == 0, log
    assert "The cluster has no workers yet: waiting for one" in log
    assert probe(tmp_path / "it.mp4").frames == 240


def test_workers_that_can_t_be_used_are_refused(render: Render, cover: Path, cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker(resource="other=1")
    words = ("zoom", cover, *SHORT, "--cluster", cluster.address, "-o", "it.mp4")
    code, _, log = render(*words)
    assert code == 2
    assert "No worker of the cluster offers the resource render" in log
    other = tmp_path / "ffmpeg"
    other.write_text(
        f'#!/bin/sh\ncase "$*" in *-version*) echo ffmpeg version 1.2;; *) exec "{ffmpeg_path()}" "$@";; esac\n'
    )
    other.chmod(0o755)
    cluster.worker(IMAGEIO_FFMPEG_EXE=str(other))
    deadline = time.monotonic() + 60
    while "ffmpeg version 1.2" not in log and time.monotonic() < deadline:
        code, _, log = render(*words)
    assert code == 2
    assert "is not used: it has version" in log
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
    monkeypatch.setattr("renderer.cluster._PATIENCE", 0.5)
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "tcp://127.0.0.1:9", "-o", "it.mp4")
    assert code == 2
    assert "can't be reached" in log
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, log = render("zoom", cover, *SHORT, "--cluster", "local:2", "-o", "it.mp4")
    assert code == 2
    assert "install mosaic-renderer with the extra cluster" in log
