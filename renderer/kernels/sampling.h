/* Bilinear sampling of one or two mip levels of a texture, with tone: the hottest code in the program.
 *
 * First, for a batch of pixels, where their texels are and how these are weighted; compilers vectorise this loop, as it
 * has no branches and all its arithmetic stays in 32 bits. Then the texels: two neighbours in a row are read as one
 * number of 64 bits, and the channels of two or four pixels are blended at once, in 16 bits. Pixels are integers
 * throughout, so that they depend neither on bands nor on threads, nor on the processor. */

#ifndef SAMPLING_H
#define SAMPLING_H

#include "numbers.h"
#include "pixels.h"

/* Pixels that loops draw at once. The remaining pixels of a span are drawn one by one, which takes as long as a whole
 * vector. Spans are therefore lengthened where the next pixels are not covered at all. */
#define VECTOR 8

#if defined(__clang__)
#define VECTORIZED _Pragma("clang loop vectorize_width(8) interleave_count(1)")
#else
#define VECTORIZED
#endif

#define BATCH 64 /* pixels that are sampled at once */

/* Functions of their own: no function may use more than 4 KB of memory for its variables, which Windows checks. */
#define SEPARATE __attribute__((noinline))

/* -- Vectors ------------------------------------------------------------------------------------------------------- */

#if defined(__AVX2__)
#define GROUP 4 /* pixels in a vector */
#else
#define GROUP 2
#endif

typedef uint8_t Bytes __attribute__((vector_size(8 * GROUP)));
typedef int16_t Shorts __attribute__((vector_size(8 * GROUP)));
typedef uint16_t Numbers __attribute__((vector_size(8 * GROUP)));
typedef uint64_t Pairs __attribute__((vector_size(8 * GROUP)));
typedef uint8_t Colours __attribute__((vector_size(4 * GROUP)));

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/* For neighbouring bytes a and b of `pairs`, and of `weights`, which add up to 128: the weighted sum minus 128 * 128. */
static inline Shorts weighted(Bytes pairs, Bytes weights)
{
#if defined(__AVX2__)
    typedef char Chars __attribute__((vector_size(32)));
    return (Shorts)__builtin_ia32_pmaddubsw256((Chars)weights, (Chars)(pairs ^ 128));
#elif defined(__SSSE3__)
    typedef char Chars __attribute__((vector_size(16)));
    return (Shorts)__builtin_ia32_pmaddubsw128((Chars)weights, (Chars)(pairs ^ 128));
#elif defined(__aarch64__)
    uint8x16_t a = (uint8x16_t)pairs, b = (uint8x16_t)weights;
    uint16x8_t sums = vpaddq_u16(vmull_u8(vget_low_u8(a), vget_low_u8(b)), vmull_high_u8(a, b));
    return (Shorts)sums - 16384;
#else
    Shorts sums;
    for (int i = 0; i < 4 * GROUP; i++)
        sums[i] = (int16_t)(pairs[2 * i] * weights[2 * i] + pairs[2 * i + 1] * weights[2 * i + 1] - 16384);
    return sums;
#endif
}

/* `value` times `share`, 0...32767, in 1/32768, rounded. */
static inline Shorts part_of_each(Shorts value, Shorts share)
{
#if defined(__AVX2__)
    return (Shorts)__builtin_ia32_pmulhrsw256(value, share);
#elif defined(__SSSE3__)
    return (Shorts)__builtin_ia32_pmulhrsw128(value, share);
#elif defined(__aarch64__)
    return (Shorts)vqrdmulhq_s16((int16x8_t)value, (int16x8_t)share);
#else
    Shorts parts;
    for (int i = 0; i < 4 * GROUP; i++)
        parts[i] = (int16_t)((value[i] * share[i] + 16384) >> 15);
    return parts;
#endif
}

