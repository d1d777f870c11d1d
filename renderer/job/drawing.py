"""Drawing the frames of an animation of a mosaic."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from itertools import chain, groupby
from typing import Final, TypeVar

import cv2
import numpy as np

from renderer.budget import Budget, render_budget
from renderer.choices import Fit
from renderer.compositor import FULL_TONE, Compositor, Moments
from renderer.cores import core_count
from renderer.cover_pixels import covered_part
from renderer.covers import WHITE
from renderer.frame_times import frame_count, progress_of
from renderer.job.mosaics import OpenMosaic
from renderer.kernels import arithmetic
from renderer.kernels.drawing import SHARPER
from renderer.library import Library, Photo
from renderer.overlay import with_overlay
from renderer.parameters import Colour
from renderer.pictures import Pixels, resize
from renderer.pixels import BLURRED_PIXELS, blurred, filling, laid_over, over_colour
from renderer.placement import PlacementMap
from renderer.planes import LOOK_AHEAD, FramePlanes, PlaneRenderer
from renderer.progress import Progress, Silent
from renderer.scene import FAR_PIXELS, Animation, Camera, Motion, Scene, Stage
from renderer.scene.trails import has_flying, with_trails
from renderer.settings import Background, OutputSettings, OverlaySettings
from renderer.textures import MAX_LEVELS, Packed, Textures, unpack
from renderer.textures import MAX_SIDE as LONGEST_TEXTURE

FAR_STRIP: Final = 256
"""Rows of a map's small picture that are drawn at once."""


_MOST_ADDED: Final = 100_000_000  # bytes of pictures, such as titles

_MOST_MADE: Final = 200  # results of `Stage.once` from earlier settings; the largest, of 40,000 tiles, take 5 MB

T = TypeVar("T")

Shot = Scene | Moments
"""What a frame shows: a scene, or the moments of the motion that are averaged with motion blur."""

_REUSED: Final = 4
"""Scenes that are kept: the movement of flying tiles is that from the frame before to the one after."""

LOOKED_AT: Final = 16
"""Frames of which one is looked at to find the photos that frames need, unless photos become large: a look takes up to
10 ms, and a frame 20 to draw."""

_LARGE: Final = 128
"""Texels up to which most photos are drawn from their thumbnails, whatever part of these their crops are."""

SHUTTER: Final = 0.5
"""Share of a frame in which the shutter is open for flying tiles unless another is specified: 180°, as in film."""


