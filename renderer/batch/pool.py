"""Pools that run render jobs: the interface, one of local processes, and one whose work is done elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

from renderer.batch.work import JobRunner, Outcome, RenderJob
from renderer.errors import Cancelled
from renderer.progress import Advance, Progress
from renderer.worker_pool import Processes, serve_tasks

if TYPE_CHECKING:
    from renderer.job.mosaics import Matcher
    from renderer.job.segments import SegmentAnswer, SegmentPool, SegmentTask

    Task = RenderJob | SegmentTask
    Answer = Outcome | SegmentAnswer


_MOST_THREADS: Final = 256  # videos at once


class Pool(Protocol):
    """Runs render jobs, `workers` at a time. It need not report progress."""

    @property
    def workers(self) -> int:
        """How many jobs run at a time now."""
        ...

    def submit(self, render_job: RenderJob, progress: Progress, /) -> Future[Outcome]:
        """Run a job as soon as a worker is free; the future raises only if the pool was closed."""
        ...

    def stop(self, render_job: Future[Outcome], reason: str, /) -> None:
        """Stop a job at once, with `reason` as its error; no effect if it has ended."""
        ...


class ThreadsPool:
    """Runs render jobs in threads, of which only little is done in this process. Close it to stop its jobs.

    `matcher`, `pool`: match mosaics and make segments, in other processes or on other machines.
    """

    def __init__(self, workers: Callable[[], int], matcher: Matcher | None, pool: SegmentPool) -> None:
        """`workers`: returns how many jobs to run at a time, which may change."""
        self._count = workers
        self._matcher, self._pool = matcher, pool
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="videos")
        self._own = threading.local()
        self._runners: list[JobRunner] = []
        self._running: dict[Future[Outcome], _Stoppable] = {}

    @property
    def workers(self) -> int:
        """How many jobs run at a time now."""
        return min(self._count(), _MOST_THREADS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for future in list(self._running):
            self.stop(future, "stopped")
        self._threads.shutdown(cancel_futures=True)
        for runner in self._runners:
            runner.close()

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:
        """Run a job as soon as a thread is free."""
        stoppable = _Stoppable(progress)
        future = self._threads.submit(self._run, render_job, stoppable)
        self._running[future] = stoppable
        future.add_done_callback(lambda done: self._running.pop(done, None))
        return future

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        """Stop a job the next time that it reports progress, with `reason` as its error."""
        if (progress := self._running.get(render_job)) is not None:
            progress.stop(reason)

    def _run(self, render_job: RenderJob, progress: _Stoppable) -> Outcome:
        runner: JobRunner | None = getattr(self._own, "runner", None)
        if runner is None:
            runner = self._own.runner = JobRunner(self._matcher, self._pool)
            self._runners.append(runner)
        return runner.run(render_job, progress)


class _Stoppable:
    """Progress that raises Cancelled once it is stopped."""

    def __init__(self, inner: Progress) -> None:
        self.inner = inner
        self._reason = ""
        self.stop_other: Callable[[str], None] = lambda _reason: None  # what is done in another process

    def stop(self, reason: str) -> None:
        """Stop with `reason` as the error."""
        self._reason = reason
        self.stop_other(reason)

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        with self.inner.stage(name, total, unit) as inner:

            def advance(units: int) -> None:
                if self._reason:
                    raise Cancelled(self._reason)
                if units:
                    inner(units)

            yield advance

    def notice(self, message: str) -> None:
        self.inner.notice(message)


class _LongVideos(ThreadsPool):
    """Makes videos of segments, of which each is a task of a worker process, as is the matching."""

    def __init__(self, processes: Processes[Task, Answer]) -> None:
        from renderer.job.segments import SegmentProcesses

        super().__init__(
            lambda: processes.workers, None, SegmentProcesses(cast("Processes[SegmentTask, SegmentAnswer]", processes))
        )
        self._processes = processes

    def _run(self, render_job: RenderJob, progress: _Stoppable) -> Outcome:
        matching = self._processes.submit(replace(render_job, match_only=True), progress.inner)
        progress.stop_other = partial(self._processes.stop, matching)
        outcome = cast("Outcome", matching.result())
        return outcome if outcome.error else super()._run(render_job, progress)


class LocalPool:
    """Runs render jobs in processes of this machine; the segments of a long video are made by all that are free."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._processes: Processes[Task, Answer] = Processes(workers, __name__, _failed)
        self._long = _LongVideos(self._processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._processes, self._long:
            pass

    def submit(self, render_job: RenderJob, progress: Progress) -> Future[Outcome]:
        """Run a job as soon as a worker is free."""
        from renderer.job.segments import is_long

        pool = self._long if not render_job.match_only and is_long(render_job.job) else self._processes
        return cast("Future[Outcome]", pool.submit(render_job, progress))

    def stop(self, render_job: Future[Outcome], reason: str) -> None:
        """Stop a job at once, with `reason` as its error."""
        self._processes.stop(cast("Future[Answer]", render_job), reason)
        self._long.stop(render_job, reason)


def _failed(task: Task, reason: str) -> Answer:
    if isinstance(task, RenderJob):
        return Outcome(reason)
    from renderer.job.segments import no_segment

    return no_segment(task, reason)


def serve() -> None:
    """Run a worker process; see `serve_tasks`."""
    from renderer.job.segments import SegmentMaker

    maker = SegmentMaker()
    try:
        with JobRunner() as runner:

            def run(task: Task, progress: Progress) -> Answer:
                if isinstance(task, RenderJob):
                    maker.close()
                    return runner.run(task, progress)
                runner.close()  # only one mosaic is open at a time
                return maker.run(task, progress)

            serve_tasks(run)
    finally:
        maker.close()
