"""Adds files of other packages, which are build requirements, to the package when it is built: fonts, a model of faces.

In a checkout that is not installed, `python hatch_build.py` adds them.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {
    "matplotlib": [
        "mpl-data/fonts/ttf/DejaVuSans.ttf",
        "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf",
        "mpl-data/fonts/ttf/LICENSE_DEJAVU",
    ],
    "skimage": ["data/lbpcascade_frontalface_opencv.xml"],
}
"""The files to add of each package, relative to its folder."""


def bundled_files() -> dict[Path, str]:
    """Return the files to add, and their paths in this package."""
    found = {}
    for package, names in FILES.items():
        spec = find_spec(package)  # found without importing it
        assert spec is not None
        assert spec.origin is not None
        for name in names:
            path = Path(spec.origin).parent / name
            found[path] = f"renderer/bundled/{path.name}"
    return found


def add_to_checkout(root: Path) -> None:
    """Copy the files into a checkout, where Git ignores them."""
    for source, target in bundled_files().items():
        (root / target).parent.mkdir(exist_ok=True)
        shutil.copyfile(source, root / target)


class BundledFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the files to a wheel, or to the checkout for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling's documentation of build hooks."""
        if version == "editable":
            add_to_checkout(Path(self.root))
        else:
            build_data["force_include"].update({str(source): target for source, target in bundled_files().items()})


if __name__ == "__main__":
    add_to_checkout(Path(__file__).parent)
