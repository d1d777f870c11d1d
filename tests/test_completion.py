"""Completions of the shells, tested with the shells themselves."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SHELLS = ("bash", "zsh", "fish")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows does not have these shells")

CAPTURE = r"""
compadd() { # writes added words to a file; calls that only fill arrays are passed on
  if [[ " $* " == *" -"[AOD]" "* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- $hits >> offered
  return $(( ! $#hits ))
}
render() { print '==' >> offered }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a cover and photos, the user's presets and libraries."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(tmp_path / "own presets"))
    monkeypatch.setenv("MOSAIC_RENDERER_LIBRARIES", str(tmp_path / "own libraries"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "own presets/cinema.toml",
        "own presets/$(touch made).toml",
        "$(touch made).jpg",
        "own libraries/wedding.json",
        "home/x",
        "My photos/one.jpg",
        "my cover.jpg",
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    return tmp_path


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, render: Callable[..., tuple[int, str, str]], folder: Path) -> str:
    """An installed shell; its completion script is the file `script`."""
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    code, out, err = render("completion", name)
    assert (code, err) == (0, "")
    (folder / "script").write_text(out)
    return name


def keys(shell: str, *lines: str) -> None:
    """Type lines into an interactive shell on a terminal; tabs trigger completion."""
    quiet = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}[shell]
    spawn = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", shell, *quiet]
    typed = "".join(f"{line}\n" for line in (*lines, "exit")).encode()
    subprocess.run(spawn, input=typed, capture_output=True, timeout=60, check=False, env={**os.environ, "TERM": "dumb"})


def offers(shell: str, lines: list[str]) -> list[set[str]]:
    """Return the words that a shell offers at the end of each line."""
    if shell == "zsh":
        Path("setup").write_text(f"autoload -Uz compinit; compinit -uD; source ./script\n{CAPTURE}")
        keys("zsh", "source ./setup", *(f"{line}\t" for line in lines))
        out = Path("offered").read_text()
    else:
        code = "source ./script\n"
        for line in lines:
            if shell == "bash":
                words = shlex.split(line.replace("=", " = ")) + [""] * line.endswith(" ")
                code += f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _render; "
                code += "printf '%s\\n' \"${COMPREPLY[@]}\"; echo ==\n"
            else:
                code += f"complete -C {shlex.quote(line)} | string replace -r '\\t.*' ''; echo ==\n"
        done = subprocess.run([shell, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert not done.stderr
        out = done.stdout
    return [{word.removeprefix("--match=").rstrip("= ") for word in part.splitlines()} for part in out.split("==\n")][
        :-1
    ]


OFFERED: list[tuple[str, set[str], set[str]]] = [
    ("render ", {"zoom", "mosaic", "library", "completion"}, {"add", "--help"}),
    ("render zo", {"zoom"}, {"mosaic"}),
    ("render help zo", {"zoom"}, {"mosaic"}),
    ("render library ", {"add", "refresh", "check"}, {"zoom"}),
    ("render still ", {"zoom", "reveal", "show"}, {"mosaic"}),
    ("render explain ", {"grid", "knn"}, {"zoom"}),
    ("render zoom --ma", {"--match", "--max-uses", "--margin"}, {"--direction", "--help"}),
    ("render zoom --", {"--direction", "--tiles", "--help", "--no-mirror"}, {"--order", "--print", "--at"}),
    ("render still zoom --a", {"--at", "--adaptive"}, {"--dry-run"}),
    ("render mosaic cover.jpg --pr", {"--print"}, {"--preset", "--profile"}),
    ("render library add --", {"--name", "--crop"}, {"--tiles"}),
    ("render zoom cover.jpg --match ", {"structure", "mean", "lab", "pixels"}, {"--match", "zoom"}),
    ("render zoom --match mean --direction in", {"in", "inout"}, {"out"}),
    ("render zoom --match=m", {"mean"}, {"lab"}),
    ("render zoom --largest-cell ", {"1", "2", "4"}, {"1/2"}),
    ("render zoom mosaic --for inst", {"instagram-reel", "instagram-story"}, {"cinema", "tiktok"}),
    ("render zoom --preset ", {"cinema", "tiktok"}, {"wedding"}),
    ("render check it.mp4 --preset ti", {"tiktok"}, {"cinema"}),
    ("render presets c", {"cinema"}, {"tiktok"}),
    ("render zoom --tiles ", {"wedding", "pieces"}, {"cinema"}),
    ("render library show ", {"wedding"}, {"pieces", "show"}),
    ("render animations ", {"disperse", "zoom"}, {"mosaic"}),
    ("render batch --animation ", {"disperse", "zoom"}, {"mosaic"}),
    ("render completion ", {"bash", "zsh", "fish"}, {"zoom"}),
    ("render zoom --columns 1", set(), {"zoom"}),
]
"""A line, some words that are offered at its end, and some that are not."""


def test_only_suitable_words_are_offered(shell: str, folder: Path) -> None:
    rows = [row for row in OFFERED if "=" not in row[0] or shell != "zsh"]
    for (line, offered, not_offered), found in zip(rows, offers(shell, [row[0] for row in rows]), strict=True):
        assert offered <= found, line
        assert not not_offered & found, line
    assert not (folder / "made").exists()  # names of files are not executed


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("render zo\tmy\t--dir\tinou\t", ["zoom", "my cover.jpg", "--direction", "inout"]),
        ("render zoom --tiles My\t", ["zoom", "--tiles", "My photos"]),
        ("render zoom --tiles wed\t-o x", ["zoom", "--tiles", "wedding", "-o", "x"]),
        ("render presets cin\t", ["presets", "cinema"]),
        ("render library add --library-dir My\t", ["library", "add", "--library-dir", "My photos"]),
    ],
)
def test_a_completed_line_has_the_expected_arguments(
    shell: str, folder: Path, typed: str, arguments: list[str]
) -> None:
    record = {"fish": "function render; printf '%s\\n' $argv > arguments; end"}.get(
        shell, "render() { printf '%s\\n' \"$@\" > arguments; }"
    )
    setup = "autoload -Uz compinit; compinit -uD; " if shell == "zsh" else ""
    keys(shell, f"{setup}source ./script; {record}", typed)
    found = (folder / "arguments").read_text().splitlines()
    assert not (folder / "made").exists()  # names of files are not executed
    assert [word.rstrip("/") for word in found] == arguments  # zsh removes a trailing /
