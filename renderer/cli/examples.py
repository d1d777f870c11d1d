"""The examples of every command: its help shows them, its page of the documents too, and the tests run them."""

from __future__ import annotations

import re
import shutil
from typing import Final, NamedTuple

WIDTH: Final = 80
"""Columns that a help fills at most with examples."""

SHORT: Final = 3
"""Examples in a short help."""


class Example(NamedTuple):
    """A command as it is typed, in one line, and what it does, without a full stop."""

    command: str
    about: str


_TABLE: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (
        ("render zoom cover.jpg --tiles ~/Pictures", "A video that flies from the cover into one of your photos"),
        ("render mosaic cover.jpg --tiles ~/Pictures -o mosaic.png", "The mosaic as a picture"),
        ("render library add ~/Pictures", "From now on these are the tiles, where none are named"),
        ("render zoom", "A first look, at sample photos"),
    ),
    "zoom": (
        ("render zoom cover.jpg --tiles ~/Pictures", "Fly into one of your photos: cover-zoom.mp4"),
        ("render zoom cover.jpg --tiles ~/Pictures --draft", "Small and fast, for a look"),
        (
            "render zoom cover.jpg --tiles ~/Pictures --focus ~/Pictures/best.jpg --landing whole",
            "Land on a photo of your choice, and show all of it",
        ),
        (
            "render zoom cover.jpg --tiles ~/Pictures --for instagram-reel --for youtube-1080p -o out",
            "For two places at once, each checked against the rules of its place",
        ),
        ("render zoom cover.jpg --direction inout --focus 0.4,0.3 --duration 12", "There and back, without any photos"),
        ("render zoom cover.jpg --tiles ~/Pictures --music song.mp3 --title 'Our year'", "With music and a title"),
    ),
    "disperse": (
        ("render disperse cover.jpg --tiles ~/Pictures", "The tiles leave the mosaic: cover-disperse.mp4"),
        (
            "render disperse cover.jpg --tiles ~/Pictures --style vortex --origin 0.3,0.4",
            "In a whirl around a place of the cover",
        ),
        ("render disperse cover.jpg --transparent -o scatter.webm", "Over nothing, to lay over another video"),
    ),
    "gather": (
        ("render gather cover.jpg --tiles ~/Pictures", "Photos become the cover: cover-gather.mp4"),
        ("render gather cover.jpg --tiles ~/Pictures --style wind --seed 7", "Blown in by the wind, in another order"),
        ("render gather cover.jpg --tiles ~/Pictures --max-size 5MB -o gather.gif", "A GIF of 5 MB at most"),
    ),
    "reveal": (
        ("render reveal cover.jpg --tiles ~/Pictures", "Tile by tile: cover-reveal.mp4"),
        ("render reveal cover.jpg --tiles ~/Pictures --order hue --enter flip", "Along the rainbow, each tile turning"),
        (
            "render reveal cover.jpg --tiles ~/Pictures --from cover --order wave",
            "The plain cover gives way to its mosaic",
        ),
    ),
    "show": (
        (
            "render show cover.jpg --tiles ~/Pictures --timeline 'reveal 3s order=spiral, hold 1s, zoom 5s, hold 1s'",
            "The mosaic builds up, and the camera flies into it",
        ),
        (
            "render show cover.jpg --timeline 'zoom 4s, hold 1s, zoom 2s direction=out, disperse 2s'",
            "Into a photo, out of it, and away",
        ),
    ),
    "mosaic": (
        ("render mosaic cover.jpg --tiles ~/Pictures -o mosaic.png", "The mosaic as a picture"),
        ("render mosaic cover.jpg --tiles ~/Pictures --print 60x40cm -o poster.tif", "A poster of 300 pixels an inch"),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --columns 6 --unique --no-mirror",
            "Large cells, every photo once, none mirrored",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --report report.html",
            "Also a page: cover and mosaic compared, and what the photos lack",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --save-map cover.mosaic",
            "Keep which photo is where: `render zoom cover.mosaic` goes on from it",
        ),
    ),
    "still": (
        ("render still zoom cover.jpg --tiles ~/Pictures --at 3.5 -o frame.png", "The frame at 3.5 seconds of a zoom"),
        ("render still zoom cover.jpg --for tiktok --safe-zones", "What an app will cover of it"),
        ("render still disperse cover.jpg --at 2 --transparent", "A frame over nothing, to lay over another picture"),
    ),
    "sheet": (
        ("render sheet reveal cover.jpg --tiles ~/Pictures -o sheet.png", "Nine frames of a reveal in one picture"),
        ("render sheet zoom cover.jpg --cells 4x2 --direction inout", "Eight frames, in two rows"),
    ),
    "explain": (
        ("render explain match cover.jpg --tiles ~/Pictures", "A cell and the photo that was chosen for it"),
        ("render explain knn cover.jpg --tiles ~/Pictures -o search.gif", "The search for it, as a clip"),
    ),
    "explain grid": (
        ("render explain grid cover.jpg", "The cover, cut into about 5,000 cells"),
        ("render explain grid cover.jpg --columns 24 --adaptive", "Large cells, smaller over what is fine"),
    ),
    "explain channels": (
        ("render explain channels cover.jpg", "Red, green and blue, apart and together"),
        ("render explain channels cover.jpg --theme dark -o dark.png", "The same, for dark slides"),
    ),
    "explain match": (
        ("render explain match cover.jpg --tiles ~/Pictures", "Of a telling cell, which is found by itself"),
        ("render explain match cover.jpg --tiles ~/Pictures --cell 5,3 --match mean", "Of this cell, by mean colours"),
    ),
    "explain knn": (
        ("render explain knn cover.jpg --tiles ~/Pictures", "Photos as points in space that turns: cover-knn.mp4"),
        ("render explain knn cover.jpg --tiles ~/Pictures --match lab -o search.gif", "In CIELAB, as a GIF"),
    ),
    "edit": (
        ("render edit cover.mosaic --ban IMG_2041.jpg", "Take a photo out, wherever it is: cover-edited.mosaic"),
        ("render edit cover.mosaic --swap 3,2=~/Pictures/best.jpg", "Show a photo of your choice in the cell 3,2"),
        (
            "render edit cover.mosaic --ban 'more/*' --tiles ~/Pictures --exclude more",
            "Take a folder's photos out; others of yours take their places",
        ),
    ),
    "library": (
        ("render library add ~/Pictures", "Index a folder: its photos are the tiles, where none are named"),
        ("render library check", "What can't be used, near-duplicates, which colours are missing"),
    ),
    "library add": (
        ("render library add ~/Pictures", "The library that is used where --tiles is not given"),
        ("render library add ~/Pictures --name wedding", "Another beside it, for --tiles wedding"),
        ("render library add ~/Pictures --video-frames 5", "With five frames of each video"),
    ),
    "library refresh": (
        ("render library refresh", "After new photos have come into its folders"),
        ("render library refresh wedding", "The same for a library that has a name"),
    ),
    "library list": (
        ("render library list", "All of them, with their folders"),
        ("render library list --json", "The same, for a program"),
    ),
    "library show": (("render library show wedding", "Its folders, dates, settings and size"),),
    "library remove": (("render library remove wedding", "Forget it; its photos stay as they are"),),
    "library check": (
        ("render library check", "Of the library that is used by default"),
        ("render library check wedding --verbose -o colours.png", "Of another, with all that was found"),
    ),
    "batch": (
        ("render batch campaign.toml --dry-run", "What would be made, and what is up to date"),
        ("render batch campaign.toml --only 'zoom*' --workers 2", "A part of a campaign, two videos at once"),
        (
            "render batch --covers 'covers/*.jpg' --tiles ~/Pictures --animation zoom --animation disperse",
            "Two videos of each cover, without a file",
        ),
    ),
    "animations": (
        ("render animations", "All that are installed"),
        ("render animations disperse", "What one of them can be told"),
        ("render animations reveal --sample reveal.mp4", "And a small one to look at"),
    ),
    "presets": (
        ("render presets", "All of them, and where your own go"),
        ("render presets tiktok > mine.toml", "One of them, to copy and change"),
    ),
    "check": (
        ("render check clip.mp4 --preset instagram-reel", "Whether Instagram takes it"),
        ("render check clip.mp4 --preset whatsapp --json", "The same, for a program"),
    ),
    "completion": (
        ("render completion bash > ~/.render.bash", "Then, in ~/.bashrc: source ~/.render.bash"),
        ("render completion zsh > ~/.render.zsh", "Then, in ~/.zshrc, after compinit: source ~/.render.zsh"),
        ("render completion fish > ~/.config/fish/completions/render.fish", "Nothing else: fish finds it there"),
    ),
    "doctor": (("render doctor", "What to mend, before the first render or after one that failed"),),
}
"""By the words of a command, those that tell most first."""


