"""Pictures that stand still: one frame, a contact sheet, the whole mosaic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.errors import InputError
from renderer.frame_times import frame_at
from renderer.grid import covered_part, make_grid
from renderer.job.drawing import count_frames, draw_strips, open_frames
from renderer.job.inputs import OpenMosaic, check_cover, cover_of, open_mosaic
from renderer.job.outputs import check_not_input, check_still
from renderer.job.results import REPORTED, Summary
from renderer.job.settings import MatchSettings
from renderer.library import SHORTER_SIDE
from renderer.memory import MemoryMeter
from renderer.messages import FormatCommand
from renderer.output_files import check_writable
from renderer.overlay import OverlaySettings, check_overlay
from renderer.parameters import Paper
from renderer.pictures import Pixels, read_picture
from renderer.placement import MAP_SUFFIX, load_map
from renderer.progress import Progress, Silent, Timed, track
from renderer.report import LONGEST, Compared, check_report, write_report
from renderer.scene import Animation
from renderer.settings import OutputSettings
from renderer.stills import check_disk_space, check_size, strip_rows, write_picture, write_still

PRINT_DPI: Final = 300.0
"""Pixels an inch that a print is made with: as fine as one sees at reading distance."""

SHEET_FRAME_PIXELS: Final = 480
"""The longer side of a contact sheet's frames."""


