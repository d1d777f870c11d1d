"""Output settings as data: what they are, how they are written, and the presets that set several at once."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from importlib import resources
from typing import Final, Literal

from PIL import ImageColor

from renderer.errors import InputError
from renderer.scene import Colour, Fit, check_ranges, parameter
from renderer.timeline import parse_frame_rate

Quality = Literal["draft", "standard", "high", "max"]

MAX_SIDE: Final = 8192  # pixels; what H.264's highest level and every player stop at


@dataclass(frozen=True)
class OutputSettings:
    """What a video looks like as a file."""

    size: tuple[int, int] | None = parameter(
        None, "WIDTHxHEIGHT in pixels; default: the cover's shape", low=16, high=MAX_SIDE
    )
    long_side: int = parameter(1920, "The longer side, where --size is not given", unit="pixels", low=16, high=MAX_SIDE)
    fps: Fraction = parameter(Fraction(30), "Frames a second; 23.976, 29.97 and 59.94 are exact NTSC fractions")
    duration: float | None = parameter(
        None, "How long the video lasts; default: as the animation likes", unit="seconds", low=0.05, high=3600.0
    )
    fit: Fit = parameter(
        "crop", "A cover of another shape fills the frame, or is shown whole over a plain or blurred ground"
    )
    background: Colour = parameter((0.0, 0.0, 0.0), "What is seen beside the mosaic: a name or #rrggbb")
    quality: Quality = parameter("standard", "How much of the picture the encoder keeps, and how long it may take")
    seed: int = parameter(0, "Of the motion's chance", low=0, high=2**63 - 1)

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    def frame_size(self, cover: tuple[float, float], *, even: bool = True) -> tuple[int, int]:
        """Width and height in pixels for a cover of a shape, both even, as 4:2:0 needs them, if not told otherwise."""
        if self.size is not None:
            width, height = self.size
            if even and (width % 2 or height % 2):
                raise InputError(
                    f"--size {width}x{height} is odd: H.264 needs even sides, such as {width & ~1}x{height & ~1}"
                )
            return width, height
        scale = self.long_side / max(cover)
        # An extreme panorama still gets a frame that players accept.
        width, height = (min(max(16, 2 * round(side * scale / 2)), MAX_SIDE) for side in cover)
        return width, height


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from "1080x1920". Raises InputError."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not (cross and width.strip().isdecimal() and height.strip().isdecimal()):
        raise InputError(f"--size {text} is not a size: give width x height in pixels, such as 1080x1920")
    return int(width), int(height)


def parse_colour(text: str) -> Colour:
    """A colour from a CSS name, "#rrggbb" or "rgb(r, g, b)". Raises InputError."""
    try:
        r, g, b = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise InputError(f"--background {text} is not a colour: give a name such as navy, or #rrggbb") from None
    return r / 255, g / 255, b / 255


def parse_point(text: str) -> tuple[float, float]:
    """A point from "X,Y". Raises InputError."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{text} is not a point: give X,Y in fractions of the cover, such as 0.4,0.3") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError(f"{text} is not a point: X and Y are numbers from 0 to 1")
    return x, y


_FROM_TEXT: Final[dict[str, Callable[[str], object]]] = {
    "size": parse_size,
    "fps": parse_frame_rate,
    "background": parse_colour,
}


def load_preset(name: str) -> dict[str, object]:
    """The settings that a preset gives, by field name of OutputSettings. Raises InputError if there is none."""
    file = resources.files("presets") / f"{name}.toml"
    if not file.is_file():
        raise InputError(f"there is no preset named {name}")
    known = {field.name for field in fields(OutputSettings)}
    settings: dict[str, object] = {}
    for key, value in tomllib.loads(file.read_text("utf-8")).items():
        if key == "description":
            continue
        if key not in known:
            raise InputError(f"{name}.toml: there is no setting named {key}")
        settings[key] = _FROM_TEXT[key](value) if key in _FROM_TEXT else value
    return settings
