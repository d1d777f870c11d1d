"""Finding the photos of a saved map at their current paths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from renderer.descriptors import TILE_PIXELS, blocks
from renderer.errors import InputError
from renderer.input_files import is_file
from renderer.library.archive import Archive
from renderer.library.index import BLOCK, Index
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.parts import parts_of
from renderer.library.photos import Photo
from renderer.library.reading import cut, file_digest, thumbnail_of, tile_of
from renderer.messages import named
from renderer.names import list_names
from renderer.pixels import Pixels
from renderer.progress import Progress


def reopen(archive: Archive, photos: Sequence[Photo], progress: Progress, sources: Sequence[str] = ()) -> Library:
    """Return a library of these photos, in this order, with the current paths of those that have moved.

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
        photo if (path := paths[photo.path, photo.digest]) in (None, photo.path) else replace(photo, path=path)
        for photo in photos
    ]
    missing = {content[0] for content, path in paths.items() if path is None}
    if missing:
        fix = f"use {named('tiles', 'FOLDER')} to find photos that have moved"
        without = {photo.path for photo in current if photo.path in missing and not _has_thumbnail(photo, indexes)}
        if without:
            raise InputError(f"{_missing_or_changed(without)}: {fix}, or match again")
        progress.notice(f"{_missing_or_changed(missing)}. Thumbnails are shown instead: {fix}")
    pictures: dict[Path, Pixels] = {}
    parts: dict[tuple[Path, tuple[int, int, int]], Pixels] = {}
    for path, digest in {(photo.path, photo.digest): None for photo in current if photo.is_part}:
        picture = read_picture(path, shorter_side=SHORTER_SIDE)
        pictures[path] = picture.pixels
        parts.update({(path, photo.crop): tile for photo, tile in zip(*parts_of(path, picture, digest), strict=True)})
    # The source of tiles that are neither in an index nor cut above.
    source = Library(
        [], np.empty((0, TILE_PIXELS, TILE_PIXELS, 3), np.uint8), indexes=indexes, pictures=pictures, missing=missing
    )
    tiles = np.empty((len(current), TILE_PIXELS, TILE_PIXELS, 3), np.uint8)
    for batch in blocks(len(current), BLOCK):
        stored = [each.squares(current[batch]) for each in indexes]
        for number, (photo, *squares) in enumerate(zip(current[batch], *stored, strict=True), batch.start):
            if photo.is_part:
                tile = parts.get((photo.path, photo.crop))
            elif photo.path in pictures:
                tile = tile_of(cut(thumbnail_of(pictures[photo.path]), photo.crop, photo.size))[0]
            else:
                tile = next((square for square in squares if square is not None), None)
            tiles[number] = source.square(photo, TILE_PIXELS) if tile is None else tile
    return Library(current, tiles, skipped, indexes=indexes, pictures=pictures, missing=missing)


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


def _has_thumbnail(photo: Photo, indexes: Sequence[Index]) -> bool:
    return not photo.is_part and any(index.thumbnail(photo) is not None for index in indexes)
