"""Clip: the nearest-neighbour search for a cell's photo, as points in a rotating colour space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from renderer.arrays import Float32Array
from renderer.cover_names import CoverName
from renderer.encoder import Encoding, FrameWriter, choose, gif_rate, open_writer
from renderer.errors import InputError
from renderer.explain.cells import NEAR_PHOTOS, Matched, open_matched
from renderer.explain.figures import CELL, NEAR, NEAREST, SIZE, SMALL_SIZE, THEMES, Drawing, Rectangle, Theme
from renderer.explain.match import COMPARED, facts
from renderer.explain.results import FigureResult
from renderer.explain.space import Space, points_of
from renderer.fonts import BOLD_FONT
from renderer.frame_times import frame_count, progress_of
from renderer.job import MatchSettings
from renderer.job.outputs import check_video, new_video
from renderer.job.writing import check_written
from renderer.kernels.discs import draw_discs
from renderer.kernels.drawing import to_yuv420
from renderer.messages import named
from renderer.parameters import CellPosition
from renderer.pictures import Pixels
from renderer.progress import Progress, Silent, track
from renderer.settings import ClipSettings, FigureSettings, FileSettings
from renderer.textures import pack

MAX_POINTS: Final = 12_000
"""Maximum number of points besides the nearest photos: more would hide each other."""

_DISTANCE: Final = 5.0  # of the camera from the centre, relative to half a side of the box
_TILT: Final = math.radians(20)
_ROTATION: Final = math.radians(300)  # over the whole clip
_FIRST_ANGLE: Final = math.radians(125)  # the axes start behind the points and end left and right of them
_EXTENT: Final = 1.85  # half the plot's size, relative to half a side of the box

# Times as shares of the clip.
_ZOOM: Final = (0.10, 0.45)  # the camera moves to the cell
_NEAR: Final = (0.38, 0.68)  # the near photos appear, the farthest first
_NEAREST: Final = 0.76  # the nearest photo is marked
_FADE: Final = 0.05  # duration of each appearance

_FINAL_EXTENT: Final = 0.6  # share of half the plot that the near photos fill at the end
_MAX_ZOOM: Final = 28.0


def explain_knn(
    cover: CoverName | None,
    path: Path,
    *,
    cell: CellPosition | None = None,
    match: MatchSettings | None = None,
    figure: FigureSettings | None = None,
    clip: ClipSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FigureResult:
    """Write a clip of the photos around a cell: all of them, the near ones, then the nearest.

    The file name's extension sets the format. cell: its position; by default that of a colourful, well matched cell.
    Photos are drawn in the space of the metric. A space of many dimensions is projected to three, and the caption says
    so. Raises InputError and RenderError.
    """
    figure, clip, match, progress = (
        figure or FigureSettings(), clip or ClipSettings(), match or MatchSettings(), progress or Silent(),
    )  # fmt: skip
    target = choose(path, FileSettings())
    fps = gif_rate(clip.fps) if target.format.name == "gif" else clip.fps
    size = figure.size or (SMALL_SIZE if target.format.loops else SIZE)
    if target.format.even and (size[0] % 2 or size[1] % 2):
        raise InputError(f"{named('size', f'{size[0]}x{size[1]}')} is odd: videos need an even width and height")
    count = frame_count(clip.duration, fps)
    check_video(path, range(count), overwrite=overwrite)
    with open_matched(cover, cell, path, match, progress, overwrite=overwrite) as matched:
        scene = _prepare(matched, figure, size)
        encoding = Encoding.of(target, FileSettings(), {"title": path.stem})
        with new_video(path, overwrite=overwrite) as temporary:
            with (
                progress.stage("rendering", count, "frames") as advance,
                open_writer(temporary, *size, fps, encoding) as writer,
            ):
                for number in track(range(count), advance):
                    _write_frame(writer, scene.frame(progress_of(number, count)))
            check_written(temporary, size, fps, range(count))
        photos = matched.mosaic.offered.photos
        all_facts = facts(matched) | {
            "drawn": len(scene.space.photos),
            "near": [str(photos[number].path) for number in matched.near.photo[0, :NEAR_PHOTOS].tolist()],
            "near_costs": [round(float(cost), 4) for cost in matched.near.cost[0, :NEAR_PHOTOS]],
            "variance_shown": round(scene.space.variance_share, 4),
        }  # fmt: skip
        caption = " ".join(_sentences(matched, scene.space))
        return FigureResult(path, size, caption, all_facts, fps, count)


def _write_frame(writer: FrameWriter, frame: Pixels) -> None:
    buffer = writer.next_buffer()
    if writer.layout == "yuv420p":
        to_yuv420(pack(frame), *writer.planes(buffer), 0, len(frame) // 2)
    else:
        pixels = writer.pixels(buffer)
        pixels[..., :3], pixels[..., 3] = frame, 255
    writer.submit(buffer)


def _sentences(matched: Matched, space: Space) -> list[str]:
    count = len(matched.mosaic.offered.photos)
    drawn = f" {len(space.photos):,} of {count:,} are drawn." if len(space.photos) + NEAR_PHOTOS < count else ""
    distances = " Distances are approximate." if space.variance_share < 1 else ""
    return [space.caption, f"Photos are compared {COMPARED[matched.settings.match]}.{drawn}{distances}"]


def _prepare(matched: Matched, figure: FigureSettings, size: tuple[int, int]) -> PointCloud:
    """Return everything that is the same in all frames."""
    library = matched.mosaic.offered
    near = min(NEAR_PHOTOS, matched.near.photo.shape[1])
    far = np.setdiff1d(np.arange(len(library.photos)), matched.near.photo[0, :near])
    if len(far) > MAX_POINTS:
        far = np.sort(np.random.default_rng(0).choice(far, MAX_POINTS, replace=False))
    space = points_of(matched, far, near)
    drawings = [Drawing(figure, size) for _ in range(2)]
    sentences = _sentences(matched, space)
    for drawing, with_photos in zip(drawings, (False, True), strict=True):
        plot, boxes = _lay_out(drawing, matched, near, sentences, with_photos=with_photos)
    unit = drawings[0].unit
    rows, columns = plot.slices
    return PointCloud(
        space, library.means[far] * np.float32(255), THEMES[figure.theme], unit, (rows, columns),
        drawings[0].pixels(), drawings[1].pixels(), [box.slices for box in boxes],
        [_label(axis, 36 * unit) for axis in space.axes],
    )  # fmt: skip


def _lay_out(
    drawing: Drawing, matched: Matched, near: int, sentences: list[str], *, with_photos: bool
) -> tuple[Rectangle, list[Rectangle]]:
    """Draw everything except the points and, unless `with_photos`, the near photos.

    Returns the boxes of the plot and of the near photos, the nearest first.
    """
    unit, (column, row) = drawing.unit, matched.position
    count = len(matched.mosaic.offered.photos)
    area = drawing.caption(drawing.title(f"Cell {column}, {row} among {count:,} photos"), sentences)
    gap, label, row_gap = 20 * unit, 62 * unit, 14 * unit
    per_row = 4
    width = min(area.width, 800 * unit) if drawing.upright else min(570 * unit, area.width * 0.34)
    large = (width - gap) / 2
    small = (width - (per_row - 1) * gap) / per_row
    rows = math.ceil(max(near - 1, 0) / per_row)
    height = large + label + (row_gap + label + rows * small + (rows - 1) * gap if rows else 0)
    if drawing.upright:
        panel = Rectangle(area.x + (area.width - width) / 2, area.bottom - height, width, height)
        plot = Rectangle(0, area.y, drawing.width, panel.y - area.y - gap)
    else:
        panel = Rectangle(area.right - width, area.y + max(area.height - height, 0) / 2, width, height)
        plot = Rectangle(0, area.y, panel.x - gap, area.height)
    ratio, outline = float(matched.ratio), matched.outline
    frame = Rectangle(panel.x, panel.y, large, large).fitted(ratio)
    first = drawing.picture(matched.tile_picture, frame, squares=True, outline=outline)
    drawing.outline(first, outline, CELL, 6)
    nearest = Rectangle(panel.right - large, panel.y, large, large)
    y = panel.y + large + label / 2 + 4 * unit
    drawing.text(panel.x, y, "Cell", 40, weight="bold", colour=CELL, vertical="center")
    drawing.text(nearest.x, y, "Nearest", 40, weight="bold", vertical="center")
    top = panel.y + large + label + row_gap
    if rows:
        drawing.text(panel.x, top + label / 2 + 2 * unit, "Near", 40, weight="bold", colour=NEAR, vertical="center")
    boxes = [nearest] + [
        Rectangle(panel.x + n % per_row * (small + gap), top + label + n // per_row * (small + gap), small, small)
        for n in range(near - 1)
    ]
    for number, box in enumerate(boxes):
        fitted = box.fitted(ratio)
        if not with_photos:
            drawing.outline(fitted.expanded(-1 * unit), outline, drawing.theme.line, 2)
            continue
        chosen, symmetry = int(matched.near.photo[0, number]), int(matched.near.symmetry[0, number])
        photo = matched.photo(chosen, symmetry, max(round(box.width), 1))
        drawn = drawing.picture(photo, fitted, outline=outline)
        drawing.outline(drawn, outline, NEAREST if number == 0 else NEAR, 8 if number == 0 else 5)
    return plot, [box.expanded(10 * unit) for box in boxes]


def _label(text: str, size: float) -> Float32Array:
    """Return a text as a mask (H, W), 0…1."""
    font = ImageFont.truetype(BOLD_FONT, max(round(size), 5))
    left, top, right, bottom = (math.floor(v) for v in font.getbbox(text))
    margin = round(size / 4)
    image = Image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin))
    ImageDraw.Draw(image).text((margin - left, margin - top), text, fill=255, font=font)
    return np.asarray(image, np.float32) / np.float32(255)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def _eased(value: float, first: float, last: float) -> float:
    """Return 0 before `first`, 1 after `last`, and a smooth transition between."""
    share = min(max((value - first) / (last - first), 0.0), 1.0)
    return share * share * (3 - 2 * share)


Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Projection:
    """A perspective projection of points."""

    angle: float  # around the vertical axis, in radians
    target: Float32Array  # (3,) the point in the centre
    zoom: float
    centre: tuple[float, float]  # in pixels
    scale: float  # pixels per unit at the target

    def project(self, points: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Return the positions (N, 2) in pixels of points (N, 3), and their magnification by perspective (N,)."""
        x, y, z = (points - self.target).T
        right = math.cos(self.angle) * x + math.sin(self.angle) * y
        depth = -math.sin(self.angle) * x + math.cos(self.angle) * y
        up = math.cos(_TILT) * z + math.sin(_TILT) * depth
        depth = math.cos(_TILT) * depth - math.sin(_TILT) * z
        magnification = (_DISTANCE / np.maximum(_DISTANCE + depth, 0.5)).astype(np.float32)
        offset = np.stack([right * magnification, -up * magnification], axis=1) * np.float32(self.scale * self.zoom)
        return (offset + np.array(self.centre)).astype(np.float32), magnification


