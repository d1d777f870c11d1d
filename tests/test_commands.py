"""Every command, run as a user runs it."""

import base64
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from conftest import difference, wait_until
from PIL import Image
from videos import decode, stream_line

import renderer
from renderer.cli.messages import Console
from renderer.encoder import probe, run_ffmpeg
from renderer.fonts import REGULAR_FONT
from renderer.job import sample_pictures
from renderer.pictures import Pixels, read_picture
from renderer.placement import load_map

Run = Callable[..., tuple[int, str, str]]

FLOWER = str(sample_pictures()[1])

SMALL = ("--size", "96x64", "--columns", "12", "--duration", "0.5", "--fps", "12")
STILL = ("--size", "96x64", "--columns", "12")


DIRECT = {
    *("-o", "--json", "-y"),  # which file is written, and how the result is reported
    *("--size", "--columns", "--cell-size", "--duration", "--fps", "--frames", "--format", "--draft", "--timeline"),
    *("--cells", "--tile-pixels", "--print", "--dpi", "--dry-run", "--poster", "--preset", "--for", "--sample"),
}
"""Options whose effect shows in the row's file name, size, number of frames or message."""


def without(words: list[str], option: str) -> list[str]:
    """Return the words of a command without an option and its value, each time it is used."""
    left: list[str] = []
    for index, word in enumerate(words):
        is_value = index and words[index - 1] == option and not word.startswith("-")
        if word != option and not is_value:
            left.append(word)
    return left


def decoded(path: Path) -> Pixels:
    """Return the pixels of a picture or of all frames of a video, with their transparency."""
    if path.suffix in (".png", ".jpg", ".webp", ".tif"):
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGBA"))
    found = probe(path)
    codec = ("-c:v", "libvpx-vp9") if path.suffix == ".webm" else ()  # ffmpeg's own decoder drops transparency
    raw = run_ffmpeg(*codec, "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgba", "-")
    return np.frombuffer(raw.stdout, np.uint8).reshape(-1, found.height, found.width, 4)


@pytest.fixture(scope="session")
def mixed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nine photos of 1999, 2010 and 2030, a smaller copy of each, and a video."""
    folder = tmp_path_factory.mktemp("mixed")
    for number, photo in enumerate(sorted((photos / "more").iterdir())[:9]):
        with Image.open(photo) as picture:
            picture.save(folder / f"{number}.png")
            picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(folder / f"copy{number}.png")
        date = datetime((1999, 2010, 2030)[number % 3], 6, 1).timestamp()
        for name in (f"{number}.png", f"copy{number}.png"):
            os.utime(folder / name, (date, date))
    source = ("-f", "lavfi", "-i", "testsrc=size=64x64:duration=2")
    assert run_ffmpeg(*source, str(folder / "clip.mp4")).returncode == 0
    return folder


@pytest.fixture(scope="session")
def detail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey cover with detail in the middle, so that an adaptive grid has cells of all sizes."""
    pixels = np.full((427, 640, 3), 120, np.uint8)
    pixels[150:290, 260:420] = np.random.default_rng(1).integers(0, 256, (140, 160, 3), np.uint8)
    path = tmp_path_factory.mktemp("detail") / "detail.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve pictures of a person and of twelve of a cat."""
    folder = tmp_path_factory.mktemp("people")
    astronaut, cat = Image.fromarray(skimage.data.astronaut()), Image.fromarray(skimage.data.chelsea())
    for number in range(12):
        astronaut.rotate(number - 6).crop((60, 20, 380, 340)).save(folder / f"person{number}.png")
        cat.rotate(10 * number).crop((100, 20, 350, 270)).save(folder / f"cat{number}.png")
    return folder


