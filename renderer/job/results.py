"""The results of renders, and plans of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

from renderer.budget import Budget
from renderer.encoder import Probe
from renderer.fidelity import FIGURES
from renderer.job.mosaics import OpenMosaic
from renderer.placement import JsonValue, PlacementMap
from renderer.rules import RuleCheck


@dataclass(frozen=True)
class Landing:
    """A photo that a flight lands on."""

    name: str  # of its file
    cell: tuple[int, int]  # column and row, counted from 0
    size: tuple[int, int]  # of the photo, pixels

    @classmethod
    def at(cls, placement: PlacementMap, cell: int) -> Landing:
        """Return the photo of a cell of a map."""
        photo = placement.photos[int(placement.photo[cell])]
        x, y, width, height = placement.grid.cells[cell].tolist()
        return cls(photo.path.name, (int(x + width / 2), int(y + height / 2)), photo.own_size)

    def as_json(self) -> dict[str, JsonValue]:
        """Return it as a JSON object."""
        return {"name": self.name, "cell": list(self.cell), "size": list(self.size)}


@dataclass(frozen=True)
class MadeSegment:
    """A finished segment, and who made it."""

    number: int
    frames: int
    worker: str = ""  # host and process; empty if an earlier run made it
    seconds: float = 0.0  # that it took; 0 if an earlier run made it

    def as_json(self) -> dict[str, JsonValue]:
        """Return it as a JSON object; what is unknown is null."""
        return {
            "number": self.number, "frames": self.frames, "worker": self.worker or None,
            "seconds": round(self.seconds, 3) or None,
        }  # fmt: skip


@dataclass
class Summary:
    """The result of a render; docs/output.md documents the keys of `as_json`."""

    output: Path
    size: tuple[int, int]
    mosaic: OpenMosaic
    seconds: dict[str, float]
    fps: Fraction | None = None
    frames: int | None = None
    peak_memory_bytes: int = 0
    recipe: dict[str, JsonValue] = field(default_factory=dict)
    bytes: int = 0  # 0: unknown, as for a stream
    poster: Path | None = None
    preset: str = ""
    checks: Sequence[RuleCheck] = ()  # of the file, against the rules of the preset's platform
    probe: Probe | None = None  # of the written file
    landings: Sequence[Landing] = ()  # in the order of the flight
    segments: Sequence[MadeSegment] = ()  # if the video was made in segments

    def as_json(self) -> dict[str, JsonValue]:
        """Return the summary as one JSON object; values that a still lacks are null."""
        placement = self.mosaic.placement
        uses = placement.uses()
        recorded = placement.recipe.get("figures")
        figures = recorded if isinstance(recorded, dict) else {}
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}" if self.fps else None,
            "frames": self.frames,
            "duration": float(self.frames / self.fps) if self.fps and self.frames else None,
            "bytes": self.bytes,
            "poster": str(self.poster) if self.poster else None,
            "preset": self.preset or None,
            "checks": [
                {"rule": check.rule, "found": check.found, "asked": check.asked, "kept": check.kept}
                for check in self.checks
            ],
            "cells": len(placement),
            "photos": self.mosaic.usable,
            "distinct_photos": int((uses > 0).sum()),
            "most_uses": int(uses.max()),
            "equal_neighbours": placement.equal_neighbours(),
            **{name: figures.get(name) for name in FIGURES},
            "skipped": [{"path": str(item.path), "reason": item.reason} for item in self.mosaic.skipped],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "peak_memory_bytes": self.peak_memory_bytes,
            "landing": self.landings[-1].as_json() if self.landings else None,
            "segments": [segment.as_json() for segment in self.segments],
            "recipe": self.recipe,
        }


REPORTED: Final = (
    "cells", "photos", "distinct_photos", "most_uses", "equal_neighbours", *FIGURES,
)  # fmt: skip
"""Keys of a summary that a report shows."""


@dataclass(frozen=True)
class Plan:
    """What a render would make; values that a still lacks are None."""

    output: Path
    size: tuple[int, int]
    cells: int
    photos: int  # files that would be tried as tiles, before filters; 0: pieces of the cover, or a saved map
    seconds: float  # a rough estimate for this machine
    bytes: float
    fps: Fraction | None = None
    frames: int | None = None
    budget: Budget | None = None
    landings: Sequence[Landing] = ()  # in the order of the flight; none before photos have been compared

    def as_json(self) -> dict[str, JsonValue]:
        """Return the plan as one JSON object."""
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}" if self.fps else None,
            "frames": self.frames,
            "duration": float(self.frames / self.fps) if self.fps and self.frames else None,
            "cells": self.cells,
            "files": self.photos,
            "estimated_seconds": round(self.seconds, 1),
            "estimated_bytes": round(self.bytes),
            "budget": asdict(self.budget) if self.budget else None,
            "landing": self.landings[-1].as_json() if self.landings else None,
        }
