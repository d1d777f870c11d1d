"""Videos in segments: how they are cut, joined, kept and resumed; the file is always the same."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from videos import decode, frame_flags, packet_sizes, slow_ffmpeg

import renderer
from animations.zoom import Zoom
from renderer.cached_files import CacheKind, clear, lock_of, segments_folder, sizes, sweep
from renderer.encoder import Encoding, Probe, choose, ffmpeg_path, probe
from renderer.job import MatchSettings, open_frames, open_mosaic, render_videos
from renderer.job.segments import LONG, cut, default_workers, segmented, write_segment
from renderer.locks import locked
from renderer.progress import Silent
from renderer.settings import FileSettings, OverlaySettings, SoundSettings
from renderer.video_job import VideoJob

Render = Callable[..., tuple[int, str, str]]
Words = tuple[object, ...]

SIZE = (96, 64)
H264 = Encoding(choose(Path("it.mp4"), FileSettings()))

SHORT = ("--size", "96x64", "--fps", 10, "--duration", 24, "--columns", 12, "--gop-seconds", 1, "--segment-seconds", 4)
"""A video of 240 frames in 6 segments."""


def video(cover: Path, path: Path, **values: object) -> VideoJob:
    """The same video as data."""
    settings = {
        "size": SIZE,
        "fps": Fraction(10),
        "duration": 24.0,
        "columns": 12,
        "gop_seconds": 1.0,
        "segment_seconds": 4.0,
    }
    return VideoJob.of(cover, Zoom, path, {**settings, **values})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kept() -> list[Path]:
    """The segments that are kept, of all videos."""
    return sorted(path for path in segments_folder().glob("*/*") if path.suffix in (".mp4", ".webm", ".mov"))


# -- How a video is cut --------------------------------------------------------------------------------------------


@given(
    count=st.integers(1, 5000), fps=st.sampled_from([Fraction(10), Fraction(30), Fraction(30000, 1001), Fraction(7, 2)]),
    gop=st.floats(0.1, 60), seconds=st.floats(0, 100),
)  # fmt: skip
def test_segments_are_whole_gops_of_about_a_length_and_together_the_video(
    count: int, fps: Fraction, gop: float, seconds: float
) -> None:
    encoding = replace(H264, gop_seconds=gop)
    parts = cut(range(count), fps, encoding, seconds)
    assert [frame for part in parts for frame in part] == list(range(count))
    if count <= LONG * fps or not seconds:
        assert len(parts) == 1
    for before, after in pairwise(parts):
        assert len(before) % encoding.gop_frames(fps) == 0
        assert len(before) / 2 <= len(after) <= 1.5 * len(before)


def test_only_software_encoders_of_codecs_make_segments() -> None:
    named = {
        suffix: Encoding(choose(Path(f"it.{suffix}"), FileSettings()))
        for suffix in ("mp4", "mov", "webm", "gif", "webp", "apng", "y4m")
    }
    assert [suffix for suffix, each in named.items() if each.for_segments()] == ["mp4", "mov", "webm"]
    assert replace(H264, hardware="nvenc").for_segments() is None


@pytest.mark.parametrize(("name", "words", "said"), [
    ("it.gif", (), "A long GIF file is made in one piece"),
    ("%d.png", (), "A long sequence of pictures is made in one piece"),
    ("it.gif", ("--frames", "0-9"), ""),
    ("it.gif", ("--segment-seconds", 0), ""),
])  # fmt: skip
def test_a_long_video_that_is_not_resumed_says_so(
    render: Render, cover: Path, name: str, words: Words, said: str
) -> None:
    code, _, log = render("zoom", cover, *SHORT, "--size", "32x22", "--fps", 2, *words, "-o", name)
    assert code == 0
    assert ("in one piece" in log, said in log) == (bool(said), True)


def test_nothing_of_an_encoder_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    each = H264.for_segments()
    assert each is not None
    for cores in ("1", "3", "64"):
        monkeypatch.setenv("MOSAIC_RENDERER_CORES", cores)
        assert (each.needs().least, each.needs().most) == (4, 4)


# -- Joined files --------------------------------------------------------------------------------------------------


def kept_promises(found: Probe) -> tuple[object, ...]:
    """The properties that do not depend on how a file was made."""
    return (
        found.codec, found.profile, found.tag, found.pixel_format, found.colours, found.width, found.height, found.fps,
        found.frames, found.seconds, found.b_frames, found.gop, found.fast_start, found.edit_list, found.sound,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("it.mp4", {}),
        ("it.mp4", {"fps": Fraction(30000, 1001), "duration": 21.0, "b_frames": 0}),
        ("it.mp4", {"fps": Fraction(4), "hold_end": 0}),  # no frame of the first segment is reordered
        ("it.mp4", {"codec": "hevc"}),
        ("it.mp4", {"codec": "av1", "quality": "draft"}),
        ("it.webm", {"quality": "draft"}),
        ("it.webm", {"quality": "draft", "transparent": True}),
        ("it.mov", {"codec": "prores"}),
        ("it.mov", {"max_rate": 0.4}),
    ],
)
def test_a_joined_file_keeps_the_promises_of_one_that_is_encoded_at_once(
    tmp_path: Path, cover: Path, music: Path, name: str, values: dict[str, object]
) -> None:
    found, errors = [], []
    for seconds in (0.0, 4.0):
        path = tmp_path / f"{seconds}-{name}"
        job = video(cover, path, **values, music=music, segment_seconds=seconds)
        each = round(4 * job.output.fps)
        render_videos([job])
        found.append(kept_promises(probe(path)))
        errors.append(mean_errors(job, range(each - 2, each + 2)))
    assert found[0] == found[1]
    assert len(kept()) == found[0][8] // each
    # The frames on both sides of a joint are as like their source as those of the other file, to 0.5 dB of PSNR.
    assert 10 * np.log10(errors[1] / errors[0]) < 0.5


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_limited_bitrate_holds_over_joints(tmp_path: Path, cover: Path, codec: str) -> None:
    """A decoder's buffer of one second, nine tenths full at first as x264 assumes, never lacks bits (VBV)."""
    job = video(cover, tmp_path / "it.mp4", codec=codec, max_rate=0.05)
    render_videos([job])
    packets = packet_sizes(job.path)
    assert 0.7 < 8 * sum(packets) / 24 / 50_000 < 1  # the limit has an effect
    full = lowest = 45_000
    for size in packets:
        lowest = min(lowest, full - 8 * size)
        full = min(full - 8 * size + 5000, 50_000)
    assert lowest >= 0


