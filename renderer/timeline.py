"""The `show` animation: several animations one after another, on a timeline."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from renderer.data_files import read_toml
from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import parameter, parameters, read_values
from renderer.plugins import load_animation
from renderer.scene import RESTS, Animation, Camera, Ending, Motion, Scene, Stage, Target, ease

_SEGMENT: Final = re.compile(r"\s*([A-Za-z][\w-]*)\s+(\d+(?:\.\d+)?|\.\d+)\s*s\b(.*)", re.DOTALL)

_JOINING_SECONDS: Final = 0.6  # of a camera move between two animations that see the mosaic from different places

_FIXES: Final[dict[tuple[Ending, Ending], str]] = {
    ("photo", "mosaic"): "zoom 2s direction=out",
    ("mosaic", "photo"): "zoom 3s",
    ("empty", "mosaic"): "gather 3s",
    ("mosaic", "empty"): "disperse 3s",
    ("cover", "mosaic"): "reveal 3s from=cover",
    ("mosaic", "cover"): "reveal 3s from=cover reverse=true",
}
"""What can stand between an ending and a beginning that don't fit."""


@dataclass(frozen=True)
class Segment:
    """A part of a timeline: an animation, or None where what was last seen rests.

    Its seconds are those of its movement, and of the rests that are written in it.
    """

    animation: Animation | None
    seconds: float
    name: str


def parse_timeline(text: str) -> list[Segment]:
    """Segments from "reveal 3s order=spiral, hold 1s, zoom 5s focus=0.4,0.3": name, seconds, parameters.

    A comma that no name and seconds follow belongs to a value. Raises InputError, which names the segment.
    """
    written: list[str] = []
    for piece in text.split(","):
        if (
            written
            and piece.strip()
            and not _SEGMENT.fullmatch(piece)
            and not re.fullmatch(r"\s*[A-Za-z][\w-]*\s*", piece)
        ):
            written[-1] += f",{piece}"
        else:
            written.append(piece)
    return [_parse_segment(piece.strip()) for piece in written]


def read_timeline(path: Path) -> list[Segment]:
    """Segments from the `[[timeline]]` tables of a TOML file: `animation`, `seconds`, and parameters by their names.

    Raises InputError, which names the file and the table.
    """
    tables = read_toml(path, named("timeline", path))[0].get("timeline")
    if not isinstance(tables, list) or not tables:
        raise InputError(f'--timeline {path} holds no [[timeline]] table: add one with animation = "zoom", seconds = 5')
    segments = []
    for number, table in enumerate(tables, 1):
        where = f"{path}, timeline {number}"
        if not isinstance(table, dict) or not isinstance(name := table.pop("animation", None), str):
            raise InputError(f'{where}: it names no animation: add animation = "zoom"')
        seconds = table.pop("seconds", None)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise InputError(f"{where}: it has no seconds: add seconds = 5")
        segments.append(_segment(name, float(seconds), table, where))
    return segments


def _parse_segment(text: str) -> Segment:
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise InputError(f'--timeline "{text}" is no segment: give a name, seconds and parameters, such as "zoom 5s"')
    name, seconds, rest = found[1], float(found[2]), found[3].split()
    where = f'--timeline "{text}"'
    given: dict[str, object] = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"{where}: {word} is no parameter: write it as name=value")
        given[key] = (*_many(given[key]), value) if key in given else value
    return _segment(name, seconds, given, where)


def _segment(name: str, seconds: float, given: Mapping[str, object], where: str) -> Segment:
    if not 0 < seconds <= 3600:
        raise InputError(f"{where} lasts {seconds:g} seconds: it may be more than 0, and 3600 at most")
    if name == "hold":
        if given:
            raise InputError(f"{where}: hold has no parameters")
        return Segment(None, seconds, name)
    kind = load_animation(name)
    if issubclass(kind, Show):
        raise InputError(f"{where}: a timeline cannot contain {name}: write its segments into this timeline")
    values: dict[str, Any] = {rest: 0.0 for rest in RESTS if rest in parameters(kind)}
    return Segment(kind(**(values | read_values(kind, given, where))), seconds, name)


