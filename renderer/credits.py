"""Who made the photos of a mosaic: a text to put beside it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, IptcImagePlugin

from renderer.errors import InputError
from renderer.image_file import is_demanding, open_image
from renderer.library import Photo
from renderer.output_files import check_writable, new_file
from renderer.progress import Progress, track

_EXIF: Final = (0x013B, 0x8298)
"""Tags of EXIF 2.32: Artist, Copyright."""

_IPTC: Final = ((2, 80), (2, 110), (2, 116))
"""Data sets of IPTC IIM 4.2: by-line, credit, copyright notice."""

_LONGEST: Final = 200  # characters of what one field says: a licence may be written out in full


def check_credits(path: Path, *, overwrite: bool) -> None:
    """Raise InputError if the credits can't be written to a path."""
    if path.suffix.lower() != ".txt":
        raise InputError(f"--credits {path}: a name that ends in .txt is needed")
    check_writable(path, overwrite=overwrite, parameter="credits")


def write_credits(
    path: Path, cover: Path | str, photos: Sequence[Photo], progress: Progress, *, overwrite: bool = False
) -> None:
    """Write which photos a mosaic is made of, a line each, and who made them, as far as their files say.

    cover: its file, or if that is not at hand its name. Names of files are written, and what they hold of authors and
    rights, nothing else. Raises InputError.
    """
    own_pieces = any(photo.is_part and photo.path == cover for photo in photos)
    files = {photo.digest: photo.path for photo in photos if not (photo.is_part and photo.path == cover)}
    others = sorted(files.values(), key=lambda file: (file.name.lower(), file))
    with progress.stage("reading credits", len(others), "files") as advance:
        lines = [_line(file) for file in track(others, advance)]
    made_of = ["pieces of the cover"] if own_pieces else []
    made_of += [f"{len(lines)} {'photo' if len(lines) == 1 else 'photos'}"] if lines else []
    shown = _line(cover) if isinstance(cover, Path) else cover
    text = "\n".join([f"Cover: {shown}", f"Made of: {' and '.join(made_of)}", "", *lines])
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(text.rstrip() + "\n", "utf-8", errors="backslashreplace")


def _line(file: Path) -> str:
    """A file's name, and who made it."""
    return " – ".join([_on_a_line(file.name), *(["; ".join(found)] if (found := read_makers(file)) else [])])


def read_makers(file: Path) -> list[str]:
    """What a picture file says of its author and rights (EXIF, IPTC), each once; nothing if it can't be read."""
    try:
        with warnings.catch_warnings(), open_image(file) as picture:
            warnings.simplefilter("ignore")  # of what is unusual in the file: it is shown all the same
            # Pillow decodes a PNG to find EXIF behind its pixels.
            exif = Image.Image.getexif(picture) if is_demanding(picture) else picture.getexif()
            iptc = IptcImagePlugin.getiptcinfo(picture) or {}
            fields: list[object] = [exif.get(tag) for tag in _EXIF] + [iptc.get(each) for each in _IPTC]
    except Exception:  # decoders report damage by whatever they like
        return []
    found: dict[str, None] = {}
    for field in fields:
        for value in field if isinstance(field, list) else [field]:
            if text := _text(value):
                found[text] = None
    # What another one says too, with more words around it, need not be said twice.
    return [text for text in found if not any(text != other and text in other for other in found)]


def _text(value: object) -> str:
    """What a field says, on one line: its bytes are UTF-8 today and Latin-1 in old files."""
    if isinstance(value, str):  # Pillow reads EXIF as Latin-1
        value = value.encode("latin-1", "replace")
    if not isinstance(value, bytes):
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return _on_a_line(text)[:_LONGEST]


def _on_a_line(text: str) -> str:
    """A text without line breaks and what else a terminal would obey; what is no text at all stays as it is."""
    return " ".join(
        "".join(sign if sign.isprintable() or "\ud800" <= sign <= "\udfff" else " " for sign in text).split()
    )
