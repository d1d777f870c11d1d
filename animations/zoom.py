"""Zoom: from the whole mosaic into one photo or several in turn, or back out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from renderer.scene import (
    Animation,
    Camera,
    Easing,
    Ending,
    Landing,
    Leg,
    Motion,
    OpeningPhoto,
    Scene,
    Stage,
    Target,
    arithmetic,
    camera_including,
    ease,
    opening_of,
    parameter,
    parse_target,
    visible_bounds,
)

_STOP_SECONDS = 2.5
"""Flight to each photo of a tour, by default."""

_CREEP_RAMP = 0.35
"""Share of a flight over which the slow movement of a pause fades out."""


@dataclass(frozen=True)
class Zoom(Animation):
    """Zoom from the whole mosaic into one of its photos."""

    direction: Literal["in", "out", "inout"] = parameter("in", "Fly into the photo, out of it, or in and back out")
    focus: tuple[str, ...] = parameter(
        (),
        "Where to fly: a point X,Y in fractions of the cover, or a photo's path or name; repeatable: the "
        "camera visits one after another; default: the best photo, people first",
    )
    landing: Landing = parameter(
        "photo",
        "How the photo is shown: photo (fills the frame, unless that cuts faces), whole (uncropped, over its own "
        "blur) or tile (all of its tile, in its shape, among the others)",
    )
    easing: Easing = parameter("cruise", "How the camera speeds up and slows down")
    hold_start: float = parameter(0.7, "Pause before the flight", unit="seconds", low=0.0, high=60.0)
    hold_end: float = parameter(
        1.0, "Pause after the flight, and at each photo if focus is repeated", unit="seconds", low=0.0, high=60.0
    )

    def __post_init__(self) -> None:
        """Raise InputError for a value out of range or a focus outside the cover."""
        super().__post_init__()
        self.targets()

    def endings(self) -> tuple[Ending, Ending]:
        """Return the mosaic and the photo, in the order of the direction."""
        first: Ending = "photo" if self.direction == "out" else "mosaic"
        last: Ending = "photo" if self.direction == "in" else "mosaic"
        return first, last

    def targets(self) -> tuple[Target, ...]:
        """Return the parsed focus."""
        return tuple(parse_target(text) for text in self.focus)

    def last_photo(self, stage: Stage) -> int | None:
        """Return the cell of the last photo, or None if the flight ends on the whole mosaic."""
        return self._cells(stage)[0 if self.reverse else -1] if self.shown_endings()[1] == "photo" else None

    def landings(self, stage: Stage) -> Sequence[int]:
        """Return the cells of all photos, in the order of the flight."""
        cells = self._cells(stage)
        return cells[::-1] if (self.direction == "out") != self.reverse else cells

    def default_duration(self) -> float:
        """Return 10 seconds, or more if a tour needs them for the flights and the pauses at its photos."""
        stops = len(self.focus) if len(self.focus) > 1 else 0
        return max(self.seconds, self.hold_start + stops * (_STOP_SECONDS + self.hold_end))

    def _cells(self, stage: Stage) -> list[int]:
        if not self.focus and stage.from_cell is not None:
            return [stage.from_cell]
        return [stage.cell_at(target) for target in self.targets()] or [stage.landings()[0]]

    def prepare(self, stage: Stage) -> Motion:
        """Choose the cells, then compute the landing on each photo and the path between them."""
        cells = self._cells(stage)
        tiles = stage.resting_sprites(upright=cells)  # so that the flight ends on the original photo
        stops = [OpeningPhoto(stage, tiles, cell, self.landing, self.drift) for cell in cells]
        flight = _Flight(self, stage, [stop.camera for stop in stops])

        def motion(progress: float) -> Scene:
            leg, way = flight.at(progress)
            camera = leg.camera(way)
            openings = [
                opening_of(stop.camera, camera) * leg.nearness(number, way) for number, stop in enumerate(stops)
            ]
            opened = [(stop, opening) for stop, opening in zip(stops, openings, strict=True) if opening > 0]
            groups = [stop.beyond for stop, _ in opened if stop.beyond is not None]
            groups.append(stage.visible_tiles(tiles, camera))
            groups += [ground for stop, opening in opened if (ground := stop.surroundings(opening))]
            groups += [stop.sprite(opening) for stop, opening in opened]
            return stage.scene(camera, *groups)

        return motion


class _Flight:
    """All legs on one time axis, each between two pauses; the moving time is divided in proportion to their lengths."""

    def __init__(self, zoom: Zoom, stage: Stage, stops: Sequence[Camera]) -> None:
        whole = camera_including(stage, stops[0])
        stations: list[tuple[Camera, int | None]] = [(whole, None), *((stop, i) for i, stop in enumerate(stops))]
        if zoom.direction == "inout":
            stations.append((whole, None))
        pauses = [zoom.hold_start, *[zoom.hold_end] * (len(stations) - 1)]
        if zoom.direction == "out":
            stations.reverse()
        elif zoom.direction == "inout":
            pauses[-1] = zoom.hold_start
        self.legs = [
            Leg(a, b, i, j, whole, visible_bounds(stage, whole), stage.frame) for (a, i), (b, j) in pairwise(stations)
        ]
        shares = stage.pause_shares(pauses)
        lengths = np.array([leg.length for leg in self.legs]) + 1e-9
        moves = (1 - shares.sum()) * lengths / lengths.sum()
        self.starts = np.cumsum(shares[:-1]) + np.concatenate([[0.0], np.cumsum(moves)[:-1]])
        self.ends = self.starts + moves
        self.easing: Easing = zoom.easing
        # In a pause, the camera makes a small part of the leg before it; in the first one, of the leg after it.
        self.pauses = shares
        self.crept = np.minimum(0.5 * arithmetic.log(1 + zoom.drift) / lengths, 0.1)

    def at(self, progress: float) -> tuple[Leg, float]:
        """Return the current leg and the share of it that has been flown, 0…1."""
        number = max(int(np.searchsorted(self.starts, progress, side="right")) - 1, 0)
        start, end = float(self.starts[number]), float(self.ends[number])
        before, after = float(self.pauses[0]) if number == 0 else 0.0, float(self.pauses[number + 1])
        first, last = (self.crept[number] if pause > 0 else 0.0 for pause in (before, after))
        ramp = _CREEP_RAMP * (end - start)
        way = (1 - first - last) * float(ease(progress, self.easing, start, end))
        way += first * _creep(progress - start + before, before, ramp)
        way += last * (1 - _creep(end + after - progress, after, ramp))
        return self.legs[number], min(max(way, 0.0), 1.0)


def _creep(time: float, pause: float, ramp: float) -> float:
    """Return the share, 0…1, of a slow movement at a time: at constant speed in a pause, then slowing down."""
    slowing = min(max(time - pause, 0.0) / max(ramp, 1e-9), 1.0)
    slowed = ramp / 3 * (1 - arithmetic.power(1 - slowing, 3))
    return (min(max(time, 0.0), pause) + slowed) / max(pause + ramp / 3, 1e-9)
