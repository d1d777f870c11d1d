"""Fingerprints of videos: a video is up to date as long as its fingerprint stays the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from renderer.batch.campaign import Task
from renderer.batch.problems import Problems
from renderer.cover_names import MadeCover, cover_name
from renderer.errors import RenderError
from renderer.formats import is_sequence, numbered
from renderer.input_files import is_file
from renderer.library import Archive, file_digest
from renderer.paths import expanded
from renderer.progress import Progress
from renderer.timeline import Show
from renderer.version import version
from renderer.video_job import VideoJob


@dataclass
class Inputs:
    """Digests of the files and photos that videos are made from, each computed once; this indexes the photos."""

    progress: Progress
    files: dict[Path, str] = field(default_factory=dict)
    photos: dict[object, str] = field(default_factory=dict)

    def file(self, path: Path) -> str:
        """Return a file's digest; empty if it can't be read, which is reported when the video is rendered."""
        path = expanded(path)
        if path not in self.files:
            try:
                self.files[path] = file_digest(path)
            except RenderError:
                self.files[path] = ""
        return self.files[path]

    def photo_set(self, job: VideoJob) -> str:
        """Index a job's photos and return their digest; empty if there are none. Raises InputError."""
        match = job.match
        key = (match.tiles, match.library_dir, match.crop, match.video_frames, match.faces)
        if key not in self.photos:
            with Archive(
                self.progress,
                library_dir=match.library_dir,
                crop=match.crop,
                video_frames=match.video_frames,
                faces=match.faces,
            ) as archive:
                keys = archive.open(match.tiles).photos.columns.key
                self.photos[key] = hashlib.blake2b(keys.tobytes(), digest_size=16).hexdigest() if len(keys) else ""
        return self.photos[key]

    def used_files(self, job: VideoJob) -> list[Path]:
        """Return the cover, if it is a file, and every other file that the job's settings name."""
        owners = (job.output, job.file, job.overlay, job.sound, job.animation)
        values = [getattr(owner, each.name) for owner in owners for each in fields(owner)]
        paths = [value for value in values if isinstance(value, Path)]
        paths += [Path(target) for target in job.animation.targets() if isinstance(target, str)]
        names = [cover_name(cover.name) for cover in job.animation.next_covers() if isinstance(cover.name, str)]
        paths += [name for name in names if isinstance(name, Path)]
        paths += [*job.match.cover_settings().files(), *map(Path, job.match.swaps().values())]
        cover = [job.cover] if isinstance(job.cover, Path) else []
        return [*cover, *(path for path in paths if is_file(expanded(path)))]

    def fingerprint(self, job: VideoJob) -> str:
        """Return a digest that is equal only for the same inputs, parameters and version. Raises InputError."""
        output = replace(job.output, memory=None)  # which changes no pixel
        made = job.cover if isinstance(job.cover, MadeCover) else None
        settings: Any = replace(job, cover=made, path=Path(), command="", overwrite=False, output=output)
        segments: Sequence[object] = (job.animation.segments,) if isinstance(job.animation, Show) else ()
        digests = [self.file(path) for path in self.used_files(job)]
        made_of = repr((version(), settings, segments, digests, self.photo_set(job)))
        return hashlib.blake2b(made_of.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def fingerprints(tasks: Sequence[Task], inputs: Inputs, problems: Problems) -> dict[str, str]:
    """Return the tasks' fingerprints by name; photos that can't be used become a problem."""
    found: dict[str, str] = {}
    for task in tasks:
        with problems.at(task.origin):
            found[task.name] = inputs.fingerprint(task.job)
    return found


def bytes_of(job: VideoJob) -> int:
    """Return the size of a job's video, or of all frames of a sequence; 0 if it is missing or incomplete."""
    numbers = job.resolved().selected_frames()
    paths = [numbered(job.path, number) for number in numbers] if is_sequence(job.path) else [job.path]
    try:
        return sum(path.stat().st_size for path in paths)
    except OSError:
        return 0
