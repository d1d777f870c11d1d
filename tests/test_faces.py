"""Faces in pictures: those that scikit-image finds with the same model."""

import cv2
import numpy as np
import pytest
import skimage.data
from skimage.feature import Cascade

from renderer.faces import find_faces
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
