"""The functions of the Python package: `import renderer` makes them available, typed in `renderer/__init__.pyi`."""

from __future__ import annotations

import inspect
import io
import math
import os
import re
import textwrap
import types
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from PIL import Image

from renderer.cluster import open_cluster
from renderer.cover_names import MAP_SUFFIX, CoverName, MadeCover, check_drawing_options, cover_name
from renderer.descriptors import TILE_PIXELS
from renderer.errors import InputError
from renderer.frame_times import frame_at, parse_frames
from renderer.job import (
    FrameSource,
    MatchSettings,
    OpenMosaic,
    Summary,
    VideoJob,
    check_beside,
    check_job,
    check_mask_threshold,
    count_frames,
    cover_of,
    draw_strips,
    open_frames,
    open_mosaic,
    open_placement,
    write_video,
)
from renderer.memory import MemoryMeter
from renderer.messages import as_argument, named, spelled
from renderer.overlay import check_overlay
from renderer.parameters import WORDS, ByteSize, Day, given, parameters, suggestion
from renderer.paths import CACHE_SIZE
from renderer.pictures import Pixels
from renderer.placement import JsonValue, PlacementMap, load_map, save_map
from renderer.plugins import load_animation
from renderer.preset import Preset, load_preset, with_preset
from renderer.progress import Progress, ProgressFunction, Silent, Timed, as_progress, track
from renderer.scene import Animation
from renderer.settings import (
    WRITTEN_FILES,
    Background,
    ChangeSettings,
    FileSettings,
    OutputSettings,
    OverlaySettings,
    SoundSettings,
)
from renderer.sound import check_music_options
from renderer.stills import strip_rows

if TYPE_CHECKING:
    from renderer.clip import MosaicClip

FRAME_SETTINGS: Final = (MatchSettings, OutputSettings, OverlaySettings)
"""The settings whose parameters are keyword arguments of the functions that draw frames."""

VIDEO_SETTINGS: Final = (*FRAME_SETTINGS, FileSettings, SoundSettings)
"""The settings whose parameters are keyword arguments of `render`."""

_VALID_WHEN_MATCHED: Final = ("tiles", *parameters(ChangeSettings), "library_dir", *WRITTEN_FILES)
"""Matching options that have an effect on a mosaic that is already matched."""

_OLD_SETTINGS: Final = (MatchSettings, OutputSettings, type(None))

_PREVIEW_PIXELS: Final = 960  # width of a mosaic in a notebook


# -- The mosaic ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MosaicFigures:
    """How similar a mosaic is to its cover, seen from a distance. A figure is None if it was not measured."""

    delta_e: float | None = None  # mean CIEDE2000 colour difference: 1 is just visible side by side
    delta_e_95: float | None = None  # its 95th percentile
    ssim: float | None = None  # mean structural similarity of grey values, at most 1: identical
    mean_gain: float | None = None  # mean contrast factor of the tiles: 1 is the photos' own contrast
    clipped: float | None = None  # share of the tiles' pixels that tone makes black or white in a channel
    advice: str = ""  # what would improve the mosaic, and by how much; "" if there is no advice


