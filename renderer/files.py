"""Files: writing one so that it appears under its name only when it is whole; opening one of the user's for reading."""

from __future__ import annotations

import contextlib
import difflib
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
from io import BufferedReader
from pathlib import Path
from typing import Final

from renderer.errors import BusyError, FileError, InputError, MissingFileError, RenderError
from renderer.locks import PATIENCE, is_held, locked

_BAD_NAMES: Final = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # what systems say of a name that they can't hold
_LOCK: Final = ".lock"
_FOLDER_LOCK: Final = ".render.lock"
_PART: Final = ".part-"
_TOKEN: Final = "[0-9a-f]" * 8
_TEMPORARY: Final = "mosaic-renderer-"
_LONG_NAME: Final = 100  # bytes of a name from which down it is part of a hidden one as it is
_LONGEST_SUFFIX: Final = 16


def expanded(path: str | Path) -> Path:
    """A path with a home folder in the place of its ~ or ~name; as shells do, one that is nobody's stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (that of Path raises RuntimeError for ~nobody)


def home_is_known() -> bool:
    """Whether there is a home folder: a container's user may have neither HOME nor an entry in passwd."""
    return os.path.isabs(os.path.expanduser("~"))  # noqa: PTH111, PTH117 (Path raises instead of telling)


def users_folder(variable: str, platforms: Callable[[], Path]) -> Path:
    """The folder that an environment variable names, or else the platform's. Raises InputError where it has none."""
    named = os.environ.get(variable)
    if named:
        return Path(named)
    try:
        return platforms()
    except RuntimeError:  # platformdirs': it can't determine the home folder
        raise InputError(
            "the home folder is not known: set HOME, or MOSAIC_RENDERER_CACHE and MOSAIC_RENDERER_LIBRARIES to folders"
        ) from None


def check_free(path: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise InputError if `path` is no file, or one that may not be overwritten; OSError if it can be no name."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = path.stat().st_mode  # of what a link points to
        if stat.S_ISDIR(mode):
            raise InputError(f"{path} is a folder: give a file's name")
        if stat.S_ISFIFO(mode):
            raise InputError(f"{path} is a pipe, which takes nothing but raw video (y4m): give a file's name")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path} is a device, which no file may take the place of: give a file's name")
        if not overwrite:
            raise InputError(f"{path} exists: give another {option}, or -y to overwrite it")


