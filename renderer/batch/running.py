"""Tasks to a pool, in the order in which they share work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from renderer.batch.campaign import Task
from renderer.batch.pool import Pool
from renderer.batch.work import Outcome, RenderJob
from renderer.job import mosaic_key
from renderer.progress import Advance, Progress

STALLED: Final = 60.0
"""Seconds without progress after which it is said that there is none."""


class BatchObserver(Protocol):
    """Who shows how far a campaign is."""

    def begin(self, name: str) -> Progress:
        """A task, or the matching that some share, is handed to a worker; gives who hears of its stages."""
        ...

    def stalled(self, name: str, stage: str) -> None:
        """It has made no progress for a minute, in a stage (empty: before the first)."""
        ...

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        """It was done, and `tasks` videos with it (0 if it was only their matching)."""
        ...


class _Pulse:
    """Progress that also notes when it was last told of any."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._told = time.monotonic()
        self._stages: list[str] = []
        self._said = False

    @property
    def stage_name(self) -> str:
        """The stage that is under way; empty before the first."""
        return self._stages[-1] if self._stages else ""

    def silence(self) -> float:
        """Seconds since the last sign of progress."""
        return time.monotonic() - self._told

    def stalls(self) -> bool:
        """Whether it makes no progress, asked once of each time that it does not."""
        stalls, self._said = self.silence() >= STALLED and not self._said, self.silence() >= STALLED
        return stalls

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Begin a stage."""
        with self._inner.stage(name, total, unit) as inner:

            def advance(units: int) -> None:
                self._told = time.monotonic()
                inner(units)

            self._told = time.monotonic()
            self._stages.append(name)
            try:
                yield advance
            finally:
                self._stages.remove(name)
                self._told = time.monotonic()

    def notice(self, message: str) -> None:
        """Pass the line on."""
        self._inner.notice(message)


@dataclass(frozen=True)
class _Running:
    """An order in hand: its tasks, and whether it is only the matching that they share."""

    name: str
    tasks: Sequence[Task]
    shared: bool
    pulse: _Pulse


def run(
    tasks: Sequence[Task],
    pool: Pool,
    watch: BatchObserver,
    done: Callable[[Task, Outcome], None],
    *,
    fail_fast: bool = False,
    timeout: float | None = None,
) -> None:
    """Do tasks, and tell `done` of each. Videos of one mosaic wait until it is matched, by one worker for all.

    Only as much is handed out as there are workers, so that a stop leaves nothing queued. `fail_fast`: a failure ends
    the run, though not what is in hand: that ends with the pool. `timeout`: seconds without progress after which a task
    is stopped, and has failed; None for a pool that does not report progress.
    """
    mosaics: dict[object, list[Task]] = {}
    for task in tasks:
        mosaics.setdefault(mosaic_key(task.job), []).append(task)
    unmatched, ready = deque(mosaics.values()), deque[Task]()
    running: dict[Future[Outcome], _Running] = {}
    failed = False
    while (ready or unmatched or running) and not (failed and fail_fast):
        while len(running) < pool.workers and (ready or unmatched):
            some: Sequence[Task] = [ready.popleft()] if ready else unmatched.popleft()
            shared = len(some) > 1
            name = f"{some[0].name} and {len(some) - 1} more" if shared else some[0].name
            pulse = _Pulse(watch.begin(name))
            running[pool.submit(RenderJob(some[0].job, match_only=shared), pulse)] = _Running(name, some, shared, pulse)
        # In turns of a second, as Windows does not interrupt a wait.
        for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
            one = running.pop(future)
            outcome = future.result()
            if one.shared and not outcome.error:
                watch.end(one.name, outcome, 0)
                ready.extend(one.tasks)
                continue
            watch.end(one.name, outcome, len(one.tasks))
            for task in one.tasks:
                done(task, outcome)
            failed = failed or bool(outcome.error)
        if timeout is not None:
            _stop_stalled(running, pool, watch, timeout)


def _stop_stalled(
    running: Mapping[Future[Outcome], _Running], pool: Pool, watch: BatchObserver, timeout: float
) -> None:
    """Stop what has made no progress for `timeout` seconds, and tell of what has made none for a minute."""
    for future, one in running.items():
        stage = one.pulse.stage_name
        if one.pulse.silence() >= timeout:
            during = f" in the stage of {stage}" if stage else ""
            fix = "give a longer --timeout if it needs more time"
            pool.stop(future, f"it made no progress for {timeout:g} seconds{during}, and was stopped: {fix}")
        elif one.pulse.stalls():
            watch.stalled(one.name, stage)
