"""Writing files: a file appears under its name only when it is complete, and has one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from renderer.errors import BusyError, DiskError, InputError, RenderError
from renderer.input_files import INVALID_NAME_CODES
from renderer.locks import RETRY_SECONDS, is_held, locked
from renderer.messages import named

_LOCK: Final = ".lock"
_FOLDER_LOCK: Final = ".render.lock"
_PART: Final = ".part-"
_TOKEN: Final = "[0-9a-f]" * 8
_TEMPORARY: Final = "mosaic-renderer-"
_MAX_NAME: Final = 100  # bytes of a name that a hidden name contains unchanged
_MAX_SUFFIX: Final = 16


def check_free(path: Path, *, overwrite: bool, parameter: str = "output") -> None:
    """Raise InputError if `path` is not a regular file, or exists and may not be overwritten; OSError for a bad name.

    `parameter`: the parameter that sets the path, for messages.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = path.stat().st_mode  # follows links
        if stat.S_ISDIR(mode):
            raise InputError(f"{path} is a folder: choose a file name")
        if stat.S_ISFIFO(mode):
            raise InputError(f"{path} is a pipe, which accepts only raw video (y4m): choose a file name")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path} is a device, which can't be replaced by a file: choose a file name")
        if not overwrite:
            raise InputError(
                f"{path} exists: choose another {named(parameter)}, or use {named('overwrite', True)} to overwrite it"
            )


def check_writable(path: Path, *, overwrite: bool, parameter: str = "output") -> None:
    """Raise InputError if `path` can't be written, BusyError if another process is writing it. Call it before the work.

    `parameter`: the parameter that sets the path, for messages. Missing folders are not an error, as they are created
    with the file. Permissions do not reveal a read-only disk, a protected system folder, or what root may write, so
    this creates the temporary folder that writing needs, and deletes it.
    """
    parents = path.absolute().parents
    folder = parents[0]
    try:
        check_free(path, overwrite=overwrite, parameter=parameter)
        if path.is_symlink():
            folder = path.resolve().parent
        folder = next(each for each in (folder, *folder.parents) if each.exists())
        if not folder.is_dir():
            raise InputError(f"{path} can't be written, since {folder} is a file: choose another {named(parameter)}")
        with _workspace(folder / path.resolve().name, path):
            pass
    except OSError as error:
        if error.errno in INVALID_NAME_CODES:
            raise InputError(
                f"{path} can't be a file name ({error.strerror}): choose another {named(parameter)}"
            ) from error
        reason = "" if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM) else f" ({error.strerror})"
        raise InputError(f"{path}: {folder} is not writable{reason}: choose another {named(parameter)}") from error


def shortened(stem: str, max_bytes: int) -> str:
    """Return the start of a name, cut to at most this many bytes."""
    while len(os.fsencode(stem)) > max_bytes:
        stem = stem[:-1]
    return stem


# -- Locks and temporary folders ------------------------------------------------------------------------------------


def _hidden(path: Path, ending: str) -> Path:
    """Return a hidden path next to `path`, always the same; its name has at most 120 bytes, for all file systems."""
    name = os.fsencode(path.name)
    if len(name) > _MAX_NAME:
        same = unicodedata.normalize("NFC", path.name).casefold()  # some file systems treat two spellings as one name
        digest = hashlib.blake2b(os.fsencode(same), digest_size=6).hexdigest()
        name = name[: _MAX_NAME - 13].decode("utf-8", "ignore").encode() + b"-" + digest.encode()
    return path.with_name(f".{os.fsdecode(name)}{ending}")


@contextmanager
def _exclusive(path: Path, label: Path, retry_seconds: float = RETRY_SECONDS) -> Iterator[None]:
    """Hold the lock for writing `path`, and delete the temporary folders that killed processes left for it.

    `label`: the path in messages. Raises BusyError, OSError.
    """
    with locked(_hidden(path, _LOCK), label, retry_seconds) as is_locked:
        if is_locked:
            for leftover in path.parent.glob(f"{glob.escape(_hidden(path, _PART).name)}{_TOKEN}"):
                shutil.rmtree(leftover, ignore_errors=True)
        yield


@contextmanager
def _workspace(path: Path, label: Path) -> Iterator[Path]:
    """Yield a new folder next to `path` for writing it, while holding its lock; deleted when the context exits."""
    with _exclusive(path, label):
        folder = _hidden(path, f"{_PART}{secrets.token_hex(4)}")
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(path: Path) -> None:
    """Delete what killed processes left while writing `path`, unless another process is writing it."""
    with contextlib.suppress(BusyError, OSError), _exclusive(path, path, retry_seconds=0):
        pass


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder for temporary files, deleted when the context exits; first delete those of killed processes.

    Raises RenderError if it can't be made.
    """
    system = _system_folder()
    for lock in system.glob(f".{_TEMPORARY}{_TOKEN}{_LOCK}"):
        _remove_leftovers(system / lock.name.removeprefix(".").removesuffix(_LOCK))
    new = system / f"{_TEMPORARY}{secrets.token_hex(4)}"
    with contextlib.ExitStack() as resources:
        try:
            folder = resources.enter_context(_workspace(new, new))
        except OSError as error:
            raise RenderError(f"{system} is not writable ({error.strerror}): set TMPDIR to a folder") from error
        yield folder


def _system_folder() -> Path:
    """Return the system's folder for temporary files. Raises RenderError if none can be used."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise RenderError(f"No folder for temporary files ({error.strerror}): set TMPDIR to one") from error


