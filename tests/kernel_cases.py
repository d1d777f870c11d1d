"""Recorded calls of the compiled functions: their arguments, and what they returned and wrote.

`poe record-kernels` records them anew (tests/golden/kernels.npz), with the library that is loaded. Each function is
called by the code that uses it, on small inputs. Every variant of the library, on every processor, must repeat the
results to the last bit.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

import renderer
from renderer.encoder.gif import GifFile
from renderer.faces import find_faces
from renderer.grid import make_grid
from renderer.job import TileSettings, sample_pictures
from renderer.job.inputs import open_tiles
from renderer.kernels import arithmetic
from renderer.kernels.discs import draw_discs
from renderer.kernels.drawing import (
    OutlineNumbers,
    SpriteArrays,
    TextureTable,
    develop,
    draw_band,
    empty_draw_list,
    encode_light,
    fill_band,
    gather_light,
    lay_doubled,
    lay_over_yuv420,
    list_visible,
    to_planes,
    to_rgba,
    to_yuv420,
)
from renderer.kernels.library import Kernels, Parameter, declared, kernels
from renderer.kernels.planar import (
    BEYOND,
    FORWARD_BELOW,
    FORWARD_RIGHT,
    FULL,
    PICTURE,
    PlanarPictures,
    draw_planes,
    planar_memory,
)
from renderer.kernels.resizing import resize_values
from renderer.masked_grid import masked
from renderer.matching import RepetitionRules, match_photos, unmatched_map
from renderer.matching.same_photos import match_same_photos
from renderer.pictures import BYTE_OF_LIGHT_16, LIGHT_16, read_picture, resize
from renderer.progress import Silent
from renderer.shapes import TileShape
from renderer.textures import pack

FILE = Path(__file__).parent / "golden" / "kernels.npz"

DECLARED = declared()

TYPES = {"float": "f4", "double": "f8", "uint8_t": "u1", **{f"int{n}_t": f"i{n // 8}" for n in (16, 32, 64)}}
TYPES |= {f"uint{n}_t": f"u{n // 8}" for n in (32, 64)}

TESTED = [name for name, function in DECLARED.functions.items() if function.parameters]

MAX_BYTES = 5_000_000  # of one call's arguments
MAX_CALLS = 3  # of one function
MAX_DRAWING_CALLS = 12  # of those that draw sprites, which have several outlines

Value = tuple[Parameter, Any]


def flat_parameters(function: str) -> list[Parameter]:
    """Return a function's parameters with structs replaced by their fields."""
    found: list[Parameter] = []
    for parameter in DECLARED.functions[function].parameters:
        found += DECLARED.structs.get(parameter.type, (parameter,))
    return found


@dataclass
class Case:
    """One call. Arrays of addresses hold 0, or 1 + the offset in bytes into `memory`."""

    function: str
    before: list[np.ndarray]  # the flat parameters; numbers have no dimension
    after: list[np.ndarray]  # the arrays that the function writes
    result: np.ndarray
    memory: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))

    def run(self, library: Kernels) -> tuple[np.ndarray, list[np.ndarray]]:
        """Call the function of a library with the recorded arguments. Returns the result and the arrays written."""
        flat = flat_parameters(self.function)
        values = [value.copy() for value in self.before]
        base = self.memory.ctypes.data
        for i, parameter in enumerate(flat):
            if parameter.pointers == 2:
                values[i] = np.where(values[i] > 0, values[i] - 1 + base, 0)
        waiting = iter(value if value.ndim else value.item() for value in values)
        arguments = [
            SimpleNamespace(**{each.name: next(waiting) for each in DECLARED.structs[parameter.type]})
            if parameter.type in DECLARED.structs
            else next(waiting)
            for parameter in DECLARED.functions[self.function].parameters
        ]
        result = getattr(library, self.function)(*arguments)
        written = [value for parameter, value in zip(flat, values, strict=True) if parameter.written]
        return as_result(self.function, result), written


def as_result(function: str, result: object) -> np.ndarray:
    """Return a function's result as an array without dimensions; 0 if it returns nothing."""
    kind = DECLARED.functions[function].result
    return np.array(0 if kind == "void" else result, "i8" if kind == "void" else TYPES[kind])


