"""Exported photos: the same pixels on a machine that doesn't have the photos."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from animations.disperse import Disperse
from animations.zoom import Zoom
from renderer.descriptors import MixedRatio
from renderer.encoder import ffmpeg_path, run_ffmpeg
from renderer.errors import InputError, RenderError
from renderer.grid import make_grid
from renderer.job import FrameSource, MatchSettings, open_frames, open_mosaic, photos_drawn_large, sample_pictures
from renderer.library import (
    Archive,
    Library,
    Photo,
    cut_parts,
    export_photos,
    file_digest,
    find_photo,
    open_exported,
    reopen,
)
from renderer.matching import match_photos
from renderer.pictures import read_picture
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import OutputSettings
from renderer.shapes import TileShape
from renderer.textures import Textures

WIDE = Fraction(3, 2)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20 real photos in several shapes, most larger than thumbnails; two are the same, one has faces."""
    folder = tmp_path_factory.mktemp("originals")
    random = np.random.default_rng(3)
    for number in range(18):
        with Image.open(sample_pictures()[number % 2]) as picture:
            width, height = (int(v) for v in random.integers(120, 420, 2))
            left, top = int(random.integers(0, 640 - width)), int(random.integers(0, 427 - height))
            crop = picture.crop((left, top, left + width, top + height))
            exif = Image.Exif()
            if number % 3:
                exif.get_ifd(0x8769)[0x9003] = f"2021:05:{number + 1:02} 10:00:00"
            crop.save(folder / f"photo{number:02}.{'png' if number % 5 == 0 else 'jpg'}", exif=exif)
    shutil.copy(folder / "photo01.jpg", folder / "the same.jpg")
    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.png")
    return folder


