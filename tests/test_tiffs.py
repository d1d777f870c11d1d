"""TIFF files of scanners, scientific programs and cameras."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from renderer.errors import PictureError
from renderer.pictures import read_picture

DOWN, ACROSS = np.mgrid[0:48, 0:64]
RGB = np.stack([ACROSS * 4, DOWN * 5, (ACROSS + DOWN) * 2], -1).astype(np.uint8)
GREY = RGB[..., 0]
WHITE = np.full_like(GREY, 255)

KINDS = {
    "grey": (GREY, {"photometric": "minisblack"}),
    "white is zero": (255 - GREY, {"photometric": "miniswhite"}),
    "grey and alpha": (np.dstack([GREY, WHITE]), {"photometric": "minisblack", "extrasamples": ["unassalpha"]}),
    "RGB": (RGB, {"photometric": "rgb"}),
    "RGB and alpha": (np.dstack([RGB, WHITE]), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "RGB premultiplied": (np.dstack([RGB, WHITE]), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    "CMYK": (np.dstack([255 - RGB, 0 * GREY]), {"photometric": "separated"}),
}


def samples(values: npt.NDArray[np.uint8], kind: str) -> npt.NDArray[np.generic]:
    """Scale 8-bit values to the full range of another type."""
    white = np.iinfo(kind).max if kind[0] in "iu" else 1.0
    return (values / 255 * white).astype(kind)


@pytest.mark.parametrize("layout", ["chunky", "planar", "deflated", "deflated tiles"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_layout_is_read(tmp_path: Path, kind: str, order: str, layout: str) -> None:
    values, options = KINDS[kind]
    wanted = RGB if values.ndim == 3 and values.shape[2] > 2 else np.repeat(GREY[..., np.newaxis], 3, 2)
    path = tmp_path / "it.tif"
    for type_of_sample in ("u1", "u2", "u4", "f2", "f4", "f8"):
        stored = samples(values, type_of_sample)
        more = {} if layout in ("chunky", "planar") else {"compression": "zlib"}
        if layout == "deflated tiles":
            more["tile"] = (16, 16)
        if stored.ndim == 3 and layout != "chunky":
            stored, more["planarconfig"] = np.moveaxis(stored, -1, 0), "separate"
        tifffile.imwrite(path, stored, byteorder=order, **options, **more)
        picture = read_picture(path)
        assert picture.size == (64, 48)
        assert np.abs(picture.pixels.astype(int) - wanted).max() <= 1, type_of_sample


def test_alpha_of_deep_samples(tmp_path: Path) -> None:
    for kind, red in (("unassalpha", 255), ("assocalpha", 128)):
        stored = np.tile(np.array([red, 0, 0, 128], np.uint8), (8, 8, 1))
        tifffile.imwrite(tmp_path / "it.tif", samples(stored, "f4"), photometric="rgb", extrasamples=[kind])
        picture = read_picture(tmp_path / "it.tif", background=(0, 0, 255)).pixels[4, 4].astype(int)
        assert np.abs(picture - (128, 0, 127)).max() <= 1


@pytest.mark.parametrize("byte", [1, 255, 65535])
def test_floats_with_highlights_and_nan(tmp_path: Path, byte: float) -> None:
    """A few values above white are highlights, and NaN is black: other values stay unchanged."""
    stored = (RGB / 255 * byte).astype(np.float32)
    stored[0, :4] = byte * 1.02
    stored[1, :4] = np.nan
    stored[2, :4] = np.inf
    tifffile.imwrite(tmp_path / "it.tif", stored, photometric="rgb")
    picture = read_picture(tmp_path / "it.tif").pixels
    assert np.abs(picture[3:].astype(int) - RGB[3:]).max() <= 1
    assert [picture[row, 0].tolist() for row in range(3)] == [[255] * 3, [0] * 3, [255] * 3]


def test_a_grey_float_picture_with_one_highlight(tmp_path: Path) -> None:
    stored = (GREY / 255).astype(np.float32)
    stored[5, 5] = 40.0
    stored[6, 6] = np.nan
    tifffile.imwrite(tmp_path / "it.tif", stored)
    picture = read_picture(tmp_path / "it.tif").pixels[..., 0].astype(int)
    assert np.abs(picture - GREY).max(initial=0, where=(ACROSS > 6)) <= 1
    assert (picture[5, 5], picture[6, 6]) == (255, 0)


def test_dark_16_bit_pictures_stay_dark(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "it.tif", np.full((8, 8), 200, np.uint16))
    assert read_picture(tmp_path / "it.tif").pixels.max() <= 1


def test_twelve_bits(tmp_path: Path) -> None:
    """Two samples in three bytes, as scanners pack them."""
    row = bytes([0x80, 0x08, 0x00]) * 4  # 2048, 2048
    tags = [
        (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1),
        (278, 3, 1, 8), (279, 4, 1, len(row) * 8),
    ]  # fmt: skip
    data = b"II*\0" + (8 + len(row) * 8).to_bytes(4, "little") + row * 8 + len(tags).to_bytes(2, "little")
    for tag, kind, count, value in tags:
        data += b"".join(part.to_bytes(size, "little") for part, size in ((tag, 2), (kind, 2), (count, 4), (value, 4)))
    (tmp_path / "it.tif").write_bytes(data + bytes(4))
    assert abs(int(read_picture(tmp_path / "it.tif").pixels[4, 4, 0]) - 128) <= 1


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (samples(GREY, "i2"), "16-bit signed samples"),
        (GREY.astype(np.complex64), "complex"),
        (GREY.astype(np.float32) * 1e9, "values up to"),
        (GREY.astype(np.float32) * 4, "values up to"),  # neither 8 nor 16 bits
        (np.full_like(GREY, np.nan, np.float32), "contains no finite numbers"),
    ],
)
def test_samples_without_a_clear_range_are_rejected(
    tmp_path: Path, stored: npt.NDArray[np.generic], reason: str
) -> None:
    tifffile.imwrite(tmp_path / "it.tif", stored)
    with pytest.raises(PictureError, match=reason):
        read_picture(tmp_path / "it.tif")


@pytest.mark.parametrize("kind", ["u1", "f4"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_full_page_is_used_if_a_thumbnail_precedes_it(tmp_path: Path, orientation: int, kind: str) -> None:
    path = tmp_path / "it.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(RGB[::4, ::4], photometric="rgb", subfiletype=1)
        tag = [(274, "H", 1, orientation, True)]
        file.write(samples(RGB, kind), photometric="rgb", extratags=tag)
    upright = RGB.swapaxes(0, 1) if orientation >= 5 else RGB
    across, down = {1: (1, 1), 2: (-1, 1), 3: (-1, -1), 4: (1, -1), 5: (1, 1), 6: (-1, 1), 7: (-1, -1), 8: (1, -1)}[
        orientation
    ]
    picture = read_picture(path)
    assert np.abs(picture.pixels.astype(int) - upright[::down, ::across]).max() <= 1
    assert picture.size == picture.pixels.shape[1::-1]
    assert picture.orientation == orientation


def test_a_full_picture_in_a_subpage_of_its_thumbnail_is_used(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "it.tif") as file:
        file.write(RGB[::4, ::4], photometric="rgb", subfiletype=1, subifds=1)
        file.write(RGB, photometric="rgb")
    assert (read_picture(tmp_path / "it.tif").pixels == RGB).all()


def test_a_file_with_only_a_thumbnail_is_rejected(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "it.tif", RGB, photometric="rgb", subfiletype=1)
    with pytest.raises(PictureError, match="only a thumbnail"):
        read_picture(tmp_path / "it.tif")


def raw_file(path: Path, maker: str) -> None:
    sensor = np.zeros((96, 128), np.uint16)
    pattern = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes([0, 1, 1, 2]), True)]
    version = [(50706, "B", 4, bytes([1, 4, 0, 0]), True)]
    with tifffile.TiffWriter(path) as file:
        match maker:
            case "Nikon, Sony":  # a thumbnail with the sensor data in its subpage
                file.write(RGB, photometric="rgb", subfiletype=1, subifds=1)
                file.write(sensor, photometric="cfa", extratags=pattern)
            case "Pentax":  # sensor data first
                file.write(sensor, photometric="cfa", extratags=pattern)
            case "Adobe":  # a DNG whose first page looks like an ordinary picture
                file.write(RGB, photometric="rgb", extratags=version)
    if maker == "Canon":
        tifffile.imwrite(path, RGB, photometric="rgb")
        data = path.read_bytes()
        path.write_bytes(data[:4] + len(data).to_bytes(4, "little") + b"CR\2\0" + data[12:] + data[8:])


@pytest.mark.parametrize("maker", ["Nikon, Sony", "Pentax", "Adobe", "Canon"])
@pytest.mark.parametrize("name", ["it.nef", "it.tif", "it.jpg"])
def test_raw_files_are_recognized_by_their_content(tmp_path: Path, name: str, maker: str) -> None:
    raw_file(tmp_path / name, maker)
    for read in (read_picture, lambda path: read_picture(path, data=path.read_bytes())):
        with pytest.raises(PictureError, match="is a raw file of a camera: export it as JPEG"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "start",
    [b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0", b"FOVb\0\0", b"II\x1a\0\0\0HEAPCCDR"],
)  # fmt: skip
def test_raw_files_that_are_not_tiffs_are_recognized(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "it.jpg").write_bytes(start + bytes(range(256)))
    with pytest.raises(PictureError, match="is a raw file of a camera: export it as JPEG"):
        read_picture(tmp_path / "it.jpg")
