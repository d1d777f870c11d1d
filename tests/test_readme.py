"""What the README says, done."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")

EXAMPLES = [
    line.split(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("render ")
]


def small(words: list[str]) -> list[str]:
    """The same command on a small scale, where the example itself does not set one."""
    wanted = (
        {"--columns": "10"} if words[0] == "mosaic" else {"--columns": "10", "--size": "80x54", "--duration": "0.4"}
    )
    if words[0] == "explain":
        wanted = {"--columns": "10", "--size": "160x90"}
        wanted |= {"--duration": "0.5"} if words[1] == "knn" else {}
        if words[1] == "channels":
            del wanted["--columns"]
    if "--cell-size" in words or any(word.endswith(".mosaic") and words[1] == word for word in words):
        wanted.pop("--columns")
    if "--draft" in words:
        wanted.pop("--size")
    if "--at" in words:
        wanted["--duration"] = "4"
    if "--print" in words:
        wanted["--dpi"] = "20"
    if words[0] == "sheet":
        wanted["--size"] = "40x27"
    for option, value in wanted.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    return words


def prepare_campaign(cover: Path) -> None:
    """What the README's campaign is about, with one value of its sweep."""
    (campaign,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    Path("campaign.toml").write_text(campaign.replace("0..9", "0..0"))
    Path("people.csv").write_text("name,face\nAda,ada.jpg\n")
    for name in ("covers/cover.jpg", "faces/ada.jpg"):
        Path(name).parent.mkdir()
        Path(name).write_bytes(cover.read_bytes())


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_runs(
    example: str, render: Callable[..., tuple[int, str, str]], photos: Path, cover: Path
) -> None:
    Path("cover.jpg").write_bytes(cover.read_bytes())
    Path("more").symlink_to(photos)
    named = {"~/Pictures/best.jpg": str(photos / "photo00.jpg"), "~/Pictures": str(photos)}
    words = [named.get(word, word) for word in shlex.split(example)[1:]]
    if words[-1] != "doctor" and "cover.mosaic" in words[:2]:
        assert render("mosaic", "cover.jpg", "--columns", "10", "--save-map", "cover.mosaic", "-o", "m.png")[0] == 0
    if "wedding" in words and words[0] != "library":
        assert render("library", "add", photos, "--name", "wedding")[0] == 0
    elif words[:2] == ["library", "check"]:
        assert render("library", "add", photos, "--name", words[-1])[0] == 0
    if words[0] == "check":
        Path("out").mkdir()
        video = ("zoom", "cover.jpg", "--for", words[-1], "--size", "80x54", "--columns", "10", "--duration", "0.4")
        assert render(*video, "-o", words[1])[0] == 0
    if words[0] == "batch":
        prepare_campaign(cover)
        assert render("library", "add", photos, "--name", "wedding")[0] == 0
    code, out, err = render(*(words if words[0] in ("doctor", "library", "presets", "check") else small(words)))
    assert code == (1 if words[0] == "check" else 0), err  # a small and short video breaks the rules
    if words[0] == "batch":
        assert list(Path().glob("*/*.html")) or "--dry-run" in words
    elif "->" in example or "-o" in words:
        assert Path(words[words.index("-o") + 1]).exists()
    assert out


def test_the_python_example_runs(photos: Path, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cover.jpg").write_bytes(cover.read_bytes())
    Path("photos").symlink_to(photos)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code.replace("duration=2.0", "duration=0.3"), "README.md", "exec"), {})
    assert Path("python.mp4").exists()


def test_ci_runs_the_readmes_commands() -> None:
    install, tests = re.findall(r"^    (pip install .*)$", README, re.MULTILINE)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert tests in ci
    assert install.split(" && ")[0] in ci
    assert install.split(" && ")[1] in ci


def test_the_documented_keys_are_those_of_the_json(render: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = render("mosaic", "--columns", "5", "--json")
    table = README[README.index("| key | what |") : README.index("### What is stored where")]
    assert set(json.loads(out)) == {
        key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }


def test_every_room_stands_in_the_readme() -> None:
    for path in (ROOT / "renderer").iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            assert f"`renderer/{path.name}`" in README
