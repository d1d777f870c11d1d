"""The controls of the page: every parameter of every animation and of the settings, from its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_origin

from renderer.messages import spelled
from renderer.parameters import (
    CheckedField,
    Colour,
    checked_fields,
    choices_of,
    docstring,
    parameters,
    spell,
    word_type,
)
from renderer.scene import Animation, SpatialAnimation
from renderer.settings import WRITTEN_FILES

Control = dict[str, Any]
"""A control as JSON: name, label, kind, help, unit, low, high, choices, default, whether it is repeatable."""


def as_label(name: str, value: str | None) -> str:
    """Spell a parameter for the page: as its control is labelled."""
    return f"“{name.replace('_', ' ')}{f': {value}' if value else ''}”"


def controls_of(owner: type) -> list[Control]:
    """Return the controls of a dataclass of parameters, in their order."""
    declared = [each for each in fields(owner) if "parameter" in each.metadata and each.name not in WRITTEN_FILES]
    defaults = {each.name: each.default for each in declared}
    return [_control(each, defaults[each.name]) for each in checked_fields(owner) if each.name in defaults]


def animation_table(name: str, kind: type[Animation]) -> Control:
    """Return an animation with its controls, as JSON."""
    shared = {*parameters(Animation), *parameters(SpatialAnimation)}  # of many animations: after its own
    controls = sorted(controls_of(kind), key=lambda control: control["name"] in shared)
    about = docstring(kind).splitlines()[0]
    return {"name": name, "about": about, "styles": kind.styles, "controls": controls}


def as_json(value: object) -> object:
    """Return the value of a parameter as JSON, which `read_values` reads."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple() if all(isinstance(each, str) for each in value):
            return list(value)
        case Path():
            return str(value)
    return spell(value)


def values_as_json(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by parameter as JSON."""
    return {name: as_json(value) for name, value in values.items()}


def _control(field: CheckedField, default: object) -> Control:
    info = field.info
    control: Control = {
        "name": field.name, "label": field.name.replace("_", " ").capitalize(), "kind": _kind(field.hint),
        "help": spelled(info.help, as_label),
        "unit": info.unit, "choices": list(choices_of(field.hint)), "optional": type(None) in get_args(field.hint),
    }  # fmt: skip
    if info.low > float("-inf"):
        control["low"] = info.low
    if info.high < float("inf"):
        control["high"] = info.high
    control["default"] = as_json(default)
    return control


def _kind(hint: object) -> str:
    """Return what kind of control an annotation needs."""
    kinds = [each for each in (get_args(hint) or (hint,)) if each is not type(None)]
    if get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis:
        return "texts"
    word = word_type(hint)
    if word is not None:
        return {Colour: "colour", Fraction: "rate"}.get(word, "text")
    for kind, name in ((bool, "flag"), (float, "number"), (int, "whole"), (Path, "path")):
        if kind in kinds:
            return name
    return "choice" if list(choices_of(hint)) else "text"
