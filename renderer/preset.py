"""Output settings as data: what they are, how they are written, and the presets that set several at once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from typing import Final, Literal

from renderer.errors import InputError
from renderer.parameters import Colour, check_ranges, parameter, read_values
from renderer.scene import Fit

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
    motion_blur: float = parameter(
        0.0, "How long the shutter is open, as a share of a frame; film has 0.5", low=0.0, high=1.0
    )
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


def load_preset(name: str) -> dict[str, object]:
    """The settings that a preset gives, by field name of OutputSettings. Raises InputError if there is none."""
    file = resources.files("presets") / f"{name}.toml"
    if not file.is_file():
        raise InputError(f"there is no preset named {name}")
    table = tomllib.loads(file.read_text("utf-8"))
    table.pop("description", None)
    return read_values(OutputSettings, table, f"{name}.toml")
