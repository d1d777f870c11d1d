"""`render completion`: scripts that let shells complete commands, options and their values.

The templates `completion.bash`, `.zsh` and `.fish` contain the code of each shell. This module fills in their table:
for each option and argument, the commands that take it and its values. The user's presets and libraries are looked up
when Tab is pressed; everything else is fixed when the script is written, so that Tab never waits for Python.
"""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from renderer import plugins
from renderer.cli.commands import Argument, Command, Values, every_command
from renderer.cli.help_pages import first_paragraph
from renderer.cli.terminal import printable
from renderer.names import PICTURE_SUFFIXES
from renderer.paths import library_folder

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


def completion_command() -> Command:
    """Return the command."""
    return Command(
        "completion", "Print a script that enables Tab completion in your shell.", _completion,
        Argument("SHELL", "Shell that will run the script", get_args(Shell), required=True),
    )  # fmt: skip


def _completion(words: Sequence[str], _values: Values) -> None:
    sys.stdout.write(completion_script(words[0]))


def completion_script(shell: str) -> str:
    """Return the completion script for a shell."""
    from renderer.cli import root_command
    from renderer.preset import own_presets, preset_files, preset_folder

    found = list(every_command(root_command()))
    rows: dict[CompletionRow, list[str]] = {}
    for command in found:
        for row in _rows(command):
            rows.setdefault(row, []).append(command.words)
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    subcommands = [(*_split(each.words), first_paragraph(each)) for each in found if each.words]
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


def _rows(command: Command) -> Iterator[CompletionRow]:
    """Yield the options and arguments of a command."""
    yield CompletionRow(("--help", "-h"), "", "Show all options and examples; -h: the common ones")
    if not command.words:
        yield CompletionRow(("--version",), "", "Show the version")
    if argument := command.argument:
        yield CompletionRow((), _values(command, argument.name.upper(), argument.choices, "@files"))
    for option in command.options:
        hint = option.field.hint
        kind = "@files" if Path in (hint, *get_args(hint)) else ANYTHING
        about = textwrap.shorten(printable(option.help).split(";")[0].split(". ")[0], 78, placeholder="...")
        values = _values(command, option.names[0], option.choices, kind) if option.metavar else ""
        yield CompletionRow(option.all_names, values, about)


def _values(command: Command, name: str, choices: Sequence[str], otherwise: str) -> str:
    """Return the values of an option or argument: a kind, choices, or a kind that follows from its type."""
    return _KINDS.get(f"{command.words} {name}") or _KINDS.get(name) or " ".join(choices) or otherwise


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
