/* Spans: neighbouring pixels of a row, sampled from one or two mip levels of a texture, with tone.
 *
 * Pixels are integers throughout, so that a pixel depends neither on bands nor on threads. The span loops are the
 * hottest in the program. Compilers vectorise them if they have no branches, if all arithmetic stays in 32 bits and if
 * textures and frame are known not to overlap (`restrict`); without, they take 2.6 times as long. Only texels are
 * loaded one by one: two neighbouring ones are read as one 64-bit number, which halves the loads. */

#ifndef SPANS_H
#define SPANS_H

#include "draw.h"
#include "numbers.h"
#include "pixels.h"

/* Pixels that the span loops draw at once. The remaining pixels of a span are drawn one by one, which takes as long as
 * a whole vector. Spans are therefore lengthened where the next pixels are not covered at all. */
#define VECTOR 8

#if defined(__clang__)
#define VECTORIZED _Pragma("clang loop vectorize_width(8) interleave_count(1)")
#else
#define VECTORIZED
#endif

#define CACHE_LINE 64 /* bytes */

/* Maximum distance in pixels from a pixel's centre to an edge that touches it.
 *
 * Overlaps below a millionth of a pixel are rounding errors: if they counted, a sprite that is extended over every
 * touched pixel would be visible in a corner of its neighbour. */
#define TOUCH (0.5 - 1e-6)

/* Number of rows by which texels are prefetched. A tile is read once per frame and so is not in a fast cache; mirrored
 * tiles are read backwards, which the processor does not predict. At 64 pixels per tile and without prefetching,
 * mirrored tiles took 2.4 times as long, others 1.3 times. */
#define AHEAD 2

#define SMALL 32 /* side in texels up to which prefetching a level does not pay off */

/* -- One pixel --------------------------------------------------------------------------------------------------- */

/* A mip level in a span: the position (u, v) of the first pixel and the step to the next, in 1/65536 texel. */
typedef struct {
    int32_t width, height, u, v, du, dv;
} Level;

/* Gain, in 1/256, and offset, in 1/256 of an 8-bit step. */
typedef struct {
    int32_t gain[3], offset[3];
} Paint;

/* The pixel at (u, v), with texel centres at whole numbers; outside, the nearest edge texel. */
static inline uint32_t bilinear_at(const uint32_t *restrict texels, const Level *level, int32_t at_u, int32_t at_v)
{
    int32_t u = least(greatest(at_u, 0), (level->width - 1) << 16);
    int32_t v = least(greatest(at_v, 0), (level->height - 1) << 16);
    int32_t x0 = greatest(least(u >> 16, level->width - 2), 0);
    int32_t y0 = v >> 16;
    int32_t y1 = least(y0 + 1, level->height - 1);
    uint32_t across = (uint32_t)(u - (x0 << 16)) >> 8; /* 256 in the last column: only the right texel */
    uint64_t upper, lower;
    __builtin_memcpy(&upper, texels + (y0 * level->width + x0), sizeof upper);
    __builtin_memcpy(&lower, texels + (y1 * level->width + x0), sizeof lower);
    uint32_t top = mix((uint32_t)upper, (uint32_t)(upper >> 32), across);
    uint32_t bottom = mix((uint32_t)lower, (uint32_t)(lower >> 32), across);
    return mix(top, bottom, (uint32_t)(v & 65535) >> 8);
}

/* Pixel `k` of a span. */
static inline uint32_t bilinear(const uint32_t *restrict texels, const Level *level, int32_t k)
{
    return bilinear_at(texels, level, level->u + k * level->du, level->v + k * level->dv);
}

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

/* The share 0...1 of a pixel that lies between two edges of one axis, at distance `at` from the centre. */
static inline float between(float at, float low, float high)
{
    float inside = lesserf(at + 0.5f, high) - greaterf(at - 0.5f, low);
    return lesserf(greaterf(inside, 0.0f), 1.0f);
}

/* -- Spans --------------------------------------------------------------------------------------------------------- */

/* Tone is always applied: gain 1 and offset 0 change nothing, and cost less than additional loops. */

#define SPAN_ARGUMENTS                                                                                                 \
    uint32_t *restrict target, int32_t count, const uint32_t *restrict fine_texels, const Level *fine_level,           \
        const uint32_t *restrict coarse_texels, const Level *coarse_level, uint32_t blend, const Paint *span_paint

/* Copies that the compiler knows not to change while it draws. */
#define SPAN_COPIES const Level fine = *fine_level, coarse = *coarse_level; const Paint paint = *span_paint;

