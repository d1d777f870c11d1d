from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import InputError
from renderer.timeline import frame_at, frame_count, parse_frame_rate, parse_frames, progress_of


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)), ("25", Fraction(25)), ("30", Fraction(30)), ("50", Fraction(50)), ("60", Fraction(60)),
        ("23.976", Fraction(24000, 1001)), ("29.97", Fraction(30000, 1001)), ("59.94", Fraction(60000, 1001)),
        ("30000/1001", Fraction(30000, 1001)), ("12.5", Fraction(25, 2)),
    ],
)  # fmt: skip
def test_rates_are_exact(text: str, rate: Fraction) -> None:
    assert parse_frame_rate(text) == rate


@pytest.mark.parametrize("text", ["0", "-5", "fast", "1/0", "241", "nan", "inf", ""])
def test_bad_rates_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--fps"):
        parse_frame_rate(text)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [(10, Fraction(30), 300), (10, Fraction(30000, 1001), 300), (0.05, Fraction(10), 1), (0.25, Fraction(10), 3),
        (0.35, Fraction(10), 4), (0.001, Fraction(24), 1)],
)  # fmt: skip
def test_frames_are_counted_half_up(seconds: float, fps: Fraction, frames: int) -> None:
    assert frame_count(seconds, fps) == frames


@given(st.integers(2, 5000))
def test_progress_runs_from_zero_to_one(count: int) -> None:
    assert progress_of(0, count) == 0
    assert progress_of(count - 1, count) == 1
    assert progress_of(count - 1, count, loop=True) < 1
    assert progress_of(0, 1) == 0


@given(st.integers(0, 299))
def test_a_time_falls_on_the_frame_that_is_shown_then(frame: int) -> None:
    fps = Fraction(30000, 1001)
    middle = float((frame + Fraction(1, 2)) / fps)
    assert frame_at(middle, 300, fps) == frame


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(25), Fraction(30000, 1001)])
def test_a_time_that_was_printed_means_the_frame_that_begins_there(fps: Fraction) -> None:
    for frame in range(300):
        assert frame_at(float(frame / fps), 300, fps) == frame
        assert frame_at(round(float(frame / fps), 4), 300, fps) == frame
    assert frame_at(0.7, 300, Fraction(30)) == 21


def test_the_end_of_the_video_is_its_last_frame() -> None:
    assert frame_at(10, 300, Fraction(30)) == 299
    with pytest.raises(InputError, match="lasts 10 seconds"):
        frame_at(10.5, 300, Fraction(30))


def test_frame_ranges_include_both_ends() -> None:
    assert parse_frames("10-19", 300) == range(10, 20)
    assert parse_frames("7", 300) == range(7, 8)
    for bad in ("19-10", "290-300", "a-b", "-3", ""):
        with pytest.raises(InputError, match="--frames"):
            parse_frames(bad, 300)
