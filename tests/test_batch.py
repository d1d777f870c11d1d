"""Campaigns, as a user runs them: many videos described by one file."""

import base64
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import psutil
import pytest
from conftest import wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from videos import decode

from renderer.batch import (
    BatchRequest,
    LocalPool,
    Manifest,
    Outcome,
    RenderJob,
    plan_batch,
    read_campaign,
    render_batch,
    write_page,
)
from renderer.batch.names import MAX_BYTES, check_inside, fill, output_path
from renderer.batch.work import JobRunner
from renderer.cached_files import clear, segments_folder
from renderer.encoder import probe
from renderer.errors import InputError
from renderer.job import VideoJob, sample_pictures
from renderer.messages import named
from renderer.progress import Progress, Silent
from renderer.toml_positions import TomlPositions

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Run = Callable[..., tuple[int, str, str]]

SMALL = 'size = "48x32"\ncolumns = 8\nfps = 8\nduration = 0.5\n'


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a campaign file that does not exist yet, in a folder with covers and two presets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(tmp_path / "presets"))
    Path("presets").mkdir()
    Path("presets", "wide.toml").write_text('size = "64x32"\n[rules]\nmin_fps = 5\n')
    Path("presets", "loop.toml").write_text('format = "gif"\n')
    Path("covers").mkdir()
    for number, picture in enumerate((*sample_pictures(), sample_pictures()[0])):
        with Image.open(picture) as photo:
            photo.crop((40 * number, 0, 300, 200)).save(Path("covers", f"{'abc'[number]}.jpg"))
    return tmp_path / "campaign.toml"


def videos(folder: Path = Path("out")) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".mp4", ".gif"))


def manifest() -> dict[str, dict[str, object]]:
    return {entry["output"]: entry for entry in json.loads(Path("out/manifest.json").read_text("utf-8"))["videos"]}


def due(render: Run, *words: str) -> list[str]:
    """The videos that a dry run reports as due."""
    code, out, err = render("batch", "campaign.toml", "--dry-run", "--json", *words)
    assert code == 0, err
    return [Path(video["output"]).as_posix() for video in json.loads(out)["videos"] if not video["up_to_date"]]


def test_a_campaign_renders_every_combination(campaign: Path, render: Run, browser: "Chrome") -> None:
    """Three covers × two animations × two presets, and one cover that can't be opened."""
    Path("covers/bad.jpg").write_text("not a picture")
    campaign.write_text(
        f'[defaults]\n{SMALL}output = "out/{{cover}}/{{animation}}-{{preset}}"\n'
        '[[job]]\ncover = "covers/*.jpg"\nanimation = ["zoom", "disperse"]\npreset = ["wide", "loop"]\n'
        '[job.disperse]\nstyle = "wind"\n'
    )
    code, out, err = render("batch", "campaign.toml", "--workers", "2")
    assert code == 1
    assert "12 rendered, 0 up to date, 4 failed" in out
    assert "bad.jpg is not a picture" in err
    assert "Traceback" not in err
    names = [f"{c}/{a}-{p}" for c in "abc" for a in ("disperse", "zoom") for p in ("loop.gif", "wide.mp4")]
    assert videos() == names
    assert not Path("out/bad").exists()
    assert {(probe(Path("out", name)).width, probe(Path("out", name)).frames) for name in names} == {(48, 4)}

    entries = manifest()
    assert len(entries) == 16
    made, failed = entries["a/disperse-wide.mp4"], entries["bad/zoom-wide.mp4"]
    assert (made["state"], failed["state"]) == ("done", "failed")
    assert "not a picture" in str(failed["error"])
    assert made["bytes"] == Path("out/a/disperse-wide.mp4").stat().st_size
    assert made["settings"]["style"] == "wind"
    assert list(made["inputs"]) == ["covers/a.jpg"]
    assert made["probe"]["codec"] == "h264"
    assert made["checks"][0]["kept"] is True

    browser.get(Path("out/index.html").absolute().as_uri())
    assert [str(line["message"]) for line in browser.get_log("browser")] == []
    events = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:")) for url in urls)
    pictures = browser.find_elements("css selector", "figure img")
    assert len(pictures) == 12
    assert all(int(picture.get_property("naturalWidth")) > 40 for picture in pictures)
    links = [link.get_attribute("href") for link in browser.find_elements("css selector", "figure a")]
    assert sorted(Path(unquote(link.removeprefix("file://"))) for link in links) == [
        Path("out", n).absolute() for n in names
    ]
    commands = [code.text for code in browser.find_elements("css selector", "code")]
    assert "render batch campaign.toml --no-resume --only a/zoom-wide" in commands

    Path("covers/bad.jpg").unlink()
    times = [Path("out", name).stat().st_mtime_ns for name in names]
    code, out, _ = render("batch", "campaign.toml")
    assert (code, "0 rendered, 12 up to date" in out) == (0, True)
    assert [Path("out", name).stat().st_mtime_ns for name in names] == times
    (again,) = [command for command in commands if command.endswith("b/zoom-loop")]
    code, out, _ = render(*again.split()[1:])
    assert (code, "1 rendered, 0 up to date" in out) == (0, True)


