from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import StageFactory
from hypothesis import given
from hypothesis import strategies as st

from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer import timeline
from renderer.compositor import Compositor
from renderer.errors import InputError
from renderer.frame_times import frame_at, frame_count, parse_frames, progress_of
from renderer.parameters import parse_frame_rate
from renderer.timeline import Entry, Show, joined_entries, parse_entries, parse_timeline


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)), ("25", Fraction(25)), ("30", Fraction(30)), ("50", Fraction(50)), ("60", Fraction(60)),
        ("23.976", Fraction(24000, 1001)), ("29.97", Fraction(30000, 1001)), ("59.94", Fraction(60000, 1001)),
        ("30000/1001", Fraction(30000, 1001)), ("12.5", Fraction(25, 2)),
    ],
)  # fmt: skip
def test_frame_rates_are_exact(text: str, rate: Fraction) -> None:
    assert parse_frame_rate(text, "fps") == rate


@pytest.mark.parametrize("text", ["0", "-5", "fast", "1/0", "241", "nan", "inf", ""])
def test_invalid_frame_rates_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="fps="):
        parse_frame_rate(text, "fps")


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [(10, Fraction(30), 300), (10, Fraction(30000, 1001), 300), (0.05, Fraction(10), 1), (0.25, Fraction(10), 3),
        (0.35, Fraction(10), 4), (0.001, Fraction(24), 1)],
)  # fmt: skip
def test_frame_count_rounds_half_up(seconds: float, fps: Fraction, frames: int) -> None:
    assert frame_count(seconds, fps) == frames


@given(st.integers(2, 5000))
def test_progress_runs_from_zero_to_one(count: int) -> None:
    assert progress_of(0, count) == 0
    assert progress_of(count - 1, count) == 1
    assert progress_of(count - 1, count, loop=True) < 1
    assert progress_of(0, 1) == 0


@given(st.integers(0, 299))
def test_a_time_selects_the_frame_shown_at_that_time(frame: int) -> None:
    fps = Fraction(30000, 1001)
    middle = float((frame + Fraction(1, 2)) / fps)
    assert frame_at(middle, 300, fps) == frame


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(25), Fraction(30000, 1001)])
def test_a_rounded_start_time_selects_the_frame_that_starts_there(fps: Fraction) -> None:
    for frame in range(300):
        assert frame_at(float(frame / fps), 300, fps) == frame
        assert frame_at(round(float(frame / fps), 4), 300, fps) == frame
    assert frame_at(0.7, 300, Fraction(30)) == 21


def test_the_end_of_the_video_selects_its_last_frame() -> None:
    assert frame_at(10, 300, Fraction(30)) == 299
    with pytest.raises(InputError, match=r"at=10\.5 is outside the video, which is 10 seconds long"):
        frame_at(10.5, 300, Fraction(30))


def test_frame_ranges_include_both_ends() -> None:
    assert parse_frames("10-19", 300) == range(10, 20)
    assert parse_frames("7", 300) == range(7, 8)
    for bad in ("19-10", "290-300", "a-b", "-3", ""):
        with pytest.raises(InputError, match="frames="):
            parse_frames(bad, 300)


# -- Several animations --------------------------------------------------------------------------------------------


