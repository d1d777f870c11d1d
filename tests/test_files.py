"""Output files appear only when complete, are written by one process at a time, and leave nothing behind."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.doctor import examine
from renderer.errors import BusyError
from renderer.output_files import (
    _hidden,
    check_writable,
    leftovers,
    locked_folder,
    new_file,
    new_files,
    temporary_folder,
)

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

WRITERS = {
    "a file": "new_file(Path('it.mp4'), overwrite=True)",
    "files": "new_files(Path('it/%05d.png'), overwrite=True)",
    "a folder": "locked_folder(Path('it'))",
}


@contextmanager
def other_process(writer: str) -> Iterator[subprocess.Popen[str]]:
    """Start another process that is writing, until it is killed."""
    code = f"""
from pathlib import Path
from renderer.output_files import *
with {writer} as temporary:
    if temporary:
        (temporary if temporary.is_dir() else temporary.parent).joinpath("started").touch()
    print(flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, "some words"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def write() -> None:
    with new_file(Path("it.mp4"), overwrite=True) as temporary:
        temporary.write_text("ours")


def write_files() -> None:
    with new_files(Path("it/%05d.png"), overwrite=True) as folder:
        (folder / "00000.png").write_text("ours")


def lock_folder() -> None:
    with locked_folder(Path("it")):
        pass


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("writer", "ours", "left"),
    [
        (WRITERS["a file"], write, ["it", "it.mp4"]),
        (WRITERS["files"], write_files, ["it", "it/00000.png"]),
        (WRITERS["a folder"], lock_folder, ["it"]),
    ],
    ids=WRITERS,
)
def test_one_process_writes_at_a_time_and_leftovers_of_killed_ones_are_deleted(
    here: Path, writer: str, ours: Callable[[], None], left: list[str]
) -> None:
    Path("it").mkdir()
    with other_process(writer) as process:
        with pytest.raises(BusyError, match=rf"being written by process {process.pid} on .*: wait until"):
            ours()
        process.kill()
        process.wait()
        assert entries(here) != left  # of the killed process, deleted by the next one
        ours()
    assert entries(here) == left


def test_the_check_before_the_work_detects_another_writer_even_through_a_link(here: Path) -> None:
    Path("link.mp4").symlink_to("it.mp4")
    with other_process(WRITERS["a file"]):
        for name in ("it.mp4", "link.mp4", "../" + here.name + "/it.mp4"):
            with pytest.raises(BusyError, match=f"{name} is being written"):
                check_writable(Path(name), overwrite=True)
        check_writable(Path("other.mp4"), overwrite=True)
    assert Path("link.mp4").is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_waiting_processes_get_the_lock_eventually(here: Path) -> None:
    # Each process gets the lock or an error, and none that gets it sees another's files.
    code = """
import sys, time
from pathlib import Path
from renderer.doctor import examine
from renderer.errors import BusyError
from renderer.output_files import new_file
done = 0
while done < 20:
    try:
        with new_file(Path("it.txt"), overwrite=True) as temporary:
            temporary.write_text(sys.argv[1])
            time.sleep(0.001)
            assert temporary.read_text() == sys.argv[1]
            assert len(list(Path().glob(".it.txt.part-*"))) == 1
        done += 1
    except BusyError:
        pass
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(number)], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        for number in range(4)
    ]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    assert entries(here) == ["it.txt"]


def test_files_can_be_written_on_a_file_system_without_locks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("renderer.locks._lock", refuse)
    leftover = here / ".it.mp4.part-01234567"
    leftover.mkdir()
    write()
    assert leftover.exists()  # another process may be using it
    assert Path("it.mp4").read_text() == "ours"


@pytest.mark.parametrize("writer", ["temporary_folder()", WRITERS["a file"]], ids=["temporary files", "a file"])
def test_leftovers_are_listed_and_temporary_ones_deleted(
    here: Path, monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(here))
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(here))
    monkeypatch.setitem(ENVIRONMENT, "TEMP", str(here))
    with other_process(writer) as process:
        with temporary_folder():
            pass
        assert len(entries(here)) == 3  # of the running process: folder, file and lock
        assert leftovers(here) == []
        process.kill()
        process.wait()
        found = leftovers(here)
        assert [entries(folder) for folder in found] == [["started"]]
        assert str(found[0]) in next(each.value for each in examine(here) if each.name == "leftovers")
        with temporary_folder() as folder:
            assert folder.is_dir()
            if "temporary" in writer:
                assert leftovers(here) == []
    assert (entries(here) == []) == ("temporary" in writer)


def test_a_failure_leaves_nothing(here: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(here / "a/b/it.mp4", overwrite=False) as temporary:
        temporary.with_suffix(".log").touch()
        raise ZeroDivisionError
    assert entries(here) == []


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1).filter(lambda name: name.strip(".")))
def test_hidden_names_are_short_and_unique(name: str) -> None:
    path = Path("folder") / name
    hidden = _hidden(path, ".part-01234567")
    assert hidden.parent == path.parent
    assert hidden.name.startswith(".")
    assert len(os.fsencode(hidden.name)) <= 120
    assert hidden == _hidden(path, ".part-01234567") != _hidden(path.with_name(f"{name}x"), ".part-01234567")
