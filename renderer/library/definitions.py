"""Named libraries: where they are stored, and which folders each consists of.

A library is two files in the library folder: NAME.json lists its folders, and NAME.sqlite is its index, which can be
rebuilt from them.
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

from renderer.choices import PIECES, Crop
from renderer.data_files import parse_json
from renderer.errors import FileError, InputError, MissingFileError
from renderer.input_files import read_bytes
from renderer.library.crops import CropRule
from renderer.messages import named
from renderer.names import normalized
from renderer.output_files import new_file
from renderer.paths import cache_folder, can_be_path, library_folder
from renderer.private_files import make_private, make_private_folder

_MAX_BYTES: Final = 4_000_000  # of a definition: 10,000 folders with long names
_MAX_FRAMES: Final = 1000  # per video, the limit of `video_frames`


def restrict_default_folder(folder: Path) -> None:
    """Make the platform's folder for the cache or for libraries readable by its owner only.

    A folder that the user chose may contain other files, and keeps its permissions.
    """
    with contextlib.suppress(InputError):  # no home folder: the user chose all folders
        is_cache = not os.environ.get("MOSAIC_RENDERER_CACHE") and folder == cache_folder()
        if is_cache or (not os.environ.get("MOSAIC_RENDERER_LIBRARIES") and folder == library_folder()):
            make_private(folder)


@dataclass(frozen=True)
class LibraryDefinition:
    """What a named library consists of."""

    name: str
    folder: Path  # of its files
    sources: tuple[str, ...]  # absolute paths of folders, files or globs
    crop: Crop = "smart"
    video_frames: int = 0
    faces: bool = True

    @property
    def rule(self) -> CropRule:
        """How the photos are cropped."""
        return CropRule(self.crop, self.faces)

    @property
    def index_path(self) -> Path:
        """The path of the library's index."""
        return self.folder / f"{self.name}.sqlite"

    @property
    def files(self) -> list[Path]:
        """The existing files of the library."""
        names = [f"{self.name}.json"]
        names += [f"{self.name}.sqlite{damaged}{part}" for damaged in ("", ".damaged") for part in ("", "-wal", "-shm")]
        return [self.folder / name for name in names if (self.folder / name).exists()]

    def save(self) -> None:
        """Write the definition. Raises RenderError if that fails."""
        try:
            make_private_folder(self.folder)
            restrict_default_folder(self.folder)
        except OSError as error:
            fix = f"choose another {named('library_dir')}"
            raise InputError(f"{self.folder} can't be made ({error.strerror}): {fix}") from None
        content = {
            "folders": list(self.sources), "crop": self.crop, "video_frames": self.video_frames, "faces": self.faces
        }  # fmt: skip
        with new_file(self.folder / f"{self.name}.json", overwrite=True) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def remove(self) -> None:
        """Delete the library's files, not the photos."""
        for file in self.files:
            file.unlink(missing_ok=True)

    def extended(
        self, sources: Sequence[str], crop: Crop | None, video_frames: int | None, faces: bool | None
    ) -> LibraryDefinition:
        """Return the definition with more folders, and with the settings that are not None."""
        return replace(
            self,
            sources=tuple(dict.fromkeys([*self.sources, *sources])),
            crop=crop or self.crop,
            video_frames=self.video_frames if video_frames is None else video_frames,
            faces=self.faces if faces is None else faces,
        )


def check_name(name: str) -> str:
    """Return a library's name, normalized. Raises InputError if it is not valid."""
    name = normalized(name)
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        raise InputError(f"{named('name', name)} is not a library name: use up to 64 letters, digits, - and _")
    if name == PIECES:
        raise InputError(
            f"{named('name', name)} is reserved: {named('tiles', name)} means pieces of the cover. Choose another name"
        )
    return name


def library_names(folder: Path) -> list[str]:
    """Return the names of the existing libraries, sorted."""
    try:
        return sorted(path.stem for path in folder.glob("*.json") if re.fullmatch(r"\w[\w-]{0,63}", path.stem))
    except OSError:
        return []


def find_library(name: str, folder: Path) -> LibraryDefinition | None:
    """Return the library with this name, if it exists. Raises InputError if its definition can't be read."""
    name = normalized(name)
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        return None
    path = folder / f"{name}.json"
    try:
        content = parse_json(read_bytes(path, _MAX_BYTES))
        crop, sources, frames = content["crop"], content["folders"], content["video_frames"]
        faces = content.get("faces", True)  # older versions did not write it
        if crop not in get_args(Crop):
            raise ValueError(f"crop is {crop!r}")
        if not isinstance(sources, list) or not all(
            isinstance(source, str) and can_be_path(source) for source in sources
        ):
            raise ValueError("folders is not a list of paths")
        if type(frames) is not int or not 0 <= frames <= _MAX_FRAMES:
            raise ValueError(f"video_frames is {frames!r}")
        if type(faces) is not bool:
            raise ValueError(f"faces is {faces!r}")
    except MissingFileError:
        return None
    except FileError as error:
        raise InputError(f"{path} {error.reason}: fix it, or delete it and add the library again") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} can't be read ({error}): fix it, or delete it and add the library again") from None
    return LibraryDefinition(name, folder, tuple(sources), cast("Crop", crop), frames, faces)


def get_library(name: str, folder: Path) -> LibraryDefinition:
    """Return the library with this name. Raises InputError if it does not exist."""
    found = find_library(name, folder)
    if found is None:
        known = library_names(folder)
        similar = difflib.get_close_matches(name, known, n=1) or known[:3]
        fix = f"did you mean {' or '.join(similar)}?" if similar else "create one with `render library add FOLDER`"
        raise InputError(f"There is no library {name}: {fix}")
    return found
