"""What decides about a video besides its inputs: the code of this program, ffmpeg, and the libraries that draw."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final

from renderer.encoder import run_ffmpeg
from renderer.version import version

_LIBRARIES: Final = ("numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Identity:
    """What must be the same for two processes to make the same video from the same inputs."""

    version: str  # of this program, with its code
    ffmpeg: str
    libraries: tuple[str, ...]
    processor: str

    def __str__(self) -> str:
        return ", ".join(self._parts())

    def differences(self, other: Identity) -> tuple[str, str]:
        """Return what this one has that another one lacks, and the opposite."""
        mine, its = self._parts(), other._parts()
        return ", ".join(each for each in mine if each not in its), ", ".join(each for each in its if each not in mine)

    def _parts(self) -> tuple[str, ...]:
        return (self.version, self.ffmpeg, *self.libraries, self.processor)


@cache
def identity() -> Identity:
    """Return the identity of this process. Raises EncoderError."""
    libraries = tuple(f"{name} {version_of(name)}" for name in _LIBRARIES)
    return Identity(f"version {version()} ({code_digest()[:8]})", ffmpeg_version(), libraries, platform.machine())


@cache
def code_digest() -> str:
    """Return a hash of this package's code and of the built-in animations: other code may draw another picture."""
    digest = hashlib.blake2b(digest_size=16)
    root = Path(__file__).parent.parent
    files = [path for package in ("renderer", "animations") for path in (root / package).rglob("*")]
    for path in sorted(path for path in files if path.suffix in (".py", ".so", ".dll", ".dylib")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def ffmpeg_version() -> str:
    """Return the version of ffmpeg as it states it. Raises EncoderError."""
    return run_ffmpeg("-version").stdout.decode("utf-8", "replace").partition(" Copyright")[0].strip()
