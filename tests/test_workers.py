"""Worker processes that read photos."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from renderer.library.index import File
from renderer.library.photos import Skipped
from renderer.library.reading import read_file
from renderer.library.workers import Read, Reader, Worker


def files_in(folder: Path, *names: str) -> list[File]:
    files = []
    for number, name in enumerate(names):
        Image.new("RGB", (40, 30), (number * 9, 2, 3)).save(folder / name)
        status = (folder / name).stat()
        files.append(File(folder / name, status.st_size, status.st_mtime_ns))
    return files


def comparable(read: Read) -> object:
    return read if isinstance(read, Skipped) else [(one.photo, one.thumbnail, one.signature.tolist()) for one in read]


def test_a_worker_returns_the_same_as_reading_in_this_process(tmp_path: Path) -> None:
    files = files_in(tmp_path, "a.png", "b.jpg")
    (tmp_path / "bad.jpg").write_text("no picture")
    # Too large for several processes to decode at once, so that it is read in this process.
    Image.new("L", (5000, 5000), 77).save(tmp_path / "large.png", compress_level=1)
    files += [File(tmp_path / "bad.jpg", 10, 1), File(tmp_path / "large.png", 10, 1)]
    reader = Reader("smart", process=True)
    try:
        assert reader._worker is not None
        assert [comparable(read) for read in reader.read(files)] == [
            comparable(read_file(file, "smart")) for file in files
        ]
    finally:
        reader.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "reason", "transient"),
    [("SIGSEGV", "makes its decoder crash", False), ("SIGKILL", "out of memory", True)],
)
def test_a_file_that_crashes_its_decoder_is_identified_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, reason: str, transient: bool
) -> None:
    read = Worker.read

    def read_or_die(worker: Worker, files: Sequence[File]) -> list[Read | None]:
        if any(file.path.name == "deadly.png" for file in files):
            worker._process.send_signal(getattr(signal, number))
            worker._process.wait()
        return read(worker, files)

    monkeypatch.setattr(Worker, "read", read_or_die)
    reader = Reader("smart", process=True)
    try:
        one, deadly, other = reader.read(files_in(tmp_path, "a.png", "deadly.png", "b.png"))
    finally:
        reader.close()
    assert (isinstance(one, list), isinstance(other, list)) == (True, True)
    assert isinstance(deadly, Skipped)
    assert reason in deadly.reason
    assert deadly.transient == transient
