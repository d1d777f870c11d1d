"""The manifest of a campaign: the inputs, settings and result of each video, from which a later run resumes."""

from __future__ import annotations

import json
import os
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, get_args

from renderer.batch.campaign import Task
from renderer.batch.fingerprints import Inputs, bytes_of
from renderer.batch.work import Outcome
from renderer.data_files import parse_json
from renderer.errors import FileError, InputError, MissingFileError
from renderer.ffmpeg import ffmpeg_path
from renderer.input_files import read_bytes
from renderer.messages import as_key, spelled
from renderer.output_files import new_file
from renderer.parameters import parameters
from renderer.paths import expanded
from renderer.version import version
from renderer.video_job import VideoJob, poster_frame

if TYPE_CHECKING:
    from renderer.placement import JsonValue

NAME: Final = "manifest.json"

_FORMAT: Final = "mosaic-renderer campaign 1"

_MAX_BYTES: Final = 256_000_000  # a video takes about 4 KB

State = Literal["waiting", "done", "failed"]

ManifestEntry: TypeAlias = "dict[str, JsonValue]"

_FIX: Final = "move it, or choose another output"

_SAVE_INTERVAL: Final = 20  # times as long as it takes to write the file

_MAX_NUMBER: Final = 1e12  # in a probe

_FIELDS: Final[dict[str, type | UnionType]] = {
    "output": str, "state": str, "error": str | None, "fingerprint": str, "seconds": int | float, "bytes": int,
    "probe": dict | None, "checks": list, "telling": int | float, "command": str,
}  # fmt: skip
"""The fields of an entry that later runs read, and their types; the others are for people."""


@dataclass
class Manifest:
    """What is known about each video in a folder, by its path relative to the folder."""

    folder: Path
    entries: dict[str, ManifestEntry]
    posters: dict[str, bytes] = field(default_factory=dict)  # of the videos made in this run, as small JPEGs
    _encoded: dict[str, str] = field(default_factory=dict)  # entries as JSON, since the last load
    _saved: tuple[float, float] = (0.0, 0.0)  # when it was saved last, and how many seconds that took

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a folder; empty if there is none. Raises InputError if the file is not a manifest."""
        path = folder / NAME
        try:
            content = parse_json(read_bytes(path, _MAX_BYTES))
            if content["format"] != _FORMAT or not isinstance(content["videos"], list):
                raise ValueError(content["format"])
        except MissingFileError:
            return cls(folder, {})
        except (FileError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is not a campaign manifest: {_FIX}") from None
        entries: dict[str, ManifestEntry] = {}
        for number, entry in enumerate(content["videos"], 1):
            if problem := _problem(entry):
                raise InputError(f"{path}, video {number}: {problem}: {_FIX}")
            entries[entry["output"]] = entry
        return cls(folder, entries)

    def save(self, *, at_once: bool = True) -> None:
        """Write the file atomically. Raises RenderError.

        `at_once`: if False, only if this takes less than a twentieth of the time since it was last done: the file of a
        large campaign has megabytes.
        """
        started = time.monotonic()
        last, took = self._saved
        if not at_once and started - last < _SAVE_INTERVAL * took:
            return
        head = {"format": _FORMAT, "version": version(), "ffmpeg": Path(ffmpeg_path()).name}
        texts = (
            self._encoded.get(output) or self._encoded.setdefault(output, _encode(self.entries[output]))
            for output in sorted(self.entries)
        )
        with new_file(self.folder / NAME, overwrite=True) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(head, indent=1).removesuffix("\n}") + ',\n "videos": [\n')
            file.write(",\n".join(texts))
            file.write("\n ]\n}\n")
        self._saved = time.monotonic(), time.monotonic() - started

    def key(self, task: Task) -> str:
        """Return the key of a task's entry."""
        return Path(task.job.path).absolute().relative_to(self.folder).as_posix()

    def is_ours(self, task: Task) -> bool:
        """Return whether an earlier run made the existing file of a task, and nobody has changed it since."""
        entry = self.entries.get(self.key(task))
        return entry is not None and (entry["state"] != "done" or entry["bytes"] == bytes_of(task.job))

    def is_up_to_date(self, task: Task, fingerprint: str) -> bool:
        """Return whether a task's video is complete, unchanged, and made from the current inputs and settings."""
        entry = self.entries.get(self.key(task))
        if entry is None or entry["state"] != "done" or entry["fingerprint"] != fingerprint:
            return False
        return entry["bytes"] == bytes_of(task.job) and all(path.is_file() for path in task.job.files())

    def record(
        self, task: Task, state: State, fingerprint: str, inputs: Inputs, outcome: Outcome | None = None
    ) -> None:
        """Record the state of a task, with its outcome if it has one."""
        job, outcome = task.job, outcome or Outcome()
        self._encoded.pop(self.key(task), None)
        self.posters[self.key(task)] = outcome.poster
        settings = dict(_settings(job.match, job.output, job.file, job.overlay, job.sound, job.animation))
        self.entries[self.key(task)] = {
            "output": self.key(task),
            "state": state,
            "error": _without_folders(spelled(outcome.error, as_key), job) or None,
            "fingerprint": fingerprint,
            "inputs": {str(path): inputs.file(path) for path in inputs.used_files(job)},
            "photos": inputs.photo_set(job),
            "fields": dict(task.fields),
            "settings": settings,
            "seed": job.output.seed,
            "match_seed": job.match.match_seed,
            "version": version(),
            "seconds": round(outcome.seconds, 3),
            "bytes": outcome.bytes,
            "peak_memory_bytes": outcome.peak_memory_bytes,
            "worker": outcome.worker or None,
            "segments": [segment.as_json() for segment in outcome.segments],
            "probe": _as_json(asdict(outcome.probe)) if outcome.probe else None,
            "checks": [_as_json(asdict(check)) for check in outcome.checks],
            "telling": poster_frame(job.animation, 101) / 100,
            "command": task.command,
        }


