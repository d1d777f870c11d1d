"""The tasks of a video or a mosaic on a cluster: which are open, which run where, and which have failed."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from distributed import Future

_ALLOWED_FAILURES: Final = 3  # workers that may end during a task, as Dask allows by default

_SLOW: Final = 3.0  # times the usual duration of a task, after which an idle worker does it too

_SHORTEST: Final = 1.0  # seconds, below which the usual duration says nothing

_SLOW_WHEN_UNKNOWN: Final = 120.0
"""Seconds after which an idle worker does a task too, before the usual duration is known."""


class Running(NamedTuple):
    """What runs for a task."""

    task: int
    workers: Collection[str] | None  # addresses of those that may do it; None: all
    since: float  # when it was submitted


class TaskList:
    """Tasks by their index: which are open and which run where."""

    def __init__(self, count: int) -> None:
        self.open = set(range(count))
        self.running: dict[Future, Running] = {}
        self.failed_on: dict[int, set[str]] = defaultdict(set)  # addresses of workers
        self.lost: dict[int, int] = defaultdict(int)  # how often all workers that could do it were gone
        self.repeated: dict[int, int] = defaultdict(int)
        self.durations: list[float] = []
        self.killed_reason = ""  # if a task killed several workers

    def next(self) -> int | None:
        """Return the task to submit next; None if there is none."""
        running = [each.task for each in self.running.values()]
        if waiting := self.open.difference(running):
            return min(waiting)
        longest = _SLOW * max(statistics.median(self.durations), _SHORTEST) if self.durations else _SLOW_WHEN_UNKNOWN
        now = time.monotonic()
        slow = [each.task for each in self.running.values() if now - each.since > longest]
        return min((task for task in slow if running.count(task) == 1), default=None)

    def futures(self, task: int) -> list[Future]:
        """Return what runs for a task."""
        return [future for future, each in self.running.items() if each.task == task]

    def may_repeat(self, task: int) -> bool:
        """Return whether a task may be done again, as what it needs or has made was not there; only a few times."""
        self.repeated[task] += 1
        return self.repeated[task] <= _ALLOWED_FAILURES

    def abandon(self, workers: Collection[str]) -> list[Future]:
        """Return what may only run on workers that are gone. A task that loses too many is given up."""
        gone = [
            future for future, each in self.running.items() if each.workers and not set(each.workers) & set(workers)
        ]
        for future in gone:
            task = self.running[future].task
            self.lost[task] += 1
            if self.lost[task] > _ALLOWED_FAILURES:
                self.give_up(task, f"{self.lost[task]} workers ended while they did it")
        return gone

    def give_up(self, task: int, reason: str) -> None:
        """Do not do a task, but the others."""
        self.killed_reason = reason
        self.open.discard(task)
