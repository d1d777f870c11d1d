"""Which photos of a library are wanted: by when they were taken, and by where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from renderer.errors import InputError
from renderer.library.library import Library
from renderer.names import is_like
from renderer.paths import expanded


@dataclass(frozen=True)
class Filter:
    """What photos must be, to be wanted; days are ISO 8601, of which the month or the day may be missing."""

    since: str | None = None
    until: str | None = None
    exclude: tuple[str, ...] = ()  # patterns of names and folders, as `filtered` reads them

    def __bool__(self) -> bool:
        return self != Filter()

    def __str__(self) -> str:
        """As it was asked for on the command line."""
        asked = [f"--exclude {pattern}" for pattern in self.exclude]
        days = (("--since", self.since), ("--until", self.until))
        return " ".join([*(f"{option} {day}" for option, day in days if day), *asked])

    def is_in_time(self, taken: str) -> bool:
        """Whether a moment, ISO 8601, is not before `since` and not after `until`, however much of each is given."""
        return (self.since is None or taken[: len(self.since)] >= self.since) and (
            self.until is None or taken[: len(self.until)] <= self.until
        )


def filtered(library: Library, wanted: Filter, folders: Sequence[Path]) -> Library:
    """A library of those photos alone that are wanted, and of those skipped files that would be.

    A pattern such as `screenshots`, `*.png` or `2019/*/draft-*` is compared, part by part, with a photo's name and the
    folders that it is in below those that were asked for (`folders`); one that begins at the root or with ~, with the
    whole path. A photo was taken when its camera noted, or else when its file was last changed. Raises InputError if
    no photo is left.
    """
    patterns = [expanded(pattern) for pattern in wanted.exclude]
    if any(not pattern.parts for pattern in patterns):
        raise InputError("--exclude names nothing: give the name of a file or folder, or a pattern")
    anywhere = [pattern.parts for pattern in patterns if not pattern.is_absolute()]
    absolute = [pattern.parts for pattern in patterns if pattern.is_absolute()]
    above = {folder: len(folder.parts) for folder in folders}

    def is_excluded(path: Path) -> bool:
        below = path.parts[max((above[folder] for folder in path.parents if folder in above), default=-1) :]
        return any(_begins(path.parts, pattern) for pattern in absolute) or any(
            _begins(below[start:], pattern) for pattern in anywhere for start in range(len(below))
        )

    if wanted.since and wanted.until and wanted.until < wanted.since[: len(wanted.until)]:
        raise InputError(f"--until {wanted.until} is before --since {wanted.since}: no photo was taken then")
    facts = library.photos.taken()
    kept = [wanted.is_in_time(taken) and not is_excluded(path) for path, taken in facts]
    if facts and not any(kept):
        days = sorted(taken[:10] for _, taken in facts)
        when = f", which were taken from {days[0]} to {days[-1]}" if wanted.since or wanted.until else ""
        raise InputError(f"{wanted} leaves none of {len(facts)} photos{when}: ask for less")
    left = library.take(np.flatnonzero(kept))
    left.skipped = [item for item in library.skipped if not is_excluded(item.path)]
    return left


def _begins(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path begins with a pattern, whose signs may also be meant as they are, as in a[1].jpg."""
    return len(parts) >= len(pattern) and all(map(is_like, parts, pattern))
