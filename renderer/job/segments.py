"""Videos in segments: parts of whole GOPs, each encoded on its own, kept in the cache, and joined as they are.

How a video is cut, and every argument of the encoder, depend on the video alone: its file is the same to the last bit,
by whatever number of workers, and in however many attempts it was made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

from renderer.budget import FREE_SHARE, LEAST_MEMORY, WORKERS_VARIABLE, free_memory, plan_budget, render_budget
from renderer.cached_files import lock_of, segments_folder
from renderer.cores import core_count
from renderer.encoder import MIN_RATE, STATISTICS, Encoding, join, open_writer
from renderer.errors import BusyError, RenderError
from renderer.identity import identity
from renderer.input_files import is_file
from renderer.job.drawing import FrameSource, open_frames
from renderer.job.inputs import open_placement
from renderer.job.mosaics import OpenMosaic
from renderer.job.results import MadeSegment
from renderer.job.writing import check_written, feed
from renderer.library import file_digest
from renderer.library.photos import keys_of_photos
from renderer.locks import locked
from renderer.messages import counted
from renderer.output_files import new_file
from renderer.paths import expanded
from renderer.placement import PlacementMap
from renderer.private_files import make_private_folder
from renderer.progress import Advance, Progress, Silent
from renderer.scene import Animation
from renderer.timeline import Show
from renderer.video_job import VideoJob
from renderer.worker_pool import OUT_OF_MEMORY, Processes, serve_tasks, this_worker

LONG: Final = 20.0
"""Seconds up to which a video is encoded in one piece."""

_BUSY_SECONDS: Final = 0.5  # until it is looked again whether another render has made a segment

CORES_A_WORKER: Final = 4
"""An encoder keeps about four cores busy, together with the threads that draw for it."""


@dataclass(frozen=True)
class SegmentedVideo:
    """A video that is made in segments, as data: what a worker needs."""

    job: VideoJob  # resolved, with the size of its frames
    encoding: Encoding  # of a segment
    cuts: Sequence[Sequence[int]]  # the frames of each segment
    folder: Path  # of the finished segments
    bit_rates: Sequence[float] = ()  # bits per second of each segment, instead of the quality
    first_pass: Path | None = None  # folder of the segments of the first pass, with their statistics

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        assert self.job.output.size is not None
        return self.job.output.size

    def path(self, number: int) -> Path:
        """Return the path of a finished segment."""
        return self.folder / f"{number:05}{self.job.path.suffix.lower()}"

    def paths(self) -> list[Path]:
        """Return the paths of all segments."""
        return [self.path(number) for number in range(len(self.cuts))]

    def statistics(self, number: int) -> list[Path]:
        """Return the files in which the first pass has stored what it has learned of a segment."""
        return [] if self.first_pass is None else sorted(self.first_pass.glob(f"{number:05}-{STATISTICS}*"))

    def found(self) -> list[int]:
        """Return the segments that are finished."""
        return [number for number, path in enumerate(self.paths()) if path.exists()]

    def frames(self, numbers: Sequence[int]) -> int:
        """Return the number of frames of some segments."""
        return sum(len(self.cuts[number]) for number in numbers)


def cut(frames: Sequence[int], fps: Fraction, encoding: Encoding, seconds: float) -> list[Sequence[int]]:
    """Return the frames of each segment, about `seconds` long and of whole GOPs; only one for a short video, or for 0.

    The last segment has half to one and a half times the frames of the others.
    """
    if not seconds or len(frames) <= LONG * fps:
        return [frames]
    gop = encoding.gop_frames(fps)
    each = gop * max(1, round(fps * Fraction(seconds) / gop))
    starts = [each * number for number in range(max(1, round(len(frames) / each)))]
    return [frames[first:end] for first, end in pairwise([*starts, len(frames)])]


def is_long(job: VideoJob) -> bool:
    """Return whether a job's video is made in several segments, unless its encoder is hardware. Raises InputError."""
    job = job.resolved()
    each = Encoding.of(job.target, job.file, {}).for_segments()
    return each is not None and len(cut(job.selected_frames(), job.output.fps, each, job.file.segment_seconds)) > 1


