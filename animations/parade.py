"""Parade: large photos follow each other, and each flies to its cell, until all photos form the mosaic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from renderer.scene import (
    Camera,
    Ending,
    Motion,
    OpeningPhoto,
    Scene,
    SpatialAnimation,
    Sprites,
    Stage,
    arithmetic,
    ease,
    in_view,
    landings_in_view,
    opening_of,
    parameter,
    spread,
    straight_flight,
    turns,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array

_LARGE: Final = 1.1  # seconds for which a photo is large, on average
_FLIGHT: Final = 1.1  # seconds of its flight
_NEXT: Final = 0.6  # share of the flight after which the next photo appears
_APPEARS: Final = 0.5  # seconds in which it does
_REST: Final = 2.5  # seconds from the last landing until the mosaic is complete
_ENTRY: Final = 0.5  # seconds in which each of the other tiles falls
_FALL: Final = 3.0  # units above the mosaic from which it does
_UNEVEN: Final = 1.0  # units by which the edge of those that have landed is uneven
_LATE: Final = 0.7  # 1: this edge advances at a constant speed; less: slowly at first
_BOW: Final = 0.15  # how far the paths of photos bow to one side, relative to their lengths
_LIFT: Final = 2.5  # units, height of the middle of their paths
_NEAREST: Final = 0.2  # height of photos and tiles at most, relative to the distance of the viewer
_CLOSED: Final = 0.4  # share of the flight after which photos turn that are mirrored in their cells
_DIM: Final = 0.7  # brightness of the blurred mosaic below its tiles


@dataclass(frozen=True)
class Parade(SpatialAnimation):
    """Show single photos that fly to their cells, until all form the cover."""

    first: ClassVar[Ending] = "photo"

    photos: int = parameter(
        6, "Number of single photos; fewer if too few of them differ and are in view", low=1, high=12
    )
    accelerate: float = parameter(
        0.5, "How much shorter the last of them is large than the first, as a share of its time", low=0, high=0.9
    )
    hold_end: float = parameter(1.0, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def default_duration(self) -> float:
        """Return the time for each photo and for the other tiles, and the pause."""
        return self.photos * (_LARGE + _NEXT * _FLIGHT) + (1 - _NEXT) * _FLIGHT + _REST + self.hold_end

    def landings(self, stage: Stage) -> Sequence[int]:
        """Return the cells of the single photos, in their order."""
        cells = landings_in_view(stage, self.photos)
        return cells[::-1] if self.reverse else cells

    def last_photo(self, stage: Stage) -> int | None:
        """Return the cell of the first photo if the animation ends with it, as in reverse."""
        return landings_in_view(stage, self.photos)[0] if self.shown_endings()[1] == "photo" else None

    def prepare(self, stage: Stage) -> Motion:
        """Choose the photos, and compute when each is shown and lands, and when the other tiles fall."""
        cells = landings_in_view(stage, self.photos)
        if len(cells) < self.photos:
            fit = "1 photo" if len(cells) == 1 else f"{len(cells)} photos"
            stage.notice(f"Only {fit} can be shown one by one: the others are too much like them, or not in view")
        tiles, upright, whole = stage.resting_sprites(), stage.resting_sprites(upright=cells), stage.whole_camera()
        (after,) = stage.pause_shares([self.hold_end])
        times = _Times(len(cells), self.accelerate, float(1 - after))
        photos = [
            _Photo(stage, OpeningPhoto(stage, upright, cell, "photo", self.drift), number, times, self.drift)
            for number, cell in enumerate(cells)
        ]
        points = tiles.centre + arithmetic.uniform(stage.rng(), -_UNEVEN, _UNEVEN, (len(tiles), 2))
        last = times.end - times.entry - 1e-9  # so that the last tile has landed in spite of rounding
        starts = spread(points, tiles.centre[list(cells)], times.lands, last, in_view(stage, tiles, whole), _LATE)
        starts[list(cells)] = times.lands
        duration = np.full(len(tiles), times.entry)
        duration[cells] = 1e-9
        resting_part, in_space = stage.partly_resting(tiles), self.in_space(stage)
        ground, has_gaps = stage.backdrop(light=_DIM), stage.has_gaps()
        fall = min(_FALL, _NEAREST * whole.distance(stage.frame[1]))

        def motion(progress: float) -> Scene:
            alone = next((photo for photo in photos if photo.is_alone(progress)), None)
            if alone is not None:  # drawn as after a landing: as sharp as possible
                return stage.scene(alone.camera(progress), *alone.photo.sprites(1.0))
            camera = self.drifted(whole, 1 - progress)
            way = np.clip((progress - starts) / duration, 0.0, 1.0)
            falling = np.flatnonzero((way > 0) & (way < 1))
            below: tuple[Sprites, ...] = (resting_part(way >= 1),)
            if progress < times.end:
                left = 1 - ease(progress, "sine", photos[-1].lands, times.end) if has_gaps else 1.0
                below = (ground.faded(left), *below)
            groups: tuple[Sprites, ...] = in_space(_falling(tiles.take(falling), way[falling], fall), *below)
            for photo in photos:
                if photo.takes_off <= progress < photo.lands:
                    flying = photo.flying(progress, camera)
                    groups = in_space(flying[-1], *groups, *flying[:-1])
                elif photo.appears <= progress < photo.takes_off:
                    groups += photo.appearing(progress, camera)
            return stage.scene(camera, *groups)

        return motion


class _Times:
    """When photos appear, take off and land, (K,) each, and how long that takes: shares of the duration."""

    def __init__(self, count: int, accelerate: float, end: float) -> None:
        large = arithmetic.power(1 - accelerate, np.linspace(0, 1, count))
        large *= _LARGE * count / large.sum()
        self.takes_off = np.cumsum(large) + _NEXT * _FLIGHT * np.arange(count)
        self.appears = self.takes_off - large
        unit = end / (self.takes_off[-1] + _FLIGHT + _REST)  # of a second
        self.takes_off, self.appears = self.takes_off * unit, self.appears * unit
        self.flight, self.entry, self.end = _FLIGHT * unit, _ENTRY * unit, end
        self.appearing = np.minimum(_APPEARS * unit, 0.6 * large * unit)  # (K,)
        self.lands = self.takes_off + self.flight


class _Photo:
    """One photo, from its appearance to its landing in its cell."""

    def __init__(self, stage: Stage, photo: OpeningPhoto, number: int, times: _Times, drift: float) -> None:
        self.stage, self.photo, self.flight = stage, photo, times.flight
        self.appears, self.takes_off = float(times.appears[number]), float(times.takes_off[number])
        self.lands = self.takes_off + self.flight
        self.opaque = self.appears + (float(times.appearing[number]) if number else 0.0)
        self.side = 1 if number % 2 else -1
        self.lift = min(_LIFT, _NEAREST * stage.whole_camera().distance(stage.frame[1]))
        self.mirrored, self.axis, self.angle = turns(
            photo.tile, stage.resting_sprites().take(photo.tile.tile.astype(np.intp))
        )
        # The view widens throughout, as later in the flight; that of the first photo starts as a zoom ends.
        self.widens = arithmetic.log(1 + drift) * np.array([0.0 if number == 0 else 2.0, -1.0])

    def is_alone(self, progress: float) -> bool:
        """Return whether the photo fills the frame."""
        return self.opaque <= progress < self.takes_off

    def camera(self, progress: float) -> Camera:
        """Return the camera that shows the photo while it is large, as if in its cell."""
        share = (progress - self.appears) / (self.takes_off - self.appears)
        camera = self.photo.camera
        wider = arithmetic.exp(self.widens[0] * (1 - share) + self.widens[1] * share)
        return replace(camera, scale=camera.scale * wider)

    def appearing(self, progress: float, camera: Camera) -> tuple[Sprites, ...]:
        """Return the photo as it slides in from a side of the frame of a camera, until it fills it."""
        seen = self.stage.scene(self.camera(progress), *self.photo.sprites(1.0)).through(camera)
        reach = [np.abs(each.centre - camera.centre) + np.abs(each.right + each.down) for each in seen]
        view = np.array(self.stage.view(camera))
        away = np.max(reach, axis=(0, 1)) + 0.5 * view
        left = 1 - float(ease(progress, "sine", self.appears, self.opaque))
        # Along the axis on which less of the photo is outside the frame.
        shift = np.where(np.arange(2) == (away / view).argmin(), self.side * left * away, 0.0)
        return tuple(replace(each, centre=each.centre + shift) for each in seen)

    def flying(self, progress: float, camera: Camera) -> tuple[Sprites, ...]:
        """Return the photo above the mosaic, on its way from all of the frame of a camera into its cell."""
        way = float(ease((progress - self.takes_off) / self.flight))
        virtual = straight_flight(self.camera(progress), camera, way)
        seen = self.stage.scene(virtual, *self.photo.sprites(opening_of(self.photo.camera, virtual))).through(camera)
        middle, arch = np.array(camera.centre), 4 * way * (1 - way)
        x, y = self.photo.tile.centre[0] - middle
        bow = self.side * _BOW * arch * np.array([y, -x])
        height = self.lift * arch
        nearer = 1 - height / camera.distance(self.stage.frame[1])  # so that its apparent size is the same
        turned = float(ease(way, "smooth", _CLOSED, 1.0))
        return tuple(
            each.moved(
                np.append(middle + (each.centre + bow - middle) * nearer, [[height]], 1),
                size=nearer, tumble=math.pi * turned * self.mirrored, axis=self.axis, angle=turned * self.angle,
            )
            for each in seen
        )  # fmt: skip


def _falling(tiles: Sprites, way: Float64Array, fall: float) -> Sprites:
    """Return tiles as they fall into their cells from a height; `way`: (N,) 0…1."""
    height = fall * (1 - way * way)
    return tiles.moved(np.concatenate([tiles.centre, height[:, np.newaxis]], 1), opacity=np.minimum(3 * way, 1))
