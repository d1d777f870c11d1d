"""Write `renderer/__init__.pyi`: the Python API with every option as a typed keyword, for type checkers and editors.

The options are those of the functions' run-time signatures, which come from the declared parameters. `poe stubs` runs
this; a test checks that the file is up to date.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Final

from renderer import api
from renderer.plugins import installed

STUB: Final = Path(api.__file__).with_name("__init__.pyi")

_FUNCTIONS: Final[tuple[Callable[..., object], ...]] = (api.match, api.render, api.frame, api.frames, api.as_clip)

_HEAD: Final = '''
"""The Python API, with types. Generated from the declared parameters: `poe stubs` writes it."""

from collections.abc import Generator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Literal

{animations}
from renderer.api import Mosaic as Mosaic
from renderer.api import MosaicFigures as MosaicFigures
from renderer.api import Source
from renderer.clip import MosaicClip
from renderer.errors import Cancelled as Cancelled
from renderer.errors import InputError as InputError
from renderer.errors import RenderError as RenderError
from renderer.job import Summary as Summary
from renderer.pictures import Pixels
from renderer.progress import Progress, ProgressFunction
from renderer.scene import Animation
{own_animations}

__version__: str
'''


def _definition(function: Callable[..., object]) -> str:
    """Return a function of the API as a stub, with its docstring."""
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parameters:
            parameters.append("*")
        stars = "**" if parameter.kind is inspect.Parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
        parameters.append(f"{stars}{parameter.name}: {parameter.annotation}{default}")
    text = inspect.getdoc(function) or ""
    raw = "r" if "\\" in text else ""
    doc = textwrap.indent(f'{raw}"""{text}\n"""', "    ")
    return f"def {function.__name__}({', '.join(parameters)},) -> {signature.return_annotation}:\n{doc}\n"


def stub() -> str:
    """Return the text of the stub."""
    imports = [
        f"from {point.module} import {point.attr} as {point.attr}"
        for point in sorted(installed().values(), key=lambda point: point.value)
        if point.dist is not None and point.dist.name == "mosaic-renderer"
    ]
    head = _HEAD.format(
        animations="\n".join(line for line in imports if not line.startswith("from renderer")),
        own_animations="\n".join(line for line in imports if line.startswith("from renderer")),
    )
    return _formatted(head + "\n".join(map(_definition, _FUNCTIONS)))


def _formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(STUB), "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True, encoding="utf-8").stdout


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
