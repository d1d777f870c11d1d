"""The music of a look, as the page plays and draws it."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.errors import EncoderError
from renderer.ffmpeg import run_ffmpeg
from renderer.formats import choose
from renderer.settings import FileSettings
from renderer.sound import check_sound, prepare_sound

if TYPE_CHECKING:
    from renderer.studio.looks import Look

PEAKS: Final = 600
"""Columns of a waveform."""

TRACKS: Final = (".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus")
"""Extensions of the files that are suggested as music."""

_RATE: Final = 4_000  # samples per second of a waveform
_FILE: Final = Path("sound.webm")  # Opus, which all browsers play


class Music:
    """The sound of the look that was asked for last: cut, faded and of the loudness that it has in the video.

    Owns a temporary folder: 30 KB per second. Its methods may be called in any thread.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="mosaic-studio-")
        self._lock = threading.Lock()
        self._made: tuple[object, Path] | None = None

    def close(self) -> None:
        """Delete the folder."""
        self._folder.cleanup()

    def sound(self, look: Look) -> Path:
        """Return the sound of a look with music, as an Ogg file. Raises InputError for a track that can't be used."""
        job = look.job
        key = job.sound, job.seconds()
        with self._lock:
            if self._made is None or self._made[0] != key:
                self._made = None
                target = choose(_FILE, FileSettings())
                check_sound(job.sound, _FILE, target)
                made = prepare_sound(job.sound, job.seconds(), Path(self._folder.name), target)
                self._made = key, made
            return self._made[1]

    def peaks(self, look: Look) -> list[float]:
        """Return the waveform of a look with music: `PEAKS` values from 0 to 1 over its duration."""
        path = self.sound(look)
        done = run_ffmpeg("-i", str(path), "-f", "s16le", "-ac", "1", "-ar", str(_RATE), "-")
        if done.returncode:
            raise EncoderError(f"{path.name} can't be decoded by ffmpeg")
        samples = np.abs(np.frombuffer(done.stdout, "<i2").astype(np.float32)) / 32768
        count = max(round(look.job.seconds() * _RATE), PEAKS)
        samples = np.pad(samples[:count], (0, max(count - len(samples), 0)))
        starts = np.arange(PEAKS) * count // PEAKS
        return [round(float(peak), 3) for peak in np.maximum.reduceat(samples, starts)]
