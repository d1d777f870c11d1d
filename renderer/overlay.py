"""What lies over the picture all along: a title and a logo."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from renderer.errors import InputError, PictureError
from renderer.files import open_input, require_file
from renderer.parameters import Colour, check_ranges, parameter
from renderer.pictures import read_picture
from renderer.scene import Motion, Scene, Sprites, Stage, ease, make_sprites

FADE_SECONDS: Final = 0.4

_LINES: Final = 3  # of a title, at most; a longer one is set smaller


@dataclass(frozen=True)
class OverlaySettings:
    """A title and a logo over the picture."""

    title: str | None = parameter(None, "Words over the picture; a line break where you write \\n")
    title_at: Literal["top", "middle", "bottom"] = parameter("bottom", "Where the title stands")
    title_size: float = parameter(0.075, "Height of its letters, of the frame's shorter side", low=0.01, high=0.5)
    title_time: tuple[float, float] | None = parameter(
        None, "FROM,TO: when it is seen; default: all the time", unit="seconds", low=0, high=3600
    )
    title_colour: Colour = parameter((1.0, 1.0, 1.0), "Its colour: a name or #rrggbb")
    font: Path | None = parameter(None, "A font file; default: DejaVu Sans Bold, for Latin, Greek and Cyrillic")
    logo: Path | None = parameter(None, "A picture over the picture, best a PNG with a transparent ground")
    logo_at: Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle"] = parameter(
        "top-right", "Where the logo stands"
    )
    logo_size: float = parameter(0.14, "Its height, of the frame's shorter side", low=0.01, high=1)
    logo_opacity: float = parameter(0.9, "How much of it is seen", low=0.01, high=1)
    margin: float = parameter(0.06, "Left free at the frame's edges, of its shorter side", low=0, high=0.4)

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)
        if self.title_time is not None and self.title_time[0] >= self.title_time[1]:
            start, end = self.title_time
            raise InputError(f"--title-time {start:g},{end:g} ends before it begins: give FROM,TO in seconds")


def check_overlay(settings: OverlaySettings, seconds: float) -> None:
    """Raise InputError for what can't be laid over a video of some seconds: before the work."""
    if settings.title and settings.title_time is not None and settings.title_time[0] >= seconds:
        start, end = settings.title_time
        raise InputError(
            f"--title-time {start:g},{end:g} begins when the video is over: it lasts {seconds:g} s, give an earlier one"
        )
    if settings.title and settings.font is not None:
        require_file(settings.font, "--font")
    if settings.logo is not None:
        require_file(settings.logo, "--logo")


def with_overlay(motion: Motion, stage: Stage, settings: OverlaySettings) -> Motion:
    """A motion with the title and the logo over its scenes. Raises InputError for a font or logo that can't be used."""
    parts: list[tuple[Sprites, Callable[[float], float]]] = []
    if settings.logo is not None:
        opacity = settings.logo_opacity
        parts.append(
            (_placed(stage, _logo(settings.logo, stage, settings), settings.logo_at, settings), lambda _: opacity)
        )
    if settings.title:
        picture = _title(settings.title.replace("\\n", "\n"), stage, settings)
        parts.append((_placed(stage, picture, settings.title_at, settings), _when(settings.title_time)))
    if not parts:
        return motion

    def overlaid(progress: float) -> Scene:
        scene = motion(progress)
        seconds = progress * stage.seconds
        shown = [replace(part, opacity=np.array([share(seconds)], np.float32)) for part, share in parts]
        under = [scene.overlay] if scene.overlay is not None else []
        return replace(scene, overlay=_together([*under, *shown]))

    return overlaid


def _when(time: tuple[float, float] | None) -> Callable[[float], float]:
    """How much is seen at a second: 0…1, faded in and out."""
    if time is None:
        return lambda _seconds: 1.0
    start, end = time
    fade = min(FADE_SECONDS, (end - start) / 2)
    return lambda seconds: float(
        ease(seconds, "smooth", start, start + fade) * (1 - ease(seconds, "smooth", end - fade, end))
    )


def _together(groups: Sequence[Sprites]) -> Sprites:
    return Sprites(
        *(np.concatenate(values) for values in zip(*(vars(group).values() for group in groups), strict=True))
    )


def _placed(stage: Stage, picture: npt.NDArray[np.uint8], place: str, settings: OverlaySettings) -> Sprites:
    """A picture (H, W, 4) of the frame's own pixels as a sprite in frame units, on whole pixels."""
    width, height = stage.frame
    across, along = picture.shape[1], picture.shape[0]
    margin = round(settings.margin * min(stage.frame))
    covered = stage.covered
    top, bottom = round(covered[0] * height), height - round(covered[2] * height)
    left, right = round(covered[3] * width), width - round(covered[1] * width)
    x, y = (left + right - across) // 2, (top + bottom - along) // 2
    if "left" in place or "right" in place:
        x = left + margin if "left" in place else right - margin - across
    if "top" in place or "bottom" in place:
        y = top + margin if "top" in place else bottom - margin - along
    centre = ((x + across / 2 - width / 2) / height, (y + along / 2 - height / 2) / height)
    return make_sprites(
        stage.textures.add_picture(picture), centre, (across / 2 / height, 0.0), (0.0, along / 2 / height)
    )


