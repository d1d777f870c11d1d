"""The placement map: which photo sits in which cell of a cover, with which tone. Saved and loaded as one file."""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from renderer.data_files import parse_json
from renderer.errors import InputError, MissingFileError
from renderer.grid import MAX_CELLS, Grid
from renderer.input_files import open_input
from renderer.library import Photo
from renderer.output_files import new_file
from renderer.paths import can_be_path
from renderer.subject import Face

MAP_SUFFIX: Final = ".mosaic"
FORMAT_VERSION: Final = 1
MAX_UNITS: Final = 100_000
"""Longest side of a map."""

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True)
class PlacementMap:
    """N cells of one cover and what each shows. Mosaic units: x right, y down, origin at the top left."""

    cell: npt.NDArray[np.float64]  # (N, 4) x, y, width, height
    photo: npt.NDArray[np.int32]  # (N,) index into `photos`
    symmetry: npt.NDArray[np.uint8]  # (N,) bit 0 mirrors left-right, bit 1 top-bottom, bit 2 transposes; in this order
    gain: npt.NDArray[np.float32]  # (N, 3) and
    offset: npt.NDArray[np.float32]  # (N, 3): a tile is drawn as gain · colour + offset, sRGB 0…1
    cost: npt.NDArray[np.float32]  # (N,) the matcher's distance, in the metric's own unit
    photos: tuple[Photo, ...]
    size: tuple[float, float]  # width and height in units
    recipe: dict[str, JsonValue] = field(default_factory=dict)  # cover and its hash, settings, seed, versions

    def __len__(self) -> int:
        return len(self.photo)

    @property
    def cover_size(self) -> tuple[float, float]:
        """Width and height of the cover before it was cropped to whole cells; only their ratio is meant."""
        match self.recipe.get("cover_size"):
            case [int() | float() as width, int() | float() as height] if width > 0 and height > 0:
                return float(width), float(height)
        return self.size

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """The part of the cover that the cells cover: x, y, width and height in fractions of it."""
        match self.recipe.get("crop"):
            case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h] if w and h:
                return float(x), float(y), float(w), float(h)
        return 0.0, 0.0, 1.0, 1.0

    @cached_property
    def grid(self) -> Grid:
        """The cells, as they were cut out of the cover."""
        columns, rows = (round(side) for side in self.size)
        return Grid(columns, rows, self.crop, self.cell)

    @property
    def faces(self) -> list[Face]:
        """Where the cover's faces are, each left, top, width and height in fractions of the mosaic."""
        left, top, width, height = self.crop
        found = self.recipe.get("faces")
        boxes: list[Face] = []
        for face in found if isinstance(found, list) else []:
            match face:
                case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h]:
                    boxes.append(((x - left) / width, (y - top) / height, w / width, h / height))
        return boxes

    def colours(self, longest: int = 160) -> npt.NDArray[np.float32]:
        """A small picture of the tiles' mean colours: (H, W, 3) sRGB, `longest` pixels on its longer side."""
        width, height = self.size
        scale = longest / max(width, height)
        picture = np.zeros((max(2, round(height * scale)), max(2, round(width * scale)), 3), np.float32)
        colours = np.array([photo.mean for photo in self.photos], np.float32)[self.photo] * self.gain + self.offset
        corners = np.concatenate([self.cell[:, :2], self.cell[:, :2] + self.cell[:, 2:]], axis=1)
        # The cell under the middle of each pixel: found from the cells' side, since they may lie in any layout.
        edges = np.ceil(corners * scale - 0.5).astype(np.int64)
        for (left, top, right, bottom), colour in zip(edges.tolist(), colours, strict=True):
            picture[top:bottom, left:right] = colour
        return picture

    def _repr_png_(self) -> bytes:
        """The tiles' mean colours, as a notebook shows a map."""
        small = np.clip(self.colours() * 255 + 0.5, 0, 255).astype(np.uint8)
        shown = io.BytesIO()
        Image.fromarray(small).resize((small.shape[1] * 3, small.shape[0] * 3), Image.Resampling.NEAREST).save(
            shown, "PNG"
        )
        return shown.getvalue()

    @cached_property
    def bottoms(self) -> npt.NDArray[np.float64]:
        """(N,) the lowest y, units, that each cell or one before it reaches down to."""
        return np.maximum.accumulate(self.cell[:, 1] + self.cell[:, 3])

    @cached_property
    def tops(self) -> npt.NDArray[np.float64]:
        """(N,) the highest y, units, at which each cell or one after it begins."""
        return np.minimum.accumulate(self.cell[::-1, 1])[::-1]

    def neighbours(self) -> npt.NDArray[np.int64]:
        """(M, 2) pairs of cells that share an edge, the left or upper one first, each pair once. Any layout."""
        x, y, width, height = np.round(self.cell.T * 1e6).astype(np.int64)
        across = _touching(x, x + width, y, y + height)
        along = _touching(y, y + height, x, x + width)
        pairs = np.concatenate([across, along])
        return pairs[np.lexsort(pairs.T[::-1])]

    def equal_neighbours(self) -> int:
        """How many pairs of neighbouring cells show the same photo."""
        pairs = self.neighbours()
        return int((self.photo[pairs[:, 0]] == self.photo[pairs[:, 1]]).sum())

    def uses(self) -> npt.NDArray[np.int64]:
        """How often each photo is placed, (P,)."""
        return np.bincount(self.photo, minlength=len(self.photos))


