import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.errors import InputError
from renderer.library import PhotoIndex, cut_parts, find_files, index_photos, reopen
from renderer.pictures import read_picture
from renderer.progress import Silent


def make(path: Path, colour: tuple[int, int, int] = (200, 50, 50), size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def index() -> Iterator[PhotoIndex]:
    with PhotoIndex() as opened:
        yield opened


def test_folders_are_walked_without_what_is_hidden(tmp_path: Path) -> None:
    shown = [make(tmp_path / name) for name in ("b.jpg", "a.png", "deep/er/c.JPG")]
    for name in (".hidden.jpg", ".cache/d.jpg", "deep/.e/f.jpg"):
        make(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert find_files([str(tmp_path)]) == ([shown[1], shown[0], shown[2]], [])


def test_files_globs_and_folders_may_be_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (make(tmp_path / name) for name in ("x/a.jpg", "x/b.jpg", "y/c.jpg"))
    monkeypatch.chdir(tmp_path)
    assert find_files(["x/b.jpg", "x/*.jpg", "**/c.jpg", "y"])[0] == [b, a, c]


def test_a_name_that_is_wrong_is_answered_with_near_ones(tmp_path: Path) -> None:
    make(tmp_path / "holiday.jpg")
    with pytest.raises(InputError, match=r"did you mean holiday\.jpg"):
        find_files([str(tmp_path / "holidy.jpg")])
    with pytest.raises(InputError, match="matches no file"):
        find_files([str(tmp_path / "*.tif")])


def test_an_unchanged_photo_is_not_decoded_again(tmp_path: Path, index: PhotoIndex) -> None:
    path = make(tmp_path / "photo.png", (255, 0, 0))
    first = index_photos([path], index, Silent())
    before = path.stat()
    # Other bytes of the same length and time: only somebody who decoded the file would notice.
    path.write_bytes(b"\0" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = index_photos([path], index, Silent())
    assert again.photos == first.photos
    assert (again.tiles == first.tiles).all()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    changed = index_photos([path], index, Silent())
    assert not changed.photos
    assert "not a picture" in changed.skipped[0].reason


def test_unreadable_photos_are_listed_and_the_rest_goes_on(tmp_path: Path, index: PhotoIndex) -> None:
    good = make(tmp_path / "good.jpg")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good.read_bytes()[:200])
    library = index_photos([empty, good, cut], index, Silent())
    assert [photo.path for photo in library.photos] == [good]
    assert {item.path: item.reason.split()[1] for item in library.skipped} == {empty: "empty", cut: "damaged"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_an_endless_pipe_is_skipped(tmp_path: Path, index: PhotoIndex) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    library = index_photos([tmp_path / "pipe.jpg"], index, Silent())
    assert library.skipped[0].reason == "is not a file"


def test_a_damaged_index_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with PhotoIndex(file) as opened:
        assert len(index_photos([make(tmp_path / "a.jpg")], opened, Silent()).photos) == 1
    assert (tmp_path / "index.sqlite.damaged").exists()


def test_an_index_that_is_damaged_within_is_set_aside(tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{i}.jpg", (i, 0, 0), (300, 300)) for i in range(40)]
    file = tmp_path / "index.sqlite"
    with PhotoIndex(file) as opened:
        index_photos(paths, opened, Silent())
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xaa" * (len(data) - 4096)
    file.write_bytes(bytes(data))
    with PhotoIndex(file) as opened:
        assert len(index_photos(paths, opened, Silent()).photos) == 40
    assert (tmp_path / "index.sqlite.damaged").exists()


@pytest.mark.skipif(os.name != "posix", reason="names are text on Windows")
def test_a_name_that_is_no_text_is_a_name(tmp_path: Path, index: PhotoIndex) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.png")
    make(tmp_path / "plain.png").rename(name)
    for _ in range(2):
        assert [photo.path for photo in index_photos([name], index, Silent()).photos] == [name]


def test_a_crop_off_the_middle_is_shown_at_every_size(tmp_path: Path, index: PhotoIndex) -> None:
    picture = Image.new("RGB", (900, 600), (0, 255, 0))
    picture.paste((255, 0, 0), (0, 0, 300, 300))
    picture.save(tmp_path / "it.png")
    (photo,) = index_photos([tmp_path / "it.png"], index, Silent()).photos
    library = reopen([replace(photo, crop=(0, 0, 300))], index, Silent())
    assert (library.tiles[0] == (255, 0, 0)).all()
    for side in (64, 256, 512):
        assert (library.square(library.photos[0], side) == (255, 0, 0)).all()


def test_a_tile_is_the_middle_of_the_photo(cover: Path, index: PhotoIndex) -> None:
    library = index_photos([cover], index, Silent())
    (photo,) = library.photos
    assert (photo.size, photo.crop) == ((640, 427), (106, 0, 427))
    middle = read_picture(cover).pixels[:, 106 : 106 + 427]
    assert np.abs(np.array(photo.mean) * 255 - middle.mean(axis=(0, 1))).max() < 8  # light is averaged, not numbers
    # From the thumbnail and from the file itself: the same picture.
    small, large = library.square(photo, 128), library.square(photo, 427)
    assert small.shape == (128, 128, 3)
    assert np.abs(large.astype(int) - middle).max() == 0
    assert np.abs(small.mean() - large.mean()) < 5


def test_a_vanished_photo_is_shown_from_its_thumbnail(tmp_path: Path, index: PhotoIndex) -> None:
    path = make(tmp_path / "photo.png", (10, 200, 30), (600, 600))
    library = index_photos([path], index, Silent())
    path.unlink()
    assert np.abs(library.square(library.photos[0], 512).mean(axis=(0, 1)) - (10, 200, 30)).max() < 3


def test_parts_are_thousands_at_several_scales(cover: Path, index: PhotoIndex) -> None:
    library = cut_parts(cover, [], index, Silent())
    whole, *parts = library.photos
    assert not whole.is_part
    assert 3000 < len(parts) < 7000
    assert len({photo.crop[2] for photo in parts}) >= 6
    pixels = read_picture(cover).pixels
    for number in range(1, len(library.photos), 501):
        left, top, side = library.photos[number].crop
        assert 0 <= left <= 640 - side
        assert 0 <= top <= 427 - side
        shown = pixels[top : top + side, left : left + side].mean(axis=(0, 1))
        assert np.abs(library.tiles[number].mean(axis=(0, 1)) - shown).max() < 16
        assert (
            np.abs(library.tiles[number].mean(axis=(0, 1)) - np.array(library.photos[number].mean) * 255).max() < 0.01
        )


def test_photos_of_a_map_are_found_again_or_named(tmp_path: Path, cover: Path, index: PhotoIndex) -> None:
    paths = [make(tmp_path / f"{i}.jpg", (i * 20, 0, 0)) for i in range(5)]
    photos = index_photos(paths, index, Silent()).photos
    parts = cut_parts(cover, [], index, Silent()).photos[:40:10]
    again = reopen([photos[3], *parts, photos[1]], index, Silent())
    assert again.photos == [photos[3], *parts, photos[1]]
    paths[3].unlink()
    with pytest.raises(InputError, match=r"3\.jpg of this map is gone"):
        reopen(photos, index, Silent())
    make(paths[3], (0, 0, 255))
    with pytest.raises(InputError, match=r"3\.jpg changed"):
        reopen(photos, index, Silent())