@pytest.mark.parametrize(
    ("words", "output", "says"),
    [
        (["--help"], None, "Photo-mosaic animation"),
        (["--version"], None, f"{version('mosaic-renderer')}\n"),
        (["zoom", "--help"], None, "--focus"),
        (["doctor"], None, "libx264"),
        (["reveal", "COVER", *SMALL, "--title", "A \\n title", "--title-time", "0.1,0.4", "--logo", "COVER", "--logo-at", "middle"], "china-reveal.mp4", "6 frames"),
        (["animations"], None, "mosaic-renderer"),
        (["animations", "disperse"], None, "burst, wind,"),
        (["edit", "--help"], None, "--swap"),
        (["library", "--help"], None, "refresh"),
        (["library", "list"], None, "There are no libraries"),
        (["library", "add", "PHOTOS"], None, "default: 60 photos; 60 read"),
        (["zoom", "COVER", "--tiles", "MIXED", "--crop", "centre", "--skip-duplicates", *SMALL], "china-zoom.mp4", "of 9 tiles used"),
        (["zoom", "COVER", "--tiles", "MIXED", "--since", "2001", "--until", "2019-12", "--exclude", "copy*", *SMALL], "china-zoom.mp4", "of 3 tiles used"),
        (["zoom", "COVER", "--tiles", "MIXED", "--video-frames", "2", *SMALL], "china-zoom.mp4", "of 20 tiles used"),
        (["zoom", *SMALL], "china-zoom.mp4", "6 frames"),
        (["zoom", "COVER", *SMALL], "china-zoom.mp4", "6 frames"),
        (["zoom", "COVER", "--tiles", "PHOTOS", *SMALL, "-o", "it.mp4"], "it.mp4", "6 frames"),
        (["zoom", "COVER", "--tiles", "PHOTOS", *SMALL, "--swap", f"3,2={FLOWER}"], "china-zoom.mp4", "of 61 tiles used"),
        (["zoom", *SMALL, "--ban", "flower.jpg"], "china-zoom.mp4", "6 frames"),
        (["zoom", "COVER", "--tiles", "PHOTOS", "--tiles", "COVER", *SMALL, "--direction", "inout"], "china-zoom.mp4", "0.50 s"),
        (["zoom", "COVER", *SMALL, "--frames", "2-3"], "china-zoom.mp4", "2 frames"),
        (["zoom", "COVER", *SMALL, "--focus", "0.1,0.9", "--direction", "out", "--quality", "max"], "china-zoom.mp4", "6 frames"),
        (["zoom", "COVER", *SMALL, "--fit", "blur", "--size", "64x96"], "china-zoom.mp4", "64x96"),
        (["zoom", "COVER", *SMALL, "--fit", "pad", "--background", "#102030", "--size", "64x96"], "china-zoom.mp4", "64x96"),
        (["zoom", "COVER", "--draft", "--columns", "12", "--duration", "0.2"], "china-zoom.mp4", "640x428, 3 frames"),
        (["zoom", "COVER", *SMALL, "-o", "it.gif"], "it.gif", "6 frames"),
        (["zoom", "COVER", *SMALL, "--loop", "-o", "it.gif"], "it.gif", "6 frames"),
        (["endless", "COVER", *SMALL, "--tiles", "PHOTOS", "--focus", "0.4,0.5"], "china-endless.mp4", "6 frames"),
        (["endless", "COVER", "text:A", *SMALL, "--tiles", "PHOTOS", "--no-loop"], "china-endless.mp4", "6 frames"),
        (["flip", "COVER", "text:A", *SMALL, "--tiles", "PHOTOS", "--order", "hue", "--axis", "horizontal", "--loop"], "china-flip.mp4", "6 frames"),
        (["morph", "COVER", "COVER", *SMALL, "--to", FLOWER, "--travel", "1", "--swirl", "0.6", "--overlap", "1"], "china-morph.mp4", "6 frames"),
        (["zoom", "COVER", *SMALL, "--preset", "whatsapp"], "china-zoom-whatsapp.mp4", "whatsapp: 7 of 7 rules met"),
        (["zoom", "COVER", *SMALL, "-o", "{animation}-{cover}"], "zoom-china.mp4", "6 frames"),
        (["mosaic", "COVER", "--columns", "12", "-o", "{cover}-{animation}.tif"], "china-mosaic.tif", "384x256"),
        (["disperse", "COVER", *SMALL, "--transparent", "--poster", "-o", "it.webm", "--subject", "0.2,0.3", "--size", "64x96"], "it.webm", "it-poster.jpg"),
        (["still", "disperse", "COVER", *STILL, "--at", "3", "--transparent", "-o", "it.png"], "it.png", "96x64"),
        (["sheet", "disperse", "COVER", *STILL, "--cells", "2x1", "--transparent", "-o", "it.png"], "it.png", "228x110"),
        (["zoom", "COVER", *SMALL, "--format", "webm"], "china-zoom.webm", "6 frames"),
        (["batch", "--covers", "COVER", "--animation", "reveal", *SMALL, "--dry-run"], None, "out/china-reveal.mp4: 96x64, 6 frames"),
        (["presets"], None, "instagram-reel"),
        (["presets", "youtube-4k"], None, 'size = "3840x2160"'),
        (["still", "zoom", "COVER", *STILL, "--for", "tiktok", "--safe-zones", "-o", "frame.png"], "frame.png", "96x64"),
        (["zoom", "COVER", *SMALL, "--dry-run"], None, "6 frames at 12 fps, 96 cells"),
        (["mosaic", "COVER", "--tiles", "PHOTOS", "--print", "60x40cm", "--dry-run"], None, "china-mosaic.png: 7087x4724, 1176 cells, 60 tile files; about"),
        (["mosaic", "COVER", "--columns", "12", "--tile-pixels", "10", "-o", "it.jpg", "--dry-run"], None, "it.jpg: 120x80, 96 cells, no tile files; about 2 s and 0.0 MB. Nothing was written (dry run)."),
        (["mosaic", "COVER", "--tiles", "PHOTOS", "--columns", "12"], "china-mosaic.png", "384x256"),
        (["mosaic", "COVER", "--cell-size", "64", "--match", "pixels", "--tiles", "PHOTOS"], "china-mosaic.png", "320x192"),
        (["mosaic", "COVER", "--columns", "6", "--tiles", "PHOTOS", "--unique", "--no-mirror", "--tone", "0"], "china-mosaic.png", "192x128"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PHOTOS", "--use-all", "--max-uses", "3", "--repeat-distance", "2"], "china-mosaic.png", "384x256"),
        (["mosaic", "COVER", "--columns", "12", "--turns", "--tone", "0.5", "--blend", "0.1", "--merge-duplicates", "--adapt-palette"], "china-mosaic.png", "384x256"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PHOTOS", "--match", "lab"], "china-mosaic.png", "384x256"),
        (["mosaic", "DETAIL", "--columns", "12", "--adaptive", "--smallest-cell", "1/4", "--largest-cell", "4"], "detail-mosaic.png", "384x256"),
        (["mosaic", "COVER", "--columns", "12", "--tile-pixels", "10", "-o", "it.jpg"], "it.jpg", "120x80"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PHOTOS", "--tile-shape", "hexagon", "--gap", "0.1", "--border", "0.1", "--border-colour", "red"], "china-mosaic.png", "443x309"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PHOTOS", "--tile-shape", "3:2", "--corner-radius", "0.3"], "china-mosaic.png", "576x384"),
        (["mosaic", "COVER", "--columns", "12", "--tile-shape", "circle", "--gap", "0.2"], "china-mosaic.png", "384x256"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PHOTOS", "--mask", "heart", "--mask-threshold", "0.9"], "china-mosaic.png", "384x256"),
        (["mosaic", "text:ANNA", "--columns", "40", "--tiles", "PHOTOS", "--fill", "red,navy", "--cover-font", "FONT"], "text-ANNA-mosaic.png", "1280x704"),
        (["mosaic", "shape:star", "--columns", "20", "--tiles", "PHOTOS", "--fill", "photos"], "shape-star-mosaic.png", "640x352"),
        (["zoom", "COVER", *SMALL, "--tiles", "PHOTOS", "--tile-shape", "hexagon", "--mask", "COVER"], "china-zoom.mp4", "6 frames"),
        (["mosaic", "COVER", "--tiles", "PHOTOS", "--columns", "12", "--print", "6x4cm", "--dpi", "100", "-o", "it.tif"], "it.tif", "236x157"),
        (["still", "zoom", "COVER", "--at", "3.5", *STILL, "-o", "frame.png"], "frame.png", "96x64"),
        (["still", "zoom", "COVER", "--size", "97x65", "--columns", "12", "-o", "odd.png"], "odd.png", "97x65"),
        (["disperse", "COVER", *SMALL, "--style", "vortex", "--origin", "0.2,0.3", "--seed", "3", "--motion-blur", "0.5"], "china-disperse.mp4", "6 frames"),
        (["gather", "COVER", "--tiles", "PHOTOS", *SMALL], "china-gather.mp4", "6 frames"),
        (["gather", "COVER", "--tiles", "PHOTOS", *SMALL, "--reveals", "COVER", "--easing", "cubic", "--drift", "0.05"], "china-gather.mp4", "6 frames"),
        (["disperse", "COVER", *SMALL, "--reveals", "empty", "--drift", "0"], "china-disperse.mp4", "6 frames"),
        (["reveal", "COVER", *SMALL, "--from", "cover", "--order", "hue", "--enter", "flip", "--reverse"], "china-reveal.mp4", "6 frames"),
        (["reveal", "COVER", *SMALL, "--easing", "linear", "--light", "0.2", "--shadow", "0", "--depth-blur", "0.5", "--drift", "0"], "china-reveal.mp4", "6 frames"),
        (["sort", "COVER", "--tiles", "PHOTOS", *SMALL, "--by", "brightness", "--into", "sorted", "--swirl", "0.6", "--overlap", "0.5"], "china-sort.mp4", "6 frames"),
        (["sort", "COVER", "--tiles", "PHOTOS", *SMALL, "--by", "name", "--hold-start", "0.1", "--hold-end", "0", "--easing", "linear"], "china-sort.mp4", "6 frames"),
        (["parade", "COVER", "--tiles", "PHOTOS", *SMALL, "--photos", "3", "--accelerate", "0.2", "--hold-end", "0.1"], "china-parade.mp4", "6 frames"),
        (["flight", "COVER", *SMALL, "--height", "1.2", "--heading", "10", "--pitch", "40", "--from", "mosaic", "--easing", "sine", "--hold-end", "0.1"], "china-flight.mp4", "6 frames"),
        (["wave", "COVER", *SMALL, "--origin", "0.4,0.5", "--amplitude", "0.5", "--wavelength", "0.2", "--period", "0.3", "--tilt", "3", "--light", "0.4"], "china-wave.mp4", "6 frames"),
        (["show", "COVER", "--timeline", "reveal 1s, zoom 1s focus=0.4,0.3", "--size", "96x64", "--columns", "12", "--fps", "6"], "china-show.mp4", "12 frames"),
        (["explain", "grid", "COVER", "--size", "160x90", "--adaptive", "--columns", "12"], "china-grid.png", "160x90"),
        (["explain", "channels", "--size", "90x160", "--theme", "dark", "-o", "it.webp"], "it.webp", "90x160"),
        (["explain", "match", "COVER", "--tiles", "PHOTOS", "--size", "160x90", "--columns", "12", "--cell", "3,2"], "china-match.png", "160x90"),
        (["explain", "knn", "COVER", "--tiles", "PHOTOS", "--size", "160x90", "--columns", "12", "--duration", "0.5", "--fps", "12"], "china-knn.mp4", "6 frames"),
        (["explain", "--help"], None, "channels"),
        (["sheet", "show", "COVER", *STILL, "--cells", "2x1"], "china-show-sheet.png", "228x110"),
        (["sheet", "zoom", "COVER", *STILL, "--cells", "2x2"], "china-zoom-sheet.png", "228x208"),
        (["sheet", "landings", "COVER", "--tiles", "PHOTOS", "--columns", "12"], "china-landings.png", "1980x1554"),
        (["mosaic", "COVER", "--columns", "12", "--tiles", "PEOPLE", "--prefer", "people"], "china-mosaic.png", "384x256"),
        (["sheet", "show", "COVER", *STILL, "--cells", "2x1", "--music", "no.mp3", "--frames", "0-3", "-o", "it.mp4"], "it-sheet.png", "228x110"),
        (["still", "show", "COVER", *STILL, "--poster", "--format", "webm", "-o", "it.webm"], "it-still.png", "96x64"),
        (["sheet", "disperse", "COVER", *STILL], "china-disperse-sheet.png", "336x306"),
        (["still", "zoom", "COVER", "--draft", "--columns", "12", "-o", "frame.webp"], "frame.webp", "640x428"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
@pytest.mark.usefixtures("shared_cache")
def test_commands_write_their_files_and_every_option_has_an_effect(
    render: Run,
    cover: Path,
    photos: Path,
    mixed: Path,
    detail: Path,
    people: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    output: str | None,
    says: str,
) -> None:
    """Each row writes its file and message, and each of its options changes the result."""
    inputs = {
        "COVER": str(cover), "PHOTOS": str(photos), "MIXED": str(mixed), "DETAIL": str(detail), "FONT": str(REGULAR_FONT),
        "PEOPLE": str(people),
    }  # fmt: skip
    code, out, err = render(*(inputs.get(word, word) for word in words))
    assert (code, "Traceback" in err) == (0, False), err
    assert says in out
    made = [path.name for path in Path().iterdir()]
    assert [name for name in made if not name.endswith("-poster.jpg")] == ([output] if output else [])
    if output is None:
        return
    path = Path(output).absolute()
    if path.suffix in (".mp4", ".webm", ".gif"):
        found = probe(path)
        assert (f"{found.width}x{found.height}" in out, f"{found.frames} frames" in out) == (True, True)
    else:
        assert read_picture(path).size == tuple(int(v) for v in says.split(",")[0].split("x"))
    pixels = decoded(path)
    Path("without").mkdir()
    monkeypatch.chdir("without")
    for option in {word for word in words if word.startswith("-")} - DIRECT:
        ignored = words[0] in ("still", "sheet") and option == "--music"
        fewer = tuple(inputs.get(word, word) for word in without(words, option))
        code, _, err = render(*fewer, "-y", "-o", output)
        if option == "--tiles" and "--use-all" in words:  # there are more pieces of the cover than cells
            assert (code, "--use-all needs at least" in err) == (2, True)
            continue
        if option == "--tiles" and words[1].startswith(("text:", "shape:")):
            assert (code, "has no pieces to use as tiles" in err) == (2, True)
            continue
        if option == "--mask" and "--mask-threshold" in words:
            assert (code, "--mask-threshold 0.9 has no effect" in err) == (2, True)
            continue
        assert code == 0, err
        other = decoded(Path(output))
        same = other.shape == pixels.shape and (other == pixels).all()
        assert same == ignored, f"{option} changes nothing"


def test_a_sheet_lists_the_video_options_that_it_ignores(render: Run, cover: Path) -> None:
    words = ("show", cover, *STILL, "--music", "no.mp3", "--poster", "--max-size", "2MB", "-o", "it.mp4")
    code, _, err = render("sheet", *words)
    assert code == 0
    assert "Ignored for a sheet, which is a picture: --music, --max-size, --poster\n" in err
    assert [path.name for path in Path().iterdir()] == ["it-sheet.png"]
    assert "--music" not in render("sheet", "show", "--help")[1]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["zoom", "chin.jpg"], 2, r"chin.jpg: there is no such file or folder: did you mean china.jpg?"),
        (["zoom", "nowhere/at/all.jpg"], 2, "there is no such file"),
        (["zoom", "text.jpg"], 2, "text.jpg is not a picture in a supported format"),
        (["zoom", "empty.jpg"], 2, "empty.jpg is empty"),
        (["zoom", "folder"], 2, "folder is not a file but a folder"),
        (["zoom", "china.jpg", "--tiles", "folder"], 2, "--tiles folder contains no pictures"),
        (["zoom", "china.jpg", "--tiles", "folders"], 2, "did you mean folder?"),
        (["zoom", "~no-one/china.jpg"], 2, "~no-one/china.jpg: there is no such file"),
        (["zoom", "china.jpg", "--tiles", "~no-one"], 2, "~no-one: there is no such file or folder"),
        (["edit"], 2, "render edit needs a .mosaic file: `render mosaic cover.jpg --save-map"),
        (["edit", "china.jpg", "--ban", "it"], 2, "china.jpg must end in .mosaic"),
        (["mosaic", "china.jpg", "--credits", "credits.jpg"], 2, "--credits credits.jpg must end in .txt"),
        (["batch", "--covers", "china.jpg", "--animation", "zoom", "--credits", "it.txt"], 2, "--credits: several videos would write the same file"),
        (["zoom", "china.jpg", "--tiles", "china.jpg", "--exclude", "chin*"], 2, "--exclude chin* excludes the only photo"),
        (["zoom", "china.jpg", "--tiles", "china.jpg", "--since", "2024-02-30"], 2, "--since 2024-02-30 is not a date: give one such as"),
        (["zoom", "china.jpg", "--tiles", "text.jpg"], 2, "The only file is not usable as a tile"),
        (["zoom", "china.jpg", "--tiles", "*.tif"], 2, "matches no file"),
        (["mosaic", "china.jpg", "--tiles", "china.jpg", "--columns", "9", "--unique"], 2, "--unique needs at least 54 photos for 54 cells, not 1"),
        (["mosaic", "china.jpg", "--report", "report.txt"], 2, "--report report.txt must end in .html"),
        (["mosaic", "china.jpg", "--print", "a4"], 2, "--print a4 is not a paper size: give width x height and a unit, such as 60x40cm"),
        (["mosaic", "china.jpg", "--print", "0x40cm"], 2, "each side must be from 3 mm to 100 m"),
        (["mosaic", "china.jpg", "--print", "6x4cm", "--tile-pixels", "9"], 2, "--print and --tile-pixels both set the picture's size: use one of them"),
        (["mosaic", "china.jpg", "--print", "9x6m"], 2, "--print 9x6m is not a paper size"),
        (["mosaic", "china.jpg", "--print", "900x600cm", "-o", "it.jpg"], 2, "JPEG is limited to 65,500 pixels per side: use another format, such as .tif"),
        (["mosaic", "china.jpg", "--columns", "1200", "--tile-pixels", "4096", "-o", "it.tif"], 2, "MB are free: use a smaller --print, --dpi or --tile-pixels, or another disk"),
        (["mosaic", "china.jpg", "--columns", "600", "--tile-pixels", "4096", "-o", "it.jpg", "--dry-run"], 2, "JPEG is limited to 65,500 pixels per side"),
        (["mosaic", "china.jpg", "--tone", "2"], 2, "--tone 2 is out of range"),
        (["mosaic", "china.jpg", "--tone", "much"], 2, "--tone"),
        (["zoom", "china.jpg", "-o", "taken.mp4"], 2, "taken.mp4 exists: choose another -o, or use -y"),
        (["zoom", "china.jpg", "-o", "text.jpg/such/it.mp4"], 2, "text.jpg is a file: choose another -o"),
        (["zoom", "china.jpg", "-o", "new/one/it.mp4", "--tiles", "text.jpg"], 2, "The only file is not usable as a tile"),
        (["zoom", "china.jpg", "-o", "frame.png"], 2, "-o frame.png: png stores one frame per file: use a frame-number pattern, such as frames/%05d.png"),
        (["zoom", "china.jpg", "-o", "%03d.mp4"], 2, "-o %03d.mp4: mp4 stores all frames in one file: remove the frame number"),
        (["zoom", "china.jpg", "-o", "{name}.mp4"], 2, "-o {name}.mp4 has an unknown field: use {cover}, {animation} and {preset}"),
        (["zoom", "china.jpg", "-o", "it.mp4", "--codec", "vp9"], 2, "--codec vp9 does not fit it.mp4: mp4 supports h264 or hevc or av1; vp9 fits .webm"),
        (["zoom", "china.jpg", "-o", "it.mp4", "--transparent"], 2, "A transparent background is not possible in mp4: use .webm"),
        (["zoom", "china.jpg", "-o", "it.mp4", "--background", "transparent"], 2, "A transparent background is not possible in mp4: use .webm"),
        (["zoom", "china.jpg", "-o", "it.webm", "--transparent", "--fit", "blur"], 2, "A transparent background cannot be combined with --fit blur: choose one of them"),
        (["zoom", "china.jpg", "-o", "-", "--format", "gif"], 2, "-o - is a stream of raw video and can't be gif: write to a file instead"),
        (["zoom", "china.jpg", "-o", "%d_%d.png"], 2, "-o %d_%d.png: a sequence has one frame number: remove the others"),
        (["zoom", "china.jpg", "-o", "it.mp4", "--for", "x", "--for", "tiktok"], 2, "it.mp4 is one name for several files"),
        (["still", "disperse", "china.jpg", "-o", "it.jpg", "--transparent"], 2, "A transparent background is not possible in it.jpg: use .png or .webp"),
        (["mosaic", "china.jpg", "--print", "9000x6000cm", "--dpi", "1200"], 2, "MB are free"),
        (["zoom", "china.jpg", "--subject", "2,2"], 2, "--subject 2 is out of range"),
        (["zoom", "china.jpg", "--max-size", "large"], 2, "--max-size large is not a file size"),
        (["zoom", "china.jpg", "--covered", "0.1,0.2"], 2, "--covered 0.1,0.2 is not TOP,RIGHT,BOTTOM,LEFT"),
        (["zoom", "china.jpg", "--covered", "0.5,0,0.5,0"], 2, "--covered 0.5,0,0.5,0 leaves too little of the frame free"),
        (["zoom", "china.jpg", "--preset", "tik-tok"], 2, "there is no preset tik-tok: did you mean tiktok?"),
        (["studio", "none.jpg"], 2, "none.jpg"),
        (["batch"], 2, "A campaign needs a file, or --covers such as"),
        (["batch", "none.toml"], 2, "the campaign none.toml: there is no such file"),
        (["batch", "text.jpg"], 2, "text.jpg is not TOML"),
        (["batch", "--covers", "none/*.jpg"], 2, "none/*.jpg matches no files"),
        (["batch", "--covers", "china.jpg", "--rows", "none.csv"], 2, "--rows none.csv: there is no such file"),
        (["batch", "--covers", "china.jpg", "-o", "out/{name}"], 2, "there is no field {name}"),
        (["batch", "--covers", "china.jpg", "--workers", "0"], 2, "--workers 0 is out of range"),
        (["batch", "--covers", "china.jpg", "--save-map", "it.mosaic"], 2, "--save-map: a campaign caches its maps automatically"),
        (["presets", "nothing"], 2, "there is no preset nothing"),
        (["check", "china.jpg", "--preset", "draft"], 2, "draft has no [rules]"),
        (["check", "none.mp4", "--preset", "x"], 2, "none.mp4: there is no such file"),
        (["check", "text.jpg", "--preset", "x"], 1, "text.jpg is not a video but a text file, a picture or a playlist"),
        (["zoom", "china.jpg", "-o", "it.avi"], 2, "-o it.avi has no known extension: use one of .mp4"),
        (["mosaic", "china.jpg", "-o", "it.mp4"], 2, "must end in .png or .jpg"),
        (["zoom", "china.jpg", "--music", "song.mp3"], 2, "--music song.mp3: there is no such file"),
        (["zoom", "china.jpg", "--music", "china.jpg", "-o", "it.gif"], 2, "-o it.gif: gif has no sound: omit --music"),
        (["zoom", "china.jpg", "--music", "china.jpg"], 2, "--music china.jpg is not a sound file"),
        (["zoom", "china.jpg", "--loudness", "3"], 2, "--loudness 3 is out of range: it must be from -40 to -5 LUFS"),
        (["zoom", "china.jpg", "--music-start", "3"], 2, "--music-start has no effect without --music: specify a track, or omit it"),
        (["zoom", "china.jpg", "--fill", "red"], 2, "--fill red has no effect on china.jpg: use it with a cover text:WORDS or shape:NAME, or omit it"),
        (["explain", "grid", "--fill", "red"], 2, "--fill red has no effect on the sample cover"),
        (["mosaic", "china.jpg", "--mask-threshold", "0.3"], 2, "--mask-threshold 0.3 has no effect on china.jpg, which is opaque: use it with --mask or a transparent cover, or omit it"),
        (["explain", "grid", "--mask-threshold", "0.3"], 2, "--mask-threshold 0.3 has no effect on china.jpg, which is opaque"),
        (["zoom", "none.jpg", "--mask-threshold", "0.3"], 2, "none.jpg: there is no such file"),
        (["mosaic", "shape:heart", "--cover-font", "a.ttf"], 2, "--cover-font a.ttf has no effect on shape:heart: use it with a cover text:WORDS, or omit it"),
        (["zoom", "china.jpg", "--loudness=-20", "--dry-run"], 2, "--loudness has no effect without --music"),
        (["zoom", "china.jpg", "--title", "Us", "--title-time", "12,15"], 2, "--title-time 12,15 starts after the end of the video, which is 10 s long: choose an earlier time"),
        (["still", "zoom", "china.jpg", "--title", "Us", "--font", "texts.jpg"], 2, "--font texts.jpg: there is no such file or folder: did you mean text.jpg"),
        (["zoom", "china.jpg", "--logo", "logo.png", "--dry-run"], 2, "--logo logo.png: there is no such file"),
        (["zoom", "china.jpg", "--preset", "own.toml"], 2, "--preset own.toml: there is no such file"),
        (["show", "china.jpg", "--timeline", "show.toml"], 2, "--timeline show.toml: there is no such file"),
        (["zoom", "china.jpg", "--directoin", "out"], 2, "zoom has no option --directoin: did you mean --direction?"),
        (["zoom", "china.jpg", "--tile", "folder"], 2, "zoom has no option --tile: did you mean --tiles?"),
        (["mosaic", "china.jpg", "--duration", "3"], 2, "mosaic has no option --duration: it is an option of "),
        (["zoom", "china.jpg", "--format", "gifs"], 2, "--format gifs is not one of mp4, mov, webm, gif, webp, apng, png, jpeg, y4m: did you mean gif?"),
        (["zoom", "china.jpg", "--columns", "ten"], 2, "--columns ten is not a whole number"),
        (["zoom", "china.jpg", "--tone", "much"], 2, "--tone much is not a number or auto"),
        (["zoom", "china.jpg", "--match"], 2, "--match needs a value: one of structure, mean, lab, pixels"),
        (["zoom", "china.jpg", "--unique", "3"], 2, "--unique takes no value, but 3 follows it"),
        (["zoom", "china.jpg", "--unique="], 2, "--unique takes no value, but = follows it"),
        (["zoom", "a.jpg", "--columns", "8", "8"], 2, "Unexpected argument 8 for zoom (see render zoom --help)"),
        (["zoom", "a.jpg", "--title=x", "b.jpg"], 2, "Unexpected argument b.jpg for zoom (see render zoom --help)"),
        (["zoom", "a.jpg", "--tiles=c", "b"], 2, "Unexpected argument b for zoom: it takes one cover (morph, flip and endless take several), and --tiles takes one value. Repeat it, or quote a glob"),
        (["zoom", "a.jpg", "--", "-h"], 2, "Unexpected argument -h for zoom (see render zoom --help)"),
        (["zoom", "china.jpg", "text.jpg"], 2, "Unexpected argument text.jpg for zoom: to use it as photos of the mosaic, write --tiles text.jpg"),
        (["zoom", "china.jpg", "x" * 300], 2, "xxx for zoom (see render zoom --help)"),
        (["check", "chima.jpg", "--for", "whatsapp"], 2, "chima.jpg: there is no such file or folder: did you mean"),
        (["check", ".", "--for", "whatsapp"], 2, "the video . is not a file but a folder"),
        (["zoom", "china.jpg", "folder"], 2, "to use it as photos of the mosaic, write --tiles folder"),
        (["zoom", "taken.mp4"], 2, "taken.mp4 is a video, but a cover must be a picture: extract a frame (ffmpeg"),
        (["china.jpg"], 2, "A command is needed before china.jpg: render zoom china.jpg"),
        (["still", "china.jpg"], 2, "still needs an animation before china.jpg: render still zoom china.jpg"),
        (["library", "ad", "folder"], 2, "library has no command ad: did you mean add?"),
        (["check", "china.jpg"], 2, "check needs --preset (see render check --help)"),
        (["completion"], 2, "completion needs SHELL: one of bash, zsh, fish"),
        (["zoom", "china.jpg", "--direction", "up"], 2, "direction"),
        (["zom", "china.jpg"], 2, "There is no command zom: did you mean zoom?"),
        (["-v", "zoom", "china.jpg"], 2, "-v must follow the command: render zoom cover.jpg -v"),
        (["--quiet", "zoom", "china.jpg"], 2, "--quiet must follow the command: render zoom cover.jpg --quiet"),
        (["zoom", "china.jpg", "--fps", "fast"], 2, "--fps fast is not a frame rate"),
        (["zoom", "china.jpg", "--fps", "0"], 2, "out of range"),
        (["zoom", "china.jpg", "--size", "97x64"], 2, "odd"),
        (["zoom", "china.jpg", "--size", "big"], 2, "--size big is not a size"),
        (["zoom", "china.jpg", "--size", "99999x2"], 2, "out of range"),
        (["animations", "zom"], 2, "there is no animation zom: did you mean zoom?"),
        (["animations", "--sample", "it.mp4"], 2, "render animations reveal --sample it.mp4"),
        (["show", "china.jpg", "--timeline", "zoom 3s, disperse 2s"], 2, 'put "zoom 2s direction=out" between them'),
        (["zoom", "china.jpg", "--duration", "0"], 2, "--duration 0 is out of range"),
        (["zoom", "china.jpg", "--duration", "nan"], 2, "--duration nan is out of range"),
        (["zoom", "china.jpg", "--focus", "2,2"], 2, "--focus 2,2 is outside the cover"),
        (["zoom", "china.jpg", "--focus", "left"], 2, "--focus left is neither a point X,Y nor a photo"),
        (["zoom", "china.jpg", "--background", "octarine"], 2, "--background octarine is not a colour: give a name such as navy"),
        (["zoom", "china.jpg", "--title-colour", "octarine"], 2, "--title-colour octarine is not a colour"),
        (["sheet", "zoom", "china.jpg", "--cells", "3y"], 2, "--cells 3y is not a size: give two whole numbers"),
        (["zoom", "china.jpg", "--title", "Us", "--title-time", "4"], 2, "--title-time 4 is not a pair of numbers"),
        (["zoom", "china.jpg", "--frames", "5-99999"], 2, "--frames 5-99999 is outside the video"),
        (["zoom", "china.jpg", "--columns", "0"], 2, "--columns 0 is out of range"),
        (["zoom", "china.jpg", "--columns", "9", "--cell-size", "9"], 2, "both set the grid: use one of them"),
        (["zoom", "china.jpg", "--cell-size", "1000"], 2, "larger than the cover's shorter side"),
        (["mosaic", "china.jpg", "--tile-shape", "triangle"], 2, "--tile-shape triangle is not a shape: use square, circle, hexagon, mixed, or a ratio"),
        (["mosaic", "china.jpg", "--tile-shape", "9:1"], 2, "--tile-shape 9:1 is too narrow: the ratio must be between 1:5 and 5:1"),
        (["zoom", "china.jpg", "--tile-shape", "circle", "--corner-radius", "0.2"], 2, "--corner-radius 0.2 and --tile-shape circle both set the corners"),
        (["zoom", "china.jpg", "--tile-shape", "hexagon", "--adaptive"], 2, "--adaptive needs rectangles, as its cells have several sizes"),
        (["mosaic", "china.jpg", "--gap", "0.95"], 2, "--gap 0.95 is out of range: it must be from 0 to 0.9"),
        (["zoom", "china.jpg", "--mask", "hart"], 2, "--mask hart is neither a shape nor a file: did you mean heart?"),
        (["zoom", "china.jpg", "--mask", "heart", "--mask-threshold", "1", "--columns", "2"], 2, "No cell has 100% of its area inside the --mask"),
        (["mosaic", "text:ANNA", "--tiles", "china.jpg", "--cover-font", "text.jpg"], 2, "--cover-font text.jpg can't be used"),
        (["mosaic", "shape:heart", "--fill", "octarine"], 2, "--fill octarine is neither a colour, nor colours with commas between them"),
        (["mosaic", "shape:hart"], 2, "There is no shape 'hart': did you mean heart?"),
        (["mosaic", "shape:heart", "--tiles", "pieces"], 2, "The cover shape:heart has no pieces to use as tiles: specify photos with --tiles"),
        (["still", "zoom", "china.jpg", "--at", "11"], 2, "--at 11 is outside the video, which is 10 seconds long"),
        (["still", "zoom", "china.jpg", "--at", "nan"], 2, "--at nan is out of range"),
        (["zoom", "china.jpg", "--tiles", "a.jpg", "b.jpg"], 2, "--tiles takes one value. Repeat it, or quote a glob"),
        (["zoom", "china.jpg", "--tiles", ""], 2, "--tiles is empty"),
        (["zoom", "china.jpg", "--crop", "left"], 2, "--crop"),
        (["zoom", "china.jpg", "--video-frames", "-1"], 2, "--video-frames -1 is out of range"),
        (["zoom", "china.jpg", "--dry-run", "-o", "text.jpg/it.mp4"], 2, "text.jpg is a file"),
        (["explain", "match", "china.jpg", "--columns", "9", "--cell", "9,0"], 2, "--cell 9,0 is outside the grid: columns are 0 to 8, rows 0 to 5"),
        (["explain", "match", "china.jpg", "--cell", "3x2"], 2, "--cell 3x2 is not a cell: give COLUMN,ROW"),
        (["explain", "match", "bad.mosaic"], 2, "bad.mosaic does not contain the cover"),
        (["explain", "grid", "china.jpg", "-o", "taken.mp4"], 2, "must end in .png or .jpg"),
        (["explain", "grid", "china.jpg", "-o", "china.jpg", "-y"], 2, "is the cover"),
        (["explain", "channels", "china.jpg", "-o", "-"], 2, "figures can't be written to standard output: use a file name ending in .png"),
        (["explain", "knn", "china.jpg", "-o", "taken.mp4"], 2, "taken.mp4 exists"),
        (["explain", "knn", "china.jpg", "--size", "161x90"], 2, "--size 161x90 is odd"),
        (["zoom", "bad.mosaic"], 2, "not a valid placement map"),
        (["mosaic", "china.jpg", "--save-map", "it.map"], 2, "--save-map it.map must end in .mosaic"),
        (["zoom", "china.jpg", "--focus", "nosuch.jpg"], 2, "--focus nosuch.jpg is neither a point X,Y nor a photo"),
        (["zoom", "china.jpg", "--focus", "text.jpg"], 2, "text.jpg is not a picture in a supported format: choose another photo"),
        (["zoom", "china.jpg", "--logo", "text.jpg"], 2, "--logo text.jpg can't be used"),
        (["zoom", "china.jpg", "--title", "Us", "--font", "text.jpg"], 2, "--font text.jpg can't be used"),
        (["zoom", "china.jpg", "--music", "silent.wav"], 2, "--music silent.wav is silent in the part that is used: use another track or --music-start"),
        (["zoom", "china.jpg", "--music", "song.wav", "--max-size", "2KB"], 2, "--max-size is too small, as the sound alone takes"),
        (["zoom", "china.jpg", "--max-size", "5MB", "-o", "frames/%03d.png"], 2, "--max-size requires a single output file, and frames/%03d.png is a sequence of files"),
        (["zoom", "china.jpg", "--poster", "-o", "poster.mp4"], 2, "poster-poster.jpg exists: choose another -o"),
        (["zoom", "china.jpg", "--poster", "-o", "-"], 2, "--poster writes a file next to the video, but -o - is a stream"),
        (["zoom", "china.jpg", "--save-map", "text.jpg/it.mosaic"], 2, "text.jpg is a file"),
        (["zoom", "china.jpg", "--credits", "text.jpg/it.txt"], 2, "text.jpg is a file"),
        (["zoom", "china.jpg", "-o", "{cover}.mp4", "--for", "x", "--for", "tiktok"], 2, "china.mp4 is one name for several files"),
        (["show", "china.jpg", "--columns", "12", "--timeline", "zoom 1s focus=0.1,0.1, zoom 1s direction=out focus=0.9,0.9"], 2, "zoom does not start at the photo"),
        (["mosaic", "china.jpg", "--columns", "12", "-o", "china.jpg", "-y"], 2, "-o china.jpg is the cover or one of the photos"),
        (["mosaic", "china.jpg", "--tiles", "china.jpg", "--columns", "12", "--repeat-distance", "3"], 2, "--repeat-distance 3 needs about"),
        (["mosaic", "text.jpg", "--report", "report.html"], 2, "text.jpg is not a picture in a supported format"),
        (["mosaic", "china.jpg", "--report", "text.jpg/it.html"], 2, "text.jpg is a file"),
        (["mosaic", "china.jpg", "--tiles", "china.jpg", "--columns", "1", "--use-all", "--tiles", "poster-poster.jpg"], 2, "--use-all needs at least 2 cells for 2 photos, not 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_errors_are_one_sentence_and_leave_nothing(
    render: Run, cover: Path, words: list[str], code: int, says: str
) -> None:
    Path("china.jpg").write_bytes(cover.read_bytes())
    Path("text.jpg").write_text("holiday\n" * 9)
    Path("empty.jpg").touch()
    Path("folder").mkdir()
    Path("taken.mp4").write_text("mine")
    Path("bad.mosaic").write_text("not a map")
    Image.new("RGB", (64, 64), "teal").save("poster-poster.jpg")
    write_tone(Path("silent.wav"), loud=0)
    write_tone(Path("song.wav"), loud=9000)
    before = {path.name for path in Path().iterdir()}
    draws = words[:1] in (["zoom"], ["show"], ["mosaic"], ["still"], ["sheet"])
    if draws and not {"--columns", "--cell-size"} & set(words):
        words = [*words, "--columns", "12"]  # commands that fail after matching fail sooner
    ended, out, err = render(*words)
    assert (ended, out) == (code, "")
    assert says in err
    assert sum(line.startswith("render: ") for line in err.splitlines()) == 1
    assert "Traceback" not in err
    assert {path.name for path in Path().iterdir()} == before
    assert Path("taken.mp4").read_text() == "mine"
    if words[:1] in (["zoom"], ["show"], ["mosaic"]) and "--dry-run" not in words:
        tried, out, dry_err = render(words[0], "--dry-run", *words[1:])
        last, expected = (re.sub("[0-9,.]+ MB are free", "", text.splitlines()[-1]) for text in (dry_err, err))
        assert (tried, out, last) == (code, "", expected)
        assert {path.name for path in Path().iterdir()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_names_that_are_not_utf_8_work(render: Run, cover: Path, photos: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    Path("p\udce9").mkdir()
    for number, photo in enumerate(sorted(photos.glob("*.jpg"))[:3]):
        Path("p\udce9", f"{name}{number}.jpg").write_bytes(photo.read_bytes())
    Path(f"{name}.jpg").write_bytes(cover.read_bytes())
    code, out, err = render(
        "zoom", f"{name}.jpg", "--tiles", "p\udce9", "--focus", f"{name}1", *SMALL, "-o", f"{name}.gif"
    )
    assert code == 0, err
    assert out.startswith("caf\\xe9.gif: 96x64")
    code, out, err = render("batch", "--covers", f"{name}.jpg", "--animation", "zoom", *SMALL)
    assert code == 0, err
    assert list(Path("out").glob("caf*-zoom.mp4"))
    code, out, err = render("mosaic", f"{name}.jpg", "--columns", "6", "--json", "-o", "it.png", "--report", "it.html")
    assert json.loads(out)["recipe"]["cover"] == f"{name}.jpg"


def test_file_names_do_not_control_the_terminal(render: Run, cover: Path) -> None:
    name = "\x1b[31m:cat:[bold]\u202e\n.jpg"
    Path(name).write_bytes(cover.read_bytes())
    Path("\x1b[2J.txt.jpg").write_text("no picture")
    shown = "\\x1b[31m:cat:[bold]\\u202e"
    for words, expected in (
        (("mosaic", "--columns", "6"), shown),
        (("mosaic", "--columns", "6"), shown),  # the output exists
        (("zoom", "--dry-run"), shown),
        (("mosaic", "--tiles", "\x1b[2J.txt.jpg", "-o", "other.png"), "\\x1b[2J.txt.jpg"),
    ):
        _, out, err = render(words[0], name, *words[1:])
        assert not set("\x1b\u202e") & set(out + err)
        assert expected in out + err
    assert not set("\x1b") & set(render("zoom", cover, "--\x1b[31m")[2] + render("\x1b[31m")[2])


@pytest.mark.parametrize("width", ["0", "1", "2"])
def test_help_is_readable_at_any_width(render: Run, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    for words in (["--help"], ["zoom", "-h"], ["animations"]):
        code, out, _ = render(*words)
        assert code == 0
        assert max(map(len, out.splitlines())) >= 40


def test_help_is_the_same_without_docstrings() -> None:
    code = (
        "from renderer.cli import main; [main(words) for words in (['--help'], ['library', '--help'], ['animations'])]"
    )

    def help_text(**environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
        ).stdout

    assert "Zoom from the whole mosaic" in help_text(PYTHONOPTIMIZE="0")
    assert help_text(PYTHONOPTIMIZE="2") == help_text(PYTHONOPTIMIZE="0")


@pytest.mark.skipif(os.name != "posix", reason="Windows finds home folders differently")
def test_commands_work_without_a_home_folder(render: Run, cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(_user: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MOSAIC_RENDERER_PRESETS"):
        monkeypatch.delenv(name, raising=False)
    for words in (
        ["zoom", cover, "--draft", "--dry-run"],
        ["presets"],
        ["library", "list"],
        ["completion", "bash"],
        ["doctor"],
    ):
        assert render(*words)[0] == 0, words
    monkeypatch.delenv("MOSAIC_RENDERER_CACHE")
    monkeypatch.delenv("MOSAIC_RENDERER_LIBRARIES")
    code, _, err = render("zoom", cover, "--dry-run")
    assert (code, "set HOME, or MOSAIC_RENDERER_CACHE and MOSAIC_RENDERER_LIBRARIES" in err) == (2, True)
    assert "set HOME" in render("doctor")[1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems can't delete a folder in use")
def test_a_deleted_current_folder_is_reported(render: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("deleted").mkdir()
    monkeypatch.chdir("deleted")
    Path("../deleted").resolve().rmdir()
    assert render("zoom")[::2] == (2, "render: The current folder was deleted: change to another folder\n")


@pytest.mark.skipif(sys.platform != "linux", reason="address space is not limited elsewhere")
def test_nothing_starts_if_memory_is_limited() -> None:
    command = ["bash", "-c", f"ulimit -v 800000; exec {sys.executable} -m renderer zoom"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("render: Out of memory: ")


def write_tone(path: Path, *, loud: int) -> None:
    """Write two seconds of a 440 Hz tone."""
    samples = (np.sin(np.arange(2 * 48_000) * (2 * np.pi * 440 / 48_000)) * loud).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())


def test_a_dry_run_of_a_map_fails_like_the_render(render: Run, cover: Path, photos: Path) -> None:
    words = ("mosaic", cover, "--tiles", photos, "--columns", "12", "-o", "it.png")
    assert render(*words, "--save-map", "of.mosaic")[0] == 0
    for bad in (
        ("reveal", "of.mosaic", "--from", "cover"),
        ("zoom", "of.mosaic", "--focus", "nosuch.jpg"),
        ("mosaic", "of.mosaic", "--report", "it.html", "-o", "other.png"),
        ("mosaic", "of.mosaic", "-o", next(photos.glob("*.jpg")), "-y"),
    ):
        rendered, tried = render(*bad), render(*bad, "--dry-run")
        assert rendered[0] == tried[0] == 2
        assert rendered[2].splitlines()[-1] == tried[2].splitlines()[-1]


def test_a_dry_run_matches_the_render(render: Run, cover: Path, photos: Path) -> None:
    words = ("zoom", cover, "--tiles", photos, *SMALL, "--adaptive", "--json", "-o", "it.gif")
    plan, made = (json.loads(render(*words, *more)[1]) for more in (["--dry-run"], []))
    for key in ("output", "width", "height", "fps", "frames", "duration", "cells"):
        assert plan[key] == made[key]
    assert plan["files"] == 60


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root ignores permissions")
def test_an_output_folder_without_write_permission_is_an_error(render: Run, cover: Path) -> None:
    Path("closed").mkdir(mode=0o500)
    code, _, err = render("mosaic", cover, "-o", "closed/it.png")
    assert code == 2
    assert "is not writable" in err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_an_output_folder_that_accepts_no_files_is_an_error(render: Run, cover: Path) -> None:
    code, _, err = render("zoom", cover, "-o", "/proc/it.mp4")
    assert code == 2
    assert err == "render: /proc/it.mp4: /proc is not writable: choose another -o\n"


def test_missing_output_folders_are_created(render: Run, cover: Path) -> None:
    assert render("zoom", cover, *SMALL, "-o", "new/one/it.mp4", "--poster", "--save-map", "maps/it.mosaic")[0] == 0
    assert render("zoom", cover, *SMALL, "-o", "other/frames/%02d.png")[0] == 0
    assert render("mosaic", cover, "--columns", "12", "-o", "stills/it.png", "--report", "pages/it.html")[0] == 0
    made = sorted(path.as_posix() for path in Path().glob("**/*") if path.is_file() and path.suffix != ".png")
    assert made == ["maps/it.mosaic", "new/one/it-poster.jpg", "new/one/it.mp4", "pages/it.html"]
    assert len(list(Path("other/frames").iterdir())) == 6
    assert read_picture(Path("stills/it.png")).size == (384, 256)


def test_existing_files_are_overwritten_only_on_request(render: Run, cover: Path) -> None:
    assert render("zoom", cover, *SMALL)[0] == 0
    assert render("zoom", cover, *SMALL)[0] == 2
    assert render("zoom", cover, *SMALL, "-y")[0] == 0


def test_the_version_is_that_of_the_package(render: Run) -> None:
    assert render("--version") == (0, f"{version('mosaic-renderer')}\n", "")


def test_json_has_the_documented_keys(render: Run, cover: Path, photos: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    code, out, _ = render(
        "zoom", cover, "--tiles", photos, "--tiles", broken, *SMALL, "--fps", "29.97", "--json", "-o", "it.mp4"
    )
    assert code == 0
    result: dict[str, Any] = json.loads(out)
    assert list(result) == [
        "output", "width", "height", "fps", "frames", "duration", "bytes", "poster", "preset", "checks", "cells", "photos", "distinct_photos", "most_uses",
        "equal_neighbours", "delta_e", "delta_e_95", "ssim", "mean_gain", "clipped", "advice", "skipped", "seconds", "peak_memory_bytes", "landing", "segments",
        "recipe",
    ]  # fmt: skip
    assert (result["output"], result["width"], result["height"]) == ("it.mp4", 96, 64)
    assert (result["fps"], result["frames"]) == ("30000/1001", 15)
    assert result["duration"] == pytest.approx(15 * 1001 / 30000)
    assert (result["cells"], result["photos"]) == (12 * 8, 60)
    assert result["skipped"] == [{"path": str(broken), "reason": "is not a picture in a supported format"}]
    assert {"indexing", "matching", "rendering", "total"} == set(result["seconds"])
    assert result["peak_memory_bytes"] > 50_000_000
    placed = load_map_of(render, cover, photos)
    assert result["distinct_photos"] == len(set(placed.photo.tolist()))
    assert result["most_uses"] == np.bincount(placed.photo).max()
    assert result["equal_neighbours"] == placed.equal_neighbours()
    assert result["mean_gain"] == pytest.approx(placed.gain.mean(), abs=1e-3)
    assert 0 < result["delta_e"] < result["delta_e_95"] < 100
    assert 0 < result["ssim"] < 1


def load_map_of(render: Run, cover: Path, photos: Path, *options: str) -> Any:
    words = ("mosaic", cover, "--tiles", photos, "--columns", "12", "--save-map", "of.mosaic", "-o", "of.png", "-y")
    assert render(*words, *options)[0] == 0
    return load_map(Path("of.mosaic"))


def test_the_summary_reports_the_quality_of_a_mosaic(render: Run, cover: Path, photos: Path) -> None:
    words = ("mosaic", cover, "--tiles", photos, "-y")
    _, out, _ = render(*words, "--columns", "6", "--unique")
    assert "24 cells, 24 of 60 tiles used, each once; no adjacent cells share a photo\n" in out
    assert "Each photo used at most once\n" in out
    assert "Viewed from a distance: mean colour error " in out
    _, out, err = render(*words, "--columns", "60")
    assert "Each photo used at most 120 times (default), not twice within 1 cell (default)\n" in out
    assert "60 photos" not in err  # reported once
    assert "60 photos repeat often in 2400 cells: use at least 120 photos for a better result" in out


def test_the_summary_advises_less_contrast_where_it_would_help(render: Run, cover: Path, photos: Path) -> None:
    Path("harsh").mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))[:50]):
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB"))
        harsh = np.where(pixels < np.median(pixels, axis=(0, 1)), 15, 240).astype(np.uint8)
        Image.fromarray(harsh).save(f"harsh/{number}.png")
    words = ("mosaic", cover, "--tiles", "harsh", "--columns", "24", "--tile-pixels", "2", "--overwrite")
    advice = "he photos have too much contrast for the cover: --contrast 0.3 lowers the mean colour error by about"
    assert f"\nT{advice} " in render(*words)[1]
    before, after = (json.loads(render(*words, *more, "--json")[1]) for more in ((), ("--contrast", "0.3")))
    expected = re.search(rf"t{advice} (\d+) %", before["advice"])
    assert expected
    assert 1 - after["delta_e"] / before["delta_e"] == pytest.approx(int(expected[1]) / 100, abs=0.01)
    assert "contrast=0.3 lowers" in renderer.match(cover, tiles="harsh", columns=24).figures.advice
    render(*words, "--report", "report.html")
    assert "contrast = 0.3 lowers" in Path("report.html").read_text("utf-8")


def test_the_summary_lists_the_repetition_limits(render: Run, cover: Path, photos: Path) -> None:
    _, out, _ = render(
        "mosaic", cover, "--tiles", photos, "--columns", "12", "--max-uses", "0", "--repeat-distance", "2"
    )
    assert "Each photo used any number of times, not twice within 2 cells\n" in out


def test_few_photos_make_fewer_larger_cells_and_hidden_ones_are_counted(render: Run, cover: Path, photos: Path) -> None:
    words = ("mosaic", cover, "--tiles", photos, "--match", "mean", "--tile-pixels", "2")
    _, out, err = render(*words)  # 60 photos
    assert "About 1,200 cells for 60 photos" in err
    assert "--columns sets another number" in err
    assert 1100 < int(re.search(r"^(\d+) cells, ", out, re.MULTILINE)[1]) < 1300  # type: ignore[index]  # it is found
    limits = ("--columns", "12", "--max-uses", "0", "--repeat-distance", "0", "--overwrite")
    _, out, err = render(*words, *limits)
    assert "cells for" not in err
    assert re.search(r"^\d+ of 60 photos are not shown: --use-all shows every photo$", out, re.MULTILINE)
    assert "not shown" not in render(*words, *limits, "--use-all")[1]


def test_covers_that_show_hardly_anything_cause_a_notice(render: Run, photos: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 3, (60, 90, 3))
    for colour, notice in ((128, "it.png is nearly one colour"), (5, "it.png is nearly black")):
        Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save("it.png")
        err = render("mosaic", "it.png", "--tiles", photos, "--columns", "9", "-o", f"{colour}.png")[2]
        assert notice in err
        assert "per cell" not in err
    err = render("mosaic", "it.png", "--tiles", photos, "--columns", "60", "-o", "small.png")[2]
    assert "it.png has 1.5 pixels per cell, which shows no outlines" in err


def test_a_palette_that_faces_limit_causes_a_notice(render: Run, cover: Path, photos: Path) -> None:
    Image.fromarray(skimage.data.astronaut()).save("face.png")
    Path("blue").mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))[:20]):
        with Image.open(path) as photo:
            Image.fromarray((np.asarray(photo) * (0.2, 0.5, 1.0)).astype(np.uint8)).save(f"blue/{number}.png")
    words = ("--tiles", "blue", "--columns", "20", "--tile-pixels", "2", "--adapt-palette")
    notice = r"The faces in face.png keep the colour of skin, so --adapt-palette makes only \d+ % of the change"
    assert re.search(notice, render("mosaic", "face.png", *words)[2])
    assert re.search(notice, render("mosaic", "face.png", *words, "--overwrite")[2])  # also if the map is cached
    assert "colour of skin" not in render("mosaic", cover, *words)[2]  # no face


def test_a_report_is_a_self_contained_page(render: Run, cover: Path, photos: Path) -> None:
    words = ("mosaic", cover, "--tiles", photos, "--columns", "12", "--report", "report.html")
    assert render(*words)[0] == 0
    page = Path("report.html").read_text("utf-8")
    assert "://" not in page
    assert str(photos) not in page
    assert "photo00.jpg" in page
    for command in ("render edit china.mosaic --swap ", "render edit china.mosaic --ban "):
        assert command in page
    pictures = [base64.b64decode(found) for found in re.findall(r"data:image/webp;base64,([^\")]+)", page)]
    thumbnails, *others = [Image.open(io.BytesIO(picture)).size for picture in pictures]
    assert others == [(384, 256), (384, 256), (192, 128)]  # cover, mosaic, difference
    assert thumbnails[0] == 32 * 80
    code, _, err = render(*words, "-o", "other.png")
    assert code == 2
    assert "report.html exists" in err


def test_a_video_stores_its_command_without_local_paths(render: Run, cover: Path, photos: Path) -> None:
    left_out = ("--exclude", f"{photos}/more/*", "--exclude", "drafts/*")
    assert render("zoom", cover, "--tiles", photos, *left_out, *SMALL, "-o", "it.mp4")[0] == 0
    from renderer.encoder import run_ffmpeg

    log = run_ffmpeg("-i", "it.mp4").stderr.decode()
    written = f"--tiles {photos.name} --exclude more --exclude 'drafts/*' --columns 12 --size 96x64"
    assert f"render zoom china.jpg {written}" in log
    assert str(photos) not in log
    assert str(cover.parent) not in Path("it.mp4").read_bytes().decode("latin-1")


def test_a_saved_map_renders_the_same_video_without_matching(render: Run, cover: Path, photos: Path) -> None:
    assert render("zoom", cover, "--tiles", photos, *SMALL, "--save-map", "it.mosaic", "-o", "one.mp4")[0] == 0
    code, out, err = render(
        "zoom",
        "it.mosaic",
        "--tiles",
        photos,
        "--duration",
        "0.5",
        "--fps",
        "12",
        "--size",
        "96x64",
        "--json",
        "-o",
        "two.mp4",
    )
    assert code == 0
    assert "matching options are ignored" in err
    assert "matching" not in json.loads(out)["seconds"]
    assert (decode(Path("one.mp4"), 96, 64) == decode(Path("two.mp4"), 96, 64)).all()
    for command in (["mosaic", "it.mosaic"], ["still", "zoom", "it.mosaic"]):
        assert render(*command)[0] == 0
    assert read_picture(Path("it-mosaic.png")).size == (384, 256)


def test_two_runs_are_equal_and_a_single_frame_equals_that_of_the_video(render: Run, cover: Path) -> None:
    words = ("zoom", cover, "--size", "96x64", "--columns", "12", "--duration", "1", "--fps", "10", "--quality", "max")
    assert render(*words, "-o", "one.mp4")[0] == 0
    assert render(*words, "-o", "two.mp4")[0] == 0
    one = decode(Path("one.mp4"), 96, 64)
    assert (one == decode(Path("two.mp4"), 96, 64)).all()
    assert len(one) == 10
    for frame in (0, 4, 9):
        still = ("still", "zoom", cover, "--size", "96x64", "--columns", "12", "--duration", "1", "--fps", "10")
        assert render(*still, "--at", (frame + 0.5) / 10, "-o", f"{frame}.png")[0] == 0
        assert difference(read_picture(Path(f"{frame}.png")).pixels, one[frame]).mean() < 4
    assert render(*words, "--frames", "4-4", "-o", "alone.mp4")[0] == 0
    assert difference(decode(Path("alone.mp4"), 96, 64)[0], one[4]).mean() < 2


def test_the_first_frame_equals_the_stitched_mosaic(render: Run, cover: Path, photos: Path) -> None:
    """The reference is made by array indexing: tiles[photo], turned and toned, arranged in rows."""
    placed = load_map_of(render, cover, photos, "--turns")
    assert len(set(placed.symmetry.tolist())) > 5
    from renderer.fidelity import turned
    from renderer.library import Archive, reopen
    from renderer.progress import Silent

    with Archive(Silent()) as archive:
        tiles = reopen(archive, placed.photos, Silent()).tiles
    toned = (
        turned(tiles[placed.photo], placed.symmetry) / 255 * placed.gain[:, None, None] + placed.offset[:, None, None]
    )
    tiles = np.clip(toned * 255 + 0.5, 0, 255).astype(np.uint8)
    stitched = tiles.reshape(8, 12, 32, 32, 3).swapaxes(1, 2).reshape(256, 384, 3)
    assert difference(read_picture(Path("of.png")).pixels, stitched).max() <= 1
    assert (
        render("zoom", "of.mosaic", "--size", "384x256", "--duration", "0.2", "--quality", "max", "-o", "it.mp4")[0]
        == 0
    )
    assert difference(decode(Path("it.mp4"), 384, 256)[0], stitched).mean() < 4


def test_unreadable_photos_are_counted_and_listed_on_request(
    render: Run, cover: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    words = (
        "mosaic",
        cover,
        "--tiles",
        photos,
        "--tiles",
        tmp_path / "bad.jpg",
        "--columns",
        "8",
        "-o",
        "it.png",
        "-y",
    )
    code, _, err = render(*words)
    assert code == 0
    assert "1 of 61 files skipped (bad.jpg" in err
    assert f"skipped {tmp_path / 'bad.jpg'}" not in err
    assert f"skipped {tmp_path / 'bad.jpg'}" in render(*words, "-v")[2]
    assert render(*words, "-q")[1:] == ("", "")


def test_missing_photos_of_a_map_are_named(
    render: Run, cover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (50, 50), (9, 99, 9)).save(tmp_path / "green.jpg")
    assert (
        render("mosaic", cover, "--tiles", tmp_path / "green.jpg", "--columns", "3", "--save-map", "it.mosaic")[0] == 0
    )
    photo = (tmp_path / "green.jpg").read_bytes()
    (tmp_path / "green.jpg").unlink()
    code, _, err = render("mosaic", "it.mosaic", "-o", "from-thumbnail.png")
    assert (code, "1 photo of this map is missing or changed (" in err) == (0, True)
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path / "empty"))
    code, _, err = render("mosaic", "it.mosaic")
    assert (code, "1 photo of this map is missing or changed (" in err) == (2, True)
    Path("moved").mkdir()
    Path("moved/renamed.jpg").write_bytes(photo)
    assert render("mosaic", "it.mosaic", "--tiles", "moved")[0] == 0


def test_the_default_video_is_h264_in_the_high_profile(render: Run, cover: Path) -> None:
    assert render("zoom", cover, *SMALL)[0] == 0
    assert "h264 (High)" in stream_line(Path("china-zoom.mp4"))


@pytest.mark.skipif(os.name != "posix", reason="Windows sends signals differently")
@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interruption_leaves_no_files(cover: Path, tmp_path: Path, sent: str) -> None:
    words = ("--columns", 12, "--size", "640x480", "--duration", 600, "--segment-seconds", 0)
    command = [sys.executable, "-m", "renderer", "zoom", *map(str, (cover, *words))]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(getattr(signal, sent), signal.SIG_DFL),  # the tests may run under nohup
    )  # fmt: skip
    wait_until(lambda: any(path.stat().st_size for path in tmp_path.glob("*/new.mp4")))
    assert [path.suffix[:6] for path in sorted(tmp_path.iterdir())] == [".lock", ".part-"]
    process.send_signal(getattr(signal, sent))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Interrupted; incomplete output was removed" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows sends signals differently")
def test_an_ignored_signal_stays_ignored() -> None:
    """`nohup render` continues when its terminal is closed."""
    code = "import signal; from renderer.cli import main; main(['--version']); print(signal.getsignal(signal.SIGHUP))"
    command = f"trap '' HUP; exec {shlex.join([sys.executable, '-c', code])}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(signal.SIG_IGN)


STREAMS = [
    (("--version",), ">&-", 1, "Standard output can't be written to (it is closed)"),
    (("--help",), ">/dev/full", 1, "Standard output can't be written to (No space left on device)"),
    (("doctor",), ">&-", 1, "Standard output can't be written to (it is closed)"),
    (("--version",), ">&- 2>&-", 1, ""),
    (("nosuch",), "2>&-", 2, ""),
    (("nosuch",), "2>/dev/full", 2, ""),
    (("--version",), "<&-", 0, ""),
    (("zoom", *SMALL, "-o", "-"), ">&-", 1, "Standard output is closed"),
    (("still", "zoom", "--at", "0", *STILL, "-o", "it.png"), ">&-", 1, "Standard output can't be written to"),
    (
        ("still", "zoom", "--at", "0", *STILL, "-o", "it.png", "--json"),
        ">/dev/full",
        1,
        "can't be written to (No space",
    ),
    (("still", "zoom", "--at", "0", *STILL, "-o", "it.png", "-q"), ">&-", 0, ""),
    (("still", "zoom", "--at", "0", *STILL, "-o", "it.png"), "2>/dev/full", 0, ""),
    (("still", "zoom", "--at", "0", *STILL, "-o", "it.png"), "<&- 2>&-", 0, ""),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize(("words", "streams", "code", "says"), STREAMS, ids=lambda value: str(value))
def test_standard_streams_may_be_closed_or_full(
    tmp_path: Path, words: tuple[str, ...], streams: str, code: int, says: str
) -> None:
    command = shlex.join([sys.executable, "-m", "renderer", *words])
    done = subprocess.run(
        ["sh", "-c", f"{command} {streams}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout if code else "") == (code, "")
    assert says in done.stderr
    assert done.stderr.count("render: ") == bool(code and "2>" not in streams)
    assert not any(word in done.stderr for word in ("Traceback", "unexpected", "ignored"))
    # Only the finished picture remains.
    assert [path.name for path in tmp_path.iterdir()] == (["it.png"] if "it.png" in words else [])
    if "it.png" in words:
        assert read_picture(tmp_path / "it.png").pixels.shape == (64, 96, 3)


LONG = [
    ("x" * 251, "long"),
    ("é" * 125, "long, with two bytes per letter"),
    ("100%d", "frame number pattern"),
    ("caf\udce9", "not UTF-8"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't allow such names")
@pytest.mark.parametrize("stem", [stem for stem, _ in LONG], ids=[name for _, name in LONG])
def test_a_cover_of_any_name_needs_no_output(render: Run, cover: Path, stem: str) -> None:
    source = Path(f"{stem}.jpg")
    source.symlink_to(cover)
    code, _, err = render("zoom", source, *SMALL, "--poster")
    assert code == 0, err
    made = sorted(path.name for path in Path().iterdir() if path != source)
    short = stem[:200] if stem[0] == "x" else stem[:100].replace("%", "_")
    assert made == [f"{short}-zoom-poster.jpg", f"{short}-zoom.mp4"]
    for ending in ("gif", "webm", "webp", "apng"):
        assert render("zoom", source, *SMALL, "-o", f"{{cover}}.{ending}")[0] == 0
        assert abs(probe(Path(f"{short}.{ending}")).seconds - 0.5) < 0.05  # equal frames may be merged


def test_a_file_name_that_is_too_long_is_reported(render: Run, cover: Path) -> None:
    code, _, err = render("zoom", cover, *SMALL, "-y", "-o", "x" * 300 + ".mp4")
    assert (code, "can't be a file name (File name too long): choose another -o" in err) == (2, True)
    assert render("zoom", cover, *SMALL, "--poster", "-o", "x" * 251 + ".mp4")[0] == 0
    assert len(list(Path().iterdir())) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_reported(render: Run, cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The temporary file links to /dev/full, so every write fails.
    from renderer import output_files

    workspace = output_files._workspace

    @contextmanager
    def on_a_full_disk(path: Path, what: Path) -> Iterator[Path]:
        with workspace(path, what) as folder:
            (folder / f"new{path.suffix}").symlink_to("/dev/full")
            yield folder

    monkeypatch.setattr(output_files, "_workspace", on_a_full_disk)
    code, _, err = render("mosaic", cover, "--columns", "8", "-o", "it.png")
    assert code == 1
    assert "the disk is full" in err
    code, _, err = render("zoom", cover, *SMALL, "-o", "it.mp4")
    assert code == 1
    assert err.splitlines()[-1] == "render: it.mp4: the disk is full: free some space, or write to another disk"
    assert [path.name for path in Path().iterdir()] == []


def test_a_second_render_reuses_the_map_unless_something_changed(render: Run, cover: Path, photos: Path) -> None:
    def stages(*words: object) -> set[str]:
        code, out, _ = render("mosaic", cover, "--tiles", photos, *words, "--json", "-o", "it.png", "-y")
        assert code == 0
        return set(json.loads(out)["seconds"])

    assert "matching" in stages("--columns", "12")
    first = read_picture(Path("it.png")).pixels
    assert "matching" not in stages("--columns", "12")
    assert (read_picture(Path("it.png")).pixels == first).all()
    for changed in (
        ["--columns", "13"],
        ["--columns", "12", "--match-seed", "1"],
        ["--columns", "12", "--tiles", cover],
    ):
        assert "matching" in stages(*changed)


def test_maps_of_the_same_grid_over_different_crops_differ(render: Run, cover: Path) -> None:
    assert render("mosaic", cover, "--columns", "42", "--tile-pixels", "8", "-o", "columns.png")[0] == 0
    assert render("mosaic", cover, "--cell-size", "15", "--tile-pixels", "8", "-o", "cells.png")[0] == 0
    one, other = (read_picture(Path(name)).pixels for name in ("columns.png", "cells.png"))
    assert one.shape == other.shape
    assert difference(one, other).mean() > 5


def test_a_saved_map_of_pieces_renders_the_same_picture(render: Run, cover: Path) -> None:
    assert render("mosaic", cover, "--columns", "20", "--save-map", "it.mosaic", "-o", "one.png")[0] == 0
    assert render("mosaic", "it.mosaic", "-o", "two.png")[0] == 0
    assert (read_picture(Path("one.png")).pixels == read_picture(Path("two.png")).pixels).all()


def test_unusual_file_names_work(render: Run, cover: Path) -> None:
    Path("-a b:c'é.jpg").write_bytes(cover.read_bytes())
    assert render("zoom", "./-a b:c'é.jpg", *SMALL)[0] == 0
    assert Path("-a b:c'é-zoom.mp4").exists()
    code, _, err = render("zoom", cover, *SMALL, "-o", "n" * 256 + ".mp4")
    assert code == 2
    assert "can't be a file name" in err


def test_the_cover_is_never_overwritten(render: Run) -> None:
    picture = Path("mine.png")
    Image.new("RGB", (40, 30), (1, 2, 3)).save(picture)
    before = picture.read_bytes()
    code, _, err = render("mosaic", picture, "-o", picture, "-y")
    assert code == 2
    assert "is the cover or one of the photos" in err
    assert picture.read_bytes() == before


def test_photos_are_never_overwritten(render: Run, cover: Path) -> None:
    Path("ext").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (40, 30), (1, 2, 3)).save(f"ext/{name}.png")
    code, _, err = render("mosaic", cover, "--columns", "4", "--tiles", "ext", "-o", "ext/b.png", "-y")
    assert code == 2
    assert "one of the photos" in err
    assert read_picture(Path("ext/b.png")).size == (40, 30)


def test_an_output_link_is_preserved_and_its_target_is_written(render: Run, cover: Path) -> None:
    Path("real").mkdir()
    Path("real/it.png").touch()
    Path("link.png").symlink_to("real/it.png")
    assert render("mosaic", cover, "--columns", "4", "-o", "link.png", "-y")[0] == 0
    assert Path("link.png").is_symlink()
    assert read_picture(Path("real/it.png")).size == (128, 64)


def test_a_tour_visits_the_named_photos(render: Run, cover: Path, photos: Path) -> None:
    words = (
        "zoom",
        cover,
        "--tiles",
        photos,
        *SMALL,
        "--focus",
        photos / "photo00.jpg",
        "--focus",
        "photo04.jpg",
        "--focus",
        "0.2,0.8",
    )
    code, _, err = render(*words, "--save-map", "it.mosaic", "--landing", "whole")
    assert code == 0, err
    placed = load_map(Path("it.mosaic"))
    for name in ("photo00.jpg", "photo04.jpg"):
        (number,) = [i for i, photo in enumerate(placed.photos) if photo.path.name == name]
        assert (placed.photo == number).sum() == 1
    assert render("zoom", "it.mosaic", "--focus", "photo00", "--size", "96x64", "--duration", "0.3", "-y")[0] == 0
    code, _, err = render("zoom", "it.mosaic", "--focus", "photo0.jpg", "-y")
    assert code == 2
    assert "did you mean" in err


def test_the_doctor_reports_what_is_missing_and_how_to_fix_it(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for words, code, says in (
        (["doctor"], 1, "→ run: pip install --force-reinstall 'opencv-python-headless"),
        (["zoom"], 1, "libGL.so.1: cannot open shared object file): run `render doctor`"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "renderer", *words],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == code
        assert says in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_result_that_cannot_be_opened_is_still_written(
    render: Run, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "platform", "linux")
    code, _, err = render("mosaic", cover, "--columns", "4", "--open")
    assert code == 0
    assert "xdg-open is not installed. Open the file yourself" in err


def test_no_remaining_time_is_estimated_while_nothing_advances(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor from what an earlier render has made."""
    monkeypatch.setattr("renderer.cli.messages._LINE_SECONDS", 0.0)
    with Console(quiet=False, verbose=False).stage("rendering", 100, "frames") as advance:
        for units in (0, 40, 10, 0, 10):
            advance(units)
    lines = capsys.readouterr().err.splitlines()
    assert ["left" in line for line in lines] == [False, False, True, False, True]
    assert lines[3] == "rendering: 50 of 100 frames"
