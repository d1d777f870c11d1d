"""Processes of our own that work for this one: plain children, which end when their input does.

They are started anew, never forked, and talk by pickled messages on standard input and output.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import BinaryIO, Final

if sys.platform == "win32":
    _APART: Final = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _APART: Final = 0


def start_child(module: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process that calls a module's `serve()`; Ctrl-C is not passed on to it. Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", f"from {module} import serve; serve()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        start_new_session=True, creationflags=_APART,
    )  # fmt: skip


def answers() -> BinaryIO:
    """In such a process: what its messages are written to; what a library prints does not get between."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream
