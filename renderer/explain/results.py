"""The result of drawing a figure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from renderer.placement import JsonValue


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
