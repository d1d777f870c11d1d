"""`render edit`: replace or remove photos in a saved mosaic."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from renderer.cli.commands import Argument, Command
from renderer.cli.messages import ask_overwrite, likeness, open_console, rules_in_force, show_file
from renderer.cli.options import OutputOptions, on_file
from renderer.cli.terminal import print_json, say
from renderer.cover_names import MAP_SUFFIX
from renderer.errors import InputError
from renderer.messages import counted, named
from renderer.parameters import given
from renderer.settings import EditSettings, TileSettings

_EDITED: Final = "-edited"  # appended to the output's name, but only once


def edit_command() -> Command:
    """Return the command."""
    return Command(
        "edit", "Replace or remove photos in a saved mosaic.", on_file(_edit),
        Argument("MOSAIC", f"The .mosaic file to edit, written by {named('save_map')}"),
        {"Edit": EditSettings, "Tiles": TileSettings, "Output": OutputOptions}, own=EditSettings,
        has_short_help=True,
    )  # fmt: skip


def _edit(mosaic: Path | None, values: dict[str, object]) -> None:
    from renderer.job import edit_mosaic, named_output

    if mosaic is None:
        raise InputError(
            "render edit needs a .mosaic file: `render mosaic cover.jpg --save-map cover.mosaic` creates one"
        )
    common, console = open_console(values)
    suffix = MAP_SUFFIX if mosaic.stem.endswith(_EDITED) else f"{_EDITED}{MAP_SUFFIX}"
    path = named_output(common.output, mosaic, "", "", suffix)
    made = edit_mosaic(
        mosaic, path, EditSettings(**given(EditSettings, values)), TileSettings(**given(TileSettings, values)),
        overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    if common.json:
        print_json(made.as_json())
    elif not common.quiet:
        photos = f", {counted(made.banned, 'photo')} removed" if made.banned else ""
        say(f"{made.output}: {made.changed} of {counted(len(made.placement), 'cell')} changed{photos}")
        recipe = made.placement.recipe
        say(*rules_in_force(recipe), *likeness(recipe))
    if common.open:
        show_file(path)
