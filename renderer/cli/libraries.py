"""`render library ...`: named libraries of photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import cyclopts
from PIL import Image

from renderer.cli.messages import Console, megabytes
from renderer.cli.terminal import print_json, say
from renderer.errors import InputError
from renderer.input_files import missing_file
from renderer.library.archive import Archive
from renderer.library.checking import check_library, colour_picture
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
from renderer.messages import counted
from renderer.output_files import check_writable, new_file

app: Final = cyclopts.App(
    name="library",
    help="Manage libraries: photos that are indexed once and then used by name.",
    group_parameters="Options",
)

LISTED: Final = 10
"""Maximum lines of each list that `check` prints without --verbose."""

_NAME_USAGE: Final = "[NAME] [OPTIONS]"


def _text(about: str) -> cyclopts.Parameter:
    """Return an option or argument whose value is a text."""
    return cyclopts.Parameter(help=about, metavar="TEXT")


def _flag(about: str, short: str = "") -> cyclopts.Parameter:
    """Return an option without a value."""
    return cyclopts.Parameter(help=about, negative=(), alias=short or None, show_default=False)


_FRAMES: Final = cyclopts.Parameter(
    help="Frames to take as photos from each video; default: 0 (0 to 1000)",
    metavar="NUMBER",
    validator=cyclopts.validators.Number(gte=0, lte=1000),
)


@cyclopts.Parameter(name="*")
@dataclass(frozen=True)
class LibraryOptions:
    """Options of every library command."""

    library_dir: Annotated[
        Path | None,
        cyclopts.Parameter(
            help="Folder of the libraries; default: MOSAIC_RENDERER_LIBRARIES, or the platform's data folder"
        ),
    ] = None
    quiet: Annotated[bool, _flag("Print only errors", "-q")] = False
    verbose: Annotated[bool, _flag(f"List all items, not only the first {LISTED}", "-v")] = False
    json: Annotated[bool, _flag("Print the result as one JSON object on standard output")] = False

    @property
    def folder(self) -> Path:
        """The folder of the libraries."""
        return library_folder(self.library_dir)

    def console(self) -> Console:
        """Return the console for progress and notices."""
        return Console(quiet=self.quiet, verbose=self.verbose)

    def print_result(self, result: dict[str, object], *lines: str) -> None:
        """Print the result as one JSON object, or as lines."""
        if self.json:
            print_json(result)
        elif not self.quiet:
            say(*lines)


_PIXELS: Final = cyclopts.Parameter(help="List photos whose square is smaller than this (pixels)", metavar="NUMBER")

_NO_OPTIONS: Final = LibraryOptions()

_Name = Annotated[str, cyclopts.Parameter(help="Name of the library", show_default=True)]


@app.command(usage="Usage: render library add FOLDER... [OPTIONS]")
def add(
    *folder: Annotated[Path, cyclopts.Parameter(help="Folder of photos, or a single photo; repeatable")],
    name: Annotated[str, _text("Name of the library")] = DEFAULT_NAME,
    crop: Annotated[
        Crop | None,
        cyclopts.Parameter(
            help="Square part of each photo to use: the most interesting one (smart) or the centre; default: smart"
        ),
    ] = None,
    video_frames: Annotated[int | None, _FRAMES] = None,
    common: LibraryOptions = _NO_OPTIONS,
) -> None:
    """Create a library from folders of photos, or add folders to it.

    The library named default is used by all commands unless --tiles is specified.
    """
    if not folder:
        raise InputError("render library add needs a folder of photos: render library add ~/Pictures")
    sources = [absolute(each) for each in folder]
    for source in sources:
        if not source.exists():
            raise InputError(missing_file(source))
    known = find_library(check_name(name), common.folder)
    definition = (known or LibraryDefinition(name, common.folder, ())).extended(
        list(map(str, sources)), crop, video_frames
    )
    if known is not None and definition.crop != known.crop:
        known.remove()  # all crops change
    definition.save()
    try:
        _refresh(definition, common)
    except Exception:
        if known is None:
            definition.remove()  # leave no library without an index
        raise


@app.command(usage=f"Usage: render library refresh {_NAME_USAGE}")
def refresh(name: _Name = DEFAULT_NAME, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Update a library with new, changed, moved and deleted photos."""
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
    common.print_result(result, f"{definition.name}: {counted(photos, 'photo')}; {_changes(changes, len(skipped))}")
    if clips:
        common.console().notice(
            f"{definition.name} contains no photos, but {counted(clips, 'video')}: `render library add FOLDER --name "
            f"{definition.name} --video-frames 10` uses ten frames of each"
        )
    if common.verbose:
        for item in skipped:
            common.console().notice(f"skipped {item.path}: {item.reason}")


