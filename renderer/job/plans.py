"""Plans: what a render would make, found by doing everything except comparing photos and drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from renderer.budget import render_budget
from renderer.cores import core_count
from renderer.cover_names import MAP_SUFFIX, CoverName
from renderer.covers import WHITE
from renderer.encoder import RATE_POINTS, Encoding
from renderer.errors import BusyError, InputError, RenderError
from renderer.job.drawing import check_frames
from renderer.job.inputs import open_mosaic, open_tiles
from renderer.job.mosaics import OpenMosaic
from renderer.job.results import Landing, Plan
from renderer.job.stills import ready_mosaic
from renderer.job.videos import check_job, check_jobs, ready_video
from renderer.parameters import Paper
from renderer.progress import Progress, Silent
from renderer.settings import Background, MatchSettings, TileSettings
from renderer.video_job import VideoJob, mosaic_key

RENDER_SECONDS_A_MEGAPIXEL: Final = 0.009
"""Processor time of drawing, measured by benchmarks/render.py."""

MATCH_SECONDS_A_CELL: Final = 0.0012
"""Matching time with 2,000 indexed photos, measured with 5,000 and with 60,000 cells."""

_STILL_RATES: Final = {".png": (0.1, 1.3), ".webp": (0.35, 0.3), ".tif": (0.08, 1.5), ".tiff": (0.08, 1.5)}
_JPEG_RATES: Final = (0.06, 0.35)
"""Seconds per megapixel, drawn and written by two cores, and bytes per pixel: between the measurements with 32 and with
200 pixels per cell; smaller cells take more, larger ones less."""


def plan_videos(jobs: Sequence[VideoJob], progress: Progress | None = None) -> list[Plan]:
    """Return what `render_videos` would make, by doing the same up to the first frame, except comparing photos.

    New photos are read and indexed. Raises what `render_videos` raises before it draws.
    """
    progress = progress or Silent()
    plans: dict[int, Plan] = {}
    for numbers in check_jobs(jobs):
        first = jobs[numbers[0]]
        with open_mosaic(first.drawn_cover, first.match, progress, first.animation, matched=False) as mosaic:
            for number in numbers:
                plans[number] = _plan_of(mosaic, jobs[number], progress)
    return [plans[number] for number in range(len(jobs))]


def plan_each(jobs: Sequence[VideoJob], progress: Progress | None = None) -> list[Plan | RenderError]:
    """Return the plan of each video, as `plan_videos` does, or the error that prevents it.

    Videos that share photos or a mosaic open them once. Raises RenderError for errors that concern no single job.
    """
    progress = progress or Silent()
    plans: dict[int, Plan | RenderError] = {}

    @contextmanager
    def refusing(*numbers: int) -> Iterator[None]:
        try:
            yield
        except (InputError, BusyError) as error:
            plans.update(dict.fromkeys(numbers, error))

    by_tiles: dict[TileSettings, dict[object, list[int]]] = {}
    for number, job in enumerate(jobs):
        by_tiles.setdefault(job.match.tile_settings(), {}).setdefault(mosaic_key(job), []).append(number)
    for settings, mosaics in by_tiles.items():
        with open_tiles(settings, progress) as tiles:
            for numbers in mosaics.values():
                one = jobs[numbers[0]]
                opened = open_mosaic(one.drawn_cover, one.match, progress, one.animation, matched=False, tiles=tiles)
                with refusing(*numbers), opened as mosaic:
                    for number in numbers:
                        with refusing(number):
                            check_job(jobs[number])
                            plans[number] = _plan_of(mosaic, jobs[number], progress)
    return [plans[number] for number in range(len(jobs))]


def _plan_of(mosaic: OpenMosaic, job: VideoJob, progress: Progress) -> Plan:
    files = _files(mosaic, job.cover, job.match)
    with ready_video(mosaic, job, progress) as ready:
        job, size = ready.job, ready.size
        cells = check_frames(mosaic, job.animation, size, job.output, job.overlay, progress)
    target, chosen = job.target, len(job.selected_frames())
    point = RATE_POINTS[target.codec or target.format.name][job.file.quality]
    pixels = chosen * size[0] * size[1] / 1e6
    seconds = 2 + pixels * (point.seconds_per_megapixel + RENDER_SECONDS_A_MEGAPIXEL) / core_count()
    size_in_bytes = min(pixels * point.bytes_per_megapixel, float(job.file.max_size or "inf"))
    # As for a software encoder: a hardware one is found when the video is rendered, since trying it takes a second.
    encoding = Encoding.of(target, job.file, {})
    budget = render_budget(size, encoding.needs(), job.output.memory)
    landings = [Landing.at(mosaic.map(which), cell) for which, cell in cells] if mosaic.matched else []
    return Plan(
        job.path, size, len(mosaic.placement), files, seconds, size_in_bytes, job.output.fps, chosen, budget, landings
    )


def plan_mosaic(
    cover: CoverName | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    tile_pixels: int | None = None,
    paper: Paper | None = None,
    dpi: float | None = None,
    report: Path | None = None,
    background: Background = WHITE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Plan:
    """Return what `render_mosaic` would make, by doing the same up to the first strip, except comparing photos.

    Raises what `render_mosaic` raises before it draws.
    """
    match = match or MatchSettings()
    with ready_mosaic(
        cover, path, match, tile_pixels=tile_pixels, paper=paper, dpi=dpi, report=report,
        transparent=background == "transparent", overwrite=overwrite, progress=progress or Silent(),
        matched=False,
    ) as (mosaic, size):  # fmt: skip
        cells, files = len(mosaic.placement), _files(mosaic, cover, match)
    seconds_a_megapixel, bytes_a_pixel = _STILL_RATES.get(path.suffix.lower(), _JPEG_RATES)
    pixels = size[0] * size[1]
    matching = 0 if _is_map(cover) else cells * MATCH_SECONDS_A_CELL
    return Plan(path, size, cells, files, 2 + matching + pixels / 1e6 * seconds_a_megapixel, pixels * bytes_a_pixel)


def _is_map(cover: CoverName | None) -> bool:
    return cover is not None and cover.suffix.lower() == MAP_SUFFIX


def _files(mosaic: OpenMosaic, cover: CoverName | None, match: MatchSettings) -> int:
    """Return the number of files that are tried as tiles; 0 for a saved map."""
    return 0 if _is_map(cover) else mosaic.archive.candidate_count(match.tiles)
