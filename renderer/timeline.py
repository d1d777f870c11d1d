"""The `show` animation: several animations one after another, from a timeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np

from renderer.deprecation import old_names
from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import as_key, named
from renderer.parameters import parameter, parameters, read_values, spell
from renderer.plugins import load_animation
from renderer.scene import PAUSE_PARAMETERS, Animation, Camera, Ending, Motion, NextCover, Scene, Stage, Target, ease
from renderer.settings import LONGEST_VIDEO

_ENTRY: Final = re.compile(r"\s*([A-Za-z][\w-]*)\s+(\d+(?:\.\d+)?|\.\d+)\s*s\b(.*)", re.DOTALL)

_QUOTED_OR_COMMA: Final = re.compile(r'"[^"]*"|,')

_WORD: Final = re.compile(r'[^\s=]+="(?:[^"]|"")*"(?!\S)|\S+')

_CAMERA_MOVE_SECONDS: Final = 0.6  # between two animations whose cameras differ

_DRIFT_SECONDS: Final = 1.5  # length of a pause from which the camera makes the whole drift

_FIXES: Final[dict[tuple[Ending, Ending], str]] = {
    ("photo", "mosaic"): "zoom 2s direction=out",
    ("mosaic", "photo"): "zoom 3s",
    ("empty", "mosaic"): "gather 3s",
    ("mosaic", "empty"): "disperse 3s",
    ("cover", "mosaic"): "reveal 3s from=cover",
    ("sorted", "mosaic"): "sort 4s",
    ("mosaic", "sorted"): "sort 4s into=sorted",
    ("mosaic", "cover"): "reveal 3s from=cover reverse=true",
}
"""The entry to put between two animations, by the end of the first and the start of the second."""

_JOINING: Final = {"flight": ("from", "mosaic"), "wave": ("loop", "false")}
"""Parameters of animations that start or end with a view of their own, with which that is the whole mosaic."""


@dataclass(frozen=True)
class Entry:
    """An entry of a timeline as it is written: an animation or "hold", seconds, and parameters by their names."""

    name: str
    seconds: float
    given: Mapping[str, object] = field(default_factory=dict)
    location: str = ""  # for messages

    def __str__(self) -> str:
        """Return the entry as `parse_entries` reads it."""
        # Never with an exponent; a campaign may have any other value.
        seconds = f"{self.seconds:.9f}".rstrip("0").rstrip(".") if isinstance(self.seconds, float) else self.seconds
        words = [self.name, f"{seconds}s"]
        for key, value in self.given.items():
            words += [f"{key}={_quoted(each)}" for each in (value if _is_list(value) else [value])]
        return " ".join(words)


@dataclass(frozen=True)
class Segment:
    """A part of a timeline: an animation, or None for a pause on the last scene.

    `seconds` includes the pauses among the animation's parameters.
    """

    animation: Animation | None
    seconds: float
    name: str


def parse_timeline(text: str, drift: float = Animation.drift) -> list[Segment]:
    """Return the segments of a timeline's text. `drift`: for those that specify none. Raises InputError."""
    return [_segment(entry, drift) for entry in parse_entries(text)]


def read_timeline(path: Path, drift: float = Animation.drift) -> list[Segment]:
    """Return the segments of a TOML file. `drift`: for those that specify none. Raises InputError."""
    return [_segment(entry, drift) for entry in read_entries(path)]


def timeline_entries(timeline: str) -> list[Entry]:
    """Return the entries of the value of the parameter `timeline`: a text or the name of a file. Raises InputError."""
    return read_entries(Path(timeline)) if timeline.lower().endswith(".toml") else parse_entries(timeline)