/* The channels of two texels that follow one another, channel by channel. */
static inline Bytes interleaved(Bytes pairs)
{
#if GROUP == 4
    return __builtin_shufflevector(
        pairs, pairs, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15, 16, 20, 17, 21, 18, 22, 19, 23, 24, 28, 25,
        29, 26, 30, 27, 31);
#else
    return __builtin_shufflevector(pairs, pairs, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
#endif
}

/* -- Positions ----------------------------------------------------------------------------------------------------- */

/* A mip level in a span: the position (u, v) of the first pixel and the step to the next, in 1/65536 texel. */
typedef struct {
    int32_t width, height, u, v, du, dv;
} Level;

/* The texels of a batch: the index of the upper left one of four, and the weights of the right ones, two bytes for each
 * channel, and of the lower ones, in 1/32768, for each channel. `below`: from a texel to the one below it. */
typedef struct {
    const uint32_t *texels;
    int64_t below;
    int32_t first[BATCH + VECTOR];
    uint64_t across[BATCH + VECTOR], down[BATCH + VECTOR];
} Texels;

/* Set the texels of pixel `k` at (u, v), with texel centres at whole numbers; outside, the nearest edge texel. */
static inline void locate(Texels *to, int32_t k, int32_t width, int32_t height, int32_t at_u, int32_t at_v)
{
    int32_t u = least(greatest(at_u, 0), (width - 1) << 16), v = least(greatest(at_v, 0), (height - 1) << 16);
    int32_t x = greatest(least(u >> 16, width - 2), 0), y = greatest(least(v >> 16, height - 2), 0);
    uint32_t right = (uint32_t)(u - (x << 16)) >> 9; /* 128 in the last column: only the right texel */
    uint32_t lower = (uint32_t)least((v - (y << 16)) >> 1, 32767);
    uint32_t across = (128 - right) * 0x00010001u + right * 0x01000100u, down = lower * 0x00010001u;
    to->first[k] = y * width + x;
    to->across[k] = (uint64_t)across << 32 | across;
    to->down[k] = (uint64_t)down << 32 | down;
}

static inline void begin_texels(Texels *to, const uint32_t *texels, const Level *level)
{
    to->texels = texels;
    to->below = level->height > 1 ? level->width : 0;
}

/* Set the texels of the pixels `start` ... `start` + count - 1 of a span. */
static inline void locate_span(
    Texels *restrict to, const uint32_t *texels, const Level *its_level, int32_t start, int32_t count)
{
    const Level level = *its_level;
    begin_texels(to, texels, its_level);
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        locate(to, k, level.width, level.height, level.u + (start + k) * level.du, level.v + (start + k) * level.dv);
}

/* Set the texels of pixels at these positions. */
static inline void locate_each(
    Texels *restrict to, const uint32_t *texels, const Level *its_level, const int32_t *restrict u,
    const int32_t *restrict v, int32_t count)
{
    const Level level = *its_level;
    begin_texels(to, texels, its_level);
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        locate(to, k, level.width, level.height, u[k], v[k]);
}

/* -- Colours ------------------------------------------------------------------------------------------------------- */

/* Gain, in 1/256, and offset, in 1/256 of an 8-bit step. */
typedef struct {
    int32_t gain[3], offset[3];
} Paint;

/* One channel's gain * value + offset, clamped to 0...alpha, the range of premultiplied colours. */
static inline uint32_t tone_channel(uint32_t value, int32_t gain, int32_t offset, uint32_t alpha)
{
    return (uint32_t)least(greatest(((int32_t)value * gain + offset + 128) >> 8, 0), (int32_t)alpha);
}

/* Apply gain and offset to the three colours of a premultiplied pixel. */
static inline uint32_t tone(uint32_t pixel, const Paint *paint)
{
    uint32_t alpha = pixel >> 24;
    int32_t share = (int32_t)weight_of(alpha);
    uint32_t r = tone_channel(pixel & 255, paint->gain[0], (paint->offset[0] * share) >> 8, alpha);
    uint32_t g = tone_channel(pixel >> 8 & 255, paint->gain[1], (paint->offset[1] * share) >> 8, alpha);
    uint32_t b = tone_channel(pixel >> 16 & 255, paint->gain[2], (paint->offset[2] * share) >> 8, alpha);
    return r | g << 8 | b << 16 | alpha << 24;
}

/* Whether gain and offset change nothing. */
static inline int is_plain(const Paint *paint)
{
    int plain = 1;
    for (int c = 0; c < 3; c++)
        plain &= paint->gain[c] == 256 && paint->offset[c] == 0;
    return plain;
}

static inline uint64_t pair_of(const uint32_t *texels, int64_t first)
{
    uint64_t pair;
    __builtin_memcpy(&pair, texels + first, sizeof pair);
    return pair;
}

static inline Bytes pairs_of(const uint32_t *texels, const int32_t *first)
{
#if GROUP == 4
    return (Bytes)(Pairs){
        pair_of(texels, first[0]), pair_of(texels, first[1]), pair_of(texels, first[2]), pair_of(texels, first[3]),
    };
#else
    return (Bytes)(Pairs){pair_of(texels, first[0]), pair_of(texels, first[1])};
#endif
}

/* The channels of the pixels from `k` on, in 1/128, minus 128. */
static inline Shorts blended_texels(const Texels *texels, int32_t k)
{
    Bytes across;
    Shorts down;
    __builtin_memcpy(&across, texels->across + k, sizeof across);
    __builtin_memcpy(&down, texels->down + k, sizeof down);
    Shorts upper = weighted(interleaved(pairs_of(texels->texels, texels->first + k)), across);
    Shorts lower = weighted(interleaved(pairs_of(texels->texels + texels->below, texels->first + k)), across);
    return upper + part_of_each(lower - upper, down);
}

static inline void store_colours(uint32_t *colours, Shorts channels)
{
    Colours bytes = __builtin_convertvector((Numbers)(channels + (16384 + 64)) >> 7, Colours);
    __builtin_memcpy(colours, &bytes, sizeof bytes);
}

/* Sample `count` pixels, rounded up to whole vectors. `blend`: weight 0...255 of the coarser level, if it isn't 0. */
static inline void sample(
    uint32_t *restrict colours, int32_t count, const Texels *restrict fine, const Texels *restrict coarse,
    int32_t blend, const Paint *its_paint)
{
    if (blend > 0) {
        Shorts share = (Shorts){0} + (int16_t)(blend << 7);
        for (int32_t k = 0; k < count; k += GROUP) {
            Shorts channels = blended_texels(fine, k);
            store_colours(colours + k, channels + part_of_each(blended_texels(coarse, k) - channels, share));
        }
    } else {
        for (int32_t k = 0; k < count; k += GROUP)
            store_colours(colours + k, blended_texels(fine, k));
    }
    if (is_plain(its_paint))
        return;
    const Paint paint = *its_paint;
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        colours[k] = tone(colours[k], &paint);
}

#endif
