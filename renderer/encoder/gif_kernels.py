"""Compiled loops of the GIF writer: changed pixels, palettes, dithering and LZW.

Colours are opponent colours: luma, blue minus luma and red minus luma, as floats in the levels of an 8-bit channel.
Euclidean distance in this space is close to the perceived difference, and errors can be added as in RGB.

Dithering and LZW are one loop. A code encodes as many pixels as the longest matching string in the dictionary, so a
string whose colours match only approximately saves bytes. The error allowed for a pixel depends on what hides it:
the texture around it, and whether it changes again in the next frame. The error is diffused to the neighbours like any
other (Floyd and Steinberg, "An adaptive algorithm for spatial grey scale", 1976).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"
from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.compiled import kernel
from renderer.pictures import Pixels

KEEP: Final = 0  # the visible pixel stays, or the pixel is transparent
LOOSE: Final = 1  # changes again in the next frame
EXACT: Final = 2  # stays, and gets the nearest colour

BLOCK: Final = 8  # side of the squares whose texture is measured, pixels
CELLS: Final = 64 * 32 * 32  # of the histogram: each has 4 levels of luma and 8 levels of each other axis
CODES: Final = 4096  # in a dictionary: codes have at most 12 bits

_CHROMA = 0.8  # weight of the colour axes relative to luma
_HIDDEN = 100.0  # variance of luma that hides half of an error
_MIN_CALM = 0.05  # avoids a halo around moving letters on a plain background
_DITHER_TEXTURE, _DITHER_FLAT = 0.2, 0.6  # share of an error that is diffused: more only adds noise and bytes
_LONGEST_ERROR = 32.0  # a larger error is not diffused: it would streak across colours missing from the palette
_PIXEL_WORTH = 30.0  # squared error that is traded for one more pixel in a code
_VISITS = 64  # maximum strings visited for one code; 256 would save 0.3 %


class Canvas(NamedTuple):
    """The state of each pixel; (H, W) arrays."""

    target: Float32Array  # (H, W, 3) target colours of the frame, with diffused errors
    shown: Float32Array  # (H, W, 3) colours displayed so far
    filled: Pixels  # 1 where a pixel is displayed
    task: Pixels  # KEEP, LOOSE or EXACT
    calm: Float32Array  # (H / 8, W / 8) 1 in flat squares, approaching 0 with more texture


class Palette(NamedTuple):
    """K colours, and a cache of the nearest colour of each cell."""

    colours: Float32Array  # (K, 3)
    nearest: npt.NDArray[np.int16]  # (CELLS,) index of a colour; −1 where it is not known yet


class Census(NamedTuple):
    """The colours of a frame's changed pixels."""

    histogram: npt.NDArray[np.float64]  # (CELLS, 4) weight and weighted R, G, B; zero between frames
    points: Float32Array  # (CELLS, 4) of cells in use: weight and mean opponent colour
    cells: npt.NDArray[np.int32]  # (CELLS,) indices of the cells in use


class Dictionary(NamedTuple):
    """The LZW strings as a tree, (CODES,) each: a code is its parent's string plus one symbol."""

    child: npt.NDArray[np.int32]
    sibling: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    symbol: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]


def _to_opponent(r, g, b):
    """Return luma (BT.601), blue minus luma and red minus luma of colours in 0…255."""
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return luma, _CHROMA * 0.564 * (b - luma), _CHROMA * 0.713 * (r - luma)


_opponent = kernel(_to_opponent)


def to_opponent(rgb: Pixels) -> Float32Array:
    """Convert (K, 3) uint8 RGB to (K, 3) opponent colours."""
    return np.stack(_to_opponent(*rgb.T.astype(np.float64)), axis=1).astype(np.float32)


def to_rgb(colours: Float32Array) -> Pixels:
    """Convert (K, 3) opponent colours to (K, 3) uint8 RGB."""
    luma, blue, red = colours.T.astype(np.float64)
    b, r = blue / (_CHROMA * 0.564) + luma, red / (_CHROMA * 0.713) + luma
    g = (luma - 0.299 * r - 0.114 * b) / 0.587
    return np.clip(np.stack([r, g, b], axis=1) + 0.5, 0, 255).astype(np.uint8)


