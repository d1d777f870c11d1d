"""Tile shapes: the boxes of cells, and what is drawn in them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal, Self

import numpy as np

from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import Colour

if TYPE_CHECKING:
    import numpy.typing as npt

    from renderer.descriptors import Ratio

Kind = Literal["rectangle", "hexagon", "mixed"]

MAX_RATIO: Final = 5
"""Maximum ratio of a tile's sides: narrower tiles show too little of a photo."""

MAX_GAP: Final = 0.9
"""Maximum gap, as a share of the shorter side of a cell."""

MAX_BORDER: Final = 0.45
"""Maximum width of a border, as a share of the shorter side of a tile."""

MIN_INSIDE: Final = 0.05
"""Minimum share of a cell's shorter side that a gap and a border together leave for the photo."""

HEXAGON_RATIO: Final = Fraction(1351, 1560)
"""Width / height of the box of a regular hexagon that stands on a corner: √3 / 2, to within 2e-7."""

BRICK_RATIO: Final = 2 / math.sqrt(3)
"""Width / height of a hexagon's brick: a rectangle of the same width, centre and area."""

HEXAGON_HEIGHT: Final = 4 / 3
"""Height of a hexagon relative to that of its brick."""

MIXED_RATIO: Final = Fraction(3, 2)
"""Width / height of the landscape cells of `mixed`; portrait cells have its inverse."""

_RATIO: Final = re.compile(r"(\d{1,4})\s*:\s*(\d{1,4})")