def segmented(
    mosaic: OpenMosaic,
    job: VideoJob,
    encoding: Encoding,
    learned: Sequence[int] = (),
    first_pass: Path | None = None,
    *,
    even_short: bool = False,
) -> SegmentedVideo | None:
    """Return a resolved job as a video in segments; None if it is encoded in one piece.

    `learned`: bytes of the segments that the quality alone needs, by which the encoding's bit rate is shared out.
    `even_short`: a video that is too short to be cut is one segment.
    """
    each, frames = encoding.for_segments(), job.selected_frames()
    if each is None:
        return None
    cuts = cut(frames, job.output.fps, each, job.file.segment_seconds)
    if len(cuts) == 1 and not even_short:
        return None
    rates: list[float] = []
    if encoding.bit_rate is not None:
        whole = sum(learned) / len(frames)
        parts = [size / len(part) for size, part in zip(learned, cuts, strict=True)]
        rates = [max(encoding.bit_rate * part / whole, MIN_RATE) for part in parts]
    folder = segments_folder() / _key(mosaic, job, each, cuts, rates)
    return SegmentedVideo(job, each, cuts, folder, rates, first_pass)


class SegmentPool(Protocol):
    """Makes segments elsewhere, such as in other processes or on other machines."""

    def make(
        self,
        mosaic: OpenMosaic,
        video: SegmentedVideo,
        numbers: Sequence[int],
        advance: Advance,
        done: Callable[[MadeSegment], None],
    ) -> None:
        """Make segments, and call `done` after each, as soon as its file is in the video's folder.

        Raises RenderError as soon as one fails; the others are stopped.
        """
        ...


def make_segments(
    mosaic: OpenMosaic, video: SegmentedVideo, progress: Progress, workers: int | None, pool: SegmentPool | None = None
) -> list[MadeSegment]:
    """Make the segments of a video that do not exist yet, `workers` at once; by default as many as pay off.

    `pool`: makes them instead. Returns all segments in order. Raises RenderError; those that were finished remain.
    """
    found, count = video.found(), len(video.cuts)
    if found:
        progress.notice(f"resuming: {len(found)} of {counted(count, 'segment')} found")
    segments = {number: MadeSegment(number, len(video.cuts[number])) for number in found}
    missing = [number for number in range(count) if number not in found]
    at_once = min(workers or default_workers(video.size, video.encoding), len(missing))
    try:
        with (
            progress.stage("rendering", video.frames(range(count)), "frames") as advance,
            progress.stage("segments", count, "segments") as advance_segments,
        ):

            def done(made: MadeSegment) -> None:
                segments[made.number] = made
                advance_segments(1)

            advance(video.frames(found))
            advance_segments(len(found))
            if missing and pool:
                pool.make(mosaic, video, missing, advance, done)
            elif at_once > 1:
                with Processes[SegmentTask, SegmentAnswer](at_once, __name__, no_segment) as processes:
                    SegmentProcesses(processes).make(mosaic, video, missing, advance, done)
            elif missing:
                with _open_source(mosaic, video, progress) as source:
                    for number in missing:
                        done(write_segment(source, video, number, advance))
    except (KeyboardInterrupt, RenderError):
        if finished := len(video.found()):
            progress.notice(
                f"{finished} of {counted(count, 'segment')} are finished and kept: the same command continues"
            )
        raise
    return [segments[number] for number in range(count)]


def write_segment(source: FrameSource, video: SegmentedVideo, number: int, advance: Advance) -> MadeSegment:
    """Encode a segment to its file, which appears when it is complete and has been probed. Raises RenderError.

    If another render is making it, that is waited for.
    """
    path, frames = video.path(number), video.cuts[number]
    while not path.exists():
        try:
            return _write_segment(source, video, number, advance)
        except BusyError:
            advance(0)
            time.sleep(_BUSY_SECONDS)
    advance(len(frames))
    return MadeSegment(number, len(frames))


def _write_segment(source: FrameSource, video: SegmentedVideo, number: int, advance: Advance) -> MadeSegment:
    started = time.perf_counter()
    path, frames = video.path(number), video.cuts[number]
    encoding = replace(video.encoding, segment_frames=len(frames) if len(video.cuts) > 1 else 0)
    if video.bit_rates:
        encoding = replace(encoding, bit_rate=video.bit_rates[number])
    with new_file(path, overwrite=True) as temporary:
        for log in video.statistics(number):
            shutil.copyfile(log, temporary.with_name(log.name.removeprefix(f"{path.stem}-")))
        threads = encoding.needs().least
        with open_writer(temporary, *video.size, source.fps, encoding, threads=threads) as writer:
            feed(writer, source, frames, advance)
        check_written(temporary, video.size, source.fps, frames)
        if encoding.pass_number == 1:
            for log in temporary.parent.glob(f"{STATISTICS}*"):
                log.replace(path.with_name(f"{path.stem}-{log.name}"))
    return MadeSegment(number, len(frames), this_worker(), time.perf_counter() - started)


