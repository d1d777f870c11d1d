"""`render explore`: the page in which a mosaic is explored."""

from __future__ import annotations

from pathlib import Path

from renderer.cli.commands import Command
from renderer.cli.messages import ask_overwrite, megabytes, open_console, show_file
from renderer.cli.options import COVER, OutputOptions, format_command, on_cover
from renderer.cli.terminal import print_json, say
from renderer.cover_names import CoverName
from renderer.parameters import given
from renderer.settings import ExploreSettings, MatchSettings


def explore_command() -> Command:
    """Return the command."""
    return Command(
        "explore", "Make a page in which one explores the mosaic, and finds each photo in it.",
        on_cover(_explore), COVER,
        {"Page": ExploreSettings, "Tiles and matching": MatchSettings, "Output": OutputOptions}, has_short_help=True,
    )  # fmt: skip


def _explore(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.explore import explore, page_path
    from renderer.job import named_output

    common, console = open_console(values)
    settings = ExploreSettings(**given(ExploreSettings, values))
    path: Path | None = None
    if common.output is not None or settings.deep_zoom is None:
        path = page_path(common.output) if common.output else named_output(None, cover, "explore", "", ".html")
    overwrite = ask_overwrite([path] if path else [], values, overwrite=common.overwrite)
    made = explore(
        cover, path, settings, match=MatchSettings(**given(MatchSettings, values)), command=format_command,
        overwrite=overwrite, progress=console,
    )  # fmt: skip
    if common.json:
        print_json(made.as_json())
    elif not common.quiet and made.page is not None:
        say(f"{made.page}: {megabytes(made.page.stat().st_size)}; made in {made.seconds:.1f} s")
    if common.open and made.page is not None:
        show_file(made.page)
