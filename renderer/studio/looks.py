"""Looks: everything that decides about a video, as the page edits it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from renderer.cover_names import CoverName
from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import parameters, read_values, suggestion
from renderer.plugins import load_animation
from renderer.preset import SETTINGS
from renderer.scene import Animation
from renderer.video_job import VideoJob, count_frames, mosaic_key

WRITING: Final = ("save_map", "credits")
"""Parameters that name files to write besides a video."""

_FILE: Final = Path("studio.mp4")  # a name for what has none yet


@dataclass(frozen=True)
class Look:
    """An animation of a cover, with the values of all parameters that are not at their defaults."""

    cover: CoverName | None
    animation: str
    values: Mapping[str, Any]  # by parameter, converted

    def __post_init__(self) -> None:
        """Raise InputError for a parameter that would write a file whenever the look is shown."""
        for name in WRITING:
            if name in self.values:
                raise InputError(f"{named(name)} is not possible in the studio: add it to the command that it tells")

    @classmethod
    def read(cls, cover: CoverName | None, table: object) -> Look:
        """Read a look from JSON: `{"animation": "zoom", "values": {"duration": 8}}`. Raises InputError."""
        match table:
            case {"animation": str(name), "values": dict(written)}:
                kind = load_animation(name)
            case _:
                raise InputError("this is not a look: it needs an animation and values")
        values: dict[str, Any] = {}
        for key, value in written.items():
            owner = next((owner for owner in (kind, *SETTINGS) if key in parameters(owner)), None)
            if owner is None:
                known = [each for owner in (kind, *SETTINGS) for each in parameters(owner)]
                raise InputError(f"{name} has no parameter {key}{suggestion(str(key), known)}")
            values |= read_values(owner, {key: value}, key)
        look = cls(cover, name, values)
        _ = look.job, look.frames
        return look

    @cached_property
    def kind(self) -> type[Animation]:
        """The class of the animation."""
        return load_animation(self.animation)

    @cached_property
    def job(self) -> VideoJob:
        """The same as the data of a video. Raises InputError."""
        return VideoJob.of(self.cover, self.kind, _FILE, self.values)

    @cached_property
    def frames(self) -> int:
        """The number of frames of the whole video. Raises InputError."""
        return count_frames(self.job.animation, self.job.output)

    @cached_property
    def key(self) -> str:
        """A name for the look: equal looks have equal names."""
        text = json.dumps([str(self.cover), self.animation, sorted(self.values.items())], default=repr)
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()

    @property
    def mosaic(self) -> object:
        """What decides about the mosaic; equal for looks that share one."""
        return mosaic_key(self.job)