def join_segments(video: SegmentedVideo, path: Path, encoding: Encoding, sound: Path | None) -> None:
    """Join the finished segments of a video to a file with an encoding's metadata. Raises RenderError."""
    counts = [len(frames) for frames in video.cuts]
    join(list(zip(video.paths(), counts, strict=True)), video.job.output.fps, path, encoding, sound)


def default_workers(size: tuple[int, int], encoding: Encoding) -> int:
    """Return the number of segments to make at once: what cores and free memory allow; 1 in a worker process."""
    if os.environ.get(WORKERS_VARIABLE):
        return 1
    each = plan_budget(CORES_A_WORKER, LEAST_MEMORY, size, encoding.needs()).expected_bytes
    return max(1, min(core_count() // CORES_A_WORKER, free_memory() // FREE_SHARE // each))


# -- The folder of segments ----------------------------------------------------------------------------------------


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Create a folder of segments, and keep others from deleting it. Raises RenderError if it can't be created."""
    try:
        make_private_folder(folder)
        os.utime(folder)
    except OSError as error:
        raise RenderError(
            f"{folder.parent} is not writable ({error.strerror}): set MOSAIC_RENDERER_CACHE to another folder"
        ) from error
    with ExitStack() as held:
        with contextlib.suppress(BusyError, OSError):  # another process is making the same video
            held.enter_context(locked(lock_of(folder), folder, retry_seconds=0))
        yield


# -- Keys ----------------------------------------------------------------------------------------------------------


def _key(
    mosaic: OpenMosaic, job: VideoJob, encoding: Encoding, cuts: Sequence[Sequence[int]], rates: Sequence[float]
) -> str:
    """Return a hash of all that decides about the bytes of the segments of a video."""
    maps = [_map_digest(each.placement) for each in (mosaic, *mosaic.others)]
    output = replace(job.output, memory=None, duration=None)  # the duration is that of the frames
    shows: Sequence[object] = (job.animation.segments,) if isinstance(job.animation, Show) else ()
    owners = (output, job.overlay, job.animation)
    files = [file_digest(expanded(path)) for path in drawn_files(job)]
    decisive = (
        identity(), maps, plugin_digests(job.animation), owners, shows, files,
        job.output.duration or job.animation.whole_duration(), encoding, [(part[0], part[-1]) for part in cuts], rates,
    )  # fmt: skip
    return hashlib.blake2b(repr(decisive).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def drawn_files(job: VideoJob) -> list[Path]:
    """Return the files that the settings of a job's picture name, such as a logo."""
    owners = (job.output, job.overlay, job.animation)
    values = [getattr(owner, each.name) for owner in owners for each in fields(owner)]
    return [value for value in values if isinstance(value, Path) and is_file(expanded(value))]


def _map_digest(placement: PlacementMap) -> str:
    """Return a hash of a map, and of its cover and photos by their content."""
    digest = hashlib.blake2b(digest_size=16)
    recipe: dict[str, Any] = {key: value for key, value in placement.recipe.items() if key not in ("figures", "cover")}
    digest.update(json.dumps([recipe, placement.size, placement.shape.as_json()], sort_keys=True).encode())
    digest.update(keys_of_photos(placement.photos).tobytes())
    for each in fields(placement):
        value = getattr(placement, each.name)
        if hasattr(value, "tobytes"):
            digest.update(f"{each.name}{value.dtype}{value.shape}".encode())
            digest.update(value.tobytes())
    return digest.hexdigest()


def plugin_digests(animation: Animation) -> list[str]:
    """Return hashes of the code of an animation, or of all in a timeline: whole packages, or single modules."""
    parts = animation.segments if isinstance(animation, Show) else ()
    kinds = {type(animation), *(type(each.animation) for each in parts if each.animation is not None)}
    modules = [sys.modules[kind.__module__] for kind in kinds]
    named = [(getattr(module, "__file__", None), module.__package__) for module in modules]
    files = {Path(file): bool(package) for file, package in named if file is not None}
    paths = {each for file, packed in files.items() for each in (file.parent.rglob("*.py") if packed else [file])}
    return [file_digest(path) for path in sorted(paths)]


# -- Workers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SegmentTask:
    """A segment to make."""

    video: SegmentedVideo
    number: int
    maps: Sequence[tuple[PlacementMap, Path | None]]  # matched once, each with its cover, if that is a known file


@dataclass(frozen=True)
class SegmentAnswer:
    """What became of it."""

    error: str = ""  # one sentence, with parameters marked; empty on success
    made: MadeSegment | None = None


class _FrameCounter:
    """Progress that puts the frames that a worker has drawn into a queue."""

    def __init__(self, drawn: queue.SimpleQueue[int]) -> None:
        self._drawn = drawn

    def stage(self, name: str, _total: int, _unit: str) -> contextlib.AbstractContextManager[Advance]:
        return nullcontext(self._drawn.put if name == "rendering" else lambda _units: None)

    def notice(self, message: str) -> None:
        """Drop the line: the main process shows it too."""


class SegmentProcesses:
    """Makes segments in worker processes of this machine, which may have other tasks too."""

    def __init__(self, processes: Processes[SegmentTask, SegmentAnswer]) -> None:
        self._processes = processes

    def make(
        self,
        mosaic: OpenMosaic,
        video: SegmentedVideo,
        numbers: Sequence[int],
        advance: Advance,
        done: Callable[[MadeSegment], None],
    ) -> None:
        """See `SegmentPool`."""
        drawn: queue.SimpleQueue[int] = queue.SimpleQueue()
        maps = [(each.placement, each.cover) for each in (mosaic, *mosaic.others)]
        tasks = [SegmentTask(video, number, maps) for number in numbers]
        pending = {self._processes.submit(task, _FrameCounter(drawn)) for task in tasks}
        try:
            while pending:
                finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                advance(sum(drawn.get() for _ in range(drawn.qsize())))
                for future in finished:
                    answer = future.result()
                    if answer.made is None:
                        raise RenderError(answer.error)
                    done(answer.made)
            advance(sum(drawn.get() for _ in range(drawn.qsize())))
        finally:
            for future in pending:
                if not future.cancel():
                    self._processes.stop(future, "stopped")


def no_segment(_task: SegmentTask, reason: str) -> SegmentAnswer:
    """Return the answer for a task whose process ended."""
    return SegmentAnswer(reason)


def _open_source(
    mosaic: OpenMosaic, video: SegmentedVideo, progress: Progress
) -> contextlib.AbstractContextManager[FrameSource]:
    job = video.job
    budget = render_budget(video.size, video.encoding.needs(), job.output.memory)
    return open_frames(mosaic, job.animation, video.size, job.output, job.overlay, progress, budget)


class SegmentMaker:
    """Makes segments in a worker process; keeps the mosaic of the last video open."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._source: tuple[object, FrameSource] | None = None

    def run(self, task: SegmentTask, progress: Progress) -> SegmentAnswer:
        """Make a segment. Errors are returned in the answer; only an interruption is raised."""
        try:
            source = self.source(task.video.folder, task.video, partial(self._reopened, task))
            with progress.stage("rendering", len(task.video.cuts[task.number]), "frames") as advance:
                return SegmentAnswer("", write_segment(source, task.video, task.number, advance))
        except RenderError as error:
            return SegmentAnswer(error.text)
        except MemoryError:
            return SegmentAnswer(OUT_OF_MEMORY)

    def source(self, key: object, video: SegmentedVideo, open_mosaic: Callable[[ExitStack], OpenMosaic]) -> FrameSource:
        """Return the frames of a video, which stay open until those of another key are requested. Raises RenderError.

        `open_mosaic`: called if they are not open; what it opens is closed with them.
        """
        if self._source is None or self._source[0] != key:
            self.close()
            mosaic = open_mosaic(self._open)
            self._source = key, self._open.enter_context(_open_source(mosaic, video, Silent()))
        return self._source[1]

    def _reopened(self, task: SegmentTask, stack: ExitStack) -> OpenMosaic:
        video = task.video
        # The main process writes these files, and has changed the photos of the map.
        match = replace(video.job.match, save_map=None, credits=None, ban=(), swap=())
        first, *others = (
            stack.enter_context(open_placement(placement, cover, match, Silent())) for placement, cover in task.maps
        )
        mosaic = replace(first, others=others)
        if _key(mosaic, video.job, video.encoding, video.cuts, video.bit_rates) != video.folder.name:
            raise RenderError("the photos have changed while the video was rendered: render it again")
        return mosaic

    def close(self) -> None:
        """Close what is open."""
        self._source = None
        self._open.close()


def serve() -> None:
    """Run a worker process; see `serve_tasks`."""
    maker = SegmentMaker()
    try:
        serve_tasks(maker.run)
    finally:
        maker.close()
