"""Drawing: visibility, sprites, motion blur, and pixel formats for the encoder.

A frame is (H, W) uint32: R in the lowest byte, then G, B and alpha, premultiplied. Every function below works on a band
of rows, so that several threads can draw one frame, and no pixel depends on how the frame is divided.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float64Array, Packed, Pixels
from renderer.kernels.library import kernels

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the frame."""

SHARPER: Final = 0.5
"""Mip levels by which sampling is finer than one texel per pixel, to offset the blur of blending two levels.

At the same cost, the picture is 3.5 dB closer to a supersampled one, and its flicker is 0.48 times that of nearest-mip
sampling (with 0: 0.71 times; with 0.75: 0.46 times, but no closer), as measured by benchmarks/flight.py."""


class TextureTable(NamedTuple):
    """Sizes and memory addresses of T textures with up to L mip levels.

    Two neighbouring texels are read at once, so that a level of a single column needs memory for one more texel after
    its last.
    """

    width: npt.NDArray[np.int32]  # (T,) texels of level 0
    height: npt.NDArray[np.int32]  # (T,)
    levels: npt.NDArray[np.int32]  # (T,) number of levels, 1…L
    opaque: npt.NDArray[np.bool_]  # (T,) no texel is transparent
    address: npt.NDArray[np.int64]  # (T, L) memory address of the level's first pixel; 0: not loaded
    used: npt.NDArray[np.int64]  # (T, L) number of the last scene that needed the level, from 1; 0: none


class SpriteArrays(NamedTuple):
    """What decides how N sprites are drawn; see `renderer.scene.Sprites` and `renderer.scene.Space`."""

    texture: npt.NDArray[np.int32]  # (N,)
    centre: Float64Array  # (N, 2)
    right: Float64Array  # (N, 2)
    down: Float64Array  # (N, 2)
    window: Float64Array  # (N, 4)
    opacity: npt.NDArray[np.float32]  # (N,)
    gain: npt.NDArray[np.float32]  # (N, 3)
    offset: npt.NDArray[np.float32]  # (N, 3)
    joined: npt.NDArray[np.uint8]  # (N,)
    in_space: bool = False  # whether the following arrays have N elements
    z: Float64Array = np.empty((0, 3))
    softness: npt.NDArray[np.float32] = np.empty(0, np.float32)
    light: npt.NDArray[np.float32] = np.empty((0, 2), np.float32)
    trail: Float64Array = np.empty((0, 3))


class OutlineNumbers(NamedTuple):
    """The outline of N sprites; see `renderer.scene.Outline`."""

    hexagon: bool
    radius: float
    border: float
    opened: float
    border_colour: int  # packed


class DrawList(NamedTuple):
    """Visible sprites, ready to draw, in C's layout (renderer/kernels/draw.h)."""

    entries: Pixels  # bytes
    capacity: int


def empty_draw_list(capacity: int) -> DrawList:
    """Return a draw list with space for `capacity` sprites, about 300 bytes each."""
    return DrawList(np.empty(capacity * kernels().draw_bytes(), np.uint8), capacity)


def list_visible(
    sprites: SpriteArrays,
    outline: OutlineNumbers,
    view: tuple[float, ...],
    frame_size: tuple[int, int],
    columns: tuple[int, int],
    hidden: Box,
    tone_sizes: tuple[float, float],
    table: TextureTable,
    scene_number: int,
    draw: DrawList,
    missing: npt.NDArray[np.int32],
    sharper: float = SHARPER,
) -> tuple[int, int]:
    """Fill the draw list with the sprites that touch the frame, and `missing` with the mip levels to load for them.

    `view` (13,) maps scene units to pixels: x' = (v0 x + v1 y + v2 + v6 z) / w, y' = (v3 x + v4 y + v5 + v7 z) / w,
    where w = v8 x + v9 y + v10 z + v11; v12 is the number of pixels per unit where w is 1. Sprites of which a part has
    a w below 0.02 are not drawn. `frame_size`: width and height in pixels. `columns`: the first that is drawn, and the
    one after the last. `hidden`: left, top, right and bottom of the box that is painted over later. `tone_sizes`: tile
    sizes in pixels up to which tone is full and from which there is none. `missing`: (M, 2) rows of texture, level.
    Returns the number of visible sprites and of missing levels; entries beyond the capacity of the lists are not
    written.
    """
    counts = np.empty(2, np.int64)
    kernels().list_visible(
        sprites, len(sprites.texture), outline, np.array(view), *frame_size, np.array(columns), np.array(hidden),
        *tone_sizes, sharper, table, *table.address.shape, scene_number, draw.entries, draw.capacity, missing,
        len(missing), counts,
    )  # fmt: skip
    seen, lacking = counts.tolist()
    return seen, lacking


