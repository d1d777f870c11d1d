"""Still pictures: one frame, a contact sheet, the whole mosaic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from renderer.cover_names import CANVAS, MAP_SUFFIX, CoverName, on_canvas
from renderer.cover_pixels import covered_part
from renderer.covers import WHITE, open_cover
from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.errors import InputError
from renderer.frame_times import frame_at
from renderer.job.cover_grids import regular_grid
from renderer.job.drawing import draw_strips, open_frames
from renderer.job.inputs import TileSource, check_cover_name, cover_of, open_mosaic, open_tiles
from renderer.job.mosaics import OpenMosaic, cover_reader
from renderer.job.outputs import check_not_input, check_still
from renderer.job.results import REPORTED, Landing, Summary
from renderer.library import SHORTER_SIDE, Library, Photo
from renderer.memory import MemoryMeter
from renderer.messages import FormatCommand, named
from renderer.output_files import check_writable
from renderer.overlay import check_overlay
from renderer.parameters import Colour, Paper
from renderer.pictures import Pixels, resize
from renderer.pixels import over_colour
from renderer.placement import PlacementMap, load_map
from renderer.progress import Progress, Silent, Timed, track
from renderer.scene import Animation
from renderer.settings import Background, MatchSettings, OutputSettings, OverlaySettings
from renderer.stills import check_disk_space, check_size, strip_rows, write_picture, write_still
from renderer.video_job import count_frames, placed_targets

PRINT_DPI: Final = 300.0
"""Default pixels per inch of a print: the finest detail visible at reading distance."""

_MOSTLY: Final = 0.5  # share of a cell's side; photos that have more are visible even if they are smaller than a pixel

_LANDING_COLUMNS: Final = 4

_SHEET_GREY: Final = 0x18  # ground of a contact sheet

SHEET_FRAME_PIXELS: Final = 480
"""Longer side of a contact sheet's frames."""