def mean_errors(job: VideoJob, numbers: Sequence[int]) -> float:
    """The mean squared error of some frames of a video against what was drawn, over black if they are transparent."""
    decoded = decode(job.path, *SIZE)
    with (
        open_mosaic(job.cover, job.match, Silent()) as mosaic,
        open_frames(mosaic, job.animation, SIZE, replace(job.output, transparent=False)) as source,
    ):
        off = [decoded[number].astype(float) - source.picture(number) for number in numbers]
    return float(np.square(off).mean())


def test_every_segment_starts_with_a_key_frame(tmp_path: Path, cover: Path) -> None:
    path = tmp_path / "it.mp4"
    render_videos([video(cover, path)])
    assert [number for number, flag in enumerate(frame_flags(path)) if flag == "I"] == list(range(0, 240, 10))


# -- The same file -------------------------------------------------------------------------------------------------


def test_the_file_is_the_same_with_any_number_of_workers_and_after_an_interruption(
    render: Render, cover: Path, tmp_path: Path
) -> None:
    made = {}
    for workers in (1, 2, 3):
        clear("segments")
        assert render("zoom", cover, *SHORT, "--workers", workers, "-y", "-o", "it.mp4")[0] == 0
        made[workers] = digest(tmp_path / "it.mp4")
    for number in (0, 3, 5):
        kept()[number].unlink()
        code, _, log = render("zoom", cover, *SHORT, "-y", "-o", "it.mp4")
        assert code == 0
        assert "resuming: 5 of 6 segments found" in log
        made[f"without {number}"] = digest(tmp_path / "it.mp4")
    assert len(set(made.values())) == 1
    assert "resuming: 6 of 6" in render("zoom", cover, *SHORT, "-y", "-o", "it.mp4")[2]