def _encode(entry: ManifestEntry) -> str:
    return textwrap.indent(json.dumps(entry, indent=1), "  ")


def _problem(entry: object) -> str:
    """Return what is wrong with an entry that was read; empty if it is valid."""
    if not isinstance(entry, dict):
        return "it is not an object"
    for name, kind in _FIELDS.items():
        if name not in entry:
            return f"it has no {name}"
        if not isinstance(entry[name], kind) or (isinstance(entry[name], bool)):
            return f"{name} is {json.dumps(entry[name])[:80]}"
    if entry["state"] not in get_args(State):
        return f"state is {json.dumps(entry['state'])}, which is not one of {', '.join(get_args(State))}"
    if not _is_below(entry["output"]):
        return f"output is {json.dumps(entry['output'])}, which is not a file in the folder"
    if not 0 <= entry["telling"] <= 1:
        return f"telling is {entry['telling']}, which is not from 0 to 1"
    for name in ("width", "height", "frames", "seconds") if entry["probe"] is not None else ():
        if not isinstance(value := entry["probe"].get(name), int | float) or not 0 <= value <= _MAX_NUMBER:
            return f"{name} of its probe is {json.dumps(value)[:80]}"
    if not all(isinstance(check, dict) and isinstance(check.get("kept"), bool) for check in entry["checks"]):
        return "one of its checks has no valid field 'kept'"
    return ""


def _is_below(output: str) -> bool:
    """Return whether a path leads to a file in the manifest's folder, on any system."""
    try:
        os.fsencode(output)
    except UnicodeEncodeError:
        return False
    path = PureWindowsPath(output)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in output


def _without_folders(text: str, job: VideoJob) -> str:
    """Return a message for the manifest and the page, which may be published: paths without this machine's folders."""
    cover = job.cover if isinstance(job.cover, Path) else None
    paths = [cover, job.path, job.overlay.logo, job.overlay.font, job.sound.music, *map(Path, job.match.tiles)]
    folders = [
        Path.cwd(),
        *(expanded(path).parent for path in paths if path is not None and expanded(path).is_absolute()),
    ]
    for folder in dict.fromkeys(folders):
        text = text.replace(f"{folder}{os.sep}", "")
    return text.replace(f"{expanded('~')}{os.sep}", f"~{os.sep}")


def _settings(*owners: object) -> Iterator[tuple[str, JsonValue]]:
    for owner in owners:
        for each in fields(cast("Any", owner)):
            if each.name in parameters(owner):
                yield each.name, _as_json(getattr(owner, each.name))


def _as_json(value: object) -> JsonValue:
    """Return a value in types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, Path | Fraction):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_json(each) for each in value]
    return cast("JsonValue", value)
