"""Changes to the photos of an open mosaic: photos that are removed, and photos for specified cells."""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from renderer.errors import InputError
from renderer.grid import find_cell
from renderer.input_files import is_file
from renderer.job.mosaics import OpenMosaic
from renderer.library import SHORTER_SIDE, Library, unknown_photo
from renderer.messages import named
from renderer.names import absolute, normalized
from renderer.paths import expanded
from renderer.placement import PlacementMap
from renderer.progress import Progress
from renderer.settings import ChangeSettings, MatchSettings

if TYPE_CHECKING:
    from renderer.matching.candidates import Indices
    from renderer.matching.repetition import Limits


@dataclass(frozen=True)
class ChangedMosaic:
    """A mosaic after changes."""

    mosaic: OpenMosaic
    cells: int  # number of cells that were changed
    banned: int  # number of photos that were removed


def change_photos(
    mosaic: OpenMosaic, changes: ChangeSettings, progress: Progress, others: Library | None = None
) -> ChangedMosaic:
    """Return a mosaic without banned photos and with those of `changes.swap`; all other cells stay as they are.

    Cells that lose their photo get another one of those offered, or of `others`, which must have the same crops. If
    photos were not compared, these are not either. Raises InputError for unknown photos and cells, and if too few
    photos are left.
    """
    placement, library = mosaic.placement, mosaic.library
    if not mosaic.is_saved:
        placed = mosaic.offered.photos.find(placement.photos)
        library = library.combined(mosaic.offered.take(_without(mosaic.offered, placed)))
    if others is not None:
        library = library.combined(others)
    files = _paths(library)
    library, swaps = _swaps(changes, mosaic, library, files)
    digests = _banned(changes.ban, library, files)
    numbers = library.photos.with_digests(digests)
    for number in swaps.values():
        if number in numbers:
            name = library.photos[number].path.name
            raise InputError(f"{name} is both in {named('swap')} and in {named('ban')}: remove it from one")
    shown = {library.photos[number].digest for number in swaps.values()}
    remembered = sorted({*digests, *_banned_before(placement)} - shown)
    banned = library.photos.with_digests(remembered)
    changed = np.isin(placement.photo, banned)
    changed[list(swaps)] = True
    taken_out = {photo.digest for photo in placement.photos}.intersection(remembered)
    if changed.any():
        change = _edited if mosaic.matched else _unmatched
        placement = change(mosaic, library, banned, swaps, progress)
    placement = replace(placement, recipe={**placement.recipe, "banned": list(remembered)})
    placed_library = library.take(library.photos.find(placement.photos))
    offered = placed_library if mosaic.is_saved else library.take(_without(library, banned))
    edited = replace(mosaic, placement=placement, library=placed_library, offered=offered)
    return ChangedMosaic(edited, int(changed.sum()), len(taken_out))


def _edited(
    mosaic: OpenMosaic, library: Library, banned: Indices, swaps: dict[int, int], progress: Progress
) -> PlacementMap:
    """Return the map of a mosaic after changes. `library`: its photos, in its order, then additional ones."""
    from renderer.matching.editing import edit_map

    placement, read = mosaic.placement, mosaic.cover_reader
    if read is None:
        progress.notice(
            "The cover is not next to the map, so new photos are matched to those that they replace: copy it there, or "
            f"specify {named('cover')} to `render edit`"
        )
    settings = MatchSettings.of_recipe(placement.recipe, "the recipe of the map")
    return edit_map(
        placement, library, None if read is None else np.ascontiguousarray(read(SHORTER_SIDE)[..., :3]), progress,
        banned=banned, swaps=swaps, style=settings.style(), limits=_limits(placement, settings),
        seed=settings.match_seed,
    )  # fmt: skip


def _unmatched(
    mosaic: OpenMosaic, library: Library, banned: Indices, swaps: dict[int, int], _progress: Progress
) -> PlacementMap:
    """Return the map of a mosaic after changes, without comparing photos. `library`: as in `_edited`."""
    placement = mosaic.placement
    left, photo = _without(library, banned), placement.photo.copy()
    if not len(left):
        raise InputError(f"{named('ban')} removes all photos: ban fewer photos")
    lost = np.flatnonzero(np.isin(photo, banned))
    photo[lost] = np.resize(left, len(lost))
    photo[list(swaps)] = list(swaps.values())
    used, index = np.unique(photo.astype(np.int64), return_inverse=True)
    photos = tuple(library.photos.take(used))
    return replace(placement, photo=index.reshape(-1).astype(np.int32), photos=photos)


def _without(library: Library, numbers: Indices) -> Indices:
    """Return the indices of the photos of a library except some."""
    return np.setdiff1d(np.arange(len(library.photos)), numbers)


def _paths(library: Library) -> list[Path]:
    """Return the paths of a library's photos in the form in which they are compared."""
    return [Path(normalized(str(file))) for file, _ in library.photos.dates()]


def _swaps(
    changes: ChangeSettings, mosaic: OpenMosaic, library: Library, files: list[Path]
) -> tuple[Library, dict[int, int]]:
    """Return the library with the photos that it lacked, and the index of the photo for each swapped cell.

    `files`: the paths of the library's photos; those of added photos are appended.
    """
    swaps: dict[int, int] = {}
    for position, name in changes.swaps().items():
        cell = find_cell(mosaic.placement.grid, position, "swap")
        file = absolute(name)
        whole = Path(normalized(str(file)))
        numbers = [number for number, path in enumerate(files) if path == whole] or _named(name, files)
        numbers = [number for number in numbers if not library.photos[number].is_part] or numbers
        if len({library.photos[number].digest for number in numbers}) > 1:
            swap = named("swap", f"{position.column},{position.row}={name}")
            paths = " and ".join(str(files[number]) for number in numbers[:3])
            raise InputError(f"{swap} matches more than one photo, {paths}: specify more of the path")
        if not numbers:
            if not is_file(file):
                raise InputError(
                    f"{unknown_photo(name, library.photos, 'swap')} ({named('tiles', 'FOLDER')} adds others)"
                )
            added = mosaic.archive.open_files([file])
            if added.skipped:
                raise InputError(f"{named('swap', file)} {added.skipped[0].reason}: choose another photo")
            numbers = [len(files)]
            library = library.combined(added.cropped(library.photos.ratio))
            files += _paths(added)
        swaps[cell] = numbers[0]
    return library, swaps


def _banned(texts: Iterable[str], library: Library, files: Sequence[Path]) -> list[str]:
    """Return the digests of the photos that match paths, names and patterns. `files`: the paths of the photos."""
    numbers: set[int] = set()
    for text in texts:
        pattern = expanded(text)
        # A name may contain the characters of a pattern, as a[1].jpg does, and then does not match a1.jpg.
        form = normalized(str(pattern))
        found = _named(text, files) or [
            number for number, file in enumerate(files) if pattern.name and file.match(form)
        ]
        if not found and glob.has_magic(text):
            raise InputError(f"{named('ban', text)} matches no photo of this mosaic: check the pattern")
        if not found:
            raise InputError(unknown_photo(text, library.photos, "ban"))
        numbers.update(found)
    return sorted({library.photos[number].digest for number in numbers})


def _named(text: str, files: Sequence[Path]) -> list[int]:
    """Return the indices of the files whose path, end of the path, or name without extension is `text`."""
    own = Path(normalized(str(expanded(text)))).parts
    whole, stem = Path(normalized(str(absolute(text)))), normalized(text)
    return [
        index
        for index, file in enumerate(files)
        if own and (file.parts[-len(own) :] == own or file == whole or file.stem == stem)
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
