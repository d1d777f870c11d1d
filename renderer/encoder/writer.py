"""The base of all frame writers: a ring of buffers, and a thread that writes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self

import numpy as np

from renderer.errors import DiskError, EncoderError
from renderer.output_files import DISK_ERRORS
from renderer.pictures import Pixels

Planes = tuple[Pixels, Pixels, Pixels]
"""Y (H, W), Cb and Cr (H/2, W/2) of limited-range BT.709 4:2:0."""

PixelLayout = Literal["yuv420p", "rgba"]
"""The layout of a frame in a buffer: planes, or (H, W, 4) with straight alpha."""

_LEAST_BUFFERS: Final = 3  # one being drawn, one waiting, one being written
_MOST_BUFFERS: Final = 8  # so that writing goes on while one frame takes long to draw…
_BUFFER_BYTES: Final = 32_000_000  # …if they are not larger than this together


class FrameWriter:
    """Writes frames. Leaves no thread or process behind when it is closed, or aborted by an exception.

    A thread writes frames while others are drawn. The methods up to `close` are for one other thread at a time. Memory:
    3 to 8 frames, up to 32 MB if they are more than 3, plus what the subclass needs. A subclass writes a frame in
    `_consume`, completes the file in `_finish` and discards it in `_abandon`.
    """

    layout: PixelLayout

    def __init__(self, width: int, height: int, layout: PixelLayout) -> None:
        self.layout = layout
        self.shape = (width, height)
        size = width * height * 3 // 2 if layout == "yuv420p" else width * height * 4
        self._most_queued = min(max(_BUFFER_BYTES // size, _LEAST_BUFFERS), _MOST_BUFFERS)
        self._free = [np.empty(size, np.uint8) for _ in range(self._most_queued)]
        self._queued: deque[Pixels | None] = deque()  # frames to write; None: the last one again
        self._changed = threading.Condition()  # guards the two lists and the two flags
        self._closed = False
        self._broken = False
        self._submitted = False
        self._aborted = False
        self._error: BaseException | None = None
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
        with self._changed:
            self._wait_until(lambda: bool(self._free))
            if not self._broken:
                return self._free.pop()
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
        """Queue a filled buffer for writing; the caller must not use it afterwards. Raises as `next_buffer` does."""
        self._submitted = True
        self._put(buffer)

    def repeat(self) -> None:
        """Queue the last submitted frame again, without copying it. Raises as `next_buffer` does.

        Waits while as many frames are queued as there are buffers, so that a long hold does not run ahead of writing.
        Raises ValueError if no frame was submitted.
        """
        if not self._submitted:
            raise ValueError("there is no frame to repeat: submit one first")
        self._put(None)

    def _put(self, frame: Pixels | None) -> None:
        with self._changed:
            self._wait_until(lambda: len(self._queued) < self._most_queued)
            if not self._broken:
                self._queued.append(frame)
                self._changed.notify_all()
                return
        raise self._failure()

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is ready, or writing has failed; the condition is held."""
        # With a time limit, because Windows does not interrupt a wait without one.
        while not self._changed.wait_for(lambda: self._broken or ready(), timeout=0.1):
            pass

    def close(self) -> None:
        """Write the queued frames and complete the file. Raises EncoderError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        if self._broken:
            raise self._failure()
        try:
            self._finish()
        except OSError as error:
            self._error = error
            raise self._failure() from error

    def abort(self) -> None:
        """Stop at once and discard the file; no effect the second time."""
        self._break()
        if not self._aborted:
            self._abandon()
            self._thread.join()
        self._aborted = True

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
            last: Pixels | None = None
            while self._next_frame():
                frame = self._queued[0]
                if frame is None:
                    assert last is not None
                    self._consume_again(last)
                else:
                    self._release(last)
                    last = frame
                    self._consume(frame)
                with self._changed:
                    self._queued.popleft()
                    self._changed.notify_all()
        except Exception as error:  # raised when the next buffer is requested
            self._error = error
            self._break()
        finally:
            self._end_of_frames()

    def _next_frame(self) -> bool:
        """Wait for a frame in the queue; return False if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._broken or self._closed or bool(self._queued))
            return not self._broken and bool(self._queued)

    def _release(self, buffer: Pixels | None) -> None:
        """Let a buffer be filled again: the last one is kept until another frame is written, for `repeat`."""
        if buffer is not None:
            with self._changed:
                self._free.append(buffer)
                self._changed.notify_all()

    def _break(self) -> None:
        """Let no more frames be written, and end all waiting."""
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    def _begin(self) -> None:
        """Open the output."""

    def _consume(self, buffer: Pixels) -> None:
        """Write one frame; called in the writer's thread."""
        raise NotImplementedError  # each subclass has its own; the other steps are optional

    def _consume_again(self, buffer: Pixels) -> None:
        """Write the same frame once more; called in the writer's thread."""
        self._consume(buffer)

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
        if isinstance(self._error, OSError) and self._error.errno in DISK_ERRORS:
            return DiskError(DISK_ERRORS[self._error.errno])
        if isinstance(self._error, OSError):
            return EncoderError(f"Frames could not be written ({self._error.strerror or self._error})")
        return EncoderError(f"Frames could not be written: {self._error}")
