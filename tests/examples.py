"""Find the examples of the README, the documents and the help, and run them on a small scale."""

import re
import shlex
import threading
import wave
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from renderer.cli import root_command
from renderer.cli.commands import Command, every_command
from renderer.cli.examples import examples

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}
"""The written pages of the site. The examples of commands and gallery are tested from the tables that hold them."""

Run = Callable[..., tuple[int, str, str]]

AS_THEY_ARE = ("doctor", "cache", "edit", "library", "presets", "check", "animations", "completion")
"""Commands whose options do not include a size."""


NAMED = {
    "/shared/photos": ".",
    "~/Pictures/best.jpg": "photo00.jpg",
    "~/Pictures/wedding": ".",
    "~/Pictures": ".",
    "IMG_2041.jpg": "photo03.jpg",
}
"""Names of photos in the examples, and the test photos that replace them."""

PAST = "2026-07"
"""A month in the examples' --since; replaced, because the test photos are as old as the test run."""


@cache
def commands() -> dict[str, Command]:
    """All commands by their words: making them, with all options, takes a second."""
    return {command.words: command for command in every_command(root_command())}


def help_examples() -> list[str]:
    """Return the commands in the help of all commands."""
    return [example.command for words in commands() for example in examples(words)]


def fenced(page: str) -> list[str]:
    """Return the commands in the ```sh blocks of a Markdown page, without their comments."""
    return [
        " ".join(line.split(" #")[0].split())
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", "").splitlines()
        if line.startswith("render ")
    ]


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page in a language, with included files inserted."""
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return [
        re.sub(r"--8<--\n(.+)\n--8<--", lambda included: (ROOT / included[1]).read_text("utf-8"), block)
        for block in found
    ]


def small(words: list[str]) -> list[str]:
    """Return the same command with small values for size, duration and number of cells."""
    values = (
        {"--columns": "10"} if words[0] == "mosaic" else {"--columns": "10", "--size": "80x54", "--duration": "0.4"}
    )
    if words[0] == "explore":
        values = {"--columns": "10", **({"--tile-pixels": "40"} if "--deep-zoom" in words else {"--page-size": "1"})}
    if words[0] == "explain":
        values = {"--columns": "10", "--size": "160x90"}
        values |= {"--duration": "0.5"} if words[1] == "knn" else {}
        if words[1] == "channels":
            del values["--columns"]
    if "--cell-size" in words or any(word.endswith(".mosaic") and words[1] == word for word in words):
        values.pop("--columns")
    if "--draft" in words:
        values.pop("--size")
    if "--title-time" in words:
        values["--duration"] = "1"
    if "--at" in words:
        values["--duration"] = "4"
    if "--print" in words:
        values["--dpi"] = "20"
    if words[:2] == ["sheet", "landings"]:
        values = {"--columns": "10"}
    elif words[0] == "sheet":
        values["--size"] = "40x27"
        if words[1] in ("all", "--all"):
            values["--cells"] = "2x1"
    for option, value in values.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    return words


def prepare(example: str, words: list[str], render: Run, cover: Path, photos: Path) -> None:
    """Create the files and libraries that an example uses."""
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
        "before.jpg",
        "after.jpg",
        "old-logo.png",
        "new-logo.png",
        "logo.png",
        "night.jpg",
        "products/A1.jpg",
        "covers/cover.jpg",
        "faces/ada.jpg",
    ):
        if words[0] == "batch" or name in words:
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_bytes(cover.read_bytes())
    for name in ("customers", "faces", "friends", "team"):
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
    if "--captions" in words:
        Path("captions.csv").write_text("photo00.jpg,The first dance\n")
    if "--music" in words:
        with wave.open("song.mp3", "wb") as song:  # recognised by content
            song.setparams((1, 2, 8000, 0, "NONE", ""))
            song.writeframes(bytes(range(256)) * 64)


def prepare_campaigns() -> None:
    """Write the campaign files of the pages, with one value of each sweep, and their tables."""
    for block in (block for page in (README, *PAGES.values()) for block in blocks(page, "toml")):
        if named := re.match(r"# (\w+\.toml)\n", block):
            Path(named[1]).write_text(block.replace("0..9", "0..0"))
    Path("people.csv").write_text("name,face\nAda,ada.jpg\n")
    Path("products.csv").write_text("sku,name,price\nA1,Mug,12 €\n", "utf-8")


def quit_studio(address: str) -> None:
    """End a studio as its page does, once it answers."""
    server, _, token = address.partition("/#")

    def run() -> None:
        opener = build_opener(HTTPCookieProcessor())
        opener.open(f"{server}/open", token.encode()).close()
        opener.open(f"{server}/api/quit", b"").close()

    threading.Thread(target=run).start()


def run_example(example: str, render: Run, cover: Path, photos: Path) -> None:
    """Run an example on a small scale in the current, empty folder, and check that its output exists."""
    command, _, _ = example.partition(" > ")
    words = shlex.split(command)[1:]
    for name, replacement in NAMED.items():
        words = [word.replace(name, str(photos / replacement)) for word in words]
    for documented, here in ((PAST, "2001"), ("tcp://first:8786", "local:1"), ("s3://bucket", "s3://jobs")):
        words = [word.replace(documented, here) for word in words]
    words = [word.replace("/shared/segments", "segments") for word in words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webbrowser.open", quit_studio)
        # As for a user, the cache is that of earlier commands: most examples have the same mosaic.
        patch.setenv("MOSAIC_RENDERER_CACHE", str(photos.parent / "cache-of-examples"))
        prepare(example, words, render, cover, photos)
        code, out, err = render(*(words if words[0] in AS_THEY_ARE else small(words)))
    assert code == 0 or (words[0] == "check" and code == 1), err  # a small and short video breaks some rules
    if words[0] == "batch":
        assert list(Path().glob("*/*.html")) or "--dry-run" in words
    elif "-o" in words:
        assert Path(words[words.index("-o") + 1]).exists()
    assert out
