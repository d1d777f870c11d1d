"""Untrusted image files: unsupported formats, truncated files, and files that take minutes or gigabytes."""

import io
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

from renderer import pictures
from renderer.errors import PictureError
from renderer.library.crops import CropRule
from renderer.library.index import File
from renderer.library.photos import Skipped
from renderer.library.reading import read_file
from renderer.pictures import Pixels, read_picture, resize

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def photo(cover: Path) -> Image.Image:
    with Image.open(cover) as image:
        return image.convert("RGB")


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


# -- Formats -------------------------------------------------------------------------------------------------------


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 32 32
%%EndComments
0 0 32 32 rectfill
showpage
%%EOF
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the replacement is a shell script")
def test_no_picture_starts_another_program(
    cover: Path, tmp_path: Path, render: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, started = tmp_path / "bin" / "gs", tmp_path / "started"
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(stub.parent), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # so that it is searched again
    (tmp_path / "photos").mkdir()
    for path in (tmp_path / "holiday.jpg", tmp_path / "photos" / "holiday.jpg"):
        path.write_bytes(EPS)
    (tmp_path / "photos" / "sound.jpg").write_bytes(cover.read_bytes())
    still = ("still", "zoom", "-o", "it.png", "--size", "96x64", "--columns", "6", "-y")
    for words, code in (
        (["holiday.jpg"], 2),
        ([cover, "--tiles", "photos"], 0),
        ([cover, "--tiles", "photos", "--logo", "holiday.jpg"], 2),
    ):
        done, _, err = render(*still, *words)
        assert (done, "holiday.jpg" in err) == (code, True)
    assert not started.exists()
    with suppress(OSError), Image.open(tmp_path / "holiday.jpg") as image:  # Pillow alone would start it
        image.load()
    assert started.exists()


# -- Truncated files -----------------------------------------------------------------------------------------------


def test_a_jpeg_without_its_end_marker_is_intact(photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "it.jpg"
    for options in ({}, {"progressive": True}, {"quality": 100, "subsampling": 0}):
        data = encoded(photo, "JPEG", **options)
        path.write_bytes(data)
        intact = read_picture(path)
        path.write_bytes(data[:-2])
        picture = read_picture(path)
        assert (picture.pixels == intact.pixels).all()
        assert (picture.size, picture.damage) == (intact.size, None)


TRUNCATED = {
    "jpg": ("JPEG", {}), "png": ("PNG", {}), "tif": ("TIFF", {}), "gif": ("GIF", {}), "ppm": ("PPM", {}),
}  # fmt: skip


@pytest.mark.parametrize("suffix", TRUNCATED)
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_intact_part_of_a_truncated_picture_is_used(
    photo: Image.Image, tmp_path: Path, suffix: str, orientation: int
) -> None:
    kind, options = TRUNCATED[suffix]
    if orientation != 1:
        if suffix in ("gif", "ppm"):
            pytest.skip("has no orientation")
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {**options, "exif": exif}
    path = tmp_path / f"it.{suffix}"
    data = encoded(photo, kind, **options)
    path.write_bytes(data)
    intact = read_picture(path)
    path.write_bytes(data[: len(data) * 4 // 5])
    picture = read_picture(path)
    assert 0.6 < picture.share < 1
    assert picture.damage == f"is damaged: only its upper {int(picture.share * 100)} % is used"
    assert picture.size == picture.pixels.shape[1::-1]
    rows = round(picture.share * photo.height)
    # With orientation 6, the file's top rows are at the right of the upright picture.
    expected = intact.pixels[:rows] if orientation == 1 else intact.pixels[:, -rows:]
    assert np.abs(picture.pixels.astype(int) - expected).mean() < 1
    path.write_bytes(data[: len(data) // 5])
    with pytest.raises(PictureError, match="damaged") as caught:
        read_picture(path)
    assert not caught.value.transient


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "JPEG2000"])
def test_a_truncated_picture_is_rejected_if_its_decoder_returns_no_partial_result(
    photo: Image.Image, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "it.jpg"
    data = encoded(photo, kind)
    path.write_bytes(data[:-200])
    with pytest.raises(PictureError, match="damaged"):
        read_picture(path)


@settings(max_examples=60)
@given(kind=st.sampled_from(["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "PPM"]), share=st.floats(0, 1))
def test_a_picture_truncated_anywhere_is_used_or_rejected(
    photo: Image.Image, tmp_path_factory: pytest.TempPathFactory, kind: str, share: float
) -> None:
    path = tmp_path_factory.mktemp("truncated") / "it.jpg"
    data = encoded(photo.resize((96, 64)), kind)
    path.write_bytes(data[: int(len(data) * share)])
    with suppress(PictureError):
        picture = read_picture(path)
        assert picture.share >= 0.5
        assert picture.size == picture.pixels.shape[1::-1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_damaged_covers_and_tiles_are_reported(
    photo: Image.Image, tmp_path: Path, kind: str, render: Callable[..., tuple[int, str, str]]
) -> None:
    data = encoded(photo.resize((640, 640)), kind)
    (tmp_path / "photos").mkdir()
    for name in ("cover.jpg", "photos/tile.jpg"):
        (tmp_path / name).write_bytes(data[: len(data) * 7 // 10])
    code, _, err = render(
        "mosaic", str(tmp_path / "cover.jpg"), "--tiles", str(tmp_path / "photos"), "--columns", "12", "-o", "it.png"
    )
    assert code == 0
    assert err.count("cover.jpg is damaged: only its upper") == 1
    assert "1 file is damaged; the readable part is used: tile.jpg" in err
    cover = read_picture(tmp_path / "cover.jpg").size
    width, height = read_picture(Path("it.png")).size
    assert abs(height / width - cover[1] / cover[0]) <= 1 / 12  # the shape of the readable part, to one cell


# -- Files that take minutes or gigabytes --------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """Return a PNG of black pixels, a thousandth of their size."""
    coder = zlib.compressobj(9)
    pixels = coder.compress(bytes(min(height * (width + 1), 2_000_000))) + coder.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_scans(picture: Image.Image, count: int) -> bytes:
    """Return a progressive JPEG with `count` more copies of its last scan."""
    data = encoded(picture, "JPEG", progressive=True)
    last, end = data.rfind(b"\xff\xda"), data.rfind(b"\xff\xd9")
    return data[:end] + data[last:end] * count + data[end:]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: png(1, 100_000_000), "100,000 per side"),
        (lambda _: b"\xff\xd8" + b"\xff" * 2_000_000, "200,000 chunks"),
        (lambda _: b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000, "200,000 chunks"),
        (lambda photo: with_scans(photo, 3000), "200 scans"),
    ],
    ids=["thin", "fill bytes", "comments", "scans"],
)
def test_unreasonable_files_are_rejected_quickly(
    photo: Image.Image, tmp_path: Path, make: Callable[[Image.Image], bytes], reason: str
) -> None:
    path = tmp_path / "it.jpg"
    path.write_bytes(make(photo))
    with pytest.raises(PictureError, match=reason) as caught:
        read_picture(path)
    assert not caught.value.transient


def test_a_demanding_picture_is_the_same_from_a_separate_process(
    photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it.jpg"
    path.write_bytes(with_scans(photo.resize((1600, 1064)), 30))  # more scans than encoders write
    separate: list[Pixels] = [read_picture(path).pixels, read_picture(path, shorter_side=64).pixels]
    assert read_picture(path).size == read_picture(path, shorter_side=1).size == (1600, 1064)
    monkeypatch.setattr(pictures, "is_demanding", lambda _image: False)
    local = [read_picture(path).pixels, read_picture(path, shorter_side=64).pixels]
    assert (separate[0] == local[0]).all()
    assert (resize(separate[1], 96, 64) == resize(local[1], 96, 64)).all()


# -- Transient failures --------------------------------------------------------------------------------------------


def test_exceeding_time_or_memory_is_transient(
    photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it.jpg"
    path.write_bytes(with_scans(photo, 30))
    monkeypatch.setattr(pictures, "DECODING_SECONDS", 0.05)
    with pytest.raises(PictureError, match="longer than") as caught:
        read_picture(path)
    assert caught.value.transient
    monkeypatch.undo()
    if sys.platform == "linux":
        path.write_bytes(png(5000, 5000))
        monkeypatch.setattr(pictures, "DECODING_BYTES", 10_000_000)
        with pytest.raises(PictureError, match="memory") as caught:
            read_picture(path)
        assert caught.value.transient


@contextmanager
def no_more_files() -> Iterator[None]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these failures")
def test_failures_of_the_system_are_transient(cover: Path) -> None:
    def skipped(path: Path) -> Skipped:
        found = read_file(File(path, path.stat().st_size, 0), CropRule("centre"))
        assert isinstance(found, Skipped)
        return found

    with no_more_files():
        found = skipped(cover)
    assert (found.transient, "Too many open files" in found.reason) == (True, True)
    found = skipped(Path("/proc/self/mem"))  # reading its first byte fails with EIO
    assert (found.transient, "Input/output error" in found.reason) == (True, True)
    with pytest.raises(PictureError) as caught:
        read_picture(Path("/proc/self/mem"))
    assert caught.value.transient


# -- Output of decoders --------------------------------------------------------------------------------------------


def test_decoders_write_nothing_to_standard_error(
    photo: Image.Image, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "it.tif"
    for compression in ("tiff_deflate", "tiff_lzw", "jpeg", "packbits", "group4"):
        picture = photo.convert("1") if compression == "group4" else photo
        data = bytearray(encoded(picture, "TIFF", compression=compression))
        data[200:3000:7] = bytes(400)
        path.write_bytes(bytes(data))
        with suppress(PictureError):
            read_picture(path)
    data = bytearray(encoded(photo, "TIFF"))
    tag = data.find(struct.pack("<HHI", 277, 3, 1))  # SamplesPerPixel, for which Pillow logs an error
    data[tag + 8 : tag + 10] = struct.pack("<H", 2048)
    path.write_bytes(bytes(data))
    with pytest.raises(PictureError):
        read_picture(path)
    assert capfd.readouterr() == ("", "")