@pytest.mark.parametrize(
    "words",
    [
        ("flip", "text:ONE", "text:TWO"),
        ("zoom", "text:ONE", "--mask", "heart", "--title", "Hello"),
        ("show", "text:ONE"),
    ],
)
def test_workers_draw_from_the_maps_that_were_matched_once(
    render: Render, tmp_path: Path, photos: Path, words: tuple[str, ...]
) -> None:
    made = []
    for workers in (1, 2):
        clear("segments")
        code, _, log = render(*words, "--tiles", photos, *SHORT, "--workers", workers, "-y", "-o", "it.mp4")
        assert code == 0, log
        made.append(digest(tmp_path / "it.mp4"))
    assert made[0] == made[1]


def test_a_mosaic_in_memory_is_rendered_by_several_workers(tmp_path: Path, photos: Path) -> None:
    mosaic = renderer.match("text:ONE", tiles=photos, columns=12)
    files = [tmp_path / "a" / "it.mp4", tmp_path / "b" / "it.mp4"]
    for workers, path in enumerate(files, 1):
        clear("segments")
        renderer.render(mosaic, "zoom", path, size=SIZE, fps=10, duration=24, segment_seconds=4, workers=workers)
    assert digest(files[0]) == digest(files[1])


@contextmanager
def running(folder: Path, *words: object, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `render` command in another process, which is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "renderer", *map(str, words)], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_an_interrupted_render_is_resumed(
    render: Render, tmp_path: Path, cover: Path, number: signal.Signals, workers: int
) -> None:
    words = ("zoom", cover, *SHORT, "--workers", workers, "-o", "it.mp4")
    with running(tmp_path, *words, IMAGEIO_FFMPEG_EXE=slow_ffmpeg(tmp_path / "ffmpeg")) as process:
        wait_until(kept)
        process.send_signal(number)
        process.wait(30)
        assert not (tmp_path / "it.mp4").exists()
    if number == signal.SIGKILL:  # workers end when their parent is gone
        done = -1
        while done != (done := len(kept())):
            time.sleep(0.5)
    finished = len(kept())
    code, _, log = render(*words)
    assert code == 0
    assert f"resuming: {finished} of 6 segments found" in log
    assert probe(tmp_path / "it.mp4").frames == 240
    resumed = digest(tmp_path / "it.mp4")
    clear("segments")
    assert render(*words, "-y")[0] == 0
    assert digest(tmp_path / "it.mp4") == resumed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffmpeg", "it.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_two_renders_of_the_same_video_share_its_segments(render: Render, tmp_path: Path, cover: Path) -> None:
    """One waits for the segment that the other is making."""
    words = ("zoom", cover, *SHORT)
    slow = slow_ffmpeg(tmp_path / "ffmpeg")
    with running(tmp_path, *words, "-o", "one.mp4", IMAGEIO_FFMPEG_EXE=slow) as process:
        wait_until(lambda: list(segments_folder().glob("*/.*part*")))
        assert render(*words, "-o", "other.mp4")[0] == 0
        assert process.wait(60) == 0
    assert (decode(tmp_path / "one.mp4", *SIZE) == decode(tmp_path / "other.mp4", *SIZE)).all()
    assert len(kept()) == 6


def test_what_is_finished_is_said_after_an_interruption(
    render: Render, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*words: object) -> None:
        write_segment(*words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr("renderer.job.segments.write_segment", interrupted)
    code, _, log = render("zoom", cover, *SHORT, "-o", "it.mp4")
    assert code == 130
    assert "1 of 6 segments are finished and kept: the same command continues" in log


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_failing_worker_is_one_sentence(
    render: Render, tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert render("zoom", cover, *SHORT, "--frames", "0-1", "-o", "it.mp4")[0] == 0  # the mosaic is matched
    broken = tmp_path / "ffmpeg"
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *-version*) exec "{ffmpeg_path()}" "$@";; esac\necho Broken >&2\nexit 1\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(broken))
    code, _, log = render("zoom", cover, *SHORT, "--workers", 2, "-y", "-o", "it.mp4")
    assert code == 1
    assert "Broken" in log
    assert "Traceback" not in log


