"""The `render` command: options in, one call, messages out."""

from __future__ import annotations

import inspect
import io
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import cyclopts
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from renderer import plugins
from renderer.errors import InputError, RenderError
from renderer.overlay import OverlaySettings
from renderer.parameters import WORDS, check_ranges, parameter, parameters, word_type
from renderer.preset import OutputSettings, load_preset
from renderer.progress import Advance
from renderer.scene import Animation
from renderer.timeline import Show

if TYPE_CHECKING:
    from renderer.job import Plan, Summary

_LINE_SECONDS: Final = 10.0  # between progress lines where there is no terminal


# -- Options that belong to the command line alone -----------------------------------------------------------------


@dataclass(frozen=True)
class Common:
    """What every command that makes a file takes."""

    output: Path | None = parameter(
        None, "The file to write; default: named after the cover and the command", option="-o"
    )
    overwrite: bool = parameter(False, "Overwrite what exists", option="-y")
    quiet: bool = parameter(False, "Say nothing but errors", option="-q")
    verbose: bool = parameter(False, "List skipped files; show the traceback of an error", option="-v")
    json: bool = parameter(False, "Print one JSON object on standard output at the end")
    open: bool = parameter(False, "Show the result when it is done")


@dataclass(frozen=True)
class VideoRun:
    """What only a command that makes a video takes."""

    frames: str | None = parameter(None, "A-B: only these frames, counted from 0, both included")
    draft: bool = parameter(False, "Small and fast: the preset named draft; other options still count")
    dry_run: bool = parameter(False, "Only say what would be made: cells, frames, size, about how long and how large")


@dataclass(frozen=True)
class StillRun:
    """What only a command that makes a frame takes."""

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    at: float = parameter(0.0, "The time of the frame in the video", unit="seconds", low=0.0, high=3600.0)
    draft: bool = parameter(False, "Small: the preset named draft; other options still count")


@dataclass(frozen=True)
class SheetRun:
    """What only a contact sheet takes."""

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    cells: tuple[int, int] = parameter((3, 3), "COLUMNSxROWS of frames", low=1, high=20)


@dataclass(frozen=True)
class MosaicRun:
    """What only the still of a mosaic takes."""

    def __post_init__(self) -> None:
        """Refuse values out of their ranges with InputError."""
        check_ranges(self)

    tile_pixels: int = parameter(32, "Side of a cell in the picture", unit="output pixels", low=1, high=4096)
    report: Path | None = parameter(None, "Also write an HTML file: cover and mosaic, where they differ, photos by use")


# -- From dataclasses to options -----------------------------------------------------------------------------------


