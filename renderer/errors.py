"""The errors that the renderer raises on purpose, each with the exit code of the command line."""

from __future__ import annotations

from renderer.messages import Spelling, as_argument, spelled


class RenderError(Exception):
    """A render failed for a reason other than its input: exit code 1. The message is one or two sentences.

    `str(error)` spells parameters as keyword arguments; `error.text` is the message with the parameters still marked,
    for building other messages.
    """

    exit_code = 1

    @property
    def text(self) -> str:
        """The message as it was raised, with its parameters marked (`renderer.messages.named`)."""
        return super().__str__()

    def message(self, spelling: Spelling) -> str:
        """Return the message with its parameters spelled."""
        return spelled(self.text, spelling)

    def __str__(self) -> str:
        return self.message(as_argument)


class InputError(RenderError):
    """The input or its use is wrong: exit code 2. The message names the thing, the value and the fix."""

    exit_code = 2


class Cancelled(RenderError):  # noqa: N818 (the user's request, not a fault)
    """Raise it in a progress function to stop the work; incomplete output is removed."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message)


class FileError(InputError):
    """A file can't be read; `reason` says why as a predicate, without the path.

    `transient`: the same file may be readable later, as the cause is not its content but lack of memory, an I/O error,
    too many open files, a killed process, a time limit or a missing file.
    """

    def __init__(self, path: object, reason: str, *, transient: bool = False) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason
        self.transient = transient

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor's arguments, as an error may come from another process."""
        return type(self), (self.path, self.reason), {"transient": self.transient}


class MissingFileError(FileError):
    """There is no file at a path."""


class PictureError(FileError):
    """A file is not a usable picture."""


class LargePictureError(PictureError):
    """A picture is demanding: it should not be decoded at the same time as another such picture."""


class EncoderError(RenderError):
    """ffmpeg could not be started, or failed; the message ends with the last lines of its output."""


class DiskError(EncoderError):
    """A disk takes no more of the file that is written; `renderer.output_files` adds its name to the message."""


class BusyError(RenderError):
    """Another process is writing the same file or folder; the message names it."""
