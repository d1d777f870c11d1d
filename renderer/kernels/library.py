"""The compiled library: which variant this processor runs, and calling its functions with NumPy arrays.

Functions, and the constants that both sides need, are declared in one place, `kernels.h`, which is read when they are
needed. A pointer parameter accepts a contiguous array of its type, which must be writable unless the parameter is
`const`; a pointer to pointers accepts an array of memory addresses; a pointer to a struct accepts a named tuple that
has the struct's fields. Numbers are converted by ctypes, which also releases the GIL during a call.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

import numpy as np

from renderer.errors import RenderError
from renderer.kernels.sources import FOLDER, source_digest

T = TypeVar("T")

SUFFIX: Final = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")

VARIABLE: Final = "MOSAIC_RENDERER_KERNELS"

_FIX: Final = "install the package again (in a checkout: pip install -e .)"

_X86_64: Final = {"x86-64-v2": 2, "x86-64-v3": 3}
"""Variants for x86-64 and the level of the processor that each requires. Others have one variant."""

_NUMBERS: Final[Mapping[str, Any]] = {  # ctypes' base class of numbers is private
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "int64_t": ctypes.c_int64,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "void": None,
}

_ELEMENTS: Final = {
    "float": np.float32,
    "double": np.float64,
    "int16_t": np.int16,
    "int32_t": np.int32,
    "int64_t": np.int64,
    "uint8_t": np.uint8,
    "uint32_t": np.uint32,
}


# -- Declarations --------------------------------------------------------------------------------------------------


class Parameter(NamedTuple):
    """A parameter of a function, or a field of a struct."""

    name: str
    type: str  # of the number, or of the array's elements
    pointers: int  # 0: a number, 1: an array or a struct, 2: an array of addresses
    written: bool  # an array that the function changes


class Function(NamedTuple):
    """A declared function and the type of its result."""

    result: str
    parameters: tuple[Parameter, ...]


class Declarations(NamedTuple):
    """The functions, structs and integer constants of a header, by name."""

    functions: dict[str, Function]
    structs: dict[str, tuple[Parameter, ...]]
    constants: dict[str, int]


def read_header(text: str) -> Declarations:
    """Read the declarations of a header, which may use the subset of C found in `kernels.h`."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    structs = re.findall(r"typedef struct \{(.*?)\} (\w+);", text, re.DOTALL)
    functions = re.findall(r"EXPORTED (\w+) (\w+)\((.*?)\);", text, re.DOTALL)
    return Declarations(
        {name: Function(result, _parameters(listed.split(","))) for result, name, listed in functions},
        {name: _parameters(fields.split(";")) for fields, name in structs},
        {name: int(number) for name, number in re.findall(r"#define (\w+) (\d+)\s", text)},
    )


@cache
def declared() -> Declarations:
    """Return what the library declares."""
    return read_header((FOLDER / "kernels.h").read_text(encoding="utf-8"))


def _parameters(declarations: Sequence[str]) -> tuple[Parameter, ...]:
    found = []
    for declaration in declarations:
        *words, name = re.findall(r"\w+|\*", declaration) or [""]
        if words:
            pointers = words.count("*")
            kind = next(word for word in words if word != "const")
            found.append(Parameter(name, kind, pointers, pointers == 1 and "const" not in words))
    return tuple(found)


# -- Arguments -----------------------------------------------------------------------------------------------------


class _Converter(Protocol):
    """What ctypes requires of an argument's type."""

    def from_param(self, value: Any, /) -> Any: ...


class _Array:
    """Converts arrays to pointers. Arrays that are only read are copied if their layout or type differs.

    Raises TypeError for values of another kind, and for arrays that are written but don't fit.
    """

    def __init__(self, kind: str, *, written: bool) -> None:
        self._type = np.dtype(_ELEMENTS[kind])
        self._written = written

    def from_param(self, value: object) -> ctypes.c_void_p:
        if not isinstance(value, np.ndarray):
            raise TypeError(f"expected an array of {self._type}, not {type(value).__name__}")
        if value.dtype != self._type or not value.flags.c_contiguous:
            if value.dtype == np.bool_ and self._type == np.uint8:
                return self.from_param(value.view(np.uint8))
            if self._written or not np.can_cast(value.dtype, self._type, "same_kind"):
                raise TypeError(f"expected a contiguous array of {self._type}, not {value.strides} of {value.dtype}")
            value = np.ascontiguousarray(value, self._type)
        elif self._written and not value.flags.writeable:
            raise TypeError("the array is read-only")
        pointer = ctypes.c_void_p(_address(value))
        pointer.array = value  # type: ignore[attr-defined]  # kept while the pointer is used
        return pointer


