import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from profiles import SRGB, WIDE, profile

from renderer.errors import PictureError
from renderer.pictures import read_picture, resize, to_linear, to_srgb
from renderer.pixels import filling, resize_values, smoothed


@pytest.fixture(scope="module")
def photo(cover: Path) -> Image.Image:
    with Image.open(cover) as image:
        return image.resize((96, 64)).convert("RGB")


ROTATIONS = {
    1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
}  # fmt: skip


def save_rotated(stored: Image.Image, path: Path, kind: str, orientation: int) -> None:
    """Write a picture of a file type with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    tag = [(274, "H", 1, orientation, True)]
    pixels = np.asarray(stored)
    match kind:
        case "heic":
            pillow_heif.from_pillow(stored).save(path, quality=100, chroma=444, exif=exif.tobytes())
        case "float tif":
            tifffile.imwrite(path, (pixels / 255).astype(np.float32), photometric="rgb", extratags=tag)
        case "planar tif":
            planes = np.moveaxis(pixels, -1, 0).astype(np.uint16) * 257
            tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", extratags=tag)
        case "deflated tif":
            stored.save(path, exif=exif, compression="tiff_adobe_deflate")
        case "jpg" | "webp" | "avif":
            more = {"avif": {"speed": 10}, "jpg": {"subsampling": 0}}.get(kind, {})
            stored.save(path, exif=exif, quality=100, **more)
        case _:
            stored.save(path, exif=exif)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("jpg", (96, 64)), ("jpg", (407, 408)), ("png", (96, 64)), ("tif", (96, 64)), ("deflated tif", (96, 64)),
        ("float tif", (96, 64)), ("planar tif", (96, 64)), ("webp", (96, 64)), ("avif", (96, 64)), ("heic", (96, 64)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orientation", ROTATIONS)
def test_photos_are_upright(
    photo: Image.Image, tmp_path: Path, orientation: int, kind: str, size: tuple[int, int]
) -> None:
    """Pixels and size agree for every file type and orientation."""
    upright = photo.resize(size)
    stored = upright
    for turn in ROTATIONS[orientation]:
        stored = stored.transpose(turn)
    path = tmp_path / f"rotated.{kind.split()[-1]}"
    save_rotated(stored, path, kind, orientation)
    full, small = read_picture(path), read_picture(path, shorter_side=32)
    assert full.size == small.size == size
    assert full.pixels.shape == (size[1], size[0], 3)
    assert small.pixels.shape[0] * size[0] == pytest.approx(small.pixels.shape[1] * size[1], rel=0.02)
    assert full.orientation == small.orientation == orientation
    assert np.abs(full.pixels.astype(int) - np.asarray(upright)).mean() < 6


@pytest.mark.parametrize(
    ("mode", "suffix", "tolerance"),
    [
        ("L", "png", 0), ("P", "png", 30), ("CMYK", "jpg", 4), ("L", "jpg", 5), ("I;16", "png", 0), ("RGB", "webp", 6),
        ("RGB", "tif", 0), ("I;16", "tif", 0), ("CMYK", "tif", 4), ("RGB", "bmp", 0), ("P", "gif", 30), ("1", "png", 90),
        ("RGB", "avif", 6), ("RGB", "jp2", 6),
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


def test_progressive_jpegs_are_decoded_at_a_smaller_scale(photo: Image.Image, tmp_path: Path) -> None:
    photo.resize((960, 640)).save(tmp_path / "it.jpg", progressive=True, quality=95)
    picture = read_picture(tmp_path / "it.jpg", shorter_side=64)
    assert (picture.size, picture.pixels.shape) == ((960, 640), (80, 120, 3))


@pytest.mark.parametrize("orientation", ROTATIONS)
def test_jpegs_of_phones_are_upright_with_their_capture_time(
    photo: Image.Image, tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = "2024:05:31 18:20:07"
    stored = photo
    for turn in ROTATIONS[orientation]:
        stored = stored.transpose(turn)
    stored.save(tmp_path / "it.jpg", exif=exif, quality=95, subsampling=0)
    picture = read_picture(tmp_path / "it.jpg")
    assert (picture.size, picture.orientation, picture.captured) == ((96, 64), orientation, "2024-05-31T18:20:07")
    assert np.abs(picture.pixels.astype(int) - np.asarray(photo)).mean() < 3


@pytest.mark.parametrize("suffix", ["heic", "heif"])
def test_heif_photos_are_decoded_upright(photo: Image.Image, tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = photo.transpose(Image.Transpose.ROTATE_90)
    path = tmp_path / f"IMG_0001.{suffix}"
    pillow_heif.from_pillow(stored).save(path, quality=95, exif=exif.tobytes())
    picture = read_picture(path)
    assert picture.size == (96, 64)
    assert np.abs(picture.pixels.astype(int) - np.asarray(photo)).mean() < 4
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(PictureError, match=r"damaged|not a picture in a supported format"):
        read_picture(path)


def test_sixteen_bit_colours_are_converted(photo: Image.Image, tmp_path: Path) -> None:
    deep = np.asarray(photo).astype(np.uint16) * 257
    for suffix in ("png", "tif"):
        cv2.imwrite(str(tmp_path / f"deep.{suffix}"), deep[..., ::-1])
        assert np.abs(read_picture(tmp_path / f"deep.{suffix}").pixels.astype(int) - np.asarray(photo)).max() <= 1


def test_interlaced_pngs_are_decoded(photo: Image.Image, tmp_path: Path) -> None:
    pixels = np.asarray(photo)
    # The seven passes of Adam7: first column, first row, steps; each row with its filter byte, 0.
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(b"\0" + row.tobytes() for x, y, right, down in passes for row in pixels[y::down, x::right])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 1)
    (tmp_path / "it.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    assert (read_picture(tmp_path / "it.png").pixels == pixels).all()


def test_the_first_frame_of_an_animation_is_used(photo: Image.Image, tmp_path: Path) -> None:
    grey = photo.convert("L")
    for suffix in ("gif", "webp"):
        path = tmp_path / f"it.{suffix}"
        grey.save(path, save_all=True, append_images=[Image.new("L", photo.size, n) for n in (0, 255)])
        assert np.abs(read_picture(path).pixels[..., 0].astype(int) - np.asarray(grey)).mean() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_every_kind_of_transparency_is_blended(tmp_path: Path, mode: str) -> None:
    half = Image.new("RGBA", (4000, 2), (90, 90, 90, 128))
    half.paste((90, 90, 90, 0), (2000, 0, 4000, 2))
    if mode == "PA":
        half = half.quantize(4)
    half.convert("LA" if mode == "LA" else half.mode).save(tmp_path / "it.png")
    pixels = read_picture(tmp_path / "it.png", background=(255, 0, 0)).pixels
    assert np.abs(pixels[0, [10, 3990]].astype(int) - [(172, 45, 45), (255, 0, 0)]).max() <= 2


def test_alpha_is_blended_over_the_background(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("name", WIDE)
def test_wide_gamut_photos_become_srgb(tmp_path: Path, name: str, suffix: str) -> None:
    primaries, gamma = WIDE[name]
    stored = np.array([120, 160, 90])
    light = (stored / 255) ** gamma @ np.array(primaries) @ np.linalg.inv(SRGB)
    wanted = to_srgb(light.astype(np.float32).reshape(1, 1, 3)).reshape(3)
    path = tmp_path / f"it.{suffix}"
    Image.new("RGB", (32, 32), tuple(stored.tolist())).save(path, icc_profile=profile(primaries, gamma), quality=100)
    pixel = read_picture(path).pixels[16, 16].astype(int)
    assert np.abs(pixel - wanted).max() <= 3
    assert np.abs(pixel - stored).max() > 5


def test_reducing_in_bands_equals_reducing_at_once(cover: Path) -> None:
    pixels = np.tile(read_picture(cover).pixels, (5, 5, 1))
    small = resize(pixels, 300, 200)
    whole = cv2.resize(to_linear(pixels), (300, 200), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert np.abs(small.astype(int) - to_srgb(whole)).mean() < 2


SIDES = st.integers(1, 150)  # more than two strips of resize.c


@settings(max_examples=60)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_resizing_equals_other_libraries(width: int, height: int, new_width: int, new_height: int, seed: int) -> None:
    size = new_width, new_height
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    lanczos = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    off = np.abs(resize_values(pixels, *size).astype(int) - lanczos)
    assert off.max() <= 2  # Pillow also rounds between its two passes
    assert (off > 1).mean() < 0.01
    if new_width <= width and new_height <= height:
        light = cv2.resize(to_linear(pixels), size, interpolation=cv2.INTER_AREA).reshape(new_height, new_width, 3)
        assert np.abs(resize(pixels, *size).astype(int) - to_srgb(light.astype(np.float32))).max() <= 1
    elif size != (width, height):
        assert (resize(pixels, *size) == resize_values(pixels, *size)).all()


@pytest.mark.parametrize("size", [(300, 200), (64, 90), (9, 400), (1, 1)])
@pytest.mark.parametrize("shape", [(30, 40), (200, 90), (2, 3), (1, 1)])
def test_a_filling_picture_equals_that_of_opencv(shape: tuple[int, int], size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(80, 176, (*shape, 3), np.uint8)  # never beyond a byte between two passes
    ratio = min(shape[1] / size[0], shape[0] / size[1])
    start = [(side - ratio * new) / 2 + ratio * 0.5 - 0.5 for side, new in zip(shape[::-1], size, strict=True)]
    matrix = np.array([[ratio, 0, start[0]], [0, ratio, start[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(noise, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    filled = filling(noise, size)
    off = np.abs(filled.astype(int) - expected)
    assert off.max() <= 6  # OpenCV rounds positions to 1/32 pixel, and noise is steep
    assert off.mean() < 1
    width, height = size
    part = (width // 3, height // 4, max(width // 2, 1), max(height // 2, 1))
    rows, columns = slice(part[1], part[1] + part[3]), slice(part[0], part[0] + part[2])
    assert (filling(noise, size, part) == filled[rows, columns]).all()


@pytest.mark.parametrize("shape", [(90, 160, 3), (160, 90), (20, 33, 3), (2, 160, 3), (1, 1)])
@pytest.mark.parametrize("deviation", [0.5, 4.2, 8.0])
def test_a_blurred_picture_equals_that_of_opencv(shape: tuple[int, ...], deviation: float) -> None:
    noise = np.random.default_rng(4).random(shape).astype(np.float32)
    expected = cv2.GaussianBlur(noise, (0, 0), deviation)
    assert np.abs(smoothed(noise, deviation) - expected.reshape(shape)).max() < 1e-3


def test_a_part_of_a_picture_is_resized_like_a_copy_of_it(cover: Path) -> None:
    part = read_picture(cover).pixels[10:90, 20:120]
    for size in (64, 40), (128, 96):
        assert (resize(part, *size) == resize(part.copy(), *size)).all()


def test_jpegs_are_decoded_no_larger_than_needed(cover: Path) -> None:
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
    [("empty", "is empty"), ("text", "not a picture in a supported format"), ("truncated", "damaged"), ("missing", "does not exist"), ("folder", "not a file but a folder")],
)  # fmt: skip
def test_errors_say_why_a_file_is_not_a_picture(photo: Image.Image, tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "it.jpg"
    unreadable(path, kind, photo)
    with pytest.raises(PictureError, match=reason):
        read_picture(path)


def test_excessive_sizes_are_rejected_before_decoding(tmp_path: Path) -> None:
    # A PNG whose header states 100,000 × 100,000 pixels.
    Image.new("L", (1, 1)).save(tmp_path / "one.png")
    data = bytearray((tmp_path / "one.png").read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bytes(data))
    with pytest.raises(PictureError, match="more than 400 million"):
        read_picture(tmp_path / "bomb.png")


def test_a_wrong_suffix_does_not_matter(photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.jpg")
    assert read_picture(tmp_path / "picture.jpg").size == (96, 64)


def test_the_round_trip_through_linear_light_is_exact() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert (to_srgb(to_linear(every)) == every).all()


def test_reducing_averages_light() -> None:
    board = np.zeros((2, 2, 3), np.uint8)
    board[0, 0] = board[1, 1] = 255
    assert (resize(board, 1, 1) == 188).all()  # half of the light, not half of the value
