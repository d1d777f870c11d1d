"""The tables of an index for crops of other ratios than squares, which the photos' own rows contain.

Each ratio has two tables, like those of the squares: the tile pictures, and blocks with the crops, signatures and mean
colours of 1,024 photos. Everything in them can be computed again from the thumbnails.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from renderer.descriptors import SIGNATURE_PIXELS, tile_size
from renderer.library.crops import Box, Tile
from renderer.library.database import Database, as_damage
from renderer.pixels import Pixels

BLOCK: Final = 1024
"""Photos per block: number n is in block n / 1024."""

_MAX_RATIOS: Final = 6  # that are stored; 5 KB per photo each. Of more, the ones used last remain


@dataclass(frozen=True)
class CropBlock:
    """The crops of 1,024 photos, or of any other number N."""

    box: npt.NDArray[np.int32]  # (N, 4) left, top, width and height in pixels of the photo; 0: not computed
    signature: Pixels  # (N, 8, 8, 3)
    mean: npt.NDArray[np.float32]  # (N, 3) sRGB 0…1

    @classmethod
    def empty(cls, count: int) -> CropBlock:
        """Return the block of photos that are not computed."""
        side = SIGNATURE_PIXELS
        return cls(
            np.zeros((count, 4), np.int32), np.zeros((count, side, side, 3), np.uint8), np.zeros((count, 3), np.float32)
        )

    @classmethod
    def of(cls, crops: Sequence[tuple[Box, Tile]]) -> CropBlock:
        """Return the block of some photos."""
        return cls(
            np.array([box for box, _ in crops], np.int32),
            np.array([tile.signature for _, tile in crops]),
            np.array([tile.mean for _, tile in crops], np.float32),
        )

    def put(self, rows: npt.NDArray[np.integer[Any]], others: CropBlock) -> None:
        """Replace some rows by all of another block."""
        for name, values in vars(self).items():
            values[rows] = getattr(others, name)

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> CropBlock:
        """Return some rows."""
        return CropBlock(*(values[rows] for values in vars(self).values()))


def _name(ratio: Fraction) -> str:
    return f"{ratio.numerator}x{ratio.denominator}"


def create_tables(database: sqlite3.Connection, ratio: Fraction) -> None:
    """Create the tables of a ratio if necessary. Raises sqlite3.Error, as the functions below do."""
    database.execute(
        f'CREATE TABLE IF NOT EXISTS "tile_{_name(ratio)}" (number INTEGER PRIMARY KEY, pixels BLOB NOT NULL)'
    )
    database.execute(
        f'CREATE TABLE IF NOT EXISTS "block_{_name(ratio)}"'
        " (number INTEGER PRIMARY KEY, box BLOB NOT NULL, signature BLOB NOT NULL, mean BLOB NOT NULL)"
    )


def write_tiles(
    database: sqlite3.Connection, ratio: Fraction, numbers: npt.NDArray[np.integer[Any]], tiles: Pixels
) -> None:
    """Write the tile pictures of photos, (N, H, W, 3)."""
    database.executemany(
        f'INSERT OR REPLACE INTO "tile_{_name(ratio)}" VALUES (?, ?)',
        [(number, tile.tobytes()) for number, tile in zip(numbers.tolist(), tiles, strict=True)],
    )


def write_block(database: sqlite3.Connection, ratio: Fraction, number: int, block: CropBlock) -> None:
    """Write the crops of the photos 1024 · number to 1024 · number + 1023."""
    database.execute(
        f'INSERT OR REPLACE INTO "block_{_name(ratio)}" VALUES (?, ?, ?, ?)',
        (
            number, block.box.astype("<i4").tobytes(), block.signature.tobytes(), block.mean.astype("<f4").tobytes(),
        ),
    )  # fmt: skip


class CropTables(Database):
    """A database with tables for crops of any ratio. Methods may raise sqlite3.Error."""

    def use_ratio(self, ratio: Fraction) -> None:
        """Create the tables of a ratio if necessary, and delete those of the ratios that were not used for longest."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO ratio VALUES (?, ?)", (_name(ratio), time.time_ns()))
            create_tables(database, ratio)
            self._delete_ratios(database, self._ratios(database)[_MAX_RATIOS:])

    def stored_block(self, ratio: Fraction, block: int) -> CropBlock:
        """Return what is stored of the photos 1024 · block to 1024 · block + 1023."""
        stored = CropBlock.empty(BLOCK)
        query = f'SELECT box, signature, mean FROM "block_{_name(ratio)}" WHERE number = ?'
        rows = self._rows_of_ratio(query, block)
        with as_damage():
            for box, signature, mean in rows:
                stored.box[:] = np.frombuffer(box, "<i4").reshape(stored.box.shape)
                stored.signature[:] = np.frombuffer(signature, np.uint8).reshape(stored.signature.shape)
                stored.mean[:] = np.frombuffer(mean, "<f4").reshape(stored.mean.shape)
        return stored

    def stored_box(self, ratio: Fraction, number: int) -> Box | None:
        """Return the stored crop of a photo; None if there is none."""
        query = f'SELECT substr(box, ?, 16) FROM "block_{_name(ratio)}" WHERE number = ?'
        rows = self._rows_of_ratio(query, number % BLOCK * 16 + 1, number // BLOCK)
        with as_damage():
            for (box,) in rows:
                left, top, width, height = np.frombuffer(box, "<i4").tolist()
                return (left, top, width, height) if width > 0 else None
        return None

    def stored_tiles(self, ratio: Fraction, numbers: Sequence[int]) -> dict[int, Pixels]:
        """Return the stored tile pictures of photos, by their numbers."""
        width, height = tile_size(ratio)
        among = ",".join(map(str, numbers))
        rows = self._rows_of_ratio(f'SELECT number, pixels FROM "tile_{_name(ratio)}" WHERE number IN ({among})')
        with as_damage():
            return {number: np.frombuffer(pixels, np.uint8).reshape(height, width, 3) for number, pixels in rows}

    def store_crops(self, ratio: Fraction, numbers: npt.NDArray[np.int64], crops: Sequence[tuple[Box, Tile]]) -> None:
        """Store the crops of photos; nothing if another process has deleted the ratio's tables."""
        new = CropBlock.of(crops)
        with self._transaction() as database:
            if _name(ratio) not in self._ratios(database):
                return
            write_tiles(database, ratio, numbers, np.array([tile.pixels for _, tile in crops]))
            for block in np.unique(numbers // BLOCK).tolist():
                inside = np.flatnonzero(numbers // BLOCK == block)
                stored = self.stored_block(ratio, block)
                stored.put(numbers[inside] % BLOCK, new.take(inside))
                write_block(database, ratio, block, stored)

    def _delete_crops(self, database: sqlite3.Connection, numbers: Sequence[tuple[int]]) -> None:
        """Delete the tile pictures of photos in all ratios; their numbers are never used again."""
        for name in self._ratios(database):
            database.executemany(f'DELETE FROM "tile_{name}" WHERE number = ?', numbers)

    def _delete_ratios(self, database: sqlite3.Connection, names: Sequence[str]) -> None:
        for name in names:
            for table in ("tile", "block"):
                database.execute(f'DROP TABLE IF EXISTS "{table}_{name}"')
            database.execute("DELETE FROM ratio WHERE name = ?", (name,))

    @staticmethod
    def _ratios(database: sqlite3.Connection) -> list[str]:
        """Return the names of the ratios that have tables, the one used last first."""
        rows = database.execute("SELECT name FROM ratio WHERE typeof(name) = 'text' ORDER BY used_ns DESC")
        return [name for (name,) in rows if all(part.isdecimal() for part in name.split("x"))]

    def _rows_of_ratio(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none if another process has deleted the table."""
        try:
            return self._rows(query, *values)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
