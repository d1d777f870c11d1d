"""Messages about command lines that can't be parsed: what is wrong, and how to fix it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import cyclopts

from renderer.cli.completion import commands
from renderer.cli.options import EveryCommand
from renderer.parameters import suggestion

_NEEDED: Final = {int: "a whole number", float: "a number"}


def usage_message(error: cyclopts.CycloptsError, words: Sequence[str]) -> str:
    """Return the message for an error in parsing the `words` of a command line."""
    chain = [word for word in error.command_chain or () if not word.startswith("-")]
    command = " ".join(chain)
    match error:
        case cyclopts.UnknownCommandError():
            return _unknown_command(error, command)
        case cyclopts.UnknownOptionError():
            return _unknown_option(error, command)
        case cyclopts.UnusedCliTokensError(unused_tokens=[word, *_]):
            index = words.index(word) if word in words else 0
            before = words[index - 1] if index else ""
            if before.startswith("-"):
                return f"{before} takes no value, but {word} follows it"
            if "--tiles" in words:
                fix = ": --tiles takes one value. Repeat it, or quote a glob"
            elif os.path.lexists(word) and _takes(error.app, "--tiles"):
                fix = f": to use it as photos of the mosaic, write --tiles {shlex.quote(word)}"
            else:
                fix = f" (see render {command} --help)"
            return f"Unexpected argument {word} for {command}{fix}"
        case cyclopts.CoercionError(argument=argument, token=token) if argument is not None and token is not None:
            name = token.keyword or argument.name
            if choices := argument.get_choices():
                listed = ", ".join(["a number"] * (float in get_args(argument.hint)) + list(choices))
                return f"{name} {token.value} is not one of {listed}{suggestion(token.value, choices)}"
            kind = next((_NEEDED[each] for each in (argument.hint, *get_args(argument.hint)) if each in _NEEDED), "")
            if kind:
                return f"{name} {token.value} is not {kind}"
        case cyclopts.MissingArgumentError(argument=argument) if argument is not None:
            name = error.keyword or argument.name
            choices = argument.get_choices()
            fix = f": one of {', '.join(choices)}" if choices else f" (see render {command} --help)"
            return f"{name} needs a value{fix}" if name in words else f"{command} needs {name}{fix}"
    return str(error)


def _takes(app: cyclopts.App | None, option: str) -> bool:
    """Return whether a command has this option."""
    return app is not None and any(option in argument.names for argument in app.assemble_argument_collection())


def _unknown_command(error: cyclopts.UnknownCommandError, command: str) -> str:
    word = (error.unused_tokens or [""])[0]
    known = [name for name in error.app or () if not name.startswith("-")]
    if word.startswith("-"):
        return f"{word} must follow the command: render zoom cover.jpg {word}"
    if Path(word).suffix and command in ("", "still", "sheet"):
        needed = f"{command} needs an animation" if command else "A command is needed"
        return f"{needed} before {word}: {' '.join(['render', *command.split(), 'zoom', word])}"
    fix = suggestion(word, known) or f": choose one of {', '.join(sorted(known))}"
    return f"{command} has no command {word}{fix}" if command else f"There is no command {word}{fix}"


def _unknown_option(error: cyclopts.UnknownOptionError, command: str) -> str:
    from renderer.cli import build_app

    option = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
    near = sorted((name for name in known if name.startswith(option)), key=len)[:1] if len(option) > 3 else []
    fix = f": did you mean {near[0]}?" if near else suggestion(option, known) or f" (see render {command} --help)"
    others = [
        words
        for words, app in commands(build_app([], EveryCommand()))
        if app.default_command and any(option in argument.names for argument in app.assemble_argument_collection())
    ]
    if others:
        first, *more = sorted(others, key=len)
        names = f"{first}, {more[0]} and others" if len(more) > 1 else " and ".join([first, *more])
        fix = f": it is an option of {names}"
    return f"{command or 'render'} has no option {option}{fix}"
