"""Settings of a mosaic: where the photos come from, how they are placed, and changes to a saved map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from renderer.choices import Crop, Metric, Prefer
from renderer.deprecation import old_method
from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import (
    CellPosition,
    Colour,
    Day,
    Validated,
    given,
    parameter,
    parameters,
    parse_cell,
    read_values,
)
from renderer.settings.cover import CoverSettings
from renderer.shapes import MAX_BORDER, MAX_GAP, TileShape

if TYPE_CHECKING:
    from renderer.library import Filter
    from renderer.matching import MatchStyle
    from renderer.matching.repetition import RepetitionRules
    from renderer.placement import JsonValue

# A map's recipe, and so its cache key, contains the parameters of MatchSettings by name. `in_recipe=False` marks those
# that change no map, or only one that is matched, and those that determine the photos or the grid, because the recipe
# contains the result.


@dataclass(frozen=True)
class TileSettings(Validated):
    """Where the photos come from."""

    tiles: tuple[str, ...] = parameter(
        (),
        "Photos to use: a folder, a file, a glob pattern, or the name of a library; repeatable. Default: your default "
        f"library, or else pieces of the cover, as with {named('tiles', 'pieces')}",
        in_recipe=False,
    )
    crop: Crop | None = parameter(
        None,
        "Crop of each photo in a folder: smart (its salient area and faces) or centre; for a library, set it with "
        "`render library add`; default: smart",
        in_recipe=False,
    )
    faces: bool = parameter(
        True, "Find faces in the photos of a folder, so that crops keep them; for a library, set it with `render "
        "library add`", in_recipe=False,
    )  # fmt: skip
    video_frames: int | None = parameter(
        None, "Also use this many frames of each video in a folder; for a library, set it with `render library add`",
        low=0, high=1000, in_recipe=False,
    )  # fmt: skip
    skip_duplicates: bool = parameter(False, "Keep only the best of each group of near-duplicates", in_recipe=False)
    since: Day | None = parameter(
        None,
        "Only photos taken on or after this date: 2024-05-31, 2024-05 or 2024; a photo without a capture date has the "
        "date of its file",
        in_recipe=False,
    )
    until: Day | None = parameter(None, "Only photos taken on or before this date", in_recipe=False)
    exclude: tuple[str, ...] = parameter(
        (),
        "Exclude photos by file name or folder name, or by a pattern such as 'screenshots/*'; repeatable",
        in_recipe=False,
    )
    library_dir: Path | None = parameter(
        None,
        "Folder that contains your libraries; default: the environment variable MOSAIC_RENDERER_LIBRARIES, or the "
        "operating system's folder for data",
        in_recipe=False,
    )

    def filter(self) -> Filter:
        """Return the filter that the dates and exclusions make."""
        from renderer.library import Filter

        return Filter(self.since, self.until, self.exclude)


@dataclass(frozen=True)
class ChangeSettings(Validated):
    """Changes to the photos of a mosaic that is matched."""

    ban: tuple[str, ...] = parameter(
        (), "Remove a photo from all cells: its path, its name, or a pattern such as 'screenshots/*'; repeatable",
        in_recipe=False,
    )  # fmt: skip
    swap: tuple[str, ...] = parameter(
        (), "Show a photo in a cell: COLUMN,ROW=PHOTO, counted from 0, with the photo's path or name; repeatable",
        in_recipe=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Check the values, and the form of the swaps. Raises InputError."""
        super().__post_init__()
        self.swaps()

    @property
    def changes_photos(self) -> bool:
        """Whether there are any changes."""
        return bool(self.ban or self.swap)

    def swaps(self) -> dict[CellPosition, str]:
        """Return the path or name of the photo for each swapped cell. Raises InputError."""
        found: dict[CellPosition, str] = {}
        for text in self.swap:
            position, _, photo = text.partition("=")
            try:
                cell = parse_cell(position, "swap")
            except InputError:
                photo = ""
            if not photo:
                raise InputError(f"{named('swap', text)} is not COLUMN,ROW=PHOTO, such as 31,12=beach.jpg")
            if cell in found:
                raise InputError(
                    f"{named('swap', text)} is for the same cell as another {named('swap')}: remove one of them"
                )
            found[cell] = photo
        return found


