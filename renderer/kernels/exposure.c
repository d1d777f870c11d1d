/* Motion blur: the mean of several frames in linear light. */

#include "kernels.h"
#include "pixels.h"

void gather_light(
    const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, const uint32_t *light,
    uint32_t *total, int64_t begin)
{
    for (int64_t i = first_row * frame_width; i < end_row * frame_width; i++) {
        uint32_t channels[4];
        unpack(frame[i], channels);
        for (int c = 0; c < 4; c++) {
            uint32_t value = c < 3 ? light[channels[c]] * channels[3] : channels[3];
            total[4 * i + c] = begin ? value : total[4 * i + c] + value;
        }
    }
}

void develop(
    const uint32_t *total, int64_t frame_width, int64_t first_row, int64_t end_row, int64_t count,
    const uint8_t *bytes, uint32_t *frame)
{
    for (int64_t i = first_row * frame_width; i < end_row * frame_width; i++) {
        const uint32_t *sum = total + 4 * i;
        uint32_t weight = sum[3], half = weight >> 1;
        frame[i] = 0;
        if (weight == 0)
            continue;
        uint32_t alpha = (weight + (uint32_t)count / 2) / (uint32_t)count;
        for (int c = 0; c < 3; c++)
            frame[i] |= (bytes[(sum[c] + half) / weight] * alpha + 127) / 255 << 8 * c;
        frame[i] |= alpha << 24;
    }
}