def _changes(changes: Changes, skipped: int) -> str:
    """Describe the changes of a library."""
    parts = [(changes.read, "read"), (changes.moved, "moved or copied"), (changes.missing, "deleted")]
    changed = ", ".join(f"{count} {what}" for count, what in parts if count) or "no changes"
    unusable = f"; {counted(skipped, 'file')} can't be used (see `render library check`)" if skipped else ""
    return f"{changed}{unusable}"


@app.command(name="list", usage="Usage: render library list [OPTIONS]")
def list_libraries(*, common: LibraryOptions = _NO_OPTIONS) -> None:
    """List all libraries."""
    rows, lines = [], []
    with Archive(common.console(), library_dir=common.folder) as archive:
        for name in library_names(common.folder):
            definition = get_library(name, common.folder)
            index = archive.library_index(definition)
            photos = archive.with_recovery(index, index.count)
            rows.append({"library": name, "photos": photos, "folders": definition.sources})
            lines.append(f"{name}: {counted(photos, 'photo')} from {', '.join(definition.sources)}")
    common.print_result(
        {"libraries": rows}, *(lines or ["There are no libraries: `render library add FOLDER` creates one"])
    )


@app.command(usage=f"Usage: render library show {_NAME_USAGE}")
def show(name: _Name = DEFAULT_NAME, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Show the folders, dates, settings and files of a library."""
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
    taken = f"taken {oldest[:10]} to {newest[:10]}" if oldest and newest else "dates unknown"
    lines = [
        f"{name}: {counted(photos, 'photo')}, {taken}; {counted(len(skipped), 'file')} can't be used",
        *(f"  folder: {source}" for source in definition.sources),
        f"  crop: {definition.crop}",
        f"  frames taken from each video: {definition.video_frames}",
        f"  index: {definition.index_path} ({megabytes(size)})",
    ]
    common.print_result(result, *lines)


@app.command(usage="Usage: render library remove NAME [OPTIONS]")
def remove(name: _Name, /, *, common: LibraryOptions = _NO_OPTIONS) -> None:
    """Delete a library's index. The photos themselves are not touched."""
    definition = get_library(name, common.folder)
    removed = definition.files
    definition.remove()
    common.print_result(
        {"library": name, "removed": [str(file) for file in removed]},
        f"{name}: the index in {definition.folder} was deleted; the photos were not touched",
    )


@app.command(usage=f"Usage: render library check {_NAME_USAGE}")
def check(
    name: _Name = DEFAULT_NAME,
    /,
    *,
    tile_pixels: Annotated[int, _PIXELS] = 64,
    output: Annotated[
        Path | None,
        cyclopts.Parameter(name=("--output", "-o"), help="Picture of the colours; default: NAME-colours.png"),
    ] = None,
    overwrite: Annotated[bool, _flag("Overwrite existing files", "-y")] = False,
    common: LibraryOptions = _NO_OPTIONS,
) -> None:
    """List unusable files, near-duplicates and small photos, and draw the colours that the photos cover."""
    picture = output or Path(f"{name}-colours.png")
    if picture.suffix.lower() != ".png":
        raise InputError(f"-o {picture}: the file name must end in .png")
    check_writable(picture, overwrite=overwrite)
    definition = get_library(name, common.folder)
    console = common.console()
    with Archive(console, library_dir=common.folder) as archive:
        library = archive.open([name])
        report = check_library(library, console, tile_pixels=tile_pixels)
        if not report.photos:
            raise InputError(f"Library {definition.name} contains no photos: `render library add FOLDER` adds some")
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
        f"{name}: {counted(report.photos, 'photo')}",
        *_listed("unusable file", skipped, shown),
        *_listed("group", duplicates, shown, " of near-duplicates (best first; --skip-duplicates keeps only the best)"),
        *_listed("photo", small, shown, f" smaller than {tile_pixels} pixels"),
        f"  colours with hardly any photos: {', '.join(report.missing_colours) or 'none'}; {picture} shows all colours",
    ]
    common.print_result(result, *lines)


def _listed(noun: str, items: list[str], shown: int | None, about: str = "") -> list[str]:
    """Return a heading with a count, the first items, and the number of further items."""
    more = len(items) - len(items[:shown])
    lines = [f"    {item}" for item in items[:shown]]
    return [f"  {counted(len(items), noun)}{about}", *lines, *([f"    and {more} more (-v lists all)"] if more else [])]
