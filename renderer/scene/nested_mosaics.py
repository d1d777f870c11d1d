"""Nested mosaics: the whole view of a mosaic in a tile of another, which opens as the camera comes near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.scene.easing import ease
from renderer.scene.flights import Leg, visible_bounds
from renderer.scene.sprites import TONE_FULL_BELOW, TONE_NONE_ABOVE, Camera, Sprites, make_sprites
from renderer.scene.stage import Stage

if TYPE_CHECKING:
    from renderer.arrays import Float64Array

_MOST_TONE: Final = 0.75
"""Maximum share of its tone in a tile; with more, nothing of its picture would be visible."""

_PLAIN_FROM: Final = 2.0
"""Pixels per unit of the inner map from which the outline is a rectangle: only then is a map drawn as its tiles."""

_SHAPED_BELOW: Final = 0.35
"""Pixels per unit up to which it has the outline of a tile."""


_OPENING: Final = 1.4
"""Logarithm of the scale, relative to that at its end, at which a tile begins to open: a quarter of the frame."""

_VISIBLE: Final = 0.5
"""Pixels from which a tile is drawn as the mosaic that it is."""

_DEEPEST: Final = 99
"""Mosaics in each other of which the smallest is a point, however few tiles they have."""

_APPEARING: Final = 0.1
"""Share of the first flight, unless it is a loop, in which the next mosaic appears in its tile."""

_CENTRED: Final = 0.6
"""How much nearer to the middle of the frame the tile is on the way. With more, what is outside a mosaic is visible."""


class NestedMosaic:
    """The whole view of a map, with what is around it in the frame, in a tile of another map.

    It is cropped to the ratio of the tile at first, around a cell of its own, and opens to the shape of the frame. When
    it fills the frame, this shows the same as with the inner map's own camera. It has the tone that the tile needs,
    which fades as that of a photo does.

    `outer`, `inner`: the indices of the maps. `cell`: the index of the tile. `around`: of a cell of the inner map.
    Raises InputError if the inner map does not fill its frame and the background is transparent.
    """

    unit: float
    """A unit of the inner map in units of the outer one."""

    origin: Float64Array
    """(2,) the corner of the inner map in units of the outer one."""

    landed: Camera
    """The view of the outer map in which the inner one fills the frame."""

    def __init__(self, stage: Stage, outer: int, cell: int, inner: int, around: int) -> None:
        placement = stage.maps[inner]
        self.size = np.array(placement.size)
        self.outer, self.inner = stage.whole_camera(outer), stage.whole_camera(inner)
        tile = stage.resting_sprites(outer).take(slice(cell, cell + 1))
        self.outline = tile.outline
        half = self.outline.photo_half(np.abs(tile.right[0] + tile.down[0]))
        # What the frame shows, and the part of it in the tile, (4,) each: left, top, right and bottom.
        reach = 0.5 * np.array(stage.frame) / self.inner.scale
        self.frame = np.concatenate([self.inner.centre - reach, self.inner.centre + reach])
        self.crop = _crop(stage.from_map(inner), half, around)
        self.unit = float(2 * half[0] / (self.crop[2] - self.crop[0]))
        self.origin = tile.centre[0] - self.unit * 0.5 * (self.crop[:2] + self.crop[2:])
        middle = self.origin + self.unit * np.array(self.inner.centre)
        self.landed = Camera((float(middle[0]), float(middle[1])), self.inner.scale / self.unit)
        self.side = 2 * float(np.sqrt(half.prod()))
        self.texture = stage.add_map(inner)
        self.ground: int | None = None
        if not stage.fills_frame(inner):
            if stage.background is None:
                raise InputError(
                    "A mosaic with gaps, with a mask or narrower than the frame can't be shown in a tile of another "
                    f"without a background: set {named('background')}"
                )
            ground = stage.background
            self.ground = ground if isinstance(ground, int) else stage.add_colour(ground)
            self.ground_window = stage.filling_window(self.ground)
        colour, self.tone = _tone(stage, outer, cell, inner, self.crop)
        self.veil = stage.add_colour(colour)

    def sprites(
        self, origin: Float64Array, unit: float, scale: float, opening: float, shown: float = 1.0
    ) -> tuple[list[Sprites], Sprites]:
        """Return the mosaic as groups in painter's order, and its tone, to be painted over all that is in it.

        `origin`, `unit`: of the outer map, in units of the scene. `scale`: of the camera. `opening`: 0…1. `shown`: 0…1
        of the width and height of the tile.
        """
        pixels = unit * self.unit * scale
        tile_pixels = unit * self.side * scale
        origin, unit = origin + unit * self.origin, unit * self.unit
        box = self.crop + opening * (self.frame - self.crop)
        middle = 0.5 * (box[:2] + box[2:])
        box = np.tile(middle, 2) + shown * (box - np.tile(middle, 2))
        plain = float(
            ease(arithmetic.log(max(pixels, 1e-9)), "smooth", *map(arithmetic.log, (_SHAPED_BELOW, _PLAIN_FROM)))
        )
        outline = self.outline.opening(max(plain, opening))

        def part(texture: int, left_out: Float64Array, whole: Float64Array) -> Sprites:
            """Return a texture of a whole box as a sprite, cut to another."""
            half = 0.5 * (left_out[2:] - left_out[:2]) * unit
            right, down = np.diag(outline.sprite_half(half))
            centre = origin + unit * 0.5 * (left_out[:2] + left_out[2:])
            window = (left_out - np.tile(whole[:2], 2)) / np.tile(whole[2:] - whole[:2], 2)
            return replace(make_sprites(texture, centre, right, down), window=window[np.newaxis], outline=outline)

        groups: list[Sprites] = []
        if self.ground is not None:
            ground = part(self.ground, box, self.frame)
            corner, size = self.ground_window[:2], self.ground_window[2:] - self.ground_window[:2]
            groups.append(replace(ground, window=np.tile(corner, 2) + ground.window * np.tile(size, 2)))
        whole = np.array([0.0, 0.0, *self.size])
        inside = np.concatenate([np.maximum(box[:2], whole[:2]), np.minimum(box[2:], whole[2:])])
        groups.append(part(self.texture, inside, whole))
        fading = 1 - float(ease(tile_pixels, "smooth", TONE_FULL_BELOW, TONE_NONE_ABOVE))
        return groups, part(self.veil, box, box).faded(self.tone * fading * (1 - opening))


class NestedFlight:
    """The flight from a mosaic into another one in one of its tiles, in a series of mosaics in each other.

    `stage`: with the outermost map as its first. `nests`: the mosaic in its tile, the one in a tile of that, and so on;
    the first follows the last. `length`: the logarithm of the scale at the end, relative to that at the start.
    """

    def __init__(self, stage: Stage, nests: Sequence[NestedMosaic]) -> None:
        self.nests = nests
        first = nests[0]
        self.start = first.outer
        # Only for the limits of what may be visible.
        bounds = visible_bounds(stage, self.start)
        self.limits = Leg(self.start, first.landed, None, 0, self.start, bounds, stage.frame)
        # The point that all mosaics contain, one in the other, in units of the first and of the second.
        self.limit, following = (_point_in_all([*nests[at:], *nests[:at]]) for at in (0, 1 % len(nests)))
        self.length = arithmetic.log(first.landed.scale / self.start.scale)
        # Where it is in the frame at the start and the end, in pixels from the middle.
        self.ends = [
            (point - camera.centre) * camera.scale
            for point, camera in ((self.limit, self.start), (following, first.inner))
        ]

    def camera(self, way: float) -> Camera:
        """Return the camera at 0…1 of the way.

        The logarithm of the scale changes at constant speed. The point that all mosaics contain moves smoothly from its
        position in the frame to that in the next mosaic, nearer to the middle in between, so that the direction of the
        flight never jumps.
        """
        scale = self.start.scale * arithmetic.exp(self.length * way)
        centred = _CENTRED * min(self.length / 4, 1.0) * arithmetic.power(arithmetic.sin(np.pi * way), 2)
        at = self.ends[0] + (self.ends[1] - self.ends[0]) * float(ease(way, "smooth"))
        x, y = self.limit - at * (1 - centred) / scale
        return self.limits.within(Camera((float(x), float(y)), scale))

    def nested(self, way: float, scale: float, deepest: int | None, *, first: bool) -> list[Sprites]:
        """Return the mosaics in their tiles at 0…1 of the way, in painter's order.

        `scale`: that of the camera. `deepest`: the number of mosaics, if not as many as are visible; then, they appear
        during the `first` flight.
        """
        pictures: list[Sprites] = []
        tones: list[Sprites] = []
        origin, unit = np.zeros(2), 1.0
        span = min(_OPENING, self.length)
        opening = float(ease(1 - self.length * (1 - way) / span, "smooth", 0.0, 0.95))
        for depth in count():
            nest = self.nests[depth % len(self.nests)]
            if depth == deepest or nest.side * unit * scale < _VISIBLE:
                break
            shown = 1.0
            if first and deepest is not None:
                shown = float(ease(way, "smooth", _APPEARING * depth, _APPEARING * (depth + 1)))
            if shown > 0:
                groups, tone = nest.sprites(origin, unit, scale, 0.0 if depth else opening, shown)
                pictures += groups
                if tone.opacity[0] > 0:
                    tones.insert(0, tone)
            origin, unit = origin + unit * nest.origin, unit * nest.unit
        return [*pictures, *tones]


def _point_in_all(nests: Sequence[NestedMosaic]) -> Float64Array:
    """Return the point of the first map that is in all mosaics, in its units."""
    point = np.zeros(2)
    for depth in range(_DEEPEST, -1, -1):
        nest = nests[depth % len(nests)]
        point = nest.origin + nest.unit * point
    return point


def _crop(stage: Stage, half: Float64Array, around: int) -> Float64Array:
    """Return the largest part of the first map that its frame shows, of the ratio of `half`, around a cell: (4,)."""
    low, high = stage.visible_box()
    size = half * float(((high - low) / half).min())
    middle = stage.subject_middle((float(half[0]), float(half[1])))
    start = stage.mosaic.cell[around, :2]
    end = start + stage.mosaic.cell[around, 2:]
    corner = np.clip(middle - 0.5 * size, np.minimum(end - size, start), np.maximum(end - size, start))
    corner = np.clip(corner, low, high - size)
    return np.concatenate([corner, corner + size])


def _tone(
    stage: Stage, outer: int, cell: int, inner: int, crop: Float64Array
) -> tuple[tuple[float, float, float], float]:
    """Return a colour and its share, 0…1, that give a part of a map the mean colour of a cell of another."""
    target = stage.maps[outer].cell_colours()[cell].astype(np.float64)
    placement = stage.maps[inner]
    corner = placement.cell[:, :2]
    sides = np.minimum(corner + placement.cell[:, 2:], crop[2:]) - np.maximum(corner, crop[:2])
    area = np.maximum(sides, 0).prod(axis=1)
    around = max(float((crop[2:] - crop[:2]).prod() - area.sum()), 0.0)
    ground = stage.background if isinstance(stage.background, tuple) else (0.5, 0.5, 0.5)
    total = (area[:, np.newaxis] * placement.cell_colours()).sum(axis=0) + around * np.array(ground)
    mean = total / max(area.sum() + around, 1e-9)
    # The least share with which a colour can make up for the difference.
    room = np.where(target > mean, 1 - mean, mean)
    share = float(np.clip((np.abs(target - mean) / np.maximum(room, 1e-9)).max(), 1 / 16, _MOST_TONE))
    colour = np.clip(mean + (target - mean) / share, 0.0, 1.0)
    return (float(colour[0]), float(colour[1]), float(colour[2])), share
