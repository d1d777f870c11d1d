"""Render the pictures of the README, from the photos that scikit-image and scikit-learn ship: `poe pictures`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from animations.disperse import Disperse
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.explain import FigureSettings, explain_match
from renderer.job import MatchSettings, VideoJob, drawing, open_mosaic, render_sheet, render_video, sample_pictures
from renderer.parameters import ByteSize
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import FileSettings, OutputSettings
from renderer.timeline import Show

IMAGES = Path(__file__).parent / "images"
SAMPLES = Path(skimage.__file__).parent / "data"
COVER, LANDING = SAMPLES / "astronaut.png", SAMPLES / "chelsea.png"
PHOTOS = [
    *(SAMPLES / f"{name}.png" for name in ("chelsea", "coffee", "ihc", "motorcycle_left", "brick", "grass", "gravel")),
    *(SAMPLES / f"{name}.jpg" for name in ("rocket", "hubble_deep_field", "retina")),
    *sample_pictures(),
]
MOMENTS = (0.0, 0.4, 0.52, 0.62, 0.72, 1.0)  # of the zoom, chosen by looking
FRAME = (480, 270)
TILE = 11  # pixels of the still
SHOW = "reveal 2.4s order=spiral enter=pop hold-start=0.2 hold-end=0.2, zoom 3.6s focus=chelsea.png hold-start=0"
FIGURE = (1280, 720)
SHEETS: dict[str, Animation] = {
    "show": Show(timeline="reveal 2s, zoom 3s, zoom 2s direction=out, disperse 2s style=gravity"),
    "disperse": Disperse(hold_start=0.4, hold_end=0.0),
    "gather": Disperse(reverse=True, style="vortex", hold_end=0.0, hold_start=0.8),
    "reveal": Reveal(enter="drop", hold_end=0.6),
    "reveal-cover": Reveal(start="cover", order="wave", enter="flip", hold_end=0.6),
}


@contextmanager
def photos() -> Iterator[Path]:
    """A folder of some 1,500 photos: whole ones, and squares cut from them at several scales."""
    with tempfile.TemporaryDirectory() as name:
        chance = np.random.default_rng(1)
        for path in PHOTOS:
            with Image.open(path) as image:
                picture = image.convert("RGB")
            picture.save(Path(name, f"{path.stem}.png"))
            for number in range(120):
                side = round(min(picture.size) * float(chance.choice([0.12, 0.2, 0.33, 0.55])))
                left, top = (int(chance.integers(0, length - side + 1)) for length in picture.size)
                cut = picture.crop((left, top, left + side, top + side))
                cut.save(Path(name, f"{path.stem}-{number}.jpg"), quality=92)
        yield Path(name)


def main() -> None:
    """Draw a mosaic, frames of a zoom, a contact sheet of each other animation, a GIF, and how one cell was matched."""
    IMAGES.mkdir(exist_ok=True)
    with photos() as folder:
        match = MatchSettings(tiles=(str(folder),))
        zoom = Zoom(focus=(str(folder / LANDING.name),))
        with open_mosaic(COVER, match, Silent(), zoom.targets()) as mosaic:
            columns, rows = (round(units * TILE) for units in mosaic.placement.size)
            with drawing(mosaic, (columns, rows), OutputSettings(), full_tone=True) as (stage, compositor):
                still = compositor.still(stage.scene(stage.whole_camera(), stage.resting_sprites()))
            with drawing(mosaic, FRAME, OutputSettings(size=FRAME)) as (stage, compositor):
                motion = zoom.play(stage)
                frames = [compositor.still(motion(moment)) for moment in MOMENTS]
        for name, animation in SHEETS.items():
            output = OutputSettings(size=(320, 320))
            path = IMAGES / f"{name}.jpg"
            render_sheet(COVER, animation, path, cells=(5, 1), match=match, output=output, overwrite=True)
        job = VideoJob(
            COVER, Show(timeline=SHOW), IMAGES / "show.gif", match, OutputSettings(size=(300, 300), fps=Fraction(20)),
            FileSettings(max_size=ByteSize(2_500_000)), overwrite=True,
        )  # fmt: skip
        render_video(job)
        figure = FigureSettings(size=FIGURE)
        explain_match(COVER, IMAGES / "match.jpg", match=match, figure=figure, overwrite=True)
    Image.fromarray(still).save(IMAGES / "mosaic.jpg", quality=85)
    strips = [np.concatenate(frames[start : start + 3], axis=1) for start in (0, 3)]
    Image.fromarray(np.concatenate(strips, axis=0)).save(IMAGES / "zoom.jpg", quality=88)


if __name__ == "__main__":
    main()
