"""`render cache ...`: what is kept so that it need not be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from renderer.cached_files import CacheKind, clear, sizes
from renderer.cli.commands import Argument, Command, Values, by_name
from renderer.cli.messages import megabytes
from renderer.cli.terminal import print_json, say
from renderer.parameters import Validated, given, parameter
from renderer.paths import cache_folder


@dataclass(frozen=True)
class CacheOptions(Validated):
    """Options of the commands of the cache."""

    quiet: bool = parameter(False, "Print only errors", option="-q")
    json: bool = parameter(False, "Print the result as one JSON object on standard output")


_ABOUT: dict[CacheKind, str] = {
    "maps": "matched mosaics",
    "indexes": "thumbnails and colours of photos that are in no library",
    "segments": "finished parts of videos, with which an interrupted render is resumed",
    "copies": "copies of files for and from the store of a cluster",
}


def cache_command() -> Command:
    """Return the commands, as a group."""
    kinds = get_args(CacheKind)
    commands = (
        Command("cache list", "List what is kept, and its size.", _list, groups={"Options": CacheOptions}),
        Command(
            "cache clear", "Delete what is kept: everything, or only some kinds.", _clear,
            Argument("[KIND...]", "What to delete", kinds, default="everything"), {"Options": CacheOptions},
        ),
    )  # fmt: skip
    return Command(
        "cache",
        "List or delete what is kept so that it need not be made again. Photos and libraries are not touched.",
        subcommands=by_name(commands),
    )


def _list(_words: Sequence[str], values: Values) -> None:
    options, found = CacheOptions(**given(CacheOptions, values)), sizes()
    if options.json:
        print_json({"folder": str(cache_folder()), "bytes": {str(kind): size for kind, size in found.items()}})
    elif not options.quiet:
        say(str(cache_folder()), *(f"  {kind}: {megabytes(size)}, {_ABOUT[kind]}" for kind, size in found.items()))


def _clear(words: Sequence[str], values: Values) -> None:
    options = CacheOptions(**given(CacheOptions, values))
    freed = {str(kind): clear(kind) for kind in get_args(CacheKind) if not words or kind in words}
    if options.json:
        print_json({"freed": freed})
    elif not options.quiet:
        say(f"Deleted: {', '.join(f'{kind} ({megabytes(size)})' for kind, size in freed.items())}")
