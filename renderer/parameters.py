"""Parameters, declared once: options, preset keys, timelines, documentation and checks come from the declaration.

A parameter is a field of a frozen dataclass, made by `parameter`; its type is the field's annotation.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import inspect
import math
import operator
import os
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import (
    Any,
    Final,
    Literal,
    NamedTuple,
    SupportsFloat,
    SupportsIndex,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from renderer.errors import InputError
from renderer.messages import as_key, named

T = TypeVar("T")

Colour = tuple[float, float, float]
"""Red, green, blue in sRGB, 0…1."""


class ByteSize(int):
    """A number of bytes, written as 20MB."""


class Day(str):
    """A day, month or year, written as 2024-05-31, 2024-05 or 2024: the prefix of all its ISO 8601 timestamps."""


class CellPosition(NamedTuple):
    """A cell of a grid, counted from 0 at the top left, written as 31,12."""

    column: int
    row: int


@dataclass(frozen=True)
class ParameterInfo:
    """The declaration of a parameter, from which its option, preset key, checks and documentation are made."""

    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    option: str = ""  # another spelling on the command line, such as "-o"
    in_recipe: bool = True  # MatchSettings only: stored in a map's recipe, and therefore part of its cache key
    metavar: str = ""  # what help calls the value, unless its type determines that

    @property
    def sentence(self) -> str:
        """The help text with the unit and the range."""
        limits = [self.unit] if self.unit else []
        if math.isfinite(self.high) and self.high < 1e6:
            limits.append(f"{self.low:g} to {self.high:g}")
        return self.help + (f" ({', '.join(limits)})" if limits else "")


def parameter(
    default: T,
    help: str,  # noqa: A002 (named as the field of ParameterInfo)
    *,
    unit: str = "",
    low: float = -math.inf,
    high: float = math.inf,
    option: str = "",
    in_recipe: bool = True,
    metavar: str = "",
) -> T:
    """Declare a parameter of a dataclass: its default, one line of help, its unit and its range."""
    info = ParameterInfo(help, unit, low, high, option, in_recipe, metavar)
    return field(default=default, metadata={"parameter": info})


def parameters(owner: object) -> dict[str, ParameterInfo]:
    """Return the declarations of the parameters of a dataclass (or of an instance), by field name."""
    declared: dict[str, ParameterInfo] = {}
    for f in fields(cast("Any", owner)):
        if isinstance(info := f.metadata.get("parameter"), ParameterInfo):
            declared[f.name] = info
    return declared


def given(owner: type, values: Mapping[str, object]) -> dict[str, Any]:
    """Return those of `values` that belong to parameters of a dataclass, by name."""
    return {name: values[name] for name in parameters(owner) if name in values}


# -- Checks --------------------------------------------------------------------------------------------------------


class Validated:
    """Base of frozen dataclasses whose values are checked on construction.

    Type, choices and range follow from each field's annotation and its `parameter`; a wrong value raises InputError.
    Values are converted from str to Path and from Path to str, from a single value to a tuple of one, from list to
    tuple and from int to float. Sizes, colours, frame rates, numbers of bytes, dates and paper sizes are parsed from
    text.
    """

    def __post_init__(self) -> None:
        """Check and convert the values. Overriding methods call this one first."""
        owner: type = type(self)
        for each in checked_fields(owner):
            value = getattr(self, each.name)
            if value is not each.default:
                checked = each.check(value)
                if checked is not value:
                    object.__setattr__(self, each.name, checked)


class CheckedField(NamedTuple):
    """The requirements for the value of a dataclass's field."""

    name: str
    hint: Any
    info: ParameterInfo
    default: object  # needs no check; _NO_DEFAULT if there is none or it must be converted

    def check(self, value: object, *, lenient: bool = False, name: str | None = None) -> object:
        """Return a value, converted. Raises InputError, which names the field, or `name`.

        `lenient`: also convert text to numbers and flags, as files and timelines need.
        """
        name = name or self.name
        try:
            found = _convert(self.hint, value, name, lenient=lenient)
        except (TypeError, ValueError, OverflowError):
            choices = list(choices_of(self.hint))
            # Quotes distinguish "3" from 3 in Python.
            shown = repr(value) if isinstance(value, str) and not lenient and not choices else str(value)
            shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 1]}…"
            fix = suggestion(value, choices) if isinstance(value, str) else ""
            raise InputError(f"{named(name, shown)} is not {_form(self.hint)}{fix}") from None
        for number in found if isinstance(found, tuple) else (found,):
            if isinstance(number, int | float) and not self.info.low <= number <= self.info.high:
                raise InputError(f"{named(name, f'{number:.10g}')} is out of range: it must be {self._range()}")
        return found

    def _range(self) -> str:
        """Return the range with its unit, for messages."""
        low, high, unit = self.info.low, self.info.high, self.info.unit
        if word_type(self.hint) is ByteSize and low >= 2**20:
            return f"at least {low / 2**20:g}MiB"
        if math.isfinite(high):
            return f"from {low:g} to {high:g} {unit}".rstrip()
        return f"at least {low:g} {unit}".rstrip() if math.isfinite(low) else "finite"


