"""Help: a page for each command, with its options in frames, as wide as the terminal."""

from __future__ import annotations

import math
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from renderer.cli.commands import Argument, Command, Option
from renderer.cli.examples import epilogue
from renderer.cli.options import COMMON
from renderer.cli.terminal import columns, printable
from renderer.parameters import parameters

SECTIONS: Final = {
    "Make a video": (),  # all animations
    "Try animations": ("studio",),
    "Make a page": ("explore",),
    "Make a picture": ("mosaic", "edit", "still", "sheet", "explain"),
    "Make many videos": ("batch",),
    "Manage photos": ("library", "cache"),
    "Get information": ("animations", "presets", "check", "doctor", "completion"),
}
"""Commands by section of the first page; all others are animations."""

_HELP: Final = (
    ("--help (-h)", "Show this page or, after a command, all its options (-h: only the common ones)."),
    ("--version", "Show the version."),
)

_LEFT_SHARE: Final = 0.35  # maximum share of the width for the left column: names that need more are broken


class Entry(NamedTuple):
    """A row of a frame: what the user types, and what it does."""

    name: str
    about: str
    required: bool = False


def usage(command: Command) -> str:
    """Return how a command is written: "render zoom [COVER] [OPTIONS]"."""
    required = [f"{option.names[0]} {option.metavar}" for option in command.options if option.required]
    words = ["render", *command.words.split(), *([command.argument.usage] if command.argument else []), *required]
    words += ["COMMAND"] if command.run is None else ["[OPTIONS]"] if len(command.options) > len(required) else []
    return " ".join(words)


def help_page(command: Command, *, short: bool, problems: list[str]) -> str:
    """Return the help of a command; `short`: only with its common options.

    `problems` receives the reasons why animations are missing.
    """
    width = columns()
    lines = [f"Usage: {usage(command)}", ""]
    for paragraph in printable(command.about, keep="\n").split("\n\n"):
        lines += [*textwrap.wrap(paragraph, width), ""]
    for title, entries in _sections(command, short and command.has_short_help, problems):
        lines += _frame(title, entries, width)
    ending = epilogue(command.words, width, short=short if command.has_short_help else None)
    return "\n".join([*lines, "", ending, ""])


def command_sections(group: Command, problems: list[str] | None = None) -> dict[str, list[Command]]:
    """Return the subcommands of a group by section."""
    found = sorted(group.all_subcommands(problems), key=lambda each: each.words)
    if group.words:
        return {"Commands": found}
    of = {name: title for title, names in SECTIONS.items() for name in names}
    first = next(iter(SECTIONS))
    return {title: [each for each in found if of.get(each.words, first) == title] for title in SECTIONS}


def first_paragraph(command: Command) -> str:
    """Return what a command does, in one or two sentences."""
    return command.about.split("\n\n")[0]


def argument_entry(argument: Argument) -> Entry:
    """Return the row of an argument."""
    return Entry(argument.name, _about(argument, argument.required), argument.required)


def option_entry(option: Option) -> Entry:
    """Return the row of an option."""
    return Entry(
        " ".join([*option.all_names, option.metavar]).strip(), _about(option, option.required), option.required
    )


def _about(entry: Argument | Option, required: bool) -> str:
    """Return the help text with choices and default."""
    parts = [printable(entry.help)]
    parts += [f"[choices: {', '.join(entry.choices)}]"] if entry.choices else []
    parts += [f"[default: {entry.default}]"] if entry.default else []
    return " ".join([*parts, "[required]"] if required else parts)


def _sections(command: Command, short: bool, problems: list[str]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the title and the rows of each frame."""
    if command.run is None:
        for title, found in command_sections(command, problems).items():
            yield title, [Entry(printable(each.words.split()[-1]), printable(first_paragraph(each))) for each in found]
        if not command.words:
            yield "Help", [Entry(*each) for each in _HELP]
    if command.argument:
        yield "Arguments", [argument_entry(command.argument)]
    entries: dict[str, list[Entry]] = {}
    own = _own_options(command.own) if command.own else set()
    for option in command.options:
        if not option.hidden and (not short or option.name in own or option.name in COMMON):
            section = option.section if not short or option.name in own else "Common options"
            entries.setdefault(section, []).append(option_entry(option))
    yield from entries.items()


def _own_options(owner: type) -> set[str]:
    """Return the names of the parameters of an animation, or of settings, without those that all animations have."""
    from renderer.scene import Animation

    return parameters(owner).keys() - parameters(Animation).keys()


# -- Frames --------------------------------------------------------------------------------------------------------


def _frame(title: str, entries: Sequence[Entry], width: int) -> Iterator[str]:
    """Yield the lines of a frame with two columns."""
    if not entries:
        return
    top_left, top_right, bottom_left, bottom_right, flat, side = "╭╮╰╯─│" if _is_unicode() else "++++-|"
    marked = any(entry.required for entry in entries)
    names = [_broken(entry.name, math.ceil(_LEFT_SHARE * width)) for entry in entries]
    left = max(len(line) for lines in names for line in lines)
    inner = width - 4 - 3 * marked
    yield f"{top_left}{flat} {title} {flat * (width - len(title) - 5)}{top_right}"
    for entry, name in zip(entries, names, strict=True):
        about = textwrap.wrap(entry.about, max(inner - left - 2, 10), break_on_hyphens=False) or [""]
        for row in range(max(len(name), len(about))):
            mark = ("*  " if entry.required and not row else "   ") if marked else ""
            typed, text = (name[row] if row < len(name) else ""), (about[row] if row < len(about) else "")
            yield f"{side} {mark}{_coloured(typed)}{' ' * (left - len(typed) + 2)}{text.ljust(inner - left - 2)} {side}"
    yield f"{bottom_left}{flat * (width - 2)}{bottom_right}"


def _broken(name: str, width: int) -> list[str]:
    """Return a name in lines of at most `width` columns where possible; further lines are indented."""
    return textwrap.wrap(name, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().startswith("utf")


def _has_colours() -> bool:
    """Whether names are printed in colour: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    is_plain = sys.platform == "win32" or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def _coloured(name: str) -> str:
    return f"\x1b[36m{name}\x1b[0m" if name and _has_colours() else name
