"""The base of all frame writers: a ring of buffers, and a thread that writes them."""

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
"""The layout of a frame in a buffer: planes, or (H, W, 4) with straight alpha."""

_BUFFERS: Final = 3  # one being drawn, one waiting, one being written


class FrameWriter:
    """Writes frames. Leaves no thread or process behind when it is closed, or aborted by an exception.

    A thread writes each frame while the next one is drawn. Memory: three frames, plus what the subclass needs. A
    subclass writes a frame in `_consume`, completes the file in `_finish` and discards it in `_abandon`.
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
        """Wait for a free buffer and return it. Raises EncoderError if writing has failed."""
        while not self._broken.is_set():
            try:
                return self._free.get(timeout=0.1)
            except queue.Empty:
                continue
        raise self._failure()

    def planes(self, buffer: Pixels) -> Planes:
        """Return the three planes of a yuv420p buffer, to be filled."""
        width, height = self.shape
        luma, chroma = width * height, width * height // 4
        half = (height // 2, width // 2)
        return (
            buffer[:luma].reshape(height, width),
            buffer[luma : luma + chroma].reshape(half),
            buffer[luma + chroma :].reshape(half),
        )

    def pixels(self, buffer: Pixels) -> Pixels:
        """Return an rgba buffer as (H, W, 4), to be filled."""
        width, height = self.shape
        return buffer.reshape(height, width, 4)

    def submit(self, buffer: Pixels) -> None:
        """Queue a filled buffer for writing; the caller must not use it afterwards."""
        self._full.put(buffer)

    def close(self) -> None:
        """Write the queued frames and complete the file. Raises EncoderError."""
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
        """Stop at once and discard the file."""
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
        except BaseException:  # including an interruption while waiting
            self.abort()
            raise

    def _work(self) -> None:
        try:
            while (buffer := self._full.get()) is not None and not self._broken.is_set():
                self._consume(buffer)
                self._free.put(buffer)
        except Exception as error:  # raised when the next buffer is requested
            self._error = error
            self._broken.set()
        finally:
            self._end_of_frames()

    def _begin(self) -> None:
        """Open the output."""

    def _consume(self, buffer: Pixels) -> None:
        """Write one frame; called in the writer's thread."""
        raise NotImplementedError  # each subclass has its own; the other steps are optional

    def _end_of_frames(self) -> None:
        """Called in the writer's thread after the last frame or a failure."""

    def _finish(self) -> None:
        """Complete the file."""

    def _abandon(self) -> None:
        """Discard the file; may be called twice."""

    def _failure(self) -> EncoderError:
        """Return the error to report."""
        if isinstance(self._error, EncoderError):
            return self._error
        if isinstance(self._error, OSError) and self._error.errno == errno.ENOSPC:
            return EncoderError("The disk is full: free some space, or write to another disk")
        if isinstance(self._error, OSError):
            return EncoderError(f"Frames could not be written ({self._error.strerror or self._error})")
        return EncoderError(f"Frames could not be written: {self._error}")
