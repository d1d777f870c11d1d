"""Encode frames into a GIF, with palettes that follow the scene and only the changed part of each frame.

A frame is written when the next one is known. A pixel that stays the same in the next frame gets the nearest colour of
the palette; one that changes again may be slightly off where that saves bytes. So no error persists, and areas that do
not change are never written again, which avoids flicker.

Format: "Graphics Interchange Format, Version 89a", CompuServe, 1990; looping is Netscape's application extension.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from renderer.arrays import Packed
from renderer.errors import EncoderError, InputError
from renderer.formats import DEFAULT_TOLERANCE, gif_rate
from renderer.kernels.gif import (
    Census,
    Palette,
    assign_points,
    collect_points,
    compare_frames,
    divide_points,
    empty_canvas,
    empty_census,
    lzw_scratch,
    measure_calm,
    to_opponent,
    to_rgb,
    write_image,
)
from renderer.pictures import Pixels

LONGEST_SIDE: Final = 65_535
_ROUNDS: Final = 2  # iterations of Lloyd's algorithm; 6 make no measurable difference
_STILL_FITS: Final = 1.1  # the first palette is reused while its error is at most this factor of its first error…
_FITS_ANYTHING: Final = 0.5  # …plus this many squared levels
_OPAQUE: Final = 128  # minimum alpha of a visible pixel
_LEAVE, _CLEAR = 1, 2  # disposal methods of a frame


@dataclass(frozen=True)
class _Table:
    """A colour table as stored in the file; the index after its last colour is the transparent one."""

    palette: Palette
    error: float  # mean squared error of the frame that it was made for
    bits: int
    entries: bytes

    @classmethod
    def of(cls, census: Census, points: int, size: int) -> _Table:
        """Return the best table of at most `size` colours for the points of a census."""
        palette = divide_points(census, points, size)
        for _ in range(_ROUNDS):
            assign_points(census, points, palette, move=True)
        rgb = to_rgb(palette.colours)
        palette.colours[:] = to_opponent(rgb)
        error = assign_points(census, points, palette, move=False)
        bits = max(2, len(rgb).bit_length())
        return cls(palette, error, bits, rgb.tobytes() + bytes(3 * (2**bits - len(rgb))))


class GifFile:
    """Writes an animated GIF to `path`; the file is complete when the `with` block ends without an exception.

    width, height: 1…65,535 pixels. fps: a rate returned by `gif_rate`. colours: 4…256, including the transparent one.
    loop: 0 repeats forever, n repeats n times, None plays once. tolerance: levels of 255 (0 or more) that a pixel of a
    flat area may be off, in addition to the palette's error, if it changes again in the next frame; texture allows
    more. 0 gives the best quality, 6 about two thirds of the bytes. comment: stored in the file.

    `add` may be called from any single thread; it takes about 10 ms of one core for 480 × 320 pixels that all move.
    Memory: 40 bytes per pixel and 5 MB, for any length. Raises InputError for settings that a GIF does not support,
    OSError if the file can't be written, EncoderError if there were no frames.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        *,
        colours: int = 256,
        loop: int | None = 0,
        tolerance: float = DEFAULT_TOLERANCE,
        comment: str = "",
    ) -> None:
        if not (1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE):
            raise InputError(f"{path.name} can't be {width}x{height}: sides are 1 to {LONGEST_SIDE} pixels")
        if fps <= 0 or gif_rate(fps) != fps:
            fix = f": use {gif_rate(fps)}" if fps > 0 else ""
            raise InputError(
                f"A GIF can't have {fps} frames per second: its delays are whole hundredths of a second{fix}"
            )
        if not 4 <= colours <= 256:
            raise InputError(f"A GIF can't have {colours} colours: use 4 to 256")
        self.path = path
        self.frames = 0
        self._size = (width, height)
        self._delay = int(100 / fps)
        self._table_size = colours - 1
        self._loop = loop
        self._tolerance = tolerance
        self._comment = comment.encode("utf-8", "backslashreplace")
        self._before, self._pending, self._next = np.zeros((3, height, width), np.uint32)
        self._canvas = empty_canvas(width, height)
        self._census = empty_census()
        self._scratch = lzw_scratch()
        # A code has at most 12 bits and encodes at least one pixel; 1 byte in 255 is a block's length.
        self._coded = np.empty(width * height * 8 // 5 + 1024, np.uint8)
        self._first: _Table | None = None

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if error is None:
                if not self.frames:
                    raise EncoderError(f"{self.path.name}: there are no frames to write")
                self._write(self._pending)  # nothing changes after the last frame
                self._file.write(b";")

    def add(self, frame: Pixels) -> None:
        """Add an (H, W, 3) RGB or (H, W, 4) RGBA frame with straight alpha; the array may be reused after the call."""
        channels = _channels(self._next)
        channels[..., : frame.shape[2]] = frame
        if frame.shape[2] == 4:
            np.multiply(frame[..., 3] >= _OPAQUE, np.uint8(255), out=channels[..., 3])
        else:
            channels[..., 3] = 255
        if self.frames:
            self._write(self._next)
        self._before, self._pending, self._next = self._pending, self._next, self._before
        self.frames += 1

    @property
    def written(self) -> int:
        """Bytes written so far; the last frame is still pending."""
        return self._file.tell()

    def _write(self, after: Packed) -> None:
        """Write the pending frame; `after` is the next one."""
        measure_calm(self._pending, self._canvas)
        *box, vanishing = compare_frames(self._pending, self._before, after, self._canvas, self._census)
        points = collect_points(self._census)
        table = self._first
        if table is None:
            table = self._first = _Table.of(self._census, points, self._table_size)
            self._file.write(self._header(table))
        elif points:
            error = assign_points(self._census, points, table.palette, move=False)
            if error > _STILL_FITS * table.error + _FITS_ANYTHING:
                table = _Table.of(self._census, points, self._table_size)
        if vanishing:
            box = _around(_channels(self._pending)[..., 3] > _channels(after)[..., 3], box)
        left, top, right, bottom = box if box[0] < box[2] else (0, 0, 1, 1)
        local = table is not self._first
        self._file.write(
            struct.pack(
                "<2sBBHBB", b"\x21\xf9", 4, (_CLEAR if vanishing else _LEAVE) << 2 | 1, self._delay,
                len(table.palette.colours), 0,
            )
            + struct.pack("<sHHHHB", b",", left, top, right - left, bottom - top, 0x80 | table.bits - 1 if local else 0)
            + (table.entries if local else b"")
            + bytes([table.bits])
        )  # fmt: skip
        size = write_image(
            self._canvas, table.palette, (left, top, right, bottom), table.bits, self._tolerance,
            self._scratch, self._coded,
        )  # fmt: skip
        self._file.write(self._coded[:size].data)
        if vanishing:
            self._canvas.filled[top:bottom, left:right] = 0

    def _header(self, table: _Table) -> bytes:
        screen = struct.pack("<6sHHBBB", b"GIF89a", *self._size, 0xF0 | table.bits - 1, 0, 0)
        blocks = [self._comment[i : i + 255] for i in range(0, len(self._comment), 255)]
        loop = b"" if self._loop is None else b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", self._loop, 0)
        comment = b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in blocks) + b"\0" if blocks else b""
        return screen + table.entries + loop + comment


def _channels(frame: Packed) -> Pixels:
    """Return a frame's channels, (H, W, 4), as a view."""
    return frame.view(np.uint8).reshape(*frame.shape, 4)


def _around(mask: np.typing.NDArray[np.bool_], box: list[int]) -> list[int]:
    """Return the smallest box that contains another box and a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [
        min(box[0], int(columns[0])), min(box[1], int(rows[0])),
        max(box[2], int(columns[-1]) + 1), max(box[3], int(rows[-1]) + 1),
    ]  # fmt: skip
