"""The zoom's motion and its golden frames."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import skimage.data
from conftest import SHAPES, StageFactory, difference, heart
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from animations.zoom import Zoom
from renderer.compositor import Compositor
from renderer.job import MatchSettings, drawing, open_mosaic
from renderer.library.crops import crop_box
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.scene import Camera, Fit, Stage
from renderer.settings import OutputSettings

FRAMES = {"16:9": (160, 90), "1:1": (96, 96), "9:16": (90, 160)}


def still(stage: Stage, progress: float, zoom: Zoom | None = None) -> Pixels:
    compositor = Compositor(*stage.frame, stage.textures, threads=2)
    try:
        return compositor.still((zoom or Zoom()).prepare(stage)(progress))
    finally:
        compositor.close()


def view(camera: Camera, stage: Stage) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the area that a camera shows, in mosaic units."""
    x, y = camera.centre
    w, h = stage.frame[0] / camera.scale / 2, stage.frame[1] / camera.scale / 2
    return x - w, y - h, x + w, y + h


@pytest.mark.parametrize("direction", ["in", "out", "inout"])
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_the_flight_is_monotone_and_stays_within_the_first_view(
    stage_factory: StageFactory, size: tuple[int, int], direction: str
) -> None:
    stage = stage_factory.stage(size)
    motion = Zoom(direction=direction).prepare(stage)  # type: ignore[arg-type]  # a literal of the table
    cameras = [motion(p).camera for p in np.linspace(0, 1, 121)]
    scales = np.array([camera.scale for camera in cameras])
    if direction == "inout":
        assert (np.diff(scales[:61]) >= 0).all()
        still = Zoom(direction="inout", drift=0.0).prepare(stage)
        scales = np.array([still(p).camera.scale for p in np.linspace(0, 1, 121)])
        assert np.allclose(scales, scales[::-1])
    else:
        assert (np.diff(scales if direction == "in" else scales[::-1]) >= 0).all()
    width, height = stage.mosaic.size
    for camera in cameras:
        left, top, right, bottom = view(camera, stage)
        assert left >= -0.5  # a landing may show half a cell outside
        assert top >= -0.5
        assert right <= width + 0.5
        assert bottom <= height + 0.5
        assert left <= cameras[-1 if direction == "in" else 0 if direction == "out" else 60].centre[0] <= right
    # Constant perceived speed: in the middle of the flight the logarithm of the scale is linear.
    steps = np.diff(np.log(scales[55:65] if direction != "inout" else scales[28:34]))
    assert np.ptp(np.abs(steps)) < 1e-6
    stage.textures.close()


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=4),
    st.sampled_from(["in", "out", "inout"]),
)
def test_a_tour_is_smooth_and_pauses_at_each_photo(
    stage_factory: StageFactory, points: list[tuple[float, float]], direction: Literal["in", "out", "inout"]
) -> None:
    stage = stage_factory.stage((160, 90), seconds=20.0)
    motion = Zoom(focus=tuple(f"{x},{y}" for x, y in points), direction=direction, drift=0.0).prepare(stage)
    times = np.linspace(0, 1, 2001)
    cameras = [motion(p).camera for p in times]
    scale = np.log([camera.scale for camera in cameras])
    centre = np.array([camera.centre for camera in cameras])
    # Perceived speed: zooming, and panning in widths of the view; it neither jumps nor exceeds a bound.
    speed = np.hypot(np.diff(scale), np.linalg.norm(np.diff(centre, axis=0), axis=1) * np.exp(scale[1:]) / 160)
    assert speed.max() < 0.06
    assert np.abs(np.diff(speed)).max() < 0.012
    for x, y in points:
        cell = np.array([min(int(x * 24), 23) + 0.5, min(int(y * 16), 15) + 0.5])
        there = (np.abs(centre - cell) <= 0.5).all(axis=1)
        assert (speed[there[1:]] < 1e-12).any()
    stage.textures.close()


