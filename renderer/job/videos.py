"""An animation as a video file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from renderer.encoder import RATE_POINTS, Encoder, probe
from renderer.errors import InputError, RenderError
from renderer.files import check_writable, new_file
from renderer.grid import Grid, make_grid
from renderer.job.drawing import LOOK_AHEAD, Film, count_frames, open_film
from renderer.job.inputs import check_cover, no_pictures, open_mosaic
from renderer.job.outputs import VIDEO_SUFFIXES, check_not_input, check_outputs, check_suffix
from renderer.job.results import Plan, Summary
from renderer.job.settings import MatchSettings
from renderer.library import PIECES, Archive
from renderer.memory import MemoryMeter
from renderer.overlay import OverlaySettings
from renderer.pictures import picture_size
from renderer.placement import MAP_SUFFIX, load_map
from renderer.preset import OutputSettings
from renderer.progress import Advance, Progress, Silent, Timed
from renderer.scene import Animation
from renderer.timeline import parse_frames

RENDER_SECONDS_A_MEGAPIXEL: Final = 0.009
"""Processor time that drawing takes, as benchmarks/render.py measured it."""


def plan_video(
    cover: Path | None,
    animation: Animation,
    match: MatchSettings,
    output: OutputSettings,
    path: Path,
    frames: str | None,
) -> Plan:
    """What `render_video` would make, without decoding anything. Raises InputError."""
    check_suffix(path, VIDEO_SUFFIXES)
    check_writable(path, overwrite=True)
    source = check_cover(cover)
    files = 0
    if source.suffix.lower() == MAP_SUFFIX:
        placement = load_map(source)
        shape, cells = placement.cover_size, len(placement)
    else:
        shape = picture_size(source)
        grid: Grid = make_grid(*shape, match.columns, match.cell_size)
        cells = grid.columns * grid.rows
        with Archive(
            Silent(), library_dir=match.library_dir, crop=match.crop, video_frames=match.video_frames
        ) as archive:
            files = archive.count(match.tiles)
        if match.tiles and match.tiles != (PIECES,) and not files:
            raise InputError(no_pictures(match.tiles))
    size = output.frame_size(shape)
    count = count_frames(animation, output)
    chosen = len(parse_frames(frames, count)) if frames else count
    point = RATE_POINTS[output.quality]
    pixels = chosen * size[0] * size[1] / 1e6
    seconds = 2 + pixels * (point.seconds_a_megapixel + RENDER_SECONDS_A_MEGAPIXEL) / (os.cpu_count() or 1)
    return Plan(path, size, output.fps, chosen, cells, files, seconds, pixels * point.bytes_a_megapixel)


def render_video(
    cover: Path | None,
    animation: Animation,
    path: Path,
    *,
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    frames: str | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str = "",
) -> Summary:
    """Render an animation of a mosaic to a video file, which appears only when it is whole and has been probed.

    `frames` "A-B" takes a part of it; `command` is written into the file's metadata. Raises RenderError.
    """
    match, output, timed = match or MatchSettings(), output or OutputSettings(), Timed(progress or Silent())
    check_outputs(path, VIDEO_SUFFIXES, match, overwrite=overwrite)
    count = count_frames(animation, output)
    wanted = parse_frames(frames, count) if frames else range(count)
    with MemoryMeter() as meter, open_mosaic(cover, match, timed, animation.targets()) as mosaic:
        check_not_input(mosaic, path)
        size = output.frame_size(mosaic.placement.cover_size)
        with (
            open_film(mosaic, animation, size, output, overlay, timed) as film,
            new_file(path, overwrite=overwrite) as temporary,
        ):
            with (
                timed.stage("rendering", len(wanted), "frames") as advance,
                Encoder(
                    temporary, *size, output.fps, RATE_POINTS[output.quality], {"comment": command, "title": path.stem}
                ) as encoder,
            ):
                _feed(encoder, film, wanted, advance)
            _check_file(temporary, size, len(wanted))
        return Summary(
            path, size, mosaic, timed.finished(), output.fps, len(wanted), meter.peak_bytes,
            {**mosaic.placement.recipe, "command": command},
        )  # fmt: skip


def _feed(encoder: Encoder, film: Film, wanted: Sequence[int], advance: Advance) -> None:
    """Draw frames and hand them over; the encoder works on one while the next is drawn."""
    frame = film.compositor.new_frame()
    for place, number in enumerate(wanted):
        if place + LOOK_AHEAD < len(wanted):
            film.prefetch(wanted[place + LOOK_AHEAD])
        film.draw(number, frame)
        buffer = encoder.next_buffer()
        film.compositor.to_yuv420(frame, encoder.planes(buffer))
        encoder.submit(buffer)
        advance(1)


def _check_file(path: Path, size: tuple[int, int], frames: int) -> None:
    found = probe(path)
    if (found.width, found.height, found.frames) != (*size, frames):
        raise RenderError(
            f"ffmpeg wrote {found.frames} frames of {found.width}x{found.height} instead of {frames} of "
            f"{size[0]}x{size[1]}: please report this, with the output of `render doctor`"
        )
