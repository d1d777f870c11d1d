"""What made a video, as one number: as long as it is the same, the video is up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from renderer.batch.campaign import Task
from renderer.batch.problems import Problems
from renderer.encoder import is_sequence, numbered
from renderer.errors import RenderError
from renderer.files import expanded, is_file
from renderer.job import VERSION, VideoJob
from renderer.library import Archive, file_digest
from renderer.progress import Progress
from renderer.timeline import Show


@dataclass
class Inputs:
    """Digests of what videos are made of, each taken once; indexing a set of photos is part of it."""

    progress: Progress
    files: dict[Path, str] = field(default_factory=dict)
    photos: dict[object, str] = field(default_factory=dict)

    def file(self, path: Path) -> str:
        """A file's digest; empty if it can't be read, which its video will tell."""
        path = expanded(path)
        if path not in self.files:
            try:
                self.files[path] = file_digest(path)
            except RenderError:
                self.files[path] = ""
        return self.files[path]

    def photo_set(self, job: VideoJob) -> str:
        """The digest of a job's photos, which are indexed now; empty if there are none. Raises InputError."""
        match = job.match
        key = (match.tiles, match.library_dir, match.crop, match.video_frames)
        if key not in self.photos:
            with Archive(
                self.progress, library_dir=match.library_dir, crop=match.crop, video_frames=match.video_frames
            ) as archive:
                keys = archive.open(match.tiles).photos.columns.key
                self.photos[key] = hashlib.blake2b(keys.tobytes(), digest_size=16).hexdigest() if len(keys) else ""
        return self.photos[key]

    def used_files(self, job: VideoJob) -> list[Path]:
        """The cover, and every other file that the job's settings name."""
        owners = (job.output, job.file, job.overlay, job.sound, job.animation)
        values = [getattr(owner, each.name) for owner in owners for each in fields(owner)]
        named = [value for value in values if isinstance(value, Path)]
        named += [Path(target) for target in job.animation.targets() if isinstance(target, str)]
        return [*([job.cover] if job.cover else []), *(path for path in named if is_file(expanded(path)))]

    def fingerprint(self, job: VideoJob) -> str:
        """Equal for the same inputs, parameters and version, and for nothing else. Raises InputError."""
        plain: Any = replace(job, cover=None, path=Path(), command="", overwrite=False)
        parts: Sequence[object] = (job.animation.segments,) if isinstance(job.animation, Show) else ()
        digests = [self.file(path) for path in self.used_files(job)]
        made_of = repr((VERSION, plain, parts, digests, self.photo_set(job)))
        return hashlib.blake2b(made_of.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def fingerprints(tasks: Sequence[Task], inputs: Inputs, problems: Problems) -> dict[str, str]:
    """Each task's fingerprint by its name; a set of photos that can't be used is noted."""
    found: dict[str, str] = {}
    for task in tasks:
        with problems.at(task.place):
            found[task.name] = inputs.fingerprint(task.job)
    return found


def bytes_of(job: VideoJob) -> int:
    """The size of a job's video, of a sequence all its frames together; 0 if it is not there, or not all of it."""
    paths = (
        [numbered(job.path, number) for number in job.resolved().selected_frames()]
        if is_sequence(job.path)
        else [job.path]
    )
    try:
        return sum(path.stat().st_size for path in paths)
    except OSError:
        return 0