# -- Logo and title as pictures ------------------------------------------------------------------------------------


def _logo(path: Path, stage: Stage, settings: OverlaySettings) -> npt.NDArray[np.uint8]:
    require_file(path, "--logo")
    try:
        logo = Image.fromarray(read_picture(path, background=None).pixels)
    except PictureError as error:
        raise InputError(f"--logo {path} can't be used, it {error.reason}") from None
    high = max(round(settings.logo_size * min(stage.frame)), 1)
    room = max(stage.frame[0] - 2 * round(settings.margin * min(stage.frame)), 1)
    scale = min(high / logo.height, room / logo.width)
    size = max(round(logo.width * scale), 1), max(round(logo.height * scale), 1)
    # Colours weighed by their alpha, so that no ground shines through at the edges.
    return np.asarray(logo.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA"))


def default_font() -> Path:
    """DejaVu Sans Bold, which matplotlib carries. Raises InputError without it."""
    package = find_spec("matplotlib")  # found without importing it
    if package is None or not package.submodule_search_locations:
        raise InputError("matplotlib is not installed, so there is no font for --title: give --font a font file")
    return Path(package.submodule_search_locations[0], "mpl-data", "fonts", "ttf", "DejaVuSans-Bold.ttf")


def _no_font(path: Path) -> str:
    return f"--font {path} can't be used, it is no font that can be read: give a TrueType or OpenType file"


def _title(text: str, stage: Stage, settings: OverlaySettings) -> npt.NDArray[np.uint8]:
    """The words in white or another colour, over a soft shadow that keeps them legible on any ground."""
    path = settings.font or default_font()
    require_file(path, "--font")
    _say_missing(text, path, stage)
    shorter = min(stage.frame)
    room = stage.frame[0] - 2 * round(settings.margin * shorter)
    size = max(round(settings.title_size * shorter / 0.73), 4)  # 0.73: a capital's height, of DejaVu's size
    while True:
        try:
            font = ImageFont.truetype(str(path), size)
        except OSError:
            raise InputError(_no_font(path)) from None
        lines = _wrapped(text, font, room)
        if size <= 4 or (
            len(lines) <= max(_LINES, text.count("\n") + 1) and all(font.getlength(line) <= room for line in lines)
        ):
            break
        size = max(size * 9 // 10, 4)
    blur = max(size / 9, 1.0)
    pad = math.ceil(2 * blur)
    words = "\n".join(lines)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), words, font=font, align="center", spacing=size // 4
    )
    canvas = (
        min(math.ceil(right - left) + 2 * pad, stage.frame[0]),
        min(math.ceil(bottom - top) + 2 * pad, stage.frame[1]),
    )
    mask = Image.new("L", canvas)
    ImageDraw.Draw(mask).multiline_text(
        (pad - left, pad - top), words, fill=255, font=font, align="center", spacing=size // 4
    )
    letters = np.asarray(mask, np.float32) / 255
    shadow = np.minimum(np.asarray(mask.filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255 * 1.6, 0.75)
    alpha = letters + shadow * (1 - letters)
    colour = np.array(settings.title_colour, np.float32) * 255
    picture = np.empty((*alpha.shape, 4), np.float32)
    picture[..., :3] = colour * (letters / np.maximum(alpha, 1e-6))[..., np.newaxis]
    picture[..., 3] = alpha * 255
    return np.asarray(picture + 0.5, np.uint8)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Lines of words that fit into a width, where single words do: as few as can be, and as even as those can be."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        broken = _broken(paragraph, font, room)
        even = broken
        while len(even) == len(broken) > 1:  # narrower, until it takes another line
            broken = even
            even = _broken(paragraph, font, max(font.getlength(line) for line in broken) - 0.5)
        lines += broken
    return lines


def _broken(paragraph: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Lines of words, each as long as fits into a width."""
    lines, line = [], ""
    for word in paragraph.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _say_missing(text: str, path: Path, stage: Stage) -> None:
    """One line for letters that a font does not have."""
    from fontTools.ttLib import TTFont, TTLibError  # 0.1 s, which only a title needs

    try:
        with open_input(path) as file, TTFont(file, fontNumber=0, lazy=True) as font:
            known = font.getBestCmap() or {}
    except (OSError, TTLibError):
        raise InputError(_no_font(path)) from None
    missing = "".join(dict.fromkeys(letter for letter in text if not letter.isspace() and ord(letter) not in known))
    if missing:
        stage.notice(f"{path.name} has no letters for {missing}: give --font a font that has")
