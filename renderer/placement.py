"""The placement map: which photo each cell of a cover shows, and with which tone. Saved to and loaded from one file."""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from collections.abc import Sequence
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
from renderer.faces import Face
from renderer.grid import MAX_CELLS, Grid, grid_of_boxes
from renderer.input_files import open_input
from renderer.library import Photo
from renderer.output_files import new_file
from renderer.paths import can_be_path
from renderer.shapes import MIXED_RATIO, SQUARE, TileShape
from renderer.subject import Weights, attention

FORMAT_VERSION: Final = 2
MAX_UNITS: Final = 100_000
"""Maximum width and height of a map, in units."""

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True)
class PlacementMap:
    """N cells of one cover and what each shows. Mosaic units: x right, y down, origin at the top left.

    The shorter side of a regular cell is 1 unit. Cells are boxes, which do not overlap; what is drawn in them depends
    on the shape. Those of hexagons extend beyond the mosaic's edge (`TileShape.overhang`).
    """

    cell: npt.NDArray[np.float64]  # (N, 4) x, y, width, height in units
    photo: npt.NDArray[np.int32]  # (N,) index into `photos`
    symmetry: npt.NDArray[np.uint8]  # (N,) bit 0 mirrors left-right, bit 1 top-bottom, bit 2 transposes; in this order
    gain: npt.NDArray[np.float32]  # (N, 3) a tile is drawn as gain · colour + offset, sRGB 0…1
    offset: npt.NDArray[np.float32]  # (N, 3)
    cost: npt.NDArray[np.float32]  # (N,) the matcher's distance, in the metric's unit
    photos: tuple[Photo, ...]
    size: tuple[float, float]  # width and height in units
    recipe: dict[str, JsonValue] = field(default_factory=dict)  # cover and its hash, settings, seed and versions
    shape: TileShape = SQUARE
    made_cover: npt.NDArray[np.uint8] | None = None  # (H, W, 4) the cover with straight alpha, if it is not a file
    came_from: npt.NDArray[np.int32] | None = None
    """(N,) the cell of another map whose tile travels to each cell, −1 for a tile that enters; None: an ordinary map"""

    def __len__(self) -> int:
        return len(self.photo)

    @property
    def cover_size(self) -> tuple[float, float]:
        """Width and height of the cover before it was cropped to whole cells; only their ratio matters."""
        match self.recipe.get("cover_size"):
            case [int() | float() as width, int() | float() as height] if width > 0 and height > 0:
                return float(width), float(height)
        return self.size

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """The part of the cover that the mosaic shows: x, y, width and height as fractions of the cover."""
        match self.recipe.get("crop"):
            case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h] if w and h:
                return float(x), float(y), float(w), float(h)
        return 0.0, 0.0, 1.0, 1.0

    @cached_property
    def grid(self) -> Grid:
        """The grid of the map's cells, in lattice units."""
        return grid_of_boxes(self.cell, self.size, self.crop, self.shape)

    @cached_property
    def is_masked(self) -> bool:
        """Whether cells are left out."""
        area = self.size[0] * self.size[1]
        if self.shape.kind == "hexagon":  # cells extend beyond the edge; every second row has one less
            columns, rows = self.grid.columns, self.grid.rows
            area = (columns * rows - (rows + 1) // 2) * self.shape.cell_area
        return float(self.cell[:, 2:].prod(axis=1).sum()) <= area * (1 - 1e-9)

    @property
    def faces(self) -> list[Face]:
        """The cover's faces: left, top, width and height of each as fractions of the mosaic."""
        return [_within(face, self.crop) for face in self._cover_faces]

    @property
    def _cover_faces(self) -> list[Face]:
        """The cover's faces as fractions of the cover."""
        faces = self.recipe.get("faces")
        boxes: list[Face] = []
        for face in faces if isinstance(faces, list) else []:
            match face:
                case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h]:
                    boxes.append((float(x), float(y), float(w), float(h)))
        return boxes

    def faces_of(self, photo: Photo) -> Sequence[Face]:
        """Return the faces of one of the photos, as fractions of its picture, or for a piece of its crop.

        Photos of a library have theirs from its index. Those of the cover and its pieces are in the recipe.
        """
        if photo.digest != self.recipe.get("cover_digest"):
            return photo.faces
        if not photo.is_part:
            return self._cover_faces
        left, top, width, height = (value / photo.size[axis % 2] for axis, value in enumerate(photo.crop))
        faces = (_within(face, (left, top, width, height)) for face in self._cover_faces)
        return [(x, y, w, h) for x, y, w, h in faces if max(x, y) < 1 and min(x + w, y + h) > 0]

    @cached_property
    def attention(self) -> Weights:
        """The importance of the parts of the mosaic, (H, W), as in `renderer.subject`."""
        return attention(self.colours(), self.faces)

    def cell_colours(self) -> npt.NDArray[np.float32]:
        """Return the mean colour of each tile with its tone, (N, 3) sRGB, about 0…1."""
        return np.array([photo.mean for photo in self.photos], np.float32)[self.photo] * self.gain + self.offset

    def colours(self, longest: int = 160, *, alpha: bool = False) -> npt.NDArray[np.float32]:
        """Return the tiles' mean colours as a picture: (H, W, 3) sRGB 0…1, `longest` pixels on its longer side.

        It is black where a mask leaves out cells; with `alpha`, (H, W, 4), transparent.
        """
        width, height = self.size
        scale = longest / max(width, height)
        colours = self.cell_colours()
        if alpha:
            colours = np.pad(colours, ((0, 0), (0, 1)), constant_values=1)
        picture = np.zeros((max(2, round(height * scale)), max(2, round(width * scale)), colours.shape[1]), np.float32)
        corners = np.concatenate([self.cell[:, :2], self.cell[:, :2] + self.cell[:, 2:]], axis=1)
        # Each pixel shows the cell under its centre. The loop is over cells, since their sizes may differ.
        edges = np.maximum(np.ceil(corners * scale - 0.5).astype(np.int64), 0)
        for (left, top, right, bottom), colour in zip(edges.tolist(), colours, strict=True):
            picture[top:bottom, left:right] = colour
        return picture

    def _repr_png_(self) -> bytes:
        """Return the tiles' mean colours as a PNG, for notebooks."""
        small = np.clip(self.colours() * 255 + 0.5, 0, 255).astype(np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(small).resize((small.shape[1] * 3, small.shape[0] * 3), Image.Resampling.NEAREST).save(
            encoded, "PNG"
        )
        return encoded.getvalue()

    @cached_property
    def bottoms(self) -> npt.NDArray[np.float64]:
        """(N,) the largest y, in units, among the bottom edges of each cell and all cells before it."""
        return np.maximum.accumulate(self.cell[:, 1] + self.cell[:, 3])

    @cached_property
    def tops(self) -> npt.NDArray[np.float64]:
        """(N,) the smallest y, in units, among the top edges of each cell and all cells after it."""
        return np.minimum.accumulate(self.cell[::-1, 1])[::-1]

    def neighbours(self) -> npt.NDArray[np.int64]:
        """Return all pairs (M, 2) of cells, of any size, that share an edge, the left or upper one first."""
        return self._neighbours

    @cached_property
    def _neighbours(self) -> npt.NDArray[np.int64]:
        x, y, width, height = np.round(self.grid.cells.T * 1e6).astype(np.int64)
        across = _touching(x, x + width, y, y + height)
        along = _touching(y, y + height, x, x + width)
        pairs = np.concatenate([across, along])
        return pairs[np.lexsort(pairs.T[::-1])]

    def depth(self, deepest: int = 2) -> npt.NDArray[np.int64]:
        """Return how many cells lie between each cell and the edge of the mosaic or mask, (N,), 0…deepest."""
        pairs, (x, y, width, height) = self.neighbours(), self.grid.cells.T
        shared = [
            np.minimum(*(low + side)[pairs].T) - np.maximum(*low[pairs].T) for low, side in ((x, width), (y, height))
        ]
        length = np.maximum(*shared)  # of the edge that two neighbours share
        closed = np.bincount(pairs.ravel(), np.repeat(length, 2), len(self))
        reached = closed < 2 * (width + height) * (1 - 1e-6)
        depth = np.where(reached, 0, deepest)
        for step in range(1, deepest):
            beside = np.bincount(pairs.ravel(), reached[pairs[:, ::-1]].ravel(), len(self)) > 0
            depth[beside & ~reached] = step
            reached |= beside
        return depth

    def equal_neighbours(self) -> int:
        """Return the number of pairs of neighbouring cells that show the same photo."""
        pairs = self.neighbours()
        return int((self.photo[pairs[:, 0]] == self.photo[pairs[:, 1]]).sum())

    def uses(self) -> npt.NDArray[np.int64]:
        """Return the number of uses of each photo, (P,)."""
        return np.bincount(self.photo, minlength=len(self.photos))


def _within(face: Face, part: tuple[float, float, float, float]) -> Face:
    """Return a box in fractions of a part of a picture; both are given in fractions of the picture."""
    left, top, width, height = part
    return (face[0] - left) / width, (face[1] - top) / height, face[2] / width, face[3] / height


def _touching(
    low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return pairs (M, 2) of boxes that touch along an axis: the first ends where the second starts.

    `low`, `high` (N,): extents along that axis; `start`, `end` (N,): along the other axis. Boxes must not overlap.
    """
    pairs = [np.empty((0, 2), np.int64)]
    by_high, by_low = np.argsort(high, kind="stable"), np.lexsort((start, low))
    highs, lows = high[by_high], low[by_low]
    for edge in sorted(set(high.tolist())):  # np.unique would load numpy.ma, which takes 20 ms
        before = by_high[np.searchsorted(highs, edge) : np.searchsorted(highs, edge, side="right")]
        after = by_low[np.searchsorted(lows, edge) : np.searchsorted(lows, edge, side="right")]
        if not len(after):
            continue
        first = np.searchsorted(end[after], start[before], side="right")
        count = np.maximum(np.searchsorted(start[after], end[before]) - first, 0)
        steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        pairs.append(np.stack([np.repeat(before, count), after[np.repeat(first, count) + steps]], axis=1))
    return np.concatenate(pairs)


# -- The file ------------------------------------------------------------------------------------------------------
# See docs/mosaic-format.md: a ZIP archive of NPY arrays and one JSON text, so that nothing in it can be executed.

_ARRAYS: Final = {
    "cell": (np.float64, 4), "photo": (np.int32, None), "symmetry": (np.uint8, None),
    "gain": (np.float32, 3), "offset": (np.float32, 3), "cost": (np.float32, None),
}  # fmt: skip

_CAME_FROM: Final = "came_from"  # an array that only maps of travelling tiles have


def save_map(placement: PlacementMap, path: Path, *, overwrite: bool = False) -> None:
    """Write a map to a `.mosaic` file, which appears under its name only when it is complete. Raises InputError."""
    header = {
        "format": "mosaic",
        "version": FORMAT_VERSION,
        "size": list(placement.size),
        "photos": [_photo_to_json(photo, path.absolute().parent) for photo in placement.photos],
        "shape": placement.shape.as_json(),
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
        if placement.came_from is not None:
            with file.open(f"{_CAME_FROM}.npy", "w") as member:
                np.lib.format.write_array(member, placement.came_from, allow_pickle=False)
        if placement.made_cover is not None:
            with file.open(_COVER, "w") as member:
                Image.fromarray(placement.made_cover).save(member, "PNG")


def load_map(path: Path) -> PlacementMap:
    """Read a `.mosaic` file. Raises InputError if it is missing, damaged, or of a later version.

    Whatever the file claims, it takes no more memory than a map with its number of cells, at most a million, can need.
    """
    try:
        with open_input(path) as opened, _archive(opened) as file:
            cells = _count(file)
            header = parse_json(_read_header(file, cells))
            if header["format"] != "mosaic":
                raise InputError(f"{path} is not a placement map")
            if type(header["version"]) is not int or header["version"] < 1:
                raise ValueError(f"its version is {_quoted(header['version'])}, not a number from 1")
            if header["version"] > FORMAT_VERSION:
                raise InputError(
                    f"{path} has format version {header['version']}, and this program reads versions up to "
                    f"{FORMAT_VERSION}: update mosaic-renderer"
                )
            arrays = {name: _read_array(file, name, cells) for name in _ARRAYS}
            made_cover = _read_cover(file)
            came_from = _read_array(file, _CAME_FROM, cells) if f"{_CAME_FROM}.npy" in file.namelist() else None
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
            shape=TileShape.from_json(header["shape"]) if "shape" in header else SQUARE,
            made_cover=made_cover,
            came_from=came_from,
        )
    except MissingFileError:
        raise InputError(f"{path} does not exist: check the path") from None
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged archive, header or array fails in many ways
        raise InputError(f"{path} is not a valid placement map ({error}): save it again") from error
    _check(placement, path)
    return placement


_COVER: Final = "cover.png"
_MAX_COVER_SIDE: Final = 4096
_MAX_COVER_BYTES: Final = 80_000_000  # of a PNG with that many pixels, whose data can't be compressed

_MAX_BYTES: Final = 1_000_000_000  # of a file: a million cells with as many photos take 0.2 GB
_MAX_HEADER_BYTES: Final = 16_000_000  # plus the following per cell
_HEADER_BYTES_PER_CELL: Final = 2_000  # a photo takes 300 to 500, more with a long path
_MAX_RATIO: Final = 100  # of the header's compression: the photos' digests alone keep it below 50
_MAX_VALUES: Final = 1_000_000  # of the header, plus the following per cell
_VALUES_PER_CELL: Final = 17  # "[", "{" and "," in a photo's entry


def _archive(opened: BinaryIO) -> zipfile.ZipFile:
    """Return the archive of a map. Raises ValueError if it would take more memory than a map does."""
    if os.fstat(opened.fileno()).st_size > _MAX_BYTES:  # zipfile reads the whole list of members
        raise ValueError(f"it is larger than {_MAX_BYTES / 1e6:g} MB")
    file = zipfile.ZipFile(opened)
    for member in file.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} uses an unsupported compression")
    return file


def _read_header(file: zipfile.ZipFile, cells: int) -> bytes:
    """Return the JSON text of a map. Raises ValueError if it is too large for the number of cells."""
    member = file.getinfo("map.json")
    maximum = _MAX_HEADER_BYTES + cells * _HEADER_BYTES_PER_CELL
    if member.file_size > maximum or member.file_size > _MAX_HEADER_BYTES + member.compress_size * _MAX_RATIO:
        raise ValueError(f"its header has {member.file_size / 1e6:.0f} MB, too much for {cells} cells")
    header = file.read(member)
    # Values are counted before parsing: a value of 2 bytes can take 100 bytes once parsed.
    if sum(map(header.count, (b"[", b"{", b","))) > _MAX_VALUES + cells * _VALUES_PER_CELL:
        raise ValueError(f"its header has too many values for {cells} cells")
    return header


def _shape_of(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and dtype of an NPY array, without reading its values. Raises ValueError."""
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"an array has NPY version {version}")
    shape, _, dtype = read(member)
    return shape, dtype


def _count(file: zipfile.ZipFile) -> int:
    """Return the number of cells of a map, from the header of one of its arrays. Raises ValueError."""
    with file.open("photo.npy") as member:
        (count,) = _shape_of(member)[0]
    if not 0 < count <= MAX_CELLS:
        raise ValueError(f"it has {count} cells instead of 1 to {MAX_CELLS}")
    return count


def _read_array(file: zipfile.ZipFile, name: str, cells: int) -> npt.NDArray[Any]:
    """Return an array. Raises ValueError for a wrong shape or dtype, before its values are read."""
    dtype, columns = _ARRAYS.get(name, (np.int32, None))
    with file.open(f"{name}.npy") as member:
        actual = _shape_of(member)
    if actual != ((cells,) if columns is None else (cells, columns), np.dtype(dtype)):
        raise ValueError(f"{name} is {actual[1]} {actual[0]}")
    with file.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _read_cover(file: zipfile.ZipFile) -> npt.NDArray[np.uint8] | None:
    """Return a made cover, (H, W, 4); None if there is none. Raises ValueError for one that is too large."""
    if _COVER not in file.namelist():
        return None
    if file.getinfo(_COVER).file_size > _MAX_COVER_BYTES:
        raise ValueError(f"{_COVER} is larger than {_MAX_COVER_BYTES / 1e6:g} MB")
    with Image.open(io.BytesIO(file.read(_COVER)), formats=["PNG"]) as image:
        if max(image.size) > _MAX_COVER_SIDE:
            raise ValueError(f"{_COVER} has {image.width} × {image.height} pixels")
        return np.asarray(image.convert("RGBA"))


def _check(placement: PlacementMap, path: Path) -> None:
    """Raise InputError if a map's values are inconsistent: a drawing kernel would read outside its arrays."""
    count = len(placement.photo)
    cell, size = placement.cell, np.array(placement.size)
    beyond = np.multiply(placement.shape.overhang, placement.shape.unit) + 1e-6
    valid = (
        count > 0
        and all(len(getattr(placement, name)) == count for name in _ARRAYS)
        and all(np.isfinite(getattr(placement, name)).all() for name in ("cell", "gain", "offset"))
        and bool((size > 0).all() and (size <= MAX_UNITS).all())
        and bool((cell[:, 2:] >= 1e-3).all() and (cell[:, :2] >= -beyond).all())
        and bool((cell[:, :2] + cell[:, 2:] <= size + beyond).all())
        and _fits_shape(placement)
        and 0 <= int(placement.photo.min()) <= int(placement.photo.max()) < len(placement.photos)
        and int(placement.symmetry.max()) < 8
        and (placement.came_from is None or _can_arrive(placement.came_from))
        and all(_is_inside(photo) for photo in placement.photos)
    )
    if not valid:
        raise InputError(f"{path} is not a valid placement map (its values are inconsistent): save it again")


def _can_arrive(came_from: npt.NDArray[np.int32]) -> bool:
    """Return whether tiles can come from these cells: at most one from each, among as many as a map may have."""
    cells = np.sort(came_from[came_from >= 0])
    return int(came_from.min()) >= -1 and int(came_from.max()) < MAX_CELLS and bool((np.diff(cells) > 0).all())


def _fits_shape(placement: PlacementMap) -> bool:
    """Return whether the cells of a map are such as its shape has: those of squares may be anywhere."""
    shape = placement.shape
    if shape.keeps_transpose:
        return True
    across, along = np.divide(placement.size, shape.unit)
    if min(round(across), round(along)) < 1:
        return False
    grid = placement.grid
    if np.abs(grid.boxes - placement.cell).max() > 1e-3:
        return False
    if np.abs(np.subtract(grid.size, placement.size)).max() > 1e-3:
        return False
    if shape.kind == "rectangle":
        return bool((grid.cells[:, 2] == grid.cells[:, 3]).all())
    sizes = [(1.0, 1.0)] if shape.kind == "hexagon" else [(float(MIXED_RATIO), 1.0), (1.0, float(MIXED_RATIO))]
    size_is_known = np.any([(grid.cells[:, 2:] == size).all(axis=1) for size in sizes], axis=0)
    return bool(size_is_known.all() and (grid.cells[:, :2] % 0.5 == 0).all())


def _is_inside(photo: Photo) -> bool:
    left, top, width, height = photo.crop
    is_right = min(left, top) >= 0 and min(width, height) > 0
    return is_right and left + width <= photo.size[0] and top + height <= photo.size[1]


def _photo_to_json(photo: Photo, folder: Path) -> dict[str, JsonValue]:
    """Return a photo's entry. Paths below the map's folder are stored relative to it, so that both can be moved."""
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
    """Return the photos of a map in `folder`. Raises ValueError with the number of an invalid entry and the reason."""
    photos, parent = [], str(folder)
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        try:
            photos.append(_photo_from_json(entry, parent))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"photo {number} in its header: {reason}") from None
    return tuple(photos)


