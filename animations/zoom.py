"""Zoom: from the whole cover into one of its photos, or back out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from renderer.scene import (
    Animation,
    Camera,
    Easing,
    Ending,
    Floats,
    Motion,
    Scene,
    Sprites,
    Stage,
    ease,
    parameter,
)


@dataclass(frozen=True)
class Zoom(Animation):
    """Fly from the whole cover into one of its photos."""

    direction: Literal["in", "out", "inout"] = parameter("in", "Into the photo, out of it, or there and back")
    focus: tuple[float, float] | None = parameter(
        None,
        "X,Y: where the camera goes, in fractions of the cover; default: a photo that suits, near the middle",
        low=0.0,
        high=1.0,
    )
    easing: Easing = parameter("cruise", "How the camera speeds up and slows down")
    hold_start: float = parameter(0.7, "Rest before the flight", unit="seconds", low=0.0, high=60.0)
    hold_end: float = parameter(
        1.0, "Rest after it; of an inout flight, the rest at the photo", unit="seconds", low=0.0, high=60.0
    )

    def endings(self) -> tuple[Ending, Ending]:
        """The mosaic and the photo, in the order of the direction."""
        first: Ending = "photo" if self.direction == "out" else "mosaic"
        last: Ending = "photo" if self.direction == "in" else "mosaic"
        return first, last

    def focus_point(self) -> tuple[float, float] | None:
        """Where `--focus` points."""
        return self.focus

    def prepare(self, stage: Stage) -> Motion:
        """Choose the cell, find the two ends of the flight."""
        tiles = stage.resting_sprites()
        cell = _cell_at(stage, self.focus) if self.focus else _suiting_cell(stage)
        landing = _Landing(stage, tiles, cell)
        start, end = stage.whole_camera(), landing.camera

        def motion(progress: float) -> Scene:
            camera = _between(start, end, _flight(self, stage.seconds, progress))
            photo = landing.sprite(math.log(end.scale / camera.scale))
            return stage.scene(camera, stage.seen_tiles(tiles, camera), photo)

        return motion


class _Landing:
    """The photo that the camera lands on: a sprite over its own tile, which opens from the square to the frame.

    In the end its texels lie exactly on the frame's pixels, so that the last frame is the photo as a good resize gives
    it: for that its sides are stretched to whole pixels and the camera is moved by up to half a pixel.
    """

    def __init__(self, stage: Stage, tiles: Sprites, cell: int) -> None:
        index = int(stage.mosaic.photo[cell])
        photo = stage.photo(index)
        left, top, side = photo.crop if not photo.is_part else (0, 0, photo.crop[2])
        size = np.array(photo.size if not photo.is_part else (side, side), np.float64)
        self.square = np.array([left, top, left + side, top + side]) / np.tile(size, 2)
        self.tile = Sprites(*(values[cell : cell + 1] for values in vars(tiles).values()))
        # The frame's shape, turned as the tile is, cut from the middle of the photo.
        turned = abs(self.tile.right[0, 0]) < abs(self.tile.right[0, 1])
        frame = np.array(stage.frame[::-1] if turned else stage.frame, np.float64)
        pixels = float((frame / size).max())  # of the frame a photo pixel, when the photo covers the frame
        shown = 0.5 * frame / (size * pixels)
        crop = np.concatenate([0.5 - shown, 0.5 + shown])
        self.opened = np.concatenate([np.minimum(crop[:2], self.square[:2]), np.maximum(crop[2:], self.square[2:])])
        texels = np.maximum(np.rint(size * pixels), 1)
        self.stretch = texels / (size * pixels)
        scale = pixels * side / (2 * float(np.abs(self.tile.right[0]).max()))
        centre, right, down = self._place(np.array([0.0, 0.0, 1.0, 1.0]), 1.0)
        corner = centre - np.abs(right + down)
        middle, _, _ = self._place(crop, 1.0)
        place = (corner - middle) * scale + 0.5 * np.array(stage.frame)  # of the photo's corner in the frame, pixels
        middle -= (np.ceil(place - 1e-6) - place) / scale
        self.camera = Camera((float(middle[0]), float(middle[1])), scale)
        self.texture = stage.add_whole(index, float(texels[0]), float(texels[1]))

    def _place(self, window: Floats, opening: float) -> tuple[Floats, Floats, Floats]:
        """Centre and half axes of a window of the photo, so that the square lies over the tile."""
        stretch = 1.0 + opening * (self.stretch - 1.0)
        sides = self.square[2:] - self.square[:2]
        size = (window[2:] - window[:2]) / sides * stretch
        shift = (window[:2] + window[2:] - self.square[:2] - self.square[2:]) / sides * stretch
        right, down = self.tile.right[0], self.tile.down[0]
        return self.tile.centre[0] + right * shift[0] + down * shift[1], right * size[0], down * size[1]

    def sprite(self, remaining: float) -> Sprites:
        """The photo when the camera's scale is still a factor of e^remaining short of the end."""
        opening = float(ease(1.0 - remaining / 1.4, "smooth", 0.0, 0.95))  # from a quarter of the final size on
        window = self.square + opening * (self.opened - self.square)
        centre, right, down = self._place(window, opening)
        return replace(
            self.tile,
            texture=np.array([self.texture], np.int32),
            centre=centre[np.newaxis],
            right=right[np.newaxis],
            down=down[np.newaxis],
            window=window[np.newaxis],
            joined=np.zeros(1, np.uint8),
        )


