"""The examples of the README, of the documents and of the help: found, made small, and done."""

import re
import shlex
import wave
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
"""The written pages of the site. Commands and gallery are made from tables, whose examples are tested from there."""

Run = Callable[..., tuple[int, str, str]]

AS_THEY_ARE = ("doctor", "edit", "library", "presets", "check", "animations", "completion")
"""Commands that have no scale."""


NAMED = {
    "~/Pictures/best.jpg": "photo00.jpg",
    "~/Pictures/wedding": ".",
    "~/Pictures": ".",
    "IMG_2041.jpg": "photo03.jpg",
}
"""What examples call photos, and which of the tests' photos it then is."""

PAST = "2026-07"
"""A month that examples ask photos of; the tests' photos are of today, whenever that is."""


def fenced(page: str) -> list[str]:
    """The commands in the ```sh blocks of a page of Markdown, without their comments."""
    return [
        " ".join(line.split(" #")[0].split())
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", "").splitlines()
        if line.startswith("render ")
    ]


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language, with the files that they show in the place of their names."""
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return [
        re.sub(r"--8<--\n(.+)\n--8<--", lambda shown: (ROOT / shown[1]).read_text("utf-8"), block) for block in found
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
    if "--title-time" in words:
        wanted["--duration"] = "1"
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


def prepare(example: str, words: list[str], render: Run, cover: Path, photos: Path) -> None:
    """What an example finds in its folder and among the libraries."""
    Path("cover.jpg").write_bytes(cover.read_bytes())
    Path("more").symlink_to(photos)
    picture = ("--size", "80x54", "--columns", "10")
    if words[0] != "library" and "cover.mosaic" in words[:2]:
        tiles = ("--tiles", photos, "--use-all") if words[0] == "edit" else ()
        made = ("cover.jpg", *tiles, "--columns", "10", "--save-map", "cover.mosaic", "-o", "m.png")
        assert render("mosaic", *made)[0] == 0
    for name in (
        "best.jpg",
        "couple.jpg",
        "logo.png",
        "night.jpg",
        "products/A1.jpg",
        "covers/cover.jpg",
        "faces/ada.jpg",
    ):
        if words[0] == "batch" or name in words:
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_bytes(cover.read_bytes())
    for name in ("customers", "faces", "galaxies"):
        if not Path(name).exists():
            Path(name).symlink_to(photos)
    if words[0] == "batch":
        prepare_campaigns()
    if ("wedding" in example and words[:2] != ["library", "add"]) or words[0] == "batch":
        assert render("library", "add", photos, "--name", "wedding")[0] == 0
    if words[0] == "library" and words[1] != "add":
        assert render("library", "add", photos)[0] == 0
    if words[0] == "check":
        Path(words[1]).parent.mkdir(exist_ok=True)
        video = ("zoom", "cover.jpg", "--for", words[words.index("--preset") + 1], *picture, "--duration", "0.4")
        assert render(*video, "-o", words[1])[0] == 0
    if "--music" in words:
        with wave.open("song.mp3", "wb") as song:  # a name's ending does not matter
            song.setparams((1, 2, 8000, 0, "NONE", ""))
            song.writeframes(bytes(range(256)) * 64)


def prepare_campaigns() -> None:
    """The campaigns of the pages, with one value of each sweep, and what their rows come from."""
    for block in (block for page in (README, *PAGES.values()) for block in blocks(page, "toml")):
        if named := re.match(r"# (\w+\.toml)\n", block):
            Path(named[1]).write_text(block.replace("0..9", "0..0"))
    Path("people.csv").write_text("name,face\nAda,ada.jpg\n")
    Path("products.csv").write_text("sku,name,price\nA1,Mug,12 €\n", "utf-8")


def run_example(example: str, render: Run, cover: Path, photos: Path) -> None:
    """An example does what it says, on a small scale, in an empty folder."""
    command, _, _ = example.partition(" > ")
    words = shlex.split(command)[1:]
    for name, there in NAMED.items():
        words = [word.replace(name, str(photos / there)) for word in words]
    words = [word.replace(PAST, "2001") for word in words]
    prepare(example, words, render, cover, photos)
    code, out, err = render(*(words if words[0] in AS_THEY_ARE else small(words)))
    assert code == 0 or (words[0] == "check" and code == 1), err  # a small and short video breaks some rules
    if words[0] == "batch":
        assert list(Path().glob("*/*.html")) or "--dry-run" in words
    elif "-o" in words:
        assert Path(words[words.index("-o") + 1]).exists()
    assert out
