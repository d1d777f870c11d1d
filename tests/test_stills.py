"""Stills written in strips are read by third-party decoders."""

import importlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import difference
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer import stills
from renderer.errors import InputError, RenderError
from renderer.grid import make_grid_of_shape
from renderer.job import MatchSettings, open_mosaic
from renderer.job.drawing import draw_strips
from renderer.parameters import parse_paper
from renderer.pictures import Pixels, read_picture
from renderer.placement import load_map
from renderer.progress import Silent
from renderer.stills import TRANSPARENT, check_size, in_strips, strip_rows, write_picture, write_still

pytestmark = pytest.mark.usefixtures("shared_cache")

LOSSLESS = (".png", ".tif")
ALL = (".png", ".jpg", ".tif", ".webp")


@pytest.fixture
def low_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of 64 rows, so that small pictures have several."""
    monkeypatch.setattr(stills, "_STRIP_PIXELS", 1)


@pytest.fixture
def picture(cover: Path) -> Pixels:
    """A photo of 300 × 211 pixels: neither is a multiple of the block size."""
    return np.ascontiguousarray(read_picture(cover).pixels[:211, :300])


def size_of(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


def chunks(path: Path) -> dict[str, bytes]:
    """Return a PNG's chunks by name, with the data of equal names joined, after checking their checksums."""
    data, offset, found = path.read_bytes(), 8, dict[str, bytes]()
    while offset < len(data):
        length, name = struct.unpack_from(">I4s", data, offset)
        content = data[offset + 8 : offset + 8 + length]
        assert zlib.crc32(name + content) == struct.unpack_from(">I", data, offset + 8 + length)[0]
        found[name.decode()] = found.get(name.decode(), b"") + content
        offset += 12 + length
    return found


@pytest.mark.usefixtures("low_strips")
@pytest.mark.parametrize("suffix", ALL)
def test_strips_make_the_same_picture_as_a_whole(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    """The file contains the same picture as a file that Pillow writes at once."""
    path = tmp_path / f"it{suffix}"
    write_still(path, size_of(picture), in_strips(picture))
    whole = io.BytesIO()
    name = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP"}[suffix]
    options = {".jpg": {"quality": 95, "subsampling": 0}, ".webp": {"quality": 95}}
    Image.fromarray(picture).save(whole, name, **options.get(suffix, {}))
    with Image.open(path) as written, Image.open(whole) as expected:
        assert (np.asarray(written) == np.asarray(expected.convert("RGB"))).all()
        assert written.info.get("srgb") == 0 or len(written.info["icc_profile"]) > 400
        assert not written.getexif().get_ifd(0x8825)
    assert (difference(read_picture(path).pixels, picture).max() == 0) == (suffix in LOSSLESS)


@pytest.mark.parametrize("suffix", TRANSPARENT)
def test_transparent_pictures_are_tagged_as_srgb(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    path = tmp_path / f"it{suffix}"
    write_picture(path, np.dstack([picture, picture[..., :1]]))
    with Image.open(path) as written:
        assert written.mode == "RGBA"
        assert written.info.get("srgb") == 0 or len(written.info["icc_profile"]) > 400


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 200),
    flat=st.booleans(),
    seed=st.integers(0, 1000),
    suffix=st.sampled_from(LOSSLESS),
)
@settings(max_examples=40)
def test_lossless_formats_are_exact(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, flat: bool, seed: int, suffix: str
) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 2 if flat else 256, (height, width, 3)).astype(np.uint8) * (255 if flat else 1)
    path = tmp_path_factory.mktemp("it") / f"it{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stills, "_STRIP_PIXELS", 1)
        write_still(path, (width, height), in_strips(pixels))
    with Image.open(path) as written:
        assert (np.asarray(written) == pixels).all()
    if suffix == ".png":
        assert len(zlib.decompress(chunks(path)["IDAT"])) == height * (1 + 3 * width)
    else:
        assert (tifffile.imread(path) == pixels).all()


@pytest.mark.parametrize(("suffix", "dpi"), [(".png", 299.9994), (".jpg", 300), (".tif", 300)])
def test_the_resolution_is_stored_in_the_file(tmp_path: Path, picture: Pixels, suffix: str, dpi: float) -> None:
    for given_dpi in (300.0, None):
        path = tmp_path / f"{given_dpi}{suffix}"
        write_still(path, size_of(picture), in_strips(picture), dpi=given_dpi)
        with Image.open(path) as written:
            assert given_dpi is None or written.info["dpi"] == pytest.approx((dpi, dpi))
            assert given_dpi is not None or written.info.get("dpi", (1, 1)) == (1, 1)