def _touching(
    low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """(M, 2) pairs of boxes of which one ends along an axis where the other begins, and that overlap along the other.

    `low`, `high`: extents along the axis; `start`, `end`: along the other. Boxes that begin at one place must not
    overlap each other, as cells never do.
    """
    pairs = [np.empty((0, 2), np.int64)]
    enders, beginners = np.argsort(high, kind="stable"), np.lexsort((start, low))
    ends, begins = high[enders], low[beginners]
    for edge in np.unique(high):
        before = enders[np.searchsorted(ends, edge) : np.searchsorted(ends, edge, side="right")]
        after = beginners[np.searchsorted(begins, edge) : np.searchsorted(begins, edge, side="right")]
        if not len(after):
            continue
        begin = np.searchsorted(end[after], start[before], side="right")
        count = np.maximum(np.searchsorted(start[after], end[before]) - begin, 0)
        steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        pairs.append(np.stack([np.repeat(before, count), after[np.repeat(begin, count) + steps]], axis=1))
    return np.concatenate(pairs)


# -- The file ------------------------------------------------------------------------------------------------------
# docs/mosaic-format.md describes it. A ZIP of NPY arrays and one JSON text, so that nothing in it can be executed.

_ARRAYS: Final = {
    "cell": (np.float64, 4), "photo": (np.int32, None), "symmetry": (np.uint8, None),
    "gain": (np.float32, 3), "offset": (np.float32, 3), "cost": (np.float32, None),
}  # fmt: skip


def save_map(placement: PlacementMap, path: Path, *, overwrite: bool = False) -> None:
    """Write a map to a `.mosaic` file; it appears under its name only when it is whole. Raises InputError."""
    header = {
        "format": "mosaic",
        "version": FORMAT_VERSION,
        "size": list(placement.size),
        "photos": [_photo_to_json(photo, path.absolute().parent) for photo in placement.photos],
        "recipe": placement.recipe,
    }
    with (
        new_file(path, overwrite=overwrite) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        file.writestr("map.json", json.dumps(header, indent=1))
        for name in _ARRAYS:
            with file.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, getattr(placement, name), allow_pickle=False)


def load_map(path: Path) -> PlacementMap:
    """Read a `.mosaic` file. Raises InputError if it is missing, damaged, or of a later version.

    Memory is bounded by what a map of its number of cells, a million at most, can hold, whatever the file claims.
    """
    try:
        with open_input(path) as opened, _archive(opened) as file:
            cells = _count(file)
            header = parse_json(_read_header(file, cells))
            if header["format"] != "mosaic":
                raise InputError(f"{path} is not a placement map")
            if header["version"] > FORMAT_VERSION:
                raise InputError(
                    f"{path} is a map of version {header['version']}, "
                    f"this program reads up to {FORMAT_VERSION}: update it"
                )
            arrays = {name: _read_array(file, name, cells) for name in _ARRAYS}
        width, height = (float(value) for value in header["size"])
        placement = PlacementMap(
            cell=arrays["cell"],
            photo=arrays["photo"],
            symmetry=arrays["symmetry"],
            gain=arrays["gain"],
            offset=arrays["offset"],
            cost=arrays["cost"],
            photos=_photos_from_json(header["photos"], path.absolute().parent),
            size=(width, height),
            recipe=_recipe_from_json(header["recipe"]),
        )
    except MissingFileError:
        raise InputError(f"{path}: there is no such map: check the path") from None
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged archive, header or array fails in many ways
        raise InputError(f"{path} is not a whole placement map ({error}): save it anew") from error
    _check(placement, path)
    return placement


_MAX_BYTES: Final = 1_000_000_000  # of a file: a million cells with as many photos have 0.2 GB
_MAX_HEADER_BYTES: Final = 16_000_000  # and for each cell
_HEADER_BYTES_A_CELL: Final = 2_000  # a photo has 300 to 500, more with a long path
_MAX_RATIO: Final = 100  # of the header's compression: a photo's digest alone keeps it below 50
_MAX_VALUES: Final = 1_000_000  # of the header, and for each cell
_VALUES_A_CELL: Final = 16  # signs that begin a value of a photo


def _archive(opened: BinaryIO) -> zipfile.ZipFile:
    """The archive of a map. Raises ValueError for what would take more memory than a map does."""
    if os.fstat(opened.fileno()).st_size > _MAX_BYTES:  # its list of members is read whole
        raise ValueError(f"it is larger than {_MAX_BYTES / 1e6:g} MB")
    file = zipfile.ZipFile(opened)
    for member in file.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} is compressed in another way than a map")
    return file


