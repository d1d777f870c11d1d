/* Pixel formats for the encoder. */

#include "kernels.h"
#include "pixels.h"

/* BT.709 in limited range, in 1/65536 (ITU-R BT.709, items 3.2 to 3.5: Kr 0.2126, Kb 0.0722; 219 steps of luma from 16,
 * 224 of chroma around 128). Chroma sums have weight 8, three bits more than a byte, hence the shift by 19. */

static inline uint8_t luma_of(uint32_t pixel)
{
    int32_t r = pixel & 255, g = pixel >> 8 & 255, b = pixel >> 16 & 255;
    return (uint8_t)((11966 * r + 40254 * g + 4064 * b + 1081344) >> 16);
}

void to_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red)
{
    for (int64_t i = 2 * first_pair * frame_width; i < 2 * end_pair * frame_width; i++)
        luma[i] = luma_of(frame[i]);
    for (int64_t pair = first_pair; pair < end_pair; pair++) {
        const uint32_t *upper = frame + 2 * pair * frame_width, *lower = upper + frame_width;
        int64_t start = pair * (frame_width / 2);
        uint8_t *restrict blue_row = blue + start, *restrict red_row = red + start;
        for (int64_t i = 0; i < frame_width / 2; i++) {
            /* Sited on the left luma column (H.264 annex E, type 0): averaged over rows, and by 1-2-1 over columns. */
            int64_t left = i > 0 ? 2 * i - 1 : 0, middle = 2 * i, right = 2 * i + 1;
            uint32_t rb = (upper[left] & MASK) + (lower[left] & MASK) + (upper[right] & MASK) + (lower[right] & MASK)
                        + 2 * ((upper[middle] & MASK) + (lower[middle] & MASK));
            int32_t g = (int32_t)((upper[left] >> 8 & 255) + (lower[left] >> 8 & 255) + (upper[right] >> 8 & 255)
                                  + (lower[right] >> 8 & 255)
                                  + 2 * ((upper[middle] >> 8 & 255) + (lower[middle] >> 8 & 255)));
            int32_t r = rb & 0xffff, b = rb >> 16;
            blue_row[i] = (uint8_t)((-6596 * r - 22188 * g + 28784 * b + 67371008) >> 19);
            red_row[i] = (uint8_t)((28784 * r - 26145 * g - 2639 * b + 67371008) >> 19);
        }
    }
}

void to_rgba(const uint32_t *frame, int64_t frame_width, int64_t first_row, int64_t end_row, uint8_t *pixels)
{
    for (int64_t i = first_row * frame_width; i < end_row * frame_width; i++) {
        uint32_t channels[4];
        unpack(frame[i], channels);
        for (int c = 0; c < 4; c++)
            pixels[4 * i + c] = (uint8_t)channels[c];
    }
}
