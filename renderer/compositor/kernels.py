"""The compiled loops of the compositor: visibility, texture sampling, blending, RGB to YUV.

All of them release the GIL, use integers for every pixel (so that a pixel depends on neither bands nor threads) and
are compiled without fastmath. They are in one file because the cache on disk checks only the modification time of a
kernel's own file.

A pixel is one uint32: R in the lowest byte, then G, B and alpha, premultiplied. Two colour channels are blended at a
time: the masks below give each 16 bits, so that one 32-bit product weights both. The sampling loop is the hottest in
the program. LLVM turns it into vector gathers because all arithmetic stays in 32 bits (hence the casts: Numba widens
to 64 otherwise) and because metadata declares that textures and frame do not overlap. Without either, it is three times
slower: 36 ms instead of 12 for a 1080p frame of two mip levels with tone. Two neighbouring texels are read as one
64-bit number, since the cost depends on the number of gathers.
"""

# Numba infers the types of inlined and compiled functions; the kernels called from other modules are annotated.
# mypy: disable-error-code="no-untyped-def, no-any-return, no-untyped-call"
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from renderer.compiled import inlined, kernel
from renderer.textures import TextureTable


def emitted(function: Callable[..., object]) -> Callable[..., Any]:
    """Return a function that kernels can call, from one that emits its own LLVM instructions."""
    return cast("Callable[..., Any]", intrinsic(function))


class DrawList(NamedTuple):
    """The visible sprites of a scene, ready to draw: M sprites in painter's order, in pixels of the frame.

    s and t are a pixel centre's position between a sprite's edges, −1…1 along its `right` and its `down` axis.
    """

    texture: npt.NDArray[np.int32]  # (M,)
    level: npt.NDArray[np.int32]  # (M,) the finer of the two mip levels
    blend: npt.NDArray[np.int32]  # (M,) weight of the coarser one, 0…256
    rows: npt.NDArray[np.int32]  # (M, 2) first row and the row after the last
    columns: npt.NDArray[np.int32]  # (M, 2) likewise; for slivers, whose nearly parallel edges limit no row
    inverse: npt.NDArray[np.float64]  # (M, 6) s = i0 x + i1 y + i2, t = i3 x + i4 y + i5
    half: npt.NDArray[np.float64]  # (M, 2) distance from the centre to the edges s = 1 and t = 1, pixels
    forward: npt.NDArray[np.int32]  # (M, 2) side on which a neighbour is drawn later: −1, 1; 0: none
    window: npt.NDArray[np.float64]  # (M, 4) u0, v0, u1, v1 in fractions of the texture
    opacity: npt.NDArray[np.int32]  # (M,) 1…256
    gain: npt.NDArray[np.int32]  # (M, 3) in 1/256
    offset: npt.NDArray[np.int32]  # (M, 3) in 1/256 of an 8-bit step


def empty_draw_list(capacity: int) -> DrawList:
    """Return a draw list with space for `capacity` sprites, about 240 bytes each."""
    return DrawList(
        texture=np.empty(capacity, np.int32),
        level=np.empty(capacity, np.int32),
        blend=np.empty(capacity, np.int32),
        rows=np.empty((capacity, 2), np.int32),
        columns=np.empty((capacity, 2), np.int32),
        inverse=np.empty((capacity, 6), np.float64),
        half=np.empty((capacity, 2), np.float64),
        forward=np.empty((capacity, 2), np.int32),
        window=np.empty((capacity, 4), np.float64),
        opacity=np.empty(capacity, np.int32),
        gain=np.empty((capacity, 3), np.int32),
        offset=np.empty((capacity, 3), np.int32),
    )


# -- Memory access that LLVM may vectorise --------------------------------------------------------------------------


def _texture_scope(module):
    """Return metadata (LLVM's alias.scope) that declares that loads in this scope never alias `put_pixel`'s stores."""
    domain = module.add_metadata([ir.MetaDataString(module, "compositor")])
    scope = module.add_metadata([ir.MetaDataString(module, "textures"), domain])
    return module.add_metadata([scope])


@emitted
def texel_pair(typing_context, address, index):
    """Load the uint32 at `address` + 4 · `index`, which no frame overlaps, and the next one into the upper half."""

    def generate(context, builder, signature, arguments):
        base = builder.inttoptr(arguments[0], ir.IntType(32).as_pointer())
        first = builder.gep(base, [builder.sext(arguments[1], ir.IntType(64))])
        load = builder.load(builder.bitcast(first, ir.IntType(64).as_pointer()), align=4)
        load.set_metadata("alias.scope", _texture_scope(builder.module))
        return load

    return types.uint64(types.int64, types.int32), generate


