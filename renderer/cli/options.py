"""Options that several commands have, and values turned back into a command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.cli.commands import Argument, Run, Values
from renderer.cli.terminal import as_option
from renderer.cover_names import CoverName, check_drawing_options, cover_name
from renderer.messages import named
from renderer.parameters import ByteSize, Paper, Validated, given, parameter, parameters, spell
from renderer.paths import CACHE_SIZE
from renderer.settings import (
    BACKGROUND_HELP,
    LONGEST_VIDEO,
    TRANSPARENT_HELP,
    WRITTEN_FILES,
    Background,
    check_background,
)

SIDE_FILES: Final = (*WRITTEN_FILES, "report")
"""Parameters that name files written in addition to the output."""


@dataclass(frozen=True)
class OutputOptions(Validated):
    """Options of every command that writes a file."""

    output: Path | None = parameter(
        None, "Output file or folder; default: named after the input and the command", option="-o"
    )
    overwrite: bool = parameter(False, "Overwrite existing files", option="-y")
    quiet: bool = parameter(False, "Print only errors", option="-q")
    verbose: bool = parameter(False, "List skipped files, and show the traceback of an error", option="-v")
    json: bool = parameter(False, "Print the result as one JSON object on standard output")
    open: bool = parameter(False, "Open the result when it is finished")


@dataclass(frozen=True)
class PictureOutputOptions(OutputOptions):
    """Output options of a still or sheet of an animation."""

    output: Path | None = parameter(
        None,
        "Output file or folder, or a pattern such as out/{cover}-{animation}-{preset}; default: named after the cover "
        "and the command",
        option="-o",
    )


@dataclass(frozen=True)
class VideoOutputOptions(OutputOptions):
    """Output options of a video."""

    output: Path | None = parameter(
        None,
        "Output file or folder, a pattern such as out/{cover}-{animation}-{preset}, or - for raw video on standard "
        "output; default: named after the cover and the command",
        option="-o",
    )


@dataclass(frozen=True)
class BatchOutputOptions(OutputOptions):
    """Output options of a campaign."""

    output: Path | None = parameter(
        None,
        "Pattern of the output files, such as out/{cover}-{preset}-{seed}; default: the campaign's, or "
        "out/{cover}-{animation}",
        option="-o",
    )


@dataclass(frozen=True)
class PresetOptions(Validated):
    """Options that select presets."""

    preset: tuple[str, ...] = parameter(
        (),
        "Apply a preset, for example for a platform (see `render presets`); repeatable: renders a video for each",
        option="--for",
    )
    draft: bool = parameter(
        False,
        "Render a small video quickly: the draft preset overrides other presets, but not options that you specify",
    )


@dataclass(frozen=True)
class VideoOptions(Validated):
    """Options of commands that render a video."""

    frames: str | None = parameter(None, "Render only frames A to B, inclusive, counted from 0", metavar="A-B")
    workers: int | None = parameter(None, "Segments to make at once; default: by cores", low=1, high=256)
    cluster: str | None = parameter(
        None, "Make the segments on a Dask cluster: tcp://HOST:PORT, or local:N for N processes here", metavar="ADDRESS"
    )
    store: str | None = parameter(
        None, "Folder that all machines of a cluster share, or a URL such as s3://bucket/folder; default: in the cache",
        metavar="FOLDER",
    )  # fmt: skip
    cache_size: ByteSize = parameter(
        ByteSize(CACHE_SIZE), "Maximum size of the segments that are kept for resuming, such as 10GB", low=0, high=1e15
    )
    dry_run: bool = parameter(False, "Only print the plan, with estimated time and file size")


@dataclass(frozen=True)
class FrameOptions(Validated):
    """Options of commands that render one frame."""

    at: float = parameter(0.0, "Time of the frame in the video", unit="seconds", low=0.0, high=LONGEST_VIDEO)
    safe_zones: bool = parameter(
        False, f"Shade the areas that the app covers, as specified by {named('covered')} or the preset"
    )


@dataclass(frozen=True)
class SheetOptions(Validated):
    """Options of contact sheets."""

    cells: tuple[int, int] = parameter((3, 3), "Frames across and down", low=1, high=20, metavar="COLUMNSxROWS")


@dataclass(frozen=True)
class MosaicOptions(Validated):
    """Options of a still of the whole mosaic."""

    tile_pixels: int | None = parameter(
        None, "Side of a cell in the picture; default: 32", unit="output pixels", low=1, high=4096
    )
    print: Paper | None = parameter(
        None,
        "Paper size in cm, mm or in, such as 60x40cm. The cover is cropped to the paper's shape, away from important "
        "areas, unless it has a mask or transparency",
    )
    dpi: float | None = parameter(
        None,
        f"Pixels per inch for {named('paper')}, stored in the file (WebP can't store it); default: 300",
        low=10,
        high=2400,
    )
    background: Background = parameter((1.0, 1.0, 1.0), BACKGROUND_HELP)
    transparent: bool = parameter(False, TRANSPARENT_HELP)
    report: Path | None = parameter(
        None, "Also write an HTML report: cover and mosaic compared, matching errors, and photos by use"
    )
    dry_run: bool = parameter(False, "Only print the plan, with estimated time and file size")

    def __post_init__(self) -> None:
        """Check the values, and that the background is not contradictory."""
        super().__post_init__()
        check_background(self)


COMMON: Final = frozenset({
    "tiles", "columns", "unique", "max_uses", "preset", "draft", "size", "duration", "fit", "title", "music", "quality",
    "max_size", "output", "overwrite", "at", "cells", "cell", "print", "report", "tile_pixels", "theme", "covers",
    "animation", "rows", "only", "workers", "dry_run", "since", "exclude", "captions", "names", "originals", "intro",
    "page_size", "deep_zoom",
})  # fmt: skip
"""Parameters that the short help, `-h`, shows in addition to those of an animation."""


COVER: Final = Argument("[COVER]", "Picture, text:WORDS, shape:NAME or .mosaic file; default: a sample")
"""The argument of most commands."""

COVERS: Final = Argument("COVER...", f"{COVER.help}. Further ones: pictures, text:WORDS or shape:NAME")
"""The arguments of commands for several covers; those after the first are values of the parameter `to`."""


def on_file(run: Callable[[Path | None, Values], int | None]) -> Run:
    """Return the function that runs a command whose only argument is a file."""
    return lambda words, values: run(Path(words[0]) if words else None, values)


def on_cover(run: Callable[[CoverName | None, Values], int | None]) -> Run:
    """Return the function that runs a command whose arguments are a cover, and for some commands further ones."""

    def checked(words: Sequence[str], values: Values) -> int | None:
        cover, further = cover_name(words[0]) if words else None, words[1:]
        if further:
            to = values.get("to")
            values = {**values, "to": (*further, *(to if isinstance(to, tuple) else ()))}
        elif not values.get("to"):  # otherwise some of the covers may be drawn
            check_drawing_options(cover, values)
        if "mask_threshold" in values:
            from renderer.job import check_mask_threshold
            from renderer.preset import load_preset

            presets = PresetOptions(**given(PresetOptions, values)).preset
            check_mask_threshold(
                cover, values, masked="mask" in values or any("mask" in load_preset(name).values for name in presets)
            )
        return run(cover, values)

    return checked


def format_command(words: Sequence[str], values: Mapping[str, object]) -> str:
    """Return a command as a shell line: `render edit cover.mosaic --swap 3,2=best.jpg`.

    `words`: the command and its file; `values`: parameters by name. A parameter that is None is left out, and one with
    several values is repeated. This is the command line's `renderer.messages.FormatCommand`.
    """
    line = ["render", *words]
    for name, value in values.items():
        if isinstance(value, bool):
            line.append(as_option(name, str(value)))
        elif isinstance(value, tuple) and all(isinstance(word, str) for word in value):
            line += [part for word in value for part in (as_option(name), word)]
        elif value is not None:
            line += [as_option(name), spell(value)]
    return shlex.join(line)


def written_command(words: Sequence[str], cover: CoverName | None, values: Mapping[str, object]) -> str:
    """Return the command that makes a file, to be stored in it: without local paths, or what changes no pixel."""
    left_out = {*parameters(OutputOptions), *SIDE_FILES, "memory", "workers", "cache_size", "cluster", "store"}
    shared = {
        name: tuple(_without_folders(name, word) for word in value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in left_out
    }
    return format_command([*words, *([cover.name] if cover else [])], shared)


def _without_folders(name: str, word: object) -> object:
    """Return a value without local paths; a pattern for all files of a folder keeps the folder's name."""
    if not isinstance(word, str):
        return word
    path = Path(word)
    if name == "swap":
        cell, equals, photo = word.partition("=")
        return f"{cell}{equals}{Path(photo).name}"
    if name == "ban":
        return path.name if path.name.strip("*") else f"{path.parent.name}/{path.name}"
    if name != "exclude":
        return path.name
    if not path.is_absolute() and not word.startswith("~"):
        return word
    return path.parent.name if path.name == "*" else path.name
