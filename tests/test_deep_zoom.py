"""Deep Zoom images: their files are decoded again, and a viewer shows them."""

import base64
import functools
import importlib
import io
import json
import math
import os
import shutil
import threading
import xml.etree.ElementTree as ET
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import difference, wait_until
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from selenium import webdriver

from animations.zoom import Zoom
from renderer.deep_zoom_files import OVERLAP, TILE_SIDE, level_sizes
from renderer.errors import BusyError, InputError, RenderError
from renderer.job import MatchSettings, OpenMosaic, open_frames, open_mosaic
from renderer.job.deep_zoom import FULL_CHROMA_BELOW, DeepZoom, write_deep_zoom
from renderer.job.drawing import WholeMosaic, draw_strips
from renderer.output_files import new_file
from renderer.pictures import Pixels, resize, to_linear, to_srgb
from renderer.progress import Advance, Silent
from renderer.scene import TONE_FULL_BELOW, TONE_NONE_ABOVE
from renderer.settings import OutputSettings

SIZE = (957, 635)  # 24 columns of 39.9 pixels; no side can be halved
SMALL = (61, 41)

DRAWING = importlib.import_module("renderer.job.drawing")  # `renderer.job` has a function of this name

TONE = (TONE_FULL_BELOW, TONE_NONE_ABOVE)


@contextmanager
def opened(cover: Path, **settings: object) -> Iterator[OpenMosaic]:
    with open_mosaic(cover, MatchSettings(**settings), Silent()) as mosaic:  # type: ignore[arg-type]
        yield mosaic


@pytest.fixture(scope="module")
def mosaic(cover: Path) -> Iterator[OpenMosaic]:
    with opened(cover, columns=24) as each:
        yield each


@pytest.fixture(scope="module")
def large_tiles(cover: Path, photos: Path) -> Iterator[OpenMosaic]:
    """A mosaic whose tiles are far from the cover's colours."""
    with opened(cover, columns=6, tiles=(str(photos),)) as each:
        yield each


@pytest.fixture(scope="module")
def written(mosaic: OpenMosaic, tmp_path_factory: pytest.TempPathFactory) -> DeepZoom:
    return write_deep_zoom(tmp_path_factory.mktemp("tiles"), "cover", mosaic, SIZE, Silent())


def tiles_of(path: Path, level: int) -> dict[tuple[int, int], Pixels]:
    """Return the tiles of a level by column and row."""
    found = {}
    for file in (path.with_name(f"{path.stem}_files") / str(level)).iterdir():
        column, row = file.stem.split("_")
        with Image.open(file) as picture:
            found[int(column), int(row)] = np.asarray(picture.convert("RGB"))
    return found


def joined(path: Path, level: int) -> Pixels:
    """Return a level, from its tiles without their overlaps."""
    tiles = tiles_of(path, level)
    columns, rows = (max(each) + 1 for each in zip(*tiles, strict=True))
    assert len(tiles) == columns * rows

    def inner(column: int, row: int) -> Pixels:
        top, left = (OVERLAP if number else 0 for number in (row, column))
        return tiles[column, row][top : top + TILE_SIDE, left : left + TILE_SIDE]

    return np.concatenate([np.concatenate([inner(column, row) for column in range(columns)], 1) for row in range(rows)])