def test_a_timeline_is_parsed_into_segments() -> None:
    reveal, hold, zoom, out = parse_timeline(
        "reveal 3s order=scan, hold .5s,zoom 5.5s focus=0.4,0.3 focus=0.1,0.2 hold-end=0, zoom 2s direction=out"
    )
    assert isinstance(reveal.animation, Reveal)
    assert (reveal.animation.order, reveal.seconds) == ("scan", 3)
    assert (hold.animation, hold.seconds) == (None, 0.5)
    assert isinstance(zoom.animation, Zoom)
    assert (zoom.animation.targets(), zoom.animation.hold_end, zoom.seconds) == (((0.4, 0.3), (0.1, 0.2)), 0, 5.5)
    assert isinstance(out.animation, Zoom)
    assert out.animation.direction == "out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r'timeline="" is not a segment'),
        ("zoom", 'timeline="zoom" is not a segment'),
        ("zoom 5s,", "is not a segment"),
        ("zoom 5s, disperse", 'timeline="disperse" is not a segment'),
        ("zoom 0s", 'timeline="zoom 0s": the duration of 0 seconds is out of range'),
        ("zoom 99999s", "the duration of 99999 seconds is out of range: more than 0, at most 14400"),
        ("zom 3s", "there is no animation zom: did you mean zoom"),
        ("hold 3s", 'timeline="hold 3s" contains no animation: add one'),
        ("hold 3s long=1", "hold has no parameters"),
        ("reveal 3s oder=scan", "there is no parameter oder: did you mean order"),
        ("reveal 3s order=scn", "order = scn is not one of .*: did you mean scan"),
        ("reveal 3s order", "order is not a parameter: write it as name=value"),
        ("reveal 3s overlap=7", 'timeline="reveal 3s overlap=7": overlap = 7 is out of range'),
        ("reveal 3s reverse=perhaps", "reverse = perhaps is not true or false"),
        ("zoom 3s focus=2,2", 'timeline="zoom 3s focus=2,2": focus = 2,2 is outside the cover'),
        ("zoom 3s, disperse 2s", 'zoom ends with a photo, but disperse starts with the whole mosaic: put "zoom 2s direction=out"'),
        ("disperse 3s reveals=empty, hold 1s, zoom 2s", 'put "gather 3s" between them'),
        ("disperse 3s reveals=cover, zoom 2s", 'put "reveal 3s from=cover" between them'),
        ("reveal 3s, flight 4s", "reveal ends with the whole mosaic, but flight starts with a view of its own: add from=mosaic to flight"),
        ("flight 4s reverse=true, flight 4s", "flight ends with a view of its own, but flight starts with a view of its own"),
        ("wave 3s loop=true, zoom 2s", "wave ends with a view of its own, but zoom starts with the whole mosaic: add loop=false to wave"),
    ],
)  # fmt: skip
def test_invalid_timelines_are_refused_with_a_fix(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Show(timeline=text)


@dataclass(frozen=True)
class LongShow(Show):
    """A third-party timeline."""


@pytest.mark.parametrize("name", ["show", "longshow"])
def test_a_timeline_within_a_timeline_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(timeline, "load_animation", {"show": Show, "longshow": LongShow}.__getitem__)
    with pytest.raises(InputError, match=f"a timeline can't contain {name}: write its segments into this timeline"):
        Show(timeline=f"{name} 5s")


def test_a_timeline_file_gives_the_same_segments(tmp_path: Path) -> None:
    file = tmp_path / "show.toml"
    file.write_text(
        """
        [[timeline]]
        animation = "reveal"
        seconds = 3
        order = "scan"
        from = "cover"
        [[timeline]]
        animation = "hold"
        seconds = 0.5
        [[timeline]]
        animation = "zoom"
        seconds = 5.5
        focus = ["0.4,0.3", "0.1,0.2"]
        hold-end = 0
        """
    )
    text = "reveal 3s order=scan from=cover, hold .5s, zoom 5.5s focus=0.4,0.3 focus=0.1,0.2 hold-end=0"
    assert Show(timeline=str(file)).segments == Show(timeline=text).segments


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[timeline", "is not TOML"),
        ("a = 1", r"show.toml has no \[\[timeline\]\] table"),
        ("[[timeline]]", "timeline 1: animation is missing"),
        ('[[timeline]]\nanimation = "zoom"', "timeline 1: seconds is missing: add seconds = 5"),
        ('[[timeline]]\nanimation = "zoom"\nseconds = 3\nfocal = 1', "there is no parameter focal: did you mean focus"),
        ('[[timeline]]\nanimation = "zoom"\nseconds = 3\nhold-end = []', r"hold_end = \[\] is not a number"),
        ('[[timeline]]\nanimation = "zoom"\nseconds = 3\nfocus = "2,2"', "timeline 1: focus = 2,2 is outside the cover"),
    ],
)  # fmt: skip
def test_invalid_timeline_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "show.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        Show(timeline=str(tmp_path / "show.toml"))
    with pytest.raises(
        InputError, match=r"timeline=.*shows.toml: there is no such file or folder: did you mean show.toml?"
    ):
        Show(timeline=str(tmp_path / "shows.toml"))