def leftovers(folder: Path) -> list[Path]:
    """Return what killed renders left in a folder, and in the system's folder for temporary files."""
    found = {*folder.glob(f".*{_PART}{_TOKEN}"), *_system_folder().glob(f".{_TEMPORARY}{_TOKEN}{_PART}{_TOKEN}")}
    return sorted(each for each in found if not is_held(each.with_name(each.name.rsplit(_PART, 1)[0] + _LOCK)))


def remove_leftovers(folder: Path) -> None:
    """Delete what killed renders left in a folder. Failures are ignored."""
    for part in folder.glob(f".*{_PART}{_TOKEN}"):
        with (
            contextlib.suppress(BusyError, OSError),
            locked(part.with_name(part.name.rsplit(_PART, 1)[0] + _LOCK), part),
        ):
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of an existing folder; a hidden file in it names the holder.

    The lock only excludes other callers of this function: files in the folder can still be written. Raises BusyError,
    which names the holder, and InputError if the folder is not writable.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(folder / _FOLDER_LOCK, folder))
        except OSError as error:
            raise InputError(f"{folder} is not writable ({error.strerror}): choose another output") from error
        yield


# -- Writing --------------------------------------------------------------------------------------------------------


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and its missing parents; those that are empty when the context exits are deleted."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
        yield
    finally:
        for each in missing:
            with contextlib.suppress(OSError):  # it is not empty
                each.rmdir()


DISK_ERRORS: Final = {
    errno.ENOSPC: "the disk is full: free some space, or write to another disk",
    errno.EFBIG: "the disk, or your limit (ulimit -f), allows no file of this size: raise it, or write to another disk",
}
"""What is wrong and how to fix it, by the system's error number."""


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn the system's errors about writing `path` into RenderErrors."""
    try:
        yield
    except DiskError as error:
        raise RenderError(f"{path}: {error.text}") from error
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise RenderError(f"{path}: {DISK_ERRORS[error.errno]}") from error
        raise RenderError(f"{path} could not be written ({error.strerror or error})") from error


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path to write to; the file is renamed to `path` at the end, or deleted if anything fails.

    It has the suffix of `path` and a folder of its own: other files may be created next to it, and are deleted with it.
    Folders that were created for `path` are deleted as well if they are empty.

    Raises InputError as `check_writable` does, BusyError while another process writes the file, and RenderError if the
    disk is full or the file can't be written.
    """
    check_writable(path, overwrite=overwrite)
    target = path.resolve()  # a link stays, and its target is replaced
    with _reported(path), _made(target.parent), _workspace(target, path) as folder:
        temporary = folder / f"new{path.suffix[:_MAX_SUFFIX]}"
        yield temporary
        check_free(path, overwrite=overwrite)  # it may have been created in the meantime
        temporary.replace(target)


@contextmanager
def new_files(pattern: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary folder to write files to; they are moved to the folder of `pattern` when all are complete.

    `pattern`: the file name pattern that stands for all of them. Its folder is created if it is missing. Raises as
    `new_file` does.
    """
    with _reported(pattern.parent), _made(pattern.parent), _workspace(pattern, pattern) as temporary:
        yield temporary
        written = sorted(temporary.iterdir())
        for file in written:
            check_free(pattern.with_name(file.name), overwrite=overwrite)
        for file in written:
            file.replace(pattern.with_name(file.name))


def check_file_and_folder(
    path: Path,
    folder: Path,
    is_ours: Callable[[Path], bool],
    contents: str,
    *,
    overwrite: bool,
    parameter: str = "output",
) -> None:
    """Raise InputError if a file and a folder, as `new_file_and_folder` writes them, exist and may not be replaced.

    `is_ours`: whether the existing folder has only what is written into it, called `contents` in messages: no other
    folder is replaced, and no link. `parameter`: the parameter that sets the path, for messages.
    """
    other = f"choose another {named(parameter)}"
    for each in (path, folder):
        if each.is_symlink():
            raise InputError(f"{each} is a link, which is not replaced: {other}")
    check_free(path, overwrite=overwrite, parameter=parameter)
    if not folder.exists():
        return
    try:
        is_replaced = folder.is_dir() and is_ours(folder)
    except OSError as error:
        raise RenderError(f"{folder} could not be read ({error.strerror})") from error
    if not is_replaced:
        raise InputError(f"{folder} exists and contains other files than {contents}: {other}")
    if not overwrite:
        raise InputError(f"{folder} exists: {other}, or use {named('overwrite', True)} to overwrite it")


@contextmanager
def new_file_and_folder(path: Path, folder: Path, check: Callable[[], object]) -> Iterator[tuple[Path, Path]]:
    """Yield temporary paths of a file and of a folder, which exists, to write to; both are renamed at the end.

    `path`, `folder`: their final paths, in the same folder; neither is a link. Nothing is left if anything fails. What
    they replace is deleted at the end. `check`: called before they are renamed; raises InputError if they may not be
    replaced.

    Raises BusyError and RenderError as `new_file` does.
    """
    with _reported(path), _made(path.parent), _workspace(path, path) as temporary:
        file, new, old = (temporary / name for name in (f"new{path.suffix[:_MAX_SUFFIX]}", "new", "old"))
        new.mkdir()
        yield file, new
        check()
        try:
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
            file.replace(path)
        except BaseException:
            if not new.exists():
                folder.rename(new)
            if old.exists():
                old.rename(folder)
            raise
