"""Reading user files: regular files only, with a size limit; every failure is an error that names the file.

User files are opened by `open_input`, or by another program after `check_input`; tests/test_architecture.py checks it.
"""

from __future__ import annotations

import difflib
import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from renderer.errors import FileError, InputError, MissingFileError

INVALID_NAME_CODES: Final = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""Error numbers for names that the file system can't store."""


def check_input(path: Path) -> None:
    """Raise FileError unless a path is a regular file: reading a pipe or a device might never end."""
    try:
        mode = path.stat().st_mode
    except ValueError:  # a NUL, or characters that can't be encoded
        raise FileError(path, "can't be a file name") from None
    except OSError as error:
        raise _read_error(path, error) from None
    _check_regular(path, mode)


def is_file(path: Path) -> bool:
    """Return whether a path is a regular file; False for an invalid name, where `Path.is_file` may raise."""
    try:
        check_input(path)
    except FileError:
        return False
    return True


def open_input(path: Path) -> BufferedReader:
    """Open a user file for reading. Raises FileError as `check_input` does, or if permission is missing."""
    check_input(path)  # before opening it: opening alone triggers an action of some devices
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115 (the caller closes it)
    except OSError as error:
        raise _read_error(path, error) from None
    try:
        _check_regular(path, os.fstat(file.fileno()).st_mode)  # a pipe may have replaced it since the check
    except BaseException:
        file.close()
        raise
    return file


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a user file. Raises FileError as `open_input` does, or if it is larger than `max_bytes`."""
    with open_input(path) as file:
        try:
            data = file.read(max_bytes + 1) if os.fstat(file.fileno()).st_size <= max_bytes else None
        except OSError as error:
            raise _read_error(path, error) from None
    if data is None or len(data) > max_bytes:
        raise FileError(path, f"is larger than {max_bytes / 1e6:g} MB, the maximum")
    return data


def read_text(path: Path, subject: str, *, max_bytes: int) -> str:
    """Return the text of a user file: UTF-8 with or without a byte order mark; lines end with a line feed.

    `subject` starts the error message. It contains the path, either with its parameter, as in `named("preset", path)`,
    or with words, as in `f"the campaign {path}"`. Raises InputError.
    """
    try:
        data = read_bytes(path, max_bytes)
    except FileError as error:
        raise _input_error(subject, path, error) from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{subject} is not UTF-8 ({error.reason}): save it as UTF-8") from None


def require_file(path: Path, subject: str) -> None:
    """Raise InputError unless a path is a regular file; `subject` starts the message, as in `read_text`."""
    try:
        check_input(path)
    except FileError as error:
        raise _input_error(subject, path, error) from None


def missing_file(path: Path, subject: str | None = None) -> str:
    """Return the message for a path that does not exist; it suggests similar names from the same folder.

    `subject` starts the message, as in `read_text`; default: the path.
    """
    subject = subject or str(path)
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"{subject}: there is no such file, and no folder {path.parent}: check the path"
    similar = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    fix = f"did you mean {' or '.join(similar)}?" if similar else "check the path"
    return f"{subject}: there is no such file or folder: {fix}"


def _open_without_waiting(name: str, flags: int) -> int:
    """Open a path; if it is a pipe, without waiting for its writer."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise FileError(path, f"is not a file but {kind}", transient=True)


def _read_error(path: Path, error: OSError) -> FileError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        if path.is_symlink():
            return FileError(path, "is a broken link", transient=True)
        return MissingFileError(path, "does not exist", transient=True)
    if error.errno in INVALID_NAME_CODES:
        return FileError(path, f"can't be a file name ({error.strerror})")
    return FileError(path, f"can't be read ({error.strerror})", transient=True)


def _input_error(subject: str, path: Path, error: FileError) -> InputError:
    return InputError(
        missing_file(path, subject) if isinstance(error, MissingFileError) else f"{subject} {error.reason}"
    )
