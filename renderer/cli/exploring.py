"""`render explore`: the page in which a mosaic is explored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from renderer.cli.commands import Command
from renderer.cli.messages import ask_overwrite, megabytes, open_console, show_file
from renderer.cli.options import COVER, OutputOptions, format_command, on_cover
from renderer.cli.terminal import print_json, say
from renderer.cover_names import CoverName
from renderer.parameters import given
from renderer.settings import ExploreSettings, MatchSettings

if TYPE_CHECKING:
    from renderer.explore import Explored


def explore_command() -> Command:
    """Return the command."""
    return Command(
        "explore", "Make a web page for exploring a mosaic and finding photos in it.",
        on_cover(_explore), COVER,
        {"Page": ExploreSettings, "Tiles and matching": MatchSettings, "Output": OutputOptions}, has_short_help=True,
    )  # fmt: skip


def _explore(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.deep_zoom_files import paths_of
    from renderer.explore import explore, folder_of, page_path
    from renderer.job import check_cover_name, named_output

    common, console = open_console(values)
    settings = ExploreSettings(**given(ExploreSettings, values))
    path: Path | None = None
    if common.output is not None or settings.deep_zoom is None:
        path = page_path(common.output) if common.output else named_output(None, cover, "explore", "", ".html")
    files = [path] if path is not None else []
    if path is not None and settings.originals == "folder":
        files.append(folder_of(path) / "0.jpg")
    if settings.deep_zoom is not None:
        files.append(paths_of(settings.deep_zoom, check_cover_name(cover).stem)[0])
    overwrite = ask_overwrite(files, values, overwrite=common.overwrite)
    made = explore(
        cover, path, settings, match=MatchSettings(**given(MatchSettings, values)), command=format_command,
        overwrite=overwrite, progress=console,
    )  # fmt: skip
    if common.json:
        print_json(made.as_json())
    elif not common.quiet:
        say(*_lines(made))
    if common.open and made.page is not None:
        show_file(made.page)


def _lines(made: Explored) -> Iterator[str]:
    """Yield a line about each file or folder that was written."""
    if made.page is not None:
        yield f"{made.page}: {megabytes(made.page.stat().st_size)}; made in {made.seconds:.1f} s"
    if made.photos is not None:
        yield f"{made.photos}: the photos in full size"
    if made.deep_zoom is not None:
        deep, (width, height) = made.deep_zoom, made.deep_zoom.size
        levels = f"{deep.levels} levels up to {width}x{height}, {deep.files:,} files, {megabytes(deep.bytes)}"
        yield f"{deep.path}: {levels}; made in {made.seconds:.1f} s"
