"""Frames are the same to the last bit on every processor, since parts of a video may be drawn on several machines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

DRAWING = [
    *("animations/*.py", "examples/plugin/*.py", "renderer/scene/*.py", "renderer/planes/*.py"),
    *(
        f"renderer/{name}.py"
        for name in ("canvas", "colour", "compositor", "framing", "overlay", "pixels", "placement")
    ),
    *(f"renderer/{name}.py" for name in ("shapes", "subject", "textures", "timeline")),
    *("renderer/job/drawing.py", "renderer/kernels/arithmetic.py", "renderer/kernels/drawing.py"),
    *("renderer/kernels/planar.py", "renderer/kernels/resizing.py", "renderer/library/library.py"),
]
"""What decides about pixels, from a map and photos to frames."""

ELSEWHERE = {"renderer/scene/preview.py"}  # small pictures for notebooks

ROUNDED = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "pow", "cbrt", "hypot", "dist"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "sinc"),
    *("arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "angle"),
    *("dot", "vdot", "inner", "matmul", "tensordot", "einsum", "norm", "inv", "solve", "svd", "interp", "convolve"),
    *("normal", "standard_normal", "uniform", "exponential", "fft2", "ifft2", "GaussianBlur", "warpAffine"),
}
"""Functions of `math`, NumPy and OpenCV that round differently from processor to processor.

Those of renderer.kernels.arithmetic have the same names.
"""

UNORDERED = {"argsort", "argpartition", "sort_values"}
"""Functions that order equal values differently, unless `kind="stable"` is given."""


def violations(source: str) -> Iterator[str]:
    """Yield what rounds differently from processor to processor in a source, with its lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield f"{node.lineno}: @"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            base, exponent = node.left, node.right
            is_square = isinstance(exponent, ast.Constant) and exponent.value == 2
            if not (isinstance(base, ast.Constant) and isinstance(base.value, int)) and not is_square:
                yield f"{node.lineno}: **"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            if name in ROUNDED and owner != "arithmetic":
                yield f"{node.lineno}: {owner}.{name}"
            if name in UNORDERED and not any(each.arg == "kind" for each in node.keywords):
                yield f"{node.lineno}: {owner}.{name}"


def files() -> list[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in DRAWING for path in ROOT.glob(pattern)}
    return sorted(found - ELSEWHERE)


@pytest.mark.parametrize("path", files())
def test_what_decides_about_pixels_rounds_alike_everywhere(path: str) -> None:
    assert list(violations((ROOT / path).read_text("utf-8"))) == []
