"""A saved map with other photos: some taken out, some put where they are wanted."""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from renderer.errors import InputError
from renderer.grid import Grid, find_cell
from renderer.input_files import is_file
from renderer.job.inputs import check_cover, cover_of, open_library
from renderer.job.outputs import check_suffix
from renderer.job.settings import MatchSettings, TileSettings
from renderer.library import SHORTER_SIDE, Archive, Library, no_photo, reopen
from renderer.matching.editing import edit_map
from renderer.matching.repetition import Limits
from renderer.names import normal, on_disk
from renderer.output_files import check_writable
from renderer.parameters import Validated, parameter, parse_cell, read_values
from renderer.paths import expanded
from renderer.pictures import read_picture
from renderer.placement import MAP_SUFFIX, JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Progress, Silent


@dataclass(frozen=True)
class EditSettings(Validated):
    """What is to be changed."""

    ban: tuple[str, ...] = parameter(
        (), "Take a photo out wherever it is: its path, its name, or a pattern such as 'screenshots/*'; may be repeated"
    )
    swap: tuple[str, ...] = parameter(
        (), "COLUMN,ROW=PHOTO: show a photo, by its path or name, in a cell, counted from 0; may be repeated"
    )
    cover: Path | None = parameter(None, "The cover, where it does not lie beside the map: new photos are fitted to it")


