"""Finding animations, built-in and third-party, by the entry-point group `renderer.animations`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from renderer.errors import InputError
from renderer.parameters import suggestion
from renderer.scene import Animation

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "renderer.animations"


class Point(Protocol):
    """Where an animation is: an entry point, or a built-in one."""

    @property
    def name(self) -> str:
        """The name of the animation."""

    @property
    def value(self) -> str:
        """Its module and its class, as in `animations.zoom:Zoom`."""

    def load(self) -> object:
        """Import the module and return the class."""


@dataclass(frozen=True)
class _BuiltIn:
    name: str
    value: str

    def load(self) -> object:
        module, _, name = self.value.partition(":")
        return getattr(import_module(module), name)


BUILT_IN: Final[dict[str, Point]] = {
    name: _BuiltIn(name, value)
    for name, value in {
        "disperse": "animations.disperse:Disperse",
        "endless": "animations.endless:Endless",
        "flip": "animations.flip:Flip",
        "flight": "animations.flight:Flight",
        "gather": "animations.disperse:Gather",
        "morph": "animations.morph:Morph",
        "parade": "animations.parade:Parade",
        "reveal": "animations.reveal:Reveal",
        "show": "renderer.timeline:Show",
        "wave": "animations.wave:Wave",
        "sort": "animations.sort:Sort",
        "zoom": "animations.zoom:Zoom",
    }.items()
}
"""The entry points of this package. Reading those of all packages takes 45 ms, with the import of what reads them."""


def installed() -> dict[str, EntryPoint]:
    """Return the entry points of the installed animations, by name, without importing them.

    No other package can replace a built-in animation.
    """
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return {
        point.name: point for point in points if point.name not in BUILT_IN or point.value == BUILT_IN[point.name].value
    }


def load_animation(name: str) -> type[Animation]:
    """Return the class of an animation. Raises InputError for an unknown name or a broken package."""
    if name in BUILT_IN:
        return load(BUILT_IN[name])
    points = installed()
    point = points.get(name)
    if point is None:
        fix = suggestion(name, points) or f": the installed ones are {', '.join(points) or 'none'}"
        raise InputError(f"there is no animation {name}{fix}")
    return load(point)


def load(point: Point) -> type[Animation]:
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
