"""The generated pages: commands, animations, presets and the gallery, from their declarations."""

from __future__ import annotations

import html
import inspect
from typing import Final

from gallery import GALLERY, IMAGES, Picture

from renderer import plugins
from renderer.cli import root_command
from renderer.cli.commands import Argument, Command, Option, every_command
from renderer.cli.examples import examples
from renderer.cli.help_pages import command_sections, first_paragraph, usage
from renderer.cli.terminal import printable
from renderer.preset import load_preset, preset_files

_ABOUT_COMMANDS: Final = """# Commands

Every command with its examples and options. These pages come from the same declarations as `render COMMAND --help`.
"""

_ABOUT_ANIMATIONS: Final = """# Animations

This page lists the parameters of each animation; all animations also accept the common options. A parameter is an
option on the command line, a `name=value` pair in a timeline (`--timeline "reveal 3s order=hue"`), a key in the
animation's table of a preset, and a keyword argument in Python. You can also [write an
animation](writing-animations.md).
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

Each picture was rendered with the command below it. The covers are sample pictures of scikit-image and scikit-learn,
letters and shapes, and `photos` is a folder of about 1,500 pieces cut from those pictures.
"""


def pages() -> dict[str, str]:
    """Return the Markdown of every generated page, by its path."""
    return {**_commands(), "animations.md": _animations(), "presets.md": _presets(), "gallery.md": _gallery()}


# -- Commands ------------------------------------------------------------------------------------------------------


def _item(entry: Argument | Option) -> str:
    """Return a list item for an argument or option."""
    name = entry.name if isinstance(entry, Argument) else f"{', '.join(entry.all_names)} {entry.metavar}".strip()
    notes = ["**[required]**"] if entry.required else []
    notes += [f"*[choices: {', '.join(entry.choices)}]*"] if entry.choices else []
    notes += [f"*[default: {entry.default}]*"] if entry.default else []
    return f"* `{name}`: {' '.join([printable(entry.help), *notes])}\n"


def _options(command: Command) -> dict[str, str]:
    """Return the options of a command as lists, by section."""
    lists: dict[str, str] = {}
    for option in command.options:
        if not option.hidden:
            lists[option.section] = lists.get(option.section, "") + _item(option)
    return lists


def _command(command: Command) -> str:
    """Return the description, examples, arguments and options of a command, as a page or a section."""
    level = "#" * len(command.words.split())
    lines = "\n".join(f"# {example.about}\n{example.command}\n" for example in examples(command.words))
    page = (
        f"{level} render {command.words}\n\n```console\n{usage(command)}\n```\n\n{command.about}\n\n```sh\n{lines}```\n"
    )
    lists = {"Arguments": _item(command.argument)} if command.argument else {}
    for title, items in {**lists, **_options(command)}.items():
        page += f"\n{level}# {title}\n\n{items}"
    return f"{page}\n\n"


def _commands() -> dict[str, str]:
    index = _ABOUT_COMMANDS
    found: dict[str, str] = {}
    problems: list[str] = []
    for section, members in command_sections(root_command(), problems).items():
        index += f"\n## {section}\n\n| command | what it does |\n|---|---|\n"
        for member in members:
            index += f"| [`render {member.words}`]({member.words}.md) | {first_paragraph(member)} |\n"
            found[f"commands/{member.words}.md"] = "".join(map(_command, every_command(member)))
    if problems:
        raise SystemExit("\n".join(problems))
    return {"commands/index.md": index, **found}


# -- Animations and presets ----------------------------------------------------------------------------------------


def _animations() -> str:
    page = _ABOUT_ANIMATIONS
    for command in command_sections(root_command())["Make a video"]:
        name = command.words
        animation = plugins.load_animation(name)
        own = _options(command)[name.capitalize()]
        page += f"## {name}\n\n{inspect.getdoc(animation)}\n\n{own}\n"
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