@settings(max_examples=15)
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_camera_ends_at_the_focus(stage_factory: StageFactory, x: float, y: float) -> None:
    stage = stage_factory.stage((160, 90))
    camera = Zoom(focus=(f"{x},{y}",)).prepare(stage)(1.0).camera
    cell = (min(int(x * 24), 23), min(int(y * 16), 15))
    assert cell[0] <= camera.centre[0] <= cell[0] + 1
    assert cell[1] <= camera.centre[1] <= cell[1] + 1
    stage.textures.close()


@pytest.mark.parametrize("focus", ["0,0", "1,1", "0,0.5", "0.5,1", "0.7,0.2"])
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_nothing_outside_the_mosaic_is_visible(stage_factory: StageFactory, size: tuple[int, int], focus: str) -> None:
    stage = replace(stage_factory.stage(size), background=(1.0, 0.0, 1.0))
    motion = Zoom(focus=(focus,), hold_start=0, hold_end=0).prepare(stage)
    compositor = Compositor(*size, stage.textures, threads=2)
    for progress in np.linspace(0, 1, 40):
        frame = compositor.still(motion(progress)).astype(int)
        magenta = (np.abs(frame - (255, 0, 255)).max(axis=2) < 40).mean()
        assert magenta < 0.002, progress
    compositor.close()
    stage.textures.close()


def test_the_camera_moves_slowly_during_pauses_unless_there_is_no_drift(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((160, 90), seconds=10.0)
    pauses = {"hold_start": 1.0, "hold_end": 2.0}
    motion = Zoom(drift=0.0, **pauses).prepare(stage)
    cameras = [motion(p).camera for p in (0.0, 0.1, 0.12, 0.78, 0.8, 1.0)]
    assert cameras[0] == cameras[1] != cameras[2]
    assert cameras[3] != cameras[4] == cameras[5]
    motion = Zoom(drift=0.06, **pauses).prepare(stage)
    assert motion(0.0).camera == cameras[0]
    for times in (np.linspace(0, 0.1, 11), np.linspace(0.8, 1, 11)):
        steps = np.diff(np.log([motion(p).camera.scale for p in times]))
        assert steps == pytest.approx(steps.mean(), rel=0.02)  # at a constant speed
        assert 0.01 < steps.sum() < 0.03  # at most half of the drift
    speed = np.diff(np.log([motion(p).camera.scale for p in np.linspace(0, 1, 501)]))
    assert (speed > 0).all()
    assert np.abs(np.diff(speed)).max() < 0.002  # the flight begins and ends without a jolt
    stage.textures.close()


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (90, 90)])
@pytest.mark.parametrize("landing", ["photo", "whole"])
def test_a_photo_fills_the_frame_during_the_pause(
    stage_factory: StageFactory, size: tuple[int, int], landing: Literal["photo", "whole"]
) -> None:
    """What the camera has not reached yet is the photo too, not the tiles around it."""
    stage = stage_factory.stage(size, seconds=4.0)
    with closing(stage.textures), closing(Compositor(*size, stage.textures, threads=2)) as compositor:
        motion = Zoom(landing=landing, hold_end=2.0, drift=0.1).prepare(stage)
        scene = motion(0.65)
        photo = tuple(group for group in scene.sprites if group.rest is None)
        over = replace(scene, sprites=photo, background=None)
        assert (compositor.still(over)[..., 3] == 255).all()


