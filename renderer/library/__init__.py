"""The tile library: which photos there are, and what was once learnt of each, on disk.

`walking` finds files, `reading` reads one, `index` is the file that keeps what was read, `indexing` brings it up to
date, `named` says what libraries with a name are made of, `archive` opens all of these for one run, `library` is what
matching and drawing see. `filters` leaves photos out, `parts` cuts tiles from a cover, `reopening` finds the photos of
a saved map, `checking` tells what is wrong with a library. Photos are only ever read.
"""

from renderer.library.archive import Archive
from renderer.library.checking import without_duplicates
from renderer.library.filters import Filter, filtered
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.named import DEFAULT_NAME, PIECES, cache_folder, library_folder
from renderer.library.parts import cut_parts
from renderer.library.photos import Photo, Photos, Skipped
from renderer.library.reading import Crop, file_digest
from renderer.library.reopening import reopen
from renderer.library.walking import CLIP_SUFFIXES, find_files, find_photo, no_photo

__all__ = [
    "CLIP_SUFFIXES", "DEFAULT_NAME", "PIECES", "SHORTER_SIDE", "Archive", "Crop",
    "Filter", "Library", "Photo", "Photos", "Skipped", "cache_folder", "cut_parts", "file_digest", "filtered",
    "find_files", "find_photo", "library_folder", "no_photo", "reopen", "without_duplicates",
]  # fmt: skip