def check_writable(path: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise InputError if a file can't be written to `path`, BusyError if another process writes it: before the work.

    Folders that are not there will be made with the file. Permissions alone don't tell what root, a read-only disk or
    a folder of the system allow: so what it needs is made beside it, and deleted.
    """
    above = path.absolute().parents
    folder = above[0]
    try:
        check_free(path, overwrite=overwrite, option=option)
        if path.is_symlink():
            folder = path.resolve().parent
        folder = next(each for each in (folder, *folder.parents) if each.exists())
        if not folder.is_dir():
            raise InputError(f"{folder} is a file, so {path} can't be in it: give another {option}")
        with _workspace(folder / path.resolve().name, path):
            pass
    except OSError as error:
        if error.errno in _BAD_NAMES:
            raise InputError(f"{path} can't be a file's name ({error.strerror}): give another {option}") from error
        why = "" if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM) else f" ({error.strerror})"
        raise InputError(f"{path}: {folder} may not be written to{why}: give another {option}") from error


def shortened(stem: str, most: int) -> str:
    """As much of a name's beginning as fits into some bytes."""
    while len(os.fsencode(stem)) > most:
        stem = stem[:-1]
    return stem


def existing_folder(path: Path) -> Path:
    """The folder of a path, or the nearest one above it that is there."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


# -- One writer at a time, and nothing left behind ------------------------------------------------------------------


def _hidden(path: Path, ending: str) -> Path:
    """A hidden name beside `path`: always the same, and of at most 120 bytes, as some file systems allow few more."""
    name = os.fsencode(path.name)
    if len(name) > _LONG_NAME:
        same = unicodedata.normalize("NFC", path.name).casefold()  # where the file system takes two spellings for one
        digest = hashlib.blake2b(os.fsencode(same), digest_size=6).hexdigest()
        name = name[: _LONG_NAME - 13].decode("utf-8", "ignore").encode() + b"-" + digest.encode()
    return path.with_name(f".{os.fsdecode(name)}{ending}")


@contextmanager
def _alone(path: Path, what: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Nobody else writes `path` meanwhile; what killed processes have left of theirs is deleted.

    `what`: its name in messages. Raises BusyError, OSError.
    """
    with locked(_hidden(path, _LOCK), what, patience) as alone:
        if alone:
            for left in path.parent.glob(f"{glob.escape(_hidden(path, _PART).name)}{_TOKEN}"):
                shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _workspace(path: Path, what: Path) -> Iterator[Path]:
    """Give a new folder beside `path` in which it is written, as `_alone` has it; deleted in the end."""
    with _alone(path, what):
        folder = _hidden(path, f"{_PART}{secrets.token_hex(4)}")
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Delete what killed processes have left of writing `path`; not while another one writes it."""
    with contextlib.suppress(BusyError, OSError), _alone(path, path, patience=0):
        pass


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a new folder for temporary files, deleted in the end; those that killed processes left are deleted now.

    Raises RenderError if none can be made.
    """
    where = _system_folder()
    for lock in where.glob(f".{_TEMPORARY}{_TOKEN}{_LOCK}"):
        _sweep(where / lock.name.removeprefix(".").removesuffix(_LOCK))
    new = where / f"{_TEMPORARY}{secrets.token_hex(4)}"
    with contextlib.ExitStack() as resources:
        try:
            folder = resources.enter_context(_workspace(new, new))
        except OSError as error:
            raise RenderError(f"{where} may not be written to ({error.strerror}): set TMPDIR to a folder") from error
        yield folder


def _system_folder() -> Path:
    """The system's folder for temporary files. Raises RenderError if there is none that can be used."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise RenderError(f"no folder for temporary files ({error.strerror}): set TMPDIR to one") from error


def leftovers(folder: Path) -> list[Path]:
    """What renders that were killed have left in a folder, and in the system's for temporary files."""
    found = {*folder.glob(f".*{_PART}{_TOKEN}"), *_system_folder().glob(f".{_TEMPORARY}{_TOKEN}{_PART}{_TOKEN}")}
    return sorted(each for each in found if not is_held(each.with_name(each.name.rsplit(_PART, 1)[0] + _LOCK)))


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """One process at a time: while the context lasts, nobody else gets past a claim on the same folder.

    The folder must be there; a hidden file in it says who holds it. Files in it are written as ever: a claim on the
    folder is none on them. Raises BusyError, which names the holder, and InputError if the folder can't be written to.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(folder / _FOLDER_LOCK, folder))
        except OSError as error:
            raise InputError(f"{folder} may not be written to ({error.strerror}): give another output") from error
        yield


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it that are not there; those that are empty in the end go again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
        yield
    finally:
        for each in missing:
            with contextlib.suppress(OSError):  # it holds files, which is what was wanted
                each.rmdir()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Raise what the system says of writing `path` as RenderError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RenderError(f"{path}: the disk is full: free some space, or write elsewhere") from error
        raise RenderError(f"{path} could not be written ({error.strerror or error})") from error


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path to write to; renamed to `path` at the end, deleted if anything went wrong.

    It has the ending of `path`, in a folder of its own: other files may be made beside it, and are deleted with it. So
    are folders that had to be made for it.

    Raises InputError as `check_writable` does, BusyError while another process writes it, and RenderError when the
    disk is full or the file can't be written.
    """
    check_writable(path, overwrite=overwrite)
    target = path.resolve()  # what a link points to is meant, not the link
    with _reported(path), _made(target.parent), _workspace(target, path) as folder:
        temporary = folder / f"new{path.suffix[:_LONGEST_SUFFIX]}"
        yield temporary
        check_free(path, overwrite=overwrite)  # something may have been made there meanwhile
        temporary.replace(target)


@contextmanager
def new_files(pattern: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder to write files to; they are moved into that of `pattern`, when all are whole.

    `pattern`: the name that stands for all of them. Its folder is made. Raises what `new_file` does.
    """
    with _reported(pattern.parent), _made(pattern.parent), _workspace(pattern, pattern) as temporary:
        yield temporary
        written = sorted(temporary.iterdir())
        for file in written:
            check_free(pattern.with_name(file.name), overwrite=overwrite)
        for file in written:
            file.replace(pattern.with_name(file.name))


# -- Reading -------------------------------------------------------------------------------------------------------
# Every file of the user's is opened by open_input, or by another program after check_input: tests/test_architecture.py.


def check_input(path: Path) -> None:
    """Raise FileError unless a path is that of a regular file: a pipe or a device could be read for ever."""
    try:
        mode = path.stat().st_mode
    except ValueError:  # a NUL, or what no file system can encode
        raise FileError(path, "can't be a file's name") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    _check_regular(path, mode)


def is_file(path: Path) -> bool:
    """Whether a path is that of a regular file; a name that none can have is none (`Path.is_file` raises for some)."""
    try:
        check_input(path)
    except FileError:
        return False
    return True


def open_input(path: Path) -> BufferedReader:
    """Open a file of the user's for reading. Raises FileError as `check_input` does, and for missing permission."""
    check_input(path)  # before opening: for some devices that is an action already
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115 (the caller closes it)
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        _check_regular(path, os.fstat(file.fileno()).st_mode)  # it may have been replaced by a pipe meanwhile
    except BaseException:
        file.close()
        raise
    return file


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a file of the user's. Raises FileError as `open_input` does, and for more than `most` bytes."""
    with open_input(path) as file:
        try:
            data = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
        except OSError as error:
            raise _unreadable(path, error) from None
    if data is None or len(data) > most:
        raise FileError(path, f"is larger than {most / 1e6:g} MB, the most that is read")
    return data


def read_text(path: Path, name: str, *, most: int) -> str:
    """The text of a file of the user's: UTF-8 with or without a byte order mark; its lines end with a line feed.

    `name` says what the file is and begins the message: an option, or words such as "the preset". `most`: bytes.
    Raises InputError.
    """
    try:
        data = read_bytes(path, most)
    except FileError as error:
        raise unusable(name, path, error) from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} {path} can't be read, it is not UTF-8 ({error.reason}): save it as UTF-8") from None


def require_file(path: Path, name: str) -> None:
    """Raise InputError unless a path is that of a regular file; `name` begins the message, as for `read_text`."""
    try:
        check_input(path)
    except FileError as error:
        raise unusable(name, path, error) from None


def unusable(name: str, path: Path, error: FileError) -> InputError:
    """The error for a file that an option or a key names, and that can't be read; `name` as for `read_text`."""
    reason = missing_file(path) if isinstance(error, MissingFileError) else f"{path} {error.reason}"
    return InputError(f"{name} {reason}")


def can_be_path(text: str) -> bool:
    """Whether a text that stands in a file can be a path at all: it has no NUL, and nothing that can't be encoded."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def missing_file(path: Path) -> str:
    """The sentence for a path that does not exist: with the nearest names beside it, if any are near."""
    try:
        names = [found.name for found in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"{path}: there is no such file, nor a folder {path.parent} for it: check the path"
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    fix = f"did you mean {' or '.join(near)}?" if near else "check the path"
    return f"{path}: there is no such file or folder: {fix}"


def _open_without_waiting(name: str, flags: int) -> int:
    """Open a path; where it is a pipe, without waiting for its writer."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "but a folder" if stat.S_ISDIR(mode) else "(a pipe or a device)"
        raise FileError(path, f"is not a file {kind}", transient=True)


def _unreadable(path: Path, error: OSError) -> FileError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        if path.is_symlink():
            return FileError(path, "is a link that leads to no file", transient=True)
        return MissingFileError(path, "does not exist", transient=True)
    if error.errno in _BAD_NAMES:
        return FileError(path, f"can't be a file's name ({error.strerror})")
    return FileError(path, f"may not be read ({error.strerror})", transient=True)
