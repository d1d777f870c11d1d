"""Open the writer for an output format."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from renderer.encoder.encoding import Encoding
from renderer.encoder.streams import GifWriter, RawWriter, SequenceWriter
from renderer.encoder.video import Encoder
from renderer.encoder.writer import FrameWriter


def open_writer(
    path: Path,
    width: int,
    height: int,
    fps: Fraction,
    encoding: Encoding,
    *,
    first: int = 0,
    sound: Path | None = None,
    threads: int | None = None,
) -> FrameWriter:
    """Return the writer of frames of a size and rate to `path`.

    `first`: the number of a sequence's first frame. `sound`: a file prepared by `renderer.sound`. `threads`: of
    ffmpeg's encoder, by default those of a budget of its own.
    """
    match encoding.target.format.name:
        case "y4m":
            return RawWriter(path, width, height, fps)
        case "png" | "jpeg":
            return SequenceWriter(path, width, height, encoding.target, first)
        case "gif":
            return GifWriter(path, width, height, fps, encoding)
        case _:
            return Encoder(path, width, height, fps, encoding, sound, threads)