def _read_header(file: zipfile.ZipFile, cells: int) -> bytes:
    """The JSON text of a map. Raises ValueError if it is larger than that of a map of so many cells."""
    member = file.getinfo("map.json")
    most = _MAX_HEADER_BYTES + cells * _HEADER_BYTES_A_CELL
    if member.file_size > most or member.file_size > _MAX_HEADER_BYTES + member.compress_size * _MAX_RATIO:
        raise ValueError(f"its header has {member.file_size / 1e6:.0f} MB, too many for {cells} cells")
    header = file.read(member)
    # A value of two bytes can take a hundred once it is parsed, so they are counted before.
    if sum(map(header.count, (b"[", b"{", b","))) > _MAX_VALUES + cells * _VALUES_A_CELL:
        raise ValueError(f"its header has too many values for {cells} cells")
    return header


def _shape_of(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an NPY array, read up to its values."""
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"an array is of NPY version {version}")
    shape, _, dtype = read(member)
    return shape, dtype


def _count(file: zipfile.ZipFile) -> int:
    """How many cells a map has, by the header of one of its arrays. Raises ValueError."""
    with file.open("photo.npy") as member:
        (count,) = _shape_of(member)[0]
    if not 0 < count <= MAX_CELLS:
        raise ValueError(f"it has {count} cells, and may have 1 to {MAX_CELLS}")
    return count


def _read_array(file: zipfile.ZipFile, name: str, cells: int) -> npt.NDArray[Any]:
    """An array, whose shape and type are compared with what they have to be before its values are read."""
    dtype, columns = _ARRAYS[name]
    with file.open(f"{name}.npy") as member:
        found = _shape_of(member)
    if found != ((cells,) if columns is None else (cells, columns), np.dtype(dtype)):
        raise ValueError(f"{name} is {found[1]} {found[0]}")
    with file.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _check(placement: PlacementMap, path: Path) -> None:
    """Raise InputError if the parts of a map don't fit each other: a drawing kernel would read outside its arrays."""
    count = len(placement.photo)
    cell, size = placement.cell, np.array(placement.size)
    whole = (
        count > 0
        and all(len(getattr(placement, name)) == count for name in _ARRAYS)
        and all(np.isfinite(getattr(placement, name)).all() for name in ("cell", "gain", "offset"))
        and bool((size > 0).all() and (size <= MAX_UNITS).all())
        and bool((cell[:, 2:] >= 1e-3).all() and (cell[:, :2] >= -1e-6).all())
        and bool((cell[:, :2] + cell[:, 2:] <= size + 1e-6).all())
        and 0 <= int(placement.photo.min()) <= int(placement.photo.max()) < len(placement.photos)
        and int(placement.symmetry.max()) < 8
        and all(_is_inside(photo) for photo in placement.photos)
    )
    if not whole:
        raise InputError(f"{path} is not a whole placement map (its parts don't fit each other): save it anew")


def _is_inside(photo: Photo) -> bool:
    left, top, side = photo.crop
    return min(left, top) >= 0 < side and left + side <= photo.size[0] and top + side <= photo.size[1]


def _photo_to_json(photo: Photo, folder: Path) -> dict[str, JsonValue]:
    """A photo's entry; a path below the map's own folder is written relative to it, so that both can move together."""
    path = photo.path.relative_to(folder) if photo.path.is_relative_to(folder) else photo.path
    return {
        "path": path.as_posix(),
        "digest": photo.digest,
        "size": list(photo.size),
        "crop": list(photo.crop),
        "mean": list(photo.mean),
        "is_part": photo.is_part,
        **({} if photo.time is None else {"time": photo.time}),
    }


def _photos_from_json(entries: object, folder: Path) -> tuple[Photo, ...]:
    """The photos of a map in a folder. Raises ValueError, which says which one is wrong, and in what."""
    photos = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        try:
            photos.append(_photo_from_json(entry, folder))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"photo {number} of its header: {reason}") from None
    return tuple(photos)


