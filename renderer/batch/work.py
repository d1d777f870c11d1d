"""What a worker does: an order in, an outcome out, both plain data that can be sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from renderer.encoder import Probe
from renderer.errors import RenderError
from renderer.job import VideoJob, open_mosaic, render_video
from renderer.progress import Progress, Timed
from renderer.rules import Check


@dataclass(frozen=True)
class Order:
    """A job to be done, or of its mosaic only the matching, so that the map is kept for those that share it."""

    job: VideoJob
    match_only: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of an order."""

    error: str = ""  # one sentence; empty if it was done
    seconds: float = 0.0
    bytes: int = 0
    peak_memory_bytes: int = 0  # the worker's and ffmpeg's
    probe: Probe | None = None
    checks: Sequence[Check] = ()


def perform(order: Order, progress: Progress) -> Outcome:
    """Do an order. What goes wrong stands in the outcome; only an interruption is raised."""
    job = order.job
    try:
        if order.match_only:
            timed = Timed(progress)
            with open_mosaic(job.cover, job.match, timed, job.animation.targets()):
                return Outcome(seconds=timed.finished()["total"])
        made = render_video(job, progress)
        return Outcome(
            "", made.seconds["total"], made.bytes, made.peak_memory_bytes, made.probe, tuple(made.checks)
        )  # fmt: skip
    except RenderError as error:
        return Outcome(str(error))
    except MemoryError:
        return Outcome("out of memory: give a smaller --size, or fewer --workers")
    except Exception as error:  # one video's bug is not the end of the others
        return Outcome(f"unexpected {type(error).__name__}: {error}")
