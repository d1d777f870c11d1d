"""GIFs from our writer are decoded by Pillow."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from renderer.encoder import gif_rate
from renderer.encoder.gif import GifFile
from renderer.errors import EncoderError, InputError
from renderer.pictures import Pixels, read_picture

FPS = Fraction(25)


def write(path: Path, frames: Iterable[Pixels], fps: Fraction = FPS, **options: object) -> Path:
    """Write frames as a GIF; each is passed in the same buffer."""
    frames = list(frames)
    buffer = np.empty_like(frames[0])
    with GifFile(path, buffer.shape[1], buffer.shape[0], fps, **options) as gif:
        for frame in frames:
            buffer[:] = frame
            gif.add(buffer)
    return path


def decode(path: Path, mode: str = "RGB") -> list[Pixels]:
    with Image.open(path) as picture:
        return [np.asarray(frame.convert(mode)) for frame in ImageSequence.Iterator(picture)]


@dataclass(frozen=True)
class Block:
    """One frame as stored in a GIF."""

    box: tuple[int, int, int, int]  # left, top, width, height
    delay: int
    disposal: int
    own_colours: int


def blocks(path: Path) -> list[Block]:
    """Return the frames as they are stored in the file."""
    data, found = path.read_bytes(), []
    offset = 13 + (3 << (data[10] & 7) + 1)
    delay = disposal = 0
    while data[offset : offset + 1] != b";":
        if data[offset] == 0x21:
            if data[offset + 1] == 0xF9:
                disposal, delay = data[offset + 3] >> 2 & 7, struct.unpack_from("<H", data, offset + 4)[0]
            offset += 2
        else:
            *box, flags = struct.unpack_from("<HHHHB", data, offset + 1)
            own = 1 << (flags & 7) + 1 if flags & 0x80 else 0
            found.append(Block(tuple(box), delay, disposal, own))
            offset += 10 + 3 * own + 1
        while data[offset]:
            offset += data[offset] + 1
        offset += 1
    assert offset == len(data) - 1
    return found


@pytest.fixture(scope="module")
def photo(cover: Path) -> Pixels:
    return np.ascontiguousarray(read_picture(cover).pixels[100:220, 60:220])


def sliding(photo: Pixels, count: int = 6) -> list[Pixels]:
    """A window that moves over a photo."""
    return [photo[4 * i : 4 * i + 80, 6 * i : 6 * i + 96] for i in range(count)]


def with_moving_square(photo: Pixels, count: int = 6) -> list[Pixels]:
    """A photo with a red square of 16 pixels that moves over it, 5 pixels per frame."""
    frames = [photo.copy() for _ in range(count)]
    for i, frame in enumerate(frames):
        frame[40:56, 20 + 5 * i : 36 + 5 * i] = (220, 30, 20)
    return frames


@pytest.mark.parametrize(
    ("requested", "rate"),
    [
        ("25", "25"),
        ("50", "50"),
        ("60", "50"),
        ("30", "100/3"),
        ("30000/1001", "100/3"),
        ("24", "25"),
        ("15", "100/7"),
        ("1/10", "1/10"),
    ],
)
def test_the_nearest_rate_with_a_delay_in_hundredths_is_used(requested: str, rate: str) -> None:
    assert gif_rate(Fraction(requested)) == Fraction(rate)


RATES = [Fraction(100, hundredths) for hundredths in range(2, 130)]


@given(st.fractions(1, 300))
def test_no_other_rate_is_nearer(fps: Fraction) -> None:
    nearest = gif_rate(fps)
    assert nearest in RATES
    assert all(abs(nearest - fps) <= abs(rate - fps) for rate in RATES)


@pytest.mark.parametrize(("loop", "stored"), [(0, 0), (3, 3), (None, None)])
def test_a_gif_stores_its_settings(tmp_path: Path, photo: Pixels, loop: int | None, stored: int | None) -> None:
    path = write(tmp_path / "a.gif", sliding(photo), Fraction(100, 3), loop=loop, comment="render zoom " * 50)
    with Image.open(path) as picture:
        assert (picture.n_frames, picture.size, picture.info["comment"]) == (6, (96, 80), b"render zoom " * 50)
        assert picture.info.get("loop") == stored
        assert {frame.info["duration"] for frame in ImageSequence.Iterator(picture)} == {30}
    assert all(block.delay == 3 for block in blocks(path))


@pytest.mark.parametrize(("colours", "tolerance", "bound"), [(256, 0.0, 5), (256, 6.0, 8), (64, 0.0, 7), (16, 0.0, 13)])
def test_colours_are_close_to_the_frames(
    tmp_path: Path, photo: Pixels, colours: int, tolerance: float, bound: float
) -> None:
    frames = sliding(photo)
    shown = decode(write(tmp_path / "a.gif", frames, colours=colours, tolerance=tolerance))
    for frame, decoded in zip(frames, shown, strict=True):
        error = decoded.astype(float) - frame
        assert np.sqrt((error**2).mean()) < bound
        assert np.abs(error.mean(axis=(0, 1))).max() < 1  # dithering keeps the mean


def test_static_pixels_do_not_change_and_are_not_stored(tmp_path: Path, photo: Pixels) -> None:
    path = write(tmp_path / "a.gif", with_moving_square(photo), tolerance=5.0)
    shown = decode(path)
    for i, (decoded, before) in enumerate(zip(shown[1:], shown, strict=False), 1):
        changed = np.argwhere((decoded != before).any(axis=2))
        top, left = changed.min(axis=0)
        bottom, right = changed.max(axis=0) + 1
        assert (top >= 40, bottom <= 56, left >= 15 + 5 * i, right <= 36 + 5 * i) == (True,) * 4
    assert [block.box for block in blocks(path)] == [(0, 0, 160, 120)] + [(15 + 5 * i, 40, 21, 16) for i in range(1, 6)]


def test_identical_frames_take_hardly_any_bytes(tmp_path: Path, photo: Pixels) -> None:
    one = write(tmp_path / "one.gif", [photo]).stat().st_size
    path = write(tmp_path / "many.gif", [photo] * 20)
    assert len(decode(path)) == 20
    assert path.stat().st_size - one < 20 * 40


def test_pixels_at_rest_get_the_nearest_colour(tmp_path: Path, photo: Pixels) -> None:
    frames = sliding(photo)
    frames += [frames[-1]] * 2

    def error(tolerance: float, number: int) -> float:
        shown = decode(write(tmp_path / "a.gif", frames, tolerance=tolerance))
        return float(((shown[number].astype(float) - frames[number]) ** 2).mean())

    assert error(9, 3) > 1.5 * error(0, 3)  # moving
    assert error(9, -1) < 1.1 * error(0, -1)


def test_tolerance_saves_bytes(tmp_path: Path, photo: Pixels) -> None:
    sizes = [write(tmp_path / "a.gif", sliding(photo), tolerance=float(t)).stat().st_size for t in (0, 3, 9)]
    assert sizes[1] < 0.95 * sizes[0]
    assert sizes[2] < 0.7 * sizes[0]


def test_the_palette_is_replaced_when_the_scene_changes(tmp_path: Path, photo: Pixels) -> None:
    night = (photo // 3).astype(np.uint8)
    path = write(tmp_path / "a.gif", [photo, photo[::-1], night, photo])
    assert [block.own_colours > 0 for block in blocks(path)] == [False, False, True, False]
    assert np.abs(decode(path)[2].astype(float) - night).mean() < 3


def test_transparency_is_preserved_in_every_frame(tmp_path: Path, photo: Pixels) -> None:
    y, x = np.mgrid[:120, :160]
    frames = []
    for i in range(8):
        distance = np.hypot(x - 40 - 10 * i, y - 60)
        alpha = np.clip(255 * (40 - distance), 0, 255).astype(np.uint8)
        frames.append(np.dstack([photo, alpha if i != 5 else alpha * 0]))
    path = write(tmp_path / "a.gif", frames)
    for frame, decoded in zip(frames, decode(path, "RGBA"), strict=True):
        opaque = frame[..., 3] >= 128
        assert np.array_equal(decoded[..., 3], np.where(opaque, 255, 0))
        if opaque.any():
            assert np.abs(decoded[opaque][:, :3].astype(float) - frame[opaque][:, :3]).mean() < 5
    assert {block.disposal for block in blocks(path)} == {1, 2}  # cleared only before pixels become transparent


@pytest.mark.parametrize(
    "frames",
    [
        np.full((3, 1, 1, 3), (200, 10, 77), np.uint8),
        np.full((3, 9, 7, 3), (3, 129, 255), np.uint8),
        np.arange(3, dtype=np.uint8)[:, None, None, None] * np.full((4, 6, 3), 100, np.uint8),
    ],
    ids=["one pixel", "one colour", "three colours"],
)
def test_few_colours_are_exact(tmp_path: Path, frames: Pixels) -> None:
    assert np.array_equal(decode(write(tmp_path / "a.gif", frames)), frames)


def test_completely_transparent_frames_are_preserved(tmp_path: Path) -> None:
    frames = np.zeros((2, 5, 5, 4), np.uint8)
    assert np.array_equal(decode(write(tmp_path / "a.gif", frames), "RGBA")[0][..., 3], frames[0, ..., 3])


def test_noise_can_be_encoded(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (3, 90, 110, 3), np.uint8)
    shown = np.array(decode(write(tmp_path / "a.gif", frames, tolerance=0.0)), float)
    assert np.abs(shown - frames).mean() < 25


CUBE = np.stack(np.meshgrid(*[np.arange(6) * 51] * 3), axis=-1).reshape(-1, 3).astype(np.uint8)


@settings(max_examples=40)
@given(
    colours=st.integers(1, 216), width=st.integers(1, 150), height=st.integers(1, 90), run=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_pictures_with_few_colours_are_exact(
    tmp_path_factory: pytest.TempPathFactory, colours: int, width: int, height: int, run: int, seed: int
) -> None:
    """All palette depths, runs of all lengths, and enough codes to fill dictionaries."""
    random = np.random.default_rng(seed)
    known = random.permutation(CUBE)[:colours]
    index = np.repeat(random.integers(0, colours, (2, width * height // run + 1)), run, axis=1)[:, : width * height]
    frames = known[index].reshape(2, height, width, 3)
    shown = decode(write(tmp_path_factory.getbasetemp() / f"{seed}.gif", frames, tolerance=0.0))
    assert np.array_equal(shown, frames)


@pytest.mark.parametrize(
    ("width", "fps", "colours", "problem"),
    [
        (70_000, FPS, 256, "70000x10"), (0, FPS, 256, "0x10"), (10, Fraction(30), 256, "use 100/3"),
        (10, Fraction(60), 256, "use 50"), (10, FPS, 2, "use 4 to 256"),
    ],
)  # fmt: skip
def test_unsupported_settings_are_rejected(
    tmp_path: Path, width: int, fps: Fraction, colours: int, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        GifFile(tmp_path / "a.gif", width, 10, fps, colours=colours)


def test_a_gif_needs_frames(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no frames"), GifFile(tmp_path / "a.gif", 10, 10, FPS):
        pass


def test_a_failure_leaves_the_file_incomplete(tmp_path: Path, photo: Pixels) -> None:
    path = tmp_path / "a.gif"
    with pytest.raises(ZeroDivisionError), GifFile(path, 160, 120, FPS) as gif:
        gif.add(photo)
        gif.add(photo[::-1])
        raise ZeroDivisionError
    assert not path.read_bytes().endswith(b"\0;")
