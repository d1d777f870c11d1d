"""Progress bars and tables on the terminal, which rich draws. It is imported only where one of them is shown."""

from __future__ import annotations

from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from renderer.cli.terminal import MIN_COLUMNS, printable

__all__ = ["Bars", "Table", "Terminal", "batch_bars", "stage_bars"]


class Terminal(Console):
    """A console that interprets no markup and no emoji names, and is at least 40 columns wide."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Create a console for standard output or standard error. On standard error, the terminal wraps long lines."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=stderr)

    @property  # type: ignore[misc]  # read-only here
    def size(self) -> ConsoleDimensions:
        """Return the size of the terminal, at least `MIN_COLUMNS` wide."""
        columns, lines = super().size
        return ConsoleDimensions(max(columns, MIN_COLUMNS), lines)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text for `print` and tables, safe to print."""
        return super().render_str(printable(text, keep="\n"), **options)


class Rate(ProgressColumn):
    """Average speed, in units per second."""

    def render(self, task: Task) -> Text:
        """Return the speed as text; empty until it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f} {task.fields['unit']}/s" if speed else "")


def stage_bars() -> Bars:
    """Return the bar of a stage, on standard error; its task has a field `unit`."""
    return Bars(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(),
        TimeRemainingColumn(), console=Terminal(stderr=True), transient=True,
    )  # fmt: skip


def batch_bars() -> Bars:
    """Return the bars of a campaign, on standard error; its tasks have fields `stage` and `unit`."""
    return Bars(
        TextColumn("{task.description}", markup=False), TextColumn("{task.fields[stage]}"), BarColumn(),
        MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn(), console=Terminal(stderr=True),
        transient=True,
    )  # fmt: skip