@dataclass(frozen=True)
class PointCloud:
    """The content of a clip. Any frame can be drawn without the others."""

    space: Space
    colours: Float32Array  # (P, 3) mean colours of `space.photos`, 0…255
    theme: Theme
    unit: float
    plot: Slices
    empty: Pixels  # (H, W, 3) the drawing without near photos
    full: Pixels  # (H, W, 3) the drawing with all near photos
    boxes: list[Slices]  # of the near photos, the nearest first
    labels: list[Float32Array]  # masks of the axes' names

    def frame(self, progress: float) -> Pixels:
        """Return the frame (H, W, 3) at a progress 0…1."""
        frame = self.empty.copy()
        near = self._near_opacity(progress)
        for number, (rows, columns) in enumerate(self.boxes):
            share = _eased(progress, _NEAREST, _NEAREST + _FADE) if number == 0 else near[number]
            if share > 0:
                parts = self.full[rows, columns], share, self.empty[rows, columns], 1 - share, 0
                frame[rows, columns] = cv2.addWeighted(*parts)
        picture = np.ascontiguousarray(frame[self.plot])
        self._draw(picture, progress, near)
        frame[self.plot] = picture
        return frame

    def _near_opacity(self, progress: float) -> list[float]:
        """Return the opacity of each near photo, 0…1. The farthest appears first."""
        count = len(self.space.near)
        step = (_NEAR[1] - _NEAR[0] - _FADE) / max(count - 1, 1)
        starts = [_NEAR[0] + (count - 1 - number) * step for number in range(count)]
        return [_eased(progress, start, start + _FADE) for start in starts]

    def projection(self, progress: float) -> Projection:
        """Return the projection at a progress 0…1."""
        height, width = (part.stop - part.start for part in self.plot)
        half = min(height, width) / 2
        share = _eased(progress, *_ZOOM)
        farthest = float(np.linalg.norm(self.space.near - self.space.cell, axis=1).max())
        zoom = min(max(_FINAL_EXTENT * _EXTENT / max(farthest, 1e-6), 1.0), _MAX_ZOOM)
        return Projection(
            _FIRST_ANGLE + _ROTATION * progress, self.space.cell * np.float32(share), zoom**share,
            (width / 2, height / 2), half / _EXTENT,
        )  # fmt: skip

    def _draw(self, picture: Pixels, progress: float, near_opacity: list[float]) -> None:
        view = self.projection(progress)
        self._draw_box(picture, view)
        found = _eased(progress, *_NEAR)
        point_unit, mark_unit = view.zoom**0.3 * self.unit, view.zoom**0.1 * self.unit
        points, magnification = view.project(self.space.photos)
        order = np.argsort(magnification, kind="stable")
        radius = magnification[order] * np.float32(
            point_unit * min(max((4000 / max(len(order), 1)) ** 0.5, 0.7), 1.8) * 6
        )
        background = np.array(_rgb(self.theme.background), np.float32)
        # Distant points are paler. While the near photos appear, all other points become paler too.
        contrast = (np.clip((magnification[order] - 0.72) / 0.5, 0.35, 1) * (1 - 0.55 * found)).astype(np.float32)
        colour = background + (self.colours[order] - background) * contrast[:, np.newaxis]
        draw_discs(picture, points[order], radius, colour.astype(np.float32), np.full(len(order), 0.92, np.float32))
        near, near_magnification = view.project(self.space.near)
        cell, cell_magnification = view.project(self.space.cell[np.newaxis])
        for number in np.argsort(near_magnification, kind="stable").tolist():
            opacity = near_opacity[number]
            if opacity > 0:
                self._link(picture, cell[0], near[number], opacity, NEAR)
                self._dot(picture, near[number], 14 * mark_unit * float(near_magnification[number]) * opacity, NEAR)
        self._dot(picture, cell[0], 17 * mark_unit * float(cell_magnification[0]), CELL)
        share = _eased(progress, _NEAREST, _NEAREST + _FADE)
        if share > 0 and len(near):
            self._cross(picture, near[0], 27 * self.unit * (2 - share))
        self._draw_labels(picture, view)

    def _draw_box(self, picture: Pixels, view: Projection) -> None:
        """Draw the edges of the box; those along the axes are thicker."""
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
        points, _ = view.project(corners)
        for first in range(8):
            for bit in (1, 2, 4):
                if not first & bit:
                    width = 3.5 if first == 0 else 1.5
                    self._line(picture, points[first], points[first | bit], self.theme.line, width)

    def _draw_labels(self, picture: Pixels, view: Projection) -> None:
        """Draw the names of the axes at their ends, at subpixel positions."""
        ends = np.full((3, 3), -1, np.float32)
        np.fill_diagonal(ends, 1.12)
        points, _ = view.project(ends)
        text, background = (np.array(_rgb(colour), np.float32) for colour in (self.theme.muted, self.theme.background))
        height, width = picture.shape[:2]
        for mask, (x, y) in zip(self.labels, points.tolist(), strict=True):
            left, top = x - mask.shape[1] / 2, y - mask.shape[0] / 2
            if not (left >= 0 and left + mask.shape[1] + 1 < width and top >= 0 and top + mask.shape[0] + 1 < height):
                continue
            column, row = int(left), int(top)
            shift = np.array([[1, 0, left - column], [0, 1, top - row]], np.float32)
            moved = cv2.warpAffine(mask, shift, (mask.shape[1] + 1, mask.shape[0] + 1))
            part = picture[row : row + moved.shape[0], column : column + moved.shape[1]]
            # A halo in the background colour keeps the label readable over points.
            halo = np.clip(cv2.GaussianBlur(moved, (0, 0), max(4 * self.unit, 0.5)) * 2.5, 0, 0.9)[..., np.newaxis]
            under = part + halo * (background - part)
            part[:] = (under + moved[..., np.newaxis] * (text - under) + 0.5).astype(np.uint8)

    def _link(self, picture: Pixels, first: Float32Array, last: Float32Array, share: float, colour: str) -> None:
        self._line(picture, first, first + (last - first) * np.float32(share), colour, 3)

    def _dot(self, picture: Pixels, point: Float32Array, radius: float, colour: str) -> None:
        """Draw a disc with a border in the background colour, to stand out among others."""
        centres = np.stack([point, point]).astype(np.float32)
        sizes = np.array([radius + 3 * self.unit, radius], np.float32)
        colours = np.array([_rgb(self.theme.background), _rgb(colour)], np.float32)
        draw_discs(picture, centres, sizes, colours, np.ones(2, np.float32))

    def _cross(self, picture: Pixels, point: Float32Array, size: float) -> None:
        for colour, width, extra in (("#16181d", 19, 4 * self.unit), (NEAREST, 11, 0.0)):
            for sign in (-1, 1):
                arm = np.array([size + extra, sign * (size + extra)], np.float32) * np.float32(0.75)
                self._line(picture, point - arm, point + arm, colour, width)

    def _line(self, picture: Pixels, first: Float32Array, last: Float32Array, colour: str, width: float) -> None:
        ends = [
            tuple(round(float(v) * 16) for v in np.clip(end - np.float32(0.5), -30000, 30000)) for end in (first, last)
        ]
        thickness = max(round(width * self.unit), 1)
        cv2.line(picture, ends[0], ends[1], _rgb(colour), thickness, cv2.LINE_AA, 4)