def drawn(mosaic: OpenMosaic, size: tuple[int, int], halvings: int = 0) -> Pixels:
    """Return a level as it is drawn, at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRAWING, "_BLOCK_PIXELS", 1 << 30)
        with closing(WholeMosaic(mosaic, size)) as whole:
            (block,) = whole.blocks(size, halvings=halvings, tone_sizes=TONE)
    return block.pixels


def average(pixels: Pixels) -> Pixels:
    """Return the mean of linear light, (1, 1, 3)."""
    return to_srgb(to_linear(pixels).mean(axis=(0, 1), keepdims=True))


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()
    }


# -- The format ----------------------------------------------------------------------------------------------------


def test_a_known_picture_has_the_levels_of_the_specification() -> None:
    assert level_sizes((1, 1)) == [(1, 1)]
    assert level_sizes((2, 1)) == [(1, 1), (2, 1)]
    assert level_sizes((1000, 3))[-4:] == [(125, 1), (250, 1), (500, 2), (1000, 3)]


@given(st.integers(1, 300_000), st.integers(1, 300_000))
def test_sides_of_levels_are_halved_and_rounded_up_to_one_pixel(width: int, height: int) -> None:
    sizes = level_sizes((width, height))
    assert (sizes[0], sizes[-1]) == ((1, 1), (width, height))
    assert len(sizes) == math.ceil(math.log2(max(width, height))) + 1
    for small, large in pairwise(sizes):
        assert small == (math.ceil(large[0] / 2), math.ceil(large[1] / 2))


def test_the_descriptor_says_what_the_files_are(written: DeepZoom) -> None:
    image = ET.parse(written.path).getroot()
    space = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert image.tag == f"{space}Image"
    assert image.attrib == {"Format": "jpg", "Overlap": "1", "TileSize": "254"}
    (size,) = image
    assert (size.tag, size.attrib) == (f"{space}Size", {"Width": str(SIZE[0]), "Height": str(SIZE[1])})
    files = files_in(written.path.parent)
    assert (written.size, written.levels) == (SIZE, 11)
    assert (written.files, written.bytes) == (len(files), sum(map(len, files.values())))


def test_tiles_make_up_levels_of_the_right_sizes_and_overlap_their_neighbours(written: DeepZoom) -> None:
    for level, (width, height) in enumerate(level_sizes(SIZE)):
        assert joined(written.path, level).shape == (height, width, 3)
        tiles = tiles_of(written.path, level)
        for (column, row), tile in tiles.items():
            assert max(tile.shape[:2]) <= TILE_SIDE + 2 * OVERLAP
            if (right := tiles.get((column + 1, row))) is not None:
                assert difference(tile[:, -2:], right[:, :2]).mean() < 5
            if (below := tiles.get((column, row + 1))) is not None:
                assert difference(tile[-2:], below[:2]).mean() < 5
    assert set(tiles) == {(column, row) for column in range(4) for row in range(3)}


def test_files_have_no_metadata(written: DeepZoom) -> None:
    with Image.open(written.path.with_name("cover_files") / "10" / "1_1.jpg") as tile:
        assert set(tile.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_colours_are_stored_for_each_pixel_where_tiles_are_small(mosaic: OpenMosaic, tmp_path: Path) -> None:
    size = (round(24 * FULL_CHROMA_BELOW) + 1, round(16 * FULL_CHROMA_BELOW))
    made = write_deep_zoom(tmp_path, "it", mosaic, size, Silent())
    for level in range(made.levels):
        with Image.open(tmp_path / "it_files" / str(level) / "0_0.jpg") as tile:
            assert isinstance(tile, JpegImageFile)
            assert tile.layer[0][1:3] == ((2, 2) if level == made.levels - 1 else (1, 1))


# -- What levels show ----------------------------------------------------------------------------------------------


def test_the_largest_level_is_the_still(written: DeepZoom, mosaic: OpenMosaic) -> None:
    """Its tiles are small enough for their full tone."""
    still = np.concatenate(list(draw_strips(mosaic, SIZE, 64)))
    assert (drawn(mosaic, SIZE) == still).all()
    assert difference(joined(written.path, 10), still).mean() < 4


def test_each_level_is_drawn_at_its_size_down_to_cells_of_4_pixels(written: DeepZoom, mosaic: OpenMosaic) -> None:
    for level, halvings in ((9, 1), (8, 2), (7, 3)):
        assert difference(joined(written.path, level), drawn(mosaic, SIZE, halvings)).mean() < 5


def test_smaller_levels_show_the_same_in_the_same_position(written: DeepZoom) -> None:
    """Also where sides can't be halved: a shift by half a pixel would more than double the difference."""
    levels = [joined(written.path, level) for level in range(written.levels)]
    for small, large in pairwise(levels[4:]):
        padded = np.pad(large, ((0, len(large) % 2), (0, large.shape[1] % 2), (0, 0)), "edge")
        assert difference(resize(padded, small.shape[1], small.shape[0]), small).mean() < 5.5


def test_the_smallest_levels_are_averages_of_the_picture(written: DeepZoom) -> None:
    whole = average(joined(written.path, 10))
    assert difference(joined(written.path, 0), whole).max() <= 3
    assert difference(average(joined(written.path, 1)), whole).max() <= 3


def test_levels_have_the_tone_of_a_video_at_their_scale(large_tiles: OpenMosaic, tmp_path: Path) -> None:
    """Tiles of 256 pixels have their own colours, those of 128 some tone, and those of 64 nearly all of it."""
    width, height = (round(256 * side) for side in large_tiles.placement.size)
    made = write_deep_zoom(tmp_path, "it", large_tiles, (width, height), Silent())
    off = []
    for halvings in range(4):
        level, size = made.levels - 1 - halvings, (width >> halvings, height >> halvings)
        with open_frames(large_tiles, Zoom(), size, OutputSettings(duration=1)) as frames:
            frame = frames.picture(0)
        shown = joined(made.path, level)
        assert difference(shown, frame).mean() < 3
        off.append(float(difference(shown, np.concatenate(list(draw_strips(large_tiles, size, 64)))).mean()))
    assert off[0] > 2 * off[1] > 4 * off[3]


