"""Crops of photos: their shape, the faces that they keep, other ratios than squares, and data of earlier versions."""

import gzip
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer.descriptors import MixedRatio, signatures, squashed, tile_size
from renderer.ffmpeg import run_ffmpeg
from renderer.job import sample_pictures
from renderer.library import Archive, Library, Photo, cut_parts, file_digest, reading, reopen
from renderer.library import cropped as cropping
from renderer.library.crops import SQUARE, CropRule, keep_faces, largest_part
from renderer.library.index import Index
from renderer.library.indexing import refresh
from renderer.pictures import read_picture
from renderer.pixels import reduced, resize, to_linear
from renderer.placement import load_map, save_map
from renderer.progress import Silent
from renderer.shapes import TileShape
from renderer.textures import Textures

DATA = Path(__file__).parent / "data"

WIDE, TALL = Fraction(3, 2), Fraction(2, 3)

RATIOS = st.sampled_from([SQUARE, WIDE, TALL, Fraction(16, 9), Fraction(4, 3), Fraction(3, 4), Fraction(5, 1)])

FACE = (184, 72, 87, 102)
"""Left, top, width and height of the face of skimage's astronaut in pixels, measured in the picture."""


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive(Silent()) as opened:
        yield opened


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A folder of photos: an astronaut beside the middle of a wide and a tall picture, and two without a face."""
    folder = tmp_path / "people"
    folder.mkdir()
    astronaut = Image.fromarray(skimage.data.astronaut())
    astronaut.crop((140, 20, 460, 250)).save(folder / "astronaut-wide.jpg", quality=92)
    astronaut.crop((160, 40, 350, 420)).save(folder / "astronaut-tall.jpg", quality=92)
    with Image.open(sample_pictures()[0]) as china:
        china.save(folder / "china.png")
        china.crop((0, 100, 160, 340)).save(folder / "temple.jpg", quality=92)
    return folder


def inside(face: tuple[float, float, float, float], crop: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    left, top, width, height = (value * size[axis % 2] for axis, value in enumerate(face))
    x, y, across, along = crop
    return x <= left and left + width <= x + across and y <= top and top + height <= y + along


# -- Boxes ---------------------------------------------------------------------------------------------------------


@given(st.integers(1, 4000), st.integers(1, 4000), RATIOS)
def test_a_crop_is_as_large_as_possible_and_has_the_ratio(width: int, height: int, ratio: Fraction) -> None:
    across, along = largest_part((width, height), ratio)
    assert 1 <= across <= width
    assert 1 <= along <= height
    assert across == width or along == height
    if (across, along) != (width, height):
        assert abs(across - along * ratio) <= max(ratio, 1)
        assert (width - across > 1 or height - along > 1) or ratio == SQUARE
    elif ratio != SQUARE:  # nothing is cut where the ratio is the photo's own, within a pixel or 1 %
        assert abs(width - height * ratio) <= max(0.0101 * width, 1 + ratio)


@given(st.integers(20, 400), st.integers(20, 400), RATIOS, st.data())
@settings(max_examples=200)
def test_faces_are_inside_if_they_fit(width: int, height: int, ratio: Fraction, data: st.DataObject) -> None:
    part = largest_part((width, height), ratio)
    axis = 0 if part[0] < width else 1
    fraction = st.floats(0, 1)
    faces = []
    for _ in range(data.draw(st.integers(0, 4))):
        x, y, w, h = (data.draw(fraction) for _ in range(4))
        faces.append((x, y, (1 - x) * w, (1 - y) * h))
    start = data.draw(st.integers(0, (width, height)[axis] - part[axis]))
    before = (start, 0, *part) if axis == 0 else (0, start, *part)
    box = keep_faces(before, (width, height), faces)
    assert box[2:] == part
    assert 0 <= box[0] <= width - part[0]
    assert 0 <= box[1] <= height - part[1]
    edges = [(face[axis], face[axis] + face[axis + 2]) for face in faces]
    length = (width, height)[axis]
    if faces and (max(e for _, e in edges) - min(s for s, _ in edges)) * length <= part[axis] - 2:
        # A pixel of tolerance: a window starts at a whole pixel.
        assert min(s for s, _ in edges) * length >= box[axis] - 1
        assert max(e for _, e in edges) * length <= box[axis] + part[axis] + 1
    if not faces:
        assert box == before


def test_the_largest_faces_are_kept_if_not_all_fit() -> None:
    small, small_too, large = (0.05, 0.4, 0.05, 0.2), (0.12, 0.4, 0.05, 0.2), (0.75, 0.2, 0.2, 0.5)
    crop = keep_faces((300, 0, 400, 400), (1000, 400), [small, small_too, large])
    assert inside(large, crop, (1000, 400))
    crop = keep_faces((300, 0, 400, 400), (1000, 400), [small, small_too])
    assert inside(small, crop, (1000, 400))
    assert inside(small_too, crop, (1000, 400))
    # The middle of a face that does not fit.
    assert keep_faces((0, 0, 400, 400), (1000, 400), [(0.3, 0, 0.6, 1)]) == (400, 0, 400, 400)


def test_a_crop_with_the_face_in_it_is_not_moved() -> None:
    assert keep_faces((300, 0, 400, 400), (1000, 400), [(0.45, 0.3, 0.1, 0.3)]) == (300, 0, 400, 400)


def test_tile_pictures_have_the_ratio() -> None:
    sizes = [tile_size(ratio) for ratio in (SQUARE, WIDE, TALL, Fraction(16, 9), Fraction(9, 16))]
    assert sizes == [(32, 32), (48, 32), (32, 48), (57, 32), (32, 57)]


@pytest.mark.parametrize(("width", "height"), [(48, 32), (32, 57), (57, 32)])
def test_a_picture_does_not_change_the_average_of_the_next(width: int, height: int) -> None:
    tiles = np.random.default_rng(1).integers(0, 256, (7, height, width, 3), np.uint8)
    light = to_linear(tiles)
    each = [cv2.resize(one, (8, 8), interpolation=cv2.INTER_AREA) for one in light]
    assert np.abs(reduced(light, 8, 8) - each).max() < 1e-6
    assert np.abs(to_linear(signatures(tiles)) - each).max() < 0.005


# -- Photos --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [SQUARE, WIDE, Fraction(16, 9), TALL], ids=str)
def test_a_face_is_whole_in_every_crop(people: Path, archive: Archive, ratio: Fraction) -> None:
    library = archive.open([str(people)]).cropped(ratio)
    photos = {photo.path.stem: photo for photo in library.photos}
    assert [len(photos[name].faces) for name in ("astronaut-wide", "china", "temple")] == [1, 0, 0]
    for name, (x, y) in {"astronaut-wide": (140, 20), "astronaut-tall": (160, 40)}.items():
        photo = photos[name]
        width, height = photo.size
        left, top, across, along = FACE
        face = ((left - x) / width, (top - y) / height, across / width, along / height)
        assert inside(photo.faces[0], photo.crop, photo.size)
        if photo.crop[3] > 1.1 * along:  # what is found is a few pixels beside what was measured
            assert inside(face, photo.crop, photo.size)


def test_centred_crops_and_crops_without_faces_are_as_before(people: Path) -> None:
    with Archive(Silent(), faces=False) as archive:
        photos = {photo.path.stem: photo for photo in archive.open([str(people)]).photos}
        assert {photo.faces for photo in photos.values()} == {()}
        assert photos["astronaut-wide"].crop == (45, 0, 230, 230)
    with Archive(Silent(), crop="centre") as archive:
        photos = {photo.path.stem: photo for photo in archive.open([str(people)]).photos}
        assert photos["astronaut-wide"].crop == (45, 0, 230, 230)
        assert photos["astronaut-wide"].faces


def test_a_library_has_crops_of_any_ratio(people: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    squares = archive.open([str(people)])
    wide = squares.cropped(WIDE)
    assert (squares.cropped(SQUARE) is squares, wide.photos.ratio, wide.tiles.shape) == (True, WIDE, (4, 32, 48, 3))
    assert [photo.path for photo in wide.photos] == [photo.path for photo in squares.photos]
    china = wide.photos[2]
    assert (china.size, china.crop) == ((640, 427), (0, 0, 640, 427))  # its own ratio, within a pixel
    shown = resize(read_picture(china.path).pixels, 48, 32)
    assert np.abs(wide.tiles[2].astype(int) - shown).mean() < 3  # made from the thumbnail
    assert np.abs(wide.tile(china, 640, 427).astype(int) - read_picture(china.path).pixels).max() == 0
    for index, photo in enumerate(wide.photos):
        assert abs(photo.crop[2] - 1.5 * photo.crop[3]) <= 1.5
        assert np.abs(wide.tiles[index].mean(axis=(0, 1)) / 255 - photo.mean).max() < 1e-6
        assert wide.tile(photo, 96, 64).shape == (64, 96, 3)
        assert np.abs(resize(wide.tile(photo, 192, 128), 48, 32).astype(int) - wide.tiles[index]).mean() < 4
        assert np.abs(to_linear(wide.signatures[index : index + 1]).mean() - to_linear(wide.tiles[index]).mean()) < 0.01
    assert wide.photos.find(list(wide.photos)).tolist() == [0, 1, 2, 3]
    assert wide.photos.find([squares.photos[0]]).tolist() == [-1]
    assert wide.cropped(SQUARE).photos.find(list(squares.photos)).tolist() == [0, 1, 2, 3]
    # Selected, reordered and combined photos keep their crops; the second use computes nothing.
    monkeypatch.setattr(cropping, "crop_box", None)
    some = squares.take(np.array([3, 0, 3])).cropped(WIDE)
    assert (some.signatures == wide.signatures[[3, 0, 3]]).all()
    assert (some.tiles == wide.tiles[[3, 0, 3]]).all()
    assert list(some.combined(wide).photos) == [*some.photos, *wide.photos]
    with pytest.raises(ValueError, match="tiles of 1 can"):
        squares.combined(wide)
    again = reopen(archive, list(wide.photos), Silent(), ratio=WIDE)
    assert (again.tiles == wide.tiles).all()
    assert list(again.photos) == list(wide.photos)
    assert [photo.faces for photo in again.photos] == [photo.faces for photo in wide.photos]


def test_mixed_crops_have_the_ratio_of_their_orientation(
    people: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Image.open(people / "china.png") as china:
        china.crop((100, 50, 400, 350)).save(people / "square.png")
    squares = archive.open([str(people)])
    by_kind = {False: squares.cropped(WIDE), True: squares.cropped(TALL)}
    monkeypatch.setattr(cropping, "crop_box", None)  # one index serves all: nothing is computed again
    mixed = squares.cropped(MixedRatio(WIDE))
    assert mixed.photos.ratio == MixedRatio(WIDE)
    assert mixed.cropped(MixedRatio(WIDE)) is mixed
    upright = {path.name: height > width for path in people.iterdir() for width, height in [read_picture(path).size]}
    assert sorted(upright.values()) == [False, False, False, True, True]
    assert mixed.tiles.shape == (5, 32, 32, 3)
    for index, photo in enumerate(mixed.photos):
        kind = upright[photo.path.name]
        assert photo == by_kind[kind].photos[index]
        assert (mixed.signatures[index] == by_kind[kind].signatures[index]).all()
        assert (mixed.tiles[index] == squashed(by_kind[kind].tiles[index : index + 1])[0]).all()
    assert mixed.photos.are_upright(np.arange(5)).tolist() == [upright[photo.path.name] for photo in mixed.photos]
    for photo in mixed.photos:
        assert mixed.photos.find_by_name(photo.path.name) == list(mixed.photos).index(photo)
    some = mixed.take(np.array([4, 0, 1]))
    assert list(some.combined(mixed).photos) == [*some.photos, *mixed.photos]
    again = reopen(archive, list(some.photos), Silent(), ratio=MixedRatio(WIDE))
    assert list(again.photos) == list(some.photos)
    assert (again.tiles == some.tiles).all()
    assert np.abs(again.signatures.astype(int) - some.signatures).max() <= 4  # computed from the tiles
    check_mixed_textures(some, [upright[photo.path.name] for photo in some.photos])
    check_mixed_textures(again, [upright[photo.path.name] for photo in some.photos])


def check_mixed_textures(library: Library, upright: list[bool]) -> None:
    """Textures have the ratio of their photos' crops, and the levels in memory show these."""
    textures = Textures(2**20, 1)
    try:
        first = textures.add_tiles(library)
        for index, photo in enumerate(library.photos):
            table, texture = textures.table, first + index
            width, height = int(table.width[texture]), int(table.height[texture])
            assert 2 * max(width, height) == 3 * min(width, height)
            assert (height > width) == upright[index]
            assert min(width, height) >= min(photo.crop[2:])
            in_memory = np.flatnonzero(table.address[texture])
            level = int(in_memory[0])
            assert in_memory.tolist() == list(range(level, table.levels[texture]))
            across, along = width >> level, height >> level
            assert (across, along) == ((32, 48) if upright[index] else (48, 32))
            assert table.address[texture, level] in [
                base.ctypes.data + base.strides[0] * row
                for base in textures.base_levels
                if base.shape[1:] == (along, across)
                for row in range(len(base))
            ]
            base = next(each for each in textures.base_levels if each.shape[1:] == (along, across))
            pixels = base[(int(table.address[texture, level]) - base.ctypes.data) // base.strides[0]]
            shown = np.ascontiguousarray(pixels).view(np.uint8).reshape(along, across, 4)[..., :3]
            expected = resize(library.tile(photo, 4 * across, 4 * along), across, along)
            assert np.abs(shown.astype(int) - expected).mean() < 5
    finally:
        textures.close()


@pytest.mark.parametrize("turned", [False, True], ids=["landscape", "portrait"])
def test_mixed_pieces_of_a_cover_have_both_orientations(
    cover: Path, tmp_path: Path, archive: Archive, turned: bool
) -> None:
    path = tmp_path / "cover.png"
    with Image.open(cover) as picture:
        (picture.transpose(Image.Transpose.ROTATE_90) if turned else picture).save(path)
    picture, digest = read_picture(path), file_digest(path)
    library = cut_parts(path, picture, digest, [], Silent(), ratio=MixedRatio(WIDE))
    whole = library.photos[0]
    assert (whole.is_part, whole.is_upright) == (False, turned)
    upright = library.photos.are_upright(np.arange(len(library.photos)))
    assert 0.3 < upright.mean() < 0.7
    some = library.take(np.concatenate([[0], np.arange(1, len(upright), 101)]))
    for photo in some.photos:
        across, along = photo.crop[2:]
        assert abs(across - (along / 1.5 if photo.is_upright else along * 1.5)) <= 1.5
    again = reopen(archive, list(some.photos), Silent(), ratio=MixedRatio(WIDE))
    assert list(again.photos) == list(some.photos)
    assert (again.tiles == some.tiles).all()


def test_crops_are_removed_with_their_photos_and_bounded(people: Path, tmp_path: Path) -> None:
    with Index(tmp_path / "it.sqlite") as index:
        paths = sorted(people.iterdir())
        refresh(index, paths, Silent())
        photos, _ = index.all()
        for count in range(3, 12):
            photos.cropped(Fraction(count, 2))
        names = [name for (name,) in index._rows("SELECT name FROM sqlite_master WHERE name LIKE 'tile_%'")]
        assert names == [
            f"tile_{Fraction(count, 2).numerator}x{Fraction(count, 2).denominator}" for count in range(6, 12)
        ]
        wide = photos.cropped(Fraction(11, 2))
        assert index._rows('SELECT count(*) FROM "tile_11x2"') == [(4,)]
        paths[0].unlink()
        refresh(index, paths[1:], Silent())
        index.forget_missing()
        index._connection.execute("UPDATE photo SET gone_ns = 1 WHERE gone_ns > 0")  # an hour passes
        refresh(index, paths[1:], Silent())
        assert index._rows('SELECT count(*) FROM "tile_11x2"') == [(3,)]
        # Another process deletes the tables while the photos are in use: tiles are computed again, with the same crops.
        before = wide.tiles_of(np.array([1, 2, 3]))
        index._delete_ratios(index._connection, ["11x2"])
        assert (wide.tiles_of(np.array([1, 2, 3])) == before).all()
        assert wide[1].crop[2:] == largest_part(wide[1].size, Fraction(11, 2))


def test_frames_of_videos_have_crops_of_any_ratio(tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc=size=64x36:duration=2")
    assert run_ffmpeg(*source, "-pix_fmt", "yuv420p", str(tmp_path / "clip.mov")).returncode == 0
    with Archive(Silent(), video_frames=2) as archive:
        library = archive.open([str(tmp_path)]).cropped(TALL)
        assert [(photo.time, photo.crop[2:]) for photo in library.photos] == [(0.5, (24, 36)), (1.5, (24, 36))]
        large = library.tile(library.photos[1], 24, 36)
        assert np.abs(resize(large, 12, 18).astype(int) - resize(library.tiles[1], 12, 18)).mean() < 8


@pytest.mark.parametrize("ratio", [WIDE, Fraction(9, 16)], ids=str)
def test_pieces_of_a_cover_have_any_ratio(cover: Path, ratio: Fraction) -> None:
    picture, digest = read_picture(cover), file_digest(cover)
    library = cut_parts(cover, picture, digest, [], Silent(), ratio=ratio)
    assert len(library.photos) > 2000
    assert not library.photos[0].is_part
    check_pieces(library, picture.pixels, ratio)
    assert library.cropped(ratio) is library
    # Square pieces are cut in their middle.
    squares = cut_parts(cover, picture, digest, [], Silent())
    some = squares.take(np.arange(0, len(squares.photos), 300))
    check_pieces(some.cropped(ratio), picture.pixels, ratio)
    for square, part in zip(some.photos, some.cropped(ratio).photos, strict=True):
        x, y, side, _ = square.crop
        left, top, across, along = part.crop
        middle = pytest.approx((x + side / 2, y + side / 2), abs=1)
        assert not part.is_part or (left + across / 2, top + along / 2) == middle


def check_pieces(library: Library, pixels: np.ndarray, ratio: Fraction) -> None:
    width, height = tile_size(ratio)
    assert library.tiles.shape[1:] == (height, width, 3)
    for number in range(0, len(library.photos), max(len(library.photos) // 9, 1)):
        photo = library.photos[number]
        left, top, across, along = photo.crop
        assert 0 <= left <= 640 - across
        assert 0 <= top <= 427 - along
        assert abs(across - along * ratio) <= 1 + ratio
        shown = pixels[top : top + along, left : left + across].mean(axis=(0, 1))
        assert np.abs(library.tiles[number].mean(axis=(0, 1)) - shown).max() < 16
        drawn = resize(library.tile(photo, across, along), width, height)
        assert np.abs(drawn.astype(int) - library.tiles[number]).mean() < 8


# -- Earlier versions ----------------------------------------------------------------------------------------------
# `index-2.sqlite.gz` is an index of five photos, and `version-1.mosaic` a map of them, both made by the version of the
# program that had square crops only. They are parts of pictures of scikit-image and scikit-learn.


@pytest.fixture
def old_index(tmp_path: Path) -> Path:
    """The old index, whose photos are files in a folder; they can't be read."""
    path = tmp_path / "it.sqlite"
    path.write_bytes(gzip.decompress((DATA / "index-2.sqlite.gz").read_bytes()))
    (tmp_path / "photos").mkdir()
    with sqlite3.connect(path) as database:
        for number, stored in database.execute("SELECT number, path FROM photo").fetchall():
            file = tmp_path / "photos" / Path(stored.decode()).name
            file.write_text("not a picture")
            state = (str(file).encode(), file.stat().st_size, file.stat().st_mtime_ns, number)
            database.execute("UPDATE photo SET path = ?, bytes = ?, modified_ns = ? WHERE number = ?", state)
    database.close()
    return path


def test_faces_are_found_in_the_thumbnails_of_an_old_index(
    old_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "read_bytes", None)  # no photo is read
    files = sorted((tmp_path / "photos").iterdir())
    with Index(old_index) as index:
        before, _ = index.all()  # photos of a library that is not refreshed
        assert [photo.crop[2] == photo.crop[3] for photo in before] == [True] * 5
        assert ({photo.faces for photo in before}, len(index.unsearched())) == ({()}, 5)
        tiles = before.tiles_of(np.arange(5))
        changes = refresh(index, files, Silent())
        assert (changes.unchanged, changes.read, len(index.unsearched())) == (5, 0, 0)
        photos, skipped = index.scanned()
        assert ([photo.path for photo in photos], skipped) == (files, [])
        assert [len(photo.faces) for photo in photos] == [1, 1, 0, 0, 0]
        for photo in (photos[0], photos[1]):
            assert inside(photo.faces[0], photo.crop, photo.size)
            assert not inside(photo.faces[0], before[photos.find([photo])[0]].crop, photo.size)
        # The others are unchanged, and those that moved have the colours of their new crops.
        assert list(photos)[2:] == list(before)[2:]
        assert (photos.tiles_of(np.arange(5))[2:] == tiles[2:]).all()
        assert (photos.columns.signature[2:] == before.columns.signature[2:]).all()
        assert np.abs(photos.tiles_of(np.arange(2)).mean(axis=(1, 2)) / 255 - photos.columns.mean[:2]).max() < 1e-6
        assert (before.tiles_of(np.arange(5)) == tiles).all()  # a process that uses them is not disturbed
        assert (photos.descriptors_of(np.arange(5)) == before.descriptors_of(np.arange(5))).all()
        assert refresh(index, files, Silent()).unchanged == 5
        assert list(index.scanned()[0]) == list(photos)


def test_an_old_index_has_the_crops_of_a_new_one(old_index: Path, tmp_path: Path) -> None:
    """Except for what JPEG compression changes in thumbnails."""
    astronaut = Image.fromarray(skimage.data.astronaut()).crop((140, 20, 460, 250))
    astronaut.save(tmp_path / "astronaut.jpg", quality=85)
    with Index(old_index) as index, Index(tmp_path / "new.sqlite") as new:
        refresh(index, sorted((tmp_path / "photos").iterdir()), Silent())
        refresh(new, [tmp_path / "astronaut.jpg"], Silent())
        (photo,) = new.scanned()[0]
        old = index.scanned()[0][1]
        assert (old.path.stem, old.size) == ("astronaut-wide", photo.size)
        assert np.abs(np.subtract(old.crop, photo.crop)).max() <= 3


def test_no_faces_are_found_in_an_old_index_on_request(old_index: Path, tmp_path: Path) -> None:
    with Index(old_index, CropRule(faces=False)) as index:
        before = list(index.all()[0])
        refresh(index, sorted((tmp_path / "photos").iterdir()), Silent())
        assert (list(index.scanned()[0]), len(index.unsearched())) == (before, 5)


def test_crops_of_other_ratios_follow_faces_that_are_found_later(old_index: Path, tmp_path: Path) -> None:
    with Index(old_index) as index:
        before = index.all()[0].cropped(WIDE)
        assert not inside((0.13, 0.08, 0.46, 0.27), before[0].crop, before[0].size)
        refresh(index, sorted((tmp_path / "photos").iterdir()), Silent())
        after = index.scanned()[0].cropped(WIDE)
        assert inside(after[0].faces[0], after[0].crop, after[0].size)


def test_a_map_of_version_1_is_loaded(old_index: Path, tmp_path: Path) -> None:
    saved = tmp_path / "it.mosaic"
    saved.write_bytes((DATA / "version-1.mosaic").read_bytes())
    placement = load_map(saved)
    crops = {photo.path.stem: photo.crop for photo in placement.photos}
    assert crops == {
        "astronaut-wide": (45, 0, 230, 230), "cat": (38, 0, 150, 150), "coffee": (50, 0, 200, 200),
        "temple": (0, 40, 160, 160),
    }  # fmt: skip
    save_map(placement, saved, overwrite=True)
    again = load_map(saved)
    assert (again.photos, again.recipe, again.size) == (placement.photos, placement.recipe, placement.size)
    assert (again.cell == placement.cell).all()
    assert (placement.shape, placement.size, len(placement)) == (TileShape(), (6, 4), 24)
    assert (placement.cell[:, 2:] == 1).all()
    with Index(old_index) as index:
        library = Library(list(placement.photos), np.zeros((4, 32, 32, 3), np.uint8), indexes=[index])
        for photo in placement.photos:
            (stored,) = index.tiles_of([photo])
            assert stored is not None
            assert np.abs(library.tile(photo, 32, 32).astype(int) - stored).mean() < 3
        refresh(index, sorted((tmp_path / "photos").iterdir()), Silent())  # crops with faces move, those of maps don't
        (first,) = index.tiles_of(placement.photos[:1])
        assert (first is not None) == (placement.photos[0].path.stem == "astronaut-wide")


def test_a_map_of_version_1_is_rendered(
    render: Callable[..., tuple[int, str, str]], old_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(cache))
    old_index.rename(cache / "photos-smart.sqlite")
    saved = tmp_path / "it.mosaic"
    saved.write_bytes((DATA / "version-1.mosaic").read_bytes())
    code, _, error = render("mosaic", "it.mosaic", "-o", "it.png")
    assert code == 0, error
    drawn = np.asarray(Image.open(tmp_path / "it.png"))
    assert drawn.shape == (4 * 32, 6 * 32, 3)
    cells = drawn.reshape(4, 32, 6, 32, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(cells, load_map(saved).colours(6), atol=0.01)
    assert render("still", "zoom", "it.mosaic", "--at", 5, "--size", "64x64", "-o", "still.png")[0] == 0


# -- Commands ------------------------------------------------------------------------------------------------------


def test_a_check_counts_photos_with_faces(render: Callable[..., tuple[int, str, str]], people: Path) -> None:
    render("library", "add", people, "--name", "it", "--no-faces")
    assert "0 photos with faces; 4 not searched (the library has --no-faces)" in render("library", "check", "it")[1]
    added = render("library", "add", people, "--name", "it", "--faces")[1]
    assert added == "it: 4 photos; 4 searched for faces\n"  # in the thumbnails: none is read again
    assert "2 photos with faces\n" in render("library", "check", "it", "-y")[1]
    assert "4 read" in render("library", "add", people, "--name", "it", "--no-faces")[1]
    assert '"with_faces": 0, "not_searched_for_faces": 4' in " ".join(
        render("library", "check", "it", "-y", "--json")[1].split()
    )


def test_maps_do_not_contain_faces_of_photos(people: Path, tmp_path: Path, archive: Archive) -> None:
    placement = load_map(DATA / "version-1.mosaic")
    photo: Photo = archive.open([str(people)]).photos[1]
    assert photo.faces
    save_map(replace(placement, photos=(photo,) * 4), tmp_path / "it.mosaic")
    assert load_map(tmp_path / "it.mosaic").photos[0] == photo
    assert load_map(tmp_path / "it.mosaic").photos[0].faces == ()