def render_frame(
    cover: CoverName | None,
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
    """Render the frame of an animation at a time in seconds, with the same pixels as in the video. Raises RenderError.

    `safe_zones`: shade the edges that an app covers (`output.covered`).
    """
    output = output or OutputSettings()
    shown = frame_at(at, count_frames(animation, output), output.fps)
    picture = _FramePicture(
        animation, path, [shown], lambda frames: shade(frames[0], output.covered) if safe_zones else frames[0]
    )
    return _render(cover, [picture], match, output, overlay, overwrite=overwrite, progress=progress)[0]


def render_sheet(
    cover: CoverName | None,
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
    """Draw a contact sheet: `cells` (columns, rows) evenly spaced frames of an animation, with their times.

    Raises RenderError.
    """
    sheets = {path: animation}
    return render_sheets(
        cover, sheets, cells=cells, match=match, output=output, overlay=overlay, overwrite=overwrite, progress=progress
    )[0]


def render_sheets(
    cover: CoverName | None,
    sheets: Mapping[Path, Animation],
    *,
    cells: tuple[int, int] = (3, 3),
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Summary]:
    """Draw the contact sheets of several animations, as `render_sheet` does; they share the mosaic where they can.

    All files are checked first. Of several, one that its animation can't draw is left out, with a notice. Raises
    RenderError.
    """
    output = output or OutputSettings()
    pictures = []
    for path, animation in sheets.items():
        count = count_frames(animation, output)
        shown = np.rint(np.linspace(0, count - 1, cells[0] * cells[1])).astype(int).tolist()
        labels = [f"{float(number / output.fps):.2f} s" for number in shown]
        arrange = partial(_sheet, labels=labels, cells=cells)
        pictures.append(_FramePicture(animation, path, shown, arrange, SHEET_FRAME_PIXELS))
    return _render(cover, pictures, match, output, overlay, overwrite=overwrite, progress=progress)


@dataclass(frozen=True)
class _FramePicture:
    """Frames of a video, arranged into one picture."""

    animation: Animation
    path: Path
    numbers: Sequence[int]  # of the frames
    arrange: Callable[[Sequence[Pixels]], Pixels]
    longest: int | None = None  # maximum of a frame's longer side in pixels


def _render(
    cover: CoverName | None,
    pictures: Sequence[_FramePicture],
    match: MatchSettings | None,
    output: OutputSettings,
    overlay: OverlaySettings | None,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> list[Summary]:
    """Render pictures of frames; those with the same targets and covers share one mosaic."""
    match, timed = match or MatchSettings(), Timed(progress or Silent())
    by_mosaic: dict[object, list[_FramePicture]] = {}
    for each in pictures:
        check_still(each.path, match, transparent=output.transparent, overwrite=overwrite)
        check_overlay(overlay or OverlaySettings(), float(count_frames(each.animation, output) / output.fps))
        key = placed_targets(match, each.animation), each.animation.next_covers()
        by_mosaic.setdefault(key, []).append(each)
    cover = on_canvas(cover, output.size)
    summaries: dict[Path, Summary] = {}
    for some in by_mosaic.values():
        with MemoryMeter() as meter, open_mosaic(cover, match, timed, some[0].animation) as mosaic:
            for each in some:
                try:
                    summary = _write_frames(mosaic, each, output, overlay, timed, overwrite=overwrite)
                except InputError as error:
                    if len(pictures) == 1:
                        raise
                    timed.notice(f"{each.path.name} left out: {error.text}")
                    continue
                summaries[each.path] = replace(summary, seconds=timed.finished(), peak_memory_bytes=meter.peak_bytes)
                timed = Timed(progress or Silent())
    return [summaries[each.path] for each in pictures if each.path in summaries]


def _write_frames(
    mosaic: OpenMosaic,
    picture: _FramePicture,
    output: OutputSettings,
    overlay: OverlaySettings | None,
    progress: Progress,
    *,
    overwrite: bool,
) -> Summary:
    """Draw and write one picture; the caller adds the seconds and the memory to the summary."""
    check_not_input(mosaic, picture.path)
    size, longest = output.frame_size(mosaic.placement.cover_size, even=False), picture.longest
    if longest is not None and max(size) > longest:
        size = max(round(size[0] * longest / max(size)), 16), max(round(size[1] * longest / max(size)), 16)
    with (
        open_frames(mosaic, picture.animation, size, output, overlay, progress) as frame_source,
        progress.stage("rendering", len(picture.numbers), "frames") as advance,
    ):
        drawn = picture.arrange([frame_source.picture(number) for number in track(picture.numbers, advance)])
        landings = [Landing.at(mosaic.map(which), cell) for which, cell in frame_source.landings]
    write_picture(picture.path, drawn, overwrite=overwrite)
    return Summary(
        picture.path, (drawn.shape[1], drawn.shape[0]), mosaic, {}, recipe=mosaic.placement.recipe,
        bytes=picture.path.stat().st_size, landings=landings,
    )  # fmt: skip


def render_landings(
    cover: CoverName | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a contact sheet of the photos of a mosaic that are best to land on, with their names, the best first.

    A flight without a focus lands on the first one. Raises RenderError.
    """
    match, timed = match or MatchSettings(), Timed(progress or Silent())
    check_still(path, match, transparent=False, overwrite=overwrite)
    with MemoryMeter() as meter, open_mosaic(cover, match, timed) as mosaic:
        check_not_input(mosaic, path)
        placement, cells = mosaic.placement, mosaic.landings
        with timed.stage("rendering", len(cells), "photos") as advance:
            pictures = [
                _fitted(mosaic.library, placement.photos[int(placement.photo[cell])]) for cell in track(cells, advance)
            ]
        landings = [Landing.at(placement, cell) for cell in cells]
        columns = min(len(cells), _LANDING_COLUMNS)
        labels = [f"{each.name} ({each.size[0]}x{each.size[1]})" for each in landings]
        picture = _sheet(pictures, labels, (columns, math.ceil(len(cells) / columns)))
        write_picture(path, picture, overwrite=overwrite)
        return Summary(
            path, (picture.shape[1], picture.shape[0]), mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=placement.recipe, bytes=path.stat().st_size,
            landings=landings[:1],
        )  # fmt: skip


def _fitted(library: Library, photo: Photo) -> Pixels:
    """Return a whole photo in a square of the sheet of landings, (H, W, 3), on its dark ground."""
    shrink = SHEET_FRAME_PIXELS / max(photo.own_size)
    width, height = (max(round(side * shrink), 1) for side in photo.own_size)
    square = np.full((SHEET_FRAME_PIXELS, SHEET_FRAME_PIXELS, 3), _SHEET_GREY, np.uint8)
    left, top = (SHEET_FRAME_PIXELS - width) // 2, (SHEET_FRAME_PIXELS - height) // 2
    square[top : top + height, left : left + width] = library.whole(photo, width, height)
    return square


def shade(frame: Pixels, covered: tuple[float, float, float, float]) -> Pixels:
    """Return a frame (H, W, 3 or 4) with its covered edges, fractions at top, right, bottom and left, shaded red."""
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
    """Arrange frames in rows on a dark background, each with its label below."""
    height, width = frames[0].shape[:2]
    gap = 12
    line = 22
    mode = "RGBA" if frames[0].shape[2] == 4 else "RGB"
    sheet = Image.new(
        mode, (gap + cells[0] * (width + gap), gap + cells[1] * (height + gap + line)), (_SHEET_GREY,) * 3
    )
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        row, column = divmod(number, cells[0])
        x, y = gap + column * (width + gap), gap + row * (height + gap + line)
        sheet.paste(Image.fromarray(frame), (x, y))  # with its alpha, if it has any
        pen.text((x + width / 2, y + height + 5), label, fill="#d2d2d2", font=font, anchor="ma")
    return np.asarray(sheet)


def render_mosaic(
    cover: CoverName | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    tile_pixels: int | None = None,
    paper: Paper | None = None,
    dpi: float | None = None,
    report: Path | None = None,
    background: Background = WHITE,
    command: FormatCommand | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a whole mosaic as a still of any size, with full tone.

    `tile_pixels`: output pixels per cell (default: 32). Instead, `paper` can set the size, at `dpi` pixels per inch
    (default: 300); the cover is then cropped to the paper's shape, away from important areas, or, if it has a mask,
    shown whole with the background around it. The file stores a specified `dpi`. A `.mosaic` has a fixed shape: on
    paper of another shape, its edges are cropped, or, with a mask, the background is around it.

    `report`: also write an HTML file that compares the mosaic with the cover; the cover of a `.mosaic` must be next to
    it, and instead of a transparent or blurred background, it shows white. `background`: what shows where there is no
    tile. `command` formats the commands that the report offers to copy;
    without it, the report offers none. Memory: at most 1 GiB for pictures of any size. Raises RenderError.
    """
    match, timed = match or MatchSettings(), Timed(progress or Silent())
    transparent = background == "transparent"
    with (
        MemoryMeter() as meter,
        ready_mosaic(
            cover, path, match, tile_pixels=tile_pixels, paper=paper, dpi=dpi, report=report,
            transparent=transparent, overwrite=overwrite, progress=timed,
        ) as (mosaic, size),
    ):  # fmt: skip
        if paper is not None:
            dpi = dpi or PRINT_DPI
        rows = strip_rows(size[0])
        with (
            closing(draw_strips(mosaic, size, rows, background)) as strips,
            timed.stage("rendering", math.ceil(size[1] / rows), "strips") as advance,
        ):
            write_still(
                path,
                size,
                track(strips, advance),
                dpi=dpi,
                transparent=transparent,
                overwrite=overwrite,
            )
        summary = Summary(
            path, size, mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=mosaic.placement.recipe, bytes=path.stat().st_size,
        )  # fmt: skip
        if report is not None:
            source = check_cover_name(cover)
            saved = source if isinstance(source, Path) and source.suffix.lower() == MAP_SUFFIX else match.save_map
            ground = WHITE if isinstance(background, str) else background
            _report(report, source.stem, summary, saved, command, ground, overwrite=overwrite)
        return summary


@contextmanager
def ready_mosaic(
    cover: CoverName | None,
    path: Path,
    match: MatchSettings,
    *,
    tile_pixels: int | None,
    paper: Paper | None,
    dpi: float | None,
    report: Path | None,
    transparent: bool,
    overwrite: bool,
    progress: Progress,
    matched: bool = True,
) -> Iterator[tuple[OpenMosaic, tuple[int, int]]]:
    """Prepare the still of a mosaic up to its first strip, for renders and plans.

    Yields the mosaic (`matched` as in `open_mosaic`), and the picture's width and height.
    Raises InputError for a still that can't be rendered.
    """
    check_still(path, match, transparent=transparent, overwrite=overwrite)
    if paper is not None:
        scale = max(CANVAS) / max(paper.width, paper.height)
        cover = on_canvas(cover, (max(round(paper.width * scale), 1), max(round(paper.height * scale), 1)))
    source = check_cover_name(cover)
    if report is not None:
        _check_report(source, report, overwrite=overwrite)
    with open_tiles(match, progress) as tiles:
        size = still_size(source, match, tile_pixels, paper, dpi, tiles)
        check_size(path, size)
        check_disk_space(path, size)
        shape = None if paper is None else size[0] / size[1]
        with open_mosaic(cover, match, progress, shape=shape, matched=matched, tiles=tiles) as mosaic:
            check_not_input(mosaic, path)
            _check_photos(mosaic.placement, size, paper)
            yield mosaic, size


def _check_photos(placement: PlacementMap, size: tuple[int, int], paper: Paper | None) -> None:
    """Raise InputError if gaps and borders leave so little of the photos that a picture would show nothing else."""
    inside = placement.shape.inside
    pixels = inside * float(placement.cell[:, 2:].min()) * max(np.divide(size, placement.size))
    if pixels < 1 - 1e-6 and inside < _MOSTLY:
        fix = f"a larger {named('tile_pixels')}" if paper is None else f"larger paper or a higher {named('dpi')}"
        raise InputError(
            f"The photos would be {pixels:.2g} pixels wide, as gaps and borders take {100 * (1 - inside):.0f} % of a "
            f"cell's side: use smaller gaps and borders, or {fix}"
        )


def _check_report(source: CoverName, report: Path, *, overwrite: bool) -> None:
    """Raise InputError if a report can't be written, or shows a map whose cover is missing."""
    from renderer.report import check_report

    check_report(report)
    check_writable(report, overwrite=overwrite, parameter="report")
    if isinstance(source, Path) and source.suffix.lower() == MAP_SUFFIX:
        placement = load_map(source)
        if cover_reader(placement, cover_of(source, placement)) is None:
            raise InputError(f"{named('report')} requires the cover next to {source.name}: copy it there")


def still_size(
    cover: CoverName,
    match: MatchSettings,
    tile_pixels: int | None,
    paper: Paper | None,
    dpi: float | None,
    tiles: TileSource,
) -> tuple[int, int]:
    """Return width and height of the still of a whole mosaic. Raises InputError and PictureError."""
    if paper is not None and tile_pixels is not None:
        raise InputError(f"{named('paper')} and {named('tile_pixels')} both set the picture's size: use one of them")
    if paper is not None:
        return paper.pixels(dpi or PRINT_DPI)
    if isinstance(cover, Path) and cover.suffix.lower() == MAP_SUFFIX:
        return _whole_size(load_map(cover).size, tile_pixels or TILE_PIXELS)
    # Decoded like the mosaic's cover, as the header shows neither how much of a damaged picture is readable nor a mask.
    grid = regular_grid(open_cover(cover, match.cover_settings()), match, photos=tiles.photos)
    return _whole_size(grid.size, tile_pixels or TILE_PIXELS)


def _whole_size(units: tuple[float, float], scale: float) -> tuple[int, int]:
    """Return width and height in pixels of a whole mosaic, at `scale` pixels per unit."""
    return max(1, round(units[0] * scale)), max(1, round(units[1] * scale))


def _drawn_twice(mosaic: OpenMosaic, size: tuple[int, int], cover: Pixels, ground: Colour) -> tuple[Pixels, Pixels]:
    """Return a mosaic of a size, and the same with the cover instead of the photos, both (H, W, 3).

    If tiles fill the mosaic, the latter is the cover itself, of its own size.
    """
    shape, rows = mosaic.placement.shape, strip_rows(size[0])
    strips = draw_strips(mosaic, size, rows, "transparent")
    # Where the border is, and how much of a pixel it takes, is how much its red changes with that of its colour.
    red = float(shape.border_colour[0] < 0.5)
    span = np.float32(255 * (red - shape.border_colour[0]))
    others: Iterable[Pixels | None] = repeat(None)
    if shape.border:
        other = replace(shape, border_colour=(red, *shape.border_colour[1:]))
        others = draw_strips(
            replace(mosaic, placement=replace(mosaic.placement, shape=other)), size, rows, "transparent"
        )
    whole, colour = resize(cover, *size), np.array(shape.border_colour, np.float32) * 255
    drawn, ideal, top, filled = [], [], 0, not shape.border
    for strip, second in zip(strips, others, strict=False):
        drawn.append(over_colour(strip, ground))
        below = whole[top : top + len(strip)]
        if second is not None:
            share = np.clip((second[..., :1].astype(np.float32) - strip[..., :1]) / span, 0, 1)
            below = np.asarray(below * (1 - share) + colour * share + 0.5, np.uint8)
        ideal.append(over_colour(np.concatenate([below, strip[..., 3:]], axis=2), ground))
        filled = filled and bool((strip[..., 3] == 255).all())
        top += len(strip)
    return np.concatenate(drawn), cover if filled else np.concatenate(ideal)


def _report(
    path: Path, stem: str, summary: Summary, saved: Path | None, command: FormatCommand | None, ground: Colour,
    *, overwrite: bool,
) -> None:  # fmt: skip
    """Write the report on a mosaic, which is drawn again at the size that the report shows or compares.

    `ground`: the colour where there is no tile. The cover that the mosaic is compared with has the same ground, gaps,
    borders and rounded corners, so that only what photos show differs.
    """
    from renderer.report import LONGEST, Compared, write_report

    mosaic, placement = summary.mosaic, summary.mosaic.placement
    smallest = float(placement.cell[:, 2:].min())
    scale = min(
        max(LONGEST / max(placement.size), SIGNATURE_PIXELS / smallest),
        max(side / units for side, units in zip(summary.size, placement.size, strict=True)),
    )
    size = _whole_size(placement.size, scale)
    read = mosaic.cover_reader
    if read is None:
        raise InputError(f"{named('report')} requires the cover, which has been removed: copy it back")
    part = covered_part(read(SHORTER_SIDE), placement.crop)
    colours = np.ascontiguousarray(part[..., :3])
    pixels, ideal = _drawn_twice(mosaic, size, colours, ground)
    # With a mask, in the cells that it leaves, as nothing else says what of the cover is used.
    shown = ideal if placement.is_masked and "mask" in placement.recipe else over_colour(part, ground)
    compared = Compared(
        shown, pixels, colours, ideal, placement, mosaic.library, mosaic.offered, mosaic.skipped,
        figures={name: summary.as_json()[name] for name in REPORTED},
        map_name=saved.name if saved else f"{stem}{MAP_SUFFIX}", map_saved=saved is not None,
    )  # fmt: skip
    write_report(path, compared, command=command, overwrite=overwrite)
