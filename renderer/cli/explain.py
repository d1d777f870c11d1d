"""`render explain ...`: figures of how a mosaic is made, from one's own cover and photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

from renderer.cli.messages import Console, ask_overwrite, open_console, show_file
from renderer.cli.options import OutputOptions, add_command
from renderer.cli.terminal import say
from renderer.errors import InputError
from renderer.parameters import CellPosition, given

if TYPE_CHECKING:
    from renderer.explain import FigureResult

Draw = Callable[[Path | None, Path, dict[str, object], bool, Console], "FigureResult"]
"""Draws a figure of a cover to a path from the options that were given; whether to overwrite; who talks."""


def build_app(wanted: Collection[str]) -> cyclopts.App:
    """The commands; options are made only for the one that the words `wanted` name."""
    app = cyclopts.App(name="explain", help="Draw how a mosaic is made, from your own cover and photos.")
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
        ("grid", ".png", "The cover, cut into cells by white lines.", {"Grid": GridSettings}, grid),
        ("channels", ".png", "The colour channels of the cover, apart and together.", {}, channels),
        (
            "match", ".png", "A cell and its photo, each with its red, green and blue planes and their means.",
            {"Cell": explain.CellSettings, "Tiles and matching": MatchSettings}, match,
        ),
        (
            "knn", ".mp4", "A clip of the search: photos as points in colour space, the near ones, the nearest.",
            {"Cell": explain.CellSettings, "Clip": explain.ClipSettings, "Tiles and matching": MatchSettings}, knn,
        ),
    ]  # fmt: skip
    for name, suffix, about, groups, draw in figures:
        shared = {"Figure": explain.FigureSettings, **groups, "Output": OutputOptions}
        add_command(app, name, about, shared, _command(name, suffix, draw), wanted=wanted)
    return app


def _command(name: str, suffix: str, draw: Draw) -> Callable[[Path | None, dict[str, object]], None]:
    """What a command does with its options."""

    def run(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import named_output

        common, console = open_console(values)
        if str(common.output) == "-":
            raise InputError(f"-o -: a figure needs a file: give a name that ends in {suffix}")
        path = named_output(common.output, cover, name, "", suffix)
        overwrite = ask_overwrite([path], values, overwrite=common.overwrite)
        made = draw(cover, path, values, overwrite, console)
        if common.json:
            say(json.dumps(made.as_json()))
        elif not common.quiet:
            frames = f", {made.frames} frames" if made.frames else ""
            say(f"{made.output}: {made.size[0]}x{made.size[1]}{frames}", *made.caption.splitlines())
        if common.open:
            show_file(path)

    return run