def test_files_have_no_metadata(tmp_path: Path, picture: Pixels) -> None:
    """No program, date or location, so that the file is always the same."""
    for suffix in ALL:
        for name in ("one", "two"):
            write_still(tmp_path / f"{name}{suffix}", size_of(picture), in_strips(picture), dpi=254)
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert set(chunks(tmp_path / "one.png")) == {"IHDR", "sRGB", "pHYs", "IDAT", "IEND"}
    assert chunks(tmp_path / "one.png")["pHYs"] == struct.pack(">IIB", 10_000, 10_000, 1)
    with tifffile.TiffFile(tmp_path / "one.tif") as file:
        names = {tag.name for tag in file.pages[0].tags}
    assert not names & {"Software", "DateTime", "ImageDescription", "Artist", "HostComputer"}


@pytest.mark.parametrize(
    ("name", "size", "problem"),
    [
        ("it.jpg", (65_501, 10), "JPEG is limited to 65,500 pixels per side: use another format, such as .tif"),
        (
            "it.webp",
            (16_384, 10),
            "WebP is limited to 16,383 pixels per side: use another format, such as .jpg, .png or .tif",
        ),
        ("it.webp", (10_000, 10_000), "WebP is limited to 40 megapixels, since it is encoded in memory"),
    ],
)
def test_pictures_beyond_the_limits_of_a_format_are_rejected(
    tmp_path: Path, name: str, size: tuple[int, int], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        check_size(Path(name), size)
    with pytest.raises(InputError, match=problem):
        write_still(tmp_path / name, size, iter(()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("low_strips")
@pytest.mark.parametrize("suffix", ALL)
def test_an_incomplete_picture_leaves_no_file(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    def broken() -> Iterator[Pixels]:
        yield picture[:64]
        yield picture[64:128]
        raise RenderError("a photo is lost")

    with pytest.raises(RenderError, match="a photo is lost"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), broken())
    with pytest.raises(ValueError, match="strips have 128 rows in total, expected 211"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), iter([picture[:64], picture[64:128]]))
    with pytest.raises(ValueError, match="at row 0 of 211: expected 64 rows of 300"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), iter([picture]))
    assert list(tmp_path.iterdir()) == []


@given(width=st.integers(1, 200_000))
def test_strips_have_a_multiple_of_64_rows_and_are_bounded(width: int) -> None:
    rows = strip_rows(width)
    assert rows % 64 == 0
    assert rows == 64 or rows * width <= 4_000_000


# -- Mosaics in strips ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "size"), [(24, (24 * 40, 16 * 40)), (24, (1000, 500)), (24, (333, 517)), (4, (700, 600))]
)
def test_a_mosaic_drawn_in_strips_equals_one_drawn_at_once(
    cover: Path, photos: Path, columns: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_mosaic(cover, MatchSettings((str(photos),), columns=columns), Silent()) as mosaic:
        (whole,) = draw_strips(mosaic, size, size[1])
        strips = list(draw_strips(mosaic, size, 64))
        assert [len(strip) for strip in strips[:-1]] == [64] * (len(strips) - 1)
        assert (np.concatenate(strips) == whole).all()
        # Strips of a very wide picture are drawn block by block. Rows that start in the middle differ by rounding.
        monkeypatch.setattr(importlib.import_module("renderer.job.drawing"), "_BLOCK_PIXELS", 64 * 100)
        blocks = np.concatenate(list(draw_strips(mosaic, size, 64)))
    assert whole.shape == (size[1], size[0], 3)
    assert difference(blocks, whole).max() <= 2
    assert (blocks != whole).mean() < 0.001
    assert (whole != 255).any(axis=(1, 2)).all()  # no row or column of the background is visible
    assert (whole != 255).any(axis=(0, 2)).all()


@given(
    width=st.integers(50, 5000),
    height=st.integers(50, 5000),
    shape=st.floats(0.2, 5),
    columns=st.none() | st.integers(1, 300),
)
def test_a_grid_for_paper_has_the_shape_of_the_paper(
    width: int, height: int, shape: float, columns: int | None
) -> None:
    grid = make_grid_of_shape(width, height, shape, columns)
    assert columns in (None, grid.columns)
    assert abs(grid.columns / shape - grid.rows) <= max(0.5, 1 - grid.columns / shape) + 1e-9
    if columns is None:
        assert grid.columns / grid.rows == pytest.approx(shape, rel=0.012)
        assert 4000 < grid.columns * grid.rows < 6000
    x, y, across, along = grid.crop
    assert across * width / (along * height) == pytest.approx(grid.columns / grid.rows)
    assert max(across, along) == pytest.approx(1)
    assert (x * 2 + across, y * 2 + along) == pytest.approx((1, 1))


@pytest.mark.parametrize(
    ("text", "inches"), [("60x40cm", (23.622, 15.748)), ("600 × 400 mm", (23.622, 15.748)), ("24x16in", (24, 16))]
)
def test_paper_sizes_are_parsed(text: str, inches: tuple[float, float]) -> None:
    paper = parse_paper(text, "paper")
    assert (paper.width, paper.height) == pytest.approx(inches, abs=1e-3)


def test_a_print_fills_the_paper_with_the_important_part_of_the_cover(
    render: Callable[..., tuple[int, str, str]], photos: Path
) -> None:
    """A face on the left of a wide cover is on the portrait sheet."""
    from skimage.data import astronaut

    face = astronaut()[:300, 80:380]
    wide = np.full((300, 1200, 3), (70, 90, 110), np.uint8)
    wide[:, 30:330] = face
    Image.fromarray(wide).save("wide.png")
    code, out, err = render(
        "mosaic", "wide.png", "--tiles", photos, "--print", "10x15cm", "--dpi", "127", "--columns", "20",
        "--save-map", "it.mosaic", "-o", "it.tif",
    )  # fmt: skip
    assert code == 0, err
    assert "it.tif: 500x750" in out
    assert "600 cells" in out
    assert "Only 17% of the cover fits on paper of this shape; paper closer to the cover's shape shows more" in err
    with Image.open("it.tif") as written:
        assert written.size == (500, 750)
        assert written.info["dpi"] == pytest.approx((127, 127))
        shown = np.asarray(written.resize((200, 300)))
    assert difference(shown, wide[:, 80:280]).mean() < 40
    assert difference(shown, wide[:, 500:700]).mean() > 50
    code, out, _ = render("mosaic", "it.mosaic", "--print", "6x3in", "--dpi", "50", "-o", "again.jpg")
    assert (code, out.startswith("again.jpg: 300x150")) == (0, True)


def test_a_picture_of_nothing_but_gaps_is_refused(render: Callable[..., tuple[int, str, str]], photos: Path) -> None:
    words = ("mosaic", "--tiles", photos, "--columns", "12", "--dry-run", "--gap", "0.9")
    code, _, err = render(*words, "--tile-pixels", "1")
    assert (code, err) == (
        2,
        "render: The photos would be 0.1 pixels wide, as gaps and borders take 90 % of a cell's side: use smaller gaps and "
        "borders, or a larger --tile-pixels\n",
    )
    assert "or larger paper or a higher --dpi" in render(*words, "--print", "6x4cm", "--dpi", "20")[2]
    assert render(*words, "--tile-pixels", "10")[0] == render(*words[:-1], "0.4", "--tile-pixels", "1")[0] == 0


@pytest.mark.parametrize("shape", ["square", "3:2", "2:3", "hexagon", "circle", "mixed"])
def test_tile_pixels_and_paper_set_the_size_of_every_shape(
    render: Callable[..., tuple[int, str, str]], cover: Path, photos: Path, shape: str
) -> None:
    words = ("--tiles", photos, "--columns", "12", "--tile-shape", shape)
    whole = ("--tile-pixels", "10", "--save-map", "it.mosaic", "--credits", "credits.txt")
    code, _, err = render("mosaic", cover, *words, *whole, "-o", "whole.png")
    assert code == 0, err
    placement = load_map(Path("it.mosaic"))
    if shape != "mixed":
        assert placement.shape.tile_boxes(placement.cell)[0, 2:].min() == pytest.approx(1, abs=0.2)
    with Image.open("whole.png") as written:
        assert written.size == tuple(round(10 * units) for units in placement.size)
    for photo in placement.photos:
        assert photo.path.name in Path("credits.txt").read_text("utf-8")
    for source in ((cover, *words), ("it.mosaic",)):
        code, _, err = render("mosaic", *source, "--print", "10x15cm", "--dpi", "63.5", "-o", "print.png", "-y")
        assert code == 0, err
        with Image.open("print.png") as written:
            assert written.size == (250, 375)
            assert written.info["dpi"] == pytest.approx((63.5, 63.5), abs=0.1)
            assert np.asarray(written)[:2].min() < 250  # no white edge


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("shape:star", ("--gap", "0.2")),
        ("shape:star", ("--tile-shape", "hexagon")),
        ("text:ANNA", ("--tile-shape", "circle", "--border", "0.1")),
        ("text:ANNA", ("--tile-shape", "3:2", "--corner-radius", "0.3", "--gap", "0.1")),
    ],
)
def test_a_transparent_picture_is_opaque_in_its_tiles_only(
    render: Callable[..., tuple[int, str, str]], photos: Path, source: str, options: tuple[str, ...]
) -> None:
    words = ("--tiles", photos, "--columns", "60", "--tile-pixels", "12", "--save-map", "it.mosaic", *options)
    code, _, err = render("mosaic", source, *words, "--background", "transparent", "-o", "it.png")
    assert code == 0, err
    with Image.open("it.png") as written:
        assert written.mode == "RGBA"
        alpha = np.asarray(written.getchannel("A"))
    placement = load_map(Path("it.mosaic"))
    boxes = placement.shape.tile_boxes(placement.cell) * 12
    middle = np.rint(boxes[:, :2] + boxes[:, 2:] / 2 - 0.5).astype(int)
    assert (alpha[middle[:, 1], middle[:, 0]] == 255).all()
    near = np.zeros(alpha.shape, bool)
    for x, y, width, height in boxes.tolist():
        near[max(int(y) - 1, 0) : int(y + height) + 2, max(int(x) - 1, 0) : int(x + width) + 2] = True
    assert not alpha[~near].any()
    share = {"hexagon": 0.75, "circle": np.pi / 4}.get(placement.shape.name, 1.0)
    radius = 0 if placement.shape.name == "circle" else placement.shape.corner_radius
    area = (boxes[:, 2:].prod(axis=1) * share - (4 - np.pi) * (radius * boxes[:, 2:].min(axis=1)) ** 2).sum()
    assert alpha.sum() / 255 == pytest.approx(area, rel=0.03)
    if placement.shape.corner_radius or placement.shape.kind == "hexagon":
        assert ((alpha > 0) & (alpha < 255)).any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dot.png", "--columns", "10"), "No cell has 50% of its area inside the --mask"),
        (("clear.png",), "is completely transparent"),
        (("dot.png", "--gap", "0.95"), "--gap 0.95 is out of range"),
        (("dot.png", "--tile-shape", "1:50"), "--tile-shape 1:50 is too narrow"),
        (("dot.png", "--tile-shape", "hexagon", "--adaptive"), "--adaptive needs rectangles"),
        (("text:\u82b1",), "has no letters for"),
        (("text: ",), "has no words"),
        (
            ("dot.png", "--tile-shape", "hexagon", "--cell-size", "2000"),
            "--cell-size 2000 is too large for hexagon tiles",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["mosaic", "zoom", "still zoom", "explain grid", "explain match"])
