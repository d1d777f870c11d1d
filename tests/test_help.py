"""What `--help` says of every command: its examples are done, and it fits a terminal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cyclopts
import pytest

from examples import README, fenced, run_example
from renderer.cli import build_app
from renderer.cli.examples import break_command, examples

Run = Callable[..., tuple[int, str, str]]


def commands(app: Any, words: str = "") -> Iterator[str]:
    """The words of every command of an app, itself first."""
    yield words
    for name in app:
        if not name.startswith("-") and isinstance(app[name], cyclopts.App):
            yield from commands(app[name], f"{words} {name}".strip())


COMMANDS = list(commands(build_app([], ())))

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
        assert max(map(len, lines)) <= max(width, 4 + max(map(len, example.split("'"))))
        assert " ".join(line.removesuffix("\\").strip() for line in lines) == example