_DIGEST: Final = re.compile("(?:[0-9a-fA-F]{2})+")

_LONGEST_SIDE: Final = 2**31 - 1  # pixels
_LONGEST_CLIP: Final = 1e9  # seconds


def _photo_from_json(entry: dict[str, Any], folder: str) -> Photo:
    width, height = (int(value) for value in _numbers(entry, "size", 2, _LONGEST_SIDE))
    square = isinstance(entry["crop"], list) and len(entry["crop"]) == 3  # version 1: left, top and side
    left, top, across, *along = (int(value) for value in _numbers(entry, "crop", 3 if square else 4, _LONGEST_SIDE))
    r, g, b = (float(value) for value in _numbers(entry, "mean", 3, 1))
    name, digest, time = entry["path"], entry["digest"], entry.get("time")
    if not isinstance(name, str) or not can_be_path(name):
        raise ValueError(f"path is {_quoted(name)}")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"digest is {_quoted(digest)}, not hexadecimal")
    if time is not None and not _is_number(time, _LONGEST_CLIP):
        raise ValueError(f"time is {_quoted(time)}")
    path = Path(os.path.normpath(os.path.join(folder, name)))  # noqa: PTH118 (a second Path would double the time)
    return Photo(
        path, digest, (width, height), (left, top, across, along[0] if along else across), (r, g, b),
        bool(entry["is_part"]), None if time is None else float(time),
    )  # fmt: skip


