"""The client of a cluster: what it sends, and how it waits for the results."""

from __future__ import annotations

import asyncio
import hashlib
import pickle
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from renderer.cluster.store import RUNS
from renderer.cluster.task_list import Running, TaskList
from renderer.cluster.workers import PATIENCE, RESOURCE, Workers
from renderer.cover_names import MAP_SUFFIX
from renderer.errors import InputError, RenderError
from renderer.identity import identity
from renderer.job.drawing import check_frames
from renderer.job.map_cache import reuse_map
from renderer.job.mosaics import OpenMosaic
from renderer.job.results import MadeSegment
from renderer.job.segments import SegmentedVideo, drawn_files, plugin_digests
from renderer.library import Library, Photos, export_photos
from renderer.messages import named
from renderer.output_files import temporary_folder
from renderer.paths import expanded
from renderer.progress import Advance, Progress

if TYPE_CHECKING:
    from distributed import Client, Future

    from renderer.cluster.store import Store
    from renderer.cluster.tasks import Result, SegmentPlan
    from renderer.grid import Grid
    from renderer.matching import MatchStyle, Pin, RepetitionRules
    from renderer.pixels import Pixels
    from renderer.placement import JsonValue, PlacementMap

_RECONNECT_LIMIT: Final = 120.0  # seconds to wait for a scheduler that went away

_POLL_INTERVAL: Final = 0.5  # seconds to wait for a result before progress is shown

_RETRIES: Final = 2  # of a task that raises what it does not know


