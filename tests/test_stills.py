"""Stills: written in strips, read again by others' decoders."""

import importlib
import io
import struct
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
from renderer.progress import Silent
from renderer.stills import TRANSPARENT, check_size, in_strips, strip_rows, write_picture, write_still

LOSSLESS = (".png", ".tif")
ALL = (".png", ".jpg", ".tif", ".webp")


@pytest.fixture
def low_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of 64 rows, so that small pictures have several."""
    monkeypatch.setattr(stills, "_STRIP_PIXELS", 1)


@pytest.fixture
def picture(cover: Path) -> Pixels:
    """A photo of 300 × 211, which is whole blocks in neither direction."""
    return np.ascontiguousarray(read_picture(cover).pixels[:211, :300])


def size_of(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


def chunks(path: Path) -> dict[str, bytes]:
    """A PNG's chunks by name, data of the same name joined; their checksums are right."""
    data, place, found = path.read_bytes(), 8, dict[str, bytes]()
    while place < len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        assert zlib.crc32(name + content) == struct.unpack_from(">I", data, place + 8 + length)[0]
        found[name.decode()] = found.get(name.decode(), b"") + content
        place += 12 + length
    return found


@pytest.mark.usefixtures("low_strips")
@pytest.mark.parametrize("suffix", ALL)
def test_joints_of_strips_are_not_seen(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    """The file holds the same picture as one that Pillow writes as a whole."""
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
def test_transparent_pictures_are_marked_as_srgb_too(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    path = tmp_path / f"it{suffix}"
    write_picture(path, np.dstack([picture, picture[..., :1]]))
    with Image.open(path) as written:
        assert written.mode == "RGBA"
        assert len(written.info["icc_profile"]) > 400


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 200),
    flat=st.booleans(),
    seed=st.integers(0, 1000),
    suffix=st.sampled_from(LOSSLESS),
)
@settings(max_examples=40, deadline=None)
def test_what_is_lossless_comes_back_to_the_bit(
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
def test_the_papers_resolution_is_in_the_file(tmp_path: Path, picture: Pixels, suffix: str, dpi: float) -> None:
    for given_dpi in (300.0, None):
        path = tmp_path / f"{given_dpi}{suffix}"
        write_still(path, size_of(picture), in_strips(picture), dpi=given_dpi)
        with Image.open(path) as written:
            assert given_dpi is None or written.info["dpi"] == pytest.approx((dpi, dpi))
            assert given_dpi is not None or written.info.get("dpi", (1, 1)) == (1, 1)


def test_a_file_holds_no_more_than_its_picture(tmp_path: Path, picture: Pixels) -> None:
    """No program, no date, no place: and so the same file every time."""
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
    ("name", "size", "says"),
    [
        ("it.jpg", (65_501, 10), "JPEG holds 65,500 pixels a side: give another format, such as .tif"),
        ("it.webp", (16_384, 10), "WebP holds 16,383 pixels a side: give another format, such as .jpg, .png or .tif"),
        ("it.webp", (10_000, 10_000), "WebP holds 40 megapixels here"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, name: str, size: tuple[int, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_size(Path(name), size)
    with pytest.raises(InputError, match=says):
        write_still(tmp_path / name, size, iter(()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("low_strips")
@pytest.mark.parametrize("suffix", ALL)
def test_a_picture_that_breaks_off_leaves_nothing(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    def broken() -> Iterator[Pixels]:
        yield picture[:64]
        yield picture[64:128]
        raise RenderError("a photo is lost")

    with pytest.raises(RenderError, match="a photo is lost"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), broken())
    with pytest.raises(ValueError, match="strips of 128 rows in all for 211"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), iter([picture[:64], picture[64:128]]))
    with pytest.raises(ValueError, match="64 rows of 300 are needed"):
        write_still(tmp_path / f"it{suffix}", size_of(picture), iter([picture]))
    assert list(tmp_path.iterdir()) == []


@given(width=st.integers(1, 200_000))
def test_strips_are_of_whole_eights_of_blocks_and_bounded(width: int) -> None:
    rows = strip_rows(width)
    assert rows % 64 == 0
    assert rows == 64 or rows * width <= 4_000_000


# -- Mosaics in strips ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "size"), [(24, (24 * 40, 16 * 40)), (24, (1000, 500)), (24, (333, 517)), (4, (700, 600))]
)
def test_a_mosaic_in_strips_is_the_mosaic_drawn_at_once(
    cover: Path, photos: Path, columns: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_mosaic(cover, MatchSettings((str(photos),), columns=columns), Silent()) as mosaic:
        (whole,) = draw_strips(mosaic, size, size[1])
        strips = list(draw_strips(mosaic, size, 64))
        assert [len(strip) for strip in strips[:-1]] == [64] * (len(strips) - 1)
        assert (np.concatenate(strips) == whole).all()
        # Strips of a very wide picture are drawn block by block. A row that is begun in its middle differs by rounding.
        monkeypatch.setattr(importlib.import_module("renderer.job.drawing"), "_BLOCK_PIXELS", 64 * 100)
        blocks = np.concatenate(list(draw_strips(mosaic, size, 64)))
    assert whole.shape == (size[1], size[0], 3)
    assert difference(blocks, whole).max() <= 2
    assert (blocks != whole).mean() < 0.001
    assert (whole != 255).any(axis=(1, 2)).all()  # no row or column of the ground is seen
    assert (whole != 255).any(axis=(0, 2)).all()


@given(
    width=st.integers(50, 5000),
    height=st.integers(50, 5000),
    shape=st.floats(0.2, 5),
    columns=st.none() | st.integers(1, 300),
)
def test_a_grid_for_paper_has_its_shape(width: int, height: int, shape: float, columns: int | None) -> None:
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
def test_papers(text: str, inches: tuple[float, float]) -> None:
    paper = parse_paper(text, "paper")
    assert (paper.width, paper.height) == pytest.approx(inches, abs=1e-3)


def test_a_print_fills_the_paper_with_what_matters_of_the_cover(
    render: Callable[..., tuple[int, str, str]], photos: Path
) -> None:
    """A face at the left of a wide cover is on an upright sheet."""
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
    assert "Only 17% of the cover fits on paper of this shape" in err
    with Image.open("it.tif") as written:
        assert written.size == (500, 750)
        assert written.info["dpi"] == pytest.approx((127, 127))
        shown = np.asarray(written.resize((200, 300)))
    assert difference(shown, wide[:, 80:280]).mean() < 40
    assert difference(shown, wide[:, 500:700]).mean() > 50
    code, out, _ = render("mosaic", "it.mosaic", "--print", "6x3in", "--dpi", "50", "-o", "again.jpg")
    assert (code, out.startswith("again.jpg: 300x150")) == (0, True)