@dataclass(frozen=True)
class FrameSource:
    """The frames of an animation of a mosaic, counted from 0; each can be drawn without the others."""

    stage: Stage
    compositor: Compositor
    planes: PlaneRenderer
    motion: Motion
    fps: Fraction
    shutter: float  # progress during which the shutter is open for one frame, if it blurs the camera
    blurs_camera: bool  # whether movements of the camera are blurred, and not only those of tiles
    landings: Sequence[tuple[int, int]] = ()  # photos that the camera lands on, in order: map and cell
    loop: bool = False  # whether the last frame leads into the first

    def shot(self, number: int) -> Shot:
        """Return what a frame shows."""
        if self.blurs_camera:
            return self.compositor.exposure(self.motion, self._progress(number), self.shutter, loop=self.loop)
        scene = self.motion(self._progress(number))
        if not has_flying(scene):
            return scene
        first, last = number - 1, number + 1
        if not self.loop:
            first, last = max(first, 0), min(last, self.stage.frames - 1)
        before, after = (self.motion(self._progress(other)) for other in (first, last))
        return with_trails(scene, before, after, SHUTTER / max(last - first, 1))

    def shots(self, numbers: Iterable[int], *, planar: bool = False) -> Iterator[tuple[Shot, bool]]:
        """Yield what each of some frames shows, and whether it is the same as the one before.

        What later frames need is prepared meanwhile. `planar`: they are drawn with `draw_planes`.
        """

        def prepare(later: Shot) -> None:
            if not isinstance(later, Scene):  # drawn by the compositor, whatever the format
                self.compositor.prefetch(self.motion(later[len(later) // 2]))
            elif planar:
                self.planes.prefetch(later)
            else:
                self.compositor.prefetch(later)

        before: Shot | None = None
        for shot in ahead(map(self.shot, numbers), LOOK_AHEAD, prepare):
            yield shot, isinstance(before, Scene) and isinstance(shot, Scene) and shot.same(before)
            before = shot

    def draw(self, shot: Shot, frame: Packed) -> None:
        """Draw a shot into a buffer of the compositor (`new_frame`)."""
        if isinstance(shot, Scene):
            self.compositor.draw(shot, frame)
        else:
            self.compositor.expose(map(self.motion, shot), frame)

    def draw_planes(self, shot: Shot, planes: FramePlanes) -> None:
        """Draw a shot as planes of 4:2:0; the stage must have a background."""
        if isinstance(shot, Scene):
            self.planes.draw(shot, planes)
        else:
            self.planes.convert(lambda frame: self.draw(shot, frame), planes)

    def picture(self, number: int) -> Pixels:
        """Return a frame as a new uint8 picture: (H, W, 3) RGB, or (H, W, 4) with straight alpha if it has any."""
        return self.picture_of(self.shot(number))

    def picture_of(self, shot: Shot) -> Pixels:
        """Return a shot as a picture, as `picture` does."""
        frame = self.compositor.new_frame()
        self.draw(shot, frame)
        if self.stage.background is not None:
            return np.asarray(cv2.cvtColor(unpack(frame), cv2.COLOR_RGBA2RGB), np.uint8)  # 10 times as fast as slicing
        pixels = np.empty((*frame.shape, 4), np.uint8)
        self.compositor.to_rgba(frame, pixels)
        return pixels

    def _progress(self, number: int) -> float:
        return progress_of(number, self.stage.frames, loop=self.loop)


def ahead(values: Iterable[T], count: int, prepare: Callable[[T], None]) -> Iterator[T]:
    """Yield values, each after the `count` next ones have been prepared; the first one needs no preparation."""
    waiting: deque[T] = deque()
    for number, value in enumerate(values):
        if number:
            prepare(value)
        waiting.append(value)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def photos_drawn_large(
    source: FrameSource, frames: Sequence[int], *, planar: bool = True, every: int = LOOKED_AT
) -> list[Photo]:
    """Return the photos whose files are read to draw some frames, about in the order in which frames need them.

    No texture is loaded. One photo stands for all pieces of its file. Where no photo becomes large, one frame of
    `every` is looked at, so a photo that is large for a moment only may be missing. `planar`: as in
    `FrameSource.shots`.
    """
    textures, size = source.stage.textures.unloaded(), source.stage.frame
    if not textures.read_from_files(dict.fromkeys(range(len(textures)), 0)):
        return []
    levels = np.full(len(textures), MAX_LEVELS)  # the largest that is needed of each texture
    needed_at = np.zeros(len(textures), np.int64)  # the frame in which it was found
    with closing(Compositor(*size, textures, threads=1)) as compositor:
        planes = PlaneRenderer(compositor, 0)

        def look(number: int) -> bool:
            """Note what a frame needs, and return whether photos are larger than in those before."""
            shot, before = source.shot(number), levels.copy()
            if planar and isinstance(shot, Scene):
                needed = planes.needed(shot)
            else:
                scene = shot if isinstance(shot, Scene) else source.motion(shot[len(shot) // 2])
                needed = compositor.needed(compositor.groups(scene))
            for texture, level in (each.T for each in needed):
                np.minimum.at(levels, texture, level)
            larger = np.flatnonzero(levels < before)
            needed_at[larger] = number
            return bool((textures.table.width[larger] >> levels[larger] > _LARGE).any())

        for start in range(0, len(frames), every):
            *between, last = frames[start : start + every]
            if look(last):
                for number in between:
                    look(number)
    found = np.flatnonzero(levels < MAX_LEVELS)
    found = found[np.argsort(needed_at[found], kind="stable")]
    return textures.read_from_files(dict(zip(found.tolist(), levels[found].tolist(), strict=True)))


class OpenFrames:
    """The frames of a mosaic at one size: its textures and a compositor, which animations and settings share.

    What is the same for several of them is prepared once. For one thread at a time. Memory: that of the budget, and
    what animations and settings add: about 100 MB until `is_full`, or 1 GB with 40,000 tiles.
    """

    def __init__(
        self, mosaic: OpenMosaic, size: tuple[int, int], progress: Progress | None = None, budget: Budget | None = None
    ) -> None:
        """Open the textures. `size`: width and height in pixels. `budget`: by default one without an encoder."""
        self.mosaic, self._progress = mosaic, progress or Silent()
        self._budget = budget or render_budget(size)
        # Tiles larger than the frame's shorter side are visible only briefly, before the photo's own texture replaces
        # them.
        square = min(2 ** round(arithmetic.log2(max(min(size), 64))), 2048)
        self._textures = Textures(self._budget.texture_bytes, self._budget.loading_threads, longest_square=square)
        self._compositor: Compositor | None = None
        self._made: dict[object, tuple[object, object]] = {}  # what stages keep (`Stage.once`)
        mosaics = [mosaic, *mosaic.others]
        maps, library = _shared(mosaics)
        first = self._textures.add_tiles(library)
        self._plain = Stage(
            maps=maps, libraries=[library] * len(maps), textures=self._textures, first_texture=[first] * len(maps),
            frame=size, seconds=Animation.seconds, read_covers=[each.cover_reader for each in mosaics],
            notice=self._progress.notice, landing_finders=[partial(getattr, each, "landings") for each in mosaics],
            _made=self._made,
        )  # fmt: skip

    def close(self) -> None:
        """Close the compositor and the textures."""
        if self._compositor is not None:
            self._compositor.close()
        self._textures.close()

    @property
    def is_full(self) -> bool:
        """Whether it should be opened anew, as it keeps many pictures of earlier animations and settings."""
        return self._textures.picture_bytes > _MOST_ADDED

    @property
    def compositor(self) -> Compositor:
        """The compositor for all frames."""
        if self._compositor is None:
            self._compositor = Compositor(*self._plain.frame, self._textures, threads=self._budget.drawing_threads)
        return self._compositor

    def stage(self, output: OutputSettings) -> Stage:
        """Return a stage to prepare an animation on, without what is needed to draw it."""
        plain, masked = self._plain, self.mosaic.is_masked
        background: Colour | int | None = output.background_colour(masked=masked)
        if output.transparent:
            background = None
        if output.fit == "blur":
            background = self._once("blurred mosaic", lambda: blurred(self.mosaic.placement.colours()))
        elif output.background == "blur":
            background = self._once("blurred cover", lambda: blurred_cover(self.mosaic))
        seconds = output.duration or Animation.seconds
        return replace(
            plain, seconds=seconds, seed=output.seed, fit=output.fit, background=background, covered=output.covered,
            subject=output.subject, frames=frame_count(seconds, output.fps),
        )  # fmt: skip

    def _once(self, what: str, make: Callable[[], Pixels]) -> int:
        """Return the texture of a picture that is made only once."""
        return self._plain.once(what, self._plain.mosaic, lambda: self._textures.add_picture(make()))

    def drawn_stage(self, output: OutputSettings) -> Stage:
        """Return a stage whose scenes can be drawn."""
        stage = self.stage(output)
        if stage.whole_camera().scale >= FAR_PIXELS:
            return stage
        maps = range(len(stage.maps))
        return replace(
            stage,
            far_pictures=[
                stage.once("far", stage.maps[which], partial(_far_picture, stage.from_map(which))) for which in maps
            ],
        )

    def source(
        self, animation: Animation, output: OutputSettings, overlay: OverlaySettings | None = None
    ) -> FrameSource:
        """Return the frames of an animation with its overlays, ready to draw. Raises InputError."""
        output = _with_duration(output, animation)
        for unused in [*self._made][:-_MOST_MADE]:
            del self._made[unused]
        stage = self.drawn_stage(output)
        played = with_overlay(animation.play(stage), stage, overlay or OverlaySettings())
        motion = lru_cache(_REUSED)((lambda progress: played(progress % 1.0)) if animation.loop else played)
        planes = PlaneRenderer(self.compositor, self._budget.canvas_bytes)
        shutter = (output.motion_blur or 0.0) / max(stage.frames - (0 if animation.loop else 1), 1)
        return FrameSource(
            stage, self.compositor, planes, motion, output.fps, shutter, output.motion_blur is not None,
            animation.landing_cells(stage), animation.loop,
        )  # fmt: skip


@contextmanager
def open_frames(
    mosaic: OpenMosaic,
    animation: Animation,
    size: tuple[int, int],
    output: OutputSettings,
    overlay: OverlaySettings | None = None,
    progress: Progress | None = None,
    budget: Budget | None = None,
) -> Iterator[FrameSource]:
    """Open an animation of a mosaic with its overlays, ready to draw; closed when the context exits.

    `budget`: by default one without an encoder.
    """
    budget = budget or render_budget(size, memory=output.memory)
    with closing(OpenFrames(mosaic, size, progress, budget)) as frames:
        yield frames.source(animation, output, overlay)


def check_frames(
    mosaic: OpenMosaic,
    animation: Animation,
    size: tuple[int, int],
    output: OutputSettings,
    overlay: OverlaySettings | None = None,
    progress: Progress | None = None,
) -> Sequence[tuple[int, int]]:
    """Return the map and cell of each landing of an animation, without drawing; raises what `open_frames` raises."""
    with closing(OpenFrames(mosaic, size, progress, render_budget(size, memory=output.memory))) as frames:
        stage = frames.stage(_with_duration(output, animation))
        with_overlay(animation.play(stage), stage, overlay or OverlaySettings())
        return animation.landing_cells(stage)


def _with_duration(output: OutputSettings, animation: Animation) -> OutputSettings:
    """Return the settings with their duration, or else the animation's default duration."""
    return replace(output, duration=output.duration or animation.whole_duration())


@contextmanager
def drawing(
    mosaic: OpenMosaic,
    size: tuple[int, int],
    output: OutputSettings,
    *,
    progress: Progress | None = None,
    budget: Budget | None = None,
) -> Iterator[tuple[Stage, Compositor]]:
    """Yield a stage with a mosaic, and a compositor for it; both are closed when the context exits."""
    budget = budget or render_budget(size, memory=output.memory)
    with closing(OpenFrames(mosaic, size, progress, budget)) as frames:
        yield frames.drawn_stage(output), frames.compositor


def _shared(mosaics: Sequence[OpenMosaic]) -> tuple[list[PlacementMap], Library]:
    """Return the maps of mosaics, with indices into the photos of all, and a library of these."""
    library = mosaics[0].library
    for each in mosaics[1:]:
        if each.library is not library:
            new = library.photos.find(each.placement.photos) < 0
            library = library.combined(each.library.take(np.flatnonzero(new)))
    maps = [each.placement for each in mosaics]
    if library is mosaics[0].library:
        return maps, library
    photos = tuple(library.photos)
    return [
        replace(each, photos=photos, photo=library.photos.find(each.photos).astype(np.int32)[each.photo])
        for each in maps
    ], library


STILL_TEXTURES: Final = 192_000_000
"""Bytes of textures that stay loaded from one strip of a still to the next: a row of cells, at any usual size."""

_BLOCK_PIXELS: Final = 1 << 20  # drawn at once; their textures take at most 80 MB, or those of one tile

_MAX_STEPS: Final = 4  # drawn at once: 48 MB of strips

_LARGEST_SQUARE: Final = 4096  # texels; a tile printed larger is magnified

_LOADING_BYTES: Final = 128_000_000  # used by all threads together to make levels, 16 per texel

_LOADERS: Final = 4  # threads that decode photos; one of 8 megapixels takes 60 MB


def draw_strips(
    mosaic: OpenMosaic, size: tuple[int, int], rows: int, background: Background = WHITE
) -> Generator[Pixels, None, None]:
    """Draw a whole mosaic as a picture of this size, with full tone, in strips of `rows` from top to bottom.

    Strips are (rows, width, 3), or (rows, width, 4) with straight alpha if the background is "transparent". What they
    show is described by `WholeMosaic`. Memory: at most 3 bytes per pixel of 8 strips, or 4 with alpha, one block, and
    the textures: 192 MB, or those of one tile.
    """
    with closing(WholeMosaic(mosaic, size, background)) as whole:
        for _, row in groupby(whole.blocks((1, rows)), key=lambda block: block.top):
            first = next(row)
            band = np.empty((len(first.pixels), size[0], first.pixels.shape[2]), np.uint8)
            for block in chain([first], row):
                band[:, block.left : block.left + block.pixels.shape[1]] = block.pixels
            yield from (band[top : top + rows] for top in range(0, len(band), rows))


@dataclass(frozen=True)
class Block:
    """A part of a picture, uint8 (H, W, 3), or (H, W, 4) with straight alpha."""

    left: int  # its first pixel in the picture
    top: int
    pixels: Pixels
    surrounded: Pixels  # with the pixels around it, as far as they are in the picture


class WholeMosaic:
    """A whole mosaic as a picture of a size, width and height in pixels, which is drawn in blocks; `close` ends it.

    If the picture has another shape, the mosaic is cropped, away from important areas; one with a mask is not, and the
    background shows around it. `scale`, an attribute: pixels per unit.

    Memory: 40 bytes per pixel of a block, and the textures: 192 MB, or those of one tile.
    """

    def __init__(self, mosaic: OpenMosaic, size: tuple[int, int], background: Background = WHITE) -> None:
        placement = mosaic.placement
        scales = [side / units for side, units in zip(size, placement.size, strict=True)]
        cropped = max(scales) * np.array(placement.size) >= np.array(size) + 1  # by more than rounding
        fit: Fit = "pad" if placement.is_masked and cropped.any() else "crop"
        self.scale = min(scales) if fit == "pad" else max(scales)
        self._size = size
        self._side = self.scale * float(placement.cell[:, 2:].max())
        # Sampling is SHARPER levels finer than one texel per pixel; textures may be too coarse by up to half of that.
        square = min(max(2 ** math.ceil(arithmetic.log2(self._side) + SHARPER / 2), 64), _LARGEST_SQUARE)
        threads = max(1, min(_LOADING_BYTES // (16 * square * square), core_count(), _LOADERS))
        self._textures = Textures(STILL_TEXTURES, threads, longest_square=square)
        self._stage = Stage(
            maps=[placement], libraries=[mosaic.library], textures=self._textures,
            first_texture=[self._textures.add_tiles(mosaic.library)], frame=size, seconds=1.0, fit=fit,
            background=None if isinstance(background, str) else background,
        )  # fmt: skip
        self._soft = blurred_cover(mosaic) if background == "blur" else None
        self._camera, self._tiles = self._stage.filling_camera(), self._stage.resting_sprites()

    def close(self) -> None:
        """Stop the threads that load textures."""
        self._textures.close()

    def blocks(
        self,
        step: tuple[int, int],
        *,
        halvings: int = 0,
        margin: int = 0,
        tone_sizes: tuple[float, float] = FULL_TONE,
    ) -> Generator[Block, None, None]:
        """Draw the picture in blocks, row by row from top to bottom, with the same pixels as if it were drawn at once.

        `step`: width and height, of which those of a block are multiples, except at the right and at the bottom; a
        block has about a megapixel, or one step. `halvings`: how often width and height are divided by two, and rounded
        up; if negative, they are multiplied. Pixels that are partly beyond the right or lower edge are the same as
        those before them. `margin`: pixels around a block that are drawn with it. `tone_sizes`: as for the compositor.
        """
        shrink = math.ldexp(1.0, -halvings)
        exact = self._size[0] * shrink, self._size[1] * shrink
        width, height = math.ceil(exact[0]), math.ceil(exact[1])
        scale, side = self.scale * shrink, self._side * shrink
        # Tiles taller than a step would be loaded again for each row of blocks, so several steps are drawn at once.
        tall = min(step[1] * min(math.ceil(side / step[1]), _MAX_STEPS), height)
        across = min(max(_BLOCK_PIXELS // tall, 64, step[0]) // step[0] * step[0], width)
        frame = across + 2 * margin, tall + 2 * margin
        stage = replace(self._stage, frame=frame)
        with closing(Compositor(*frame, self._textures, tone_sizes=tone_sizes)) as compositor:
            for number, top in enumerate(range(0, height, tall)):
                # Directions alternate, so that each row starts with the textures that were used last.
                for left in range(0, width, across)[:: -1 if number % 2 else 1]:
                    (x, y), off = self._camera.centre, (left + across / 2 - exact[0] / 2, top + tall / 2 - exact[1] / 2)
                    camera = replace(self._camera, centre=(x + off[0] / scale, y + off[1] / scale), scale=scale)
                    pixels = compositor.still(stage.scene(camera, stage.visible_tiles(self._tiles, camera)))
                    if self._soft is not None:
                        part = (left - margin, top - margin, *frame)
                        pixels = laid_over(pixels, filling(self._soft, (width, height), part))
                    above, before = min(top, margin), min(left, margin)  # pixels of the margin inside the picture
                    pixels = pixels[margin - above : height - top + margin, margin - before : width - left + margin]
                    if left + across + margin >= width > exact[0] and width > 1:
                        pixels[:, -1] = pixels[:, -2]
                    if top + tall + margin >= height > exact[1] and height > 1:
                        pixels[-1] = pixels[-2]
                    yield Block(left, top, pixels[above : above + tall, before : before + across], pixels)


def _far_picture(stage: Stage) -> int:
    """Return the texture of a map's picture at 4 pixels per unit, or fewer if it would exceed the maximum texture size.

    It is drawn in strips, since the compositor needs 300 bytes per visible sprite. It is transparent where there is no
    tile.
    """
    width, height = stage.mosaic.size
    pixels = min(FAR_PIXELS, LONGEST_TEXTURE / max(width, height))
    size = (max(1, round(width * pixels)), max(1, round(height * pixels)))
    picture = np.empty((size[1], size[0], 4), np.uint8)
    rows = min(FAR_STRIP, size[1])
    strip = replace(stage, frame=(size[0], rows), background=None)
    tiles = stage.resting_sprites()
    with closing(Compositor(size[0], rows, stage.textures, tone_sizes=FULL_TONE)) as compositor:
        for top in [*range(0, size[1] - rows, rows), size[1] - rows]:
            camera = Camera((width / 2, height / 2 + (top + (rows - size[1]) / 2) / pixels), pixels)
            picture[top : top + rows] = compositor.still(strip.scene(camera, strip.visible_tiles(tiles, camera)))
    return stage.textures.add_picture(picture)


def blurred_cover(mosaic: OpenMosaic) -> Pixels:
    """Return a blurred and darkened small picture of a mosaic's cover, or of its tiles if the cover is missing."""
    read = mosaic.cover_reader
    if read is None:
        return blurred(mosaic.placement.colours())
    cover = covered_part(over_colour(read(BLURRED_PIXELS), WHITE), mosaic.placement.crop)
    scale = BLURRED_PIXELS / max(cover.shape[:2])
    small = resize(cover, max(round(cover.shape[1] * scale), 2), max(round(cover.shape[0] * scale), 2))
    return blurred(small.astype(np.float32) / np.float32(255))
