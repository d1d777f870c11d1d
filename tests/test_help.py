"""The help of every command: it fits a terminal, tells the truth, and its examples run."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import README, commands, fenced, help_examples, run_example
from renderer.cli.examples import break_command, examples
from renderer.plugins import installed

Run = Callable[..., tuple[int, str, str]]


COMMANDS = list(commands())

EXAMPLES = help_examples()


def test_every_command_has_its_own_examples() -> None:
    for words in COMMANDS:
        assert examples(words)
        for example in examples(words):
            assert example.command.startswith(f"render {words}".strip()), example
            assert len(example.about) <= 76
            assert not example.about.endswith(".")


@pytest.mark.parametrize("example", sorted(set(EXAMPLES) - set(fenced(README))))
def test_every_example_runs(example: str, render: Run, photos: Path, cover: Path) -> None:
    run_example(example, render, cover, photos)


@pytest.mark.parametrize("width", [80, 60])
def test_a_long_example_is_broken_into_lines_that_a_shell_joins(width: int) -> None:
    for example in EXAMPLES:
        lines = break_command(example, width)
        assert max(map(len, lines)) <= 80
        assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(example)


VIDEOS = set(installed())
STILLS = {f"{group} {name}" for group in ("still", "sheet") for name in VIDEOS}


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("words", COMMANDS)
def test_every_help_fits_a_terminal_ends_with_the_examples_and_is_true(
    render: Run, monkeypatch: pytest.MonkeyPatch, words: str, flag: str
) -> None:
    for width in (80, 60):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = render(*words.split(), flag)
        assert (code, err) == (0, "")
        assert not set("…\x1e\x1f") & set(out)  # nothing is cut off, and every parameter is spelled
        if width == 80:  # narrower terminals break the frames
            assert max(map(len, out.splitlines())) <= width
            if flag == "--help":
                check_truth(words, out)
        shown, _, end = out.partition("\nExamples:\n")
        assert examples(words)[0].about in " ".join(end.split())
        assert shown.startswith("Usage: render")


def check_truth(words: str, page: str) -> None:
    """Standard output and patterns are mentioned where they work, arguments are described, values are TEXT or NUMBER."""
    usage, *lines = page.splitlines()
    text = " ".join(page.replace("│", " ").split())
    assert ("on standard output; default" in text) == (words in VIDEOS)
    assert ("out/{cover}-{animation}-{preset}" in text) == (words in VIDEOS | STILLS)
    assert not re.search(r"--\S+ (STR|INT|FLOAT|BOOL)\b", page)
    assert not {"ARGS", "[ARGS]", "[ARGS...]"} & set(usage.split())
    argument = commands()[words].argument
    if argument is not None:
        assert argument.usage in usage
        assert any(re.search(rf"{argument.name} +\S+ \S+", line) for line in lines), argument.name


def test_the_short_help_lists_the_common_options_and_names_the_full_help(render: Run) -> None:
    _, full, _ = render("zoom", "--help")
    _, short, _ = render("zoom", "-h")
    assert "--gop-seconds" in full
    assert "--gop-seconds" not in short
    assert "--direction" in short
    assert "--tiles" in short
    assert len(short.splitlines()) < 80
    assert short.rstrip().endswith("render zoom --help")


def test_all_ways_to_request_help_are_equal(render: Run) -> None:
    for words in ([], ["help"], ["-h"]):
        assert render(*words)[1] == render("--help")[1]
    assert render("help", "library", "add")[1] == render("library", "add", "--help")[1]


def test_help_shows_defaults_that_are_zero(render: Run) -> None:
    out = " ".join(render("zoom", "--help")[1].replace("│", " ").split())
    for option in ("--seed NUMBER", "--blend NUMBER", "--music-start NUMBER"):
        assert "[default: 0]" in out.partition(option)[2].partition(" --")[0]
