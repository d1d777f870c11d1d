"""The one family of errors that the renderer raises on purpose; each knows the exit code it ends a command with."""


class RenderError(Exception):
    """Something failed that is nobody's fault at the keyboard: exit code 1. The message is one clear sentence."""

    exit_code = 1


class InputError(RenderError):
    """The input or the usage is wrong: exit code 2. The message names the thing, the value and the mend."""

    exit_code = 2


class PictureError(InputError):
    """A file is not a picture that can be used; ``reason`` says why, without the path.

    ``transient``: the file's bytes do not prove it, and the same file may be readable later: memory ran out, an I/O
    error, too many open files, a process that was ended, a time limit.
    """

    def __init__(self, path: object, reason: str, *, transient: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.transient = transient

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor's arguments: an error may come from another process."""
        return type(self), (self.path, self.reason), {"transient": self.transient}


class EncoderError(RenderError):
    """ffmpeg could not be run or failed; the message ends with its own last lines."""
