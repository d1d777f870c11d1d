"""The files around the code: CI workflow, Git hooks, issue templates and the form of the troubleshooting page."""

import re
import tomllib
from typing import Any

import pytest
import yaml

import hatch_build
from examples import PAGES, README, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TASKS = PROJECT["tool"]["poe"]["tasks"]


def test_contributors_have_the_compiler_of_the_build() -> None:
    assert hatch_build.ZIG in PROJECT["project"]["optional-dependencies"]["dev"]


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


WORKFLOW = read_yaml(".github/workflows/ci.yml")


def commands(job: str) -> list[str]:
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_ci_runs_exactly_the_two_commands_of_the_readme() -> None:
    assert commands("test") == re.findall(r"^    (pip install .*)$", README, re.MULTILINE)
    assert len(commands("test")) == 2


def test_ci_covers_three_systems_and_every_supported_python() -> None:
    job = WORKFLOW["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    assert matrix["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert [f"Programming Language :: Python :: {version}" for version in matrix["python"]] == [
        line for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)
    ]
    assert set(matrix) == {"system", "python"}  # nothing is excluded
    assert job["runs-on"] == "${{ matrix.system }}"
    setup = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@"))
    assert setup["with"]["python-version"] == "${{ matrix.python }}"
    assert not job["strategy"]["fail-fast"]


def test_ci_runs_every_task_of_check() -> None:
    assert {f"poe {task}" for task in TASKS["check"]["sequence"]} <= {
        command.split(" && ")[-1] for job in WORKFLOW["jobs"] for command in commands(job)
    }


def test_ci_may_only_read_and_uses_bash_everywhere() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in WORKFLOW["jobs"].values())
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash"
    used = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)


def test_the_hooks_run_exactly_the_tasks_of_check() -> None:
    hooks = [hook for repository in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    assert sorted(hook["entry"] for hook in hooks) == sorted(f"poe {task}" for task in TASKS["check"]["sequence"])
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


def test_every_poe_task_that_is_mentioned_exists() -> None:
    pages = {**PAGES, "README.md": README, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text("utf-8")}
    for name, page in pages.items():
        assert set(re.findall(r"`poe ([\w-]+)", page)) <= set(TASKS), name


@pytest.mark.parametrize("template", ["bug_report", "feature_request"])
def test_the_issue_templates_ask_for_what_is_needed(template: str) -> None:
    fields = {each.get("id"): each for each in read_yaml(f".github/ISSUE_TEMPLATE/{template}.yml")["body"]}
    assert {"doctor", "expected", "actual"} <= set(fields)
    assert "render doctor" in fields["doctor"]["attributes"]["label"]
    if template == "bug_report":
        needed = {name for name, field in fields.items() if field.get("validations", {}).get("required")}
        assert needed == {"command", "expected", "actual", "doctor"}


def test_every_entry_of_troubleshooting_has_symptom_cause_and_fix() -> None:
    entries = re.split(r"^### ", PAGES["troubleshooting.md"], flags=re.MULTILINE)[1:]
    assert len(entries) >= 20
    for entry in entries:
        text = entry.partition("\n## ")[0]
        assert re.findall(r"^\*\*(\w+):\*\* \S", text, re.MULTILINE) == ["Symptom", "Cause", "Fix"], entry.splitlines()[
            0
        ]


def test_files_that_other_files_name_exist() -> None:
    for path in [*(ROOT / ".github").rglob("*.yml"), *(ROOT / ".github").rglob("*.md")]:
        for name in re.findall(r"`([\w/-]+\.md)`", path.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{path.name} names {name}"
