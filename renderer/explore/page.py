"""Write the page: data, pictures, styles and scripts in one HTML file, which requests nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from renderer.explore.pack import Pack, pack_photos
from renderer.explore.table import cell_table
from renderer.job.drawing import draw_strips
from renderer.output_files import new_file
from renderer.scene import Stage

if TYPE_CHECKING:
    from renderer.job import OpenMosaic
    from renderer.pictures import Pixels
    from renderer.progress import Progress

_SCRIPTS: Final = ("data.js", "view.js", "drawing.js", "explore.js")
_FIRST: Final = 1600  # longer side in pixels of the picture that is seen first
_FIRST_QUALITY: Final = 85


def write_page(
    path: Path, mosaic: OpenMosaic, progress: Progress, *, page_size: int = 16_000_000, title: str = "",
    overwrite: bool = False,
) -> None:  # fmt: skip
    """Write the page of a mosaic, about `page_size` bytes, which appears under its name when it is complete.

    Raises InputError and RenderError.
    """
    placement = mosaic.placement
    first = _first_picture(mosaic)
    described, cells = cell_table(placement, Stage._make_resting_sprites(placement, 0, ()))
    # Base64 has 4 characters for 3 bytes.
    budget = max(int(page_size * 3 / 4) - len(first) - len(cells) - 100_000, 0)
    pack = pack_photos(mosaic.library, budget, progress)
    data = {
        "size": placement.size, "cells": described, "count": len(placement), "side": pack.side,
        "photos": [_photo(mosaic, number, pack) for number in range(len(placement.photos))],
        "background": [0, 0, 0],
    }  # fmt: skip
    style, script = _part("explore.css"), "\n".join(map(_part, _SCRIPTS))
    page = Template(_part("explore.html")).substitute(
        style_hash=_digest(style), script_hash=_digest(script), style=style, script=script,
        title=html.escape(title or f"Mosaic of {placement.recipe.get('cover', path.stem)}"),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        first=base64.b64encode(first).decode(), cells=base64.b64encode(cells).decode(),
        pictures=base64.b64encode(pack.data).decode(),
    )  # fmt: skip
    with new_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8")


def _photo(mosaic: OpenMosaic, number: int, pack: Pack) -> list[Any]:
    """Return what the page needs of a photo: the size of its picture, its end, and the part of it that tiles show."""
    photo = mosaic.placement.photos[number]
    width, height = pack.sizes[number]
    left, top, across, along = (0, 0, *photo.own_size) if photo.is_part else photo.crop
    x, y = width / photo.own_size[0], height / photo.own_size[1]
    part = [round(value, 3) for value in (left * x, top * y, across * x, along * y)]
    return [width, height, pack.ends[number], *part]


def _first_picture(mosaic: OpenMosaic) -> bytes:
    """Return the whole mosaic as a WebP file."""
    width, height = mosaic.placement.size
    scale = _FIRST / max(width, height)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    picture: Pixels = np.concatenate(list(draw_strips(mosaic, size, 256)))
    settings = (cv2.IMWRITE_WEBP_QUALITY, _FIRST_QUALITY)
    return cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)[1].tobytes()


def _part(name: str) -> str:
    return (resources.files("renderer.explore") / "page" / name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