@pytest.fixture
def folder(tmp_path: Path, originals: Path) -> Path:
    """The user's folder of photos, which no other machine has."""
    return Path(shutil.copytree(originals, tmp_path / "photos"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Make this process one of another machine: without the user's cache and libraries, and in another time zone."""
    with pytest.MonkeyPatch.context() as patch:

        def move() -> None:
            for variable in ("MOSAIC_RENDERER_CACHE", "MOSAIC_RENDERER_LIBRARIES"):
                patch.setenv(variable, str(tmp_path / "never made"))
            patch.setenv("TZ", "Asia/Tokyo")
            if hasattr(time, "tzset"):
                time.tzset()

        yield move
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def indexed(opened: ExitStack, folder: Path) -> Library:
    return opened.enter_context(Archive(Silent())).open([str(folder)])


def of_two_indexes(opened: ExitStack, folder: Path) -> Library:
    centred = opened.enter_context(Archive(Silent(), crop="centre")).open([str(folder / "photo1*")])
    smart = indexed(opened, folder)
    return smart.take(np.arange(0, 20, 2)).combined(centred).combined(smart.take(np.array([3, 3, 19])))


def pieces(_opened: ExitStack, folder: Path) -> Library:
    covers = [folder / "astronaut.png", folder / "photo02.jpg"]
    picture, digest = read_picture(covers[0]), file_digest(covers[0])
    return cut_parts(covers[0], picture, digest, covers[1:], Silent()).take(np.arange(0, 4700, 47))


def reopened(opened: ExitStack, folder: Path) -> Library:
    """Photos of a saved map: in memory, with thumbnails of an index."""
    archive = opened.enter_context(Archive(Silent()))
    photos = list(archive.open([str(folder)]).cropped(WIDE).photos)
    return reopen(archive, photos[::-1], Silent(), ratio=WIDE)


def with_a_missing_photo(opened: ExitStack, folder: Path) -> Library:
    library = indexed(opened, folder)
    (folder / "photo03.jpg").unlink()
    return library


def frames_of_a_video(opened: ExitStack, folder: Path) -> Library:
    pattern = "testsrc2=size=400x300:rate=5:duration=2"
    arguments = ("-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", str(folder / "clip.mkv"))
    assert run_ffmpeg("-v", "error", *arguments).returncode == 0, ffmpeg_path()
    archive = opened.enter_context(Archive(Silent(), video_frames=3))
    return archive.open([str(folder / "clip.mkv"), str(folder / "photo02.jpg")])


LIBRARIES: dict[str, Callable[[ExitStack, Path], Library]] = {
    "photos": indexed,
    "some photos": lambda opened, folder: indexed(opened, folder).take(np.array([7, 2, 2, 19])),
    "cropped": lambda opened, folder: indexed(opened, folder).cropped(WIDE),
    "mixed": lambda opened, folder: indexed(opened, folder).cropped(MixedRatio(WIDE)),
    "two indexes": of_two_indexes,
    "two indexes, cropped": lambda opened, folder: of_two_indexes(opened, folder).cropped(WIDE),
    "pieces": pieces,
    "photos and pieces": lambda opened, folder: indexed(opened, folder).combined(pieces(opened, folder)),
    "reopened": reopened,
    "a missing photo": with_a_missing_photo,
    "a video": frames_of_a_video,
    "no photos": lambda opened, folder: indexed(opened, folder).take(np.arange(0)),
}


def about(library: Library) -> dict[str, object]:
    """All that is known about the photos of a library, and all that is drawn from them."""
    photos = library.photos
    known: dict[str, object] = {
        "photos": list(photos),
        "faces": [photo.faces for photo in photos],
        "tiles": library.tiles,
        "means": library.means,
        "signatures": library.signatures,
        "keys": photos.columns.key,
        "groups": library.groups,
        "descriptors": photos.descriptors_of(np.arange(len(photos))),
        "dates": photos.dates(),
        "upright": photos.are_upright(np.arange(len(photos))),
        "by size": [part for pair in library.tiles_by_size() for part in pair],
        "jpegs": library.jpegs(list(photos)[:60]),
    }
    if not len(photos):
        return known
    last = len(photos) - 1
    known["some tiles"] = library.tiles_of(np.array([last, 0, 0]))
    for photo in (photos[0], photos[last // 2], photos[last]):
        known[f"{photo.path.name} by name"] = [
            find_photo(name, photos) for name in (photo.path.name, photo.path.stem, str(photo.path), "other.jpg")
        ]
        known[f"{photo.path.name} by digest"] = photos.with_digests([photo.digest, "00" * 16])
    for number, photo in enumerate(list(photos)[:: max(len(photos) // 12, 1)]):
        for size in ((16, 16), (64, 64), (256, 256), (300, 200), (512, 512)):
            known[f"{number}: tile of {size}"] = library.tile(photo, *size)
        known[f"{number}: drawn"] = [
            library.whole(photo, 300, 200), library.whole(photo, 60, 40, sharp=False), library.overview(photo)
        ]  # fmt: skip
        known[f"{number}: framed"] = library.framed(photo, Fraction(16, 9), photo.faces)
    return known


def with_other_crops(library: Library) -> dict[str, object]:
    """All that is known about the photos of a library with other crops."""
    ratios = (Fraction(2, 3), Fraction(1), MixedRatio(Fraction(4, 3)))
    return {f"{ratio} {name}": value for ratio in ratios for name, value in about(library.cropped(ratio)).items()}


def assert_same(known: dict[str, object], expected: dict[str, object]) -> None:
    assert known.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_equal(known[name], value, name)


class Files:
    """Files of photos by their content, as another machine receives them."""

    def __init__(self, folder: Path) -> None:
        self.paths = {file_digest(path): path for path in folder.iterdir()}
        self.asked: list[Photo] = []

    def __call__(self, photo: Photo) -> Path:
        self.asked.append(photo)
        return self.paths[photo.digest]


def moved_away(folder: Path) -> Files:
    """The files of a folder, which does not exist any more."""
    return Files(folder.rename(folder.with_name("received")))


@pytest.mark.parametrize("kind", LIBRARIES)
def test_another_machine_draws_the_same(
    kind: str, tmp_path: Path, folder: Path, opened: ExitStack, elsewhere: Callable[[], None]
) -> None:
    library = LIBRARIES[kind](opened, folder)
    exported = tmp_path / "exported"
    export_photos(library, exported)
    expected, cropped = about(library), with_other_crops(library)
    assert kind != "photos" or any(photo.faces for photo in library.photos)
    opened.close()
    data, files = exported.read_bytes(), moved_away(folder)
    elsewhere()
    with open_exported(exported, files) as other:
        assert_same(about(other), expected)
        assert_same(with_other_crops(other), cropped)
        taken = np.arange(len(other.photos))[::-3]
        assert list(other.take(taken).photos) == list(other.photos.take(taken))
        assert list(other.combined(other).photos) == 2 * list(other.photos)
    assert exported.read_bytes() == data
    assert {path.name for path in tmp_path.iterdir()} == {"received", "exported"}
    assert files.asked or not expected["photos"]


@pytest.mark.parametrize("kind", LIBRARIES)
def test_the_bytes_depend_on_the_photos_alone(kind: str, tmp_path: Path, folder: Path, opened: ExitStack) -> None:
    library = LIBRARIES[kind](opened, folder)
    for name in ("first", "second"):
        export_photos(library, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    with open_exported(tmp_path / "first", Files(folder)) as other:
        export_photos(other, tmp_path / "third")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "third").read_bytes()


def test_the_bytes_do_not_depend_on_the_history_of_the_index(
    tmp_path: Path, folder: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_photos(indexed(opened, folder), tmp_path / "first")
    opened.close()
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path / "cache"))
    indexed(opened, folder / "photo07.jpg")
    export_photos(indexed(opened, folder), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("shape", [TileShape(), TileShape(ratio=WIDE), TileShape("mixed")])
def test_matching_gives_the_same_map(shape: TileShape, tmp_path: Path, folder: Path, opened: ExitStack) -> None:
    library = indexed(opened, folder)
    export_photos(library, tmp_path / "exported")
    cover = read_picture(sample_pictures()[0]).pixels
    grid = make_grid(640, 427, columns=12, tile_shape=shape)
    expected = match_photos(cover, grid, library.cropped(shape.crop_ratio), Silent())
    files = moved_away(folder)
    with open_exported(tmp_path / "exported", files) as other:
        placement = match_photos(cover, grid, other.cropped(shape.crop_ratio), Silent())
    assert placement.photos == expected.photos
    for name in ("cell", "photo", "symmetry", "gain", "offset", "cost"):
        assert (getattr(placement, name) == getattr(expected, name)).all()
    assert not files.asked


@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("animation", [Zoom(), Disperse()], ids=["zoom", "disperse"])
def test_frames_need_only_the_files_that_were_found_before(
    animation: Animation, planar: bool, tmp_path: Path, folder: Path
) -> None:
    settings = MatchSettings(tiles=(str(folder),), columns=4)
    size, output = (480, 960), OutputSettings(duration=1.2)  # a tile is 320 pixels wide
    with open_mosaic(sample_pictures()[0], settings, Silent()) as mosaic:
        export_photos(mosaic.library, tmp_path / "exported")
        with open_frames(mosaic, animation, size, output) as source:
            frames = range(source.stage.frames)
            large = photos_drawn_large(source, frames, planar=planar)
            assert not source.stage.textures.loaded_bytes
            expected = [drawn(source, number, planar=planar) for number in frames[::7]]
        files = moved_away(folder)
        with open_exported(tmp_path / "exported", files) as other:
            opened = replace(mosaic, library=other)
            with open_frames(opened, animation, size, output) as source:
                for number, frame in zip(frames[::7], expected, strict=True):
                    assert drawn(source, number, planar=planar) == frame
                for number in frames:
                    drawn(source, number, planar=planar)
    asked = {photo.digest for photo in files.asked}
    assert 0 < len(asked) < len(files.paths)
    assert asked == {photo.digest for photo in large}


def drawn(source: FrameSource, number: int, *, planar: bool) -> bytes:
    """The pixels of a frame."""
    if not planar:
        return source.picture(number).tobytes()
    width, height = source.stage.frame
    planes = [np.empty((height // each, width // each), np.uint8) for each in (1, 2, 2)]
    source.draw_planes(source.shot(number), (planes[0], planes[1], planes[2]))
    return b"".join(plane.tobytes() for plane in planes)


def test_a_piece_stands_for_the_file_of_all(folder: Path) -> None:
    with (
        open_mosaic(folder / "astronaut.png", MatchSettings(columns=5), Silent()) as mosaic,
        open_frames(mosaic, Zoom(), (200, 200), OutputSettings(duration=1.0)) as source,
    ):
        (photo,) = photos_drawn_large(source, range(source.stage.frames))
    assert photo.path == folder / "astronaut.png"


class NotSentError(RenderError):
    """The file of a photo has not been sent to this machine."""


def not_sent(photo: Photo) -> Path:
    raise NotSentError(f"{photo.path.name} has not been sent")


@pytest.mark.parametrize("kind", ["photos", "cropped", "pieces", "a video"])
def test_a_missing_file_is_an_error_and_no_thumbnail_replaces_it(
    kind: str, tmp_path: Path, folder: Path, opened: ExitStack
) -> None:
    export_photos(LIBRARIES[kind](opened, folder), tmp_path / "exported")
    with open_exported(tmp_path / "exported", not_sent) as other:  # whatever is at the photos' paths here
        photo = other.photos[len(other.photos) // 2]
        if not photo.is_part:
            assert other.tile(photo, 100, 100).shape == (100, 100, 3)
        for draw in (
            lambda: other.tile(photo, 400, 400),
            lambda: other.whole(photo, 400, 400),
            lambda: other.whole(photo, 400, 400, sharp=False),
        ):
            with pytest.raises(NotSentError, match=f"^{photo.path.name} has not been sent$"):
                draw()


def test_the_error_reaches_who_draws_through_loading_threads(tmp_path: Path, folder: Path, opened: ExitStack) -> None:
    export_photos(indexed(opened, folder), tmp_path / "exported")
    other = opened.enter_context(open_exported(tmp_path / "exported", not_sent))
    textures = Textures(50_000_000, 2)
    opened.callback(textures.close)
    number, photo = next((n, photo) for n, photo in enumerate(other.photos) if min(photo.crop[2:]) > 256)
    tile, whole = textures.add_tiles(other) + number, textures.add_whole(other, photo, 512, 512)
    textures.load(np.array([(tile, 1)], np.int32), 1)  # 256 texels
    for missing in ((tile, 0), (whole, 2)):
        textures.prefetch(np.array([missing], np.int32))
        with pytest.raises(NotSentError, match="has not been sent"):
            textures.load(np.array([missing], np.int32), 2)


def test_another_file_than_a_picture_is_an_error(tmp_path: Path, folder: Path, opened: ExitStack) -> None:
    export_photos(indexed(opened, folder), tmp_path / "exported")
    (tmp_path / "received.jpg").write_text("no picture")
    with (
        open_exported(tmp_path / "exported", lambda _photo: tmp_path / "received.jpg") as other,
        pytest.raises(InputError, match=r"received\.jpg is not a picture"),
    ):
        other.tile(other.photos[0], 400, 400)


def an_index(path: Path, folder: Path) -> None:
    with Archive(Silent()) as archive:
        archive.open([str(folder)])
        shutil.copy(archive.cache_index().path, path)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 40] = b"\xaa" * 4096 * 39
    path.write_bytes(bytes(data))


def without_blocks(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM block")
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, _folder: path.unlink(),
        lambda path, _folder: path.write_bytes(b""),
        lambda path, _folder: path.write_text("no database" * 1000),
        lambda path, folder: shutil.copy(folder / "photo01.jpg", path),
        an_index,
        lambda path, _folder: cut_off(path),
        lambda path, _folder: overwritten(path),
        lambda path, _folder: without_blocks(path),
    ],
)
def test_a_damaged_or_foreign_file_is_one_sentence(
    damage: Callable[[Path, Path], object], tmp_path: Path, folder: Path, opened: ExitStack
) -> None:
    exported = tmp_path / "exported"
    export_photos(indexed(opened, folder), exported)
    damage(exported, folder)
    with pytest.raises(RenderError, match=r"^[^\n]*exported[^\n]*$"), open_exported(exported, not_sent):
        pass
    assert not list(tmp_path.glob("*.damaged"))


def test_a_damaged_thumbnail_is_an_error(tmp_path: Path, folder: Path, opened: ExitStack) -> None:
    """The pixels of a photo's file, scaled down, would not be those of its thumbnail."""
    export_photos(indexed(opened, folder), tmp_path / "exported")
    with sqlite3.connect(tmp_path / "exported") as database:
        database.execute("DROP TABLE thumbnail")
    database.close()
    with open_exported(tmp_path / "exported", Files(folder)) as other:
        for draw in (lambda: other.tile(other.photos[0], 64, 64), lambda: other.jpegs(list(other.photos))):
            with pytest.raises(RenderError, match="exported is damaged"):
                draw()
