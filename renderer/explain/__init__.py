"""How a mosaic is made, in pictures of one's own cover and photos.

A file each: `grid`, `channels`, `match` and `knn` draw a figure, `cells` finds and measures what they are about,
`space` places photos in a space of three axes, `points` draws them there, `figures` is paper and pen, `settings` says
what a figure looks like.
"""

from renderer.explain.channels import explain_channels
from renderer.explain.grid import explain_grid
from renderer.explain.knn import explain_knn
from renderer.explain.match import explain_match
from renderer.explain.settings import CellSettings, ClipSettings, FigureResult, FigureSettings

__all__ = [
    "CellSettings",
    "ClipSettings",
    "FigureResult",
    "FigureSettings",
    "explain_channels",
    "explain_grid",
    "explain_knn",
    "explain_match",
]
