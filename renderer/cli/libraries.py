"""`render library ...`: libraries of photos that have a name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import cyclopts
from PIL import Image

from renderer.cli.messages import Console
from renderer.cli.terminal import say
from renderer.errors import InputError
from renderer.input_files import missing_file
from renderer.library.archive import Archive
from renderer.library.checking import check_library as check_library
from renderer.library.checking import colour_picture
from renderer.library.definitions import (
    DEFAULT_NAME,
    LibraryDefinition,
    check_name,
    find_library,
    get_library,
    library_folder,
    library_names,
)
from renderer.library.indexing import Changes
from renderer.library.reading import Crop
from renderer.library.walking import absolute
from renderer.output_files import check_writable, new_file

app: Final = cyclopts.App(name="library", help="Keep libraries of photos, indexed once, to make mosaics of.")

LISTED: Final = 10
"""Lines of a list that `check` shows; --verbose shows all."""


def _flag(about: str, short: str = "") -> cyclopts.Parameter:
    """An option without a value."""
    return cyclopts.Parameter(help=about, negative=(), alias=short or None, show_default=False)


_FRAMES: Final = cyclopts.Parameter(
    help="Also take so many frames of each video", validator=cyclopts.validators.Number(gte=0, lte=1000)
)


@cyclopts.Parameter(name="*")
@dataclass(frozen=True)
class LibraryOptions:
    """What every command of libraries takes."""

    library_dir: Annotated[
        Path | None,
        cyclopts.Parameter(help="The folder of libraries, instead of MOSAIC_RENDERER_LIBRARIES or the platform's"),
    ] = None
    quiet: Annotated[bool, _flag("Say nothing but errors", "-q")] = False
    verbose: Annotated[bool, _flag("List everything, not only the first ten", "-v")] = False
    json: Annotated[bool, _flag("Print one JSON object on standard output")] = False

    @property
    def folder(self) -> Path:
        """Where libraries are."""
        return library_folder(self.library_dir)

    def console(self) -> Console:
        """What says how far it is."""
        return Console(quiet=self.quiet, verbose=self.verbose)

    def print_summaries(self, result: dict[str, object], *lines: str) -> None:
        """The result: one JSON object, or some lines."""
        if self.json:
            say(json.dumps(result))
        elif not self.quiet:
            say(*lines)


_NO_OPTIONS: Final = LibraryOptions()

_Name = Annotated[str, cyclopts.Parameter(help="The library's name", show_default=True)]


@app.command
def add(
    *folders: Annotated[Path, cyclopts.Parameter(help="Folders of photos, or single photos")],
    name: Annotated[str, cyclopts.Parameter(help="The library's name")] = DEFAULT_NAME,
    crop: Annotated[
        Crop | None, cyclopts.Parameter(help="The square of a photo: what draws the eye (default), or the centre")
    ] = None,
    video_frames: Annotated[int | None, _FRAMES] = None,
    common: LibraryOptions = _NO_OPTIONS,
) -> None:
    """Make a library of folders, or add folders to one; without --name it is the one that `render` uses by default."""
    if not folders:
        raise InputError("render library add needs a folder of photos")
    sources = [absolute(folder) for folder in folders]
    for source in sources:
        if not source.exists():
            raise InputError(missing_file(source))
    known = find_library(check_name(name), common.folder)
    definition = (known or LibraryDefinition(name, common.folder, ())).extended(
        list(map(str, sources)), crop, video_frames
    )
    if known is not None and definition.crop != known.crop:
        known.remove()  # every square is another one
    definition.save()
    try:
        _refresh(definition, common)
    except Exception:
        if known is None:
            definition.remove()  # it was never a library
        raise


@app.command
def refresh(name: _Name = DEFAULT_NAME, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Look for what is new, changed, moved or gone in a library's folders."""
    _refresh(get_library(name, common.folder), common)


def _refresh(definition: LibraryDefinition, common: LibraryOptions) -> None:
    with Archive(common.console(), library_dir=definition.folder) as archive:
        changes = archive.refresh(definition)
        index = archive.library_index(definition)
        photos, skipped = archive.with_recovery(index, lambda: (index.count(), index.skipped()))
        clips = 0 if photos or definition.video_frames else archive.count_clips(definition.sources)
    result = {
        "library": definition.name, "photos": photos, "read": changes.read, "moved": changes.moved,
        "gone": changes.missing, "skipped": len(skipped),
    }  # fmt: skip
    common.print_summaries(result, f"{definition.name}: {photos} photos; {_changes(changes, len(skipped))}")
    if clips:
        common.console().notice(
            f"{definition.name} holds no pictures: `render library add FOLDER --name {definition.name} "
            "--video-frames 10` takes ten frames of each video"
        )
    if common.verbose:
        for item in skipped:
            common.console().notice(f"skipped {item.path}: {item.reason}")


def _changes(changes: Changes, skipped: int) -> str:
    """What a look found, in words."""
    parts = [
        (changes.read, "read"), (changes.moved, "known by their content"), (changes.missing, "gone"),
    ]  # fmt: skip
    changed = ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing has changed"
    return f"{changed}; {skipped} files can't be used (render library check lists them)" if skipped else changed


