"""Worker processes that read photos."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from renderer.library.crops import CropRule
from renderer.library.index import Copy, File, Found
from renderer.library.photos import Skipped
from renderer.library.reading import file_digest, read_file
from renderer.library.workers import Reader, Request, Worker


def files_in(folder: Path, *names: str) -> list[File]:
    files = []
    for number, name in enumerate(names):
        Image.new("RGB", (40, 30), (number * 9, 2, 3)).save(folder / name)
        status = (folder / name).stat()
        files.append(File(folder / name, status.st_size, status.st_mtime_ns))
    return files


def comparable(found: Found | None) -> object:
    if not isinstance(found, list):
        return found
    return [(one.photo, one.thumbnail, one.signature.tolist()) for one in found]


def test_a_worker_returns_the_same_as_reading_in_this_process(tmp_path: Path) -> None:
    files = files_in(tmp_path, "a.png", "b.jpg")
    (tmp_path / "bad.jpg").write_text("no picture")
    files += [File(tmp_path / "bad.jpg", 10, 1)]
    large = File(tmp_path / "large.png", 10, 1)
    Image.new("L", (5000, 5000), 77).save(large.path, compress_level=1)
    known = file_digest(files[1].path)
    for process in (True, False):
        reader = Reader(CropRule(), process=process)
        try:
            assert (reader._worker is not None) == process
            found = reader.read([*((file, ()) for file in files), (large, ()), (files[1], ("00", known))])
        finally:
            reader.close()
        assert list(map(comparable, found[:3])) == [comparable(read_file(file, CropRule())) for file in files]
        assert found[3:] == [None, Copy(known)]  # too large for several threads to decode at once, and not decoded


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "reason", "transient"),
    [("SIGSEGV", "makes its decoder crash", False), ("SIGKILL", "out of memory", True)],
)
def test_a_file_that_crashes_its_decoder_is_identified_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, reason: str, transient: bool
) -> None:
    read = Worker.read

    def read_or_die(worker: Worker, requests: Sequence[Request]) -> list[Found | None]:
        if any(file.path.name == "deadly.png" for file, _ in requests):
            worker._process.send_signal(getattr(signal, number))
            worker._process.wait()
        return read(worker, requests)

    monkeypatch.setattr(Worker, "read", read_or_die)
    reader = Reader(CropRule(), process=True)
    try:
        one, deadly, other = reader.read([(file, ()) for file in files_in(tmp_path, "a.png", "deadly.png", "b.png")])
    finally:
        reader.close()
    assert (isinstance(one, list), isinstance(other, list)) == (True, True)
    assert isinstance(deadly, Skipped)
    assert reason in deadly.reason
    assert deadly.transient == transient
