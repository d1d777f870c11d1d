"""The overview page of a campaign: each video with its poster, its error, and the command that renders it again."""

from __future__ import annotations

import base64
import contextlib
import html
import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import quote

from renderer.batch.manifest import Manifest, ManifestEntry
from renderer.batch.work import POSTER_SIDE, small_jpeg
from renderer.cores import core_count
from renderer.errors import FileError, InputError, MissingFileError, RenderError
from renderer.ffmpeg import run_ffmpeg, user_file
from renderer.formats import is_sequence, numbered
from renderer.input_files import read_bytes
from renderer.output_files import new_file

NAME: Final = "index.html"

_MARK: Final = "<!-- mosaic-renderer campaign -->"

_MAX_BYTES: Final = 1_000_000_000  # a video's poster and text take about 20 KB


def check_page(folder: Path) -> None:
    """Raise InputError if the folder contains another file with the name of a campaign page."""
    path = folder / NAME
    try:
        if _MARK.encode() in read_bytes(path, _MAX_BYTES):
            return
    except MissingFileError:
        return
    except FileError:
        pass
    raise InputError(f"{path} is not a campaign page: move it, or choose another output")


def write_page(manifest: Manifest) -> Path:
    """Write the page of a manifest's videos next to the manifest, and return its path. It loads no other files."""
    entries = [manifest.entries[output] for output in sorted(manifest.entries)]
    before = _posters_before(manifest.folder / NAME)
    made = {output: _as_uri(jpeg) for output, jpeg in manifest.posters.items() if jpeg}

    def poster(entry: ManifestEntry) -> str:
        known = made.get(str(entry["output"])) or before.get(_state_of_file(entry))
        return "" if entry["state"] != "done" else known or _poster(manifest.folder, entry)

    with ThreadPoolExecutor(core_count(), thread_name_prefix="posters") as pool:
        posters = list(pool.map(poster, entries))
    done = sum(entry["state"] == "done" for entry in entries)
    failed = sum(entry["state"] == "failed" for entry in entries)
    page = _PAGE.format(
        mark=_MARK,
        title=html.escape(manifest.folder.name or "campaign"),
        counts=f"{done} of {len(entries)} videos" + (f", {failed} failed" if failed else ""),
        videos="\n".join(_figure(entry, poster) for entry, poster in zip(entries, posters, strict=True)),
    )
    path = manifest.folder / NAME
    with new_file(path, overwrite=True) as temporary:
        temporary.write_text(page, "utf-8", errors="backslashreplace")
    return path


def _posters_before(path: Path) -> dict[str, str]:
    """Return the posters of the page that an earlier run wrote, by the state of the file that they show."""
    with contextlib.suppress(RenderError, UnicodeDecodeError):
        return dict(_POSTER.findall(read_bytes(path, _MAX_BYTES).decode()))
    return {}


def _state_of_file(entry: ManifestEntry) -> str:
    return f"{entry['fingerprint']}-{entry['bytes']}"


def _figure(entry: ManifestEntry, poster: str) -> str:
    output = str(entry["output"])
    first = numbered(Path(output), 0).as_posix() if is_sequence(Path(output)) else output
    link = quote(first, errors="surrogateescape")
    picture = (
        f'<img data-of="{html.escape(_state_of_file(entry))}" src="{poster}" alt="">'
        if poster
        else '<div class="none"></div>'
    )
    linked = f'<a href="{link}">{picture}</a>' if entry["state"] == "done" else picture
    command = f"<code>{html.escape(str(entry['command']))}</code>" if entry["command"] else ""
    state = html.escape(_state(entry))
    return (
        f'<figure class="{html.escape(str(entry["state"]))}">{linked}<figcaption><b>{html.escape(output)}</b><br>'
        f"{state}{command}</figcaption></figure>"
    )


def _state(entry: ManifestEntry) -> str:
    if entry["state"] != "done":
        return str(entry["error"] or "not rendered yet")
    probe, checks = entry["probe"], entry["checks"]
    facts = [f"{float(str(entry['bytes'])) / 1e6:.1f} MB", f"rendered in {float(str(entry['seconds'])):.0f} s"]
    if isinstance(probe, dict):
        facts = [f"{probe['width']}x{probe['height']}", f"{float(str(probe['seconds'])):.1f} s", *facts]
    if isinstance(checks, list) and checks:
        kept = sum(bool(check["kept"]) for check in checks if isinstance(check, dict))
        facts.append(f"{kept} of {len(checks)} rules met")
    return ", ".join(facts)


def _poster(folder: Path, entry: ManifestEntry) -> str:
    """Return a frame of a video as a data URI; empty if there is none."""
    from renderer.image_file import open_image

    path = folder / str(entry["output"])
    probe = entry["probe"]
    seconds, frames = (
        (float(str(probe[key])) for key in ("seconds", "frames")) if isinstance(probe, dict) else (0.0, 1.0)
    )
    fraction = float(str(entry["telling"]))
    # Slightly before the frame: ffmpeg decodes the first frame that is not earlier.
    start = seconds * (round(fraction * (frames - 1)) - 0.25) / max(frames, 1)
    try:
        if is_sequence(path):
            path = numbered(path, 0)
        if not path.is_file():
            return ""
        try:
            with open_image(path, max_reads=math.inf) as picture:
                picture.seek(round(fraction * (getattr(picture, "n_frames", 1) - 1)))
                return _as_uri(small_jpeg(picture))
        except (OSError, ValueError):
            done = run_ffmpeg(
                "-ss", f"{max(start, 0.0):.4f}", *user_file(path), "-frames:v", "1", "-threads", "1",
                "-vf", f"scale={POSTER_SIDE}:{POSTER_SIDE}:force_original_aspect_ratio=decrease",
                "-f", "image2pipe", "-c:v", "png", "-",
            )  # fmt: skip
            with open_image(done.stdout) as picture:
                return _as_uri(small_jpeg(picture))
    except (OSError, ValueError, RenderError):
        return ""


def _as_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


_POSTER: Final = re.compile(r'<img data-of="([0-9a-f]+-[0-9]+)" src="(data:image/jpeg;base64,[A-Za-z0-9+/=]+)"')

_PAGE: Final = """<!doctype html>
{mark}
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1400px; padding: 0 1em; color: #222 }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 24px 16px }}
figure {{ margin: 0; font-size: 13px; overflow-wrap: anywhere }}
img, .none {{ display: block; width: 100%; height: 240px; object-fit: contain; background: #f2f2f2 }}
code {{ display: block; margin-top: 4px; padding: 4px 6px; background: #f2f2f2; font-size: 11px; user-select: all }}
.failed .none {{ background: #f7dede }}
</style>
<h1>{title}</h1>
<p>{counts}</p>
<main>
{videos}
</main>
</html>
"""
