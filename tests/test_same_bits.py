"""Frames are the same to the last bit on every processor, since parts of a video may be drawn on several machines."""

from __future__ import annotations

import ast
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import frame_digests
import numpy as np
import pytest
from numpy._core import _multiarray_umath as numpy_core

from renderer.colour import srgb_to_linear
from renderer.descriptors import to_lab
from renderer.kernels import arithmetic
from renderer.kernels.library import VARIABLE, variants
from renderer.scene.sorting import _to_lab

ROOT = Path(__file__).parent.parent


# -- Frames --------------------------------------------------------------------------------------------------------


def other_processors() -> dict[str, dict[str, str]]:
    """Return environments in which libraries compute as on a processor with AVX2, and on one without it."""
    optional = [name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__.get(name)]
    newest = [name for name in optional if name not in ("X86_V3", "AVX2", "FMA3")]
    dispatched = [name[1:] for name in cv2.getCPUFeaturesLine().split() if name[0] == "*" and "SSE" not in name]
    return {
        "AVX2": {
            "NPY_DISABLE_CPU_FEATURES": " ".join(newest),
            "OPENBLAS_CORETYPE": "Haswell",
            "OPENCV_CPU_DISABLE": ",".join(name for name in dispatched if "512" in name),
        },
        "SSE4": {
            "NPY_DISABLE_CPU_FEATURES": " ".join(optional),
            "OPENBLAS_CORETYPE": "Nehalem",
            "OPENCV_CPU_DISABLE": ",".join(dispatched),
            "OPENCV_IPP": "sse42",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",
            VARIABLE: variants()[-1].stem,
        },
    }


def digests(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return the digests of a process of its own, by case."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    command = [sys.executable, "-m", "tests.frame_digests", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_frames_do_not_depend_on_the_processor(photos: Path, tmp_path: Path) -> None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("only the libraries for x86-64 have variants that an environment selects")
    frame_digests.write_inputs(tmp_path, photos)
    here = digests(tmp_path, {})  # matches the covers; the others find the maps in its cache
    others = other_processors()
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(others, pool.map(lambda each: digests(tmp_path, each), others.values()), strict=True))
    if all(each["libraries"] == here["libraries"] for each in found.values()):
        pytest.skip("no variants of the libraries differ on this machine")
    for name, each in found.items():
        differing = [case for case in here if case != "libraries" and each[case] != here[case]]
        assert not differing, name


# -- Sources -------------------------------------------------------------------------------------------------------

_MODULES = (
    "canvas colour compositor covers/opening faces framing job/drawing kernels/arithmetic kernels/drawing kernels/planar "
    "kernels/resizing library/library overlay pixels placement planes/* scene/* shapes subject textures timeline"
)

DRAWING = ["animations/*.py", "examples/plugin/*.py", *(f"renderer/{each}.py" for each in _MODULES.split())]
"""What decides about pixels, from a map and photos to frames."""

ELSEWHERE = {"renderer/scene/preview.py"}  # small pictures for notebooks

ROUNDED = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "pow", "cbrt", "hypot", "dist"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "sinc"),
    *("arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "angle"),
    *("dot", "vdot", "inner", "matmul", "tensordot", "einsum", "norm", "inv", "solve", "svd", "interp", "convolve"),
    *("fft2", "ifft2", "GaussianBlur", "warpAffine"),
}
"""Functions of `math`, NumPy and OpenCV that round differently from processor to processor."""

RANDOM = {"normal", "standard_normal", "uniform", "exponential"}  # of NumPy's generators, however they are named

UNORDERED = {"argsort", "argpartition"}
"""Functions that order equal values differently, unless `kind="stable"` is given."""

ALLOWED = {
    ("renderer/kernels/arithmetic.py", "rng.standard_normal"),  # rounded
    ("renderer/subject.py", "np.fft.fft2"),  # rounded
    ("renderer/subject.py", "np.fft.ifft2"),
}


