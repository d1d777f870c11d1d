"""The compiled functions: the same bits in every variant, on every processor, from every compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import hatch_build
from renderer.errors import RenderError
from renderer.kernels import library
from renderer.kernels.library import Kernels, kernels, variants
from renderer.kernels.sources import FOLDER, source_digest
from tests.kernel_cases import DECLARED, TESTED, Case, flat_parameters, load

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load()


def check(case: Case, result: np.ndarray, written: list[np.ndarray]) -> None:
    """Compare what a call returned and wrote with what is recorded."""
    assert result.tobytes() == case.result.tobytes(), case.function
    for value, expected in zip(written, case.after, strict=True):
        assert value.tobytes() == expected.tobytes(), case.function


# -- Variants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", variants(), ids=lambda path: path.stem)
def test_every_variant_repeats_the_recorded_results(path: Path, cases: list[Case]) -> None:
    assert {case.function for case in cases} == set(TESTED)
    variant = Kernels(path)
    for case in cases:
        check(case, *case.run(variant))


def test_the_fastest_variant_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    kernels.cache_clear()
    assert kernels().variant == variants()[0].stem
    if kernels().processor_level() == 3:
        assert kernels().variant == "x86-64-v3"


def test_a_variant_is_selected_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in variants():
        monkeypatch.setenv(library.VARIABLE, path.stem)
        assert kernels.__wrapped__().variant == path.stem
    monkeypatch.setenv(library.VARIABLE, "z80")
    with pytest.raises(RenderError, match=rf"MOSAIC_RENDERER_KERNELS is 'z80'.*: use {variants()[0].stem}"):
        kernels.__wrapped__()


def test_another_compiler_gives_the_same_bits(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no other compiler is installed")
    monkeypatch.setenv("CC", compiler)
    for path in hatch_build.compile_kernels(hatch_build.target(), tmp_path):
        if path.stem in {usable.stem for usable in variants()}:
            variant = Kernels(path)
            for case in cases:
                check(case, *case.run(variant))


def driver_calls() -> str:
    """Return C that calls each function with parameters from the driver's input, and writes what it changed."""
    lines = [
        "static void call(int64_t function, Value pointed)",
        "{",
        "    int64_t result = 0;",
        "    switch (function) {",
    ]
    for index, name in enumerate(TESTED):
        lines.append(f"    case {index}: {{")
        arguments, structs = [], []
        flat = flat_parameters(name)
        for number, parameter in enumerate(flat):
            lines.append(
                f"        Value v{number} = {'next_addresses(pointed)' if parameter.pointers == 2 else 'next()'};"
            )
        values = iter(
            f"(void *)v{number}.bytes" if parameter.pointers else f"*({parameter.type} *)v{number}.bytes"
            for number, parameter in enumerate(flat)
        )
        for number, parameter in enumerate(DECLARED.functions[name].parameters):
            if parameter.type in DECLARED.structs:
                fields = ", ".join(next(values) for _ in DECLARED.structs[parameter.type])
                structs.append(f"        {parameter.type} s{number} = {{{fields}}};")
                arguments.append(f"&s{number}")
            else:
                arguments.append(next(values))
        target = {"void": "", "double": "double real = "}.get(DECLARED.functions[name].result, "result = ")
        lines += [*structs, f"        {target}{name}({', '.join(arguments)});"]
        if "real" in target:
            lines.append("        memcpy(&result, &real, sizeof result);")
        lines.append("        put(&result, sizeof result);")
        lines += [f"        put(v{i}.bytes, v{i}.length);" for i, parameter in enumerate(flat) if parameter.written]
        lines += ["        break;", "    }"]
    return "\n".join([*lines, "    }", "}", ""])


def driver_input(case: Case) -> bytes:
    """Return a call in the format that tests/kernel_driver.c reads."""
    blocks = [case.memory, *case.before]
    parts = [len(block.tobytes()).to_bytes(8, "little") + block.tobytes() for block in blocks]
    return TESTED.index(case.function).to_bytes(8, "little") + b"".join(parts)


