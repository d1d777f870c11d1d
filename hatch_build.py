"""Build hook: compiles the C files, and adds files of other packages, which are build requirements.

renderer/kernels/*.c become a shared library for each variant of the wheel's platform. Fonts of titles and figures, and
a model of faces, are copied from matplotlib and scikit-image to renderer/bundled/.

The compiler is Zig, which pip installs for the build, or what `CC` names. The platform is this machine's or what
`_PYTHON_HOST_PLATFORM` names, as in setuptools: linux-x86_64, linux-aarch64, macosx-11.0-x86_64, macosx-11.0-arm64 or
win-amd64. `python hatch_build.py` adds everything to the checkout, for this machine; `python hatch_build.py dist`
builds the wheels of all five platforms into a folder.
"""

from __future__ import annotations

import os
import platform
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
KERNELS = ROOT / "renderer" / "kernels"

FLAGS = [
    "-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-ffreestanding", "-nostdlib",
    # The same bits from every compiler: no fused multiplication and addition, no reordering, integers that wrap.
    "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fwrapv",
]  # fmt: skip

ZIG = "ziglang==0.17.1"
"""The compiler, a build requirement unless `CC` is set; also in the extra `dev`."""

ZIG_FLAGS = ["-fno-sanitize=undefined", "-g0", "-s"]  # Zig's own defaults are those of a debug build

X86_64 = {"x86-64-v2": "x86_64_v2", "x86-64-v3": "x86_64_v3"}


class Target(NamedTuple):
    """A platform that wheels are built for."""

    tag: str  # of the wheel
    zig: str  # Zig's name of the platform
    suffix: str  # of the library
    variants: dict[str, str]  # their names, and Zig's names of the processors


TARGETS = {
    ("linux", "x86_64"): Target("manylinux_2_17_x86_64.musllinux_1_1_x86_64", "x86_64-linux-gnu.2.17", ".so", X86_64),
    ("linux", "aarch64"): Target(
        "manylinux_2_17_aarch64.musllinux_1_1_aarch64", "aarch64-linux-gnu.2.17", ".so", {"aarch64": "generic"}
    ),
    ("macosx", "x86_64"): Target("macosx_11_0_x86_64", "x86_64-macos.11.0", ".dylib", X86_64),
    ("macosx", "arm64"): Target("macosx_11_0_arm64", "aarch64-macos.11.0", ".dylib", {"aarch64": "apple_m1"}),
    ("win", "amd64"): Target("win_amd64", "x86_64-windows-gnu", ".dll", X86_64),
}


def target() -> Target:
    """Return the platform to build for: this machine's, if it is not a known one for `CC` only."""
    name = sysconfig.get_platform()
    system, machine = name.split("-")[0], name.split("-")[-1]
    if machine == "universal2":  # a Python for both processors of macOS
        machine = platform.machine()
    tag = name.replace("-", "_").replace(".", "_")
    suffix = {"win": ".dll", "macosx": ".dylib"}.get(system, ".so")
    return TARGETS.get((system, machine), Target(tag, "", suffix, {"generic": ""}))


def compiler(target: Target, variant: str) -> list[str]:
    """Return the command that compiles for a variant, without the files. Raises RuntimeError if there is none."""
    if "CC" in os.environ:
        return [*shlex.split(os.environ["CC"]), *FLAGS, *([f"-march={variant}"] if variant in X86_64 else [])]
    if not target.zig:
        raise RuntimeError(f"No compiler is provided for {target.tag}: name one, as in CC=cc pip install .")
    return [
        sys.executable, "-m", "ziglang", "cc", "-target", target.zig, f"-mcpu={target.variants[variant]}",
        *FLAGS, *ZIG_FLAGS,
    ]  # fmt: skip


def compile_kernels(target: Target, folder: Path) -> list[Path]:
    """Compile all variants into a folder and return their files. Raises RuntimeError with the compiler's messages."""
    sources = sorted(str(path) for path in KERNELS.glob("*.c"))
    digest = runpy.run_path(str(KERNELS / "sources.py"))["source_digest"]()
    libraries = []
    with tempfile.TemporaryDirectory() as work:
        # Without a cache of the user's, Zig's files are not kept: it would never remove them.
        environment = {"ZIG_GLOBAL_CACHE_DIR": work, "ZIG_LOCAL_CACHE_DIR": work, **os.environ}
        for variant in target.variants:
            built = Path(work, variant + target.suffix)
            command = [*compiler(target, variant), f"-DSOURCE_DIGEST={digest}u", "-o", built.name, *sources]
            try:
                # A library for macOS contains the name of the output: the folder's would differ in every build.
                done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
            except OSError as error:
                raise RuntimeError(
                    f"The compiler {command[0]} can't be run ({error}): set CC to another one"
                ) from error
            if done.returncode:
                raise RuntimeError(f"{shlex.join(command)} failed:\n{done.stderr}")
            copy = shutil.copyfile(built, folder / f"{built.name}.new")
            libraries.append(copy.replace(folder / built.name))  # a process may be using the old one
    return libraries


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
    """Return the files to add, and their paths in this package. Raises RuntimeError if a package is not installed."""
    found = {}
    for package, names in FILES.items():
        spec = find_spec(package)  # found without importing it
        if spec is None or spec.origin is None:
            raise RuntimeError(
                f"{package} is not installed, and files of it are needed: install the build requirements"
            )
        for name in names:
            path = Path(spec.origin).parent / name
            found[path] = f"renderer/bundled/{path.name}"
    return found


def add_to_checkout() -> None:
    """Compile into the checkout, and copy the files into it; Git ignores all of them."""
    built = compile_kernels(target(), KERNELS)
    for other in set(KERNELS.glob(f"*{target().suffix}")).difference(built):
        other.unlink()  # for another processor, or of another compiler: the loader would try it
    for source, name in bundled_files().items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source, ROOT / name)


def build_wheels(folder: Path) -> None:
    """Build the wheels of all platforms into a folder. Raises CalledProcessError if one can't be built."""
    for system, machine in TARGETS:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.absolute())]
        environment = {**os.environ, "_PYTHON_HOST_PLATFORM": f"{system}-{machine}"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


class BuildHook(BuildHookInterface[Any]):
    """Adds the libraries and files to a wheel, or to the checkout for an editable installation."""

    def dependencies(self) -> list[str]:
        """Return the build requirements that depend on the environment."""
        return [ZIG] if target().zig and "CC" not in os.environ else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the platform of the wheel."""
        built_for = target()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{built_for.tag}"
        if version == "editable":
            add_to_checkout()
            return
        build_data["force_include"].update({str(path): name for path, name in bundled_files().items()})
        self._folder = tempfile.TemporaryDirectory()
        for library in compile_kernels(built_for, Path(self._folder.name)):
            build_data["force_include"][str(library)] = f"renderer/kernels/{library.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the libraries, which are in the wheel."""
        if version != "editable":
            self._folder.cleanup()


if __name__ == "__main__":
    if sys.argv[1:]:
        build_wheels(Path(sys.argv[1]))
    else:
        add_to_checkout()
