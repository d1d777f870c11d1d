"""What a command says while it works, and at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from renderer.cli.options import BESIDE, OutputOptions
from renderer.cli.terminal import Terminal, printable, say
from renderer.errors import InputError
from renderer.input_files import is_file
from renderer.parameters import given
from renderer.placement import JsonValue
from renderer.progress import Advance

if TYPE_CHECKING:
    from renderer.job import Plan, Summary

_LINE_SECONDS: Final = 10.0  # between progress lines where there is no terminal


class Rate(ProgressColumn):
    """Units a second of the work so far."""

    def render(self, task: Task) -> Text:
        """As text; empty until there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f} {task.fields['unit']}/s" if speed else "")


class Console:
    """What a command says while it works: bars on a terminal, lines elsewhere; all on standard error."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.terminal = Terminal(stderr=True)

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Show one stage of the work."""
        if self.quiet:
            yield lambda _units: None
        elif self.terminal.is_terminal:
            with Bars(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                Rate(), TimeRemainingColumn(), console=self.terminal, transient=True,
            ) as bars:  # fmt: skip
                task = bars.add_task(name, total=total, unit=unit)
                yield lambda units: bars.advance(task, units)
        else:
            yield self._lines(name, total, unit)

    def _lines(self, name: str, total: int, unit: str) -> Advance:
        begun = said = time.monotonic()
        done = 0

        def advance(units: int) -> None:
            nonlocal begun, done, said
            if not done:  # what came before the first unit is done once: compiling, filling caches
                begun = time.monotonic()
            done += units
            now = time.monotonic()
            if now - said >= _LINE_SECONDS and done < total:
                said = now
                left = (now - begun) / max(done - 1, 1) * (total - done)
                self.terminal.print(f"{name}: {done} of {total} {unit}, about {left:.0f} s left")

        return advance

    def notice(self, message: str) -> None:
        """One line that a user should know."""
        if not self.quiet:
            self.terminal.print(printable(message))


def open_console(values: dict[str, object]) -> tuple[OutputOptions, Console]:
    """What a command was told of its output, and who talks for it."""
    common = OutputOptions(**given(OutputOptions, values))
    return common, Console(quiet=common.quiet, verbose=common.verbose)


def can_prompt() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_overwrite(files: Sequence[Path], values: Mapping[str, object], *, overwrite: bool) -> bool:
    """Whether to overwrite files that exist: each asked for on a terminal; elsewhere only if told so before.

    `values`: a command's options, some of which name files that are written too.
    """
    beside = (values.get(name) for name in BESIDE)
    there = [file for file in (*files, *beside) if isinstance(file, Path) and is_file(file)]
    if overwrite or not there or not can_prompt():
        return overwrite
    for file in there:
        sys.stderr.write(f"{printable(str(file))} exists. Overwrite it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise InputError(f"{file} was left as it is: give another name, or -y to overwrite it")
    return True


def megabytes(count: float) -> str:
    """A number of bytes, as people read it."""
    return f"{count / 1e6:.1f} MB"


def print_summaries(summaries: Sequence[Summary], common: OutputOptions, console: Console) -> None:
    """The results: one JSON object, or a few words each."""
    # Frames that were written to standard output leave it to whoever reads them.
    said = sys.stderr if common.output is not None and _is_stdout(common.output) else sys.stdout
    if common.verbose:
        for item in summaries[0].mosaic.skipped:
            console.terminal.print(printable(f"skipped {item.path}: {item.reason}"))
    if common.json:
        results = [summary.as_json() for summary in summaries]
        say(json.dumps(results[0] if len(results) == 1 else {"videos": results}), to=said)
    elif not common.quiet:
        for summary in summaries:
            say(*_lines_of(summary), to=said)
        say(*_mosaic_lines(summaries[-1]), to=said)
    if common.open:
        show_file(summaries[-1].output)


def _is_stdout(path: Path) -> bool:
    """Whether a path names standard output: as -, or as /dev/stdout."""
    try:
        return str(path) == "-" or os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # no such file; or standard output has none
        return False


def _lines_of(summary: Summary) -> Iterator[str]:
    """What was written, and what its place asks for that it does not keep."""
    result = summary.as_json()
    length = f", {result['frames']} frames, {result['duration']:.2f} s" if summary.frames else ""
    size = f", {megabytes(summary.bytes)}" if summary.bytes else ""
    yield f"{summary.output}: {result['width']}x{result['height']}{length}{size}; {summary.seconds['total']:.1f} s"
    if summary.poster is not None:
        yield f"{summary.poster}: its poster"
    if summary.checks:
        broken = [check for check in summary.checks if not check.kept]
        yield f"{summary.preset}: {len(summary.checks) - len(broken)} of {len(summary.checks)} rules kept"
        for check in broken:
            yield f"  {check.rule}: {check.found}, asked is {check.asked}"


def _mosaic_lines(summary: Summary) -> Iterator[str]:
    """What the mosaic is made of, and how like the cover it is."""
    result = summary.as_json()
    offered = summary.mosaic.offered
    copies = len(offered.groups) - len(np.unique(offered.groups))
    same = f" ({copies} the same as another)" if copies else ""
    yield (
        f"{result['cells']} cells, {result['distinct_photos']} of {result['photos']} tiles placed{same}, "
        f"{'each once' if result['most_uses'] == 1 else 'one at most ' + str(result['most_uses']) + ' times'}, "
        f"{result['equal_neighbours']} equal neighbours"
    )
    yield from rules_in_force(summary.recipe)
    yield from likeness(summary.recipe)


def likeness(recipe: Mapping[str, JsonValue]) -> Iterator[str]:
    """How like its cover a mosaic is, and what its library lacks, as its recipe says."""
    match recipe.get("figures"):
        case {"delta_e": float(mean), "delta_e_95": float(worst), "ssim": float(ssim), "mean_gain": float(gain)}:
            yield (
                f"seen from afar: colours off by {mean:.1f} on average, {worst:.1f} at the 95th percentile "
                f"(CIEDE2000), SSIM {ssim:.3f}, mean gain {gain:.2f}"
            )
    match recipe.get("figures"):
        case {"advice": str(advice)} if advice:
            yield advice


def rules_in_force(recipe: Mapping[str, JsonValue]) -> Iterator[str]:
    """How often and how near itself a photo may be, as the map was matched, and what of it follows from the sizes."""
    match recipe.get("limits"):
        case {"uses": int(uses), "distance": int(distance)}:
            chosen = {
                name: "" if recipe.get(name) is not None else " (default)" for name in ("max_uses", "repeat_distance")
            }
            often = f"a photo at most {uses} times" if recipe.get("max_uses") != 0 else "a photo any number of times"
            near = f"not twice within {distance} cells" if distance else "at any distance"
            if uses == 1:
                yield f"{often}{'' if recipe.get('unique') else chosen['max_uses']}"
            else:
                yield f"{often}{chosen['max_uses']}, {near}{chosen['repeat_distance']}"


def print_plans(plans: Sequence[Plan], common: OutputOptions) -> None:
    """What would be made."""
    if common.json:
        results = [plan.as_json() for plan in plans]
        say(json.dumps(results[0] if len(results) == 1 else {"videos": results}))
        return
    for plan in plans:
        length = f", {plan.frames} frames at {float(plan.fps):g} a second" if plan.fps else ""
        tiles = f"{plan.photos} files as tiles" if plan.photos else "no files as tiles"
        say(
            f"{plan.output}: {plan.size[0]}x{plan.size[1]}{length}, {plan.cells} cells, {tiles}; "
            f"about {plan.seconds:.0f} s and {megabytes(plan.bytes)}. Nothing was made."
        )


def show_file(path: Path) -> None:
    """Open a file with what the platform shows it with."""
    if sys.platform == "win32":
        os.startfile(path)
        return
    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        subprocess.Popen([program, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        say(f"render: there is no {program} here to show {path} with: open it by hand", to=sys.stderr)
