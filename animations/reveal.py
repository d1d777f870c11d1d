"""Reveal: the mosaic builds up tile by tile, from an empty frame or over the plain cover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from renderer.scene import Animation, Camera, Ending, Motion, Scene, Sprites, Stage, ease, parameter

if TYPE_CHECKING:
    from renderer.scene import Float64Array

_SPIRAL_TURNS = 5

Order = Literal["scan", "spiral", "random", "centre", "brightness", "hue", "wave", "diagonal"]


@dataclass(frozen=True)
class Reveal(Animation):
    """Build up the mosaic tile by tile."""

    first: ClassVar[Ending] = "empty"
    seconds: ClassVar[float] = 8.0

    order: Order = parameter("spiral", "Order in which the tiles appear")
    enter: Literal["fade", "pop", "drop", "flip", "slide"] = parameter("pop", "How each tile appears")
    start: Literal["empty", "cover"] = parameter(
        "empty", "Start from an empty frame or from the plain cover", option="--from"
    )
    overlap: float = parameter(0.15, "Share of the duration that each tile takes to appear", low=0.01, high=1)
    hold_start: float = parameter(0.3, "Pause before the first tile appears", unit="seconds", low=0, high=60)
    hold_end: float = parameter(2.0, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def endings(self) -> tuple[Ending, Ending]:
        """Return the empty frame or the cover, and the mosaic."""
        return ("cover" if self.start == "cover" else "empty"), "mosaic"

    def prepare(self, stage: Stage) -> Motion:
        """Sort the tiles by `order`, which determines when each appears."""
        camera = stage.whole_camera()
        tiles = stage.resting_sprites()
        resting_part = stage.partly_resting(tiles)
        pieces = stage.cover_pieces() if self.start == "cover" else None
        remaining_part = stage.partly_resting(pieces) if pieces is not None else None
        view = stage.view(camera)
        half = np.abs(tiles.right + tiles.down) / view
        visible = (np.abs((tiles.centre - camera.centre) / view) < 0.5 + half).all(axis=1)
        keys = np.where(visible, self._keys(stage, tiles, camera), np.inf)  # invisible tiles take no time
        rank = np.argsort(np.argsort(keys, kind="stable")) / max(int(visible.sum()) - 1, 1)
        starts = np.minimum(rank, 1.0) * (1 - self.overlap)
        before, after = stage.pause_shares([self.hold_start, self.hold_end])

        def motion(progress: float) -> Scene:
            time = min(max((progress - before) / (1 - before - after), 0.0), 1.0)
            time = float(ease(time, "sine")) * 0.5 + time * 0.5
            way = np.clip((time - starts) / self.overlap, 0.0, 1.0)
            entering = np.flatnonzero((way > 0) & (way < 1))
            groups = [resting_part(way >= 1)]
            if pieces is not None and remaining_part is not None:
                flips = self.enter == "flip"  # the piece of the cover turns with the tile; otherwise the tile covers it
                groups.insert(0, remaining_part(way <= 0 if flips else way < 1))
                if flips:
                    groups.append(_turning(pieces.take(entering), 0.5 * math.pi * np.minimum(2 * way[entering], 1.0)))
            groups.append(self._entering(tiles.take(entering), way[entering], camera.centre, view))
            return stage.scene(camera, *groups)

        return motion

    def _entering(
        self, tiles: Sprites, way: Float64Array, middle: tuple[float, float], view: tuple[float, float]
    ) -> Sprites:
        """Return tiles as they enter. `way`: (M,) how far each has entered, 0…1."""
        opacity = ease(way, "smooth", 0.0, 0.6)
        match self.enter:
            case "fade":
                return tiles.moved(tiles.centre, opacity=ease(way, "sine"))
            case "pop":
                back = way - 1  # overshoots its final size (Penner's "back" easing)
                return tiles.moved(tiles.centre, size=1 + 2.2 * back**3 + 1.2 * back**2, opacity=np.minimum(1, 6 * way))
            case "drop":
                high = 1 - ease(way, "sine")
                up = np.stack([np.zeros(len(way)), -0.12 * view[1] * high**2], 1)
                return tiles.moved(tiles.centre + up, size=1 + 2.5 * high, opacity=opacity, angle=0.35 * high)
            case "flip":
                half = np.maximum(2 * way - 1, 0.0) if self.start == "cover" else way
                return _turning(tiles, 0.5 * math.pi * (1 - ease(half, "sine")))
            case "slide":
                # From outside the nearer side of the frame, over the tiles already there.
                side = np.where(tiles.centre[:, 0] < middle[0], -1.0, 1.0)
                width = np.abs(tiles.right + tiles.down)[:, 0]
                far = 0.5 * view[0] + 2 * width - side * (tiles.centre[:, 0] - middle[0])
                left = (1 - way) ** 3
                return tiles.moved(tiles.centre + np.stack([side * far * left, np.zeros(len(way))], 1))

    def _keys(self, stage: Stage, tiles: Sprites, camera: Camera) -> Float64Array:
        """Return a sort key for each tile, (N,): the smallest appears first."""
        middle, part = stage.visible_part(camera)
        across, along = (tiles.centre - middle).T
        x, y = across / part[0], along / part[1]
        colour = np.array([photo.mean for photo in stage.mosaic.photos])[stage.mosaic.photo]
        colour = np.clip(colour * tiles.gain + tiles.offset, 0, 1)
        match self.order:
            case "scan":
                key = tiles.centre[:, 1] * (stage.mosaic.size[0] + 1) + tiles.centre[:, 0]
            case "spiral":
                turned = np.arctan2(along, across) / (2 * math.pi) + 0.5
                away = np.hypot(across, along)
                key = np.ceil(_SPIRAL_TURNS * away / away.max() - turned) + turned
            case "random":
                key = stage.rng().random(len(tiles))
            case "centre":
                key = np.hypot(across, along)
            case "brightness":
                key = colour @ (0.2126, 0.7152, 0.0722)
            case "hue":
                red, green, blue = colour.T
                hue = np.arctan2(math.sqrt(3) * (green - blue), 2 * red - green - blue) % (2 * math.pi)
                grey = np.ptp(colour, axis=1) < 0.06  # almost no hue: last, by brightness
                key = np.where(grey, 10 + colour.mean(axis=1), hue)
            case "wave":
                key = x + 0.12 * np.sin(2 * math.pi * 1.5 * y)
            case "diagonal":
                key = across + along
        return np.asarray(key, np.float64)


def _turning(tiles: Sprites, tumble: Float64Array) -> Sprites:
    """Return tiles turned about their vertical axis by `tumble` radians, (M,)."""
    return tiles.moved(tiles.centre, tumble=tumble, axis=math.pi / 2)
