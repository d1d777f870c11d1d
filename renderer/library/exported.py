"""The photos of a library as one file, without the photos' own files: for machines that don't have these.

It is an SQLite database with the tables of an index, in which the photos of several indexes have different numbers, and
with all that is known of photos that no index has. Its bytes depend on the photos and their order alone. It is only
read: several processes can use one file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from renderer.descriptors import MixedRatio, blocks
from renderer.errors import InputError, RenderError
from renderer.input_files import check_input, is_file
from renderer.library.crop_tables import BLOCK, CropBlock, create_tables, write_block, write_tiles
from renderer.library.cropped import CroppedPhotos
from renderer.library.crops import SQUARE, CropRule
from renderer.library.database import as_damage
from renderer.library.index import Index, faces_to_bytes
from renderer.library.library import Library
from renderer.library.photos import Numbers, Photo, PhotoColumns, Photos, PhotoStore, in_memory
from renderer.output_files import new_file
from renderer.progress import Silent

_APPLICATION: Final = 0x4D52504C  # SQLite's field for the kind of a database

_SCHEMA: Final = (
    """CREATE TABLE library (
        facts TEXT NOT NULL,  -- JSON, see _Writer.write
        places BLOB NOT NULL  -- N x 2 int32, little-endian: of each photo, its store and its number there
    )""",
    """CREATE TABLE photo (
        number INTEGER PRIMARY KEY, source INTEGER NOT NULL,  -- its index
        path BLOB NOT NULL, clip_ms INTEGER NOT NULL, digest BLOB NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL,
        captured TEXT NOT NULL,  -- or else when the file was modified, in the time zone of who exported it
        crop_left INTEGER NOT NULL, crop_top INTEGER NOT NULL,
        crop_width INTEGER NOT NULL, crop_height INTEGER NOT NULL,
        faces BLOB NOT NULL
    )""",
    "CREATE INDEX photo_digest ON photo (digest)",
    "CREATE TABLE thumbnail (number INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)",
    "CREATE TABLE tile (number INTEGER PRIMARY KEY, pixels BLOB NOT NULL)",
    "CREATE TABLE block (number INTEGER PRIMARY KEY, signature BLOB, look BLOB, mean BLOB)",
    """CREATE TABLE in_memory (
        store INTEGER, number INTEGER, photo TEXT NOT NULL, date TEXT NOT NULL, tile BLOB NOT NULL,
        PRIMARY KEY (store, number)
    )""",
)


def export_photos(library: Library, path: Path) -> None:
    """Write all that is known about the photos of a library, except their files, to a file; about 30 KB per photo.

    Photos whose files are missing or have changed, so that this library draws them from their thumbnails, are drawn so
    from the exported file too. Raises RenderError.
    """
    with new_file(path, overwrite=True) as temporary:
        temporary.touch(mode=0o600)  # it has names and pictures, as an index has
        try:
            with closing(sqlite3.connect(temporary, isolation_level=None)) as database:
                database.execute("PRAGMA journal_mode = OFF")
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute("BEGIN")
                for statement in _SCHEMA:
                    database.execute(statement)
                _Writer(database, library).write()
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise RenderError(f"{path} can't be written ({error}): free some space, or choose another file") from error


@contextmanager
def open_exported(path: Path, find_file: Callable[[Photo], Path]) -> Iterator[Library]:
    """Open exported photos as a library with the same photos, numbers and pixels; closed when the context exits.

    `find_file`: returns a file with the content of a photo, for what is drawn from files; it is called from several
    threads. Its errors, and PictureErrors of its files, are raised where the photo is drawn. It is not called for
    photos whose files were missing when they were exported. Raises InputError if `path` was not written by
    `export_photos`, or is damaged, as far as that shows without reading all of it: compare digests to be sure.
    """
    check_input(path)
    with ExitStack() as opened:
        try:
            with as_damage():
                library = _library(path, find_file, opened)
        except sqlite3.Error as error:
            raise InputError(
                f"{path} does not contain exported photos, or is damaged ({error}): export them again"
            ) from error
        yield library


class _ExportedIndex(Index):
    """What an index has of exported photos. Methods that change it raise sqlite3.Error."""

    def __init__(self, path: Path, source: int, rule: CropRule) -> None:
        self._source = source
        super().__init__(path, rule)

    def _open(self) -> sqlite3.Connection:
        connection = _connect(self.path)
        # SQLite finds these before the table of the file.
        connection.execute(
            "CREATE TEMP VIEW photo AS SELECT *, -1 AS bytes, 0 AS modified_ns FROM main.photo"
            f" WHERE source = {self._source}"
        )
        connection.execute("CREATE TEMP VIEW known AS SELECT * FROM photo")
        return connection

    def is_unchanged(self, photo: Photo) -> bool | None:  # noqa: ARG002 (whatever is at its path here)
        """Return None: photos are not read from their paths."""
        return None

    def jpegs(self, photos: Sequence[Photo]) -> list[bytes | None]:
        """Return the JPEGs of thumbnails, as in an index, but raise RenderError where these can't be read.

        The pixels of a photo's file are not those of its thumbnail.
        """
        with self.final_read():
            return self._stored_jpegs(photos)

    def _read_failure(self, error: sqlite3.Error) -> RenderError:
        return RenderError(f"{self.path} is damaged ({error}): export the photos again")


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file for reading, without locks and without files beside it. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, isolation_level=None
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


# -- Writing -------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the photos of a library to a new database. Photos are in the order in which the library has them."""

    def __init__(self, database: sqlite3.Connection, library: Library) -> None:
        self._database, self._library = database, library
        self._numbers: dict[Index, dict[int, int]] = {}  # of photos in an index → in the file
        self._crops: dict[Fraction, dict[int, CropBlock]] = {}  # by ratio, then by block

    def write(self) -> None:
        """Write all tables."""
        library, photos = self._library, self._library.photos
        stores = list(photos.by_store(np.arange(len(photos))))
        sources = self._write_indexes(stores)
        places = np.empty((len(photos), 2), "<i4")
        written = []
        for number, (store, selected, numbers) in enumerate(stores):
            places[selected, 0] = number
            if isinstance(store, Index):
                places[selected, 1] = self._in_file(store, numbers)
                written.append({"source": sources.index(store), "ratio": str(SQUARE)})
            elif isinstance(store, CroppedPhotos):
                places[selected, 1] = self._in_file(store.index, numbers)
                written.append({"source": sources.index(store.index), "ratio": str(store.ratio)})
                self._write_crops(store, selected, numbers)
            else:
                distinct = _distinct(numbers)
                at = {each: place for place, each in enumerate(distinct.tolist())}
                places[selected, 1] = [at[each] for each in numbers.tolist()]
                written.append({"tile": self._write_in_memory(number, store, distinct)})
        for ratio, crops in self._crops.items():
            for block in sorted(crops):
                write_block(self._database, ratio, block, crops[block])
        paths = {photo.path for photo in photos}
        facts = {
            "ratio": str(photos.ratio.landscape if isinstance(photos.ratio, MixedRatio) else photos.ratio),
            "mixed": isinstance(photos.ratio, MixedRatio),
            "sources": [[index.rule.crop, index.rule.faces] for index in sources],
            "stores": written,
            "pictures": sorted(str(path) for path in library.pictures if path in paths),
            "missing": sorted(map(str, self._missing())),
        }
        self._database.execute("INSERT INTO library VALUES (?, ?)", (json.dumps(facts), places.tobytes()))

    def _missing(self) -> set[Path]:
        """Return the paths of the photos that the library draws from their thumbnails, whatever their size."""
        library = self._library
        shown: dict[bool, set[Path]] = {False: set(), True: set()}
        for photo in library.photos:
            is_cut = photo.is_part or photo.path in library.pictures
            is_current = photo.path not in library.missing and (
                library.find_file is not None or is_cut or (is_file(photo.path) and library.changed_in(photo) is None)
            )
            shown[is_current].add(photo.path)
        return shown[False] - shown[True]

    # -- Indexes ---------------------------------------------------------------------------------------------------

    def _write_indexes(self, stores: Sequence[tuple[PhotoStore, Numbers, Numbers]]) -> list[Index]:
        """Write what indexes have of the photos and their thumbnails; return the indexes that have any."""
        library = self._library
        lacking = {
            (photo.digest, photo.clip_ms): photo  # the first index that has a thumbnail of it counts
            for photo in library.photos
            if not photo.is_part and photo.path not in library.pictures
        }
        sources: list[Index] = []
        first = 0
        for index in library.indexes:
            own = [
                np.stack([selected, numbers])
                for store, selected, numbers in stores
                if store is index or (isinstance(store, CroppedPhotos) and store.index is index)
            ]
            positions, numbers = np.concatenate([np.empty((2, 0), np.int64), *own], axis=1)
            numbers = _distinct(numbers[np.argsort(positions)])
            self._numbers[index] = {each: first + place for place, each in enumerate(numbers.tolist())}
            for some in blocks(len(numbers), BLOCK):
                for photo in self._write_photos(len(sources), index, numbers[some], first + some.start):
                    lacking.pop((photo.digest, photo.clip_ms), None)
            more = self._write_thumbnails(len(sources), index, list(lacking.values()), first + len(numbers))
            lacking = {key: photo for key, photo in lacking.items() if key not in more}
            if len(numbers) or more:
                sources.append(index)
            first += -(-(len(numbers) + len(more)) // BLOCK) * BLOCK  # a block has photos of one index
        return sources

    def _write_photos(self, source: int, index: Index, numbers: Numbers, first: int) -> Sequence[Photo]:
        """Write at most a block of photos, numbered from `first` on, and return them with their squares."""
        _, columns = index.cropped(numbers, SQUARE, Silent())
        with index.final_read():
            jpegs = {each.number: each.jpeg for each in index.thumbnails(np.sort(numbers))}
        squares = [index.photo(number, (0.0, 0.0, 0.0)) for number in numbers.tolist()]
        dates = [date for _, date in index.dates(numbers)]
        for table, values in (
            ("thumbnail", [jpegs[number] for number in numbers.tolist()]),
            ("tile", [tile.tobytes() for tile in index.tiles(numbers)]),
        ):
            self._database.executemany(f"INSERT INTO {table} VALUES (?, ?)", enumerate(values, first))
        for number, (photo, date) in enumerate(zip(squares, dates, strict=True), first):
            self._write_photo(number, source, photo, date)
        arrays = (columns.signature, index.descriptors(numbers), columns.mean.astype("<f4"))
        padded = [each.tobytes().ljust(each[:1].nbytes * BLOCK, b"\0") for each in arrays]
        self._database.execute("INSERT INTO block VALUES (?, ?, ?, ?)", (first // BLOCK, *padded))
        return squares

    def _write_thumbnails(self, source: int, index: Index, photos: Sequence[Photo], first: int) -> set[tuple[str, int]]:
        """Write the thumbnails that an index has of photos in memory; return the digest and the time of these."""
        written: set[tuple[str, int]] = set()
        for some in blocks(len(photos), _AT_ONCE):
            for photo, jpeg in zip(photos[some], index.jpegs(photos[some]), strict=True):
                if jpeg is not None:
                    number = first + len(written)
                    self._write_photo(number, source, photo, "")
                    self._database.execute("INSERT INTO thumbnail VALUES (?, ?)", (number, jpeg))
                    written.add((photo.digest, photo.clip_ms))
        return written

    def _write_photo(self, number: int, source: int, photo: Photo, date: str) -> None:
        self._database.execute(
            f"INSERT INTO photo VALUES ({', '.join('?' * 13)})",
            (
                number, source, os.fsencode(photo.path), photo.clip_ms, bytes.fromhex(photo.digest), *photo.size, date,
                *photo.crop, faces_to_bytes(photo.faces),
            ),
        )  # fmt: skip

    def _in_file(self, index: Index, numbers: Numbers) -> list[int]:
        return [self._numbers[index][number] for number in numbers.tolist()]

    def _write_crops(self, store: CroppedPhotos, selected: Numbers, numbers: Numbers) -> None:
        """Write the crops of a ratio: the tile pictures now, the blocks when all stores are written."""
        create_tables(self._database, store.ratio)
        crops = self._crops.setdefault(store.ratio, {})
        columns = self._library.photos.columns
        in_file = np.array(self._in_file(store.index, numbers))
        for some in blocks(len(numbers), BLOCK):
            write_tiles(self._database, store.ratio, in_file[some], store.tiles(numbers[some]))
        found = CropBlock(store.boxes(numbers), columns.signature[selected], columns.mean[selected])
        for block in np.unique(in_file // BLOCK).tolist():
            inside = np.flatnonzero(in_file // BLOCK == block)
            crops.setdefault(block, CropBlock.empty(BLOCK)).put(in_file[inside] % BLOCK, found.take(inside))

    # -- Photos in memory ------------------------------------------------------------------------------------------

    def _write_in_memory(self, number: int, store: PhotoStore, numbers: Numbers) -> Sequence[int]:
        """Write photos that no index has, and return the shape of their tile pictures."""
        shape: Sequence[int] = ()
        for some in blocks(len(numbers), BLOCK):
            tiles, dates = store.tiles(numbers[some]), store.dates(numbers[some])
            shape = tiles.shape[1:]
            for place, (old, tile, (_, date)) in enumerate(
                zip(numbers[some].tolist(), tiles, dates, strict=True), some.start
            ):
                photo = _to_json(store.photo(old, (0.0, 0.0, 0.0)))
                self._database.execute(
                    "INSERT INTO in_memory VALUES (?, ?, ?, ?, ?)", (number, place, photo, date, tile.tobytes())
                )
        return shape


_AT_ONCE: Final = 60  # thumbnails, the maximum of `Index.jpegs`


def _distinct(numbers: Numbers) -> Numbers:
    """Return each number once, in the order in which they come."""
    return np.array(list(dict.fromkeys(numbers.tolist())), np.int64)


def _to_json(photo: Photo) -> str:
    return json.dumps([
        str(photo.path), photo.digest, photo.size, photo.crop, [float(value) for value in photo.mean], photo.is_part,
        photo.time, photo.faces,
    ])  # fmt: skip


def _from_json(text: str) -> Photo:
    path, digest, size, crop, mean, is_part, time, faces = json.loads(text)
    return Photo(Path(path), digest, tuple(size), tuple(crop), tuple(mean), is_part, time, tuple(map(tuple, faces)))


# -- Reading -------------------------------------------------------------------------------------------------------


def _library(path: Path, find_file: Callable[[Photo], Path], opened: ExitStack) -> Library:
    """Open exported photos; what is open is added to `opened`. Raises sqlite3.Error and what `as_damage` converts."""
    with closing(_connect(path)) as database:
        ((application,),) = database.execute("PRAGMA application_id").fetchall()
        if application != _APPLICATION:
            raise ValueError("it is another kind of file")
        ((pages,),) = database.execute("PRAGMA page_count").fetchall()
        ((page_bytes,),) = database.execute("PRAGMA page_size").fetchall()
        if pages * page_bytes != path.stat().st_size:
            raise ValueError("it is incomplete")
        ((text, places),) = database.execute("SELECT facts, places FROM library").fetchall()
        facts: dict[str, Any] = json.loads(text)
        store_of, numbers = np.frombuffer(places, "<i4").reshape(-1, 2).astype(np.int64).T
        indexes = [
            opened.enter_context(_ExportedIndex(path, source, CropRule(*rule)))
            for source, rule in enumerate(facts["sources"])
        ]
        stores: list[tuple[PhotoStore, PhotoColumns]] = []
        for number, about in enumerate(facts["stores"]):
            its = numbers[store_of == number]
            if "source" in about:
                stores.append(indexes[about["source"]].cropped(its, Fraction(about["ratio"]), Silent()))
            else:
                stores.append(_in_memory(database, number, about["tile"], its))
    ratio = Fraction(facts["ratio"])
    photos = Photos(stores, MixedRatio(ratio) if facts["mixed"] else ratio)
    if len(stores) > 1:  # which are one after another
        photos = photos.take(np.argsort(np.argsort(store_of, kind="stable")))
    return Library(
        photos, indexes=indexes, pictures=dict.fromkeys(map(Path, facts["pictures"])),
        missing=map(Path, facts["missing"]), find_file=find_file,
    )  # fmt: skip


def _in_memory(
    database: sqlite3.Connection, store: int, shape: Sequence[int], numbers: Numbers
) -> tuple[PhotoStore, PhotoColumns]:
    """Return exported photos that no index has, and the columns of those with these numbers."""
    rows = database.execute("SELECT photo, date, tile FROM in_memory WHERE store = ? ORDER BY number", (store,))
    texts, dates, pixels = zip(*rows, strict=True)
    photos = [_from_json(text) for text in texts]
    tiles = np.frombuffer(b"".join(pixels), np.uint8).reshape(len(photos), *shape)
    held, columns = in_memory(photos, tiles, dates)
    return held, columns.take(numbers)
