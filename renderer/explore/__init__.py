"""A page in which one explores a mosaic, and finds a photo in it: one HTML file, or with photos beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.cover_names import MAP_SUFFIX, CoverName
from renderer.deep_zoom_files import check_deep_zoom
from renderer.errors import InputError
from renderer.explore.captions import read_captions
from renderer.explore.originals import check_originals, folder_of
from renderer.explore.page import SavedMap, write_page
from renderer.formats import is_stream
from renderer.job import OpenMosaic, check_beside, check_cover_name, open_mosaic
from renderer.job.deep_zoom import DeepZoom, write_deep_zoom
from renderer.job.outputs import VIDEO_SUFFIXES, check_not_among, check_not_input
from renderer.messages import FormatCommand, named
from renderer.output_files import check_writable
from renderer.placement import JsonValue
from renderer.progress import Progress, Silent, Timed
from renderer.settings import ExploreSettings, MatchSettings
from renderer.stills import STILL_SUFFIXES

__all__ = ["Explored", "explore", "folder_of", "page_path"]

_SUFFIXES: Final = (".html", ".htm")

_OF_PAGE: Final = ("title", "captions", "names", "intro", "originals", "page_size")

DEEP_ZOOM_TILE: Final = 256
"""Default side of a cell in the largest level of a Deep Zoom image: there, photos have no tone."""


@dataclass(frozen=True)
class Explored:
    """The files that were written."""

    page: Path | None
    photos: Path | None  # the folder of photos in full size
    deep_zoom: DeepZoom | None
    seconds: float
    mosaic: OpenMosaic

    def as_json(self) -> dict[str, JsonValue]:
        """Return it as a JSON object; what was not written is null."""
        return {
            "output": str(self.page) if self.page else None,
            "bytes": self.page.stat().st_size if self.page else None,
            "originals": str(self.photos) if self.photos else None,
            "deep_zoom": str(self.deep_zoom.path) if self.deep_zoom else None,
            "levels": self.deep_zoom.levels if self.deep_zoom else None,
            "width": self.deep_zoom.size[0] if self.deep_zoom else None,
            "height": self.deep_zoom.size[1] if self.deep_zoom else None,
            "cells": len(self.mosaic.placement),
            "distinct_photos": len(self.mosaic.placement.photos),
            "seconds": round(self.seconds, 3),
        }


def page_path(output: Path) -> Path:
    """Return the file of a page: `output`, or in a folder its index.html. Raises InputError for other files."""
    if output.suffix.lower() in _SUFFIXES:
        return output
    if is_stream(output) or output.suffix.lower() in (*STILL_SUFFIXES, *VIDEO_SUFFIXES, MAP_SUFFIX) or output.is_file():
        raise InputError(f"{named('output', output)} must end in .html, or be a folder")
    return output / "index.html"


def explore(
    cover: CoverName | None,
    path: Path | None,
    settings: ExploreSettings | None = None,
    *,
    match: MatchSettings | None = None,
    command: FormatCommand | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Explored:
    """Write a page in which a mosaic is explored, and what the settings add to it.

    `path`: of the page, None for none. `command` formats the commands that the page offers to copy; without it, it
    offers none. Memory: three times the size of the page, and what matching needs. Raises RenderError.
    """
    settings, match, timed = settings or ExploreSettings(), match or MatchSettings(), Timed(progress or Silent())
    source, deep = check_cover_name(cover), settings.deep_zoom
    if path is not None:
        check_writable(path, overwrite=overwrite)
        if settings.originals == "folder":
            check_originals(path, (), overwrite=overwrite)
        check_not_among([settings.captions] if settings.captions else [], path)
    elif unused := [name for name in _OF_PAGE if getattr(settings, name) != getattr(ExploreSettings(), name)]:
        raise InputError(f"{named(unused[0])} is for the page, which is not made: add {named('output')}")
    if deep is not None:
        check_deep_zoom(deep, source.stem, overwrite=overwrite)
    check_beside(match, overwrite=overwrite)
    captions = read_captions(settings.captions) if settings.captions is not None else {}
    saved = source if isinstance(source, Path) and source.suffix.lower() == MAP_SUFFIX else match.save_map
    with open_mosaic(cover, match, timed) as mosaic:
        photos = deep_zoom = None
        if path is not None:
            check_not_input(mosaic, path)
            name = saved.name if saved else f"{source.stem}{MAP_SUFFIX}"
            write_page(
                path,
                mosaic,
                settings,
                captions,
                SavedMap(name, saved is not None, command),
                timed,
                overwrite=overwrite,
            )
            photos = folder_of(path) if settings.originals == "folder" else None
        if deep is not None:
            units = mosaic.placement.size
            side = settings.tile_pixels or DEEP_ZOOM_TILE
            size = max(round(units[0] * side), 1), max(round(units[1] * side), 1)
            deep_zoom = write_deep_zoom(deep, source.stem, mosaic, size, timed, overwrite=overwrite)
        return Explored(path, photos, deep_zoom, timed.finished()["total"], mosaic)
