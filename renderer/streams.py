"""Standard input, output and error of the command, which may be closed, or redirected to a full disk.

If standard output can't be written to, the command fails; if standard error can't, messages are lost and the work goes
on.
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
    """Standard output: the first failure is raised, and everything written afterwards is dropped."""

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
            return error  # the reading program has exited
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror
        return RenderError(f"Standard output can't be written to ({reason}): redirect it to a file or program")


class _Errors(io.TextIOWrapper):
    """Standard error: failures are ignored, since there is nowhere to report them."""

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
    """Make all three streams usable. Call this once, before anything else."""
    # If a stream is closed, the next opened file would get its descriptor, and the output meant for the stream.
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < _STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 (open until the program exits)
    output, errors = sys.stdout, sys.stderr
    interactive = output is not None and output.isatty()
    sys.stdout = _Output(_buffer(output, 1), _encoding(output), "backslashreplace", line_buffering=interactive)
    sys.stderr = _Errors(_buffer(errors, 2), _encoding(errors), "backslashreplace", line_buffering=True)


def close_streams(code: int) -> int:
    """Flush the streams. Returns the exit code: `code`, or 1 if it is 0 and the flush fails."""
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
    """Return the buffer of a stream; for a closed stream, one that fails on every write."""
    if isinstance(stream, io.TextIOWrapper):
        return cast("BinaryIO", stream.detach())
    return open(descriptor, "wb", closefd=False)


def _encoding(stream: object) -> str:
    return (stream.encoding if isinstance(stream, io.TextIOWrapper) else None) or "utf-8"


def _drop(descriptor: int) -> None:
    """Redirect a descriptor to the null device, so that buffered output can be flushed."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