@pytest.mark.parametrize("size", [(160, 90), (96, 96)])
@pytest.mark.parametrize("drift", [0.0, 0.05])
def test_the_video_ends_on_the_photo_filling_the_frame(
    stage_factory: StageFactory, size: tuple[int, int], drift: float
) -> None:
    stage = stage_factory.stage(size)
    last = still(stage, 1.0, Zoom(drift=drift))
    box = crop_box(stage_factory.cover, (640, 427), "smart", (), Fraction(*size))
    with Image.fromarray(stage_factory.cover) as photo:
        scale = max(size[0] / photo.width, size[1] / photo.height) * (1 + drift)
        resized = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
        left, top = (
            int((start + length / 2) / whole * sides - side / 2 + 0.01)
            for start, length, whole, sides, side in zip(box[:2], box[2:], photo.size, resized.size, size, strict=True)
        )
        expected = np.asarray(resized.crop((left, top, left + size[0], top + size[1])))
    assert difference(last, expected).max() <= 1  # equals a Lanczos resize
    stage.textures.close()


def test_a_photo_whose_subject_does_not_fill_the_frame_is_shown_over_its_own_blur(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((90, 160))  # the pagoda is wider than the best part of 9:16
    with Image.fromarray(stage_factory.cover) as photo:
        expected = np.asarray(photo.resize((90, 60), Image.Resampling.LANCZOS))
    last = still(stage, 1.0, Zoom(landing="whole")).astype(float)
    assert difference(last[50:110].astype(np.uint8), expected).max() <= 1
    framing = stage.framing(int(stage.mosaic.photo[stage.landings()[0]]))
    assert not framing.fills
    assert framing.size[1] == 1.0
    assert 9 / 16 < framing.size[0] * 640 / 427 < 640 / 427  # as much of the photo as needed
    rows = round(90 / (framing.size[0] * 640) * 427)
    part, top = still(stage, 1.0).astype(float), (160 - rows) // 2
    assert (
        np.abs(np.diff(part[: top - 1], axis=0)).mean() < 1 < np.abs(np.diff(part[top + 2 : -top - 2], axis=0)).mean()
    )
    around = np.concatenate([last[:49], last[111:]])
    assert np.abs(np.diff(around, axis=1)).max() < 8  # smooth
    # Sky above and trees below, in the photo's colours and darker than it.
    sky, trees = last[:49].mean(axis=(0, 1)), last[111:].mean(axis=(0, 1))
    assert sky.argmax() == 2
    assert trees.mean() < sky.mean() < expected[:10].mean()
    stage.textures.close()


def test_a_whole_photo_opens_without_a_jump(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((90, 160), seconds=4)
    motion = Zoom(landing="whole", hold_start=0, hold_end=0.5, drift=0.0).prepare(stage)
    compositor = Compositor(*stage.frame, stage.textures, threads=2)
    with closing(stage.textures), closing(compositor):
        frames = [compositor.still(motion(number / 120)).astype(float) for number in range(85, 121)]
    steps = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    assert max(steps) < 12  # of 255, as in the middle of the flight
    assert max(steps[15:]) < 3
    assert steps[-1] == 0


def landed(stage: Stage, zoom: Zoom) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the last frame shows, in fractions of the photo."""
    scene = zoom.prepare(stage)(1.0)
    sprite = scene.sprites[-1]
    middle = 0.5 * (sprite.window[0, :2] + sprite.window[0, 2:])
    unit = np.abs(sprite.right[0] + sprite.down[0]) * 2 / (sprite.window[0, 2:] - sprite.window[0, :2])
    at = middle + (scene.camera.centre - sprite.centre[0]) / unit
    half = 0.5 * np.array(stage.view(scene.camera)) / unit
    left, top, right, bottom = *(at - half).tolist(), *(at + half).tolist()
    return left, top, right, bottom


FACE = (184, 72, 271, 174)
"""Left, top, right and bottom of the face of skimage's astronaut in pixels, measured in the picture."""

PEOPLE = {"wide": (172, 20, 502, 241), "tall": (120, 60, 360, 420), "square": (0, 0, 512, 512)}
"""Crops of the astronaut, whose face is at the left or upper edge, and the whole picture."""


def test_a_landing_keeps_the_face_and_is_the_same_from_a_saved_map(tmp_path: Path) -> None:
    astronaut = Image.fromarray(skimage.data.astronaut())
    for name, box in PEOPLE.items():
        astronaut.crop(box).save(tmp_path / f"{name}.png")
    cover, saved = tmp_path / "square.png", tmp_path / "it.mosaic"
    match = MatchSettings(tiles=(str(tmp_path),), columns=3, max_uses=0, repeat_distance=0, save_map=saved)
    views = []
    for source, chosen in ((cover, match), (saved, MatchSettings())):
        with open_mosaic(
            source, chosen, Silent(), Zoom(focus=tuple(str(tmp_path / f"{name}.png") for name in PEOPLE))
        ) as mosaic:
            for size in ((90, 160), (160, 90)):
                with drawing(mosaic, size, OutputSettings()) as (stage, _):
                    views += [landed(stage, Zoom(focus=(str(tmp_path / f"{name}.png"),))) for name in PEOPLE]
    for view, name in zip(views, [*PEOPLE] * 4, strict=True):
        left, top, right, bottom = PEOPLE[name]
        beyond = np.array(view) * np.array([right - left, bottom - top] * 2) + (left, top, left, top) - FACE
        assert (beyond[:2] <= 1).all(), name
        assert (beyond[2:] >= -1).all(), name
        fills = min(view[:2]) > -1e-9 and max(view[2:]) < 1 + 1e-9
        across, along = (view[axis] < 0.01 and view[axis + 2] > 0.99 for axis in (0, 1))
        assert fills or across or along  # otherwise all of it is visible, at least along one side
    assert views[:6] == views[6:]
    cover_photo = stage.photo([photo.path for photo in stage.mosaic.photos].index(cover))
    piece = replace(cover_photo, crop=(128, 0, 256, 256), is_part=True)
    whole, part = (stage.mosaic.faces_of(photo) for photo in (cover_photo, piece))
    assert np.allclose(part, [((x - 0.25) * 2, y * 2, w * 2, h * 2) for x, y, w, h in whole])
    assert whole
    assert stage.mosaic.faces_of(replace(piece, crop=(288, 0, 200, 200))) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_photo_opens_from_its_tile_without_moving(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, (320, 180))
    with closing(stage.textures):
        motion = Zoom().prepare(stage)
        tile = int(motion(1.0).sprites[-1].tile[0])
        (box,) = stage.mosaic.shape.tile_boxes(stage.mosaic.cell[tile : tile + 1])
        photo = stage.photo(int(stage.mosaic.photo[tile]))
        left, top, width, height = np.array(photo.crop) / (*photo.size, *photo.size)
        opened = 0
        for progress in np.linspace(0.4, 1, 61):
            sprite = motion(progress).sprites[-1]
            if len(sprite) != 1:  # no photo has started to open
                continue
            opened += 1
            half = sprite.outline.photo_half(np.abs(sprite.right[0] + sprite.down[0]))
            unit = 2 * half / (sprite.window[0, 2:] - sprite.window[0, :2])  # size of the whole photo
            start = sprite.centre[0] - half + ((left, top) - sprite.window[0, :2]) * unit
            middle = start + 0.5 * unit * (width, height)  # of the crop
            # Inside the border of its tile, where it is cropped to, except for rounding to whole pixels.
            border = 0.5 * (box[2:] - 2 * stage.resting_sprites().outline.photo_half(box[2:] / 2))
            assert np.abs(middle - box[:2] - box[2:] / 2).max() < 0.02
            if not stage.mosaic.shape.gap:  # otherwise the photo also grows
                assert np.abs(start - box[:2] - border).max() < 0.01
                assert np.abs((width, height) * unit - box[2:] + 2 * border).max() < 0.02
        assert opened > 15
        # A sprite that has hardly opened looks like the tile, apart from the detail of a larger texture.
        first = next(p for p in np.linspace(0.4, 1, 601) if len(motion(p).sprites[-1]) == 1)
        scene = motion(first)
        compositor = Compositor(*stage.frame, stage.textures, threads=2)
        opening, resting = compositor.still(scene), compositor.still(replace(scene, sprites=scene.sprites[:-1]))
        compositor.close()
        assert difference(opening, resting).mean() < 0.5
        assert difference(opening, resting).max() < 80  # the edges of both


@pytest.mark.parametrize("shape", ["cards", "hexagons-apart"])
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_the_edges_of_a_photo_between_gaps_reach_the_frame_together(
    stage_factory: StageFactory, size: tuple[int, int], shape: str
) -> None:
    stage = stage_factory.shaped(shape, size)
    with closing(stage.textures):
        motion = Zoom(hold_end=0).prepare(stage)
        tile = int(motion(1.0).sprites[-1].tile[0])
        (box,) = stage.mosaic.shape.tile_boxes(stage.mosaic.cell[tile : tile + 1])
        middle, inner = box[:2] + box[2:] / 2, stage.resting_sprites().outline.photo_half(box[2:] / 2)
        covered = []  # share of the frame's width and of its height
        for progress in np.linspace(0.5, 1, 101):
            scene = motion(progress)
            # In portrait frames, the ground around the whole photo opens.
            opened = [sprites for sprites in scene.sprites if len(sprites) == 1]
            if not opened:
                continue
            sprite = opened[0]
            half = np.abs(sprite.right[0] + sprite.down[0])
            low, high = sprite.centre[0] - half, sprite.centre[0] + half
            across, along = view(scene.camera, stage)[:2], view(scene.camera, stage)[2:]
            # The photo of the tile below is never visible beside it.
            assert (low <= np.maximum(middle - inner, across) + 0.01).all()
            assert (high >= np.minimum(middle + inner, along) - 0.01).all()
            inside = np.minimum(high, along) - np.maximum(low, across)
            covered.append(inside / (np.array(along) - across))
        shares = np.array(covered)
        assert (np.diff(shares, axis=0) > -0.02).all()
        # A photo that stays where it is covers as little as 55 % of one side of the frame when it covers 97 % of the other.
        near = int((shares.max(axis=1) >= 0.97).argmax())
        assert shares[near].min() > 0.7
        assert shares[-1].min() > 1 - 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_photos_land_undistorted_from_every_shape(
    stage_factory: StageFactory, size: tuple[int, int], shape: str
) -> None:
    square, stage = stage_factory.stage(size), stage_factory.shaped(shape, size)
    with closing(square.textures), closing(stage.textures):
        number = next(i for i, photo in enumerate(stage.mosaic.photos) if not photo.is_part)
        zoom = Zoom(focus=(str(stage.mosaic.photos[number].path),))
        assert difference(still(stage, 1.0, zoom), still(square, 1.0, zoom)).max() <= 1


COVERED = {"nothing": (0.0, 0.0, 0.0, 0.0), "an app": (0.1, 0.16, 0.2, 0.02)}


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("covered", COVERED.values(), ids=COVERED)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_a_mosaic_with_a_mask_is_visible_as_a_whole(
    stage_factory: StageFactory, size: tuple[int, int], shape: str, covered: tuple[float, float, float, float], fit: Fit
) -> None:
    stage = replace(heart(stage_factory.shaped(shape, size)), covered=covered, fit=fit)
    with closing(stage.textures):
        frame = still(stage, 0.0, Zoom(focus=("0.4,0.2",)))
    ground = np.abs(frame.astype(int) - (51, 179, 77)).max(axis=2) < 3
    rows, columns = np.flatnonzero(~ground.all(axis=1)), np.flatnonzero(~ground.all(axis=0))
    top, right, bottom, left = covered
    margin = 0.04 * min(size)
    free = [  # pixels between the tiles and the uncovered part's edges
        columns[0] - left * size[0], size[0] * (1 - right) - columns[-1] - 1,
        rows[0] - top * size[1], size[1] * (1 - bottom) - rows[-1] - 1,
    ]  # fmt: skip
    assert min(free) > margin - 1.5
    assert min(free[0], free[2]) < margin + 1.5  # as large as possible
    assert abs(free[0] - free[1]) < 2.5  # in the middle
    assert abs(free[2] - free[3]) < 2.5


@pytest.mark.parametrize("focus", ["0.2,0.3", "0.4,0.9", "0.68,0.2", "0.4,0.45"])
@pytest.mark.parametrize("size", FRAMES.values(), ids=FRAMES)
def test_a_flight_into_a_mosaic_with_a_mask_stays_within_its_first_view(
    stage_factory: StageFactory, size: tuple[int, int], focus: str
) -> None:
    stage = heart(stage_factory.stage(size))
    with closing(stage.textures):
        motion = Zoom(focus=(focus,)).prepare(stage)
        first = view(motion(0.0).camera, stage)
        for progress in np.linspace(0, 1, 60):
            left, top, right, bottom = view(motion(progress).camera, stage)
            assert min(left - first[0], top - first[1], first[2] - right, first[3] - bottom) > -1e-6
    assert motion(0.0).camera == stage.whole_camera()


@pytest.mark.parametrize("shape", SHAPES)
def test_without_focus_the_camera_lands_inside_a_mask(stage_factory: StageFactory, shape: str) -> None:
    stage = stage_factory.shaped(shape, (160, 90))
    with closing(stage.textures):
        whole = stage.mosaic
        offset = whole.cell[:, :2] + 0.5 * whole.cell[:, 2:] - 0.5 * np.array(whole.size)
        kept = np.abs(offset).max(axis=1) > 1.6  # a hole in the middle
        arrays = {name: getattr(whole, name)[kept] for name in ("cell", "symmetry", "gain", "offset", "cost")}
        same = np.zeros(int(kept.sum()), np.int32)
        holed = replace(whole, photo=same, **arrays)
        cell = Zoom().last_photo(replace(stage, maps=[holed]))
        assert cell is not None
        assert holed.depth()[cell] == 2
        assert np.abs(offset[kept][cell]).max() < 7  # one of the nearest
        first = {name: values[:1] for name, values in arrays.items()}
        assert Zoom().last_photo(replace(stage, maps=[replace(whole, photo=same[:1], **first)])) == 0


@pytest.mark.parametrize("symmetry", range(1, 8))
def test_photos_are_never_mirrored_after_landing(stage_factory: StageFactory, symmetry: int) -> None:
    stage = stage_factory.stage((160, 90))
    turned = np.full(len(stage.mosaic), symmetry, np.uint8)
    mirrored = replace(stage, maps=[replace(stage.mosaic, symmetry=turned)])
    zoom = Zoom(focus=("0.3,0.4",))
    assert difference(still(mirrored, 1.0, zoom), still(stage, 1.0, zoom)).max() == 0
    assert difference(still(mirrored, 0.3, zoom), still(stage, 0.3, zoom)).mean() > 2
    stage.textures.close()


def test_the_photo_opens_smoothly(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((160, 90))
    motion = Zoom(hold_start=0, hold_end=0).prepare(stage)
    compositor = Compositor(160, 90, stage.textures, threads=2)
    frames = [compositor.still(motion(p)).astype(int) for p in np.linspace(0.5, 1, 120)]
    compositor.close()
    changes = np.array([np.abs(b - a).mean() for a, b in pairwise(frames)])
    assert changes.max() < 14
    assert (changes[1:] < 2.5 * changes[:-1] + 2).all()
    stage.textures.close()


def test_frames_of_any_size_and_shape_land_on_the_same_photo(cover: Path, photos: Path) -> None:
    output = OutputSettings()
    outputs = [output, replace(output, fit="pad"), replace(output, covered=(0.1, 0.2, 0.4, 0.0))]
    with open_mosaic(cover, MatchSettings(tiles=(str(photos),), columns=30), Silent()) as mosaic:
        cells = set()
        for size in [(32, 32), (90, 160), (160, 90), (540, 960), (640, 120)]:
            for one in outputs:
                with drawing(mosaic, size, one) as (stage, _):
                    cells.add(Zoom().last_photo(stage))
    assert len(cells) == 1


@pytest.mark.parametrize("fit", ["pad", "blur", "crop"])
def test_the_first_view_follows_the_fit(stage_factory: StageFactory, fit: Fit) -> None:
    stage = stage_factory.stage((90, 160), fit=fit)
    camera = Zoom().prepare(stage)(0.0).camera
    left, top, right, bottom = view(camera, stage)
    if fit == "crop":
        assert (top, bottom) == pytest.approx((0, 16))
        assert left > 0
    else:
        assert (left, right) == pytest.approx((0, 24))
        assert top < 0
    stage.textures.close()


@pytest.mark.parametrize("percent", [0, 25, 50, 75, 100])
@pytest.mark.parametrize("shape", FRAMES)
def test_golden_frames(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], shape: str, percent: int
) -> None:
    stage = stage_factory.stage(FRAMES[shape])
    golden(f"zoom-{shape.replace(':', 'x')}-{percent:03d}", still(stage, percent / 100))
    stage.textures.close()


@pytest.mark.xfail(reason="the comparison must detect a wrong frame", strict=True)
def test_golden_frames_can_fail(
    stage_factory: StageFactory, golden: Callable[[str, Pixels], None], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-golden"):
        pytest.fail("a wrong frame is not stored")
    stage = stage_factory.stage(FRAMES["16:9"])
    golden("zoom-16x9-050", still(stage, 0.51))


def test_the_far_picture_replaces_tiles_smoothly(cover: Path) -> None:
    with (
        open_mosaic(cover, MatchSettings(columns=60), Silent()) as mosaic,
        drawing(mosaic, (160, 108), OutputSettings()) as (stage, compositor),
    ):
        tiles = stage.resting_sprites()
        assert stage.far_pictures  # 60 cells on 160 pixels
        middle = stage.whole_camera().centre
        near, far = (Camera(middle, scale) for scale in (4.0, 4.0 * (1 - 1e-6)))
        assert len(stage.visible_tiles(tiles, near)) > 1
        assert len(stage.visible_tiles(tiles, far)) == 1
        one, other = (
            compositor.still(stage.scene(camera, stage.visible_tiles(tiles, camera))) for camera in (near, far)
        )
        assert difference(one, other).mean() < 0.5
        # Further out both are averages of light, equal up to the rounding of the tiles' levels.
        distant = Camera(middle, 2.0)
        one, other = (
            compositor.still(stage.scene(distant, sprites)) for sprites in (tiles, stage.visible_tiles(tiles, distant))
        )
        assert difference(one, other).mean() < 2.5


def test_only_rows_in_view_are_selected(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((160, 90))
    tiles = stage.resting_sprites()
    camera = Camera((12.0, 8.0), 45.0)  # two units high
    visible = stage.visible_tiles(tiles, camera)
    assert 24 * 2 <= len(visible) <= 24 * 4
    compositor = Compositor(160, 90, stage.textures)
    assert (
        difference(compositor.still(stage.scene(camera, visible)), compositor.still(stage.scene(camera, tiles))).max()
        == 0
    )
    compositor.close()
    stage.textures.close()


def test_frames_do_not_depend_on_their_order(stage_factory: StageFactory) -> None:
    stage = stage_factory.stage((160, 90))
    motion = Zoom().prepare(stage)
    compositor = Compositor(160, 90, stage.textures, threads=2)
    times = np.linspace(0, 1, 7)
    forwards = [compositor.still(motion(p)) for p in times]
    backwards = [compositor.still(motion(p)) for p in times[::-1]][::-1]
    compositor.close()
    for one, other in zip(forwards, backwards, strict=True):
        assert difference(one, other).max() == 0
    stage.textures.close()