def load() -> list[Case]:
    """Return the recorded calls."""
    cases: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    with np.load(FILE) as file:
        arrays = {name: file[name] for name in file.files}
    for name, number in zip(arrays["names"].tolist(), arrays["numbers"].tolist(), strict=True):
        case, _, part = name.partition("/")
        cases[case][part] = arrays[str(number)]
    return [
        Case(
            case.split(" ")[1],
            [parts[f"before/{i}"] for i in range(sum(part.startswith("before") for part in parts))],
            [parts[f"after/{i}"] for i in range(sum(part.startswith("after") for part in parts))],
            parts["result"],
            parts["memory"],
        )
        for case, parts in cases.items()
    ]


def save(cases: list[Case]) -> None:
    """Write the recorded calls; equal arrays, half of the bytes, are stored once."""
    arrays: dict[str, np.ndarray] = {}
    for number, case in enumerate(cases):
        name = f"{number} {case.function}"
        arrays |= {f"{name}/before/{i}": value for i, value in enumerate(case.before)}
        arrays |= {f"{name}/after/{i}": value for i, value in enumerate(case.after)}
        arrays |= {f"{name}/result": case.result, f"{name}/memory": case.memory}
    distinct: dict[tuple[str, tuple[int, ...], bytes], np.ndarray] = {}
    for value in arrays.values():
        distinct.setdefault(_content(value), value)
    number_of = {content: number for number, content in enumerate(distinct)}
    stored = {str(number): value for number, value in enumerate(distinct.values())}
    names, numbers = list(arrays), [number_of[_content(value)] for value in arrays.values()]
    np.savez_compressed(FILE, names=names, numbers=numbers, **stored)  # type: ignore[arg-type]


