"""Where the photos come from and how they are placed, as data."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from renderer.descriptors import Metric
from renderer.library import Crop, Filter
from renderer.matching import MatchStyle
from renderer.matching.repetition import RepetitionRules
from renderer.parameters import Day, check_ranges, parameter, parameters


@dataclass(frozen=True)
class TileSettings:
    """Where the photos come from."""

    tiles: tuple[str, ...] = parameter(
        (),
        "A folder of photos, a photo, a glob, or the name of a library; may be repeated. Default: the library that "
        "`render library add` made; without one, or by --tiles pieces, pieces of the cover",
    )
    crop: Crop | None = parameter(
        None, "The square of a photo: what draws the eye, or the centre; default: smart; a library has its own"
    )
    video_frames: int | None = parameter(
        None, "Also take so many frames of each video in a folder; a library has its own number", low=0, high=1000
    )
    skip_duplicates: bool = parameter(False, "Of photos that are nearly alike take the best alone")
    since: Day | None = parameter(
        None, "Only photos taken then or later: 2024-05-31, 2024-05 or 2024, as the camera noted, or else the file says"
    )
    until: Day | None = parameter(None, "Only photos taken then or earlier")
    exclude: tuple[str, ...] = parameter(
        (), "Leave out photos of a name, or in a folder of that name, such as 'screenshots/*'; may be repeated"
    )
    library_dir: Path | None = parameter(
        None, "The folder of libraries, instead of MOSAIC_RENDERER_LIBRARIES or the platform's"
    )

    def filter(self) -> Filter:
        """Which photos are wanted."""
        return Filter(self.since, self.until, self.exclude)


@dataclass(frozen=True)
class GridSettings:
    """How a cover is cut into cells."""

    columns: int | None = parameter(
        None,
        "Cells across the cover, with what a frame cuts off; default: about 5,000 cells in all",
        low=1,
        high=10_000,
    )
    cell_size: int | None = parameter(
        None, "Side of a cell, instead of --columns", unit="cover pixels", low=1, high=10_000
    )
    adaptive: bool = parameter(
        False, "Smaller cells over faces and edges, larger ones where the cover is flat: as many as without"
    )
    smallest_cell: Literal["1", "1/2", "1/4"] = parameter("1/2", "Side of the smallest adaptive cells, in usual cells")
    largest_cell: Literal["1", "2", "4"] = parameter("2", "Side of the largest adaptive cells, in usual cells")

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    def cell_sides(self) -> tuple[float, float]:
        """The least and the greatest side of a cell, in units."""
        if not self.adaptive:
            return 1.0, 1.0
        return float(Fraction(self.smallest_cell)), float(Fraction(self.largest_cell))


@dataclass(frozen=True)
class MatchSettings(GridSettings, TileSettings):
    """Where the photos come from and how they are placed.

    The fields of the last base come first: tiles, then the grid, then what is here.
    """

    match: Metric = parameter(
        "structure", "Compare shapes and colours, or mean colours (in RGB, or of light in CIELAB), or 32 x 32 pixels"
    )
    max_uses: int | None = parameter(
        None, "How often one photo may be used; 0: any number; default: 3 times the average", low=0, high=1_000_000
    )
    repeat_distance: int | None = parameter(
        None, "No photo twice within this distance; 0: anywhere; default: up to 5, as the photos suffice",
        unit="cells", low=0, high=1000,
    )  # fmt: skip
    unique: bool = parameter(False, "Use each photo at most once")
    use_all: bool = parameter(False, "Use every photo at least once: no one is left out")
    merge_duplicates: bool = parameter(False, "Count photos that look almost the same as one")
    mirror: bool = parameter(True, "Photos may be mirrored; turn it off if they hold text")
    turns: bool = parameter(False, "Photos may be turned by right angles: for textures such as galaxies and leaves")
    tone: float | Literal["auto"] = parameter(
        "auto", "How far tiles take on colour and contrast of their cells, from afar; auto: as far as photos bear it",
        low=0, high=1,
    )  # fmt: skip
    adapt_palette: bool = parameter(False, "Map the cover's colours to those of the photos: sunsets for a blue cover")
    blend: float = parameter(0.0, "Share of a cell's own colour that is laid over its tile", low=0, high=1)
    match_seed: int = parameter(0, "Of the order in which cells look for better photos", low=0, high=2**63 - 1)
    save_map: Path | None = parameter(None, "Also write the placement map to a .mosaic file, for later renders")
    credits: Path | None = parameter(None, "Also write the photos used to a text file, and who made them")

    def tile_settings(self) -> TileSettings:
        """Where the photos come from, alone."""
        return TileSettings(**{name: getattr(self, name) for name in parameters(TileSettings)})

    def style(self) -> MatchStyle:
        """How photos are compared and drawn."""
        tone = 1.0 if self.tone == "auto" else self.tone
        return MatchStyle(self.match, self.mirror, self.turns, tone, self.adapt_palette, self.blend)

    def rules(self) -> RepetitionRules:
        """How often, and how near themselves, photos may be used."""
        return RepetitionRules(self.max_uses, self.repeat_distance, self.unique, self.use_all, self.merge_duplicates)


MATCH_OPTIONS: Final = (
    "adaptive", "smallest_cell", "largest_cell", "max_uses", "repeat_distance", "unique", "use_all",
    "merge_duplicates", "mirror", "turns", "tone", "adapt_palette", "blend", "match_seed",
)  # fmt: skip
"""What of the settings is written into a map's recipe under its own name."""