def fill_band(frame: Packed, first_row: int, end_row: int, colour: int, picture: Packed) -> None:
    """Fill the rows first_row … end_row − 1 of `frame` from `picture` if it is (H, W), else with `colour`."""
    kernels().fill_band(frame, frame.shape[1], first_row, end_row, colour, picture, picture.shape == frame.shape)


def draw_band(
    frame: Packed, first_column: int, first_row: int, end_row: int, table: TextureTable, draw: DrawList, seen: int,
    hidden: Box,
) -> None:  # fmt: skip
    """Draw the first `seen` sprites of a draw list onto the rows first_row … end_row − 1 of `frame`.

    `first_column`: of the frame that the list is for, of which `frame` is a part as wide as the array. `hidden`: left,
    top, right and bottom of the box that is painted over later and may be skipped.
    """
    kernels().draw_band(
        frame, frame.shape[1], first_column, first_row, end_row, table.address.shape[1], table.address, draw.entries,
        seen, np.array(hidden),
    )  # fmt: skip


def lay_doubled(frame: Packed, first_column: int, first_row: int, end_row: int, picture: Packed) -> None:
    """Draw a picture (H', W'), enlarged to twice its size, over the rows first_row … end_row − 1 of a frame.

    `first_column`: of what is shown, of which `frame` is a part as wide as the array.
    """
    kernels().lay_doubled(
        frame, frame.shape[1], first_column, first_row, end_row, picture, picture.shape[1], picture.shape[0]
    )


def encode_light(light: npt.NDArray[np.float32], bytes_of: Pixels) -> Pixels:
    """Return linear light, 0…1, as bytes, same shape. `bytes_of` (65536,): bytes by light in 1/65535."""
    pixels = np.empty(light.shape, np.uint8)
    kernels().encode_light(light, light.size, bytes_of, pixels)
    return pixels


def gather_light(
    frame: Packed,
    light: npt.NDArray[np.uint32],
    total: npt.NDArray[np.uint32],
    begin: bool,
    first_row: int,
    end_row: int,
) -> None:
    """Add the light of `frame`, weighted by alpha, to `total` (H, W, 4), or with `begin` set `total` to it.

    `light` (256,): linear light of each byte, 0…65535. Sums of 16 frames, times alpha up to 255, fit into 32 bits.
    """
    kernels().gather_light(frame, frame.shape[1], first_row, end_row, light, total, begin)


def develop(
    total: npt.NDArray[np.uint32], count: int, bytes_of: Pixels, frame: Packed, first_row: int, end_row: int
) -> None:
    """Write the mean light of `count` frames to `frame`. `bytes_of` (65536,): bytes by light."""
    kernels().develop(total, frame.shape[1], first_row, end_row, count, bytes_of, frame)


def to_yuv420(frame: Packed, luma: Pixels, blue: Pixels, red: Pixels, first_pair: int, end_pair: int) -> None:
    """Convert row pairs first_pair … end_pair − 1 of `frame` to planar 4:2:0, BT.709 in limited range.

    `luma` (H, W), `blue` and `red` (H/2, W/2); width and height are even.
    """
    kernels().to_yuv420(frame, frame.shape[1], first_pair, end_pair, luma, blue, red)


def lay_over_yuv420(frame: Packed, luma: Pixels, blue: Pixels, red: Pixels, first_pair: int, end_pair: int) -> None:
    """Draw row pairs first_pair … end_pair − 1 of `frame`, where it is not transparent, over planes as in `to_yuv420`.

    Over planes of zeros, the result is the premultiplied frame: the values of transparent pixels are 0.
    """
    kernels().lay_over_yuv420(frame, frame.shape[1], first_pair, end_pair, luma, blue, red)


def to_planes(
    picture: Packed, first_column: int, size: tuple[int, int], inside: tuple[int, int], colour: Pixels, cover: Pixels
) -> bool:
    """Convert a part of a picture to premultiplied planes as `lay_over_yuv420` does, and return whether it is opaque.

    `size`: width and height of the part, from `first_column` on; all three are even. Only `inside`, width and height
    of its upper left corner, must be opaque. `colour`: the planes Y, Cb and Cr, one after another; `cover`: alpha of
    Y and of chroma, which is not written if the part is opaque.
    """
    width, height = size
    return bool(kernels().to_planes(picture, picture.shape[1], first_column, width, height, *inside, colour, cover))


def to_rgba(frame: Packed, pixels: Pixels, first_row: int, end_row: int) -> None:
    """Convert rows first_row … end_row − 1 of `frame` to `pixels` (H, W, 4) with straight alpha."""
    kernels().to_rgba(frame, frame.shape[1], first_row, end_row, pixels)
