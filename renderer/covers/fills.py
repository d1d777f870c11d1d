"""What fills a cover of letters or a shape: a colour, a gradient, a picture, or nothing but the photos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.errors import InputError, PictureError
from renderer.input_files import is_file, missing_file
from renderer.library import SHORTER_SIDE
from renderer.messages import named
from renderer.names import on_disk
from renderer.parameters import Colour, parse_colour
from renderer.paths import expanded
from renderer.pictures import has_alpha, read_picture
from renderer.pixels import Pixels, resize, to_linear, to_srgb

PHOTOS: Final = "photos"
"""The fill that leaves the photos as they are."""

_NEUTRAL: Final = (0.5, 0.5, 0.5)  # the colour below photos that are shown as they are

_COMMA: Final = re.compile(r",(?![^(]*\))")  # not those in rgb(1, 2, 3)


@dataclass(frozen=True)
class Fill:
    """A fill: colours from left to right, or a picture."""

    colours: tuple[Colour, ...] = ()
    picture: Path | None = None
    as_they_are: bool = False  # the photos keep their colours

    def pixels(self, width: int, height: int, box: tuple[int, int, int, int]) -> Pixels:
        """Return (height, width, 3) pixels; the fill extends over a box (left, top, right, bottom), and is continued.

        Raises InputError for an unusable picture.
        """
        if self.picture is not None:
            return _picture(self.picture, width, height, box)
        colours = np.array(self.colours, np.float64)
        light = to_linear(np.asarray(colours * 255 + 0.5, np.uint8)[np.newaxis])[0]
        position = (np.arange(width) + 0.5 - box[0]) / (box[2] - box[0]) * (len(colours) - 1)
        row = np.stack([np.interp(position, np.arange(len(colours)), light[:, axis]) for axis in range(3)], axis=1)
        return np.repeat(to_srgb(row.astype(np.float32)[np.newaxis]), height, axis=0)


def parse_fill(text: str) -> Fill:
    """Return a fill from a colour, several colours separated by commas, the path of a picture, or "photos".

    Raises InputError for anything else.
    """
    if text == PHOTOS:
        return Fill((_NEUTRAL,), as_they_are=True)
    parts = [part.strip() for part in _COMMA.split(text)]
    path = on_disk(expanded(text))
    if is_file(path):
        return Fill(picture=path)
    if len(parts) > 1 and not all(parts):
        raise InputError(f"{named('fill', text)} has a comma without a colour on both sides: remove it or add a colour")
    if len(parts) > 1:
        return Fill(tuple(parse_colour(part, "fill") for part in parts))
    try:
        return Fill((parse_colour(text, "fill"),))
    except InputError:
        if path.suffix:
            raise InputError(missing_file(path, named("fill", text))) from None
        raise InputError(
            f"{named('fill', text)} is neither a colour, nor colours with commas between them, nor a picture file, nor "
            f"{PHOTOS}: give one such as #e63946"
        ) from None


def _picture(path: Path, width: int, height: int, box: Sequence[int]) -> Pixels:
    """Return a picture that covers a box, cropped in the middle to its shape; its edges are continued around it."""
    try:
        background = None if has_alpha(path) else (255, 255, 255)
        picture = read_picture(path, shorter_side=SHORTER_SIDE, background=background).pixels
    except PictureError as error:
        raise InputError(f"{named('fill', path)} can't be used because it {error.reason}") from None
    if picture.shape[2] == 4:
        if not picture[..., 3].any():
            raise InputError(f"{named('fill', path)} is completely transparent: use another picture")
        white = Image.new("RGBA", picture.shape[1::-1], "white")
        picture = np.asarray(Image.alpha_composite(white, Image.fromarray(picture)).convert("RGB"))
    left, top, right, bottom = box
    across, along = right - left, bottom - top
    scale = min(picture.shape[1] / across, picture.shape[0] / along)
    columns, rows = max(round(across * scale), 1), max(round(along * scale), 1)
    x, y = (picture.shape[1] - columns) // 2, (picture.shape[0] - rows) // 2
    cut = resize(np.ascontiguousarray(picture[y : y + rows, x : x + columns]), across, along)
    around: list[tuple[int, int]] = [(top, height - bottom), (left, width - right), (0, 0)]
    return np.pad(cut, around, mode="edge")


def box_of(mask: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the pixels of a mask (H, W) that are not 0; there must be some."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
