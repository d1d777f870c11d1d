"""One mosaic that is looked at: it is matched in one thread, and its frames are drawn in another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from renderer.errors import InputError
from renderer.job import OpenMosaic, open_mosaic
from renderer.job.drawing import FrameSource, OpenFrames
from renderer.pixels import over_colour
from renderer.scene import Scene
from renderer.studio.photos import PhotoTable, cell_shown
from renderer.studio.work import Work

if TYPE_CHECKING:
    from renderer.pictures import Pixels
    from renderer.studio.looks import Look

_JPEG_QUALITY: Final = 92
_CHECKS: Final = ((1.0, 1.0, 1.0), (0.8, 0.8, 0.8))  # below transparent pictures
_CHECK_PIXELS: Final = 12


class Replaced(Exception):  # noqa: N818 (no fault: a newer request waits)
    """A frame is not drawn, as a newer one of the same page was requested."""


class NotMatched(InputError):  # noqa: N818 (a state that the page resolves)
    """A look needs another mosaic than the one that is open."""


class Shown(NamedTuple):
    """A mosaic that is open, and its photos."""

    key: object  # as `Look.mosaic`
    mosaic: OpenMosaic
    photos: PhotoTable
    stack: ExitStack  # closes it
    number: int  # of those of this session
    notices: Sequence[str]  # of its matching


class Session:
    """The mosaic that is open, and what draws its frames.

    Owns two threads: one matches, one draws. Memory: that of `OpenFrames` for one size, and two mosaics while another
    is matched. Its methods may be called in any thread.
    """

    def __init__(self) -> None:
        self._matcher = ThreadPoolExecutor(1, thread_name_prefix="studio-matching")
        self._drawer = ThreadPoolExecutor(1, thread_name_prefix="studio-drawing")
        self._lock = threading.Lock()
        self._newest: dict[str, int] = {}  # the number of the newest request, by page
        self.matching = Work()
        self.matching.running = False
        self._opened = 0
        # Of the drawing thread:
        self._shown: Shown | None = None
        self._frames: tuple[object, OpenFrames] | None = None
        self._source: tuple[object, FrameSource] | None = None

    def close(self) -> None:
        """Stop both threads and close everything."""
        self.matching.cancel()
        self._matcher.shutdown(cancel_futures=True)
        with suppress(RuntimeError):  # it was closed before
            self._drawer.submit(self._close_mosaic)
        self._drawer.shutdown()

    # -- Matching --------------------------------------------------------------------------------------------------

    def shown(self, look: Look) -> Shown:
        """Return the mosaic of a look. Raises NotMatched if it is not the one that is open."""
        shown = self._shown
        if shown is None or shown.key != look.mosaic:
            raise NotMatched("the mosaic of this look is not matched yet")
        return shown

    def photos_of(self, number: int) -> PhotoTable | None:
        """Return the photos of a mosaic by its number; None if it is not open any more."""
        shown = self._shown
        return shown.photos if shown is not None and shown.number == number else None

    def match(self, look: Look) -> Work:
        """Match the mosaic of a look instead of what is being matched; it is shown when that is finished."""
        key = look.mosaic
        with self._lock:
            if self.matching.running and not self.matching.cancelled and self.matching.subject == key:
                return self.matching
            self.matching.cancel()
            work = self.matching = Work(key)
        self._matcher.submit(work.run, partial(self._match, look, work, key))
        return work

    def _match(self, look: Look, work: Work, key: object) -> None:
        job = look.job
        with ExitStack() as stack:
            mosaic = stack.enter_context(open_mosaic(job.drawn_cover, job.match, work, job.animation))
            photos = PhotoTable.of(mosaic)
            self._opened += 1
            shown = Shown(key, mosaic, photos, stack.pop_all(), self._opened, work.notices)
        self._drawer.submit(self._show, shown).result()

    def _show(self, shown: Shown) -> None:
        self._close_mosaic()
        self._shown = shown

    def _close_mosaic(self) -> None:
        self._close_frames()
        if self._shown is not None:
            self._shown.stack.close()
            self._shown = None

    def _close_frames(self) -> None:
        self._source = None
        if self._frames is not None:
            self._frames[1].close()
            self._frames = None

    # -- Drawing ---------------------------------------------------------------------------------------------------

    def picture(self, look: Look, number: int, size: tuple[int, int], page: str = "") -> Future[Pixels]:
        """Draw a frame: uint8, (H, W, 3) RGB, or (H, W, 4) with straight alpha.

        `page`: whose request it is; it replaces those of the same page that wait, which raise Replaced. Without one,
        it is drawn in any case. Raises InputError, and NotMatched if the look needs another mosaic.
        """
        with self._lock:
            turn = self._newest[page] = self._newest.get(page, 0) + 1

        def draw() -> Pixels:
            if page and self._newest[page] != turn:
                raise Replaced
            return self._source_of(look, size).picture(number)

        return self._drawer.submit(draw)

    def place(self, look: Look, number: int, size: tuple[int, int], point: tuple[float, float]) -> Future[int | None]:
        """Find the cell whose tile a frame shows at a point, in pixels; None if there is none."""

        def find() -> int | None:
            source = self._source_of(look, size)
            shot = source.shot(number)
            scene = shot if isinstance(shot, Scene) else source.motion(shot[len(shot) // 2])
            return cell_shown(scene, size, point)

        return self._drawer.submit(find)

    def _source_of(self, look: Look, size: tuple[int, int]) -> FrameSource:
        job, shown = look.job, self.shown(look)
        key = size, job.animation, replace(job.output, size=None, memory=None), job.overlay
        if self._source is None or self._source[0] != key:
            self._source = None
            frames = self._frames_of(shown.mosaic, size)
            self._source = key, frames.source(job.animation, job.output, job.overlay)
        return self._source[1]

    def _frames_of(self, mosaic: OpenMosaic, size: tuple[int, int]) -> OpenFrames:
        if self._frames is None or self._frames[0] != size or self._frames[1].is_full:
            self._close_frames()
            self._frames = size, OpenFrames(mosaic, size)
        return self._frames[1]


def as_jpeg(picture: Pixels) -> bytes:
    """Return a picture as a JPEG file, over a pattern of checks if it is transparent. Takes 4 ms at 960 × 540."""
    if picture.shape[2] == 4:
        picture = over_checks(picture)
    settings = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FULL_COLOUR)
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)[1])


def as_png(picture: Pixels) -> bytes:
    """Return a picture as a PNG file, without loss."""
    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, order), (cv2.IMWRITE_PNG_COMPRESSION, 1))[1])


_FULL_COLOUR: Final = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444


def over_checks(picture: Pixels) -> Pixels:
    """Return a picture with straight alpha over light checks, which show that it is transparent there."""
    y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
    odd = ((y // _CHECK_PIXELS + x // _CHECK_PIXELS) % 2).astype(bool)[..., np.newaxis]
    light, dark = (over_colour(picture, colour) for colour in _CHECKS)
    return np.where(odd, dark, light)