@kernel
def _cell(luma, blue, red):
    return (
        (min(max(int(luma) >> 2, 0), 63) << 10)
        | (min(max((int(blue) + 128) >> 3, 0), 31) << 5)
        | min(max((int(red) + 128) >> 3, 0), 31)
    )


# -- Changed pixels ------------------------------------------------------------------------------------------------


@kernel
def measure(frame: Pixels, calm: Float32Array) -> None:
    """Fill `calm` from the variance of luma in each square of an (H, W, 4) frame."""
    height, width = frame.shape[:2]
    for row in range(calm.shape[0]):
        for column in range(calm.shape[1]):
            count, total, squares = 0, 0, 0
            for y in range(row * BLOCK, min(row * BLOCK + BLOCK, height)):
                for x in range(column * BLOCK, min(column * BLOCK + BLOCK, width)):
                    luma = (2 * int(frame[y, x, 0]) + 5 * int(frame[y, x, 1]) + int(frame[y, x, 2])) >> 3
                    count += 1
                    total += luma
                    squares += luma * luma
            variance = (squares - total * total / count) / count
            calm[row, column] = max(_HIDDEN / (_HIDDEN + variance), _MIN_CALM)


@kernel
def compare(
    frame: Pixels, before: Pixels, after: Pixels, canvas: Canvas, histogram: npt.NDArray[np.float64]
) -> tuple[int, int, int, int, int]:
    """Fill `target` and `task`, and add the pixels to be written to the histogram.

    frame, before, after: (H, W, 4), alpha 0 or 255. Returns the box of the pixels to be written (left, top, right,
    bottom), and the number of pixels that must become transparent after this frame.
    """
    height, width = canvas.task.shape
    left, top, right, bottom = width, height, 0, 0
    vanishing = 0
    for y in range(height):
        for x in range(width):
            r, g, b = frame[y, x, 0], frame[y, x, 1], frame[y, x, 2]
            luma, blue, red = _opponent(float(r), float(g), float(b))
            canvas.target[y, x, 0], canvas.target[y, x, 1], canvas.target[y, x, 2] = luma, blue, red
            if frame[y, x, 3] == 0:
                canvas.task[y, x] = KEEP
                continue
            if after[y, x, 3] == 0:
                vanishing += 1
            if canvas.filled[y, x] and r == before[y, x, 0] and g == before[y, x, 1] and b == before[y, x, 2]:
                canvas.task[y, x] = KEEP
                continue
            stays = r == after[y, x, 0] and g == after[y, x, 1] and b == after[y, x, 2]
            canvas.task[y, x] = EXACT if stays else LOOSE
            left, top, right, bottom = min(left, x), min(top, y), max(right, x + 1), max(bottom, y + 1)
            cell = _cell(luma, blue, red)
            # A wrong colour is most visible in flat squares: they get more of the palette.
            weight = np.sqrt(canvas.calm[y // BLOCK, x // BLOCK])
            histogram[cell, 0] += weight
            histogram[cell, 1] += weight * r
            histogram[cell, 2] += weight * g
            histogram[cell, 3] += weight * b
    return left, top, right, bottom, vanishing


# -- Palettes ------------------------------------------------------------------------------------------------------


@kernel
def collect(census: Census) -> int:
    """Collect the cells in use into `points`, clear the histogram and return their number."""
    count = 0
    for cell in range(CELLS):
        weight = census.histogram[cell, 0]
        if weight > 0:
            r, g, b = census.histogram[cell, 1], census.histogram[cell, 2], census.histogram[cell, 3]
            luma, blue, red = _opponent(r / weight, g / weight, b / weight)
            census.points[count, 0] = weight
            census.points[count, 1], census.points[count, 2], census.points[count, 3] = luma, blue, red
            census.cells[count] = cell
            census.histogram[cell] = 0
            count += 1
    return count


@kernel
def _nearest(colours, luma, blue, red):
    best, least = 0, np.float32(np.inf)
    for k in range(len(colours)):
        a, b, c = colours[k, 0] - luma, colours[k, 1] - blue, colours[k, 2] - red
        distance = a * a + b * b + c * c
        if distance < least:
            best, least = k, distance
    return best


@kernel
def assign(census: Census, count: int, palette: Palette, move: bool) -> float:
    """Assign each point to its nearest colour, cache the assignment and return the mean squared error.

    With `move`, each colour then becomes the mean of its points (Lloyd, "Least squares quantization in PCM", 1982).
    """
    sums = np.zeros((len(palette.colours), 4))
    error, total = 0.0, 0.0
    for p in range(count):
        point = census.points[p]
        weight, luma, blue, red = point[0], point[1], point[2], point[3]
        k = _nearest(palette.colours, luma, blue, red)
        palette.nearest[census.cells[p]] = k
        a, b, c = palette.colours[k, 0] - luma, palette.colours[k, 1] - blue, palette.colours[k, 2] - red
        error += weight * (a * a + b * b + c * c)
        total += weight
        sums[k, 0] += weight
        sums[k, 1] += weight * luma
        sums[k, 2] += weight * blue
        sums[k, 3] += weight * red
    if move:
        for k in range(len(sums)):
            if sums[k, 0] > 0:
                for a in range(3):
                    palette.colours[k, a] = sums[k, 1 + a] / sums[k, 0]
    return error / max(total, 1e-9)


@kernel
def _describe(points, order, start, end, mean):
    """Fill the mean of some points; return their squared error and the axis with the largest part of it."""
    error, widest, axis = 0.0, -1.0, 0
    for a in range(3):
        weight, total, squares = 0.0, 0.0, 0.0
        for i in range(start, end):
            w, v = points[order[i], 0], points[order[i], 1 + a]
            weight += w
            total += w * v
            squares += w * v * v
        mean[a] = total / weight
        spread = squares - total * total / weight
        error += spread
        if spread > widest:
            widest, axis = spread, a
    return error, axis


@kernel
def divide(points: Float32Array, count: int, colours: Float32Array) -> int:
    """Fill `colours` with the means of boxes, splitting the box with the largest error each time; return their number.

    Wan, Prusinkiewicz and Wong, "Variance-based color image quantization for frame buffer display", 1990.
    """
    size = len(colours)
    order = np.arange(count)
    start, end = np.zeros(size, np.int64), np.zeros(size, np.int64)
    error, axis = np.zeros(size), np.zeros(size, np.int64)
    end[0] = count
    error[0], axis[0] = _describe(points, order, 0, count, colours[0])
    boxes = 1
    while boxes < size:
        k = 0
        for i in range(1, boxes):
            if error[i] > error[k]:
                k = i
        if error[k] <= 1e-3:
            break
        a, middle = 1 + axis[k], colours[k, axis[k]]
        i, j = start[k], end[k]
        while i < j:
            if points[order[i], a] <= middle:
                i += 1
            else:
                j -= 1
                order[i], order[j] = order[j], order[i]
        if i == start[k] or i == end[k]:  # all equal, except for rounding
            error[k] = 0
            continue
        start[boxes], end[boxes] = i, end[k]
        end[k] = i
        for box in (k, boxes):
            error[box], axis[box] = _describe(points, order, start[box], end[box], colours[box])
        boxes += 1
    return boxes


# -- Dithering and LZW ---------------------------------------------------------------------------------------------


@kernel
def _look_up(palette, luma, blue, red):
    cell = _cell(luma, blue, red)
    k = palette.nearest[cell]
    if k < 0:  # not cached yet: the colour nearest to the centre of the cell
        middle = (cell >> 10) * 4 + 2, (cell >> 5 & 31) * 8 - 124, (cell & 31) * 8 - 124
        k = _nearest(palette.colours, np.float32(middle[0]), np.float32(middle[1]), np.float32(middle[2]))
        palette.nearest[cell] = k
    return k


@kernel
def _distance(colour, luma, blue, red):
    a, b, c = colour[0] - luma, colour[1] - blue, colour[2] - red
    return a * a + b * b + c * c


@kernel
def _diffused_share(calm):
    return _DITHER_TEXTURE + (_DITHER_FLAT - _DITHER_TEXTURE) * calm


@kernel
def _limited(error):
    return min(max(error, np.float32(-_LONGEST_ERROR)), np.float32(_LONGEST_ERROR))


@kernel
def _put(out, bits, code, width):
    """Append a code. bits: (4,) pending bits, their count, the offset of the next byte, the offset of its block."""
    held, count, at = bits[0] | (code << bits[1]), bits[1] + width, bits[2]
    while count >= 8:
        out[at] = held & 255
        held >>= 8
        count -= 8
        at += 1
        if at - bits[3] == 256:
            out[bits[3]] = 255
            bits[3] = at
            at += 1
    bits[0], bits[1], bits[2] = held, count, at


@kernel
def _finish(out, bits):
    """Write the last bits, the last block's length and the empty block; return the number of bytes."""
    _put(out, bits, 0, (8 - bits[1]) % 8)
    at, block = bits[2], bits[3]
    if at - block > 1:
        out[block] = at - block - 1
        block = at
    out[block] = 0
    return block + 1


@kernel
def _learn(dictionary, code, parent, symbol):
    dictionary.child[code] = -1
    dictionary.sibling[code] = dictionary.child[parent]
    dictionary.child[parent] = code
    dictionary.parent[code] = parent
    dictionary.symbol[code] = symbol
    dictionary.length[code] = dictionary.length[parent] + 1


@kernel
def _draw(canvas, palette, box, position, path, count, carry):
    """Display the symbols of one code and diffuse the errors: down into `target`, to the right into `carry`."""
    left, top, right, bottom = box
    for i in range(count):
        y, x = top + (position + i) // (right - left), left + (position + i) % (right - left)
        if x == left:
            carry[:] = 0
        if canvas.task[y, x] == KEEP:
            carry[:] = 0
            continue
        if path[i] < len(palette.colours):
            for a in range(3):
                canvas.shown[y, x, a] = palette.colours[path[i], a]
        canvas.filled[y, x] = 1
        share = _diffused_share(canvas.calm[y // BLOCK, x // BLOCK]) / 16
        for a in range(3):
            error = canvas.target[y, x, a] + carry[a] - canvas.shown[y, x, a]
            error = share * _limited(error)
            carry[a] = 7 * error
            if y + 1 < bottom:
                if x > left:
                    canvas.target[y + 1, x - 1, a] += 3 * error
                canvas.target[y + 1, x, a] += 5 * error
                if x + 1 < right:
                    canvas.target[y + 1, x + 1, a] += error


@kernel
def write_image(
    canvas: Canvas,
    palette: Palette,
    box: tuple[int, int, int, int],
    bits_a_symbol: int,
    tolerance: float,
    dictionary: Dictionary,
    out: Pixels,
) -> int:
    """Dither the pixels to be written in a box (left, top, right, bottom) and encode them into `out`, in blocks.

    The symbol after the last colour is the transparent one. tolerance: levels by which a LOOSE pixel of a flat square
    may be further off than its nearest colour. Updates `shown` and `filled`; returns the number of bytes.
    """
    left, top, right, bottom = box
    across, total = right - left, (right - left) * (bottom - top)
    transparent = len(palette.colours)
    clear = 1 << bits_a_symbol
    child, sibling, symbol, length = dictionary.child, dictionary.sibling, dictionary.symbol, dictionary.length
    child[:] = -1
    for i in range(clear):
        symbol[i], length[i] = i, 1
    # Strings to visit: their last node, the error of its pixel, and the sum of squared errors.
    node_of, error_of = np.empty(4 * CODES, np.int32), np.empty((4 * CODES, 4), np.float32)
    path, carry = np.empty(CODES, np.int32), np.zeros(3)
    bits = np.zeros(4, np.int64)
    bits[2] = 1
    width, free, previous = bits_a_symbol + 1, clear + 2, -1
    _put(out, bits, clear, width)
    position = 0
    while position < total:
        entry = -1
        best, best_score = -1, -np.inf
        # A string may start with the nearest colour, or with the colour already displayed.
        for starts_transparent in (False, True):
            waiting = 1
            node_of[0] = -1
            error_of[0, 0], error_of[0, 1], error_of[0, 2], error_of[0, 3] = carry[0], carry[1], carry[2], 0
            visits = 0
            while waiting > 0 and visits < _VISITS:
                visits += 1
                waiting -= 1
                node = node_of[waiting]
                c0, c1, c2 = error_of[waiting, 0], error_of[waiting, 1], error_of[waiting, 2]
                cost = error_of[waiting, 3]
                count = 0 if node < 0 else length[node]
                score = count - cost / _PIXEL_WORTH
                if node >= 0 and score > best_score:
                    best, best_score = node, score
                if position + count >= total or (node >= 0 and child[node] < 0) or waiting > 3 * CODES:
                    continue
                y, x = top + (position + count) // across, left + (position + count) % across
                task = canvas.task[y, x]
                calm = canvas.calm[y // BLOCK, x // BLOCK]
                share = _diffused_share(calm) * 7 / 16
                if x == left:
                    c0, c1, c2 = np.float32(0), np.float32(0), np.float32(0)
                t0, t1, t2 = canvas.target[y, x, 0] + c0, canvas.target[y, x, 1] + c1, canvas.target[y, x, 2] + c2
                e0, e1, e2 = np.float32(0), np.float32(0), np.float32(0)
                nearest, least, room = transparent, 0.0, 0.0
                if task != KEEP:
                    nearest = _look_up(palette, t0, t1, t2)
                    least = _distance(palette.colours[nearest], t0, t1, t2)
                    room = least + (1e-3 if task == EXACT else 1e-3 + tolerance * tolerance / calm)
                following = (transparent if starts_transparent else nearest) if node < 0 else child[node]
                while following >= 0:
                    s = symbol[following]
                    if task == KEEP:  # transparent, or the displayed colour painted over itself
                        d, shown = least, canvas.shown[y, x]
                        fits = s == transparent
                        if not fits and canvas.filled[y, x]:
                            fits = _distance(palette.colours[s], shown[0], shown[1], shown[2]) < 1e-3
                    elif s == transparent and not canvas.filled[y, x]:
                        fits, d = False, least
                    else:
                        colour = canvas.shown[y, x] if s == transparent else palette.colours[s]
                        e0, e1, e2 = t0 - colour[0], t1 - colour[1], t2 - colour[2]
                        d = e0 * e0 + e1 * e1 + e2 * e2
                        fits = s == nearest or d <= room
                    if fits:
                        node_of[waiting] = following
                        error_of[waiting, 0] = share * _limited(e0)
                        error_of[waiting, 1] = share * _limited(e1)
                        error_of[waiting, 2] = share * _limited(e2)
                        error_of[waiting, 3] = cost + max(d - least, 0.0) * calm
                        waiting += 1
                        if node < 0 and previous >= 0 and free < CODES:
                            # The previous code adds an entry: its string plus the symbol being tried.
                            if entry < 0:
                                entry = free
                                _learn(dictionary, entry, previous, s)
                            symbol[entry] = s
                    if node < 0:
                        break
                    following = sibling[following]
            if canvas.task[top + position // across, left + position % across] == KEEP:
                break
        if entry >= 0:
            node = best
            while length[node] > 1:
                node = dictionary.parent[node]
            symbol[entry] = symbol[node]
            width += free == 1 << width
            free += 1
        count = length[best]
        node = best
        for i in range(count - 1, -1, -1):
            path[i] = symbol[node]
            node = dictionary.parent[node]
        _put(out, bits, best, width)
        previous = best
        if free == CODES:  # continuing with a full dictionary saves nothing on moving pictures
            _put(out, bits, clear, width)
            child[:] = -1
            width, free, previous = bits_a_symbol + 1, clear + 2, -1
        _draw(canvas, palette, box, position, path, count, carry)
        position += count
    width += previous >= 0 and free == 1 << width
    _put(out, bits, clear + 1, width)
    return _finish(out, bits)
