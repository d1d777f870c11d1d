"""What `--help` says of every command: its examples are done, and it fits a terminal."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import README, fenced, run_example
from renderer.cli import build_app
from renderer.cli.completion import commands
from renderer.cli.examples import break_command, examples
from renderer.cli.options import EveryCommand

Run = Callable[..., tuple[int, str, str]]


COMMANDS = [words for words, _ in commands(build_app([], EveryCommand()))]

EXAMPLES = [example.command for words in COMMANDS for example in examples(words)]


def test_every_command_has_examples_of_its_own() -> None:
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
def test_a_long_example_is_broken_as_a_shell_joins_it(width: int) -> None:
    for example in EXAMPLES:
        lines = break_command(example, width)
        assert max(map(len, lines)) <= 80
        assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(example)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("words", COMMANDS)
def test_every_help_fits_a_terminal_and_ends_with_the_examples(
    render: Run, monkeypatch: pytest.MonkeyPatch, words: str, flag: str
) -> None:
    for width in (80, 60):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = render(*words.split(), flag)
        assert (code, err) == (0, "")
        assert "…" not in out
        assert max(map(len, out.splitlines())) <= width or width < 80
        shown, _, end = out.partition("\nExamples:\n")
        assert examples(words)[0].about in " ".join(end.split())
        assert shown.startswith("Usage: render")


def test_the_short_help_holds_the_usual_options_and_says_where_the_others_are(render: Run) -> None:
    _, full, _ = render("zoom", "--help")
    _, short, _ = render("zoom", "-h")
    assert "--gop-seconds" in full
    assert "--gop-seconds" not in short
    assert "--direction" in short
    assert "--tiles" in short
    assert len(short.splitlines()) < 80
    assert short.rstrip().endswith("render zoom --help")


def test_help_is_found_however_it_is_asked_for(render: Run) -> None:
    for words in ([], ["help"], ["-h"]):
        assert render(*words)[1] == render("--help")[1]
    assert render("help", "library", "add")[1] == render("library", "add", "--help")[1]
