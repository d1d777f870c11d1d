"""What is said of a command line that can't be read: one sentence, with the mend."""

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
    """The sentence for an error of reading the `words` of a command line."""
    chain = [word for word in error.command_chain or () if not word.startswith("-")]
    command = " ".join(chain)
    match error:
        case cyclopts.UnknownCommandError():
            return _unknown_command(error, command)
        case cyclopts.UnknownOptionError():
            return _unknown_option(error, command)
        case cyclopts.UnusedCliTokensError(unused_tokens=[word, *_]):
            place = words.index(word) if word in words else 0
            before = words[place - 1] if place else ""
            if before.startswith("-"):
                return f"{before} takes no value: {word} is left over"
            if "--tiles" in words:
                fix = ": --tiles takes one name: repeat it, or quote a glob"
            elif os.path.lexists(word) and _takes(error.app, "--tiles"):
                fix = f": for the photos that the mosaic is made of, give --tiles {shlex.quote(word)}"
            else:
                fix = f" (render {command} --help)"
            return f"{word} is one name too many for {command}{fix}"
        case cyclopts.CoercionError(argument=argument, token=token) if argument is not None and token is not None:
            name = token.keyword or argument.name
            if choices := argument.get_choices():
                listed = ", ".join(["a number"] * (float in get_args(argument.hint)) + list(choices))
                return f"{name} {token.value} is none of {listed}{suggestion(token.value, choices)}"
            kind = next((_NEEDED[each] for each in (argument.hint, *get_args(argument.hint)) if each in _NEEDED), "")
            if kind:
                return f"{name} {token.value} is not {kind}"
        case cyclopts.MissingArgumentError(argument=argument) if argument is not None:
            name = error.keyword or argument.name
            choices = argument.get_choices()
            fix = f": one of {', '.join(choices)}" if choices else f" (render {command} --help)"
            return f"{name} needs a value{fix}" if name in words else f"{command} needs {name}{fix}"
    return str(error)


def _takes(app: cyclopts.App | None, option: str) -> bool:
    """Whether a command has an option."""
    return app is not None and any(option in argument.names for argument in app.assemble_argument_collection())


def _unknown_command(error: cyclopts.UnknownCommandError, command: str) -> str:
    word = (error.unused_tokens or [""])[0]
    known = [name for name in error.app or () if not name.startswith("-")]
    if word.startswith("-"):
        return f"{word} stands before a command: options stand after it: render zoom cover.jpg {word}"
    if Path(word).suffix and command in ("", "still", "sheet"):
        needed = f"{command} needs an animation" if command else "a command is needed"
        return f"{needed} before {word}: {' '.join(['render', *command.split(), 'zoom', word])}"
    fix = suggestion(word, known) or ": there are " + ", ".join(sorted(known))
    return f"{command} has no command {word}{fix}" if command else f"there is no command {word}{fix}"


def _unknown_option(error: cyclopts.UnknownOptionError, command: str) -> str:
    from renderer.cli import build_app

    option = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
    near = sorted((name for name in known if name.startswith(option)), key=len)[:1] if len(option) > 3 else []
    fix = f": did you mean {near[0]}?" if near else suggestion(option, known) or f" (render {command} --help)"
    others = [
        words
        for words, app in commands(build_app([], EveryCommand()))
        if app.default_command and any(option in argument.names for argument in app.assemble_argument_collection())
    ]
    if others:  # it is right, but elsewhere
        first, *more = sorted(others, key=len)
        fix = f": {first} has" if not more else f": {first}, {more[0]}{' and others' if more[1:] else ''} have"
    return f"{command or 'render'} has no option {option}{fix}"
