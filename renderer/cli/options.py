"""From declared parameters to the options of a command, and back to a written command."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints

import cyclopts

from renderer.cli.examples import epilogue
from renderer.cli.terminal import printable
from renderer.parameters import WORDS, Paper, Validated, parameter, parameters, spell, word_type
from renderer.scene import Animation

BESIDE: Final = ("save_map", "credits", "report")
"""Options that name files which are written beside the one that a command is about."""


@dataclass(frozen=True)
class OutputOptions(Validated):
    """What every command that makes a file takes."""

    output: Path | None = parameter(
        None,
        "The file to write, or a folder, or a name such as out/{cover}-{animation}-{preset}; default: named after the "
        "cover and the command; - is standard output",
        option="-o",
    )
    overwrite: bool = parameter(False, "Overwrite what exists", option="-y")
    quiet: bool = parameter(False, "Say nothing but errors", option="-q")
    verbose: bool = parameter(False, "List skipped files; show the traceback of an error", option="-v")
    json: bool = parameter(False, "Print one JSON object on standard output at the end")
    open: bool = parameter(False, "Show the result when it is done")


@dataclass(frozen=True)
class PresetOptions(Validated):
    """Options in bundles."""

    preset: tuple[str, ...] = parameter(
        (), "Options in a bundle, for the place where the video goes: `render presets` lists them", option="--for"
    )
    draft: bool = parameter(False, "Small and fast: the preset named draft, over any other; other options still count")


@dataclass(frozen=True)
class VideoOptions(Validated):
    """What only a command that makes a video takes."""

    frames: str | None = parameter(None, "A-B: only these frames, counted from 0, both included")
    dry_run: bool = parameter(False, "Only say what would be made: cells, frames, size, about how long and how large")


@dataclass(frozen=True)
class FrameOptions(Validated):
    """What only a command that makes a frame takes."""

    at: float = parameter(0.0, "The time of the frame in the video", unit="seconds", low=0.0, high=3600.0)
    safe_zones: bool = parameter(False, "Show what the app covers, as --covered or the preset says")


@dataclass(frozen=True)
class SheetOptions(Validated):
    """What only a contact sheet takes."""

    cells: tuple[int, int] = parameter((3, 3), "COLUMNSxROWS of frames", low=1, high=20)


@dataclass(frozen=True)
class MosaicOptions(Validated):
    """What only the still of a mosaic takes."""

    tile_pixels: int | None = parameter(
        None, "Side of a cell in the picture; default: 32", unit="output pixels", low=1, high=4096
    )
    print: Paper | None = parameter(
        None, "WIDTHxHEIGHT of paper to fill, in cm, mm or in, such as 60x40cm; what a cover of another shape has too "
        "much is cut off, where least is seen",
    )  # fmt: skip
    dpi: float | None = parameter(
        None, "Pixels an inch, for --print (300); the file says them, a WebP can't", low=10, high=2400
    )
    report: Path | None = parameter(None, "Also write an HTML file: cover and mosaic, where they differ, photos by use")
    dry_run: bool = parameter(False, "Only say what would be made: cells, photos, pixels, about how long and how large")


_SHOWN: Final[dict[Any, str]] = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}
"""How the help calls the value of an option, by its type or the first of several."""


def make_options(owner: type, group: cyclopts.Group, *, short: bool, hidden: bool = False) -> list[inspect.Parameter]:
    """A keyword parameter for cyclopts from each declared parameter of a dataclass.

    `short`: help shows the usual ones; `hidden`: it shows none.
    """
    hints = get_type_hints(owner)
    declared = parameters(owner)
    options = []
    if short and not issubclass(owner, Animation):
        group = cyclopts.Group("Usual options", sort_key=99)
    for field in fields(owner):
        info = declared.get(field.name)
        if info is None:
            continue
        hint = hints[field.name]
        single = word_type(hint)
        shown = _SHOWN.get(hint) or _SHOWN.get(next(iter(get_args(hint)), None))
        extra: dict[str, Any] = {"metavar": shown} if shown else {}
        if single is not None:
            word, convert = WORDS[single]
            extra = {
                "metavar": word,
                "converter": lambda _type, tokens, convert=convert, name=field.name: convert(tokens[0].value, name),
                "n_tokens": 1,
                "accepts_keys": False,
            }
        long_name = f"--{field.name.replace('_', '-')}"
        option = cyclopts.Parameter(
            name=(long_name, info.option) if info.option else long_name,
            help=printable(info.sentence),
            group=group,
            negative=long_name.replace("--", "--no-") if field.default is True else (),
            allow_repeating=True,  # the last one counts, as everywhere
            show=not hidden and (not short or issubclass(owner, Animation) or field.name in USUAL),
            show_default=(spell if field.default is not True else lambda _: "on")
            if field.default not in (None, False, ())
            else False,
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


class EveryCommand(tuple[str, ...]):
    """Words among which every command is: for what tells of all of them."""

    def __contains__(self, word: object) -> bool:
        return not str(word).startswith("-")


USUAL: Final = frozenset({
    "tiles", "columns", "unique", "max_uses", "preset", "draft", "size", "duration", "fit", "title", "music", "quality",
    "max_size", "output", "overwrite", "at", "cells", "cell", "print", "report", "tile_pixels", "theme", "covers",
    "animation", "rows", "only", "workers", "dry_run", "ban", "swap", "cover", "since", "exclude",
})  # fmt: skip
"""What the short help, `-h`, shows beside an animation's own parameters."""


