"""A worker process that sleeps instead of decoding, so that `library.py` can run more workers than there are cores."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from typing import Final
from unittest import mock

import numpy as np

from renderer.descriptors import SIGNATURE_PIXELS, TILE_PIXELS
from renderer.library import workers
from renderer.library.crops import CropRule
from renderer.library.index import File, Found, IndexEntry
from renderer.library.photos import Photo

SECONDS_VARIABLE: Final = "SIMULATED_SECONDS"
_THUMBNAIL_BYTES: Final = 22_000  # the mean of photos


def serve() -> None:
    """Run a worker process that takes a fixed time per file, and returns random pixels."""
    seconds = float(os.environ[SECONDS_VARIABLE])
    small = np.random.default_rng().integers(0, 256, (SIGNATURE_PIXELS, SIGNATURE_PIXELS, 3), np.uint8)
    tile = np.random.default_rng().integers(0, 256, (TILE_PIXELS, TILE_PIXELS, 3), np.uint8)

    # The parameters of renderer.library.reading.read_file, which it replaces.
    def read_file(file: File, rule: CropRule, *, large: bool = True, known: Collection[str] = ()) -> Found:  # noqa: ARG001
        time.sleep(seconds)
        photo = Photo(file.path, os.urandom(16).hex(), (4000, 3000), (500, 0, 3000, 3000), (0.5, 0.5, 0.5))
        return [IndexEntry(photo, 1, "2024-05-01T12:00:00", small, small, tile, os.urandom(_THUMBNAIL_BYTES))]

    with mock.patch.object(workers, "read_file", read_file):
        workers.serve()
