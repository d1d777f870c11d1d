"""Editing a saved map: replacing photos, and choosing the photos of cells."""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from renderer.cover_names import MAP_SUFFIX
from renderer.errors import InputError
from renderer.grid import Grid, find_cell
from renderer.input_files import is_file
from renderer.job.inputs import check_cover, cover_of, open_archive, open_library
from renderer.job.mosaics import cover_reader
from renderer.job.outputs import check_suffix
from renderer.library import SHORTER_SIDE, Archive, Library, reopen, unknown_photo
from renderer.messages import named
from renderer.names import absolute, normalized
from renderer.output_files import check_writable
from renderer.parameters import parse_cell
from renderer.paths import expanded
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Progress, Silent
from renderer.settings import EditSettings, MatchSettings, TileSettings

if TYPE_CHECKING:
    from renderer.matching.repetition import Limits


@dataclass(frozen=True)
class EditResult:
    """The result of an edit."""

    output: Path
    placement: PlacementMap
    changed: int  # number of cells
    banned: int  # number of photos removed

    def as_json(self) -> dict[str, JsonValue]:
        """Return the result as one JSON object."""
        return {
            "output": str(self.output),
            "cells": len(self.placement),
            "changed_cells": self.changed,
            "banned_photos": self.banned,
            "distinct_photos": len(self.placement.photos),
            "recipe": self.placement.recipe,
        }


