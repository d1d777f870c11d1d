"""Covers: opening picture files with their transparency, and drawing covers of letters and shapes."""

from renderer.covers.fills import Fill, box_of
from renderer.covers.opening import LONGEST, WHITE, Cover, extended, open_cover
from renderer.covers.outlines import Mask, shape_mask

__all__ = ["LONGEST", "WHITE", "Cover", "Fill", "Mask", "box_of", "extended", "open_cover", "shape_mask"]
