"""Reveal: the mosaic builds up tile by tile, from an empty frame or over the plain cover."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from renderer.scene import (
    Easing,
    Ending,
    Motion,
    Order,
    Scene,
    SpatialAnimation,
    Sprites,
    Stage,
    arithmetic,
    ease,
    in_view,
    parameter,
    sort_keys,
    staggered,
    turned,
    turned_height,
    turned_over,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array

Enter = Literal["fade", "pop", "drop", "flip", "slide"]


@dataclass(frozen=True)
class Reveal(SpatialAnimation):
    """Build up the mosaic tile by tile."""

    first: ClassVar[Ending] = "any"
    seconds: ClassVar[float] = 8.0
    styles: ClassVar[str] = "enter"

    order: Order | None = parameter(
        None, "Order in which the tiles appear; default: spiral if they drop or pop, otherwise clusters"
    )
    enter: Enter = parameter("drop", "How each tile appears")
    start: Literal["empty", "blur", "cover"] | None = parameter(
        None,
        "Start from an empty frame, a darker, blurred copy of the mosaic or the plain cover; default: blur, in "
        "a timeline what comes before, and empty if the background is transparent",
        option="--from",
    )
    overlap: float = parameter(0.12, "Share of the duration that each tile takes to appear", low=0.01, high=1)
    easing: Easing = parameter("sine", "How the number of tiles that appear per second rises and falls")
    hold_start: float = parameter(0.0, "Pause before the first tile appears", unit="seconds", low=0, high=60)
    hold_end: float = parameter(1.0, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def endings(self) -> tuple[Ending, Ending]:
        """Return what `start` says, and the mosaic."""
        first: dict[str | None, Ending] = {"empty": "empty", "cover": "cover", "blur": "other"}
        return first.get(self.start, "any"), "mosaic"

    def prepare(self, stage: Stage) -> Motion:
        """Sort the tiles by `order`, which determines when each appears."""
        whole = stage.whole_camera()
        tiles = stage.resting_sprites()
        resting_part = stage.partly_resting(tiles)
        in_space = self.in_space(stage)
        pieces = stage.cover_pieces() if self.start == "cover" else None
        ground = self._ground(stage, pieces)
        view, rng = stage.view(whole), stage.rng()
        order = self.order or ("spiral" if self.enter in ("drop", "pop") else "clusters")
        keys = sort_keys(stage, tiles, whole, order, rng)
        visible = in_view(stage, tiles, self.drifted(whole, 1.0))
        starts = staggered(keys, visible, self.overlap, self.easing)
        tilt = arithmetic.uniform(rng, -1, 1, (3, len(tiles)))
        before, after = stage.pause_shares([self.hold_start, self.hold_end])

        def motion(progress: float) -> Scene:
            time = min(max((progress - before) / (1 - before - after), 0.0), 1.0)
            way = np.clip((time - starts) / self.overlap, 0.0, 1.0)
            entering = np.flatnonzero((way > 0) & (way < 1))
            camera = self.drifted(whole, 1 - progress)
            viewer = camera.position(stage.frame[1])
            some = _Entering(tiles.take(entering), way[entering], tilt[:, entering], viewer, view)
            # All of the cover is below: beside turning tiles, and at the smooth edges of landed ones, the background
            # would look like holes in it.
            below = ground if (way < 1).any() else ()
            if self.enter == "fade":
                return stage.scene(camera, *below, resting_part(way >= 1), some.fade())
            if self.enter == "flip" and pieces is not None:
                back, front = turned_over(pieces.take(entering), some.tiles, ease(some.way, "smooth"), viewer)
                return stage.scene(camera, *in_space(front, *in_space(back, *below, resting_part(way >= 1))))
            # Tiles hop above themselves: through the gaps, the background would look like black slits.
            resting = resting_part(way >= (_LANDED if self.enter == "drop" else 1))
            return stage.scene(camera, *in_space(_ENTRANCES[self.enter](some), *below, resting))

        return motion

    def _ground(self, stage: Stage, pieces: Sprites | None) -> tuple[Sprites, ...]:
        """Return what is below the tiles; `pieces`: of the cover, if that is it."""
        if pieces is not None:
            return (pieces,)
        if self.start is None and stage.adjacent is not None:
            return stage.adjacent.through(self.drifted(stage.whole_camera(), 1.0))
        if self.start == "empty" or (self.start is None and stage.background is None):
            return ()
        return (stage.backdrop(),)


# -- Entrances -----------------------------------------------------------------------------------------------------

_GLOW: Final = 0.35  # by how much brighter tiles are that begin to fade in
_WHITE: Final = 0.05  # sRGB that is added, so that dark ones glow too
_FALL: Final = 0.55  # height from which tiles drop, relative to the distance of the viewer
_LANDED: Final = 0.72  # share of its way after which a tile that drops touches the plane
_HOP: Final = 1.2  # units by which it then rises once more
_POP: Final = 1.6  # units by which tiles rise that pop out of the plane
_SLIDE: Final = 1.5  # height in units of tiles that slide in


@dataclass(frozen=True)
class _Entering:
    """M tiles as they enter."""

    tiles: Sprites  # in their cells
    way: Float64Array  # (M,) how far each has entered, 0…1
    tilt: Float64Array  # (3, M) random numbers of each tile, −1…1
    viewer: Float64Array  # (3,) position in mosaic units
    view: tuple[float, float]  # width and height of the visible part of the plane

    def at_height(self, height: Float64Array) -> Float64Array:
        """Return the centres above their cells, (M, 3)."""
        return np.concatenate([self.tiles.centre, height[:, np.newaxis]], 1)

    def fade(self) -> Sprites:
        """Grow in the plane, brighter at first."""
        size, glow = 0.55 + 0.45 * ease(self.way, "smooth", 0, 0.8), 1 - ease(self.way)
        tiles = self.tiles.moved(self.tiles.centre, size=size, opacity=ease(self.way, "sine", 0, 0.35))
        return tiles.brightened(1 + _GLOW * glow, _WHITE * glow)

    def pop(self) -> Sprites:
        """Grow out of the plane, rise above it and settle."""
        back = self.way - 1  # overshoots its final size (Penner's "back" easing)
        return self.tiles.moved(
            self.at_height((_POP + self.tilt[2]) * arithmetic.sin(math.pi * self.way)),
            size=1 + (2.2 * back + 1.2) * back * back,
            tumble=0.8 * self.tilt[0] * (1 - ease(self.way)),
            axis=math.pi * self.tilt[1],
            opacity=np.minimum(1, 6 * self.way),
        )

    def drop(self) -> Sprites:
        """Fall from near the viewer, accelerating, and hop once."""
        fall = np.minimum(self.way / _LANDED, 1.0)
        hop = np.clip((self.way - _LANDED) / (1 - _LANDED), 0.0, 1.0)
        rocking = (1 - fall) + 0.12 * arithmetic.sin(math.pi * hop) * (1 - hop)
        nearness = _FALL * (1 - fall * fall)
        centre = self.at_height(nearness * self.viewer[2] + _HOP * (1 + 0.5 * self.tilt[1]) * 4 * hop * (1 - hop))
        # In the middle of the frame, tiles fall straight down; at its edge along the line of sight, to stay inside.
        away = centre[:, :2] - self.viewer[:2]
        lean = np.sqrt(np.minimum((np.abs(away) / self.view).max(axis=1) * 2, 1.0))
        centre[:, :2] -= (nearness * lean)[:, np.newaxis] * away
        return self.tiles.moved(
            centre,
            tumble=1.1 * self.tilt[0] * rocking,
            axis=math.pi * self.tilt[1],
            angle=0.5 * self.tilt[2] * (1 - fall),
            size=ease(self.way, "smooth", 0.0, 0.2),
        )

    def flip(self) -> Sprites:
        """Turn about the vertical axis into the plane, from where the viewer sees the edge alone."""
        upright = turned_height(self.tiles, 0.5 * math.pi)
        edge = arithmetic.arctan2(self.viewer[2] - upright, self.tiles.centre[:, 0] - self.viewer[0])
        return turned(self.tiles, edge * np.square(1 - self.way))

    def slide(self) -> Sprites:
        """Come from outside the nearer side of the frame, above the tiles that are already there, and settle."""
        tiles = self.tiles
        side = np.where(tiles.centre[:, 0] < self.viewer[0], -1.0, 1.0)
        width = np.abs(tiles.right + tiles.down)[:, 0]
        far = 0.5 * self.view[0] + 1.1 * width - side * (tiles.centre[:, 0] - self.viewer[0])
        left = arithmetic.power(1 - self.way, 3)
        centre = self.at_height(_SLIDE * (1 - ease(self.way, "smooth", 0.55, 1.0)))
        centre[:, 0] += side * far * left
        return tiles.moved(centre, tumble=0.5 * side * np.square(1 - self.way), axis=math.pi / 2)


_ENTRANCES: Final[dict[Enter, Callable[[_Entering], Sprites]]] = {
    "pop": _Entering.pop,
    "drop": _Entering.drop,
    "flip": _Entering.flip,
    "slide": _Entering.slide,
}