@pytest.mark.parametrize(
    "settings",
    [
        {"tile_shape": "hexagon"},
        {"tile_shape": "circle"},
        {"tile_shape": "mixed", "gap": 0.1},
        {"tile_shape": "3:2", "gap": 0.08, "border": 0.05},
        {"adaptive": True},
        {"mask": "heart"},
    ],
    ids=lambda settings: next(iter(settings.values())),
)
def test_tiles_of_any_shape_on_any_background(
    cover: Path, photos: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    size, green = (517, 345), (0.0, 0.8, 0.2)
    with opened(cover, columns=12, tiles=(str(photos),), **settings) as each:
        made = write_deep_zoom(tmp_path, "it", each, size, Silent(), background=green)
        still = np.concatenate(list(draw_strips(each, size, 64, green)))
    levels = [joined(made.path, level) for level in range(made.levels)]
    assert difference(levels[-1], still).mean() < 4
    # Levels are drawn down to cells of 5 pixels, where gaps are blended with tiles by their numbers in sRGB.
    assert difference(levels[0], average(levels[7])).max() <= 3
    if "mask" in settings:
        for level in levels[5:]:
            assert difference(level[0, 0], np.array([0, 204, 51], np.uint8)).max() <= 8


def test_a_blurred_cover_as_the_background(cover: Path, tmp_path: Path) -> None:
    with opened(cover, columns=12, mask="heart") as each:
        made = write_deep_zoom(tmp_path, "it", each, (517, 345), Silent(), background="blur")
        still = np.concatenate(list(draw_strips(each, (517, 345), 64, "blur")))
    assert difference(joined(made.path, 10), still).mean() < 4
    small = resize(still, *level_sizes((517, 345))[7])
    assert difference(joined(made.path, 7), small).mean() < 6


class Counted(Silent):
    """Progress that checks that all tiles are counted once."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        assert (name, unit) == ("rendering", "tiles")
        counts: list[int] = []
        yield counts.append
        assert sum(counts) == total


@pytest.mark.parametrize(
    "size", [(3000, 20), (7, 400), (509, 255), (508, 254), (510, 339), (48, 32), (5, 3), (1, 1)], ids=str
)
def test_any_size(mosaic: OpenMosaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    """Of another shape than the mosaic's, of a pixel more than its tiles, and with cells of less than a pixel."""
    monkeypatch.setattr(DRAWING, "_BLOCK_PIXELS", 1)
    made = write_deep_zoom(tmp_path, "it", mosaic, size, Counted())
    files = files_in(tmp_path)
    assert (made.files, made.bytes) == (len(files), sum(map(len, files.values())))
    for level, (width, height) in enumerate(level_sizes(size)):
        assert joined(made.path, level).shape == (height, width, 3)


def test_small_pictures_are_averages_of_larger_ones(mosaic: OpenMosaic, tmp_path: Path) -> None:
    made = write_deep_zoom(tmp_path, "it", mosaic, (48, 32), Silent())
    larger = np.concatenate(list(draw_strips(mosaic, (384, 256), 64)))
    assert difference(joined(made.path, made.levels - 1), resize(larger, 48, 32)).mean() < 4


def test_pixels_do_not_depend_on_the_blocks(written: DeepZoom, mosaic: OpenMosaic, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRAWING, "_BLOCK_PIXELS", 1)
        write_deep_zoom(tmp_path, "cover", mosaic, SIZE, Silent())
    assert files_in(tmp_path) == files_in(written.path.parent)


def test_photos_whose_files_are_gone_are_drawn_from_their_thumbnails(cover: Path, photos: Path, tmp_path: Path) -> None:
    copied, saved = tmp_path / "photos", tmp_path / "it.mosaic"
    shutil.copytree(photos, copied)
    settings = {"columns": 8, "tiles": (str(copied),), "save_map": saved}
    with opened(cover, **settings) as each:
        before = write_deep_zoom(tmp_path, "before", each, (480, 320), Silent())
    shutil.rmtree(copied)
    with open_mosaic(saved, MatchSettings(), Silent()) as each:
        after = write_deep_zoom(tmp_path, "after", each, (480, 320), Silent())
    assert difference(joined(before.path, 9), joined(after.path, 9)).mean() < 4


# -- Bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("existing", ["cover.dzi", "cover_files"])
def test_nothing_is_overwritten_unless_specified(mosaic: OpenMosaic, tmp_path: Path, existing: str) -> None:
    old = write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent())
    if existing == "cover.dzi":
        shutil.rmtree(tmp_path / "cover_files")
    else:
        old.path.unlink()
    before = files_in(tmp_path)
    with pytest.raises(InputError, match=rf"{existing} exists: choose another .*overwrite"):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent())
    assert files_in(tmp_path) == before
    made = write_deep_zoom(tmp_path, "cover", mosaic, (31, 21), Silent(), overwrite=True)
    assert len(files_in(tmp_path)) == made.files
    assert joined(made.path, 5).shape == (21, 31, 3)


