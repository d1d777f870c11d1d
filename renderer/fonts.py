"""Fonts: the bundled ones, and checks of the user's."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import ImageFont

from renderer.errors import InputError, RenderError
from renderer.input_files import open_input
from renderer.messages import named

REGULAR_FONT: Final = Path(__file__).parent / "bundled" / "DejaVuSans.ttf"

BOLD_FONT: Final = REGULAR_FONT.with_name("DejaVuSans-Bold.ttf")
"""The default font of titles, and of covers that are made of letters."""

CAPITAL: Final = 0.73
"""Height of a capital letter of DejaVu, as a share of the font size."""

COMPARED_SIZE: Final = 64
"""Font size in pixels at which letters are compared: no letter of 73 fonts looked like the placeholder."""


@contextmanager
def checked_font(font: Path, parameter: str = "font") -> Iterator[None]:
    """Turn any error that Pillow raises for a damaged font into an InputError that names it and its parameter."""
    try:
        yield
    except RenderError:
        raise
    except Exception as error:
        raise InputError(
            f"{named(parameter, font)} can't be used because it is not a readable font: choose a TrueType or OpenType "
            "file"
        ) from error


def missing_letters(text: str, path: Path, size: int = COMPARED_SIZE) -> str:
    """Return the letters of a text that a font lacks, each once: those that look like a code point without a glyph.

    `size`: a font size in pixels that the font has. Characters that only affect others, such as joiners and variation
    selectors, are never missing.
    """
    with open_input(path) as file:
        font = ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)  # without shaping

    def glyph(letter: str) -> tuple[object, ...]:
        return font.getlength(letter), font.getbbox(letter), bytes(font.getmask(letter))

    placeholder = glyph("\U0010ffff")  # Unicode will never assign it
    return "".join(
        letter
        for letter in dict.fromkeys(text)
        if not letter.isspace() and not _is_invisible(letter) and glyph(letter) == placeholder
    )


def _is_invisible(letter: str) -> bool:
    """Return whether a character is a format character, such as a joiner, or a variation selector."""
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f"
