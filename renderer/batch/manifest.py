"""The manifest of a campaign: what was made of what, how, and what went wrong; a later run goes on from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, cast

from renderer.batch.campaign import Task
from renderer.batch.uptodate import Inputs, bytes_of
from renderer.batch.work import Outcome
from renderer.encoder import ffmpeg_path
from renderer.errors import InputError
from renderer.files import new_file
from renderer.job import VERSION, telling_frame
from renderer.parameters import parameters
from renderer.placement import JsonValue

NAME: Final = "manifest.json"

_FORMAT: Final = "mosaic-renderer campaign 1"

State = Literal["waiting", "done", "failed"]

Entry = dict[str, JsonValue]


@dataclass
class Manifest:
    """What is known of every video in a folder, by its path below it."""

    folder: Path
    entries: dict[str, Entry]

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """That of a folder, or an empty one. Raises InputError for a file of this name that is something else."""
        path = folder / NAME
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(content["format"])
            return cls(folder, {str(entry["output"]): entry for entry in content["videos"]})
        except FileNotFoundError:
            return cls(folder, {})
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is no manifest of a campaign: move it away, or give another output") from None

    def save(self) -> None:
        """Write it, whole or not at all. Raises RenderError."""
        content = {
            "format": _FORMAT, "version": VERSION, "ffmpeg": Path(ffmpeg_path()).name,
            "videos": [self.entries[output] for output in sorted(self.entries)],
        }  # fmt: skip
        with new_file(self.folder / NAME, overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def key(self, task: Task) -> str:
        """What a task's entry is found by."""
        return Path(task.job.path).absolute().relative_to(self.folder).as_posix()

    def is_ours(self, task: Task) -> bool:
        """Whether a file that is there already was made by a run before, and not changed since."""
        entry = self.entries.get(self.key(task))
        return entry is not None and (entry["state"] != "done" or entry["bytes"] == bytes_of(task.job))

    def is_up_to_date(self, task: Task, fingerprint: str) -> bool:
        """Whether a task's video is whole, unchanged, and made of what it would be made of now."""
        entry = self.entries.get(self.key(task))
        if entry is None or entry["state"] != "done" or entry["fingerprint"] != fingerprint:
            return False
        return entry["bytes"] == bytes_of(task.job) and all(path.is_file() for path in task.job.files())

    def note(self, task: Task, state: State, fingerprint: str, inputs: Inputs, outcome: Outcome | None = None) -> None:
        """Write down what is known of a task."""
        job, outcome = task.job, outcome or Outcome()
        settings = dict(_settings(job.match, job.output, job.file, job.overlay, job.sound, job.animation))
        self.entries[self.key(task)] = {
            "output": self.key(task),
            "state": state,
            "error": outcome.error or None,
            "fingerprint": fingerprint,
            "inputs": {str(path): inputs.file(path) for path in inputs.used_files(job)},
            "photos": inputs.photo_set(job),
            "fields": dict(task.fields),
            "settings": settings,
            "seed": job.output.seed,
            "match_seed": job.match.match_seed,
            "version": VERSION,
            "seconds": round(outcome.seconds, 3),
            "bytes": outcome.bytes,
            "peak_memory_bytes": outcome.peak_memory_bytes,
            "probe": _plain(asdict(outcome.probe)) if outcome.probe else None,
            "checks": [_plain(asdict(check)) for check in outcome.checks],
            "telling": telling_frame(job.animation, 101) / 100,
            "command": task.command,
        }


def _settings(*owners: object) -> Iterator[tuple[str, JsonValue]]:
    for owner in owners:
        for each in fields(cast("Any", owner)):
            if each.name in parameters(owner):
                yield each.name, _plain(getattr(owner, each.name))


def _plain(value: object) -> JsonValue:
    """A value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Path | Fraction):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return cast("JsonValue", value)
