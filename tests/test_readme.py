"""Run the README's examples, and compare its statements and those of the reference pages with the program."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from test_architecture import LAYERS

from examples import PAGES, README, ROOT, fenced, run_example


@pytest.mark.parametrize("example", fenced(README))
def test_every_readme_example_runs(
    example: str, render: Callable[..., tuple[int, str, str]], photos: Path, cover: Path
) -> None:
    run_example(example, render, cover, photos)


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_readmes_commands() -> None:
    install, tests = re.findall(r"^    (pip install .*)$", README, re.MULTILINE)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert tests in ci
    assert install.split(" && ")[0] in ci
    assert install.split(" && ")[1] in ci


def test_the_documented_json_keys_are_complete(render: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = render("mosaic", "--columns", "5", "--json")
    assert set(json.loads(out)) == documented_keys("| key | contents |", "With `--dry-run`")
    plan = json.loads(render("zoom", "--dry-run", "--json")[1])
    assert set(plan["budget"]) == documented_keys("| key of `budget` | contents |", "Other commands")
    words = PAGES["output.md"].partition("With `--dry-run`, the object has")[2].partition(":")[0]
    assert set(plan) == set(re.findall(r"`(\w+)`", words))


def documented_keys(start: str, end: str) -> set[str]:
    table = PAGES["output.md"].partition(start)[2].partition(end)[0]
    rows = [row.split("|")[1] for row in table.splitlines() if "|" in row]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_the_documented_json_keys_of_figures_are_complete(render: Callable[..., tuple[int, str, str]]) -> None:
    rows = PAGES["output.md"].partition("| figure | keys |")[2].splitlines()
    documented = {
        cells[1].strip(" `"): re.findall(r"`(\w+)`", cells[2]) for row in rows if len(cells := row.split("|")) > 2
    }
    documented["knn"] += documented["match"]
    for figure in ("grid", "channels", "match", "knn"):
        name = "it.mp4" if figure == "knn" else f"{figure}.png"
        more = ("--columns", "10") if figure != "channels" else ()
        more += ("--duration", "0.5") if figure == "knn" else ()
        _, out, err = render("explain", figure, "--size", "160x90", "--json", "-o", name, *more)
        shared = {"output", "width", "height", "fps", "frames"}
        assert set(json.loads(out)) - shared == set(documented[figure]), err


def test_the_architecture_page_lists_all_modules_in_the_order_of_their_layers() -> None:
    rows = re.findall(r"^\| (`renderer/.*?) \|", PAGES["architecture.md"], re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`renderer/(\w+)(?:\.py|/)`", row)]
    assert listed == LAYERS