# -- Sizes and parts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_bits_of_a_maximum_size_are_shared_out_over_segments(
    render: Render, tmp_path: Path, cover: Path, codec: str
) -> None:
    assert render("zoom", cover, *SHORT, "--codec", codec, "-o", "free.mp4")[0] == 0
    most = round(0.6 * (tmp_path / "free.mp4").stat().st_size)
    words = ("zoom", cover, *SHORT, "--codec", codec, "--max-size", most, "-o", "it.mp4")
    assert render(*words)[0] == 0
    assert 0.97 * most <= (tmp_path / "it.mp4").stat().st_size <= most
    assert probe(tmp_path / "it.mp4").frames == 240
    first = digest(tmp_path / "it.mp4")
    assert render(*words, "--workers", 2, "-y")[0] == 0
    assert digest(tmp_path / "it.mp4") == first


def test_a_size_that_is_too_small_is_one_sentence(render: Render, cover: Path) -> None:
    code, _, log = render("zoom", cover, *SHORT, "--max-size", "20KB", "-o", "it.mp4")
    assert code == 2
    assert "--max-size 0.02 MB is too small: the smallest file was" in log


def test_selected_frames_are_cut_too(render: Render, tmp_path: Path, cover: Path) -> None:
    assert render("zoom", cover, *SHORT, "--frames", "10-220", "-o", "it.mp4")[0] == 0
    assert probe(tmp_path / "it.mp4").frames == 211
    assert len(kept()) == 5
    assert render("zoom", cover, *SHORT, "--frames", "10-100", "-o", "short.mp4")[0] == 0
    assert len(kept()) == 5  # it is not long enough


def test_what_decides_about_the_segments_of_a_video(tmp_path: Path, cover: Path) -> None:
    path, logo = tmp_path / "it.mp4", tmp_path / "logo.png"
    Image.new("RGB", (20, 20), "red").save(logo)

    def folder(job: VideoJob, match: MatchSettings | None = None) -> str:
        with open_mosaic(job.cover, match or job.match, Silent()) as mosaic:
            found = segmented(mosaic, job.resolved(), Encoding.of(job.target, job.file, {"title": job.path.stem}))
        assert found is not None
        return found.folder.name

    job = video(cover, path)
    plain = folder(job)
    same = (
        replace(job, path=tmp_path / "other.mp4"), replace(job, command="render it", overwrite=True),
        replace(job, output=replace(job.output, memory=10**9)), replace(job, file=replace(job.file, poster=True)),
        replace(job, sound=SoundSettings(music_fade=0.5)),
    )  # fmt: skip
    assert {folder(each) for each in same} == {plain}
    renamed = tmp_path / "renamed.jpg"
    renamed.write_bytes(cover.read_bytes())
    assert folder(replace(job, cover=renamed)) == plain
    with_logo = replace(job, overlay=OverlaySettings(logo=logo))
    others = [
        folder(replace(job, animation=Zoom(hold_end=1.5))), folder(replace(job, output=replace(job.output, seed=3))),
        folder(replace(job, output=replace(job.output, fps=Fraction(12)))), folder(with_logo),
        folder(replace(job, file=replace(job.file, quality="high"))),
        folder(replace(job, file=replace(job.file, segment_seconds=3.0))),
        folder(replace(job, overlay=OverlaySettings(title="A"))), folder(job, MatchSettings(columns=14)),
    ]  # fmt: skip
    Image.new("RGB", (20, 20), "blue").save(logo)
    others.append(folder(with_logo))
    assert len({plain, *others}) == 1 + len(others)


