"""Zoom: from the whole mosaic into one photo or several in turn, or back out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from renderer.scene import (
    Animation,
    Camera,
    Easing,
    Ending,
    Motion,
    Scene,
    Sprites,
    Stage,
    Target,
    ease,
    make_sprites,
    parameter,
    parse_target,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array

Landing = Literal["photo", "whole", "tile"]

PAN = 1.2
"""Trade-off between zooming and panning: ρ in van Wijk and Nuij, "Smooth and efficient zooming and panning", 2003.

In their user tests with maps, 1.4 was best. With a lower value, the camera pulls back less between two photos, so that
the viewer keeps track of the direction."""

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
        stops = [_Stop(stage, tiles, cell, self.landing, self.drift) for cell in cells]
        flight = _Flight(self, stage, [stop.camera for stop in stops])

        def motion(progress: float) -> Scene:
            leg, way = flight.at(progress)
            camera = leg.camera(way)
            openings = [_opening(stop.camera, camera) * leg.nearness(number, way) for number, stop in enumerate(stops)]
            opened = [(stop, opening) for stop, opening in zip(stops, openings, strict=True) if opening > 0]
            groups = [stop.beyond for stop, _ in opened if stop.beyond is not None]
            groups.append(stage.visible_tiles(tiles, camera))
            groups += [ground for stop, opening in opened if (ground := stop.surroundings(opening))]
            groups += [stop.sprite(opening) for stop, opening in opened]
            return stage.scene(camera, *groups)

        return motion


# -- The path ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leg:
    """One flight between two cameras, each at the whole mosaic or at a photo."""

    start: Camera
    end: Camera
    from_stop: int | None  # index of the photo; None: the whole mosaic
    to_stop: int | None
    widest: Camera  # shows the whole mosaic
    bounds: tuple[tuple[float, float], tuple[float, float]]  # range of x and of y that may be visible
    frame: tuple[int, int]

    @property
    def length(self) -> float:
        """Perceived length of the flight: zooming by a factor of e counts as 1."""
        if self.from_stop is None or self.to_stop is None:
            return abs(math.log(self.end.scale / self.start.scale))
        return self._arc()[3]

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
        straight = self.from_stop is None or self.to_stop is None
        return self._within(self._straight(way) if straight else self._pull_back(way))

    def _straight(self, way: float) -> Camera:
        """Return the camera between the whole mosaic and a photo.

        The logarithm of the scale changes linearly, so that the perceived speed is constant. A point that both cameras
        show at the same position of the frame stays there throughout. The optimal path of van Wijk and Nuij is not used
        here: towards a photo away from the middle it would show areas far outside the mosaic.
        """
        scale = self.start.scale * (self.end.scale / self.start.scale) ** way
        ratio = self.start.scale / self.end.scale
        share = way if abs(ratio - 1) < 1e-9 else (1 - self.start.scale / scale) / (1 - ratio)
        return Camera(_on_line(self.start, self.end, share), scale)

    def _arc(self) -> tuple[float, float, float, float]:
        """Return the start width, distance, r0 and length of the hyperbolic path (van Wijk and Nuij 2003, eq. 9)."""
        start, end = self.frame[0] / self.start.scale, self.frame[0] / self.end.scale
        distance = max(math.dist(self.start.centre, self.end.centre), 1e-9)
        growth, far = end**2 - start**2, PAN**4 * distance**2
        b0 = (growth + far) / (2 * start * PAN**2 * distance)
        b1 = (growth - far) / (2 * end * PAN**2 * distance)
        # ln(√(b² + 1) − b) as asinh: for cameras close together b is large, and the root would cancel out.
        r0, r1 = -math.asinh(b0), -math.asinh(b1)
        return start, distance, r0, r1 - r0

    def _pull_back(self, way: float) -> Camera:
        """Return the camera between two photos, on the path that seems shortest, counting both zooming and panning."""
        start, distance, r0, length = self._arc()
        r = r0 + way * length
        width = start * math.cosh(r0) / math.cosh(r)
        travelled = start / PAN**2 * (math.cosh(r0) * math.tanh(r) - math.sinh(r0))
        return Camera(_on_line(self.start, self.end, travelled / distance), self.frame[0] / width)

    def _within(self, camera: Camera) -> Camera:
        """Return the camera moved so that nothing outside the mosaic is visible, unless an opened photo covers it."""
        scale = max(camera.scale, self.widest.scale)
        centre = []
        for axis, at in enumerate(camera.centre):
            low, high = self.bounds[axis]
            half = 0.5 * self.frame[axis] / scale
            for landed, stop in ((self.start, self.from_stop), (self.end, self.to_stop)):
                if stop is not None:
                    opening, reach = _opening(landed, camera), 0.5 * self.frame[axis] / landed.scale
                    low = min(low, low + opening * (landed.centre[axis] - reach - low))
                    high = max(high, high + opening * (landed.centre[axis] + reach - high))
            centre.append(min(max(at, low + half), high - half))
        return Camera((centre[0], centre[1]), scale)


def _opening(landed: Camera, camera: Camera) -> float:
    """Return how far a photo has opened, 0…1: as `camera` nears `landed`, starting at a quarter of its final size."""
    return float(ease(1.0 - math.log(landed.scale / camera.scale) / 1.4, "smooth", 0.0, 0.95))


def _bounds(stage: Stage, whole: Camera) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the range of x and of y of the mosaic, or of the whole view where that is larger."""
    edges = stage.edges()
    x, y = (
        (min(low, middle - 0.5 * side / whole.scale), max(high, middle + 0.5 * side / whole.scale))
        for middle, side, low, high in zip(whole.centre, stage.frame, edges[:2], edges[2:], strict=True)
    )
    return x, y


