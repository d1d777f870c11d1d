"""Photo-mosaic animation: matching photos to a cover, moving the tiles, drawing and encoding the frames.

The rooms are modules, from `renderer.pictures` to `renderer.job`; README.md draws the plan. `renderer.job` holds the
functions that the commands call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renderer.clip import as_clip

__all__ = ["as_clip"]


def __getattr__(name: str) -> object:
    """Import what is asked for only then: MoviePy takes a second, and the command line needs none of it."""
    if name == "as_clip":
        from renderer.clip import as_clip

        return as_clip
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
