/* Points drawn as antialiased discs. */

#include "kernels.h"
#include "numbers.h"

/* A number without its fraction; values outside of 32 bits are clamped. */
static int64_t truncated(double x) { return (int64_t)lesser(greater(x, -2147483648.0), 2147483647.0); }

/* Pixels of a row whose coverage is computed at once, in vectors. */
#define CHUNK 64

/* Draw the pixels left ... right - 1 of a row of a disc; `pixels`: the row, `dy`: its distance from the centre. */
static void draw_row(
    uint8_t *restrict pixels, int64_t left, int64_t right, double dy, float x, float r, const float *colour,
    float opacity)
{
    double share[CHUNK];
    for (int64_t first = left; first < right; first += CHUNK) {
        int32_t count = (int32_t)smallest(CHUNK, right - first);
        double start = first + 0.5;
        for (int32_t i = 0; i < count; i++) {
            double coverage = r + 0.5f - length(start + i - x, dy);
            share[i] = lesser(greater(coverage, 0.0), 1.0) * opacity;
        }
        for (int32_t i = 0; i < count; i++) {
            uint8_t *pixel = pixels + 3 * (first + i);
            for (int c = 0; share[i] > 0.0 && c < 3; c++) {
                double value = pixel[c] + share[i] * (colour[c] - pixel[c]) + 0.5;
                pixel[c] = (uint8_t)(int32_t)lesser(greater(value, 0.0), 255.0);
            }
        }
    }
}

void draw_discs(
    uint8_t *picture, int64_t height, int64_t width, const float *centre, const float *radius, const float *colour,
    const float *opacity, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float x = centre[2 * i], y = centre[2 * i + 1], r = radius[i];
        int64_t left = largest(truncated(x - r - 1.0), 0), right = smallest(truncated(x + r + 2.0), width);
        int64_t bottom = smallest(truncated(y + r + 2.0), height);
        for (int64_t row = largest(truncated(y - r - 1.0), 0); row < bottom; row++)
            draw_row(picture + 3 * row * width, left, right, row + 0.5 - y, x, r, colour + 3 * i, opacity[i]);
    }
}
