"""The photos of one mosaic, for the matcher and the compositor."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.descriptors import Ratio
from renderer.errors import PictureError, RenderError
from renderer.faces import Face
from renderer.library.clips import read_frame
from renderer.library.crops import SQUARE, Box, crop_box, cut
from renderer.library.index import Index, decoded
from renderer.library.photos import Numbers, Photo, Photos, Skipped
from renderer.library.reading import THUMBNAIL_PIXELS
from renderer.pixels import Pixels, resize, resize_values
from renderer.progress import Progress

SHORTER_SIDE: Final = 4096
"""Minimum shorter side of decoded covers, and of pictures that parts are cut from, if the decoder can scale."""

PICTURE_CACHE_PIXELS: Final = 40_000_000
"""Maximum total size of the cached decoded pictures that tiles are cut from: 120 MB."""


class Library:
    """Photos ready to be matched and drawn while their indexes are open.

    Memory: 230 bytes per photo. Tile pictures and thumbnails are read on demand.
    """

    def __init__(
        self,
        photos: Photos | Sequence[Photo],
        tiles: Pixels | None = None,
        skipped: Iterable[Skipped] = (),
        *,
        indexes: Sequence[Index] = (),
        pictures: Mapping[Path, Pixels | None] | None = None,
        missing: Iterable[Path] = (),
        ratio: Fraction = SQUARE,
        find_file: Callable[[Photo], Path] | None = None,
    ) -> None:
        """Combine photos with the sources of their pixels.

        `tiles`: (N, H, W, 3) with shorter side 32, required if `photos` are in memory; `ratio`: their W / H.
        `indexes`: the sources of thumbnails. `pictures`: decoded pictures that parts are cut from, None for those that
        are read when they are needed. `missing`: missing files, which are not opened: thumbnails are scaled up.

        `find_file`: returns the file with a photo's content, from any thread, if it is not at the photo's path, as on
        another machine. No thumbnail replaces such a file: what `find_file` raises, and PictureErrors of the file,
        are raised by the methods that draw.
        """
        if not isinstance(photos, Photos):
            if tiles is None:
                raise ValueError("photos in memory need their tiles")
            photos = Photos.of(photos, tiles, ratio)
        self.photos = photos
        self.skipped = list(skipped)
        self.indexes = list(indexes)
        self.pictures = dict(pictures or {})
        self.missing = frozenset(missing)
        self.find_file = find_file
        self._lock = threading.Lock()

    # -- Matching --------------------------------------------------------------------------------------------------

    @property
    def signatures(self) -> Pixels:
        """The signatures that the matcher compares first, (N, 8, 8, 3) in sRGB: 192 bytes per photo."""
        return self.photos.columns.signature

    @property
    def means(self) -> npt.NDArray[np.float32]:
        """Each photo's mean colour, (N, 3) sRGB 0…1."""
        return self.photos.columns.mean

    @cached_property
    def groups(self) -> npt.NDArray[np.int32]:
        """(N,) group of each photo: photos that show the same crop of the same content share one."""
        return np.unique(self.photos.columns.key, return_inverse=True)[1].astype(np.int32).reshape(-1)

    @cached_property
    def tiles(self) -> Pixels:
        """The tile pictures of all photos, (N, H, W, 3): 3 KiB per square, read on first access and cached.

        The shorter side has 32 pixels, the longer one as many as the ratio requires: 48 × 32 for 3:2. Tile pictures of
        landscape and portrait crops are scaled to 32 × 32.
        """
        return self.tiles_of(np.arange(len(self.photos)))

    def tiles_of(self, indices: Numbers) -> Pixels:
        """Return the tile pictures of the photos at these indices, (N, H, W, 3)."""
        return self.photos.tiles_of(indices)

    def take(self, indices: Numbers) -> Library:
        """Return a library of the photos at these indices, in this order, and otherwise unchanged."""
        return self._with_photos(self.photos.take(indices))

    def cropped(self, ratio: Ratio, progress: Progress | None = None) -> Library:
        """Return a library of the same photos with crops of a ratio, width / height, and otherwise unchanged.

        Where it is a photo's own ratio, nothing is cut. A piece of a cover is cut in its middle. What is computed is
        stored in the photos' indexes. Raises RenderError.
        """
        photos = self.photos.cropped(ratio, progress, self._whole_source)
        return self if photos is self.photos else self._with_photos(photos)

    def combined(self, other: Library) -> Library:
        """Return a library of these photos followed by those of another library, with tiles of the same ratio."""
        return self._with(other, self.photos + other.photos)

    def mixed(self, portrait: Library) -> Library:
        """Return a library of these landscape photos followed by portrait ones, whose crops have the inverse ratio."""
        return self._with(portrait, Photos.mixed(self.photos, portrait.photos))

    def tiles_by_size(self) -> Iterator[tuple[Numbers, Pixels]]:
        """Yield the indices of the photos of each ratio, and their tile pictures (N, H, W, 3) in their own ratio."""
        if isinstance(self.photos.ratio, Fraction):
            yield np.arange(len(self.photos)), self.tiles
        else:
            yield from self.photos.tiles_by_size()

    def _with_photos(self, photos: Photos) -> Library:
        return Library(
            photos, None, self.skipped,
            indexes=self.indexes, pictures=self.pictures, missing=self.missing, find_file=self.find_file,
        )  # fmt: skip

    def _with(self, other: Library, photos: Photos) -> Library:
        return Library(
            photos, None, self.skipped,
            indexes=list(dict.fromkeys([*self.indexes, *other.indexes])),
            pictures={**self.pictures, **other.pictures}, missing=self.missing | other.missing,
            find_file=self.find_file or other.find_file,
        )  # fmt: skip

    # -- Drawing ---------------------------------------------------------------------------------------------------

    def tile(self, photo: Photo, width: int, height: int, jpeg: bytes | None = None) -> Pixels:
        """Return a photo's crop, scaled to (height, width, 3), from its thumbnail if that is large enough, or its file.

        Thread-safe. `jpeg`: the photo's from `jpegs`, if they were read before. If the file is missing, damaged or has
        changed since it was indexed, the thumbnail is scaled up. Raises RenderError if there is no thumbnail.
        """
        across, along = photo.crop[2:]
        thumbnail = None
        if min(width, height) <= THUMBNAIL_PIXELS:
            thumbnail = self._thumbnail(photo) if jpeg is None else decoded(jpeg)
        if thumbnail is not None:
            shown = cut(thumbnail, photo.crop, photo.size)
            if _suffices(shown, photo, width, height):
                return resize(shown, width, height)
        shorter = max(-(-min(photo.size) * width // across), -(-min(photo.size) * height // along))
        picture = self._picture(photo, shorter_side=None if photo.is_part else shorter)
        return resize(cut(picture, photo.crop, photo.size), width, height)

    def is_read_from_file(self, photo: Photo, width: int, height: int, jpeg: bytes | None) -> bool:
        """Return whether `tile` reads a photo's file for this size. `jpeg`: the photo's from `jpegs`."""
        from PIL import Image

        if photo.path in self.missing:
            return False
        if jpeg is None or min(width, height) > THUMBNAIL_PIXELS:
            return True
        with Image.open(io.BytesIO(jpeg)) as thumbnail:  # only its header is read
            shown = cut(np.empty((thumbnail.height, thumbnail.width, 0), np.uint8), photo.crop, photo.size)
        return not _suffices(shown, photo, width, height)

    def jpegs(self, photos: Sequence[Photo]) -> list[bytes | None]:
        """Return the JPEGs of the thumbnails of up to 60 photos, which `tile` may need; None for those without."""
        found: list[bytes | None] = [None] * len(photos)
        for index in self.indexes:
            lacking = [
                number
                for number, photo in enumerate(photos)
                if found[number] is None and not photo.is_part and not (self.pictures and photo.path in self.pictures)
            ]
            jpegs = index.jpegs([photos[number] for number in lacking]) if lacking else []
            for number, jpeg in zip(lacking, jpegs, strict=True):
                found[number] = jpeg
        return found

    def whole(self, photo: Photo, width: int, height: int, *, sharp: bool = True) -> Pixels:
        """Return a photo's whole picture (for a part, its crop), scaled to (height, width, 3).

        `sharp`: scaled with Lanczos from all pixels, for still views; otherwise by averaging linear light, as a mip
        level. If the file is missing or has changed since it was indexed, the thumbnail is scaled up. Raises
        RenderError if there is no thumbnail.
        """
        if photo.is_part:
            pixels = self.tile(photo, *photo.crop[2:])
        else:
            pixels = self._picture(photo, shorter_side=None if sharp else min(width, height))
        return (resize_values if sharp else resize)(pixels, width, height)

    def framed(self, photo: Photo, ratio: Fraction, faces: Sequence[Face]) -> Box:
        """Return the largest part with a ratio, width / height, of a photo's whole picture (for a part, of its crop).

        It is placed as the crops of tiles are: around the subject, with as many of the faces inside as fit, or in the
        middle if the photo's index has centred crops. Raises RenderError as `tile` does.
        """
        if photo.is_part:
            return crop_box(self.tile(photo, *photo.own_size), photo.own_size, "smart", faces, ratio)
        crops = (index.rule.crop for index in self.indexes if index.thumbnail(photo) is not None)
        return crop_box(self._whole_source(photo), photo.size, next(crops, "smart"), faces, ratio)

    def changed_in(self, photo: Photo) -> Index | None:
        """Return the index of a photo if its file has since changed in size or modification time; else None.

        The pixels of a changed file are not the photo's. Raises RenderError.
        """
        if photo.is_part:  # pictures that pieces are cut from are not indexed: they are read in this run
            return None
        states = [(index, index.is_unchanged(photo)) for index in self.indexes]
        if any(is_unchanged for _, is_unchanged in states):
            return None
        return next((index for index, is_unchanged in states if is_unchanged is False), None)

    def _thumbnail(self, photo: Photo) -> Pixels | None:
        if photo.is_part or photo.path in self.pictures:
            return None
        found = (index.thumbnail(photo) for index in self.indexes)
        return next((thumbnail for thumbnail in found if thumbnail is not None), None)

    def overview(self, photo: Photo) -> Pixels:
        """Return a photo's whole picture (for a part, its crop), about 256 pixels on the shorter side.

        Raises RenderError as `tile` does.
        """
        pixels = self.tile(photo, *photo.own_size) if photo.is_part else self._whole_source(photo)
        shrink = min(THUMBNAIL_PIXELS / min(pixels.shape[:2]), 1.0)
        width, height = (max(round(side * shrink), 1) for side in pixels.shape[1::-1])
        return resize(pixels, width, height)

    def _whole_source(self, photo: Photo) -> Pixels:
        """Return a photo's whole picture from memory, from its thumbnail, or from its file."""
        thumbnail = self._thumbnail(photo)
        if thumbnail is not None:
            return thumbnail
        return self._picture(photo, shorter_side=1 if photo.path in self.pictures else THUMBNAIL_PIXELS)

    def _picture(self, photo: Photo, shorter_side: int | None) -> Pixels:
        """Return a photo's whole picture, from its file or else its thumbnail; pictures of parts are cached."""
        try:
            return self._read(photo, shorter_side)
        except PictureError as error:
            if self.find_file is not None and photo.path not in self.missing:
                raise
            thumbnail = self._thumbnail(photo)
            if thumbnail is None:
                raise RenderError(f"{error.text}, but could be read earlier in this run: render again") from None
            return thumbnail

    def _read(self, photo: Photo, shorter_side: int | None) -> Pixels:
        """Return the picture in a photo's file, or the decoded one that parts are cut from. Raises PictureError."""
        from renderer.pictures import read_picture

        if photo.time is not None:
            return read_frame(self._file(photo), photo.time).pixels
        if photo.is_part or (photo.path in self.pictures and shorter_side is not None):
            picture = self._cut_picture(photo)
            if photo.is_part or shorter_side is None or min(picture.shape[:2]) >= shorter_side:
                return picture
        return read_picture(self._file(photo), shorter_side=shorter_side).pixels

    def _cut_picture(self, photo: Photo) -> Pixels:
        """Return the picture that parts are cut from; the last ones are cached."""
        from renderer.pictures import read_picture

        with self._lock:
            pixels = self.pictures.get(photo.path)
            if pixels is None:
                pixels = read_picture(self._file(photo), shorter_side=SHORTER_SIDE).pixels
                cached = sum(each.shape[0] * each.shape[1] for each in self.pictures.values() if each is not None)
                if cached + pixels.shape[0] * pixels.shape[1] > PICTURE_CACHE_PIXELS:
                    self.pictures = dict.fromkeys(self.pictures)
                self.pictures[photo.path] = pixels
            return pixels

    def _file(self, photo: Photo) -> Path:
        """Return the file with a photo's content. Raises PictureError, and what `find_file` raises."""
        if photo.path in self.missing:
            raise PictureError(photo.path, "is missing")
        if self.find_file is not None:
            return self.find_file(photo)
        if self.changed_in(photo) is not None:
            raise PictureError(photo.path, "has changed")
        return photo.path


def _suffices(shown: Pixels, photo: Photo, width: int, height: int) -> bool:
    """Return whether the crop of a thumbnail has all the detail that a photo's tile of a size can show.

    The thumbnail of a panorama, or of a photo of which little is shown, may be smaller.
    """
    across, along = photo.crop[2:]
    return bool(shown.shape[1] >= min(width, across) and shown.shape[0] >= min(height, along))
