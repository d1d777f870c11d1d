"""Turn declared parameters into options of a command, and values back into a command line."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints

import cyclopts

from renderer.cli.examples import epilogue
from renderer.cli.terminal import as_option, long_option, printable
from renderer.messages import named
from renderer.parameters import WORDS, Paper, Validated, parameter, parameters, spell, word_type
from renderer.scene import Animation

SIDE_FILES: Final = ("save_map", "credits", "report")
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
    dry_run: bool = parameter(False, "Only print the plan, with estimated time and file size")


@dataclass(frozen=True)
class FrameOptions(Validated):
    """Options of commands that render one frame."""

    at: float = parameter(0.0, "Time of the frame in the video", unit="seconds", low=0.0, high=3600.0)
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
        "areas",
    )
    dpi: float | None = parameter(
        None,
        f"Pixels per inch for {named('paper')}, stored in the file (WebP can't store it); default: 300",
        low=10,
        high=2400,
    )
    report: Path | None = parameter(
        None, "Also write an HTML report: cover and mosaic compared, matching errors, and photos by use"
    )
    dry_run: bool = parameter(False, "Only print the plan, with estimated time and file size")


_METAVARS: Final[dict[Any, str]] = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}
"""What help calls the value of an option, by its type, or by the first type in a union or tuple."""


def make_options(owner: type, group: cyclopts.Group, *, short: bool, hidden: bool = False) -> list[inspect.Parameter]:
    """Return a keyword parameter for cyclopts for each declared parameter of a dataclass.

    `short`: help shows only the common ones. `hidden`: help shows none.
    """
    hints = get_type_hints(owner)
    declared = parameters(owner)
    options = []
    if short and not issubclass(owner, Animation):
        group = cyclopts.Group("Common options", sort_key=99)
    for field in fields(owner):
        info = declared.get(field.name)
        if info is None:
            continue
        hint = hints[field.name]
        single = word_type(hint)
        metavar = info.metavar or _METAVARS.get(hint) or _METAVARS.get(next(iter(get_args(hint)), None))
        extra: dict[str, Any] = {"metavar": metavar} if metavar else {}
        if single is not None:
            word, convert = WORDS[single]
            extra = {
                "metavar": info.metavar or word,
                "converter": lambda _type, tokens, convert=convert, name=field.name: convert(tokens[0].value, name),
                "n_tokens": 1,
                "accepts_keys": False,
            }
        long_name = long_option(field.name)
        option = cyclopts.Parameter(
            name=(long_name, info.option) if info.option else long_name,
            help=printable(info.sentence),
            group=group,
            negative=as_option(field.name, "False") if field.default is True else (),
            allow_repeating=True,  # the last one applies, as with most programs
            show=not hidden and (not short or issubclass(owner, Animation) or field.name in COMMON),
            show_default=shown_default if shown_default(field.default) else False,
            **extra,
        )
        default = field.default if field.default is not MISSING else None
        options.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=Annotated[hint, option],
            )
        )
    return options


def shown_default(default: object) -> str:
    """Return a default as help shows it: nothing for None, flags that are off, and empty lists."""
    if default is None or default is False or default == ():
        return ""
    return "on" if default is True else spell(default)


class EveryCommand(tuple[str, ...]):
    """Words that contain every command name, so that the options of all commands are built."""

    def __contains__(self, word: object) -> bool:
        return not str(word).startswith("-")


COMMON: Final = frozenset({
    "tiles", "columns", "unique", "max_uses", "preset", "draft", "size", "duration", "fit", "title", "music", "quality",
    "max_size", "output", "overwrite", "at", "cells", "cell", "print", "report", "tile_pixels", "theme", "covers",
    "animation", "rows", "only", "workers", "dry_run", "ban", "swap", "cover", "since", "exclude",
})  # fmt: skip
"""Parameters that the short help, `-h`, shows in addition to those of an animation."""


COVER: Final = ("[COVER]", "Cover picture or .mosaic file; default: a sample photo")
"""The positional argument of most commands, as usage shows it, and its help."""


def add_command(
    app: cyclopts.App,
    name: str,
    about: str,
    groups: dict[str, type],
    run: Callable[[Path | None, dict[str, object]], int | None],
    *,
    wanted: Collection[str],
    hidden: Sequence[type] = (),
    takes: tuple[str, str] = COVER,
) -> None:
    """Register a command that takes a file and the options of some dataclasses, and passes the values to `run`.

    `takes`: the file argument as usage shows it, in brackets if it is optional, and its help. Options of `hidden`
    dataclasses are accepted but not shown. Options are built only if `wanted` contains the name of the command, because
    building those of all commands takes a third of a second.
    """
    file, help_file = takes
    positional = inspect.Parameter(
        file.strip("[]").lower(),
        inspect.Parameter.POSITIONAL_ONLY,
        default=None,
        annotation=Annotated[Path | None, cyclopts.Parameter(help=printable(help_file))],
    )

    def command(path: Path | None = None, /, **values: object) -> int | None:
        return run(path, values)

    options = [
        option
        for index, (title, owner) in enumerate(groups.items())
        if name in wanted
        for option in make_options(owner, cyclopts.Group(title, sort_key=index + 1), short="-h" in wanted)
    ]
    options += [
        option
        for owner in hidden
        if name in wanted
        for option in make_options(owner, cyclopts.Group(owner.__name__, show=False), short=False, hidden=True)
    ]
    command.__signature__ = inspect.Signature([positional, *options])  # type: ignore[attr-defined]  # read by cyclopts
    command.__annotations__ = {}
    command.__doc__ = about
    words = name if app.name[0] == "render" else f"{app.name[0]} {name}"
    usage = f"Usage: render {words} {file} [OPTIONS]"
    app.command(command, name=name, usage=usage, help_epilogue=epilogue(words, short="-h" in wanted))


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


def written_command(words: Sequence[str], cover: Path | None, values: Mapping[str, object]) -> str:
    """Return the command that makes a file, without local paths, to be stored in the file."""
    left_out = {*parameters(OutputOptions), *SIDE_FILES}
    shared = {
        name: tuple(_without_folders(name, word) for word in value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in left_out
    }
    return format_command([*words, *([cover.name] if cover else [])], shared)


def _without_folders(name: str, word: object) -> object:
    """Return a value without local paths; an `exclude` pattern that starts at / or ~ becomes its last part."""
    if not isinstance(word, str):
        return word
    path = Path(word)
    if name != "exclude":
        return path.name
    if not path.is_absolute() and not word.startswith("~"):
        return word
    return path.parent.name if path.name == "*" else path.name