_DIGEST: Final = re.compile("(?:[0-9a-fA-F]{2})+")

_LONGEST_SIDE: Final = 2**31 - 1  # pixels
_LONGEST_CLIP: Final = 1e9  # seconds


def _photo_from_json(entry: dict[str, JsonValue], folder: Path) -> Photo:
    def numbers(key: str, count: int, most: float) -> list[float]:
        values = entry[key]
        if not _are_numbers(values, count, most):
            raise ValueError(f"{key} is {_shown(values)}")
        return [float(value) for value in cast("list[float]", values)]

    width, height = (int(value) for value in numbers("size", 2, _LONGEST_SIDE))
    left, top, side = (int(value) for value in numbers("crop", 3, _LONGEST_SIDE))
    r, g, b = numbers("mean", 3, 1)
    name, digest, time = entry["path"], entry["digest"], entry.get("time")
    if not isinstance(name, str) or not can_be_path(name):
        raise ValueError(f"path is {_shown(name)}")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"digest is {_shown(digest)}, not hexadecimal")
    if time is not None and not _is_number(time, _LONGEST_CLIP):
        raise ValueError(f"time is {_shown(time)}")
    path = Path(os.path.normpath(os.path.join(folder, name)))  # noqa: PTH118 (another Path takes as long as the rest)
    return Photo(
        path, digest, (width, height), (left, top, side), (r, g, b),
        bool(entry["is_part"]), None if time is None else float(cast("float", time)),
    )  # fmt: skip


def _recipe_from_json(recipe: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """How a map was made, as its file has it. Raises ValueError for values that can't be computed with."""
    sides, crop, faces = (recipe.get(name) for name in ("cover_size", "crop", "faces"))
    if sides is not None and not (_are_numbers(sides, 2, _LONGEST_SIDE) and 0 not in cast("list[float]", sides)):
        raise ValueError(f"cover_size of its recipe is {_shown(sides)}")
    boxes = [*([] if crop is None else [crop]), *(faces if isinstance(faces, list) else [])]
    for box in boxes:  # each in fractions of the cover
        if not _are_numbers(box, 4, 1 + 1e-6) or 0 in cast("list[float]", box)[2:]:
            raise ValueError(f"crop or faces of its recipe hold {_shown(box)}")
    return dict(recipe)


def _are_numbers(values: object, count: int, most: float) -> bool:
    """Whether a value of a file is a list of so many numbers from 0 to `most`."""
    return type(values) is list and len(values) == count and all(map(_is_number, values, repeat(most)))


def _is_number(value: object, most: float = math.inf) -> bool:
    """Whether a value of a file is a number from 0 to `most`; NaN is none."""
    return type(value) in (int, float) and 0 <= cast("float", value) <= most


def _shown(value: object) -> str:
    """A value of a file for a message, no longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
