"""Render the pictures of the README, from scikit-learn's sample photos: `poe pictures`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from animations.zoom import Zoom
from renderer.job import MatchSettings, drawing, open_mosaic
from renderer.preset import OutputSettings
from renderer.progress import Silent

IMAGES = Path(__file__).parent / "images"
MOMENTS = (0.0, 0.36, 0.5, 0.62, 0.72, 1.0)  # of the zoom, chosen by looking
FRAME = (480, 270)
TILE = 11  # pixels of the still


def main() -> None:
    """Draw a mosaic as a still, and frames of a zoom side by side."""
    IMAGES.mkdir(exist_ok=True)
    with open_mosaic(None, MatchSettings(tiles=("pieces",)), Silent()) as mosaic:
        columns, rows = (round(units * TILE) for units in mosaic.placement.size)
        with drawing(mosaic, (columns, rows), OutputSettings(), full_tone=True) as (stage, compositor):
            still = compositor.still(stage.scene(stage.whole_camera(), stage.resting_sprites()))
        with drawing(mosaic, FRAME, OutputSettings(size=FRAME)) as (stage, compositor):
            motion = Zoom().prepare(stage)
            frames = [compositor.still(motion(moment)) for moment in MOMENTS]
    Image.fromarray(still).save(IMAGES / "mosaic.jpg", quality=85)
    strips = [np.concatenate(frames[start : start + 3], axis=1) for start in (0, 3)]
    Image.fromarray(np.concatenate(strips, axis=0)).save(IMAGES / "zoom.jpg", quality=88)


if __name__ == "__main__":
    main()
