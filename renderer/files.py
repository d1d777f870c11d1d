"""Writing a file so that it appears under its name only when it is whole, and nothing is lost on the way."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from renderer.errors import InputError, RenderError

_BAD_NAMES: Final = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # what systems say of a name that they can't hold


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
