"""`render edit`: a saved mosaic with other photos."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

import cyclopts

from renderer.cli.messages import ask_overwrite, likeness, open_console, rules_in_force
from renderer.cli.options import OutputOptions, add_command
from renderer.cli.terminal import say
from renderer.errors import InputError
from renderer.parameters import given

_EDITED: Final = "-edited"  # is added to a name, once


def add_edit(app: cyclopts.App, wanted: Collection[str]) -> None:
    """Register the command."""
    from renderer.job import EditSettings, TileSettings

    add_command(
        app, "edit", "Change photos of a saved mosaic: take some out, put others where you want them.",
        {"Edit": EditSettings, "Tiles": TileSettings, "Output": OutputOptions}, edit, wanted=wanted,
        takes=("mosaic", "A .mosaic file, as --save-map writes it"),
    )  # fmt: skip


def edit(mosaic: Path | None, values: dict[str, object]) -> None:
    """Change photos of a saved mosaic."""
    from renderer.job import EditSettings, TileSettings, edit_mosaic, named_output
    from renderer.placement import MAP_SUFFIX

    if mosaic is None:
        raise InputError("render edit needs a mosaic: render mosaic cover.jpg --save-map cover.mosaic makes one")
    common, console = open_console(values)
    suffix = MAP_SUFFIX if mosaic.stem.endswith(_EDITED) else f"{_EDITED}{MAP_SUFFIX}"
    path = named_output(common.output, mosaic, "", "", suffix)
    made = edit_mosaic(
        mosaic, path, EditSettings(**given(EditSettings, values)), TileSettings(**given(TileSettings, values)),
        overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    if common.json:
        say(json.dumps(made.as_json()))
    elif not common.quiet:
        photos = f", {made.banned} photo{'s' * (made.banned > 1)} taken out" if made.banned else ""
        say(f"{made.output}: {made.changed} of {len(made.placement)} cells changed{photos}")
        recipe = made.placement.recipe
        say(*rules_in_force(recipe), *likeness(recipe))
