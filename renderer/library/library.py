"""The photos of one mosaic: what the matcher and the compositor ask for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.errors import PictureError, RenderError
from renderer.library.clips import read_frame
from renderer.library.index import Index
from renderer.library.photos import Numbers, Photo, Photos, Skipped
from renderer.library.reading import THUMBNAIL_PIXELS, cut
from renderer.pictures import Pixels, read_picture, resize

SHORTER_SIDE: Final = 4096
"""A cover, and a picture that parts are cut from, is decoded to at least this height where its decoder can scale."""

PICTURE_CACHE_PIXELS: Final = 40_000_000
"""Decoded pictures that tiles are cut from are kept up to this many pixels: 120 MB."""


class Library:
    """Photos ready to be matched and drawn, for as long as the indexes that they are kept in are open.

    Memory: 230 bytes a photo. Squares and thumbnails are read when they are asked for.
    """

    def __init__(
        self,
        photos: Photos | Sequence[Photo],
        tiles: Pixels | None = None,
        skipped: Iterable[Skipped] = (),
        *,
        indexes: Sequence[Index] = (),
        pictures: Mapping[Path, Pixels] | None = None,
        missing: Iterable[Path] = (),
    ) -> None:
        """`photos` in memory need their `tiles`, (N, 32, 32, 3).

        `indexes` know thumbnails; `pictures` that parts are cut from are decoded already; files that are `missing`
        are not looked for.
        """
        if not isinstance(photos, Photos):
            if tiles is None:
                raise ValueError("photos in memory need their tiles")
            photos = Photos.of(photos, tiles)
        self.photos = photos
        self.skipped = list(skipped)
        self.indexes = list(indexes)
        self._pictures = dict(pictures or {})
        self._missing = frozenset(missing)
        self._lock = threading.Lock()

    # -- What is matched -------------------------------------------------------------------------------------------

    @property
    def signatures(self) -> Pixels:
        """What the matcher compares first, (N, 8, 8, 3) in sRGB: 192 bytes a photo."""
        return self.photos.columns.signature

    @property
    def means(self) -> npt.NDArray[np.float32]:
        """Each photo's mean colour, (N, 3) sRGB 0…1."""
        return self.photos.columns.mean

    @cached_property
    def groups(self) -> npt.NDArray[np.int32]:
        """A number for each photo, (N,), that those share which show the same square of the same content."""
        return np.unique(self.photos.columns.key, return_inverse=True)[1].astype(np.int32).reshape(-1)

    @cached_property
    def tiles(self) -> Pixels:
        """All photos' squares, (N, 32, 32, 3): 3 KiB a photo, read when first asked for and kept."""
        return self.tiles_of(np.arange(len(self.photos)))

    def tiles_of(self, numbers: Numbers) -> Pixels:
        """The squares (N, 32, 32, 3) of the photos of some numbers."""
        return self.photos.tiles_of(numbers)

    def take(self, numbers: Numbers) -> Library:
        """A library of the photos of some numbers, in their order, with all else as it is here."""
        return Library(
            self.photos.take(numbers), None, self.skipped,
            indexes=self.indexes, pictures=self._pictures, missing=self._missing,
        )  # fmt: skip

    def joined(self, other: Library) -> Library:
        """The photos of this library, then those of another."""
        return Library(
            self.photos + other.photos, None, self.skipped,
            indexes=list(dict.fromkeys([*self.indexes, *other.indexes])),
            pictures={**self._pictures, **other._pictures}, missing=self._missing | other._missing,
        )  # fmt: skip

    # -- What is drawn ---------------------------------------------------------------------------------------------

    def square(self, photo: Photo, side: int) -> Pixels:
        """A photo's square, scaled to (side, side, 3). From the thumbnail if that is large enough, else the file.

        May be called from several threads. A photo whose file is gone, spoilt or changed since it was indexed is
        scaled up from its thumbnail. Raises RenderError if there is none.
        """
        thumbnail = self._thumbnail(photo) if side <= THUMBNAIL_PIXELS else None
        if thumbnail is not None:
            square = cut(thumbnail, photo.crop, photo.size)
            if len(square) >= min(side, photo.crop[2]):  # of a long panorama it may be less
                return resize(square, side, side)
        picture = self._picture(photo, shorter_side=None if photo.is_part else side)
        return resize(cut(picture, photo.crop, photo.size), side, side)

    def whole(self, photo: Photo, width: int, height: int, *, sharp: bool = True) -> Pixels:
        """All of a photo (of a part, its square), scaled to (height, width, 3).

        `sharp`: by Lanczos from all of its pixels, as it is looked at when it stands still; otherwise by averages of
        light, as a mip level. A photo whose file is gone or changed since it was indexed is scaled up from its
        thumbnail. Raises RenderError if there is none.
        """
        if photo.is_part:
            pixels = self.square(photo, photo.crop[2])
        else:
            pixels = self._picture(photo, shorter_side=None if sharp else min(width, height))
        if sharp:
            return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        return resize(pixels, width, height)

    def changed_in(self, photo: Photo) -> Index | None:
        """The index that read a photo from a file that has had another size or time since; None: it is as it was.

        The file's pixels are then not the photo's. Raises RenderError.
        """
        if photo.is_part:  # pictures that pieces are cut from are in no index, but are read in this run
            return None
        states = [(index, index.is_current(photo)) for index in self.indexes]
        if any(is_current for _, is_current in states):
            return None
        return next((index for index, is_current in states if is_current is False), None)

    def _thumbnail(self, photo: Photo) -> Pixels | None:
        if photo.is_part or photo.path in self._pictures:
            return None
        found = (index.thumbnail(photo) for index in self.indexes)
        return next((thumbnail for thumbnail in found if thumbnail is not None), None)

    def _picture(self, photo: Photo, shorter_side: int | None) -> Pixels:
        """A photo's picture, whole, from its file or else its thumbnail; what parts are cut from is kept."""
        try:
            if photo.path in self._missing:
                raise PictureError(photo.path, "is gone")
            if self.changed_in(photo) is not None:
                raise PictureError(photo.path, "has changed")
            if photo.time is not None:
                return read_frame(photo.path, photo.time).pixels
            if not photo.is_part:
                kept = self._pictures.get(photo.path)
                large_enough = kept is not None and shorter_side is not None and min(kept.shape[:2]) >= shorter_side
                if kept is not None and large_enough:
                    return kept
                return read_picture(photo.path, shorter_side=shorter_side).pixels
            with self._lock:
                if photo.path not in self._pictures:
                    pixels = read_picture(photo.path, shorter_side=SHORTER_SIDE).pixels
                    kept_pixels = sum(kept.shape[0] * kept.shape[1] for kept in self._pictures.values())
                    if kept_pixels + pixels.shape[0] * pixels.shape[1] > PICTURE_CACHE_PIXELS:
                        self._pictures.clear()
                    self._pictures[photo.path] = pixels
                return self._pictures[photo.path]
        except PictureError as error:
            thumbnail = self._thumbnail(photo)
            if thumbnail is None:
                raise RenderError(f"{error.text} (it was read a moment ago)") from None
            return thumbnail