@dataclass(frozen=True)
class TileShape:
    """The shape of the tiles of a mosaic, which determines the layout of its cells.

    Lengths without a unit are shares of the shorter side of a cell, for hexagons of the hexagon's width. Raises
    InputError for values out of range.
    """

    kind: Kind = "rectangle"
    ratio: Fraction = Fraction(1)  # width / height of a rectangle's tile; for the other kinds 1, and without meaning
    corner_radius: float = 0.0  # of a rectangle's corners, share of the shorter side of what is drawn, 0…0.5
    gap: float = 0.0  # between neighbouring tiles, 0…0.9
    border: float = 0.0  # width of a frame inside each tile, share of the shorter side of what is drawn, 0…0.45
    border_colour: Colour = (1.0, 1.0, 1.0)  # sRGB 0…1

    def __post_init__(self) -> None:
        if not Fraction(1, MAX_RATIO) <= self.ratio <= MAX_RATIO:
            raise InputError(
                f"{named('tile_shape', _written(self.ratio))} is too narrow: the ratio must be between "
                f"1:{MAX_RATIO} and {MAX_RATIO}:1"
            )
        if not 0 <= self.corner_radius <= 0.5:
            raise InputError(
                f"{named('corner_radius', self.corner_radius)} is out of range: use 0 to 0.5 of a tile's shorter side"
            )
        if self.corner_radius and self.kind == "hexagon":
            raise InputError(
                f"{named('corner_radius', self.corner_radius)} rounds rectangles, not hexagons: leave it out"
            )
        if not 0 <= self.gap <= MAX_GAP:
            raise InputError(
                f"{named('gap', self.gap)} "
                + ("leaves nothing of the tiles" if self.gap > MAX_GAP else "is out of range")
                + f": use 0 to {MAX_GAP:g} of a cell's shorter side"
            )
        if not 0 <= self.border <= MAX_BORDER:
            raise InputError(
                f"{named('border', self.border)} "
                + ("leaves nothing of the photos" if self.border > MAX_BORDER else "is out of range")
                + f": use 0 to {MAX_BORDER:g} of a tile's shorter side"
            )
        if self.inside < MIN_INSIDE - 1e-9:
            raise InputError(
                f"{named('gap', self.gap)} and {named('border', self.border)} together leave {100 * self.inside:.2g} % "
                f"of a cell's side for its photo: use smaller values, which leave at least {100 * MIN_INSIDE:g} %"
            )

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        corner_radius: float | None = None,
        gap: float = 0.0,
        border: float = 0.0,
        border_colour: Colour = (1.0, 1.0, 1.0),
    ) -> Self:
        """Return the shape of a name (square, mixed, hexagon, circle) or a ratio W:H. Raises InputError."""
        name = text.strip().lower()
        kind: Kind = "mixed" if name == "mixed" else "hexagon" if name == "hexagon" else "rectangle"
        ratio = Fraction(1)
        if name == "circle":
            if corner_radius is not None and corner_radius != 0.5:
                raise InputError(
                    f"{named('corner_radius', corner_radius)} and {named('tile_shape', 'circle')} both set the "
                    "corners: use one of them"
                )
            corner_radius = 0.5
        elif name not in ("square", "mixed", "hexagon"):
            found = _RATIO.fullmatch(name)
            if found is None:
                raise InputError(
                    f"{named('tile_shape', text)} is not a shape: use square, circle, hexagon, mixed, or a ratio of "
                    "width and height such as 3:2"
                )
            width, height = int(found[1]), int(found[2])
            if not width or not height:
                raise InputError(f"{named('tile_shape', text)} has a side of 0: use a ratio such as 3:2")
            ratio = Fraction(width, height)
        return cls(kind, ratio, corner_radius or 0.0, gap, border, border_colour)

    @property
    def inside(self) -> float:
        """Share of the shorter side of a cell that its photo has inside the gap and the border."""
        return (1 - 2 * self.border) * (1 - self.gap)

    @property
    def unit(self) -> tuple[float, float]:
        """Width and height of a lattice unit in mosaic units: of a regular cell, except for `mixed`.

        The shorter side is 1. With a gap or a border, cells differ from the ratio of the photos, so that gaps and
        borders have the same width across and along, and what is inside has exactly the ratio. The landscape cells of
        `mixed` are 1.5 × 1 lattice units, its portrait cells 1 × 1.5.
        """
        if self.kind == "hexagon":
            return BRICK_RATIO, 1.0
        if self.kind == "mixed":
            return 1.0, 1.0
        longer = float(max(self.ratio, 1 / self.ratio) - 1) * self.inside + 1
        return (longer, 1.0) if self.ratio > 1 else (1.0, longer)

    @property
    def cell_area(self) -> float:
        """Area of a regular cell in mosaic units."""
        across, along = self.unit
        return float(MIXED_RATIO) if self.kind == "mixed" else across * along

    @property
    def overhang(self) -> tuple[float, float]:
        """Lattice units by which cells extend beyond the left and right, and the upper and lower edge of the mosaic.

        The edges of a honeycomb are cut so that no ground shows between its tiles: half a cell in every second row, and
        the points of the hexagons in the first and last row.
        """
        return (0.5, (HEXAGON_HEIGHT - 1) / 2) if self.kind == "hexagon" else (0.0, 0.0)

    @property
    def tile_ratio(self) -> Fraction:
        """Width / height of a photo inside the border, to which it is cropped; `mixed`: in landscape cells."""
        if self.kind == "hexagon":
            return HEXAGON_RATIO
        if self.kind == "mixed":
            return Fraction(float(MIXED_RATIO - 1) / self.inside + 1).limit_denominator(1000)
        return self.ratio

    @property
    def crop_ratio(self) -> Ratio:
        """What photos are cropped to: `tile_ratio`, for `mixed` according to their orientation."""
        from renderer.descriptors import MixedRatio

        return MixedRatio(self.tile_ratio) if self.kind == "mixed" else self.tile_ratio

    @property
    def keeps_transpose(self) -> bool:
        """Whether transposing a tile gives a tile of the same shape. All shapes keep mirroring in both directions."""
        return self.kind == "rectangle" and self.ratio == 1

    @property
    def can_adapt(self) -> bool:
        """Whether cells of different sizes can be combined in one mosaic."""
        return self.kind == "rectangle"

    @property
    def name(self) -> str:
        """The name or ratio that `parse` reads."""
        if self.kind != "rectangle":
            return self.kind
        if self.ratio == 1:
            return "circle" if self.corner_radius == 0.5 else "square"
        return _written(self.ratio)

    def tile_boxes(self, cells: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the boxes of what is drawn, (N, 4) x, y, width, height, for cells (N, 4), both in mosaic units."""
        if self.kind != "hexagon" and not self.gap:
            return cells
        size = cells[:, 2:].copy()
        if self.kind == "hexagon":
            size *= (1 - self.gap, HEXAGON_HEIGHT * (1 - self.gap))
        else:
            size -= self.gap * size.min(axis=1, keepdims=True)
        return np.concatenate([cells[:, :2] + 0.5 * (cells[:, 2:] - size), size], axis=1)

    def as_json(self) -> dict[str, str | float | list[float]]:
        """Return the shape as a map's header contains it."""
        return {
            "kind": self.kind,
            "ratio": [float(self.ratio.numerator), float(self.ratio.denominator)],
            "corner_radius": self.corner_radius,
            "gap": self.gap,
            "border": self.border,
            "border_colour": list(self.border_colour),
        }

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Return the shape in a map's header. Raises ValueError."""
        if not isinstance(values, Mapping):
            raise ValueError("its shape is not an object")  # noqa: TRY004 (as for all damaged files)
        kind = values["kind"]
        if kind not in ("rectangle", "hexagon", "mixed"):
            raise ValueError("the kind of its shape is unknown")
        width, height = _numbers(values["ratio"], 2, 1e4)
        if width != int(width) or height != int(height) or not width or not height:
            raise ValueError("the ratio of its shape is not one of whole numbers")
        radius, gap, border = _numbers([values[name] for name in ("corner_radius", "gap", "border")], 3, 1)
        red, green, blue = _numbers(values["border_colour"], 3, 1)
        try:
            return cls(kind, Fraction(int(width), int(height)), radius, gap, border, (red, green, blue))
        except InputError:  # whose message names parameters of a command
            raise ValueError("a number of its shape is out of range") from None


SQUARE: Final = TileShape()


def _numbers(values: object, count: int, maximum: float) -> list[float]:
    """Return a list of `count` numbers from 0 to `maximum`. Raises ValueError for anything else."""
    if type(values) is not list or len(values) != count:
        raise ValueError("a part of its shape is not a list of numbers")
    if not all(type(value) in (int, float) and 0 <= value <= maximum for value in values):
        raise ValueError("a number of its shape is out of range")
    return [float(value) for value in values]


def _written(ratio: Fraction) -> str:
    return f"{ratio.numerator}:{ratio.denominator}"