@pytest.mark.parametrize("path", ["index.html", "3/page.js", "photos/1_2.jpg"])
def test_a_folder_of_other_files_is_never_replaced(mosaic: OpenMosaic, tmp_path: Path, path: str) -> None:
    """Browsers save the files of a page in a folder of such a name."""
    file = tmp_path / "cover_files" / path
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(InputError, match="cover_files exists and contains other files than tiles"):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent(), overwrite=True)
    assert files_in(tmp_path) == {f"cover_files/{path}": b"mine"}


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("name", ["cover.dzi", "cover_files"])
def test_links_are_not_replaced(mosaic: OpenMosaic, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    if name == "cover.dzi":
        target.write_text("mine")
    else:
        target.mkdir()
    (tmp_path / name).symlink_to(target)
    with pytest.raises(InputError, match=f"{name} is a link, which is not replaced"):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent(), overwrite=True)
    assert (tmp_path / name).is_symlink()


@pytest.mark.parametrize("name", ["cover.dzi", "cover_files"])
def test_a_folder_or_file_of_the_other_kind_is_not_replaced(mosaic: OpenMosaic, tmp_path: Path, name: str) -> None:
    if name == "cover.dzi":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent(), overwrite=True)
    assert (tmp_path / name).exists()


class Interrupted(Silent):
    """Progress that raises an error after some tiles."""

    def __init__(self, error: BaseException, act: Callable[[], object] = lambda: None) -> None:
        self.error, self.act = error, act

    @contextmanager
    def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:  # noqa: ARG002 (the protocol's names)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if done == total:
                self.act()
                raise self.error

        yield advance


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RenderError("damaged")], ids=repr)
def test_an_interrupted_render_leaves_nothing(mosaic: OpenMosaic, tmp_path: Path, error: BaseException) -> None:
    folder = tmp_path / "new" / "tiles"
    with pytest.raises(type(error)):
        write_deep_zoom(folder, "cover", mosaic, SMALL, Interrupted(error))
    assert not list(tmp_path.iterdir())


def test_the_old_files_stay_until_the_new_ones_are_complete(mosaic: OpenMosaic, tmp_path: Path) -> None:
    write_deep_zoom(tmp_path, "cover", mosaic, (31, 21), Silent())
    before = files_in(tmp_path)

    def look() -> None:
        hidden = {name: content for name, content in files_in(tmp_path).items() if name.startswith(".")}
        assert len(hidden) > 7  # the tiles
        assert files_in(tmp_path) == {**before, **hidden}

    with pytest.raises(KeyboardInterrupt):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Interrupted(KeyboardInterrupt(), look), overwrite=True)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("overwrite", [True, False])
def test_if_the_files_can_not_be_renamed_the_old_ones_are_restored(
    mosaic: OpenMosaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, overwrite: bool
) -> None:
    if overwrite:
        write_deep_zoom(tmp_path, "cover", mosaic, (31, 21), Silent())
    before = files_in(tmp_path)

    def fail(_path: Path, target: Path) -> Path:
        assert (target.parent / "cover_files").is_dir()  # the descriptor is last
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(RenderError, match=r"cover.dzi could not be written \(Permission denied\)"):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent(), overwrite=overwrite)
    assert files_in(tmp_path) == before
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_what_appears_in_the_meantime_is_not_overwritten(mosaic: OpenMosaic, tmp_path: Path) -> None:
    class Late(Silent):
        @contextmanager
        def stage(self, name: str, total: int, unit: str) -> Iterator[Advance]:  # noqa: ARG002 (the protocol's names)
            yield lambda _count: None
            (tmp_path / "cover_files").mkdir()
            (tmp_path / "cover_files" / "it.txt").write_text("mine")

    with pytest.raises(InputError, match="cover_files exists"):
        write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Late())
    assert files_in(tmp_path) == {"cover_files/it.txt": b"mine"}