def _options(owner: type, group: cyclopts.Group) -> list[inspect.Parameter]:
    """A keyword parameter for cyclopts from each declared parameter of a dataclass."""
    hints = get_type_hints(owner)
    declared = parameters(owner)
    options = []
    for field in fields(owner):
        info = declared.get(field.name)
        if info is None:
            continue
        hint = hints[field.name]
        single = word_type(hint)
        extra: dict[str, Any] = {}
        if single is not None:
            word, convert = WORDS[single]
            extra = {
                "metavar": word,
                "converter": lambda _type, tokens, convert=convert: convert(tokens[0].value),
                "n_tokens": 1,
                "accepts_keys": False,
            }
        limits = [info.unit] if info.unit else []
        if math.isfinite(info.high) and info.high < 1e6:
            limits.append(f"{info.low:g} to {info.high:g}")
        long_name = f"--{field.name.replace('_', '-')}"
        if hint == tuple[str, ...]:
            extra = {"metavar": "TEXT"}
        option = cyclopts.Parameter(
            name=(long_name, info.option) if info.option else long_name,
            help=info.help + (f" ({', '.join(limits)})" if limits else ""),
            group=group,
            negative=long_name.replace("--", "--no-") if field.default is True else (),
            allow_repeating=True,  # the last one counts, as everywhere
            show_default=_spell if field.default not in (None, False, ()) else False,
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


def _given(owner: type, values: dict[str, object]) -> dict[str, Any]:
    """Those of a command's values that belong to a dataclass."""
    return {name: values[name] for name in parameters(owner) if name in values}


def _command(
    app: cyclopts.App,
    name: str,
    about: str,
    groups: dict[str, type],
    run: Callable[[Path | None, dict[str, object]], None],
    *,
    wanted: Collection[str],
) -> None:
    """Register a command that takes a cover and the options of some dataclasses, and calls `run` with those given.

    Options are made only for a command among the words `wanted`: those of all commands take a third of a second.
    """
    help_cover = "The picture to make a mosaic of, or a .mosaic file; without one, a sample photo"
    cover = inspect.Parameter(
        "cover",
        inspect.Parameter.POSITIONAL_ONLY,
        default=None,
        annotation=Annotated[Path | None, cyclopts.Parameter(help=help_cover)],
    )

    def command(cover: Path | None = None, /, **values: object) -> None:
        run(cover, values)

    options = [
        option
        for place, (title, owner) in enumerate(groups.items())
        if name in wanted
        for option in _options(owner, cyclopts.Group(title, sort_key=place + 1))
    ]
    command.__signature__ = inspect.Signature([cover, *options])  # type: ignore[attr-defined]  # read by cyclopts
    command.__annotations__ = {}
    command.__doc__ = about
    app.command(command, name=name)


def _spell(value: object) -> str:
    """A value as it is written on the command line; of a path only the name, since it ends up in files."""
    match value:
        case Path():
            return value.name
        case (int() as width, int() as height):
            return f"{width}x{height}"
        case (float() as x, float() as y):
            return f"{x!r},{y!r}"
        case (float() as r, float() as g, float() as b):
            return f"#{round(r * 255):02x}{round(g * 255):02x}{round(b * 255):02x}"
        case Fraction():
            return str(value)
        case float():
            return f"{value!r}".removesuffix(".0")
    return str(value)


def _written_command(words: Sequence[str], cover: Path | None, values: dict[str, object]) -> str:
    """The command that makes a file, without local paths: it is written into the file."""
    line = ["render", *words, *([cover.name] if cover else [])]
    for name, value in values.items():
        if name in (*parameters(Common), "save_map"):
            continue
        option = f"--{name.replace('_', '-')}"
        if value is True:
            line.append(option)
        elif value is False:
            line.append(option.replace("--", "--no-"))
        elif isinstance(value, tuple) and all(isinstance(word, str) for word in value):
            line += [part for word in value for part in (option, Path(word).name)]
        elif value is not None:
            line += [option, _spell(value)]
    return shlex.join(line)


# -- Talking -------------------------------------------------------------------------------------------------------


class _Rate(ProgressColumn):
    """Units a second of the work so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f} {task.fields['unit']}/s" if speed else "")


class Talk:
    """What a command says while it works: bars on a terminal, lines elsewhere; all on standard error."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        """Show one stage of the work."""
        if self.quiet:
            yield lambda _units: None
        elif self.console.is_terminal:
            with Bars(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                _Rate(), TimeRemainingColumn(), console=self.console, transient=True,
            ) as bars:  # fmt: skip
                task = bars.add_task(name, total=total, unit=unit)
                yield lambda units: bars.advance(task, units)
        else:
            yield self._lines(name, total, unit)

    def _lines(self, name: str, total: int, unit: str) -> Advance:
        begun = said = time.monotonic()
        done = 0

        def advance(units: int) -> None:
            nonlocal done, said
            done += units
            now = time.monotonic()
            if now - said >= _LINE_SECONDS and done < total:
                said = now
                left = (now - begun) / done * (total - done)
                self.console.print(f"{name}: {done} of {total} {unit}, about {left:.0f} s left")

        return advance

    def notice(self, message: str) -> None:
        """One line that a user should know."""
        if not self.quiet:
            self.console.print(message, markup=False)


def _ask_overwrite(path: Path, save_map: object, *, overwrite: bool) -> bool:
    """Whether to overwrite files that exist: each asked for on a terminal; elsewhere only if told so before."""
    there = [file for file in (path, save_map) if isinstance(file, Path) and file.is_file()]
    if overwrite or not there or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return overwrite
    for file in there:
        sys.stderr.write(f"{file} exists. Overwrite it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise InputError(f"{file} was left as it is: give another name, or -y to overwrite it")
    return True


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _tell(summary: Summary, common: Common, talk: Talk) -> None:
    """The result: one JSON object, or a few words."""
    if common.verbose:
        for item in summary.mosaic.skipped:
            talk.console.print(f"skipped {item.path}: {item.reason}", markup=False)
    result = summary.as_json()
    if common.json:
        sys.stdout.write(json.dumps(result) + "\n")
    elif not common.quiet:
        film = f", {result['frames']} frames, {result['duration']:.2f} s" if summary.frames else ""
        sys.stdout.write(
            f"{summary.output}: {result['width']}x{result['height']}{film}, "
            f"{_megabytes(summary.output.stat().st_size)}; {summary.seconds['total']:.1f} s\n"
            f"{result['cells']} cells, {result['distinct_photos']} of {result['photos']} tiles placed, "
            f"one at most {result['most_uses']} times, {result['equal_neighbours']} equal neighbours\n"
        )
        if result["delta_e"] is not None:
            sys.stdout.write(
                f"seen from afar: colours off by {result['delta_e']:.1f} on average, {result['delta_e_95']:.1f} at the "
                f"95th percentile (CIEDE2000), SSIM {result['ssim']:.3f}, mean gain {result['mean_gain']:.2f}\n"
            )
        if result["advice"]:
            sys.stdout.write(f"{result['advice']}\n")
    if common.open:
        _show(summary.output)


def _tell_plan(plan: Plan, common: Common) -> None:
    result = plan.as_json()
    if common.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    tiles = f"{plan.photos} files as tiles" if plan.photos else "no files as tiles"
    sys.stdout.write(
        f"{plan.output}: {result['width']}x{result['height']}, {plan.frames} frames at {float(plan.fps):g} a second, "
        f"{plan.cells} cells, {tiles}; about {plan.seconds:.0f} s and {_megabytes(plan.bytes)}. Nothing was made.\n"
    )


def _show(path: Path) -> None:
    """Open a file with what the platform shows it with."""
    if sys.platform == "win32":
        os.startfile(path)
        return
    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        subprocess.Popen([program, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        sys.stderr.write(f"render: there is no {program} here to show {path} with: open it by hand\n")


# -- Commands ------------------------------------------------------------------------------------------------------


def _common(values: dict[str, object]) -> tuple[Common, Talk]:
    common = Common(**_given(Common, values))
    return common, Talk(quiet=common.quiet, verbose=common.verbose)


def _output_settings(values: dict[str, object]) -> OutputSettings:
    preset = load_preset("draft") if values.get("draft") else {}
    return OutputSettings(**{**preset, **_given(OutputSettings, values)})


def _add_animation(
    app: cyclopts.App,
    still: cyclopts.App,
    sheet: cyclopts.App,
    name: str,
    animation: type[Animation],
    wanted: Collection[str],
) -> None:
    about = (animation.__doc__ or name).strip().splitlines()[0]
    from renderer.job import MatchSettings

    def video(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import default_output, plan_video, render_video

        common, talk = _common(values)
        run = VideoRun(**_given(VideoRun, values))
        settings, output = MatchSettings(**_given(MatchSettings, values)), _output_settings(values)
        path = common.output or default_output(cover, name, ".mp4")
        motion = animation(**_given(animation, values))
        if run.dry_run:
            _tell_plan(plan_video(cover, motion, settings, output, path, run.frames), common)
            return
        summary = render_video(
            cover, motion, path, match=settings, output=output, frames=run.frames,
            overlay=OverlaySettings(**_given(OverlaySettings, values)),
            overwrite=_ask_overwrite(path, values.get("save_map"), overwrite=common.overwrite), progress=talk,
            command=_written_command([name], cover, values),
        )  # fmt: skip
        _tell(summary, common, talk)

    def frame(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import default_output, render_frame

        common, talk = _common(values)
        run = StillRun(**_given(StillRun, values))
        path = common.output or default_output(cover, name, ".png")
        summary = render_frame(
            cover, animation(**_given(animation, values)), path, run.at,
            match=MatchSettings(**_given(MatchSettings, values)), output=_output_settings(values),
            overlay=OverlaySettings(**_given(OverlaySettings, values)),
            overwrite=_ask_overwrite(path, values.get("save_map"), overwrite=common.overwrite), progress=talk,
        )  # fmt: skip
        _tell(summary, common, talk)

    def contact_sheet(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import default_output, render_sheet

        common, talk = _common(values)
        path = common.output or default_output(cover, f"{name}-sheet", ".png")
        summary = render_sheet(
            cover, animation(**_given(animation, values)), path, cells=SheetRun(**_given(SheetRun, values)).cells,
            match=MatchSettings(**_given(MatchSettings, values)), output=_output_settings(values),
            overlay=OverlaySettings(**_given(OverlaySettings, values)),
            overwrite=_ask_overwrite(path, values.get("save_map"), overwrite=common.overwrite), progress=talk,
        )  # fmt: skip
        _tell(summary, common, talk)

    title = name.capitalize()
    shared = {
        "Tiles and matching": MatchSettings,
        "Picture": OutputSettings,
        "Title and logo": OverlaySettings,
        "Output": Common,
    }
    taken = {option for owner in (*shared.values(), VideoRun, StillRun, SheetRun) for option in parameters(owner)}
    if both := taken & set(parameters(animation)):
        raise InputError(f"the animation {name} was left out: --{min(both)} of its parameters is an option of all")
    _command(app, name, about, {title: animation, **shared, "Run": VideoRun}, video, wanted=wanted)
    for group, what, run, call in (
        (still, "One frame of", StillRun, frame),
        (sheet, "A contact sheet of", SheetRun, contact_sheet),
    ):
        groups = {title: animation, **shared, "Run": run}
        _command(group, name, f"{what}: {about}", groups, call, wanted=wanted if group.name[0] in wanted else ())


def _mosaic(cover: Path | None, values: dict[str, object]) -> None:
    from renderer.job import MatchSettings, default_output, render_mosaic

    common, talk = _common(values)
    path = common.output or default_output(cover, "mosaic", ".png")
    run = MosaicRun(**_given(MosaicRun, values))
    summary = render_mosaic(
        cover, path, match=MatchSettings(**_given(MatchSettings, values)),
        tile_pixels=run.tile_pixels, report=run.report,
        overwrite=_ask_overwrite(path, values.get("save_map"), overwrite=common.overwrite), progress=talk,
    )  # fmt: skip
    _tell(summary, common, talk)


def _animations(
    name: Annotated[str | None, cyclopts.Parameter(help="The animation")] = None,
    /,
    *,
    sample: Annotated[Path | None, cyclopts.Parameter(help="Also render a small one, of the sample cover")] = None,
    overwrite: Annotated[bool, cyclopts.Parameter(("--overwrite", "-y"), negative=(), help="Overwrite it")] = False,
) -> None:
    """List the animations that are installed, or the parameters of one."""
    talk = Talk(quiet=False, verbose=False)
    if name is None and sample is not None:
        raise InputError(f"--sample {sample} needs an animation: render animations reveal --sample {sample}")
    if name is None:
        table = Table("animation", "what it does", "comes with", box=None)
        for found in plugins.installed():
            try:
                about = (plugins.load_animation(found).__doc__ or "").strip().splitlines()[0]
            except InputError as error:
                about = f"broken: {error}"
            table.add_row(found, about, plugins.origin(found))
        Console(highlight=False).print(table)
        if sample is not None:
            raise InputError(
                "--sample needs the name of an animation, such as: render animations reveal --sample it.mp4"
            )
        return
    animation = plugins.load_animation(name)
    table = Table("parameter", "what it does", "default", "range", box=None)
    hints = get_type_hints(animation)
    for field in fields(animation):
        info = parameters(animation)[field.name]
        option = info.option if info.option.startswith("--") else f"--{field.name.replace('_', '-')}"
        choices = [str(choice) for choice in get_args(hints[field.name])] if _is_choice(hints[field.name]) else []
        bounds = f"{info.low:g} to {info.high:g} {info.unit}".strip() if math.isfinite(info.high) else info.unit
        default = "" if field.default in (None, ()) else _spell(field.default)
        table.add_row(option, info.help, default, ", ".join(choices) or bounds)
    console = Console(highlight=False)
    console.print(f"{(animation.__doc__ or '').strip().splitlines()[0]}\n", markup=False)
    console.print(table)
    if sample is not None:
        from renderer.job import MatchSettings, render_video

        output = OutputSettings(size=(640, 426), duration=min(animation().lasts(), 6.0))
        render_video(
            None, animation(), sample, match=MatchSettings(columns=48), output=output,
            overwrite=overwrite, progress=talk,
        )  # fmt: skip
        sys.stdout.write(f"{sample}: a sample of {name}\n")


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal


def _doctor() -> int:
    """Tell what this machine has for rendering, and how to mend what it lacks."""
    from renderer.doctor import main as doctor

    return doctor()


def build_app(problems: list[str], wanted: Collection[str]) -> cyclopts.App:
    """The command line for the words `wanted`; animations that can't be loaded are named in `problems`, left out."""
    from renderer.job import VERSION, MatchSettings

    app = cyclopts.App(
        name="render",
        help="Photo-mosaic animation: a cover picture, made of your photos, as a video.",
        version=VERSION,
        help_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    still = cyclopts.App(name="still", help="Draw one frame of an animation.")
    app.command(still)
    sheet = cyclopts.App(name="sheet", help="Draw a contact sheet of an animation: the look before the render.")
    app.command(sheet)
    groups = {"Tiles and matching": MatchSettings, "Output": Common, "Picture": MosaicRun}
    _command(app, "mosaic", "Draw the whole mosaic as a still.", groups, _mosaic, wanted=wanted)
    app.command(_doctor, name="doctor")
    from renderer.cli.libraries import app as libraries

    app.command(libraries)
    app.command(_animations, name="animations")
    _add_animation(app, still, sheet, "show", Show, wanted)
    for name in plugins.installed():
        if name in app:
            problems.append(f"the animation {name} is named like a command and was left out")
            continue
        try:
            _add_animation(app, still, sheet, name, plugins.load_animation(name), wanted)
        except InputError as error:
            problems.append(str(error))
    return app


# -- Ending well ---------------------------------------------------------------------------------------------------

INTERRUPTED: Final = 130


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failure, 2 bad input or usage, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a name that a terminal can't show must not end a render
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):  # ended, terminal closed, Ctrl-Break: whichever the platform has
        if number := getattr(signal, name, None):
            signal.signal(number, _terminate)
    verbose = "-v" in words or "--verbose" in words
    try:
        problems: list[str] = []
        app = build_app(problems, words)
        for problem in problems:
            _complain(problem, verbose=False)
        result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        cause = error.__cause__ if isinstance(error.__cause__, RenderError) else error
        hint = (
            " (--tiles takes one name: repeat it, or quote a glob)"
            if "--tiles" in words and "Unused" in str(cause)
            else ""
        )
        return _complain(f"{cause}{hint}", verbose=verbose, code=InputError.exit_code)
    except RenderError as error:
        return _complain(str(error), verbose=verbose, code=error.exit_code)
    except KeyboardInterrupt:
        kept = "what was indexed is kept, the same command goes on from there"
        left = kept if words[:1] == ["library"] else "the file was not made"
        return _complain(f"interrupted: {left}", verbose=False, code=INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has gone
        return 1
    except MemoryError:
        return _complain("out of memory: give a smaller --size, or fewer photos", verbose=verbose, code=1)
    except Exception as error:  # a bug, or a failure that nobody thought of: one line all the same
        return _complain(f"unexpected {type(error).__name__}: {error} (-v shows where)", verbose=verbose, code=1)
    return result if isinstance(result, int) else 0


def _complain(message: str, *, verbose: bool, code: int = 1) -> int:
    if verbose and sys.exc_info()[0] is not None:
        traceback.print_exc()
    sys.stderr.write(f"render: {message}\n")
    return code
