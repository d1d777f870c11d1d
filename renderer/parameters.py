"""Parameters, declared once: options, preset keys, timelines and documents all come from the declaration.

A parameter is a field of a frozen dataclass, made by `parameter`; its type is the field's annotation.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import math
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from PIL import ImageColor

from renderer.errors import InputError

T = TypeVar("T")

Colour = tuple[float, float, float]
"""Red, green, blue in sRGB, 0…1."""


class ByteSize(int):
    """A number of bytes, written as 20MB."""


class Day(str):
    """A day, month or year, written as 2024-05-31, 2024-05 or 2024: the beginning of ISO 8601's moments in it."""


class CellPosition(NamedTuple):
    """A cell of a grid, counted from 0 at the top left, written as 31,12."""

    column: int
    row: int


@dataclass(frozen=True)
class ParameterInfo:
    """What is said of a parameter where it is declared; its option, preset key and documentation come from it."""

    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    option: str = ""  # another spelling on the command line, such as "-o"

    @property
    def sentence(self) -> str:
        """Its help with its unit and the range that it may take."""
        limits = [self.unit] if self.unit else []
        if math.isfinite(self.high) and self.high < 1e6:
            limits.append(f"{self.low:g} to {self.high:g}")
        return self.help + (f" ({', '.join(limits)})" if limits else "")


def parameter(
    default: T,
    help: str,  # noqa: A002 (as the field of ParameterInfo, which no builtin can shadow)
    *,
    unit: str = "",
    low: float = -math.inf,
    high: float = math.inf,
    option: str = "",
) -> T:
    """Declare a parameter of a dataclass: its default, one line of help, its unit and the range it may take."""
    info = ParameterInfo(help, unit, low, high, option)
    return field(default=default, metadata={"parameter": info})


def parameters(owner: object) -> dict[str, ParameterInfo]:
    """What is declared of the parameters of a dataclass (or an instance of one), by field name."""
    declared: dict[str, ParameterInfo] = {}
    for f in fields(cast("Any", owner)):
        if isinstance(info := f.metadata.get("parameter"), ParameterInfo):
            declared[f.name] = info
    return declared


def given(owner: type, values: Mapping[str, object]) -> dict[str, Any]:
    """Those of some values by name that are parameters of a dataclass."""
    return {name: values[name] for name in parameters(owner) if name in values}


