"""One render from inputs to file: the only place where the rooms are put together.

Each function here is what one command does, and what a Python program calls for the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from renderer.compositor import Compositor
from renderer.descriptors import TILE_PIXELS, Metric
from renderer.encoder import RATE_POINTS, Encoder, probe
from renderer.errors import InputError, RenderError
from renderer.fidelity import FIGURES
from renderer.files import check_writable, new_file
from renderer.grid import Grid, covered_part, make_grid
from renderer.library import (
    DEFAULT_NAME,
    PIECES,
    SHORTER_SIDE,
    Archive,
    Crop,
    Library,
    Skipped,
    cache_folder,
    cut_parts,
    file_digest,
    find_photo,
    missing_file,
    no_photo,
    reopen,
    without_duplicates,
)
from renderer.matching import MATCHER_VERSION, Look, Pin, match_photos
from renderer.matching.rules import Rules
from renderer.memory import MemoryMeter
from renderer.overlay import OverlaySettings, with_overlay
from renderer.parameters import check_ranges, parameter
from renderer.pictures import Pixels, picture_size, read_picture
from renderer.placement import MAP_SUFFIX, JsonValue, PlacementMap, load_map, save_map
from renderer.preset import OutputSettings
from renderer.progress import Advance, Progress, Silent
from renderer.report import check_report, write_report
from renderer.scene import FAR_PIXELS, Animation, Camera, Motion, Stage, Target
from renderer.subject import find_faces
from renderer.textures import MAX_SIDE as LONGEST_TEXTURE
from renderer.textures import Textures, unpack
from renderer.timeline import frame_at, frame_count, parse_frames, progress_of

STILL_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES: Final = (".mp4", ".m4v")

MAX_STILL_PIXELS: Final = 200_000_000
"""A still is drawn in memory, 7 bytes a pixel: this many take 1.4 GB."""

RENDER_SECONDS_A_MEGAPIXEL: Final = 0.009
"""Processor time that drawing takes, as benchmarks/render.py measured it."""

LOOK_AHEAD: Final = 12
"""Frames before its own that a texture level begins to be loaded: a large photo takes a third of a second, and what
is loaded early takes memory for as long."""

try:
    VERSION = version("mosaic-renderer")
except PackageNotFoundError:  # a bare checkout
    VERSION = "0"


@dataclass(frozen=True)
class MatchSettings:
    """Where the photos come from and how they are placed."""

    tiles: tuple[str, ...] = parameter(
        (),
        "A folder of photos, a photo, a glob, or the name of a library; may be repeated. Default: the library that "
        "`render library add` made; without one, or by --tiles pieces, pieces of the cover",
    )
    crop: Crop | None = parameter(
        None, "The square of a photo: what draws the eye, or the centre; default: smart; a library has its own"
    )
    video_frames: int | None = parameter(
        None, "Also take so many frames of each video in a folder; a library has its own number", low=0, high=1000
    )
    skip_duplicates: bool = parameter(False, "Of photos that are nearly alike take the best alone")
    library_dir: Path | None = parameter(
        None, "The folder of libraries, instead of MOSAIC_RENDERER_LIBRARIES or the platform's"
    )
    columns: int | None = parameter(None, "Cells across; default: about 5,000 cells in all", low=1, high=10_000)
    cell_size: int | None = parameter(
        None, "Side of a cell, instead of --columns", unit="cover pixels", low=1, high=10_000
    )
    match: Metric = parameter(
        "structure", "Compare shapes and colours, or mean colours (in RGB, or of light in CIELAB), or 32 x 32 pixels"
    )
    max_uses: int | None = parameter(
        None, "How often one photo may be used; 0: any number; default: 3 times the average", low=0, high=1_000_000
    )
    repeat_distance: int | None = parameter(
        None, "No photo twice within this distance; 0: anywhere; default: up to 5, as the photos suffice",
        unit="cells", low=0, high=1000,
    )  # fmt: skip
    unique: bool = parameter(False, "Use each photo at most once")
    use_all: bool = parameter(False, "Use every photo at least once: no one is left out")
    merge_duplicates: bool = parameter(False, "Count photos that look almost the same as one")
    mirror: bool = parameter(True, "Photos may be mirrored; turn it off if they hold text")
    turns: bool = parameter(False, "Photos may be turned by right angles: for textures such as galaxies and leaves")
    tone: float | Literal["auto"] = parameter(
        "auto", "How far tiles take on colour and contrast of their cells, from afar; auto: as far as photos bear it",
        low=0, high=1,
    )  # fmt: skip
    adapt_palette: bool = parameter(False, "Map the cover's colours to those of the photos: sunsets for a blue cover")
    blend: float = parameter(0.0, "Share of a cell's own colour that is laid over its tile", low=0, high=1)
    match_seed: int = parameter(0, "Of the order in which cells look for better photos", low=0, high=2**63 - 1)
    save_map: Path | None = parameter(None, "Also write the placement map to a .mosaic file, for later renders")

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    def look(self) -> Look:
        """How photos are compared and drawn."""
        tone = 1.0 if self.tone == "auto" else self.tone
        return Look(self.match, self.mirror, self.turns, tone, self.adapt_palette, self.blend)

    def rules(self) -> Rules:
        """How often, and how near themselves, photos may be used."""
        return Rules(self.max_uses, self.repeat_distance, self.unique, self.use_all, self.merge_duplicates)


MATCH_OPTIONS: Final = (
    "max_uses", "repeat_distance", "unique", "use_all", "merge_duplicates", "mirror", "turns", "tone",
    "adapt_palette", "blend",     "match_seed",
)  # fmt: skip
"""What of the settings is written into a map's recipe under its own name."""


