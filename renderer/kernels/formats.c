/* Pixel formats for the encoder. */

#include "kernels.h"
#include "numbers.h"
#include "pixels.h"

/* BT.709 in limited range, in 1/65536 (ITU-R BT.709, items 3.2 to 3.5: Kr 0.2126, Kb 0.0722; 219 steps of luma from 16,
 * 224 of chroma around 128). Chroma sums have weight 8, three bits more than a byte, hence the shift by 19. */

static inline uint8_t luma_of(uint32_t pixel)
{
    int32_t r = pixel & 255, g = pixel >> 8 & 255, b = pixel >> 16 & 255;
    return (uint8_t)((11966 * r + 40254 * g + 4064 * b + 1081344) >> 16);
}

static void luma_row(uint8_t *restrict luma, const uint32_t *restrict row, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        luma[i] = luma_of(row[i]);
}

/* The pixels of two rows that a sample of chroma is the mean of. */
typedef struct {
    uint32_t left[2], middle[2], right[2];
} Samples;

/* Sample `i` is sited on the left luma column (H.264 annex E, type 0). `first`: 1 at the left edge of the picture, which
 * has no pixel to its left. */
static inline Samples samples_at(const uint32_t *upper, const uint32_t *lower, int64_t i, int64_t first)
{
    int64_t left = i > 0 || !first ? 2 * i - 1 : 0, middle = 2 * i, right = 2 * i + 1;
    return (Samples){{upper[left], lower[left]}, {upper[middle], lower[middle]}, {upper[right], lower[right]}};
}

/* The sums of values of the pixels, averaged over rows, and by 1-2-1 over columns: 8 times the mean. */
#define SUM(value, samples)                                                                                            \
    (value((samples).left[0]) + value((samples).left[1]) + value((samples).right[0]) + value((samples).right[1])       \
     + 2 * (value((samples).middle[0]) + value((samples).middle[1])))

static inline uint32_t red_and_blue(uint32_t pixel) { return pixel & MASK; }
static inline uint32_t green(uint32_t pixel) { return pixel >> 8 & 255; }
static inline uint32_t alpha_of(uint32_t pixel) { return pixel >> 24; }
static inline uint32_t share_of(uint32_t pixel) { return weight_of(pixel >> 24); }

/* Cb and Cr, without their offset and in 1/2^19. */
typedef struct {
    int32_t blue, red;
} Chroma;

static inline Chroma chroma_of(Samples samples)
{
    uint32_t rb = SUM(red_and_blue, samples);
    int32_t r = rb & 0xffff, g = (int32_t)SUM(green, samples), b = rb >> 16;
    return (Chroma){-6596 * r - 22188 * g + 28784 * b, 28784 * r - 26145 * g - 2639 * b};
}

static void chroma_row(
    uint8_t *restrict blue, uint8_t *restrict red, const uint32_t *upper, const uint32_t *lower, int64_t count,
    int64_t first)
{
    for (int64_t i = 0; i < count; i++) {
        Chroma chroma = chroma_of(samples_at(upper, lower, i, first));
        blue[i] = (uint8_t)((chroma.blue + 67371008) >> 19);
        red[i] = (uint8_t)((chroma.red + 67371008) >> 19);
    }
}

void to_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red)
{
    luma_row(
        luma + 2 * first_pair * frame_width, frame + 2 * first_pair * frame_width,
        2 * (end_pair - first_pair) * frame_width);
    for (int64_t pair = first_pair; pair < end_pair; pair++) {
        const uint32_t *upper = frame + 2 * pair * frame_width;
        int64_t start = pair * (frame_width / 2);
        chroma_row(blue + start, red + start, upper, upper + frame_width, frame_width / 2, 1);
    }
}

/* The number of pixels that are skipped at once where nothing was drawn. */
#define CHUNK 16

/* Weights as in luma_of and to_yuv420; 16 and 128, which stand for 0, are weighted by alpha. */

static inline uint8_t luma_over(uint8_t below, uint32_t pixel)
{
    int32_t r = pixel & 255, g = pixel >> 8 & 255, b = pixel >> 16 & 255, share = (int32_t)weight_of(pixel >> 24);
    int32_t above = (11966 * r + 40254 * g + 4064 * b + 4096 * share + 32768) >> 16;
    return (uint8_t)least(above + ((below * (256 - share) + 128) >> 8), 255);
}

static void lay_luma(uint8_t *restrict luma, const uint32_t *restrict row, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        luma[i] = luma_over(luma[i], row[i]);
}

