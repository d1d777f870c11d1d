/* Spans: neighbouring pixels of a row, where they lie in the mip levels of a texture, and which a sprite touches. */

#ifndef SPANS_H
#define SPANS_H

#include "draw.h"
#include "numbers.h"
#include "sampling.h"

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

/* -- Coverage ------------------------------------------------------------------------------------------------------ */

/* The share 0...1 of a pixel that lies between two edges of one axis, at distance `at` from the centre. */
static inline float between(float at, float low, float high)
{
    float inside = lesserf(at + 0.5f, high) - greaterf(at - 0.5f, low);
    return lesserf(greaterf(inside, 0.0f), 1.0f);
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

/* What the pixels of a sprite are sampled from. Of its levels, only the sizes are needed. */
typedef struct {
    const Draw *draw;
    const uint32_t *fine_texels, *coarse_texels;
    Level fine, coarse;
    Paint paint;
} Source;

static inline Paint paint_of(const Draw *draw)
{
    Paint paint;
    __builtin_memcpy(paint.gain, draw->gain, sizeof paint.gain);
    __builtin_memcpy(paint.offset, draw->offset, sizeof paint.offset);
    return paint;
}

/* The source of a sprite whose levels are planes; `fine` and `coarse` are those at the frame's corner. */
static inline Source source_of(const Draw *draw, const Plane *fine, const Plane *coarse)
{
    return (Source){
        draw, fine->texels, coarse->texels, level_at(fine, 0.0, 0.0), level_at(coarse, 0.0, 0.0), paint_of(draw),
    };
}

static inline uint32_t weight_at(float cover, float whole) { return (uint32_t)(int32_t)(cover * whole + 0.5f); }

/* Blend a colour to `colours` by their cover. */
static inline void blend_border(uint32_t *restrict colours, int32_t count, uint32_t border, const float *restrict cover)
{
    VECTORIZED
    for (int32_t k = 0; k < count; k++)
        colours[k] = mix(border, colours[k], weight_at(cover[k], 256.0f));
}

/* Draw `count` colours; those up to `longer` change nothing. */
static inline void mix_colours(
    uint32_t *restrict target, int32_t count, int32_t longer, const uint32_t *restrict colours,
    const float *restrict cover, float opacity)
{
    VECTORIZED
    for (int32_t k = 0; k < longer; k++)
        target[k] = mix(target[k], colours[k], k < count ? weight_at(cover[k], opacity) : 0);
}

static inline void lay_colours_over(
    uint32_t *restrict target, int32_t count, int32_t longer, const uint32_t *restrict colours,
    const float *restrict cover, float opacity)
{
    VECTORIZED
    for (int32_t k = 0; k < longer; k++)
        target[k] = over(target[k], mix(0, colours[k], k < count ? weight_at(cover[k], opacity) : 0));
}

/* Sample the pixels `start` ... `start` + count - 1 of a span, rounded up to whole vectors, at most BATCH. */
static SEPARATE void sample_span(
    uint32_t *colours, int32_t count, const Source *source, const Level *fine_level, const Level *coarse_level,
    int32_t start)
{
    Texels fine, coarse;
    int32_t longer = (count + VECTOR - 1) / VECTOR * VECTOR;
    locate_span(&fine, source->fine_texels, fine_level, start, longer);
    if (source->draw->blend > 0)
        locate_span(&coarse, source->coarse_texels, coarse_level, start, longer);
    sample(colours, longer, &fine, &coarse, source->draw->blend, &source->paint);
}

/* Draw pixels that an opaque sprite fully covers. */
static inline void store_span(
    uint32_t *target, int32_t count, const Source *source, const Level *fine, const Level *coarse)
{
    uint32_t colours[BATCH];
    for (int32_t start = 0; start < count; start += BATCH) {
        int32_t some = least(count - start, BATCH);
        sample_span(colours, some, source, fine, coarse, start);
        __builtin_memcpy(target + start, colours, (uint64_t)some * sizeof *target);
    }
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
