"""The `render` command: it reads options, calls the library and prints messages."""

from __future__ import annotations

import errno
import io
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Literal

from renderer.cli.commands import Command, Values, find_command, parse
from renderer.cli.terminal import printable
from renderer.errors import InputError, RenderError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def root_command() -> Command:
    """Return `render` itself, with all commands."""
    installed = cache(_installed)  # scanned at most once
    return Command(
        "",
        "Photo-mosaic animation: recreate a cover picture from your photos, as a video or a picture.",
        subcommands={
            "still": partial(_group, "still", "Render one frame of an animation as a picture.", installed),
            "sheet": partial(_group, "sheet", "Render several frames of an animation in one picture.", installed),
            "mosaic": _made_by("renders", "mosaic_command"),
            "edit": _made_by("edit", "edit_command"),
            "studio": _made_by("studio", "studio_command"),
            "explore": _made_by("exploring", "explore_command"),
            "doctor": _doctor_command,
            "library": _made_by("libraries", "library_command"),
            "cache": _made_by("caching", "cache_command"),
            "explain": _made_by("explain", "explain_command"),
            "animations": _made_by("listing", "animations_command"),
            "presets": _made_by("listing", "presets_command"),
            "check": _made_by("listing", "check_command"),
            "completion": _made_by("completion", "completion_command"),
            "batch": _made_by("batch", "batch_command"),
        },
        animations=partial(_Animations, "", installed),
    )


def _made_by(module: str, function: str) -> Callable[[], Command]:
    """Return a function that makes a command; its module of this package is imported when the command is needed."""

    def make() -> Command:
        found: Command = getattr(import_module(f"renderer.cli.{module}"), function)()
        return found

    return make


def _installed() -> Mapping[str, EntryPoint]:
    from renderer import plugins

    return plugins.installed()


class _Animations(Mapping[str, Callable[[], Command]]):
    """The commands of animations by name. Entry points are read for all of them, or for one that is not built in."""

    def __init__(self, kind: Literal["", "still", "sheet"], installed: Callable[[], Mapping[str, EntryPoint]]) -> None:
        self._kind, self._installed = kind, installed

    def __getitem__(self, name: str) -> Callable[[], Command]:
        from renderer.cli.renders import animation_command
        from renderer.plugins import BUILT_IN

        return partial(animation_command, self._kind, BUILT_IN.get(name) or self._installed()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._installed())

    def __len__(self) -> int:
        return len(self._installed())


def _group(kind: Literal["still", "sheet"], about: str, installed: Callable[[], Mapping[str, EntryPoint]]) -> Command:
    """Return the commands that make pictures of animations."""
    all_sheets = _made_by("renders", "all_sheets_command")
    others = {"all": all_sheets, "landings": _made_by("renders", "landings_command")} if kind == "sheet" else {}
    return Command(kind, about, subcommands=others, animations=partial(_Animations, kind, installed))


def _doctor_command() -> Command:
    return Command("doctor", "Check that this machine can render, and show how to fix any problems.", _doctor)


def _doctor(_words: Sequence[str], _values: Values) -> int:
    from renderer.doctor import main as doctor

    return doctor()


_HELP: Final = ("--help", "-h")


def _prepare(words: Sequence[str]) -> Callable[[], int | None]:
    """Return the function that does what a command line says, and returns the exit code; None: 0. Raises InputError."""
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    options = words[: words.index("--")] if "--" in words else words
    if "--version" in options:
        return _print_version
    wants_help = any(word in _HELP for word in options)
    root = root_command()
    command, left = find_command(root, [word for word in words if word not in _HELP] if wants_help else words)
    if command.run is None and left and not (wants_help and left[0].startswith("-")):
        from renderer.cli.usage_errors import unknown_command

        raise InputError(unknown_command(command, left[0]))
    if command.run is None or wants_help:
        return partial(_print_help, command, short="-h" in options)
    return partial(command.run, *parse(root, command, left))


def _print_version() -> None:
    import renderer

    sys.stdout.write(f"{renderer.__version__}\n")


def _print_help(command: Command, *, short: bool) -> None:
    from renderer.cli.help_pages import help_page

    problems: list[str] = []
    sys.stdout.write(help_page(command, short=short, problems=problems))
    for problem in problems:
        _complain(problem, verbose=False)


# -- Exit codes and failures ---------------------------------------------------------------------------------------

INTERRUPTED: Final = 130
"""Exit code of an interrupted command: 128 + SIGINT, as shells report it."""

_INTERRUPTED: Final = {
    "": "Interrupted; incomplete output was removed",
    "library": "Interrupted; photos indexed so far are stored, and the same command continues from there",
    "batch": "Interrupted; finished videos are kept, and the same command continues from there",
}
"""Messages by command."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    if limits := sys.modules.get("renderer.resource_limits"):
        limits.interrupt()  # ends threads that wait for a child process
    raise KeyboardInterrupt


_NO_MEMORY: Final = ("Insufficient memory", "can't start new thread", "failed to map segment", "annot allocate memory")
"""Parts of the out-of-memory messages of OpenCV, threads, the dynamic loader and the system."""


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code: 0 done, 1 failure, 2 bad input or usage, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal can't show must not abort a render
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # Ctrl-C, kill, terminal closed, Ctrl-Break
        number = getattr(signal, name, None)  # None where the platform lacks the signal
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # in the background or under nohup
            signal.signal(number, _terminate)
    verbose = False  # the traceback of a usage error would only show the parser
    try:
        Path.cwd()
    except FileNotFoundError:
        return _complain("The current folder was deleted: change to another folder", verbose=False, code=2)
    try:
        run = _prepare(words)
        verbose = "-v" in words or "--verbose" in words
        return run() or 0
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
        if isinstance(error, ImportError):
            raise  # `renderer.__main__` reports it
        # A bug or an unforeseen failure is also reported in one line.
        message = f"unexpected {type(error).__name__}: {error} (-v shows the traceback)"
        return _complain(message, verbose=verbose, code=1)


def _complain(message: str, *, verbose: bool, code: int = 1) -> int:
    if verbose and sys.exc_info()[0] is not None:
        import traceback

        traceback.print_exc()
    sys.stderr.write(f"render: {printable(message, keep=chr(10))}\n")
    return code
