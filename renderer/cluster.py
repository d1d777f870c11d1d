"""Segments of videos on many machines, with Dask (`dask.distributed`): a scheduler, and workers that reach its address.

A task is one segment. Workers read the plan of the video and the photos from folders that all machines share, and write
segments to one; through the scheduler go numbers, and for each segment its digest. Requires the extra `cluster`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.budget import WORKERS_VARIABLE
from renderer.cores import CORES_VARIABLE, core_count
from renderer.errors import Cancelled, InputError, RenderError
from renderer.input_files import is_file
from renderer.job.segments import SegmentedVideo, SegmentMaker, SegmentTask, code_digest, ffmpeg_version
from renderer.messages import counted, named
from renderer.output_files import new_file
from renderer.placement import PlacementMap
from renderer.progress import Advance, Progress, Silent
from renderer.version import version

if TYPE_CHECKING:
    from distributed import Client, Future

RESOURCE: Final = "render"
"""The resource that a worker must have, one for each segment that it may make at a time."""

_PATIENCE: Final = 10.0  # seconds until a cluster without workers is reported

_RETRIES: Final = 2  # of a task that raises; what it returns as an error ends the render

_PLAN: Final = "plan.pickle"
"""Name of the plan in the folder of a video's segments. Whoever can write there can run code in the workers, as can
whoever reaches the scheduler."""

_CHECKED: Final = 0.5  # seconds between two checks of whether a segment is still wanted


@dataclass(frozen=True)
class Identity:
    """What must be the same everywhere, so that segments fit together."""

    version: str
    code: str
    ffmpeg: str

    def __str__(self) -> str:
        return f"version {self.version} ({self.code[:8]}) with {self.ffmpeg}"


def identity() -> Identity:
    """Return the identity of this process."""
    return Identity(version(), code_digest(), ffmpeg_version())


@contextmanager
def open_cluster(address: str, progress: Progress) -> Iterator[Cluster]:
    """Connect to a cluster: `tcp://HOST:PORT` or another address of Dask, or `local:N` for N processes started here.

    Raises InputError if Dask is not installed, or the address can't be reached.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            f"{named('cluster', address)} needs Dask: install mosaic-renderer with the extra cluster"
        ) from error
    with ExitStack() as stack:
        try:
            target: object = address
            if local := re.fullmatch(r"local:([1-9]\d*)", address):
                share = {WORKERS_VARIABLE: local[1], CORES_VARIABLE: str(max(core_count() // int(local[1]), 1))}
                target = stack.enter_context(
                    LocalCluster(
                        n_workers=int(local[1]), threads_per_worker=1, processes=True, resources={RESOURCE: 1},
                        dashboard_address=":0", silence_logs=logging.CRITICAL, env=share,
                    )
                )  # fmt: skip
            client = stack.enter_context(Client(target, timeout=_PATIENCE))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{named('cluster', address)} can't be reached ({error}): start a scheduler there"
            ) from error
        yield Cluster(client, progress)


@dataclass(frozen=True)
class Cluster:
    """Makes segments on the workers of a cluster; see `renderer.job.segments.SegmentPool`."""

    client: Client
    progress: Progress

    def make(self, tasks: Sequence[SegmentTask], advance: Advance) -> None:
        """Make segments. Raises RenderError as soon as one fails; the others are stopped."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        video = tasks[0].video
        files = {photo.path for placement, _ in tasks[0].maps for photo in placement.photos}
        plan = Plan(video, tasks[0].maps, [path for path in files if is_file(path)])
        with new_file(video.folder / _PLAN, overwrite=True) as temporary:
            temporary.write_bytes(pickle.dumps(plan))
        futures: list[Future] = []
        try:
            submit = partial(
                self.client.submit, render_segment, video.folder, workers=self._workers(), resources={RESOURCE: 1},
                retries=_RETRIES, pure=False,
            )  # fmt: skip
            run = f"segment-{video.folder.name}-{time.time_ns()}"  # an earlier run's tasks may be known still
            futures += [submit(task.number, key=f"{run}-{task.number}") for task in tasks]
            for future in as_completed(futures):
                made = future.result()
                if made.error:
                    raise RenderError(made.error)
                if _digest(video, made.number) != made.digest:
                    raise RenderError(
                        f"{video.path(made.number)} is not what {made.worker} has written: set {named('store')} to a "
                        "folder that all machines share"
                    )
                advance(len(video.cuts[made.number]))
        except KilledWorker as error:
            raise RenderError(f"several workers were killed while they made one segment: {error}") from error
        except (FutureCancelledError, OSError) as error:
            raise RenderError(
                f"the connection to the cluster was lost ({error}): render again to go on with what is finished"
            ) from error
        finally:
            with suppress(OSError):  # the connection is lost
                self.client.cancel(futures, force=True)

    def _workers(self) -> list[str]:
        """Wait for workers, and return those that can make our segments. Raises InputError if none can."""
        started, said = time.monotonic(), False
        while not (found := self.client.scheduler_info(n_workers=-1)["workers"]):
            if time.monotonic() - started > _PATIENCE and not said:
                self.progress.notice("The cluster has no workers yet: waiting for one")
                said = True
            time.sleep(0.2)
        able = [address for address, about in found.items() if about["resources"].get(RESOURCE)]
        if not able:
            raise InputError(f"No worker of the cluster offers the resource {RESOURCE}: start them with {RESOURCE}=1")
        mine, theirs = identity(), self.client.run(identity, workers=able, on_error="return")
        for address, its in theirs.items():
            if isinstance(its, Identity) and its != mine:  # otherwise the worker has ended meanwhile
                self.progress.notice(f"{address} is not used: it has {its}, and this machine {mine}")
        if not (same := [address for address, its in theirs.items() if its == mine]):
            raise InputError(f"No worker of the cluster has the same version as this machine, {mine}: install it there")
        self.progress.notice(f"rendering with {counted(len(same), 'worker')}")
        return same


# -- In a worker ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What all segments of a video have in common."""

    video: SegmentedVideo
    maps: Sequence[tuple[PlacementMap, Path | None]]  # see `SegmentTask`
    files: Sequence[Path]  # photos, which a worker must see


@dataclass(frozen=True)
class MadeSegment:
    """A segment that a worker has made, or why it could not."""

    number: int
    worker: str  # host and process
    seconds: float
    digest: str = ""
    error: str = ""


_maker = SegmentMaker()
_lock = threading.Lock()  # a worker may have several threads


def render_segment(folder: Path, number: int) -> MadeSegment:
    """Make a segment of the video whose plan is in a folder, in a worker."""
    from distributed import get_worker

    worker, started = get_worker(), time.perf_counter()
    key = worker.get_current_task()
    checked = started

    def advance(_frames: int) -> None:
        nonlocal checked
        if time.perf_counter() - checked > _CHECKED:
            checked = time.perf_counter()
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                raise Cancelled

    name = f"{socket.gethostname()}, process {os.getpid()}"
    with _lock:
        error = _unseen(folder, name)
        if not error:
            plan = _plan_in(folder)
            error = _maker.run(SegmentTask(plan.video, number, plan.maps), _Watched(advance)).error
        digest = "" if error else _digest(plan.video, number)
    return MadeSegment(number, name, time.perf_counter() - started, digest, error)


@lru_cache(maxsize=1)
def _plan_in(folder: Path) -> Plan:
    """Return the plan of a video. Raises OSError."""
    plan = pickle.loads((folder / _PLAN).read_bytes())
    assert isinstance(plan, Plan)
    return plan


def _unseen(folder: Path, name: str) -> str:
    """Return what this worker can't see of the files of a plan, as a sentence; empty if it sees all."""
    try:
        files = _plan_in(folder).files
    except OSError:
        return f"{name} can't see {folder}: set {named('store')} to a folder that all machines share"
    path = next((path for path in files if not is_file(path)), None)
    return f"{name} can't see {path}: use photos in a folder that all machines share" if path else ""


class _Watched(Silent):
    """Progress that a function follows."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:  # noqa: ARG002 (the protocol's names)
        """Start a stage."""
        yield self._advance


def _digest(video: SegmentedVideo, number: int) -> str:
    """Return a hash of a finished segment; empty if it is missing."""
    try:
        return hashlib.blake2b(video.path(number).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""