@emitted
def frame_pixel(typing_context, address, index):
    """Load the uint32 at `address` + 4 · `index` of a frame."""

    def generate(context, builder, signature, arguments):
        base = builder.inttoptr(arguments[0], ir.IntType(32).as_pointer())
        load = builder.load(builder.gep(base, [arguments[1]]))
        load.set_metadata("noalias", _texture_scope(builder.module))
        return load

    return types.uint32(types.int64, types.int64), generate


@emitted
def put_pixel(typing_context, address, index, value):
    """Store a uint32 at `address` + 4 · `index` of a frame, which no texture overlaps."""

    def generate(context, builder, signature, arguments):
        base = builder.inttoptr(arguments[0], ir.IntType(32).as_pointer())
        store = builder.store(arguments[2], builder.gep(base, [arguments[1]]))
        store.set_metadata("noalias", _texture_scope(builder.module))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.uint32), generate


@emitted
def fetch(typing_context, address):
    """Prefetch the 64 bytes around `address` into the processor's cache."""

    def generate(context, builder, signature, arguments):
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        )
        # For reading (0), into all cache levels (3), data (1).
        builder.call(function, [builder.inttoptr(arguments[0], byte), word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


# -- Arithmetic on packed pixels -----------------------------------------------------------------------------------

U32 = np.uint32
U64 = np.uint64
I32 = np.int32


@inlined
def mix(a, b, weight):
    """Blend a → b by `weight` 0…256, all four channels, rounded to nearest."""
    MASK = U32(0x00FF00FF)
    HALF = U32(0x00800080)
    rest = U32(U32(256) - weight)
    low = U32(U32(U32(U32(a & MASK) * rest) + U32(U32(b & MASK) * weight)) + HALF)
    high = U32(U32(U32(U32(a >> U32(8)) & MASK) * rest) + U32(U32(U32(b >> U32(8)) & MASK) * weight))
    return U32(U32(U32(low >> U32(8)) & MASK) | U32(U32(high + HALF) & U32(0xFF00FF00)))


@inlined
def over(below, above):
    """Premultiplied `above` over `below`; a sum never exceeds 255, so no channel runs into the next."""
    MASK = U32(0x00FF00FF)
    HALF = U32(0x00800080)
    alpha = U32(above >> U32(24))
    rest = U32(U32(256) - U32(alpha + U32(alpha >> U32(7))))
    low = U32(U32(U32(U32(U32(below & MASK) * rest) + HALF) >> U32(8)) & MASK)
    high = U32(U32(U32(U32(U32(below >> U32(8)) & MASK) * rest) + HALF) & U32(0xFF00FF00))
    return U32(above + U32(low | high))


@inlined
def straight(value, alpha):
    """One channel of a premultiplied colour, converted to straight alpha."""
    return min(U32(U32(value * U32(255) + U32(alpha >> U32(1))) // alpha), U32(255))


@inlined
def unpacked(pixel):
    """Red, green and blue of a premultiplied pixel, converted to straight alpha, and its alpha."""
    alpha = U32(pixel >> U32(24))
    r, g, b = U32(pixel & U32(255)), U32((pixel >> U32(8)) & U32(255)), U32((pixel >> U32(16)) & U32(255))
    if U32(0) < alpha < U32(255):
        r, g, b = straight(r, alpha), straight(g, alpha), straight(b, alpha)
    return r, g, b, alpha


@inlined
def tone_channel(value, gain, offset, alpha):
    """One channel's gain · value + offset, clamped to 0…alpha, the range of premultiplied colours."""
    return U32(min(max(I32(I32(I32(value) * gain) + offset + I32(128)) >> I32(8), I32(0)), I32(alpha)))


@inlined
def tone(pixel, gain_r, gain_g, gain_b, offset_r, offset_g, offset_b):
    """Apply gain and offset, in 1/256, to the three colours of a premultiplied pixel."""
    alpha = U32(pixel >> U32(24))
    share = I32(alpha + U32(alpha >> U32(7)))
    r = tone_channel(U32(pixel & U32(255)), gain_r, I32(I32(offset_r * share) >> I32(8)), alpha)
    g = tone_channel(U32(U32(pixel >> U32(8)) & U32(255)), gain_g, I32(I32(offset_g * share) >> I32(8)), alpha)
    b = tone_channel(U32(U32(pixel >> U32(16)) & U32(255)), gain_b, I32(I32(offset_b * share) >> I32(8)), alpha)
    return U32(U32(r | U32(g << U32(8))) | U32(U32(b << U32(16)) | U32(alpha << U32(24))))


@inlined
def bilinear(address, width, height, u, v):
    """The pixel at (u, v) in 1/65536 texel, with texel centres at whole numbers; outside, the nearest edge texel."""
    u = I32(min(max(u, I32(0)), I32((width - 1) << 16)))
    v = I32(min(max(v, I32(0)), I32((height - 1) << 16)))
    x0 = I32(max(min(I32(u >> 16), I32(width - 2)), I32(0)))
    y0 = I32(v >> 16)
    y1 = I32(min(I32(y0 + 1), I32(height - 1)))
    across = U32(I32(u - I32(x0 << 16)) >> 8)  # 256 in the last column: only the right texel
    upper = texel_pair(address, I32(y0 * width + x0))
    lower = texel_pair(address, I32(y1 * width + x0))
    top = mix(U32(upper), U32(upper >> U64(32)), across)
    bottom = mix(U32(lower), U32(lower >> U64(32)), across)
    return mix(top, bottom, U32(I32(v & I32(65535)) >> 8))


# There is one loop for each case, since LLVM vectorises gathers only in loops without branches. Tone is always applied:
# gain 1 and offset 0 change nothing, and cost less than additional loops.


@inlined
def sample_one(level, paint, k):
    """Pixel `k` of a span from one mip level, with tone. `level`: see `level_at`; `paint`: gain and offset."""
    address, width, height, u, v, du, dv = level
    pixel = bilinear(address, width, height, I32(u + I32(k * du)), I32(v + I32(k * dv)))
    return tone(pixel, paint[0], paint[1], paint[2], paint[3], paint[4], paint[5])


@inlined
def sample_two(fine, coarse, blend, paint, k):
    """Pixel `k` of a span from two mip levels, with tone."""
    address, width, height, u, v, du, dv = fine
    pixel = bilinear(address, width, height, I32(u + I32(k * du)), I32(v + I32(k * dv)))
    address, width, height, u, v, du, dv = coarse
    other = bilinear(address, width, height, I32(u + I32(k * du)), I32(v + I32(k * dv)))
    return tone(mix(pixel, other, blend), paint[0], paint[1], paint[2], paint[3], paint[4], paint[5])


@inlined
def lesser(a, b):
    """The smaller of two floats; `min` handles NaNs, which keeps LLVM from vectorising."""
    return a if a < b else b


@inlined
def greater(a, b):
    """The larger of two floats."""
    return a if a > b else b


@inlined
def coverage(edges, k):
    """Weight 0…256 of pixel `k` of a span: the share of it between the sprite's edges, times the opacity.

    `edges`: for each of the two axes the distance from the centre at pixel 0, its step, and the positions of the two
    edges, in pixels; then the opacity. An edge at ±1e9 is ignored.
    """
    s, s_step, s_low, s_high, t, t_step, t_low, t_high, opacity = edges
    step = np.float32(k)
    at_s = np.float32(s + step * s_step)
    at_t = np.float32(t + step * t_step)
    half = np.float32(0.5)
    across = np.float32(lesser(np.float32(at_s + half), s_high) - greater(np.float32(at_s - half), s_low))
    along = np.float32(lesser(np.float32(at_t + half), t_high) - greater(np.float32(at_t - half), t_low))
    across = lesser(greater(across, np.float32(0.0)), np.float32(1.0))
    along = lesser(greater(along, np.float32(0.0)), np.float32(1.0))
    return U32(I32(np.float32(np.float32(across * along) * opacity) + half))


@kernel
def store_span(target, count, fine, coarse, blend, paint):
    """Draw `count` pixels of a row that an opaque sprite fully covers."""
    if blend > 0:
        for step in range(count):
            put_pixel(target, step, sample_two(fine, coarse, blend, paint, I32(step)))
    else:
        for step in range(count):
            put_pixel(target, step, sample_one(fine, paint, I32(step)))


@kernel
def mix_span(target, count, fine, coarse, blend, paint, edges):
    """Draw `count` pixels of a row weighted by their coverage, from a texture without transparency."""
    if blend > 0:
        for step in range(count):
            k = I32(step)
            pixel = sample_two(fine, coarse, blend, paint, k)
            put_pixel(target, step, mix(frame_pixel(target, step), pixel, coverage(edges, k)))
    else:
        for step in range(count):
            k = I32(step)
            pixel = sample_one(fine, paint, k)
            put_pixel(target, step, mix(frame_pixel(target, step), pixel, coverage(edges, k)))


@kernel
def over_span(target, count, fine, coarse, blend, paint, edges):
    """Draw `count` pixels of a row weighted by their coverage and the texture's alpha."""
    if blend > 0:
        for step in range(count):
            k = I32(step)
            pixel = mix(U32(0), sample_two(fine, coarse, blend, paint, k), coverage(edges, k))
            put_pixel(target, step, over(frame_pixel(target, step), pixel))
    else:
        for step in range(count):
            k = I32(step)
            pixel = mix(U32(0), sample_one(fine, paint, k), coverage(edges, k))
            put_pixel(target, step, over(frame_pixel(target, step), pixel))


SHARPER = 0.5
"""Mip levels by which sampling is finer than one texel per pixel, to offset the blur of blending two levels.

At the same cost, the picture is 3.5 dB closer to a supersampled one, and its flicker is 0.48 times that of nearest-mip
sampling (with 0: 0.71 times; with 0.75: 0.46 times, but no closer), as measured by benchmarks/flight.py."""


# -- Visibility ----------------------------------------------------------------------------------------------------


@inlined
def fade(size, full_below, none_above):
    """1 below the first size, 0 above the second, smooth (3x² − 2x³) between."""
    x = min(max((none_above - size) / (none_above - full_below), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


@inlined
def whole(value):
    """Whether a number is whole, up to rounding errors."""
    return abs(value - round(value)) < 1e-6


@kernel
def list_visible(
    texture: npt.NDArray[np.int32],
    centre: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    down: npt.NDArray[np.float64],
    window: npt.NDArray[np.float64],
    opacity: npt.NDArray[np.float32],
    gain: npt.NDArray[np.float32],
    offset: npt.NDArray[np.float32],
    joined: npt.NDArray[np.uint8],
    view: tuple[float, ...],
    frame_size: tuple[int, int],
    hidden: tuple[int, int, int, int],
    tone_sizes: tuple[float, float],
    table: TextureTable,
    scene_number: int,
    draw: DrawList,
    missing: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Fill the draw list with the sprites that touch the frame, and `missing` with the mip levels to load for them.

    `view` (6,) maps scene units to pixels: x' = v0 x + v1 y + v2, y' = v3 x + v4 y + v5. `frame_size`: width and height
    in pixels. `hidden`: left, top, right and bottom of the box that is painted over later. `tone_sizes`: tile sizes in
    pixels up to which tone is full and from which there is none. `missing`: (M, 2) rows of texture, level. Returns the
    number of visible sprites and of missing levels; entries beyond the capacity of the lists are not written.
    """
    width, height = frame_size
    full_below, none_above = tone_sizes
    seen = 0
    lacking = 0
    for i in range(len(texture)):
        if opacity[i] <= 0.0:
            continue
        x = view[0] * centre[i, 0] + view[1] * centre[i, 1] + view[2]
        y = view[3] * centre[i, 0] + view[4] * centre[i, 1] + view[5]
        right_x = view[0] * right[i, 0] + view[1] * right[i, 1]
        right_y = view[3] * right[i, 0] + view[4] * right[i, 1]
        down_x = view[0] * down[i, 0] + view[1] * down[i, 1]
        down_y = view[3] * down[i, 0] + view[4] * down[i, 1]
        reach_x = abs(right_x) + abs(down_x)
        reach_y = abs(right_y) + abs(down_y)
        if min(abs(right_x), abs(right_y)) + min(abs(down_x), abs(down_y)) > 1e-9:
            # Coverage is measured across an edge, so at corners of rotated sprites it extends half a pixel further.
            reach_x += 0.5
            reach_y += 0.5
        first = int(math.floor(max(y - reach_y, 0.0)))
        last = int(math.ceil(min(y + reach_y, float(height))))
        if first >= last or x + reach_x <= 0.0 or x - reach_x >= width:
            continue
        if first >= hidden[1] and last <= hidden[3] and hidden[0] < hidden[2]:
            left = math.floor(max(x - reach_x, 0.0))
            if left >= hidden[0] and math.ceil(min(x + reach_x, float(width))) <= hidden[2]:
                continue
        area = right_x * down_y - right_y * down_x
        length_right = math.hypot(right_x, right_y)
        length_down = math.hypot(down_x, down_y)
        if abs(area) < 1e-9 * (1.0 + length_right * length_down):
            continue  # edge-on

        t = texture[i]
        if t < 0 or t >= len(table.width):
            continue
        texels = max(
            abs(window[i, 2] - window[i, 0]) * table.width[t] / (2.0 * length_right),
            abs(window[i, 3] - window[i, 1]) * table.height[t] / (2.0 * length_down),
        )
        if not texels < 1e9:  # too large or NaN: nothing to draw
            continue
        detail = math.log2(max(texels, 1.0))
        if not (whole(detail) and whole(x - reach_x) and whole(y - reach_y) and whole(x + reach_x)):
            detail -= SHARPER  # otherwise texels coincide with pixels and are drawn unchanged
        detail = min(max(detail, 0.0), table.levels[t] - 1.0)
        level = int(detail)
        blend = int(round((detail - level) * 256.0))
        if blend == 256:
            level += 1
            blend = 0
        for needed in range(level, level + (2 if blend else 1)):
            if table.address[t, needed] == 0 and table.used[t, needed] != scene_number:
                if lacking < len(missing):
                    missing[lacking, 0] = t
                    missing[lacking, 1] = needed
                lacking += 1
            table.used[t, needed] = scene_number
        if seen >= len(draw.texture):
            seen += 1
            continue

        draw.texture[seen] = t
        draw.level[seen] = level
        draw.blend[seen] = blend
        draw.rows[seen, 0] = first
        draw.rows[seen, 1] = last
        draw.columns[seen, 0] = int(math.floor(max(x - reach_x, 0.0)))
        draw.columns[seen, 1] = int(math.ceil(min(x + reach_x, float(width))))
        draw.inverse[seen, 0] = down_y / area
        draw.inverse[seen, 1] = -down_x / area
        draw.inverse[seen, 2] = (down_x * y - down_y * x) / area
        draw.inverse[seen, 3] = -right_y / area
        draw.inverse[seen, 4] = right_x / area
        draw.inverse[seen, 5] = (right_y * x - right_x * y) / area
        draw.half[seen, 0] = abs(area) / length_down
        draw.half[seen, 1] = abs(area) / length_right
        draw.forward[seen, 0] = 0
        draw.forward[seen, 1] = 0
        if joined[i] and opacity[i] >= 1.0 and table.opaque[t]:  # transparent edges must not overlap
            # A neighbour to the right or below is drawn later and blends over this sprite's edge. Which axis of the
            # sprite points there depends on how the photo is mirrored and turned within its cell.
            upright = abs(right[i, 0]) >= abs(right[i, 1])
            across, along = (0, 1) if upright else (1, 0)
            if joined[i] & 1:
                draw.forward[seen, across] = 1 if (right[i, 0] if upright else down[i, 0]) > 0.0 else -1
            if joined[i] & 2:
                draw.forward[seen, along] = 1 if (down[i, 1] if upright else right[i, 1]) > 0.0 else -1
        draw.opacity[seen] = min(max(int(round(opacity[i] * 256.0)), 1), 256)
        share = fade(2.0 * math.sqrt(length_right * length_down), full_below, none_above)
        for c in range(3):
            draw.window[seen, c] = window[i, c]
            draw.gain[seen, c] = int(round((1.0 + (gain[i, c] - 1.0) * share) * 256.0))
            draw.offset[seen, c] = int(round(offset[i, c] * share * 65280.0))
        draw.window[seen, 3] = window[i, 3]
        seen += 1
    return seen, lacking


# -- Drawing -------------------------------------------------------------------------------------------------------


VECTOR = 8
"""Pixels that the span loops draw at once on processors with the widest vectors.

The remaining pixels of a span are drawn one by one, which takes as long as a whole vector. Spans are therefore
lengthened where the next pixels are not covered at all."""

CACHE_LINE = 64  # bytes

LONG_SPAN = 32  # pixels of a sprite in a row, from which the fully covered ones are drawn by a separate loop


TOUCH = 0.5 - 1e-6
"""Maximum distance in pixels from a pixel's centre to an edge that touches it.

Overlaps below a millionth of a pixel are rounding errors: if they counted, a sprite that is extended over every touched
pixel would be visible in a corner of its neighbour."""


@inlined
def crossing(slope, start, low, high):
    """The range of x for which low ≤ slope · x + start ≤ high; empty (1, 0) if there is none."""
    if abs(slope) < 1e-12:
        if low <= start <= high:
            return -1e9, 1e9
        return 1.0, 0.0
    a = (low - start) / slope
    b = (high - start) / slope
    return lesser(a, b), greater(a, b)


@inlined
def level_plane(table, t, level, window, inverse):
    """A level's address and size, and the position (u, v) in texels as linear functions of a pixel's centre."""
    width = max(table.width[t] >> level, 1)
    height = max(table.height[t] >> level, 1)
    across = 0.5 * (window[2] - window[0]) * width
    along = 0.5 * (window[3] - window[1]) * height
    return (
        table.address[t, level], I32(width), I32(height),
        inverse[0] * across, inverse[1] * across, window[0] * width + (inverse[2] + 1.0) * across - 0.5,
        inverse[3] * along, inverse[4] * along, window[1] * height + (inverse[5] + 1.0) * along - 0.5,
    )  # fmt: skip


@inlined
def in_texels(value):
    """A position in 1/65536 texel, clamped to 32 bits (±32,768): spans may start far outside a magnified window."""
    return I32(math.floor(lesser(greater(value, -8192.0), 24576.0) * 65536.0 + 0.5))


@inlined
def in_level(value, size):
    """The index of the texel at a position in texels, clamped to the level."""
    return int(lesser(greater(value, 0.0), size - 1.0))


@inlined
def level_at(plane, x, y):
    """A level for the span loops, starting at pixel centre (x, y): position and step in 1/65536 texel."""
    address, width, height, ux, uy, u0, vx, vy, v0 = plane
    u = in_texels(ux * x + uy * y + u0)
    v = in_texels(vx * x + vy * y + v0)
    return address, width, height, u, v, in_texels(ux), in_texels(vx)


@inlined
def first_pixel(x, low, high):
    """The first pixel whose centre is not left of x, clamped to low…high."""
    return int(math.ceil(lesser(greater(x - 0.5, float(low)), float(high))))


@inlined
def end_pixel(x, low, high):
    """The pixel after the last whose centre is not right of x, clamped to low…high."""
    return int(math.floor(lesser(greater(x - 0.5, low - 1.0), high - 1.0))) + 1


AHEAD = 2
"""Number of rows by which texels are prefetched. A tile is read once per frame and so is not in a fast cache; mirrored
tiles are read backwards, which the processor does not predict. At 64 pixels per tile and without prefetching, mirrored
tiles took 2.4 times as long, others 1.3 times."""

SMALL = 32  # side in texels up to which prefetching a level does not pay off


@inlined
def fetch_ahead(plane, begin, stop, y):
    """Prefetch the texels of the pixels begin … stop − 1 of a row of an axis-aligned sprite."""
    address, width, height, ux, _, u0, _, vy, v0 = plane
    left = in_level(ux * (begin + 0.5) + u0, width)
    right = in_level(ux * (stop - 0.5) + u0, width)
    first = in_level(vy * y + v0, height)
    last = in_level(vy * (y + 1.0) + v0, height)
    start = min(first, last) * width + min(left, right)
    end = max(first, last) * width + max(left, right) + 2
    for place in range(address + 4 * start, address + 4 * end, CACHE_LINE):
        fetch(place)


@kernel
def fill_band(
    frame: npt.NDArray[np.uint32],
    first_row: int,
    end_row: int,
    colour: np.uint32,
    picture: npt.NDArray[np.uint32],
) -> None:
    """Fill the rows first_row … end_row − 1 of `frame` (H, W) from `picture` if it is (H, W), else with `colour`."""
    for y in range(first_row, end_row):
        if picture.shape[0] == frame.shape[0]:
            frame[y] = picture[y]
        else:
            frame[y] = colour


@kernel
def draw_band(
    frame: npt.NDArray[np.uint32],
    first_row: int,
    end_row: int,
    table: TextureTable,
    draw: DrawList,
    seen: int,
    hidden: tuple[int, int, int, int],
) -> None:
    """Draw the first `seen` sprites of a draw list onto the rows first_row … end_row − 1 of `frame` (H, W) uint32.

    `hidden`: left, top, right and bottom of the box that is painted over later and may be skipped.
    """
    width = frame.shape[1]
    hidden_left, hidden_top, hidden_right, hidden_bottom = hidden
    base = frame.ctypes.data
    for i in range(seen):
        top = max(first_row, draw.rows[i, 0])
        end = min(end_row, draw.rows[i, 1])
        if top >= end:
            continue
        t = draw.texture[i]
        level = draw.level[i]
        blend = U32(draw.blend[i])
        coarser = level + 1 if draw.blend[i] else level
        paint = (
            draw.gain[i, 0], draw.gain[i, 1], draw.gain[i, 2],
            draw.offset[i, 0], draw.offset[i, 1], draw.offset[i, 2],
        )  # fmt: skip
        opaque = table.opaque[t]
        stored = opaque and draw.opacity[i] == 256
        inverse = draw.inverse[i]
        window = draw.window[i]
        # Distances from the centre in pixels, linear in x and y, and the edges they are compared with. On its forward
        # side a sprite extends over every pixel that it touches: the neighbour that is drawn later blends over it with
        # its own coverage, so that together they cover the pixel exactly.
        half_s, half_t = draw.half[i, 0], draw.half[i, 1]
        low_s = -1e9 if draw.forward[i, 0] < 0 else -half_s
        high_s = 1e9 if draw.forward[i, 0] > 0 else half_s
        low_t = -1e9 if draw.forward[i, 1] < 0 else -half_t
        high_t = 1e9 if draw.forward[i, 1] > 0 else half_t
        slope_s = inverse[0] * half_s
        slope_t = inverse[3] * half_t
        upright = inverse[1] == 0.0 and inverse[3] == 0.0  # all rows have the same pixels
        lengthened = upright and half_s < 4096.0  # above, float32 is too coarse for a coverage of exactly 0
        fine_plane = level_plane(table, t, level, window, inverse)
        coarse_plane = level_plane(table, t, coarser, window, inverse)
        begin = stop = inner = inner_end = 0
        for y in range(top, end):
            row = y + 0.5
            start_s = (inverse[1] * row + inverse[2]) * half_s
            start_t = (inverse[4] * row + inverse[5]) * half_t
            if y == top or not upright:
                # The pixels begin … stop − 1 are touched, of which inner … inner_end − 1 are fully covered.
                low_a, high_a = crossing(slope_s, start_s, -half_s - TOUCH, half_s + TOUCH)
                low_b, high_b = (-1e9, 1e9) if upright else crossing(slope_t, start_t, -half_t - TOUCH, half_t + TOUCH)
                begin = first_pixel(greater(low_a, low_b), draw.columns[i, 0], draw.columns[i, 1])
                stop = end_pixel(lesser(high_a, high_b), draw.columns[i, 0], draw.columns[i, 1])
                inner = inner_end = stop
                if stored and stop - begin >= LONG_SPAN:
                    low_a, high_a = crossing(slope_s, start_s, low_s + 0.5, high_s - 0.5)
                    low_b, high_b = (-1e9, 1e9) if upright else crossing(slope_t, start_t, low_t + 0.5, high_t - 0.5)
                    inner = first_pixel(greater(low_a, low_b) - 1e-9, begin, stop)
                    inner_end = max(end_pixel(lesser(high_a, high_b) + 1e-9, begin, stop), inner)
                    inner_end = inner + (inner_end - inner) // VECTOR * VECTOR
                if lengthened and draw.forward[i, 0]:  # fully cover the last pixel, but not the next
                    last = slope_s * (stop - 0.5) + start_s
                    if slope_s > 0.0 and draw.forward[i, 0] > 0:
                        high_s = last + 0.5
                    if slope_s < 0.0 and draw.forward[i, 0] < 0:
                        low_s = last - 0.5
            if upright and abs(start_t) > half_t + TOUCH:
                continue
            whole_row = not upright or low_t + 0.5 - 1e-9 <= start_t <= high_t - 0.5 + 1e-9
            if upright and fine_plane[1] > SMALL:
                fetch_ahead(fine_plane, begin, stop, row + AHEAD)
                if blend > 0:
                    fetch_ahead(coarse_plane, begin, stop, row + AHEAD)
            has_hidden = hidden_top <= y < hidden_bottom and hidden_left < hidden_right
            x = begin
            while x < stop:
                if has_hidden and hidden_left <= x < hidden_right:
                    x = hidden_right
                    continue
                store = whole_row and inner <= x < inner_end
                next_x = stop
                if store:
                    next_x = inner_end
                elif whole_row and x < inner < inner_end:
                    next_x = inner
                if has_hidden and x < hidden_left < next_x:
                    next_x = hidden_left
                count = next_x - x
                target = base + (y * width + x) * 4
                fine = level_at(fine_plane, x + 0.5, row)
                coarse = level_at(coarse_plane, x + 0.5, row)
                if store:
                    store_span(target, count, fine, coarse, blend, paint)
                else:
                    longer = (count + VECTOR - 1) // VECTOR * VECTOR
                    if lengthened and next_x == stop and x + longer <= width:
                        count = longer
                    edges = (
                        np.float32(slope_s * (x + 0.5) + start_s), np.float32(slope_s),
                        np.float32(low_s), np.float32(high_s),
                        np.float32(slope_t * (x + 0.5) + start_t), np.float32(slope_t),
                        np.float32(low_t), np.float32(high_t),
                        np.float32(draw.opacity[i]),
                    )  # fmt: skip
                    if opaque:
                        mix_span(target, count, fine, coarse, blend, paint, edges)
                    else:
                        over_span(target, count, fine, coarse, blend, paint, edges)
                x = next_x


# -- Motion blur ---------------------------------------------------------------------------------------------------


@kernel
def gather_light(
    frame: npt.NDArray[np.uint32],
    light: npt.NDArray[np.uint32],
    total: npt.NDArray[np.uint32],
    begin: bool,
    first_row: int,
    end_row: int,
) -> None:
    """Add the light of `frame` (H, W), weighted by alpha, to `total` (H, W, 4), or with `begin` set `total` to it.

    `light` (256,): linear light of each byte, 0…65535. Sums of 16 frames, times alpha up to 255, fit into 32 bits.
    """
    for y in range(first_row, end_row):
        for x in range(frame.shape[1]):
            r, g, b, alpha = unpacked(frame[y, x])
            r, g, b = U32(light[r] * alpha), U32(light[g] * alpha), U32(light[b] * alpha)
            if begin:
                total[y, x, 0], total[y, x, 1], total[y, x, 2], total[y, x, 3] = r, g, b, alpha
            else:
                total[y, x, 0] += r
                total[y, x, 1] += g
                total[y, x, 2] += b
                total[y, x, 3] += alpha


@kernel
def develop(
    total: npt.NDArray[np.uint32],
    count: int,
    bytes_of: npt.NDArray[np.uint8],
    frame: npt.NDArray[np.uint32],
    first_row: int,
    end_row: int,
) -> None:
    """Write the mean light of `count` frames to `frame` (H, W), premultiplied. `bytes_of` (65536,): bytes by light."""
    for y in range(first_row, end_row):
        for x in range(frame.shape[1]):
            weight = total[y, x, 3]
            if weight == U32(0):
                frame[y, x] = U32(0)
                continue
            half = U32(weight >> U32(1))
            alpha = U32((weight + U32(count // 2)) // U32(count))
            r = U32(U32(bytes_of[(total[y, x, 0] + half) // weight]) * alpha + U32(127)) // U32(255)
            g = U32(U32(bytes_of[(total[y, x, 1] + half) // weight]) * alpha + U32(127)) // U32(255)
            b = U32(U32(bytes_of[(total[y, x, 2] + half) // weight]) * alpha + U32(127)) // U32(255)
            frame[y, x] = U32(r | U32(g << U32(8)) | U32(b << U32(16)) | U32(alpha << U32(24)))


# -- Pixel formats for the encoder ---------------------------------------------------------------------------------


@kernel
def to_yuv420(
    frame: npt.NDArray[np.uint32],
    luma: npt.NDArray[np.uint8],
    blue: npt.NDArray[np.uint8],
    red: npt.NDArray[np.uint8],
    first_pair: int,
    end_pair: int,
) -> None:
    """Convert row pairs first_pair … end_pair − 1 of `frame` (H, W) uint32 to planar 4:2:0 in limited range.

    `luma` (H, W), `blue` and `red` (H/2, W/2), uint8; width and height are even. The matrix is that of ITU-R BT.709
    (items 3.2 to 3.5: Kr 0.2126, Kb 0.0722; 219 steps of luma from 16, 224 of chroma around 128), in 1/65536. Chroma is
    sited on the left luma column (H.264 annex E, type 0), so it is averaged over rows and by 1-2-1 over columns.
    """
    MASK = U32(0x00FF00FF)
    width = frame.shape[1]
    for pair in range(first_pair, end_pair):
        upper = frame[2 * pair]
        lower = frame[2 * pair + 1]
        for row in range(2):
            line = frame[2 * pair + row]
            target = luma[2 * pair + row]
            for x in range(width):
                p = line[x]
                r, g, b = (
                    I32(p & U32(255)),
                    I32(U32(p >> U32(8)) & U32(255)),
                    I32(U32(p >> U32(16)) & U32(255)),
                )
                target[x] = np.uint8(I32(11966 * r + 40254 * g + 4064 * b + 1081344) >> 16)
        for i in range(width // 2):
            a = max(2 * i - 1, 0)
            rb = U32(upper[a] & MASK) + U32(lower[a] & MASK) + U32(upper[2 * i + 1] & MASK)
            rb += U32(lower[2 * i + 1] & MASK) + U32(2) * (U32(upper[2 * i] & MASK) + U32(lower[2 * i] & MASK))
            g = I32(U32(upper[a] >> U32(8)) & U32(255)) + I32(U32(lower[a] >> U32(8)) & U32(255))
            g += I32(U32(upper[2 * i + 1] >> U32(8)) & U32(255)) + I32(U32(lower[2 * i + 1] >> U32(8)) & U32(255))
            g += 2 * (I32(U32(upper[2 * i] >> U32(8)) & U32(255)) + I32(U32(lower[2 * i] >> U32(8)) & U32(255)))
            r = I32(rb & U32(0xFFFF))
            b = I32(U32(rb) >> U32(16))
            # The sums have weight 8, three bits more than a byte, hence the shift by 19.
            blue[pair, i] = np.uint8((-6596 * r - 22188 * g + 28784 * b + 67371008) >> 19)
            red[pair, i] = np.uint8((28784 * r - 26145 * g - 2639 * b + 67371008) >> 19)


@kernel
def to_rgba(frame: npt.NDArray[np.uint32], pixels: npt.NDArray[np.uint8], first_row: int, end_row: int) -> None:
    """Convert rows first_row … end_row − 1 of `frame` (H, W) to `pixels` (H, W, 4) with straight alpha, uint8."""
    for y in range(first_row, end_row):
        for x in range(frame.shape[1]):
            r, g, b, alpha = unpacked(frame[y, x])
            pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2] = np.uint8(r), np.uint8(g), np.uint8(b)
            pixels[y, x, 3] = np.uint8(alpha)
