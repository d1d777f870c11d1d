"""The `render` command: it reads options, calls the library and prints messages."""

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
    """Check that this machine can render, and show how to fix any problems."""
    from renderer.doctor import main as doctor

    return doctor()


_SECTIONS: Final = {
    "Make a picture": ("mosaic", "edit", "still", "sheet", "explain"),
    "Make many videos": ("batch",),
    "Manage photos": ("library",),
    "Get information": ("animations", "presets", "check", "doctor", "completion"),
    "Help": ("--help", "-h", "--version"),
}
"""Commands by help section; all others are animations."""


def build_app(problems: list[str], wanted: Collection[str]) -> cyclopts.App:
    """Build the command line. Only the commands that `wanted` contains get their options.

    Animations that can't be loaded are left out; the reasons are appended to `problems`.
    """
    from renderer.job import VERSION, MatchSettings

    app = cyclopts.App(
        name="render",
        help="Photo-mosaic animation: recreate a cover picture from your photos, as a video or a picture.",
        version=VERSION,
        help_format="plaintext",  # prints * and ` as they are
        help_on_error=False,
        suppress_keyboard_interrupt=False,
        group_parameters="Options",
        console=Terminal(),
    )
    still = cyclopts.App(name="still", help="Render one frame of an animation as a picture.")
    app.command(still)
    sheet = cyclopts.App(name="sheet", help="Render several frames of an animation in one picture.")
    app.command(sheet)
    groups = {"Tiles and matching": MatchSettings, "Picture": MosaicOptions, "Output": OutputOptions}
    add_command(app, "mosaic", "Render the whole mosaic as a picture.", groups, mosaic, wanted=wanted)
    add_edit(app, wanted)
    app.command(_doctor, name="doctor", usage="Usage: render doctor")
    from renderer.cli.libraries import app as libraries

    app.command(libraries)
    from renderer.cli.explain import build_app as explain

    app.command(explain(wanted))
    app.command(animations, name="animations", usage="Usage: render animations [NAME] [OPTIONS]")
    app.command(presets, name="presets", usage="Usage: render presets [NAME]")
    app.command(check_file, name="check", usage="Usage: render check FILE --preset NAME [OPTIONS]")
    app.command(completion, name="completion", usage="Usage: render completion SHELL")
    add_batch(app, wanted)
    for name, point in plugins.installed().items():
        if name in app:
            problems.append(f"The animation {name} was left out: a command has the same name")
            continue
        try:
            add_animation(app, still, sheet, name, plugins.load(point), wanted)
        except InputError as error:
            problems.append(error.text)
    videos = cyclopts.Group("Make a video", sort_key=0)
    sections = [(cyclopts.Group(title, sort_key=i), names) for i, (title, names) in enumerate(_SECTIONS.items(), 1)]
    for name in app:
        app[name].group = next((section for section, names in sections if name in names), videos)
    if sys.flags.optimize > 1:  # Python removes docstrings
        for _, command in commands(app):
            if (run := command.default_command) is not None and not run.__doc__:
                command.help = docstring(run)
    app["--help"].help = "Show this page or, after a command, all its options (-h: only the common ones)."
    app["--version"].help = "Show the version."
    return app


# -- Exit codes and failures ---------------------------------------------------------------------------------------

INTERRUPTED: Final = 130
"""Exit code of an interrupted command: 128 + SIGINT, as shells report it."""

_INTERRUPTED: Final = {
    "": "Interrupted; incomplete output was removed",
    "library": "Interrupted; photos indexed so far are stored, and the same command continues from there",
    "batch": "Interrupted; finished videos are kept, and the same command continues from there",
}
"""Messages by command."""


def _with_stream(words: Sequence[str]) -> list[str]:
    """Return the words with `-o -` joined to `-o=-`: a separate hyphen would be read as an option."""
    joined: list[str] = []
    for word in words:
        if word == "-" and joined and joined[-1] in ("-o", "--output"):
            joined[-1] += "=-"
        else:
            joined.append(word)
    return joined


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    resource_limits.interrupt()  # ends threads that wait for a child process
    raise KeyboardInterrupt


_NO_MEMORY: Final = ("Insufficient memory", "can't start new thread", "failed to map segment", "annot allocate memory")
"""Parts of the out-of-memory messages of OpenCV, threads, the dynamic loader and the system."""


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code: 0 done, 1 failure, 2 bad input or usage, 130 interrupted."""
    words = _with_stream(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal can't show must not abort a render
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # Ctrl-C, kill, terminal closed, Ctrl-Break
        number = getattr(signal, name, None)  # None where the platform lacks the signal
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # in the background or under nohup
            signal.signal(number, _terminate)
    verbose = "-v" in words or "--verbose" in words
    try:
        Path.cwd()
    except FileNotFoundError:
        return _complain("The current folder was deleted: change to another folder", verbose=False, code=2)
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
        message = cause.text if isinstance(cause, RenderError) else usage_message(error, words)
        # The traceback of a usage error would only show the argument parser.
        return _complain(message, verbose=verbose and isinstance(cause, RenderError), code=InputError.exit_code)
    except RenderError as error:
        return _complain(error.text, verbose=verbose, code=error.exit_code)
    except KeyboardInterrupt:
        message = _INTERRUPTED.get(words[0] if words else "", _INTERRUPTED[""])
        return _complain(message, verbose=False, code=INTERRUPTED)
    except BrokenPipeError:  # the program that reads our output has exited
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP) and error.filename:
            message = f"{error.filename} can't be a file name ({error.strerror}): choose another name"
            return _complain(message, verbose=verbose, code=InputError.exit_code)
        if _is_out_of_memory(error):
            return _complain("Out of memory: use a smaller --size or fewer photos", verbose=verbose, code=1)
        # A bug or an unforeseen failure is also reported in one line.
        message = f"unexpected {type(error).__name__}: {error} (-v shows the traceback)"
        return _complain(message, verbose=verbose, code=1)
    return result if isinstance(result, int) else 0


def _complain(message: str, *, verbose: bool, code: int = 1) -> int:
    if verbose and sys.exc_info()[0] is not None:
        traceback.print_exc()
    sys.stderr.write(f"render: {printable(message, keep=chr(10))}\n")
    return code
