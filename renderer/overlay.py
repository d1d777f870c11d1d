"""Overlays on all frames: a title and a logo."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from renderer.errors import InputError, PictureError
from renderer.fonts import BOLD_FONT, CAPITAL, checked_font, missing_letters
from renderer.input_files import require_file
from renderer.kernels import arithmetic
from renderer.lines import characters, even_lines, unbreakable_pieces
from renderer.messages import named
from renderer.pictures import read_picture
from renderer.scene import SPRITE_ARRAYS, Motion, Scene, Sprites, Stage, ease, make_sprites
from renderer.settings import OverlaySettings

FADE_SECONDS: Final = 0.4

_MAX_LINES: Final = 3  # of a title, unless that makes its letters too small to read


_LEGIBLE: Final = 0.03
"""Height of the smallest legible letters, as a fraction of the frame's shorter side: 2 mm on a phone, like 8-point
type in print."""

_SIZES: Final = 80  # font sizes that are tried, each nine tenths of the previous: from 5,600 to 1.4 pixels


def check_overlay(settings: OverlaySettings, seconds: float) -> None:
    """Raise InputError for an overlay that can't be drawn on a video of this duration in seconds."""
    if settings.title and settings.title_time is not None and settings.title_time[0] >= seconds:
        given = named("title_time", settings.title_time)
        raise InputError(
            f"{given} starts after the end of the video, which is {seconds:g} s long: choose an earlier time"
        )
    if settings.title and settings.font is not None:
        require_file(settings.font, named("font", settings.font))
        with checked_font(settings.font):
            missing_letters(settings.title, settings.font)
            ImageFont.truetype(str(settings.font))
    if settings.logo is not None:
        require_file(settings.logo, named("logo", settings.logo))


def with_overlay(motion: Motion, stage: Stage, settings: OverlaySettings) -> Motion:
    """Return a motion with the title and the logo on its scenes. Raises InputError for an unusable font or logo."""
    parts: list[tuple[Sprites, Callable[[float], float]]] = []
    if settings.logo is not None:
        opacity = settings.logo_opacity
        parts.append(
            (_placed(stage, _logo(settings.logo, stage, settings), settings.logo_at, settings), lambda _: opacity)
        )
    if settings.title:
        text = settings.title.replace("\\n", "\n")

        def make() -> Sprites:
            return _placed(stage, _title(text, stage, settings), settings.title_at, settings)

        title = stage.once("title", stage.mosaic, make, settings, stage.frame, stage.covered)
        parts.append((title, _visibility(settings.title_time)))
    if not parts:
        return motion

    def overlaid(progress: float) -> Scene:
        scene = motion(progress)
        seconds = progress * stage.seconds
        drawn = [replace(part, opacity=np.array([share(seconds)], np.float32)) for part, share in parts]
        under = [scene.overlay] if scene.overlay is not None else []
        return replace(scene, overlay=_joined([*under, *drawn]))

    return overlaid


def _visibility(time: tuple[float, float] | None) -> Callable[[float], float]:
    """Return the opacity, 0…1, as a function of the time in seconds, with a fade at both ends."""
    if time is None:
        return lambda _seconds: 1.0
    start, end = time
    fade = min(FADE_SECONDS, (end - start) / 2)
    return lambda seconds: float(
        ease(seconds, "smooth", start, start + fade) * (1 - ease(seconds, "smooth", end - fade, end))
    )


def _joined(groups: Sequence[Sprites]) -> Sprites:
    """Return groups as one, of plain rectangles."""
    return Sprites(*(np.concatenate([getattr(group, name) for group in groups]) for name in SPRITE_ARRAYS))