def add_command(
    app: cyclopts.App,
    name: str,
    about: str,
    groups: dict[str, type],
    run: Callable[[Path | None, dict[str, object]], int | None],
    *,
    wanted: Collection[str],
    hidden: Sequence[type] = (),
    takes: tuple[str, str] = (
        "cover",
        "The picture to make a mosaic of, or a .mosaic file; without one, a sample photo",
    ),
) -> None:
    """Register a command that takes a file and the options of some dataclasses, and calls `run` with those given.

    `takes` is how its help calls the file, and what it says of it. Options of `hidden` dataclasses are accepted, and
    not in the help. Options are made only for a command among the words
    `wanted`: those of all commands take a third of a second.
    """
    file, help_file = takes
    positional = inspect.Parameter(
        file,
        inspect.Parameter.POSITIONAL_ONLY,
        default=None,
        annotation=Annotated[Path | None, cyclopts.Parameter(help=help_file)],
    )

    def command(path: Path | None = None, /, **values: object) -> int | None:
        return run(path, values)

    options = [
        option
        for place, (title, owner) in enumerate(groups.items())
        if name in wanted
        for option in make_options(owner, cyclopts.Group(title, sort_key=place + 1), short="-h" in wanted)
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
    usage = f"Usage: render {words} [{file.upper()}] [OPTIONS]"
    app.command(command, name=name, usage=usage, help_epilogue=epilogue(words, short="-h" in wanted))


def written_command(words: Sequence[str], cover: Path | None, values: dict[str, object]) -> str:
    """The command that makes a file, without local paths: it is written into the file."""
    line = ["render", *words, *([cover.name] if cover else [])]
    for name, value in values.items():
        if name in (*parameters(OutputOptions), *BESIDE):
            continue
        option = f"--{name.replace('_', '-')}"
        if value is True:
            line.append(option)
        elif value is False:
            line.append(option.replace("--", "--no-"))
        elif isinstance(value, tuple) and all(isinstance(word, str) for word in value):
            line += [part for word in value for part in (option, _bare(name, word))]
        elif value is not None:
            line += [option, spell(value)]
    return shlex.join(line)


def _bare(name: str, word: str) -> str:
    """A word of an option without local paths: of a pattern that begins at the root or at ~ only what it ends in."""
    path = Path(word)
    if name != "exclude":
        return path.name
    if not path.is_absolute() and not word.startswith("~"):
        return word
    return path.parent.name if path.name == "*" else path.name
