"""What a worker does: an order in, an outcome out, both plain data that can be sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from renderer.encoder import Probe
from renderer.errors import RenderError
from renderer.job import OpenMosaic, VideoJob, check_job, mosaic_key, open_mosaic, write_video
from renderer.memory import MemoryMeter
from renderer.progress import Progress, Timed
from renderer.rules import RuleCheck


@dataclass(frozen=True)
class RenderJob:
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
    checks: Sequence[RuleCheck] = ()


class JobRunner:
    """Where a worker does its orders: the mosaic of the last one stays open, as the next one's is often the same."""

    def __init__(self) -> None:
        self._mosaic: tuple[object, OpenMosaic] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def perform(self, render_job: RenderJob, progress: Progress) -> Outcome:
        """Do an order. What goes wrong stands in the outcome; only an interruption is raised."""
        try:
            return self._perform(render_job, Timed(progress))
        except RenderError as error:
            return Outcome(error.text)
        except MemoryError:
            return Outcome("out of memory: give a smaller --size, or fewer --workers")
        except Exception as error:  # one video's bug is not the end of the others
            return Outcome(f"unexpected {type(error).__name__}: {error}")

    def _perform(self, render_job: RenderJob, progress: Timed) -> Outcome:
        if not render_job.match_only:
            check_job(render_job.job)
        with MemoryMeter() as meter:
            mosaic = self._mosaic_of(render_job.job, progress)
            if render_job.match_only:
                return Outcome("", progress.finished()["total"])
            made = write_video(mosaic, render_job.job, progress)
        seconds = progress.finished()["total"]
        return Outcome("", seconds, made.bytes, meter.peak_bytes, made.probe, tuple(made.checks))

    def _mosaic_of(self, job: VideoJob, progress: Progress) -> OpenMosaic:
        wanted = mosaic_key(job)
        if self._mosaic is None or self._mosaic[0] != wanted:
            self._mosaic = None
            self._open.close()
            opened = open_mosaic(job.cover, job.match, progress, job.animation.targets())
            self._mosaic = (wanted, self._open.enter_context(opened))
        return self._mosaic[1]
