"""`render studio`: the page in which looks are tried."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from renderer.cli.commands import Command
from renderer.cli.options import COVER, format_command, on_cover, written_command
from renderer.cli.terminal import say
from renderer.cover_names import CoverName
from renderer.parameters import Validated, given, parameter, parameters
from renderer.settings import SECTIONS


@dataclass(frozen=True)
class StudioOptions(Validated):
    """Options of the studio."""

    animation: str | None = parameter(
        None, "Animation to begin with; default: that of the look that was saved beside the cover, or else zoom",
        metavar="NAME",
    )  # fmt: skip
    preset: str | None = parameter(None, "Preset to begin with (see `render presets`)", option="--for", metavar="NAME")
    port: int = parameter(0, "Port of the page on this machine; 0: a free one", low=0, high=65_535)
    open: bool = parameter(True, "Open the page in a browser; --no-open only prints its address")


def studio_command() -> Command:
    """Return the command."""
    return Command(
        "studio", "Try animations and their parameters in a browser, live, on a page of this machine.",
        on_cover(_studio), COVER, {"Studio": StudioOptions, **SECTIONS}, has_short_help=True,
    )  # fmt: skip


def _studio(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.job import check_cover_name
    from renderer.studio import Look, Studio, Texts, as_label, load_look, serve

    check_cover_name(cover)
    options = StudioOptions(**given(StudioOptions, values))
    own = {name: value for name, value in values.items() if name not in parameters(StudioOptions)}
    saved = load_look(cover)
    if saved is not None and options.animation in (None, saved.animation):
        first = Look(cover, saved.animation, {**saved.values, **own}, options.preset or saved.preset)
    else:
        first = Look(cover, options.animation or "zoom", own, options.preset or "")
    _ = first.job, first.frames

    def command(animation: str, chosen: Mapping[str, object]) -> str:
        named = cover.name if cover and not isinstance(cover, Path) else str(cover or "")
        written = {name: str(value) if isinstance(value, Path) else value for name, value in chosen.items()}
        return format_command([animation, *([named] if named else [])], written)

    def opened(address: str, once: str) -> None:
        say(address)
        sys.stdout.flush()
        if options.open:
            import webbrowser
            from threading import Thread

            # In a thread that ends with the process: a browser in the terminal returns when it is left.
            Thread(target=webbrowser.open, args=(once,), daemon=True).start()

    def stored(animation: str, chosen: Mapping[str, object]) -> str:
        return written_command([animation], cover, chosen)

    studio = Studio(cover, first, Texts(command, stored, as_label))
    try:
        serve(studio, options.port, opened)
    except KeyboardInterrupt:  # the usual way to end it
        pass
    finally:
        studio.close()