def parse_entries(text: str) -> list[Entry]:
    """Return the entries of "reveal 3s order=spiral, hold 1s, zoom 5s focus=0.4,0.3": name, seconds, parameters.

    A comma that is not followed by a name and seconds belongs to a value. A value with spaces is quoted:
    `focus="my photo.jpg"`, with "" for a quotation mark. Raises InputError, which names the entry.
    """
    pieces: list[str] = []
    commas = [found.start() for found in _QUOTED_OR_COMMA.finditer(text) if found[0] == ","]
    for part in (text[before + 1 : comma] for before, comma in pairwise([-1, *commas, len(text)])):
        if pieces and part.strip() and not _ENTRY.fullmatch(part) and not re.fullmatch(r"\s*[A-Za-z][\w-]*\s*", part):
            pieces[-1] += f",{part}"
        else:
            pieces.append(part)
    return [_parse_entry(piece.strip()) for piece in pieces]


def read_entries(path: Path) -> list[Entry]:
    """Return the entries of a TOML file's `[[timeline]]` tables: keys `animation`, `seconds` and the parameters.

    Raises InputError, which names the file and the table.
    """
    from renderer.data_files import read_toml

    tables = read_toml(path, named("timeline", path))[0].get("timeline")
    if not isinstance(tables, list) or not tables:
        raise InputError(
            f'{named("timeline", path)} has no [[timeline]] table: add one with animation = "zoom" and seconds = 5'
        )
    entries = []
    for number, table in enumerate(tables, 1):
        location = f"{path}, timeline {number}"
        if not isinstance(table, dict) or not isinstance(name := table.pop("animation", None), str):
            raise InputError(f'{location}: animation is missing: add animation = "zoom"')
        seconds = table.pop("seconds", None)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise InputError(f"{location}: seconds is missing: add seconds = 5")
        entries.append(Entry(name, float(seconds), table, location))
    return entries