@dataclass(frozen=True)
class Mosaic:
    """A matched cover, ready to be drawn."""

    placement: PlacementMap
    library: Library  # exactly the map's photos, in its order
    usable: int  # photos that could have been placed
    skipped: list[Skipped]
    inputs: frozenset[Path]  # the cover, the map, files that could not be used: never to be written to
    archive: Archive  # knows the photos, which are not to be written to either
    cover: Path | None = None  # the picture itself, where it is at hand


@dataclass
class Summary:
    """What a render made; `as_json` has the keys that README.md documents."""

    output: Path
    size: tuple[int, int]
    mosaic: Mosaic
    seconds: dict[str, float]
    fps: Fraction | None = None
    frames: int | None = None
    peak_memory_bytes: int = 0
    recipe: dict[str, JsonValue] = field(default_factory=dict)

    def as_json(self) -> dict[str, JsonValue]:
        """The summary as one JSON object; what a still does not have is null."""
        placement = self.mosaic.placement
        uses = placement.uses()
        recorded = placement.recipe.get("figures")
        figures = recorded if isinstance(recorded, dict) else {}
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}" if self.fps else None,
            "frames": self.frames,
            "duration": float(self.frames / self.fps) if self.fps and self.frames else None,
            "cells": len(placement),
            "photos": self.mosaic.usable,
            "distinct_photos": int((uses > 0).sum()),
            "most_uses": int(uses.max()),
            "equal_neighbours": placement.equal_neighbours(),
            **{name: figures.get(name) for name in FIGURES},
            "skipped": [{"path": str(item.path), "reason": item.reason} for item in self.mosaic.skipped],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "peak_memory_bytes": self.peak_memory_bytes,
            "recipe": self.recipe,
        }


REPORTED: Final = (
    "cells", "photos", "distinct_photos", "most_uses", "equal_neighbours", *FIGURES,
)  # fmt: skip
"""What of a summary a report shows."""


@dataclass(frozen=True)
class Plan:
    """What a render would make."""

    output: Path
    size: tuple[int, int]
    fps: Fraction
    frames: int
    cells: int
    photos: int  # files that would be tried as tiles; 0: pieces of the cover, or those of a map
    seconds: float  # of rendering and encoding here, very roughly
    bytes: float

    def as_json(self) -> dict[str, JsonValue]:
        """The plan as one JSON object."""
        return {
            "output": str(self.output),
            "width": self.size[0],
            "height": self.size[1],
            "fps": f"{self.fps.numerator}/{self.fps.denominator}",
            "frames": self.frames,
            "duration": float(self.frames / self.fps),
            "cells": self.cells,
            "files": self.photos,
            "estimated_seconds": round(self.seconds, 1),
            "estimated_bytes": round(self.bytes),
        }