def _including(stage: Stage, stop: Camera) -> Camera:
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


def _on_line(start: Camera, end: Camera, share: float) -> tuple[float, float]:
    x, y = (a + (b - a) * share for a, b in zip(start.centre, end.centre, strict=True))
    return x, y


class _Flight:
    """All legs on one time axis, each between two pauses; the moving time is divided in proportion to their lengths."""

    def __init__(self, zoom: Zoom, stage: Stage, stops: Sequence[Camera]) -> None:
        whole = _including(stage, stops[0])
        stations: list[tuple[Camera, int | None]] = [(whole, None), *((stop, i) for i, stop in enumerate(stops))]
        if zoom.direction == "inout":
            stations.append((whole, None))
        pauses = [zoom.hold_start, *[zoom.hold_end] * (len(stations) - 1)]
        if zoom.direction == "out":
            stations.reverse()
        elif zoom.direction == "inout":
            pauses[-1] = zoom.hold_start
        self.legs = [
            _Leg(a, b, i, j, whole, _bounds(stage, whole), stage.frame) for (a, i), (b, j) in pairwise(stations)
        ]
        shares = stage.pause_shares(pauses)
        lengths = np.array([leg.length for leg in self.legs]) + 1e-9
        moves = (1 - shares.sum()) * lengths / lengths.sum()
        self.starts = np.cumsum(shares[:-1]) + np.concatenate([[0.0], np.cumsum(moves)[:-1]])
        self.ends = self.starts + moves
        self.easing: Easing = zoom.easing
        # In a pause, the camera makes a small part of the leg before it; in the first one, of the leg after it.
        self.pauses = shares
        self.crept = np.minimum(0.5 * math.log1p(zoom.drift) / lengths, 0.1)

    def at(self, progress: float) -> tuple[_Leg, float]:
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
    return (min(max(time, 0.0), pause) + ramp / 3 * (1 - (1 - slowing) ** 3)) / max(pause + ramp / 3, 1e-9)


# -- The photos ----------------------------------------------------------------------------------------------------