def test_a_video_is_out_of_date_after_any_change(campaign: Path, render: Run, photos: Path) -> None:
    Path("tiles").mkdir()
    for photo in sorted(photos.glob("*.jpg")):
        Path("tiles", photo.name).write_bytes(photo.read_bytes())
    Image.new("RGB", (20, 20), "red").save("logo.png")
    text = f'[defaults]\n{SMALL}tiles = "tiles"\noutput = "out/{{cover}}"\n[[job]]\ncover = ["covers/a.jpg", "covers/b.jpg"]\nlogo = "logo.png"\n'
    campaign.write_text(text)
    assert render("batch", "campaign.toml")[0] == 0
    both = ["out/a.mp4", "out/b.mp4"]
    assert due(render) == []
    assert due(render, "--no-resume") == both
    assert due(render, "--fps", "9") == both
    campaign.write_text(text.replace("columns = 8", "columns = 9"))
    assert due(render) == both
    campaign.write_text(text)
    Image.new("RGB", (20, 20), "blue").save("logo.png")
    assert due(render) == both
    Image.new("RGB", (20, 20), "red").save("logo.png")
    Path("covers/a.jpg").write_bytes(Path("covers/c.jpg").read_bytes())
    assert due(render) == ["out/a.mp4"]
    Path("covers/a.jpg").touch()
    Path("out/b.mp4").unlink()
    assert due(render) == both
    Path("tiles", "new.jpg").write_bytes(Path("covers/b.jpg").read_bytes())
    assert due(render) == both
    Path("out/a.mp4").write_bytes(b"somebody's own")
    code, _, err = render("batch", "campaign.toml")
    assert (
        code,
        "out/a.mp4 exists, and is not the file that this campaign made: move it, or use -y to overwrite" in err,
    ) == (2, True)
    assert Path("out/a.mp4").read_bytes() == b"somebody's own"


def test_all_problems_are_listed_with_their_lines(campaign: Path, render: Run) -> None:
    campaign.write_text(
        '[defaults]\nfsp = 30\noutput = "out/{cover}-{what}"\n'
        '[[job]]\ncover = "covers/x.jpg"\ncolumns = 0\n'
        '[[job]]\ncover = "covers/a.jpg"\npreset = "instagram-rel"\nanimation = "zom"\n'
        "[job.zoom]\neasing = 'wild'\n"
        '[job.sweep]\nseed = "9..0"\n[other]\n'
    )
    code, _, err = render("batch", "campaign.toml")
    assert code == 2
    for line, says in (
        (2, "there is no option fsp: did you mean fps?"),
        (5, "covers/x.jpg: there is no such file or folder"),
        (9, "there is no preset instagram-rel: did you mean instagram-reel?"),
        (10, "there is no animation zom: did you mean zoom?"),
        (14, "seed = 9..0 is not a sweep"),
        (15, "there is no other"),
    ):
        assert f"campaign.toml, line {line}: {says}" in err
    assert not Path("out").exists()


