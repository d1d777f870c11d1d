"""The index of photos: updating it, recovery from damage, and concurrent use."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer.errors import RenderError
from renderer.library import Archive, Filter
from renderer.library.crops import CropRule
from renderer.library.index import BLOCK, File, Found, Index
from renderer.library.indexing import Changes, _batches, refresh
from renderer.library.reading import file_digest, read_file
from renderer.library.walking import find_files
from renderer.library.workers import Reader, Request
from renderer.progress import Silent


def fill(folder: Path, count: int) -> list[Path]:
    """Make small pictures, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.new("RGB", (12 + number % 5, 9), (number % 256, number // 256, 7)).save(path)
    return paths


def update(index: Index, folder: Path) -> Changes:
    return refresh(index, find_files([str(folder)])[0], Silent())


def names(index: Index) -> list[str]:
    return [photo.path.name for photo in index.all()[0]]


def test_stored_entries_are_read_back_unchanged(tmp_path: Path) -> None:
    paths = fill(tmp_path / "photos", 30)
    with Index(tmp_path / "it.sqlite") as index:
        assert update(index, tmp_path / "photos").read == 30
    with Index(tmp_path / "it.sqlite") as index:
        photos, skipped = index.all()
        assert ([photo.path for photo in photos], skipped) == (paths, [])
        for number in (0, 11, 29):
            status = paths[number].stat()
            read = read_file(File(paths[number], status.st_size, status.st_mtime_ns), CropRule())
            assert isinstance(read, list)
            assert photos[number] == read[0].photo
            assert (photos.columns.signature[number] == read[0].signature).all()
            assert (photos.tiles_of(np.array([number]))[0] == read[0].tile).all()
            thumbnail = index.thumbnail(photos[number])
            assert thumbnail is not None
            assert thumbnail.shape == (9, 12 + number % 5, 3)


def test_photos_in_several_blocks_keep_their_data(tmp_path: Path) -> None:
    entry = read_file(File(fill(tmp_path, 1)[0], 0, 0), CropRule("centre"))
    assert isinstance(entry, list)
    count = 2 * BLOCK + 10
    with Index(tmp_path / "it.sqlite") as index:
        files = [File(Path(f"/{number:05}.png"), 1, 1) for number in range(count)]
        index.store([(file, entry) for file in files])
        index.store([(file, entry) for file in files[:500]])  # changed: they get new numbers
        photos, _ = index.all()
        assert [photo.path for photo in photos] == [file.path for file in files]
        assert (photos.columns.signature == entry[0].signature).all()
        assert len(set(photos.columns.number.tolist())) == count


def test_a_refresh_handles_new_changed_moved_and_deleted_files_only(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    paths = fill(folder, 20)
    with Index(tmp_path / "it.sqlite") as index:
        update(index, folder)
        again = update(index, folder)
        assert (again.unchanged, again.read, again.moved) == (20, 0, 0)
        (folder / "album").mkdir()
        for path in paths[:5]:
            path.rename(folder / "album" / path.name)  # moved
        paths[5].unlink()  # deleted
        Image.new("RGB", (30, 30), (1, 2, 3)).save(paths[6])  # changed
        Image.new("RGB", (31, 30), (3, 2, 1)).save(folder / "new.png")
        before = {photo.path.name: photo.digest for photo in index.all()[0]}
        changes = update(index, folder)
        assert (changes.unchanged, changes.moved, changes.read, index.forget_missing()) == (13, 5, 2, 1)
        after = {photo.path.name: photo.digest for photo in index.all()[0]}
        assert set(after) == set(before) - {paths[5].name} | {"new.png"}
        assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == {paths[6].name}


def test_a_moved_folder_is_not_decoded_again(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 12)
    with Index(tmp_path / "it.sqlite") as index:
        update(index, tmp_path / "photos")
        thumbnails = index._rows("SELECT number, jpeg FROM thumbnail ORDER BY number")
        (tmp_path / "photos").rename(tmp_path / "pictures")
        changes = update(index, tmp_path / "pictures")
        assert (changes.moved, changes.read, index.forget_missing()) == (12, 0, 0)
        assert index._rows("SELECT number, jpeg FROM thumbnail ORDER BY number") == thumbnails
        assert {photo.path.parent.name for photo in index.all()[0]} == {"pictures"}


def test_a_copy_is_stored_in_addition_to_its_original(tmp_path: Path) -> None:
    (path,) = fill(tmp_path / "photos", 1)
    with Index(tmp_path / "it.sqlite") as index:
        update(index, tmp_path / "photos")
        (tmp_path / "photos" / "copy.png").write_bytes(path.read_bytes())
        assert update(index, tmp_path / "photos").moved == 1
        one, other = index.all()[0]
        assert (one.path.name, other.path.name) == ("0000.png", "copy.png")
        assert (one.digest, one.crop, one.mean) == (other.digest, other.crop, other.mean)


def test_an_unreadable_file_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    bad = folder / "bad.jpg"
    bad.write_text("no picture")
    with Index(tmp_path / "it.sqlite") as index:
        update(index, folder)
        assert index.unread() == []
        assert [item.path for item in index.all()[1]] == [bad]
        Image.new("RGB", (9, 9)).save(bad)
        assert update(index, folder).read == 1
        assert index.all()[1] == []


def test_a_file_that_is_deleted_before_it_is_read_is_skipped(tmp_path: Path) -> None:
    paths = fill(tmp_path, 3)
    files = [File(path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    paths[1].unlink()
    read = [read_file(file, CropRule()) for file in files]
    assert [getattr(found, "reason", "read") for found in read] == ["read", "does not exist", "read"]
    with Index(tmp_path / "it.sqlite") as index:
        changes = refresh(index, paths, Silent())
        assert ([item.path for item in changes.skipped], changes.read) == ([paths[1]], 2)


LIMITED = """
    import resource, sys
    from pathlib import Path
    from renderer.library.index import Index
    from renderer.library.indexing import refresh
    from renderer.library.walking import find_files
    from renderer.pictures import read_picture  # what reads pictures is loaded before the limit applies
    from renderer.progress import Silent

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 250_000_000,) * 2)
    with Index(Path(sys.argv[1])) as index:
        changes = refresh(index, find_files([sys.argv[2]])[0], Silent())
        print(changes.read, [item.transient for item in changes.skipped])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux limits memory")
def test_a_picture_that_exceeded_the_memory_is_read_again_later(tmp_path: Path) -> None:
    pytest.importorskip("renderer.image_file")
    fill(tmp_path / "photos", 2)
    Image.new("RGB", (10000, 10000)).save(tmp_path / "photos" / "large.png", compress_level=1)
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), tmp_path / "it.sqlite", tmp_path / "photos"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2 [True]\n", "")
    with Index(tmp_path / "it.sqlite") as index:
        changes = update(index, tmp_path / "photos")
        assert (changes.unchanged, changes.read, changes.skipped) == (2, 1, [])


def make_mixed(folder: Path) -> None:
    """Make pictures of several kinds: a demanding one at the start, one that can be read in part, a copy, a wrong one."""
    fill(folder, 150)
    Image.new("L", (5000, 5000), 77).save(folder / "0000-large.png", compress_level=1)
    noise = np.random.default_rng(4).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(folder / "0050-cut.jpg")
    data = (folder / "0050-cut.jpg").read_bytes()
    (folder / "0050-cut.jpg").write_bytes(data[: len(data) * 3 // 4])
    (folder / "0070.png").write_bytes((folder / "0010.png").read_bytes())
    (folder / "0090.jpg").write_text("no picture")


@pytest.mark.parametrize("min_files", [0, 2000])
def test_an_index_is_the_same_for_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, min_files: int
) -> None:
    monkeypatch.setattr("renderer.library.indexing._MIN_FILES_FOR_PROCESSES", min_files)
    make_mixed(tmp_path / "photos")
    dumps = []
    for workers in ("1", "2", "5"):
        monkeypatch.setenv("MOSAIC_RENDERER_CORES", workers)
        with Index(tmp_path / f"{workers}.sqlite") as index:
            changes = update(index, tmp_path / "photos")
            assert (changes.read + changes.moved, [path.name for path in changes.damaged]) == (152, ["0050-cut.jpg"])
            assert [item.path.name for item in index.skipped()] == ["0090.jpg"]
            numbers = [number for (number,) in index._rows("SELECT number FROM known ORDER BY path")]
            assert numbers == list(range(1, 153))
            dumps.append(list(index._connection.iterdump()))
    assert dumps[0] == dumps[1] == dumps[2]


def test_other_files_are_read_while_a_demanding_picture_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_mixed(tmp_path / "photos")
    monkeypatch.setenv("MOSAIC_RENDERER_CORES", "2")
    read, others_read = Reader.read, threading.Event()

    def read_batch(reader: Reader, requests: Sequence[Request]) -> list[Found | None]:
        found = read(reader, requests)
        if any(file.path.name == "0149.png" for file, _ in requests):
            others_read.set()
        return found

    def decode(_file: File, _crop: str, *, known: Sequence[str]) -> Found:
        assert known == []
        assert others_read.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr(Reader, "read", read_batch)
    monkeypatch.setattr("renderer.library.indexing.read_file", decode)
    with Index(tmp_path / "it.sqlite") as index:
        with pytest.raises(KeyboardInterrupt):
            update(index, tmp_path / "photos")
        assert index.count() > 100  # all but the batches that ended last


@pytest.mark.parametrize("copy_first", [False, True])
def test_a_copy_of_a_file_that_changes_in_the_same_refresh_has_the_right_pixels(
    tmp_path: Path, copy_first: bool
) -> None:
    original, other = fill(tmp_path / "photos", 2)
    copy = tmp_path / "photos" / ("0.png" if copy_first else "9.png")
    with Index(tmp_path / "it.sqlite") as index:
        update(index, tmp_path / "photos")
        shutil.copy(original, copy)
        Image.new("RGB", (50, 40), (1, 2, 3)).save(original)
        update(index, tmp_path / "photos")
        assert {photo.path: photo.digest for photo in index.all()[0]} == {
            path: file_digest(path) for path in (original, other, copy)
        }
        photos, _ = index.all()
        for number, photo in enumerate(photos):
            with Image.open(photo.path) as picture:
                assert (photos.tiles_of(np.array([number]))[0, 0, 0] == picture.getpixel((0, 0))).all()


@given(
    sizes=st.lists(st.sampled_from([10, 70_000, 4_000_000, 60_000_000]), max_size=300),
    workers=st.integers(1, 32),
)
def test_batches_contain_each_file_once_and_are_small_at_the_end(sizes: list[int], workers: int) -> None:
    files = [File(Path(f"{number}.jpg"), size, 1) for number, size in enumerate(sizes)]
    batches = list(_batches(files, workers))
    positions = [position for batch in batches for position in batch]
    slow = [position for position, size in enumerate(sizes) if size > 10_000_000]
    assert sorted(positions) == list(range(len(sizes)))
    assert positions[: len(slow)] == slow  # so that no thread is alone with one at the end
    for number, batch in enumerate(batches):
        left = sum(map(len, batches[number:]))
        assert len(batch) <= max(1, left / workers)


KILLED = """
    import os, signal, sys, time
    from contextlib import contextmanager
    from pathlib import Path
    from renderer.library.index import Index
    from renderer.library.indexing import refresh
    from renderer.library.walking import find_files
    from renderer.progress import Silent

    class Killer(Silent):
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
        refresh(index, find_files([sys.argv[2]])[0], Killer())
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no kill -9")
def test_indexing_continues_after_the_process_was_killed(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 120)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "it.sqlite", tmp_path / "photos"]
    stored = 0
    for end in ("45", "40"):
        assert subprocess.run([*command, end], check=False).returncode == -signal.SIGKILL
        with Index(tmp_path / "it.sqlite") as index:
            photos, _ = index.all()
            assert len(photos) >= stored + 15  # all but the last quarter of a second
            stored = len(photos)
            assert all(index.thumbnail(photo) is not None for photo in photos)
            assert len(photos.tiles_of(np.arange(stored))) == stored
    with Index(tmp_path / "it.sqlite") as index:
        changes = update(index, tmp_path / "photos")
        assert (changes.unchanged, changes.unchanged + changes.read, index.count()) == (stored, 120, 120)


def test_several_processes_can_refresh_one_index_at_once(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 150)
    command = [sys.executable, "-m", "renderer", "library", "add", str(tmp_path / "photos"), "--name", "both", "--json"]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert all('"photos": 150' in text for text in outputs)
    with Index(Path(os.environ["MOSAIC_RENDERER_LIBRARIES"], "both.sqlite")) as index:
        assert (index.count(), len(index._rows("SELECT * FROM thumbnail")), len(index._rows("SELECT * FROM tile"))) == (
            150, 150, 150,
        )  # fmt: skip


def test_an_index_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 10)
    with Index(tmp_path / "it.sqlite") as writing, Index(tmp_path / "it.sqlite") as reading:
        update(writing, tmp_path / "photos")
        before, _ = reading.all()
        fill(tmp_path / "photos", 14)
        update(writing, tmp_path / "photos")
        assert len([photo.path for photo in before]) == 10
        assert len(reading.all()[0]) == 14


def test_an_index_with_missing_tables_is_rebuilt(tmp_path: Path) -> None:
    notices: list[str] = []
    with Index(tmp_path / "it.sqlite", notice=notices.append) as index:
        index._connection.execute("DROP VIEW known")
        with pytest.raises(sqlite3.OperationalError) as error:
            index.count()
        index.recover(error.value)
        assert index.count() == 0
        assert "is damaged" in notices[0]


def test_files_that_version_1_misread_are_read_again(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 3)
    with Image.open(tmp_path / "photos" / "0000.png") as picture:
        picture.save(tmp_path / "photos" / "right.jpg")
    (tmp_path / "photos" / "bad.jpg").write_text("no picture")
    with Index(tmp_path / "it.sqlite") as index:
        update(index, tmp_path / "photos")
        index._connection.executescript(
            "DROP TABLE ratio; ALTER TABLE photo DROP COLUMN faces; ALTER TABLE photo DROP COLUMN crop_height;"
            "ALTER TABLE photo RENAME COLUMN crop_width TO crop_side; PRAGMA user_version = 1"
        )
    with Index(tmp_path / "it.sqlite") as index:
        assert (index.count(), index.skipped()) == (4, [])
        changes = update(index, tmp_path / "photos")
        assert (changes.unchanged, changes.read, len(index.skipped())) == (1, 3, 1)
    with Index(tmp_path / "it.sqlite") as index:
        assert update(index, tmp_path / "photos").unchanged == 5


def test_an_index_of_a_later_version_is_not_changed(tmp_path: Path) -> None:
    with Index(tmp_path / "it.sqlite"):
        pass
    database = sqlite3.connect(tmp_path / "it.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RenderError, match="made by a later version"):
        Index(tmp_path / "it.sqlite")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_memory_replaces_a_cache_that_is_not_writable(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 3)
    (tmp_path / "closed").mkdir(mode=0o500)
    notices: list[str] = []
    with Index(tmp_path / "closed" / "it.sqlite", memory_fallback=True, notice=notices.append) as index:
        update(index, tmp_path / "photos")
        assert names(index) == ["0000.png", "0001.png", "0002.png"]
        assert "is not saved" in notices[0]
    with pytest.raises(RenderError, match="can't be used"):
        Index(tmp_path / "closed" / "it.sqlite")


def test_memory_replaces_a_cache_whose_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    fill(tmp_path / "photos", 3)
    with Index(tmp_path / "cache" / "it.sqlite", memory_fallback=True) as index:
        update(index, tmp_path / "photos")
        assert len(names(index)) == 3


OPENING = """
    import sys
    from pathlib import Path
    from renderer.library.index import Index

    sys.stdin.readline()
    try:
        for number in range(40):
            Index(Path(sys.argv[1], f"{number}.sqlite")).__exit__(None, None, None)
    except BaseException as error:
        sys.exit(repr(error))
"""


def test_several_processes_can_create_an_index_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(OPENING), tmp_path]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert errors == [""] * 4


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """An index that another program keeps locked."""
    path = tmp_path / "it.sqlite"
    with Index(path):
        pass
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("BEGIN EXCLUSIVE")
    yield path
    database.close()


def test_memory_replaces_a_cache_that_stays_locked(
    tmp_path: Path, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renderer.library.database._NOTICE_SECONDS", 0.1)
    monkeypatch.setattr("renderer.library.database._CACHE_LOCK_SECONDS", 0.4)
    fill(tmp_path / "photos", 2)
    notices: list[str] = []
    with Index(locked, memory_fallback=True, notice=notices.append) as index:
        update(index, tmp_path / "photos")
        assert names(index) == ["0000.png", "0001.png"]
    waiting, fallback = notices
    assert waiting.startswith(f"Waiting for {locked} (up to 0 seconds)")
    assert "MOSAIC_RENDERER_CACHE sets another folder" in waiting
    assert "is not saved" in fallback


def test_a_library_waits_for_a_lock(tmp_path: Path, locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renderer.library.database._NOTICE_SECONDS", 0.1)
    monkeypatch.setattr("renderer.library.database._LIBRARY_LOCK_SECONDS", 0.4)
    with pytest.raises(RenderError, match=r"it\.sqlite can't be used"):
        Index(locked)
    fill(tmp_path / "photos", 2)
    with Index(tmp_path / "other.sqlite") as index:  # locked during use, and then released
        other = sqlite3.connect(tmp_path / "other.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.25, other.close)
        timer.start()
        assert update(index, tmp_path / "photos").read == 2
        timer.join()


@pytest.mark.skipif(os.name != "posix", reason="only Unix has these permissions")
def test_only_the_owner_can_read_an_index(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "it.sqlite"
    old = [path.with_name("old.sqlite" + suffix) for suffix in ("", "-wal", "-shm")]
    before = os.umask(0o022)
    try:
        with Index(path):
            assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {
                "it.sqlite": 0o600, "it.sqlite-wal": 0o600, "it.sqlite-shm": 0o600,
            }  # fmt: skip
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700] * 2
        with Index(old[0]):
            for file in old:
                file.chmod(0o644)
            with Index(old[0]):
                assert [stat.S_IMODE(file.stat().st_mode) for file in old] == [0o600] * 3
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder of photos, and the bytes of its index."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder / "photos", 5)
    (folder / "photos" / "bad.jpg").write_text("no picture")
    with Index(folder / "it.sqlite") as index:
        update(index, folder / "photos")
    return folder / "photos", (folder / "it.sqlite").read_bytes()


@given(damages=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=64)), min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_index_with_any_damage_works_at_the_second_attempt(
    filled: tuple[Path, bytes], damages: list[tuple[float, bytes]]
) -> None:
    folder, intact = filled
    damaged = bytearray(intact)
    for position, new in damages:
        start = int(position * (len(intact) - 1))
        damaged[start : start + len(new)] = new
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOSAIC_RENDERER_CACHE", cache)
        Path(cache, "photos-smart.sqlite").write_bytes(damaged[: len(intact)])
        for last in (False, True):
            try:
                with Archive(Silent()) as archive:
                    library = archive.open([str(folder)])
                    assert len(library.photos) == 5
                    numbers = np.arange(5)
                    library.photos.descriptors_of(numbers), library.tiles, library.photos.dates()
                    assert library.photos.find_by_name("0003.png") is not None
                    for photo in library.photos:
                        library.tile(photo, 16, 16)
            except RenderError:
                assert not last
                continue


@pytest.mark.parametrize("table", ["tile", "thumbnail", "block"])
def test_an_index_with_an_empty_table_is_rebuilt(filled: tuple[Path, bytes], table: str) -> None:
    folder, intact = filled
    path = Path(os.environ["MOSAIC_RENDERER_CACHE"], "photos-smart.sqlite")
    path.write_bytes(intact)
    database = sqlite3.connect(path)
    database.execute(f"DELETE FROM {table}")
    database.commit()
    database.close()
    with Archive(Silent()) as archive:
        library = archive.open([str(folder)])
        assert (len(library.tiles), library.tile(library.photos[0], 8, 8).shape) == (5, (8, 8, 3))


@given(
    modified_ns=st.integers(-(2**70), 2**70),
    orientation=st.integers(0, 2**16 - 1),
    captured=st.text(max_size=24)
    | st.from_regex(r"[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_photo_with_any_dates_is_a_tile(
    tmp_path_factory: pytest.TempPathFactory, modified_ns: int, orientation: int, captured: str
) -> None:
    path = tmp_path_factory.mktemp("dated") / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = captured.encode("utf-8", "replace")
    Image.new("RGB", (60, 40), (1, 2, 3)).save(path, exif=exif)

    class Dated(type(path)):  # type: ignore[misc]  # of the current system's class
        """A file on a file system that can store any date."""

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            status = super().stat(follow_symlinks=follow_symlinks)
            return SimpleNamespace(st_mode=status.st_mode, st_size=status.st_size, st_mtime_ns=modified_ns)  # type: ignore[return-value]  # the fields that are used

    with Index(path.with_name("it.sqlite")) as index:
        dated = Dated(path)
        assert refresh(index, [dated], Silent()).read == 1
        assert refresh(index, [dated], Silent()).unchanged == 1
        photos, skipped = index.scanned()
        assert (len(photos), skipped) == (1, [])
        assert index.is_unchanged(replace(photos[0], path=dated))
        ((_, taken),) = photos.dates()
        assert Filter(since="0001").includes_date(taken)
        assert datetime.fromisoformat(taken)
