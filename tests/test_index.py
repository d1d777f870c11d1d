"""The index of photos: what it finds again, what it survives, who may use it at once."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.errors import RenderError
from renderer.library.index import BLOCK, File, Index
from renderer.library.indexing import Changes, refresh
from renderer.library.reading import read_file
from renderer.library.walking import find_files
from renderer.progress import Silent


def fill(folder: Path, count: int) -> list[Path]:
    """Small pictures, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.new("RGB", (12 + number % 5, 9), (number % 256, number // 256, 7)).save(path)
    return paths


def look(index: Index, folder: Path) -> Changes:
    return refresh(index, find_files([str(folder)])[0], "smart", Silent())


def names(index: Index) -> list[str]:
    return [photo.path.name for photo in index.all()[0]]


def test_what_was_read_is_read_back_as_it_was(tmp_path: Path) -> None:
    paths = fill(tmp_path / "photos", 30)
    with Index(tmp_path / "it.sqlite") as index:
        assert look(index, tmp_path / "photos").read == 30
    with Index(tmp_path / "it.sqlite") as index:
        photos, skipped = index.all()
        assert ([photo.path for photo in photos], skipped) == (paths, [])
        for number in (0, 11, 29):
            status = paths[number].stat()
            read = read_file(File(paths[number], status.st_size, status.st_mtime_ns), "smart")
            assert isinstance(read, list)
            assert photos[number] == read[0].photo
            assert (photos.columns.signature[number] == read[0].signature).all()
            assert (photos.tiles_of(np.array([number]))[0] == read[0].tile).all()
            thumbnail = index.thumbnail(photos[number])
            assert thumbnail is not None
            assert thumbnail.shape == (9, 12 + number % 5, 3)


def test_numbers_beyond_a_block_keep_their_places(tmp_path: Path) -> None:
    entry = read_file(File(fill(tmp_path, 1)[0], 0, 0), "centre")
    assert isinstance(entry, list)
    count = 2 * BLOCK + 10
    with Index(tmp_path / "it.sqlite") as index:
        files = [File(Path(f"/{number:05}.png"), 1, 1) for number in range(count)]
        index.store([(file, entry) for file in files])
        index.store([(file, entry) for file in files[:500]])  # changed: they get numbers at the end
        photos, _ = index.all()
        assert [photo.path for photo in photos] == [file.path for file in files]
        assert (photos.columns.signature == entry[0].signature).all()
        assert len(set(photos.columns.place.tolist())) == count


def test_a_refresh_looks_only_at_what_is_new_changed_moved_or_gone(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    paths = fill(folder, 20)
    with Index(tmp_path / "it.sqlite") as index:
        look(index, folder)
        unchanged = look(index, folder)
        assert (unchanged.known, unchanged.read, unchanged.moved) == (20, 0, 0)
        (folder / "album").mkdir()
        for path in paths[:5]:
            path.rename(folder / "album" / path.name)  # moved
        paths[5].unlink()  # gone
        Image.new("RGB", (30, 30), (1, 2, 3)).save(paths[6])  # changed
        Image.new("RGB", (31, 30), (3, 2, 1)).save(folder / "new.png")
        before = {photo.path.name: photo.digest for photo in index.all()[0]}
        changes = look(index, folder)
        assert (changes.known, changes.moved, changes.read, index.forget_gone()) == (13, 5, 2, 1)
        after = {photo.path.name: photo.digest for photo in index.all()[0]}
        assert set(after) == set(before) - {paths[5].name} | {"new.png"}
        assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == {paths[6].name}


def test_a_moved_folder_is_not_decoded_again(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 12)
    with Index(tmp_path / "it.sqlite") as index:
        look(index, tmp_path / "photos")
        thumbnails = index._rows("SELECT number, jpeg FROM thumbnail ORDER BY number")
        (tmp_path / "photos").rename(tmp_path / "pictures")
        changes = look(index, tmp_path / "pictures")
        assert (changes.moved, changes.read, index.forget_gone()) == (12, 0, 0)
        assert index._rows("SELECT number, jpeg FROM thumbnail ORDER BY number") == thumbnails
        assert {photo.path.parent.name for photo in index.all()[0]} == {"pictures"}


def test_a_copy_is_known_beside_its_original(tmp_path: Path) -> None:
    (path,) = fill(tmp_path / "photos", 1)
    with Index(tmp_path / "it.sqlite") as index:
        look(index, tmp_path / "photos")
        (tmp_path / "photos" / "copy.png").write_bytes(path.read_bytes())
        assert look(index, tmp_path / "photos").moved == 1
        one, other = index.all()[0]
        assert (one.path.name, other.path.name) == ("0000.png", "copy.png")
        assert (one.digest, one.crop, one.mean) == (other.digest, other.crop, other.mean)


def test_what_cannot_be_read_is_remembered_until_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    bad = folder / "bad.jpg"
    bad.write_text("no picture")
    with Index(tmp_path / "it.sqlite") as index:
        look(index, folder)
        assert index.unknown() == []
        assert [item.path for item in index.all()[1]] == [bad]
        Image.new("RGB", (9, 9)).save(bad)
        assert look(index, folder).read == 1
        assert index.all()[1] == []


def test_a_file_that_vanishes_before_it_is_read_is_skipped(tmp_path: Path) -> None:
    paths = fill(tmp_path, 3)
    files = [File(path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    paths[1].unlink()
    read = [read_file(file, "smart") for file in files]
    assert [getattr(found, "reason", "read") for found in read] == ["read", "does not exist", "read"]
    with Index(tmp_path / "it.sqlite") as index:
        changes = refresh(index, paths, "smart", Silent())
        assert ([item.path for item in changes.skipped], changes.read) == ([paths[1]], 2)


KILLED = """
    import os, signal, sys, time
    from contextlib import contextmanager
    from pathlib import Path
    from renderer.library.index import Index
    from renderer.library.indexing import refresh
    from renderer.library.walking import find_files
    from renderer.progress import Silent

    class Deadly(Silent):
        done = 0

        @contextmanager
        def stage(self, name, total, unit):
            yield self.advance

        def advance(self, units):
            time.sleep(0.01)
            self.done += units
            if self.done == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)

    with Index(Path(sys.argv[1])) as index:
        refresh(index, find_files([sys.argv[2]])[0], "smart", Deadly())
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no kill -9")
def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 120)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "it.sqlite", tmp_path / "photos"]
    kept = 0
    for end in ("45", "40"):
        assert subprocess.run([*command, end], check=False).returncode == -signal.SIGKILL
        with Index(tmp_path / "it.sqlite") as index:
            photos, _ = index.all()
            assert len(photos) >= kept + 15  # all but the last quarter of a second
            kept = len(photos)
            assert all(index.thumbnail(photo) is not None for photo in photos)
            assert len(photos.tiles_of(np.arange(kept))) == kept
    with Index(tmp_path / "it.sqlite") as index:
        changes = look(index, tmp_path / "photos")
        assert (changes.known, changes.known + changes.read, index.count()) == (kept, 120, 120)


def test_two_processes_may_refresh_one_index_at_once(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 150)
    command = [sys.executable, "-m", "renderer", "library", "add", str(tmp_path / "photos"), "--name", "both", "--json"]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert all('"photos": 150' in text for text in said)
    with Index(Path(os.environ["MOSAIC_RENDERER_LIBRARIES"], "both.sqlite")) as index:
        assert (index.count(), len(index._rows("SELECT * FROM thumbnail")), len(index._rows("SELECT * FROM tile"))) == (
            150, 150, 150,
        )  # fmt: skip


def test_an_index_can_be_read_while_it_is_written_to(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 10)
    with Index(tmp_path / "it.sqlite") as writing, Index(tmp_path / "it.sqlite") as reading:
        look(writing, tmp_path / "photos")
        before, _ = reading.all()
        fill(tmp_path / "photos", 14)
        look(writing, tmp_path / "photos")
        assert len([photo.path for photo in before]) == 10
        assert len(reading.all()[0]) == 14


def test_an_index_without_its_tables_is_made_anew(tmp_path: Path) -> None:
    with Index(tmp_path / "it.sqlite") as index:
        index._database.execute("DROP VIEW known")
        with pytest.raises(sqlite3.OperationalError) as error:
            index.count()
        index.recover(error.value)
        assert index.count() == 0
        assert "is damaged" in index.notices[0]


def test_an_index_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    with Index(tmp_path / "it.sqlite"):
        pass
    database = sqlite3.connect(tmp_path / "it.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RenderError, match="made by a later version"):
        Index(tmp_path / "it.sqlite")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_cache_that_cannot_be_written_to_is_done_without(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 3)
    (tmp_path / "closed").mkdir(mode=0o500)
    with Index(tmp_path / "closed" / "it.sqlite", may_be_memory=True) as index:
        look(index, tmp_path / "photos")
        assert names(index) == ["0000.png", "0001.png", "0002.png"]
        assert "is not kept" in index.notices[0]
    with pytest.raises(RenderError, match="can't be used"):
        Index(tmp_path / "closed" / "it.sqlite")


def test_a_file_where_the_cache_should_be_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    fill(tmp_path / "photos", 3)
    with Index(tmp_path / "cache" / "it.sqlite", may_be_memory=True) as index:
        look(index, tmp_path / "photos")
        assert len(names(index)) == 3
