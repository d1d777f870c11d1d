"""A campaign: a TOML file, or what the command line says in its place, as a list of videos."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from renderer.batch.problems import Place, Problems
from renderer.batch.tables import BatchRequest, CampaignSource, JobTable
from renderer.data_files import read_toml
from renderer.errors import InputError
from renderer.job import VideoJob
from renderer.names import matches
from renderer.paths import expanded
from renderer.toml_positions import TomlPositions


@dataclass(frozen=True)
class Task:
    """One video of a campaign."""

    job: VideoJob
    name: str  # its file below the campaign's folder, without the ending
    place: Place  # where it is written down, for messages
    fields: Mapping[str, str]  # what tells it from others: cover, animation, preset, its row, its sweep
    command: str  # that renders it again


@dataclass(frozen=True)
class Campaign:
    """The videos of a campaign, and the folder that all of them are in."""

    folder: Path
    tasks: Sequence[Task]
    problems: Problems  # of rows that are skipped; what is found later is noted here too

    def only(self, patterns: Sequence[str]) -> Campaign:
        """Those whose name, its last part, cover, animation or preset is like one of some patterns (`reel*`).

        Raises InputError if there are none.
        """

        def fits(task: Task) -> bool:
            own = [task.name, task.job.path.name, task.job.path.stem]
            own += [task.fields[key] for key in ("cover", "animation", "preset")]
            return any(matches(name, pattern) for name in own for pattern in patterns)

        chosen = [task for task in self.tasks if fits(task)] if patterns else self.tasks
        if not chosen:
            raise InputError(f"--only {' '.join(patterns)} fits none of {len(self.tasks)} videos: --dry-run lists them")
        return replace(self, tasks=chosen)


def read_campaign(path: Path | None, asked: BatchRequest) -> Campaign:
    """The videos of a campaign's file, or without one of what is asked. Raises InputError with every problem."""
    problems = Problems(asked.skip_bad_rows)
    if path is None:
        if not asked.keys.get("cover"):
            raise InputError("render batch needs a campaign's file, or --covers 'covers/*.jpg'")
        return _collect([{}], CampaignSource(TomlPositions("the command line", ""), {}, asked, problems))
    table, where = read_toml(expanded(path), f"the campaign {path}")
    for key in table:
        if key not in ("defaults", "job"):
            problems.add(f"there is no {key}: a campaign has [defaults] and [[job]] tables", where.of(key))
    jobs, defaults = table.get("job", []), table.get("defaults", {})
    if not isinstance(jobs, list) or not isinstance(defaults, dict) or not all(isinstance(job, dict) for job in jobs):
        problems.add("jobs are written as [[job]], and what is common to all as [defaults]", str(path))
        problems.check()
    if not jobs:
        problems.add(f'{path} holds no [[job]]: add one, with cover = "covers/*.jpg"')
        problems.check()
    return _collect(jobs, CampaignSource(where, defaults, asked, problems))


def _collect(jobs: Sequence[dict[str, Any]], source: CampaignSource) -> Campaign:
    tables = [JobTable(source, number, job) for number, job in enumerate(jobs)]
    videos = [video for table in tables for video in table.videos()]
    videos = source.problems.without_bad_rows(videos, lambda video: video[1].row)
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
    tasks = source.problems.without_bad_rows(tasks, lambda task: task.place.row)
    source.problems.check()
    return Campaign(folder, tasks, source.problems)


def _note_clashes(tasks: Sequence[Task], problems: Problems) -> None:
    """Note files that two videos would be written to; systems that don't tell a from A count."""
    taken: dict[str, Task] = {}
    for task in tasks:
        for path in {task.job.path, *task.job.files()}:
            other = taken.setdefault(str(path.absolute()).casefold(), task)
            if other is not task:
                differing = [name for name, value in task.fields.items() if other.fields.get(name) != value]
                fix = f"add {{{differing[0]}}} to its output" if differing else "take one of them out"
                for one in (other, task):
                    problems.add(f"two videos would be {path}: {fix}", one.place)
