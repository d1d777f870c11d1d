"""Settings of a cover: its mask, and how letters and shapes are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from renderer.parameters import Validated, parameter

# None of these is stored in a map's recipe by itself: the recipe contains the result, and the names of files without
# their folders (`Cover.recipe`).


@dataclass(frozen=True)
class CoverSettings(Validated):
    """The mask of a cover, and how a cover of letters or a shape is drawn."""

    mask: str | None = parameter(
        None,
        "Use only a part of the cover: heart, circle, star, hexagon, diamond, rounded, or a picture file, whose "
        "opaque part (or bright part, if it is opaque) is used; default: the cover's own transparency",
        in_recipe=False, metavar="SHAPE|FILE",
    )  # fmt: skip
    mask_threshold: float = parameter(
        0.5, "Share of a cell that must be inside the mask", low=0.0, high=1.0, in_recipe=False
    )
    cover_font: Path | None = parameter(
        None,
        "Font file for a cover text:WORDS; default: DejaVu Sans Bold (Latin, Greek, Cyrillic, Arabic and Hebrew)",
        in_recipe=False,
    )  # fmt: skip
    fill: str = parameter(
        "#222222",
        "What fills a cover text:WORDS or shape:NAME: a colour, a gradient such as '#e63946,#457b9d', a picture file, "
        "or photos (your photos in their own colours)",
        in_recipe=False, metavar="COLOUR|COLOURS|FILE|photos",
    )  # fmt: skip

    def files(self) -> list[Path]:
        """Return the paths that the settings name, whether or not they exist; names of shapes and colours included."""
        texts = [text for text in (self.mask, self.fill) if text is not None]
        return [*map(Path, texts), *([self.cover_font] if self.cover_font is not None else [])]
