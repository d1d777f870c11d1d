"""Build the site (`poe docs`), and fail on a broken link.

The written pages are the .md files in this folder; reference.py generates the others. Both are copied to
build/docs/pages and built by zensical; then every link, picture and anchor of the result is checked.
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
    """Write the pages and settings for zensical into a folder, replacing its contents."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "pages", ignore=shutil.ignore_patterns("*.py", "*.toml", "__pycache__"))
    generated = pages()
    for name, text in generated.items():
        path = folder / "pages" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    settings = tomllib.loads((DOCS / "zensical.toml").read_text("utf-8"))
    project = settings["project"]
    reference = next(entry["Reference"] for entry in project["nav"] if "Reference" in entry)
    commands = next(entry["Commands"] for entry in reference if "Commands" in entry)
    commands += [
        {"All commands" if name.endswith("index.md") else Path(name).stem: name} for name in generated if "/" in name
    ]
    project["markdown_extensions"]["pymdownx"]["snippets"]["base_path"] = [str(ROOT)]
    python = project["plugins"]["mkdocstrings"]["handlers"]["python"]
    python["paths"] = [str(ROOT)]
    python["options"]["extensions"] = [str(DOCS / name) for name in python["options"]["extensions"]]
    (folder / "zensical.toml").write_text(tomli_w.dumps(settings), "utf-8")


class _Page(HTMLParser):
    """The links and anchors of an HTML page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Record the addresses and names of a tag."""
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(site: Path) -> list[str]:
    """Return the broken links within a site, as lines of text. External links are not checked.

    The strict build checks links between Markdown pages; pictures, clips and generated pages are only checked here.
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
                broken.append(f"{path.relative_to(site.resolve())}: broken link {link}")
    return broken


def main(folder: Path) -> None:
    """Build the site in a folder; warnings are errors."""
    os.environ["MOSAIC_RENDERER_PRESETS"] = str(folder / "presets")  # leave out the user's own presets
    assemble(folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "zensical.toml")]
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(code)
    if broken := broken_links(folder / "site"):
        raise SystemExit("\n".join(broken))
    print(f"python -m http.server --directory {folder / 'site'}")  # noqa: T201 (how to view the site)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs")