@app.command(name="list")
def list_libraries(*, common: LibraryOptions = _NO_OPTIONS) -> None:
    """List the libraries."""
    rows = []
    with Archive(common.console(), library_dir=common.folder) as archive:
        for name in library_names(common.folder):
            definition = get_library(name, common.folder)
            index = archive.library_index(definition)
            rows.append(
                {"library": name, "photos": archive.with_recovery(index, index.count), "folders": definition.sources}
            )
    lines = [f"{row['library']}: {row['photos']} photos of {', '.join(map(str, row['folders']))}" for row in rows]  # type: ignore[call-overload]  # a list of names
    common.print_summaries(
        {"libraries": rows}, *(lines or ["There is no library yet: render library add FOLDER makes one"])
    )


@app.command
def show(name: _Name = DEFAULT_NAME, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Tell what a library is made of and where it is kept."""
    definition = get_library(name, common.folder)
    with Archive(common.console(), library_dir=common.folder) as archive:
        index = archive.library_index(definition)
        photos, skipped, (oldest, newest) = archive.with_recovery(
            index, lambda: (index.count(), index.skipped(), index.date_range())
        )
    size = sum(file.stat().st_size for file in definition.files)
    result = {
        "library": name, "photos": photos, "skipped": len(skipped), "folders": definition.sources,
        "crop": definition.crop, "video_frames": definition.video_frames, "oldest": oldest, "newest": newest,
        "files": [str(file) for file in definition.files], "bytes": size,
    }  # fmt: skip
    taken = f"taken {oldest[:10]} to {newest[:10]}" if oldest and newest else "of unknown dates"
    lines = [
        f"{name}: {photos} photos, {taken}; {len(skipped)} files that could not be used",
        *(f"  of {source}" for source in definition.sources),
        f"  crop {definition.crop}, {definition.video_frames} frames of each video",
        f"  kept in {definition.index_path} ({size / 1e6:.1f} MB)",
    ]
    common.print_summaries(result, *lines)


@app.command
def remove(name: _Name, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Forget a library: its index is deleted, its photos stay as they are."""
    definition = get_library(name, common.folder)
    removed = definition.files
    definition.remove()
    common.print_summaries(
        {"library": name, "removed": [str(file) for file in removed]},
        f"{name}: removed its index from {definition.folder}; the photos are as they were",
    )


@app.command
def check(
    name: _Name = DEFAULT_NAME,
    /,
    *,
    tile_pixels: Annotated[int, cyclopts.Parameter(help="List photos whose square has fewer pixels a side")] = 64,
    output: Annotated[
        Path | None,
        cyclopts.Parameter(name=("--output", "-o"), help="The picture of its colours; default: NAME-colours.png"),
    ] = None,
    overwrite: Annotated[bool, _flag("Overwrite what exists", "-y")] = False,
    common: LibraryOptions = _NO_OPTIONS,
) -> None:
    """List what could not be used, near-duplicates and small photos, and draw how its colours cover the range."""
    picture = output or Path(f"{name}-colours.png")
    if picture.suffix.lower() != ".png":
        raise InputError(f"-o {picture}: a name that ends in .png is needed")
    check_writable(picture, overwrite=overwrite)
    definition = get_library(name, common.folder)
    console = common.console()
    with Archive(console, library_dir=common.folder) as archive:
        library = archive.open([name])
        report = check_library(library, console, tile_pixels=tile_pixels)
        if not report.photos:
            raise InputError(f"library {definition.name} holds no photos: render library add FOLDER adds some")
        with new_file(picture, overwrite=overwrite) as temporary:
            Image.fromarray(colour_picture(library)).save(temporary)
    skipped = [f"{item.path}: {item.reason}" for item in library.skipped]
    duplicates = [
        " = ".join([*(str(photo.path) for photo in group[:4]), *([f"{len(group) - 4} more"] if len(group) > 4 else [])])
        for group in report.duplicates
    ]
    small = [f"{photo.path}: {photo.crop[2]} pixels" for photo in report.small]
    result = {
        "library": name, "photos": report.photos, "picture": str(picture), "colours": report.colours,
        "skipped": [{"path": str(item.path), "reason": item.reason} for item in library.skipped],
        "near_duplicates": [[str(photo.path) for photo in group] for group in report.duplicates],
        "small": [str(photo.path) for photo in report.small],
    }  # fmt: skip
    shown = None if common.verbose else LISTED
    lines = [
        f"{name}: {report.photos} photos",
        *_listed("could not be used", skipped, shown),
        *_listed("groups of near-duplicates (best first; --skip-duplicates takes it alone)", duplicates, shown),
        *_listed(f"smaller than tiles of {tile_pixels} pixels", small, shown),
        f"  colours with hardly a photo: {', '.join(report.missing_colours) or 'none'}; {picture} shows all",
    ]
    common.print_summaries(result, *lines)


def _listed(what: str, items: list[str], shown: int | None) -> list[str]:
    """A heading with a count, the first items, and how many more there are."""
    more = len(items) - len(items[:shown])
    lines = [f"    {item}" for item in items[:shown]]
    return [f"  {len(items)} {what}", *lines, *([f"    and {more} more (-v lists all)"] if more else [])]