def test_a_changed_plugin_makes_other_segments(tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "plugin_of_ours.py"
    plugin.write_text("from animations.zoom import Zoom\n\n\nclass Ours(Zoom):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    ours = import_module("plugin_of_ours").Ours
    folders = []
    with open_mosaic(cover, MatchSettings(columns=12), Silent()) as mosaic:
        for animation in (ours(), Zoom(), ours(), ours()):
            job = replace(video(cover, tmp_path / "it.mp4"), animation=animation).resolved()
            found = segmented(mosaic, job, Encoding.of(job.target, job.file, {}))
            assert found is not None
            folders.append(found.folder)
            if len(folders) == 3:
                plugin.write_text(plugin.read_text() + "# changed\n")
    assert folders[0] == folders[2]
    assert len(set(folders)) == 3


# -- What is kept --------------------------------------------------------------------------------------------------


def fill(name: str, size: int, days: float) -> Path:
    """A folder of segments of a size that was last used some days ago."""
    folder = segments_folder() / name
    folder.mkdir(parents=True)
    (folder / "00000.mp4").write_bytes(bytes(size))
    moment = time.time() - days * 86400
    os.utime(folder, (moment, moment))
    return folder


def test_segments_that_are_old_or_too_large_together_are_deleted_unless_they_are_in_use() -> None:
    old, used, larger, newest = fill("a", 10, 8), fill("b", 10, 9), fill("c", 100, 2), fill("d", 50, 1)
    with locked(lock_of(used), used):
        sweep(1000)
        assert not old.exists()
        assert all(each.exists() for each in (used, larger, newest))
        sweep(60)
        assert not larger.exists()
        assert used.exists()
    sweep(0)
    assert not used.exists()
    assert not newest.exists()


def test_a_render_keeps_its_segments_up_to_the_size_of_the_cache(render: Render, cover: Path) -> None:
    assert render("zoom", cover, *SHORT, "-o", "it.mp4")[0] == 0
    assert len(kept()) == 6
    assert render("zoom", cover, *SHORT, "-o", "other.mp4", "--cache-size", "1kB")[0] == 0
    assert not kept()


def test_the_cache_is_listed_and_emptied_by_kind(render: Render, cover: Path) -> None:
    assert render("zoom", cover, *SHORT, "-o", "it.mp4")[0] == 0
    before = sizes()
    assert before["segments"] > 0 < before["maps"]
    listed = render("cache", "list")[1]
    assert "segments:" in listed
    assert "maps" in render("doctor")[1]
    assert render("cache", "clear", "segments")[0] == 0
    kinds: list[CacheKind] = [kind for kind, size in sizes().items() if size]
    assert kinds == ["maps"]
    assert render("cache", "clear", "--json")[1].count("freed") == 1
    assert not any(sizes().values())
    assert "segments" not in render("cache", "clear", "maps", "copies")[1]
    assert render("cache", "clear", "maps", "photos")[0] == 2


def test_a_cache_that_can_t_be_written_is_one_sentence(
    render: Render, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path / "file"))
    code, _, log = render("zoom", cover, *SHORT, "-o", "it.mp4")
    assert code == 1
    assert "set MOSAIC_RENDERER_CACHE to another folder" in log
    assert not (tmp_path / "it.mp4").exists()


def test_the_default_number_of_workers_follows_from_cores_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    each = H264.for_segments()
    assert each is not None
    for cores, workers in ((1, 1), (4, 1), (8, 2), (32, 8)):
        monkeypatch.setattr("renderer.job.segments.core_count", lambda cores=cores: cores)
        monkeypatch.setattr("renderer.job.segments.free_memory", lambda: 10**12)
        assert default_workers((1920, 1080), each) == workers
    monkeypatch.setattr("renderer.job.segments.free_memory", lambda: 4 * 10**9)
    assert default_workers((1920, 1080), each) < 8
    monkeypatch.setenv("MOSAIC_RENDERER_WORKERS", "2")  # a worker of a batch
    assert default_workers((1920, 1080), each) == 1