def test_clashes_are_found_before_rendering(campaign: Path, render: Run) -> None:
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/*.jpg"\noutput = "out/{{animation}}"\n')
    code, _, err = render("batch", "campaign.toml")
    assert (
        code,
        "campaign.toml, line 1: two videos would be written to out/zoom.mp4: add {cover} to its output" in err,
    ) == (
        2,
        True,
    )


def test_each_row_is_combined_with_every_sweep_value(campaign: Path, render: Run) -> None:
    Path("people.csv").write_text("name;face\nAda;a\nZoë O'Hara;b\n", "utf-8")
    campaign.write_text(
        f'[[job]]\n{SMALL}cover = "covers/{{face}}.jpg"\ntitle = "For {{name}}"\noutput = "out/{{name}}/{{seed}}-{{columns}}"\n'
        '[job.sweep]\nseed = "0..2"\ncolumns = [8, 9]\n'
    )
    found = due(render, "--rows", "people.csv")
    assert len(found) == 12
    assert "out/Zoë O'Hara/2-9.mp4" in found
    tasks = read_campaign(campaign, BatchRequest({"rows": Path("people.csv")})).tasks
    assert [task.job.overlay.title for task in tasks[::6]] == ["For Ada", "For Zoë O'Hara"]
    assert [task.job.cover for task in tasks[::6]] == [Path("covers/a.jpg"), Path("covers/b.jpg")]
    assert {(task.job.output.seed, task.job.match.columns) for task in tasks} == {
        (s, c) for s in range(3) for c in (8, 9)
    }
    Path("people.json").write_text('[{"name": "Ada", "face": "a", "age": 36}]')
    assert len(due(render, "--rows", "people.json", "--only", "Ada/0-*")) == 2
    code, _, err = render("batch", "campaign.toml")
    assert (code, "line 6: there is no field {face}" in err) == (2, True)


def test_a_sweep_of_one_animations_parameter_ignores_the_others(campaign: Path) -> None:
    campaign.write_text(
        '[[job]]\ncover = "covers/a.jpg"\nanimation = ["zoom", "reveal"]\noutput = "out/{animation}-{order}"\n'
        '[job.sweep]\norder = ["spiral", "hue"]\n'
    )
    tasks = read_campaign(campaign, BatchRequest()).tasks
    assert [task.name for task in tasks] == ["zoom-default", "reveal-spiral", "reveal-hue"]


def test_a_timeline_can_be_written_as_tables(campaign: Path) -> None:
    campaign.write_text(
        '[[job]]\ncover = "covers/a.jpg"\n[[job.timeline]]\nanimation = "reveal"\nseconds = 1.5\norder = "spiral"\n'
        '[[job.timeline]]\nanimation = "zoom"\nseconds = 2\nfocus = ["0.4,0.3", "0.5,0.5"]\n'
    )
    (task,) = read_campaign(campaign, BatchRequest()).tasks
    assert task.job.path == Path("out/a-show.mp4")
    assert task.job.animation.default_duration() == 3.5
    assert task.job.animation.targets() == ((0.4, 0.3), (0.5, 0.5))


HOSTILE = ["../../etc/passwd", "/etc/passwd", "..", ".", "", "C:\\Windows\\x", "a\0b", "$(rm -rf ~); `id`", "=cmd|' /C calc'!A0",
           "x" * 300, "%05d", "-rf", "con", "a\nb", "\u202egpj.exe", "{cover}", "{0.__class__}", "it.html", "~root", "*?"]  # fmt: skip


def test_hostile_values_stay_in_the_folder(campaign: Path, render: Run) -> None:
    with Path("rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["number", "name"], *([n, name.replace("\0", "")] for n, name in enumerate(HOSTILE))])
    campaign.write_text(
        f'[[job]]\n{SMALL}cover = "covers/a.jpg"\ntitle = "{{name}}"\noutput = "out/{{name}}/{{number}}-{{name}}"\n'
    )
    before = {path for path in Path().rglob("*") if path.is_file()}
    size = "192x128"  # the longest title fits
    code, out, err = render("batch", "campaign.toml", "--rows", "rows.csv", "--size", size)
    assert (code, f"{len(HOSTILE)} rendered" in out) == (0, True), err
    made = {path for path in Path().rglob("*") if path.is_file()} - before
    assert len(videos()) == len(HOSTILE)
    assert {path.parts[0] for path in made} == {"out"}
    assert {len(Path(name).parts) for name in videos()} == {2}
    page = Path("out/index.html").read_text("utf-8")
    assert "<script" not in page


@given(st.lists(st.one_of(st.text(), st.sampled_from(HOSTILE)), min_size=2, max_size=2))
def test_no_value_leads_out_of_the_folder(values: list[str]) -> None:
    path = output_path("out/{a}/x-{b}{a}", dict(zip("ab", values, strict=True)), ".mp4")
    assert path.parts[0] == "out"
    assert len(path.parts) == 3
    assert path.suffix == ".mp4"
    assert not {"..", ".", ""} & set(path.parts)
    assert all(len(part.encode()) <= MAX_BYTES + 4 and part.isprintable() for part in path.parts)


def test_long_names_remain_distinct() -> None:
    names = {output_path("out/{name}", {"name": "x" * 500 + end}, ".mp4").name for end in "abc"}
    assert len(names) == 3


@pytest.mark.usefixtures("campaign")
def test_a_campaign_can_be_described_by_options_alone(render: Run) -> None:
    words = ("--covers", "covers/*.jpg", "--animation", "zoom", "--animation", "gather", "--size", "48x32")
    code, out, err = render("batch", *words, "--dry-run", "-o", "all/{animation}/{cover}", "--title", "{cover}!")
    assert code == 0, err
    assert out.count("48x32") == 6
    assert "all/gather/c.mp4" in out
    code, _, err = render("batch", *words, "--only", "nothing*")
    assert (code, "--only nothing* matches none of 6 videos: --dry-run lists them" in err) == (2, True)


def test_fail_fast_skips_the_remaining_videos(campaign: Path, render: Run) -> None:
    Path("covers/a.jpg").write_text("not a picture")
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/*.jpg"\n')
    code, out, _ = render("batch", "campaign.toml", "--fail-fast", "--workers", "1")
    assert (code, "0 rendered, 0 up to date, 1 failed, 2 not started" in out) == (1, True)
    assert videos() == []
    code, out, _ = render("batch", "campaign.toml", "--only", "b*", "--json")
    assert (code, [video["state"] for video in json.loads(out)["videos"]]) == (0, ["done"])


# -- Interruption --------------------------------------------------------------------------------------------------


@pytest.fixture
def long_run(campaign: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running campaign of short and long videos: a short one is done, and a long one is being rendered."""
    campaign.write_text(
        '[defaults]\ncolumns = 8\noutput = "out/{cover}-{duration}"\nsize = "256x256"\n'
        '[[job]]\ncover = "covers/a.jpg"\n[job.sweep]\nduration = [0.2, 1800, 1801, 1802]\n'
    )
    command = [sys.executable, "-m", "renderer", "batch", "campaign.toml", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: Path("out/a-0.2.mp4").exists() and len(list(Path("out").glob(".*part*"))) >= 2)
        time.sleep(0.3)
        yield process
    finally:
        process.kill()
        process.wait()


def have_ended(workers: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(workers, timeout=30)[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not have these signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "kill -9"])
def test_an_interruption_removes_incomplete_videos_and_keeps_complete_ones(
    long_run: subprocess.Popen[bytes], campaign: Path, render: Run, number: int, code: int
) -> None:
    workers = psutil.Process(long_run.pid).children(recursive=True)
    os.kill(long_run.pid, number)
    assert long_run.wait(30) == code
    assert have_ended(workers)
    assert [path.name for path in Path("out").iterdir() if path.suffix == ".mp4"] == ["a-0.2.mp4"]
    assert manifest()["a-0.2.mp4"]["state"] == "done"
    campaign.write_text(campaign.read_text().replace("1800, 1801, 1802", "0.3"))
    Path("out/.a-0.3.mp4.part-0123abcd").mkdir()  # as left by a killed worker
    assert due(render) == ["out/a-0.3.mp4"]
    assert render("batch", "campaign.toml")[0] == 0
    assert sorted(path.suffix for path in Path("out").iterdir()) == [".html", ".json", ".mp4", ".mp4"]


# -- Pools ---------------------------------------------------------------------------------------------------------


class InlinePool:
    """The smallest pool, like a client of a cluster: it runs each job at once in this process."""

    workers, matched = 1, 0

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        pass

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:
        self.matched += render_job.match_only
        future: Future[Outcome] = Future()
        with JobRunner() as runner:
            future.set_result(runner.run(render_job, progress))
        return future


class SilentObserver:
    def begin(self, name: str) -> Progress:  # noqa: ARG002 (the protocol's names)
        return Silent()

    def stalled(self, name: str, stage: str) -> None:
        pass

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        pass


def test_any_pool_can_render_a_campaign(campaign: Path) -> None:
    campaign.write_text(f'[[job]]\n{SMALL}cover = ["covers/a.jpg", "covers/b.jpg"]\nanimation = ["zoom", "gather"]\n')
    batch = plan_batch(read_campaign(campaign, BatchRequest()), Silent())
    pool = InlinePool()
    outcomes = render_batch(batch, pool, SilentObserver())
    assert [outcome.error for outcome in outcomes.values()] == [""] * 4
    assert videos() == ["a-gather.mp4", "a-zoom.mp4", "b-gather.mp4", "b-zoom.mp4"]
    assert pool.matched == 2


def test_a_crashed_worker_fails_only_its_own_video(campaign: Path) -> None:
    campaign.write_text('[[job]]\ncover = "covers/a.jpg"\ncolumns = 8\nduration = 18\noutput = "it.mp4"\n')
    (task,) = read_campaign(campaign, BatchRequest()).tasks
    with LocalPool(1) as pool:
        future = pool.submit(RenderJob(task.job), Silent())
        wait_until(lambda: list(Path().glob(".it.mp4.part-*")))
        for child in psutil.Process().children():
            if "renderer.batch.pool" in " ".join(child.cmdline()):
                child.kill()
        assert "its process ended" in future.result(30).error
        assert pool.submit(RenderJob(task.job, match_only=True), Silent()).result(30).error == ""


def test_free_workers_make_the_segments_of_a_long_video(campaign: Path, render: Run) -> None:
    campaign.write_text(
        '[defaults]\ncolumns = 8\nsize = "96x64"\nfps = 10\nduration = 24\ngop_seconds = 1\nsegment_seconds = 2\n'
        '[[job]]\ncover = "covers/a.jpg"\noutput = "long.mp4"\n'
    )
    assert render("batch", "campaign.toml", "--workers", "2")[0] == 0
    (entry,) = json.loads(Path("manifest.json").read_text())["videos"]
    assert [(segment["number"], segment["frames"]) for segment in entry["segments"]] == [(n, 20) for n in range(12)]
    assert len({segment["worker"] for segment in entry["segments"]}) == 2
    assert all(segment["seconds"] > 0 for segment in entry["segments"])
    cover = Path("covers/a.jpg").absolute()
    words = ("--columns", "8", "--size", "96x64", "--fps", "10", "--duration", "24", "--gop-seconds", "1")
    assert render("zoom", cover, *words, "--segment-seconds", "2", "-o", "alone.mp4", "--json")[0] == 0
    assert (decode(Path("alone.mp4"), 96, 64) == decode(Path("long.mp4"), 96, 64)).all()


def test_a_crashed_worker_fails_a_long_video_and_what_it_made_is_kept(campaign: Path) -> None:
    clear("segments")
    campaign.write_text(
        '[[job]]\ncover = "covers/a.jpg"\ncolumns = 8\nduration = 60\nsize = "640x426"\noutput = "it.mp4"\n'
    )
    (task,) = read_campaign(campaign, BatchRequest()).tasks
    with LocalPool(1) as pool:
        future = pool.submit(RenderJob(task.job), Silent())
        wait_until(lambda: list(segments_folder().glob("*/00000.mp4")) and list(segments_folder().glob("*/.*part*")))
        for child in psutil.Process().children():
            if "renderer.batch.pool" in " ".join(child.cmdline()):
                child.kill()
        assert "its process ended" in future.result(30).error
    assert list(segments_folder().glob("*/*.mp4"))
    assert not list(Path().glob(".it.mp4*"))