def _content(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()


# -- Recording -----------------------------------------------------------------------------------------------------


class Recorder:
    """Records the calls of the loaded library's functions; `memory` is what arrays of addresses point into."""

    def __init__(self) -> None:
        self.cases: dict[str, list[Case]] = {name: [] for name in TESTED}
        self.memory = np.zeros(0, np.uint8)
        self._seen: set[bytes] = set()
        library = kernels()
        for name in TESTED:
            setattr(library, name, self._recorded(name, getattr(library, name)))

    def _recorded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            flat = list(self._flat(name, arguments))
            base = self.memory.ctypes.data
            before = [
                np.where(np.asarray(value) > 0, np.asarray(value) - base + 1, 0)
                if parameter.pointers == 2
                else np.array(value, None if parameter.pointers else TYPES[parameter.type])
                for parameter, value in flat
            ]
            result = function(*arguments)
            after = [np.array(value) for parameter, value in flat if parameter.written]
            memory = self.memory if name in ("draw_band", "draw_planes") else np.zeros(1, np.uint8)
            case = Case(name, before, after, as_result(name, result), memory)
            digest = hashlib.blake2b(b"".join([name.encode(), *(value.tobytes() for value in before)])).digest()
            if sum(value.nbytes for value in before) <= MAX_BYTES and digest not in self._seen:
                self._seen.add(digest)
                self.cases[name].append(case)
            return result

        return call

    @staticmethod
    def _flat(name: str, arguments: tuple[Any, ...]) -> Iterator[Value]:
        for parameter, value in zip(DECLARED.functions[name].parameters, arguments, strict=True):
            if parameter.type in DECLARED.structs:
                yield from ((each, getattr(value, each.name)) for each in DECLARED.structs[parameter.type])
            else:
                yield parameter, value

    def chosen(self) -> list[Case]:
        """Return some calls of each function, evenly from first to last."""
        cases = []
        for name, calls in self.cases.items():
            if not calls:
                raise RuntimeError(f"{name} was not called: add what calls it to tests/kernel_cases.py")
            most = MAX_DRAWING_CALLS if name in ("list_visible", "draw_band") else MAX_CALLS
            picked = np.unique(np.linspace(0, len(calls) - 1, most).round().astype(int))
            cases += [calls[i] for i in picked]
        return cases


def record_drawing(recorder: Recorder) -> None:
    """Draw small frames: sprites axis-aligned and rotated, mirrored, magnified, transparent, toned, hidden, outlined.

    From number 12 on, they are in space: in perspective, lit, out of focus and moving.
    """
    rng = np.random.default_rng(7)
    table, recorder.memory = _textures(rng, [(64, 64, True), (33, 20, True), (16, 16, False), (1, 9, True)])
    width, height = 144, 32
    frames = []
    plain = OutlineNumbers(False, 0.0, 0.0, 0.0, 0)
    outlines = {
        2: plain._replace(hexagon=True),
        4: plain._replace(hexagon=True, border=0.1, border_colour=0xFF3060C0),
        6: plain._replace(radius=0.5),
        7: plain._replace(radius=0.3, border=0.07, border_colour=0xFFF0F0F0),
        9: plain._replace(border=0.2, border_colour=0xFF000000),
        11: plain._replace(hexagon=True, opened=0.4),
        13: plain._replace(hexagon=True, border=0.1, border_colour=0xFF3060C0),
        14: plain._replace(radius=0.3, border=0.07, border_colour=0xFFF0F0F0),
    }
    for number in range(16):
        count = 40
        side = (3.0, 9.5, 16.0, 40.0 if number != 11 else 200.0)[number % 4]  # rows of the last are stored
        upright = number % 3 < 2
        turn = np.zeros(count) if upright else rng.uniform(0, 7, count)
        half = side / 2 * rng.choice([-1, 1], count) if upright else np.full(count, side / 2)
        across = half[:, np.newaxis] * np.stack([np.cos(turn), np.sin(turn)], 1)
        along = side / 2 * np.stack([-np.sin(turn), np.cos(turn)], 1)
        if number % 4 == 1:  # photos turned by a quarter
            across, along = along.copy(), across.copy()
        sprites = SpriteArrays(
            rng.integers(0, 4, count, np.int32),
            rng.uniform(-3, 50, (count, 2)),
            across,
            along,
            np.tile([0.0, 0.0, 1.0, 1.0], (count, 1)) if number % 2 else np.sort(rng.uniform(0, 1, (count, 4)), axis=1),
            rng.choice(np.float32([1, 1, 1, 0.4, 0]), count),
            rng.uniform(0.6, 1.4, (count, 3)).astype(np.float32),
            rng.uniform(-0.2, 0.2, (count, 3)).astype(np.float32),
            rng.integers(0, 4 if number not in outlines else 8, count, np.uint8),
        )
        if number >= 12:
            sprites = sprites._replace(
                in_space=True, z=rng.uniform(-20, 20, (count, 3)),
                softness=rng.choice(np.float32([0, 0, 0.7, 5]), count),
                light=rng.uniform(0, 1, (count, 2)).astype(np.float32),
                trail=rng.choice([0, 0, 3, 9], (count, 1)) * rng.uniform(-1, 1, (count, 3)),
            )  # fmt: skip
        outline = outlines.get(number, plain)
        hidden = (10, 5, 35, 25) if number % 5 == 4 else (0, 0, 0, 0)
        draw = empty_draw_list(count)
        draw.entries[:] = 0
        missing = np.zeros((8, 2), np.int32)
        view = (
            1.0, -0.01 * (number == 7), 0.3, 0.01 * (number == 7), 1.0, 0.2,
            -1.1, -0.3, 0.002 * (number == 15), 0.001 * (number == 14), -0.02, 1.0, 1.0,
        )  # fmt: skip
        frame_size, tone_sizes, columns = (width, height), (24.0, 48.0), (number % 5, width - number % 3)
        list_visible(sprites, outline, view, frame_size, columns, hidden, tone_sizes, table, 3, draw, missing)
        table.address[0, 0], columns = 0, (0, width)  # is then listed as missing
        seen, _ = list_visible(
            sprites, outline, view, frame_size, columns, hidden, tone_sizes, table, 4 + number, draw, missing
        )
        table.address[0, 0] = recorder.memory.ctypes.data
        frame = np.zeros((height, width), np.uint32)
        picture = rng.integers(0, 2**32, (height, width), np.uint32) if number % 4 == 3 else np.zeros((0, 0), np.uint32)
        fill_band(frame, 0, height, 0xFF102030 if number % 2 else 0, picture)
        draw_band(frame, 0, 0, 14, table, draw, seen, hidden)
        parts = [np.ascontiguousarray(part) for part in np.split(frame, [31 + number], axis=1)]
        for part, first in zip(parts, (0, 31 + number), strict=True):
            draw_band(part, first, 14, height, table, draw, seen, hidden)
        frames.append(np.concatenate(parts, axis=1))
    total = np.zeros((height, width, 4), np.uint32)
    for number, frame in enumerate(frames):
        gather_light(frame, LIGHT_16, total, number == 0, 0, height)
        planes = (np.zeros((height, width), np.uint8), *np.zeros((2, height // 2, width // 2), np.uint8))
        to_yuv420(frame, *planes, 0, height // 2)
        to_rgba(frame, np.zeros((height, width, 4), np.uint8), 1, height)
        lay_over_yuv420(frame, *(plane // 2 for plane in planes), 0, height // 2)
        cover = np.zeros(24 * height * 3 // 2, np.uint8)
        to_planes(frame, 2 * (number % 3), (24, height), (20, 30), cover.copy(), cover)
        develop(total, number + 1, BYTE_OF_LIGHT_16, frame.copy(), 0, height)


def record_doubling() -> None:
    """Enlarge a picture over a frame of an odd size, and over some columns of it."""
    rng = np.random.default_rng(5)
    picture = pack(rng.integers(0, 256, (9, 70, 4), np.uint8) // 4)
    for columns, first in ((139, 0), (50, 21)):
        lay_doubled(pack(rng.integers(0, 256, (17, columns, 3), np.uint8)), first, 3, 17, picture)


def record_planes(recorder: Recorder) -> None:
    """Draw pictures stored as planes: shrunk, magnified, mirrored, unchanged, toned, transparent, in parts."""
    rng = np.random.default_rng(11)
    width, height, side = 48, 32, 16
    # Two levels of a picture of 3 × 2 blocks, each with tone and without, and their alpha.
    memory = rng.integers(0, 256, (2, 3, 6, side * side * 3 // 2), np.uint8)
    recorder.memory = memory.reshape(-1)
    blocks = memory.ctypes.data + np.arange(36) * memory.strides[2]
    parts = np.array([[1.0, 1.0, 47.0, 31.0], [5.3, 2.6, 22.2, 20.9], [22.2, 2.6, 44.0, 20.9], [6.0, 22.0, 20.0, 30.0]])
    for number, scale in enumerate((0.4, 1.0, 1.7, 2.6, -0.8, 0.9)):
        copied, start = scale == 1, np.array([0.0 if scale == 1 else 3.3 if scale > 0 else 44.0, 0.4 * (scale != 1)])
        records = np.zeros(2, PICTURE)
        for name, level in (("fine", 0), ("coarse", 1)):
            first = 18 * level
            shape = (1, 0, 0, width, height) if copied else (3, 0, 0, side, side)  # six blocks are as large as a frame
            cell_bits = 3 - level if number in (0, 2, 5) else -1
            records[name] = (
                first, first + 6, first + 12, *shape, cell_bits, scale / 2**level, start[0] / 2**level, abs(scale) / 2**level,
                start[1] / 2**level,
            )  # fmt: skip
        records["blend"], records["opaque"] = 0 if copied else 77, number != 5
        records["opacity"] = (256, 90 if number in (3, 5) else 256)
        records["first"], records["end"] = (0, 1), (1, 4)
        styles = np.array([[number * 60 % 257, FULL], [256, FORWARD_RIGHT], [128, FORWARD_BELOW], [0, 0]], np.int32)
        if copied:
            styles = np.stack([np.full(4, 256, np.int32), styles[:, 1] | BEYOND], 1)
        corners = (parts.reshape(-1, 2) - start) / (scale, abs(scale))
        low, high = corners.reshape(4, 2, 2).min(axis=1), corners.reshape(4, 2, 2).max(axis=1)
        pictures = PlanarPictures(records, blocks, np.concatenate([low, high], 1), styles, ())
        planes = (
            rng.integers(0, 256, (height, width), np.uint8),
            *rng.integers(0, 256, (2, height // 2, width // 2), np.uint8),
        )
        scratch = planar_memory(width)
        scratch[:] = 0
        for clip in ((0, 0, width, 14), (0, 14, 20, height), (20, 14, width, height)):
            draw_planes(planes, clip, pictures, scratch)  # type: ignore[arg-type]


def record_whole_planes(recorder: Recorder) -> None:
    """Draw a picture that covers a frame, prepared for all bands: larger than what is drawn at once."""
    rng = np.random.default_rng(12)
    side, columns, rows = 64, 4, 2
    count = columns * rows
    memory = rng.integers(0, 256, (2, 2 * count, side * side * 3 // 2), np.uint8)
    recorder.memory = memory.reshape(-1)
    blocks = memory.ctypes.data + np.arange(4 * count) * memory.strides[1]
    for (width, height), scale, share, blend in (
        ((528, 36), 0.4, 256, 90),
        ((88, 34), 2.6, 100, 200),
        ((64, 34), -1.3, 0, 0),
    ):
        records = np.zeros(1, PICTURE)
        start = 0.0 if scale > 0 else -scale * width
        for name, level in (("fine", 0), ("coarse", 1)):
            first = 2 * count * level
            records[name] = (
                first, first + count, 0, columns, 0, 0, side, side, 5 - level if scale < 1 else -1, scale / 2**level,
                start / 2**level, abs(scale) / 2**level, 0.0,
            )  # fmt: skip
        records["blend"], records["opaque"], records["opacity"], records["end"] = blend, 1, 256, 1
        edges, styles = np.array([[0.0, 0.0, width, height]]), np.array([[share, 0]], np.int32)
        pictures = PlanarPictures(records, blocks, edges, styles, ()).prepare(width)
        planes = (np.zeros((height, width), np.uint8), *np.zeros((2, height // 2, width // 2), np.uint8))
        scratch = planar_memory(width)
        scratch[:] = 0
        for clip in ((0, 0, width, 14), (0, 14, width, height)):
            draw_planes(planes, clip, pictures, scratch)  # type: ignore[arg-type]


def _textures(rng: np.random.Generator, sizes: list[tuple[int, int, bool]]) -> tuple[TextureTable, np.ndarray]:
    """Return textures of noise, whether opaque or not, and the memory that holds all their levels."""
    count, most = len(sizes), 7
    levels = [
        (t, level, (max(width >> level, 1), max(height >> level, 1)), opaque)
        for t, (width, height, opaque) in enumerate(sizes)
        for level in range(max(width, height).bit_length())
    ]
    pixels = [rng.integers(0, 256, (high * wide + 1, 4), np.uint8) for _, _, (wide, high), _ in levels]
    address = np.zeros((count, most), np.int64)
    start = 0
    for (t, level, _, opaque), texels in zip(levels, pixels, strict=True):
        texels[:, 3] = 255 if opaque else texels[:, 3]
        texels[:, :3] = np.minimum(texels[:, :3], texels[:, 3:])
        address[t, level] = start
        start += texels.nbytes
    memory = np.concatenate(pixels).reshape(-1)
    used = np.array([max(width, height).bit_length() for width, height, _ in sizes], np.int32)
    address = np.where(np.arange(most) < used[:, np.newaxis], address + memory.ctypes.data, 0)
    wide, high, opaque_of = (np.array(values) for values in zip(*sizes, strict=True))
    table = TextureTable(wide.astype(np.int32), high.astype(np.int32), used, opaque_of, address, np.zeros_like(address))
    return table, memory


def record_arithmetic() -> None:
    """Compute all functions of usual, of large and small, and of special numbers, and products of matrices."""
    rng = np.random.default_rng(14)
    special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.pi, -709.5, 709.5, np.inf, -np.inf, np.nan])
    usual, scaled = rng.uniform(-20, 20, 500), np.ldexp(rng.uniform(-1, 1, 300), rng.integers(-60, 20, 300))
    for values in (usual, scaled, special):
        for function in (arithmetic.exp, arithmetic.log2):
            function(np.abs(values) if function is arithmetic.log2 else values)
            function(abs(float(values[0])))
        for function in (arithmetic.sin, arithmetic.cos):  # not infinity, whose sine is NaN of either sign
            function(values[np.isfinite(values)])
            function(float(values[0]))
        arithmetic.power(np.abs(values), rng.choice([0.0, 0.4, 1.0, 2.2], len(values)))
        arithmetic.power(abs(float(values[0])), 1.7)
        arithmetic.arctan2(values, rng.permutation(values))
        arithmetic.arctan2(float(values[0]), -1.5)
    for shape in ((50, 2, 3), (20, 2), (20, 3, 3)):
        arithmetic.product(rng.uniform(-1, 1, shape[:2]), rng.uniform(-1, 1, shape[1:]))


def record_resizing() -> None:
    """Resize noise up, down and in one direction each, in several strips, from and to a single pixel."""
    noise = np.random.default_rng(13).integers(0, 256, (70, 45, 3), np.uint8)
    for width, height in (90, 128), (20, 200), (45, 7):
        resize_values(noise, width, height)
    for width, height in (13, 29), (45, 69), (1, 1):
        resize(noise, width, height)
    resize(noise[:1, :1], 3, 2)


def record_gif() -> None:
    """Write a small GIF: a disc moves over a gradient, with and without transparency."""
    down, across = np.mgrid[:24, :40]
    gradient = np.stack([across * 6, down * 10, across * 3 + down * 2], axis=-1)
    for transparent in (False, True):
        with (
            tempfile.TemporaryDirectory() as folder,
            GifFile(Path(folder, "disc.gif"), 40, 24, Fraction(10), colours=32) as file,
        ):
            for number in range(6):
                inside = (across - 6 * number) ** 2 + (down - 12) ** 2 < 60
                frame = np.where(inside[..., np.newaxis], (200, 40, 90), gradient)
                alpha = np.where(inside | (across < 20), 255, 0)[..., np.newaxis]
                pixels = np.concatenate([frame, alpha], axis=-1) if transparent else frame
                file.add(pixels.astype(np.uint8))


def record_matching() -> None:
    """Match parts of a photo to it: every metric, with limits on uses and distances, and the search that improves it."""
    picture = read_picture(sample_pictures()[0]).pixels
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOSAIC_RENDERER_CACHE"] = folder
        os.environ["MOSAIC_RENDERER_CORES"] = "1"  # calls at the same time would write to arrays that are recorded
        for number in range(400):  # more than the structure metric has candidates
            side = int(rng.integers(36, 90))
            top, left = (int(rng.integers(0, length - side)) for length in picture.shape[:2])
            Image.fromarray(picture[top : top + side, left : left + side]).save(Path(folder, f"{number:03}.png"))
        cover = Path(folder, "cover.jpg")
        Image.fromarray(resize(picture, 96, 64)).save(cover)
        few, all_photos = f"{folder}/0[01]*.png", f"{folder}/*.png"
        options: list[dict[str, Any]] = [
            {"tiles": all_photos},
            {"tiles": all_photos, "turns": True, "max_uses": 0, "repeat_distance": 2},
            {"tiles": few, "tone": 0.0, "max_uses": 2, "repeat_distance": 2},
            {"tiles": few, "max_uses": 2, "repeat_distance": 3},
            {"tiles": few, "match": "pixels", "max_uses": 3, "mirror": False},
            {"tiles": few, "use_all": True, "repeat_distance": 1},
            {"tiles": few, "adaptive": True, "repeat_distance": 1},
        ]
        for each in options:
            renderer.match(cover, columns=6, **each)
        # Cells of two sizes, some of which are missing.
        mask = np.full((64, 96), 255, np.uint8)
        mask[:20, :30] = 0
        grid = masked(make_grid(96, 64, 7, tile_shape=TileShape.parse("mixed")), mask)
        with open_tiles(TileSettings(tiles=(few,)), Silent()) as source:
            assert source.library is not None
            rules = RepetitionRules(max_uses=2, repeat_distance=1)
            match_photos(read_picture(cover).pixels, grid, source.library, Silent(), rules=rules)
            # Another mosaic of the same photos, with as many cells, and with fewer.
            before, other = unmatched_map(make_grid(96, 64, 12), source.library), read_picture(cover).pixels[::-1]
            before = replace(
                before, photo=np.resize(np.arange(20, dtype=np.int32), 96), photos=tuple(source.library.photos)
            )
            for columns in (12, 9):
                match_same_photos(other, make_grid(96, 64, columns), before, source.library, Silent())


def record_discs() -> None:
    """Draw discs that overlap the edges of a picture."""
    rng = np.random.default_rng(5)
    centre = rng.uniform(-5, 50, (30, 2)).astype(np.float32)
    radius, opacity = rng.uniform(0.2, 9, 30).astype(np.float32), rng.uniform(0, 1, 30).astype(np.float32)
    colour = rng.uniform(0, 255, (30, 3)).astype(np.float32)
    draw_discs(np.full((32, 48, 3), 90, np.uint8), centre, radius, colour, opacity)


def record_faces() -> None:
    """Find the faces in rows of portraits, in two sizes."""
    portraits = skimage.data.lfw_subset()[:16].reshape(4, 4, 25, 25)
    grey = np.concatenate(np.concatenate(portraits, axis=1), axis=1)
    pixels = np.repeat((grey * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    for size in (150, 120), (120, 160):
        find_faces(resize(pixels, *size))


if __name__ == "__main__":
    recorder = Recorder()
    record_drawing(recorder)
    record_doubling()
    record_planes(recorder)
    record_whole_planes(recorder)
    encode_light(np.random.default_rng(2).uniform(-0.1, 1.1, 999).astype(np.float32), BYTE_OF_LIGHT_16)
    record_arithmetic()
    record_resizing()
    record_gif()
    record_matching()
    record_discs()
    record_faces()
    save(recorder.chosen())