class _Stop:
    """A photo that the camera lands on: a sprite over its own tile that opens from the tile's crop to the whole photo.

    Its outline opens likewise, from that of the tile to a rectangle without border, while the photo stays where it is.
    Between tiles with gaps, the photo also grows, so that all of its edges reach those of the frame at the same time:
    otherwise the ground would show on two sides long after it has left the others. With the landing "tile", all stays
    as it is in the mosaic.

    After landing, its texels coincide with the frame's pixels, so that the photo is as sharp as a good resize: its
    sides are stretched to whole pixels and the camera is moved by up to half a pixel.
    """

    def __init__(self, stage: Stage, tiles: Sprites, cell: int, landing: Landing, drift: float) -> None:
        index = int(stage.mosaic.photo[cell])
        photo = stage.photo(index)
        left, top, across, along = (0, 0, *photo.own_size) if photo.is_part else photo.crop
        size = np.array(photo.own_size, np.float64)
        self.tile = tiles.take(slice(cell, cell + 1))
        shown_part = self.tile.window[0]  # all of the crop, except in cells of the other orientation
        left, top = left + across * shown_part[0], top + along * shown_part[1]
        across, along = across * (shown_part[2] - shown_part[0]), along * (shown_part[3] - shown_part[1])
        self.crop = np.array([left, top, left + across, top + along]) / np.tile(size, 2)
        # Half the size of the crop inside the tile's border, in mosaic units.
        whole_half = np.abs(self.tile.right[0] + self.tile.down[0])
        self.half = self.tile.outline.photo_half(whole_half)
        self.corners = np.stack([self.tile.centre[0] - whole_half, self.tile.centre[0] + whole_half])
        # The part of the photo that the frame shows after landing.
        frame = np.array(stage.frame, np.float64)
        framing = stage.framing(index) if landing == "photo" else None
        is_whole = landing == "whole" or (framing is not None and not framing.fills)
        self.ground = stage.add_ground(index) if is_whole else None  # texture
        self.stays = landing == "tile"
        if self.stays:
            with_border = (across, along) * self.tile.outline.sprite_half(self.half) / self.half
            pixels = float((frame / with_border).min())  # frame pixels per photo pixel
            middle = 0.5 * (self.crop[:2] + self.crop[2:])
        elif framing is None or not framing.fills:
            part_size = size if framing is None else size * framing.size
            pixels = float((frame / part_size).min())
            middle = np.array([0.5, 0.5] if framing is None else framing.middle)
        else:
            pixels = float((frame / size).max()) * (1 + drift)  # in the pause, the frame shows a little more
            # Of a photo whose sides are stretched to whole pixels.
            edge = np.minimum(0.5 * frame * (1 + drift) / np.rint(size * pixels), 0.5)
            middle = np.clip(framing.middle, edge, 1 - edge)
        shown = 0.5 * frame / (size * pixels)
        window = np.concatenate([middle - shown, middle + shown])
        texels = np.maximum(np.rint(size * pixels), 1)
        part = self.crop[2:] - self.crop[:2]
        # How much the photo grows in mosaic units.
        self.growth = max(1.0, float((part / (2 * shown)).max())) if stage.mosaic.shape.gap else 1.0
        # What the pause shows, and a pixel more on each side, as the camera is moved.
        more = 1 / texels + drift * shown
        inside = np.clip(window + np.concatenate([-more, more]), 0.0, 1.0)
        # The sprite always covers its tile, for which a part of the crop is enough after the photo has grown.
        inset = 0.5 * (1 - 1 / self.growth) * part
        opened = np.concatenate(
            [np.minimum(inside[:2], self.crop[:2] + inset), np.maximum(inside[2:], self.crop[2:] - inset)]
        )
        self.opened = self.crop if self.stays else opened
        scale = pixels * across / (2 * float(self.half[0])) / self.growth
        # Crops have whole pixels, so that their ratio differs a little from that of tiles, which show them distorted.
        self.stretch = texels / (2 * self.half / part * scale)
        self.camera = self._aligned(window, scale, stage.frame)
        self.texture = stage.add_whole(index, float(texels[0]), float(texels[1]))
        reach = (0.5 * (1 + drift) * frame + 1) / self.camera.scale
        self.visible = np.stack([self.camera.centre - reach, self.camera.centre + reach])
        # The camera may leave the mosaic before the ground, which opens with the photo, covers all of the frame.
        self.beyond: Sprites | None = None
        if self.ground is not None and not stage.mosaic.is_masked:
            self.beyond = _around(self.ground, stage.edges(), self.visible)

    def _aligned(self, window: Float64Array, scale: float, frame: tuple[int, int]) -> Camera:
        """Return the camera that shows a part of the photo, moved so that the photo's corner is at a pixel's corner."""
        centre, half = self._placement(np.array([0.0, 0.0, 1.0, 1.0]), 1.0)
        middle, _ = self._placement(window, 1.0)
        corner = (centre - half - middle) * scale + 0.5 * np.array(frame)  # in pixels of the frame
        x, y = middle - (np.ceil(corner - 1e-6) - corner) / scale
        return Camera((float(x), float(y)), scale)

    def _placement(self, window: Float64Array, opening: float) -> tuple[Float64Array, Float64Array]:
        """Return the centre and half the size of a window of the photo, whose crop lies inside its tile's border."""
        unit = self.half / (self.crop[2:] - self.crop[:2]) * (1.0 + opening * (self.stretch - 1.0))
        shift = (window[:2] + window[2:] - self.crop[:2] - self.crop[2:]) * unit
        return self.tile.centre[0] + shift, (window[2:] - window[:2]) * unit

    def surroundings(self, opening: float) -> Sprites | None:
        """Return the ground around a whole photo, which opens like it from its tile to the frame after landing."""
        if self.ground is None:
            return None
        low, high = self.corners + opening * (self.visible - self.corners)
        if opening < 1:  # the tile, which may be wider than the part of its photo that is shown at last, stays covered
            low, high = np.minimum(low, self.corners[0]), np.maximum(high, self.corners[1])
        right, down = np.diag(0.5 * (high - low))
        sprite = make_sprites(self.ground, 0.5 * (low + high), right, down)
        return replace(sprite, outline=self.tile.outline.opening(opening))

    def sprite(self, opening: float) -> Sprites:
        """Return the photo at an opening from 0, its crop, to 1, fully opened."""
        # The edges move at a constant speed, as the photo grows at the same time.
        share = opening * self.growth / (1 - opening + opening * self.growth)
        window = self.crop + share * (self.opened - self.crop)
        outline = self.tile.outline if self.stays else self.tile.outline.opening(opening)
        centre, half = self._placement(window, opening)
        right, down = np.diag(outline.sprite_half(half))
        return replace(
            self.tile,
            texture=np.array([self.texture], np.int32),
            centre=centre[np.newaxis],
            right=right[np.newaxis],
            down=down[np.newaxis],
            window=window[np.newaxis],
            gain=(1 + (self.tile.gain - 1) * np.float32(1 - opening)).astype(np.float32),  # an opened photo has no tone
            offset=(self.tile.offset * np.float32(1 - opening)).astype(np.float32),
            joined=np.zeros(1, np.uint8),
            outline=outline,
        )


def _around(texture: int, edges: Sequence[float], visible: Float64Array) -> Sprites | None:
    """Return pictures beside a mosaic's edges (left, top, right, bottom), as far as a camera shows what is outside.

    visible: low and high corner of what it shows after landing, (2, 2). None if that is inside.
    """
    left, top, right, bottom = edges
    low_x, low_y = np.minimum(visible[0], edges[:2])
    high_x, high_y = np.maximum(visible[1], edges[2:])
    boxes = np.array([
        (low_x, low_y, left, high_y), (right, low_y, high_x, high_y),
        (low_x, low_y, high_x, top), (low_x, bottom, high_x, high_y),
    ])  # fmt: skip
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
    if not len(boxes):
        return None
    half, zero = 0.5 * (boxes[:, 2:] - boxes[:, :2]), np.zeros(len(boxes))
    right_of, down_of = np.stack([half[:, 0], zero], axis=1), np.stack([zero, half[:, 1]], axis=1)
    return make_sprites(np.full(len(boxes), texture), boxes[:, :2] + half, right_of, down_of)
