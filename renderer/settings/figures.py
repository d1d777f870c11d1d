"""Settings of figures that explain how a mosaic is made."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from renderer.parameters import CellPosition, Validated, parameter
from renderer.settings.video import MAX_SIDE

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
