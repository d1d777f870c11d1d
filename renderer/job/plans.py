"""What a render would make, told before it: from the headers of its inputs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from renderer.cores import core_count
from renderer.encoder import RATE_POINTS
from renderer.errors import InputError
from renderer.grid import make_grid, make_grid_of_shape
from renderer.job.inputs import check_cover, no_pictures
from renderer.job.outputs import check_still, check_video
from renderer.job.results import Plan
from renderer.job.settings import MatchSettings
from renderer.job.stills import reported_cover, still_size
from renderer.job.videos import VideoJob
from renderer.library import PIECES, Archive
from renderer.overlay import check_overlay
from renderer.parameters import Paper
from renderer.pictures import picture_size
from renderer.placement import MAP_SUFFIX, load_map
from renderer.progress import Silent
from renderer.sound import check_sound
from renderer.stills import check_room, check_size

RENDER_SECONDS_A_MEGAPIXEL: Final = 0.009
"""Processor time that drawing takes, as benchmarks/render.py measured it."""

MATCH_SECONDS_A_CELL: Final = 0.0012
"""What matching takes with 2,000 photos that are known, as measured at 5,000 and at 60,000 cells."""

_STILL_RATES: Final = {".png": (0.1, 1.3), ".webp": (0.35, 0.3), ".tif": (0.08, 1.5), ".tiff": (0.08, 1.5)}
_JPEG_RATES: Final = (0.06, 0.35)
"""Seconds a megapixel, drawn and written by two cores, and bytes a pixel: between what was measured at 32 and at 200
pixels a cell; smaller cells take more, larger ones less."""


def plan_video(job: VideoJob) -> Plan:
    """What `render_video` would make, without decoding anything. Raises InputError."""
    job = job.settled()
    check_video(job.path, job.wanted(), overwrite=True)
    check_sound(job.sound, job.path, job.target)
    check_overlay(job.overlay, job.seconds())
    shape, cells, files = _inputs(check_cover(job.cover), job.match)
    target = job.target
    size = job.output.frame_size(shape, even=target.format.even)
    chosen = len(job.wanted())
    point = RATE_POINTS[target.codec or target.format.name][job.file.quality]
    pixels = chosen * size[0] * size[1] / 1e6
    seconds = 2 + pixels * (point.seconds_a_megapixel + RENDER_SECONDS_A_MEGAPIXEL) / core_count()
    size_in_bytes = min(pixels * point.bytes_a_megapixel, float(job.file.max_size or "inf"))
    return Plan(job.path, size, cells, files, seconds, size_in_bytes, job.output.fps, chosen)


def plan_mosaic(
    cover: Path | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    tile_pixels: int | None = None,
    paper: Paper | None = None,
    dpi: float | None = None,
    report: Path | None = None,
) -> Plan:
    """What `render_mosaic` would make, without decoding anything. Raises InputError, of what no disk here holds too."""
    match, source = match or MatchSettings(), check_cover(cover)
    check_still(path, match, overwrite=True)
    if report is not None:
        reported_cover(source, report, overwrite=True)
    size = still_size(source, match, tile_pixels, paper, dpi)
    check_size(path, size)
    check_room(path, size)
    _, cells, files = _inputs(source, match, None if paper is None else size[0] / size[1])
    seconds_a_megapixel, bytes_a_pixel = _STILL_RATES.get(path.suffix.lower(), _JPEG_RATES)
    pixels = size[0] * size[1]
    matching = 0 if source.suffix.lower() == MAP_SUFFIX else cells * MATCH_SECONDS_A_CELL
    return Plan(path, size, cells, files, 2 + matching + pixels / 1e6 * seconds_a_megapixel, pixels * bytes_a_pixel)


def _inputs(cover: Path, match: MatchSettings, shape: float | None = None) -> tuple[tuple[float, float], int, int]:
    """A cover's width and height, its cells, and the files that would be tried as tiles. Raises InputError."""
    if cover.suffix.lower() == MAP_SUFFIX:
        placement = load_map(cover)
        return placement.cover_size, len(placement), 0
    size = picture_size(cover)
    if shape is None:
        grid = make_grid(*size, match.columns, match.cell_size)
    else:
        grid = make_grid_of_shape(*size, shape, match.columns, match.cell_size)
    with Archive(Silent(), library_dir=match.library_dir, crop=match.crop, video_frames=match.video_frames) as archive:
        files = archive.count(match.tiles)
        if match.tiles and match.tiles != (PIECES,) and not files:
            raise InputError(no_pictures(match.tiles, archive))
    return size, len(grid), files