class _Timed:
    """Progress that also notes how long each stage took."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self.seconds: dict[str, float] = {}
        self._begun = time.perf_counter()

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        begun = time.perf_counter()
        try:
            with self._inner.stage(name, total, unit) as advance:
                yield advance
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun

    def notice(self, message: str) -> None:
        self._inner.notice(message)

    def finished(self) -> dict[str, float]:
        return {**self.seconds, "total": time.perf_counter() - self._begun}


# -- Inputs --------------------------------------------------------------------------------------------------------


def sample_pictures() -> list[Path]:
    """The photos that scikit-learn ships (CC BY; china.jpg, flower.jpg), the first of them to be the cover."""
    package = find_spec("sklearn")  # found without the second that importing it takes
    if package is None or not package.submodule_search_locations:
        raise RenderError("scikit-learn is not installed, so there is no sample cover: give a cover")
    folder = Path(package.submodule_search_locations[0], "datasets", "images")
    return [folder / "china.jpg", folder / "flower.jpg"]


def check_cover(cover: Path | None) -> Path:
    """The cover, or the sample one. Raises InputError if it does not exist."""
    if cover is None:
        return sample_pictures()[0]
    cover = cover.expanduser()
    if not cover.exists():
        raise InputError(missing_file(cover))
    return cover.absolute()


@contextmanager
def open_mosaic(
    cover: Path | None,
    settings: MatchSettings,
    progress: Progress,
    targets: Sequence[Target] = (),
) -> Iterator[Mosaic]:
    """Match a cover with photos, or load a `.mosaic` given in its place; closes its index in the end.

    `cover` None means scikit-learn's samples. `targets`: what an animation is about: photos that must be
    placed, points where the whole cover goes if the tiles are its pieces. Raises InputError.
    """
    path = check_cover(cover)
    with Archive(
        progress, library_dir=settings.library_dir, crop=settings.crop, video_frames=settings.video_frames
    ) as archive:
        if path.suffix.lower() == MAP_SUFFIX:
            placement = load_map(path)
            library = reopen(archive, placement.photos, progress, settings.tiles)
            if settings != MatchSettings(save_map=settings.save_map, library_dir=settings.library_dir):
                progress.notice(
                    f"{path.name} is a placement map: the options of matching are ignored, and of --tiles all but "
                    "photos that are not where they were"
                )
            placement = replace(placement, photos=tuple(library.photos))
            inputs = frozenset({path, *(photo.path for photo in placement.photos)})
            cover = _cover_beside(path, placement)
            mosaic = Mosaic(placement, library, len(placement.photos), library.skipped, inputs, archive, cover)
        else:
            mosaic = _match(path, settings, archive, progress, targets, sampled=cover is None)
        if settings.save_map is not None:
            save_map(mosaic.placement, settings.save_map, overwrite=True)
        yield mosaic


def _match(
    path: Path,
    settings: MatchSettings,
    archive: Archive,
    progress: Progress,
    targets: Sequence[Target],
    *,
    sampled: bool,
) -> Mosaic:
    picture = read_picture(path, shorter_side=SHORTER_SIDE)
    digest = file_digest(path)
    grid = make_grid(*picture.size, settings.columns, settings.cell_size)
    library = _open_library(settings, archive, progress)
    own_pieces = library is None
    if library is None:
        progress.notice(
            "No photos given: the tiles are pieces of the cover itself. For a mosaic of your photos: --tiles FOLDER"
        )
        cell = picture.size[0] * grid.crop[2] / grid.columns
        others = sample_pictures()[1:] if sampled else []
        library = cut_parts(path, picture, digest, others, progress, smallest=2 * cell)
    cells = grid.columns * grid.rows
    if len(library.photos) < cells // 100:
        progress.notice(
            f"Only {len(library.photos)} tiles for {cells} cells: each will be seen many times; with {cells // 100} or "
            "more the mosaic looks better"
        )
    recipe: dict[str, JsonValue] = {
        "cover": path.name,
        "cover_digest": digest,
        "cover_size": list(picture.size),
        "grid": [grid.columns, grid.rows],
        "crop": list(grid.crop),
        "match": settings.match,
        **{name: getattr(settings, name) for name in MATCH_OPTIONS},
        "version": VERSION,
    }
    library, pins = _pins(library, targets, archive, own_pieces=own_pieces)
    kept = _kept_map(recipe, library, pins)
    placement = _reuse(kept, library)
    if placement is None:
        placement = match_photos(
            picture.pixels, grid, library, progress,
            look=settings.look(), rules=settings.rules(), seed=settings.match_seed, pins=pins,
            recipe={**recipe, "faces": [list(face) for face in find_faces(picture.pixels)]},
        )  # fmt: skip
        _keep(placement, kept)
    placed = library.take(library.photos.find(placement.photos))
    gone = [photo.path for photo in placement.photos if not photo.path.exists()]
    if gone:
        progress.notice(
            f"{len(gone)} photos ({gone[0].name}) are not where they were: shown from thumbnails; render library "
            "refresh looks for them"
        )
    inputs = frozenset({path, *(item.path for item in library.skipped)})
    return Mosaic(placement, placed, len(library.photos), library.skipped, inputs, archive, path)


def _open_library(settings: MatchSettings, archive: Archive, progress: Progress) -> Library | None:
    """The photos to match, or None where none are given. Raises InputError for tiles of which none can be used."""
    library = archive.open(settings.tiles)
    if not library.photos and not library.skipped:
        if settings.tiles and settings.tiles != (PIECES,):
            raise InputError(no_pictures(settings.tiles))
        return None
    if settings.skip_duplicates:
        library, left_out = without_duplicates(library)
        progress.notice(f"{left_out} near-duplicates left out")
    if not settings.tiles:
        progress.notice(
            f"The tiles are the library {DEFAULT_NAME}: {len(library.photos)} photos in {archive.folder}; "
            f"--tiles {PIECES} takes pieces of the cover instead"
        )
    tried = len(library.photos) + len(library.skipped)
    if not library.photos:
        first = library.skipped[0]
        raise InputError(
            f"none of {tried} files can be used as a tile ({first.path.name} {first.reason}): give --tiles others"
        )
    if library.skipped:
        first = library.skipped[0]
        progress.notice(
            f"{len(library.skipped)} of {tried} files skipped ({first.path.name} {first.reason}); -v lists them all"
        )
    return library


def _cover_beside(path: Path, placement: PlacementMap) -> Path | None:
    """The cover of a saved map, if it lies beside the map and is what it was."""
    name = placement.recipe.get("cover")
    cover = path.parent / name if isinstance(name, str) and Path(name).name == name else None
    try:
        same = cover is not None and file_digest(cover) == placement.recipe.get("cover_digest")
    except RenderError:
        return None
    return cover if same else None


def _pins(
    library: Library, targets: Sequence[Target], archive: Archive, *, own_pieces: bool
) -> tuple[Library, list[Pin]]:
    """Which photos must be placed and where, and the library with those that were not in it yet."""
    names = [target for target in targets if isinstance(target, str)]
    points = [target for target in targets if not isinstance(target, str)]
    new = [Path(name).expanduser().absolute() for name in names if find_photo(name, library.photos) is None]
    missing = [path.name for path in new if not path.is_file()]
    if missing:
        raise InputError(no_photo(missing[0], library.photos))
    if new:
        added = archive.open_files(new)
        if added.skipped:
            raise InputError(f"--focus {added.skipped[0].path} {added.skipped[0].reason}: give another photo")
        library = library.joined(added)
    pins: list[Pin] = [(number, None) for name in names if (number := find_photo(name, library.photos)) is not None]
    if own_pieces and not names:
        pins = [(0, points[0] if points else None)]
    return library, pins


# -- Maps that were made before ------------------------------------------------------------------------------------
# The same cover, photos and settings give the same map, so a second render of a mosaic need not match again.

KEPT_MAPS: Final = 20


def _kept_map(recipe: dict[str, JsonValue], library: Library, pins: Sequence[Pin]) -> Path:
    """Where the map of these inputs is kept, if it was made before."""
    photos = hashlib.blake2b(library.photos.columns.key.tobytes(), digest_size=16).hexdigest()
    inputs = json.dumps([MATCHER_VERSION, recipe, photos, pins])
    return cache_folder() / "maps" / f"{hashlib.blake2b(inputs.encode(), digest_size=16).hexdigest()}{MAP_SUFFIX}"


def _reuse(kept: Path, library: Library) -> PlacementMap | None:
    """A kept map with the library's own photos, which may have moved since; None if there is none that serves."""
    try:
        placement = load_map(kept)
        os.utime(kept)
    except (InputError, OSError):
        return None
    numbers = library.photos.find(placement.photos)
    return replace(placement, photos=tuple(library.photos.take(numbers))) if (numbers >= 0).all() else None


