/* Arithmetic on packed pixels.
 *
 * A pixel is one uint32: R in the lowest byte, then G, B and alpha, premultiplied. Two colour channels are blended at a
 * time: MASK gives each 16 bits, so that one 32-bit product weights both. Everything stays in 32 bits, so that eight
 * pixels fit into a vector of 256 bits. */

#ifndef PIXELS_H
#define PIXELS_H

#include <stdint.h>

#define MASK 0x00ff00ffu
#define HALF 0x00800080u

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t greatest(int32_t a, int32_t b) { return a > b ? a : b; }

/* Blend a to b by `weight` 0...256, all four channels, rounded to nearest. */
static inline uint32_t mix(uint32_t a, uint32_t b, uint32_t weight)
{
    uint32_t rest = 256 - weight;
    uint32_t low = (a & MASK) * rest + (b & MASK) * weight + HALF;
    uint32_t high = (a >> 8 & MASK) * rest + (b >> 8 & MASK) * weight + HALF;
    return (low >> 8 & MASK) | (high & ~MASK);
}

/* Alpha 0...255 as a weight 0...256. */
static inline uint32_t weight_of(uint32_t alpha) { return alpha + (alpha >> 7); }

/* Premultiplied `above` over `below`; a sum never exceeds 255, so no channel overflows into the next. */
static inline uint32_t over(uint32_t below, uint32_t above)
{
    uint32_t rest = 256 - weight_of(above >> 24);
    uint32_t low = ((below & MASK) * rest + HALF) >> 8 & MASK;
    uint32_t high = ((below >> 8 & MASK) * rest + HALF) & ~MASK;
    return above + (low | high);
}

/* Red, green and blue of a premultiplied pixel, converted to straight alpha, and its alpha.
 *
 * The quotients are those of integers: below 2^24, a rounded quotient never reaches the next integer. Processors divide
 * floats in vectors, but no integers. */
static inline void unpack(uint32_t pixel, uint32_t channels[4])
{
    uint32_t alpha = pixel >> 24;
    float divisor = (float)greatest((int32_t)alpha, 1);
    for (int c = 0; c < 3; c++) {
        int32_t scaled = (int32_t)((pixel >> 8 * c & 255) * 255 + (alpha >> 1));
        channels[c] = (uint32_t)least((int32_t)((float)scaled / divisor), 255);
    }
    channels[3] = alpha;
}

#endif