def check_ranges(owner: object) -> None:
    """Raise InputError if a number among a dataclass's parameters is not in its range (or is no number)."""
    for name, info in parameters(owner).items():
        value = getattr(owner, name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not info.low <= number <= info.high:
                bounds = f"from {info.low:g} to {info.high:g}" if math.isfinite(info.high) else f"at least {info.low:g}"
                shown = number if isinstance(number, int) else f"{number:g}"
                raise InputError(
                    f"--{name.replace('_', '-')} {shown} is out of range: it is {bounds} {info.unit}".rstrip()
                )


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message on a word that is not known: the nearest one that is, if any is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def docstring(thing: type | Callable[..., object]) -> str:
    """The docstring of a class or function; from its source where Python leaves docstrings out (`python -OO`).

    A dataclass without one is given its signature in its place. Without a source: its name.
    """
    if sys.flags.optimize < 2:
        return inspect.getdoc(thing) or thing.__name__
    try:
        written = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    except (OSError, TypeError, SyntaxError):
        return thing.__name__
    found = isinstance(written, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(written)
    return found or thing.__name__


# -- Values from text ----------------------------------------------------------------------------------------------


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number of at most nine digits."""
    return text.strip().isdecimal() and len(text.strip()) <= 9


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from "1080x1920". Raises InputError."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not (cross and _is_whole(width) and _is_whole(height)):
        raise InputError(f"--size {text} is not a size: give width x height in pixels, such as 1080x1920")
    return int(width), int(height)


def parse_colour(text: str) -> Colour:
    """A colour from a CSS name, "#rrggbb" or "rgb(r, g, b)". Raises InputError."""
    try:
        r, g, b = ImageColor.getrgb(text)[:3]
        if max(r, g, b) > 255:
            raise ValueError(text)
    except ValueError:
        raise InputError(f"--background {text} is not a colour: give a name such as navy, or #rrggbb") from None
    return r / 255, g / 255, b / 255


_INCHES: Final = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0}


@dataclass(frozen=True)
class Paper:
    """A sheet to print on; width and height in inches."""

    width: float
    height: float

    def pixels(self, dpi: float) -> tuple[int, int]:
        """Its width and height in pixels."""
        return max(round(self.width * dpi), 1), max(round(self.height * dpi), 1)


def parse_paper(text: str) -> Paper:
    """A sheet of paper from "60x40cm", "600x400mm" or "24x16in". Raises InputError."""
    words = text.lower().replace("×", "x").replace(" ", "")
    inch = _INCHES.get(words[-2:])
    width, _, height = words[:-2].partition("x")
    try:
        if inch is None:
            raise ValueError(text)
        paper = Paper(float(width) * inch, float(height) * inch)
    except ValueError:
        raise InputError(f"--print {text} is not a paper's size: give width x height and a unit, 60x40cm") from None
    if not (0.1 <= paper.width <= 4000 and 0.1 <= paper.height <= 4000):
        raise InputError(f"--print {text} is out of range: a side is from 3 mm to 100 m")
    return paper


def parse_point(text: str) -> tuple[float, float]:
    """A point from "X,Y". Raises InputError."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{text} is not a point: give X,Y in fractions of the cover, such as 0.4,0.3") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError(f"{text} is not a point: X and Y are numbers from 0 to 1")
    return x, y


def parse_cell(text: str) -> CellPosition:
    """A cell from "COLUMN,ROW". Raises InputError."""
    column, _, row = text.partition(",")
    if not (_is_whole(column) and _is_whole(row)):
        raise InputError(f"--cell {text} is not a cell: give COLUMN,ROW, counted from 0, such as 31,12")
    return CellPosition(int(column), int(row))


def parse_day(text: str) -> Day:
    """A day from "2024-05-31", a month from "2024-05" or a year from "2024". Raises InputError."""
    day = text.strip()
    try:
        if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", day):
            raise ValueError(day)
        date.fromisoformat(day + "-01-01"[len(day) - 4 :])
    except ValueError:
        raise InputError(f"{text} is not a date: give one such as 2024-05-31, 2024-05 or 2024") from None
    return Day(day)


def parse_edges(text: str) -> tuple[float, float, float, float]:
    """Four shares of a frame from "TOP,RIGHT,BOTTOM,LEFT". Raises InputError."""
    try:
        top, right, bottom, left = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{text} is not TOP,RIGHT,BOTTOM,LEFT: give shares such as 0.1,0,0.2,0") from None
    return top, right, bottom, left


NTSC_RATES: Final = {
    Fraction(nominal): Fraction(round(nominal) * 1000, 1001)
    for nominal in (
        Fraction("23.976"),
        Fraction("23.98"),
        Fraction("29.97"),
        Fraction("59.94"),
        Fraction("119.88"),
    )
}
"""Decimal spellings of the NTSC rates; the rates themselves are n · 1000 / 1001 (SMPTE ST 12-1)."""


def parse_frame_rate(text: str) -> Fraction:
    """Frames a second from "30", "29.97" or "30000/1001"; NTSC rates become exact. 1…240. Raises InputError."""
    try:
        if len(text) > 40 or "e" in text.lower():  # 1e999999999 would be computed for hours
            raise ValueError(text)
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"--fps {text} is not a frame rate: give one such as 30, 29.97 or 30000/1001") from None
    rate = NTSC_RATES.get(rate, rate)
    if not 1 <= rate <= 240:
        raise InputError(f"--fps {text} is out of range: it is from 1 to 240 frames a second")
    return rate


_BYTES: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_bytes(text: str) -> ByteSize:
    """Bytes from "20MB" (decimal), "20MiB" or a plain number. Raises InputError."""
    found = re.fullmatch(r"\s*(\d{1,18}(?:\.\d+)?)\s*([KMG]?I?B)?\s*", text.upper())
    if found is None or (found[2] or "") not in _BYTES:
        raise InputError(f"--max-size {text} is not a size of a file: give one such as 20MB or 800KB")
    count = Fraction(found[1]) * _BYTES[found[2] or ""]
    if count > 10**15:
        raise InputError(f"--max-size {text} is out of range: it is from 1000 to 1e+15")
    return ByteSize(count)


WORDS: Final[dict[Any, tuple[str, Callable[[str], object]]]] = {
    tuple[int, int]: ("WIDTHxHEIGHT", parse_size),
    tuple[float, float]: ("X,Y", parse_point),
    tuple[float, float, float, float]: ("TOP,RIGHT,BOTTOM,LEFT", parse_edges),
    Paper: ("WIDTHxHEIGHT", parse_paper),
    CellPosition: ("COLUMN,ROW", parse_cell),
    Fraction: ("RATE", parse_frame_rate),
    Colour: ("COLOUR", parse_colour),
    ByteSize: ("BYTES", parse_bytes),
    Day: ("DATE", parse_day),
}
"""Types that are written as one word: how the help shows it, and what reads it."""


