"""The manifest of a campaign: what was made of what, how, and what went wrong; a later run goes on from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from types import UnionType
from typing import Any, Final, Literal, cast, get_args

from renderer.batch.campaign import Task
from renderer.batch.uptodate import Inputs, bytes_of
from renderer.batch.work import Outcome
from renderer.data_files import parse_json
from renderer.encoder import ffmpeg_path
from renderer.errors import FileError, InputError, MissingFileError
from renderer.input_files import read_bytes
from renderer.job import VERSION, VideoJob, poster_frame
from renderer.output_files import new_file
from renderer.parameters import parameters
from renderer.paths import expanded
from renderer.placement import JsonValue

NAME: Final = "manifest.json"

_FORMAT: Final = "mosaic-renderer campaign 1"

_MAX_BYTES: Final = 256_000_000  # a video has about 4 KB

State = Literal["waiting", "done", "failed"]

ManifestEntry = dict[str, JsonValue]

_MEND: Final = "move it away, or give another output"

_MOST: Final = 1e12  # of any number of a probe

_FIELDS: Final[dict[str, type | UnionType]] = {
    "output": str, "state": str, "error": str | None, "fingerprint": str, "seconds": int | float, "bytes": int,
    "probe": dict | None, "checks": list, "telling": int | float, "command": str,
}  # fmt: skip
"""What of an entry is used again, and its type; the rest is for people."""


@dataclass
class Manifest:
    """What is known of every video in a folder, by its path below it."""

    folder: Path
    entries: dict[str, ManifestEntry]

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """That of a folder, or an empty one. Raises InputError for a file of this name that is something else."""
        path = folder / NAME
        try:
            content = parse_json(read_bytes(path, _MAX_BYTES))
            if content["format"] != _FORMAT or not isinstance(content["videos"], list):
                raise ValueError(content["format"])
        except MissingFileError:
            return cls(folder, {})
        except (FileError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is no manifest of a campaign: {_MEND}") from None
        entries: dict[str, ManifestEntry] = {}
        for number, entry in enumerate(content["videos"], 1):
            if wrong := _wrong(entry):
                raise InputError(f"{path}, video {number}: {wrong}: {_MEND}")
            entries[entry["output"]] = entry
        return cls(folder, entries)

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
            "error": _without_folders(outcome.error, job) or None,
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
            "telling": poster_frame(job.animation, 101) / 100,
            "command": task.command,
        }


def _wrong(entry: object) -> str:
    """What is wrong with an entry that was read; empty if nothing is."""
    if not isinstance(entry, dict):
        return "it is no object"
    for name, kind in _FIELDS.items():
        if name not in entry:
            return f"it has no {name}"
        if not isinstance(entry[name], kind) or (isinstance(entry[name], bool)):
            return f"{name} is {json.dumps(entry[name])[:80]}"
    if entry["state"] not in get_args(State):
        return f"its state is {entry['state']}, and there are {', '.join(get_args(State))}"
    if not _is_below(entry["output"]):
        return f"its output {json.dumps(entry['output'])} is no file in the folder"
    if not 0 <= entry["telling"] <= 1:
        return f"telling is {entry['telling']}, and no share from 0 to 1"
    for name in ("width", "height", "frames", "seconds") if entry["probe"] is not None else ():
        if not isinstance(value := entry["probe"].get(name), int | float) or not 0 <= value <= _MOST:
            return f"{name} of its probe is {json.dumps(value)[:80]}"
    if not all(isinstance(check, dict) and isinstance(check.get("kept"), bool) for check in entry["checks"]):
        return "one of its checks does not say whether it is kept"
    return ""


def _is_below(output: str) -> bool:
    """Whether a path is one below the manifest's folder, on any system."""
    try:
        os.fsencode(output)
    except UnicodeEncodeError:
        return False
    path = PureWindowsPath(output)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in output


def _without_folders(text: str, job: VideoJob) -> str:
    """A message as others may see it, on the page: files without the folders of this machine that they are in."""
    named = [job.cover, job.path, job.overlay.logo, job.overlay.font, job.sound.music, *map(Path, job.match.tiles)]
    folders = [
        Path.cwd(),
        *(expanded(path).parent for path in named if path is not None and expanded(path).is_absolute()),
    ]
    for folder in dict.fromkeys(folders):
        text = text.replace(f"{folder}{os.sep}", "")
    return text.replace(f"{expanded('~')}{os.sep}", f"~{os.sep}")


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
