"""The tile library: the photos and the data computed for each of them, on disk.

`walking` finds files, `reading` reads one, `crops` chooses what a tile shows, `workers` reads many files in other
processes, `index` stores the results in a `database`, `crop_tables` and `cropped` add crops of other ratios, `indexing`
updates it, `definitions` stores what named libraries consist of, `archive` opens all of these for one run, and
`library` is the interface for matching and drawing. `filters` excludes photos, `parts` cuts tiles from a cover,
`reopening` finds the photos of a saved map, `exported` writes all but the photos' files for another machine, and
`checking` reports problems of a library. Photos are never modified.
"""

from renderer.choices import DEFAULT_NAME, PIECES, Crop
from renderer.deprecation import old_names
from renderer.library.archive import Archive
from renderer.library.checking import without_duplicates
from renderer.library.exported import export_photos, open_exported
from renderer.library.filters import Filter, filtered
from renderer.library.library import SHORTER_SIDE, Library
from renderer.library.parts import cut_parts
from renderer.library.photos import Photo, Photos, Skipped
from renderer.library.reading import file_digest
from renderer.library.reopening import reopen
from renderer.library.walking import CLIP_SUFFIXES, find_files, find_photo, unknown_photo
from renderer.paths import cache_folder, library_folder

__all__ = [
    "CLIP_SUFFIXES", "DEFAULT_NAME", "PIECES", "SHORTER_SIDE", "Archive", "Crop",
    "Filter", "Library", "Photo", "Photos", "Skipped", "cache_folder", "cut_parts", "export_photos", "file_digest",
    "filtered", "find_files", "find_photo", "library_folder", "open_exported", "reopen", "unknown_photo",
    "without_duplicates",
]  # fmt: skip

__getattr__ = old_names(__name__, {"no_photo": "unknown_photo"})
