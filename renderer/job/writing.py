"""Writing frames: from a source to an encoder, and the check of the file."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from renderer.encoder import FrameWriter, Probe, is_sequence, is_stream, numbered, probe
from renderer.errors import RenderError
from renderer.job.drawing import FrameSource
from renderer.progress import Advance


def feed(writer: FrameWriter, frame_source: FrameSource, selected: Sequence[int], advance: Advance) -> None:
    """Draw frames and pass them to the encoder: while one is drawn, others are written and encoded."""
    planar = writer.layout == "yuv420p"
    frame = None if planar else frame_source.compositor.new_frame()
    for shot, same in frame_source.shots(selected, planar=planar):
        if same:
            writer.repeat()
        else:
            buffer = writer.next_buffer()
            if frame is None:
                frame_source.draw_planes(shot, writer.planes(buffer))
            else:
                frame_source.draw(shot, frame)
                frame_source.compositor.to_rgba(frame, writer.pixels(buffer))
            writer.submit(buffer)
        advance(1)


def check_written(path: Path, size: tuple[int, int], fps: Fraction, selected: Sequence[int]) -> Probe | None:
    """Probe the written file; None for a stream. Raises RenderError if its frames are not those that were drawn."""
    if is_stream(path):
        return None
    found = probe(numbered(path, selected[-1]) if is_sequence(path) else path)
    frames = 1 if is_sequence(path) else len(selected)
    # Formats with a duration for each frame may store equal frames once.
    complete = found.frames == frames or abs(found.seconds - float(frames / fps)) < float(0.5 / fps)
    if (found.width, found.height) != size or not complete:
        raise RenderError(
            f"ffmpeg wrote {found.frames} frames of {found.width}x{found.height} instead of {frames} of "
            f"{size[0]}x{size[1]}: please report this, with the output of `render doctor`"
        )
    return found
