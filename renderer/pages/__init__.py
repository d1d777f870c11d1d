"""Self-contained pages: what the report and the page to explore a mosaic share.

A page is one HTML file that requests nothing, which its content security policy enforces: style and scripts are allowed
by their hashes, pictures only as part of the page.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from string import Template
from typing import Any, Final

from PIL import Image

from renderer.library import Photo
from renderer.messages import FormatCommand
from renderer.pictures import Pixels
from renderer.placement import PlacementMap

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src $images; style-src '$style_hash'; \
script-src '$script_hash'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>$title</title>
<style>$style</style>
$body
<script type="application/json" id="data">$data</script>
<script type="module">$script</script>
</html>
"""


def make_page(
    title: str, body: str, style: str, script: str, data: Mapping[str, Any], *, images: str = "data:"
) -> str:  # fmt: skip
    """Return a page as HTML. Everything except `body` may contain any characters.

    `style` and `script` follow those that all pages have (page.css, page.js). `data`: what the script reads from the
    element `data`, as JSON. `images`: where pictures may come from, as in a content security policy.
    """
    style, script = part(__name__, "page.css") + style, part(__name__, "page.js") + script
    return Template(_PAGE).substitute(
        images=images, style_hash=_digest(style), script_hash=_digest(script), title=html.escape(title), style=style,
        body=body, script=script,
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),  # can't close its element
    )  # fmt: skip


def part(package: str, *names: str) -> str:
    """Return the text of files of a package, one after another."""
    return "\n".join(resources.files(package).joinpath(name).read_text("utf-8") for name in names)


def _digest(text: str) -> str:
    """Return the hash by which the content security policy allows a style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()).decode()


def webp(pixels: Pixels, quality: int = 82) -> bytes:
    """Return a picture, (H, W, 3) or with straight alpha (H, W, 4), as a WebP file without metadata."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "WEBP", quality=quality)
    return encoded.getvalue()


def data_url(pixels: Pixels, quality: int = 82) -> str:
    """Return a picture as a data URL (WebP)."""
    return "data:image/webp;base64," + base64.b64encode(webp(pixels, quality)).decode()


def page_title(placement: PlacementMap, name: str) -> str:
    """Return the title of a page about a map. `name`: instead of that of its cover, if this is not known."""
    return f"Mosaic of {placement.recipe.get('cover', name)}"


def photo_name(photo: Photo) -> str:
    """Return a photo's file name, with its position in the picture or time in the video."""
    if photo.is_part:
        return f"{photo.path.name} at {photo.crop[0]},{photo.crop[1]}"
    return photo.path.name if photo.time is None else f"{photo.path.name} at {photo.time:.1f} s"


def photo_names(photos: Iterable[Photo]) -> list[list[str]]:
    """Return for each photo its name, and the file name by which commands know it, or "" for a piece of the cover."""
    return [[photo_name(photo), "" if photo.is_part else photo.path.name] for photo in photos]


def page_commands(map_name: str, command: FormatCommand | None) -> dict[str, list[str]]:
    """Return the page's commands, each split where the script inserts a cell's position or a photo's file name.

    `command`: formats them; None: the page offers none.
    """
    if command is None:
        return {}
    words = ["edit", f"./{map_name}" if map_name.startswith("-") else map_name]
    inserts = {"swap": ("COLUMN,ROW", "=PHOTO"), "ban": ("PHOTO", "")}
    return {
        parameter: [command(words, {parameter: insert + rest}).rpartition(insert)[part] for part in (0, 2)]
        for parameter, (insert, rest) in inserts.items()
    }


COMMANDS: Final = """<div class="commands">
<p class="command" hidden><code id="swap"></code><button data-copy="swap">Copy</button></p>
<p class="command" hidden><code id="ban"></code><button data-copy="ban">Copy</button></p>
<p class="hint" id="map-hint"></p>
</div>"""
"""Where a page shows the commands for what is selected (`showCommands` in page.js)."""
