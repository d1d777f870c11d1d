"""`render library ...`, run as a user runs it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.encoder import run_ffmpeg
from renderer.errors import RenderError
from renderer.pictures import read_picture

Run = Callable[..., tuple[int, str, str]]

SMALL = ("--columns", "8", "--tile-pixels", "4", "-y", "-o", "it.png")


def test_an_added_library_is_the_default_until_it_is_removed(render: Run, cover: Path, photos: Path) -> None:
    code, out, _ = render("library", "add", photos)
    assert (code, out) == (0, "default: 60 photos; 60 read\n")
    code, out, err = render("mosaic", cover, *SMALL)
    assert (code, "of 60 tiles used" in out, "Using your library default: 60 photos" in err) == (0, True, True)
    assert "pieces of the cover" in render("mosaic", cover, "--tiles", "pieces", *SMALL)[2]
    assert "60 photos from" in render("library", "list")[1]
    code, out, _ = render("library", "remove", "default")
    assert (code, "the photos were not touched" in out) == (0, True)
    assert list(Path(os.environ["MOSAIC_RENDERER_LIBRARIES"]).iterdir()) == []
    assert len(list(photos.rglob("*.jpg"))) == 60
    assert "pieces of the cover" in render("mosaic", cover, *SMALL)[2]
    assert "There are no libraries" in render("library", "list")[1]


def test_a_named_library_is_used_by_tiles(render: Run, cover: Path, photos: Path) -> None:
    assert render("library", "add", photos / "more", "--name", "wedding", "--crop", "centre", "-q") == (0, "", "")
    count = len(list((photos / "more").iterdir()))
    code, out, err = render("mosaic", cover, "--tiles", "wedding", *SMALL)
    assert (code, f"of {count} tiles used" in out, err) == (0, True, "")
    code, out, err = render("mosaic", cover, "--tiles", "wedding", "--tiles", photos, *SMALL)
    assert (code, f"of {count + 60} tiles used" in out) == (0, True)
    code, _, err = render("mosaic", cover, "--tiles", "weding", *SMALL)
    assert (code, "did you mean wedding?" in err) == (2, True)
    code, out, _ = render("zoom", cover, "--tiles", "wedding", "--dry-run")
    assert (code, f"{count} tile files" in out) == (0, True)


def test_a_library_wins_over_a_folder_of_the_same_name_with_a_notice(render: Run, cover: Path, photos: Path) -> None:
    Path("wedding").mkdir()
    for name in "ab":
        Image.new("RGB", (40, 40), (1, 2, 3)).save(f"wedding/{name}.png")
    render("library", "add", photos, "--name", "wedding")
    code, out, err = render("mosaic", cover, "--tiles", "wedding", *SMALL)
    assert (code, "of 60 tiles" in out, "Write ./wedding for the file or folder" in err) == (0, True, True)
    assert "of 2 tiles" in render("mosaic", cover, "--tiles", "./wedding", *SMALL)[1]


def test_a_refresh_reports_what_it_found(render: Run) -> None:
    Path("photos/album").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (40, 40), (number, 2, 3)).save(f"photos/{number}.png")
    assert "6 read" in render("library", "add", "photos")[1]
    assert render("library", "refresh")[1] == "default: 6 photos; no changes\n"
    Path("photos/1.png").rename("photos/album/one.png")
    Path("photos/2.png").unlink()
    Path("photos/bad.png").write_text("no picture")
    assert render("library", "refresh", "default")[1] == (
        "default: 5 photos; 1 moved or copied, 1 deleted; 1 file can't be used (see `render library check`)\n"
    )
    Path("more").mkdir()
    Image.new("RGB", (40, 40), (9, 2, 3)).save("more/it.png")
    code, out, _ = render("library", "add", "more", "--json")
    assert (code, json.loads(out)["photos"], json.loads(out)["read"]) == (0, 6, 1)
    shown = json.loads(render("library", "show", "--json")[1])
    assert [Path(folder).name for folder in shown["folders"]] == ["photos", "more"]
    assert (shown["photos"], shown["skipped"], shown["crop"]) == (6, 1, "smart")


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_photos_of_a_missing_drive_are_kept(render: Run, cover: Path, how: str) -> None:
    for folder in ("drive", "here"):
        Path(folder).mkdir()
        for number in range(3):
            Image.new("RGB", (40, 40), (number, len(folder), 3)).save(f"{folder}/{number}.png")
    render("library", "add", "drive", "here")
    Path("drive").rename("elsewhere")
    if how == "empty":
        Path("drive").mkdir()
    Path("here/0.png").unlink()
    code, out, err = render("library", "refresh")
    assert (code, out) == (0, "default: 5 photos; 1 deleted\n")
    assert "drive is missing or empty: its photos stay in the library" in err
    code, _, err = render("mosaic", cover, *SMALL)
    assert (code, "photos are missing (" in err, "so thumbnails are shown: `render library refresh` finds" in err) == (
        0,
        True,
        True,
    )


def test_a_check_lists_problems_and_draws_the_colours(render: Run, cover: Path) -> None:
    Path("photos").mkdir()
    with Image.open(cover) as picture:
        picture.save("photos/large.png")
        picture.resize((300, 200)).save("photos/small-copy.jpg")
    Image.new("RGB", (20, 20), (200, 0, 0)).save("photos/tiny.png")
    Path("photos/bad.jpg").touch()
    render("library", "add", "photos", "--name", "it")
    code, out, _ = render("library", "check", "it", "--tile-pixels", "100")
    assert code == 0
    for line in (
        "1 unusable file", "bad.jpg: is empty", "1 group of near-duplicates", "large.png = ", "small-copy.jpg",
        "1 photo smaller than 100 pixels", "tiny.png: 20 pixels", "dark blue",
    ):  # fmt: skip
        assert line in out
    assert read_picture(Path("it-colours.png")).size == (1600, 640)
    assert render("library", "check", "it")[0] == 2  # existing files are not overwritten
    code, out, _ = render("library", "check", "it", "-y", "--json")
    found = json.loads(out)
    assert (found["colours"]["medium red"], found["colours"]["dark blue"]) == (1, 0)
    assert [len(group) for group in found["near_duplicates"]] == [2]
    code, out, err = render("mosaic", cover, "--tiles", "it", "--skip-duplicates", *SMALL)
    assert (code, "1 near-duplicate excluded" in err, "of 2 tiles used" in out) == (0, True, True)


def test_a_damaged_library_is_reported_and_rebuilt(render: Run, cover: Path, photos: Path) -> None:
    render("library", "add", photos)
    file = Path(os.environ["MOSAIC_RENDERER_LIBRARIES"], "default.sqlite")
    file.write_bytes(b"\xaa" * file.stat().st_size)
    code, out, err = render("mosaic", cover, *SMALL)
    assert (code, "of 60 tiles used" in out) == (0, True)
    assert "default.sqlite is damaged: it was renamed to default.sqlite.damaged, and a new one is made" in err


def test_a_changed_photo_is_shown_unchanged_until_a_refresh(render: Run, cover: Path) -> None:
    Path("photos").mkdir()
    for number in range(4):
        Image.new("RGB", (600, 400), (0, 60 * number, 200)).save(f"photos/{number}.png")
    render("library", "add", "photos", "--name", "family")
    still = ("still", "zoom", cover, "--tiles", "family", "--columns", "8", "--use-all", "--focus", "2.png")
    still = (*still, "--at", "1", "--duration", "1", "--size", "320x180", "-y", "-o", "it.png")

    def landing() -> tuple[str, list[int]]:
        code, _, err = render(*still)
        assert code == 0
        return err, read_picture(Path("it.png")).pixels[90, 160].tolist()

    assert landing() == ("", [0, 120, 200])
    for number in (1, 2):
        Image.new("RGB", (500, 500), (250, 250, 0)).save(f"photos/{number}.png")
    message, colour = landing()
    assert message == ("2 photos have changed, so old thumbnails are shown: run `render library refresh family`\n")
    assert np.abs(np.array(colour) - (0, 120, 200)).max() < 6  # a thumbnail is a JPEG
    assert "2 read" in render("library", "refresh", "family")[1]
    assert landing() == ("", [250, 250, 0])


def test_a_folder_of_videos_is_answered_with_the_option_to_use_them(render: Run, cover: Path) -> None:
    Path("clips").mkdir()
    source = ("-f", "lavfi", "-i", "color=red:size=64x48:duration=1")
    assert run_ffmpeg(*source, "clips/one.mp4").returncode == 0
    Path("clips/two.mp4").write_bytes(Path("clips/one.mp4").read_bytes())
    for dry in ((), ("--dry-run",)):
        code, _, err = render("zoom", cover, "--tiles", "clips", *dry)
        assert code == 2
        assert "clips contains no pictures: --video-frames 10 uses ten frames of each of the 2 videos" in err
    code, _, err = render("mosaic", cover, "--tiles", "clips/one.mp4", *SMALL)
    assert (code, "--video-frames 10 uses ten frames of the video" in err) == (2, True)
    code, out, err = render("library", "add", "clips")
    assert (code, out) == (0, "default: 0 photos; no changes\n")
    assert "`render library add FOLDER --name default --video-frames 10`" in err
    code, out, err = render("library", "add", "clips", "--video-frames", "2")
    assert (code, out.split(";")[0], err) == (0, "default: 4 photos", "")


def test_a_library_that_could_not_be_created_leaves_no_files(
    render: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RenderError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("renderer.library.archive.refresh", fails)
        assert render("library", "add", photos)[0] == 1
    assert list(Path(os.environ["MOSAIC_RENDERER_LIBRARIES"]).iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_stored_photos_are_readable_only_by_their_owner(
    render: Run, cover: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, own = tmp_path / "chosen", tmp_path / "data" / "mosaic-renderer" / "libraries"
    for folder in (chosen, own, tmp_path / "cache" / "maps"):
        folder.mkdir(parents=True, mode=0o755)
    monkeypatch.setenv("MOSAIC_RENDERER_CACHE", str(tmp_path / "cache"))
    render("library", "add", photos / "more", "--library-dir", chosen)
    monkeypatch.delenv("MOSAIC_RENDERER_LIBRARIES")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: own.parent)
    (own / "default.json").touch(mode=0o644)
    (own / "default.json").write_text('{"folders": [], "crop": "smart", "video_frames": 0}')
    render("library", "add", photos)
    render("mosaic", cover, *SMALL)

    def modes(folder: Path) -> dict[str, str]:
        return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in sorted([folder, *folder.iterdir()])}

    assert modes(chosen) == {"chosen": "755", "default.json": "600", "default.sqlite": "600"}  # it may hold other files
    assert modes(own) == {"libraries": "700", "default.json": "600", "default.sqlite": "600"}
    assert set(modes(tmp_path / "cache" / "maps").values()) == {"700", "600"}


@pytest.mark.skipif(os.name != "posix", reason="other systems can't store dates of 2300")
def test_photos_of_any_date_can_be_indexed(render: Run, cover: Path, photos: Path) -> None:
    for number, path in enumerate(sorted((photos / "more").iterdir())[:3]):
        Path("dated").mkdir(exist_ok=True)
        Path("dated", path.name).write_bytes(path.read_bytes())
        os.utime(Path("dated", path.name), (0, (-300_000_000, 0, 10_413_792_000)[number]))
    assert render("library", "add", "dated")[:2] == (0, "default: 3 photos; 3 read\n")
    assert render("library", "refresh")[1] == "default: 3 photos; no changes\n"
    assert "of 2 tiles" in render("mosaic", cover, "--until", "1970-01-01", *SMALL)[1]


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_library_damaged_anywhere_is_repaired_by_the_second_command(
    render: Run, cover: Path, photos: Path, tenth: int
) -> None:
    render("library", "add", photos)
    file = Path(os.environ["MOSAIC_RENDERER_LIBRARIES"], "default.sqlite")
    data = bytearray(file.read_bytes())
    start = len(data) * tenth // 10
    data[start : start + len(data) // 8] = b"\xaa" * len(data[start : start + len(data) // 8])
    file.write_bytes(bytes(data))
    code, _, err = render("mosaic", cover, *SMALL)
    assert code in (0, 1)
    assert "unexpected" not in err
    if code == 1:
        assert "is damaged and was renamed: run the same command again to rebuild it" in err
        assert render("mosaic", cover, *SMALL)[0] == 0


def test_libraries_may_be_in_another_folder(render: Run, cover: Path, photos: Path) -> None:
    assert render("library", "add", photos, "--library-dir", "mine")[0] == 0
    assert sorted(path.suffix for path in Path("mine").iterdir()) == [".json", ".sqlite"]
    assert "There are no libraries" in render("library", "list")[1]
    assert "of 60 tiles" in render("mosaic", cover, "--library-dir", "mine", *SMALL)[1]


def test_a_changed_crop_reads_all_photos_again(render: Run, photos: Path) -> None:
    render("library", "add", photos)
    assert "60 read" in render("library", "add", photos, "--crop", "centre")[1]


def test_focus_names_photos_of_a_library(render: Run, cover: Path, photos: Path) -> None:
    render("library", "add", photos)
    still = ("still", "zoom", cover, "--size", "96x64", "--columns", "8", "-o", "it.png", "-y")
    assert render(*still, "--focus", "photo07.jpg")[0] == 0
    code, _, err = render(*still, "--focus", "photo7.jpg")
    assert (code, "did you mean photo" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add"], "needs a folder"),
        (["add", "nowhere"], "there is no such file or folder"),
        (["add", ".", "--name", "a/b"], "--name a/b is not a library name: use up to 64 letters"),
        (["add", ".", "--name", "pieces"], "--name pieces is reserved: --tiles pieces means pieces of the cover"),
        (["add", ".", "--video-frames", "-1"], "--video-frames"),
        (["show", "wedding"], "There is no library wedding: create one with `render library add FOLDER`"),
        (["refresh", "wedding"], "There is no library wedding"),
        (["remove", "wedding"], "There is no library wedding"),
        (["check", "wedding"], "There is no library wedding"),
        (["check", "default", "-o", "it.jpg"], "the file name must end in .png"),
        (["remove"], "NAME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_of_libraries_are_one_line(render: Run, words: list[str], says: str) -> None:
    code, out, err = render("library", *words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_duplicates_are_counted(render: Run, cover: Path, photos: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "tiles").mkdir(exist_ok=True)
        (tmp_path / "tiles" / f"{number}.jpg").write_bytes((photos / "photo00.jpg").read_bytes())
    (tmp_path / "tiles" / "other.jpg").write_bytes((photos / "photo03.jpg").read_bytes())
    code, out, _ = render("mosaic", cover, "--tiles", "tiles", "--columns", "6", "--use-all", "-o", "it.png")
    assert (code, "2 of 4 tiles used (2 duplicates)" in out) == (0, True), out
