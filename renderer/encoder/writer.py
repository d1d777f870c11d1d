"""What every writer of frames does: buffers in a circle, and a thread of its own that empties them."""

from __future__ import annotations

import errno
import queue
import threading
from types import TracebackType
from typing import Final, Literal, Self

import numpy as np

from renderer.errors import EncoderError
from renderer.pictures import Pixels

Planes = tuple[Pixels, Pixels, Pixels]
"""Y (H, W), Cb and Cr (H/2, W/2) of limited-range BT.709 4:2:0."""

PixelLayout = Literal["yuv420p", "rgba"]
"""How a frame lies in a buffer: planes, or (H, W, 4) with straight alpha."""

_BUFFERS: Final = 3  # frames between renderer and encoder: one drawn, one waiting, one written


class FrameWriter:
    """Writes frames. Opened, fed, closed; on an exception it is aborted and leaves no thread or process behind.

    A frame is written by a thread of its own while the next is drawn. Memory: three frames, and what the kind of
    writer says. A subclass writes one frame in `_consume`, ends the file in `_finish`, gives up in `_abandon`.
    """

    layout: PixelLayout

    def __init__(self, width: int, height: int, layout: PixelLayout) -> None:
        self.layout = layout
        self.shape = (width, height)
        size = width * height * 3 // 2 if layout == "yuv420p" else width * height * 4
        self._free: queue.SimpleQueue[Pixels] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Pixels | None] = queue.SimpleQueue()
        self._broken = threading.Event()
        self._error: BaseException | None = None
        for _ in range(_BUFFERS):
            self._free.put(np.empty(size, np.uint8))
        self._thread = threading.Thread(target=self._work, name="encoder-writer", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._begin()
        except OSError as error:
            self._error = error
            raise self._failure() from error
        try:
            self._thread.start()
        except BaseException:
            self._abandon()
            raise
        return self

    def next_buffer(self) -> Pixels:
        """A buffer for one frame, when one is free. Raises EncoderError if writing has failed."""
        while not self._broken.is_set():
            try:
                return self._free.get(timeout=0.1)
            except queue.Empty:
                continue
        raise self._failure()

    def planes(self, buffer: Pixels) -> Planes:
        """The three planes of a buffer of yuv420p, to be filled."""
        width, height = self.shape
        luma, chroma = width * height, width * height // 4
        half = (height // 2, width // 2)
        return (
            buffer[:luma].reshape(height, width),
            buffer[luma : luma + chroma].reshape(half),
            buffer[luma + chroma :].reshape(half),
        )

    def pixels(self, buffer: Pixels) -> Pixels:
        """A buffer of rgba as (H, W, 4), to be filled."""
        width, height = self.shape
        return buffer.reshape(height, width, 4)

    def submit(self, buffer: Pixels) -> None:
        """Hand over a filled buffer; it may not be touched any more."""
        self._full.put(buffer)

    def close(self) -> None:
        """Write what is left and wait until the file is whole. Raises EncoderError."""
        self._full.put(None)
        self._thread.join()
        if self._broken.is_set():
            raise self._failure()
        try:
            self._finish()
        except OSError as error:
            self._error = error
            raise self._failure() from error

    def abort(self) -> None:
        """End at once."""
        self._broken.set()
        self._abandon()
        self._full.put(None)
        self._thread.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:  # an interruption while waiting included
            self.abort()
            raise

    def _work(self) -> None:
        try:
            while (buffer := self._full.get()) is not None and not self._broken.is_set():
                self._consume(buffer)
                self._free.put(buffer)
        except Exception as error:  # shown where the next frame is handed over
            self._error = error
            self._broken.set()
        finally:
            self._end_of_frames()

    def _begin(self) -> None:
        """Open what is written to."""

    def _consume(self, buffer: Pixels) -> None:
        """Write one frame; called in the thread."""
        raise NotImplementedError

    def _end_of_frames(self) -> None:
        """Called in the thread after the last frame, or the failure."""

    def _finish(self) -> None:
        """Make the file whole."""

    def _abandon(self) -> None:
        """Give up; may be called twice."""

    def _failure(self) -> EncoderError:
        """What went wrong, for the user."""
        if isinstance(self._error, EncoderError):
            return self._error
        if isinstance(self._error, OSError) and self._error.errno == errno.ENOSPC:
            return EncoderError("the disk is full: free some space, or write elsewhere")
        if isinstance(self._error, OSError):
            return EncoderError(f"the frames could not be written ({self._error.strerror or self._error})")
        return EncoderError(f"the frames could not be written: {self._error}")
