"""Parameters of figures, and the result of drawing one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from renderer.parameters import CellPosition, Validated, parameter
from renderer.placement import JsonValue
from renderer.settings import MAX_SIDE

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class FigureSettings(Validated):
    """Appearance of a figure."""

    theme: ThemeName = parameter("light", "Dark text on white, or light text on black")
    size: tuple[int, int] | None = parameter(
        None, "WIDTHxHEIGHT in pixels; default: 1920x1080, or 640x360 for GIF, WebP and APNG", low=64, high=MAX_SIDE
    )


@dataclass(frozen=True)
class CellSettings(Validated):
    """The cell that a figure shows."""

    cell: CellPosition | None = parameter(
        None, "Cell to show, counted from 0 at the top left; default: a colourful, well matched cell"
    )


@dataclass(frozen=True)
class ClipSettings(Validated):
    """Timing of a clip."""

    duration: float = parameter(6.0, "Length of the clip", unit="seconds", low=0.5, high=60.0)
    fps: Fraction = parameter(Fraction(30), "Frames per second")


@dataclass(frozen=True)
class FigureResult:
    """The result of drawing a figure."""

    output: Path
    size: tuple[int, int]  # width and height in pixels
    caption: str  # what it shows, in 1 to 3 sentences
    facts: dict[str, JsonValue]  # the numbers in it
    fps: Fraction | None = None
    frames: int | None = None  # None for a still, like `fps`

    def as_json(self) -> dict[str, JsonValue]:
        """Return the result as a JSON object; `fps` and `frames` of a still are null."""
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}" if self.fps else None,
            "frames": self.frames,
            **self.facts,
        }