def violations(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and names of what rounds differently from processor to processor in a source."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(op=ast.MatMult()):
                yield node.lineno, "@"
            case ast.BinOp(left=ast.Constant(value=int()), op=ast.Pow()):
                pass  # exact
            case ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow()):  # `x**2` is not x * x everywhere
                yield node.lineno, "**"
            case ast.Attribute():
                owner = ast.unparse(node.value)
                library = owner.split(".")[0] in ("np", "math", "cv2") and node.attr in ROUNDED
                if library or (node.attr in RANDOM and owner not in ("arithmetic", "_library()")):
                    yield node.lineno, f"{owner}.{node.attr}"
            case ast.Call(func=ast.Attribute(attr=name), keywords=keywords):
                if name in UNORDERED and not any(each.arg == "kind" for each in keywords):
                    yield node.lineno, f"{name} without kind"


def sources() -> list[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in DRAWING for path in ROOT.glob(pattern)}
    return sorted(found - ELSEWHERE)


@pytest.mark.parametrize("path", sources())
def test_what_decides_about_pixels_rounds_alike_everywhere(path: str) -> None:
    found = violations((ROOT / path).read_text("utf-8"))
    assert [each for each in found if (path, each[1]) not in ALLOWED] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("np.exp(x)", "np.exp"),
        ("map(math.sin, x)", "math.sin"),
        ("points @ matrix", "@"),
        ("x **= 2", "**"),
        ("x**3", "**"),
        ("2**level", None),
        ("np.linalg.norm(x)", "np.linalg.norm"),
        ("np.argsort(x)", "argsort without kind"),
        ('np.argsort(x, kind="stable")', None),
        ("arithmetic.exp(x)", None),
        ("rng.uniform(0, 1)", "rng.uniform"),
    ],
)
def test_a_planted_call_is_found(source: str, found: str | None) -> None:
    assert [name for _, name in violations(source)] == ([found] if found else [])


# -- Arithmetic ----------------------------------------------------------------------------------------------------

Function = Callable[..., float]


@pytest.mark.parametrize(
    ("function", "exact", "values"),
    [
        (arithmetic.exp, math.exp, np.linspace(-700, 700, 4001)),
        (arithmetic.log, math.log, np.geomspace(1e-300, 1e300, 4001)),
        (arithmetic.log, math.log, np.linspace(0.99, 1.01, 4001)),
        (arithmetic.log2, math.log2, np.ldexp(1.0, np.arange(-1000, 1000))),
        (arithmetic.sin, math.sin, np.linspace(-3, 3, 4001)),
        (arithmetic.tan, math.tan, np.linspace(-1.5, 1.5, 4001)),
        (arithmetic.arcsin, math.asin, np.linspace(-1, 1, 4001)),
        (arithmetic.arccos, math.acos, np.linspace(-1, 0.99, 4001)),
    ],
)
def test_functions_are_accurate(function: Function, exact: Function, values: np.ndarray) -> None:
    for value in values.tolist():
        assert math.isclose(function(value), exact(value), rel_tol=1e-15, abs_tol=1e-300), value


def test_sine_and_cosine_are_accurate_to_large_angles() -> None:
    angles = np.concatenate([np.linspace(-1e6, 1e6, 20_001), np.arange(-400, 400) * 0.25 * math.pi])
    for function, exact in ((arithmetic.sin, math.sin), (arithmetic.cos, math.cos)):
        assert np.abs(function(angles) - [exact(angle) for angle in angles]).max() < 1e-15
    assert (arithmetic.sin(0.0), arithmetic.cos(0.0)) == (0.0, 1.0)


def test_angles_are_accurate_in_all_directions() -> None:
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=(2, 20_000)) * np.exp(rng.normal(0, 9, (2, 20_000)))
    found = arithmetic.arctan2(y, x)
    assert np.allclose(found, [math.atan2(*pair) for pair in zip(y, x, strict=True)], rtol=1e-15, atol=0)
    axes = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-0.0, -1.0), (-1.0, 0.0), (1.0, 1.0), (-1.0, -1.0)]
    for pair in axes:
        assert arithmetic.arctan2(*pair) == math.atan2(*pair)


