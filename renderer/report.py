"""A report on one mosaic: cover and mosaic under a slider, where they differ, which photos are used how often.

One HTML file that holds its pictures itself: it can be sent and kept. Of photos it holds thumbnails and names, no
paths and no other data.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from renderer.descriptors import SIGNATURE_PIXELS
from renderer.errors import InputError
from renderer.fidelity import error_map
from renderer.files import new_file
from renderer.library import Library
from renderer.pictures import Pixels, resize
from renderer.placement import JsonValue, PlacementMap

LONGEST: Final = 2400
"""Pixels of a picture's longer side."""

MOST_PHOTOS: Final = 300
"""Photos shown, those of most uses."""

_SHOWN_ERROR: Final = 20.0  # CIEDE2000 that is drawn brightest


def write_report(
    path: Path, cover: Pixels, mosaic: Pixels, placement: PlacementMap, library: Library,
    figures: dict[str, JsonValue], *, overwrite: bool = False,
) -> None:  # fmt: skip
    """Write the report of a mosaic to an HTML file, which appears when it is whole.

    cover: the part that the cells cover, any size; mosaic: its still; library: the map's photos in its order; figures:
    what the table shows, by their names. Raises InputError.
    """
    height, width = mosaic.shape[:2]
    scale = min(1.0, LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    page = _PAGE.format(
        title=html.escape(path.stem),
        width=size[0],
        cover=_picture(_fit(cover, size)),
        mosaic=_picture(_fit(mosaic, size)),
        error=_picture(_fit(_error(cover, mosaic, placement), size)),
        brightest=f"{_SHOWN_ERROR:g}",
        rows="\n".join(f"<tr><th>{html.escape(name)}<td>{html.escape(_say(value))}" for name, value in figures.items()),
        photos="\n".join(_photos(placement, library)),
    )
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8")


def check_report(path: Path) -> None:
    """Raise InputError for a name that does not end in .html."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--report {path}: a name that ends in .html is needed")


def _fit(picture: Pixels, size: tuple[int, int]) -> Pixels:
    shrinks = picture.shape[1] >= size[0] and picture.shape[0] >= size[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _error(cover: Pixels, mosaic: Pixels, placement: PlacementMap) -> Pixels:
    """CIEDE2000 from afar, black where there is none, through red to white."""
    size = [max(8, round(side * SIGNATURE_PIXELS)) for side in placement.size]
    error = error_map(resize(cover, *size), resize(mosaic, *size))
    shade = np.clip(error * (255 / _SHOWN_ERROR), 0, 255).astype(np.uint8)
    coloured = np.asarray(cv2.applyColorMap(shade, cv2.COLORMAP_HOT), np.uint8)
    return np.ascontiguousarray(coloured[..., ::-1])


def _picture(pixels: Pixels, quality: int = 88) -> str:
    """A picture as a data address."""
    done, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError("a picture of the report can't be encoded")
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def _photos(placement: PlacementMap, library: Library) -> list[str]:
    uses = placement.uses()
    return [
        f'<figure><img src="{_picture(library.tiles[number], 80)}" alt="">'
        f"<figcaption>{uses[number]} × {html.escape(placement.photos[number].path.name)}</figcaption></figure>"
        for number in np.argsort(-uses, kind="stable")[:MOST_PHOTOS].tolist()
    ]


def _say(value: JsonValue) -> str:
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; color: #222 }}
img {{ display: block; width: 100% }}
.pair {{ position: relative; max-width: {width}px }}
.pair img + img {{ position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)) }}
.pair::after {{ content: ""; position: absolute; inset: 0 auto 0 var(--at); border-left: 2px solid white;
 margin-left: -1px; box-shadow: 0 0 4px black; pointer-events: none }}
.pair input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; appearance: none;
 background: none; cursor: ew-resize; touch-action: pan-y }}
.pair input::-webkit-slider-thumb {{ appearance: none; width: 1px; height: 1px }}
.pair input::-moz-range-thumb {{ width: 1px; height: 1px; border: 0; background: none }}
th {{ text-align: left; font-weight: normal; padding-right: 2em; color: #666 }}
.photos {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); gap: 8px }}
figure {{ margin: 0; font-size: 11px; overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
<div class="pair" style="--at: 50%"><img src="{cover}" alt="cover"><img src="{mosaic}" alt="mosaic">
<input type="range" min="0" max="100" value="50" aria-label="cover on the left, mosaic on the right"
 oninput="this.parentNode.style.setProperty('--at', this.value + '%')"></div>
<h2>Figures</h2>
<table>
{rows}
</table>
<h2>Where they differ</h2>
<p>Colour difference (CIEDE2000) as seen from afar: black is none, white {brightest} and more.</p>
<img src="{error}" alt="error map" style="max-width: {width}px">
<h2>Photos by use</h2>
<div class="photos">
{photos}
</div>
</html>
"""