#define ONE_LEVEL tone(bilinear(fine_texels, &fine, k), &paint)
#define TWO_LEVELS tone(mix(bilinear(fine_texels, &fine, k), bilinear(coarse_texels, &coarse, k), blend), &paint)

/* Draw pixels that an opaque sprite fully covers. */
static inline void store_span(SPAN_ARGUMENTS)
{
    SPAN_COPIES
    if (blend > 0) {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = TWO_LEVELS;
    } else {
        VECTORIZED
        for (int32_t k = 0; k < count; k++)
            target[k] = ONE_LEVEL;
    }
}

/* -- Positions ----------------------------------------------------------------------------------------------------- */

/* A mip level, and the position (u, v) in texels as linear functions of a pixel's centre. */
typedef struct {
    const uint32_t *texels;
    int32_t width, height;
    double ux, uy, u0, vx, vy, v0;
} Plane;

static inline Plane level_plane(const Draw *draw, const uint32_t *texels, int32_t level)
{
    const double *inverse = draw->inverse, *window = draw->window;
    int32_t width = greatest(draw->width >> level, 1), height = greatest(draw->height >> level, 1);
    double across = 0.5 * (window[2] - window[0]) * width, along = 0.5 * (window[3] - window[1]) * height;
    return (Plane){
        texels, width, height,
        inverse[0] * across, inverse[1] * across, window[0] * width + (inverse[2] + 1.0) * across - 0.5,
        inverse[3] * along, inverse[4] * along, window[1] * height + (inverse[5] + 1.0) * along - 0.5,
    };
}

/* A position in 1/65536 texel, clamped to 32 bits: spans may start far outside a magnified window. */
static inline int32_t in_texels(double value)
{
    return (int32_t)__builtin_floor(lesser(greater(value, -8192.0), 24576.0) * 65536.0 + 0.5);
}

/* The level for a span that starts at pixel centre (x, y). */
static inline Level level_at(const Plane *plane, double x, double y)
{
    return (Level){
        plane->width, plane->height,
        in_texels(plane->ux * x + plane->uy * y + plane->u0), in_texels(plane->vx * x + plane->vy * y + plane->v0),
        in_texels(plane->ux), in_texels(plane->vx),
    };
}

/* The level for a part of that span, from pixel `first` of it on. */
static inline Level level_in_span(const Plane *plane, double x, double y, int64_t first)
{
    Level level = level_at(plane, x, y);
    level.u += (int32_t)first * level.du;
    level.v += (int32_t)first * level.dv;
    return level;
}

/* The range of x for which low <= slope * x + start <= high; empty (1, 0) if there is none. */
typedef struct {
    double low, high;
} Range;

static inline Range crossing(double slope, double start, double low, double high)
{
    if (__builtin_fabs(slope) < 1e-12)
        return low <= start && start <= high ? (Range){-1e9, 1e9} : (Range){1.0, 0.0};
    double a = (low - start) / slope, b = (high - start) / slope;
    return (Range){lesser(a, b), greater(a, b)};
}

static inline Range common(Range a, Range b) { return (Range){greater(a.low, b.low), lesser(a.high, b.high)}; }

/* The first pixel whose centre is not left of x, clamped to low...high. */
static inline int64_t first_pixel(double x, int64_t low, int64_t high)
{
    return (int64_t)__builtin_ceil(lesser(greater(x - 0.5, (double)low), (double)high));
}

/* The pixel after the last whose centre is not right of x, clamped to low...high. */
static inline int64_t end_pixel(double x, int64_t low, int64_t high)
{
    return (int64_t)__builtin_floor(lesser(greater(x - 0.5, low - 1.0), high - 1.0)) + 1;
}

/* The index of the texel at a position in texels, clamped to the level. */
static inline int64_t in_level(double value, int32_t size) { return (int64_t)lesser(greater(value, 0.0), size - 1.0); }

/* Prefetch the texels of the pixels begin ... stop - 1 of a row of an axis-aligned sprite. */
static inline void fetch_ahead(const Plane *plane, int64_t begin, int64_t stop, double y)
{
    int64_t left = in_level(plane->ux * (begin + 0.5) + plane->u0, plane->width);
    int64_t right = in_level(plane->ux * (stop - 0.5) + plane->u0, plane->width);
    int64_t first = in_level(plane->vy * y + plane->v0, plane->height);
    int64_t last = in_level(plane->vy * (y + 1.0) + plane->v0, plane->height);
    const char *place = (const char *)(plane->texels + smallest(first, last) * plane->width + smallest(left, right));
    const char *end = (const char *)(plane->texels + largest(first, last) * plane->width + largest(left, right) + 2);
    for (; place < end; place += CACHE_LINE)
        __builtin_prefetch(place, 0, 3);
}

#endif
