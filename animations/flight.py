"""Flight: the camera flies low over the photos, then rises and turns until the whole mosaic is the cover."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from renderer.scene import (
    Animation,
    Camera,
    Easing,
    Ending,
    Motion,
    Scene,
    Stage,
    arithmetic,
    ease,
    footprint,
    parameter,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array


@dataclass(frozen=True)
class Flight(Animation):
    """Fly low over the photos, then rise until they are the cover."""

    closes: ClassVar[bool] = True

    height: float = parameter(
        3.0,
        "Height of the low flight; the nearest photos are the larger the lower it is",
        unit="tiles",
        low=1.2,
        high=30,
    )
    heading: float = parameter(
        28.0, "Direction of the low flight: 0 is upwards, 90 to the right", unit="degrees", low=-45, high=45
    )
    pitch: float = parameter(
        52.0, "Angle at which the camera looks forward; 0 is straight down", unit="degrees", low=0, high=60
    )
    start: Literal["photos", "mosaic"] = parameter(
        "photos", "Start low over the photos, or descend from the whole mosaic first, as a loop does", option="--from"
    )
    easing: Easing = parameter("cruise", "How the camera speeds up and slows down as it rises")
    hold_end: float = parameter(1.0, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def endings(self) -> tuple[Ending, Ending]:
        """Return what is low over the photos, or the mosaic, and the mosaic."""
        return ("mosaic" if self._descends else "other"), "mosaic"

    def default_duration(self) -> float:
        """Return 10 seconds, or 14 with a descent."""
        return 14.0 if self._descends else self.seconds

    @property
    def _descends(self) -> bool:
        return self.loop or self.start == "mosaic"

    def prepare(self, stage: Stage) -> Motion:
        """Compute the path; a frame then selects the tiles in view."""
        tiles = stage.resting_sprites()
        (after,) = stage.pause_shares([self.hold_end])
        first = -_DESCENT if self._descends else 0.0
        path = _Path(self, stage, stage.seconds * (1 - after) / (1 - first))

        def motion(progress: float) -> Scene:
            time = min(progress / (1 - after), 1.0)
            drift = (4 * progress if self._descends else 1) * (1 - progress)  # 0 at the whole mosaic
            camera = self.drifted(path.camera(first + (1 - first) * time), drift)
            return stage.scene(camera, stage.visible_tiles(tiles, camera))

        return motion


_DESCENT: Final = 0.6  # duration of the descent, relative to what follows it
_LOW: Final = 0.25  # share of what follows after which the camera begins to rise
_SPEED: Final = 0.9  # of the low flight, in its heights per second
_TURN: Final = 0.35  # share of the heading by which the camera turns until the end
_BANK: Final = math.radians(7)  # by which it leans into the turn
_ROOM: Final = 1.6  # by how much the lowest view is at least smaller than the mosaic, so that there is room to move
_CLEAR: Final = 1.2  # least height, relative to the largest tile: tiles that reach behind the camera are not drawn
_NEAREST: Final = 0.15  # cosine of the angle between the rays of the frame's corners and the plane's normal, at least


class _Path:
    """The path of the camera: at time 0 low over the photos, at −0.6 and 1 at the whole mosaic.

    What it shows is always inside the mosaic: its centre is a share of the way between where it may be and no further.
    """

    def __init__(self, flight: Flight, stage: Stage, seconds: float) -> None:
        self.easing, self.frame, self.whole = flight.easing, stage.frame, stage.whole_camera()
        self.first, self.last = np.array(stage.bounds()).reshape(2, 2)
        width, height = stage.frame
        up = arithmetic.tan(0.5 * self.whole.field_of_view) * (1 + width / height * arithmetic.sin(_BANK))
        # The horizon is never visible.
        steepest = arithmetic.arccos(_NEAREST / math.sqrt(1 + up * up)) - arithmetic.arctan2(up, 1.0)
        self.pitch, self.heading = min(math.radians(flight.pitch), steepest), math.radians(flight.heading)
        sides = stage.mosaic.cell[:, 2:]
        lowest = _CLEAR * float(sides.max())
        above = max(flight.height * float(np.median(sides.min(axis=1))), lowest)
        low, high = self._extent(0.0)
        self.zoom, self.least = _ROOM, _larger(high - low, self.last - self.first)
        focal = self.whole.distance(height) * self.whole.scale  # pixels
        while self.pitch > 0.01 and focal * arithmetic.cos(self.pitch) / self._range(1.0)[0] < lowest:
            self.pitch *= 0.9  # of few large tiles, the whole view is inside the mosaic only if it is less slanted
        self.zoom *= max(focal * arithmetic.cos(self.pitch) / above / self._range(1.0)[0], 1.0)
        self.larger = self._range(1.0)[0] / self.whole.scale
        # Straight ahead, over what is in the middle at the end; less far if the mosaic is small.
        self.end, self.middle = self._share(0.0), self._share(1.0)
        _, first, last = self._range(1.0)
        far = _SPEED * above * 0.5 * (1 + _DESCENT) * seconds / (last - first)
        ahead = far * (arithmetic.sin(self.heading), -arithmetic.cos(self.heading))
        room = np.minimum(self.middle, 1 - self.middle) / np.maximum(np.abs(ahead), 1e-9)
        self.ahead = ahead * min(float(room.min()), 1.0)

    def camera(self, time: float) -> Camera:
        """Return the camera at a time, −0.6…1."""
        if time >= 1 or time <= -_DESCENT:
            return self.whole
        start, end = (_LOW, 1.0) if time > 0 else (0.0, -_DESCENT)
        near = 1 - float(ease((time - start) / (end - start), self.easing))
        # As the camera rises, one point of the mosaic stays where it is in the frame, apart from the flight ahead.
        share = (1 - arithmetic.power(self.larger, -near)) / (1 - 1 / self.larger)
        flown = (time + _DESCENT) / (1 + _DESCENT) * 2 - 1
        scale, first, last = self._range(near)
        x, y = first + (self.end + share * (self.middle + flown * self.ahead - self.end)) * (last - first)
        bank = _BANK * arithmetic.sin(math.pi * max(time, 0.0))
        return replace(self._turned(near, 1 - _TURN * time, bank), centre=(float(x), float(y)), scale=scale)

    def _turned(self, near: float, heading: float, bank: float) -> Camera:
        """Return a camera that looks ahead and leans into its turn. `near`: 1 low over the photos, 0 at the whole."""
        turned = float(ease(near, "smooth"))
        return _banked(self.pitch * turned, self.heading * turned * heading, math.copysign(bank, self.heading) * turned)

    def _extent(self, near: float) -> tuple[Float64Array, Float64Array]:
        """Return what may be visible around the centre, in pixels: the least and the largest x and y, (2,) each.

        For all headings from one side to the other, so that it changes smoothly as the camera turns.
        """
        headings = np.linspace(-1, 1, 5) * (1 + _TURN * _DESCENT)
        turned = [self._turned(near, heading, bank) for heading in headings for bank in (-_BANK, _BANK)]
        boxes = np.array([footprint(each, self.frame) for each in turned])
        return boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)

    def _range(self, near: float) -> tuple[float, Float64Array, Float64Array]:
        """Return the scale, and the least and the largest x and y of the centre, (2,) each."""
        low, high = self._extent(near)
        ratios = (high - low) / (self.last - self.first)
        larger = _larger(high - low, self.last - self.first) / self.least
        scale = self.whole.scale * arithmetic.power(self.zoom, near) * larger
        scale = max(scale, float(ratios.max()))
        return scale, self.first - low / scale, np.maximum(self.last - high / scale, self.first - low / scale)

    def _share(self, near: float) -> Float64Array:
        """Return where the middle of the whole mosaic, or what is nearest to it, is in this range, 0…1, (2,)."""
        _, first, last = self._range(near)
        shares = (np.array(self.whole.centre) - first) / np.maximum(last - first, 1e-9)
        return np.clip(np.where(last - first > 1e-9, shares, 0.5), 0.0, 1.0)


def _larger(view: Float64Array, mosaic: Float64Array) -> float:
    """Return about the larger ratio of two sizes, which changes smoothly where the other one becomes the larger."""
    return arithmetic.power(float(arithmetic.power(view / mosaic, 12).sum()), 1 / 12)


def _banked(pitch: float, heading: float, bank: float) -> Camera:
    """Return a camera that looks ahead in a direction and leans to the right, radians."""
    (sin_p, cos_p), (sin_h, cos_h), (sin_b, cos_b) = (
        (arithmetic.sin(each), arithmetic.cos(each)) for each in (pitch, -heading, bank)
    )
    # The axes of the frame, turned by the heading, then by the pitch, then by the bank.
    xx, xy, xz = cos_b * cos_h - sin_b * cos_p * sin_h, -cos_b * sin_h - sin_b * cos_p * cos_h, sin_b * sin_p
    angle, yaw = arithmetic.arctan2(-xy, xx), arithmetic.arcsin(min(max(xz, -1.0), 1.0))
    return Camera((0.0, 0.0), 1.0, angle=angle, pitch=arithmetic.arctan2(cos_b * sin_p, cos_p), yaw=yaw)
