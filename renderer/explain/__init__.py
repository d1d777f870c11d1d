"""Figures that explain how a mosaic is made, from the user's own cover and photos.

Each of `grid`, `channels`, `match` and `knn` draws one figure. `cells` selects and measures cells, `space` maps photos
to points with three coordinates, `points` draws the points, and `figures` draws text, boxes and pictures.
"""

from renderer.deprecation import old_names
from renderer.explain.channels import explain_channels
from renderer.explain.grid import explain_grid
from renderer.explain.knn import explain_knn
from renderer.explain.match import explain_match
from renderer.explain.results import FigureResult
from renderer.settings import CellSettings, ClipSettings, FigureSettings

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

__getattr__ = old_names(__name__, {"Explained": "FigureResult"})
