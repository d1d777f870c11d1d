"""The commands that list animations and presets, and check a file."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import cyclopts
from rich.table import Table

from renderer import plugins
from renderer.cli.messages import Console
from renderer.cli.options import shown_default
from renderer.cli.terminal import Terminal, long_option, print_json, say
from renderer.errors import InputError
from renderer.input_files import require_file
from renderer.parameters import docstring, parameters
from renderer.settings import OutputSettings


def animations(
    name: Annotated[str | None, cyclopts.Parameter(help="Name of an animation: list its parameters")] = None,
    /,
    *,
    sample: Annotated[
        Path | None, cyclopts.Parameter(help="Also render a small sample video of the animation, with the sample cover")
    ] = None,
    overwrite: Annotated[
        bool,
        cyclopts.Parameter(
            ("--overwrite", "-y"), negative=(), show_default=False, help="Overwrite an existing sample video"
        ),
    ] = False,
) -> None:
    """List the installed animations, or the parameters of one."""
    console = Console(quiet=False, verbose=False)
    if name is None and sample is not None:
        raise InputError(f"--sample {sample} needs an animation: render animations reveal --sample {sample}")
    if name is None:
        table = Table("animation", "description", "package", box=None)
        for found, point in plugins.installed().items():
            try:
                about = docstring(plugins.load(point)).splitlines()[0]
            except InputError as error:
                about = f"broken: {error.text}"
            table.add_row(found, about, plugins.origin(point))
        Terminal().print(table)
        return
    animation = plugins.load_animation(name)
    table = Table("parameter", "description", "default", "range", box=None)
    hints = get_type_hints(animation)
    for field in fields(animation):
        info = parameters(animation)[field.name]
        option = info.option if info.option.startswith("--") else long_option(field.name)
        choices = [str(choice) for choice in get_args(hints[field.name])] if _is_choice(hints[field.name]) else []
        bounds = f"{info.low:g} to {info.high:g} {info.unit}".strip() if math.isfinite(info.high) else info.unit
        table.add_row(option, info.help, shown_default(field.default), ", ".join(choices) or bounds)
    terminal = Terminal()
    terminal.print(f"{docstring(animation).splitlines()[0]}\n")
    terminal.print(table)
    if sample is not None:
        from renderer.job import MatchSettings, VideoJob, render_video

        output = OutputSettings(size=(640, 426), duration=min(animation().default_duration(), 6.0))
        job = VideoJob(None, animation(), sample, match=MatchSettings(columns=48), output=output, overwrite=overwrite)
        render_video(job, console)
        say(f"{sample}: sample of {name}")


def presets(
    name: Annotated[str | None, cyclopts.Parameter(help="Name of a preset: print it as TOML")] = None, /
) -> None:
    """List the presets, or print one as a starting point for your own."""
    from renderer.preset import load_preset, preset_files, preset_folder

    if name is not None:
        sys.stdout.write(load_preset(name).as_toml())
        return
    table = Table("preset", "description", "size", "fps", "rules as of", box=None)
    for each in preset_files():
        try:
            found = load_preset(each)
        except InputError as error:
            table.add_row(each, f"broken: {error.text}")
            continue
        table.add_row(each, found.description, found.size, found.rate, str(found.table.get("as_of", "")))
    terminal = Terminal()
    terminal.print(table)
    folder = preset_folder() or "the folder named by MOSAIC_RENDERER_PRESETS"
    terminal.print(f"\nPut your own presets into {folder}. `render presets NAME` prints a preset to start from.")


def check_file(
    file: Annotated[Path, cyclopts.Parameter(help="Video file to check")],
    /,
    *,
    preset: Annotated[
        str, cyclopts.Parameter(name=("--preset", "--for"), metavar="NAME", help="Preset whose rules to check")
    ],
    json: Annotated[
        bool,
        cyclopts.Parameter(negative=(), show_default=False, help="Print the result as one JSON object"),
    ] = False,
) -> int:
    """Check a video against the rules of a preset's platform.

    The exit code is 1 if the video breaks a rule.
    """
    from renderer.encoder import probe
    from renderer.preset import load_preset
    from renderer.rules import check_rules

    found = load_preset(preset)
    if found.rules is None:
        raise InputError(f"The preset {found.name} has no [rules] to check a file against")
    require_file(file, f"the video {file}")
    checks = check_rules(probe(file), found.rules)
    kept = all(each.kept for each in checks)
    if json:
        rows = [dataclasses.asdict(each) for each in checks]
        print_json({"file": str(file), "preset": found.name, "kept": kept, "checks": rows})
        return 0 if kept else 1
    table = Table("rule", "found", "required", "", box=None)
    for each in checks:
        table.add_row(each.rule, each.found, each.asked, "met" if each.kept else "broken")
    Terminal().print(table)
    return 0 if kept else 1


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal
