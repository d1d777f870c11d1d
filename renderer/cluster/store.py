"""The store of a cluster: where its machines exchange files. A folder that all of them share, or a URL of fsspec.

Files are kept under their digest: they are written once, and what is read has been checked. A folder is read in place;
copies of files from elsewhere are kept in the cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from renderer.cached_files import DAYS_KEPT, copies_folder
from renderer.errors import BusyError, InputError, RenderError
from renderer.library import file_digest
from renderer.messages import named
from renderer.output_files import DISK_ERRORS, new_file, temporary_folder
from renderer.paths import expanded
from renderer.private_files import make_private_folder

FILES: Final = "files"
"""Folder of what several videos may use: photos, fonts, maps."""


RUNS: Final = "runs"
"""Folder of the plans of what is being made."""

SEGMENTS: Final = "segments"
"""Folder of the segments that are finished, until they are copied to the client."""


def digest_of(name: str) -> str:
    """Return the digest of a file in a store."""
    return name.split("/")[-2]


class Store:
    """Files by their folder, digest and name: `put` returns such a name, and `fetch` a local path for it."""

    def __init__(self, url: str) -> None:
        """Open a store. `url`: a folder, or a URL such as s3://bucket/folder. Raises InputError."""
        self.url = url if "://" in url else str(expanded(url).absolute())  # as workers have other current folders
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise InputError(f"{named('store', url)} can't be used: {error}") from error
        self._checked: set[str] = set()  # files of a shared folder that were compared with their digest

    def check(self) -> None:
        """Write a file and delete it, and delete what runs have left for a week. Raises InputError if that fails."""
        try:
            with temporary_folder() as folder:
                path = folder / "empty"
                path.touch()
                self.remove([self.put(path, f"{RUNS}/{uuid4()}")])
            left = [*self.names(RUNS), *self.names(SEGMENTS)]
        except RenderError as error:
            raise InputError(error.text) from error
        with contextlib.suppress(Exception):  # not all kinds of stores know when a file was written
            oldest = datetime.now(UTC) - timedelta(days=DAYS_KEPT)
            self.remove(name for name in left if self._files.modified(self._at(name)) < oldest)

    def put(self, path: Path, folder: str = FILES) -> str:
        """Copy a file to the store unless it is there. Returns its name. Raises RenderError."""
        name = f"{folder}/{file_digest(path)}/{path.name}"
        with self._reported():
            if self._size(name) == path.stat().st_size:
                return name
            if not self._is_folder:
                self._files.put_file(str(path), self._at(name))
                return name
            self._local(name).parent.mkdir(parents=True, exist_ok=True)
        with new_file(self._local(name), overwrite=True) as temporary:
            shutil.copyfile(path, temporary)
        return name

    def names(self, folder: str) -> list[str]:
        """Return the names of all files in a folder of the store. Raises RenderError."""
        with self._reported():
            self._files.invalidate_cache()
            with contextlib.suppress(FileNotFoundError):
                found = self._files.find(self._at(folder))
                return sorted(str(each).removeprefix(f"{self._root.rstrip('/')}/") for each in found)
        return []

    def find(self, name: str) -> Path | None:
        """Return a local path of a file, as `fetch` does; None if it is not in the store. Raises RenderError."""
        with self._reported():
            if not self._copy(name).exists() and self._size(name) is None:
                return None
        return self.fetch(name)

    def fetch(self, name: str) -> Path:
        """Return a local path of a file: in the shared folder, or of a copy in the cache. Raises RenderError."""
        if self._is_folder:
            path = self._local(name)
            if name not in self._checked:
                self._check(path, digest_of(name))
                self._checked.add(name)
            return path
        path = self._copy(name)
        while not path.exists():
            try:
                self.copy(name, path)
            except BusyError:  # another process of this machine copies it
                time.sleep(0.2)
        with contextlib.suppress(OSError):
            os.utime(path.parent)  # the copies that were used last are kept
        return path

    def copy(self, name: str, path: Path) -> None:
        """Copy a file of the store to a path, which is replaced if it exists. Raises RenderError."""
        make_private_folder(path.parent)
        with new_file(path, overwrite=True) as temporary, self._reported():
            self._files.get_file(self._at(name), str(temporary))
            self._check(temporary, digest_of(name))

    def remove(self, names: Iterable[str]) -> None:
        """Delete files with their folders, if these are empty then. Failures are ignored: they only take space."""
        for name in names:
            digest = name.rpartition("/")[0]
            with contextlib.suppress(Exception):  # each kind of store has its own
                self._files.rm(self._at(digest), recursive=True)
                if self._is_folder and digest.count("/") > 1:  # that of a video or a run, not of all
                    self._local(digest).parent.rmdir()

    @property
    def _is_folder(self) -> bool:
        return isinstance(self._files, LocalFileSystem)

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _copy(self, name: str) -> Path:
        digest, own = name.split("/")[-2:]
        return copies_folder() / digest / own

    def _local(self, name: str) -> Path:
        return Path(self._at(name))

    def _size(self, name: str) -> int | None:
        """Return the bytes of a file; None if there is none."""
        if not self._is_folder:
            self._files.invalidate_cache()
        try:
            return int(self._files.size(self._at(name)))
        except FileNotFoundError:
            return None

    def _check(self, path: Path, digest: str) -> None:
        if not path.exists():
            raise RenderError(
                f"{path} is missing in {named('store', self.url)}: set it to a place that all machines share"
            )
        if file_digest(path) != digest:
            raise RenderError(f"{path} is damaged: delete it in {named('store', self.url)}, and render again")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn the errors of all kinds of stores into RenderErrors."""
        try:
            yield
        except RenderError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise  # the disk of this machine
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise RenderError(
                f"{named('store', self.url)} can't be used ({reason}): check it and its access"
            ) from error
