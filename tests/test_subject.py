"""The area that stays visible when a cover is cropped to a frame."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from renderer.job import MatchSettings, drawing, open_mosaic
from renderer.progress import Silent
from renderer.settings import OutputSettings
from renderer.subject import attention, subject_position

FACE = (0.36, 0.14, 0.17, 0.2)
"""Left, top, width and height of the face of skimage's astronaut, measured in the picture."""


@pytest.mark.parametrize("size", [(160, 90), (160, 60), (60, 160)], ids=["16:9", "8:3", "3:8"])
def test_a_wide_frame_contains_the_face(tmp_path: Path, size: tuple[int, int]) -> None:
    cover = tmp_path / "astronaut.png"
    Image.fromarray(skimage.data.astronaut()).save(cover)
    with (
        open_mosaic(cover, MatchSettings(columns=24), Silent()) as mosaic,
        drawing(mosaic, size, OutputSettings(size=size)) as (stage, _),
    ):
        camera = stage.whole_camera()
        units = mosaic.placement.size
        for axis in (0, 1):
            half = size[axis] / camera.scale / 2
            assert camera.centre[axis] - half <= FACE[axis] * units[axis]
            assert camera.centre[axis] + half >= (FACE[axis] + FACE[axis + 2]) * units[axis]


@given(st.integers(0, 1), st.floats(0.01, 1), st.integers(0, 1000))
def test_the_window_is_inside_the_picture(axis: int, share: float, seed: int) -> None:
    colours = np.random.default_rng(seed).random((20, 30, 3)).astype(np.float32)
    middle = subject_position(attention(colours, [(0.9, 0.9, 0.3, 0.3)]), axis, share)
    assert share / 2 - 1e-6 <= middle <= 1 - share / 2 + 1e-6


def test_the_middle_is_shown_if_nothing_stands_out() -> None:
    assert subject_position(attention(np.full((20, 30, 3), 0.5, np.float32), []), 1, 0.5) == pytest.approx(
        0.5, abs=0.01
    )


@given(
    st.floats(0, 0.6), st.floats(0.1, 0.4), st.floats(0.3, 1.5), st.sampled_from([0, 1]),
)  # fmt: skip
def test_a_window_smaller_than_a_head_shows_the_middle_of_the_face(
    start: float, side: float, part: float, axis: int
) -> None:
    """In a close-up, the head reaches far beyond the window, which must not cut the face."""
    face = (start, 0.3, side, 0.4) if axis == 1 else (0.3, start, 0.4, side)
    share = part * side
    noise = np.random.default_rng(1).random((100, 160, 3), np.float32)
    position = subject_position(attention(noise, [face]), axis, share)
    inside = min(max(start + side / 2, share / 2), 1 - share / 2)
    assert position == pytest.approx(inside, abs=0.06)
