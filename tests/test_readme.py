"""What the README says, done."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import PAGES, README, fenced, run_example

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("example", fenced(README))
def test_every_example_runs(
    example: str, render: Callable[..., tuple[int, str, str]], photos: Path, cover: Path
) -> None:
    run_example(example, render, cover, photos)


def test_ci_runs_the_readmes_commands() -> None:
    install, tests = re.findall(r"^    (pip install .*)$", README, re.MULTILINE)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert tests in ci
    assert install.split(" && ")[0] in ci
    assert install.split(" && ")[1] in ci


def test_the_documented_keys_are_those_of_the_json(render: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = render("mosaic", "--columns", "5", "--json")
    table = PAGES["output.md"].partition("| key | what |")[2].partition("Other commands")[0]
    assert set(json.loads(out)) == {
        key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }


def test_the_documented_keys_of_the_figures_are_theirs(render: Callable[..., tuple[int, str, str]]) -> None:
    rows = PAGES["output.md"].partition("| figure | keys |")[2].splitlines()
    said = {cells[1].strip(" `"): re.findall(r"`(\w+)`", cells[2]) for row in rows if len(cells := row.split("|")) > 2}
    said["knn"] += said["match"]
    for figure in ("grid", "channels", "match", "knn"):
        name = "it.mp4" if figure == "knn" else f"{figure}.png"
        more = ("--columns", "10") if figure != "channels" else ()
        more += ("--duration", "0.5") if figure == "knn" else ()
        _, out, err = render("explain", figure, "--size", "160x90", "--json", "-o", name, *more)
        shared = {"output", "width", "height", "fps", "frames"}
        assert set(json.loads(out)) - shared == set(said[figure]), err


def test_every_room_stands_in_the_readme() -> None:
    for path in (ROOT / "renderer").iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            assert f"`renderer/{path.name}`" in README
