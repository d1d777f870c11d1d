"""Tasks to a pool, in the order in which they share work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol

from renderer.batch.campaign import Task
from renderer.batch.pool import Pool
from renderer.batch.work import Order, Outcome
from renderer.job import mosaic_key
from renderer.progress import Progress


class Watch(Protocol):
    """Who shows how far a campaign is."""

    def begin(self, name: str) -> Progress:
        """A task, or the matching that some share, is handed to a worker; gives who hears of its stages."""
        ...

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        """It was done, and `tasks` videos with it (0 if it was only their matching)."""
        ...


def run(
    tasks: Sequence[Task], pool: Pool, watch: Watch, done: Callable[[Task, Outcome], None], *, fail_fast: bool = False
) -> None:
    """Do tasks, and tell `done` of each. Videos of one mosaic wait until it is matched, by one worker for all.

    Only as much is handed out as there are workers, so that a stop leaves nothing queued. `fail_fast`: a failure ends
    the run, though not what is in hand: that ends with the pool.
    """
    mosaics: dict[object, list[Task]] = {}
    for task in tasks:
        mosaics.setdefault(mosaic_key(task.job), []).append(task)
    unmatched, ready = deque(mosaics.values()), deque[Task]()
    running: dict[Future[Outcome], tuple[str, Sequence[Task], bool]] = {}
    failed = False
    while (ready or unmatched or running) and not (failed and fail_fast):
        while len(running) < pool.workers and (ready or unmatched):
            some: Sequence[Task] = [ready.popleft()] if ready else unmatched.popleft()
            shared = len(some) > 1
            name = f"{some[0].name} and {len(some) - 1} more" if shared else some[0].name
            running[pool.submit(Order(some[0].job, match_only=shared), watch.begin(name))] = (name, some, shared)
        # In turns of a second, as Windows does not interrupt a wait.
        for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
            name, some, shared = running.pop(future)
            outcome = future.result()
            if shared and not outcome.error:
                watch.end(name, outcome, 0)
                ready.extend(some)
                continue
            watch.end(name, outcome, len(some))
            for task in some:
                done(task, outcome)
            failed = failed or bool(outcome.error)
