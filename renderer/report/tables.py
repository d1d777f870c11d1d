"""What a report says of figures and settings, in words."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from renderer.placement import JsonValue


class ReportRow(NamedTuple):
    """A line of a table."""

    name: str
    value: str
    meaning: str = ""


_FIGURES: Final = {
    "cells": ("Cells", "{:,}", "squares that the cover is cut into; each shows a photo"),
    "photos": ("Photos offered", "{:,}", "that could have been placed"),
    "distinct_photos": ("Photos placed", "{:,}", "different ones, however often each is seen"),
    "most_uses": ("Most uses of one photo", "{:,}", "--max-uses sets how often one may be seen"),
    "equal_neighbours": ("Equal neighbours", "{:,} pairs", "of cells side by side that show the same photo; 0 is best"),
    "delta_e": ("Colours off by, on average", "{:.1f} ΔE", "CIEDE2000, from afar; 1 is just visible, 5 clearly so"),
    "delta_e_95": ("Colours off by, where it is worst", "{:.1f} ΔE", "95 % of the mosaic are nearer to the cover"),
    "ssim": ("Shapes kept", "{:.3f} SSIM", "structural similarity of the lightness, from afar; 1 is equal"),
    "mean_gain": ("Contrast of the photos", "{:.0%}", "of their own, on average; --tone 0 leaves them as they are"),
}  # fmt: skip
"""By the names of a summary: a label, how the value is written, what it means."""


def figure_rows(figures: Mapping[str, JsonValue]) -> Iterator[ReportRow]:
    """The figures that have a value, in words."""
    for name, (label, form, meaning) in _FIGURES.items():
        value = figures.get(name)
        if isinstance(value, int | float):
            yield ReportRow(label, form.format(value), meaning)


_UNSAID: Final = ("cover_digest", "faces", "figures")  # tables of numbers, or said elsewhere

_NOT_OPTIONS: Final = {
    "cover": "cover",
    "cover_size": "the cover's width and height, pixels",
    "grid": "usual cells across and down",
    "crop": "left, top, width and height of the part of the cover that is shown",
    "limits": "the rules in force: uses of a photo, and cells between them",
    "version": "version of mosaic-renderer",
}


def settings_rows(recipe: Mapping[str, JsonValue]) -> Iterator[ReportRow]:
    """What the mosaic was made with, as its map records it; options by the names that they are given by."""
    for name, value in recipe.items():
        if name not in _UNSAID:
            yield ReportRow(_NOT_OPTIONS.get(name) or f"--{name.replace('_', '-')}", _say(value))


def _say(value: JsonValue) -> str:
    match value:
        case None:
            return "default"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(_say(item) for item in value)
        case dict():
            return ", ".join(f"{name} {_say(item)}" for name, item in value.items())
    return str(value)


def rows(lines: Iterable[ReportRow]) -> str:
    """Rows of a table of HTML."""
    return "\n".join(
        f'<tr><th scope="row">{html.escape(line.name)}</th><td>{html.escape(line.value)}</td>'
        + (f"<td>{html.escape(line.meaning)}</td>" if line.meaning else "")
        + "</tr>"
        for line in lines
    )
