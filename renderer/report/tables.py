"""The tables of a report: quality figures and settings, as text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from renderer.messages import as_key, named, spelled
from renderer.placement import JsonValue


class ReportRow(NamedTuple):
    """A row of a table."""

    name: str
    value: str
    meaning: str = ""


_FIGURES: Final = {
    "cells": ("Cells", "{:,}", "of the grid; each shows one photo"),
    "photos": ("Photos available", "{:,}", "that could be placed"),
    "distinct_photos": ("Photos used", "{:,}", "each counted once"),
    "most_uses": ("Most uses of one photo", "{:,}", f"the maximum is set by {named('max_uses')}"),
    "equal_neighbours": ("Equal neighbours", "{:,}", "pairs of adjacent cells that show the same photo; 0 is best"),
    "delta_e": (
        "Mean colour difference", "{:.1f} ΔE", "CIEDE2000 at viewing distance; 1 is just visible, 5 clearly visible",
    ),
    "delta_e_95": ("95th percentile of the colour difference", "{:.1f} ΔE", "95 % of the mosaic differs by less"),
    "ssim": ("Structural similarity", "{:.3f} SSIM", "of the grey pictures at viewing distance; 1 means identical"),
    "mean_gain": ("Contrast of the photos", "{:.0%}", f"of the original, on average; {named('tone', 0)} keeps 100 %"),
    "clipped": ("Clipped pixels", "{:.1%}", "of the photos that tone makes black or white in a channel"),
}  # fmt: skip
"""By the keys of a summary: label, format of the value, meaning."""


def figure_rows(figures: Mapping[str, JsonValue]) -> Iterator[ReportRow]:
    """Return the rows of the figures that have a value. figures: by the keys of a summary."""
    for name, (label, form, meaning) in _FIGURES.items():
        value = figures.get(name)
        if isinstance(value, int | float):
            yield ReportRow(label, form.format(value), spelled(meaning, as_key))


_OMITTED: Final = ("cover_digest", "mask_digest", "faces", "figures")  # not readable, or shown elsewhere in the report

_NOT_PARAMETERS: Final = {
    "cover": "cover",
    "cover_size": "width and height of the cover, in pixels",
    "grid": "columns and rows of the grid",
    "crop": "left, top, width and height of the visible part of the cover, as fractions",
    "limits": "maximum uses of a photo, and distance in cells between uses",
    "version": "version of mosaic-renderer",
}


def settings_rows(recipe: Mapping[str, JsonValue]) -> Iterator[ReportRow]:
    """Return the rows of a recipe. Parameters are named as in preset files."""
    for name, value in recipe.items():
        if name not in _OMITTED:
            yield ReportRow(_NOT_PARAMETERS.get(name, name), _text(value))


def _text(value: JsonValue) -> str:
    match value:
        case None:
            return "default"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(_text(item) for item in value)
        case dict():
            return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return str(value)


def rows(lines: Iterable[ReportRow]) -> str:
    """Return table rows as HTML."""
    return "\n".join(
        f'<tr><th scope="row">{html.escape(line.name)}</th><td>{html.escape(line.value)}</td>'
        + (f"<td>{html.escape(line.meaning)}</td>" if line.meaning else "")
        + "</tr>"
        for line in lines
    )