def _keep(placement: PlacementMap, kept: Path) -> None:
    """Keep a map for the next render, and only the 20 used last; where that can't be done, nothing is lost."""
    with contextlib.suppress(RenderError, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_map(placement, kept, overwrite=True)
        by_age = sorted(kept.parent.glob(f"*{MAP_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[KEPT_MAPS:]:
            old.unlink(missing_ok=True)


def no_pictures(tiles: Sequence[str]) -> str:
    """The sentence for sources of tiles in which there are none."""
    return f"--tiles {' '.join(tiles)} holds no pictures: give a folder that does"


# -- Drawing -------------------------------------------------------------------------------------------------------


@contextmanager
def drawing(
    mosaic: Mosaic,
    size: tuple[int, int],
    output: OutputSettings,
    *,
    full_tone: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[Stage, Compositor]]:
    """A stage with a mosaic on it and a compositor for it; both are closed in the end."""
    # Larger tiles than the frame's shorter side are only passed, on the way to the photo that has a texture of its own.
    square = min(2 ** round(math.log2(max(min(size), 64))), 2048)
    # Twelve bytes a pixel hold two mip levels of all that a frame can show; twice that lets the next frames find
    # most of theirs.
    with closing(Textures(budget=32_000_000 + 24 * size[0] * size[1], longest_square=square)) as textures:
        first = textures.add_squares(mosaic.library)
        background: tuple[float, float, float] | int = output.background
        if output.fit == "blur":
            background = textures.add_picture(_blurred(mosaic.placement))
        seconds = output.duration or Animation.seconds
        stage = Stage(
            maps=[mosaic.placement], libraries=[mosaic.library], textures=textures, first_texture=[first], frame=size,
            seconds=seconds, seed=output.seed, fit=output.fit, background=background,
            cover=mosaic.cover, frames=frame_count(seconds, output.fps),
            notice=(progress or Silent()).notice,
        )  # fmt: skip
        if stage.whole_camera().scale < FAR_PIXELS:
            stage = replace(stage, far_pictures=[_far_picture(stage)])
        with closing(Compositor(*size, textures, full_tone=full_tone)) as compositor:
            yield stage, compositor


def _far_picture(stage: Stage) -> int:
    """The texture of a map's picture at 4 pixels a unit, or fewer if it would be larger than a texture can be."""
    width, height = stage.mosaic.size
    pixels = min(FAR_PIXELS, LONGEST_TEXTURE / max(width, height))
    size = (max(1, round(width * pixels)), max(1, round(height * pixels)))
    with closing(Compositor(*size, stage.textures, full_tone=True)) as compositor:
        camera = Camera((width / 2, height / 2), pixels)
        return stage.textures.add_picture(compositor.still(stage.scene(camera, stage.resting_sprites())))


def _blurred(placement: PlacementMap) -> Pixels:
    """A blurred and dimmed small picture of a mosaic."""
    soft = cv2.GaussianBlur(placement.colours(), (0, 0), 8)
    return np.asarray(np.clip(soft * 0.6, 0, 1) * 255 + 0.5, np.uint8)


def default_output(cover: Path | None, kind: str, suffix: str) -> Path:
    """Where a render goes without `-o`: the cover's name and the kind of picture, in the current folder."""
    return Path(f"{check_cover(cover).stem}-{kind}{suffix}")


def _check_suffix(path: Path, suffixes: Sequence[str], option: str = "-o") -> None:
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{option} {path}: a name that ends in {' or '.join(suffixes)} is needed")


def plan_video(
    cover: Path | None,
    animation: Animation,
    match: MatchSettings,
    output: OutputSettings,
    path: Path,
    frames: str | None,
) -> Plan:
    """What `render_video` would make, without decoding anything. Raises InputError."""
    _check_suffix(path, VIDEO_SUFFIXES)
    check_writable(path, overwrite=True)
    source = check_cover(cover)
    files = 0
    if source.suffix.lower() == MAP_SUFFIX:
        placement = load_map(source)
        shape, cells = placement.cover_size, len(placement)
    else:
        shape = picture_size(source)
        grid: Grid = make_grid(*shape, match.columns, match.cell_size)
        cells = grid.columns * grid.rows
        with Archive(
            Silent(), library_dir=match.library_dir, crop=match.crop, video_frames=match.video_frames
        ) as archive:
            files = archive.count(match.tiles)
        if match.tiles and match.tiles != (PIECES,) and not files:
            raise InputError(no_pictures(match.tiles))
    size = output.frame_size(shape)
    count = frame_count(output.duration or animation.lasts(), output.fps)
    chosen = len(parse_frames(frames, count)) if frames else count
    point = RATE_POINTS[output.quality]
    pixels = chosen * size[0] * size[1] / 1e6
    seconds = 2 + pixels * (point.seconds_a_megapixel + RENDER_SECONDS_A_MEGAPIXEL) / (os.cpu_count() or 1)
    return Plan(path, size, output.fps, chosen, cells, files, seconds, pixels * point.bytes_a_megapixel)


def render_video(
    cover: Path | None,
    animation: Animation,
    path: Path,
    *,
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    frames: str | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str = "",
) -> Summary:
    """Render an animation of a mosaic to a video file, which appears only when it is whole and has been probed.

    `frames` "A-B" takes a part of it; `command` is written into the file's metadata. Raises RenderError.
    """
    match, output, timed = match or MatchSettings(), output or OutputSettings(), _Timed(progress or Silent())
    _check_outputs(path, VIDEO_SUFFIXES, match, overwrite=overwrite)
    output = replace(output, duration=output.duration or animation.lasts())
    count = frame_count(output.duration or 0.0, output.fps)
    wanted = parse_frames(frames, count) if frames else range(count)
    with MemoryMeter() as meter, open_mosaic(cover, match, timed, animation.targets()) as mosaic:
        _check_not_input(mosaic, path)
        size = output.frame_size(mosaic.placement.cover_size)
        with (
            drawing(mosaic, size, output, progress=timed) as (stage, compositor),
            new_file(path, overwrite=overwrite) as temporary,
        ):
            motion = with_overlay(animation.play(stage), stage, overlay or OverlaySettings())
            with (
                timed.stage("rendering", len(wanted), "frames") as advance,
                Encoder(
                    temporary,
                    *size,
                    output.fps,
                    RATE_POINTS[output.quality],
                    {"comment": command, "title": path.stem},
                ) as encoder,
            ):
                _feed(encoder, compositor, motion, wanted, count, _shutter(output, count), advance)
            _check_file(temporary, size, len(wanted))
        return Summary(
            path, size, mosaic, timed.finished(), output.fps, len(wanted), meter.peak_bytes,
            {**mosaic.placement.recipe, "command": command},
        )  # fmt: skip


def _feed(
    encoder: Encoder,
    compositor: Compositor,
    motion: Motion,
    wanted: Sequence[int],
    count: int,
    shutter: float,
    advance: Advance,
) -> None:
    """Draw frames and hand them over; the encoder works on one while the next is drawn."""
    frame = compositor.new_frame()
    for place, number in enumerate(wanted):
        if place + LOOK_AHEAD < len(wanted):
            compositor.prefetch(motion(progress_of(wanted[place + LOOK_AHEAD], count)))
        compositor.expose(motion, progress_of(number, count), shutter, frame)
        buffer = encoder.next_buffer()
        compositor.to_yuv420(frame, encoder.planes(buffer))
        encoder.submit(buffer)
        advance(1)


def _shutter(output: OutputSettings, count: int) -> float:
    """How much of the progress the shutter is open for one frame."""
    return output.motion_blur / max(count - 1, 1)


def _check_file(path: Path, size: tuple[int, int], frames: int) -> None:
    found = probe(path)
    if (found.width, found.height, found.frames) != (*size, frames):
        raise RenderError(
            f"ffmpeg wrote {found.frames} frames of {found.width}x{found.height} instead of {frames} of "
            f"{size[0]}x{size[1]}: please report this, with the output of `render doctor`"
        )


def _check_not_input(mosaic: Mosaic, path: Path) -> None:
    """Raise InputError for an output that is the cover or a photo, which -y would overwrite."""
    if path.exists() and (path.resolve() in {file.resolve() for file in mosaic.inputs} or mosaic.archive.holds(path)):
        raise InputError(f"-o {path} is the cover or one of the photos: give another name")


def _check_outputs(path: Path, suffixes: Sequence[str], match: MatchSettings, *, overwrite: bool) -> None:
    """Raise InputError if what a render writes can't be written: before the work that makes it."""
    _check_suffix(path, suffixes)
    check_writable(path, overwrite=overwrite)
    if match.save_map is not None:
        _check_suffix(match.save_map, (MAP_SUFFIX,), "--save-map")
        check_writable(match.save_map, overwrite=overwrite, option="--save-map")


def render_frame(
    cover: Path | None,
    animation: Animation,
    path: Path,
    at: float,
    *,
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Render the frame of an animation that is on the screen `at` seconds: the same pixels as in the video."""
    match, output, timed = match or MatchSettings(), output or OutputSettings(), _Timed(progress or Silent())
    _check_outputs(path, STILL_SUFFIXES, match, overwrite=overwrite)
    output = replace(output, duration=output.duration or animation.lasts())
    count = frame_count(output.duration or 0.0, output.fps)
    shown = progress_of(frame_at(at, count, output.fps), count)
    with MemoryMeter() as meter, open_mosaic(cover, match, timed, animation.targets()) as mosaic:
        _check_not_input(mosaic, path)
        size = output.frame_size(mosaic.placement.cover_size, even=False)
        with (
            drawing(mosaic, size, output, progress=timed) as (stage, compositor),
            timed.stage("rendering", 1, "frames") as advance,
        ):
            frame = compositor.new_frame()
            motion = with_overlay(animation.play(stage), stage, overlay or OverlaySettings())
            compositor.expose(motion, shown, _shutter(output, count), frame)
            pixels = np.ascontiguousarray(unpack(frame)[..., :3])
            advance(1)
        _save_still(pixels, path, overwrite)
        return Summary(
            path,
            size,
            mosaic,
            timed.finished(),
            peak_memory_bytes=meter.peak_bytes,
            recipe=mosaic.placement.recipe,
        )


def render_sheet(
    cover: Path | None,
    animation: Animation,
    path: Path,
    *,
    cells: tuple[int, int] = (3, 3),
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
    overlay: OverlaySettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a contact sheet: `cells` (columns, rows) frames of an animation from its first to its last, with times."""
    match, output, timed = match or MatchSettings(), output or OutputSettings(), _Timed(progress or Silent())
    _check_outputs(path, STILL_SUFFIXES, match, overwrite=overwrite)
    output = replace(output, duration=output.duration or animation.lasts())
    count = frame_count(output.duration or 0.0, output.fps)
    shown = np.rint(np.linspace(0, count - 1, cells[0] * cells[1])).astype(int).tolist()
    with MemoryMeter() as meter, open_mosaic(cover, match, timed, animation.targets()) as mosaic:
        _check_not_input(mosaic, path)
        width, height = output.frame_size(mosaic.placement.cover_size, even=False)
        shrink = min(1.0, SHEET_FRAME_PIXELS / max(width, height))
        size = max(round(width * shrink), 16), max(round(height * shrink), 16)
        with (
            drawing(mosaic, size, output, progress=timed) as (stage, compositor),
            timed.stage("rendering", len(shown), "frames") as advance,
        ):
            motion = with_overlay(animation.play(stage), stage, overlay or OverlaySettings())
            frames = []
            for number in shown:
                frames.append(compositor.still(motion(progress_of(number, count))))
                advance(1)
        sheet = _sheet(frames, [f"{float(number / output.fps):.2f} s" for number in shown], cells)
        _save_still(sheet, path, overwrite)
        return Summary(
            path, (sheet.shape[1], sheet.shape[0]), mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=mosaic.placement.recipe,
        )  # fmt: skip


SHEET_FRAME_PIXELS: Final = 480
"""The longer side of a contact sheet's frames."""


def _sheet(frames: Sequence[Pixels], labels: Sequence[str], cells: tuple[int, int]) -> Pixels:
    """Frames in rows on a dark ground, each with its label under it."""
    height, width = frames[0].shape[:2]
    gap = 12
    line = 22
    sheet = Image.new("RGB", (gap + cells[0] * (width + gap), gap + cells[1] * (height + gap + line)), (24, 24, 24))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        row, column = divmod(number, cells[0])
        x, y = gap + column * (width + gap), gap + row * (height + gap + line)
        sheet.paste(Image.fromarray(frame), (x, y))
        pen.text((x + width / 2, y + height + 5), label, fill=(210, 210, 210), font=font, anchor="ma")
    return np.asarray(sheet)


def render_mosaic(
    cover: Path | None,
    path: Path,
    *,
    match: MatchSettings | None = None,
    tile_pixels: int = TILE_PIXELS,
    report: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Draw a whole mosaic as a still, `tile_pixels` output pixels a cell, every tile with its full tone.

    `report`: also an HTML file on how like the cover it is; of a `.mosaic`, whose cover is not at hand, there is none.
    """
    match, timed = match or MatchSettings(), _Timed(progress or Silent())
    _check_outputs(path, STILL_SUFFIXES, match, overwrite=overwrite)
    if report is not None:
        check_report(report)
        check_writable(report, overwrite=overwrite, option="--report")
        if check_cover(cover).suffix.lower() == MAP_SUFFIX:
            raise InputError(f"--report compares with the cover, which {cover} does not hold: give the cover itself")
    with MemoryMeter() as meter, open_mosaic(cover, match, timed) as mosaic:
        _check_not_input(mosaic, path)
        width, height = (max(1, round(units * tile_pixels)) for units in mosaic.placement.size)
        if width * height > MAX_STILL_PIXELS:
            raise InputError(
                f"a still of {width} × {height} pixels is more than {MAX_STILL_PIXELS // 1_000_000} million: "
                f"give fewer --tile-pixels than {tile_pixels}"
            )
        settings = OutputSettings()
        with (
            drawing(mosaic, (width, height), settings, full_tone=True) as (stage, compositor),
            timed.stage("rendering", 1, "stills") as advance,
        ):
            centre = (mosaic.placement.size[0] / 2, mosaic.placement.size[1] / 2)
            pixels = compositor.still(stage.scene(Camera(centre, float(tile_pixels)), stage.resting_sprites()))
            advance(1)
        _save_still(pixels, path, overwrite)
        summary = Summary(
            path, (width, height), mosaic, timed.finished(),
            peak_memory_bytes=meter.peak_bytes, recipe=mosaic.placement.recipe,
        )  # fmt: skip
        if report is not None:
            figures = {name: summary.as_json()[name] for name in REPORTED}
            part = covered_part(
                read_picture(check_cover(cover), shorter_side=SHORTER_SIDE).pixels, mosaic.placement.crop
            )
            write_report(report, part, pixels, mosaic.placement, mosaic.library, figures, overwrite=overwrite)
        return summary


def _save_still(pixels: Pixels, path: Path, overwrite: bool) -> None:
    options: dict[str, dict[str, int]] = {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".jpeg": {"quality": 95, "subsampling": 0},
        ".webp": {"quality": 95},
        ".png": {"compress_level": 4},
    }
    with new_file(path, overwrite=overwrite) as temporary:
        try:
            Image.fromarray(pixels).save(temporary, format=None, **options.get(path.suffix.lower(), {}))
        except ValueError as error:  # WebP, for one, holds 16,383 pixels a side
            raise InputError(f"{path} can't hold this picture ({error}): give another format, such as .png") from error
