"""`render library ...`: named libraries of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.choices import DEFAULT_NAME, Crop
from renderer.cli.commands import Argument, Command, Values, by_name
from renderer.cli.messages import Console, megabytes
from renderer.cli.terminal import print_json, say
from renderer.errors import InputError
from renderer.input_files import missing_file
from renderer.messages import counted
from renderer.parameters import Validated, given, parameter
from renderer.paths import library_folder

if TYPE_CHECKING:
    from renderer.library.definitions import LibraryDefinition
    from renderer.library.indexing import Changes

LISTED: Final = 10
"""Maximum lines of each list that `check` prints without --verbose."""


@dataclass(frozen=True)
class LibraryOptions(Validated):
    """Options of every library command."""

    library_dir: Path | None = parameter(
        None, "Folder of the libraries; default: MOSAIC_RENDERER_LIBRARIES, or the platform's data folder"
    )
    quiet: bool = parameter(False, "Print only errors", option="-q")
    verbose: bool = parameter(False, f"List all items, not only the first {LISTED}", option="-v")
    json: bool = parameter(False, "Print the result as one JSON object on standard output")

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


@dataclass(frozen=True)
class AddOptions(Validated):
    """Options of the command that creates a library."""

    name: str = parameter(DEFAULT_NAME, "Name of the library")
    crop: Crop | None = parameter(
        None, "Part of each photo to use: the most interesting one (smart) or the centre; default: smart"
    )
    faces: bool = parameter(True, "Find faces in the photos, so that smart crops keep them whole")
    video_frames: int | None = parameter(None, "Frames to take as photos from each video; default: 0", low=0, high=1000)


@dataclass(frozen=True)
class LibraryCheckOptions(Validated):
    """Options of the check of a library."""

    tile_pixels: int = parameter(64, "List photos whose square is smaller than this", unit="pixels")
    output: Path | None = parameter(None, "Picture of the colours; default: NAME-colours.png", option="-o")
    overwrite: bool = parameter(False, "Overwrite existing files", option="-y")


_NAME: Final = Argument("[NAME]", "Name of the library", default=DEFAULT_NAME)


def library_command() -> Command:
    """Return the commands, as a group."""
    commands = (
        Command(
            "library add",
            "Create a library from folders of photos, or add folders to it.\n\n"
            "The library named default is used by all commands unless --tiles is specified.",
            _add, Argument("FOLDER...", "Folder of photos, or a single photo; repeatable"),
            {"Options": (AddOptions, LibraryOptions)},
        ),
        Command(
            "library refresh", "Update a library with new, changed, moved and deleted photos.", _refresh_named, _NAME,
            {"Options": LibraryOptions},
        ),
        Command("library list", "List all libraries.", _list, groups={"Options": LibraryOptions}),
        Command(
            "library show", "Show the folders, dates, settings and files of a library.", _show, _NAME,
            {"Options": LibraryOptions},
        ),
        Command(
            "library remove", "Delete a library's index. The photos themselves are not touched.", _remove,
            Argument("NAME", "Name of the library", required=True), {"Options": LibraryOptions},
        ),
        Command(
            "library check",
            "List unusable files, near-duplicates and small photos, and draw the colours that the photos cover.",
            _check, _NAME, {"Options": (LibraryCheckOptions, LibraryOptions)},
        ),
    )  # fmt: skip
    return Command(
        "library",
        "Manage libraries: photos that are indexed once and then used by name.",
        subcommands=by_name(commands),
    )


def _named(words: Sequence[str], values: Values) -> tuple[str, LibraryOptions]:
    """Return the name of a library and the options."""
    return next(iter(words), DEFAULT_NAME), LibraryOptions(**given(LibraryOptions, values))


def _add(words: Sequence[str], values: Values) -> None:
    from renderer.library.definitions import LibraryDefinition, check_name, find_library
    from renderer.names import absolute

    _, common = _named((), values)
    options = AddOptions(**given(AddOptions, values))
    if not words:
        raise InputError("render library add needs a folder of photos: render library add ~/Pictures")
    sources = [absolute(Path(each)) for each in words]
    for source in sources:
        if not source.exists():
            raise InputError(missing_file(source))
    known = find_library(check_name(options.name), common.folder)
    definition = (known or LibraryDefinition(options.name, common.folder, ())).extended(
        list(map(str, sources)), options.crop, options.video_frames, given(AddOptions, values).get("faces")
    )
    if known is not None and (definition.crop != known.crop or known.faces > definition.faces):
        known.remove()  # crops change; faces that were not searched are found in the thumbnails
    definition.save()
    try:
        _refresh(definition, common)
    except Exception:  # whatever stopped it; what is indexed before an interruption is kept
        if known is None:
            definition.remove()  # leave no library without an index
        raise


def _refresh_named(words: Sequence[str], values: Values) -> None:
    from renderer.library.definitions import get_library

    name, common = _named(words, values)
    _refresh(get_library(name, common.folder), common)


def _refresh(definition: LibraryDefinition, common: LibraryOptions) -> None:
    from renderer.library.archive import Archive

    with Archive(common.console(), library_dir=definition.folder) as archive:
        changes = archive.refresh(definition)
        index = archive.library_index(definition)
        photos, skipped = archive.with_recovery(index, lambda: (index.count(), index.skipped()))
        clips = 0 if photos or definition.video_frames else archive.count_clips(definition.sources)
    result = {
        "library": definition.name, "photos": photos, "read": changes.read, "moved": changes.moved,
        "gone": changes.missing, "searched_for_faces": changes.searched, "skipped": len(skipped),
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
    parts = [
        (changes.read, "read"), (changes.moved, "moved or copied"), (changes.missing, "deleted"),
        (changes.searched, "searched for faces"),
    ]  # fmt: skip
    changed = ", ".join(f"{count} {what}" for count, what in parts if count) or "no changes"
    unusable = f"; {counted(skipped, 'file')} can't be used (see `render library check`)" if skipped else ""
    return f"{changed}{unusable}"


def _list(words: Sequence[str], values: Values) -> None:
    from renderer.library.archive import Archive
    from renderer.library.definitions import get_library, library_names

    _, common = _named(words, values)
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


def _show(words: Sequence[str], values: Values) -> None:
    from renderer.library.archive import Archive
    from renderer.library.definitions import get_library

    name, common = _named(words, values)
    definition = get_library(name, common.folder)
    with Archive(common.console(), library_dir=common.folder) as archive:
        index = archive.library_index(definition)
        photos, skipped, (oldest, newest) = archive.with_recovery(
            index, lambda: (index.count(), index.skipped(), index.date_range())
        )
    size = sum(file.stat().st_size for file in definition.files)
    result = {
        "library": name, "photos": photos, "skipped": len(skipped), "folders": definition.sources,
        "crop": definition.crop, "video_frames": definition.video_frames, "faces": definition.faces, "oldest": oldest,
        "newest": newest,
        "files": [str(file) for file in definition.files], "bytes": size,
    }  # fmt: skip
    taken = f"taken {oldest[:10]} to {newest[:10]}" if oldest and newest else "dates unknown"
    lines = [
        f"{name}: {counted(photos, 'photo')}, {taken}; {counted(len(skipped), 'file')} can't be used",
        *(f"  folder: {source}" for source in definition.sources),
        f"  crop: {definition.crop}{'' if definition.faces else ', without searching faces'}",
        f"  frames taken from each video: {definition.video_frames}",
        f"  index: {definition.index_path} ({megabytes(size)})",
    ]
    common.print_result(result, *lines)


def _remove(words: Sequence[str], values: Values) -> None:
    from renderer.library.definitions import get_library

    name, common = _named(words, values)
    definition = get_library(name, common.folder)
    removed = definition.files
    definition.remove()
    common.print_result(
        {"library": name, "removed": [str(file) for file in removed]},
        f"{name}: the index in {definition.folder} was deleted; the photos were not touched",
    )


def _check(words: Sequence[str], values: Values) -> None:
    from PIL import Image

    from renderer.library.archive import Archive
    from renderer.library.checking import check_library, colour_picture
    from renderer.library.definitions import get_library
    from renderer.output_files import check_writable, new_file

    name, common = _named(words, values)
    options = LibraryCheckOptions(**given(LibraryCheckOptions, values))
    picture = options.output or Path(f"{name}-colours.png")
    if picture.suffix.lower() != ".png":
        raise InputError(f"-o {picture}: the file name must end in .png")
    check_writable(picture, overwrite=options.overwrite)
    definition = get_library(name, common.folder)
    console = common.console()
    with Archive(console, library_dir=common.folder) as archive:
        library = archive.open([name])
        report = check_library(library, console, tile_pixels=options.tile_pixels)
        if not report.photos:
            raise InputError(f"Library {definition.name} contains no photos: `render library add FOLDER` adds some")
        with new_file(picture, overwrite=options.overwrite) as temporary:
            Image.fromarray(colour_picture(library)).save(temporary)
    skipped = [f"{item.path}: {item.reason}" for item in library.skipped]
    duplicates = [
        " = ".join([*(str(photo.path) for photo in group[:4]), *([f"{len(group) - 4} more"] if len(group) > 4 else [])])
        for group in report.duplicates
    ]
    small = [f"{photo.path}: {min(photo.crop[2:])} pixels" for photo in report.small]
    result = {
        "library": name, "photos": report.photos, "picture": str(picture), "colours": report.colours,
        "skipped": [{"path": str(item.path), "reason": item.reason} for item in library.skipped],
        "near_duplicates": [[str(photo.path) for photo in group] for group in report.duplicates],
        "small": [str(photo.path) for photo in report.small],
        "with_faces": report.with_faces, "not_searched_for_faces": report.unsearched,
    }  # fmt: skip
    shown = None if common.verbose else LISTED
    lines = [
        f"{name}: {counted(report.photos, 'photo')}",
        *_listed("unusable file", skipped, shown),
        *_listed("group", duplicates, shown, " of near-duplicates (best first; --skip-duplicates keeps only the best)"),
        *_listed("photo", small, shown, f" smaller than {options.tile_pixels} pixels"),
        f"  {counted(report.with_faces, 'photo')} with faces{_not_searched(report.unsearched, definition)}",
        f"  colours with hardly any photos: {', '.join(report.missing_colours) or 'none'}; {picture} shows all colours",
    ]
    common.print_result(result, *lines)


def _not_searched(count: int, definition: LibraryDefinition) -> str:
    """Return how many photos were not searched for faces, and why."""
    if not count:
        return ""
    fix = f"`render library refresh {definition.name}` does it" if definition.faces else "the library has --no-faces"
    return f"; {count:,} not searched ({fix})"


def _listed(noun: str, items: list[str], shown: int | None, about: str = "") -> list[str]:
    """Return a heading with a count, the first items, and the number of further items."""
    more = len(items) - len(items[:shown])
    lines = [f"    {item}" for item in items[:shown]]
    return [f"  {counted(len(items), noun)}{about}", *lines, *([f"    and {more} more (-v lists all)"] if more else [])]