static void lay_chroma(
    uint8_t *restrict blue, uint8_t *restrict red, const uint32_t *upper, const uint32_t *lower, int64_t count,
    int64_t first)
{
    for (int64_t i = 0; i < count; i++) {
        Samples samples = samples_at(upper, lower, i, first);
        Chroma chroma = chroma_of(samples);
        int32_t share = (int32_t)SUM(share_of, samples), rest = 2048 - share, neutral = 32768 * share + 262144;
        int32_t above_blue = (chroma.blue + neutral) >> 19, above_red = (chroma.red + neutral) >> 19;
        blue[i] = (uint8_t)least(greatest(above_blue + ((blue[i] * rest + 1024) >> 11), 0), 255);
        red[i] = (uint8_t)least(greatest(above_red + ((red[i] * rest + 1024) >> 11), 0), 255);
    }
}

/* Whether nothing was drawn on `count` pixels of two rows, from the pixel before the first on unless it is `first`. */
static int is_empty(const uint32_t *upper, const uint32_t *lower, int64_t count, int64_t first)
{
    uint32_t any = first ? 0 : upper[-1] | lower[-1];
    for (int64_t i = 0; i < count; i++)
        any |= upper[i] | lower[i];
    return any == 0;
}

void lay_over_yuv420(
    const uint32_t *frame, int64_t frame_width, int64_t first_pair, int64_t end_pair, uint8_t *luma, uint8_t *blue,
    uint8_t *red)
{
    for (int64_t pair = first_pair; pair < end_pair; pair++) {
        int64_t row = 2 * pair * frame_width, half = pair * (frame_width / 2);
        for (int64_t x = 0; x < frame_width; x += CHUNK) {
            int64_t count = smallest(CHUNK, frame_width - x), at = row + x;
            const uint32_t *upper = frame + at, *lower = upper + frame_width;
            if (is_empty(upper, lower, count, x == 0))
                continue;
            lay_luma(luma + at, upper, count);
            lay_luma(luma + at + frame_width, lower, count);
            lay_chroma(blue + half + x / 2, red + half + x / 2, upper, lower, count / 2, x == 0);
        }
    }
}

/* The mean alpha of the samples of chroma of two rows, weighted as their colours. */
static void mean_alpha(uint8_t *cover, const uint32_t *upper, const uint32_t *lower, int64_t count, int64_t first)
{
    for (int64_t i = 0; i < count; i++)
        cover[i] = (uint8_t)((SUM(alpha_of, samples_at(upper, lower, i, first)) + 4) >> 3);
}

/* Whether the first columns of the first rows of a picture are opaque. */
static int is_opaque(const uint32_t *picture, int64_t picture_width, int64_t columns, int64_t rows)
{
    uint32_t all = 0xffffffffu;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++)
            all &= picture[y * picture_width + x];
    return all >> 24 == 255;
}

int64_t to_planes(
    const uint32_t *picture, int64_t picture_width, int64_t first_column, int64_t width, int64_t height,
    int64_t inside_width, int64_t inside_height, uint8_t *colour, uint8_t *cover)
{
    int64_t size = width * height, half = width / 2, at_edge = first_column == 0;
    const uint32_t *first = picture + first_column;
    uint8_t *blue = colour + size, *red = blue + size / 4, *small_cover = cover + size;
    int opaque = is_opaque(first, picture_width, inside_width, inside_height);
    if (!opaque)
        __builtin_memset(colour, 0, (uint64_t)(size + size / 2));
    for (int64_t pair = 0; pair < height / 2; pair++) {
        const uint32_t *upper = first + 2 * pair * picture_width, *lower = upper + picture_width;
        uint8_t *luma = colour + 2 * pair * width;
        if (opaque) {
            luma_row(luma, upper, width);
            luma_row(luma + width, lower, width);
            chroma_row(blue + pair * half, red + pair * half, upper, lower, half, at_edge);
            continue;
        }
        lay_luma(luma, upper, width);
        lay_luma(luma + width, lower, width);
        lay_chroma(blue + pair * half, red + pair * half, upper, lower, half, at_edge);
        for (int64_t x = 0; x < width; x++) {
            cover[2 * pair * width + x] = (uint8_t)(upper[x] >> 24);
            cover[(2 * pair + 1) * width + x] = (uint8_t)(lower[x] >> 24);
        }
        mean_alpha(small_cover + pair * half, upper, lower, half, at_edge);
    }
    return opaque;
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
