"""A matched cover with its open photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from renderer.covers import extended, open_cover
from renderer.job.map_cache import landings_of
from renderer.library import Archive, Library, Skipped
from renderer.pictures import Pixels, has_alpha, read_picture
from renderer.placement import JsonValue, PlacementMap
from renderer.progress import Progress

if TYPE_CHECKING:
    from renderer.grid import Grid
    from renderer.matching import MatchStyle, Pin, RepetitionRules


class Matcher(Protocol):
    """Matches a mosaic as `renderer.matching.match_photos` does, perhaps on another machine."""

    def __call__(
        self,
        cover: Pixels,
        grid: Grid,
        library: Library,
        progress: Progress,
        *,
        style: MatchStyle,
        rules: RepetitionRules,
        seed: int,
        pins: Sequence[Pin] = (),
        recipe: dict[str, JsonValue],
    ) -> PlacementMap:
        """Return the map."""
        ...


@dataclass(frozen=True)
class OpenMosaic:
    """A matched cover with its open photo library."""

    placement: PlacementMap
    library: Library  # exactly the map's photos, in the same order
    offered: Library  # the photos that could have been placed
    skipped: list[Skipped]
    inputs: frozenset[Path]  # the cover, the map, unusable files: never overwritten
    archive: Archive  # knows the photos, which are never overwritten either
    cover: Path | None = None  # None if the cover of a saved map is missing, and for a made cover
    matched: bool = True  # whether photos were compared to place them
    others: Sequence[OpenMosaic] = ()  # those of the covers after the first, with the same frame
    known_landings: Sequence[int] | None = None  # if they were found elsewhere

    def map(self, which: int) -> PlacementMap:
        """Return its map (0), or that of one of the others (from 1)."""
        return self.placement if which == 0 else self.others[which - 1].placement

    @property
    def is_masked(self) -> bool:
        """Whether a mask leaves out cells of its map, or of those of the others."""
        return any(each.placement.is_masked for each in (self, *self.others))

    @property
    def usable(self) -> int:
        """The number of photos that could have been placed."""
        return len(self.offered.photos)

    @property
    def has_choice(self) -> bool:
        """Whether photos were chosen from a library: not for a saved map, nor for pieces of the cover."""
        pieces = self.placement.photos[0].is_part or self.placement.photos[-1].is_part  # the first may be the whole
        return not self.is_saved and not pieces

    @property
    def is_saved(self) -> bool:
        """Whether it is a saved map, which offers no other photos than its own."""
        return self.offered is self.library

    @cached_property
    def landings(self) -> list[int]:
        """The best cells to land on, the best first; if photos were not compared, just the first cell.

        Raises RenderError if a photo can't be read.
        """
        if self.known_landings is not None:
            return list(self.known_landings)
        return landings_of(self.placement, self.library) if self.matched else [0]

    @property
    def cover_reader(self) -> Callable[[int], Pixels] | None:
        """A function that reads the cover, as `cover_reader` does; None if the cover is missing."""
        return cover_reader(self.placement, self.cover)


def cover_reader(placement: PlacementMap, cover: Path | None) -> Callable[[int], Pixels] | None:
    """Return a function that reads the cover of a map; None if the map has no known cover.

    It returns (H, W, 3), or (H, W, 4) with straight alpha, where the colours continue below transparency, and
    around a cover that was extended. Its argument is a shorter side: fewer pixels are read only if the cover has no
    more. `cover`: the file, if the cover is one and is known.
    """
    if (made := placement.made_cover) is not None:
        return lambda _shorter_side: made
    if cover is None:
        return None

    def read(shorter_side: int) -> Pixels:
        if has_alpha(cover):
            opened = open_cover(cover)
            return extended(opened.rgba(), opened.size, placement.cover_size)
        picture = read_picture(cover, shorter_side=shorter_side)
        return extended(picture.pixels, picture.size, placement.cover_size)

    return read
