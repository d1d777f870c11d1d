"""`render completion`: scripts that let shells complete commands, options and their values.

The templates `completion.bash`, `.zsh` and `.fish` contain the code of each shell. This module fills in their table:
for each option and argument, the commands that take it and its values. The user's presets and libraries are looked up
when Tab is pressed; everything else is fixed when the script is written, so that Tab never waits for Python.
"""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import cyclopts

from renderer import plugins
from renderer.cli.options import EveryCommand
from renderer.library.definitions import library_folder
from renderer.pictures import PICTURE_SUFFIXES

Shell = Literal["bash", "zsh", "fish"]

ANYTHING: Final = "@anything"
"""The kind of values that can't be listed, such as numbers."""

_KINDS: Final = {
    "--tiles": "@tiles", "--preset": "@presets", "--library-dir": "@folders", "--animation": "@animations",
    "--focus": "@pictures", "--logo": "@pictures", "--covers": "@pictures", "--timeline": "@files",
    "COVER": "@pictures", "FOLDER": "@folders", "NAME": "@libraries",
    "animations NAME": "@animations", "presets NAME": "@presets",
}  # fmt: skip
"""Kinds of values that do not follow from the type of an option or argument. Entries with a command take precedence."""


@dataclass(frozen=True)
class CompletionRow:
    """An option, or an argument (which has no names), with its values: choices, a kind, or "" for a flag."""

    names: tuple[str, ...]
    values: str
    about: str = ""


def completion(shell: Annotated[Shell, cyclopts.Parameter(help="Shell that will run the script")], /) -> None:
    """Print a script that enables Tab completion in your shell."""
    sys.stdout.write(completion_script(shell))


def completion_script(shell: Shell) -> str:
    """Return the completion script for a shell."""
    from renderer.cli import build_app
    from renderer.preset import own_presets, preset_files, preset_folder

    found = dict(commands(build_app([], EveryCommand())))
    rows: dict[CompletionRow, list[str]] = {}
    for words, app in found.items():
        for row in _rows(words, app):
            rows.setdefault(row, []).append(words)
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    subcommands = [
        (*_split(words), " ".join(app.help.split("\n\n")[0].split())) for words, app in found.items() if words
    ]
    text = Path(__file__).with_suffix(f".{shell}").read_text("utf-8")
    for mark, value in {
        "GROUPS": ("|" if shell != "fish" else " ").join(dict.fromkeys(group for group, _, _ in subcommands if group)),
        "PRESETS": " ".join(name for name in preset_files() if name not in own_presets()),
        "PRESET_FOLDER": shlex.quote(str(preset_folder() or "")),
        "LIBRARY_FOLDER": shlex.quote(str(library_folder())),
        "ANIMATIONS": " ".join(plugins.installed()),
        "PICTURES": "|".join(suffix.removeprefix(".") for suffix in (*sorted(PICTURE_SUFFIXES), ".mosaic")),
        "TABLE": "\n".join(write(subcommands, rows)),
    }.items():
        text = text.replace(f"%{mark}%", value)
    return text


def commands(app: cyclopts.App, words: str = "") -> Iterator[tuple[str, cyclopts.App]]:
    """Yield an app ("") and all its commands, by their words such as "library add"."""
    yield words, app
    for name in app:
        if not name.startswith("-"):
            yield from commands(app[name], f"{words} {name}".strip())


def _rows(words: str, app: cyclopts.App) -> Iterator[CompletionRow]:
    """Yield the options and arguments of a command."""
    yield CompletionRow(("--help", "-h"), "", "Show all options and examples; -h: the common ones")
    if not words:
        yield CompletionRow(("--version",), "", "Show the version")
    for argument in app.assemble_argument_collection() if app.default_command else ():
        name, hint = argument.name, argument.hint
        if name == "*" or not argument.parse:
            continue
        choices = [str(choice) for choice in argument.get_choices() or ()]
        kind = _KINDS.get(f"{words} {name}") or _KINDS.get(name)
        values = kind or " ".join(choices) or ("@files" if Path in (hint, *get_args(hint)) else ANYTHING)
        if name.startswith("-"):
            about = textwrap.shorten(
                (argument.parameter.help or "").split(";")[0].split(". ")[0], 78, placeholder="..."
            )
            yield CompletionRow(tuple(argument.names), "" if hint is bool else values, about)
        else:
            yield CompletionRow((), values)


def _split(words: str) -> tuple[str, str]:
    """Split the words of a command into its group ("" at the top level) and its name."""
    group, _, name = words.rpartition(" ")
    return group, name


# -- Tables of the shells ------------------------------------------------------------------------------------------

Subcommands = list[tuple[str, str, str]]
"""Group ("" at the top level), word, description."""


def _bash(subcommands: Subcommands, rows: dict[CompletionRow, list[str]]) -> Iterator[str]:
    for group in dict.fromkeys(group for group, _, _ in subcommands):
        names = " ".join(name for of, name, _ in subcommands if of == group)
        yield f"  _render_row {shlex.quote(f'|{group}|')} '' {shlex.quote(names)}"
    for row, taken in rows.items():
        yield "  _render_row " + " ".join(map(shlex.quote, (f"|{'|'.join(taken)}|", " ".join(row.names), row.values)))


def _zsh(subcommands: Subcommands, rows: dict[CompletionRow, list[str]]) -> Iterator[str]:
    for group, name, about in subcommands:
        yield f"  _render_subcommand {shlex.quote(group)} {shlex.quote(f'{name}:{about}')}"
    for row, taken in rows.items():
        about = "".join(f"\\{letter}" if letter in "[]:\\" else letter for letter in row.about)
        words = (f"|{'|'.join(taken)}|", " ".join(row.names), row.values, about)
        yield "  _render_row " + " ".join(map(shlex.quote, words))


def _fish(subcommands: Subcommands, rows: dict[CompletionRow, list[str]]) -> Iterator[str]:
    for group, name, about in subcommands:
        yield f"{_when_fish(group)} -a {name} -d {_quoted_fish(about)}"
    for row, taken in rows.items():
        parts = [_when_fish(*taken)]
        parts += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in row.names]
        files = row.values in ("@files", "@pictures", "@tiles")
        if row.names and row.values:
            parts.append("-r" if files else "-x")
        if files:
            parts.append("-F")
        if row.values not in ("", ANYTHING, "@files", "@pictures"):
            known = f"(__render_{row.values[1:]})"
            parts.append(f"-a {_quoted_fish(known if row.values.startswith('@') else row.values)}")
        if row.about:
            parts.append(f"-d {_quoted_fish(row.about)}")
        yield " ".join(parts)


def _when_fish(*commands: str) -> str:
    """Return the start of a line that applies to these commands."""
    return f"complete -c render -n {_quoted_fish(' '.join(['__render_is', *map(_quoted_fish, commands)]))}"


def _quoted_fish(text: str) -> str:
    """Quote a word for fish, where a backslash escapes even inside single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
