"""Finding animations, built-in and third-party, by the entry-point group `renderer.animations`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from renderer.errors import InputError
from renderer.parameters import suggestion
from renderer.scene import Animation

GROUP: Final = "renderer.animations"


def installed() -> dict[str, EntryPoint]:
    """Return the entry points of the installed animations, by name, without importing them."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_animation(name: str) -> type[Animation]:
    """Return the class of an animation. Raises InputError for an unknown name or a broken package."""
    points = installed()
    point = points.get(name)
    if point is None:
        fix = suggestion(name, points) or f": the installed ones are {', '.join(points) or 'none'}"
        raise InputError(f"there is no animation {name}{fix}")
    return load(point)


def load(point: EntryPoint) -> type[Animation]:
    """Return the class of an installed animation. Raises InputError for a broken package."""
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # importing a plugin may raise anything
        raise InputError(f"The animation {point.name} ({point.value}) can't be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Animation)):
        raise InputError(f"The animation {point.name} ({point.value}) is not a renderer.scene.Animation")
    return found


def origin(point: EntryPoint) -> str:
    """Return the distribution of an installed animation, with its version."""
    distribution = point.dist
    return f"{distribution.name} {distribution.version}" if distribution else "unknown"