def joined_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries with others between those that would not follow each other, where any do that.

    Raises InputError for an entry that is wrong by itself.
    """
    result: list[Entry] = []
    before: Segment | None = None
    last = max((number for number, entry in enumerate(entries) if entry.name != "hold"), default=0)
    for number, entry in enumerate(entries):
        segment = _segment(entry)
        if segment.animation is not None:
            first, end = _endings(segment)
            adjoins = (first == "other" and before is not None) or (end == "other" and number < last)
            if adjoins and entry.name in _JOINING:
                key, value = _JOINING[entry.name]
                entry = replace(entry, given={**entry.given, key: value})
                segment = _segment(entry)
            result += (_between(before, segment) if before is not None else None) or []
            before = segment
        result.append(entry)
    return result


def _between(before: Segment, after: Segment) -> list[Entry] | None:
    """Return the entries that one animation needs to follow another, as few as possible; None if there are none."""
    last, first = _endings(before)[1], _endings(after)[0]
    if last == first or ("other" not in (last, first) and "any" in (last, first)):
        return []
    paths: dict[Ending, list[Entry]] = {last: []}
    for reached in (waiting := [last]):
        for (start, end), fix in _FIXES.items():
            if start == reached and end not in paths:
                paths[end] = [*paths[reached], *parse_entries(fix)]
                waiting.append(end)
    return paths.get(first)


def _parse_entry(text: str) -> Entry:
    location = named("timeline", f'"{text}"')
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise InputError(f'{location} is not a segment: give a name, seconds and parameters, such as "zoom 5s"')
    given: dict[str, object] = {}
    for word in _WORD.findall(found[3]):
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"{location}: {word} is not a parameter: write it as name=value")
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('""', '"')
        given[key] = (*_as_tuple(given[key]), value) if key in given else value
    return Entry(found[1], float(found[2]), given, location)


def _quoted(value: object) -> str:
    """Return a value as it is written in an entry; a field of a campaign, {name}, may be replaced by several words."""
    text = str(value) if isinstance(value, Path) else spell(value)
    if isinstance(value, bool):
        return text.lower()
    return '"{}"'.format(text.replace('"', '""')) if re.search(r'[\s"{]|,(?![-+.\d])', text) or not text else text


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is repeated, rather than one value of several numbers."""
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _segment(entry: Entry, drift: float = Animation.drift) -> Segment:
    """Return the segment of an entry. Raises InputError, which starts with the entry's location."""
    name, seconds, given, location = entry.name, entry.seconds, entry.given, entry.location
    if not 0 < seconds <= LONGEST_VIDEO:
        raise InputError(
            f"{location}: the duration of {seconds:g} seconds is out of range: more than 0, at most {LONGEST_VIDEO:g}"
        )
    if name == "hold":
        if given:
            raise InputError(f"{location}: hold has no parameters")
        return Segment(None, seconds, name)
    kind = load_animation(name)
    if issubclass(kind, Show):
        raise InputError(f"{location}: a timeline can't contain {name}: write its segments into this timeline")
    values: dict[str, Any] = {pause: 0.0 for pause in PAUSE_PARAMETERS if pause in parameters(kind)}
    values |= {"drift": drift, "loop": False} | read_values(kind, given, location)
    try:
        animation = kind(**values)
        if animation.next_covers() and animation.reverse:
            raise InputError(
                f"{named('reverse', True)} is not possible in a timeline for an animation of several covers: name them "
                "in the other order"
            )
    except InputError as error:
        raise InputError(f"{location}: {error.message(as_key)}") from None
    return Segment(animation, seconds, name)


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True)
class Show(Animation):
    """Play several animations one after another."""

    timeline: str = parameter(
        "hold 0.5s, reveal 3.5s from=cover, hold 1.5s, zoom 6s, hold 1.5s, zoom 2s direction=out, hold 1s, disperse 3s",
        "Animations and pauses in order, each with its duration and parameters, such as "
        '"reveal 3s order=spiral, hold 1s, zoom 5s focus=0.4,0.3, hold 1s, zoom 2s direction=out, disperse 2s"; '
        "or a .toml file with a [[timeline]] table for each of them",
    )

    def __post_init__(self) -> None:
        """Raise InputError for a timeline that can't be parsed or whose animations don't follow each other."""
        super().__post_init__()
        _ = self.segments

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The parts in order. Raises InputError as the constructor does."""
        segments = [_segment(entry, self.drift) for entry in timeline_entries(self.timeline)]
        moving = [segment for segment in segments if segment.animation is not None]
        if not moving:
            raise InputError(f'{self._name()} contains no animation: add one, such as "zoom 5s"')
        for before, after in pairwise(moving):
            last, first = _endings(before)[1], _endings(after)[0]
            needed = _between(before, after)
            if needed != [] or "other" in (last, first):
                own = after if first == "other" else before
                fix = f'put "{", ".join(map(str, needed))}" between them' if needed else ""
                if "other" in (last, first) and own.name in _JOINING:
                    fix = f"add {'='.join(_JOINING[own.name])} to {own.name}"
                ends = f"{before.name} ends with {_VISIBLE[last]}, but {after.name} starts with {_VISIBLE[first]}"
                raise InputError(f"{self._name()}: {ends}" + (f": {fix}" if fix else ""))
        return tuple(segments)

    def _name(self) -> str:
        return named("timeline", f'"{self.timeline}"')

    def default_duration(self) -> float:
        """Return the sum of the parts' seconds."""
        return sum(segment.seconds for segment in self.segments)

    def endings(self) -> tuple[Ending, Ending]:
        """Return the start of the first animation and the end of the last."""
        moving = [segment for segment in self.segments if segment.animation is not None]
        return _endings(moving[0])[0], _endings(moving[-1])[1]

    def landing_cells(self, stage: Stage) -> Sequence[tuple[int, int]]:
        """Return where the animations land, without repeating a cell where the next animation starts."""
        cells: list[tuple[int, int]] = []
        cell: int | None = None
        for segment, first in zip(self.segments, self._first_maps, strict=True):
            if segment.animation is not None:
                part = replace(_maps_of(segment, stage, first), from_cell=cell)
                landed = [(first + which, each) for which, each in segment.animation.landing_cells(part)]
                cells += [each for each in landed if each not in cells[-1:]]
                cell = segment.animation.last_photo(part)
        return cells

    def next_covers(self) -> tuple[NextCover, ...]:
        """Return the next covers of all animations."""
        return tuple(
            cover._replace(name=cover.name + first) if isinstance(cover.name, int) else cover
            for segment, first in zip(self.segments, self._first_maps, strict=True)
            for cover in _next_covers(segment)
        )

    @cached_property
    def _first_maps(self) -> list[int]:
        """For each segment, the index of the stage's map with which it starts."""
        return [0, *accumulate(len(_next_covers(segment)) for segment in self.segments)][:-1]

    def targets(self) -> tuple[Target, ...]:
        """Return the targets of all animations."""
        return tuple(target for part in self.segments if part.animation for target in part.animation.targets())

    def prepare(self, stage: Stage) -> Motion:
        """Prepare all animations, each for its own frames.

        If an animation's camera does not start where the previous one ends, the animation starts with a camera move.
        Raises InputError if the previous animation ends at a photo and this one starts at another.
        """
        seconds = np.array([segment.seconds for segment in self.segments])
        cuts = np.rint(np.concatenate([[0.0], np.cumsum(seconds)]) / seconds.sum() * stage.frames).astype(int).tolist()
        lengths = [max(end - start, 1) for start, end in pairwise(cuts)]
        share = stage.seconds / seconds.sum()
        motions: list[Motion | None] = []
        cell: int | None = None
        before: Scene | None = None  # at the end of the previous animation
        held: Camera | None = None  # to which the camera has drifted in a pause after it
        ends: Ending = "empty"

        def part(number: int, adjacent: Scene | None = None) -> Stage:
            return replace(
                _maps_of(self.segments[number], stage, self._first_maps[number]),
                seconds=self.segments[number].seconds * share, frames=lengths[number], seed=stage.seed + number,
                from_cell=cell, adjacent=adjacent,
            )  # fmt: skip

        moving = [number for number, segment in enumerate(self.segments) if segment.animation is not None]
        for number, segment in enumerate(self.segments):
            if segment.animation is None:
                motions.append(None)
                if before is not None:
                    held = self._drifted(held or before.camera, segment.seconds)
                continue
            first, last = _endings(segment)
            following = next((later for later in moving if later > number), None)
            adjacent = before if first == "any" != ends else None
            if adjacent is not None and held is not None:
                adjacent = replace(adjacent, camera=held)
            if last == "any" and following is not None:
                adjacent = _first_scene(self.segments[following], part(following))
            own_stage = part(number, adjacent)
            motion = segment.animation.play(own_stage)
            joined = first == "empty" or "any" in (first, ends) != ("any", "any")
            if before is not None and not joined and _camera_distance(before.camera, motion(0.0).camera, stage) > 0.01:
                if cell is not None:
                    raise InputError(
                        f"{self._name()}: {segment.name} does not start at the photo where the previous animation "
                        "ends: leave out its focus to start there"
                    )
                stage.notice(f"{segment.name} starts with a short camera move, since the previous view is different")
                held = held or before.camera
            if held is not None and not joined:
                motion = _with_camera_move(motion, held, min(_CAMERA_MOVE_SECONDS / own_stage.seconds, 0.3))
            motions.append(motion)
            cell, before, held, ends = segment.animation.last_photo(own_stage), motion(1.0), None, last
        played = self._with_pauses(motions)
        starts = np.array(cuts[:-1])

        def whole_motion(progress: float) -> Scene:
            frame = round(progress * (stage.frames - 1), 6)
            number = int(np.searchsorted(starts, frame, side="right")) - 1
            # The last part shows its end in its last frame; the end of any other part is the first frame of the next.
            steps = lengths[number] - (1 if number == len(lengths) - 1 else 0)
            return played[number](min((frame - cuts[number]) / max(steps, 1), 1.0))

        return whole_motion

    def _drifted(self, camera: Camera, seconds: float) -> Camera:
        """Return a camera after a pause."""
        return self.drifted(camera, min(seconds / _DRIFT_SECONDS, 1.0))

    def _with_pauses(self, motions: Sequence[Motion | None]) -> list[Motion]:
        """Replace each pause with the last scene before it or, at the start, with the first scene after it.

        In pauses, the camera drifts in; in those at the start, it drifts out to where the first animation begins.
        """
        first = next(number for number, motion in enumerate(motions) if motion is not None)
        left = sum(segment.seconds for segment in self.segments[:first])  # until it begins
        played: list[Motion] = []
        for number, (motion, segment) in enumerate(zip(motions, self.segments, strict=True)):
            if motion is not None:
                played.append(motion)
            elif number > first:
                played.append(self._pause(played[-1](1.0), 0.0, segment.seconds))
            else:
                following = motions[first]
                assert following is not None
                played.append(self._pause(following(0.0), left, left - segment.seconds))
                left -= segment.seconds
        return played

    def _pause(self, scene: Scene, start: float, end: float) -> Motion:
        """Return a motion of one scene, whose camera has drifted for `start` seconds, and at the end for `end`."""
        return lambda progress: replace(scene, camera=self._drifted(scene.camera, start + progress * (end - start)))


