"""What a cover is named by: a file, a text or a shape. Importing this imports nothing that draws."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from renderer.errors import InputError
from renderer.messages import named
from renderer.parameters import suggestion

Shape = Literal["heart", "circle", "star", "hexagon", "diamond", "rounded"]

SHAPES: Final = get_args(Shape)
"""The shapes of covers and masks."""

MAP_SUFFIX: Final = ".mosaic"

CANVAS: Final = (1920, 1080)
"""Default width and height of a made cover in pixels."""

LONGEST_TEXT: Final = 200
"""Maximum number of characters of a cover's text: in 1920 × 1080, letters of more are lower than 5 default cells."""


@dataclass(frozen=True)
class MadeCover:
    """A cover that is not a file: letters or a shape, drawn on a canvas. It has the properties of a path's name."""

    kind: Literal["text", "shape"]
    words: str  # the text, with line breaks as "\n" or as a backslash and an n, or the name of the shape
    canvas: tuple[int, int] = CANVAS  # width and height in pixels

    def on(self, canvas: tuple[int, int] | None) -> MadeCover:
        """Return the same cover on a canvas of another width and height in pixels; None: unchanged."""
        return self if canvas is None else replace(self, canvas=canvas)

    @property
    def lines(self) -> list[str]:
        """The lines of a text, without empty ones; control characters count as spaces."""
        lines = self.words.replace("\\n", "\n").splitlines()
        return [kept for line in lines if (kept := re.sub(r"[\s\x00-\x1f\x7f]+", " ", line).strip())]

    @property
    def name(self) -> str:
        """The name in messages and recipes, on one line: `text:ANNA`."""
        return f"{self.kind}:{self.words}".replace("\n", "\\n")

    @property
    def stem(self) -> str:
        """The name in the names of outputs: `text-a-b` for `text:a/b`, with letters and digits of any script."""
        words = unicodedata.normalize("NFC", self.words.replace("\\n", "\n"))
        kept = "".join(char if _is_kept(char) else " " for char in words).split()
        digest = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        return "-".join([self.kind, *(kept or [digest])])

    @property
    def suffix(self) -> str:
        """No suffix, as it is neither a picture file nor a map."""
        return ""

    def check(self) -> None:
        """Raise InputError for a text without words or of more than 200 characters, or an unknown shape."""
        if self.kind == "shape" and self.words not in SHAPES:
            fix = suggestion(self.words, SHAPES) or f": the shapes are {', '.join(SHAPES)}"
            raise InputError(f"There is no shape {self.words!r}{fix}")
        if self.kind == "text" and not self.lines:
            raise InputError(f"The cover {self.name} has no words: write them after the colon, as in text:ANNA")
        if self.kind == "text" and len(self.words) > LONGEST_TEXT:
            raise InputError(
                f"The text of the cover has {len(self.words):,} characters: the maximum is {LONGEST_TEXT}, as letters "
                "of more would be too small to read"
            )


def _is_kept(char: str) -> bool:
    """Return whether the name of a file keeps a character: a letter, digit or mark, but no variation selector."""
    return unicodedata.category(char)[0] in "LNM" and not "\ufe00" <= char <= "\ufe0f"


CoverName = Path | MadeCover
"""A picture or a `.mosaic` file, or a cover that is drawn."""


def cover_name(name: str | os.PathLike[str] | MadeCover) -> CoverName:
    """Return a cover from the text `text:WORDS` or `shape:NAME`, or from a path. `./text:a` is a path.

    Both prefixes and the shape's name may be in upper or lower case.
    """
    if isinstance(name, str):
        kind, colon, words = name.partition(":")
        if colon and kind.lower() == "text":
            return MadeCover("text", words)
        if colon and kind.lower() == "shape":
            return MadeCover("shape", words.lower())
    return name if isinstance(name, MadeCover) else Path(name)


def on_canvas(cover: CoverName | None, canvas: tuple[int, int] | None) -> CoverName | None:
    """Return a cover; if it is drawn, on a canvas of this width and height in pixels, unless that is None."""
    return cover.on(canvas) if isinstance(cover, MadeCover) else cover


def check_drawing_options(cover: CoverName | None, given: Mapping[str, object]) -> None:
    """Raise InputError if `given` contains a parameter that changes how covers are drawn, but this one is a picture.

    A map may be given any: it ignores them all, with a notice. None: the sample, a picture.
    """
    if isinstance(cover, Path) and cover.suffix.lower() == MAP_SUFFIX:
        return
    kind = cover.kind if isinstance(cover, MadeCover) else "picture"
    for parameter, drawn in (("fill", "text:WORDS or shape:NAME"), ("cover_font", "text:WORDS")):
        value = given.get(parameter)
        if value is not None and kind not in drawn:
            raise InputError(
                f"{named(parameter, value)} has no effect on {cover.name if cover else 'the sample cover'}: use it "
                f"with a cover {drawn}, or omit it"
            )
