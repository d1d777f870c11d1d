"""Parameters in messages become options of the command line, and of nothing else."""

import inspect
import json
import shlex
from pathlib import Path

import pytest

from examples import commands
from renderer.cli.options import format_command, written_command
from renderer.cli.terminal import as_option, print_json, printable
from renderer.job import render_mosaic
from renderer.messages import named

COMMANDS = {words: command for words, command in commands().items() if command.run}

OPTIONS = {
    words: {name for option in command.options for name in option.all_names} for words, command in COMMANDS.items()
}
"""The options of each command."""


def test_every_declared_parameter_is_spelled_as_an_option_of_its_command() -> None:
    checked = 0
    for words, command in COMMANDS.items():
        for option in command.options:
            checked += 1
            assert as_option(option.name) in OPTIONS[words]
            if not option.metavar:
                assert as_option(option.name, "True") in OPTIONS[words]
            if option.negative:
                assert as_option(option.name, "False") in OPTIONS[words]
    assert checked > 500


def test_arguments_of_the_library_are_spelled_as_options() -> None:
    not_options = {"cover", "path", "match", "progress", "command"}
    for name in set(inspect.signature(render_mosaic).parameters) - not_options:
        assert as_option(name) in OPTIONS["mosaic"]


@pytest.mark.parametrize(
    ("mark", "option"),
    [
        (named("max_size"), "--max-size"),
        (named("max_size", "3y"), "--max-size 3y"),
        (named("tiles", "pieces"), "--tiles pieces"),
        (named("output", "it.mp4"), "-o it.mp4"),
        (named("paper", "60x40cm"), "--print 60x40cm"),
        (named("transparent", True), "--transparent"),
        (named("mirror", False), "--no-mirror"),
    ],
)
def test_a_marked_parameter_is_printed_as_an_option(mark: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(f"{mark} is wrong") == f"{option} is wrong"
    print_json({"skipped": [{"reason": f"{mark} is wrong"}], "count": 1, "checks": ()})
    assert json.loads(capsys.readouterr().out) == {
        "skipped": [{"reason": f"{option} is wrong"}], "count": 1, "checks": []
    }  # fmt: skip


def test_a_command_is_formatted_for_a_shell() -> None:
    values = {"swap": ("3,2=a b.jpg", "1,1=c.jpg"), "ban": "d.jpg", "cover": None, "mirror": False, "unique": True}
    line = format_command(["edit", "my cover.mosaic"], {**values, "size": (96, 64), "tone": 0.5})
    assert line.startswith("render edit 'my cover.mosaic' --swap '3,2=a b.jpg' --swap 1,1=c.jpg --ban d.jpg")
    assert shlex.split(line)[-6:] == ["--no-mirror", "--unique", "--size", "96x64", "--tone", "0.5"]


def test_a_written_command_holds_no_local_paths(tmp_path: Path) -> None:
    values = {
        "tiles": (f"{tmp_path}/Pictures",),
        "exclude": ("drafts/*",),
        "swap": (f"31,12={tmp_path}/a b.jpg", "3,2=beach"),
        "ban": (f"{tmp_path}/c.jpg", "~/Pictures/[x]*.jpg", f"{tmp_path}/drafts/*"),
        "output": tmp_path / "it.mp4",
        "unique": True,
    }
    line = written_command(["zoom"], tmp_path / "cover.jpg", values)
    assert line == "render zoom cover.jpg --tiles Pictures --exclude 'drafts/*' " + (
        "--swap '31,12=a b.jpg' --swap 3,2=beach --ban c.jpg --ban '[x]*.jpg' --ban 'drafts/*' --unique"
    )
