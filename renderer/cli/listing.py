"""The commands that list animations and presets, and check a file."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from renderer import plugins
from renderer.cli.commands import Argument, Command, Values, shown_default
from renderer.cli.messages import Console
from renderer.cli.terminal import long_option, print_json, say
from renderer.errors import InputError
from renderer.input_files import require_file
from renderer.parameters import ParameterInfo, Validated, docstring, given, parameter, parameters
from renderer.settings import MatchSettings, OutputSettings


@dataclass(frozen=True)
class SampleOptions(Validated):
    """Options of the list of animations."""

    sample: Path | None = parameter(None, "Also render a small sample video of the animation, with the sample cover")
    overwrite: bool = parameter(False, "Overwrite an existing sample video", option="-y")


def animations_command() -> Command:
    """Return the command that lists animations."""
    return Command(
        "animations", "List the installed animations, or the parameters of one.", _animations,
        Argument("[NAME]", "Name of an animation: list its parameters"), {"Options": SampleOptions},
    )  # fmt: skip


def presets_command() -> Command:
    """Return the command that lists presets."""
    return Command(
        "presets", "List the presets, or print one as a starting point for your own.", _presets,
        Argument("[NAME]", "Name of a preset: print it as TOML"),
    )  # fmt: skip


@dataclass(frozen=True)
class FileCheckOptions(Validated):
    """Options of the check of a file."""

    preset: str = field(
        metadata={"parameter": ParameterInfo("Preset whose rules to check", option="--for", metavar="NAME")}
    )
    json: bool = parameter(False, "Print the result as one JSON object")


def check_command() -> Command:
    """Return the command that checks a file."""
    return Command(
        "check",
        "Check a video against the rules of a preset's platform.\n\nThe exit code is 1 if the video breaks a rule.",
        _check, Argument("FILE", "Video file to check", required=True), {"Options": FileCheckOptions},
    )  # fmt: skip


def _animations(words: Sequence[str], values: Values) -> None:
    from renderer.cli.bars import Table, Terminal

    name, options = next(iter(words), None), SampleOptions(**given(SampleOptions, values))
    sample = options.sample
    console = Console(quiet=False, verbose=False)
    if name is None and sample is not None:
        raise InputError(f"--sample {sample} needs an animation: render animations reveal --sample {sample}")
    if name is None:
        table = Table("animation", "description", "with --loop", "package", box=None)
        for found, point in plugins.installed().items():
            try:
                kind = plugins.load(point)
            except InputError as error:
                table.add_row(found, f"broken: {error.text}", "", plugins.origin(point))
                continue
            loop = "all the way round" if kind.closes else "there and back"
            table.add_row(found, docstring(kind).splitlines()[0], loop, plugins.origin(point))
        Terminal().print(table)
        return
    animation = plugins.load_animation(name)
    table = Table("parameter", "description", "default", "range", box=None)
    hints = get_type_hints(animation)
    for each in fields(animation):
        info = parameters(animation)[each.name]
        option = info.option if info.option.startswith("--") else long_option(each.name)
        choices = [str(choice) for choice in get_args(hints[each.name])] if _is_choice(hints[each.name]) else []
        bounds = f"{info.low:g} to {info.high:g} {info.unit}".strip() if math.isfinite(info.high) else info.unit
        table.add_row(option, info.help, shown_default(each.default), ", ".join(choices) or bounds)
    terminal = Terminal()
    terminal.print(f"{docstring(animation).splitlines()[0]}\n")
    terminal.print(table)
    if sample is not None:
        from renderer.job import VideoJob, render_video

        output = OutputSettings(size=(640, 426), duration=min(animation().default_duration(), 6.0))
        match = MatchSettings(columns=48)
        job = VideoJob(None, animation(), sample, match=match, output=output, overwrite=options.overwrite)
        render_video(job, console)
        say(f"{sample}: sample of {name}")


def _presets(words: Sequence[str], _values: Values) -> None:
    from renderer.preset import load_preset, preset_files, preset_folder

    if words:
        sys.stdout.write(load_preset(words[0]).as_toml())
        return
    from renderer.cli.bars import Table, Terminal

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


def _check(words: Sequence[str], values: Values) -> int:
    from renderer.encoder import probe
    from renderer.preset import load_preset
    from renderer.rules import check_rules

    file, options = Path(words[0]), FileCheckOptions(**given(FileCheckOptions, values))
    found = load_preset(options.preset)
    if found.rules is None:
        raise InputError(f"The preset {found.name} has no [rules] to check a file against")
    require_file(file, f"the video {file}")
    checks = check_rules(probe(file), found.rules)
    kept = all(each.kept for each in checks)
    if options.json:
        rows = [dataclasses.asdict(each) for each in checks]
        print_json({"file": str(file), "preset": found.name, "kept": kept, "checks": rows})
        return 0 if kept else 1
    from renderer.cli.bars import Table, Terminal

    table = Table("rule", "found", "required", "", box=None)
    for each in checks:
        table.add_row(each.rule, each.found, each.asked, "met" if each.kept else "broken")
    Terminal().print(table)
    return 0 if kept else 1


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal
