"""Every kind of file that the program reads, damaged in hundreds of ways: it is read or rejected with a reason."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_placement import small_map

from renderer.batch import BatchRequest, read_campaign
from renderer.batch.manifest import Manifest
from renderer.data_files import read_toml
from renderer.errors import InputError, RenderError
from renderer.input_files import open_input
from renderer.job import EditSettings, VideoJob, edit_mosaic
from renderer.library import Photo
from renderer.library.archive import Archive
from renderer.library.crops import SQUARE
from renderer.library.definitions import find_library
from renderer.library.index import Copy, File, Index
from renderer.library.reading import faces_in
from renderer.placement import load_map, save_map
from renderer.preset import load_preset
from renderer.progress import Silent
from renderer.timeline import Show

Run = Callable[..., tuple[int, str, str]]

ODD = [
    None, True, -1, 0, 3, 0.5, 10**30, 10**400, 1e308, math.nan, math.inf, "", "7", "nan", "1e999999999", "9" * 5000,
    "a\0b", "x" * 5000, "../..", "{", "rgb(999999999999999999999,0,0)", [], [1, 2], ["a\0b"], {}, {"a": {"b": [1]}},
    date(2024, 5, 31), [[["deep"]]],
]  # fmt: skip
"""Values that replace valid ones."""

many = settings(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def damaged(data: bytes, cut: tuple[str, float, float, bytes]) -> bytes:
    """Return bytes with some of them flipped, removed, inserted or doubled."""
    how, position, length, other = cut
    start = round(position * len(data))
    end = start + round(length * (len(data) - start))
    match how:
        case "flip":
            return data[:start] + bytes(byte ^ 0x55 for byte in data[start : start + 3]) + data[start + 3 :]
        case "cut":
            return data[:start] + data[end:]
        case "insert":
            return data[:start] + other + data[start:]
    return data[:end] + data[start:end] + data[end:]


cuts = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "double"]), st.floats(0, 1), st.floats(0, 1),
    st.sampled_from([b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 3000, b"nan", b'"', b"9" * 40, b"\n", b"{" * 20]),
)  # fmt: skip


def key_paths(value: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the key paths of all values in nested tables and lists."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*above, key)
        yield from key_paths(inner, (*above, key))


def with_value(value: Any, key_path: tuple[str | int, ...], other: object) -> Any:
    """Return a structure with another value at a key path, or without that key if the value is None."""
    copy = dict(value) if isinstance(value, dict) else list(value)
    first, *rest = key_path
    if rest:
        copy[first] = with_value(value[first], tuple(rest), other)
    elif other is None:
        del copy[first]
    else:
        copy[first] = other
    return copy


def changes(value: object) -> st.SearchStrategy[Any]:
    """Structures with one value replaced by an odd one."""
    return st.builds(
        lambda key_path, odd: with_value(value, key_path, odd),
        st.sampled_from(list(key_paths(value))),
        st.sampled_from(ODD),
    )


def as_json(value: object) -> bytes:
    return json.dumps(value, default=str).encode()


def as_toml(value: dict[str, Any]) -> bytes:
    return tomli_w.dumps(value).encode()


def is_read_or_refused(use: Callable[[], object]) -> None:
    with contextlib.suppress(RenderError):  # anything else ends a command with "unexpected …"
        use()


# -- TOML, CSV and JSON --------------------------------------------------------------------------------------------

PRESET = {
    "description": "a test", "size": "320x180", "fps": 30, "duration": 2.5, "background": "#102030", "title": "Hello",
    "title-time": [0.5, 2], "logo": "china.jpg", "font": "font.ttf", "music": "song.mp3", "quality": "draft",
    "max-size": "2MB", "tiles": ["tiles"], "since": date(2024, 1, 1), "columns": 24, "mirror": True,
    "zoom": {"easing": "smooth", "focus": "0.4,0.3"}, "rules": {"max-seconds": 60},
}  # fmt: skip

TIMELINE = {
    "timeline": [{"animation": "zoom", "seconds": 2, "focus": "0.4,0.3"}, {"animation": "hold", "seconds": 1.5}]
}

CAMPAIGN = {
    "defaults": {"fps": 30, "duration": 1, "size": [64, 42]},
    "job": [
        {"cover": "china.jpg", "animation": ["zoom"], "rows": "rows.json", "title": "For {name}", "output": "out/{name}-{columns}",
         "sweep": {"columns": "8..9"}, "zoom": {"easing": "smooth"}},
        {"cover": "china.jpg", "timeline": [{"animation": "zoom", "seconds": 2}], "preset": "whatsapp", "tiles": "china.jpg"},
    ],
}  # fmt: skip

ROWS = [{"name": "Ada", "age": 36}, {"name": "Zoë", "age": 4.5}]


@pytest.fixture
def folder(tmp_path: Path, cover: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "china.jpg").write_bytes(cover.read_bytes())
    (tmp_path / "rows.json").write_bytes(as_json(ROWS))
    return tmp_path


def use_preset() -> None:
    preset = load_preset("it.toml")
    values = {**preset.values, **preset.animations.get("zoom", {})}
    for name in ("logo", "font", "music"):
        values.pop(name, None)
    from animations.zoom import Zoom

    VideoJob.of(Path("china.jpg"), Zoom, Path("it.mp4"), values).resolved().selected_frames()
    preset.as_toml()


def use_campaign() -> None:
    read_campaign(Path("it.toml"), BatchRequest())


@pytest.mark.parametrize(
    ("content", "use"),
    [(PRESET, use_preset), (TIMELINE, lambda: Show(timeline="it.toml")), (CAMPAIGN, use_campaign)],
    ids=["preset", "timeline", "campaign"],
)
def test_damaged_toml_is_read_or_refused(content: dict[str, Any], use: Callable[[], object], folder: Path) -> None:
    file = folder / "it.toml"

    @many
    @given(changes(content).map(as_toml) | st.builds(damaged, st.just(as_toml(content)), cuts))
    def check(data: bytes) -> None:
        file.write_bytes(data)
        is_read_or_refused(use)

    file.write_bytes(as_toml(content))
    use()
    check()


@pytest.mark.parametrize(
    ("name", "data"),
    [("rows.json", as_json(ROWS)), ("rows.csv", b'name;age\r\nAda;36\r\n"Zo\xc3\xab;";4\r\n')],
    ids=["json", "csv"],
)
def test_damaged_rows_are_read_or_refused(name: str, data: bytes, folder: Path) -> None:
    (folder / "it.toml").write_text(
        f'[[job]]\ncover = "china.jpg"\nrows = "{name}"\ntitle = "{{name}}"\noutput = "out/{{name}}"\n'
    )
    changed = changes(ROWS).map(as_json) if name == "rows.json" else st.nothing()

    @many
    @given(changed | st.builds(damaged, st.just(data), cuts))
    def check(content: bytes) -> None:
        (folder / name).write_bytes(content)
        is_read_or_refused(use_campaign)

    (folder / name).write_bytes(data)
    use_campaign()
    check()


# -- Maps ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def header(folder: Path) -> dict[str, Any]:
    """The header of it.mosaic, a map of 12 cells and three missing photos."""
    save_map(small_map(folder), folder / "it.mosaic")
    with zipfile.ZipFile(folder / "it.mosaic") as file:
        found: dict[str, Any] = json.loads(file.read("map.json"))
    found["recipe"] |= {
        "crop": [0, 0.1, 1, 0.8], "faces": [[0.1, 0.2, 0.3, 0.3]], "cover_digest": "ab", "match": "mean", "tone": 0.5,
        "max_uses": 3, "banned": ["ab"], "limits": {"uses": 4, "distance": 2}, "figures": {"delta_e": 1.5, "advice": "a"},
    }  # fmt: skip
    return found


def write_map(header: object, **arrays: Any) -> None:
    """Replace the header of it.mosaic, and other members, given as bytes."""
    with zipfile.ZipFile("it.mosaic") as file:
        members = {name: file.read(name) for name in file.namelist()}
    members |= {"map.json": header if isinstance(header, bytes) else as_json(header)}
    members |= {f"{name}.npy": data for name, data in arrays.items()}
    with zipfile.ZipFile("it.mosaic", "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)


def npy(array: Any) -> bytes:
    written = io.BytesIO()
    np.lib.format.write_array(written, np.asarray(array), allow_pickle=False)
    return written.getvalue()


def use_map() -> None:
    placement = load_map(Path("it.mosaic"))
    placement.colours()
    placement.neighbours()
    assert placement.faces is not None
    json.dumps(placement.recipe)
    edit_mosaic(Path("it.mosaic"), Path("other.mosaic"), EditSettings(ban=("a",)), overwrite=True)


def test_damaged_map_headers_are_read_or_refused(header: dict[str, Any]) -> None:
    @many
    @given(changes(header).map(as_json) | st.builds(damaged, st.just(as_json(header)), cuts))
    def check(data: bytes) -> None:
        write_map(data)
        is_read_or_refused(use_map)

    check()


def test_damaged_map_archives_are_read_or_refused(folder: Path) -> None:
    save_map(small_map(folder), folder / "it.mosaic")
    whole = (folder / "it.mosaic").read_bytes()

    @many
    @given(st.builds(damaged, st.just(whole), cuts))
    def check(data: bytes) -> None:
        (folder / "it.mosaic").write_bytes(data)
        is_read_or_refused(lambda: load_map(folder / "it.mosaic"))

    check()


@pytest.mark.parametrize(
    ("key_path", "value", "reason"),
    [
        (("photos", 1, "digest"), "not hex", "photo 1 in its header: digest is 'not hex', not hexadecimal"),
        (("photos", 2, "path"), "a\0b", "photo 2 in its header: path is 'a"),
        (("photos", 0, "path"), "\ud800", "photo 0 in its header: path is"),
        (("photos", 0, "mean"), [0.1, math.nan, 0], "photo 0 in its header: mean is"),
        (("photos", 0, "size"), [10**18, 10], "photo 0 in its header: size is"),
        (("photos", 0, "is_part"), None, "photo 0 in its header: it has no 'is_part'"),
        (("recipe", "crop"), [0, 0, -1, 1], "crop or faces in its recipe contain"),
        (("recipe", "cover_size"), [0, 310], "cover_size in its recipe is"),
        (("version",), "2", "(its version is '2', not a number from 1)"),
        (("version",), 0, "(its version is 0, not a number from 1)"),
        (("version",), True, "(its version is True, not a number from 1)"),
    ],
)  # fmt: skip
def test_errors_name_the_damage_of_a_map(
    header: dict[str, Any], render: Run, key_path: tuple[str | int, ...], value: object, reason: str
) -> None:
    write_map(with_value(header, key_path, value))
    for words in (["edit", "it.mosaic", "--ban", "a"], ["mosaic", "it.mosaic", "-o", "it.png"]):
        code, _, err = render(*words)
        assert (code, err.count("not a valid placement map"), err.count("\n")) == (2, 1, 1)
        assert reason in err
    assert sorted(path.name for path in Path().iterdir()) == ["china.jpg", "it.mosaic", "rows.json"]


@pytest.mark.parametrize(
    "members",
    [
        {"header": b" " * 100_000_000},  # 0.1 MB in the archive
        {"header": b"[" + b"{}," * 5_000_000 + b"0]"},
        {"cost": npy(np.zeros(12, np.float32)).replace(b"(12,), }    ", b"(10**8,), }") + bytes(400)},
        {"photo": npy(np.zeros(2_000_000, np.int32))},
        {"cell": npy(np.zeros((3_000_000, 4), np.float64))},
    ],
    ids=["blanks", "values", "formula", "cells", "array"],
)  # fmt: skip
def test_loading_a_map_takes_no_more_memory_than_its_cells_need(
    header: dict[str, Any], members: dict[str, bytes]
) -> None:
    tracemalloc.start()
    write_map(members.pop("header", None) or header, **members)
    tracemalloc.clear_traces()
    tracemalloc.reset_peak()
    with pytest.raises(InputError, match="not a valid placement map"):
        load_map(Path("it.mosaic"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


# -- Files that the program stores ---------------------------------------------------------------------------------


def test_damaged_library_definitions_are_read_or_refused(folder: Path) -> None:
    content = {"folders": ["/photos", "more/*.jpg"], "crop": "smart", "video_frames": 3}

    @many
    @given(changes(content).map(as_json) | st.builds(damaged, st.just(as_json(content)), cuts))
    def check(data: bytes) -> None:
        (folder / "it.json").write_bytes(data)
        is_read_or_refused(lambda: find_library("it", folder))

    check()


def test_damaged_manifests_are_read_or_refused(folder: Path) -> None:
    content = {"format": "mosaic-renderer campaign 1", "videos": [{"output": "a.mp4", "state": "done", "bytes": 1}]}

    @many
    @given(changes(content).map(as_json) | st.builds(damaged, st.just(as_json(content)), cuts))
    def check(data: bytes) -> None:
        (folder / "manifest.json").write_bytes(data)
        is_read_or_refused(lambda: Manifest.load(folder))

    check()


def use_index(sources: Path) -> None:
    with Archive(Silent()) as archive:
        library = archive.open([str(sources)])
        assert len(library.photos) == 1
        assert library.tiles.shape == (1, 32, 32, 3)
        _ = library.photos[0], library.photos.dates()
        for index in archive.all_indexes():
            index.thumbnail(library.photos[0])


def test_damaged_indexes_are_read_or_refused(folder: Path) -> None:
    use_index(folder / "china.jpg")
    file = Path(os.environ["MOSAIC_RENDERER_CACHE"]) / "photos-smart.sqlite"
    whole = file.read_bytes()

    @settings(many, max_examples=30)
    @given(st.builds(damaged, st.just(whole), cuts))
    def check(data: bytes) -> None:
        for left in file.parent.glob("photos-smart.sqlite*"):
            left.unlink()
        file.write_bytes(data)
        is_read_or_refused(lambda: use_index(folder / "china.jpg"))

    check()


WIDE = Fraction(3, 2)


def use_cropped(index: Index) -> None:
    photos, columns = index.cropped(np.array([1]), WIDE, Silent())
    r, g, b = columns.mean[0].tolist()
    photos.photo(1, (r, g, b))
    photos.tiles(np.array([1]))


INDEX_USES: dict[str, Callable[[Index, Photo], object]] = {
    "scanned": lambda index, _: index.scanned(),
    "unread": lambda index, _: index.unread(),
    "all": lambda index, _: index.all(),
    "date_range": lambda index, _: [str(date)[:10] for date in index.date_range()],
    "photo": lambda index, photo: index.photo(1, photo.mean),
    "tiles": lambda index, _: index.tiles(np.array([1])),
    "descriptors": lambda index, _: index.descriptors(np.array([1])),
    "dates": lambda index, _: index.dates(np.array([1])),
    "thumbnail": lambda index, photo: index.thumbnail(photo),
    "tiles_of": lambda index, photo: index.tiles_of([photo]),
    "wide tiles_of": lambda index, photo: index.tiles_of([photo], WIDE),
    "digests_at": lambda index, photo: index.digests_at([photo.path]),
    "cropped": lambda index, _: use_cropped(index),
    "store_faces": lambda index, _: index.store_faces(
        [faces_in(each, index.rule) for each in index.thumbnails(np.array([1]))]
    ),
    "unsearched": lambda index, _: index.unsearched(scanned=True),
    "faces_of": lambda index, photo: index.faces_of([photo]),
    "is_unchanged": lambda index, photo: index.is_unchanged(photo),
    "paths_of": lambda index, photo: index.paths_of(photo),
    "contains": lambda index, photo: index.contains(photo.path, photo.digest),
    "find_by_name": lambda index, photo: index.find_by_name(photo.path.name),
    "store": lambda index, photo: index.store([(File(Path("moved.jpg"), 1, 1), Copy(photo.digest))]),
    "forget_missing": lambda index, _: index.forget_missing(),
}

INDEX_COLUMNS = {
    "photo": "path frames clip_ms bytes modified_ns digest width height orientation captured crop_left crop_top"
    " crop_width crop_height faces gone_ns",
    "thumbnail": "jpeg", "tile": "pixels", "block": "signature look mean", "skipped": "path frames bytes reason",
    "ratio": "name used_ns", "tile_3x2": "pixels", "block_3x2": "box signature mean",
}  # fmt: skip


@pytest.mark.parametrize("value", ["'text'", "x'ff00'", "-1"])
def test_damaged_values_of_an_index_are_read_or_refused(folder: Path, value: str) -> None:
    (folder / "tiles").mkdir()
    (folder / "tiles" / "china.jpg").write_bytes((folder / "china.jpg").read_bytes())
    (folder / "tiles" / "not.jpg").write_bytes(b"not a picture")
    with Archive(Silent()) as archive:
        library = archive.open(["tiles"])
        assert (len(library.photos), len(library.skipped)) == (1, 1)
        photo = library.cropped(WIDE).cropped(SQUARE).photos[0]
    whole = (Path(os.environ["MOSAIC_RENDERER_CACHE"]) / "photos-smart.sqlite").read_bytes()
    file = folder / "it.sqlite"
    for table, columns in INDEX_COLUMNS.items():
        for column in columns.split():
            uses = list(INDEX_USES)
            while uses:  # after a failure, continue with a new copy: the damaged one may have been renamed
                for left in folder.glob("it.sqlite*"):
                    left.unlink()
                file.write_bytes(whole)
                with contextlib.closing(sqlite3.connect(file)) as database, database:
                    database.execute("PRAGMA synchronous = OFF")
                    database.execute(f"UPDATE {table} SET {column} = {value}")
                with Index(file) as index, contextlib.suppress(RenderError, sqlite3.Error):  # then with a new copy
                    index.scan(iter([File.at(photo.path)]))
                    while uses:
                        INDEX_USES[uses.pop(0)](index, photo)


# -- Pipes and other special files ---------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize(
    "words",
    [
        ["zoom", "pipe.mosaic"],
        ["zoom", "pipe.jpg"],
        ["zoom", "china.jpg", "--preset", "pipe.toml"],
        ["show", "china.jpg", "--timeline", "pipe.toml"],
        ["zoom", "china.jpg", "--logo", "pipe.jpg"],
        ["zoom", "china.jpg", "--title", "A", "--font", "pipe.ttf"],
        ["zoom", "china.jpg", "--music", "pipe.mp3"],
        ["edit", "pipe.mosaic", "--ban", "a"],
        ["batch", "pipe.toml"],
        ["batch", "--covers", "china.jpg", "--rows", "pipe.csv"],
        ["batch", "--covers", "china.jpg", "--rows", "pipe.json"],
        ["batch", "--covers", "pipe.jpg"],
        ["batch", "--covers", "china.jpg", "--logo", "pipe.jpg"],
        ["batch", "--covers", "china.jpg", "--preset", "pipe.toml"],
        ["zoom", "china.jpg", "--tiles", "named"],
        ["check", "pipe.mp4", "--preset", "whatsapp"],
    ],
    ids=" ".join,
)
def test_pipes_are_rejected(folder: Path, render: Run, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSAIC_RENDERER_LIBRARIES", str(folder))
    for name in (
        "pipe.mosaic",
        "pipe.jpg",
        "pipe.toml",
        "pipe.ttf",
        "pipe.mp3",
        "pipe.csv",
        "pipe.json",
        "pipe.mp4",
        "named.json",
    ):
        os.mkfifo(name)
    code, _, err = render(*words)
    assert (code, err.count("is not a file but a pipe or a device"), err.count("\n")) == (2, 1, 1)


def test_opening_does_not_block_on_a_pipe_that_replaced_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no such pipes")
    os.mkfifo("pipe")
    monkeypatch.setattr(
        "renderer.input_files.check_input", lambda _path: None
    )  # as if it replaced the file after the check
    with pytest.raises(InputError, match="is not a file"):
        open_input(folder / "pipe")


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 300 + ".jpg", "n\0/b.jpg"], ids=["nul", "long", "folder"])
@pytest.mark.parametrize("key", ["logo", "font", "music", "tiles", "cover", "rows", "preset"])
@pytest.mark.usefixtures("folder")
def test_invalid_file_names_are_input_errors(render: Run, name: str, key: str) -> None:
    job = {"cover": "china.jpg", "title": "A", key: name}
    Path("it.toml").write_bytes(as_toml({"job": [job]}))
    code, _, err = render("batch", "it.toml", "--dry-run")
    assert (code, "unexpected" in err) == (2, False)
    if key not in ("rows", "cover"):
        Path("own.toml").write_bytes(as_toml({"title": "A", key: name} if key != "preset" else {"extends": name}))
        code, _, err = render("zoom", "china.jpg", "--preset", "own.toml", "--dry-run")
        assert (code, "unexpected" in err) == (2, False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a = " + "[" * 3000, "its values are nested more than 50 levels deep"),
        ("[" + "a." * 400_000 + "a]", "its values are nested more than 50 levels deep"),  # tomllib takes six minutes
        ("a = 1" + "0" * 5000, "not TOML"),
        ("a = 99999999999999999999", "beyond 64 bits"),
        ("", ""),
        ("\ufefffps = 30", ""),
    ],
    ids=["lists", "keys", "digits", "large", "empty", "mark"],
)
def test_limits_of_toml_files_are_enforced(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "it.toml").write_text(content, "utf-8")
    if not reason:
        assert read_toml(tmp_path / "it.toml", "it.toml")[0] in ({}, {"fps": 30})
        return
    with pytest.raises(InputError, match=reason):
        read_toml(tmp_path / "it.toml", "it.toml")


@pytest.mark.usefixtures("folder")
def test_large_files_are_not_read(render: Run) -> None:
    with Path("large.toml").open("wb") as file:
        file.truncate(10**12)  # a sparse file
    Path("wide.toml").write_text("fps = 30", "utf-16")
    for name, reason in (
        ("large.toml", "is larger than 4 MB"),
        ("wide.toml", "is not UTF-8"),
        ("/dev/zero", "there is no preset /dev/zero"),
    ):
        assert reason in render("zoom", "china.jpg", "--preset", name)[2]
    if os.name == "posix":
        assert "--rows /dev/zero is not a file" in render("batch", "--covers", "china.jpg", "--rows", "/dev/zero")[2]