_NO_DEFAULT: Final = object()

_MAX_SHOWN: Final = 100  # characters of a wrong value in a message


@cache  # evaluating annotations took a quarter of the time to check 5,000 rows
def checked_fields(owner: type) -> tuple[CheckedField, ...]:
    """Return the fields of a dataclass, with their annotations evaluated."""
    hints = get_type_hints(owner)
    found = []
    for each in fields(owner):
        info = each.metadata.get("parameter", ParameterInfo(""))
        checked = CheckedField(each.name, hints[each.name], info, _NO_DEFAULT)
        try:
            valid = checked.check(each.default) is each.default
        except InputError:
            valid = False
        found.append(checked._replace(default=each.default) if valid else checked)
    return tuple(found)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the most similar known word, if any is similar."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def docstring(thing: type | Callable[..., object]) -> str:
    """Return the docstring of a class or function, read from its source if Python drops docstrings (`python -OO`).

    Returns its name if there is no source. (Python gives a dataclass without a docstring its signature as one.)
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
# Each function takes the text and the name of the parameter, for the message of its InputError.


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number of at most nine digits."""
    return text.strip().isdecimal() and len(text.strip()) <= 9


def parse_size(text: str, parameter: str) -> tuple[int, int]:
    """Parse two whole numbers: "1080x1920"."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not (cross and _is_whole(width) and _is_whole(height)):
        raise InputError(f"{named(parameter, text)} is not a size: give two whole numbers, such as 1080x1920")
    return int(width), int(height)


def parse_colour(text: str, parameter: str) -> Colour:
    """Parse a colour: a CSS name, "#rrggbb" or "rgb(r, g, b)"."""
    from PIL import ImageColor

    try:
        r, g, b = ImageColor.getrgb(text)[:3]
        if max(r, g, b) > 255:
            raise ValueError(text)
    except ValueError:
        message = f"{named(parameter, text)} is not a colour: give a name such as navy, #rrggbb or rgb(r, g, b)"
        raise InputError(message) from None
    return r / 255, g / 255, b / 255


_INCHES: Final = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0}


@dataclass(frozen=True)
class Paper:
    """A sheet of paper; width and height in inches."""

    width: float
    height: float

    def pixels(self, dpi: float) -> tuple[int, int]:
        """Return its width and height in pixels."""
        return max(round(self.width * dpi), 1), max(round(self.height * dpi), 1)


def parse_paper(text: str, parameter: str) -> Paper:
    """Parse a paper size: "60x40cm", "600x400mm" or "24x16in"."""
    words = text.lower().replace("×", "x").replace(" ", "")
    inch = _INCHES.get(words[-2:])
    width, _, height = words[:-2].partition("x")
    try:
        if inch is None:
            raise ValueError(text)
        paper = Paper(float(width) * inch, float(height) * inch)
    except ValueError:
        message = f"{named(parameter, text)} is not a paper size: give width x height and a unit, such as 60x40cm"
        raise InputError(message) from None
    if not (0.1 <= paper.width <= 4000 and 0.1 <= paper.height <= 4000):
        raise InputError(f"{named(parameter, text)} is out of range: each side must be from 3 mm to 100 m")
    return paper


def parse_pair(text: str, parameter: str) -> tuple[float, float]:
    """Parse two numbers: "0.4,0.3"."""
    try:
        x, y = _numbers(text)
    except ValueError:
        message = f"{named(parameter, text)} is not a pair of numbers: give two with a comma between, such as 0.4,0.3"
        raise InputError(message) from None
    return x, y


def _numbers(text: str) -> list[float]:
    """Parse finite numbers separated by commas. Raises ValueError."""
    numbers = [float(part) for part in text.split(",")]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(text)
    return numbers


def parse_cell(text: str, parameter: str) -> CellPosition:
    """Parse a cell's position: "COLUMN,ROW"."""
    column, _, row = text.partition(",")
    if not (_is_whole(column) and _is_whole(row)):
        raise InputError(f"{named(parameter, text)} is not a cell: give COLUMN,ROW, counted from 0, such as 31,12")
    return CellPosition(int(column), int(row))


