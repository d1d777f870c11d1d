/* Resizing of pictures, along one axis after the other; renderer/kernels/resizing.py describes the parameters.
 *
 * Rows are combined in loops over all their numbers, which compilers vectorise; columns are therefore exchanged with
 * rows if there is much to combine. Sums keep their order, so that the result is the same on every processor. */

#include "kernels.h"
#include "numbers.h"

#define CHANNELS 3
#define PART 32 /* bytes of a row that are computed at once: their sums fit into registers */

/* -- Lanczos ------------------------------------------------------------------------------------------------------- */

static inline uint8_t to_byte(float value)
{
    return (uint8_t)(int32_t)(lesserf(greaterf(value, 0.0f), 255.0f) + 0.5f);
}

/* Combine rows of `count` bytes to new rows. */
static void combine_rows(const uint8_t *restrict bytes, int64_t count, const Scale *rows, uint8_t *restrict combined)
{
    for (int64_t y = 0; y < rows->size; y++) {
        const uint8_t *row = bytes + count * rows->first[y];
        const float *weights = rows->weights + rows->taps * y;
        int64_t x = 0;
        for (; x + PART <= count; x += PART) {
            float sums[PART] = {0.0f};
            for (int64_t tap = 0; tap < rows->taps; tap++)
                for (int i = 0; i < PART; i++)
                    sums[i] += weights[tap] * (float)row[count * tap + x + i];
            for (int i = 0; i < PART; i++)
                combined[x + i] = to_byte(sums[i]);
        }
        for (; x < count; x++) {
            float sum = 0.0f;
            for (int64_t tap = 0; tap < rows->taps; tap++)
                sum += weights[tap] * (float)row[count * tap + x];
            combined[x] = to_byte(sum);
        }
        combined += count;
    }
}

/* Exchange the rows and columns of a picture. Four bytes are copied at once: the next pixel replaces the fourth. */
static void transpose(const uint8_t *restrict pixels, int64_t width, int64_t height, uint8_t *restrict transposed)
{
    for (int64_t x = 0; x < width; x++) {
        int64_t count = x < width - 1 ? height : height - 1;
        for (int64_t y = 0; y < count; y++) {
            __builtin_memcpy(transposed, pixels + CHANNELS * (width * y + x), 4);
            transposed += CHANNELS;
        }
    }
    __builtin_memcpy(transposed, pixels + CHANNELS * (width * height - 1), CHANNELS);
}

void resize_values(
    const uint8_t *pixels, int64_t width, int64_t height, const Scale *columns, const Scale *rows, int64_t strip,
    uint8_t *memory, uint8_t *resized)
{
    int64_t count = CHANNELS * columns->size;
    uint8_t *turned = memory, *combined = turned + CHANNELS * strip * width;
    uint8_t *narrow = combined + strip * count; /* of the new width and the old height */
    for (int64_t y = 0; y < height; y += strip) {
        int64_t some = smallest(strip, height - y);
        transpose(pixels + CHANNELS * width * y, width, some, turned);
        combine_rows(turned, CHANNELS * some, columns, combined);
        transpose(combined, some, columns->size, narrow + count * y);
    }
    combine_rows(narrow, count, rows, resized);
}

/* -- Averages of light --------------------------------------------------------------------------------------------- */

/* The three channels of a pixel, and a number that is not used. */
typedef float Pixel __attribute__((vector_size(16)));

/* Combine the pixels of a row. Both rows have one number more than their pixels. */
static void combine_columns(const float *row, const Scale *columns, float *combined)
{
    const float *weights = columns->weights;
    for (int64_t x = 0; x < columns->size; x++) {
        const float *pixels = row + CHANNELS * columns->first[x];
        Pixel sum = {0.0f};
        for (int64_t tap = 0; tap < columns->taps; tap++) {
            Pixel pixel;
            __builtin_memcpy(&pixel, pixels + CHANNELS * tap, sizeof pixel);
            sum += weights[tap] * pixel;
        }
        weights += columns->taps;
        __builtin_memcpy(combined + CHANNELS * x, &sum, sizeof sum);
    }
}

static void look_up(const uint8_t *restrict bytes, int64_t count, const float *light, float *restrict row)
{
    for (int64_t i = 0; i < count; i++)
        row[i] = light[bytes[i]];
}

static void add_row(const float *restrict row, float weight, int64_t count, float *restrict sum)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] += weight * row[i];
}

void resize_light(
    const uint8_t *pixels, int64_t width, const Scale *columns, const Scale *rows, const float *light,
    const uint8_t *bytes, float *memory, uint8_t *resized)
{
    int64_t count = CHANNELS * width, new_count = CHANNELS * columns->size, looked_up = -1;
    float *row = memory, *sum = row + count, *combined = sum + count + 1;
    for (int64_t y = 0; y < rows->size; y++) {
        for (int64_t i = 0; i <= count; i++)
            sum[i] = 0.0f;
        for (int64_t tap = 0; tap < rows->taps; tap++) {
            int64_t source = rows->first[y] + tap;
            float weight = rows->weights[rows->taps * y + tap];
            if (weight == 0.0f)
                continue;
            if (source != looked_up) /* neighbouring areas share a row */
                look_up(pixels + count * source, count, light, row);
            looked_up = source;
            add_row(row, weight, count, sum);
        }
        combine_columns(sum, columns, combined);
        encode_light(combined, new_count, bytes, resized + new_count * y);
    }
}
