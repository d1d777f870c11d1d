"""Flights: the path of a camera between two views."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from renderer.kernels import arithmetic
from renderer.scene.easing import ease
from renderer.scene.sprites import Camera
from renderer.scene.stage import Stage

PAN: Final = 1.2
"""Trade-off between zooming and panning: ρ in van Wijk and Nuij, "Smooth and efficient zooming and panning", 2003.

In their user tests with maps, 1.4 was best. With a lower value, the camera pulls back less between two photos, so that
the viewer keeps track of the direction."""

_OPENING: Final = 1.4
"""Logarithm of the scale, relative to that after landing, at which a photo begins to open: a quarter of its size."""


def straight_flight(start: Camera, end: Camera, way: float) -> Camera:
    """Return the camera at 0…1 of a flight between two views, both without angle, pitch and yaw.

    The logarithm of the scale changes linearly, so that the perceived speed is constant. A point that both cameras
    show at the same position of the frame stays there throughout.
    """
    scale = start.scale * arithmetic.power(end.scale / start.scale, way)
    ratio = start.scale / end.scale
    share = way if abs(ratio - 1) < 1e-9 else (1 - start.scale / scale) / (1 - ratio)
    return Camera(_on_line(start, end, share), scale)


@dataclass(frozen=True)
class ArchedFlight:
    """The flight between two views that seems shortest, counting both zooming and panning: it pulls back in between.

    That is the hyperbolic path of van Wijk and Nuij (2003, eq. 9), at constant perceived speed. Zooming by a factor of
    e has the length 1. `width`: of the frame in pixels; the cameras have no angle, pitch and yaw.
    """

    start: Camera
    end: Camera
    width: int

    @property
    def length(self) -> float:
        """Perceived length."""
        return self._arc()[3]

    def camera(self, way: float) -> Camera:
        """Return the camera at 0…1 of the flight."""
        start, distance, r0, length = self._arc()
        r = r0 + way * length
        width = start * _cosh(r0) / _cosh(r)
        # sinh(r - r0) / cosh(r) is cosh(r0) tanh(r) - sinh(r0), the difference of large numbers.
        travelled = start / (PAN * PAN) * _sinh(way * length) / _cosh(r)
        return Camera(_on_line(self.start, self.end, travelled / distance), self.width / width)

    def _arc(self) -> tuple[float, float, float, float]:
        """Return the start width, distance, r0 and length."""
        start, end = self.width / self.start.scale, self.width / self.end.scale
        distance = max(arithmetic.distance(self.start.centre, self.end.centre), 1e-9)
        span = PAN * PAN * distance
        growth, far = end * end - start * start, span * span
        # ln(√(b² + 1) − b) as asinh: for cameras close together b is large, and the root would cancel out.
        r0, r1 = -_asinh((growth + far) / (2 * start * span)), -_asinh((growth - far) / (2 * end * span))
        return start, distance, r0, r1 - r0


@dataclass(frozen=True)
class Leg:
    """One flight of a tour, between two cameras, each at the whole mosaic or at a photo that opens.

    Between the whole mosaic and a photo it is straight, between two photos arched. Nothing outside the mosaic becomes
    visible, except where an opened photo covers it.
    """

    start: Camera
    end: Camera
    from_stop: int | None  # index of the photo; None: the whole mosaic
    to_stop: int | None
    widest: Camera  # shows the whole mosaic
    bounds: tuple[tuple[float, float], tuple[float, float]]  # range of x and of y that may be visible
    frame: tuple[int, int]  # width and height in pixels

    @property
    def length(self) -> float:
        """Perceived length of the flight: zooming by a factor of e counts as 1."""
        if self._is_straight:
            return abs(arithmetic.log(self.end.scale / self.start.scale))
        return ArchedFlight(self.start, self.end, self.frame[0]).length

    def nearness(self, stop: int, way: float) -> float:
        """Return 1 at a photo where the leg starts or ends, 0 at others; blended between two photos."""
        if stop == self.from_stop and stop == self.to_stop:
            return 1.0
        if stop == self.from_stop:
            return 1.0 if self.to_stop is None else 1.0 - float(ease(way, "smooth"))
        if stop == self.to_stop:
            return 1.0 if self.from_stop is None else float(ease(way, "smooth"))
        return 0.0

    def camera(self, way: float) -> Camera:
        """Return the camera at 0…1 of the flight, at a constant perceived speed."""
        if self._is_straight:
            # The arch would, towards a photo away from the middle, show areas far outside the mosaic.
            return self.within(straight_flight(self.start, self.end, way))
        return self.within(ArchedFlight(self.start, self.end, self.frame[0]).camera(way))

    @property
    def _is_straight(self) -> bool:
        return self.from_stop is None or self.to_stop is None

    def within(self, camera: Camera) -> Camera:
        """Return the camera moved so that nothing outside the mosaic is visible, unless an opened photo covers it."""
        scale = max(camera.scale, self.widest.scale)
        centre = []
        for axis, at in enumerate(camera.centre):
            low, high = self.bounds[axis]
            half = 0.5 * self.frame[axis] / scale
            for landed, stop in ((self.start, self.from_stop), (self.end, self.to_stop)):
                if stop is not None:
                    opening, reach = opening_of(landed, camera), 0.5 * self.frame[axis] / landed.scale
                    low = min(low, low + opening * (landed.centre[axis] - reach - low))
                    high = max(high, high + opening * (landed.centre[axis] + reach - high))
            centre.append(min(max(at, low + half), high - half))
        return Camera((centre[0], centre[1]), scale)


def opening_of(landed: Camera, camera: Camera) -> float:
    """Return how far a photo has opened, 0…1: as `camera` nears `landed`, starting at a quarter of its final size."""
    return float(ease(1.0 - arithmetic.log(landed.scale / camera.scale) / _OPENING, "smooth", 0.0, 0.95))


def visible_bounds(stage: Stage, whole: Camera) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the range of x and of y of the first map, or of a camera's view where that is larger, in mosaic units."""
    left, top, right, bottom = stage.bounds(whole)
    return (left, right), (top, bottom)


def camera_including(stage: Stage, stop: Camera) -> Camera:
    """Return the whole camera, moved as little as necessary to show everything that is visible at a stop."""
    whole, edges = stage.whole_camera(), stage.edges()
    moved = []
    for middle, at, side, low, high in zip(whole.centre, stop.centre, stage.frame, edges[:2], edges[2:], strict=True):
        half, needed = 0.5 * side / whole.scale, 0.5 * side / stop.scale
        if 2 * half < high - low:
            near = min(max(middle, at + needed - half), at - needed + half)
            middle = min(max(near, low + half), high - half)
        moved.append(middle)
    return replace(whole, centre=(moved[0], moved[1]))


def _cosh(x: float) -> float:
    return 0.5 * (arithmetic.exp(x) + arithmetic.exp(-x))


def _sinh(x: float) -> float:
    return 0.5 * (arithmetic.exp(x) - arithmetic.exp(-x))


def _asinh(x: float) -> float:
    return math.copysign(arithmetic.log(abs(x) + math.sqrt(x * x + 1)), x)


def _on_line(start: Camera, end: Camera, share: float) -> tuple[float, float]:
    x, y = (a + (b - a) * share for a, b in zip(start.centre, end.centre, strict=True))
    return x, y
