"""The tasks of a cluster: pure functions of a plan in the store, which workers run.

A worker sees nothing of the client but the store. Photos are in a plan as they are known to the client's index: their
thumbnails, and all that matching needs. Of a photo that is drawn larger than its thumbnail, the file must be in the
store; a task that lacks some ends and names them.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from renderer import matching
from renderer.cached_files import copies_folder, sweep
from renderer.cluster.store import FILES, SEGMENTS, Store
from renderer.cores import core_count
from renderer.cover_names import MAP_SUFFIX
from renderer.errors import Cancelled, RenderError
from renderer.grid import Grid
from renderer.identity import Identity, identity
from renderer.job.drawing import LOOKED_AT, photos_drawn_large
from renderer.job.mosaics import OpenMosaic
from renderer.job.results import MadeSegment
from renderer.job.segments import SegmentedVideo, SegmentMaker, plugin_digests, write_segment
from renderer.library import Archive, Library, Photo, open_exported
from renderer.matching import MatchStyle, Pin, RepetitionRules
from renderer.output_files import temporary_folder
from renderer.paths import CACHE_SIZE
from renderer.pixels import Pixels
from renderer.placement import JsonValue, PlacementMap, save_map
from renderer.progress import Advance, Silent
from renderer.video_job import VideoJob
from renderer.worker_pool import OUT_OF_MEMORY, this_worker

_REPORT_INTERVAL: Final = 0.5  # seconds between two reports of frames, and checks of whether a task is still wanted


# -- Plans -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SentMosaic:
    """A mosaic as it is sent: its map, and the names of files in the store."""

    placement: PlacementMap
    photos: str
    numbers: Sequence[int]  # of the map's photos among these
    cover: str | None
    landings: Sequence[int] | None


@dataclass(frozen=True)
class SegmentPlan:
    """What all segments of a video have in common."""

    video: SegmentedVideo
    mosaics: Sequence[SentMosaic]
    files: Mapping[Path, str]  # that settings name, such as a logo
    plugins: Sequence[str]  # digests of the animation's code


@dataclass(frozen=True)
class MatchPlan:
    """What a mosaic is matched from: the arguments of `renderer.matching.match_photos`."""

    cover: Pixels
    grid: Grid
    photos: str
    style: MatchStyle
    rules: RepetitionRules
    seed: int
    pins: Sequence[Pin]
    recipe: dict[str, JsonValue]


@dataclass(frozen=True)
class Result:
    """What became of a task."""

    worker: str  # its host and process
    address: str  # of Dask
    made: MadeSegment | None = None
    files: Sequence[str] = ()  # in the store
    needs: Sequence[str] = ()  # digests of photos without which it can't be done
    error: str = ""  # one sentence, with parameters marked


class PhotoNeededError(RenderError):
    """The file of a photo is not in the store."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"the photo {digest} is not in the store")
        self.digest = digest


def photo_name(photo: Photo) -> str:
    """Return the name of a photo's file in a store."""
    return f"{FILES}/{photo.digest}/{photo.path.name}"


def segments_of(video: SegmentedVideo) -> str:
    """Return the folder of a video's segments in a store."""
    return f"{SEGMENTS}/{video.folder.name}"


def with_files(job: VideoJob, moved: Mapping[Path, Path]) -> VideoJob:
    """Return a job whose picture settings name other files."""

    def of(owner: Any) -> Any:
        values = {each.name: getattr(owner, each.name) for each in fields(owner)}
        new = {name: moved[value] for name, value in values.items() if isinstance(value, Path) and value in moved}
        return replace(owner, **new) if new else owner

    return replace(job, output=of(job.output), overlay=of(job.overlay), animation=of(job.animation))


# -- In a worker -----------------------------------------------------------------------------------------------------

_one_at_a_time = threading.Lock()  # a worker may have several threads
_maker = SegmentMaker()


def render_segment(client: Identity, url: str, plan: str, number: int, statistics: Sequence[str]) -> Result:
    """Make a segment of a video. `plan`: the name of a `SegmentPlan` in the store; `statistics`: of the first pass."""
    return _task(client, lambda: _rendered(_store(url), plan, number, statistics))


def match_photos(client: Identity, url: str, plan: str, folder: str) -> Result:
    """Match a mosaic. `plan`: the name of a `MatchPlan` in the store; `folder`: of the map there, which is named."""
    return _task(client, lambda: _matched(_store(url), plan, folder))


def _task(client: Identity, work: Callable[[], Result]) -> Result:
    """Do the work of a task; errors are results, since only unknown ones are worth another attempt by Dask."""
    with _one_at_a_time:
        cv2.setNumThreads(core_count())
        try:
            if client != identity():
                raise RenderError(f"it has {identity()}, and the client {client}: install the same there")
            return work()
        except PhotoNeededError as error:
            return _result(needs=[error.digest])
        except Cancelled:
            raise
        except RenderError as error:
            return _result(error=error.text)
        except MemoryError:
            return _result(error=OUT_OF_MEMORY)
        finally:
            sweep(CACHE_SIZE, copies_folder())