def _flight(zoom: Zoom, seconds: float, progress: float) -> float:
    """How far on its way from the cover (0) to the photo (1) the camera is."""
    start, end = zoom.hold_start, zoom.hold_end
    if zoom.direction == "inout":  # there and back: the rest at the photo is cut in two by the middle
        seconds /= 2
        end /= 2
        progress = 1 - abs(2 * progress - 1)
    elif zoom.direction == "out":
        progress = 1 - progress
        start, end = end, start
    rests = max(1.0, (start + end) / (0.5 * seconds))  # at least half of the time is movement
    return float(ease(progress, zoom.easing, start / rests / seconds, 1 - end / rests / seconds))


def _between(start: Camera, end: Camera, way: float) -> Camera:
    """The camera on its way: the logarithm of its scale moves evenly, so that the speed is felt as constant."""
    scale = start.scale * (end.scale / start.scale) ** way
    # A point that both cameras see at the same place of the frame stays there all the way: what lies between it and
    # the middle goes at the rate of the zoom, and nothing outside the first view is ever seen.
    ratio = start.scale / end.scale
    share = way if abs(ratio - 1) < 1e-9 else (1 - start.scale / scale) / (1 - ratio)
    x = start.centre[0] + (end.centre[0] - start.centre[0]) * share
    y = start.centre[1] + (end.centre[1] - start.centre[1]) * share
    return Camera((x, y), scale)


def _cell_at(stage: Stage, point: tuple[float, float]) -> int:
    """The cell under a point given in fractions of the cover."""
    place = np.array(point) * stage.mosaic.size
    corner, size = stage.mosaic.cell[:, :2], stage.mosaic.cell[:, 2:]
    away = np.maximum(np.maximum(corner - place, place - corner - size), 0).sum(axis=1)
    return int(np.flatnonzero(away == away.min())[-1])  # on an edge, the cell that begins there


def _suiting_cell(stage: Stage) -> int:
    """A cell with a whole photo, sharp enough for the frame, not a dull one, well matched, near the middle."""
    mosaic, tiles = stage.mosaic, stage.libraries[0].tiles
    centre = (mosaic.cell[:, :2] + 0.5 * mosaic.cell[:, 2:]) / mosaic.size - 0.5
    whole = np.array([not photo.is_part for photo in mosaic.photos])
    sharp = np.minimum(1.0, np.array([photo.crop[2] for photo in mosaic.photos]) / min(stage.frame))
    lively = np.minimum(1.0, tiles[:, ::4, ::4].std(axis=(1, 2)).mean(axis=1) / 50)
    worst = max(float(np.quantile(mosaic.cost, 0.95)), 1e-9)
    score = (10.0 * whole + 2.0 * sharp + lively)[mosaic.photo]
    score -= 3.0 * np.hypot(centre[:, 0], centre[:, 1]) + np.minimum(1.0, mosaic.cost / worst)
    return int(score.argmax())