def _address(array: np.ndarray[Any, Any]) -> int:
    try:
        # Four times as fast as `array.ctypes`; the stubs of Python 3.11 do not know that arrays have buffers.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, or empty
        return array.ctypes.data


class _Struct:
    """Converts objects with the struct's fields as attributes, such as named tuples, to pointers."""

    def __init__(self, fields: Sequence[Parameter]) -> None:
        self._arrays = {field.name: _converter(field, {}) for field in fields if field.pointers}
        self._numbers = [field.name for field in fields if not field.pointers]
        layout = [(field.name, ctypes.c_void_p if field.pointers else _NUMBERS[field.type]) for field in fields]
        self._type = type("Struct", (ctypes.Structure,), {"_fields_": layout})

    def from_param(self, value: object) -> object:
        if isinstance(value, _Converted):
            return value.reference
        pointers = {name: converter.from_param(getattr(value, name)) for name, converter in self._arrays.items()}
        struct = self._type(**pointers, **{name: getattr(value, name) for name in self._numbers})
        struct.pointers = pointers  # kept while the struct is used
        return ctypes.byref(struct)


class _Converted:
    """An object with the pointer to the struct that it was converted to."""

    def __init__(self, value: object, struct: _Struct) -> None:
        self.value, self.reference = value, struct.from_param(value)

    def __getattr__(self, name: str) -> object:
        return getattr(self.value, name)


def converted(value: T) -> T:
    """Return a named tuple converted to the struct of the same name, for repeated calls: that takes 1 µs per field.

    Its numbers and arrays must not be replaced, but arrays may change.
    """
    found: Any = _Converted(value, kernels().structs[type(value).__name__])
    return cast("T", found)


def _converter(parameter: Parameter, structs: Mapping[str, _Struct]) -> _Converter:
    if parameter.pointers == 2:
        return _Array("int64_t", written=False)
    if parameter.type in structs:
        return structs[parameter.type]
    if parameter.pointers:
        return _Array(parameter.type, written=parameter.written)
    number: _Converter = _NUMBERS[parameter.type]
    return number


def _converting(function: Callable[..., Any], converters: Sequence[_Converter]) -> Callable[..., Any]:
    """Return a function that converts its arguments and calls another.

    Not by `argtypes`: ctypes reports any exception in a conversion as ArgumentError, KeyboardInterrupt too.
    """

    def call(*arguments: object) -> Any:
        return function(*[each.from_param(value) for each, value in zip(converters, arguments, strict=True)])

    return call


# -- The library ---------------------------------------------------------------------------------------------------


class Kernels:
    """The functions of one variant of the library, as attributes.

    Raises OSError if the file can't be loaded, AttributeError if it lacks a declared function.
    """

    def __init__(self, path: Path) -> None:
        self.variant = path.stem
        library = ctypes.CDLL(str(path))
        self.structs = {name: _Struct(fields) for name, fields in declared().structs.items()}
        for name, (result, parameters) in declared().functions.items():
            function = library[name]
            function.restype = _NUMBERS[result]
            setattr(self, name, _converting(function, [_converter(each, self.structs) for each in parameters]))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"the compiled library has no function {name}")


def variants() -> list[Path]:
    """Return the installed variants that this processor runs, the fastest first. Raises RenderError if none."""
    installed = sorted(FOLDER.glob(f"*{SUFFIX}"))
    if not installed:
        raise RenderError(f"The compiled part of the renderer is missing ({FOLDER}/*{SUFFIX}): {_FIX}")
    level = ctypes.CDLL(str(installed[0])).processor_level()  # not `Kernels`, which reads the header
    usable = [path for path in reversed(installed) if _X86_64.get(path.stem, 0) <= level]
    if not usable:
        raise RenderError("This processor is too old: x86-64-v2 is needed (SSE4.2, from 2009 on)")
    return usable


def _selected() -> Path:
    """Return the variant named by the environment variable, or the fastest."""
    usable = {path.stem: path for path in variants()}
    name = os.environ.get(VARIABLE) or next(iter(usable))
    if name not in usable:
        raise RenderError(f"{VARIABLE} is {name!r}, which this processor can't run: use {' or '.join(usable)}")
    return usable[name]


@cache
def kernels() -> Kernels:
    """Return the variant that `MOSAIC_RENDERER_KERNELS` names, or the fastest that this processor runs.

    Raises RenderError if it can't be loaded.
    """
    try:
        found = Kernels(_selected())
        if (expected := source_digest()) not in (None, found.source_digest()):
            raise RenderError(f"The compiled part of the renderer is older than its sources ({expected:x}): {_FIX}")
    except (OSError, AttributeError) as error:
        raise RenderError(f"The compiled part of the renderer can't be loaded ({error}): {_FIX}") from error
    return found