def test_one_process_writes_at_a_time(mosaic: OpenMosaic, tmp_path: Path) -> None:
    with new_file(tmp_path / "cover.dzi", overwrite=False) as temporary:
        temporary.write_text("complete")
        with pytest.raises(BusyError, match=r"cover\.dzi is being written"):
            write_deep_zoom(tmp_path, "cover", mosaic, SMALL, Silent())


def test_a_disk_that_is_too_small_is_noticed_before_drawing(
    mosaic: OpenMosaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: namedtuple("Usage", "free")(5_000_000))
    message = (
        r"cover\.dzi of 10000 × 6000 pixels takes at least .* MB, and 5\.0 MB are free: use a smaller tile_pixels=, or"
    )
    with pytest.raises(InputError, match=message):
        write_deep_zoom(tmp_path / "new", "cover", mosaic, (10_000, 6000), Silent())
    assert not list(tmp_path.iterdir())


ODD_NAMES = [
    "été ☃ 100%25 #1",
    "-o",
    "a&b;c=d'e",
    "it.dzi",
    *(['<x> "?*|\\', "tab\tnew\nline"] if os.name == "posix" else []),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_may_have_any_characters(mosaic: OpenMosaic, tmp_path: Path, name: str) -> None:
    made = write_deep_zoom(tmp_path, name, mosaic, SMALL, Silent())
    assert made.path == tmp_path / f"{name}.dzi"
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([f"{name}.dzi", f"{name}_files"])
    ET.parse(made.path)


@pytest.mark.parametrize("name", ["", "a/b", "/", "x" * 250, "x" * 300], ids=lambda name: name[:3])
def test_names_that_are_impossible(mosaic: OpenMosaic, tmp_path: Path, name: str) -> None:
    """250 bytes are enough for the descriptor, but not for the folder."""
    with pytest.raises(InputError, match="can't be a file name"):
        write_deep_zoom(tmp_path, name, mosaic, SMALL, Silent())
    assert not list(tmp_path.iterdir())


# -- In a viewer ---------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,"><title>it</title>
<div id="it" style="width: 600px; height: 400px"></div><script src="openseadragon.min.js"></script>
<script>
  const viewer = OpenSeadragon({id: 'it', tileSources: NAME, drawer: 'canvas', showNavigationControl: false,
    immediateRender: true, animationTime: 0});
  const failed = [], shown = new Set();
  viewer.addHandler('open-failed', event => failed.push(event.message));
  viewer.addHandler('tile-load-failed', event => failed.push(event.message));
  viewer.addHandler('tile-drawn', event => shown.add(event.tile.level));
</script>"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a local server of the test's folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_openseadragon_shows_it_down_to_its_pixels(
    browser: webdriver.Chrome, openseadragon: Path, address: str, mosaic: OpenMosaic, tmp_path: Path
) -> None:
    name = "été 100% #1"
    made = write_deep_zoom(tmp_path, name, mosaic, (2403, 1602), Silent())
    shutil.copy(openseadragon, tmp_path)
    (tmp_path / "it.html").write_text(
        PAGE.replace("NAME", "encodeURIComponent(" + json.dumps(f"{name}.dzi") + ")"), "utf-8"
    )
    browser.get_log("browser")  # of other pages
    browser.get(f"{address}/it.html")

    def screen() -> Pixels:
        """Return the viewer's pixels when all tiles are loaded and drawn."""
        wait_until(
            lambda: browser.execute_script("return viewer.isOpen() && viewer.world.getItemAt(0).getFullyLoaded()")
        )
        script = """const done = arguments[0]; viewer.forceRedraw(); requestAnimationFrame(
            () => requestAnimationFrame(() => done(viewer.drawer.canvas.toDataURL().split(',')[1])))"""
        with Image.open(io.BytesIO(base64.b64decode(browser.execute_async_script(script)))) as picture:
            return np.asarray(picture.convert("RGB"))

    whole = resize(drawn(mosaic, (2403, 1602)), 600, 400)
    assert difference(screen(), whole).mean() < 8
    # One pixel of the picture a pixel of the screen, around a corner of four tiles.
    corner = 3 * TILE_SIDE
    browser.execute_script(
        """const item = viewer.world.getItemAt(0), size = item.getContentSize();
        viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(1), null, true);
        viewer.viewport.panTo(item.imageToViewportCoordinates(arguments[0], arguments[0]), true)""",
        corner,
    )
    part = drawn(mosaic, (2403, 1602))[corner - 200 : corner + 200, corner - 300 : corner + 300]
    assert difference(screen(), part).mean() < 5
    assert browser.execute_script("return [...shown]").count(made.levels - 1) == 1
    assert browser.execute_script("return failed") == []
    assert browser.get_log("browser") == []
