"""Finding animations: ours and anybody's, by the entry-point group `renderer.animations`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from renderer.errors import InputError
from renderer.scene import Animation

GROUP: Final = "renderer.animations"


def installed() -> dict[str, EntryPoint]:
    """The animations that are installed, by name, not yet imported."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_animation(name: str) -> type[Animation]:
    """The class of an animation. Raises InputError if there is none of that name or its package is broken."""
    point = installed().get(name)
    if point is None:
        raise InputError(f"there is no animation named {name}: there are {', '.join(installed()) or 'none'}")
    try:
        found = point.load()
    except Exception as error:  # a plugin may fail in any way
        raise InputError(f"the animation {name} ({point.value}) can't be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Animation)):
        raise InputError(f"the animation {name} ({point.value}) is not a renderer.scene.Animation")
    return found


def origin(name: str) -> str:
    """The distribution that an installed animation comes from, with its version."""
    distribution = installed()[name].dist
    return f"{distribution.name} {distribution.version}" if distribution else "unknown"
