"""Photo-mosaic animation: match photos to a cover, animate the tiles, draw and encode the frames.

The functions and classes below are the Python API. They are imported when they are first used, since what draws takes
a second to import; `__init__.pyi` has their types.
"""

from __future__ import annotations

from importlib import import_module

from renderer.errors import Cancelled, InputError, RenderError

_ANIMATIONS = ("Disperse", "Gather", "Reveal", "Show", "Zoom")

_FUNCTIONS = ("Mosaic", "MosaicFigures", "Summary", "as_clip", "frame", "frames", "match", "render")

__all__ = [
    "Cancelled",
    "Disperse",
    "Gather",
    "InputError",
    "Mosaic",
    "MosaicFigures",
    "RenderError",
    "Reveal",
    "Show",
    "Summary",
    "Zoom",
    "as_clip",
    "frame",
    "frames",
    "match",
    "render",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("renderer.version").version()
    if name in _ANIMATIONS:
        return import_module("renderer.plugins").load_animation(name.lower())
    if name in _FUNCTIONS:
        return getattr(import_module("renderer.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
