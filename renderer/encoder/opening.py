"""The writer for a target."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from renderer.encoder.encoding import Encoding
from renderer.encoder.streams import GifWriter, RawWriter, SequenceWriter
from renderer.encoder.video import Encoder
from renderer.encoder.writer import FrameWriter


def open_writer(
    path: Path, width: int, height: int, fps: Fraction, encoding: Encoding, *, first: int = 0, sound: Path | None = None
) -> FrameWriter:
    """What writes frames of a size and rate to `path` in an encoding; `first`: the number of a sequence's first.

    `sound`: what `renderer.sound` prepared, for a format that carries it.
    """
    match encoding.target.format.name:
        case "y4m":
            return RawWriter(path, width, height, fps)
        case "png" | "jpeg":
            return SequenceWriter(path, width, height, encoding.target, first)
        case "gif":
            return GifWriter(path, width, height, fps, encoding)
        case _:
            return Encoder(path, width, height, fps, encoding, sound)