def test_aarch64_repeats_the_recorded_results(cases: list[Case], tmp_path: Path) -> None:
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if emulator is None:
        pytest.skip("qemu-user is not installed")
    (tmp_path / "calls.h").write_text(driver_calls())
    driver = tmp_path / "driver"
    target = hatch_build.TARGETS["linux", "aarch64"]
    command = [part for part in hatch_build.compiler(target, "aarch64") if part != "-shared"]
    sources = [*FOLDER.glob("*.c"), ROOT / "tests" / "kernel_driver.c"]
    subprocess.run(
        [*command, "-static", f"-I{FOLDER}", f"-I{tmp_path}", "-DSOURCE_DIGEST=0", "-o", driver, *sources],
        check=True, env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    output = subprocess.run(
        [emulator, driver], input=b"".join(map(driver_input, cases)), capture_output=True, check=True
    )
    at = 0
    for case in cases:
        result, at = output.stdout[at : at + 8], at + 8
        kind = case.result.dtype
        written = []
        for expected in case.after:
            written.append(np.frombuffer(output.stdout[at : at + expected.nbytes], expected.dtype))
            at += expected.nbytes
        check(case, np.frombuffer(result, kind)[0], written)
    assert at == len(output.stdout)


# -- Errors ------------------------------------------------------------------------------------------------------------


def test_arrays_of_another_kind_are_refused_or_converted() -> None:
    frame = np.zeros((2, 4), np.uint32)
    pixels = np.ones((2, 4, 4), np.uint8)
    kernels().to_rgba(frame, 4, 0, 2, pixels)
    assert not pixels.any()
    wide = np.full((2, 8), 0xFF030201, np.uint32)
    kernels().to_rgba(wide[:, ::2], 4, 0, 2, pixels)  # read only: copied
    assert (pixels == (1, 2, 3, 255)).all()
    with pytest.raises(Exception, match="array of uint8, not"):
        kernels().to_rgba(frame, 4, 0, 2, np.zeros((2, 4, 4)))
    with pytest.raises(Exception, match="expected a contiguous array of uint8"):
        kernels().to_rgba(frame, 4, 0, 2, np.zeros((2, 4, 8), np.uint8)[..., ::2])
    with pytest.raises(Exception, match="expected an array of uint32, not list"):
        kernels().to_rgba([1, 2], 4, 0, 2, pixels)
    with pytest.raises(Exception, match="expected a contiguous array of uint8"):
        kernels().to_rgba(frame, 4, 0, 2, np.zeros((2, 4, 8), np.bool_)[..., ::2])
    pixels.flags.writeable = False
    for array in pixels, pixels.view(np.bool_):
        with pytest.raises(Exception, match="the array is read-only"):
            kernels().to_rgba(frame, 4, 0, 2, array)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that the library is loaded from, with the header only."""
    shutil.copy(FOLDER / "kernels.h", tmp_path)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    return tmp_path


def test_a_missing_or_damaged_library_is_one_sentence(elsewhere: Path) -> None:
    with pytest.raises(
        RenderError, match=r"^The compiled part of the renderer is missing .*: install the package again"
    ):
        kernels.__wrapped__()
    (elsewhere / f"x86-64-v2{library.SUFFIX}").write_bytes(b"not a library")
    with pytest.raises(
        RenderError, match=r"^The compiled part of the renderer can't be loaded .*: install the package again"
    ):
        kernels.__wrapped__()


def test_a_library_older_than_its_sources_is_refused(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(variants_of(FOLDER)[0], elsewhere)
    assert kernels.__wrapped__().source_digest() == source_digest()
    monkeypatch.setattr(library, "source_digest", lambda: 1)
    with pytest.raises(RenderError, match="is older than its sources"):
        kernels.__wrapped__()


def variants_of(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{library.SUFFIX}"))


def test_an_interruption_while_arguments_are_converted_is_not_another_error() -> None:
    class Interrupting:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernels().all_costs(Interrupting(), None, None, None)
