"""The `render` command: options in, one call, messages out."""

from __future__ import annotations

import errno
import io
import signal
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import cyclopts

from renderer import plugins, resource_limits
from renderer.cli.batch import add_batch
from renderer.cli.completion import commands, completion
from renderer.cli.edit import add_edit
from renderer.cli.examples import epilogue
from renderer.cli.listing import animations, check_file, presets
from renderer.cli.options import MosaicOptions, OutputOptions, add_command
from renderer.cli.renders import add_animation, mosaic
from renderer.cli.terminal import Terminal, printable
from renderer.cli.usage_errors import usage_message
from renderer.errors import InputError, RenderError
from renderer.parameters import docstring


def _doctor() -> int:
    """Tell what this machine lacks for rendering, and how to mend it."""
    from renderer.doctor import main as doctor

    return doctor()


_SECTIONS: Final = {
    "Make a picture": ("mosaic", "edit", "still", "sheet", "explain"),
    "Many at once": ("batch",),
    "Your photos": ("library",),
    "What there is, and whether it works": ("animations", "presets", "check", "doctor", "completion"),
    "Help": ("--help", "-h", "--version"),
}
"""Commands by what they are for; those in none are animations."""


def build_app(problems: list[str], wanted: Collection[str]) -> cyclopts.App:
    """The command line for the words `wanted`; animations that can't be loaded are named in `problems`, left out."""
    from renderer.job import VERSION, MatchSettings

    app = cyclopts.App(
        name="render",
        help="Photo-mosaic animation: a cover picture, made of your photos, as a video.",
        version=VERSION,
        help_format="plaintext",  # a * or a ` stays what it is
        help_on_error=False,
        suppress_keyboard_interrupt=False,
        console=Terminal(),
    )
    still = cyclopts.App(name="still", help="Draw one frame of an animation.")
    app.command(still)
    sheet = cyclopts.App(name="sheet", help="Draw a contact sheet of an animation: the look before the render.")
    app.command(sheet)
    groups = {"Tiles and matching": MatchSettings, "Output": OutputOptions, "Picture": MosaicOptions}
    add_command(app, "mosaic", "Draw the whole mosaic as a still.", groups, mosaic, wanted=wanted)
    add_edit(app, wanted)
    app.command(_doctor, name="doctor")
    from renderer.cli.libraries import app as libraries

    app.command(libraries)
    from renderer.cli.explain import build_app as explain

    app.command(explain(wanted))
    app.command(animations, name="animations")
    app.command(presets, name="presets")
    app.command(check_file, name="check")
    app.command(completion, name="completion")
    add_batch(app, wanted)
    for name in plugins.installed():
        if name in app:
            problems.append(f"the animation {name} is named like a command and was left out")
            continue
        try:
            add_animation(app, still, sheet, name, plugins.load_animation(name), wanted)
        except InputError as error:
            problems.append(error.text)
    videos = cyclopts.Group("Make a video", sort_key=0)
    sections = [(cyclopts.Group(title, sort_key=i), names) for i, (title, names) in enumerate(_SECTIONS.items(), 1)]
    for name in app:
        app[name].group = next((section for section, names in sections if name in names), videos)
    if sys.flags.optimize > 1:  # there are no docstrings
        for _, command in commands(app):
            if (run := command.default_command) is not None and not run.__doc__:
                command.help = docstring(run)
    app["--help"].help = "This page, or all of a command; -h: the usual options of a command."
    app["--version"].help = "The version."
    return app


# -- Ending well ---------------------------------------------------------------------------------------------------

INTERRUPTED: Final = 130


def _with_stream(words: Sequence[str]) -> list[str]:
    """The words with `-o -` in one: alone, a hyphen is taken for the beginning of an option."""
    joined: list[str] = []
    for word in words:
        if word == "-" and joined and joined[-1] in ("-o", "--output"):
            joined[-1] += "=-"
        else:
            joined.append(word)
    return joined


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    resource_limits.interrupt()  # threads may wait for it
    raise KeyboardInterrupt


_NO_MEMORY: Final = ("Insufficient memory", "can't start new thread", "failed to map segment", "annot allocate memory")
"""What OpenCV, threads, the loader of libraries and the system say where memory is lacking."""


def _is_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failure, 2 bad input or usage, 130 interrupted."""
    words = _with_stream(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a name that a terminal can't show must not end a render
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # Ctrl-C, ended, terminal closed, Ctrl-Break
        number = getattr(signal, name, None)  # whichever the platform has
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # ignored: in the background, after nohup
            signal.signal(number, _terminate)
    verbose = "-v" in words or "--verbose" in words
    try:
        Path.cwd()
    except FileNotFoundError:
        return _complain("the working folder was deleted: change to another one", verbose=False, code=2)
    try:
        problems: list[str] = []
        app = build_app(problems, words)
        for problem in problems:
            _complain(problem, verbose=False)
        if words[:1] == ["help"]:
            words = [*words[1:], "--help"]
        command, _, _ = app.parse_commands(words)
        app.help_epilogue = epilogue(" ".join(word for word in command if not word.startswith("-")))
        result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        cause = error.__cause__
        said = cause.text if isinstance(cause, RenderError) else usage_message(error, words)
        # Of a word that is none, a traceback tells nothing.
        return _complain(said, verbose=verbose and isinstance(cause, RenderError), code=InputError.exit_code)
    except RenderError as error:
        return _complain(error.text, verbose=verbose, code=error.exit_code)
    except KeyboardInterrupt:
        kept = "what was indexed is kept, the same command goes on from there"
        whole = "what is whole is kept, the same command goes on from there"
        left = {"library": kept, "batch": whole}.get(words[0] if words else "", "what was not whole is not there")
        return _complain(f"interrupted: {left}", verbose=False, code=INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has gone
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP) and error.filename:
            said = f"{error.filename} can't be a file's name ({error.strerror}): give another"
            return _complain(said, verbose=verbose, code=InputError.exit_code)
        if _is_of_memory(error):
            return _complain("out of memory: give a smaller --size, or fewer photos", verbose=verbose, code=1)
        # A bug, or a failure that nobody thought of: one line all the same.
        return _complain(f"unexpected {type(error).__name__}: {error} (-v shows where)", verbose=verbose, code=1)
    return result if isinstance(result, int) else 0


def _complain(message: str, *, verbose: bool, code: int = 1) -> int:
    if verbose and sys.exc_info()[0] is not None:
        traceback.print_exc()
    sys.stderr.write(f"render: {printable(message, keep=chr(10))}\n")
    return code
