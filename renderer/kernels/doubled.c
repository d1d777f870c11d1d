/* Drawing of a picture of half the frame's size, enlarged by bilinear interpolation. */

#include "kernels.h"
#include "numbers.h"
#include "pixels.h"

#define CHUNK 64 /* pixels of the picture that are enlarged at once */

#define NEARER 192u /* weight, of 256, of the nearer of two pixels of the picture, whose centres are 1/4 and 3/4 away */

/* The columns first - 1 ... first + count of a row between two of a picture that is `width` wide. Returns whether any of
 * them is visible. */
static int fill_between(
    uint32_t *restrict between, const uint32_t *restrict nearer, const uint32_t *restrict farther, int64_t first,
    int64_t count, int64_t width)
{
    uint32_t visible = 0;
    int64_t begin = first == 0, end = smallest(count + 2, width - first + 1);
    for (int64_t k = begin; k < end; k++) {
        between[k] = mix(farther[first - 1 + k], nearer[first - 1 + k], NEARER);
        visible |= between[k];
    }
    between[0] = between[begin];
    between[count + 1] = between[end - 1];
    return visible != 0;
}

/* Draw `count` pairs of pixels, each between a pixel of a row and its two neighbours. */
static void lay_pairs(uint32_t *restrict target, const uint32_t *restrict between, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        target[2 * k] = over(target[2 * k], mix(between[k], between[k + 1], NEARER));
        target[2 * k + 1] = over(target[2 * k + 1], mix(between[k + 2], between[k + 1], NEARER));
    }
}

void lay_doubled(
    uint32_t *frame, int64_t frame_width, int64_t first_column, int64_t first_row, int64_t end_row,
    const uint32_t *picture, int64_t width, int64_t height)
{
    int64_t end_column = first_column + frame_width;
    for (int64_t y = first_row; y < end_row; y++) {
        int64_t near_row = y / 2, far_row = smallest(largest(near_row + (y % 2 ? 1 : -1), 0), height - 1);
        const uint32_t *nearer = picture + near_row * width, *farther = picture + far_row * width;
        uint32_t *row = frame + y * frame_width;
        for (int64_t x = first_column / 2, count; 2 * x < end_column; x += count) {
            uint32_t between[CHUNK + 2];
            count = smallest(width - x, CHUNK);
            if (!fill_between(between, nearer, farther, x, count, width))
                continue;
            int64_t left = largest(2 * x, first_column), right = smallest(2 * (x + count), end_column);
            if (right - left == 2 * count) {
                lay_pairs(row + left - first_column, between, count);
            } else { /* the first or the last pair is cut */
                uint32_t pixels[2 * CHUNK] = {0};
                uint64_t bytes = (uint64_t)(right - left) * sizeof *row;
                __builtin_memcpy(pixels + left - 2 * x, row + left - first_column, bytes);
                lay_pairs(pixels, between, count);
                __builtin_memcpy(row + left - first_column, pixels + left - 2 * x, bytes);
            }
        }
    }
}
