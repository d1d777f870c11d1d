"""Credits: a text file with the photos of a mosaic and their authors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, IptcImagePlugin

from renderer.errors import InputError
from renderer.image_file import is_demanding, open_image
from renderer.library import Photo
from renderer.messages import counted, named
from renderer.output_files import check_writable, new_file
from renderer.progress import Progress, track

_EXIF: Final = (0x013B, 0x8298)
"""EXIF 2.32 tags: Artist, Copyright."""

_IPTC: Final = ((2, 80), (2, 110), (2, 116))
"""IPTC IIM 4.2 data sets: by-line, credit, copyright notice."""

_MAX_CHARACTERS: Final = 200  # per field; some contain a whole licence


def check_credits(path: Path, *, overwrite: bool) -> None:
    """Raise InputError if the credits can't be written to `path`."""
    if path.suffix.lower() != ".txt":
        raise InputError(f"{named('credits', path)} must end in .txt")
    check_writable(path, overwrite=overwrite, parameter="credits")


def write_credits(
    path: Path, cover: Path | str, photos: Sequence[Photo], progress: Progress, *, overwrite: bool = False
) -> None:
    """Write the name of each photo of a mosaic on a line, with its author and rights if its file contains them.

    cover: its file, or its name if the file is missing. Only file names, authors and rights are written. Raises
    InputError.
    """
    own_pieces = any(photo.is_part and photo.path == cover for photo in photos)
    files = {photo.digest: photo.path for photo in photos if not (photo.is_part and photo.path == cover)}
    photo_files = sorted(files.values(), key=lambda file: (file.name.lower(), file))
    with progress.stage("reading credits", len(photo_files), "files") as advance:
        lines = [_line(file) for file in track(photo_files, advance)]
    made_of = ["pieces of the cover"] if own_pieces else []
    made_of += [counted(len(lines), "photo")] if lines else []
    cover_line = _line(cover) if isinstance(cover, Path) else cover
    text = "\n".join([f"Cover: {cover_line}", f"Made of: {' and '.join(made_of)}", "", *lines])
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(text.rstrip() + "\n", "utf-8", errors="backslashreplace")


def _line(file: Path) -> str:
    """Return a file's name, author and rights."""
    return " – ".join([_one_line(file.name), *(["; ".join(texts)] if (texts := read_credits(file)) else [])])


def read_credits(file: Path) -> list[str]:
    """Return the author and rights in a picture file (EXIF, IPTC), each text once; [] if it can't be read."""
    try:
        with warnings.catch_warnings(), open_image(file) as picture:
            warnings.simplefilter("ignore")  # the file was already accepted as a picture
            # Pillow's PNG getexif would decode all pixels to find EXIF after them.
            exif = Image.Image.getexif(picture) if is_demanding(picture) else picture.getexif()
            iptc = IptcImagePlugin.getiptcinfo(picture) or {}
            fields: list[object] = [exif.get(tag) for tag in _EXIF] + [iptc.get(each) for each in _IPTC]
    except Exception:  # decoders raise errors of many types for damaged files
        return []
    texts: dict[str, None] = {}
    for field in fields:
        for value in field if isinstance(field, list) else [field]:
            if text := _text(value):
                texts[text] = None
    # Drop texts that are part of another one.
    return [text for text in texts if not any(text != other and text in other for other in texts)]


def _text(value: object) -> str:
    """Return a field's text on one line. Bytes are UTF-8, or Latin-1 in old files."""
    if isinstance(value, str):  # Pillow decodes EXIF as Latin-1
        value = value.encode("latin-1", "replace")
    if not isinstance(value, bytes):
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return _one_line(text)[:_MAX_CHARACTERS]


def _one_line(text: str) -> str:
    """Replace line breaks and control characters with spaces; keep surrogates, which stand for undecodable bytes."""
    return " ".join(
        "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else " " for char in text).split()
    )
