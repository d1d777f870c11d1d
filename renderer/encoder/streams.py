"""Writers that do not need ffmpeg: raw video, one picture per frame, GIF."""

from __future__ import annotations

import errno
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from renderer.encoder.encoding import Encoding
from renderer.encoder.writer import FrameWriter
from renderer.errors import EncoderError
from renderer.formats import STREAM, OutputFormat, numbered
from renderer.pictures import Pixels


class RawWriter(FrameWriter):
    """Writes YUV4MPEG2 for other programs: 4:2:0, limited-range BT.709, left-sited chroma.

    Format: mjpegtools, yuv4mpeg(5).
    """

    def __init__(self, path: Path, width: int, height: int, fps: Fraction) -> None:
        super().__init__(width, height, "yuv420p")
        self._path = path
        self._header = (
            f"YUV4MPEG2 W{width} H{height} F{fps.numerator}:{fps.denominator} Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n"
        )

    def _begin(self) -> None:
        self._file: BinaryIO = sys.stdout.buffer if self._path == STREAM else self._path.open("wb")
        self._file.write(self._header.encode("ascii"))

    def _consume(self, buffer: Pixels) -> None:
        self._file.write(b"FRAME\n")
        self._file.write(buffer.data)

    def _finish(self) -> None:
        self._file.flush()
        self._abandon()

    def _abandon(self) -> None:
        if self._path != STREAM:
            self._file.close()

    def _failure(self) -> EncoderError:
        if isinstance(self._error, BrokenPipeError):
            return EncoderError("The receiving program closed the pipe before all frames were written")
        if isinstance(self._error, OSError) and self._error.errno == errno.EBADF:
            return EncoderError("Standard output is closed: redirect it to a program or a file")
        return super()._failure()


class GifWriter(FrameWriter):
    """Writes an animated GIF with `GifFile`, whose docstring states its memory use."""

    def __init__(self, path: Path, width: int, height: int, fps: Fraction, encoding: Encoding) -> None:
        # Imported here because it loads compiled loops that other formats do not need.
        from renderer.encoder.gif import GifFile

        super().__init__(width, height, "rgba")
        tolerance = encoding.rate_point().crf
        self._file = GifFile(
            path, width, height, fps, colours=encoding.colours, tolerance=tolerance,
            comment=encoding.metadata.get("comment", ""),
        )  # fmt: skip
        self._transparent = encoding.target.transparent

    def _begin(self) -> None:
        self._file.__enter__()

    def _consume(self, buffer: Pixels) -> None:
        pixels = self.pixels(buffer)
        self._file.add(pixels if self._transparent else pixels[..., :3])

    def _finish(self) -> None:
        self._file.__exit__(None, None, None)

    def _abandon(self) -> None:
        # The file is discarded in any case, so its error is not reported.
        error = EncoderError("aborted")
        self._file.__exit__(type(error), error, None)


class SequenceWriter(FrameWriter):
    """Writes each frame to its own PNG or JPEG file, numbered from `first`."""

    def __init__(self, path: Path, width: int, height: int, target: OutputFormat, first: int) -> None:
        super().__init__(width, height, "rgba")
        self._path, self._target, self._number = path, target, first

    def _consume(self, buffer: Pixels) -> None:
        pixels = self.pixels(buffer)
        picture = Image.fromarray(pixels if self._target.transparent else pixels[..., :3])
        with numbered(self._path, self._number).open("wb") as file:
            if self._target.format.name == "png":
                picture.save(file, "PNG", compress_level=4)
            else:
                picture.save(file, "JPEG", quality=95, subsampling=0)
        self._number += 1

    def _consume_again(self, _buffer: Pixels) -> None:
        shutil.copyfile(numbered(self._path, self._number - 1), numbered(self._path, self._number))
        self._number += 1
