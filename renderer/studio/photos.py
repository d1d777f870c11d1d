"""The photos of a mosaic, to choose from: the one that is shown at a point, and those that a search finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from renderer.descriptors import to_lab
from renderer.grid import cell_position
from renderer.library import Library
from renderer.names import normalized
from renderer.pictures import Pixels, resize
from renderer.scene.views import corners_of, view_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.job import OpenMosaic
    from renderer.parameters import Colour
    from renderer.placement import PlacementMap
    from renderer.scene import Scene, Sprites

THUMBNAIL: Final = 120  # shorter side in pixels

_OPAQUE: Final = 0.5  # a sprite that is fainter is not what one points at


@dataclass(frozen=True)
class PhotoTable:
    """The photos that a mosaic shows, in the order of its map, and after them those that it could show.

    Its methods may be called in any thread.
    """

    placement: PlacementMap
    library: Library
    files: Sequence[Path]
    names: Sequence[str]  # by which a photo is told from all others: its name, or else its path
    dates: Sequence[str]  # ISO 8601
    uses: npt.NDArray[np.int64]  # (P,) cells that show each

    @classmethod
    def of(cls, mosaic: OpenMosaic) -> PhotoTable:
        """Return the photos of a mosaic."""
        library = mosaic.library
        if mosaic.has_choice:
            unused = np.flatnonzero(library.photos.find(mosaic.offered.photos) < 0)
            library = library.combined(mosaic.offered.take(unused))
        told = library.photos.dates()
        files = [file for file, _ in told]
        names = [file.name for file in files]
        count = Counter(names)
        names = [str(file) if count[name] > 1 else name for file, name in zip(files, names, strict=True)]
        uses = np.zeros(len(library.photos), np.int64)
        shown = mosaic.placement.uses()
        uses[: len(shown)] = shown
        return cls(mosaic.placement, library, files, names, [date for _, date in told], uses)

    def __len__(self) -> int:
        return len(self.files)

    def as_json(self, number: int) -> dict[str, Any]:
        """Return what is told of a photo."""
        return {
            "number": number, "name": self.files[number].name, "key": self.names[number], "date": self.dates[number],
            "uses": int(self.uses[number]), "part": self.library.photos[number].is_part,
        }  # fmt: skip

    def place(self, cell: int) -> dict[str, Any]:
        """Return what is told of a cell: its photo, its column and row, and its centre in fractions of the cover."""
        column, row = cell_position(self.placement.grid, cell)
        left, top, width, height = self.placement.crop
        x, y, across, along = self.placement.cell[cell].tolist()
        size = self.placement.size
        centre = left + (x + across / 2) / size[0] * width, top + (y + along / 2) / size[1] * height
        return {
            **self.as_json(int(self.placement.photo[cell])),
            "cell": f"{column},{row}", "point": f"{centre[0]:.4f},{centre[1]:.4f}",
        }  # fmt: skip

    def search(self, text: str = "", colour: Colour | None = None, *, used: bool | None = None) -> list[int]:
        """Return the photos that match, by name, or those of the nearest mean colour first.

        `text`: words that are all in the name or the date. `used`: whether the mosaic shows them; None: all.
        """
        words = normalized(text).casefold().split()
        found = [
            number
            for number, (file, date) in enumerate(zip(self.files, self.dates, strict=True))
            if (used is None or used == bool(self.uses[number]))
            and (not words or all(word in f"{normalized(file.name).casefold()} {date[:10]}" for word in words))
        ]
        if colour is None:
            return sorted(found, key=lambda number: (self.files[number].name.casefold(), number))
        means = to_lab(self.library.means[found].astype(np.float32)[np.newaxis])[0]
        distance = np.linalg.norm(means - to_lab(np.array([[colour]], np.float32))[0], axis=1)
        return [found[index] for index in np.argsort(distance, kind="stable")]

    def thumbnail(self, number: int) -> Pixels:
        """Return a small picture of a photo, (H, W, 3). Raises RenderError if it can't be read."""
        pixels = self.library.overview(self.library.photos[number])
        shrink = min(THUMBNAIL / min(pixels.shape[:2]), 1.0)
        return resize(pixels, *(max(round(side * shrink), 1) for side in pixels.shape[1::-1]))


def cell_shown(scene: Scene, frame: tuple[int, int], point: tuple[float, float]) -> int | None:
    """Return the cell of the first map whose tile a scene shows at a point of the frame; None if there is none.

    `frame`: width and height in pixels. `point`: x and y in pixels.
    """
    view = view_of(scene.camera, *frame)
    for sprites in reversed(scene.sprites):
        which = np.flatnonzero((sprites.tile >= 0) & (sprites.opacity > _OPAQUE))
        inside = which[_contain(sprites.take(which), view, point)]
        if len(inside):
            return int(sprites.tile[inside[-1]])  # the last is painted over the others
    return None


def _contain(sprites: Sprites, view: tuple[float, ...], point: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Return which sprites' boxes contain a point of the frame, as a mask (N,)."""
    corners = corners_of(sprites, view)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        flat = corners[..., :2] / corners[..., 2:] - point
        following = np.roll(flat, -1, axis=0)
        turns = flat[..., 0] * following[..., 1] - flat[..., 1] * following[..., 0]
        in_front = (corners[..., 2] > 0).all(axis=0)
        return np.asarray(in_front & ((turns >= 0).all(axis=0) | (turns <= 0).all(axis=0)), np.bool_)
