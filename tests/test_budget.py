import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer import budget
from renderer.batch import LocalPool
from renderer.batch.fingerprints import Inputs
from renderer.budget import LEAST_MEMORY, WORKERS_VARIABLE, EncoderNeeds, free_memory, plan_budget, render_budget
from renderer.cli.options import written_command
from renderer.cores import CORES_VARIABLE
from renderer.encoder import Encoding, choose
from renderer.encoder.video import video_arguments
from renderer.errors import InputError
from renderer.progress import Silent
from renderer.settings import Codec, FileSettings, OutputSettings, Quality
from renderer.video_job import VideoJob

FULL_HD = (1920, 1080)
CASES = {
    "cores": st.integers(1, 128),
    "memory": st.integers(LEAST_MEMORY, 2**38),
    "size": st.tuples(st.integers(16, 8192), st.integers(16, 8192)),
    "needs": st.sampled_from([
        EncoderNeeds(), EncoderNeeds(40, 0, 1, 1), EncoderNeeds(105, 11, 3, 16), EncoderNeeds(175, 67, 1, 6),
    ]),
}  # fmt: skip


def needs(name: str = "it.mp4", codec: Codec | None = None, quality: Quality = "standard") -> EncoderNeeds:
    return Encoding(choose(Path(name), FileSettings(codec=codec)), quality).needs()


@given(**CASES)
def test_a_budget_keeps_to_the_memory_or_is_the_least(
    cores: int, memory: int, size: tuple[int, int], needs: EncoderNeeds
) -> None:
    found = plan_budget(cores, memory, size, needs)
    least = plan_budget(cores, 0, size, needs)
    assert found.expected_bytes <= max(memory, least.expected_bytes)
    assert (least.encoder_threads, least.loading_threads) == (needs.least, 1)
    assert needs.least <= found.encoder_threads <= max(needs.least, min(needs.most, cores))
    assert (found.drawing_threads, found.memory_bytes) == (cores, memory)
    assert 1 <= found.loading_threads <= cores
    assert 16 <= found.canvas_bytes / (size[0] * size[1]) <= 64
    assert found.texture_bytes == least.texture_bytes


@given(**CASES, more=st.integers(0, 2**34))
def test_more_memory_never_means_fewer_encoder_threads(
    cores: int, memory: int, size: tuple[int, int], needs: EncoderNeeds, more: int
) -> None:
    before, after = (plan_budget(cores, each, size, needs) for each in (memory, memory + more))
    assert after.encoder_threads >= before.encoder_threads


def test_a_full_hd_video_on_two_cores_has_a_whole_canvas_and_fits_in_a_gigabyte() -> None:
    for quality in ("standard", "high", "max"):
        found = plan_budget(2, 2**36, FULL_HD, needs(quality=quality))
        assert found.encoder_threads == 3
        # 30 bytes per pixel suffice for what a frame shows, with tone and without.
        assert found.canvas_bytes == 64 * 1920 * 1080
        assert found.expected_bytes <= 1050 * 2**20  # while two photos of 8 megapixels are decoded
    assert plan_budget(2, LEAST_MEMORY, FULL_HD, needs()).expected_bytes <= LEAST_MEMORY


def test_threads_follow_the_cores_if_there_is_memory() -> None:
    assert [plan_budget(cores, 2**35, FULL_HD, needs()).encoder_threads for cores in (1, 2, 4, 8, 16, 64)] == [
        3, 3, 4, 8, 16, 16,
    ]  # fmt: skip
    assert plan_budget(16, 2 * 10**9, (3840, 2160), needs()).encoder_threads < 16


def test_memory_does_not_decide_where_the_file_depends_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "12")
    limited = Encoding(choose(Path("it.mp4"), FileSettings()), max_rate=2.0).needs()
    rated = Encoding(choose(Path("it.mp4"), FileSettings()), bit_rate=1e6).needs()
    for each in (limited, rated, needs(codec="hevc")):
        assert {plan_budget(12, memory, FULL_HD, each).encoder_threads for memory in (LEAST_MEMORY, 2**36)} == {12}
    assert plan_budget(12, LEAST_MEMORY, FULL_HD, needs()).encoder_threads < 12


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_segments_with_a_limited_rate_have_one_thread(codec: Codec) -> None:
    """With several, x264 and x265 write another file each time, so that a resumed video would not be the same."""
    encoding = Encoding(choose(Path("it.mp4"), FileSettings(codec=codec)), max_rate=2.0).for_segments()
    assert encoding is not None
    assert {plan_budget(12, memory, FULL_HD, encoding.needs()).encoder_threads for memory in (2**30, 2**36)} == {1}
    limited = video_arguments(96, 64, Fraction(30), replace(encoding, segment_frames=30), 1)
    assert codec == "h264" or "frame-threads=1:" in limited[limited.index("-x265-params") + 1]


