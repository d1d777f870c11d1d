"""Zoom: from the whole cover into its photos, one after another if asked, or back out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from renderer.scene import (
    Animation,
    Camera,
    Easing,
    Ending,
    Float64Array,
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

Landing = Literal["photo", "whole", "tile"]

PAN = 1.2
"""ρ of van Wijk and Nuij: how much panning is worth how much zooming. They found 1.4 in trials of maps; a little less
pulls back less far between two photos, so that one still sees where one goes."""

_SHARP = 1080
"""Pixels of a photo's square from which on it is sharp enough to land on: the shorter side of most videos."""


@dataclass(frozen=True)
class Zoom(Animation):
    """Fly from the whole cover into one of its photos."""

    direction: Literal["in", "out", "inout"] = parameter("in", "Into the photo, out of it, or there and back")
    focus: tuple[str, ...] = parameter(
        (),
        "Where the camera goes: X,Y in fractions of the cover, or a photo by its path or name; repeated, it makes "
        "a tour; default: a photo that suits, near the middle",
    )
    landing: Landing = parameter(
        "photo", "At the photo: it fills the frame, is shown whole over the background, or stays a square tile"
    )
    easing: Easing = parameter("cruise", "How the camera speeds up and slows down")
    hold_start: float = parameter(0.7, "Rest before the flight", unit="seconds", low=0.0, high=60.0)
    hold_end: float = parameter(1.0, "Rest after it, and at each photo on the way", unit="seconds", low=0.0, high=60.0)

    def __post_init__(self) -> None:
        """Refuse parameters out of their ranges with InputError."""
        super().__post_init__()
        self.targets()

    def endings(self) -> tuple[Ending, Ending]:
        """The mosaic and the photo, in the order of the direction."""
        first: Ending = "photo" if self.direction == "out" else "mosaic"
        last: Ending = "photo" if self.direction == "in" else "mosaic"
        return first, last

    def targets(self) -> tuple[Target, ...]:
        """Where `--focus` points."""
        return tuple(parse_target(text) for text in self.focus)

    def last_photo(self, stage: Stage) -> int | None:
        """The last photo of the flight, unless it leads out again."""
        return self._cells(stage)[0 if self.reverse else -1] if self.shown_endings()[1] == "photo" else None

    def _cells(self, stage: Stage) -> list[int]:
        if not self.focus and stage.from_cell is not None:
            return [stage.from_cell]
        return [stage.cell_at(target) for target in self.targets()] or [_suiting_cell(stage)]

    def prepare(self, stage: Stage) -> Motion:
        """Choose the cells, find the photos' landings and the path between them."""
        cells = self._cells(stage)
        tiles = _upright(stage.resting_sprites(), cells)
        stops = [_Stop(stage, tiles, cell, self.landing) for cell in cells]
        flight = _Flight(self, stage, [stop.camera for stop in stops])
        veil = stage.add_background() if self.landing == "whole" else None

        def motion(progress: float) -> Scene:
            leg, way = flight.at(progress)
            camera = leg.camera(way)
            groups = [stage.seen_tiles(tiles, camera)]
            openings = [_opening(stop.camera, camera) * leg.nearness(number, way) for number, stop in enumerate(stops)]
            if veil is not None:
                groups.append(_veil(veil, camera, stage.frame, max(openings)))
            groups += [stop.sprite(opening) for stop, opening in zip(stops, openings, strict=True)]
            return stage.scene(camera, *groups)

        return motion