def _numbers(entry: dict[str, Any], key: str, count: int, maximum: float) -> list[float]:
    """Return `count` numbers from 0 to `maximum`. Raises ValueError."""
    values: list[float] = entry[key]
    if not _are_numbers(values, count, maximum):
        raise ValueError(f"{key} is {_quoted(values)}")
    return values


def _recipe_from_json(recipe: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a copy of the recipe in a map's file. Raises ValueError for unusable numbers."""
    sides, crop, faces = (recipe.get(name) for name in ("cover_size", "crop", "faces"))
    if sides is not None and not (_are_numbers(sides, 2, _LONGEST_SIDE) and 0 not in cast("list[float]", sides)):
        raise ValueError(f"cover_size in its recipe is {_quoted(sides)}")
    boxes = [*([] if crop is None else [crop]), *(faces if isinstance(faces, list) else [])]
    for box in boxes:  # x, y, width, height as fractions of the cover
        if not _are_numbers(box, 4, 1 + 1e-6) or 0 in cast("list[float]", box)[2:]:
            raise ValueError(f"crop or faces in its recipe contain {_quoted(box)}")
    return dict(recipe)


def _are_numbers(values: object, count: int, maximum: float) -> bool:
    """Return whether a value is a list of `count` numbers from 0 to `maximum`."""
    return type(values) is list and len(values) == count and all(map(_is_number, values, repeat(maximum)))


def _is_number(value: Any, maximum: float = math.inf) -> bool:
    """Return whether a value is a number from 0 to `maximum`, and not NaN."""
    return (type(value) is float or type(value) is int) and 0 <= value <= maximum


def _quoted(value: object) -> str:
    """Return a value for a message, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