# -- Stalled videos ------------------------------------------------------------------------------------------------

STUCK = """
import time
from dataclasses import dataclass
from renderer.scene import Animation

@dataclass(frozen=True)
class Stuck(Animation):
    def prepare(self, stage):
        def motion(progress):
            time.sleep(1000 if progress > 0.4 else 0)
            return stage.scene(stage.whole_camera(), stage.resting_sprites())
        return motion
"""


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed animation that hangs after some frames."""
    info = tmp_path / "site" / "stuck-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[renderer.animations]\nstuck = stuck:Stuck\n")
    (info.parent / "stuck.py").write_text(STUCK)
    monkeypatch.syspath_prepend(str(info.parent))


@pytest.mark.usefixtures("stuck")
def test_a_stalled_video_fails_and_the_others_continue(campaign: Path, render: Run) -> None:
    """Takes some seconds, because the timeout must be longer than the start of a worker."""
    campaign.write_text(
        f'[defaults]\n{SMALL}output = "out/{{animation}}/{{cover}}-%02d.png"\n'
        '[[job]]\ncover = "covers/a.jpg"\nanimation = "stuck"\n[[job]]\ncover = "covers/b.jpg"\n'
    )
    assert render("batch", "campaign.toml", "--only", "zoom")[0] == 0  # compiles the kernels first
    before = {process.pid for process in psutil.process_iter()}
    code, out, err = render("batch", "campaign.toml", "--no-resume", "--timeout", "8", "--workers", "1")
    assert (code, "1 rendered, 0 up to date, 1 failed" in out) == (1, True), err
    stopped = "stopped after 8 seconds without progress while rendering: use a longer"
    assert f"stuck/a-%02d.png: {stopped} --timeout if it needs more time" in err
    assert manifest()["stuck/a-%02d.png"]["error"] == f"{stopped} timeout if it needs more time"
    assert not Path("out/stuck").exists()
    assert len(list(Path("out/zoom").glob("b-*.png"))) == 4
    assert [
        process for process in psutil.process_iter() if process.pid not in before and process.ppid() == os.getpid()
    ] == []


class StalledPool(InlinePool):
    """A pool whose job makes no progress and ends only when it is stopped."""

    def __init__(self) -> None:
        self.future: Future[Outcome] = Future()

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:  # noqa: ARG002 (the protocol's names)
        self.stage = progress.stage("matching", 1, "cells")
        self.stage.__enter__()(0)
        return self.future

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        render_job.set_result(Outcome(reason))


class RecordingObserver(SilentObserver):
    def __init__(self) -> None:
        self.stalls: list[tuple[str, str]] = []

    def stalled(self, name: str, stage: str) -> None:
        self.stalls.append((name, stage))


def test_a_stall_is_reported_once(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renderer.batch.running.STALLED", 0.5)
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/a.jpg"\n')
    batch, observer = plan_batch(read_campaign(campaign, BatchRequest()), Silent()), RecordingObserver()
    (outcome,) = render_batch(batch, StalledPool(), observer, timeout=3).values()
    assert outcome.error.startswith("stopped after 3 seconds without progress while matching: ")
    assert observer.stalls == [("a-zoom", "matching")]


# -- Rows ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(campaign: Path) -> Path:
    """A campaign with a table: one row lacks a value, one a picture, one a valid colour, and two are good."""
    Path("products.csv").write_text(
        "sku,name,ground\na,Mug,navy\nb,Bowl\nx,Cup,white\nc,Fork,mauvy\nb,Knife,black\n", "utf-8"
    )
    campaign.write_text(
        f'[defaults]\n{SMALL}output = "out/{{sku}}"\n[[job]]\nrows = "products.csv"\ncover = "covers/{{sku}}.jpg"\n'
        'title = "{name}"\nbackground = "{ground}"\n'
    )
    return campaign


BAD_ROWS = (
    "products.csv, row 2: it has 2 values, but the fields are sku, name, ground: enter one for each",
    "products.csv, row 3 (campaign.toml, line 9): covers/x.jpg: there is no such file or folder",
    "products.csv, row 4 (campaign.toml, line 11): background = mauvy is not a colour",
)


@pytest.mark.usefixtures("shop")
def test_all_problems_of_a_table_are_listed_with_their_rows(render: Run) -> None:
    code, _, err = render("batch", "campaign.toml")
    assert code == 2
    assert "3 problems; nothing was rendered" in err
    for problem in (*BAD_ROWS, "use --skip-bad-rows to render the other rows"):
        assert problem in err
    assert not Path("out").exists()


@pytest.mark.usefixtures("shop")
def test_bad_rows_can_be_skipped(render: Run) -> None:
    code, out, err = render("batch", "campaign.toml", "--skip-bad-rows", "--dry-run", "--json")
    assert (code, "3 rows skipped" in err) == (1, True)
    plan = json.loads(out)
    assert [Path(video["output"]).as_posix() for video in plan["videos"]] == ["out/a.mp4", "out/b.mp4"]
    assert plan["skipped"] == [f"products.csv, row {number}" for number in (2, 3, 4)]
    code, out, err = render("batch", "campaign.toml", "--skip-bad-rows")
    assert (code, "2 rendered, 0 up to date, 3 rows skipped" in out) == (1, True)
    assert all(problem in err for problem in BAD_ROWS)
    assert videos() == ["a.mp4", "b.mp4"]
    assert "--skip-bad-rows --no-resume --only a<" in Path("out/index.html").read_text("utf-8")
    Path("products.csv").write_text("sku,name,ground\na,Mug,navy\nb,Knife,black\nc,Fork,red\n", "utf-8")
    code, out, _ = render("batch", "campaign.toml")
    assert (code, "1 rendered, 2 up to date" in out) == (0, True)


@pytest.mark.usefixtures("shop")
def test_only_problems_of_rows_can_be_skipped(campaign: Path, render: Run) -> None:
    """Problems of the campaign file are not, nor are all rows; two rows with the same output are both bad."""
    text = campaign.read_text()
    campaign.write_text(text.replace("[[job]]", 'logo = "none.png"\n[[job]]'))
    code, _, err = render("batch", "campaign.toml", "--skip-bad-rows")
    assert (code, "campaign.toml, line 7: logo = none.png: there is no such file" in err) == (2, True)
    campaign.write_text(text.replace("{ground}", "{hue}"))
    code, _, err = render("batch", "campaign.toml", "--skip-bad-rows")
    assert (code, "campaign.toml, line 11: there is no field {hue}" in err) == (2, True)
    campaign.write_text(text.replace("out/{sku}", "out/{animation}"))
    code, _, err = render("batch", "campaign.toml", "--skip-bad-rows")
    assert code == 2
    assert (
        "row 1 (campaign.toml, line 7) and products.csv, row 5 (campaign.toml, line 7): two videos would be written to"
        in err
    )
    assert not Path("out").exists()


def test_a_row_of_json_may_lack_unused_fields(campaign: Path, render: Run) -> None:
    rows = '[{"face": "a", "name": "Ada"}, {"face": "b"}, {"name": "Eve"}, ["no row"], {"face": null}, {"face": "\\ud800"}]'
    Path("rows.json").write_text(rows)
    campaign.write_text(f'[[job]]\n{SMALL}rows = "rows.json"\ncover = "covers/{{face}}.jpg"\n')
    code, out, err = render("batch", "campaign.toml", "--dry-run", "--skip-bad-rows", "--json")
    assert (code, len(json.loads(out)["videos"])) == (1, 2)
    for problem in (
        "row 3 (campaign.toml, line 7): there is no field {face}", "row 4: it is not an object", "row 5: face is neither",
        "row 6: it contains half of a surrogate pair",
    ):  # fmt: skip
        assert f"rows.json, {problem}" in err


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("rows.json", "[" * 100_000, "rows.json: it is not JSON: its values are nested more than 50 levels deep"),
        ("rows.json", '[{"face": ' * 50_000, "rows.json: it is not JSON"),
        ("rows.json", "{}", "rows.json: it is not a list of rows"),
        ("rows.json", "[]", "rows.json: it has no rows"),
        ("rows.csv", 'face\n"a', "rows.csv: line 2 can't be read"),
        ("rows.csv", "face\n", "rows.csv: it has no rows"),
    ],
)
def test_an_unreadable_table_is_a_problem(campaign: Path, render: Run, name: str, text: str, problem: str) -> None:
    Path(name).write_text(text)
    campaign.write_text(f'[[job]]\n{SMALL}rows = "{name}"\ncover = "covers/{{face}}.jpg"\n')
    code, _, err = render("batch", "campaign.toml", "--skip-bad-rows")
    assert (code, problem in err) == (2, True), err


OUTSIDE = ["../private/secret", "/etc/passwd", "x/../../private/secret", "..", "..\\private\\secret", "C:\\secret"]


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize(
    "key", ["cover", "logo", "music", "tiles", "font", "library_dir", "focus", "timeline", "zoom.focus"]
)
def test_no_value_leads_an_input_out_of_its_folder(campaign: Path, key: str, outside: str) -> None:
    Path("private").mkdir()
    Path("private/secret").write_bytes(Path("covers/a.jpg").read_bytes())
    Path("rows.json").write_text(json.dumps([{"face": outside}]))
    template = "zoom 2s focus=faces/{face}" if key == "timeline" else "faces/{face}"
    cover = "" if key == "cover" else 'cover = "covers/a.jpg"\n'
    campaign.write_text(f'[[job]]\n{cover}rows = "rows.json"\n{key} = "{template}"\n')
    with pytest.raises(InputError, match=r"rows\.json, row 1 .*leads out of faces: use a path inside it"):
        read_campaign(campaign, BatchRequest())


@given(st.lists(st.text(st.sampled_from("./\\a~*")), min_size=2, max_size=2))
def test_no_combination_of_values_leads_out_of_a_folder(values: list[str]) -> None:
    template, fields = "faces/{a}{b}/x.jpg", dict(zip("ab", values, strict=True))
    try:
        check_inside(template, fields)
    except InputError:
        return
    assert Path(os.path.normpath(fill(template, fields))).parts[0] == "faces"


def test_a_table_may_contain_whole_paths_if_the_template_names_no_folder(campaign: Path) -> None:
    whole = [Path("covers/a.jpg"), Path("covers/b.jpg").absolute(), Path("..", Path.cwd().name, "covers/c.jpg")]
    Path("rows.json").write_text(json.dumps([{"photo": str(path), "title": "../ what/.. is"} for path in whole]))
    text = '[[job]]\nrows = "rows.json"\ncover = "{photo}"\ntitle = "On {title}"\n'
    campaign.write_text(text)
    assert [task.job.cover for task in read_campaign(campaign, BatchRequest()).tasks] == whole
    campaign.write_text(text.replace('"{photo}"', '"./{photo}"'))
    with pytest.raises(InputError, match="2 problems") as caught:
        read_campaign(campaign, BatchRequest())
    assert "leads out of ." in str(caught.value)
    assert "row 1 " not in str(caught.value)


# -- Origins of problems -------------------------------------------------------------------------------------------

NO_LOGO = "none.png: there is no such file"
NO_SIZE = "3y is not a size: give two whole numbers"


@pytest.mark.parametrize(
    ("defaults", "job", "words", "problem"),
    [
        ('size = "3y"', "", (), f"campaign.toml, line 2: size = {NO_SIZE}"),
        ("", 'size = "3y"', (), f"campaign.toml, line 5: size = {NO_SIZE}"),
        ("", 'rows = "rows.csv"\nsize = "{size}"', (), f"rows.csv, row 1 (campaign.toml, line 6): size = {NO_SIZE}"),
        ("", 'preset = "bad"', (), f"bad.toml, line 2: size = {NO_SIZE}"),
        ("", "", ("--size", "3y"), f"render: --size {NO_SIZE}"),
        ('size = "3y"', "", ("--size", "64x32"), f"campaign.toml, line 2: size = {NO_SIZE}"),
        (
            "transparent = true",
            "",
            ("--fit", "blur"),
            "line 3: A transparent background cannot be combined with --fit blur",
        ),
        ('logo = "none.png"', "", (), f"campaign.toml, line 2: logo = {NO_LOGO}"),
        ("", 'logo = "none.png"', (), f"campaign.toml, line 5: logo = {NO_LOGO}"),
        (
            "",
            'rows = "rows.csv"\nlogo = "{file}.png"',
            (),
            f"rows.csv, row 1 (campaign.toml, line 6): logo = {NO_LOGO}",
        ),
        ("", 'preset = "marked"', (), f"campaign.toml, line 3: logo = {NO_LOGO}"),
        ("", "", ("--logo", "none.png"), f"render: --logo {NO_LOGO}"),
        ('logo = "wide.png"', "", ("--logo", "none.png"), f"render: --logo {NO_LOGO}"),
        ("", "", ("--rows", "rows.csv", "--logo", "{file}.png"), f"rows.csv, row 1: --logo {NO_LOGO}"),
        ("", 'rows = "none.png"', (), f"campaign.toml, line 5: rows = {NO_LOGO}"),
        ("", "", ("--rows", "none.png"), f"render: --rows {NO_LOGO}"),
        ('codec = "vp9"', "", (), "campaign.toml, line 3: codec = vp9 does not fit a-zoom.mp4"),
        ("", "", ("--codec", "vp9"), "campaign.toml, line 3: --codec vp9 does not fit a-zoom.mp4"),
        (
            'format = "mp4"',
            "",
            ("--transparent",),
            "campaign.toml, line 3: A transparent background is not possible in mp4",
        ),
        (
            "transparent = true",
            "",
            ("--format", "mp4"),
            "campaign.toml, line 3: A transparent background is not possible in mp4",
        ),
        ("", "", ("--credits", "all.txt"), "render: --credits: several videos would write the same file"),
        ('credits = "all.txt"', "", (), "campaign.toml, line 2: several videos would write the same file"),
        ("", "", ("--only", "reel*"), "render: --only reel* matches none of 1 videos"),
        ("", "", ("--workers", "0"), "render: --workers 0 is out of range"),
    ],
)
def test_parameters_are_spelled_for_their_origin(
    campaign: Path, render: Run, defaults: str, job: str, words: tuple[str, ...], problem: str
) -> None:
    """As keys with the line of the campaign file, a row or a preset; as options from the command line."""
    Path("rows.csv").write_text("file,size\nnone,3y\n")
    Path("presets/bad.toml").write_text('# wrong\nsize = "3y"\n')
    Path("presets/marked.toml").write_text('logo = "none.png"\n')
    Image.new("RGB", (20, 20)).save("wide.png")
    campaign.write_text(f'[defaults]\n{defaults}\n[[job]]\ncover = "covers/a.jpg"\n{job}\n')
    code, _, err = render("batch", "campaign.toml", *words)
    assert (code, problem in err) == (2, True), err
    assert not Path("out").exists()


def test_errors_of_a_render_are_spelled_for_their_origin(campaign: Path, render: Run) -> None:
    """The manifest and the page have keys; the terminal has options for what the command line specified."""
    for name in ("file.wav", "line.wav"):
        with wave.open(name, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 8000 * 3))
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/a.jpg"\nmusic = "file.wav"\n')
    written = "is silent in the part that is used: use another track or music_start"
    for words, error, saved in (
        ((), f"music = file.wav {written}", f"music = file.wav {written}"),
        (("--music", "line.wav", "--music-start", "1"), f"--music line.wav {written.replace('music_', '--music-')}",
         f"music = line.wav {written}"),
    ):  # fmt: skip
        code, out, err = render("batch", "campaign.toml", "--workers", "1", "--json", *words)
        assert (code, f"render: out/a-zoom.mp4: {error}" in err) == (1, True), err
        assert manifest()["a-zoom.mp4"]["error"] == json.loads(out)["videos"][0]["error"] == saved
        page = Path("out/index.html").read_text("utf-8")
        assert saved in page
        for text in (out, err, page, Path("out/manifest.json").read_text("utf-8")):
            assert not re.search("[\x1e\x1f]|u001[ef]|x1[ef]", text)


def test_notices_and_plans_are_spelled_for_their_origin(
    campaign: Path, render: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[[job]]\n{SMALL}cover = "covers/a.jpg"\nformat = "webm"\n'
    campaign.write_text(f'{text}encoder = "nvenc"\n')
    for words, spelling in (((), "encoder = nvenc"), (("--encoder", "qsv"), "--encoder qsv")):
        code, _, err = render("batch", "campaign.toml", "-v", "--no-resume", *words)
        assert (code, f"a-zoom: {spelling}: hardware encoders support only h264" in err) == (0, True), err
    error = InputError(f"{named('columns', 8)} is too few for {named('title', 'It')}")
    monkeypatch.setattr("renderer.job.plan_each", lambda jobs: [error for _ in jobs])
    plan = ("batch", "campaign.toml", "--title", "It", "--dry-run")
    assert "out/a-zoom.webm: columns = 8 is too few for --title It\n" in render(*plan)[1]
    assert json.loads(render(*plan, "--json")[1])["videos"][0]["error"] == "columns = 8 is too few for --title It"


# -- Manifest and page ---------------------------------------------------------------------------------------------


def test_a_second_run_of_a_campaign_does_not_disturb_the_first(long_run: subprocess.Popen[bytes], render: Run) -> None:
    def files() -> set[str]:
        return {path.name for path in Path("out").iterdir()}

    before = files()
    code, _, err = render("batch", "campaign.toml")
    assert (code, f"out is being written by process {long_run.pid}" in err) == (2, True)
    assert files() == before
    assert long_run.poll() is None
    code, out, _ = render("batch", "campaign.toml", "--dry-run")
    assert (code, "is being written by process" in out) == (1, True)


@pytest.fixture
def made(campaign: Path, render: Run) -> dict[str, object]:
    """The manifest's entry of a rendered video."""
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/a.jpg"\n')
    assert render("batch", campaign.absolute(), "--tiles", Path("covers").absolute())[0] == 0
    return manifest()["a-zoom.mp4"]


