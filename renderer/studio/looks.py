"""Looks: everything that decides about a video, as the page edits it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from renderer.batch.names import field_names
from renderer.cover_names import CoverName
from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import checked_fields, parameters, read_values, suggestion
from renderer.plugins import load_animation
from renderer.preset import SETTINGS, Preset, load_preset, with_preset
from renderer.scene import Animation
from renderer.settings import WRITTEN_FILES
from renderer.studio.controls import values_as_json
from renderer.timeline import Entry, Show, joined_entries, timeline_entries
from renderer.video_job import VideoJob, count_frames, mosaic_key

_FILE: Final = Path("studio.mp4")  # a name for what has none yet


@dataclass(frozen=True)
class Look:
    """An animation of a cover, with the parameters that are neither at their defaults nor those of a preset."""

    cover: CoverName | None
    animation: str
    values: Mapping[str, Any]  # by parameter, converted
    preset: str = ""

    def __post_init__(self) -> None:
        """Raise InputError for a parameter that would write a file whenever the look is shown."""
        for name in WRITTEN_FILES:
            if name in self.values:
                raise InputError(f"{named(name)} is not possible in the studio: add it to the command that it tells")

    @classmethod
    def read(cls, cover: CoverName | None, table: object) -> Look:
        """Read a look from JSON: `{"animation": "zoom", "values": {"duration": 8}, "preset": "reel"}`.

        A timeline may be a list of entries, as `entries` returns. Raises InputError.
        """
        match table:
            case {"animation": str(name), "values": dict(written), **others}:
                kind, preset = load_animation(name), str(others.get("preset") or "")
            case _:
                raise InputError("this is not a look: it needs an animation and values")
        values: dict[str, Any] = {}
        for key, value in written.items():
            if key == "timeline" and isinstance(value, list):
                value = ", ".join(map(str, joined_entries([_entry(each) for each in value])))
            owner = next((owner for owner in (kind, *SETTINGS) if key in parameters(owner)), None)
            if owner is None:
                known = [each for owner in (kind, *SETTINGS) for each in parameters(owner)]
                raise InputError(f"{name} has no parameter {key}{suggestion(str(key), known)}")
            field = next(each for each in checked_fields(owner) if each.name == key)
            values[key] = field.check(value, lenient=True)
        look = cls(cover, name, values, preset)
        _ = look.job, look.frames
        return look

    def with_preset(self, name: str) -> Look:
        """Return the look with another preset, which sets what both specify. Raises InputError."""
        preset = load_preset(name)
        set_by_it = with_preset(preset, self.animation, {})
        values = {name: value for name, value in self.values.items() if name not in set_by_it}
        return Look(self.cover, self.animation, values, name)

    @cached_property
    def kind(self) -> type[Animation]:
        """The class of the animation."""
        return load_animation(self.animation)

    @cached_property
    def job(self) -> VideoJob:
        """The same as the data of a video. Raises InputError."""
        preset: Preset | None = load_preset(self.preset) if self.preset else None
        values = with_preset(preset, self.animation, self.values)
        shown = {name: value for name, value in values.items() if name not in WRITTEN_FILES}
        job = VideoJob.of(self.cover, self.kind, _FILE, shown)
        return replace(job, preset=preset.name, rules=preset.rules) if preset else job

    @cached_property
    def frames(self) -> int:
        """The number of frames of the whole video. Raises InputError."""
        return count_frames(self.job.animation, self.job.output)

    @cached_property
    def key(self) -> str:
        """A name for the look: equal looks have equal names."""
        text = json.dumps([self.animation, sorted(self.values.items()), self.preset], default=repr)
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()

    @property
    def mosaic(self) -> object:
        """What decides about the mosaic; equal for looks that share one, as long as the cover's file stays the same."""
        state = None
        if isinstance(self.cover, Path):
            with suppress(OSError):
                found = self.cover.stat()
                state = found.st_mtime_ns, found.st_size
        return mosaic_key(self.job), state

    @property
    def _own(self) -> dict[str, Any]:
        """The values of the animation's own parameters."""
        return {name: value for name, value in self.values.items() if name in parameters(self.kind)}

    def entries(self) -> list[dict[str, Any]]:
        """Return the timeline as JSON: one entry, or several of the animation `show`, with the seconds in the video.

        Raises InputError.
        """
        animation, duration = self.job.animation, self.job.output.duration
        if not isinstance(animation, Show):
            seconds = float(self.frames / self.job.output.fps)
            return [{"animation": self.animation, "seconds": seconds, "values": values_as_json(self._own)}]
        scale = duration / animation.default_duration() if duration else 1.0
        return [
            {"animation": entry.name, "seconds": entry.seconds * scale, "values": values_as_json(_values(entry))}
            for entry in timeline_entries(animation.timeline)
        ]

    def as_table(self) -> dict[str, Any]:
        """Return the look as JSON, as `read` takes it."""
        return {
            "animation": self.animation, "values": values_as_json(self.values),
            **({"preset": self.preset} if self.preset else {}),
        }  # fmt: skip

    def as_campaign(self) -> str:
        """Return a campaign of one video as TOML; a comment, if there can't be one."""
        import tomli_w

        if any(field_names(value) for value in self.values.values()):
            return "# A campaign would replace what is in braces, {so}, by the fields of a row.\n"
        cover = {} if self.cover is None else {"cover": str(self.cover)}
        preset = {"preset": self.preset} if self.preset else {}
        job = {**cover, "animation": self.animation, **preset, **_as_toml(self.values)}
        return tomli_w.dumps({"job": [job]})

    def as_preset(self) -> str:
        """Return a preset of the look as TOML."""
        import tomli_w

        own = self._own
        shared = {name: value for name, value in self.values.items() if name not in own}
        extends = {"extends": self.preset} if self.preset else {}
        table = {"animation": self.animation, **extends, **_as_toml(shared)}
        return tomli_w.dumps({**table, self.animation: _as_toml(own)} if own else table)


def _as_toml(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values by parameter for a TOML table, which can't say that a value is absent."""
    return {name: value for name, value in values_as_json(values).items() if value is not None}


def _entry(table: object) -> Entry:
    """Return an entry of a timeline from JSON. Raises InputError."""
    match table:
        case {"animation": str(name), "seconds": int() | float() as seconds, "values": dict(given)}:
            entry = Entry(name, float(seconds), given)
            return replace(entry, given=_values(entry), location=named("timeline", f'"{entry}"'))
    raise InputError(f"{named('timeline')} has a wrong entry: it needs an animation, seconds and values")


def _values(entry: Entry) -> dict[str, Any]:
    """Return the parameters of an entry, converted. Raises InputError."""
    return {} if entry.name == "hold" else read_values(load_animation(entry.name), entry.given, entry.name)