@dataclass(frozen=True)
class GridSettings(Validated):
    """How a cover is divided into cells."""

    columns: int | None = parameter(
        None,
        "Number of columns of cells across the whole cover, before it is cropped to the frame; default: as many as "
        "make about 5,000 cells",
        low=1, high=10_000, in_recipe=False,
    )  # fmt: skip
    cell_size: int | None = parameter(
        None,
        f"Shorter side of a cell; use instead of {named('columns')}",
        unit="cover pixels",
        low=1,
        high=10_000,
        in_recipe=False,
    )
    adaptive: bool = parameter(
        False,
        "Use smaller cells on faces, edges and a mask's outline, and larger ones in flat areas; without a mask, the "
        "number of cells stays the same",
    )
    smallest_cell: Literal["1", "1/2", "1/4"] = parameter(
        "1/2", f"Side of the smallest cells with {named('adaptive')}, relative to a regular cell"
    )
    largest_cell: Literal["1", "2", "4"] = parameter(
        "2", f"Side of the largest cells with {named('adaptive')}, relative to a regular cell"
    )

    tile_shape: str = parameter(
        "square",
        "Shape of the tiles: square, circle, hexagon, mixed (landscape and portrait photos), or a ratio of width and "
        "height such as 3:2",
        metavar="SHAPE|W:H",
    )
    corner_radius: float = parameter(0.0, "Radius of the tiles' corners, relative to the shorter side", low=0, high=0.5)
    gap: float = parameter(0.0, "Gap between tiles, relative to the shorter side of a cell", low=0, high=MAX_GAP)
    border: float = parameter(
        0.0, "Width of a border inside each tile, relative to the tile's shorter side", low=0, high=MAX_BORDER
    )
    border_colour: Colour = parameter((1.0, 1.0, 1.0), "Colour of the border")

    def __post_init__(self) -> None:
        """Check the values, alone and together. Raises InputError."""
        super().__post_init__()
        shape = self.shape()
        if self.adaptive and not shape.can_adapt:
            raise InputError(
                f"{named('adaptive', True)} needs rectangles, as its cells have several sizes: use a ratio, square or "
                f"circle instead of {named('tile_shape', self.tile_shape)}"
            )

    def shape(self) -> TileShape:
        """Return the shape of the tiles. Raises InputError."""
        return TileShape.parse(
            self.tile_shape, corner_radius=self.corner_radius or None, gap=self.gap, border=self.border,
            border_colour=self.border_colour,
        )  # fmt: skip

    def cell_sides(self) -> tuple[float, float]:
        """Return the smallest and the largest side of a cell, in lattice units."""
        if not self.adaptive:
            return 1.0, 1.0
        return float(Fraction(self.smallest_cell)), float(Fraction(self.largest_cell))