def write_manifest(*entries: object) -> None:
    content = {"format": "mosaic-renderer campaign 1", "videos": entries}
    Path("out/manifest.json").write_text(json.dumps(content), "utf-8")


def test_fields_of_a_manifest_are_checked(made: dict[str, object], render: Run) -> None:
    for wrong, says in (
        ({"state": None}, "state is null"), ({"state": "<script>"}, 'state is "<script>", which is not one of waiting, done, failed'), ({"bytes": "1"}, "bytes is"),
        ({"output": "/etc/passwd"}, "is not a file in the folder"), ({"output": "../a.mp4"}, "is not a file in the folder"),
        ({"telling": 7}, "telling is 7"), ({"probe": {"width": "x"}}, "width of its probe"), ({"checks": [1]}, "one of its checks has no valid field"),
    ):  # fmt: skip
        write_manifest(made | wrong)
        code, _, err = render("batch", "campaign.toml")
        assert (code, f"manifest.json, video 1: {says}" in err or says in err) == (2, True), err
    write_manifest({name: value for name, value in made.items() if name != "state"})
    assert (
        "manifest.json, video 1: it has no state: move it, or choose another output"
        in render("batch", "campaign.toml")[2]
    )
    Path("out/manifest.json").write_text("[" * 100_000)
    assert "is not a campaign manifest" in render("batch", "campaign.toml")[2]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=3,
)


