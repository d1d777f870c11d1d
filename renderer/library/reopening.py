"""The photos of a saved map, found again where they are now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from renderer.descriptors import TILE_PIXELS
from renderer.errors import InputError
from renderer.input_files import is_file
from renderer.library.archive import Archive
from renderer.library.index import Index
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.parts import parts_of
from renderer.library.photos import Photo
from renderer.library.reading import cut, file_digest, thumbnail_of, tile_of
from renderer.names import first_names
from renderer.pictures import Pixels, read_picture
from renderer.progress import Progress


def reopen(archive: Archive, photos: Sequence[Photo], progress: Progress, sources: Sequence[str] = ()) -> Library:
    """A library of just these photos, in this order; those that have moved with their new paths.

    They are found by their content in every index, and in `sources`, which are looked through only if some are not
    where they were. One that is found nowhere is shown from its thumbnail. Raises InputError that names those of
    which there is nothing at all.
    """
    indexes = archive.all_indexes()
    contents = {(photo.path, photo.digest): photo for photo in photos}
    cut_from = {photo.path for photo in photos if photo.is_part}  # covers: in no index, but at hand below
    new = [
        photo.path
        for photo in contents.values()
        if photo.path not in cut_from
        and photo.time is None
        and is_file(photo.path)
        and not _is_at(photo, photo.path, indexes)
    ]
    skipped = archive.open_files(new).skipped if new else []
    where = {content: _where(photo, indexes, cut_from) for content, photo in contents.items()}
    if sources and None in where.values():
        indexes = list(dict.fromkeys([*indexes, *archive.open(sources).indexes]))
        where = {content: _where(photo, indexes, cut_from) for content, photo in contents.items()}
    here = [replace(photo, path=where[photo.path, photo.digest] or photo.path) for photo in photos]
    missing = {content[0] for content, path in where.items() if path is None}
    if missing:
        without = {photo.path for photo in here if photo.path in missing and not _thumbnail(photo, indexes)}
        if without:
            raise InputError(
                f"{first_names(sorted(map(str, without)))} of this map, gone or changed since it was saved: --tiles "
                "FOLDER finds photos where they are now, or match anew"
            )
        progress.notice(
            f"{first_names(sorted(map(str, missing)))} of this map, gone or changed since it was saved: shown from "
            "thumbnails; --tiles FOLDER finds photos where they are now"
        )
    pictures: dict[Path, Pixels] = {}
    parts: dict[tuple[Path, tuple[int, int, int]], Pixels] = {}
    for path, digest in {(photo.path, photo.digest): None for photo in here if photo.is_part}:
        picture = read_picture(path, shorter_side=SHORTER_SIDE)
        pictures[path] = picture.pixels
        parts.update({(path, photo.crop): tile for photo, tile in zip(*parts_of(path, picture, digest), strict=True)})
    # What has a file or a thumbnail can be made into a tile; most lie in an index or were cut just now.
    source = Library(
        [], np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8), indexes=indexes, pictures=pictures, missing=missing
    )
    tiles = np.empty((len(here), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
    for number, photo in enumerate(here):
        if photo.is_part:
            tile = parts.get((photo.path, photo.crop))
        elif photo.path in pictures:
            tile = tile_of(cut(thumbnail_of(pictures[photo.path]), photo.crop, photo.size))[0]
        else:
            tile = next((tile for index in indexes if (tile := index.tile(photo)) is not None), None)
        tiles[number] = source.square(photo, TILE_PIXELS) if tile is None else tile
    return Library(here, tiles, skipped, indexes=indexes, pictures=pictures, missing=missing)


def _where(photo: Photo, indexes: Sequence[Index], cut_from: Collection[Path]) -> Path | None:
    """A file that holds the content of a photo now."""
    if _is_at(photo, photo.path, indexes, unknown=photo.path in cut_from or photo.time is not None):
        return photo.path
    places = (path for index in indexes for path in index.places_of(photo))
    return next((path for path in places if _is_at(photo, path, indexes)), None)


def _is_at(photo: Photo, path: Path, indexes: Sequence[Index], *, unknown: bool = False) -> bool:
    """Whether a file, as it is now, holds the content of a photo; one that is `unknown` is hashed if need be."""
    if not is_file(path):
        return False
    known = {index.digest_at(path) for index in indexes} - {None}
    if not known and unknown:
        known = {file_digest(path)}
    return photo.digest in known


def _thumbnail(photo: Photo, indexes: Sequence[Index]) -> bool:
    return not photo.is_part and any(index.thumbnail(photo) is not None for index in indexes)