def examples(words: str) -> list[Example]:
    """The examples of a command, by its words, such as "library add"; of the whole program for no words.

    An animation that has none here, one of another package say, gets the plainest by itself.
    """
    group, _, animation = words.partition(" ")
    if words in _TABLE:
        found = _TABLE[words]
    elif group == "still":
        found = (
            (f"render still {animation} cover.jpg --tiles ~/Pictures --at 2", "The frame at 2 seconds"),
            (f"render still {animation} cover.jpg --for tiktok --safe-zones", "What an app will cover of it"),
        )
    elif group == "sheet":
        found = ((f"render sheet {animation} cover.jpg --tiles ~/Pictures", "Nine frames in one picture"),)
    else:
        found = ((f"render {words} cover.jpg --tiles ~/Pictures", f"A video of your photos: cover-{words}.mp4"),)
    return [Example(*each) for each in found]


def epilogue(words: str, *, short: bool | None = None) -> str:
    """The end of a command's help: its examples, and for a command with a short help (-h), what shows the other one."""
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    lines = ["Examples:"]
    for example in examples(words)[: SHORT if short else None]:
        lines += [f"  {example.about}", *break_command(example.command, width)]
    if short is not None:
        lines += ["", f"All options: render {words} --help" if short else f"The usual options alone: render {words} -h"]
    return "\n".join(lines)


def break_command(command: str, width: int, indent: str = "    ") -> list[str]:
    r"""A command in lines of at most `width` columns, as far as its words allow, joined by \ as a shell reads it.

    An option stays with its value.
    """
    words = re.findall(r"""--?\w[\w-]* (?:'[^']*'|[^\s-]\S*)|(?:'[^']*'|\S)+""", command)
    lines = [indent + words[0]]
    for word in words[1:]:
        if len(f"{lines[-1]} {word} \\") <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"{indent}  {word}")
    return lines
