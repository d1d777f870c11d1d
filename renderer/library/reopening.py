"""Finding the photos of a saved map at their current paths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from renderer.descriptors import Ratio, blocks, ratio_of, tile_size
from renderer.errors import InputError
from renderer.faces import Face
from renderer.input_files import is_file
from renderer.library.archive import Archive
from renderer.library.crop_tables import BLOCK
from renderer.library.crops import SQUARE, Box, cut, tile_of
from renderer.library.index import Index
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.parts import parts_of
from renderer.library.photos import Photo, Photos
from renderer.library.reading import file_digest, thumbnail_of
from renderer.messages import named
from renderer.names import list_names
from renderer.pixels import Pixels
from renderer.progress import Progress


def reopen(
    archive: Archive,
    photos: Sequence[Photo],
    progress: Progress,
    sources: Sequence[str] = (),
    ratio: Ratio = SQUARE,
) -> Library:
    """Return a library of these photos, in this order, with the current paths of those that have moved.

    `ratio`: width / height of their crops, except for rounding.

    Photos are found by their content in every index, and in `sources`, which are searched only if some are missing. A
    missing photo is shown from its thumbnail. Raises InputError, which names the missing photos without a thumbnail.
    """
    from renderer.pictures import read_picture

    indexes = archive.all_indexes()
    contents = {(photo.path, photo.digest): photo for photo in photos}
    cut_from = {photo.path for photo in photos if photo.is_part}  # covers: not indexed, but read below
    known = _digests_at({path for path, _ in contents}, indexes)
    new = [
        photo.path
        for photo in contents.values()
        if photo.path not in cut_from
        and photo.time is None
        and photo.digest not in known.get(photo.path, ())
        and is_file(photo.path)
    ]
    skipped = archive.open_files(new).skipped if new else []
    known.update(_digests_at(new, indexes))
    paths = {content: _current_path(photo, known, indexes, cut_from) for content, photo in contents.items()}
    if sources and None in paths.values():
        indexes = list(dict.fromkeys([*indexes, *archive.open(sources).indexes]))
        known = _digests_at({path for path, _ in contents}, indexes)
        paths = {content: _current_path(photo, known, indexes, cut_from) for content, photo in contents.items()}
    current = [
        photo
        if (path := paths[photo.path, photo.digest] or photo.path) == photo.path and faces == photo.faces
        else replace(photo, path=path, faces=faces)
        for photo, faces in zip(photos, _faces_of(photos, indexes), strict=True)
    ]
    missing = {content[0] for content, path in paths.items() if path is None}
    if missing:
        fix = f"use {named('tiles', 'FOLDER')} to find photos that have moved"
        without = {photo.path for photo in current if photo.path in missing and not _has_thumbnail(photo, indexes)}
        if without:
            raise InputError(f"{_missing_or_changed(without)}: {fix}, or match again")
        progress.notice(f"{_missing_or_changed(missing)}. Thumbnails are shown instead: {fix}")
    cut_pictures = {
        (path, digest): read_picture(path, shorter_side=SHORTER_SIDE)
        for path, digest in {(photo.path, photo.digest): None for photo in current if photo.is_part}
    }
    pictures = {path: picture.pixels for (path, _), picture in cut_pictures.items()}

    def with_tiles(some: Sequence[Photo], ratio: Fraction) -> Library:
        found = (parts_of(path, picture, digest, ratio=ratio) for (path, digest), picture in cut_pictures.items())
        parts = {(photo.path, photo.crop): tile for each in found for photo, tile in zip(*each, strict=True)}
        tiles = _tiles(some, ratio, parts, Library(Photos([]), indexes=indexes, pictures=pictures, missing=missing))
        return Library(some, tiles, skipped, indexes=indexes, pictures=pictures, missing=missing, ratio=ratio)

    if isinstance(ratio, Fraction):
        return with_tiles(current, ratio)
    upright = np.array([photo.is_upright for photo in current], bool)
    kinds = np.flatnonzero(~upright), np.flatnonzero(upright)
    landscape, portrait = (
        with_tiles([current[number] for number in numbers.tolist()], ratio_of(ratio, is_upright=is_upright))
        for numbers, is_upright in zip(kinds, (False, True), strict=True)
    )
    return landscape.mixed(portrait).take(np.argsort(np.concatenate(kinds)))


def _tiles(
    photos: Sequence[Photo], ratio: Fraction, parts: Mapping[tuple[Path, Box], Pixels], source: Library
) -> Pixels:
    """Return the tile pictures of photos, (N, H, W, 3): stored ones, or `parts`, or new ones from `source`."""
    width, height = tile_size(ratio)
    tiles = np.empty((len(photos), height, width, 3), np.uint8)
    for batch in blocks(len(photos), BLOCK):
        stored = [each.tiles_of(photos[batch], ratio) for each in source.indexes]
        for number, (photo, *found_tiles) in enumerate(zip(photos[batch], *stored, strict=True), batch.start):
            if photo.is_part:
                tile = parts.get((photo.path, photo.crop))
            elif (picture := source.pictures.get(photo.path)) is not None:
                tile = tile_of(cut(thumbnail_of(picture), photo.crop, photo.size), ratio).pixels
            else:
                tile = next((each for each in found_tiles if each is not None), None)
            tiles[number] = source.tile(photo, width, height) if tile is None else tile
    return tiles


def _missing_or_changed(paths: Collection[Path]) -> str:
    """Return the start of the messages about photos that can't be found."""
    count = "1 photo of this map is" if len(paths) == 1 else f"{len(paths):,} photos of this map are"
    return f"{count} missing or changed ({list_names(sorted(map(str, paths)))})"


def _current_path(
    photo: Photo, known: Mapping[Path, Collection[str]], indexes: Sequence[Index], cut_from: Collection[Path]
) -> Path | None:
    """Return a file that now has the content of a photo; None if there is none.

    `known`: the digests of unchanged files, as the indexes have them.
    """
    path = photo.path
    if photo.digest in known.get(path, ()):
        return path
    may_hash = path not in known and (path in cut_from or photo.time is not None)
    if may_hash and is_file(path) and file_digest(path) == photo.digest:
        return path
    others = (other for index in indexes for other in index.paths_of(photo))
    return next((other for other in others if photo.digest in _digests_at([other], indexes).get(other, ())), None)


def _digests_at(paths: Iterable[Path], indexes: Sequence[Index]) -> dict[Path, set[str]]:
    """Return the digests that indexes have of files, without files that have changed or that no index has."""
    digests: dict[Path, set[str]] = {}
    paths = list(paths)
    for index in indexes:
        for path, digest in index.digests_at(paths).items():
            digests.setdefault(path, set()).add(digest)
    return digests


def _faces_of(photos: Sequence[Photo], indexes: Sequence[Index]) -> list[tuple[Face, ...]]:
    """Return the faces of each photo, which maps do not contain; none of pieces of a cover."""
    stored = [index.faces_of(photos) for index in indexes]
    return [
        () if photo.is_part else next((faces for faces in found if faces), ())
        for photo, *found in zip(photos, *stored, strict=True)
    ]


def _has_thumbnail(photo: Photo, indexes: Sequence[Index]) -> bool:
    return not photo.is_part and any(index.thumbnail(photo) is not None for index in indexes)