class Cluster:
    """The client of a cluster: makes segments (`renderer.job.segments.SegmentPool`) and matches mosaics on its workers.

    Its methods may be called in several threads.
    """

    def __init__(self, target: object, store: Store, progress: Progress) -> None:
        """Connect to `target`: a scheduler's address, or a cluster of Dask. Raises InputError."""
        self._target, self._store, self._progress = target, store, progress
        self._workers = Workers(progress)
        self._lock = threading.Lock()  # held while a new client is made
        self._gone: RenderError | None = None  # once the scheduler did not come back
        self._photos = _SentPhotos(store)
        self._videos: dict[str, threading.Lock] = defaultdict(threading.Lock)  # held while a video is made
        self._free = threading.Condition()
        self._busy = 0  # tasks that were submitted, of all threads
        if isinstance(target, str):
            _check_scheduler(target)
        self._client = self._connect()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):  # the connection is lost
            self._client.close()

    def slots(self) -> int:
        """Return how many tasks the workers do at a time; waits for workers. Raises InputError if none can be used."""
        workers = self._workers
        try:
            return sum(workers.slots(self._client, lambda: None).values())
        except RenderError:
            raise
        except Exception:  # of many kinds: the connection is lost, which concerns those that wait for tasks
            return max(sum(workers.known().values()), 1)

    def make(
        self,
        mosaic: OpenMosaic,
        video: SegmentedVideo,
        numbers: Sequence[int],
        advance: Advance,
        done: Callable[[MadeSegment], None],
    ) -> None:
        """See `SegmentPool`."""
        from renderer.cluster.tasks import photo_name, render_segment, segments_of

        with self._videos[video.folder.name]:  # two videos of a campaign may differ in their sound only
            frames = _Frames(video, advance)
            self._copy_finished(video)
            missing = [number for number in numbers if not video.path(number).exists()]
            for number in set(numbers) - set(missing):
                frames.finish(number)
                done(MadeSegment(number, len(video.cuts[number])))
            if not missing:
                return

            def finished(task: int, result: Result) -> None:
                for name in _in_order(result.files):
                    self._store.copy(name, video.folder / Path(name).name)
                self._store.remove(result.files)
                frames.finish(missing[task])
                assert result.made is not None
                done(result.made)

            def supply(digests: Sequence[str]) -> None:
                photos = (photo for each in (mosaic, *mosaic.others) for photo in each.library.photos)
                for photo in {photo.digest: photo for photo in photos if photo.digest in digests}.values():
                    if self._store.put(photo.path) != photo_name(photo):
                        raise RenderError(f"{photo.path} has changed since it was indexed: render again")

            with self._sent(self._plan_of(mosaic, video)) as (plan, folder):
                statistics = [[self._store.put(log, folder) for log in video.statistics(number)] for number in missing]
                arguments = [(plan, number, logs) for number, logs in zip(missing, statistics, strict=True)]
                try:
                    self._run(render_segment, arguments, finished, frames.advance, supply, frames)
                finally:
                    self._store.remove([name for logs in statistics for name in logs])
            self._store.remove(self._store.names(segments_of(video)))  # what was made twice

    def _copy_finished(self, video: SegmentedVideo) -> None:
        """Copy the segments of an earlier run that was killed before it did so."""
        from renderer.cluster.tasks import segments_of

        damaged: set[str] = set()  # numbers: they are made again
        names = self._store.names(segments_of(video))
        for name in _in_order(names):
            path = video.folder / Path(name).name
            if path.name[:5] not in damaged:
                try:
                    self._store.copy(name, path)
                except RenderError:
                    damaged.add(path.name[:5])
        self._store.remove(names)

    def match_photos(
        self,
        cover: Pixels,
        grid: Grid,
        library: Library,
        progress: Progress,
        *,
        style: MatchStyle,
        rules: RepetitionRules,
        seed: int,
        pins: Sequence[Pin] = (),
        recipe: dict[str, JsonValue],
    ) -> PlacementMap:
        """Match a mosaic on a worker, as `renderer.matching.match_photos` does here."""
        from renderer.cluster.tasks import MatchPlan, match_photos

        photos = self._photos.send(library)
        with progress.stage("matching", 1, "mosaics") as advance, temporary_folder() as folder:
            path = folder / f"map{MAP_SUFFIX}"

            def finished(_task: int, result: Result) -> None:
                self._store.copy(result.files[0], path)
                self._store.remove(result.files)
                advance(1)

            with self._sent(MatchPlan(cover, grid, photos, style, rules, seed, pins, recipe)) as (plan, to):
                self._run(match_photos, [(plan, to)], finished, lambda: advance(0))
            placement = reuse_map(path, library)
        if placement is None:
            raise RenderError("a worker has matched other photos than those of this machine: match again")
        return placement

    def _plan_of(self, mosaic: OpenMosaic, video: SegmentedVideo) -> SegmentPlan:
        """Return the plan of a video, and put into the store what its segments need, except large photos."""
        from renderer.cluster.tasks import SegmentPlan, SentMosaic

        job, sent = video.job, []
        check_frames(mosaic, job.animation, video.size, job.output, job.overlay)  # finds the landings that it needs
        for each in (mosaic, *mosaic.others):
            # The photos from which a worker has chosen are there already, and serve all mosaics of a campaign.
            library = each.offered if self._photos.has(each.offered) else each.library
            cover = None if each.cover is None else self._store.put(each.cover)
            numbers = library.photos.find(each.placement.photos).tolist()
            landings = vars(each).get("landings")
            sent.append(SentMosaic(each.placement, self._photos.send(library), numbers, cover, landings))
        files = {path: self._store.put(expanded(path)) for path in drawn_files(job)}
        return SegmentPlan(video, sent, files, plugin_digests(job.animation))

    @contextmanager
    def _sent(self, plan: object) -> Iterator[tuple[str, str]]:
        """Put a plan into the store, and yield its name and a folder for this run; it is removed on exit."""
        folder = f"{RUNS}/{uuid4()}"
        with temporary_folder() as temporary:
            path = temporary / "plan.pickle"
            path.write_bytes(pickle.dumps(plan))
            name = self._store.put(path, folder)
        try:
            yield name, folder
        finally:
            self._store.remove([name])

    # -- Tasks -----------------------------------------------------------------------------------------------------

    def _connect(self) -> Client:
        from distributed import Client

        return Client(self._target, timeout=PATIENCE, set_as_default=False)

    def _run(
        self,
        function: Callable[..., Result],
        arguments: Sequence[tuple[object, ...]],
        finished: Callable[[int, Result], None],
        poll: Callable[[], None],
        supply: Callable[[Sequence[str]], None] | None = None,
        frames: _Frames | None = None,
    ) -> None:
        """Do tasks on the workers, and call `finished` with the index and the result of each; never twice.

        `arguments`: those of each task after the store's URL. `poll`: called all the time; it may raise to stop the
        work. `supply`: puts photos into the store, by their digests. `frames`: learns what is drawn.
        Not more tasks are submitted than the workers do at a time. One that fails is tried on another worker; one that
        takes much longer than others is done by an idle worker too. If a task kills several workers, the others are
        finished first. Raises RenderError for a task that fails on two workers, or ends several.
        """
        tasks = TaskList(len(arguments))
        while tasks.open:
            client = self._client
            try:
                if frames is not None:
                    client.subscribe_topic(frames.topic, frames.receive)
                self._run_connected(client, function, arguments, tasks, finished, poll, supply)
            except RenderError:
                raise
            except Exception as error:  # of many kinds, also when another thread has closed this client
                if not isinstance(error, _lost()) and client.status == "running":
                    raise
                self._reconnect(client, error, poll)
            finally:
                with suppress(Exception):  # the connection is lost, or was closed
                    client.cancel(list(tasks.running), force=True)
                    if frames is not None:
                        client.unsubscribe_topic(frames.topic)
                for future in list(tasks.running):
                    self._ended(tasks, future)
        if tasks.killed_reason:
            raise RenderError(f"several workers were killed by one task ({tasks.killed_reason}): see their logs")

    def _run_connected(
        self,
        client: Client,
        function: Callable[..., Result],
        arguments: Sequence[tuple[object, ...]],
        tasks: TaskList,
        finished: Callable[[int, Result], None],
        poll: Callable[[], None],
        supply: Callable[[Sequence[str]], None] | None,
    ) -> None:
        from distributed import wait
        from distributed.scheduler import KilledWorker

        while tasks.open:
            poll()
            slots = self._workers.slots(client, poll)
            if gone := tasks.abandon(slots.keys()):
                client.cancel(gone, force=True)
                for future in gone:
                    self._ended(tasks, future)
            while (task := tasks.next()) is not None and self._takes_slot(sum(slots.values())):
                try:
                    busy = {*tasks.failed_on[task], *_addresses_doing(client, tasks.futures(task))}
                    free = [each for each in slots if each not in busy] or list(slots)
                    # Without a restriction, Dask tries a task that ends its worker on others, and counts how often.
                    workers = None if len(free) == self._workers.count else free
                    future = client.submit(
                        function, identity(), self._store.url, *arguments[task], key=f"{function.__name__}-{uuid4()}",
                        workers=workers, resources={RESOURCE: 1}, retries=_RETRIES, pure=False,
                    )  # fmt: skip
                except BaseException:
                    self._give_slot()
                    raise
                tasks.running[future] = Running(task, workers, time.monotonic())
            if not tasks.running:
                with self._free:
                    self._free.wait(_POLL_INTERVAL)
                continue
            try:
                with client.as_current():
                    ended = wait(list(tasks.running), timeout=_POLL_INTERVAL, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                ended = set()
            for future in ended:
                task, _, started = self._ended(tasks, future)
                try:
                    result = future.result()
                except KilledWorker as error:
                    tasks.give_up(task, str(error))
                    continue
                except _lost():
                    raise
                except Exception as error:
                    raise RenderError(f"a worker failed with {type(error).__name__}: {error}") from error
                if task not in tasks.open:  # another worker was faster
                    self._store.remove(result.files)
                elif result.needs and supply and tasks.may_repeat(task):
                    supply(result.needs)
                elif result.error or result.needs:
                    others = set(slots) - {result.address}
                    what = result.error or f"it does not find the photos {', '.join(result.needs)} in the store"
                    if tasks.failed_on[task] or not others:
                        raise RenderError(f"{result.worker}: {what}")
                    self._progress.notice(f"{result.worker}: {what}. Another worker tries it")
                    tasks.failed_on[task].add(result.address)
                else:
                    try:
                        finished(task, result)
                    except RenderError:  # another client with the same video has removed it, or it is not visible yet
                        if not tasks.may_repeat(task):
                            raise
                        continue
                    tasks.durations.append(time.monotonic() - started)
                    tasks.open.discard(task)

    def _takes_slot(self, slots: int) -> bool:
        """Take a slot for a task, unless all are taken by those of this and other threads."""
        with self._free:
            if self._busy >= slots:
                return False
            self._busy += 1
            return True

    def _ended(self, tasks: TaskList, future: Future) -> Running:
        """Forget a task that has ended, or was cancelled."""
        self._give_slot()
        return tasks.running.pop(future)

    def _give_slot(self) -> None:
        with self._free:
            self._busy -= 1
            self._free.notify_all()

    def _reconnect(self, client: Client, error: Exception, poll: Callable[[], None]) -> None:
        """Wait until the scheduler is there again. Raises RenderError if it is not for too long."""
        while not self._lock.acquire(timeout=_POLL_INTERVAL):  # another thread waits
            poll()
        try:
            if self._gone:
                raise self._gone
            if self._client is not client:  # another thread has done it
                return
            self._progress.notice("The connection to the scheduler was lost: waiting for it")
            with suppress(OSError, TimeoutError):
                client.close(timeout=1)
            deadline = time.monotonic() + _RECONNECT_LIMIT
            while True:
                poll()
                try:
                    self._client = self._connect()
                    break
                except (OSError, ValueError):
                    if time.monotonic() > deadline:
                        self._gone = RenderError(
                            f"the scheduler did not come back within {_RECONNECT_LIMIT:.0f} seconds: start it, and "
                            "render again"
                        )
                        raise self._gone from error
            self._workers = Workers(self._progress)
        finally:
            self._lock.release()


def _check_scheduler(address: str) -> None:
    """Raise InputError unless a scheduler answers at an address: Dask's client would wait for ever for a web server."""
    from distributed.core import connect, send_recv
    from distributed.security import Security

    async def ask() -> None:
        arguments = Security().get_connection_args("client")
        comm = await connect(address, timeout=PATIENCE, **arguments)
        try:
            if (await send_recv(comm, op="identity"))["type"] != "Scheduler":
                raise ValueError("not a scheduler")
        finally:
            comm.abort()

    async def ask_patiently() -> None:
        await asyncio.wait_for(ask(), PATIENCE)

    try:
        with ThreadPoolExecutor(1) as thread:  # in a notebook, this one has an event loop already
            thread.submit(asyncio.run, ask_patiently()).result()
    except Exception as error:  # of many kinds, for what else answers there; MemoryError if it takes text for a length
        reason = f" ({error})" if isinstance(error, OSError | TypeError) and str(error) else ""  # TypeError: TLS
        raise InputError(
            f"no scheduler of Dask answers at {named('cluster', address)}{reason}: start one there, and give the "
            "address that it prints as Scheduler, not that of its dashboard"
        ) from error


def _in_order(names: Iterable[str]) -> list[str]:
    """Return the names of segments in their order, the statistics of each before it."""
    return sorted(names, key=lambda name: Path(name).name)


def _lost() -> tuple[type[Exception], ...]:
    """Return what Dask raises when the connection to the scheduler is lost, besides what it calls it itself."""
    from distributed.comm import CommClosedError

    return CancelledError, CommClosedError


def _addresses_doing(client: Client, futures: Sequence[Future]) -> list[str]:
    """Return the addresses of the workers that do some tasks."""
    if not futures:
        return []
    keys = {future.key for future in futures}
    return [address for address, its in client.processing().items() if keys & set(its)]


class _Frames:
    """The frames of a video that workers have drawn so far."""

    def __init__(self, video: SegmentedVideo, advance: Advance) -> None:
        self.topic = video.folder.name
        self._video, self._advance = video, advance
        self._drawn: dict[int, int] = dict.fromkeys(range(len(video.cuts)), 0)
        self._events: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def receive(self, event: tuple[float, tuple[int, int]]) -> None:
        """Take an event of a worker, in a thread of Dask: a segment, and how many of its frames are drawn."""
        self._events.put(event[1])

    def advance(self) -> None:
        """Report what is new. A segment that starts anew counts once it is beyond what was reported."""
        self._advance(0)  # which may raise to stop the work
        while not self._events.empty():
            self._reach(*self._events.get())

    def finish(self, number: int) -> None:
        """Report the rest of a segment."""
        self._reach(number, len(self._video.cuts[number]))

    def _reach(self, number: int, drawn: int) -> None:
        if drawn > self._drawn[number]:
            self._advance(drawn - self._drawn[number])
            self._drawn[number] = drawn


class _SentPhotos:
    """Libraries that are in the store, without the files of their photos."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, str] = {}  # in the store, by a digest of the photos
        self._digests: WeakKeyDictionary[Photos, str] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def has(self, library: Library) -> bool:
        """Return whether a library was sent."""
        return self._digest(library) in self._names

    def send(self, library: Library) -> str:
        """Put a library into the store unless it is there. Returns its name. Raises RenderError."""
        digest = self._digest(library)
        with self._lock:
            if digest not in self._names:
                with temporary_folder() as folder:
                    path = folder / "photos.sqlite"
                    export_photos(library, path)
                    self._names[digest] = self._store.put(path)
            return self._names[digest]

    def _digest(self, library: Library) -> str:
        """Return a digest of photos: their names may be shown or sorted by, so it includes these."""
        if library.photos not in self._digests:
            digest = hashlib.blake2b(library.photos.columns.key.tobytes(), digest_size=16)
            for photo in library.photos:
                digest.update(f"{photo.path}\0{photo.crop}".encode("utf-8", "surrogateescape"))
            self._digests[library.photos] = digest.hexdigest()
        return self._digests[library.photos]
