"""A campaign from its tasks to its files: planned, run, written down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from renderer.batch.campaign import Campaign, Task
from renderer.batch.manifest import Manifest, State
from renderer.batch.page import check_page
from renderer.batch.pool import Pool
from renderer.batch.running import BatchObserver, run
from renderer.batch.uptodate import Inputs, bytes_of, fingerprints
from renderer.batch.work import Outcome
from renderer.cores import core_count
from renderer.encoder import is_sequence
from renderer.errors import BusyError, InputError, RenderError
from renderer.output_files import check_writable, locked_folder
from renderer.progress import Progress

MEMORY_A_WORKER: Final = 900_000_000
"""Bytes that a worker and its ffmpeg take at most for a video of 1080p at --quality high, matching included."""

_MAX_WORKERS: Final = 8  # by themselves: as many maps are in use at once, and 20 are kept


@dataclass(frozen=True)
class Batch:
    """A campaign that is planned: what is to be rendered, and what needs not be."""

    campaign: Campaign
    manifest: Manifest
    inputs: Inputs
    fingerprints: dict[str, str]
    due: Sequence[Task]
    up_to_date: Sequence[Task]


def worker_count(tasks: int) -> int:
    """How many workers serve best: one a core, as far as there is work and memory for them."""
    fits = int(psutil.virtual_memory().available // MEMORY_A_WORKER)
    return max(1, min(core_count(), tasks, fits, _MAX_WORKERS))


def plan_batch(campaign: Campaign, progress: Progress, *, resume: bool = True, overwrite: bool = False) -> Batch:
    """See what is up to date, and check that the rest can be written; each set of photos is indexed on the way.

    A file that an earlier run made, and that nobody changed since, may be replaced; `overwrite`: so may any other.
    `resume` False: nothing counts as up to date. Raises InputError with every problem.
    """
    manifest, inputs = Manifest.load(campaign.folder), Inputs(progress)
    check_page(campaign.folder)
    problems = campaign.problems
    found = fingerprints(campaign.tasks, inputs, problems)
    campaign = replace(campaign, tasks=problems.without_bad_rows(campaign.tasks, lambda task: task.place.row))
    current = [task for task in campaign.tasks if resume and manifest.is_up_to_date(task, found[task.name])]
    names = {task.name for task in current}
    due = []
    for task in campaign.tasks:
        if task.name in names:
            continue
        there = [path for path in task.job.files() if path.exists()] or ([task.job.path] if bytes_of(task.job) else [])
        if there and not overwrite and not manifest.is_ours(task):
            problems.add(f"{there[0]} exists, and is not as this campaign made it: -y overwrites it, or move it away")
        due.append(replace(task, job=replace(task.job, overwrite=bool(there))))
    problems.check()
    return Batch(campaign, manifest, inputs, found, due, current)


def render_batch(
    batch: Batch, pool: Pool, watch: BatchObserver, *, fail_fast: bool = False, timeout: float | None = None
) -> dict[str, Outcome]:
    """Render what is due; gives what came of each task by its name. Those that are missing were not begun.

    `timeout`: seconds without progress after which a video fails; None: never, as for a pool that reports no progress.
    The manifest is written after each. Raises RenderError if it, or a folder, can't be written.
    """
    manifest, outcomes = batch.manifest, dict[str, Outcome]()
    made = [folder for task in batch.due for folder in _make_folder(_folder_of(task))]
    for task in batch.due:
        manifest.note(task, "waiting", batch.fingerprints[task.name], batch.inputs)  # what is there from now on is ours
    manifest.save()

    def done(task: Task, outcome: Outcome) -> None:
        outcomes[task.name] = outcome
        if outcome.error:
            _remove_begun(task)  # by a worker that crashed or was killed
        state: State = "failed" if outcome.error else "done"
        manifest.note(task, state, batch.fingerprints[task.name], batch.inputs, outcome)
        manifest.save()

    try:
        run(batch.due, pool, watch, done, fail_fast=fail_fast, timeout=timeout)
    finally:
        _remove_empty(made)
    return outcomes


@contextmanager
def campaign_folder(campaign: Campaign) -> Iterator[None]:
    """Hold the folder of a campaign, which is made: another process can't plan or render in it meanwhile.

    It goes again if it is empty in the end. Raises InputError, which says who holds it.
    """
    made = _make_folder(campaign.folder)
    try:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked_folder(campaign.folder))
            except BusyError as error:
                raise InputError(error.text) from None
            yield
    finally:
        _remove_empty(made)


def _folder_of(task: Task) -> Path:
    """The folder that a task's files are in, or the folder of its frames."""
    return task.job.path.parent.parent if is_sequence(task.job.path) else task.job.path.parent


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; gives those that were made, the outermost first. Raises InputError."""
    made = [each for each in [*reversed(folder.parents), folder] if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be made ({error.strerror}): give another output") from error
    return made


def _remove_empty(made: Sequence[Path]) -> None:
    for folder in reversed(made):
        with contextlib.suppress(OSError):  # it holds videos, as it should
            folder.rmdir()


def _remove_begun(task: Task) -> None:
    """Remove what a worker that no longer lives had begun of a task's files: to check a name sweeps what is left."""
    folder = task.job.path.parent
    for path in {task.job.path, *task.job.files()}:
        if path.parent.is_dir():
            with contextlib.suppress(RenderError):
                check_writable(path, overwrite=True)
    if is_sequence(task.job.path):
        _remove_empty([folder])
