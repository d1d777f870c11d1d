"""Build the site: `poe docs` says how to look at it. It fails on a link that leads nowhere.

The written pages are the .md files beside this one; reference.py makes the others. Both are laid into build/docs/pages,
zensical makes the site of them, and every link, picture and anchor of what came out is followed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag, urlsplit

import tomli_w
from reference import pages

DOCS: Final = Path(__file__).parent
ROOT: Final = DOCS.parent


def assemble(folder: Path) -> None:
    """Lay pages and settings into a folder, as zensical wants them; what was there is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "pages", ignore=shutil.ignore_patterns("*.py", "*.toml", "__pycache__"))
    made = pages()
    for name, text in made.items():
        path = folder / "pages" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    settings = tomllib.loads((DOCS / "zensical.toml").read_text("utf-8"))
    project = settings["project"]
    commands = next(entry["Commands"] for entry in project["nav"] if "Commands" in entry)
    commands += [name if name.endswith("index.md") else {Path(name).stem: name} for name in made if "/" in name]
    project["markdown_extensions"]["pymdownx"]["snippets"]["base_path"] = [str(ROOT)]
    python = project["plugins"]["mkdocstrings"]["handlers"]["python"]
    python["paths"] = [str(ROOT)]
    python["options"]["extensions"] = [str(DOCS / name) for name in python["options"]["extensions"]]
    (folder / "zensical.toml").write_text(tomli_w.dumps(settings), "utf-8")


class _Page(HTMLParser):
    """What a page links to, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag's addresses and names."""
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(site: Path) -> list[str]:
    """What links within a site lead nowhere, as lines to read. Links that leave it are not followed.

    The strict build looks at links between pages of Markdown; pictures, clips and made pages are looked at here alone.
    """
    found = {path.resolve(): _Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    broken = []
    for path, page in found.items():
        for link in page.links:
            address, anchor = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            if not target.exists() or (anchor and target in found and unquote(anchor) not in found[target].anchors):
                broken.append(f"{path.relative_to(site.resolve())}: {link} leads nowhere")
    return broken


def main(folder: Path) -> None:
    """Build the site in a folder, strictly."""
    os.environ["MOSAIC_RENDERER_PRESETS"] = str(folder / "presets")  # a user's own are none of the site's
    assemble(folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "zensical.toml")]
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(code)
    if broken := broken_links(folder / "site"):
        raise SystemExit("\n".join(broken))
    print(f"python -m http.server --directory {folder / 'site'}")  # noqa: T201 (what it is run for)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs")