# -- Free memory ---------------------------------------------------------------------------------------------------


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = "sys/fs/cgroup/"
V1 = "sys/fs/cgroup/memory/"


@pytest.mark.parametrize(
    ("files", "free"),
    [
        (
            {
                "proc/self/cgroup": "0::/\n", f"{V2}memory.max": "1000000\n", f"{V2}memory.current": "700000\n",
                f"{V2}memory.stat": "anon 5\nfile 9\ninactive_file 100000\n",
            },
            400_000,
        ),
        # The limit of a parent is lower; the group itself has none.
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                f"{V2}a/b/memory.max": "max\n", f"{V2}a/b/memory.current": "1\n",
                f"{V2}a/memory.max": "500000\n", f"{V2}a/memory.current": "200000\n",
            },
            300_000,
        ),
        # A container sees its own group at the top, under the path that the host knows.
        (
            {
                "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/12ab\n0::/\n",
                f"{V1}memory.limit_in_bytes": "800000\n", f"{V1}memory.usage_in_bytes": "600000\n",
                f"{V1}memory.stat": "inactive_file 7\ntotal_inactive_file 50000\n",
            },
            250_000,
        ),
        # More than the limit may be in use for a moment.
        (
            {
                "proc/self/cgroup": "0::/\n", f"{V2}memory.max": "1000\n", f"{V2}memory.current": "4000\n",
            },
            0,
        ),
        ({"proc/self/cgroup": "0::/\n", f"{V2}memory.max": "max\n", f"{V2}memory.current": "4000\n"}, None),
        ({"proc/self/cgroup": "4:memory:/\n", f"{V1}memory.limit_in_bytes": "9223372036854771712\n",
          f"{V1}memory.usage_in_bytes": "4000\n"}, None),
        ({"proc/self/cgroup": "damaged\n::\n0\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_free_memory_is_that_of_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], free: int | None
) -> None:
    available = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)
    found = free_memory(write(tmp_path, files))
    assert found == (available.available if free is None else free)


def test_workers_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "free_memory", lambda: 30 * 10**9)
    assert render_budget(FULL_HD).memory_bytes == 10 * 10**9
    assert render_budget(FULL_HD, memory=4 * 10**9).memory_bytes == 4 * 10**9
    with LocalPool(4) as pool:
        assert pool._processes._environment[WORKERS_VARIABLE] == "4"
    monkeypatch.setenv(WORKERS_VARIABLE, "4")
    assert render_budget(FULL_HD).memory_bytes == 2_500_000_000
    assert render_budget(FULL_HD, memory=4 * 10**9).memory_bytes == 10**9
    monkeypatch.setenv(WORKERS_VARIABLE, "100")
    assert render_budget(FULL_HD).memory_bytes == LEAST_MEMORY


# -- The parameter -------------------------------------------------------------------------------------------------


def test_too_little_memory_is_refused_in_one_sentence() -> None:
    assert OutputSettings(memory="700MiB").memory == LEAST_MEMORY  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        OutputSettings(memory="699MiB")  # type: ignore[arg-type]
    assert str(caught.value) == "memory=732954624 is out of range: it must be at least 700MiB"


def test_memory_is_no_part_of_a_file_or_its_fingerprint() -> None:
    assert written_command(["zoom"], Path("a.jpg"), {"memory": 10**9, "columns": 9}) == "render zoom a.jpg --columns 9"
    from animations.zoom import Zoom

    jobs = [VideoJob(None, Zoom(), Path("it.mp4"), output=OutputSettings(**each)) for each in ({}, {"memory": 10**9})]
    inputs = Inputs(Silent())
    assert len({inputs.fingerprint(job) for job in jobs}) == 1


def test_a_plan_and_the_doctor_tell_the_budget(
    render: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "16")
    plan = ("zoom", "--size", "1920x1080", "--dry-run")
    found = {}
    for memory in ("700MiB", "20GB"):
        found[memory] = json.loads(render(*plan, "--json", "--memory", memory)[1])["budget"]
        expected = plan_budget(16, found[memory]["memory_bytes"], FULL_HD, needs())
        assert found[memory]["encoder_threads"] == expected.encoder_threads
        assert found[memory]["canvas_bytes"] == expected.canvas_bytes
    assert (found["700MiB"]["memory_bytes"], found["20GB"]["memory_bytes"]) == (LEAST_MEMORY, 20 * 10**9)
    assert found["700MiB"]["encoder_threads"] < found["20GB"]["encoder_threads"] == 16
    assert "16 encoder and 16 drawing threads" in render(*plan, "--memory", "20GB")[1]
    monkeypatch.setattr(budget, "free_memory", lambda: 60 * 10**9)
    assert "16 encoder and 16 drawing threads" in render("doctor")[1]