def _many(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True)
class Show(Animation):
    """Several animations one after another."""

    timeline: str = parameter(
        "hold 0.5s, reveal 3.5s from=cover, hold 1.5s, zoom 6s, hold 1.5s, zoom 2s direction=out, hold 1s, disperse 3s",
        "Animations with their seconds of movement and parameters, and rests, such as "
        '"reveal 3s order=spiral, hold 1s, zoom 5s focus=0.4,0.3, hold 1s, zoom 2s direction=out, disperse 2s"; '
        "or a .toml file with a [[timeline]] table for each",
    )

    def __post_init__(self) -> None:
        """Refuse with InputError what can't be read, and neighbours that don't fit."""
        super().__post_init__()
        _ = self.segments

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The parts in their order."""
        in_file = self.timeline.lower().endswith(".toml")
        segments = read_timeline(Path(self.timeline)) if in_file else parse_timeline(self.timeline)
        moving = [segment for segment in segments if segment.animation is not None]
        if not moving:
            raise InputError(f'--timeline "{self.timeline}" holds no animation: add one, such as "zoom 5s"')
        for before, after in pairwise(moving):
            last, first = _endings(before)[1], _endings(after)[0]
            if last != first:
                fix = _FIXES.get((last, first), "")
                raise InputError(
                    f"--timeline: {before.name} ends with {_WHAT[last]}, {after.name} begins with {_WHAT[first]}"
                    + (f': put "{fix}" between them' if fix else "")
                )
        return tuple(segments)

    def default_duration(self) -> float:
        """The sum of its parts."""
        return sum(segment.seconds for segment in self.segments)

    def endings(self) -> tuple[Ending, Ending]:
        """Those of the first and of the last animation."""
        moving = [segment for segment in self.segments if segment.animation is not None]
        return _endings(moving[0])[0], _endings(moving[-1])[1]

    def targets(self) -> tuple[Target, ...]:
        """Those of all animations."""
        return tuple(target for part in self.segments if part.animation for target in part.animation.targets())

    def prepare(self, stage: Stage) -> Motion:
        """Prepare all of them, each for its own frames; the camera goes on where the one before left it."""
        seconds = np.array([segment.seconds for segment in self.segments])
        cuts = np.rint(np.concatenate([[0.0], np.cumsum(seconds)]) / seconds.sum() * stage.frames).astype(int).tolist()
        lengths = [max(end - begin, 1) for begin, end in pairwise(cuts)]
        share = stage.seconds / seconds.sum()
        motions: list[Motion | None] = []
        cell: int | None = None
        camera: Camera | None = None
        for number, segment in enumerate(self.segments):
            if segment.animation is None:
                motions.append(None)
                continue
            part = replace(
                stage, seconds=segment.seconds * share, frames=lengths[number], seed=stage.seed + number, from_cell=cell
            )
            motion = segment.animation.play(part)
            if camera is not None and _away(camera, motion(0.0).camera, stage) > 0.01:
                if cell is not None:
                    raise InputError(
                        f"--timeline: {segment.name} begins at another photo than the one before ends with: leave its "
                        "focus out, and it begins there"
                    )
                stage.notice(f"{segment.name} begins with a short camera move, to where it sees the mosaic from")
                motion = _joined(motion, camera, min(_JOINING_SECONDS / part.seconds, 0.3))
            motions.append(motion)
            cell, camera = segment.animation.last_photo(part), motion(1.0).camera
        shown = _with_rests(motions)
        begins = np.array(cuts[:-1])

        def motion_of_all(progress: float) -> Scene:
            frame = round(progress * (stage.frames - 1), 6)
            number = int(np.searchsorted(begins, frame, side="right")) - 1
            # The last frame of the last part shows its end; elsewhere that is the first frame of the next.
            steps = lengths[number] - (1 if number == len(lengths) - 1 else 0)
            return shown[number](min((frame - cuts[number]) / max(steps, 1), 1.0))

        return motion_of_all


_WHAT: Final[dict[Ending, str]] = {
    "mosaic": "the whole mosaic",
    "photo": "a photo",
    "cover": "the plain cover",
    "empty": "nothing",
}


def _endings(segment: Segment) -> tuple[Ending, Ending]:
    if segment.animation is None:
        raise ValueError("a rest has the endings of its neighbours")
    return segment.animation.shown_endings()


def _away(camera: Camera, other: Camera, stage: Stage) -> float:
    """How many pixels apart the same point is seen by two cameras, at most, at the frame's edge."""
    moved = math.dist(camera.centre, other.centre) * camera.scale
    return moved + abs(other.scale / camera.scale - 1) * 0.5 * max(stage.frame) + abs(other.angle - camera.angle) * 1e3


def _joined(motion: Motion, camera: Camera, share: float) -> Motion:
    """A motion that begins at another camera and comes to its own within a share of its time."""
    begin = motion(0.0).camera

    def joined(progress: float) -> Scene:
        scene = motion(progress)
        left = 1.0 - float(ease(progress, "smooth", 0.0, share))
        x, y = (
            at + left * (was - is_now)
            for at, was, is_now in zip(scene.camera.centre, camera.centre, begin.centre, strict=True)
        )
        scale = scene.camera.scale * (camera.scale / begin.scale) ** left
        angle = scene.camera.angle + left * (camera.angle - begin.angle)
        return replace(scene, camera=Camera((x, y), scale, angle))

    return joined


def _with_rests(motions: Sequence[Motion | None]) -> list[Motion]:
    """Each rest shows the last scene before it, or at the beginning the first one after it."""
    shown: list[Motion] = []
    for number, motion in enumerate(motions):
        if motion is not None:
            shown.append(motion)
        elif any(shown_before is not None for shown_before in motions[:number]):
            shown.append(_still(shown[-1](1.0)))
        else:
            following = next(other for other in motions[number:] if other is not None)
            shown.append(_still(following(0.0)))
    return shown


def _still(scene: Scene) -> Motion:
    return lambda _progress: scene
