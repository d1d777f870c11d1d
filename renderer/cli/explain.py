"""`render explain ...`: figures that explain how a mosaic is made, drawn from the user's cover and photos."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cyclopts

from renderer.cli.messages import Console, ask_overwrite, open_console, show_file
from renderer.cli.options import OutputOptions, add_command
from renderer.cli.terminal import print_json, say
from renderer.errors import InputError
from renderer.messages import counted
from renderer.parameters import CellPosition, given

if TYPE_CHECKING:
    from renderer.explain import FigureResult

Draw = Callable[[Path | None, Path, dict[str, object], bool, Console], "FigureResult"]
"""Draws a figure: takes the cover (None: the sample), output path, options, whether to overwrite, and console."""


_COVER: Final = ("[COVER]", "Cover picture; default: a sample photo")


def build_app(wanted: Collection[str]) -> cyclopts.App:
    """Build the commands. Only those that `wanted` contains get their options."""
    app = cyclopts.App(
        name="explain", help="Draw figures that explain how a mosaic is made from your cover and photos."
    )
    if app.name[0] not in wanted:
        return app
    from renderer import explain
    from renderer.job import GridSettings, MatchSettings

    def grid(
        cover: Path | None, path: Path, values: dict[str, object], overwrite: bool, _console: Console
    ) -> FigureResult:
        return explain.explain_grid(
            cover, path, grid=GridSettings(**given(GridSettings, values)), figure=figure(values), overwrite=overwrite
        )

    def channels(
        cover: Path | None, path: Path, values: dict[str, object], overwrite: bool, _console: Console
    ) -> FigureResult:
        return explain.explain_channels(cover, path, figure=figure(values), overwrite=overwrite)

    def match(
        cover: Path | None, path: Path, values: dict[str, object], overwrite: bool, console: Console
    ) -> FigureResult:
        return explain.explain_match(
            cover, path, cell=cell(values), match=MatchSettings(**given(MatchSettings, values)), figure=figure(values),
            overwrite=overwrite, progress=console,
        )  # fmt: skip

    def knn(
        cover: Path | None, path: Path, values: dict[str, object], overwrite: bool, console: Console
    ) -> FigureResult:
        return explain.explain_knn(
            cover, path, cell=cell(values), match=MatchSettings(**given(MatchSettings, values)), figure=figure(values),
            clip=explain.ClipSettings(**given(explain.ClipSettings, values)), overwrite=overwrite, progress=console,
        )  # fmt: skip

    def figure(values: dict[str, object]) -> explain.FigureSettings:
        return explain.FigureSettings(**given(explain.FigureSettings, values))

    def cell(values: dict[str, object]) -> CellPosition | None:
        return explain.CellSettings(**given(explain.CellSettings, values)).cell

    figures: list[tuple[str, str, str, dict[str, type], Draw]] = [
        ("grid", ".png", "Draw the grid of cells over the cover.", {"Grid": GridSettings}, grid),
        (
            "channels", ".png", "Draw the red, green and blue channels of the cover, separately and combined.", {},
            channels,
        ),
        (
            "match", ".png", "Draw a cell and its photo, each with its colour channels and their means.",
            {"Cell": explain.CellSettings, "Tiles and matching": MatchSettings}, match,
        ),
        (
            "knn", ".mp4", "Render a clip of the search: photos as points in colour space, the nearest ones marked.",
            {"Cell": explain.CellSettings, "Clip": explain.ClipSettings, "Tiles and matching": MatchSettings}, knn,
        ),
    ]  # fmt: skip
    for name, suffix, about, groups, draw in figures:
        shared = {"Figure": explain.FigureSettings, **groups, "Output": OutputOptions}
        add_command(app, name, about, shared, _command(name, suffix, draw), wanted=wanted, takes=_COVER)
    return app


def _command(name: str, suffix: str, draw: Draw) -> Callable[[Path | None, dict[str, object]], None]:
    """Return the function that runs the command `name`, which writes a file with `suffix` by default."""

    def run(cover: Path | None, values: dict[str, object]) -> None:
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

    return run
