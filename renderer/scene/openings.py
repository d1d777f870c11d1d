"""Openings: photos on which the camera lands, and which open from their tile to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from renderer.kernels import arithmetic
from renderer.scene.orders import in_view
from renderer.scene.sprites import Camera, Sprites, make_sprites
from renderer.scene.stage import Stage

if TYPE_CHECKING:
    from renderer.arrays import Float64Array

Landing = Literal["photo", "whole", "tile"]
"""What the frame shows after landing: a part of the photo that fills it, unless that cuts faces; all of the photo over
its own blur; or the photo's tile among the others."""


class OpeningPhoto:
    """A photo that the camera lands on: a sprite over its own tile that opens from the tile's crop to the whole photo.

    Its outline opens likewise, from that of the tile to a rectangle without border, while the photo stays where it is.
    Between tiles with gaps, the photo also grows, so that all of its edges reach those of the frame at the same time:
    otherwise the ground would show on two sides long after it has left the others. With the landing "tile", all stays
    as it is in the mosaic.

    After landing, its texels coincide with the frame's pixels, so that the photo is as sharp as a good resize: its
    sides are stretched to whole pixels and the camera is moved by up to half a pixel.

    `tiles`: those of the first map. `cell`: its index there; the photo must be neither mirrored nor turned
    (`Stage.resting_sprites(upright=…)`). `drift`: that of the camera while it rests at the photo. The view after
    landing is `camera`. Raises RenderError if the photo can't be read.
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

    def sprites(self, opening: float) -> tuple[Sprites, ...]:
        """Return the photo and, if there is any, the ground below it, in painter's order, as no tiles of the mosaic.

        So they can be shown elsewhere than in their cell: otherwise a jump there would blur them.
        """
        groups = (self.surroundings(opening), self.sprite(opening))
        return tuple(replace(each, tile=np.full(1, -1, np.int32)) for each in groups if each is not None)

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


def landings_in_view(stage: Stage, count: int) -> list[int]:
    """Return up to `count` cells of the first map with the best photos to land on, all different; at least one.

    The first is where a zoom lands, or has landed before. The others are inside the frame of the whole map and, where a
    photo is in several cells, far from each other. Raises RenderError if a photo can't be read.
    """
    mosaic, tiles, whole = stage.mosaic, stage.resting_sprites(), stage.whole_camera()
    inner = in_view(stage, tiles, replace(whole, scale=_INNER * whole.scale))
    best = stage.landings()
    chosen = [best[0] if stage.from_cell is None else stage.from_cell]
    for cell in best:
        same = np.flatnonzero((mosaic.photo == mosaic.photo[cell]) & inner)
        if len(chosen) < count and len(same) and mosaic.photo[cell] not in mosaic.photo[chosen]:
            away = arithmetic.lengths(tiles.centre[same, np.newaxis] - tiles.centre[chosen]).min(axis=1)
            chosen.append(int(same[away.argmax()]))
    return chosen


_INNER: Final = 1.1  # how much larger the whole map appears while only cells in view are chosen: not at its edge


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
