"""Messages about command lines that can't be parsed: what is wrong, and how to fix it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from renderer.cli.commands import Argument, Command, Option, every_command
from renderer.errors import InputError
from renderer.parameters import suggestion


def check_arguments(command: Command, arguments: Sequence[str], values: Collection[str], flags: Sequence[str]) -> None:
    """Raise InputError if there are too many or too few arguments, or an option is missing.

    `flags`: for each argument, the flag directly before it, or "".
    """
    argument = command.argument
    most = len(arguments) if argument and argument.usage.rstrip("]").endswith("...") else int(argument is not None)
    if len(arguments) > most:
        raise InputError(_unexpected_argument(command, arguments[most], values, flags[most]))
    if argument and argument.required and not arguments:
        raise InputError(f"{command.words} needs {argument.name}{_fix(command, argument)}")
    if argument and argument.choices and (unknown := [word for word in arguments if word not in argument.choices]):
        listed = ", ".join(argument.choices)
        fix = suggestion(unknown[0], argument.choices)
        raise InputError(f"{argument.name} {unknown[0]} is not one of {listed}{fix}")
    for option in command.options:
        if option.required and option.name not in values:
            raise InputError(f"{command.words} needs {option.names[0]}{_fix(command, option)}")


def missing_value(command: Command, option: Option, name: str) -> str:
    """Return the message for an option, spelled `name`, without its value."""
    return f"{name} needs a value{_fix(command, option)}"


def _fix(command: Command, missing: Argument | Option) -> str:
    return f": one of {', '.join(missing.choices)}" if missing.choices else f" (see render {command.words} --help)"


def value_of_flag(flag: str, value: str) -> str:
    """Return the message for a flag with a value."""
    return f"{flag} takes no value, but {value} follows it"


def _unexpected_argument(command: Command, word: str, values: Collection[str], flag: str) -> str:
    if flag:
        return value_of_flag(flag, word)
    if "tiles" in values and command.argument is not None and command.argument.name == "COVER":
        several = "it takes one cover (morph, flip and endless take several)"
        fix = f": {several}, and --tiles takes one value. Repeat it, or quote a glob"
    elif "tiles" in values:
        fix = ": --tiles takes one value. Repeat it, or quote a glob"
    elif os.path.lexists(word) and any("--tiles" in option.names for option in command.options):
        fix = f": to use it as photos of the mosaic, write --tiles {shlex.quote(word)}"
    else:
        fix = f" (see render {command.words} --help)"
    return f"Unexpected argument {word} for {command.words}{fix}"


def unknown_command(group: Command, word: str) -> str:
    """Return the message for a word that is not a command of a group."""
    if word.startswith("-"):
        return f"{word} must follow the command: render zoom cover.jpg {word}"
    if Path(word).suffix and group.words in ("", "still", "sheet"):
        needed = f"{group.words} needs an animation" if group.words else "A command is needed"
        return f"{needed} before {word}: {' '.join(['render', *group.words.split(), 'zoom', word])}"
    fix = suggestion(word, group.names()) or f": choose one of {', '.join(sorted(group.names()))}"
    return f"{group.words} has no command {word}{fix}" if group.words else f"There is no command {word}{fix}"


def unknown_option(root: Command, command: Command, option: str) -> str:
    """Return the message for an option that a command does not have."""
    known = [name for each in command.options for name in each.all_names if name.startswith("--")]
    near = sorted((name for name in known if name.startswith(option)), key=len)[:1] if len(option) > 3 else []
    fix = f": did you mean {near[0]}?" if near else suggestion(option, known) or f" (see render {command.words} --help)"
    others = [each.words for each in every_command(root) if any(option in found.all_names for found in each.options)]
    if others:
        first, *more = sorted(others, key=len)
        names = f"{first}, {more[0]} and others" if len(more) > 1 else " and ".join([first, *more])
        fix = f": it is an option of {names}"
    return f"{command.words} has no option {option}{fix}"
