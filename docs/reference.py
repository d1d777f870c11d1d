"""The pages that are made, not written: commands, animations, presets and the gallery, from what declares them."""

from __future__ import annotations

import html
import inspect
import re
from typing import Final, cast

import cyclopts
from gallery import GALLERY, IMAGES, Picture

from renderer import plugins
from renderer.cli import build_app
from renderer.cli.completion import commands
from renderer.cli.examples import examples
from renderer.cli.options import EveryCommand
from renderer.preset import load_preset, preset_files

_ABOUT_COMMANDS: Final = """# Commands

Every command and option, as `render COMMAND --help` tells it: these pages come from the same declarations.
"""

_ABOUT_ANIMATIONS: Final = """# Animations

What each animation can be told, beside the options that all have. A parameter is an option on the command line, a word
in a timeline (`--timeline "reveal 3s order=hue"`), a key in a preset's table of the animation's name, and a field of
its class in Python. [How to write one of your own](writing-animations.md).
"""

_ABOUT_PRESETS: Final = """# Presets

Options in a bundle, for the place where a video goes: `--preset NAME`, or `--for NAME`. Each file is checked against
the rules of its place, as they were on the day in the last column. [How to write one of your own](writing-presets.md).

| preset | what it is for | size | frames a second | rules as of |
|---|---|---|--:|---|
"""

_ABOUT_GALLERY: Final = """---
hide: [navigation, toc]
---

# Gallery

Every picture here was made by the command beneath it. Covers and photos are those that scikit-image and scikit-learn
ship; `photos` are some 1,500 pieces of them. With a library of your own photos every tile is a picture worth landing
on.
"""


def pages() -> dict[str, str]:
    """The Markdown of every made page, by its path."""
    return {**_commands(), "animations.md": _animations(), "presets.md": _presets(), "gallery.md": _gallery()}


# -- Commands ------------------------------------------------------------------------------------------------------


def _whole_app() -> cyclopts.App:
    """The command line with the options of every command."""
    problems: list[str] = []
    app = build_app(problems, EveryCommand())
    if problems:
        raise SystemExit("\n".join(problems))
    return app


def _command(name: str, app: cyclopts.App) -> str:
    """What a command does, its examples, its arguments and its options in groups, as a page or a part of one."""
    usage = None if app.usage else f"render {name}"  # some say it themselves
    said = app.generate_docs(recursive=False, usage_name=usage).partition("\n")[2]
    level = "#" * len(name.split())
    said = re.sub(r"^\*\*(.+)\*\*:$", rf"{level}# \1", said, flags=re.MULTILINE)
    about, group, options = said.partition("\n##")
    if len(list(commands(app))) > 1:  # its own follow, each with its options
        group = options = ""
    lines = "\n".join(f"# {example.about}\n{example.command}\n" for example in examples(name))
    return f"{level} render {name}\n\n{about.strip()}\n\n```sh\n{lines}```\n{group}{options}\n\n"


def _section(app: cyclopts.App) -> tuple[int, str]:
    """Place and title of the section of `render --help` that a command stands in."""
    (group,) = cast("tuple[cyclopts.Group]", app.group)
    return group.sort_key, group.name


def _commands() -> dict[str, str]:
    app = _whole_app()
    index, section = _ABOUT_COMMANDS, ""
    found: dict[str, str] = {}
    named = [(words, command) for words, command in commands(app) if words]
    for words, command in sorted(named, key=lambda each: (_section(app[each[0].split()[0]]), each[0].split()[0])):
        name = words.split()[0]
        path = f"commands/{name}.md"
        found[path] = found.get(path, "") + _command(words, command)
        if words == name:
            if _section(command)[1] != section:
                section = _section(command)[1]
                index += f"\n## {section}\n\n| command | what it does |\n|---|---|\n"
            index += f"| [`render {name}`]({name}.md) | {command.help.splitlines()[0]} |\n"
    return {"commands/index.md": index, **found}


# -- Animations and presets ----------------------------------------------------------------------------------------


def _animations() -> str:
    page = _ABOUT_ANIMATIONS
    app = _whole_app()
    for name in plugins.installed():
        animation = plugins.load_animation(name)
        said = _command(name, app[name])
        own = said.partition(f"## {name.capitalize()}\n")[2].partition("\n##")[0]
        page += f"## {name}\n\n{inspect.getdoc(animation)}\n\n{own.strip()}\n\n"
        page += (
            f"It lasts {animation().default_duration():g} seconds if nobody says. [All options](commands/{name}.md)\n\n"
        )
    return page


def _presets() -> str:
    page, details = _ABOUT_PRESETS, "\n"
    for name, path in preset_files().items():
        preset = load_preset(name)
        day = preset.table.get("as_of", "")
        page += f"| [`{name}`](#{name}) | {preset.description} | {preset.size} | {preset.rate} | {day} |\n"
        details += f"## {name}\n\n```toml\n{path.read_text('utf-8').strip()}\n```\n\n"
    return page + details


# -- Gallery -------------------------------------------------------------------------------------------------------


def _gallery() -> str:
    page = _ABOUT_GALLERY
    for chapter, pictures in GALLERY.items():
        shown = "\n".join(_shown(picture) for picture in pictures)
        page += f'## {chapter}\n\n<div class="gallery" markdown>\n\n{shown}\n</div>\n\n'
    return page


def _shown(picture: Picture) -> str:
    """A figure with the command that made it. A clip plays by itself, looped and silent, and can be paused."""
    if not (IMAGES / picture.file).is_file():
        raise SystemExit(f"{picture.file} has not been rendered: poe gallery {picture.file}")
    says = html.escape(picture.says)
    clip = f'<video src="images/{picture.file}" aria-label="{says}" autoplay loop muted playsinline controls></video>'
    shown = clip if picture.file.endswith(".mp4") else f"![{says}](images/{picture.file})"
    return (
        f"<figure markdown>\n{shown}\n<figcaption>{says}</figcaption>\n\n```sh\n{picture.command}\n```\n\n</figure>\n"
    )
