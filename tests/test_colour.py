"""Colours that files state by numbers, compared with values of the specifications."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from renderer.colour import from_cicp, from_gamma, light_of
from renderer.pictures import read_picture, to_srgb

PIXELS = npt.NDArray[np.integer]
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # ITU-R BT.2087-0


def png(path: Path, pixels: PIXELS, *chunks: tuple[bytes, bytes]) -> Path:
    """Write a PNG of (height, width) or (height, width, 3 or 4) 8- or 16-bit samples, with chunks before its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = 0 if pixels.ndim == 2 else {3: 2, 4: 6}[pixels.shape[2]]
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], pixels.itemsize * 8, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(f">u{pixels.itemsize}").tobytes() for row in pixels)
    between = b"".join(chunk(*each) for each in chunks)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip
    return path


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, 1])


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def primaries(*values: float) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


DISPLAY_P3 = primaries(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB = (b"sRGB", b"\0")


def patch(*values: int, size: tuple[int, int] = (32, 32)) -> npt.NDArray[np.uint8]:
    return np.full((*size, len(values)), values, np.uint8)


def middle(path: Path) -> npt.NDArray[np.int64]:
    pixels = read_picture(path).pixels
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)


def pq(nits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """SMPTE ST 2084, inverse EOTF: from cd/m² to a value 0…1."""
    power = (np.asarray(nits) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(scene: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """ARIB STD-B67, OETF: from scene light 0…1 to a value 0…1."""
    light = np.asarray(scene)
    return np.where(
        light <= 1 / 12, np.sqrt(3 * light), 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    )


def test_gamma_and_primaries_of_a_png(tmp_path: Path) -> None:
    path = tmp_path / "it.png"
    assert (middle(png(path, patch(55, 55, 55), gamma(1.0))) == 128).all()
    assert (middle(png(path, patch(55)[..., 0], gamma(1.0))) == 128).all()  # grey
    assert np.abs(middle(png(path, patch(55, 55, 55).astype(np.uint16) * 257, gamma(1.0))) - 128).max() <= 1
    # The red of sRGB is (234, 51, 35) in Display P3.
    assert np.abs(middle(png(path, patch(234, 51, 35), DISPLAY_P3)) - (255, 0, 0)).max() <= 4
    assert np.abs(middle(png(path, patch(234, 51, 35), gamma(1 / 2.2), DISPLAY_P3)) - (255, 0, 0)).max() <= 4


def test_white_stays_white_for_any_white_point(tmp_path: Path) -> None:
    warm = primaries(0.3457, 0.3585, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # D50
    assert np.abs(middle(png(tmp_path / "it.png", patch(255, 255, 255), warm)) - 255).max() <= 1


@pytest.mark.parametrize(
    "chunks",
    [
        [], [SRGB], [gamma(1 / 2.2)], [gamma(0.45455), primaries(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)],
        [cicp(1, 13)], [cicp(2, 2)], [cicp(1, 1)], [gamma(0.0)], [primaries(0, 0, 0, 0, 0, 0, 0, 0)],
        [primaries(0.3, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)], [(b"cICP", b"")],
    ],
)  # fmt: skip
def test_srgb_and_invalid_chunks_leave_the_pixels_unchanged(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    pixels = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    assert (read_picture(png(tmp_path / "it.png", pixels, *chunks)).pixels == pixels).all()


def test_the_precedence_of_png_colour_chunks(tmp_path: Path) -> None:
    """PNG, third edition, 4.3: cICP, then iCCP, then sRGB, then gAMA and cHRM."""
    path = tmp_path / "it.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = (b"iCCP", b"it\0\0" + zlib.compress(profile))
    grey = patch(55, 55, 55)
    assert (middle(png(path, grey, SRGB, gamma(1.0))) == 55).all()
    assert np.abs(middle(png(path, grey, icc, gamma(1.0))) - 55).max() <= 1
    assert (middle(png(path, grey, cicp(1, 8), icc, SRGB)) == 128).all()
    assert (middle(png(path, grey, icc, cicp(1, 8))) == 128).all()
    assert (middle(png(path, grey, cicp(1, 13), gamma(1.0))) == 55).all()


def test_transparent_pngs_keep_their_alpha_and_their_background(tmp_path: Path) -> None:
    path = png(tmp_path / "it.png", patch(55, 55, 55, 128), gamma(1.0))
    assert (read_picture(path, background=None).pixels[4, 4] == (128, 128, 128, 128)).all()
    assert np.abs(read_picture(path, background=(0, 0, 200)).pixels[4, 4].astype(int) - (64, 64, 164)).max() <= 1


def avif(path: Path, pixels: npt.NDArray[np.uint8], code_points: tuple[int, int]) -> Path:
    """Write an AVIF and change its nclx box: Pillow writes only sRGB."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "AVIF", quality=100, subsampling="4:4:4")
    data = encoded.getvalue()
    start = data.index(b"colrnclx") + 8
    path.write_bytes(data[:start] + struct.pack(">HH", *code_points) + data[start + 4 :])
    return path


def heic(path: Path, pixels: npt.NDArray[np.uint8], code_points: tuple[int, int]) -> Path:
    numbers = {"color_primaries": code_points[0], "transfer_characteristics": code_points[1]}
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(path, quality=100, chroma=444, **numbers)
    return path


def png_of(path: Path, pixels: npt.NDArray[np.uint8], code_points: tuple[int, int]) -> Path:
    return png(path, pixels, cicp(*code_points))


WRITERS = {"avif": avif, "heic": heic, "png": png_of}


@pytest.mark.parametrize("suffix", WRITERS)
def test_wide_gamuts_by_code_points(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"it.{suffix}"
    assert np.abs(middle(WRITERS[suffix](path, patch(234, 51, 35), (12, 13))) - (255, 0, 0)).max() <= 6
    light = TO_2020 @ (0.2, 0.5, 0.1)
    stored = to_srgb(light.astype(np.float32).reshape(1, 1, 3)).reshape(3)
    wanted = to_srgb(np.array([[[0.2, 0.5, 0.1]]], np.float32)).reshape(3).astype(int)
    assert np.abs(middle(WRITERS[suffix](path, patch(*stored.tolist()), (9, 13))) - wanted).max() <= 4
    assert np.abs(middle(WRITERS[suffix](path, patch(234, 51, 35), (1, 13))) - (234, 51, 35)).max() <= 3


@pytest.mark.parametrize("curve", ["PQ", "HLG"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_hdr_pictures_have_white_at_203_nits(tmp_path: Path, suffix: str, curve: str) -> None:
    def stored(light: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Return 8-bit values of light, reference white is 1; for HLG, only of grey."""
        nits = np.asarray(light) * 203
        values = pq(nits) if curve == "PQ" else hlg((nits / 1000) ** (1 / 1.2))
        return np.rint(values * 255).astype(np.uint8)

    path, points = tmp_path / f"it.{suffix}", (9, 16 if curve == "PQ" else 18)
    # Without highlights, nothing is compressed.
    for light in (1.0, 0.5, 0.18, 0.05):
        wanted = int(to_srgb(np.full((1, 1, 3), light, np.float32))[0, 0, 0])
        value = int(stored(light))
        assert np.abs(middle(WRITERS[suffix](path, patch(value, value, value), points)) - wanted).max() <= 5
    # With highlights of 1,000 cd/m², these differ, white stays nearly white, and the rest is unchanged.
    steps = stored([0.05, 0.18, 0.5, 1.0, 2.0, 4.9])
    bars = np.repeat(np.repeat(steps[np.newaxis, :, np.newaxis], 32, 1), 3, 2)
    pixels = read_picture(WRITERS[suffix](path, np.tile(bars, (48, 1, 1)), points)).pixels
    dark, grey, middling, white, bright, brightest = pixels[24, 16::32].mean(axis=1)
    assert np.abs(np.array([dark, grey, middling]) - (63, 118, 188)).max() <= 5
    assert 222 <= white < bright - 8 < brightest - 10
    assert brightest >= 252


def test_hdr_colours_keep_their_hue(tmp_path: Path) -> None:
    light = np.array([0.4, 0.2, 0.05])  # an orange, of sRGB's primaries
    wanted = to_srgb(light.astype(np.float32).reshape(1, 1, 3)).reshape(3).astype(int)
    deep = np.rint(pq(TO_2020 @ light * 203) * 65535).astype(np.uint16)
    assert np.abs(middle(png(tmp_path / "it.png", np.tile(deep, (8, 8, 1)), cicp(9, 16))) - wanted).max() <= 6
    nits = TO_2020 @ light * 203 / 1000
    scene = nits * (nits @ (0.2627, 0.6780, 0.0593)) ** (1 / 1.2 - 1)
    stored = np.rint(hlg(scene) * 255).astype(np.uint8)
    assert np.abs(middle(png(tmp_path / "it.png", np.tile(stored, (8, 8, 1)), cicp(9, 18))) - wanted).max() <= 6


def test_a_profile_takes_precedence_over_an_avifs_code_points(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    encoded = io.BytesIO()
    Image.fromarray(patch(234, 51, 35)).save(encoded, "AVIF", quality=100, subsampling="4:4:4", icc_profile=profile)
    (tmp_path / "it.avif").write_bytes(encoded.getvalue())
    assert np.abs(middle(tmp_path / "it.avif") - (234, 51, 35)).max() <= 3


def test_adobe_rgb_in_exif_is_recognized(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(patch(200, 44, 44)).save(tmp_path / "it.jpg", exif=exif, quality=100, subsampling=0)
    assert np.abs(middle(tmp_path / "it.jpg") - (233, 40, 41)).max() <= 4
    Image.fromarray(patch(200, 44, 44)).save(tmp_path / "plain.jpg", quality=100, subsampling=0)
    assert np.abs(middle(tmp_path / "plain.jpg") - (200, 44, 44)).max() <= 2


def test_gain_map_jpegs_show_their_base_picture(tmp_path: Path) -> None:
    """The second picture of the file brightens the first on HDR displays; it is ignored."""
    base, gain = Image.fromarray(patch(120, 90, 60)), Image.fromarray(patch(255, 255, 255))
    xmp = b'<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    base.save(tmp_path / "it.jpg", "MPO", save_all=True, append_images=[gain], quality=95, xmp=xmp)
    plain = tmp_path / "plain.jpg"
    base.save(plain, quality=95)
    assert (read_picture(tmp_path / "it.jpg").pixels == read_picture(plain).pixels).all()


@given(
    st.integers(0, 255), st.integers(0, 255), st.floats(allow_nan=True), st.lists(st.floats(), min_size=8, max_size=8)
)
def test_any_numbers_give_finite_light(one: int, other: int, power: float, chromaticities: list[float]) -> None:
    every = np.arange(256, dtype=np.uint8)[:, np.newaxis, np.newaxis].repeat(3, 2)
    for colours in (from_cicp(one, other), from_gamma(power, chromaticities)):
        if colours is not None:
            light = light_of(colours, lambda: [1] * 768)(every)
            assert light.shape == every.shape
            assert np.isfinite(light).all()
            # Grey stays grey, and the order of values is preserved.
            assert np.abs(light - light[..., :1]).max() < 0.01 * max(light.max(), 1)
            assert (np.diff(light[:, 0, 1]) >= 0).all()