# -- The path ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leg:
    """One flight between two cameras, of which either sees the whole mosaic or stands at a photo."""

    start: Camera
    end: Camera
    from_stop: int | None  # which photo; none: the whole mosaic
    to_stop: int | None
    widest: Camera  # of the whole mosaic
    bounds: tuple[tuple[float, float], tuple[float, float]]  # x and y of what may be seen
    frame: tuple[int, int]

    @property
    def length(self) -> float:
        """How long the flight is felt to be: a factor of e of the scale counts 1."""
        if self.from_stop is None or self.to_stop is None:
            return abs(math.log(self.end.scale / self.start.scale))
        return self._arc()[3]

    def nearness(self, stop: int, way: float) -> float:
        """1 at a photo that the leg begins or ends at, 0 at others; between two photos one gives way to the other."""
        if stop == self.from_stop and stop == self.to_stop:
            return 1.0
        if stop == self.from_stop:
            return 1.0 if self.to_stop is None else 1.0 - float(ease(way, "smooth"))
        if stop == self.to_stop:
            return 1.0 if self.from_stop is None else float(ease(way, "smooth"))
        return 0.0

    def camera(self, way: float) -> Camera:
        """The camera at 0…1 of the flight: at an even pace as it is felt."""
        straight = self.from_stop is None or self.to_stop is None
        return self._within(self._straight(way) if straight else self._pull_back(way))

    def _straight(self, way: float) -> Camera:
        """Between the whole and a photo: the logarithm of the scale moves evenly, so the speed is felt as constant.

        A point that both cameras see at the same place of the frame stays there all the way. What van Wijk and Nuij
        call the best path would look far beyond the mosaic on its way to a photo off the middle.
        """
        scale = self.start.scale * (self.end.scale / self.start.scale) ** way
        ratio = self.start.scale / self.end.scale
        share = way if abs(ratio - 1) < 1e-9 else (1 - self.start.scale / scale) / (1 - ratio)
        return Camera(_on_line(self.start, self.end, share), scale)

    def _arc(self) -> tuple[float, float, float, float]:
        """Width at the start, distance, r0 of the hyperbolic path, and its length (van Wijk and Nuij 2003, eq. 9)."""
        begin, end = self.frame[0] / self.start.scale, self.frame[0] / self.end.scale
        distance = max(math.dist(self.start.centre, self.end.centre), 1e-9)
        grown, far = end**2 - begin**2, PAN**4 * distance**2
        b0 = (grown + far) / (2 * begin * PAN**2 * distance)
        b1 = (grown - far) / (2 * end * PAN**2 * distance)
        # ln(√(b² + 1) − b), as asinh: the root cancels for the large b of close cameras.
        r0, r1 = -math.asinh(b0), -math.asinh(b1)
        return begin, distance, r0, r1 - r0

    def _pull_back(self, way: float) -> Camera:
        """Between two photos: the path on which zooming and panning together are felt as the shortest."""
        begin, distance, r0, length = self._arc()
        r = r0 + way * length
        width = begin * math.cosh(r0) / math.cosh(r)
        gone = begin / PAN**2 * (math.cosh(r0) * math.tanh(r) - math.sinh(r0))
        return Camera(_on_line(self.start, self.end, gone / distance), self.frame[0] / width)

    def _within(self, camera: Camera) -> Camera:
        """The camera, kept from seeing what is beside the mosaic, until an opening photo at its edge covers that."""
        scale = max(camera.scale, self.widest.scale)
        centre = []
        for axis, at in enumerate(camera.centre):
            low, high = self.bounds[axis]
            half = 0.5 * self.frame[axis] / scale
            for place, stop in ((self.start, self.from_stop), (self.end, self.to_stop)):
                if stop is not None:
                    beyond, reach = _opening(place, camera), 0.5 * self.frame[axis] / place.scale
                    low = min(low, low + beyond * (place.centre[axis] - reach - low))
                    high = max(high, high + beyond * (place.centre[axis] + reach - high))
            centre.append(min(max(at, low + half), high - half))
        return Camera((centre[0], centre[1]), scale)


def _opening(landed: Camera, camera: Camera) -> float:
    """How far a photo is opened, 0…1, when the camera comes to where it lands: from a quarter of its final size on."""
    return float(ease(1.0 - math.log(landed.scale / camera.scale) / 1.4, "smooth", 0.0, 0.95))


def _bounds(stage: Stage, whole: Camera) -> tuple[tuple[float, float], tuple[float, float]]:
    """The mosaic's extent in x and y, or the view of all of it where that is larger."""
    x, y = (
        (min(0.0, middle - 0.5 * side / whole.scale), max(units, middle + 0.5 * side / whole.scale))
        for middle, side, units in zip(whole.centre, stage.frame, stage.mosaic.size, strict=True)
    )
    return x, y


def _including(stage: Stage, stop: Camera) -> Camera:
    """The whole camera, moved as little as it must so that what is seen at a stop is in its view from the start."""
    whole = stage.whole_camera()
    moved = []
    for middle, at, side, units in zip(whole.centre, stop.centre, stage.frame, stage.mosaic.size, strict=True):
        half, needed = 0.5 * side / whole.scale, 0.5 * side / stop.scale
        if 2 * half < units:
            near = min(max(middle, at + needed - half), at - needed + half)
            middle = min(max(near, half), units - half)
        moved.append(middle)
    return replace(whole, centre=(moved[0], moved[1]))


