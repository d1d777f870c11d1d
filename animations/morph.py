"""Morph: the photos of one cover's mosaic travel to where they form the next cover."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.scene import (
    CoverSequence,
    Easing,
    Rearrangement,
    Stage,
    Transition,
    parameter,
)


@dataclass(frozen=True)
class Morph(CoverSequence):
    """Let the photos of one cover's mosaic travel until they form the next cover."""

    travel: float = parameter(
        0.3,
        "How much short ways count when the photos of the next mosaic are chosen; 0: only how well they match",
        low=0,
        high=1,
    )
    swirl: float = parameter(
        0.25, "How far paths bow to one side, relative to their lengths; negative: to the other", low=-1, high=1
    )
    overlap: float = parameter(0.6, "Share of the movement that each tile takes for its way", low=0.05, high=1)
    easing: Easing = parameter("cubic", "How each tile speeds up along its path, and slows down")

    def nearness(self) -> float:
        """Return `travel`."""
        return self.travel

    def between(self, stage: Stage) -> Transition:
        """Compute the path of each tile."""
        in_space = self.in_space(stage)
        tiles = Rearrangement(stage, stage.whole_camera(), swirl=self.swirl, overlap=self.overlap, easing=self.easing)
        return lambda way, camera: tiles.scene(way, camera, in_space)
