/* Which pixels of a GIF's frame must be written, and how well the picture around them hides an error. */

#include "colours.h"
#include "gif.h"
#include "kernels.h"

#define COLOUR 0x00ffffffu /* red, green and blue of a pixel */

#define RUN 64 /* pixels of a row that are compared and converted at once */

#if defined(__clang__)
#define VECTORIZED _Pragma("clang loop vectorize(enable)") /* rather than the three channels of each pixel */
#else
#define VECTORIZED
#endif

#define HIDDEN 100.0  /* variance of luma that hides half of an error */
#define MIN_CALM 0.05 /* avoids a halo around moving letters on a plain background */

void measure_calm(const uint32_t *frame, int64_t width, int64_t height, float *calm)
{
    for (int64_t row = 0; row < height; row += BLOCK)
        for (int64_t column = 0; column < width; column += BLOCK) {
            int64_t bottom = smallest(row + BLOCK, height), right = smallest(column + BLOCK, width);
            int32_t total = 0, squares = 0;
            for (int64_t y = row; y < bottom; y++)
                for (int64_t x = column; x < right; x++) {
                    uint32_t pixel = frame[y * width + x];
                    int32_t luma = (2 * (pixel & 255) + 5 * (pixel >> 8 & 255) + (pixel >> 16 & 255)) >> 3;
                    total += luma;
                    squares += luma * luma;
                }
            double count = (double)((bottom - row) * (right - column));
            double variance = (squares - (double)total * total / count) / count;
            *calm++ = (float)greater(HIDDEN / (HIDDEN + variance), MIN_CALM);
        }
}

/* Decide what is to be done with a run of pixels; return how many must be written. */
static int32_t decide(
    const uint32_t *restrict frame, const uint32_t *restrict before, const uint32_t *restrict after,
    const uint8_t *restrict filled, uint8_t *restrict task, int32_t count, int64_t *vanishing)
{
    int32_t written = 0, cleared = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t visible = frame[i] >> 24 != 0;
        int32_t displayed = filled[i] != 0 && ((frame[i] ^ before[i]) & COLOUR) == 0;
        int32_t write = visible && !displayed;
        cleared += visible && after[i] >> 24 == 0;
        written += write;
        task[i] = (uint8_t)(write ? ((frame[i] ^ after[i]) & COLOUR) == 0 ? EXACT : LOOSE : KEEP);
    }
    *vanishing += cleared;
    return written;
}

/* Fill the target colours of a run of pixels, and their cells. */
static void convert(const uint32_t *restrict frame, float *restrict target, int32_t *restrict cells, int32_t count)
{
    VECTORIZED
    for (int32_t i = 0; i < count; i++) {
        Opponent colour = opponent(frame[i] & 255, frame[i] >> 8 & 255, frame[i] >> 16 & 255);
        target[3 * i] = (float)colour.luma;
        target[3 * i + 1] = (float)colour.blue;
        target[3 * i + 2] = (float)colour.red;
        cells[i] = cell_of(colour.luma, colour.blue, colour.red);
    }
}

static void add_to_census(const Census *census, int32_t cell, uint32_t pixel, float weight)
{
    double *sums = census->histogram + 4 * cell;
    if (sums[0] == 0.0)
        census->used[cell / 32] |= 1u << cell % 32;
    sums[0] += weight;
    sums[1] += weight * (float)(pixel & 255);
    sums[2] += weight * (float)(pixel >> 8 & 255);
    sums[3] += weight * (float)(pixel >> 16 & 255);
}

void compare_frames(
    const uint32_t *frame, const uint32_t *before, const uint32_t *after, int64_t width, int64_t height,
    const Canvas *canvas, const Census *census, int64_t *box)
{
    int64_t left = width, top = height, right = 0, bottom = 0, vanishing = 0;
    int32_t cells[RUN];
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x += RUN) {
            int64_t first = y * width + x;
            int32_t count = (int32_t)smallest(RUN, width - x);
            const uint32_t *pixels = frame + first;
            uint8_t *task = canvas->task + first;
            if (!decide(pixels, before + first, after + first, canvas->filled + first, task, count, &vanishing))
                continue;
            convert(pixels, canvas->target + 3 * first, cells, count);
            int32_t begin = count, end = 0;
            for (int32_t i = 0; i < count; i++) {
                if (task[i] == KEEP)
                    continue;
                begin = begin < i ? begin : i;
                end = i + 1;
                /* A wrong colour is most visible in flat squares: they get more of the palette. */
                float weight = __builtin_sqrtf(canvas->calm[calm_index(width, x + i, y)]);
                add_to_census(census, cells[i], pixels[i], weight);
            }
            left = smallest(left, x + begin);
            top = smallest(top, y);
            right = largest(right, x + end);
            bottom = y + 1;
        }
    box[0] = left;
    box[1] = top;
    box[2] = right;
    box[3] = bottom;
    box[4] = vanishing;
}