_VISIBLE: Final[dict[Ending, str]] = {
    "mosaic": "the whole mosaic",
    "photo": "a photo",
    "cover": "the plain cover",
    "picture": "a picture",
    "sorted": "sorted photos",
    "empty": "nothing",
    "other": "a view of its own",
    "any": "what is adjacent",
}


def _first_scene(segment: Segment, stage: Stage) -> Scene | None:
    """Return the scene at the start of a segment; None if it depends on the one before."""
    if segment.animation is None or _endings(segment)[0] == "any":
        return None
    return segment.animation.play(stage)(0.0)


def _next_covers(segment: Segment) -> tuple[NextCover, ...]:
    return () if segment.animation is None else segment.animation.next_covers()


def _maps_of(segment: Segment, stage: Stage, first: int) -> Stage:
    """Return a stage with the maps of a segment alone; `first`: the index of the one with which it starts."""
    return stage.from_map(first, 1 + len(_next_covers(segment)))


def _endings(segment: Segment) -> tuple[Ending, Ending]:
    if segment.animation is None:
        raise ValueError("a pause has no endings of its own")
    return segment.animation.shown_endings()


def _camera_distance(camera: Camera, other: Camera, stage: Stage) -> float:
    """Return the largest distance in pixels that a point at the edge of the frame moves between two cameras."""
    moved = arithmetic.distance(camera.centre, other.centre) * camera.scale
    turned = abs(other.angle - camera.angle) + abs(other.pitch - camera.pitch) + abs(other.yaw - camera.yaw)
    return moved + abs(other.scale / camera.scale - 1) * 0.5 * max(stage.frame) + turned * 1e3


def _with_camera_move(motion: Motion, camera: Camera, share: float) -> Motion:
    """Return the motion with a camera that starts at `camera` and joins the motion's own within a share of the time."""
    start = motion(0.0).camera

    def moved(progress: float) -> Scene:
        scene = motion(progress)
        left = 1.0 - float(ease(progress, "smooth", 0.0, share))
        x, y = (
            at + left * (old - new)
            for at, old, new in zip(scene.camera.centre, camera.centre, start.centre, strict=True)
        )
        scale = scene.camera.scale * arithmetic.power(camera.scale / start.scale, left)
        angle = scene.camera.angle + left * (camera.angle - start.angle)
        pitch = scene.camera.pitch + left * (camera.pitch - start.pitch)
        yaw = scene.camera.yaw + left * (camera.yaw - start.yaw)
        return replace(
            scene, camera=replace(scene.camera, centre=(x, y), scale=scale, angle=angle, pitch=pitch, yaw=yaw)
        )

    return moved


__getattr__ = old_names(
    __name__,
    {name: f"renderer.frame_times.{name}" for name in ("frame_at", "frame_count", "parse_frames", "progress_of")},
)
