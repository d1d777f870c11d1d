"""Adds the fonts of titles and figures to the package when it is built. They come from matplotlib, a build requirement.

In a checkout that is not installed, `python hatch_build.py` adds them.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def bundled_files() -> dict[Path, str]:
    """Return the files of other packages to add, and their paths in this one."""
    package = find_spec("matplotlib")  # found without importing it
    assert package is not None
    assert package.submodule_search_locations is not None
    fonts = Path(package.submodule_search_locations[0], "mpl-data", "fonts", "ttf")
    names = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "LICENSE_DEJAVU")
    return {fonts / name: f"renderer/fonts/{name}" for name in names}


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