def _on_line(start: Camera, end: Camera, share: float) -> tuple[float, float]:
    x, y = (a + (b - a) * share for a, b in zip(start.centre, end.centre, strict=True))
    return x, y


class _Flight:
    """All legs on one time axis, each between two rests; the time of movement is shared by the legs' lengths."""

    def __init__(self, zoom: Zoom, stage: Stage, stops: Sequence[Camera]) -> None:
        whole = _including(stage, stops[0])
        places: list[tuple[Camera, int | None]] = [(whole, None), *((stop, i) for i, stop in enumerate(stops))]
        if zoom.direction == "inout":
            places.append((whole, None))
        rests = [zoom.hold_start, *[zoom.hold_end] * (len(places) - 1)]
        if zoom.direction == "out":
            places.reverse()
        elif zoom.direction == "inout":
            rests[-1] = zoom.hold_start
        self.legs = [_Leg(a, b, i, j, whole, _bounds(stage, whole), stage.frame) for (a, i), (b, j) in pairwise(places)]
        pauses = stage.rest_shares(rests)
        lengths = np.array([leg.length for leg in self.legs]) + 1e-9
        moves = (1 - pauses.sum()) * lengths / lengths.sum()
        self.begins = np.cumsum(pauses[:-1]) + np.concatenate([[0.0], np.cumsum(moves)[:-1]])
        self.ends = self.begins + moves
        self.easing: Easing = zoom.easing

    def at(self, progress: float) -> tuple[_Leg, float]:
        """The leg that is flown, and how much of it has been, 0…1."""
        number = max(int(np.searchsorted(self.begins, progress, side="right")) - 1, 0)
        return self.legs[number], float(ease(progress, self.easing, self.begins[number], self.ends[number]))


# -- The photos ----------------------------------------------------------------------------------------------------


class _Stop:
    """A photo that the camera lands on: a sprite over its own tile, which opens from the square as the camera comes.

    In the end its texels lie exactly on the frame's pixels, so that it stands there as a good resize gives it: for
    that its sides are stretched to whole pixels and the camera is moved by up to half a pixel.
    """

    def __init__(self, stage: Stage, tiles: Sprites, cell: int, landing: Landing) -> None:
        index = int(stage.mosaic.photo[cell])
        photo = stage.photo(index)
        left, top, side = (0, 0, photo.crop[2]) if photo.is_part else photo.crop
        size = np.array((side, side) if photo.is_part else photo.size, np.float64)
        self.square = np.array([left, top, left + side, top + side]) / np.tile(size, 2)
        self.tile = Sprites(*(values[cell : cell + 1] for values in vars(tiles).values()))
        # The part of the photo that the frame shows in the end.
        frame = np.array(stage.frame, np.float64)
        if landing == "tile":
            pixels = float(frame.min()) / side  # of the frame a photo pixel
            middle = 0.5 * (self.square[:2] + self.square[2:])
        else:
            pixels = float((frame / size).max() if landing == "photo" else (frame / size).min())
            middle = np.array([0.5, 0.5])
        shown = 0.5 * frame / (size * pixels)
        crop = np.concatenate([middle - shown, middle + shown])
        inside = np.clip(crop, 0.0, 1.0)
        opened = np.concatenate([np.minimum(inside[:2], self.square[:2]), np.maximum(inside[2:], self.square[2:])])
        self.opened = self.square if landing == "tile" else opened
        texels = np.maximum(np.rint(size * pixels), 1)
        self.stretch = texels / (size * pixels)
        scale = pixels * side / (2 * float(np.abs(self.tile.right[0]).max()))
        self.camera = self._aligned(crop, scale, stage.frame)
        self.texture = stage.add_whole(index, float(texels[0]), float(texels[1]))

    def _aligned(self, crop: Float64Array, scale: float, frame: tuple[int, int]) -> Camera:
        """The camera that sees a part of the photo, moved so that the photo's corner lies on a pixel's."""
        centre, right, down = self._place(np.array([0.0, 0.0, 1.0, 1.0]), 1.0)
        middle, _, _ = self._place(crop, 1.0)
        corner = (centre - np.abs(right + down) - middle) * scale + 0.5 * np.array(frame)  # in pixels of the frame
        x, y = middle - (np.ceil(corner - 1e-6) - corner) / scale
        return Camera((float(x), float(y)), scale)

    def _place(self, window: Float64Array, opening: float) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Centre and half axes of a window of the photo, so that the square lies over the tile."""
        stretch = 1.0 + opening * (self.stretch - 1.0)
        sides = self.square[2:] - self.square[:2]
        size = (window[2:] - window[:2]) / sides * stretch
        shift = (window[:2] + window[2:] - self.square[:2] - self.square[2:]) / sides * stretch
        right, down = self.tile.right[0], self.tile.down[0]
        return self.tile.centre[0] + right * shift[0] + down * shift[1], right * size[0], down * size[1]

    def sprite(self, opening: float) -> Sprites:
        """The photo, opened from its square."""
        window = self.square + opening * (self.opened - self.square)
        centre, right, down = self._place(window, opening)
        return replace(
            self.tile,
            texture=np.array([self.texture], np.int32),
            centre=centre[np.newaxis],
            right=right[np.newaxis],
            down=down[np.newaxis],
            window=window[np.newaxis],
            gain=(1 + (self.tile.gain - 1) * np.float32(1 - opening)).astype(np.float32),  # opened it is itself
            offset=(self.tile.offset * np.float32(1 - opening)).astype(np.float32),
            joined=np.zeros(1, np.uint8),
        )


def _upright(tiles: Sprites, cells: Sequence[int]) -> Sprites:
    """The tiles with those of some cells as their photos are: nobody wants to land on a mirrored one."""
    right, down = tiles.right.copy(), tiles.down.copy()
    half = np.abs(right[cells]) + np.abs(down[cells])
    right[cells] = half * (1, 0)
    down[cells] = half * (0, 1)
    return replace(tiles, right=right, down=down)


def _veil(texture: int, camera: Camera, frame: tuple[int, int], opacity: float) -> Sprites:
    """The background again, over the tiles that a whole photo leaves in view."""
    sprite = make_sprites(
        texture, camera.centre, (0.5 * frame[0] / camera.scale, 0.0), (0.0, 0.5 * frame[1] / camera.scale)
    )
    return replace(sprite, opacity=np.array([opacity], np.float32))


def _suiting_cell(stage: Stage) -> int:
    """A cell with a whole photo, sharp, not a dull one, well matched, near the middle.

    Decided by the map alone: a preview lands on the same photo as the video, and so does every shape of it.
    """
    mosaic, tiles = stage.mosaic, stage.libraries[0].tiles
    # What upright and wide frames alike begin with: the flight need not leave out the subject for the photo.
    upright, wide = (replace(stage, frame=frame, covered=(0, 0, 0, 0), fit="crop") for frame in ((9, 16), (16, 9)))
    x, y = upright.whole_camera(), wide.whole_camera()
    seen = np.minimum((upright.view(x)[0], wide.view(y)[1]), mosaic.size)
    centre = (mosaic.cell[:, :2] + 0.5 * mosaic.cell[:, 2:] - (x.centre[0], y.centre[1])) / seen
    whole = np.array([not photo.is_part for photo in mosaic.photos])
    sharp = np.minimum(1.0, np.array([photo.crop[2] for photo in mosaic.photos]) / _SHARP)
    some = tiles[:, ::4, ::4]
    lively = np.minimum(1.0, some.std(axis=(1, 2)).mean(axis=1) / 50)
    lively *= np.minimum(1.0, 2 * (some.max(axis=3) > 50).mean(axis=(1, 2)))  # and not mostly black
    worst = max(float(np.quantile(mosaic.cost, 0.95)), 1e-9)
    score = (10.0 * whole + 5.0 * sharp + 2.0 * lively)[mosaic.photo]
    score -= 3.0 * np.hypot(centre[:, 0], centre[:, 1]) + np.minimum(1.0, mosaic.cost / worst)
    score -= 6.0 * np.maximum(np.abs(centre).max(axis=1) - 0.5, 0)  # beyond the view: the flight would begin elsewhere
    score -= mosaic.symmetry != 0  # it would be put upright, and that cell would fit a little less
    return int(score.argmax())
