"""The commands that tell what there is."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import fields
from json import dumps
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import cyclopts
from rich.table import Table

from renderer import plugins
from renderer.cli.messages import Console
from renderer.cli.terminal import Terminal, say
from renderer.errors import InputError
from renderer.input_files import require_file
from renderer.parameters import docstring, parameters, spell
from renderer.settings import OutputSettings


def animations(
    name: Annotated[str | None, cyclopts.Parameter(help="The animation")] = None,
    /,
    *,
    sample: Annotated[Path | None, cyclopts.Parameter(help="Also render a small one, of the sample cover")] = None,
    overwrite: Annotated[
        bool, cyclopts.Parameter(("--overwrite", "-y"), negative=(), show_default=False, help="Overwrite it")
    ] = False,
) -> None:
    """List the installed animations, or the parameters of one."""
    console = Console(quiet=False, verbose=False)
    if name is None and sample is not None:
        raise InputError(f"--sample {sample} needs an animation: render animations reveal --sample {sample}")
    if name is None:
        table = Table("animation", "what it does", "comes with", box=None)
        for found in plugins.installed():
            try:
                about = docstring(plugins.load_animation(found)).splitlines()[0]
            except InputError as error:
                about = f"broken: {error}"
            table.add_row(found, about, plugins.origin(found))
        Terminal().print(table)
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
        default = "" if field.default in (None, ()) else spell(field.default)
        table.add_row(option, info.help, default, ", ".join(choices) or bounds)
    terminal = Terminal()
    terminal.print(f"{docstring(animation).splitlines()[0]}\n")
    terminal.print(table)
    if sample is not None:
        from renderer.job import MatchSettings, VideoJob, render_video

        output = OutputSettings(size=(640, 426), duration=min(animation().default_duration(), 6.0))
        job = VideoJob(None, animation(), sample, match=MatchSettings(columns=48), output=output, overwrite=overwrite)
        render_video(job, console)
        say(f"{sample}: a sample of {name}")


def presets(name: Annotated[str | None, cyclopts.Parameter(help="The preset")] = None, /) -> None:
    """List the presets, or print one of them, to copy and change."""
    from renderer.preset import load_preset, preset_files, preset_folder

    if name is not None:
        sys.stdout.write(load_preset(name).as_toml())
        return
    table = Table("preset", "what it is for", "size", "rate", "rule as of", box=None)
    for each in preset_files():
        try:
            found = load_preset(each)
        except InputError as error:
            table.add_row(each, f"broken: {error}")
            continue
        table.add_row(each, found.description, found.size, found.rate, str(found.table.get("as_of", "")))
    console = Terminal()
    console.print(table)
    folder = preset_folder() or "the folder that MOSAIC_RENDERER_PRESETS names"
    console.print(f"\nYour own go into {folder}; `render presets NAME` prints one to begin with.")


def check_file(
    file: Annotated[Path, cyclopts.Parameter(help="A video")],
    /,
    *,
    preset: Annotated[str, cyclopts.Parameter(name=("--preset", "--for"), help="Whose rules it has to keep")],
    json: Annotated[
        bool, cyclopts.Parameter(negative=(), show_default=False, help="Print one JSON object on standard output")
    ] = False,
) -> int:
    """Check a video by the rules of a preset's place.

    The exit code is 1 if it breaks one.
    """
    from renderer.encoder import probe
    from renderer.preset import load_preset
    from renderer.rules import check_rules

    found = load_preset(preset)
    if found.rules is None:
        raise InputError(f"the preset {found.name} has no [rules] to check a file by")
    require_file(file, f"the video {file}")
    checks = check_rules(probe(file), found.rules)
    kept = all(each.kept for each in checks)
    if json:
        said = [dataclasses.asdict(each) for each in checks]
        say(dumps({"file": str(file), "preset": found.name, "kept": kept, "checks": said}))
        return 0 if kept else 1
    table = Table("rule", "found", "asked", "", box=None)
    for each in checks:
        table.add_row(each.rule, each.found, each.asked, "kept" if each.kept else "broken")
    Terminal().print(table)
    return 0 if kept else 1


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal
