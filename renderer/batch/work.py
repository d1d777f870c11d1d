"""The work of a worker: from a render job to its outcome, both plain data that can be sent to other processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from renderer.errors import RenderError
from renderer.memory import MemoryMeter
from renderer.messages import named
from renderer.progress import Progress, Timed
from renderer.rules import RuleCheck
from renderer.video_job import VideoJob, mosaic_key

if TYPE_CHECKING:
    from renderer.encoder import Probe
    from renderer.job import OpenMosaic


@dataclass(frozen=True)
class RenderJob:
    """A video to render, or only its mosaic to match: the videos that share the map then find it in the cache."""

    job: VideoJob
    match_only: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result of a render job."""

    error: str = ""  # one sentence, with parameters marked (`renderer.messages.named`); empty on success
    seconds: float = 0.0
    bytes: int = 0
    peak_memory_bytes: int = 0  # of the worker and ffmpeg
    probe: Probe | None = None
    checks: Sequence[RuleCheck] = ()


class JobRunner:
    """Runs render jobs one after another; keeps the last mosaic open, because the next job often has the same one."""

    def __init__(self) -> None:
        self._mosaic: tuple[object, OpenMosaic] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def run(self, render_job: RenderJob, progress: Progress) -> Outcome:
        """Run a job. Errors are returned in the outcome; only an interruption is raised."""
        try:
            return self._run(render_job, Timed(progress))
        except RenderError as error:
            return Outcome(error.text)
        except MemoryError:
            return Outcome(f"out of memory: use a smaller {named('size')}, or fewer {named('workers')}")
        except Exception as error:  # a bug in one video must not stop the others
            return Outcome(f"unexpected {type(error).__name__}: {error}")

    def _run(self, render_job: RenderJob, progress: Timed) -> Outcome:
        from renderer.job import check_job, write_video

        if not render_job.match_only:
            check_job(render_job.job)
        with MemoryMeter() as meter:
            mosaic = self._mosaic_of(render_job.job, progress)
            if render_job.match_only:
                return Outcome("", progress.finished()["total"])
            summary = write_video(mosaic, render_job.job, progress)
        seconds = progress.finished()["total"]
        return Outcome("", seconds, summary.bytes, meter.peak_bytes, summary.probe, tuple(summary.checks))

    def _mosaic_of(self, job: VideoJob, progress: Progress) -> OpenMosaic:
        from renderer.job import open_mosaic

        key = mosaic_key(job)
        if self._mosaic is None or self._mosaic[0] != key:
            self._mosaic = None
            self._open.close()
            opened = open_mosaic(job.drawn_cover, job.match, progress, job.animation)
            self._mosaic = (key, self._open.enter_context(opened))
        return self._mosaic[1]
