"""Editing a saved map: replacing photos, and choosing the photos of cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from renderer.cover_names import MAP_SUFFIX
from renderer.errors import InputError
from renderer.job.inputs import change, check_cover, cover_of, open_tiles, reopened
from renderer.job.outputs import check_suffix
from renderer.messages import named
from renderer.output_files import check_writable
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Progress, Silent
from renderer.settings import EditSettings, TileSettings


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
    if not edit.changes_photos:
        raise InputError(f"No change is specified: use {named('ban', 'PHOTO')} or {named('swap', 'COLUMN,ROW=PHOTO')}")
    if tiles.filter() and not tiles.tiles:
        raise InputError(f"{tiles.filter()} requires {named('tiles')}, the photos that it filters: specify both")
    with open_tiles(tiles, progress) as source:
        placement = load_map(path)
        mosaic = reopened(placement, tiles, source.archive, progress, cover_of(path, placement, edit.cover), path)
        changed = change(mosaic, edit, source, progress)
        save_map(changed.mosaic.placement, output, overwrite=overwrite)
    return EditResult(output, changed.mosaic.placement, changed.cells, changed.banned)