@dataclass(frozen=True)
class MatchSettings(CoverSettings, GridSettings, ChangeSettings, TileSettings):
    """Where the photos come from, and how they are placed.

    Fields of the last base class come first: tiles, then changes, the grid, the cover, then those defined here.
    """

    match: Metric = parameter(
        "structure",
        "What is compared: structure (shapes and colours), mean or lab (mean colours, in RGB or CIELAB), or pixels "
        "(32 x 32)",
    )
    max_uses: int | None = parameter(
        None, "Maximum uses of each photo; 0: unlimited; default: 3 times the average", low=0, high=1_000_000
    )
    repeat_distance: int | None = parameter(
        None, "No photo appears twice within this distance; 0: no minimum; default: 5, or less if there are few photos",
        unit="cells", low=0, high=1000,
    )  # fmt: skip
    unique: bool = parameter(False, "Use each photo at most once")
    use_all: bool = parameter(False, "Use every photo at least once")
    prefer: Prefer | None = parameter(
        None,
        "Prefer photos of people, or of places, in which no faces are found: as tiles where they match nearly as well, "
        "and to land on; default: people to land on, no preference for tiles",
    )
    merge_duplicates: bool = parameter(
        False, "If the square tiles of several photos look nearly the same, use only the first of these photos"
    )
    mirror: bool = parameter(True, "Allow mirrored photos; turn off for photos with text in them")
    turns: bool = parameter(
        False, "Allow photos rotated by 90, 180 and 270 degrees, for textures such as galaxies and leaves"
    )
    tone: float | Literal["auto"] = parameter(
        "auto",
        "How strongly the colour and contrast of small (distant) tiles are adjusted to the cover; 1: as strongly as "
        "possible without visibly degrading the photos; auto: 1, in letters and shapes 0.5, or 0.3 without "
        f"{named('fill')}",
        low=0, high=1,
    )  # fmt: skip
    contrast: float = parameter(
        0.5,
        "Minimum of the contrast that tone leaves to the photos, on average; less makes the mosaic more similar to the "
        "cover",
        low=0, high=1,
    )  # fmt: skip
    adapt_palette: bool = parameter(
        False,
        "Shift the cover's colours into the range of the photos' colours, as far as faces keep the colour of skin: "
        "sunset photos turn a blue cover orange",
    )
    blend: float = parameter(0.0, "Strength of the cover-colour overlay on each tile", low=0, high=1)
    match_seed: int = parameter(0, "Random seed for the matching search", low=0, high=2**63 - 1)
    save_map: Path | None = parameter(
        None, "Also save the mosaic to a .mosaic file, which later commands accept as the cover", in_recipe=False
    )
    credits: Path | None = parameter(
        None, "Also write a text file that lists the photos used and their authors", in_recipe=False
    )

    @classmethod
    def of_recipe(cls, recipe: Mapping[str, JsonValue], where: str = "the recipe") -> MatchSettings:
        """Return the settings with which a map was matched; defaults for those that its recipe lacks.

        Raises InputError for a wrong value; its message starts with `where`.
        """
        known = {name: recipe[name] for name in cls().recipe() if recipe.get(name) is not None}
        return cls(**read_values(cls, known, where))

    def cover_settings(self) -> CoverSettings:
        """Return only the settings of the cover."""
        return CoverSettings(**given(CoverSettings, vars(self)))

    def tile_settings(self) -> TileSettings:
        """Return only the settings of the photos."""
        return TileSettings(**{name: getattr(self, name) for name in parameters(TileSettings)})

    def style(self) -> MatchStyle:
        """Return how photos are compared and drawn."""
        from renderer.matching import MatchStyle

        tone = 1.0 if self.tone == "auto" else self.tone
        return MatchStyle(
            self.match,
            self.mirror,
            self.turns,
            tone,
            self.contrast,
            adapt_palette=self.adapt_palette,
            blend=self.blend,
            prefer=self.prefer,
        )

    look = old_method("MatchSettings.look", style)

    def rules(self) -> RepetitionRules:
        """Return how often and how close together a photo may be used."""
        from renderer.matching.repetition import RepetitionRules

        return RepetitionRules(self.max_uses, self.repeat_distance, self.unique, self.use_all, self.merge_duplicates)

    def recipe(self) -> dict[str, JsonValue]:
        """Return the parameters that a map's recipe contains, by name.

        `match` comes first, as in older maps: the order is part of the cache key.
        """
        values = {name: getattr(self, name) for name, info in parameters(self).items() if info.in_recipe}
        return {"match": values.pop("match"), **values}


@dataclass(frozen=True)
class EditSettings(ChangeSettings):
    """The changes to a map."""

    cover: Path | None = parameter(None, "Cover, if it is not next to the map; new photos are matched to it")
