"""`render completion`: what a shell needs to complete commands, options and their values.

The scripts beside this file (`completion.bash`, ...) hold what is special to a shell; here their table is written: of
each option and argument the commands that take it, and what its values are. Presets and libraries of the user's own are
looked up when Tab is pressed, all else is as it was when the script was written; so Tab never waits for Python.
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
"""A value that can't be listed, such as a number."""

_KINDS: Final = {
    "--tiles": "@tiles", "--preset": "@presets", "--library-dir": "@folders", "--animation": "@animations",
    "--focus": "@pictures", "--logo": "@pictures", "--covers": "@pictures", "--timeline": "@files",
    "COVER": "@pictures", "FOLDERS": "@folders", "NAME": "@libraries",
    "animations NAME": "@animations", "presets NAME": "@presets",
}  # fmt: skip
"""What the values of an option or argument are, where its type does not tell; those of a command count first."""


@dataclass(frozen=True)
class CompletionRow:
    """An option by its names, or an argument without a name, and what its values are: choices, a kind, or "" (none)."""

    names: tuple[str, ...]
    values: str
    about: str = ""


def completion(shell: Annotated[Shell, cyclopts.Parameter(help="The shell that reads it")], /) -> None:
    """Print what makes a shell complete commands, options and names."""
    sys.stdout.write(completion_script(shell))


def completion_script(shell: Shell) -> str:
    """The script for a shell."""
    from renderer.cli import build_app
    from renderer.preset import own_presets, preset_files, preset_folder

    found = dict(commands(build_app([], EveryCommand())))
    rows: dict[CompletionRow, list[str]] = {}
    for words, app in found.items():
        for row in _rows(words, app):
            rows.setdefault(row, []).append(words)
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    subcommands = [
        (*_parted(words), " ".join(app.help.split("\n\n")[0].split())) for words, app in found.items() if words
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
    """Every command of an app by its words, such as "library add", itself first."""
    yield words, app
    for name in app:
        if not name.startswith("-"):
            yield from commands(app[name], f"{words} {name}".strip())


def _rows(words: str, app: cyclopts.App) -> Iterator[CompletionRow]:
    """The options and arguments of a command."""
    yield CompletionRow(("--help", "-h"), "", "All of its options and examples; -h: the usual ones")
    if not words:
        yield CompletionRow(("--version",), "", "The version")
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


def _parted(words: str) -> tuple[str, str]:
    """The group of a command, and its own word."""
    group, _, name = words.rpartition(" ")
    return group, name


# -- The table of each shell ---------------------------------------------------------------------------------------

Subcommands = list[tuple[str, str, str]]
"""Group ("" at the top), word, what it does."""


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
    """The beginning of a line that is for some commands."""
    return f"complete -c render -n {_quoted_fish(' '.join(['__render_is', *map(_quoted_fish, commands)]))}"


def _quoted_fish(text: str) -> str:
    """A word in quotes, within which fish takes a backslash for itself."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
