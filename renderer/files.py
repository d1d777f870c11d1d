"""Files: writing one so that it appears under its name only when it is whole; opening one of the user's for reading."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from renderer.errors import FileError, InputError, MissingFileError, RenderError

_BAD_NAMES: Final = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # what systems say of a name that they can't hold


def expanded(path: str | Path) -> Path:
    """A path with a home folder in the place of its ~ or ~name; as shells do, one that is nobody's stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (that of Path raises RuntimeError for ~nobody)


def check_writable(path: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise InputError if a file can't be written to `path`: before the work that would make it.

    Folders that are not there will be made with the file. Permissions alone don't tell what root, a read-only disk or
    a folder of the system allow: so a file is made beside it, and deleted.
    """
    above = path.absolute().parents
    folder = above[0]
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file's name")
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists: give another {option}, or -y to overwrite it")
        folder = next(each for each in above if each.exists())
        if not folder.is_dir():
            raise InputError(f"{folder} is a file, so {path} can't be in it: give another {option}")
        tried = folder / f".{path.stem}.try-{secrets.token_hex(4)}{path.suffix}"
        tried.touch(exist_ok=False)
        tried.unlink()
    except OSError as error:
        if error.errno in _BAD_NAMES:
            raise InputError(f"{path} can't be a file's name ({error.strerror}): give another {option}") from error
        why = "" if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM) else f" ({error.strerror})"
        raise InputError(f"{path}: {folder} may not be written to{why}: give another {option}") from error


def existing_folder(path: Path) -> Path:
    """The folder of a path, or the nearest one above it that is there."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def temporary_name(path: Path) -> Path:
    """A name beside `path` that nothing else has."""
    return path.with_name(f".{path.stem}.part-{secrets.token_hex(4)}{path.suffix}")


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
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; renamed to it at the end, deleted if anything went wrong.

    So are folders that had to be made for it.

    Raises InputError as `check_writable` does, and RenderError when the disk is full or the file can't be written.
    """
    check_writable(path, overwrite=overwrite)
    if path.is_symlink():  # what it points to is meant, not the link
        path = path.resolve()
    temporary = temporary_name(path)
    try:
        with _made(path.parent):
            try:
                yield temporary
                if path.exists() and not overwrite:  # made by somebody else meanwhile
                    raise InputError(f"{path} exists: give another -o, or -y to overwrite it")
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RenderError(f"{path}: the disk is full: free some space, or write elsewhere") from error
        raise RenderError(f"{path} could not be written ({error.strerror or error})") from error


@contextmanager
def new_files(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder to write files to; they are moved into `folder`, which is made, when all are whole.

    Raises InputError for a name that is taken, and RenderError when the disk is full or a file can't be written.
    """
    try:
        with _made(folder), tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as temporary:
            yield Path(temporary)
            written = sorted(Path(temporary).iterdir())
            for file in written:
                check_writable(folder / file.name, overwrite=overwrite)
            for file in written:
                file.replace(folder / file.name)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RenderError(f"{folder}: the disk is full: free some space, or write elsewhere") from error
        raise RenderError(f"{folder} could not be written to ({error.strerror or error})") from error


# -- Reading -------------------------------------------------------------------------------------------------------
# Every file of the user's is opened by open_input, or by a decoder after check_input: tests/test_architecture.py.


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


def open_input(path: Path) -> BinaryIO:
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
    mend = f"did you mean {' or '.join(near)}?" if near else "check the path"
    return f"{path}: there is no such file or folder: {mend}"


def _open_without_waiting(name: str, flags: int) -> int:
    """Open a path; where it is a pipe, without waiting for its writer."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "but a folder" if stat.S_ISDIR(mode) else "(a pipe or a device)"
        raise FileError(path, f"is not a file {kind}")


def _unreadable(path: Path, error: OSError) -> FileError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return FileError(path, "is a link that leads to no file") if path.is_symlink() else MissingFileError(path)
    if error.errno in _BAD_NAMES:
        return FileError(path, f"can't be a file's name ({error.strerror})")
    return FileError(path, f"may not be read ({error.strerror})")