def _uncovered(stage: Stage) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the part of the frame that no app covers, in pixels."""
    width, height = stage.frame
    top, right, bottom, left = stage.covered
    return round(left * width), round(top * height), width - round(right * width), height - round(bottom * height)


def _placed(stage: Stage, picture: npt.NDArray[np.uint8], position: str, settings: OverlaySettings) -> Sprites:
    """Return a picture (H, W, 4), one texel per pixel, as a sprite in frame units, aligned to whole pixels."""
    width, height = stage.frame
    across, along = picture.shape[1], picture.shape[0]
    margin = round(settings.margin * min(stage.frame))
    left, top, right, bottom = _uncovered(stage)
    x, y = (left + right - across) // 2, (top + bottom - along) // 2
    if "left" in position or "right" in position:
        x = left + margin if "left" in position else right - margin - across
    if "top" in position or "bottom" in position:
        y = top + margin if "top" in position else bottom - margin - along
    x, y = max(min(x, right - across), left), max(min(y, bottom - along), top)  # wide margins are reduced
    centre = ((x + across / 2 - width / 2) / height, (y + along / 2 - height / 2) / height)
    return make_sprites(
        stage.textures.add_picture(picture), centre, (across / 2 / height, 0.0), (0.0, along / 2 / height)
    )


# -- Logo and title as pictures ------------------------------------------------------------------------------------


def _logo(path: Path, stage: Stage, settings: OverlaySettings) -> npt.NDArray[np.uint8]:
    require_file(path, named("logo", path))
    try:
        logo = Image.fromarray(read_picture(path, background=None).pixels)
    except PictureError as error:
        raise InputError(f"{named('logo', path)} can't be used because it {error.reason}") from None
    height = max(round(settings.logo_size * min(stage.frame)), 1)
    width = max(stage.frame[0] - 2 * round(settings.margin * min(stage.frame)), 1)
    scale = min(height / logo.height, width / logo.width)
    size = max(round(logo.width * scale), 1), max(round(logo.height * scale), 1)
    # Premultiplied, so that the colour of transparent pixels does not bleed into the edges.
    return np.asarray(logo.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA"))


def _title(text: str, stage: Stage, settings: OverlaySettings) -> npt.NDArray[np.uint8]:
    """Return the title, (H, W, 4), on a soft shadow that keeps it legible on any background."""
    path = settings.font or BOLD_FONT
    require_file(path, named("font", path))
    with checked_font(path):
        if missing := missing_letters(text, path):
            stage.notice(f"{path.name} has no letters for {missing}: set {named('font')} to a font that has them")
        setting = _set_title(text, path, stage, settings)
        mask = setting.mask()
    letters = np.asarray(mask, np.float32) / 255
    shadow = np.asarray(mask.filter(ImageFilter.GaussianBlur(setting.blur)), np.float32) / 255
    shadow = np.minimum(shadow * 1.6, 0.75)
    alpha = letters + shadow * (1 - letters)
    colour = np.array(settings.title_colour, np.float32) * 255
    picture = np.empty((*alpha.shape, 4), np.float32)
    picture[..., :3] = colour * (letters / np.maximum(alpha, 1e-6))[..., np.newaxis]
    picture[..., 3] = alpha * 255
    return np.asarray(picture + 0.5, np.uint8)


@dataclass(frozen=True)
class _Setting:
    """A title broken into lines, in a font of one size."""

    text: str  # lines separated by \n
    font: ImageFont.FreeTypeFont

    @property
    def blur(self) -> float:
        """Radius of the shadow in pixels."""
        return max(self.font.size / 9, 1.0)

    @property
    def pad(self) -> int:
        """Width of the shadow on each side of the letters, in pixels."""
        return math.ceil(2 * self.blur)

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the letters in pixels."""
        pen = ImageDraw.Draw(Image.new("L", (1, 1)))
        return pen.multiline_textbbox((0, 0), self.text, font=self.font, align="center", spacing=self.font.size // 4)

    def mask(self) -> Image.Image:
        """Return the letters in white on black, with space for the shadow."""
        left, top, right, bottom = self.box()
        size = math.ceil(right - left) + 2 * self.pad, math.ceil(bottom - top) + 2 * self.pad
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).multiline_text(
            (self.pad - left, self.pad - top), self.text, fill=255, font=self.font, align="center",
            spacing=self.font.size // 4,
        )  # fmt: skip
        return mask


def _set_title(text: str, path: Path, stage: Stage, settings: OverlaySettings) -> _Setting:
    """Return a title broken into lines, in the largest size that fits, up to the requested one.

    Down to the smallest legible size, words stay whole and the number of lines is limited. If that does not fit, words
    that are too wide are broken, into any number of lines, also in smaller sizes. Raises InputError if no size fits.
    """
    left, top, right, bottom = _uncovered(stage)
    margin = round(settings.margin * min(stage.frame))
    # Margins leave at least half of the uncovered part.
    space = (max(right - left - 2 * margin, (right - left) // 2), max(bottom - top - 2 * margin, (bottom - top) // 2))
    paragraphs = [unbreakable_pieces(re.sub(r"[ \t]+", " ", line).strip(" ")) for line in text.splitlines()]
    max_lines = max(_MAX_LINES, len(paragraphs))
    em = min(stage.frame) / CAPITAL
    sizes = [max(round(settings.title_size * em * arithmetic.power(0.9, step)), 4) for step in range(_SIZES)]
    legible = min(max(round(_LEGIBLE * em), 4), sizes[0])
    whole = [(size, False) for size in (*sizes, legible) if size >= legible]
    broken = [(size, True) for size in (legible, *sizes) if size <= legible]
    for size, may_break in dict.fromkeys([*whole, *broken]):
        font = ImageFont.truetype(str(path), size)
        pieces = [_narrow(each, space[0], font) for each in paragraphs] if may_break else paragraphs
        lines = [line for each in pieces for line in even_lines(each, space[0], font.getlength)]
        setting = _Setting("\n".join(lines), font)
        box = setting.box()
        width, height = box[2] - box[0], box[3] - box[1]
        fits = width <= space[0] and height <= space[1]
        fits &= width + 2 * setting.pad <= right - left and height + 2 * setting.pad <= bottom - top
        if fits and (may_break or len(lines) <= max_lines):
            if size < legible:
                stage.notice(f"The title fits only with {size}-pixel letters, which are hard to read: shorten it")
            return setting
    raise InputError(
        f"{named('title')} of {len(text)} characters does not fit into {stage.frame[0]}x{stage.frame[1]} pixels in "
        f"{path.name}: shorten it or increase {named('size')}"
    )


def _narrow(pieces: Sequence[str], width: float, font: ImageFont.FreeTypeFont) -> list[str]:
    """Return the pieces of a paragraph, with those that are too wide split into characters."""
    return [
        part for piece in pieces for part in (characters(piece) if font.getlength(piece.rstrip()) > width else (piece,))
    ]
