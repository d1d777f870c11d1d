"""`render explain ...`: figures that explain how a mosaic is made, drawn from the user's cover and photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from renderer.cli.commands import Argument, Command, Values, by_name
from renderer.cli.messages import Console, ask_overwrite, open_console, show_file
from renderer.cli.options import OutputOptions, on_cover
from renderer.cli.terminal import print_json, say
from renderer.cover_names import CoverName
from renderer.errors import InputError
from renderer.messages import counted
from renderer.parameters import CellPosition, given
from renderer.settings import CellSettings, ClipSettings, CoverSettings, FigureSettings, GridSettings, MatchSettings

if TYPE_CHECKING:
    from renderer.explain import FigureResult

Draw = Callable[[CoverName | None, Path, Values, bool, Console], "FigureResult"]
"""Draws a figure: takes the cover (None: the sample), output path, options, whether to overwrite, and console."""


_COVER: Final = Argument("[COVER]", "Cover picture, text:WORDS or shape:NAME; default: a sample photo")


def explain_command() -> Command:
    """Return the commands, as a group."""
    commands = (
        _command(
            "grid", ".png", "Draw the grid of cells over the cover.", {"Grid": GridSettings, "Cover": CoverSettings},
            _grid,
        ),
        _command(
            "channels", ".png", "Draw the red, green and blue channels of the cover, separately and combined.",
            {"Cover": CoverSettings}, _channels,
        ),
        _command(
            "match", ".png", "Draw a cell and its photo, each with its colour channels and their means.",
            {"Cell": CellSettings, "Tiles and matching": MatchSettings}, _match,
        ),
        _command(
            "knn", ".mp4",
            "Render a clip of the search: photos as points in colour space, the nearest ones marked.",
            {"Cell": CellSettings, "Clip": ClipSettings, "Tiles and matching": MatchSettings}, _knn,
        ),
    )  # fmt: skip
    return Command(
        "explain", "Draw figures that explain how a mosaic is made from your cover and photos.",
        subcommands=by_name(commands),
    )  # fmt: skip


def _grid(cover: CoverName | None, path: Path, values: Values, overwrite: bool, _console: Console) -> FigureResult:
    from renderer.explain import explain_grid

    grid = GridSettings(**given(GridSettings, values))
    settings = CoverSettings(**given(CoverSettings, values))
    return explain_grid(cover, path, grid=grid, cover_settings=settings, figure=_figure(values), overwrite=overwrite)


def _channels(cover: CoverName | None, path: Path, values: Values, overwrite: bool, _console: Console) -> FigureResult:
    from renderer.explain import explain_channels

    settings = CoverSettings(**given(CoverSettings, values))
    return explain_channels(cover, path, cover_settings=settings, figure=_figure(values), overwrite=overwrite)


def _match(cover: CoverName | None, path: Path, values: Values, overwrite: bool, console: Console) -> FigureResult:
    from renderer.explain import explain_match

    return explain_match(
        cover, path, cell=_cell(values), match=MatchSettings(**given(MatchSettings, values)), figure=_figure(values),
        overwrite=overwrite, progress=console,
    )  # fmt: skip


def _knn(cover: CoverName | None, path: Path, values: Values, overwrite: bool, console: Console) -> FigureResult:
    from renderer.explain import explain_knn

    return explain_knn(
        cover, path, cell=_cell(values), match=MatchSettings(**given(MatchSettings, values)), figure=_figure(values),
        clip=ClipSettings(**given(ClipSettings, values)), overwrite=overwrite, progress=console,
    )  # fmt: skip


def _figure(values: Values) -> FigureSettings:
    return FigureSettings(**given(FigureSettings, values))


def _cell(values: Values) -> CellPosition | None:
    return CellSettings(**given(CellSettings, values)).cell


def _command(name: str, suffix: str, about: str, groups: Mapping[str, type], draw: Draw) -> Command:
    """Return the command `name`, which writes a file with `suffix` by default."""

    def run(cover: CoverName | None, values: Values) -> None:
        from renderer.job import named_output

        common, console = open_console(values)
        if str(common.output) == "-":
            raise InputError(f"-o -: figures can't be written to standard output: use a file name ending in {suffix}")
        path = named_output(common.output, cover, name, "", suffix)
        overwrite = ask_overwrite([path], values, overwrite=common.overwrite)
        made = draw(cover, path, values, overwrite, console)
        if common.json:
            print_json(made.as_json())
        elif not common.quiet:
            frames = f", {counted(made.frames, 'frame')}" if made.frames else ""
            say(f"{made.output}: {made.size[0]}x{made.size[1]}{frames}", *made.caption.splitlines())
        if common.open:
            show_file(path)

    groups = {"Figure": FigureSettings, **groups, "Output": OutputOptions}
    return Command(f"explain {name}", about, on_cover(run), _COVER, groups, has_short_help=True)
