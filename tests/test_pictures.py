import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from renderer.errors import PictureError
from renderer.pictures import centre_square, picture_size, read_picture, resize, to_linear, to_srgb


@pytest.fixture(scope="module")
def photo(cover: Path) -> Image.Image:
    with Image.open(cover) as image:
        return image.resize((96, 64)).convert("RGB")


TURNS = {
    1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
def test_photos_stand_upright(photo: Image.Image, tmp_path: Path, orientation: int) -> None:
    stored = photo
    for turn in TURNS[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    seen = read_picture(tmp_path / "turned.png")
    assert seen.size == (96, 64)
    assert picture_size(tmp_path / "turned.png") == (96, 64)
    assert (seen.pixels == np.asarray(photo)).all()


@pytest.mark.parametrize(
    ("mode", "suffix", "tolerance"),
    [
        ("L", "png", 0), ("P", "png", 30), ("CMYK", "jpg", 4), ("I;16", "png", 0), ("RGB", "webp", 6),
        ("RGB", "tif", 0), ("RGB", "bmp", 0), ("P", "gif", 30), ("1", "png", 90),
    ],
)  # fmt: skip
def test_modes_become_rgb(photo: Image.Image, tmp_path: Path, mode: str, suffix: str, tolerance: int) -> None:
    grey = photo.convert("L")
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        stored = (grey if mode == "L" else photo).convert(mode)
    path = tmp_path / f"picture.{suffix}"
    stored.save(path)
    pixels = read_picture(path).pixels
    wanted = np.asarray((grey if mode in ("L", "I;16", "1") else photo).convert("RGB"))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (64, 96, 3)
    assert np.abs(pixels.astype(int) - wanted).mean() <= tolerance


def test_alpha_lies_over_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 128)).save(tmp_path / "half.png")
    assert (
        np.abs(
            read_picture(tmp_path / "half.png", background=(0, 0, 255)).pixels[0, 0].astype(int) - (128, 0, 127)
        ).max()
        <= 1
    )


def test_embedded_profiles_become_srgb(photo: Image.Image, tmp_path: Path) -> None:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    in_lab = ImageCms.profileToProfile(photo, srgb, lab, outputMode="LAB")
    assert in_lab is not None
    in_lab.save(tmp_path / "lab.tif", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    photo.save(tmp_path / "tagged.png", icc_profile=ImageCms.ImageCmsProfile(srgb).tobytes())
    photo.save(tmp_path / "broken.png", icc_profile=b"not a profile")
    plain = np.asarray(photo).astype(int)
    assert np.abs(read_picture(tmp_path / "lab.tif").pixels - plain).mean() < 1.5
    assert np.abs(read_picture(tmp_path / "tagged.png").pixels - plain).max() <= 1
    assert (read_picture(tmp_path / "broken.png").pixels == plain).all()


def test_jpegs_are_decoded_no_larger_than_asked(cover: Path) -> None:
    small = read_picture(cover, shorter_side=60)
    assert small.size == (640, 427)
    assert 60 <= min(small.pixels.shape[:2]) < 120


def unreadable(path: Path, kind: str, photo: Image.Image) -> None:
    encoded = io.BytesIO()
    photo.save(encoded, "JPEG")
    contents = {
        "empty": b"",
        "text": b"holiday\n" * 40,
        "truncated": encoded.getvalue()[:600],
        "missing": None,
        "folder": None,
    }
    if kind == "folder":
        path.mkdir()
    elif contents[kind] is not None:
        path.write_bytes(contents[kind] or b"")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("empty", "is empty"), ("text", "not a picture"), ("truncated", "damaged"), ("missing", "does not exist"), ("folder", "not a file")],
)  # fmt: skip
def test_what_is_no_picture_says_why(photo: Image.Image, tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "it.jpg"
    unreadable(path, kind, photo)
    with pytest.raises(PictureError, match=reason):
        read_picture(path)


def test_absurd_sizes_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    # A PNG header that claims 100,000 × 100,000 pixels.
    Image.new("L", (1, 1)).save(tmp_path / "one.png")
    data = bytearray((tmp_path / "one.png").read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bytes(data))
    with pytest.raises(PictureError, match="more than 400 million"):
        read_picture(tmp_path / "bomb.png")


def test_a_wrong_ending_does_not_matter(photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.jpg")
    assert read_picture(tmp_path / "picture.jpg").size == (96, 64)


def test_light_there_and_back_is_exact() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert (to_srgb(to_linear(every)) == every).all()


def test_shrinking_averages_light() -> None:
    board = np.zeros((2, 2, 3), np.uint8)
    board[0, 0] = board[1, 1] = 255
    assert (resize(board, 1, 1) == 188).all()  # half of the light, not half of the number


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_the_square_is_centred(width: int, height: int) -> None:
    left, top, side = centre_square(width, height)
    assert side == min(width, height)
    assert abs(width - side - 2 * left) <= 1
    assert abs(height - side - 2 * top) <= 1
