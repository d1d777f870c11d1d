"""The work of a worker: from a render job to its outcome, both plain data that can be sent to other processes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from renderer.errors import RenderError
from renderer.memory import MemoryMeter
from renderer.progress import Progress, Timed
from renderer.rules import RuleCheck
from renderer.video_job import VideoJob, mosaic_key
from renderer.worker_pool import OUT_OF_MEMORY, this_worker

if TYPE_CHECKING:
    from PIL import Image

    from renderer.encoder import Probe
    from renderer.job import OpenMosaic
    from renderer.job.mosaics import Matcher
    from renderer.job.results import MadeSegment
    from renderer.job.segments import SegmentPool
    from renderer.pixels import Pixels


Jpeg: TypeAlias = bytes


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
    worker: str = ""  # its host and process
    segments: Sequence[MadeSegment] = ()  # if the video was made in segments
    poster: Jpeg = b""  # a small JPEG of its most representative frame, if that was drawn in this process


class JobRunner:
    """Runs render jobs one after another; keeps the last mosaic open, because the next job often has the same one.

    `matcher`, `pool`: match mosaics and make segments elsewhere.
    """

    def __init__(self, matcher: Matcher | None = None, pool: SegmentPool | None = None) -> None:
        self._matcher, self._pool = matcher, pool
        self._mosaic: tuple[object, OpenMosaic] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the mosaic."""
        self._mosaic = None
        self._open.close()

    def run(self, render_job: RenderJob, progress: Progress) -> Outcome:
        """Run a job. Errors are returned in the outcome; only an interruption is raised."""
        try:
            return self._run(render_job, Timed(progress))
        except RenderError as error:
            return Outcome(error.text)
        except MemoryError:
            return Outcome(OUT_OF_MEMORY)
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
            shown: list[Pixels] = []
            summary = write_video(mosaic, render_job.job, progress, workers=1, pool=self._pool, show=shown.append)
        return Outcome(
            "", progress.finished()["total"], summary.bytes, meter.peak_bytes, summary.probe, tuple(summary.checks),
            this_worker(), summary.segments, _poster(shown[-1]) if shown else b"",
        )  # fmt: skip

    def _mosaic_of(self, job: VideoJob, progress: Progress) -> OpenMosaic:
        from renderer.job import open_mosaic

        key = mosaic_key(job)
        if self._mosaic is None or self._mosaic[0] != key:
            self.close()
            opened = open_mosaic(job.drawn_cover, job.match, progress, job.animation, matcher=self._matcher)
            self._mosaic = (key, self._open.enter_context(opened))
        return self._mosaic[1]


POSTER_SIDE: Final = 320
"""Maximum width and height of a poster on the page of a campaign, in pixels; it takes about 20 KB."""


def small_jpeg(picture: Image.Image) -> bytes:
    """Return a picture as a JPEG of at most 320 × 320 pixels."""
    small = picture.convert("RGB")
    small.thumbnail((POSTER_SIDE, POSTER_SIDE))
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=80)
    return encoded.getvalue()


def _poster(pixels: Pixels) -> bytes:
    from PIL import Image

    from renderer.covers import WHITE
    from renderer.pixels import over_colour

    return small_jpeg(Image.fromarray(over_colour(pixels, WHITE)))
