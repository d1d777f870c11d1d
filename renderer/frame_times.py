"""Frame numbers, times and progress: exact conversions between the three."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from renderer.errors import InputError
from renderer.messages import named

MAX_FRAMES: Final = 1_000_000


def _exact(seconds: float) -> Fraction:
    """Return the decimal number that a float stands for: 0.7, not the nearest binary number below it."""
    return Fraction(repr(float(seconds)))


def frame_count(seconds: float, fps: Fraction) -> int:
    """Return the number of frames of a video: seconds × fps, half rounded up, at least 1.

    Raises InputError for more than a million.
    """
    count = max(1, math.floor(_exact(seconds) * fps + Fraction(1, 2)))
    if count > MAX_FRAMES:
        raise InputError(
            f"{named('duration', seconds)} makes {count} frames, more than a million: choose a shorter one"
        )
    return count


def progress_of(frame: int, count: int, *, loop: bool = False) -> float:
    """Return the progress 0…1 of a frame, counted from 0: frame / (count − 1), or frame / count in a seamless loop."""
    return frame / count if loop else frame / max(count - 1, 1)


def frame_at(seconds: float, count: int, fps: Fraction) -> int:
    """Return the frame shown at a time from the start. Raises InputError for a time outside the video."""
    # A time printed with few digits may be just before the start of the frame that it stands for.
    frame = math.floor(_exact(seconds) * fps + Fraction(1, 1000))
    if not 0 <= frame <= count or seconds < 0:
        raise InputError(f"{named('at', seconds)} is outside the video, which is {float(count / fps):g} seconds long")
    return min(frame, count - 1)


def parse_frames(text: str, count: int) -> range:
    """Parse a range A-B of the frames of a video of `count`, counted from 0, both ends included. Raises InputError."""
    first, dash, last = text.partition("-")
    try:
        frames = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        message = f"{named('frames', text)} is not a range: give the first and the last frame, such as 10-19"
        raise InputError(message) from None
    if not frames or frames.stop > count or frames.start < 0:
        raise InputError(f"{named('frames', text)} is outside the video, which has the frames 0-{count - 1}")
    return frames
