"""Hand tasks to a pool, ordered so that tasks with the same mosaic share the matching."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from renderer.batch.campaign import Task
from renderer.batch.pool import Pool
from renderer.batch.problems import Origin
from renderer.batch.work import Outcome, RenderJob
from renderer.messages import named
from renderer.progress import Advance, Progress
from renderer.video_job import mosaic_key, without_changes

STALLED: Final = 60.0
"""Seconds without progress after which the observer is notified."""


class BatchObserver(Protocol):
    """Displays the progress of a campaign."""

    def begin(self, name: str) -> Progress:
        """A worker starts a task, or the matching that several tasks share; return the progress of its stages."""
        ...

    def stalled(self, name: str, stage: str) -> None:
        """A task has made no progress for a minute, in a stage (empty: before the first)."""
        ...

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        """A task has ended, and with it `tasks` videos (0 if it was only their matching)."""
        ...


class _WatchedProgress:
    """Progress that records when it was last reported, and spells parameters in notices as the task's origin does."""

    def __init__(self, inner: Progress, origin: Origin) -> None:
        self._inner, self._origin = inner, origin
        self._last = time.monotonic()
        self._stages: list[str] = []
        self._was_stalled = False

    @property
    def stage_name(self) -> str:
        """The current stage; empty before the first."""
        return self._stages[-1] if self._stages else ""

    def idle_seconds(self) -> float:
        """Return the seconds since the last sign of progress."""
        return time.monotonic() - self._last

    def has_stalled(self) -> bool:
        """Return whether progress has stopped: True only once for each time that it stops."""
        stalled, before = self.idle_seconds() >= STALLED, self._was_stalled
        self._was_stalled = stalled
        return stalled and not before

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Start a stage."""
        with self._inner.stage(name, total, unit) as inner:

            def advance(units: int) -> None:
                self._last = time.monotonic()
                inner(units)

            self._last = time.monotonic()
            self._stages.append(name)
            try:
                yield advance
            finally:
                self._stages.remove(name)
                self._last = time.monotonic()

    def notice(self, message: str) -> None:
        """Pass a notice on."""
        self._inner.notice(self._origin.spelled(message))


@dataclass(frozen=True)
class _Running:
    """A running render job: its tasks, and whether it is only the matching that they share."""

    name: str
    tasks: Sequence[Task]
    shared: bool
    progress: _WatchedProgress


def run(
    tasks: Sequence[Task],
    pool: Pool,
    observer: BatchObserver,
    done: Callable[[Task, Outcome], None],
    *,
    fail_fast: bool = False,
    timeout: float | None = None,
) -> None:
    """Run tasks, and call `done` after each. Videos of one mosaic wait until one worker has matched it for all.

    No more tasks are submitted than there are workers, so that nothing is queued when the run stops. `fail_fast`: the
    first failure ends the run; tasks that are already running end with the pool. `timeout`: seconds without progress
    after which a task is stopped and fails; None for a pool that does not report progress.
    """
    mosaics: dict[object, list[Task]] = {}
    for task in tasks:
        mosaics.setdefault(mosaic_key(without_changes(task.job)), []).append(task)
    unmatched, ready = deque(mosaics.values()), deque[Task]()
    running: dict[Future[Outcome], _Running] = {}
    failed = False
    while (ready or unmatched or running) and not (failed and fail_fast):
        while len(running) < pool.workers and (ready or unmatched):
            group: Sequence[Task] = [ready.popleft()] if ready else unmatched.popleft()
            shared = len(group) > 1
            name = f"{group[0].name} and {len(group) - 1} more" if shared else group[0].name
            progress = _WatchedProgress(observer.begin(name), group[0].origin)
            job = without_changes(group[0].job) if shared else group[0].job
            future = pool.submit(RenderJob(job, match_only=shared), progress)
            running[future] = _Running(name, group, shared, progress)
        # At most one second at a time, because Windows does not interrupt a wait.
        for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
            one = running.pop(future)
            outcome = future.result()
            outcome = replace(outcome, error=one.tasks[0].origin.spelled(outcome.error))
            if one.shared and not outcome.error:
                observer.end(one.name, outcome, 0)
                ready.extend(one.tasks)
                continue
            observer.end(one.name, outcome, len(one.tasks))
            for task in one.tasks:
                done(task, outcome)
            failed = failed or bool(outcome.error)
        if timeout is not None:
            _stop_stalled(running, pool, observer, timeout)


def _stop_stalled(
    running: Mapping[Future[Outcome], _Running], pool: Pool, observer: BatchObserver, timeout: float
) -> None:
    """Stop tasks without progress for `timeout` seconds, and report those without progress for a minute."""
    for future, one in running.items():
        stage = one.progress.stage_name
        if one.progress.idle_seconds() >= timeout:
            during = f" while {stage}" if stage else ""
            fix = f"use a longer {named('timeout')} if it needs more time"
            pool.stop(future, f"stopped after {timeout:g} seconds without progress{during}: {fix}")
        elif one.progress.has_stalled():
            observer.stalled(one.name, stage)
