"""Libraries that have a name: where they are, and what each is made of.

A library is two files in the library folder: NAME.json says which folders it is of, NAME.sqlite is its index, which
can be made anew from them.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast, get_args

import platformdirs

from renderer.data_files import parse_json
from renderer.errors import FileError, InputError, MissingFileError
from renderer.input_files import read_bytes
from renderer.library.reading import Crop
from renderer.names import normal
from renderer.output_files import new_file
from renderer.paths import can_be_path, configured_folder, expanded
from renderer.private_files import make_private, make_private_folder

DEFAULT_NAME: Final = "default"
"""The library that is used where no tiles are named."""

_MAX_BYTES: Final = 4_000_000  # of a definition: 10,000 folders with long names
_MAX_FRAMES: Final = 1000  # of a clip, as --video-frames allows

PIECES: Final = "pieces"
"""Among `--tiles`: pieces of the cover, although there is a default library. No library may have this name."""


def cache_folder() -> Path:
    """The folder of what may be deleted at any time: what MOSAIC_RENDERER_CACHE names, or the platform's for caches.

    Raises InputError where neither is known, as `library_folder` does.
    """
    return configured_folder(
        "MOSAIC_RENDERER_CACHE", lambda: platformdirs.user_cache_path("mosaic-renderer", appauthor=False)
    )


def library_folder(chosen: Path | None = None) -> Path:
    """The folder of named libraries: the chosen one, MOSAIC_RENDERER_LIBRARIES, or one in the user's data."""
    if chosen is not None:
        return expanded(chosen).absolute()
    return configured_folder(
        "MOSAIC_RENDERER_LIBRARIES",
        lambda: platformdirs.user_data_path("mosaic-renderer", appauthor=False) / "libraries",
    ).absolute()


def keep_private(folder: Path) -> None:
    """Correct the permissions of the platform's folders for the cache and libraries.

    One that a user chose may hold other files, and stays as it is.
    """
    with contextlib.suppress(RuntimeError):  # a user without a home folder, whose folders were all chosen
        is_cache = not os.environ.get("MOSAIC_RENDERER_CACHE") and folder == cache_folder()
        if is_cache or (not os.environ.get("MOSAIC_RENDERER_LIBRARIES") and folder == library_folder()):
            make_private(folder)


@dataclass(frozen=True)
class LibraryDefinition:
    """What a named library is made of."""

    name: str
    folder: Path  # where its files are
    sources: tuple[str, ...]  # absolute paths of folders and files, or globs
    crop: Crop = "smart"
    video_frames: int = 0

    @property
    def index_path(self) -> Path:
        """Its index."""
        return self.folder / f"{self.name}.sqlite"

    @property
    def files(self) -> list[Path]:
        """Every file of it that there is."""
        names = [f"{self.name}.json"]
        names += [f"{self.name}.sqlite{aside}{part}" for aside in ("", ".damaged") for part in ("", "-wal", "-shm")]
        return [self.folder / name for name in names if (self.folder / name).exists()]

    def save(self) -> None:
        """Write it down. Raises RenderError where that can't be done."""
        try:
            make_private_folder(self.folder)
            keep_private(self.folder)
        except OSError as error:
            raise InputError(f"{self.folder} can't be made ({error.strerror}): choose another --library-dir") from None
        content = {"folders": list(self.sources), "crop": self.crop, "video_frames": self.video_frames}
        with new_file(self.folder / f"{self.name}.json", overwrite=True) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def remove(self) -> None:
        """Delete its files; the photos stay as they are."""
        for file in self.files:
            file.unlink(missing_ok=True)

    def adding(self, sources: Sequence[str], crop: Crop | None, video_frames: int | None) -> LibraryDefinition:
        """The same with more folders, and with other settings where they are given."""
        return replace(
            self,
            sources=tuple(dict.fromkeys([*self.sources, *sources])),
            crop=crop or self.crop,
            video_frames=self.video_frames if video_frames is None else video_frames,
        )


def check_name(name: str) -> str:
    """A library's name, as it may be. Raises InputError."""
    name = normal(name)
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        raise InputError(f"--name {name}: a library's name is up to 64 letters, digits, - and _")
    if name == PIECES:
        raise InputError(f"--name {name}: among --tiles this word means pieces of the cover: give another name")
    return name


def names(folder: Path) -> list[str]:
    """The libraries that there are."""
    try:
        return sorted(path.stem for path in folder.glob("*.json") if re.fullmatch(r"\w[\w-]{0,63}", path.stem))
    except OSError:
        return []


def find(name: str, folder: Path) -> LibraryDefinition | None:
    """The library of a name, if there is one. Raises InputError if what is written of it can't be read."""
    name = normal(name)
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        return None
    path = folder / f"{name}.json"
    try:
        content = parse_json(read_bytes(path, _MAX_BYTES))
        crop, sources, frames = content["crop"], content["folders"], content["video_frames"]
        if crop not in get_args(Crop):
            raise ValueError(f"crop is {crop!r}")
        if not isinstance(sources, list) or not all(
            isinstance(source, str) and can_be_path(source) for source in sources
        ):
            raise ValueError("folders is not a list of paths")
        if type(frames) is not int or not 0 <= frames <= _MAX_FRAMES:
            raise ValueError(f"video_frames is {frames!r}")
    except MissingFileError:
        return None
    except FileError as error:
        raise InputError(f"{path} {error.reason}: mend or delete it, and add the library again") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} can't be read ({error}): mend or delete it, and add the library again") from None
    return LibraryDefinition(name, folder, tuple(sources), cast("Crop", crop), frames)


def get(name: str, folder: Path) -> LibraryDefinition:
    """The library of a name. Raises InputError if there is none."""
    found = find(name, folder)
    if found is None:
        known = names(folder)
        near = difflib.get_close_matches(name, known, n=1) or known[:3]
        fix = f"did you mean {' or '.join(near)}?" if near else "render library add FOLDER makes one"
        raise InputError(f"there is no library {name}: {fix}")
    return found
