"""The one family of errors that the renderer raises on purpose; each knows the exit code it ends a command with."""


class RenderError(Exception):
    """Something failed that is nobody's fault at the keyboard: exit code 1. The message is one clear sentence."""

    exit_code = 1


class InputError(RenderError):
    """The input or the usage is wrong: exit code 2. The message names the thing, the value and the mend."""

    exit_code = 2


class FileError(InputError):
    """A file can't be read; ``reason`` says why, without the path."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


class MissingFileError(FileError):
    """There is no file at a path."""

    def __init__(self, path: object) -> None:
        super().__init__(path, "does not exist")


class PictureError(FileError):
    """A file is not a picture that can be used; ``reason`` says why, without the path."""


class EncoderError(RenderError):
    """ffmpeg could not be run or failed; the message ends with its own last lines."""


class BusyError(RenderError):
    """Another process writes the same thing; the message says which one."""
