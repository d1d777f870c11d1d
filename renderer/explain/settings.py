"""What figures look like, as data, and what is told of one that was made."""

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
    """What a figure looks like."""

    theme: ThemeName = parameter("light", "Dark words on white, or light ones on black")
    size: tuple[int, int] | None = parameter(
        None, "WIDTHxHEIGHT in pixels; default: 1920x1080, of GIF, WebP and APNG 640x360", low=64, high=MAX_SIDE
    )


@dataclass(frozen=True)
class CellSettings(Validated):
    """Which cell a figure is about."""

    cell: CellPosition | None = parameter(
        None, "The cell, counted from 0 at the top left; default: a telling one, colourful and well matched"
    )


@dataclass(frozen=True)
class ClipSettings(Validated):
    """How long a clip lasts."""

    duration: float = parameter(6.0, "How long the clip lasts", unit="seconds", low=0.5, high=60.0)
    fps: Fraction = parameter(Fraction(30), "Frames a second")


@dataclass(frozen=True)
class FigureResult:
    """A figure that was made."""

    output: Path
    size: tuple[int, int]
    says: str  # what it shows, in a sentence or two
    facts: dict[str, JsonValue]  # the numbers in it
    fps: Fraction | None = None
    frames: int | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """The figure as one JSON object; what a still does not have is null."""
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}" if self.fps else None,
            "frames": self.frames,
            **self.facts,
        }
