"""Standard input, output and error of the command, which may be closed or full.

What can't be written to standard output is an error of the command; what can't be written to standard error is lost,
and the work goes on.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import BinaryIO, Final, cast

from renderer.errors import RenderError

_STANDARD: Final = 3  # descriptors: 0, 1 and 2


class _Output(io.TextIOWrapper):
    """Standard output: a failure is said once, and what is written afterwards is dropped."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> Exception:
        _drop(self.fileno())
        if isinstance(error, BrokenPipeError):
            return error  # whoever read it has gone, and knows
        why = "it is closed" if error.errno == errno.EBADF else error.strerror
        return RenderError(f"standard output can't be written to ({why}): send it elsewhere, or give -q")


class _Errors(io.TextIOWrapper):
    """Standard error: there is nowhere to say that it can't be written to."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            _drop(self.fileno())
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _drop(self.fileno())


def open_streams() -> None:
    """Make all three streams usable: to be called first of all, once."""
    # Where one is closed, the next file that is opened would take its number, and get what others write to it.
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < _STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 (it is open as long as the program runs)
    output, errors = sys.stdout, sys.stderr
    interactive = output is not None and output.isatty()
    sys.stdout = _Output(_buffer(output, 1), _encoding(output), "backslashreplace", line_buffering=interactive)
    sys.stderr = _Errors(_buffer(errors, 2), _encoding(errors), "backslashreplace", line_buffering=True)


def close_streams(code: int) -> int:
    """Write out what waits; gives the exit code, which is 1 if that failed and nothing else had."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or 1
    except RenderError as error:
        if not code:
            sys.stderr.write(f"render: {error}\n")
            code = error.exit_code
    sys.stderr.flush()
    return code


def _buffer(stream: object, descriptor: int) -> BinaryIO:
    """What a stream writes to; of one that is closed, what fails at every write."""
    if isinstance(stream, io.TextIOWrapper):
        return cast("BinaryIO", stream.detach())
    return open(descriptor, "wb", closefd=False)


def _encoding(stream: object) -> str:
    return (stream.encoding if isinstance(stream, io.TextIOWrapper) else None) or "utf-8"


def _drop(descriptor: int) -> None:
    """Let a descriptor lead to nowhere, so that what waits to be written can be."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
