"""Renamed names: the old ones work for one version, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def old_names(
    module: str, renamed: Mapping[str, str], late: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """Return a module's `__getattr__` that resolves old names to new ones, with a warning.

    `renamed`: new names by old ones; the new name of an object that moved includes its module. `late`: the modules of
    names that are imported when they are first used.
    """

    def find(name: str) -> object:
        if late and name in late:
            return getattr(import_module(late[name]), name)
        if name not in renamed:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = renamed[name].rpartition(".")
        home = home or module
        warn_renamed(f"{module}.{name}", f"{home}.{new}")
        found: object = getattr(import_module(home), new)
        return found

    return find


def old_method(old: str, method: Callable[P, R]) -> Callable[P, R]:
    """Return a method for a class to keep under its old name, such as "Stage.chance", with a warning."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        warn_renamed(old, method.__qualname__)
        return method(*args, **kwargs)

    return call


def warn_renamed(old: str, new: str, *, level: int = 2) -> None:
    """Warn that an old name was used. `level`: as `stacklevel` of `warnings.warn`, counted from the caller."""
    warnings.warn(
        f"{old} is now {new}; the old name will be removed in the next version", DeprecationWarning, level + 1
    )
