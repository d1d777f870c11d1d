"""The search for a photo: points that turn in a space of colours, and the nearest to a cell among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from renderer.arrays import Float32Array
from renderer.compositor.kernels import to_yuv420
from renderer.encoder import Encoding, FrameWriter, choose, gif_rate, open_writer
from renderer.errors import InputError
from renderer.explain.cells import NEAR_PHOTOS, Matched, open_matched
from renderer.explain.figures import CELL, NEAR, NEAREST, SIZE, SMALL_SIZE, THEMES, Drawing, Rectangle, Theme
from renderer.explain.match import COMPARED, facts
from renderer.explain.points import draw_discs
from renderer.explain.settings import ClipSettings, FigureResult, FigureSettings
from renderer.explain.space import Space, place
from renderer.frame_times import frame_count, progress_of
from renderer.job import MatchSettings
from renderer.job.outputs import check_video, new_video
from renderer.job.videos import check_written
from renderer.overlay import default_font
from renderer.parameters import CellPosition
from renderer.pictures import Pixels
from renderer.progress import Progress, Silent, track
from renderer.settings import FileSettings
from renderer.textures import pack

MAX_POINTS: Final = 12_000
"""Photos that are drawn at most, near ones apart: more hide each other."""

_DISTANCE: Final = 5.0  # of the eye from the middle, in half sides of the box
_TILT: Final = math.radians(20)
_TURN: Final = math.radians(300)  # in all
_FIRST: Final = math.radians(125)  # the axes begin behind the points, and end left and right of them
_REACH: Final = 1.85  # half sides of the box that the plot's half holds

# When, as shares of the clip.
_NEARER: Final = (0.10, 0.45)  # the eye goes to the cell
_NEAR: Final = (0.38, 0.68)  # near photos come, the farthest of them first
_NEAREST: Final = 0.76
_COMES: Final = 0.05  # how long a thing takes to come

_CLOSE: Final = 0.6  # share of the plot's half that the near ones fill in the end
_CLOSEST: Final = 28.0  # times


def explain_knn(
    cover: Path | None,
    path: Path,
    *,
    cell: CellPosition | None = None,
    match: MatchSettings | None = None,
    figure: FigureSettings | None = None,
    clip: ClipSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FigureResult:
    """Write a clip of the photos around a cell: all, the near ones, the nearest. Raises InputError and RenderError.

    Its format is that of the name's ending. `cell`: which one; by default a telling one. The space is that of the
    metric in use; of one of many dimensions it is a projection, which the clip says.
    """
    figure, clip, match, said = (
        figure or FigureSettings(), clip or ClipSettings(), match or MatchSettings(), progress or Silent(),
    )  # fmt: skip
    target = choose(path, FileSettings())
    fps = gif_rate(clip.fps) if target.format.name == "gif" else clip.fps
    size = figure.size or (SMALL_SIZE if target.format.loops else SIZE)
    if target.format.even and (size[0] % 2 or size[1] % 2):
        raise InputError(f"--size {size[0]}x{size[1]} is odd: videos need even sides")
    count = frame_count(clip.duration, fps)
    check_video(path, range(count), overwrite=overwrite)
    with open_matched(cover, cell, path, match, said, overwrite=overwrite) as matched:
        scene = _prepare(matched, figure, size)
        encoding = Encoding.of(target, FileSettings(), {"title": path.stem})
        with new_video(path, overwrite=overwrite) as temporary:
            with (
                said.stage("rendering", count, "frames") as advance,
                open_writer(temporary, *size, fps, encoding) as writer,
            ):
                for number in track(range(count), advance):
                    _hand_over(writer, scene.frame(progress_of(number, count)))
            check_written(temporary, size, fps, range(count))
        photos = matched.mosaic.offered.photos
        told = facts(matched) | {
            "drawn": len(scene.space.photos),
            "near": [str(photos[number].path) for number in matched.near.photo[0, :NEAR_PHOTOS].tolist()],
            "near_costs": [round(float(cost), 4) for cost in matched.near.cost[0, :NEAR_PHOTOS]],
            "variance_shown": round(scene.space.kept, 4),
        }  # fmt: skip
        return FigureResult(path, size, " ".join(_sentences(matched, scene.space)), told, fps, count)


def _hand_over(writer: FrameWriter, frame: Pixels) -> None:
    buffer = writer.next_buffer()
    if writer.layout == "yuv420p":
        to_yuv420(pack(frame), *writer.planes(buffer), 0, len(frame) // 2)
    else:
        pixels = writer.pixels(buffer)
        pixels[..., :3], pixels[..., 3] = frame, 255
    writer.submit(buffer)


def _sentences(matched: Matched, space: Space) -> list[str]:
    count = len(matched.mosaic.offered.photos)
    drawn = f"; {len(space.photos):,} of {count:,} are drawn" if len(space.photos) + NEAR_PHOTOS < count else ""
    seeming = "; what is near may look farther here" if space.kept < 1 else ""
    return [space.says, f"Compared {COMPARED[matched.settings.match]}{drawn}{seeming}."]


def _prepare(matched: Matched, figure: FigureSettings, size: tuple[int, int]) -> PointCloud:
    """All that does not change from frame to frame."""
    library = matched.mosaic.offered
    near = min(NEAR_PHOTOS, matched.near.photo.shape[1])
    far = np.setdiff1d(np.arange(len(library.photos)), matched.near.photo[0, :near])
    if len(far) > MAX_POINTS:
        far = np.sort(np.random.default_rng(0).choice(far, MAX_POINTS, replace=False))
    space = place(matched, far, near)
    sheets = [Drawing(figure, size) for _ in range(2)]
    says = _sentences(matched, space)
    for sheet, whole in zip(sheets, (False, True), strict=True):
        plot, places = _lay_out(sheet, matched, near, says, whole=whole)
    unit = sheets[0].unit
    rows, columns = plot.slices
    return PointCloud(
        space, library.means[far] * np.float32(255), THEMES[figure.theme], unit, (rows, columns),
        sheets[0].pixels(), sheets[1].pixels(), [box.slices for box in places],
        [_word(axis, 36 * unit) for axis in space.axes],
    )  # fmt: skip


def _lay_out(
    sheet: Drawing, matched: Matched, near: int, says: list[str], *, whole: bool
) -> tuple[Rectangle, list[Rectangle]]:
    """Draw all but the points: gives the plot's place and those of the near photos, which are drawn if `whole`."""
    unit, column, row = sheet.unit, matched.place.column, matched.place.row
    count = len(matched.mosaic.offered.photos)
    room = sheet.caption(sheet.title(f"Cell {column}, {row} among {count:,} photos"), says)
    gap, label, apart = 20 * unit, 62 * unit, 14 * unit
    across = 4
    width = min(room.width, 800 * unit) if sheet.upright else min(570 * unit, room.width * 0.34)
    large = (width - gap) / 2
    small = (width - (across - 1) * gap) / across
    lines = math.ceil(max(near - 1, 0) / across)
    height = large + label + (apart + label + lines * small + (lines - 1) * gap if lines else 0)
    if sheet.upright:
        panel = Rectangle(room.x + (room.width - width) / 2, room.bottom - height, width, height)
        plot = Rectangle(0, room.y, sheet.width, panel.y - room.y - gap)
    else:
        panel = Rectangle(room.right - width, room.y + max(room.height - height, 0) / 2, width, height)
        plot = Rectangle(0, room.y, panel.x - gap, room.height)
    first = sheet.picture(_square(matched.picture), Rectangle(panel.x, panel.y, large, large), squares=True)
    sheet.frame(first, CELL, 6)
    nearest = Rectangle(panel.right - large, panel.y, large, large)
    below = panel.y + large + label / 2 + 4 * unit
    sheet.text(panel.x, below, "Cell", 40, weight="bold", colour=CELL, along="center")
    sheet.text(nearest.x, below, "Nearest", 40, weight="bold", along="center")
    top = panel.y + large + label + apart
    if lines:
        sheet.text(panel.x, top + label / 2 + 2 * unit, "Near", 40, weight="bold", colour=NEAR, along="center")
    places = [nearest] + [
        Rectangle(panel.x + n % across * (small + gap), top + label + n // across * (small + gap), small, small)
        for n in range(near - 1)
    ]
    for number, box in enumerate(places):
        if not whole:
            sheet.frame(box.wider(-1 * unit), sheet.theme.line, 2)
            continue
        chosen, symmetry = int(matched.near.photo[0, number]), int(matched.near.symmetry[0, number])
        drawn = sheet.picture(matched.photo(chosen, symmetry, max(round(box.width), 1)), box)
        sheet.frame(drawn, NEAREST if number == 0 else NEAR, 8 if number == 0 else 5)
    return plot, [box.wider(10 * unit) for box in places]


def _square(picture: Pixels) -> Pixels:
    side = min(picture.shape[:2])
    return np.ascontiguousarray(picture[:side, :side])


def _word(word: str, size: float) -> Float32Array:
    """A word as a mask (H, W), 0…1."""
    font = ImageFont.truetype(str(default_font()), max(round(size), 5))
    left, top, right, bottom = (math.floor(v) for v in font.getbbox(word))
    rim = round(size / 4)
    image = Image.new("L", (right - left + 2 * rim, bottom - top + 2 * rim))
    ImageDraw.Draw(image).text((rim - left, rim - top), word, fill=255, font=font)
    return np.asarray(image, np.float32) / np.float32(255)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def _eased(value: float, first: float, last: float) -> float:
    """0 before `first`, 1 after `last`, smooth between."""
    share = min(max((value - first) / (last - first), 0.0), 1.0)
    return share * share * (3 - 2 * share)


Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Projection:
    """From where the points are seen."""

    angle: float  # radians around the upright axis
    target: Float32Array  # (3,) what is in the middle
    zoom: float
    middle: tuple[float, float]  # pixels
    scale: float  # pixels a unit, where the target is

    def project(self, points: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Where points (N, 3) are seen, (N, 2) in pixels, and how much larger by being near the eye, (N,)."""
        x, y, z = (points - self.target).T
        right = math.cos(self.angle) * x + math.sin(self.angle) * y
        away = -math.sin(self.angle) * x + math.cos(self.angle) * y
        up = math.cos(_TILT) * z + math.sin(_TILT) * away
        away = math.cos(_TILT) * away - math.sin(_TILT) * z
        larger = (_DISTANCE / np.maximum(_DISTANCE + away, 0.5)).astype(np.float32)
        seen = np.stack([right * larger, -up * larger], axis=1) * np.float32(self.scale * self.zoom)
        return (seen + np.array(self.middle)).astype(np.float32), larger


@dataclass(frozen=True)
class PointCloud:
    """What the frames of a clip show; any frame can be drawn without the others."""

    space: Space
    colours: Float32Array  # (P, 3) of the photos that are not near, 0…255
    theme: Theme
    unit: float
    plot: Slices
    empty: Pixels  # the sheet without near photos
    full: Pixels  # and with all
    places: list[Slices]  # of the near photos on the sheet, the nearest first
    words: list[Float32Array]  # of the axes

    def frame(self, moment: float) -> Pixels:
        """The frame (H, W, 3) at a moment 0…1."""
        frame = self.empty.copy()
        come = self._come(moment)
        for number, (rows, columns) in enumerate(self.places):
            share = _eased(moment, _NEAREST, _NEAREST + _COMES) if number == 0 else come[number]
            if share > 0:
                parts = self.full[rows, columns], share, self.empty[rows, columns], 1 - share, 0
                frame[rows, columns] = cv2.addWeighted(*parts)
        picture = np.ascontiguousarray(frame[self.plot])
        self._draw(picture, moment, come)
        frame[self.plot] = picture
        return frame

    def _come(self, moment: float) -> list[float]:
        """How far each near photo has come, 0…1: the farthest first."""
        count = len(self.space.near)
        step = (_NEAR[1] - _NEAR[0] - _COMES) / max(count - 1, 1)
        begins = [_NEAR[0] + (count - 1 - number) * step for number in range(count)]
        return [_eased(moment, begin, begin + _COMES) for begin in begins]

    def view(self, moment: float) -> Projection:
        """From where the points are seen at a moment."""
        height, width = (part.stop - part.start for part in self.plot)
        half = min(height, width) / 2
        nearer = _eased(moment, *_NEARER)
        widest = float(np.linalg.norm(self.space.near - self.space.cell, axis=1).max())
        closest = min(max(_CLOSE * _REACH / max(widest, 1e-6), 1.0), _CLOSEST)
        return Projection(
            _FIRST + _TURN * moment, self.space.cell * np.float32(nearer), closest**nearer,
            (width / 2, height / 2), half / _REACH,
        )  # fmt: skip

    def _draw(self, picture: Pixels, moment: float, come: list[float]) -> None:
        view = self.view(moment)
        self._draw_box(picture, view)
        found = _eased(moment, *_NEAR)
        grown, marked = view.zoom**0.3 * self.unit, view.zoom**0.1 * self.unit
        seen, larger = view.project(self.space.photos)
        order = np.argsort(larger, kind="stable")
        radius = larger[order] * np.float32(grown * min(max((4000 / max(len(order), 1)) ** 0.5, 0.7), 1.8) * 6)
        paper = np.array(_rgb(self.theme.paper), np.float32)
        # What is far away is paler, as in haze; when the near ones have come, so are all others.
        clear = (np.clip((larger[order] - 0.72) / 0.5, 0.35, 1) * (1 - 0.55 * found)).astype(np.float32)
        colour = paper + (self.colours[order] - paper) * clear[:, np.newaxis]
        draw_discs(picture, seen[order], radius, colour.astype(np.float32), np.full(len(order), 0.92, np.float32))
        near, close = view.project(self.space.near)
        cell, at = view.project(self.space.cell[np.newaxis])
        for number in np.argsort(close, kind="stable").tolist():
            if come[number] > 0:
                self._link(picture, cell[0], near[number], come[number], NEAR)
                self._dot(picture, near[number], 14 * marked * float(close[number]) * come[number], NEAR)
        self._dot(picture, cell[0], 17 * marked * float(at[0]), CELL)
        last = _eased(moment, _NEAREST, _NEAREST + _COMES)
        if last > 0 and len(near):
            self._cross(picture, near[0], 27 * self.unit * (2 - last))
        self._draw_words(picture, view)

    def _draw_box(self, picture: Pixels, view: Projection) -> None:
        """The edges of the box; those of the axes stronger."""
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
        seen, _ = view.project(corners)
        for first in range(8):
            for bit in (1, 2, 4):
                if not first & bit:
                    wide = 3.5 if first == 0 else 1.5
                    self._line(picture, seen[first], seen[first | bit], self.theme.line, wide)

    def _draw_words(self, picture: Pixels, view: Projection) -> None:
        """The names of the axes at their ends, each as it moves, between pixels too."""
        ends = np.full((3, 3), -1, np.float32)
        np.fill_diagonal(ends, 1.12)
        seen, _ = view.project(ends)
        ink, paper = (np.array(_rgb(colour), np.float32) for colour in (self.theme.soft, self.theme.paper))
        height, width = picture.shape[:2]
        for mask, (x, y) in zip(self.words, seen.tolist(), strict=True):
            left, top = x - mask.shape[1] / 2, y - mask.shape[0] / 2
            if not (left >= 0 and left + mask.shape[1] + 1 < width and top >= 0 and top + mask.shape[0] + 1 < height):
                continue
            column, row = int(left), int(top)
            shift = np.array([[1, 0, left - column], [0, 1, top - row]], np.float32)
            moved = cv2.warpAffine(mask, shift, (mask.shape[1] + 1, mask.shape[0] + 1))
            part = picture[row : row + moved.shape[0], column : column + moved.shape[1]]
            # Over points the word needs a rim of paper.
            rim = np.clip(cv2.GaussianBlur(moved, (0, 0), max(4 * self.unit, 0.5)) * 2.5, 0, 0.9)[..., np.newaxis]
            under = part + rim * (paper - part)
            part[:] = (under + moved[..., np.newaxis] * (ink - under) + 0.5).astype(np.uint8)

    def _link(self, picture: Pixels, first: Float32Array, last: Float32Array, share: float, colour: str) -> None:
        self._line(picture, first, first + (last - first) * np.float32(share), colour, 3)

    def _dot(self, picture: Pixels, at: Float32Array, radius: float, colour: str) -> None:
        """A disc with a rim of paper, so that it stands out among others."""
        place = np.stack([at, at]).astype(np.float32)
        sizes = np.array([radius + 3 * self.unit, radius], np.float32)
        colours = np.array([_rgb(self.theme.paper), _rgb(colour)], np.float32)
        draw_discs(picture, place, sizes, colours, np.ones(2, np.float32))

    def _cross(self, picture: Pixels, at: Float32Array, size: float) -> None:
        for colour, wide, longer in (("#16181d", 19, 4 * self.unit), (NEAREST, 11, 0.0)):
            for sign in (-1, 1):
                arm = np.array([size + longer, sign * (size + longer)], np.float32) * np.float32(0.75)
                self._line(picture, at - arm, at + arm, colour, wide)

    def _line(self, picture: Pixels, first: Float32Array, last: Float32Array, colour: str, width: float) -> None:
        ends = [
            tuple(round(float(v) * 16) for v in np.clip(end - np.float32(0.5), -30000, 30000)) for end in (first, last)
        ]
        thick = max(round(width * self.unit), 1)
        cv2.line(picture, ends[0], ends[1], _rgb(colour), thick, cv2.LINE_AA, 4)
