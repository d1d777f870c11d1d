"""`render batch`: many videos from one campaign file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from renderer.cli.commands import Argument, Command
from renderer.cli.messages import Console, megabytes, open_console, show_file
from renderer.cli.options import BatchOutputOptions, OutputOptions, PresetOptions, format_command, on_file
from renderer.cli.terminal import print_json, printable, say
from renderer.messages import counted, named
from renderer.parameters import Validated, given, parameter, parameters
from renderer.settings import FileSettings, MatchSettings, OutputSettings, OverlaySettings, SoundSettings

if TYPE_CHECKING:
    from rich.progress import TaskID

    from renderer.batch import Batch, Outcome
    from renderer.cli.bars import Bars
    from renderer.progress import Advance

_KEYS: Final = {"covers": "cover", "animation": "animation", "preset": "preset", "output": "output", "rows": "rows"}
"""Options that replace keys of every job in the campaign file."""


@dataclass(frozen=True)
class BatchOptions(Validated):
    """Options of campaigns."""

    covers: tuple[str, ...] = parameter(
        (), "Cover pictures, as paths or globs, instead of those in the file; repeatable"
    )
    animation: tuple[str, ...] = parameter((), "Animations, instead of those in the file; repeatable")
    rows: Path | None = parameter(
        None, "CSV or JSON file with one video per row; {FIELD} in an option or key is replaced by the row's value"
    )
    only: tuple[str, ...] = parameter(
        (),
        "Render only videos whose name, cover, animation or preset matches this pattern, such as 'reel*'; repeatable",
    )
    workers: int | None = parameter(
        None, "Number of videos to render at a time; default: depends on cores and memory", low=1, high=256
    )
    cluster: str | None = parameter(
        None, "Match and render on a Dask cluster: tcp://HOST:PORT, or local:N for N processes here", metavar="ADDRESS"
    )
    store: str | None = parameter(
        None, "Folder that all machines of a cluster share, or a URL such as s3://bucket/folder; default: in the cache",
        metavar="FOLDER",
    )  # fmt: skip
    resume: bool = parameter(True, "Skip videos that are up to date; --no-resume renders all of them again")
    fail_fast: bool = parameter(False, "Stop when the first video fails")
    skip_bad_rows: bool = parameter(False, "Skip rows with errors and render the others; the exit code is then 1")
    timeout: float = parameter(
        900.0, "Fail a video that makes no progress for this long, and render the others; not on a cluster",
        unit="seconds", low=1.0, high=86_400.0,
    )  # fmt: skip
    dry_run: bool = parameter(False, "Print which videos would be rendered and which are up to date, without rendering")


def batch_command() -> Command:
    """Return the command."""
    groups = {
        "Campaign": BatchOptions, "Presets": PresetOptions, "Tiles and matching": MatchSettings,
        "Picture": OutputSettings, "Title and logo": OverlaySettings, "Sound": SoundSettings, "File": FileSettings,
        "Output": BatchOutputOptions,
    }  # fmt: skip
    return Command(
        "batch", "Render many videos, from a campaign file or from --covers.", on_file(_batch),
        Argument("[FILE]", "Campaign file (TOML); not needed with --covers"), groups, has_short_help=True,
    )  # fmt: skip


def _batch(file: Path | None, values: dict[str, object]) -> int:
    from renderer.batch import BatchRequest, campaign_folder, plan_batch, read_campaign

    common, console = open_console(values)
    run = BatchOptions(**given(BatchOptions, values))
    own = {*parameters(OutputOptions), *parameters(BatchOptions), *parameters(PresetOptions)}
    request = BatchRequest(
        {key: values[name] for name, key in _KEYS.items() if values.get(name)},
        {name: value for name, value in values.items() if name not in own},
        draft=PresetOptions(**given(PresetOptions, values)).draft,
        skip_bad_rows=run.skip_bad_rows,
        format_command=format_command,
        command=_command(file, values),
    )
    campaign = read_campaign(file, request).only(run.only)
    with nullcontext() if run.dry_run else campaign_folder(campaign):
        batch = plan_batch(campaign, console, resume=run.resume, overwrite=common.overwrite)
        skipped = campaign.problems.bad_rows()
        if skipped:
            lines = [f"{counted(len(skipped), 'row')} skipped:", *campaign.problems.lines()]
            say("render: " + lines[0], *(f"  {line}" for line in lines[1:]), to=sys.stderr)
        if run.dry_run:
            return _print_plan(batch, skipped, common)
        return _print_summary(batch, _render(batch, run, common, console), skipped, common)


def _render(batch: Batch, run: BatchOptions, common: OutputOptions, console: Console) -> dict[str, Outcome]:
    """Render the videos that are due, and write the page."""
    from renderer.batch import PAGE, LocalPool, ThreadsPool, render_batch, worker_count, write_page
    from renderer.cluster import open_cluster

    if not batch.due:
        return {}
    try:
        with (
            open_cluster(run.cluster, run.store, console) as cluster,
            # Twice as many as are rendered at once: the others are matched, sent, joined or written.
            ThreadsPool(lambda: run.workers or 2 * cluster.slots(), cluster.match_photos, cluster)
            if cluster
            else LocalPool(run.workers or worker_count(len(batch.due))) as pool,
            BatchProgress(console, batch, pool.workers, run.timeout, shared=cluster is None) as observer,
        ):
            # On a cluster, a video may wait for a worker for long; what hangs there is done by another one.
            timeout = None if cluster else run.timeout
            outcomes = render_batch(batch, pool, observer, fail_fast=run.fail_fast, timeout=timeout)
    finally:
        write_page(batch.manifest)
    if common.open:
        show_file(batch.campaign.folder / PAGE)
    return outcomes


def _command(file: Path | None, values: Mapping[str, object]) -> tuple[Sequence[str], Mapping[str, object]]:
    """Return the words and values of the command that renders a campaign again, without local paths."""
    run = ("memory", "workers", "cluster", "store", "only", "resume", "fail_fast", "timeout", "dry_run")
    left_out = {*parameters(OutputOptions), *run} - {"output"}
    shared = {
        name: _without_folders(value) if isinstance(value, Path | tuple) else value
        for name, value in values.items()
        if name not in left_out
    }
    return ("batch", *([str(_without_folders(file))] if file else [])), {**shared, "resume": False}


def _without_folders(value: object) -> object:
    """Return a value without local paths: an absolute path becomes relative to the current folder, or its last part."""
    if isinstance(value, tuple):
        return tuple(map(_without_folders, value))
    if not isinstance(value, str | Path) or not Path(value).is_absolute():
        return str(value) if isinstance(value, Path) else value
    path = Path(value)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


def _print_plan(batch: Batch, skipped: Sequence[str], common: OutputOptions) -> int:
    """Print what would be rendered. Returns the exit code."""
    from renderer.job import Plan, plan_each

    rows: list[dict[str, Any]] = [{"output": str(task.job.path), "up_to_date": True} for task in batch.up_to_date]
    for task, plan in zip(batch.due, plan_each([task.job for task in batch.due]), strict=True):
        found = plan.as_json() if isinstance(plan, Plan) else {"error": task.origin.spelled(plan.text)}
        rows.append({**found, "output": str(task.job.path), "up_to_date": False})
    code = 1 if skipped or any("error" in row for row in rows) else 0
    if common.json:
        print_json({"videos": rows, "skipped": skipped})
        return code
    for row in rows:
        what = "up to date" if row["up_to_date"] else row.get("error") or (
            f"{row['width']}x{row['height']}, {counted(row['frames'], 'frame')}, about "
            f"{row['estimated_seconds']:.0f} s and {megabytes(row['estimated_bytes'])}"
        )  # fmt: skip
        say(f"{row['output']}: {what}")
    seconds = sum(row.get("estimated_seconds", 0) for row in rows)
    size = sum(row.get("estimated_bytes", 0) for row in rows)
    say(
        f"{counted(len(batch.due), 'video')} to render, about {seconds:.0f} s and {megabytes(size)}; "
        f"{len(batch.up_to_date)} up to date. Nothing was written (dry run)."
    )
    return code


def _print_summary(batch: Batch, outcomes: Mapping[str, Outcome], skipped: Sequence[str], common: OutputOptions) -> int:
    """Print the results. Returns the exit code."""
    from renderer.batch import PAGE

    failed = [task for task in batch.due if task.name in outcomes and outcomes[task.name].error]
    started = len(outcomes)
    if common.json:
        manifest = batch.manifest
        names = [manifest.key(task) for task in batch.campaign.tasks]
        videos = [manifest.entries[name] for name in names]
        print_json({"folder": str(manifest.folder), "videos": videos, "skipped": skipped})
    elif not common.quiet:
        parts = [f"{started - len(failed)} rendered", f"{len(batch.up_to_date)} up to date"]
        parts += [f"{len(failed)} failed"] if failed else []
        parts += [f"{len(batch.due) - started} not started"] if started < len(batch.due) else []
        parts += [f"{counted(len(skipped), 'row')} skipped"] if skipped else []
        page = f": {batch.campaign.folder / PAGE}" if outcomes else ""
        say(", ".join(parts) + page)
    for task in failed:
        say(f"render: {task.job.path}: {outcomes[task.name].error}", to=sys.stderr)
    return 1 if failed or skipped else 0


class BatchProgress:
    """The progress of a campaign: on a terminal, a table of running videos; elsewhere, a line per finished video."""

    def __init__(self, console: Console, batch: Batch, workers: int, timeout: float, *, shared: bool) -> None:
        """`shared`: whether the workers share the cores of this machine."""
        from renderer.batch import WORKER_MEMORY
        from renderer.cli.bars import batch_bars
        from renderer.cores import core_count

        self._console, self._total, self._done, self._timeout = console, len(batch.due), 0, timeout
        self._live = sys.stderr.isatty() and not console.quiet
        self._bars = batch_bars()
        self._all = self._bars.add_task(counted(self._total, "video"), total=self._total, stage="", unit="videos")
        self._rows: dict[str, TaskID] = {}
        skipped = f", {len(batch.up_to_date)} up to date" if batch.up_to_date else ""
        share = max(1, core_count() // workers)
        each = f", each with {counted(share, 'core')} and up to {WORKER_MEMORY / 1e9:.1f} GB of memory at 1080p"
        console.notice(
            f"{counted(self._total, 'video')} to render{skipped}: {workers} at a time{each if shared else ''}"
        )

    def __enter__(self) -> BatchProgress:
        if self._live:
            self._bars.start()
            self._console.bars = self._bars
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._console.bars = None
            self._bars.stop()

    def begin(self, name: str) -> ProgressRow:
        """Add a row for a video that starts."""
        self._rows[name] = self._bars.add_task(printable(name), total=None, stage="", unit="")
        return ProgressRow(self._bars, self._rows[name], self._console, name)

    def stalled(self, name: str, stage: str) -> None:
        """Print that a video makes no progress."""
        during = f" while {stage}" if stage else ""
        self._console.notice(
            f"{name}: no progress for a minute{during}; it fails after {self._timeout:g} seconds ({named('timeout')})"
        )

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        """Print the outcome of a video, and remove its row."""
        self._bars.remove_task(self._rows.pop(name))
        self._bars.advance(self._all, tasks)
        self._done += tasks
        size = f", {megabytes(outcome.bytes)}" if outcome.bytes else ""
        what = outcome.error or (f"{outcome.seconds:.1f} s{size}" if tasks else f"matched in {outcome.seconds:.1f} s")
        self._console.notice(f"[{self._done}/{self._total}] {name}: {what}")


class ProgressRow:
    """The `Progress` of one video, in its row."""

    def __init__(self, bars: Bars, row: TaskID, console: Console, name: str) -> None:
        self._bars, self._row, self._console, self._name = bars, row, console, name
        self._is_shown = False

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Show the progress of a stage, unless it is within another one."""
        if self._is_shown:
            yield lambda _units: None
            return
        self._bars.reset(self._row, total=total, stage=name, unit=unit)
        self._is_shown = True
        try:
            yield lambda units: self._bars.advance(self._row, units)
        finally:
            self._is_shown = False

    def notice(self, message: str) -> None:
        """Print a line, if --verbose is specified."""
        if self._console.verbose:
            self._console.notice(f"{self._name}: {message}")
