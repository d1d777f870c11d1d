"""Frame numbers, times and progress: exact conversions between the three."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from renderer.errors import InputError

MAX_FRAMES: Final = 1_000_000


def _exact(seconds: float) -> Fraction:
    """The decimal number that was meant: 0.7, not the nearest binary one below it."""
    return Fraction(repr(float(seconds)))


def frame_count(seconds: float, fps: Fraction) -> int:
    """Frames of a video: seconds × fps, half rounded up, at least 1. Raises InputError for more than a million."""
    count = max(1, math.floor(_exact(seconds) * fps + Fraction(1, 2)))
    if count > MAX_FRAMES:
        raise InputError(f"--duration {seconds:g} makes {count} frames, more than a million: give a shorter one")
    return count


def progress_of(frame: int, count: int, *, loop: bool = False) -> float:
    """Progress 0…1 shown by a frame counted from 0: frame / (count − 1), in a seamless loop frame / count."""
    return frame / count if loop else frame / max(count - 1, 1)


def frame_at(seconds: float, count: int, fps: Fraction) -> int:
    """The frame that is on the screen at a time from the start. Raises InputError if the video is over by then."""
    # A time that was printed with a few digits means the frame that begins there.
    frame = math.floor(_exact(seconds) * fps + Fraction(1, 1000))
    if not 0 <= frame <= count or seconds < 0:
        raise InputError(f"--at {seconds:g} is outside the video, which lasts {float(count / fps):g} seconds")
    return min(frame, count - 1)


def parse_frames(text: str, count: int) -> range:
    """The frames A-B, counted from 0, both ends included, of a video of `count`. Raises InputError."""
    first, dash, last = text.partition("-")
    try:
        frames = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise InputError(f"--frames {text} is not a range: give the first and the last frame, such as 10-19") from None
    if not frames or frames.stop > count or frames.start < 0:
        raise InputError(f"--frames {text} is outside the video, whose frames are 0-{count - 1}")
    return frames
