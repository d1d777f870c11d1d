"""Drawing scenes as the planes of 4:2:0 frames, as most encoders expect them.

Resting tiles are sampled from a canvas, large photos from their own mip levels, both stored as planes; all other
sprites are drawn by the compositor and laid over. Which of these draws a sprite depends on the scene alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from renderer.arrays import Int32Array, Packed, Pixels
from renderer.canvas import BlockMemory, Canvas
from renderer.compositor import Compositor, Group
from renderer.kernels.drawing import Box, fill_band, lay_over_yuv420
from renderer.kernels.planar import BEYOND, FULL, PlanarPictures, draw_planes, planar_memory
from renderer.planes.canvas_view import LOOK_AHEAD, CanvasView
from renderer.planes.parts import around, parts_of, rows_of, shows_all, split, split_hexagons
from renderer.planes.photos import PhotoPlanes
from renderer.scene import TONE_NONE_ABOVE, Colour, Rest, Scene, Sprites
from renderer.scene.views import is_flat

__all__ = ["LOOK_AHEAD", "FramePlanes", "PlaneRenderer"]

FramePlanes = tuple[Pixels, Pixels, Pixels]
"""Y (H, W), Cb and Cr (H/2, W/2) of limited-range BT.709 4:2:0, uint8."""

_PREFETCH_STEP: Final = 3  # frames of which one is prefetched, as neighbouring ones need the same textures of sprites

_KEPT: Final = 0.9  # share of the budget that is kept when it is exceeded, so that this happens rarely

_MOST_CANVASES: Final = 6  # an animation shows one or two; a timeline, those of its animations in turn

_FORWARD, _BEYOND, _FULL = np.array([[0, 1], [0, BEYOND], [0, FULL]], np.int32)  # of styles

_NO_PICTURE: Final[Packed] = np.empty((0, 0), np.uint32)


@dataclass
class _SpriteLayer:
    """Groups of sprites, drawn by the compositor."""

    draw: list[Callable[[Packed, int, int], None]]  # each draws a group onto rows of a frame
    rows: tuple[int, int]  # the first, and the one after the last, that they may touch; even


_Layer = PlanarPictures | _SpriteLayer

_Source = CanvasView | Sprites | None
"""What draws a group: a canvas, the planes of photos (the visible sprites), or the compositor (None)."""


class PlaneRenderer:
    """Draws scenes as planes, on a compositor's threads.

    `budget`: bytes for canvases and the planes of photos; exceeded only if this frame and the next 24 need more, each
    at most 36 bytes per pixel. In addition, up to 13 bytes per pixel of a frame, 6 MB, and 6 MB for each canvas. A
    frame depends on its scene alone, not on the budget or on earlier frames.
    """

    def __init__(self, compositor: Compositor, budget: int) -> None:
        self.compositor = compositor
        self.budget = budget
        self.size = (compositor.width, compositor.height)
        self.photos = PhotoPlanes(compositor.textures, self.size)
        # By the identity of their tiles and the colour below; those used last come last.
        self.canvases: dict[tuple[int, Colour | None], CanvasView] = {}
        self._number = self._next_prefetch = 0  # of the frame, and of the next whose sprites are prefetched
        self._background: tuple[object, FramePlanes] | None = None
        self._frame_memory: Packed | None = None
        self._blocks = BlockMemory()
        self._memory: dict[int, Pixels] = {}  # by the band's first row

    @property
    def nbytes(self) -> int:
        """Bytes of the planes of canvases and photos."""
        return self.photos.nbytes + sum(view.canvas.nbytes for view in self.canvases.values())

    def draw(self, scene: Scene, planes: FramePlanes) -> None:
        """Draw a scene, which must have a background. Raises RenderError if a photo can't be read."""
        self._number += 1
        background = self._background_planes(scene)
        layers = self._layers(scene)
        self._drop()
        frame = self._frame
        width = self.size[0]
        covered = bool(layers) and self._fills_frame(layers[0][1])

        def band(top: int, end: int) -> None:
            if not covered:
                for plane, source, size in zip(planes, background, (1, 2, 2), strict=True):
                    plane[top // size : end // size] = source[top // size : end // size]
            for hidden, layer in layers:
                if isinstance(layer, PlanarPictures):
                    for clip in around(hidden, (0, top, width, end)):
                        for part, solid in split(clip, layer.solid):
                            draw_planes(planes, part, layer.as_opaque() if solid else layer, self._band_memory(top))
                    continue
                first, last = max(top, layer.rows[0]), min(end, layer.rows[1])
                if first < last:
                    fill_band(frame, first, last, 0, _NO_PICTURE)
                    for draw in layer.draw:
                        draw(frame, first, last)
                    lay_over_yuv420(frame, *planes, first // 2, last // 2)

        self.compositor.in_bands(band)

    def convert(self, draw: Callable[[Packed], None], planes: FramePlanes) -> None:
        """Convert a frame that `draw` draws to planes."""
        draw(self._frame)
        self.compositor.to_yuv420(self._frame, planes)

    def prefetch(self, scene: Scene) -> None:
        """Prepare part of what a scene needs that is drawn up to `LOOK_AHEAD` frames later."""
        others: list[Group] = []
        for number, group in enumerate(self.compositor.groups(scene)):
            match self._source(group, scene, _ground(scene, number)):
                case CanvasView() as canvas:
                    canvas.prefetch(group[1])
                case Sprites() as photos:
                    self.photos.prefetch(photos, group[1])
                case None:
                    others.append(group)
        if self._number >= self._next_prefetch:
            self.compositor.prefetch_groups(others)
            self._next_prefetch = self._number + _PREFETCH_STEP
        for canvas in self.canvases.values():
            canvas.advance(self._number)

    def needed(self, scene: Scene) -> Iterator[Int32Array]:
        """Yield the texture levels that drawing a scene needs and that are not loaded: (M, 2) rows of texture, level.

        Those of blocks that an earlier scene needed are left out.
        """
        others: list[Group] = []
        for number, group in enumerate(self.compositor.groups(scene)):
            source = self._source(group, scene, _ground(scene, number))
            for part, its_source in self._split(group, source):
                match its_source:
                    case CanvasView() as canvas:
                        yield canvas.needed(part[1])
                    case Sprites() as photos:
                        yield self.photos.needed(photos, part[1])
                    case None:
                        others.append(part)
        yield from self.compositor.needed(others)

    def _layers(self, scene: Scene) -> list[tuple[Box, _Layer]]:
        """Return what to draw, in painter's order, each with the box that later layers hide."""
        groups, pictures = [], []
        for number, group in enumerate(self.compositor.groups(scene)):
            ground = _ground(scene, number)
            source = self._source(group, scene, ground)
            for part, its_source in self._split(group, source):
                groups.append(part)
                pictures.append(self._pictures(part, its_source, scene, ground))
        sprites = [group for group, each in zip(groups, pictures, strict=True) if each is None]
        listed = iter(self.compositor.listed(sprites))
        layers: list[tuple[Box, _Layer]] = []
        for group, each in zip(groups, pictures, strict=True):
            hidden = group[2]
            if each is not None:
                layers.append((hidden, each.prepare(self.size[0])))
                continue
            rows = rows_of(group, self.size[1])
            if layers and isinstance(before := layers[-1][1], _SpriteLayer):
                before.draw.append(next(listed))
                before.rows = min(before.rows[0], rows[0]), max(before.rows[1], rows[1])
            else:
                layers.append((hidden, _SpriteLayer([next(listed)], rows)))
        return layers

    def _source(self, group: Group, scene: Scene, ground: Colour | None) -> _Source:
        """Return what draws a group. `ground`: the colour below it, if that is the same everywhere."""
        sprites, view, _ = group
        if sprites.space is not None or not (is_flat(view) and view[1] == view[3] == 0 and view[0] == view[4] > 0):
            return None
        if sprites.rest is not None and sprites.rest.picture is None:
            canvas = self._canvas(sprites.rest, scene, ground)
            # Rectangles around hexagons overlap: smooth edges at gaps, if they are transparent, would be drawn twice.
            can_cut = sprites.outline.kind != "hexagon" or ground is not None or bool(sprites.joined.any())
            can_cut = can_cut or shows_all(canvas.canvas, sprites, view, self.size)
            if can_cut and canvas.canvas.sizes[0] * view[0] < TONE_NONE_ABOVE:
                return canvas
        return self.photos.visible(group)

    def _split(self, group: Group, source: _Source) -> list[tuple[Group, _Source]]:
        """Return a group with what draws it, or if it can be cut out of a canvas only in part, two."""
        sprites, view, hidden = group
        if (
            sprites.outline.kind != "hexagon"
            or not isinstance(source, CanvasView)
            or shows_all(source.canvas, sprites, view, self.size)
        ):
            return [(group, source)]
        some, others = split_hexagons(source.canvas, sprites)
        return [((part, view, hidden), its) for part, its in ((some, source), (others, None)) if len(part)]

    def _pictures(self, group: Group, source: _Source, scene: Scene, ground: Colour | None) -> PlanarPictures | None:
        """Return a group as pictures that are stored as planes, or None if it must be drawn as sprites."""
        sprites, view, _ = group
        match source:
            case CanvasView():
                picture = source.picture(view, self._number)
            case Sprites():
                picture = self.photos.pictures(source, view, self._number)
                if sprites.rest is None or sprites.rest.picture is None:
                    return picture
            case None:
                return None
        assert sprites.rest is not None
        canvas = self._canvas(sprites.rest, scene, ground)
        parts = parts_of(canvas.canvas, sprites, view, self.size)
        if not _hides_all(picture) or len(parts[0]) == 1:
            return picture.cut(*parts)

        # Parts that come and go are copied from a picture of the whole, which stays the same if the camera rests.
        def draw(colour: Pixels) -> None:
            whole = canvas.canvas.tiles.resting(Rest(canvas.canvas.tiles))
            edges, styles = parts_of(canvas.canvas, whole, view, self.size)
            self._draw_pictures(picture.cut(edges, styles | _FULL), colour)

        edges, styles = parts
        return canvas.whole(view, draw).cut(edges, styles * _FORWARD | _BEYOND)

    def _draw_pictures(self, pictures: PlanarPictures, colour: Pixels) -> None:
        """Draw pictures into planes that are stored one after another, (W · H · 3/2,)."""
        width, height = self.size
        size = width * height
        blue, red = colour[size : size + size // 4], colour[size + size // 4 :]
        planes = colour[:size].reshape(height, width), blue.reshape(height // 2, -1), red.reshape(height // 2, -1)
        self.compositor.in_bands(
            lambda top, end: draw_planes(planes, (0, top, width, end), pictures, self._band_memory(top))
        )

    def _canvas(self, rest: Rest, scene: Scene, ground: Colour | None) -> CanvasView:
        """Return the canvas of resting tiles. What shows between them is drawn once too if it is one colour."""
        if rest.whole.outline.is_plain and rest.whole.joined.any():
            ground = None  # nothing shows, and alpha is needed only around the mosaic
        key = id(rest.whole), ground
        found = self.canvases.pop(key, None)
        if found is None:
            canvas = Canvas(rest.whole, scene.nested, self.compositor, rest.areas, self._blocks, ground)
            found = CanvasView(canvas, self.size)
        self.canvases[key] = found
        if len(self.canvases) > _MOST_CANVASES:
            del self.canvases[next(iter(self.canvases))]
        return found

    def _fills_frame(self, layer: _Layer) -> bool:
        """Return whether a layer hides everything below."""
        if not isinstance(layer, PlanarPictures) or len(layer.edges) != 1 or not _hides_all(layer):
            return False
        left, top, right, bottom = layer.edges[0]
        return bool(left <= -1 and top <= -1 and right >= self.size[0] + 1 and bottom >= self.size[1] + 1)

    def _band_memory(self, top: int) -> Pixels:
        if top not in self._memory:
            self._memory[top] = planar_memory(self.size[0])
        return self._memory[top]

    @property
    def _frame(self) -> Packed:
        if self._frame_memory is None:
            self._frame_memory = self.compositor.new_frame()
        return self._frame_memory

    def _background_planes(self, scene: Scene) -> FramePlanes:
        if self._background is None or self._background[0] != scene.background:
            colour, picture = self.compositor.prepare_background(scene.background)
            width, height = self.size
            fill_band(self._frame, 0, height, colour, picture)
            blue, red = np.empty((2, height // 2, width // 2), np.uint8)
            planes = np.empty((height, width), np.uint8), blue, red
            self.compositor.to_yuv420(self._frame, planes)
            self._background = (scene.background, planes)
        return self._background[1]

    def _drop(self) -> None:
        """Forget the planes that were not used for longest, until the budget suffices."""
        if self.nbytes <= self.budget:
            return
        held = list(self.photos.planes.values())
        for view in self.canvases.values():
            held += view.blocks()
        kept = 0
        for each in sorted(held, key=lambda each: -each.used):
            kept += each.nbytes
            if kept > _KEPT * self.budget and each.used < self._number:  # what this and later frames need stays
                break
        else:
            return
        used = each.used
        self.photos.drop(used)
        for view in self.canvases.values():
            view.drop(used)


def _hides_all(pictures: PlanarPictures) -> bool:
    """Return whether pictures hide everything below them."""
    return bool(pictures.records["opaque"].all() and (pictures.records["opacity"] == 256).all())


def _ground(scene: Scene, number: int) -> Colour | None:
    """Return the colour below a group of a scene; None if there are other groups or a picture."""
    return scene.background if number == 0 and isinstance(scene.background, tuple) else None
