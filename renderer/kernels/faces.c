/* Searching a picture for windows that pass a cascade of classifiers of local binary patterns. */

#include "kernels.h"

/* The pattern of 3 x 3 blocks of pixels: a bit for each of the eight around the middle one, clockwise from the upper
 * left, the highest first, which is set if the sum of the block's pixels is at least that of the middle one.
 *
 * corner: of the blocks in the sums; right, down: distances to the next block. The order of the additions decides how
 * sums above 2^24 are rounded. */
static inline uint32_t pattern(const float *corner, int64_t right, int64_t down)
{
    float block[9];
    for (int i = 0; i < 9; i++) {
        const float *upper = corner + i / 3 * down + i % 3 * right, *lower = upper + down;
        block[i] = lower[right] + upper[0] - upper[right] - lower[0];
    }
    static const uint8_t around[8] = {0, 1, 2, 5, 8, 7, 6, 3};
    uint32_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 1 | (block[around[i]] >= block[4]);
    return bits;
}

/* Whether the window at `corner` in the sums passes all stages; blocks: the first block of each classifier's pattern,
 * and the distances to the next ones. */
static int passes(const Cascade *cascade, const float *corner, const int32_t *blocks)
{
    int64_t i = 0;
    for (int64_t stage = 0; stage < cascade->stages; stage++) {
        float votes = 0.0f;
        for (; i < cascade->stage_end[stage]; i++) {
            uint32_t bits = pattern(corner + blocks[3 * i], blocks[3 * i + 1], blocks[3 * i + 2]);
            uint32_t is_set = cascade->patterns[8 * i + bits / 32] >> bits % 32 & 1;
            votes += cascade->votes[2 * i + is_set];
        }
        if (!(votes >= cascade->thresholds[stage]))
            return 0;
    }
    return 1;
}

/* Try windows of every size at every `step` pixels; the first `capacity` that pass are stored, and all are counted. */
int64_t find_windows(
    const Cascade *cascade, const float *sums, int64_t height, int64_t width, const float *scales, int64_t count,
    int32_t *blocks, int32_t *windows, int64_t capacity)
{
    int64_t found = 0, stride = width + 1;
    for (int64_t size = 0; size < count; size++) {
        float scale = scales[size];
        int64_t side = (int64_t)(cascade->side * scale), step = (int64_t)(scale + 0.5);
        for (int64_t i = 0; i < cascade->stage_end[cascade->stages - 1]; i++) {
            const float *feature = cascade->features + 4 * i;
            int64_t x = (int64_t)(feature[0] * scale), y = (int64_t)(feature[1] * scale);
            int64_t block_width = (int64_t)(feature[2] * scale), block_height = (int64_t)(feature[3] * scale);
            blocks[3 * i] = (int32_t)(y * stride + x);
            blocks[3 * i + 1] = (int32_t)block_width;
            blocks[3 * i + 2] = (int32_t)(block_height * stride);
        }
        for (int64_t top = 0; top < height - side; top += step) {
            for (int64_t left = 0; left < width - side; left += step) {
                if (!passes(cascade, sums + top * stride + left, blocks))
                    continue;
                if (found < capacity) {
                    int32_t *window = windows + 3 * found;
                    window[0] = (int32_t)top;
                    window[1] = (int32_t)left;
                    window[2] = (int32_t)side;
                }
                found++;
            }
        }
    }
    return found;
}
