"""The indexes of one run, and libraries opened from them."""

from __future__ import annotations

import difflib
import glob
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from renderer.errors import FileError, InputError
from renderer.library.index import Index
from renderer.library.indexing import Changes, refresh
from renderer.library.library import Library
from renderer.library.named import (
    DEFAULT_NAME,
    PIECES,
    LibraryDefinition,
    cache_folder,
    find,
    keep_private,
    library_folder,
    names,
)
from renderer.library.photos import Photos, Skipped
from renderer.library.reading import Crop, file_digest
from renderer.library.walking import CLIP_SUFFIXES, absolute, find_files
from renderer.private_files import make_private
from renderer.progress import Progress

DEFAULT_CROP: Final[Crop] = "smart"

T = TypeVar("T")


class Archive:
    """The index of plain files, in the cache, and those of named libraries: opened when needed, closed in the end."""

    def __init__(
        self,
        progress: Progress,
        *,
        library_dir: Path | None = None,
        crop: Crop | None = None,
        video_frames: int | None = None,
    ) -> None:
        """`crop` and `video_frames` are of plain files; a named library has its own."""
        self.folder = library_folder(library_dir)
        self.crop, self.video_frames = crop or DEFAULT_CROP, video_frames or 0
        self._progress = progress
        self._stack = ExitStack()
        self._open: dict[Path, Index] = {}
        self._tried: dict[tuple[str, ...], int] = {}  # files and photos, by the sources that were opened
        self._told: set[str] = set()  # of names that mean two things

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # -- Indexes ---------------------------------------------------------------------------------------------------

    def cache(self) -> Index:
        """The index of plain files. Each kind of crop has one, since a square's descriptors are of its crop."""
        return self._index(cache_folder() / f"photos-{self.crop}.sqlite", may_be_memory=True)

    def named(self, definition: LibraryDefinition) -> Index:
        """The index of a named library."""
        for file in definition.files:
            make_private(file)
        return self._index(definition.index_path)

    def holds(self, path: Path) -> bool:
        """Whether a file is a photo of an index that was opened, by its path or its content."""
        try:
            digest = file_digest(path)
            return any(
                index.has(file, digest) for index in self._open.values() for file in {path.absolute(), path.resolve()}
            )
        except (FileError, sqlite3.Error):
            return False

    def all_indexes(self) -> list[Index]:
        """Every index that there is."""
        definitions = (find(name, self.folder) for name in names(self.folder))
        return [self.cache(), *(self.named(definition) for definition in definitions if definition)]

    def _index(self, path: Path, *, may_be_memory: bool = False) -> Index:
        if path not in self._open:
            index = Index(path, may_be_memory=may_be_memory, notice=self._progress.notice)
            self._open[path] = self._stack.enter_context(index)
            keep_private(path.parent)
        return self._open[path]

    def repaired(self, index: Index, work: Callable[[], T]) -> T:
        """The result of some work on an index; if it fails for the index's sake, once more on a mended one."""
        try:
            return work()
        except sqlite3.Error as error:
            index.recover(error)
            return work()

    # -- Opening ---------------------------------------------------------------------------------------------------

    def open(self, sources: Sequence[str]) -> Library:
        """A library of what folders, files, globs and names of libraries name; without any, of the default library.

        Raises InputError for a source that names nothing; RenderError.
        """
        libraries, plain = self.sorted(sources)
        files, skipped = find_files(plain, clips=self.video_frames > 0)
        opened = [self._opened(definition) for definition in libraries]
        self._tried[tuple(sources)] = len(files) + sum(len(library.photos) for library in opened)
        if plain:
            opened.insert(0, self.open_files(files, skipped))
        if not opened:
            return Library(Photos([]))
        library = opened[0]
        for other in opened[1:]:
            skipped = library.skipped + other.skipped
            library = library.joined(other)
            library.skipped = skipped
        return library

    def sorted(self, sources: Sequence[str]) -> tuple[list[LibraryDefinition], list[str]]:
        """Sources that are libraries, and those that are not; without any, the default library if there is one.

        The word `pieces` alone is neither: it means that no photos are wanted.
        """
        if tuple(sources) == (PIECES,):
            return [], []
        if not sources:
            default = find(DEFAULT_NAME, self.folder)
            return ([default] if default else []), []
        libraries: dict[str, LibraryDefinition] = {}
        plain = []
        for source in sources:
            found = find(source, self.folder)
            if found is None:
                plain.append(source)
                near = difflib.get_close_matches(source, names(self.folder), n=1)
                if near and not glob.has_magic(source) and not os.path.lexists(absolute(source)):
                    raise InputError(f"there is neither a library nor a file {source}: did you mean {near[0]}?")
                continue
            libraries[source] = found
            if os.path.lexists(source) and source not in self._told:
                self._told.add(source)
                self._progress.notice(
                    f"{source} is a library, and a file or folder too: the library is used; ./{source} is the other"
                )
        return list(libraries.values()), plain

    def count(self, sources: Sequence[str]) -> int:
        """How many files, and photos of libraries, `open` has tried for some sources."""
        return self._tried[tuple(sources)]

    def count_clips(self, sources: Sequence[str]) -> int:
        """How many videos lie among plain files and folders, if no frames of videos are asked for."""
        _, plain = self.sorted(sources)
        files = [] if self.video_frames else find_files(plain, clips=True)[0]
        return sum(path.suffix.lower() in CLIP_SUFFIXES for path in files)

    def folders(self, sources: Sequence[str]) -> list[Path]:
        """The folders that sources mean, of libraries those that they are of; of a glob the part that is no pattern."""
        libraries, plain = self.sorted(sources)
        meant = [absolute(source) for source in (*plain, *(each for one in libraries for each in one.sources))]
        return [
            next(path for path in (each, *each.parents) if path.exists() or not glob.has_magic(str(path)))
            for each in meant
        ]

    def open_files(self, files: Sequence[Path], skipped: Iterable[Skipped] = ()) -> Library:
        """A library of just some files, in their order."""
        index = self.cache()

        def work() -> Library:
            changes = refresh(index, files, self.crop, self._progress, video_frames=self.video_frames)
            photos, known_skipped = index.seen()
            return Library(photos, None, [*skipped, *changes.skipped, *known_skipped], indexes=[index])

        return self.repaired(index, work)

    def _opened(self, definition: LibraryDefinition) -> Library:
        index = self.named(definition)

        def work() -> Library:
            if not index.count():
                self._refresh(index, definition)
            photos, skipped = index.all()
            return Library(photos, None, skipped, indexes=[index])

        return self.repaired(index, work)

    # -- Named libraries -------------------------------------------------------------------------------------------

    def refresh(self, definition: LibraryDefinition) -> Changes:
        """Bring a named library up to date with its folders. Raises RenderError."""
        index = self.named(definition)
        return self.repaired(index, lambda: self._refresh(index, definition))

    def _refresh(self, index: Index, definition: LibraryDefinition) -> Changes:
        there: list[str] = []
        away: list[Path] = []
        for source in definition.sources:
            if _is_away(Path(source), empty=index.count() > 0):
                away.append(Path(source))
            else:
                there.append(source)
        files, skipped = find_files(there, clips=definition.video_frames > 0)
        changes = refresh(index, files, definition.crop, self._progress, video_frames=definition.video_frames)
        changes.skipped += skipped
        for path in away:
            self._progress.notice(f"{path} is not there or empty: what is known of its photos is kept")
        changes.gone = index.forget_gone(away)
        index.note(changes.skipped)
        return changes


def _is_away(path: Path, *, empty: bool) -> bool:
    """Whether a folder is not there for now; an `empty` one, where photos were, is a drive that is not plugged in."""
    try:
        return not path.exists() or (empty and path.is_dir() and not any(path.iterdir()))
    except OSError:  # it is there, and the walk tells what is the matter with it
        return False
