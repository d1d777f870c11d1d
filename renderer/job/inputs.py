"""Matching a cover with photos, and opening saved maps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.cover_names import MAP_SUFFIX, CoverName, MadeCover
from renderer.covers import WHITE, Cover, open_cover
from renderer.credits import write_credits
from renderer.descriptors import to_lab
from renderer.errors import InputError, RenderError
from renderer.faces import find_faces
from renderer.grid import DEFAULT_CELLS, Grid
from renderer.input_files import is_file, require_file
from renderer.job.changes import ChangedMosaic, change_photos
from renderer.job.cover_grids import as_made, cells_of, default_cells_of, over_subject, regular_grid
from renderer.job.map_cache import cache_map, cached_map, reuse_map
from renderer.job.mosaics import Matcher, OpenMosaic
from renderer.library import (
    CLIP_SUFFIXES,
    DEFAULT_NAME,
    PIECES,
    Archive,
    Library,
    cut_parts,
    file_digest,
    filtered,
    find_photo,
    reopen,
    unknown_photo,
    without_duplicates,
)
from renderer.messages import counted, named
from renderer.names import absolute, on_disk
from renderer.parameters import parameters
from renderer.paths import expanded
from renderer.pictures import resize
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.progress import Progress
from renderer.scene import Animation, Target
from renderer.settings import WRITTEN_FILES, ChangeSettings, MatchSettings, TileSettings
from renderer.version import version

if TYPE_CHECKING:
    from renderer.matching import Pin


_LEGIBLE_CELLS: Final = 9  # height of the smallest letters that can be read, with strokes of two cells

_OUTLINE_CELLS: Final = 20  # the fewest that show an outline: a heart then is five cells wide

_MIN_CELL_PIXELS: Final = 2.0  # of a cover, below which a cell is one colour

_COMPARED: Final = 64  # sides of the copy of a cover in which its colours are compared

_BLACK: Final = 12.0  # lightness below which nearly all of a cover is black

_ONE_COLOUR: Final = 3.0  # mean CIELAB distance from the mean below which a cover is one colour


_MIN_ADAPTED: Final = 0.5  # share of the change of a cover's colours; if faces allow less, a notice says so
_MIN_UNCROPPED: Final = 0.7  # share of a cover; if a mosaic's shape leaves less, a notice says so


def sample_pictures() -> list[Path]:
    """Return the photos that scikit-learn includes (CC BY; china.jpg, flower.jpg). The first is the sample cover."""
    package = find_spec("sklearn")  # not imported, which would take a second
    if package is None or not package.submodule_search_locations:
        raise RenderError("scikit-learn, which includes the sample cover, is not installed: specify a cover")
    folder = Path(package.submodule_search_locations[0], "datasets", "images")
    return [folder / "china.jpg", folder / "flower.jpg"]


def check_cover(cover: Path | None) -> Path:
    """Return the absolute path of the cover, or of the sample. Raises InputError if it is missing or is a video."""
    if cover is None:
        return sample_pictures()[0]
    cover = on_disk(expanded(cover))
    require_file(cover, str(cover))
    if cover.suffix.lower() in CLIP_SUFFIXES:
        raise InputError(
            f"{cover} is a video, but a cover must be a picture: extract a frame "
            f"(ffmpeg -ss 3 -i {shlex.quote(str(cover))} -frames:v 1 cover.jpg). To use frames of videos as tiles, set "
            f"{named('video_frames')}"
        )
    return cover.absolute()


def check_cover_name(cover: CoverName | None) -> CoverName:
    """Return a cover, checked as `check_cover` does; one that is made is checked without drawing it."""
    if not isinstance(cover, MadeCover):
        return check_cover(cover)
    cover.check()
    return cover


def check_mask_threshold(cover: CoverName | None, given: Mapping[str, object], *, masked: bool) -> None:
    """Raise InputError if `given` contains a threshold for the mask of a cover that has none; only then is it read.

    masked: whether there is the parameter `mask`, given or from a preset. A map may be given a threshold, as in
    `check_drawing_options`.
    """
    threshold = given.get("mask_threshold")
    if threshold is None or masked or (cover is not None and cover.suffix.lower() == MAP_SUFFIX):
        return
    opened = open_cover(check_cover_name(cover))
    if opened.mask is None:
        raise InputError(
            f"{named('mask_threshold', threshold)} has no effect on {opened.name}, which is opaque: use it with "
            f"{named('mask')} or a transparent cover, or omit it"
        )


class TileSource:
    """The photos offered as tiles: opened when a cover first needs them, and reused for the next covers."""

    def __init__(self, settings: TileSettings, archive: Archive, progress: Progress) -> None:
        self.settings, self.archive = settings, archive
        self._progress = progress

    @cached_property
    def library(self) -> Library | None:
        """The library; None if no photos are specified. Raises InputError if none of the tiles is usable."""
        return open_library(self.settings, self.archive, self._progress)

    @property
    def photos(self) -> int | None:
        """The number of photos; None if no photos are specified. Raises InputError as `library` does."""
        return None if self.library is None else len(self.library.photos)


def open_archive(settings: TileSettings, progress: Progress) -> Archive:
    """Return the archive of the photos that the settings specify."""
    return Archive(
        progress, library_dir=settings.library_dir, crop=settings.crop, video_frames=settings.video_frames,
        faces=settings.faces,
    )  # fmt: skip


@contextmanager
def open_tiles(settings: TileSettings, progress: Progress) -> Iterator[TileSource]:
    """Open the photos that the settings specify; their indexes are closed when the context exits."""
    with open_archive(settings, progress) as archive:
        yield TileSource(settings, archive, progress)


@contextmanager
def open_mosaic(
    cover: CoverName | None,
    settings: MatchSettings,
    progress: Progress,
    animation: Animation | None = None,
    shape: float | None = None,
    *,
    matched: bool = True,
    tiles: TileSource | None = None,
    matcher: Matcher | None = None,
) -> Iterator[OpenMosaic]:
    """Match a cover with photos, or load a `.mosaic` file; its index is closed when the context exits.

    `cover`: a picture, a `.mosaic` file or a made cover; None means scikit-learn's samples. `animation`: its targets
    are photos that must be placed, and points where the whole cover is placed if the tiles are its pieces; its next
    covers are matched too. `shape`: the mosaic's width / height, if it differs from the cover's, which is then cropped
    to its most important part, or extended if it has a mask. If `matched` is False, all inputs are opened and checked
    in the same way, but photos are placed without comparing them, and no file is written. `tiles`: the
    tiles of the same settings, if already open. `matcher`: compares the photos instead of this process. Raises
    InputError.
    """
    name = check_cover_name(cover)
    named_covers = [each for each in (animation.next_covers() if animation else ()) if isinstance(each.name, str)]
    # Letters and shapes as others' cells would be cut out of these: they are pictures on white instead.
    opaque = settings.mask is None and any(each.same == "cells" for each in named_covers)
    with open_tiles(settings, progress) if tiles is None else nullcontext(tiles) as tiles:
        archive = tiles.archive
        if isinstance(name, Path) and name.suffix.lower() == MAP_SUFFIX:
            path = name
            placement = load_map(path)
            used = {*WRITTEN_FILES, "library_dir", *parameters(ChangeSettings)}
            if settings.tiles and settings.changes_photos:
                used |= parameters(TileSettings).keys()
            if settings != MatchSettings(**{name: getattr(settings, name) for name in used}):
                progress.notice(
                    f"{path.name} is a placement map: matching options are ignored, and {named('tiles')} is used only "
                    f"to find photos that have moved, and for {named('ban')} and {named('swap')}"
                )
            mosaic = reopened(placement, settings, archive, progress, cover_of(path, placement), path)
        else:
            mosaic = _match(
                name,
                settings,
                tiles,
                progress,
                animation.targets() if animation else (),
                shape,
                sampled=cover is None,
                matched=matched,
                opaque=opaque,
                matcher=matcher,
            )
        mosaic = change(mosaic, settings, tiles, progress).mosaic
        if matched:
            _write_map_and_credits(mosaic, settings, progress, name.stem)
        yield _with_next(mosaic, animation, settings, progress, matcher)


@contextmanager
def open_placement(
    placement: PlacementMap,
    cover: Path | None,
    settings: MatchSettings,
    progress: Progress,
    animation: Animation | None = None,
) -> Iterator[OpenMosaic]:
    """Open the photos of a placement map that is in memory, as `open_mosaic` does for a `.mosaic` file.

    `cover`: its cover, which is used only if the file still has the content that was matched. Raises InputError.
    """
    with open_tiles(settings, progress) as tiles:
        cover = cover and cover_of(cover, placement)
        mosaic = reopened(placement, settings, tiles.archive, progress, cover, *([cover] if cover else []))
        mosaic = change(mosaic, settings, tiles, progress).mosaic
        _write_map_and_credits(mosaic, settings, progress, "mosaic")
        yield _with_next(mosaic, animation, settings, progress)


def _with_next(
    mosaic: OpenMosaic,
    animation: Animation | None,
    settings: MatchSettings,
    progress: Progress,
    matcher: Matcher | None = None,
) -> OpenMosaic:
    """Return a mosaic with those of the next covers of an animation."""
    covers = animation.next_covers() if animation else ()
    if not covers:
        return mosaic
    from renderer.job.next_covers import match_next

    if mosaic.is_saved:
        settings = MatchSettings.of_recipe(mosaic.placement.recipe)
    others = match_next(mosaic, covers, settings, progress, matcher)
    return replace(mosaic, others=others, inputs=mosaic.inputs.union(*(other.inputs for other in others)))


def reopened(
    placement: PlacementMap,
    settings: TileSettings,
    archive: Archive,
    progress: Progress,
    cover: Path | None,
    *files: Path,
) -> OpenMosaic:
    """Open the photos of a placement map; `files`: other files that must not be overwritten."""
    library = reopen(archive, placement.photos, progress, settings.tiles, placement.shape.crop_ratio)
    placement = replace(placement, photos=tuple(library.photos))
    inputs = frozenset({*files, *(photo.path for photo in placement.photos)})
    return OpenMosaic(placement, library, library, library.skipped, inputs, archive, cover)


def change(mosaic: OpenMosaic, changes: ChangeSettings, tiles: TileSource, progress: Progress) -> ChangedMosaic:
    """Change the photos of a mosaic, as `change_photos` does, if there are changes. Photos of `tiles` may enter a map.

    The covers after the first are matched without the banned photos, and have no swaps.
    """
    if not changes.changes_photos:
        return ChangedMosaic(mosaic, 0, 0)
    others = tiles.library if mosaic.is_saved and tiles.settings.tiles else None
    if others is not None:
        others = others.cropped(mosaic.placement.shape.crop_ratio, progress)
    return change_photos(mosaic, changes, progress, others)


def _write_map_and_credits(mosaic: OpenMosaic, settings: MatchSettings, progress: Progress, name: str) -> None:
    """Write the placement map and the credits, if requested; `name`: for credits of an unknown cover."""
    if settings.save_map is not None:
        save_map(mosaic.placement, settings.save_map, overwrite=True)
    if settings.credits is not None:
        shown = mosaic.cover or str(mosaic.placement.recipe.get("cover", name))
        write_credits(settings.credits, shown, mosaic.placement.photos, progress, overwrite=True)


def _match(
    name: CoverName,
    settings: MatchSettings,
    tiles: TileSource,
    progress: Progress,
    targets: Sequence[Target],
    shape: float | None,
    *,
    sampled: bool,
    matched: bool,
    opaque: bool,
    matcher: Matcher | None,
) -> OpenMosaic:
    original = cover = open_cover(name, settings.cover_settings())
    if opaque:
        original = cover = cover.opaque()
    if shape is not None and cover.path is not None:  # one that is made has the shape
        cover = cover.extended(shape)
    if cover.picture.damage is not None:
        progress.notice(f"{cover.name} {cover.picture.damage}")
    library, tile_shape = tiles.library, settings.shape()
    portrait = 0.5
    if library is not None and tile_shape.kind == "mixed":
        from renderer.matching import portrait_share

        portrait = portrait_share(library.photos)
    grid = regular_grid(cover, settings, portrait, shape, tiles.photos)
    cells = default_cells_of(cover, tiles.photos)
    if cells < DEFAULT_CELLS and settings.columns is None and settings.cell_size is None:
        progress.notice(
            f"About {cells:,} cells for {counted(tiles.photos or 0, 'photo')}, so that these are "
            f"large and not repeated too often: {named('columns')} sets another number"
        )
    if shape is not None:
        shown = grid.crop[2] * grid.crop[3]
        if shown < _MIN_UNCROPPED:
            progress.notice(
                f"Only {shown:.0%} of the cover fits on paper of this shape; paper closer to the cover's shape shows "
                "more"
            )
        grid = over_subject(grid, cover.over(WHITE))
    own_pieces = library is None
    if library is None:
        if cover.path is None:
            raise InputError(
                f"The cover {cover.name} has no pieces to use as tiles: specify photos with {named('tiles', 'FOLDER')}"
            )
        progress.notice(
            "No photos specified: the tiles are pieces of the cover itself. To use your photos: "
            f"{named('tiles', 'FOLDER')}"
        )
        cell = cover.size[0] * grid.crop[2] / (grid.columns * grid.unit[0])
        others = sample_pictures()[1:] if sampled else []
        whole = replace(original.picture, pixels=original.over(WHITE))
        library = cut_parts(
            cover.path, whole, cover.digest, others, progress, smallest=2 * cell * settings.cell_sides()[1],
            ratio=tile_shape.crop_ratio,
        )  # fmt: skip
    else:
        library = library.cropped(tile_shape.crop_ratio, progress)
    _check_letters(cover, grid, progress)
    _check_picture(cover, grid, progress)
    if settings.adapt_palette:
        _check_palette(cover, library, progress)
    cover, settings = as_made(cover, library, settings)
    recipe: dict[str, JsonValue] = {
        **cover.recipe,
        "grid": [grid.columns, grid.rows],
        "crop": list(grid.frame_crop),
        **settings.recipe(),
        "version": version(),
    }
    library, pins = _pins(library, targets, tiles.archive, own_pieces=own_pieces)
    cached = cached_map(recipe, library, pins)
    placement = reuse_map(cached, library)
    matched = matched or placement is not None
    if placement is None:
        from renderer.matching import match_photos, unmatched_map

        faces = find_faces(cover.pixels) if matched or settings.adaptive else []
        grid = cells_of(cover, grid, settings, faces, settings.mask_threshold)
        recipe = {**recipe, "faces": [list(face) for face in faces]}
        if matched:
            placement = (matcher or match_photos)(
                cover.pixels, grid, library, progress,
                style=settings.style(), rules=settings.rules(), seed=settings.match_seed, pins=pins, recipe=recipe,
            )  # fmt: skip
            cache_map(placement, cached)
        else:
            placement = unmatched_map(grid, library, rules=settings.rules(), pins=pins, recipe=recipe)
    if cover.mask is not None and cover.letter_height is None and len(placement) < _OUTLINE_CELLS:
        outline = named("mask", settings.mask) if settings.mask else cover.name
        progress.notice(
            f"{counted(len(placement), 'cell')} can't show the outline of {outline}: use more {named('columns')}"
        )
    placement = _with_cover(placement, cover)
    placed = library.take(library.photos.find(placement.photos))
    missing = [photo.path for photo in placement.photos if not is_file(photo.path)]
    if missing:
        progress.notice(
            f"{_photos(len(missing), 'is', 'are')} missing ({missing[0].name}), so thumbnails are shown: "
            "`render library refresh` finds photos that have moved"
        )
    changed = {photo.path: index for photo in placement.photos if (index := placed.changed_in(photo)) is not None}
    if changed:
        names = sorted({index.path.stem for index in changed.values()})
        refresh = " and ".join(f"`render library refresh {name}`" for name in names)
        progress.notice(f"{_photos(len(changed), 'has', 'have')} changed, so old thumbnails are shown: run {refresh}")
    inputs = cover.files | {item.path for item in library.skipped}
    return OpenMosaic(placement, placed, library, library.skipped, inputs, tiles.archive, cover.path, matched)


def _with_cover(placement: PlacementMap, cover: Cover) -> PlacementMap:
    """Return a map that contains its cover, unless that is a file."""
    return placement if cover.path is not None else replace(placement, made_cover=cover.rgba())


def _check_letters(cover: Cover, grid: Grid, progress: Progress) -> None:
    """Show a notice if the letters of a cover are so small that they can't be read."""
    if cover.letter_height is None:
        return
    cells = cover.letter_height * grid.rows / grid.crop[3]
    if cells < _LEGIBLE_CELLS:
        height = counted(max(round(cells), 1), "cell")
        progress.notice(
            f"The letters of {cover.name} are only {height} high, which is hard to read: use fewer words, or more "
            f"{named('columns')}"
        )


def _check_picture(cover: Cover, grid: Grid, progress: Progress) -> None:
    """Show a notice if a picture is a cover of which a mosaic shows hardly anything."""
    if cover.path is None:
        return
    pixels = cover.size[0] * grid.crop[2] / (grid.columns * grid.unit[0])
    if pixels < _MIN_CELL_PIXELS:
        progress.notice(
            f"{cover.name} has {pixels:.1f} pixels per cell, which shows no outlines: use a larger picture, or fewer "
            f"{named('columns')}"
        )
    if cover.mask is not None:  # then its outline is seen
        return
    step = max(min(cover.size) // (4 * _COMPARED), 1)  # a large picture would take 50 ms
    some = np.ascontiguousarray(cover.pixels[::step, ::step, :3])
    small = to_lab(resize(some, _COMPARED, _COMPARED).astype(np.float32) / np.float32(255)).reshape(-1, 3)
    if np.percentile(small[:, 0], 95) < _BLACK:
        progress.notice(f"{cover.name} is nearly black: brighten it, or choose another cover")
    elif np.linalg.norm(small - small.mean(axis=0), axis=1).mean() < _ONE_COLOUR:
        progress.notice(f"{cover.name} is nearly one colour: choose a cover with more contrast")


def _check_palette(cover: Cover, library: Library, progress: Progress) -> None:
    """Show a notice if faces leave little of the change to the photos' colours."""
    from renderer.matching import library_palette

    share = library_palette(cover.pixels, library).share
    if share < _MIN_ADAPTED:
        progress.notice(
            f"The faces in {cover.name} keep the colour of skin, so {named('adapt_palette', True)} makes only "
            f"{round(100 * share)} % of the change to the photos' colours: for more, use photos with more of the "
            "cover's colours"
        )


def open_library(settings: TileSettings, archive: Archive, progress: Progress) -> Library | None:
    """Return the photos to match, or None if none are specified. Raises InputError if no tile is usable."""
    library = archive.open(settings.tiles)
    if not library.photos and not library.skipped:
        if settings.tiles and settings.tiles != (PIECES,):
            raise InputError(no_pictures(settings.tiles, archive))
        return None
    criteria = settings.filter()
    if criteria and library.photos:
        found = len(library.photos)
        library = filtered(library, criteria, archive.folders(settings.tiles))
        progress.notice(f"{found - len(library.photos)} of {found} photos excluded by {criteria}")
    if settings.skip_duplicates:
        library, count = without_duplicates(library)
        progress.notice(f"{counted(count, 'near-duplicate')} excluded")
    if not settings.tiles:
        progress.notice(
            f"Using your library {DEFAULT_NAME}: {len(library.photos)} photos in {archive.folder}; "
            f"{named('tiles', PIECES)} uses pieces of the cover instead"
        )
    tried = len(library.photos) + len(library.skipped)
    if not library.photos:
        first = library.skipped[0]
        fix = _clips_fix(archive.count_clips(settings.tiles)) or f"specify other {named('tiles')}"
        subject = "The only file is not" if tried == 1 else f"None of {tried} files is"
        raise InputError(f"{subject} usable as a tile ({first.path.name} {first.reason}): {fix}")
    if library.skipped:
        first = library.skipped[0]
        progress.notice(
            f"{len(library.skipped)} of {tried} files skipped ({first.path.name} {first.reason}); "
            f"{named('verbose', True)} lists all"
        )
    return library


def cover_of(path: Path, placement: PlacementMap, named_cover: Path | None = None) -> Path | None:
    """Return the cover of a saved map: `named_cover`, or the file next to the map if it is unchanged.

    Raises InputError for a `named_cover` that is not the map's cover.
    """
    if named_cover is not None:
        cover = check_cover(named_cover)
        if file_digest(cover) != placement.recipe.get("cover_digest"):
            raise InputError(
                f"{named('cover', cover)} is not the cover of {path.name}, or has changed since: specify another"
            )
        return cover
    name = placement.recipe.get("cover")
    beside = path.parent / name if isinstance(name, str) and Path(name).name == name else None
    try:
        same = beside is not None and file_digest(beside) == placement.recipe.get("cover_digest")
    except RenderError:
        return None
    return beside if same else None


def _pins(
    library: Library, targets: Sequence[Target], archive: Archive, *, own_pieces: bool
) -> tuple[Library, list[Pin]]:
    """Return the library with the photos that it lacked, and which photos must be placed where."""
    names = [target for target in targets if isinstance(target, str)]
    points = [target for target in targets if not isinstance(target, str)]
    new = [absolute(name) for name in names if find_photo(name, library.photos) is None]
    missing = [path.name for path in new if not is_file(path)]
    if missing:
        raise InputError(unknown_photo(missing[0], library.photos))
    if new:
        added = archive.open_files(new)
        if added.skipped:
            raise InputError(f"{named('focus', added.skipped[0].path)} {added.skipped[0].reason}: choose another photo")
        library = library.combined(added.cropped(library.photos.ratio))
    pins: list[Pin] = [(number, None) for name in names if (number := find_photo(name, library.photos)) is not None]
    if own_pieces and not names:
        pins = [(0, points[0] if points else None)]
    return library, pins


def no_pictures(tiles: Sequence[str], archive: Archive) -> str:
    """Return the message for sources of tiles without any pictures."""
    fix = _clips_fix(archive.count_clips(tiles)) or "choose another folder"
    return f"{named('tiles', ' '.join(tiles))} contains no pictures: {fix}"


def _clips_fix(count: int) -> str:
    """Return how to use `count` videos as tiles, for messages; empty for none."""
    videos = "the video" if count == 1 else f"each of the {count} videos"
    return f"{named('video_frames', 10)} uses ten frames of {videos}" if count else ""


def _photos(count: int, one: str, several: str) -> str:
    """Return a number of photos with its verb, as in "1 photo has" and "2 photos have"."""
    return f"1 photo {one}" if count == 1 else f"{count} photos {several}"
