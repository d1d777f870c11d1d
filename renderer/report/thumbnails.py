"""Pictures embedded in a page."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from renderer.descriptors import ratio_of, tile_size
from renderer.errors import RenderError
from renderer.library import Library
from renderer.pages import data_url
from renderer.pictures import Pixels, resize

_THUMBNAIL: Final = 80  # pixels per side, as in page.css
_AROUND: Final = 128  # grey beside tiles that are not squares, in light and dark pages
_COLUMNS: Final = 32  # of thumbnails, as in page.css


def fit(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a picture scaled to a width and height."""
    shrinks = picture.shape[1] >= size[0] and picture.shape[0] >= size[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)


class ThumbnailSheet:
    """Thumbnails in one sprite picture, so that a browser decodes 1 picture instead of 1,000."""

    def __init__(self) -> None:
        self.tiles: list[Pixels] = []

    def add(self, library: Library, number: int) -> str:
        """Add a photo's thumbnail, and return an HTML element that shows it."""
        photo = library.photos[number]
        width, height = tile_size(ratio_of(library.photos.ratio, is_upright=photo.is_upright))
        across, along = (max(_THUMBNAIL * side // max(width, height), 1) for side in (width, height))
        try:
            shown = library.tile(photo, across, along)
        except RenderError:  # its file is missing, and it has no stored thumbnail
            shown = resize(library.tiles_of(np.array([number]))[0], across, along)
        left, top = (_THUMBNAIL - across) // 2, (_THUMBNAIL - along) // 2
        tile = np.full((_THUMBNAIL, _THUMBNAIL, 3), _AROUND, np.uint8)
        tile[top : top + along, left : left + across] = shown
        row, column = divmod(len(self.tiles), _COLUMNS)
        self.tiles.append(tile)
        return f'<i class="tile x{column} y{row}"></i>'

    def style(self) -> str:
        """Return the CSS rules for the elements."""
        row_count = max(-(-len(self.tiles) // _COLUMNS), 1)
        sheet = np.zeros((row_count, _COLUMNS, _THUMBNAIL, _THUMBNAIL, 3), np.uint8)
        for number, tile in enumerate(self.tiles):
            sheet[divmod(number, _COLUMNS)] = tile
        joined = sheet.swapaxes(1, 2).reshape(row_count * _THUMBNAIL, _COLUMNS * _THUMBNAIL, 3)
        positions = [f".x{column}{{--x:{column}}}" for column in range(_COLUMNS)]
        positions += [f".y{row}{{--y:{row}}}" for row in range(row_count)]
        return f".tile{{background-image:url({data_url(joined, 72)})}}\n{''.join(positions)}\n"
