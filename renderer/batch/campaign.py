"""Read a campaign into a list of videos, from a TOML file or from a request alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from renderer.batch.problems import Origin, Problems
from renderer.batch.tables import BatchRequest, CampaignSource, JobTable
from renderer.data_files import read_toml
from renderer.errors import InputError
from renderer.messages import named
from renderer.names import matches
from renderer.paths import expanded
from renderer.toml_positions import TomlPositions
from renderer.video_job import VideoJob


@dataclass(frozen=True)
class Task:
    """One video of a campaign."""

    job: VideoJob
    name: str  # path of its file relative to the campaign's folder, without the extension
    origin: Origin
    fields: Mapping[str, str]  # that distinguish it from others: cover, animation, preset, its row, its sweep
    command: str  # renders it again


@dataclass(frozen=True)
class Campaign:
    """The videos of a campaign, and the folder that contains them all."""

    folder: Path
    tasks: Sequence[Task]
    problems: Problems  # of skipped rows; problems found later are added here too

    def only(self, patterns: Sequence[str]) -> Campaign:
        """Select the videos whose name, last part of it, cover, animation or preset matches a pattern such as `reel*`.

        Raises InputError if there are none.
        """

        def is_selected(task: Task) -> bool:
            own = [task.name, task.job.path.name, task.job.path.stem]
            own += [task.fields[key] for key in ("cover", "animation", "preset")]
            return any(matches(name, pattern) for name in own for pattern in patterns)

        selected = [task for task in self.tasks if is_selected(task)] if patterns else self.tasks
        if not selected:
            raise InputError(
                f"{named('only', ' '.join(patterns))} matches none of {len(self.tasks)} videos: "
                f"{named('dry_run', True)} lists them"
            )
        return replace(self, tasks=selected)


def read_campaign(path: Path | None, request: BatchRequest) -> Campaign:
    """Return the videos of a campaign file, or of the request alone. Raises InputError with all problems."""
    problems = Problems(request.skip_bad_rows)
    if path is None:
        if not request.keys.get("cover"):
            raise InputError(f"A campaign needs a file, or {named('covers')} such as 'covers/*.jpg'")
        return _collect([{}], CampaignSource(TomlPositions("", ""), {}, request, problems))
    table, positions = read_toml(expanded(path), f"the campaign {path}")
    for key in table:
        if key not in ("defaults", "job"):
            problems.add(f"there is no {key}: a campaign has [defaults] and [[job]] tables", Origin(positions.of(key)))
    jobs, defaults = table.get("job", []), table.get("defaults", {})
    if not isinstance(jobs, list) or not isinstance(defaults, dict) or not all(isinstance(job, dict) for job in jobs):
        problems.add("jobs must be [[job]] tables, and their common keys a [defaults] table", Origin(str(path)))
        problems.check()
    if not jobs:
        problems.add('there is no [[job]]: add one, with cover = "covers/*.jpg"', Origin(str(path)))
        problems.check()
    return _collect(jobs, CampaignSource(positions, defaults, request, problems))


def _collect(jobs: Sequence[dict[str, Any]], source: CampaignSource) -> Campaign:
    tables = [JobTable(source, number, job) for number, job in enumerate(jobs)]
    videos = [video for table in tables for video in table.videos()]
    videos = source.problems.without_bad_rows(videos, lambda video: video[1].row)
    try:
        folder = Path(os.path.commonpath([table.folder.absolute() for table in tables]))
    except ValueError:
        raise InputError("The outputs of the campaign are on several drives: use one campaign per drive") from None
    tasks = []
    for job, origin, fields in videos:
        name = Path(os.path.relpath(job.path, folder)).with_suffix("").as_posix()
        job = replace(job, command=source.request.short_command(name))
        tasks.append(Task(job, name, origin, fields, source.request.video_command(name)))
    _find_clashes(tasks, source.problems)
    tasks = source.problems.without_bad_rows(tasks, lambda task: task.origin.row)
    source.problems.check()
    return Campaign(folder, tasks, source.problems)


def _find_clashes(tasks: Sequence[Task], problems: Problems) -> None:
    """Add a problem for each file that two videos would write; case is ignored, as on some systems."""
    taken: dict[str, Task] = {}
    for task in tasks:
        for path in {task.job.path, *task.job.files()}:
            other = taken.setdefault(str(path.absolute()).casefold(), task)
            if other is not task:
                differing = [name for name, value in task.fields.items() if other.fields.get(name) != value]
                fix = f"add {{{differing[0]}}} to its output" if differing else "remove one of them"
                for one in (other, task):
                    problems.add(f"two videos would be written to {path}: {fix}", one.origin)