def render_frame(
    cover: Path | None,
    animation: Animation,
    path: Path,
    at: float,
    *,
    safe_zones: bool = False,
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Render the frame of an animation that is on the screen `at` seconds: the same pixels as in the video.

    `safe_zones`: what the output's settings say is covered by an app is shaded.
    """
    output = output or OutputSettings()
    shown = frame_at(at, count_frames(animation, output), output.fps)
    return _render(
        cover, animation, path, [shown], lambda frames: shade(frames[0], output.covered) if safe_zones else frames[0],
        match=match, output=output, overlay=overlay, overwrite=overwrite, progress=progress,
    )  # fmt: skip


def render_sheet(
    cover: Path | None,
    animation: Animation,
    path: Path,
    *,
    cells: tuple[int, int] = (3, 3),
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a contact sheet: `cells` (columns, rows) frames of an animation from its first to its last, with times."""
    output = output or OutputSettings()
    count = count_frames(animation, output)
    shown = np.rint(np.linspace(0, count - 1, cells[0] * cells[1])).astype(int).tolist()
    labels = [f"{float(number / output.fps):.2f} s" for number in shown]
    return _render(
        cover, animation, path, shown, lambda frames: _sheet(frames, labels, cells), longest=SHEET_FRAME_PIXELS,
        match=match, output=output, overlay=overlay, overwrite=overwrite, progress=progress,
    )  # fmt: skip


def _render(
    cover: Path | None,
    animation: Animation,
    path: Path,
    numbers: Sequence[int],
    arrange: Callable[[Sequence[Pixels]], Pixels],
    *,
    longest: int | None = None,
    match: MatchSettings | None,
    output: OutputSettings,
    overlay: OverlaySettings | None,
    overwrite: bool,
    progress: Progress | None,
) -> Summary:
    """Some frames of a video, arranged to one picture; `longest`: their longer side in pixels at most."""
    match, timed = match or MatchSettings(), Timed(progress or Silent())
    check_still(path, match, overwrite=overwrite)
    check_overlay(overlay or OverlaySettings(), float(count_frames(animation, output) / output.fps))
    with MemoryMeter() as meter, open_mosaic(cover, match, timed, animation.targets()) as mosaic:
        check_not_input(mosaic, path)
        size = output.frame_size(mosaic.placement.cover_size, even=False)
        if longest is not None and max(size) > longest:
            size = max(round(size[0] * longest / max(size)), 16), max(round(size[1] * longest / max(size)), 16)
        with (
            open_frames(mosaic, animation, size, output, overlay, timed) as frame_source,
            timed.stage("rendering", len(numbers), "frames") as advance,
        ):
            picture = arrange([frame_source.picture(number) for number in track(numbers, advance)])
        write_picture(path, picture, overwrite=overwrite)
        return Summary(
            path, (picture.shape[1], picture.shape[0]), mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=mosaic.placement.recipe, bytes=path.stat().st_size,
        )  # fmt: skip


def shade(frame: Pixels, covered: tuple[float, float, float, float]) -> Pixels:
    """A frame (H, W, 3 or 4) with what is covered, shares at top, right, bottom and left, shaded red and outlined."""
    height, width = frame.shape[:2]
    left, top = round(covered[3] * width), round(covered[0] * height)
    right, bottom = width - round(covered[1] * width), height - round(covered[2] * height)
    shaded = frame.copy()
    shaded[..., :3] = frame[..., :3] // 2 + np.array([110, 20, 20], np.uint8)
    line = max(1, min(width, height) // 300)
    shaded[max(top - line, 0) : bottom + line, max(left - line, 0) : right + line, :3] = 255
    shaded[top:bottom, left:right] = frame[top:bottom, left:right]
    return shaded


def _sheet(frames: Sequence[Pixels], labels: Sequence[str], cells: tuple[int, int]) -> Pixels:
    """Frames in rows on a dark ground, each with its label under it."""
    height, width = frames[0].shape[:2]
    gap = 12
    line = 22
    sheet = Image.new("RGB", (gap + cells[0] * (width + gap), gap + cells[1] * (height + gap + line)), (24, 24, 24))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        row, column = divmod(number, cells[0])
        x, y = gap + column * (width + gap), gap + row * (height + gap + line)
        picture = Image.fromarray(frame)
        sheet.paste(picture, (x, y), picture if picture.mode == "RGBA" else None)
        pen.text((x + width / 2, y + height + 5), label, fill=(210, 210, 210), font=font, anchor="ma")
    return np.asarray(sheet)


def render_mosaic(
    cover: Path | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    tile_pixels: int | None = None,
    paper: Paper | None = None,
    dpi: float | None = None,
    report: Path | None = None,
    command: FormatCommand | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a whole mosaic as a still of any size, every tile with its full tone.

    `tile_pixels` output pixels a cell (32), or as many as fill a `paper` at `dpi` pixels an inch (300); the mosaic has
    the paper's shape then, and shows what matters most of the cover. The file says the `dpi` that are given. Of a
    `.mosaic` the map is what it is: if its shape is another, its edges are cut off.

    `report`: also an HTML file on how like the cover it is; the cover of a `.mosaic` must lie beside it. `command`
    formats the commands that the report offers to copy; without it, the report offers none.
    Memory: within 1 GiB for pictures of any size. Raises RenderError.
    """
    match, timed = match or MatchSettings(), Timed(progress or Silent())
    with (
        MemoryMeter() as meter,
        ready_mosaic(
            cover, path, match, tile_pixels=tile_pixels, paper=paper, dpi=dpi, report=report, overwrite=overwrite,
            progress=timed,
        ) as (mosaic, size, compared),
    ):  # fmt: skip
        if paper is not None:
            dpi = dpi or PRINT_DPI
        rows = strip_rows(size[0])
        with (
            closing(draw_strips(mosaic, size, rows)) as strips,
            timed.stage("rendering", math.ceil(size[1] / rows), "strips") as advance,
        ):
            write_still(path, size, track(strips, advance), dpi=dpi, overwrite=overwrite)
        summary = Summary(
            path, size, mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=mosaic.placement.recipe, bytes=path.stat().st_size,
        )  # fmt: skip
        if report is not None and compared is not None:
            source = check_cover(cover)
            saved = source if source.suffix.lower() == MAP_SUFFIX else match.save_map
            _report(report, compared, summary, saved, command, overwrite=overwrite)
        return summary


@contextmanager
def ready_mosaic(
    cover: Path | None,
    path: Path,
    match: MatchSettings,
    *,
    tile_pixels: int | None,
    paper: Paper | None,
    dpi: float | None,
    report: Path | None,
    overwrite: bool,
    progress: Progress,
    matched: bool = True,
) -> Iterator[tuple[OpenMosaic, tuple[int, int], Path | None]]:
    """What comes before the first strip of a mosaic's still: a render and a plan both do it.

    Gives the mosaic (`matched` as `open_mosaic` takes it), the picture's width and height, and the cover that a report
    compares with. Raises InputError for what can't be done.
    """
    check_still(path, match, overwrite=overwrite)
    source = check_cover(cover)
    compared = None if report is None else reported_cover(source, report, overwrite=overwrite)
    size = still_size(source, match, tile_pixels, paper, dpi)
    check_size(path, size)
    check_disk_space(path, size)
    shape = None if paper is None else size[0] / size[1]
    with open_mosaic(cover, match, progress, shape=shape, matched=matched) as mosaic:
        check_not_input(mosaic, path)
        yield mosaic, size, compared


def reported_cover(source: Path, report: Path, *, overwrite: bool) -> Path:
    """The cover that a report compares with: of a map the one beside it. Raises InputError for one that is lacking."""
    check_report(report)
    check_writable(report, overwrite=overwrite, parameter="report")
    cover = cover_of(source, load_map(source)) if source.suffix.lower() == MAP_SUFFIX else source
    if cover is None:
        raise InputError(f"--report compares with the cover, which is not beside {source.name}: put it there")
    return cover


def still_size(
    cover: Path, match: MatchSettings, tile_pixels: int | None, paper: Paper | None, dpi: float | None
) -> tuple[int, int]:
    """Width and height of the still of a whole mosaic. Raises InputError and PictureError."""
    if paper is not None and tile_pixels is not None:
        raise InputError("--print and --tile-pixels both set the size of the picture: give one of them")
    if paper is not None:
        return paper.pixels(dpi or PRINT_DPI)
    if cover.suffix.lower() == MAP_SUFFIX:
        return _whole_size(load_map(cover).size, tile_pixels or TILE_PIXELS)
    # Decoded as the mosaic's cover is: a header doesn't tell how much of a damaged picture can be read.
    size = read_picture(cover, shorter_side=SHORTER_SIDE).size
    grid = make_grid(*size, match.columns, match.cell_size)
    return _whole_size((grid.columns, grid.rows), tile_pixels or TILE_PIXELS)


def _whole_size(units: tuple[float, float], scale: float) -> tuple[int, int]:
    """Width and height of a whole mosaic of some units at so many pixels each."""
    return max(1, round(units[0] * scale)), max(1, round(units[1] * scale))


def _report(
    path: Path, cover: Path, summary: Summary, saved: Path | None, command: FormatCommand | None, *, overwrite: bool
) -> None:
    """Write the report on a mosaic, which is drawn for it once more: as large as the report shows or compares."""
    mosaic, placement = summary.mosaic, summary.mosaic.placement
    smallest = float(placement.cell[:, 2:].min())
    scale = min(
        max(LONGEST / max(placement.size), SIGNATURE_PIXELS / smallest),
        max(side / units for side, units in zip(summary.size, placement.size, strict=True)),
    )
    size = _whole_size(placement.size, scale)
    pixels = np.concatenate(list(draw_strips(mosaic, size, strip_rows(size[0]))))
    part = covered_part(read_picture(cover, shorter_side=SHORTER_SIDE).pixels, placement.crop)
    compared = Compared(
        part, pixels, placement, mosaic.library, mosaic.offered, mosaic.skipped,
        figures={name: summary.as_json()[name] for name in REPORTED},
        map_name=saved.name if saved else f"{cover.stem}{MAP_SUFFIX}", map_saved=saved is not None,
    )  # fmt: skip
    write_report(path, compared, command=command, overwrite=overwrite)
