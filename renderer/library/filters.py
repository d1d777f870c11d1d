"""Filtering the photos of a library by date and by path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from renderer.errors import InputError
from renderer.library.library import Library
from renderer.messages import named
from renderer.names import matches
from renderer.paths import expanded


@dataclass(frozen=True)
class Filter:
    """Conditions for photos. Dates are ISO 8601; the day, or the month and the day, may be omitted."""

    since: str | None = None
    until: str | None = None
    exclude: tuple[str, ...] = ()  # patterns of names and folders, as in `filtered`

    def __bool__(self) -> bool:
        return self != Filter()

    def __str__(self) -> str:
        """The parameters, as messages name them."""
        values = [("since", self.since), ("until", self.until), *(("exclude", pattern) for pattern in self.exclude)]
        return " ".join(named(parameter, value) for parameter, value in values if value)

    def includes_date(self, date: str) -> bool:
        """Return whether a time, ISO 8601, is not before `since` and not after `until`, at the precision of each."""
        return (self.since is None or date[: len(self.since)] >= self.since) and (
            self.until is None or date[: len(self.until)] <= self.until
        )


def filtered(library: Library, criteria: Filter, folders: Sequence[Path]) -> Library:
    """Return a library of the photos, and the skipped files, that meet the criteria.

    A pattern such as `screenshots`, `*.png` or `2019/*/draft-*` is compared, part by part, with a photo's name and its
    folders below the requested `folders`. A pattern that starts with the root or with ~ is compared with the whole
    path. A photo's date is its capture time, or else its file's modification time. Raises InputError if no photo is
    left.
    """
    patterns = [expanded(pattern) for pattern in criteria.exclude]
    if any(not pattern.parts for pattern in patterns):
        raise InputError(f"{named('exclude')} is empty: specify the name of a file or folder, or a pattern")
    relative = [pattern.parts for pattern in patterns if not pattern.is_absolute()]
    absolute = [pattern.parts for pattern in patterns if pattern.is_absolute()]
    above = {folder: len(folder.parts) for folder in folders}

    def is_excluded(path: Path) -> bool:
        below = path.parts[max((above[folder] for folder in path.parents if folder in above), default=-1) :]
        return any(_starts_with(path.parts, pattern) for pattern in absolute) or any(
            _starts_with(below[start:], pattern) for pattern in relative for start in range(len(below))
        )

    if criteria.since and criteria.until and criteria.until < criteria.since[: len(criteria.until)]:
        raise InputError(f"{named('until', criteria.until)} is before {named('since', criteria.since)}: swap the dates")
    dates = library.photos.dates()
    included = [criteria.includes_date(date) and not is_excluded(path) for path, date in dates]
    if dates and not any(included):
        days = sorted(date[:10] for _, date in dates)
        taken = f", taken from {days[0]} to {days[-1]}" if criteria.since or criteria.until else ""
        photos = "the only photo" if len(dates) == 1 else f"all {len(dates):,} photos"
        raise InputError(f"{criteria} excludes {photos}{taken}: relax the filter")
    result = library.take(np.flatnonzero(included))
    result.skipped = [item for item in library.skipped if not is_excluded(item.path)]
    return result


def _starts_with(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a path starts with a pattern; a part such as a[1].jpg also matches literally."""
    return len(parts) >= len(pattern) and all(map(matches, parts, pattern))