def parse_day(text: str, parameter: str) -> Day:
    """Parse a day "2024-05-31", a month "2024-05" or a year "2024"."""
    day = text.strip()
    try:
        if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", day):
            raise ValueError(day)
        date.fromisoformat(day + "-01-01"[len(day) - 4 :])
    except ValueError:
        message = f"{named(parameter, text)} is not a date: give one such as 2024-05-31, 2024-05 or 2024"
        raise InputError(message) from None
    return Day(day)


def parse_edges(text: str, parameter: str) -> tuple[float, float, float, float]:
    """Parse four fractions of a frame: "TOP,RIGHT,BOTTOM,LEFT"."""
    try:
        top, right, bottom, left = _numbers(text)
    except ValueError:
        message = f"{named(parameter, text)} is not TOP,RIGHT,BOTTOM,LEFT: give four fractions, such as 0.1,0,0.2,0"
        raise InputError(message) from None
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
"""NTSC rates by their decimal spellings; the rates themselves are n · 1000 / 1001 (SMPTE ST 12-1)."""


def parse_frame_rate(text: str, parameter: str) -> Fraction:
    """Parse frames per second, 1 to 240: "30", "29.97" or "30000/1001". NTSC rates become exact."""
    try:
        if len(text) > 40 or "e" in text.lower():  # 1e999999999 would be computed for hours
            raise ValueError(text)
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"{named(parameter, text)} is not a frame rate: give one such as 30, 29.97 or 30000/1001"
        raise InputError(message) from None
    rate = NTSC_RATES.get(rate, rate)
    if not 1 <= rate <= 240:
        raise InputError(f"{named(parameter, text)} is out of range: it must be from 1 to 240 frames per second")
    return rate


_BYTES: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_bytes(text: str, parameter: str) -> ByteSize:
    """Parse a number of bytes: "20MB" (decimal), "20MiB" or a plain number."""
    found = re.fullmatch(r"\s*(\d{1,18}(?:\.\d+)?)\s*([KMG]?I?B)?\s*", text.upper())
    if found is None or (found[2] or "") not in _BYTES:
        raise InputError(f"{named(parameter, text)} is not a file size: give one such as 20MB or 800KB")
    return ByteSize(Fraction(found[1]) * _BYTES[found[2] or ""])


WORDS: Final[dict[Any, tuple[str, Callable[[str, str], object]]]] = {
    tuple[int, int]: ("WIDTHxHEIGHT", parse_size),
    tuple[float, float]: ("X,Y", parse_pair),
    tuple[float, float, float, float]: ("TOP,RIGHT,BOTTOM,LEFT", parse_edges),
    Paper: ("WIDTHxHEIGHT", parse_paper),
    CellPosition: ("COLUMN,ROW", parse_cell),
    Fraction: ("RATE", parse_frame_rate),
    Colour: ("COLOUR", parse_colour),
    ByteSize: ("BYTES", parse_bytes),
    Day: ("DATE", parse_day),
}
"""Types that are written as one word: the placeholder in help, and the function that parses the word."""


def word_type(hint: Any) -> Any:
    """Return the type of `WORDS` that an annotation is or contains, or None."""
    return next((kind for kind in (hint, *get_args(hint)) if kind in WORDS), None)


def read_values(owner: type, values: Mapping[str, object], where: str) -> dict[str, Any]:
    """Convert and check values for the parameters of a dataclass, from a table of a file or from words.

    A key is the name of a field, or its spelling on the command line. Raises InputError for an unknown key or a wrong
    value; its message starts with `where`.
    """
    declared = parameters(owner)
    checked = {each.name: each for each in checked_fields(owner)}
    spelt = {info.option.removeprefix("--"): name for name, info in declared.items() if info.option.startswith("--")}
    read: dict[str, Any] = {}
    for key, value in values.items():
        name = spelt.get(key, key.replace("-", "_"))
        if name not in declared:
            fix = suggestion(name, [*declared, *spelt]) or f": the parameters are {', '.join(declared)}"
            raise InputError(f"{where}: there is no parameter {key}{fix}")
        try:
            read[name] = checked[name].check(value, lenient=True, name=key.replace("-", "_"))
        except InputError as error:
            raise InputError(f"{where}: {error.message(as_key)}") from None
    return read


# -- Conversion ----------------------------------------------------------------------------------------------------


def _convert(hint: Any, value: object, name: str, *, lenient: bool) -> object:
    """Return a value converted to an annotated type; the same object if it already has that type.

    Raises TypeError, ValueError, or, if a word of a type in `WORDS` can't be parsed, InputError.
    """
    origin, kinds = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        if value is None and types.NoneType in kinds:
            return None
        return _convert_to_first(kinds, value, name, lenient=lenient)
    if origin is Literal:
        return _convert_choice(kinds, value)
    if hint in _SCALARS:
        return _SCALARS[hint](_from_text(hint, value) if lenient else value)
    if hint in WORDS:
        return _convert_word(hint, value, name)
    if origin is tuple:
        return _convert_tuple(kinds, value, name, lenient=lenient)
    if isinstance(hint, type) and not isinstance(value, hint):
        raise TypeError(value)
    return value


