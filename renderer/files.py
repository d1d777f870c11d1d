"""Writing a file so that it appears under its name only when it is whole, and nothing is lost on the way."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from renderer.errors import InputError, RenderError


def check_writable(path: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise InputError if a file can't be written to `path`: before the work that would make it."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file's name")
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists: give another {option}, or -y to overwrite it")
        folder = path.absolute().parent
        if not folder.is_dir():
            raise InputError(
                f"{folder}: there is no such folder for the output: make it first, or give another {option}"
            )
        if not os.access(folder, os.W_OK):
            raise InputError(f"{folder} may not be written to: give another {option}")
        temporary_name(path).exists()
    except OSError as error:
        raise InputError(f"{path} can't be a file's name ({error.strerror}): give another {option}") from error


def temporary_name(path: Path) -> Path:
    """A name beside `path` that nothing else has."""
    return path.with_name(f".{path.stem}.part-{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; renamed to it at the end, deleted if anything went wrong.

    Raises InputError as `check_writable` does, and RenderError when the disk is full or the file can't be written.
    """
    check_writable(path, overwrite=overwrite)
    if path.is_symlink():  # what it points to is meant, not the link
        path = path.resolve()
    temporary = temporary_name(path)
    try:
        yield temporary
        if path.exists() and not overwrite:  # made by somebody else meanwhile
            raise InputError(f"{path} exists: give another -o, or -y to overwrite it")
        temporary.replace(path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RenderError(f"{path}: the disk is full: free some space, or give another -o") from error
        raise RenderError(f"{path} could not be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_files(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder to write files to; they are moved into `folder`, which is made, when all are whole.

    Raises InputError for a name that is taken, and RenderError when the disk is full or a file can't be written.
    """
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as temporary:
            yield Path(temporary)
            written = sorted(Path(temporary).iterdir())
            for file in written:
                check_writable(folder / file.name, overwrite=overwrite)
            for file in written:
                file.replace(folder / file.name)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RenderError(f"{folder}: the disk is full: free some space, or give another -o") from error
        raise RenderError(f"{folder} could not be written to ({error.strerror or error})") from error
    finally:
        if made:
            with contextlib.suppress(OSError):  # it holds files, which is what was wanted
                folder.rmdir()