def test_parts_have_their_own_frames_and_join_smoothly(stage_factory: StageFactory) -> None:
    notices: list[str] = []
    stage = replace(stage_factory.stage((96, 64), seconds=8.0), frames=80, notice=notices.append)
    show = Show(
        timeline="hold 1s, reveal 2s from=empty, zoom 2s focus=0.9,0.1 hold-end=0.5, zoom 1s direction=out hold-start=0.3, disperse 2s reveals=empty",
        drift=0.0,
    )
    assert (show.default_duration(), show.shown_endings(), show.targets()) == (8, ("empty", "empty"), ((0.9, 0.1),))
    motion = show.play(stage)
    with closing(Compositor(96, 64, stage.textures)) as compositor:
        frames = [compositor.still(motion(frame / 79)).astype(int) for frame in range(80)]
        reveal = show.segments[1].animation
        assert reveal is not None
        alone = reveal.play(replace(stage, seconds=2.0, frames=20, seed=stage.seed + 1))
        for frame in range(20):
            assert (frames[10 + frame] == compositor.still(alone(frame / 20))).all()
    assert all((frame == frames[0]).all() for frame in frames[:10])
    assert not frames[0].any()
    assert not frames[-1].any()
    for joint in (30, 50, 60):
        steps = [np.abs(frames[at] - frames[at - 1]).mean() for at in (joint - 1, joint, joint + 1)]
        assert steps[1] <= 1.5 * max(steps[0], steps[2]) + 0.5, joint
    assert len({motion(frame / 79).camera for frame in (48, 49, 50, 51)}) == 1  # paused on the photo
    stage.textures.close()


@pytest.mark.parametrize(
    "text",
    [
        "disperse 2s, zoom 2s hold-start=0.2",
        "disperse 2s, zoom 2s direction=out hold-start=0.2 hold-end=0.2",
        "disperse 2s, reveal 2s from=cover",
        "zoom 2s hold-end=0.2, gather 2s",
        "reveal 2s from=cover reverse=true, gather 2s",
        "disperse 2s, gather 2s",
        "disperse 2s, disperse 2s",
    ],
)
def test_disperse_and_gather_join_any_neighbour_without_a_jump(stage_factory: StageFactory, text: str) -> None:
    notices: list[str] = []
    stage = replace(stage_factory.stage((96, 64), seconds=4.0), frames=400, notice=notices.append)
    motion = Show(timeline=text, drift=0.0).play(stage)
    with closing(Compositor(96, 64, stage.textures)) as compositor:
        frames = [compositor.still(motion(frame / 399)).astype(int) for frame in range(196, 204)]
    assert max(np.abs(after - before).mean() for before, after in pairwise(frames)) < 2
    assert frames[4].any()
    assert not notices
    motion = Show(timeline=text).play(stage)
    before, after = (motion(frame / 399) for frame in (199, 200))
    with closing(Compositor(96, 64, stage.textures)) as compositor:
        assert np.abs(compositor.still(before).astype(int) - compositor.still(after)).mean() < 2
    stage.textures.close()


def test_a_part_moves_for_all_of_its_seconds_except_explicit_pauses(stage_factory: StageFactory) -> None:
    stage = replace(stage_factory.stage((96, 64), seconds=4.0), frames=120)
    motion = Show(timeline="reveal 1s, hold 1s, zoom 2s hold-start=0.5", drift=0.0).play(stage)
    with closing(Compositor(96, 64, stage.textures)) as compositor:
        frames = [compositor.still(motion(frame / 119)) for frame in range(60)]
    moves = [bool((one != other).any()) for one, other in pairwise(frames)]
    assert moves == [True] * 30 + [False] * 29
    scales = np.array([motion(frame / 119).camera.scale for frame in range(60, 120)])
    assert (np.diff(scales)[:14] == 0).all()
    assert (np.diff(scales)[15:] > 0).all()
    stage.textures.close()


def test_the_camera_moves_in_slowly_in_pauses_of_a_timeline_and_joins_without_a_jump(
    stage_factory: StageFactory,
) -> None:
    stage = replace(stage_factory.stage((96, 64), seconds=9.5), frames=286)
    timeline = "hold 1s, reveal 2s from=cover, hold 1.5s, zoom 3s, hold 1s, zoom 1s direction=out"
    motion = Show(timeline=timeline).play(stage)
    scales = np.log([motion(frame / 285).camera.scale for frame in range(286)])
    assert np.abs(np.diff(scales[:250])).max() < 0.15
    for first, last in ((1, 29), (92, 134), (227, 254)):
        assert (np.abs(np.diff(scales[first:last])) > 1e-5).all()
    assert scales[135] - scales[91] == pytest.approx(np.log(1 + Show().drift), rel=0.05)
    stage.textures.close()