def test_powers_are_accurate() -> None:
    for base in np.geomspace(1e-6, 1e6, 301).tolist():
        for exponent in (-2.5, 0.1, 0.5, 1.2, 2.4, 3):
            tolerance = 1e-15 * (1 + abs(exponent * math.log(base)))
            assert math.isclose(arithmetic.power(base, exponent), base**exponent, rel_tol=tolerance)
        assert arithmetic.power(base, 1.0) == arithmetic.power(base, 1) == base
        assert arithmetic.power(base, 0.0) == 1
        assert arithmetic.power(-base, 2) == base * base
    assert arithmetic.power(np.array([0.0, 4.0]), 0.5).tolist() == [0.0, 2.0]
    assert arithmetic.power(np.array([-2.0, 3.0]), 3).tolist() == [-8.0, 27.0]


def test_numbers_and_arrays_of_any_layout_give_the_same() -> None:
    values = np.random.default_rng(2).uniform(0.1, 3, (40, 30))
    for function in (arithmetic.exp, arithmetic.log, arithmetic.sin, arithmetic.cos):
        one_by_one = [[function(value) for value in row] for row in values.tolist()]
        assert (function(values) == one_by_one).all()
        assert (function(values.T[::2]) == np.array(one_by_one).T[::2]).all()
        assert (function(values.astype(np.float32)) == function(values.astype(np.float32).astype(np.float64))).all()
    both = arithmetic.power(values[:, :1], values)
    assert both.shape == values.shape
    assert both[3, 4] == arithmetic.power(float(values[3, 0]), float(values[3, 4]))


def test_products_of_matrices_are_sums_in_order() -> None:
    rng = np.random.default_rng(3)
    points, matrix = rng.random((7, 5, 2)), rng.random((2, 3))
    assert (arithmetic.product(points, matrix) == points[..., :1] * matrix[0] + points[..., 1:] * matrix[1]).all()
    assert (arithmetic.product(points, matrix[:, 0]) == arithmetic.product(points, matrix)[..., 0]).all()
    large = rng.random((9, 20)), rng.random((20, 4))
    assert np.allclose(arithmetic.product(*large), large[0] @ large[1], rtol=1e-14)
    assert arithmetic.product(np.empty((0, 2)), matrix).shape == (0, 3)
    with pytest.raises(ValueError, match="can't be multiplied"):
        arithmetic.product(points, np.eye(3))


def test_random_numbers_are_those_of_numpy() -> None:
    one, other = np.random.default_rng(4), np.random.default_rng(4)
    assert (arithmetic.uniform(one, -2, 3, (3, 50)) == other.uniform(-2, 3, (3, 50))).all()
    assert np.abs(arithmetic.normal(one, 1, 5, 9999) - other.normal(1, 5, 9999)).max() < 5e-9


def test_interpolation_and_lengths_are_those_of_numpy() -> None:
    rng = np.random.default_rng(6)
    positions, heights, x = np.sort(rng.random(30)), rng.random(30), rng.uniform(-0.2, 1.2, 500)
    assert np.allclose(arithmetic.interpolated(x, positions, heights), np.interp(x, positions, heights), rtol=1e-13)
    vectors = rng.random((50, 3))
    assert np.allclose(arithmetic.lengths(vectors), np.linalg.norm(vectors, axis=1), rtol=1e-15)
    assert arithmetic.distance((1.0, 2.0), (4.0, 6.0)) == 5.0


def test_colours_of_photos_are_sorted_by_the_usual_lab() -> None:
    colours = np.random.default_rng(8).random((100, 3))
    assert np.abs(_to_lab(colours) - to_lab(colours)).max() < 1e-3
    assert srgb_to_linear(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
