"""Examples of every command: shown in its help and on its page of the documentation, and run by the tests."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

WIDTH: Final = 80
"""Maximum width of examples in help."""

SHORT: Final = 3
"""Number of examples in the short help."""


class Example(NamedTuple):
    """A command on one line, and what it does, without a full stop."""

    command: str
    about: str


_TABLE: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (
        (
            "render zoom cover.jpg --tiles ~/Pictures",
            "Render a video that flies from the cover into one of your photos",
        ),
        ("render mosaic cover.jpg --tiles ~/Pictures -o mosaic.png", "Render the mosaic as a picture"),
        ("render library add ~/Pictures", "Use these photos whenever --tiles is not specified"),
        ("render zoom", "Try it with the sample cover"),
    ),
    "zoom": (
        ("render zoom cover.jpg --tiles ~/Pictures", "Fly into one of your photos; writes cover-zoom.mp4"),
        ("render zoom cover.jpg --tiles ~/Pictures --draft", "Render a small, fast preview"),
        (
            "render zoom cover.jpg --tiles ~/Pictures --focus ~/Pictures/best.jpg --landing whole",
            "Land on a photo of your choice, and show all of it",
        ),
        (
            "render zoom cover.jpg --tiles ~/Pictures --swap 3,2=~/Pictures/best.jpg --ban 'more/*'",
            "Choose the photo of a cell, and replace others; all else stays the same",
        ),
        (
            "render zoom cover.jpg --tiles ~/Pictures --for instagram-reel --for youtube-1080p -o out",
            "Render for two platforms, each checked against its rules",
        ),
        (
            "render zoom cover.jpg --tiles pieces --direction inout --focus 0.4,0.3 --duration 12",
            "Fly in and out again, with pieces of the cover as tiles",
        ),
        ("render zoom cover.jpg --tiles ~/Pictures --music song.mp3 --title 'Our year'", "Add music and a title"),
        (
            "render zoom cover.jpg --tiles ~/Pictures --duration 120 --workers 4",
            "Make 4 segments at once; after an interruption, the same command goes on",
        ),
        (
            "render zoom cover.jpg --tiles ~/Pictures --tile-shape 3:2 --gap 0.06 --background white",
            "Make a photo wall: whole 3:2 photos with white gaps",
        ),
        (
            "render zoom cover.jpg --tiles ~/Pictures --mask heart --background white",
            "Use only a heart of the cover, on white",
        ),
    ),
    "disperse": (
        ("render disperse cover.jpg --tiles ~/Pictures", "Scatter the tiles; writes cover-disperse.mp4"),
        (
            "render disperse cover.jpg --tiles ~/Pictures --style vortex --origin 0.3,0.4",
            "Swirl the tiles around a point of the cover",
        ),
        (
            "render disperse cover.jpg --tiles ~/Pictures --style wind --reveals ~/Pictures/best.jpg",
            "Blow the tiles off another picture",
        ),
        (
            "render disperse cover.jpg --transparent -o scatter.webm",
            "Render with a transparent background, to overlay on another video",
        ),
    ),
    "endless": (
        (
            "render endless cover.jpg --tiles ~/Pictures",
            "Fly into a tile that is the whole mosaic again; repeats without a seam",
        ),
        (
            "render endless before.jpg after.jpg best.jpg --tiles ~/Pictures --focus 0.4,0.3",
            "From each cover to the next, and back; select the tile of the first",
        ),
        ("render endless cover.jpg --tiles ~/Pictures --reverse -o out.gif", "Fly out, as a GIF"),
    ),
    "flip": (
        (
            "render flip before.jpg after.jpg --tiles ~/Pictures",
            "Turn the tiles of one cover over into those of the next",
        ),
        (
            "render flip before.jpg after.jpg --tiles ~/Pictures --order spiral --axis horizontal",
            "From the middle, each tile about a horizontal axis",
        ),
        ("render flip before.jpg after.jpg --tiles ~/Pictures --loop -o flip.gif", "And back, as a GIF that repeats"),
    ),
    "morph": (
        (
            "render morph old-logo.png new-logo.png --tiles team",
            "The same photos travel from one picture to the other",
        ),
        (
            "render morph before.jpg after.jpg best.jpg shape:heart --tiles ~/Pictures --loop",
            "A chain of four covers, and round again",
        ),
        (
            "render morph before.jpg after.jpg --tiles ~/Pictures --travel 0.9 --swirl 0.6",
            "Shorter ways, for a little less likeness, in wider curves",
        ),
    ),
    "sheet all": (
        (
            "render sheet all cover.jpg best.jpg --tiles ~/Pictures",
            "Writes into cover-sheets; morph and flip lead to best.jpg",
        ),
        ("render sheet all cover.jpg --tiles ~/Pictures --size 1080x1920 --cells 5x2 -o sheets", "Upright frames"),
    ),
    "flight": (
        ("render flight cover.jpg --tiles ~/Pictures", "Fly low over your photos, then rise; writes cover-flight.mp4"),
        (
            "render flight cover.jpg --tiles ~/Pictures --height 5 --heading=-20 --pitch 45",
            "Fly higher, to the upper left, and look more steeply down",
        ),
        (
            "render flight cover.jpg --tiles ~/Pictures --loop -o flight.gif",
            "Descend from the cover and return to it, in a GIF without a jump",
        ),
    ),
    "gather": (
        ("render gather cover.jpg --tiles ~/Pictures", "Assemble the cover from your photos; writes cover-gather.mp4"),
        (
            "render gather cover.jpg --tiles ~/Pictures --style wind --seed 7",
            "Blow the photos in, with another random seed",
        ),
        (
            "render gather cover.jpg --tiles ~/Pictures --reveals empty --easing cubic",
            "Start with the background, and slow the photos down as they arrive",
        ),
        ("render gather text:40 --tiles ~/Pictures --background white", "Make a number of your photos"),
        (
            "render gather logo.png --tiles ~/Pictures --background white",
            "Place tiles only where a logo with a transparent ground is opaque",
        ),
        ("render gather cover.jpg --tiles ~/Pictures --max-size 5MB -o gather.gif", "Render a GIF of at most 5 MB"),
    ),
    "parade": (
        (
            "render parade cover.jpg --tiles ~/Pictures",
            "Show photos one by one, which form the cover; writes cover-parade.mp4",
        ),
        (
            "render parade cover.jpg --tiles ~/Pictures --photos 12 --for instagram-reel",
            "Show twelve photos, in the size of a platform",
        ),
        (
            "render parade cover.jpg --tiles ~/Pictures --prefer people --accelerate 0.7",
            "Show people rather than places, faster and faster",
        ),
    ),
    "reveal": (
        ("render reveal cover.jpg --tiles ~/Pictures", "Build the mosaic tile by tile; writes cover-reveal.mp4"),
        (
            "render reveal cover.jpg --tiles ~/Pictures --order hue --enter flip",
            "Add tiles in order of hue, each flipping over",
        ),
        (
            "render reveal cover.jpg --tiles ~/Pictures --from cover --order wave",
            "Replace the plain cover with its mosaic",
        ),
        (
            "render reveal cover.jpg --tiles ~/Pictures --order centre --easing cubic",
            "Drop the tiles from the middle outwards, most of them halfway through",
        ),
        (
            "render reveal cover.jpg --tiles ~/Pictures --tile-shape hexagon --border 0.04 --border-colour white",
            "Build a honeycomb of photos with white borders",
        ),
    ),
    "wave": (
        (
            "render wave cover.jpg --tiles ~/Pictures",
            "Let waves run through the mosaic as through cloth; writes cover-wave.mp4",
        ),
        (
            "render wave cover.jpg --tiles ~/Pictures --origin 0.5,0.4 --wavelength 0.2",
            "Let ripples spread from a point of the cover",
        ),
        (
            "render wave cover.jpg --tiles ~/Pictures --loop --amplitude 0.5 --period 2.5",
            "Keep gentle waves going, in an endless loop",
        ),
    ),
    "sort": (
        (
            "render sort cover.jpg --tiles ~/Pictures",
            "Sort the photos by hue, until they form the cover; writes cover-sort.mp4",
        ),
        (
            "render sort cover.jpg --tiles ~/Pictures --by date",
            "Start with the photos in the order in which they were taken",
        ),
        (
            "render sort cover.jpg --tiles ~/Pictures --by brightness --into sorted --loop",
            "Sort the photos of the cover from dark to bright, and put them back",
        ),
    ),
    "show": (
        (
            "render show cover.jpg --tiles ~/Pictures --timeline 'reveal 3s order=spiral, hold 1s, zoom 5s, hold 1s'",
            "Build the mosaic, then fly into it",
        ),
        (
            "render show cover.jpg --timeline 'zoom 4s, hold 1s, zoom 2s direction=out, disperse 2s'",
            "Fly into a photo and out again, then scatter the tiles",
        ),
        (
            "render show text:ANNA --tiles ~/Pictures --fill photos --timeline 'gather 4s, zoom 4s' --for tiktok",
            "Assemble a name from your photos, then fly into one of them",
        ),
        (
            "render show cover.jpg --tiles ~/Pictures --timeline 'reveal 3s, wave 4s, flight 9s from=mosaic'",
            "Build the mosaic, let it ripple, then fly low over its photos",
        ),
    ),
    "mosaic": (
        ("render mosaic cover.jpg --tiles ~/Pictures -o mosaic.png", "Render the mosaic as a picture"),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --print 60x40cm -o poster.tif",
            "Make a poster at 300 pixels per inch",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --columns 6 --unique --no-mirror",
            "Use large cells, each photo at most once, and no mirrored photos",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --report report.html",
            "Also write a report: cover and mosaic compared, and missing colours",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --save-map cover.mosaic",
            "Save the placement of photos, for `render zoom cover.mosaic`",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --tile-shape mixed -o mixed.png",
            "Place landscape and portrait photos in cells of their own orientation",
        ),
        (
            "render mosaic cover.jpg --tiles ~/Pictures --tile-shape circle --background '#f4efe6' -o dots.png",
            "Use circles, on a coloured ground",
        ),
        (
            "render mosaic shape:star --tiles ~/Pictures --fill gold --columns 60 --background transparent -o star.png",
            "Make a star of your photos, with a transparent ground",
        ),
    ),
    "still": (
        (
            "render still zoom cover.jpg --tiles ~/Pictures --at 3.5 -o frame.png",
            "Render the frame at 3.5 seconds of a zoom",
        ),
        ("render still zoom cover.jpg --for tiktok --safe-zones", "Shade the areas that the app covers"),
        ("render still disperse cover.jpg --at 2 --transparent", "Render a frame with a transparent background"),
    ),
    "sheet": (
        (
            "render sheet reveal cover.jpg --tiles ~/Pictures -o sheet.png",
            "Render nine frames of a reveal in one picture",
        ),
        ("render sheet zoom cover.jpg --cells 4x2 --direction inout", "Render eight frames in two rows"),
        (
            "render sheet landings cover.jpg --tiles ~/Pictures",
            "Show the twelve best photos to fly into, with their names",
        ),
    ),
    "sheet landings": (
        (
            "render sheet landings cover.jpg --tiles ~/Pictures",
            "Show the twelve best photos to fly into, with their names",
        ),
        (
            "render sheet landings cover.jpg --tiles ~/Pictures --prefer places -o places.jpg",
            "Show photos without faces",
        ),
    ),
    "explore": (
        ("render explore cover.jpg --tiles wedding -o wedding.html", "Make one page in which guests find their photo"),
        ("render explore cover.mosaic --originals folder -o site", "Make a page with the full photos beside it"),
        ("render explore cover.jpg --tiles wedding --captions captions.csv --names", "Show captions, names and dates"),
        ("render explore cover.mosaic --deep-zoom tiles", "Write files for OpenSeadragon, and no page"),
    ),
    "studio": (
        ("render studio cover.jpg --tiles ~/Pictures", "Try animations and their parameters in a browser"),
        ("render studio cover.jpg --animation disperse --title 'Our year'", "Begin with a look of your own"),
    ),
    "explain": (
        ("render explain match cover.jpg --tiles ~/Pictures", "Show a cell and the photo chosen for it"),
        ("render explain knn cover.jpg --tiles ~/Pictures -o search.gif", "Show the search for the photo as a GIF"),
    ),
    "explain grid": (
        ("render explain grid cover.jpg", "Divide the cover into about 5,000 cells"),
        ("render explain grid cover.jpg --columns 24 --adaptive", "Use large cells, and smaller ones over fine detail"),
    ),
    "explain channels": (
        ("render explain channels cover.jpg", "Show red, green and blue, separately and combined"),
        ("render explain channels cover.jpg --theme dark -o dark.png", "Use a dark theme, for dark slides"),
    ),
    "explain match": (
        (
            "render explain match cover.jpg --tiles ~/Pictures",
            "Show a colourful, well matched cell, chosen automatically",
        ),
        (
            "render explain match cover.jpg --tiles ~/Pictures --cell 5,3 --match mean",
            "Show the cell in column 5, row 3, matched by mean colours",
        ),
    ),
    "explain knn": (
        ("render explain knn cover.jpg --tiles ~/Pictures", "Show photos as points in a rotating colour space"),
        (
            "render explain knn cover.jpg --tiles ~/Pictures --match lab -o search.gif",
            "Search in CIELAB, and write a GIF",
        ),
    ),
    "edit": (
        ("render edit cover.mosaic --ban IMG_2041.jpg", "Remove a photo everywhere; writes cover-edited.mosaic"),
        ("render edit cover.mosaic --swap 3,2=~/Pictures/best.jpg", "Show a photo of your choice in column 3, row 2"),
        (
            "render edit cover.mosaic --ban 'more/*' --tiles ~/Pictures --exclude more",
            "Replace the photos of a folder with others of yours",
        ),
    ),
    "library": (
        ("render library add ~/Pictures", "Index a folder, and use it when --tiles is not specified"),
        ("render library check", "List unusable files, near-duplicates and missing colours"),
    ),
    "library add": (
        ("render library add ~/Pictures", "Create the library that is used when --tiles is not specified"),
        ("render library add ~/Pictures --name wedding", "Create another library, for --tiles wedding"),
        ("render library add ~/Pictures --video-frames 5", "Also use five frames of each video"),
    ),
    "library refresh": (
        ("render library refresh", "Update the default library after adding photos to its folders"),
        ("render library refresh wedding", "Update the library named wedding"),
    ),
    "library list": (
        ("render library list", "List the libraries with their folders"),
        ("render library list --json", "List them as JSON"),
    ),
    "library show": (("render library show wedding", "Show the folders, dates, settings and size of a library"),),
    "library remove": (("render library remove wedding", "Delete the index of a library, but not the photos"),),
    "library check": (
        ("render library check", "Check the default library"),
        ("render library check wedding --verbose -o colours.png", "Check another library and list everything found"),
    ),
    "batch": (
        ("render batch campaign.toml --dry-run", "Show which videos would be rendered, and which are up to date"),
        ("render batch campaign.toml --only 'gather*' --workers 2", "Render part of a campaign, two videos at a time"),
        (
            "render batch --covers 'covers/*.jpg' --tiles ~/Pictures --animation zoom --animation disperse",
            "Render two videos of each cover, without a campaign file",
        ),
    ),
    "animations": (
        ("render animations", "List the installed animations"),
        ("render animations disperse", "List the parameters of an animation"),
        ("render animations reveal --sample reveal.mp4", "Also render a small sample video"),
    ),
    "presets": (
        ("render presets", "List the presets, and the folder for your own"),
        ("render presets tiktok > mine.toml", "Save a preset as a starting point for your own"),
    ),
    "check": (
        ("render check clip.mp4 --preset instagram-reel", "Check a video against Instagram's rules"),
        ("render check clip.mp4 --preset whatsapp --json", "Print the result as JSON"),
    ),
    "completion": (
        ("render completion bash > ~/.render.bash", "For bash; then add to ~/.bashrc: source ~/.render.bash"),
        ("render completion zsh > ~/.render.zsh", "For zsh; then add to ~/.zshrc after compinit: source ~/.render.zsh"),
        (
            "render completion fish > ~/.config/fish/completions/render.fish",
            "For fish, which loads the file automatically",
        ),
    ),
    "cache": (
        ("render cache list", "See what is kept, and how much space it takes"),
        ("render cache clear", "Delete everything that can be made again"),
    ),
    "cache list": (("render cache list", "See what is kept, and how much space it takes"),),
    "cache clear": (
        ("render cache clear segments copies", "Delete the finished parts of videos, and a cluster's files"),
        ("render cache clear", "Delete everything that can be made again"),
    ),
    "doctor": (("render doctor", "Check this machine before the first render, or after a failed one"),),
}
"""Examples by command, the most useful first."""


def examples(words: str) -> list[Example]:
    """Return the examples of a command such as "library add", or of the whole program for "".

    A command that is not in the table, such as a third-party animation, gets generic examples.
    """
    group, _, animation = words.partition(" ")
    covers = " ".join(_TABLE[animation][0][0].partition(" --")[0].split()[2:]) if animation in _TABLE else "cover.jpg"
    if words in _TABLE:
        found = _TABLE[words]
    elif group == "still":
        found = (
            (f"render still {animation} {covers} --tiles ~/Pictures --at 2", "Render the frame at 2 seconds"),
            (f"render still {animation} {covers} --for tiktok --safe-zones", "Shade the areas that the app covers"),
        )
    elif group == "sheet":
        found = ((f"render sheet {animation} {covers} --tiles ~/Pictures", "Render nine frames in one picture"),)
    else:
        found = (
            (
                f"render {words} cover.jpg --tiles ~/Pictures",
                f"Render a video of your photos; writes cover-{words}.mp4",
            ),
        )
    return [Example(*each) for each in found]


def epilogue(words: str, columns: int, *, short: bool | None = None) -> str:
    """Return the end of a command's help: its examples and, unless `short` is None, how to show the other help page."""
    width = min(WIDTH, columns)
    lines = ["Examples:"]
    for example in examples(words)[: SHORT if short else None]:
        lines += [f"  {example.about}", *break_command(example.command, width)]
    if short is not None:
        lines += ["", f"All options: render {words} --help" if short else f"Common options only: render {words} -h"]
    return "\n".join(lines)


def break_command(command: str, width: int, indent: str = "    ") -> list[str]:
    r"""Break a command into lines of at most `width` columns where possible; all lines except the last end in \.

    An option and its value stay on the same line.
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
