"""Plan and render a campaign, and record the results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from renderer.batch.campaign import Campaign, Task
from renderer.batch.fingerprints import Inputs, bytes_of, fingerprints
from renderer.batch.manifest import Manifest, State
from renderer.batch.page import check_page
from renderer.batch.pool import Pool
from renderer.batch.problems import Origin
from renderer.batch.running import BatchObserver, run
from renderer.batch.work import Outcome
from renderer.budget import free_memory
from renderer.cores import core_count
from renderer.errors import BusyError, InputError, RenderError
from renderer.formats import is_sequence
from renderer.messages import named
from renderer.output_files import check_writable, locked_folder, remove_leftovers
from renderer.progress import Progress

WORKER_MEMORY: Final = 900_000_000
"""Maximum bytes that a worker and its ffmpeg take for a 1080p video at high quality, including matching."""

_MAX_WORKERS: Final = 8  # by default: each uses a map, and the cache holds 20


@dataclass(frozen=True)
class Batch:
    """A planned campaign: the videos to render, and those that are up to date."""

    campaign: Campaign
    manifest: Manifest
    inputs: Inputs
    fingerprints: dict[str, str]
    due: Sequence[Task]
    up_to_date: Sequence[Task]


def worker_count(tasks: int) -> int:
    """Return the default number of workers: one per core, if there are enough tasks and memory."""
    fits = free_memory() // WORKER_MEMORY
    return max(1, min(core_count(), tasks, fits, _MAX_WORKERS))


def plan_batch(campaign: Campaign, progress: Progress, *, resume: bool = True, overwrite: bool = False) -> Batch:
    """Find the videos that are up to date, and check that the others can be written. This indexes their photos.

    Files that an earlier run made and nobody has changed may be replaced; with `overwrite`, all other files too. With
    `resume` False, nothing counts as up to date. Raises InputError with all problems.
    """
    manifest, inputs = Manifest.load(campaign.folder), Inputs(progress)
    check_page(campaign.folder)
    problems = campaign.problems
    found = fingerprints(campaign.tasks, inputs, problems)
    campaign = replace(campaign, tasks=problems.without_bad_rows(campaign.tasks, lambda task: task.origin.row))
    current = [task for task in campaign.tasks if resume and manifest.is_up_to_date(task, found[task.name])]
    current_names = {task.name for task in current}
    due = []
    for task in campaign.tasks:
        if task.name in current_names:
            continue
        existing = [path for path in task.job.files() if path.exists()] or (
            [task.job.path] if bytes_of(task.job) else []
        )
        if existing and not overwrite and not manifest.is_ours(task):
            fix = f"move it, or use {named('overwrite', True)} to overwrite it"
            problems.add(f"{existing[0]} exists, and is not the file that this campaign made: {fix}", Origin())
        due.append(replace(task, job=replace(task.job, overwrite=bool(existing))))
    problems.check()
    return Batch(campaign, manifest, inputs, found, due, current)


def render_batch(
    batch: Batch, pool: Pool, observer: BatchObserver, *, fail_fast: bool = False, timeout: float | None = None
) -> dict[str, Outcome]:
    """Render the videos that are due; return the outcomes of the tasks that were started, by task name.

    `timeout`: seconds without progress after which a video fails; None: never, for a pool that reports no progress. The
    manifest is written after videos, and at the end. Raises RenderError if the manifest or a folder can't be written.
    """
    manifest, outcomes = batch.manifest, dict[str, Outcome]()
    created = [folder for task in batch.due for folder in _make_folder(_folder_of(task))]
    for folder in {_folder_of(task) for task in [*batch.due, *batch.up_to_date]}:
        remove_leftovers(folder)
    for task in batch.due:
        # Files that appear from now on count as this campaign's.
        manifest.record(task, "waiting", batch.fingerprints[task.name], batch.inputs)
    manifest.save()

    def done(task: Task, outcome: Outcome) -> None:
        outcomes[task.name] = outcome
        if outcome.error:
            _remove_incomplete(task)  # the worker may have crashed
        state: State = "failed" if outcome.error else "done"
        manifest.record(task, state, batch.fingerprints[task.name], batch.inputs, outcome)
        manifest.save(at_once=False)

    try:
        run(batch.due, pool, observer, done, fail_fast=fail_fast, timeout=timeout)
    finally:
        manifest.save()
        _remove_empty(created)
    return outcomes


@contextmanager
def campaign_folder(campaign: Campaign) -> Iterator[None]:
    """Create the folder of a campaign and lock it: no other process can plan or render in it at the same time.

    A created folder is removed when the context exits if it is empty. Raises InputError, which names the process that
    has the lock.
    """
    created = _make_folder(campaign.folder)
    try:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked_folder(campaign.folder))
            except BusyError as error:
                raise InputError(error.text) from None
            yield
    finally:
        _remove_empty(created)


def _folder_of(task: Task) -> Path:
    """Return the folder of a task's files; of a sequence, the folder that contains the folder of its frames."""
    return task.job.path.parent.parent if is_sequence(task.job.path) else task.job.path.parent


def _make_folder(folder: Path) -> list[Path]:
    """Create a folder; return the folders that were created, the outermost first. Raises InputError."""
    missing = [each for each in [*reversed(folder.parents), folder] if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be created ({error.strerror}): choose another output") from error
    return missing


def _remove_empty(created: Sequence[Path]) -> None:
    for folder in reversed(created):
        with contextlib.suppress(OSError):  # it contains videos
            folder.rmdir()


def _remove_incomplete(task: Task) -> None:
    """Remove the incomplete files of a worker that has ended: `check_writable` deletes leftovers of a name."""
    folder = task.job.path.parent
    for path in {task.job.path, *task.job.files()}:
        if path.parent.is_dir():
            with contextlib.suppress(RenderError):
                check_writable(path, overwrite=True)
    if is_sequence(task.job.path):
        _remove_empty([folder])
