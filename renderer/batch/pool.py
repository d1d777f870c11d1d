"""Pools that run render jobs: the interface, and an implementation with local processes."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from renderer.batch.work import JobRunner, Outcome, RenderJob
from renderer.progress import Progress
from renderer.worker_pool import Processes, serve_tasks


class Pool(Protocol):
    """Runs render jobs, `workers` at a time. It may be a client of a cluster; it need not report progress."""

    workers: int

    def submit(self, render_job: RenderJob, progress: Progress, /) -> Future[Outcome]:
        """Run a job as soon as a worker is free; the future raises only if the pool was closed."""
        ...

    def stop(self, render_job: Future[Outcome], reason: str, /) -> None:
        """Stop a job at once, with `reason` as its error; no effect if it has ended."""
        ...


def render_processes(workers: int) -> Processes[RenderJob, Outcome]:
    """Return a pool of local processes."""
    return Processes(workers, __name__, Outcome)


def serve() -> None:
    """Run a worker process; see `serve_tasks`."""
    with JobRunner() as runner:
        serve_tasks(runner.run)