def _result(**what: Any) -> Result:
    from distributed import get_worker

    return Result(this_worker(), get_worker().address, **what)


def _rendered(store: Store, name: str, number: int, statistics: Sequence[str]) -> Result:
    plan = _plan(store.url, name)
    assert isinstance(plan, SegmentPlan)
    moved = {path: store.fetch(sent) for path, sent in plan.files.items()}
    video = replace(plan.video, job=with_files(plan.video.job, moved))
    source = _maker.source(name, video, lambda stack: _opened(store, plan, stack))
    for sent in plan.mosaics:
        store.fetch(sent.photos)  # it is in use: a copy is kept longer
    frames = video.cuts[number]

    def needs(every: int) -> list[str]:
        large = photos_drawn_large(source, frames, every=every)
        return [photo.digest for photo in large if store.find(photo_name(photo)) is None]

    if lacking := needs(LOOKED_AT):
        return _result(needs=lacking)
    from distributed import get_worker

    worker = get_worker()
    advance = _checked(lambda drawn: worker.log_event(video.folder.name, (number, drawn)))
    with temporary_folder() as folder:
        for each in statistics:
            store.copy(each, folder / "first" / Path(each).name)
        own = replace(video, folder=folder / "made", first_pass=folder / "first" if statistics else None)
        try:
            made = write_segment(source, own, number, advance)
        except PhotoNeededError as error:  # it is large between two frames that were looked at
            return _result(needs=list({error.digest, *needs(1)}))
        files = [path for path in sorted(own.folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
        return _result(made=made, files=[store.put(file, segments_of(video)) for file in files])


def _opened(store: Store, plan: SegmentPlan, stack: ExitStack) -> OpenMosaic:
    """Open the mosaics of a plan."""
    if plan.plugins != plugin_digests(plan.video.job.animation):
        raise RenderError("another version of the animation is installed there: install the same one")
    opened = []
    for sent in plan.mosaics:
        library = stack.enter_context(_library(store, sent.photos)).take(np.array(sent.numbers))
        cover = store.fetch(sent.cover) if sent.cover else None
        archive = stack.enter_context(Archive(Silent()))
        opened.append(
            OpenMosaic(
                replace(sent.placement, photos=tuple(library.photos)), library, library, [], frozenset(), archive,
                cover, known_landings=sent.landings,
            )
        )  # fmt: skip
    return replace(opened[0], others=opened[1:])


def _matched(store: Store, name: str, to: str) -> Result:
    _maker.close()  # only one mosaic is open at a time
    plan = _plan(store.url, name)
    assert isinstance(plan, MatchPlan)
    with _library(store, plan.photos) as library, temporary_folder() as folder:
        placement = matching.match_photos(
            plan.cover, plan.grid, library, _Wanted(),
            style=plan.style, rules=plan.rules, seed=plan.seed, pins=plan.pins, recipe=plan.recipe,
        )  # fmt: skip
        path = folder / f"map{MAP_SUFFIX}"
        save_map(placement, path, overwrite=True)
        return _result(files=[store.put(path, to)])


@contextmanager
def _library(store: Store, name: str) -> Iterator[Library]:
    """Open photos that were sent."""

    def find_file(photo: Photo) -> Path:
        path = store.find(photo_name(photo))
        if path is None:
            raise PhotoNeededError(photo.digest)
        return path

    with open_exported(store.fetch(name), find_file) as library:
        yield library


@lru_cache(maxsize=4)
def _store(url: str) -> Store:
    return Store(url)


@lru_cache(maxsize=1)
def _plan(url: str, name: str) -> object:
    """Return a plan from the store. Whoever can write there can run code in the workers. Raises RenderError."""
    try:
        return pickle.loads(_store(url).fetch(name).read_bytes())
    except (ImportError, AttributeError) as error:
        raise RenderError(f"{this_worker()} lacks a module ({error}): install the same plugins there") from error


def _checked(report: Callable[[int], None]) -> Advance:
    """Return a function that reports the units so far now and then, and raises Cancelled when nobody waits for them."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.get_current_task()
    done, reported = 0, time.perf_counter()

    def advance(units: int) -> None:
        nonlocal done, reported
        done += units
        if time.perf_counter() - reported > _REPORT_INTERVAL:
            reported = time.perf_counter()
            known = worker.state.tasks.get(task)
            if known is None or known.state == "cancelled":
                raise Cancelled
            report(done)

    return advance


class _Wanted(Silent):
    """Progress that raises Cancelled when nobody waits for the result."""

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG002 (the protocol's names)
        """Start a stage that is not shown."""
        return nullcontext(_checked(lambda _done: None))
