"""Choices that several modules share: crops, metrics, preferences, and how a mosaic is fitted to a frame."""

from __future__ import annotations

from typing import Final, Literal

DEFAULT_NAME: Final = "default"
"""The library that is used if no tiles are specified."""

PIECES: Final = "pieces"
"""Value of `tiles` for pieces of the cover instead of the default library. No library may have this name."""

Crop = Literal["smart", "centre"]
"""How the square of a photo is chosen: `smart` around its subject, `centre` in the middle."""

Metric = Literal["structure", "mean", "lab", "pixels"]
"""`structure`: the visible shapes and the colour of a cell, separately. `mean`: its mean RGB. `lab`: the mean of its
linear light in CIELAB. `pixels`: all of its 32 × 32 RGB values."""

Prefer = Literal["people", "places"]
"""Photos that are preferred to others that match nearly as well: those with faces, or those without."""

Fit = Literal["crop", "pad", "blur"]
"""How a mosaic is fitted to a frame of another shape: `crop` fills the frame, `pad` shows the whole mosaic on the
background colour, `blur` shows it on its own blurred picture."""
