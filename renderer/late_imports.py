"""Packages that are imported when they are first used, so that a command that does not use them starts at once."""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib import import_module
from types import ModuleType


def import_later(package: str) -> None:
    """Make `import package` return at once: the package is loaded when one of its attributes is first used.

    This applies to the whole process, so only the `render` command calls it. An `import package.module` and a `from
    package import name` still load the package at once.

    `importlib.util.LazyLoader` does not serve: on Python 3.11, the next `import` statement of such a module loads it.
    """
    if package not in sys.modules:
        sys.modules[package] = _LateModule(package)


def load_ahead(package: str) -> None:
    """Load a package in a thread of its own, while this one waits for photos, files or ffmpeg.

    If that fails, the first use of the package reports it. A process that ends earlier waits for the thread.
    """

    def load() -> None:
        with contextlib.suppress(ImportError):
            _ = import_module(package).__file__  # an attribute that a module in place of the package lacks

    threading.Thread(target=load, name=f"import {package}").start()


class _LateModule(ModuleType):
    """Stands for a package in the modules that import it, and has its attributes once it is loaded."""

    def __getattr__(self, name: str) -> object:
        """Load the package. Python calls this for attributes that are missing here: for all of them, until then."""
        with _lock:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        package = import_module(self.__name__)  # other threads wait here
        vars(self).update(vars(package))
        return getattr(package, name)


_lock = threading.Lock()
