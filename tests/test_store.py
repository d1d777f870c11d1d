"""The store of a cluster: a shared folder, or a place of another kind; here an S3 server that speaks the real protocol."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renderer.cached_files import clear, copies_folder
from renderer.cluster.store import Store
from renderer.errors import RenderError
from renderer.library import file_digest


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return Store(str(tmp_path / "store"))
    request.getfixturevalue("s3_server")
    return Store(f"s3://jobs/{tmp_path.name}")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "näme with spaces #1.jpg"
    path.write_bytes(bytes(range(256)) * 100)
    return path


def test_what_is_put_is_found_by_its_digest(store: Store, photo: Path) -> None:
    name = store.put(photo)
    assert name == f"files/{file_digest(photo)}/{photo.name}"
    assert store.names("files") == [name]
    assert store.fetch(name).read_bytes() == photo.read_bytes()
    assert store.find(f"files/{'0' * 32}/{photo.name}") is None
    store.remove([name])
    assert store.names("files") == store.names("nothing") == []


def test_a_file_is_written_once(tmp_path: Path, photo: Path) -> None:
    store = Store(str(tmp_path / "store"))
    path = store.fetch(store.put(photo))
    before = path.stat().st_mtime_ns
    store.put(photo)
    assert path.stat().st_mtime_ns == before
    assert path == tmp_path / "store" / store.put(photo)  # a folder is read in place
    path.write_bytes(b"the start")
    store.put(photo)  # an incomplete file is replaced
    assert path.read_bytes() == photo.read_bytes()


@pytest.mark.usefixtures("s3_server")
def test_copies_from_elsewhere_are_kept(photo: Path) -> None:
    clear("copies")
    store = Store("s3://jobs/kept")
    name = store.put(photo)
    path = store.fetch(name)
    assert path.is_relative_to(copies_folder())
    store.remove([name])
    assert store.fetch(name) == path
    clear("copies")
    with pytest.raises(RenderError, match="store=s3://jobs/kept can't be used"):
        store.fetch(name)


@pytest.mark.usefixtures("s3_server")
def test_one_content_has_several_names_and_several_readers(photo: Path) -> None:
    clear("copies")
    store, other = Store("s3://jobs/several"), photo.with_name("other.jpg")
    other.write_bytes(photo.read_bytes())
    names = [store.put(photo), store.put(other)]
    with ThreadPoolExecutor(6) as pool:
        paths = list(pool.map(store.fetch, names * 3))
    assert {path.name for path in paths} == {photo.name, other.name}
    assert all(path.read_bytes() == photo.read_bytes() for path in paths)


def test_a_damaged_file_is_not_used(store: Store, photo: Path, tmp_path: Path) -> None:
    clear("copies")
    name = store.put(photo)
    other = tmp_path / "other.jpg"
    other.write_bytes(b"something else")
    store._files.put_file(str(other), store._at(name))
    with pytest.raises(RenderError, match="is damaged: delete it in store="):
        store.fetch(name)


@pytest.mark.usefixtures("s3_server")
def test_a_store_that_can_t_be_used_is_one_sentence(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="store=s3://nothing/there can't be used"):
        Store("s3://nothing/there").put(photo)
    with pytest.raises(RenderError, match=r"store=odd://a can't be used.*odd"):
        Store("odd://a")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RenderError, match="file"):
        Store(str(tmp_path / "file")).put(photo)
    store = Store(str(tmp_path / "store"))
    with pytest.raises(RenderError, match=r"is missing in store=.*that all machines share"):
        store.fetch("files/0123/a.jpg")