def word_type(hint: Any) -> Any:
    """The type among `WORDS` that an annotation is or may be; None if there is none."""
    return next((kind for kind in (hint, *get_args(hint)) if kind in WORDS), None)


_hints: Final = cache(get_type_hints)  # evaluated anew each time, they took a quarter of a check of 5,000 rows


def read_values(owner: type, values: Mapping[str, object], where: str) -> dict[str, Any]:
    """Values for the parameters of a dataclass, from a table of a file or of words, as its fields' types ask.

    A parameter may be given by its field's name or as on the command line. `where` begins the message of the
    InputError that is raised for a name that is none, or a value that does not fit.
    """
    declared, hints = parameters(owner), _hints(owner)
    spelt = {info.option.removeprefix("--"): name for name, info in declared.items() if info.option.startswith("--")}
    read: dict[str, Any] = {}
    for key, value in values.items():
        name = spelt.get(key, key.replace("-", "_"))
        if name not in declared:
            fix = suggestion(name, [*declared, *spelt]) or f": there are {', '.join(declared)}"
            raise InputError(f"{where}: there is no {key}{fix}")
        try:
            read[name] = _read_value(hints[name], value)
        except (TypeError, ValueError, OverflowError):
            form = _form(hints[name])
            raise InputError(f"{where}: {key} = {value} does not fit, it is {form}: {declared[name].help}") from None
    return read


def _read_value(hint: Any, value: object) -> object:
    """A value of an annotated type. Raises TypeError, ValueError or InputError."""
    origin, kinds = get_origin(hint), get_args(hint)
    if (word := word_type(hint)) is not None and isinstance(value, str):
        return WORDS[word][1](value)
    if word is Day and isinstance(value, date | int):  # TOML has dates of its own
        return parse_day(str(value))
    if origin is Literal:
        if value not in kinds:
            raise ValueError(value)
        return value
    if origin in (types.UnionType, Union):
        return _read_either([kind for kind in kinds if kind is not types.NoneType], value)
    if origin is tuple and kinds[-1] is Ellipsis:
        many = value if isinstance(value, list | tuple) else [value]
        return tuple(_read_value(kinds[0], one) for one in many)
    if origin is tuple and isinstance(value, list | tuple) and len(value) == len(kinds):
        return tuple(_read_value(kind, one) for kind, one in zip(kinds, value, strict=True))
    if hint is bool:
        known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() not in known:
            raise ValueError(value)
        return known[str(value).lower()]
    if hint is int and isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    if hint in (int, float, str, Path) and isinstance(value, str | int | float) and not isinstance(value, bool):
        return hint(value)
    if hint is Fraction and isinstance(value, int | float):
        return parse_frame_rate(str(value))
    raise TypeError(value)


def _read_either(kinds: Sequence[Any], value: object) -> object:
    """A value of the first of some types that it fits."""
    for kind in kinds[:-1]:
        try:
            return _read_value(kind, value)
        except (TypeError, ValueError):
            continue
    return _read_value(kinds[-1], value)


def _form(hint: Any) -> str:
    """How a value of an annotated type is written."""
    origin, kinds = get_origin(hint), [kind for kind in get_args(hint) if kind is not types.NoneType]
    if (word := word_type(hint)) is not None:
        return WORDS[word][0]
    if origin is Literal:
        return f"one of {', '.join(map(str, kinds))}" if len(kinds) > 1 else str(kinds[0])
    if origin in (types.UnionType, Union):
        return " or ".join(map(_form, kinds))
    if origin is tuple:
        return f"a list, each {_form(kinds[0])}"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(hint, "a text")


def spell(value: object) -> str:
    """A value as it is written on the command line; of a path only the name, since it ends up in files."""
    match value:
        case Path():
            return value.name
        case (int() as width, int() as height):
            return f"{width}x{height}"
        case (float(), float(), float(), float()):
            return ",".join(f"{number:g}" for number in value)
        case (float() as x, float() as y):
            return f"{x!r},{y!r}"
        case (float() as r, float() as g, float() as b):
            return f"#{round(r * 255):02x}{round(g * 255):02x}{round(b * 255):02x}"
        case Fraction():
            return str(value)
        case float():
            return f"{value!r}".removesuffix(".0")
    return str(value)
