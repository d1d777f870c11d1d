"""The generated pages: commands, animations, presets and the gallery, from their declarations."""

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

Every command with its examples and options. These pages come from the same declarations as `render COMMAND --help`.
"""

_ABOUT_ANIMATIONS: Final = """# Animations

The parameters of each animation, in addition to the options that all animations share. A parameter is an option on the
command line, a word in a timeline (`--timeline "reveal 3s order=hue"`), a key in the animation's table of a preset, and
a keyword argument in Python. You can also [write an animation](writing-animations.md).
"""

_ABOUT_PRESETS: Final = """# Presets

Named sets of options for a platform: `--preset NAME`, or `--for NAME`. Each rendered file is checked against the
platform's rules, as published on the date in the last column. You can also [write a preset](writing-presets.md).

| preset | for | size | frames per second | rules as of |
|---|---|---|--:|---|
"""

_ABOUT_GALLERY: Final = """---
hide: [navigation, toc]
---

# Gallery

Every picture was rendered with the command below it. The covers are sample pictures of scikit-image and scikit-learn,
and `photos` is a folder of about 1,500 pieces cut from them.
"""


def pages() -> dict[str, str]:
    """Return the Markdown of every generated page, by its path."""
    return {**_commands(), "animations.md": _animations(), "presets.md": _presets(), "gallery.md": _gallery()}


# -- Commands ------------------------------------------------------------------------------------------------------


def _whole_app() -> cyclopts.App:
    """Return the command line with the options of every command."""
    problems: list[str] = []
    app = build_app(problems, EveryCommand())
    if problems:
        raise SystemExit("\n".join(problems))
    return app


def _command(name: str, app: cyclopts.App) -> str:
    """Return the description, examples, arguments and grouped options of a command, as a page or a section."""
    usage = None if app.usage else f"render {name}"  # some commands specify their own
    text = app.generate_docs(recursive=False, usage_name=usage).partition("\n")[2]
    level = "#" * len(name.split())
    text = re.sub(r"^\*\*(.+)\*\*:$", rf"{level}# \1", text, flags=re.MULTILINE)
    about, group, options = text.partition("\n##")
    if len(list(commands(app))) > 1:  # its subcommands follow, each with its options
        group = options = ""
    lines = "\n".join(f"# {example.about}\n{example.command}\n" for example in examples(name))
    return f"{level} render {name}\n\n{about.strip()}\n\n```sh\n{lines}```\n{group}{options}\n\n"


def _section(app: cyclopts.App) -> tuple[int, str]:
    """Return the position and title of a command's section in `render --help`."""
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
        text = _command(name, app[name])
        own = text.partition(f"## {name.capitalize()}\n")[2].partition("\n##")[0]
        page += f"## {name}\n\n{inspect.getdoc(animation)}\n\n{own.strip()}\n\n"
        page += f"Default duration: {animation().default_duration():g} seconds. [All options](commands/{name}.md)\n\n"
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
        figures = "\n".join(_figure(picture) for picture in pictures)
        page += f'## {chapter}\n\n<div class="gallery" markdown>\n\n{figures}\n</div>\n\n'
    return page


def _figure(picture: Picture) -> str:
    """Return a figure with the command that made it. A clip plays automatically, looped and muted; it can be paused."""
    if not (IMAGES / picture.file).is_file():
        raise SystemExit(f"{picture.file} has not been rendered: run `poe gallery {picture.file}`")
    source, caption = f"images/{picture.file}", html.escape(picture.caption)
    image = f"![{caption}]({source})"
    if picture.file.endswith(".mp4"):
        image = f'<video src="{source}" aria-label="{caption}" autoplay loop muted playsinline controls></video>'
    caption = f"<figcaption>{caption}</figcaption>"
    return f"<figure markdown>\n{image}\n{caption}\n\n```sh\n{picture.command}\n```\n\n</figure>\n"
