"""Progress, notices, questions and summaries of commands."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.budget import described
from renderer.cli.options import SIDE_FILES, OutputOptions
from renderer.cli.terminal import print_json, printable, say
from renderer.errors import InputError
from renderer.input_files import is_file
from renderer.messages import counted
from renderer.parameters import given

if TYPE_CHECKING:
    from renderer.cli.bars import Bars
    from renderer.job import Landing, Plan, Summary
    from renderer.placement import JsonValue
    from renderer.progress import Advance

_MOST_HIDDEN: Final = 1 / 3  # share of the photos

_LINE_SECONDS: Final = 10.0  # between progress lines where there is no terminal


class Console:
    """The `Progress` of a command, on standard error: bars on a terminal, lines elsewhere."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.bars: Bars | None = None  # those that are shown now, above which notices are printed

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Show the progress of a stage."""
        if self.quiet:
            yield lambda _units: None
        elif self.bars is not None:  # a stage within another one
            task = self.bars.add_task(name, total=total, unit=unit)
            try:
                yield partial(self.bars.advance, task)
            finally:
                self.bars.remove_task(task)
        elif sys.stderr.isatty():
            from renderer.cli.bars import stage_bars

            with stage_bars() as bars, self.showing(bars):
                task = bars.add_task(name, total=total, unit=unit)
                yield lambda units: bars.advance(task, units)
        else:
            yield self._lines(name, total, unit)

    @contextmanager
    def showing(self, bars: Bars) -> Iterator[None]:
        """Print notices above these bars."""
        before, self.bars = self.bars, bars
        try:
            yield
        finally:
            self.bars = before

    def _lines(self, name: str, total: int, unit: str) -> Advance:
        start = reported = time.monotonic()
        done = first = shown = 0

        def advance(units: int) -> None:
            nonlocal start, done, first, reported, shown
            now = time.monotonic()
            if not done:  # one-time work precedes the first units, or an earlier render made them
                start, first = now, units
            done += units
            if now - reported >= _LINE_SECONDS and done < total:
                left = ""
                if done > max(first, shown):  # otherwise it waits, and nobody knows how long
                    left = f", about {(now - start) / (done - first) * (total - done):.0f} s left"
                say(f"{name}: {done} of {total} {unit}{left}", to=sys.stderr)
                reported, shown = now, done

        return advance

    def notice(self, message: str) -> None:
        """Print one line for the user."""
        if not self.quiet:
            self.print(message)

    def print(self, message: str) -> None:
        """Print one line, even if notices are not wanted."""
        if self.bars is not None:
            self.bars.console.print(printable(message))
        else:
            say(message, to=sys.stderr)


def open_console(values: dict[str, object]) -> tuple[OutputOptions, Console]:
    """Return the output options of a command and its console."""
    common = OutputOptions(**given(OutputOptions, values))
    return common, Console(quiet=common.quiet, verbose=common.verbose)


def can_prompt() -> bool:
    """Return whether a user can answer questions: standard input and standard error are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_overwrite(files: Sequence[Path], values: Mapping[str, object], *, overwrite: bool) -> bool:
    """Return whether to overwrite existing files. On a terminal, ask about each; raise InputError if the answer is no.

    `values`: the options of the command, some of which name other files to write.
    """
    others = (values.get(name) for name in SIDE_FILES)
    existing = [file for file in (*files, *others) if isinstance(file, Path) and is_file(file)]
    if overwrite or not existing or not can_prompt():
        return overwrite
    for file in existing:
        sys.stderr.write(f"{printable(str(file))} exists. Overwrite it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise InputError(f"{file} was not overwritten: choose another name, or use -y to overwrite it")
    return True


def megabytes(count: float) -> str:
    """Return a number of bytes as text, in megabytes."""
    return f"{count / 1e6:.1f} MB"


def print_summaries(summaries: Sequence[Summary], common: OutputOptions, console: Console) -> None:
    """Print the results as one JSON object, or as a few lines each."""
    # Frames on standard output are read by another program.
    stream = sys.stderr if common.output is not None and _is_stdout(common.output) else sys.stdout
    if common.verbose:
        for item in summaries[0].mosaic.skipped:
            console.print(f"skipped {item.path}: {item.reason}")
    if common.json:
        results = [summary.as_json() for summary in summaries]
        print_json(results[0] if len(results) == 1 else {"videos": results}, to=stream)
    elif not common.quiet:
        for summary in summaries:
            say(*_file_lines(summary), *_landing_lines(summary.landings), to=stream)
        say(*_mosaic_lines(summaries[-1]), to=stream)
    if common.open:
        show_file(summaries[-1].output)


def _is_stdout(path: Path) -> bool:
    """Return whether a path means standard output: - or /dev/stdout."""
    try:
        return str(path) == "-" or os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # no such file, or standard output has no descriptor
        return False


def _file_lines(summary: Summary) -> Iterator[str]:
    """Yield lines about the written files, and the rules of the preset's platform that they break."""
    result = summary.as_json()
    length = f", {counted(summary.frames, 'frame')}, {result['duration']:.2f} s" if summary.frames else ""
    size = f", {megabytes(summary.bytes)}" if summary.bytes else ""
    seconds = f"{summary.seconds['total']:.1f} s"
    yield f"{summary.output}: {result['width']}x{result['height']}{length}{size}; rendered in {seconds}"
    if summary.poster is not None:
        yield f"{summary.poster}: poster frame"
    if summary.checks:
        broken = [check for check in summary.checks if not check.kept]
        yield f"{summary.preset}: {len(summary.checks) - len(broken)} of {len(summary.checks)} rules met"
        for check in broken:
            yield f"  {check.rule}: found {check.found}, required {check.asked}"


def _landing_lines(landings: Sequence[Landing]) -> Iterator[str]:
    """Yield a line about the photos on which a flight lands."""
    if landings:
        photos = (
            f"{each.name} ({each.size[0]}x{each.size[1]}, cell {each.cell[0]},{each.cell[1]})" for each in landings
        )
        yield f"Lands on {', then '.join(photos)}"


def _mosaic_lines(summary: Summary) -> Iterator[str]:
    """Yield lines about what the mosaic is made of, and how similar to the cover it is."""
    result = summary.as_json()
    offered = summary.mosaic.offered
    copies = len(offered.groups) - len(set(offered.groups.tolist()))
    same = f" ({counted(copies, 'duplicate')})" if copies else ""
    often = "each once" if result["most_uses"] == 1 else f"the most frequent {result['most_uses']} times"
    pairs = summary.mosaic.placement.equal_neighbours()
    few = {0: "no adjacent cells share", 1: "1 pair of adjacent cells shares"}
    repeats = few.get(pairs, f"{pairs} pairs of adjacent cells share")
    count, photos = len(summary.mosaic.placement), len(offered.photos)
    cells = counted(count, "cell")
    yield f"{cells}, {result['distinct_photos']} of {result['photos']} tiles used{same}, {often}; {repeats} a photo"
    hidden = photos - copies - len(summary.mosaic.library.photos)
    if summary.mosaic.has_choice and hidden > _MOST_HIDDEN * photos and count >= photos:
        yield f"{hidden} of {photos} photos are not shown: --use-all shows every photo"
    yield from rules_in_force(summary.recipe)
    yield from likeness(summary.recipe)


def likeness(recipe: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield lines about how similar to its cover a mosaic is, and how to improve it, from its recipe."""
    match recipe.get("figures"):
        case {"delta_e": float(mean), "delta_e_95": float(worst), "ssim": float(ssim), "mean_gain": float(gain)}:
            yield (
                f"Viewed from a distance: mean colour error {mean:.1f}, 95th percentile {worst:.1f} (CIEDE2000); "
                f"SSIM {ssim:.3f}; mean gain {gain:.2f}"
            )
    match recipe.get("figures"):
        case {"advice": str(advice)} if advice:
            yield from (sentence[0].upper() + sentence[1:] for sentence in advice.split("; ") if sentence)


def rules_in_force(recipe: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield a line about the repetition limits of a mosaic, from its recipe; defaults are marked."""
    match recipe.get("limits"):
        case {"uses": int(uses), "distance": int(distance)}:
            mark = {
                name: "" if recipe.get(name) is not None else " (default)" for name in ("max_uses", "repeat_distance")
            }
            if uses == 1:
                yield f"Each photo used at most once{'' if recipe.get('unique') else mark['max_uses']}"
                return
            often = "any number of times" if recipe.get("max_uses") == 0 else f"at most {uses} times"
            near = f"not twice within {counted(distance, 'cell')}" if distance else "at any distance"
            yield f"Each photo used {often}{mark['max_uses']}, {near}{mark['repeat_distance']}"


def print_plans(plans: Sequence[Plan], common: OutputOptions) -> None:
    """Print what would be rendered."""
    if common.json:
        results = [plan.as_json() for plan in plans]
        print_json(results[0] if len(results) == 1 else {"videos": results})
        return
    for plan in plans:
        length = f", {counted(plan.frames, 'frame')} at {float(plan.fps):g} fps" if plan.frames and plan.fps else ""
        tiles = counted(plan.photos, "tile file") if plan.photos else "no tile files"
        say(
            f"{plan.output}: {plan.size[0]}x{plan.size[1]}{length}, {counted(plan.cells, 'cell')}, {tiles}; "
            f"about {plan.seconds:.0f} s and {megabytes(plan.bytes)}. Nothing was written (dry run).",
            *_landing_lines(plan.landings),
        )
        if plan.budget is not None:
            say(described(plan.budget))


def show_file(path: Path) -> None:
    """Open a file with the platform's default program."""
    if sys.platform == "win32":
        os.startfile(path)
        return
    import subprocess

    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        subprocess.Popen([program, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        say(f"render: {path} can't be shown: {program} is not installed. Open the file yourself", to=sys.stderr)