def test_impossible_shapes_and_masks_are_refused_in_one_sentence(
    render: Callable[..., tuple[int, str, str]], photos: Path, command: str, words: tuple[str, ...], message: str
) -> None:
    Image.new("RGBA", (300, 200)).save("clear.png")
    dot = Image.new("RGBA", (300, 200))
    dot.paste((0, 0, 255, 255), (10, 10, 13, 13))
    dot.save("dot.png")
    tiles = () if command == "explain grid" else ("--tiles", photos)
    code, out, err = render(*command.split(), *words, *tiles, "-o", "it.mp4" if command == "zoom" else "it.png")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(Path().glob("it.*"))


@pytest.mark.parametrize("command", ["mosaic", "still zoom"])
def test_a_map_of_a_later_version_is_refused_in_one_sentence(
    render: Callable[..., tuple[int, str, str]], cover: Path, photos: Path, command: str
) -> None:
    code, _, err = render("mosaic", cover, "--tiles", photos, "--columns", "6", "--save-map", "it.mosaic")
    assert code == 0, err
    with zipfile.ZipFile("it.mosaic") as old, zipfile.ZipFile("later.mosaic", "w") as new:
        for name in old.namelist():
            header = old.read(name)
            new.writestr(name, header.replace(b'"version": 2', b'"version": 3') if name == "map.json" else header)
    code, out, err = render(*command.split(), "later.mosaic", "-o", "it.png")
    assert (code, out) == (2, "")
    assert err.endswith(
        "later.mosaic has format version 3, and this program reads versions up to 2: update mosaic-renderer\n"
    )
    assert err.count("\n") == 1
