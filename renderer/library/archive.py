"""The indexes that one run uses, and the libraries opened from them."""

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

from renderer.choices import DEFAULT_NAME, PIECES, Crop
from renderer.errors import FileError, InputError
from renderer.library.crops import CropRule
from renderer.library.definitions import (
    LibraryDefinition,
    find_library,
    library_names,
    restrict_default_folder,
)
from renderer.library.index import Index
from renderer.library.indexing import Changes, refresh
from renderer.library.library import Library
from renderer.library.photos import Photos, Skipped
from renderer.library.reading import file_digest
from renderer.library.walking import CLIP_SUFFIXES, find_files
from renderer.names import absolute
from renderer.paths import cache_folder, library_folder
from renderer.private_files import make_private
from renderer.progress import Progress

DEFAULT_CROP: Final[Crop] = "smart"

T = TypeVar("T")


class Archive:
    """The index of plain files, in the cache, and the indexes of named libraries: opened on demand, closed on exit."""

    def __init__(
        self,
        progress: Progress,
        *,
        library_dir: Path | None = None,
        crop: Crop | None = None,
        video_frames: int | None = None,
        faces: bool = True,
    ) -> None:
        """`crop`, `video_frames` and `faces` apply to plain files; a named library has its own settings."""
        self.folder = library_folder(library_dir)
        self.rule, self.video_frames = CropRule(crop or DEFAULT_CROP, faces), video_frames or 0
        self._progress = progress
        self._stack = ExitStack()
        self._open: dict[Path, Index] = {}
        self._counts: dict[tuple[str, ...], int] = {}  # numbers of candidates, by the sources that were opened
        self._ambiguous: set[str] = set()  # names of a library and a file, for which a notice was shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # -- Indexes ---------------------------------------------------------------------------------------------------

    def cache_index(self) -> Index:
        """Return the index of plain files. Each crop mode has its own index, since signatures depend on the crop."""
        name = f"photos-{self.rule.crop}{'' if self.rule.faces else '-no-faces'}.sqlite"
        return self._index(cache_folder() / name, self.rule, memory_fallback=True)

    def library_index(self, definition: LibraryDefinition) -> Index:
        """Return the index of a named library."""
        for file in definition.files:
            make_private(file)
        return self._index(definition.index_path, definition.rule)

    def contains(self, path: Path) -> bool:
        """Return whether a file is a photo of an open index, by its path or its content."""
        try:
            digest = file_digest(path)
            return any(
                index.contains(file, digest)
                for index in self._open.values()
                for file in {path.absolute(), path.resolve()}
            )
        except (FileError, sqlite3.Error):
            return False

    def all_indexes(self) -> list[Index]:
        """Return every index that exists."""
        definitions = (find_library(name, self.folder) for name in library_names(self.folder))
        return [self.cache_index(), *(self.library_index(definition) for definition in definitions if definition)]

    def _index(self, path: Path, rule: CropRule, *, memory_fallback: bool = False) -> Index:
        if path not in self._open:
            index = Index(path, rule, memory_fallback=memory_fallback, notice=self._progress.notice)
            self._open[path] = self._stack.enter_context(index)
            restrict_default_folder(path.parent)
        return self._open[path]

    def with_recovery(self, index: Index, work: Callable[[], T]) -> T:
        """Return the result of `work` on an index; after a database error, recover the index and call `work` again."""
        try:
            return work()
        except sqlite3.Error as error:
            index.recover(error)
            return work()

    # -- Opening ---------------------------------------------------------------------------------------------------

    def open(self, sources: Sequence[str]) -> Library:
        """Return a library of folders, files, globs and named libraries; without sources, the default library.

        Raises InputError for a source that does not exist, and other RenderErrors.
        """
        libraries, plain = self.split_sources(sources)
        files, skipped = find_files(plain, clips=self.video_frames > 0)
        opened = [self._open_library(definition) for definition in libraries]
        self._counts[tuple(sources)] = len(files) + sum(len(library.photos) for library in opened)
        if plain:
            opened.insert(0, self.open_files(files, skipped))
        if not opened:
            return Library(Photos([]))
        library = opened[0]
        for other in opened[1:]:
            skipped = library.skipped + other.skipped
            library = library.combined(other)
            library.skipped = skipped
        return library

    def split_sources(self, sources: Sequence[str]) -> tuple[list[LibraryDefinition], list[str]]:
        """Split sources into named libraries and others; without sources, return the default library, if any.

        The single source `pieces` is neither: it selects no photos.
        """
        if tuple(sources) == (PIECES,):
            return [], []
        if not sources:
            default = find_library(DEFAULT_NAME, self.folder)
            return ([default] if default else []), []
        libraries: dict[str, LibraryDefinition] = {}
        plain = []
        for source in sources:
            found = find_library(source, self.folder)
            if found is None:
                plain.append(source)
                similar = difflib.get_close_matches(source, library_names(self.folder), n=1)
                if similar and not glob.has_magic(source) and not os.path.lexists(absolute(source)):
                    raise InputError(f"There is no library or file {source}: did you mean {similar[0]}?")
                continue
            libraries[source] = found
            if os.path.lexists(source) and source not in self._ambiguous:
                self._ambiguous.add(source)
                self._progress.notice(
                    f"{source} is both a library and a file or folder: the library is used. "
                    f"Write ./{source} for the file or folder"
                )
        return list(libraries.values()), plain

    def candidate_count(self, sources: Sequence[str]) -> int:
        """Return the number of files and library photos that `open` tried for these sources."""
        return self._counts[tuple(sources)]

    def count_clips(self, sources: Sequence[str]) -> int:
        """Return the number of videos among plain files and folders, if video frames are not enabled; else 0."""
        _, plain = self.split_sources(sources)
        files = [] if self.video_frames else find_files(plain, clips=True)[0]
        return sum(path.suffix.lower() in CLIP_SUFFIXES for path in files)

    def folders(self, sources: Sequence[str]) -> list[Path]:
        """Return the folders of sources: the folders of libraries, and the parts of globs before their patterns."""
        libraries, plain = self.split_sources(sources)
        paths = [absolute(source) for source in (*plain, *(each for one in libraries for each in one.sources))]
        return [
            next(path for path in (each, *each.parents) if path.exists() or not glob.has_magic(str(path)))
            for each in paths
        ]

    def open_files(self, files: Sequence[Path], skipped: Iterable[Skipped] = ()) -> Library:
        """Return a library of these files, in their order."""
        index = self.cache_index()

        def work() -> Library:
            changes = refresh(index, files, self._progress, video_frames=self.video_frames)
            photos, stored_skipped = index.scanned()
            return Library(photos, None, [*skipped, *changes.skipped, *stored_skipped], indexes=[index])

        return self.with_recovery(index, work)

    def _open_library(self, definition: LibraryDefinition) -> Library:
        index = self.library_index(definition)

        def work() -> Library:
            if not index.count():
                self._refresh(index, definition)
            photos, skipped = index.all()
            return Library(photos, None, skipped, indexes=[index])

        return self.with_recovery(index, work)

    # -- Named libraries -------------------------------------------------------------------------------------------

    def refresh(self, definition: LibraryDefinition) -> Changes:
        """Update the index of a named library from its folders. Raises RenderError."""
        index = self.library_index(definition)
        return self.with_recovery(index, lambda: self._refresh(index, definition))

    def _refresh(self, index: Index, definition: LibraryDefinition) -> Changes:
        available: list[str] = []
        unavailable: list[Path] = []
        for source in definition.sources:
            if _is_unavailable(Path(source), had_photos=index.count() > 0):
                unavailable.append(Path(source))
            else:
                available.append(source)
        files, skipped = find_files(available, clips=definition.video_frames > 0)
        changes = refresh(index, files, self._progress, video_frames=definition.video_frames)
        changes.skipped += skipped
        for path in unavailable:
            self._progress.notice(f"{path} is missing or empty: its photos stay in the library")
        changes.missing = index.forget_missing(unavailable)
        index.store_unscannable(changes.skipped)
        return changes


def _is_unavailable(path: Path, *, had_photos: bool) -> bool:
    """Return whether a folder does not exist, or is empty but had photos: its drive may not be connected."""
    try:
        return not path.exists() or (had_photos and path.is_dir() and not any(path.iterdir()))
    except OSError:  # it exists, and walking it reports the error
        return False
