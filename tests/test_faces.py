"""Faces in pictures: those that scikit-image finds with the same model."""

import cv2
import numpy as np
import pytest
import skimage.data
from skimage.feature import Cascade

from renderer.faces import eye_contrast, find_faces
from renderer.framing import smaller_faces
from renderer.pictures import Pixels


def test_a_face_is_found_and_a_cup_has_none() -> None:
    found = find_faces(skimage.data.astronaut())
    assert found
    for left, top, width, height in found:
        assert (left + width / 2, top + height / 2) == pytest.approx((0.445, 0.22), abs=0.04)
        assert (width, height) == pytest.approx((0.17, 0.2), abs=0.06)
    assert find_faces(skimage.data.coffee()) == []


@pytest.mark.parametrize("size", [(1, 1), (20, 300), (23, 24), (300, 20)])
def test_tiny_pictures_have_no_faces(size: tuple[int, int]) -> None:
    assert find_faces(np.full((*size, 3), 200, np.uint8)) == []


def portraits(seed: int) -> Pixels:
    """A picture of up to 64 of scikit-image's portraits side by side, in a size that needs no reduction."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, 9, 2)
    portraits = skimage.data.lfw_subset()[rng.integers(0, 100, (rows, columns))]
    grey = np.concatenate(np.concatenate(portraits, axis=1), axis=1)
    large = cv2.resize(grey, tuple(rng.integers(150, 321, 2).tolist()), interpolation=cv2.INTER_CUBIC)
    return np.repeat((large.clip(0, 1) * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def test_the_faces_are_those_that_scikit_image_finds() -> None:
    cascade = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    count = 0
    for seed in range(5):
        picture = portraits(seed)
        height, width = picture.shape[:2]
        expected = cascade.detect_multi_scale(
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY),
            1.1,
            1,
            (24, 24),
            (min(height, width),) * 2,
            min_neighbor_number=8,
        )
        boxes = [
            (face["c"] / width, face["r"] / height, face["width"] / width, face["height"] / height) for face in expected
        ]
        assert find_faces(picture) == boxes
        count += len(boxes)
    assert count > 50


def with_closed_eyes() -> Pixels:
    """The astronaut with lids, a little darker than the skin beside her eyes, painted over them, and lines of lashes."""
    picture = skimage.data.astronaut().copy()
    lid = (0.75 * picture[114:122, 200:206].mean(axis=(0, 1))).tolist()
    for x, y in ((203, 101), (247, 103)):
        cv2.ellipse(picture, (x, y), (13, 6), 0, 0, 360, lid, -1)
        cv2.ellipse(picture, (x, y + 2), (11, 2), 0, 0, 180, (70, 45, 40), 1)
    return cv2.GaussianBlur(picture, (0, 0), 0.7).astype(np.uint8)


@pytest.mark.parametrize("side", [512, 384])
def test_irises_stand_out_in_open_eyes_only(side: int) -> None:
    opened, closed = (
        cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
        for picture in (skimage.data.astronaut(), with_closed_eyes())
    )
    face = max(find_faces(opened), key=lambda face: face[3])
    assert (eye_contrast(opened, face) or 0) > 0.4
    assert (eye_contrast(closed, face) or 1) < 0.3
    assert find_faces(closed)  # it is still a face


def test_eyes_of_small_faces_are_not_judged() -> None:
    picture = cv2.resize(skimage.data.astronaut(), (200, 200)).astype(np.uint8)
    assert eye_contrast(picture, find_faces(skimage.data.astronaut())[0]) is None


def test_what_has_not_the_colour_of_skin_is_no_face_unless_the_photo_is_grey() -> None:
    astronaut = skimage.data.astronaut()
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., np.newaxis], 3, axis=2).astype(np.uint8)
    green = grey.copy()
    green[..., [0, 2]] -= grey[..., [0, 2]] // 4  # as a face-like pattern of leaves has
    assert find_faces(green)
    assert smaller_faces(astronaut)
    assert smaller_faces(grey)
    assert smaller_faces(green) == []