def _convert_to_first(kinds: Sequence[Any], value: object, name: str, *, lenient: bool) -> object:
    """Return a value converted to the first of some types, except None, that accepts it."""
    *others, last = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others:
        with contextlib.suppress(TypeError, ValueError, InputError):
            return _convert(kind, value, name, lenient=lenient)
    return _convert(last, value, name, lenient=lenient)


def _convert_choice(kinds: Sequence[object], value: object) -> object:
    """Return the choice that has the same text as a value: 192 also for "192", and "1" for 1."""
    for kind in kinds:
        if str(kind) == str(value):
            return value if type(value) is type(kind) else kind
    raise ValueError(value)


def _convert_tuple(kinds: Sequence[Any], value: object, name: str, *, lenient: bool) -> tuple[object, ...]:
    items = value if isinstance(value, list | tuple) else (value,)
    if kinds[-1] is Ellipsis:
        kinds = [kinds[0]] * len(items)
    found = tuple(_convert(kind, item, name, lenient=lenient) for kind, item in zip(kinds, items, strict=True))
    return value if isinstance(value, tuple) and all(map(operator.is_, found, value)) else found


def _convert_word(hint: Any, value: object, name: str) -> object:
    kinds = get_args(hint)
    if not kinds and hint is not Fraction and isinstance(value, hint):  # a Fraction may be out of range
        return value
    if isinstance(value, list | tuple):
        if kinds:
            with contextlib.suppress(TypeError, ValueError):
                found = cast("tuple[float, ...]", _convert_tuple(kinds, value, name, lenient=False))
                if hint != Colour or (min(found) >= 0 and max(found) <= 1):
                    return found
        value = ",".join(map(str, value))
    parsed = WORDS[hint][1](str(value), name)
    return value if type(value) is type(parsed) and value == parsed else parsed


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if type(value) is int:  # checking a protocol takes ten times as long
        return value
    if not isinstance(value, SupportsIndex) or isinstance(value, bool):  # a NumPy integer is not an int
        raise TypeError(value)
    return operator.index(value)


def _number(value: object) -> float:
    if type(value) is float:
        return value
    if not isinstance(value, SupportsFloat) or isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _text(value: object) -> str:
    if type(value) is str:
        return value
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise TypeError(value)
    return text


def _path(value: object) -> Path:
    return value if isinstance(value, Path) else Path(_text(value))


_SCALARS: Final[dict[object, Callable[[object], object]]] = {
    bool: _flag, int: _whole, float: _number, str: _text, Path: _path,
}  # fmt: skip

_FLAGS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _from_text(hint: object, value: object) -> object:
    """Convert text to a flag or number, a number to text, and 3.0 to a whole number, if the type requires it."""
    match value:
        case str() if hint is bool:
            return _FLAGS.get(value.lower(), value)
        case str() if hint is int:
            return int(value)
        case str() if hint is float:
            return float(value)
        case float() if hint is int and value.is_integer():
            return int(value)
        case int() | float() if hint is str and not isinstance(value, bool):
            return str(value)
    return value


def choices_of(hint: Any) -> Iterator[str]:
    """Yield the choices of an annotation, as text."""
    if get_origin(hint) is Literal:
        yield from map(str, get_args(hint))
    elif get_origin(hint) in (types.UnionType, Union):
        for kind in get_args(hint):
            yield from choices_of(kind)


def _form(hint: Any) -> str:
    """Return what a value of an annotated type must be, for messages."""
    origin, kinds = get_origin(hint), [kind for kind in get_args(hint) if kind is not types.NoneType]
    if (word := word_type(hint)) is not None:
        return WORDS[word][0]
    if origin is Literal:
        return f"one of {', '.join(map(str, kinds))}" if len(kinds) > 1 else str(kinds[0])
    if origin in (types.UnionType, Union):
        return " or ".join(map(_form, kinds))
    if origin is tuple:
        return f"a list, each item {_form(kinds[0])}"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
    if hint in names or not isinstance(hint, type):
        return names.get(hint, str(hint))
    return f"{'an' if hint.__name__[0] in 'AEIOU' else 'a'} {hint.__name__}"


def spell(value: object) -> str:
    """Return a value as it is written on the command line. A path becomes its name, since it is stored in files."""
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
