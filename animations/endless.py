"""Endless: into a tile that is the next mosaic, and into a tile of that, without end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from renderer.scene import (
    Animation,
    InputError,
    Motion,
    NestedFlight,
    NestedMosaic,
    NextCover,
    Scene,
    Stage,
    Target,
    arithmetic,
    ease,
    named,
    parameter,
    parse_target,
)

_LEG_SECONDS = 8.0
"""Default duration of the flight from one mosaic to the next."""

_LEAST_LENGTH = 0.4
"""Logarithm of the scale from a mosaic to the next one, below which the flight can't be seen."""

_MARGIN = 0.15
"""Distance of the tiles that are entered from the edges of the frame, relative to its sides."""

_AWAY = 1.0
"""How much the distance from the subject counts in the choice of a tile, compared with the difference in colour."""


@dataclass(frozen=True)
class Endless(Animation):
    """Fly into a tile that is the next mosaic, again and again."""

    closes: ClassVar[bool] = True

    to: tuple[str, ...] = parameter(
        (),
        "The next covers, in order: pictures, text:WORDS or shape:NAME; repeatable; default: the same again",
        metavar="COVER",
    )
    focus: tuple[str, ...] = parameter(
        (),
        "Which tile of each mosaic to enter, in order: a point X,Y in fractions of the cover, or a photo's path or "
        "name; repeatable; default: near the subject, where the colour of the next cover fits",
    )
    loop: bool = parameter(
        True, "Return to the first cover at constant speed, so that the video repeats without a jump"
    )

    def __post_init__(self) -> None:
        """Raise InputError for a value out of range, a focus outside the cover, or more of them than covers."""
        super().__post_init__()
        self.targets()
        if len(self.focus) > self._covers:
            raise InputError(
                f"{named('focus')} is given {len(self.focus)} times, but there are only {self._covers} mosaics: give "
                "it at most once for each"
            )

    @property
    def _covers(self) -> int:
        return 1 + len(self.to)

    @property
    def _legs(self) -> int:
        """Number of mosaics that are entered."""
        return self._covers if self.loop else max(len(self.to), 1)

    def next_covers(self) -> tuple[NextCover, ...]:
        """Return the next covers and, in a loop, the first one again."""
        again = (NextCover(0, "cells"),) if self.loop and self.to else ()
        return (*(NextCover(name, "cells") for name in self.to), *again)

    def default_duration(self) -> float:
        """Return 8 seconds for each mosaic that is entered."""
        return _LEG_SECONDS * self._legs

    def targets(self) -> tuple[Target, ...]:
        """Return the photos to enter; points need no photo."""
        return tuple(target for target in map(parse_target, self.focus) if isinstance(target, str))

    def prepare(self, stage: Stage) -> Motion:
        """Choose the tiles, and place each mosaic into that of the one before.

        Raises InputError if a mosaic has too few tiles, or if a transparent one doesn't fill its frame.
        """
        covers, legs = self._covers, self._legs
        cells = [self._cell(stage, number) for number in range(covers)]
        following = [(at + 1) % covers for at in range(covers)]
        nests = [NestedMosaic(stage, at, cells[at], then, cells[then]) for at, then in enumerate(following)]
        steps = [NestedFlight(stage.from_map(at), nests[at:] + nests[:at]) for at in range(covers)]
        lengths = np.array([steps[at % covers].length for at in range(legs)])
        if lengths.min() < _LEAST_LENGTH:
            raise InputError(f"endless needs smaller tiles to fly into: set {named('columns')} to a larger number")
        starts = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
        tiles = [stage.resting_sprites(number) for number in range(covers)]

        def motion(progress: float) -> Scene:
            time = progress if self.loop else float(ease(progress, "cruise"))
            number = min(max(int(np.searchsorted(starts, time, side="right")) - 1, 0), legs)
            way = (time - starts[number]) / (starts[number + 1] - starts[number]) if number < legs else 0.0
            at = number % covers
            camera = steps[at].camera(way)
            nested = steps[at].nested(way, camera.scale, None if self.loop else legs - number, first=number == 0)
            return stage.scene(camera, stage.visible_tiles(tiles[at], camera, at), *nested)

        return motion

    def _cell(self, stage: Stage, number: int) -> int:
        """Return the cell of a map that is entered: the selected one, or the best."""
        own = stage.from_map(number)
        if number < len(self.focus):
            return own.cell_at(parse_target(self.focus[number]))
        placement, following = own.mosaic, stage.maps[(number + 1) % self._covers]
        low, high = own.visible_box()
        start, end = placement.cell[:, :2], placement.cell[:, :2] + placement.cell[:, 2:]
        margin = _MARGIN * (high - low)
        inside = ((start >= low + margin) & (end <= high - margin)).all(axis=1)
        middle = own.subject_middle((1, 1))
        away = arithmetic.lengths((0.5 * (start + end) - middle) / (0.5 * (high - low)))
        apart = arithmetic.lengths(placement.cell_colours() - following.cell_colours().mean(axis=0))
        return int((apart + _AWAY * away + np.where(inside, 0.0, 1e3)).argmin())
