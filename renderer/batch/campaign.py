"""A campaign: a TOML file, or what the command line says in its place, as a list of videos."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from renderer.batch.problems import Problems
from renderer.batch.tables import Asked, JobTable, Source
from renderer.errors import InputError
from renderer.files import expanded
from renderer.job import VideoJob
from renderer.names import is_like
from renderer.where import Where


@dataclass(frozen=True)
class Task:
    """One video of a campaign."""

    job: VideoJob
    name: str  # its file below the campaign's folder, without the ending
    place: str  # where it is written down, for messages
    fields: Mapping[str, str]  # what tells it from others: cover, animation, preset, its row, its sweep
    command: str  # that renders it again


@dataclass(frozen=True)
class Campaign:
    """The videos of a campaign, and the folder that all of them are in."""

    folder: Path
    tasks: Sequence[Task]

    def only(self, patterns: Sequence[str]) -> Campaign:
        """Those whose name, its last part, cover, animation or preset is like one of some patterns (`reel*`).

        Raises InputError if there are none.
        """

        def fits(task: Task) -> bool:
            own = [task.name, task.job.path.name, task.job.path.stem]
            own += [task.fields[key] for key in ("cover", "animation", "preset")]
            return any(is_like(name, pattern) for name in own for pattern in patterns)

        chosen = [task for task in self.tasks if fits(task)] if patterns else self.tasks
        if not chosen:
            raise InputError(f"--only {' '.join(patterns)} fits none of {len(self.tasks)} videos: --dry-run lists them")
        return replace(self, tasks=chosen)


def read_campaign(path: Path | None, asked: Asked) -> Campaign:
    """The videos of a campaign's file, or without one of what is asked. Raises InputError with every problem."""
    problems = Problems()
    if path is None:
        if not asked.keys.get("cover"):
            raise InputError("render batch needs a campaign's file, or --covers 'covers/*.jpg'")
        return _collect([{}], Source(Where("the command line", ""), {}, asked, problems))
    where, table = _read(path)
    for key in table:
        if key not in ("defaults", "job"):
            problems.add(f"{where.of(key)}: there is no {key}: a campaign has [defaults] and [[job]] tables")
    jobs, defaults = table.get("job", []), table.get("defaults", {})
    if not isinstance(jobs, list) or not isinstance(defaults, dict) or not all(isinstance(job, dict) for job in jobs):
        problems.add(f"{path}: jobs are written as [[job]], and what is common to all as [defaults]")
        problems.check()
    if not jobs:
        problems.add(f'{path} holds no [[job]]: add one, with cover = "covers/*.jpg"')
        problems.check()
    return _collect(jobs, Source(where, defaults, asked, problems))


def _read(path: Path) -> tuple[Where, dict[str, Any]]:
    try:
        text = expanded(path).read_text("utf-8")
        return Where(path, text), tomllib.loads(text)
    except OSError as error:
        raise InputError(f"the campaign {path} can't be read ({error.strerror})") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the campaign {path} is not TOML: {error}") from None


def _collect(jobs: Sequence[dict[str, Any]], source: Source) -> Campaign:
    tables = [JobTable(source, number, job) for number, job in enumerate(jobs)]
    videos = [video for table in tables for video in table.videos()]
    source.problems.check()
    try:
        folder = Path(os.path.commonpath([table.folder.absolute() for table in tables]))
    except ValueError:
        raise InputError("the outputs of a campaign are on several drives: give each drive a campaign") from None
    tasks = []
    for job, place, fields in videos:
        name = Path(os.path.relpath(job.path, folder)).with_suffix("").as_posix()
        command = f"{source.asked.command} --only {shlex.quote(name)}"
        written = f"render batch --only {shlex.quote(name)}"  # into the file, without paths of this machine
        tasks.append(Task(replace(job, command=written), name, place, fields, command))
    _note_clashes(tasks, source.problems)
    source.problems.check()
    return Campaign(folder, tasks)


def _note_clashes(tasks: Sequence[Task], problems: Problems) -> None:
    """Note files that two videos would be written to; systems that don't tell a from A count."""
    taken: dict[str, Task] = {}
    for task in tasks:
        for path in {task.job.path, *task.job.files()}:
            other = taken.setdefault(str(path.absolute()).casefold(), task)
            if other is not task:
                differing = [name for name, value in task.fields.items() if other.fields.get(name) != value]
                mend = f"add {{{differing[0]}}} to its output" if differing else "take one of them out"
                both = task.place if other.place == task.place else f"{other.place} and {task.place}"
                problems.add(f"{both}: two videos would be {path}: {mend}")
