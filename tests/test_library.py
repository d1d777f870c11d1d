import contextlib
import glob
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import difference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer.encoder import ffmpeg_path, run_ffmpeg
from renderer.errors import InputError
from renderer.library import (
    Archive,
    Filter,
    Library,
    cut_parts,
    file_digest,
    filtered,
    find_files,
    find_photo,
    reopen,
    without_duplicates,
)
from renderer.library.checking import near_duplicates
from renderer.library.crops import crop_box, cut
from renderer.messages import as_argument, spelled
from renderer.names import expand_glob
from renderer.pictures import read_picture, resize
from renderer.progress import Silent


def make(path: Path, colour: tuple[int, int, int] = (200, 50, 50), size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive(Silent()) as opened:
        yield opened


def pieces(cover: Path) -> Library:
    return cut_parts(cover, read_picture(cover), file_digest(cover), [], Silent())


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    visible = [make(tmp_path / name) for name in ("b.jpg", "a.png", "deep/er/c.JPG")]
    for name in (".hidden.jpg", ".cache/d.jpg", "deep/.e/f.jpg"):
        make(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert find_files([str(tmp_path)]) == ([visible[1], visible[0], visible[2]], [])


def test_files_globs_and_folders_can_be_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (make(tmp_path / name) for name in ("x/a.jpg", "x/b.jpg", "y/c.jpg"))
    monkeypatch.chdir(tmp_path)
    assert find_files(["x/b.jpg", "x/*.jpg", "**/c.jpg", "y"])[0] == [b, a, c]


def test_existing_folders_match_literally_in_a_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [make(tmp_path / "photos [2024]" / "trip [1]" / name) for name in ("a.jpg", "b[2].jpg")]
    other = make(tmp_path / "photos 2" / "trip 1" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    assert find_files(["photos [2024]/trip [1]/*.jpg"])[0] == wanted
    assert find_files(["photos [2024]/**/b[2].jpg"])[0] == [wanted[1]]
    assert find_files(["photos [2-9]/**"])[0] == [other]
    with Archive(Silent()) as archive:
        assert archive.folders(["photos [2024]/trip [1]/*.jpg"]) == [wanted[0].parent]


NAMES = ("a", "b", ".a", "ab", "a[b]", "A")


@given(
    st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), max_size=6),
    st.lists(st.sampled_from(("*", "a*", "?", "[ab]", "**", ".*", "b", "a[[]b]")), min_size=1, max_size=4),
)
@example([], ["b", "**"])
@settings(max_examples=60)
def test_globs_match_as_in_python(files: list[list[str]], pattern: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for parts in files:
            with contextlib.suppress(OSError):  # a folder where a file should be, or the reverse
                Path(folder, *parts).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, *parts).touch()
        expected = glob.glob(str(Path(folder, *pattern)), recursive=True)  # noqa: PTH207 (it takes this pattern)
        existing = {Path(path) for path in expected if os.path.lexists(path)}  # without b: Python returns b/ for b/**
        assert expand_glob(Path(folder, *pattern)) == sorted(existing, key=str)


COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system normalizes names")
@pytest.mark.parametrize(("stored", "requested"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_match_in_any_unicode_form(tmp_path: Path, archive: Archive, stored: str, requested: str) -> None:
    photo = make(tmp_path / stored / f"{stored} 1.jpg")
    other = make(tmp_path / "plain.jpg", (0, 0, 200))
    for source in (
        f"{requested}/{requested} 1.jpg",
        f"{requested}/*.jpg",
        f"{requested}/{requested}*",
        f"**/{requested}*.jpg",
        requested,
    ):
        assert find_files([str(tmp_path / source)])[0] == [photo]
    library = archive.open_files([other, photo])
    for name in (f"{requested} 1.jpg", f"{requested} 1", str(tmp_path / requested / f"{requested} 1.jpg")):
        assert find_photo(name, library.photos) == 1
        assert find_photo(name, list(library.photos)) == 1
    for pattern in (f"{requested}*", requested, f"{requested}/*.jpg", str(tmp_path / requested / "*")):
        left = filtered(library, Filter(exclude=(pattern,)), [tmp_path])
        assert [photo.path for photo in left.photos] == [other]


@pytest.mark.skipif(os.name != "posix", reason="names are text on Windows")
def test_a_photo_is_found_by_a_path_with_dots(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "photos" / "a.jpg")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    photos = archive.open(["../photos"]).photos
    assert photos.find_by_name("../photos/a.jpg") == photos.find_by_name("./../work/../photos/a.jpg") == 0
    assert photos.find_by_name("../work/a.jpg") is None


def test_a_photo_is_found_by_a_name_that_is_not_utf8(tmp_path: Path, archive: Archive) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    make(tmp_path / "plain.png").rename(tmp_path / name)
    assert find_photo(name, archive.open_files([tmp_path / name]).photos) == 0


def test_a_wrong_name_suggests_similar_ones(tmp_path: Path) -> None:
    make(tmp_path / "holiday.jpg")
    with pytest.raises(InputError, match=r"did you mean holiday\.jpg"):
        find_files([str(tmp_path / "holidy.jpg")])
    with pytest.raises(InputError, match="matches no file"):
        find_files([str(tmp_path / "*.tif")])


def test_an_unchanged_photo_is_not_decoded_again(tmp_path: Path, archive: Archive) -> None:
    path = make(tmp_path / "photo.png", (255, 0, 0))
    first = archive.open_files([path])
    before = path.stat()
    # Other bytes with the same length and time: only decoding the file would reveal the change.
    path.write_bytes(b"\0" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = archive.open_files([path])
    assert list(again.photos) == list(first.photos)
    assert (again.tiles == first.tiles).all()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    changed = archive.open_files([path])
    assert not changed.photos
    assert "not a picture in a supported format" in changed.skipped[0].reason


def test_unreadable_photos_are_listed_and_the_others_are_used(tmp_path: Path, archive: Archive) -> None:
    good = make(tmp_path / "good.jpg")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good.read_bytes()[:200])
    library = archive.open_files([empty, good, cut])
    assert [photo.path for photo in library.photos] == [good]
    assert {item.path: item.reason.split()[1] for item in library.skipped} == {empty: "empty", cut: "damaged"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only Unix has named pipes")
def test_an_endless_pipe_is_skipped(tmp_path: Path, archive: Archive) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    library = archive.open_files([tmp_path / "pipe.jpg"])
    assert library.skipped[0].reason == "is not a file but a pipe or a device"


class Recorder(Silent):
    """Progress that records the notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)


@pytest.mark.parametrize("damaged_from", [0, 4096])
def test_a_damaged_index_is_reported_renamed_and_rebuilt(tmp_path: Path, damaged_from: int) -> None:
    paths = [make(tmp_path / f"{i}.jpg", (i, 0, 0), (300, 300)) for i in range(40)]
    with Archive(Silent()) as archive:
        file = archive.cache_index().path
        archive.open_files(paths)
    data = bytearray(file.read_bytes())
    data[damaged_from:] = b"\xaa" * (len(data) - damaged_from)
    file.write_bytes(bytes(data))
    recorder = Recorder()
    with Archive(recorder) as archive:
        library = archive.open_files(paths)
        assert len(library.photos) == 40
        assert library.tile(library.photos[7], 32, 32).mean() > 1
    assert "is damaged" in recorder.notices[0]
    assert file.with_name(f"{file.name}.damaged").exists()


@pytest.mark.skipif(os.name != "posix", reason="names are text on Windows")
def test_a_photo_whose_name_is_not_utf8_is_indexed(tmp_path: Path, archive: Archive) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.png")
    make(tmp_path / "plain.png").rename(name)
    for _ in range(2):
        assert [photo.path for photo in archive.open_files([name]).photos] == [name]


def test_an_off_centre_crop_is_shown_at_every_size(tmp_path: Path, archive: Archive) -> None:
    picture = Image.new("RGB", (900, 600), (0, 255, 0))
    picture.paste((255, 0, 0), (0, 0, 300, 300))
    picture.save(tmp_path / "it.png")
    (photo,) = archive.open_files([tmp_path / "it.png"]).photos
    library = reopen(archive, [replace(photo, crop=(0, 0, 300, 300))], Silent())
    # Small sizes from the thumbnail, a JPEG, and large ones from the file.
    for square in (library.tiles[0], *(library.tile(library.photos[0], side, side) for side in (64, 256))):
        assert np.abs(square.astype(int) - (255, 0, 0)).mean() < 2
    assert (library.tile(library.photos[0], 512, 512) == (255, 0, 0)).all()


def test_a_centred_tile_is_the_middle_of_the_photo(cover: Path) -> None:
    with Archive(Silent(), crop="centre") as archive:
        check_tile_of_the_middle(cover, archive.open_files([cover]))


def check_tile_of_the_middle(cover: Path, library: Library) -> None:
    (photo,) = library.photos
    assert (photo.size, photo.crop) == ((640, 427), (106, 0, 427, 427))
    middle = read_picture(cover).pixels[:, 106 : 106 + 427]
    assert np.abs(np.array(photo.mean) * 255 - middle.mean(axis=(0, 1))).max() < 8  # the mean is of linear light
    # The thumbnail and the file give the same picture.
    small, large = library.tile(photo, 128, 128), library.tile(photo, 427, 427)
    assert small.shape == (128, 128, 3)
    assert np.abs(large.astype(int) - middle).max() == 0
    assert np.abs(small.mean() - large.mean()) < 5


def test_a_deleted_photo_is_shown_from_its_thumbnail(tmp_path: Path, archive: Archive) -> None:
    path = make(tmp_path / "photo.png", (10, 200, 30), (600, 600))
    library = archive.open_files([path])
    path.unlink()
    assert np.abs(library.tile(library.photos[0], 512, 512).mean(axis=(0, 1)) - (10, 200, 30)).max() < 3


@pytest.mark.parametrize("change", ["its size", "its time"])
def test_pixels_of_a_file_that_changed_since_it_was_indexed_are_not_used(
    tmp_path: Path, archive: Archive, change: str
) -> None:
    path = make(tmp_path / "photo.png", (10, 200, 30), (600, 600))
    library = archive.open_files([path])
    before = path.stat()
    make(path, (255, 0, 0), (600, 600))
    if change == "its size":
        path.write_bytes(path.read_bytes() + bytes(500))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for pixels in (library.tile(library.photos[0], 512, 512), library.whole(library.photos[0], 500, 500)):
        assert np.abs(pixels.mean(axis=(0, 1)) - (10, 200, 30)).max() < 4
    # Another process refreshes the index: these photos are still those that were opened.
    with Archive(Silent()) as other:
        assert other.open_files([path]).means[0].tolist() == [1, 0, 0]
    assert np.abs(library.tile(library.photos[0], 512, 512).mean(axis=(0, 1)) - (10, 200, 30)).max() < 4


def test_there_are_thousands_of_parts_at_several_scales(cover: Path) -> None:
    library = pieces(cover)
    whole, *parts = library.photos
    assert not whole.is_part
    assert 3000 < len(parts) < 7000
    assert len({photo.crop[2] for photo in parts}) >= 6
    pixels = read_picture(cover).pixels
    for number in range(1, len(library.photos), 501):
        left, top, side, _ = library.photos[number].crop
        assert 0 <= left <= 640 - side
        assert 0 <= top <= 427 - side
        shown = pixels[top : top + side, left : left + side].mean(axis=(0, 1))
        assert np.abs(library.tiles[number].mean(axis=(0, 1)) - shown).max() < 16
        assert (
            np.abs(library.tiles[number].mean(axis=(0, 1)) - np.array(library.photos[number].mean) * 255).max() < 0.01
        )


def test_a_deleted_photo_is_shown_whole_from_its_thumbnail(tmp_path: Path, archive: Archive) -> None:
    path = tmp_path / "photo.png"
    picture = Image.new("RGB", (900, 300), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 300, 300))
    picture.save(path)
    library = archive.open_files([path])
    path.unlink()
    whole = library.whole(library.photos[0], 450, 150)
    assert np.abs(whole[75, [20, 430]].astype(int) - [(255, 0, 0), (0, 0, 255)]).max() < 4


class TestPhotosOfASavedMap:
    def test_are_found_at_their_old_paths(self, tmp_path: Path, cover: Path, archive: Archive) -> None:
        photos = archive.open_files([make(tmp_path / f"{i}.jpg", (i * 20, 0, 0)) for i in range(5)]).photos
        wanted = [photos[3], *list(pieces(cover).photos)[:40:10], photos[1]]
        again = reopen(archive, wanted, Silent())
        assert list(again.photos) == wanted

    def test_are_found_at_their_new_paths(self, tmp_path: Path, archive: Archive) -> None:
        photos = list(archive.open_files([make(tmp_path / f"{i}.jpg", (i * 20, 0, 0)) for i in range(5)]).photos)
        (tmp_path / "new").mkdir()
        for photo in photos[2:]:
            photo.path.rename(tmp_path / "new" / photo.path.name)
        recorder = Recorder()
        again = reopen(archive, photos, recorder, [str(tmp_path / "new")])
        assert [photo.path.parent.name for photo in again.photos] == [tmp_path.name] * 2 + ["new"] * 3
        assert [photo.digest for photo in again.photos] == [photo.digest for photo in photos]
        assert recorder.notices == []

    def test_are_shown_from_their_thumbnails_if_they_are_missing(self, tmp_path: Path, archive: Archive) -> None:
        photos = list(archive.open_files([make(tmp_path / f"{i}.jpg", (9, i * 20, 0)) for i in range(5)]).photos)
        photos[3].path.unlink()
        recorder = Recorder()
        again = reopen(archive, photos, recorder)
        assert re.fullmatch(
            r"1 photo of this map is missing or changed \(.*3\.jpg\)\. Thumbnails .*tiles=FOLDER.*",
            spelled(recorder.notices[0], as_argument),
        )
        assert np.abs(again.tile(again.photos[3], 512, 512).mean(axis=(0, 1)) - (9, 60, 0)).max() < 4

    def test_are_named_in_the_error_if_they_have_no_thumbnail(
        self, tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = make(tmp_path / "it.jpg")
        photos = list(archive.open_files([path]).photos)
        make(path, (0, 0, 255), (50, 50))
        monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path / "another"))
        with (
            Archive(Silent()) as empty,
            pytest.raises(
                InputError, match=r"1 photo of this map is missing or changed \(.*it\.jpg\): use tiles=FOLDER"
            ),
        ):
            reopen(empty, photos, Silent())


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_the_smart_square_is_inside_the_picture_and_as_large_as_possible(width: int, height: int, seed: int) -> None:
    scale = min(64 / min(width, height), 1.0)
    shape = (max(round(height * scale), 1), max(round(width * scale), 1), 3)
    if max(shape) > 4000:
        return
    noise = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    left, top, side, along = crop_box(noise, (width, height), "smart")
    assert side == along == min(width, height)
    assert 0 <= left <= width - side
    assert 0 <= top <= height - side
    assert cut(noise, (left, top, side, side), (width, height)).shape[:2] == (min(shape[:2]),) * 2


@pytest.mark.parametrize("middle", [60, 240])
def test_the_smart_square_contains_the_subject(cover: Path, middle: int) -> None:
    plain = Image.new("RGB", (300, 100), (120, 150, 200))
    with Image.open(cover) as picture:
        plain.paste(picture.resize((60, 60)), (middle - 30, 20))
    left, _, side, _ = crop_box(np.asarray(plain), (300, 100), "smart")
    assert left <= middle - 30
    assert middle + 30 <= left + side
    assert crop_box(np.full((100, 300, 3), 90, np.uint8), (300, 100), "smart") == (100, 0, 100, 100)


def test_unusable_files_are_skipped_with_their_reasons(tmp_path: Path, archive: Archive) -> None:
    folder = tmp_path / "photos"
    good = [make(folder / name) for name in ("a.jpg", "deep/b.png")]
    make(folder / "text.png").rename(folder / "really-a-picture.jpg")
    good.append(folder / "really-a-picture.jpg")
    for name in (".DS_Store", "notes.txt", "IMG_1.AAE", "IMG_1.xmp", "._a.jpg", "Thumbs.db", "song.mp3", "film.mov"):
        (folder / name).write_text("not for you")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("holiday " * 99)
    (folder / "cut.jpg").write_bytes(good[0].read_bytes()[:300])
    (folder / "raw.nef").write_text("raw " * 99)
    (folder / "folder.png").mkdir()
    wanted = {
        "empty.jpg": "is empty", "text.jpg": "is not a picture in a supported format", "cut.jpg": "is damaged", "raw.nef": "raw file",
        "folder.png": "a folder",
    }  # fmt: skip
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
        (folder / "itself.jpg").symlink_to(folder / "itself.jpg")
        (folder / "nowhere.jpg").symlink_to(folder / "nothing")
        (folder / "deep" / "round").symlink_to(folder)
        wanted |= {
            "pipe.jpg": "a pipe", "itself.jpg": "is a broken link", "nowhere.jpg": "is a broken link",
            "round": "a link to one of its parent folders",
        }  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        make(folder / "closed.jpg").chmod(0)
        (folder / "closed").mkdir(mode=0)
        wanted |= {"closed.jpg": "can't be read", "closed": "can't be read"}
    for _ in range(2):  # the second time from the index
        library = archive.open([str(folder)])
        assert sorted(photo.path for photo in library.photos) == sorted(good)
        found = {item.path.name: item.reason for item in library.skipped}
        assert found.keys() == wanted.keys()
        for name, reason in wanted.items():
            assert reason in found[name], name


def test_folders_nested_deeper_than_the_recursion_limit_are_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "a"
    folder.mkdir(parents=True)
    make(folder / "it.png")
    assert len(find_files([str(tmp_path)])[0]) == 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video, 64 × 36: red, then blue."""
    path = tmp_path_factory.mktemp("clips") / "IMG_7.MOV"
    source = "color=red:size=64x36:duration=1[a];color=blue:size=64x36:duration=1[b];[a][b]concat"
    assert run_ffmpeg("-f", "lavfi", "-i", f"{source}=n=2", "-pix_fmt", "yuv420p", str(path)).returncode == 0
    return path


def test_video_frames_can_be_tiles(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "IMG_7.MOV").write_bytes(clip.read_bytes())
    make(tmp_path / "photo.png", (0, 255, 0))
    (tmp_path / "broken.mp4").write_text("no video")
    with Archive(Silent()) as archive:
        assert [photo.path.name for photo in archive.open([str(tmp_path)]).photos] == ["photo.png"]
    with Archive(Silent(), video_frames=2) as archive:
        library = archive.open([str(tmp_path)])
        assert [(photo.path.name, photo.time) for photo in library.photos] == [
            ("IMG_7.MOV", 0.5), ("IMG_7.MOV", 1.5), ("photo.png", None),
        ]  # fmt: skip
        assert [item.path.name for item in library.skipped] == ["broken.mp4"]
        red, blue, _ = library.means
        assert (red[0] > 0.9, blue[2] > 0.9) == (True, True)
        assert library.tile(library.photos[1], 300, 300)[150, 150, 2] > 220
        assert len(set(library.groups.tolist())) == 3
        again = reopen(archive, list(library.photos), Silent())
        assert list(again.photos) == list(library.photos)
    with Archive(Silent(), video_frames=3) as archive:
        assert len(archive.open([str(tmp_path)]).photos) == 4


def make_clip(path: Path, *options: str, size: str = "64x48") -> Path:
    """Make four seconds of red video, ten frames per second, each a key frame."""
    source = ("-f", "lavfi", "-i", f"color=red:size={size}:duration=4:rate=10")
    assert run_ffmpeg(*source, "-g", "1", "-pix_fmt", "yuv420p", *options, "-y", str(path)).returncode == 0
    return path


@pytest.mark.parametrize(
    ("pixel_aspect", "rotation", "size"),
    [("3/2", "0", (96, 48)), ("2/3", "0", (64, 72)), ("1", "90", (48, 64)), ("3/2", "90", (48, 96)), ("4000", "0", (64, 48))],
)  # fmt: skip
def test_a_video_frame_has_its_display_shape(
    tmp_path: Path, pixel_aspect: str, rotation: str, size: tuple[int, int]
) -> None:
    coded = make_clip(tmp_path / "coded.mov", "-vf", f"setsar={pixel_aspect}")
    turned = ("-display_rotation", rotation, "-i", str(coded), "-c", "copy", str(tmp_path / "clip.mov"))
    assert run_ffmpeg(*turned).returncode == 0
    with Archive(Silent(), video_frames=1) as archive:
        (photo,) = archive.open([str(tmp_path / "clip.mov")]).photos
    assert photo.size == size


def test_the_intact_frames_of_a_truncated_clip_are_used(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv")
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with Archive(Silent(), video_frames=4) as archive:
        library = archive.open([str(clip)])
        times = [photo.time for photo in library.photos]
    assert (times[:1], len(times) < 4, library.skipped) == ([0.5], True, [])


def test_a_playlist_with_a_video_suffix_opens_no_other_file(tmp_path: Path) -> None:
    make_clip(tmp_path / "private.ts")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile private.ts\nduration 4\n")
    with Archive(Silent(), video_frames=2) as archive:
        library = archive.open([str(tmp_path / "list.mp4")])
    assert (len(library.photos), library.skipped[0].reason) == (0, "is not a readable video")


@pytest.mark.skipif(os.name != "posix", reason="the replacement for ffmpeg is a shell script")
@pytest.mark.parametrize(
    "stub",
    [
        "kill -9 $$",
        'case "$*" in *image2pipe*) kill -9 $$ ;; esac; "$FFMPEG" "$@"',
        '"$FFMPEG" "$@"; case "$*" in *image2pipe*) echo "Cannot allocate memory" >&2; exit 69 ;; esac',
        "exit 251",  # ffmpeg's exit code for an I/O error of a disk
    ],
)
def test_a_clip_is_read_again_after_a_transient_failure(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, stub: str
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{stub}\n")
    program.chmod(0o755)
    with Archive(Silent(), video_frames=2) as archive:
        with monkeypatch.context() as patch:
            patch.setenv("FFMPEG", ffmpeg_path())
            patch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
            library = archive.open([str(clip)])
            assert (len(library.photos), [item.path for item in library.skipped]) == (0, [clip])
        assert len(archive.open([str(clip)]).photos) == 2


def test_a_live_photo_is_counted_once(tmp_path: Path, clip: Path) -> None:
    make(tmp_path / "IMG_7.png")
    (tmp_path / "IMG_7.MOV").write_bytes(clip.read_bytes())
    assert [path.name for path in find_files([str(tmp_path)], clips=True)[0]] == ["IMG_7.png"]


def test_near_duplicates_are_found_by_structure_and_colour(tmp_path: Path, cover: Path, archive: Archive) -> None:
    with Image.open(cover) as picture:
        picture.save(tmp_path / "original.png")
        picture.resize((320, 213)).save(tmp_path / "smaller.jpg", quality=60)
        Image.fromarray(np.asarray(picture)[..., ::-1]).save(tmp_path / "other-colours.png")
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
        for number in range(2):
            noise = np.random.default_rng(number).normal(0, 3, (4, 4, 1))
            Image.fromarray((noise + np.array([60, 90, 160])).astype(np.uint8)).resize((256, 256)).save(
                tmp_path / f"sky{number}.png"
            )
    (tmp_path / "copy.png").write_bytes((tmp_path / "original.png").read_bytes())
    library = archive.open([str(tmp_path)])
    name = [photo.path.name for photo in library.photos]
    (group,) = near_duplicates(library)
    assert name[group[0]] in ("original.png", "copy.png")
    assert {name[number] for number in group} == {"original.png", "copy.png", "smaller.jpg"}
    fewer, left_out = without_duplicates(library)
    assert (len(fewer.photos), left_out) == (len(library.photos) - 2, 2)
    assert "smaller.jpg" not in [photo.path.name for photo in fewer.photos]


def test_only_copies_share_a_group(tmp_path: Path, cover: Path, archive: Archive) -> None:
    paths = [make(tmp_path / f"{i}.png", (i, 0, 0)) for i in range(4)]
    paths.append(tmp_path / "copy.png")
    paths[4].write_bytes(paths[1].read_bytes())
    library = archive.open_files(paths)
    groups = library.groups.tolist()
    assert groups[4] == groups[1]
    assert len(set(groups)) == 4
    parts = pieces(cover)
    assert len(set(parts.groups.tolist())) == len(parts.photos)
    assert parts.photos.find(list(parts.photos)[5:9]).tolist() == [5, 6, 7, 8]


def test_libraries_can_be_combined_and_split(tmp_path: Path, cover: Path, archive: Archive) -> None:
    indexed = archive.open_files([make(tmp_path / f"{i}.png", (i * 30, 0, 0)) for i in range(5)])
    parts = pieces(cover).take(np.arange(0, 40, 10))
    joined = indexed.combined(parts)
    assert list(joined.photos) == [*indexed.photos, *parts.photos]
    assert (joined.tiles == np.concatenate([indexed.tiles, parts.tiles])).all()
    some = joined.take(np.array([7, 2]))
    assert list(some.photos) == [joined.photos[7], joined.photos[2]]
    assert (some.tiles == joined.tiles[[7, 2]]).all()
    assert (some.signatures == joined.signatures[[7, 2]]).all()
    assert [photo.path for photo in joined.photos[1:3]] == [indexed.photos[1].path, indexed.photos[2].path]


def test_a_piece_is_the_same_at_every_level(cover: Path) -> None:
    """Small levels are cut when the cover is read, large ones when they are drawn."""
    library = pieces(cover)
    for number in range(1, len(library.photos), 97):
        photo = library.photos[number]
        assert difference(resize(library.tile(photo, *photo.crop[2:]), 32, 32), library.tiles[number]).mean() < 0.5


def make_dated(path: Path, time: str) -> Path:
    """Make a photo with a capture time, such as `2024:05:31 12:00:00`, or else with a modification time in 2020."""
    exif = Image.Exif()
    if time:
        exif.get_ifd(0x8769)[0x9003] = time
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (len(path.name), 50, 50)).save(path, exif=exif)
    os.utime(path, (1_590_000_000, 1_590_000_000))
    return path


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Filter(since="2024"), {"may.jpg", "june.jpg"}),
        (Filter(since="2024-06"), {"june.jpg"}),
        (Filter(until="2024-05-31"), {"may.jpg", "plain.png", "grab1.png"}),
        (Filter(since="2020", until="2020-05"), {"plain.png", "grab1.png"}),
        (Filter(exclude=("screens",)), {"may.jpg", "june.jpg", "plain.png"}),
        (Filter(exclude=("screens/*",)), {"may.jpg", "june.jpg", "plain.png"}),
        (Filter(exclude=("*.png", "trip/may.*")), {"june.jpg"}),
        (Filter(exclude=("p*",)), {"may.jpg", "june.jpg", "grab1.png"}),
        (Filter(exclude=("photos", "photos/*")), {"may.jpg", "june.jpg", "plain.png", "grab1.png"}),
    ],
    ids=lambda value: str(value) if isinstance(value, Filter) else "",
)
def test_filters_exclude_photos(tmp_path: Path, archive: Archive, wanted: Filter, left: set[str]) -> None:
    folder = tmp_path / "photos"
    make_dated(folder / "trip" / "may.jpg", "2024:05:31 23:59:59")
    make_dated(folder / "june.jpg", "2024:06:01 00:00:00")
    make_dated(folder / "plain.png", "")
    make_dated(folder / "trip" / "screens" / "grab1.png", "")
    library = archive.open([str(folder)])
    found = filtered(library, wanted, archive.folders([str(folder)]))
    assert {photo.path.name for photo in found.photos} == left
    assert len(found.tiles) == len(left)
    absolute = Filter(exclude=(str(folder / "trip"),))
    assert len(filtered(library, absolute, archive.folders([str(folder)])).photos) == 2


def test_wildcards_in_a_pattern_also_match_literally(tmp_path: Path, archive: Archive) -> None:
    for name in ("trip [a]/may.jpg", "july[7].jpg", "june.jpg"):
        make_dated(tmp_path / name, "")
    found = filtered(archive.open([str(tmp_path)]), Filter(exclude=("trip [a]", "july[7].jpg")), [tmp_path])
    assert [photo.path.name for photo in found.photos] == ["june.jpg"]


def test_filters_that_exclude_every_photo_are_errors(tmp_path: Path, archive: Archive) -> None:
    make_dated(tmp_path / "may.jpg", "2024:05:31 23:59:59")
    with pytest.raises(InputError, match="since=2025 excludes the only photo, taken from 2024-05-31 to 2024-05-31"):
        filtered(archive.open([str(tmp_path)]), Filter(since="2025"), [tmp_path])
    with pytest.raises(InputError, match="exclude= is empty"):
        filtered(archive.open([str(tmp_path)]), Filter(exclude=("",)), [tmp_path])
    with pytest.raises(InputError, match="until=2024-04 is before since=2024-05"):
        filtered(archive.open([str(tmp_path)]), Filter(since="2024-05", until="2024-04"), [tmp_path])
