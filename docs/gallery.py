"""The pictures of the README and the site: a table of commands, rendered by `poe gallery`.

The pictures are checked in, in docs/images, so that the README can show them and the site builds in seconds. Rendering
them takes minutes, and the bytes differ between encoders. To add one, add a line here and run `poe gallery FILE`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Collection
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import skimage
from PIL import Image

from renderer.cli import main as render
from renderer.job import sample_pictures

IMAGES: Final = Path(__file__).parent / "images"
JPEG_QUALITY: Final = 85  # the program writes 95; this halves the bytes


@dataclass(frozen=True)
class Picture:
    """A picture or clip: the command that renders it, and its caption in the gallery."""

    command: str  # run in the folder of `prepare_folder`; its last word is the name of the file
    caption: str = ""

    @property
    def file(self) -> str:
        """Return its name in docs/images."""
        return self.command.split()[-1]

    @property
    def words(self) -> list[str]:
        """Return the words after `render`, split as a shell does; globs are expanded by the program."""
        return shlex.split(self.command)[1:]


_SHEET = "astronaut.png --tiles photos --size 320x320 --cells 5x1"
_CLIP = "--size 400x400 --fps 20 --max-size 130KB"

PAGE_PICTURES: Final = (
    Picture(
        "render morph astronaut.png chelsea.png --tiles photos --columns 48 --loop --duration 6.5 --hold-start 0.9 "
        "--hold-end 0.9 --size 300x300 --fps 20 --max-size 2.6MB -o morph.gif"
    ),
    Picture(
        "render sheet zoom astronaut.png --tiles photos --focus chelsea.png --hold-start 0 --hold-end 0 "
        "--size 480x270 --cells 3x2 -o zoom.jpg"
    ),
    Picture("render mosaic astronaut.png --tiles photos --tile-pixels 11 -o mosaic.jpg"),
    Picture(
        "render sheet flip astronaut.png chelsea.png --tiles photos --columns 32 --size 320x320 --cells 5x1 "
        "--hold-start 0 --hold-end 0 -o flip-steps.jpg"
    ),
    Picture(
        "render sheet morph astronaut.png chelsea.png --tiles photos --columns 32 --size 320x320 --cells 5x1 "
        "--hold-start 0 --hold-end 0 -o morph-steps.jpg"
    ),
    Picture(f"render sheet reveal {_SHEET} --enter drop --hold-end 0.6 -o reveal.jpg"),
    Picture(f"render sheet disperse {_SHEET} --hold-start 0.4 --hold-end 0 -o disperse.jpg"),
    Picture(f"render sheet gather {_SHEET} --style vortex -o gather.jpg"),
    Picture(f"render sheet reveal {_SHEET} --from cover --order wave --enter flip -o reveal-cover.jpg"),
    Picture(
        f'render sheet show {_SHEET} --timeline "reveal 2s, zoom 3s focus=chelsea.png, zoom 2s direction=out, '
        'disperse 2s style=gravity" -o show.jpg'
    ),
)
"""Pictures of the README and of pages, which the gallery does not show."""

GALLERY: Final[dict[str, tuple[Picture, ...]]] = {
    "From cover to cover": (
        Picture(
            "render morph coffee.png rocket.jpg --tiles photos --columns 48 --duration 4.5 --hold-start 0.5 "
            f"--hold-end 1 {_CLIP} -o morph.mp4",
            "Morph: the photos of one picture travel until they form the next",
        ),
        Picture(
            "render flip flower.jpg astronaut.png --tiles photos --columns 40 --order diagonal --duration 4 "
            f"--hold-start 0.4 --hold-end 0.8 {_CLIP} -o flip.mp4",
            "Flip: each tile turns over into that of the next picture",
        ),
        Picture(
            "render endless astronaut.png chelsea.png --tiles photos --columns 40 --duration 10 "
            "--size 480x270 --fps 20 --max-size 300KB -o endless.mp4",
            "Endless: into a tile that is the mosaic of the next picture, and from there back, without a seam",
        ),
    ),
    "Photos in order, one by one, or from close by": (
        Picture(
            "render sort chelsea.png --tiles photos --columns 40 --duration 5 --hold-start 0.5 "
            f"--hold-end 0.8 {_CLIP} -o sort.mp4",
            "Sort: photos in the order of their hue become the cover",
        ),
        Picture(
            "render parade coffee.png --tiles photos --columns 40 --photos 4 --duration 7 "
            f"--hold-end 0.8 {_CLIP} -o parade.mp4",
            "Parade: the best photos, large, one after another; each flies to its place",
        ),
        Picture(
            "render flight astronaut.png --tiles photos --columns 48 --duration 6 --size 480x270 --fps 20 "
            "--max-size 255KB -o flight.mp4",
            "Flight: low over the photos, then up, until they are the cover",
        ),
        Picture(
            f"render wave flower.jpg --tiles photos --columns 40 --loop --duration 5 {_CLIP} -o wave.mp4",
            "Wave: waves run through the mosaic, as through cloth, and repeat without a seam",
        ),
    ),
    "Zoom": (
        Picture(
            "render zoom astronaut.png --tiles photos --columns 40 --focus chelsea.png --size 480x270 --fps 20 "
            "--duration 5 --hold-start 0.5 --max-size 255KB -o zoom-in.mp4",
            "From the whole cover into one photo, which fills the frame at the end",
        ),
        Picture(
            "render zoom coffee.png --tiles photos --columns 40 --direction out --focus rocket.png --size 480x270 "
            "--fps 20 --duration 5 --hold-end 1 --max-size 255KB -o zoom-out.mp4",
            "From one photo back to the whole mosaic, where it is one of thousands",
        ),
    ),
    "Reveal": (
        Picture(
            "render reveal astronaut.png --tiles photos --columns 40 --enter pop --duration 4 "
            f"{_CLIP} -o reveal-spiral.mp4",
            "Tile by tile in a spiral, with each tile popping up",
        ),
        Picture(
            "render reveal coffee.png --tiles photos --columns 40 --enter fade --duration 4 "
            f"{_CLIP} -o reveal-fade.mp4",
            "In clusters that grow and meet, with each tile glowing at first",
        ),
        Picture(
            "render reveal flower.jpg --tiles photos --columns 40 --order hue --enter flip --duration 4 "
            f"{_CLIP} -o reveal-hue.mp4",
            "In order of hue, with each tile flipping over",
        ),
        Picture(
            "render reveal chelsea.png --tiles photos --columns 40 --from cover --order wave --enter flip --duration 4 "
            f"{_CLIP} -o reveal-wave.mp4",
            "A wave turns the plain cover into its mosaic",
        ),
        Picture(
            "render reveal rocket.jpg --tiles photos --columns 40 --order random --enter drop --duration 4 "
            f"{_CLIP} -o reveal-drop.mp4",
            "In random order, with each tile dropping in",
        ),
    ),
    "Disperse and gather": (
        Picture(
            "render disperse astronaut.png --tiles photos --columns 40 --hold-start 0.6 --duration 3.5 "
            f"{_CLIP} -o disperse-burst.mp4",
            "Burst: tiles fly outwards from the middle",
        ),
        Picture(
            "render disperse coffee.png --tiles photos --columns 40 --style gravity --hold-start 0.6 --duration 3.5 "
            f"{_CLIP} -o disperse-gravity.mp4",
            "Gravity: all tiles fall",
        ),
        Picture(
            "render disperse flower.jpg --tiles photos --columns 40 --style wind --hold-start 0.6 --duration 3.5 "
            f"{_CLIP} -o disperse-wind.mp4",
            "Wind: a gust carries the tiles away",
        ),
        Picture(
            "render gather chelsea.png --tiles photos --columns 40 --style vortex --hold-start 0 --hold-end 1 "
            f"--duration 3.5 {_CLIP} -o gather-vortex.mp4",
            "Gather, the reverse of disperse: photos arrive in a vortex",
        ),
    ),
    "One cover, every format": (
        Picture(
            "render still zoom astronaut.png --tiles photos --for youtube-1080p --size 640x360 -o shape-16x9.jpg",
            "16:9, for YouTube: faces stay in view",
        ),
        Picture(
            "render still zoom astronaut.png --tiles photos --for instagram-square --size 360x360 -o shape-1x1.jpg",
            "1:1, for a square post",
        ),
        Picture(
            "render still zoom astronaut.png --tiles photos --for instagram-reel --size 360x640 "
            '--title "One year" -o shape-9x16.jpg',
            "9:16, for a reel, with a title that stays clear of the app's own buttons and captions",
        ),
    ),
    "Stills": (
        Picture(
            "render mosaic china.jpg --tiles photos --columns 60 --tile-pixels 13 -o still.jpg",
            "A still picture, which can be rendered at any size, for example for a print two metres wide",
        ),
        Picture(
            "render mosaic astronaut.png --tiles photos --adaptive --columns 44 --tile-pixels 16 -o still-adaptive.jpg",
            "Smaller cells over faces and edges, larger ones where the cover is flat",
        ),
        Picture(
            "render mosaic rocket.jpg --tiles hubble_deep_field.jpg --tiles 'photos/hubble*' --turns --columns 48 "
            "--tile-pixels 16 -o still-galaxies.jpg",
            "A night launch, made only of galaxies",
        ),
        Picture(
            "render mosaic flower.jpg --tiles photos --columns 40 --unique --tile-pixels 20 -o still-unique.jpg",
            "A thousand photos, each used once",
        ),
    ),
    "Shapes of tiles": (
        Picture(
            "render mosaic coffee.png --tiles photos --tile-shape 3:2 --columns 22 --gap 0.06 --tile-pixels 20 "
            "-o tiles-wall.jpg",
            "A wall of 3:2 photos with white gaps",
        ),
        Picture(
            "render mosaic astronaut.png --tiles photos --tile-shape hexagon --columns 30 --border 0.04 "
            "--border-colour white --tile-pixels 17 -o tiles-hexagon.jpg",
            "A honeycomb: hexagons with a white border",
        ),
        Picture(
            "render mosaic chelsea.png --tiles photos --tile-shape circle --columns 40 --background '#1d3557' "
            "--tile-pixels 15 -o tiles-circle.jpg",
            "Circles on a dark blue ground",
        ),
    ),
    "Names, numbers and masks": (
        Picture(
            "render gather text:40 --tiles photos --fill '#e63946,#457b9d' --tone 0.6 --columns 50 --background white "
            "--size 480x270 --fps 20 --duration 4 --hold-start 0 --hold-end 1 --max-size 180KB -o text-40.mp4",
            "A number, which flies together from photos",
        ),
        Picture(
            "render mosaic text:ANNA --tiles photos --fill '#e63946,#f4a300,#2a9d8f' --tone 0.7 --adaptive "
            "--columns 72 --print 16x6cm --dpi 150 -o text-anna.jpg",
            "A name in a gradient, with smaller cells along the outline",
        ),
        Picture(
            "render mosaic flower.jpg --tiles photos --mask heart --adaptive --columns 44 --gap 0.05 --tile-pixels 15 "
            "-o mask-heart.jpg",
            "A heart of a cover",
        ),
        Picture(
            "render mosaic shape:star --tiles photos --fill '#f4a300,#e63946' --tone 0.6 --adaptive --columns 40 "
            "--print 8x8cm --dpi 150 --background transparent -o shape-star.webp",
            "A star on a transparent ground",
        ),
    ),
    "How matching works": (
        Picture(
            "render explain grid astronaut.png --columns 32 --size 960x540 -o explain-grid.jpg",
            "The cover, cut into cells",
        ),
        Picture(
            "render explain channels astronaut.png --size 960x540 -o explain-channels.jpg",
            "The red, green and blue planes of the cover, separately and combined",
        ),
        Picture(
            "render explain match astronaut.png --tiles photos --size 1280x720 -o match.jpg",
            "A cell and its photo, each with its red, green and blue planes and their means",
        ),
        Picture(
            "render explain knn astronaut.png --tiles photos --match lab --size 640x360 --fps 12 --duration 5 "
            "-o explain-knn.mp4",
            "Photos as points in colour space: near ones appear in orange, the nearest is marked with a yellow X",
        ),
    ),
}
"""The chapters of the gallery."""

PICTURES: Final = {picture.file: picture for chapter in (PAGE_PICTURES, *GALLERY.values()) for picture in chapter}


def prepare_folder(folder: Path, pieces: int = 120) -> None:
    """Write the input files of the commands: covers from scikit-image and scikit-learn, and a folder of photos.

    These packages ship a dozen photographs, too few for a mosaic. So `photos` holds each of them, and `pieces` squares
    cut from each at several scales: about 1,500 files by default.
    """
    samples = Path(skimage.__file__).parent / "data"
    covers = [samples / name for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")]
    covers += [samples / "hubble_deep_field.jpg", *sample_pictures()]
    others = [samples / name for name in ("ihc.png", "motorcycle_left.png", "brick.png", "grass.png", "gravel.png")]
    rng = np.random.default_rng(1)
    (folder / "photos").mkdir()
    for path in covers:
        shutil.copy(path, folder / path.name)
    for path in (*covers[1:], *others, samples / "retina.jpg"):
        with Image.open(path) as image:
            picture = image.convert("RGB")
        picture.save(folder / "photos" / f"{path.stem}.png", compress_level=1)
        for number in range(pieces):
            side = round(min(picture.size) * float(rng.choice([0.12, 0.2, 0.33, 0.55])))
            left, top = (int(rng.integers(0, length - side + 1)) for length in picture.size)
            cut = picture.crop((left, top, left + side, top + side))
            cut.save(folder / "photos" / f"{path.stem}-{number}.jpg", quality=92)


def main(names: Collection[str]) -> None:
    """Render the pictures with these file names (with or without extension), or all."""
    files = [next((file for file in PICTURES if Path(file).stem == name), name) for name in names]
    if unknown := set(files) - set(PICTURES):
        raise SystemExit(f"{min(unknown)}: no such picture. Choose from: {', '.join(PICTURES)}")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        prepare_folder(Path())
        os.environ["MOSAIC_RENDERER_PRESETS"] = str(Path("presets").absolute())  # only the included presets
        for file in files or PICTURES:
            code = render([*PICTURES[file].words, "--overwrite"])
            if code:
                raise SystemExit(code)
            if file.endswith(".jpg"):
                with Image.open(file) as image:
                    image.save(IMAGES / file, quality=JPEG_QUALITY, optimize=True)
            else:
                shutil.copy(file, IMAGES / file)


if __name__ == "__main__":
    main(sys.argv[1:])