def test_several_pauses_at_the_start_lead_to_the_first_animation(stage_factory: StageFactory) -> None:
    stage = replace(stage_factory.stage((96, 64), seconds=3.0), frames=91)
    motion = Show(timeline="hold 0.5s, hold 0.5s, zoom 2s", drift=0.1).play(stage)
    scales = np.array([motion(frame / 90).camera.scale for frame in range(91)])
    assert (np.diff(scales[:30]) < 0).all()  # the camera moves out, without a jump
    assert np.abs(np.diff(np.log(scales[:35]))).max() < 0.01
    stage.textures.close()


def test_the_drift_of_a_timeline_is_the_default_of_its_segments(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text('[[timeline]]\nanimation = "reveal"\nseconds = 3\n')
    for text in ("reveal 3s, disperse 3s drift=0.05", str(tmp_path / "show.toml")):
        drifts = [part.animation.drift for part in Show(timeline=text, drift=0.0).segments if part.animation]
        assert drifts == [0.0, 0.05][: len(drifts)]
    animation = Show(timeline="reveal 3s").segments[0].animation
    assert animation is not None
    assert animation.drift == Reveal().drift > 0


def test_different_views_are_joined_by_a_camera_move(stage_factory: StageFactory) -> None:
    notices: list[str] = []
    stage = replace(stage_factory.stage((64, 96), seconds=6.0), frames=600, notice=notices.append)
    motion = Show(timeline="reveal 3s, zoom 3s focus=0.02,0.5 landing=tile").play(stage)
    assert notices == ["zoom starts with a short camera move, since the previous view is different"]
    x = np.array([motion(frame / 599).camera.centre[0] for frame in range(600)])
    assert np.abs(np.diff(x)).max() < 0.2
    assert x[299] == x[300] > x[-1] + 1
    stage.textures.close()


def test_a_zoom_out_of_a_different_photo_is_refused(stage_factory: StageFactory) -> None:
    stage = replace(stage_factory.stage((96, 64), seconds=6.0), frames=60)
    with pytest.raises(
        InputError, match="zoom does not start at the photo where the previous animation ends: leave out its focus"
    ):
        Show(timeline="zoom 3s focus=0.2,0.2, zoom 3s direction=out focus=0.8,0.8").play(stage)
    stage.textures.close()


@given(
    st.lists(
        st.builds(
            Entry, st.sampled_from(["zoom", "hold", "disperse"]), st.floats(1e-5, 9e5).map(lambda value: round(value, 5)),
            st.dictionaries(
                st.sampled_from(["focus", "easing"]),
                st.one_of(st.text(max_size=20), st.just("a,b"), st.lists(st.text(max_size=9), min_size=2, max_size=3).map(tuple)),
                max_size=2,
            ),
        ),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_entries_are_written_and_read_again(entries: list[Entry]) -> None:
    """Values of any characters, among them spaces, commas and quotation marks."""
    read = parse_entries(", ".join(map(str, entries)))
    assert [(each.name, each.seconds, each.given) for each in read] == [
        (each.name, each.seconds, each.given) for each in entries
    ]


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("zoom 5s, hold 1s, disperse 2s", "zoom 5s, hold 1s, zoom 2s direction=out, disperse 2s"),
        ("zoom 5s, flight 5s", "zoom 5s, zoom 2s direction=out, flight 5s from=mosaic"),
        (
            "zoom 2s, reveal 2s from=cover",
            "zoom 2s, zoom 2s direction=out, reveal 3s from=cover reverse=true, reveal 2s from=cover",
        ),
        ("reveal 3s, zoom 5s", "reveal 3s, zoom 5s"),
    ],
)
def test_entries_are_joined_with_those_that_they_need(text: str, joined: str) -> None:
    entries = joined_entries(parse_entries(text))
    assert ", ".join(map(str, entries)) == joined
    assert Show(timeline=joined).segments
    if joined != text:
        with pytest.raises(InputError, match=r"put|add"):
            Show(timeline=text)
