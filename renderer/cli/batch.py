"""`render batch`: many videos of one file."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cyclopts
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from renderer.cli.messages import Console, Rate, megabytes, show_file
from renderer.cli.options import OutputOptions, PresetOptions, add_command
from renderer.cli.terminal import as_option, printable, say
from renderer.messages import spelled
from renderer.overlay import OverlaySettings
from renderer.parameters import Validated, given, parameter, parameters, spell
from renderer.progress import Advance
from renderer.settings import FileSettings, OutputSettings
from renderer.sound import SoundSettings

if TYPE_CHECKING:
    from renderer.batch import Batch, Outcome

_KEYS: Final = {"covers": "cover", "animation": "animation", "preset": "preset", "output": "output", "rows": "rows"}
"""Options that stand in for keys of every job."""


@dataclass(frozen=True)
class BatchOptions(Validated):
    """What only a campaign takes."""

    covers: tuple[str, ...] = parameter((), "Covers, as paths or globs, instead of the file's; may be repeated")
    animation: tuple[str, ...] = parameter((), "Animations, instead of the file's; may be repeated")
    rows: Path | None = parameter(None, "A CSV or JSON file: a video a row, whose {fields} may be used everywhere")
    only: tuple[str, ...] = parameter(
        (), "Only videos whose name, cover, animation or preset is like this, such as 'reel*'; may be repeated"
    )
    workers: int | None = parameter(None, "Videos at once; default: as cores and memory allow", low=1, high=256)
    resume: bool = parameter(True, "Go on from the last run: what is up to date is left as it is")
    fail_fast: bool = parameter(False, "Stop at the first video that fails")
    skip_bad_rows: bool = parameter(False, "Render the other rows where some have problems; the exit code is 1 then")
    timeout: float = parameter(
        900.0, "A video that makes no progress for so long fails, and the others go on", unit="seconds", low=1.0,
        high=86_400.0,
    )  # fmt: skip
    dry_run: bool = parameter(False, "Only say what would be made, and what is up to date")


def add_batch(app: cyclopts.App, wanted: Collection[str]) -> None:
    """Register the command; its options are made only if it is among the words `wanted`."""
    from renderer.job import MatchSettings

    groups = {
        "Campaign": BatchOptions, "Presets": PresetOptions, "Tiles and matching": MatchSettings,
        "Picture": OutputSettings, "Title and logo": OverlaySettings, "Sound": SoundSettings, "File": FileSettings,
        "Output": OutputOptions,
    }  # fmt: skip
    add_command(
        app, "batch", "Render many videos: those of a campaign's file, or of --covers.", groups, _batch, wanted=wanted,
        takes=("file", "The campaign's TOML file; without one: --covers"),
    )  # fmt: skip


def _batch(file: Path | None, values: dict[str, object]) -> int:
    from renderer.batch import BatchRequest, campaign_folder, plan_batch, read_campaign

    common, run = OutputOptions(**given(OutputOptions, values)), BatchOptions(**given(BatchOptions, values))
    console = Console(quiet=common.quiet, verbose=common.verbose)
    own = {*parameters(OutputOptions), *parameters(BatchOptions), *parameters(PresetOptions)}
    request = BatchRequest(
        {key: values[name] for name, key in _KEYS.items() if values.get(name)},
        {name: value for name, value in values.items() if name not in own},
        draft=PresetOptions(**given(PresetOptions, values)).draft,
        skip_bad_rows=run.skip_bad_rows,
        format_command=_format_command,
        command=_command(file, values),
    )
    campaign = read_campaign(file, request).only(run.only)
    with nullcontext() if run.dry_run else campaign_folder(campaign):
        batch = plan_batch(campaign, console, resume=run.resume, overwrite=common.overwrite)
        skipped = campaign.problems.bad_rows()
        if skipped:
            lines = "\n  ".join([f"{_rows(len(skipped))} skipped:", *campaign.problems.lines()])
            sys.stderr.write(printable(f"render: {lines}\n", keep="\n"))
        if run.dry_run:
            return _tell_plan(batch, skipped, common)
        return _tell(batch, _render(batch, run, common, console), skipped, common)


def _render(batch: Batch, run: BatchOptions, common: OutputOptions, console: Console) -> dict[str, Outcome]:
    """Render what is due, and write the page."""
    from renderer.batch import PAGE, Processes, render_batch, worker_count, write_page

    if not batch.due:
        return {}
    workers = run.workers or worker_count(len(batch.due))
    try:
        with BatchProgress(console, batch, workers, run.timeout) as board, Processes(workers) as pool:
            outcomes = render_batch(batch, pool, board, fail_fast=run.fail_fast, timeout=run.timeout)
    finally:
        write_page(batch.manifest)
    if common.open:
        show_file(batch.campaign.folder / PAGE)
    return outcomes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _format_command(words: Sequence[str], values: Mapping[str, object]) -> str:
    """Return a command as a shell line."""
    line = ["render", *words]
    for name, value in values.items():
        if isinstance(value, bool):
            line.append(as_option(name, str(value)))
        elif isinstance(value, tuple) and all(isinstance(word, str) for word in value):
            line += [part for word in value for part in (as_option(name, None), word)]
        elif value is not None:
            line += [as_option(name, None), spell(value)]
    return shlex.join(line)


def _command(file: Path | None, values: Mapping[str, object]) -> tuple[Sequence[str], Mapping[str, object]]:
    """Return the words and values of the command that renders a campaign again, without local paths."""
    left_out = {*parameters(OutputOptions), "workers", "only", "resume", "fail_fast", "timeout", "dry_run"} - {"output"}
    shared = {name: _without_folders(value) for name, value in values.items() if name not in left_out}
    return ("batch", *([str(_without_folders(file))] if file else [])), {**shared, "resume": False}


def _without_folders(value: object) -> object:
    """Return a value without local paths: an absolute path becomes relative to the current folder, or its last part."""
    if isinstance(value, tuple):
        return tuple(map(_without_folders, value))
    if not isinstance(value, str | Path) or not Path(value).is_absolute():
        return str(value) if isinstance(value, Path) else value
    path = Path(value)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name)


def _tell_plan(batch: Batch, skipped: Sequence[str], common: OutputOptions) -> int:
    """What would be made; gives the exit code."""
    from renderer.job import Plan, plan_each

    rows: list[dict[str, Any]] = [{"output": str(task.job.path), "up_to_date": True} for task in batch.up_to_date]
    for task, plan in zip(batch.due, plan_each([task.job for task in batch.due]), strict=True):
        if isinstance(plan, Plan):
            result = plan.as_json()
        else:
            result = {"error": spelled(task.origin.spelled(plan.text), as_option)}
        rows.append({**result, "output": str(task.job.path), "up_to_date": False})
    code = 1 if skipped or any("error" in row for row in rows) else 0
    if common.json:
        say(json.dumps({"videos": rows, "skipped": skipped}))
        return code
    for row in rows:
        what = "up to date" if row["up_to_date"] else row.get("error") or (
            f"{row['width']}x{row['height']}, {row['frames']} frames, about {row['estimated_seconds']:.0f} s and "
            f"{megabytes(row['estimated_bytes'])}"
        )  # fmt: skip
        say(f"{row['output']}: {what}")
    seconds = sum(row.get("estimated_seconds", 0) for row in rows)
    size = sum(row.get("estimated_bytes", 0) for row in rows)
    say(
        f"{len(batch.due)} to render, about {seconds:.0f} s and {megabytes(size)}; {len(batch.up_to_date)} up to date. "
        "Nothing was made."
    )
    return code


def _tell(batch: Batch, outcomes: Mapping[str, Outcome], skipped: Sequence[str], common: OutputOptions) -> int:
    """The end of it; gives the exit code."""
    from renderer.batch import PAGE

    failed = [task for task in batch.due if task.name in outcomes and outcomes[task.name].error]
    begun = len(outcomes)
    if common.json:
        manifest = batch.manifest
        names = [manifest.key(task) for task in batch.campaign.tasks]
        videos = [manifest.entries[name] for name in names]
        say(json.dumps({"folder": str(manifest.folder), "videos": videos, "skipped": skipped}))
    elif not common.quiet:
        said = [f"{begun - len(failed)} rendered", f"{len(batch.up_to_date)} up to date"]
        said += [f"{len(failed)} failed"] if failed else []
        said += [f"{len(batch.due) - begun} not started"] if begun < len(batch.due) else []
        said += [f"{_rows(len(skipped))} skipped"] if skipped else []
        page = f": {batch.campaign.folder / PAGE}" if outcomes else ""
        say(", ".join(said) + page)
    for task in failed:
        say(f"render: {task.job.path}: {outcomes[task.name].error}", to=sys.stderr)
    return 1 if failed or skipped else 0


class BatchProgress:
    """A table of what is in hand, on a terminal; a line a video elsewhere."""

    def __init__(self, console: Console, batch: Batch, workers: int, timeout: float) -> None:
        self._console, self._total, self._done, self._timeout = console, len(batch.due), 0, timeout
        self._live = console.terminal.is_terminal and not console.quiet
        self._bars = Bars(
            TextColumn("{task.description}", markup=False), TextColumn("{task.fields[stage]}"), BarColumn(),
            MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn(), console=console.terminal,
            transient=True,
        )  # fmt: skip
        self._all = self._bars.add_task(f"{self._total} videos", total=self._total, stage="", unit="videos")
        self._rows: dict[str, TaskID] = {}
        from renderer.batch import MEMORY_A_WORKER
        from renderer.cores import core_count

        skipped = f", {len(batch.up_to_date)} up to date" if batch.up_to_date else ""
        share = max(1, core_count() // workers)
        console.notice(
            f"{self._total} videos to render{skipped}: {workers} at once, {share} core{'s' * (share > 1)} and up to "
            f"{MEMORY_A_WORKER / 1e9:.1f} GB each at 1080p"
        )

    def __enter__(self) -> BatchProgress:
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._bars.stop()

    def begin(self, name: str) -> ProgressRow:
        """A row for a video in hand."""
        self._rows[name] = self._bars.add_task(printable(name), total=None, stage="", unit="")
        return ProgressRow(self._bars, self._rows[name], self._console, name)

    def stalled(self, name: str, stage: str) -> None:
        """A line for a video that stands still."""
        during = f" while {stage}" if stage else ""
        limit = f"it fails after {self._timeout:g} seconds (--timeout)"
        self._console.notice(f"{name}: no progress for a minute{during}; {limit}")

    def end(self, name: str, outcome: Outcome, tasks: int) -> None:
        """Its line."""
        self._bars.remove_task(self._rows.pop(name))
        self._bars.advance(self._all, tasks)
        self._done += tasks
        size = f", {megabytes(outcome.bytes)}" if outcome.bytes else ""
        what = outcome.error or (f"{outcome.seconds:.1f} s{size}" if tasks else f"matched in {outcome.seconds:.1f} s")
        self._console.notice(f"[{self._done}/{self._total}] {name}: {what}")


class ProgressRow:
    """Progress of one video, in its row."""

    def __init__(self, bars: Bars, row: TaskID, console: Console, name: str) -> None:
        self._bars, self._row, self._console, self._name = bars, row, console, name

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Show a stage."""
        self._bars.reset(self._row, total=total, stage=name, unit=unit)
        yield lambda units: self._bars.advance(self._row, units)

    def notice(self, message: str) -> None:
        """One line, where all are asked for."""
        if self._console.verbose:
            self._console.notice(f"{self._name}: {message}")