def edit_mosaic(
    path: Path,
    output: Path,
    edit: EditSettings,
    tiles: TileSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> EditResult:
    """Change the photos of a `.mosaic` file and write it to `output`, which may be the same file if `overwrite` is set.

    Cells that lose their photo get another one of the map, or of `tiles`, if specified. Banned photos stay banned in
    later edits, until one is swapped in. Raises InputError for unknown photos and cells, and other RenderErrors.
    """
    progress, tiles = progress or Silent(), tiles or TileSettings()
    path = check_cover(path)
    check_suffix(path, (MAP_SUFFIX,), None)
    check_suffix(output, (MAP_SUFFIX,))
    check_writable(output, overwrite=overwrite)
    if not edit.ban and not edit.swap:
        raise InputError(f"No change is specified: use {named('ban', 'PHOTO')} or {named('swap', 'COLUMN,ROW=PHOTO')}")
    if tiles.filter() and not tiles.tiles:
        raise InputError(f"{tiles.filter()} requires {named('tiles')}, the photos that it filters: specify both")
    with open_archive(tiles, progress) as archive:
        placement = load_map(path)
        ratio = placement.shape.crop_ratio
        library = reopen(archive, placement.photos, progress, tiles.tiles, ratio)
        placement = replace(placement, photos=tuple(library.photos))
        if tiles.tiles and (others := open_library(tiles, archive, progress)) is not None:
            library = library.combined(others.cropped(ratio, progress))
        files = [file for file, _ in library.photos.dates()]
        library, swaps = _swaps(edit.swap, placement.grid, library, files, archive)
        digests = _banned(edit.ban, library, files)
        banned = library.photos.with_digests(digests)
        for number in swaps.values():
            if number in banned:
                name = library.photos[number].path.name
                raise InputError(f"{name} is both in {named('swap')} and in {named('ban')}: remove it from one")
        shown = {library.photos[number].digest for number in swaps.values()}
        remembered = sorted({*digests, *_banned_before(placement)} - shown)
        cover = cover_of(path, placement, edit.cover)
        if cover is None and placement.made_cover is None:
            progress.notice(
                "The cover is not next to the map, so new photos are matched to those that they replace: specify "
                f"{named('cover')} to match them to the cover"
            )
        from renderer.matching.editing import edit_map

        read = cover_reader(placement, cover)
        pixels = None if read is None else np.ascontiguousarray(read(SHORTER_SIDE)[..., :3])
        settings = MatchSettings.of_recipe(placement.recipe, f"the recipe of {path.name}")
        edited = edit_map(
            placement, library, pixels, progress, banned=library.photos.with_digests(remembered), swaps=swaps,
            style=settings.style(), limits=_limits(placement, settings), seed=settings.match_seed,
        )  # fmt: skip
        edited = replace(edited, recipe={**edited.recipe, "banned": list(remembered)})
        save_map(edited, output, overwrite=overwrite)
    taken_out = {photo.digest for photo in placement.photos} & set(digests)
    changed = np.isin(placement.photo, banned)
    changed[list(swaps)] = True
    return EditResult(output, edited, int(changed.sum()), len(taken_out))


def _swaps(
    texts: Sequence[str], grid: Grid, library: Library, files: list[Path], archive: Archive
) -> tuple[Library, dict[int, int]]:
    """Return the library with the photos that it lacked, and the index of the photo for each swapped cell.

    `files`: the files of the library's photos; those of added photos are appended.
    """
    swaps: dict[int, int] = {}
    for text in texts:
        position, _, name = text.partition("=")
        swap = named("swap", text)
        try:
            target = parse_cell(position, "swap")
        except InputError:
            name = ""
        if not name:
            raise InputError(f"{swap} is not COLUMN,ROW=PHOTO, such as 31,12=beach.jpg")
        cell = find_cell(grid, target, "swap")
        if cell in swaps:
            raise InputError(f"{swap} is for the same cell as another {named('swap')}: remove one of them")
        file = absolute(name)
        numbers = [number for number, path in enumerate(files) if path == file] or _named(name, files)
        numbers = [number for number in numbers if not library.photos[number].is_part] or numbers
        if len({library.photos[number].digest for number in numbers}) > 1:
            paths = " and ".join(str(files[number]) for number in numbers[:3])
            raise InputError(f"{swap} matches more than one photo, {paths}: specify more of the path")
        if not numbers:
            if not is_file(file):
                raise InputError(
                    f"{unknown_photo(name, library.photos, 'swap')} ({named('tiles', 'FOLDER')} adds others)"
                )
            added = archive.open_files([file])
            if added.skipped:
                raise InputError(f"{named('swap', file)} {added.skipped[0].reason}: choose another photo")
            numbers = [len(files)]
            library = library.combined(added.cropped(library.photos.ratio))
            files += [path for path, _ in added.photos.dates()]
        swaps[cell] = numbers[0]
    return library, swaps


def _banned(texts: Sequence[str], library: Library, files: Sequence[Path]) -> list[str]:
    """Return the digests of the photos that match paths, names and patterns. `files`: the files of the photos."""
    numbers: set[int] = set()
    for text in texts:
        pattern = expanded(text)
        # A name may contain the characters of a pattern, as a[1].jpg does, and then does not match a1.jpg.
        form = normalized(str(pattern))
        found = _named(text, files) or [
            number for number, file in enumerate(files) if pattern.name and Path(normalized(str(file))).match(form)
        ]
        if not found and glob.has_magic(text):
            raise InputError(f"{named('ban', text)} matches no photo of this mosaic: check the pattern")
        if not found:
            raise InputError(unknown_photo(text, library.photos, "ban"))
        numbers.update(found)
    return sorted({library.photos[number].digest for number in numbers})


def _named(text: str, files: Sequence[Path]) -> list[int]:
    """Return the indices of the files whose path, end of the path, or name without extension is `text`."""
    path = Path(normalized(str(expanded(text))))
    own, whole = path.parts, Path(normalized(str(absolute(text))))
    forms = (Path(normalized(str(file))) for file in files)
    return [
        index
        for index, file in enumerate(forms)
        if own and (file.parts[-len(own) :] == own or file == whole or file.stem == normalized(text))
    ]


def _banned_before(placement: PlacementMap) -> set[str]:
    """Return the digests of the photos that earlier edits banned."""
    banned = placement.recipe.get("banned")
    digests = map(str, banned) if isinstance(banned, list) else ()
    return {digest for digest in digests if re.fullmatch("([0-9a-f]{2})+", digest)}


def _limits(placement: PlacementMap, settings: MatchSettings) -> list[Limits]:
    """Return the limits for editing a map, the strictest first; automatic ones are relaxed for too few photos."""
    from renderer.matching.repetition import Limits

    match placement.recipe.get("limits"):
        case {"uses": int(uses), "distance": int(distance)} if uses > 0 and distance >= 0:
            # Larger values, which a damaged file may have, mean the same.
            uses, distance = min(uses, len(placement)), min(distance, math.ceil(max(placement.size)))
        case _:
            return [Limits(len(placement), 0, use_all=False)]
    fixed = settings.unique or settings.max_uses is not None
    doublings = (len(placement) // uses).bit_length()
    max_uses = [uses] if fixed else [min(uses << doubling, len(placement)) for doubling in range(doublings + 1)]
    shorter = range(distance - 1, -1, -1) if settings.repeat_distance is None else ()
    pairs = [*((count, distance) for count in max_uses), *((max_uses[-1], apart) for apart in shorter)]
    return [Limits(count, apart, use_all=False) for count, apart in pairs]