@given(
    st.dictionaries(
        st.sampled_from(["output", "state", "error", "bytes", "seconds", "probe", "checks", "telling", "command"]), JUNK
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_valid_manifest_makes_a_page(made: dict[str, object], junk: dict[str, object]) -> None:
    write_manifest(made | {"output": "missing.mp4"} | junk)
    try:
        manifest = Manifest.load(Path("out").absolute())
    except InputError:
        return
    assert write_page(manifest).read_text("utf-8").count("<figure") == 1


def test_a_page_reveals_no_local_folders(made: dict[str, object], campaign: Path, render: Run) -> None:
    assert made["command"] == "render batch campaign.toml --tiles covers --no-resume --only a-zoom"
    Path("covers/b.jpg").write_text("no picture")
    campaign.write_text(f'[[job]]\n{SMALL}cover = ["covers/a.jpg", "{Path("covers/b.jpg").absolute()}"]\n')
    code, _, err = render("batch", campaign.absolute())
    assert (code, f"{Path('covers/b.jpg').absolute()} is not a picture" in err) == (1, True)
    page = Path("out/index.html").read_text("utf-8")
    assert "b.jpg is not a picture" in page
    assert str(campaign.parent) not in page


def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSAIC_RENDERER_CORES", "8")
    assert [LocalPool(workers)._processes._environment["MOSAIC_RENDERER_CORES"] for workers in (1, 2, 3, 16)] == [
        "8",
        "4",
        "2",
        "1",
    ]


def test_keys_of_repeated_tables_are_located() -> None:
    positions = TomlPositions(
        "it.toml", '[[job]]\na = 1\ntext = """\na = 3\n"""\n[job.sweep]\nb = 2\n[[job]]\n[job.sweep]\n"b" = 3 # b\n'
    )
    assert [positions.of("job", n, "sweep", "b") for n in (0, 1)] == ["it.toml, line 7", "it.toml, line 10"]
    assert positions.of("job", 0, "a") == "it.toml, line 2"
    assert positions.of("job", 1, "none") == "it.toml, line 8"
    assert positions.of("none") == "it.toml"


def test_a_foreign_manifest_is_not_overwritten(campaign: Path, render: Run) -> None:
    Path("out").mkdir()
    Path("out/manifest.json").write_text("{}")
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/a.jpg"\n')
    code, _, err = render("batch", "campaign.toml")
    assert (code, "is not a campaign manifest" in err) == (2, True)
    assert Path("out/manifest.json").read_text() == "{}"


@pytest.mark.usefixtures("campaign")
def test_python_can_describe_a_campaign_without_a_file() -> None:
    with pytest.raises(InputError, match=r"A campaign needs a file, or covers= such as"):
        read_campaign(None, BatchRequest())
    (task,) = read_campaign(None, BatchRequest({"cover": ("covers/a.jpg",)}, {"title": "{cover}"})).tasks
    assert isinstance(task.job, VideoJob)
    assert (task.job.overlay.title, task.command, task.job.command) == ("a", "", "")


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system normalizes names itself")
def test_names_match_in_any_unicode_normalization(campaign: Path) -> None:
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    cover = Path("covers/a.jpg").rename(f"covers/{decomposed}.jpg").absolute()
    for pattern in (f"{composed}.jpg", f"{composed}*"):
        campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/{pattern}"\n', "utf-8")
        tasks = read_campaign(campaign, BatchRequest()).only([f"{composed}*"]).tasks
        assert [task.job.cover.absolute() for task in tasks if task.job.cover] == [cover]


def test_a_poster_shows_the_complete_mosaic(campaign: Path, render: Run) -> None:
    """A reveal starts empty and ends with the complete mosaic, in a video and in a GIF."""
    campaign.write_text(
        f'[defaults]\n{SMALL}[[job]]\ncover = "covers/a.jpg"\nanimation = "reveal"\npreset = ["wide", "loop"]\n'
        'output = "out/{preset}"\n'
    )
    assert render("batch", "campaign.toml")[0] == 0
    posters = posters_of(Path("out/index.html"))
    assert len(posters) == 2
    for poster in posters:
        with Image.open(io.BytesIO(base64.b64decode(poster))) as picture:
            assert np.asarray(picture).mean() > 60
    Path("out/wide.mp4").rename(Path("out/moved.mp4"))  # only what is new is rendered and shown anew
    assert render("batch", "campaign.toml", "--only", "wide")[0] == 0
    again = posters_of(Path("out/index.html"))
    assert again[0] == posters[0]
    Path("out/index.html").unlink()  # without an earlier page, it is taken from the file
    assert render("batch", "campaign.toml", "--only", "wide", "--no-resume")[0] == 0
    for poster in posters_of(Path("out/index.html")):
        with Image.open(io.BytesIO(base64.b64decode(poster))) as picture:
            assert np.asarray(picture).mean() > 60


def posters_of(page: Path) -> list[str]:
    """The JPEGs on the page of a campaign, in Base64."""
    return re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page.read_text("utf-8"))


def test_the_manifest_of_a_large_campaign_is_not_written_after_each_video(campaign: Path, render: Run) -> None:
    campaign.write_text(f'[[job]]\n{SMALL}cover = "covers/a.jpg"\n')
    assert render("batch", "campaign.toml")[0] == 0
    saved = Manifest.load(Path("out"))
    before = Path("out/manifest.json").read_bytes()
    saved.save()
    assert json.loads(Path("out/manifest.json").read_text()) == json.loads(before)
    written = Path("out/manifest.json").stat().st_ino
    saved._saved = (time.monotonic(), 10.0)  # as if it had taken ten seconds
    saved.save(at_once=False)
    assert Path("out/manifest.json").stat().st_ino == written
    saved._saved = (time.monotonic() - 201, 10.0)
    saved.save(at_once=False)
    assert Path("out/manifest.json").stat().st_ino != written