@dataclass(frozen=True)
class EditResult:
    """What came of it."""

    output: Path
    placement: PlacementMap
    changed: int  # cells
    banned: int  # photos taken out

    def as_json(self) -> dict[str, JsonValue]:
        """As one JSON object."""
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
    """Change a `.mosaic` file's photos and write it to `output`, which may be the same file if `overwrite`.

    Cells that lose their photo get another one of the map, or of `tiles`, if any are given. What is banned stays so in
    later edits, until it is swapped in. Raises RenderError; InputError for what names no photo or no cell.
    """
    progress, tiles = progress or Silent(), tiles or TileSettings()
    path = check_cover(path)
    check_suffix(path, (MAP_SUFFIX,), "render edit")
    check_suffix(output, (MAP_SUFFIX,))
    check_writable(output, overwrite=overwrite)
    if not edit.ban and not edit.swap:
        raise InputError("nothing is to be changed: give --ban PHOTO, or --swap COLUMN,ROW=PHOTO")
    if tiles.filter() and not tiles.tiles:
        raise InputError(f"{tiles.filter()} has no effect without --tiles, of which it leaves out some: give both")
    with Archive(progress, library_dir=tiles.library_dir, crop=tiles.crop, video_frames=tiles.video_frames) as archive:
        placement = load_map(path)
        library = reopen(archive, placement.photos, progress, tiles.tiles)
        placement = replace(placement, photos=tuple(library.photos))
        if tiles.tiles and (others := open_library(tiles, archive, progress)) is not None:
            library = library.joined(others)
        files = [file for file, _ in library.photos.taken()]
        library, swaps = _swaps(edit.swap, placement.grid, library, files, archive)
        digests = _banned(edit.ban, library, files)
        banned = library.photos.holding(digests)
        for number in swaps.values():
            if number in banned:
                name = library.photos[number].path.name
                raise InputError(f"{name} is both wanted by --swap and taken out by --ban: leave one of them out")
        shown = {library.photos[number].digest for number in swaps.values()}
        remembered = sorted({*digests, *_banned_before(placement)} - shown)
        cover = cover_of(path, placement, edit.cover)
        if cover is None:
            progress.notice(
                "The cover is not beside the map: new photos are fitted to what those before them showed; --cover "
                "names it"
            )
        pixels = None if cover is None else read_picture(cover, shorter_side=SHORTER_SIDE).pixels
        settings = _settings(placement, path)
        edited = edit_map(
            placement, library, pixels, progress, banned=library.photos.holding(remembered), swaps=swaps,
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
    """The photo by its number for each cell that one is wanted in, and the library with those that were not in it.

    files: those of the library's photos; what is added to it is added here.
    """
    swaps: dict[int, int] = {}
    for text in texts:
        place, _, name = text.partition("=")
        try:
            wanted = parse_cell(place, "swap")
        except InputError:
            name = ""
        if not name:
            raise InputError(f"--swap {text} is not COLUMN,ROW=PHOTO, such as 31,12=beach.jpg")
        cell = find_cell(grid, wanted, "swap")
        if cell in swaps:
            raise InputError(f"--swap {text} is about a cell that another --swap is about: leave one of them out")
        file = on_disk(expanded(name).absolute())
        numbers = [number for number, path in enumerate(files) if path == file] or _named(name, files)
        numbers = [number for number in numbers if not library.photos[number].is_part] or numbers
        if len({library.photos[number].digest for number in numbers}) > 1:
            paths = " and ".join(str(files[number]) for number in numbers[:3])
            raise InputError(f"--swap {text} is more than one photo, {paths}: give more of the path")
        if not numbers:
            if not is_file(file):
                raise InputError(f"{no_photo(name, library.photos, '--swap')}; --tiles FOLDER offers others")
            added = archive.open_files([file])
            if added.skipped:
                raise InputError(f"--swap {file} {added.skipped[0].reason}: give another photo")
            numbers = [len(files)]
            library = library.joined(added)
            files += [path for path, _ in added.photos.taken()]
        swaps[cell] = numbers[0]
    return library, swaps


def _banned(texts: Sequence[str], library: Library, files: Sequence[Path]) -> list[str]:
    """The digests of the photos that paths, names and patterns mean; files: those of the library's photos."""
    numbers: set[int] = set()
    for text in texts:
        pattern = expanded(text)
        # A name may hold the signs of a pattern, as a[1].jpg does, and is then not one for a1.jpg.
        form = normal(str(pattern))
        meant = _named(text, files) or [
            number for number, file in enumerate(files) if pattern.name and Path(normal(str(file))).match(form)
        ]
        if not meant and glob.has_magic(text):
            raise InputError(f"--ban {text} fits no photo of this mosaic: check the pattern")
        if not meant:
            raise InputError(no_photo(text, library.photos, "--ban"))
        numbers.update(meant)
    return sorted({library.photos[number].digest for number in numbers})


def _named(text: str, files: Sequence[Path]) -> list[int]:
    """The places of the files that a path, the end of one, or a name without its ending means."""
    path = Path(normal(str(expanded(text))))
    own, whole = path.parts, Path(normal(str(path.absolute())))
    forms = (Path(normal(str(file))) for file in files)
    return [
        place
        for place, file in enumerate(forms)
        if own and (file.parts[-len(own) :] == own or file == whole or file.stem == normal(text))
    ]


def _banned_before(placement: PlacementMap) -> set[str]:
    """The digests of the photos that earlier edits took out."""
    kept = placement.recipe.get("banned")
    digests = map(str, kept) if isinstance(kept, list) else ()
    return {digest for digest in digests if re.fullmatch("([0-9a-f]{2})+", digest)}


def _settings(placement: PlacementMap, path: Path) -> MatchSettings:
    """How a map was matched, as far as its recipe says."""
    recipe = placement.recipe
    known = {name: recipe[name] for name in MatchSettings().recipe() if recipe.get(name) is not None}
    return MatchSettings(**read_values(MatchSettings, known, f"the recipe of {path.name}"))


def _limits(placement: PlacementMap, settings: MatchSettings) -> list[Limits]:
    """The rules that a map keeps, the strictest first: what was left open gives way where photos are too few."""
    match placement.recipe.get("limits"):
        case {"uses": int(uses), "distance": int(distance)} if uses > 0 and distance >= 0:
            # Beyond these there is no more to forbid, whatever a file says.
            uses, distance = min(uses, len(placement)), min(distance, math.ceil(max(placement.size)))
        case _:
            return [Limits(len(placement), 0, use_all=False)]
    asked = settings.unique or settings.max_uses is not None
    doublings = (len(placement) // uses).bit_length()
    often = [uses] if asked else [min(uses << doubling, len(placement)) for doubling in range(doublings + 1)]
    nearer = range(distance - 1, -1, -1) if settings.repeat_distance is None else ()
    pairs = [*((most, distance) for most in often), *((often[-1], apart) for apart in nearer)]
    return [Limits(most, apart, use_all=False) for most, apart in pairs]
