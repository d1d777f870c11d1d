"""Sort: photos in the order of their colours, dates or names become the mosaic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from renderer.scene import (
    Easing,
    Ending,
    Motion,
    Rearrangement,
    Scene,
    SortBy,
    SpatialAnimation,
    Stage,
    parameter,
    photo_keys,
    sorted_cells,
    without_tone,
)

if TYPE_CHECKING:
    from renderer.scene import Float64Array


@dataclass(frozen=True)
class Sort(SpatialAnimation):
    """Let sorted photos travel until they form the cover."""

    first: ClassVar[Ending] = "sorted"
    seconds: ClassVar[float] = 8.0
    styles: ClassVar[str] = "by"

    by: SortBy = parameter(
        "hue", "How the photos are sorted: by their mean colour, by when they were taken, or by their file names"
    )
    into: Literal["cover", "sorted"] = parameter(
        "cover", "What the photos form at the end: the cover, or their order, which is then reached from the cover"
    )
    swirl: float = parameter(
        0.25, "How far paths bow to one side, relative to their lengths; negative: to the other", low=-1, high=1
    )
    overlap: float = parameter(0.35, "Share of the movement that each tile takes for its way", low=0.05, high=1)
    easing: Easing = parameter("sine", "How each tile speeds up along its path, and slows down")
    hold_start: float = parameter(0.8, "Pause at the start", unit="seconds", low=0, high=60)
    hold_end: float = parameter(1.0, "Pause at the end", unit="seconds", low=0, high=60)

    def endings(self) -> tuple[Ending, Ending]:
        """Return the sorted photos and the mosaic, in the order that `into` says."""
        return ("sorted", "mosaic") if self.into == "cover" else ("mosaic", "sorted")

    def prepare(self, stage: Stage) -> Motion:
        """Sort the photos and compute their paths. Raises InputError if none has the date by which they are sorted."""
        whole, in_space = stage.whole_camera(), self.in_space(stage)
        cells, along = stage.once(
            "sorted", stage.mosaic, lambda: sorted_cells(stage, whole, photo_keys(stage, self.by)),
            self.by, whole, stage.frame, stage.seed,
        )  # fmt: skip
        both = without_tone(stage, cells)

        def departure(start: Float64Array) -> Float64Array:
            share = (start[:, along] - whole.centre[along]) / stage.view(whole)[along]
            return np.asarray(share, np.float64)

        tiles = Rearrangement(both, whole, swirl=self.swirl, overlap=self.overlap, easing=self.easing, keys=departure)
        resting = both.resting_sprites(0), both.resting_sprites(1)
        before, after = stage.pause_shares([self.hold_start, self.hold_end])

        def motion(progress: float) -> Scene:
            way = min(max((progress - before) / (1 - before - after), 0.0), 1.0)
            way = way if self.into == "cover" else 1 - way
            # The camera comes back, so that another animation can join at both ends.
            camera = self.drifted(whole, 4 * progress * (1 - progress))
            if 0 < way < 1:
                return tiles.scene(way, camera, in_space)
            shown = round(way)
            return both.scene(camera, both.visible_tiles(resting[shown], camera, shown))

        return motion