@dataclass(frozen=True, eq=False, repr=False)
class Mosaic:
    """A cover matched with photos: which photo is in which cell. Made by `renderer.match` or `Mosaic.load`.

    It is immutable, can be pickled, and holds no open files: photos are opened when frames are drawn.

    Examples:
        >>> mosaic = renderer.match("cover.jpg", tiles="photos")
        >>> mosaic.figures.delta_e
        4.2
        >>> mosaic.save("cover.mosaic")
    """

    placement: PlacementMap  # cells, photos, and their tone, as arrays
    cover: Path | None = None  # the cover's file, if it is known

    @classmethod
    def load(cls, path: str | Path) -> Mosaic:
        """Read a `.mosaic` file.

        Args:
            path: The file. Its cover is found if it is in the same folder.

        Raises:
            InputError: The file is missing, damaged, or from a later version.

        Examples:
            >>> mosaic = renderer.Mosaic.load("cover.mosaic")
        """
        file = _path(path, "path")
        placement = load_map(file)
        return cls(placement, cover_of(file, placement))

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a `.mosaic` file, which all functions and commands accept in place of a cover.

        Args:
            path: The file; its name ends in `.mosaic`.
            overwrite: Replace an existing file.

        Raises:
            InputError: The name has another ending, the file exists, or it cannot be written.

        Examples:
            >>> mosaic.save("cover.mosaic", overwrite=True)
        """
        file = _path(path, "path")
        if file.suffix.lower() != MAP_SUFFIX:
            raise InputError(f"{file} is not the name of a mosaic file: use a name that ends in {MAP_SUFFIX}")
        save_map(self.placement, file, overwrite=overwrite)

    @property
    def figures(self) -> MosaicFigures:
        """How similar the mosaic is to its cover."""
        measured = self.placement.recipe.get("figures")
        known = measured if isinstance(measured, dict) else {}
        numbers = {
            name: float(value)
            for name in ("delta_e", "delta_e_95", "ssim", "mean_gain", "clipped")
            if isinstance(value := known.get(name), int | float)
        }
        advice = known.get("advice")
        return MosaicFigures(**numbers, advice=spelled(advice, as_argument) if isinstance(advice, str) else "")

    @property
    def recipe(self) -> dict[str, JsonValue]:
        """How the mosaic was made: the cover and its hash, the options of matching, the version."""
        return dict(self.placement.recipe)

    def image(
        self, *, tile_pixels: int | None = None, width: int | None = None, background: Background | str = "white"
    ) -> Pixels:
        """Draw the whole mosaic.

        Args:
            tile_pixels: Shorter side of a cell in pixels, at least 1. Default: 32.
            width: Width of the image in pixels, at least 1, instead of `tile_pixels`.
            background: What shows where there is no tile: a colour, `"blur"` (the blurred cover) or `"transparent"`.

        Returns:
            The image as an array (height, width, 3) of uint8, sRGB; with a transparent background, (height, width, 4)
            with straight alpha.

        Raises:
            InputError: Both sizes are specified, the background is not one, or a photo is missing and has no thumbnail.

        Examples:
            >>> mosaic.image(width=1920).shape
            (1280, 1920, 3)
            >>> mosaic.image(background="transparent").shape[2]
            4
        """
        given = OutputSettings(background=background).background  # type: ignore[arg-type] # parsed from text
        ground: Background = (1.0, 1.0, 1.0) if given is None else given
        if tile_pixels is not None and width is not None:
            raise InputError(f"{named('tile_pixels')} and {named('width')} both set the size: use one of them")
        for name, value in (("tile_pixels", tile_pixels), ("width", width)):
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise InputError(f"{named(name, value)} is not a whole number of pixels, at least 1")
        units = self.placement.size
        scale = (tile_pixels or TILE_PIXELS) if width is None else width / units[0]
        size = max(1, round(units[0] * scale)), max(1, round(units[1] * scale))
        with (
            _open(self, MatchSettings(), Silent()) as opened,
            closing(draw_strips(opened, size, strip_rows(size[0]), ground)) as strips,
        ):
            image = np.empty((size[1], size[0], 4 if ground == "transparent" else 3), np.uint8)
            top = 0
            for strip in strips:
                image[top : top + len(strip)] = strip
                top += len(strip)
            return image

    def _repr_png_(self) -> bytes:
        """Return the mosaic as a PNG, which notebooks show."""
        png = io.BytesIO()
        Image.fromarray(self.image(width=_PREVIEW_PIXELS, background="transparent")).save(png, "PNG")
        return png.getvalue()

    def __repr__(self) -> str:
        cover = self.placement.recipe.get("cover", "cover unknown")
        return f"<renderer.Mosaic {cover}: {len(self.placement)} cells, {len(self.placement.photos)} photos>"


Source = str | Path | Mosaic | PlacementMap
"""A cover, a `.mosaic` file, or a mosaic in memory."""


# -- Options -------------------------------------------------------------------------------------------------------

_ACCEPTED: Final[dict[Any, str]] = {
    Path: "str | Path",
    Fraction: "float | Fraction",
    ByteSize: "int",
    Day: "date",
    tuple[str, ...]: "str | Path | Sequence[str | Path]",
    type(None): "None",
}
"""The types that are accepted for a parameter and converted, where they differ from the declared type."""


def _accepted(hint: Any) -> str:
    """Return the types that are accepted for a parameter, as an annotation; types in `WORDS` are parsed from text."""
    kinds = get_args(hint)
    if hint in _ACCEPTED:
        text = _ACCEPTED[hint]
    elif get_origin(hint) is Literal:
        text = f"Literal[{', '.join(map(repr, kinds))}]"
    elif get_origin(hint) in (Union, types.UnionType):
        text = " | ".join(map(_accepted, kinds))
    elif get_origin(hint) is tuple:
        text = f"tuple[{', '.join(map(_accepted, kinds))}]"
    else:
        text = str(hint.__name__)
    return f"{text} | str" if hint in WORDS else text


F = TypeVar("F", bound=Callable[..., object])


_OPTIONS_LINE: Final = re.compile(r"^    \*\*options: .*\n(?:        .*\n)*", re.MULTILINE)


def _with_options(*owners: type) -> Callable[[F], F]:
    """Add a keyword argument for each declared parameter of some dataclasses to a function's signature and docstring.

    The function receives them in `**options`, together with the parameters of an animation that is passed by name.
    """
    declared = {name: info for owner in owners for name, info in parameters(owner).items()}
    hints = {name: hint for owner in owners for name, hint in get_type_hints(owner).items()}
    defaults = {field.name: field.default for owner in owners for field in fields(owner)}
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=_accepted(hints[name])
        )
        for name in declared
    ]
    lines = [f"{name}: {spelled(info.sentence, as_argument)}." for name, info in declared.items()]

    def extend(function: F) -> F:
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        animated = "animation" in signature.parameters
        last = [rest.replace(name="parameters")] if animated else []
        vars(function)["__signature__"] = signature.replace(parameters=[*own, *options, *last])
        if function.__doc__:  # Python drops docstrings under -OO
            animation = ["**parameters: The animation's own parameters, if it is passed by name."] if animated else []
            text = "\n".join(
                textwrap.fill(line, 116, initial_indent=" " * 4, subsequent_indent=" " * 8)
                for line in [*lines, *animation]
            )
            function.__doc__ = _OPTIONS_LINE.sub(lambda _: f"{text}\n", inspect.cleandoc(function.__doc__) + "\n")
        return function

    return extend


def _path(value: object, parameter: str) -> Path:
    return Path(_text_or_path(value, parameter))


def _text_or_path(value: object, parameter: str) -> str | os.PathLike[str]:
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{named(parameter)} must be a path, as a str or a pathlib.Path: {value!r} is not")
    return value


def _source(source: object) -> CoverName | Mosaic:
    match source:
        case Mosaic():
            return source
        case PlacementMap():
            return Mosaic(source)
        case MadeCover():
            return source
        case str() | os.PathLike():
            return cover_name(source)
    raise InputError(
        f"{named('source')} must be a cover's path, a .mosaic file or a renderer.Mosaic: {source!r} is not"
    )


def _is_matched(source: CoverName | Mosaic) -> bool:
    return isinstance(source, Mosaic) or source.suffix.lower() == MAP_SUFFIX


@dataclass(frozen=True)
class _Request:
    """The validated arguments of a function that draws frames."""

    source: CoverName | Mosaic
    animation: Animation
    match: MatchSettings
    output: OutputSettings
    overlay: OverlaySettings
    values: Mapping[str, object]  # all options, with those of the preset
    preset: Preset | None

    @property
    def drawn_source(self) -> CoverName | Mosaic:
        """The source; a made cover has the size of the frame, if that is specified."""
        return self.source.on(self.output.size) if isinstance(self.source, MadeCover) else self.source

    @contextmanager
    def open_frames(self, progress: Progress) -> Iterator[FrameSource]:
        """Open the mosaic and prepare its frames."""
        with _open(self.drawn_source, self.match, progress, self.animation) as mosaic:
            size = self.output.frame_size(mosaic.placement.cover_size, even=False)
            with open_frames(mosaic, self.animation, size, self.output, self.overlay, progress) as frame_source:
                yield frame_source

    def count(self) -> int:
        """Return the number of frames of the whole animation. Raises InputError."""
        count = count_frames(self.animation, self.output)
        check_overlay(self.overlay, float(count / self.output.fps))
        return count

    def draw(self, numbers: Sequence[int], progress: Progress) -> Generator[Pixels, None, None]:
        """Yield the frames with some numbers, each as a new array."""
        with (
            self.open_frames(progress) as frame_source,
            progress.stage("rendering", len(numbers), "frames") as advance,
        ):
            for shot, _ in track(frame_source.shots(numbers), advance):
                yield frame_source.picture_of(shot)


@contextmanager
def _open(
    source: CoverName | Mosaic, match: MatchSettings, progress: Progress, animation: Animation | None = None
) -> Iterator[OpenMosaic]:
    """Match a cover, or open the photos of a mosaic."""
    if isinstance(source, Mosaic):
        with open_placement(source.placement, source.cover, match, progress, animation) as mosaic:
            yield mosaic
    else:
        with open_mosaic(source, match, progress, animation) as mosaic:
            yield mosaic


def _request(
    source: object,
    animation: object,
    options: Mapping[str, object],
    owners: Sequence[type],
    *,
    preset: str | Path | None,
    draft: bool,
    overwrite: bool = False,
) -> _Request:
    """Validate the arguments of a function; `owners` declare its options. Raises InputError."""
    opened = _source(source)
    if isinstance(animation, str):
        name, kind = animation, load_animation(animation)
    elif isinstance(animation, Animation):
        name, kind = type(animation).__name__, type(animation)
    else:
        raise InputError(
            f'{named("animation")} must be a name such as "zoom" or an object such as renderer.Zoom(): '
            f"{animation!r} is neither"
        )
    settings = [option for owner in owners for option in parameters(owner)]
    own = list(parameters(kind))
    for option in options:
        if isinstance(animation, Animation) and option in own:
            raise InputError(f"{named(option)} is a parameter of the animation: use {name}({option}=...)")
        if option not in settings and option not in own:
            raise InputError(f"{name} has no parameter {named(option)}{suggestion(option, [*own, *settings])}")
    loaded = None if preset is None else load_preset(str(preset))
    values = with_preset(loaded, name, options, draft=draft)
    if _is_matched(opened):
        without_effect = [option for option in parameters(MatchSettings) if option not in _VALID_WHEN_MATCHED]
        if idle := [option for option in options if option in without_effect]:
            raise InputError(
                f"{named(idle[0])} has no effect on a mosaic that is already matched: pass it to renderer.match, "
                "or leave it out"
            )
        values = {option: value for option, value in values.items() if option not in without_effect}
    elif not isinstance(opened, Mosaic):
        if not values.get("to"):  # otherwise some of the covers may be drawn
            check_drawing_options(opened, options)
        check_mask_threshold(opened, options, masked=values.get("mask") is not None)
    match = MatchSettings(**given(MatchSettings, values))
    check_beside(match, overwrite=overwrite)
    return _Request(
        opened, animation if isinstance(animation, Animation) else kind(**given(kind, values)), match,
        OutputSettings(**given(OutputSettings, values)), OverlaySettings(**given(OverlaySettings, values)),
        values, loaded,
    )  # fmt: skip


def _frames(frames: object) -> str | None:
    if frames is None or isinstance(frames, str):
        return frames
    raise InputError(f'{named("frames")} must be a text such as "10-19": {frames!r} is not')


def _with_settings(options: dict[str, object]) -> dict[str, object]:
    """Return the options of `as_clip`, with those from settings objects, which it took before it took keywords."""
    old = {name: options[name] for name in ("match", "output") if isinstance(options.get(name, 0), _OLD_SETTINGS)}
    if not old:
        return options
    warnings.warn(
        "as_clip takes options as keywords, such as columns= and size=: the next version will not accept settings "
        "objects as match= and output=",
        DeprecationWarning,
        stacklevel=3,
    )
    changed = {
        name: getattr(settings, name)
        for settings in old.values()
        if settings is not None
        for name in parameters(settings)
        if getattr(settings, name) != getattr(type(settings)(), name)
    }
    return {**changed, **{name: value for name, value in options.items() if name not in old}}


# -- The functions -------------------------------------------------------------------------------------------------


@_with_options(MatchSettings)
def match(
    cover: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | ProgressFunction | None = None,
    **options: object,
) -> Mosaic:
    """Match a cover with photos.

    If the same cover was matched with the same photos and options before, the result is loaded from the cache.

    Args:
        cover: The picture to make a mosaic of, or `"text:WORDS"` or `"shape:NAME"`.
        overwrite: Replace existing files that `save_map` and `credits` name.
        progress: A function that is called with the name of a stage, the units done and the units in total, or an
            object that implements `renderer.progress.Progress`. Raise `renderer.Cancelled` in it to stop the work.
        **options: The fields of `renderer.settings.MatchSettings`.

    Returns:
        The mosaic, to be drawn by the other functions, inspected, or saved.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> mosaic = renderer.match("cover.jpg", tiles="photos", max_uses=4)
        >>> mosaic.figures.ssim
        0.81
    """
    known = list(parameters(MatchSettings))
    for option in options:
        if option not in known:
            raise InputError(f"match has no parameter {named(option)}{suggestion(option, known)}")
    path = cover if isinstance(cover, MadeCover) else cover_name(_text_or_path(cover, "cover"))
    if _is_matched(path):
        raise InputError(f"{path} is already matched: read it with renderer.Mosaic.load")
    check_drawing_options(path, options)
    check_mask_threshold(path, options, masked=options.get("mask") is not None)
    settings = MatchSettings(**given(MatchSettings, options))
    check_beside(settings, overwrite=overwrite)
    with _open(path, settings, as_progress(progress)) as mosaic:
        return Mosaic(mosaic.placement, mosaic.cover)


@_with_options(*VIDEO_SETTINGS)
def render(
    source: Source,
    animation: str | Animation,
    output: str | Path,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    frames: str | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    store: str | None = None,
    cache_size: int = CACHE_SIZE,
    overwrite: bool = False,
    progress: Progress | ProgressFunction | None = None,
    **options: object,
) -> Summary:
    """Render an animation of a mosaic to a video file.

    The file appears when it is complete and has been checked; nothing is left behind if the work fails or is stopped,
    except finished segments of a video of more than 20 seconds, in the cache, with which the same call goes on.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        output: The file to write; its suffix selects the format. `frame-%04d.png` writes one file per frame.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Render small and fast, as the preset `draft` does.
        frames: Only the frames A to B, as `"A-B"`, counted from 0, both included.
        workers: The number of segments of a long video to make at once. Default: what cores and memory allow.
        cluster: The address of a Dask cluster whose workers make the segments, such as `"tcp://HOST:PORT"`, or
            `"local:N"` for N processes here. Requires the extra `cluster`.
        store: A folder that all machines of the cluster share, or a URL such as `"s3://bucket/folder"`. Default: in the
            cache.
        cache_size: Bytes of finished segments that are kept, of all videos together.
        overwrite: Replace existing files.
        progress: A function that is called with the name of a stage, the units done and the units in total, or an
            object that implements `renderer.progress.Progress`. Raise `renderer.Cancelled` in it to stop the work.
        **options: The fields of `renderer.settings.MatchSettings`, `renderer.settings.OutputSettings`,
            `renderer.settings.FileSettings`, `renderer.settings.OverlaySettings` and
            `renderer.settings.SoundSettings`, and the animation's own parameters, if it is passed by name.

    Returns:
        A summary of what was written: the file, its size, the number of frames, the seconds that each stage took.
            Its `as_json()` has the same keys as the command's JSON output.

    Raises:
        InputError: An argument is invalid, a file cannot be used, or the output exists.
        RenderError: The work failed for another reason.

    Examples:
        >>> renderer.render("cover.jpg", "zoom", "out.mp4", tiles="photos", size=(1080, 1920), direction="inout")
    """
    request = _request(source, animation, options, VIDEO_SETTINGS, preset=preset, draft=draft, overwrite=overwrite)
    path = _path(output, "output")
    file = FileSettings(**given(FileSettings, request.values))
    if "format" not in options:
        file = file.for_name(path, keep_codec="codec" in options)
    job = VideoJob(
        None if isinstance(request.source, Mosaic) else request.source, request.animation, path,
        match=request.match, output=request.output, file=file, overlay=request.overlay,
        sound=SoundSettings(**given(SoundSettings, request.values)), frames=_frames(frames), overwrite=overwrite,
        preset=request.preset.name if request.preset else "", rules=request.preset.rules if request.preset else None,
    )  # fmt: skip
    check_music_options(job.sound, options)
    check_job(job)
    if workers is not None and workers < 1:
        raise InputError(f"{named('workers', workers)} must be at least 1")
    timed = Timed(as_progress(progress))
    with (
        MemoryMeter() as meter,
        open_cluster(cluster, store, timed, workers) as pool,
        _open(request.drawn_source, request.match, timed, request.animation) as mosaic,
    ):
        summary = write_video(mosaic, job, timed, workers=workers, cache_size=cache_size, pool=pool)
        return replace(summary, seconds=timed.finished(), peak_memory_bytes=meter.peak_bytes)


@_with_options(*FRAME_SETTINGS)
def frame(
    source: Source,
    animation: str | Animation,
    *,
    at: float,
    preset: str | Path | None = None,
    draft: bool = False,
    progress: Progress | ProgressFunction | None = None,
    **options: object,
) -> Pixels:
    """Draw one frame of an animation: the same pixels as in the video.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        at: The time of the frame in the video, in seconds.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw a small frame, as the preset `draft` does.
        progress: The same as for `renderer.render`.
        **options: The fields of `renderer.settings.MatchSettings`, `renderer.settings.OutputSettings` and
            `renderer.settings.OverlaySettings`, and the animation's own parameters, if it is passed by name.

    Returns:
        The frame as an array (height, width, 3) of uint8, sRGB; with `transparent`, (height, width, 4) with straight
        alpha.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> renderer.frame(mosaic, "zoom", at=3.5, size=(640, 360)).shape
        (360, 640, 3)
    """
    request = _request(source, animation, options, FRAME_SETTINGS, preset=preset, draft=draft)
    if not (isinstance(at, int | float | Fraction) and math.isfinite(at)):
        raise InputError(f"{named('at')} must be a number of seconds: {at!r} is not")
    number = frame_at(float(at), request.count(), request.output.fps)
    with closing(request.draw([number], as_progress(progress))) as drawn:
        return next(drawn)


@_with_options(*FRAME_SETTINGS)
def frames(
    source: Source,
    animation: str | Animation,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    frames: str | None = None,
    progress: Progress | ProgressFunction | None = None,
    **options: object,
) -> Generator[Pixels, None, None]:
    """Draw the frames of an animation one after another.

    Arguments are checked at once; the cover is matched and photos are opened when the first frame is requested. The
    generator releases its threads and textures when it is exhausted or closed.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw small frames, as the preset `draft` does.
        frames: Only the frames A to B, as `"A-B"`, counted from 0, both included.
        progress: The same as for `renderer.render`.
        **options: The fields of `renderer.settings.MatchSettings`, `renderer.settings.OutputSettings` and
            `renderer.settings.OverlaySettings`, and the animation's own parameters, if it is passed by name.

    Yields:
        Each frame as a new array, in the format that `renderer.frame` returns.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: The work failed for another reason.

    Examples:
        >>> for frame in renderer.frames(mosaic, "zoom", size=(640, 360)):
        ...     show(frame)
    """
    request = _request(source, animation, options, FRAME_SETTINGS, preset=preset, draft=draft)
    count = request.count()
    selected = range(count) if (text := _frames(frames)) is None else parse_frames(text, count)
    return request.draw(selected, as_progress(progress))


@_with_options(*FRAME_SETTINGS)
def as_clip(
    source: Source,
    animation: str | Animation,
    *,
    preset: str | Path | None = None,
    draft: bool = False,
    progress: Progress | ProgressFunction | None = None,
    **options: object,
) -> MosaicClip:
    """Make a MoviePy clip of an animation. MoviePy must be installed: `pip install 'mosaic-renderer[moviepy]'`.

    A clip has no alpha channel: `transparent` must be False.

    Args:
        source: A cover's path, `"text:WORDS"`, `"shape:NAME"`, a `.mosaic` file, or a `Mosaic`. Of the
            matching options, the last two take only `tiles`, `ban` and `swap`, and those that name files.
        animation: The name of an installed animation, or an object such as `renderer.Zoom(direction="out")`.
        preset: The name of a preset, or the path of a preset file. Other arguments replace its values.
        draft: Draw small frames, as the preset `draft` does.
        progress: The same as for `renderer.render`; called while the cover is matched.
        **options: The fields of `renderer.settings.MatchSettings`, `renderer.settings.OutputSettings` and
            `renderer.settings.OverlaySettings`, and the animation's own parameters, if it is passed by name.

    Returns:
        A `moviepy.VideoClip` with frames (height, width, 3) of uint8. Use it in a `with` block, or close it.

    Raises:
        InputError: An argument is invalid, or a file cannot be used.
        RenderError: MoviePy is not installed, or the work failed for another reason.

    Examples:
        >>> with renderer.as_clip(mosaic, "zoom", size=(640, 360)) as clip:
        ...     clip.write_videofile("out.mp4")
    """
    from renderer.clip import MosaicClip  # MoviePy takes a second to import

    request = _request(source, animation, _with_settings(options), FRAME_SETTINGS, preset=preset, draft=draft)
    if request.output.transparent:
        raise InputError("A transparent background is not possible for a MoviePy clip: leave it out")
    request.count()
    with ExitStack() as resources:
        clip = MosaicClip(resources.enter_context(request.open_frames(as_progress(progress))))
        clip.resources = resources.pop_all()
        return clip
